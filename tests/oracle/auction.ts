// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Call auctions: the price, by trying all of them, and the trades at it.
 *
 * @module
 */
import { EventKind, Side } from "../../engine/record/mod.ts";
import { nextSlice, trimSlice } from "./book.ts";
import { tellFill, tellHouse } from "./events.ts";
import { cancelPartners, exchangeLots, leave } from "./placing.ts";
import { isValid, validAtOrAbove, validAtOrBelow } from "./ticks.ts";
import {
  type Indication,
  LARGEST,
  type NaiveInstrument,
  type NaiveOrder,
  PRICE_MAX,
  type World,
} from "./world.ts";

/** What a call tells if nothing would trade. */
export const NOTHING: Indication = { price: 0, volume: 0, imbalance: 0 };
/** Prices between the lowest and the highest of a book that are all tried. */
const TRIED_MAX = 20_000;

/** Lots of orders that would trade at a price; the sum ends at the largest number. */
function lotsAt(orders: readonly NaiveOrder[], price: number): number {
  let sum = 0;
  for (const order of orders) {
    const trades = order.side === Side.BUY
      ? order.at >= price
      : order.at <= price;
    if (trades) sum = Math.min(sum + order.leaves, LARGEST);
  }
  return sum;
}

/** The price of an auction; undefined if nothing would trade. */
export function auctionPrice(book: NaiveInstrument): Indication | undefined {
  const target = book.reference || book.last || middleOf(book);
  if (target === 0) return undefined;
  let best: Indication | undefined;
  for (const price of candidates(book, target)) {
    const bought = lotsAt(book.bids, price);
    const sold = lotsAt(book.asks, price);
    const volume = Math.min(bought, sold);
    if (volume === 0) continue;
    const found = { price, volume, imbalance: bought - sold };
    if (best === undefined || isBetter(found, best, target)) best = found;
  }
  return best;
}

/** The middle of the best limit prices; 0 if no order has a limit. */
function middleOf(book: NaiveInstrument): number {
  const limits = (orders: readonly NaiveOrder[]) =>
    orders.map((order) => order.at).filter(Number.isFinite);
  const bids = limits(book.bids);
  const asks = limits(book.asks);
  if (bids.length === 0 && asks.length === 0) return 0;
  if (bids.length === 0) return Math.min(...asks);
  if (asks.length === 0) return Math.max(...bids);
  return Math.floor((Math.max(...bids) + Math.min(...asks)) / 2);
}

function isBetter(a: Indication, b: Indication, target: number): boolean {
  if (a.volume !== b.volume) return a.volume > b.volume;
  const more = Math.abs(a.imbalance) - Math.abs(b.imbalance);
  if (more !== 0) return more < 0;
  const further = Math.abs(a.price - target) - Math.abs(b.price - target);
  return further !== 0 ? further < 0 : a.price > b.price;
}

/**
 * Prices to try: each valid one from below the lowest to above the highest of
 * the book. Beyond these nothing changes any more, so that of the others only
 * those next to the target can be best. Where the book is very wide, only the
 * prices of its orders and their neighbours: between them nothing changes.
 */
function candidates(book: NaiveInstrument, target: number): number[] {
  const low = Math.max(1, book.bandLow);
  const high = book.bandHigh === 0 ? PRICE_MAX : book.bandHigh;
  const near = Math.min(Math.max(target, low), high);
  const tried = new Set([near]);
  const around = (price: number) => {
    tried.add(validAtOrBelow(book, price));
    tried.add(validAtOrAbove(book, price));
  };
  around(near);
  const prices = [...book.bids, ...book.asks].map((order) => order.at)
    .filter(Number.isFinite);
  const lowest = Math.min(...prices);
  const highest = Math.max(...prices);
  for (const price of prices) {
    around(price - 1);
    around(price);
    around(price + 1);
  }
  if (highest - lowest <= TRIED_MAX) {
    for (let price = lowest; price <= highest; price++) tried.add(price);
  }
  return [...tried].filter((price) =>
    isValid(book, price) && price >= low && price <= high
  );
}

/** Trades what can be traded at one price. */
export function uncross(world: World, book: NaiveInstrument): void {
  const found = auctionPrice(book);
  tellHouse(world, EventKind.UNCROSSED, {
    instrument: book.index,
    price: found?.price ?? 0,
    quantity: found?.volume ?? 0,
  });
  if (found === undefined) return;
  const traded = new Set<NaiveOrder>();
  const { price } = found;
  for (;;) {
    const buy = book.bids[0];
    const sell = book.asks[0];
    if (buy === undefined || sell === undefined) break;
    if (buy.at < price || sell.at > price) break;
    const quantity = Math.min(buy.leaves, sell.leaves);
    const both = [buy, sell];
    exchangeLots(world, both, price, quantity);
    for (const order of both) {
      tellFill(world, order, price, quantity, 0);
      traded.add(order);
    }
    cancelPartners(world, both);
    for (const order of both) if (order.leaves === 0) leave(world, order);
  }
  if (traded.size > 0) book.reference = price;
  for (const order of traded) {
    if (order.ended) continue;
    if (order.displayQuantity === 0) trimSlice(order);
    else order.shown = nextSlice(world, order);
  }
}

/** Tells what the auction would do now, if that is new. */
export function indicate(world: World, book: NaiveInstrument): void {
  const found = auctionPrice(book) ?? NOTHING;
  const { told } = book;
  if (
    told.price === found.price &&
    told.volume === found.volume && told.imbalance === found.imbalance
  ) return;
  book.told = found;
  tellHouse(world, EventKind.INDICATIVE, {
    instrument: book.index,
    price: found.price,
    quantity: found.volume,
    leaves: found.imbalance,
  });
}
