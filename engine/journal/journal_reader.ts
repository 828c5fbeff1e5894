// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Brings a journal's commands back in their order, and judges its end.
 *
 * ```
 *   group | group | broken ............ zeros              torn: cut
 *   group | broken | group ...                             damage: refuse
 *   group | group with a changed bit | zeros               damage: refuse
 *   group | group | zeros   (next segment goes on)         fine
 * ```
 *
 * It belongs to one thread and reads in large chunks; a command costs no
 * allocation. A group counts when its seal is there and agrees with it. A broken
 * one is a torn tail only in the last segment, if nothing of another group comes
 * after it, and if it is broken as an interrupted write breaks it: see
 * `SegmentChunk.isTorn()`. Anything else is damage: it throws and changes
 * nothing. Only `finish()` writes.
 *
 * @module
 */
import { SEAL_BYTES, WalkEnd } from "../../ffi/journal.ts";
import { unwrap } from "../../ffi/library.ts";
import { assert } from "../assert.ts";
import { CMD_LENGTH_U16, COMMAND_SLOT_BYTES } from "../record/mod.ts";
import { RING_FULL, type SpscRing } from "../ring/mod.ts";
import { type Rest, SegmentChunk } from "./chunk.ts";
import { JournalDamageError, type TornTail } from "./damage.ts";
import { type JournalFiles, NativeJournalFiles } from "./files.ts";
import { GroupReader } from "./group_reader.ts";
import { JOURNAL_START, type JournalPosition } from "./journal_writer.ts";
import {
  listSegments,
  readHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  type Words,
} from "./segment.ts";

export interface JournalReaderOptions {
  readonly directory: string;
  /** Sequence that the journal must start with; 1 if not given. */
  readonly firstSequence?: number;
  /**
   * Sequence of the first command that is wanted; all if not given. Segments
   * that end before it are not read.
   */
  readonly fromSequence?: number;
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
const REWRITE_BYTES = 65536 * COMMAND_SLOT_BYTES + SEAL_BYTES;
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
  readonly #groups: GroupReader;
  readonly #names: readonly number[];
  /** Place in `#names` of the segment at hand. */
  #at = -1;
  #path = "";
  #header: SegmentHeader | undefined;
  #expected: number;
  readonly #first: number;
  readonly #from: number;
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
    this.#groups = new GroupReader(chunk);
    this.#from = options.fromSequence ?? this.#first;
    this.#skipSegments();
    this.u8 = chunk.u8;
    this.u16 = chunk.u16;
    this.u32 = chunk.u32;
    this.i32 = chunk.i32;
    this.f64 = chunk.f64;
  }

  /** Everything was read. */
  get ended(): boolean {
    return this.#ended && this.start === this.end;
  }

  /** Commands read so far. */
  get records(): number {
    return this.#records;
  }

  /** Sequence of the next command that is not there yet. */
  get nextSequence(): number {
    return this.#expected;
  }

  /** Byte in the views of the first command at hand. */
  get start(): number {
    return this.#groups.start;
  }

  /** One past the last byte of the commands at hand. */
  get end(): number {
    return this.#groups.end;
  }

  /** At the end: what is there behind the last whole group. */
  get tail(): TornTail | undefined {
    return this.#tail;
  }

  /** The journal's chain up to the newest group that was read. */
  get chain(): Words {
    return [this.#groups.walk.chainLo, this.#groups.walk.chainHi];
  }

  /**
   * Goes to the next checked commands, of one group: they lie in the views from
   * byte `start` to byte `end`, one after the other, each as long as it says.
   *
   * @returns False at the end.
   * @throws {JournalDamageError} If what comes next can not be trusted.
   * @throws {NativeError} If the disk can not be read.
   */
  next(): boolean {
    const groups = this.#groups;
    while (!this.#ended) {
      if (!this.#chunk.isOpen && !this.#openNext()) {
        this.#ended = true;
        break;
      }
      const found = groups.next();
      if (found === WalkEnd.SEALED) {
        groups.skipTo(this.#from);
        this.#records += groups.nextSequence - this.#expected;
        this.#expected = groups.nextSequence;
        if (groups.start === groups.end) continue;
        this.#bytes += groups.end - groups.start;
        return true;
      }
      this.#judge(found);
      this.#chunk.close();
    }
    groups.start = groups.end = 0;
    return false;
  }

  /**
   * Moves as many commands as a ring has room for. At the end it returns 0 and
   * `ended` is true.
   *
   * @param ring Producer's end of a ring of commands.
   * @returns Commands moved. Throws as `next()`.
   */
  feed(ring: SpscRing): number {
    const groups = this.#groups;
    if (groups.start === groups.end && !this.next()) return 0;
    let moved = 0;
    while (groups.start < groups.end) {
      const slot = ring.claim();
      if (slot === RING_FULL) break;
      const from = groups.start >>> 2;
      const to = slot * (COMMAND_SLOT_BYTES >>> 2);
      const bytes = this.u16[(groups.start >>> 1) + CMD_LENGTH_U16]!;
      for (let word = 0; word < bytes >>> 2; word++) {
        ring.u32[to + word] = this.u32[from + word]!;
      }
      groups.start += bytes;
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
    // The writer makes a last segment without commands again.
    const empty = last >= 0 && !this.#headerTorn &&
      this.#groups.position === SEGMENT_HEADER_BYTES;
    const kept = last + (this.#headerTorn || empty ? 0 : 1);
    const nextSegmentIndex = this.#header === undefined
      ? 0
      : this.#header.index + (empty ? 0 : 1);
    this.#secure(last, kept);
    if (last >= kept) this.#files.unlink(this.#pathOf(last));
    this.#files.syncDirectory(this.#directory);
    this.dispose();
    return {
      nextSequence: this.#expected,
      nextSegmentIndex,
      epoch: this.#header?.epoch ?? 0,
      secret: this.#header?.secret ?? JOURNAL_START.secret,
      chain: this.chain,
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
    this.#groups.start = this.#groups.end;
  }

  /** Makes sure that what was read is stored; cuts the last segment to its length. */
  #secure(last: number, kept: number): void {
    const closed = last >= 0 && this.#isClosed(last);
    // Up to two segments before the last one may have been written and not
    // synced, or the sync of one failed. The last one is cut at the very end.
    for (let at = Math.max(0, last - 2); at < Math.min(last, kept); at++) {
      if (!closed) this.#rewrite(at, 0, Infinity);
      this.#settle(at, Infinity);
    }
    if (last < 0 || last >= kept) return;
    const { position } = this.#groups;
    const from = closed ? Math.max(0, position - REWRITE_BYTES) : 0;
    this.#rewrite(last, from, position);
    this.#settle(last, position);
  }

  #pathOf(at: number): string {
    return `${this.#directory}/${segmentName(this.#names[at]!)}`;
  }

  /**
   * The run that wrote the segment ended in order, or a recovery did: it was
   * synced, with all before it, and then cut to its length.
   */
  #isClosed(at: number): boolean {
    const fd = this.#files.openRead(this.#pathOf(at));
    try {
      return this.#tail === undefined &&
        this.#files.size(fd) === this.#groups.position;
    } finally {
      this.#files.close(fd);
    }
  }

  /** Cuts a segment to `bytes` if it is longer, and syncs it. */
  #settle(at: number, bytes: number): void {
    const path = this.#pathOf(at);
    const fd = this.#files.openWrite(path);
    try {
      if (this.#files.size(fd) > bytes) {
        // Synced before it is cut: see `#isClosed()`.
        unwrap(this.#files.sync(fd), `sync '${path}'`);
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
   * Writes a part of a segment again. A run that ended because a sync
   * failed leaves data that the kernel shows and may never have stored; only
   * what is written again is sure to be part of the next sync.
   */
  #rewrite(at: number, from: number, to: number): void {
    const path = this.#pathOf(at);
    const { address, chunkBytes } = this.#chunk;
    const fd = this.#files.openWrite(path);
    try {
      const bytes = Math.min(to, this.#files.size(fd));
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

  /** Leaves out the segments that end before the first command that is wanted. */
  #skipSegments(): void {
    if (this.#from <= this.#first) return;
    const at = this.#names.findLastIndex((name) => name <= this.#from);
    if (at < 0) return;
    this.#at = at - 1;
    this.#expected = this.#names[at]!;
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
      this.#groups.begin(header);
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
      ? (name === 1 ? 0 : header.index)
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
    this.#checkChain(header);
  }

  #checkChain(header: SegmentHeader): void {
    if (this.#header === undefined) return;
    const [lo, hi] = this.chain;
    const { secret } = this.#header;
    const same = header.secret[0] === secret[0] &&
      header.secret[1] === secret[1];
    if (same && header.chain[0] === lo && header.chain[1] === hi) return;
    throw this.#damage(
      "CHAIN",
      same ? 48 : 40,
      same ? `chain ${hexOf([lo, hi])}` : "the secret of the segment before",
      same ? `chain ${hexOf(header.chain)}` : "another",
      "Segments of another journal were mixed in: restore the right ones",
    );
  }

  /** A header that a crash left unfinished is a torn tail if no command follows it. */
  #judgeHeader(error: unknown): void {
    const torn = error instanceof JournalDamageError && this.#isLast() &&
      (error.damage.kind === "HEADER" || error.damage.kind === "MAGIC");
    if (!torn) throw error;
    const rest = this.#chunk.scan(0, -1, this.#groups.walk);
    if (rest.foreignOffset >= 0) throw error;
    this.#headerTorn = true;
    this.#tail = {
      segment: this.#path,
      offset: 0,
      bytesDropped: rest.bytes,
      reason: `the segment has no valid header: ${error.damage.found}`,
    };
  }

  /** No whole group comes next: the end, a torn tail, or damage. */
  #judge(found: WalkEnd): void {
    const { position, brokenAt, brokenSequence, walk } = this.#groups;
    if (found === WalkEnd.SEQUENCE) {
      throw this.#damage(
        walk.found < brokenSequence ? "DUPLICATE" : "GAP",
        brokenAt,
        `sequence ${brokenSequence}`,
        `sequence ${walk.found}`,
        RESTORE,
      );
    }
    const rest = this.#chunk.scan(position, this.#expected, walk);
    if (rest.bytes === 0) return;
    if (found === WalkEnd.SEAL || found === WalkEnd.CHAIN) {
      throw this.#damage(
        found === WalkEnd.SEAL ? "SEAL" : "CHAIN",
        brokenAt,
        `the seal of the group from sequence ${this.#expected}`,
        found === WalkEnd.SEAL
          ? `a seal of another group, from sequence ${walk.found}`
          : "a seal whose chain is not that of the commands before it",
        RESTORE,
      );
    }
    this.#judgeBroken(brokenAt, brokenSequence, rest);
  }

  #judgeBroken(at: number, sequence: number, rest: Rest): void {
    const torn = this.#isLast() && rest.foreignOffset < 0 &&
      this.#chunk.isTorn(this.#groups.position, at);
    const [expected, found] = this.#chunk.describe(at);
    if (!torn) {
      const follows = this.#isLast() && rest.foreignOffset >= 0;
      throw this.#damage(
        "RECORD",
        at,
        expected,
        follows
          ? `${found}, while sequence ${rest.foreignSequence} of another write follows ` +
            `at offset ${rest.foreignOffset}`
          : found,
        follows ? LAST_REMEDY : RESTORE,
      );
    }
    this.#tail = {
      segment: this.#path,
      offset: this.#groups.position,
      bytesDropped: rest.bytes,
      reason:
        `the group from sequence ${this.#expected} is not whole: at offset ` +
        `${at}, sequence ${sequence} or a seal, expected ${expected}, found ${found}`,
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

function hexOf(words: Words): string {
  return (BigInt(words[1] >>> 0) << 32n | BigInt(words[0] >>> 0)).toString(16)
    .padStart(16, "0");
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
    while (reader.next()) {
      for (let offset = reader.start; offset < reader.end;) {
        onCommand(reader, offset);
        offset += reader.u16[(offset >>> 1) + CMD_LENGTH_U16]!;
      }
    }
    return reader.finish();
  } finally {
    reader.dispose();
  }
}
