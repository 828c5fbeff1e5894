// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the agents of one thread are made from.
 *
 * @module
 */
import type { Clock } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { FlightRing } from "../ring/mod.ts";
import type { CounterLane, Log } from "../telemetry/mod.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import type { AgentName } from "./topology.ts";

/** The snapshot that the state begins with. Plain data. */
export interface ChosenSnapshot {
  readonly path: string;
  /** Of the last command in it. */
  readonly sequence: number;
}

/** Shared memory, clock and log of one thread. */
export interface Workshop {
  readonly config: Config;
  readonly plan: MemoryPlan;
  /** The shared region. */
  readonly memory: ArrayBuffer;
  readonly control: Int32Array;
  /** The same words as float64. */
  readonly controlF64: Float64Array;
  readonly clock: Pick<Clock, "words" | "realtime" | "toNumber">;
  readonly log: Log;
  readonly snapshot?: ChosenSnapshot;
  /** A counter lane of its own for each agent, and for the thread. */
  lane(owner: AgentName | "thread"): CounterLane;
  /** Called while an agent waits because a ring is full: lets the others of this thread work. */
  letOthersWork(): void;
}

/** A thread's own end of the flight recorder's ring; undefined if there is none. */
export function flightRing(
  workshop: Pick<Workshop, "plan" | "memory">,
): FlightRing | undefined {
  const { plan, memory } = workshop;
  if (plan.flightSlots === 0) return undefined;
  return new FlightRing(memory, plan.flight, plan.flightSlots);
}
