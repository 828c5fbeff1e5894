// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { TICK_BANDS_MAX, TickTables } from "../../engine/matching/mod.ts";

const PRICE_MAX = 0x7fffffff;

function tables(...bands: [from: number, step: number][]): TickTables {
  const options = { instrumentsMax: 3 };
  const ticks = new TickTables(
    new ArrayBuffer(64 + TickTables.bytes(options)),
    64,
    options,
  );
  bands.forEach(([from, step], i) => assert(ticks.set(1, i, from, step)));
  return ticks;
}

Deno.test("TickTables.bytes() is whole cache lines", () => {
  assertEquals(TickTables.bytes({ instrumentsMax: 3 }) % 64, 0);
});

Deno.test("TickTables without bands takes each price above 0", () => {
  const ticks = tables();
  assert(ticks.isSimple(1));
  for (const price of [1, 2, 7, PRICE_MAX]) {
    assert(ticks.isValid(1, price));
    assertEquals(ticks.floor(1, price), price);
    assertEquals(ticks.ceil(1, price), price);
  }
  assert(!ticks.isValid(1, 0) && !ticks.isValid(1, -5));
  assertEquals(ticks.floor(1, 0), 0);
  assertEquals(ticks.floor(1, PRICE_MAX + 9), PRICE_MAX);
  assertEquals(ticks.ceil(1, -9), 1);
  assertEquals(ticks.ceil(1, PRICE_MAX + 1), 0);
  assertEquals([ticks.below(1, 1), ticks.below(1, 2)], [0, 1]);
  assertEquals([ticks.above(1, PRICE_MAX), ticks.above(1, 4)], [0, 5]);
});

Deno.test("TickTables.isValid() judges by the band of the price", () => {
  const ticks = tables([999, 5], [103, 10], [200, 25]);
  assert(!ticks.isSimple(1) && ticks.isSimple(0) && ticks.isSimple(2));
  const valid = [];
  for (let price = -10; price <= 260; price++) {
    if (ticks.isValid(1, price)) valid.push(price);
  }
  assertEquals(
    valid.slice(18),
    [95, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200, 225, 250],
  );
  assertEquals(valid[0], 5);
});

Deno.test("TickTables.floor() and ceil() pass over a band without valid prices", () => {
  const ticks = tables([0, 5], [101, 1000], [103, 50]);
  assertEquals(ticks.floor(1, 149), 100);
  assertEquals(ticks.floor(1, 102), 100);
  assertEquals(ticks.ceil(1, 101), 150);
  assertEquals(ticks.below(1, 150), 100);
  assertEquals(ticks.above(1, 100), 150);
  assertEquals(ticks.above(1, 99), 100);
});

Deno.test("TickTables.floor() and ceil() are 0 where no price is left", () => {
  const ticks = tables([0, 2_000_000_000]);
  assertEquals(ticks.floor(1, 1_999_999_999), 0);
  assertEquals(ticks.floor(1, PRICE_MAX), 2_000_000_000);
  assertEquals(ticks.ceil(1, 2_000_000_000), 2_000_000_000);
  assertEquals(ticks.ceil(1, 2_000_000_001), 0);
  assertEquals(ticks.ceil(1, -PRICE_MAX - 1), 2_000_000_000);
  assertEquals(ticks.below(1, -PRICE_MAX - 1), 0);
});

Deno.test("TickTables.set() refuses gaps, bands that do not ascend, and what is out of range", () => {
  const ticks = tables([0, 5], [100, 10], [200, 25]);
  assert(!ticks.set(1, 4, 300, 1), "gap");
  assert(!ticks.set(2, 1, 300, 1), "gap at the first");
  assert(!ticks.set(1, 3, 200, 50), "at the one before");
  assert(!ticks.set(1, 1, 200, 50), "at the one after");
  assert(!ticks.set(1, 1, 0, 50), "at 0");
  assert(!ticks.set(1, 1, -4, 50), "below 0");
  assert(!ticks.set(1, 3, PRICE_MAX + 1, 50), "price above int32");
  assert(!ticks.set(1, TICK_BANDS_MAX, 300, 1), "band 8");
  assert(!ticks.set(1, -1, 300, 1), "band -1");
  assert(!ticks.set(1, 0, 0, -1), "step below 0");
  assert(!ticks.set(1, 0, 0, PRICE_MAX + 1), "step above int32");
  assertEquals(ticks.above(1, 95), 100);
  assertEquals(ticks.above(1, 195), 200);
  assertEquals(ticks.above(1, 200), 225);
  assert(ticks.set(1, 1, 199, 20));
  assert(ticks.set(1, 1, 1, 20));
  assert(ticks.set(1, 3, 201, 50));
  assertEquals(ticks.above(1, 1), 20);
});

Deno.test("TickTables.set() with step 0 takes away the band and those after it", () => {
  const ticks = tables([0, 5], [100, 10], [200, 25]);
  assert(ticks.set(0, 0, 0, 3));
  assert(ticks.set(2, 0, 0, 4));
  assert(ticks.set(1, 7, 0, 0), "nothing to take away");
  assertEquals(ticks.above(1, 200), 225);
  assert(ticks.set(1, 1, 0, 0));
  assertEquals(ticks.above(1, 200), 205);
  assert(!ticks.set(1, 2, 300, 7), "the bands after it are gone too");
  assert(ticks.set(1, 0, 0, 0));
  assert(ticks.isSimple(1));
  assertEquals([ticks.above(0, 1), ticks.above(2, 1)], [3, 4]);
});

Deno.test("TickTables.floor() and ceil() find what a search by isValid() finds", () => {
  const seed = 20260731;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  for (let round = 0; round < 300; round++) {
    const ticks = tables();
    let from = 0;
    const bands = random(TICK_BANDS_MAX + 1);
    const steps: [number, number][] = [];
    for (let band = 0; band < bands; band++) {
      const step = 1 + random(40);
      assert(ticks.set(1, band, from, step));
      steps.push([from, step]);
      from += 1 + random(60);
    }
    const valid = (price: number) => {
      const step = steps.filter(([from]) => from <= price).at(-1)?.[1] ?? 1;
      return price > 0 && price % step === 0;
    };
    for (let each = 0; each < 40; each++) {
      const price = random(600) - 10;
      const story = `round ${round}: ${JSON.stringify(steps)} at ${price}`;
      let low = price;
      while (low > 0 && !valid(low)) low--;
      let high = Math.max(price, 1);
      while (!valid(high)) high++;
      assertEquals(ticks.isValid(1, price), valid(price), story);
      assertEquals(ticks.floor(1, price), Math.max(low, 0), story);
      assertEquals(ticks.ceil(1, price), high, story);
    }
  }
});

Deno.test("TickTables over a copy of the memory is a snapshot", () => {
  const options = { instrumentsMax: 2 };
  const memory = new ArrayBuffer(TickTables.bytes(options));
  const ticks = new TickTables(memory, 0, options);
  ticks.set(1, 0, 0, 5);
  const copy = new TickTables(memory.slice(0), 0, options);
  ticks.set(1, 0, 0, 7);
  assertEquals([copy.above(1, 1), ticks.above(1, 1)], [5, 7]);
});
