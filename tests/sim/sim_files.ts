// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What one process sees of the simulated disk: descriptors, and jobs that take
 * a while. When the process is killed its descriptors are void, and whatever
 * its remains still call does nothing.
 *
 * @module
 */
import { attach } from "../../ffi/mod.ts";
import { NativeError } from "../../ffi/native_error.ts";
import {
  type DirectoryEntry,
  type JournalFiles,
  RUNNING,
} from "../../engine/journal/mod.ts";
import { type SimDisk, SimFile } from "./sim_disk.ts";

const EIO = -5;
const EBADF = -9;
const EBUSY = -16;
const ENOENT = 2;
const ENOSPC = -28;
const DIRECTORY = 1_000_000;

/** A job that is done after so many ticks. */
interface Job {
  ticks: number;
  readonly finish: () => number;
}

/** One process's files. */
export class SimFiles implements JournalFiles {
  /** The process is gone. */
  dead = false;
  readonly #disk: SimDisk;
  readonly #open = new Map<number, SimFile>();
  #nextFd = 3;
  #sync: Job | undefined;
  #synced = 0;
  #preparation: Job | undefined;
  #prepared = 0;

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  /** A moment passes. */
  tick(): void {
    if (this.#sync !== undefined && --this.#sync.ticks <= 0) {
      this.#synced = this.#sync.finish();
      this.#sync = undefined;
    }
    if (this.#preparation !== undefined && --this.#preparation.ticks <= 0) {
      this.#prepared = this.#preparation.finish();
      this.#preparation = undefined;
    }
  }

  list(_directory: string): DirectoryEntry[] {
    return [...this.#disk.names.keys()].map((name) => ({ name, isFile: true }));
  }

  openDirectory(_path: string): number {
    return this.dead ? EIO : DIRECTORY;
  }

  openRead(path: string): number {
    return this.openWrite(path);
  }

  openWrite(path: string): number {
    const file = this.#disk.names.get(nameOf(path));
    if (file === undefined || this.dead) {
      throw new NativeError(`open '${path}'`, ENOENT, "", "");
    }
    return this.#descriptor(file);
  }

  read(fd: number, address: number, bytes: number, position: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || this.dead) return EBADF;
    const part = file.cached.subarray(position, position + bytes);
    if (part.length > 0) new Uint8Array(attach(address, bytes)).set(part);
    return part.length;
  }

  size(fd: number): number {
    return this.#open.get(fd)?.cached.length ?? 0;
  }

  space(_fd: number): number {
    return this.#disk.faults.capacityBytes - this.#disk.usedBytes;
  }

  create(path: string, bytes: number, zero: boolean): number {
    if (this.dead) return EIO;
    return this.#create(path, bytes, zero);
  }

  write(fd: number, address: number, bytes: number, position: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || this.dead) return EBADF;
    const content = new Uint8Array(attach(address, bytes));
    const { faults, random } = this.#disk;
    if (faults.write !== 0) {
      const error = faults.write;
      faults.write = 0;
      this.#disk.count("failed write");
      const whole = (position + random.draw(bytes)) >> 9 << 9;
      if (whole > position) {
        file.write(content.slice(0, whole - position), position);
      }
      return error;
    }
    file.write(content.slice(), position);
    return 0;
  }

  sync(fd: number): number {
    const file = this.#open.get(fd);
    if (this.dead || (file === undefined && fd !== DIRECTORY)) return EBADF;
    return this.#disk.finish(this.#disk.begin(file, fd === DIRECTORY));
  }

  truncate(fd: number, bytes: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || this.dead) return EBADF;
    // What is cut off reads as zeros if it grows again.
    const grown = new Uint8Array(bytes);
    grown.set(file.cached.subarray(0, bytes));
    file.cached = grown;
    return 0;
  }

  close(fd: number): number {
    this.#open.delete(fd);
    return 0;
  }

  rename(from: string, to: string): void {
    if (this.dead) throw new NativeError("rename", -EIO, "", "");
    this.#disk.change((names) => {
      const file = names.get(nameOf(from));
      if (file === undefined) return;
      names.delete(nameOf(from));
      names.set(nameOf(to), file);
    });
  }

  unlink(path: string): void {
    if (this.dead) throw new NativeError("unlink", -EIO, "", "");
    this.#disk.change((names) => names.delete(nameOf(path)));
  }

  syncDirectory(_path: string): void {
    const result = this.sync(DIRECTORY);
    if (result < 0) throw new NativeError("sync a directory", -result, "", "");
  }

  startSync(fd: number, directoryFd: number): number {
    if (this.dead) return EIO;
    if (this.#sync !== undefined) return EBUSY;
    const file = this.#open.get(fd);
    if (file === undefined) return EBADF;
    const job = this.#disk.begin(file, directoryFd === DIRECTORY);
    this.#sync = {
      ticks: this.#ticks(),
      finish: () => this.#disk.finish(job),
    };
    return 0;
  }

  pollSync(): number {
    if (this.dead) return EIO;
    return this.#sync === undefined ? this.#synced : RUNNING;
  }

  startPrepare(path: string, bytes: number, zero: boolean): number {
    if (this.dead) return EIO;
    if (this.#preparation !== undefined) return EBUSY;
    this.#preparation = {
      ticks: this.#ticks(),
      finish: () => {
        const fd = this.#create(path, bytes, zero);
        const file = this.#open.get(fd);
        if (file === undefined) return fd;
        const job = this.#disk.begin(file, false);
        const result = this.#disk.finish(job, "failed preparation");
        return result < 0 ? result : fd;
      },
    };
    return 0;
  }

  pollPrepare(): number {
    if (this.dead) return EIO;
    return this.#preparation === undefined ? this.#prepared : RUNNING;
  }

  pause(): void {
    this.tick();
  }

  dispose(): void {
    while (!this.dead && (this.#sync ?? this.#preparation) !== undefined) {
      this.tick();
    }
  }

  #ticks(): number {
    return 1 + this.#disk.random.draw(this.#disk.faults.syncTicksMax);
  }

  #descriptor(file: SimFile): number {
    this.#open.set(this.#nextFd, file);
    return this.#nextFd++;
  }

  #create(path: string, bytes: number, zero: boolean): number {
    const disk = this.#disk;
    const { faults } = disk;
    const room = disk.usedBytes + bytes <= faults.capacityBytes;
    if (faults.create !== 0 || !room) {
      const error = faults.create !== 0 ? faults.create : ENOSPC;
      faults.create = 0;
      disk.count(room ? "failed create" : "disk full");
      return error;
    }
    const file = new SimFile(0);
    file.cached = new Uint8Array(bytes);
    if (zero) {
      for (let at = 0; at < bytes; at += 512) file.dirty.add(at / 512);
    }
    disk.change((names) => names.set(nameOf(path), file));
    return this.#descriptor(file);
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
