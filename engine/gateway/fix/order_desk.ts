// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Application messages of clients to commands, and what their ids stand for.
 *
 * The gateway's thread owns it; nothing allocates for an order. It checks what
 * needs the wire's form (formats, decimals, ids) and refuses that itself; all
 * else is the exchange's to judge. A number, once read, is exact: what does
 * not fit ticks or lots is refused, never rounded. What makes an order special
 * is read by `OrderTerms`; a plain order goes past it.
 *
 * An unknown symbol of up to 20 bytes travels with the refusal in place of the
 * original id and comes back in the report; a longer one gets a
 * BusinessMessageReject. An id is used up by every request that reached the
 * exchange, for as long as `ClOrdIds` remembers it; a new order that was
 * refused here uses up none, nor does a request for an order nobody knows.
 *
 * @module
 */
import { OrdStatus, OrdType, Reason, TimeInForce } from "../../record/mod.ts";
import {
  type FixParser,
  RejectReason,
  TimestampReader,
} from "../../wire/fix/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import { type ClOrdIds, STATUS_REPLACED } from "./cl_ord_ids.ts";
import type { Instruments } from "./instruments.ts";
import {
  REFUSED_CANCEL,
  REFUSED_NEW,
  REFUSED_REPLACE,
  REFUSED_STATUS,
} from "./message_types.ts";
import type { OrderTerms } from "./order_terms.ts";
import type { Replies } from "./replies.ts";
import type { FixSession } from "./session.ts";
import { BusinessReason, Note } from "./texts.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CL_ORD_ID_BYTES = 20,
  CMD_CL_ORD_ID_U8 = 64,
  CMD_DETAIL_U8 = 37,
  CMD_FLAG_TEXT = 1,
  CMD_FLAGS_U8 = 7,
  CMD_INSTRUMENT_U16 = 16,
  CMD_KIND_U8 = 6,
  CMD_NEW_REFERENCE_F64 = 13,
  CMD_ORD_TYPE_U8 = 35,
  CMD_ORIG_CL_ORD_ID_U8 = 84,
  CMD_PRICE_I32 = 10,
  CMD_QUANTITY_F64 = 6,
  CMD_REASON_U32 = 11,
  CMD_REFERENCE_F64 = 7,
  CMD_SIDE_U8 = 34,
  CMD_TIME_IN_FORCE_U8 = 36,
  NO_ENTRY = -1,
  NO_INSTRUMENT = -1,
  NO_NUMBER = -1,
  UNKNOWN_INSTRUMENT_INDEX = 65535,
  MALFORMED = -1,
  PEGGED = 80,
  CommandKind_NEW_ORDER = 1,
  CommandKind_CANCEL_ORDER = 2,
  CommandKind_REPLACE_ORDER = 3,
  CommandKind_ORDER_STATUS = 4,
  CommandKind_REFUSED = 5,
  OrdType_LIMIT = 2,
  OrdType_STOP_LIMIT = 4,
  OrdType_PEG_PRIMARY = 7,
  OrdType_PEG_MIDPOINT = 9,
  Reason_NONE = 0,
  Reason_UNKNOWN_INSTRUMENT = 1,
  TimeInForce_DAY = 0,
  TimeInForce_FOK = 4,
  Slot_CL_ORD_ID = 20,
  Slot_SYMBOL = 22,
  Slot_ORIG_CL_ORD_ID = 21,
  Slot_ORD_STATUS_REQ_ID = 29,
  Slot_TRANSACT_TIME = 24,
  Slot_SIDE = 23,
  Slot_ORD_TYPE = 26,
  Slot_TIME_IN_FORCE = 28,
  Slot_ORDER_QTY = 25,
  Slot_PRICE = 27,
}

/** No code: FIX 4.4 does not allow the character. */
export const NOT_ALLOWED = 255;

/**
 * Codes by character: those of `codes` as it says, other characters that FIX
 * allows as themselves.
 */
function codesOf(
  allowed: string,
  codes: Readonly<Record<string, number>>,
): Uint8Array {
  const table = new Uint8Array(256).fill(NOT_ALLOWED);
  for (const c of allowed) {
    table[c.charCodeAt(0)] = codes[c] ?? c.charCodeAt(0);
  }
  return table;
}

const digits = (text: string): Record<string, number> =>
  Object.fromEntries([...text].map((c) => [c, Number(c)]));

/** Codes of Side (54) by character, or `NOT_ALLOWED`. */
export const SIDES: Uint8Array = codesOf(
  "123456789ABCDEFG",
  digits("123456789"),
);
const ORD_TYPES = codesOf("12346789DEGIJKLMP", {
  ...digits("1234"),
  K: OrdType.MARKET_TO_LIMIT,
  P: Fixed.PEGGED,
});
const TIMES_IN_FORCE = codesOf("01234567B", {
  ...digits("01234567"),
  B: TimeInForce.GOOD_FOR_AUCTION,
});
/** Good till crossing is a time in force of FIX 4.4, not of ours. */
const GOOD_TILL_CROSSING = 5;

/** Turns orders, cancels, replaces and status requests into commands. */
export class OrderDesk {
  /** The appliance is stopping: no new orders. */
  closed = false;
  readonly #context: GatewayContext;
  readonly #parser: FixParser;
  readonly #replies: Replies;
  readonly #instruments: Instruments;
  readonly #ids: ClOrdIds;
  readonly #terms: OrderTerms;
  /** Of the transport's memory. */
  readonly #view: DataView;
  readonly #time = new TimestampReader();
  readonly #number = new Float64Array(1);
  // What the message at hand says.
  #instrument = 0;
  #side = 0;
  #ordType = 0;
  #timeInForce = 0;
  #priceTicks = 0;
  readonly #lots = new Float64Array(1);
  /** It has terms that go into its command. */
  #special = false;

  constructor(
    context: GatewayContext,
    parser: FixParser,
    replies: Replies,
    instruments: Instruments,
    ids: ClOrdIds,
    terms: OrderTerms,
  ) {
    this.#context = context;
    const { bytes } = context.transport;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#parser = parser;
    this.#replies = replies;
    this.#instruments = instruments;
    this.#ids = ids;
    this.#terms = terms;
  }

  /** NewOrderSingle. @param possResend An id that is known is then no fault. */
  newOrder(session: FixSession, number: number, possResend: boolean): void {
    if (!this.#formHolds(session, number)) return;
    this.#stage(session, Fixed.Slot_CL_ORD_ID);
    const known = this.#ids.find() !== Fixed.NO_ENTRY;
    if (known && possResend) return;
    let reason = this.#read(session, number, false);
    if (reason < 0) return;
    if (known) reason = Reason.DUPLICATE_ORDER;
    else if (this.closed) reason = Reason.SHUTTING_DOWN;
    if (reason === Fixed.Reason_NONE) {
      if (this.#special && this.#terms.restaged) {
        this.#stage(session, Fixed.Slot_CL_ORD_ID);
      }
      if (this.#ids.insert(session.nextReference) === Fixed.NO_ENTRY) {
        reason = Reason.ORDER_CAPACITY;
      }
    }
    this.#begin(
      session,
      number,
      Fixed.CommandKind_NEW_ORDER,
      REFUSED_NEW,
      reason,
    );
    this.#putOrder(reason);
    if (reason === Fixed.Reason_NONE) this.#reference(session.nextReference++);
    else if (this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX) {
      this.#putText(Fixed.Slot_SYMBOL, Fixed.CMD_ORIG_CL_ORD_ID_U8);
    }
  }

  /** OrderCancelRequest. */
  cancel(session: FixSession, number: number): void {
    if (!this.#formHolds(session, number)) return;
    let reason: number = this.#original(session);
    const entry = this.#entry;
    if (!this.#findInstrument(session, number, false)) return;
    if (
      reason === Fixed.Reason_NONE &&
      this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX
    ) reason = Fixed.Reason_UNKNOWN_INSTRUMENT;
    this.#begin(
      session,
      number,
      Fixed.CommandKind_CANCEL_ORDER,
      REFUSED_CANCEL,
      reason,
    );
    this.#putText(Fixed.Slot_ORIG_CL_ORD_ID, Fixed.CMD_ORIG_CL_ORD_ID_U8);
    this.#putSide();
    if (entry === Fixed.NO_ENTRY) return;
    if (reason === Reason.TOO_LATE) return this.#putFinalStatus(entry);
    this.#reference(this.#ids.reference(entry));
    if (reason !== Fixed.Reason_NONE) return;
    this.#stage(session, Fixed.Slot_CL_ORD_ID);
    this.#ids.remember(OrdStatus.CANCELED);
  }

  /** OrderCancelReplaceRequest. */
  replace(session: FixSession, number: number): void {
    if (!this.#formHolds(session, number)) return;
    let reason: number = this.#original(session);
    const entry = this.#entry;
    const found = this.#read(session, number, true);
    if (found < 0) return;
    if (reason === Fixed.Reason_NONE) reason = found;
    if (reason === Fixed.Reason_NONE && this.closed) {
      reason = Reason.SHUTTING_DOWN;
    }
    if (reason === Fixed.Reason_NONE) {
      this.#stage(session, Fixed.Slot_CL_ORD_ID);
      if (this.#ids.insert(session.nextReference) === Fixed.NO_ENTRY) {
        reason = Reason.ORDER_CAPACITY;
      }
    }
    this.#begin(
      session,
      number,
      Fixed.CommandKind_REPLACE_ORDER,
      REFUSED_REPLACE,
      reason,
    );
    this.#putOrder(reason);
    this.#putText(Fixed.Slot_ORIG_CL_ORD_ID, Fixed.CMD_ORIG_CL_ORD_ID_U8);
    if (entry === Fixed.NO_ENTRY) return;
    if (reason === Reason.TOO_LATE) return this.#putFinalStatus(entry);
    this.#reference(this.#ids.reference(entry));
    if (reason !== Fixed.Reason_NONE) return;
    const { ring, at } = this.#replies;
    ring.f64[(at >>> 3) + Fixed.CMD_NEW_REFERENCE_F64] = session
      .nextReference++;
  }

  /** OrderStatusRequest. */
  status(session: FixSession, number: number): void {
    if (!this.#formHolds(session, number)) return;
    if (!this.#findInstrument(session, number, true)) return;
    this.#stage(session, Fixed.Slot_CL_ORD_ID);
    const entry = this.#ids.find();
    const unknown = this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX;
    this.#begin(
      session,
      number,
      Fixed.CommandKind_ORDER_STATUS,
      REFUSED_STATUS,
      unknown ? Fixed.Reason_UNKNOWN_INSTRUMENT : Fixed.Reason_NONE,
    );
    this.#putSide();
    if (unknown) {
      this.#putText(Fixed.Slot_SYMBOL, Fixed.CMD_ORIG_CL_ORD_ID_U8);
      return;
    }
    // Reference 0 is no order: the exchange answers that it is unknown.
    this.#reference(entry === Fixed.NO_ENTRY ? 0 : this.#ids.reference(entry));
    if (!this.#parser.has(Fixed.Slot_ORD_STATUS_REQ_ID)) return;
    const { ring, at } = this.#replies;
    ring.u8[at + Fixed.CMD_DETAIL_U8] = 1;
    this.#putText(Fixed.Slot_ORD_STATUS_REQ_ID, Fixed.CMD_ORIG_CL_ORD_ID_U8);
  }

  #stage(session: FixSession, slot: number): void {
    const { from, to } = this.#parser;
    this.#ids.stage(
      session.index,
      this.#context.transport.bytes,
      from[slot]!,
      to[slot]!,
    );
  }

  /** Entry of the order that 41 names, after `#original()`; none if 11 is not new. */
  #entry = Fixed.NO_ENTRY;

  /** Looks at 11 and 41 of a cancel or replace. */
  #original(session: FixSession): Reason {
    this.#entry = Fixed.NO_ENTRY;
    this.#stage(session, Fixed.Slot_CL_ORD_ID);
    if (this.#ids.find() !== Fixed.NO_ENTRY) {
      return Reason.DUPLICATE_ORDER;
    }
    this.#stage(session, Fixed.Slot_ORIG_CL_ORD_ID);
    const entry = this.#ids.find();
    if (entry === Fixed.NO_ENTRY) return Reason.UNKNOWN_ORDER;
    const closed = this.#ids.closed(entry);
    // The order lives on under the id of the replace.
    if (closed === STATUS_REPLACED) return Reason.UNKNOWN_ORDER;
    this.#entry = entry;
    return closed === 0 ? Fixed.Reason_NONE : Reason.TOO_LATE;
  }

  /** Lengths, times and codes; a Reject is written if something is wrong. */
  #formHolds(session: FixSession, number: number): boolean {
    const parser = this.#parser;
    const { from, to, seen } = parser;
    for (
      let slot: number = Fixed.Slot_CL_ORD_ID;
      slot <= Fixed.Slot_ORIG_CL_ORD_ID;
      slot++
    ) {
      if (
        (seen & (1 << slot)) !== 0 &&
        to[slot]! - from[slot]! > Fixed.CL_ORD_ID_BYTES
      ) {
        return this.#bad(
          session,
          number,
          RejectReason.BAD_VALUE,
          slot === Fixed.Slot_CL_ORD_ID ? 11 : 41,
          Note.ID_TOO_LONG,
        );
      }
    }
    const bytes = this.#context.transport.bytes;
    if (
      (seen & (1 << Fixed.Slot_TRANSACT_TIME)) !== 0 &&
      !this.#time.parse(
        bytes,
        from[Fixed.Slot_TRANSACT_TIME]!,
        to[Fixed.Slot_TRANSACT_TIME]!,
      )
    ) return this.#bad(session, number, RejectReason.BAD_FORMAT, 60);
    const side = parser.character(Fixed.Slot_SIDE);
    this.#side = side < 0 ? NOT_ALLOWED : SIDES[side]!;
    if (this.#side === NOT_ALLOWED) {
      return this.#bad(session, number, RejectReason.BAD_VALUE, 54);
    }
    if ((seen & (1 << Fixed.Slot_ORD_TYPE)) !== 0) {
      const type = parser.character(Fixed.Slot_ORD_TYPE);
      this.#ordType = type < 0 ? NOT_ALLOWED : ORD_TYPES[type]!;
      if (this.#ordType === NOT_ALLOWED) {
        return this.#bad(session, number, RejectReason.BAD_VALUE, 40);
      }
    }
    this.#timeInForce = Fixed.TimeInForce_DAY;
    if ((seen & (1 << Fixed.Slot_TIME_IN_FORCE)) !== 0) {
      const time = parser.character(Fixed.Slot_TIME_IN_FORCE);
      this.#timeInForce = time < 0 ? NOT_ALLOWED : TIMES_IN_FORCE[time]!;
      if (this.#timeInForce === NOT_ALLOWED) {
        return this.#bad(session, number, RejectReason.BAD_VALUE, 59);
      }
    }
    const requestId = to[Fixed.Slot_ORD_STATUS_REQ_ID]! -
      from[Fixed.Slot_ORD_STATUS_REQ_ID]!;
    return (seen & (1 << Fixed.Slot_ORD_STATUS_REQ_ID)) === 0 ||
      requestId <= Fixed.CL_ORD_ID_BYTES ||
      this.#bad(
        session,
        number,
        RejectReason.BAD_VALUE,
        790,
        Note.ID_TOO_LONG,
      );
  }

  /**
   * Instrument, quantity, price, and terms if there are any.
   *
   * @returns A `Reason`, or -1 if the message was answered already.
   */
  #read(session: FixSession, number: number, replace: boolean): number {
    if (!this.#findInstrument(session, number, !replace)) return -1;
    const parser = this.#parser;
    if (!parser.has(Fixed.Slot_ORDER_QTY)) {
      return this.#conditional(session, number, Note.QUANTITY_REQUIRED);
    }
    const type = this.#ordType;
    const limit = type === Fixed.OrdType_LIMIT ||
      type === Fixed.OrdType_STOP_LIMIT;
    const hasPrice = parser.has(Fixed.Slot_PRICE);
    if (limit && !hasPrice) {
      return this.#conditional(session, number, Note.PRICE_REQUIRED);
    }
    const quantityReason = this.#readQuantity();
    if (quantityReason < 0) {
      this.#bad(session, number, RejectReason.BAD_FORMAT, 38);
      return -1;
    }
    this.#priceTicks = 0;
    let priceReason: number = hasPrice ? this.#readPrice() : Fixed.Reason_NONE;
    if (priceReason < 0) {
      this.#bad(session, number, RejectReason.BAD_FORMAT, 44);
      return -1;
    }
    let termsReason: number = Fixed.Reason_NONE;
    this.#special = false;
    if (
      parser.terms !== 0 || type > Fixed.OrdType_LIMIT ||
      this.#timeInForce > Fixed.TimeInForce_FOK
    ) {
      termsReason = this.#readTerms(session, number, replace);
      if (termsReason < 0) return -1;
    }
    if (!limit && this.#ordType < Fixed.OrdType_PEG_PRIMARY) {
      // It has no limit, whatever 44 says.
      this.#priceTicks = 0;
      priceReason = Fixed.Reason_NONE;
    }
    if (this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX) {
      return Fixed.Reason_UNKNOWN_INSTRUMENT;
    }
    if (this.#side > 2) return Reason.INVALID_SIDE;
    if (
      this.#ordType > Fixed.OrdType_PEG_MIDPOINT &&
      this.#ordType !== Fixed.PEGGED
    ) {
      return Reason.INVALID_ORD_TYPE;
    }
    if (this.#timeInForce === GOOD_TILL_CROSSING) {
      return Reason.INVALID_TIME_IN_FORCE;
    }
    if (quantityReason !== Fixed.Reason_NONE) return quantityReason;
    return priceReason !== Fixed.Reason_NONE ? priceReason : termsReason;
  }

  /** A message that is not plain: a `Reason`, or -1 if it was answered. */
  #readTerms(session: FixSession, number: number, replace: boolean): number {
    const terms = this.#terms;
    const found = replace ? terms.readReplace(this.#instrument) : terms.read(
      session.index,
      this.#instrument,
      this.#ordType,
      this.#timeInForce,
    );
    if (!replace) this.#ordType = terms.ordType;
    if (found >= 0) {
      this.#special = terms.present();
      return found;
    }
    if (found === Fixed.MALFORMED) {
      this.#bad(session, number, terms.errorCode, terms.errorTag);
      return -1;
    }
    return this.#conditional(session, number, terms.note);
  }

  /** Lots of 38; a `Reason`, or -1 if it is no number. */
  #readQuantity(): number {
    const { from, to } = this.#parser;
    this.#lots[0] = 0;
    const found = this.#instruments.readLots(
      this.#context.transport.bytes,
      from[Fixed.Slot_ORDER_QTY]!,
      to[Fixed.Slot_ORDER_QTY]!,
      this.#instrument,
      this.#number,
    );
    if (
      found !== Fixed.Reason_NONE ||
      this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX
    ) return found === Fixed.NO_NUMBER ? -1 : found;
    this.#lots[0] = this.#number[0]!;
    return this.#lots[0] === 0 ? Reason.INVALID_QUANTITY : Fixed.Reason_NONE;
  }

  /** Ticks of 44; a `Reason`, or -1 if it is no number. */
  #readPrice(): number {
    const { from, to } = this.#parser;
    const found = this.#instruments.readTicks(
      this.#context.transport.bytes,
      from[Fixed.Slot_PRICE]!,
      to[Fixed.Slot_PRICE]!,
      this.#instrument,
      this.#number,
    );
    if (
      found !== Fixed.Reason_NONE ||
      this.#instrument === Fixed.UNKNOWN_INSTRUMENT_INDEX
    ) return found === Fixed.NO_NUMBER ? -1 : found;
    this.#priceTicks = this.#number[0]! | 0;
    return this.#priceTicks === 0 ? Reason.INVALID_PRICE : Fixed.Reason_NONE;
  }

  /**
   * Index of 55, or the one that stands for unknown.
   *
   * @param echo The answer must repeat the symbol, so it must fit a record.
   * @returns False if it can't, and the message was answered.
   */
  #findInstrument(session: FixSession, number: number, echo: boolean): boolean {
    const { from, to } = this.#parser;
    const found = this.#instruments.find(
      this.#context.transport.bytes,
      from[Fixed.Slot_SYMBOL]!,
      to[Fixed.Slot_SYMBOL]!,
    );
    this.#instrument = found === Fixed.NO_INSTRUMENT
      ? Fixed.UNKNOWN_INSTRUMENT_INDEX
      : found;
    if (
      found !== Fixed.NO_INSTRUMENT || !echo ||
      to[Fixed.Slot_SYMBOL]! - from[Fixed.Slot_SYMBOL]! <= Fixed.CL_ORD_ID_BYTES
    ) return true;
    this.#context.telemetry.refused(Fixed.Reason_UNKNOWN_INSTRUMENT);
    this.#replies.businessReject(
      session,
      number,
      BusinessReason.UNKNOWN_SECURITY,
      Note.SYMBOL_TOO_LONG,
      Fixed.Slot_CL_ORD_ID,
    );
    return false;
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

  #conditional(session: FixSession, number: number, note: number): number {
    this.#replies.businessReject(
      session,
      number,
      BusinessReason.CONDITIONAL_FIELD,
      note,
      Fixed.Slot_CL_ORD_ID,
    );
    return -1;
  }

  /** Takes a slot for the request, or for its refusal if there is a reason. */
  #begin(
    session: FixSession,
    number: number,
    kind: number,
    detail: number,
    reason: number,
  ): void {
    const refused = reason !== Fixed.Reason_NONE;
    this.#replies.begin(
      refused ? Fixed.CommandKind_REFUSED : kind,
      session,
      number,
    );
    const { ring, at } = this.#replies;
    ring.u8[at + Fixed.CMD_FLAGS_U8] = Fixed.CMD_FLAG_TEXT;
    this.#putText(Fixed.Slot_CL_ORD_ID, Fixed.CMD_CL_ORD_ID_U8);
    if (!refused) return;
    ring.u8[at + Fixed.CMD_KIND_U8] = Fixed.CommandKind_REFUSED;
    ring.u8[at + Fixed.CMD_DETAIL_U8] = detail;
    ring.u32[(at >>> 2) + Fixed.CMD_REASON_U32] = reason;
    this.#context.telemetry.refused(reason);
  }

  #reference(reference: number): void {
    const { ring, at } = this.#replies;
    ring.f64[(at >>> 3) + Fixed.CMD_REFERENCE_F64] = reference;
  }

  #putSide(): void {
    const { ring, at } = this.#replies;
    ring.u16[(at >>> 1) + Fixed.CMD_INSTRUMENT_U16] = this.#instrument;
    ring.u8[at + Fixed.CMD_SIDE_U8] = this.#side;
  }

  /** What the order is; its terms only if it goes to the exchange. */
  #putOrder(reason: number): void {
    this.#putSide();
    const { ring, at } = this.#replies;
    if (this.#special && reason === Fixed.Reason_NONE) {
      this.#terms.put(ring, at);
    }
    ring.u8[at + Fixed.CMD_ORD_TYPE_U8] = this.#ordType;
    ring.u8[at + Fixed.CMD_TIME_IN_FORCE_U8] = this.#timeInForce;
    ring.i32[(at >>> 2) + Fixed.CMD_PRICE_I32] = this.#priceTicks;
    ring.f64[(at >>> 3) + Fixed.CMD_QUANTITY_F64] = this.#lots[0]!;
  }

  /** How the order ended that a request came too late for. */
  #putFinalStatus(entry: number): void {
    const { ring, at } = this.#replies;
    ring.u8[at + Fixed.CMD_ORD_TYPE_U8] = this.#ids.closed(entry);
  }

  /** Text of a slot, at most 20 bytes, into 20 that are zero. @param offset Of a word. */
  #putText(slot: number, offset: number): void {
    const { ring, at } = this.#replies;
    const bytes = this.#context.transport.bytes;
    const from = this.#parser.from[slot]!;
    let length = this.#parser.to[slot]! - from;
    if (length > Fixed.CL_ORD_ID_BYTES) length = Fixed.CL_ORD_ID_BYTES;
    const { i32 } = ring;
    const view = this.#view;
    let word = (at + offset) >>> 2;
    let p = from;
    for (; length >= 4; length -= 4, p += 4, word++) {
      i32[word] = view.getInt32(p, true);
    }
    const target = word << 2;
    for (let i = 0; i < length; i++) ring.u8[target + i] = bytes[p + i]!;
  }
}
