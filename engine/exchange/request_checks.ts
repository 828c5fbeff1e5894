// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the exchange asks about a request before it touches a book, in the
 * order of `docs/rules.md`, Checks.
 *
 * Gateways check most of this before; here it is checked again, because what
 * reaches a book must be right whoever sent it. Owned by the exchange's thread.
 * Allocates nothing, changes nothing but message counts and the scratch record,
 * answers with reasons.
 *
 * @module
 */
import { type Book, KEY_MARKET } from "../book/mod.ts";
import {
  type Instruments,
  type Matching,
  type Owners,
  SLICES_MAX,
  type TickTables,
} from "../matching/mod.ts";
import { Reason, TradingState } from "../record/mod.ts";
import type { Accounts, MessageRate, RiskLimits } from "../risk/mod.ts";
import type { CommandViews } from "./event_writer.ts";
import type { OrderIndex } from "./order_index.ts";
import { isAuctionOnly, isPeg } from "./specials.ts";
import {
  hasTerms,
  isResting,
  isTimeInForceOf,
  type TermsChecks,
} from "./terms_checks.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CMD_SHAPE_WORD = 1,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  ORDER_LEAVES_F64 = 2,
  ORDER_KIND = 13,
  ORDER_OWNER = 12,
  ORDER_TERMS_BIT = 0x20000000,
  ORDER_PRICE = 3,
  CMD_REFERENCE_F64 = 7,
  CMD_PRICE_I32 = 10,
  CMD_FLAGS_SHIFT = 24,
  CMD_FLAG_REFUSE = 4,
  CMD_REASON_U32 = 11,
  ORDER_QUANTITY_F64 = 3,
  CMD_WHAT_WORD = 8,
  CMD_QUANTITY_F64 = 6,
  OrdType_LIMIT = 2,
  OrdType_MARKET = 1,
  OrdType_STOP = 3,
  OrdType_STOP_LIMIT = 4,
  OrdType_MARKET_TO_LIMIT = 5,
  OrdType_TRAILING_STOP = 6,
  OrdType_PEG_MIDPOINT = 9,
  CMD_HOW_WORD = 9,
  TimeInForce_AT_OPEN = 2,
  TimeInForce_FOK = 4,
  QUANTITY_MAX = 9007199254740991,
  CMD_NEW_REFERENCE_F64 = 13,
  CMD_TERM_FLAGS_U32 = 32,
  CMD_STOP_PRICE_I32 = 33,
  CMD_LINK_REFERENCE_F64 = 21,
  NOT_GIVEN = 0xffff,
  COMMAND_BASE_BYTES = 64,
  COMMAND_SLOT_BYTES = 192,
  ORDER_REFERENCE_F64 = 5,
  SESSION_WORDS = 16,
  SESSION_BLOCKED = 8,
  SESSION_RATED = 9,
  INSTRUMENT_STATE = 26,
  SETTING_WORDS = 32,
  SETTING_GATE_LOW = 11,
  SETTING_GATE_HIGH = 12,
  SETTING_LOT_STEP_F64 = 8,
  SETTING_TICKS = 25,
  SIDE_BEST_KEY = 1,
  HIDDEN_SIDES = 32,
  KEY_NONE = 0x7fffffff,
  LEVEL_KEY = 5,
  TERMS_FLAGS = 0,
  TERMS_WHERE = 15,
  TERMS_DISPLAY_F64 = 2,
  TERMS_RANGE_F64 = 3,
  TERMS_LINK = 14,
  TERMS_STOP_PRICE = 2,
  TERMS_PEG_LIMIT = 21,
  Where_STOPS = 3,
  TermFlag_POST_ONLY = 1,
  TermFlag_POST_SLIDE = 2,
  TermFlag_OPEN_QUANTITY = 32,
  TermFlag_REPLACE_STOP = 64,
}

/** States by number in which resting orders may be entered. */
const RESTING_STATES = bits(
  TradingState.OPEN,
  TradingState.PRE_OPEN,
  TradingState.OPENING_AUCTION,
  TradingState.PAUSE,
  TradingState.VOLATILITY_AUCTION,
  TradingState.REOPENING_AUCTION,
  TradingState.CLOSING_AUCTION,
);
const AT_OPEN_STATES = bits(
  TradingState.PRE_OPEN,
  TradingState.OPENING_AUCTION,
);

/** Why the sequencer wants a request refused that adds liability; NONE = it does not. */
function markedReason(command: CommandViews, at: number): Reason {
  const flags = command.i32[at + Fixed.CMD_SHAPE_WORD]! >>>
    Fixed.CMD_FLAGS_SHIFT;
  return (flags & Fixed.CMD_FLAG_REFUSE) === 0
    ? Reason.NONE
    : command.i32[at + Fixed.CMD_REASON_U32]! as Reason;
}

function bits(...states: number[]): number {
  return states.reduce((sum, state) => sum | 1 << state, 0);
}

/** What the checks read. */
export interface RequestChecksParts {
  readonly book: Book;
  readonly limits: RiskLimits;
  readonly index: OrderIndex;
  readonly matching: Matching;
  readonly instruments: Instruments;
  readonly ticks: TickTables;
  readonly owners: Owners;
  readonly accounts: Accounts;
  readonly rates: MessageRate;
  readonly terms: TermsChecks;
  readonly sessions: Int32Array;
}

/** Judges requests against the state of the exchange. */
export class RequestChecks {
  /** After `judge()`: the order has terms. */
  isSpecial = false;
  /** After `judge()`: what it does not trade at once stays. */
  rests = false;
  /** After `judge()` and `judgeReplace()`: limit price, slid if need be; 0 = none. */
  price = 0;
  /** After `judge()` and `judgeReplace()`: stop price; 0 = none. */
  stopPrice = 0;
  /** After `judge()`: order to link with; 0 = none. */
  link = 0;
  /** After both: soft limits that the order passes. */
  softPassed = 0;
  /** After both: account of the order; 0 = none. */
  account = 0;
  /** After both: its instrument. */
  instrument = 0;
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #limits: RiskLimits;
  readonly #index: OrderIndex;
  readonly #matching: Matching;
  readonly #instruments: Instruments;
  readonly #settings: Int32Array;
  readonly #settingsF64: Float64Array;
  readonly #ticks: TickTables;
  readonly #owners: Owners;
  readonly #accounts: Accounts;
  readonly #rates: MessageRate;
  readonly #terms: TermsChecks;
  readonly #sessions: Int32Array;

  constructor(parts: RequestChecksParts) {
    this.#book = parts.book;
    this.#i32 = parts.book.i32;
    this.#f64 = parts.book.f64;
    this.#limits = parts.limits;
    this.#index = parts.index;
    this.#matching = parts.matching;
    this.#instruments = parts.instruments;
    this.#settings = parts.instruments.i32;
    this.#settingsF64 = parts.instruments.f64;
    this.#ticks = parts.ticks;
    this.#owners = parts.owners;
    this.#accounts = parts.accounts;
    this.#rates = parts.rates;
    this.#terms = parts.terms;
    this.#sessions = parts.sessions;
  }

  /** What is wrong with a new order, before capacity. */
  judge(command: CommandViews, at: number, session: number): Reason {
    const i32 = command.i32;
    if (this.#isTooOften(command, at, session)) return Reason.MESSAGE_RATE;
    const what = i32[at + Fixed.CMD_WHAT_WORD]!;
    const instrument = what & 0xffff;
    const side = what >>> 16 & 0xff;
    const type = what >>> 24;
    this.instrument = instrument;
    if (!this.#book.isDefined(instrument)) return Reason.UNKNOWN_INSTRUMENT;
    if (side !== 1 && side !== 2) return Reason.INVALID_SIDE;
    if (type === 0 || type > Fixed.OrdType_PEG_MIDPOINT) {
      return Reason.INVALID_ORD_TYPE;
    }
    const timeInForce = i32[at + Fixed.CMD_HOW_WORD]! & 0xff;
    if (!isTimeInForceOf(type, timeInForce)) {
      return Reason.INVALID_TIME_IN_FORCE;
    }
    let price = i32[at + Fixed.CMD_PRICE_I32]!;
    if (type === Fixed.OrdType_LIMIT || type === Fixed.OrdType_STOP_LIMIT) {
      if (price <= 0) return Reason.INVALID_PRICE;
    } else if (isPeg(type)) {
      if (price < 0) return Reason.INVALID_PRICE;
    } else price = 0;
    this.price = price;
    const reason = this.#judgeQuantity(command, at, instrument);
    if (reason !== Reason.NONE) return reason;
    const given = (i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) ===
        Fixed.COMMAND_SLOT_BYTES && hasTerms(command, at);
    this.isSpecial = given || type > Fixed.OrdType_LIMIT ||
      timeInForce === Fixed.TimeInForce_AT_OPEN ||
      timeInForce > Fixed.TimeInForce_FOK;
    this.stopPrice = 0;
    this.#givenStop = 0;
    this.link = 0;
    if (this.isSpecial) {
      const wrong = this.#terms.judge(command, at, session, given);
      if (wrong !== Reason.NONE) return wrong;
      if (given) this.#givenStop = i32[at + Fixed.CMD_STOP_PRICE_I32]!;
      this.stopPrice = this.#terms.stopPriceOf(command, at, given);
    }
    this.rests = isAuctionOnly(timeInForce) ||
      (isResting(timeInForce) && type !== Fixed.OrdType_MARKET);
    this.account = this.#terms.accountOf(command, at, session, given);
    const barred = this.#judgeAccess(command, at, session, type, timeInForce);
    if (barred !== Reason.NONE) return barred;
    const risky = this.#judgeRisk(command, at, instrument, side - 1, type);
    if (risky !== Reason.NONE) return risky;
    const half = at >> 1;
    const reference = half + Fixed.CMD_REFERENCE_F64;
    if (this.#index.find(session, command.f64, reference) !== 0) {
      return Reason.DUPLICATE_ORDER;
    }
    return given ? this.#judgeBook(command, at, session) : Reason.NONE;
  }

  /** Whether a message is one too many for its session. */
  #isTooOften(command: CommandViews, at: number, session: number): boolean {
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_RATED;
    return this.#sessions[word] !== 0 && !this.#rates.take(
      session,
      command.i32[at + Fixed.CMD_TIME_LO_U32]!,
      command.i32[at + Fixed.CMD_TIME_HI_U32]!,
    );
  }

  #judgeQuantity(
    command: CommandViews,
    at: number,
    instrument: number,
  ): Reason {
    const quantity = command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    if (!(quantity > 0)) return Reason.INVALID_QUANTITY;
    if (quantity > Fixed.QUANTITY_MAX) return Reason.QUANTITY_TOO_LARGE;
    if (Math.floor(quantity) !== quantity) return Reason.QUANTITY_OFF_LOT;
    const step = this.#settingsF64[
      instrument * (Fixed.SETTING_WORDS >> 1) + Fixed.SETTING_LOT_STEP_F64
    ]!;
    return step > 1 && quantity % step !== 0
      ? Reason.QUANTITY_OFF_LOT
      : Reason.NONE;
  }

  /** Ticks, state, journal, blocks, restrictions. */
  #judgeAccess(
    command: CommandViews,
    at: number,
    session: number,
    type: number,
    timeInForce: number,
  ): Reason {
    const { instrument } = this;
    const off = this.#judgeTicks(instrument);
    if (off !== Reason.NONE) return off;
    const state = this.#stateOf(instrument);
    if (state !== 0) {
      const states = timeInForce === Fixed.TimeInForce_AT_OPEN
        ? AT_OPEN_STATES
        : !this.rests || type === Fixed.OrdType_MARKET_TO_LIMIT
        ? 1
        : RESTING_STATES;
      if ((states >>> state & 1) === 0) return Reason.STATE_FORBIDS;
    } else if (timeInForce === Fixed.TimeInForce_AT_OPEN) {
      return Reason.STATE_FORBIDS;
    }
    const marked = markedReason(command, at);
    return marked !== Reason.NONE
      ? marked
      : this.#judgeBlocks(instrument, session);
  }

  #judgeBlocks(instrument: number, session: number): Reason {
    const blocked = session * Fixed.SESSION_WORDS + Fixed.SESSION_BLOCKED;
    if (this.#sessions[blocked] !== 0) return Reason.BLOCKED;
    if (this.account === 0) return Reason.NONE;
    if (this.#accounts.blocksOf(this.account) !== 0) return Reason.BLOCKED;
    return this.#accounts.isRestricted(this.account, instrument)
      ? Reason.RESTRICTED
      : Reason.NONE;
  }

  /** Whether limit and stop price are in the tick table. */
  #judgeTicks(instrument: number): Reason {
    const at = instrument * Fixed.SETTING_WORDS + Fixed.SETTING_TICKS;
    if (this.#settings[at] === 0) return Reason.NONE;
    const ticks = this.#ticks;
    if (this.price !== 0 && !ticks.isValid(instrument, this.price)) {
      return Reason.PRICE_OFF_TICK;
    }
    return this.#givenStop !== 0 && !ticks.isValid(instrument, this.#givenStop)
      ? Reason.PRICE_OFF_TICK
      : Reason.NONE;
  }

  /** Stop price that the request itself names. */
  #givenStop = 0;

  /** Limits of the instrument and of the account. */
  #judgeRisk(
    command: CommandViews,
    at: number,
    instrument: number,
    bit: number,
    type: number,
  ): Reason {
    const quantityAt = (at >> 1) + Fixed.CMD_QUANTITY_F64;
    const price = this.#notionalPrice(instrument, bit, type);
    const judged = this.#limits.check(
      instrument,
      command.f64,
      quantityAt,
      price,
    );
    if (judged !== Reason.NONE) return judged;
    const outside = this.#judgePrice(instrument);
    if (outside !== Reason.NONE) return outside;
    this.softPassed = 0;
    if (this.account === 0 || !this.#accounts.hasLimits(this.account)) {
      return Reason.NONE;
    }
    const reason = this.#accounts.check(
      this.account,
      instrument,
      bit,
      command.f64,
      quantityAt,
      price,
    );
    this.softPassed = this.#accounts.softPassed;
    return reason;
  }

  /** Price by which the value of an order is judged; 0 = none. */
  #notionalPrice(instrument: number, bit: number, type: number): number {
    if (type === Fixed.OrdType_STOP || type === Fixed.OrdType_TRAILING_STOP) {
      return this.#givenStop;
    }
    return this.price !== 0 ? this.price : this.#bestPrice(instrument, 1 - bit);
  }

  /** Whether the limit price is within band and collar. */
  #judgePrice(instrument: number): Reason {
    const price = this.price;
    const at = instrument * Fixed.SETTING_WORDS;
    if (
      price === 0 || (price >= this.#settings[at + Fixed.SETTING_GATE_LOW]! &&
        price <= this.#settings[at + Fixed.SETTING_GATE_HIGH]!)
    ) return Reason.NONE;
    return price < this.#instruments.bandLow(instrument) ||
        price > this.#instruments.bandHigh(instrument)
      ? Reason.PRICE_BAND
      : Reason.PRICE_COLLAR;
  }

  /** Link and post-only: what the order would find. */
  #judgeBook(command: CommandViews, at: number, session: number): Reason {
    const what = command.i32[at + Fixed.CMD_WHAT_WORD]!;
    const linkAt = (at >> 1) + Fixed.CMD_LINK_REFERENCE_F64;
    if (command.f64[linkAt] !== 0) {
      const other = this.#index.find(session, command.f64, linkAt);
      if (
        other === 0 ||
        (this.#i32[other + Fixed.ORDER_KIND]! & 0xffff) !== (what & 0xffff)
      ) return Reason.UNKNOWN_LINK;
      if (
        (this.#i32[other + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !==
          0 &&
        this.#i32[this.#book.termsOf(other) + Fixed.TERMS_LINK] !== 0
      ) return Reason.UNKNOWN_LINK;
      this.link = other;
    }
    const flags = command.i32[at + Fixed.CMD_TERM_FLAGS_U32]!;
    return this.#judgePost(what & 0xffff, (what >>> 16 & 0xff) - 1, flags);
  }

  /** Refuses or slides a post-only order that would trade. */
  #judgePost(instrument: number, bit: number, flags: number): Reason {
    const post = flags & (Fixed.TermFlag_POST_ONLY | Fixed.TermFlag_POST_SLIDE);
    if (post === 0 || this.#stateOf(instrument) !== 0) return Reason.NONE;
    const side = this.#book.sideOf(instrument, 1 - bit);
    const displayed = this.#i32[side + Fixed.SIDE_BEST_KEY]!;
    const hidden = this.#i32[side + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST_KEY]!;
    const best = displayed < hidden ? displayed : hidden;
    if (best === Fixed.KEY_NONE || best > (this.price ^ -bit)) {
      return Reason.NONE;
    }
    if (post === Fixed.TermFlag_POST_ONLY) return Reason.POST_ONLY_WOULD_TRADE;
    const price = best ^ -bit;
    this.price = bit === 0
      ? this.#ticks.below(instrument, price)
      : this.#ticks.above(instrument, price);
    return this.price === 0 ? Reason.POST_ONLY_WOULD_TRADE : Reason.NONE;
  }

  /** What is wrong with a replace. Leaves the new quantities in the scratch record. */
  judgeReplace(
    command: CommandViews,
    at: number,
    session: number,
    order: number,
  ): Reason {
    let reason = this.mismatch(command, at, order);
    if (reason !== Reason.NONE) return reason;
    const what = this.#i32[order + Fixed.ORDER_KIND]!;
    const instrument = what & 0xffff;
    const type = what >>> 24;
    this.instrument = instrument;
    this.price = command.i32[at + Fixed.CMD_PRICE_I32]!;
    if (isPeg(type)) {
      if (this.price < 0) return Reason.INVALID_PRICE;
    } else if (
      type === Fixed.OrdType_LIMIT || type === Fixed.OrdType_STOP_LIMIT ||
      type === Fixed.OrdType_MARKET_TO_LIMIT
    ) {
      if (this.price <= 0) return Reason.INVALID_PRICE;
    } else this.price = 0;
    reason = this.#judgeQuantity(command, at, instrument);
    if (reason !== Reason.NONE) return reason;
    const flags = (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) ===
        Fixed.COMMAND_SLOT_BYTES
      ? command.i32[at + Fixed.CMD_TERM_FLAGS_U32]!
      : 0;
    if (!this.#setScratch(command, at, order, flags)) {
      return Reason.QUANTITY_BELOW_FILLED;
    }
    if (this.#hasTooManySlices(order)) return Reason.QUANTITY_TOO_LARGE;
    reason = this.#judgeReplaceTerms(command, at, order, flags);
    if (reason !== Reason.NONE) return reason;
    this.account = this.#owners.accountOf(order);
    reason = this.#judgeTicks(instrument);
    if (reason !== Reason.NONE) return reason;
    if ((RESTING_STATES >>> this.#stateOf(instrument) & 1) === 0) {
      return Reason.STATE_FORBIDS;
    }
    reason = markedReason(command, at);
    if (reason !== Reason.NONE && this.#addsLiability(order, type)) {
      return reason;
    }
    reason = this.#judgeBlocks(instrument, session);
    if (reason !== Reason.NONE) return reason;
    reason = this.#judgeReplaceRisk(instrument, order, type);
    if (reason !== Reason.NONE) return reason;
    return this.#judgeReplaceBook(command, at, session, order);
  }

  /** What is wrong with a reduce. */
  judgeReduce(command: CommandViews, at: number, order: number): Reason {
    const reason = this.mismatch(command, at, order);
    if (reason !== Reason.NONE) return reason;
    const instrument = this.#i32[order + Fixed.ORDER_KIND]! & 0xffff;
    const wrong = this.#judgeQuantity(command, at, instrument);
    if (wrong !== Reason.NONE) return wrong;
    return this.#stateOf(instrument) === TradingState.CLOSED
      ? Reason.STATE_FORBIDS
      : Reason.NONE;
  }

  /** A message of a session that replaces: is it one too many? */
  isReplaceTooOften(
    command: CommandViews,
    at: number,
    session: number,
  ): boolean {
    return this.#isTooOften(command, at, session);
  }

  /** New quantity and leaves go to the scratch record. @returns false if nothing would be open. */
  #setScratch(
    command: CommandViews,
    at: number,
    order: number,
    flags: number,
  ): boolean {
    const f64 = this.#f64;
    const own = order >> 1;
    const scratch = this.#book.scratchOrder >> 1;
    const asked = command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    const filled = f64[own + Fixed.ORDER_QUANTITY_F64]! -
      f64[own + Fixed.ORDER_LEAVES_F64]!;
    const quantity = (flags & Fixed.TermFlag_OPEN_QUANTITY) !== 0
      ? filled + asked
      : asked;
    f64[scratch + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[scratch + Fixed.ORDER_LEAVES_F64] = quantity - filled;
    return quantity > filled;
  }

  /** Whether an iceberg would get more slices than it may have. */
  #hasTooManySlices(order: number): boolean {
    const owner = this.#i32[order + Fixed.ORDER_OWNER]!;
    if ((owner & Fixed.ORDER_TERMS_BIT) === 0) return false;
    const half = this.#book.termsOf(order) >> 1;
    const display = this.#f64[half + Fixed.TERMS_DISPLAY_F64]!;
    const range = this.#f64[half + Fixed.TERMS_RANGE_F64]!;
    const scratch = this.#book.scratchOrder >> 1;
    return display !== 0 &&
      this.#f64[scratch + Fixed.ORDER_LEAVES_F64]! >
        SLICES_MAX * (display - range);
  }

  #judgeReplaceTerms(
    command: CommandViews,
    at: number,
    order: number,
    flags: number,
  ): Reason {
    this.#givenStop = 0;
    this.stopPrice = 0;
    const special =
      (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !== 0;
    const terms = special ? this.#book.termsOf(order) : 0;
    const waits = special &&
      this.#i32[terms + Fixed.TERMS_WHERE] === Fixed.Where_STOPS;
    if (waits) this.stopPrice = this.#i32[terms + Fixed.TERMS_STOP_PRICE]!;
    if ((flags & Fixed.TermFlag_REPLACE_STOP) !== 0) {
      const stop = command.i32[at + Fixed.CMD_STOP_PRICE_I32]!;
      if (!waits || stop <= 0) return Reason.INVALID_STOP_PRICE;
      this.stopPrice = stop;
      this.#givenStop = stop;
    }
    const known = Fixed.TermFlag_OPEN_QUANTITY | Fixed.TermFlag_REPLACE_STOP;
    return (flags & ~known) === 0 ? Reason.NONE : Reason.INVALID_COMBINATION;
  }

  /** Whether a replace leaves more open, or puts what is open somewhere else. */
  #addsLiability(order: number, type: number): boolean {
    const i32 = this.#i32;
    const leaves = this.#f64[
      (this.#book.scratchOrder >> 1) + Fixed.ORDER_LEAVES_F64
    ]!;
    if (leaves > this.#f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!) return true;
    const special =
      (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !== 0;
    const terms = special ? this.#book.termsOf(order) : 0;
    if (
      special && i32[terms + Fixed.TERMS_WHERE] === Fixed.Where_STOPS &&
      this.stopPrice !== i32[terms + Fixed.TERMS_STOP_PRICE]
    ) return true;
    if (isPeg(type)) return this.price !== i32[terms + Fixed.TERMS_PEG_LIMIT];
    return this.price !== 0 && this.price !== i32[order + Fixed.ORDER_PRICE];
  }

  #judgeReplaceRisk(
    instrument: number,
    order: number,
    type: number,
  ): Reason {
    const bit = (this.#i32[order + Fixed.ORDER_KIND]! >>> 16 & 0xff) - 1;
    const scratch = this.#book.scratchOrder >> 1;
    const quantityAt = scratch + Fixed.ORDER_QUANTITY_F64;
    this.#givenStop = this.stopPrice;
    const price = this.#notionalPrice(instrument, bit, type);
    const judged = this.#limits.check(instrument, this.#f64, quantityAt, price);
    if (judged !== Reason.NONE) return judged;
    const outside = this.#judgePrice(instrument);
    if (outside !== Reason.NONE) return outside;
    this.softPassed = 0;
    if (this.account === 0 || !this.#accounts.hasLimits(this.account)) {
      return Reason.NONE;
    }
    const reason = this.#accounts.checkReplace(
      this.account,
      instrument,
      bit,
      this.#f64,
      quantityAt,
      scratch + Fixed.ORDER_LEAVES_F64,
      (order >> 1) + Fixed.ORDER_LEAVES_F64,
      price,
    );
    this.softPassed = this.#accounts.softPassed;
    return reason;
  }

  #judgeReplaceBook(
    command: CommandViews,
    at: number,
    session: number,
    order: number,
  ): Reason {
    if (this.renames(command, at, order)) {
      const renamed = (at >> 1) + Fixed.CMD_NEW_REFERENCE_F64;
      if (this.#index.find(session, command.f64, renamed) !== 0) {
        return Reason.DUPLICATE_ORDER;
      }
    }
    const what = this.#i32[order + Fixed.ORDER_KIND]!;
    const bit = (what >>> 16 & 0xff) - 1;
    const special =
      (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !== 0;
    if (!special) {
      return this.#matching.room(
        what & 0xffff,
        bit,
        this.price,
        (this.#book.scratchOrder >> 1) + Fixed.ORDER_LEAVES_F64,
        order,
      );
    }
    const flags = this.#i32[this.#book.termsOf(order) + Fixed.TERMS_FLAGS]!;
    if (what >>> 24 !== Fixed.OrdType_LIMIT) return Reason.NONE;
    const leaves = this.#f64[
      (this.#book.scratchOrder >> 1) + Fixed.ORDER_LEAVES_F64
    ]!;
    const loses = this.price !== this.#i32[order + Fixed.ORDER_PRICE] ||
      leaves > this.#f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
    return loses ? this.#judgePost(what & 0xffff, bit, flags) : Reason.NONE;
  }

  /** A cancel or replace may say which instrument and side it means. */
  mismatch(command: CommandViews, at: number, order: number): Reason {
    const what = command.i32[at + Fixed.CMD_WHAT_WORD]!;
    const own = this.#book.i32[order + Fixed.ORDER_KIND]!;
    const instrument = what & 0xffff;
    if (instrument !== Fixed.NOT_GIVEN && instrument !== (own & 0xffff)) {
      return Reason.INSTRUMENT_MISMATCH;
    }
    const side = what >>> 16 & 0xff;
    return side !== 0 && side !== (own >>> 16 & 0xff)
      ? Reason.SIDE_MISMATCH
      : Reason.NONE;
  }

  /** True if a replace gives its order another reference. */
  renames(command: CommandViews, at: number, order: number): boolean {
    if (
      (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) <=
        Fixed.COMMAND_BASE_BYTES
    ) return false;
    const reference = command.f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]!;
    return reference !== 0 &&
      reference !== this.#book.f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64];
  }

  #stateOf(instrument: number): number {
    return this.#i32[
      this.#book.instrumentOf(instrument) + Fixed.INSTRUMENT_STATE
    ]!;
  }

  #bestPrice(instrument: number, bit: number): number {
    const book = this.#book;
    let level = book.best(instrument, bit);
    // Market orders that wait for an auction have no price.
    if (level !== 0 && this.#i32[level + Fixed.LEVEL_KEY] === KEY_MARKET) {
      level = book.nextLevel(book.sideOf(instrument, bit), level);
    }
    return level === 0 ? 0 : book.priceOf(level);
  }
}
