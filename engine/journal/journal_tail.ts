// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Follows a journal that another thread or process writes.
 *
 * ```
 *   writer ──▶ group | group | group | (being written)
 *                        └ tail        └ limit: newest sequence that was written
 * ```
 *
 * It never looks at what was not yet written, if its caller says how far that
 * is (`CONTROL_WRITTEN`, or less); so whatever it finds there that is no whole
 * group is damage. It goes on from segment to segment and only reads. It belongs
 * to one thread; a command costs no allocation.
 *
 * @module
 */
import { WalkEnd } from "../../ffi/journal.ts";
import { assert } from "../assert.ts";
import { CMD_LENGTH_U16, CMD_SEQUENCE_F64 } from "../record/mod.ts";
import { SegmentChunk } from "./chunk.ts";
import { type DamageKind, JournalDamageError } from "./damage.ts";
import { type JournalFiles, NativeJournalFiles } from "./files.ts";
import { GroupReader } from "./group_reader.ts";
import {
  listSegments,
  readHeader,
  type SegmentHeader,
  segmentName,
} from "./segment.ts";

export interface JournalTailOptions {
  readonly directory: string;
  /** Sequence of the first command that is wanted, 1 and up. */
  readonly fromSequence: number;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
  /** Bytes read at a time at most, a multiple of 64, at least 192; 1 MiB if not given. */
  readonly chunkBytes?: number;
}

const CHUNK_BYTES = 1 << 20;
/** What is read at a time when the tail is close behind the writer. */
const ASK_BYTES = 16 << 10;
const RESTORE =
  "Look at the disk, and restore the segment from a replica or backup";

/** Reads commands behind their writer. */
export class JournalTail {
  /** Views of the commands: one at byte `offset` is at `offset >>> n` of each. */
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** Byte of the first command that `next()` found. */
  start = 0;
  /** One past the last byte of them. */
  end = 0;
  readonly #directory: string;
  readonly #files: JournalFiles;
  readonly #chunk: SegmentChunk;
  readonly #groups: GroupReader;
  /** Sequence of the next command to give; in an array, as a large number in a field costs an object. */
  readonly #sequences = new Float64Array(1);
  #header: SegmentHeader | undefined;
  #path = "";
  #chainLo = 0;
  #chainHi = 0;

  constructor(options: JournalTailOptions) {
    assert(
      options.fromSequence >= 1,
      `journal tail from sequence ${options.fromSequence}`,
    );
    this.#directory = options.directory;
    this.#files = options.files ?? new NativeJournalFiles();
    this.#sequences[0] = options.fromSequence;
    const chunk = new SegmentChunk(
      this.#files,
      options.chunkBytes ?? CHUNK_BYTES,
    );
    this.#chunk = chunk;
    this.#groups = new GroupReader(chunk, ASK_BYTES);
    this.u8 = chunk.u8;
    this.u16 = chunk.u16;
    this.u32 = chunk.u32;
    this.i32 = chunk.i32;
    this.f64 = chunk.f64;
  }

  /** Sequence of the next command that `next()` will give. */
  get nextSequence(): number {
    return this.#sequences[0]!;
  }

  /** Chain up to the newest group of which all commands were given: low word. */
  get chainLo(): number {
    return this.#chainLo;
  }

  get chainHi(): number {
    return this.#chainHi;
  }

  /** All commands of the newest group were given: the chain is that of `nextSequence - 1`. */
  get atGroupEnd(): boolean {
    return this.#groups.start === this.#groups.end && this.#groups.lastPiece;
  }

  /**
   * Goes to the next commands, all of one group, none above a limit: they lie in
   * the views from byte `start` to byte `end` until the next call.
   *
   * @param limitSequence Everything up to it is in the files.
   * @returns False if there is nothing new up to the limit.
   * @throws {JournalDamageError} If what should be there is not, or is not whole.
   * @throws {NativeError} If the disk can not be read.
   */
  next(limitSequence: number): boolean {
    const sequences = this.#sequences;
    const groups = this.#groups;
    this.start = this.end = 0;
    if (sequences[0]! > limitSequence) return false;
    while (groups.start === groups.end) {
      this.#find();
      groups.skipTo(sequences[0]!);
      if (this.atGroupEnd) this.#passGroup();
    }
    const { u16, f64 } = this;
    let at = groups.start;
    while (
      at < groups.end && f64[(at >>> 3) + CMD_SEQUENCE_F64]! <= limitSequence
    ) {
      at += u16[(at >>> 1) + CMD_LENGTH_U16]!;
      sequences[0]! += 1;
    }
    this.start = groups.start;
    this.end = at;
    groups.start = at;
    if (this.atGroupEnd) this.#passGroup();
    return true;
  }

  /**
   * Chain before the first command that is wanted, if a segment begins with it.
   *
   * @throws {JournalDamageError} If the segment's header is damaged.
   */
  firstChain(): [number, number] {
    if (!this.#chunk.isOpen) this.#openFirst();
    assert(
      this.#header!.firstSequence === this.#sequences[0]!,
      `no segment begins with sequence ${this.#sequences[0]!}`,
    );
    return [this.#chainLo, this.#chainHi];
  }

  /** Closes its file and gives the memory back. */
  dispose(): void {
    this.#chunk.dispose();
  }

  #passGroup(): void {
    this.#chainLo = this.#groups.walk.chainLo;
    this.#chainHi = this.#groups.walk.chainHi;
  }

  /** Goes to the next group or piece of one, in this segment or the next. */
  #find(): void {
    const groups = this.#groups;
    if (!this.#chunk.isOpen) this.#openFirst();
    for (;;) {
      const found = groups.next();
      if (found === WalkEnd.SEALED) return;
      if (!this.#segmentEnds(found)) throw this.#judge(found);
      this.#open(groups.nextSequence);
    }
  }

  /** Whether the segment holds nothing more; then another goes on. Throws if none does. */
  #segmentEnds(found: WalkEnd): boolean {
    const { position, nextSequence, walk } = this.#groups;
    if (found !== WalkEnd.MORE && found !== WalkEnd.RECORD) return false;
    if (this.#chunk.scan(position, nextSequence, walk).bytes > 0) return false;
    const names = listSegments(this.#directory, this.#files);
    const another = nextSequence !== this.#header!.firstSequence;
    if (another && names.includes(nextSequence)) return true;
    throw this.#damage(
      "MISSING",
      position,
      `sequence ${nextSequence} here or in a segment of its name`,
      "neither",
      RESTORE,
    );
  }

  #openFirst(): void {
    const wanted = this.#sequences[0]!;
    const names = listSegments(this.#directory, this.#files);
    const first = names.findLast((name) => name <= wanted);
    if (first === undefined) {
      this.#path = this.#directory;
      throw this.#damage(
        "MISSING",
        0,
        `a segment with sequence ${wanted}`,
        names.length === 0 ? "no segment" : `sequence ${names[0]} first`,
        "Older segments were pruned: start from a newer snapshot, or bring them back",
      );
    }
    this.#open(first);
    const { chain } = this.#header!;
    [this.#chainLo, this.#chainHi] = chain;
  }

  #open(first: number): void {
    const before = this.#header;
    const { walk } = this.#groups;
    const path = `${this.#directory}/${segmentName(first)}`;
    this.#path = path;
    this.#chunk.open(path);
    const got = this.#chunk.read(0);
    const { buffer, address } = this.#chunk;
    const header = readHeader(buffer, address, got, path);
    const follows = before === undefined ||
      (header.index === before.index + 1 &&
        header.secret[0] === before.secret[0] &&
        header.secret[1] === before.secret[1] &&
        header.chain[0] === walk.chainLo && header.chain[1] === walk.chainHi);
    if (header.firstSequence !== first || !follows) {
      throw this.#damage(
        "CHAIN",
        0,
        `the segment that follows sequence ${first - 1}`,
        `segment ${header.index} from sequence ${header.firstSequence}, of another chain`,
        RESTORE,
      );
    }
    this.#header = header;
    this.#groups.begin(header);
  }

  #judge(found: WalkEnd): JournalDamageError {
    const { brokenAt, brokenSequence, walk } = this.#groups;
    if (found === WalkEnd.SEQUENCE) {
      const kind = walk.found < brokenSequence ? "DUPLICATE" : "GAP";
      const sequence = `sequence ${walk.found}`;
      const expected = `sequence ${brokenSequence}`;
      return this.#damage(kind, brokenAt, expected, sequence, RESTORE);
    }
    if (found === WalkEnd.SEAL || found === WalkEnd.CHAIN) {
      return this.#damage(
        found === WalkEnd.SEAL ? "SEAL" : "CHAIN",
        brokenAt,
        `the seal of the group from sequence ${this.#groups.nextSequence}`,
        "another seal",
        RESTORE,
      );
    }
    const [expected, there] = this.#chunk.describe(brokenAt);
    return this.#damage("RECORD", brokenAt, expected, there, RESTORE);
  }

  #damage(
    kind: DamageKind,
    offset: number,
    expected: string,
    found: string,
    remedy: string,
  ): JournalDamageError {
    const segment = this.#path;
    return new JournalDamageError({
      kind,
      segment,
      offset,
      expected,
      found,
      remedy,
    });
  }
}
