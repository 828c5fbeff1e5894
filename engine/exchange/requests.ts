// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What clients ask about one order: new, cancel, reduce, replace, status.
 *
 * ```
 * checks ─▶ capacity, room ─▶ told ─▶ plain? ─▶ Matching
 *                                       └─────▶ Specials
 * ```
 *
 * Owned by the exchange's thread. Allocates nothing after construction. Plain
 * orders in a book without anything special take the short way; both ways give
 * the same.
 *
 * @module
 */
import type { Book } from "../book/mod.ts";
import type {
  Instruments,
  Matching,
  Owners,
  SpecialMatching,
} from "../matching/mod.ts";
import { Reason } from "../record/mod.ts";
import { ACCOUNT_LIMIT_REASONS, type Accounts } from "../risk/mod.ts";
import { type CommandViews, type EventWriter, whyOf } from "./event_writer.ts";
import type { LiveOrders } from "./live_orders.ts";
import type { OrderIndex } from "./order_index.ts";
import type { RequestChecks } from "./request_checks.ts";
import { isAuctionOnly, isPeg, type Specials } from "./specials.ts";
import type { Timers } from "./timers.ts";
import type { TradingStates } from "./trading_states.ts";
import type { WatchList } from "./watch_list.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  BOOK_ORDERS_LIMIT = 5,
  CMD_SEQUENCE_F64 = 1,
  CMD_SHAPE_WORD = 1,
  CMD_FLAGS_SHIFT = 24,
  CMD_FLAG_TEXT = 1,
  CMD_WHAT_WORD = 8,
  CMD_HOW_WORD = 9,
  CMD_DETAIL_SHIFT = 8,
  CMD_REASON_U32 = 11,
  CMD_QUANTITY_F64 = 6,
  CMD_REFERENCE_F64 = 7,
  CMD_NEW_REFERENCE_F64 = 13,
  CMD_TERM_FLAGS_U32 = 32,
  CMD_DISPLAY_QUANTITY_F64 = 17,
  CMD_DISPLAY_RANGE_F64 = 18,
  CMD_MIN_QUANTITY_F64 = 19,
  CMD_EXPIRE_TIME_LO_U32 = 40,
  CMD_EXPIRE_TIME_HI_U32 = 41,
  CMD_OFFSET_I32 = 44,
  CMD_ACCOUNT_U32 = 45,
  COMMAND_BASE_BYTES = 64,
  COMMAND_SLOT_BYTES = 192,
  ORDER_LEVEL = 2,
  ORDER_PRICE = 3,
  ORDER_LEAVES_F64 = 2,
  ORDER_QUANTITY_F64 = 3,
  ORDER_NOTIONAL_F64 = 4,
  ORDER_REFERENCE_F64 = 5,
  ORDER_ID_F64 = 7,
  ORDER_OWNER = 12,
  ORDER_KIND = 13,
  ORDER_TEXT_BIT = 0x10000000,
  ORDER_TERMS_BIT = 0x20000000,
  TERMS_FLAGS = 0,
  TERMS_ACCOUNT = 1,
  TERMS_STOP_PRICE = 2,
  TERMS_OFFSET = 3,
  TERMS_DISPLAY_F64 = 2,
  TERMS_RANGE_F64 = 3,
  TERMS_MIN_F64 = 5,
  TERMS_EXPIRE_LO = 12,
  TERMS_EXPIRE_HI = 13,
  TERMS_LINK = 14,
  TERMS_WHERE = 15,
  TERMS_PEG_LIMIT = 21,
  Where_NOWHERE = 0,
  Where_STOPS = 3,
  EventKind_ACCEPTED = 1,
  EventKind_REJECTED = 2,
  EventKind_CANCELED = 4,
  EventKind_REPLACED = 5,
  EventKind_CANCEL_REJECTED = 6,
  EventKind_STATUS = 7,
  EventKind_WARNING = 33,
  OrdStatus_NEW = 0x30,
  OrdStatus_CANCELED = 0x34,
  OrdType_MARKET = 1,
  OrdType_TRAILING_STOP = 6,
  TimeInForce_FOK = 4,
  TimeInForce_GTD = 6,
  INSTRUMENT_STATE = 26,
  INSTRUMENT_STOPS = 27,
  INSTRUMENT_WATCH_HEAD = 28,
  SETTING_WORDS = 32,
  SETTING_MARKET_COLLAR = 2,
  SETTING_RANGE = 5,
  SETTING_BAND_HIGH = 4,
  SIDE_BEST = 0,
  SIDE_SPECIAL = 7,
  HIDDEN_SIDES = 32,
  SESSION_WORDS = 16,
  SESSION_STP = 6,
}

/** What requests work with. */
export interface RequestsParts {
  readonly book: Book;
  readonly matching: Matching;
  readonly special: SpecialMatching;
  readonly specials: Specials;
  readonly states: TradingStates;
  readonly instruments: Instruments;
  readonly checks: RequestChecks;
  readonly index: OrderIndex;
  readonly owners: Owners;
  readonly accounts: Accounts;
  readonly live: LiveOrders;
  readonly watch: WatchList;
  readonly timers: Timers;
  readonly writer: EventWriter;
  readonly sessions: Int32Array;
  /** Counts of the exchange's refusals, by reason. */
  readonly refusals: Float64Array;
}

/** Requests about one order. */
export class Requests {
  /** Orders with terms that may live at a time. */
  specialsLimit: number;
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #matching: Matching;
  readonly #special: SpecialMatching;
  readonly #specials: Specials;
  readonly #states: TradingStates;
  readonly #settings: Int32Array;
  readonly #checks: RequestChecks;
  readonly #index: OrderIndex;
  readonly #owners: Owners;
  readonly #accounts: Accounts;
  readonly #live: LiveOrders;
  readonly #watch: WatchList;
  readonly #timers: Timers;
  readonly #writer: EventWriter;
  readonly #sessions: Int32Array;
  readonly #refusals: Float64Array;
  readonly #lots = new Float64Array(1);

  constructor(parts: RequestsParts) {
    this.#book = parts.book;
    this.#i32 = parts.book.i32;
    this.#f64 = parts.book.f64;
    this.#matching = parts.matching;
    this.#special = parts.special;
    this.#specials = parts.specials;
    this.#states = parts.states;
    this.#settings = parts.instruments.i32;
    this.#checks = parts.checks;
    this.#index = parts.index;
    this.#owners = parts.owners;
    this.#accounts = parts.accounts;
    this.#live = parts.live;
    this.#watch = parts.watch;
    this.#timers = parts.timers;
    this.#writer = parts.writer;
    this.#sessions = parts.sessions;
    this.#refusals = parts.refusals;
    this.specialsLimit = parts.book.specialMax;
  }

  /** Orders that may live at a time. */
  get ordersLimit(): number {
    return this.#i32[Fixed.BOOK_ORDERS_LIMIT]!;
  }

  set ordersLimit(orders: number) {
    this.#i32[Fixed.BOOK_ORDERS_LIMIT] = orders;
  }

  /** The plain path traded what it could of an accepted order, and met something special. */
  goOn(order: number): void {
    const kind = this.#i32[order + Fixed.ORDER_KIND]!;
    const instrument = kind & 0xffff;
    this.#writer.subject = order;
    if (this.#isPlain(order, instrument)) this.#place(order);
    else this.#specials.goOn(order);
    this.#touchIfWatched(this.#book.instrumentOf(instrument), instrument);
  }

  /** NEW_ORDER. */
  newOrder(command: CommandViews, at: number, session: number): void {
    const book = this.#book;
    let reason = this.#checks.judge(command, at, session);
    let order = 0;
    if (reason === Reason.NONE) {
      order = this.#take();
      this.#fillIn(order, command, at, session);
      reason = this.#judgeRoom(order);
    }
    if (reason !== Reason.NONE) {
      if (order !== 0) this.#giveBack(order);
      this.refuse(Fixed.EventKind_REJECTED, command, at, 1, reason, 0);
      return;
    }
    this.#writer.subject = order;
    if (this.#checks.softPassed !== 0) this.#warn(session);
    if (this.#checks.account !== 0) this.#live.opened(order);
    const instrument = this.#i32[order + Fixed.ORDER_KIND]! & 0xffff;
    if (this.#isPlain(order, instrument)) {
      this.#writer.order(
        Fixed.EventKind_ACCEPTED,
        order,
        0,
        Fixed.OrdStatus_NEW,
      );
      this.#place(order);
    } else this.#enter(order);
    this.#touchIfWatched(book.instrumentOf(instrument), instrument);
  }

  /** CANCEL_ORDER. */
  cancel(command: CommandViews, at: number, session: number): void {
    const order = this.#find(command, at, session);
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#checks.mismatch(command, at, order);
    if (reason !== Reason.NONE) {
      this.refuse(
        Fixed.EventKind_CANCEL_REJECTED,
        command,
        at,
        2,
        reason,
        order,
      );
      return;
    }
    this.#endOnRequest(order, Reason.CANCELED_BY_CLIENT, command, at);
  }

  /** REDUCE_ORDER. */
  reduce(command: CommandViews, at: number, session: number): void {
    const order = this.#find(command, at, session);
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#checks.judgeReduce(command, at, order);
    if (reason !== Reason.NONE) {
      this.refuse(
        Fixed.EventKind_CANCEL_REJECTED,
        command,
        at,
        3,
        reason,
        order,
      );
      return;
    }
    const lots = command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    if (lots >= this.#f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!) {
      this.#endOnRequest(order, Reason.REDUCED_TO_ZERO, command, at);
      return;
    }
    this.#special.prevented[0] = lots;
    this.#special.reduce(order);
    this.#live.onReduced(order);
    this.#tellReplaced(order, command, at);
    this.#writer.subject = order;
    const instrument = this.#i32[order + Fixed.ORDER_KIND]! & 0xffff;
    this.#touchIfWatched(this.#book.instrumentOf(instrument), instrument);
  }

  /** REPLACE_ORDER. */
  replace(command: CommandViews, at: number, session: number): void {
    const order = this.#find(command, at, session);
    let reason: Reason = Reason.MESSAGE_RATE;
    if (!this.#checks.isReplaceTooOften(command, at, session)) {
      reason = order === 0
        ? Reason.UNKNOWN_ORDER
        : this.#checks.judgeReplace(command, at, session, order);
      if (reason === Reason.NONE) reason = this.#judgeReplaceRoom(order);
    }
    if (reason !== Reason.NONE) {
      this.refuse(
        Fixed.EventKind_CANCEL_REJECTED,
        command,
        at,
        3,
        reason,
        order,
      );
      return;
    }
    if (this.#checks.softPassed !== 0) this.#warn(session);
    this.#countChange(order);
    const instrument = this.#i32[order + Fixed.ORDER_KIND]! & 0xffff;
    const isSpecial =
      (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !== 0;
    if (isSpecial) this.#replaceSpecial(order, command, at);
    else this.#replacePlain(order, command, at, instrument);
    this.#touchIfWatched(this.#book.instrumentOf(instrument), instrument);
  }

  /** ORDER_STATUS. */
  status(command: CommandViews, at: number, session: number): void {
    const order = this.#find(command, at, session);
    const detail = this.#detail(command, at);
    if (order === 0) {
      this.#writer.request(
        Fixed.EventKind_STATUS,
        command,
        at,
        whyOf(detail, Reason.UNKNOWN_ORDER),
        0,
        false,
      );
      return;
    }
    const ownText =
      (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TEXT_BIT) !== 0;
    this.#writer.orderOnRequest(
      Fixed.EventKind_STATUS,
      order,
      whyOf(detail, Reason.NONE),
      this.#writer.statusOf(order),
      command,
      at,
      !ownText && this.#hasText(command, at),
    );
  }

  /** REFUSED: a gateway refused it already; the answer takes its number here. */
  refused(command: CommandViews, at: number, session: number): void {
    const detail = this.#detail(command, at);
    const isNew = detail === 1;
    const order = isNew ? 0 : this.#find(command, at, session);
    let reason = command.i32[at + Fixed.CMD_REASON_U32]!;
    // The gateway did not know yet that the order had ended.
    if (reason === Reason.SHUTTING_DOWN && order === 0 && !isNew) {
      reason = Reason.UNKNOWN_ORDER;
    }
    this.#writer.request(
      isNew ? Fixed.EventKind_REJECTED : Fixed.EventKind_CANCEL_REJECTED,
      command,
      at,
      whyOf(detail, reason),
      order,
      false,
    );
  }

  /** A new order is one message too many: the plain path counted it. */
  refuseRate(command: CommandViews, at: number): void {
    this.refuse(
      Fixed.EventKind_REJECTED,
      command,
      at,
      1,
      Reason.MESSAGE_RATE,
      0,
    );
  }

  /** The same for a replace; its order lives on, and the refusal says how it stands. */
  refuseReplaceRate(command: CommandViews, at: number, order: number): void {
    this.refuse(
      Fixed.EventKind_CANCEL_REJECTED,
      command,
      at,
      3,
      Reason.MESSAGE_RATE,
      order,
    );
  }

  /** Counts a refusal and tells it. */
  refuse(
    kind: number,
    command: CommandViews,
    at: number,
    detail: number,
    reason: Reason,
    order: number,
  ): void {
    this.#refusals[reason] = this.#refusals[reason]! + 1;
    this.#writer.request(
      kind,
      command,
      at,
      whyOf(detail, reason),
      order,
      order !== 0,
    );
  }

  #find(command: CommandViews, at: number, session: number): number {
    return this.#index.find(
      session,
      command.f64,
      (at >> 1) + Fixed.CMD_REFERENCE_F64,
    );
  }

  /** A record for a new order; orders that will not rest need none of the pool. */
  #take(): number {
    const book = this.#book;
    const isSpecial = this.#checks.isSpecial;
    if (isSpecial && !this.#checks.rests) return book.scratchOrder;
    if (this.#index.size >= this.ordersLimit) return book.scratchOrder;
    if (isSpecial && book.specials >= this.specialsLimit) {
      return book.scratchOrder;
    }
    const order = book.allocate();
    return order === 0 ? book.scratchOrder : order;
  }

  #giveBack(order: number): void {
    const book = this.#book;
    if ((this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !== 0) {
      book.freeTerms(order);
    }
    if (order !== book.scratchOrder) book.free(order);
  }

  /** Capacity, and room for the price of an order that may rest. */
  #judgeRoom(order: number): Reason {
    const { rests, isSpecial, price, stopPrice } = this.#checks;
    if (!rests) return Reason.NONE;
    if (isSpecial && !this.#hasTermsFor(order)) return Reason.SPECIAL_CAPACITY;
    if (order === this.#book.scratchOrder) return Reason.ORDER_CAPACITY;
    const leavesAt = (order >> 1) + Fixed.ORDER_LEAVES_F64;
    if (isSpecial) {
      return this.#specials.roomFor(order, price, stopPrice, leavesAt);
    }
    const what = this.#i32[order + Fixed.ORDER_KIND]!;
    return this.#matching.room(
      what & 0xffff,
      (what >>> 16 & 0xff) - 1,
      price,
      leavesAt,
      order,
    );
  }

  /** Whether there are terms for an order, and for a plain one that it links with. */
  #hasTermsFor(order: number): boolean {
    const link = this.#checks.link;
    const isCounted = order !== this.#book.scratchOrder;
    const others = this.#book.specials - (isCounted ? 1 : 0);
    const needed = link !== 0 && this.#special.termsOf(link) === 0 ? 2 : 1;
    return others + needed <= this.specialsLimit;
  }

  #judgeReplaceRoom(order: number): Reason {
    const owner = this.#i32[order + Fixed.ORDER_OWNER]!;
    if ((owner & Fixed.ORDER_TERMS_BIT) === 0) return Reason.NONE;
    return this.#specials.roomFor(
      order,
      this.#checks.price,
      this.#checks.stopPrice,
      (this.#book.scratchOrder >> 1) + Fixed.ORDER_LEAVES_F64,
    );
  }

  /** Whether an order and what it can meet are free of anything special. */
  #isPlain(order: number, instrument: number): boolean {
    const i32 = this.#i32;
    const owner = i32[order + Fixed.ORDER_OWNER]!;
    if ((owner & Fixed.ORDER_TERMS_BIT) !== 0) return false;
    const record = this.#book.instrumentOf(instrument);
    if (i32[record + Fixed.INSTRUMENT_STATE] !== 0) return false;
    const setting = instrument * Fixed.SETTING_WORDS;
    if (this.#settings[setting + Fixed.SETTING_RANGE] !== 0) return false;
    const kind = i32[order + Fixed.ORDER_KIND]!;
    const side = this.#book.sideOf(instrument, 2 - (kind >>> 16 & 0xff));
    if (
      i32[side + Fixed.SIDE_SPECIAL] !== 0 ||
      i32[side + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST] !== 0
    ) return false;
    if (
      kind >>> 24 === Fixed.OrdType_MARKET &&
      (this.#settings[setting + Fixed.SETTING_BAND_HIGH]! |
          this.#settings[setting + Fixed.SETTING_MARKET_COLLAR]!) !== 0
    ) return false;
    const session = this.#owners.sessionOf(order) * Fixed.SESSION_WORDS;
    // What fill-or-kill may count depends on whose the orders are.
    return (owner >>> 24 & 0xf) !== Fixed.TimeInForce_FOK ||
      this.#sessions[session + Fixed.SESSION_STP] === 0;
  }

  /** Trades a plain order, then rests it or ends it. It is not in the index. */
  #place(order: number): void {
    const reason = this.#matching.place(order);
    if (this.#i32[order + Fixed.ORDER_LEVEL] !== 0) {
      this.#live.remember(order);
      return;
    }
    if (reason === Reason.SELF_TRADE) {
      this.#specials.goOn(order);
      return;
    }
    if (reason !== Reason.NONE) this.#live.end(order, reason);
    else this.#live.onFilled(order);
  }

  /** Tells of an order that is not plain, and puts it where it belongs. */
  #enter(order: number): void {
    const terms = this.#special.termsOf(order);
    const kind = this.#i32[order + Fixed.ORDER_KIND]! >>> 24;
    if (terms !== 0) {
      if (order !== this.#book.scratchOrder) this.#live.remember(order);
      if (isPeg(kind)) {
        this.#i32[terms + Fixed.TERMS_PEG_LIMIT] = this.#checks.price;
        this.#i32[order + Fixed.ORDER_PRICE] = this.#specials.pegPriceOf(order);
      }
      if (order !== this.#book.scratchOrder) this.#watchOver(order, terms);
      const link = this.#checks.link;
      if (link !== 0) this.#linkWith(link, order, terms);
    }
    this.#writer.order(
      Fixed.EventKind_ACCEPTED,
      order,
      0,
      Fixed.OrdStatus_NEW,
    );
    if (
      terms !== 0 && isPeg(kind) && this.#i32[order + Fixed.ORDER_PRICE] === 0
    ) return;
    this.#specials.enter(order);
  }

  /** Lists what must be looked at besides commands. */
  #watchOver(order: number, terms: number): void {
    const timeInForce = this.#i32[order + Fixed.ORDER_OWNER]! >>> 24 & 0xf;
    const type = this.#i32[order + Fixed.ORDER_KIND]! >>> 24;
    if (
      isPeg(type) || type === Fixed.OrdType_TRAILING_STOP ||
      isAuctionOnly(timeInForce) || this.#special.isConditional(terms)
    ) this.#watch.add(terms);
    if (timeInForce !== Fixed.TimeInForce_GTD) return;
    this.#timers.add(terms);
    if (this.#timers.first === terms) this.#states.renewDue();
  }

  /** Fills an order's record, and its terms, from a command. */
  #fillIn(
    order: number,
    command: CommandViews,
    at: number,
    session: number,
  ): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const own = order >> 1;
    const half = at >> 1;
    const quantity = command.f64[half + Fixed.CMD_QUANTITY_F64]!;
    const timeInForce = command.i32[at + Fixed.CMD_HOW_WORD]! & 0xf;
    const text = this.#hasText(command, at);
    i32[order + Fixed.ORDER_LEVEL] = 0;
    i32[order + Fixed.ORDER_PRICE] = this.#checks.price;
    f64[own + Fixed.ORDER_LEAVES_F64] = quantity;
    f64[own + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[own + Fixed.ORDER_NOTIONAL_F64] = 0;
    f64[own + Fixed.ORDER_REFERENCE_F64] = command
      .f64[half + Fixed.CMD_REFERENCE_F64]!;
    i32[order + Fixed.ORDER_OWNER] = session | timeInForce << 24 |
      (text ? Fixed.ORDER_TEXT_BIT : 0);
    i32[order + Fixed.ORDER_KIND] = command.i32[at + Fixed.CMD_WHAT_WORD]!;
    f64[own + Fixed.ORDER_ID_F64] = command.f64[half + Fixed.CMD_SEQUENCE_F64]!;
    if (text) this.#writer.keepText(order, command, at);
    if (this.#checks.isSpecial) this.#fillTerms(order, command, at);
  }

  #fillTerms(order: number, command: CommandViews, at: number): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    // Without a record of its own it is refused, or does not rest.
    const terms = this.#book.allocateTerms(order);
    i32[order + Fixed.ORDER_OWNER] = i32[order + Fixed.ORDER_OWNER]! |
      Fixed.ORDER_TERMS_BIT;
    i32[terms + Fixed.TERMS_STOP_PRICE] = this.#checks.stopPrice;
    const given = (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) ===
      Fixed.COMMAND_SLOT_BYTES;
    if (!given) return;
    const half = at >> 1;
    const to = terms >> 1;
    i32[terms + Fixed.TERMS_FLAGS] = command
      .i32[at + Fixed.CMD_TERM_FLAGS_U32]!;
    i32[terms + Fixed.TERMS_ACCOUNT] = command.i32[at + Fixed.CMD_ACCOUNT_U32]!;
    i32[terms + Fixed.TERMS_OFFSET] = command.i32[at + Fixed.CMD_OFFSET_I32]!;
    f64[to + Fixed.TERMS_DISPLAY_F64] = command
      .f64[half + Fixed.CMD_DISPLAY_QUANTITY_F64]!;
    f64[to + Fixed.TERMS_RANGE_F64] = command
      .f64[half + Fixed.CMD_DISPLAY_RANGE_F64]!;
    f64[to + Fixed.TERMS_MIN_F64] = command
      .f64[half + Fixed.CMD_MIN_QUANTITY_F64]!;
    i32[terms + Fixed.TERMS_EXPIRE_LO] = command
      .i32[at + Fixed.CMD_EXPIRE_TIME_LO_U32]!;
    i32[terms + Fixed.TERMS_EXPIRE_HI] = command
      .i32[at + Fixed.CMD_EXPIRE_TIME_HI_U32]!;
  }

  /** Links two orders; one that was plain until now gets terms. */
  #linkWith(other: number, order: number, terms: number): void {
    const i32 = this.#i32;
    if (this.#special.termsOf(other) === 0) this.#special.makeSpecial(other);
    i32[terms + Fixed.TERMS_LINK] = other;
    i32[this.#book.termsOf(other) + Fixed.TERMS_LINK] = order;
  }

  /** Ends an order because its client asked. */
  #endOnRequest(
    order: number,
    reason: Reason,
    command: CommandViews,
    at: number,
  ): void {
    const instrument = this.#i32[order + Fixed.ORDER_KIND]! & 0xffff;
    this.#live.leave(order);
    this.#writer.orderOnRequest(
      Fixed.EventKind_CANCELED,
      order,
      whyOf(0, reason),
      Fixed.OrdStatus_CANCELED,
      command,
      at,
      this.#hasText(command, at),
    );
    this.#live.gone(order);
    this.#touchIfWatched(this.#book.instrumentOf(instrument), instrument);
  }

  /** A plain order gets another price or quantity. */
  #replacePlain(
    order: number,
    command: CommandViews,
    at: number,
    instrument: number,
  ): void {
    const moved = this.#matching.amend(
      order,
      this.#checks.price,
      (this.#book.scratchOrder >> 1) + Fixed.ORDER_QUANTITY_F64,
    );
    if (moved) this.#live.forget(order);
    this.#tellReplaced(order, command, at);
    if (!moved) return;
    this.#writer.subject = order;
    if (this.#isPlain(order, instrument)) this.#place(order);
    else this.#specials.enter(order);
  }

  /** The same for an order with terms. */
  #replaceSpecial(order: number, command: CommandViews, at: number): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const own = order >> 1;
    const scratch = this.#book.scratchOrder >> 1;
    const terms = this.#book.termsOf(order);
    const where = i32[terms + Fixed.TERMS_WHERE]!;
    const leaves = f64[scratch + Fixed.ORDER_LEAVES_F64]!;
    const grows = leaves > f64[own + Fixed.ORDER_LEAVES_F64]!;
    const peg = isPeg(i32[order + Fixed.ORDER_KIND]! >>> 24);
    const stop = this.#checks.stopPrice;
    const moves = where !== Fixed.Where_NOWHERE && (grows ||
      (where === Fixed.Where_STOPS
        ? stop !== i32[terms + Fixed.TERMS_STOP_PRICE]
        : !peg && this.#checks.price !== i32[order + Fixed.ORDER_PRICE]));
    if (moves) this.#special.takeOut(order);
    // What follows keeps the place of an order that was not taken out.
    this.#special.setLeaves(order, leaves);
    f64[own + Fixed.ORDER_QUANTITY_F64] = f64[
      scratch + Fixed.ORDER_QUANTITY_F64
    ]!;
    if (peg) i32[terms + Fixed.TERMS_PEG_LIMIT] = this.#checks.price;
    else i32[order + Fixed.ORDER_PRICE] = this.#checks.price;
    if (where === Fixed.Where_STOPS) i32[terms + Fixed.TERMS_STOP_PRICE] = stop;
    this.#tellReplaced(order, command, at);
    this.#writer.subject = order;
    if (!moves) return;
    if (where === Fixed.Where_STOPS) this.#specials.waitAgain(order);
    else if (peg) i32[order + Fixed.ORDER_PRICE] = 0;
    else this.#specials.enter(order);
  }

  /** Open lots of the account follow a replace. */
  #countChange(order: number): void {
    if (this.#checks.account === 0) return;
    this.#lots[0] = this.#f64[
      (this.#book.scratchOrder >> 1) + Fixed.ORDER_LEAVES_F64
    ]! - this.#f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
    this.#live.changed(order, this.#lots, 0);
  }

  /** Gives the order its new names, and tells what it is now. */
  #tellReplaced(order: number, command: CommandViews, at: number): void {
    this.#rename(command, at, order);
    const text = this.#hasText(command, at);
    if (text) {
      this.#i32[order + Fixed.ORDER_OWNER] =
        this.#i32[order + Fixed.ORDER_OWNER]! | Fixed.ORDER_TEXT_BIT;
      this.#writer.keepText(order, command, at);
    }
    this.#writer.orderOnRequest(
      Fixed.EventKind_REPLACED,
      order,
      0,
      this.#writer.statusOf(order),
      command,
      at,
      text,
    );
  }

  #rename(command: CommandViews, at: number, order: number): void {
    if (!this.#checks.renames(command, at, order)) return;
    const isIndexed = this.#live.isRemembered(order);
    if (isIndexed) this.#index.remove(order);
    this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] = command
      .f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]!;
    if (isIndexed) this.#index.insert(order);
  }

  /** Soft limits that the order passes. */
  #warn(session: number): void {
    const { account, softPassed } = this.#checks;
    const { house } = this.#writer;
    for (let limit = 0; limit < ACCOUNT_LIMIT_REASONS.length; limit++) {
      if ((softPassed & 1 << limit) === 0) continue;
      house[0] = this.#accounts.observed[limit]!;
      house[1] = this.#accounts.softOf(account, limit);
      house[2] = account;
      house[3] = session;
      this.#writer.tellHouse(
        Fixed.EventKind_WARNING,
        this.#checks.instrument,
        0,
        ACCOUNT_LIMIT_REASONS[limit]!,
        0,
      );
    }
  }

  /** An instrument with something that may move is settled after the command. */
  #touchIfWatched(record: number, instrument: number): void {
    const i32 = this.#i32;
    if (
      (i32[record + Fixed.INSTRUMENT_STATE]! |
        i32[record + Fixed.INSTRUMENT_STOPS]! |
        i32[record + Fixed.INSTRUMENT_WATCH_HEAD]!) !== 0
    ) this.#live.touch(instrument);
  }

  #hasText(command: CommandViews, at: number): boolean {
    const shape = command.i32[at + Fixed.CMD_SHAPE_WORD]!;
    return (shape >>> Fixed.CMD_FLAGS_SHIFT & Fixed.CMD_FLAG_TEXT) !== 0 &&
      (shape & 0xffff) > Fixed.COMMAND_BASE_BYTES;
  }

  #detail(command: CommandViews, at: number): number {
    return command.i32[at + Fixed.CMD_HOW_WORD]! >>> Fixed.CMD_DETAIL_SHIFT &
      0xff;
  }
}
