// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The queues of a book: puts orders in and takes them out, keeps levels and
 * the best price, and hands out records.
 *
 * Made of functions in a function, and not of a class, because V8 then has
 * views and addresses as constants in the machine code, as long as a process
 * has one book. Owned by the thread of the book. Allocates nothing after it is
 * made.
 *
 * @module
 */
import type { PriceIndex } from "./price_index.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  BOOK_FREE_ORDER = 1,
  BOOK_FRESH_ORDER = 2,
  BOOK_END_ORDER = 3,
  BOOK_ALLOCATED = 4,
  ORDER_WORDS = 16,
  INSTRUMENT_SHIFT = 6,
  SIDE_SHIFT = 3,
  SIDE_BEST = 0,
  SIDE_BEST_KEY = 1,
  SIDE_LEVELS = 5,
  KEY_NONE = 0x7fffffff,
  LEVEL_HEAD = 0,
  LEVEL_TAIL = 1,
  LEVEL_QUANTITY_F64 = 1,
  LEVEL_COUNT = 4,
  LEVEL_KEY = 5,
  LEVEL_RESERVE_F64 = 3,
  ORDER_NEXT = 0,
  ORDER_PREVIOUS = 1,
  ORDER_LEVEL = 2,
  ORDER_LEAVES_F64 = 2,
  ORDER_KIND = 13,
}

/** What a book does with its queues; `Book` says what each is. */
export interface Queues {
  rest(order: number, side: number, key: number): void;
  unlink(order: number): void;
  unlinkFrom(order: number, side: number): void;
  openLevel(order: number, side: number, key: number, level: number): void;
  closeLevel(side: number, level: number): void;
  allocate(): number;
  free(order: number): void;
}

/** Makes the queues of a book. @param instruments Record of instrument 0. */
export function makeQueues(
  i32: Int32Array,
  f64: Float64Array,
  index: PriceIndex,
  instruments: number,
): Queues {
  const { find, insert, open, remove, next: nextLevel } = index;

  function allocate(): number {
    const words = i32;
    let order = words[Fixed.BOOK_FREE_ORDER]!;
    if (order !== 0) {
      words[Fixed.BOOK_FREE_ORDER] = words[order | Fixed.ORDER_NEXT]!;
    } else {
      order = words[Fixed.BOOK_FRESH_ORDER]!;
      if (order === words[Fixed.BOOK_END_ORDER]) return 0;
      words[Fixed.BOOK_FRESH_ORDER] = order + Fixed.ORDER_WORDS;
    }
    words[Fixed.BOOK_ALLOCATED] = words[Fixed.BOOK_ALLOCATED]! + 1;
    return order;
  }

  function free(order: number): void {
    const words = i32;
    words[order | Fixed.ORDER_NEXT] = words[Fixed.BOOK_FREE_ORDER]!;
    words[Fixed.BOOK_FREE_ORDER] = order;
    words[Fixed.BOOK_ALLOCATED] = words[Fixed.BOOK_ALLOCATED]! - 1;
  }

  function rest(order: number, side: number, key: number): void {
    const words = i32;
    const lots = f64;
    const level = find(side, key);
    words[order | Fixed.ORDER_NEXT] = 0;
    if (level === 0 || words[level | Fixed.LEVEL_HEAD] === 0) {
      openLevel(order, side, key, level);
      return;
    }
    const tail = words[level | Fixed.LEVEL_TAIL]!;
    const sum = (level >> 1) + Fixed.LEVEL_QUANTITY_F64;
    words[tail | Fixed.ORDER_NEXT] = order;
    words[order | Fixed.ORDER_PREVIOUS] = tail;
    words[order | Fixed.ORDER_LEVEL] = level;
    words[level | Fixed.LEVEL_TAIL] = order;
    words[level | Fixed.LEVEL_COUNT] = words[level | Fixed.LEVEL_COUNT]! + 1;
    lots[sum] = lots[sum]! + lots[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
  }

  /** Puts an order where its price has none; `level` = 0 if there is no page. */
  function openLevel(
    order: number,
    side: number,
    key: number,
    found: number,
  ): void {
    const words = i32;
    const lots = f64;
    let level = found;
    if (level === 0) level = insert(side, key);
    else open(level, key);
    const half = level >> 1;
    words[level | Fixed.LEVEL_HEAD] = order;
    words[level | Fixed.LEVEL_TAIL] = order;
    words[level | Fixed.LEVEL_COUNT] = 1;
    lots[half + Fixed.LEVEL_QUANTITY_F64] =
      lots[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
    lots[half + Fixed.LEVEL_RESERVE_F64] = 0;
    words[order | Fixed.ORDER_PREVIOUS] = 0;
    words[order | Fixed.ORDER_LEVEL] = level;
    words[side | Fixed.SIDE_LEVELS] = words[side | Fixed.SIDE_LEVELS]! + 1;
    if (key < words[side | Fixed.SIDE_BEST_KEY]!) {
      words[side | Fixed.SIDE_BEST] = level;
      words[side | Fixed.SIDE_BEST_KEY] = key;
    }
  }

  function unlink(order: number): void {
    const kind = i32[order | Fixed.ORDER_KIND]!;
    unlinkFrom(
      order,
      instruments + ((kind & 0xffff) << Fixed.INSTRUMENT_SHIFT) +
        (((kind >>> 16 & 0xff) - 1) << Fixed.SIDE_SHIFT),
    );
  }

  function unlinkFrom(order: number, side: number): void {
    const words = i32;
    const lots = f64;
    const level = words[order | Fixed.ORDER_LEVEL]!;
    const next = words[order | Fixed.ORDER_NEXT]!;
    const previous = words[order | Fixed.ORDER_PREVIOUS]!;
    words[order | Fixed.ORDER_LEVEL] = 0;
    if ((next | previous) === 0) {
      closeLevel(side, level);
      return;
    }
    if (previous === 0) words[level | Fixed.LEVEL_HEAD] = next;
    else words[previous | Fixed.ORDER_NEXT] = next;
    if (next === 0) words[level | Fixed.LEVEL_TAIL] = previous;
    else words[next | Fixed.ORDER_PREVIOUS] = previous;
    const sum = (level >> 1) + Fixed.LEVEL_QUANTITY_F64;
    words[level | Fixed.LEVEL_COUNT] = words[level | Fixed.LEVEL_COUNT]! - 1;
    lots[sum] = lots[sum]! - lots[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
  }

  function closeLevel(side: number, level: number): void {
    const words = i32;
    const key = words[level | Fixed.LEVEL_KEY]!;
    words[level | Fixed.LEVEL_HEAD] = 0;
    words[side | Fixed.SIDE_LEVELS] = words[side | Fixed.SIDE_LEVELS]! - 1;
    remove(side, key, level);
    if (words[side | Fixed.SIDE_BEST] !== level) return;
    const best = nextLevel(side, key);
    words[side | Fixed.SIDE_BEST] = best;
    words[side | Fixed.SIDE_BEST_KEY] = best === 0
      ? Fixed.KEY_NONE
      : words[best | Fixed.LEVEL_KEY]!;
  }

  return { rest, unlink, unlinkFrom, openLevel, closeLevel, allocate, free };
}
