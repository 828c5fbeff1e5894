// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A fixed set of simulations, and the proof that each checker can fail.
 *
 * ```
 *   seeds ─▶ simulations ─▶ every kind of fault and recovery happened, no promise broken
 *   one fault done on purpose ─▶ the checker that is meant for it says so
 * ```
 *
 * `make sim` runs others, as long as one likes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Plan } from "./fault_plan.ts";
import type { Sabotage } from "./sabotage.ts";
import * as sabotages from "./sabotages.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";
import { type Checker, Violation } from "./violation.ts";

const STEPS = 5000;
const FIRST_SEED = 1;
const SEEDS = 24;

/** What must have happened in the set, at least once each. */
const HAPPENED = [
  "kill",
  "kill while recovering",
  "power cut",
  "power cut while recovering",
  "stop in order",
  "stopped in order",
  "recovery checked",
  "failed write",
  "failed sync",
  "failed create",
  "disk full",
  "slow disk",
  "lost sector",
  "misdirected write",
  "journal full",
  "journal slow",
  "pressure over",
  "journal failed",
  "failure checked",
  "start refused by the disk",
  "clock jump",
  "cut connection",
  "deaf client",
  "lost datagram",
  "duplicated datagram",
  "reordered datagram",
  "fills",
  "repeats",
];

/** Runs a seed; what went wrong says how to run it again. */
function simulate(seed: number): SimulationResult {
  try {
    return new Simulation({ seed, steps: STEPS }).run();
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.stack : error}\n\n` +
        `Again, with its log: make sim SEED=${seed} STEPS=${STEPS}`,
    );
  }
}

Deno.test(`Simulation keeps every promise on ${SEEDS} seeds, while everything goes wrong`, () => {
  const totals = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    for (const [what, count] of simulate(seed).counts) {
      totals.set(what, (totals.get(what) ?? 0) + count);
    }
  }
  const missing = HAPPENED.filter((what) => !totals.has(what));
  assertEquals(missing, [], `of ${JSON.stringify([...totals])}`);
});

Deno.test("Simulation of one seed gives the same log every time", () => {
  const logs = [1, 2].map(() => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    const { digest } = new Simulation({ seed: 5, steps: STEPS, onLine }).run();
    return { lines, digest };
  });
  assert(logs[0]!.lines.length > 1000);
  assertEquals(logs[0]!.lines, logs[1]!.lines);
  assertEquals(logs[0]!.digest, logs[1]!.digest);
  const other = new Simulation({ seed: 6, steps: STEPS }).run();
  assert(other.digest !== logs[0]!.digest);
});

/** What is broken, by whom it must be noticed, and a plan in which it shows. */
interface Broken {
  readonly name: string;
  readonly sabotage: Sabotage;
  readonly checker: Checker;
  readonly plan: Partial<Plan>;
}

const QUIET: Partial<Plan> = {
  durability: "synced",
  faultOneIn: 400,
  faults: ["cut"],
  tearSectors: false,
  resets: false,
};
const POWER: Partial<Plan> = { ...QUIET, faults: ["power cut"] };
const FAILING: Partial<Plan> = {
  ...QUIET,
  faults: ["sync error", "write error"],
  faultOneIn: 800,
};

const BROKEN: readonly Broken[] = [
  {
    name: "acknowledgements before the disk has the command",
    sabotage: sabotages.EARLY_ACKNOWLEDGEMENT,
    checker: "durable",
    plan: { ...POWER, syncTicksMax: 12 },
  },
  {
    name: "a group that recovery leaves out",
    sabotage: sabotages.LOST_GROUP,
    checker: "durable",
    plan: POWER,
  },
  {
    name: "a message that is not sent again",
    sabotage: sabotages.SKIPPED_RESEND,
    checker: "stream",
    plan: QUIET,
  },
  {
    name: "a message that changes when it is sent again",
    sabotage: sabotages.CHANGED_RESEND,
    checker: "stream",
    plan: QUIET,
  },
  {
    name: "fills that do not add up",
    sabotage: sabotages.WRONG_FILL,
    checker: "ledger",
    plan: { ...QUIET, faultOneIn: 1e9 },
  },
  {
    name: "an exchange that does not do what the oracle does",
    sabotage: sabotages.WRONG_ORACLE,
    checker: "oracle",
    plan: QUIET,
  },
  {
    name: "a state that a replay does not come to",
    sabotage: sabotages.WRONG_STATE,
    checker: "recovery",
    plan: QUIET,
  },
  {
    name: "acknowledgements after the journal has failed",
    sabotage: sabotages.ACKNOWLEDGED_AFTER_FAILURE,
    checker: "failure",
    plan: FAILING,
  },
  {
    name: "a health page that forgets a failure",
    sabotage: sabotages.HEALTHY_AFTER_FAILURE,
    checker: "failure",
    plan: FAILING,
  },
  {
    name: "damage that is cut off like a torn tail",
    sabotage: sabotages.CARELESS_OPERATOR,
    checker: "durable",
    plan: { ...POWER, faults: ["misdirected write", "power cut"] },
  },
  {
    name: "damage of a good disk's journal",
    sabotage: sabotages.DAMAGE_OF_ITS_OWN,
    checker: "damage",
    plan: POWER,
  },
];

for (const { name, sabotage, checker, plan } of BROKEN) {
  Deno.test(`Simulation notices ${name}`, () => {
    const found: Checker[] = [];
    for (let seed = 1; seed <= 10 && found.length === 0; seed++) {
      try {
        new Simulation({ seed, steps: STEPS, sabotage, plan }).run();
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        found.push(error.checker);
      }
    }
    assertEquals(found, [checker]);
  });
}
