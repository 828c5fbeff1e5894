// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Order to acknowledgement over loopback against a C echo server that polls:
 * binary over TCP and UDP, FIX over TCP. One order at a time, client in C,
 * spinning, on the other core. The echo moves as many bytes as the order and
 * its answer, and nothing else; the appliance decodes, checks, sequences,
 * journals (`written`), matches, encodes. Every second order trades, so that
 * the books stay small; the answer to an order is timed, its fill is not.
 *
 * ```
 *   client (core 1) ──order──▶ appliance or echo (core 0) ──answer──▶ client
 * ```
 *
 * @module
 */
import { startAppliance } from "../tests/appliance/harness.ts";
import {
  buildPrograms,
  type LatencyResult,
  runClient,
  SERVER_CORE,
  withEchoServer,
} from "./programs.ts";
import { alternate, compareLatency, saveResult } from "./stats.ts";

const ROUNDS = 7;
const ORDERS = 50_000;
const WARMUP = 30_000;
/** Bytes of an order and of its acknowledgement on the wire. */
const BINARY_BYTES = { out: 50, in: 80 };
const FIX_BYTES = { out: 159, in: 250 };
const DURABILITY = "written";

function echo(
  over: string,
  bytes: { out: number; in: number },
): Promise<LatencyResult> {
  return withEchoServer(
    over,
    bytes.out,
    bytes.in,
    (port) =>
      runClient("echo_client", {
        over,
        port,
        out: bytes.out,
        in: bytes.in,
        rounds: ORDERS,
        warmup: WARMUP,
      }),
  );
}

async function appliance(client: string, over: string): Promise<LatencyResult> {
  await using server = await startAppliance({
    durability: DURABILITY,
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    // Two cores, server and client: there is none for a keeper.
    extraToml: "[snapshot]\nenabled = false\n",
  });
  const port = client === "fix_client"
    ? server.fixPort
    : over === "tcp"
    ? server.binaryTcpPort
    : server.binaryUdpPort;
  const result = await runClient<LatencyResult>(client, {
    mode: "latency",
    ...(client === "fix_client" ? {} : { over }),
    port,
    orders: ORDERS,
    warmup: WARMUP,
  });
  await server.stop();
  return result;
}

const CASES = [
  ["binary over TCP", "binary_client", "tcp", BINARY_BYTES],
  ["binary over UDP", "binary_client", "udp", BINARY_BYTES],
  ["FIX over TCP", "fix_client", "tcp", FIX_BYTES],
] as const;

await buildPrograms();
const summary: Record<string, unknown> = {
  durability: DURABILITY,
  rounds: ROUNDS,
};
for (const [title, client, over, bytes] of CASES) {
  const results = await alternate({
    echo: () => echo(over, bytes),
    ferrule: () => appliance(client, over),
  }, ROUNDS);
  summary[title] = compareLatency(
    title,
    "C echo",
    results.echo,
    results.ferrule,
  );
}
await saveResult("latency", summary);
