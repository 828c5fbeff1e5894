// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Depth and last trade of each instrument, published in shared memory.
 *
 * ```
 *   exchange's thread ─publishSome()─▶ [ block of instrument 0 | 1 | ... ] ◀─read()─ any thread
 * ```
 *
 * Each block is guarded by a version (a seqlock, Boehm 2012): odd while it is
 * written, so a reader that saw it change reads again. There is one writer.
 * Writing does not allocate; it visits a few instruments a call, so that its
 * pause is short however many there are. It is a view for people and
 * dashboards, not a feed: what happens between two visits is not shown.
 *
 * @module
 */
import {
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_LAST_QUANTITY_F64,
  INSTRUMENT_TRADES_F64,
  INSTRUMENT_VOLUME_F64,
} from "../book/mod.ts";
import type { Exchange } from "../exchange/mod.ts";

/** How much is published. */
export interface DepthShape {
  readonly instrumentsMax: number;
  /** Levels of each side. */
  readonly levels: number;
}

/** Price, lots and orders of a level, in the instrument's units. */
export interface DepthLevel {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}

/** What a reader sees of one instrument. */
export interface DepthView {
  readonly symbol: string;
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
  /** 0 if there was none. */
  readonly lastPrice: number;
  readonly lastQuantity: number;
  readonly trades: number;
  readonly volume: number;
}

// Float64 places in a block. The version is the first int32 of the block.
const TICK_SIZE_E8 = 1;
const LOT_SIZE_E8 = 2;
const LAST_PRICE = 3;
const LAST_QUANTITY = 4;
const TRADES = 5;
const VOLUME = 6;
const BID_COUNT = 7;
const ASK_COUNT = 8;
/** 60 bytes of text. */
const SYMBOL = 9;
const LEVELS = 17;
const LEVEL_SLOTS = 3;
const SYMBOL_BYTES = 60;
const READS_MAX = 1000;

function blockSlots(shape: DepthShape): number {
  return Math.ceil((LEVELS + 2 * shape.levels * LEVEL_SLOTS) / 8) * 8;
}

/** Bytes that the blocks of a shape occupy. */
export function depthBytes(shape: DepthShape): number {
  return shape.instrumentsMax * blockSlots(shape) * 8;
}

/** The one writer. Belongs to the exchange's thread. */
export class DepthPublisher {
  readonly #exchange: Exchange;
  readonly #shape: DepthShape;
  readonly #slots: number;
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  readonly #levels: Float64Array;
  #instruments = 0;
  #next = 0;

  /**
   * @param memory Zeroed memory that readers see too.
   * @param byteOffset Where the blocks start; a multiple of 64.
   */
  constructor(
    exchange: Exchange,
    memory: ArrayBufferLike,
    byteOffset: number,
    shape: DepthShape,
  ) {
    this.#exchange = exchange;
    this.#shape = shape;
    this.#slots = blockSlots(shape);
    const bytes = depthBytes(shape);
    this.#f64 = new Float64Array(memory, byteOffset, bytes >>> 3);
    this.#i32 = new Int32Array(memory, byteOffset, bytes >>> 2);
    this.#u8 = new Uint8Array(memory, byteOffset, bytes);
    this.#levels = new Float64Array(shape.levels * LEVEL_SLOTS);
  }

  /** Instruments that are published. */
  get instruments(): number {
    return this.#instruments;
  }

  /**
   * Publishes a new instrument (cold).
   *
   * @param symbol Its text, zero-padded.
   */
  define(
    index: number,
    symbol: Uint8Array,
    tickSizeE8: number,
    lotSizeE8: number,
  ): void {
    const at = index * this.#slots;
    this.#f64[at + TICK_SIZE_E8] = tickSizeE8;
    this.#f64[at + LOT_SIZE_E8] = lotSizeE8;
    this.#u8.set(symbol.subarray(0, SYMBOL_BYTES), (at + SYMBOL) * 8);
    if (index >= this.#instruments) this.#instruments = index + 1;
    this.#publish(index);
  }

  /** Publishes the next `count` instruments in turn. */
  publishSome(count: number): void {
    const some = count < this.#instruments ? count : this.#instruments;
    for (let i = 0; i < some; i++) {
      if (this.#next >= this.#instruments) this.#next = 0;
      this.#publish(this.#next++);
    }
  }

  #publish(index: number): void {
    const { book } = this.#exchange;
    if (!book.isDefined(index)) return;
    const at = index * this.#slots;
    const f64 = this.#f64;
    const from = book.instrumentOf(index);
    Atomics.add(this.#i32, at * 2, 1);
    f64[at + LAST_PRICE] = book.i32[from + INSTRUMENT_LAST_PRICE]!;
    f64[at + LAST_QUANTITY] = book
      .f64[(from >> 1) + INSTRUMENT_LAST_QUANTITY_F64]!;
    f64[at + TRADES] = book.f64[(from >> 1) + INSTRUMENT_TRADES_F64]!;
    f64[at + VOLUME] = book.f64[(from >> 1) + INSTRUMENT_VOLUME_F64]!;
    f64[at + BID_COUNT] = this.#publishSide(index, 0, at + LEVELS);
    f64[at + ASK_COUNT] = this.#publishSide(
      index,
      1,
      at + LEVELS + this.#levels.length,
    );
    Atomics.add(this.#i32, at * 2, 1);
  }

  #publishSide(index: number, bit: number, to: number): number {
    const levels = this.#levels;
    const count = this.#exchange.depth(index, bit, this.#shape.levels, levels);
    for (let i = 0; i < count * LEVEL_SLOTS; i++) {
      this.#f64[to + i] = levels[i]!;
    }
    return count;
  }
}

/** A reader on any thread; allocates. */
export class DepthReader {
  readonly #shape: DepthShape;
  readonly #slots: number;
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #copy: Float64Array;

  /** Over the same memory as the publisher. */
  constructor(memory: ArrayBufferLike, byteOffset: number, shape: DepthShape) {
    this.#shape = shape;
    this.#slots = blockSlots(shape);
    const bytes = depthBytes(shape);
    this.#f64 = new Float64Array(memory, byteOffset, bytes >>> 3);
    this.#i32 = new Int32Array(memory, byteOffset, bytes >>> 2);
    this.#copy = new Float64Array(this.#slots);
  }

  /** The instrument of that name; undefined if there is none. */
  read(symbol: string): DepthView | undefined {
    for (let index = 0; index < this.#shape.instrumentsMax; index++) {
      const view = this.readIndex(index);
      if (view === undefined) return undefined;
      if (view.symbol === symbol) return view;
    }
    return undefined;
  }

  /**
   * The instrument of that index; undefined if there is none.
   *
   * @throws {Error} If its writer died in the middle.
   */
  readIndex(index: number): DepthView | undefined {
    const at = index * this.#slots;
    for (let attempt = 0; attempt < READS_MAX; attempt++) {
      const version = Atomics.load(this.#i32, at * 2);
      if (version === 0) return undefined;
      if ((version & 1) === 1) continue;
      this.#copy.set(this.#f64.subarray(at, at + this.#slots));
      if (Atomics.load(this.#i32, at * 2) === version) return this.#view();
    }
    throw new Error(`Depth of instrument ${index} changes all the time`);
  }

  #view(): DepthView {
    const copy = this.#copy;
    const bytes = new Uint8Array(copy.buffer, SYMBOL * 8, SYMBOL_BYTES);
    const end = bytes.indexOf(0);
    const tick = copy[TICK_SIZE_E8]! / 1e8;
    const lot = copy[LOT_SIZE_E8]! / 1e8;
    const side = (from: number, count: number): DepthLevel[] =>
      Array.from({ length: count }, (_, i) => ({
        price: scaled(copy[from + i * LEVEL_SLOTS]!, tick),
        quantity: scaled(copy[from + i * LEVEL_SLOTS + 1]!, lot),
        orders: copy[from + i * LEVEL_SLOTS + 2]!,
      }));
    return {
      symbol: new TextDecoder().decode(
        bytes.subarray(0, end < 0 ? SYMBOL_BYTES : end),
      ),
      bids: side(LEVELS, copy[BID_COUNT]!),
      asks: side(LEVELS + this.#shape.levels * LEVEL_SLOTS, copy[ASK_COUNT]!),
      lastPrice: scaled(copy[LAST_PRICE]!, tick),
      lastQuantity: scaled(copy[LAST_QUANTITY]!, lot),
      trades: copy[TRADES]!,
      volume: scaled(copy[VOLUME]!, lot),
    };
  }
}

/** Units times their size, to eight places: for people. */
function scaled(units: number, size: number): number {
  return Number((units * size).toFixed(8));
}
