// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds an order of a recorded feed by the feed's own 64-bit number.
 *
 * Open addressing with linear probing over flat arrays; removing moves later
 * entries back, so there are no tombstones. Grows by doubling, which is the
 * only allocation. Belongs to one reader; it keeps places, not orders.
 *
 * @module
 */

const CAPACITY_START = 1 << 16;

/** Map from a 64-bit number (two uint32) to a stock and a place in its book. */
export class FeedOrders {
  #mask = CAPACITY_START - 1;
  #hi = new Uint32Array(CAPACITY_START);
  #lo = new Uint32Array(CAPACITY_START);
  /** 0 = the entry is empty. */
  #order = new Int32Array(CAPACITY_START);
  #locate = new Uint16Array(CAPACITY_START);
  #count = 0;

  /** Orders in the map. */
  get count(): number {
    return this.#count;
  }

  /** Entry of a number; -1 = not there. Valid until the next change. */
  find(hi: number, lo: number): number {
    let at = hash(hi, lo) & this.#mask;
    while (this.#order[at] !== 0) {
      if (this.#lo[at] === lo && this.#hi[at] === hi) return at;
      at = (at + 1) & this.#mask;
    }
    return -1;
  }

  orderAt(entry: number): number {
    return this.#order[entry]!;
  }

  locateAt(entry: number): number {
    return this.#locate[entry]!;
  }

  /** Adds a number that is not there. @param order Not 0. */
  add(hi: number, lo: number, order: number, locate: number): void {
    if (this.#count * 2 > this.#mask) this.#grow();
    this.#insert(hi, lo, order, locate);
    this.#count++;
  }

  /** Removes an entry that `find()` gave. */
  remove(entry: number): void {
    let hole = entry;
    let at = entry;
    for (;;) {
      at = (at + 1) & this.#mask;
      if (this.#order[at] === 0) break;
      const home = hash(this.#hi[at]!, this.#lo[at]!) & this.#mask;
      // The entry may move to the hole if its home does not lie behind it.
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      this.#hi[hole] = this.#hi[at]!;
      this.#lo[hole] = this.#lo[at]!;
      this.#order[hole] = this.#order[at]!;
      this.#locate[hole] = this.#locate[at]!;
      hole = at;
    }
    this.#order[hole] = 0;
    this.#count--;
  }

  #insert(hi: number, lo: number, order: number, locate: number): void {
    let at = hash(hi, lo) & this.#mask;
    while (this.#order[at] !== 0) at = (at + 1) & this.#mask;
    this.#hi[at] = hi;
    this.#lo[at] = lo;
    this.#order[at] = order;
    this.#locate[at] = locate;
  }

  #grow(): void {
    const hi = this.#hi;
    const lo = this.#lo;
    const order = this.#order;
    const locate = this.#locate;
    const capacity = order.length * 2;
    this.#mask = capacity - 1;
    this.#hi = new Uint32Array(capacity);
    this.#lo = new Uint32Array(capacity);
    this.#order = new Int32Array(capacity);
    this.#locate = new Uint16Array(capacity);
    for (let i = 0; i < order.length; i++) {
      if (order[i] !== 0) this.#insert(hi[i]!, lo[i]!, order[i]!, locate[i]!);
    }
  }
}

function hash(hi: number, lo: number): number {
  let mixed = Math.imul(lo ^ (lo >>> 15), 0x2c1b3c6d) ^
    Math.imul(hi, 0x297a2d39);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
