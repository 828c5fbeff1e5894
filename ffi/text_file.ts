// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Small text files of /proc and /sys, which Deno does not open without all
 * permissions. Cold path; allocates.
 *
 * @module
 */
import { closeFile, FileFlag, openFile, readFile } from "./file.ts";
import { addressOf } from "./memory.ts";

const FIRST_BYTES = 4096;
const BYTES_MAX = 1 << 20;

/** The whole file, at most a MiB of it, trimmed; "" where it can not be read. */
export function readText(path: string): string {
  let fd: number;
  try {
    fd = openFile(path, FileFlag.READ);
  } catch {
    return "";
  }
  let bytes = new Uint8Array(FIRST_BYTES);
  let filled = 0;
  // Such files have no size, and one read may bring less than there is.
  for (;;) {
    const count = readFile(
      fd,
      addressOf(bytes) + filled,
      bytes.length - filled,
      filled,
    );
    if (count <= 0) break;
    filled += count;
    if (filled < bytes.length) continue;
    if (filled >= BYTES_MAX) break;
    const larger = new Uint8Array(bytes.length * 4);
    larger.set(bytes);
    bytes = larger;
  }
  closeFile(fd);
  return new TextDecoder().decode(bytes.subarray(0, filled)).trim();
}
