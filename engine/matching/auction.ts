// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The price of an auction.
 *
 * Wanted, in this order: the largest volume, the smallest imbalance, the
 * nearest to a given price, the higher. With rising price what is bought falls
 * and what is sold rises, both in steps at prices of orders. So both sides are
 * summed from their best price inwards, always the one of which there is less,
 * until the next order would not cross: only orders that matter are visited.
 *
 * ```
 * bought  ======b2                     buys at b2 and b1
 *               -----b1                sells at s1 and s2
 * sold       s1-----------             volume is largest from s1 to b1
 *                       s2======       imbalance there is the same
 * ```
 *
 * Owned by the exchange's thread. Allocates nothing after construction, keeps
 * nothing but its last result, changes nothing. It trades nothing.
 *
 * @module
 */
import type { Book } from "../book/mod.ts";
import type { TickTables } from "./ticks.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  SIDE_BEST = 0,
  LEVEL_KEY = 5,
  LEVEL_QUANTITY_F64 = 1,
  QUANTITY_MAX = 9007199254740991,
  BUY = 0,
  SELL = 1,
  BOUGHT = 0,
  SOLD = 1,
  BOUGHT_BEFORE = 2,
  VOLUME = 0,
  IMBALANCE = 1,
}

/** Finds the price of an auction of one instrument. */
export class AuctionPrice {
  /** Ticks; 0 = there is none. */
  price = 0;
  /** Volume, and imbalance (bought - sold), at the price. */
  readonly result = new Float64Array(2);
  readonly #book: Book;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #ticks: TickTables;

  // What follows means something only while a price is looked for. Places of
  // four are displayed buys, hidden buys, displayed sells, hidden sells.
  readonly #sides = new Int32Array(4);
  readonly #levels = new Int32Array(4);
  /** The last valid price at which the level counts; 0 = there is none. */
  readonly #prices = new Int32Array(4);
  /** By bit: the next price at which a side steps; 0 = there is none. */
  readonly #next = new Int32Array(2);
  readonly #sums = new Float64Array(3);
  #instrument = 0;
  #nearest = 0;
  #low = 0;
  #high = 0;

  /** @param book,ticks The same for the life of this. */
  constructor(book: Book, ticks: TickTables) {
    this.#book = book;
    this.#i32 = book.i32;
    this.#f64 = book.f64;
    this.#ticks = ticks;
  }

  /**
   * Finds the price; `price` and `result` hold it afterwards (0 if there is
   * none). Costs as much as there are levels that cross.
   *
   * @param nearest Ticks: to which price it shall be near.
   * @param low Ticks: lowest price allowed; 1 = any.
   * @param high Ticks: highest price allowed; 2147483647 = any.
   * @returns false if nothing can trade.
   */
  find(
    instrument: number,
    nearest: number,
    low: number,
    high: number,
  ): boolean {
    this.price = 0;
    this.result[Fixed.VOLUME] = 0;
    this.result[Fixed.IMBALANCE] = 0;
    this.#instrument = instrument;
    this.#nearest = nearest;
    this.#low = this.#ticks.ceil(instrument, low);
    this.#high = this.#ticks.floor(instrument, high);
    if (this.#low === 0 || this.#low > this.#high) return false;
    this.#start();
    const sums = this.#sums;
    const next = this.#next;
    let buy = 0;
    let buyBefore = 0;
    let sell = 0;
    while (true) {
      if (sums[Fixed.BOUGHT]! <= sums[Fixed.SOLD]!) {
        if (sums[Fixed.BOUGHT] === Fixed.QUANTITY_MAX) break;
        if (next[Fixed.BUY] === 0 || next[Fixed.BUY]! < sell) break;
        buyBefore = buy;
        sums[Fixed.BOUGHT_BEFORE] = sums[Fixed.BOUGHT]!;
        buy = next[Fixed.BUY]!;
        this.#take(Fixed.BUY);
      } else {
        if (next[Fixed.SELL] === 0 || next[Fixed.SELL]! > buy) break;
        sell = next[Fixed.SELL]!;
        this.#take(Fixed.SELL);
      }
    }
    // Sells are taken only after a buy.
    if (sums[Fixed.SOLD] === 0) return false;
    this.#choose(buy, buyBefore, sell);
    return true;
  }

  /** Puts the sums at nothing and the cursors at the best levels. */
  #start(): void {
    const book = this.#book;
    this.#sums.fill(0);
    for (let place = 0; place < 4; place++) {
      const bit = place >> 1;
      const side = (place & 1) === 0
        ? book.sideOf(this.#instrument, bit)
        : book.hiddenSideOf(this.#instrument, bit);
      const level = this.#i32[side + Fixed.SIDE_BEST]!;
      this.#sides[place] = side;
      this.#levels[place] = level;
      this.#prices[place] = this.#priceOf(bit, level);
    }
    this.#look(Fixed.BUY);
    this.#look(Fixed.SELL);
  }

  /**
   * The last valid price at which a level counts: a buy counts at all prices
   * up to it, a sell from it on. 0 if there is none. Beyond the near end of
   * the price band is as at that end; beyond the far end nothing crosses.
   */
  #priceOf(bit: number, level: number): number {
    if (level === 0) return 0;
    const price = this.#i32[level + Fixed.LEVEL_KEY]! ^ (bit - 1);
    if (bit === 0) {
      if (price >= this.#high) return this.#high;
      return this.#ticks.floor(this.#instrument, price);
    }
    if (price <= this.#low) return this.#low;
    return this.#ticks.ceil(this.#instrument, price);
  }

  /** Sets the next price of a side, from its displayed and its hidden half. */
  #look(bit: number): void {
    const displayed = this.#prices[bit << 1]!;
    const hidden = this.#prices[(bit << 1) + 1]!;
    const first = bit === 0 ? displayed >= hidden : displayed <= hidden;
    this.#next[bit] = hidden === 0 || (displayed !== 0 && first)
      ? displayed
      : hidden;
  }

  /** Adds all levels of a side's next price to its sum. */
  #take(bit: number): void {
    const levels = this.#levels;
    const prices = this.#prices;
    const price = this.#next[bit]!;
    let sum = this.#sums[bit]!;
    for (let place = bit << 1; place < (bit << 1) + 2; place++) {
      while (prices[place] === price) {
        const level = levels[place]!;
        sum += this.#f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
        if (sum > Fixed.QUANTITY_MAX) sum = Fixed.QUANTITY_MAX;
        const worse = this.#book.nextLevel(this.#sides[place]!, level);
        levels[place] = worse;
        prices[place] = this.#priceOf(bit, worse);
      }
    }
    this.#sums[bit] = sum;
    this.#look(bit);
  }

  /**
   * Chooses among the prices of the largest volume.
   *
   * Not more bought than sold: all that is bought trades at each price from
   * `sell` up to `buy`. Less is sold below `sell`, less is bought above `buy`,
   * and the imbalance grows with the next sell between them.
   *
   * More bought than sold: the same with the sides changed, but the prices
   * above `buy` may have the same volume. They have if the buys before it and
   * the sells were equal: then, too, the next to be taken was a buy.
   */
  #choose(buy: number, buyBefore: number, sell: number): void {
    const sums = this.#sums;
    const bought = sums[Fixed.BOUGHT]!;
    const sold = sums[Fixed.SOLD]!;
    const result = this.result;
    result[Fixed.VOLUME] = bought < sold ? bought : sold;
    result[Fixed.IMBALANCE] = bought - sold;
    if (bought <= sold) {
      this.price = this.#within(sell, this.#top(buy));
      return;
    }
    const next = this.#next[Fixed.BUY]!;
    let bottom = sell;
    if (bought !== Fixed.QUANTITY_MAX && next !== 0) {
      const above = this.#ticks.above(this.#instrument, next);
      if (above > bottom) bottom = above;
    }
    this.price = this.#within(bottom, buy);
    if (sums[Fixed.BOUGHT_BEFORE] === sold) this.#chooseAbove(buy, buyBefore);
  }

  /** The prices above `buy` have the same volume: takes one if it is better. */
  #chooseAbove(buy: number, buyBefore: number): void {
    const sums = this.#sums;
    const imbalance = sums[Fixed.BOUGHT]! - sums[Fixed.SOLD]!;
    const first = this.#ticks.above(this.#instrument, buy);
    if (this.#next[Fixed.SELL] === first) this.#take(Fixed.SELL);
    const other = sums[Fixed.SOLD]! - sums[Fixed.BOUGHT_BEFORE]!;
    if (other > imbalance) return;
    const price = this.#within(first, this.#top(buyBefore));
    if (
      other === imbalance &&
      Math.abs(price - this.#nearest) > Math.abs(this.price - this.#nearest)
    ) return;
    this.price = price;
    this.result[Fixed.IMBALANCE] = -other + 0;
  }

  /** The last price up to `buy` at which what is sold stays as summed. */
  #top(buy: number): number {
    const next = this.#next[Fixed.SELL]!;
    if (this.#sums[Fixed.SOLD] === Fixed.QUANTITY_MAX || next === 0) return buy;
    const below = this.#ticks.below(this.#instrument, next);
    return below < buy ? below : buy;
  }

  /** The valid price nearest to the wanted one between two valid prices. */
  #within(low: number, high: number): number {
    const nearest = this.#nearest;
    if (nearest <= low) return low;
    if (nearest >= high) return high;
    const below = this.#ticks.floor(this.#instrument, nearest);
    const above = this.#ticks.ceil(this.#instrument, nearest);
    return above - nearest <= nearest - below ? above : below;
  }
}
