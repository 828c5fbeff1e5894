// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds a live order by its session and the session's own number for it.
 *
 * Open addressing with entries of 8 bytes: the order's record and its hash.
 * The low three bits of a reference choose the place in a cache line, the rest
 * is hashed with the session. So eight consecutive references of a session
 * share a line, and a long run of one session can not become a wall that the
 * others probe along. An entry that is removed is filled from behind; there
 * are no tombstones and the table never grows: it is at most half full.
 *
 * Owned by the exchange's thread. Allocates nothing after construction. Takes
 * a reference as a place in a float64 array, because a float64 argument of a
 * call that is not inlined would be allocated.
 *
 * @module
 */
import { assert } from "../assert.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  ENTRY_WORDS = 2,
  ORDER_REFERENCE_F64 = 5,
  ORDER_OWNER = 12,
  ORDER_SESSION_MASK = 0xffffff,
}

function capacityOf(ordersMax: number): number {
  let capacity = 64;
  while (capacity < ordersMax * 2) capacity *= 2;
  return capacity;
}

/** Live orders by (session, reference). */
export class OrderIndex {
  readonly #entries: Int32Array;
  /** The book's memory, where sessions and references stand. */
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #mask: number;
  readonly #wordMask: number;
  #size = 0;

  /** Bytes that an index for this many orders occupies; a multiple of 64. */
  static bytes(ordersMax: number): number {
    return capacityOf(ordersMax) * Fixed.ENTRY_WORDS * 4;
  }

  /**
   * @param memory Zeroed memory; the index owns `OrderIndex.bytes()` of it.
   * @param byteOffset Where they start; a multiple of 64.
   * @param i32 The book's words.
   * @param f64 The book's float64 elements.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    ordersMax: number,
    i32: Int32Array,
    f64: Float64Array,
  ) {
    const capacity = capacityOf(ordersMax);
    this.#entries = new Int32Array(
      memory,
      byteOffset,
      capacity * Fixed.ENTRY_WORDS,
    );
    this.#i32 = i32;
    this.#f64 = f64;
    this.#mask = capacity - 1;
    this.#wordMask = capacity * Fixed.ENTRY_WORDS - 1;
  }

  /** Number of orders in the index. */
  get size(): number {
    return this.#size;
  }

  /** After the memory was restored: how many orders it holds. */
  restore(size: number): void {
    this.#size = size;
  }

  /** The session's order whose reference stands in `f64[at]`; 0 if unknown. */
  find(session: number, f64: Float64Array, at: number): number {
    const entries = this.#entries;
    const wordMask = this.#wordMask;
    const reference = f64[at]!;
    const hash = hashOf(session, reference >>> 0);
    let entry = (hash & this.#mask) << 1;
    let order = entries[entry]!;
    while (order !== 0) {
      if (
        entries[entry + 1] === hash &&
        this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] === reference &&
        (this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK) ===
          session
      ) return order;
      entry = (entry + Fixed.ENTRY_WORDS) & wordMask;
      order = entries[entry]!;
    }
    return 0;
  }

  /** Adds an order, whose record holds session and reference; it is not in. */
  insert(order: number): void {
    const entries = this.#entries;
    const wordMask = this.#wordMask;
    const hash = hashOf(
      this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK,
      this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64]! >>> 0,
    );
    let entry = (hash & this.#mask) << 1;
    while (entries[entry] !== 0) entry = (entry + Fixed.ENTRY_WORDS) & wordMask;
    entries[entry] = order;
    entries[entry + 1] = hash;
    this.#size++;
  }

  /** Removes an order that is in, by its record. */
  remove(order: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    const wordMask = this.#wordMask;
    const hash = hashOf(
      this.#i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK,
      this.#f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64]! >>> 0,
    );
    let hole = (hash & mask) << 1;
    while (entries[hole] !== order) {
      assert(entries[hole] !== 0, "order index: order is not there");
      hole = (hole + Fixed.ENTRY_WORDS) & wordMask;
    }
    let entry = (hole + Fixed.ENTRY_WORDS) & wordMask;
    let other = entries[entry]!;
    while (other !== 0) {
      const home = (entries[entry + 1]! & mask) << 1;
      if (((entry - home) & wordMask) >= ((entry - hole) & wordMask)) {
        entries[hole] = other;
        entries[hole + 1] = entries[entry + 1]!;
        hole = entry;
      }
      entry = (entry + Fixed.ENTRY_WORDS) & wordMask;
      other = entries[entry]!;
    }
    entries[hole] = 0;
    this.#size--;
  }
}

/** Low three bits as they are, the others hashed with the session. */
function hashOf(session: number, reference: number): number {
  let hash = Math.imul(
    (reference >>> 3) ^ Math.imul(session, 0x9e3779b1),
    0x85ebca6b,
  );
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return (hash << 3) | (reference & 7);
}
