// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What is wrong with a request, one check after the other: the first that
 * fails is the reason.
 *
 * @module
 */
import {
  CMD_FLAG_REFUSE,
  OrdType,
  Reason,
  Side,
  TermFlag,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  bestOf,
  canRest,
  isOpen,
  isWorse,
  otherSide,
  restingPrice,
  room,
  stopRoom,
} from "./book.ts";
import {
  hasFewSlices,
  hasLimit,
  isImmediate,
  isOnTick,
  isPriceFor,
  isSpecial,
  judgeBasics,
  judgeQuantity,
  judgeTerms,
  termsOf,
} from "./form.ts";
import { type Exposure, judgeRisk, takeMessage } from "./risk.ts";
import { takesAuctionOnly, takesResting } from "./states.ts";
import { validAtOrAbove, validAtOrBelow } from "./ticks.ts";
import {
  ANY_INSTRUMENT,
  filledOf,
  isAuctionOnly,
  isPeg,
  isStop,
  type NaiveInstrument,
  type NaiveOrder,
  type World,
} from "./world.ts";

/** Whether an order may come in this state. */
function isAllowed(
  state: number,
  ordType: number,
  timeInForce: number,
): boolean {
  if (isAuctionOnly(timeInForce)) return takesAuctionOnly(state, timeInForce);
  return isImmediate(ordType, timeInForce)
    ? state === TradingState.OPEN
    : takesResting(state);
}

/** Account of the command's order: its own or its session's. */
export function accountOf(world: World): number {
  const { account } = termsOf(world.command);
  return account !== 0 ? account : world.session(world.asker).account;
}

/** What a new order would add. */
export function newExposure(world: World): Exposure {
  const { command } = world;
  const ordType = command.ordType ?? 0;
  return {
    session: world.asker,
    account: accountOf(world),
    instrument: command.instrument ?? 0,
    side: command.side ?? 0,
    ordType,
    price: hasLimit(ordType) ? command.price ?? 0 : 0,
    stopPrice: termsOf(command).stopPrice,
    quantity: command.quantity ?? 0,
    leaves: command.quantity ?? 0,
    own: undefined,
  };
}

/** What is wrong with a new order, up to its links. */
export function judgeNew(world: World): Reason {
  const { command } = world;
  const ordType = command.ordType ?? 0;
  if (!takeMessage(world)) return Reason.MESSAGE_RATE;
  const book = world.instruments.get(command.instrument ?? 0);
  if (book === undefined) return Reason.UNKNOWN_INSTRUMENT;
  const form = judgeBasics(command) ||
    judgeQuantity(book, command.quantity ?? 0) || judgeAccount(world) ||
    judgeTerms(world, book);
  if (form !== Reason.NONE) return form;
  const { price, stopPrice } = newExposure(world);
  if (!isOnTick(book, ordType, price, stopPrice)) {
    return Reason.PRICE_OFF_TICK;
  }
  if (!isAllowed(book.state, ordType, command.timeInForce ?? 0)) {
    return Reason.STATE_FORBIDS;
  }
  const marked = markedReason(world);
  if (marked !== Reason.NONE) return marked;
  const risky = judgeRisk(world, newExposure(world));
  if (risky !== Reason.NONE) return risky;
  if (world.find(command.reference ?? 0) !== undefined) {
    return Reason.DUPLICATE_ORDER;
  }
  return judgeLink(world);
}

function judgeAccount(world: World): Reason {
  const { account } = termsOf(world.command);
  if (account === 0) return Reason.NONE;
  const found = world.accounts.get(account);
  if (found === undefined) return Reason.UNKNOWN_ACCOUNT;
  return found.group !== 0 && found.group !== world.session(world.asker).group
    ? Reason.NOT_AUTHORIZED
    : Reason.NONE;
}

/** The order that a new one wants to be linked with. */
export function linkedWith(world: World): NaiveOrder | undefined {
  const { linkReference } = termsOf(world.command);
  return linkReference === 0 ? undefined : world.find(linkReference);
}

function judgeLink(world: World): Reason {
  if (termsOf(world.command).linkReference === 0) return Reason.NONE;
  const other = linkedWith(world);
  return other === undefined || other.link !== undefined ||
      other.instrument !== (world.command.instrument ?? 0)
    ? Reason.UNKNOWN_LINK
    : Reason.NONE;
}

/** Whether there is room for an order that passed all else. */
export function judgeRoom(world: World, order: NaiveOrder): Reason {
  if (!canRest(order.ordType, order.timeInForce)) return Reason.NONE;
  const other = linkedWith(world);
  // A plain order that is linked with has terms from then on.
  const more = (isSpecial(world.command) ? 1 : 0) +
    (other === undefined || other.hasTerms ? 0 : 1);
  if (more > 0 && world.special.size + more > world.specialMax) {
    return Reason.SPECIAL_CAPACITY;
  }
  if (world.live.size >= world.ordersMax) return Reason.ORDER_CAPACITY;
  return firstRoom(world, order, order.price, order.stopPrice, order.leaves);
}

/** Whether there is room in the queue in which an order waits or rests first. */
export function firstRoom(
  world: World,
  order: NaiveOrder,
  price: number,
  stopPrice: number,
  leaves: number,
): Reason {
  const { ordType } = order;
  // Pegs and market-to-limit orders have no price before they are placed.
  if (isPeg(ordType)) return Reason.NONE;
  if (ordType === OrdType.MARKET_TO_LIMIT && order.price === 0) {
    return Reason.NONE;
  }
  if (isStop(ordType) && !order.triggered) {
    return stopRoom(world, order, stopPrice, leaves);
  }
  return room(world, order, restingPrice({ ...order, price }), leaves);
}

/**
 * The price of a post-only order, slid if that is what it wants; 0 if it would
 * trade.
 */
export function postPrice(
  book: NaiveInstrument,
  flags: number,
  side: number,
  price: number,
): number {
  const slides = (flags & TermFlag.POST_SLIDE) !== 0;
  const stays = (flags & TermFlag.POST_ONLY) !== 0;
  const best = bestOf(book, otherSide(side));
  if (!isOpen(book) || !slides && !stays || best === undefined) return price;
  if (isWorse(side, best, price)) return price;
  if (stays) return 0;
  return side === Side.BUY
    ? validAtOrBelow(book, best - 1)
    : validAtOrAbove(book, best + 1);
}

/** A request may say which instrument and side its order has. */
export function judgeMatch(world: World, order: NaiveOrder): Reason {
  const { instrument = 0, side = 0 } = world.command;
  if (instrument !== ANY_INSTRUMENT && instrument !== order.instrument) {
    return Reason.INSTRUMENT_MISMATCH;
  }
  return side !== 0 && side !== order.side ? Reason.SIDE_MISMATCH : Reason.NONE;
}

/** What a replace would make of its order. */
export interface Change {
  readonly price: number;
  readonly stopPrice: number;
  readonly quantity: number;
  readonly leaves: number;
  readonly reference: number;
}

/** A market-to-limit order that rests is a limit order. */
function actingType(order: NaiveOrder): number {
  return order.ordType === OrdType.MARKET_TO_LIMIT
    ? OrdType.LIMIT
    : order.ordType;
}

/** What a replace asks for, whether it may or not. */
export function changeOf(world: World, order: NaiveOrder): Change {
  const { command } = world;
  const { flags, stopPrice } = termsOf(command);
  const asked = command.quantity ?? 0;
  const quantity = (flags & TermFlag.OPEN_QUANTITY) !== 0
    ? filledOf(order) + asked
    : asked;
  return {
    price: hasLimit(actingType(order)) ? command.price ?? 0 : order.price,
    stopPrice: (flags & TermFlag.REPLACE_STOP) !== 0
      ? stopPrice
      : order.stopPrice,
    quantity,
    leaves: quantity - filledOf(order),
    reference: command.newReference || order.reference,
  };
}

/** True if the order stays where it is in its queue. */
export function keepsPlace(order: NaiveOrder, change: Change): boolean {
  const price = order.where === "stops" || change.price === order.price;
  return price && change.stopPrice === order.stopPrice &&
    change.leaves <= order.leaves;
}

/** Why the sequencer wants refused what adds liability. */
function markedReason(world: World): Reason {
  const { flags = 0, reason = 0 } = world.command;
  return (flags & CMD_FLAG_REFUSE) === 0 ? Reason.NONE : reason as Reason;
}

/** More lots would be open, or they would be at another price. */
function addsLiability(order: NaiveOrder, change: Change): boolean {
  return change.leaves > order.leaves || change.price !== order.price ||
    change.stopPrice !== order.stopPrice;
}

/** What is wrong with a replace, up to its new reference. */
export function judgeReplace(
  world: World,
  order: NaiveOrder,
  change: Change,
): Reason {
  const { command } = world;
  const { flags } = termsOf(command);
  const book = world.instrument(order.instrument);
  const restops = (flags & TermFlag.REPLACE_STOP) !== 0;
  const match = judgeMatch(world, order);
  if (match !== Reason.NONE) return match;
  const type = actingType(order);
  if (!isPriceFor(type, change.price)) return Reason.INVALID_PRICE;
  const wrong = judgeQuantity(book, command.quantity ?? 0);
  if (wrong !== Reason.NONE) return wrong;
  if (change.leaves <= 0) return Reason.QUANTITY_BELOW_FILLED;
  if (
    !hasFewSlices(change.leaves, order.displayQuantity, order.displayRange)
  ) return Reason.QUANTITY_TOO_LARGE;
  if (restops && (order.where !== "stops" || change.stopPrice <= 0)) {
    return Reason.INVALID_STOP_PRICE;
  }
  const known = TermFlag.OPEN_QUANTITY | TermFlag.REPLACE_STOP;
  if ((flags & ~known) !== 0) return Reason.INVALID_COMBINATION;
  if (!isOnTick(book, type, change.price, restops ? change.stopPrice : 0)) {
    return Reason.PRICE_OFF_TICK;
  }
  if (!takesResting(book.state)) return Reason.STATE_FORBIDS;
  const marked = markedReason(world);
  if (marked !== Reason.NONE && addsLiability(order, change)) return marked;
  const risky = judgeRisk(world, replaceExposure(order, change));
  if (risky !== Reason.NONE) return risky;
  return change.reference !== order.reference &&
      world.find(change.reference) !== undefined
    ? Reason.DUPLICATE_ORDER
    : Reason.NONE;
}

/** What the order would be, for the limits. */
export function replaceExposure(order: NaiveOrder, change: Change): Exposure {
  return {
    session: order.session,
    account: order.account,
    instrument: order.instrument,
    side: order.side,
    ordType: actingType(order),
    price: change.price,
    stopPrice: change.stopPrice,
    quantity: change.quantity,
    leaves: change.leaves,
    own: order,
  };
}

/** What is wrong with a reduce. */
export function judgeReduce(world: World, order: NaiveOrder): Reason {
  const book = world.instrument(order.instrument);
  const wrong = judgeMatch(world, order) ||
    judgeQuantity(book, world.command.quantity ?? 0);
  if (wrong !== Reason.NONE) return wrong;
  return book.state === TradingState.CLOSED
    ? Reason.STATE_FORBIDS
    : Reason.NONE;
}
