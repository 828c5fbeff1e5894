// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How long the engine would stand still for a snapshot, by three ways: a copy
 * of its memory, a fork of its process that keeps the old pages, and a keeper
 * beside it that follows the journal (the one that is used: the engine does
 * nothing for it). Sizes are those of an exchange's memory by its capacity.
 *
 * The copy and the fork are measured in C: what a program could reach at best.
 *
 * @module
 */
import { Exchange } from "../engine/exchange/mod.ts";
import { exchangeCapacity } from "../engine/appliance/build_exchange.ts";
import { defaultConfig } from "../engine/config/mod.ts";
import { buildPrograms, flags, programPath } from "./programs.ts";
import { describe, printTable, saveResult, spread } from "./stats.ts";

const ROUNDS = 7;
const ORDERS: readonly number[] = [262_144, 1_048_576, 4_194_304];

/** What `fork_pause` prints. */
interface Pause {
  readonly copyUs: number;
  readonly forkUs: number;
  readonly writeUs: number;
  readonly worstWriteUs: number;
}

async function run(mb: number): Promise<Pause> {
  const { success, stdout } = await new Deno.Command(
    programPath("fork_pause"),
    { args: flags({ mb }), stderr: "inherit" },
  ).output();
  if (!success) throw new Error("fork_pause failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

await buildPrograms();
const rows = [[
  "orders in the capacity",
  "MB",
  "copy, us",
  "fork, us",
  "a first write to a page, us",
  "worst such write, us",
  "beside, us",
]];
const saved: Record<string, unknown> = {};
for (const orders of ORDERS) {
  const { capacity, ...config } = defaultConfig();
  const bytes = Exchange.bytes(
    exchangeCapacity({ ...config, capacity: { ...capacity, orders } }),
  );
  const mb = Math.ceil(bytes / (1 << 20));
  const runs: Pause[] = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(await run(mb));
  const of = (pick: (run: Pause) => number) => spread(runs.map(pick));
  const result = {
    mb,
    copyUs: of((run) => run.copyUs),
    forkUs: of((run) => run.forkUs),
    writeUs: of((run) => run.writeUs),
    worstWriteUs: of((run) => run.worstWriteUs),
  };
  rows.push([
    String(orders),
    String(mb),
    describe(result.copyUs),
    describe(result.forkUs),
    describe(result.writeUs),
    describe(result.worstWriteUs),
    "0",
  ]);
  saved[orders] = result;
}
printTable(rows);
await saveResult("snapshot", saved);
