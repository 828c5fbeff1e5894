// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The oracle by itself: what must hold whatever the engine does, and the
 * auction price against a search of every price there is.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventKind, OrdStatus, TradingState } from "../../engine/record/mod.ts";
import type { TestEvent } from "../exchange/support.ts";
import { auctionPrice } from "./auction.ts";
import { NaiveExchange } from "./naive_exchange.ts";
import { Random } from "./random.ts";
import { commandsOf, SHAPES } from "./shapes.ts";
import { isValid } from "./ticks.ts";
import {
  type Indication,
  type NaiveInstrument,
  type NaiveOrder,
  newInstrument,
} from "./world.ts";

/** Lots of orders on one side that would trade at a price. */
function lotsAt(orders: readonly NaiveOrder[], price: number): number {
  return orders
    .filter((o) => o.side === 1 ? o.at >= price : o.at <= price)
    .reduce((sum, o) => sum + o.leaves, 0);
}

/** The price to which an auction's price shall be near; 0 = there is none. */
function targetOf(book: NaiveInstrument): number {
  const limits = (orders: readonly NaiveOrder[]) =>
    orders.map((order) => order.at).filter(Number.isFinite);
  const best = [
    ...limits(book.bids).sort((a, b) => b - a).slice(0, 1),
    ...limits(book.asks).sort((a, b) => a - b).slice(0, 1),
  ];
  const middle = best.length === 0
    ? 0
    : Math.floor((best[0]! + best.at(-1)!) / 2);
  return book.reference || book.last || middle;
}

/** The rule of `docs/matching.md`, over every price from 1 to `highest`. */
function searched(
  book: NaiveInstrument,
  highest: number,
): Indication | undefined {
  const target = targetOf(book);
  if (target === 0) return undefined;
  const found: Indication[] = [];
  for (let price = 1; price <= highest; price++) {
    if (!isValid(book, price) || price < book.bandLow) continue;
    if (book.bandHigh !== 0 && price > book.bandHigh) continue;
    const bought = lotsAt(book.bids, price);
    const sold = lotsAt(book.asks, price);
    const volume = Math.min(bought, sold);
    if (volume > 0) found.push({ price, volume, imbalance: bought - sold });
  }
  return found.sort((a, b) =>
    b.volume - a.volume || Math.abs(a.imbalance) - Math.abs(b.imbalance) ||
    Math.abs(a.price - target) - Math.abs(b.price - target) ||
    b.price - a.price
  )[0];
}

function randomBook(random: Random): NaiveInstrument {
  const book = newInstrument(0);
  for (const [side, orders] of [[1, book.bids], [2, book.asks]] as const) {
    const count = random.draw(5);
    for (let i = 0; i < count; i++) {
      const market = random.draw(8) === 0;
      const at = 10 + random.draw(12) - (side === 1 ? 0 : 4);
      orders.push({
        side,
        at: !market ? at : side === 1 ? Infinity : -Infinity,
        leaves: 1 + random.draw(4),
      } as NaiveOrder);
    }
  }
  if (random.draw(2) === 0) book.reference = 1 + random.draw(30);
  if (random.draw(3) === 0) book.last = 1 + random.draw(30);
  if (random.draw(4) === 0) {
    book.bandLow = 5 + random.draw(10);
    book.bandHigh = book.bandLow + random.draw(12);
  }
  if (random.draw(3) === 0) {
    book.ticks.push({ from: 0, step: 1 + random.draw(3) });
    book.ticks.push({ from: 12 + random.draw(6), step: 1 + random.draw(5) });
  }
  return book;
}

Deno.test("auctionPrice() finds what a search of every price finds, 20000 books, seed 9", () => {
  const random = new Random(9);
  let priced = 0;
  for (let i = 0; i < 20_000; i++) {
    const book = randomBook(random);
    const expected = searched(book, 60);
    assertEquals(auctionPrice(book), expected, `book ${i}`);
    if (expected !== undefined) priced++;
  }
  assert(priced > 5000, `${priced} books had a price`);
});

/** What every event about an order says of itself. */
function checkEvent(event: TestEvent, note: string): void {
  const about = event.orderId !== 0 && event.kind !== EventKind.WARNING;
  if (!about || event.kind === EventKind.CANCEL_REJECTED) return;
  const ended = event.ordStatus === OrdStatus.CANCELED ||
    event.ordStatus === OrdStatus.EXPIRED;
  if (ended) assertEquals(event.leaves, 0, note);
  else assertEquals(event.quantity, event.cum + event.leaves, note);
  assert(event.cum >= 0 && event.leaves >= 0, note);
  if (event.kind === EventKind.FILLED) {
    assert(event.lastQuantity > 0 && event.cum >= event.lastQuantity, note);
    assertEquals(event.ordStatus === OrdStatus.FILLED, event.leaves === 0);
  }
}

/** What the book says at any time. */
function checkBook(book: NaiveInstrument, note: string): void {
  for (const order of [...book.bids, ...book.asks]) {
    assert(!order.ended && order.leaves > 0, note);
    assert(order.shown > 0 && order.shown <= order.leaves, note);
    assert(order.leaves <= order.quantity, note);
    if (order.link !== undefined) assertEquals(order.link.link, order, note);
  }
  // Tick tables and price bands may leave a crossed book without a price.
  const free = book.ticks.length === 0 && book.bandHigh === 0;
  if (book.state !== TradingState.OPEN || !free) return;
  const bid = book.bids.find((order) => order.where === "displayed");
  const ask = book.asks.find((order) => order.where === "displayed");
  if (bid !== undefined && ask !== undefined) assert(bid.at < ask.at, note);
}

SHAPES.forEach((shape, k) => {
  const seed = 300 + k;
  Deno.test(`NaiveExchange keeps what must hold: ${shape.name}, seed ${seed}`, () => {
    const naive = new NaiveExchange({ ordersMax: 300, ...shape.setup });
    let sequence = 0;
    let lots = 0;
    for (const command of commandsOf(shape, seed, 2000)) {
      const note = `command ${++sequence}: ${JSON.stringify(command)}`;
      for (const event of naive.apply(command, sequence)) {
        checkEvent(event, note);
        if (event.kind === EventKind.FILLED) {
          lots += event.side === 1 ? event.lastQuantity : -event.lastQuantity;
        }
      }
      assertEquals(lots, 0, `${note}: as much is bought as is sold`);
      // Bands may go while a book that they kept crossed is there.
      const settled = !shape.first && shape.shape.settings === undefined;
      for (const book of naive.instruments.values()) {
        if (settled) checkBook(book, note);
      }
    }
  });
});
