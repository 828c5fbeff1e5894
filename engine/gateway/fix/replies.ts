// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands of the FIX gateway: slots of the command ring, filled in.
 *
 * Session messages travel as SESSION_MESSAGE; what each keeps where is said at
 * its method, and the encoder reads it back from the event. The gateway's
 * thread owns it; nothing allocates for an order. Callers ask `hasRoom()`
 * before a client's message is looked at, so a message never half happens.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import {
  CL_ORD_ID_BYTES,
  CMD_DETAIL_U8,
  CMD_FLAGS_U8,
  CMD_INSTRUMENT_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_SIDE_U8,
  CMD_TEXT_U8,
  CommandKind,
  TEXT_BYTES,
} from "../../record/mod.ts";
import { RING_FULL, type SpscRing } from "../../ring/mod.ts";
import { type FixParser, RejectReason, Slot } from "../../wire/fix/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import {
  REF_TYPE_BYTES,
  TYPE_BUSINESS_REJECT,
  TYPE_HEARTBEAT,
  TYPE_LOGON,
  TYPE_LOGOUT,
  TYPE_MASS_CANCEL_REPORT,
  TYPE_REJECT,
  TYPE_RESEND_REQUEST,
  TYPE_TEST_REQUEST,
} from "./message_types.ts";
import type { FixConnection, FixSession } from "./session.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CMD_IN_SEQUENCE_U32 = 7,
  CMD_KIND_U8 = 6,
  CMD_LENGTH_U16 = 2,
  CMD_RECEIVE_TIME_HI_U32 = 29,
  CMD_RECEIVE_TIME_LO_U32 = 28,
  CMD_SESSION_U32 = 6,
  COMMAND_SLOT_BYTES = 192,
  COMMAND_TEXT_BYTES = 128,
  SLOT_WORDS = COMMAND_SLOT_BYTES >> 2,
  CLEARED_WORDS = COMMAND_TEXT_BYTES >> 2,
  CommandKind_DEFINE_INSTRUMENT = 10,
}

/** Commands that one message of a client can cause at most. */
export const COMMANDS_PER_MESSAGE_MAX = 4;

const NO_TEXT = new Uint8Array(0);

/** Fills command slots. One for each gateway. */
export class Replies {
  /** The ring's memory and the byte at which the newest slot starts. */
  readonly ring: SpscRing;
  at = 0;
  /** Commands made so far, modulo 2^30. */
  count = 0;
  readonly #context: GatewayContext;
  readonly #parser: FixParser;
  #room = 0;

  constructor(context: GatewayContext, parser: FixParser) {
    this.#context = context;
    this.ring = context.commands;
    this.#parser = parser;
  }

  /** Others use the ring too: count its free slots anew. */
  refresh(): void {
    this.#room = this.ring.free();
  }

  /** True if a whole message can be answered. */
  hasRoom(): boolean {
    if (this.#room >= COMMANDS_PER_MESSAGE_MAX) return true;
    this.#room = this.ring.free();
    return this.#room >= COMMANDS_PER_MESSAGE_MAX;
  }

  /** Takes a slot, clears it up to the terms and fills in what all commands have. */
  begin(kind: number, session: FixSession, inSequence: number): void {
    const slot = this.ring.claim();
    assert(slot !== RING_FULL, "a command slot was taken without asking");
    this.#room--;
    this.count = (this.count + 1) & 0x3fffffff;
    const { i32, u32, u16, u8 } = this.ring;
    const at = slot * Fixed.COMMAND_SLOT_BYTES;
    const word = slot * Fixed.SLOT_WORDS;
    for (let i = 0; i < Fixed.CLEARED_WORDS; i++) i32[word + i] = 0;
    u16[(at >>> 1) + Fixed.CMD_LENGTH_U16] = Fixed.COMMAND_TEXT_BYTES;
    u8[at + Fixed.CMD_KIND_U8] = kind;
    u32[word + Fixed.CMD_SESSION_U32] = session.index;
    u32[word + Fixed.CMD_IN_SEQUENCE_U32] = inSequence;
    const { lo, hi } = this.#context.now;
    // The text of a session's command reaches into this place.
    if (kind < Fixed.CommandKind_DEFINE_INSTRUMENT) {
      u32[word + Fixed.CMD_RECEIVE_TIME_LO_U32] = lo;
      u32[word + Fixed.CMD_RECEIVE_TIME_HI_U32] = hi;
    }
    this.at = at;
  }

  /** A client is there: detail 1 = both numbers restart. */
  logon(session: FixSession, inSequence: number, reset: boolean): void {
    this.begin(CommandKind.SESSION_LOGON, session, inSequence);
    this.ring.u8[this.at + CMD_DETAIL_U8] = reset ? 1 : 0;
  }

  /** A client is gone. */
  loggedOut(session: FixSession): void {
    this.begin(CommandKind.SESSION_LOGOUT, session, session.expected - 1);
  }

  /** Logon: price = HeartBtInt, reason = 1 for a reset, reference = nonce. */
  logonAnswer(
    session: FixSession,
    connection: FixConnection,
    inSequence: number,
    reset: boolean,
  ): void {
    this.#message(session, TYPE_LOGON, inSequence);
    const { i32, u32, f64 } = this.ring;
    i32[(this.at >>> 2) + CMD_PRICE_I32] = connection.heartBtIntMs / 1000;
    u32[(this.at >>> 2) + CMD_REASON_U32] = reset ? 1 : 0;
    f64[(this.at >>> 3) + CMD_REFERENCE_F64] = connection.nonce;
  }

  /** Logout: text, reference = nonce. */
  logout(session: FixSession, connection: FixConnection, text: string): void {
    this.#message(session, TYPE_LOGOUT, session.expected - 1);
    const { u8, f64 } = this.ring;
    for (let i = 0; i < text.length && i < TEXT_BYTES; i++) {
      u8[this.at + CMD_TEXT_U8 + i] = text.charCodeAt(i) & 0x7f;
    }
    f64[(this.at >>> 3) + CMD_REFERENCE_F64] = connection.nonce;
  }

  /** Heartbeat: text = the TestReqID of `source[from, to)`, at most 60 bytes. */
  heartbeat(
    session: FixSession,
    source: Uint8Array = NO_TEXT,
    from = 0,
    to = 0,
  ): void {
    this.#message(session, TYPE_HEARTBEAT, session.expected - 1);
    this.#text(source, from, to, 0, TEXT_BYTES);
  }

  /** TestRequest: its id is the sequence of the event. */
  testRequest(session: FixSession): void {
    this.#message(session, TYPE_TEST_REQUEST, session.expected - 1);
  }

  /** ResendRequest: quantity = BeginSeqNo; always to the end. */
  resendRequest(session: FixSession): void {
    this.#message(session, TYPE_RESEND_REQUEST, session.expected - 1);
    this.ring.f64[(this.at >>> 3) + CMD_QUANTITY_F64] = session.expected;
  }

  /**
   * Reject of the message that was parsed last: reference = its number,
   * price = RefTagID, reason = code, quantity = `Note`, text = RefMsgType.
   */
  reject(
    session: FixSession,
    number: number,
    code: number,
    tag: number,
    note = 0,
  ): void {
    this.#refusal(session, TYPE_REJECT, number, code, note);
    this.ring.i32[(this.at >>> 2) + CMD_PRICE_I32] = tag;
    this.#context.telemetry.add(COUNTER.fix_session_rejects_total, 1);
  }

  /** The same with what the parser found. */
  rejectParsed(session: FixSession, number: number): void {
    const { error, errorTag } = this.#parser;
    assert(error !== RejectReason.NONE, "nothing is wrong with the message");
    this.reject(session, number, error, errorTag);
  }

  /** BusinessMessageReject: as Reject, with the id in `slot` (or -1) after the type. */
  businessReject(
    session: FixSession,
    number: number,
    code: number,
    note: number,
    slot: number,
  ): void {
    this.#refusal(session, TYPE_BUSINESS_REJECT, number, code, note);
    if (slot < 0 || !this.#parser.has(slot)) return;
    this.#text(
      this.#context.transport.bytes,
      this.#parser.from[slot]!,
      this.#parser.to[slot]!,
      REF_TYPE_BYTES,
      CL_ORD_ID_BYTES,
    );
  }

  /**
   * OrderMassCancelReport that refuses the request that was parsed last:
   * reason = `Reason`, price = its type (ASCII), quantity = kill switch (-1 =
   * none, 0 or 1), instrument, side, text = its id.
   */
  massRefused(
    session: FixSession,
    number: number,
    reason: number,
    type: number,
    kill: number,
    instrument: number,
    side: number,
  ): void {
    this.#message(session, TYPE_MASS_CANCEL_REPORT, number);
    const { u8, u16, u32, i32, f64 } = this.ring;
    u32[(this.at >>> 2) + CMD_REASON_U32] = reason;
    i32[(this.at >>> 2) + CMD_PRICE_I32] = type;
    f64[(this.at >>> 3) + CMD_QUANTITY_F64] = kill;
    u16[(this.at >>> 1) + CMD_INSTRUMENT_U16] = instrument;
    u8[this.at + CMD_SIDE_U8] = side;
    this.#text(
      this.#context.transport.bytes,
      this.#parser.from[Slot.CL_ORD_ID]!,
      this.#parser.to[Slot.CL_ORD_ID]!,
      0,
      CL_ORD_ID_BYTES,
    );
  }

  #refusal(
    session: FixSession,
    type: number,
    number: number,
    code: number,
    note: number,
  ): void {
    const last = session.expected - 1;
    this.#message(session, type, number < last ? number : last);
    const { u32, f64 } = this.ring;
    u32[(this.at >>> 2) + CMD_REASON_U32] = code;
    f64[(this.at >>> 3) + CMD_REFERENCE_F64] = number;
    f64[(this.at >>> 3) + CMD_QUANTITY_F64] = note;
    const { from, to } = this.#parser;
    this.#text(
      this.#context.transport.bytes,
      from[Slot.MSG_TYPE]!,
      to[Slot.MSG_TYPE]!,
      0,
      REF_TYPE_BYTES,
    );
  }

  #message(session: FixSession, type: number, inSequence: number): void {
    this.begin(CommandKind.SESSION_MESSAGE, session, inSequence);
    this.ring.u8[this.at + CMD_DETAIL_U8] = type;
    this.ring.u8[this.at + CMD_FLAGS_U8] = 0;
  }

  #text(
    source: Uint8Array,
    from: number,
    to: number,
    offset: number,
    max: number,
  ): void {
    const target = this.at + CMD_TEXT_U8 + offset;
    const length = to - from < max ? to - from : max;
    for (let i = 0; i < length; i++) {
      this.ring.u8[target + i] = source[from + i]!;
    }
  }
}
