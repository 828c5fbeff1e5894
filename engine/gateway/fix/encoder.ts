// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Stored event records to FIX messages, straight into the transport's memory.
 *
 * ```
 *   8=FIX.4.4|9=nnn|35=8|34=7|49=..|56=..|[43=Y|]52=time|[122=time|] ... 10=nnn|
 * ```
 *
 * A message is a function of its record alone: the first sending carries the
 * event's time as SendingTime, so it can be made again at any time, byte by
 * byte. A resend says 43=Y, has the present in 52 and the event's time in 122.
 * The gateway's thread owns it; nothing allocates. It decides nothing.
 *
 * @module
 */
import {
  byteSum,
  byteSumWords,
  fourDigits,
  putDecimal,
  putDecimalWords,
  putUint,
  putUintWords,
  TimestampWriter,
  wordsOf,
} from "../../wire/fix/mod.ts";
import type { OutboundStore } from "../outbound_store.ts";
import type { Instruments } from "./instruments.ts";
import { MassEncoder } from "./mass_encoder.ts";
import type { Names } from "./names.ts";
import { charactersOf, piece, word } from "./pieces.ts";
import { SessionEncoder } from "./session_encoder.ts";
import type { FixSession } from "./session.ts";
import {
  CXL_REJ_REASON,
  ORD_REJ_REASON,
  REASON_TEXTS,
  RESTATEMENT_REASON,
} from "./texts.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CL_ORD_ID_BYTES = 20,
  EVT_ACCOUNT_U32 = 31,
  EVT_CL_ORD_ID_U8 = 128,
  EVT_CUM_F64 = 10,
  EVT_DETAIL_U8 = 37,
  EVT_FLAG_TEXT = 1,
  EVT_FLAGS_U8 = 7,
  EVT_INDEX_U32 = 0,
  EVT_INSTRUMENT_U16 = 16,
  EVT_KIND_U8 = 6,
  EVT_LAST_PRICE_I32 = 11,
  EVT_LAST_QUANTITY_F64 = 11,
  EVT_LEAVES_F64 = 9,
  EVT_MATCH_F64 = 14,
  EVT_NOTIONAL_F64 = 12,
  EVT_ORD_STATUS_U8 = 108,
  EVT_ORD_TYPE_U8 = 35,
  EVT_ORDER_ID_F64 = 7,
  EVT_ORIG_CL_ORD_ID_U8 = 148,
  EVT_OUT_SEQUENCE_U32 = 7,
  EVT_PRICE_I32 = 10,
  EVT_QUANTITY_F64 = 6,
  EVT_REASON_U16 = 19,
  EVT_SEQUENCE_F64 = 1,
  EVT_SIDE_U8 = 34,
  EVT_STOP_PRICE_I32 = 30,
  EVT_TIME_HI_U32 = 5,
  EVT_TIME_IN_FORCE_U8 = 36,
  EVT_TIME_LO_U32 = 4,
  TYPE_CANCEL_REJECT = 57,
  TYPE_EXECUTION_REPORT = 56,
  TYPE_MASS_CANCEL_REPORT = 114,
  TYPE_SEQUENCE_RESET = 52,
  NO_RESTATEMENT = 255,
  EventKind_ACCEPTED = 1,
  EventKind_REJECTED = 2,
  EventKind_FILLED = 3,
  EventKind_CANCELED = 4,
  EventKind_REPLACED = 5,
  EventKind_STATUS = 7,
  EventKind_CANCEL_REJECTED = 6,
  EventKind_PREVENTED = 8,
  EventKind_RESTATED = 13,
  EventKind_TRIGGERED = 9,
  EventKind_SESSION_MESSAGE = 22,
  EventKind_MASS_CANCELED = 12,
  EventKind_KILLED = 14,
  EventKind_UNLOCKED = 15,
  OrdStatus_EXPIRED = 67,
  OrdStatus_REJECTED = 56,
  OrdType_MARKET_TO_LIMIT = 5,
  OrdType_TRAILING_STOP = 6,
  OrdType_PEG_PRIMARY = 7,
  OrdType_PEG_MARKET = 8,
  OrdType_PEG_MIDPOINT = 9,
  OrdType_LIMIT = 2,
  Reason_NONE = 0,
  Reason_CANCELED_BY_CLIENT = 203,
  Reason_SELF_TRADE = 207,
  Reason_UNKNOWN_INSTRUMENT = 1,
  Reason_TOO_LATE = 26,
  StpMode_DECREMENT = 4,
  TimeInForce_GOOD_FOR_AUCTION = 11,
}

/** No message that is sent is longer. */
export const MESSAGE_BYTES_MAX = 1024;
/** `encode()`: send it for the first time. */
export const FIRST_TIME = -1;

const SOH = 1;
const EQUALS = 0x3d;

const HEAD = piece("8=FIX.4.4|9=000|35=");
/** All of a report before its number: six words. */
const REPORT_HEAD = piece("8=FIX.4.4|9=000|35=8|34=");
const HEAD_0 = REPORT_HEAD[1]!;
const HEAD_1 = REPORT_HEAD[2]!;
const HEAD_2 = REPORT_HEAD[3]!;
const HEAD_3 = REPORT_HEAD[4]!;
const HEAD_4 = REPORT_HEAD[5]!;
const HEAD_5 = REPORT_HEAD[6]!;
/** "10=", and a place for a digit. */
const TRAILER = word("10=");
/** From the start of a message: digits of BodyLength, first byte it counts. */
const LENGTH_AT = 12;
const BODY_AT = 16;
const POSS_DUP = piece("43=Y|52=");
const TAG_1 = word("|1=");
const TAG_6 = word("|6=");
const TAG_11 = word("|11=");
const TAG_14 = word("|14=");
const TAG_17 = word("|17=");
const TAG_18 = word("|18=");
const TAG_31 = word("|31=");
const TAG_32 = word("|32=");
const TAG_34 = word("|34=");
const TAG_37 = word("|37=");
const TAG_38 = word("|38=");
const TAG_39 = word("|39=");
const TAG_40 = word("|40=");
const TAG_41 = word("|41=");
const TAG_44 = word("|44=");
const TAG_54 = word("|54=");
const TAG_58 = word("|58=");
const TAG_59 = word("|59=");
const TAG_60 = word("|60=");
const TAG_99 = word("|99=");
const TAG_102 = word("|102");
const TAG_103 = word("|103");
const TAG_122 = word("|122");
const TAG_151 = word("|151");
const TAG_378 = word("|378");
const TAG_434 = word("|434");
const TAG_790 = word("|790");
const TAG_52 = word("52=");
const NO_ORDER_ID = piece("NONE");
const PREVENTED_QUANTITY = piece("|20006=");
const PREVENTED_PRICE = piece("|20007=");
const PREVENTED_MATCH = piece("|20008=");
const STATES = piece("|150=0|39=0|55=");
const EXEC_TYPE_AT = 5;
const ORD_STATUS_AT = 10;
/** Codes below this are digits. */
const DIGITS = 10;
const GAP_FILL = piece("|123=Y|36=");

// ExecRestatementReason (378).
const RESTATED_PRICE = 3;
const RESTATED_QUANTITY = 5;
const RESTATED_OTHER = 99;

/** Average prices that are not exact get this many decimals more. */
const AVERAGE_DECIMALS = 4;
const AVERAGE_SCALE = 10 ** AVERAGE_DECIMALS;

/** ExecType (tag 150) by `EventKind`. */
const EXEC_TYPE: Uint8Array = (() => {
  const types = new Uint8Array(32);
  types[Fixed.EventKind_ACCEPTED] = 0x30;
  types[Fixed.EventKind_REJECTED] = 0x38;
  types[Fixed.EventKind_FILLED] = 0x46;
  types[Fixed.EventKind_CANCELED] = 0x34;
  types[Fixed.EventKind_REPLACED] = 0x35;
  types[Fixed.EventKind_STATUS] = 0x49;
  types[Fixed.EventKind_CANCEL_REJECTED] = 0x49;
  types[Fixed.EventKind_PREVENTED] = 0x44;
  types[Fixed.EventKind_RESTATED] = 0x44;
  types[Fixed.EventKind_TRIGGERED] = 0x4c;
  return types;
})();
const EXEC_TYPE_EXPIRED = 0x43;

/** OrdType (tag 40) by code; one that is not ours stands for itself. */
const ORD_TYPES = charactersOf({
  [Fixed.OrdType_MARKET_TO_LIMIT]: "K",
  [Fixed.OrdType_TRAILING_STOP]: "P",
  [Fixed.OrdType_PEG_PRIMARY]: "P",
  [Fixed.OrdType_PEG_MARKET]: "P",
  [Fixed.OrdType_PEG_MIDPOINT]: "P",
});
/** ExecInst (tag 18) by code of the order type: what 40=P stands for. */
const PEGS = charactersOf({
  [Fixed.OrdType_TRAILING_STOP]: "a",
  [Fixed.OrdType_PEG_PRIMARY]: "R",
  [Fixed.OrdType_PEG_MARKET]: "P",
  [Fixed.OrdType_PEG_MIDPOINT]: "M",
});
/** TimeInForce (tag 59) by code. */
const TIMES_IN_FORCE = charactersOf({
  [Fixed.TimeInForce_GOOD_FOR_AUCTION]: "B",
});

// The same as in `pieces.ts`: what is imported is reached through a cell, and
// these run twenty times for each report.

/** Writes `wordsOfText()`; returns the end of the text. */
function putPiece(view: DataView, p: number, text: Int32Array): number {
  const words = text.length;
  for (let i = 1, q = p; i < words; i++, q += 4) {
    view.setInt32(q, text[i]!, true);
  }
  return p + text[0]!;
}

/** A tag of one digit with SOH and "=", all in one word. */
function putTag1(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  return p + 3;
}

/** The same for two digits. */
function putTag2(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  return p + 4;
}

/** The same for three digits, "=" apart. */
function putTag3(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  view.setInt8(p + 4, EQUALS);
  return p + 5;
}

/** Copies up to `max` bytes, to the first zero. */
function putText(
  bytes: Uint8Array,
  p: number,
  source: Uint8Array,
  from: number,
  max: number,
): number {
  for (let i = 0; i < max; i++) {
    const c = source[from + i]!;
    if (c === 0) return p + i;
    bytes[p + i] = c;
  }
  return p + max;
}

/** Makes messages. One for each gateway. */
export class FixEncoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #instruments: Instruments;
  readonly #accounts: Names;
  readonly #eventTime = new TimestampWriter();
  readonly #nowTime = new TimestampWriter();
  readonly #session: SessionEncoder;
  readonly #mass: MassEncoder;

  /** @param bytes The transport's memory; messages are written into it. */
  constructor(bytes: Uint8Array, instruments: Instruments, accounts: Names) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#words = wordsOf(bytes);
    this.#instruments = instruments;
    this.#accounts = accounts;
    this.#session = new SessionEncoder(bytes, this.#view);
    this.#mass = new MassEncoder(
      bytes,
      this.#view,
      instruments,
      this.#eventTime,
    );
  }

  /**
   * Writes the message of the record at byte `record` of `store`.
   *
   * @param at Where; `MESSAGE_BYTES_MAX` bytes must be free.
   * @param resendMs Now, if it is a resend, or `FIRST_TIME`.
   * @returns Bytes written.
   */
  encode(
    session: FixSession,
    store: OutboundStore,
    record: number,
    at: number,
    resendMs: number,
  ): number {
    const kind = store.u8[record + Fixed.EVT_KIND_U8]!;
    if (
      resendMs === FIRST_TIME && kind <= Fixed.EventKind_FILLED &&
      this.#isPlain(store, record)
    ) return this.#plainReport(session, store, record, at, kind);
    const p = kind <= Fixed.EventKind_REPLACED
      ? this.#executionReport(session, store, record, at, resendMs)
      : this.#other(session, store, record, at, resendMs);
    return this.#finish(at, p);
  }

  /**
   * True for what is told most: of a limit or market order on a known
   * instrument, under one id, without account and without a reason.
   */
  #isPlain(store: OutboundStore, record: number): boolean {
    const { u8, u16, u32, f64 } = store;
    const ordType = u8[record + Fixed.EVT_ORD_TYPE_U8]!;
    return ordType !== 0 && ordType <= Fixed.OrdType_LIMIT &&
      (u8[record + Fixed.EVT_FLAGS_U8]! & Fixed.EVT_FLAG_TEXT) !== 0 &&
      u8[record + Fixed.EVT_ORIG_CL_ORD_ID_U8] === 0 &&
      u16[(record >>> 1) + Fixed.EVT_REASON_U16] === Fixed.Reason_NONE &&
      u32[(record >>> 2) + Fixed.EVT_ACCOUNT_U32] === 0 &&
      u8[record + Fixed.EVT_SIDE_U8]! < DIGITS &&
      u8[record + Fixed.EVT_TIME_IN_FORCE_U8]! < DIGITS &&
      f64[(record >>> 3) + Fixed.EVT_ORDER_ID_F64]! > 0 &&
      f64[(record >>> 3) + Fixed.EVT_QUANTITY_F64]! > 0 &&
      this.#instruments.has(u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!);
  }

  /** What `#executionReport()` makes of a plain record, with less asking. */
  #plainReport(
    session: FixSession,
    store: OutboundStore,
    record: number,
    at: number,
    kind: number,
  ): number {
    const v = this.#view;
    const { u8, u32, f64 } = store;
    const word = record >>> 2;
    const half = record >>> 3;
    v.setInt32(at, HEAD_0, true);
    v.setInt32(at + 4, HEAD_1, true);
    v.setInt32(at + 8, HEAD_2, true);
    v.setInt32(at + 12, HEAD_3, true);
    v.setInt32(at + 16, HEAD_4, true);
    v.setInt32(at + 20, HEAD_5, true);
    let p = putUintWords(v, at + 24, u32[word + Fixed.EVT_OUT_SEQUENCE_U32]!);
    p = putPiece(v, p, session.headerTo52);
    p = this.#eventTimeAt(store, record, p);
    p = putTag2(v, p, TAG_37);
    p = putUintWords(v, p, f64[half + Fixed.EVT_ORDER_ID_F64]!);
    p = putTag2(v, p, TAG_11);
    p = this.#clOrdId(store, record, p);
    p = putTag2(v, p, TAG_17);
    p = putUintWords(v, p, f64[half + Fixed.EVT_SEQUENCE_F64]!);
    v.setInt8(p, 0x2d);
    p = putUintWords(v, p + 1, u32[word + Fixed.EVT_INDEX_U32]!);
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    const states = p;
    p = putPiece(v, p, STATES);
    v.setInt8(states + EXEC_TYPE_AT, EXEC_TYPE[kind]!);
    v.setInt8(states + ORD_STATUS_AT, u8[record + Fixed.EVT_ORD_STATUS_U8]!);
    p = putPiece(v, p, this.#instruments.symbolWords[instrument]!);
    p = putTag2(v, p, TAG_54);
    v.setInt8(p, 48 + u8[record + Fixed.EVT_SIDE_U8]!);
    p = putTag2(v, p + 1, TAG_38);
    p = this.#lots(p, instrument, f64[half + Fixed.EVT_QUANTITY_F64]!);
    p = putTag2(v, p, TAG_40);
    v.setInt8(p, 48 + u8[record + Fixed.EVT_ORD_TYPE_U8]!);
    p++;
    const price = store.i32[word + Fixed.EVT_PRICE_I32]!;
    if (price > 0) p = this.#ticks(putTag2(v, p, TAG_44), instrument, price);
    p = putTag2(v, p, TAG_59);
    v.setInt8(p, 48 + u8[record + Fixed.EVT_TIME_IN_FORCE_U8]!);
    p = this.#plainProgress(store, record, p + 1, kind, instrument);
    p = putTag2(v, p, TAG_60);
    p = this.#eventTimeAt(store, record, p);
    return this.#finishShort(at, p);
  }

  /** 32, 31, 151, 14, 6 of a plain report. */
  #plainProgress(
    store: OutboundStore,
    record: number,
    start: number,
    kind: number,
    instrument: number,
  ): number {
    const v = this.#view;
    const f64 = store.f64;
    const half = record >>> 3;
    let p = start;
    if (kind === Fixed.EventKind_FILLED) {
      p = putTag2(v, p, TAG_32);
      p = this.#lots(
        p,
        instrument,
        f64[half + Fixed.EVT_LAST_QUANTITY_F64]!,
      );
      p = putTag2(v, p, TAG_31);
      p = this.#ticks(
        p,
        instrument,
        store.i32[(record >>> 2) + Fixed.EVT_LAST_PRICE_I32]!,
      );
    }
    const leaves = f64[half + Fixed.EVT_LEAVES_F64]!;
    p = putTag3(v, p, TAG_151);
    p = leaves > 0 ? this.#lots(p, instrument, leaves) : this.#zero(p);
    const cum = f64[half + Fixed.EVT_CUM_F64]!;
    p = putTag2(v, p, TAG_14);
    if (cum === 0) return this.#zero(putTag1(v, this.#zero(p), TAG_6));
    p = putTag1(v, this.#lots(p, instrument, cum), TAG_6);
    const average = f64[half + Fixed.EVT_NOTIONAL_F64]! / cum;
    return Math.floor(average) === average
      ? this.#ticks(p, instrument, average)
      : this.#average(p, instrument, average);
  }

  #zero(p: number): number {
    this.#view.setInt8(p, 48);
    return p + 1;
  }

  /** `#quantity()` by words. */
  #lots(p: number, instrument: number, lots: number): number {
    const { lotUnits, lotDecimals } = this.#instruments;
    return putDecimalWords(
      this.#bytes,
      this.#view,
      p,
      lots * lotUnits[instrument]!,
      lotDecimals[instrument]!,
    );
  }

  /** `#price()` by words. */
  #ticks(p: number, instrument: number, ticks: number): number {
    const { priceUnits, priceDecimals } = this.#instruments;
    return putDecimalWords(
      this.#bytes,
      this.#view,
      p,
      ticks * priceUnits[instrument]!,
      priceDecimals[instrument]!,
    );
  }

  /** The id as words; how long it is shows where its first zero is. */
  #clOrdId(store: OutboundStore, record: number, p: number): number {
    const v = this.#view;
    const i32 = store.i32;
    const from = (record + Fixed.EVT_CL_ORD_ID_U8) >>> 2;
    for (let word = 0, q = p;; word++, q += 4) {
      const four = i32[from + word]!;
      v.setInt32(q, four, true);
      // Exact for the lowest zero, which is all that is asked for.
      const zeros = (four - 0x01010101) & ~four & 0x80808080;
      if (zeros !== 0) return q + ((31 - Math.clz32(zeros & -zeros)) >>> 3);
      if (word === Fixed.CL_ORD_ID_BYTES / 4 - 1) return q + 4;
    }
  }

  /** `#finish()` of a message that is known to be short. */
  #finishShort(at: number, end: number): number {
    const v = this.#view;
    // SOH, and zeros as far as the sum reads.
    v.setInt32(end, SOH, true);
    v.setInt32(end + 4, 0, true);
    v.setInt32(end + 8, 0, true);
    v.setInt32(end + 12, 0, true);
    v.setInt32(end + 16, 0, true);
    const p = end + 1;
    const length = fourDigits(p - at - BODY_AT) >>> 8;
    v.setInt32(at + LENGTH_AT, length | SOH << 24, true);
    const sum = fourDigits(byteSumWords(v, at, p)) >>> 8;
    v.setInt32(p, TRAILER | (sum & 0xff) << 24, true);
    v.setInt32(p + 4, sum >>> 8 | SOH << 16, true);
    return p + 7 - at;
  }

  /** All that is no plain ExecutionReport. */
  #other(
    session: FixSession,
    store: OutboundStore,
    record: number,
    at: number,
    resendMs: number,
  ): number {
    const kind = store.u8[record + Fixed.EVT_KIND_U8]!;
    const detail = store.u8[record + Fixed.EVT_DETAIL_U8]!;
    if (kind === Fixed.EventKind_CANCEL_REJECTED && detail !== 4) {
      return this.#cancelReject(session, store, record, at, resendMs);
    }
    if (kind === Fixed.EventKind_SESSION_MESSAGE) {
      const p = this.#start(session, store, record, detail, at, resendMs);
      return detail === Fixed.TYPE_MASS_CANCEL_REPORT
        ? this.#mass.refusal(store, record, p)
        : this.#session.put(store, record, detail, p);
    }
    if (
      kind === Fixed.EventKind_MASS_CANCELED ||
      kind === Fixed.EventKind_KILLED ||
      kind === Fixed.EventKind_UNLOCKED
    ) {
      const type = Fixed.TYPE_MASS_CANCEL_REPORT;
      const p = this.#start(session, store, record, type, at, resendMs);
      return this.#mass.report(store, record, p);
    }
    return this.#executionReport(session, store, record, at, resendMs);
  }

  /** Writes a SequenceReset-GapFill that stands for `[from, to)`. */
  gapFill(
    session: FixSession,
    from: number,
    to: number,
    nowMs: number,
    at: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    let p = this.#header(session, Fixed.TYPE_SEQUENCE_RESET, from, at);
    p = putPiece(v, p, POSS_DUP);
    p = this.#nowTime.put(v, p, nowMs);
    p = putTag3(v, p, TAG_122);
    p = this.#nowTime.put(v, p, nowMs);
    p = putPiece(v, p, GAP_FILL);
    p = putUint(b, p, to);
    return this.#finish(at, p);
  }

  #header(
    session: FixSession,
    type: number,
    number: number,
    at: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    let p = putPiece(v, at, HEAD);
    b[p++] = type;
    p = putTag2(v, p, TAG_34);
    p = putUint(b, p, number);
    return putPiece(v, p, session.header);
  }

  /** Header with times, as far as before the body. */
  #start(
    session: FixSession,
    store: OutboundStore,
    record: number,
    type: number,
    at: number,
    resendMs: number,
  ): number {
    const v = this.#view;
    const u32 = store.u32;
    const word = record >>> 2;
    let p = this.#header(
      session,
      type,
      u32[word + Fixed.EVT_OUT_SEQUENCE_U32]!,
      at,
    );
    if (resendMs === FIRST_TIME) {
      p = putTag1(v, p, TAG_52);
      return this.#eventTimeAt(store, record, p);
    }
    p = putPiece(v, p, POSS_DUP);
    p = this.#nowTime.put(v, p, resendMs);
    p = putTag3(v, p, TAG_122);
    return this.#eventTimeAt(store, record, p);
  }

  /** Closes the body, fills in BodyLength, adds CheckSum; returns the length. */
  #finish(at: number, end: number): number {
    const b = this.#bytes;
    b[end] = SOH;
    let p = end + 1;
    const length = p - at - BODY_AT;
    b[at + LENGTH_AT] = 48 + (length / 100 | 0);
    b[at + LENGTH_AT + 1] = 48 + (length / 10 | 0) % 10;
    b[at + LENGTH_AT + 2] = 48 + length % 10;
    const sum = byteSum(b, this.#words, at, p);
    b[p] = 0x31;
    b[p + 1] = 0x30;
    b[p + 2] = 0x3d;
    b[p + 3] = 48 + (sum / 100 | 0);
    b[p + 4] = 48 + (sum / 10 | 0) % 10;
    b[p + 5] = 48 + sum % 10;
    b[p + 6] = SOH;
    p += 7;
    return p - at;
  }

  #executionReport(
    session: FixSession,
    store: OutboundStore,
    record: number,
    at: number,
    resendMs: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const { u8, u16, f64 } = store;
    const half = record >>> 3;
    const kind = u8[record + Fixed.EVT_KIND_U8]!;
    const reason = u16[(record >>> 1) + Fixed.EVT_REASON_U16]!;
    let p = this.#start(
      session,
      store,
      record,
      Fixed.TYPE_EXECUTION_REPORT,
      at,
      resendMs,
    );
    p = this.#ids(store, record, p, kind);
    p = putTag2(v, p, TAG_17);
    p = putUint(b, p, f64[half + Fixed.EVT_SEQUENCE_F64]!);
    b[p++] = 0x2d;
    p = putUint(b, p, store.u32[(record >>> 2) + Fixed.EVT_INDEX_U32]!);
    const states = p;
    p = this.#status(store, record, p, kind);
    p = this.#terms(store, record, p);
    p = this.#progress(store, record, p, kind);
    p = putTag2(v, p, TAG_60);
    p = this.#eventTimeAt(store, record, p);
    return kind < Fixed.EventKind_PREVENTED &&
        (reason === Fixed.Reason_NONE ||
          reason === Fixed.Reason_CANCELED_BY_CLIENT)
      ? p
      : this.#why(store, record, states, p);
  }

  /**
   * What makes a report out of the ordinary: 378, 58, 103.
   *
   * @param states Where 150 and 39 are.
   */
  #why(
    store: OutboundStore,
    record: number,
    states: number,
    start: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const kind = store.u8[record + Fixed.EVT_KIND_U8]!;
    if (kind >= Fixed.EventKind_PREVENTED) {
      return this.#change(store, record, start, kind);
    }
    const reason = store.u16[(record >>> 1) + Fixed.EVT_REASON_U16]!;
    const status = store.u8[record + Fixed.EVT_ORD_STATUS_U8];
    const p = putPiece(v, putTag2(v, start, TAG_58), REASON_TEXTS[reason]!);
    if (status === Fixed.OrdStatus_EXPIRED) {
      b[states + EXEC_TYPE_AT] = EXEC_TYPE_EXPIRED;
    } else if (status === Fixed.OrdStatus_REJECTED) {
      return putUint(b, putTag3(v, p, TAG_103), ORD_REJ_REASON[reason]!);
    }
    const restatement = RESTATEMENT_REASON[reason]!;
    return kind === Fixed.EventKind_CANCELED &&
        restatement !== Fixed.NO_RESTATEMENT
      ? putUint(b, putTag3(v, p, TAG_378), restatement)
      : p;
  }

  /** 378, what a prevented match was, 58. */
  #change(
    store: OutboundStore,
    record: number,
    start: number,
    kind: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    if (kind === Fixed.EventKind_RESTATED) {
      return putUint(b, putTag3(v, start, TAG_378), RESTATED_PRICE);
    }
    if (kind !== Fixed.EventKind_PREVENTED) return start;
    const half = record >>> 3;
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    // Without a mode, an order that has nothing left was decremented.
    const shrinks =
      store.u8[record + Fixed.EVT_DETAIL_U8]! >= Fixed.StpMode_DECREMENT ||
      store.f64[half + Fixed.EVT_LEAVES_F64] === 0;
    let p = putUint(
      b,
      putTag3(v, start, TAG_378),
      shrinks ? RESTATED_QUANTITY : RESTATED_OTHER,
    );
    p = this.#quantity(
      putPiece(v, p, PREVENTED_QUANTITY),
      instrument,
      store.f64[half + Fixed.EVT_LAST_QUANTITY_F64]!,
    );
    p = this.#price(
      putPiece(v, p, PREVENTED_PRICE),
      instrument,
      store.i32[(record >>> 2) + Fixed.EVT_LAST_PRICE_I32]!,
    );
    p = putUint(
      b,
      putPiece(v, p, PREVENTED_MATCH),
      store.f64[half + Fixed.EVT_MATCH_F64]!,
    );
    return putPiece(
      v,
      putTag2(v, p, TAG_58),
      REASON_TEXTS[Fixed.Reason_SELF_TRADE]!,
    );
  }

  #eventTimeAt(store: OutboundStore, record: number, p: number): number {
    const word = record >>> 2;
    return this.#eventTime.putNanoseconds(
      this.#view,
      p,
      store.i32[word + Fixed.EVT_TIME_LO_U32]!,
      store.i32[word + Fixed.EVT_TIME_HI_U32]!,
    );
  }

  /** 37, 11, 41; for a status 790 instead of 41. */
  #ids(
    store: OutboundStore,
    record: number,
    start: number,
    kind: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const u8 = store.u8;
    const orderId = store.f64[(record >>> 3) + Fixed.EVT_ORDER_ID_F64]!;
    let p = putTag2(v, start, TAG_37);
    p = orderId === 0 ? putPiece(v, p, NO_ORDER_ID) : putUint(b, p, orderId);
    if ((u8[record + Fixed.EVT_FLAGS_U8]! & Fixed.EVT_FLAG_TEXT) === 0) {
      return p;
    }
    p = putTag2(v, p, TAG_11);
    p = putText(
      b,
      p,
      u8,
      record + Fixed.EVT_CL_ORD_ID_U8,
      Fixed.CL_ORD_ID_BYTES,
    );
    const other = record + Fixed.EVT_ORIG_CL_ORD_ID_U8;
    // A refused new order or status keeps a symbol that is unknown there.
    if (u8[other] === 0 || this.#symbolInText(store, record, kind)) return p;
    p = kind === Fixed.EventKind_STATUS
      ? putTag3(v, p, TAG_790)
      : putTag2(v, p, TAG_41);
    return putText(b, p, u8, other, Fixed.CL_ORD_ID_BYTES);
  }

  #symbolInText(store: OutboundStore, record: number, kind: number): boolean {
    return store.u16[(record >>> 1) + Fixed.EVT_REASON_U16] ===
        Fixed.Reason_UNKNOWN_INSTRUMENT &&
      (kind === Fixed.EventKind_REJECTED ||
        kind === Fixed.EventKind_CANCEL_REJECTED);
  }

  /** 150, 39, 55, 54, 38: how the order stands. */
  #status(
    store: OutboundStore,
    record: number,
    start: number,
    kind: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const u8 = store.u8;
    const instruments = this.#instruments;
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    const known = instruments.has(instrument);
    let p = putPiece(v, start, STATES);
    b[start + EXEC_TYPE_AT] = EXEC_TYPE[kind]!;
    b[start + ORD_STATUS_AT] = u8[record + Fixed.EVT_ORD_STATUS_U8]!;
    p = known ? putPiece(v, p, instruments.symbolWords[instrument]!) : putText(
      b,
      p,
      u8,
      record + Fixed.EVT_ORIG_CL_ORD_ID_U8,
      Fixed.CL_ORD_ID_BYTES,
    );
    p = putTag2(v, p, TAG_54);
    const side = u8[record + Fixed.EVT_SIDE_U8]!;
    b[p++] = side < DIGITS ? 48 + side : side;
    const quantity = store.f64[(record >>> 3) + Fixed.EVT_QUANTITY_F64]!;
    return known && quantity > 0
      ? this.#quantity(putTag2(v, p, TAG_38), instrument, quantity)
      : p;
  }

  /** 40, 44, 59, and what `#special()` adds: what the order is. */
  #terms(store: OutboundStore, record: number, start: number): number {
    const b = this.#bytes;
    const v = this.#view;
    const u8 = store.u8;
    const ordType = u8[record + Fixed.EVT_ORD_TYPE_U8]!;
    if (ordType === 0) return start;
    const word = record >>> 2;
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    let p = putTag2(v, start, TAG_40);
    b[p++] = ordType <= Fixed.OrdType_LIMIT
      ? 48 + ordType
      : ORD_TYPES[ordType]!;
    const price = store.i32[word + Fixed.EVT_PRICE_I32]!;
    if (price > 0 && this.#instruments.has(instrument)) {
      p = this.#price(putTag2(v, p, TAG_44), instrument, price);
    }
    if (
      ordType > Fixed.OrdType_LIMIT ||
      store.u32[word + Fixed.EVT_ACCOUNT_U32] !== 0
    ) p = this.#special(store, record, p, ordType);
    p = putTag2(v, p, TAG_59);
    const time = u8[record + Fixed.EVT_TIME_IN_FORCE_U8]!;
    b[p++] = time < DIGITS ? 48 + time : TIMES_IN_FORCE[time]!;
    return p;
  }

  /** 18, 99, 1, as far as the event has them. */
  #special(
    store: OutboundStore,
    record: number,
    start: number,
    ordType: number,
  ): number {
    const v = this.#view;
    const word = record >>> 2;
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    let p = start;
    if (
      ordType >= Fixed.OrdType_TRAILING_STOP &&
      ordType <= Fixed.OrdType_PEG_MIDPOINT
    ) {
      p = putTag2(v, p, TAG_18);
      this.#bytes[p++] = PEGS[ordType]!;
    }
    const stop = store.i32[word + Fixed.EVT_STOP_PRICE_I32]!;
    if (stop > 0 && this.#instruments.has(instrument)) {
      p = this.#price(putTag2(v, p, TAG_99), instrument, stop);
    }
    const name = this.#accounts.words[store.u32[word + Fixed.EVT_ACCOUNT_U32]!];
    return name === undefined ? p : putPiece(v, putTag1(v, p, TAG_1), name);
  }

  /** 32, 31, 151, 14, 6: how far the order is. */
  #progress(
    store: OutboundStore,
    record: number,
    start: number,
    kind: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const f64 = store.f64;
    const half = record >>> 3;
    const instrument = store.u16[(record >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
    let p = start;
    if (kind === Fixed.EventKind_FILLED) {
      p = putTag2(v, p, TAG_32);
      p = this.#quantity(
        p,
        instrument,
        f64[half + Fixed.EVT_LAST_QUANTITY_F64]!,
      );
      p = putTag2(v, p, TAG_31);
      p = this.#price(
        p,
        instrument,
        store.i32[(record >>> 2) + Fixed.EVT_LAST_PRICE_I32]!,
      );
    }
    p = this.#amount(
      putTag3(v, p, TAG_151),
      instrument,
      f64[half + Fixed.EVT_LEAVES_F64]!,
    );
    const cum = f64[half + Fixed.EVT_CUM_F64]!;
    p = this.#amount(putTag2(v, p, TAG_14), instrument, cum);
    p = putTag1(v, p, TAG_6);
    if (cum === 0) {
      b[p] = 48;
      return p + 1;
    }
    return this.#average(
      p,
      instrument,
      f64[half + Fixed.EVT_NOTIONAL_F64]! / cum,
    );
  }

  /** A quantity that may be 0, then without decimals. */
  #amount(p: number, instrument: number, lots: number): number {
    if (lots > 0) return this.#quantity(p, instrument, lots);
    this.#bytes[p] = 48;
    return p + 1;
  }

  #quantity(p: number, instrument: number, lots: number): number {
    const { lotUnits, lotDecimals } = this.#instruments;
    return putDecimal(
      this.#bytes,
      p,
      lots * lotUnits[instrument]!,
      lotDecimals[instrument]!,
    );
  }

  #price(p: number, instrument: number, ticks: number): number {
    const { priceUnits, priceDecimals } = this.#instruments;
    return putDecimal(
      this.#bytes,
      p,
      ticks * priceUnits[instrument]!,
      priceDecimals[instrument]!,
    );
  }

  /** AvgPx: exact ticks as a price, otherwise with more decimals, rounded. */
  #average(p: number, instrument: number, ticks: number): number {
    if (Math.floor(ticks) === ticks) return this.#price(p, instrument, ticks);
    const { priceUnits, priceDecimals } = this.#instruments;
    return putDecimal(
      this.#bytes,
      p,
      Math.round(ticks * priceUnits[instrument]! * AVERAGE_SCALE),
      priceDecimals[instrument]! + AVERAGE_DECIMALS,
    );
  }

  #cancelReject(
    session: FixSession,
    store: OutboundStore,
    record: number,
    at: number,
    resendMs: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const u8 = store.u8;
    const reason = store.u16[(record >>> 1) + Fixed.EVT_REASON_U16]!;
    let p = this.#start(
      session,
      store,
      record,
      Fixed.TYPE_CANCEL_REJECT,
      at,
      resendMs,
    );
    p = this.#ids(store, record, p, 0);
    p = putTag2(v, p, TAG_39);
    // A gateway that knew how the order ended says so in the order type.
    b[p++] = reason === Fixed.Reason_TOO_LATE
      ? u8[record + Fixed.EVT_ORD_TYPE_U8]!
      : u8[record + Fixed.EVT_ORD_STATUS_U8]!;
    p = putTag2(v, p, TAG_60);
    p = this.#eventTimeAt(store, record, p);
    p = putTag3(v, p, TAG_434);
    b[p++] = u8[record + Fixed.EVT_DETAIL_U8] === 2 ? 0x31 : 0x32;
    p = putUint(b, putTag3(v, p, TAG_102), CXL_REJ_REASON[reason]!);
    return putPiece(v, putTag2(v, p, TAG_58), REASON_TEXTS[reason]!);
  }
}
