// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Follows the segments of a journal that another thread writes: whole, checked
 * commands in their order, from any sequence on. One thread; a read allocates
 * nothing but at the end of a segment. It never writes.
 *
 * @module
 */
import { journalVerify } from "../../ffi/crc32c.ts";
import {
  JournalDamageError,
  listSegments,
  NativeJournalFiles,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "../journal/mod.ts";
import { SegmentChunk } from "../journal/chunk.ts";
import { CMD_LENGTH_U16, CMD_SEQUENCE_F64 } from "../record/mod.ts";

const CHUNK_BYTES = 1 << 20;

/** What to follow. */
export interface SegmentTailOptions {
  readonly directory: string;
  readonly fromSequence: number;
}

/** Commands of a journal as they are written. */
export class SegmentTail {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** Where the commands at hand lie in the views: bytes from, to. */
  start = 0;
  end = 0;
  nextSequence: number;
  readonly #directory: string;
  readonly #chunk: SegmentChunk;
  #position = 0;

  /** @throws {JournalDamageError} If the journal does not reach back so far. */
  constructor(options: SegmentTailOptions) {
    this.#directory = options.directory;
    this.nextSequence = options.fromSequence;
    const chunk = new SegmentChunk(new NativeJournalFiles(), CHUNK_BYTES);
    this.#chunk = chunk;
    this.u8 = chunk.u8;
    this.u16 = chunk.u16;
    this.u32 = chunk.u32;
    this.i32 = chunk.i32;
    this.f64 = chunk.f64;
    this.#openFor(options.fromSequence);
  }

  /**
   * Takes the next commands that are there, none above `limit`.
   *
   * @returns False if there is nothing new yet.
   */
  next(limit: number): boolean {
    this.start = 0;
    this.end = 0;
    while (this.nextSequence <= limit) {
      const got = this.#chunk.read(this.#position);
      const valid = journalVerify(this.#chunk.address, got);
      if (valid === 0) {
        // All up to `limit` is written: it goes on in the next segment.
        this.#openFor(this.nextSequence);
        continue;
      }
      const wanted = this.nextSequence;
      let at = 0;
      let from = -1;
      while (at < valid) {
        const sequence = this.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
        if (sequence > limit) break;
        if (sequence >= wanted && from < 0) from = at;
        at += this.u16[(at >>> 1) + CMD_LENGTH_U16]!;
        this.nextSequence = Math.max(sequence + 1, wanted);
      }
      this.#position += at;
      if (from < 0) continue;
      this.start = from;
      this.end = at;
      return true;
    }
    return false;
  }

  dispose(): void {
    this.#chunk.dispose();
  }

  #openFor(sequence: number): void {
    const first = listSegments(this.#directory).findLast((name) =>
      name <= sequence
    );
    if (first === undefined) {
      throw new JournalDamageError({
        kind: "MISSING",
        segment: this.#directory,
        offset: 0,
        expected: `a segment with sequence ${sequence}`,
        found: "only later ones",
        remedy: "It was pruned: start from a snapshot",
      });
    }
    this.#chunk.open(`${this.#directory}/${segmentName(first)}`);
    this.#position = SEGMENT_HEADER_BYTES;
  }
}
