// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Files in memory: a write is a copy, without a system call. What was copied
 * outlives the process and is there for every reader at once, as with a write
 * call; `fdatasync()` makes it last. The thread that mapped a file writes it.
 *
 * @module
 */
import { openLibrary } from "./library.ts";

const SYMBOLS = {
  ferrule_mapped_open: { parameters: ["i32", "f64", "buffer"], result: "i32" },
  ferrule_mapped_close: { parameters: ["f64", "f64"], result: "i32" },
  ferrule_mapped_write: { parameters: ["f64", "f64", "u32"], result: "i32" },
} as const;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/**
 * Maps the first `bytes` of a file whose blocks exist.
 *
 * @returns Its address, or -errno: ENOTSUP on a file system that gives blocks
 *   anew when they are written.
 */
export function mapFile(fd: number, bytes: number): number {
  const address = new Float64Array(1);
  const result = native().ferrule_mapped_open(fd, bytes, address);
  return result < 0 ? result : address[0]!;
}

/** Ends a mapping; 0 or -errno. */
export function unmapFile(address: number, bytes: number): number {
  return native().ferrule_mapped_close(address, bytes);
}

/**
 * Copies `bytes` from one address to one in a mapping, front to back. Hot path.
 *
 * @returns 0, or -EIO if the file could not take it.
 */
export function writeMapped(
  address: number,
  source: number,
  bytes: number,
): number {
  return native().ferrule_mapped_write(address, source, bytes);
}
