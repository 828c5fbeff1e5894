// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the fields of a book lie in its memory.
 *
 * All records are addressed by the index of their first int32 word in the
 * book's `i32` view; half of that is the index in the `f64` view. 0 means
 * "none". Belongs to the thread that owns the book; nothing here allocates.
 *
 * ```
 * instrument (256 B): [buy side 32 B][sell side 32 B][last trade, totals, state 64 B]
 *                     [hidden buy 32 B][hidden sell 32 B][buy stops 32 B][sell stops 32 B]
 * level       (32 B): [head tail | quantity | count key | reserve]
 * order       (64 B): [next prev level price | leaves | quantity | notional
 *                      | reference | session+ kind+ | order id]
 * terms      (128 B): what makes an order special; only such orders have one
 * ```
 *
 * An order is one cache line, a level half of one, both sides of an instrument
 * share one. A quantity is a float64 whole number, so a level takes 32 bytes
 * and not 16; the count beside it spares market data a walk along the queue.
 *
 * @module
 */

// Words before the first record: what the book knows about its pool.
/** The record that was given back last; 0 = none. */
export const BOOK_FREE_ORDER = 1;
/** The first record that was never used, and the end of all. */
export const BOOK_FRESH_ORDER = 2;
export const BOOK_END_ORDER = 3;
/** Records taken and not given back. */
export const BOOK_ALLOCATED = 4;
/** Orders that may rest at a time. */
export const BOOK_ORDERS_LIMIT = 5;
/** How often what an order could trade was counted. */
export const BOOK_COUNTS = 6;

/** Words of an instrument's record. */
export const INSTRUMENT_WORDS = 64;
/** Words of one side's record; the sell side follows the buy side. */
export const SIDE_WORDS = 8;
/** Words from an instrument's record to its hidden buy side. */
export const HIDDEN_SIDES = 32;
/** Words from an instrument's record to its waiting buy stops. */
export const STOP_SIDES = 48;

// Words of a side's record.
/** Level with the best price; 0 = this side is empty. */
export const SIDE_BEST = 0;
/** Key of the best level; `KEY_NONE` if this side is empty. */
export const SIDE_BEST_KEY = 1;
/** Top table of the price index; 0 = instrument not defined. */
export const SIDE_ROOT = 2;
/** Which entry of the top table was used last, and what it held. */
export const SIDE_CACHED_TOP = 3;
export const SIDE_CACHED_TABLE = 4;
export const SIDE_LEVELS = 5;
/** Orders of the side that have terms. */
export const SIDE_SPECIAL = 7;

// Float64 elements of an instrument's record, from its start.
/** Lots traded since the start. */
export const INSTRUMENT_VOLUME_F64 = 8;
/** Trades since the start. */
export const INSTRUMENT_TRADES_F64 = 9;
/** Lots of the last trade. */
export const INSTRUMENT_LAST_QUANTITY_F64 = 10;
/** Ticks of the last trade, valid if there was a trade. An int32 word. */
export const INSTRUMENT_LAST_PRICE = 22;
/** Sum of ticks x lots traded. */
export const INSTRUMENT_NOTIONAL_F64 = 12;
/** `TradingState`. */
export const INSTRUMENT_STATE = 26;
/** Waiting stops, both sides. */
export const INSTRUMENT_STOPS = 27;
/** First and last order (terms) of the watch list; 0 = empty. */
export const INSTRUMENT_WATCH_HEAD = 28;
export const INSTRUMENT_WATCH_TAIL = 29;
/** 1 = the instrument is to be settled after the command. */
export const INSTRUMENT_TOUCHED = 30;

/** Words of a price level's record. */
export const LEVEL_WORDS = 8;
export const LEVEL_HEAD = 0;
export const LEVEL_TAIL = 1;
/** Float64 element: sum of the leaves of the level's orders. */
export const LEVEL_QUANTITY_F64 = 1;
export const LEVEL_COUNT = 4;
export const LEVEL_KEY = 5;
/** Float64 element: the part of the quantity that slices do not show yet. */
export const LEVEL_RESERVE_F64 = 3;

/** Words of an order's record. */
export const ORDER_WORDS = 16;
/** Next (younger) order of the level; in a free record: next free record. */
export const ORDER_NEXT = 0;
export const ORDER_PREVIOUS = 1;
/** The level that the order rests in; 0 = it does not rest. */
export const ORDER_LEVEL = 2;
/** Limit price, int32 ticks. */
export const ORDER_PRICE = 3;
// Float64 elements of an order's record.
export const ORDER_LEAVES_F64 = 2;
export const ORDER_QUANTITY_F64 = 3;
/** Sum of ticks x lots over the order's fills. */
export const ORDER_NOTIONAL_F64 = 4;
export const ORDER_REFERENCE_F64 = 5;
/** Session in the low 24 bits, time in force << 24, `ORDER_TEXT_BIT`. */
export const ORDER_OWNER = 12;
/** Instrument | side << 16 | order type << 24, as in commands and events. */
export const ORDER_KIND = 13;
export const ORDER_ID_F64 = 7;

/** `ORDER_OWNER`: the bits of the session's index. */
export const ORDER_SESSION_MASK = 0xffffff;
/** `ORDER_OWNER`: the order has a client order id of text. */
export const ORDER_TEXT_BIT = 0x10000000;

/** `ORDER_OWNER`: the order has terms. */
export const ORDER_TERMS_BIT = 0x20000000;

/** `ORDER_OWNER`: the order lives and can be found. */
export const ORDER_INDEXED_BIT = 0x40000000;

/** Words of a record of terms. */
export const TERMS_WORDS = 32;
/** Bits of `TermFlag`; in a free record: next free record. */
export const TERMS_FLAGS = 0;
/** As the order said; 0 = the session's. */
export const TERMS_ACCOUNT = 1;
/** int32 ticks; 0 = none. */
export const TERMS_STOP_PRICE = 2;
export const TERMS_OFFSET = 3;
// Float64 elements.
export const TERMS_DISPLAY_F64 = 2;
export const TERMS_RANGE_F64 = 3;
/** Lots of the slice that is shown; means something only with a display quantity. */
export const TERMS_SHOWN_F64 = 4;
export const TERMS_MIN_F64 = 5;
// Words again.
export const TERMS_EXPIRE_LO = 12;
export const TERMS_EXPIRE_HI = 13;
/** The linked order's record; 0 = none. */
export const TERMS_LINK = 14;
/** `Where`. */
export const TERMS_WHERE = 15;
/** Neighbours in the watch list (terms). */
export const TERMS_WATCH_NEXT = 16;
export const TERMS_WATCH_PREVIOUS = 17;
/** Place in the timers' heap; 0 = not in it. */
export const TERMS_TIMER = 18;
/** The order's record. */
export const TERMS_ORDER = 19;
/** Slices drawn so far. */
export const TERMS_DRAWS = 20;
/** Limit price of a peg; 0 = none. */
export const TERMS_PEG_LIMIT = 21;
/** 1 = a stop order that was triggered, a market-to-limit order that has a price. */
export const TERMS_TRIGGERED = 22;
/** 1 = in the watch list. */
export const TERMS_WATCHED = 23;
/** `BOOK_COUNTS` when the order was counted last. */
export const TERMS_COUNTED = 24;

/** Where an order with terms is. */
export const Where = {
  /** In no queue: being placed, or dormant. */
  NOWHERE: 0,
  DISPLAYED: 1,
  HIDDEN: 2,
  STOPS: 3,
} as const;

/** Key of a market order in a call: it stands before all limit prices. */
export const KEY_MARKET = -2147483648;

/** `SIDE_BEST_KEY` of an empty side; no order can have this key. */
export const KEY_NONE = 0x7fffffff;

/**
 * The key of a price on a side: the best price has the smallest key, on both
 * sides. A key is an int32, and so is every price.
 *
 * @param sideBit 0 = buy, 1 = sell.
 */
export function keyOf(sideBit: number, price: number): number {
  return price ^ (sideBit - 1);
}
