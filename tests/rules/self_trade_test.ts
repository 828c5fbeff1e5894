// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every row of `docs/rules/self_trade.json`: what each mode does, for every
 * relation and scope that it applies to, and a plain trade for all others.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { CommandKind, StpMode, StpScope } from "../../engine/record/mod.ts";
import { type OwnerRow, SELF_TRADE } from "./data.ts";
import { codeOf, Desk } from "./desk.ts";

type Outcome = typeof SELF_TRADE.outcomes[number];
type Relation = typeof SELF_TRADE.scopes[number];
type Scope = keyof typeof StpScope;

const SCOPES: readonly Scope[] = ["SESSION", "ACCOUNT", "GROUP"];
const BYSTANDER = 5;

function setSession(
  desk: Desk,
  owner: OwnerRow,
  mode: string,
  scope: Scope,
): void {
  desk.say({
    kind: CommandKind.SET_SESSION,
    session: owner.session,
    reason: owner.account,
    price: owner.group,
    detail: codeOf(StpMode, mode) | StpScope[scope] << 4,
  });
}

function deskOf(relation: Relation, mode: string, scope: Scope): Desk {
  const desk = new Desk();
  for (const account of [1, 2]) {
    desk.say({
      kind: CommandKind.DEFINE_ACCOUNT,
      session: 0,
      reason: account,
      text: `ACCOUNT${account}`,
    });
  }
  setSession(desk, relation.maker, "NONE", "SESSION");
  setSession(desk, relation.taker, mode, scope);
  return desk;
}

/** What two strangers would do. */
function trade(taker: number): string {
  const first = Math.min(taker, 10);
  const second = Math.min(taker - first, 5);
  return `+3, 1<3 ${first}@500` + (second > 0 ? `, 2<3 ${second}@501` : "");
}

function after(desk: Desk, session: number, reference: number): string {
  const told = desk.say(`${session}:status ${reference}`);
  return told.endsWith("UNKNOWN_ORDER")
    ? "ends"
    : told.replace(/^\?\d+ /, "").split("@")[0]!;
}

function meet(row: Outcome, relation: Relation, scope: Scope, terms = "") {
  const { maker, taker } = relation;
  const desk = deskOf(relation, terms === "" ? row.mode : "NONE", scope);
  desk.setUp(
    `${maker.session}:1 sell ${row.maker}@500`,
    `${BYSTANDER}:2 sell 5@501`,
  );
  const told = desk.say(`${taker.session}:3 buy ${row.taker}@501${terms}`);
  if (!relation[scope]) {
    assertEquals(told, trade(row.taker), relation.who);
    return;
  }
  assertEquals(told, row.answer, relation.who);
  assertEquals(
    [after(desk, maker.session, 1), after(desk, taker.session, 3)],
    [row.makerAfter, row.takerAfter],
    `${relation.who}: what is left`,
  );
}

for (const row of SELF_TRADE.outcomes) {
  for (const scope of SCOPES) {
    Deno.test(`Self-trade prevention by ${scope}, ${row.mode}: maker of ${row.maker}, taker of ${row.taker}`, () => {
      for (const relation of SELF_TRADE.scopes) {
        meet(row, relation, scope);
        meet(row, relation, scope, ` stp=${row.mode}`);
      }
    });
  }
}

const SAME = SELF_TRADE.scopes[0]!;

for (const { session, order, mode } of SELF_TRADE.choices) {
  const says = order === "" ? "nothing" : order;
  Deno.test(`Self-trade prevention of a session with ${session} and an order with ${says} is ${mode}`, () => {
    const desk = deskOf(SAME, session, "SESSION");
    desk.setUp("1 sell 10@500", "5:2 sell 5@501");
    const told = desk.say(
      "3 buy 6@501" + (order === "" ? "" : ` stp=${order}`),
    );
    const row = SELF_TRADE.outcomes.find((r) =>
      r.mode === mode && r.taker === 6
    );
    assertEquals(told, row?.answer ?? trade(6));
  });
}

Deno.test("Self-trade prevention goes by the accounts that orders name", () => {
  for (const [makers, takers, met] of [[1, 1, true], [1, 2, false]] as const) {
    const relation = {
      ...SAME,
      maker: { session: 2, account: 2, group: 0 },
      taker: { session: 1, account: 0, group: 0 },
    };
    const desk = deskOf(relation, "CANCEL_NEWEST", "ACCOUNT");
    desk.setUp(`2:1 sell 10@500 account=${makers}`);
    assertEquals(
      desk.say(`3 buy 6@501 account=${takers}`),
      met ? "+3, 1#3 6@500, -3 SELF_TRADE" : "+3, 1<3 6@500",
    );
  }
});

Deno.test("Self-trade prevention is the taker's, not the maker's", () => {
  const relation = SELF_TRADE.scopes.find(({ who }) =>
    who === "two sessions of one account"
  )!;
  const desk = deskOf(relation, "NONE", "ACCOUNT");
  setSession(desk, relation.maker, "CANCEL_BOTH", "ACCOUNT");
  desk.setUp("2:1 sell 10@500 stp=CANCEL_BOTH");
  assertEquals(desk.say("3 buy 6@500"), "+3, 1<3 6@500");
});

Deno.test("Self-trade prevention leaves a decremented maker in its place", () => {
  const desk = deskOf(SAME, "DECREMENT", "SESSION");
  desk.setUp("1 sell 10@500", "5:2 sell 5@500", "3 buy 6@500");
  assertEquals(desk.takeAll("sell"), ["1 4@500", "2 5@500"]);
});

Deno.test("Self-trade prevention decrements the slice of an iceberg no further than to what is left", () => {
  const desk = deskOf(SAME, "DECREMENT", "SESSION");
  desk.setUp("1 sell 10@500 display=4", "5:2 sell 5@500", "3 buy 8@500");
  assertEquals(desk.takeAll("sell"), ["1 2@500", "2 5@500"]);
});

Deno.test("Self-trade prevention counts prevented matches apart from matches", () => {
  const desk = deskOf(SAME, "CANCEL_NEWEST", "SESSION");
  desk.setUp("5:8 sell 1@490", "9 buy 1@490", "1 sell 10@500");
  desk.setUp("3 buy 6@500", "4 buy 7@500");
  assertEquals(desk.events.map((event) => event.match), [0, 2, 2, 0]);
  assertEquals(desk.exchange.trades, 1);
});

Deno.test("Self-trade prevention holds for what a replace brings to trade", () => {
  const desk = deskOf(SAME, "CANCEL_OLDEST", "SESSION");
  desk.setUp("1 sell 10@500", "3 buy 6@490");
  assertEquals(
    desk.say("replace 3 6@500"),
    "=3 6/6@500, 1#3 6@500, -1 SELF_TRADE",
  );
  assertEquals(desk.book(), "6@500(1) |");
});

Deno.test("Self-trade prevention does not hold in an auction", () => {
  const desk = deskOf(SAME, "CANCEL_BOTH", "SESSION");
  desk.state("OPENING_AUCTION");
  desk.setUp("1 sell 10@500", "3 buy 6@500");
  const told = desk.state("OPEN").split(", ");
  assertEquals(told.includes("3x1 6@500"), true, told.join(", "));
});
