// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the status page over shared memory. Main thread.
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

/** The page; it looks until it is closed. */
export function buildPage(parts: PageParts): StatusPage {
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
  return new StatusPage(view, new DoctorDesk(config, hugePages, nowMs));
}
