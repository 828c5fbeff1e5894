// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a host says of the data directory and the disk below it. Facts only,
 * unjudged. Reads; only `timeDisk()` writes, one small file that it removes.
 *
 * @module
 */
import {
  addressOf,
  closeFile,
  errnoName,
  FileFlag,
  openFile,
  syncFile,
  unlinkFile,
  writeFile,
} from "../../ffi/mod.ts";
import type { HostReader } from "./host_reader.ts";
import { absolutePath } from "./process_facts.ts";

const PROBE_BYTES = 4096;
const PROBE_SYNCS = 100;
const RARE = 0.99;

/** Times of writes of 4 KiB, each with fdatasync(). */
export interface SyncTimes {
  readonly medianUs: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Why they could not be had; "" if they could. */
  readonly error: string;
}

/** The data directory, as found. */
export interface DiskFacts {
  /** False: there is no such directory yet. */
  readonly exists: boolean;
  /** By this process. */
  readonly writable: boolean;
  /** Permission bits and owner. */
  readonly mode: number;
  readonly uid: number;
  /** Bytes that can still be written. */
  readonly spaceBytes: number;
  /** "ext4", "xfs", "tmpfs", ...; "" where the kernel does not say. */
  readonly fileSystem: string;
  /** Only where it was asked for. */
  readonly sync?: SyncTimes;
}

/**
 * Looks at a data directory.
 *
 * @param measure Times the disk too, which writes to it.
 */
export function diskFacts(
  reader: HostReader,
  directory: string,
  measure: boolean,
): DiskFacts {
  const path = absolutePath(reader, directory);
  const owner = reader.owner(path);
  const exists = owner?.isDirectory === true;
  return {
    exists,
    writable: exists && owner.writable,
    mode: owner?.mode ?? 0,
    uid: owner?.uid ?? 0,
    spaceBytes: exists ? reader.spaceBytes(path) : 0,
    fileSystem: fileSystemOf(reader.text("/proc/self/mountinfo"), path),
    ...(measure && exists ? { sync: timeDisk(reader.real(path)) } : {}),
  };
}

/** Type of the file system that a path lies on, from the text of mountinfo. */
export function fileSystemOf(mountinfo: string, path: string): string {
  let best = "";
  let type = "";
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const point = left?.split(" ")[4];
    if (point === undefined || right === undefined) continue;
    const inside = point === "/" || path === point ||
      path.startsWith(`${point}/`);
    // Of two at one place, the later lies over the other.
    if (!inside || point.length < best.length) continue;
    best = point;
    type = right.split(" ")[0]!;
  }
  return type;
}

/** Times the disk below a folder with a hundred small writes. */
export function timeDisk(directory: string): SyncTimes {
  const none = { medianUs: NaN, p99Us: NaN, maxUs: NaN };
  const path = `${directory}/.doctor-${Deno.pid}`;
  let fd: number;
  try {
    fd = openFile(path, FileFlag.WRITE | FileFlag.CREATE | FileFlag.EXCLUSIVE);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { ...none, error: text };
  }
  try {
    const times = timeSyncs(fd);
    if (typeof times === "string") return { ...none, error: times };
    return {
      medianUs: times[PROBE_SYNCS >>> 1]!,
      p99Us: times[Math.ceil(PROBE_SYNCS * RARE) - 1]!,
      maxUs: times[PROBE_SYNCS - 1]!,
      error: "",
    };
  } finally {
    closeFile(fd);
    unlinkFile(path);
  }
}

/** Microseconds of each write with sync, ascending; or what failed. */
function timeSyncs(fd: number): Float64Array | string {
  const bytes = new Uint8Array(PROBE_BYTES);
  const address = addressOf(bytes);
  const times = new Float64Array(PROBE_SYNCS);
  for (let index = 0; index < PROBE_SYNCS; index++) {
    const start = performance.now();
    const written = writeFile(fd, address, PROBE_BYTES, index * PROBE_BYTES);
    if (written < 0) return `Failed to write: ${errnoName(written)}`;
    const synced = syncFile(fd);
    if (synced < 0) return `Failed to sync: ${errnoName(synced)}`;
    times[index] = (performance.now() - start) * 1000;
  }
  return times.sort();
}
