// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Faults that no appliance may have, done to one from outside: each must be
 * noticed by the checker that is meant for it.
 *
 * @module
 */
import type { JournalDamageError } from "../../engine/journal/mod.ts";
import type { Record as JournalRecord } from "./journal_image.ts";
import type { AgentStep } from "./sim_process.ts";
import type { Simulation } from "./simulation.ts";

/** Something broken on purpose. */
export interface Sabotage {
  readonly afterStep?: (simulation: Simulation, agent: AgentStep) => void;
  readonly onStart?: (simulation: Simulation) => void;
  readonly onPowerCut?: (simulation: Simulation) => void;
  /** The appliance refuses its journal. True = nothing is put right. */
  readonly onDamage?: (
    simulation: Simulation,
    error: JournalDamageError,
  ) => boolean;
  /** Messages are not held against the journal: another checker must notice. */
  readonly unjudged?: boolean;
  /** Changes what the oracle is told. */
  readonly records?: (
    records: readonly JournalRecord[],
  ) => readonly JournalRecord[];
}
