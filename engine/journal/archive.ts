// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Moves full segments from the journal's folder into an archive, each when
 * nobody needs it for a start any more.
 *
 * ```
 *   journal/0001.journal ──copy, sync──▶ archive/0001.journal.partial ──read back, same SHA-256──▶ rename, sync
 *        removed, synced ◀── last ── archive/SHA256SUMS: a line, synced ◀──────────────────────────────┘
 * ```
 *
 * Whatever step a crash interrupts, the next run does it again: a segment is
 * removed only when the archive has a copy with the hash of its line, and that
 * is read back then and there. `sha256sum -c SHA256SUMS` checks an archive.
 * Who calls says up to which command verified snapshots have everything.
 * Cold path, waits for the disk; any thread but the engine's.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { unwrap } from "../../ffi/library.ts";
import { addressOf } from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import {
  type DirectoryEntry,
  type JournalFiles,
  NativeJournalFiles,
} from "./files.ts";
import {
  listSegments,
  readHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./segment.ts";

/** Lines of `sha256sum`. */
export const SUMS_NAME = "SHA256SUMS";

export interface ArchiveOptions {
  /** Folder of the journal. */
  readonly directory: string;
  /** Folder of the archive, which is there. */
  readonly archive: string;
  /** Days after which a segment leaves the archive; 0 = never. */
  readonly keepDays: number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
}

/** A segment that was moved. */
export interface ArchivedSegment {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const CHUNK_BYTES = 1 << 20;
const ENOENT = 2;
const DAY_MS = 86_400_000;
const LINE = /^([0-9a-f]{64}) {2}(\d{20}\.journal)$/;

/** Reads a line of `SHA256SUMS`; undefined if it is none. */
export function readSum(
  line: string,
): { readonly name: string; readonly sha256: string } | undefined {
  const [, sha256, name] = LINE.exec(line) ?? [];
  return name === undefined ? undefined : { name, sha256: sha256! };
}

/** An archive of segments. */
export class SegmentArchive {
  readonly #options: ArchiveOptions;
  readonly #files: JournalFiles;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #address: number;

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#files = options.files ?? new NativeJournalFiles();
    this.#address = addressOf(this.#chunk);
  }

  /**
   * Moves the oldest segment of which every command is at or below `sequence`.
   *
   * @returns undefined if there is none.
   * @throws {NativeError} If a disk refuses; nothing is lost, call again later.
   * @throws {Error} If what was copied is not what is read back.
   */
  moveOne(sequence: number): ArchivedSegment | undefined {
    const { directory, archive } = this.#options;
    const files = this.#files;
    const [first, next] = listSegments(directory, files);
    // The next one tells where this one ends; the last one is being written.
    if (first === undefined || next === undefined) return undefined;
    if (next - 1 > sequence) return undefined;
    const name = segmentName(first);
    const source = `${directory}/${name}`;
    const target = `${archive}/${name}`;
    const sums = this.#readSums();
    const { sha256, bytes } = this.#hash(source);
    const noted = sums.get(name);
    if (
      noted !== undefined && noted !== sha256 && this.#isThere(target, noted)
    ) {
      throw new Error(
        `'${source}' has SHA-256 ${sha256}, its copy in the archive ${noted}. ` +
          "One of them is damaged, or they are of two journals: look at both " +
          "with sha256sum and verify, and move the wrong one away",
      );
    }
    if (noted !== sha256 || !this.#isThere(target, sha256)) {
      this.#copy(source, bytes, target);
      this.#check(target, sha256);
      files.syncDirectory(archive);
      sums.set(name, sha256);
      this.#writeSums(sums);
    }
    files.unlink(source);
    files.syncDirectory(directory);
    return { name, bytes, sha256 };
  }

  /** Removes from the archive what is older than its days. @returns Names. */
  expire(): string[] {
    const { archive, keepDays, nowMs } = this.#options;
    if (keepDays === 0) return [];
    const before = nowMs() - keepDays * DAY_MS;
    const sums = this.#readSums();
    const removed = [...sums.keys()].filter((name) => {
      const created = this.#createdMs(`${archive}/${name}`);
      return created === undefined || created < before;
    });
    if (removed.length === 0) return [];
    for (const name of removed) {
      this.#unlinkIfThere(`${archive}/${name}`);
      sums.delete(name);
    }
    this.#writeSums(sums);
    return removed;
  }

  /** Hash and length of a file. */
  #hash(path: string): { sha256: string; bytes: number } {
    const fd = this.#open(path);
    try {
      const hash = createHash("sha256");
      let bytes = 0;
      for (;;) {
        const count = this.#read(fd, path, bytes);
        if (count === 0) break;
        hash.update(this.#chunk.subarray(0, count));
        bytes += count;
      }
      return { sha256: hash.digest("hex"), bytes };
    } finally {
      this.#files.close(fd);
    }
  }

  #open(path: string): number {
    return unwrap(this.#files.openRead(path), `open '${path}'`);
  }

  #read(fd: number, path: string, position: number): number {
    return unwrap(
      this.#files.read(fd, this.#address, CHUNK_BYTES, position),
      `read '${path}' at ${position}`,
    );
  }

  /** A file with this hash is there. */
  #isThere(path: string, sha256: string): boolean {
    try {
      return this.#hash(path).sha256 === sha256;
    } catch (error) {
      if (error instanceof NativeError && error.code === ENOENT) return false;
      throw error;
    }
  }

  /** Copies under another name, synced, then renames. */
  #copy(source: string, bytes: number, target: string): void {
    const files = this.#files;
    const partial = `${target}.partial`;
    const from = this.#open(source);
    let to = -1;
    try {
      to = unwrap(files.create(partial, bytes, false), `make '${partial}'`);
      this.#refuseOwnFolder(partial, `${source}.partial`);
      for (let at = 0; at < bytes;) {
        const count = this.#read(from, source, at);
        unwrap(
          files.write(to, this.#address, count, at),
          `write '${partial}' at ${at}`,
        );
        at += count;
      }
      unwrap(files.sync(to), `sync '${partial}'`);
    } finally {
      if (to >= 0) files.close(to);
      files.close(from);
    }
    files.rename(partial, target);
  }

  /** A copy over itself would be removed after. */
  #refuseOwnFolder(partial: string, beside: string): void {
    try {
      this.#files.close(this.#open(beside));
    } catch (error) {
      if (error instanceof NativeError && error.code === ENOENT) return;
      throw error;
    }
    this.#files.unlink(partial);
    throw new Error(
      `The archive '${this.#options.archive}' is the journal's own folder: ` +
        "configure another one ([journal] archive_directory)",
    );
  }

  #check(target: string, sha256: string): void {
    const found = this.#hash(target).sha256;
    if (found === sha256) return;
    throw new Error(
      `'${target}' was written with SHA-256 ${sha256} and reads back with ` +
        `${found}. The archive's disk is not to be trusted: look at its ` +
        "errors. The segment stays in the journal",
    );
  }

  /** Hashes by name. A last line that was cut off does not count. */
  #readSums(): Map<string, string> {
    const path = `${this.#options.archive}/${SUMS_NAME}`;
    const sums = new Map<string, string>();
    let fd: number;
    try {
      fd = this.#open(path);
    } catch (error) {
      if (error instanceof NativeError && error.code === ENOENT) return sums;
      throw error;
    }
    let text = "";
    try {
      const decoder = new TextDecoder();
      for (let at = 0;;) {
        const count = this.#read(fd, path, at);
        if (count === 0) break;
        at += count;
        text += decoder.decode(this.#chunk.subarray(0, count), {
          stream: true,
        });
      }
    } finally {
      this.#files.close(fd);
    }
    for (const line of text.split("\n")) {
      const sum = readSum(line);
      if (sum !== undefined) sums.set(sum.name, sum.sha256);
    }
    return sums;
  }

  /** Writes all lines to a new file, which takes the old one's place. */
  #writeSums(sums: ReadonlyMap<string, string>): void {
    const files = this.#files;
    const { archive } = this.#options;
    const path = `${archive}/${SUMS_NAME}`;
    const text = [...sums].toSorted(([a], [b]) => a < b ? -1 : 1)
      .map(([name, sha256]) => `${sha256}  ${name}\n`).join("");
    const bytes = new TextEncoder().encode(text);
    const fd = unwrap(
      files.create(`${path}.partial`, Math.max(1, bytes.length), false),
      `make '${path}.partial'`,
    );
    try {
      if (bytes.length > 0) {
        unwrap(
          files.write(fd, addressOf(bytes), bytes.length, 0),
          `write '${path}.partial'`,
        );
      } else unwrap(files.truncate(fd, 0), `cut '${path}.partial'`);
      unwrap(files.sync(fd), `sync '${path}.partial'`);
    } finally {
      files.close(fd);
    }
    files.rename(`${path}.partial`, path);
    files.syncDirectory(archive);
  }

  /** When a segment was begun; undefined if it is not there. */
  #createdMs(path: string): number | undefined {
    let fd: number;
    try {
      fd = this.#open(path);
    } catch (error) {
      if (error instanceof NativeError && error.code === ENOENT) return;
      throw error;
    }
    try {
      const count = this.#read(fd, path, 0);
      const header = readHeader(
        this.#chunk.buffer,
        this.#address,
        Math.min(count, SEGMENT_HEADER_BYTES),
        path,
      );
      return (header.createdHi * 4294967296 + header.createdLo) / 1e6;
    } finally {
      this.#files.close(fd);
    }
  }

  #unlinkIfThere(path: string): void {
    try {
      this.#files.unlink(path);
    } catch (error) {
      if (!(error instanceof NativeError && error.code === ENOENT)) throw error;
    }
  }
}

/**
 * A disk on which a journal's folder shows its archive's segments too, for who
 * reads a whole journal of which the older part was archived. A segment that is
 * in both is read from the journal's folder.
 */
export class ArchivedJournalFiles extends NativeJournalFiles {
  readonly #directory: string;
  readonly #archive: string;

  constructor(directory: string, archive: string) {
    super();
    this.#directory = directory;
    this.#archive = archive;
  }

  override list(directory: string) {
    const found = super.list(directory);
    if (directory !== this.#directory) return found;
    const names = new Set(found.map(({ name }) => name));
    const more = this.#archived().filter(({ name }) =>
      name.endsWith(".journal") && !names.has(name)
    );
    return [...found, ...more];
  }

  #archived(): DirectoryEntry[] {
    try {
      return super.list(this.#archive);
    } catch (error) {
      // Nothing was archived yet.
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  override openRead(path: string): number {
    try {
      return super.openRead(path);
    } catch (error) {
      const isOurs = path.startsWith(`${this.#directory}/`);
      if (!(error instanceof NativeError) || error.code !== ENOENT || !isOurs) {
        throw error;
      }
      return super.openRead(
        `${this.#archive}${path.slice(this.#directory.length)}`,
      );
    }
  }
}
