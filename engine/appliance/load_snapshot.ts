// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Loads a part of the snapshot that a start begins with: each thread reads its
 * own sections from the file, so that they load side by side.
 *
 * @module
 */
import {
  readerFor,
  type SectionReader,
  SnapshotReader,
} from "../snapshot/mod.ts";
import type { Workshop } from "./workshop.ts";

/** Loads the sections of a part, if there is a snapshot; returns the milliseconds it took. */
export function loadSnapshot(
  workshop: Workshop,
  part: string,
  load: (from: SectionReader) => void,
): number {
  const { snapshot, log } = workshop;
  if (snapshot === undefined) return 0;
  const started = performance.now();
  const reader = new SnapshotReader(snapshot.path);
  try {
    load(readerFor(part, reader));
  } finally {
    reader.dispose();
  }
  const ms = Math.round(performance.now() - started);
  log.info("snapshot loaded", { part, sequence: snapshot.sequence, ms });
  return ms;
}
