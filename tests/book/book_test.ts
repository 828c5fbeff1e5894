// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertThrows } from "@std/assert";
import {
  Book,
  keyOf,
  LEVEL_COUNT,
  LEVEL_QUANTITY_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
} from "../../engine/book/mod.ts";
import { checkBook } from "./invariants.ts";

const OPTIONS = { ordersMax: 8, instrumentsMax: 2, pagesMax: 8 };

function make(): Book {
  const book = new Book(new ArrayBuffer(Book.bytes(OPTIONS) + 64), 64, OPTIONS);
  book.define(0);
  book.define(1);
  return book;
}

function rest(
  book: Book,
  instrument: number,
  bit: number,
  price: number,
  lots: number,
): number {
  const order = book.allocate();
  book.i32[order + ORDER_KIND] = instrument | (bit + 1) << 16 | 2 << 24;
  book.i32[order + ORDER_PRICE] = price;
  book.f64[(order >> 1) + ORDER_LEAVES_F64] = lots;
  book.f64[(order >> 1) + ORDER_QUANTITY_F64] = lots;
  book.rest(order, book.sideOf(instrument, bit), keyOf(bit, price));
  return order;
}

/** Levels of a side, best first: price x lots (orders). */
function side(book: Book, instrument: number, bit: number): string {
  const levels: string[] = [];
  let level = book.best(instrument, bit);
  while (level !== 0) {
    levels.push(
      `${book.priceOf(level)}x${book.f64[(level >> 1) + LEVEL_QUANTITY_F64]}(${
        book.i32[level + LEVEL_COUNT]
      })`,
    );
    level = book.nextLevel(book.sideOf(instrument, bit), level);
  }
  return levels.join(" ");
}

Deno.test("Book.rest() keeps levels by price and orders by time", () => {
  const book = make();
  rest(book, 0, 0, 100, 5);
  rest(book, 0, 0, 101, 2);
  rest(book, 0, 0, 100, 1);
  rest(book, 0, 1, 103, 9);
  rest(book, 0, 1, 102, 9);
  rest(book, 1, 1, 50, 3);
  assertEquals(side(book, 0, 0), "101x2(1) 100x6(2)");
  assertEquals(side(book, 0, 1), "102x9(1) 103x9(1)");
  assertEquals(side(book, 1, 0), "");
  assertEquals(side(book, 1, 1), "50x3(1)");
  assertEquals(checkBook(book), 6);
});

Deno.test("Book.unlink() takes the first, a middle, the last and the only order", () => {
  const book = make();
  const [a, b, c, d] = [1, 2, 4, 8].map((lots) => rest(book, 0, 0, 100, lots));
  const only = rest(book, 0, 0, 99, 3);
  for (
    const [order, left] of [
      [b, "100x13(3) 99x3(1)"],
      [a, "100x12(2) 99x3(1)"],
      [d, "100x4(1) 99x3(1)"],
      [only, "100x4(1)"],
      [c, ""],
    ] as const
  ) {
    book.unlink(order!);
    assertEquals(book.i32[order! + ORDER_LEVEL], 0);
    book.free(order!);
    assertEquals(side(book, 0, 0), left);
    checkBook(book);
  }
  assertEquals(book.ordersAllocated, 0);
});

Deno.test("Book.setLeaves() changes the level's sum and keeps the place", () => {
  const book = make();
  const first = rest(book, 0, 1, 7, 10);
  rest(book, 0, 1, 7, 1);
  book.setLeaves(first, 4);
  assertEquals(side(book, 0, 1), "7x5(2)");
  checkBook(book);
});

Deno.test("Book.allocate() gives every record once, the last freed first", () => {
  const book = make();
  const orders = Array.from({ length: 8 }, () => book.allocate());
  assertEquals(new Set(orders).size, 8);
  assertEquals(orders.map((order) => book.numberOf(order)), [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
  ]);
  assertEquals([book.hasOrder(), book.allocate()], [false, 0]);
  book.free(orders[3]!);
  book.free(orders[5]!);
  assertEquals(book.allocate(), orders[5]!);
  assertEquals(book.hasOrder(), true);
});

Deno.test("Book.isDefined() may be asked anything", () => {
  const options = { ...OPTIONS, instrumentsMax: 3 };
  const book = new Book(new ArrayBuffer(Book.bytes(options)), 0, options);
  book.define(1);
  book.define(1);
  assertEquals([0, 1, 2, 3, 65535].map((i) => book.isDefined(i)), [
    false,
    true,
    false,
    false,
    false,
  ]);
  assertThrows(() => book.define(3), Error, "instrumentsMax is 3");
});

Deno.test("Book.bytes() refuses what can not be, with the numbers", () => {
  for (
    const [wrong, text] of [
      [{ ordersMax: 0 }, "ordersMax is 0"],
      [{ ordersMax: 1.5 }, "ordersMax is 1.5"],
      [{ instrumentsMax: 0 }, "instrumentsMax is 0"],
      [{ instrumentsMax: 65536 }, "instrumentsMax is 65536"],
      [{ pagesMax: 0 }, "pagesMax is 0"],
      [{ tablesMax: 4 }, "tablesMax is 4"],
      [{ ordersMax: 2 ** 27 }, "lower ordersMax"],
    ] as const
  ) assertThrows(() => Book.bytes({ ...OPTIONS, ...wrong }), Error, text);
});
