// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the parts of an archive are: a data folder with its journal and its
 * snapshots, or a folder that holds nothing but segments.
 *
 * Cold path.
 *
 * @module
 */
import { snapshotDirectory } from "../appliance/build_gateway.ts";
import { journalDirectory } from "../appliance/build_journal.ts";
import { listSegments } from "../journal/mod.ts";

/** Folders of one archive. */
export interface Archive {
  readonly directory: string;
  /** Of the segments. */
  readonly journal: string;
  /** Of the snapshots; it need not be there. */
  readonly snapshots: string;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * The archive in a folder.
 *
 * @throws {Error} If there is none.
 */
export function archiveAt(directory: string): Archive {
  const journal = journalDirectory(directory);
  const snapshots = snapshotDirectory(directory);
  if (isFolder(journal)) return { directory, journal, snapshots };
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
  return { directory, journal: directory, snapshots };
}
