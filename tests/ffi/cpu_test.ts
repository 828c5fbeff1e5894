// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Cores of the calling thread, and ways to wait.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  coreCount,
  cpuPause,
  cpuSleep,
  cpuYield,
  currentCore,
  getAffinity,
  nodeOfCore,
  pinThread,
  setAffinity,
  setRealTime,
  setThreadName,
} from "../../ffi/cpu.ts";
import { NativeError } from "../../ffi/native_error.ts";

Deno.test("pinThread() moves the thread to each allowed core", () => {
  const before = getAffinity();
  assert(before.length >= 1 && before.length <= 1024);
  try {
    for (const core of before) {
      pinThread(core);
      assertEquals(getAffinity(), [core]);
      assertEquals(currentCore(), core);
    }
  } finally {
    setAffinity(before);
  }
  assertEquals(getAffinity(), before);
});

Deno.test("setAffinity() refuses cores that are not there", () => {
  const before = getAffinity();
  const error = assertThrows(() => setAffinity([1023]), NativeError);
  assertEquals(error.code, 22);
  assertThrows(() => setAffinity([]), NativeError);
  for (const core of [-1, 1024, 0.5, NaN]) {
    assertThrows(() => setAffinity([core]), RangeError);
  }
  assertEquals(getAffinity(), before);
});

Deno.test("nodeOfCore() knows each core and no other", () => {
  assert(coreCount() >= 1);
  for (const core of getAffinity()) assert(nodeOfCore(core) >= 0);
  assertThrows(() => nodeOfCore(1 << 20), NativeError);
});

Deno.test("setThreadName() names the calling thread", () => {
  setThreadName("ferrule-a-name-too-long");
  setThreadName("ferrule-test");
  cpuYield();
  cpuPause(10);
  cpuSleep(1);
});

/** The calling thread's policy and priority, as the kernel shows them. */
function schedule(): { policy: number; priority: number } {
  const [tid] = Deno.readTextFileSync("/proc/thread-self/stat").split(" ");
  const fields = Deno.readTextFileSync(`/proc/self/task/${tid}/stat`)
    .replace(/^.*\) /, "").split(" ");
  // Fields 40 and 41 of proc(5), counted from the one after the name, 3.
  return { priority: Number(fields[37]), policy: Number(fields[38]) };
}

Deno.test("setRealTime() makes a thread of the real-time class, and ordinary again", () => {
  const FIFO = 1;
  try {
    setRealTime(7);
  } catch (error) {
    // Without the right to it, the error says how to get it.
    if (!(error instanceof NativeError)) throw error;
    assertEquals(error.code, 1);
    assertStringIncludes(error.message, "LimitRTPRIO=7");
    return;
  }
  try {
    assertEquals(schedule(), { policy: FIFO, priority: 7 });
  } finally {
    setRealTime(0);
  }
  assertEquals(schedule(), { policy: 0, priority: 0 });
  assertThrows(() => setRealTime(100), NativeError, "EINVAL");
});
