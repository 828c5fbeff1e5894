// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which agent runs on which thread, and which thread on which core.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";

/** Names of the agents. `gateway0` serves io_uring, `gateway1` DPDK. */
export type AgentName =
  | "gateway0"
  | "gateway1"
  | "exchange"
  | "journal"
  | "replicator";

/** Counter lanes by agent; lanes of threads follow. */
export const AGENT_LANES: readonly AgentName[] = [
  "gateway0",
  "gateway1",
  "exchange",
  "journal",
  "replicator",
];

/** One thread of the appliance. Plain data. */
export interface ThreadPlan {
  readonly name: string;
  /** The core it is pinned to; -1 = wherever the kernel puts it. */
  readonly core: number;
  /** In the order of their rounds. */
  readonly agents: readonly AgentName[];
}

/** The threads that a configuration asks for. */
export function planThreads(config: Config): ThreadPlan[] {
  const gateways: AgentName[] = config.dpdk.enabled
    ? ["gateway0", "gateway1"]
    : ["gateway0"];
  const agents: AgentName[] = [...gateways, "exchange", "journal"];
  if (config.replication.role !== "none") agents.push("replicator");
  const { mode, cores } = config.topology;
  const core = (thread: number): number =>
    cores.length === 0 ? -1 : cores[thread % cores.length]!;
  if (mode === "single") {
    return [{ name: "engine", core: core(0), agents }];
  }
  return agents.map((agent, i) => ({
    name: agent,
    core: core(i),
    agents: [agent],
  }));
}
