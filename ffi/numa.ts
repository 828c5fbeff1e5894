// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which NUMA node memory comes from, and where it lies. Any thread, at start
 * only. On a kernel without NUMA there is one node, and nothing to do.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_numa_prefer: { parameters: ["i32"], result: "i32" },
  ferrule_numa_bind: { parameters: ["f64", "f64", "i32"], result: "i32" },
  ferrule_numa_count: {
    parameters: ["f64", "f64", "f64", "i32", "buffer"],
    result: "i32",
  },
} as const;

const WORDS = 3;
const FILTER = "If a seccomp filter forbids it, allow set_mempolicy, mbind " +
  "and move_pages in the unit (SystemCallFilter=)";

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** Memory by its place. */
export interface Placement {
  /** Pages on the node that was asked about. */
  readonly there: number;
  /** Pages on other nodes. */
  readonly elsewhere: number;
  /** Pages that the kernel does not tell of. */
  readonly unknown: number;
}

/**
 * From now on this thread's memory comes from a node while that has any.
 *
 * @param node -1 = from wherever the thread runs, as usual.
 * @throws {NativeError} If there is no such node, or the kernel knows none.
 */
export function preferNode(node: number): void {
  unwrap(
    native().ferrule_numa_prefer(node),
    `take the thread's memory from NUMA node ${node}`,
    FILTER,
  );
}

/**
 * Binds mapped memory to a node; what lies elsewhere moves if it can.
 *
 * @throws {NativeError} If there is no such node, or the kernel knows none.
 */
export function bindToNode(address: number, bytes: number, node: number): void {
  unwrap(
    native().ferrule_numa_bind(address, bytes, node),
    `bind ${bytes} bytes to NUMA node ${node}`,
    FILTER,
  );
}

/**
 * Where mapped memory lies.
 *
 * @param step Looks at one page in so many bytes: the size of a page for all.
 */
export function placementOf(
  address: number,
  bytes: number,
  step: number,
  node: number,
): Placement {
  const result = new Float64Array(WORDS);
  unwrap(
    native().ferrule_numa_count(address, bytes, step, node, result),
    `ask where ${bytes} bytes lie`,
    FILTER,
  );
  return { there: result[0]!, elsewhere: result[1]!, unknown: result[2]! };
}
