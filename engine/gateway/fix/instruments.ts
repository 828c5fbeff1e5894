// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Instruments as FIX names them: symbols to indexes, decimal prices and
 * quantities to ticks and lots, and back.
 *
 * The gateway's thread owns it. Looking up and converting allocate nothing;
 * the tables are made anew when an instrument is added, which is rare.
 *
 * @module
 */
import { Reason } from "../../record/mod.ts";
import { Decimal, parseDecimal } from "../../wire/fix/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";
import { wordsOfText } from "./texts.ts";

/** `find()`: no such symbol. */
export const NO_INSTRUMENT = -1;
/** The same in a command. */
export const UNKNOWN_INSTRUMENT_INDEX = 0xffff;
/** `readLots()`, `readTicks()`: the text is no number. */
export const NO_NUMBER = -1;

const INT32_MAX = 0x7fffffff;
/** An instrument that is unknown has numbers of this many decimals. */
const DECIMALS_ANY = 8;

/** Units in which one instrument's numbers are written. */
interface Scale {
  /** Decimals on the wire. */
  readonly decimals: number;
  /** Units of 10^-decimals in a tick or lot. */
  readonly units: number;
}

/** 25000000 (0.25) becomes 25 units of 10^-2. */
function scaleOf(sizeE8: number): Scale {
  let units = sizeE8;
  let decimals = 8;
  while (decimals > 0 && units % 10 === 0) {
    units /= 10;
    decimals--;
  }
  return { decimals, units };
}

const ENCODER = new TextEncoder();

/** Tables over `GatewayContext.instruments`. */
export class Instruments {
  readonly #definitions: readonly InstrumentDefinition[];
  /** Length of the list that the tables were made for; -1 = make them anew. */
  #known = -1;
  /** By index of the instrument. */
  symbols: Uint8Array[] = [];
  /** The same as `wordsOfText()`. */
  symbolWords: Int32Array[] = [];
  priceDecimals = new Uint8Array(0);
  priceUnits = new Float64Array(0);
  lotDecimals = new Uint8Array(0);
  lotUnits = new Float64Array(0);
  /** Index + 1 by hash of the symbol; 0 = empty. */
  #slots = new Int32Array(16);

  /** @param definitions The gateway's list; it may grow at any time. */
  constructor(definitions: readonly InstrumentDefinition[]) {
    this.#definitions = definitions;
  }

  /** True if `instrument` is the index of one that exists. */
  has(instrument: number): boolean {
    if (this.#definitions.length !== this.#known) this.#rebuild();
    return instrument < this.priceUnits.length &&
      this.priceUnits[instrument]! > 0;
  }

  /** Index of the symbol in `bytes[from, to)`, or `NO_INSTRUMENT`. */
  find(bytes: Uint8Array, from: number, to: number): number {
    if (this.#definitions.length !== this.#known) this.#rebuild();
    const slots = this.#slots;
    const mask = slots.length - 1;
    const length = to - from;
    for (let s = this.#hash(bytes, from, to) & mask;; s = (s + 1) & mask) {
      const instrument = slots[s]! - 1;
      if (instrument < 0) return NO_INSTRUMENT;
      const symbol = this.symbols[instrument]!;
      if (symbol.length !== length) continue;
      let i = 0;
      while (i < length && symbol[i] === bytes[from + i]) i++;
      if (i === length) return instrument;
    }
  }

  /**
   * Lots of the decimal in `bytes[from, to)`: 0 and up, into `out[0]`.
   *
   * @param instrument Its index; if it is unknown, only the form is looked at.
   * @returns A `Reason`, or `NO_NUMBER`.
   */
  readLots(
    bytes: Uint8Array,
    from: number,
    to: number,
    instrument: number,
    out: Float64Array,
  ): number {
    const known = instrument !== UNKNOWN_INSTRUMENT_INDEX;
    const decimals = known ? this.lotDecimals[instrument]! : DECIMALS_ANY;
    const result = parseDecimal(bytes, from, to, decimals, out);
    if (result === Decimal.FORMAT) return NO_NUMBER;
    if (!known) return Reason.NONE;
    if (result === Decimal.INEXACT) return Reason.QUANTITY_OFF_LOT;
    if (result === Decimal.TOO_LARGE) return Reason.QUANTITY_TOO_LARGE;
    if (result === Decimal.NEGATIVE) return Reason.INVALID_QUANTITY;
    const lots = out[0]! / this.lotUnits[instrument]!;
    if (Math.floor(lots) !== lots) return Reason.QUANTITY_OFF_LOT;
    out[0] = lots;
    return Reason.NONE;
  }

  /** The same for ticks: 0 to 2^31 - 1. */
  readTicks(
    bytes: Uint8Array,
    from: number,
    to: number,
    instrument: number,
    out: Float64Array,
  ): number {
    const known = instrument !== UNKNOWN_INSTRUMENT_INDEX;
    const decimals = known ? this.priceDecimals[instrument]! : DECIMALS_ANY;
    const result = parseDecimal(bytes, from, to, decimals, out);
    if (result === Decimal.FORMAT) return NO_NUMBER;
    if (!known) return Reason.NONE;
    if (result === Decimal.INEXACT) return Reason.PRICE_OFF_TICK;
    if (result === Decimal.TOO_LARGE) return Reason.PRICE_OUT_OF_RANGE;
    if (result === Decimal.NEGATIVE) return Reason.INVALID_PRICE;
    const ticks = out[0]! / this.priceUnits[instrument]!;
    if (Math.floor(ticks) !== ticks) return Reason.PRICE_OFF_TICK;
    if (ticks > INT32_MAX) return Reason.PRICE_OUT_OF_RANGE;
    out[0] = ticks;
    return Reason.NONE;
  }

  #hash(bytes: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5 | 0;
    for (let p = from; p < to; p++) {
      hash = Math.imul(hash ^ bytes[p]!, 0x01000193);
    }
    return hash ^ (hash >>> 15);
  }

  #rebuild(): void {
    const definitions = this.#definitions;
    const count = definitions.length;
    // An index may be skipped until its definition arrives.
    let whole = true;
    let size = 16;
    while (size < count * 2 + 1) size *= 2;
    this.#slots = new Int32Array(size);
    this.symbols = [];
    this.symbolWords = [];
    this.priceDecimals = new Uint8Array(count);
    this.priceUnits = new Float64Array(count);
    this.lotDecimals = new Uint8Array(count);
    this.lotUnits = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const definition = definitions[i];
      this.symbols.push(ENCODER.encode(definition?.symbol ?? ""));
      this.symbolWords.push(wordsOfText(this.symbols[i]!));
      if (definition === undefined) {
        whole = false;
        continue;
      }
      const price = scaleOf(definition.tickSizeE8);
      const lot = scaleOf(definition.lotSizeE8);
      this.priceDecimals[i] = price.decimals;
      this.priceUnits[i] = price.units;
      this.lotDecimals[i] = lot.decimals;
      this.lotUnits[i] = lot.units;
      const symbol = this.symbols[i]!;
      let slot = this.#hash(symbol, 0, symbol.length) & (size - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = i + 1;
    }
    this.#known = whole ? count : -1;
  }
}
