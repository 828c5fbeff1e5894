// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What `inspect` prints of a small journal whose times stand still: tables for
 * people, lines of JSON for machines.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Config } from "../../engine/config/mod.ts";
import { VIEW_NAMES } from "../../engine/inspect/commands.ts";
import { History } from "../../engine/inspect/history.ts";
import { Output } from "../../engine/inspect/output.ts";
import {
  decimal,
  isoTime,
  NEWEST,
  parsePoint,
  parseRange,
  PointError,
} from "../../engine/inspect/units.ts";
import {
  NotThereError,
  type Question,
  showBook,
  showCommands,
  showEvents,
  showMessages,
  showSession,
  showSessions,
  showSummary,
} from "../../engine/inspect/views.ts";
import {
  CommandKind,
  OrdType,
  Side,
  TermFlag,
  TimeInForce,
} from "../../engine/record/mod.ts";
import { ExchangeRig } from "../appliance/exchange_rig.ts";
import { jsonLines } from "./cli.ts";
import { withData, writeJournal } from "./journal_folder.ts";

const TOML = `
[[accounts]]
name = "DESK"
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "0.001"
[[fix.sessions]]
sender_comp_id = "ONE"
password = "p"
account = "DESK"
[[binary.sessions]]
number = 7
key = "1"
`;
const FIX = 1;
const BINARY = 2;

/** A rig that has done a little of everything. */
function smallRig(): ExchangeRig {
  const rig = new ExchangeRig({ toml: TOML }).start();
  const order = {
    kind: CommandKind.NEW_ORDER,
    instrument: 0,
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.DAY,
  };
  rig.send({
    kind: CommandKind.SESSION_LOGON,
    session: FIX,
    inSequence: 1,
  }, {
    ...order,
    session: FIX,
    inSequence: 2,
    side: Side.BUY,
    price: 18_750,
    quantity: 2_500,
    reference: 1,
    clOrdId: "O1",
  });
  rig.wait(5);
  rig.send({
    ...order,
    session: FIX,
    inSequence: 3,
    side: Side.BUY,
    price: 18_749,
    quantity: 1_000,
    reference: 2,
    clOrdId: "O2",
    displayQuantity: 100,
    termFlags: TermFlag.POST_ONLY,
  }, {
    ...order,
    session: BINARY,
    inSequence: 1,
    side: Side.SELL,
    price: 18_750,
    quantity: 500,
    reference: 1,
  }, {
    kind: CommandKind.CANCEL_ORDER,
    session: BINARY,
    inSequence: 2,
    instrument: 0,
    side: Side.SELL,
    reference: 9,
  });
  return rig;
}

const rig = smallRig();

/** What a view prints, line by line. */
async function printed(
  show: (question: Question) => void,
  more: Partial<Question> = {},
  json = false,
): Promise<string[]> {
  let text = "";
  await withData(rig.config, (_data, config: Config) => {
    writeJournal(config.appliance.dataDirectory, rig.journal);
    const output = new Output((piece) => text += piece, json);
    const history = new History({ config });
    show({ history, point: NEWEST, output, ...more });
    output.flush();
  });
  return text.trimEnd().split("\n");
}

/** Sequence of the logon. */
const FIRST = rig.journal.length - 4;

Deno.test("inspect shows a book order by order, in queue order", async () => {
  assertEquals(await printed((q) => showBook(q, "A")), [
    "A: open, after sequence 12",
    "instrument  side  queue      place   price  leaves  shown  quantity  orderId  session  reference  ordType  timeInForce  clOrdId  termFlags  displayQuantity",
    "A           BUY   displayed      1  187.50   2.000  2.000     2.500        9  ONE              1  LIMIT    DAY          O1",
    "A           BUY   displayed      2  187.49   1.000  0.100     1.000       10  ONE              2  LIMIT    DAY          O2       POST_ONLY            0.100",
  ]);
  const [, iceberg] = jsonLines(
    (await printed((q) => showBook(q, "A"), {}, true)).join("\n"),
  );
  assertEquals(iceberg, {
    record: "order",
    instrument: "A",
    side: "BUY",
    queue: "displayed",
    place: 2,
    price: "187.49",
    priceRaw: 18749,
    leaves: "1.000",
    leavesRaw: 1000,
    shown: "0.100",
    shownRaw: 100,
    quantity: "1.000",
    quantityRaw: 1000,
    orderId: 10,
    session: "ONE",
    sessionRaw: 1,
    reference: 2,
    ordType: "LIMIT",
    timeInForce: "DAY",
    clOrdId: "O2",
    termFlags: ["POST_ONLY"],
    displayQuantity: "0.100",
    displayQuantityRaw: 100,
  });
});

Deno.test("inspect shows a book as it was before a command, and after a time", async () => {
  const before = await printed((q) => showBook(q, "A"), {
    point: parsePoint(String(FIRST + 1)),
    levels: 1,
  }, true);
  assertEquals(jsonLines(before.join("\n")).map((o) => [o.clOrdId, o.leaves]), [
    ["O1", "2.500"],
  ]);
  const summary = await printed(showSummary, {
    point: parsePoint("2024-06-10T02:35:18.404"),
  }, true);
  assertEquals(JSON.parse(summary[0]!).sequence, FIRST + 1);
});

Deno.test("inspect shows commands and events under the names of the record tables", async () => {
  const range = parseRange(`${FIRST + 2}..${FIRST + 3}`);
  assertEquals(await printed((q) => showCommands(q, range)), [
    "        10 2024-06-10T02:35:18.405000000Z ONE          NEW_ORDER        inSequence=3 instrument=A side=BUY ordType=LIMIT timeInForce=DAY price=187.49 quantity=1.000 reference=2 clOrdId=O2 termFlags=POST_ONLY displayQuantity=0.100",
    "        11 2024-06-10T02:35:18.405000000Z 7            NEW_ORDER        inSequence=1 instrument=A side=SELL ordType=LIMIT timeInForce=DAY price=187.50 quantity=0.500 reference=1",
  ]);
  const events = jsonLines(
    (await printed((q) => showEvents(q, range), {}, true)).join("\n"),
  );
  assertEquals(events.map((e) => [e.sequence, e.index, e.kind, e.session]), [
    [10, 0, "ACCEPTED", "ONE"],
    [11, 0, "ACCEPTED", "7"],
    [11, 1, "FILLED", "ONE"],
    [11, 2, "FILLED", "7"],
  ]);
  assertEquals(events[2], {
    record: "event",
    sequence: 11,
    index: 1,
    time: "2024-06-10T02:35:18.405000000Z",
    kind: "FILLED",
    session: "ONE",
    sessionRaw: 1,
    outSequence: 3,
    instrument: "A",
    side: "BUY",
    ordType: "LIMIT",
    timeInForce: "DAY",
    price: "187.50",
    priceRaw: 18750,
    quantity: "2.500",
    quantityRaw: 2500,
    orderId: 9,
    reference: 1,
    leaves: "2.000",
    leavesRaw: 2000,
    cum: "0.500",
    cumRaw: 500,
    notional: 9375000,
    ordStatus: "PARTIALLY_FILLED",
    clOrdId: "O1",
    lastPrice: "187.50",
    lastPriceRaw: 18750,
    lastQuantity: "0.500",
    lastQuantityRaw: 500,
    match: 1,
    aggressor: 0,
  });
});

Deno.test("inspect shows what was defined, once", async () => {
  const defined = jsonLines(
    (await printed((q) => showEvents(q, parseRange("..")), {}, true))
      .join("\n"),
  ).filter((event) => String(event.kind).endsWith("_DEFINED"));
  assertEquals(defined.map(({ kind, text }) => [kind, text]), [
    ["ACCOUNT_DEFINED", "DESK"],
    ["INSTRUMENT_DEFINED", "A"],
    ["SESSION_DEFINED", "ONE"],
    ["SESSION_DEFINED", "7"],
  ]);
});

Deno.test("inspect shows sessions, and what was said to one", async () => {
  assertEquals(await printed(showSessions), [
    "session  protocol  loggedOn  outSequence  inSequence  orders  account  group  blocked",
    "ONE      fix       true                3           3       2  DESK         0  false",
    "7        binary    false               3           2       0  -            0  false",
  ]);
  const second =
    "      2 2024-06-10T02:35:18.405000000Z 8=FIX.4.4|9=167|35=8|34=2|" +
    "49=FERRULE|56=ONE|52=20240610-02:35:18.405|37=10|11=O2|17=10-0|150=0|" +
    "39=0|55=A|54=1|38=1.000|40=2|44=187.49|59=0|151=1.000|14=0|6=0|" +
    "60=20240610-02:35:18.405|10=100|";
  assertEquals(
    await printed((q) => showMessages(q, "ONE", parseRange("2"))),
    [second],
  );
  const session = await printed((q) => showSession(q, "ONE"));
  assert(session.includes("outSequence  3"));
  assert(session.includes(second));
  const binary = jsonLines(
    (await printed((q) => showMessages(q, "7", parseRange("..")), {}, true))
      .join("\n"),
  );
  assertEquals(binary.map(({ number }) => number), [1, 2, 3]);
  assert(binary.every(({ bytes }) => String(bytes).length === 128));
});

Deno.test("inspect says what there is if it is asked for something else", async () => {
  for (
    const show of [
      (q: Question) => showBook(q, "NONE"),
      (q: Question) => showSession(q, "NOBODY"),
      (q: Question) => showMessages(q, "NOBODY", parseRange("..")),
    ]
  ) {
    const { message } = await assertRejects(
      () => printed(show),
      NotThereError,
    );
    assert(/there are (A|ONE, 7)$/.test(message), message);
  }
});

Deno.test("parsePoint() and parseRange() read what people write", () => {
  assertEquals(parsePoint("17"), { sequence: 17 });
  const timeNs = 1_717_986_918_405_000_001n;
  assertEquals(parsePoint(String(timeNs)), { sequence: Infinity, timeNs });
  assertEquals(parsePoint(isoTime(timeNs)).timeNs, timeNs);
  assertEquals(parsePoint("2024-06-10").timeNs, 1_717_977_600_000_000_000n);
  for (const wrong of ["", "now", "2024-13-01", "-5", "2024-06-10T25:00"]) {
    assertThrows(() => parsePoint(wrong), PointError);
  }
  assertEquals(parseRange("3..9"), { first: 3, last: 9 });
  assertEquals(parseRange("3.."), { first: 3, last: Infinity });
  assertEquals(parseRange("..9"), { first: 0, last: 9 });
  assertEquals(parseRange("4"), { first: 4, last: 4 });
  for (const wrong of ["", "a", "9..3", "1-2"]) {
    assertThrows(() => parseRange(wrong), PointError);
  }
});

Deno.test("decimal() has the places of its size and is exact", () => {
  assertEquals(decimal(18_750, 1_000_000), "187.50");
  assertEquals(decimal(-5, 100_000_000), "-5");
  assertEquals(decimal(1, 1), "0.00000001");
  assertEquals(decimal(3, 25_000_000), "0.75");
  assertEquals(decimal(2 ** 53 - 1, 10_000_000), "900719925474099.1");
});

Deno.test("the page on inspect and the usage name everything that can be shown", () => {
  const page = Deno.readTextFileSync(
    new URL("../../docs/operations/inspect.md", import.meta.url),
  );
  const usage = Deno.readTextFileSync(
    new URL("../../main.ts", import.meta.url),
  );
  for (const name of VIEW_NAMES) {
    assert(page.includes(`| \`${name}`), `the page lacks ${name}`);
    assert(new RegExp(`\\b${name}\\b`).test(usage), `the usage lacks ${name}`);
  }
});
