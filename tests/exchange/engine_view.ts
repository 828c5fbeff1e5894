// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the engine holds, as the same lines of text that the oracle gives. The
 * only test file that knows how the engine is looked into.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_PRICE,
  INSTRUMENT_STATE,
  INSTRUMENT_TRADES_F64,
  KEY_MARKET,
  LEVEL_COUNT,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_QUANTITY_F64,
  ORDER_ID_F64,
  ORDER_INDEXED_BIT,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_NEXT,
  ORDER_NOTIONAL_F64,
  ORDER_OWNER,
  ORDER_QUANTITY_F64,
  ORDER_REFERENCE_F64,
  ORDER_SESSION_MASK,
  ORDER_TERMS_BIT,
  ORDER_WORDS,
  SIDE_BEST,
  TERMS_DISPLAY_F64,
  TERMS_LINK,
  TERMS_SHOWN_F64,
  TERMS_STOP_PRICE,
  TERMS_WHERE,
  Where,
} from "../../engine/book/mod.ts";
import type { Exchange } from "../../engine/exchange/mod.ts";
import {
  SESSION_BLOCKED,
  SETTING_NEXT_STATE,
  SETTING_REFERENCE,
  SETTING_TIMED,
  SETTING_UNTIL_HI,
  SETTING_UNTIL_LO,
} from "../../engine/matching/mod.ts";
import {
  accountLine,
  instrumentLine,
  orderLine,
  sessionLine,
} from "../oracle/view.ts";

/** How much an exchange under test holds. */
export interface Extent {
  readonly sessionsMax: number;
  readonly accountsMax: number;
}

/** Everything that the engine holds. */
export function engineView(exchange: Exchange, extent: Extent): string[] {
  const { book } = exchange;
  const instruments = [];
  for (let i = 0; i < book.instrumentsMax; i++) {
    if (book.isDefined(i)) instruments.push(i);
  }
  const lines = instruments.flatMap((instrument) => [
    settingsLine(exchange, instrument),
    ...bookLines(book, instrument),
  ]);
  for (let index = 1; index < extent.accountsMax; index++) {
    if (!exchange.accounts.isDefined(index)) continue;
    lines.push(linesOfAccount(exchange, index, instruments));
  }
  for (let index = 0; index < extent.sessionsMax; index++) {
    lines.push(sessionLine({
      index,
      outSequence: exchange.outSequence(index),
      inSequence: exchange.inSequence(index),
      orders: exchange.ordersOf(index),
      blocked: exchange.sessionWord(index, SESSION_BLOCKED) !== 0,
    }));
  }
  lines.push(`${exchange.trades} trades, ${exchange.prevented} prevented`);
  return lines;
}

function settingsLine(exchange: Exchange, index: number): string {
  const { book } = exchange;
  const { i32 } = exchange.instruments;
  const at = exchange.instruments.at(index);
  const record = book.instrumentOf(index);
  const timed = i32[at + SETTING_TIMED] !== 0;
  const traded = book.f64[(record >> 1) + INSTRUMENT_TRADES_F64] !== 0;
  return instrumentLine({
    index,
    state: book.i32[record + INSTRUMENT_STATE]!,
    until: timed
      ? (i32[at + SETTING_UNTIL_HI]! >>> 0) * 2 ** 32 +
        (i32[at + SETTING_UNTIL_LO]! >>> 0)
      : 0,
    nextState: timed ? i32[at + SETTING_NEXT_STATE]! : 0,
    last: traded ? book.i32[record + INSTRUMENT_LAST_PRICE]! : 0,
    reference: i32[at + SETTING_REFERENCE]!,
  });
}

function linesOfAccount(
  exchange: Exchange,
  index: number,
  instruments: readonly number[],
): string {
  const { accounts } = exchange;
  return accountLine({
    index,
    orders: accounts.openOrdersOf(index),
    blocked: accounts.blocksOf(index) !== 0,
    positions: instruments.map((instrument) => [
      accounts.netOf(index, instrument),
      accounts.openOf(index, instrument, 0),
      accounts.openOf(index, instrument, 1),
    ]),
  });
}

/** Bids, offers, stops and dormant orders, each in its order. */
function bookLines(book: Book, instrument: number): string[] {
  const lines: string[] = [];
  for (const bit of [0, 1]) {
    const displayed = queue(book, book.sideOf(instrument, bit), "displayed");
    const hidden = queue(book, book.hiddenSideOf(instrument, bit), "hidden");
    // The sort is stable: of one key the displayed come first.
    for (
      const standing of [...displayed, ...hidden].sort((a, b) => a.key - b.key)
    ) lines.push(lineOf(book, standing, bit));
  }
  for (const bit of [0, 1]) {
    for (
      const standing of queue(book, book.stopSideOf(instrument, bit), "stops")
    ) lines.push(lineOf(book, standing, 1 - bit));
  }
  for (const order of dormant(book, instrument)) {
    lines.push(lineOf(book, { order, key: 0, where: "nowhere" }, 0));
  }
  return lines;
}

/** An order in a queue. */
interface Standing {
  readonly order: number;
  readonly key: number;
  readonly where: string;
}

/** Orders of a side as its levels link them; the levels' sums must be right. */
function queue(book: Book, side: number, where: string): Standing[] {
  const { i32, f64 } = book;
  const found: Standing[] = [];
  let level = i32[side + SIDE_BEST]!;
  while (level !== 0) {
    const key = i32[level + LEVEL_KEY]!;
    let order = i32[level + LEVEL_HEAD]!;
    let sum = 0;
    let count = 0;
    while (order !== 0) {
      found.push({ order, key, where });
      sum += f64[(order >> 1) + ORDER_LEAVES_F64]!;
      count++;
      order = i32[order + ORDER_NEXT]!;
    }
    if (
      sum !== f64[(level >> 1) + LEVEL_QUANTITY_F64] ||
      count !== i32[level + LEVEL_COUNT]
    ) throw new Error(`level ${key} of ${where}: sums are wrong`);
    level = book.nextLevel(side, level);
  }
  return found;
}

/** Orders of an instrument that are in no queue, in entry order. */
function dormant(book: Book, instrument: number): number[] {
  const { i32, f64 } = book;
  const found: number[] = [];
  for (
    let order = book.scratchOrder + ORDER_WORDS;
    order < book.ordersEnd;
    order += ORDER_WORDS
  ) {
    const owner = i32[order + ORDER_OWNER]!;
    const live = (owner & ORDER_INDEXED_BIT) !== 0 &&
      (i32[order + ORDER_KIND]! & 0xffff) === instrument;
    if (!live || (owner & ORDER_TERMS_BIT) === 0) continue;
    if (i32[book.termsOf(order) + TERMS_WHERE] === Where.NOWHERE) {
      found.push(order);
    }
  }
  return found.sort((a, b) =>
    f64[(a >> 1) + ORDER_ID_F64]! - f64[(b >> 1) + ORDER_ID_F64]!
  );
}

/** @param bit Of the queue's keys: 0 = as a buy side has them. */
function lineOf(book: Book, standing: Standing, bit: number): string {
  const { order, key, where } = standing;
  const { i32, f64 } = book;
  const own = order >> 1;
  const kind = i32[order + ORDER_KIND]!;
  const owner = i32[order + ORDER_OWNER]!;
  const terms = (owner & ORDER_TERMS_BIT) === 0 ? 0 : book.termsOf(order);
  const leaves = f64[own + ORDER_LEAVES_F64]!;
  const iceberg = terms !== 0 && f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0;
  const slice = iceberg ? f64[(terms >> 1) + TERMS_SHOWN_F64]! : leaves;
  const link = terms === 0 ? 0 : i32[terms + TERMS_LINK]!;
  const none = where === "nowhere" ||
    where === "displayed" && key === KEY_MARKET;
  return orderLine({
    instrument: kind & 0xffff,
    side: kind >>> 16 & 0xff,
    where,
    at: none ? 0 : key ^ (bit - 1),
    id: f64[own + ORDER_ID_F64]!,
    session: owner & ORDER_SESSION_MASK,
    reference: f64[own + ORDER_REFERENCE_F64]!,
    quantity: f64[own + ORDER_QUANTITY_F64]!,
    leaves,
    notional: f64[own + ORDER_NOTIONAL_F64]!,
    shown: where === "displayed" || where === "hidden" ? slice : 0,
    stopPrice: terms === 0 ? 0 : i32[terms + TERMS_STOP_PRICE]!,
    link: link === 0 ? 0 : f64[(link >> 1) + ORDER_ID_F64]!,
  });
}
