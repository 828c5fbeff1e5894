// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What this host lacks for the appliance as configured, why it matters, and
 * how to mend it.
 *
 * ```
 *   Config ─▶ DoctorSubject ─┐
 *   host ───▶ HostFacts ─────┴─▶ examine(), pure ─▶ findings ─▶ table, JSON, exit code
 * ```
 *
 * Main thread, cold path, allocates. Nothing here changes the host.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { dpdkMemoryBytes } from "../../ffi/dpdk.ts";
import { libraryPath, uringLayout } from "../../ffi/mod.ts";
import { Exchange } from "../exchange/mod.ts";
import { COMMAND_SLOT_BYTES } from "../record/mod.ts";
import { clockFinding } from "./clock_finding.ts";
import { clockOnce } from "./clock_watch.ts";
import { exchangeCapacity } from "./build_exchange.ts";
import { judgeCores } from "./doctor_cores.ts";
import { judgeDisk, judgeLimits } from "./doctor_disk.ts";
import {
  type DoctorSubject,
  type Finding,
  type Judgement,
  type Section,
  SECTIONS,
  type Severity,
} from "./doctor_finding.ts";
import { judgeMemory } from "./doctor_memory.ts";
import { judgeNetwork, judgePeers, judgeTime } from "./doctor_network.ts";
import {
  type HostFacts,
  hostFacts,
  type HostFactsOptions,
  shimsError,
} from "./host_facts.ts";
import { planOf } from "./memory_plan.ts";
import { FEED_SLOT_BYTES } from "../marketdata/mod.ts";
import type { Peer } from "./network_facts.ts";
import { dpdkPorts } from "./open_dpdk.ts";
import { pinnedCoresOf } from "./placement.ts";
import { isFollower, planThreads } from "./topology.ts";

/** The Deno version that the project is built and tested with. */
export const DENO_VERSION = "2.9.6";

/** What the doctor's exit code says, as monitoring programs read it. */
export const DOCTOR_EXIT = {
  /** Nothing to mend. */
  FINE: 0,
  WARNINGS: 1,
  /** The appliance would not start. */
  ERRORS: 2,
  /** It could not look: no such configuration, no such option. */
  UNKNOWN: 3,
} as const;

/** Of the transport over the kernel's sockets, either way. */
const DATAGRAMS_MAX = 256;
/** Files besides connections: journal, snapshots, stores, libraries. */
const OTHER_FILES = 512;
const MARKS: Readonly<Record<Severity, string>> = {
  ok: "ok     ",
  info: "info   ",
  warning: "WARNING",
  error: "ERROR  ",
};

/** How to examine. */
export interface DoctorOptions extends HostFactsOptions {
  /** The configuration file; "" or left out = the defaults. */
  readonly configFile?: string;
}

/** Examines this host for the appliance as configured. */
export function doctor(config: Config, options: DoctorOptions = {}): Finding[] {
  const program = [runtime(Deno.version.deno), shims(shimsError())];
  // All other facts come through the shims.
  if (program[1]!.severity === "error") return inSection("program", program);
  const subject = doctorSubject(config, options.configFile);
  return [
    ...inSection("program", program),
    ...examine(subject, hostFacts(subject, options)),
    ...inSection("time", [clockFinding(clockOnce(config.clock))]),
  ];
}

/** What a configuration needs. Asks a shim how large its memory is. */
export function doctorSubject(config: Config, configFile = ""): DoctorSubject {
  const { capacity, dpdk, fix, binary, topology } = config;
  const threads = planThreads(config);
  // Followers sleep when there is nothing to follow.
  const engine = threads.filter(({ agents }) => !isFollower(agents));
  // The kernel's polling thread wants a core too.
  const { kernelPollCore } = config.transport;
  const kernelPoll = kernelPollCore >= 0 ? [kernelPollCore] : [];
  return {
    mappingsBytes: mappings(config),
    hugePages: config.memory.hugePages,
    threads: engine.length + kernelPoll.length,
    pinnedCores: [...new Set([...pinnedCoresOf(threads), ...kernelPoll])],
    engineCores: [...new Set([...pinnedCoresOf(engine), ...kernelPoll])],
    spins: topology.sleepUs === 0,
    realTimePriority: topology.realTimePriority,
    openFiles: capacity.connections + OTHER_FILES,
    dataDirectory: config.appliance.dataDirectory,
    configFile,
    synced: config.journal.durability === "synced",
    transport: config.transport.kind,
    addresses: [
      ...new Set([
        fix.address,
        binary.address,
        ...config.feed.enabled
          ? [config.feed.interfaceA, config.feed.interfaceB]
          : [],
      ]),
    ],
    dpdk: dpdk.enabled,
    dpdkDevice: dpdk.enabled ? dpdk.device : "",
    peers: peersOf(config),
  };
}

/** Bytes of each mapping that shall lie in huge pages. */
function mappings(config: Config): number[] {
  const { capacity, feed } = config;
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
  return [
    shared.bytes,
    exchangeBytes,
    // The keeper has both once more.
    ...config.snapshot.enabled ? [shared.bytes, exchangeBytes] : [],
    // So has the feed, and its messages.
    ...feed.enabled
      ? [shared.bytes, exchangeBytes, feed.historyMessages * FEED_SLOT_BYTES]
      : [],
    transport.totalBytes,
    ...dpdkPorts(config).map(dpdkMemoryBytes),
    config.journal.groupRecordsMax * COMMAND_SLOT_BYTES,
  ];
}

/** Machines that this one talks to. */
function peersOf({ replication }: Config): Peer[] {
  if (replication.role === "none") return [];
  const at = (role: string, endpoint: string): Peer => {
    const [address, port] = endpoint.split(":") as [string, string];
    return { role, address, port: Number(port) };
  };
  return [
    ...replication.peers.map((peer) => at("peer", peer)),
    ...replication.leaseServers.map((server) => at("lease server", server)),
  ];
}

/** Judges gathered facts. */
export function examine(subject: DoctorSubject, facts: HostFacts): Finding[] {
  return [
    ...inSection("cores", judgeCores(subject, facts)),
    ...inSection("memory", judgeMemory(subject, facts)),
    ...inSection("network", judgeNetwork(subject, facts)),
    ...inSection("disk", judgeDisk(subject, facts)),
    ...inSection("time", judgeTime(facts)),
    ...inSection("limits", judgeLimits(subject, facts)),
    ...inSection("peers", judgePeers(facts)),
  ];
}

function inSection(
  section: Section,
  judgements: readonly Judgement[],
): Finding[] {
  return judgements.map((judgement) => ({ section, ...judgement }));
}

/** By the worst finding. */
export function exitCode(findings: readonly Finding[]): number {
  const has = (severity: Severity): boolean =>
    findings.some((finding) => finding.severity === severity);
  return has("error")
    ? DOCTOR_EXIT.ERRORS
    : has("warning")
    ? DOCTOR_EXIT.WARNINGS
    : DOCTOR_EXIT.FINE;
}

/** The findings as a table for a person, section by section. */
export function formatDoctor(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const indent = " ".repeat(width + 13);
  const lines: string[] = [];
  for (const section of SECTIONS) {
    const own = findings.filter((finding) => finding.section === section);
    if (own.length === 0) continue;
    lines.push(...lines.length > 0 ? [""] : [], section.toUpperCase());
    for (const { severity, subject, found, wanted, why, remedy } of own) {
      lines.push(`  ${MARKS[severity]}  ${subject.padEnd(width)}  ${found}`);
      if (severity === "ok") continue;
      lines.push(`${indent}wanted: ${wanted}`, `${indent}why:    ${why}`);
      if (remedy !== "") lines.push(`${indent}mend:   ${remedy}`);
    }
  }
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  lines.push(
    "",
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
export function runtime(version: string): Judgement {
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
export function shims(error: string): Judgement {
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
