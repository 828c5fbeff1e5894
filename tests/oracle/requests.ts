// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What clients ask about orders: new, cancel, reduce, replace, status.
 *
 * @module
 */
import { EventKind, OrdType, Reason } from "../../engine/record/mod.ts";
import { isOpen, restingPrice, takeOut, trimSlice } from "./book.ts";
import {
  accountOf,
  type Change,
  changeOf,
  firstRoom,
  judgeMatch,
  judgeNew,
  judgeReduce,
  judgeReplace,
  judgeRoom,
  keepsPlace,
  linkedWith,
  newExposure,
  postPrice,
  replaceExposure,
} from "./checks.ts";
import { passRefusal, refuse, statusOf, tell } from "./events.ts";
import { hasLimit, isSpecial, termsOf } from "./form.ts";
import { end, place, rest, waitAsStop } from "./placing.ts";
import { takeMessage, warn } from "./risk.ts";
import {
  movePeg,
  pegPrice,
  trailedPrice,
  trigger,
  triggers,
} from "./settling.ts";
import { joins } from "./states.ts";
import {
  isAuctionOnly,
  isConditional,
  isPeg,
  isStop,
  type NaiveInstrument,
  type NaiveOrder,
  type World,
} from "./world.ts";

/** NEW_ORDER. */
export function newOrder(world: World): void {
  let reason = judgeNew(world);
  const order = reason === Reason.NONE ? orderOf(world) : undefined;
  if (order !== undefined) {
    const book = world.instrument(order.instrument);
    if (order.ordType === OrdType.LIMIT) {
      order.price = postPrice(book, order.flags, order.side, order.price);
      if (order.price === 0) reason = Reason.POST_ONLY_WOULD_TRADE;
    }
    if (reason === Reason.NONE) reason = judgeRoom(world, order);
  }
  if (order === undefined || reason !== Reason.NONE) {
    refuse(world, EventKind.REJECTED, 1, reason, undefined);
    return;
  }
  warn(world, newExposure(world));
  world.subject = order;
  const other = linkedWith(world);
  if (other !== undefined) {
    order.link = other;
    other.link = order;
    other.hasTerms = true;
    world.remember(other);
  }
  world.remember(order);
  world.touch(order.instrument);
  const book = world.instrument(order.instrument);
  if (isPeg(order.ordType) && isOpen(book)) {
    order.at = pegPrice(book, order) ?? 0;
  }
  tell(world, EventKind.ACCEPTED, order);
  enter(world, order);
}

/** The order that a command brings. */
function orderOf(world: World): NaiveOrder {
  const { command } = world;
  const terms = termsOf(command);
  const ordType = command.ordType ?? 0;
  const quantity = command.quantity ?? 0;
  return {
    id: world.sequence,
    session: world.asker,
    givenAccount: terms.account,
    account: accountOf(world),
    instrument: command.instrument ?? 0,
    side: command.side ?? 0,
    ordType,
    timeInForce: command.timeInForce ?? 0,
    flags: terms.flags,
    displayQuantity: terms.displayQuantity,
    displayRange: terms.displayRange,
    minQuantity: terms.minQuantity,
    expireTime: terms.expireTime,
    offset: terms.offset,
    hasTerms: isSpecial(command),
    reference: command.reference ?? 0,
    clOrdId: command.clOrdId,
    price: hasLimit(ordType) ? command.price ?? 0 : 0,
    stopPrice: startOf(world, ordType),
    quantity,
    leaves: quantity,
    notional: 0,
    link: undefined,
    where: "nowhere",
    at: 0,
    arrival: 0,
    shown: quantity,
    draws: 0,
    triggered: false,
    ended: false,
  };
}

/** Stop price with which an order enters. */
function startOf(world: World, ordType: number): number {
  const { command } = world;
  const terms = termsOf(command);
  if (ordType !== OrdType.TRAILING_STOP || terms.stopPrice !== 0) {
    return terms.stopPrice;
  }
  const book = world.instrument(command.instrument ?? 0);
  return trailedPrice(book, { ...terms, side: command.side ?? 0 });
}

/** An accepted order goes where it belongs. */
function enter(world: World, order: NaiveOrder): void {
  const book = world.instrument(order.instrument);
  if (isStop(order.ordType)) enterStop(world, book, order);
  else if (isAuctionOnly(order.timeInForce)) join(world, book, order);
  else placeOrRest(world, book, order);
}

/** An auction-only order takes part, or waits until it can. */
function join(
  world: World,
  book: NaiveInstrument,
  order: NaiveOrder,
): void {
  if (joins(book.state, order.timeInForce)) {
    rest(world, order, restingPrice(order));
  }
}

function enterStop(
  world: World,
  book: NaiveInstrument,
  order: NaiveOrder,
): void {
  if (order.ordType === OrdType.TRAILING_STOP && book.last !== 0) {
    order.stopPrice = trailedPrice(book, order);
  }
  if (isOpen(book) && triggers(book, order)) trigger(world, order);
  else waitAsStop(world, order);
}

function placeOrRest(
  world: World,
  book: NaiveInstrument,
  order: NaiveOrder,
): void {
  const sleeps = isPeg(order.ordType) || isConditional(order);
  if (!isOpen(book)) {
    if (!sleeps) rest(world, order, order.price);
  } else if (isPeg(order.ordType)) movePeg(world, book, order);
  else place(world, order, order.price);
}

/** CANCEL_ORDER. */
export function cancelOrder(world: World): void {
  const order = world.find(world.command.reference ?? 0);
  const reason = order === undefined
    ? Reason.UNKNOWN_ORDER
    : judgeMatch(world, order);
  if (order === undefined || reason !== Reason.NONE) {
    refuse(world, EventKind.CANCEL_REJECTED, 2, reason, order);
    return;
  }
  world.subject = order;
  end(world, order, Reason.CANCELED_BY_CLIENT);
}

/** REDUCE_ORDER. */
export function reduceOrder(world: World): void {
  const order = world.find(world.command.reference ?? 0);
  const reason = order === undefined
    ? Reason.UNKNOWN_ORDER
    : judgeReduce(world, order);
  if (order === undefined || reason !== Reason.NONE) {
    refuse(world, EventKind.CANCEL_REJECTED, 3, reason, order);
    return;
  }
  world.subject = order;
  const lots = world.command.quantity!;
  if (lots >= order.leaves) {
    end(world, order, Reason.REDUCED_TO_ZERO);
    return;
  }
  order.quantity -= lots;
  order.leaves -= lots;
  trimSlice(order);
  if (world.command.clOrdId !== undefined) {
    order.clOrdId = world.command.clOrdId;
  }
  world.touch(order.instrument);
  tell(world, EventKind.REPLACED, order, {}, true);
}

/** REPLACE_ORDER. */
export function replaceOrder(world: World): void {
  const kind = EventKind.CANCEL_REJECTED;
  const order = world.find(world.command.reference ?? 0);
  if (!takeMessage(world)) {
    refuse(world, kind, 3, Reason.MESSAGE_RATE, order);
    return;
  }
  if (order === undefined) {
    refuse(world, kind, 3, Reason.UNKNOWN_ORDER, undefined);
    return;
  }
  const change = changeOf(world, order);
  const judged = judgeReplace(world, order, change);
  const { reason, price } = judged === Reason.NONE
    ? judgePlace(world, order, change)
    : { reason: judged, price: 0 };
  if (reason !== Reason.NONE) {
    refuse(world, kind, 3, reason, order);
    return;
  }
  warn(world, replaceExposure(order, change));
  world.subject = order;
  world.touch(order.instrument);
  apply(world, order, { ...change, price });
}

/** Whether the order may go where the change puts it, and the price there. */
function judgePlace(
  world: World,
  order: NaiveOrder,
  change: Change,
): { reason: Reason; price: number } {
  const book = world.instrument(order.instrument);
  let { price } = change;
  if (!keepsPlace(order, change) && order.ordType === OrdType.LIMIT) {
    price = postPrice(book, order.flags, order.side, price);
    if (price === 0) return { reason: Reason.POST_ONLY_WOULD_TRADE, price };
  }
  const { stopPrice, leaves } = change;
  const reason = firstRoom(world, order, price, stopPrice, leaves);
  return { reason, price };
}

/** Makes the change, tells it, and places the order anew if it lost its place. */
function apply(world: World, order: NaiveOrder, change: Change): void {
  const { command } = world;
  const { where } = order;
  const keeps = isPeg(order.ordType)
    ? change.leaves <= order.leaves
    : keepsPlace(order, change);
  if (!keeps) takeOut(world, order);
  world.forget(order);
  order.reference = change.reference;
  world.remember(order);
  order.price = change.price;
  order.stopPrice = change.stopPrice;
  order.quantity = change.quantity;
  order.leaves = change.leaves;
  if (command.clOrdId !== undefined) order.clOrdId = command.clOrdId;
  trimSlice(order);
  tell(world, EventKind.REPLACED, order, {}, true);
  if (keeps || where === "nowhere") return;
  const book = world.instrument(order.instrument);
  if (where === "stops") waitAsStop(world, order);
  else if (isAuctionOnly(order.timeInForce)) join(world, book, order);
  else placeOrRest(world, book, order);
}

/** ORDER_STATUS. */
export function orderStatus(world: World): void {
  const { reference = 0, detail = 0 } = world.command;
  const order = world.find(reference);
  if (order === undefined) {
    refuse(world, EventKind.STATUS, detail, Reason.UNKNOWN_ORDER, undefined);
    return;
  }
  world.subject = order;
  const more = { detail, ordStatus: statusOf(order) };
  tell(world, EventKind.STATUS, order, more, order.clOrdId === undefined);
}

/** REFUSED: a gateway refused it already. */
export function refused(world: World): void {
  const { reference = 0, detail = 0 } = world.command;
  let reason = (world.command.reason ?? 0) as Reason;
  const kind = detail === 1 ? EventKind.REJECTED : EventKind.CANCEL_REJECTED;
  const order = detail === 1 ? undefined : world.find(reference);
  // "We stop" is no answer about an order that is not there.
  if (detail !== 1 && order === undefined && reason === Reason.SHUTTING_DOWN) {
    reason = Reason.UNKNOWN_ORDER;
  }
  passRefusal(world, kind, detail, reason, order);
}
