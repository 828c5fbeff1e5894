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
 * helps. Lines, requests and snapshots may have transports of their own. One
 * thread; makes something only for a snapshot.
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
import { FeedSnapshots, type SnapshotLogin } from "./feed_snapshots.ts";
import type { FeedStore } from "./feed_store.ts";
import { RequestLimiter } from "./request_limiter.ts";

/** A listener of a transport. */
export interface FeedSocket {
  readonly transport: Transport;
  readonly listener: number;
}

/** One line: a UDP socket, and where it sends to. */
export interface FeedLine extends FeedSocket {
  /** IPv4 address as a number. */
  readonly group: number;
  readonly port: number;
}

/** What the server works with. */
export interface FeedServerOptions {
  readonly store: FeedStore;
  readonly builder: FeedBuilder;
  /** Name of the session, 1 to 10 characters. */
  readonly session: string;
  readonly lines: readonly FeedLine[];
  /** UDP. */
  readonly requests: FeedSocket;
  /** Requests of one address that are answered in a second. */
  readonly requestsPerSecond: number;
  /** With TCP listeners, all of them of snapshots. */
  readonly snapshots: Transport;
  /** Who may have snapshots; left out = everyone. */
  readonly login?: SnapshotLogin;
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
  /** Of an address that asked too often. */
  limited: number;
  snapshots: number;
  /** Logins to the snapshots that were rejected. */
  rejected: number;
}

interface Line extends FeedLine {
  readonly view: DataView;
  next: number;
  sentMs: number;
}

/** Packets of a line in one round. */
const PACKETS_MAX = 64;

function viewOf({ bytes }: Transport): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sends, and answers. See the module's text. */
export class FeedServer {
  readonly counts: FeedServerCounts = {
    packets: 0,
    answered: 0,
    unanswered: 0,
    limited: 0,
    snapshots: 0,
    rejected: 0,
  };
  readonly #options: FeedServerOptions;
  readonly #session: Uint8Array;
  readonly #lines: Line[];
  readonly #view: DataView;
  readonly #transports: readonly Transport[];
  readonly #limiter: RequestLimiter;
  readonly #reader = new MoldReader();
  readonly #snapshots: FeedSnapshots;

  constructor(options: FeedServerOptions) {
    this.#options = options;
    const { requests, lines, snapshots, login } = options;
    this.#session = moldSession(options.session);
    this.#lines = lines.map((line) => ({
      ...line,
      view: viewOf(line.transport),
      next: 1,
      sentMs: options.nowMs(),
    }));
    this.#view = viewOf(requests.transport);
    this.#limiter = new RequestLimiter(options.requestsPerSecond);
    this.#transports = [
      ...new Set([
        ...lines.map(({ transport }) => transport),
        requests.transport,
        snapshots,
      ]),
    ];
    this.#snapshots = new FeedSnapshots({
      transport: snapshots,
      store: options.store,
      builder: options.builder,
      session: options.session,
      connectionsMax: options.snapshotsMax,
      ...(login === undefined ? {} : { login }),
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
    for (const transport of this.#transports) {
      const count = transport.poll(work === 0 ? waitUs : 0);
      for (let i = 0; i < count; i++) {
        this.#take(transport, i * COMPLETION_WORDS, now);
      }
      work += count;
    }
    this.counts.snapshots = this.#snapshots.served;
    this.counts.rejected = this.#snapshots.rejected;
    return work;
  }

  /** Says on both lines that no more will come. */
  sayEnd(): void {
    const now = this.#options.nowMs();
    for (const line of this.#lines) {
      this.#sendHeader(line, MOLD_END_OF_SESSION, now);
    }
  }

  #sendSome(line: Line, now: number): number {
    const { store } = this.#options;
    const { transport } = line;
    let work = 0;
    // What was overwritten before it left is lost: a snapshot helps.
    if (line.next < store.oldest) line.next = store.oldest;
    while (work < PACKETS_MAX && line.next < store.next) {
      const at = transport.reserveDatagram(MOLD_PACKET_BYTES_MAX);
      if (at < 0) return work;
      const bytes = store.packet(
        transport.bytes,
        line.view,
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
    const { transport } = line;
    const at = transport.reserveDatagram(MOLD_HEADER_BYTES);
    if (at < 0) return;
    writeMoldHeader(line.view, at, this.#session, line.next, count);
    transport.commitDatagram(
      line.listener,
      line.group,
      line.port,
      MOLD_HEADER_BYTES,
    );
    line.sentMs = now;
    this.counts.packets++;
  }

  #take(transport: Transport, at: number, now: number): void {
    const { requests } = this.#options;
    const words = transport.completions;
    const id = words[at + COMPLETION_ID]!;
    switch (words[at + COMPLETION_KIND]) {
      case CompletionKind.DATAGRAM:
        if (
          transport !== requests.transport ||
          words[at + COMPLETION_LISTENER] !== requests.listener
        ) return;
        return this.#request(at, now);
      case CompletionKind.ACCEPTED:
        return this.#snapshots.accepted(id, now);
      case CompletionKind.RECEIVED:
        return this.#snapshots.received(
          id,
          words[at + COMPLETION_OFFSET]!,
          words[at + COMPLETION_LENGTH]!,
          now,
        );
      case CompletionKind.CLOSED:
        return this.#snapshots.closed(id);
    }
  }

  /** Answers a request, if what it asks for is there. */
  #request(at: number, now: number): void {
    const { store } = this.#options;
    const { transport, listener } = this.#options.requests;
    const words = transport.completions;
    const reader = this.#reader;
    if (!this.#limiter.take(words[at + COMPLETION_ADDRESS]!, now)) {
      this.counts.limited++;
      return;
    }
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
      listener,
      words[at + COMPLETION_ADDRESS]!,
      words[at + COMPLETION_PORT]!,
      bytes,
    );
    this.counts.answered++;
  }
}
