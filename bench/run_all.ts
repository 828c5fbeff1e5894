// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs the benchmarks named as arguments, or all: `make bench BENCH="book latency"`.
 * Arguments that start with two dashes go to each of them.
 *
 * Each is a file `NAME_bench.ts` of this folder and runs in a process of its
 * own, one after the other. Results also go to `bench/results/NAME.json`.
 *
 * @module
 */
import { reserveHugePages } from "../tests/huge_pages.ts";
import { conditions } from "./stats.ts";

const FOLDER = new URL("./", import.meta.url);
const all = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name)
  .filter((name) => name.endsWith("_bench.ts"))
  .map((name) => name.slice(0, -"_bench.ts".length)).sort();
const options = Deno.args.filter((arg) => arg.startsWith("--"));
const named = Deno.args.filter((arg) => !arg.startsWith("--"));
const wanted = named.length > 0 ? named : all;

for (const name of wanted) {
  if (!all.includes(name)) {
    console.error(`No benchmark ${name}; there are: ${all.join(", ")}`);
    Deno.exit(2);
  }
}
const giveBack = reserveHugePages();
console.log("conditions");
for (const [name, value] of Object.entries(conditions())) {
  console.log(`  ${name.padEnd(8)} ${value}`);
}
let failed = 0;
for (const name of wanted) {
  console.log(`\n=== ${name}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      "--unstable-net",
      "--v8-flags=--expose-gc",
      new URL(`${name}_bench.ts`, FOLDER).pathname,
      ...options,
    ],
  }).spawn().status;
  if (!success) failed += 1;
}
giveBack();
Deno.exit(failed === 0 ? 0 : 1);
