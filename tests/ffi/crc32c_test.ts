// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CRC32C by instruction against the table and known vectors.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  crc32c,
  crc32cOf,
  crc32cSealBatch,
  crc32cVerifyBatch,
} from "../../ffi/crc32c.ts";
import { addressOf } from "../../ffi/memory.ts";
import { crc32c as software } from "../../engine/wire/crc32c.ts";

const SEED = 0x5eed;

function randomBytes(bytes: number): Uint8Array<ArrayBuffer> {
  let state = SEED;
  return new Uint8Array(bytes).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
}

Deno.test("crc32c() equals the table's at every length and alignment", () => {
  const data = randomBytes(400);
  const address = addressOf(data);
  for (let start = 0; start < 9; start++) {
    for (let bytes = 0; bytes < 300; bytes++) {
      const expected = software(data, start, start + bytes);
      const place = `seed ${SEED}, start ${start}, bytes ${bytes}`;
      assertEquals(crc32c(address + start, bytes), expected, place);
      assertEquals(
        crc32cOf(data.subarray(start, start + bytes)),
        bytes === 0 ? 0 : expected,
        place,
      );
    }
  }
});

Deno.test("crc32cVerifyBatch() finds the first wrong record", () => {
  const data = randomBytes(3 + 34 * 100);
  const address = addressOf(data) + 3;
  crc32cSealBatch(address, 34, 100, 0, 30, 30);
  assertEquals(crc32cVerifyBatch(address, 34, 100, 0, 30, 30), -1);
  const view = new DataView(data.buffer, 3);
  assertEquals(
    view.getUint32(34 * 99 + 30, true),
    software(data, 3 + 34 * 99, 3 + 34 * 99 + 30),
  );
  for (const index of [99, 50, 1, 0]) {
    data[3 + index * 34 + (index % 34)]! ^= 0x10;
    assertEquals(crc32cVerifyBatch(address, 34, 100, 0, 30, 30), index);
    assertEquals(crc32cVerifyBatch(address, 34, index, 0, 30, 30), -1);
  }
});
