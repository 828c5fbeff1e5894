// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where a pegged order stands, and how far a trailing stop follows. Reads the
 * book; changes nothing, allocates nothing. The rules are in
 * `docs/matching.md`, Pegs and Stops.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  ORDER_KIND,
  SIDE_BEST,
  SIDE_BEST_KEY,
  TERMS_FLAGS,
  TERMS_OFFSET,
  TERMS_PEG_LIMIT,
  TERMS_STOP_PRICE,
} from "../book/mod.ts";
import { OrdType, TermFlag } from "../record/mod.ts";
import type { TickTables } from "./ticks.ts";

/** The highest price. */
export const PRICE_MAX = 2147483647;

/** Price of the best displayed order of a side; 0 = there is none. */
export function bestPrice(book: Book, instrument: number, bit: number): number {
  const side = book.sideOf(instrument, bit);
  return book.i32[side + SIDE_BEST] === 0
    ? 0
    : book.i32[side + SIDE_BEST_KEY]! ^ (bit - 1);
}

/** Price at which a pegged order stands now; 0 = it has none. */
export function pegPrice(
  book: Book,
  ticks: TickTables,
  order: number,
  terms: number,
): number {
  const { i32 } = book;
  const kind = i32[order + ORDER_KIND]!;
  const instrument = kind & 0xffff;
  const type = kind >>> 24;
  const isBuy = (kind >>> 16 & 0xff) === 1;
  const bid = bestPrice(book, instrument, 0);
  const ask = bestPrice(book, instrument, 1);
  let price = 0;
  if (type === OrdType.PEG_MIDPOINT) {
    if (bid === 0 || ask === 0) return 0;
    price = isBuy ? Math.floor((bid + ask) / 2) : Math.ceil((bid + ask) / 2);
  } else {
    price = (type === OrdType.PEG_PRIMARY) === isBuy ? bid : ask;
    if (price === 0) return 0;
  }
  price += i32[terms + TERMS_OFFSET]!;
  const limit = i32[terms + TERMS_PEG_LIMIT]!;
  if (isBuy) {
    if (limit !== 0 && price > limit) price = limit;
    if (ask !== 0) price = Math.min(price, ticks.below(instrument, ask));
    return price > PRICE_MAX || price <= 0 ? 0 : ticks.floor(instrument, price);
  }
  if (limit !== 0 && price < limit) price = limit;
  if (bid !== 0) {
    const above = ticks.above(instrument, bid);
    if (above === 0) return 0;
    price = Math.max(price, above);
  }
  return price > PRICE_MAX || price <= 0 ? 0 : ticks.ceil(instrument, price);
}

/**
 * Stop price to which a trailing stop moves when the last trade was at `last`;
 * the one that it has if it does not move.
 */
export function trailedPrice(
  stopPrice: number,
  isBuy: boolean,
  flags: number,
  offset: number,
  last: number,
): number {
  const away = (flags & TermFlag.BASIS_POINTS) === 0
    ? offset
    : Math.max(1, Math.floor(last * offset / 10000));
  const price = isBuy ? last + away : last - away;
  if (price <= 0 || price > PRICE_MAX) return stopPrice;
  if (stopPrice === 0) return price;
  return isBuy ? Math.min(stopPrice, price) : Math.max(stopPrice, price);
}

/** The same for an order in the book. */
export function trailedPriceOf(
  book: Book,
  order: number,
  terms: number,
): number {
  const { i32 } = book;
  const kind = i32[order + ORDER_KIND]!;
  return trailedPrice(
    i32[terms + TERMS_STOP_PRICE]!,
    (kind >>> 16 & 0xff) === 1,
    i32[terms + TERMS_FLAGS]!,
    i32[terms + TERMS_OFFSET]!,
    i32[book.instrumentOf(kind & 0xffff) + INSTRUMENT_LAST_PRICE]!,
  );
}
