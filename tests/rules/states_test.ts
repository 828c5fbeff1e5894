// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every cell of the tables of `docs/rules/states.json`: each command in each
 * trading state, and what a change of state ends.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  CommandKind,
  EventKind,
  InstrumentSetting,
  MassScope,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { type CommandRow, type InterruptRow, STATES } from "./data.ts";
import { Desk, PROBE } from "./desk.ts";
import { SIDES, Table, type TableSide } from "./table.ts";

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

function interrupt(row: InterruptRow, side: TableSide): void {
  const table = new Table(side);
  const set = { kind: CommandKind.SET_INSTRUMENT, session: 0 };
  const { REFERENCE_PRICE, VOLATILITY } = InstrumentSetting;
  table.desk.say({ ...set, detail: REFERENCE_PRICE, price: 500 });
  table.desk.say({ ...set, detail: VOLATILITY, quantity: 5, reference: 1e9 });
  table.setUp(`2:8 sell 5@503`, `2:9 sell 4@506`, `${PROBE}:7 buy 1@503`);
  if (row.market !== undefined) table.setUp(`2:${row.market}`);
  const told = table.say(`1 buy ${row.order}`).split(", ");
  assertEquals(told[0]!.split("@")[0], "+1");
  const state = "state VOLATILITY_AUCTION";
  assertEquals(told.includes(state), row.interrupted, told.join(", "));
  assertEquals(
    told.slice(1).filter((part) => !/^(state|indicative) /.test(part))
      .join(", "),
    row.answer,
  );
  const status = table.say("status 1");
  if (row.leaves === 0) assert(status.endsWith("UNKNOWN_ORDER"), status);
  else assert(status.includes(`/${row.leaves}@`), status);
}

for (const row of STATES.interrupts) {
  Deno.test(`Exchange with a volatility range: ${row.order} ${row.what}`, () => {
    for (const side of SIDES) interrupt(row, side);
  });
}

Deno.test("Exchange lets nothing trade in any state but OPEN", () => {
  for (const state of NAMES) {
    const desk = deskIn(state);
    const told = desk.say("2 sell 4@300");
    assertEquals(told.includes("<"), state === "OPEN", `${state}: ${told}`);
  }
});

/** What became of an order, as far as others can tell. */
function whereIs(line: string, state: string): string {
  const desk = deskIn(state);
  const told = desk.say(line);
  if (told.includes("!")) return "";
  const shown = desk.book() !== "9@300(1) |";
  if (state === "OPEN") {
    const stands = desk.takeAll("buy").some((maker) => maker.startsWith("50 "));
    return shown ? "displayed" : stands ? "hidden" : "nowhere";
  }
  desk.setUp("2:60 sell 1@400");
  const trades = desk.state("OPEN").split(", ").includes("50x60 1@400");
  assertEquals(shown && !trades, false, `${line} is displayed and not there`);
  return shown ? "displayed" : trades ? "hidden" : "nowhere";
}

const SEEN: Readonly<Record<string, string>> = {
  "rests": "displayed",
  "joins": "displayed",
  "joins without a price": "hidden",
  "rests hidden": "hidden",
  "waits": "nowhere",
  "dormant": "nowhere",
  "": "",
};

for (const row of STATES.orders) {
  Deno.test(`Exchange puts ${row.order} where states.json says`, () => {
    for (const [state, does] of Object.entries(row.in)) {
      assertEquals(whereIs(row.line, state), SEEN[does], state);
    }
  });
}

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
