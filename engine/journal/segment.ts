// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a journal looks like on disk: a directory of segment files, each named
 * after its first sequence, each with a 64-byte header and then groups: commands
 * as they lie in a ring, `length` bytes each, and a seal; then zeros or the end.
 *
 * ```
 *   00000000000000000001.journal   header | command command seal | command seal | zeros
 *   00000000000000830211.journal   header | command command ...
 *   next.prepared                  zeros: becomes the next segment
 * ```
 *
 * A group is what one call wrote: it is there with its seal, or it is not. Each
 * seal carries the chain, a mix of the chain before, of a secret that is the
 * same in all headers of a journal, and of the group's commands; a header
 * carries the chain at its start. So a group that is lost, swapped or of another
 * place is noticed, and nothing that a client sends can look like a seal.
 *
 * Cold path; allocates.
 *
 * @module
 */
import { crc32c } from "../../ffi/crc32c.ts";
import { JournalDamageError } from "./damage.ts";
import { type JournalFiles, NativeJournalFiles } from "./files.ts";

/** Bytes of a segment's header. */
export const SEGMENT_HEADER_BYTES = 64;
/** The layout that this program writes and reads. */
export const JOURNAL_VERSION = 2;
/** The file that becomes the next segment. */
export const PREPARED_NAME = "next.prepared";

const MAGIC = new TextEncoder().encode("FERRJRNL");
const NAME = /^(\d{20})\.journal$/;

// Byte offsets in the header.
const VERSION_U32 = 8;
const INDEX_U32 = 12;
const FIRST_SEQUENCE_F64 = 16;
const EPOCH_U32 = 24;
const CREATED_LO_U32 = 32;
const CREATED_HI_U32 = 36;
const SECRET_LO_U32 = 40;
const SECRET_HI_U32 = 44;
const CHAIN_LO_U32 = 48;
const CHAIN_HI_U32 = 52;
const CRC32C_U32 = 60;

/** 64 bits: low and high word. */
export type Words = readonly [number, number];

/** What a header tells. */
export interface SegmentHeader {
  /** 0 and up, without gaps. */
  readonly index: number;
  /** Sequence of the first command in it. */
  readonly firstSequence: number;
  /** Number of the run that made it, 1 and up. */
  readonly epoch: number;
  /** Nanoseconds since 1970. */
  readonly createdLo: number;
  readonly createdHi: number;
  /** The journal's, drawn when it began. */
  readonly secret: Words;
  /** Of all groups before this segment. */
  readonly chain: Words;
}

/** File name of the segment that starts with this sequence. */
export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(20, "0")}.journal`;
}

/**
 * First sequences of the segments in a directory, ascending.
 *
 * @param files The disk; the machine's own if not given.
 * @throws {JournalDamageError} If a segment's name is none.
 */
export function listSegments(
  directory: string,
  files: JournalFiles = new NativeJournalFiles(),
): number[] {
  const sequences: number[] = [];
  for (const entry of files.list(directory)) {
    if (!entry.name.endsWith(".journal")) continue;
    const match = NAME.exec(entry.name);
    const sequence = Number(match?.[1]);
    if (!entry.isFile || match === null || !Number.isSafeInteger(sequence)) {
      throw new JournalDamageError({
        kind: "NAME",
        segment: `${directory}/${entry.name}`,
        offset: 0,
        expected: "a file named by 20 digits and .journal",
        found: entry.isFile ? entry.name : "no file",
        remedy: "Move it elsewhere if it is not the journal's",
      });
    }
    sequences.push(sequence);
  }
  return sequences.sort((a, b) => a - b);
}

/** Writes a header with its CRC to the 64 bytes at `offset`, which lie at `address`. */
export function writeHeader(
  memory: ArrayBuffer,
  offset: number,
  address: number,
  header: SegmentHeader,
): void {
  const bytes = new Uint8Array(memory, offset, SEGMENT_HEADER_BYTES);
  const view = new DataView(memory, offset, SEGMENT_HEADER_BYTES);
  bytes.fill(0);
  bytes.set(MAGIC);
  view.setUint32(VERSION_U32, JOURNAL_VERSION, true);
  view.setUint32(INDEX_U32, header.index, true);
  view.setFloat64(FIRST_SEQUENCE_F64, header.firstSequence, true);
  view.setUint32(EPOCH_U32, header.epoch, true);
  view.setUint32(CREATED_LO_U32, header.createdLo, true);
  view.setUint32(CREATED_HI_U32, header.createdHi, true);
  view.setUint32(SECRET_LO_U32, header.secret[0], true);
  view.setUint32(SECRET_HI_U32, header.secret[1], true);
  view.setUint32(CHAIN_LO_U32, header.chain[0], true);
  view.setUint32(CHAIN_HI_U32, header.chain[1], true);
  view.setUint32(CRC32C_U32, crc32c(address, CRC32C_U32), true);
}

/**
 * Reads the header at the start of `memory`, which lies at `address`.
 *
 * @param bytes How much of the segment is there.
 * @param segment Path, for errors.
 * @throws {JournalDamageError} If it is short, not a journal's, damaged, or of
 *   another version.
 */
export function readHeader(
  memory: ArrayBuffer,
  address: number,
  bytes: number,
  segment: string,
): SegmentHeader {
  if (bytes < SEGMENT_HEADER_BYTES) {
    throw headerError(
      segment,
      0,
      `${SEGMENT_HEADER_BYTES} bytes of header`,
      `${bytes} bytes`,
    );
  }
  const view = new DataView(memory, 0, SEGMENT_HEADER_BYTES);
  const magic = new Uint8Array(memory, 0, MAGIC.length);
  if (magic.some((byte, at) => byte !== MAGIC[at])) {
    const found = Array.from(
      magic,
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    throw headerError(segment, 0, "FERRJRNL", found.join(" "), "MAGIC");
  }
  const expected = crc32c(address, CRC32C_U32);
  const found = view.getUint32(CRC32C_U32, true);
  if (found !== expected) {
    throw headerError(segment, CRC32C_U32, `CRC ${expected}`, `CRC ${found}`);
  }
  const version = view.getUint32(VERSION_U32, true);
  if (version !== JOURNAL_VERSION) {
    throw new JournalDamageError({
      kind: "VERSION",
      segment,
      offset: VERSION_U32,
      expected: `version ${JOURNAL_VERSION}`,
      found: `version ${version}`,
      remedy:
        "Another version of the program wrote it: start that one, or begin " +
        "with an empty data directory",
    });
  }
  return {
    index: view.getUint32(INDEX_U32, true),
    firstSequence: view.getFloat64(FIRST_SEQUENCE_F64, true),
    epoch: view.getUint32(EPOCH_U32, true),
    createdLo: view.getUint32(CREATED_LO_U32, true),
    createdHi: view.getUint32(CREATED_HI_U32, true),
    secret: [
      view.getUint32(SECRET_LO_U32, true),
      view.getUint32(SECRET_HI_U32, true),
    ],
    chain: [
      view.getUint32(CHAIN_LO_U32, true),
      view.getUint32(CHAIN_HI_U32, true),
    ],
  };
}

function headerError(
  segment: string,
  offset: number,
  expected: string,
  found: string,
  kind: "MAGIC" | "HEADER" = "HEADER",
): JournalDamageError {
  return new JournalDamageError({
    kind,
    segment,
    offset,
    expected,
    found,
    remedy: "Restore the segment from a replica or backup",
  });
}
