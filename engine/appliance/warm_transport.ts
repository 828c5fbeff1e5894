// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A transport whose clients are on the same thread: what is handed to it is
 * received at the next poll, what is sent goes nowhere. For warming up.
 *
 * Everything handed over must be taken at once; nothing ever has to wait.
 *
 * @module
 */
import { assert } from "../assert.ts";
import {
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

const COMPLETIONS = 16;
const WINDOW_BYTES = 65_536;
const LOOPBACK = 0x7f000001;
const PORT = 40_000;

/** Clients made of arrays. */
export class WarmTransport implements Transport {
  readonly name = "warm-up";
  /** A window for each completion of a poll, then room to send. */
  readonly bytes = new Uint8Array(WINDOW_BYTES * (COMPLETIONS + 1));
  readonly completions = new Int32Array(COMPLETIONS * COMPLETION_WORDS);
  readonly receiveWindowBytes = WINDOW_BYTES;
  readonly sendWindowBytes = WINDOW_BYTES;
  readonly refusedConnections = 0;
  /** Bytes that were sent so far. */
  sentBytes = 0;
  #listeners = 0;
  #waiting = 0;

  /** A client connects to a listener. */
  connect(connection: number, listener: number): void {
    const at = this.#add(CompletionKind.ACCEPTED, connection);
    this.completions[at + COMPLETION_LISTENER] = listener;
  }

  /** A client's bytes arrive. */
  receive(connection: number, bytes: Uint8Array): void {
    this.#fill(this.#add(CompletionKind.RECEIVED, connection), bytes);
  }

  /** A datagram arrives at a listener. */
  receiveDatagram(listener: number, bytes: Uint8Array): void {
    const at = this.#add(CompletionKind.DATAGRAM, listener);
    this.completions[at + COMPLETION_LISTENER] = listener;
    this.#fill(at, bytes);
  }

  listenStream(): number {
    return this.#listeners++;
  }

  listenDatagram(): number {
    return this.#listeners++;
  }

  port(): number {
    return 0;
  }

  multicastFrom(): void {}

  joinGroup(): void {}

  leaveGroup(): void {}

  closeListener(): void {}

  poll(): number {
    const count = this.#waiting;
    this.#waiting = 0;
    return count;
  }

  consume(): void {}

  reserve(): number {
    return WINDOW_BYTES * COMPLETIONS;
  }

  commit(_connection: number, bytes: number): void {
    this.sentBytes += bytes;
  }

  pending(): number {
    return 0;
  }

  close(): void {}

  reserveDatagram(): number {
    return WINDOW_BYTES * COMPLETIONS;
  }

  commitDatagram(
    _listener: number,
    _address: number,
    _port: number,
    bytes: number,
  ): void {
    this.sentBytes += bytes;
  }

  dispose(): void {}

  /** @returns First word of the new completion. */
  #add(kind: number, id: number): number {
    assert(this.#waiting < COMPLETIONS, "more completions than a poll has");
    const at = this.#waiting++ * COMPLETION_WORDS;
    this.completions.fill(0, at, at + COMPLETION_WORDS);
    this.completions[at + COMPLETION_KIND] = kind;
    this.completions[at + COMPLETION_ID] = id;
    this.completions[at + COMPLETION_ADDRESS] = LOOPBACK;
    this.completions[at + COMPLETION_PORT] = PORT;
    return at;
  }

  #fill(at: number, bytes: Uint8Array): void {
    const offset = at / COMPLETION_WORDS * WINDOW_BYTES;
    this.bytes.set(bytes, offset);
    this.completions[at + COMPLETION_OFFSET] = offset;
    this.completions[at + COMPLETION_LENGTH] = bytes.length;
  }
}
