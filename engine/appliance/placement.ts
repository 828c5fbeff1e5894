// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Puts memory onto the NUMA node of the core whose thread uses it, and looks
 * afterwards where it is.
 *
 * ```
 *   pinned thread ─▶ its node preferred ─▶ maps, fills ─▶ bound ─▶ pages counted
 * ```
 *
 * The shared region goes to the node of the exchange's core. Cold path, at
 * start. Memory that could not be had there is not an error: it is slower, and
 * the log says so.
 *
 * @module
 */
import {
  bindToNode,
  type MemoryRegion,
  NativeError,
  nodeOfCore,
  placementOf,
  preferNode,
} from "../../ffi/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { coresText } from "./host_reader.ts";
import type { ThreadPlan } from "./topology.ts";

const PAGE_BYTES = 4096;
const HUGE_PAGE_BYTES = 2 ** 21;

/** Cores of threads that are pinned. */
export function pinnedCoresOf(threads: readonly ThreadPlan[]): number[] {
  return [
    ...new Set(threads.map(({ core }) => core).filter((core) => core >= 0)),
  ];
}

/** The core whose node the shared region goes to; -1 = threads are not pinned. */
export function homeCore(threads: readonly ThreadPlan[]): number {
  return threads.find(({ agents }) => agents.includes("exchange"))?.core ?? -1;
}

/** "2-3 on node 0, 8 on node 1", in the order of the nodes. */
export function spreadText(
  cores: readonly number[],
  nodeOf: (core: number) => number,
): string {
  const byNode = new Map<number, number[]>();
  for (const core of cores) {
    const node = nodeOf(core);
    byNode.set(node, [...byNode.get(node) ?? [], core]);
  }
  return [...byNode].sort(([a], [b]) => a - b)
    .map(([node, list]) => `${coresText(list)} on node ${node}`)
    .join(", ");
}

/** Node of a core; 0 if there is no such core, which pinning will say. */
function nodeOrZero(core: number): number {
  try {
    return nodeOfCore(core);
  } catch (error) {
    if (error instanceof NativeError) return 0;
    throw error;
  }
}

/** Says where pinned threads lie, once, before memory is mapped. */
export function announceNodes(
  threads: readonly ThreadPlan[],
  nodes: number,
  log: Log,
  nodeOf: (core: number) => number = nodeOrZero,
): void {
  const cores = pinnedCoresOf(threads);
  if (cores.length === 0) return;
  const spread = spreadText(cores, nodeOf);
  if (nodes <= 1) {
    log.info("one NUMA node: all memory is local", { cores: coresText(cores) });
  } else if (new Set(cores.map(nodeOf)).size === 1) {
    log.info("all pinned cores are on one NUMA node", { cores: spread });
  } else {
    log.warn(
      "pinned cores lie on several NUMA nodes: what they share is far from " +
        "some. Pin to cores of one node",
      { cores: spread },
    );
  }
}

/** Runs what maps memory with a node preferred. */
export function onNodeOf<T>(core: number, log: Log, map: () => T): T {
  const preferred = core >= 0 && preferNodeOf(core, log);
  try {
    return map();
  } finally {
    if (preferred) preferNode(-1);
  }
}

/** From now on the calling thread's memory comes from the node of a core; false if that can not be had. */
export function preferNodeOf(core: number, log: Log): boolean {
  return attempt(log, () => preferNode(nodeOrZero(core)));
}

/** Binds what was mapped to the node of a core, and tells of what is not there. */
export function settle(
  regions: readonly MemoryRegion[],
  core: number,
  log: Log,
): void {
  if (core < 0 || regions.length === 0) return;
  const node = nodeOrZero(core);
  const pages = { there: 0, elsewhere: 0, unknown: 0 };
  const settled = attempt(log, () => {
    for (const { address, mappedBytes, hugePages } of regions) {
      bindToNode(address, mappedBytes, node);
      const step = hugePages ? HUGE_PAGE_BYTES : PAGE_BYTES;
      const found = placementOf(address, mappedBytes, step, node);
      pages.there += found.there;
      pages.elsewhere += found.elsewhere;
      pages.unknown += found.unknown;
    }
  });
  if (!settled) return;
  const fields = { core, node, ...pages };
  if (pages.elsewhere + pages.unknown === 0) {
    log.debug("memory lies on the node of its core", fields);
    return;
  }
  log.warn(
    "memory does not lie on the node of its core: that has too few pages free. " +
      `Raise /sys/devices/system/node/node${node}/hugepages/` +
      "hugepages-2048kB/nr_hugepages",
    fields,
  );
}

/** False, with a line in the log, if the kernel or a filter refuses. */
function attempt(log: Log, act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    log.warn("memory is not bound to a NUMA node", { error: error.message });
    return false;
  }
}
