// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the journal asks of a disk, to write and to read, and the disk itself.
 * The thread of its writer or reader owns it; calls by descriptor allocate
 * nothing. Tests put a disk in its place that fails when told.
 *
 * @module
 */
import { cpuSleep } from "../../ffi/cpu.ts";
import * as file from "../../ffi/file.ts";
import { NativeError } from "../../ffi/native_error.ts";

/** A job that was started still runs. */
export const RUNNING = file.JOB_RUNNING;

/** Between two looks at a job. */
const PAUSE_US = 50;

/** A name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isFile: boolean;
}

/** A disk. Numbers are 0 or more, or -errno; calls by path throw. */
export interface JournalFiles {
  /** What is in a directory, in any order. */
  list(directory: string): DirectoryEntry[];
  openDirectory(path: string): number;
  /** Opens a file that is there, for reading. */
  openRead(path: string): number;
  /** Opens a file that is there, for reading and writing. */
  openWrite(path: string): number;
  /** Reads to an address: bytes read, fewer only at the end of the file. */
  read(fd: number, address: number, bytes: number, position: number): number;
  /** Bytes of an open file; throws. */
  size(fd: number): number;
  /** Bytes that can still be written on the file system of an open file or directory. */
  space(fd: number): number;
  /** Makes an empty segment and waits for it; throws. */
  create(path: string, bytes: number, zero: boolean): number;
  write(fd: number, address: number, bytes: number, position: number): number;
  /** Waits for the disk. */
  sync(fd: number): number;
  truncate(fd: number, bytes: number): number;
  close(fd: number): number;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes the names in a directory last; waits for the disk. */
  syncDirectory(path: string): void;
  /** Starts a sync of a file and then, unless -1, of a directory. */
  startSync(fd: number, directoryFd: number): number;
  /** `RUNNING`, or how the last sync went. */
  pollSync(): number;
  /** Starts making an empty segment. */
  startPrepare(path: string, bytes: number, zero: boolean): number;
  /** `RUNNING`, or the new segment's descriptor. */
  pollPrepare(): number;
  /** Lets a moment pass for a job that runs. */
  pause(): void;
  /** Waits for what runs, and ends. */
  dispose(): void;
}

/** The machine's disk: one thread for syncs, one to prepare segments, both started when first needed. */
export class NativeJournalFiles implements JournalFiles {
  #syncer: file.FileWorker | undefined;
  #preparer: file.FileWorker | undefined;

  list(directory: string): DirectoryEntry[] {
    return [...Deno.readDirSync(directory)];
  }

  openDirectory(path: string): number {
    return file.openFile(path, file.FileFlag.DIRECTORY);
  }

  openRead(path: string): number {
    return file.openFile(path, file.FileFlag.READ);
  }

  openWrite(path: string): number {
    return file.openFile(path, file.FileFlag.READ + file.FileFlag.WRITE);
  }

  read(fd: number, address: number, bytes: number, position: number): number {
    return file.readFile(fd, address, bytes, position);
  }

  size(fd: number): number {
    return file.fileBytes(fd);
  }

  space(fd: number): number {
    try {
      return file.fileSpaceBytes(fd);
    } catch (error) {
      if (error instanceof NativeError) return -error.code;
      throw error;
    }
  }

  create(path: string, bytes: number, zero: boolean): number {
    const fd = file.openFile(
      path,
      file.FileFlag.READ + file.FileFlag.WRITE + file.FileFlag.CREATE +
        file.FileFlag.TRUNCATE,
    );
    const result = file.preallocateFile(fd, bytes, zero);
    if (result < 0) {
      file.closeFile(fd);
      file.unlinkFile(path);
      return result;
    }
    return fd;
  }

  write(fd: number, address: number, bytes: number, position: number): number {
    return file.writeFile(fd, address, bytes, position);
  }

  sync(fd: number): number {
    return file.syncFile(fd);
  }

  truncate(fd: number, bytes: number): number {
    return file.truncateFile(fd, bytes);
  }

  close(fd: number): number {
    return file.closeFile(fd);
  }

  rename(from: string, to: string): void {
    file.renameFile(from, to);
  }

  unlink(path: string): void {
    file.unlinkFile(path);
  }

  syncDirectory(path: string): void {
    file.syncDirectory(path);
  }

  startSync(fd: number, directoryFd: number): number {
    this.#syncer ??= new file.FileWorker();
    return this.#syncer.sync(fd, directoryFd);
  }

  pollSync(): number {
    return this.#syncer === undefined ? 0 : this.#syncer.poll();
  }

  startPrepare(path: string, bytes: number, zero: boolean): number {
    this.#preparer ??= new file.FileWorker();
    return this.#preparer.prepare(path, bytes, zero);
  }

  pollPrepare(): number {
    return this.#preparer === undefined ? 0 : this.#preparer.poll();
  }

  pause(): void {
    cpuSleep(PAUSE_US);
  }

  dispose(): void {
    this.#syncer?.dispose();
    this.#preparer?.dispose();
  }
}
