// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Stage times of answers, from the flight recorder's ring to the 64 bytes that
 * a client gets; the example of the protocol's page is made here.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { AnswerTimes } from "../../engine/gateway/binary/answer_times.ts";
import {
  CMD_SEQUENCE_F64,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
  COMMAND_SLOT_BYTES,
  EVENT_SLOT_BYTES,
  EVT_IN_SEQUENCE_U32,
  EVT_SEQUENCE_F64,
} from "../../engine/record/mod.ts";
import { flightBytes, FlightRing, SpscRing } from "../../engine/ring/mod.ts";
import {
  answerStages,
  decodeServerMessage,
  SERVER_CHECKSUM,
  SERVER_MESSAGE_BYTES,
  ServerType,
  TIMES_SEQUENCED,
} from "../../engine/wire/binary/mod.ts";
import { crc32c } from "../../engine/wire/crc32c.ts";

const TIME_NS = 1_767_225_600_123_456_789n;
const SLOTS = 8;

function low(ns: bigint): number {
  return Number(ns & 0xffffffffn);
}

function high(ns: bigint): number {
  return Number(ns >> 32n);
}

/** One command in the flight recorder, and the event that it caused. */
function fixture(
  { received = TIME_NS - 2_100n, matched = TIME_NS + 900n as bigint | null } =
    {},
) {
  const ring = new FlightRing(new ArrayBuffer(flightBytes(SLOTS)), 0, SLOTS);
  const bytes = new ArrayBuffer(COMMAND_SLOT_BYTES);
  const command = {
    u8: new Uint8Array(bytes),
    u32: new Uint32Array(bytes),
    f64: new Float64Array(bytes),
  };
  command.f64[CMD_SEQUENCE_F64] = 5;
  command.u32[CMD_TIME_LO_U32] = low(TIME_NS);
  command.u32[CMD_TIME_HI_U32] = high(TIME_NS);
  const times = Uint32Array.of(low(received), high(received));
  const slot = ring.sequenced(command, 0, times, 0, 1);
  if (matched !== null) {
    ring.matched(slot, 1, Uint32Array.of(low(matched), high(matched)));
  }
  const memory = new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, 2));
  const events = new SpscRing(memory, 0, EVENT_SLOT_BYTES, 2, "consumer");
  events.f64[EVENT_SLOT_BYTES / 8 + EVT_SEQUENCE_F64] = 5;
  const event = (inSequence: number): number => {
    events.u32[EVENT_SLOT_BYTES / 4 + EVT_IN_SEQUENCE_U32] = inSequence;
    return 1;
  };
  return { ring, events, event, command };
}

/** The message about answer `number`, which is sent 25.5 us after it was sequenced. */
function written(
  times: AnswerTimes,
  ring: FlightRing,
  number: number,
): Uint8Array {
  const answer = new Uint32Array(SERVER_MESSAGE_BYTES / 4);
  answer[TIMES_SEQUENCED / 4] = low(TIME_NS);
  answer[TIMES_SEQUENCED / 4 + 1] = high(TIME_NS);
  const sent = TIME_NS + 25_500n;
  const clock = {
    words: Uint32Array.of(low(sent), high(sent)),
    realtime: () => {},
  };
  const target = new Uint32Array(SERVER_MESSAGE_BYTES / 4).fill(0xffffffff);
  times.write(number, answer, 0, { ring, clock }, target, 0);
  const bytes = new Uint8Array(target.buffer);
  new DataView(bytes.buffer).setUint32(
    SERVER_CHECKSUM,
    crc32c(bytes.subarray(0, SERVER_CHECKSUM)),
    true,
  );
  return bytes;
}

function stagesOf(bytes: Uint8Array) {
  const message = decodeServerMessage(bytes, 0);
  assertEquals(message.type, ServerType.TIMES);
  return answerStages(message);
}

const KNOWN = {
  answer: 9,
  cause: 7,
  receivedNs: TIME_NS - 2_100n,
  sequencedNs: TIME_NS,
  matchedNs: TIME_NS + 900n,
  sentNs: TIME_NS + 25_500n,
};

Deno.test("AnswerTimes.write() makes the example of binary_order.md", async () => {
  const { ring, events, event } = fixture();
  const times = new AnswerTimes(64);
  times.note(events, event(7), 9);
  const bytes = written(times, ring, 9);
  assertEquals(stagesOf(bytes), KNOWN);
  const page = await Deno.readTextFile(
    new URL("../../docs/protocols/binary_order.md", import.meta.url),
  );
  const block = /```hex times\n(.*)\n(.*)\n```/.exec(page)![2]!;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  assertEquals(block.replaceAll(" ", ""), hex.join(""));
});

Deno.test("AnswerTimes.write() carries a time over its low word", () => {
  const border = BigInt(high(TIME_NS)) << 32n;
  const { ring, events, event } = fixture({ received: border - 1n });
  const times = new AnswerTimes(64);
  times.note(events, event(7), 9);
  assertEquals(stagesOf(written(times, ring, 9)).receivedNs, border - 1n);
});

Deno.test("AnswerTimes.write() does not tell when another's message came", () => {
  const { ring, events, event } = fixture();
  const times = new AnswerTimes(64);
  times.note(events, event(0), 9);
  const expected = { ...KNOWN, cause: 0, receivedNs: 0n };
  assertEquals(stagesOf(written(times, ring, 9)), expected);
});

Deno.test("AnswerTimes.write() says 0 for what is not known", () => {
  const nothing = { ...KNOWN, receivedNs: 0n, matchedNs: 0n };
  const { ring, events, event, command } = fixture({
    received: 0n,
    matched: null,
  });
  const times = new AnswerTimes(64);
  times.note(events, event(7), 9);
  assertEquals(stagesOf(written(times, ring, 9)), nothing);
  // Its slot in the flight recorder has another command now.
  command.f64[CMD_SEQUENCE_F64] = 5 + SLOTS;
  ring.sequenced(command, 0, new Uint32Array(2), 0, 1);
  assertEquals(stagesOf(written(times, ring, 9)), nothing);
  // An answer from before the logon, and one whose place has another.
  const older = { ...nothing, cause: 0 };
  assertEquals(stagesOf(written(times, ring, 8)), { ...older, answer: 8 });
  times.note(events, event(8), 9 + 64);
  assertEquals(stagesOf(written(times, ring, 9)), older);
});
