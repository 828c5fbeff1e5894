// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assertEquals, assertThrows } from "@std/assert";
import {
  COUNTER,
  COUNTER_BLOCK_BYTES,
  CounterLane,
  CounterReader,
  COUNTERS,
  LANES_MAX,
  Log,
} from "../../engine/telemetry/mod.ts";

Deno.test("CounterReader.read() sums the lanes", () => {
  const memory = new ArrayBuffer(64 + COUNTER_BLOCK_BYTES);
  const first = new CounterLane(memory, 64, 0);
  const last = new CounterLane(memory, 64, LANES_MAX - 1);
  const reader = new CounterReader(memory, 64);
  first.add(COUNTER.trades_total, 2);
  last.add(COUNTER.trades_total, 3);
  last.set(COUNTER.orders_open, 7);
  first.refused(11);
  last.refused(11);
  assertEquals(reader.read(COUNTER.trades_total), 5);
  assertEquals(reader.read(COUNTER.orders_open), 7);
  assertEquals(reader.readRefused(11), 2);
  assertEquals(reader.readRefused(12), 0);
  assertThrows(() => new CounterLane(memory, 64, LANES_MAX));
});

Deno.test("COUNTERS has each name once", () => {
  assertEquals(new Set(COUNTERS.map((c) => c.name)).size, COUNTERS.length);
});

Deno.test("Log.log() filters by level, renders both formats, folds repeats", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const make = (format: "json" | "text") =>
    new Log({
      level: "info",
      format,
      source: "test",
      nowMs: () => nowMs,
      write: (line) => lines.push(new TextDecoder().decode(line)),
    });
  const json = make("json");
  json.debug("hidden");
  json.info("started", { port: 9878, ok: true });
  assertEquals(lines.length, 1);
  assertEquals(JSON.parse(lines[0]!), {
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    source: "test",
    message: "started",
    port: 9878,
    ok: true,
  });
  json.info("started", { port: 9878, ok: true });
  json.info("started", { port: 9878, ok: true });
  assertEquals(lines.length, 1);
  nowMs = 1000;
  json.info("started", { port: 9878, ok: true });
  assertEquals(JSON.parse(lines[1]!).repeatedBefore, 2);
  make("text").warn("two words", { path: "/a b" });
  assertEquals(
    lines[2],
    '1970-01-01T00:00:01.000Z warn  test: two words path="/a b"\n',
  );
});
