// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What is asked of the terms of a special order before anything else: that
 * each is in its range, and that they go together. The order of the checks is
 * that of `docs/rules.md`.
 *
 * Reads the command and the state of its instrument; changes nothing and
 * allocates nothing. Owned by the exchange's thread.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_TRADES_F64,
} from "../book/mod.ts";
import {
  type Owners,
  SESSION_GROUP,
  SESSION_WORDS,
  SLICES_MAX,
  trailedPrice,
} from "../matching/mod.ts";
import {
  CMD_ACCOUNT_U32,
  CMD_DISPLAY_QUANTITY_F64,
  CMD_DISPLAY_RANGE_F64,
  CMD_EXPIRE_TIME_HI_U32,
  CMD_EXPIRE_TIME_LO_U32,
  CMD_INSTRUMENT_U16,
  CMD_LINK_REFERENCE_F64,
  CMD_MIN_QUANTITY_F64,
  CMD_OFFSET_I32,
  CMD_QUANTITY_F64,
  CMD_STOP_PRICE_I32,
  CMD_TERM_FLAGS_U32,
  CMD_TIME_HI_U32,
  CMD_TIME_IN_FORCE_U8,
  CMD_TIME_LO_U32,
  COMMAND_SLOT_BYTES,
  OrdType,
  Reason,
  TermFlag,
  TimeInForce,
} from "../record/mod.ts";
import type { Accounts } from "../risk/mod.ts";
import { CMD_SHAPE_WORD, type CommandViews } from "./event_writer.ts";
import { isAuctionOnly, isPeg, isStop } from "./specials.ts";

const WHAT_WORD = CMD_INSTRUMENT_U16 >> 1;
const HOW_WORD = CMD_TIME_IN_FORCE_U8 >> 2;
/** Words of the terms that say something. */
const TERMS_FIRST = CMD_TERM_FLAGS_U32;
const TERMS_END = CMD_ACCOUNT_U32 + 1;
const NEW_FLAGS = TermFlag.POST_ONLY | TermFlag.POST_SLIDE | TermFlag.HIDDEN |
  TermFlag.ALL_OR_NONE | TermFlag.BASIS_POINTS | TermFlag.STP_MASK;
const STP_NO_MODE = 6;
const ENOUGH = 10000;

/** True if a command has terms of which one is not 0. */
export function hasTerms(command: CommandViews, at: number): boolean {
  const { i32 } = command;
  if ((i32[at + CMD_SHAPE_WORD]! & 0xffff) !== COMMAND_SLOT_BYTES) return false;
  for (let word = TERMS_FIRST; word < TERMS_END; word++) {
    if (i32[at + word] !== 0) return true;
  }
  return false;
}

/** True for times in force that let an order rest. */
export function isResting(timeInForce: number): boolean {
  return timeInForce === TimeInForce.DAY || timeInForce === TimeInForce.GTC ||
    timeInForce === TimeInForce.GTD;
}

/** True if this time in force is known and goes with the type. */
export function isTimeInForceOf(type: number, timeInForce: number): boolean {
  if (isResting(timeInForce)) {
    return type !== OrdType.MARKET || timeInForce !== TimeInForce.GTD;
  }
  if (
    timeInForce === TimeInForce.IOC || timeInForce === TimeInForce.FOK ||
    isAuctionOnly(timeInForce)
  ) return type === OrdType.MARKET || type === OrdType.LIMIT;
  return false;
}

/** Judges the terms of new orders. */
export class TermsChecks {
  readonly #book: Book;
  readonly #owners: Owners;
  readonly #accounts: Accounts;
  readonly #sessions: Int32Array;

  constructor(
    book: Book,
    owners: Owners,
    accounts: Accounts,
    sessions: Int32Array,
  ) {
    this.#book = book;
    this.#owners = owners;
    this.#accounts = accounts;
    this.#sessions = sessions;
  }

  /** Account of a command: what it says, or else its session's. */
  accountOf(
    command: CommandViews,
    at: number,
    session: number,
    terms: boolean,
  ): number {
    const own = terms ? command.i32[at + CMD_ACCOUNT_U32]! : 0;
    return own !== 0 ? own >>> 0 : this.#owners.accountOfSession(session);
  }

  /**
   * What is wrong with the terms of a new order.
   *
   * @param given The command has terms that are not all 0.
   */
  judge(
    command: CommandViews,
    at: number,
    session: number,
    given: boolean,
  ): Reason {
    if (given) {
      const account = this.#judgeAccount(command, at, session);
      if (account !== Reason.NONE) return account;
    }
    const type = command.i32[at + WHAT_WORD]! >>> 24;
    const half = at >> 1;
    const { f64 } = command;
    const quantity = f64[half + CMD_QUANTITY_F64]!;
    let reason = this.#judgeStop(command, at, type, given);
    if (reason !== Reason.NONE) return reason;
    reason = this.#judgeOffset(command, at, type, given);
    if (reason !== Reason.NONE) return reason;
    if (given) {
      const display = f64[half + CMD_DISPLAY_QUANTITY_F64]!;
      const range = f64[half + CMD_DISPLAY_RANGE_F64]!;
      if (!isLots(display, quantity) || !(range >= 0) || !isWhole(range)) {
        return Reason.INVALID_DISPLAY_QUANTITY;
      }
      if (range !== 0 && range >= display) {
        return Reason.INVALID_DISPLAY_QUANTITY;
      }
      if (display !== 0 && quantity > SLICES_MAX * (display - range)) {
        return Reason.INVALID_DISPLAY_QUANTITY;
      }
      if (!isLots(f64[half + CMD_MIN_QUANTITY_F64]!, quantity)) {
        return Reason.INVALID_MIN_QUANTITY;
      }
    }
    if (!this.#isExpireTime(command, at, given)) {
      return Reason.INVALID_EXPIRE_TIME;
    }
    return given && !this.#goTogether(command, at, type)
      ? Reason.INVALID_COMBINATION
      : Reason.NONE;
  }

  /** Stop price of a new order when it is entered; 0 = it has none. */
  stopPriceOf(command: CommandViews, at: number, given: boolean): number {
    const { i32 } = command;
    const what = i32[at + WHAT_WORD]!;
    const stop = given ? i32[at + CMD_STOP_PRICE_I32]! : 0;
    if (what >>> 24 !== OrdType.TRAILING_STOP || stop !== 0) return stop;
    const record = this.#book.instrumentOf(what & 0xffff);
    if (this.#book.f64[(record >> 1) + INSTRUMENT_TRADES_F64] === 0) return 0;
    return trailedPrice(
      0,
      (what >>> 16 & 0xff) === 1,
      i32[at + CMD_TERM_FLAGS_U32]!,
      i32[at + CMD_OFFSET_I32]!,
      this.#book.i32[record + INSTRUMENT_LAST_PRICE]!,
    );
  }

  #judgeAccount(command: CommandViews, at: number, session: number): Reason {
    const account = command.i32[at + CMD_ACCOUNT_U32]! >>> 0;
    if (account === 0) return Reason.NONE;
    if (!this.#accounts.isDefined(account)) return Reason.UNKNOWN_ACCOUNT;
    const group = this.#accounts.groupOf(account);
    return group === 0 ||
        group === this.#sessions[session * SESSION_WORDS + SESSION_GROUP]
      ? Reason.NONE
      : Reason.NOT_AUTHORIZED;
  }

  #judgeStop(
    command: CommandViews,
    at: number,
    type: number,
    given: boolean,
  ): Reason {
    const stop = given ? command.i32[at + CMD_STOP_PRICE_I32]! : 0;
    if (!isStop(type)) {
      return stop === 0 ? Reason.NONE : Reason.INVALID_STOP_PRICE;
    }
    if (stop < 0) return Reason.INVALID_STOP_PRICE;
    if (stop > 0) return Reason.NONE;
    if (type !== OrdType.TRAILING_STOP) return Reason.INVALID_STOP_PRICE;
    // An offset that is none is told as such, below.
    if (this.#judgeOffset(command, at, type, given) !== Reason.NONE) {
      const what = command.i32[at + WHAT_WORD]! & 0xffff;
      const record = this.#book.instrumentOf(what) >> 1;
      return this.#book.f64[record + INSTRUMENT_TRADES_F64] === 0
        ? Reason.INVALID_STOP_PRICE
        : Reason.NONE;
    }
    return this.stopPriceOf(command, at, given) > 0
      ? Reason.NONE
      : Reason.INVALID_STOP_PRICE;
  }

  #judgeOffset(
    command: CommandViews,
    at: number,
    type: number,
    given: boolean,
  ): Reason {
    const offset = given ? command.i32[at + CMD_OFFSET_I32]! : 0;
    if (isPeg(type)) return Reason.NONE;
    if (type !== OrdType.TRAILING_STOP) {
      return offset === 0 ? Reason.NONE : Reason.INVALID_OFFSET;
    }
    const points = (command.i32[at + CMD_TERM_FLAGS_U32]! &
      TermFlag.BASIS_POINTS) !== 0;
    return offset > 0 && !(points && offset >= ENOUGH)
      ? Reason.NONE
      : Reason.INVALID_OFFSET;
  }

  #isExpireTime(command: CommandViews, at: number, given: boolean): boolean {
    const { i32 } = command;
    const timeInForce = i32[at + HOW_WORD]! & 0xff;
    const lo = given ? i32[at + CMD_EXPIRE_TIME_LO_U32]! >>> 0 : 0;
    const hi = given ? i32[at + CMD_EXPIRE_TIME_HI_U32]! >>> 0 : 0;
    if (timeInForce !== TimeInForce.GTD) return lo === 0 && hi === 0;
    const nowHi = i32[at + CMD_TIME_HI_U32]! >>> 0;
    return hi > nowHi ||
      (hi === nowHi && lo > i32[at + CMD_TIME_LO_U32]! >>> 0);
  }

  /** Whether the terms go with each other, the type and the time in force. */
  #goTogether(command: CommandViews, at: number, type: number): boolean {
    const { i32, f64 } = command;
    const half = at >> 1;
    const flags = i32[at + CMD_TERM_FLAGS_U32]!;
    if ((flags & ~NEW_FLAGS) !== 0) return false;
    if ((flags & TermFlag.STP_MASK) >>> TermFlag.STP_SHIFT === STP_NO_MODE) {
      return false;
    }
    const timeInForce = i32[at + HOW_WORD]! & 0xff;
    const rests = isResting(timeInForce);
    const limits = type === OrdType.LIMIT || type === OrdType.STOP_LIMIT;
    const hidden = (flags & TermFlag.HIDDEN) !== 0;
    const all = (flags & TermFlag.ALL_OR_NONE) !== 0;
    const min = f64[half + CMD_MIN_QUANTITY_F64] !== 0;
    const display = f64[half + CMD_DISPLAY_QUANTITY_F64] !== 0;
    if (display && (!limits || !rests || hidden || all || min)) return false;
    if (hidden && (!limits || !rests)) return false;
    if (all || min) {
      if (all && min) return false;
      if (type !== OrdType.LIMIT) return false;
      if (!rests && timeInForce !== TimeInForce.IOC) return false;
    }
    const post = flags & (TermFlag.POST_ONLY | TermFlag.POST_SLIDE);
    if (post !== 0) {
      if (post === (TermFlag.POST_ONLY | TermFlag.POST_SLIDE)) return false;
      if (type !== OrdType.LIMIT || !rests || all || min) return false;
    }
    if (
      (flags & TermFlag.BASIS_POINTS) !== 0 && type !== OrdType.TRAILING_STOP
    ) return false;
    return f64[half + CMD_LINK_REFERENCE_F64] === 0 ||
      (rests && type !== OrdType.MARKET);
  }
}

function isWhole(lots: number): boolean {
  return Math.floor(lots) === lots;
}

/** 0, or a whole number of lots up to the quantity. */
function isLots(lots: number, quantity: number): boolean {
  return lots === 0 || (lots >= 1 && lots <= quantity && isWhole(lots));
}
