// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the flight recorder and the kernel's receive times cost: order to
 * acknowledgement over loopback as in `latency_bench.ts`, of the same appliance
 * with nothing recorded, with the recorder on (as it comes), and with the
 * kernel's times besides. One order at a time; the three take turns. On a
 * machine where others work, only the engine that sleeps gets through in time:
 * `--sleeps` leaves the other out.
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
const ORDERS = 10_000;
const WARMUP = 20_000;
/** How an idle engine waits: as in `latency_bench.ts`, and as where others need the cores. */
const IDLE = {
  spins: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
  sleeps: "spin_rounds = 0\nyield_rounds = 0\nsleep_us = 2000",
} as const;
type Idle = keyof typeof IDLE;
const OFF = "[flight_recorder]\nslots = 0\n";

async function run(
  idle: Idle,
  over: string,
  timestamps: string,
  extraToml = "",
): Promise<LatencyResult> {
  await using server = await startAppliance({
    durability: "written",
    topologyToml: IDLE[idle],
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
const idles: Idle[] = Deno.args.includes("--sleeps")
  ? ["sleeps"]
  : ["spins", "sleeps"];
for (const idle of idles) {
  for (const over of ["tcp", "udp"]) {
    const results = await alternate({
      off: () => run(idle, over, "poll", OFF),
      recorder: () => run(idle, over, "poll"),
      kernel: () => run(idle, over, "kernel"),
    }, ROUNDS);
    for (const side of ["recorder", "kernel"] as const) {
      const title = side === "recorder"
        ? `flight recorder, ${over}, engine ${idle}`
        : `flight recorder and the kernel's times, ${over}, engine ${idle}`;
      summary[title] = compareLatency(
        title,
        "nothing recorded",
        results.off,
        results[side],
      );
    }
  }
}
await saveResult("stages", summary);
