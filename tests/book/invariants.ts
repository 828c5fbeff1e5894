// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Walks a book and says what is broken. For tests.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type Book,
  KEY_NONE,
  keyOf,
  LEVEL_COUNT,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_QUANTITY_F64,
  LEVEL_TAIL,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_PREVIOUS,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  SIDE_BEST,
  SIDE_BEST_KEY,
  SIDE_LEVELS,
} from "../../engine/book/mod.ts";

/** Checks one level's queue; returns its number of orders. */
function checkLevel(
  book: Book,
  instrument: number,
  bit: number,
  level: number,
  onOrder: (order: number) => void,
): number {
  const { i32, f64 } = book;
  let order = i32[level + LEVEL_HEAD]!;
  let previous = 0;
  let count = 0;
  let sum = 0;
  assert(order !== 0, "a level in use has a first order");
  while (order !== 0) {
    assertEquals(i32[order + ORDER_PREVIOUS], previous, "previous order");
    assertEquals(i32[order + ORDER_LEVEL], level, "level of the order");
    const key = keyOf(bit, i32[order + ORDER_PRICE]!);
    assertEquals(key, i32[level + LEVEL_KEY], "key of the order");
    const kind = i32[order + ORDER_KIND]!;
    assertEquals(kind & 0xffff, instrument, "instrument of the order");
    assertEquals((kind >>> 16 & 0xff) - 1, bit, "side of the order");
    const leaves = f64[(order >> 1) + ORDER_LEAVES_F64]!;
    assert(
      leaves > 0 && leaves <= f64[(order >> 1) + ORDER_QUANTITY_F64]!,
      `leaves are ${leaves}`,
    );
    sum += leaves;
    count++;
    onOrder(order);
    previous = order;
    order = i32[order + ORDER_NEXT]!;
  }
  assertEquals(i32[level + LEVEL_TAIL], previous, "last order of the level");
  assertEquals(i32[level + LEVEL_COUNT], count, "orders of the level");
  assertEquals(
    f64[(level >> 1) + LEVEL_QUANTITY_F64],
    sum,
    "lots of the level",
  );
  return count;
}

/**
 * Checks everything that must hold for a book at rest.
 *
 * @param onOrder Called for each order, in book order.
 * @returns Number of orders in the book.
 */
export function checkBook(
  book: Book,
  onOrder: (order: number) => void = () => {},
): number {
  const { i32 } = book;
  let orders = 0;
  for (let instrument = 0; instrument < book.instrumentsMax; instrument++) {
    if (!book.isDefined(instrument)) continue;
    for (let bit = 0; bit < 2; bit++) {
      const side = book.sideOf(instrument, bit);
      let level = i32[side + SIDE_BEST]!;
      assertEquals(
        i32[side + SIDE_BEST_KEY],
        level === 0 ? KEY_NONE : i32[level + LEVEL_KEY],
        "best key",
      );
      const inUse = new Set<number>();
      let own = 0;
      let last = -(2 ** 31) - 1;
      while (level !== 0) {
        const key = i32[level + LEVEL_KEY]!;
        assert(key > last, "keys rise from level to level");
        assertEquals(book.index.find(side, key), level, "level found by key");
        last = key;
        inUse.add(level);
        own += checkLevel(book, instrument, bit, level, onOrder);
        level = book.nextLevel(side, level);
      }
      assertEquals(i32[side + SIDE_LEVELS], inUse.size, "levels of the side");
      // No price near the levels hides an order that the bitmap does not show.
      for (const used of [...inUse].slice(0, 8)) {
        for (let near = -300; near <= 300; near += 7) {
          const key = (i32[used + LEVEL_KEY]! + near) | 0;
          const other = book.index.find(side, key);
          if (other === 0 || inUse.has(other)) continue;
          assertEquals(i32[other + LEVEL_HEAD], 0, "unused level is empty");
        }
      }
      orders += own;
    }
    checkNotCrossed(book, instrument);
  }
  assertEquals(book.ordersAllocated, orders, "records taken from the pool");
  return orders;
}

/** The cheap part: best bid below best ask. */
export function checkNotCrossed(book: Book, instrument: number): void {
  const bid = book.best(instrument, 0);
  const ask = book.best(instrument, 1);
  if (bid === 0 || ask === 0) return;
  if (book.priceOf(bid) >= book.priceOf(ask)) {
    throw new Error(
      `crossed: bid ${book.priceOf(bid)}, ask ${book.priceOf(ask)}`,
    );
  }
}
