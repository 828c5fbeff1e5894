// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor says, and of whom: the words that all its checks share.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { Peer } from "./network_facts.ts";

/**
 * `info`: good to know. `warning`: the appliance starts, and is slower or less
 * safe than it can be. `error`: as configured, it does not start.
 */
export type Severity = "ok" | "info" | "warning" | "error";

/** Parts of the table, in this order. */
export const SECTIONS = [
  "program",
  "cores",
  "memory",
  "network",
  "disk",
  "time",
  "limits",
  "peers",
] as const;
export type Section = typeof SECTIONS[number];

/** What one check says. */
export interface Judgement {
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

/** One thing that was looked at. */
export interface Finding extends Judgement {
  readonly section: Section;
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
  /** Those of the engine, which nobody shall disturb. */
  readonly engineCores: readonly number[];
  /** Idle threads spin: their cores never sleep. */
  readonly spins: boolean;
  /** SCHED_FIFO priority of the engine's threads; 0 = none. */
  readonly realTimePriority: number;
  /** Files and connections that may be open at a time. */
  readonly openFiles: number;
  /** Where the journal lies. */
  readonly dataDirectory: string;
  /** The configuration file; "" = the defaults. */
  readonly configFile: string;
  /** The journal waits for the disk before it releases anything. */
  readonly synced: boolean;
  /** Who shall wait for the kernel's sockets. */
  readonly transport: Config["transport"]["kind"];
  /** Addresses that clients are served at. */
  readonly addresses: readonly string[];
  /** A port is driven through DPDK. */
  readonly dpdk: boolean;
  /** Its device; "" = none. */
  readonly dpdkDevice: string;
  readonly peers: readonly Peer[];
}

/** The same, with its remedy only where there is something to mend. */
export function judge(finding: Judgement): Judgement {
  const mend = finding.severity === "warning" || finding.severity === "error";
  return mend ? finding : { ...finding, remedy: "" };
}
