// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Trading states of instruments, the auctions between them, and what ends on
 * its time: good-till-date orders and states that last.
 *
 * Owned by the exchange's thread. Allocates nothing after construction, but to
 * find the orders that a closing ends. The rules are in `docs/matching.md`,
 * Trading states, Auctions and Time.
 *
 * @module
 */
import { fail } from "../assert.ts";
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_STATE,
  INSTRUMENT_TRADES_F64,
  KEY_MARKET,
  LEVEL_HEAD,
  LEVEL_KEY,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_OWNER,
  SIDE_BEST,
  TERMS_DISPLAY_F64,
  TERMS_EXPIRE_HI,
  TERMS_EXPIRE_LO,
  TERMS_LINK,
  TERMS_ORDER,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import {
  type AuctionPrice,
  type Instruments,
  SETTING_GROUP,
  SETTING_NEXT_STATE,
  SETTING_RANGE_NS_F64,
  SETTING_REFERENCE,
  SETTING_TIMED,
  SETTING_TOLD_IMBALANCE_F64,
  SETTING_TOLD_PRICE,
  SETTING_TOLD_VOLUME_F64,
  SETTING_UNTIL_HI,
  SETTING_UNTIL_LO,
  type SpecialMatching,
} from "../matching/mod.ts";
import {
  EventKind,
  OrdStatus,
  Reason,
  TimeInForce,
  TradingState,
} from "../record/mod.ts";
import type { EventWriter } from "./event_writer.ts";
import type { LiveOrders } from "./live_orders.ts";
import type { OrderSearch } from "./order_search.ts";
import { isAuctionOnly, isCall, joins, type Specials } from "./specials.ts";
import type { Timers } from "./timers.ts";
import type { WatchList } from "./watch_list.ts";

/** What it works with. */
export interface TradingStatesParts {
  readonly book: Book;
  readonly matching: SpecialMatching;
  readonly instruments: Instruments;
  readonly auction: AuctionPrice;
  readonly specials: Specials;
  readonly live: LiveOrders;
  readonly watch: WatchList;
  readonly timers: Timers;
  readonly writer: EventWriter;
  readonly search: OrderSearch;
}

const NEVER = 0xffffffff;

/** States, auctions and timers of the instruments of a shard. */
export class TradingStates {
  /** When the next timer is due: low and high word. */
  readonly due = new Uint32Array([NEVER, NEVER]);
  readonly #parts: TradingStatesParts;
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  /** Instruments whose state ends by itself. */
  #timed = 0;

  constructor(parts: TradingStatesParts) {
    this.#parts = parts;
    this.#book = parts.book;
    this.#i32 = parts.book.i32;
    this.#f64 = parts.book.f64;
  }

  /** State of an instrument. */
  stateOf(instrument: number): number {
    return this.#i32[this.#book.instrumentOf(instrument) + INSTRUMENT_STATE]!;
  }

  /** Sets the state of an instrument, or of all of a group (0 = of all). */
  command(
    instrument: number,
    group: number,
    state: number,
    durationNs: number,
    next: number,
  ): void {
    for (let i = 0; i < this.#book.instrumentsMax; i++) {
      if (!this.#book.isDefined(i)) continue;
      const at = this.#parts.instruments.at(i) + SETTING_GROUP;
      const meant = instrument === ANY_INSTRUMENT
        ? group === 0 || this.#parts.instruments.i32[at] === group
        : i === instrument;
      if (meant) this.change(i, state, durationNs, next);
    }
  }

  /** Sets the state of an instrument; the caller settles it. */
  change(
    instrument: number,
    state: number,
    durationNs: number,
    next: number,
  ): void {
    const { specials, live } = this.#parts;
    const before = this.stateOf(instrument);
    if (before === TradingState.OPEN && state !== before) {
      specials.shelve(instrument);
    }
    const uncross = state === TradingState.OPEN
      ? before !== TradingState.OPEN
      : state === TradingState.CLOSED && isCall(before);
    if (uncross) this.#uncross(instrument);
    if (state === TradingState.OPEN) this.#endAuctionOnly(instrument);
    this.#i32[this.#book.instrumentOf(instrument) + INSTRUMENT_STATE] = state;
    if (isCall(state)) this.#joinAuctionOnly(instrument, state);
    this.#setTimer(instrument, durationNs, next);
    this.#tellState(instrument, state, durationNs, next);
    if (state === TradingState.CLOSED) this.#expireDay(instrument);
    this.#forgetTold(instrument);
    live.touch(instrument);
  }

  /** The volatility range stopped a trade. */
  interrupt(instrument: number): void {
    const { instruments } = this.#parts;
    const at = (instruments.at(instrument) >> 1) + SETTING_RANGE_NS_F64;
    this.change(
      instrument,
      TradingState.VOLATILITY_AUCTION,
      instruments.f64[at]!,
      TradingState.OPEN,
    );
  }

  /** True if something ends at this time or before. */
  isDue(timeLo: number, timeHi: number): boolean {
    const hi = this.due[1]!;
    return timeHi >>> 0 > hi ||
      (timeHi >>> 0 === hi && timeLo >>> 0 >= this.due[0]!);
  }

  /** Ends what is due first. The caller settles and asks again. */
  runFirst(): void {
    const { timers, instruments, live } = this.#parts;
    const terms = timers.first;
    const instrument = this.#firstTimed();
    if (terms !== 0 && !this.#isStateFirst(terms, instrument)) {
      live.end(
        this.#i32[terms + TERMS_ORDER]!,
        Reason.EXPIRED,
        OrdStatus.EXPIRED,
      );
    } else if (instrument >= 0) {
      const at = instruments.at(instrument);
      this.change(
        instrument,
        instruments.i32[at + SETTING_NEXT_STATE]!,
        0,
        0,
      );
    } else fail("a timer is due, and there is none");
    this.renewDue();
  }

  /** After the memory was restored. */
  restore(): void {
    const { instruments } = this.#parts;
    this.#timed = 0;
    for (let i = 0; i < this.#book.instrumentsMax; i++) {
      this.#timed += instruments.i32[instruments.at(i) + SETTING_TIMED]!;
    }
    this.renewDue();
  }

  /** Finds out anew when the next timer is due. */
  renewDue(): void {
    const { timers, instruments } = this.#parts;
    this.due.fill(NEVER);
    const terms = timers.first;
    const instrument = this.#firstTimed();
    if (terms !== 0 && !this.#isStateFirst(terms, instrument)) {
      this.due[0] = this.#i32[terms + TERMS_EXPIRE_LO]!;
      this.due[1] = this.#i32[terms + TERMS_EXPIRE_HI]!;
    } else if (instrument >= 0) {
      const at = instruments.at(instrument);
      this.due[0] = instruments.i32[at + SETTING_UNTIL_LO]!;
      this.due[1] = instruments.i32[at + SETTING_UNTIL_HI]!;
    }
  }

  /** In a call: tells the indicative price if it changed. */
  tellIndicative(instrument: number): void {
    const { instruments, auction, writer } = this.#parts;
    if (!isCall(this.stateOf(instrument))) return;
    const { i32, f64 } = instruments;
    const at = instruments.at(instrument);
    const half = at >> 1;
    const found = this.#find(instrument);
    const price = found ? auction.price : 0;
    const volume = found ? auction.result[0]! : 0;
    const imbalance = found ? auction.result[1]! : 0;
    if (
      price === i32[at + SETTING_TOLD_PRICE] &&
      volume === f64[half + SETTING_TOLD_VOLUME_F64] &&
      imbalance === f64[half + SETTING_TOLD_IMBALANCE_F64]
    ) return;
    i32[at + SETTING_TOLD_PRICE] = price;
    f64[half + SETTING_TOLD_VOLUME_F64] = volume;
    f64[half + SETTING_TOLD_IMBALANCE_F64] = imbalance;
    writer.house[0] = volume;
    writer.house[1] = imbalance;
    writer.house[2] = 0;
    writer.house[3] = 0;
    writer.tellHouse(EventKind.INDICATIVE, instrument, 0, 0, price);
  }

  /** Looks for the price of an auction now. */
  #find(instrument: number): boolean {
    const { instruments, auction } = this.#parts;
    const record = this.#book.instrumentOf(instrument);
    const reference = instruments
      .i32[instruments.at(instrument) + SETTING_REFERENCE]!;
    const traded = this.#f64[(record >> 1) + INSTRUMENT_TRADES_F64] !== 0;
    const nearest = reference !== 0
      ? reference
      : traded
      ? this.#i32[record + INSTRUMENT_LAST_PRICE]!
      : this.#middle(instrument);
    return nearest !== 0 && auction.find(
      instrument,
      nearest,
      instruments.bandLow(instrument),
      instruments.bandHigh(instrument),
    );
  }

  /** Middle of the best limit prices of both sides, or the one of the only side; 0 = there is none. */
  #middle(instrument: number): number {
    const bid = this.#bestLimit(instrument, 0);
    const ask = this.#bestLimit(instrument, 1);
    return bid === 0 || ask === 0 ? bid + ask : Math.floor((bid + ask) / 2);
  }

  /** Best limit price of a side, displayed or hidden; 0 = there is none. */
  #bestLimit(instrument: number, bit: number): number {
    const side = this.#book.sideOf(instrument, bit);
    let level = this.#i32[side + SIDE_BEST]!;
    if (level !== 0 && this.#i32[level + LEVEL_KEY] === KEY_MARKET) {
      level = this.#book.nextLevel(side, level);
    }
    const hidden = this
      .#i32[this.#book.hiddenSideOf(instrument, bit) + SIDE_BEST]!;
    if (level === 0 && hidden === 0) return 0;
    const key = hidden === 0
      ? this.#i32[level + LEVEL_KEY]!
      : level === 0
      ? this.#i32[hidden + LEVEL_KEY]!
      : Math.min(
        this.#i32[level + LEVEL_KEY]!,
        this.#i32[hidden + LEVEL_KEY]!,
      );
    return key ^ (bit - 1);
  }

  /** Trades what can trade at the auction's price. */
  #uncross(instrument: number): void {
    const { auction, writer, instruments, matching } = this.#parts;
    const found = this.#find(instrument);
    const price = found ? auction.price : 0;
    writer.house.fill(0);
    writer.house[0] = found ? auction.result[0]! : 0;
    writer.tellHouse(EventKind.UNCROSSED, instrument, 0, 0, price);
    if (!found) return;
    let traded = false;
    for (;;) {
      const buy = this.#firstAt(instrument, 0, price);
      const sell = this.#firstAt(instrument, 1, price);
      if (buy === 0 || sell === 0) break;
      this.#cross(buy, sell, price);
      traded = true;
    }
    if (!traded) return;
    instruments.setReference(instrument, price);
    for (let bit = 0; bit < 2; bit++) {
      const terms = matching.termsOf(this.#partial[bit]!);
      if (this.#partial[bit] === 0 || terms === 0) continue;
      if (this.#f64[(terms >> 1) + TERMS_DISPLAY_F64] === 0) continue;
      matching.drawAgain(this.#partial[bit]!, terms);
    }
  }

  /** The orders that traded last, if they live: buy, sell. */
  readonly #partial = new Int32Array(2);

  /** Two resting orders trade at the auction's price. */
  #cross(buy: number, sell: number, price: number): void {
    const { matching, live } = this.#parts;
    const f64 = this.#f64;
    const bought = f64[(buy >> 1) + ORDER_LEAVES_F64]!;
    const sold = f64[(sell >> 1) + ORDER_LEAVES_F64]!;
    matching.fillResting(buy, sell, price, bought < sold ? bought : sold);
    const instrument = this.#book.instrumentOf(
      this.#i32[buy + ORDER_KIND]! & 0xffff,
    );
    live.onAuctionTrade(buy, sell, instrument);
    this.#partial[0] = bought > sold ? buy : 0;
    this.#partial[1] = sold > bought ? sell : 0;
    this.#unlinkPartner(buy);
    this.#unlinkPartner(sell);
    if (bought <= sold) live.onFilled(buy);
    if (sold <= bought) live.onFilled(sell);
  }

  #unlinkPartner(order: number): void {
    const terms = this.#parts.matching.termsOf(order);
    if (terms === 0 || this.#i32[terms + TERMS_LINK] === 0) return;
    const other = this.#i32[terms + TERMS_LINK]!;
    if (this.#f64[(other >> 1) + ORDER_LEAVES_F64] !== 0) {
      if (other === this.#partial[0]) this.#partial[0] = 0;
      if (other === this.#partial[1]) this.#partial[1] = 0;
    }
    this.#parts.live.onLinked(order);
  }

  /** First order of a side in priority that trades at this price; 0 = none. */
  #firstAt(instrument: number, bit: number, price: number): number {
    const i32 = this.#i32;
    const displayed = i32[this.#book.sideOf(instrument, bit) + SIDE_BEST]!;
    const hidden = i32[this.#book.hiddenSideOf(instrument, bit) + SIDE_BEST]!;
    const level = displayed === 0
      ? hidden
      : hidden === 0 || i32[displayed + LEVEL_KEY]! <= i32[hidden + LEVEL_KEY]!
      ? displayed
      : hidden;
    if (level === 0) return 0;
    const key = i32[level + LEVEL_KEY]!;
    if (key !== KEY_MARKET && key > (price ^ (bit - 1))) return 0;
    return i32[level + LEVEL_HEAD]!;
  }

  /** The auction is over: its orders end. */
  #endAuctionOnly(instrument: number): void {
    const { watch, live } = this.#parts;
    for (let at = watch.begin(instrument); at !== 0; at = watch.next()) {
      const order = this.#i32[at + TERMS_ORDER]!;
      const timeInForce = this.#i32[order + ORDER_OWNER]! >>> 24 & 0xf;
      if (!isAuctionOnly(timeInForce)) continue;
      if (
        timeInForce === TimeInForce.AT_OPEN ||
        this.#i32[at + TERMS_WHERE] !== Where.NOWHERE
      ) live.end(order, Reason.AUCTION_ENDED);
    }
  }

  #joinAuctionOnly(instrument: number, state: number): void {
    const { watch, specials } = this.#parts;
    for (let at = watch.begin(instrument); at !== 0; at = watch.next()) {
      const order = this.#i32[at + TERMS_ORDER]!;
      const timeInForce = this.#i32[order + ORDER_OWNER]! >>> 24 & 0xf;
      if (
        this.#i32[at + TERMS_WHERE] === Where.NOWHERE &&
        joins(timeInForce, state)
      ) specials.join(order);
    }
  }

  /** The trading day is over. */
  #expireDay(instrument: number): void {
    const { search, live } = this.#parts;
    const orders = search.ofDay(instrument);
    for (let i = 0; i < orders.length; i++) {
      live.end(orders[i]!, Reason.EXPIRED, OrdStatus.EXPIRED);
    }
  }

  #tellState(
    instrument: number,
    state: number,
    durationNs: number,
    next: number,
  ): void {
    const { writer } = this.#parts;
    writer.house[0] = durationNs;
    writer.house[1] = 0;
    writer.house[2] = 0;
    writer.house[3] = next;
    writer.tellHouse(EventKind.STATE_CHANGED, instrument, state, 0, 0);
  }

  /** A call tells its first price whatever was told before. */
  #forgetTold(instrument: number): void {
    const { instruments } = this.#parts;
    const at = instruments.at(instrument);
    instruments.i32[at + SETTING_TOLD_PRICE] = 0;
    instruments.f64[(at >> 1) + SETTING_TOLD_VOLUME_F64] = 0;
    instruments.f64[(at >> 1) + SETTING_TOLD_IMBALANCE_F64] = 0;
  }

  /** When the state ends: the command's time and that much. */
  #setTimer(instrument: number, durationNs: number, next: number): void {
    const { instruments, writer } = this.#parts;
    const { i32 } = instruments;
    const at = instruments.at(instrument);
    const timed = durationNs > 0 ? 1 : 0;
    this.#timed += timed - i32[at + SETTING_TIMED]!;
    i32[at + SETTING_TIMED] = timed;
    i32[at + SETTING_NEXT_STATE] = next;
    const lo = (writer.timeLo >>> 0) + durationNs % 4294967296;
    i32[at + SETTING_UNTIL_LO] = lo;
    i32[at + SETTING_UNTIL_HI] = (writer.timeHi >>> 0) +
      Math.floor(durationNs / 4294967296) + (lo >= 4294967296 ? 1 : 0);
    this.renewDue();
  }

  /** The instrument whose state ends first; -1 = none. */
  #firstTimed(): number {
    if (this.#timed === 0) return -1;
    const { instruments } = this.#parts;
    const { i32 } = instruments;
    let first = -1;
    for (let i = 0; i < this.#book.instrumentsMax; i++) {
      const at = instruments.at(i);
      if (i32[at + SETTING_TIMED] === 0) continue;
      if (first < 0 || this.#compareUntil(at, instruments.at(first)) < 0) {
        first = i;
      }
    }
    return first;
  }

  #compareUntil(a: number, b: number): number {
    const { i32 } = this.#parts.instruments;
    const hi = (i32[a + SETTING_UNTIL_HI]! >>> 0) -
      (i32[b + SETTING_UNTIL_HI]! >>> 0);
    if (hi !== 0) return hi;
    return (i32[a + SETTING_UNTIL_LO]! >>> 0) -
      (i32[b + SETTING_UNTIL_LO]! >>> 0);
  }

  /** Whether a state ends before an order does; at one time orders come first. */
  #isStateFirst(terms: number, instrument: number): boolean {
    if (instrument < 0) return false;
    const { instruments } = this.#parts;
    const at = instruments.at(instrument);
    const hi = (instruments.i32[at + SETTING_UNTIL_HI]! >>> 0) -
      (this.#i32[terms + TERMS_EXPIRE_HI]! >>> 0);
    if (hi !== 0) return hi < 0;
    return instruments.i32[at + SETTING_UNTIL_LO]! >>> 0 <
      this.#i32[terms + TERMS_EXPIRE_LO]! >>> 0;
  }
}

/** `instrument` of a command that means a group. */
const ANY_INSTRUMENT = 0xffff;
