// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What this host has done to our threads so far, and what happened between two
 * looks: switches of context, page faults, waits for a core, interrupts, time
 * that the hypervisor took. Main thread; reads /proc; allocates.
 *
 * @module
 */
import { Clock, readText, threadIds } from "../../ffi/mod.ts";

/** Counts of one thread since it began. */
export interface ThreadCounts {
  /** The kernel's number of it. */
  readonly id: number;
  readonly name: string;
  /** Core that it ran on last. */
  readonly core: number;
  /** Context switches: it went by itself, it was made to go. */
  readonly voluntary: number;
  readonly involuntary: number;
  /** Page faults: without the disk, with it. */
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** Nanoseconds on a core, and ready but without one. */
  readonly ranNs: number;
  readonly waitedNs: number;
}

/** Everything that is counted, at one moment. */
export interface HostSample {
  /** Nanoseconds since 1970, to 256 ns. */
  readonly timeNs: number;
  readonly threads: readonly ThreadCounts[];
  /** By name of the interrupt, for each core. */
  readonly interrupts: ReadonlyMap<string, readonly number[]>;
  /** Hundredths of a second that the hypervisor gave to others, for each core. */
  readonly stolen: readonly number[];
}

/** What happened to a core. */
export interface CoreChange {
  readonly core: number;
  readonly stolenMs: number;
  /** Most first. */
  readonly interrupts: readonly {
    readonly name: string;
    readonly count: number;
  }[];
}

/** What happened between two samples. */
export interface HostChange {
  readonly fromNs: number;
  readonly toNs: number;
  /** Differences; threads that began or ended meanwhile are left out. */
  readonly threads: readonly ThreadCounts[];
  /** Those that our threads ran on. */
  readonly cores: readonly CoreChange[];
}

/** Threads of ours by name; the others are the runtime's. */
const OWN = "ferrule-";
const TICK_MS = 10;

/** Reads the counts of the main thread and of those that carry agents. */
export function hostSample(clock: Clock = new Clock()): HostSample {
  clock.realtime();
  return {
    timeNs: clock.toNumber(),
    threads: threadIds().map(threadCounts).filter((one) => one !== undefined),
    interrupts: parseInterrupts(readText("/proc/interrupts")),
    stolen: parseStolen(readText("/proc/stat")),
  };
}

function threadCounts(id: number): ThreadCounts | undefined {
  const folder = `/proc/self/task/${id}`;
  const stat = parseThreadStat(readText(`${folder}/stat`));
  if (stat === undefined) return undefined;
  const main = id === Deno.pid;
  if (!main && !stat.name.startsWith(OWN)) return undefined;
  const status = readText(`${folder}/status`);
  const counted = (field: string): number =>
    Number(new RegExp(`^${field}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const [ranNs = 0, waitedNs = 0] = readText(`${folder}/schedstat`)
    .split(" ").map(Number);
  return {
    id,
    ...stat,
    name: main ? "main" : stat.name.slice(OWN.length),
    voluntary: counted("voluntary_ctxt_switches"),
    involuntary: counted("nonvoluntary_ctxt_switches"),
    ranNs,
    waitedNs,
  };
}

/** The parts of /proc/…/stat that are wanted; undefined if it is none. */
export function parseThreadStat(
  text: string,
):
  | Pick<ThreadCounts, "name" | "core" | "minorFaults" | "majorFaults">
  | undefined {
  // A name may have spaces and brackets; what follows has none.
  const match = /^\d+ \((.*)\) (.*)$/s.exec(text);
  if (match === null) return undefined;
  const fields = match[2]!.split(" ");
  // The third field of the line is the first here.
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  return {
    name: match[1]!,
    minorFaults: field(10),
    majorFaults: field(12),
    core: field(39),
  };
}

/** Reads /proc/interrupts: counts for each core, by "LOC Local timer interrupts". */
export function parseInterrupts(text: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const [head = "", ...lines] = text.split("\n");
  const cores = head.trim().split(/\s+/).filter((one) => /^CPU\d/.test(one));
  for (const line of lines) {
    const match = /^\s*(\w+):\s+(.*)$/.exec(line);
    if (match === null) continue;
    const words = match[2]!.split(/\s+/);
    // ERR and MIS have one count for all.
    if (words.length <= cores.length) continue;
    const counts = words.slice(0, cores.length).map(Number);
    const name = `${match[1]} ${words.slice(cores.length).join(" ")}`;
    found.set(name.trim(), counts);
  }
  return found;
}

/** Reads the stolen time of each core from /proc/stat. */
export function parseStolen(text: string): number[] {
  const stolen: number[] = [];
  for (const [, core, rest] of text.matchAll(/^cpu(\d+) (.*)$/gm)) {
    stolen[Number(core)] = Number(rest!.split(" ")[7] ?? 0);
  }
  return stolen;
}

/** What happened between two samples. */
export function hostChange(from: HostSample, to: HostSample): HostChange {
  const before = new Map(from.threads.map((thread) => [thread.id, thread]));
  const threads = to.threads.flatMap((now) => {
    const then = before.get(now.id);
    return then === undefined ? [] : [threadChange(then, now)];
  });
  const cores = [...new Set(threads.map(({ core }) => core))].sort((a, b) =>
    a - b
  );
  return {
    fromNs: from.timeNs,
    toNs: to.timeNs,
    threads,
    cores: cores.map((core) => coreChange(core, from, to)),
  };
}

function threadChange(then: ThreadCounts, now: ThreadCounts): ThreadCounts {
  return {
    id: now.id,
    name: now.name,
    core: now.core,
    voluntary: now.voluntary - then.voluntary,
    involuntary: now.involuntary - then.involuntary,
    minorFaults: now.minorFaults - then.minorFaults,
    majorFaults: now.majorFaults - then.majorFaults,
    ranNs: now.ranNs - then.ranNs,
    waitedNs: now.waitedNs - then.waitedNs,
  };
}

function coreChange(
  core: number,
  from: HostSample,
  to: HostSample,
): CoreChange {
  const interrupts = [...to.interrupts]
    .map(([name, counts]) => ({
      name,
      count: (counts[core] ?? 0) - (from.interrupts.get(name)?.[core] ?? 0),
    }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  const ticks = (to.stolen[core] ?? 0) - (from.stolen[core] ?? 0);
  return { core, stolenMs: ticks * TICK_MS, interrupts };
}
