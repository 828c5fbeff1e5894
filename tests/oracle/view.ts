// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The whole state as lines of text: each order in its place, each account,
 * session and instrument. `tests/exchange/engine_view.ts` says the same of the
 * engine; two states are equal if their lines are.
 *
 * @module
 */
import type { NaiveExchange } from "./naive_exchange.ts";
import { waiting } from "./settling.ts";
import type { NaiveInstrument, NaiveOrder, World } from "./world.ts";

/** What a line says of an order. */
export interface OrderLine {
  readonly instrument: number;
  /** 1 = buy. */
  readonly side: number;
  readonly where: string;
  /** Price at which it stands, stop price at which it waits; 0 = neither. */
  readonly at: number;
  readonly id: number;
  readonly session: number;
  readonly reference: number;
  readonly quantity: number;
  readonly leaves: number;
  readonly notional: number;
  /** Lots of the slice, or all leaves; 0 = it is not in the book. */
  readonly shown: number;
  readonly stopPrice: number;
  /** Id of the order that it is linked to; 0 = none. */
  readonly link: number;
}

/** One order. */
export function orderLine(order: OrderLine): string {
  const { instrument, side, where, at, id, session, reference } = order;
  const { quantity, leaves, notional, shown, stopPrice, link } = order;
  return `${instrument} ${
    side === 1 ? "buy" : "sell"
  } ${where} ${at}: #${id} ${session}/${reference} ${leaves} of ${quantity}, ` +
    `shown ${shown}, notional ${notional}, stop ${stopPrice}, link ${link}`;
}

/** What a line says of an instrument. */
export interface InstrumentLine {
  readonly index: number;
  readonly state: number;
  /** When it ends, nanoseconds; 0 = when told. */
  readonly until: number;
  readonly nextState: number;
  readonly last: number;
  readonly reference: number;
}

export function instrumentLine(one: InstrumentLine): string {
  const { index, state, until, nextState, last, reference } = one;
  return `instrument ${index}: state ${state} until ${until} then ${nextState}, last ${last}, reference ${reference}`;
}

/** What a line says of an account. */
export interface AccountLine {
  readonly index: number;
  readonly orders: number;
  readonly blocked: boolean;
  /** By instrument: net, open buys, open sells; rounded beyond 2^53. */
  readonly positions: readonly (readonly [number, number, number])[];
}

export function accountLine(account: AccountLine): string {
  const { index, orders, blocked, positions } = account;
  const each = positions.map(([net, buys, sells]) =>
    `${net} (+${buys} -${sells})`
  );
  return `account ${index}: ${orders} orders${blocked ? ", blocked" : ""}, ${
    each.join(", ")
  }`;
}

/** What a line says of a session. */
export interface SessionLine {
  readonly index: number;
  readonly outSequence: number;
  readonly inSequence: number;
  readonly orders: number;
  readonly blocked: boolean;
}

export function sessionLine(session: SessionLine): string {
  const { index, outSequence, inSequence, orders, blocked } = session;
  return `session ${index}: out ${outSequence}, in ${inSequence}, ${orders} orders${
    blocked ? ", blocked" : ""
  }`;
}

/** Everything that the oracle holds. */
export function oracleView(naive: NaiveExchange, sessions: number): string[] {
  const { world } = naive;
  const books = [...world.instruments.values()]
    .sort((a, b) => a.index - b.index);
  const lines = books.flatMap((book) => [
    instrumentLine(book),
    ...bookLines(world, book),
  ]);
  for (const index of [...world.accounts.keys()].sort((a, b) => a - b)) {
    lines.push(accountLine(accountOf(world, index, books)));
  }
  const live = [...world.live.values()];
  for (let index = 0; index <= sessions; index++) {
    const session = world.session(index);
    lines.push(sessionLine({
      index,
      outSequence: session.outSequence,
      inSequence: session.inSequence,
      orders: live.filter((order) => order.session === index).length,
      blocked: session.blocks.size > 0,
    }));
  }
  lines.push(`${world.trades} trades, ${world.preventions} prevented`);
  return lines;
}

/** Bids, offers, stops and dormant orders, each in its order. */
function bookLines(world: World, book: NaiveInstrument): string[] {
  const dormant = world.ordersOf(book.index)
    .filter((order) => order.where === "nowhere");
  const orders = [...book.bids, ...book.asks, ...waiting(book), ...dormant];
  return orders.map((order) =>
    orderLine({
      ...order,
      at: placeOf(order),
      shown: stands(order) ? order.shown : 0,
      link: order.link?.id ?? 0,
    })
  );
}

function stands(order: NaiveOrder): boolean {
  return order.where === "displayed" || order.where === "hidden";
}

function placeOf(order: NaiveOrder): number {
  if (order.where === "nowhere") return 0;
  if (order.where === "stops") return order.stopPrice;
  return Number.isFinite(order.at) ? order.at : 0;
}

function accountOf(
  world: World,
  index: number,
  books: readonly NaiveInstrument[],
): AccountLine {
  const account = world.accounts.get(index)!;
  const live = [...world.live.values()]
    .filter((order) => order.account === index);
  const open = (instrument: number, side: number) => {
    let lots = 0n;
    for (const order of live) {
      if (order.instrument === instrument && order.side === side) {
        lots += BigInt(order.leaves);
      }
    }
    return Number(lots);
  };
  return {
    index,
    orders: live.length,
    blocked: account.blocks.size > 0,
    positions: books.map((book) => [
      Number(account.net.get(book.index) ?? 0n),
      open(book.index, 1),
      open(book.index, 2),
    ]),
  };
}
