// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CRC32C (Castagnoli; RFC 3720, appendix B.4) in plain TypeScript, by table,
 * eight bytes a step. Pure; allocates nothing after start. For clients, tests
 * and rooms without native code; a machine's gateways use `ffi/crc32c.ts`.
 *
 * @module
 */

const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
/** Slice `k`'s entry for byte `b` is at `k * 256 + b`. */
const TABLE = makeTable();

/**
 * CRC32C of a range.
 *
 * @param bytes Memory.
 * @param start First byte.
 * @param end One past the last byte; not before `start`, not past the memory.
 * @returns The CRC as an unsigned 32-bit number; 0xe3069283 for "123456789".
 */
export function crc32c(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): number {
  let crc = -1;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    crc = TABLE[0x700 | (crc & 0xff) ^ bytes[at]!]! ^
      TABLE[0x600 | (crc >>> 8 & 0xff) ^ bytes[at + 1]!]! ^
      TABLE[0x500 | (crc >>> 16 & 0xff) ^ bytes[at + 2]!]! ^
      TABLE[0x400 | (crc >>> 24) ^ bytes[at + 3]!]! ^
      TABLE[0x300 | bytes[at + 4]!]! ^
      TABLE[0x200 | bytes[at + 5]!]! ^
      TABLE[0x100 | bytes[at + 6]!]! ^
      TABLE[bytes[at + 7]!]!;
  }
  for (; at < end; at++) {
    crc = TABLE[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    }
    table[byte] = value;
  }
  for (let at = 256; at < table.length; at++) {
    const previous = table[at - 256]!;
    table[at] = (previous >>> 8) ^ table[previous & 0xff]!;
  }
  return table;
}
