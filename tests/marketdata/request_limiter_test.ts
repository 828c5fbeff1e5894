// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which requests are answered.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ADDRESSES_MAX, RequestLimiter } from "../../engine/marketdata/mod.ts";

Deno.test("RequestLimiter gives each address its own share", () => {
  const limiter = new RequestLimiter(2);
  const take = (address: number, nowMs: number) => limiter.take(address, nowMs);
  assertEquals([take(1, 0), take(1, 0), take(1, 0)], [true, true, false]);
  assertEquals([take(2, 0), take(2, 0), take(2, 0)], [true, true, false]);
  assertEquals([take(1, 499), take(1, 500), take(1, 500)], [
    false,
    true,
    false,
  ]);
  // A clock that goes back gives nothing, and takes nothing.
  assertEquals([take(1, 100), take(1, 600)], [false, true]);
});

Deno.test("RequestLimiter knows a bounded number of addresses, and forgets who was silent longest", () => {
  const limiter = new RequestLimiter(1);
  for (let address = 0; address < ADDRESSES_MAX; address++) {
    assert(limiter.take(address, 0));
  }
  assert(!limiter.take(0, 0));
  assert(limiter.take(-1, 0));
  assertEquals(limiter.size, ADDRESSES_MAX);
  // Address 0 has just asked; address 1 is forgotten, and begins anew.
  assert(!limiter.take(0, 0));
  assert(limiter.take(1, 0));
  for (let address = 0; address < 10 * ADDRESSES_MAX; address++) {
    limiter.take(address, 0);
  }
  assertEquals(limiter.size, ADDRESSES_MAX);
});
