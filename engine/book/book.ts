// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The price-time books of all instruments of one shard, in flat memory.
 *
 * Orders of all instruments come from one pool. Orders of a price stand in a
 * doubly linked queue, oldest first; a price index finds levels and the next
 * price. The book keeps orders and their places; it does not match and does
 * not judge. Two sides may cross here (an auction needs that); it is the
 * matching that keeps them apart.
 *
 * Owned by the exchange's thread, its only reader and writer. Allocates
 * nothing after construction. Addresses of orders and levels are words in
 * `i32` (see `layout.ts`); 0 is none.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { PriceIndex } from "./price_index.ts";
import { makeQueues, type Queues } from "./queues.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  BOOK_FREE_ORDER = 1,
  BOOK_FRESH_ORDER = 2,
  BOOK_END_ORDER = 3,
  BOOK_ALLOCATED = 4,
  BOOK_ORDERS_LIMIT = 5,
  ORDER_WORDS = 16,
  INSTRUMENT_WORDS = 64,
  TABLE_WORDS = 4240,
  PAGE_WORDS = 2064,
  SIDE_BEST_KEY = 1,
  KEY_NONE = 0x7fffffff,
  SIDE_ROOT = 2,
  SIDE_WORDS = 8,
  ORDER_LEAVES_F64 = 2,
  LEVEL_HEAD = 0,
  LEVEL_QUANTITY_F64 = 1,
  ORDER_LEVEL = 2,
  LEVEL_KEY = 5,
  SIDE_BEST = 0,
  ORDER_PRICE = 3,
  ORDER_ID_F64 = 7,
  HIDDEN_SIDES = 32,
  STOP_SIDES = 48,
  TERMS_WORDS = 32,
  TERMS_ORDER = 19,
  TERMS_FLAGS = 0,
}

/** How much a book holds. */
export interface BookOptions {
  /** Resting orders of all instruments together. */
  readonly ordersMax: number;
  /** Of them with terms; all if left out. */
  readonly specialMax?: number;
  /** Instruments, with indexes from 0 up to below this. */
  readonly instrumentsMax: number;
  /** Pages of 256 neighbouring prices that can be in use (8 KiB each). */
  readonly pagesMax?: number;
  /** Tables of the price index (17 KiB each): two an instrument, and one for
   * each million ticks that a side's orders spread over. */
  readonly tablesMax?: number;
}

/** Pages if the options name none: 1,048,576 levels in 17 MiB. */
export const PAGES_DEFAULT = 2048;

interface Shape {
  readonly tablesMax: number;
  readonly pagesMax: number;
  readonly instruments: number;
  readonly orders: number;
  readonly tables: number;
  readonly pages: number;
  readonly termsOf: number;
  readonly terms: number;
  readonly specialMax: number;
  readonly words: number;
}

function shape(options: BookOptions): Shape {
  const { ordersMax, instrumentsMax } = options;
  const pagesMax = options.pagesMax ?? PAGES_DEFAULT;
  const tablesMax = options.tablesMax ?? instrumentsMax * 4 + 64;
  const specialMax = options.specialMax ?? ordersMax;
  assert(
    Number.isInteger(ordersMax) && ordersMax >= 1,
    `ordersMax is ${ordersMax}: must be a whole number, at least 1`,
  );
  assert(
    Number.isInteger(instrumentsMax) && instrumentsMax >= 1 &&
      instrumentsMax <= 65535,
    `instrumentsMax is ${instrumentsMax}: must be 1 to 65535`,
  );
  assert(
    Number.isInteger(pagesMax) && pagesMax >= 1,
    `pagesMax is ${pagesMax}: must be a whole number, at least 1`,
  );
  assert(
    Number.isInteger(tablesMax) && tablesMax >= instrumentsMax * 2 + 1,
    `tablesMax is ${tablesMax}: must be at least ${instrumentsMax * 2 + 1}`,
  );
  assert(
    Number.isInteger(specialMax) && specialMax >= 0 && specialMax <= ordersMax,
    `specialMax is ${specialMax}: must be 0 to ordersMax ${ordersMax}`,
  );
  const instruments = Fixed.INSTRUMENT_WORDS;
  const orders = instruments + instrumentsMax * Fixed.INSTRUMENT_WORDS;
  const tables = orders + (ordersMax + 1) * Fixed.ORDER_WORDS;
  const pages = tables + tablesMax * Fixed.TABLE_WORDS;
  const terms = pages + pagesMax * Fixed.PAGE_WORDS;
  const termsOf = terms + (specialMax + 1) * Fixed.TERMS_WORDS;
  const words = termsOf +
    Math.ceil((ordersMax + 1) / Fixed.ORDER_WORDS) * Fixed.ORDER_WORDS;
  assert(
    words < 2 ** 30,
    `a book of ${
      words * 4
    } bytes: must be below 4294967296; lower ordersMax ${ordersMax} or pagesMax ${pagesMax}`,
  );
  return {
    tablesMax,
    pagesMax,
    instruments,
    orders,
    tables,
    pages,
    terms,
    termsOf,
    specialMax,
    words,
  };
}

/** Books of a shard. */
export class Book {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly index: PriceIndex;
  /**
   * `rest(order, side, key)`: puts an order at the end of the queue of its
   * price, `keyOf()` it, on a side's record. Room was asked for:
   * `index.hasRoom()` if the price has no page yet.
   */
  readonly rest: Queues["rest"];
  /** `unlink(order)`: takes a resting order out of its queue; its record stays allocated. */
  readonly unlink: Queues["unlink"];
  /** `unlinkFrom(order, side)`: of a queue of this side, hidden sides and stops too. */
  readonly unlinkFrom: Queues["unlinkFrom"];
  /** `closeLevel(side, level)`: takes a level without orders out of the index and finds the next best. */
  readonly closeLevel: Queues["closeLevel"];
  /**
   * `openLevel(order, side, key, level)`: as `rest()` where the price has no
   * orders; `level` is what the index found, 0 if it has no page yet.
   */
  readonly openLevel: Queues["openLevel"];
  /** `allocate()`: takes an order's record from the pool, last used first; 0 if it is empty. */
  readonly allocate: Queues["allocate"];
  /** `free(order)`: gives an order's record back; it does not rest. */
  readonly free: Queues["free"];
  readonly ordersMax: number;
  readonly instrumentsMax: number;
  /** A record that is never in the pool: for orders that will not rest. */
  readonly scratchOrder: number;
  readonly #instruments: number;
  /** Orders with terms that may live at a time. */
  readonly specialMax: number;
  /** Terms that are never in the pool: for special orders that will not rest. */
  readonly scratchTerms: number;
  readonly #termsOf: number;
  #freeTerms = 0;
  #freshTerms: number;
  #specials = 0;

  /** Bytes that a book of these options occupies; a multiple of 64. */
  static bytes(options: BookOptions): number {
    return shape(options).words * 4;
  }

  /**
   * @param memory Zeroed memory; the book owns `Book.bytes(options)` of it.
   * @param byteOffset Where they start; a multiple of 64.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    options: BookOptions,
  ) {
    assert(byteOffset % 64 === 0, `book at ${byteOffset}: must be k x 64`);
    const at = shape(options);
    this.i32 = new Int32Array(memory, byteOffset, at.words);
    this.f64 = new Float64Array(memory, byteOffset, at.words >>> 1);
    this.ordersMax = options.ordersMax;
    this.instrumentsMax = options.instrumentsMax;
    this.#instruments = at.instruments;
    this.scratchOrder = at.orders;
    this.specialMax = at.specialMax;
    this.scratchTerms = at.terms;
    this.#freshTerms = at.terms + Fixed.TERMS_WORDS;
    this.#termsOf = at.termsOf;
    this.i32[Fixed.BOOK_FRESH_ORDER] = at.orders + Fixed.ORDER_WORDS;
    this.i32[Fixed.BOOK_END_ORDER] = at.tables;
    this.i32[Fixed.BOOK_ORDERS_LIMIT] = options.ordersMax;
    this.index = new PriceIndex(
      this.i32,
      at.tables,
      at.tablesMax,
      at.pages,
      at.pagesMax,
    );
    const queues = makeQueues(this.i32, this.f64, this.index, at.instruments);
    this.rest = queues.rest;
    this.unlink = queues.unlink;
    this.unlinkFrom = queues.unlinkFrom;
    this.closeLevel = queues.closeLevel;
    this.openLevel = queues.openLevel;
    this.allocate = queues.allocate;
    this.free = queues.free;
  }

  /** Records taken from the pool and not given back. */
  get ordersAllocated(): number {
    return this.i32[Fixed.BOOK_ALLOCATED]!;
  }

  /** Word behind the last order's record that was ever in use. */
  get ordersEnd(): number {
    return this.i32[Fixed.BOOK_FRESH_ORDER]!;
  }

  /** Forgets everything, as if it had just been made: clears what was in use. */
  reset(): void {
    const { i32 } = this;
    const end = this.ordersEnd;
    i32.fill(0, this.#termsOf, this.#termsOf + this.numberOf(end));
    i32.fill(0, this.scratchTerms, this.#freshTerms);
    this.index.reset();
    const endOrder = i32[Fixed.BOOK_END_ORDER]!;
    i32.fill(0, 0, end);
    this.#freeTerms = 0;
    this.#freshTerms = this.scratchTerms + Fixed.TERMS_WORDS;
    this.#specials = 0;
    i32[Fixed.BOOK_FRESH_ORDER] = this.scratchOrder + Fixed.ORDER_WORDS;
    i32[Fixed.BOOK_END_ORDER] = endOrder;
    i32[Fixed.BOOK_ORDERS_LIMIT] = this.ordersMax;
  }

  /** What a snapshot needs besides the memory. */
  scalars(): number[] {
    return [
      this.#freeTerms,
      this.#freshTerms,
      this.#specials,
      ...this.index.scalars(),
    ];
  }

  /** Takes what `scalars()` gave; the memory is that of then. */
  restore(scalars: readonly number[]): void {
    this.#freeTerms = scalars[0]!;
    this.#freshTerms = scalars[1]!;
    this.#specials = scalars[2]!;
    this.index.restore(scalars.slice(3));
  }

  /** Makes an instrument ready for orders; does nothing the second time. */
  define(instrument: number): void {
    if (this.isDefined(instrument)) return;
    assert(
      instrument < this.instrumentsMax,
      `instrument ${instrument}: instrumentsMax is ${this.instrumentsMax}`,
    );
    for (let bit = 0; bit < 2; bit++) {
      const side = this.sideOf(instrument, bit);
      assert(this.index.define(side), "price index: tablesMax is too low");
      this.i32[side + Fixed.SIDE_BEST_KEY] = Fixed.KEY_NONE;
      // These get a table with their first order.
      this.i32[side + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST_KEY] =
        Fixed.KEY_NONE;
      this.i32[side + Fixed.STOP_SIDES + Fixed.SIDE_BEST_KEY] = Fixed.KEY_NONE;
    }
  }

  /** True after `define()`; any number may be asked. */
  isDefined(instrument: number): boolean {
    return instrument < this.instrumentsMax &&
      this.i32[this.sideOf(instrument, 1) + Fixed.SIDE_ROOT] !== 0;
  }

  /** Record of an instrument. */
  instrumentOf(instrument: number): number {
    return this.#instruments + instrument * Fixed.INSTRUMENT_WORDS;
  }

  /** Record of one side of an instrument. @param bit 0 = buy, 1 = sell. */
  sideOf(instrument: number, bit: number): number {
    return this.#instruments + instrument * Fixed.INSTRUMENT_WORDS +
      bit * Fixed.SIDE_WORDS;
  }

  /** Record of the hidden half of a side. @param bit 0 = buy, 1 = sell. */
  hiddenSideOf(instrument: number, bit: number): number {
    return this.sideOf(instrument, bit) + Fixed.HIDDEN_SIDES;
  }

  /** Record of a side's waiting stops. @param bit 0 = buy, 1 = sell. */
  stopSideOf(instrument: number, bit: number): number {
    return this.sideOf(instrument, bit) + Fixed.STOP_SIDES;
  }

  /** Orders with terms, scratch not counted. */
  get specials(): number {
    return this.#specials;
  }

  /** Terms of an order that has `ORDER_TERMS_BIT`. */
  termsOf(order: number): number {
    return this.i32[this.#termsOf + this.numberOf(order)]!;
  }

  /** Takes terms from the pool for an order; 0 if there are none. */
  allocateTerms(order: number): number {
    let terms = this.scratchTerms;
    if (order !== this.scratchOrder) {
      terms = this.#freeTerms;
      if (terms !== 0) this.#freeTerms = this.i32[terms + Fixed.TERMS_FLAGS]!;
      else {
        terms = this.#freshTerms;
        if (terms === this.#termsOf) return 0;
        this.#freshTerms = terms + Fixed.TERMS_WORDS;
      }
      this.#specials++;
    }
    this.i32.fill(0, terms, terms + Fixed.TERMS_WORDS);
    this.i32[terms + Fixed.TERMS_ORDER] = order;
    this.i32[this.#termsOf + this.numberOf(order)] = terms;
    return terms;
  }

  /** Gives the terms of an order back. */
  freeTerms(order: number): void {
    if (order === this.scratchOrder) return;
    const terms = this.termsOf(order);
    this.i32[terms + Fixed.TERMS_ORDER] = 0;
    this.i32[terms + Fixed.TERMS_FLAGS] = this.#freeTerms;
    this.#freeTerms = terms;
    this.#specials--;
  }

  /** True if a queue for this key of this side exists or can be made; gives the side its table. */
  hasRoom(side: number, key: number): boolean {
    if (this.i32[side + Fixed.SIDE_ROOT] === 0 && !this.index.define(side)) {
      return false;
    }
    return this.index.find(side, key) !== 0 || this.index.hasRoom(side, key);
  }

  /** Place of an order's record in the pool: 0 = scratch, 1 to `ordersMax`. */
  numberOf(order: number): number {
    return (order - this.scratchOrder) >>> 4;
  }

  /** Low 32 bits of an order's id. */
  idLowOf(order: number): number {
    return this.f64[(order >> 1) + Fixed.ORDER_ID_F64]! >>> 0;
  }

  /** True if `allocate()` would find a record. */
  hasOrder(): boolean {
    const i32 = this.i32;
    return i32[Fixed.BOOK_FREE_ORDER] !== 0 ||
      i32[Fixed.BOOK_FRESH_ORDER] !== i32[Fixed.BOOK_END_ORDER];
  }

  /** Sets the leaves of a resting order, which keeps its place. */
  setLeaves(order: number, leaves: number): void {
    const f64 = this.f64;
    const at = (this.i32[order + Fixed.ORDER_LEVEL]! >> 1) +
      Fixed.LEVEL_QUANTITY_F64;
    const own = (order >> 1) + Fixed.ORDER_LEAVES_F64;
    f64[at] = f64[at]! - f64[own]! + leaves;
    f64[own] = leaves;
  }

  /** Level with the best price; 0 if the side is empty. */
  best(instrument: number, bit: number): number {
    return this.i32[this.sideOf(instrument, bit) + Fixed.SIDE_BEST]!;
  }

  /** The next worse level of a side; 0 after the last. */
  nextLevel(side: number, level: number): number {
    return this.index.next(side, this.i32[level + Fixed.LEVEL_KEY]!);
  }

  /** Price of a level in use, in ticks. */
  priceOf(level: number): number {
    return this.i32[this.i32[level + Fixed.LEVEL_HEAD]! + Fixed.ORDER_PRICE]!;
  }
}
