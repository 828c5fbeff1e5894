// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the time goes: what each rule costs a message of the standard mix, by
 * adding it to an exchange that has none, and by taking it from one that has
 * all. All alternate in one run; costs are differences within a round.
 *
 * @module
 */
import * as record from "../engine/record/mod.ts";
import { COMMAND_TERMS_BYTES, Commands } from "./commands.ts";
import { measureSides, type Side, sideOf } from "./contender.ts";
import { ExchangeMix, mixCommands } from "./exchange_mix.ts";
import {
  BYSTANDER,
  EVERYTHING,
  NOTHING,
  OWNERS_MAX,
  PRELUDE_SEQUENCE,
  type Rules,
} from "./exchange_rig.ts";
import { mix, MIXES } from "./standard_mix.ts";
import { figure, markdownTable, saveResult, shortly, spread } from "./stats.ts";

const ROUNDS = 9;
const STOPS = 10_000;
/** Prices that the mix never reaches. */
const STOP_ABOVE = 30_000;

const NAMES: Readonly<Record<keyof Rules, string>> = {
  events: "writing events",
  limits: "largest quantity and notional, by instrument",
  accounts: "accounts: quantity, notional, orders, position",
  selfTrade: "self-trade prevention",
  rate: "message rate",
  collar: "price collar and market collar",
  band: "price band",
  volatility: "volatility range",
};

const facts = MIXES.mix1m;
const records = mix(facts.messages, facts.symbols);
const plain = mixCommands(records, 1);

/** Stop orders that wait beyond all prices of the mix. */
function waitingStops(): Commands {
  const stops = new Commands(STOPS * COMMAND_TERMS_BYTES, PRELUDE_SEQUENCE);
  for (let i = 0; i < STOPS; i++) {
    stops.newOrder({
      session: BYSTANDER,
      reference: i + 1,
      side: record.Side.BUY,
      type: record.OrdType.STOP_LIMIT,
      price: STOP_ABOVE + i,
      quantity: 1,
      terms: { stopPrice: STOP_ABOVE + i },
    });
  }
  return stops;
}

function side(
  name: string,
  rules: Rules,
  commands: Commands = plain,
  more: { owners?: number; prelude?: Commands } = {},
): Side {
  return sideOf(new ExchangeMix(name, commands, facts, rules, more));
}

const keys = Object.keys(NAMES) as (keyof Rules)[];
const sides = [
  side("nothing", NOTHING),
  side("everything", EVERYTHING),
  ...keys.map((key) => side(`+${key}`, { ...NOTHING, [key]: true })),
  ...keys.map((key) => side(`-${key}`, { ...EVERYTHING, [key]: false })),
];
const extras: readonly (readonly [string, Side])[] = [
  [
    `${STOPS} stop orders that wait`,
    side("stops", EVERYTHING, plain, { prelude: waitingStops() }),
  ],
  [
    `${2 * OWNERS_MAX} sessions and accounts, not 2`,
    side("owners", EVERYTHING, mixCommands(records, OWNERS_MAX), {
      owners: OWNERS_MAX,
    }),
  ],
  [
    "client order ids of FIX, kept and told",
    side("texts", EVERYTHING, mixCommands(records, 1, true)),
  ],
];
sides.push(...extras.map(([, extra]) => extra));
const measured = await measureSides(sides, ROUNDS);
const times = new Map(sides.map(({ name }, i) => [name, measured[i]!]));

/** One side's time less another's, round by round. */
function difference(more: string, less: string): string {
  const under = times.get(less)!;
  return shortly(spread(times.get(more)!.map((ns, i) => ns - under[i]!)));
}

const rows = [["rule", "added to nothing, ns", "part of everything, ns"]];
for (const key of keys) {
  rows.push([
    NAMES[key],
    difference(`+${key}`, "nothing"),
    difference("everything", `-${key}`),
  ]);
}
for (const [name, extra] of extras) {
  rows.push([name, "", difference(extra.name, "everything")]);
}
const bounds = ["nothing", "everything"].map((name) =>
  figure(spread(times.get(name)!).median)
);
console.log(
  `ns a message: without any rule ${bounds[0]}, with all ${bounds[1]}; ` +
    `${ROUNDS} rounds\n`,
);
console.log(markdownTable(rows));
await saveResult(
  "rules",
  Object.fromEntries([...times].map(([name, ns]) => [name, spread(ns)])),
);
