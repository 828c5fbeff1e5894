// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What an order costs inside the process, without the network: the whole
 * appliance in one thread over a transport in memory (`in_process_rig.ts`).
 *
 * - Processor time an order at full speed, with 1, 10 and 1,000 connections,
 *   and orders a second by that. The clock on the wall is told too, but on a
 *   machine with other work it measures that.
 * - The time from the poll that showed an order to the commit of its last
 *   answer, at 100,000 and a million orders a second, one by one.
 *
 * Each measurement is a process of its own; sides take turns.
 *
 * @module
 */
import {
  type ChildResult,
  type ChildSpec,
  measureChild,
} from "./in_process_child.ts";
import { buildPrograms } from "./programs.ts";
import {
  alternate,
  figure,
  printTable,
  saveResult,
  shortly,
  spread,
} from "./stats.ts";

const ROUNDS = 5;
const RATES = [100_000, 1_000_000];
const CONNECTIONS = [1, 10, 1000];

const ORDERS: ChildSpec = {
  protocol: "binary",
  durability: "written",
  connections: 1,
  round: 256,
  batch: 64,
  warmup: 300_000,
  windows: 20,
  orders: 30_000,
  rates: [],
  latencyOrders: 0,
};
/** FIX remembers a million closed ids: its warm-up fills that table. */
const PROTOCOLS: Readonly<Record<string, Partial<ChildSpec>>> = {
  binary: {},
  FIX: { protocol: "fix", batch: 32, warmup: 1_100_000 },
};
const TIMES: Partial<ChildSpec> = {
  warmup: 200_000,
  windows: 1,
  rates: RATES,
  latencyOrders: 200_000,
};

function sides(): Record<string, () => Promise<ChildResult>> {
  const made: Record<string, () => Promise<ChildResult>> = {};
  for (const [name, protocol] of Object.entries(PROTOCOLS)) {
    for (const connections of CONNECTIONS) {
      made[`${name}, ${connections}`] = () =>
        measureChild({ ...ORDERS, ...protocol, connections });
    }
    made[`${name}, one by one`] = () =>
      measureChild({ ...ORDERS, ...protocol, ...TIMES });
  }
  return made;
}

await buildPrograms();
const results = await alternate(sides(), ROUNDS);
const summary: Record<string, unknown> = { rounds: ROUNDS };
const costs = [[
  "protocol, connections",
  "processor ns an order",
  "fastest window",
  "gateway",
  "exchange",
  "journal",
  "orders a second of processor time",
  "wall ns an order",
]];
const times = [["in the process, us", "p50", "p99", "p99.9", "max"]];
for (const [name, runs] of Object.entries(results)) {
  const cpu = spread(runs.map((run) => run.cpuNs));
  const agent = (at: number) => spread(runs.map((run) => run.agentNs[at]!));
  if (Object.keys(runs[0]!.latencies).length === 0) {
    costs.push([
      name,
      shortly(cpu),
      shortly(spread(runs.map((run) => run.fastestNs))),
      shortly(agent(0)),
      shortly(agent(1)),
      shortly(agent(2)),
      figure(1e9 / cpu.median),
      shortly(spread(runs.map((run) => run.wallNs))),
    ]);
    summary[name] = { cpu, agents: [agent(0), agent(1), agent(2)] };
    continue;
  }
  for (const rate of RATES) {
    const us = (at: number) =>
      spread(runs.map((run) => run.latencies[rate]![at]! / 1000));
    const label = `${name}, ${rate.toLocaleString("en-US")}/s`;
    const figures = [us(0), us(1), us(2), us(4)];
    times.push([label, ...figures.map(shortly)]);
    summary[label] = figures;
  }
}
printTable(costs);
console.log("");
printTable(times);
await saveResult("in_process", summary);
