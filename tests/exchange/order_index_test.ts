// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertThrows } from "@std/assert";
import {
  ORDER_OWNER,
  ORDER_REFERENCE_F64,
  ORDER_WORDS,
} from "../../engine/book/mod.ts";
import { OrderIndex } from "../../engine/exchange/mod.ts";
import { INDEX_MASK } from "../../engine/exchange/order_index.ts";
import { RandomCommands } from "../oracle/random_commands.ts";

function make(ordersMax: number) {
  const i32 = new Int32Array((ordersMax + 1) * ORDER_WORDS);
  const f64 = new Float64Array(i32.buffer);
  const index = new OrderIndex(
    new ArrayBuffer(OrderIndex.bytes(ordersMax)),
    0,
    ordersMax,
    i32,
    f64,
  );
  const put = (number: number, session: number, reference: number) => {
    const order = number * ORDER_WORDS;
    i32[order + ORDER_OWNER] = session | 0x11000000;
    f64[(order >> 1) + ORDER_REFERENCE_F64] = reference;
    index.insert(order);
    return order;
  };
  const find = (session: number, reference: number) =>
    index.find(session, new Float64Array([reference]), 0);
  return { index, put, find };
}

Deno.test("OrderIndex.find() tells sessions and references apart", () => {
  const { index, put, find } = make(8);
  const a = put(1, 1, 5);
  const b = put(2, 2, 5);
  const c = put(3, 1, 6);
  const d = put(4, 1, 5 + 2 ** 32);
  assertEquals([find(1, 5), find(2, 5), find(1, 6)], [a, b, c]);
  assertEquals(find(1, 5 + 2 ** 32), d);
  assertEquals([find(3, 5), find(1, 7), find(1, 0), find(1, NaN)], [
    0,
    0,
    0,
    0,
  ]);
  index.remove(a);
  assertEquals([find(1, 5), find(1, 5 + 2 ** 32), index.size], [0, d, 3]);
});

Deno.test("OrderIndex.remove() of an order that is not there is a broken invariant", () => {
  const { index, put } = make(8);
  const order = put(1, 1, 5);
  index.remove(order);
  assertThrows(() => index.remove(order), Error, "not there");
});

for (const step of [1, 4097, 2 ** 20 + 1]) {
  Deno.test(`OrderIndex finds all orders while it uses more of its table, references in steps of ${step}`, () => {
    const ordersMax = 20_000;
    const { index, put, find } = make(ordersMax);
    const parts = new Set<number>();
    for (let number = 1; number <= ordersMax; number++) {
      put(number, number % 3, number * step);
      const mask = index.words[INDEX_MASK]!;
      if (parts.has(mask)) continue;
      parts.add(mask);
      for (let other = 1; other <= number; other++) {
        assertEquals(find(other % 3, other * step), other * ORDER_WORDS);
      }
    }
    assertEquals([...parts], [4095, 65_535, 131_071]);
    for (let number = 1; number <= ordersMax; number++) {
      assertEquals(find(number % 3, number * step), number * ORDER_WORDS);
      index.remove(number * ORDER_WORDS);
      assertEquals(find(number % 3, number * step), 0);
    }
    assertEquals(index.size, 0);
  });
}

for (const step of [1, 8, 4096]) {
  Deno.test(`OrderIndex keeps up when full, references in steps of ${step}, seed 99`, () => {
    const ordersMax = 500;
    const { index, put, find } = make(ordersMax);
    const random = new RandomCommands({
      seed: 99,
      instruments: 1,
      sessions: 1,
      references: 1,
      spread: 1,
      mid: 1,
      quantityMax: 1,
      absurd: 0,
      texts: 0,
    });
    const live = new Map<string, number>();
    const free = Array.from({ length: ordersMax }, (_, i) => i + 1);
    for (let i = 0; i < 60_000; i++) {
      const session = random.draw(3);
      const reference = random.draw(400) * step;
      const name = `${session}/${reference}`;
      const known = live.get(name);
      assertEquals(find(session, reference), known ?? 0, name);
      if (known !== undefined) {
        if (random.draw(3) === 0) {
          index.remove(known);
          live.delete(name);
          free.push(known / ORDER_WORDS);
        }
      } else if (free.length > 0) {
        live.set(name, put(free.pop()!, session, reference));
      }
    }
    assertEquals(index.size, live.size);
    for (const [name, order] of live) {
      const [session, reference] = name.split("/").map(Number);
      assertEquals(find(session!, reference!), order);
      index.remove(order);
    }
    assertEquals(index.size, 0);
  });
}
