// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every row of `docs/rules/priority.json`, for buy orders as it stands there
 * and for sell orders mirrored at 500. Who stands where is learned by taking
 * all of them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  CommandKind,
  EventKind,
  InstrumentSetting,
} from "../../engine/record/mod.ts";
import {
  type CallRow,
  PRIORITY,
  type RaceRow,
  type ReduceRow,
  type ReplaceRow,
  type StopRow,
} from "./data.ts";
import { PROBE } from "./desk.ts";
import { SIDES, Table, type TableSide } from "./table.ts";

/** Compares the first answer; one without a price fits any. */
function assertAnswer(told: string, expected: string): void {
  const first = told.split(", ")[0]!;
  const bare = expected.includes("@") || !expected.startsWith("=");
  assertEquals(bare ? first : first.split("@")[0], expected, told);
}

function placeOf(queue: string): string {
  const makers = queue.split(", ").map((text) => text.split(" ")[0]);
  return makers.indexOf("1") < makers.indexOf("2") ? "kept" : "lost";
}

function replace(row: ReplaceRow, side: TableSide): void {
  const table = new Table(side);
  if (row.market !== undefined) table.setUp(`2:${row.market}`);
  table.setUp(`1 buy ${row.order}`);
  const entered = table.desk.events.at(-1)!;
  table.setUp(`2 buy ${row.rival ?? "5@500"}`);
  table.desk.events = [entered];
  table.fill(row.filled);
  table.setUp("3 buy 5@501", "4 buy 5@499");
  if (row.state !== undefined) table.desk.state(row.state);
  assertAnswer(table.say(`replace 1 ${row.ask}`), row.answer);
  if (row.state !== undefined) table.desk.state("OPEN");
  assertEquals(table.queue(), row.queue);
}

/** Trades one lot at a price, with a hundred more offered there for a while. */
function touch(table: Table, price: number): number[] {
  table.setUp(`${PROBE}:${price} sell 100@${price}`);
  table.say(`6:${price} buy 1@${price} IOC`);
  const triggered = table.desk.events
    .filter((event) => event.kind === EventKind.TRIGGERED)
    .map((event) => event.reference);
  table.setUp(`${PROBE}:cancel ${price}`);
  return triggered;
}

function stop(row: StopRow, side: TableSide): void {
  const table = new Table(side);
  table.setUp(`1 buy ${row.order}`, `2 buy ${row.rival}`);
  table.setUp("3 buy 5 STOP stop=511");
  assertAnswer(table.say(`replace 1 ${row.ask}`), row.answer);
  const triggered = [...touch(table, 510), ...touch(table, 511)];
  assertEquals(triggered.join(", "), row.triggers);
  const place = triggered.indexOf(1) < triggered.indexOf(2) ? "kept" : "lost";
  assertEquals(place, row.place);
}

function call(row: CallRow, side: TableSide): void {
  const table = new Table(side);
  table.desk.say({
    kind: CommandKind.SET_INSTRUMENT,
    session: 0,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price: 500,
  });
  table.desk.state(row.state);
  table.setUp(`1 buy ${row.order}`, `2 buy ${row.rival}`);
  assertAnswer(table.say(`replace 1 ${row.ask}`), row.answer);
  if (row.state === "PRE_OPEN") table.desk.state("OPENING_AUCTION");
  table.setUp(`${PROBE}:9 sell 7@500`);
  table.desk.state("OPEN");
  const trades = table.desk.events
    .filter((e) => e.kind === EventKind.FILLED && e.reference !== 9)
    .map((e) => {
      assertEquals(e.aggressor, 0);
      const price = side === "buy" ? e.lastPrice : 1000 - e.lastPrice;
      return `${e.reference} ${e.lastQuantity}@${price}`;
    });
  assertEquals(trades.join(", "), row.trades);
}

function race(row: RaceRow, side: TableSide): void {
  const table = new Table(side);
  table.setUp(`1 buy ${row.ordered}@500`);
  const entered = table.desk.events.at(-1)!;
  table.setUp("2 buy 5@500");
  table.desk.events = [entered];
  table.fill(row.filled);
  const flag = row.semantics === "open" ? " OPEN_QUANTITY" : "";
  const told = table.say(`replace 1 ${row.asked}@500${flag}`);
  const answer = row.reason === ""
    ? `=1 ${row.quantity}/${row.leaves}@500`
    : `!1 ${row.reason}`;
  assertEquals(told, answer);
  const status = table.say("status 1");
  if (row.place === "") {
    assertEquals(status, "?1 0/0@0 UNKNOWN_ORDER");
    return;
  }
  assertEquals(status, `?1 ${row.quantity}/${row.leaves}@500`);
  const queue = table.queue();
  assertEquals(placeOf(queue), row.place);
  assert(queue.includes(`1 ${row.leaves}@500`), queue);
}

function reduce(row: ReduceRow, side: TableSide): void {
  const table = new Table(side);
  table.setUp(`1 buy ${row.order}`);
  const entered = table.desk.events.at(-1)!;
  table.setUp(`2 buy ${row.rival ?? "5@500"}`);
  table.desk.events = [entered];
  table.fill(row.filled);
  const told = table.say(`reduce 1 ${row.by}`);
  assertEquals(told, row.answer);
  if (told.startsWith("-")) {
    assertEquals(table.desk.events[0]!.cum, row.filled);
  }
  assertEquals(table.queue(), row.queue);
}

for (const row of PRIORITY.replace) {
  Deno.test(`Replace of ${row.order}, ${row.filled} filled, to ${row.ask}: ${row.place}, ${row.why}`, () => {
    if (row.queue.includes("1 ") && row.queue.includes("2 ")) {
      assert(row.place === "kept" || row.place === "lost");
    }
    for (const side of SIDES) replace(row, side);
  });
}

for (const row of PRIORITY.calls) {
  Deno.test(`Replace in ${row.state} of ${row.order} to ${row.ask}: ${row.place}, ${row.why}`, () => {
    for (const side of SIDES) call(row, side);
  });
}

for (const row of PRIORITY.stops) {
  Deno.test(`Replace of the waiting ${row.order} to ${row.ask}: ${row.place}, ${row.why}`, () => {
    for (const side of SIDES) stop(row, side);
  });
}

for (const filled of new Set(PRIORITY.races.map((row) => row.filled))) {
  for (const semantics of ["total", "open"]) {
    Deno.test(`Replace by ${semantics} quantity after ${filled} of 10 were filled gives what priority.json says`, () => {
      for (const row of PRIORITY.races) {
        if (row.filled !== filled || row.semantics !== semantics) continue;
        for (const side of SIDES) race(row, side);
      }
    });
  }
}

for (const row of PRIORITY.reduce) {
  Deno.test(`Reduce of ${row.order}, ${row.filled} filled, by ${row.by}: ${row.why}`, () => {
    for (const side of SIDES) reduce(row, side);
  });
}

Deno.test("A replaced all-or-none order asks for what is left of it then", () => {
  for (const side of SIDES) {
    const table = new Table(side);
    table.setUp("1 buy 10@500 ALL_OR_NONE", "replace 1 8@500");
    assertEquals(table.say("8 sell 7@500 IOC"), "+8, -8 IOC_REMAINDER");
    assertEquals(table.say("9 sell 8@500 IOC"), "+9, 1<9 8@500");
  }
});

Deno.test("A replace of a waiting stop to a price that last has reached triggers it", () => {
  for (const side of SIDES) {
    const table = new Table(side);
    table.setUp(`${PROBE}:8 sell 20@505`, "6:9 buy 1@505 IOC");
    table.setUp("1 buy 10 STOP stop=510");
    assertEquals(
      table.say("replace 1 10 stop=505").replace(/@0/, ""),
      "=1 10/10, *1, 8<1 10@505",
    );
  }
});

Deno.test("A replace without a stop price keeps that of a waiting stop", () => {
  for (const side of SIDES) {
    const table = new Table(side);
    table.setUp("1 buy 10@520 STOP_LIMIT stop=510", "replace 1 9@519");
    assertEquals(touch(table, 509), []);
    assertEquals(touch(table, 510), [1]);
  }
});
