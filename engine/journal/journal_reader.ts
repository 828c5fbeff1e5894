// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Brings a journal's commands back in their order, and judges its end.
 *
 * ```
 *   valid | valid | valid | broken ......... zeros          torn: cut
 *   valid | valid | broken | valid of a later group ...     damage: refuse
 *   valid | valid | zeros   (next segment goes on)          fine
 * ```
 *
 * It belongs to one thread and reads in large chunks; a command costs no
 * allocation. A broken command is a torn tail only in the last segment, and
 * only if nothing but commands of its own group (written by the same call)
 * comes after it. Anything else is damage: it throws and changes nothing.
 * Only `finish()` writes.
 *
 * @module
 */
import { journalVerify } from "../../ffi/crc32c.ts";
import { unwrap } from "../../ffi/library.ts";
import { assert } from "../assert.ts";
import {
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
} from "../record/mod.ts";
import { RING_FULL, type SpscRing } from "../ring/mod.ts";
import { SegmentChunk } from "./chunk.ts";
import { JournalDamageError, type TornTail } from "./damage.ts";
import { type JournalFiles, NativeJournalFiles } from "./files.ts";
import type { JournalPosition } from "./journal_writer.ts";
import {
  listSegments,
  readHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./segment.ts";

export interface JournalReaderOptions {
  readonly directory: string;
  /** Sequence that the journal must start with; 1 if not given. */
  readonly firstSequence?: number;
  /** Bytes read at a time, a multiple of 64, at least 192; 4 MiB if not given. */
  readonly chunkBytes?: number;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
}

/** What recovery found, and where the writer goes on. */
export interface JournalRecovery extends JournalPosition {
  /** Commands read. */
  readonly records: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Segments that are left. */
  readonly segments: number;
  /** What was cut off. */
  readonly tail: TornTail | undefined;
}

const CHUNK_BYTES = 4 << 20;
/** The largest group: what can have been on its way when a sync failed. */
const REWRITE_BYTES = 65536 * COMMAND_SLOT_BYTES;
const RESTORE =
  "Restore the segment from a replica or backup; what follows it depends on it";
const LAST_REMEDY =
  "If the machine lost power while durability was below synced, acknowledged " +
  "commands may be lost from here on: decide what to keep, or restore a backup";

/** Reads a journal from its first command to its end. */
export class JournalReader {
  /** Views of the chunk: a command at byte `offset` is at `offset >>> n` of each. */
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #directory: string;
  readonly #files: JournalFiles;
  readonly #chunk: SegmentChunk;
  readonly #names: readonly number[];
  /** Place in `#names` of the segment at hand. */
  #at = -1;
  #path = "";
  #header: SegmentHeader | undefined;
  /** Where the next unverified command is in the segment. */
  #position = 0;
  #expected: number;
  readonly #first: number;
  /** Range of commands in the chunk that are verified and not yet taken. */
  #start = 0;
  #end = 0;
  #records = 0;
  #bytes = 0;
  #ended = false;
  #tail: TornTail | undefined;
  #headerTorn = false;

  /** @throws {JournalDamageError} If a segment's name is none. */
  constructor(options: JournalReaderOptions) {
    this.#directory = options.directory;
    this.#first = options.firstSequence ?? 1;
    this.#expected = this.#first;
    this.#files = options.files ?? new NativeJournalFiles();
    this.#names = listSegments(options.directory, this.#files);
    const chunk = new SegmentChunk(
      this.#files,
      options.chunkBytes ?? CHUNK_BYTES,
    );
    this.#chunk = chunk;
    this.u8 = chunk.u8;
    this.u16 = chunk.u16;
    this.u32 = chunk.u32;
    this.i32 = chunk.i32;
    this.f64 = chunk.f64;
  }

  /** Everything was read. */
  get ended(): boolean {
    return this.#ended && this.#start === this.#end;
  }

  /** Commands read so far. */
  get records(): number {
    return this.#records;
  }

  /** Sequence of the next command that is not there yet. */
  get nextSequence(): number {
    return this.#expected;
  }

  /**
   * Replaces the chunk by the next verified commands: they lie in the views
   * from byte 0, one after the other, each as long as it says.
   *
   * @returns Their bytes; 0 at the end.
   * @throws {JournalDamageError} If what comes next can not be trusted.
   * @throws {NativeError} If the disk can not be read.
   */
  next(): number {
    this.#start = 0;
    this.#end = 0;
    while (!this.#ended) {
      if (!this.#chunk.isOpen && !this.#openNext()) {
        this.#ended = true;
        break;
      }
      const got = this.#chunk.read(this.#position);
      const valid = journalVerify(this.#chunk.address, got);
      if (valid > 0) {
        this.#checkSequences(valid);
        this.#position += valid;
        this.#bytes += valid;
        this.#end = valid;
        return valid;
      }
      if (got > 0) this.#judgeRest(got);
      this.#chunk.close();
    }
    return 0;
  }

  /**
   * Moves as many commands as a ring has room for. At the end it returns 0 and
   * `ended` is true.
   *
   * @param ring Producer's end of a ring of commands.
   * @returns Commands moved. Throws as `next()`.
   */
  feed(ring: SpscRing): number {
    if (this.#start === this.#end && this.next() === 0) return 0;
    let moved = 0;
    while (this.#start < this.#end) {
      const slot = ring.claim();
      if (slot === RING_FULL) break;
      const from = this.#start >>> 2;
      const to = slot * (COMMAND_SLOT_BYTES >>> 2);
      const bytes = this.u16[(this.#start >>> 1) + CMD_LENGTH_U16]!;
      for (let word = 0; word < bytes >>> 2; word++) {
        ring.u32[to + word] = this.u32[from + word]!;
      }
      this.#start += bytes;
      moved++;
    }
    if (moved > 0) ring.publish();
    return moved;
  }

  /**
   * After the end: cuts a torn tail off, makes all that was read durable, and
   * says where the writer goes on. Gives the memory back.
   *
   * @throws {NativeError} If the disk refuses.
   */
  finish(): JournalRecovery {
    assert(this.#ended, "journal recovery was finished before its end");
    const last = this.#names.length - 1;
    let kept = this.#names.length;
    let nextSegmentIndex = this.#header === undefined
      ? 0
      : this.#header.index + 1;
    if (this.#headerTorn) {
      this.#files.unlink(this.#pathOf(last));
      kept -= 1;
    } else if (last >= 0 && this.#position === SEGMENT_HEADER_BYTES) {
      // A segment without commands: the writer makes it again.
      this.#files.unlink(this.#pathOf(last));
      kept -= 1;
      nextSegmentIndex -= 1;
    } else if (last >= 0) {
      this.#rewrite(last, this.#position);
      this.#settle(last, this.#position);
    }
    // Up to two segments may have been written and not synced.
    for (let at = Math.max(0, last - 2); at < Math.min(last, kept); at++) {
      this.#settle(at, Infinity);
    }
    this.#files.syncDirectory(this.#directory);
    this.dispose();
    return {
      nextSequence: this.#expected,
      nextSegmentIndex,
      epoch: this.#header?.epoch ?? 0,
      records: this.#records,
      bytes: this.#bytes,
      segments: kept,
      tail: this.#tail,
    };
  }

  /** Closes files and gives the memory back. */
  dispose(): void {
    this.#chunk.dispose();
    this.#ended = true;
    this.#start = this.#end;
  }

  #pathOf(at: number): string {
    return `${this.#directory}/${segmentName(this.#names[at]!)}`;
  }

  /** Cuts a segment to `bytes` if it is longer, and syncs it. */
  #settle(at: number, bytes: number): void {
    const path = this.#pathOf(at);
    const fd = this.#files.openWrite(path);
    try {
      if (this.#files.size(fd) > bytes) {
        unwrap(
          this.#files.truncate(fd, bytes),
          `cut '${path}' to ${bytes} bytes`,
        );
      }
      unwrap(this.#files.sync(fd), `sync '${path}'`);
    } finally {
      this.#files.close(fd);
    }
  }

  /**
   * Writes the last part of a segment again. A run that ended because a sync
   * failed leaves data that the kernel shows and may never have stored; only
   * what is written again is sure to be part of the next sync.
   */
  #rewrite(at: number, bytes: number): void {
    const path = this.#pathOf(at);
    const { address, chunkBytes } = this.#chunk;
    const fd = this.#files.openWrite(path);
    try {
      const from = Math.max(0, bytes - REWRITE_BYTES);
      for (
        let position = from;
        position < bytes;
        position += chunkBytes
      ) {
        const wanted = Math.min(chunkBytes, bytes - position);
        const got = unwrap(
          this.#files.read(fd, address, wanted, position),
          `read '${path}'`,
        );
        unwrap(
          this.#files.write(fd, address, got, position),
          `write '${path}' again`,
        );
      }
    } finally {
      this.#files.close(fd);
    }
  }

  #isLast(): boolean {
    return this.#at === this.#names.length - 1;
  }

  /** Opens the next segment and checks its header; false after the last. */
  #openNext(): boolean {
    if (this.#isLast()) return false;
    this.#at += 1;
    const name = this.#names[this.#at]!;
    this.#path = this.#pathOf(this.#at);
    if (name > this.#expected) {
      throw this.#damage(
        "MISSING",
        0,
        `a segment with sequence ${this.#expected}`,
        `sequence ${name} first`,
        "A segment is missing or cut short before this one: restore it",
      );
    }
    if (name < this.#expected) {
      throw this.#damage(
        "DUPLICATE",
        0,
        `sequence ${this.#expected} first`,
        `sequence ${name}, which another segment has`,
        "Two journals were mixed: keep one",
      );
    }
    this.#chunk.open(this.#path);
    this.#position = SEGMENT_HEADER_BYTES;
    const got = this.#chunk.read(0);
    try {
      const header = readHeader(
        this.#chunk.buffer,
        this.#chunk.address,
        got,
        this.#path,
      );
      this.#checkHeader(header, name);
      this.#header = header;
      return true;
    } catch (error) {
      this.#judgeHeader(error);
      return false;
    }
  }

  #checkHeader(header: SegmentHeader, name: number): void {
    if (header.firstSequence !== name) {
      throw this.#damage(
        "SEGMENT",
        16,
        `first sequence ${name}, as in its name`,
        `${header.firstSequence}`,
        "The file was renamed: give it its own name back",
      );
    }
    const index = this.#header === undefined
      ? (this.#first === 1 ? 0 : header.index)
      : this.#header.index + 1;
    if (header.index !== index) {
      throw this.#damage(
        "SEGMENT",
        12,
        `segment index ${index}`,
        `${header.index}`,
        "Segments of another journal were mixed in: restore the right ones",
      );
    }
    const epoch = this.#header?.epoch ?? 1;
    if (header.epoch < epoch) {
      throw this.#damage(
        "EPOCH",
        24,
        `epoch ${epoch} or later`,
        `${header.epoch}`,
        "Segments of another run were mixed in: restore the right ones",
      );
    }
  }

  /** A header that a crash left unfinished is a torn tail if no command follows it. */
  #judgeHeader(error: unknown): void {
    const torn = error instanceof JournalDamageError && this.#isLast() &&
      (error.damage.kind === "HEADER" || error.damage.kind === "MAGIC");
    if (!torn) throw error;
    const rest = this.#chunk.scan(0, -1);
    if (rest.foreignOffset >= 0) throw error;
    this.#headerTorn = true;
    this.#tail = {
      segment: this.#path,
      offset: 0,
      bytesDropped: rest.bytes,
      reason: `the segment has no valid header: ${error.damage.found}`,
    };
  }

  #checkSequences(bytes: number): void {
    const { u16, f64 } = this;
    let expected = this.#expected;
    for (let offset = 0; offset < bytes;) {
      const sequence = f64[(offset >>> 3) + CMD_SEQUENCE_F64]!;
      if (sequence !== expected) {
        throw this.#damage(
          sequence < expected ? "DUPLICATE" : "GAP",
          this.#position + offset,
          `sequence ${expected}`,
          `sequence ${sequence}`,
          RESTORE,
        );
      }
      expected++;
      offset += u16[(offset >>> 1) + CMD_LENGTH_U16]!;
    }
    this.#records += expected - this.#expected;
    this.#expected = expected;
  }

  /** No valid command at the position: the end, a torn tail, or damage. */
  #judgeRest(got: number): void {
    const [expected, found] = this.#chunk.describe(got);
    const position = this.#position;
    const rest = this.#chunk.scan(position, this.#expected);
    if (rest.bytes === 0) return;
    if (!this.#isLast()) {
      throw this.#damage("RECORD", position, expected, found, RESTORE);
    }
    if (rest.foreignOffset >= 0) {
      throw this.#damage(
        "RECORD",
        position,
        expected,
        `${found}, while sequence ${rest.foreignSequence} of another write follows ` +
          `at offset ${rest.foreignOffset}`,
        LAST_REMEDY,
      );
    }
    this.#tail = {
      segment: this.#path,
      offset: position,
      bytesDropped: rest.bytes,
      reason:
        `sequence ${this.#expected} is not whole: expected ${expected}, found ${found}`,
    };
  }

  #damage(
    kind: JournalDamageError["damage"]["kind"],
    offset: number,
    expected: string,
    found: string,
    remedy: string,
  ): JournalDamageError {
    return new JournalDamageError({
      kind,
      segment: this.#path,
      offset,
      expected,
      found,
      remedy,
    });
  }
}

/**
 * Reads a whole journal, cuts a torn tail, and says where the writer goes on.
 *
 * @param onCommand Called for each command: it lies in the reader's views at
 *   byte `offset` until it returns.
 * @throws {JournalDamageError} If the journal can not be trusted.
 */
export function recover(
  options: JournalReaderOptions,
  onCommand: (reader: JournalReader, offset: number) => void,
): JournalRecovery {
  const reader = new JournalReader(options);
  try {
    for (let bytes = reader.next(); bytes > 0; bytes = reader.next()) {
      for (let offset = 0; offset < bytes;) {
        onCommand(reader, offset);
        offset += reader.u16[(offset >>> 1) + CMD_LENGTH_U16]!;
      }
    }
    return reader.finish();
  } finally {
    reader.dispose();
  }
}
