// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Checks a whole archive: that every byte is as it was written, and that the
 * commands still give what they gave.
 *
 * ```
 *   archive  ─▶ SHA256SUMS: a line for each segment, a segment for each line
 *   segments ─▶ headers, order, CRC, seals, chain
 *            └▶ Replica ─▶ CHECKPOINT: digest, state hash
 *   snapshots ─▶ CRC ─▶ load ─▶ state hash ─▶ equal to the replay's there
 * ```
 *
 * It only reads, also while an appliance writes. The first damage of the
 * journal ends the look at it: nothing behind it can be trusted. Snapshots are
 * looked at one by one.
 *
 * @module
 */
import { CheckpointError } from "../appliance/checkpoint.ts";
import { unchainedReason } from "../appliance/snapshots.ts";
import { InvariantError } from "../assert.ts";
import type { Config } from "../config/mod.ts";
import { JournalDamageError } from "../journal/mod.ts";
import { CMD_DETAIL_U8, CMD_KIND_U8, CommandKind } from "../record/mod.ts";
import { SnapshotError } from "../snapshot/mod.ts";
import { type Archive, archiveAt, isFolder, prunedRemedy } from "./archive.ts";
import { History, markOf, type StateMark } from "./history.ts";
import { archivedNames, checkManifest, hasManifest } from "./manifest.ts";
import { type FoundFile, snapshotFiles } from "./snapshots.ts";
import { segmentRange } from "./segments.ts";
import { hexWords } from "./units.ts";

/** What is wrong, and where. */
export interface Problem {
  /** Path of the segment or snapshot. */
  readonly file: string;
  /** Byte in it; undefined = it is not about a byte. */
  readonly offset?: number;
  readonly sequence?: number;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
}

/** What was looked at, and what is wrong. */
export interface Verdict {
  readonly directory: string;
  /** Folder of the segments that were moved away; "" = none. */
  readonly archive: string;
  readonly segments: number;
  /** Of them in the archive. */
  readonly archived: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly commands: number;
  readonly checkpoints: number;
  /** Of them with a hash of the whole state. */
  readonly hashes: number;
  /** Snapshots whose bytes are as they were written. */
  readonly snapshots: number;
  /** Of them taken by a build or capacity that can't be loaded here. */
  readonly notLoaded: number;
  /** Commands that were done again. */
  readonly replayed: number;
  /** Bytes at the end that are no whole group. */
  readonly tornBytes: number;
  readonly stateHash: string;
  readonly problems: readonly Problem[];
}

/** How an archive is checked. */
export interface VerifyOptions {
  readonly config: Config;
  readonly directory: string;
  /** Folder of the segments that were moved away; "" or left out = none. */
  readonly archived?: string;
  /** Without doing the commands again. */
  readonly quick: boolean;
  readonly progress: (text: string) => void;
}

const CAPACITY =
  "If the appliance has more room than the defaults give, name its " +
  "configuration with --config";

/** Checks one archive. */
export function verify(options: VerifyOptions): Verdict {
  const archive = archiveAt(options.directory, options.archived);
  const walk = new Walk(options, archive);
  return walk.run();
}

/** Counts and problems of one archive. */
class Walk {
  readonly #options: VerifyOptions;
  readonly #archive: Archive;
  readonly #history: History;
  readonly #problems: Problem[] = [];
  #commands = 0;
  #checkpoints = 0;
  #hashes = 0;
  #last = 0;
  #tornBytes = 0;
  #notLoaded = 0;

  constructor(options: VerifyOptions, archive: Archive) {
    this.#options = options;
    this.#archive = archive;
    this.#history = new History({ ...options, archive });
  }

  run(): Verdict {
    const segments = segmentRange(this.#archive);
    this.#last = segments.first - 1;
    const archived = this.#checkArchived(segments.first);
    const snapshots = this.#checkFiles();
    const whole = this.#checkJournal();
    if (whole) this.#checkChains(snapshots);
    const replay = whole && !this.#options.quick
      ? this.#replay(snapshots)
      : { replayed: 0, stateHash: "" };
    return {
      directory: this.#options.directory,
      archive: this.#archive.archived,
      archived,
      segments: segments.count,
      firstSequence: segments.first,
      lastSequence: this.#last,
      commands: this.#commands,
      checkpoints: this.#checkpoints,
      hashes: this.#hashes,
      snapshots: snapshots.length,
      notLoaded: this.#notLoaded,
      tornBytes: this.#tornBytes,
      problems: this.#problems,
      ...replay,
    };
  }

  /** The archive and its `SHA256SUMS`. @returns Segments in it. */
  #checkArchived(first: number): number {
    const { archived, journal } = this.#archive;
    // The folder may be an archive itself.
    if (hasManifest(journal)) {
      this.#problems.push(...checkManifest(journal, journal));
    }
    if (archived === "" || archived === journal) return 0;
    if (isFolder(archived)) {
      this.#problems.push(...checkManifest(archived, journal));
      return archivedNames(archived).length;
    }
    // Nothing was archived yet, or it is on a disk that is not there.
    if (first !== 1) {
      this.#problems.push({
        file: archived,
        expected: `the archive, with what came before sequence ${first}`,
        found: "no such folder",
        remedy: prunedRemedy(this.#archive),
      });
    }
    return 0;
  }

  /** Every snapshot file, byte by byte. @returns Those that are whole. */
  #checkFiles(): FoundFile[] {
    const whole: FoundFile[] = [];
    for (const file of snapshotFiles(this.#archive.snapshots)) {
      try {
        file.verify();
        whole.push(file);
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        this.#problems.push({
          file: file.path,
          sequence: file.sequence,
          expected: "a whole snapshot",
          found: error.message,
          remedy: "Remove it: an older one or the journal has everything",
        });
      }
    }
    return whole;
  }

  /** Headers, order, CRC, seals, chain of all segments. */
  #checkJournal(): boolean {
    const source = this.#history.source(this.#history.firstSequence);
    try {
      for (let at = source.next(); at >= 0; at = source.next()) {
        this.#commands++;
        this.#last++;
        const { u8 } = source.views;
        if (u8[at + CMD_KIND_U8] !== CommandKind.CHECKPOINT) continue;
        this.#checkpoints++;
        if (u8[at + CMD_DETAIL_U8] === 1) this.#hashes++;
      }
      this.#tornBytes = source.tail?.bytesDropped ?? 0;
      return true;
    } catch (error) {
      if (!(error instanceof JournalDamageError)) throw error;
      const { segment, offset, expected, found, remedy } = error.damage;
      const sequence = source.nextSequence;
      this.#problems.push({
        file: segment,
        offset,
        sequence,
        expected,
        found,
        remedy,
      });
      return false;
    } finally {
      source.dispose();
    }
  }

  /** That the journal goes on from each snapshot. */
  #checkChains(snapshots: readonly FoundFile[]): void {
    const { journal, files } = this.#archive;
    for (const { path, sequence, meta } of snapshots) {
      if (sequence + 1 < this.#history.firstSequence) continue;
      const reason = unchainedReason(meta, journal, files);
      if (reason === "") continue;
      this.#problems.push({
        file: path,
        sequence,
        expected: "a snapshot of this journal",
        found: reason,
        remedy: "Remove it, or bring back the journal that it belongs to",
      });
    }
  }

  /** Does the commands again, and compares with what is written down. */
  #replay(
    snapshots: readonly FoundFile[],
  ): { replayed: number; stateHash: string } {
    const file = this.#archive.journal;
    const marks = new Map<number, StateMark>();
    let replayed = 0;
    let stateHash = "";
    const wanted = new Set(snapshots.map(({ sequence }) => sequence));
    try {
      const moment = this.#history.at(undefined, {
        beforeSequence: this.#history.firstSequence + 1,
        marksAt: wanted,
        marks,
      });
      replayed = moment.commands;
      stateHash = moment.replica.stateHash();
      moment.replica.dispose();
    } catch (error) {
      this.#problems.push({ file, ...problemOf(error) });
    }
    for (const snapshot of snapshots) this.#checkSnapshot(snapshot, marks);
    return { replayed, stateHash };
  }

  /** Loads a snapshot and compares it with itself, and with the replay. */
  #checkSnapshot(
    snapshot: FoundFile,
    marks: ReadonlyMap<number, StateMark>,
  ): void {
    const { sequence, path, meta } = snapshot;
    const says = markText({
      stateHash: meta.stateHash,
      digest: hexWords(meta.digestLo, meta.digestHi),
      events: meta.events,
    });
    const wrong = (expected: string, found: string): void => {
      const remedy = "Remove it: the journal has everything";
      this.#problems.push({ file: path, sequence, expected, found, remedy });
    };
    const reason = this.#history.unfitReason(meta);
    if (reason !== "") {
      this.#notLoaded++;
      this.#history.note(`snapshot ${path} can't be loaded: ${reason}`);
    } else {
      const loaded = this.#history.load(snapshot);
      const found = markText(markOf(loaded));
      loaded.dispose();
      if (found !== says) {
        wrong(`${says}, as it says itself`, `${found} when it is loaded`);
      }
    }
    const mark = marks.get(sequence);
    if (mark === undefined || markText(mark) === says) return;
    wrong(`${markText(mark)}, as the journal gives`, says);
  }
}

function markText({ stateHash, digest, events }: StateMark): string {
  return `state hash ${stateHash}, digest ${digest} of ${events} events`;
}

/** What stopped a replay. */
function problemOf(error: unknown): Omit<Problem, "file"> {
  if (error instanceof CheckpointError) {
    const { sequence, expected, found } = error;
    return { sequence, expected, found, remedy: error.message };
  }
  if (error instanceof InvariantError) {
    return {
      expected: "commands that this build and configuration can do",
      found: error.message,
      remedy: CAPACITY,
    };
  }
  throw error;
}
