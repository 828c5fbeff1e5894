// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What receivers of the feed have in their books after what was sent.
 *
 * ```
 *   order id ─▶ ShownOrder ◀─▶ ShownOrder ...   the queue of one price, oldest first
 *                    └─▶ ShownLevel
 * ```
 *
 * It is changed with each message, never by the engine. Belongs to the feed's
 * thread, which may allocate. Prices are ticks, sizes lots.
 *
 * @module
 */

/** Orders of one price, as receivers have them. */
export interface ShownLevel {
  readonly book: number;
  readonly price: number;
  head: ShownOrder | undefined;
  tail: ShownOrder | undefined;
}

/** An order that receivers have. */
export interface ShownOrder {
  readonly id: number;
  /** The number by which messages call it. */
  readonly reference: number;
  readonly level: ShownLevel;
  lots: number;
  previous: ShownOrder | undefined;
  next: ShownOrder | undefined;
}

/** Number of an instrument's side among all. */
export function bookOf(instrument: number, sideBit: number): number {
  return instrument * 2 + sideBit;
}

/** The orders that are shown. */
export class FeedBook {
  readonly #orders = new Map<number, ShownOrder>();
  readonly #levels: Map<number, ShownLevel>[] = [];

  /** Orders shown. */
  get size(): number {
    return this.#orders.size;
  }

  /** The order of that id, if it is shown. */
  find(id: number): ShownOrder | undefined {
    return this.#orders.get(id);
  }

  /** Prices of a side, in no order. */
  levelsOf(book: number): IterableIterator<ShownLevel> {
    return (this.#levels[book] ?? new Map<number, ShownLevel>()).values();
  }

  /** The newest order of a price. */
  tailOf(book: number, price: number): ShownOrder | undefined {
    return this.#levels[book]?.get(price)?.tail;
  }

  /** Puts an order at the end of its price's queue. */
  append(
    id: number,
    reference: number,
    book: number,
    price: number,
    lots: number,
  ): void {
    const levels = this.#levels[book] ??= new Map();
    let level = levels.get(price);
    if (level === undefined) {
      level = { book, price, head: undefined, tail: undefined };
      levels.set(price, level);
    }
    const previous = level.tail;
    const order: ShownOrder = {
      id,
      reference,
      level,
      lots,
      previous,
      next: undefined,
    };
    if (previous === undefined) level.head = order;
    else previous.next = order;
    level.tail = order;
    this.#orders.set(id, order);
  }

  /** Takes an order away. */
  remove(order: ShownOrder): void {
    const { level, previous, next } = order;
    if (previous === undefined) level.head = next;
    else previous.next = next;
    if (next === undefined) level.tail = previous;
    else next.previous = previous;
    if (level.head === undefined) {
      this.#levels[level.book]!.delete(level.price);
    }
    this.#orders.delete(order.id);
  }
}
