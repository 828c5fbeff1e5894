// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The digest of an exchange's events does not depend on how they went out.
 *
 * @module
 */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { EventSum } from "../../ffi/mod.ts";
import { EventDigest, EventRing } from "../../engine/exchange/mod.ts";
import {
  EVENT_SLOT_BYTES,
  EVT_LENGTH_U16,
  EVT_SEQUENCE_F64,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";

function makeRing(slots: number): { events: EventRing; taken: () => number } {
  const memory = new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, slots));
  const consumer = new SpscRing(
    memory,
    0,
    EVENT_SLOT_BYTES,
    slots,
    "consumer",
  );
  let taken = 0;
  const take = () => {
    const count = consumer.available();
    taken += count;
    consumer.release(count);
  };
  const producer = new SpscRing(
    memory,
    0,
    EVENT_SLOT_BYTES,
    slots,
    "producer",
  );
  const events = new EventRing(producer, take);
  return {
    events,
    taken: () => {
      take();
      return taken;
    },
  };
}

/** Writes events 1 to `count`, and gives what they come to. */
function digestOf(
  count: number,
  slots: readonly number[],
  publishEvery: number,
): number[] {
  const rings = slots.map(makeRing);
  const digest = new EventDigest(
    rings.map(({ events }) => events),
    (list, from) => new EventSum(list, from),
  );
  for (let i = 1; i <= count; i++) {
    const { events } = rings[i % rings.length]!;
    const slot = events.claim();
    const at = slot * EVENT_SLOT_BYTES;
    const words = new Uint16Array(events.i32.buffer, events.i32.byteOffset);
    words[(at >>> 1) + EVT_LENGTH_U16] = 128;
    events.f64[(at >>> 3) + EVT_SEQUENCE_F64] = i;
    if (i % publishEvery === 0) { for (const r of rings) r.events.publish(); }
  }
  digest.take();
  for (const { events } of rings) events.publish();
  assertEquals(rings.reduce((sum, { taken }) => sum + taken(), 0), count);
  return [digest.lo, digest.hi, digest.events];
}

Deno.test("EventDigest depends neither on rings nor on batches, nor on rings that are full", () => {
  const expected = digestOf(500, [1024], 500);
  assertEquals(expected[2], 500);
  for (const every of [1, 7, 100]) {
    assertEquals(digestOf(500, [1024], every), expected);
    assertEquals(digestOf(500, [4], every), expected);
    assertEquals(digestOf(500, [4, 64, 2], every), expected);
  }
  assertNotEquals(digestOf(499, [1024], 1), expected);
});

Deno.test("EventDigest takes no event that was discarded", () => {
  const { events } = makeRing(8);
  const digest = new EventDigest(
    [events],
    (list, from) => new EventSum(list, from),
  );
  events.claim();
  events.discard();
  events.publish();
  assertEquals(digest.events, 0);
  digest.restore(1, 2, 3);
  assertEquals([digest.lo, digest.hi, digest.events], [1, 2, 3]);
});

Deno.test("an event ring is in one digest only", () => {
  const { events } = makeRing(8);
  const make = () =>
    new EventDigest([events], (list, from) => new EventSum(list, from));
  make();
  assertThrows(make, Error, "two digests");
});
