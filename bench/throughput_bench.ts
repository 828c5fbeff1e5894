// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Orders a second through the gateways: one engine thread on one core, the
 * client in C on the other, one connection. Binary over TCP in batches of 64
 * with the journal at `none`, `written` and `synced`; FIX pipelined at
 * `written`. Buys and sells meet, so each pair of orders gives two
 * acknowledgements and two fills; orders are counted by acknowledgements, and
 * the client checks every answer (CRC or checksum, sequence, order).
 *
 * @module
 */
import { startAppliance } from "../tests/appliance/harness.ts";
import {
  buildPrograms,
  runClient,
  SERVER_CORE,
  type ThroughputResult,
} from "./programs.ts";
import {
  alternate,
  describe,
  printTable,
  saveResult,
  spread,
} from "./stats.ts";

const ROUNDS = 5;
const BINARY_ORDERS = 3_000_000;
const FIX_ORDERS = 1_000_000;
const WARMUP = 200_000;

async function measure(
  client: string,
  durability: string,
  values: Readonly<Record<string, string | number>>,
): Promise<ThroughputResult> {
  await using server = await startAppliance({
    durability,
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    // Two cores, server and client: there is none for a keeper.
    extraToml: "[snapshot]\nenabled = false\n",
  });
  const port = client === "fix_client" ? server.fixPort : server.binaryTcpPort;
  const result = await runClient<ThroughputResult>(client, {
    mode: "throughput",
    port,
    warmup: WARMUP,
    ...values,
  });
  await server.stop();
  return result;
}

const binary = { orders: BINARY_ORDERS, batch: 64, window: 16_384 };
const fix = { orders: FIX_ORDERS, batch: 32, window: 1024 };

await buildPrograms();
const results = await alternate({
  "binary, none": () => measure("binary_client", "none", binary),
  "binary, written": () => measure("binary_client", "written", binary),
  "binary, synced": () => measure("binary_client", "synced", binary),
  "FIX, written": () => measure("fix_client", "written", fix),
}, ROUNDS);
const rows = [[
  "orders a second",
  "median ± MAD [min .. max]",
  "of none, same round",
]];
const summary: Record<string, unknown> = { rounds: ROUNDS };
for (const [name, runs] of Object.entries(results)) {
  const rates = spread(runs.map((run) => run.perSecond));
  const base = results["binary, none"];
  const ratio = spread(
    runs.map((run, i) => run.perSecond / base[i]!.perSecond),
  );
  rows.push([
    name,
    describe(rates),
    name.startsWith("binary") ? describe(ratio) : "",
  ]);
  summary[name] = { perSecond: rates, ofNone: ratio };
}
printTable(rows);
await saveResult("throughput", summary);
