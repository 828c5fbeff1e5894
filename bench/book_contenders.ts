// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The engines that the book benchmark compares, behind one interface: the bare
 * book, the whole exchange, and the fastest order book of the npm registry.
 *
 * Each can run the standard mix and hash its trades and its final book. Own
 * engines use plain memory; nothing is pinned.
 *
 * @module
 */
import { OrderBook, Side as NpmSide } from "nodejs-order-book";
import { Book } from "../engine/book/mod.ts";
import { EventRing, Exchange } from "../engine/exchange/mod.ts";
import { type FillSink, Matching } from "../engine/matching/mod.ts";
import { SpscRing } from "../engine/ring/mod.ts";
import { MIX_HASH_START, type MixFacts, mixHash } from "./standard_mix.ts";

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
  COMMAND_BASE_BYTES = 64,
  EVENT_SLOT_BYTES = 192,
  EventKind_FILLED = 3,
  EVT_KIND_U8 = 6,
  EVT_REFERENCE_F64 = 8,
  EVT_AGGRESSOR_U8 = 109,
  EVT_LAST_PRICE_I32 = 11,
  EVT_LAST_QUANTITY_F64 = 11,
  CommandKind_SESSION_LOGOUT = 21,
  CMD_KIND_U8 = 6,
  CMD_SEQUENCE_F64 = 1,
  CMD_LENGTH_U16 = 2,
  CommandKind_CANCEL_ORDER = 2,
  CommandKind_NEW_ORDER = 1,
  CMD_SESSION_U32 = 6,
  CMD_INSTRUMENT_U16 = 16,
  CMD_SIDE_U8 = 34,
  CMD_ORD_TYPE_U8 = 35,
  CMD_TIME_IN_FORCE_U8 = 36,
  CMD_PRICE_I32 = 10,
  CMD_QUANTITY_F64 = 6,
  CMD_REFERENCE_F64 = 7,
  CMD_WHAT_WORD = 8,
  NOT_GIVEN = 0xffff,
}

/** One engine under test. */
export interface Contender {
  readonly name: string;
  /** While true, `run()` may be slower and hashes its trades. */
  proving: boolean;
  /** A new, empty engine; not timed. */
  prepare(): void;
  /** All messages; timed. */
  run(): void;
  /** Hashes after a run. */
  tape(): number;
  book(): number;
}

const EVENT_SLOTS = 1024;
const ORDERS_MAX = 1 << 17;
const PAGES_MAX = 8192;

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

/** Book and matching alone; orders are found by direct index. */
export class BareBook implements Contender, FillSink {
  readonly name = "bare book (Book + Matching)";
  proving = false;
  readonly #messages: Uint32Array;
  readonly #facts: MixFacts;
  readonly #memory: ArrayBuffer;
  #book: Book;
  #matching: Matching;
  readonly #orders: Int32Array;
  #tape = MIX_HASH_START;

  constructor(messages: Uint32Array, facts: MixFacts) {
    this.#messages = messages;
    this.#facts = facts;
    this.#memory = new ArrayBuffer(Book.bytes(this.#options()));
    this.#orders = new Int32Array(facts.ids + 1);
    this.#book = new Book(this.#memory, 0, this.#options());
    this.#matching = new Matching(this.#book, this);
  }

  #options() {
    return {
      ordersMax: ORDERS_MAX,
      instrumentsMax: this.#facts.symbols,
      pagesMax: PAGES_MAX,
    };
  }

  prepare(): void {
    new Uint8Array(this.#memory).fill(0);
    this.#book = new Book(this.#memory, 0, this.#options());
    for (let i = 0; i < this.#facts.symbols; i++) this.#book.define(i);
    this.#matching = new Matching(this.#book, this);
    this.#tape = MIX_HASH_START;
  }

  run(): void {
    const messages = this.#messages;
    const { i32, f64 } = this.#book;
    const book = this.#book;
    const matching = this.#matching;
    const orders = this.#orders;
    for (let at = 0; at < messages.length; at += Fixed.MIX_RECORD_WORDS) {
      const what = messages[at]!;
      const id = messages[at + Fixed.MixWord_ID]!;
      if ((what & 0xff) === Fixed.MixType_CANCEL) {
        const order = orders[id]!;
        book.unlink(order);
        book.free(order);
        continue;
      }
      const order = book.allocate();
      const own = order >> 1;
      const quantity = messages[at + Fixed.MixWord_QUANTITY]!;
      i32[order + Fixed.ORDER_LEVEL] = 0;
      i32[order + Fixed.ORDER_PRICE] = messages[at + Fixed.MixWord_PRICE]!;
      f64[own + Fixed.ORDER_LEAVES_F64] = quantity;
      f64[own + Fixed.ORDER_QUANTITY_F64] = quantity;
      f64[own + Fixed.ORDER_NOTIONAL_F64] = 0;
      f64[own + Fixed.ORDER_REFERENCE_F64] = id;
      i32[order + Fixed.ORDER_OWNER] = 1 | Fixed.TimeInForce_GTC << 24;
      i32[order + Fixed.ORDER_KIND] = what >>> 16 |
        ((what >>> 8 & 1) + 1) << 16 | Fixed.OrdType_LIMIT << 24;
      f64[own + Fixed.ORDER_ID_F64] = id;
      matching.place(order);
      if (i32[order + Fixed.ORDER_LEVEL] === 0) book.free(order);
      else orders[id] = order;
    }
  }

  onFill(maker: number, taker: number, instrument: number): void {
    const { i32, f64 } = this.#book;
    let hash = mixHash(
      this.#tape,
      f64[(maker >> 1) + Fixed.ORDER_REFERENCE_F64]!,
    );
    hash = mixHash(hash, f64[(taker >> 1) + Fixed.ORDER_REFERENCE_F64]!);
    hash = mixHash(hash, i32[instrument + Fixed.INSTRUMENT_LAST_PRICE]!);
    this.#tape = mixHash(
      hash,
      f64[(instrument >> 1) + Fixed.INSTRUMENT_LAST_QUANTITY_F64]!,
    );
  }

  tape(): number {
    return this.#tape >>> 0;
  }

  book(): number {
    return hashBook(this.#book, this.#facts.symbols);
  }
}

/** Commands of 64 bytes in, events of 128 bytes out. */
export class WholeExchange implements Contender {
  readonly name = "exchange (commands in, events out)";
  readonly #facts: MixFacts;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #memory: ArrayBuffer;
  readonly #exchange: Exchange;
  readonly #consumer: SpscRing;
  #tape = MIX_HASH_START;
  #maker = 0;
  /** Hash fills while draining; only for the proof. */
  proving = false;

  constructor(messages: Uint32Array, facts: MixFacts) {
    this.#facts = facts;
    const bytes = new Uint8Array(facts.messages * Fixed.COMMAND_BASE_BYTES);
    this.#i32 = new Int32Array(bytes.buffer);
    this.#f64 = new Float64Array(bytes.buffer);
    encode(messages, bytes);
    this.#memory = new ArrayBuffer(Exchange.bytes(this.#capacity()));
    [this.#exchange, this.#consumer] = this.#make();
  }

  #capacity() {
    return {
      ordersMax: ORDERS_MAX,
      instrumentsMax: this.#facts.symbols,
      sessionsMax: 16,
      pagesMax: PAGES_MAX,
    };
  }

  #make(): [Exchange, SpscRing] {
    const ring = new ArrayBuffer(
      SpscRing.bytes(Fixed.EVENT_SLOT_BYTES, EVENT_SLOTS),
    );
    const ends = (["producer", "consumer"] as const).map((side) =>
      new SpscRing(ring, 0, Fixed.EVENT_SLOT_BYTES, EVENT_SLOTS, side)
    );
    const exchange = new Exchange({
      ...this.#capacity(),
      memory: this.#memory,
      events: [new EventRing(ends[0]!, () => this.#drain())],
      routes: new Uint8Array(16),
    });
    for (let i = 0; i < this.#facts.symbols; i++) exchange.book.define(i);
    return [exchange, ends[1]!];
  }

  /** One exchange for all runs, as in a process: cancels empty its books. */
  prepare(): void {
    const exchange = this.#exchange;
    const command = new Uint8Array(this.#i32.buffer as ArrayBuffer)
      .slice(0, Fixed.COMMAND_BASE_BYTES);
    const i32 = new Int32Array(command.buffer);
    const f64 = new Float64Array(command.buffer);
    const { book } = exchange;
    for (let symbol = 0; symbol < this.#facts.symbols; symbol++) {
      for (let bit = 0; bit < 2; bit++) {
        for (;;) {
          const level = book.best(symbol, bit);
          if (level === 0) break;
          const order = book.i32[level + Fixed.LEVEL_HEAD]!;
          command[Fixed.CMD_KIND_U8] = Fixed.CommandKind_CANCEL_ORDER;
          i32[Fixed.CMD_WHAT_WORD] = Fixed.NOT_GIVEN;
          f64[Fixed.CMD_SEQUENCE_F64] = exchange.sequence + 1;
          f64[Fixed.CMD_REFERENCE_F64] = book
            .f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64]!;
          exchange.apply({ i32, f64 }, 0);
        }
      }
    }
    const last = exchange.sequence;
    for (let i = 0; i < this.#facts.messages; i++) {
      this.#f64[i * 8 + Fixed.CMD_SEQUENCE_F64] = last + 1 + i;
    }
    exchange.publish();
    this.#drain();
    this.#tape = MIX_HASH_START;
  }

  run(): void {
    const views = { i32: this.#i32, f64: this.#f64 };
    const exchange = this.#exchange;
    const end = this.#facts.messages * Fixed.COMMAND_BASE_BYTES;
    for (let at = 0; at < end; at += Fixed.COMMAND_BASE_BYTES) {
      exchange.apply(views, at);
    }
  }

  #drain(): void {
    const ring = this.#consumer;
    const count = ring.available();
    for (let i = 0; this.proving && i < count; i++) {
      this.#hashFill(ring, ring.peek(i));
    }
    ring.release(count);
  }

  #hashFill(ring: SpscRing, slot: number): void {
    const byte = slot * Fixed.EVENT_SLOT_BYTES;
    if (ring.u8[byte + Fixed.EVT_KIND_U8] !== Fixed.EventKind_FILLED) return;
    const reference = ring.f64[(byte >> 3) + Fixed.EVT_REFERENCE_F64]!;
    if (ring.u8[byte + Fixed.EVT_AGGRESSOR_U8] === 0) {
      this.#maker = reference;
      return;
    }
    let hash = mixHash(this.#tape, this.#maker);
    hash = mixHash(hash, reference);
    hash = mixHash(hash, ring.i32[(byte >> 2) + Fixed.EVT_LAST_PRICE_I32]!);
    this.#tape = mixHash(
      hash,
      ring.f64[(byte >> 3) + Fixed.EVT_LAST_QUANTITY_F64]!,
    );
  }

  tape(): number {
    // What is still claimed and not published belongs to the tape too.
    this.#exchange.apply(this.#farewell(), 0);
    this.#drain();
    return this.#tape >>> 0;
  }

  /** A command after all others that causes no event; its ring is published. */
  #farewell(): { i32: Int32Array; f64: Float64Array } {
    const bytes = new Uint8Array(Fixed.COMMAND_BASE_BYTES);
    bytes[Fixed.CMD_KIND_U8] = Fixed.CommandKind_SESSION_LOGOUT;
    const f64 = new Float64Array(bytes.buffer);
    f64[Fixed.CMD_SEQUENCE_F64] = this.#exchange.sequence + 1;
    this.#exchange.publish();
    return { i32: new Int32Array(bytes.buffer), f64 };
  }

  book(): number {
    return hashBook(this.#exchange.book, this.#facts.symbols);
  }
}

/** Turns the mix's records into commands. */
function encode(messages: Uint32Array, bytes: Uint8Array<ArrayBuffer>): void {
  const u16 = new Uint16Array(bytes.buffer);
  const u32 = new Uint32Array(bytes.buffer);
  const f64 = new Float64Array(bytes.buffer);
  const count = messages.length / Fixed.MIX_RECORD_WORDS;
  for (let i = 0; i < count; i++) {
    const from = i * Fixed.MIX_RECORD_WORDS;
    const what = messages[from]!;
    const byte = i * Fixed.COMMAND_BASE_BYTES;
    u16[(byte >> 1) + Fixed.CMD_LENGTH_U16] = Fixed.COMMAND_BASE_BYTES;
    bytes[byte + Fixed.CMD_KIND_U8] = (what & 0xff) === Fixed.MixType_CANCEL
      ? Fixed.CommandKind_CANCEL_ORDER
      : Fixed.CommandKind_NEW_ORDER;
    f64[(byte >> 3) + Fixed.CMD_SEQUENCE_F64] = i + 1;
    u32[(byte >> 2) + Fixed.CMD_SESSION_U32] = 1;
    u16[(byte >> 1) + Fixed.CMD_INSTRUMENT_U16] = what >>> 16;
    bytes[byte + Fixed.CMD_SIDE_U8] = (what >>> 8 & 1) + 1;
    bytes[byte + Fixed.CMD_ORD_TYPE_U8] = Fixed.OrdType_LIMIT;
    bytes[byte + Fixed.CMD_TIME_IN_FORCE_U8] = Fixed.TimeInForce_GTC;
    u32[(byte >> 2) + Fixed.CMD_PRICE_I32] =
      messages[from + Fixed.MixWord_PRICE]!;
    f64[(byte >> 3) + Fixed.CMD_QUANTITY_F64] =
      messages[from + Fixed.MixWord_QUANTITY]!;
    f64[(byte >> 3) + Fixed.CMD_REFERENCE_F64] =
      messages[from + Fixed.MixWord_ID]!;
  }
}

interface NpmSnapshot {
  readonly bids: readonly NpmLevel[];
  readonly asks: readonly NpmLevel[];
}

interface NpmLevel {
  readonly price: number;
  readonly orders: readonly { readonly id: string; readonly size: number }[];
}

/** What the npm book answers to an order, as far as it is looked at. */
interface NpmAnswer {
  readonly done: readonly { readonly id: string }[];
  readonly partial: { readonly id: string } | null;
  readonly partialQuantityProcessed: number;
}

/** The order book of npm, as its users would call it. One symbol. */
export class NpmBook implements Contender {
  readonly name = "npm nodejs-order-book 10.1.1";
  proving = false;
  readonly #ids: string[];
  readonly #messages: Uint32Array;
  #book = new OrderBook();
  /** Lots that rest, by id; for the proof. */
  readonly #left = new Map<number, number>();
  readonly #prices = new Map<number, number>();
  #tape = MIX_HASH_START;

  constructor(messages: Uint32Array, facts: MixFacts) {
    this.#messages = messages;
    this.#ids = Array.from({ length: facts.ids + 1 }, (_, id) => String(id));
  }

  prepare(): void {
    this.#book = new OrderBook();
    this.#left.clear();
    this.#prices.clear();
    this.#tape = MIX_HASH_START;
  }

  run(): void {
    const messages = this.#messages;
    const ids = this.#ids;
    const book = this.#book;
    for (let at = 0; at < messages.length; at += Fixed.MIX_RECORD_WORDS) {
      const what = messages[at]!;
      const id = messages[at + Fixed.MixWord_ID]!;
      if ((what & 0xff) === Fixed.MixType_CANCEL) {
        book.cancel(ids[id]!);
        continue;
      }
      const answer = book.limit({
        side: (what >>> 8 & 1) === 0 ? NpmSide.BUY : NpmSide.SELL,
        id: ids[id]!,
        size: messages[at + Fixed.MixWord_QUANTITY]!,
        price: messages[at + Fixed.MixWord_PRICE]!,
      });
      if (this.proving) this.#hashFills(at, answer);
    }
  }

  /** The answer lists makers that are done in order, then a partly filled one. */
  #hashFills(at: number, answer: NpmAnswer): void {
    const taker = this.#messages[at + Fixed.MixWord_ID]!;
    let left = this.#messages[at + Fixed.MixWord_QUANTITY]!;
    for (const done of answer.done) {
      const maker = Number(done.id);
      if (maker === taker) continue;
      const traded = this.#left.get(maker)!;
      left -= traded;
      this.#hashFill(maker, taker, traded);
    }
    const partial = answer.partial;
    if (partial !== null && Number(partial.id) !== taker) {
      const maker = Number(partial.id);
      const traded = answer.partialQuantityProcessed;
      left -= traded;
      this.#left.set(maker, this.#left.get(maker)! - traded);
      this.#hashFill(maker, taker, traded);
    }
    if (left > 0) {
      this.#left.set(taker, left);
      this.#prices.set(taker, this.#messages[at + Fixed.MixWord_PRICE]!);
    }
  }

  #hashFill(maker: number, taker: number, traded: number): void {
    let hash = mixHash(this.#tape, maker);
    hash = mixHash(hash, taker);
    hash = mixHash(hash, this.#prices.get(maker)!);
    this.#tape = mixHash(hash, traded);
  }

  tape(): number {
    return this.#tape >>> 0;
  }

  book(): number {
    const { bids, asks }: NpmSnapshot = this.#book.snapshot();
    let hash = MIX_HASH_START;
    const levels = [
      ...bids.toSorted((a, b) => b.price - a.price),
      ...asks.toSorted((a, b) => a.price - b.price),
    ];
    for (const level of levels) {
      for (const order of level.orders) {
        hash = mixHash(hash, Number(order.id));
        hash = mixHash(hash, level.price);
        hash = mixHash(hash, order.size);
      }
    }
    return hash >>> 0;
  }
}
