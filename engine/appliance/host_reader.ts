// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads files of /proc and /sys below a root: "/" on a real host, a folder with
 * a made-up tree in tests. What can not be read is empty, as on a kernel that
 * does not have it. Main thread, cold path; changes nothing.
 *
 * @module
 */
import {
  addressOf,
  closeFile,
  FileFlag,
  type FileOwner,
  fileOwner,
  fileSpaceBytes,
  listDirectory,
  NativeError,
  openFile,
  readFile,
  readLink,
} from "../../ffi/mod.ts";

const CHUNK_BYTES = 65_536;
const TEXT_BYTES_MAX = 16 * 2 ** 20;

/** Files below a root. */
export class HostReader {
  readonly #root: string;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #address: number;

  constructor(root = "/") {
    this.#root = root.replace(/\/+$/, "");
    this.#address = addressOf(this.#chunk);
  }

  /** A text file, trimmed; "" where it can not be read. */
  text(path: string): string {
    let fd: number;
    try {
      fd = openFile(this.#root + path, FileFlag.READ);
    } catch {
      return "";
    }
    const decoder = new TextDecoder();
    let text = "";
    // Files of the kernel have no size, and give what they like at a time.
    for (let at = 0; at < TEXT_BYTES_MAX;) {
      const count = readFile(fd, this.#address, CHUNK_BYTES, at);
      if (count <= 0) break;
      text += decoder.decode(this.#chunk.subarray(0, count), { stream: true });
      at += count;
    }
    closeFile(fd);
    return text.trim();
  }

  /** A file with one number; NaN where there is none. */
  number(path: string): number {
    const text = this.text(path);
    return /^-?\d+$/.test(text) ? Number(text) : NaN;
  }

  /** Names in a folder, sorted; none where it can not be read. */
  list(path: string): string[] {
    try {
      return listDirectory(this.#root + path);
    } catch (error) {
      if (error instanceof NativeError) return [];
      throw error;
    }
  }

  /** Where a link leads; "" where there is none. */
  link(path: string): string {
    try {
      return readLink(this.#root + path);
    } catch (error) {
      if (error instanceof NativeError) return "";
      throw error;
    }
  }

  /** Bytes that can still be written to the file system of a folder; NaN where there is none. */
  spaceBytes(path: string): number {
    let fd: number;
    try {
      fd = openFile(this.#root + path, FileFlag.DIRECTORY);
    } catch (error) {
      if (error instanceof NativeError) return NaN;
      throw error;
    }
    try {
      return fileSpaceBytes(fd);
    } finally {
      closeFile(fd);
    }
  }

  /** A path as the host knows it, for what is not read but done. */
  real(path: string): string {
    return this.#root + path;
  }

  /** A file's owner; undefined where it is not there. */
  owner(path: string): FileOwner | undefined {
    try {
      return fileOwner(this.#root + path);
    } catch (error) {
      if (error instanceof NativeError) return undefined;
      throw error;
    }
  }
}

/** Reads a kernel's list of cores, "0,2-4", as [0, 2, 3, 4]. */
export function parseCores(text: string): number[] {
  const cores: number[] = [];
  for (const range of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range.trim());
    if (match === null) continue;
    const last = Number(match[2] ?? match[1]);
    for (let core = Number(match[1]); core <= last; core++) cores.push(core);
  }
  return cores;
}

/** Cores as the kernel lists them: [0, 2, 3, 4] as "0,2-4". */
export function coresText(cores: readonly number[]): string {
  const sorted = [...new Set(cores)].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let last = i;
    while (sorted[last + 1] === sorted[last]! + 1) last++;
    ranges.push(i === last ? `${sorted[i]}` : `${sorted[i]}-${sorted[last]}`);
    i = last + 1;
  }
  return ranges.join(",");
}

/** Reads a kernel's mask of cores, "00000000,0000000c", as [2, 3]. */
export function parseMask(text: string): number[] {
  const cores: number[] = [];
  const words = text.trim().split(",").reverse();
  for (const [index, word] of words.entries()) {
    const bits = parseInt(word, 16);
    for (let bit = 0; bit < 32; bit++) {
      if ((bits >>> bit & 1) === 1) cores.push(index * 32 + bit);
    }
  }
  return cores;
}

/** Reads a kernel's choice, "always [madvise] never", as "madvise". */
export function parseChoice(text: string): string {
  return /\[(\w+)\]/.exec(text)?.[1] ?? "";
}

/** Value of a word of the kernel's command line; undefined if it is not there, "" if it stands alone. */
export function bootWord(line: string, name: string): string | undefined {
  // The last one counts, as for the kernel.
  const found = line.split(/\s+/).findLast((word) =>
    word === name || word.startsWith(`${name}=`)
  );
  return found?.slice(name.length + 1);
}
