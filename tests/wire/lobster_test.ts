// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The LOBSTER reader against good lines, bad lines and noise.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { lobsterFieldCount, LobsterReader } from "../../engine/wire/lobster.ts";
import { seeded } from "./itch_builder.ts";

const encoder = new TextEncoder();

/** Reads an event that stands among other bytes. */
function read(text: string): { reader: LobsterReader; good: boolean } {
  const line = encoder.encode(text);
  const bytes = new Uint8Array(line.length + 10).fill(0x37);
  bytes.set(line, 5);
  const reader = new LobsterReader();
  return { reader, good: reader.readEvent(bytes, 5, 5 + line.length) };
}

Deno.test("LobsterReader.readEvent() reads the fields of an event", () => {
  const line = "34200.004241176,1,16113575,18,5853300,-1";
  for (const text of [line, line + "\r", line.replace(".004241176", "")]) {
    const { reader, good } = read(text);
    assert(good, text);
    assertEquals(reader.type, 1);
    assertEquals(reader.orderId, 16113575);
    assertEquals([reader.size, reader.price], [18, 5853300]);
    assertEquals(reader.sideBit, 1);
  }
});

Deno.test("LobsterReader.readEvent() takes a halt, whose price is a code", () => {
  const { reader, good } = read("35101.5,7,0,0,-1,-1");
  assert(good);
  assertEquals([reader.type, reader.price], [7, -1]);
});

Deno.test("LobsterReader.readEvent() refuses malformed lines and names the field", () => {
  const cases: [string, number][] = [
    ["", 1],
    ["34200", 2],
    ["34200.1.2,1,5,18,5853300,1", 1],
    ["34200.1,x,5,18,5853300,1", 2],
    ["34200.1,0,5,18,5853300,1", 2],
    ["34200.1,8,5,18,5853300,1", 2],
    ["34200.1,1.5,5,18,5853300,1", 2],
    ["34200.1,1,,18,5853300,1", 3],
    ["34200.1,1,1234567890123456,18,5853300,1", 3],
    ["34200.1,1,5,0,5853300,1", 4],
    ["34200.1,1,5,-18,5853300,1", 4],
    ["34200.1,1,5,18,0,1", 5],
    ["34200.1,1,5,18,2147483648,1", 5],
    ["34200.1,1,5,18,5853300,0", 6],
    ["34200.1,1,5,18,5853300,2", 6],
    ["34200.1,1,5,18,5853300", 6],
    ["34200.1,1,5,18,5853300,1,9", 7],
    ["34200.1,1,5,18,5853300,1,", 7],
    ["34200.1, 1,5,18,5853300,1", 2],
  ];
  for (const [text, field] of cases) {
    const { reader, good } = read(text);
    assertEquals(good, false, text);
    assertEquals(reader.badField, field, text);
    assert(reader.badExpected.length > 0, text);
  }
});

Deno.test("LobsterReader.readRow() reads as many fields as the row takes", () => {
  const line = encoder.encode(
    "5859400,200,5853300,18,9999999999,0,-9999999999,0",
  );
  assertEquals(lobsterFieldCount(line, 0, line.length), 8);
  const row = new Float64Array(8);
  const reader = new LobsterReader();
  assert(reader.readRow(line, 0, line.length, row));
  assertEquals(
    [...row],
    [5859400, 200, 5853300, 18, 9999999999, 0, -9999999999, 0],
  );
  assertEquals(reader.readRow(line, 0, line.length - 2, row), false);
  assertEquals(reader.badField, 8);
  assertEquals(reader.readRow(line, 0, line.length, row.subarray(1)), false);
  assertEquals(reader.badField, 8);
});

Deno.test("LobsterReader.readEvent() survives 100,000 mutated lines", () => {
  const seed = 77;
  const next = seeded(seed);
  const reader = new LobsterReader();
  const base = encoder.encode("34200.004241176,1,16113575,18,5853300,-1");
  const noise = encoder.encode("0123456789.,-\r x\0\xff");
  let good = 0;
  for (let i = 0; i < 100_000; i++) {
    const line = base.slice(0, Math.floor(next() * base.length * 3) + 1);
    for (let k = Math.floor(next() * 3); k > 0; k--) {
      line[Math.floor(next() * line.length)] =
        noise[Math.floor(next() * noise.length)]!;
    }
    if (!reader.readEvent(line, 0, line.length)) continue;
    good++;
    assert(reader.type >= 1 && reader.type <= 7, `seed ${seed}, line ${i}`);
    assert(Number.isSafeInteger(reader.orderId), `seed ${seed}, line ${i}`);
  }
  assert(good > 1000 && good < 99_000, `seed ${seed}: ${good} good`);
});
