// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every combination of order type, time in force and two terms, against
 * `docs/rules/order_types.json`: it is taken, or refused with the reason of
 * the first check that it fails.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ORDER_TYPES, STATES, type TermRow, type TypeRow } from "./data.ts";
import { Desk } from "./desk.ts";

const { types, times, terms } = ORDER_TYPES;
const PARTNER = 900;

/** The words that an order of this type needs. */
function words(row: TypeRow): string {
  const price = row.price === "needed" ? "@100" : "";
  const stop = row.stopPrice === "none" ? "" : " stop=200";
  const offset = row.offset === "needed" ? " offset=5" : "";
  return `1 buy 10${price} ${row.type}${stop}${offset}`;
}

/** What the data says of an order with good fields in OPEN. */
function expected(row: TypeRow, time: string, used: readonly TermRow[]) {
  if (!row.times.includes(time)) return "INVALID_TIME_IN_FORCE";
  const fits = used.every((term) =>
    term.types.includes(row.type) && term.times.includes(time) &&
    used.every((other) => !term.notWith.includes(other.term))
  );
  if (!fits) return "INVALID_COMBINATION";
  const asState = STATES.commands.find(({ command }) => command === time);
  return asState === undefined || asState.states.includes("OPEN")
    ? ""
    : "STATE_FORBIDS";
}

/** Lets the desk do it; leaves nothing behind. */
function reasonOf(desk: Desk, line: string): string {
  const told = desk.say(line);
  if (told.startsWith("!1 ")) return told.slice(3);
  assert(told.startsWith("+1"), `${line}: ${told}`);
  if (!told.includes("-1 ")) desk.setUp("cancel 1");
  return "";
}

/** No term, one term, two terms. */
const CHOICES: readonly (readonly TermRow[])[] = [
  [],
  ...terms.map((term) => [term]),
  ...terms.flatMap((term, i) =>
    terms.slice(i + 1).map((other) => [term, other])
  ),
];

for (const row of types) {
  Deno.test(`Exchange takes ${row.type} with the times in force and terms of order_types.json, and no other`, () => {
    for (const { time } of times) {
      const desk = new Desk();
      desk.setUp(`${PARTNER} buy 1@50`);
      for (const used of CHOICES) {
        const line = [
          words(row),
          time,
          ...(time === "GTD" ? [`expire=${desk.now + 1e9}`] : []),
          ...used.map(({ word }) => word),
        ].join(" ");
        assertEquals(reasonOf(desk, line), expected(row, time, used), line);
      }
    }
  });
}

for (const row of types) {
  Deno.test(`Exchange asks of ${row.type} the price, stop price and offset of order_types.json`, () => {
    const desk = new Desk();
    const rest = (without: string) =>
      words(row).split(" ").filter((word) => !word.startsWith(without))
        .join(" ");
    const bare = words(row).replace("@100", "");
    const withPrice = (price: number) => bare.replace("10", `10@${price}`);
    assertEquals(
      [withPrice(0), withPrice(100), withPrice(-1)].map((line) =>
        reasonOf(desk, line)
      ),
      row.price === "needed"
        ? ["INVALID_PRICE", "", "INVALID_PRICE"]
        : row.price === "may be"
        ? ["", "", "INVALID_PRICE"]
        : ["", "", ""],
      "price",
    );
    assertEquals(
      [rest("stop="), `${rest("stop=")} stop=200`, `${rest("stop=")} stop=-1`]
        .map((line) => reasonOf(desk, line)),
      row.stopPrice === "none"
        ? ["", "INVALID_STOP_PRICE", "INVALID_STOP_PRICE"]
        // A trailing stop may do without where there is a last price; here is none.
        : ["INVALID_STOP_PRICE", "", "INVALID_STOP_PRICE"],
      "stop price",
    );
    assertEquals(
      [
        rest("offset="),
        `${rest("offset=")} offset=5`,
        `${rest("offset=")} offset=-5`,
      ].map((line) => reasonOf(desk, line)),
      row.offset === "needed"
        ? ["INVALID_OFFSET", "", "INVALID_OFFSET"]
        : row.offset === "may be"
        ? ["", "", ""]
        : ["", "INVALID_OFFSET", "INVALID_OFFSET"],
      "offset",
    );
  });
}

Deno.test("Exchange takes a trailing stop without stop price where something traded", () => {
  const desk = new Desk();
  desk.setUp("2:8 sell 1@500", "3:9 buy 1@500");
  desk.setUp("1 sell 10 TRAILING_STOP offset=7");
  assertEquals(desk.say("status 1").startsWith("?1 10/10"), true);
  assertEquals(desk.events[0]!.stopPrice, 493);
});

/** Line without `1 buy 10@100`, reason. */
const BAD_TERMS: readonly (readonly [string, string])[] = [
  ["display=0", ""],
  ["display=10", ""],
  ["display=11", "INVALID_DISPLAY_QUANTITY"],
  ["display=2.5", "INVALID_DISPLAY_QUANTITY"],
  ["display=-1", "INVALID_DISPLAY_QUANTITY"],
  ["display=4 range=3", ""],
  ["display=4 range=4", "INVALID_DISPLAY_QUANTITY"],
  ["display=4 range=1.5", "INVALID_DISPLAY_QUANTITY"],
  ["display=4 range=-1", "INVALID_DISPLAY_QUANTITY"],
  ["range=1", "INVALID_DISPLAY_QUANTITY"],
  ["min=10", ""],
  ["min=11", "INVALID_MIN_QUANTITY"],
  ["min=0.5", "INVALID_MIN_QUANTITY"],
  ["min=-1", "INVALID_MIN_QUANTITY"],
  ["expire=40000000000", "INVALID_EXPIRE_TIME"],
  ["GTD", "INVALID_EXPIRE_TIME"],
  ["GTD expire=1", "INVALID_EXPIRE_TIME"],
  ["GTD expire=40000000000", ""],
];

Deno.test("Exchange refuses terms that do not fit the order's quantity or time", () => {
  const desk = new Desk();
  for (const [line, reason] of BAD_TERMS) {
    assertEquals(reasonOf(desk, `1 buy 10@100 ${line}`), reason, line);
  }
  const now = desk.now;
  assertEquals(
    reasonOf(desk, `1 buy 10@100 GTD expire=${now}`),
    "INVALID_EXPIRE_TIME",
  );
});

Deno.test("Exchange refuses a link to what is not a free order of the session", () => {
  const desk = new Desk({ instruments: 2 });
  desk.setUp("2:70 buy 1@50", "71 buy 1@50 instrument=1", "72 buy 1@50");
  const line = "1 buy 10@100 link=";
  assertEquals(reasonOf(desk, `${line}69`), "UNKNOWN_LINK");
  assertEquals(reasonOf(desk, `${line}70`), "UNKNOWN_LINK");
  assertEquals(reasonOf(desk, `${line}71`), "UNKNOWN_LINK");
  assertEquals(reasonOf(desk, `${line}1`), "UNKNOWN_LINK");
  desk.setUp("73 buy 1@50 link=72");
  assertEquals(reasonOf(desk, `${line}72`), "UNKNOWN_LINK");
  assertEquals(reasonOf(desk, `${line}73`), "UNKNOWN_LINK");
  desk.setUp("cancel 73");
  assertEquals(reasonOf(desk, `${line}72`), "");
});
