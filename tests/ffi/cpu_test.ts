// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Cores of the calling thread, and ways to wait.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
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
