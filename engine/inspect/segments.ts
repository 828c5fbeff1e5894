// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the segments of a journal say about themselves, and where they lie.
 *
 * It reads headers, and the newest segment to its end. Cold path; allocates.
 *
 * @module
 */
import {
  type JournalFiles,
  JournalReader,
  readHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "../journal/mod.ts";
import { SegmentChunk } from "../journal/chunk.ts";
import { type Archive, isFile, segmentsOf } from "./archive.ts";
import type { RecordObject } from "./record_text.ts";
import { hexWords, isoTime, nanoseconds } from "./units.ts";

const CHUNK_BYTES = 4096;

/** How many segments there are, and the first sequence in them. */
export function segmentRange(
  archive: Archive,
): { readonly count: number; readonly first: number } {
  const names = segmentsOf(archive);
  return { count: names.length, first: names[0] ?? 1 };
}

/** The header of a segment, and how large its file is. */
function headerOf(
  path: string,
  files: JournalFiles,
): { header: SegmentHeader; bytes: number } {
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
  }
}

/** Sequence of the last whole command from a segment on. */
function lastFrom({ journal, files }: Archive, first: number): number {
  const reader = new JournalReader({
    directory: journal,
    files,
    fromSequence: first,
  });
  try {
    while (reader.next());
    return reader.nextSequence - 1;
  } finally {
    reader.dispose();
  }
}

/** Which of the two folders has a segment. */
function folderOf({ journal, archived }: Archive, name: string): string {
  if (archived === "" || !isFile(`${archived}/${name}`)) return "journal";
  return isFile(`${journal}/${name}`) ? "both" : "archive";
}

/** The segments of a journal and its archive, oldest first. */
export function segmentObjects(archive: Archive): RecordObject[] {
  const { journal, files } = archive;
  const names = segmentsOf(archive);
  return names.map((first, place) => {
    const name = segmentName(first);
    const { header, bytes } = headerOf(`${journal}/${name}`, files);
    const next = names[place + 1];
    const last = next === undefined ? lastFrom(archive, first) : next - 1;
    const created = nanoseconds(header.createdLo, header.createdHi);
    return {
      record: "segment",
      name,
      folder: folderOf(archive, name),
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
