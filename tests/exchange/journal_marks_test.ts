// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Requests that the sequencer marked because the journal's disk wants no more:
 * what adds liability is refused, what takes some away goes through.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  CMD_FLAG_REFUSE,
  CommandKind,
  Reason,
  TermFlag,
} from "../../engine/record/mod.ts";
import { Desk, parseLine } from "../rules/desk.ts";

const MARK = { flags: CMD_FLAG_REFUSE, reason: Reason.JOURNAL_SLOW };

/** A desk with a limit order, a stop and a peg, that judges marked requests. */
function desk(): Desk {
  const found = new Desk();
  found.setUp(
    "1 sell 10@500",
    "2 buy 10@700 STOP_LIMIT stop=600",
    "3 buy 10@400 PEG_PRIMARY",
  );
  return found;
}

for (
  const [request, told] of [
    ["4 buy 1@300", "!4 JOURNAL_SLOW"],
    ["4 buy 1@300 IOC", "!4 JOURNAL_SLOW"],
    ["4 buy 1@300 HIDDEN", "!4 JOURNAL_SLOW"],
    ["replace 1 11@500", "!1 JOURNAL_SLOW"],
    ["replace 1 10@501", "!1 JOURNAL_SLOW"],
    ["replace 1 9@499", "!1 JOURNAL_SLOW"],
    ["replace 1 10@500", "=1 10/10@500"],
    ["replace 1 9@500", "=1 9/9@500"],
    ["replace 2 10@701", "!2 JOURNAL_SLOW"],
    ["replace 3 10@401", "!3 JOURNAL_SLOW"],
    ["reduce 1 3", "=1 7/7@500"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT"],
  ] as const
) {
  Deno.test(`Exchange answers "${request}", marked, with "${told}"`, () => {
    assertEquals(desk().say({ ...parseLine(request), ...MARK }), told);
  });
}

Deno.test("Exchange lets a marked replace of a stop or peg go that leaves less open", () => {
  const found = desk();
  const replace = (reference: number, price: number, quantity: number) =>
    found.say({
      ...parseLine(`replace ${reference} ${quantity}@${price}`),
      ...MARK,
    });
  assertEquals(replace(2, 700, 9).startsWith("=2 9/9"), true);
  assertEquals(replace(3, 400, 9).startsWith("=3 9/9"), true);
});

Deno.test("Exchange refuses a marked replace that moves a stop", () => {
  const told = desk().say({
    kind: CommandKind.REPLACE_ORDER,
    session: 1,
    instrument: 0xffff,
    reference: 2,
    price: 700,
    quantity: 10,
    termFlags: TermFlag.REPLACE_STOP,
    stopPrice: 601,
    ...MARK,
  });
  assertEquals(told, "!2 JOURNAL_SLOW");
});
