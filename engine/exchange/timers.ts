// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Orders that end at a time, the next to end first: a binary heap of terms.
 *
 * Its memory comes from the caller; word 0 holds the size. Owned by the
 * exchange's thread. Allocates nothing after construction. It reads no clock:
 * who asks brings the time.
 *
 * @module
 */
import {
  type Book,
  ORDER_ID_F64,
  TERMS_EXPIRE_HI,
  TERMS_EXPIRE_LO,
  TERMS_ORDER,
  TERMS_TIMER,
} from "../book/mod.ts";

/** The times at which orders end. */
export class Timers {
  readonly #heap: Int32Array;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  /** Bytes for this many orders; a multiple of 64. */
  static bytes(specialMax: number): number {
    return Math.ceil((specialMax + 2) / 16) * 64;
  }

  constructor(memory: ArrayBufferLike, byteOffset: number, book: Book) {
    this.#heap = new Int32Array(memory, byteOffset, book.specialMax + 2);
    this.#i32 = book.i32;
    this.#f64 = book.f64;
  }

  /** Orders that wait for their end. */
  get size(): number {
    return this.#heap[0]!;
  }

  /** Terms of the order that ends first; 0 = there is none. */
  get first(): number {
    return this.size === 0 ? 0 : this.#heap[1]!;
  }

  /** Adds an order by its terms, which hold the time. */
  add(terms: number): void {
    const at = this.size + 1;
    this.#heap[0] = at;
    this.#up(at, terms);
  }

  /** Removes an order by its terms, if it is there. */
  remove(terms: number): void {
    const at = this.#i32[terms + TERMS_TIMER]!;
    if (at === 0) return;
    this.#i32[terms + TERMS_TIMER] = 0;
    const size = this.size;
    const last = this.#heap[size]!;
    this.#heap[0] = size - 1;
    if (at === size) return;
    if (at > 1 && this.#isBefore(last, this.#heap[at >> 1]!)) {
      this.#up(at, last);
    } else this.#down(at, last);
  }

  #up(from: number, terms: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 1 && this.#isBefore(terms, heap[at >> 1]!)) {
      this.#put(at, heap[at >> 1]!);
      at >>= 1;
    }
    this.#put(at, terms);
  }

  #down(from: number, terms: number): void {
    const heap = this.#heap;
    const size = this.size;
    let at = from;
    for (;;) {
      let child = at * 2;
      if (child > size) break;
      if (child < size && this.#isBefore(heap[child + 1]!, heap[child]!)) {
        child++;
      }
      if (!this.#isBefore(heap[child]!, terms)) break;
      this.#put(at, heap[child]!);
      at = child;
    }
    this.#put(at, terms);
  }

  #put(at: number, terms: number): void {
    this.#heap[at] = terms;
    this.#i32[terms + TERMS_TIMER] = at;
  }

  /** By time, then by order id. */
  #isBefore(a: number, b: number): boolean {
    const i32 = this.#i32;
    const hi = (i32[a + TERMS_EXPIRE_HI]! >>> 0) -
      (i32[b + TERMS_EXPIRE_HI]! >>> 0);
    if (hi !== 0) return hi < 0;
    const lo = (i32[a + TERMS_EXPIRE_LO]! >>> 0) -
      (i32[b + TERMS_EXPIRE_LO]! >>> 0);
    if (lo !== 0) return lo < 0;
    return this.#idOf(a) < this.#idOf(b);
  }

  #idOf(terms: number): number {
    return this.#f64[(this.#i32[terms + TERMS_ORDER]! >> 1) + ORDER_ID_F64]!;
  }
}
