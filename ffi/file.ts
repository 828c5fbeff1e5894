// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Files for the journal: whole writes at positions, and a `FileWorker` whose
 * syncs do not block the caller. The thread that opened a file uses it.
 * Calls by descriptor return a count or -errno and allocate nothing; calls by
 * path throw. Nothing here retries a failed sync.
 *
 * @module
 */
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_file_open: { parameters: ["buffer", "u32"], result: "i32" },
  ferrule_file_close: { parameters: ["i32"], result: "i32" },
  ferrule_file_make_directory: { parameters: ["buffer"], result: "i32" },
  ferrule_file_preallocate: {
    parameters: ["i32", "f64", "u32"],
    result: "i32",
  },
  ferrule_file_write: {
    parameters: ["i32", "f64", "u32", "f64"],
    result: "i32",
  },
  ferrule_file_read: {
    parameters: ["i32", "f64", "u32", "f64"],
    result: "i32",
  },
  ferrule_file_sync: { parameters: ["i32"], result: "i32" },
  ferrule_file_sync_directory: { parameters: ["buffer"], result: "i32" },
  ferrule_file_truncate: { parameters: ["i32", "f64"], result: "i32" },
  ferrule_file_size: { parameters: ["i32", "buffer"], result: "i32" },
  ferrule_file_rename: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_file_unlink: { parameters: ["buffer"], result: "i32" },
  ferrule_file_lock: { parameters: ["i32"], result: "i32" },
  ferrule_file_space: { parameters: ["i32", "buffer"], result: "i32" },
  ferrule_file_worker_start: { parameters: [], result: "i32" },
  ferrule_file_worker_sync: {
    parameters: ["i32", "i32", "i32"],
    result: "i32",
  },
  ferrule_file_worker_prepare: {
    parameters: ["i32", "buffer", "f64", "u32"],
    result: "i32",
  },
  ferrule_file_worker_populate: {
    parameters: ["i32", "f64", "f64"],
    result: "i32",
  },
  ferrule_file_worker_unmap: {
    parameters: ["i32", "f64", "f64"],
    result: "i32",
  },
  ferrule_file_worker_write: {
    parameters: ["i32", "i32", "f64", "u32", "f64"],
    result: "i32",
  },
  ferrule_file_worker_poll: { parameters: ["i32"], result: "i32" },
  ferrule_file_worker_stop: { parameters: ["i32"], result: "i32" },
} as const;

/** How `openFile()` opens; add them up. */
export const FileFlag = {
  READ: 1,
  WRITE: 2,
  CREATE: 4,
  /** With CREATE: fail if it is there. */
  EXCLUSIVE: 8,
  TRUNCATE: 16,
  DIRECTORY: 32,
} as const;

/** `FileWorker.poll()`: the job still runs (-EINPROGRESS). */
export const JOB_RUNNING = -115;

const EAGAIN = -11;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/**
 * Opens a file or directory.
 *
 * @param flags Sum of `FileFlag`.
 * @returns The descriptor.
 * @throws {NativeError}
 */
export function openFile(path: string, flags: number): number {
  return unwrap(
    native().ferrule_file_open(cString(path), flags),
    `open '${path}'`,
  );
}

/** Closes a descriptor; 0 or -errno. */
export function closeFile(fd: number): number {
  return native().ferrule_file_close(fd);
}

/** Makes a directory (mode 0750) if it is not there; its parent must be. */
export function makeDirectory(path: string): void {
  unwrap(native().ferrule_file_make_directory(cString(path)), `make '${path}'`);
}

/**
 * Gives a file its size in blocks that exist.
 *
 * @param zero Write zeros, so that later syncs have no metadata to write.
 * @returns 0 or -errno.
 */
export function preallocateFile(
  fd: number,
  bytes: number,
  zero: boolean,
): number {
  return native().ferrule_file_preallocate(fd, bytes, zero ? 1 : 0);
}

/** Writes all `bytes` at `position`, from an address; 0 or -errno. Hot path. */
export function writeFile(
  fd: number,
  address: number,
  bytes: number,
  position: number,
): number {
  return native().ferrule_file_write(fd, address, bytes, position);
}

/** Reads to an address: bytes read, fewer only at the end of the file, or -errno. */
export function readFile(
  fd: number,
  address: number,
  bytes: number,
  position: number,
): number {
  return native().ferrule_file_read(fd, address, bytes, position);
}

/** fdatasync(), waiting for the disk; 0 or -errno. */
export function syncFile(fd: number): number {
  return native().ferrule_file_sync(fd);
}

/** Makes the names in a directory last; waits for the disk. Throws. */
export function syncDirectory(path: string): void {
  unwrap(native().ferrule_file_sync_directory(cString(path)), `sync '${path}'`);
}

/** Cuts or extends a file; 0 or -errno. */
export function truncateFile(fd: number, bytes: number): number {
  return native().ferrule_file_truncate(fd, bytes);
}

/** Bytes of an open file. Throws. */
export function fileBytes(fd: number): number {
  const bytes = new Float64Array(1);
  unwrap(native().ferrule_file_size(fd, bytes), "read a file's size");
  return bytes[0]!;
}

/** Bytes that can still be written on the file system of an open file. Throws. */
export function fileSpaceBytes(fd: number): number {
  const bytes = new Float64Array(1);
  unwrap(native().ferrule_file_space(fd, bytes), "read a file system's space");
  return bytes[0]!;
}

/** Renames, replacing what had the new name. Throws. */
export function renameFile(from: string, to: string): void {
  unwrap(
    native().ferrule_file_rename(cString(from), cString(to)),
    `rename '${from}' to '${to}'`,
  );
}

/** Removes a file. Throws. */
export function unlinkFile(path: string): void {
  unwrap(native().ferrule_file_unlink(cString(path)), `remove '${path}'`);
}

/**
 * Takes the lock of a data directory. It is held until the descriptor is
 * closed or the process ends, however it ends.
 *
 * @returns Descriptor of the directory; close it to let go.
 * @throws {Error} If another process has it.
 */
export function lockDirectory(path: string): number {
  const fd = openFile(path, FileFlag.DIRECTORY);
  const result = native().ferrule_file_lock(fd);
  if (result === EAGAIN) {
    closeFile(fd);
    throw new Error(
      `Data directory '${path}' is in use by another process: only one ` +
        "appliance may write it. Stop the other one, or configure another directory",
    );
  }
  if (result < 0) {
    closeFile(fd);
    unwrap(result, `lock '${path}'`);
  }
  return fd;
}

/**
 * A thread that does one slow job at a time. `sync()` and `prepare()` start
 * one, `poll()` looks. It runs where the process's first thread may run, not
 * on the core of a pinned caller.
 */
export class FileWorker {
  readonly #worker: number;
  #stopped = false;

  /** @throws {NativeError} If no thread can be had. */
  constructor() {
    this.#worker = unwrap(
      native().ferrule_file_worker_start(),
      "start a file worker",
      "The service's limit of tasks (TasksMax=) may be too low",
    );
  }

  /**
   * Starts fdatasync() of a file, and then, unless -1, fsync() of a directory.
   *
   * @returns 0, or -EBUSY while a job runs.
   */
  sync(fd: number, directoryFd = -1): number {
    return native().ferrule_file_worker_sync(this.#worker, fd, directoryFd);
  }

  /**
   * Starts making an empty file of this size, synced; the job's result is its
   * descriptor, open for reading and writing.
   *
   * @returns 0, or -EBUSY while a job runs.
   */
  prepare(path: string, bytes: number, zero: boolean): number {
    return native().ferrule_file_worker_prepare(
      this.#worker,
      cString(path),
      bytes,
      zero ? 1 : 0,
    );
  }

  /** Starts making pages of a mapped file writable ahead of its writer; 0 or -EBUSY. */
  populate(address: number, bytes: number): number {
    return native().ferrule_file_worker_populate(this.#worker, address, bytes);
  }

  /** Starts `unmapFile()`; 0 or -EBUSY. */
  unmap(address: number, bytes: number): number {
    return native().ferrule_file_worker_unmap(this.#worker, address, bytes);
  }

  /**
   * Starts `writeFile()`. What is written must stay as it is until the job is done.
   *
   * @returns 0, or -EBUSY while a job runs.
   */
  write(fd: number, address: number, bytes: number, position: number): number {
    return native().ferrule_file_worker_write(
      this.#worker,
      fd,
      address,
      bytes,
      position,
    );
  }

  /** `JOB_RUNNING`, or the last job's result: 0 or more, or -errno. */
  poll(): number {
    return native().ferrule_file_worker_poll(this.#worker);
  }

  /** Waits for the job that runs, then ends the thread. */
  dispose(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    native().ferrule_file_worker_stop(this.#worker);
  }
}
