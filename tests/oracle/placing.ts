// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What happens when an order meets the other side of an open book.
 *
 * @module
 */
import {
  EventKind,
  OrdStatus,
  OrdType,
  Reason,
  Side,
  StpMode,
  StpScope,
  TermFlag,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  bestOf,
  isWorse,
  otherSide,
  putInBook,
  putInStops,
  refresh,
  room,
  sideOf,
  stopRoom,
  takeOut,
  trimSlice,
} from "./book.ts";
import { statusOf, tell, tellEnd, tellFill } from "./events.ts";
import { move } from "./risk.ts";
import { enterState } from "./states.ts";
import {
  has,
  isConditional,
  type NaiveInstrument,
  type NaiveOrder,
  type World,
} from "./world.ts";

/** Lots that must trade at a time; 0 = any. */
export function requirementOf(order: NaiveOrder): number {
  return has(order, TermFlag.ALL_OR_NONE)
    ? order.leaves
    : Math.min(order.minQuantity, order.leaves);
}

/** True if it takes what there is and never rests. */
function isMarket(order: NaiveOrder): boolean {
  return order.ordType === OrdType.MARKET || order.ordType === OrdType.STOP ||
    order.ordType === OrdType.TRAILING_STOP;
}

/** Ends an order that lives, wherever it is. */
export function end(
  world: World,
  order: NaiveOrder,
  reason: Reason,
  status: number = OrdStatus.CANCELED,
): void {
  tellEnd(world, order, reason, status);
  leave(world, order);
}

/** Takes an order that ended out of everything. */
export function leave(world: World, order: NaiveOrder): void {
  takeOut(world, order);
  unlink(order);
  order.ended = true;
  world.forget(order);
  world.touch(order.instrument);
}

/** Takes the link of an order away, on both ends. */
function unlink(order: NaiveOrder): void {
  if (order.link !== undefined) order.link.link = undefined;
  order.link = undefined;
}

/** The worst price that a market order may trade at. */
function marketLimit(book: NaiveInstrument, side: number): number {
  const buys = side === Side.BUY;
  const best = bestOf(book, otherSide(side));
  const limits = [];
  if (book.marketCollar !== 0 && best !== undefined) {
    limits.push(buys ? best + book.marketCollar : best - book.marketCollar);
  }
  if (buys && book.bandHigh !== 0) limits.push(book.bandHigh);
  if (!buys && book.bandLow !== 0) limits.push(book.bandLow);
  return buys ? Math.min(...limits) : Math.max(...limits);
}

/**
 * Trades an order as a taker and lets the rest rest or end. The instrument is
 * open and the order in no queue.
 *
 * @param price Its limit; ignored for orders without one.
 */
export function place(world: World, order: NaiveOrder, price: number): void {
  const book = world.instrument(order.instrument);
  let limit = price;
  if (isMarket(order)) limit = marketLimit(book, order.side);
  const toLimit = order.ordType === OrdType.MARKET_TO_LIMIT && price === 0;
  if (toLimit) {
    const best = bestOf(book, otherSide(order.side));
    if (best === undefined) {
      end(world, order, Reason.NO_LIQUIDITY);
      return;
    }
    limit = best;
    order.price = best;
  }
  const refusal = refusalOfNeed(world, order, limit);
  if (refusal !== undefined) {
    if (refusal === Reason.NONE) rest(world, order, limit);
    else end(world, order, refusal);
    return;
  }
  const interrupted = !trade(world, order, limit);
  if (order.ended) return;
  if (order.leaves === 0) leave(world, order);
  else settleRest(world, order, limit, toLimit, interrupted);
  if (interrupted) {
    enterState(
      world,
      book,
      TradingState.VOLATILITY_AUCTION,
      book.volatilityTime,
      TradingState.OPEN,
    );
  }
}

/**
 * What becomes of an order that needs many lots at once and cannot have them:
 * the reason why it ends, NONE if it rests untouched; undefined = it trades.
 */
function refusalOfNeed(
  world: World,
  order: NaiveOrder,
  limit: number,
): Reason | undefined {
  const fok = order.timeInForce === TimeInForce.FOK;
  if (!fok && !isConditional(order)) return undefined;
  const needed = fok ? order.leaves : requirementOf(order);
  if (available(world, order, limit) >= needed) return undefined;
  if (fok) return Reason.FOK_NOT_FILLABLE;
  return order.timeInForce === TimeInForce.IOC
    ? Reason.MIN_QUANTITY_NOT_MET
    : Reason.NONE;
}

/** Lots that an order could trade at once, up to this price. */
export function available(
  world: World,
  taker: NaiveOrder,
  limit: number,
): number {
  const book = world.instrument(taker.instrument);
  const makers = sideOf(book, otherSide(taker.side)).filter((maker) =>
    !isWorse(taker.side, maker.at, limit) && !isTooFar(book, maker.at)
  );
  const mode = modeOf(world, taker);
  const own = (maker: NaiveOrder) =>
    mode !== StpMode.NONE && isOwn(world, taker, maker);
  const stop = mode === StpMode.CANCEL_OLDEST
    ? undefined
    : makers.find((maker) => own(maker));
  let rest = taker.leaves;
  const counted = new Set<NaiveOrder>();
  for (const maker of makers) {
    const last = stop !== undefined && maker.at === stop.at &&
      maker.where === stop.where;
    if (maker === stop) break;
    if (own(maker) || requirementOf(maker) > rest) continue;
    // The first of two linked orders that trades ends the other.
    if (maker.link === taker && rest < taker.leaves) continue;
    if (maker.link !== undefined && counted.has(maker.link)) continue;
    counted.add(maker);
    rest -= Math.min(rest, last ? maker.shown : maker.leaves);
  }
  return taker.leaves - rest;
}

/** Whether a trade at this price would leave the volatility range. */
function isTooFar(book: NaiveInstrument, price: number): boolean {
  return book.volatilityRange !== 0 && book.reference !== 0 &&
    Math.abs(price - book.reference) > book.volatilityRange;
}

/** Trades as far as it goes. @returns false if it stopped at the volatility range. */
function trade(world: World, taker: NaiveOrder, limit: number): boolean {
  const book = world.instrument(taker.instrument);
  const mode = modeOf(world, taker);
  while (!taker.ended && taker.leaves > 0) {
    const maker = sideOf(book, otherSide(taker.side)).find((other) =>
      !isWorse(taker.side, other.at, limit) &&
      requirementOf(other) <= taker.leaves
    );
    if (maker === undefined) return true;
    if (isTooFar(book, maker.at)) return false;
    if (mode !== StpMode.NONE && isOwn(world, taker, maker)) {
      prevent(world, maker, taker, mode);
    } else match(world, maker, taker);
  }
  return true;
}

/** One trade at the maker's price. */
function match(world: World, maker: NaiveOrder, taker: NaiveOrder): void {
  const quantity = Math.min(maker.shown, taker.leaves);
  exchangeLots(world, [maker, taker], maker.at, quantity);
  maker.shown -= quantity;
  tellFill(world, maker, maker.at, quantity, 0);
  tellFill(world, taker, maker.at, quantity, 1);
  cancelPartners(world, [maker, taker]);
  if (maker.ended) return;
  if (maker.leaves === 0) leave(world, maker);
  else if (maker.shown === 0) refresh(world, maker);
}

/** Moves lots between two orders and their accounts. */
export function exchangeLots(
  world: World,
  orders: readonly NaiveOrder[],
  price: number,
  quantity: number,
): void {
  world.trades++;
  for (const order of orders) {
    order.leaves -= quantity;
    order.notional += quantity * price;
    move(world, order, quantity);
    world.instrument(order.instrument).last = price;
    world.touch(order.instrument);
  }
}

/** Cancels the orders that are linked to those that traded. */
export function cancelPartners(
  world: World,
  traded: readonly NaiveOrder[],
): void {
  for (const order of traded) {
    const partner = order.link;
    // They may have traded with each other: one that is filled goes by itself.
    if (partner === undefined || partner.leaves === 0) continue;
    end(world, partner, Reason.LINKED);
  }
}

/** `StpMode` of an order as a taker. */
function modeOf(world: World, order: NaiveOrder): number {
  const own = (order.flags & TermFlag.STP_MASK) >>> TermFlag.STP_SHIFT;
  if (own === 7) return StpMode.NONE;
  return own === 0 ? world.session(order.session).stpMode : own;
}

/** Whether the taker's scope says that they must not trade. */
function isOwn(world: World, taker: NaiveOrder, maker: NaiveOrder): boolean {
  const session = world.session(taker.session);
  switch (session.stpScope) {
    case StpScope.SESSION:
      return taker.session === maker.session;
    case StpScope.ACCOUNT:
      return taker.account !== 0 && taker.account === maker.account;
    default:
      return session.group !== 0 &&
        session.group === world.session(maker.session).group;
  }
}

/** Two orders meet that must not trade. */
function prevent(
  world: World,
  maker: NaiveOrder,
  taker: NaiveOrder,
  mode: number,
): void {
  const lastQuantity = Math.min(maker.leaves, taker.leaves);
  const lastPrice = maker.at;
  const decrements = mode === StpMode.DECREMENT ||
    mode === StpMode.DECREMENT_AND_CANCEL;
  if (decrements) {
    for (const order of [maker, taker]) {
      order.quantity -= lastQuantity;
      order.leaves -= lastQuantity;
    }
    trimSlice(maker);
  }
  world.preventions++;
  for (const order of [maker, taker]) {
    tell(world, EventKind.PREVENTED, order, {
      lastQuantity,
      lastPrice,
      match: world.preventions,
      detail: mode,
      reason: Reason.SELF_TRADE,
      ordStatus: statusOf(order),
      aggressor: order === taker ? 1 : 0,
    });
  }
  const makerEnds = decrements
    ? maker.leaves === 0
    : mode === StpMode.CANCEL_OLDEST || mode === StpMode.CANCEL_BOTH;
  const takerEnds = mode === StpMode.DECREMENT
    ? taker.leaves === 0
    : mode !== StpMode.CANCEL_OLDEST;
  if (makerEnds) end(world, maker, Reason.SELF_TRADE);
  if (takerEnds) end(world, taker, Reason.SELF_TRADE);
}

/** What becomes of the lots that did not trade. */
function settleRest(
  world: World,
  order: NaiveOrder,
  limit: number,
  toLimit: boolean,
  interrupted: boolean,
): void {
  const { timeInForce } = order;
  const book = world.instrument(order.instrument);
  const stays = !isMarket(order) && timeInForce !== TimeInForce.IOC &&
    timeInForce !== TimeInForce.FOK;
  if (stays) {
    if (toLimit) tell(world, EventKind.RESTATED, order);
    rest(world, order, limit);
  } else if (interrupted) end(world, order, Reason.VOLATILITY);
  else if (timeInForce === TimeInForce.FOK) {
    // Its makers were enough, but one was linked to another.
    end(world, order, Reason.FOK_NOT_FILLABLE);
  } else if (isMarket(order)) {
    // Those within its limit ask for more lots than it has.
    const beyond = sideOf(book, otherSide(order.side)).some((maker) =>
      isWorse(order.side, maker.at, limit) &&
      requirementOf(maker) <= order.leaves
    );
    end(world, order, beyond ? Reason.MARKET_COLLAR : Reason.NO_LIQUIDITY);
  } else end(world, order, Reason.IOC_REMAINDER);
}

/** Lets a stop wait, where there is room. */
export function waitAsStop(world: World, order: NaiveOrder): void {
  if (stopRoom(world, order, order.stopPrice, order.leaves) !== Reason.NONE) {
    end(world, order, Reason.LEVEL_CAPACITY);
  } else putInStops(world, order);
}

/** Puts an order into the book, where there is room. */
export function rest(world: World, order: NaiveOrder, at: number): void {
  if (room(world, order, at, order.leaves) !== Reason.NONE) {
    end(world, order, Reason.LEVEL_CAPACITY);
  } else putInBook(world, order, at);
}
