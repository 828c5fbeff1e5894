// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor looks at: facts of this host and process, unjudged. Main
 * thread, cold path, allocates. Reads /proc and /sys through a shim, since
 * Deno opens neither without all permissions. Changes nothing, except that it
 * writes and removes one small file to time the disk of the data directory.
 *
 * @module
 */
import {
  addressOf,
  closeFile,
  coreCount,
  errnoName,
  FileFlag,
  fileSpaceBytes,
  getAffinity,
  LIBRARY_NAME,
  type MemoryInfo,
  memoryInfo,
  openFile,
  openLibrary,
  probeUring,
  readText,
  syncFile,
  unlinkFile,
  writeFile,
} from "../../ffi/mod.ts";

const PROBE_BYTES = 4096;
const PROBE_SYNCS = 21;

/** Where the data directory's disk was timed. */
export interface DiskFacts {
  /** False: there is no such directory yet. */
  readonly exists: boolean;
  /** Why it can not be written; "" where it can. */
  readonly error: string;
  /** Bytes that can still be written; 0 where it can not be written. */
  readonly spaceBytes: number;
  /** Middle and worst of some writes of 4 KiB, each with fdatasync(). */
  readonly syncUsMedian: number;
  readonly syncUsMax: number;
}

/** Facts of this host, as found. */
export interface HostFacts {
  /** Cores online. */
  readonly cores: number;
  /** Cores that this process may run on. */
  readonly allowedCores: readonly number[];
  /** Cores that the kernel keeps free of other work (isolcpus=). */
  readonly isolatedCores: readonly number[];
  readonly memory: MemoryInfo;
  /** Why a ring can not be opened; "" where it can. */
  readonly uringError: string;
  /** Sysctl kernel.io_uring_disabled; "" on kernels that have none. */
  readonly uringDisabled: string;
  /** The governors in use, one entry each; none without frequency scaling. */
  readonly governors: readonly string[];
  /** "always", "madvise", "never"; "" on kernels without. */
  readonly transparentHugePages: string;
  /** "tsc", "kvm-clock", "hpet", ... */
  readonly clockSource: string;
  /** Why the DPDK shim can not be opened; "" where it can. */
  readonly dpdkError: string;
  readonly disk: DiskFacts;
}

/** Why the shims can not be used here, or "" where they can. */
export function shimsError(name: string = LIBRARY_NAME): string {
  try {
    openLibrary({}, name);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Gathers all facts. The shims must be there: see `shimsError()`.
 *
 * @param dataDirectory Whose disk to time.
 */
export function hostFacts(dataDirectory: string): HostFacts {
  const cores = coreCount();
  return {
    cores,
    allowedCores: getAffinity(),
    isolatedCores: parseCores(readText("/sys/devices/system/cpu/isolated")),
    memory: memoryInfo(),
    uringError: uringError(),
    uringDisabled: readText("/proc/sys/kernel/io_uring_disabled"),
    governors: governors(cores),
    transparentHugePages: parseChoice(
      readText("/sys/kernel/mm/transparent_hugepage/enabled"),
    ),
    clockSource: readText(
      "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    dpdkError: shimsError("libferrule_dpdk.so"),
    disk: diskFacts(dataDirectory),
  };
}

/** Reads a kernel's list of cores, "0,2-4", as [0, 2, 3, 4]. */
export function parseCores(text: string): number[] {
  const cores: number[] = [];
  for (const range of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match === null) continue;
    const last = Number(match[2] ?? match[1]);
    for (let core = Number(match[1]); core <= last; core++) cores.push(core);
  }
  return cores;
}

/** Reads a kernel's choice, "always [madvise] never", as "madvise". */
export function parseChoice(text: string): string {
  return /\[(\w+)\]/.exec(text)?.[1] ?? "";
}

function governors(cores: number): string[] {
  const found = new Set<string>();
  for (let core = 0; core < cores; core++) {
    const text = readText(
      `/sys/devices/system/cpu/cpu${core}/cpufreq/scaling_governor`,
    );
    if (text !== "") found.add(text);
  }
  return [...found].sort();
}

function uringError(): string {
  try {
    probeUring();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Times the disk below a directory, if it is there. */
export function diskFacts(directory: string): DiskFacts {
  const facts = {
    exists: true,
    error: "",
    spaceBytes: 0,
    syncUsMedian: 0,
    syncUsMax: 0,
  };
  try {
    closeFile(openFile(directory, FileFlag.DIRECTORY));
  } catch {
    return { ...facts, exists: false };
  }
  const path = `${directory}/.doctor-${Deno.pid}`;
  let fd: number;
  try {
    fd = openFile(
      path,
      FileFlag.WRITE | FileFlag.CREATE | FileFlag.EXCLUSIVE,
    );
  } catch (error) {
    return {
      ...facts,
      error: error instanceof Error ? error.message : String(error),
    };
  }
  try {
    const times = timeSyncs(fd);
    if (typeof times === "string") return { ...facts, error: times };
    return {
      ...facts,
      spaceBytes: fileSpaceBytes(fd),
      syncUsMedian: times[PROBE_SYNCS >>> 1]!,
      syncUsMax: times[PROBE_SYNCS - 1]!,
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
