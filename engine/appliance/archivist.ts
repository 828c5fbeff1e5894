// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Decides when segments go to the archive: after a snapshot was taken, and
 * only those that every snapshot which may be needed has behind it.
 *
 * ```
 *   snapshot taken ─▶ read all snapshots back ─▶ enough are whole ─▶ one segment a step, oldest first
 * ```
 *
 * The keeper's thread owns it. A disk that refuses is a warning and is asked
 * again later; the segments stay where they are until then.
 *
 * @module
 */
import type { JournalFiles, SegmentArchive } from "../journal/mod.ts";
import { type SnapshotMeta, verifiedSequence } from "../snapshot/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";

export interface ArchivistOptions {
  readonly archive: Pick<SegmentArchive, "moveOne" | "expire">;
  /** Folder of the snapshots. */
  readonly snapshots: string;
  /** Whole snapshots without which nothing is moved. */
  readonly snapshotsMin: number;
  /** Why a start could not begin with a snapshot; "" = it could. Those don't count. */
  readonly unfit: (meta: SnapshotMeta) => string;
  readonly files: JournalFiles;
  readonly lane: CounterLane;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** After a failure. */
const RETRY_MS = 60_000;

/** Moves segments behind snapshots. */
export class Archivist {
  readonly #options: ArchivistOptions;
  /** A run was interrupted, perhaps. */
  #due = true;
  /** Commands up to here may go; -1 = snapshots are to be read first. */
  #sequence = -1;
  #retryMs = 0;

  constructor(options: ArchivistOptions) {
    this.#options = options;
  }

  /** A snapshot was taken: there may be something to do. */
  onSnapshot(): void {
    this.#due = true;
    this.#sequence = -1;
  }

  /**
   * Moves a segment if one may go.
   *
   * @param followed Newest command that its thread has read: none after it goes.
   * @returns true if it did something.
   */
  step(followed: number): boolean {
    const { nowMs, log, lane } = this.#options;
    if (!this.#due || nowMs() < this.#retryMs) return false;
    try {
      return this.#move(followed);
    } catch (error) {
      if (!(error instanceof Error) || error.name === "InvariantError") {
        throw error;
      }
      this.#retryMs = nowMs() + RETRY_MS;
      this.#sequence = -1;
      lane.add(COUNTER.archive_failures_total, 1);
      log.warn("archiving failed, segments stay where they are", {
        error: error.message,
        retryMs: RETRY_MS,
      });
      return true;
    }
  }

  #move(followed: number): boolean {
    const { archive, snapshots, snapshotsMin, files, unfit, lane, log } =
      this.#options;
    if (this.#sequence < 0) {
      const least = snapshotsMin;
      this.#sequence = verifiedSequence(snapshots, least, files, unfit);
    }
    const moved = archive.moveOne(Math.min(this.#sequence, followed));
    if (moved !== undefined) {
      lane.add(COUNTER.segments_archived_total, 1);
      log.info("segment archived", { ...moved, behind: this.#sequence });
      return true;
    }
    this.#due = false;
    for (const name of archive.expire()) log.info("segment expired", { name });
    return true;
  }
}
