// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The wall clock of the simulation: it stands still until somebody turns it,
 * forwards or backwards.
 *
 * It starts soon after 1970: nanoseconds then are whole numbers below 2^53,
 * which the oracle of the matching tests needs.
 *
 * @module
 */

/** Nanoseconds since 1970 at which every simulation starts: February 1st, 1970. */
export const SIM_START_NS = 31 * 86_400 * 1e9;
const WORD = 4294967296;

/** What `Clock` gives, without the machine. */
export class SimClock {
  readonly words: Uint32Array<ArrayBuffer> = new Uint32Array(2);
  #ns = SIM_START_NS;
  #monotonicNs = 1e9;

  /** Nanoseconds since 1970. */
  get ns(): number {
    return this.#ns;
  }

  /** Milliseconds since 1970. */
  get ms(): number {
    return Math.floor(this.#ns / 1e6);
  }

  /** Nanoseconds that have passed, whatever the wall clock was set to. */
  get monotonicNs(): number {
    return this.#monotonicNs;
  }

  /** Lets time pass. */
  pass(ns: number): void {
    this.#ns += ns;
    this.#monotonicNs += ns;
  }

  /** Somebody sets the clock; never before the start. */
  jump(ns: number): void {
    this.#ns = Math.max(SIM_START_NS, this.#ns + ns);
  }

  /** The words as one number. */
  toNumber(): number {
    return this.words[1]! * WORD + this.words[0]!;
  }

  realtime(): void {
    this.words[0] = this.#ns % WORD;
    this.words[1] = Math.floor(this.#ns / WORD);
  }

  monotonic(): void {
    this.words[0] = this.#monotonicNs % WORD;
    this.words[1] = Math.floor(this.#monotonicNs / WORD);
  }
}
