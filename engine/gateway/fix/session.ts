// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * State of one FIX session and of one connection.
 *
 * A session lasts from the journal's first line to its last; a connection
 * carries it for a while. The gateway's thread owns both. What is here and
 * must survive a restart (numbers, stored messages) comes back from events.
 *
 * @module
 */
import type { OutboundStore } from "../outbound_store.ts";
import type { SessionDefinition } from "../protocol.ts";
import { wordsOfText } from "./texts.ts";

/** Where a connection stands. */
export const ConnectionState = {
  /** Nothing but a Logon is taken. */
  AWAITING_LOGON: 0,
  ACTIVE: 1,
  /** We sent Logout and wait for the client's. */
  LOGOUT_SENT: 2,
  /** Logouts are exchanged; the client closes, or we do after a while. */
  LOGGED_OUT: 3,
  /** Our Logout is on its way and we close behind it; nothing is read any more. */
  CLOSING: 4,
  /** Closed by us; the transport has not said so yet. */
  CLOSED: 5,
} as const;

/** One TCP connection. */
export class FixConnection {
  /** The transport's id. */
  readonly id: number;
  /** Distinguishes connections in records of session messages. */
  readonly nonce: number;
  readonly peer: string;
  state: number = ConnectionState.AWAITING_LOGON;
  session: FixSession | undefined;
  /** Next outbound number to send for the first time; 0 = the opening message is not there yet. */
  nextToSend = 0;
  /** Numbers to send again: `[resendNext, resendLast]`; none if next > last. */
  resendNext = 1;
  resendLast = 0;
  /** Where the running resend began. */
  resendBegin = 0;
  /** First number of the gap that is being collapsed; 0 = none. */
  resendGap = 0;
  /** Highest inbound number that waits for our ResendRequest; 0 = none. */
  gapLast = 0;
  heartBtIntMs = 0;
  testRequestSent = false;
  /** The gateway knows that there is something to send. */
  listed = false;
  /** Milliseconds since 1970: accepted, last message taken, last sent, gap asked for, logged out, last progress in sending. */
  readonly times = new Float64Array(6);
  /** Bytes committed in all, and those taken over by the kernel when progress was looked at. */
  readonly committedBytes = new Float64Array(2);

  constructor(id: number, nonce: number, peer: string, nowMs: number) {
    this.id = id;
    this.nonce = nonce;
    this.peer = peer;
    this.times.fill(nowMs);
  }
}

// Places in `FixConnection.times`.
export const TIME_ACCEPTED = 0;
export const TIME_RECEIVED = 1;
export const TIME_SENT = 2;
export const TIME_GAP = 3;
export const TIME_LOGOUT = 4;
export const TIME_PROGRESS = 5;

const ENCODER = new TextEncoder();

/** One configured session. */
export class FixSession {
  readonly index: number;
  readonly name: string;
  /** SenderCompID of the client. */
  readonly compId: Uint8Array;
  /** The same as `wordsOfText()`. */
  readonly compIdWords: Int32Array;
  username: Uint8Array = new Uint8Array();
  password: Uint8Array = new Uint8Array();
  /** The configuration no longer names it. */
  removed = false;
  /** "|49=FERRULE|56=CLIENT1|", with SOH for |, as `wordsOfText()`. */
  readonly header: Int32Array;
  /** The same, and "52=". */
  readonly headerTo52: Int32Array;
  readonly store: OutboundStore;
  connection: FixConnection | undefined;
  /** MsgSeqNum that the client's next message must have. */
  expected = 1;
  /** Resets that were asked of the exchange and have not come back. */
  resetsUnderWay = 0;
  /** Number for the next order or replace: 1 and up, never used again. */
  nextReference = 1;
  /** A client has gone and the exchange doesn't know yet. */
  logoutOwed = false;
  /** The gateway knows that the store has records that are not in its file. */
  spills = false;
  /** The store's file failed and it was logged. */
  fileErrorLogged = false;

  constructor(
    definition: SessionDefinition,
    targetCompId: string,
    store: OutboundStore,
  ) {
    this.index = definition.index;
    this.name = definition.name;
    this.compId = ENCODER.encode(definition.name);
    this.compIdWords = wordsOfText(this.compId);
    this.allow(definition);
    const header = `\x0149=${targetCompId}\x0156=${definition.name}\x01`;
    this.header = wordsOfText(ENCODER.encode(header));
    this.headerTo52 = wordsOfText(ENCODER.encode(`${header}52=`));
    this.store = store;
  }

  /** Who may log on from now on. */
  allow({ username, secret }: SessionDefinition): void {
    this.username = ENCODER.encode(username);
    this.password = ENCODER.encode(secret);
    this.removed = false;
  }
}
