// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Watches, while the appliance runs, that interrupts and other threads stay
 * away from the cores of its threads.
 *
 * ```
 *   /proc/interrupts, /proc/self/task/TID/status ─▶ look ─▶ metrics
 *                                 since the last look ─▶ judge ─▶ a line when it begins to be bad, and when it ends
 * ```
 *
 * Main thread, every ten seconds: two dozen small files, less than a
 * millisecond. The threads that are watched take no part in it.
 *
 * @module
 */
import type { Log } from "../telemetry/mod.ts";
import { type HostReader, parseCores } from "./host_reader.ts";
import type { GaugeSource } from "./metrics.ts";
import { isFollower, type ThreadPlan } from "./topology.ts";

/** Between two judgements. */
export const CORE_WATCH_MS = 10_000;
/** In ten seconds: one a second can be the kernel's own housekeeping. */
const SWITCHES_MAX = 10;
/** In ten seconds, besides the tick: what a core sees that no device is aimed at. */
const INTERRUPTS_MAX = 200;
/** In ten seconds, on a core that shall have no tick. */
const TICKS_MAX = 200;
/** Row of /proc/interrupts that is the tick. */
const TICK = "LOC";
/** Sources and threads that a line names. */
const NAMED_MAX = 5;
/** Tasks that are looked through for who runs on a core. */
const TASKS_MAX = 4096;
const THREAD_NAME_LENGTH = 15;

/** Interrupts of one core since boot, by the row's name. */
export type InterruptCounts = ReadonlyMap<string, number>;

/** What was counted at one moment, since boot or since a thread began. */
export interface CoreLook {
  /** By core. */
  readonly interrupts: ReadonlyMap<number, InterruptCounts>;
  /** Times that a thread had to give its core up, by the thread's name. */
  readonly switches: ReadonlyMap<string, number>;
}

/** What is wrong with a core between two looks. */
export interface CoreTrouble {
  readonly switches: number;
  /** Besides the tick. */
  readonly interrupts: number;
  readonly ticks: number;
  /** "36 virtio1-req.0: 812", most first. */
  readonly sources: readonly string[];
}

/** Interrupts of some cores, from the text of /proc/interrupts. */
export function parseInterrupts(
  text: string,
  cores: readonly number[],
): Map<number, Map<string, number>> {
  const [head = "", ...rows] = text.split("\n");
  const columns = head.trim().split(/\s+/).map((name) =>
    Number(name.replace("CPU", ""))
  );
  const found = new Map(cores.map((core) => [core, new Map<string, number>()]));
  for (const row of rows) {
    const match = /^\s*(\w+):\s*(.*)$/.exec(row);
    if (match === null) continue;
    const fields = match[2]!.trim().split(/\s+/);
    const device = /^\d+$/.test(match[1]!) ? ` ${fields.at(-1)!}` : "";
    for (const core of cores) {
      const column = columns.indexOf(core);
      const count = column < 0 ? NaN : Number(fields[column]);
      // The rows of errors have one number for all cores.
      if (!Number.isFinite(count) || fields.length < columns.length) continue;
      found.get(core)!.set(match[1]! + device, count);
    }
  }
  return found;
}

/** `nonvoluntary_ctxt_switches` of a thread's status. */
export function parseSwitches(status: string): number {
  return Number(/^nonvoluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}

/** What came between two looks, and whether it is too much; undefined = it is not. */
export function troubleOf(
  before: CoreLook,
  after: CoreLook,
  thread: { readonly name: string; readonly core: number },
  tickless: boolean,
): CoreTrouble | undefined {
  const was = before.interrupts.get(thread.core);
  const rows = [...after.interrupts.get(thread.core) ?? []]
    .map(([row, count]) => [row, count - (was?.get(row) ?? 0)] as const)
    .filter(([, count]) => count > 0);
  const ticks = rows.find(([row]) => row === TICK)?.[1] ?? 0;
  const others = rows.filter(([row]) => row !== TICK);
  const interrupts = others.reduce((sum, [, count]) => sum + count, 0);
  const switches = (after.switches.get(thread.name) ?? 0) -
    (before.switches.get(thread.name) ?? 0);
  const bad = switches > SWITCHES_MAX || interrupts > INTERRUPTS_MAX ||
    tickless && ticks > TICKS_MAX;
  if (!bad) return undefined;
  const sources = others.sort(([, a], [, b]) => b - a).slice(0, NAMED_MAX)
    .map(([row, count]) => `${row}: ${count}`);
  return { switches, interrupts, ticks, sources };
}

/** Looks at the cores and threads of one appliance. */
export class CoreWatch {
  readonly #threads: readonly ThreadPlan[];
  readonly #cores: readonly number[];
  readonly #reader: HostReader;
  readonly #log: Log;
  readonly #tickless: readonly number[];
  /** Cores that were bad at the last judgement. */
  readonly #bad = new Set<number>();
  #first: CoreLook | undefined;
  #last: CoreLook | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(threads: readonly ThreadPlan[], reader: HostReader, log: Log) {
    this.#threads = threads;
    this.#cores = [
      ...new Set(threads.map(({ core }) => core).filter((core) => core >= 0)),
    ];
    this.#reader = reader;
    this.#log = log;
    this.#tickless = parseCores(
      reader.text("/sys/devices/system/cpu/nohz_full"),
    );
  }

  /** From now on it looks by itself. */
  start(): void {
    this.#first = this.#last = this.look();
    this.#timer = setInterval(() => this.judge(), CORE_WATCH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads everything once. */
  look(): CoreLook {
    const switches = new Map<string, number>();
    for (const { tid, name } of this.#tasks("/proc/self/task")) {
      const thread = this.#threads.find((one) => taskName(one) === name);
      if (thread === undefined) continue;
      const status = this.#reader.text(`/proc/self/task/${tid}/status`);
      switches.set(thread.name, parseSwitches(status));
    }
    const interrupts = this.#cores.length === 0
      ? new Map()
      : parseInterrupts(this.#reader.text("/proc/interrupts"), this.#cores);
    return { interrupts, switches };
  }

  /** Compares with the last look, and logs where a core begins to be bad or ends. */
  judge(): void {
    const before = this.#last;
    const after = this.look();
    this.#last = after;
    if (before === undefined) return;
    for (const thread of this.#threads) {
      if (thread.core < 0 || isFollower(thread.agents)) continue;
      const { core } = thread;
      const tickless = this.#tickless.includes(core);
      const trouble = troubleOf(before, after, thread, tickless);
      if (trouble === undefined) {
        if (!this.#bad.delete(core)) continue;
        this.#log.info("a core is left alone again", { core });
      } else if (!this.#bad.has(core)) {
        this.#bad.add(core);
        this.#log.warn(
          "a core is disturbed: other threads or interrupts come to it. " +
            "main.ts doctor says how to keep them away",
          {
            core,
            thread: thread.name,
            seconds: CORE_WATCH_MS / 1000,
            ...trouble,
            sources: trouble.sources.join(", "),
            others: this.#running(core).join(", "),
          },
        );
      }
    }
  }

  /** The figures, as counted since `start()`. */
  gauges(): GaugeSource[] {
    return [
      {
        name: "core_interrupts_total",
        help: "Interrupts on a core that a thread is pinned to, the tick too",
        kind: "counter",
        labels: ["core"],
        read: () => {
          const first = this.#first;
          if (first === undefined) return [];
          const now = this.look();
          return this.#cores.map((core) => [
            { core: String(core) },
            total(now, core) - total(first, core),
          ]);
        },
      },
      {
        name: "involuntary_switches_total",
        help: "Times that a thread had to give its core up to another",
        kind: "counter",
        labels: ["agent"],
        read: () => {
          const first = this.#first?.switches;
          if (first === undefined) return [];
          return [...this.look().switches].map(([agent, count]) => [
            { agent },
            Math.max(0, count - (first.get(agent) ?? 0)),
          ]);
        },
      },
    ];
  }

  #tasks(path: string): { tid: string; name: string }[] {
    return this.#reader.list(path).map((tid) => ({
      tid,
      name: this.#reader.text(`${path}/${tid}/comm`),
    }));
  }

  /** Names of other threads that want to run on a core at this moment. */
  #running(core: number): string[] {
    const ours = new Set(this.#threads.map(taskName));
    const names = new Set<string>();
    let looked = 0;
    for (const process of this.#reader.list("/proc")) {
      if (!/^\d+$/.test(process)) continue;
      for (const tid of this.#reader.list(`/proc/${process}/task`)) {
        if (++looked > TASKS_MAX || names.size >= NAMED_MAX) return [...names];
        const name = runsOn(
          this.#reader.text(`/proc/${process}/task/${tid}/stat`),
          core,
        );
        if (name !== "" && !ours.has(name)) names.add(name);
      }
    }
    return [...names];
  }
}

/** Name of a task that is running or ready on a core, from its stat; "" = it is not. */
export function runsOn(stat: string, core: number): string {
  const match = /^\d+ \((.*)\) (\S) (.*)$/s.exec(stat);
  if (match === null || match[2] !== "R") return "";
  // Field 39 of proc(5); the rest begins with field 4.
  return Number(match[3]!.split(" ")[35]) === core ? match[1]! : "";
}

function taskName(thread: ThreadPlan): string {
  return `ferrule-${thread.name}`.slice(0, THREAD_NAME_LENGTH);
}

function total(look: CoreLook, core: number): number {
  let sum = 0;
  for (const count of look.interrupts.get(core)?.values() ?? []) sum += count;
  return sum;
}
