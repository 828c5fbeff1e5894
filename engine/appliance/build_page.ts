// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the status page and the figures of the appliance as a whole, over
 * shared memory. Main thread.
 *
 * @module
 */
import { Clock, fileSpaceBytes, NativeError } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { type Log, SessionBoard } from "../telemetry/mod.ts";
import { journalDirectory } from "./build_journal.ts";
import { DoctorDesk } from "./doctor_desk.ts";
import { type LiveSources, LiveView } from "./live_view.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import type { GaugeSource } from "./metrics.ts";
import { stateGauges } from "./state_gauges.ts";
import { StatusPage } from "./status_page.ts";

/** What the page is made over. */
export interface PageParts
  extends
    Omit<LiveSources, "board" | "freeBytes" | "journalDirectory" | "nowMs"> {
  readonly config: Config;
  readonly plan: MemoryPlan;
  /** The shared region. */
  readonly memory: ArrayBufferLike;
  /** Whether that lies in huge pages. */
  readonly hugePages: boolean;
  /** The data directory, open. */
  readonly directory: number;
  readonly log: Log;
}

/** What a file system has left. A disk that is gone does not answer: others tell of that. */
function freeBytesOf(fd: number): number | undefined {
  try {
    return fileSpaceBytes(fd);
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    return undefined;
  }
}

/** The page, which looks until it is closed, and the figures of the whole. */
export function buildPage(
  parts: PageParts,
): { page: StatusPage; gauges: GaugeSource[] } {
  const { config, plan, memory, hugePages, directory, log, ...sources } = parts;
  const freeBytes = () => freeBytesOf(directory);
  const clock = new Clock();
  const nowMs = (): number => {
    clock.realtime();
    return Math.floor(clock.toNumber() / 1e6);
  };
  const view = new LiveView({
    ...sources,
    freeBytes,
    board: new SessionBoard(memory, plan.board, config.capacity.sessions),
    journalDirectory: journalDirectory(config.appliance.dataDirectory),
    nowMs,
  });
  const page = new StatusPage(
    view,
    new DoctorDesk(config, hugePages, nowMs),
    log,
  );
  const gauges = stateGauges({
    health: parts.health,
    freeBytes,
    startTimeS: Math.floor(performance.timeOrigin / 1000),
    hugePages: config.memory.hugePages === "never" ? undefined : hugePages,
    page,
  });
  return { page, gauges };
}
