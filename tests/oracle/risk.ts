// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Limits of instruments, accounts and sessions.
 *
 * @module
 */
import {
  AccountLimit,
  EventKind,
  OrdType,
  Reason,
  Side,
} from "../../engine/record/mod.ts";
import { bestDisplayed, otherSide } from "./book.ts";
import { tellHouse } from "./events.ts";
import { hasLimit } from "./form.ts";
import {
  ANY_INSTRUMENT,
  isPeg,
  type NaiveAccount,
  type NaiveInstrument,
  type NaiveOrder,
  type World,
} from "./world.ts";

/** What is judged: a new order, or one as a replace would make it. */
export interface Exposure {
  readonly session: number;
  readonly account: number;
  readonly instrument: number;
  readonly side: number;
  readonly ordType: number;
  readonly price: number;
  readonly stopPrice: number;
  /** Total lots. */
  readonly quantity: number;
  /** Lots that would be open. */
  readonly leaves: number;
  /** The order itself, if it lives already. */
  readonly own: NaiveOrder | undefined;
}

const LIMIT_REASONS = [
  [AccountLimit.QUANTITY, Reason.ACCOUNT_MAX_QUANTITY],
  [AccountLimit.NOTIONAL, Reason.ACCOUNT_MAX_NOTIONAL],
  [AccountLimit.OPEN_ORDERS, Reason.MAX_OPEN_ORDERS],
  [AccountLimit.POSITION, Reason.MAX_POSITION],
] as const;

/** Counts a message; false if it is one too many in its window. */
export function takeMessage(world: World): boolean {
  const session = world.session(world.asker);
  if (session.messagesMax === 0) return true;
  if (world.now >= session.windowEnd) {
    session.windowEnd = world.now + session.interval;
    session.messages = 0;
  }
  session.messages++;
  return session.messages <= session.messagesMax;
}

/** Ticks by which the notional value of an order is judged; 0 = there are none. */
function judgedPrice(book: NaiveInstrument, order: Exposure): number {
  const { ordType, price, stopPrice, side } = order;
  const best = () => bestDisplayed(book, otherSide(side)) ?? 0;
  if (ordType === OrdType.MARKET || ordType === OrdType.MARKET_TO_LIMIT) {
    return best();
  }
  if (ordType === OrdType.STOP || ordType === OrdType.TRAILING_STOP) {
    return stopPrice;
  }
  return isPeg(ordType) ? price || best() : price;
}

/** First limit that an order passes, from blocks to positions. */
export function judgeRisk(world: World, order: Exposure): Reason {
  const book = world.instrument(order.instrument);
  const account = world.accounts.get(order.account);
  if (
    world.session(order.session).blocks.size > 0 ||
    account !== undefined && account.blocks.size > 0
  ) return Reason.BLOCKED;
  if (
    account !== undefined && (account.restricted.has(order.instrument) ||
      account.restricted.has(ANY_INSTRUMENT))
  ) return Reason.RESTRICTED;
  if (order.quantity > book.quantityMax) return Reason.MAX_QUANTITY;
  const notional = BigInt(order.quantity) * BigInt(judgedPrice(book, order));
  if (notional > BigInt(book.notionalMax)) return Reason.MAX_NOTIONAL;
  if (hasLimit(order.ordType) && order.price > 0) {
    const wrong = judgeLimitPrice(book, order.price);
    if (wrong !== Reason.NONE) return wrong;
  }
  if (account === undefined) return Reason.NONE;
  const values = accountValues(world, account, order);
  for (const [limit, reason] of LIMIT_REASONS) {
    const hard = account.hard[limit]!;
    if (hard !== 0 && values[limit]! > BigInt(hard)) return reason;
  }
  return Reason.NONE;
}

function judgeLimitPrice(book: NaiveInstrument, price: number): Reason {
  const { bandLow, bandHigh, priceCollar, reference } = book;
  if (price < bandLow || bandHigh !== 0 && price > bandHigh) {
    return Reason.PRICE_BAND;
  }
  return priceCollar !== 0 && reference !== 0 &&
      Math.abs(price - reference) > priceCollar
    ? Reason.PRICE_COLLAR
    : Reason.NONE;
}

/** What an order would make of its account, by `AccountLimit`. */
function accountValues(
  world: World,
  account: NaiveAccount,
  order: Exposure,
): bigint[] {
  const book = world.instrument(order.instrument);
  const live = [...world.live.values()].filter((other) =>
    other.account === order.account && other !== order.own
  );
  let open = BigInt(order.leaves);
  for (const other of live) {
    if (other.instrument === order.instrument && other.side === order.side) {
      open += BigInt(other.leaves);
    }
  }
  const net = account.net.get(order.instrument) ?? 0n;
  return [
    BigInt(order.quantity),
    BigInt(order.quantity) * BigInt(judgedPrice(book, order)),
    // A replace opens no order.
    order.own === undefined ? BigInt(live.length + 1) : 0n,
    order.side === Side.BUY ? open + net : open - net,
  ];
}

/** Tells the appliance which soft limits an order passes. */
export function warn(world: World, order: Exposure): void {
  const account = world.accounts.get(order.account);
  if (account === undefined) return;
  const values = accountValues(world, account, order);
  for (const [limit, reason] of LIMIT_REASONS) {
    const soft = account.soft[limit]!;
    if (soft === 0 || values[limit]! <= BigInt(soft)) continue;
    tellHouse(world, EventKind.WARNING, {
      instrument: order.instrument,
      reason,
      orderId: order.account,
      reference: order.session,
      quantity: Number(values[limit]!),
      leaves: soft,
    });
  }
}

/** An order traded: the position of its account changes. */
export function move(world: World, order: NaiveOrder, quantity: number): void {
  const account = world.accounts.get(order.account);
  if (account === undefined) return;
  const sign = order.side === Side.BUY ? 1n : -1n;
  const net = account.net.get(order.instrument) ?? 0n;
  account.net.set(order.instrument, net + sign * BigInt(quantity));
}
