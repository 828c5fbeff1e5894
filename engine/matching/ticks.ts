// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Tick tables: which prices of an instrument are valid.
 *
 * A table has up to eight bands, ascending. A band goes from its first price
 * up to the one before the next band; band 0 begins below all prices. A price
 * is valid if it is above 0 and a multiple of its band's step. An instrument
 * without bands has all prices above 0.
 *
 * Owned by the exchange's thread. Allocates nothing after construction. All
 * state lies in the memory given; zeroed memory is tables without bands. It
 * knows no orders.
 *
 * ```
 * instrument (64 B): [from: 8 x int32][step: 8 x int32; 0 = no such band]
 * ```
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Bands of a table at most. */
export const TICK_BANDS_MAX = 8;

// A table is one cache line. `tests/constants_test.ts` compares what is exported.
const enum Fixed {
  TICK_BANDS_MAX = 8,
  TICK_WORDS = 16,
  TICK_SHIFT = 4,
  PRICE_MAX = 0x7fffffff,
}

/** How many tables there are. */
export interface TickTablesOptions {
  /** Instruments have indexes below this. */
  readonly instrumentsMax: number;
}

/** Tick tables of all instruments of a shard. */
export class TickTables {
  /** All of the state, for a digest. */
  readonly i32: Int32Array;

  /** Bytes that tables of these options occupy; a multiple of 64. */
  static bytes(options: TickTablesOptions): number {
    return options.instrumentsMax * Fixed.TICK_WORDS * 4;
  }

  /**
   * @param memory Zeroed memory, or a copy of other tables' memory.
   * @param byteOffset Where `TickTables.bytes(options)` of it start; k x 64.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    options: TickTablesOptions,
  ) {
    assert(byteOffset % 64 === 0, `ticks at ${byteOffset}: must be k x 64`);
    this.i32 = new Int32Array(
      memory,
      byteOffset,
      options.instrumentsMax * Fixed.TICK_WORDS,
    );
  }

  /**
   * Sets one band, as SET_TICKS asks.
   *
   * @param band 0 to 7, at most the number of bands that are there.
   * @param from Its first price, ticks; band 0: ignored.
   * @param step Ticks; 0 = this band and those after it go.
   * @returns false, and nothing changes, if the bands would leave a gap or
   *   would not ascend, or a number is out of range.
   */
  set(instrument: number, band: number, from: number, step: number): boolean {
    if (!(band >= 0 && band < Fixed.TICK_BANDS_MAX)) return false;
    if (!(step >= 0 && step <= Fixed.PRICE_MAX)) return false;
    const i32 = this.i32;
    const at = (instrument << Fixed.TICK_SHIFT) + band;
    if (step === 0) {
      const end = (instrument + 1) << Fixed.TICK_SHIFT;
      for (let each = at; each < end - Fixed.TICK_BANDS_MAX; each++) {
        i32[each] = 0;
        i32[each + Fixed.TICK_BANDS_MAX] = 0;
      }
      return true;
    }
    if (band === 0) {
      i32[at + Fixed.TICK_BANDS_MAX] = step;
      return true;
    }
    if (i32[at - 1 + Fixed.TICK_BANDS_MAX] === 0) return false;
    if (!(from > i32[at - 1]! && from <= Fixed.PRICE_MAX)) return false;
    if (
      band + 1 < Fixed.TICK_BANDS_MAX &&
      i32[at + 1 + Fixed.TICK_BANDS_MAX] !== 0 && from >= i32[at + 1]!
    ) return false;
    i32[at] = from;
    i32[at + Fixed.TICK_BANDS_MAX] = step;
    return true;
  }

  /** True if the instrument has no bands: all prices above 0 are valid. */
  isSimple(instrument: number): boolean {
    return this.i32[
      (instrument << Fixed.TICK_SHIFT) + Fixed.TICK_BANDS_MAX
    ] === 0;
  }

  /** True if the price is above 0 and a multiple of its band's step. */
  isValid(instrument: number, price: number): boolean {
    if (price <= 0) return false;
    const step = this.i32[
      this.#bandOf(instrument, price) + Fixed.TICK_BANDS_MAX
    ]!;
    return step <= 1 || price % step === 0;
  }

  /** The highest valid price at or below `price`; 0 if there is none. */
  floor(instrument: number, price: number): number {
    if (price <= 0) return 0;
    const i32 = this.i32;
    const first = instrument << Fixed.TICK_SHIFT;
    let top = price <= Fixed.PRICE_MAX ? price : Fixed.PRICE_MAX;
    let band = this.#bandOf(instrument, top);
    if (i32[band + Fixed.TICK_BANDS_MAX] === 0) return top;
    while (true) {
      const found = top - top % i32[band + Fixed.TICK_BANDS_MAX]!;
      if (band === first || found >= i32[band]!) return found;
      top = i32[band]! - 1;
      band--;
    }
  }

  /** The lowest valid price at or above `price`; 0 if there is none. */
  ceil(instrument: number, price: number): number {
    if (price > Fixed.PRICE_MAX) return 0;
    const i32 = this.i32;
    const last = (instrument << Fixed.TICK_SHIFT) + Fixed.TICK_BANDS_MAX - 1;
    let low = price <= 0 ? 1 : price;
    let band = this.#bandOf(instrument, low);
    if (i32[band + Fixed.TICK_BANDS_MAX] === 0) return low;
    while (true) {
      const step = i32[band + Fixed.TICK_BANDS_MAX]!;
      const over = low % step;
      const isLast = band === last ||
        i32[band + 1 + Fixed.TICK_BANDS_MAX] === 0;
      const end = isLast ? Fixed.PRICE_MAX : i32[band + 1]! - 1;
      if (over === 0) return low;
      // Compared this way round because low + step may pass int32.
      if (step - over <= end - low) return low + (step - over);
      if (isLast) return 0;
      low = end + 1;
      band++;
    }
  }

  /** The highest valid price below `price`; 0 if there is none. */
  below(instrument: number, price: number): number {
    return this.floor(instrument, price - 1);
  }

  /** The lowest valid price above `price`; 0 if there is none. */
  above(instrument: number, price: number): number {
    return this.ceil(instrument, price + 1);
  }

  /** Word of the band that a price above 0 lies in; of band 0 if none is set. */
  #bandOf(instrument: number, price: number): number {
    const i32 = this.i32;
    let band = instrument << Fixed.TICK_SHIFT;
    const last = band + Fixed.TICK_BANDS_MAX - 1;
    while (
      band < last && i32[band + 1 + Fixed.TICK_BANDS_MAX] !== 0 &&
      i32[band + 1]! <= price
    ) band++;
    return band;
  }
}
