// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writes events straight into the slots of the gateways' rings.
 *
 * Numbers each event among those of its command and in its session's outbound
 * sequence. Neighbouring small fields are written as one little-endian int32
 * word; every byte of an event is written, so that a replay yields the same
 * bytes. Owned by the exchange's thread. Allocates nothing; takes float64
 * values by their place, never as arguments. Decides nothing.
 *
 * @module
 */
import { type Book } from "../book/mod.ts";
import {
  CMD_CL_ORD_ID_U8,
  CMD_DETAIL_U8,
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_TIME_IN_FORCE_U8,
  Reason,
} from "../record/mod.ts";
import type { EventRing } from "./event_ring.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CMD_SEQUENCE_F64 = 1,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  CMD_IN_SEQUENCE_U32 = 7,
  ORDER_OWNER = 12,
  ORDER_SESSION_MASK = 0xffffff,
  ORDER_TEXT_BIT = 0x10000000,
  EVENT_SLOT_BYTES = 192,
  SLOT_WORDS = EVENT_SLOT_BYTES >> 2,
  SLOT_F64 = EVENT_SLOT_BYTES >> 3,
  EVT_LAST_PRICE_I32 = 11,
  EVT_LAST_QUANTITY_F64 = 11,
  EVT_MATCH_F64 = 14,
  EVT_IN_SEQUENCE_U32 = 26,
  ORDER_LEAVES_F64 = 2,
  OrdStatus_FILLED = 0x32,
  OrdStatus_PARTIALLY_FILLED = 0x31,
  EventKind_FILLED = 3,
  INSTRUMENT_LAST_PRICE = 22,
  INSTRUMENT_LAST_QUANTITY_F64 = 10,
  CMD_SESSION_U32 = 6,
  CMD_LENGTH_U16 = 2,
  CMD_SHAPE_WORD = CMD_LENGTH_U16 >> 1,
  CMD_KIND_U8 = 6,
  CMD_KIND_SHIFT = (CMD_KIND_U8 & 3) * 8,
  CMD_FLAGS_SHIFT = CMD_KIND_SHIFT + 8,
  COMMAND_BASE_BYTES = 64,
  EVT_ORDER_ID_F64 = 7,
  EVT_LEAVES_F64 = 9,
  EVT_CUM_F64 = 10,
  EVT_NOTIONAL_F64 = 12,
  OrdStatus_REJECTED = 0x38,
  EVT_ORD_STATUS_U8 = 108,
  EVT_STATUS_WORD = EVT_ORD_STATUS_U8 >> 2,
  EVT_INSTRUMENT_U16 = 16,
  EVT_WHAT_WORD = EVT_INSTRUMENT_U16 >> 1,
  CMD_INSTRUMENT_U16 = 16,
  CMD_WHAT_WORD = CMD_INSTRUMENT_U16 >> 1,
  EVT_PRICE_I32 = 10,
  CMD_PRICE_I32 = 10,
  EVT_QUANTITY_F64 = 6,
  CMD_QUANTITY_F64 = 6,
  CMD_TIME_IN_FORCE_U8 = 36,
  CMD_HOW_WORD = CMD_TIME_IN_FORCE_U8 >> 2,
  EVT_TIME_IN_FORCE_U8 = 36,
  EVT_WHY_WORD = EVT_TIME_IN_FORCE_U8 >> 2,
  EVT_REFERENCE_F64 = 8,
  CMD_REFERENCE_F64 = 7,
  SESSION_WORDS = 16,
  SESSION_OUT_SEQUENCE = 0,
  TEXT_WORDS = 15,
  EVT_TEXT_U8 = 128,
  EVT_TEXT_WORD = EVT_TEXT_U8 >> 2,
  CMD_CL_ORD_ID_U8 = 64,
  CMD_CL_ORD_ID_WORD = CMD_CL_ORD_ID_U8 >> 2,
  ORDER_QUANTITY_F64 = 3,
  OrdStatus_NEW = 0x30,
  CL_ORD_ID_WORDS = 5,
  EVT_INDEX_U32 = 0,
  EVT_LENGTH_U16 = 2,
  EVT_SHAPE_WORD = EVT_LENGTH_U16 >> 1,
  EVT_FLAG_TEXT = 1,
  EVENT_BASE_BYTES = 128,
  EVT_SEQUENCE_F64 = 1,
  EVT_TIME_LO_U32 = 4,
  EVT_TIME_HI_U32 = 5,
  EVT_SESSION_U32 = 6,
  EVT_OUT_SEQUENCE_U32 = 7,
  EVT_LAST_F64 = 15,
  ORDER_KIND = 13,
  ORDER_PRICE = 3,
  ORDER_ID_F64 = 7,
  ORDER_REFERENCE_F64 = 5,
  OrdStatus_CANCELED = 0x34,
  ORDER_NOTIONAL_F64 = 4,
  EVT_CL_ORD_ID_U8 = 128,
  EVT_CL_ORD_ID_WORD = EVT_CL_ORD_ID_U8 >> 2,
  EVT_ORIG_CL_ORD_ID_U8 = 148,
  EVT_ORIG_WORD = EVT_ORIG_CL_ORD_ID_U8 >> 2,
  TEXT_END_WORD = EVENT_SLOT_BYTES >> 2,
  ORDER_TERMS_BIT = 0x20000000,
  TERMS_STOP_PRICE = 2,
  TERMS_ACCOUNT = 1,
  EVT_STOP_PRICE_I32 = 30,
  EVT_ACCOUNT_U32 = 31,
  EventKind_PREVENTED = 8,
  OrdStatus_EXPIRED = 0x43,
}

/** Views of the memory in which a command lies. A ring has them. */
export interface CommandViews {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
}

/** Words of a client order id. */
export const CL_ORD_ID_WORDS = 5;
/** Words of the text of a session's command. */
export const TEXT_WORDS = 15;

/** Word of a command: length, kind, flags. */
export const CMD_SHAPE_WORD = CMD_LENGTH_U16 >> 1;
/** Word of a command: instrument, side, ordType. */
export const CMD_WHAT_WORD = CMD_INSTRUMENT_U16 >> 1;
/** Word of a command: timeInForce, detail, groupIndex. */
export const CMD_HOW_WORD = CMD_TIME_IN_FORCE_U8 >> 2;
/** Word of a command: first of the client order id, or of its text. */
export const CMD_CL_ORD_ID_WORD = CMD_CL_ORD_ID_U8 >> 2;
/** Bits of the kind and the flags in `CMD_SHAPE_WORD`. */
export const CMD_KIND_SHIFT = (CMD_KIND_U8 & 3) * 8;
export const CMD_FLAGS_SHIFT = CMD_KIND_SHIFT + 8;
/** Bits of the detail in `CMD_HOW_WORD`. */
export const CMD_DETAIL_SHIFT = (CMD_DETAIL_U8 & 3) * 8;

/** What an event is about, and why: the two words that a caller puts together. */
export function whyOf(detail: number, reason: number): number {
  return detail << 8 | reason << 16;
}

/** Writes the events of one command after the other. */
export class EventWriter {
  readonly #book: Book;
  readonly #sinks: readonly EventRing[];
  readonly #routes: Uint8Array;
  readonly #sessions: Int32Array;
  /** Client order ids by `book.numberOf()`, five words each. */
  readonly #texts: Int32Array;
  /**
   * Element 0: sequence of the command. 1: number of the last match. 2: events.
   * 3: number of the last prevented match. 4: a count for `answer()`.
   */
  readonly stamp = new Float64Array(5);
  #timeLo = 0;
  #timeHi = 0;
  #inSequence = 0;
  #index = 0;
  /**
   * The order that the command brings or names; 0 = none. Its events say which
   * message caused them, those of other orders do not.
   */
  subject = 0;
  /** Lots, price and `StpMode` of the next `prevented()`. */
  readonly prevention = new Float64Array(3);
  /** Of the next `tellHouse()`: quantity, leaves, order id, reference. */
  readonly house = new Float64Array(4);

  /**
   * @param sinks One for each gateway.
   * @param routes Place in `sinks` by session; events of a session whose
   *   place is beyond the last sink are numbered and not written.
   */
  constructor(
    book: Book,
    sinks: readonly EventRing[],
    routes: Uint8Array,
    sessions: Int32Array,
    texts: Int32Array,
  ) {
    this.#book = book;
    this.#sinks = sinks;
    this.#routes = routes;
    this.#sessions = sessions;
    this.#texts = texts;
  }

  /** Takes sequence, time and inbound number of the command at word `at`. */
  begin(command: CommandViews, at: number): void {
    this.stamp[0] = command.f64[(at >> 1) + Fixed.CMD_SEQUENCE_F64]!;
    this.#timeLo = command.i32[at + Fixed.CMD_TIME_LO_U32]!;
    this.#timeHi = command.i32[at + Fixed.CMD_TIME_HI_U32]!;
    this.#inSequence = command.i32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    this.#index = 0;
    this.subject = 0;
  }

  /** Low word of the command's time. */
  get timeLo(): number {
    return this.#timeLo;
  }

  /** High word of the command's time. */
  get timeHi(): number {
    return this.#timeHi;
  }

  /** So many events of this command are written already. */
  skip(count: number): void {
    this.#index = count;
  }

  /** An event about an order of ours that is no fill, for its session. */
  order(kind: number, order: number, why: number, status: number): void {
    const owner = this.#book.i32[order + Fixed.ORDER_OWNER]!;
    const session = owner & Fixed.ORDER_SESSION_MASK;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = (owner & Fixed.ORDER_TEXT_BIT) !== 0;
    this.#head(sink, slot, kind, text, session);
    this.#state(sink, slot, order, why, status);
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    const f64 = sink.f64;
    const half = slot * Fixed.SLOT_F64;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = 0;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    f64[half + Fixed.EVT_MATCH_F64] = 0;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = order === this.subject
      ? this.#inSequence
      : 0;
    if ((owner & Fixed.ORDER_TERMS_BIT) !== 0) this.#terms(sink, at, order);
    if (text) this.#ownText(sink, at, order);
  }

  /** An order met one of its own owner; lots and price are in `prevention`. */
  prevented(order: number, aggressor: number): void {
    const owner = this.#book.i32[order + Fixed.ORDER_OWNER]!;
    const session = owner & Fixed.ORDER_SESSION_MASK;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = (owner & Fixed.ORDER_TEXT_BIT) !== 0;
    this.#head(sink, slot, Fixed.EventKind_PREVENTED, text, session);
    this.#state(
      sink,
      slot,
      order,
      whyOf(this.prevention[2]!, Reason.SELF_TRADE),
      this.statusOf(order) | aggressor << 8,
    );
    const { i32, f64 } = sink;
    const at = slot * Fixed.SLOT_WORDS;
    const half = slot * Fixed.SLOT_F64;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = this.prevention[1]!;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = this.prevention[0]!;
    f64[half + Fixed.EVT_MATCH_F64] = this.stamp[3]!;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = order === this.subject
      ? this.#inSequence
      : 0;
    if ((owner & Fixed.ORDER_TERMS_BIT) !== 0) this.#terms(sink, at, order);
    if (text) this.#ownText(sink, at, order);
  }

  /**
   * The answer to a request that names no order: what was asked, and a count.
   *
   * @param countAt Element of `stamp` with the count.
   */
  answer(
    kind: number,
    command: CommandViews,
    from: number,
    why: number,
    countAt: number,
  ): void {
    const session = command.i32[from + Fixed.CMD_SESSION_U32]!;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = this.#hasText(command, from);
    this.#head(sink, slot, kind, text, session);
    const at = slot * Fixed.SLOT_WORDS;
    const half = slot * Fixed.SLOT_F64;
    this.#blank(sink, at);
    const { i32, f64 } = sink;
    i32[at + Fixed.EVT_WHAT_WORD] = command.i32[from + Fixed.CMD_WHAT_WORD]!;
    i32[at + Fixed.EVT_WHY_WORD] =
      (command.i32[from + Fixed.CMD_HOW_WORD]! & 0xff) | why;
    i32[at + Fixed.EVT_PRICE_I32] = command.i32[from + Fixed.CMD_PRICE_I32]!;
    f64[half + Fixed.EVT_QUANTITY_F64] = this.stamp[countAt]!;
    f64[half + Fixed.EVT_REFERENCE_F64] = command
      .f64[(from >> 1) + Fixed.CMD_REFERENCE_F64]!;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = this.#inSequence;
    if (text) this.#requestText(sink, at, command, from);
  }

  /** An event to the appliance itself; numbers stand in `house`. */
  tellHouse(
    kind: number,
    instrument: number,
    detail: number,
    reason: number,
    price: number,
  ): void {
    const sink = this.#sinkOf(0);
    if (sink === undefined) return;
    const slot = sink.claim();
    this.#head(sink, slot, kind, false, 0);
    const at = slot * Fixed.SLOT_WORDS;
    const half = slot * Fixed.SLOT_F64;
    this.#blank(sink, at);
    const { i32, f64 } = sink;
    i32[at + Fixed.EVT_WHAT_WORD] = instrument;
    i32[at + Fixed.EVT_WHY_WORD] = whyOf(detail, reason);
    i32[at + Fixed.EVT_PRICE_I32] = price;
    f64[half + Fixed.EVT_QUANTITY_F64] = this.house[0]!;
    f64[half + Fixed.EVT_LEAVES_F64] = this.house[1]!;
    f64[half + Fixed.EVT_ORDER_ID_F64] = this.house[2]!;
    f64[half + Fixed.EVT_REFERENCE_F64] = this.house[3]!;
  }

  /** The same for an order whose request brought texts of its own. */
  orderOnRequest(
    kind: number,
    order: number,
    why: number,
    status: number,
    command: CommandViews,
    from: number,
    hasText: boolean,
  ): void {
    const owner = this.#book.i32[order + Fixed.ORDER_OWNER]!;
    const session = owner & Fixed.ORDER_SESSION_MASK;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = hasText || (owner & Fixed.ORDER_TEXT_BIT) !== 0;
    this.#head(sink, slot, kind, text, session);
    this.#state(sink, slot, order, why, status);
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    const f64 = sink.f64;
    const half = slot * Fixed.SLOT_F64;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = 0;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    f64[half + Fixed.EVT_MATCH_F64] = 0;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = this.#inSequence;
    if ((owner & Fixed.ORDER_TERMS_BIT) !== 0) this.#terms(sink, at, order);
    if (hasText) this.#requestText(sink, at, command, from);
    else if (text) this.#ownText(sink, at, order);
  }

  /** A fill, as the instrument's record shows it; `stamp[1]` is its number. */
  fill(order: number, instrument: number, aggressor: number): void {
    const book = this.#book;
    const owner = book.i32[order + Fixed.ORDER_OWNER]!;
    const session = owner & Fixed.ORDER_SESSION_MASK;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = (owner & Fixed.ORDER_TEXT_BIT) !== 0;
    const status = book.f64[(order >> 1) + Fixed.ORDER_LEAVES_F64] === 0
      ? Fixed.OrdStatus_FILLED
      : Fixed.OrdStatus_PARTIALLY_FILLED;
    this.#head(sink, slot, Fixed.EventKind_FILLED, text, session);
    this.#state(sink, slot, order, 0, status | aggressor << 8);
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    const f64 = sink.f64;
    const half = slot * Fixed.SLOT_F64;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = book
      .i32[instrument + Fixed.INSTRUMENT_LAST_PRICE]!;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = book
      .f64[(instrument >> 1) + Fixed.INSTRUMENT_LAST_QUANTITY_F64]!;
    f64[half + Fixed.EVT_MATCH_F64] = this.stamp[1]!;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = order === this.subject
      ? this.#inSequence
      : 0;
    if ((owner & Fixed.ORDER_TERMS_BIT) !== 0) this.#terms(sink, at, order);
    if (text) this.#ownText(sink, at, order);
  }

  /**
   * An answer with the request's own fields: a refusal, or a status unknown.
   *
   * @param order The live order that the request names; 0 = none. Its id and
   *   progress go into the event.
   * @param ofOrder Quantity and price are the order's, not the request's.
   */
  request(
    kind: number,
    command: CommandViews,
    from: number,
    why: number,
    order: number,
    ofOrder: boolean,
  ): void {
    const session = command.i32[from + Fixed.CMD_SESSION_U32]!;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = this.#hasText(command, from);
    this.#head(sink, slot, kind, text, session);
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    const f64 = sink.f64;
    const half = slot * Fixed.SLOT_F64;
    const fromHalf = from >> 1;
    if (order === 0) {
      f64[half + Fixed.EVT_ORDER_ID_F64] = 0;
      f64[half + Fixed.EVT_LEAVES_F64] = 0;
      f64[half + Fixed.EVT_CUM_F64] = 0;
      f64[half + Fixed.EVT_NOTIONAL_F64] = 0;
      i32[at + Fixed.EVT_STATUS_WORD] = Fixed.OrdStatus_REJECTED;
    } else {
      this.#state(sink, slot, order, 0, this.statusOf(order));
      if (
        (this.#book.i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT) !==
          0
      ) this.#terms(sink, at, order);
    }
    if (!ofOrder) {
      i32[at + Fixed.EVT_WHAT_WORD] = command.i32[from + Fixed.CMD_WHAT_WORD]!;
      i32[at + Fixed.EVT_PRICE_I32] = command.i32[from + Fixed.CMD_PRICE_I32]!;
      f64[half + Fixed.EVT_QUANTITY_F64] = command
        .f64[fromHalf + Fixed.CMD_QUANTITY_F64]!;
    }
    const how = command.i32[from + Fixed.CMD_HOW_WORD]!;
    i32[at + Fixed.EVT_WHY_WORD] = ofOrder
      ? i32[at + Fixed.EVT_WHY_WORD]! | why
      : (how & 0xff) | why;
    f64[half + Fixed.EVT_REFERENCE_F64] = command
      .f64[fromHalf + Fixed.CMD_REFERENCE_F64]!;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = 0;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    f64[half + Fixed.EVT_MATCH_F64] = 0;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = this.#inSequence;
    if (text) this.#requestText(sink, at, command, from);
  }

  /** The echo of a session's command; `numbered` = takes an outbound number. */
  session(
    kind: number,
    command: CommandViews,
    from: number,
    numbered: boolean,
    reason: number,
  ): void {
    const session = command.i32[from + Fixed.CMD_SESSION_U32]!;
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_OUT_SEQUENCE;
    if (!numbered) this.#sessions[word] = (this.#sessions[word]! - 1) | 0;
    const sink = this.#sinkOf(session);
    if (sink === undefined) return;
    const slot = sink.claim();
    const text = (command.i32[from + Fixed.CMD_SHAPE_WORD]! & 0xffff) >
      Fixed.COMMAND_BASE_BYTES;
    this.#head(sink, slot, kind, text, session);
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    const f64 = sink.f64;
    const half = slot * Fixed.SLOT_F64;
    const fromHalf = from >> 1;
    i32[at + Fixed.EVT_WHAT_WORD] = command.i32[from + Fixed.CMD_WHAT_WORD]!;
    i32[at + Fixed.EVT_WHY_WORD] =
      (command.i32[from + Fixed.CMD_HOW_WORD]! & 0xffff) |
      reason << 16;
    i32[at + Fixed.EVT_PRICE_I32] = command.i32[from + Fixed.CMD_PRICE_I32]!;
    i32[at + Fixed.EVT_LAST_PRICE_I32] = 0;
    f64[half + Fixed.EVT_QUANTITY_F64] = command
      .f64[fromHalf + Fixed.CMD_QUANTITY_F64]!;
    f64[half + Fixed.EVT_ORDER_ID_F64] = 0;
    f64[half + Fixed.EVT_REFERENCE_F64] = command
      .f64[fromHalf + Fixed.CMD_REFERENCE_F64]!;
    f64[half + Fixed.EVT_LEAVES_F64] = 0;
    f64[half + Fixed.EVT_CUM_F64] = 0;
    f64[half + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    f64[half + Fixed.EVT_NOTIONAL_F64] = 0;
    i32[at + Fixed.EVT_IN_SEQUENCE_U32] = this.#inSequence;
    i32[at + Fixed.EVT_STATUS_WORD] = 0;
    f64[half + Fixed.EVT_MATCH_F64] = 0;
    if (!text) return;
    for (let i = 0; i < Fixed.TEXT_WORDS; i++) {
      i32[at + Fixed.EVT_TEXT_WORD + i] = command
        .i32[from + Fixed.CMD_CL_ORD_ID_WORD + i]!;
    }
    i32[at + Fixed.EVT_TEXT_WORD + Fixed.TEXT_WORDS] = 0;
  }

  /** FIX status of an order that is alive. */
  statusOf(order: number): number {
    const at = order >> 1;
    const f64 = this.#book.f64;
    return f64[at + Fixed.ORDER_LEAVES_F64] ===
        f64[at + Fixed.ORDER_QUANTITY_F64]
      ? Fixed.OrdStatus_NEW
      : Fixed.OrdStatus_PARTIALLY_FILLED;
  }

  /** Keeps the client order id of a command as the order's. */
  keepText(order: number, command: CommandViews, from: number): void {
    const texts = this.#texts;
    const to = this.#book.numberOf(order) * Fixed.CL_ORD_ID_WORDS;
    const at = from + Fixed.CMD_CL_ORD_ID_WORD;
    texts[to] = command.i32[at]!;
    texts[to + 1] = command.i32[at + 1]!;
    texts[to + 2] = command.i32[at + 2]!;
    texts[to + 3] = command.i32[at + 3]!;
    texts[to + 4] = command.i32[at + 4]!;
  }

  /** Numbers the event; the ring it goes to, if it goes to one. */
  #sinkOf(session: number): EventRing | undefined {
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_OUT_SEQUENCE;
    this.#sessions[word] = (this.#sessions[word]! + 1) | 0;
    this.stamp[2] = this.stamp[2]! + 1;
    const route = this.#routes[session]!;
    if (route < this.#sinks.length) return this.#sinks[route];
    this.#index++;
    return undefined;
  }

  /** Whether a command brings texts of its own. */
  #hasText(command: CommandViews, from: number): boolean {
    const shape = command.i32[from + Fixed.CMD_SHAPE_WORD]!;
    return (shape >>> Fixed.CMD_FLAGS_SHIFT & 1) === 1 &&
      (shape & 0xffff) > Fixed.COMMAND_BASE_BYTES;
  }

  /** Clears what stands behind the header. */
  #blank(sink: EventRing, at: number): void {
    const { i32 } = sink;
    for (let i = Fixed.EVT_WHAT_WORD; i < Fixed.EVT_TEXT_WORD; i++) {
      i32[at + i] = 0;
    }
  }

  /** What an order with terms shows besides. */
  #terms(sink: EventRing, at: number, order: number): void {
    const terms = this.#book.termsOf(order);
    const { i32 } = this.#book;
    sink.i32[at + Fixed.EVT_STOP_PRICE_I32] = i32[
      terms + Fixed.TERMS_STOP_PRICE
    ]!;
    sink.i32[at + Fixed.EVT_ACCOUNT_U32] = i32[terms + Fixed.TERMS_ACCOUNT]!;
  }

  /** The header: what all events have. */
  #head(
    sink: EventRing,
    slot: number,
    kind: number,
    text: boolean,
    session: number,
  ): void {
    const i32 = sink.i32;
    const at = slot * Fixed.SLOT_WORDS;
    i32[at + Fixed.EVT_INDEX_U32] = this.#index++;
    i32[at + Fixed.EVT_SHAPE_WORD] = text
      ? Fixed.EVENT_SLOT_BYTES | kind << 16 | Fixed.EVT_FLAG_TEXT << 24
      : Fixed.EVENT_BASE_BYTES | kind << 16;
    sink.f64[slot * Fixed.SLOT_F64 + Fixed.EVT_SEQUENCE_F64] = this.stamp[0]!;
    i32[at + Fixed.EVT_TIME_LO_U32] = this.#timeLo;
    i32[at + Fixed.EVT_TIME_HI_U32] = this.#timeHi;
    i32[at + Fixed.EVT_SESSION_U32] = session;
    i32[at + Fixed.EVT_OUT_SEQUENCE_U32] = this
      .#sessions[session * Fixed.SESSION_WORDS + Fixed.SESSION_OUT_SEQUENCE]!;
    sink.f64[slot * Fixed.SLOT_F64 + Fixed.EVT_LAST_F64] = 0;
  }

  /** An order's own fields. @param status ordStatus | aggressor << 8. */
  #state(
    sink: EventRing,
    slot: number,
    order: number,
    why: number,
    status: number,
  ): void {
    const book = this.#book.i32;
    const state = this.#book.f64;
    const i32 = sink.i32;
    const f64 = sink.f64;
    const at = slot * Fixed.SLOT_WORDS;
    const half = slot * Fixed.SLOT_F64;
    const own = order >> 1;
    const quantity = state[own + Fixed.ORDER_QUANTITY_F64]!;
    const leaves = state[own + Fixed.ORDER_LEAVES_F64]!;
    i32[at + Fixed.EVT_WHAT_WORD] = book[order + Fixed.ORDER_KIND]!;
    i32[at + Fixed.EVT_WHY_WORD] =
      (book[order + Fixed.ORDER_OWNER]! >>> 24 & 0xf) | why;
    i32[at + Fixed.EVT_PRICE_I32] = book[order + Fixed.ORDER_PRICE]!;
    f64[half + Fixed.EVT_QUANTITY_F64] = quantity;
    f64[half + Fixed.EVT_ORDER_ID_F64] = state[own + Fixed.ORDER_ID_F64]!;
    f64[half + Fixed.EVT_REFERENCE_F64] =
      state[own + Fixed.ORDER_REFERENCE_F64]!;
    f64[half + Fixed.EVT_LEAVES_F64] =
      (status & 0xff) === Fixed.OrdStatus_CANCELED ||
        (status & 0xff) === Fixed.OrdStatus_EXPIRED
        ? 0
        : leaves;
    f64[half + Fixed.EVT_CUM_F64] = quantity - leaves;
    f64[half + Fixed.EVT_NOTIONAL_F64] = state[own + Fixed.ORDER_NOTIONAL_F64]!;
    i32[at + Fixed.EVT_STATUS_WORD] = status;
  }

  /** The order's own client order id, and none before it. */
  #ownText(sink: EventRing, at: number, order: number): void {
    const i32 = sink.i32;
    const texts = this.#texts;
    const from = this.#book.numberOf(order) * Fixed.CL_ORD_ID_WORDS;
    const to = at + Fixed.EVT_CL_ORD_ID_WORD;
    i32[to] = texts[from]!;
    i32[to + 1] = texts[from + 1]!;
    i32[to + 2] = texts[from + 2]!;
    i32[to + 3] = texts[from + 3]!;
    i32[to + 4] = texts[from + 4]!;
    for (let i = Fixed.EVT_ORIG_WORD; i < Fixed.TEXT_END_WORD; i++) {
      i32[at + i] = 0;
    }
  }

  /** Both client order ids of a request. */
  #requestText(
    sink: EventRing,
    at: number,
    command: CommandViews,
    from: number,
  ): void {
    const i32 = sink.i32;
    const to = at + Fixed.EVT_CL_ORD_ID_WORD;
    const texts = from + Fixed.CMD_CL_ORD_ID_WORD;
    for (let i = 0; i < Fixed.CL_ORD_ID_WORDS * 2; i++) {
      i32[to + i] = command.i32[texts + i]!;
    }
    for (
      let i = Fixed.EVT_ORIG_WORD + Fixed.CL_ORD_ID_WORDS;
      i < Fixed.TEXT_END_WORD;
      i++
    ) {
      i32[at + i] = 0;
    }
  }
}
