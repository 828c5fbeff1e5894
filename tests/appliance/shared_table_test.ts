// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Entries in shared memory: what is written whole is read whole.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../engine/assert.ts";
import {
  SharedTable,
  TABLE_FIRST_SLOT,
  TABLE_TEXT_SLOTS,
  tableBytes,
  tableText,
} from "../../engine/appliance/shared_table.ts";

const SHAPE = { entries: 3, slots: TABLE_FIRST_SLOT + TABLE_TEXT_SLOTS + 2 };
const NUMBER = TABLE_FIRST_SLOT + TABLE_TEXT_SLOTS;

function both(): { writer: SharedTable; reader: SharedTable } {
  const memory = new ArrayBuffer(64 + tableBytes(SHAPE));
  return {
    writer: new SharedTable(memory, 64, SHAPE),
    reader: new SharedTable(memory, 64, SHAPE),
  };
}

Deno.test("SharedTable.read() gives what was written, and nothing before", () => {
  const { writer, reader } = both();
  assertEquals(reader.read(1), undefined);
  writer.begin(1);
  writer.text(TABLE_FIRST_SLOT, new TextEncoder().encode("name"));
  writer.set(NUMBER, 2 ** 53 - 1);
  writer.set(NUMBER + 1, -7);
  writer.end();
  const entry = reader.read(1)!;
  assertEquals(tableText(entry, TABLE_FIRST_SLOT), "name");
  assertEquals([entry[NUMBER], entry[NUMBER + 1]], [2 ** 53 - 1, -7]);
  assertEquals(writer.get(1, NUMBER + 1), -7);
  assertEquals([reader.read(0), reader.read(2)], [undefined, undefined]);
});

Deno.test("SharedTable.text() replaces the whole text, and cuts at 64 bytes", () => {
  const { writer, reader } = both();
  const write = (text: string): string => {
    writer.begin(0);
    writer.text(TABLE_FIRST_SLOT, new TextEncoder().encode(text));
    writer.end();
    return tableText(reader.read(0)!, TABLE_FIRST_SLOT);
  };
  assertEquals(write("a longer text"), "a longer text");
  assertEquals(write("short"), "short");
  assertEquals(write("x".repeat(70)), "x".repeat(64));
  assertEquals(reader.read(0)![NUMBER], 0);
});

Deno.test("SharedTable.read() gives up on an entry that stays half written", () => {
  const { writer, reader } = both();
  writer.begin(2);
  assertThrows(() => reader.read(2), Error, "Entry 2 of a shared table");
  writer.end();
  assertEquals(reader.read(2)!.length, 16);
});

Deno.test("SharedTable.begin() refuses an entry that is not there, and a second one", () => {
  const { writer } = both();
  assertThrows(() => writer.begin(3), InvariantError, "entry 3 of 3");
  assertThrows(() => writer.begin(-1), InvariantError);
  writer.begin(0);
  assertThrows(() => writer.begin(1), InvariantError);
});
