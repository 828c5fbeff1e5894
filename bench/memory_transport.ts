// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A transport whose clients are in the same thread: they put bytes into the
 * window of a connection, and see what was sent by the last poll.
 *
 * ```
 *   client ─deliver()─▶ window ─poll()─▶ gateway ─commit()─▶ half ─poll()─▶ sent
 * ```
 *
 * As with sockets, a connection has one window to receive, which is shown
 * again only when it was consumed, and two halves to send: one is filled while
 * the other is on its way. Every client reads all that it is sent at once. For
 * benchmarks and their tests; it has no datagrams.
 *
 * @module
 */
import { allocate } from "../ffi/mod.ts";
import {
  BACKPRESSURE,
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_WORDS,
  CompletionKind,
  GONE,
  type Transport,
} from "../engine/transport/mod.ts";

/** Connection `i` has this id, plus `i`. */
export const FIRST_CONNECTION = 4096;

// Words of a connection's state.
const TAIL = 0;
const SHOWN = 1;
const FILLED = 2;
const HALF = 3;
const SENT_BYTES = 4;
const QUEUED = 5;
const LISTED = 6;
const STATE_WORDS = 8;

/** What may be watched; benchmarks note the time. */
export interface MemoryTransportHooks {
  /** A poll showed something; called last in it. */
  shown?: (completions: number) => void;
  /** Bytes were committed. */
  committed?: (offset: number, bytes: number) => void;
}

/** Connections in memory; see the module's text. */
export class MemoryTransport implements Transport {
  readonly name = "memory";
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly completions: Int32Array<ArrayBuffer>;
  readonly receiveWindowBytes: number;
  readonly sendWindowBytes: number;
  readonly refusedConnections = 0;
  /** Connections that were sent something by the last poll, and how many. */
  readonly sent: Int32Array;
  sentCount = 0;
  /** Called first in every poll: the place to deliver. */
  beforePoll: () => void = () => {};
  readonly hooks: MemoryTransportHooks = {};
  readonly #connections: number;
  readonly #state: Int32Array;
  readonly #sendStart: number;
  readonly #half: number;
  /** Slots with something to show, and with something to send. */
  readonly #shows: Int32Array;
  #showCount = 0;
  readonly #sends: Int32Array;
  #sendCount = 0;
  #accepted = 0;
  #listeners = 0;
  /** Listener that accepts all connections. */
  #listener = -1;

  constructor(connections: number, receiveBytes: number, sendBytes: number) {
    this.#connections = connections;
    this.receiveWindowBytes = receiveBytes;
    this.sendWindowBytes = sendBytes;
    this.#half = sendBytes >>> 1;
    this.#sendStart = connections * receiveBytes;
    const total = connections * (receiveBytes + sendBytes);
    this.bytes = new Uint8Array(allocate(total, { hugePages: true }).buffer);
    this.completions = new Int32Array(connections * COMPLETION_WORDS);
    this.#state = new Int32Array(connections * STATE_WORDS);
    this.#shows = new Int32Array(connections);
    this.#sends = new Int32Array(connections);
    this.sent = new Int32Array(connections);
  }

  /** Has every connection accepted on a listener, in order of `listenStream()`. */
  connectTo(listener: number): void {
    this.#listener = listener;
  }

  /** Where the client of `slot` may put its next bytes, or -1 if it must wait. */
  room(slot: number): number {
    const at = slot * STATE_WORDS;
    return this.#state[at + SHOWN] !== 0 || this.#state[at + TAIL] !== 0
      ? -1
      : slot * this.receiveWindowBytes;
  }

  /** The client of `slot` has put so many bytes at `room()`. */
  deliver(slot: number, bytes: number): void {
    this.#state[slot * STATE_WORDS + TAIL] = bytes;
    this.#shows[this.#showCount++] = slot;
  }

  /** Where the bytes lie that the last poll sent to `slot`. */
  sentFrom(slot: number): number {
    const which = this.#state[slot * STATE_WORDS + HALF]! ^ 1;
    return this.#sendStart + (slot * 2 + which) * this.#half;
  }

  /** How many these are. */
  sentBytes(slot: number): number {
    return this.#state[slot * STATE_WORDS + SENT_BYTES]!;
  }

  listenStream(): number {
    return this.#listeners++;
  }

  listenDatagram(): number {
    return this.#listeners++;
  }

  port(): number {
    return 1;
  }

  multicastFrom(): void {}

  joinGroup(): void {}

  leaveGroup(): void {}

  closeListener(): void {}

  poll(): number {
    this.#send();
    this.beforePoll();
    if (this.#listener >= 0 && this.#accepted === 0) return this.#accept();
    const { completions } = this;
    const count = this.#showCount;
    for (let i = 0; i < count; i++) {
      const slot = this.#shows[i]!;
      const at = slot * STATE_WORDS;
      this.#state[at + SHOWN] = 1;
      const to = i * COMPLETION_WORDS;
      completions[to + COMPLETION_KIND] = CompletionKind.RECEIVED;
      completions[to + COMPLETION_ID] = FIRST_CONNECTION + slot;
      completions[to + COMPLETION_OFFSET] = slot * this.receiveWindowBytes;
      completions[to + COMPLETION_LENGTH] = this.#state[at + TAIL]!;
    }
    this.#showCount = 0;
    if (count > 0) this.hooks.shown?.(count);
    return count;
  }

  consume(connection: number, bytes: number): void {
    const at = (connection - FIRST_CONNECTION) * STATE_WORDS;
    if (bytes !== this.#state[at + TAIL]) {
      throw new Error(
        `Connection ${connection}: ${bytes} of ${
          this.#state[at + TAIL]
        } bytes were consumed; clients deliver whole messages`,
      );
    }
    this.#state[at + TAIL] = 0;
    this.#state[at + SHOWN] = 0;
  }

  reserve(connection: number, bytes: number): number {
    const slot = connection - FIRST_CONNECTION;
    if (slot < 0 || slot >= this.#connections) return GONE;
    const at = slot * STATE_WORDS;
    const filled = this.#state[at + FILLED]!;
    if (filled + bytes > this.#half) return BACKPRESSURE;
    const which = this.#state[at + HALF]!;
    return this.#sendStart + (slot * 2 + which) * this.#half + filled;
  }

  commit(connection: number, bytes: number): void {
    const slot = connection - FIRST_CONNECTION;
    const state = this.#state;
    const at = slot * STATE_WORDS;
    const { committed } = this.hooks;
    if (committed !== undefined) {
      const which = state[at + HALF]!;
      committed(
        this.#sendStart + (slot * 2 + which) * this.#half + state[at + FILLED]!,
        bytes,
      );
    }
    state[at + FILLED]! += bytes;
    if (state[at + QUEUED] !== 0) return;
    state[at + QUEUED] = 1;
    this.#sends[this.#sendCount++] = slot;
  }

  pending(connection: number): number {
    return this.#state[(connection - FIRST_CONNECTION) * STATE_WORDS + FILLED]!;
  }

  close(connection: number): void {
    throw new Error(`The gateway closed connection ${connection}`);
  }

  reserveDatagram(): number {
    return BACKPRESSURE;
  }

  commitDatagram(): void {}

  dispose(): void {}

  #send(): void {
    const state = this.#state;
    for (let i = 0; i < this.#sendCount; i++) {
      const slot = this.#sends[i]!;
      const at = slot * STATE_WORDS;
      state[at + SENT_BYTES] = state[at + FILLED]!;
      state[at + FILLED] = 0;
      state[at + HALF]! ^= 1;
      state[at + QUEUED] = 0;
      // Who was not read from since then would lose the other half.
      if (state[at + LISTED] !== 0) {
        throw new Error(`Client ${slot} was sent to twice and read nothing`);
      }
      state[at + LISTED] = 1;
      this.sent[this.sentCount++] = slot;
    }
    this.#sendCount = 0;
  }

  /** The clients have read what was sent. */
  clearSent(): void {
    for (let i = 0; i < this.sentCount; i++) {
      this.#state[this.sent[i]! * STATE_WORDS + LISTED] = 0;
    }
    this.sentCount = 0;
  }

  #accept(): number {
    const { completions } = this;
    for (let slot = 0; slot < this.#connections; slot++) {
      const to = slot * COMPLETION_WORDS;
      completions[to + COMPLETION_KIND] = CompletionKind.ACCEPTED;
      completions[to + COMPLETION_ID] = FIRST_CONNECTION + slot;
      completions[to + COMPLETION_LISTENER] = this.#listener;
    }
    this.#accepted = this.#connections;
    return this.#accepted;
  }
}
