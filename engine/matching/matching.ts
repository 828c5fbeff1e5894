// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What each order type and time in force does to a book.
 *
 * Price first, then time: an incoming order takes the best price of the other
 * side, the oldest order of it first, always at the resting order's price.
 * What is left over rests (limit orders for the day or until canceled) or ends
 * (market, IOC, FOK).
 *
 * Owned by the exchange's thread. Allocates nothing. Tells a sink of each fill
 * and returns reasons; it writes no events, knows no sessions and checks no
 * field that an order brings.
 *
 * @module
 */
import { type Book, keyOf } from "../book/mod.ts";
import { Reason } from "../record/mod.ts";
import { Owners, SESSION_WORDS } from "./owners.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  KEY_NONE = 0x7fffffff,
  LEVEL_HEAD = 0,
  LEVEL_QUANTITY_F64 = 1,
  ORDER_LEVEL = 2,
  ORDER_LEAVES_F64 = 2,
  QUANTITY_MAX = 9007199254740991,
  ORDER_KIND = 13,
  OrdType_MARKET = 1,
  ORDER_PRICE = 3,
  ORDER_OWNER = 12,
  SIDE_BEST_KEY = 1,
  SIDE_BEST = 0,
  TimeInForce_FOK = 4,
  TimeInForce_IOC = 3,
  ORDER_QUANTITY_F64 = 3,
  LEVEL_KEY = 5,
  ORDER_NOTIONAL_F64 = 4,
  INSTRUMENT_LAST_PRICE = 22,
  INSTRUMENT_LAST_QUANTITY_F64 = 10,
  INSTRUMENT_VOLUME_F64 = 8,
  INSTRUMENT_TRADES_F64 = 9,
  INSTRUMENT_NOTIONAL_F64 = 12,
  ORDER_NEXT = 0,
  LEVEL_COUNT = 4,
  ORDER_PREVIOUS = 1,
  ORDER_SESSION_MASK = 0xffffff,
  BOOK_FREE_ORDER = 1,
  BOOK_ALLOCATED = 4,
  INSTRUMENT_SHIFT = 6,
  SIDE_SHIFT = 3,
  SIDE_WORDS = 8,
  Reason_FOK_NOT_FILLABLE = 202,
  Reason_IOC_REMAINDER = 201,
  Reason_NONE = 0,
  Reason_NO_LIQUIDITY = 200,
  Reason_SELF_TRADE = 207,
  NOT_DAY_OR_GTC = 0xe000000,
}

/** The largest whole number of lots that an order or a level holds: 2^53 - 1. */
export const QUANTITY_MAX = Number.MAX_SAFE_INTEGER;

/** Hears of fills. */
export interface FillSink {
  /**
   * Both orders' leaves and notional are up to date; price and quantity of the
   * fill stand in the instrument's record as those of its last trade; its sums
   * and the count of the level follow when the taker is through. A maker
   * without leaves goes back to the pool when this returns.
   *
   * Only whole words are passed: a float64 argument of a call that is not
   * inlined would be allocated.
   *
   * @param maker Record of the order that rested.
   * @param taker Record of the order that came in.
   * @param instrument Record of the instrument.
   */
  onFill(maker: number, taker: number, instrument: number): void;
}

/** Makes `Matching.place()`, with all views as constants: see `book/queues.ts`. */
function makePlace(
  book: Book,
  sink: FillSink,
  owners: Owners,
  fillable: (side: number, limit: number, wantedAt: number) => boolean,
): (order: number) => Reason {
  const { i32, f64, rest, closeLevel } = book;
  const { identities } = owners;
  const instruments = book.instrumentOf(0);

  function place(order: number): Reason {
    const kind = i32[order | Fixed.ORDER_KIND]!;
    const bit = (kind >>> 16 & 0xff) - 1;
    const record = instruments +
      ((kind & 0xffff) << Fixed.INSTRUMENT_SHIFT);
    const side = record + (bit << Fixed.SIDE_SHIFT);
    const other = side ^ Fixed.SIDE_WORDS;
    const key = i32[order | Fixed.ORDER_PRICE]! ^ (bit - 1);
    const owner = i32[order | Fixed.ORDER_OWNER]!;
    if (
      i32[other | Fixed.SIDE_BEST_KEY]! > ~key &&
      kind >>> 24 !== Fixed.OrdType_MARKET &&
      (owner & Fixed.NOT_DAY_OR_GTC) === 0
    ) {
      rest(order, side, key);
      return Fixed.Reason_NONE;
    }
    const market = kind >>> 24 === Fixed.OrdType_MARKET;
    // The worst price that the order takes, as a key of the other side.
    const limit = market ? Fixed.KEY_NONE : ~key;
    const timeInForce = owner >>> 24 & 0xf;
    if (
      i32[other | Fixed.SIDE_BEST_KEY]! <= limit &&
      i32[other | Fixed.SIDE_BEST] !== 0
    ) {
      const own = (order >> 1) + Fixed.ORDER_LEAVES_F64;
      if (
        timeInForce === Fixed.TimeInForce_FOK && !fillable(other, limit, own)
      ) return Fixed.Reason_FOK_NOT_FILLABLE;
      const session = owner & Fixed.ORDER_SESSION_MASK;
      const met = sweep(
        order,
        record,
        other,
        limit,
        owners.ownIdentity(session),
        owners.rowOf(session),
      );
      if (f64[own] === 0) return Fixed.Reason_NONE;
      if (met) return Fixed.Reason_SELF_TRADE;
    } else if (timeInForce === Fixed.TimeInForce_FOK) {
      return Fixed.Reason_FOK_NOT_FILLABLE;
    }
    if (market) return Fixed.Reason_NO_LIQUIDITY;
    if (timeInForce === Fixed.TimeInForce_IOC) {
      return Fixed.Reason_IOC_REMAINDER;
    }
    rest(order, side, key);
    return Fixed.Reason_NONE;
  }

  /**
   * Takes orders of a side, level after level, up to the key `limit`.
   *
   * @param own What no maker may have in the row of `identities` that starts at `row`.
   * @returns true if it met one of its own.
   */
  function sweep(
    taker: number,
    record: number,
    side: number,
    limit: number,
    own: number,
    row: number,
  ): boolean {
    // Names of their own: in a loop in a loop, V8 takes only a local for constant.
    const words = i32;
    const lots = f64;
    const owned = identities;
    const mine = taker >> 1;
    const totals = record >> 1;
    let wanted = lots[mine + Fixed.ORDER_LEAVES_F64]!;
    let spent = lots[mine + Fixed.ORDER_NOTIONAL_F64]!;
    let volume = lots[totals + Fixed.INSTRUMENT_VOLUME_F64]!;
    let notional = lots[totals + Fixed.INSTRUMENT_NOTIONAL_F64]!;
    let trades = 0;
    let met = false;
    do {
      const level = words[side | Fixed.SIDE_BEST]!;
      const sum = (level >> 1) + Fixed.LEVEL_QUANTITY_F64;
      let maker = words[level | Fixed.LEVEL_HEAD]!;
      const price = words[maker | Fixed.ORDER_PRICE]!;
      let gone = 0;
      do {
        met = owned[
          row + (words[maker | Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK)
        ] === own;
        if (met) break;
        const at = maker >> 1;
        const offered = lots[at + Fixed.ORDER_LEAVES_F64]!;
        const traded = offered <= wanted ? offered : wanted;
        const paid = traded * price;
        wanted -= traded;
        spent += paid;
        volume += traded;
        notional += paid;
        trades++;
        lots[sum] = lots[sum]! - traded;
        lots[mine + Fixed.ORDER_LEAVES_F64] = wanted;
        lots[mine + Fixed.ORDER_NOTIONAL_F64] = spent;
        lots[at + Fixed.ORDER_LEAVES_F64] = offered - traded;
        lots[at + Fixed.ORDER_NOTIONAL_F64] =
          lots[at + Fixed.ORDER_NOTIONAL_F64]! + paid;
        words[record | Fixed.INSTRUMENT_LAST_PRICE] = price;
        lots[totals + Fixed.INSTRUMENT_LAST_QUANTITY_F64] = traded;
        sink.onFill(maker, taker, record);
        if (offered !== traded) break;
        const next = words[maker | Fixed.ORDER_NEXT]!;
        words[maker | Fixed.ORDER_LEVEL] = 0;
        words[maker | Fixed.ORDER_NEXT] = words[Fixed.BOOK_FREE_ORDER]!;
        words[Fixed.BOOK_FREE_ORDER] = maker;
        gone++;
        maker = next;
      } while (maker !== 0 && wanted !== 0);
      words[Fixed.BOOK_ALLOCATED] = words[Fixed.BOOK_ALLOCATED]! - gone;
      words[level | Fixed.LEVEL_COUNT] = words[level | Fixed.LEVEL_COUNT]! -
        gone;
      words[level | Fixed.LEVEL_HEAD] = maker;
      if (maker !== 0) {
        words[maker | Fixed.ORDER_PREVIOUS] = 0;
        break;
      }
      closeLevel(side, level);
    } while (
      wanted !== 0 && words[side | Fixed.SIDE_BEST_KEY]! <= limit &&
      words[side | Fixed.SIDE_BEST] !== 0
    );
    lots[totals + Fixed.INSTRUMENT_VOLUME_F64] = volume;
    lots[totals + Fixed.INSTRUMENT_NOTIONAL_F64] = notional;
    lots[totals + Fixed.INSTRUMENT_TRADES_F64] =
      lots[totals + Fixed.INSTRUMENT_TRADES_F64]! + trades;
    return met;
  }

  return place;
}

/** Matches incoming orders against the books of a shard. */
export class Matching {
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  /**
   * `place(order)`: trades an order and lets the rest of it rest if it may. All
   * fields of its record are set, it does not rest yet, and `room()` was asked
   * if it may.
   *
   * Afterwards the order rests (`ORDER_LEVEL` is not 0), or has no leaves, or
   * has leaves that end for the reason returned. With `SELF_TRADE` it met an
   * order of its own, and the caller goes on. Its record stays the caller's
   * unless it rests.
   */
  readonly place: (order: number) => Reason;

  /**
   * @param sink One object for the life of the matching.
   * @param owners Whose orders are.
   */
  constructor(
    book: Book,
    sink: FillSink,
    owners: Owners = new Owners(book, new Int32Array(SESSION_WORDS * 256)),
  ) {
    this.#book = book;
    this.#i32 = book.i32;
    this.#f64 = book.f64;
    this.place = makePlace(
      book,
      sink,
      owners,
      (side, limit, wantedAt) => this.fillable(side, limit, wantedAt),
    );
  }

  /**
   * Whether an order that may rest has room for its price, whatever it will
   * trade before. That there is a record for it is the caller's business.
   *
   * @param bit 0 = buy, 1 = sell.
   * @param leavesAt Element of `book.f64` that holds the order's leaves.
   * @param own The order's record ; it may rest already (replace).
   * @returns `NONE`, `PRICE_OUT_OF_RANGE`, `LEVEL_CAPACITY`, or
   *   `QUANTITY_TOO_LARGE` if the level's sum would no longer be an exact
   *   whole number.
   */
  room(
    instrument: number,
    bit: number,
    price: number,
    leavesAt: number,
    own: number,
  ): Reason {
    const book = this.#book;
    const key = keyOf(bit, price);
    // One of both keys means an empty side, the other a market order.
    if (price === Fixed.KEY_NONE) return Reason.PRICE_OUT_OF_RANGE;
    const side = book.sideOf(instrument, bit);
    const level = book.index.find(side, key);
    if (level === 0) {
      return book.index.hasRoom(side, key)
        ? Reason.NONE
        : Reason.LEVEL_CAPACITY;
    }
    if (this.#i32[level + Fixed.LEVEL_HEAD] === 0) return Reason.NONE;
    let sum = this.#f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
    if (this.#i32[own + Fixed.ORDER_LEVEL] === level) {
      sum -= this.#f64[(own >> 1) + Fixed.ORDER_LEAVES_F64]!;
    }
    return sum + this.#f64[leavesAt]! > Fixed.QUANTITY_MAX
      ? Reason.QUANTITY_TOO_LARGE
      : Reason.NONE;
  }

  /**
   * Changes price and total quantity of a resting order; `room()` was asked
   * and the quantity is above what is filled. An order whose price stays and
   * whose quantity does not grow keeps its place.
   *
   * @param quantityAt Element of `book.f64` that holds the new quantity.
   * @returns true if it lost its place: it is out of the book and must be
   *   given to `place()`.
   */
  amend(order: number, price: number, quantityAt: number): boolean {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const at = order >> 1;
    const quantity = f64[quantityAt]!;
    const before = f64[at + Fixed.ORDER_QUANTITY_F64]!;
    const leaves = f64[at + Fixed.ORDER_LEAVES_F64]! + (quantity - before);
    f64[at + Fixed.ORDER_QUANTITY_F64] = quantity;
    if (price === i32[order + Fixed.ORDER_PRICE] && quantity <= before) {
      this.#book.setLeaves(order, leaves);
      return false;
    }
    this.#book.unlink(order);
    f64[at + Fixed.ORDER_LEAVES_F64] = leaves;
    i32[order + Fixed.ORDER_PRICE] = price;
    return true;
  }

  /**
   * True if as many lots as stand in `f64[wantedAt]` can be had at `limit` (a
   * key of `side`) or better.
   */
  fillable(side: number, limit: number, wantedAt: number): boolean {
    const i32 = this.#i32;
    const quantity = this.#f64[wantedAt]!;
    let level = i32[side + Fixed.SIDE_BEST]!;
    let sum = 0;
    while (level !== 0 && i32[level + Fixed.LEVEL_KEY]! <= limit) {
      sum += this.#f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
      if (sum >= quantity) return true;
      level = this.#book.nextLevel(side, level);
    }
    return false;
  }
}
