// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The newest messages of one session as they go over the wire, by outbound
 * number: message `n` lies in slot `n mod capacity`. Owned by the gateway's
 * thread; its memory is mapped once, at the session's first event or logon,
 * and nothing allocates after that. It keeps no more than its capacity; older
 * messages are gone.
 *
 * @module
 */
import { addressOf, crc32cSealBatch } from "../../../ffi/mod.ts";
import { assert } from "../../assert.ts";
import { bytesOf } from "../../snapshot/mod.ts";
import {
  SERVER_CHECKSUM,
  SERVER_MESSAGE_BYTES,
} from "../../wire/binary/mod.ts";

const MESSAGE_WORDS = SERVER_MESSAGE_BYTES / 4;

/** Ring of encoded messages; see the module's text. */
export class OutboundRing {
  /** Message `n` starts at word `wordOf(n)`. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #address: number;
  readonly #mask: number;
  /** Number of the newest message; 0 = none yet. */
  last = 0;
  /** Every message up to this number has its checksum. */
  #sealed = 0;

  /** @param capacity Messages; a power of two, at least 64. */
  constructor(capacity: number) {
    assert(
      capacity >= 64 && (capacity & (capacity - 1)) === 0,
      `outbound ring of ${capacity} messages: must be a power of two, at least 64`,
    );
    this.words = new Uint32Array(capacity * MESSAGE_WORDS);
    this.#address = addressOf(this.words);
    this.#mask = capacity - 1;
  }

  /** All messages, sealed. */
  save(): Uint8Array {
    this.seal();
    return bytesOf(this.words);
  }

  /** Makes `last` the newest number; the caller fills what this returns with what was saved. */
  load(last: number): Uint8Array {
    this.last = last;
    this.#sealed = last;
    return bytesOf(this.words);
  }

  /** Number of the oldest message that is there; 0 = none. */
  oldest(): number {
    const excess = this.last - this.#mask;
    return excess > 1 ? excess : (this.last === 0 ? 0 : 1);
  }

  /** First word of a message that is there, or of the next one to be written. */
  wordOf(sequence: number): number {
    return (sequence & this.#mask) * MESSAGE_WORDS;
  }

  /** Writes the checksums of all messages that have none yet. */
  seal(): void {
    const last = this.last;
    if (this.#sealed === last) return;
    let from = this.#sealed + 1;
    const oldest = this.oldest();
    if (from < oldest) from = oldest;
    const first = from & this.#mask;
    const count = last - from + 1;
    const beforeWrap = Math.min(count, this.#mask + 1 - first);
    this.#sealSlots(first, beforeWrap);
    if (count > beforeWrap) this.#sealSlots(0, count - beforeWrap);
    this.#sealed = last;
  }

  /** Copies `count` sealed messages from number `from` on to word `at` of `target`. */
  copyWords(
    from: number,
    count: number,
    target: Uint32Array,
    at: number,
  ): void {
    const source = this.words;
    for (let i = 0; i < count; i++) {
      const start = this.wordOf(from + i);
      const to = at + i * MESSAGE_WORDS;
      for (let word = 0; word < MESSAGE_WORDS; word++) {
        target[to + word] = source[start + word]!;
      }
    }
  }

  /** The same to memory that is not aligned to words. */
  copyBytes(from: number, count: number, target: DataView, at: number): void {
    const source = this.words;
    for (let i = 0; i < count; i++) {
      const start = this.wordOf(from + i);
      const to = at + i * SERVER_MESSAGE_BYTES;
      for (let word = 0; word < MESSAGE_WORDS; word++) {
        target.setUint32(to + word * 4, source[start + word]!, true);
      }
    }
  }

  #sealSlots(slot: number, count: number): void {
    crc32cSealBatch(
      this.#address + slot * SERVER_MESSAGE_BYTES,
      SERVER_MESSAGE_BYTES,
      count,
      0,
      SERVER_CHECKSUM,
      SERVER_CHECKSUM,
    );
  }
}
