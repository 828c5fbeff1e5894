// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The displayed book as somebody knows it who hears the events and nothing
 * else. For limit orders that show all their leaves.
 *
 * @module
 */
import { EventKind, OrdStatus } from "../../engine/record/mod.ts";
import type { TestEvent } from "../exchange/support.ts";

interface KnownOrder {
  readonly side: number;
  readonly price: number;
  readonly leaves: number;
}

/** A book that is made of events. */
export class BookOfEvents {
  readonly #orders = new Map<number, KnownOrder>();

  /** Takes the events of one command. */
  hear(events: readonly TestEvent[]): void {
    for (const event of events) {
      const { kind, orderId, side, price, leaves, ordStatus } = event;
      if (
        kind !== EventKind.ACCEPTED && kind !== EventKind.FILLED &&
        kind !== EventKind.REPLACED && kind !== EventKind.CANCELED
      ) continue;
      if (
        ordStatus === OrdStatus.NEW || ordStatus === OrdStatus.PARTIALLY_FILLED
      ) this.#orders.set(orderId, { side, price, leaves });
      else this.#orders.delete(orderId);
    }
  }

  /** Both sides, as `Desk.book()` shows them. */
  show(): string {
    return `${this.#side(1)} | ${this.#side(2)}`.trim();
  }

  #side(side: number): string {
    const levels = new Map<number, [lots: number, orders: number]>();
    for (const order of this.#orders.values()) {
      if (order.side !== side) continue;
      const [lots, orders] = levels.get(order.price) ?? [0, 0];
      levels.set(order.price, [lots + order.leaves, orders + 1]);
    }
    return [...levels.entries()]
      .sort(([a], [b]) => side === 1 ? b - a : a - b)
      .map(([price, [lots, orders]]) => `${lots}@${price}(${orders})`)
      .join(" ");
  }
}
