// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads a snapshot: what it is of, its sections, and whether it is whole.
 *
 * Opening it follows the chain of its pieces to the end, so a file that was
 * cut or mixed up is known at once; bytes are checked as they are read, each
 * piece by its CRC32C. Sections are read straight into the memory that they
 * fill. Any thread; each has a reader of its own.
 *
 * @module
 */
import { crc32c, crc32cOf } from "../../ffi/crc32c.ts";
import { unwrap } from "../../ffi/library.ts";
import { addressOf } from "../../ffi/memory.ts";
import { type JournalFiles, NativeJournalFiles } from "../journal/mod.ts";
import {
  damaged,
  decodeHeader,
  decodePiece,
  END_SECTION,
  HEADER_BYTES,
  padded,
  type Piece,
  PIECE_BYTES_MAX,
  PIECE_HEADER_BYTES,
  type SectionEntry,
  type SnapshotHead,
  type SnapshotMeta,
} from "./format.ts";
import {
  assertLength,
  isZero,
  missingSection,
  type SectionReader,
} from "./sections.ts";

const PAGE_WORDS = 1024;

interface PlacedPiece extends Piece {
  /** Of its bytes, in the file. */
  readonly position: number;
}

/** One snapshot. */
export class SnapshotReader implements SectionReader {
  readonly meta: SnapshotMeta;
  readonly sections: readonly SectionEntry[];
  /** Bytes of the file. */
  readonly bytes: number;
  readonly #path: string;
  readonly #files: JournalFiles;
  readonly #fd: number;
  /** By section. */
  readonly #pieces: PlacedPiece[][];

  /**
   * Opens a snapshot.
   *
   * @throws {SnapshotError} If it is none, or not whole.
   * @throws {NativeError} If it can't be read.
   */
  constructor(path: string, files: JournalFiles = new NativeJournalFiles()) {
    this.#path = path;
    this.#files = files;
    this.#fd = unwrap(files.openRead(path), `open '${path}'`);
    this.bytes = files.size(this.#fd);
    try {
      const { head, position } = this.#readHead();
      this.meta = head.meta;
      this.sections = head.sections;
      this.#pieces = head.sections.map(() => []);
      this.#indexPieces(position);
    } catch (error) {
      files.close(this.#fd);
      throw error;
    }
  }

  has(name: string): boolean {
    return this.sections.some((section) => section.name === name);
  }

  read(name: string): Uint8Array<ArrayBuffer> {
    const place = this.#placeOf(name);
    const bytes = new Uint8Array(this.sections[place]!.bytes);
    this.#fill(place, bytes);
    return bytes;
  }

  readInto(name: string, target: Uint8Array): void {
    const place = this.#placeOf(name);
    assertLength(name, this.sections[place]!.bytes, target.length);
    this.#fill(place, target as Uint8Array<ArrayBuffer>);
  }

  /**
   * Reads everything and checks it.
   *
   * @throws {SnapshotError} At the first byte that is not as it was written.
   */
  verify(): void {
    const buffer = new Uint8Array(PIECE_BYTES_MAX);
    const address = addressOf(buffer);
    for (const pieces of this.#pieces) {
      for (const piece of pieces) this.#readPiece(piece, address);
    }
  }

  dispose(): void {
    this.#files.close(this.#fd);
  }

  #placeOf(name: string): number {
    const place = this.sections.findIndex((section) => section.name === name);
    if (place < 0) throw missingSection(name);
    return place;
  }

  #readHead(): { head: SnapshotHead; position: number } {
    const header = this.#readBytes(0, HEADER_BYTES);
    const { jsonBytes, jsonCrc32c } = decodeHeader(header, this.#path);
    if (jsonBytes > this.bytes) {
      throw damaged(this.#path, 12, `${jsonBytes} bytes`, `${this.bytes}`);
    }
    const json = this.#readBytes(HEADER_BYTES, jsonBytes);
    const found = crc32cOf(json);
    if (found !== jsonCrc32c) {
      throw damaged(
        this.#path,
        HEADER_BYTES,
        `CRC ${jsonCrc32c}`,
        `CRC ${found}`,
      );
    }
    const head = JSON.parse(new TextDecoder().decode(json)) as SnapshotHead;
    return { head, position: HEADER_BYTES + padded(jsonBytes) };
  }

  #indexPieces(start: number): void {
    let position = start;
    let chain = 0;
    let dataBytes = 0;
    for (;;) {
      const header = this.#readBytes(position, PIECE_HEADER_BYTES);
      const decoded = decodePiece(header, chain, this.#path, position);
      const { piece } = decoded;
      chain = decoded.chain;
      if (piece.section === END_SECTION) {
        if (piece.offset === dataBytes) return;
        throw damaged(
          this.#path,
          position,
          `${piece.offset} bytes in all`,
          `${dataBytes}`,
        );
      }
      const section = this.sections[piece.section];
      if (
        section === undefined || piece.bytes > PIECE_BYTES_MAX ||
        piece.offset + piece.bytes > section.bytes
      ) throw damaged(this.#path, position, "a piece of a section", "another");
      this.#pieces[piece.section]!.push({
        ...piece,
        position: position + PIECE_HEADER_BYTES,
      });
      dataBytes += piece.bytes;
      position += padded(PIECE_HEADER_BYTES + piece.bytes);
    }
  }

  /** Up to `bytes` bytes; fewer at the end of the file. */
  #readBytes(position: number, bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(Math.max(bytes, 1));
    const got = this.#readTo(addressOf(buffer), bytes, position);
    return buffer.subarray(0, got);
  }

  #readTo(address: number, bytes: number, position: number): number {
    return unwrap(
      this.#files.read(this.#fd, address, bytes, position),
      `read '${this.#path}' at ${position}`,
      "The disk may be failing: look at the kernel's log",
    );
  }

  #readPiece(piece: PlacedPiece, address: number): void {
    const got = this.#readTo(address, piece.bytes, piece.position);
    if (got !== piece.bytes) {
      throw damaged(
        this.#path,
        piece.position,
        `${piece.bytes} bytes`,
        `${got} bytes`,
      );
    }
    const found = crc32c(address, got);
    if (found === piece.crc32c) return;
    throw damaged(
      this.#path,
      piece.position,
      `CRC ${piece.crc32c}`,
      `CRC ${found}`,
    );
  }

  #fill(place: number, target: Uint8Array<ArrayBuffer>): void {
    if (target.length === 0) return;
    const address = addressOf(target);
    let end = 0;
    for (const piece of this.#pieces[place]!) {
      clear(target, end, piece.offset);
      this.#readPiece(piece, address + piece.offset);
      end = piece.offset + piece.bytes;
    }
    clear(target, end, target.length);
  }
}

/** Makes bytes zero, without touching pages that are. */
function clear(target: Uint8Array, from: number, to: number): void {
  const first = target.byteOffset + from;
  const whole = (to - from) & ~3;
  if ((first & 3) !== 0) {
    target.fill(0, from, to);
    return;
  }
  const words = new Int32Array(target.buffer, first, whole >>> 2);
  for (let at = 0; at < words.length; at += PAGE_WORDS) {
    const end = Math.min(words.length, at + PAGE_WORDS);
    if (!isZero(words, at, end)) words.fill(0, at, end);
  }
  target.fill(0, from + whole, to);
}
