// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The appliance's books, driven by a recorded feed instead of by matching.
 *
 * A feed says what happened: an order came to rest, so many of its shares
 * traded, it is gone. So orders rest through `Book.rest()` and named orders
 * shrink or leave; the matching is not asked, because the feed already holds
 * its verdict. An added order that crosses the other side rests all the same
 * (before an opening auction books do cross) and is counted.
 *
 * Belongs to one reader. Books of 256 stocks share one `Book`, made when the
 * first of them appears; memory that no order needs is never touched.
 *
 * @module
 */
import {
  Book,
  keyOf,
  LEVEL_HEAD,
  LEVEL_QUANTITY_F64,
  LEVEL_TAIL,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_NEXT,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
} from "../book/mod.ts";
import { OrdType } from "../record/mod.ts";
import { FeedOrders } from "./feed_orders.ts";

/** What became of a change that the feed asked for. */
export const FeedResult = {
  OK: 0,
  /** No order of that number rests. */
  UNKNOWN_ORDER: 1,
  /** An order of that number rests already. */
  DUPLICATE_ORDER: 2,
  /** More shares than the order has. */
  TOO_MANY_SHARES: 3,
  /** The order is of another stock. */
  WRONG_STOCK: 4,
  PRICE_OUT_OF_RANGE: 5,
  /** The book has no room for the order, or for another price. */
  NO_ROOM: 6,
} as const;
export type FeedResult = typeof FeedResult[keyof typeof FeedResult];

/** How much the books of 256 stocks hold together. */
export interface FeedBooksOptions {
  /** Resting orders (64 bytes each). */
  readonly ordersMax?: number;
  /** Pages of 256 neighbouring prices (8 KiB each). */
  readonly pagesMax?: number;
}

const SHARD_BITS = 8;
const SHARD_STOCKS = 1 << SHARD_BITS;
const STOCKS_MAX = 65536;
const ORDERS_MAX_DEFAULT = 1 << 20;
const PAGES_MAX_DEFAULT = 1 << 14;
/** Prices are kept in cents until one does not fit, then in 1e-4. */
const CENT = 100;
// The two words of an order's reference hold the feed's number here.
const ORDER_NUMBER_LO = 10;
const ORDER_NUMBER_HI = 11;

/** Books of all stocks of a feed. Prices in and out are in units of 1e-4. */
export class FeedBooks {
  /** Adds that crossed or locked the other side when they came. */
  crossingAdds = 0;
  /** Price of the order that the last `reduce()` or `remove()` named. */
  lastPrice = 0;
  /** Shares that the order had before. */
  lastLeaves = 0;
  /** Its side: 0 = buy, 1 = sell. */
  lastSideBit = 0;
  /** By stock: executions and trade messages, shares, price of the last. */
  readonly trades: Float64Array = new Float64Array(STOCKS_MAX);
  readonly volume: Float64Array = new Float64Array(STOCKS_MAX);
  readonly tradePrice: Float64Array = new Float64Array(STOCKS_MAX);
  readonly #shards: (Book | undefined)[] = [];
  readonly #symbols = new Map<number, string>();
  readonly #unit = new Uint8Array(STOCKS_MAX);
  readonly #orders = new FeedOrders();
  readonly #options: Required<FeedBooksOptions>;

  constructor(options: FeedBooksOptions = {}) {
    this.#options = {
      ordersMax: options.ordersMax ?? ORDERS_MAX_DEFAULT,
      pagesMax: options.pagesMax ?? PAGES_MAX_DEFAULT,
    };
  }

  /** Orders that rest. */
  get ordersCount(): number {
    return this.#orders.count;
  }

  /** Stocks that were named, by number. */
  get symbols(): ReadonlyMap<number, string> {
    return this.#symbols;
  }

  /** Makes a stock known; a second time changes its name only. */
  define(locate: number, symbol: string): void {
    this.#symbols.set(locate, symbol);
    this.#shardOf(locate).define(locate & (SHARD_STOCKS - 1));
    if (this.#unit[locate] === 0) this.#unit[locate] = CENT;
  }

  /** True after `define()`. */
  isDefined(locate: number): boolean {
    return this.#unit[locate] !== 0;
  }

  /**
   * An order comes to rest behind the others of its price. It is not matched,
   * even if it crosses: that is counted in `crossingAdds`.
   *
   * @param hi High half of the feed's number of the order; `lo` the low half.
   * @param price Units of 1e-4.
   */
  add(
    locate: number,
    sideBit: number,
    hi: number,
    lo: number,
    shares: number,
    price: number,
  ): FeedResult {
    if (this.#orders.find(hi, lo) >= 0) return FeedResult.DUPLICATE_ORDER;
    if (price < 1 || price > 0x7fffffff) return FeedResult.PRICE_OUT_OF_RANGE;
    if (this.#unit[locate] === CENT && price % CENT !== 0) {
      if (!this.#refine(locate)) return FeedResult.NO_ROOM;
    }
    const book = this.#shardOf(locate);
    const stock = locate & (SHARD_STOCKS - 1);
    const ticks = price / this.#unit[locate]!;
    const side = book.sideOf(stock, sideBit);
    const key = keyOf(sideBit, ticks);
    if (book.index.find(side, key) === 0 && !book.index.hasRoom(side, key)) {
      return FeedResult.NO_ROOM;
    }
    const order = book.allocate();
    if (order === 0) return FeedResult.NO_ROOM;
    this.#countCrossing(book, stock, sideBit, ticks);
    book.i32[order + ORDER_PRICE] = ticks;
    book.i32[order + ORDER_OWNER] = 0;
    book.i32[order + ORDER_KIND] = stock | (sideBit + 1) << 16 |
      OrdType.LIMIT << 24;
    book.i32[order + ORDER_NUMBER_LO] = lo;
    book.i32[order + ORDER_NUMBER_HI] = hi;
    book.f64[(order >> 1) + ORDER_LEAVES_F64] = shares;
    book.f64[(order >> 1) + ORDER_QUANTITY_F64] = shares;
    book.rest(order, side, key);
    this.#orders.add(hi, lo, order, locate);
    return FeedResult.OK;
  }

  /** Takes shares from an order, which keeps its place, or leaves at zero. */
  reduce(locate: number, hi: number, lo: number, shares: number): FeedResult {
    const entry = this.#lookUp(locate, hi, lo);
    if (entry < 0) return -entry as FeedResult;
    if (shares > this.lastLeaves) return FeedResult.TOO_MANY_SHARES;
    const order = this.#orders.orderAt(entry);
    const book = this.#shardOf(locate);
    if (shares === this.lastLeaves) this.#drop(book, order, entry);
    else book.setLeaves(order, this.lastLeaves - shares);
    return FeedResult.OK;
  }

  /** Gives an order more shares, in its place. For orders without a name. */
  grow(locate: number, hi: number, lo: number, shares: number): FeedResult {
    const entry = this.#lookUp(locate, hi, lo);
    if (entry < 0) return -entry as FeedResult;
    const order = this.#orders.orderAt(entry);
    this.#shardOf(locate).setLeaves(order, this.lastLeaves + shares);
    return FeedResult.OK;
  }

  /** Takes an order out of the book. */
  remove(locate: number, hi: number, lo: number): FeedResult {
    const entry = this.#lookUp(locate, hi, lo);
    if (entry < 0) return -entry as FeedResult;
    this.#drop(this.#shardOf(locate), this.#orders.orderAt(entry), entry);
    return FeedResult.OK;
  }

  /** Counts a trade. @param price 0 = unknown: the last price stays. */
  countTrade(locate: number, shares: number, price: number): void {
    this.trades[locate] = this.trades[locate]! + 1;
    this.volume[locate] = this.volume[locate]! + shares;
    if (price !== 0) this.tradePrice[locate] = price;
  }

  /**
   * Writes price and shares of the best levels of a side to `out`, in pairs,
   * best first.
   *
   * @returns Levels written: as many as there are, or as `out` takes.
   */
  levels(locate: number, sideBit: number, out: Float64Array): number {
    if (!this.isDefined(locate)) return 0;
    const book = this.#shardOf(locate);
    const stock = locate & (SHARD_STOCKS - 1);
    const side = book.sideOf(stock, sideBit);
    const unit = this.#unit[locate]!;
    let level = book.best(stock, sideBit);
    let count = 0;
    while (level !== 0 && count * 2 < out.length) {
      out[count * 2] = book.priceOf(level) * unit;
      out[count * 2 + 1] = book.f64[(level >> 1) + LEVEL_QUANTITY_F64]!;
      count++;
      level = book.nextLevel(side, level);
    }
    return count;
  }

  /** Shares that rest at a price. */
  sharesAt(locate: number, sideBit: number, price: number): number {
    const level = this.#levelAt(locate, sideBit, price);
    const book = this.#shardOf(locate);
    return level === 0 ? 0 : book.f64[(level >> 1) + LEVEL_QUANTITY_F64]!;
  }

  /**
   * Writes the number of the youngest order at a price to `out`: high half,
   * low half. @returns false if no order rests there.
   */
  youngest(
    locate: number,
    sideBit: number,
    price: number,
    out: Uint32Array,
  ): boolean {
    const level = this.#levelAt(locate, sideBit, price);
    if (level === 0) return false;
    const { i32 } = this.#shardOf(locate);
    const order = i32[level + LEVEL_TAIL]!;
    out[0] = i32[order + ORDER_NUMBER_HI]!;
    out[1] = i32[order + ORDER_NUMBER_LO]!;
    return true;
  }

  /** The level of a price; 0 if no order rests there. */
  #levelAt(locate: number, sideBit: number, price: number): number {
    const ticks = price / this.#unit[locate]!;
    if (!Number.isInteger(ticks)) return 0;
    const book = this.#shardOf(locate);
    const side = book.sideOf(locate & (SHARD_STOCKS - 1), sideBit);
    const level = book.index.find(side, keyOf(sideBit, ticks));
    return level === 0 || book.i32[level + LEVEL_HEAD] === 0 ? 0 : level;
  }

  /** Entry of an order, or minus a `FeedResult`. */
  #lookUp(locate: number, hi: number, lo: number): number {
    const entry = this.#orders.find(hi, lo);
    if (entry < 0) return -FeedResult.UNKNOWN_ORDER;
    if (this.#orders.locateAt(entry) !== locate) return -FeedResult.WRONG_STOCK;
    const book = this.#shardOf(locate);
    const order = this.#orders.orderAt(entry);
    this.lastPrice = book.i32[order + ORDER_PRICE]! * this.#unit[locate]!;
    this.lastLeaves = book.f64[(order >> 1) + ORDER_LEAVES_F64]!;
    this.lastSideBit = ((book.i32[order + ORDER_KIND]! >>> 16) & 0xff) - 1;
    return entry;
  }

  #drop(book: Book, order: number, entry: number): void {
    book.unlink(order);
    book.free(order);
    this.#orders.remove(entry);
  }

  #countCrossing(
    book: Book,
    stock: number,
    sideBit: number,
    ticks: number,
  ): void {
    const other = book.best(stock, sideBit ^ 1);
    if (other === 0) return;
    const best = book.priceOf(other);
    if (sideBit === 0 ? ticks >= best : ticks <= best) this.crossingAdds++;
  }

  #shardOf(locate: number): Book {
    const at = locate >>> SHARD_BITS;
    return this.#shards[at] ?? this.#makeShard(at);
  }

  #makeShard(at: number): Book {
    const options = { ...this.#options, instrumentsMax: SHARD_STOCKS };
    const memory = new ArrayBuffer(Book.bytes(options));
    const book = new Book(memory, 0, options);
    this.#shards[at] = book;
    return book;
  }

  /** Turns a stock's cents into units of 1e-4. All orders keep their places. */
  #refine(locate: number): boolean {
    const book = this.#shardOf(locate);
    const stock = locate & (SHARD_STOCKS - 1);
    const orders: number[] = [];
    for (let bit = 0; bit < 2; bit++) {
      const side = book.sideOf(stock, bit);
      for (
        let level = book.best(stock, bit);
        level !== 0;
        level = book.nextLevel(side, level)
      ) {
        const head = book.i32[level + LEVEL_HEAD]!;
        for (let order = head; order !== 0; order = nextOf(book, order)) {
          orders.push(order);
        }
      }
    }
    for (const order of orders) book.unlink(order);
    this.#unit[locate] = 1;
    for (const order of orders) {
      const bit = ((book.i32[order + ORDER_KIND]! >>> 16) & 0xff) - 1;
      const ticks = book.i32[order + ORDER_PRICE]! * CENT;
      const side = book.sideOf(stock, bit);
      const key = keyOf(bit, ticks);
      if (book.index.find(side, key) === 0 && !book.index.hasRoom(side, key)) {
        return false;
      }
      book.i32[order + ORDER_PRICE] = ticks;
      book.rest(order, side, key);
    }
    return true;
  }
}

function nextOf(book: Book, order: number): number {
  return book.i32[order + ORDER_NEXT]!;
}
