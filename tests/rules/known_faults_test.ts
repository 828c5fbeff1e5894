// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Faults that the survey of the public challenge found in order books, as far
 * as an exchange with these rules could have them: one test for each. Lines
 * and answers are those of `desk.ts`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { CommandKind, EventKind, OrdStatus } from "../../engine/record/mod.ts";
import { checkBook } from "../book/invariants.ts";
import { Desk } from "./desk.ts";

const EMPTY = "|";

/** Says lines and compares each answer. */
function hear(desk: Desk, rows: readonly (readonly [string, string])[]): void {
  for (const [line, answer] of rows) {
    assertEquals(desk.say(line), answer, line);
  }
}

Deno.test("Exchange fills a fill-or-kill from several orders at several prices", () => {
  const desk = new Desk();
  desk.setUp("1 sell 3@500", "2 sell 3@500", "3 sell 3@501", "4 sell 3@502");
  hear(desk, [
    ["5 buy 10@501 FOK", "+5, -5 FOK_NOT_FILLABLE"],
    ["6 buy 13@502 FOK", "+6, -6 FOK_NOT_FILLABLE"],
    ["7 buy 9@501 FOK", "+7, 1<7 3@500, 2<7 3@500, 3<7 3@501"],
    ["8 buy 3@600 FOK", "+8, 4<8 3@502"],
  ]);
  assertEquals(desk.book(), EMPTY);
});

Deno.test("Exchange trades with an all-or-none maker at the maker's price", () => {
  const desk = new Desk();
  desk.setUp("1 sell 4@500 ALL_OR_NONE", "2 buy 4@700 ALL_OR_NONE");
  assertEquals(desk.events.at(-1)!.lastPrice, 500);
  desk.setUp("3 sell 4@600 ALL_OR_NONE");
  hear(desk, [["4 buy 4@610 IOC", "+4, 3<4 4@600"]]);
});

Deno.test("Exchange lets one stop set off the next, and that one the next", () => {
  const desk = new Desk();
  desk.setUp(
    "1 sell 1@500",
    "2 sell 1@501",
    "3 sell 1@502",
    "4 sell 1@503",
    "11 buy 1@M STOP stop=500",
    "12 buy 1@M STOP stop=501",
    "13 buy 1@M STOP stop=502",
    "14 buy 1@M STOP stop=600",
  );
  assertEquals(
    desk.say("20 buy 1@500"),
    "+20, 1<20 1@500, *11, 2<11 1@501, *12, 3<12 1@502, *13, 4<13 1@503",
  );
  hear(desk, [["status 14", "?14 1/1@0"]]);
});

Deno.test("Exchange never triggers a stop that was canceled", () => {
  const desk = new Desk();
  desk.setUp("1 sell 2@500", "2 buy 1@M STOP stop=500", "cancel 2");
  hear(desk, [["3 buy 1@500", "+3, 1<3 1@500"]]);
  assertEquals(desk.book(), "| 1@500(1)");
});

Deno.test("Exchange never rests what a market order leaves, also on an empty book", () => {
  const desk = new Desk();
  hear(desk, [
    ["1 buy 5@M", "+1, -1 NO_LIQUIDITY"],
    ["2 sell 5@M DAY", "+2, -2 NO_LIQUIDITY"],
    ["3 sell 2@500", "+3"],
    ["4 buy 5@M GTC", "+4, 3<4 2@500, -4 NO_LIQUIDITY"],
    ["5 sell 5@1 IOC", "+5, -5 IOC_REMAINDER"],
  ]);
  assertEquals([desk.book(), desk.exchange.ordersOpen], [EMPTY, 0]);
});

Deno.test("Exchange does every command on a book that is empty on either side", () => {
  for (const [side, other] of [["buy", "sell"], ["sell", "buy"]]) {
    const desk = new Desk();
    hear(desk, [
      [`1 ${side} 5@500 FOK`, "+1, -1 FOK_NOT_FILLABLE"],
      [`2 ${side} 5@500 IOC`, "+2, -2 IOC_REMAINDER"],
      [`3 ${side} 5@500`, "+3"],
      ["replace 3 6@501", "=3 6/6@501"],
      [`4 ${side} 5@M`, "+4, -4 NO_LIQUIDITY"],
      ["cancel 3", "-3 CANCELED_BY_CLIENT"],
      ["status 3", "?3 0/0@0 UNKNOWN_ORDER"],
      [`5 ${other} 5@500`, "+5"],
    ]);
  }
});

Deno.test("Exchange leaves a live order alone when its reference is used again", () => {
  const desk = new Desk();
  desk.setUp("1 buy 5@500", "2 buy 5@500");
  hear(desk, [
    ["1 buy 7@500", "!1 DUPLICATE_ORDER"],
    ["1 sell 7@900", "!1 DUPLICATE_ORDER"],
  ]);
  assertEquals(desk.book(), "10@500(2) |");
  assertEquals(desk.takeAll("buy"), ["1 5@500", "2 5@500"]);
});

Deno.test("Exchange cancels nobody else when a filled order's record serves another", () => {
  const desk = new Desk({ ordersMax: 2 });
  desk.setUp("1 buy 5@500", "2 sell 5@500");
  desk.setUp("3 buy 5@499", "4 buy 5@498");
  hear(desk, [
    ["cancel 1", "!1 UNKNOWN_ORDER"],
    ["cancel 2", "!2 UNKNOWN_ORDER"],
    ["replace 1 9@499", "!1 UNKNOWN_ORDER"],
  ]);
  assertEquals(desk.book(), "5@499(1) 5@498(1) |");
});

Deno.test("Exchange gives every record back, whichever way an order ends", () => {
  const desk = new Desk({ ordersMax: 2 });
  for (let i = 0; i < 3000; i++) {
    const at = 10 * i;
    desk.setUp(`${at + 1} buy 2@500`, `${at + 2} buy 2@500`);
    assertEquals(desk.say(`${at + 3} buy 1@500`), `!${at + 3} ORDER_CAPACITY`);
    desk.setUp(`cancel ${at + 1}`, `${at + 4} sell 2@500 IOC`);
    desk.setUp(`${at + 5} sell 2@500 IOC`, `${at + 6} sell 2@500 FOK`);
    desk.setUp(`${at + 7} sell 2@M`);
  }
  assertEquals([desk.book(), desk.exchange.ordersOpen], [EMPTY, 0]);
});

Deno.test("Exchange gives every price level back, however many there were", () => {
  const desk = new Desk({ pagesMax: 16 });
  for (let i = 1; i <= 5000; i++) {
    const price = (i * 7919) % 1_000_003 + 1;
    desk.setUp(`1 buy 2@${price}`, "cancel 1");
    desk.setUp(`2 sell 2@${price}`, `3 buy 2@${price}`);
  }
  assertEquals(desk.book(), EMPTY);
});

Deno.test("Exchange refuses an order for whose price there is no room, and drops none", () => {
  const desk = new Desk({ pagesMax: 8 });
  let accepted = 0;
  let refused = 0;
  for (let i = 1; i <= 64; i++) {
    const told = desk.say(`${i} buy 1@${i * 1_000_000}`);
    if (told === `+${i}`) accepted++;
    else {
      assertEquals(told, `!${i} LEVEL_CAPACITY`);
      refused++;
    }
  }
  assertEquals([accepted + refused, refused > 0], [64, true]);
  assertEquals(desk.exchange.ordersOpen, accepted);
});

Deno.test("Exchange keeps levels apart whose prices differ in one bit", () => {
  const desk = new Desk();
  const middle = 2 ** 22;
  const bids: number[] = [];
  const asks: number[] = [];
  for (let bit = 0; bit < 22; bit++) {
    bids.push(2 ** bit);
    asks.push(middle + 2 ** bit);
    desk.setUp(`${bit + 1} buy ${bit + 1}@${2 ** bit}`);
    desk.setUp(`${bit + 101} sell ${bit + 1}@${middle + 2 ** bit}`);
  }
  checkBook(desk.exchange.book);
  assertEquals(
    desk.takeAll("buy"),
    bids.toReversed().map((price, i) => `${22 - i} ${22 - i}@${price}`),
  );
  desk.say("900 buy 1000000@8388608 IOC");
  assertEquals(
    desk.events.filter((e) => e.aggressor === 0 && e.lastQuantity > 0)
      .map((e) => e.lastPrice),
    asks,
  );
  assertEquals(desk.book(), EMPTY);
});

Deno.test("Exchange keeps forty orders of one price in their order, whichever is canceled", () => {
  for (let gone = 1; gone <= 40; gone++) {
    const desk = new Desk();
    for (let i = 1; i <= 40; i++) desk.setUp(`${i} sell 1@500`);
    desk.setUp(`cancel ${gone}`);
    const left = Array.from({ length: 40 }, (_, i) => i + 1)
      .filter((i) => i !== gone).map((i) => `${i} 1@500`);
    assertEquals(desk.takeAll("sell"), left);
  }
});

Deno.test("Exchange empties a level of two orders from either end, and uses it again", () => {
  for (const [first, second] of [[1, 2], [2, 1]]) {
    const desk = new Desk();
    desk.setUp("1 sell 1@500", "2 sell 1@500", `cancel ${first}`);
    assertEquals(desk.book(), "| 1@500(1)");
    desk.setUp(`cancel ${second}`, "3 sell 4@500", "4 sell 5@500");
    checkBook(desk.exchange.book);
    assertEquals(desk.takeAll("sell"), ["3 4@500", "4 5@500"]);
  }
});

Deno.test("Exchange trades a sell down bid after bid, never past one", () => {
  const desk = new Desk();
  desk.setUp("1 buy 1@497", "2 buy 1@500", "3 buy 1@498", "4 buy 1@499");
  hear(desk, [[
    "5 sell 9@497",
    "+5, 2<5 1@500, 4<5 1@499, 3<5 1@498, 1<5 1@497",
  ]]);
  assertEquals(desk.book(), "| 5@497(1)");
});

Deno.test("Exchange trades at the touch, and rests what does not reach the next price", () => {
  const desk = new Desk();
  desk.setUp("1 sell 2@500", "2 sell 2@502");
  hear(desk, [["3 buy 3@501", "+3, 1<3 2@500"]]);
  assertEquals(desk.book(), "1@501(1) | 2@502(1)");
});

Deno.test("Exchange trades a replace as far as it reaches and rests the remainder uncrossed", () => {
  const desk = new Desk();
  desk.setUp("1 sell 2@500", "2 sell 2@503", "3 buy 5@490");
  hear(desk, [["replace 3 6@502", "=3 6/6@502, 1<3 2@500"]]);
  assertEquals(desk.book(), "4@502(1) | 2@503(1)");
});

Deno.test("Exchange rests as many lots as a replace asks after a partial fill", () => {
  const desk = new Desk();
  desk.setUp("1 buy 10@500", "2 sell 4@500");
  hear(desk, [
    ["replace 1 12@499", "=1 12/8@499"],
    ["replace 1 12@499 OPEN_QUANTITY", "=1 16/12@499"],
    ["replace 1 3@500 OPEN_QUANTITY", "=1 7/3@500"],
  ]);
  assertEquals(desk.book(), "3@500(1) |");
});

Deno.test("Exchange changes nothing by a replace that it refuses", () => {
  const desk = new Desk();
  desk.setUp("1 buy 5@500", "2 buy 5@500", "3 sell 2@500");
  hear(desk, [
    ["replace 1 2@501", "!1 QUANTITY_BELOW_FILLED"],
    ["replace 1 0@501", "!1 INVALID_QUANTITY"],
    ["replace 1 5@0", "!1 INVALID_PRICE"],
    ["replace 1 5@501 as 2", "!1 DUPLICATE_ORDER"],
  ]);
  assertEquals(desk.takeAll("buy"), ["1 3@500", "2 5@500"]);
});

Deno.test("Exchange frees the old reference of a replaced order at once", () => {
  const desk = new Desk();
  desk.setUp("1 buy 5@500", "replace 1 5@499 as 2");
  hear(desk, [
    ["cancel 1", "!1 UNKNOWN_ORDER"],
    ["1 buy 5@498", "+1"],
    ["cancel 2", "-2 CANCELED_BY_CLIENT"],
  ]);
  assertEquals(desk.takeAll("buy"), ["1 5@498"]);
});

Deno.test("Exchange keeps equal references of two sessions apart", () => {
  const desk = new Desk();
  desk.setUp("1:1 buy 5@500", "2:1 buy 6@501");
  hear(desk, [
    ["3:cancel 1", "!1 UNKNOWN_ORDER"],
    ["2:cancel 1", "-1 CANCELED_BY_CLIENT"],
  ]);
  assertEquals(desk.book(), "5@500(1) |");
});

Deno.test("Exchange keeps the sum of a level exact up to its limit", () => {
  const desk = new Desk();
  const most = Number.MAX_SAFE_INTEGER;
  desk.setUp(`1 buy ${most - 2}@1`, "2 buy 1@1");
  assertEquals(desk.book(), `${most - 1}@1(2) |`);
  hear(desk, [
    ["3 buy 2@1", "!3 QUANTITY_TOO_LARGE"],
    ["4 buy 1@1", "+4"],
    ["5 buy 1@1", "!5 QUANTITY_TOO_LARGE"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT"],
  ]);
  assertEquals(desk.book(), "2@1(2) |");
});

Deno.test("Exchange tells both sides of an exact fill what each of them traded", () => {
  const desk = new Desk();
  desk.setUp("1 sell 3@500", "2 sell 3@502");
  desk.say("9 buy 6@502");
  const fills = desk.events.filter((e) => e.kind === EventKind.FILLED);
  assertEquals(
    fills.map((e) => [e.reference, e.cum, e.leaves, e.notional, e.ordStatus]),
    [
      [1, 3, 0, 1500, OrdStatus.FILLED],
      [9, 3, 3, 1500, OrdStatus.PARTIALLY_FILLED],
      [2, 3, 0, 1506, OrdStatus.FILLED],
      [9, 6, 0, 3006, OrdStatus.FILLED],
    ],
  );
});

Deno.test("Exchange goes by arrival where time stamps are the same", () => {
  const desk = new Desk();
  desk.stopClock();
  desk.setUp("5 buy 1@500", "3 buy 1@500", "4 buy 1@500", "1 buy 1@500");
  assertEquals(
    desk.takeAll("buy"),
    ["5 1@500", "3 1@500", "4 1@500", "1 1@500"],
  );
});

Deno.test("Exchange never trades with an order that has expired", () => {
  const desk = new Desk();
  const end = desk.now + 1e6;
  desk.setUp(`1 sell 5@500 GTD expire=${end}`, "2 sell 5@501");
  desk.now = end;
  assertEquals(
    desk.say("3 buy 5@501 IOC"),
    "-1 EXPIRED, +3, 2<3 5@501",
  );
});

Deno.test("Exchange ends no successor when the time of a filled order comes", () => {
  const desk = new Desk();
  const end = desk.now + 1e6;
  desk.setUp(`1 sell 5@500 GTD expire=${end}`, "2 buy 5@500");
  desk.setUp(`3 sell 5@500 GTD expire=${end}`, "cancel 3");
  desk.setUp("1 sell 5@500", "3 sell 5@500");
  desk.now = end + 1;
  assertEquals(desk.say({ kind: CommandKind.TIME, session: 0 }), "");
  assertEquals(desk.takeAll("sell"), ["1 5@500", "3 5@500"]);
});
