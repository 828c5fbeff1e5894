// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Trading states, what happens when one begins, and timers.
 *
 * @module
 */
import {
  EventKind,
  OrdStatus,
  Reason,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import { indicate, NOTHING, uncross } from "./auction.ts";
import { restingPrice, takeOut, watched } from "./book.ts";
import { tellHouse } from "./events.ts";
import { end, rest } from "./placing.ts";
import { settle } from "./settling.ts";
import {
  ANY_INSTRUMENT,
  isAuctionOnly,
  isCall,
  type NaiveInstrument,
  type NaiveOrder,
  type World,
} from "./world.ts";

const { OPEN, PRE_OPEN, OPENING_AUCTION, PAUSE, CLOSED } = TradingState;
const { CLOSING_AUCTION } = TradingState;
const { DAY, AT_OPEN, AT_CLOSE, GOOD_FOR_AUCTION } = TimeInForce;

/** Whether orders may come that rest, by state. */
export function takesResting(state: number): boolean {
  return state === OPEN || state === PRE_OPEN || state === PAUSE ||
    isCall(state);
}

/** Whether auction-only orders may come. */
export function takesAuctionOnly(state: number, timeInForce: number): boolean {
  return timeInForce === AT_OPEN
    ? state === PRE_OPEN || state === OPENING_AUCTION
    : takesResting(state);
}

/** Whether an auction-only order takes part in the call of this state. */
export function joins(state: number, timeInForce: number): boolean {
  if (timeInForce === AT_OPEN) return state === OPENING_AUCTION;
  if (timeInForce === AT_CLOSE) return state === CLOSING_AUCTION;
  return timeInForce === GOOD_FOR_AUCTION && isCall(state);
}

/** Brings an instrument into a state; what follows from it comes with `finish()`. */
export function enterState(
  world: World,
  book: NaiveInstrument,
  state: number,
  duration: number,
  nextState: number,
): void {
  const before = book.state;
  world.touch(book.index);
  if (before === OPEN && state !== OPEN) {
    for (const order of watched(world, book.index)) {
      takeOut(world, order);
      order.at = 0;
    }
  }
  if (before !== OPEN && state === OPEN || isCall(before) && state === CLOSED) {
    uncross(world, book);
  }
  if (state === OPEN) endAuction(world, book);
  book.state = state;
  book.until = duration > 0 ? world.now + duration : 0;
  book.nextState = duration > 0 ? nextState : OPEN;
  for (const order of world.ordersOf(book.index)) {
    if (order.where === "nowhere" && joins(state, order.timeInForce)) {
      rest(world, order, restingPrice(order));
    }
  }
  tellHouse(world, EventKind.STATE_CHANGED, {
    instrument: book.index,
    detail: state,
    quantity: duration,
    reference: book.nextState,
  });
  if (state === CLOSED) endDay(world, book);
  book.told = NOTHING;
}

/** Cancels what was only there for the auction that is over. */
function endAuction(world: World, book: NaiveInstrument): void {
  for (const order of world.ordersOf(book.index)) {
    const joined = isAuctionOnly(order.timeInForce) &&
      order.where !== "nowhere";
    if (joined || order.timeInForce === AT_OPEN) {
      end(world, order, Reason.AUCTION_ENDED);
    }
  }
}

/** Cancels what does not outlive the day. */
function endDay(world: World, book: NaiveInstrument): void {
  const kinds: readonly number[] = [DAY, AT_OPEN, AT_CLOSE, GOOD_FOR_AUCTION];
  for (const order of world.ordersOf(book.index)) {
    if (kinds.includes(order.timeInForce)) {
      end(world, order, Reason.EXPIRED, OrdStatus.EXPIRED);
    }
  }
}

/** Brings an instrument to rest after what happened to it; that may begin a call. */
export function finish(world: World, book: NaiveInstrument): void {
  settle(world, book);
  if (isCall(book.state)) indicate(world, book);
  world.touched.delete(book.index);
}

/** SET_STATE: one instrument, a group of them, or all. */
export function setState(world: World): void {
  const { instrument = 0, reason: group = 0, detail, quantity, reference } =
    world.command;
  const all = [...world.instruments.values()]
    .sort((a, b) => a.index - b.index);
  const named = instrument !== ANY_INSTRUMENT
    ? all.filter((book) => book.index === instrument)
    : all.filter((book) => group === 0 || book.group === group);
  for (const book of named) {
    enterState(world, book, detail ?? 0, quantity ?? 0, reference ?? 0);
  }
}

/** Does what is due, the earliest first. */
export function runTimers(world: World): void {
  for (;;) {
    const order = dueOrder(world);
    const book = dueBook(world);
    if (order === undefined && book === undefined) return;
    if (
      order !== undefined &&
      (book === undefined || order.expireTime <= book.until)
    ) {
      end(world, order, Reason.EXPIRED, OrdStatus.EXPIRED);
      finish(world, world.instrument(order.instrument));
    } else {
      enterState(world, book!, book!.nextState, 0, OPEN);
      finish(world, book!);
    }
  }
}

function dueOrder(world: World): NaiveOrder | undefined {
  return [...world.special]
    .filter((order) =>
      order.timeInForce === TimeInForce.GTD && order.expireTime <= world.now
    )
    .sort((a, b) => a.expireTime - b.expireTime || a.id - b.id)[0];
}

function dueBook(world: World): NaiveInstrument | undefined {
  return [...world.instruments.values()]
    .filter((book) => book.until !== 0 && book.until <= world.now)
    .sort((a, b) => a.until - b.until || a.index - b.index)[0];
}
