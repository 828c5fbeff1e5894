// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Simulates seed after seed until the time is over or a promise is broken, or
 * one seed with its whole log.
 *
 *     deno run ... tests/sim/run.ts [--minutes=5] [--seed=1] [--steps=6000] [--pair] [--one] [--log]
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { PairSimulation } from "./pair_simulation.ts";
import { Simulation } from "./simulation.ts";

const STEPS = 6000;
const PAIR_STEPS = 12_000;
const LAST_LINES = 120;

const flags = parseArgs(Deno.args, {
  string: ["minutes", "seed", "steps"],
  boolean: ["one", "log", "pair"],
});
const minutes = Number(flags.minutes || 5);
const first = Number(flags.seed || 1);
const steps = Number(flags.steps || (flags.pair ? PAIR_STEPS : STEPS));
const deadline = performance.now() + minutes * 60_000;
const totals = new Map<string, number>();
let seeds = 0;

for (
  let seed = first;
  seeds === 0 || (!flags.one && performance.now() < deadline);
  seed++
) {
  const options = {
    seed,
    steps,
    ...(flags.log ? { onLine: (line: string) => console.log(line) } : {}),
  };
  const simulation = flags.pair
    ? new PairSimulation(options)
    : new Simulation(options);
  try {
    const { counts, commands, restarts, digest } = simulation.run();
    for (const [what, count] of counts) {
      totals.set(what, (totals.get(what) ?? 0) + count);
    }
    seeds++;
    console.log(
      `seed ${seed}: ${commands} commands, ${restarts} starts, log ${digest}`,
    );
  } catch (error) {
    if (!flags.log) {
      for (const line of simulation.log.last(LAST_LINES)) console.log(line);
    }
    console.log(
      `\nseed ${seed}: ${error instanceof Error ? error.message : error}`,
    );
    console.log(
      `\nAgain: make sim SEED=${seed} STEPS=${steps}${
        flags.pair ? " PAIR=1" : ""
      }`,
    );
    Deno.exit(1);
  }
}
console.log(`\n${seeds} seeds, all promises kept. What happened:`);
for (const [what, count] of [...totals].sort(([a], [b]) => a < b ? -1 : 1)) {
  console.log(`  ${what.padEnd(34)} ${count}`);
}
