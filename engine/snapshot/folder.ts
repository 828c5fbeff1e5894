// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The folder of snapshots: which there are, which is the newest that can be
 * used, and which may go.
 *
 * ```
 *   00000000000000830211.snapshot   named after its last sequence
 *   00000000000000830999.partial    not finished: nothing
 *   outbound/                       what sessions were sent, as far as snapshots name it
 * ```
 *
 * Cold path; any thread.
 *
 * @module
 */
import { type JournalFiles, NativeJournalFiles } from "../journal/mod.ts";
import { SnapshotError, type SnapshotMeta } from "./format.ts";
import { SnapshotReader } from "./reader.ts";

const NAME = /^(\d{20})\.snapshot$/;

/** A snapshot in a folder. */
export interface FoundSnapshot {
  readonly path: string;
  readonly meta: SnapshotMeta;
  /** Bytes of the file. */
  readonly bytes: number;
}

/** Name of a snapshot after this command, without its ending. */
export function snapshotName(sequence: number): string {
  return String(sequence).padStart(20, "0");
}

/** Sequences of the snapshots in a folder, newest first; none if there is no folder. */
export function listSnapshots(
  directory: string,
  files: JournalFiles = new NativeJournalFiles(),
): number[] {
  return entriesOf(directory, files)
    .map((name) => Number(NAME.exec(name)?.[1] ?? NaN))
    .filter((sequence) => Number.isSafeInteger(sequence))
    .sort((a, b) => b - a);
}

function entriesOf(directory: string, files: JournalFiles): string[] {
  try {
    return files.list(directory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What `newestSnapshot()` looks for. */
export interface NewestOptions {
  readonly files?: JournalFiles;
  /** Why a snapshot is of no use here; "" = it is. */
  readonly unfit: (meta: SnapshotMeta) => string;
  /** Told of each snapshot that was passed over, and why. */
  readonly onPassedOver: (path: string, reason: string) => void;
}

/** The newest snapshot that is whole and of use; every byte of it was read. */
export function newestSnapshot(
  directory: string,
  options: NewestOptions,
): FoundSnapshot | undefined {
  const files = options.files ?? new NativeJournalFiles();
  for (const sequence of listSnapshots(directory, files)) {
    const path = `${directory}/${snapshotName(sequence)}.snapshot`;
    let reader: SnapshotReader | undefined;
    try {
      reader = new SnapshotReader(path, files);
      const { meta, bytes } = reader;
      const reason = meta.sequence === sequence
        ? options.unfit(meta)
        : `it is of sequence ${meta.sequence}: the file was renamed`;
      if (reason === "") {
        reader.verify();
        return { path, meta, bytes };
      }
      options.onPassedOver(path, reason);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      options.onPassedOver(path, error.message);
    } finally {
      reader?.dispose();
    }
  }
  return undefined;
}

/**
 * The command that all snapshots have which can be used: the oldest one's
 * last. Every byte of each is read.
 *
 * @param least So many must be whole.
 * @param unfit Why a snapshot is of no use here; "" = it is.
 * @returns Its sequence; 0 = there are not so many.
 */
export function verifiedSequence(
  directory: string,
  least: number,
  files: JournalFiles = new NativeJournalFiles(),
  unfit: (meta: SnapshotMeta) => string = () => "",
): number {
  const whole = listSnapshots(directory, files).filter((sequence) => {
    const path = `${directory}/${snapshotName(sequence)}.snapshot`;
    let reader: SnapshotReader | undefined;
    try {
      reader = new SnapshotReader(path, files);
      reader.verify();
      const { meta } = reader;
      return meta.sequence === sequence && unfit(meta) === "";
    } catch (error) {
      if (error instanceof SnapshotError) return false;
      throw error;
    } finally {
      reader?.dispose();
    }
  });
  return whole.length < least ? 0 : Math.min(...whole);
}

/**
 * Removes all snapshots but the newest `keep`, whatever was not finished, and
 * the files in `outbound` that neither they nor `needed` name.
 *
 * @param newest The one just taken: what says that it comes after it was
 *   passed over when the run began, of commands that were lost, or of a state
 *   that can't be loaded. It goes too, or it would push out those of use.
 * @throws {NativeError} If something can't be removed.
 */
export function pruneSnapshots(
  directory: string,
  keep: number,
  outbound: string,
  needed: readonly string[],
  files: JournalFiles = new NativeJournalFiles(),
  newest = Infinity,
): void {
  for (const name of entriesOf(directory, files)) {
    if (name.endsWith(".partial")) files.unlink(`${directory}/${name}`);
  }
  const wanted = new Set(needed);
  let kept = 0;
  for (const sequence of listSnapshots(directory, files)) {
    const path = `${directory}/${snapshotName(sequence)}.snapshot`;
    const names = kept < keep && sequence <= newest
      ? filesOf(path, files)
      : undefined;
    if (names === undefined) files.unlink(path);
    else {
      kept += 1;
      for (const name of names) wanted.add(name);
    }
  }
  files.syncDirectory(directory);
  for (const name of entriesOf(outbound, files)) {
    if (name.endsWith(".out") && !wanted.has(name)) {
      files.unlink(`${outbound}/${name}`);
    }
  }
}

/** Files that a snapshot names; undefined if it is damaged. */
function filesOf(
  path: string,
  files: JournalFiles,
): readonly string[] | undefined {
  let reader: SnapshotReader | undefined;
  try {
    reader = new SnapshotReader(path, files);
    return reader.meta.files.map(({ name }) => name);
  } catch (error) {
    if (error instanceof SnapshotError) return undefined;
    throw error;
  } finally {
    reader?.dispose();
  }
}
