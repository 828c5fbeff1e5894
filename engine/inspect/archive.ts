// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the parts of a history are: a data folder with its journal and its
 * snapshots, or a folder that holds nothing but segments; and the folder that
 * older segments were moved to.
 *
 * ```
 *   archive/  0001 0002 0003 ┐
 *                            ├─ files: one journal, 0001 to 0005
 *   journal/  0004 0005      ┘
 * ```
 *
 * Cold path.
 *
 * @module
 */
import { snapshotDirectory } from "../appliance/build_gateway.ts";
import { journalDirectory } from "../appliance/build_journal.ts";
import {
  ArchivedJournalFiles,
  JournalDamageError,
  type JournalFiles,
  listSegments,
  NativeJournalFiles,
} from "../journal/mod.ts";

/** Folders of one history. */
export interface Archive {
  readonly directory: string;
  /** Of the segments. */
  readonly journal: string;
  /** Of the snapshots; it need not be there. */
  readonly snapshots: string;
  /** Of the segments that were moved away; "" = none is known. It need not be there. */
  readonly archived: string;
  /** A disk on which the journal's folder has all segments. */
  readonly files: JournalFiles;
}

/** What is asked for is older than what is there. */
export class PrunedError extends Error {
  override name = "PrunedError";

  constructor(what: string, archive: Archive) {
    super(`${what}. ${prunedRemedy(archive)}`);
  }
}

/** Where segments that are not there may be. */
export function prunedRemedy({ archived }: Archive): string {
  if (archived === "") {
    return "Older segments may lie in the journal's archive: name its folder " +
      "with --archive DIRECTORY (make: ARCHIVE=), or with --config a " +
      "configuration that has it ([journal] archive_directory)";
  }
  if (!isFolder(archived)) {
    return `The archive '${archived}' is not there: mount it, or name the ` +
      "right folder with --archive DIRECTORY (make: ARCHIVE=)";
  }
  return `The archive '${archived}' has nothing older either: bring the ` +
    "segments back to it from a backup, or name another folder with " +
    "--archive DIRECTORY (make: ARCHIVE=)";
}

/** Whether a folder is there. */
export function isFolder(path: string): boolean {
  return kindOf(path)?.isDirectory ?? false;
}

/** Whether a file is there. */
export function isFile(path: string): boolean {
  return kindOf(path)?.isFile ?? false;
}

function kindOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * The history in a folder.
 *
 * @param archived Folder that its older segments were moved to; "" = none.
 * @throws {Error} If there is none.
 */
export function archiveAt(directory: string, archived = ""): Archive {
  const journal = segmentFolder(directory);
  if (archived !== "") checkReadable(archived);
  return {
    directory,
    journal,
    snapshots: snapshotDirectory(directory),
    archived,
    files: archived === ""
      ? new NativeJournalFiles()
      : new ArchivedJournalFiles(journal, archived),
  };
}

function segmentFolder(directory: string): string {
  const journal = journalDirectory(directory);
  if (isFolder(journal)) return journal;
  if (!isFolder(directory)) {
    throw new Error(
      `No folder '${directory}': give the data folder of an appliance, or a ` +
        "configuration that names it",
    );
  }
  if (listSegments(directory).length === 0) {
    throw new Error(
      `Nothing to read in '${directory}': neither '${journal}' nor a segment ` +
        "(*.journal) is there",
    );
  }
  return directory;
}

/** The make targets may read only what they are told of. */
function checkReadable(archived: string): void {
  try {
    isFolder(archived);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new Error(
      `The archive '${archived}' can't be read: ${error.message}. With make, ` +
        `say ARCHIVE=${archived}`,
      { cause: error },
    );
  }
}

/** First sequences of all segments, ascending. */
export function segmentsOf(archive: Archive): number[] {
  try {
    return listSegments(archive.journal, archive.files);
  } catch (error) {
    throw placed(archive, error);
  }
}

/** Where a file of the journal's folder, as `files` shows it, really is. */
export function placeOf(archive: Archive, path: string): string {
  const { journal, archived } = archive;
  if (archived === "" || !path.startsWith(`${journal}/`)) return path;
  const other = `${archived}${path.slice(journal.length)}`;
  return !isFile(path) && isFile(other) ? other : path;
}

/** The same error, with the place where the segment really is. */
export function placed(archive: Archive, error: unknown): unknown {
  if (!(error instanceof JournalDamageError)) return error;
  const { damage } = error;
  const segment = placeOf(archive, damage.segment);
  if (segment === damage.segment) return error;
  return new JournalDamageError({ ...damage, segment });
}
