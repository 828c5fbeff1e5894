// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertThrows } from "@std/assert";
import { Reason } from "../../engine/record/mod.ts";
import { RiskLimits } from "../../engine/risk/mod.ts";

Deno.test("RiskLimits.check() judges at each limit -1, 0 and +1", () => {
  const limits = new RiskLimits(2);
  limits.set(1, 100, 5000);
  const check = (instrument: number, quantity: number, price: number) =>
    limits.check(instrument, new Float64Array([quantity]), 0, price);
  assertEquals(check(1, 99, 1), Reason.NONE);
  assertEquals(check(1, 100, 1), Reason.NONE);
  assertEquals(check(1, 101, 1), Reason.MAX_QUANTITY);
  assertEquals(check(1, 100, 49), Reason.NONE);
  assertEquals(check(1, 100, 50), Reason.NONE);
  assertEquals(check(1, 100, 51), Reason.MAX_NOTIONAL);
  assertEquals(check(1, 100, 0), Reason.NONE);
  assertEquals(check(0, 2 ** 53 - 1, 1), Reason.NONE);
  assertEquals(check(0, 2 ** 53 - 1, 2), Reason.MAX_NOTIONAL);
  limits.set(1, 0, 0);
  assertEquals(check(1, 101, 1000), Reason.NONE);
});

Deno.test("RiskLimits.set() refuses limits below 0 and NaN", () => {
  const limits = new RiskLimits(1);
  assertThrows(() => limits.set(0, -1, 0), Error, "instrument 0: -1 lots");
  assertThrows(() => limits.set(0, 0, NaN), Error, "NaN");
});
