// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One measurement of the appliance in one thread, in a process of its own: its
 * one argument is a `ChildSpec` as JSON, its answer a `ChildResult`.
 *
 * @module
 */
import {
  InProcessRig,
  type Latencies,
  type RigSpec,
} from "./in_process_rig.ts";
import { spread } from "./stats.ts";

/** What is measured. Plain data. */
export interface ChildSpec extends RigSpec {
  readonly warmup: number;
  /** Windows, and orders in each; the middle window counts. */
  readonly windows: number;
  readonly orders: number;
  /** Rates at which latencies are taken; none if empty. */
  readonly rates: readonly number[];
  readonly latencyOrders: number;
}

/** What came out. */
export interface ChildResult {
  /** Nanoseconds of processor time, and of the clock on the wall, for an order. */
  readonly cpuNs: number;
  readonly wallNs: number;
  /** Processor time of gateway, exchange and journal. */
  readonly agentNs: readonly number[];
  /** Processor time in the fastest window: what others on the machine disturb least. */
  readonly fastestNs: number;
  /** By rate. */
  readonly latencies: Readonly<Record<string, Latencies>>;
}

/** Measures in another process. @throws {Error} If that fails. */
export async function measureChild(spec: ChildSpec): Promise<ChildResult> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      JSON.stringify(spec),
    ],
    stderr: "inherit",
  }).output();
  if (!output.success) throw new Error(`The child ended with ${output.code}`);
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** Measures here. */
export function measure(spec: ChildSpec): ChildResult {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-bench-" });
  const rig = new InProcessRig(spec, directory);
  try {
    rig.run(spec.warmup);
    const times = Array.from({ length: spec.windows }, () => {
      const { orders, cpuNs, wallNs, agentNs } = rig.run(spec.orders);
      return {
        cpuNs: cpuNs / orders,
        wallNs: wallNs / orders,
        agentNs: agentNs.map((ns) => ns / orders),
      };
    });
    const latencies: Record<string, Latencies> = {};
    for (const rate of spec.rates) {
      // The first pass is V8's: rounds of one order are new to it.
      rig.latencies(spec.latencyOrders, rate);
      latencies[rate] = rig.latencies(spec.latencyOrders, rate);
    }
    return {
      cpuNs: spread(times.map((time) => time.cpuNs)).median,
      wallNs: spread(times.map((time) => time.wallNs)).median,
      agentNs: times[0]!.agentNs.map((_, i) =>
        spread(times.map((time) => time.agentNs[i]!)).median
      ),
      fastestNs: Math.min(...times.map((time) => time.cpuNs)),
      latencies,
    };
  } finally {
    rig.dispose();
    Deno.removeSync(directory, { recursive: true });
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(measure(JSON.parse(Deno.args[0]!))));
}
