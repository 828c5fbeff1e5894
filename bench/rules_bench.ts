// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the time goes: what each rule costs a message of the standard mix, by
 * adding it to an exchange that has none, and by taking it from one that has
 * all. All alternate in one run, each in a process of its own; costs are
 * differences within a round.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { measureSides } from "./contender.ts";
import { startEngines } from "./engine_child.ts";
import type { EngineSpec, ExchangeSpec } from "./engines.ts";
import { EVERYTHING, NOTHING, OWNERS_MAX, type Rules } from "./exchange_rig.ts";
import { figure, markdownTable, saveResult, shortly, spread } from "./stats.ts";

const STOPS = 10_000;

const NAMES: Readonly<Partial<Record<keyof Rules, string>>> = {
  limits: "largest quantity and notional, by instrument",
  accounts: "accounts: quantity, notional, orders, position",
  selfTrade: "self-trade prevention",
  rate: "message rate",
  collar: "price collar and market collar",
  band: "price band",
  volatility: "volatility range",
};

const BASE: Rules = { ...NOTHING, events: true };

function engine(
  rules: Rules,
  more: Partial<ExchangeSpec> = {},
): ExchangeSpec {
  return { engine: "exchange", mix: "mix1m", rules, ...more };
}

/** What is no rule of its own, by name of the engine and name in the table. */
const EXTRAS: Readonly<Record<string, readonly [string, EngineSpec]>> = {
  stops: [
    `${STOPS} stop orders that wait`,
    engine(EVERYTHING, { stops: STOPS }),
  ],
  owners: [
    `${2 * OWNERS_MAX} sessions and accounts, not 2`,
    engine(EVERYTHING, { owners: OWNERS_MAX }),
  ],
  texts: [
    "client order ids of FIX, kept and told",
    engine(EVERYTHING, { texts: true }),
  ],
};

const args = parseArgs(Deno.args, {
  string: ["rounds"],
  default: { rounds: "9" },
});
const rounds = Number(args.rounds);
const keys = Object.keys(NAMES) as (keyof Rules)[];
const engines: Record<string, EngineSpec> = {
  events: { engine: "events", mix: "mix1m" },
  base: engine(BASE),
  everything: engine(EVERYTHING),
};
for (const key of keys) {
  engines[`+${key}`] = engine({ ...BASE, [key]: true });
  engines[`-${key}`] = engine({ ...EVERYTHING, [key]: false });
}
for (const [name, [, spec]] of Object.entries(EXTRAS)) engines[name] = spec;
const sides = await startEngines(engines);
const measured = await measureSides(sides, rounds);
for (const side of sides) await side.close();
const times = new Map(sides.map(({ name }, i) => [name, measured[i]!]));

/** One side's time less another's, round by round. */
function difference(more: string, less: string): string {
  const under = times.get(less)!;
  return shortly(spread(times.get(more)!.map((ns, i) => ns - under[i]!)));
}

const eventsNs = shortly(spread(times.get("events")!));
const rows = [["rule", "added to events only, ns", "part of everything, ns"]];
rows.push(["writing 1.4 events, alone", eventsNs, eventsNs]);
for (const key of keys) {
  rows.push([
    NAMES[key]!,
    difference(`+${key}`, "base"),
    difference("everything", `-${key}`),
  ]);
}
for (const [name, [text]] of Object.entries(EXTRAS)) {
  rows.push([text, "", difference(name, "everything")]);
}
const bounds = ["base", "everything"].map((name) =>
  figure(spread(times.get(name)!).median)
);
console.log(
  `ns a message: with events only ${bounds[0]}, with all ${bounds[1]}; ` +
    `${rounds} rounds\n`,
);
console.log(markdownTable(rows));
await saveResult(
  "rules",
  Object.fromEntries([...times].map(([name, ns]) => [name, spread(ns)])),
);
