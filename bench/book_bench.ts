// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How fast the book is: the standard mix through the bare book and through
 * the whole exchange, beside a plain ladder in C that stands for the limit,
 * the fastest order book of the npm registry, and the programs of
 * `FERRULE_PEERS` (see `peers.ts`), alternating.
 *
 * ```
 * deno run -A bench/book_bench.ts [--rounds 9] [--no-npm] [--one | --many]
 * ```
 *
 * Every engine first proves that its trades and its final book hash to the
 * published values, which also warms it up. Each pass starts from an empty
 * engine; making it is not timed, nor is the conversion of the mix's records
 * to what the engine takes. Each engine has a process and in it one thread,
 * not pinned; no network, no journal.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { measureSides, type Side } from "./contender.ts";
import { startEngines } from "./engine_child.ts";
import { EVERYTHING, NOTHING } from "./exchange_rig.ts";
import type { EngineSpec } from "./engines.ts";
import { type Peer, peerSides, peersOf } from "./peers.ts";
import { buildPrograms, programPath } from "./programs.ts";
import { sidesTable } from "./sides_table.ts";
import { hexadecimal, mix, MIXES } from "./standard_mix.ts";
import { saveResult, spread } from "./stats.ts";

/** Name of the ladder in C, and of the npm book, in tables. */
const LADDER = "C ladder";

/** What was measured. */
export interface BookReport {
  readonly mix: string;
  /** Nanoseconds a message by engine, round by round. */
  readonly timesNs: Readonly<Record<string, readonly number[]>>;
}

/** What to measure besides ours. */
export interface BookOptions {
  readonly rounds: number;
  readonly npm: boolean;
  readonly peers: readonly Peer[];
}

function engines(
  name: keyof typeof MIXES,
  npm: boolean,
): Record<string, EngineSpec> {
  const exchange = { engine: "exchange", mix: name } as const;
  return {
    "ferrule, bare book": { engine: "bare", mix: name },
    "ferrule, exchange, events only": {
      ...exchange,
      rules: { ...NOTHING, events: true },
    },
    "ferrule, exchange": { ...exchange, rules: EVERYTHING },
    ...(npm && MIXES[name].symbols === 1
      ? { "npm nodejs-order-book 10.1.1": { engine: "npm", mix: name } }
      : {}),
  };
}

/**
 * Measures the book.
 *
 * @param name Which mix.
 * @throws {Error} If the mix or an engine's hashes are not as published.
 */
export async function measureBook(
  name: keyof typeof MIXES,
  options: BookOptions,
): Promise<BookReport> {
  const facts = MIXES[name];
  const records = mix(facts.messages, facts.symbols);
  const file = await Deno.makeTempFile({ prefix: "ferrule-mix-" });
  const own = await startEngines(engines(name, options.npm));
  try {
    await Deno.writeFile(file, new Uint8Array(records.buffer as ArrayBuffer));
    const sides: Side[] = [
      ...own,
      ...await peerSides(options.peers, file, {
        messages: facts.messages,
        tape: hexadecimal(facts.tape),
        book: hexadecimal(facts.book),
      }),
    ];
    const times = await measureSides(sides, options.rounds);
    return {
      mix: name,
      timesNs: Object.fromEntries(
        sides.map((side, i) => [side.name, times[i]!]),
      ),
    };
  } finally {
    for (const side of own) await side.close();
    await Deno.remove(file);
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["rounds"],
    boolean: ["npm", "one", "many"],
    negatable: ["npm"],
    default: { rounds: "9", npm: true },
  });
  await buildPrograms();
  const peers = [{ name: LADDER, path: programPath("ladder") }, ...peersOf()];
  const saved: Record<string, unknown> = {};
  for (const name of ["mix1m", "mix4m_k1000"] as const) {
    if (args.one && name !== "mix1m" || args.many && name === "mix1m") continue;
    const rounds = Number(args.rounds);
    const report = await measureBook(name, { rounds, npm: args.npm, peers });
    console.log(`\n${name}, ${rounds} rounds\n`);
    console.log(sidesTable(report.timesNs, "ferrule, exchange"));
    saved[name] = Object.fromEntries(
      Object.entries(report.timesNs).map(([side, ns]) => [side, spread(ns)]),
    );
  }
  await saveResult("book", saved);
}
