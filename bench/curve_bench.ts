// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a command costs as the book grows: more orders, more prices, orders
 * with terms. The whole exchange with all rules on; where the flow is plain
 * the same messages go through the C ladder and the programs of
 * `FERRULE_PEERS` (see `peers.ts`), alternating.
 *
 * Each book has a process of its own. Filling it is not timed; the same
 * messages then run through it again and again, each time from a fresh fill.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { PASSES_ROUND } from "./contender.ts";
import { BookHash, TapeHash } from "./exchange_mix.ts";
import { type Flow, type FlowOptions, makeFlow } from "./live_flow.ts";
import { type Peer, peersOf, runPeer } from "./peers.ts";
import { buildPrograms, programPath } from "./programs.ts";
import { hexadecimal } from "./standard_mix.ts";
import { figure, markdownTable, saveResult, shortly, spread } from "./stats.ts";

const MESSAGES = 1_000_000;
const DENSE = 2000;
const MILLION = 1_000_000;

/** Books: live orders, prices, percent with terms. */
const BOOKS: readonly (readonly [number, number, number])[] = [
  [2000, DENSE, 0],
  [20_000, DENSE, 0],
  [200_000, DENSE, 0],
  [2_000_000, DENSE, 0],
  [200_000, 200, 0],
  [200_000, 50_000, 0],
  [200_000, MILLION, 0],
  [2_000_000, MILLION, 0],
  [2000, DENSE, 40],
  [200_000, DENSE, 40],
  [2_000_000, MILLION, 40],
];

/** Nanoseconds a message by engine, one for each round. */
type Times = Record<string, number[]>;

function ownPass(flow: Flow): number {
  const { rig, commands, fillCount, options } = flow;
  rig.prepare();
  rig.run(commands, 0, fillCount);
  rig.settle();
  const start = performance.now();
  rig.run(commands, fillCount);
  return (performance.now() - start) * 1e6 / options.messages;
}

/** Checksums of our trades and final book, as peers print them. */
function ownTape({ rig, commands }: Flow): string {
  const tape = new TapeHash();
  const book = new BookHash();
  rig.prepare();
  rig.listen((ring, byte) => tape.take(ring, byte));
  rig.run(commands);
  rig.sweep((ring, byte) => book.take(ring, byte));
  return `${hexadecimal(tape.value)} ${hexadecimal(book.value)}`;
}

async function peerRound(
  peer: Peer,
  file: string,
  live: number,
  tapes: Set<string>,
): Promise<number | undefined> {
  const run = await runPeer(peer, file, PASSES_ROUND, `from=${live}`);
  if (run === undefined) return undefined;
  for (const { tape, book } of run.passes) tapes.add(`${tape} ${book}`);
  return spread(run.passes.map(({ ns, messages }) => ns / messages)).median;
}

/** One book, in a process of its own. */
async function child(options: FlowOptions, rounds: number): Promise<Times> {
  const flow = makeFlow(options);
  const file = await Deno.makeTempFile({ prefix: "ferrule-flow-" });
  const peers = options.specialPercent > 0
    ? []
    : [{ name: "C ladder", path: programPath("ladder") }, ...peersOf()];
  const times: Times = { ferrule: [] };
  const tapes = new Set<string>();
  try {
    await Deno.writeFile(
      file,
      new Uint8Array(flow.records.buffer as ArrayBuffer),
    );
    for (let round = 0; round < rounds; round++) {
      const passes = Array.from({ length: PASSES_ROUND }, () => ownPass(flow));
      times.ferrule!.push(spread(passes).median);
      for (const peer of peers) {
        const ns = await peerRound(peer, file, options.live, tapes);
        if (ns !== undefined) (times[peer.name] ??= []).push(ns);
      }
    }
  } finally {
    await Deno.remove(file);
  }
  if (peers.length > 0) tapes.add(ownTape(flow));
  if (tapes.size > 1) {
    throw new Error(`Engines differ: ${[...tapes].join(", ")}`);
  }
  return times;
}

async function runChild(
  [live, prices, special]: readonly [number, number, number],
  rounds: string,
): Promise<Times> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      `--book=${live},${prices},${special}`,
      `--rounds=${rounds}`,
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("A measurement failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function main(rounds: string): Promise<void> {
  await buildPrograms();
  const names = ["ferrule", "C ladder", ...peersOf().map(({ name }) => name)];
  const rows = [["live orders", "prices", "with terms", ...names]];
  const saved: Record<string, unknown> = {};
  for (const book of BOOKS) {
    const times = await runChild(book, rounds);
    const [live, prices, special] = book;
    rows.push([
      figure(live),
      figure(prices),
      `${special} %`,
      ...names.map((name) =>
        times[name] === undefined ? "" : shortly(spread(times[name]))
      ),
    ]);
    saved[book.join(" ")] = Object.fromEntries(
      Object.entries(times).map(([name, ns]) => [name, spread(ns)]),
    );
  }
  console.log(`ns a message, ${rounds} rounds\n`);
  console.log(markdownTable(rows));
  await saveResult("curve", saved);
}

const args = parseArgs(Deno.args, {
  string: ["book", "rounds"],
  default: { rounds: "9" },
});
if (args.book === undefined) await main(args.rounds);
else {
  const [live, prices, specialPercent] = args.book.split(",").map(Number);
  const options = {
    live: live!,
    prices: prices!,
    specialPercent: specialPercent!,
    messages: MESSAGES,
  };
  console.log(JSON.stringify(await child(options, Number(args.rounds))));
}
