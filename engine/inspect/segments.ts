// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the segments of a folder say about themselves.
 *
 * It reads headers, and the newest segment to its end. Cold path; allocates.
 *
 * @module
 */
import {
  JournalReader,
  listSegments,
  NativeJournalFiles,
  readHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "../journal/mod.ts";
import { SegmentChunk } from "../journal/chunk.ts";
import type { RecordObject } from "./record_text.ts";
import { hexWords, isoTime, nanoseconds } from "./units.ts";

const CHUNK_BYTES = 4096;

/** How many segments a folder has, and the first sequence in them. */
export function segmentRange(
  directory: string,
): { readonly count: number; readonly first: number } {
  const names = listSegments(directory);
  return { count: names.length, first: names[0] ?? 1 };
}

/** The header of a segment, and how large its file is. */
function headerOf(path: string): { header: SegmentHeader; bytes: number } {
  const files = new NativeJournalFiles();
  const chunk = new SegmentChunk(files, CHUNK_BYTES);
  const fd = files.openRead(path);
  try {
    chunk.open(path);
    const got = chunk.read(0, SEGMENT_HEADER_BYTES);
    const header = readHeader(chunk.buffer, chunk.address, got, path);
    return { header, bytes: files.size(fd) };
  } finally {
    files.close(fd);
    chunk.dispose();
    files.dispose();
  }
}

/** Sequence of the last whole command from a segment on. */
function lastFrom(directory: string, first: number): number {
  const reader = new JournalReader({ directory, fromSequence: first });
  try {
    while (reader.next());
    return reader.nextSequence - 1;
  } finally {
    reader.dispose();
  }
}

/** The segments of a folder, oldest first. */
export function segmentObjects(directory: string): RecordObject[] {
  const names = listSegments(directory);
  return names.map((first, place) => {
    const name = segmentName(first);
    const { header, bytes } = headerOf(`${directory}/${name}`);
    const next = names[place + 1];
    const last = next === undefined ? lastFrom(directory, first) : next - 1;
    const created = nanoseconds(header.createdLo, header.createdHi);
    return {
      record: "segment",
      name,
      index: header.index,
      epoch: header.epoch,
      first,
      last,
      commands: last - first + 1,
      bytes,
      created: isoTime(created),
      chain: hexWords(...header.chain),
    };
  });
}
