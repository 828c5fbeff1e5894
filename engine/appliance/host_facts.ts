// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor looks at: facts of this host and of the appliance's process,
 * unjudged.
 *
 * ```
 *   /proc, /sys, data directory ─▶ HostReader (root) ─┐
 *   io_uring, DPDK, cards, peers ─▶ HostProbes ───────┴─▶ HostFacts
 * ```
 *
 * Main thread, cold path, allocates. Changes nothing; only with `measureDisk` it
 * writes and removes one small file. Goes through shims, since Deno opens /proc
 * and /sys only with all permissions.
 *
 * @module
 */
import {
  coalescingOf,
  connectUs,
  interfaceOf,
  LIBRARY_NAME,
  openLibrary,
  probeUring,
} from "../../ffi/mod.ts";
import { type CoreFacts, coreFacts, isRunning } from "./core_facts.ts";
import { type DiskFacts, diskFacts } from "./disk_facts.ts";
import type { DoctorSubject } from "./doctor_finding.ts";
import { HostReader, parseChoice } from "./host_reader.ts";
import {
  type InterfaceFacts,
  interfaceFacts,
  type NetworkProbes,
  type PeerFacts,
  peerFacts,
} from "./network_facts.ts";
import { type ProcessFacts, processFacts } from "./process_facts.ts";

const HUGE_PAGES = "hugepages/hugepages-2048kB";
const HUGE_PAGE_BYTES = 2 ** 21;
const TIME_DAEMONS = ["ptp4l", "phc2sys", "chronyd", "systemd-timesyn"];

/** Memory of a host, as found. */
export interface MemoryFacts {
  /** Pages of 2 MiB that the kernel keeps. */
  readonly hugePagesTotal: number;
  /** Those nobody uses. */
  readonly hugePagesFree: number;
  /** Those promised to mappings, not touched yet. */
  readonly hugePagesReserved: number;
  readonly hugePageBytes: number;
  /** Free ones by node. */
  readonly hugePagesFreeOf: Readonly<Record<number, number>>;
  /** "always", "madvise", "never"; "" on kernels without. */
  readonly transparentHugePages: string;
  /** Places that memory can be swapped to. */
  readonly swaps: number;
  /** Sysctl vm.swappiness. */
  readonly swappiness: number;
  /** The kernel moves pages between nodes as it sees fit. */
  readonly numaBalancing: boolean;
}

/** Settings of the kernel that belong nowhere else, as found. */
export interface KernelFacts {
  /** "6.1.0-18-amd64". */
  readonly release: string;
  /** "tsc", "kvm-clock", "hpet", ... */
  readonly clockSource: string;
  /** Sysctl kernel.sched_rt_runtime_us; -1 = no limit; NaN on kernels without. */
  readonly realTimeRuntimeUs: number;
  readonly realTimePeriodUs: number;
  /** Sysctls net.core.rmem_max and wmem_max. */
  readonly receiveBufferBytesMax: number;
  readonly sendBufferBytesMax: number;
}

/** Who keeps the clock, as found. */
export interface TimeFacts {
  /** "ptp0 (mlx5_ptp)", ... */
  readonly ptpClocks: readonly string[];
  /** Of ptp4l, phc2sys, chronyd, systemd-timesyncd: those that run. */
  readonly daemons: readonly string[];
}

/** Facts of this host, as found. */
export interface HostFacts {
  readonly cores: CoreFacts;
  readonly memory: MemoryFacts;
  readonly kernel: KernelFacts;
  readonly process: ProcessFacts;
  /** Why a ring can not be opened; "" where it can. */
  readonly uringError: string;
  /** Sysctl kernel.io_uring_disabled; "" on kernels that have none. */
  readonly uringDisabled: string;
  /** Why the DPDK shim can not be opened; "" where it can. */
  readonly dpdkError: string;
  readonly interfaces: readonly InterfaceFacts[];
  /** Only where they were asked for. */
  readonly peers: readonly PeerFacts[];
  readonly time: TimeFacts;
  readonly disk: DiskFacts;
  /** Permission bits of the configuration file; undefined where there is none. */
  readonly configMode: number | undefined;
}

/** What is found out by trying, not by reading. */
export interface HostProbes extends NetworkProbes {
  uringError(): string;
  dpdkError(): string;
}

/** The probes of this host. */
export const HOST_PROBES: HostProbes = {
  interfaceOf,
  coalescingOf,
  connectUs,
  uringError: () => errorOf(probeUring),
  dpdkError: () => shimsError("libferrule_dpdk.so"),
};

/** How to look. */
export interface HostFactsOptions {
  /** Where /proc, /sys and the data directory are; "/" if left out. */
  readonly root?: string;
  readonly probes?: HostProbes;
  /** Write to the data directory to time its disk. */
  readonly measureDisk?: boolean;
  /** Connect to the peers. */
  readonly askPeers?: boolean;
}

/** Why the shims can not be used here, or "" where they can. */
export function shimsError(name: string = LIBRARY_NAME): string {
  return errorOf(() => openLibrary({}, name));
}

function errorOf(act: () => void): string {
  try {
    act();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Gathers all facts. The shims must be there: see `shimsError()`. */
export function hostFacts(
  subject: DoctorSubject,
  options: HostFactsOptions = {},
): HostFacts {
  const reader = new HostReader(options.root);
  const probes = options.probes ?? HOST_PROBES;
  const cores = coreFacts(reader);
  const { dataDirectory, configFile } = subject;
  return {
    cores,
    memory: memoryFacts(reader, cores.nodes),
    kernel: kernelFacts(reader),
    process: processFacts(reader, dataDirectory),
    uringError: probes.uringError(),
    uringDisabled: reader.text("/proc/sys/kernel/io_uring_disabled"),
    dpdkError: probes.dpdkError(),
    interfaces: interfaceFacts(
      reader,
      subject.addresses,
      subject.dpdkDevice,
      probes,
    ),
    peers: options.askPeers === true ? peerFacts(subject.peers, probes) : [],
    time: timeFacts(reader),
    disk: diskFacts(reader, dataDirectory, options.measureDisk === true),
    configMode: configFile === "" ? undefined : reader.owner(configFile)?.mode,
  };
}

function memoryFacts(
  reader: HostReader,
  nodes: readonly number[],
): MemoryFacts {
  const huge = (name: string): number =>
    reader.number(`/sys/kernel/mm/${HUGE_PAGES}/${name}`) || 0;
  const [, ...swaps] = reader.text("/proc/swaps").split("\n");
  return {
    hugePagesTotal: huge("nr_hugepages"),
    hugePagesFree: huge("free_hugepages"),
    hugePagesReserved: huge("resv_hugepages"),
    hugePageBytes: HUGE_PAGE_BYTES,
    hugePagesFreeOf: Object.fromEntries(nodes.map((node) => [
      node,
      reader.number(
        `/sys/devices/system/node/node${node}/${HUGE_PAGES}/free_hugepages`,
      ) || 0,
    ])),
    transparentHugePages: parseChoice(
      reader.text("/sys/kernel/mm/transparent_hugepage/enabled"),
    ),
    swaps: swaps.length,
    swappiness: reader.number("/proc/sys/vm/swappiness"),
    numaBalancing: reader.number("/proc/sys/kernel/numa_balancing") > 0,
  };
}

function kernelFacts(reader: HostReader): KernelFacts {
  const sysctl = (name: string): number => reader.number(`/proc/sys/${name}`);
  return {
    release: reader.text("/proc/sys/kernel/osrelease"),
    clockSource: reader.text(
      "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    realTimeRuntimeUs: sysctl("kernel/sched_rt_runtime_us"),
    realTimePeriodUs: sysctl("kernel/sched_rt_period_us"),
    receiveBufferBytesMax: sysctl("net/core/rmem_max"),
    sendBufferBytesMax: sysctl("net/core/wmem_max"),
  };
}

function timeFacts(reader: HostReader): TimeFacts {
  return {
    ptpClocks: reader.list("/sys/class/ptp").map((name) =>
      `${name} (${reader.text(`/sys/class/ptp/${name}/clock_name`)})`
    ),
    daemons: TIME_DAEMONS.filter((name) => isRunning(reader, name)),
  };
}
