// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a snapshot looks like on disk: a header, what it is of as JSON, then
 * pieces of its sections, then an end.
 *
 * ```
 *   header 64 | JSON, padded | piece | bytes, padded | piece | bytes ... | end
 * ```
 *
 * A piece's header carries the CRC32C of its bytes and that of the piece
 * header before it: a lost, swapped or foreign piece breaks the chain, and a
 * file without its end is none. Runs of zero pages have no piece. Cold path.
 *
 * @module
 */
import { crc32cOf } from "../../ffi/crc32c.ts";

/** Layout of the file; not of what the sections hold. */
export const SNAPSHOT_FORMAT = 1;
/**
 * Layout of what the sections hold. One more whenever a part saves other
 * bytes: a snapshot of another layout is not read.
 */
export const SNAPSHOT_LAYOUT = 2;
/** Bytes of the header, and what every part is padded to. */
export const HEADER_BYTES = 64;
/** Bytes of a piece's header. */
export const PIECE_HEADER_BYTES = 32;
/** The longest piece. */
export const PIECE_BYTES_MAX = 1 << 20;
/** Section number of the end. */
export const END_SECTION = 0xffffffff;

const MAGIC = new TextEncoder().encode("FERRSNAP");
const PIECE_MAGIC = 0x43454950;

/** What a snapshot is of. Written down as JSON. */
export interface SnapshotMeta {
  /** Of the last command in it, with its time. */
  readonly sequence: number;
  readonly timeLo: number;
  readonly timeHi: number;
  /** Of the journal, after that command. */
  readonly chainLo: number;
  readonly chainHi: number;
  /** Digest of all events up to there, and how many they are. */
  readonly digestLo: number;
  readonly digestHi: number;
  readonly events: number;
  /** Of the exchange, 32 hexadecimal digits. */
  readonly stateHash: string;
  /** Version of the program that took it: for people. */
  readonly build: string;
  /** `SNAPSHOT_LAYOUT`. */
  readonly layout: number;
  /** `[capacity]` as far as it shapes what the sections hold. */
  readonly capacity: Readonly<Record<string, number>>;
  /** Sessions that are defined; those that a gateway served, by its place. */
  readonly defined: readonly string[];
  readonly served: readonly (readonly [string, number])[];
  /** Files that it needs beside it, and how long they are at least. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly orders: number;
}

/** A section in the file's own table. */
export interface SectionEntry {
  readonly name: string;
  readonly bytes: number;
}

/** What stands at the start of a file. */
export interface SnapshotHead {
  readonly meta: SnapshotMeta;
  readonly sections: readonly SectionEntry[];
}

/** One piece, as its header says. */
export interface Piece {
  /** Place of its section in the table, or `END_SECTION`. */
  readonly section: number;
  /** Where its bytes belong in the section; of the end: bytes of all pieces. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc32c: number;
}

/** A snapshot that can not be used: where, what was expected, what was found. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

/** Bytes with what pads them. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / HEADER_BYTES) * HEADER_BYTES;
}

/** Header and JSON, padded. */
export function encodeHead(head: SnapshotHead): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(HEADER_BYTES + padded(json.length));
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes.set(json, HEADER_BYTES);
  view.setUint32(8, SNAPSHOT_FORMAT, true);
  view.setUint32(12, json.length, true);
  view.setUint32(16, crc32cOf(json), true);
  view.setUint32(20, crc32cOf(bytes.subarray(0, 20)), true);
  return bytes;
}

/**
 * Length of the JSON behind a header.
 *
 * @throws {SnapshotError} If it is none, damaged, or of another format.
 */
export function decodeHeader(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): { jsonBytes: number; jsonCrc32c: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (
    bytes.length < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)
  ) throw damaged(path, 0, "FERRSNAP", "something else");
  const expected = crc32cOf(bytes.subarray(0, 20));
  const found = view.getUint32(20, true);
  if (found !== expected) {
    throw damaged(path, 20, `CRC ${expected}`, `CRC ${found}`);
  }
  const format = view.getUint32(8, true);
  if (format !== SNAPSHOT_FORMAT) {
    throw new SnapshotError(
      `Snapshot '${path}' is of format ${format}, this build reads ` +
        `${SNAPSHOT_FORMAT}: another version of the program took it`,
    );
  }
  return {
    jsonBytes: view.getUint32(12, true),
    jsonCrc32c: view.getUint32(16, true),
  };
}

/** Writes a piece's header; returns the chain after it. */
export function encodePiece(
  target: Uint8Array<ArrayBuffer>,
  piece: Piece,
  chain: number,
): number {
  const view = new DataView(target.buffer, target.byteOffset);
  view.setUint32(0, PIECE_MAGIC, true);
  view.setUint32(4, piece.section, true);
  view.setFloat64(8, piece.offset, true);
  view.setUint32(16, piece.bytes, true);
  view.setUint32(20, piece.crc32c, true);
  view.setUint32(24, chain, true);
  const own = crc32cOf(target.subarray(0, 28));
  view.setUint32(28, own, true);
  return own;
}

/**
 * Reads a piece's header at `offset` of the file; `chain` is that before it.
 *
 * @throws {SnapshotError} If it is none, damaged, or does not belong here.
 */
export function decodePiece(
  bytes: Uint8Array<ArrayBuffer>,
  chain: number,
  path: string,
  offset: number,
): { piece: Piece; chain: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes.length < PIECE_HEADER_BYTES) {
    throw damaged(path, offset, "a piece or the end", "the end of the file");
  }
  const own = crc32cOf(bytes.subarray(0, 28));
  if (
    view.getUint32(0, true) !== PIECE_MAGIC || view.getUint32(28, true) !== own
  ) throw damaged(path, offset, "the header of a piece", "something else");
  const before = view.getUint32(24, true);
  if (before !== chain) {
    throw damaged(
      path,
      offset,
      `a piece after ${chain}`,
      `one after ${before}`,
    );
  }
  const piece = {
    section: view.getUint32(4, true),
    offset: view.getFloat64(8, true),
    bytes: view.getUint32(16, true),
    crc32c: view.getUint32(20, true),
  };
  return { piece, chain: own };
}

/** A file that is not as it was written. */
export function damaged(
  path: string,
  offset: number,
  expected: string,
  found: string,
): SnapshotError {
  return new SnapshotError(
    `Snapshot '${path}' is damaged at ${offset}: expected ${expected}, found ` +
      `${found}. The disk or the file system may be failing`,
  );
}
