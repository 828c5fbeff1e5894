// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What goes wrong in one simulation, and how often: drawn from its seed.
 *
 * @module
 */
import type { Random } from "../oracle/random.ts";

/** What the scheduler can do to the appliance. */
export type FaultKind =
  | "kill"
  | "power cut"
  | "stop"
  | "write error"
  | "sync error"
  | "create error"
  | "disk full"
  | "slow disk"
  | "misdirected write"
  | "clock jump"
  | "cut"
  | "deaf client";

/** One simulation's plan. */
export interface Plan {
  readonly durability: "written" | "synced";
  /** A fault happens at one in so many steps. */
  readonly faultOneIn: number;
  /** Which faults; one that stands there twice is twice as likely. */
  readonly faults: readonly FaultKind[];
  /** Ticks of the disk that a sync takes at most. */
  readonly syncTicksMax: number;
  /** The disk may write a sector partly when the power goes. */
  readonly tearSectors: boolean;
  /** One in so many datagrams is lost, comes twice; 0 = none. */
  readonly loseOneIn: number;
  readonly duplicateOneIn: number;
  /** FIX clients now and then start again at 1. */
  readonly resets: boolean;
  /** What FIX has sent lies in files; otherwise in memory. */
  readonly storesInFiles: boolean;
}

const ALWAYS: readonly FaultKind[] = ["kill", "stop", "cut", "deaf client"];
const SOMETIMES: readonly FaultKind[] = [
  "write error",
  "sync error",
  "create error",
  "disk full",
  "slow disk",
  "clock jump",
  "cut",
  "kill",
];
/** With `written`, a power cut may lose what was acknowledged: it is not promised. */
const SYNCED_ONLY: readonly FaultKind[] = [
  "power cut",
  "power cut",
  "misdirected write",
];

/** The plan of a seed. */
export function planFor(random: Random): Plan {
  const synced = random.draw(3) !== 0;
  const possible = synced ? [...SOMETIMES, ...SYNCED_ONLY] : SOMETIMES;
  const some = possible.filter(() => random.draw(2) === 0);
  return {
    durability: synced ? "synced" : "written",
    faultOneIn: 150 + random.draw(900),
    faults: [...ALWAYS, ...(synced ? ["power cut" as const] : []), ...some],
    syncTicksMax: 1 + random.draw(12),
    tearSectors: random.draw(4) === 0,
    loseOneIn: random.draw(3) === 0 ? 0 : 5 + random.draw(40),
    duplicateOneIn: random.draw(3) === 0 ? 0 : 5 + random.draw(40),
    resets: random.draw(3) === 0,
    storesInFiles: random.draw(2) === 0,
  };
}
