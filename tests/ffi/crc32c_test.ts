// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CRC32C by instruction against the table and known vectors.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  crc32c,
  crc32cOf,
  crc32cSealBatch,
  crc32cVerifyBatch,
  journalGather,
  journalSeal,
  journalVerify,
} from "../../ffi/crc32c.ts";
import { addressOf } from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
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

Deno.test("journalSeal() and journalVerify() walk by each record's length", () => {
  const data = randomBytes(64 + 128 + 192 + 64);
  const view = new DataView(data.buffer);
  view.setUint16(4, 64, true);
  view.setUint16(64 + 4, 128, true);
  view.setUint16(192 + 4, 192, true);
  view.setUint16(384 + 4, 64, true);
  const address = addressOf(data);
  assertEquals(journalSeal(address, 448), 4);
  assertEquals(view.getUint32(64, true), software(data, 68, 192));
  assertEquals(view.getUint32(192, true), software(data, 196, 384));
  assertEquals(journalVerify(address, 448), 448);
  data[447]! ^= 1;
  assertEquals(journalVerify(address, 448), 384);
  data[383]! ^= 1;
  assertEquals(journalVerify(address, 448), 192);
  data[70]! ^= 1;
  assertEquals(journalVerify(address, 448), 64);
  assertEquals(journalVerify(address, 63), 0);
});

Deno.test("journalSeal() refuses a length that is none", () => {
  for (const length of [0, 32, 63, 96, 160, 256]) {
    const data = new Uint8Array(256);
    new DataView(data.buffer).setUint16(4, length, true);
    const error = assertThrows(
      () => journalSeal(addressOf(data), 256),
      NativeError,
    );
    assertEquals(error.code, 22);
  }
});

Deno.test("journalGather() packs commands of every length, around the ring's end", () => {
  const lengths = [128, 64, 64, 192];
  const ring = randomBytes(4 * 192);
  const view = new DataView(ring.buffer);
  lengths.forEach((length, i) => view.setUint16(i * 192 + 4, length, true));
  const group = new Uint8Array(64 + 4 * 192);
  const addresses = new Float64Array([addressOf(ring), addressOf(group)]);
  assertEquals(journalGather(addresses, 3, 3, 4, 64, 300), 448);
  assertEquals(journalVerify(addressOf(group) + 64, 448), 448);
  const packed = new DataView(group.buffer);
  let at = 64;
  [3, 0, 1, 2].forEach((slot, place) => {
    const length = lengths[slot]!;
    assertEquals(packed.getUint16(at + 38, true), 300 + place);
    assertEquals(
      packed.getUint32(at, true),
      software(group, at + 4, at + length),
    );
    for (let i = 4; i < length; i++) {
      if (i === 38 || i === 39) continue;
      assertEquals(group[at + i], ring[slot * 192 + i], `${slot}, byte ${i}`);
    }
    at += length;
  });
  assertEquals(group.subarray(at).every((byte) => byte === 0), true);
});
