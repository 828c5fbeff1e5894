// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Sends a feed session: lines A and B, answers to those who lost something,
 * and snapshots for those who come late.
 *
 * ```
 *   FeedStore ─┬─▶ line A ─▶ group A            heartbeat when quiet, end of session
 *              ├─▶ line B ─▶ group B
 *              └─▶ requests ◀──▶ UDP unicast    a packet for a request
 *   FeedBuilder ──▶ snapshots ◀──▶ TCP, SoupBinTCP
 * ```
 *
 * Each line has a place of its own in the store, so back-pressure of one does
 * not hold the other. A request is answered by one packet at most, never larger
 * than the longest, and by none if the messages are gone: then a snapshot
 * helps. One thread; makes something only for a snapshot.
 *
 * @module
 */
import {
  BACKPRESSURE,
  COMPLETION_ADDRESS,
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_PORT,
  COMPLETION_WORDS,
  CompletionKind,
  type Transport,
} from "../transport/mod.ts";
import {
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MOLD_HEARTBEAT,
  MOLD_PACKET_BYTES_MAX,
  MoldReader,
  moldSession,
  writeMoldHeader,
} from "../wire/moldudp64.ts";
import type { FeedBuilder } from "./feed_builder.ts";
import { FeedSnapshots } from "./feed_snapshots.ts";
import type { FeedStore } from "./feed_store.ts";

/** One line: a UDP socket, and where it sends to. */
export interface FeedLine {
  readonly listener: number;
  /** IPv4 address as a number. */
  readonly group: number;
  readonly port: number;
}

/** What the server works with. */
export interface FeedServerOptions {
  readonly transport: Transport;
  readonly store: FeedStore;
  readonly builder: FeedBuilder;
  /** Name of the session, 1 to 10 characters. */
  readonly session: string;
  readonly lines: readonly FeedLine[];
  /** Listener of requests (UDP) and of snapshots (TCP). */
  readonly requests: number;
  readonly heartbeatMs: number;
  readonly snapshotsMax: number;
  readonly nowMs: () => number;
}

/** What became of requests so far. */
export interface FeedServerCounts {
  packets: number;
  answered: number;
  /** Not a request, of another session, or for messages that are not there. */
  unanswered: number;
  snapshots: number;
}

interface Line extends FeedLine {
  next: number;
  sentMs: number;
}

/** Packets of a line in one round. */
const PACKETS_MAX = 64;

/** Sends, and answers. See the module's text. */
export class FeedServer {
  readonly counts: FeedServerCounts = {
    packets: 0,
    answered: 0,
    unanswered: 0,
    snapshots: 0,
  };
  readonly #options: FeedServerOptions;
  readonly #session: Uint8Array;
  readonly #lines: Line[];
  readonly #view: DataView;
  readonly #reader = new MoldReader();
  readonly #snapshots: FeedSnapshots;

  constructor(options: FeedServerOptions) {
    this.#options = options;
    const { bytes } = options.transport;
    this.#session = moldSession(options.session);
    this.#lines = options.lines.map((line) => ({
      ...line,
      next: 1,
      sentMs: options.nowMs(),
    }));
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#snapshots = new FeedSnapshots({
      transport: options.transport,
      store: options.store,
      builder: options.builder,
      session: options.session,
      connectionsMax: options.snapshotsMax,
    });
  }

  /** Messages that the slowest line has not sent. */
  get behind(): number {
    const { next } = this.#options.store;
    return this.#lines.reduce(
      (most, line) => Math.max(most, next - line.next),
      0,
    );
  }

  /** One round: sends what is new, hears what came. Returns how much was done. */
  doWork(waitUs: number): number {
    const now = this.#options.nowMs();
    let work = 0;
    for (const line of this.#lines) work += this.#sendSome(line, now);
    work += this.#snapshots.doWork(now);
    const { transport } = this.#options;
    const count = transport.poll(work === 0 ? waitUs : 0);
    for (let i = 0; i < count; i++) this.#take(i * COMPLETION_WORDS, now);
    this.counts.snapshots = this.#snapshots.served;
    return work + count;
  }

  /** Says on both lines that no more will come. */
  sayEnd(): void {
    const now = this.#options.nowMs();
    for (const line of this.#lines) {
      this.#sendHeader(line, MOLD_END_OF_SESSION, now);
    }
  }

  #sendSome(line: Line, now: number): number {
    const { transport, store } = this.#options;
    let work = 0;
    // What was overwritten before it left is lost: a snapshot helps.
    if (line.next < store.oldest) line.next = store.oldest;
    while (work < PACKETS_MAX && line.next < store.next) {
      const at = transport.reserveDatagram(MOLD_PACKET_BYTES_MAX);
      if (at < 0) return work;
      const bytes = store.packet(
        transport.bytes,
        this.#view,
        at,
        this.#session,
        line.next,
        MOLD_END_OF_SESSION - 1,
      );
      transport.commitDatagram(line.listener, line.group, line.port, bytes);
      line.next += store.packed;
      line.sentMs = now;
      this.counts.packets++;
      work++;
    }
    if (now - line.sentMs >= this.#options.heartbeatMs) {
      this.#sendHeader(line, MOLD_HEARTBEAT, now);
    }
    return work;
  }

  /** A packet without messages; the next one if there is no room now. */
  #sendHeader(line: Line, count: number, now: number): void {
    const { transport } = this.#options;
    const at = transport.reserveDatagram(MOLD_HEADER_BYTES);
    if (at < 0) return;
    writeMoldHeader(this.#view, at, this.#session, line.next, count);
    transport.commitDatagram(
      line.listener,
      line.group,
      line.port,
      MOLD_HEADER_BYTES,
    );
    line.sentMs = now;
    this.counts.packets++;
  }

  #take(at: number, now: number): void {
    const words = this.#options.transport.completions;
    const id = words[at + COMPLETION_ID]!;
    switch (words[at + COMPLETION_KIND]) {
      case CompletionKind.DATAGRAM:
        if (words[at + COMPLETION_LISTENER] !== this.#options.requests) return;
        return this.#request(at);
      case CompletionKind.ACCEPTED:
        return this.#snapshots.accepted(id, now);
      case CompletionKind.RECEIVED:
        return this.#snapshots.received(
          id,
          words[at + COMPLETION_OFFSET]!,
          words[at + COMPLETION_LENGTH]!,
        );
      case CompletionKind.CLOSED:
        return this.#snapshots.closed(id);
    }
  }

  /** Answers a request, if what it asks for is there. */
  #request(at: number): void {
    const { transport, store, requests } = this.#options;
    const words = transport.completions;
    const reader = this.#reader;
    const known = words[at + COMPLETION_LENGTH] === MOLD_HEADER_BYTES &&
      reader.open(
        this.#view,
        words[at + COMPLETION_OFFSET]!,
        MOLD_HEADER_BYTES,
        this.#session,
      ) &&
      reader.count !== MOLD_HEARTBEAT && reader.count !== MOLD_END_OF_SESSION;
    const to = known
      ? transport.reserveDatagram(MOLD_PACKET_BYTES_MAX)
      : BACKPRESSURE;
    const bytes = to < 0 ? 0 : store.packet(
      transport.bytes,
      this.#view,
      to,
      this.#session,
      reader.sequence,
      reader.count,
    );
    if (bytes === 0) {
      this.counts.unanswered++;
      return;
    }
    transport.commitDatagram(
      requests,
      words[at + COMPLETION_ADDRESS]!,
      words[at + COMPLETION_PORT]!,
      bytes,
    );
    this.counts.answered++;
  }
}
