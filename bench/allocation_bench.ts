// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Does the way of an order allocate? After a warm-up, a million orders go
 * through the running appliance; V8 reports each garbage collection of each
 * thread (`--trace-gc`), and the engine thread its heap.
 *
 * The main thread collects too (it serves this benchmark's questions), so its
 * isolate is found first: it is the only one that collects while the admin
 * port is asked and no order flows.
 *
 * @module
 */
import {
  type RunningAppliance,
  startAppliance,
} from "../tests/appliance/harness.ts";
import {
  buildPrograms,
  runClient,
  SERVER_CORE,
  type ThroughputResult,
} from "./programs.ts";
import { printTable, saveResult } from "./stats.ts";

const WARMUP_ORDERS = 6_000_000;
const ORDERS = 1_000_000;
const ORDERS_FEW = 1000;
/** Questions to the admin port that surely make the main thread collect. */
const QUESTIONS = 400;
const SETTLE_MS = 200;
/** `[pid:0xisolate] 123 ms: Scavenge ...` */
const GC_LINE = /^\[\d+:(0x[0-9a-f]+)\].* ms: (Scavenge|Mark-Compact)/;

/** Collections by isolate. */
class Collections {
  readonly byIsolate = new Map<string, number>();

  take(line: string): void {
    const isolate = GC_LINE.exec(line)?.[1];
    if (isolate === undefined) return;
    this.byIsolate.set(isolate, (this.byIsolate.get(isolate) ?? 0) + 1);
  }

  /** Collections so far of all isolates but one. */
  othersThan(main: string | undefined): number {
    let sum = 0;
    for (const [isolate, count] of this.byIsolate) {
      if (isolate !== main) sum += count;
    }
    return sum;
  }
}

/** Lets lines that are on their way arrive. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

async function engineHeapBytes(server: RunningAppliance): Promise<number> {
  return Number((await server.get("/state")).engineHeapBytes);
}

async function measure(client: string): Promise<string[]> {
  const collections = new Collections();
  await using server = await startAppliance({
    durability: "written",
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    // Two cores, server and client: there is none for a keeper.
    extraToml: "[snapshot]\nenabled = false\n",
    denoFlags: ["--v8-flags=--trace-gc"],
    // V8 reports through C's standard output, which a pipe would hold back.
    wrapper: ["stdbuf", "-oL"],
    onLine: (line) => collections.take(line),
  });
  const port = client === "fix_client" ? server.fixPort : server.binaryTcpPort;
  const load = (orders: number): Promise<ThroughputResult> =>
    runClient(client, { mode: "throughput", port, orders, warmup: 0 });
  const before = new Map(collections.byIsolate);
  for (let i = 0; i < QUESTIONS; i++) await server.metric("ferrule_up");
  const grown = [...collections.byIsolate].filter(([isolate, count]) =>
    count > (before.get(isolate) ?? 0)
  );
  const main = grown[0]?.[0];
  await load(WARMUP_ORDERS);
  // A connection, its logon and our question allocate, whatever follows.
  const heapFirst = await engineHeapBytes(server);
  await load(ORDERS_FEW);
  const heapFew = await engineHeapBytes(server);
  await settle();
  const collectedBefore = collections.othersThan(main);
  await load(ORDERS);
  await settle();
  const collected = collections.othersThan(main) - collectedBefore;
  const heapMany = await engineHeapBytes(server);
  await server.stop();
  const fewBytes = heapFew - heapFirst;
  const manyBytes = heapMany - heapFew;
  const orderBytes = (manyBytes - fewBytes) / (ORDERS - ORDERS_FEW);
  summary[client] = { collections: collected, fewBytes, manyBytes, orderBytes };
  return [
    client,
    String(collected),
    String(fewBytes),
    String(manyBytes),
    orderBytes.toFixed(3),
  ];
}

const summary: Record<string, unknown> = {};
await buildPrograms();
printTable([
  [
    "engine thread",
    `collections in ${ORDERS} orders`,
    `heap grew by, run of ${ORDERS_FEW}`,
    `run of ${ORDERS}`,
    "bytes an order",
  ],
  await measure("binary_client"),
  await measure("fix_client"),
]);
await saveResult("allocation", summary);
