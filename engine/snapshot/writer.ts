// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writes a snapshot: step by step under a temporary name, then synced, read
 * back and verified, renamed, and the folder synced.
 *
 * ```
 *   sections ─step()─▶ N.partial ─finish()─▶ sync ─▶ verify ─▶ N.snapshot ─▶ sync folder
 * ```
 *
 * One thread. What it writes are the views that were added: the state must
 * stand still until the last step. A snapshot that is not finished is nothing:
 * its file is removed at the next one. Nothing is copied.
 *
 * @module
 */
import { crc32c } from "../../ffi/crc32c.ts";
import { unwrap } from "../../ffi/library.ts";
import { addressOf } from "../../ffi/memory.ts";
import { assert } from "../assert.ts";
import type { JournalFiles } from "../journal/mod.ts";
import {
  encodeHead,
  encodePiece,
  END_SECTION,
  padded,
  type Piece,
  PIECE_BYTES_MAX,
  PIECE_HEADER_BYTES,
  type SectionEntry,
  type SnapshotMeta,
} from "./format.ts";
import { SnapshotReader } from "./reader.ts";
import { isZero, type SectionWriter } from "./sections.ts";

const NO_FILE = -1;
const PAGE_BYTES = 4096;
const PAGE_WORDS = PAGE_BYTES >>> 2;
/** A shorter run of zero pages is written: a piece costs two writes. */
const ZERO_PAGES_MIN = 16;
const REMEDY = "The disk may be full or failing; the next snapshot tries again";

/** Collects the sections of a snapshot. */
export class SectionViews implements SectionWriter {
  readonly views: { name: string; bytes: Uint8Array<ArrayBuffer> }[] = [];

  add(name: string, bytes: Uint8Array): void {
    assert(
      this.views.every((view) => view.name !== name),
      `section ${name} is added twice`,
    );
    this.views.push({ name, bytes: bytes as Uint8Array<ArrayBuffer> });
  }
}

/** One snapshot that is being written. */
export class SnapshotFileWriter {
  readonly #files: JournalFiles;
  readonly #views: SectionViews["views"];
  readonly #directory: string;
  readonly #temporary: string;
  readonly #path: string;
  #fd: number;
  readonly #header = new Uint8Array(PIECE_HEADER_BYTES);
  readonly #headerAddress = addressOf(this.#header);
  #position = 0;
  #chain = 0;
  /** Section and place in it that the next step starts at. */
  #section = 0;
  #at = 0;
  #dataBytes = 0;

  /**
   * @param name Of the file, without its ending.
   * @throws {NativeError} If the file can't be made.
   */
  constructor(
    files: JournalFiles,
    directory: string,
    name: string,
    meta: SnapshotMeta,
    sections: SectionViews,
  ) {
    this.#files = files;
    this.#views = sections.views;
    this.#directory = directory;
    this.#temporary = `${directory}/${name}.partial`;
    this.#path = `${directory}/${name}.snapshot`;
    const entries: SectionEntry[] = this.#views.map(({ name, bytes }) => ({
      name,
      bytes: bytes.length,
    }));
    const head = encodeHead({ meta, sections: entries });
    this.#fd = unwrap(
      files.create(this.#temporary, head.length, false),
      `make '${this.#temporary}'`,
      REMEDY,
    );
    try {
      this.#write(addressOf(head), head.length);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Where it will be. */
  get path(): string {
    return this.#path;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#position;
  }

  /** Writes about so many bytes. @returns False if that was the last of it. */
  step(bytes: number): boolean {
    const until = this.#position + bytes;
    while (this.#position < until) {
      const view = this.#views[this.#section];
      if (view === undefined) return false;
      if (this.#at >= view.bytes.length) {
        this.#section += 1;
        this.#at = 0;
      } else this.#piece(view.bytes);
    }
    return true;
  }

  /**
   * Writes the end, makes it last, reads it back, gives it its name.
   *
   * @throws {Error} If the disk refuses, or what is read is not what was written.
   */
  finish(): void {
    assert(
      this.#section === this.#views.length,
      "a snapshot is finished before its last step",
    );
    this.#pieceHeader({
      section: END_SECTION,
      offset: this.#dataBytes,
      bytes: 0,
      crc32c: 0,
    });
    unwrap(
      this.#files.truncate(this.#fd, this.#position),
      `cut '${this.#temporary}'`,
    );
    unwrap(this.#files.sync(this.#fd), `sync '${this.#temporary}'`, REMEDY);
    this.#close();
    const reader = new SnapshotReader(this.#temporary, this.#files);
    try {
      reader.verify();
    } finally {
      reader.dispose();
    }
    this.#files.rename(this.#temporary, this.#path);
    this.#files.syncDirectory(this.#directory);
  }

  /** Gives up: removes what was written. */
  abandon(): void {
    this.#close();
    this.#files.unlink(this.#temporary);
  }

  /** Once: the number of a closed file may soon be another thread's. */
  #close(): void {
    const fd = this.#fd;
    this.#fd = NO_FILE;
    if (fd !== NO_FILE) this.#files.close(fd);
  }

  /** Writes the next piece of a section, without the zero pages before it. */
  #piece(bytes: Uint8Array<ArrayBuffer>): void {
    const from = firstPage(bytes, this.#at, false);
    const limit = Math.min(bytes.length, from + PIECE_BYTES_MAX);
    let to = from;
    while (to < limit) {
      const zeros = firstPage(bytes, to, true);
      to = Math.min(limit, zeros);
      if (to >= limit) break;
      const next = Math.min(limit, firstPage(bytes, zeros, false));
      if (next - zeros >= ZERO_PAGES_MIN * PAGE_BYTES || next === limit) break;
      to = next;
    }
    this.#at = Math.max(to, this.#at);
    if (to <= from) {
      this.#at = bytes.length;
      return;
    }
    const count = to - from;
    const address = addressOf(bytes) + from;
    this.#pieceHeader({
      section: this.#section,
      offset: from,
      bytes: count,
      crc32c: crc32c(address, count),
    });
    this.#write(address, count);
    this.#position += padded(count + PIECE_HEADER_BYTES) - count -
      PIECE_HEADER_BYTES;
    this.#dataBytes += count;
  }

  #pieceHeader(piece: Piece): void {
    this.#chain = encodePiece(this.#header, piece, this.#chain);
    this.#write(this.#headerAddress, PIECE_HEADER_BYTES);
  }

  #write(address: number, bytes: number): void {
    unwrap(
      this.#files.write(this.#fd, address, bytes, this.#position),
      `write '${this.#temporary}'`,
      REMEDY,
    );
    this.#position += bytes;
  }
}

/** Where the first page from `at` on begins that is all zero, or that is not; the end if there is none. */
function firstPage(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  zero: boolean,
): number {
  if ((bytes.byteOffset & 3) !== 0) return zero ? bytes.length : at;
  const whole = bytes.length & ~(PAGE_BYTES - 1);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, whole >>> 2);
  for (; at < whole; at += PAGE_BYTES) {
    const word = at >>> 2;
    if (isZero(words, word, word + PAGE_WORDS) === zero) return at;
  }
  // What is behind the last whole page is written in any case.
  return zero ? bytes.length : Math.min(at, bytes.length);
}
