// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The flight recorder's ring: what each stage writes, what a reader sees.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  CMD_IN_SEQUENCE_U32,
  CMD_KIND_U8,
  CMD_SEQUENCE_F64,
  CMD_SESSION_U32,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
  COMMAND_SLOT_BYTES,
  CommandKind,
} from "../../engine/record/mod.ts";
import {
  FLIGHT_SLOT_BYTES,
  flightBytes,
  FlightRing,
} from "../../engine/ring/mod.ts";

const SLOTS = 8;
const LO = 0xfffffff0;
const HI = 7;

/** A ring, and one command that can be written again and again. */
function fixture() {
  const memory = new ArrayBuffer(flightBytes(SLOTS));
  const ring = new FlightRing(memory, 0, SLOTS);
  const bytes = new ArrayBuffer(COMMAND_SLOT_BYTES * 2);
  const views = {
    u8: new Uint8Array(bytes),
    u32: new Uint32Array(bytes),
    f64: new Float64Array(bytes),
  };
  const record = (
    sequence: number,
    received: readonly [number, number] = [0, 0],
  ): number => {
    const words = COMMAND_SLOT_BYTES / 4;
    views.f64[COMMAND_SLOT_BYTES / 8 + CMD_SEQUENCE_F64] = sequence;
    views.u32[words + CMD_TIME_LO_U32] = LO;
    views.u32[words + CMD_TIME_HI_U32] = HI;
    views.u32[words + CMD_SESSION_U32] = 3;
    views.u32[words + CMD_IN_SEQUENCE_U32] = 44;
    views.u8[COMMAND_SLOT_BYTES + CMD_KIND_U8] = CommandKind.NEW_ORDER;
    const times = Uint32Array.of(1, 1, ...received);
    return ring.sequenced(views, 1, times, 1, 5);
  };
  return { ring, record, memory };
}

/** A clock's words so many nanoseconds after the sequenced time. */
function after(ns: number): Uint32Array {
  const time = (BigInt(HI) << 32n) + BigInt(LO) + BigInt(ns);
  return Uint32Array.of(Number(time & 0xffffffffn), Number(time >> 32n));
}

const UNTAKEN = {
  timeLo: LO,
  timeHi: HI,
  receivedBeforeNs: -1,
  matchedAfterNs: -1,
  durableAfterNs: -1,
  sentAfterNs: -1,
  session: 3,
  inSequence: 44,
  kind: CommandKind.NEW_ORDER,
  batch: 5,
};

Deno.test("FlightRing keeps every stage as a distance from the sequenced time", () => {
  const { ring, record } = fixture();
  const slot = record(1, [LO - 100, HI]);
  ring.matched(slot, 1, after(300));
  ring.durable(1, after(5000));
  ring.sent(slot, after(9_000_000_000), 0, 0);
  assertEquals(ring.read(1), {
    ...UNTAKEN,
    sequence: 1,
    receivedBeforeNs: 100,
    matchedAfterNs: 300,
    durableAfterNs: 5000,
    sentAfterNs: 9_000_000_000,
  });
});

Deno.test("FlightRing.sequenced() forgets what its slot held, and a receive time of zero is none", () => {
  const { ring, record } = fixture();
  ring.sent(record(2, [1, HI]), after(10), 0, 0);
  record(2 + SLOTS);
  assertEquals(ring.read(2), undefined);
  assertEquals(ring.read(2 + SLOTS), { ...UNTAKEN, sequence: 2 + SLOTS });
});

Deno.test("FlightRing.matched() is of all commands of a batch, round the end too", () => {
  const { ring, record } = fixture();
  for (const sequence of [5, 6, 7, 8]) record(sequence);
  ring.matched(record(9), 3, after(77));
  const matched = [5, 6, 7, 8, 9].map((n) => ring.read(n)?.matchedAfterNs);
  assertEquals(matched, [-1, -1, 77, 77, 77]);
});

Deno.test("FlightRing.durable() knows a command by its low 32 bits, and one that is gone by its absence", () => {
  const { ring, record } = fixture();
  const large = 3 * 2 ** 32 - 2;
  record(large);
  ring.durable(large | 0, after(8));
  ring.durable(6, after(9));
  assertEquals(ring.read(large)?.durableAfterNs, 8);
  assertEquals(ring.read(6), undefined);
});

Deno.test("FlightRing tells the first message over the threshold, counted from its receipt, and how many more", () => {
  const { ring, record } = fixture();
  const send = (sequence: number, received: number, sent: number) =>
    ring.sent(record(sequence, [received, HI]), after(sent), 1, 1000);
  assertEquals(ring.takeAlarm(), undefined);
  send(1, LO - 400, 600);
  assertEquals(
    ring.takeAlarm(),
    undefined,
    "the threshold itself is all right",
  );
  send(2, LO - 401, 600);
  send(3, LO - 5000, 600);
  const first = { gateway: 1, sequence: 2, elapsedNs: 1001 };
  assertEquals(ring.takeAlarm(), { ...first, count: 2 });
  assertEquals(ring.takeAlarm(), undefined);
  // Nobody knows when that one came.
  ring.sent(record(4), after(1001), 0, 1000);
  const later = { gateway: 0, sequence: 4, elapsedNs: 1001, count: 1 };
  assertEquals(ring.takeAlarm(), later);
});

Deno.test("FlightRing without a threshold tells nothing", () => {
  const { ring, record } = fixture();
  ring.sent(record(1), after(2_000_000_000), 0, 0);
  assertEquals(ring.takeAlarm(), undefined);
});

Deno.test("flightBytes() is a header and a cache line for each slot", () => {
  assertEquals(FLIGHT_SLOT_BYTES, 64);
  assertEquals(flightBytes(1024) - flightBytes(512), 512 * 64);
});
