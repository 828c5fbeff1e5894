// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assertEquals } from "@std/assert";
import { Names, NO_NAME } from "../../engine/gateway/fix/names.ts";

const ENCODER = new TextEncoder();

/** Looks a name up in the middle of other bytes. */
function find(names: Names, name: string): number {
  const bytes = ENCODER.encode(`=${name}=`);
  return names.find(bytes, 1, bytes.length - 1);
}

Deno.test("Names.find() knows each name and nothing else, however many there are", () => {
  const names = new Names();
  assertEquals(find(names, "A1"), NO_NAME);
  for (let i = 1; i <= 3000; i++) {
    names.set(i, `A${i}`);
    assertEquals(find(names, `A${i}`), i);
    assertEquals(find(names, `A${i + 1}`), NO_NAME);
  }
  for (let i = 1; i <= 3000; i++) assertEquals(find(names, `A${i}`), i);
  for (const other of ["", "A", "A0", "a1", "A11111", "1A"]) {
    assertEquals(find(names, other), NO_NAME, other);
  }
});

Deno.test("Names.set() may skip indexes and give one another name", () => {
  const names = new Names();
  names.set(70, "LATE");
  names.set(2, "FIRST");
  assertEquals([find(names, "LATE"), find(names, "FIRST")], [70, 2]);
  assertEquals(names.words[5], undefined);
  assertEquals(names.words[2]![0], 5);
  names.set(2, "SECOND");
  assertEquals([find(names, "SECOND"), find(names, "FIRST")], [2, NO_NAME]);
});
