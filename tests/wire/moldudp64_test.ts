// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ItchEncoder, itchTime } from "../../engine/wire/itch/mod.ts";
import {
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MoldReader,
  moldSession,
  writeMoldHeader,
} from "../../engine/wire/moldudp64.ts";
import {
  SOUP_LOGIN_BYTES,
  soupLoginSession,
  SoupType,
  writeSoupAccepted,
  writeSoupHeader,
} from "../../engine/wire/soupbintcp.ts";
import { ItchMessage } from "./itch_builder.ts";

const SESSION = moldSession("ABC");
const hex = (bytes: Uint8Array) => bytes.toHex();

/** A packet from the byte table. */
function packet(
  sequence: bigint,
  count: number,
  ...messages: readonly number[][]
): DataView {
  const bytes = [...new TextEncoder().encode("ABC       ")];
  for (let i = 7n; i >= 0n; i--) bytes.push(Number(sequence >> 8n * i & 255n));
  bytes.push(count >> 8, count & 255);
  for (const message of messages) {
    bytes.push(message.length >> 8, message.length & 255, ...message);
  }
  return new DataView(Uint8Array.from(bytes).buffer);
}

Deno.test("writeMoldHeader() writes the byte table, numbers beyond 32 bits too", () => {
  for (const sequence of [1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    const view = new DataView(new ArrayBuffer(MOLD_HEADER_BYTES));
    writeMoldHeader(view, 0, SESSION, sequence, 0x1234);
    assertEquals(
      hex(new Uint8Array(view.buffer)),
      hex(new Uint8Array(packet(BigInt(sequence), 0x1234).buffer)),
    );
  }
});

Deno.test("MoldReader reads messages, empty ones too, and stops where they do not fit", () => {
  const reader = new MoldReader();
  const view = packet(2n ** 40n, 3, [1, 2], [], [3]);
  assert(reader.open(view, 0, view.byteLength, SESSION));
  assertEquals(reader.sequence, 2 ** 40);
  const found: number[][] = [];
  while (reader.next()) {
    found.push([
      ...new Uint8Array(view.buffer, reader.start, reader.length),
    ]);
  }
  assertEquals(found, [[1, 2], [], [3]]);
  assert(reader.isWhole);
  for (let cut = MOLD_HEADER_BYTES; cut < view.byteLength; cut++) {
    assert(reader.open(view, 0, cut, SESSION));
    while (reader.next());
    assert(!reader.isWhole, `cut to ${cut} bytes`);
  }
});

Deno.test("MoldReader refuses what is short, of another session, or beyond 2^53", () => {
  const reader = new MoldReader();
  const good = packet(1n, 0);
  assert(reader.open(good, 0, MOLD_HEADER_BYTES, SESSION));
  assert(!reader.open(good, 0, MOLD_HEADER_BYTES - 1, SESSION));
  assert(!reader.open(good, 0, MOLD_HEADER_BYTES, moldSession("ABD")));
  assert(!reader.open(packet(2n ** 53n, 0), 0, MOLD_HEADER_BYTES, SESSION));
  const end = packet(9n, MOLD_END_OF_SESSION);
  assert(reader.open(end, 0, MOLD_HEADER_BYTES, SESSION));
  assertEquals(reader.next(), false);
  assert(reader.isWhole);
  assertThrows(() => moldSession("elevenchars"), RangeError, "1 to 10 ASCII");
});

Deno.test("SoupBinTCP frames are the golden ones", () => {
  const u8 = new Uint8Array(64);
  writeSoupHeader(u8, 0, SoupType.SERVER_HEARTBEAT, 0);
  assertEquals(hex(u8.subarray(0, 3)), "000148");
  writeSoupHeader(u8, 0, SoupType.END_OF_SESSION, 0);
  assertEquals(hex(u8.subarray(0, 3)), "00015a");
  writeSoupHeader(u8, 0, SoupType.LOGIN_REQUEST, SOUP_LOGIN_BYTES - 3);
  assertEquals(hex(u8.subarray(0, 3)), "002f4c");
  const bytes = writeSoupAccepted(u8, 0, "ABC", 42);
  assertEquals(
    new TextDecoder().decode(u8.subarray(2, bytes)),
    "A       ABC                  42",
  );
  assertEquals(hex(u8.subarray(0, 3)), "001f41");
  u8.set(new TextEncoder().encode("       ABC"), 19);
  assertEquals(soupLoginSession(u8, 0), "ABC");
});

Deno.test("ItchEncoder writes each message as the byte tables have it", () => {
  const u8 = new Uint8Array(64).fill(0xaa);
  const encoder = new ItchEncoder(u8);
  const stock = new TextEncoder().encode("ABC     ");
  const time = 86_399_999_999_999;
  encoder.locate = 7;
  encoder.timestampNs = time;
  const is = (bytes: number, expected: ItchMessage) =>
    assertEquals(hex(u8.subarray(0, bytes)), hex(expected.done()));
  const head = (type: string) => new ItchMessage(type, 7, time);
  const big = 2 ** 52 + 5;
  is(encoder.systemEvent(0x4f), new ItchMessage("S", 0, time).text("O", 1));
  is(
    encoder.directory(stock, 100),
    head("R").text("ABC", 8).text("", 2).uint(100, 4).text("N", 1).text("", 3)
      .text("P", 1).text("", 4).uint(0, 4).text("N", 1),
  );
  is(
    encoder.tradingAction(stock, 0x54, ""),
    head("H").text("ABC", 8).text("T", 2).text("", 4),
  );
  is(
    encoder.add(big, 1, 2 ** 32 - 1, stock, 12345),
    head("A").uint(big, 8).text("S", 1).uint(2 ** 32 - 1, 4).text("ABC", 8)
      .uint(12345, 4),
  );
  is(
    encoder.executed(big, 5, 9),
    head("E").uint(big, 8).uint(5, 4).uint(9, 8),
  );
  is(
    encoder.executedAtPrice(big, 5, 9, false, 77),
    head("C").uint(big, 8).uint(5, 4).uint(9, 8).text("N", 1).uint(77, 4),
  );
  is(encoder.cancel(big, 5), head("X").uint(big, 8).uint(5, 4));
  is(encoder.delete(big), head("D").uint(big, 8));
  is(
    encoder.replace(big, big + 1, 5, 6),
    head("U").uint(big, 8).uint(big + 1, 8).uint(5, 4).uint(6, 4),
  );
  is(
    encoder.trade(0, 5, stock, 6, 9),
    head("P").uint(0, 8).text("B", 1).uint(5, 4).text("ABC", 8).uint(6, 4)
      .uint(9, 8),
  );
  is(
    encoder.crossTrade(2 ** 40, stock, 6, 9, 0x4f),
    head("Q").uint(2 ** 40, 8).text("ABC", 8).uint(6, 4).uint(9, 8)
      .text("O", 1),
  );
  assertEquals(
    new TextDecoder().decode(u8.subarray(0, encoder.snapshotEnd(42))),
    "G                  42",
  );
});

Deno.test("itchTime() is the time since midnight, to the nanosecond", () => {
  const day = 86_400n * 10n ** 9n;
  for (const rest of [0n, 1n, day - 1n]) {
    const time = 20_000n * day + rest;
    const lo = Number(time & 0xffffffffn);
    assertEquals(itchTime(lo, Number(time >> 32n)), Number(rest));
  }
});
