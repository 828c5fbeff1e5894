// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A disk that a process writes through the kernel's page cache, and that
 * outlives the process.
 *
 * ```
 *   write ─▶ cached ──sync──▶ stored        kill: cached stays
 *                └──power cut: each 512-byte sector kept, lost or torn──▶ stored
 * ```
 *
 * Names in the directory are stored by a sync of the directory; at a power cut
 * a random number of the changes since then survive, in their order. Faults
 * are told beforehand: the next write, sync or new file fails; syncs take long;
 * there is no room; the next sync stores its sectors in the wrong place. After
 * a failed sync the kernel believes that the data are stored and never stores
 * them: what was cached shows, and is gone after a power cut.
 *
 * @module
 */
import type { Random } from "../oracle/random.ts";

export const SECTOR_BYTES = 512;

/** A file, whatever its names are. */
export class SimFile {
  /** As processes see it. */
  cached: Uint8Array;
  /** As it is on the medium. */
  stored: Uint8Array;
  /** As the medium would be without misdirected writes and torn sectors. */
  right: Uint8Array;
  /** Sectors that differ from what is stored and that a sync will store. */
  readonly dirty = new Set<number>();
  /** Sectors that a failed sync left behind: no sync will store them. */
  readonly dropped = new Set<number>();

  constructor(bytes: number) {
    this.cached = new Uint8Array(bytes);
    this.stored = new Uint8Array(bytes);
    this.right = new Uint8Array(bytes);
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.cached.length) this.cached = resized(this.cached, end);
    this.cached.set(bytes, position);
    const last = Math.ceil(end / SECTOR_BYTES);
    for (let at = Math.floor(position / SECTOR_BYTES); at < last; at++) {
      this.dirty.add(at);
      this.dropped.delete(at);
    }
  }

  copy(): SimFile {
    const other = new SimFile(0);
    other.cached = this.cached.slice();
    other.stored = this.stored.slice();
    other.right = this.right.slice();
    for (const sector of this.dirty) other.dirty.add(sector);
    for (const sector of this.dropped) other.dropped.add(sector);
    return other;
  }
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  return result;
}

/** A change of a name that is not stored yet. */
type NameChange = (names: Map<string, SimFile>) => void;

/** What a sync will store when it is over. */
interface SyncJob {
  readonly file: SimFile | undefined;
  readonly sectors: readonly (readonly [number, Uint8Array])[];
  readonly bytes: number;
  readonly names: number;
}

/** Where a misdirected sync went, and whether the same file was synced after it. */
export interface Misdirection {
  readonly file: SimFile;
  readonly sectors: readonly number[];
  followed: boolean;
}

/** What goes wrong next. Errors are -errno; 0 = nothing. */
export interface DiskFaults {
  write: number;
  sync: number;
  create: number;
  misdirect: boolean;
  /** A power cut may leave a sector partly written; a good disk never does. */
  tearSectors: boolean;
  /** Ticks that a sync takes at most. */
  syncTicksMax: number;
  /** Bytes of all files at most. */
  capacityBytes: number;
}

/** The medium, its cache, and its faults. One directory. */
export class SimDisk {
  readonly faults: DiskFaults = {
    write: 0,
    sync: 0,
    create: 0,
    misdirect: false,
    tearSectors: false,
    syncTicksMax: 3,
    capacityBytes: Infinity,
  };
  misdirection: Misdirection | undefined;
  /** A power cut left sectors that are partly written, and no recovery has cut them off yet. */
  torn = false;
  /** Things that happened, by name. */
  readonly counts = new Map<string, number>();
  readonly random: Random;
  #names = new Map<string, SimFile>();
  #storedNames = new Map<string, SimFile>();
  #nameChanges: NameChange[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  get names(): ReadonlyMap<string, SimFile> {
    return this.#names;
  }

  /** Names that survive whatever happens now. */
  get storedNames(): ReadonlyMap<string, SimFile> {
    return this.#storedNames;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const file of this.#names.values()) sum += file.cached.length;
    return sum;
  }

  /** A disk with the same content, to try something on. */
  copy(): SimDisk {
    const other = new SimDisk(this.random);
    const files = new Map<SimFile, SimFile>();
    const twin = (file: SimFile): SimFile => {
      const known = files.get(file) ?? file.copy();
      files.set(file, known);
      return known;
    };
    for (const [name, file] of this.#names) other.#names.set(name, twin(file));
    for (const [name, file] of this.#storedNames) {
      other.#storedNames.set(name, twin(file));
    }
    return other;
  }

  change(change: NameChange): void {
    change(this.#names);
    this.#nameChanges.push(change);
  }

  /** A sync as it starts: what is dirty now will be stored when it is over. */
  begin(file: SimFile | undefined, names: boolean): SyncJob {
    const sectors = file === undefined ? [] : [...file.dirty]
      .sort((a, b) => a - b)
      .map((at) => [at, sectorOf(file.cached, at).slice()] as const);
    return {
      file,
      sectors,
      bytes: file?.cached.length ?? 0,
      names: names ? this.#nameChanges.length : 0,
    };
  }

  /**
   * The sync is over.
   *
   * @param what An error is counted as.
   * @returns 0 or -errno.
   */
  finish(job: SyncJob, what = "failed sync"): number {
    const { file, sectors } = job;
    const error = this.faults.sync;
    if (error !== 0) {
      this.faults.sync = 0;
      this.count(what);
      for (const [at] of sectors) {
        // Some of it may have been stored before the error.
        if (this.random.draw(2) === 0) this.#store(file!, sectors, at);
        file!.dirty.delete(at);
        file!.dropped.add(at);
      }
      return error;
    }
    if (file !== undefined) {
      if (file.stored.length !== job.bytes) {
        file.stored = resized(file.stored, job.bytes);
        file.right = resized(file.right, job.bytes);
      }
      if (this.misdirection?.file === file && sectors.length > 0) {
        this.misdirection.followed = true;
      }
      if (this.#misdirects(file, sectors)) this.#misdirect(file, sectors);
      else for (const [at] of sectors) this.#store(file, sectors, at);
      for (const [at, bytes] of sectors) {
        if (same(sectorOf(file.cached, at), bytes)) file.dirty.delete(at);
      }
    }
    for (const change of this.#nameChanges.splice(0, job.names)) {
      change(this.#storedNames);
    }
    return 0;
  }

  /** The power goes: what was not stored is kept, lost or torn. */
  powerCut(): void {
    const { random } = this;
    const survive = random.draw(this.#nameChanges.length + 1);
    for (const change of this.#nameChanges.splice(0).slice(0, survive)) {
      change(this.#storedNames);
    }
    this.#names = new Map(this.#storedNames);
    const files = new Set([...this.#names.values()]);
    for (const file of files) {
      if (file.stored.length !== file.cached.length && random.draw(2) === 0) {
        file.stored = resized(file.stored, file.cached.length);
        file.right = resized(file.right, file.cached.length);
      }
      const unsure = [...file.dirty, ...file.dropped].sort((a, b) => a - b);
      // All alike sometimes, so that whole groups are kept or lost, too.
      const manner = random.draw(4);
      for (const at of unsure) this.#settle(file, at, manner);
      file.dirty.clear();
      file.dropped.clear();
      file.cached = file.stored.slice();
    }
  }

  /** What was misdirected is put right, as from a backup. Only after a power cut. */
  restore(): void {
    for (const file of this.#names.values()) {
      file.stored = file.right.slice();
      file.cached = file.right.slice();
    }
    this.misdirection = undefined;
    this.torn = false;
  }

  #settle(file: SimFile, at: number, manner: number): void {
    const { random } = this;
    const cached = sectorOf(file.cached, at);
    const fate = manner < 2
      ? manner
      : this.faults.tearSectors
      ? random.draw(3)
      : random.draw(2);
    if (fate === 0) return this.count("lost sector");
    const target = sectorOf(file.stored, at);
    if (fate === 2) {
      this.count("torn sector");
      this.torn = true;
      const bytes = random.draw(target.length + 1);
      target.set(cached.subarray(0, bytes));
      return;
    }
    const whole = cached.subarray(0, target.length);
    target.set(whole);
    sectorOf(file.right, at).set(whole);
  }

  #misdirects(
    file: SimFile,
    sectors: readonly (readonly [number, Uint8Array])[],
  ): boolean {
    // A sync that stores a header or name makes a file that can not be found at all.
    const wanted = this.faults.misdirect && this.misdirection === undefined &&
      sectors.length > 0 && sectors.every(([at]) => at > 0) &&
      file.stored.length > 16 * SECTOR_BYTES;
    if (wanted) this.faults.misdirect = false;
    return wanted;
  }

  #misdirect(
    file: SimFile,
    sectors: readonly (readonly [number, Uint8Array])[],
  ): void {
    this.count("misdirected write");
    const count = Math.floor(file.stored.length / SECTOR_BYTES);
    const shift = 1 + this.random.draw(count - 2);
    for (const [at, bytes] of sectors) {
      const wrong = 1 + (at + shift) % (count - 1);
      sectorOf(file.stored, wrong).set(bytes);
      sectorOf(file.right, at).set(bytes);
    }
    const places = sectors.map(([at]) => at);
    this.misdirection = { file, sectors: places, followed: false };
  }

  #store(
    file: SimFile,
    sectors: readonly (readonly [number, Uint8Array])[],
    at: number,
  ): void {
    const bytes = sectors.find(([sector]) => sector === at)![1];
    for (const content of [file.stored, file.right]) {
      const target = sectorOf(content, at);
      target.set(bytes.subarray(0, target.length));
    }
  }
}

function sectorOf(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
