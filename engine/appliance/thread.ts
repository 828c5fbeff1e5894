// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The entry of each of the appliance's threads: a worker that pins itself,
 * makes its agents over the shared region, and drives them until all are done.
 *
 * It never returns to the event loop in between, so it receives no messages
 * after the first one; everything else it learns from shared memory.
 *
 * @module
 */
import {
  attach,
  Clock,
  cpuYield,
  mappedRegions,
  pinThread,
  setRealTime,
  setThreadName,
} from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { CONTROL_BYTES } from "../ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
  HeapAnswerer,
  HeapLines,
  Log,
  type LogSettings,
} from "../telemetry/mod.ts";
import { type Agent, RoundCount, runAgents } from "./agent.ts";
import { buildExchange, wantedOf } from "./build_exchange.ts";
import { buildFeed } from "./build_feed.ts";
import { buildGateway, configuredSessions } from "./build_gateway.ts";
import { buildJournal, pressureLimits } from "./build_journal.ts";
import { buildKeeper } from "./build_keeper.ts";
import { buildReplication } from "./build_replication.ts";
import { ConfigFollower, type ConfigTaker } from "./config_board.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import { preferNodeOf, settle } from "./placement.ts";
import { chooseSnapshot } from "./snapshots.ts";
import {
  AGENT_LANES,
  type AgentName,
  isFollower,
  type ThreadPlan,
} from "./topology.ts";
import { warmUpGateway } from "./warm_gateway.ts";
import type { ChosenSnapshot, Workshop } from "./workshop.ts";

/** What a thread is told when it starts. Plain data. */
export interface ThreadStart {
  /** 0 and up. */
  readonly index: number;
  readonly thread: ThreadPlan;
  readonly config: Config;
  readonly plan: MemoryPlan;
  /** Address of the shared region. */
  readonly address: number;
  readonly log: LogSettings;
  /** What the state begins with; none = the journal's first command. */
  readonly snapshot?: ChosenSnapshot;
  /** It ran before and failed: what it begins with is chosen anew, here. */
  readonly again?: boolean;
}

/** What a thread answers, once. */
export type ThreadMessage =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: string };

/** An agent, and who takes another configuration for it. */
interface Built {
  readonly agent: Agent;
  readonly taker?: ConfigTaker;
}

function build(name: AgentName, workshop: Workshop): Built {
  if (name === "exchange") return exchangeOf(workshop);
  if (name === "journal") return journalOf(workshop);
  if (name === "keeper") {
    const agent = buildKeeper(workshop);
    return { agent, taker: { take: (news) => agent.takeConfig(news) } };
  }
  if (name === "feed") return { agent: buildFeed(workshop) };
  if (name === "replicator") return { agent: buildReplication(workshop) };
  const index = name === "gateway0" ? 0 : 1;
  const messages = warmUpGateway(workshop, index);
  workshop.log.child(name).debug("warmed up", { ...messages });
  const agent = buildGateway(workshop, index);
  const taker: ConfigTaker = {
    take: ({ step, config }) => {
      if (step === "exchange") return;
      agent.takeSessions(configuredSessions(config, index));
    },
  };
  return { agent, taker };
}

function exchangeOf(workshop: Workshop): Built {
  const agent = buildExchange(workshop);
  let asked = false;
  const nothing = { problem: "", commands: 0, sequence: 0 };
  const taker: ConfigTaker = {
    take: ({ step, config }) => {
      asked = step === "exchange";
      if (asked) agent.reconfigure(wantedOf(config));
    },
    answer: () => asked ? agent.reconfigured : nothing,
  };
  return { agent, taker };
}

function run(start: ThreadStart): void {
  const { thread, config, plan } = start;
  setThreadName(`ferrule-${thread.name}`.slice(0, 15));
  if (thread.core >= 0) pinThread(thread.core);
  if (thread.realTimePriority > 0) setRealTime(thread.realTimePriority);
  const clock = new Clock();
  const log = new Log({
    ...start.log,
    source: thread.name,
    nowMs: () => {
      clock.realtime();
      return Math.floor(clock.toNumber() / 1e6);
    },
  });
  if (thread.core >= 0) preferNodeOf(thread.core, log);
  const memory = attach(start.address, plan.bytes);
  const agents: GuardedAgent[] = [];
  const snapshot = start.again === true
    ? chosenAgain(config, log)
    : start.snapshot;
  const workshop: Workshop = {
    config,
    plan,
    memory,
    control: new Int32Array(memory, plan.control, CONTROL_BYTES >>> 2),
    controlF64: new Float64Array(memory, plan.control, CONTROL_BYTES >>> 3),
    clock,
    log,
    ...(snapshot === undefined ? {} : { snapshot }),
    lane: (agent) => {
      const lane = agent === "thread"
        ? AGENT_LANES.length + start.index
        : AGENT_LANES.indexOf(agent);
      return new CounterLane(memory, plan.counters, lane);
    },
    letOthersWork: () => {
      let work = 0;
      for (let i = 0; i < agents.length; i++) work += agents[i]!.doWork();
      // Who waits for the standby, say, is alive.
      rounds.add(work);
      if (work === 0) cpuYield();
    },
  };
  const rounds = new RoundCount(roundsLane(workshop, thread));
  try {
    const takers: ConfigTaker[] = [levelTaker(log)];
    for (const name of thread.agents) {
      const { agent, taker } = build(name, workshop);
      agents.push(new GuardedAgent(agent));
      if (taker !== undefined) takers.push(taker);
    }
    const { control, controlF64 } = workshop;
    const follower = { control, controlF64, thread: start.index, takers };
    agents.push(new GuardedAgent(new ConfigFollower(follower)));
    settle(mappedRegions(), thread.core, log);
    const heaps = new HeapLines(memory, plan.heaps);
    const usedBytes = () => Deno.memoryUsage().heapUsed;
    const answerer = new HeapAnswerer(heaps, start.index, usedBytes);
    agents.push(new GuardedAgent(answerer));
    runAgents(agents, thread.idle, rounds);
  } finally {
    for (const agent of agents) agent.dispose();
  }
}

/** The newest snapshot now. */
function chosenAgain(config: Config, log: Log): ChosenSnapshot | undefined {
  const found = chooseSnapshot(config, log);
  return found && { path: found.path, sequence: found.meta.sequence };
}

/** The disk's limits are looked at whenever it is judged. */
function journalOf(workshop: Workshop): Built {
  const limits = { ...pressureLimits(workshop.config) };
  const taker: ConfigTaker = {
    take: ({ step, config }) => {
      if (step === "rest") Object.assign(limits, pressureLimits(config));
    },
  };
  return { agent: buildJournal(workshop, limits), taker };
}

/** The log's level changes for all agents of a thread. */
function levelTaker(log: Log): ConfigTaker {
  return {
    take: ({ step, config }) => {
      if (step === "rest") log.setLevel(config.log.level);
    },
  };
}

/** Where the rounds of a thread are counted. Those of followers do not say that the engine lives. */
function roundsLane(workshop: Workshop, thread: ThreadPlan): CounterLane {
  if (!isFollower(thread.agents)) return workshop.lane("thread");
  return new CounterLane(new ArrayBuffer(COUNTER_BLOCK_BYTES), 0, 0);
}

/**
 * An agent that is known to be inside its round while it is, so that no round
 * is entered twice.
 */
class GuardedAgent implements Agent {
  readonly name: string;
  readonly sleeps: boolean;
  readonly #agent: Agent;
  #inside = false;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.name = agent.name;
    this.sleeps = agent.sleeps;
  }

  /** 0 at once if the agent is inside its round already. */
  doWork(): number {
    if (this.#inside) return 0;
    this.#inside = true;
    const work = this.#agent.doWork();
    this.#inside = false;
    return work;
  }

  done(): boolean {
    return this.#agent.done();
  }

  park(waitUs: number): void {
    this.#agent.park(waitUs);
  }

  dispose(): void {
    this.#agent.dispose();
  }
}

self.onmessage = (event: MessageEvent<ThreadStart>) => {
  let answer: ThreadMessage;
  try {
    run(event.data);
    answer = { kind: "done" };
  } catch (error) {
    const text = error instanceof Error
      ? `${error.message}${
        error.name === "InvariantError" ? `\n${error.stack}` : ""
      }`
      : String(error);
    answer = { kind: "failed", error: text };
  }
  self.postMessage(answer);
};
