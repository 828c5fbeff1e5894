// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { MessageRate } from "../../engine/risk/mod.ts";

const SECOND_NS = 1_000_000_000;
/** A time of our days, in nanoseconds. */
const NOW = 1_785_000_000_000_000_000n;

function rates(sessionsMax = 3): MessageRate {
  const options = { sessionsMax };
  return new MessageRate(
    new ArrayBuffer(64 + MessageRate.bytes(options)),
    64,
    options,
  );
}

function take(rate: MessageRate, session: number, time: bigint): boolean {
  const words = new Int32Array(new BigInt64Array([time]).buffer);
  return rate.take(session, words[0]!, words[1]!);
}

Deno.test("MessageRate.bytes() is whole cache lines", () => {
  for (const sessionsMax of [1, 2, 3, 100]) {
    assertEquals(MessageRate.bytes({ sessionsMax }) % 64, 0);
    assert(rates(sessionsMax).take(sessionsMax - 1, 0, 0));
  }
});

Deno.test("MessageRate.take() takes as many as a window may have, and no more", () => {
  const rate = rates();
  assert(rate.set(1, 2, SECOND_NS));
  const taken = [0n, 0n, 1n, 999_999_999n].map((ns) => take(rate, 1, NOW + ns));
  assertEquals(taken, [true, true, false, false]);
});

Deno.test("MessageRate.take() starts a window with the first message at or after the end", () => {
  const rate = rates();
  rate.set(1, 1, SECOND_NS);
  const second = BigInt(SECOND_NS);
  assert(take(rate, 1, NOW));
  assert(!take(rate, 1, NOW + second - 1n));
  assert(take(rate, 1, NOW + second), "at the end");
  assert(take(rate, 1, NOW + 5n * second / 2n), "after the end");
  assert(!take(rate, 1, NOW + 3n * second), "the window began at 2.5 s");
  assert(!take(rate, 1, NOW + 7n * second / 2n - 1n));
  assert(take(rate, 1, NOW + 7n * second / 2n));
});

Deno.test("MessageRate.take() has no limit before set() and with max 0", () => {
  const rate = rates();
  rate.set(1, 1, SECOND_NS);
  assert(take(rate, 1, NOW) && !take(rate, 1, NOW));
  for (let i = 0; i < 5; i++) assert(take(rate, 2, NOW), "not set");
  rate.set(1, 0, SECOND_NS);
  for (let i = 0; i < 5; i++) assert(take(rate, 1, NOW), "max 0");
  rate.set(2, 1, 0);
  for (let i = 0; i < 5; i++) assert(take(rate, 2, NOW), "interval 0");
});

Deno.test("MessageRate.take() keeps sessions apart", () => {
  const rate = rates();
  rate.set(1, 1, SECOND_NS);
  rate.set(2, 1, SECOND_NS);
  assert(take(rate, 1, NOW) && take(rate, 2, NOW));
  assert(!take(rate, 1, NOW) && !take(rate, 2, NOW));
});

Deno.test("MessageRate.take() compares each nanosecond, carries, and words above 2^31", () => {
  const intervals = [1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53];
  const starts = [
    0n,
    1n,
    2n ** 31n - 1n,
    2n ** 32n - 1n,
    2n ** 32n,
    NOW,
    2n ** 63n - 1n,
    2n ** 63n,
  ];
  for (const interval of intervals) {
    for (const start of starts) {
      const rate = rates();
      assert(rate.set(0, 1, interval));
      const story = `${interval} ns from ${start}`;
      const end = start + BigInt(interval);
      assert(take(rate, 0, start), story);
      assert(!take(rate, 0, start), story);
      assert(!take(rate, 0, end - 1n), `${story}: before the end`);
      assert(take(rate, 0, end), `${story}: at the end`);
    }
  }
});

Deno.test("MessageRate.take() takes words as unsigned numbers too", () => {
  const rate = rates();
  rate.set(0, 1, SECOND_NS);
  assert(rate.take(0, 0xffffffff, 0xf0000000));
  assert(!rate.take(0, 0, 0xf0000001));
  assert(!rate.take(0, SECOND_NS - 2, 0xf0000001));
  assert(rate.take(0, SECOND_NS - 1, 0xf0000001));
});

Deno.test("MessageRate.take() ends a window beyond 2^64 - 1 there", () => {
  const rate = rates();
  rate.set(0, 1, SECOND_NS);
  assert(rate.take(0, -9, -1));
  assert(!rate.take(0, -2, -1));
  assert(rate.take(0, -1, -1));
});

Deno.test("MessageRate.set() lets a window that runs end when it was to end", () => {
  const rate = rates();
  const second = BigInt(SECOND_NS);
  rate.set(1, 1, SECOND_NS);
  assert(take(rate, 1, NOW) && !take(rate, 1, NOW));
  rate.set(1, 3, 2 * SECOND_NS);
  assert(take(rate, 1, NOW), "the third of three");
  assert(!take(rate, 1, NOW + second - 1n), "the fourth");
  assert(take(rate, 1, NOW + second), "the first of the next window");
  assert(take(rate, 1, NOW + second) && take(rate, 1, NOW + second));
  assert(!take(rate, 1, NOW + 3n * second - 1n), "which lasts longer");
});

Deno.test("MessageRate.set() refuses what is not whole", () => {
  const rate = rates();
  rate.set(1, 1, SECOND_NS);
  assert(take(rate, 1, NOW) && !take(rate, 1, NOW));
  for (const wrong of [-1, 0.5, NaN, 2 ** 54]) {
    assert(!rate.set(1, wrong, SECOND_NS), `max ${wrong}`);
    assert(!rate.set(1, 5, wrong), `interval ${wrong}`);
  }
  assert(!take(rate, 1, NOW), "nothing changed");
});

Deno.test("MessageRate over a copy of the memory is a snapshot", () => {
  const options = { sessionsMax: 2 };
  const memory = new ArrayBuffer(MessageRate.bytes(options));
  const rate = new MessageRate(memory, 0, options);
  rate.set(1, 2, SECOND_NS);
  assert(take(rate, 1, NOW));
  const copy = new MessageRate(memory.slice(0), 0, options);
  assert(take(rate, 1, NOW));
  assertEquals([take(rate, 1, NOW), take(copy, 1, NOW)], [false, true]);
});
