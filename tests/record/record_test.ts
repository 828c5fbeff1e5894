// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import * as record from "../../engine/record/mod.ts";

const WIDTH: Record<string, number> = { U8: 1, U16: 2, U32: 4, I32: 4, F64: 8 };

/** "CMD_CL_ORD_ID_U8" -> "clOrdId" and the width of its view. */
function parse(constant: string): { field: string; width: number } {
  const parts = constant.split("_").slice(1);
  const width = WIDTH[parts.pop()!]!;
  const field = parts.map((part, i) =>
    i === 0 ? part.toLowerCase() : part[0] + part.slice(1).toLowerCase()
  ).join("");
  return { field, width };
}

function checkTable(
  prefix: string,
  fields: readonly (readonly [string, number, number])[],
  slotBytes: number,
): void {
  let end = 0;
  for (const [name, offset, bytes] of fields) {
    assertEquals(offset, end, `${name} leaves a hole or overlaps`);
    assert(
      bytes > 8 || bytes === 1 || offset % Math.min(bytes, 8) === 0 ||
        name.startsWith("reserved") || bytes === 3,
      `${name} is not aligned`,
    );
    end += bytes;
  }
  assertEquals(end, slotBytes);
  const byName = new Map(fields.map(([name, offset]) => [name, offset]));
  let checked = 0;
  for (const [constant, value] of Object.entries(record)) {
    if (!constant.startsWith(prefix) || typeof value !== "number") continue;
    if (
      constant.startsWith(`${prefix}FLAG_`) || constant === `${prefix}TEXT_U8`
    ) continue;
    const { field, width } = parse(constant);
    assert(byName.has(field), `${constant}: no field ${field}`);
    assertEquals(value * width, byName.get(field), constant);
    checked++;
  }
  assert(checked >= fields.length - 4, `only ${checked} constants checked`);
}

Deno.test("COMMAND_FIELDS covers the slot, and every constant agrees with it", () => {
  checkTable("CMD_", record.COMMAND_FIELDS, record.COMMAND_SLOT_BYTES);
});

Deno.test("EVENT_FIELDS covers the slot, and every constant agrees with it", () => {
  checkTable("EVT_", record.EVENT_FIELDS, record.EVENT_SLOT_BYTES);
});

Deno.test("codes are used once, and each reason has a text", () => {
  for (const table of [record.CommandKind, record.EventKind, record.Reason]) {
    const values = Object.values(table);
    assertEquals(new Set(values).size, values.length);
  }
  for (const [name, code] of Object.entries(record.Reason)) {
    assert(code === 0 || record.REASON_TEXT[code]!.length > 0, name);
  }
});
