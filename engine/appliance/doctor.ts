// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What this host lacks for the appliance as configured, why it matters, and
 * how to mend it. Main thread, cold path, allocates. `examine()` is a pure
 * function of gathered facts; nothing here changes the host.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { dpdkMemoryBytes } from "../../ffi/dpdk.ts";
import { libraryPath, uringLayout } from "../../ffi/mod.ts";
import { Exchange } from "../exchange/mod.ts";
import { COMMAND_SLOT_BYTES } from "../record/mod.ts";
import { exchangeCapacity } from "./build_exchange.ts";
import { dpdkOptions } from "./build_gateway.ts";
import { type HostFacts, hostFacts, shimsError } from "./host_facts.ts";
import { planOf } from "./memory_plan.ts";
import { FEED_SLOT_BYTES } from "../marketdata/mod.ts";
import { isFollower, planThreads } from "./topology.ts";

/** The Deno version that the project is built and tested with. */
export const DENO_VERSION = "2.9.6";

/** `error`: the appliance as configured does not start. `warning`: it starts, and is slower or less safe than it can be. */
export type Severity = "ok" | "info" | "warning" | "error";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at: "huge pages". */
  readonly subject: string;
  readonly severity: Severity;
  readonly found: string;
  readonly wanted: string;
  /** Why it is wanted. */
  readonly why: string;
  /** How to mend it; "" where there is nothing to mend. */
  readonly remedy: string;
}

/** What the appliance needs, as its configuration says. */
export interface DoctorSubject {
  /** Bytes of each mapping that shall lie in huge pages, and be locked. */
  readonly mappingsBytes: readonly number[];
  /** As configured: whether huge pages are a must. */
  readonly hugePages: Config["memory"]["hugePages"];
  /** Threads that poll. */
  readonly threads: number;
  /** Cores that threads are pinned to. */
  readonly pinnedCores: readonly number[];
  /** Where the journal lies. */
  readonly dataDirectory: string;
  /** The journal waits for the disk before it releases anything. */
  readonly synced: boolean;
  /** Who shall wait for the kernel's sockets. */
  readonly transport: Config["transport"]["kind"];
  /** A port is driven through DPDK. */
  readonly dpdk: boolean;
}

/** Of the transport over the kernel's sockets, either way. */
const DATAGRAMS_MAX = 256;
const SLOW_SYNC_US = 5000;
const LOW_SPACE_BYTES = 2 ** 30;
const GOOD_CLOCK_SOURCES: readonly string[] = ["tsc", "kvm-clock"];
const MARKS: Readonly<Record<Severity, string>> = {
  ok: "ok     ",
  info: "info   ",
  warning: "warning",
  error: "ERROR  ",
};

/** Examines this host for the appliance as configured. */
export function doctor(config: Config): Finding[] {
  const findings = [runtime(Deno.version.deno), shims(shimsError())];
  // All other facts come through the shims.
  if (findings[1]!.severity === "error") return findings;
  const subject = doctorSubject(config);
  return [...findings, ...examine(subject, hostFacts(subject.dataDirectory))];
}

/** What a configuration needs. Asks a shim how large its memory is. */
export function doctorSubject(config: Config): DoctorSubject {
  const { capacity, dpdk } = config;
  const threads = planThreads(config);
  const shared = planOf(config);
  const exchangeBytes = Exchange.bytes(exchangeCapacity(config));
  const transport = uringLayout({
    connectionsMax: capacity.connections,
    receiveWindowBytes: capacity.receiveWindowBytes,
    sendWindowBytes: capacity.sendWindowBytes,
    datagramsReceiveMax: DATAGRAMS_MAX,
    datagramsSendMax: DATAGRAMS_MAX,
    lingerMs: 0,
    plain: false,
  });
  return {
    mappingsBytes: [
      shared.bytes,
      exchangeBytes,
      // The keeper has both once more.
      ...config.snapshot.enabled ? [shared.bytes, exchangeBytes] : [],
      // So has the feed, and its messages.
      ...config.feed.enabled
        ? [
          shared.bytes,
          exchangeBytes,
          config.feed.historyMessages * FEED_SLOT_BYTES,
        ]
        : [],
      transport.totalBytes,
      ...dpdk.enabled ? [dpdkMemoryBytes(dpdkOptions(config))] : [],
      config.journal.groupRecordsMax * COMMAND_SLOT_BYTES,
    ],
    hugePages: config.memory.hugePages,
    // Followers sleep when there is nothing to follow.
    threads: threads.filter(({ agents }) => !isFollower(agents)).length,
    pinnedCores: [
      ...new Set(threads.map(({ core }) => core).filter((core) => core >= 0)),
    ],
    dataDirectory: config.appliance.dataDirectory,
    synced: config.journal.durability === "synced",
    transport: config.transport.kind,
    dpdk: dpdk.enabled,
  };
}

/** Judges gathered facts. */
export function examine(
  subject: DoctorSubject,
  facts: HostFacts,
): Finding[] {
  return [
    cores(subject, facts),
    isolation(subject, facts),
    hugePages(subject, facts),
    transparentHugePages(facts),
    lockedMemory(subject, facts),
    uring(subject, facts),
    dpdk(subject, facts),
    governor(facts),
    clockSource(facts),
    dataDirectory(subject, facts),
    sync(subject, facts),
  ];
}

/** 1 where the appliance would not start, else 0. */
export function exitCode(findings: readonly Finding[]): number {
  return findings.some(({ severity }) => severity === "error") ? 1 : 0;
}

/** The findings as lines for a person, worst last. */
export function formatDoctor(findings: readonly Finding[]): string {
  const order = Object.keys(MARKS);
  const sorted = [...findings].sort((a, b) =>
    order.indexOf(a.severity) - order.indexOf(b.severity)
  );
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines: string[] = [];
  for (const { severity, subject, found, wanted, why, remedy } of sorted) {
    const indent = " ".repeat(width + 11);
    lines.push(`${MARKS[severity]}  ${subject.padEnd(width)}  ${found}`);
    if (severity === "ok") continue;
    lines.push(`${indent}wanted: ${wanted}`, `${indent}why:    ${why}`);
    if (remedy !== "") lines.push(`${indent}mend:   ${remedy}`);
  }
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  lines.push(
    `${count("ok")} ok, ${count("info")} to know, ` +
      `${count("warning")} warnings, ${count("error")} errors`,
  );
  return lines.join("\n") + "\n";
}

/**
 * Writes the findings to standard output.
 *
 * @returns The exit code.
 */
export function printDoctor(
  findings: readonly Finding[],
  options: { readonly json: boolean },
): number {
  const text = options.json
    ? JSON.stringify(findings, null, 2) + "\n"
    : formatDoctor(findings);
  const bytes = new TextEncoder().encode(text);
  let written = 0;
  while (written < bytes.length) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
  return exitCode(findings);
}

/** Compares the running Deno with the pinned version. */
export function runtime(version: string): Finding {
  const same = version === DENO_VERSION;
  return {
    subject: "Deno",
    severity: same ? "ok" : "warning",
    found: version,
    wanted: DENO_VERSION,
    why:
      "how Deno shows native memory to TypeScript is tested with one version",
    remedy: same ? "" : "start with make run, or with bin/deno of the release",
  };
}

/** Judges the attempt to open the shims. */
export function shims(error: string): Finding {
  return {
    subject: "shims",
    severity: error === "" ? "ok" : "error",
    found: error === "" ? libraryPath() : error,
    wanted: "the native library, of this program's ABI version",
    why: "network, disk and memory are reached through it; all other checks " +
      "need it too",
    remedy: error === "" ? "" : "run make -C native",
  };
}

function cores(subject: DoctorSubject, facts: HostFacts): Finding {
  const { threads, pinnedCores } = subject;
  const allowed = facts.allowedCores;
  const missing = pinnedCores.filter((core) => !allowed.includes(core));
  const few = allowed.length <= threads;
  return {
    subject: "cores",
    severity: missing.length > 0 ? "error" : few ? "info" : "ok",
    found: missing.length > 0
      ? `${facts.cores}, of which ${allowed.join(",")} are allowed; pinned to ${
        missing.join(",")
      } all the same`
      : `${allowed.length} of ${facts.cores} allowed, ${threads} polling threads`,
    wanted: `one for each of ${threads} polling threads, and one besides` +
      (pinnedCores.length > 0 ? `; cores ${pinnedCores.join(",")}` : ""),
    why: "threads that share a core wait for each other, for milliseconds at " +
      "worst",
    remedy: missing.length > 0
      ? "pin to other cores in the configuration, or allow them to the unit (AllowedCPUs=)"
      : few
      ? "run several agents on one thread, with an idle strategy that sleeps"
      : "",
  };
}

function isolation(subject: DoctorSubject, facts: HostFacts): Finding {
  const { pinnedCores } = subject;
  const bare = pinnedCores.filter((core) =>
    !facts.isolatedCores.includes(core)
  );
  const list = facts.isolatedCores.join(",");
  return {
    subject: "isolated cores",
    severity: bare.length > 0
      ? "warning"
      : pinnedCores.length === 0
      ? "info"
      : "ok",
    found: list === "" ? "none" : list,
    wanted: pinnedCores.length === 0
      ? "those that threads are pinned to; none is pinned"
      : pinnedCores.join(","),
    why: "on other cores the scheduler and interrupts take their turns",
    remedy: bare.length > 0
      ? `boot with isolcpus=${pinnedCores.join(",")} nohz_full=${
        pinnedCores.join(",")
      } rcu_nocbs=${pinnedCores.join(",")}`
      : "",
  };
}

function hugePages(subject: DoctorSubject, facts: HostFacts): Finding {
  const { hugePagesTotal, hugePagesFree, hugePagesReserved, hugePageBytes } =
    facts.memory;
  const needed = subject.hugePages === "never"
    ? 0
    : subject.mappingsBytes.reduce(
      (pages, bytes) => pages + Math.ceil(bytes / hugePageBytes),
      0,
    );
  const free = hugePagesFree - hugePagesReserved;
  const enough = free >= needed;
  const total = hugePagesTotal - free + needed;
  return {
    subject: "huge pages",
    severity: enough
      ? "ok"
      : subject.hugePages === "require"
      ? "error"
      : "warning",
    found: `${free} free of ${hugePagesTotal} (${
      hugePageBytes / 2 ** 20
    } MiB each)`,
    wanted: `${needed} free (a running appliance holds its own)`,
    why: "books and rings on ordinary pages miss the TLB at every turn",
    remedy: enough
      ? ""
      : `sysctl -w vm.nr_hugepages=${total}, and the same line in /etc/sysctl.d`,
  };
}

function transparentHugePages(facts: HostFacts): Finding {
  const found = facts.transparentHugePages;
  const quiet = found !== "always";
  return {
    subject: "transparent huge pages",
    severity: quiet ? "ok" : "warning",
    found: found === "" ? "not in this kernel" : found,
    wanted: "madvise or never",
    why: "the kernel stops threads while it gathers pages for them",
    remedy: quiet
      ? ""
      : "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, and " +
        "transparent_hugepage=madvise at boot",
  };
}

function lockedMemory(subject: DoctorSubject, facts: HostFacts): Finding {
  const { lockUnlimited, lockLimitBytes } = facts.memory;
  const needed = subject.mappingsBytes.reduce((sum, bytes) => sum + bytes, 0);
  const enough = lockUnlimited || lockLimitBytes >= needed;
  return {
    subject: "locked memory",
    severity: enough ? "ok" : "warning",
    found: lockUnlimited
      ? "any (CAP_IPC_LOCK)"
      : lockLimitBytes === Infinity
      ? "any"
      : `${lockLimitBytes} bytes (RLIMIT_MEMLOCK)`,
    wanted: `${needed} bytes, or CAP_IPC_LOCK`,
    why: "memory that is not locked may be swapped out",
    remedy: enough
      ? ""
      : "start as ferrule.service, or with ulimit -l unlimited",
  };
}

function uring(subject: DoctorSubject, facts: HostFacts): Finding {
  const disabled = facts.uringDisabled !== "" && facts.uringDisabled !== "0";
  const works = facts.uringError === "";
  const { transport } = subject;
  const unused = transport === "plain";
  return {
    subject: "io_uring",
    severity: works
      ? "ok"
      : unused
      ? "info"
      : transport === "auto"
      ? "warning"
      : "error",
    found: works
      ? "a ring opens"
      : disabled
      ? `kernel.io_uring_disabled is ${facts.uringDisabled}: ${facts.uringError}`
      : facts.uringError,
    wanted: unused
      ? 'nothing: [transport] kind = "plain" does without'
      : "a ring opens",
    why: transport === "auto" && !works
      ? "clients are served over plain sockets without it, a few percent slower"
      : "clients are served through it",
    remedy: works || unused
      ? ""
      : (disabled
        ? "sysctl -w kernel.io_uring_disabled=0, and the same line in /etc/sysctl.d"
        : "use a kernel from 6.1 on, and allow io_uring_setup, io_uring_enter and " +
          "io_uring_register in the unit's or container's seccomp filter") +
        (transport === "auto"
          ? ""
          : '; or configure [transport] kind = "auto"'),
  };
}

function dpdk(subject: DoctorSubject, facts: HostFacts): Finding {
  const there = facts.dpdkError === "";
  return {
    subject: "DPDK",
    severity: there ? "ok" : subject.dpdk ? "error" : "info",
    found: there ? "the shim opens" : facts.dpdkError,
    wanted: subject.dpdk
      ? "the shim opens, since a port uses it"
      : "nothing: no port uses it",
    why: "ports that bypass the kernel are driven through it",
    remedy: there
      ? ""
      : "apt install libdpdk-dev dpkg-dev, then make -C native; on a deployed host the " +
        "DPDK libraries of the same version",
  };
}

function governor(facts: HostFacts): Finding {
  const { governors } = facts;
  const slow = governors.filter((name) => name !== "performance");
  return {
    subject: "governor",
    severity: slow.length > 0 ? "warning" : "ok",
    found: governors.length === 0
      ? "no frequency scaling here"
      : governors.join(", "),
    wanted: "performance on every core",
    why: "a core that clocks down between orders answers the next one late",
    remedy: slow.length > 0
      ? "for g in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do " +
        "echo performance > $g; done"
      : "",
  };
}

function clockSource(facts: HostFacts): Finding {
  const found = facts.clockSource;
  const fast = GOOD_CLOCK_SOURCES.includes(found);
  return {
    subject: "clock source",
    severity: fast ? "ok" : "warning",
    found: found === "" ? "unknown" : found,
    wanted: GOOD_CLOCK_SOURCES.join(" or "),
    why: "any other costs a system call for each time stamp",
    remedy: fast
      ? ""
      : "find out in dmesg why the kernel gave the TSC up; tsc=reliable at " +
        "boot where the hardware's is invariant",
  };
}

function dataDirectory(subject: DoctorSubject, facts: HostFacts): Finding {
  const { disk } = facts;
  const low = disk.exists && disk.error === "" &&
    disk.spaceBytes < LOW_SPACE_BYTES;
  const space = `${(disk.spaceBytes / 2 ** 30).toFixed(1)} GiB free`;
  return {
    subject: "data directory",
    severity: !disk.exists
      ? "info"
      : disk.error !== ""
      ? "error"
      : low
      ? "warning"
      : "ok",
    found: `${subject.dataDirectory}: ${
      !disk.exists ? "not there yet" : disk.error !== "" ? disk.error : space
    }`,
    wanted: "writable, with 1 GiB free at least",
    why: "the journal lies there",
    remedy: !disk.exists
      ? "none needed: it is made at start"
      : disk.error !== ""
      ? `make ${subject.dataDirectory} writable for the user that runs the appliance`
      : low
      ? "free space, or configure another directory"
      : "",
  };
}

function sync(subject: DoctorSubject, facts: HostFacts): Finding {
  const { disk } = facts;
  const timed = disk.exists && disk.error === "";
  const slow = timed && subject.synced && disk.syncUsMedian > SLOW_SYNC_US;
  return {
    subject: "fdatasync",
    severity: !timed ? "info" : slow ? "warning" : "ok",
    found: timed
      ? `4 KiB: median ${Math.round(disk.syncUsMedian)} us, worst ${
        Math.round(disk.syncUsMax)
      } us`
      : "not timed: no data directory to write to",
    wanted: `${SLOW_SYNC_US} us at most`,
    why: subject.synced
      ? "each group of orders waits for it before it is acknowledged"
      : "only durability = synced waits for it",
    remedy: slow
      ? "a disk with a protected write cache, or a lower durability"
      : "",
  };
}
