// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How many messages a session may send in an interval.
 *
 * A window starts with the first message at or after the end of the one
 * before, and ends an interval later. Within a window as many messages as the
 * session may send are taken, all others are not, but count likewise.
 *
 * Times are nanoseconds as two words of 32 bits, compared without rounding. A
 * window that would end beyond 2^64 - 1 ends there.
 *
 * Owned by the exchange's thread. Allocates nothing after construction. All
 * state lies in the memory given; zeroed memory is no limits.
 *
 * ```
 * session (32 B): [max, f64][messages in the window, f64]
 *                 [interval low high][end of the window low high]
 * ```
 *
 * @module
 */
import { assert } from "../assert.ts";

const enum Fixed {
  RATE_WORDS = 8,
  RATE_MAX_F64 = 0,
  RATE_COUNT_F64 = 1,
  RATE_INTERVAL_LO = 4,
  RATE_INTERVAL_HI = 5,
  RATE_END_LO = 6,
  RATE_END_HI = 7,
}

/** Words of a session's rate, and those that the plain path of the exchange uses. */
export const RATE_WORDS = 8;
export const RATE_MAX_F64 = 0;
export const RATE_COUNT_F64 = 1;
export const RATE_END_LO = 6;
export const RATE_END_HI = 7;

/** Nanoseconds: the longest interval, 104 days. */
export const MESSAGE_INTERVAL_NS_MAX = 2 ** 53;

/** How many sessions there are. */
export interface MessageRateOptions {
  /** Sessions have indexes below this. */
  readonly sessionsMax: number;
}

/** Message rates of all sessions of a shard. */
export class MessageRate {
  /** All of the state, for a digest. */
  readonly i32: Int32Array;
  readonly #f64: Float64Array;

  /** Bytes that rates of these options occupy; a multiple of 64. */
  static bytes(options: MessageRateOptions): number {
    return Math.ceil(options.sessionsMax / 2) * Fixed.RATE_WORDS * 8;
  }

  /**
   * @param memory Zeroed memory, or a copy of other rates' memory.
   * @param byteOffset Where `MessageRate.bytes(options)` of it start; k x 64.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    options: MessageRateOptions,
  ) {
    assert(byteOffset % 64 === 0, `rates at ${byteOffset}: must be k x 64`);
    const words = MessageRate.bytes(options) >>> 2;
    this.i32 = new Int32Array(memory, byteOffset, words);
    this.#f64 = new Float64Array(memory, byteOffset, words >>> 1);
  }

  /**
   * Sets the rate of a session. A window that runs ends when it was to end.
   *
   * @param max Messages in a window; 0 = any.
   * @param intervalNs Nanoseconds that a window lasts.
   * @returns false, and nothing changes, if a number is not whole, below 0 or
   *   above 2^53.
   */
  set(session: number, max: number, intervalNs: number): boolean {
    if (!isWhole(max) || !isWhole(intervalNs)) return false;
    const at = session * Fixed.RATE_WORDS;
    this.#f64[(at >> 1) + Fixed.RATE_MAX_F64] = max;
    this.i32[at + Fixed.RATE_INTERVAL_LO] = intervalNs % 2 ** 32;
    this.i32[at + Fixed.RATE_INTERVAL_HI] = Math.floor(intervalNs / 2 ** 32);
    return true;
  }

  /**
   * Counts a message of a session.
   *
   * @param timeLo Low word of its time, signed or not. (A number above 2^31
   *   might be allocated by who hands it on, a negative one is not.)
   * @param timeHi High word.
   * @returns false if it is one too many.
   */
  take(session: number, timeLo: number, timeHi: number): boolean {
    const i32 = this.i32;
    const f64 = this.#f64;
    const at = session * Fixed.RATE_WORDS;
    const max = f64[(at >> 1) + Fixed.RATE_MAX_F64]!;
    if (max === 0) return true;
    const high = timeHi >>> 0;
    const low = timeLo >>> 0;
    const endHigh = i32[at + Fixed.RATE_END_HI]! >>> 0;
    const count = (at >> 1) + Fixed.RATE_COUNT_F64;
    if (
      high > endHigh ||
      high === endHigh && low >= i32[at + Fixed.RATE_END_LO]! >>> 0
    ) {
      this.#start(at, timeLo, timeHi);
      f64[count] = 1;
      return true;
    }
    const messages = f64[count]! + 1;
    f64[count] = messages;
    return messages <= max;
  }

  /** Puts the end of the window an interval after this time. */
  #start(at: number, timeLo: number, timeHi: number): void {
    const i32 = this.i32;
    const low = (timeLo >>> 0) + (i32[at + Fixed.RATE_INTERVAL_LO]! >>> 0);
    const high = (timeHi >>> 0) + i32[at + Fixed.RATE_INTERVAL_HI]! +
      (low >= 0x100000000 ? 1 : 0);
    const beyond = high >= 0x100000000;
    i32[at + Fixed.RATE_END_LO] = beyond ? -1 : low;
    i32[at + Fixed.RATE_END_HI] = beyond ? -1 : high;
  }
}

/** True for what a count or an interval may be. */
function isWhole(value: number): boolean {
  return value >= 0 && value <= MESSAGE_INTERVAL_NS_MAX &&
    Math.floor(value) === value;
}
