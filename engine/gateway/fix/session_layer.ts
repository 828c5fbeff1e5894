// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The session rules of FIX 4.4 for messages of clients: logon, sequence
 * numbers, possible duplicates, resends, tests, logout.
 *
 * The gateway's thread owns it; nothing allocates for an order. Checks go from
 * the outside in: who speaks (8, 49, 56), when (52), which number (34), form,
 * type, content. A message with too high a number is dropped and asked for
 * again, so everything is taken in order and nothing is queued.
 *
 * @module
 */
import { Reason, REASON_TEXT, TEXT_BYTES } from "../../record/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import {
  type FixParser,
  MessageType,
  RejectReason,
  Slot,
  TimestampReader,
} from "../../wire/fix/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import type { FixGatewayOptions } from "./gateway.ts";
import type { MassDesk } from "./mass_desk.ts";
import type { OrderDesk } from "./order_desk.ts";
import type { Replies } from "./replies.ts";
import type { Sender } from "./sender.ts";
import {
  ConnectionState,
  type FixConnection,
  type FixSession,
  TIME_GAP,
  TIME_LOGOUT,
  TIME_RECEIVED,
  TIME_SENT,
} from "./session.ts";
import { BusinessReason, Note, wordsOfText } from "./texts.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  MessageType_NEW_ORDER_SINGLE = 7,
  MessageType_ORDER_CANCEL_REQUEST = 8,
  MessageType_ORDER_CANCEL_REPLACE_REQUEST = 9,
  MessageType_SEQUENCE_RESET = 4,
  RejectReason_NONE = -1,
  Slot_MSG_SEQ_NUM = 1,
  Slot_POSS_RESEND = 6,
  Slot_SENDER_COMP_ID = 2,
  Slot_TARGET_COMP_ID = 4,
  Slot_SENDING_TIME = 3,
  Slot_GAP_FILL_FLAG = 15,
  Slot_POSS_DUP_FLAG = 5,
}

/** A gap that was asked for is asked for again after this. */
const GAP_RETRY_MS = 10000;
const YES = 0x59;
const NO = 0x4e;

/** What a `SessionLayer` works with. */
export interface SessionLayerParts {
  readonly context: GatewayContext;
  readonly options: FixGatewayOptions;
  readonly parser: FixParser;
  readonly replies: Replies;
  readonly desk: OrderDesk;
  readonly massDesk: MassDesk;
  readonly sender: Sender;
  /** By index; grows. */
  readonly sessions: readonly (FixSession | undefined)[];
  readonly close: (connection: FixConnection, reason: number) => void;
}

/** Judges and answers one parsed message at a time. */
export class SessionLayer {
  /** The appliance is stopping: no new logons. */
  closed = false;
  readonly #parts: SessionLayerParts;
  readonly #parser: FixParser;
  readonly #replies: Replies;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #targetCompId: Uint8Array;
  readonly #targetWords: Int32Array;
  readonly #sendingTime = new TimestampReader();
  readonly #origTime = new TimestampReader();

  constructor(parts: SessionLayerParts) {
    this.#parts = parts;
    this.#parser = parts.parser;
    this.#replies = parts.replies;
    this.#bytes = parts.context.transport.bytes;
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#targetCompId = new TextEncoder().encode(parts.options.targetCompId);
    this.#targetWords = wordsOfText(this.#targetCompId);
  }

  /** Takes the message that the parser has found. */
  onMessage(c: FixConnection): void {
    const { context } = this.#parts;
    context.telemetry.add(COUNTER.fix_messages_received_total, 1);
    const session = c.session;
    if (session === undefined) {
      this.#firstMessage(c);
      return;
    }
    c.times[TIME_RECEIVED] = context.now.ms;
    c.testRequestSent = false;
    if (!this.#senderHolds(c, session)) return;
    const number = this.#parser.uint(Fixed.Slot_MSG_SEQ_NUM);
    if (
      (this.#parser.seen & (1 << Fixed.Slot_MSG_SEQ_NUM)) === 0 || number < 1
    ) {
      this.#fail(c, session, "MsgSeqNum(34) is missing or invalid");
      return;
    }
    if (!this.#timeHolds(c, session, number)) return;
    if (!this.#numberHolds(c, session, number)) return;
    session.expected = number + 1;
    if (c.gapLast !== 0 && number >= c.gapLast) c.gapLast = 0;
    if (!this.#duplicateHolds(c, session, number)) return;
    this.#take(c, session, number);
  }

  /**
   * Sends Logout.
   *
   * @param next State that the connection is in from now on.
   */
  logout(
    c: FixConnection,
    session: FixSession,
    text: string,
    next: number,
  ): void {
    this.#replies.logout(session, c, text);
    c.state = next;
    c.times[TIME_LOGOUT] = this.#parts.context.now.ms;
  }

  /** A number in its place: judge form and type, then do what it says. */
  #take(c: FixConnection, session: FixSession, number: number): void {
    const { type, error } = this.#parser;
    const { desk } = this.#parts;
    if (error !== Fixed.RejectReason_NONE) {
      this.#replies.rejectParsed(session, number);
      return;
    }
    switch (type) {
      case Fixed.MessageType_NEW_ORDER_SINGLE:
        desk.newOrder(
          session,
          number,
          this.#parser.character(Fixed.Slot_POSS_RESEND) === YES,
        );
        return;
      case Fixed.MessageType_ORDER_CANCEL_REQUEST:
        return desk.cancel(session, number);
      case Fixed.MessageType_ORDER_CANCEL_REPLACE_REQUEST:
        return desk.replace(session, number);
      case MessageType.ORDER_STATUS_REQUEST:
        return desk.status(session, number);
      case MessageType.ORDER_MASS_CANCEL_REQUEST:
        return this.#parts.massDesk.request(session, number);
      case MessageType.UNSUPPORTED:
        this.#parts.context.telemetry.refused(Reason.UNSUPPORTED);
        return this.#replies.businessReject(
          session,
          number,
          BusinessReason.UNSUPPORTED_TYPE,
          Note.TYPE_UNSUPPORTED,
          -1,
        );
      case MessageType.INVALID:
        return this.#replies.reject(
          session,
          number,
          RejectReason.BAD_TYPE,
          35,
        );
      default:
        this.#administer(c, session, number, type);
    }
  }

  /** Session messages in their place. */
  #administer(
    c: FixConnection,
    session: FixSession,
    number: number,
    type: number,
  ): void {
    switch (type) {
      case MessageType.TEST_REQUEST:
        return this.#testRequest(c, session, number);
      case MessageType.RESEND_REQUEST:
        return this.#resendRequest(c, session, number);
      case Fixed.MessageType_SEQUENCE_RESET:
        return this.#gapFill(c, session, number);
      case MessageType.LOGOUT:
        return this.#loggedOut(c, session);
      case MessageType.LOGON:
        return this.#replies.reject(
          session,
          number,
          RejectReason.OTHER,
          35,
          Note.ALREADY_LOGGED_ON,
        );
    }
  }

  /** BeginString and CompIDs. */
  #senderHolds(c: FixConnection, session: FixSession): boolean {
    const parser = this.#parser;
    if (!parser.version) {
      this.#fail(c, session, "BeginString(8) must be FIX.4.4");
      return false;
    }
    const sender = this.#isName(Fixed.Slot_SENDER_COMP_ID, session.compIdWords);
    if (
      sender && this.#isName(Fixed.Slot_TARGET_COMP_ID, this.#targetWords)
    ) return true;
    const slot = sender ? Fixed.Slot_TARGET_COMP_ID : Fixed.Slot_SENDER_COMP_ID;
    const number = parser.uint(Fixed.Slot_MSG_SEQ_NUM);
    const missing = (parser.seen & (1 << slot)) === 0;
    this.#replies.reject(
      session,
      number < 0 ? 0 : number,
      missing ? RejectReason.REQUIRED_MISSING : RejectReason.COMP_ID,
      sender ? 56 : 49,
    );
    this.#fail(c, session, "CompID problem");
    return false;
  }

  /** SendingTime; a Reject uses up the number if it was the expected one. */
  #timeHolds(c: FixConnection, session: FixSession, number: number): boolean {
    const parser = this.#parser;
    const there = (parser.seen & (1 << Fixed.Slot_SENDING_TIME)) !== 0;
    const time = this.#sendingTime;
    const from = parser.from[Fixed.Slot_SENDING_TIME]!;
    const to = parser.to[Fixed.Slot_SENDING_TIME]!;
    if (there && time.parse(this.#bytes, from, to)) {
      const { context, options } = this.#parts;
      const off = Math.abs(context.now.ms - time.ms[0]!);
      if (off <= options.sendingTimeToleranceMs) return true;
      this.#consume(session, number);
      this.#replies.reject(session, number, RejectReason.SENDING_TIME, 52);
      this.#fail(c, session, "SendingTime accuracy problem");
      return false;
    }
    this.#consume(session, number);
    const code = !there
      ? RejectReason.REQUIRED_MISSING
      : from === to
      ? RejectReason.NO_VALUE
      : RejectReason.BAD_FORMAT;
    this.#replies.reject(session, number, code, 52);
    return false;
  }

  #consume(session: FixSession, number: number): void {
    if (number === session.expected) session.expected++;
  }

  /** True if the number is the expected one; otherwise all is done that is to be done. */
  #numberHolds(c: FixConnection, session: FixSession, number: number): boolean {
    const { type } = this.#parser;
    if (
      type === Fixed.MessageType_SEQUENCE_RESET &&
      this.#parser.character(Fixed.Slot_GAP_FILL_FLAG) !== YES
    ) {
      this.#sequenceReset(c, session, number);
      return false;
    }
    if (number === session.expected) return true;
    if (number > session.expected) {
      this.#tooHigh(c, session, number);
      return false;
    }
    if (
      type === MessageType.LOGON && number === 1 &&
      this.#parser.character(Slot.RESET_SEQ_NUM_FLAG) === YES &&
      this.#parser.error === Fixed.RejectReason_NONE
    ) {
      this.#answerLogon(c, session, 1, true);
      return false;
    }
    if (this.#parser.character(Fixed.Slot_POSS_DUP_FLAG) === YES) {
      this.#duplicateHolds(c, session, number);
      return false;
    }
    this.#fail(
      c,
      session,
      `MsgSeqNum too low, expecting ${session.expected} but received ${number}`,
    );
    return false;
  }

  #tooHigh(c: FixConnection, session: FixSession, number: number): void {
    const { type, error } = this.#parser;
    // A ResendRequest is answered at once: both sides may wait for the other.
    if (
      type === MessageType.RESEND_REQUEST && error === Fixed.RejectReason_NONE
    ) {
      this.#resendRequest(c, session, number);
    }
    if (type === MessageType.LOGOUT) {
      this.#loggedOut(c, session);
      return;
    }
    this.#askForGap(c, session, number);
  }

  /** One ResendRequest a gap. */
  #askForGap(c: FixConnection, session: FixSession, number: number): void {
    const nowMs = this.#parts.context.now.ms;
    if (c.gapLast !== 0 && nowMs - c.times[TIME_GAP]! < GAP_RETRY_MS) return;
    c.gapLast = number;
    c.times[TIME_GAP] = nowMs;
    c.times[TIME_SENT] = nowMs;
    this.#replies.resendRequest(session);
  }

  /** A possible duplicate says when it was sent first, and that was before. */
  #duplicateHolds(
    c: FixConnection,
    session: FixSession,
    number: number,
  ): boolean {
    const parser = this.#parser;
    if ((parser.seen & (1 << Fixed.Slot_POSS_DUP_FLAG)) === 0) return true;
    const flag = parser.character(Fixed.Slot_POSS_DUP_FLAG);
    if (flag === NO) return true;
    if (flag !== YES) {
      this.#replies.reject(session, number, RejectReason.BAD_VALUE, 43);
      return false;
    }
    if (parser.type === Fixed.MessageType_SEQUENCE_RESET) return true;
    const from = parser.from[Slot.ORIG_SENDING_TIME]!;
    const to = parser.to[Slot.ORIG_SENDING_TIME]!;
    if ((parser.seen & (1 << Slot.ORIG_SENDING_TIME)) === 0) {
      this.#replies.reject(
        session,
        number,
        RejectReason.REQUIRED_MISSING,
        122,
      );
      return false;
    }
    if (!this.#origTime.parse(this.#bytes, from, to)) {
      this.#replies.reject(session, number, RejectReason.BAD_FORMAT, 122);
      return false;
    }
    if (this.#origTime.ms[0]! > this.#sendingTime.ms[0]!) {
      this.#replies.reject(
        session,
        number,
        RejectReason.SENDING_TIME,
        122,
        Note.ORIGINAL_LATER,
      );
      this.#fail(c, session, REASON_TEXT[Reason.MALFORMED]!);
      return false;
    }
    return true;
  }

  #testRequest(c: FixConnection, session: FixSession, number: number): void {
    const from = this.#parser.from[Slot.TEST_REQ_ID]!;
    const to = this.#parser.to[Slot.TEST_REQ_ID]!;
    if (to - from > TEXT_BYTES) {
      this.#replies.reject(
        session,
        number,
        RejectReason.BAD_VALUE,
        112,
        Note.ID_TOO_LONG,
      );
      return;
    }
    c.times[TIME_SENT] = this.#parts.context.now.ms;
    this.#replies.heartbeat(session, this.#bytes, from, to);
  }

  #resendRequest(c: FixConnection, session: FixSession, number: number): void {
    const begin = this.#parser.uint(Slot.BEGIN_SEQ_NO);
    const end = this.#parser.uint(Slot.END_SEQ_NO);
    if (begin < 0 || end < 0) {
      return this.#replies.reject(
        session,
        number,
        RejectReason.BAD_FORMAT,
        begin < 0 ? 7 : 16,
      );
    }
    if (begin === 0 || (end !== 0 && end < begin)) {
      return this.#replies.reject(
        session,
        number,
        RejectReason.BAD_VALUE,
        begin === 0 ? 7 : 16,
      );
    }
    this.#parts.sender.request(c, begin, end);
  }

  /** SequenceReset-GapFill in its place; `expected` is one past it already. */
  #gapFill(c: FixConnection, session: FixSession, number: number): void {
    const next = this.#parser.uint(Slot.NEW_SEQ_NO);
    if (next < 0) {
      return this.#replies.reject(session, number, RejectReason.BAD_FORMAT, 36);
    }
    if (next <= number) {
      return this.#replies.reject(
        session,
        number,
        RejectReason.BAD_VALUE,
        36,
        Note.SEQUENCE_BACKWARDS,
      );
    }
    session.expected = next;
    if (next > c.gapLast) c.gapLast = 0;
  }

  /** SequenceReset-Reset: its own number does not matter. */
  #sequenceReset(c: FixConnection, session: FixSession, number: number): void {
    const parser = this.#parser;
    if (parser.error !== Fixed.RejectReason_NONE) {
      this.#consume(session, number);
      return this.#replies.rejectParsed(session, number);
    }
    const flag = parser.character(Fixed.Slot_GAP_FILL_FLAG);
    const next = parser.uint(Slot.NEW_SEQ_NO);
    const flagSeen = (parser.seen & (1 << Fixed.Slot_GAP_FILL_FLAG)) !== 0;
    if ((flagSeen && flag !== NO) || next < 0) {
      this.#consume(session, number);
      const bad = next < 0;
      return this.#replies.reject(
        session,
        number,
        bad ? RejectReason.BAD_FORMAT : RejectReason.BAD_VALUE,
        bad ? 36 : 123,
      );
    }
    if (next < session.expected) {
      return this.#replies.reject(
        session,
        number,
        RejectReason.BAD_VALUE,
        36,
        Note.SEQUENCE_BACKWARDS,
      );
    }
    session.expected = next;
    c.gapLast = 0;
  }

  /** The client's Logout: an answer to ours, or one to be answered. */
  #loggedOut(c: FixConnection, session: FixSession): void {
    if (c.state === ConnectionState.LOGOUT_SENT) {
      this.#parts.close(c, Reason.NONE);
      return;
    }
    this.logout(c, session, "", ConnectionState.LOGGED_OUT);
  }

  /** Logout with a text, and the connection closes behind it. */
  #fail(c: FixConnection, session: FixSession, text: string): void {
    this.#parts.context.telemetry.log("warn", "session closed with an error", {
      protocol: "fix",
      session: session.name,
      peer: c.peer,
      text,
    });
    this.logout(c, session, text, ConnectionState.CLOSING);
  }

  // Logon.

  /** The first message of a connection: a Logon of somebody we know, or the end. */
  #firstMessage(c: FixConnection): void {
    const parser = this.#parser;
    if (this.closed) return this.#turnAway(c, Reason.SHUTTING_DOWN);
    if (parser.type !== MessageType.LOGON || !parser.version) {
      return this.#turnAway(c, Reason.NOT_LOGGED_ON);
    }
    const session = this.#findSession();
    if (session === undefined || !this.#credentialsHold(session)) {
      return this.#turnAway(c, Reason.WRONG_CREDENTIALS);
    }
    const other = session.connection;
    if (other !== undefined) {
      if (
        other.state === ConnectionState.ACTIVE ||
        other.state === ConnectionState.LOGOUT_SENT
      ) return this.#turnAway(c, Reason.ALREADY_LOGGED_ON);
      this.#parts.close(other, Reason.NONE);
    }
    c.session = session;
    session.connection = c;
    c.state = ConnectionState.ACTIVE;
    const { context } = this.#parts;
    c.times[TIME_RECEIVED] = context.now.ms;
    context.telemetry.add(COUNTER.fix_sessions_active, 1);
    this.#judgeLogon(c, session);
  }

  /** The client is who it says; whatever is wrong now is told by Logout. */
  #judgeLogon(c: FixConnection, session: FixSession): void {
    const parser = this.#parser;
    const number = parser.uint(Fixed.Slot_MSG_SEQ_NUM);
    const reset = parser.character(Slot.RESET_SEQ_NUM_FLAG) === YES;
    const interval = parser.uint(Slot.HEART_BT_INT);
    const fault = this.#logonFault(session, number, reset, interval);
    if (fault !== "") {
      this.#consume(session, number);
      this.#parts.context.telemetry.add(COUNTER.fix_logons_refused_total, 1);
      this.#fail(c, session, fault);
      return;
    }
    c.heartBtIntMs = interval * 1000;
    this.#answerLogon(c, session, number, reset);
    if (!reset && number > session.expected) {
      this.#askForGap(c, session, number);
    }
  }

  #logonFault(
    session: FixSession,
    number: number,
    reset: boolean,
    interval: number,
  ): string {
    const parser = this.#parser;
    const { context, options } = this.#parts;
    if ((parser.seen & (1 << Fixed.Slot_MSG_SEQ_NUM)) === 0 || number < 1) {
      return "MsgSeqNum(34) is missing or invalid";
    }
    if (parser.error !== Fixed.RejectReason_NONE) {
      return `Logon is malformed: reason ${parser.error}, tag ${parser.errorTag}`;
    }
    const time = this.#sendingTime;
    if (
      !time.parse(
        this.#bytes,
        parser.from[Fixed.Slot_SENDING_TIME]!,
        parser.to[Fixed.Slot_SENDING_TIME]!,
      ) ||
      Math.abs(context.now.ms - time.ms[0]!) > options.sendingTimeToleranceMs
    ) return "SendingTime accuracy problem";
    if (parser.uint(Slot.ENCRYPT_METHOD) !== 0) {
      return "EncryptMethod(98) must be 0";
    }
    const { heartBtIntMinS, heartBtIntMaxS } = options;
    if (interval < heartBtIntMinS || interval > heartBtIntMaxS) {
      return `HeartBtInt(108) must be ${heartBtIntMinS} to ${heartBtIntMaxS}`;
    }
    if (reset) {
      return number === 1 ? "" : "MsgSeqNum must be 1 with ResetSeqNumFlag";
    }
    return number < session.expected
      ? `MsgSeqNum too low, expecting ${session.expected} but received ${number}`
      : "";
  }

  #answerLogon(
    c: FixConnection,
    session: FixSession,
    number: number,
    reset: boolean,
  ): void {
    const { context } = this.#parts;
    if (reset) {
      session.resetsUnderWay++;
      session.expected = 2;
    } else this.#consume(session, number);
    c.gapLast = 0;
    session.logoutOwed = false;
    this.#replies.logon(session, session.expected - 1, reset);
    this.#replies.logonAnswer(session, c, session.expected - 1, reset);
    c.times[TIME_SENT] = context.now.ms;
    context.telemetry.add(COUNTER.fix_logons_total, 1);
    context.telemetry.log("info", "logged on", {
      protocol: "fix",
      session: session.name,
      peer: c.peer,
      reset,
      expected: session.expected,
    });
  }

  /** No command, no number: a stranger changes nothing. */
  #turnAway(c: FixConnection, reason: number): void {
    const { telemetry } = this.#parts.context;
    telemetry.add(COUNTER.fix_logons_refused_total, 1);
    telemetry.refused(reason);
    this.#parts.close(c, reason);
  }

  #findSession(): FixSession | undefined {
    if (!this.#equals(Fixed.Slot_TARGET_COMP_ID, this.#targetCompId)) {
      return undefined;
    }
    for (const session of this.#parts.sessions) {
      if (
        session !== undefined &&
        this.#equals(Fixed.Slot_SENDER_COMP_ID, session.compId)
      ) return session;
    }
    return undefined;
  }

  /** Username and password, as far as they are configured; takes the same time if wrong. */
  #credentialsHold(session: FixSession): boolean {
    const name = session.username.length === 0 ||
      this.#equals(Slot.USERNAME, session.username);
    const password = session.password.length === 0 ||
      this.#equals(Slot.PASSWORD, session.password);
    return name && password && !session.removed;
  }

  /** True if the value in `slot` is a name, as `wordsOfText()`; names are no secrets. */
  #isName(slot: number, name: Int32Array): boolean {
    const parser = this.#parser;
    if ((parser.seen & (1 << slot)) === 0) return false;
    const length = name[0]!;
    const from = parser.from[slot]!;
    if (parser.to[slot]! - from !== length) return false;
    const view = this.#view;
    let p = from;
    let word = 1;
    // At least a checksum follows: whole words can be read.
    for (; p < from + length - 4; p += 4, word++) {
      if (view.getInt32(p, true) !== name[word]) return false;
    }
    const shift = (4 - (from + length - p)) << 3;
    return view.getInt32(p, true) << shift === name[word]! << shift;
  }

  /** True if the value in `slot` is `expected`; looks at all of it in any case. */
  #equals(slot: number, expected: Uint8Array): boolean {
    const parser = this.#parser;
    if ((parser.seen & (1 << slot)) === 0) return false;
    const from = parser.from[slot]!;
    if (parser.to[slot]! - from !== expected.length) return false;
    let difference = 0;
    for (let i = 0; i < expected.length; i++) {
      difference |= this.#bytes[from + i]! ^ expected[i]!;
    }
    return difference === 0;
  }
}
