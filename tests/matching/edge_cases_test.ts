// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The 34 edge cases of the public challenge (`docs/benchmarks.md`), in our own
 * orders. A row is a line (`tests/rules/desk.ts`), what must be answered, and
 * the book that must stand there afterwards, so that a book that is wrong for
 * one moment only shows too. The same book must follow from the events alone.
 *
 * A replaced order names its total here, filled lots included, and keeps its
 * place where `docs/rules.md` says so; the challenge leaves both open.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventKind } from "../../engine/record/mod.ts";
import { checkBook } from "../book/invariants.ts";
import { Desk } from "../rules/desk.ts";
import { BookOfEvents } from "../rules/book_of_events.ts";

/** Line, answer, book. */
type Row = readonly [string, string, string];
type Story = readonly [string, readonly Row[]];

const EMPTY = "|";

const CANCELS: readonly Story[] = [
  ["keeps the orders behind one that is canceled in the middle of a queue", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 5@500", "+2", "9@500(2) |"],
    ["3 buy 6@500", "+3", "15@500(3) |"],
    ["cancel 2", "-2 CANCELED_BY_CLIENT", "10@500(2) |"],
    ["9 sell 10@500 IOC", "+9, 1<9 4@500, 3<9 6@500", EMPTY],
  ]],
  ["keeps the orders behind one that is canceled at the head of a queue", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 5@500", "+2", "9@500(2) |"],
    ["3 buy 6@500", "+3", "15@500(3) |"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", "11@500(2) |"],
    ["9 sell 11@500 IOC", "+9, 2<9 5@500, 3<9 6@500", EMPTY],
  ]],
  ["keeps the order of a long queue through scattered cancels", [
    ["1 buy 3@500", "+1", "3@500(1) |"],
    ["2 buy 3@500", "+2", "6@500(2) |"],
    ["3 buy 3@500", "+3", "9@500(3) |"],
    ["4 buy 3@500", "+4", "12@500(4) |"],
    ["5 buy 3@500", "+5", "15@500(5) |"],
    ["6 buy 3@500", "+6", "18@500(6) |"],
    ["7 buy 3@500", "+7", "21@500(7) |"],
    ["8 buy 3@500", "+8", "24@500(8) |"],
    ["cancel 7", "-7 CANCELED_BY_CLIENT", "21@500(7) |"],
    ["cancel 2", "-2 CANCELED_BY_CLIENT", "18@500(6) |"],
    ["cancel 4", "-4 CANCELED_BY_CLIENT", "15@500(5) |"],
    [
      "9 sell 15@500 IOC",
      "+9, 1<9 3@500, 3<9 3@500, 5<9 3@500, 6<9 3@500, 8<9 3@500",
      EMPTY,
    ],
  ]],
  [
    "sells into the best bid first after cancels at head and tail of two levels",
    [
      ["1 buy 4@500", "+1", "4@500(1) |"],
      ["2 buy 4@500", "+2", "8@500(2) |"],
      ["3 buy 4@501", "+3", "4@501(1) 8@500(2) |"],
      ["4 buy 4@501", "+4", "8@501(2) 8@500(2) |"],
      ["cancel 1", "-1 CANCELED_BY_CLIENT", "8@501(2) 4@500(1) |"],
      ["cancel 4", "-4 CANCELED_BY_CLIENT", "4@501(1) 4@500(1) |"],
      ["9 sell 8@500 IOC", "+9, 3<9 4@501, 2<9 4@500", EMPTY],
    ],
  ],
  ["forgets the best bid that is canceled, with no sweep to remind it", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 3@498", "+2", "4@500(1) 3@498(1) |"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", "3@498(1) |"],
    ["9 sell 3@498 IOC", "+9, 2<9 3@498", EMPTY],
  ]],
  ["forgets the best ask that is canceled, with no sweep to remind it", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 3@502", "+2", "| 4@500(1) 3@502(1)"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", "| 3@502(1)"],
    ["9 buy 3@502 IOC", "+9, 2<9 3@502", EMPTY],
  ]],
  ["fills a side again that a cancel has emptied", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", EMPTY],
    ["2 buy 3@480", "+2", "3@480(1) |"],
    ["9 sell 3@480 IOC", "+9, 2<9 3@480", EMPTY],
  ]],
  ["cancels what a partial fill left", [
    ["1 sell 9@500", "+1", "| 9@500(1)"],
    ["2 buy 5@500", "+2, 1<2 5@500", "| 4@500(1)"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", EMPTY],
  ]],
];

const GONE: readonly Story[] = [
  ["refuses the cancel of an order that was filled", [
    ["1 sell 9@500", "+1", "| 9@500(1)"],
    ["2 buy 9@500", "+2, 1<2 9@500", EMPTY],
    ["cancel 1", "!1 UNKNOWN_ORDER", EMPTY],
    ["cancel 2", "!2 UNKNOWN_ORDER", EMPTY],
  ]],
  ["refuses the replace of an order that was filled", [
    ["1 sell 9@500", "+1", "| 9@500(1)"],
    ["2 buy 9@500", "+2, 1<2 9@500", EMPTY],
    ["replace 1 12@501", "!1 UNKNOWN_ORDER", EMPTY],
    ["replace 2 12@499", "!2 UNKNOWN_ORDER", EMPTY],
  ]],
  ["refuses cancel and replace of an order that was canceled", [
    ["1 buy 9@500", "+1", "9@500(1) |"],
    ["cancel 1", "-1 CANCELED_BY_CLIENT", EMPTY],
    ["cancel 1", "!1 UNKNOWN_ORDER", EMPTY],
    ["replace 1 5@501", "!1 UNKNOWN_ORDER", EMPTY],
  ]],
  [
    "refuses cancel and replace of what never was, on a book that never had an order",
    [
      ["cancel 777", "!777 UNKNOWN_ORDER", EMPTY],
      ["replace 777 5@500", "!777 UNKNOWN_ORDER", EMPTY],
    ],
  ],
  ["refuses the cancel of a reference beyond all that could be live", [
    ["cancel 3000000", "!3000000 UNKNOWN_ORDER", EMPTY],
    ["cancel 4294967295", "!4294967295 UNKNOWN_ORDER", EMPTY],
    ["cancel 4294967296", "!4294967296 UNKNOWN_ORDER", EMPTY],
    ["cancel 9007199254740991", "!9007199254740991 UNKNOWN_ORDER", EMPTY],
  ]],
  [
    "takes the reference of a canceled order again, for another side and price",
    [
      ["1 buy 4@500", "+1", "4@500(1) |"],
      ["cancel 1", "-1 CANCELED_BY_CLIENT", EMPTY],
      ["1 sell 6@700", "+1", "| 6@700(1)"],
      ["2 buy 6@700 IOC", "+2, 1<2 6@700", EMPTY],
    ],
  ],
  ["takes the reference of a filled order again, for another side and price", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 sell 4@500", "+2, 1<2 4@500", EMPTY],
    ["1 sell 6@700", "+1", "| 6@700(1)"],
    ["3 buy 6@700 IOC", "+3, 1<3 6@700", EMPTY],
  ]],
];

const SWEEPS: readonly Story[] = [
  ["sweeps three levels, the best price first", [
    ["1 sell 4@503", "+1", "| 4@503(1)"],
    ["2 sell 5@501", "+2", "| 5@501(1) 4@503(1)"],
    ["3 sell 6@500", "+3", "| 6@500(1) 5@501(1) 4@503(1)"],
    [
      "9 buy 15@503 IOC",
      "+9, 3<9 6@500, 2<9 5@501, 1<9 4@503",
      EMPTY,
    ],
  ]],
  ["leaves nothing when an order is exactly as large as three levels", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 8@501", "+2", "| 4@500(1) 8@501(1)"],
    ["3 sell 16@502", "+3", "| 4@500(1) 8@501(1) 16@502(1)"],
    [
      "9 buy 28@502",
      "+9, 1<9 4@500, 2<9 8@501, 3<9 16@502",
      EMPTY,
    ],
    ["cancel 9", "!9 UNKNOWN_ORDER", EMPTY],
  ]],
  ["makes what a sweep leaves the new best price, open to others", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 4@501", "+2", "| 4@500(1) 4@501(1)"],
    ["3 sell 4@502", "+3", "| 4@500(1) 4@501(1) 4@502(1)"],
    [
      "4 buy 15@502",
      "+4, 1<4 4@500, 2<4 4@501, 3<4 4@502",
      "3@502(1) |",
    ],
    ["5 sell 3@502 IOC", "+5, 4<5 3@502", EMPTY],
  ]],
  ["takes the oldest order of a price first", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 4@500", "+2", "8@500(2) |"],
    ["3 sell 4@500", "+3, 1<3 4@500", "4@500(1) |"],
    ["4 sell 4@500", "+4, 2<4 4@500", EMPTY],
  ]],
  ["trades at the maker's price, whichever side comes in", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 buy 4@509 IOC", "+2, 1<2 4@500", EMPTY],
    ["3 buy 4@700", "+3", "4@700(1) |"],
    ["4 sell 4@691 IOC", "+4, 3<4 4@700", EMPTY],
  ]],
  [
    "names both makers of a price when an order is larger than both, and rests",
    [
      ["1 sell 3@500", "+1", "| 3@500(1)"],
      ["2 sell 4@500", "+2", "| 7@500(2)"],
      ["3 buy 10@500", "+3, 1<3 3@500, 2<3 4@500", "3@500(1) |"],
      ["4 sell 3@500 IOC", "+4, 3<4 3@500", EMPTY],
    ],
  ],
  ["uses the levels again that a sweep has emptied", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 4@501", "+2", "| 4@500(1) 4@501(1)"],
    ["3 sell 4@502", "+3", "| 4@500(1) 4@501(1) 4@502(1)"],
    [
      "4 buy 12@502 IOC",
      "+4, 1<4 4@500, 2<4 4@501, 3<4 4@502",
      EMPTY,
    ],
    ["5 sell 7@501", "+5", "| 7@501(1)"],
    ["6 buy 7@501 IOC", "+6, 5<6 7@501", EMPTY],
    ["7 sell 7@503", "+7", "| 7@503(1)"],
    ["8 buy 7@503 IOC", "+8, 7<8 7@503", EMPTY],
  ]],
  ["goes by price, not by arrival, on both sides", [
    ["1 sell 4@505", "+1", "| 4@505(1)"],
    ["2 sell 4@500", "+2", "| 4@500(1) 4@505(1)"],
    ["3 buy 4@505 IOC", "+3, 2<3 4@500", "| 4@505(1)"],
    ["4 buy 4@480", "+4", "4@480(1) | 4@505(1)"],
    ["5 buy 4@490", "+5", "4@490(1) 4@480(1) | 4@505(1)"],
    ["6 buy 4@485", "+6", "4@490(1) 4@485(1) 4@480(1) | 4@505(1)"],
    [
      "7 sell 12@480 IOC",
      "+7, 5<7 4@490, 6<7 4@485, 4<7 4@480",
      "| 4@505(1)",
    ],
  ]],
  ["never lets the rest of an IOC join the book", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 buy 6@500 IOC", "+2, 1<2 4@500, -2 IOC_REMAINDER", EMPTY],
    ["3 sell 2@500 IOC", "+3, -3 IOC_REMAINDER", EMPTY],
  ]],
  ["stops a limit order at its own price and rests what is left", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 9@505", "+2", "| 4@500(1) 9@505(1)"],
    ["3 buy 7@503", "+3, 1<3 4@500", "3@503(1) | 9@505(1)"],
    ["4 sell 3@503 IOC", "+4, 3<4 3@503", "| 9@505(1)"],
  ]],
  ["drains a maker to the last lot, and no further", [
    ["1 sell 10@500", "+1", "| 10@500(1)"],
    ["2 buy 4@500 IOC", "+2, 1<2 4@500", "| 6@500(1)"],
    ["3 buy 6@500 IOC", "+3, 1<3 6@500", EMPTY],
    ["4 buy 1@500 IOC", "+4, -4 IOC_REMAINDER", EMPTY],
  ]],
  ["keeps a partly filled maker in front, from one taker to the next", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 4@500", "+2", "8@500(2) |"],
    ["3 buy 4@500", "+3", "12@500(3) |"],
    ["4 buy 4@500", "+4", "16@500(4) |"],
    ["5 sell 6@500 IOC", "+5, 1<5 4@500, 2<5 2@500", "10@500(3) |"],
    ["6 sell 6@500 IOC", "+6, 2<6 2@500, 3<6 4@500", "4@500(1) |"],
  ]],
  ["ends with the first maker when that is exactly enough", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 sell 4@500", "+2", "| 8@500(2)"],
    ["3 buy 4@500 IOC", "+3, 1<3 4@500", "| 4@500(1)"],
  ]],
  ["keeps a price far from all others as it is", [
    ["1 sell 4@300000", "+1", "| 4@300000(1)"],
    ["2 buy 4@300000 IOC", "+2, 1<2 4@300000", EMPTY],
    ["3 sell 4@2000000000", "+3", "| 4@2000000000(1)"],
    ["4 buy 4@1", "+4", "4@1(1) | 4@2000000000(1)"],
    ["5 buy 4@2000000000 IOC", "+5, 3<5 4@2000000000", "4@1(1) |"],
  ]],
];

const REPLACES: readonly Story[] = [
  ["trades when a replace reaches the other side", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 buy 4@498", "+2", "4@498(1) | 4@500(1)"],
    ["replace 2 4@500", "=2 4/4@500, 1<2 4@500", EMPTY],
  ]],
  ["trades at the maker's price when a replace goes past it, on both sides", [
    ["1 sell 4@500", "+1", "| 4@500(1)"],
    ["2 buy 4@490", "+2", "4@490(1) | 4@500(1)"],
    ["replace 2 4@507", "=2 4/4@507, 1<2 4@500", EMPTY],
    ["3 buy 4@700", "+3", "4@700(1) |"],
    ["4 sell 4@710", "+4", "4@700(1) | 4@710(1)"],
    ["replace 4 4@693", "=4 4/4@693, 3<4 4@700", EMPTY],
  ]],
  ["leaves the neighbour of a replaced order where it is", [
    ["1 buy 4@500", "+1", "4@500(1) |"],
    ["2 buy 5@500", "+2", "9@500(2) |"],
    ["replace 1 4@499", "=1 4/4@499", "5@500(1) 4@499(1) |"],
    ["3 sell 5@500 IOC", "+3, 2<3 5@500", "4@499(1) |"],
    ["4 sell 4@499 IOC", "+4, 1<4 4@499", EMPTY],
  ]],
  ["moves what a partial fill left to another price", [
    ["1 sell 9@500", "+1", "| 9@500(1)"],
    ["2 buy 5@500", "+2, 1<2 5@500", "| 4@500(1)"],
    ["replace 1 9@501", "=1 9/4@501", "| 4@501(1)"],
    ["3 buy 4@501 IOC", "+3, 1<3 4@501", EMPTY],
    ["cancel 1", "!1 UNKNOWN_ORDER", EMPTY],
  ]],
];

/** What the challenge counts; the deep sweep below is the last of them. */
const CASES = 34;

function run(rows: readonly Row[]): void {
  const desk = new Desk();
  const told = new BookOfEvents();
  for (const [line, answer, book] of rows) {
    assertEquals(desk.say(line), answer, line);
    assertEquals(desk.book(), book, `the book after: ${line}`);
    told.hear(desk.events);
    assertEquals(told.show(), book, `the book that events tell after: ${line}`);
    checkBook(desk.exchange.book);
  }
}

const STORIES = [...CANCELS, ...GONE, ...SWEEPS, ...REPLACES];

for (const [name, rows] of STORIES) {
  Deno.test(`Exchange ${name}`, () => run(rows));
}

Deno.test("Exchange sweeps five thousand orders of one price in their order", () => {
  const desk = new Desk({ ordersMax: 5001 });
  const count = 5000;
  for (let i = 1; i <= count; i++) desk.say(`${i} sell 2@500`);
  assertEquals(desk.book(), `| ${2 * count}@500(${count})`);
  desk.say(`${count + 1} buy ${2 * count}@500 IOC`);
  const makers = desk.events
    .filter((e) => e.kind === EventKind.FILLED && e.aggressor === 0)
    .map((e) => e.reference);
  assertEquals(makers, Array.from({ length: count }, (_, i) => i + 1));
  assertEquals(desk.events.length, 2 * count + 1);
  assertEquals(desk.events.at(-1)!.leaves, 0);
  assertEquals([desk.book(), desk.exchange.ordersOpen], [EMPTY, 0]);
});

Deno.test("edge_cases_test.ts has a test for each case of the challenge", () => {
  assertEquals(STORIES.length + 1, CASES);
  assert(new Set(STORIES.map(([name]) => name)).size === STORIES.length);
});
