// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Sends stored records to clients: new ones in order, old ones on request.
 *
 * ```
 *   store:  1 2 3 4 5 6 7 8 9          first time: nextToSend, then up
 *             └─resend─┘   └nextToSend    a resend goes first, new ones wait
 * ```
 *
 * Whatever does not fit the send window stays in the store and goes later, so
 * a slow reader costs no memory. The gateway's thread owns it; nothing
 * allocates. Work a round and connection is bounded.
 *
 * @module
 */
import {
  EventKind,
  EVT_DETAIL_U8,
  EVT_REFERENCE_F64,
  Reason,
} from "../../record/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import { GONE } from "../../transport/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import { FIRST_TIME, type FixEncoder, MESSAGE_BYTES_MAX } from "./encoder.ts";
import {
  TYPE_BUSINESS_REJECT,
  TYPE_LOGOUT,
  TYPE_MASS_CANCEL_REPORT,
  TYPE_REJECT,
} from "./message_types.ts";
import {
  ConnectionState,
  type FixConnection,
  type FixSession,
  TIME_LOGOUT,
  TIME_SENT,
} from "./session.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  EVT_KIND_U8 = 6,
  EventKind_FILLED = 3,
}

/** Messages that are written in one piece of the send window. */
const PIECE_MESSAGES_MAX = 16;
/** New messages a connection gets in one round. */
const SEND_ROUND_MAX = 1024;
/** Old messages a connection gets in one round, and records looked at for them. */
const RESEND_ROUND_MAX = 256;
const RESEND_SCAN_MAX = 4096;

/** Sends for all connections of one gateway. */
export class Sender {
  readonly #context: GatewayContext;
  readonly #encoder: FixEncoder;
  readonly #cut: (connection: FixConnection, reason: number) => void;

  /** @param cut Closes a connection that can't be served. */
  constructor(
    context: GatewayContext,
    encoder: FixEncoder,
    cut: (connection: FixConnection, reason: number) => void,
  ) {
    this.#context = context;
    this.#encoder = encoder;
    this.#cut = cut;
  }

  /** Sends what there is to send and room for. Returns messages sent. */
  flush(connection: FixConnection, session: FixSession): number {
    if (
      connection.nextToSend === 0 ||
      connection.state === ConnectionState.CLOSED
    ) return 0;
    let sent = 0;
    if (connection.resendNext <= connection.resendLast) {
      sent = this.#resend(connection, session);
      if (connection.resendNext <= connection.resendLast) return sent;
    }
    const { store } = session;
    if (connection.nextToSend > store.last) return sent;
    let fresh = 0;
    while (connection.nextToSend <= store.last && fresh < SEND_ROUND_MAX) {
      const record = store.locate(connection.nextToSend);
      if (record < 0) {
        this.#cut(connection, Reason.TOO_SLOW);
        break;
      }
      if (store.u8[record + Fixed.EVT_KIND_U8]! <= Fixed.EventKind_FILLED) {
        const many = this.#sendMany(
          connection,
          session,
          SEND_ROUND_MAX - fresh,
        );
        fresh += many;
        if (many > 0) continue;
      }
      if (!this.#send(connection, session, record, FIRST_TIME)) break;
      connection.nextToSend++;
      fresh++;
      if (
        store.u8[record + Fixed.EVT_KIND_U8] === EventKind.SESSION_MESSAGE &&
        store.u8[record + EVT_DETAIL_U8] === TYPE_LOGOUT &&
        store.f64[(record >>> 3) + EVT_REFERENCE_F64] === connection.nonce
      ) {
        connection.times[TIME_LOGOUT] = this.#context.now.ms;
        if (connection.state === ConnectionState.CLOSING) {
          this.#cut(connection, Reason.NONE);
          break;
        }
      }
    }
    if (fresh > 0) {
      this.#context.telemetry.add(COUNTER.fix_messages_sent_total, fresh);
      connection.times[TIME_SENT] = this.#context.now.ms;
    }
    return sent + fresh;
  }

  /**
   * Sends acknowledgements and fills that follow one another, at most `max`,
   * in one piece of the window. Returns how many; 0 if there is no room for
   * a piece.
   */
  #sendMany(
    connection: FixConnection,
    session: FixSession,
    max: number,
  ): number {
    const { transport } = this.#context;
    const { store } = session;
    const waiting = store.last - connection.nextToSend + 1;
    let wanted = waiting < max ? waiting : max;
    if (wanted > PIECE_MESSAGES_MAX) wanted = PIECE_MESSAGES_MAX;
    const at = transport.reserve(connection.id, wanted * MESSAGE_BYTES_MAX);
    if (at < 0) return 0;
    const first = connection.nextToSend;
    let next = first;
    let p = at;
    for (; next < first + wanted; next++) {
      const record = store.locate(next);
      if (
        record < 0 ||
        store.u8[record + Fixed.EVT_KIND_U8]! > Fixed.EventKind_FILLED
      ) break;
      p += this.#encoder.encode(session, store, record, p, FIRST_TIME);
    }
    connection.nextToSend = next;
    if (p > at) this.#commit(connection, p - at);
    return next - first;
  }

  /** True if there is something that the connection has not been sent. */
  owes(connection: FixConnection): boolean {
    const { session, nextToSend, resendNext, resendLast } = connection;
    return session !== undefined &&
      connection.state !== ConnectionState.CLOSED && nextToSend !== 0 &&
      (nextToSend <= session.store.last || resendNext <= resendLast);
  }

  /**
   * A client asks for `[begin, end]` again. A range that a running resend
   * covers only makes it longer; an earlier one starts it anew.
   */
  request(connection: FixConnection, begin: number, end: number): void {
    const sent = connection.nextToSend - 1;
    const last = end === 0 || end > sent ? sent : end;
    if (begin > last) return;
    const running = connection.resendNext <= connection.resendLast;
    if (running && begin >= connection.resendBegin) {
      if (last > connection.resendLast) connection.resendLast = last;
      return;
    }
    connection.resendBegin = begin;
    connection.resendNext = begin;
    connection.resendGap = 0;
    connection.resendLast = running && connection.resendLast > last
      ? connection.resendLast
      : last;
  }

  #resend(connection: FixConnection, session: FixSession): number {
    const { store } = session;
    const nowMs = this.#context.now.ms;
    let sent = 0;
    for (
      let scanned = 0;
      scanned < RESEND_SCAN_MAX && sent < RESEND_ROUND_MAX &&
      connection.resendNext <= connection.resendLast;
      scanned++
    ) {
      const record = store.locate(connection.resendNext);
      if (record < 0 || this.#skips(session, record)) {
        if (connection.resendGap === 0) {
          connection.resendGap = connection.resendNext;
        }
        if (
          connection.resendNext === connection.resendLast &&
          !this.#fillGap(connection, session, connection.resendLast + 1)
        ) break;
      } else {
        if (!this.#fillGap(connection, session, connection.resendNext)) break;
        if (!this.#send(connection, session, record, nowMs)) break;
        sent++;
      }
      connection.resendNext++;
    }
    if (sent > 0) {
      this.#context.telemetry.add(COUNTER.fix_messages_resent_total, sent);
      connection.times[TIME_SENT] = nowMs;
    }
    return sent;
  }

  /** Session messages are not sent again, but for those that refuse something. */
  #skips(session: FixSession, record: number): boolean {
    const { u8 } = session.store;
    if (u8[record + Fixed.EVT_KIND_U8] !== EventKind.SESSION_MESSAGE) {
      return false;
    }
    const type = u8[record + EVT_DETAIL_U8];
    return type !== TYPE_REJECT && type !== TYPE_BUSINESS_REJECT &&
      type !== TYPE_MASS_CANCEL_REPORT;
  }

  /** Sends the gap fill that is due before `next`; false if there is no room. */
  #fillGap(
    connection: FixConnection,
    session: FixSession,
    next: number,
  ): boolean {
    if (connection.resendGap === 0) return true;
    const { transport, now } = this.#context;
    const at = transport.reserve(connection.id, MESSAGE_BYTES_MAX);
    if (at < 0) return this.#refused(connection, at);
    const from = connection.resendGap;
    const length = this.#encoder.gapFill(session, from, next, now.ms, at);
    this.#commit(connection, length);
    connection.resendGap = 0;
    return true;
  }

  #send(
    connection: FixConnection,
    session: FixSession,
    record: number,
    resendMs: number,
  ): boolean {
    const at = this.#context.transport.reserve(
      connection.id,
      MESSAGE_BYTES_MAX,
    );
    if (at < 0) return this.#refused(connection, at);
    const { store } = session;
    this.#commit(
      connection,
      this.#encoder.encode(session, store, record, at, resendMs),
    );
    return true;
  }

  #commit(connection: FixConnection, length: number): void {
    this.#context.transport.commit(connection.id, length);
    connection.committedBytes[0] = connection.committedBytes[0]! + length;
    this.#context.telemetry.add(COUNTER.bytes_sent_total, length);
  }

  #refused(connection: FixConnection, code: number): false {
    if (code === GONE) connection.state = ConnectionState.CLOSED;
    return false;
  }
}
