// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The streams of a DPDK port as their owner sees them: control words that
 * `native/dpdk_tcp.c` reads at the next poll. Nothing here calls the shim, and
 * nothing allocates.
 *
 * ```
 *  memory of a connection:  [ receive window | send buffer 0 | send buffer 1 ]
 * ```
 *
 * One send buffer is filled while the client still has to acknowledge the
 * other; a buffer starts anew when all of it is acknowledged.
 *
 * @module
 */
import {
  DPDK_CLOSE_FLUSH,
  DPDK_CLOSE_RESET,
  DPDK_CONNECTION_WORDS,
  DPDK_CONNECTIONS_MAX,
  DpdkConnection,
  type DpdkPort,
} from "../../ffi/dpdk.ts";
import { fail } from "../assert.ts";
import { BACKPRESSURE, CONNECTION_SLOT_MASK, GONE } from "./transport.ts";

const {
  OPEN_ID,
  ID,
  RECEIVE_HEAD,
  RECEIVE_TAIL,
  RECEIVE_WANTED,
  SEND_FILL,
  SEND_COMMITTED,
  SEND_PENDING,
  DIRTY,
  CLOSE,
} = DpdkConnection;
/** Where the slots begin in the list of connections to look at. */
const DIRTY_SLOTS = 2;

/** Control words of a port's connections. For the thread that polls. */
export class DpdkStreams {
  readonly #words: Int32Array;
  readonly #dirty: Int32Array;
  readonly #sendStart: number;
  readonly #connectionBytes: number;
  readonly #sendBufferBytes: number;

  constructor(port: DpdkPort) {
    this.#words = port.connections;
    this.#dirty = port.dirty;
    this.#sendStart = port.streamsOffset + port.receiveBytes;
    this.#connectionBytes = port.receiveBytes + port.sendBytes;
    this.#sendBufferBytes = port.sendBytes / 2;
  }

  /** See `Transport`. */
  consume(connection: number, bytes: number): void {
    const at = this.#find(connection, ID);
    if (at < 0) return;
    const words = this.#words;
    const head = words[at + RECEIVE_HEAD]! + bytes;
    if (bytes < 0 || head > words[at + RECEIVE_TAIL]!) {
      fail(`consume(${connection}, ${bytes}) is more than was received`);
    }
    words[at + RECEIVE_HEAD] = head;
    words[at + RECEIVE_WANTED] = 1;
    this.#mark(connection, at);
  }

  /** See `Transport`. */
  reserve(connection: number, bytes: number): number {
    const at = this.#find(connection, OPEN_ID);
    if (at < 0) return GONE;
    const words = this.#words;
    const bufferBytes = this.#sendBufferBytes;
    let which = words[at + SEND_FILL]!;
    let filled = words[at + SEND_COMMITTED + which]!;
    if (filled + bytes > bufferBytes) {
      which ^= 1;
      filled = words[at + SEND_COMMITTED + which]!;
      if (filled !== 0 || bytes > bufferBytes) return BACKPRESSURE;
      words[at + SEND_FILL] = which;
    }
    return this.#sendStart +
      (connection & CONNECTION_SLOT_MASK) * this.#connectionBytes +
      which * bufferBytes + filled;
  }

  /** See `Transport`. */
  commit(connection: number, bytes: number): void {
    const at = this.#find(connection, OPEN_ID);
    if (at < 0) return;
    const words = this.#words;
    const buffer = at + SEND_COMMITTED + words[at + SEND_FILL]!;
    const filled = words[buffer]! + bytes;
    if (bytes < 0 || filled > this.#sendBufferBytes) {
      fail(`commit(${connection}, ${bytes}) is more than was reserved`);
    }
    words[buffer] = filled;
    words[at + SEND_PENDING]! += bytes;
    this.#mark(connection, at);
  }

  /** Bytes committed and not yet acknowledged by the client. */
  pending(connection: number): number {
    const at = this.#find(connection, ID);
    return at < 0 ? 0 : this.#words[at + SEND_PENDING]!;
  }

  /** See `Transport`. */
  close(connection: number): void {
    this.#close(connection, DPDK_CLOSE_FLUSH);
  }

  /** Closes with a reset; what is not sent is dropped. */
  abort(connection: number): void {
    this.#close(connection, DPDK_CLOSE_RESET);
  }

  #close(connection: number, how: number): void {
    const at = this.#find(connection, ID);
    if (at < 0) return;
    const words = this.#words;
    words[at + OPEN_ID] = 0;
    if (words[at + CLOSE]! < how) words[at + CLOSE] = how;
    this.#mark(connection, at);
  }

  /** First word of a connection whose word `what` is this id, or -1. */
  #find(connection: number, what: number): number {
    const slot = connection & CONNECTION_SLOT_MASK;
    if (connection === 0 || slot >= DPDK_CONNECTIONS_MAX) return -1;
    const at = slot * DPDK_CONNECTION_WORDS;
    return this.#words[at + what] === connection ? at : -1;
  }

  /** Has the next poll look at this connection. */
  #mark(connection: number, at: number): void {
    if (this.#words[at + DIRTY] !== 0) return;
    this.#words[at + DIRTY] = 1;
    const count = this.#dirty[0]!;
    this.#dirty[DIRTY_SLOTS + count] = connection & CONNECTION_SLOT_MASK;
    this.#dirty[0] = count + 1;
  }
}
