// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every cell of the tables of `docs/rules/states.json`: each command in each
 * trading state, and what a change of state ends.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { CommandKind, EventKind, MassScope } from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { type CommandRow, STATES } from "./data.ts";
import { Desk } from "./desk.ts";

const NAMES = STATES.states.map(({ state }) => state);
const ANYTHING = 0xffff;

/** Commands that are not about one order. */
const OTHERS: Readonly<Record<string, TestCommand>> = {
  "mass cancel": {
    kind: CommandKind.MASS_CANCEL,
    detail: MassScope.SESSION,
    reason: 1,
    instrument: ANYTHING,
  },
  "kill": { kind: CommandKind.KILL, detail: MassScope.SESSION, reason: 1 },
};

/** A desk in a state, with order 1 in its book. */
function deskIn(state: string): Desk {
  const desk = new Desk();
  desk.setUp("1 buy 9@300");
  if (state !== "OPEN") desk.state(state);
  return desk;
}

function ask(row: CommandRow, state: string): string {
  return deskIn(state).say(OTHERS[row.line] ?? row.line);
}

for (const row of STATES.commands) {
  Deno.test(`Exchange takes ${row.command} in the states that states.json says, and in no other`, () => {
    for (const state of NAMES) {
      const told = ask(row, state);
      if (row.states.includes(state)) {
        assert(!told.includes("!"), `${state}: ${told}`);
        assert(told.length > 0, `${state}: no answer`);
      } else {
        const reference = /^\d+|(?<= )\d+/.exec(row.line)?.[0];
        assertEquals(told, `!${reference} STATE_FORBIDS`, state);
      }
    }
  });
}

for (const { from, to, order, end } of STATES.ends) {
  const what = end === "" ? "keeps" : "ends";
  Deno.test(`Exchange ${what} ${order.slice(3)} when ${from} becomes ${to}`, () => {
    const desk = deskIn(from);
    desk.setUp(order);
    const ends = desk.state(to).split(", ").filter((part) =>
      part.startsWith("-50")
    );
    assertEquals(ends, end === "" ? [] : [end]);
    const status = desk.say("status 50");
    assertEquals(status.endsWith("UNKNOWN_ORDER"), end !== "", status);
  });
}

Deno.test("Exchange lets nothing trade in any state but OPEN", () => {
  for (const state of NAMES) {
    const desk = deskIn(state);
    const told = desk.say("2 sell 4@300");
    assertEquals(told.includes("<"), state === "OPEN", `${state}: ${told}`);
  }
});

Deno.test("Exchange lets stops wait and pegs sleep in any state but OPEN", () => {
  for (const state of ["PRE_OPEN", "PAUSE", "OPENING_AUCTION"]) {
    const desk = new Desk();
    desk.setUp("2:8 sell 9@500", "3:9 buy 1@500", "2:cancel 8");
    desk.setUp("2:7 buy 5@480");
    desk.state(state);
    desk.setUp("1 buy 4@M STOP stop=490", "2 buy 4 PEG_PRIMARY");
    assertEquals(
      desk.events.filter((e) => e.kind === EventKind.TRIGGERED).length,
      0,
    );
    const told = desk.state("OPEN").split(", ");
    assertEquals(told.includes("*1"), true, `${state}: ${told}`);
    assertEquals(desk.takeAll("buy"), ["7 5@480", "2 4@480"], state);
  }
});

Deno.test("Exchange sets a state again that is there already, and ends what it ends", () => {
  const desk = deskIn("OPENING_AUCTION");
  desk.setUp("50 buy 1@400 DAY");
  assertEquals(
    desk.state("OPENING_AUCTION").startsWith("state OPENING_AUCTION"),
    true,
  );
  assert(desk.state("CLOSED").includes("-50 EXPIRED"));
  assertEquals(desk.state("CLOSED"), "state CLOSED");
});
