// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How long one command takes: the standard mix through the exchange with all
 * rules on, with the processor's time stamp counter read before and after
 * each `apply()`, by kind of message.
 *
 * A process of its own each time, with and without a warm-up before the first
 * command; the first 100,000 commands also apart. The time between two stamps
 * without a command between them is told as `timer`; it is in all figures, in
 * ours and in the peers' (see `peers.ts`).
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { ExchangeMix, mixCommands } from "./exchange_mix.ts";
import { EVERYTHING } from "./exchange_rig.ts";
import { peersOf, runPeer } from "./peers.ts";
import { buildPrograms } from "./programs.ts";
import { percentiles, Stamps } from "./stamps.ts";
import { mix, MIX_RECORD_WORDS, MIXES, MixType } from "./standard_mix.ts";
import { figure, markdownTable, saveResult, spread } from "./stats.ts";
import { warmUp } from "./warm_up.ts";

const FIRST = 100_000;
const TIMER_CALLS = 1_000_000;
const KINDS: readonly (readonly [string, number])[] = [
  ["add", MixType.ADD],
  ["cancel", MixType.CANCEL],
  ["marketable", MixType.MARKETABLE],
];

/** Percentiles by part of the flow, then by kind. */
type Percentiles = Record<string, Record<string, number[]>>;

interface ChildResult {
  readonly warmUpMs: number;
  readonly firstMs: number;
  readonly percentiles: Percentiles;
}

function byKind(ns: Float64Array, kinds: Uint8Array): Record<string, number[]> {
  const found: Record<string, number[]> = { all: percentiles(ns) };
  for (const [name, kind] of KINDS) {
    found[name] = percentiles(ns.filter((_, i) => kinds[i] === kind));
  }
  return found;
}

/** One process's measurement. */
function child(warm: boolean): ChildResult {
  const facts = MIXES.mix1m;
  const records = mix(facts.messages, facts.symbols);
  const kinds = Uint8Array.from(
    { length: facts.messages },
    (_, i) => records[i * MIX_RECORD_WORDS]! & 0xff,
  );
  const stamps = new Stamps(Math.max(facts.messages, TIMER_CALLS));
  const commands = mixCommands(records, 1);
  const mixed = new ExchangeMix(commands, facts, EVERYTHING);
  const warmUpMs = warm ? warmUp(mixed.rig) : 0;
  mixed.prepare();
  stamps.open();
  mixed.rig.runStamped(commands, stamps.stamp);
  const ns = stamps.ns();
  if (mixed.finalBook() !== facts.book) throw new Error("The book is wrong");
  stamps.open();
  for (let i = 0; i < TIMER_CALLS; i++) stamps.stamp();
  return {
    warmUpMs,
    firstMs: ns.subarray(0, FIRST).reduce((sum, value) => sum + value, 0) / 1e6,
    percentiles: {
      "all": byKind(ns, kinds),
      "without the first": byKind(ns.subarray(FIRST), kinds.subarray(FIRST)),
      "the first": byKind(ns.subarray(0, FIRST), kinds.subarray(0, FIRST)),
      "timer": { timer: percentiles(stamps.ns()) },
    },
  };
}

async function runChild(warm: boolean): Promise<ChildResult> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      "--child",
      ...(warm ? ["--warm"] : []),
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("A measurement failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

function median(values: readonly number[]): number {
  return spread(values).median;
}

/** Medians of all figures over the processes. */
function merged(results: readonly ChildResult[]): Percentiles {
  const first = results[0]!.percentiles;
  return Object.fromEntries(
    Object.keys(first).map((part) => [
      part,
      Object.fromEntries(
        Object.keys(first[part]!).map((kind) => [
          kind,
          first[part]![kind]!.map((_, at) =>
            median(results.map((r) => r.percentiles[part]![kind]![at]!))
          ),
        ]),
      ),
    ]),
  );
}

function row(name: string, kind: string, ns: readonly number[]): string[] {
  return [name, kind, ...ns.map((value) => figure(Math.round(value)))];
}

async function peerRows(): Promise<string[][]> {
  const rows: string[][] = [];
  const facts = MIXES.mix1m;
  const file = await Deno.makeTempFile({ prefix: "ferrule-mix-" });
  try {
    const records = mix(facts.messages, facts.symbols);
    await Deno.writeFile(file, new Uint8Array(records.buffer as ArrayBuffer));
    for (const peer of peersOf()) {
      const run = await runPeer(peer, file, 1, "latency");
      for (const { kind, ns } of run?.latency ?? []) {
        rows.push(row(peer.name, kind, ns));
      }
    }
  } finally {
    await Deno.remove(file);
  }
  return rows;
}

async function main(rounds: number): Promise<void> {
  await buildPrograms();
  const cold: ChildResult[] = [];
  const warm: ChildResult[] = [];
  for (let round = 0; round < rounds; round++) {
    cold.push(await runChild(false));
    warm.push(await runChild(true));
  }
  const sides = { "no warm-up": merged(cold), "warm-up": merged(warm) };
  const rows = [["ns", "kind", "p50", "p99", "p99.9", "p99.99", "max"]];
  for (const [name, parts] of Object.entries(sides)) {
    for (const [part, kinds] of Object.entries(parts)) {
      for (const [kind, ns] of Object.entries(kinds)) {
        rows.push(row(`${name}, ${part}`, kind, ns));
      }
    }
  }
  rows.push(...await peerRows());
  console.log(`${rounds} processes each, medians of their figures\n`);
  console.log(markdownTable(rows));
  const firstMs = [cold, warm].map((results) =>
    median(results.map((result) => result.firstMs))
  );
  const warmUpMs = median(warm.map((result) => result.warmUpMs));
  console.log(
    `\nthe first ${FIRST} commands: ${figure(firstMs[0]!)} ms, after a ` +
      `warm-up of ${figure(warmUpMs)} ms ${figure(firstMs[1]!)} ms`,
  );
  await saveResult("command_latency", { ...sides, firstMs, warmUpMs });
}

const args = parseArgs(Deno.args, {
  boolean: ["child", "warm"],
  string: ["rounds"],
  default: { rounds: "9" },
});
if (args.child) console.log(JSON.stringify(child(args.warm)));
else await main(Number(args.rounds));
