// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What was said to one session: its newest event records in memory, all of
 * them in a file if there is one, found by outbound sequence number.
 *
 * ```
 *   append(n) ─▶ memory ring [n-4095 .. n] ──spill()──▶ file: record n at 192 (n - 1)
 *   locate(n) ◀─ ring, or read back from the file or, if older, from the base
 * ```
 *
 * The gateway's thread owns it. Appending and locating allocate nothing. The
 * file is a convenience, not the truth: a restart writes it again from the
 * journal, so nothing here waits for the disk. The live gateway has a thread
 * that writes, one store at a time: a page that the file grows by can cost as
 * much as ten orders. It refuses to give a record
 * that it doesn't have.
 *
 * A file can grow to many gigabytes, so a snapshot does not copy it. Who takes
 * snapshots *keeps* files: `NAME.GENERATION.out`, where the generation is the
 * sequence of the reset that began it (0 = none). Such a file only grows:
 *
 * - `save()` syncs it and names its generation and its last record; what is
 *   after that record is none of the snapshot's business.
 * - A reset begins a new file. So a snapshot of before the reset still finds
 *   what it names, also if the reset is lost with the journal's tail.
 * - Who goes on from a snapshot writes the records after the last one named
 *   again. They are the same, unless a lost tail had other ones.
 *
 * The live gateway, after a recovery from a snapshot, reads the file of that
 * snapshot as its *base*, up to the last record named, and writes newer ones
 * to a file of its own; at a reset it forgets the base. While commands are
 * recovered nobody asks for a record, and when a client may ask, every reset
 * that is in the journal has been seen. A base that is missing or too short
 * makes `load()` throw: then the snapshot can not be used.
 *
 * @module
 */
import {
  closeFile,
  fileBytes,
  FileFlag,
  FileWorker,
  JOB_RUNNING,
  openFile,
  readFile,
  syncFile,
  truncateFile,
  writeFile,
} from "../../ffi/file.ts";
import { cpuYield } from "../../ffi/cpu.ts";
import { addressOf } from "../../ffi/memory.ts";
import { unwrap } from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { assert, fail } from "../assert.ts";
import { EVENT_SLOT_BYTES, EVT_OUT_SEQUENCE_U32 } from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";
import type { SectionReader, SectionWriter } from "../snapshot/mod.ts";

/** How an `OutboundStore` is made. */
export interface OutboundStoreOptions {
  /** Records in memory: a power of two, at least 64. */
  readonly recordCount: number;
  /** Of the file, without its ending. */
  readonly name?: string;
  /** Folder of the file for all records; none = only those in memory can be had. */
  readonly directory?: string;
  /** Folder of the files that saved states name. */
  readonly baseDirectory?: string;
  /** Keep the files of before a reset; see the module's text. */
  readonly keep?: boolean;
  /**
   * With `keep`: called while the disk refuses and the next record would push
   * one out of memory that is not in the file. Waits a moment, or throws.
   */
  readonly onRefused?: (errno: number) => void;
  /** Who writes, if it is not the caller. */
  readonly spiller?: Spiller;
}

/** The thread that writes for the stores of a gateway. Owned by the gateway's thread. */
export class Spiller {
  readonly #worker = new FileWorker();
  #busy = false;

  /** Starts to write; false if it has not finished what it writes. */
  start(fd: number, address: number, bytes: number, position: number): boolean {
    if (this.#busy) return false;
    this.#busy = this.#worker.write(fd, address, bytes, position) === 0;
    return this.#busy;
  }

  /** For who started: `JOB_RUNNING`, or 0 or -errno, once. */
  poll(): number {
    const result = this.#worker.poll();
    if (result !== JOB_RUNNING) this.#busy = false;
    return result;
  }

  dispose(): void {
    this.#worker.dispose();
  }
}

/** A file that a saved state needs, and how much of it. */
export interface SavedFile {
  readonly name: string;
  readonly bytes: number;
}

/** What `save()` gives. */
export interface SavedStore {
  readonly first: number;
  readonly last: number;
  readonly generation: number;
  /** The newest records are in the section `records`: there is no file. */
  readonly inMemory: boolean;
}

/** Records kept in memory unless configured otherwise. */
export const OUTBOUND_RECORDS = 4096;

const RECORD_BYTES = EVENT_SLOT_BYTES;
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
  readonly #hasFile: boolean;
  readonly #options: OutboundStoreOptions;
  #fd = -1;
  /** Sequence of the reset that began the numbers. */
  #generation = 0;
  /** File of older records, and the last of them; -1 = none. */
  #baseFd = -1;
  #baseLast = 0;
  /** Lowest number that can be in memory. */
  #memoryFirst = 1;
  /** First number that is stored at all (after the last reset). */
  #first = 1;
  /** Highest number in the file. */
  #spilled = 0;
  /** Highest number that is being written; 0 = nothing is. */
  #writing = 0;
  /** Numbers that the read-back area holds: `[#readFrom, #readTo)`. */
  #readFrom = 0;
  #readTo = 0;
  /** Negative errno of the last failed file operation; 0 = none. */
  fileError = 0;

  /** @throws {NativeError} If the file can't be opened. */
  constructor(options: OutboundStoreOptions) {
    const { recordCount, directory } = options;
    const keeps = directory !== undefined && options.keep === true;
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
    this.#options = options;
    this.#address = addressOf(this.u8 as Uint8Array<ArrayBuffer>);
    this.#hasFile = directory !== undefined;
    // A kept file may be what a saved state names: it is opened when it is known which.
    if (this.#hasFile && !keeps) this.#create(this.#ownPath());
  }

  /** Lowest number that can be had now; above `last` if none can. */
  lowest(): number {
    if (this.#hasFile && this.fileError === 0) return this.#first;
    const inMemory = this.#lowestInMemory();
    if (this.#baseFd >= 0 && inMemory <= this.#baseLast + 1) {
      return this.#first;
    }
    return inMemory;
  }

  #lowestInMemory(): number {
    const kept = this.last - this.#recordCount + 1;
    const inMemory = kept > this.#memoryFirst ? kept : this.#memoryFirst;
    return inMemory > this.#first ? inMemory : this.#first;
  }

  /**
   * Says what there is. Writes and syncs a kept file; without a file, adds the
   * newest records.
   *
   * @throws {NativeError} If the disk refuses.
   */
  save(out: SectionWriter): SavedStore {
    const { last } = this;
    const inMemory = !this.#isKept();
    if (!inMemory) {
      this.fileError = 0;
      this.spill();
      unwrap(
        this.fileError || (this.#fd < 0 ? 0 : syncFile(this.#fd)),
        `write '${this.#ownPath()}'`,
        "The disk may be full or failing; the snapshot is not taken",
      );
    } else if (last > 0) {
      out.add("records", this.u8.subarray(0, this.#recordCount * RECORD_BYTES));
    }
    return {
      first: inMemory ? this.#lowestInMemory() : this.#first,
      last,
      generation: this.#generation,
      inMemory,
    };
  }

  /**
   * Takes what was saved; nothing was appended before.
   *
   * @throws {Error} If the file that it names is missing or too short.
   */
  load(saved: SavedStore, from: SectionReader): void {
    assert(this.last === 0, "a store is loaded after records");
    this.#generation = saved.generation;
    if (saved.last === 0) return;
    this.last = saved.last;
    this.#first = saved.first;
    this.#spilled = saved.last;
    this.#memoryFirst = saved.last + 1;
    if (saved.inMemory) {
      from.readInto(
        "records",
        this.u8.subarray(0, this.#recordCount * RECORD_BYTES),
      );
      this.#memoryFirst = this.#first;
      this.#spilled = this.#first - 1;
    } else if (this.#isKept()) {
      this.#fd = this.#openSaved(this.#options.directory!, FileFlag.WRITE);
    } else {
      const { baseDirectory } = this.#options;
      if (baseDirectory === undefined) {
        throw new Error(
          `The state names a file of session ${this.#options.name}, and no folder is given for it`,
        );
      }
      this.#baseFd = this.#openSaved(baseDirectory, 0);
      this.#baseLast = saved.last;
    }
  }

  /** The file that the saved state needs; undefined = none. */
  get savedFile(): SavedFile | undefined {
    if (!this.#isKept() || this.last === 0) return undefined;
    return { name: this.#fileName(), bytes: this.last * RECORD_BYTES };
  }

  #isKept(): boolean {
    return this.#hasFile && this.#options.keep === true;
  }

  /** Name of a kept file. */
  #fileName(): string {
    return `${this.#options.name}.${this.#generation}.out`;
  }

  #ownPath(): string {
    const { directory, name } = this.#options;
    return `${directory}/${this.#isKept() ? this.#fileName() : `${name}.out`}`;
  }

  #create(path: string): void {
    this.#fd = openFile(
      path,
      FileFlag.READ | FileFlag.WRITE | FileFlag.CREATE | FileFlag.TRUNCATE,
    );
  }

  /** A kept file is made when it is needed; false if the disk refuses. */
  #createKept(): boolean {
    try {
      this.#create(this.#ownPath());
      return true;
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      this.fileError = -error.code;
      return false;
    }
  }

  #openSaved(directory: string, flags: number): number {
    const path = `${directory}/${this.#fileName()}`;
    const fd = openFile(path, FileFlag.READ | flags);
    const wanted = this.last * RECORD_BYTES;
    const bytes = fileBytes(fd);
    if (bytes >= wanted) return fd;
    closeFile(fd);
    throw new Error(
      `'${path}' has ${bytes} bytes, the snapshot names ${wanted}: it was cut ` +
        "or replaced. Restore it, or remove the snapshot: the journal has everything",
    );
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
    if (this.#isKept() && number - this.#spilledOrFirst() > this.#recordCount) {
      this.#waitForDisk();
    }
    const to = (number & this.#mask) * SLOT_WORDS;
    const target = this.i32;
    for (let i = 0; i < SLOT_WORDS; i++) target[to + i] = source[from + i]!;
    this.last = number;
    if (
      this.#hasFile &&
      number - this.#spilledOrFirst() >= this.#recordCount >> 1
    ) this.spill();
  }

  /** Byte offset of record `number` in the views, or -1 if it isn't to be had. */
  locate(number: number): number {
    if (number > this.last || number < this.#first) return -1;
    if (
      number > this.last - this.#recordCount && number >= this.#memoryFirst
    ) {
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
    if (this.#writing !== 0 && !this.#collect()) return 0;
    const waiting = this.unspilled;
    const enough = quiet ? SPILL_RECORDS_QUIET : SPILL_RECORDS_BUSY;
    if (waiting === 0 || (waiting < enough && !all)) return 0;
    const { spiller } = this.#options;
    if (spiller === undefined) this.spill();
    else this.#startWriting(spiller);
    return waiting;
  }

  /** Has what is in one piece written by the thread, if it is free. */
  #startWriting(spiller: Spiller): void {
    if (this.fileError !== 0 || (this.#fd < 0 && !this.#createKept())) return;
    const number = this.#spilledOrFirst() + 1;
    const count = this.#inOnePiece(number);
    const started = spiller.start(
      this.#fd,
      this.#address + (number & this.#mask) * RECORD_BYTES,
      count * RECORD_BYTES,
      (number - 1) * RECORD_BYTES,
    );
    if (started) this.#writing = number + count - 1;
  }

  /** Takes what the thread has written; false while it writes. */
  #collect(): boolean {
    const result = this.#options.spiller!.poll();
    if (result === JOB_RUNNING) return false;
    if (result < 0) this.fileError = result;
    else this.#spilled = this.#writing;
    this.#writing = 0;
    return true;
  }

  /** Records from `number` on that lie behind each other. */
  #inOnePiece(number: number): number {
    const count = this.last - number + 1;
    const room = this.#recordCount - (number & this.#mask);
    return count < room ? count : room;
  }

  /** Records that are not in the file, if there is one. */
  get unspilled(): number {
    return this.#hasFile ? this.last - this.#spilledOrFirst() : 0;
  }

  /** Writes all that isn't in the file yet; waits for what is being written. */
  spill(): void {
    while (this.#writing !== 0 && !this.#collect()) cpuYield();
    if (!this.#hasFile || this.fileError !== 0 || this.last === 0) return;
    if (this.#fd < 0 && !this.#createKept()) return;
    let number = this.#spilledOrFirst() + 1;
    while (number <= this.last) {
      const index = number & this.#mask;
      const count = this.#inOnePiece(number);
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

  /** A snapshot must find every record in the file: better late than without. */
  #waitForDisk(): void {
    for (;;) {
      this.fileError = 0;
      this.spill();
      if (this.fileError === 0) return;
      const { onRefused } = this.#options;
      if (onRefused === undefined) {
        unwrap(this.fileError, `write '${this.#ownPath()}'`);
      } else onRefused(this.fileError);
    }
  }

  /** Forgets everything: the next number is 1. @param generation Sequence of what says so. */
  reset(generation: number): void {
    while (this.#writing !== 0 && !this.#collect()) cpuYield();
    if (this.#isKept()) this.#closeOwn();
    this.#closeBase();
    this.last = 0;
    this.#first = 1;
    this.#memoryFirst = 1;
    this.#spilled = 0;
    this.#readFrom = this.#readTo = 0;
    this.#generation = generation;
    if (this.#fd >= 0) {
      const result = truncateFile(this.#fd, 0);
      this.fileError = result < 0 ? result : 0;
    }
  }

  /** Writes what is left and closes the file. */
  dispose(): void {
    this.#closeOwn();
    this.#closeBase();
  }

  #closeOwn(): void {
    this.spill();
    if (this.#fd < 0) return;
    unwrap(closeFile(this.#fd), `close '${this.#ownPath()}'`);
    this.#fd = -1;
  }

  #closeBase(): void {
    if (this.#baseFd >= 0) closeFile(this.#baseFd);
    this.#baseFd = -1;
    this.#baseLast = 0;
  }

  #spilledOrFirst(): number {
    return this.#spilled >= this.#first ? this.#spilled : this.#first - 1;
  }

  #readBack(number: number): boolean {
    const inBase = number <= this.#baseLast;
    const fd = inBase ? this.#baseFd : this.#fd;
    if (fd < 0 || this.fileError !== 0) return false;
    this.#readFrom = this.#readTo = 0;
    const newest = inBase ? this.#baseLast : this.#spilled;
    const available = newest - number + 1;
    const count = available < READ_RECORDS ? available : READ_RECORDS;
    if (count <= 0) return false;
    const bytes = count * EVENT_SLOT_BYTES;
    const result = readFile(
      fd,
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
