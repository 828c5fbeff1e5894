// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The shared block of counters: one lane of float64 slots for each agent.
 *
 * An aligned 8-byte store is one store on x86-64, and each lane has a single
 * writer, so readers on other threads see whole values without any lock.
 * Counting does not allocate.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { COUNTERS, LANE_SLOTS, LANES_MAX, REASONS_MAX } from "./counters.ts";

/** Bytes of the block. */
export const COUNTER_BLOCK_BYTES = LANES_MAX * LANE_SLOTS * 8;
const REASON_SLOT = LANE_SLOTS - REASONS_MAX;

assert(
  COUNTERS.length <= REASON_SLOT,
  `${COUNTERS.length} counters do not fit the ${REASON_SLOT} slots of a lane`,
);

/** One agent's counters. For the agent's own thread. */
export class CounterLane {
  readonly #slots: Float64Array;

  /**
   * @param memory The memory that holds the block.
   * @param byteOffset Where the block starts.
   * @param lane Which lane, 0 to `LANES_MAX - 1`.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number, lane: number) {
    assert(lane >= 0 && lane < LANES_MAX, `counter lane ${lane}`);
    this.#slots = new Float64Array(
      memory,
      byteOffset + lane * LANE_SLOTS * 8,
      LANE_SLOTS,
    );
  }

  /** Adds to a counter or gauge. */
  add(counter: number, amount: number): void {
    this.#slots[counter]! += amount;
  }

  /** Sets a gauge, or a counter that is kept elsewhere. */
  set(counter: number, value: number): void {
    this.#slots[counter] = value;
  }

  /** Sets how often a reason was given, for a count that is kept elsewhere. */
  setRefused(reason: number, count: number): void {
    this.#slots[REASON_SLOT + reason] = count;
  }

  /** Counts one refusal. */
  refused(reason: number): void {
    const slot = reason >= 0 && reason < REASONS_MAX ? reason : 0;
    this.#slots[REASON_SLOT + slot]! += 1;
  }
}

/** All lanes, for whoever reports. */
export class CounterReader {
  readonly #slots: Float64Array;

  /**
   * @param memory The memory that holds the block.
   * @param byteOffset Where the block starts.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number) {
    this.#slots = new Float64Array(memory, byteOffset, LANES_MAX * LANE_SLOTS);
  }

  /** A counter, summed over the lanes. */
  read(counter: number): number {
    let sum = 0;
    for (let lane = 0; lane < LANES_MAX; lane++) {
      sum += this.#slots[lane * LANE_SLOTS + counter]!;
    }
    return sum;
  }

  /** Refusals by reason, summed over the lanes. */
  readRefused(reason: number): number {
    return this.read(REASON_SLOT + reason);
  }
}
