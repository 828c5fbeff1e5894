// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the journal's writer asks of a disk, and the disk itself. The writer's
 * thread owns it; calls by descriptor allocate nothing. Tests put a disk in
 * its place that fails when told.
 *
 * @module
 */
import * as file from "../../ffi/file.ts";

/** A job that was started still runs. */
export const RUNNING = file.JOB_RUNNING;

/** A disk. Numbers are 0 or more, or -errno; calls by path throw. */
export interface JournalFiles {
  openDirectory(path: string): number;
  /** Makes an empty segment and waits for it; throws. */
  create(path: string, bytes: number, zero: boolean): number;
  write(fd: number, address: number, bytes: number, position: number): number;
  /** Waits for the disk. */
  sync(fd: number): number;
  truncate(fd: number, bytes: number): number;
  close(fd: number): number;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Starts a sync of a file and then, unless -1, of a directory. */
  startSync(fd: number, directoryFd: number): number;
  /** `RUNNING`, or how the last sync went. */
  pollSync(): number;
  /** Starts making an empty segment. */
  startPrepare(path: string, bytes: number, zero: boolean): number;
  /** `RUNNING`, or the new segment's descriptor. */
  pollPrepare(): number;
  /** Waits for what runs, and ends. */
  dispose(): void;
}

/** The machine's disk: one thread for syncs, one to prepare segments. */
export class NativeJournalFiles implements JournalFiles {
  readonly #syncer = new file.FileWorker();
  readonly #preparer = new file.FileWorker();

  openDirectory(path: string): number {
    return file.openFile(path, file.FileFlag.DIRECTORY);
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

  startSync(fd: number, directoryFd: number): number {
    return this.#syncer.sync(fd, directoryFd);
  }

  pollSync(): number {
    return this.#syncer.poll();
  }

  startPrepare(path: string, bytes: number, zero: boolean): number {
    return this.#preparer.prepare(path, bytes, zero);
  }

  pollPrepare(): number {
    return this.#preparer.poll();
  }

  dispose(): void {
    this.#syncer.dispose();
    this.#preparer.dispose();
  }
}
