// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What was said to one session: its newest event records in memory, all of
 * them in a file if there is one, found by outbound sequence number.
 *
 * ```
 *   append(n) ─▶ memory ring [n-4095 .. n] ──spill()──▶ file: record n at 192 (n - 1)
 *   locate(n) ◀─ ring, or read back from the file
 * ```
 *
 * The gateway's thread owns it. Appending and locating allocate nothing. The
 * file is a convenience, not the truth: a restart writes it again from the
 * journal, so nothing here waits for the disk. It refuses to give a record
 * that it doesn't have.
 *
 * @module
 */
import {
  closeFile,
  FileFlag,
  openFile,
  readFile,
  truncateFile,
  writeFile,
} from "../../ffi/file.ts";
import { addressOf } from "../../ffi/memory.ts";
import { unwrap } from "../../ffi/library.ts";
import { assert, fail } from "../assert.ts";
import { EVENT_SLOT_BYTES, EVT_OUT_SEQUENCE_U32 } from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";

/** How an `OutboundStore` is made. */
export interface OutboundStoreOptions {
  /** Records in memory: a power of two, at least 64. */
  readonly recordCount: number;
  /** File for all records; none = only those in memory can be had. */
  readonly path?: string;
}

/** Records kept in memory unless configured otherwise. */
export const OUTBOUND_RECORDS = 4096;

const SLOT_WORDS = EVENT_SLOT_BYTES / 4;
/** Records read back from the file at once. */
const READ_RECORDS = 32;
/** Records that are gathered before a write to the file when nobody waits, and when somebody may. */
const SPILL_RECORDS_QUIET = 8;
const SPILL_RECORDS_BUSY = 256;

/** Event records of one session by outbound sequence number. */
export class OutboundStore {
  /** Views over the ring and, behind it, the records read back. */
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** Highest outbound sequence number stored; 0 = none. */
  last = 0;
  readonly #recordCount: number;
  readonly #mask: number;
  readonly #address: number;
  readonly #path: string | undefined;
  #fd = -1;
  /** First number that is stored at all (after the last reset). */
  #first = 1;
  /** Highest number in the file. */
  #spilled = 0;
  /** Numbers that the read-back area holds: `[#readFrom, #readTo)`. */
  #readFrom = 0;
  #readTo = 0;
  /** Negative errno of the last failed file operation; 0 = none. */
  fileError = 0;

  /** @throws {NativeError} If the file can't be opened. */
  constructor(options: OutboundStoreOptions) {
    const { recordCount, path } = options;
    assert(
      recordCount >= 64 && (recordCount & (recordCount - 1)) === 0,
      `outbound store of ${recordCount} records: must be a power of two, at least 64`,
    );
    const memory = new ArrayBuffer(
      (recordCount + READ_RECORDS) * EVENT_SLOT_BYTES,
    );
    this.u8 = new Uint8Array(memory);
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.f64 = new Float64Array(memory);
    this.#recordCount = recordCount;
    this.#mask = recordCount - 1;
    this.#path = path;
    this.#address = path === undefined ? 0 : addressOf(new Uint8Array(memory));
    if (path !== undefined) {
      this.#fd = openFile(
        path,
        FileFlag.READ | FileFlag.WRITE | FileFlag.CREATE | FileFlag.TRUNCATE,
      );
    }
  }

  /** Lowest number that can be had now; above `last` if none can. */
  lowest(): number {
    if (this.#fd >= 0 && this.fileError === 0) return this.#first;
    const inMemory = this.last - this.#recordCount + 1;
    return inMemory > this.#first ? inMemory : this.#first;
  }

  /** Keeps the event at `slot` of `ring`; its number must be the next one. */
  append(ring: SpscRing, slot: number): void {
    const source = ring.i32;
    const from = slot * (ring.slotBytes >>> 2);
    const number = ring.u32[from + EVT_OUT_SEQUENCE_U32]!;
    if (this.last === 0) this.#first = number;
    else if (number !== this.last + 1) {
      fail(`outbound number ${number} after ${this.last}`);
    }
    const to = (number & this.#mask) * SLOT_WORDS;
    const target = this.i32;
    for (let i = 0; i < SLOT_WORDS; i++) target[to + i] = source[from + i]!;
    this.last = number;
    if (
      this.#fd >= 0 && number - this.#spilledOrFirst() >= this.#recordCount >> 1
    ) this.spill();
  }

  /** Byte offset of record `number` in the views, or -1 if it isn't to be had. */
  locate(number: number): number {
    if (number > this.last || number < this.#first) return -1;
    if (number > this.last - this.#recordCount) {
      return (number & this.#mask) * EVENT_SLOT_BYTES;
    }
    if (number < this.#readFrom || number >= this.#readTo) {
      if (!this.#readBack(number)) return -1;
    }
    return (this.#recordCount + number - this.#readFrom) * EVENT_SLOT_BYTES;
  }

  /**
   * Once a round: writes to the file if enough has gathered.
   *
   * @param quiet Nothing was sent in this round: a write delays nobody.
   * @param all Write whatever there is.
   */
  spillSome(quiet: boolean, all: boolean): number {
    const waiting = this.#fd < 0 ? 0 : this.last - this.#spilledOrFirst();
    const enough = quiet ? SPILL_RECORDS_QUIET : SPILL_RECORDS_BUSY;
    if (waiting === 0 || (waiting < enough && !all)) return 0;
    this.spill();
    return waiting;
  }

  /** Writes all that isn't in the file yet. */
  spill(): void {
    if (this.#fd < 0 || this.fileError !== 0) return;
    let number = this.#spilledOrFirst() + 1;
    while (number <= this.last) {
      const index = number & this.#mask;
      let count = this.last - number + 1;
      if (count > this.#recordCount - index) count = this.#recordCount - index;
      const result = writeFile(
        this.#fd,
        this.#address + index * EVENT_SLOT_BYTES,
        count * EVENT_SLOT_BYTES,
        (number - 1) * EVENT_SLOT_BYTES,
      );
      if (result < 0) {
        this.fileError = result;
        return;
      }
      number += count;
      this.#spilled = number - 1;
    }
  }

  /** Forgets everything: the next number is 1. */
  reset(): void {
    this.last = 0;
    this.#first = 1;
    this.#spilled = 0;
    this.#readFrom = this.#readTo = 0;
    if (this.#fd >= 0) {
      const result = truncateFile(this.#fd, 0);
      this.fileError = result < 0 ? result : 0;
    }
  }

  /** Writes what is left and closes the file. */
  dispose(): void {
    if (this.#fd < 0) return;
    this.spill();
    unwrap(closeFile(this.#fd), `close '${this.#path}'`);
    this.#fd = -1;
  }

  #spilledOrFirst(): number {
    return this.#spilled >= this.#first ? this.#spilled : this.#first - 1;
  }

  #readBack(number: number): boolean {
    if (this.#fd < 0 || this.fileError !== 0) return false;
    this.#readFrom = this.#readTo = 0;
    const available = this.#spilled - number + 1;
    const count = available < READ_RECORDS ? available : READ_RECORDS;
    if (count <= 0) return false;
    const bytes = count * EVENT_SLOT_BYTES;
    const result = readFile(
      this.#fd,
      this.#address + this.#recordCount * EVENT_SLOT_BYTES,
      bytes,
      (number - 1) * EVENT_SLOT_BYTES,
    );
    if (result !== bytes) {
      this.fileError = result < 0 ? result : -5;
      return false;
    }
    this.#readFrom = number;
    this.#readTo = number + count;
    return true;
  }
}
