// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { buildPrograms } from "../../bench/programs.ts";
import { percentiles, Stamps } from "../../bench/stamps.ts";

Deno.test("Stamps keeps one time for each call, and no more than fit", async () => {
  await buildPrograms();
  const stamps = new Stamps(10);
  stamps.open();
  assertEquals(stamps.ns().length, 0);
  for (let i = 0; i < 4; i++) stamps.stamp();
  assertEquals(stamps.ns().length, 4);
  for (let i = 0; i < 40; i++) stamps.stamp();
  assertEquals(stamps.ns().length, 10);
  stamps.open();
  assertEquals(stamps.ns().length, 0);
});

Deno.test("Stamps measures in nanoseconds", async () => {
  await buildPrograms();
  const stamps = new Stamps(1);
  const start = performance.now();
  stamps.open();
  while (performance.now() - start < 20);
  stamps.stamp();
  const elapsedNs = (performance.now() - start) * 1e6;
  const ns = stamps.ns()[0]!;
  assert(ns <= elapsedNs * 1.05, `${ns} of ${elapsedNs}`);
  assert(ns >= 15e6, `${ns} of ${elapsedNs}`);
});

Deno.test("percentiles() takes the time that so many are below", () => {
  const ns = Float64Array.from({ length: 10_000 }, (_, i) => 10_000 - i);
  assertEquals(percentiles(ns), [5001, 9901, 9991, 10_000, 10_000]);
  assertEquals(percentiles(Float64Array.of(7)), [7, 7, 7, 7, 7]);
});
