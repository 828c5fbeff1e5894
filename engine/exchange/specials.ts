// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What happens to an accepted order where something is special, from its entry
 * to its rest or end: types, times in force, stops, pegs; and the settling of
 * an instrument afterwards.
 *
 * ```
 * enter ─▶ stop? wait ─▶ triggered ─┐
 *   ├─▶ auction-only? wait or join  ▼
 *   └─────────────────────────────▶ place ─▶ trade ─▶ rest, or end
 * ```
 *
 * Owned by the exchange's thread. Allocates nothing after construction. The
 * rules are in `docs/matching.md`.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_STATE,
  INSTRUMENT_STOPS,
  INSTRUMENT_TRADES_F64,
  INSTRUMENT_WATCH_HEAD,
  KEY_MARKET,
  KEY_NONE,
  keyOf,
  LEVEL_HEAD,
  LEVEL_QUANTITY_F64,
  ORDER_ID_F64,
  ORDER_INDEXED_BIT,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_OWNER,
  ORDER_PRICE,
  SIDE_BEST,
  SIDE_BEST_KEY,
  TERMS_FLAGS,
  TERMS_ORDER,
  TERMS_STOP_PRICE,
  TERMS_TRIGGERED,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import {
  type Instruments,
  pegPrice,
  PRICE_MAX,
  QUANTITY_MAX,
  SETTING_MARKET_COLLAR,
  type SpecialMatching,
  type TickTables,
  Traded,
  trailedPriceOf,
} from "../matching/mod.ts";
import {
  EventKind,
  OrdType,
  Reason,
  TermFlag,
  TimeInForce,
  TradingState,
} from "../record/mod.ts";
import type { EventWriter } from "./event_writer.ts";
import type { LiveOrders } from "./live_orders.ts";
import type { WatchList } from "./watch_list.ts";

/** What it works with. */
export interface SpecialsParts {
  readonly book: Book;
  readonly matching: SpecialMatching;
  readonly instruments: Instruments;
  readonly ticks: TickTables;
  readonly live: LiveOrders;
  readonly watch: WatchList;
  readonly writer: EventWriter;
  /** The volatility range stopped a trade: the instrument's state changes. */
  readonly onInterrupted: (instrument: number) => void;
}

/** True for stop orders of all kinds. */
export function isStop(type: number): boolean {
  return type === OrdType.STOP || type === OrdType.STOP_LIMIT ||
    type === OrdType.TRAILING_STOP;
}

/** True for pegged orders. */
export function isPeg(type: number): boolean {
  return type >= OrdType.PEG_PRIMARY && type <= OrdType.PEG_MIDPOINT;
}

/** True for times in force that are for an auction. */
export function isAuctionOnly(timeInForce: number): boolean {
  return timeInForce === TimeInForce.AT_OPEN ||
    timeInForce === TimeInForce.AT_CLOSE ||
    timeInForce === TimeInForce.GOOD_FOR_AUCTION;
}

/** True for states in which orders gather for an auction. */
export function isCall(state: number): boolean {
  return state === TradingState.OPENING_AUCTION ||
    state === TradingState.VOLATILITY_AUCTION ||
    state === TradingState.REOPENING_AUCTION ||
    state === TradingState.CLOSING_AUCTION;
}

/** True if orders of this time in force take part in this call. */
export function joins(timeInForce: number, state: number): boolean {
  if (timeInForce === TimeInForce.GOOD_FOR_AUCTION) return isCall(state);
  if (timeInForce === TimeInForce.AT_OPEN) {
    return state === TradingState.OPENING_AUCTION;
  }
  return timeInForce === TimeInForce.AT_CLOSE &&
    state === TradingState.CLOSING_AUCTION;
}

/** Orders where something is special. */
export class Specials {
  readonly #parts: SpecialsParts;
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #matching: SpecialMatching;
  readonly #live: LiveOrders;

  constructor(parts: SpecialsParts) {
    this.#parts = parts;
    this.#book = parts.book;
    this.#i32 = parts.book.i32;
    this.#f64 = parts.book.f64;
    this.#matching = parts.matching;
    this.#live = parts.live;
  }

  /** Puts an accepted order where it belongs. Its record, terms and index entry are ready. */
  enter(order: number): void {
    const type = this.#typeOf(order);
    const state = this.#stateOf(order);
    const terms = this.#matching.termsOf(order);
    if (isStop(type) && this.#i32[terms + TERMS_TRIGGERED] === 0) {
      this.#enterStop(order, terms);
      return;
    }
    const timeInForce = this.#timeInForceOf(order);
    if (isAuctionOnly(timeInForce)) {
      if (joins(timeInForce, state)) this.join(order);
      return;
    }
    if (state === TradingState.OPEN) this.place(order);
    else if (!isPeg(type) && !this.#isConditional(terms)) this.#rest(order);
  }

  /** An auction-only order takes part in the call. */
  join(order: number): void {
    const key = this.#typeOf(order) === OrdType.MARKET
      ? KEY_MARKET
      : keyOf(this.#bitOf(order), this.#i32[order + ORDER_PRICE]!);
    this.#restAt(order, Where.DISPLAYED, key);
  }

  /** Trades an order that is in no queue, then rests it or ends it. The instrument is OPEN. */
  place(order: number): void {
    const matching = this.#matching;
    const type = this.#typeOf(order);
    const timeInForce = this.#timeInForceOf(order);
    const limit = this.#limitOf(order, type);
    if (type === OrdType.MARKET_TO_LIMIT) {
      if (limit === NO_LIMIT) {
        this.#live.end(order, Reason.NO_LIQUIDITY);
        return;
      }
      this.#i32[order + ORDER_PRICE] = limit ^ -this.#bitOf(order);
    }
    const all = timeInForce === TimeInForce.FOK;
    if (all || matching.requirement(order) !== 0) {
      if (!matching.suffices(order, limit, all)) {
        this.#untraded(order, timeInForce);
        return;
      }
    }
    this.#tradeOn(order, type, timeInForce, limit);
  }

  #tradeOn(
    order: number,
    type: number,
    timeInForce: number,
    limit: number,
  ): void {
    const traded = this.#matching.trade(order, limit);
    if (traded === Traded.ENDED) return;
    if (this.#f64[(order >> 1) + ORDER_LEAVES_F64] === 0) {
      this.#live.onFilled(order);
    } else if (traded === Traded.INTERRUPTED) this.#interrupted(order);
    else this.#remainder(order, type, timeInForce, limit);
  }

  /** Settles an instrument after a command, if it is OPEN. */
  settle(instrument: number): void {
    const record = this.#book.instrumentOf(instrument);
    const i32 = this.#i32;
    do {
      if (i32[record + INSTRUMENT_STATE] !== TradingState.OPEN) return;
      if (i32[record + INSTRUMENT_STOPS] !== 0) this.#drainStops(instrument);
      if (
        i32[record + INSTRUMENT_WATCH_HEAD] === 0 ||
        i32[record + INSTRUMENT_STATE] !== TradingState.OPEN
      ) return;
    } while (this.#pass(instrument));
  }

  /** Takes pegs and conditional orders out of the book: the instrument is no longer OPEN. */
  shelve(instrument: number): void {
    const { watch } = this.#parts;
    for (let at = watch.begin(instrument); at !== 0; at = watch.next()) {
      const order = this.#i32[at + TERMS_ORDER]!;
      if (this.#i32[at + TERMS_WHERE] !== Where.HIDDEN) continue;
      this.#matching.takeOut(order);
      if (isPeg(this.#typeOf(order))) this.#i32[order + ORDER_PRICE] = 0;
    }
  }

  /** A waiting stop got another stop price or more lots: it waits anew. */
  waitAgain(order: number): void {
    this.#matching.takeOut(order);
    this.#wait(order, this.#matching.termsOf(order));
  }

  /** Price of a peg now; 0 = it is dormant. */
  pegPriceOf(order: number): number {
    return this.#stateOf(order) === TradingState.OPEN
      ? pegPrice(
        this.#book,
        this.#parts.ticks,
        order,
        this.#book.termsOf(order),
      )
      : 0;
  }

  /**
   * Whether the queue in which an order may wait or rest first has room for it.
   *
   * @param price Its limit price. @param stopPrice Its stop price.
   * @param leavesAt Element of `book.f64` that holds its leaves.
   */
  roomFor(
    order: number,
    price: number,
    stopPrice: number,
    leavesAt: number,
  ): Reason {
    const type = this.#typeOf(order);
    if (isPeg(type) || type === OrdType.MARKET_TO_LIMIT) return Reason.NONE;
    const terms = this.#matching.termsOf(order);
    const bit = this.#bitOf(order);
    const waits = isStop(type) && this.#i32[terms + TERMS_TRIGGERED] === 0;
    const where = waits ? Where.STOPS : this.#halfOf(order, terms);
    const key = waits
      ? keyOf(1 - bit, stopPrice)
      : type === OrdType.MARKET
      ? KEY_MARKET
      : keyOf(bit, price);
    if (key === KEY_NONE || (where !== Where.STOPS && price === PRICE_MAX)) {
      return Reason.PRICE_OUT_OF_RANGE;
    }
    return this.#roomIn(order, where, key, leavesAt);
  }

  /** Whether a queue has room for an order with the leaves at `leavesAt`. */
  #roomIn(order: number, where: number, key: number, leavesAt: number): Reason {
    const side = this.#matching.sideOf(order, where);
    if (!this.#book.hasRoom(side, key)) return Reason.LEVEL_CAPACITY;
    const level = this.#book.index.find(side, key);
    if (level === 0 || this.#i32[level + LEVEL_HEAD] === 0) return Reason.NONE;
    let sum = this.#f64[(level >> 1) + LEVEL_QUANTITY_F64]!;
    if (this.#i32[order + ORDER_LEVEL] === level) {
      sum -= this.#f64[(order >> 1) + ORDER_LEAVES_F64]!;
    }
    return sum + this.#f64[leavesAt]! > QUANTITY_MAX
      ? Reason.QUANTITY_TOO_LARGE
      : Reason.NONE;
  }

  /** A taker of the plain sweep met one of its own: it goes on here. */
  goOn(order: number): void {
    const type = this.#typeOf(order);
    this.#tradeOn(
      order,
      type,
      this.#timeInForceOf(order),
      this.#limitOf(order, type),
    );
  }

  #enterStop(order: number, terms: number): void {
    if (
      this.#typeOf(order) === OrdType.TRAILING_STOP && this.#hasLast(order)
    ) {
      this.#i32[terms + TERMS_STOP_PRICE] = trailedPriceOf(
        this.#book,
        order,
        terms,
      );
    }
    if (
      this.#stateOf(order) === TradingState.OPEN &&
      this.#isTriggered(order, terms)
    ) this.#trigger(order, terms);
    else this.#wait(order, terms);
  }

  /** A stop order waits in the queue of its stop price. */
  #wait(order: number, terms: number): void {
    const price = this.#i32[terms + TERMS_STOP_PRICE]!;
    this.#restAt(order, Where.STOPS, keyOf(1 - this.#bitOf(order), price));
  }

  #trigger(order: number, terms: number): void {
    const { writer, watch } = this.#parts;
    this.#matching.takeOut(order);
    this.#i32[terms + TERMS_TRIGGERED] = 1;
    watch.remove(terms);
    writer.order(EventKind.TRIGGERED, order, 0, writer.statusOf(order));
    this.place(order);
  }

  /** Brings every stop to life that the last trade triggers. */
  #drainStops(instrument: number): void {
    const record = this.#book.instrumentOf(instrument);
    const i32 = this.#i32;
    if (this.#f64[(record >> 1) + INSTRUMENT_TRADES_F64] === 0) return;
    while (
      i32[record + INSTRUMENT_STATE] === TradingState.OPEN &&
      i32[record + INSTRUMENT_STOPS] !== 0
    ) {
      this.#trail(instrument);
      const buy = this.#firstTriggered(instrument, 0);
      const sell = this.#firstTriggered(instrument, 1);
      if (buy === 0 && sell === 0) return;
      const first = sell === 0 || (buy !== 0 && this.#isOlder(buy, sell))
        ? buy
        : sell;
      this.#trigger(first, this.#book.termsOf(first));
    }
  }

  /** Moves the trailing stops of an instrument after the last trade. */
  #trail(instrument: number): void {
    const { watch } = this.#parts;
    const i32 = this.#i32;
    for (let at = watch.begin(instrument); at !== 0; at = watch.next()) {
      if (i32[at + TERMS_WHERE] !== Where.STOPS) continue;
      const order = i32[at + TERMS_ORDER]!;
      const price = trailedPriceOf(this.#book, order, at);
      if (price === i32[at + TERMS_STOP_PRICE]) continue;
      this.#matching.takeOut(order);
      i32[at + TERMS_STOP_PRICE] = price;
      this.#wait(order, at);
    }
  }

  /** The stop of a side that the last trade triggers first; 0 = none. */
  #firstTriggered(instrument: number, bit: number): number {
    const i32 = this.#i32;
    const side = this.#book.stopSideOf(instrument, bit);
    const level = i32[side + SIDE_BEST]!;
    if (level === 0) return 0;
    const order = i32[level + LEVEL_HEAD]!;
    return this.#isTriggered(order, this.#book.termsOf(order)) ? order : 0;
  }

  #isTriggered(order: number, terms: number): boolean {
    if (!this.#hasLast(order)) return false;
    const last = this.#i32[this.#recordOf(order) + INSTRUMENT_LAST_PRICE]!;
    const stop = this.#i32[terms + TERMS_STOP_PRICE]!;
    return this.#bitOf(order) === 0 ? last >= stop : last <= stop;
  }

  /** One pass over pegs and conditional orders. @returns true if one moved. */
  #pass(instrument: number): boolean {
    const { watch } = this.#parts;
    const i32 = this.#i32;
    const record = this.#book.instrumentOf(instrument);
    let changed = false;
    for (let at = watch.begin(instrument); at !== 0; at = watch.next()) {
      const order = i32[at + TERMS_ORDER]!;
      if (isPeg(i32[order + ORDER_KIND]! >>> 24)) {
        if (this.#movePeg(order, at)) changed = true;
      } else if (this.#isConditional(at) && this.#tryConditional(order, at)) {
        changed = true;
      }
      if (i32[record + INSTRUMENT_STATE] !== TradingState.OPEN) return false;
    }
    return changed;
  }

  #movePeg(order: number, terms: number): boolean {
    const stands = this.#i32[terms + TERMS_WHERE] === Where.HIDDEN
      ? this.#i32[order + ORDER_PRICE]!
      : 0;
    const price = pegPrice(this.#book, this.#parts.ticks, order, terms);
    if (price === stands) return false;
    this.#matching.takeOut(order);
    this.#i32[order + ORDER_PRICE] = price;
    if (price !== 0) this.place(order);
    return true;
  }

  #tryConditional(order: number, terms: number): boolean {
    if (this.#i32[terms + TERMS_WHERE] === Where.HIDDEN) {
      const limit = this.#limitOf(order, OrdType.LIMIT);
      if (
        !this.#matching.meets(order, limit) ||
        !this.#matching.suffices(order, limit, false)
      ) return false;
      this.#matching.takeOut(order);
    }
    this.place(order);
    return true;
  }

  /** What it needs at once is not there. */
  #untraded(order: number, timeInForce: number): void {
    if (timeInForce === TimeInForce.FOK) {
      this.#live.end(order, Reason.FOK_NOT_FILLABLE);
    } else if (timeInForce === TimeInForce.IOC) {
      this.#live.end(order, Reason.MIN_QUANTITY_NOT_MET);
    } else this.#rest(order);
  }

  /** Leaves after all that could trade. */
  #remainder(
    order: number,
    type: number,
    timeInForce: number,
    limit: number,
  ): void {
    if (
      type === OrdType.MARKET || type === OrdType.STOP ||
      type === OrdType.TRAILING_STOP
    ) {
      const stopped = limit !== KEY_NONE &&
        this.#matching.finds(order, KEY_NONE);
      this.#live.end(
        order,
        stopped ? Reason.MARKET_COLLAR : Reason.NO_LIQUIDITY,
      );
    } else if (timeInForce === TimeInForce.IOC) {
      this.#live.end(order, Reason.IOC_REMAINDER);
    } else {
      if (type === OrdType.MARKET_TO_LIMIT) this.#becomeLimit(order);
      this.#rest(order);
    }
  }

  /** A market-to-limit order has its price from now on. */
  #becomeLimit(order: number): void {
    const { writer } = this.#parts;
    this.#i32[this.#book.termsOf(order) + TERMS_TRIGGERED] = 1;
    writer.order(EventKind.RESTATED, order, 0, writer.statusOf(order));
  }

  /** The next trade would be outside the volatility range. */
  #interrupted(order: number): void {
    const type = this.#typeOf(order);
    const timeInForce = this.#timeInForceOf(order);
    const instrument = this.#i32[order + ORDER_KIND]! & 0xffff;
    const terms = this.#matching.termsOf(order);
    if (type === OrdType.MARKET_TO_LIMIT) this.#becomeLimit(order);
    if (
      (type === OrdType.LIMIT || type === OrdType.STOP_LIMIT ||
        type === OrdType.MARKET_TO_LIMIT) &&
      timeInForce !== TimeInForce.IOC && timeInForce !== TimeInForce.FOK
    ) {
      if (!this.#isConditional(terms)) this.#rest(order);
    } else if (isPeg(type)) this.#i32[order + ORDER_PRICE] = 0;
    else this.#live.end(order, Reason.VOLATILITY);
    this.#parts.onInterrupted(instrument);
  }

  /** Rests an order in its half of the book. */
  #rest(order: number): void {
    const terms = this.#matching.termsOf(order);
    this.#restAt(
      order,
      this.#halfOf(order, terms),
      keyOf(this.#bitOf(order), this.#i32[order + ORDER_PRICE]!),
    );
  }

  /** `Where` an order rests: displayed or hidden. */
  #halfOf(order: number, terms: number): number {
    const hidden = terms !== 0 &&
      ((this.#i32[terms + TERMS_FLAGS]! & TermFlag.HIDDEN) !== 0 ||
        this.#isConditional(terms) || isPeg(this.#typeOf(order)));
    return hidden ? Where.HIDDEN : Where.DISPLAYED;
  }

  #restAt(order: number, where: number, key: number): void {
    const leavesAt = (order >> 1) + ORDER_LEAVES_F64;
    if (
      key === KEY_NONE ||
      (where !== Where.STOPS && this.#i32[order + ORDER_PRICE] === PRICE_MAX) ||
      this.#roomIn(order, where, key, leavesAt) !== Reason.NONE
    ) {
      this.#live.end(order, Reason.LEVEL_CAPACITY);
      return;
    }
    this.#matching.restIn(order, where, key);
    if ((this.#i32[order + ORDER_OWNER]! & ORDER_INDEXED_BIT) === 0) {
      this.#live.remember(order);
    }
  }

  /** The worst price that an order takes, as a key of the other side. */
  #limitOf(order: number, type: number): number {
    const bit = this.#bitOf(order);
    if (type === OrdType.MARKET_TO_LIMIT) return this.#bestKey(order);
    if (
      type !== OrdType.MARKET && type !== OrdType.STOP &&
      type !== OrdType.TRAILING_STOP
    ) return keyOf(1 - bit, this.#i32[order + ORDER_PRICE]!);
    const { instruments } = this.#parts;
    const instrument = this.#i32[order + ORDER_KIND]! & 0xffff;
    const collar = instruments
      .i32[instruments.at(instrument) + SETTING_MARKET_COLLAR]!;
    const best = this.#bestKey(order);
    let worst = bit === 0
      ? instruments.bandHigh(instrument)
      : instruments.bandLow(instrument);
    let isLimited = bit === 0 ? worst !== PRICE_MAX : worst !== 1;
    if (collar !== 0 && best !== NO_LIMIT) {
      const price = best ^ -bit;
      worst = bit === 0
        ? Math.min(worst, price + collar)
        : Math.max(worst, price - collar);
      isLimited = true;
    }
    return isLimited ? keyOf(1 - bit, worst) : KEY_NONE;
  }

  /** Best key of the other side, displayed or hidden; `NO_LIMIT` = it is empty. */
  #bestKey(order: number): number {
    const instrument = this.#i32[order + ORDER_KIND]! & 0xffff;
    const bit = 1 - this.#bitOf(order);
    const displayed = this
      .#i32[this.#book.sideOf(instrument, bit) + SIDE_BEST_KEY]!;
    const hidden = this
      .#i32[this.#book.hiddenSideOf(instrument, bit) + SIDE_BEST_KEY]!;
    return displayed < hidden ? displayed : hidden;
  }

  /** Type as it acts: a market-to-limit order that rested is a limit order. */
  #typeOf(order: number): number {
    const type = this.#i32[order + ORDER_KIND]! >>> 24;
    return type === OrdType.MARKET_TO_LIMIT &&
        this.#i32[this.#book.termsOf(order) + TERMS_TRIGGERED] !== 0
      ? OrdType.LIMIT
      : type;
  }

  #timeInForceOf(order: number): number {
    return this.#i32[order + ORDER_OWNER]! >>> 24 & 0xf;
  }

  #stateOf(order: number): number {
    return this.#i32[this.#recordOf(order) + INSTRUMENT_STATE]!;
  }

  #isConditional(terms: number): boolean {
    return terms !== 0 && this.#matching.isConditional(terms);
  }

  #hasLast(order: number): boolean {
    return this.#f64[(this.#recordOf(order) >> 1) + INSTRUMENT_TRADES_F64] !==
      0;
  }

  #isOlder(a: number, b: number): boolean {
    return this.#f64[(a >> 1) + ORDER_ID_F64]! <
      this.#f64[(b >> 1) + ORDER_ID_F64]!;
  }

  #bitOf(order: number): number {
    return (this.#i32[order + ORDER_KIND]! >>> 16 & 0xff) - 1;
  }

  #recordOf(order: number): number {
    return this.#book.instrumentOf(this.#i32[order + ORDER_KIND]! & 0xffff);
  }
}

/** Best key of an empty side. */
const NO_LIMIT = KEY_NONE;
