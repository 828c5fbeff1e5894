// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Trading where something is special: the taker, an order in the book, or what
 * the instrument asks. Knows hidden orders, icebergs, minimum quantities, self-
 * trade prevention, linked orders and the volatility range.
 *
 * ```
 * first maker in priority ─▶ range? ─▶ own order? ─▶ match ─▶ slice, link ─┐
 *        ▲                                                                 │
 *        └─────────────────────────────────────────────────────────────────┘
 * ```
 *
 * After each step it looks for the first maker anew, because a step may end
 * any order. Slower than the plain sweep of `Matching`, which is used where
 * none of this can matter; both give the same for plain orders. Owned by the
 * exchange's thread. Allocates nothing. The rules are in `docs/matching.md`.
 *
 * @module
 */
import {
  type Book,
  BOOK_COUNTS,
  HIDDEN_SIDES,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_LAST_QUANTITY_F64,
  INSTRUMENT_NOTIONAL_F64,
  INSTRUMENT_STOPS,
  INSTRUMENT_TRADES_F64,
  INSTRUMENT_VOLUME_F64,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_QUANTITY_F64,
  LEVEL_RESERVE_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_NOTIONAL_F64,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  ORDER_TERMS_BIT,
  SIDE_BEST,
  SIDE_SPECIAL,
  STOP_SIDES,
  TERMS_COUNTED,
  TERMS_DISPLAY_F64,
  TERMS_DRAWS,
  TERMS_FLAGS,
  TERMS_LINK,
  TERMS_MIN_F64,
  TERMS_RANGE_F64,
  TERMS_SHOWN_F64,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import { StpMode, TermFlag } from "../record/mod.ts";
import {
  type Instruments,
  SETTING_RANGE,
  SETTING_REFERENCE,
} from "./instruments.ts";
import type { Owners } from "./owners.ts";
import { slice } from "./slice.ts";

/** How a try to trade ended. */
export const Traded = {
  /** No leaves are left, or no maker. */
  DONE: 0,
  /** The next trade would be outside the volatility range. */
  INTERRUPTED: 1,
  /** The taker was ended, told and given back. */
  ENDED: 2,
} as const;

/** Hears what happens to orders, and tells what happened to the command. */
export interface SpecialSink {
  /** A fill; both orders and the instrument's last trade are up to date. */
  onTrade(maker: number, taker: number, instrument: number): void;
  /** A maker has no leaves and is out of its queue: its record can go. */
  onFilled(order: number): void;
  /** Two orders did not trade; lots and price stand in `prevented`. */
  onPrevented(maker: number, taker: number): void;
  /** Lots (in `prevented[0]`) went off an order without a trade. */
  onReduced(order: number): void;
  /** An order ends for self-trade prevention: tell and take it away. */
  onSelfTrade(order: number): void;
  /** An order traded: the one that it is linked to ends. */
  onLinked(order: number): void;
  /** Low words of time and sequence of the command. */
  readonly timeLo: number;
  readonly sequenceLow: number;
}

/** Trades orders where something is special. */
export class SpecialMatching {
  /** Lots, price and `StpMode` of a prevented match. */
  readonly prevented = new Float64Array(3);
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #owners: Owners;
  readonly #instruments: Instruments;
  readonly #sink: SpecialSink;
  /** Lots wanted, lots still open. */
  readonly #count = new Float64Array(2);
  /** The taker of the trade that is going on; 0 = it ended. */
  #taker = 0;

  constructor(
    book: Book,
    owners: Owners,
    instruments: Instruments,
    sink: SpecialSink,
  ) {
    this.#book = book;
    this.#i32 = book.i32;
    this.#f64 = book.f64;
    this.#owners = owners;
    this.#instruments = instruments;
    this.#sink = sink;
  }

  /** Terms of an order; 0 if it has none. */
  termsOf(order: number): number {
    return (this.#i32[order + ORDER_OWNER]! & ORDER_TERMS_BIT) === 0
      ? 0
      : this.#book.termsOf(order);
  }

  /** Lots that must trade at a time; 0 = any. */
  requirement(order: number): number {
    const terms = this.termsOf(order);
    if (terms === 0) return 0;
    const leaves = this.#f64[(order >> 1) + ORDER_LEAVES_F64]!;
    if ((this.#i32[terms + TERMS_FLAGS]! & TermFlag.ALL_OR_NONE) !== 0) {
      return leaves;
    }
    const min = this.#f64[(terms >> 1) + TERMS_MIN_F64]!;
    return min < leaves ? min : leaves;
  }

  /** True if the order waits for a minimum or for all. */
  isConditional(terms: number): boolean {
    return this.#f64[(terms >> 1) + TERMS_MIN_F64] !== 0 ||
      (this.#i32[terms + TERMS_FLAGS]! & TermFlag.ALL_OR_NONE) !== 0;
  }

  /** Trades an order against the other side, up to the key `limit` there. @returns `Traded`. */
  trade(taker: number, limit: number): number {
    const own = (taker >> 1) + ORDER_LEAVES_F64;
    this.#taker = taker;
    const mode = this.#owners.modeOf(taker);
    while (this.#f64[own] !== 0) {
      const maker = this.#first(taker, limit);
      if (maker === 0) return Traded.DONE;
      if (this.#isOutside(maker)) return Traded.INTERRUPTED;
      if (mode !== StpMode.NONE && this.#owners.isOwn(taker, maker)) {
        this.#prevent(taker, maker, mode);
      } else this.#match(taker, maker);
      if (this.#taker === 0) return Traded.ENDED;
    }
    return Traded.DONE;
  }

  /** The exchange ended an order: if it was the taker, its trade is over. */
  ended(order: number): void {
    if (order === this.#taker) this.#taker = 0;
  }

  /** True if the taker would meet any order of the other side within `limit`. */
  meets(taker: number, limit: number): boolean {
    const displayed = this.#opposite(taker);
    const best = this.#i32[displayed + SIDE_BEST]!;
    if (best !== 0 && this.#i32[best + LEVEL_KEY]! <= limit) return true;
    const hidden = this.#i32[displayed + HIDDEN_SIDES + SIDE_BEST]!;
    return hidden !== 0 && this.#i32[hidden + LEVEL_KEY]! <= limit;
  }

  /** True if a maker is there whose requirement the taker meets, within `limit`. */
  finds(taker: number, limit: number): boolean {
    return this.#first(taker, limit) !== 0;
  }

  /**
   * True if what an order needs at once can be traded at once.
   *
   * @param all It needs all of its leaves (FOK), not its requirement.
   */
  suffices(taker: number, limit: number, all: boolean): boolean {
    const leaves = this.#f64[(taker >> 1) + ORDER_LEAVES_F64]!;
    const count = this.#count;
    count[0] = all ? leaves : this.requirement(taker);
    count[1] = leaves;
    this.#i32[BOOK_COUNTS] = (this.#i32[BOOK_COUNTS]! + 1) | 0;
    const side = this.#opposite(taker);
    let displayed = this.#within(side, 0, limit);
    let hidden = this.#within(side + HIDDEN_SIDES, 0, limit);
    while (displayed !== 0 || hidden !== 0) {
      const first = this.#isFirst(displayed, hidden);
      const level = first ? displayed : hidden;
      const over = this.#countQueue(taker, level);
      if (leaves - count[1]! >= count[0]!) return true;
      if (over) return false;
      if (first) displayed = this.#within(side, displayed, limit);
      else hidden = this.#within(side + HIDDEN_SIDES, hidden, limit);
    }
    return false;
  }

  /** Puts an order into a queue: `Where.DISPLAYED`, HIDDEN or STOPS; there is room. */
  restIn(order: number, where: number, key: number): void {
    const side = this.sideOf(order, where);
    const terms = this.termsOf(order);
    this.#book.rest(order, side, key);
    if (terms === 0) return;
    this.#i32[terms + TERMS_WHERE] = where;
    this.#i32[side + SIDE_SPECIAL] = this.#i32[side + SIDE_SPECIAL]! + 1;
    if (where === Where.STOPS) {
      const at = this.#recordOf(order) + INSTRUMENT_STOPS;
      this.#i32[at] = this.#i32[at]! + 1;
      return;
    }
    if (this.#f64[(terms >> 1) + TERMS_DISPLAY_F64] === 0) return;
    this.newSlice(order, terms);
    this.#addReserve(order, terms, 1);
  }

  /** Gives a plain order that rests terms, all of them 0. There is room. */
  makeSpecial(order: number): void {
    const terms = this.#book.allocateTerms(order);
    this.#i32[order + ORDER_OWNER] = this.#i32[order + ORDER_OWNER]! |
      ORDER_TERMS_BIT;
    this.#i32[terms + TERMS_WHERE] = Where.DISPLAYED;
    const at = this.sideOf(order, Where.DISPLAYED) + SIDE_SPECIAL;
    this.#i32[at] = this.#i32[at]! + 1;
  }

  /** Takes an order out of whatever queue it is in. */
  takeOut(order: number): void {
    const terms = this.termsOf(order);
    if (terms === 0) {
      if (this.#i32[order + ORDER_LEVEL] !== 0) this.#book.unlink(order);
      return;
    }
    const where = this.#i32[terms + TERMS_WHERE]!;
    if (where === Where.NOWHERE) return;
    const side = this.sideOf(order, where);
    if (where === Where.STOPS) {
      const at = this.#recordOf(order) + INSTRUMENT_STOPS;
      this.#i32[at] = this.#i32[at]! - 1;
    } else this.#addReserve(order, terms, -1);
    this.#i32[side + SIDE_SPECIAL] = this.#i32[side + SIDE_SPECIAL]! - 1;
    this.#i32[terms + TERMS_WHERE] = Where.NOWHERE;
    this.#book.unlinkFrom(order, side);
  }

  /** Takes lots (in `prevented[0]`) off the open quantity of an order; it keeps its place. */
  reduce(order: number): void {
    const f64 = this.#f64;
    const lots = this.prevented[0]!;
    const own = order >> 1;
    const leaves = f64[own + ORDER_LEAVES_F64]! - lots;
    f64[own + ORDER_QUANTITY_F64] = f64[own + ORDER_QUANTITY_F64]! - lots;
    this.setLeaves(order, leaves);
  }

  /** Sets the leaves of an order, in a queue or not; it keeps its place. */
  setLeaves(order: number, leaves: number): void {
    const f64 = this.#f64;
    const terms = this.termsOf(order);
    const iceberg = terms !== 0 && this.#isShown(terms) &&
      f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0;
    if (iceberg) this.#addReserve(order, terms, -1);
    if (this.#i32[order + ORDER_LEVEL] !== 0) {
      this.#book.setLeaves(order, leaves);
    } else f64[(order >> 1) + ORDER_LEAVES_F64] = leaves;
    if (!iceberg) return;
    const shown = (terms >> 1) + TERMS_SHOWN_F64;
    if (f64[shown]! > leaves) f64[shown] = leaves;
    this.#addReserve(order, terms, 1);
  }

  /** Draws the slice that an iceberg shows next. */
  newSlice(order: number, terms: number): void {
    const half = terms >> 1;
    const drawn = this.#i32[terms + TERMS_DRAWS]!;
    this.#i32[terms + TERMS_DRAWS] = (drawn + 1) | 0;
    const shown = slice(
      this.#f64[half + TERMS_DISPLAY_F64]!,
      this.#f64[half + TERMS_RANGE_F64]!,
      this.#sink.timeLo,
      this.#sink.sequenceLow,
      this.#book.idLowOf(order),
      drawn,
    );
    const leaves = this.#f64[(order >> 1) + ORDER_LEAVES_F64]!;
    this.#f64[half + TERMS_SHOWN_F64] = shown < leaves ? shown : leaves;
  }

  /** Side of a queue that an order belongs to. */
  sideOf(order: number, where: number): number {
    const kind = this.#i32[order + ORDER_KIND]!;
    const side = this.#book.sideOf(kind & 0xffff, (kind >>> 16 & 0xff) - 1);
    return where === Where.HIDDEN
      ? side + HIDDEN_SIDES
      : where === Where.STOPS
      ? side + STOP_SIDES
      : side;
  }

  /** Trades two orders at the maker's price. */
  #match(taker: number, maker: number): void {
    const f64 = this.#f64;
    const terms = this.termsOf(maker);
    const iceberg = terms !== 0 &&
      f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0;
    const offered = iceberg
      ? f64[(terms >> 1) + TERMS_SHOWN_F64]!
      : f64[(maker >> 1) + ORDER_LEAVES_F64]!;
    const wanted = f64[(taker >> 1) + ORDER_LEAVES_F64]!;
    const traded = offered < wanted ? offered : wanted;
    const price = this.#i32[maker + ORDER_PRICE]!;
    this.fill(maker, taker, price, traded);
    const level = this.#i32[maker + ORDER_LEVEL]! >> 1;
    f64[level + LEVEL_QUANTITY_F64] = f64[level + LEVEL_QUANTITY_F64]! - traded;
    if (iceberg) {
      f64[(terms >> 1) + TERMS_SHOWN_F64] = offered - traded;
    }
    this.#sink.onTrade(maker, taker, this.#recordOf(taker));
    if (f64[(maker >> 1) + ORDER_LEAVES_F64] === 0) this.takeOut(maker);
    else if (iceberg && offered === traded) this.#refresh(maker, terms);
    this.afterTrade(maker, taker);
  }

  /** Links of two orders that traded; a maker without leaves goes. */
  afterTrade(maker: number, taker: number): void {
    const makerTerms = this.termsOf(maker);
    if (makerTerms !== 0 && this.#i32[makerTerms + TERMS_LINK] !== 0) {
      this.#sink.onLinked(maker);
    }
    const takerTerms = this.termsOf(taker);
    if (takerTerms !== 0 && this.#i32[takerTerms + TERMS_LINK] !== 0) {
      this.#sink.onLinked(taker);
    }
    if (this.#f64[(maker >> 1) + ORDER_LEAVES_F64] === 0) {
      this.#sink.onFilled(maker);
    }
  }

  /** Moves lots from two orders to the instrument's totals. */
  fill(maker: number, taker: number, price: number, traded: number): void {
    const { i32 } = this.#book;
    const f64 = this.#f64;
    const notional = traded * price;
    for (let i = 0; i < 2; i++) {
      const own = (i === 0 ? maker : taker) >> 1;
      f64[own + ORDER_LEAVES_F64] = f64[own + ORDER_LEAVES_F64]! - traded;
      f64[own + ORDER_NOTIONAL_F64] = f64[own + ORDER_NOTIONAL_F64]! + notional;
    }
    const record = this.#recordOf(taker);
    const at = record >> 1;
    i32[record + INSTRUMENT_LAST_PRICE] = price;
    f64[at + INSTRUMENT_LAST_QUANTITY_F64] = traded;
    f64[at + INSTRUMENT_VOLUME_F64] = f64[at + INSTRUMENT_VOLUME_F64]! + traded;
    f64[at + INSTRUMENT_TRADES_F64] = f64[at + INSTRUMENT_TRADES_F64]! + 1;
    f64[at + INSTRUMENT_NOTIONAL_F64] = f64[at + INSTRUMENT_NOTIONAL_F64]! +
      notional;
  }

  /** Trades two resting orders at a price: in an auction. Those without leaves are the caller's. */
  fillResting(buy: number, sell: number, price: number, lots: number): void {
    this.#beforeFill(buy, lots);
    this.#beforeFill(sell, lots);
    this.fill(buy, sell, price, lots);
    this.#afterFill(buy);
    this.#afterFill(sell);
  }

  /** Gives a resting iceberg a new slice in its place. */
  drawAgain(order: number, terms: number): void {
    this.#addReserve(order, terms, -1);
    this.newSlice(order, terms);
    this.#addReserve(order, terms, 1);
  }

  #beforeFill(order: number, lots: number): void {
    const terms = this.termsOf(order);
    if (terms !== 0) this.#addReserve(order, terms, -1);
    const at = (this.#i32[order + ORDER_LEVEL]! >> 1) + LEVEL_QUANTITY_F64;
    this.#f64[at] = this.#f64[at]! - lots;
  }

  #afterFill(order: number): void {
    const terms = this.termsOf(order);
    if (terms === 0) return;
    const shown = (terms >> 1) + TERMS_SHOWN_F64;
    const leaves = this.#f64[(order >> 1) + ORDER_LEAVES_F64]!;
    if (this.#f64[shown]! > leaves) this.#f64[shown] = leaves;
    this.#addReserve(order, terms, 1);
  }

  /** A slice is used up: the next one goes to the end of the queue. */
  #refresh(order: number, terms: number): void {
    const where = this.#i32[terms + TERMS_WHERE]!;
    const key = this.#i32[this.#i32[order + ORDER_LEVEL]! + LEVEL_KEY]!;
    this.takeOut(order);
    this.restIn(order, where, key);
  }

  /** Two orders of one owner met. */
  #prevent(taker: number, maker: number, mode: number): void {
    const f64 = this.#f64;
    const offered = f64[(maker >> 1) + ORDER_LEAVES_F64]!;
    const wanted = f64[(taker >> 1) + ORDER_LEAVES_F64]!;
    const sink = this.#sink;
    this.prevented[0] = offered < wanted ? offered : wanted;
    this.prevented[1] = this.#i32[maker + ORDER_PRICE]!;
    this.prevented[2] = mode;
    const less = mode === StpMode.DECREMENT ||
      mode === StpMode.DECREMENT_AND_CANCEL;
    if (less) {
      this.reduce(maker);
      sink.onReduced(maker);
      this.reduce(taker);
      sink.onReduced(taker);
    }
    sink.onPrevented(maker, taker);
    const makerEnds = less
      ? f64[(maker >> 1) + ORDER_LEAVES_F64] === 0
      : mode === StpMode.CANCEL_OLDEST || mode === StpMode.CANCEL_BOTH;
    const takerEnds = mode === StpMode.DECREMENT
      ? f64[(taker >> 1) + ORDER_LEAVES_F64] === 0
      : mode !== StpMode.CANCEL_OLDEST;
    if (makerEnds) sink.onSelfTrade(maker);
    if (takerEnds && this.#taker !== 0) sink.onSelfTrade(taker);
  }

  /** First maker in priority within `limit` whose requirement the taker meets; 0 = none. */
  #first(taker: number, limit: number): number {
    const i32 = this.#i32;
    const leaves = this.#f64[(taker >> 1) + ORDER_LEAVES_F64]!;
    const side = this.#opposite(taker);
    const displayed = this.#within(side, 0, limit);
    let hidden = this.#within(side + HIDDEN_SIDES, 0, limit);
    while (hidden !== 0 && !this.#isFirst(displayed, hidden)) {
      let order = i32[hidden + LEVEL_HEAD]!;
      while (order !== 0) {
        if (this.requirement(order) <= leaves) return order;
        order = i32[order + ORDER_NEXT]!;
      }
      hidden = this.#within(side + HIDDEN_SIDES, hidden, limit);
    }
    return displayed === 0 ? 0 : i32[displayed + LEVEL_HEAD]!;
  }

  /** The level after `level` (0 = the best) within `limit`; 0 = none. */
  #within(side: number, level: number, limit: number): number {
    const next = level === 0
      ? this.#i32[side + SIDE_BEST]!
      : this.#book.nextLevel(side, level);
    return next !== 0 && this.#i32[next + LEVEL_KEY]! <= limit ? next : 0;
  }

  /** Whether the displayed level comes before the hidden one. */
  #isFirst(displayed: number, hidden: number): boolean {
    if (displayed === 0 || hidden === 0) return displayed !== 0;
    return this.#i32[displayed + LEVEL_KEY]! <= this.#i32[hidden + LEVEL_KEY]!;
  }

  /** Counts what a queue offers. @returns true if counting ends here. */
  #countQueue(taker: number, level: number): boolean {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const count = this.#count;
    const mode = this.#owners.modeOf(taker);
    const ends = mode !== StpMode.NONE && mode !== StpMode.CANCEL_OLDEST &&
      this.#hasOwn(taker, level);
    let order = i32[level + LEVEL_HEAD]!;
    if (this.#isOutside(order)) return false;
    while (order !== 0) {
      const own = mode !== StpMode.NONE && this.#owners.isOwn(taker, order);
      if (own && ends) return true;
      if (
        !own && this.requirement(order) <= count[1]! &&
        !this.#isLinkedOut(taker, order)
      ) {
        const offered = ends
          ? this.shown(order)
          : f64[(order >> 1) + ORDER_LEAVES_F64]!;
        count[1] = count[1]! - (offered < count[1]! ? offered : count[1]!);
      }
      order = i32[order + ORDER_NEXT]!;
    }
    return ends;
  }

  /** Whether an order will be gone, because one that it is linked with traded before. */
  #isLinkedOut(taker: number, order: number): boolean {
    const terms = this.termsOf(order);
    const other = terms === 0 ? 0 : this.#i32[terms + TERMS_LINK]!;
    if (other === 0) return false;
    if (other === taker) {
      const leaves = this.#f64[(taker >> 1) + ORDER_LEAVES_F64]!;
      return this.#count[1]! !== leaves;
    }
    const counts = this.#i32[BOOK_COUNTS]!;
    if (this.#i32[this.#book.termsOf(other) + TERMS_COUNTED] === counts) {
      return true;
    }
    this.#i32[terms + TERMS_COUNTED] = counts;
    return false;
  }

  #hasOwn(taker: number, level: number): boolean {
    let order = this.#i32[level + LEVEL_HEAD]!;
    while (order !== 0) {
      if (this.#owners.isOwn(taker, order)) return true;
      order = this.#i32[order + ORDER_NEXT]!;
    }
    return false;
  }

  /** Lots of an order that one match can take. */
  shown(order: number): number {
    const terms = this.termsOf(order);
    return terms !== 0 && this.#f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0
      ? this.#f64[(terms >> 1) + TERMS_SHOWN_F64]!
      : this.#f64[(order >> 1) + ORDER_LEAVES_F64]!;
  }

  /** Whether a trade at this maker's price is further from the reference than allowed. */
  #isOutside(maker: number): boolean {
    const instrument = this.#i32[maker + ORDER_KIND]! & 0xffff;
    const at = this.#instruments.at(instrument);
    const range = this.#instruments.i32[at + SETTING_RANGE]!;
    const reference = this.#instruments.i32[at + SETTING_REFERENCE]!;
    if (range === 0 || reference === 0) return false;
    const away = this.#i32[maker + ORDER_PRICE]! - reference;
    return away > range || away < -range;
  }

  /** Whether an order with terms stands in a half of the book. */
  #isShown(terms: number): boolean {
    const where = this.#i32[terms + TERMS_WHERE]!;
    return where === Where.DISPLAYED || where === Where.HIDDEN;
  }

  /** Adds (1) or takes away (-1) what an iceberg does not show to its level. */
  #addReserve(order: number, terms: number, sign: number): void {
    const f64 = this.#f64;
    const half = terms >> 1;
    if (f64[half + TERMS_DISPLAY_F64] === 0) return;
    const at = (this.#i32[order + ORDER_LEVEL]! >> 1) + LEVEL_RESERVE_F64;
    const reserve = f64[(order >> 1) + ORDER_LEAVES_F64]! -
      f64[half + TERMS_SHOWN_F64]!;
    f64[at] = f64[at]! + sign * reserve;
  }

  #recordOf(order: number): number {
    return this.#book.instrumentOf(this.#i32[order + ORDER_KIND]! & 0xffff);
  }

  /** The displayed side that an order meets. */
  #opposite(order: number): number {
    const kind = this.#i32[order + ORDER_KIND]!;
    return this.#book.sideOf(kind & 0xffff, 2 - (kind >>> 16 & 0xff));
  }
}
