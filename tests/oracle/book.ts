// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The oracle's book: who stands where, in which order, and for how much.
 *
 * Each side is one array in priority; both halves lie in it. Waiting stops lie
 * in arrays of their own, in the order in which they trigger.
 *
 * @module
 */
import {
  OrdType,
  Reason,
  Side,
  TermFlag,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  byEntry,
  has,
  isAuctionOnly,
  isConditional,
  isPeg,
  LARGEST,
  type NaiveInstrument,
  type NaiveOrder,
  PRICE_MAX,
  type World,
} from "./world.ts";

export function otherSide(side: number): number {
  return side === Side.BUY ? Side.SELL : Side.BUY;
}

/** Orders of one side in priority. */
export function sideOf(book: NaiveInstrument, side: number): NaiveOrder[] {
  return side === Side.BUY ? book.bids : book.asks;
}

/** Waiting stops of one side; the first is the next to trigger. */
export function stopsOf(book: NaiveInstrument, side: number): NaiveOrder[] {
  return side === Side.BUY ? book.buyStops : book.sellStops;
}

/** True if a price is worse for the taker of this side: higher for a buy. */
export function isWorse(side: number, price: number, than: number): boolean {
  return side === Side.BUY ? price > than : price < than;
}

/** Whether an order belongs to the hidden half. */
export function isHidden(order: NaiveOrder): boolean {
  return has(order, TermFlag.HIDDEN) || isConditional(order) ||
    isPeg(order.ordType);
}

/** Best price of a side, displayed or hidden; undefined if there is none. */
export function bestOf(
  book: NaiveInstrument,
  side: number,
): number | undefined {
  return sideOf(book, side)[0]?.at;
}

/** Best displayed limit price of a side; undefined if there is none. */
export function bestDisplayed(
  book: NaiveInstrument,
  side: number,
): number | undefined {
  return sideOf(book, side)
    .find((o) => o.where === "displayed" && Number.isFinite(o.at))?.at;
}

/** Better price first, displayed before hidden, older before younger. */
function isBefore(a: NaiveOrder, b: NaiveOrder): boolean {
  if (a.at !== b.at) return isWorse(otherSide(a.side), b.at, a.at);
  if (a.where !== b.where) return a.where === "displayed";
  return a.arrival < b.arrival;
}

/** Buy stops: lowest price first; sell stops: highest first; then older first. */
function triggersBefore(a: NaiveOrder, b: NaiveOrder): boolean {
  if (a.stopPrice !== b.stopPrice) {
    return isWorse(a.side, b.stopPrice, a.stopPrice);
  }
  return a.arrival < b.arrival;
}

function insert(
  queue: NaiveOrder[],
  order: NaiveOrder,
  before: (a: NaiveOrder, b: NaiveOrder) => boolean,
): void {
  const at = queue.findIndex((other) => before(order, other));
  if (at < 0) queue.push(order);
  else queue.splice(at, 0, order);
}

/** Takes an order out of wherever it stands. */
export function takeOut(world: World, order: NaiveOrder): void {
  const book = world.instrument(order.instrument);
  const queue = order.where === "stops"
    ? stopsOf(book, order.side)
    : sideOf(book, order.side);
  if (order.where !== "nowhere") queue.splice(queue.indexOf(order), 1);
  order.where = "nowhere";
}

/** Puts a stop at the end of the queue of its stop price, which has room. */
export function putInStops(world: World, order: NaiveOrder): void {
  order.where = "stops";
  order.arrival = ++world.arrivals;
  insert(
    stopsOf(world.instrument(order.instrument), order.side),
    order,
    triggersBefore,
  );
}

/** Price at which an order joins an auction, or rests. */
export function restingPrice(order: NaiveOrder): number {
  if (order.ordType !== OrdType.MARKET) return order.price;
  return order.side === Side.BUY ? Infinity : -Infinity;
}

/** Puts an order at the end of the queue of a price. */
export function putInBook(world: World, order: NaiveOrder, at: number): void {
  order.where = isHidden(order) ? "hidden" : "displayed";
  order.at = at;
  enqueue(world, order);
}

function enqueue(world: World, order: NaiveOrder): void {
  order.arrival = ++world.arrivals;
  order.shown = order.displayQuantity === 0
    ? order.leaves
    : nextSlice(world, order);
  insert(
    sideOf(world.instrument(order.instrument), order.side),
    order,
    isBefore,
  );
}

/** The slice of an iceberg is used up: the next one goes to the end of its queue. */
export function refresh(world: World, order: NaiveOrder): void {
  const queue = sideOf(world.instrument(order.instrument), order.side);
  queue.splice(queue.indexOf(order), 1);
  enqueue(world, order);
}

/** Draws the lots that an iceberg shows next. */
export function nextSlice(world: World, order: NaiveOrder): number {
  let lots = order.displayQuantity;
  if (order.displayRange > 0) {
    lots += -order.displayRange +
      random(world, order) % (2 * order.displayRange + 1);
  }
  order.draws++;
  return Math.min(order.leaves, lots);
}

/** A number from 0 to 2^32 - 1 out of the command's stamp. */
function random(world: World, order: NaiveOrder): number {
  const words = [
    world.now % 2 ** 32,
    world.sequence % 2 ** 32,
    order.id % 2 ** 32,
  ] as const;
  let x = mix(mix(words[0]) ^ words[1]);
  x ^= words[2] ^ Math.imul(order.draws, 0x9e3779b9);
  return mix(x);
}

function mix(word: number): number {
  let x = word >>> 0;
  x = (x ^ (x >>> 16)) >>> 0;
  x = Math.imul(x, 0x7feb352d) >>> 0;
  x = (x ^ (x >>> 15)) >>> 0;
  x = Math.imul(x, 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

/** An order may have lost lots: its slice is not more than what is left. */
export function trimSlice(order: NaiveOrder): void {
  order.shown = order.displayQuantity === 0
    ? order.leaves
    : Math.min(order.shown, order.leaves);
}

/** Whether a stop could wait at a stop price with these leaves. */
export function stopRoom(
  world: World,
  order: NaiveOrder,
  stopPrice: number,
  leaves: number,
): Reason {
  if (order.side === Side.BUY && stopPrice === PRICE_MAX) {
    return Reason.PRICE_OUT_OF_RANGE;
  }
  const queue = stopsOf(world.instrument(order.instrument), order.side)
    .filter((other) => other !== order && other.stopPrice === stopPrice);
  return fits(queue, leaves);
}

/** Whether the lots of a queue stay an exact number. */
function fits(queue: readonly NaiveOrder[], leaves: number): Reason {
  let sum = BigInt(leaves);
  for (const other of queue) sum += BigInt(other.leaves);
  return sum > BigInt(LARGEST) ? Reason.QUANTITY_TOO_LARGE : Reason.NONE;
}

/**
 * Whether an order could rest at a price with these leaves. The highest price
 * of all is none to rest at. That there is room for another level is the
 * engine's business, the oracle has all of them.
 */
export function room(
  world: World,
  order: NaiveOrder,
  at: number,
  leaves: number,
): Reason {
  if (at === PRICE_MAX) return Reason.PRICE_OUT_OF_RANGE;
  const half = isHidden(order) ? "hidden" : "displayed";
  const queue = sideOf(world.instrument(order.instrument), order.side)
    .filter((other) =>
      other !== order && other.at === at && other.where === half
    );
  return fits(queue, leaves);
}

/** True if what is not traded at once stays: in the book, as a stop, for an auction. */
export function canRest(ordType: number, timeInForce: number): boolean {
  if (timeInForce === 3 || timeInForce === 4) return false;
  return ordType !== OrdType.MARKET || isAuctionOnly(timeInForce);
}

/** Orders of an instrument that settling may move: pegs and conditional ones. */
export function watched(world: World, instrument: number): NaiveOrder[] {
  return byEntry(
    [...world.special].filter((order) =>
      order.instrument === instrument &&
      (isPeg(order.ordType) || isConditional(order))
    ),
  );
}

export function isOpen(book: NaiveInstrument): boolean {
  return book.state === TradingState.OPEN;
}
