// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A piece of a segment in memory: reads, and looks at what can not be read as
 * commands. It belongs to its reader's thread; a read allocates nothing. It
 * never writes.
 *
 * @module
 */
import { crc32c } from "../../ffi/crc32c.ts";
import {
  journalVerify,
  type JournalWalk,
  SEAL_KIND,
} from "../../ffi/journal.ts";
import { unwrap } from "../../ffi/library.ts";
import { allocate, type MemoryRegion } from "../../ffi/memory.ts";
import { assert } from "../assert.ts";
import {
  CMD_CRC32C_U32,
  CMD_GROUP_INDEX_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  COMMAND_TEXT_BYTES,
} from "../record/mod.ts";
import type { JournalFiles } from "./files.ts";

const NO_FILE = -1;

/** What a disk writes whole or not at all. */
const BLOCK_BYTES = 512;

/** What `SegmentChunk.scan()` found from a group's start on. */
export interface Rest {
  /** One past the last byte that is not zero, counted from the group's start. */
  bytes: number;
  /** Offset in the file of a command or seal of another group, or -1. */
  foreignOffset: number;
  foreignSequence: number;
}

/** The file at hand and the memory that it is read into. */
export class SegmentChunk {
  readonly chunkBytes: number;
  /** Where the memory lies. */
  readonly address: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #files: JournalFiles;
  readonly #memory: MemoryRegion;
  #fd = NO_FILE;
  #path = "";

  /**
   * @param files The disk.
   * @param chunkBytes Bytes of a read, a multiple of 64, at least 192.
   */
  constructor(files: JournalFiles, chunkBytes: number) {
    assert(
      chunkBytes >= COMMAND_SLOT_BYTES && chunkBytes % COMMAND_BASE_BYTES === 0,
      `journal chunks of ${chunkBytes} bytes`,
    );
    this.#files = files;
    this.chunkBytes = chunkBytes;
    this.#memory = allocate(chunkBytes, { hugePages: false });
    this.address = this.#memory.address;
    this.u8 = new Uint8Array(this.#memory.buffer);
    this.u16 = new Uint16Array(this.#memory.buffer);
    this.u32 = new Uint32Array(this.#memory.buffer);
    this.i32 = new Int32Array(this.#memory.buffer);
    this.f64 = new Float64Array(this.#memory.buffer);
  }

  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  get isOpen(): boolean {
    return this.#fd !== NO_FILE;
  }

  /** Opens a segment for reading. Throws. */
  open(path: string): void {
    this.close();
    this.#path = path;
    this.#fd = this.#files.openRead(path);
  }

  close(): void {
    if (this.#fd !== NO_FILE) this.#files.close(this.#fd);
    this.#fd = NO_FILE;
  }

  /** Closes, and gives the memory back. */
  dispose(): void {
    this.close();
    this.#memory.dispose();
  }

  /** Fills the memory, or so many bytes of it, from this offset on; returns the bytes. Throws. */
  read(position: number, bytes = this.chunkBytes): number {
    return unwrap(
      this.#files.read(this.#fd, this.address, bytes, position),
      `read '${this.#path}' at ${position}`,
      "The disk may be failing: look at the kernel's log",
    );
  }

  /** What is wrong with the command or seal at this offset of the file: what was expected, and found. */
  describe(position: number): [string, string] {
    const got = this.read(position);
    if (got < COMMAND_BASE_BYTES) return ["a command or seal", `${got} bytes`];
    const length = this.u16[CMD_LENGTH_U16]!;
    if (!isLength(length)) {
      return ["length 64, 128 or 192", `length ${length}`];
    }
    if (length > got) return [`${length} bytes`, `${got} bytes`];
    const crc = crc32c(this.address + 4, length - 4);
    return [`CRC ${crc}`, `CRC ${this.u32[CMD_CRC32C_U32]!}`];
  }

  /**
   * Looks through the rest of the segment.
   *
   * @param from Offset in the file where a group starts, a multiple of 64.
   * @param first The group's first sequence; -1 = whatever is there is foreign.
   * @param walk Knows the journal's seals.
   */
  scan(from: number, first: number, walk: JournalWalk): Rest {
    const rest: Rest = { bytes: 0, foreignOffset: -1, foreignSequence: 0 };
    const step = this.chunkBytes - COMMAND_SLOT_BYTES + COMMAND_BASE_BYTES;
    for (let position = from;; position += step) {
      const got = this.read(position);
      const end = this.#usedBytes(got);
      if (end > 0) rest.bytes = position + end - from;
      if (rest.foreignOffset < 0) {
        this.#findForeign(got, position, first, walk, rest);
      }
      if (got < this.chunkBytes) return rest;
    }
  }

  /**
   * Whether the command or seal at `at` is broken as an interrupted write breaks
   * it: the file ends, or a block of the disk was never written and is zero as
   * far as it belongs to the group, or nothing follows. Anything else in its
   * place was whole once, and was changed since.
   *
   * @param groupStart Offset in the file where its group starts.
   */
  isTorn(groupStart: number, at: number): boolean {
    const got = this.read(at);
    if (got < COMMAND_BASE_BYTES) return true;
    const claimed = this.u16[CMD_LENGTH_U16]!;
    const length = isLength(claimed) ? claimed : COMMAND_BASE_BYTES;
    if (length > got) return true;
    const end = at + length;
    for (
      let block = at - at % BLOCK_BYTES;
      block < end;
      block += BLOCK_BYTES
    ) {
      const from = block > groupStart ? block : groupStart;
      if (this.#isZero(from, block + BLOCK_BYTES)) return true;
    }
    for (let line = at; line < end; line += COMMAND_BASE_BYTES) {
      if (this.#isZero(line, Infinity)) return true;
    }
    return false;
  }

  /** Whether all bytes of the file from here to there are zero. */
  #isZero(from: number, to: number): boolean {
    for (let position = from; position < to; position += this.chunkBytes) {
      const got = this.read(position);
      const wanted = to - position < got ? to - position : got;
      if (this.#usedBytes(wanted) > 0) return false;
      if (got < this.chunkBytes) break;
    }
    return true;
  }

  /** One past the last byte of the chunk that is not zero. */
  #usedBytes(got: number): number {
    let end = got;
    while (end > 0 && (end & 3) !== 0 && this.u8[end - 1] === 0) end--;
    if ((end & 3) !== 0) return end;
    while (end > 0 && this.u32[(end >>> 2) - 1] === 0) end -= 4;
    while (end > 0 && this.u8[end - 1] === 0) end--;
    return end;
  }

  #findForeign(
    got: number,
    position: number,
    first: number,
    walk: JournalWalk,
    rest: Rest,
  ): void {
    for (let at = 0; at + COMMAND_BASE_BYTES <= got; at += COMMAND_BASE_BYTES) {
      const length = this.u16[(at >>> 1) + CMD_LENGTH_U16]!;
      if (!isLength(length)) {
        continue;
      }
      if (at + length > got) continue;
      if (journalVerify(this.address + at, length) !== length) continue;
      const found = this.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
      if (this.u8[at + CMD_KIND_U8] === SEAL_KIND) {
        if (found === first || !walk.isSeal(this.address + at)) continue;
      } else {
        const place = this.u16[(at >>> 1) + CMD_GROUP_INDEX_U16]!;
        if (found - place === first) continue;
      }
      rest.foreignOffset = position + at;
      rest.foreignSequence = found;
      return;
    }
  }
}

function isLength(length: number): boolean {
  return length === COMMAND_BASE_BYTES || length === COMMAND_TEXT_BYTES ||
    length === COMMAND_SLOT_BYTES;
}
