// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The sum over events against a plain one, and what it does not depend on.
 *
 * @module
 */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { EventSum } from "../../ffi/event_digest.ts";
import { NativeError } from "../../ffi/native_error.ts";

const SLOT_BYTES = 192;
const SEED = 0xd16e;
const MASK64 = (1n << 64n) - 1n;

class Slots {
  readonly u8: Uint8Array<ArrayBuffer>;
  constructor(readonly slotCount: number) {
    this.u8 = new Uint8Array(slotCount * SLOT_BYTES);
  }
}

/** Random events of both lengths. */
function events(count: number, kind = 3): Uint8Array[] {
  let state = SEED;
  return Array.from({ length: count }, (_, i) => {
    const event = new Uint8Array(SLOT_BYTES).map(() => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state >>> 24;
    });
    event[4] = i % 3 === 0 ? 192 : 128;
    event[5] = 0;
    event[6] = kind;
    return event;
  });
}

function sumOf(list: readonly Uint8Array[], slotCount: number, from = 0) {
  const slots = new Slots(slotCount);
  const sum = new EventSum([slots], [from]);
  list.forEach((event, i) => {
    slots.u8.set(event, ((from + i) % slotCount) * SLOT_BYTES);
    sum.add(0, (from + i + 1) >>> 0);
  });
  return [sum.lo, sum.hi, sum.events];
}

/** The same in the plainest way. */
function plainHash(event: Uint8Array): bigint {
  const view = new DataView(event.buffer, event.byteOffset);
  const bytes = view.getUint16(4, true);
  let sum = BigInt(bytes);
  for (let at = 0; at < bytes; at += 16) {
    const place = BigInt(at);
    const a = view.getBigUint64(at, true) ^
      ((0x9e3779b97f4a7c15n + place * 0xd6e8feb86659fd93n) & MASK64);
    const b = view.getBigUint64(at + 8, true) ^
      ((0xa0761d6478bd642fn - place * 0xe7037ed1a0b428dbn) & MASK64);
    const product = a * b;
    sum += (product & MASK64) ^ (product >> 64n);
  }
  sum &= MASK64;
  sum ^= sum >> 32n;
  sum = (sum * 0xff51afd7ed558ccdn) & MASK64;
  return sum ^ (sum >> 29n);
}

Deno.test("EventSum.add() gives the sum of the events' hashes", () => {
  const list = events(50);
  const expected = list.reduce((sum, event) => sum + plainHash(event), 0n) &
    MASK64;
  assertEquals(sumOf(list, 64), [
    Number(expected & 0xffffffffn),
    Number(expected >> 32n),
    50,
  ]);
});

Deno.test("EventSum depends on neither order nor place nor batch", () => {
  const list = events(50);
  const expected = sumOf(list, 64);
  assertEquals(sumOf(list.toReversed(), 64), expected);
  assertEquals(sumOf(list, 4), expected);
  assertEquals(sumOf(list, 8, 0xffffffff - 3), expected);
  const [one, two] = [new Slots(64), new Slots(64)];
  const sum = new EventSum([one, two], [0, 0]);
  list.forEach((event, i) => {
    (i % 2 === 0 ? one : two).u8.set(event, (i >>> 1) * SLOT_BYTES);
  });
  sum.add(0, 25);
  sum.add(1, 25);
  sum.add(1, 25);
  assertEquals([sum.lo, sum.hi, sum.events], expected);
});

Deno.test("EventSum notices every changed bit as far as an event goes, and no further", () => {
  const [long] = events(1);
  const short = long!.slice();
  short[4] = 128;
  for (const [event, length] of [[long!, 192], [short, 128]] as const) {
    const expected = sumOf([event], 2);
    for (let bit = 0; bit < SLOT_BYTES * 8; bit++) {
      const at = bit >>> 3;
      // Kind and length say what to do with it.
      if (at >= 4 && at <= 6) continue;
      const changed = event.slice();
      changed[at]! ^= 1 << (bit & 7);
      const found = sumOf([changed], 2);
      if (at < length) assertNotEquals(found, expected, `bit ${bit}`);
      else assertEquals(found, expected, `bit ${bit}`);
    }
  }
});

Deno.test("EventSum leaves out what the appliance tells every gateway", () => {
  for (const kind of [10, 11, 16]) {
    assertEquals(sumOf(events(5, kind), 8), [0, 0, 0]);
  }
  assertEquals(sumOf(events(5, 12), 8)[2], 5);
});

Deno.test("EventSum.restore() goes on from another sum", () => {
  const list = events(20);
  const [lo, hi, count] = sumOf(list.slice(0, 9), 32);
  const slots = new Slots(32);
  list.slice(9).forEach((event, i) => slots.u8.set(event, i * SLOT_BYTES));
  const sum = new EventSum([slots], [0]);
  sum.restore(lo!, hi!, count!);
  sum.add(0, 11);
  assertEquals([sum.lo, sum.hi, sum.events], sumOf(list, 32));
});

Deno.test("EventSum.add() refuses a length that is none", () => {
  const slots = new Slots(2);
  slots.u8[4] = 64;
  const sum = new EventSum([slots], [0]);
  assertThrows(() => sum.add(0, 1), NativeError, "add events of ring 0");
});
