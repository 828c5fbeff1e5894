// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What follows from a command: stops that trigger, pegs that move, orders that
 * waited for more lots; again and again, until nothing changes.
 *
 * @module
 */
import { EventKind, OrdType, Side, TermFlag } from "../../engine/record/mod.ts";
import {
  bestDisplayed,
  isOpen,
  otherSide,
  stopsOf,
  takeOut,
  watched,
} from "./book.ts";
import { tell } from "./events.ts";
import { available, place, requirementOf, waitAsStop } from "./placing.ts";
import { validAtOrAbove, validAtOrBelow } from "./ticks.ts";
import {
  byEntry,
  isPeg,
  type NaiveInstrument,
  type NaiveOrder,
  PRICE_MAX,
  type World,
} from "./world.ts";

/** Passes at which something must be wrong. */
const PASSES_MAX = 10_000;

/** Brings an open instrument to rest. */
export function settle(world: World, book: NaiveInstrument): void {
  for (let pass = 0; isOpen(book); pass++) {
    if (pass > PASSES_MAX) throw new Error("settling does not end");
    drainStops(world, book);
    if (!isOpen(book) || !onePass(world, book)) return;
  }
}

/** Triggers one stop after the other. */
function drainStops(world: World, book: NaiveInstrument): void {
  while (isOpen(book) && book.last !== 0) {
    for (const order of trailing(book)) trail(world, order);
    const ready = [book.buyStops[0], book.sellStops[0]]
      .filter((order) => order !== undefined)
      .filter((order) => triggers(book, order));
    const next = byEntry(ready)[0];
    if (next === undefined) return;
    trigger(world, next);
  }
}

function trailing(book: NaiveInstrument): NaiveOrder[] {
  return byEntry(
    [...book.buyStops, ...book.sellStops]
      .filter((order) => order.ordType === OrdType.TRAILING_STOP),
  );
}

/** Whether the last trade reached the stop price. */
export function triggers(book: NaiveInstrument, order: NaiveOrder): boolean {
  if (book.last === 0) return false;
  return order.side === Side.BUY
    ? book.last >= order.stopPrice
    : book.last <= order.stopPrice;
}

/** A stop comes to life. */
export function trigger(world: World, order: NaiveOrder): void {
  takeOut(world, order);
  order.triggered = true;
  tell(world, EventKind.TRIGGERED, order);
  place(world, order, order.price);
}

/** What a trailing stop goes by. */
export interface Trailing {
  readonly side: number;
  readonly flags: number;
  readonly offset: number;
  readonly stopPrice: number;
}

/** Stop price of a trailing stop after the last trade. */
export function trailedPrice(book: NaiveInstrument, order: Trailing): number {
  const { last } = book;
  const ticks = (order.flags & TermFlag.BASIS_POINTS) !== 0
    ? Math.max(1, Number(BigInt(last) * BigInt(order.offset) / 10000n))
    : order.offset;
  const price = order.side === Side.BUY ? last + ticks : last - ticks;
  const { stopPrice } = order;
  if (price <= 0 || price > PRICE_MAX) return stopPrice;
  if (stopPrice === 0) return price;
  return order.side === Side.BUY
    ? Math.min(stopPrice, price)
    : Math.max(stopPrice, price);
}

function trail(world: World, order: NaiveOrder): void {
  const price = trailedPrice(world.instrument(order.instrument), order);
  if (price === order.stopPrice) return;
  takeOut(world, order);
  order.stopPrice = price;
  waitAsStop(world, order);
}

/** Looks at each peg and each conditional order once. @returns true if one changed. */
function onePass(world: World, book: NaiveInstrument): boolean {
  let changed = false;
  for (const order of watched(world, book.index)) {
    if (order.ended) continue;
    if (!isOpen(book)) return false;
    const moved = isPeg(order.ordType)
      ? movePeg(world, book, order)
      : tryConditional(world, order);
    changed ||= moved;
  }
  return changed;
}

function tryConditional(world: World, order: NaiveOrder): boolean {
  if (
    order.where === "hidden" &&
    available(world, order, order.price) < requirementOf(order)
  ) return false;
  takeOut(world, order);
  place(world, order, order.price);
  return true;
}

/** Puts a peg to its price of now. */
export function movePeg(
  world: World,
  book: NaiveInstrument,
  order: NaiveOrder,
): boolean {
  const price = pegPrice(book, order);
  const stands = order.where === "hidden" ? order.at : undefined;
  if (price === stands) return false;
  takeOut(world, order);
  order.at = price ?? 0;
  if (price !== undefined) place(world, order, price);
  return true;
}

/** Where a peg belongs; undefined = nowhere. */
export function pegPrice(
  book: NaiveInstrument,
  order: NaiveOrder,
): number | undefined {
  const buys = order.side === Side.BUY;
  const opposite = bestDisplayed(book, otherSide(order.side));
  const reference = pegReference(book, order);
  if (reference === undefined) return undefined;
  let price = reference + order.offset;
  if (order.price !== 0) {
    price = buys ? Math.min(price, order.price) : Math.max(price, order.price);
  }
  if (opposite !== undefined) {
    if (buys) price = Math.min(price, validAtOrBelow(book, opposite - 1));
    else {
      const above = validAtOrAbove(book, opposite + 1);
      if (above === 0) return undefined;
      price = Math.max(price, above);
    }
  }
  if (price <= 0 || price > PRICE_MAX) return undefined;
  const valid = buys
    ? validAtOrBelow(book, price)
    : validAtOrAbove(book, price);
  return valid === 0 ? undefined : valid;
}

function pegReference(
  book: NaiveInstrument,
  order: NaiveOrder,
): number | undefined {
  const own = bestDisplayed(book, order.side);
  const opposite = bestDisplayed(book, otherSide(order.side));
  if (order.ordType === OrdType.PEG_PRIMARY) return own;
  if (order.ordType === OrdType.PEG_MARKET) return opposite;
  if (own === undefined || opposite === undefined) return undefined;
  const middle = (own + opposite) / 2;
  return order.side === Side.BUY ? Math.floor(middle) : Math.ceil(middle);
}

/** All waiting stops of an instrument, as they trigger: buys, then sells. */
export function waiting(book: NaiveInstrument): NaiveOrder[] {
  return [Side.BUY, Side.SELL].flatMap((side) => stopsOf(book, side));
}
