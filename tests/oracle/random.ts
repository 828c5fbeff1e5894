// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Seeded random numbers for tests.
 *
 * @module
 */

/** One sequence of numbers; the same seed gives the same. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number from 0 to below `limit`. */
  draw(limit: number): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state % limit;
  }

  /** One of several. */
  pick<T>(from: readonly T[]): T {
    return from[this.draw(from.length)]!;
  }
}
