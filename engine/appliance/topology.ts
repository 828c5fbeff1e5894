// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which agent runs on which thread, and which thread on which core.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { IdleOptions } from "./agent.ts";

/** Names of the agents. `gateway0` serves the kernel's sockets, `gateway1` DPDK. */
export type AgentName =
  | "gateway0"
  | "gateway1"
  | "exchange"
  | "journal"
  | "keeper"
  | "replicator"
  | "feed";

/** Counter lanes by agent; lanes of threads follow. */
export const AGENT_LANES: readonly AgentName[] = [
  "gateway0",
  "gateway1",
  "exchange",
  "journal",
  "keeper",
  "replicator",
  "feed",
];
/** The keeper lets others have the core when there is nothing to follow. */
const KEEPER_IDLE: IdleOptions = {
  spinRounds: 0,
  yieldRounds: 0,
  sleepUs: 1000,
};

/** The feed sleeps less: what it has to tell is worth less with each moment. */
const FEED_IDLE: IdleOptions = {
  spinRounds: 0,
  yieldRounds: 16,
  sleepUs: 100,
};

/** Agents that follow beside the engine, and whose rounds do not say that it lives. */
export function isFollower(agents: readonly AgentName[]): boolean {
  return agents.includes("keeper") || agents.includes("feed");
}

/** One thread of the appliance. Plain data. */
export interface ThreadPlan {
  readonly name: string;
  /** The core it is pinned to; -1 = wherever the kernel puts it. */
  readonly core: number;
  /** SCHED_FIFO priority; 0 = an ordinary thread. */
  readonly realTimePriority: number;
  /** In the order of their rounds. */
  readonly agents: readonly AgentName[];
  readonly idle: IdleOptions;
}

/** The threads that a configuration asks for. */
export function planThreads(config: Config): ThreadPlan[] {
  const gateways: AgentName[] = config.dpdk.enabled
    ? ["gateway0", "gateway1"]
    : ["gateway0"];
  const agents: AgentName[] = [...gateways, "exchange", "journal"];
  if (config.replication.role !== "none") agents.push("replicator");
  const { mode, cores, realTimePriority } = config.topology;
  const idle: IdleOptions = config.topology;
  const { enabled, core: keeperCore } = config.snapshot;
  const keepers: ThreadPlan[] = enabled
    ? [{
      name: "keeper",
      core: keeperCore,
      realTimePriority: 0,
      agents: ["keeper"],
      idle: KEEPER_IDLE,
    }]
    : [];
  if (config.feed.enabled) {
    keepers.push({
      name: "feed",
      core: config.feed.core,
      realTimePriority: 0,
      agents: ["feed"],
      idle: FEED_IDLE,
    });
  }
  const core = (thread: number): number =>
    cores.length === 0 ? -1 : cores[thread % cores.length]!;
  if (mode === "single") {
    return [
      { name: "engine", core: core(0), realTimePriority, agents, idle },
      ...keepers,
    ];
  }
  return [
    ...agents.map((agent, i) => ({
      name: agent,
      core: core(i),
      realTimePriority,
      agents: [agent],
      idle,
    })),
    ...keepers,
  ];
}
