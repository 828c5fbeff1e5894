// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The newest messages of a feed session, numbered from 1, for lines that send
 * them and for receivers that ask again.
 *
 * ```
 *   FeedBuilder ─claim(), commit()─▶ [ length message │ length message │ ... ] ─▶ packets
 * ```
 *
 * A ring of slots of 64 bytes; the oldest message is overwritten. A slot holds
 * the message as it lies in a packet, its length before it. One thread;
 * allocates nothing after it was made.
 *
 * @module
 */
import { assert } from "../assert.ts";
import {
  MOLD_HEADER_BYTES,
  MOLD_LENGTH_BYTES,
  MOLD_PACKET_BYTES_MAX,
  writeMoldHeader,
} from "../wire/moldudp64.ts";
import type { FeedSink } from "./feed_builder.ts";

/** Bytes of a slot: no ITCH message that we send is longer than 44. */
export const FEED_SLOT_BYTES = 64;

/** Messages, and packets of them. */
export class FeedStore implements FeedSink {
  readonly bytes: Uint8Array;
  readonly #slots: number;
  #next = 1;

  /** @param messages How many are kept at least; a power of two. */
  constructor(messages: number) {
    assert(
      messages > 0 && (messages & (messages - 1)) === 0,
      `a store of ${messages} messages; a power of two is needed`,
    );
    this.#slots = messages;
    this.bytes = new Uint8Array(messages * FEED_SLOT_BYTES);
  }

  /** Number of the next message. */
  get next(): number {
    return this.#next;
  }

  /** Number of the oldest message that is kept. */
  get oldest(): number {
    return this.#next > this.#slots ? this.#next - this.#slots : 1;
  }

  claim(): number {
    return this.#place(this.#next) + MOLD_LENGTH_BYTES;
  }

  commit(bytes: number): void {
    const at = this.#place(this.#next);
    this.bytes[at] = bytes >>> 8;
    this.bytes[at + 1] = bytes & 0xff;
    this.#next++;
  }

  /**
   * Writes a packet with as many messages from `sequence` on as are there and
   * fit; at most `countMax`.
   *
   * @param to Has room for the longest packet at `at`.
   * @returns Its bytes; 0 = the first of them is not there.
   */
  packet(
    to: Uint8Array,
    view: DataView,
    at: number,
    session: Uint8Array,
    sequence: number,
    countMax: number,
  ): number {
    if (sequence < this.oldest || sequence >= this.#next) return 0;
    const end = at + MOLD_PACKET_BYTES_MAX;
    let byte = at + MOLD_HEADER_BYTES;
    let count = 0;
    while (count < countMax && sequence + count < this.#next) {
      const from = this.#place(sequence + count);
      const bytes = MOLD_LENGTH_BYTES + this.bytes[from + 1]!;
      if (byte + bytes > end) break;
      for (let i = 0; i < bytes; i++) to[byte + i] = this.bytes[from + i]!;
      byte += bytes;
      count++;
    }
    writeMoldHeader(view, at, session, sequence, count);
    this.packed = count;
    return byte - at;
  }

  /** Messages in the packet that was written last. */
  packed = 0;

  #place(sequence: number): number {
    return (sequence - 1) % this.#slots * FEED_SLOT_BYTES;
  }
}
