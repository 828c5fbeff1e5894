// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Entries of float64 slots in shared memory that one thread writes and others
 * read whole.
 *
 * ```
 *   owner ─begin() set() text() end()─▶ [ entry 0 | entry 1 | ... ] ◀─read()─ any thread
 * ```
 *
 * Each entry is guarded by a version (a seqlock, Boehm 2012): odd while it is
 * written, so a reader that saw it change reads again. Writing allocates
 * nothing; reading does.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Bytes of a text in an entry. */
export const TABLE_TEXT_BYTES = 64;
/** Slots that a text takes. */
export const TABLE_TEXT_SLOTS = 8;
/** The first slot that is free for use; the version lies before it. */
export const TABLE_FIRST_SLOT = 1;

const READS_MAX = 1000;
const DECODER = new TextDecoder();

/** How many entries of how many slots. */
export interface TableShape {
  readonly entries: number;
  readonly slots: number;
}

function entrySlots(shape: TableShape): number {
  return Math.ceil(shape.slots / 8) * 8;
}

/** Bytes that a table occupies; a multiple of 64. */
export function tableBytes(shape: TableShape): number {
  return shape.entries * entrySlots(shape) * 8;
}

/** One end of a table; only one thread may use the methods that write. */
export class SharedTable {
  readonly entries: number;
  readonly #slots: number;
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  /** Entry that is being written, as its first slot; -1 = none. */
  #open = -1;

  /**
   * @param memory Zeroed memory that readers see too.
   * @param byteOffset Where the table starts; a multiple of 64.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number, shape: TableShape) {
    const bytes = tableBytes(shape);
    this.entries = shape.entries;
    this.#slots = entrySlots(shape);
    this.#f64 = new Float64Array(memory, byteOffset, bytes >>> 3);
    this.#i32 = new Int32Array(memory, byteOffset, bytes >>> 2);
    this.#u8 = new Uint8Array(memory, byteOffset, bytes);
  }

  /** Slots of all entries. */
  get slots(): number {
    return this.#f64.length;
  }

  /** Writer: starts to change an entry. */
  begin(entry: number): void {
    assert(
      entry >= 0 && entry < this.entries && this.#open < 0,
      `entry ${entry} of ${this.entries}`,
    );
    this.#open = entry * this.#slots;
    Atomics.add(this.#i32, this.#open * 2, 1);
  }

  /** Writer: changes a slot of the entry that was begun. */
  set(slot: number, value: number): void {
    this.#f64[this.#open + slot] = value;
  }

  /** Writer: changes a text of the entry that was begun; `bytes` is zero-padded. */
  text(slot: number, bytes: Uint8Array): void {
    const at = (this.#open + slot) * 8;
    this.#u8.fill(0, at, at + TABLE_TEXT_BYTES);
    this.#u8.set(bytes.subarray(0, TABLE_TEXT_BYTES), at);
  }

  /** Writer: shows the entry. */
  end(): void {
    Atomics.add(this.#i32, this.#open * 2, 1);
    this.#open = -1;
  }

  /** Writer: all entries without their versions, for `load()` of a table of the same shape. */
  save(): Float64Array<ArrayBuffer> {
    const saved = new Float64Array(this.#f64);
    for (let at = 0; at < saved.length; at += this.#slots) saved[at] = 0;
    return saved;
  }

  /** Writer: takes what was saved; readers see each entry whole. */
  load(saved: Float64Array): void {
    assert(
      saved.length === this.#f64.length,
      `a table of ${saved.length} slots is loaded into one of ${this.#f64.length}`,
    );
    for (let entry = 0; entry < this.entries; entry++) {
      const at = entry * this.#slots;
      const written = saved.subarray(at, at + this.#slots)
        .some((slot) => slot !== 0);
      if (!written) continue;
      this.begin(entry);
      this.#f64.set(
        saved.subarray(at + TABLE_FIRST_SLOT, at + this.#slots),
        at + TABLE_FIRST_SLOT,
      );
      this.end();
    }
  }

  /** Writer: what a slot holds. */
  get(entry: number, slot: number): number {
    return this.#f64[entry * this.#slots + slot]!;
  }

  /**
   * The slots of an entry; undefined if it was never written.
   *
   * @throws {Error} If its writer died in the middle.
   */
  read(entry: number): Float64Array | undefined {
    const at = entry * this.#slots;
    for (let attempt = 0; attempt < READS_MAX; attempt++) {
      const version = Atomics.load(this.#i32, at * 2);
      if (version === 0) return undefined;
      if ((version & 1) === 1) continue;
      const copy = this.#f64.slice(at, at + this.#slots);
      if (Atomics.load(this.#i32, at * 2) === version) return copy;
    }
    throw new Error(`Entry ${entry} of a shared table changes all the time`);
  }
}

/** The text that starts at a slot of what `read()` gave. */
export function tableText(entry: Float64Array, slot: number): string {
  const bytes = new Uint8Array(
    entry.buffer,
    entry.byteOffset + slot * 8,
    TABLE_TEXT_BYTES,
  );
  const end = bytes.indexOf(0);
  return DECODER.decode(bytes.slice(0, end < 0 ? TABLE_TEXT_BYTES : end));
}
