// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The bare book under the standard mix: `Book` and `Matching` alone, orders
 * found by direct index, nobody told of what happens. No checks, no sessions,
 * no events.
 *
 * @module
 */
import { allocate, type MemoryRegion } from "../ffi/mod.ts";
import { Book } from "../engine/book/mod.ts";
import { type FillSink, Matching } from "../engine/matching/mod.ts";
import type { Contender } from "./contender.ts";
import {
  MIX_HASH_START,
  type MixFacts,
  mixHash,
  requireHashes,
} from "./standard_mix.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  LEVEL_HEAD = 0,
  ORDER_REFERENCE_F64 = 5,
  ORDER_PRICE = 3,
  ORDER_LEAVES_F64 = 2,
  ORDER_NEXT = 0,
  MIX_RECORD_WORDS = 4,
  MixWord_ID = 1,
  MixType_CANCEL = 2,
  MixWord_QUANTITY = 3,
  ORDER_LEVEL = 2,
  MixWord_PRICE = 2,
  ORDER_QUANTITY_F64 = 3,
  ORDER_NOTIONAL_F64 = 4,
  TimeInForce_GTC = 1,
  ORDER_OWNER = 12,
  ORDER_KIND = 13,
  OrdType_LIMIT = 2,
  ORDER_ID_F64 = 7,
  INSTRUMENT_LAST_PRICE = 22,
  INSTRUMENT_LAST_QUANTITY_F64 = 10,
  FILLS_MASK = 1023,
}

const ORDERS_MAX = 1 << 17;
const PAGES_MAX = 8192;
/** Messages of a call, in words. */
const BLOCK_WORDS = 4096;

function hashBook(book: Book, symbols: number): number {
  let hash = MIX_HASH_START;
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (let bit = 0; bit < 2; bit++) {
      const side = book.sideOf(symbol, bit);
      let level = book.best(symbol, bit);
      while (level !== 0) {
        let order = book.i32[level + Fixed.LEVEL_HEAD]!;
        while (order !== 0) {
          const at = order >> 1;
          hash = mixHash(hash, book.f64[at + Fixed.ORDER_REFERENCE_F64]!);
          hash = mixHash(hash, book.i32[order + Fixed.ORDER_PRICE]!);
          hash = mixHash(hash, book.f64[at + Fixed.ORDER_LEAVES_F64]!);
          order = book.i32[order + Fixed.ORDER_NEXT]!;
        }
        level = book.nextLevel(side, level);
      }
    }
  }
  return hash >>> 0;
}

/** Makes the run over all messages: of functions in a function, as the book is. */
function makeRun(
  messages: Uint32Array,
  orders: Int32Array,
  book: Book,
  matching: Matching,
): () => void {
  const { i32, f64, allocate, free, unlink } = book;
  const { place } = matching;

  function add(what: number, at: number): void {
    const id = messages[at | Fixed.MixWord_ID]!;
    const quantity = messages[at | Fixed.MixWord_QUANTITY]!;
    const order = allocate();
    const own = order >> 1;
    i32[order | Fixed.ORDER_LEVEL] = 0;
    i32[order | Fixed.ORDER_PRICE] = messages[at | Fixed.MixWord_PRICE]!;
    f64[own + Fixed.ORDER_LEAVES_F64] = quantity;
    f64[own + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[own + Fixed.ORDER_NOTIONAL_F64] = 0;
    f64[own + Fixed.ORDER_REFERENCE_F64] = id;
    i32[order | Fixed.ORDER_OWNER] = 1 | Fixed.TimeInForce_GTC << 24;
    i32[order | Fixed.ORDER_KIND] = what >>> 16 |
      ((what >>> 8 & 1) + 1) << 16 | Fixed.OrdType_LIMIT << 24;
    f64[own + Fixed.ORDER_ID_F64] = id;
    place(order);
    if (i32[order | Fixed.ORDER_LEVEL] === 0) free(order);
    else orders[id] = order;
  }

  /** A block of messages. Code that V8 makes while its loop runs knows no constants. */
  function block(from: number, end: number): void {
    for (let at = from; at < end; at += Fixed.MIX_RECORD_WORDS) {
      const what = messages[at]!;
      if ((what & 0xff) === Fixed.MixType_CANCEL) {
        const order = orders[messages[at | Fixed.MixWord_ID]!]!;
        unlink(order);
        free(order);
      } else add(what, at);
    }
  }

  return () => {
    for (let at = 0; at < messages.length; at += BLOCK_WORDS) {
      block(at, Math.min(at + BLOCK_WORDS, messages.length));
    }
  };
}

/** Book and matching alone; orders are found by direct index. */
export class BareBook implements Contender, FillSink {
  readonly messages: number;
  readonly #run: () => void;
  readonly #facts: MixFacts;
  readonly #memory: MemoryRegion;
  readonly #book: Book;
  readonly #matching: Matching;
  /** The book's memory and its scalars before the first order. */
  readonly #empty: Uint8Array;
  readonly #scalars: readonly number[];
  readonly #fills = new Int32Array(4 * (Fixed.FILLS_MASK + 1));
  #fillCount = 0;
  #proving = false;
  #tape = MIX_HASH_START;

  constructor(records: Uint32Array, facts: MixFacts) {
    this.messages = facts.messages;
    this.#facts = facts;
    this.#memory = allocate(Book.bytes(this.#options()), { hugePages: true });
    this.#book = new Book(this.#memory.buffer, 0, this.#options());
    this.#matching = new Matching(this.#book, this);
    const ids = allocate((facts.ids + 1) * 4, { hugePages: true });
    this.#run = makeRun(
      records,
      new Int32Array(ids.buffer, 0, facts.ids + 1),
      this.#book,
      this.#matching,
    );
    for (let i = 0; i < facts.symbols; i++) this.#book.define(i);
    this.#empty = new Uint8Array(this.#memory.buffer).slice();
    this.#scalars = this.#book.scalars();
  }

  #options() {
    return {
      ordersMax: ORDERS_MAX,
      instrumentsMax: this.#facts.symbols,
      specialMax: 1,
      pagesMax: PAGES_MAX,
    };
  }

  get hugePages(): boolean {
    return this.#memory.hugePages;
  }

  prepare(): void {
    new Uint8Array(this.#memory.buffer).set(this.#empty);
    this.#book.restore(this.#scalars);
    this.#tape = MIX_HASH_START;
  }

  run(): void {
    this.#run();
  }

  /** A fill of 16 bytes, as the C ladder writes it. */
  onFill(maker: number, taker: number, instrument: number): void {
    const { i32, f64 } = this.#book;
    const fills = this.#fills;
    const to = (this.#fillCount++ & Fixed.FILLS_MASK) << 2;
    fills[to] = f64[(maker >> 1) + Fixed.ORDER_REFERENCE_F64]!;
    fills[to + 1] = f64[(taker >> 1) + Fixed.ORDER_REFERENCE_F64]!;
    fills[to + 2] = i32[instrument + Fixed.INSTRUMENT_LAST_PRICE]!;
    fills[to + 3] =
      f64[(instrument >> 1) + Fixed.INSTRUMENT_LAST_QUANTITY_F64]!;
    if (this.#proving) this.#hash(to);
  }

  #hash(fill: number): void {
    for (let word = 0; word < 4; word++) {
      this.#tape = mixHash(this.#tape, this.#fills[fill + word]!);
    }
  }

  prove(): void {
    this.prepare();
    this.#proving = true;
    this.run();
    this.#proving = false;
    requireHashes(
      "bare book",
      this.#tape >>> 0,
      hashBook(this.#book, this.#facts.symbols),
      this.#facts,
    );
  }
}
