// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Agents and the loop that drives them on one thread.
 *
 * An agent's `doWork()` does a bounded amount of work and says how much. When
 * no agent on the thread found any, the loop idles: first it spins, then it
 * yields the core, then it sleeps. An agent that can wait for the outside
 * (`park`) does the sleeping inside its next round, so that a packet wakes it.
 *
 * @module
 */
import { cpuSleep, cpuYield } from "../../ffi/cpu.ts";
import type { CounterLane } from "../telemetry/mod.ts";
import { COUNTER } from "../telemetry/mod.ts";

/** Something that runs. All methods are for its own thread. */
export interface Agent {
  readonly name: string;
  /** One bounded round; returns how much was done, 0 for nothing. */
  doWork(): number;
  /** True when it has said its last word and needs no further round. */
  done(): boolean;
  /** It can wait for the outside inside its round, so the thread may sleep there. */
  readonly sleeps: boolean;
  /** Its next round may sleep, until something comes or `waitUs` is over. */
  park(waitUs: number): void;
  /** Gives back what it holds. */
  dispose(): void;
}

/** How an idle thread behaves. */
export interface IdleOptions {
  /** Empty rounds before the first yield. */
  readonly spinRounds: number;
  /** Rounds that yield the core before the first sleep. */
  readonly yieldRounds: number;
  /** Longest sleep, microseconds; 0 = never sleep. */
  readonly sleepUs: number;
}

/** The rounds of a thread: what the watchdog takes for life. */
export class RoundCount {
  readonly #lane: CounterLane;
  #rounds = 0;
  #busy = 0;

  /** @param lane Where they are published. */
  constructor(lane: CounterLane) {
    this.#lane = lane;
  }

  /** Counts a round. @returns Whether the counts were published: now and then, and after an empty one. */
  add(work: number): boolean {
    this.#rounds++;
    if (work > 0) this.#busy++;
    if ((this.#rounds & 1023) !== 0 && work > 0) return false;
    this.#lane.set(COUNTER.rounds_total, this.#rounds);
    this.#lane.set(COUNTER.rounds_busy_total, this.#busy);
    return true;
  }
}

/**
 * Drives agents until all are done.
 *
 * @param agents In the order of their rounds.
 * @param idle What to do when nobody has work.
 * @param count Counts rounds.
 */
export function runAgents(
  agents: readonly Agent[],
  idle: IdleOptions,
  count: RoundCount,
): void {
  const sleeper = agents.find((agent) => agent.sleeps);
  const yieldFrom = idle.spinRounds;
  const sleepFrom = idle.spinRounds + idle.yieldRounds;
  let empty = 0;
  for (;;) {
    let work = 0;
    for (let i = 0; i < agents.length; i++) work += agents[i]!.doWork();
    if (work > 0) empty = 0;
    else if (empty < yieldFrom) empty++;
    else if (empty < sleepFrom || idle.sleepUs === 0) {
      empty++;
      cpuYield();
    } else if (sleeper !== undefined) sleeper.park(idle.sleepUs);
    else cpuSleep(idle.sleepUs);
    if (count.add(work) && allDone(agents)) return;
  }
}

function allDone(agents: readonly Agent[]): boolean {
  for (let i = 0; i < agents.length; i++) {
    if (!agents[i]!.done()) return false;
  }
  return true;
}
