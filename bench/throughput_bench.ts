// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Orders a second through the gateways: one engine thread on one core, the
 * client in C on the other, one connection. Binary over TCP in batches of 64
 * with the journal at `none`, `written` and `synced`; FIX pipelined at
 * `written`. Buys and sells meet, so each pair of orders gives two
 * acknowledgements and two fills; orders are counted by acknowledgements, and
 * the client checks every answer (CRC or checksum, sequence, order).
 *
 * Then the same with 10 and 1,000 connections at `written`, all of them in one
 * thread of a client that serves them in turn.
 *
 * @module
 */
import { DEMO_KEY, DEMO_PASSWORD } from "../engine/config/mod.ts";
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
/** A disk that others keep busy makes this slower, but refuses nothing. */
const PATIENT = "slow_after_ms = 0";
/** Small batches: a client of many has few orders at a time. */
const CROWD = { orders: 500_000, warmup: WARMUP, batch: 16, window: 64 };

/** Sessions of a crowd, for the end of a configuration. */
function crowdSessions(connections: number): string {
  return Array.from({ length: connections }, (_, i) => `
[[fix.sessions]]
sender_comp_id = "CLIENT${i + 1}"
username = "CLIENT${i + 1}"
password = "${DEMO_PASSWORD}"
[[binary.sessions]]
number = ${i + 1}
key = "${DEMO_KEY}"
`).join("");
}

async function measureCrowd(
  protocol: "binary" | "fix",
  connections: number,
): Promise<ThroughputResult> {
  await using server = await startAppliance({
    durability: "written",
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    journalToml: PATIENT,
    capacityToml: `sessions = ${2 * connections + 16}
connections = ${connections + 16}
receive_window_bytes = 16384
send_window_bytes = 65536`,
    extraToml: `[snapshot]\nenabled = false\n${crowdSessions(connections)}`,
  });
  const port = protocol === "fix" ? server.fixPort : server.binaryTcpPort;
  const result = await runClient<ThroughputResult>("crowd_client", {
    protocol,
    port,
    connections,
    ...CROWD,
  });
  await server.stop();
  return result;
}

async function measure(
  client: string,
  durability: string,
  values: Readonly<Record<string, string | number>>,
): Promise<ThroughputResult> {
  await using server = await startAppliance({
    durability,
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    journalToml: PATIENT,
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
  "binary, 10 connections": () => measureCrowd("binary", 10),
  "binary, 1,000 connections": () => measureCrowd("binary", 1000),
  "FIX, 10 connections": () => measureCrowd("fix", 10),
  "FIX, 1,000 connections": () => measureCrowd("fix", 1000),
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
    /^binary, [a-z]/.test(name) ? describe(ratio) : "",
  ]);
  summary[name] = { perSecond: rates, ofNone: ratio };
}
printTable(rows);
await saveResult("throughput", summary);
