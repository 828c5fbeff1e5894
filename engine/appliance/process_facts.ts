// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the appliance's process may do: its limits, rights and cores.
 *
 * If an appliance runs over the data directory, it is that process, so that the
 * doctor judges the service as systemd started it, whoever asks; otherwise it
 * is the one that asks.
 *
 * @module
 */
import { type HostReader, parseCores } from "./host_reader.ts";

const CAP_IPC_LOCK = 14n;
const CAP_SYS_NICE = 23n;

/** Limits and rights of one process, as found. */
export interface ProcessFacts {
  /** The appliance that holds the data directory; 0 = none does. */
  readonly running: number;
  /** Cores that it may run on. */
  readonly allowedCores: readonly number[];
  /** Cores that its threads may be pinned to: `CPUAffinity=` is no bar, `AllowedCPUs=` is. */
  readonly pinnableCores: readonly number[];
  /** RLIMIT_MEMLOCK; Infinity = unlimited. */
  readonly lockLimitBytes: number;
  /** CAP_IPC_LOCK is held: that limit does not apply. */
  readonly lockUnlimited: boolean;
  /** RLIMIT_NOFILE. */
  readonly openFilesMax: number;
  /** RLIMIT_RTPRIO. */
  readonly realTimeMax: number;
  /** CAP_SYS_NICE is held: that limit does not apply. */
  readonly realTimeUnlimited: boolean;
  /** Huge pages of 2 MiB that it holds already. */
  readonly hugePagesHeld: number;
}

/** A path from the root, whatever the working directory. */
export function absolutePath(reader: HostReader, path: string): string {
  if (path.startsWith("/")) return path;
  return `${reader.link("/proc/self/cwd")}/${path.replace(/^\.\//, "")}`;
}

/** Reads them. */
export function processFacts(
  reader: HostReader,
  dataDirectory: string,
): ProcessFacts {
  const running = holderOf(reader, dataDirectory);
  const own = "/proc/self";
  const path = reader.text(`/proc/${running}/limits`) === ""
    ? own
    : `/proc/${running}`;
  const status = reader.text(`${path}/status`);
  const limits = reader.text(`${path}/limits`);
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
  const rights = BigInt(`0x${field("CapEff") || "0"}`);
  const hugeKib = Number(/\d+/.exec(field("HugetlbPages"))?.[0] ?? 0);
  return {
    running,
    allowedCores: parseCores(field("Cpus_allowed_list")),
    pinnableCores: parseCores(
      cpuset(reader, path) || field("Cpus_allowed_list"),
    ),
    lockLimitBytes: limitOf(limits, "Max locked memory"),
    lockUnlimited: (rights >> CAP_IPC_LOCK & 1n) === 1n,
    openFilesMax: limitOf(limits, "Max open files"),
    realTimeMax: limitOf(limits, "Max realtime priority"),
    realTimeUnlimited: (rights >> CAP_SYS_NICE & 1n) === 1n,
    hugePagesHeld: path === own ? 0 : hugeKib / 2048,
  };
}

/** Cores of its control group, or of the next one above that says; "" = none says. */
function cpuset(reader: HostReader, process: string): string {
  const group = /^0::(\/.*)$/m.exec(reader.text(`${process}/cgroup`))?.[1];
  if (group === undefined) return "";
  const parts = group.split("/");
  for (let length = parts.length; length > 0; length--) {
    const place = parts.slice(0, length).join("/");
    const path = `/sys/fs/cgroup${place}/cpuset.cpus.effective`;
    const cores = reader.text(path).trim();
    if (cores !== "") return cores;
  }
  return "";
}

/** The process that has the lock of a folder, from /proc/locks; 0 = none. */
function holderOf(reader: HostReader, directory: string): number {
  const inode = reader.owner(absolutePath(reader, directory))?.inode;
  for (const line of reader.text("/proc/locks").split("\n")) {
    const match = /FLOCK\s+\S+\s+WRITE\s+(\d+)\s+\w+:\w+:(\d+)\s/.exec(line);
    if (match !== null && Number(match[2]) === inode) return Number(match[1]);
  }
  return 0;
}

/** Soft limit by its name in /proc/PID/limits. */
function limitOf(limits: string, name: string): number {
  const line = limits.split("\n").find((text) => text.startsWith(name));
  const value = line?.slice(name.length).trim().split(/\s+/)[0];
  return value === "unlimited" ? Infinity : Number(value ?? NaN);
}
