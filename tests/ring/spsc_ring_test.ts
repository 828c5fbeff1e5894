// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  RING_FULL,
  RING_HEADER_BYTES,
  SpscRing,
} from "../../engine/ring/mod.ts";

function pair(
  slotCount: number,
): { producer: SpscRing; consumer: SpscRing; memory: SharedArrayBuffer } {
  const memory = new SharedArrayBuffer(SpscRing.bytes(64, slotCount));
  return {
    producer: new SpscRing(memory, 0, 64, slotCount, "producer"),
    consumer: new SpscRing(memory, 0, 64, slotCount, "consumer"),
    memory,
  };
}

Deno.test("SpscRing refuses sizes that are no power of two or not aligned", () => {
  const memory = new ArrayBuffer(4096);
  assertThrows(() => new SpscRing(memory, 0, 64, 3, "producer"));
  assertThrows(() => new SpscRing(memory, 0, 64, 1, "producer"));
  assertThrows(() => new SpscRing(memory, 0, 60, 4, "producer"));
  assertThrows(() => new SpscRing(memory, 8, 64, 4, "producer"));
});

Deno.test("SpscRing.claim() shows nothing before publish()", () => {
  const { producer, consumer } = pair(4);
  const slot = producer.claim();
  producer.f64[slot * 8] = 42;
  assertEquals(consumer.available(), 0);
  producer.publish();
  assertEquals(consumer.available(), 1);
  assertEquals(consumer.f64[consumer.peek(0) * 8], 42);
  consumer.release(1);
  assertEquals(consumer.available(), 0);
});

Deno.test("SpscRing.claim() reports a full ring and overwrites nothing", () => {
  const { producer, consumer } = pair(4);
  for (let i = 0; i < 4; i++) producer.u32[producer.claim() * 16] = i;
  assertEquals(producer.claim(), RING_FULL);
  assertEquals(producer.free(), 0);
  producer.publish();
  assertEquals(producer.depth(), 4);
  for (let i = 0; i < 4; i++) {
    assertEquals(consumer.u32[consumer.peek(i) * 16], i);
  }
  consumer.release(1);
  assertEquals(producer.free(), 1);
  assert(producer.claim() !== RING_FULL);
  assertEquals(producer.claim(), RING_FULL);
});

Deno.test("SpscRing.unclaim() gives the slot back", () => {
  const { producer, consumer } = pair(4);
  const slot = producer.claim();
  producer.unclaim();
  producer.publish();
  assertEquals(consumer.available(), 0);
  assertEquals(producer.claim(), slot);
});

Deno.test("SpscRing works across the wrap of its 32-bit cursors", () => {
  const memory = new ArrayBuffer(SpscRing.bytes(64, 4));
  const cursors = new Int32Array(memory, 0, RING_HEADER_BYTES / 4);
  for (const start of [0x7ffffffe, -2]) {
    cursors[0] = start;
    cursors[32] = start;
    const producer = new SpscRing(memory, 0, 64, 4, "producer");
    const consumer = new SpscRing(memory, 0, 64, 4, "consumer");
    for (let i = 0; i < 20; i++) {
      producer.u32[producer.claim() * 16] = i;
      producer.publish();
      assertEquals(consumer.available(), 1);
      assertEquals(consumer.u32[consumer.peek(0) * 16], i);
      consumer.release(1);
    }
  }
});

// producer (this thread) ──▶ ring of 64 ──▶ consumer (worker), which sums and checks the order
Deno.test("SpscRing carries a million records to another thread in order", async () => {
  const slotCount = 64;
  const memory = new SharedArrayBuffer(SpscRing.bytes(64, slotCount));
  const total = 1_000_000;
  const worker = new Worker(
    new URL("./spsc_ring_consumer.ts", import.meta.url).href,
    { type: "module" },
  );
  const answer = new Promise<number>((resolve, reject) => {
    worker.onmessage = (message) => resolve(message.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.postMessage({ memory, slotCount, total });
  const producer = new SpscRing(memory, 0, 64, slotCount, "producer");
  for (let i = 0; i < total;) {
    const slot = producer.claim();
    if (slot === RING_FULL) {
      // Let the worker start, and run on a machine with a single core.
      await new Promise((resolve) => setTimeout(resolve, 0));
      continue;
    }
    producer.f64[slot * 8] = i;
    producer.f64[slot * 8 + 7] = -i;
    producer.publish();
    i++;
  }
  assertEquals(await answer, total);
  worker.terminate();
});
