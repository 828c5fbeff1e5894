// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CRC32C with the processor's instruction, over one range or a batch of
 * records a call. Any thread; allocates nothing. Addresses are numbers, of
 * `MemoryRegion.address` plus an offset; nothing checks that they are mapped.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_crc32c: { parameters: ["f64", "u32"], result: "u32" },
  ferrule_crc32c_buffer: { parameters: ["buffer", "u32"], result: "u32" },
  ferrule_crc32c_verify_batch: {
    parameters: ["f64", "u32", "u32", "u32", "u32", "u32"],
    result: "i32",
  },
  ferrule_crc32c_seal_batch: {
    parameters: ["f64", "u32", "u32", "u32", "u32", "u32"],
    result: "void",
  },
  ferrule_crc32c_journal_seal: { parameters: ["f64", "u32"], result: "i32" },
  ferrule_crc32c_journal_verify: { parameters: ["f64", "u32"], result: "u32" },
  ferrule_crc32c_journal_gather: {
    parameters: ["buffer", "u32", "u32", "u32", "u32", "u32"],
    result: "i32",
  },
} as const;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** CRC32C of `bytes` bytes at an address. */
export function crc32c(address: number, bytes: number): number {
  return native().ferrule_crc32c(address, bytes);
}

/** CRC32C of a view of any memory. A call costs about 7 ns more than by address. */
export function crc32cOf(view: Uint8Array<ArrayBuffer>): number {
  return native().ferrule_crc32c_buffer(view, view.byteLength);
}

/**
 * Verifies `count` records of equal stride.
 *
 * @param coveredOffset Where the covered bytes start in a record.
 * @param coveredBytes How many they are.
 * @param crcOffset Where the CRC lies in a record (uint32, little-endian).
 * @returns Index of the first record whose CRC is wrong, or -1.
 */
export function crc32cVerifyBatch(
  address: number,
  stride: number,
  count: number,
  coveredOffset: number,
  coveredBytes: number,
  crcOffset: number,
): number {
  return native().ferrule_crc32c_verify_batch(
    address,
    stride,
    count,
    coveredOffset,
    coveredBytes,
    crcOffset,
  );
}

/** Writes the CRC of `count` records; parameters as in `crc32cVerifyBatch`. */
export function crc32cSealBatch(
  address: number,
  stride: number,
  count: number,
  coveredOffset: number,
  coveredBytes: number,
  crcOffset: number,
): void {
  native().ferrule_crc32c_seal_batch(
    address,
    stride,
    count,
    coveredOffset,
    coveredBytes,
    crcOffset,
  );
}

/**
 * Writes the CRC of commands that lie one after the other, each as long as its
 * own length field says.
 *
 * @returns Number of commands.
 * @throws {NativeError} If a length is not 64, 128 or 192, or passes the end.
 */
export function journalSeal(address: number, bytes: number): number {
  const count = native().ferrule_crc32c_journal_seal(address, bytes);
  return count >= 0 ? count : unwrap(count, `seal ${bytes} bytes of commands`);
}

/** Bytes of whole commands with the right CRC, before the first that is not. */
export function journalVerify(address: number, bytes: number): number {
  return native().ferrule_crc32c_journal_verify(address, bytes);
}

/**
 * Moves commands out of a ring's slots (192 bytes each) into a group: one after
 * the other, each as long as it says, with its place in the group and its CRC.
 *
 * @param addresses Of the ring's first slot, and of the group's first byte; in
 *   an array, because a float64 argument might be allocated.
 * @param first Index of the first slot to take.
 * @param mask Number of slots, a power of two, minus 1.
 * @param count Slots to take.
 * @param groupBytes Bytes that are in the group already; behind them is room
 *   for `count * 192`.
 * @param groupIndex Place of the first one in its group.
 * @returns Bytes written.
 * @throws {NativeError} If a command's length is not 64, 128 or 192.
 */
export function journalGather(
  addresses: Float64Array<ArrayBuffer>,
  first: number,
  mask: number,
  count: number,
  groupBytes: number,
  groupIndex: number,
): number {
  const bytes = native().ferrule_crc32c_journal_gather(
    addresses,
    first,
    mask,
    count,
    groupBytes,
    groupIndex,
  );
  return bytes >= 0 ? bytes : unwrap(bytes, `gather ${count} commands`);
}
