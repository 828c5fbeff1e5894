// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the status page and the figures of the appliance as a whole, over
 * shared memory. Main thread.
 *
 * @module
 */
import { Clock } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { SessionBoard } from "../telemetry/mod.ts";
import { journalDirectory } from "./build_journal.ts";
import { DoctorDesk } from "./doctor_desk.ts";
import { type LiveSources, LiveView } from "./live_view.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import type { GaugeSource } from "./metrics.ts";
import { stateGauges } from "./state_gauges.ts";
import { StatusPage } from "./status_page.ts";

/** What the page is made over. */
export interface PageParts
  extends Omit<LiveSources, "board" | "journalDirectory" | "nowMs"> {
  readonly config: Config;
  readonly plan: MemoryPlan;
  /** The shared region. */
  readonly memory: ArrayBufferLike;
  /** Whether that lies in huge pages. */
  readonly hugePages: boolean;
}

/** The page, which looks until it is closed, and the figures of the whole. */
export function buildPage(
  parts: PageParts,
): { page: StatusPage; gauges: GaugeSource[] } {
  const { config, plan, memory, hugePages, ...sources } = parts;
  const clock = new Clock();
  const nowMs = (): number => {
    clock.realtime();
    return Math.floor(clock.toNumber() / 1e6);
  };
  const view = new LiveView({
    ...sources,
    board: new SessionBoard(memory, plan.board, config.capacity.sessions),
    journalDirectory: journalDirectory(config.appliance.dataDirectory),
    nowMs,
  });
  const page = new StatusPage(view, new DoctorDesk(config, hugePages, nowMs));
  const gauges = stateGauges({
    health: parts.health,
    freeBytes: parts.freeBytes,
    startTimeS: Math.floor(performance.timeOrigin / 1000),
    hugePages: config.memory.hugePages === "never" ? undefined : hugePages,
    page,
  });
  return { page, gauges };
}
