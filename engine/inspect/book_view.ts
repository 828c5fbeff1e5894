// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A book order by order: both sides in the order in which they would trade,
 * waiting stops, and orders that wait outside of every queue.
 *
 * It reads the exchange's memory between two commands and changes nothing.
 * Cold path; allocates.
 *
 * @module
 */
import {
  INSTRUMENT_WATCH_HEAD,
  KEY_MARKET,
  LEVEL_HEAD,
  LEVEL_KEY,
  ORDER_ID_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_NEXT,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  ORDER_REFERENCE_F64,
  ORDER_SESSION_MASK,
  ORDER_TERMS_BIT,
  ORDER_TEXT_BIT,
  SIDE_BEST,
  TERMS_ACCOUNT,
  TERMS_DISPLAY_F64,
  TERMS_EXPIRE_HI,
  TERMS_EXPIRE_LO,
  TERMS_FLAGS,
  TERMS_LINK,
  TERMS_MIN_F64,
  TERMS_OFFSET,
  TERMS_ORDER,
  TERMS_RANGE_F64,
  TERMS_SHOWN_F64,
  TERMS_STOP_PRICE,
  TERMS_WATCH_NEXT,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import type { Exchange } from "../exchange/mod.ts";
import { OrdType, Side, TimeInForce } from "../record/mod.ts";
import { codeNames, type Names } from "./names.ts";
import { type RecordObject, termNames } from "./record_text.ts";
import { decimal, isoTime, nanoseconds } from "./units.ts";

const SIDES = codeNames(Side);
const TYPES = codeNames(OrdType);
const TIMES = codeNames(TimeInForce);
const TIME_IN_FORCE_BITS = 0xf;

/** Where an order stands: its queue, and in it from 1 on. */
interface Standing {
  readonly order: number;
  /** Of its level. */
  readonly key: number;
  readonly queue: "displayed" | "hidden" | "stops" | "dormant";
}

/** Orders of a side as its levels link them. */
function queueOf(
  exchange: Exchange,
  side: number,
  queue: Standing["queue"],
): Standing[] {
  const { book } = exchange;
  const { i32 } = book;
  const found: Standing[] = [];
  let level = i32[side + SIDE_BEST]!;
  while (level !== 0) {
    const key = i32[level + LEVEL_KEY]!;
    let order = i32[level + LEVEL_HEAD]!;
    while (order !== 0) {
      found.push({ order, key, queue });
      order = i32[order + ORDER_NEXT]!;
    }
    level = book.nextLevel(side, level);
  }
  return found;
}

/** Orders of the watch list that are in no queue. */
function dormantOf(exchange: Exchange, instrument: number): Standing[] {
  const { book } = exchange;
  const { i32 } = book;
  const found: Standing[] = [];
  let terms = i32[book.instrumentOf(instrument) + INSTRUMENT_WATCH_HEAD]!;
  while (terms !== 0) {
    if (i32[terms + TERMS_WHERE] === Where.NOWHERE) {
      const order = i32[terms + TERMS_ORDER]!;
      found.push({ order, key: KEY_MARKET, queue: "dormant" });
    }
    terms = i32[terms + TERMS_WATCH_NEXT]!;
  }
  return found;
}

/** Everything of an instrument: bids, offers, stops of both, dormant orders. */
function standingsOf(exchange: Exchange, instrument: number): Standing[] {
  const { book } = exchange;
  const found: Standing[] = [];
  for (const bit of [0, 1]) {
    // The sort is stable: of one price the displayed come first.
    found.push(
      ...[
        ...queueOf(exchange, book.sideOf(instrument, bit), "displayed"),
        ...queueOf(exchange, book.hiddenSideOf(instrument, bit), "hidden"),
      ].sort((a, b) => a.key - b.key),
    );
  }
  for (const bit of [0, 1]) {
    const side = book.stopSideOf(instrument, bit);
    found.push(...queueOf(exchange, side, "stops"));
  }
  return [...found, ...dormantOf(exchange, instrument)];
}

/** What an order's terms say, as far as they say anything. */
function putTerms(
  into: RecordObject,
  exchange: Exchange,
  terms: number,
  names: Names,
  sizes: { readonly tick: number; readonly lot: number },
): void {
  const { i32, f64 } = exchange.book;
  const half = terms >> 1;
  const account = i32[terms + TERMS_ACCOUNT]!;
  if (account !== 0) into.account = names.accounts.get(account) ?? account;
  const flags = termNames(i32[terms + TERMS_FLAGS]!);
  if (flags.length > 0) into.termFlags = flags;
  const stop = i32[terms + TERMS_STOP_PRICE]!;
  if (stop !== 0) {
    into.stopPrice = decimal(stop, sizes.tick);
    into.stopPriceRaw = stop;
  }
  const lots: readonly (readonly [string, number])[] = [
    ["displayQuantity", f64[half + TERMS_DISPLAY_F64]!],
    ["displayRange", f64[half + TERMS_RANGE_F64]!],
    ["minQuantity", f64[half + TERMS_MIN_F64]!],
  ];
  for (const [name, quantity] of lots) {
    if (quantity === 0) continue;
    into[name] = decimal(quantity, sizes.lot);
    into[`${name}Raw`] = quantity;
  }
  const expires = nanoseconds(
    i32[terms + TERMS_EXPIRE_LO]!,
    i32[terms + TERMS_EXPIRE_HI]!,
  );
  if (expires !== 0n) into.expireTime = isoTime(expires);
  const offset = i32[terms + TERMS_OFFSET]!;
  if (offset !== 0) into.offset = offset;
  const link = i32[terms + TERMS_LINK]!;
  if (link !== 0) into.linkOrderId = f64[(link >> 1) + ORDER_ID_F64]!;
}

/** One order as an object. */
function orderObject(
  exchange: Exchange,
  names: Names,
  standing: Standing,
  place: number,
): RecordObject {
  const { order, queue } = standing;
  const { i32, f64 } = exchange.book;
  const half = order >> 1;
  const kind = i32[order + ORDER_KIND]!;
  const owner = i32[order + ORDER_OWNER]!;
  const terms = (owner & ORDER_TERMS_BIT) === 0
    ? 0
    : exchange.book.termsOf(order);
  const instrument = names.instruments.get(kind & 0xffff);
  const tick = instrument?.tickSizeE8 ?? 1e8;
  const lot = instrument?.lotSizeE8 ?? 1e8;
  const leaves = f64[half + ORDER_LEAVES_F64]!;
  const price = i32[order + ORDER_PRICE]!;
  const iceberg = terms !== 0 &&
    f64[(terms >> 1) + TERMS_DISPLAY_F64]! !== 0;
  const slice = iceberg ? f64[(terms >> 1) + TERMS_SHOWN_F64]! : leaves;
  const shown = queue === "displayed" ? slice : 0;
  const session = owner & ORDER_SESSION_MASK;
  const into: RecordObject = {
    record: "order",
    instrument: instrument?.symbol ?? (kind & 0xffff),
    side: SIDES.get(kind >>> 16 & 0xff) ?? (kind >>> 16 & 0xff),
    queue,
    place,
    price: decimal(price, tick),
    priceRaw: price,
    leaves: decimal(leaves, lot),
    leavesRaw: leaves,
    shown: decimal(shown, lot),
    shownRaw: shown,
    quantity: decimal(f64[half + ORDER_QUANTITY_F64]!, lot),
    quantityRaw: f64[half + ORDER_QUANTITY_F64]!,
    orderId: f64[half + ORDER_ID_F64]!,
    session: names.sessionName(session),
    sessionRaw: session,
    reference: f64[half + ORDER_REFERENCE_F64]!,
    ordType: TYPES.get(kind >>> 24) ?? kind >>> 24,
    timeInForce: TIMES.get(owner >>> 24 & TIME_IN_FORCE_BITS) ??
      (owner >>> 24 & TIME_IN_FORCE_BITS),
  };
  if ((owner & ORDER_TEXT_BIT) !== 0) {
    into.clOrdId = exchange.clOrdIdOf(order);
  }
  if (terms !== 0) putTerms(into, exchange, terms, names, { tick, lot });
  return into;
}

/** What is wanted of a book. */
export interface BookOptions {
  /** Prices a side and queue at most; all if left out. */
  readonly levels?: number;
  /** Only orders of this session. */
  readonly session?: number;
}

/** Every order of an instrument: bids, then offers, from the best on; then stops; then dormant ones. */
export function bookOrders(
  exchange: Exchange,
  names: Names,
  instrument: number,
  options: BookOptions = {},
): RecordObject[] {
  const levels = options.levels ?? Infinity;
  const { i32 } = exchange.book;
  const found: RecordObject[] = [];
  let place = 0;
  let level = 0;
  let before = "";
  let key = 0;
  for (const standing of standingsOf(exchange, instrument)) {
    const { order, queue } = standing;
    const side = i32[order + ORDER_KIND]! >>> 16 & 0xff;
    const group = queue === "displayed" || queue === "hidden"
      ? `${side}`
      : `${side} ${queue}`;
    if (group !== before) {
      place = 0;
      level = 1;
    } else if (standing.key !== key) level++;
    before = group;
    key = standing.key;
    place++;
    if (level > levels) continue;
    const session = i32[order + ORDER_OWNER]! & ORDER_SESSION_MASK;
    if (options.session !== undefined && session !== options.session) continue;
    found.push(orderObject(exchange, names, standing, place));
  }
  return found;
}
