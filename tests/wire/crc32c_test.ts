// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CRC32C by table: vectors of RFC 3720, appendix B.4.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { crc32c } from "../../engine/wire/crc32c.ts";

Deno.test("crc32c() gives the published check values", () => {
  const text = new TextEncoder().encode("123456789");
  assertEquals(crc32c(text), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(new Uint8Array(32).map((_, at) => at)), 0x46dd794e);
  assertEquals(crc32c(new Uint8Array(32).map((_, at) => 31 - at)), 0x113fdb5c);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});

Deno.test("crc32c() covers the given range only", () => {
  const text = new TextEncoder().encode("xx123456789yy");
  assertEquals(crc32c(text, 2, 11), 0xe3069283);
});

Deno.test("crc32c() changes with each bit", () => {
  const data = new Uint8Array(21).map((_, at) => at * 37);
  const seen = new Set([crc32c(data)]);
  for (let bit = 0; bit < data.length * 8; bit++) {
    data[bit >>> 3]! ^= 1 << (bit & 7);
    seen.add(crc32c(data));
    data[bit >>> 3]! ^= 1 << (bit & 7);
  }
  assertEquals(seen.size, data.length * 8 + 1);
});
