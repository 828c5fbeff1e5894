// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A 128-bit digest of state, to compare a replay with what was.
 *
 * Four multiplicative lanes over 32-bit words. It finds differences that come
 * by accident, not those made on purpose. Cold path: for whoever asks, on the
 * thread that owns the state; allocates.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_LAST_QUANTITY_F64,
  INSTRUMENT_NOTIONAL_F64,
  INSTRUMENT_STATE,
  INSTRUMENT_STOPS,
  INSTRUMENT_TRADES_F64,
  INSTRUMENT_VOLUME_F64,
  INSTRUMENT_WATCH_HEAD,
  LEVEL_COUNT,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_QUANTITY_F64,
  LEVEL_RESERVE_F64,
  ORDER_ID_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_NEXT,
  ORDER_NOTIONAL_F64,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  ORDER_REFERENCE_F64,
  ORDER_TERMS_BIT,
  ORDER_TEXT_BIT,
  SIDE_BEST,
  TERMS_ACCOUNT,
  TERMS_DISPLAY_F64,
  TERMS_DRAWS,
  TERMS_EXPIRE_HI,
  TERMS_EXPIRE_LO,
  TERMS_FLAGS,
  TERMS_LINK,
  TERMS_MIN_F64,
  TERMS_OFFSET,
  TERMS_ORDER,
  TERMS_PEG_LIMIT,
  TERMS_RANGE_F64,
  TERMS_SHOWN_F64,
  TERMS_STOP_PRICE,
  TERMS_TRIGGERED,
  TERMS_WATCH_NEXT,
  TERMS_WHERE,
} from "../book/mod.ts";

/** Gathers words; `digest()` shows them as hexadecimal digits. */
export class StateHash {
  readonly #double = new Float64Array(1);
  readonly #halves = new Int32Array(this.#double.buffer);
  #a = 0x811c9dc5 | 0;
  #b = 0x9e3779b9 | 0;
  #c = 0x85ebca6b | 0;
  #d = 0xc2b2ae35 | 0;

  /** Adds an int32 or uint32. */
  word(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    this.#b = Math.imul(this.#b ^ (word + this.#a), 0x85ebca77);
    this.#b ^= this.#b >>> 15;
    this.#c = Math.imul(this.#c ^ (word ^ this.#b), 0xc2b2ae3d);
    this.#c ^= this.#c >>> 13;
    this.#d = Math.imul(this.#d ^ (word + this.#c), 0x27d4eb2f);
    this.#d ^= this.#d >>> 16;
  }

  /** Adds a float64, all of its bits. */
  number(value: number): void {
    this.#double[0] = value;
    this.word(this.#halves[0]!);
    this.word(this.#halves[1]!);
  }

  /** Adds every element. */
  numbers(values: Float64Array): void {
    for (const value of values) this.number(value);
  }

  /** Adds `count` words from place `from`. */
  words(words: Int32Array, from: number, count: number): void {
    for (let i = 0; i < count; i++) this.word(words[from + i]!);
  }

  /**
   * Adds the words that are not 0, each with its place: room for more, which is
   * 0, changes nothing.
   */
  sparse(words: Int32Array, from: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const word = words[from + i]!;
      if (word === 0) continue;
      this.word(i);
      this.word(word);
    }
    this.word(-1);
  }

  /** Adds an instrument: last trade, totals, and both sides from the best price on. */
  instrument(book: Book, texts: Int32Array, instrument: number): void {
    const at = book.instrumentOf(instrument);
    this.word(instrument);
    this.word(book.i32[at + INSTRUMENT_LAST_PRICE]!);
    this.number(book.f64[(at >> 1) + INSTRUMENT_LAST_QUANTITY_F64]!);
    this.number(book.f64[(at >> 1) + INSTRUMENT_VOLUME_F64]!);
    this.number(book.f64[(at >> 1) + INSTRUMENT_TRADES_F64]!);
    this.number(book.f64[(at >> 1) + INSTRUMENT_NOTIONAL_F64]!);
    this.word(book.i32[at + INSTRUMENT_STATE]!);
    this.word(book.i32[at + INSTRUMENT_STOPS]!);
    for (let bit = 0; bit < 2; bit++) {
      this.#side(book, texts, book.sideOf(instrument, bit));
      this.#side(book, texts, book.hiddenSideOf(instrument, bit));
      this.#side(book, texts, book.stopSideOf(instrument, bit));
    }
    // Dormant orders are here only.
    let terms = book.i32[at + INSTRUMENT_WATCH_HEAD]!;
    while (terms !== 0) {
      this.#order(book, texts, book.i32[terms + TERMS_ORDER]!);
      terms = book.i32[terms + TERMS_WATCH_NEXT]!;
    }
  }

  #side(book: Book, texts: Int32Array, side: number): void {
    let level = book.i32[side + SIDE_BEST]!;
    while (level !== 0) {
      this.word(book.i32[level + LEVEL_KEY]!);
      this.word(book.i32[level + LEVEL_COUNT]!);
      this.number(book.f64[(level >> 1) + LEVEL_QUANTITY_F64]!);
      this.number(book.f64[(level >> 1) + LEVEL_RESERVE_F64]!);
      let order = book.i32[level + LEVEL_HEAD]!;
      while (order !== 0) {
        this.#order(book, texts, order);
        order = book.i32[order + ORDER_NEXT]!;
      }
      level = book.nextLevel(side, level);
    }
  }

  /** 32 hexadecimal digits. */
  digest(): string {
    return [this.#a, this.#b, this.#c, this.#d]
      .map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #order(book: Book, texts: Int32Array, order: number): void {
    const at = order >> 1;
    const owner = book.i32[order + ORDER_OWNER]!;
    this.word(book.i32[order + ORDER_PRICE]!);
    this.word(owner);
    this.word(book.i32[order + ORDER_KIND]!);
    this.number(book.f64[at + ORDER_LEAVES_F64]!);
    this.number(book.f64[at + ORDER_QUANTITY_F64]!);
    this.number(book.f64[at + ORDER_NOTIONAL_F64]!);
    this.number(book.f64[at + ORDER_REFERENCE_F64]!);
    this.number(book.f64[at + ORDER_ID_F64]!);
    if ((owner & ORDER_TEXT_BIT) !== 0) {
      this.words(texts, book.numberOf(order) * 5, 5);
    }
    if ((owner & ORDER_TERMS_BIT) !== 0) this.#terms(book, book.termsOf(order));
  }

  /** What an order's terms say; not where they or others lie in memory. */
  #terms(book: Book, terms: number): void {
    const half = terms >> 1;
    for (
      const word of [
        TERMS_FLAGS,
        TERMS_ACCOUNT,
        TERMS_STOP_PRICE,
        TERMS_OFFSET,
        TERMS_EXPIRE_LO,
        TERMS_EXPIRE_HI,
        TERMS_WHERE,
        TERMS_DRAWS,
        TERMS_PEG_LIMIT,
        TERMS_TRIGGERED,
      ]
    ) this.word(book.i32[terms + word]!);
    for (
      const element of [
        TERMS_DISPLAY_F64,
        TERMS_RANGE_F64,
        TERMS_SHOWN_F64,
        TERMS_MIN_F64,
      ]
    ) this.number(book.f64[half + element]!);
    const link = book.i32[terms + TERMS_LINK]!;
    this.number(link === 0 ? 0 : book.f64[(link >> 1) + ORDER_ID_F64]!);
  }
}
