// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * NUMA policy of threads and memory, against the kernel's own tables in /proc.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  allocate,
  mappedRegions,
  type MemoryRegion,
} from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { bindToNode, placementOf, preferNode } from "../../ffi/numa.ts";

const MIB = 2 ** 20;

/** The kernel's line on a mapping: its policy and its pages by node. */
function kernelLine(region: MemoryRegion): string {
  const address = region.address.toString(16);
  return Deno.readTextFileSync("/proc/self/numa_maps").split("\n")
    .find((line) => line.startsWith(`${address} `)) ?? "";
}

Deno.test("bindToNode() gives memory a policy that the kernel shows", () => {
  const region = allocate(3 * MIB, { hugePages: false });
  try {
    assert(!kernelLine(region).includes("bind"), kernelLine(region));
    bindToNode(region.address, region.mappedBytes, 0);
    assertMatch(kernelLine(region), / bind:0 .* N0=768 /);
  } finally {
    region.dispose();
  }
});

Deno.test("placementOf() counts each page on its node", () => {
  for (const hugePages of [false, true]) {
    const region = allocate(6 * MIB, { hugePages });
    try {
      const { address, mappedBytes } = region;
      assertEquals(placementOf(address, mappedBytes, 4096, 0), {
        there: mappedBytes / 4096,
        elsewhere: 0,
        unknown: 0,
      });
      const other = placementOf(address, mappedBytes, 2 * MIB, 1);
      assertEquals(other.there, 0);
      assertEquals(other.elsewhere, mappedBytes / (2 * MIB));
    } finally {
      region.dispose();
    }
  }
});

Deno.test("placementOf() tells of pages that are not there", () => {
  const region = allocate(MIB, { hugePages: false });
  const { address, mappedBytes } = region;
  region.dispose();
  const { there, unknown } = placementOf(address, mappedBytes, 4096, 0);
  assertEquals(there + unknown, 256);
  assert(unknown > 0);
  assertThrows(() => placementOf(address, MIB, 0, 0), NativeError);
});

Deno.test("preferNode() refuses nodes that are not there", () => {
  preferNode(0);
  preferNode(-1);
  for (const node of [63, 64, -2]) {
    assertThrows(() => preferNode(node), NativeError, `node ${node}`);
  }
  const region = allocate(4096, { hugePages: false });
  try {
    assertThrows(() => bindToNode(region.address, 4096, 63), NativeError);
    assertThrows(() => bindToNode(region.address, 4096, -1), NativeError);
  } finally {
    region.dispose();
  }
});

Deno.test("mappedRegions() knows what is mapped and not disposed of", () => {
  const before = mappedRegions().length;
  const region = allocate(4096, { hugePages: false });
  assert(mappedRegions().includes(region));
  region.dispose();
  region.dispose();
  assertEquals(mappedRegions().length, before);
});
