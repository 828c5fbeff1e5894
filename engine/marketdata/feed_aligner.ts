// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Brings receivers of the feed to the engine's displayed book: compares orders
 * with what receivers have, and sends what is missing.
 *
 * ```
 *   engine's queue   a b c' d      a is as it was; b went; c is new, so
 *   receivers have   a b   d       d, which stands behind it, is shown anew:  D b, A c', U d
 * ```
 *
 * A new order is always the last of its price for a receiver, so the order of
 * messages is that of the engine's queue. It reads the replica's book between
 * two commands. Belongs to the feed's thread; allocates.
 *
 * @module
 */
import {
  KEY_MARKET,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_TAIL,
  ORDER_ID_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_OWNER,
  ORDER_PREVIOUS,
  ORDER_TERMS_BIT,
  SIDE_BEST,
  TERMS_DISPLAY_F64,
  TERMS_SHOWN_F64,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import type { Exchange } from "../exchange/mod.ts";
import type { ItchEncoder } from "../wire/itch/mod.ts";
import { bookOf, FeedBook, type ShownOrder } from "./feed_book.ts";

/** An instrument as the feed shows it. */
export interface FeedInstrument {
  readonly index: number;
  /** Eight characters. */
  readonly stock: Uint8Array;
  /** Units of 1e-4 of a tick; 0 = such prices can not be told, nothing is shown. */
  readonly priceUnits: number;
  /** Shares of a lot; 1 if the lot is a fraction: then shares are lots. */
  readonly lotShares: number;
  readonly roundLot: number;
  state: number;
}

/** Where an order of the command is to be looked for. */
export interface Touched {
  readonly id: number;
  session: number;
  reference: number;
}

/** Fresh references start here; ids of orders stay below. */
export const FRESH_REFERENCES = 2 ** 52;
export const U32_MAX = 4294967295;
const NOTHING: ReadonlyMap<number, Touched> = new Map();

/** What the aligner works with. */
export interface FeedAlignerOptions {
  readonly exchange: Exchange;
  /** By index; some places may be empty. */
  readonly instruments: readonly FeedInstrument[];
  readonly encoder: ItchEncoder;
  readonly send: (encode: () => number) => void;
}

/** Compares and sends. See the module's text. */
export class FeedAligner {
  readonly book = new FeedBook();
  readonly #exchange: Exchange;
  readonly #instruments: readonly FeedInstrument[];
  readonly #encoder: ItchEncoder;
  readonly #send: (encode: () => number) => void;
  /** References of orders that receivers have and that are shown anew. */
  readonly #moved = new Map<number, number>();
  readonly #reference = new Float64Array(1);
  #fresh = FRESH_REFERENCES;
  /** Of the command; 0 = any: at the start. */
  sequence = 0;

  constructor(options: FeedAlignerOptions) {
    this.#exchange = options.exchange;
    this.#instruments = options.instruments;
    this.#encoder = options.encoder;
    this.#send = options.send;
  }

  /** Compares each order of the command with what receivers have. */
  compare(touched: ReadonlyMap<number, Touched>): void {
    /** Levels to look through: absent orders in each. */
    const levels = new Map<number, number>();
    for (const one of touched.values()) {
      const order = this.#find(one);
      const shown = this.book.find(one.id);
      const stays = shown !== undefined && this.#compareOne(shown, order);
      if (order === 0 || this.#lotsOf(order) === 0) continue;
      const level = this.#exchange.book.i32[order + ORDER_LEVEL]!;
      levels.set(level, (levels.get(level) ?? 0) + (stays ? 0 : 1));
    }
    for (const [level, absent] of levels) this.#align(level, absent, touched);
  }

  /** Compares both sides of an instrument with what receivers have. */
  compareAll(index: number): void {
    const { book } = this.#exchange;
    const { i32, f64 } = book;
    for (let bit = 0; bit < 2; bit++) {
      const displayed = new Map<number, number>();
      const side = book.sideOf(index, bit);
      let level = i32[side + SIDE_BEST]!;
      for (; level !== 0; level = book.nextLevel(side, level)) {
        for (let at = i32[level + LEVEL_HEAD]!; at !== 0;) {
          displayed.set(f64[(at >> 1) + ORDER_ID_F64]!, at);
          at = i32[at + ORDER_NEXT]!;
        }
      }
      for (const { head } of [...this.book.levelsOf(bookOf(index, bit))]) {
        for (let at = head; at !== undefined;) {
          const { next } = at;
          this.#compareOne(at, displayed.get(at.id) ?? 0);
          at = next;
        }
      }
      this.showSide(this.#instruments[index], bit);
    }
  }

  /** True if receivers have the order where it is, with as many lots. */
  #compareOne(shown: ShownOrder, order: number): boolean {
    const lots = order === 0 ? 0 : this.#lotsOf(order);
    if (lots === 0) this.#delete(shown);
    else if (
      shown.lots < lots || shown.level.price !== this.#priceOf(order)
    ) this.#take(shown);
    else {
      if (shown.lots > lots) this.#reduce(shown, lots);
      return true;
    }
    return false;
  }

  /** The record of an order that was touched; 0 = it lives no more. */
  #find({ id, session, reference }: Touched): number {
    this.#reference[0] = reference;
    const order = this.#exchange.findOrder(session, this.#reference, 0);
    if (order === 0) return 0;
    const { f64 } = this.#exchange.book;
    return f64[(order >> 1) + ORDER_ID_F64] === id ? order : 0;
  }

  /** Lots of an order that the public may see and that a message can tell. */
  #lotsOf(order: number): number {
    const { book } = this.#exchange;
    const { i32, f64 } = book;
    const level = i32[order + ORDER_LEVEL]!;
    if (level === 0 || i32[level + LEVEL_KEY] === KEY_MARKET) return 0;
    let lots = f64[(order >> 1) + ORDER_LEAVES_F64]!;
    if ((i32[order + ORDER_OWNER]! & ORDER_TERMS_BIT) !== 0) {
      const terms = book.termsOf(order);
      if (i32[terms + TERMS_WHERE] !== Where.DISPLAYED) return 0;
      if (f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0) {
        lots = f64[(terms >> 1) + TERMS_SHOWN_F64]!;
      }
    }
    const instrument = this.#instruments[i32[order + ORDER_KIND]! & 0xffff];
    if (instrument === undefined) return 0;
    const tellable = isU32(this.#priceOf(order) * instrument.priceUnits) &&
      lots * instrument.lotShares <= U32_MAX;
    return tellable ? lots : 0;
  }

  /** Ticks of the level that an order rests in. */
  #priceOf(order: number): number {
    const { i32 } = this.#exchange.book;
    const bit = (i32[order + ORDER_KIND]! >>> 16 & 0xff) - 1;
    return i32[i32[order + ORDER_LEVEL]! + LEVEL_KEY]! ^ (bit - 1);
  }

  /**
   * Brings the queue of a price in order. From the end on, it looks for the
   * last order that is as it was; all behind the first that is not are shown
   * anew, because a new order is always the last one.
   *
   * @param absent Orders in the level that receivers do not have.
   * @param touched Orders that may stand elsewhere than before.
   */
  #align(
    level: number,
    absent: number,
    touched: ReadonlyMap<number, Touched>,
  ): void {
    const { i32, f64 } = this.#exchange.book;
    let order = i32[level + LEVEL_TAIL]!;
    if (order === 0) return;
    const bit = (i32[order + ORDER_KIND]! >>> 16 & 0xff) - 1;
    const book = bookOf(i32[order + ORDER_KIND]! & 0xffff, bit);
    let last = this.book.tailOf(book, this.#priceOf(order));
    const queue: number[] = [];
    let anew = 0;
    for (; order !== 0; order = i32[order + ORDER_PREVIOUS]!) {
      if (this.#lotsOf(order) === 0) continue;
      const id = f64[(order >> 1) + ORDER_ID_F64]!;
      queue.push(order);
      if (last?.id === id) {
        last = last.previous;
        if (absent === 0 && !touched.has(id)) break;
        continue;
      }
      anew = queue.length;
      const shown = this.book.find(id);
      if (shown === undefined) absent--;
      else this.#take(shown);
    }
    while (anew > 0) this.#show(queue[--anew]!);
  }

  /** Brings each queue of a side in order. */
  showSide(instrument: FeedInstrument | undefined, bit: number): void {
    const { book } = this.#exchange;
    if (instrument === undefined || !book.isDefined(instrument.index)) return;
    const side = book.sideOf(instrument.index, bit);
    for (
      let level = book.i32[side + SIDE_BEST]!;
      level !== 0;
      level = book.nextLevel(side, level)
    ) this.#align(level, Infinity, NOTHING);
  }

  /** Receivers get the order as the last of its price: A, or U if they have it. */
  #show(order: number): void {
    const { i32, f64 } = this.#exchange.book;
    const id = f64[(order >> 1) + ORDER_ID_F64]!;
    const shown = this.book.find(id);
    if (shown !== undefined) this.#take(shown);
    const kind = i32[order + ORDER_KIND]!;
    const instrument = this.#instruments[kind & 0xffff]!;
    const bit = (kind >>> 16 & 0xff) - 1;
    const price = this.#priceOf(order);
    const lots = this.#lotsOf(order);
    const before = this.#moved.get(id);
    const { lotShares, priceUnits, stock } = instrument;
    const encoder = this.#encoder;
    encoder.locate = instrument.index + 1;
    const reference = this.#referenceOf(id);
    this.#send(() =>
      before === undefined
        ? encoder.add(
          reference,
          bit,
          lots * lotShares,
          stock,
          price * priceUnits,
        )
        : encoder.replace(
          before,
          reference,
          lots * lotShares,
          price * priceUnits,
        )
    );
    this.#moved.delete(id);
    this.book.append(id, reference, bookOf(instrument.index, bit), price, lots);
  }

  /** An order's id is its number, the first time. */
  #referenceOf(id: number): number {
    const first = this.sequence === 0 || this.sequence === id;
    return first ? id : this.#fresh++;
  }

  /** It will be shown anew: out of our queue, receivers are told then. */
  #take(shown: ShownOrder): void {
    this.#moved.set(shown.id, shown.reference);
    this.book.remove(shown);
  }

  #delete(shown: ShownOrder): void {
    this.#encoder.locate = (shown.level.book >>> 1) + 1;
    this.#send(() => this.#encoder.delete(shown.reference));
    this.book.remove(shown);
  }

  /** Fewer lots in its place. */
  #reduce(shown: ShownOrder, lots: number): void {
    const index = shown.level.book >>> 1;
    const less = (shown.lots - lots) * this.#instruments[index]!.lotShares;
    this.#encoder.locate = index + 1;
    this.#send(() => this.#encoder.cancel(shown.reference, less));
    shown.lots = lots;
  }
}

/** A number that a field of four bytes can hold, and not 0. */
export function isU32(value: number): boolean {
  return value > 0 && value <= U32_MAX;
}
