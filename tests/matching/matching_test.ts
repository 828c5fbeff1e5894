// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What each order type does, as short stories. A line is a command:
 *
 * ```
 * [session:]reference side lots@price [IOC|FOK|DAY]    new order; @M = market
 * x reference                                          cancel
 * r reference lots@price [new reference]               replace
 * ```
 *
 * and the answer lists fills as `maker<taker lots@price`, ends as
 * `-reference reason`, refusals as `!reference reason`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { CommandKind, EventKind, Reason } from "../../engine/record/mod.ts";
import { checkBook } from "../book/invariants.ts";
import {
  type TestCommand,
  type TestEvent,
  TestExchange,
} from "../exchange/support.ts";

const TIMES: Readonly<Record<string, number>> = { DAY: 0, IOC: 3, FOK: 4 };
const REASONS = new Map<number, string>(
  Object.entries(Reason).map(([name, code]) => [code, name]),
);

function parse(line: string): TestCommand {
  const words = line.split(" ");
  const lots = (text: string) => {
    const [quantity, price] = text.split("@");
    return price === "M"
      ? { quantity: Number(quantity), ordType: 1 }
      : { quantity: Number(quantity), price: Number(price), ordType: 2 };
  };
  if (words[0] === "x") {
    return { kind: CommandKind.CANCEL_ORDER, reference: Number(words[1]) };
  }
  if (words[0] === "r") {
    return {
      kind: CommandKind.REPLACE_ORDER,
      reference: Number(words[1]),
      ...lots(words[2]!),
      ...(words[3] === undefined ? {} : { newReference: Number(words[3]) }),
    };
  }
  return {
    kind: CommandKind.NEW_ORDER,
    reference: Number(words[0]),
    side: words[1] === "buy" ? 1 : 2,
    ...lots(words[2]!),
    timeInForce: TIMES[words[3] ?? ""] ?? 1,
  };
}

function tell(events: TestEvent[]): string {
  const told: string[] = [];
  events.forEach((event, i) => {
    const reason = REASONS.get(event.reason);
    if (event.kind === EventKind.FILLED && event.aggressor === 1) {
      const maker = events[i - 1]!;
      assertEquals([maker.kind, maker.match, maker.aggressor], [
        EventKind.FILLED,
        event.match,
        0,
      ]);
      assertEquals(maker.lastQuantity, event.lastQuantity);
      told.push(
        `${maker.reference}<${event.reference} ${event.lastQuantity}@${event.lastPrice}`,
      );
    } else if (event.kind === EventKind.CANCELED) {
      told.push(`-${event.reference} ${reason}`);
    } else if (
      event.kind === EventKind.REJECTED ||
      event.kind === EventKind.CANCEL_REJECTED
    ) told.push(`!${event.reference} ${reason}`);
    else if (event.kind === EventKind.REPLACED) {
      told.push(`=${event.reference} ${event.leaves}`);
    }
  });
  return told.join(", ");
}

/** Both sides, best first: `lots@price(orders)`, bids | asks. */
function show(t: TestExchange): string {
  const out = new Float64Array(60);
  const side = (bit: number) => {
    const count = t.exchange.depth(0, bit, 20, out);
    return Array.from(
      { length: count },
      (_, i) => `${out[i * 3 + 1]}@${out[i * 3]}(${out[i * 3 + 2]})`,
    ).join(" ");
  };
  return `${side(0)} | ${side(1)}`.trim();
}

/** Lines with what must be answered, then the book that must be left. */
type Story = readonly [string, readonly (readonly [string, string])[], string];

const STORIES: readonly Story[] = [
  ["takes the best price first, the oldest order first, at the maker's price", [
    ["1 sell 5@102", ""],
    ["2 sell 5@101", ""],
    ["3 sell 5@101", ""],
    ["4 buy 12@102", "2<4 5@101, 3<4 5@101, 1<4 2@102"],
  ], "| 3@102(1)"],
  ["rests the remainder of a limit order at its price", [
    ["1 sell 5@100", ""],
    ["2 buy 8@101", "1<2 5@100"],
    ["3 sell 1@101", "2<3 1@101"],
  ], "2@101(1) |"],
  ["does not trade at a worse price", [
    ["1 sell 5@101", ""],
    ["2 buy 5@100", ""],
  ], "5@100(1) | 5@101(1)"],
  ["cancels what a market order leaves", [
    ["1 buy 3@100", ""],
    ["2 buy 3@90", ""],
    ["3 sell 10@M", "1<3 3@100, 2<3 3@90, -3 NO_LIQUIDITY"],
    ["4 buy 1@M", "-4 NO_LIQUIDITY"],
  ], "|"],
  ["cancels what an IOC order leaves", [
    ["1 sell 3@100", ""],
    ["2 sell 3@101", ""],
    ["3 buy 5@100 IOC", "1<3 3@100, -3 IOC_REMAINDER"],
    ["4 buy 5@100 IOC", "-4 IOC_REMAINDER"],
    ["5 buy 3@101 IOC", "2<5 3@101"],
  ], "|"],
  ["fills a FOK order whole or leaves the book alone", [
    ["1 sell 3@100", ""],
    ["2 sell 3@101", ""],
    ["3 buy 7@101 FOK", "-3 FOK_NOT_FILLABLE"],
    ["4 buy 4@100 FOK", "-4 FOK_NOT_FILLABLE"],
    ["5 buy 5@101 FOK", "1<5 3@100, 2<5 2@101"],
    ["6 buy 2@M FOK", "-6 FOK_NOT_FILLABLE"],
    ["7 buy 1@M FOK", "2<7 1@101"],
    ["8 buy 1@M FOK", "-8 FOK_NOT_FILLABLE"],
  ], "|"],
  ["keeps the place of an order whose quantity goes down", [
    ["1 buy 10@100", ""],
    ["2 buy 10@100", ""],
    ["r 1 4@100", "=1 4"],
    ["3 sell 5@100", "1<3 4@100, 2<3 1@100"],
  ], "9@100(1) |"],
  ["keeps the place of an order that is replaced by the same", [
    ["1 buy 10@100", ""],
    ["2 buy 10@100", ""],
    ["r 1 10@100 7", "=7 10"],
    ["3 sell 1@100", "7<3 1@100"],
  ], "19@100(2) |"],
  ["sends an order whose quantity goes up to the end of the queue", [
    ["1 buy 10@100", ""],
    ["2 buy 10@100", ""],
    ["r 1 11@100", "=1 11"],
    ["3 sell 11@100", "2<3 10@100, 1<3 1@100"],
  ], "10@100(1) |"],
  ["sends an order whose price changes to the end of the queue", [
    ["1 buy 10@100", ""],
    ["2 buy 10@101", ""],
    ["r 1 10@101", "=1 10"],
    ["3 sell 11@101", "2<3 10@101, 1<3 1@101"],
  ], "9@101(1) |"],
  ["lets a replaced order trade", [
    ["1 buy 10@100", ""],
    ["2 sell 4@103", ""],
    ["3 sell 4@102", ""],
    ["r 1 10@102 5", "=5 10, 3<5 4@102"],
    ["r 5 10@103 6", "=6 6, 2<6 4@103"],
    ["x 6", "-6 CANCELED_BY_CLIENT"],
  ], "|"],
  ["counts what is filled into a replaced order's quantity", [
    ["1 buy 10@100", ""],
    ["2 sell 4@100", "1<2 4@100"],
    ["r 1 4@100", "!1 QUANTITY_BELOW_FILLED"],
    ["r 1 3@101", "!1 QUANTITY_BELOW_FILLED"],
    ["r 1 5@100", "=1 1"],
    ["3 sell 2@100 IOC", "1<3 1@100, -3 IOC_REMAINDER"],
    ["x 1", "!1 UNKNOWN_ORDER"],
  ], "|"],
  ["knows no order that is gone", [
    ["x 1", "!1 UNKNOWN_ORDER"],
    ["r 1 5@100", "!1 UNKNOWN_ORDER"],
    ["1 buy 1@100", ""],
    ["1 buy 1@100", "!1 DUPLICATE_ORDER"],
    ["x 1", "-1 CANCELED_BY_CLIENT"],
    ["x 1", "!1 UNKNOWN_ORDER"],
    ["1 buy 2@100", ""],
  ], "2@100(1) |"],
  ["refuses a replace that takes another live order's reference", [
    ["1 buy 1@100", ""],
    ["2 buy 1@100", ""],
    ["r 1 1@101 2", "!1 DUPLICATE_ORDER"],
    ["r 1 1@101 1", "=1 1"],
    ["r 1 1@102 3", "=3 1"],
    ["x 1", "!1 UNKNOWN_ORDER"],
  ], "1@102(1) 1@100(1) |"],
  ["handles prices far apart", [
    ["1 buy 1@1", ""],
    ["2 sell 1@2147483646", ""],
    ["3 sell 1@10000000", ""],
    ["4 buy 3@2147483646", "3<4 1@10000000, 2<4 1@2147483646"],
    ["5 sell 1@2147483646 IOC", "4<5 1@2147483646"],
    ["6 sell 1@2147483647", "!6 PRICE_OUT_OF_RANGE"],
    ["7 sell 2@M", "1<7 1@1, -7 NO_LIQUIDITY"],
  ], "|"],
];

for (const [name, lines, left] of STORIES) {
  Deno.test(`Matching.place() ${name}`, () => {
    const t = new TestExchange();
    for (const [line, answer] of lines) {
      assertEquals(tell(t.send(parse(line))), answer, line);
      checkBook(t.exchange.book);
    }
    assertEquals(show(t), left);
  });
}

Deno.test("Matching.room() refuses a level whose sum would not be exact", () => {
  const t = new TestExchange();
  const most = 2 ** 53 - 1;
  assertEquals(tell(t.send(parse(`1 buy ${most - 5}@1`))), "");
  assertEquals(tell(t.send(parse("2 buy 6@1"))), "!2 QUANTITY_TOO_LARGE");
  assertEquals(tell(t.send(parse("2 buy 5@1"))), "");
  assertEquals(tell(t.send(parse("r 2 6@1"))), "!2 QUANTITY_TOO_LARGE");
  assertEquals(tell(t.send(parse("r 2 4@1"))), "=2 4");
  assertEquals(tell(t.send(parse("r 2 5@1"))), "=2 5");
  checkBook(t.exchange.book);
});

Deno.test("Matching.room() refuses a price when pages run out, cancels go through", () => {
  const t = new TestExchange({ pagesMax: 2 });
  assertEquals(tell(t.send(parse("1 buy 1@100"))), "");
  assertEquals(tell(t.send(parse("2 sell 1@5000"))), "");
  assertEquals(tell(t.send(parse("3 sell 1@9000"))), "!3 LEVEL_CAPACITY");
  assertEquals(tell(t.send(parse("r 2 1@9000"))), "!2 LEVEL_CAPACITY");
  assertEquals(tell(t.send(parse("4 sell 1@5001"))), "");
  assertEquals(
    tell(t.send(parse("5 buy 3@9000 IOC"))),
    "2<5 1@5000, 4<5 1@5001, -5 IOC_REMAINDER",
  );
  assertEquals(tell(t.send(parse("6 sell 1@9000"))), "");
  assertEquals(tell(t.send(parse("x 1"))), "-1 CANCELED_BY_CLIENT");
  assertEquals(tell(t.send(parse("7 buy 1@1"))), "");
  checkBook(t.exchange.book);
});
