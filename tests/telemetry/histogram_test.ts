// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import {
  bucketOf,
  bucketTopNs,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_BYTES,
  SharedHistogram,
} from "../../engine/telemetry/mod.ts";

Deno.test("bucketOf() is exact below 2048 and within 0.1 % above", () => {
  for (let value = 0; value < 2048; value++) {
    assertEquals(bucketOf(value), value);
    assertEquals(bucketTopNs(value), value);
  }
  for (let power = 11; power < 31; power++) {
    for (const value of [2 ** power - 1, 2 ** power, 2 ** power + 1]) {
      const top = bucketTopNs(bucketOf(value));
      assert(top >= value, `bucket top ${top} is below ${value}`);
      assert(top - value <= value / 1000, `${top} is too far from ${value}`);
    }
  }
});

Deno.test("bucketOf() never falls, and clamps at both ends", () => {
  let last = -1;
  for (let value = 0; value < 5_000_000; value += 97) {
    const bucket = bucketOf(value);
    assert(bucket >= last);
    last = bucket;
  }
  assertEquals(bucketOf(-5), 0);
  assertEquals(bucketOf(2 ** 40), HISTOGRAM_BUCKETS - 1);
});

Deno.test("SharedHistogram.record() counts into the value's bucket", () => {
  const histogram = new SharedHistogram(new ArrayBuffer(HISTOGRAM_BYTES), 0);
  histogram.record(5);
  histogram.record(5);
  histogram.record(1_000_000);
  const seen: [number, number][] = [];
  histogram.forEach((topNs, count) => seen.push([topNs, count]));
  assertEquals(seen.length, 2);
  assertEquals(seen[0], [5, 2]);
  assertEquals(seen[1]![1], 1);
});
