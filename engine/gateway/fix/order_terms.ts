// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What makes an order special, from its tags: stop and peg, what is shown,
 * minimum, expiry, account, link, self-trade prevention.
 *
 * The gateway's thread owns it; nothing allocates. A plain order never comes
 * here. What a tag asks for is either expressed exactly in the command's terms
 * or refused; whether terms go together is the exchange's to judge, except
 * where two tags contradict each other.
 *
 * @module
 */
import {
  CL_ORD_ID_BYTES,
  Reason,
  StpMode,
  TimeInForce,
} from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import {
  Decimal,
  type FixParser,
  nanosecondsBelow,
  nanosecondWords,
  parseDecimal,
  RejectReason,
  Slot,
  TERM_TAGS,
  TimestampReader,
} from "../../wire/fix/mod.ts";
import { type ClOrdIds, NO_ENTRY } from "./cl_ord_ids.ts";
import { type Instruments } from "./instruments.ts";
import { type Names, NO_NAME } from "./names.ts";
import { Note } from "./texts.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CMD_ACCOUNT_U32 = 45,
  CMD_DISPLAY_QUANTITY_F64 = 17,
  CMD_DISPLAY_RANGE_F64 = 18,
  CMD_EXPIRE_TIME_HI_U32 = 41,
  CMD_EXPIRE_TIME_LO_U32 = 40,
  CMD_LENGTH_U16 = 2,
  CMD_LINK_REFERENCE_F64 = 21,
  CMD_MIN_QUANTITY_F64 = 19,
  CMD_OFFSET_I32 = 44,
  CMD_STOP_PRICE_I32 = 33,
  CMD_TERM_FLAGS_U32 = 32,
  COMMAND_SLOT_BYTES = 192,
  COMMAND_TEXT_BYTES = 128,
  TERM_SLOTS = 32,
  NO_NUMBER = -1,
  UNKNOWN_INSTRUMENT_INDEX = 65535,
  OrdType_TRAILING_STOP = 6,
  OrdType_PEG_PRIMARY = 7,
  OrdType_PEG_MARKET = 8,
  OrdType_PEG_MIDPOINT = 9,
  OrdType_STOP = 3,
  OrdType_STOP_LIMIT = 4,
  OrdType_MARKET_TO_LIMIT = 5,
  Reason_NONE = 0,
  TermFlag_REPLACE_STOP = 64,
  TermFlag_OPEN_QUANTITY = 32,
  TermFlag_POST_ONLY = 1,
  TermFlag_ALL_OR_NONE = 8,
  TermFlag_POST_SLIDE = 2,
  TermFlag_BASIS_POINTS = 16,
  TermFlag_HIDDEN = 4,
  TermFlag_STP_SHIFT = 8,
  Term_REPLACE_QUANTITY_MODE = 17,
  Term_LOWEST_PRICE = 18,
  Term_HIGHEST_PRICE = 19,
  Term_KILL_SWITCH = 20,
  Term_MAX_FLOOR = 4,
  Term_DISPLAY_QTY = 13,
  Term_DISPLAY_METHOD = 10,
  Term_DISPLAY_LOW_QTY = 11,
  Term_DISPLAY_HIGH_QTY = 12,
  Term_MIN_QTY = 3,
  Term_UNSUPPORTED = 21,
  Term_STOP_PX = 2,
  Term_EXEC_INST = 1,
  Term_POST_ONLY_MODE = 16,
  Term_PEG_OFFSET_VALUE = 6,
  Term_PEG_OFFSET_TYPE = 9,
  Term_EXPIRE_TIME = 5,
  Term_EXPIRE_DATE = 7,
  Term_SELF_MATCH_PREVENTION = 15,
  Term_ACCOUNT = 0,
  Term_CONTINGENCY_TYPE = 14,
  Term_CL_ORD_LINK_ID = 8,
}

/** `read()`: the tag `errorTag` is malformed, for the reason `errorCode`. */
export const MALFORMED = -1;
/** `read()`: a tag that this order needs is missing, `note` says which. */
export const MISSING = -2;

const INT32_MAX = 0x7fffffff;
const MS_PER_DAY = 86400000;
const SPACE = 0x20;
const YES = 0x59;
const NO = 0x4e;
/** "None" where a mode of self-trade prevention stands. */
const STP_NONE = 7;

// ExecInst (18), by character.
const INST_UNKNOWN = 0;
const INST_UNSUPPORTED = 1;
const INST_POST_ONLY = 2;
const INST_ALL_OR_NONE = 3;
/** Above this: the order type that the character stands for, plus this. */
const INST_PEG = 16;

// DisplayMethod (1084).
const DISPLAY_INITIAL = 0x31;
const DISPLAY_RANDOM = 0x33;
const DISPLAY_UNDISCLOSED = 0x34;

// PegOffsetType (836).
const OFFSET_PRICE = 0x30;
const OFFSET_BASIS_POINTS = 0x31;
const OFFSET_TICKS = 0x32;

// Places in `#lots`.
const DISPLAY_QUANTITY = 0;
const DISPLAY_RANGE = 1;
const MIN_QUANTITY = 2;

/** Terms that only a mass cancel or a replace has. */
const TERMS_OF_OTHERS = 1 << Fixed.Term_REPLACE_QUANTITY_MODE |
  1 << Fixed.Term_LOWEST_PRICE | 1 << Fixed.Term_HIGHEST_PRICE |
  1 << Fixed.Term_KILL_SWITCH;
const DISPLAY_TERMS = 1 << Fixed.Term_MAX_FLOOR | 1 << Fixed.Term_DISPLAY_QTY |
  1 << Fixed.Term_DISPLAY_METHOD | 1 << Fixed.Term_DISPLAY_LOW_QTY |
  1 << Fixed.Term_DISPLAY_HIGH_QTY;

const INSTRUCTIONS: Uint8Array = (() => {
  const table = new Uint8Array(256);
  for (
    const c of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcde"
  ) table[c.charCodeAt(0)] = INST_UNSUPPORTED;
  table["6".charCodeAt(0)] = INST_POST_ONLY;
  table["G".charCodeAt(0)] = INST_ALL_OR_NONE;
  table["a".charCodeAt(0)] = INST_PEG + Fixed.OrdType_TRAILING_STOP;
  table["R".charCodeAt(0)] = INST_PEG + Fixed.OrdType_PEG_PRIMARY;
  table["P".charCodeAt(0)] = INST_PEG + Fixed.OrdType_PEG_MARKET;
  table["M".charCodeAt(0)] = INST_PEG + Fixed.OrdType_PEG_MIDPOINT;
  return table;
})();

/** 40=P as it lies in a record until ExecInst says what it stands for. */
export const PEGGED = "P".charCodeAt(0);

/** Reads the terms of one message at a time. */
export class OrderTerms {
  /** The order type that 40 and 18 stand for together. */
  ordType = 0;
  /** Another id than the order's own is staged in `ClOrdIds` now. */
  restaged = false;
  errorTag = 0;
  errorCode = 0;
  note = 0;
  readonly #bytes: Uint8Array;
  readonly #parser: FixParser;
  readonly #instruments: Instruments;
  readonly #ids: ClOrdIds;
  readonly #accounts: Names;
  readonly #time = new TimestampReader();
  readonly #number = new Float64Array(1);
  #instrument = 0;
  // The terms.
  #flags = 0;
  #stopTicks = 0;
  #offset = 0;
  #account = 0;
  readonly #lots = new Float64Array(3);
  readonly #expireTime = new Uint32Array(2);
  readonly #link = new Float64Array(1);

  /** @param bytes The memory that messages lie in. */
  constructor(
    bytes: Uint8Array,
    parser: FixParser,
    instruments: Instruments,
    ids: ClOrdIds,
    accounts: Names,
  ) {
    this.#bytes = bytes;
    this.#parser = parser;
    this.#instruments = instruments;
    this.#ids = ids;
    this.#accounts = accounts;
  }

  /** No terms. */
  clear(): void {
    this.#flags = 0;
    this.#stopTicks = 0;
    this.#offset = 0;
    this.#account = 0;
    this.#lots[DISPLAY_QUANTITY] = 0;
    this.#lots[DISPLAY_RANGE] = 0;
    this.#lots[MIN_QUANTITY] = 0;
    this.#expireTime[0] = 0;
    this.#expireTime[1] = 0;
    this.#link[0] = 0;
    this.restaged = false;
  }

  /** True if the command needs its third part. */
  present(): boolean {
    return (this.#flags | this.#stopTicks | this.#offset | this.#account) !==
        0 ||
      this.#lots[DISPLAY_QUANTITY] !== 0 || this.#lots[MIN_QUANTITY] !== 0 ||
      (this.#expireTime[0]! | this.#expireTime[1]!) !== 0 ||
      this.#link[0] !== 0;
  }

  /**
   * Reads the terms of a new order.
   *
   * @param session Index of the session.
   * @param instrument Its index, or the one for unknown.
   * @param ordType As read from 40, `PEGGED` for P; the result is in `ordType`.
   * @returns A `Reason`, `MALFORMED` or `MISSING`.
   */
  read(
    session: number,
    instrument: number,
    ordType: number,
    timeInForce: number,
  ): number {
    this.clear();
    this.#instrument = instrument;
    this.ordType = ordType;
    const { terms } = this.#parser;
    let reason: number = Fixed.Reason_NONE;
    let found = this.#readInstructions(ordType);
    if (found < 0) return found;
    reason = found;
    found = this.#readPrices();
    if (found < 0) return found;
    if (reason === Fixed.Reason_NONE) reason = found;
    if ((terms & (DISPLAY_TERMS | 1 << Fixed.Term_MIN_QTY)) !== 0) {
      found = this.#readQuantities();
      if (found < 0) return found;
      if (reason === Fixed.Reason_NONE) reason = found;
    }
    found = this.#readExpiry(timeInForce);
    if (found < 0) return found;
    if (reason === Fixed.Reason_NONE) reason = found;
    found = this.#readOwner(session);
    if (found < 0) return found;
    if (reason === Fixed.Reason_NONE) reason = found;
    if (reason !== Fixed.Reason_NONE) return reason;
    if ((terms & 1 << Fixed.Term_UNSUPPORTED) !== 0) return Reason.UNSUPPORTED;
    if ((terms & TERMS_OF_OTHERS) !== 0) return Reason.INVALID_COMBINATION;
    return this.#contradicts();
  }

  /**
   * Reads what a replace may change beside price and quantity: the stop
   * price, and what the quantity means. All other terms stay as they are.
   */
  readReplace(instrument: number): number {
    this.clear();
    this.#instrument = instrument;
    const parser = this.#parser;
    let reason: number = Fixed.Reason_NONE;
    if (parser.hasTerm(Fixed.Term_STOP_PX)) {
      reason = this.#readStop();
      if (reason < 0) return reason;
      this.#flags |= Fixed.TermFlag_REPLACE_STOP;
    }
    if (parser.hasTerm(Fixed.Term_REPLACE_QUANTITY_MODE)) {
      const mode = this.#character(Fixed.Term_REPLACE_QUANTITY_MODE);
      if (mode === "O".charCodeAt(0)) {
        this.#flags |= Fixed.TermFlag_OPEN_QUANTITY;
      } else if (mode !== "T".charCodeAt(0)) {
        return this.#bad(
          Fixed.Term_REPLACE_QUANTITY_MODE,
          RejectReason.BAD_VALUE,
        );
      }
    }
    return reason;
  }

  /** Writes them into the command at byte `at` and makes it that long. */
  put(ring: SpscRing, at: number): void {
    const { u16, u32, i32, f64 } = ring;
    const word = at >>> 2;
    const half = at >>> 3;
    for (
      let i = Fixed.COMMAND_TEXT_BYTES >>> 2;
      i < Fixed.COMMAND_SLOT_BYTES >>> 2;
      i++
    ) {
      i32[word + i] = 0;
    }
    u16[(at >>> 1) + Fixed.CMD_LENGTH_U16] = Fixed.COMMAND_SLOT_BYTES;
    u32[word + Fixed.CMD_TERM_FLAGS_U32] = this.#flags;
    i32[word + Fixed.CMD_STOP_PRICE_I32] = this.#stopTicks;
    f64[half + Fixed.CMD_DISPLAY_QUANTITY_F64] = this.#lots[DISPLAY_QUANTITY]!;
    f64[half + Fixed.CMD_DISPLAY_RANGE_F64] = this.#lots[DISPLAY_RANGE]!;
    f64[half + Fixed.CMD_MIN_QUANTITY_F64] = this.#lots[MIN_QUANTITY]!;
    u32[word + Fixed.CMD_EXPIRE_TIME_LO_U32] = this.#expireTime[0]!;
    u32[word + Fixed.CMD_EXPIRE_TIME_HI_U32] = this.#expireTime[1]!;
    f64[half + Fixed.CMD_LINK_REFERENCE_F64] = this.#link[0]!;
    i32[word + Fixed.CMD_OFFSET_I32] = this.#offset;
    u32[word + Fixed.CMD_ACCOUNT_U32] = this.#account;
  }

  /** 18, 20001, and what 40=P stands for. */
  #readInstructions(ordType: number): number {
    let peg = 0;
    let reason: number = Fixed.Reason_NONE;
    if (this.#parser.hasTerm(Fixed.Term_EXEC_INST)) {
      const from = this.#parser.from[Fixed.TERM_SLOTS + Fixed.Term_EXEC_INST]!;
      const to = this.#parser.to[Fixed.TERM_SLOTS + Fixed.Term_EXEC_INST]!;
      for (let p = from; p < to; p += 2) {
        const inst = INSTRUCTIONS[this.#bytes[p]!]!;
        if (
          inst === INST_UNKNOWN ||
          (p + 1 < to && (this.#bytes[p + 1] !== SPACE || p + 2 === to))
        ) return this.#bad(Fixed.Term_EXEC_INST, RejectReason.BAD_VALUE);
        if (inst === INST_UNSUPPORTED) reason = Reason.UNSUPPORTED;
        else if (inst === INST_POST_ONLY) {
          this.#flags |= Fixed.TermFlag_POST_ONLY;
        } else if (inst === INST_ALL_OR_NONE) {
          this.#flags |= Fixed.TermFlag_ALL_OR_NONE;
        } else if (peg === 0 || peg === inst - INST_PEG) peg = inst - INST_PEG;
        else reason = Reason.INVALID_COMBINATION;
      }
    }
    const mode = this.#readPostOnlyMode();
    if (mode < 0) return mode;
    if (reason === Fixed.Reason_NONE) reason = mode;
    if (ordType !== PEGGED) {
      return reason === Fixed.Reason_NONE && peg !== 0
        ? Reason.INVALID_COMBINATION
        : reason;
    }
    if (reason !== Fixed.Reason_NONE) return reason;
    if (peg === 0) return this.#missing(Note.PEG_REQUIRED);
    this.ordType = peg;
    return Fixed.Reason_NONE;
  }

  #readPostOnlyMode(): number {
    if (!this.#parser.hasTerm(Fixed.Term_POST_ONLY_MODE)) {
      return Fixed.Reason_NONE;
    }
    const mode = this.#character(Fixed.Term_POST_ONLY_MODE);
    const slide = mode === "S".charCodeAt(0);
    if (!slide && mode !== "R".charCodeAt(0)) {
      return this.#bad(Fixed.Term_POST_ONLY_MODE, RejectReason.BAD_VALUE);
    }
    if ((this.#flags & Fixed.TermFlag_POST_ONLY) === 0) {
      return Reason.INVALID_COMBINATION;
    }
    if (slide) {
      this.#flags ^= Fixed.TermFlag_POST_ONLY | Fixed.TermFlag_POST_SLIDE;
    }
    return Fixed.Reason_NONE;
  }

  /** 99, 211, 836. */
  #readPrices(): number {
    const parser = this.#parser;
    const type = this.ordType;
    let reason: number = Fixed.Reason_NONE;
    if (parser.hasTerm(Fixed.Term_STOP_PX)) {
      reason = this.#readStop();
      if (reason < 0) return reason;
    } else if (
      type === Fixed.OrdType_STOP || type === Fixed.OrdType_STOP_LIMIT
    ) {
      return this.#missing(Note.STOP_REQUIRED);
    }
    if (parser.hasTerm(Fixed.Term_PEG_OFFSET_VALUE)) {
      const found = this.#readOffset();
      return found < 0 || reason === Fixed.Reason_NONE ? found : reason;
    }
    return type === Fixed.OrdType_TRAILING_STOP
      ? this.#missing(Note.OFFSET_REQUIRED)
      : reason;
  }

  #readStop(): number {
    const found = this.#instruments.readTicks(
      this.#bytes,
      this.#parser.from[Fixed.TERM_SLOTS + Fixed.Term_STOP_PX]!,
      this.#parser.to[Fixed.TERM_SLOTS + Fixed.Term_STOP_PX]!,
      this.#instrument,
      this.#number,
    );
    if (found === Fixed.NO_NUMBER) {
      return this.#bad(Fixed.Term_STOP_PX, RejectReason.BAD_FORMAT);
    }
    if (this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX) {
      return Fixed.Reason_NONE;
    }
    if (found === Reason.INVALID_PRICE) return Reason.INVALID_STOP_PRICE;
    if (found !== Fixed.Reason_NONE) return found;
    this.#stopTicks = this.#number[0]! | 0;
    return this.#stopTicks === 0
      ? Reason.INVALID_STOP_PRICE
      : Fixed.Reason_NONE;
  }

  /** 211 in the units that 836 says. */
  #readOffset(): number {
    const { from, to } = this.#parser;
    let unit = OFFSET_PRICE;
    if (this.#parser.hasTerm(Fixed.Term_PEG_OFFSET_TYPE)) {
      unit = this.#character(Fixed.Term_PEG_OFFSET_TYPE);
      if (unit < 0x30 || unit > 0x33) {
        return this.#bad(Fixed.Term_PEG_OFFSET_TYPE, RejectReason.BAD_VALUE);
      }
    }
    let start = from[Fixed.TERM_SLOTS + Fixed.Term_PEG_OFFSET_VALUE]!;
    const end = to[Fixed.TERM_SLOTS + Fixed.Term_PEG_OFFSET_VALUE]!;
    const negative = this.#bytes[start] === 0x2d;
    if (negative) start++;
    const signTwice = this.#bytes[start] === 0x2d;
    const price = unit === OFFSET_PRICE;
    const known = this.#instrument !== Fixed.UNKNOWN_INSTRUMENT_INDEX;
    const { priceDecimals, priceUnits } = this.#instruments;
    const result = parseDecimal(
      this.#bytes,
      start,
      end,
      price && known ? priceDecimals[this.#instrument]! : 0,
      this.#number,
    );
    if (result === Decimal.FORMAT || signTwice) {
      return this.#bad(Fixed.Term_PEG_OFFSET_VALUE, RejectReason.BAD_FORMAT);
    }
    if (!known) return Fixed.Reason_NONE;
    if (unit > OFFSET_TICKS) return Reason.UNSUPPORTED;
    if (unit === OFFSET_BASIS_POINTS) {
      if (this.ordType !== Fixed.OrdType_TRAILING_STOP) {
        return Reason.INVALID_OFFSET;
      }
      this.#flags |= Fixed.TermFlag_BASIS_POINTS;
    }
    if (result === Decimal.INEXACT && price) return Reason.PRICE_OFF_TICK;
    if (result !== Decimal.OK) return Reason.INVALID_OFFSET;
    const steps = price
      ? this.#number[0]! / priceUnits[this.#instrument]!
      : this.#number[0]!;
    if (Math.floor(steps) !== steps) return Reason.PRICE_OFF_TICK;
    if (steps > INT32_MAX) return Reason.INVALID_OFFSET;
    this.#offset = negative ? -(steps | 0) : steps | 0;
    return Fixed.Reason_NONE;
  }

  /** 110, and 111 with its kin. */
  #readQuantities(): number {
    const parser = this.#parser;
    let reason: number = Fixed.Reason_NONE;
    if (parser.hasTerm(Fixed.Term_MIN_QTY)) {
      reason = this.#readLots(Fixed.Term_MIN_QTY, Reason.INVALID_MIN_QUANTITY);
      if (reason < 0) return reason;
      if (reason === Fixed.Reason_NONE) {
        this.#lots[MIN_QUANTITY] = this.#number[0]!;
      }
    }
    const found = this.#readDisplay();
    return found < 0 || reason === Fixed.Reason_NONE ? found : reason;
  }

  /** Lots of a term into `#number`. */
  #readLots(term: number, negative: number): number {
    const found = this.#instruments.readLots(
      this.#bytes,
      this.#parser.from[Fixed.TERM_SLOTS + term]!,
      this.#parser.to[Fixed.TERM_SLOTS + term]!,
      this.#instrument,
      this.#number,
    );
    if (found === Fixed.NO_NUMBER) {
      return this.#bad(term, RejectReason.BAD_FORMAT);
    }
    if (this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX) {
      this.#number[0] = 0;
    }
    return found === Reason.INVALID_QUANTITY ? negative : found;
  }

  /** 111 or 1138, 1084, 1085, 1086. */
  #readDisplay(): number {
    const parser = this.#parser;
    const invalid = Reason.INVALID_DISPLAY_QUANTITY;
    let method = DISPLAY_INITIAL;
    if (parser.hasTerm(Fixed.Term_DISPLAY_METHOD)) {
      method = this.#character(Fixed.Term_DISPLAY_METHOD);
      if (method < DISPLAY_INITIAL || method > DISPLAY_UNDISCLOSED) {
        return this.#bad(Fixed.Term_DISPLAY_METHOD, RejectReason.BAD_VALUE);
      }
    }
    let given = false;
    let reason: number = Fixed.Reason_NONE;
    const lots = this.#lots;
    for (let i = 0; i < 2; i++) {
      const term = i === 0 ? Fixed.Term_MAX_FLOOR : Fixed.Term_DISPLAY_QTY;
      if (!parser.hasTerm(term)) continue;
      const found = this.#readLots(term, invalid);
      if (found < 0) return found;
      if (reason === Fixed.Reason_NONE) reason = found;
      if (given && lots[DISPLAY_QUANTITY] !== this.#number[0]!) {
        reason = invalid;
      }
      given = true;
      lots[DISPLAY_QUANTITY] = this.#number[0]!;
    }
    const range = this.#readRange(method);
    if (range < 0 || reason !== Fixed.Reason_NONE) {
      return range < 0 ? range : reason;
    }
    if (range !== Fixed.Reason_NONE) return range;
    if (method === DISPLAY_INITIAL + 1) return Reason.UNSUPPORTED;
    if (method === DISPLAY_RANDOM && !given) {
      return this.#missing(Note.DISPLAY_REQUIRED);
    }
    const none = lots[DISPLAY_QUANTITY] === 0;
    if (method === DISPLAY_UNDISCLOSED || (given && none)) {
      if (!none || method === DISPLAY_RANDOM) {
        return Reason.INVALID_COMBINATION;
      }
      this.#flags |= Fixed.TermFlag_HIDDEN;
    }
    return Fixed.Reason_NONE;
  }

  /** 1085 and 1086: they lie symmetrically around the display quantity. */
  #readRange(method: number): number {
    const parser = this.#parser;
    const lots = this.#lots;
    const low = parser.hasTerm(Fixed.Term_DISPLAY_LOW_QTY);
    const high = parser.hasTerm(Fixed.Term_DISPLAY_HIGH_QTY);
    if (!low && !high && method !== DISPLAY_RANDOM) return Fixed.Reason_NONE;
    if (!low || !high) return this.#missing(Note.RANGE_REQUIRED);
    const invalid = Reason.INVALID_DISPLAY_QUANTITY;
    let found = this.#readLots(Fixed.Term_DISPLAY_LOW_QTY, invalid);
    if (found < 0) return found;
    lots[DISPLAY_RANGE] = lots[DISPLAY_QUANTITY]! - this.#number[0]!;
    const reason = found;
    found = this.#readLots(Fixed.Term_DISPLAY_HIGH_QTY, invalid);
    if (found < 0) return found;
    if (reason !== Fixed.Reason_NONE) return reason;
    if (found !== Fixed.Reason_NONE) return found;
    if (method !== DISPLAY_RANDOM) return Reason.INVALID_COMBINATION;
    const above = this.#number[0]! - lots[DISPLAY_QUANTITY]!;
    return lots[DISPLAY_RANGE]! < 0 || above !== lots[DISPLAY_RANGE]
      ? invalid
      : Fixed.Reason_NONE;
  }

  /** 126 or 432. */
  #readExpiry(timeInForce: number): number {
    const { from, to } = this.#parser;
    const hasTime = this.#parser.hasTerm(Fixed.Term_EXPIRE_TIME);
    const hasDate = this.#parser.hasTerm(Fixed.Term_EXPIRE_DATE);
    let below = 0;
    if (hasDate) {
      const start = from[Fixed.TERM_SLOTS + Fixed.Term_EXPIRE_DATE]!;
      const end = to[Fixed.TERM_SLOTS + Fixed.Term_EXPIRE_DATE]!;
      if (!this.#time.parseDate(this.#bytes, start, end)) {
        return this.#bad(Fixed.Term_EXPIRE_DATE, RejectReason.BAD_FORMAT);
      }
      // Good through the whole day.
      this.#time.ms[0] = this.#time.ms[0]! + MS_PER_DAY;
    }
    if (hasTime) {
      const start = from[Fixed.TERM_SLOTS + Fixed.Term_EXPIRE_TIME]!;
      const end = to[Fixed.TERM_SLOTS + Fixed.Term_EXPIRE_TIME]!;
      if (!this.#time.parse(this.#bytes, start, end)) {
        return this.#bad(Fixed.Term_EXPIRE_TIME, RejectReason.BAD_FORMAT);
      }
      below = nanosecondsBelow(this.#bytes, start, end);
    }
    if (hasTime && hasDate) return Reason.INVALID_COMBINATION;
    if (!hasTime && !hasDate) {
      return timeInForce === TimeInForce.GTD
        ? this.#missing(Note.EXPIRY_REQUIRED)
        : Fixed.Reason_NONE;
    }
    return nanosecondWords(this.#time.ms, below, this.#expireTime)
      ? Fixed.Reason_NONE
      : Reason.INVALID_EXPIRE_TIME;
  }

  /** 1, 583 with 1385, 2964. */
  #readOwner(session: number): number {
    const parser = this.#parser;
    let reason: number = Fixed.Reason_NONE;
    if (parser.hasTerm(Fixed.Term_SELF_MATCH_PREVENTION)) {
      const mode = this.#readPreventionMode();
      if (mode < 0) return mode;
      this.#flags |= mode << Fixed.TermFlag_STP_SHIFT;
    }
    if (parser.hasTerm(Fixed.Term_ACCOUNT)) {
      const account = this.findAccount();
      if (account === NO_NAME) reason = Reason.UNKNOWN_ACCOUNT;
      else this.#account = account;
    }
    if (!parser.hasTerm(Fixed.Term_CONTINGENCY_TYPE)) return reason;
    const type = this.#character(Fixed.Term_CONTINGENCY_TYPE);
    if (type < 0x31 || type > 0x34) {
      return this.#bad(Fixed.Term_CONTINGENCY_TYPE, RejectReason.BAD_VALUE);
    }
    if (!parser.hasTerm(Fixed.Term_CL_ORD_LINK_ID)) {
      return this.#missing(Note.LINK_REQUIRED);
    }
    const link = type === 0x31 ? this.#readLink(session) : Reason.UNSUPPORTED;
    return reason === Fixed.Reason_NONE ? link : reason;
  }

  /** Index of the account that 1 names, or `NO_NAME`. */
  findAccount(): number {
    return this.#accounts.find(
      this.#bytes,
      this.#parser.from[Fixed.TERM_SLOTS + Fixed.Term_ACCOUNT]!,
      this.#parser.to[Fixed.TERM_SLOTS + Fixed.Term_ACCOUNT]!,
    );
  }

  #readPreventionMode(): number {
    const from = this.#parser
      .from[Fixed.TERM_SLOTS + Fixed.Term_SELF_MATCH_PREVENTION]!;
    const to = this.#parser
      .to[Fixed.TERM_SLOTS + Fixed.Term_SELF_MATCH_PREVENTION]!;
    const first = this.#bytes[from]!;
    if (to - from === 1) {
      if (first === NO) return STP_NONE;
      if (first >= 0x31 && first <= 0x33) {
        return StpMode.CANCEL_NEWEST + first - 0x31;
      }
    }
    // 100 and 101: from 100 on, values are ours.
    const last = this.#bytes[to - 1]! - 48;
    if (
      to - from === 3 && first === 0x31 && this.#bytes[from + 1] === 0x30 &&
      (last === 0 || last === 1)
    ) return StpMode.DECREMENT + last;
    return this.#bad(Fixed.Term_SELF_MATCH_PREVENTION, RejectReason.BAD_VALUE);
  }

  /** Reference of the live order that 583 names. */
  #readLink(session: number): number {
    const from = this.#parser
      .from[Fixed.TERM_SLOTS + Fixed.Term_CL_ORD_LINK_ID]!;
    const to = this.#parser.to[Fixed.TERM_SLOTS + Fixed.Term_CL_ORD_LINK_ID]!;
    if (to - from > CL_ORD_ID_BYTES) return Reason.UNKNOWN_LINK;
    this.#ids.stage(session, this.#bytes, from, to);
    this.restaged = true;
    const entry = this.#ids.find();
    if (entry === NO_ENTRY || this.#ids.closed(entry) !== 0) {
      return Reason.UNKNOWN_LINK;
    }
    this.#link[0] = this.#ids.reference(entry);
    return Fixed.Reason_NONE;
  }

  /** A limit price for an order that has none. */
  #contradicts(): number {
    const type = this.ordType;
    const limitless = type === Fixed.OrdType_STOP ||
      type === Fixed.OrdType_MARKET_TO_LIMIT ||
      type === Fixed.OrdType_TRAILING_STOP;
    return limitless && this.#parser.has(Slot.PRICE)
      ? Reason.INVALID_COMBINATION
      : Fixed.Reason_NONE;
  }

  /** The value of a term if it is one byte, or -1. */
  #character(term: number): number {
    return this.#parser.character(Fixed.TERM_SLOTS + term);
  }

  /** Y or N of a term: 1 or 0, or `MALFORMED`. */
  readFlag(term: number): number {
    const value = this.#character(term);
    if (value === YES) return 1;
    return value === NO ? 0 : this.#bad(term, RejectReason.BAD_VALUE);
  }

  #bad(term: number, code: number): number {
    this.errorTag = TERM_TAGS[term]!;
    this.errorCode = code;
    return MALFORMED;
  }

  #missing(note: number): number {
    this.note = note;
    return MISSING;
  }
}
