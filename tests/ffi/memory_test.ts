// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Mapped memory: zeroed, shared by address, honest about its fallbacks.
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
  addressOf,
  allocate,
  attach,
  memoryInfo,
  type MemoryRegion,
  memorySelfTest,
} from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { crc32c, crc32cOf } from "../../ffi/crc32c.ts";

function checkRegion(region: MemoryRegion, bytes: number): void {
  assertEquals(region.bytes, bytes);
  assertEquals(region.buffer.byteLength, bytes);
  assert(region.mappedBytes >= bytes);
  assertEquals(region.address % 4096, 0);
  const view = new Uint8Array(region.buffer);
  assertEquals(view.findIndex((byte) => byte !== 0), -1);
  view[bytes - 1] = 9;
  assertEquals(new Uint8Array(attach(region.address, bytes))[bytes - 1], 9);
}

for (
  const bytes of [1, 4095, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1]
) {
  Deno.test(`allocate() maps ${bytes} zeroed bytes of ordinary pages`, () => {
    const region = allocate(bytes, { hugePages: false });
    try {
      checkRegion(region, bytes);
      assertEquals(region.hugePages, false);
    } finally {
      region.dispose();
    }
  });
}

Deno.test("allocate() maps huge pages, or says why it could not", () => {
  const before = memoryInfo();
  const region = allocate(2 << 20, { hugePages: true });
  try {
    checkRegion(region, 2 << 20);
    if (region.hugePages) {
      assertEquals(region.locked, true);
      assertEquals(region.reason, "");
      assertEquals(region.address % (2 << 20), 0);
    } else {
      assertStringIncludes(region.reason, "vm.nr_hugepages");
      console.log(
        "SKIPPED: allocate() maps huge pages: " +
          `${before.hugePagesFree} huge pages are free`,
      );
    }
  } finally {
    region.dispose();
  }
});

Deno.test("allocate() falls back with a reason when huge pages do not suffice", () => {
  const info = memoryInfo();
  const bytes = (info.hugePagesTotal + 1) * info.hugePageBytes;
  if (bytes > 2 ** 30) {
    console.log(
      "SKIPPED: allocate() falls back with a reason when huge pages do not suffice: " +
        `${info.hugePagesTotal} huge pages are too many to ask for more`,
    );
    return;
  }
  const region = allocate(bytes, { hugePages: true });
  try {
    assertEquals(region.hugePages, false);
    assertStringIncludes(region.reason, "No huge pages (ENOMEM)");
    assertStringIncludes(region.reason, `${info.hugePagesTotal + 1} pages`);
  } finally {
    region.dispose();
  }
});

Deno.test("allocate() refuses sizes that are none", () => {
  for (const bytes of [0, -1, NaN, Infinity, 2 ** 60]) {
    const error = assertThrows(
      () => allocate(bytes, { hugePages: false }),
      NativeError,
    );
    assertEquals(error.code, 22, `${bytes} bytes`);
  }
});

Deno.test("MemoryRegion.dispose() leaves empty views and may be called twice", () => {
  const region = allocate(4096, { hugePages: false });
  const view = new Uint8Array(region.buffer);
  region.dispose();
  region.dispose();
  assertEquals(view.length, 0);
  assertEquals(view[0], undefined);
});

Deno.test("memorySelfTest() passes on this Deno", () => memorySelfTest());

Deno.test("memoryInfo() is consistent", () => {
  const info = memoryInfo();
  assert(info.hugePagesFree <= info.hugePagesTotal);
  assertEquals(info.hugePageBytes, 2 << 20);
  assert(info.lockLimitBytes <= info.lockLimitMaxBytes);
  assert(info.pageBytes >= 4096);
});

Deno.test("addressOf() is the address of small, large and offset views", () => {
  for (const bytes of [1, 8, 64, 65, 4096]) {
    const memory = new Uint8Array(bytes + 3).map((_, at) => at * 7);
    const view = memory.subarray(3);
    assertEquals(crc32c(addressOf(view), bytes), crc32cOf(view));
  }
});

Deno.test("a region is shared between workers by its address", async () => {
  const region = allocate(4096, { hugePages: false });
  const worker = new Worker(new URL("memory_worker.ts", import.meta.url), {
    type: "module",
  });
  try {
    const words = new Int32Array(region.buffer);
    words[0] = 41;
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    worker.postMessage({ address: region.address, bytes: region.bytes });
    assertEquals(await answer, "done");
    assertEquals(Atomics.load(words, 0), 42);
    assertEquals(words[1], 7);
  } finally {
    worker.terminate();
    region.dispose();
  }
});
