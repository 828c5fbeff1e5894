// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A fixed set of simulations of a pair, and the proof that its checkers can fail.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PairSimulation } from "./pair_simulation.ts";
import { acknowledgeAlone, bendStandby } from "./sabotages.ts";
import type { SimNode } from "./sim_node.ts";
import { type Checker, Violation } from "./violation.ts";

const STEPS = 9000;
const FIRST_SEED = 1;
const SEEDS = 12;

/** What must have happened in the set, at least once each. */
const HAPPENED = [
  "kill of a primary",
  "kill of a standby",
  "power cut of a primary",
  "power cut of a standby",
  "freeze",
  "link parted",
  "lease parted",
  "stops following",
  "fenced",
  "journal given up",
  "journal failed",
  "failed sync",
  "failed write",
  "primary checked",
  "copy checked",
  "pair agrees",
  "fills",
  "repeats",
];

Deno.test(`PairSimulation keeps every promise on ${SEEDS} seeds, while machines and networks fail`, () => {
  const totals = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    try {
      const { counts } = new PairSimulation({ seed, steps: STEPS }).run();
      for (const [what, count] of counts) {
        totals.set(what, (totals.get(what) ?? 0) + count);
      }
    } catch (error) {
      throw new Error(
        `${error instanceof Error ? error.stack : error}\n\n` +
          `Again, with its log: make sim SEED=${seed} STEPS=${STEPS} PAIR=1`,
      );
    }
  }
  const missing = HAPPENED.filter((what) => !totals.has(what));
  assertEquals(missing, [], `of ${JSON.stringify([...totals])}`);
});

Deno.test("PairSimulation of one seed gives the same log every time", () => {
  const logs = [1, 2].map(() => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    new PairSimulation({ seed: 3, steps: STEPS, onLine }).run();
    return lines;
  });
  assertEquals(logs[0], logs[1]);
});

const BROKEN: readonly [string, (node: SimNode) => void, Checker][] = [
  ["a primary that acknowledges alone", acknowledgeAlone, "durable"],
  ["a standby with another state", bendStandby, "pair"],
];

for (const [name, sabotage, checker] of BROKEN) {
  Deno.test(`PairSimulation notices ${name}`, () => {
    const found: Checker[] = [];
    for (let seed = 1; seed <= 10 && found.length === 0; seed++) {
      try {
        new PairSimulation({ seed, steps: STEPS, sabotage }).run();
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        found.push(error.checker);
      }
    }
    assertEquals(found, [checker]);
  });
}
