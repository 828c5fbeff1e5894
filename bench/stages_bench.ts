// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the flight recorder and the kernel's receive times cost: order to
 * acknowledgement over loopback as in `latency_bench.ts`, of the same appliance
 * with nothing recorded, with the recorder on (as it comes), and with the
 * kernel's times besides. One order at a time; the three take turns.
 *
 * @module
 */
import { startAppliance } from "../tests/appliance/harness.ts";
import {
  buildPrograms,
  type LatencyResult,
  runClient,
  SERVER_CORE,
} from "./programs.ts";
import { alternate, compareLatency, saveResult } from "./stats.ts";

const ROUNDS = 9;
const ORDERS = 50_000;
const WARMUP = 30_000;
const OFF = "[flight_recorder]\nslots = 0\n";

async function run(
  over: string,
  timestamps: string,
  extraToml = "",
): Promise<LatencyResult> {
  await using server = await startAppliance({
    durability: "written",
    topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
    transport: "io_uring",
    transportToml: `timestamps = "${timestamps}"`,
    // Two cores, server and client: there is none for a keeper.
    extraToml: `[snapshot]\nenabled = false\n${extraToml}`,
  });
  const result = await runClient<LatencyResult>("binary_client", {
    mode: "latency",
    over,
    port: over === "tcp" ? server.binaryTcpPort : server.binaryUdpPort,
    orders: ORDERS,
    warmup: WARMUP,
  });
  await server.stop();
  return result;
}

await buildPrograms();
const summary: Record<string, unknown> = { rounds: ROUNDS, orders: ORDERS };
for (const over of ["tcp", "udp"]) {
  const results = await alternate({
    off: () => run(over, "poll", OFF),
    recorder: () => run(over, "poll"),
    kernel: () => run(over, "kernel"),
  }, ROUNDS);
  for (const side of ["recorder", "kernel"] as const) {
    const title = side === "recorder"
      ? `flight recorder, ${over}`
      : `flight recorder and the kernel's times, ${over}`;
    summary[title] = compareLatency(
      title,
      "nothing recorded",
      results.off,
      results[side],
    );
  }
}
await saveResult("stages", summary);
