// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Takes the groups of a segment one after the other, each only when its seal
 * has been seen and everything before it agrees with it.
 *
 * ```
 *   chunk:  ... seal | command command command seal | command com
 *                      └ start                 └ end  (the next group)
 * ```
 *
 * A group that is larger than the chunk is read twice: once to its seal, then
 * piece by piece. It belongs to its reader's thread; a group costs no
 * allocation. It judges nothing that is not a whole group.
 *
 * @module
 */
import {
  journalVerify,
  JournalWalk,
  SEAL_BYTES,
  WalkEnd,
} from "../../ffi/journal.ts";
import { CMD_LENGTH_U16, CMD_SEQUENCE_F64 } from "../record/mod.ts";
import type { SegmentChunk } from "./chunk.ts";
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment.ts";

/** The chunk holds nothing. */
const NOWHERE = -1;

/** Walks one segment at a time; the chain goes on from one to the next. */
export class GroupReader {
  readonly chunk: SegmentChunk;
  readonly walk = new JournalWalk();
  /** Bytes of the chunk with commands that were checked and not yet taken. */
  start = 0;
  end = 0;
  /** Offset in the file of the next group. */
  position = 0;
  /** Where `next()` found what is no whole group: offset in the file, and sequence expected there. */
  brokenAt = 0;
  brokenSequence = 0;
  /** Offset in the file of the chunk's first byte. */
  #base = NOWHERE;
  #got = 0;
  /** Of a group that is larger than the chunk: the next piece, and the seal. */
  #piece = 0;
  #seal = 0;

  /** Bytes of a read: more while there is more, few at the end of what is there. */
  #ask: number;
  readonly #askMin: number;

  /**
   * @param chunk Where the groups are read to.
   * @param askBytes Of the first read, and of one when all that was there is taken.
   */
  constructor(chunk: SegmentChunk, askBytes = chunk.chunkBytes) {
    this.chunk = chunk;
    this.#askMin = Math.min(askBytes, chunk.chunkBytes);
    this.#ask = this.#askMin;
  }

  /** Starts at the first group of the segment that the chunk has open. */
  begin(header: SegmentHeader): void {
    const { secret, chain, firstSequence, epoch } = header;
    this.walk.start(
      secret[0],
      secret[1],
      chain[0],
      chain[1],
      firstSequence,
      epoch,
    );
    this.position = SEGMENT_HEADER_BYTES;
    this.#base = NOWHERE;
    this.start =
      this.end =
      this.#piece =
      this.#seal =
        0;
  }

  /** Sequence behind the newest group that was found whole. */
  get nextSequence(): number {
    return this.walk.sequence;
  }

  /** All of the newest whole group is in the range from `start` to `end`. */
  get lastPiece(): boolean {
    return this.#piece === this.#seal;
  }

  /**
   * Finds the next group, or the next piece of one: `start` to `end`. What it
   * returns besides SEALED is where the walk stopped; it may be called again,
   * and looks at the file anew.
   */
  next(): WalkEnd {
    if (this.#piece < this.#seal) return this.#nextPiece();
    this.start = this.end = 0;
    let fresh = this.#base === NOWHERE;
    if (fresh) this.#fill(this.position);
    for (;;) {
      const at = this.position - this.#base;
      const found = this.walk.run(this.chunk.address + at, this.#got - at);
      if (found === WalkEnd.SEALED) {
        this.start = at;
        this.end = at + this.walk.end - SEAL_BYTES;
        this.position += this.walk.end;
        return found;
      }
      const more = found === WalkEnd.MORE;
      const short = more && this.#got === this.#ask &&
        this.#ask < this.chunk.chunkBytes;
      if (fresh && !short) return this.#stop(found);
      // The chunk ends here, or the file has grown since it was read.
      this.walk.rewind();
      if (more) this.#ask = Math.min(this.#ask * 4, this.chunk.chunkBytes);
      else this.#ask = this.#askMin;
      this.#fill(this.position);
      fresh = true;
    }
  }

  /** Leaves out commands before a sequence. */
  skipTo(sequence: number): void {
    const { u16, f64 } = this.chunk;
    while (
      this.start < this.end &&
      f64[(this.start >>> 3) + CMD_SEQUENCE_F64]! < sequence
    ) this.start += u16[(this.start >>> 1) + CMD_LENGTH_U16]!;
  }

  #fill(position: number): void {
    this.#got = this.chunk.read(position, this.#ask);
    this.#base = position;
  }

  /** A freshly read chunk does not hold a whole group. */
  #stop(found: WalkEnd): WalkEnd {
    const full = this.#got === this.chunk.chunkBytes;
    if (found === WalkEnd.MORE && full) return this.#lookAhead();
    return this.#break(found, this.position + this.walk.end);
  }

  #break(found: WalkEnd, at: number): WalkEnd {
    this.brokenAt = at;
    this.brokenSequence = this.walk.sequence;
    this.walk.rewind();
    this.#base = NOWHERE;
    return found;
  }

  /** Goes on to the seal of a group that is larger than the chunk. */
  #lookAhead(): WalkEnd {
    let place = this.position + this.walk.end;
    for (;;) {
      const got = this.chunk.read(place);
      const found = this.walk.run(this.chunk.address, got);
      const end = place + this.walk.end;
      if (found === WalkEnd.SEALED) {
        this.#piece = this.position;
        this.#seal = end - SEAL_BYTES;
        this.position = end;
        this.#base = NOWHERE;
        return this.#nextPiece();
      }
      const more = found === WalkEnd.MORE && got === this.chunk.chunkBytes;
      if (!more) return this.#break(found, end);
      place = end;
    }
  }

  #nextPiece(): WalkEnd {
    const got = this.chunk.read(this.#piece);
    const left = this.#seal - this.#piece;
    const bytes = journalVerify(this.chunk.address, left < got ? left : got);
    this.start = 0;
    this.end = bytes;
    if (bytes === 0) {
      this.brokenAt = this.#piece;
      return WalkEnd.RECORD;
    }
    this.#piece += bytes;
    return WalkEnd.SEALED;
  }
}
