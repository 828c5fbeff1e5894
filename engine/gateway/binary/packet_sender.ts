// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writes packets of the binary protocol into the transport: stored messages of
 * a session, or one unnumbered message. Owned by the gateway's thread;
 * allocates nothing after construction. A client that takes nothing gets
 * nothing: the caller keeps its place and tries again.
 *
 * @module
 */
import { addressOf, crc32cSealBatch } from "../../../ffi/mod.ts";
import { assert } from "../../assert.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import { BACKPRESSURE, GONE } from "../../transport/mod.ts";
import {
  Direction,
  HEADER_BYTES,
  SERVER_CHECKSUM,
  SERVER_COUNT_TCP_MAX,
  SERVER_COUNT_UDP_MAX,
  SERVER_MESSAGE_BYTES,
  writeWhole,
} from "../../wire/binary/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import { type BinarySession, Link } from "./session.ts";

/** Bytes of a packet with one unnumbered message. */
export const NOTICE_BYTES = HEADER_BYTES + SERVER_MESSAGE_BYTES;

const HEADER_WORDS = HEADER_BYTES / 4;
const DIRECTION = Direction.APPLIANCE << 8;

/** Packets out; see the module's text. */
export class PacketSender {
  readonly #context: GatewayContext;
  readonly #view: DataView;
  /** All of the transport's memory as words, if it starts on one. */
  readonly #words: Uint32Array | undefined;
  readonly #countStreamMax: number;
  /** The unnumbered message being made, with its header. */
  readonly #notice = new Uint32Array(64);
  readonly #noticeAddress: number;

  constructor(context: GatewayContext) {
    this.#context = context;
    const { bytes, sendWindowBytes } = context.transport;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#words = bytes.byteOffset % 4 === 0
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2)
      : undefined;
    const half = (sendWindowBytes >>> 1) - HEADER_BYTES;
    const fitting = Math.floor(half / SERVER_MESSAGE_BYTES);
    this.#countStreamMax = Math.max(1, Math.min(SERVER_COUNT_TCP_MAX, fitting));
    this.#noticeAddress = addressOf(this.#notice);
  }

  /**
   * Sends stored messages from a number on, as many as one packet holds.
   *
   * @param from Number of the first; it is stored and sealed.
   * @param count How many are wanted.
   * @param withTimes A packet with their stage times goes with them; over UDP
   *   it is left out where there is no room.
   * @returns How many were sent, `BACKPRESSURE` or `GONE`.
   */
  sendStored(
    session: BinarySession,
    from: number,
    count: number,
    withTimes = false,
  ): number {
    const { transport, telemetry } = this.#context;
    const stream = session.link === Link.STREAM;
    const packets = withTimes && stream ? 2 : 1;
    const limit = stream
      ? Math.max(1, this.#countStreamMax >> (packets - 1))
      : SERVER_COUNT_UDP_MAX;
    const fitting = count < limit ? count : limit;
    const bytes = HEADER_BYTES + fitting * SERVER_MESSAGE_BYTES;
    const offset = stream
      ? transport.reserve(session.connection, bytes * packets)
      : transport.reserveDatagram(bytes);
    if (offset === BACKPRESSURE || offset === GONE) return offset;
    this.#writeStored(session, from, fitting, offset);
    if (packets > 1) this.#writeTimes(session, from, fitting, offset + bytes);
    telemetry.add(COUNTER.binary_messages_sent_total, fitting * packets);
    telemetry.add(COUNTER.bytes_sent_total, bytes * packets);
    if (stream) {
      transport.commit(session.connection, bytes * packets);
      return fitting;
    }
    const { listener, address, port } = session;
    transport.commitDatagram(listener, address, port, bytes);
    if (withTimes) this.#sendTimes(session, from, fitting, bytes);
    return fitting;
  }

  /** A datagram of stage times. */
  #sendTimes(
    session: BinarySession,
    from: number,
    count: number,
    bytes: number,
  ): void {
    const { transport, telemetry } = this.#context;
    const offset = transport.reserveDatagram(bytes);
    if (offset === BACKPRESSURE || offset === GONE) return;
    this.#writeTimes(session, from, count, offset);
    const { listener, address, port } = session;
    transport.commitDatagram(listener, address, port, bytes);
    telemetry.add(COUNTER.binary_messages_sent_total, count);
    telemetry.add(COUNTER.bytes_sent_total, bytes);
  }

  #writeHeader(
    session: BinarySession,
    sequence: number,
    count: number,
    offset: number,
  ): void {
    const view = this.#view;
    const first = session.version | DIRECTION | (count << 16);
    view.setUint32(offset, first, true);
    view.setUint32(offset + 4, session.number, true);
    view.setUint32(offset + 8, sequence, true);
    view.setUint32(offset + 12, 0, true);
  }

  #writeStored(
    session: BinarySession,
    from: number,
    count: number,
    offset: number,
  ): void {
    this.#writeHeader(session, from, count, offset);
    const at = offset + HEADER_BYTES;
    if (this.#words !== undefined && (at & 3) === 0) {
      session.ring.copyWords(from, count, this.#words, at >>> 2);
    } else {
      session.ring.copyBytes(from, count, this.#view, at);
    }
  }

  /** A packet of the stage times of stored messages, unnumbered. */
  #writeTimes(
    session: BinarySession,
    from: number,
    count: number,
    offset: number,
  ): void {
    const { stages } = this.#context;
    const { times, ring } = session;
    assert(
      stages !== undefined && times !== null,
      "stage times are sent and not recorded",
    );
    this.#writeHeader(session, 0, count, offset);
    stages.clock.realtime();
    const words = this.#notice;
    for (let i = 0; i < count; i++) {
      const number = from + i;
      const answer = ring.wordOf(number);
      times.write(number, ring.words, answer, stages, words, HEADER_WORDS);
      this.#seal();
      const at = offset + HEADER_BYTES + i * SERVER_MESSAGE_BYTES;
      for (let word = 0; word < SERVER_MESSAGE_BYTES / 4; word++) {
        const value = words[HEADER_WORDS + word]!;
        this.#view.setUint32(at + word * 4, value, true);
      }
    }
  }

  /**
   * Makes an unnumbered message; `sendNotice*` sends it.
   *
   * @param type `ServerType`; above it, the side byte.
   * @param version That the packet is of.
   * @param sessionNumber For the header.
   * @param session Whose numbers it tells; null = a stranger gets none.
   * @param price Field `price`.
   */
  makeNotice(
    type: number,
    reason: number,
    version: number,
    sessionNumber: number,
    session: BinarySession | null,
    quantityLow: number,
    quantityHigh: number,
    price: number,
  ): void {
    const words = this.#notice;
    const at = HEADER_WORDS;
    words.fill(0);
    words[0] = version | DIRECTION | (1 << 16);
    words[1] = sessionNumber;
    words[at] = type | (reason << 16);
    if (session !== null) {
      writeWhole(words, at + 2, session.oldest);
      writeWhole(words, at + 4, session.expected);
      writeWhole(words, at + 10, session.last + 1);
    }
    words[at + 6] = quantityLow;
    words[at + 7] = quantityHigh;
    words[at + 8] = price;
    words[at + 12] = this.#context.now.lo;
    words[at + 13] = this.#context.now.hi;
    this.#seal();
  }

  /** Writes the checksum of the message that is being made. */
  #seal(): void {
    crc32cSealBatch(
      this.#noticeAddress + HEADER_BYTES,
      SERVER_MESSAGE_BYTES,
      1,
      0,
      SERVER_CHECKSUM,
      SERVER_CHECKSUM,
    );
  }

  /** Sends the notice to a connection; false if there is no room. */
  sendNoticeToStream(connection: number): boolean {
    const { transport, telemetry } = this.#context;
    const offset = transport.reserve(connection, NOTICE_BYTES);
    if (offset === BACKPRESSURE || offset === GONE) return false;
    this.#copyNotice(offset);
    transport.commit(connection, NOTICE_BYTES);
    telemetry.add(COUNTER.binary_messages_sent_total, 1);
    telemetry.add(COUNTER.bytes_sent_total, NOTICE_BYTES);
    return true;
  }

  /** Sends the notice to an address; false if there is no room. */
  sendNoticeToAddress(
    listener: number,
    address: number,
    port: number,
  ): boolean {
    const { transport, telemetry } = this.#context;
    const offset = transport.reserveDatagram(NOTICE_BYTES);
    if (offset === BACKPRESSURE || offset === GONE) return false;
    this.#copyNotice(offset);
    transport.commitDatagram(listener, address, port, NOTICE_BYTES);
    telemetry.add(COUNTER.binary_messages_sent_total, 1);
    telemetry.add(COUNTER.bytes_sent_total, NOTICE_BYTES);
    return true;
  }

  /** Sends the notice to where the session's client is. */
  sendNoticeTo(session: BinarySession): boolean {
    if (session.link === Link.STREAM) {
      return this.sendNoticeToStream(session.connection);
    }
    const { listener, address, port } = session;
    return this.sendNoticeToAddress(listener, address, port);
  }

  #copyNotice(offset: number): void {
    const words = this.#notice;
    for (let i = 0; i < NOTICE_BYTES / 4; i++) {
      this.#view.setUint32(offset + i * 4, words[i]!, true);
    }
  }
}
