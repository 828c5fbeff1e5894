// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The ITCH decoder against messages written field by field, and against noise.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  ITCH_BYTES,
  ITCH_MESSAGES,
  ItchDecoder,
  itchName,
  ItchResult,
  itchStock,
} from "../../engine/wire/itch/mod.ts";
import { ItchMessage, seeded } from "./itch_builder.ts";

/** Decodes a message that stands at an odd offset among other bytes. */
function decode(message: Uint8Array): { d: ItchDecoder; result: number } {
  const bytes = new Uint8Array(message.length + 20).fill(0xee);
  bytes.set(message, 7);
  const d = new ItchDecoder();
  return { d, result: d.decode(bytes, 7, message.length) };
}

Deno.test("ITCH_MESSAGES has 23 messages with distinct types", () => {
  assertEquals(ITCH_MESSAGES.length, 23);
  assertEquals(new Set(ITCH_MESSAGES.map(([type]) => type)).size, 23);
  assertEquals(ITCH_BYTES.filter((bytes) => bytes > 0).length, 23);
  assertEquals(itchName(0x41), "add order");
  assertEquals(itchName(0x7a), "unknown");
});

Deno.test("ItchDecoder.decode() reads the header of every message", () => {
  for (const [type, , bytes, decoded] of ITCH_MESSAGES) {
    if (decoded) continue;
    const message = new ItchMessage(type, 513, 2 ** 48 - 2, 770);
    const { d, result } = decode(message.text("", bytes - 11).done());
    assertEquals(result, ItchResult.OK, type);
    assertEquals(d.type, type.charCodeAt(0));
    assertEquals([d.locate, d.tracking], [513, 770]);
    assertEquals(d.timestampNs, 2 ** 48 - 2);
  }
});

Deno.test("ItchDecoder.decode() reads an add order, with and without a name", () => {
  for (const type of ["A", "F"]) {
    const message = new ItchMessage(type, 7).uint(0xfedcba9876543210n, 8)
      .text("S", 1).uint(4_000_000_000, 4).text("BRK.A", 8)
      .uint(4_294_967_295, 4);
    if (type === "F") message.text("GSCO", 4);
    const bytes = message.done();
    const { d, result } = decode(bytes);
    assertEquals(result, ItchResult.OK);
    assertEquals([d.referenceHi, d.referenceLo], [0xfedcba98, 0x76543210]);
    assertEquals([d.sideBit, d.shares, d.price], [1, 4e9, 4294967295]);
    assertEquals(d.stockOffset, 7 + 24);
    assertEquals(itchStock(bytes, 24), "BRK.A");
  }
});

Deno.test("ItchDecoder.decode() reads executions", () => {
  const e = new ItchMessage("E", 7).uint(5, 8).uint(300, 4).uint(2n ** 40n, 8);
  const plain = decode(e.done());
  assertEquals(plain.result, ItchResult.OK);
  assertEquals([plain.d.referenceLo, plain.d.shares], [5, 300]);
  assertEquals([plain.d.matchHi, plain.d.matchLo], [256, 0]);
  assertEquals(plain.d.printable, true);
  for (const [code, printable] of [["Y", true], ["N", false]] as const) {
    const c = new ItchMessage("C", 7).uint(5, 8).uint(300, 4).uint(9, 8)
      .text(code, 1).uint(1234500, 4);
    const { d, result } = decode(c.done());
    assertEquals(result, ItchResult.OK);
    assertEquals([d.printable, d.price], [printable, 1234500]);
  }
});

Deno.test("ItchDecoder.decode() reads cancel, delete and replace", () => {
  const cancel = decode(new ItchMessage("X", 7).uint(5, 8).uint(20, 4).done());
  assertEquals(cancel.result, ItchResult.OK);
  assertEquals([cancel.d.referenceLo, cancel.d.shares], [5, 20]);
  const deleted = decode(new ItchMessage("D", 7).uint(2n ** 63n, 8).done());
  assertEquals(deleted.result, ItchResult.OK);
  assertEquals(deleted.d.referenceHi, 0x80000000);
  const replaced = decode(
    new ItchMessage("U", 7).uint(5, 8).uint(2n ** 32n + 6n, 8).uint(70, 4)
      .uint(990000, 4).done(),
  );
  assertEquals(replaced.result, ItchResult.OK);
  assertEquals(replaced.d.referenceLo, 5);
  assertEquals(replaced.d.newReferenceHi, 1);
  assertEquals(replaced.d.newReferenceLo, 6);
  assertEquals([replaced.d.shares, replaced.d.price], [70, 990000]);
});

Deno.test("ItchDecoder.decode() reads trades, directory and events", () => {
  const trade = decode(
    new ItchMessage("P", 7).uint(0, 8).text("B", 1).uint(10, 4).text("A", 8)
      .uint(15000, 4).uint(77, 8).done(),
  );
  assertEquals(trade.result, ItchResult.OK);
  assertEquals([trade.d.shares, trade.d.price], [10, 15000]);
  assertEquals([trade.d.matchLo, trade.d.sideBit], [77, 0]);
  const cross = decode(
    new ItchMessage("Q", 7).uint(2n ** 53n - 1n, 8).text("A", 8).uint(15000, 4)
      .uint(78, 8).text("C", 1).done(),
  );
  assertEquals(cross.result, ItchResult.OK);
  assertEquals(cross.d.shares, Number.MAX_SAFE_INTEGER);
  assertEquals([cross.d.matchLo, cross.d.code], [78, 0x43]);
  const broken = decode(new ItchMessage("B", 7).uint(78, 8).done());
  assertEquals([broken.result, broken.d.matchLo], [ItchResult.OK, 78]);
  const stock = decode(
    new ItchMessage("R", 9).text("ZVZZT", 8).text("QN", 2).uint(100, 4)
      .text("NCZ PN1N", 9).uint(0, 4).text("N", 1).done(),
  );
  assertEquals([stock.result, stock.d.roundLotShares], [ItchResult.OK, 100]);
  const event = decode(new ItchMessage("S", 0).text("Q", 1).done());
  assertEquals([event.result, event.d.code], [ItchResult.OK, 0x51]);
});

Deno.test("ItchDecoder.decode() refuses every wrong length of every message", () => {
  const d = new ItchDecoder();
  for (const [type, , bytes] of ITCH_MESSAGES) {
    const message = new Uint8Array(256);
    message[0] = type.charCodeAt(0);
    for (let length = 1; length <= 64; length++) {
      const result = d.decode(message, 0, length);
      assertEquals(
        result === ItchResult.WRONG_LENGTH,
        length !== bytes,
        `${type} of ${length} bytes`,
      );
    }
  }
});

Deno.test("ItchDecoder.decode() names unknown types and empty messages", () => {
  const d = new ItchDecoder();
  assertEquals(d.decode(Uint8Array.of(0x7a, 1, 2), 0, 3), 1);
  assertEquals(d.decode(new Uint8Array(0), 0, 0), ItchResult.UNKNOWN_TYPE);
});

Deno.test("ItchDecoder.decode() refuses fields out of range and says where", () => {
  const add = (side: string, shares: number) =>
    new ItchMessage("A", 7).uint(5, 8).text(side, 1).uint(shares, 4)
      .text("A", 8).uint(100, 4).done();
  const cases: [Uint8Array, number][] = [
    [add("b", 1), 19],
    [add("B", 0), 20],
    [new ItchMessage("E", 7).uint(5, 8).uint(0, 4).uint(1, 8).done(), 19],
    [
      new ItchMessage("C", 7).uint(5, 8).uint(1, 4).uint(1, 8).text("y", 1)
        .uint(5, 4).done(),
      31,
    ],
    [new ItchMessage("X", 7).uint(5, 8).uint(0, 4).done(), 19],
    [
      new ItchMessage("U", 7).uint(5, 8).uint(6, 8).uint(0, 4).uint(1, 4)
        .done(),
      27,
    ],
    [
      new ItchMessage("Q", 7).uint(2n ** 53n, 8).text("A", 8).uint(1, 4)
        .uint(1, 8).text("O", 1).done(),
      11,
    ],
    [
      new ItchMessage("Q", 7).uint(1, 8).text("A", 8).uint(1, 4).uint(1, 8)
        .text("Z", 1).done(),
      39,
    ],
    [new ItchMessage("S", 0).text("o", 1).done(), 11],
  ];
  for (const [message, at] of cases) {
    const { d, result } = decode(message);
    assertEquals(result, ItchResult.BAD_FIELD, String(message));
    assertEquals(d.badOffset, 7 + at);
    assert(d.badExpected.length > 0);
  }
});

Deno.test("ItchDecoder.decode() survives 100,000 mutated messages", () => {
  const seed = 0x17c4;
  const next = seeded(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const d = new ItchDecoder();
  const seen = [0, 0, 0, 0];
  for (let i = 0; i < 100_000; i++) {
    const [type, , bytes] = ITCH_MESSAGES[below(ITCH_MESSAGES.length)]!;
    const message = new Uint8Array(64);
    for (let k = 0; k < bytes; k++) message[k] = below(256);
    message[0] = below(20) === 0 ? below(256) : type.charCodeAt(0);
    const length = below(10) === 0 ? below(60) : bytes;
    const result = d.decode(message, 0, length);
    assert(result >= 0 && result <= 3, `seed ${seed}, message ${i}`);
    const known = ITCH_BYTES[message[0]!]! !== 0 && length > 0;
    assertEquals(result === ItchResult.UNKNOWN_TYPE, !known);
    if (result === ItchResult.BAD_FIELD) {
      assert(d.badOffset >= 11 && d.badOffset < length);
    }
    seen[result] = seen[result]! + 1;
  }
  assert(seen.every((count) => count > 100), `seed ${seed}: ${seen}`);
});
