// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the calling thread runs, and how it waits. Each call concerns the
 * thread that makes it: a worker pins itself. `cpuYield`, `cpuPause` and
 * `cpuSleep` are for idle strategies and allocate nothing.
 *
 * @module
 */
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_cpu_count: { parameters: [], result: "i32" },
  ferrule_cpu_current: { parameters: [], result: "i32" },
  ferrule_cpu_node: { parameters: ["i32"], result: "i32" },
  ferrule_cpu_set_affinity: { parameters: ["buffer"], result: "i32" },
  ferrule_cpu_get_affinity: { parameters: ["buffer"], result: "i32" },
  ferrule_cpu_set_name: { parameters: ["buffer"], result: "i32" },
  ferrule_cpu_set_realtime: { parameters: ["i32"], result: "i32" },
  ferrule_cpu_threads: { parameters: ["buffer", "u32"], result: "i32" },
  ferrule_cpu_yield: { parameters: [], result: "void" },
  ferrule_cpu_pause: { parameters: ["u32"], result: "void" },
  ferrule_cpu_sleep: { parameters: ["u32"], result: "void" },
} as const;

const SET_WORDS = 32;
const CORES_MAX = SET_WORDS * 32;
const THREADS_MAX = 1024;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** Cores that are online. */
export function coreCount(): number {
  return native().ferrule_cpu_count();
}

/** The core that the calling thread runs on at this moment. */
export function currentCore(): number {
  return native().ferrule_cpu_current();
}

/**
 * NUMA node of a core; 0 on a machine without nodes.
 *
 * @throws {NativeError} If there is no such core.
 */
export function nodeOfCore(core: number): number {
  return unwrap(
    native().ferrule_cpu_node(core),
    `find the NUMA node of core ${core}`,
  );
}

/** The cores that the calling thread may run on, ascending. */
export function getAffinity(): number[] {
  const words = new Uint32Array(SET_WORDS);
  unwrap(native().ferrule_cpu_get_affinity(words), "read the thread's cores");
  const cores: number[] = [];
  for (let core = 0; core < CORES_MAX; core++) {
    if ((words[core >>> 5]! >>> (core & 31) & 1) === 1) cores.push(core);
  }
  return cores;
}

/**
 * Lets the calling thread run on these cores only.
 *
 * @throws {NativeError} If none of them is online or allowed to the process.
 * @throws {RangeError} If a number is no core.
 */
export function setAffinity(cores: readonly number[]): void {
  const words = new Uint32Array(SET_WORDS);
  for (const core of cores) {
    if (!Number.isInteger(core) || core < 0 || core >= CORES_MAX) {
      throw new RangeError(
        `Core ${core} is not between 0 and ${CORES_MAX - 1}`,
      );
    }
    words[core >>> 5]! |= 1 << (core & 31);
  }
  unwrap(
    native().ferrule_cpu_set_affinity(words),
    `pin the thread to cores ${cores.join(",")}`,
    `The machine has ${coreCount()} cores; a cgroup (AllowedCPUs=) may allow fewer`,
  );
}

/** Pins the calling thread to one core; throws as `setAffinity`. */
export function pinThread(core: number): void {
  setAffinity([core]);
}

/** Names the calling thread for `top -H`; 15 bytes are kept. */
export function setThreadName(name: string): void {
  unwrap(
    native().ferrule_cpu_set_name(cString(name)),
    `name the thread ${name}`,
  );
}

/**
 * Gives the calling thread real-time priority (SCHED_FIFO): it gives its core
 * up only when it waits. Threads that it makes later are ordinary ones.
 *
 * @param priority 1 to 99; 0 = an ordinary thread again.
 * @throws {NativeError} If the process may not.
 */
export function setRealTime(priority: number): void {
  unwrap(
    native().ferrule_cpu_set_realtime(priority),
    `give the thread real-time priority ${priority}`,
    "The process needs RLIMIT_RTPRIO of as much, or CAP_SYS_NICE: set " +
      `LimitRTPRIO=${priority}, RestrictRealtime=no and ` +
      "SystemCallFilter=sched_setscheduler in a drop-in of the unit, or " +
      "[topology] real_time_priority = 0",
  );
}

/** The kernel's numbers of this process's threads: names in `/proc/self/task`. */
export function threadIds(): number[] {
  const ids = new Int32Array(THREADS_MAX);
  const count = unwrap(
    native().ferrule_cpu_threads(ids, THREADS_MAX),
    "list the process's threads",
  );
  return [...ids.subarray(0, count)].sort((a, b) => a - b);
}

/** Lets another thread of this core run, if one waits. */
export function cpuYield(): void {
  native().ferrule_cpu_yield();
}

/** The processor's spin-wait hint, `count` times. */
export function cpuPause(count: number): void {
  native().ferrule_cpu_pause(count);
}

/** Sleeps for about this many microseconds. */
export function cpuSleep(durationUs: number): void {
  native().ferrule_cpu_sleep(durationUs);
}
