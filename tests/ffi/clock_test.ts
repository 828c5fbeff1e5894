// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Clocks: the right one, in the right words.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Clock } from "../../ffi/clock.ts";

function read(clock: Clock): bigint {
  return (BigInt(clock.words[1]!) << 32n) | BigInt(clock.words[0]!);
}

Deno.test("Clock.realtime() lies between two readings of Deno's clock", () => {
  const clock = new Clock();
  const before = BigInt(Date.now()) * 1_000_000n;
  clock.realtime();
  const after = BigInt(Date.now() + 1) * 1_000_000n;
  assert(before <= read(clock) && read(clock) <= after, `${read(clock)}`);
});

Deno.test("Clock.monotonic() never goes back", () => {
  const clock = new Clock();
  let last = 0n;
  for (let round = 0; round < 10_000; round++) {
    clock.monotonic();
    const now = read(clock);
    assert(now >= last, `${now} after ${last}`);
    last = now;
  }
});

Deno.test("Clock.tai() is realtime plus whole seconds", () => {
  const clock = new Clock();
  clock.realtime();
  const utc = read(clock);
  clock.tai();
  const ahead = read(clock) - utc;
  assert(ahead >= 0n && ahead < 100_000_000_000n, `${ahead}`);
});

Deno.test("Clock.toNumber() joins both words", () => {
  const clock = new Clock();
  clock.words[0] = 5;
  clock.words[1] = 3;
  assertEquals(clock.toNumber(), 3 * 2 ** 32 + 5);
});

Deno.test("two Clocks have words of their own", () => {
  const one = new Clock();
  const two = new Clock();
  one.realtime();
  assertEquals(two.words, new Uint32Array(2));
});
