// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What is set for each instrument besides its book: reference price, collars,
 * band, volatility range, lot step, group, and when its state ends.
 *
 * Lies in memory that the caller gives, zeroed at first; set by commands only.
 * Owned by the exchange's thread. Allocates nothing after construction. Judges
 * nothing; `gateLow()` and `gateHigh()` sum up what a limit price must keep.
 *
 * @module
 */
import { InstrumentSetting } from "../record/mod.ts";

/** Words of an instrument's settings. */
export const SETTING_WORDS = 32;
/** int32 ticks; 0 = none. */
export const SETTING_REFERENCE = 0;
export const SETTING_PRICE_COLLAR = 1;
export const SETTING_MARKET_COLLAR = 2;
export const SETTING_BAND_LOW = 3;
export const SETTING_BAND_HIGH = 4;
export const SETTING_RANGE = 5;
export const SETTING_GROUP = 6;
/** State that follows, when, and whether it does. */
export const SETTING_NEXT_STATE = 7;
export const SETTING_UNTIL_LO = 8;
export const SETTING_UNTIL_HI = 9;
export const SETTING_TIMED = 10;
/** Lowest and highest limit price that band and collar let through. */
export const SETTING_GATE_LOW = 11;
export const SETTING_GATE_HIGH = 12;
/** 1 = prices or quantities need a look at tick table or lot step. */
export const SETTING_GATE_SLOW = 13;
/** Lowest and highest price at which trading goes on; in one line of memory with the gate. */
export const SETTING_TRADE_LOW = 14;
export const SETTING_TRADE_HIGH = 15;
/** What was told last in a call: price; volume and imbalance below. */
export const SETTING_TOLD_PRICE = 24;
/** 1 = the instrument has a tick table. */
export const SETTING_TICKS = 25;
// Float64 elements.
/** Lots that a quantity is a multiple of; 0 = 1. */
export const SETTING_LOT_STEP_F64 = 8;
/** Nanoseconds of a volatility auction; 0 = until told. */
export const SETTING_RANGE_NS_F64 = 9;
export const SETTING_TOLD_VOLUME_F64 = 10;
export const SETTING_TOLD_IMBALANCE_F64 = 11;

const PRICE_MAX = 2147483647;

/** Settings of all instruments of a shard. */
export class Instruments {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly instrumentsMax: number;

  /** Bytes for this many instruments; a multiple of 64. */
  static bytes(instrumentsMax: number): number {
    return instrumentsMax * SETTING_WORDS * 4;
  }

  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    instrumentsMax: number,
  ) {
    const words = instrumentsMax * SETTING_WORDS;
    this.i32 = new Int32Array(memory, byteOffset, words);
    this.f64 = new Float64Array(memory, byteOffset, words >> 1);
    this.instrumentsMax = instrumentsMax;
  }

  /** First word of an instrument's settings. */
  at(instrument: number): number {
    return instrument * SETTING_WORDS;
  }

  /** Prepares a new instrument. */
  define(instrument: number): void {
    this.#renew(instrument);
  }

  /**
   * Sets one of them.
   *
   * @param setting `InstrumentSetting`.
   * @param price Ticks, where the setting is one price.
   * @param first See the setting: ticks, lots or number.
   * @param second See the setting: nanoseconds.
   * @returns false if there is no such setting, or a value is out of range.
   */
  set(
    instrument: number,
    setting: number,
    price: number,
    first: number,
    second: number,
  ): boolean {
    const at = this.at(instrument);
    const { i32, f64 } = this;
    const whole = Number.isInteger(first) && first >= 0;
    const small = whole && first <= PRICE_MAX;
    if (setting === InstrumentSetting.REFERENCE_PRICE) {
      if (price < 0) return false;
      i32[at + SETTING_REFERENCE] = price;
    } else if (setting === InstrumentSetting.PRICE_COLLAR) {
      if (!small) return false;
      i32[at + SETTING_PRICE_COLLAR] = first;
    } else if (setting === InstrumentSetting.MARKET_COLLAR) {
      if (!small) return false;
      i32[at + SETTING_MARKET_COLLAR] = first;
    } else if (setting === InstrumentSetting.PRICE_BAND) {
      if (!small || price < 0 || price > first) return false;
      i32[at + SETTING_BAND_LOW] = price;
      i32[at + SETTING_BAND_HIGH] = first;
    } else if (setting === InstrumentSetting.VOLATILITY) {
      if (!small || !(second >= 0)) return false;
      i32[at + SETTING_RANGE] = first;
      f64[(at >> 1) + SETTING_RANGE_NS_F64] = second;
    } else if (setting === InstrumentSetting.LOT_STEP) {
      if (!whole) return false;
      f64[(at >> 1) + SETTING_LOT_STEP_F64] = first;
    } else if (setting === InstrumentSetting.GROUP) {
      if (!small) return false;
      i32[at + SETTING_GROUP] = first;
    } else return false;
    this.#renew(instrument);
    return true;
  }

  /** An auction traded at this price, or a command set it. */
  setReference(instrument: number, price: number): void {
    this.i32[this.at(instrument) + SETTING_REFERENCE] = price;
    this.#renew(instrument);
  }

  /** Whether the instrument has a tick table. */
  setTicks(instrument: number, has: boolean): void {
    this.i32[this.at(instrument) + SETTING_TICKS] = has ? 1 : 0;
    this.#renew(instrument);
  }

  /** Lowest price of the band; 1 if there is none. */
  bandLow(instrument: number): number {
    return Math.max(1, this.i32[this.at(instrument) + SETTING_BAND_LOW]!);
  }

  /** Highest price of the band; int32's highest if there is none. */
  bandHigh(instrument: number): number {
    const high = this.i32[this.at(instrument) + SETTING_BAND_HIGH]!;
    return high === 0 ? PRICE_MAX : high;
  }

  /** Lots that a quantity must be a multiple of. */
  lotStep(instrument: number): number {
    return this.f64[(this.at(instrument) >> 1) + SETTING_LOT_STEP_F64]! || 1;
  }

  /** Sums up the settings for the quick checks. */
  #renew(instrument: number): void {
    const at = this.at(instrument);
    const { i32 } = this;
    let low = this.bandLow(instrument);
    let high = this.bandHigh(instrument);
    const reference = i32[at + SETTING_REFERENCE]!;
    const collar = i32[at + SETTING_PRICE_COLLAR]!;
    if (reference !== 0 && collar !== 0) {
      low = Math.max(low, reference - collar);
      high = Math.min(high, reference + collar);
    }
    i32[at + SETTING_GATE_LOW] = low;
    i32[at + SETTING_GATE_HIGH] = high;
    i32[at + SETTING_GATE_SLOW] = i32[at + SETTING_TICKS] !== 0 ||
        this.lotStep(instrument) !== 1
      ? 1
      : 0;
    const range = i32[at + SETTING_RANGE]!;
    const ranges = reference !== 0 && range !== 0;
    i32[at + SETTING_TRADE_LOW] = ranges ? Math.max(1, reference - range) : 1;
    i32[at + SETTING_TRADE_HIGH] = ranges
      ? Math.min(PRICE_MAX, reference + range)
      : PRICE_MAX;
  }
}
