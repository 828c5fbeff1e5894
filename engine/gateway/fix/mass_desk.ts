// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * OrderMassCancelRequest to a mass cancel or to the kill switch.
 *
 * The gateway's thread owns it; nothing allocates. A request that can not be
 * expressed exactly is refused here, by an OrderMassCancelReport that says
 * why; who may cancel for whom is the exchange's to judge. The id of such a
 * request is given back and not used up.
 *
 * @module
 */
import {
  CL_ORD_ID_BYTES,
  CMD_CL_ORD_ID_U8,
  CMD_DETAIL_U8,
  CMD_FLAG_TEXT,
  CMD_FLAGS_U8,
  CMD_INSTRUMENT_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_SIDE_U8,
  CommandKind,
  MassScope,
  Reason,
} from "../../record/mod.ts";
import {
  type FixParser,
  RejectReason,
  Slot,
  Term,
  TERM_SLOTS,
  TERM_TAGS,
  TimestampReader,
} from "../../wire/fix/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import {
  type Instruments,
  NO_INSTRUMENT,
  NO_NUMBER,
  UNKNOWN_INSTRUMENT_INDEX,
} from "./instruments.ts";
import { KILL_NONE, MASS_ALL, MASS_SECURITY } from "./message_types.ts";
import { NO_NAME } from "./names.ts";
import { NOT_ALLOWED, SIDES } from "./order_desk.ts";
import type { OrderTerms } from "./order_terms.ts";
import type { Replies } from "./replies.ts";
import type { FixSession } from "./session.ts";
import { BusinessReason, Note } from "./texts.ts";

/** Any instrument, in a command. */
const ANY_INSTRUMENT = 0xffff;
const INT32_MAX = 0x7fffffff;

/** Turns mass cancels into commands. */
export class MassDesk {
  readonly #context: GatewayContext;
  readonly #parser: FixParser;
  readonly #replies: Replies;
  readonly #instruments: Instruments;
  readonly #terms: OrderTerms;
  readonly #time = new TimestampReader();
  readonly #number = new Float64Array(1);
  // What the message at hand says.
  #type = 0;
  #side = 0;
  #kill = KILL_NONE;
  #instrument = 0;
  #account = 0;
  #lowest = 0;
  #highest = 0;

  constructor(
    context: GatewayContext,
    parser: FixParser,
    replies: Replies,
    instruments: Instruments,
    terms: OrderTerms,
  ) {
    this.#context = context;
    this.#parser = parser;
    this.#replies = replies;
    this.#instruments = instruments;
    this.#terms = terms;
  }

  /** OrderMassCancelRequest. */
  request(session: FixSession, number: number): void {
    if (!this.#formHolds(session, number)) return;
    if (this.#type === MASS_SECURITY && !this.#parser.has(Slot.SYMBOL)) {
      this.#replies.businessReject(
        session,
        number,
        BusinessReason.CONDITIONAL_FIELD,
        Note.SYMBOL_REQUIRED,
        Slot.CL_ORD_ID,
      );
      return;
    }
    this.#findInstrument();
    const range = this.#readRange(session, number);
    if (range < 0) return;
    let reason = this.#judge();
    if (reason === Reason.NONE) reason = range;
    if (reason === Reason.NONE) return this.#command(session, number);
    this.#context.telemetry.refused(reason);
    this.#replies.massRefused(
      session,
      number,
      reason,
      this.#type,
      this.#kill,
      this.#instrument,
      this.#side,
    );
  }

  /** Lengths, times and codes; a Reject is written if something is wrong. */
  #formHolds(session: FixSession, number: number): boolean {
    const { from, to } = this.#parser;
    const bad = RejectReason.BAD_VALUE;
    if (to[Slot.CL_ORD_ID]! - from[Slot.CL_ORD_ID]! > CL_ORD_ID_BYTES) {
      return this.#bad(session, number, bad, 11, Note.ID_TOO_LONG);
    }
    const time = from[Slot.TRANSACT_TIME]!;
    const bytes = this.#context.transport.bytes;
    if (!this.#time.parse(bytes, time, to[Slot.TRANSACT_TIME]!)) {
      return this.#bad(session, number, RejectReason.BAD_FORMAT, 60);
    }
    this.#type = this.#parser.character(Slot.MASS_CANCEL_REQUEST_TYPE);
    if (this.#type < MASS_SECURITY || this.#type > MASS_ALL) {
      return this.#bad(session, number, bad, 530);
    }
    this.#side = 0;
    if (this.#parser.has(Slot.SIDE)) {
      const side = this.#parser.character(Slot.SIDE);
      this.#side = side < 0 ? NOT_ALLOWED : SIDES[side]!;
      if (this.#side === NOT_ALLOWED) {
        return this.#bad(session, number, bad, 54);
      }
    }
    this.#kill = KILL_NONE;
    if (!this.#parser.hasTerm(Term.KILL_SWITCH)) return true;
    this.#kill = this.#terms.readFlag(Term.KILL_SWITCH);
    return this.#kill >= 0 ||
      this.#bad(session, number, bad, this.#terms.errorTag);
  }

  #findInstrument(): void {
    const { from, to } = this.#parser;
    this.#instrument = ANY_INSTRUMENT;
    if (!this.#parser.has(Slot.SYMBOL)) return;
    const found = this.#instruments.find(
      this.#context.transport.bytes,
      from[Slot.SYMBOL]!,
      to[Slot.SYMBOL]!,
    );
    this.#instrument = found === NO_INSTRUMENT
      ? UNKNOWN_INSTRUMENT_INDEX
      : found;
  }

  /** Ticks of 20003 and 20004; a `Reason`, or -1 if a Reject was written. */
  #readRange(session: FixSession, number: number): number {
    let reason: number = Reason.NONE;
    this.#lowest = 1;
    this.#highest = INT32_MAX;
    for (
      let term: number = Term.LOWEST_PRICE;
      term <= Term.HIGHEST_PRICE;
      term++
    ) {
      if (!this.#parser.hasTerm(term)) continue;
      const found = this.#instruments.readTicks(
        this.#context.transport.bytes,
        this.#parser.from[TERM_SLOTS + term]!,
        this.#parser.to[TERM_SLOTS + term]!,
        this.#instrument,
        this.#number,
      );
      if (found === NO_NUMBER) {
        this.#bad(session, number, RejectReason.BAD_FORMAT, TERM_TAGS[term]!);
        return -1;
      }
      if (reason === Reason.NONE) reason = found;
      const ticks = this.#number[0]! | 0;
      if (term === Term.LOWEST_PRICE) this.#lowest = ticks;
      else this.#highest = ticks;
    }
    // Without an instrument prices mean nothing.
    if (this.#hasRange() && this.#instrument === ANY_INSTRUMENT) {
      return Reason.INVALID_COMBINATION;
    }
    if (reason !== Reason.NONE) return reason;
    return this.#lowest > this.#highest ? Reason.INVALID_PRICE : Reason.NONE;
  }

  #hasRange(): boolean {
    return this.#parser.hasTerm(Term.LOWEST_PRICE) ||
      this.#parser.hasTerm(Term.HIGHEST_PRICE);
  }

  /** What is wrong with it, prices apart; finds the account. */
  #judge(): number {
    const parser = this.#parser;
    const all = this.#type === MASS_ALL;
    this.#account = 0;
    if (!all && this.#type !== MASS_SECURITY) return Reason.UNSUPPORTED;
    const hasSymbol = parser.has(Slot.SYMBOL);
    if (hasSymbol && this.#instrument === UNKNOWN_INSTRUMENT_INDEX) {
      return Reason.UNKNOWN_INSTRUMENT;
    }
    if (all && hasSymbol) return Reason.INVALID_COMBINATION;
    if (this.#side > 2) return Reason.INVALID_SIDE;
    if (this.#kill >= 0 && (!all || this.#side !== 0 || this.#hasRange())) {
      return Reason.INVALID_COMBINATION;
    }
    if (!parser.hasTerm(Term.ACCOUNT)) return Reason.NONE;
    const account = this.#terms.findAccount();
    if (account === NO_NAME) return Reason.UNKNOWN_ACCOUNT;
    this.#account = account;
    return Reason.NONE;
  }

  #command(session: FixSession, number: number): void {
    const kill = this.#kill >= 0;
    this.#replies.begin(
      kill ? CommandKind.KILL : CommandKind.MASS_CANCEL,
      session,
      number,
    );
    const { ring, at } = this.#replies;
    let detail: number = this.#account === 0
      ? MassScope.SESSION
      : MassScope.ACCOUNT;
    if (this.#kill === 0) detail |= MassScope.UNLOCK;
    if (this.#hasRange()) detail |= MassScope.PRICE_RANGE;
    ring.u8[at + CMD_FLAGS_U8] = CMD_FLAG_TEXT;
    ring.u8[at + CMD_DETAIL_U8] = detail;
    ring.u32[(at >>> 2) + CMD_REASON_U32] = this.#account === 0
      ? session.index
      : this.#account;
    ring.u16[(at >>> 1) + CMD_INSTRUMENT_U16] = this.#instrument;
    ring.u8[at + CMD_SIDE_U8] = this.#side;
    if (this.#hasRange()) {
      ring.i32[(at >>> 2) + CMD_PRICE_I32] = this.#lowest;
      ring.f64[(at >>> 3) + CMD_QUANTITY_F64] = this.#highest;
    }
    const bytes = this.#context.transport.bytes;
    const from = this.#parser.from[Slot.CL_ORD_ID]!;
    const length = this.#parser.to[Slot.CL_ORD_ID]! - from;
    for (let i = 0; i < length; i++) {
      ring.u8[at + CMD_CL_ORD_ID_U8 + i] = bytes[from + i]!;
    }
  }

  #bad(
    session: FixSession,
    number: number,
    code: number,
    tag: number,
    note = 0,
  ): false {
    this.#replies.reject(session, number, code, tag, note);
    return false;
  }
}
