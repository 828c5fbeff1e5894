// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The public challenge through the whole exchange, called directly: risk
 * checks, self-trade prevention and event records on.
 *
 * ```
 * make challenge FILE="static.bin normal.bin"
 * deno run -A bench/challenge_bench.ts [--rounds 9] --file FILE --file FILE...
 * ```
 *
 * Each file is first proven: SHA-256 of the reports formed from our events,
 * compared with the five published. Then it is timed, alternating with the
 * programs of `FERRULE_PEERS` (see `peers.ts`). On both sides the file's
 * records are converted before, reports are not turned into text, and one
 * thread does it all. Without a file a small workload of our own stands in.
 * Ends with 1 if the reports of a file are none of the published.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { PUBLISHED, readChallenge, writeChallenge } from "./challenge.ts";
import { challengeWorkload } from "./challenge_workload.ts";
import { measureSides } from "./contender.ts";
import { startEngine } from "./engine_child.ts";
import { EVERYTHING } from "./exchange_rig.ts";
import { peerSides, peersOf } from "./peers.ts";
import { sidesTable } from "./sides_table.ts";
import { saveResult, type Spread, spread } from "./stats.ts";

const OURS = "ferrule, exchange";
/** Orders of the workload that stands in. */
const OWN_ORDERS = 100_000;

interface Result {
  readonly scenario: string;
  /** Nanoseconds a message by engine. */
  readonly engines: Readonly<Record<string, Spread>>;
}

async function measure(file: string, rounds: number): Promise<Result> {
  const messages = readChallenge(await Deno.readFile(file)).length;
  const ours = await startEngine(OURS, {
    engine: "challenge",
    file,
    rules: EVERYTHING,
  });
  try {
    const scenario = Object.keys(PUBLISHED).find((name) =>
      PUBLISHED[name] === ours.digest
    ) ?? "";
    const known = scenario === "" ? "not published" : `published, ${scenario}`;
    console.log(
      `\n${file}: ${messages} messages, SHA-256 of the reports ` +
        `${ours.digest} (${known}); ${rounds} rounds\n`,
    );
    const sides = [
      ours,
      ...await peerSides(peersOf(), file, {
        messages,
        tape: ours.digest.slice(0, 8),
        book: "",
      }),
    ];
    const times = await measureSides(sides, rounds);
    const byName = Object.fromEntries(sides.map((s, i) => [s.name, times[i]!]));
    console.log(sidesTable(byName, OURS));
    return {
      scenario,
      engines: Object.fromEntries(
        sides.map((s, i) => [s.name, spread(times[i]!)]),
      ),
    };
  } finally {
    await ours.close();
  }
}

/** The lowest throughput of each engine over all scenarios. */
function printWorst(results: readonly Result[]): void {
  const worst = new Map<string, [number, string]>();
  for (const { scenario, engines } of results) {
    for (const [name, { median }] of Object.entries(engines)) {
      if (median > (worst.get(name)?.[0] ?? 0)) {
        worst.set(name, [median, scenario]);
      }
    }
  }
  const ours = worst.get(OURS)![0];
  console.log("\nworst scenario of each engine");
  for (const [name, [ns, scenario]] of worst) {
    console.log(
      `  ${name}: ${(1000 / ns).toFixed(2)} million a second (${scenario}); ` +
        `${OURS} does ${(ns / ours).toFixed(2)} times as many`,
    );
  }
}

const args = parseArgs(Deno.args, {
  string: ["rounds", "file"],
  collect: ["file"],
  default: { rounds: "9" },
});
const rounds = Number(args.rounds);
const results: Result[] = [];
for (const file of args.file) {
  results.push(await measure(file, rounds));
}
if (results.length === 0) {
  const file = await Deno.makeTempFile({ prefix: "ferrule-challenge-" });
  try {
    await Deno.writeFile(
      file,
      writeChallenge(challengeWorkload(OWN_ORDERS, 1)),
    );
    await measure(file, rounds);
  } finally {
    await Deno.remove(file);
  }
} else {
  printWorst(results);
  await saveResult("challenge", results);
  if (results.some(({ scenario }) => scenario === "")) Deno.exit(1);
}
