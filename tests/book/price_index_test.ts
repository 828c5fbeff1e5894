// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  keyOf,
  PAGE_WORDS,
  PriceIndex,
  SIDE_WORDS,
  TABLE_WORDS,
} from "../../engine/book/mod.ts";
import { RandomCommands } from "../oracle/random_commands.ts";

const SIDE = 16;

function make(tables: number, pages: number) {
  const start = SIDE + SIDE_WORDS * 2;
  const i32 = new Int32Array(
    start + tables * TABLE_WORDS + pages * PAGE_WORDS,
  );
  const index = new PriceIndex(
    i32,
    start,
    tables,
    start + tables * TABLE_WORDS,
    pages,
  );
  assert(index.define(SIDE));
  return index;
}

const DRAWS = {
  instruments: 1,
  sessions: 1,
  references: 1,
  spread: 1,
  mid: 1,
  quantityMax: 1,
  absurd: 0,
  texts: 0,
};

Deno.test("keyOf() gives the better price the smaller key on both sides", () => {
  const prices = [-(2 ** 31), -1, 0, 1, 100, 2 ** 31 - 1];
  for (let i = 1; i < prices.length; i++) {
    const [low, high] = [prices[i - 1]!, prices[i]!];
    assert(keyOf(1, low) < keyOf(1, high), "asks: the lower is better");
    assert(keyOf(0, high) < keyOf(0, low), "bids: the higher is better");
  }
});

Deno.test("PriceIndex.next() finds keys in order over all of int32, seed 7", () => {
  const random = new RandomCommands({ ...DRAWS, seed: 7 });
  const index = make(700, 700);
  const keys = new Map<number, number>();
  const edges = [-(2 ** 31), -1, 0, 255, 256, 0xfffff, 0x100000, 2 ** 31 - 2];
  for (let i = 0; i < 600; i++) {
    const key = edges[i] ??
      (random.draw(2) === 0 ? random.draw(2 ** 32) | 0 : random.draw(2000));
    if (keys.has(key)) continue;
    assert(index.hasRoom(SIDE, key) || index.find(SIDE, key) !== 0);
    keys.set(key, index.insert(SIDE, key));
  }
  const walk = () => {
    const sorted = [...keys.keys()].sort((a, b) => a - b);
    for (let i = 0; i + 1 < sorted.length; i++) {
      assertEquals(
        index.next(SIDE, sorted[i]!),
        keys.get(sorted[i + 1]!),
        `after ${sorted[i]}`,
      );
    }
    assertEquals(index.next(SIDE, sorted.at(-1)!), 0);
  };
  walk();
  for (const key of [...keys.keys()].filter((_, i) => i % 3 !== 0)) {
    index.remove(SIDE, key, keys.get(key)!);
    keys.delete(key);
  }
  walk();
  for (const [key, level] of keys) {
    assertEquals(index.find(SIDE, key), level);
    index.remove(SIDE, key, level);
  }
  assertEquals([index.pagesFree, index.tablesFree], [700, 699]);
});

Deno.test("PriceIndex.hasRoom() says no when pages or tables run out", () => {
  const pages = make(4, 2);
  pages.insert(SIDE, 0);
  pages.insert(SIDE, 256);
  assertEquals(pages.hasRoom(SIDE, 512), false);
  assert(pages.find(SIDE, 255) !== 0, "a key of a page that is there");
  const level = pages.insert(SIDE, 1);
  pages.remove(SIDE, 1, level);
  pages.remove(SIDE, 0, pages.find(SIDE, 0));
  assertEquals(pages.hasRoom(SIDE, 512), true);

  const tables = make(2, 8);
  tables.insert(SIDE, 0);
  assertEquals(tables.tablesFree, 0);
  assertEquals(tables.hasRoom(SIDE, 256), true, "the same table");
  assertEquals(tables.hasRoom(SIDE, 1 << 20), false, "another table");
  tables.remove(SIDE, 0, tables.find(SIDE, 0));
  assertEquals(tables.hasRoom(SIDE, 1 << 20), true);
  tables.insert(SIDE, 1 << 20);
  assertEquals(tables.find(SIDE, 0), 0, "the page went back");
});

Deno.test("PriceIndex.insert() without room is a broken invariant", () => {
  const index = make(2, 1);
  index.insert(SIDE, 0);
  assertThrows(() => index.insert(SIDE, 256), Error, "no page left");
});
