// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Replays of generated ITCH days and of recorded LOBSTER flow, against plain
 * books, against the recorded book, and with damage.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  replay,
  ReplayError,
  type ReplayOptions,
  type ReplayReport,
} from "../../engine/appliance/replay.ts";
import { FeedOrders } from "../../engine/appliance/feed_orders.ts";
import { ITCH_MESSAGES } from "../../engine/wire/itch/mod.ts";
import {
  itchFile,
  ItchMessage,
  plainBest,
  plainDay,
  seeded,
  STOCKS,
} from "../wire/itch_builder.ts";

const DATA = Deno.env.get("FERRULE_DATA") ??
  new URL("../../../shared/data", import.meta.url).pathname;
const MESSAGES = `${DATA}/aapl_2012-06-21_messages.csv`;
const BOOK = `${DATA}/aapl_2012-06-21_book10.csv`;

/** Small books, so that tests do not map what they never touch. */
const SMALL = { ordersMax: 1 << 17, pagesMax: 1024, print: () => {} };

async function withFile<T>(
  content: Uint8Array | string,
  suffix: string,
  body: (path: string) => Promise<T>,
): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "TEST_", suffix });
  try {
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
    return await body(path);
  } finally {
    await Deno.remove(path);
  }
}

function replayItch(
  content: Uint8Array,
  options: Partial<ReplayOptions> = {},
): Promise<ReplayReport> {
  return withFile(
    content,
    ".itch",
    (file) => replay({ ...SMALL, ...options, file }),
  );
}

function replayLobster(events: string, rows?: string): Promise<ReplayReport> {
  return withFile(events, ".csv", (file) => {
    if (rows === undefined) return replay({ ...SMALL, file });
    return withFile(
      rows,
      ".csv",
      (book) => replay({ ...SMALL, file, book }),
    );
  });
}

async function failure(run: Promise<unknown>): Promise<ReplayError> {
  return await assertRejects(() => run, ReplayError);
}

/** True, and said so, if the recorded flow is not on this machine. */
function isDataMissing(name: string): boolean {
  try {
    Deno.statSync(MESSAGES);
    Deno.statSync(BOOK);
    return false;
  } catch {
    console.log(
      `SKIPPED: ${name}: no recorded flow in ${DATA}; set FERRULE_DATA`,
    );
    return true;
  }
}

for (const [seed, count] of [[1, 5_000], [2, 12_000], [3, 250_000]] as const) {
  Deno.test(`replay() of an ITCH day of ${count} messages ends in the plain books, seed ${seed}`, async () => {
    const day = plainDay(seed, count);
    const report = await replayItch(itchFile(day.messages));
    const context = `seed ${seed}`;
    assertEquals(report.messages, count, context);
    const kinds = [...report.kinds].map(([kind, n]) => [kind[0]!, n] as const);
    assertEquals(new Map(kinds), day.kinds, context);
    assertEquals(report.trades, day.trades, context);
    assertEquals(report.volume, day.volume, context);
    assertEquals(report.unprinted, day.unprinted, context);
    assertEquals(report.unknownOrders, day.unknown, context);
    assertEquals(report.orders, day.orders.size, context);
    if (count < 20_000) assertEquals(report.crossingAdds, day.crossing);
    for (const [i, symbol] of STOCKS.entries()) {
      const stock = report.stocks.find((one) => one.symbol === symbol)!;
      assertEquals(
        [stock.bidPrice, stock.bidShares],
        plainBest(day, i, "B"),
        `${context}, bid of ${symbol}`,
      );
      assertEquals(
        [stock.askPrice, stock.askShares],
        plainBest(day, i, "S"),
        `${context}, ask of ${symbol}`,
      );
    }
  });
}

Deno.test("replay() keeps its place in the queue when cents become finer", async () => {
  const add = (number: number, side: string, shares: number, price: number) =>
    new ItchMessage("A", 1).uint(number, 8).text(side, 1).uint(shares, 4)
      .text("PENNY", 8).uint(price, 4).done();
  const report = await replayItch(itchFile([
    add(1, "B", 10, 9900),
    add(2, "B", 20, 9900),
    add(3, "S", 30, 10100),
    add(4, "B", 5, 9950),
    add(5, "S", 6, 10001),
    new ItchMessage("D", 1).uint(4, 8).done(),
    new ItchMessage("X", 1).uint(1, 8).uint(4, 4).done(),
  ]));
  const stock = report.stocks[0]!;
  assertEquals([stock.bidPrice, stock.bidShares], [0.99, 26]);
  assertEquals([stock.askPrice, stock.askShares], [1.0001, 6]);
  assertEquals(report.orders, 4);
});

Deno.test("replay() skips unknown types by their length and counts them", async () => {
  const report = await replayItch(itchFile([
    new ItchMessage("z", 1).text("whatever", 30).done(),
    new ItchMessage("S", 0).text("O", 1).done(),
    Uint8Array.of(0x7a),
  ]));
  assertEquals(report.messages, 3);
  assertEquals(report.unknownMessages, 2);
  assertEquals(report.kinds.get("0x7a unknown"), 2);
});

Deno.test("replay() takes an end mark, and nothing after it", async () => {
  const file = itchFile([new ItchMessage("S", 0).text("O", 1).done()]);
  const ended = Uint8Array.of(...file, 0, 0);
  assertEquals((await replayItch(ended)).messages, 1);
  const error = await failure(replayItch(Uint8Array.of(...ended, 0, 1, 0x7a)));
  assertEquals(error.offset, ended.length);
});

Deno.test("replay() of an empty file reports nothing", async () => {
  const report = await replayItch(new Uint8Array(0));
  assertEquals([report.messages, report.stocks.length], [0, 0]);
});

Deno.test("replay() names the byte where a cut-off file ends", async () => {
  const day = plainDay(9, 50);
  const file = itchFile(day.messages);
  const last = file.length - day.messages[49]!.length - 2;
  for (const cut of [last + 1, last + 2, last + 3, file.length - 1]) {
    const error = await failure(replayItch(file.slice(0, cut)));
    assertEquals(error.offset, last, `cut at ${cut}`);
    assertStringIncludes(error.message, "end of the file");
  }
});

Deno.test("replay() names offset, expectation and finding of a corrupt message", async () => {
  const first = new ItchMessage("S", 0).text("O", 1).done();
  const at = first.length + 2;
  const add = (number: number, side = "B", price = 1000000) =>
    new ItchMessage("A", 1).uint(number, 8).text(side, 1).uint(10, 4)
      .text("AAPL", 8).uint(price, 4).done();
  const cases: [string, Uint8Array[], number, string][] = [
    ["a length", [first, first.slice(0, 11)], at, "expected length 12"],
    ["a side", [first, add(1, "x")], at + 2 + 19, "found byte 0x78"],
    ["a price", [first, add(1, "B", 0)], at + 2, "price from 1"],
    ["a number twice", [add(1), add(1)], 38 + 2, "a new order"],
    [
      "too many shares",
      [add(1), new ItchMessage("X", 1).uint(1, 8).uint(11, 4).done()],
      38 + 2,
      "at most 10 shares of order 1",
    ],
    [
      "another stock",
      [add(1), new ItchMessage("D", 2).uint(1, 8).done()],
      38 + 2,
      "found stock 2",
    ],
  ];
  for (const [name, messages, offset, text] of cases) {
    const error = await failure(replayItch(itchFile(messages)));
    assertEquals(error.offset, offset, name);
    assertStringIncludes(error.message, text, name);
  }
});

Deno.test("replay() survives 300 damaged files: a report or an error that names the byte", async () => {
  const seed = 4;
  const next = seeded(seed);
  const file = itchFile(plainDay(seed, 60).messages);
  const path = await Deno.makeTempFile();
  let refused = 0;
  try {
    for (let i = 0; i < 300; i++) {
      const damaged = file.slice(0, 1 + Math.floor(next() * file.length * 2));
      for (let k = 0; k < 1 + next() * 4; k++) {
        damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
      }
      await Deno.writeFile(path, damaged);
      try {
        await replay({ ...SMALL, ordersMax: 100, pagesMax: 64, file: path });
      } catch (error) {
        refused++;
        if (!(error instanceof ReplayError)) {
          throw new Error(`seed ${seed}, file ${i}`, { cause: error });
        }
        assert(error.offset >= 0 && error.offset <= damaged.length);
      }
    }
  } finally {
    await Deno.remove(path);
  }
  assert(refused > 50, `seed ${seed}: ${refused} refused`);
});

Deno.test("replay() says which limit to raise when the books are full", async () => {
  const messages = [1, 2, 3].map((number) =>
    new ItchMessage("A", 1).uint(number, 8).text("B", 1).uint(1, 4)
      .text("AAPL", 8).uint(number * 100, 4).done()
  );
  await assertRejects(
    () => replayItch(itchFile(messages), { ordersMax: 2 }),
    Error,
    "raise ordersMax or pagesMax",
  );
});

Deno.test("replay() refuses files and options that make no sense", async () => {
  await assertRejects(
    () => replay({ ...SMALL, file: "/does/not/exist" }),
    Error,
    "can not open /does/not/exist",
  );
  await assertRejects(
    () => replay({ ...SMALL, file: "/tmp" }),
    Error,
    "not a regular file",
  );
  await assertRejects(
    () => replay({ ...SMALL, file: "x.itch", book: "y.csv" }),
    Error,
    "lobster format only",
  );
});

Deno.test("replay() prints what it found and shows progress", async () => {
  const texts: string[] = [];
  const file = itchFile(plainDay(5, 5_000).messages);
  await replayItch(file, { print: (text) => texts.push(text) });
  const text = texts.join("");
  assertStringIncludes(text, "5,000 messages in");
  assertStringIncludes(text, "A add order");
  assertStringIncludes(text, "AAPL");
  assertStringIncludes(text, "volume");
});

Deno.test("ITCH_MESSAGES are all counted by their names", async () => {
  const messages = ITCH_MESSAGES.filter(([, , , decoded]) => !decoded)
    .map(([type, , bytes]) =>
      new ItchMessage(type, 3).text("", bytes - 11).done()
    );
  const report = await replayItch(itchFile(messages));
  assertEquals(report.kinds.size, messages.length);
});

Deno.test("replay() of the recorded Apple flow has every book equal to its row", async () => {
  if (isDataMissing("replay of recorded flow")) return;
  const report = await replay({ ...SMALL, file: MESSAGES, book: BOOK });
  const comparison = report.comparison!;
  assertEquals(comparison.firstDifference, "");
  assertEquals(comparison.equal, comparison.rows);
  assertEquals(comparison.rows, report.messages);
  assertEquals(comparison.levels, 10);
  assert(comparison.rows >= 998, `${comparison.rows} rows`);
  // Few prices come into view changed; were there many, little was tested.
  assert(comparison.learned < 50, `${comparison.learned} learned`);
  assertEquals(report.stocks[0]!.symbol, "AAPL");
  assert(report.trades > 100 && report.volume > 10_000);
});

Deno.test("replay() of the recorded flow notices each damage to a covered level", async () => {
  if (isDataMissing("damaged rows")) return;
  const events = await Deno.readTextFile(MESSAGES);
  const rows = (await Deno.readTextFile(BOOK)).trimEnd().split("\n");
  const seed = 6;
  const next = seeded(seed);
  for (let i = 0; i < 20; i++) {
    const at = 1 + Math.floor(next() * (rows.length - 1));
    const fields = rows[at]!.split(",");
    // The best levels are covered by the row before in all but wild moves.
    const field = 1 + 2 * Math.floor(next() * 4);
    fields[field] = String(Number(fields[field]) + 1);
    const damaged = rows.with(at, fields.join(",")).join("\n");
    const { comparison } = await replayLobster(events, damaged);
    assertEquals(comparison!.equal, comparison!.rows - 1, `seed ${seed}`);
    assertStringIncludes(comparison!.firstDifference, `event ${at + 1},`);
  }
});

Deno.test("replay() of LOBSTER derives what rested before and what came out of view", async () => {
  // Two levels a side. The bid at 98 is not in the first row; an order of 7
  // joins it unseen while it is out of view.
  const report = await replayLobster(
    [
      "1.0,4,1,5,1000000,-1", // an unnamed order at 100 loses 5
      "2.0,1,50,10,990000,1", // 99 gains 10
      "3.0,3,50,10,990000,1", // and loses them
      "4.0,3,2,30,990000,1", // the unnamed order at 99 leaves: 98, 97 show
      "5.0,5,0,9,995000,1", // hidden
    ].join("\n"),
    [
      "1000000,15,990000,30,1010000,8,985000,3",
      "1000000,15,990000,40,1010000,8,985000,3",
      "1000000,15,990000,30,1010000,8,985000,3",
      "1000000,15,985000,3,1010000,8,980000,7",
      "1000000,15,985000,3,1010000,8,980000,7",
    ].join("\n"),
  );
  assertEquals(report.comparison, {
    rows: 5,
    equal: 5,
    levels: 2,
    learned: 1,
    firstDifference: "",
  });
  assertEquals([report.trades, report.volume], [2, 14]);
  assertEquals(report.unknownOrders, 2);
});

Deno.test("replay() of LOBSTER lets orders leave that vanished out of view", async () => {
  const report = await replayLobster(
    [
      "1.0,1,10,5,990000,1",
      "2.0,1,11,6,995000,1", // pushes 98 out of view
      "3.0,1,12,7,996000,1", // pushes 99 out of view
      "4.0,3,12,7,996000,1", // order 10 left 99 unseen; 97 shows instead
    ].join("\n"),
    [
      "1000000,15,990000,5,1010000,8,980000,3",
      "1000000,15,995000,6,1010000,8,990000,5",
      "1000000,15,996000,7,1010000,8,995000,6",
      "1000000,15,995000,6,1010000,8,970000,1",
    ].join("\n"),
  );
  assertEquals(report.comparison!.firstDifference, "");
  assertEquals(report.comparison!.equal, 4);
  // 99 and 98 are gone, 97 is new: three changes.
  assertEquals(report.comparison!.learned, 3);
  assertEquals(report.orders, 4);
});

Deno.test("replay() of LOBSTER says where an event or a row is malformed", async () => {
  const row = "1000000,15,990000,5";
  const good = "1.0,1,10,5,990000,1";
  const cases: [string, string | undefined, string][] = [
    [`${good}\n1.0,9,1,5,990000,1\n`, undefined, "byte 20: expected 1 to 7"],
    [`${good}\n${good}`, undefined, "a new order id in line 2"],
    [`${good}\n2.0,2,10,6,990000,1`, undefined, "at most 5 shares in line 2"],
    [`${good}\n${good}`, row, "a row for each event"],
    [good, `${row}\n${row}`, "expected the end after 1 rows"],
    [good, "1,2,3", "four fields a level"],
    [good, "1000000,x,990000,5", "a number as field 2 of line 1"],
  ];
  for (const [events, rows, text] of cases) {
    const error = await failure(replayLobster(events, rows));
    assertStringIncludes(error.message, text);
  }
});

Deno.test("FeedOrders holds what a plain map holds, seed 11", () => {
  const next = seeded(11);
  const orders = new FeedOrders();
  const plain = new Map<string, number>();
  for (let i = 1; i < 300_000; i++) {
    const hi = Math.floor(next() * 3);
    const lo = Math.floor(next() * 60_000);
    const entry = orders.find(hi, lo);
    const known = plain.get(`${hi}:${lo}`);
    assertEquals(entry < 0 ? undefined : orders.orderAt(entry), known);
    if (entry < 0) {
      orders.add(hi, lo, i, i & 0xffff);
      plain.set(`${hi}:${lo}`, i);
    } else if (next() < 0.6) {
      orders.remove(entry);
      plain.delete(`${hi}:${lo}`);
    }
  }
  assertEquals(orders.count, plain.size);
  assert(orders.count > 70_000, "the map has grown past its first size");
});
