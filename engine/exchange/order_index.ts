// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds a live order by its session and the session's own number for it.
 *
 * A table of one word for each place: the order's record, and in its lowest
 * bit whether another order of the same place follows in the chain. The chain
 * has a word for each record and is read only then. Neighbouring references of
 * a session stand side by side, so that a client who counts meets cache lines
 * that are there already; each session, and each run of as many references as
 * the table has places, starts somewhere else.
 *
 * A few orders use a small part of the table, so that it lies in the cache
 * whatever the capacity; the part grows to sixteen times its size, and then to
 * all of it, before an eighth of it is taken. It never shrinks.
 *
 * Owned by the exchange's thread. Allocates nothing after construction. Takes
 * a reference as a place in a float64 array, because a float64 argument of a
 * call that is not inlined would be allocated.
 *
 * @module
 */
import { assert } from "../assert.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  INDEX_HEADER_WORDS = 16,
  INDEX_SIZE = 0,
  INDEX_CHAINED = 1,
  INDEX_MASK = 1,
  INDEX_GROW_ABOVE = 2,
  INDEX_MASK_FIRST = 4095,
  INDEX_MASK_SECOND = 65535,
  NEVER = 0x7fffffff,
  INDEX_SPREAD_HIGH = 0x9e3779b1,
  INDEX_SPREAD_SESSION = 0x85ebca6b,
  ORDER_WORDS_SHIFT = 4,
  ORDER_REFERENCE_F64 = 5,
  ORDER_OWNER = 12,
  ORDER_SESSION_MASK = 0xffffff,
}

/** Words before the table; the first holds the number of orders. */
export const INDEX_HEADER_WORDS = 16;
export const INDEX_SIZE = 0;
/** Places of the part of the table that is in use, less 1: a mask. */
export const INDEX_MASK = 1;
/** With more orders than this the part grows. */
export const INDEX_GROW_ABOVE = 2;
/** Bit of a word of the table or the chain: another order follows. */
export const INDEX_CHAINED = 1;
/** What spreads runs of references, and sessions, over the table. */
export const INDEX_SPREAD_HIGH = 0x9e3779b1;
export const INDEX_SPREAD_SESSION = 0x85ebca6b;

/** Power of two: places of the table, at most a quarter of them taken. */
function bitsOf(ordersMax: number): number {
  let bits = 6;
  while (2 ** bits < ordersMax * 4) bits++;
  return bits;
}

/** Live orders by (session, reference). */
export class OrderIndex {
  /** Header, table, chain. */
  readonly words: Int32Array;
  /** Places of the table: a power of two. */
  readonly bits: number;
  /** The book's memory, where sessions and references stand. */
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #mask: number;
  /** Word of the chain that belongs to record 0. */
  readonly #chain: number;

  /** Bytes that an index for this many orders occupies; a multiple of 64. */
  static bytes(ordersMax: number): number {
    return (Fixed.INDEX_HEADER_WORDS + 2 ** bitsOf(ordersMax)) * 4 +
      Math.ceil((ordersMax + 1) / 16) * 64;
  }

  /**
   * @param memory Zeroed memory; the index owns `OrderIndex.bytes()` of it.
   * @param byteOffset Where they start; a multiple of 64.
   * @param i32 The book's words.
   * @param f64 The book's float64 elements.
   * @param first Word of the first record; the others follow it.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    ordersMax: number,
    i32: Int32Array,
    f64: Float64Array,
    first = 0,
  ) {
    const bytes = OrderIndex.bytes(ordersMax);
    this.words = new Int32Array(memory, byteOffset, bytes >>> 2);
    this.bits = bitsOf(ordersMax);
    this.#i32 = i32;
    this.#f64 = f64;
    this.#mask = 2 ** this.bits - 1;
    if (this.words[Fixed.INDEX_MASK] === 0) {
      this.#useMask(Fixed.INDEX_MASK_FIRST);
    }
    this.#chain = Fixed.INDEX_HEADER_WORDS + 2 ** this.bits -
      (first >>> Fixed.ORDER_WORDS_SHIFT);
  }

  #useMask(wanted: number): void {
    const mask = Math.min(wanted, this.#mask);
    this.words[Fixed.INDEX_MASK] = mask;
    this.words[Fixed.INDEX_GROW_ABOVE] = mask === this.#mask
      ? Fixed.NEVER
      : mask >>> 3;
  }

  /** Forgets everything. */
  reset(): void {
    this.words.fill(0);
    this.#useMask(Fixed.INDEX_MASK_FIRST);
  }

  /** Number of orders in the index. */
  get size(): number {
    return this.words[Fixed.INDEX_SIZE]!;
  }

  /** The session's order whose reference stands in `f64[at]`; 0 if unknown. */
  find(session: number, f64: Float64Array, at: number): number {
    const words = this.words;
    const reference = f64[at]!;
    let entry = words[this.#placeOf(session, reference >>> 0)]!;
    while (entry !== 0) {
      const order = entry & ~Fixed.INDEX_CHAINED;
      if (
        this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] === reference &&
        (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK) ===
          session
      ) return order;
      if ((entry & Fixed.INDEX_CHAINED) === 0) return 0;
      entry = words[this.#chain + (order >>> Fixed.ORDER_WORDS_SHIFT)]!;
    }
    return 0;
  }

  /** Adds an order, whose record holds session and reference; it is not in. */
  insert(order: number): void {
    const words = this.words;
    this.#put(order);
    words[Fixed.INDEX_SIZE] = words[Fixed.INDEX_SIZE]! + 1;
    if (words[Fixed.INDEX_SIZE]! > words[Fixed.INDEX_GROW_ABOVE]!) this.grow();
  }

  /** Uses a larger part of the table. Cold: puts each order where it is to be found then. */
  grow(): void {
    const words = this.words;
    const places = words[Fixed.INDEX_MASK]! + 1;
    this.#useMask(
      places <= Fixed.INDEX_MASK_FIRST + 1
        ? Fixed.INDEX_MASK_SECOND
        : this.#mask,
    );
    // An order stays at its place or goes behind all of the part that was used.
    for (let place = 0; place < places; place++) {
      let entry = words[Fixed.INDEX_HEADER_WORDS + place]!;
      words[Fixed.INDEX_HEADER_WORDS + place] = 0;
      while (entry !== 0) {
        const order = entry & ~Fixed.INDEX_CHAINED;
        const next = (entry & Fixed.INDEX_CHAINED) === 0
          ? 0
          : words[this.#chain + (order >>> Fixed.ORDER_WORDS_SHIFT)]!;
        this.#put(order);
        entry = next;
      }
    }
  }

  /** Puts an order where it belongs. */
  #put(order: number): void {
    const words = this.words;
    const place = this.#placeOfOrder(order);
    const entry = words[place]!;
    if (entry === 0) words[place] = order;
    else {
      words[this.#chain + (order >>> Fixed.ORDER_WORDS_SHIFT)] = entry;
      words[place] = order | Fixed.INDEX_CHAINED;
    }
  }

  /** Removes an order that is in, by its record. */
  remove(order: number): void {
    const words = this.words;
    const chain = this.#chain;
    let place = this.#placeOfOrder(order);
    let entry = words[place]!;
    let before = 0;
    while ((entry & ~Fixed.INDEX_CHAINED) !== order) {
      assert(
        (entry & Fixed.INDEX_CHAINED) !== 0,
        "order index: order is not there",
      );
      before = place;
      place = chain + (entry >>> Fixed.ORDER_WORDS_SHIFT);
      entry = words[place]!;
    }
    if ((entry & Fixed.INDEX_CHAINED) !== 0) {
      words[place] = words[chain + (order >>> Fixed.ORDER_WORDS_SHIFT)]!;
    } else {
      words[place] = 0;
      if (before !== 0) {
        words[before] = words[before]! & ~Fixed.INDEX_CHAINED;
      }
    }
    words[Fixed.INDEX_SIZE] = words[Fixed.INDEX_SIZE]! - 1;
  }

  #placeOfOrder(order: number): number {
    return this.#placeOf(
      this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK,
      this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64]! >>> 0,
    );
  }

  #placeOf(session: number, reference: number): number {
    const spread = reference +
      Math.imul(reference >>> this.bits, Fixed.INDEX_SPREAD_HIGH) +
      Math.imul(session, Fixed.INDEX_SPREAD_SESSION);
    return Fixed.INDEX_HEADER_WORDS +
      (spread & this.words[Fixed.INDEX_MASK]!);
  }
}
