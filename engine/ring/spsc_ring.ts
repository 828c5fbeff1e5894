// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A ring of fixed-size slots with one producer and one consumer.
 *
 * ```
 *   claim() fill claim() fill publish()          available() peek(0..n) release(n)
 *        producer  ──────▶  [ slot slot slot slot slot ]  ──────▶  consumer
 * ```
 *
 * Each side makes its own `SpscRing` over the same memory (huge pages seen as
 * an ArrayBuffer by each worker). Cursors count slots modulo 2^32 and lie on
 * cache lines of their own. All that the producer wrote before `publish()` is
 * seen by a consumer that has seen the new cursor (`words.ts`). No method allocates. On a full ring `claim()` says so; nothing
 * is ever overwritten.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { loadWord, storeWord } from "./words.ts";

/** Bytes before the first slot: producer cursor at 0, consumer cursor at 128. */
export const RING_HEADER_BYTES = 256;
/** `claim()`: no free slot. */
export const RING_FULL = -1;

/** Words in which one end keeps its place. */
export const PLACE_WORDS = 4;
/** Producer: next slot to claim. Consumer: next slot to read. Modulo 2^32. */
export const PLACE_NEXT = 0;
/** The other end's cursor when it was last looked at. */
export const PLACE_SEEN = 1;
/** Number of slots. */
export const PLACE_SLOTS = 2;
/** Word of the first slot, for who sees several rings in one view. */
export const PLACE_FIRST = 3;

const PRODUCER_WORD = 0;
const CONSUMER_WORD = 32;

/**
 * One end of a single-producer single-consumer ring. The views cover the slots
 * only: slot `i` starts at byte `i * slotBytes` of each.
 */
export class SpscRing {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly slotBytes: number;
  readonly slotCount: number;
  readonly #mask: number;
  readonly #cursors: Int32Array;
  /**
   * Where this end's place stands: `PLACE_WORDS` words from `#at` on. Without
   * private accessors: V8 calls its runtime for each use of one.
   */
  #places: Int32Array = new Int32Array(PLACE_WORDS);
  #at = 0;

  /** Bytes that a ring of this shape occupies. */
  static bytes(slotBytes: number, slotCount: number): number {
    return RING_HEADER_BYTES + slotBytes * slotCount;
  }

  /**
   * @param memory The memory that both sides see, zeroed before first use.
   * @param byteOffset Where the ring starts in it; a multiple of 64.
   * @param slotBytes Bytes of a slot; a multiple of 64.
   * @param slotCount Number of slots; a power of two.
   * @param side Which end this object is.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    slotBytes: number,
    slotCount: number,
    side: "producer" | "consumer",
  ) {
    assert(
      slotCount >= 2 && (slotCount & (slotCount - 1)) === 0,
      `ring of ${slotCount} slots: must be a power of two, at least 2`,
    );
    assert(
      slotBytes % 64 === 0 && byteOffset % 64 === 0,
      `ring of ${slotBytes}-byte slots at ${byteOffset}: must be multiples of 64`,
    );
    const start = byteOffset + RING_HEADER_BYTES;
    const bytes = slotBytes * slotCount;
    this.u8 = new Uint8Array(memory, start, bytes);
    this.u16 = new Uint16Array(memory, start, bytes >>> 1);
    this.u32 = new Uint32Array(memory, start, bytes >>> 2);
    this.i32 = new Int32Array(memory, start, bytes >>> 2);
    this.f64 = new Float64Array(memory, start, bytes >>> 3);
    this.slotBytes = slotBytes;
    this.slotCount = slotCount;
    this.#mask = slotCount - 1;
    this.#cursors = new Int32Array(memory, byteOffset, RING_HEADER_BYTES >>> 2);
    const own = side === "producer" ? PRODUCER_WORD : CONSUMER_WORD;
    const other = side === "producer" ? CONSUMER_WORD : PRODUCER_WORD;
    this.#places[PLACE_NEXT] = Atomics.load(this.#cursors, own);
    this.#places[PLACE_SEEN] = Atomics.load(this.#cursors, other);
    this.#places[PLACE_SLOTS] = slotCount;
  }

  /**
   * Keeps its place in `places[at]` and the words after it from now on, so
   * that who claims very often can do it there: take slot `PLACE_NEXT` as
   * `claim()` does, as long as it is less than `PLACE_SLOTS` from `PLACE_SEEN`.
   */
  movePlace(places: Int32Array, at: number): void {
    for (let i = 0; i < PLACE_WORDS; i++) {
      places[at + i] = this.#places[this.#at + i]!;
    }
    this.#places = places;
    this.#at = at;
  }

  /**
   * Producer: takes the next slot. Its old content is still in it.
   *
   * @returns The slot's index, or `RING_FULL`.
   */
  claim(): number {
    const places = this.#places;
    const at = this.#at;
    const next = places[at]!;
    if (((next - places[at + 1]!) | 0) >= this.slotCount) {
      if (this.free() === 0) return RING_FULL;
    }
    places[at] = (next + 1) | 0;
    return next & this.#mask;
  }

  /** Producer: slots that can be claimed now without meeting a full ring. */
  free(): number {
    const places = this.#places;
    const at = this.#at;
    const seen = loadWord(this.#cursors, CONSUMER_WORD);
    places[at + PLACE_SEEN] = seen;
    return this.slotCount - ((places[at]! - seen) | 0);
  }

  /** Producer: the slot behind the last claimed one, modulo 2^32. */
  get claimed(): number {
    return this.#places[this.#at]!;
  }

  /** Producer: gives the last claimed, unpublished slot back. */
  unclaim(): void {
    this.#places[this.#at] = (this.#places[this.#at]! - 1) | 0;
  }

  /** Producer: gives every claimed, unpublished slot back. */
  discard(): void {
    this.#places[this.#at] = loadWord(this.#cursors, PRODUCER_WORD);
  }

  /** Producer: makes every claimed slot visible to the consumer. */
  publish(): void {
    storeWord(this.#cursors, PRODUCER_WORD, this.#places[this.#at]!);
  }

  /** Consumer: slots that are published and not released. */
  available(): number {
    const places = this.#places;
    const at = this.#at;
    const next = places[at]!;
    const cached = (places[at + PLACE_SEEN]! - next) | 0;
    if (cached > 0) return cached;
    const seen = loadWord(this.#cursors, PRODUCER_WORD);
    places[at + PLACE_SEEN] = seen;
    return (seen - next) | 0;
  }

  /** Consumer: index of the `ahead`-th unreleased slot; `ahead < available()`. */
  peek(ahead: number): number {
    return (this.#places[this.#at]! + ahead) & this.#mask;
  }

  /** Consumer: hands `count` slots back to the producer. */
  release(count: number): void {
    const next = (this.#places[this.#at]! + count) | 0;
    this.#places[this.#at] = next;
    storeWord(this.#cursors, CONSUMER_WORD, next);
  }

  /** A third that only watches, before the consumer: steps over `count` slots and hands none back. */
  pass(count: number): void {
    this.#places[this.#at] = (this.#places[this.#at]! + count) | 0;
  }

  /** Either side, or a third that only watches: slots in use right now. */
  depth(): number {
    return (loadWord(this.#cursors, PRODUCER_WORD) -
      loadWord(this.#cursors, CONSUMER_WORD)) | 0;
  }
}
