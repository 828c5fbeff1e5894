// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange's agent: what operators ask while it runs, time that goes on by
 * itself, and what the house makes of session 0's events.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { OperatorDesk } from "../../engine/appliance/operator_desk.ts";
import {
  CMD_FLAG_REFUSE,
  CommandKind,
  EventKind,
  OrdType,
  Reason,
  Side,
  TimeInForce,
} from "../../engine/record/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_PRESSURE,
  CONTROL_STOP,
  ExchangeState,
  JournalState,
} from "../../engine/ring/mod.ts";
import { RegisterWord } from "../../engine/appliance/register_layout.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { ExchangeRig } from "./exchange_rig.ts";

const TOML = `
[[accounts]]
name = "DESK"
soft_quantity = 5
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "1"
[[instruments]]
symbol = "B"
tick_size = "0.01"
lot_size = "1"
[[fix.sessions]]
sender_comp_id = "ONE"
password = "p"
account = "DESK"
[[fix.sessions]]
sender_comp_id = "TWO"
password = "p"
`;

function order(
  session: number,
  reference: number,
  more: Record<string, number> = {},
) {
  return {
    kind: CommandKind.NEW_ORDER,
    session,
    side: Side.BUY,
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.GTC,
    price: 100,
    quantity: 1,
    reference,
    ...more,
  };
}

function started(): ExchangeRig {
  return new ExchangeRig({ toml: TOML }).start();
}

/** The time of a rig, nanoseconds; below 2^63. */
function now(rig: ExchangeRig): number {
  return rig.clock[1]! * 4294967296 + rig.clock[0]!;
}

Deno.test("ExchangeAgent makes time go on when a timer is due, and not before", () => {
  const rig = started();
  rig.ask({
    command: "state",
    instrument: "A",
    state: "halt",
    duration_ms: 50,
    then: "closed",
  });
  const journaled = rig.journal.length;
  rig.wait(49);
  for (let round = 0; round < 5; round++) rig.round();
  assertEquals(rig.journal.length, journaled);
  rig.wait(1);
  assert(rig.round() > 0);
  for (let round = 0; round < 5; round++) rig.round();
  const [time, ...more] = rig.journaled(journaled);
  assertEquals([time!.kind, time!.session, more.length], [
    CommandKind.TIME,
    0,
    0,
  ]);
  assertEquals(rig.journal.at(-1)!.length, 64);
  assertEquals(rig.register.instruments()[0]!.state, "closed");
});

Deno.test("ExchangeAgent ends a GTD order by a command of its own", () => {
  const rig = started();
  rig.send(order(2, 1, {
    timeInForce: TimeInForce.GTD,
    expireTime: Math.floor(now(rig) / 1e9) * 1e9 + 5e9,
  }));
  assertEquals(rig.exchange.ordersOpen, 1);
  rig.wait(6000);
  rig.round();
  assertEquals(rig.exchange.ordersOpen, 0);
  assertEquals(rig.journaled().at(-1)!.kind, CommandKind.TIME);
});

Deno.test("ExchangeAgent lets a client's command do what is due", () => {
  const rig = started();
  rig.ask({
    command: "state",
    instrument: "A",
    state: "halt",
    duration_ms: 50,
  });
  rig.wait(50);
  rig.send(order(2, 1));
  assertEquals(rig.journaled().at(-1)!.kind, CommandKind.NEW_ORDER);
  assertEquals(rig.exchange.ordersOpen, 1);
  assertEquals(rig.register.instruments()[0]!.state, "open");
});

Deno.test("ExchangeAgent makes up for time that passed while it was down, before it is live", () => {
  const rig = started();
  rig.ask({
    command: "state",
    instrument: "A",
    state: "halt",
    duration_ms: 50,
    then: "pre-open",
  });
  const again = new ExchangeRig({ toml: TOML, journal: rig.journal });
  again.clock.set(rig.clock);
  again.wait(60);
  again.start();
  assertEquals(again.journaled().at(-1)!.kind, CommandKind.TIME);
  assertEquals(again.register.instruments()[0]!.state, "pre-open");
});

Deno.test("ExchangeAgent does what an operator asks, and a restart finds it", () => {
  const rig = started();
  rig.send(order(1, 1), order(1, 2, { price: 90 }), order(2, 3));
  rig.ask({ command: "state", instrument: "B", state: "halt" });
  rig.ask({ command: "kill", session: "TWO" });
  rig.ask({ command: "cancel", session: "ONE", instrument: "A", from: "0.95" });
  rig.ask({
    command: "define-instrument",
    symbol: "C",
    tick_size: "1",
    lot_size: "1",
    price_band: { low: "1", high: "9" },
  });
  rig.ask({ command: "define-account", name: "X", position: 3 });
  rig.ask({ command: "kill", account: "X" });
  assertEquals(rig.exchange.ordersOpen, 1);
  assertEquals(
    rig.told.filter(({ kind }) => kind === EventKind.CANCELED)
      .map(({ session }) => session),
    [2, 1],
  );
  const again = new ExchangeRig({ toml: TOML, journal: rig.journal }).start();
  assertEquals(again.journaled().length, rig.journaled().length);
  // Its CHECKPOINT has the hash from before.
  assertEquals(again.allJournaled().at(-1)!.text, rig.exchange.stateHash());
  for (const { register } of [rig, again]) {
    const [, b, c] = register.instruments();
    assertEquals([b!.state, c!.symbol, c!.bandHigh], ["halt", "C", 9]);
    const blocked = register.sessions().map(({ blockedBy }) => blockedBy);
    assertEquals(blocked.slice(0, 2), [[], ["appliance"]]);
    assertEquals(register.accounts()[1]!.blockedBy, ["appliance"]);
  }
  again.send(order(2, 9));
  assertEquals(again.exchange.ordersOpen, 1);
  again.ask({ command: "unlock", session: "TWO" });
  again.send(order(2, 10));
  assertEquals(again.exchange.ordersOpen, 2);
  assertEquals(again.register.sessions()[1]!.blockedBy, []);
});

Deno.test("ExchangeAgent shows clients that blocked themselves", () => {
  const rig = started();
  rig.send({ kind: CommandKind.KILL, session: 2, detail: 0, reason: 2 });
  rig.wait(20);
  rig.round();
  assertEquals(rig.register.sessions()[1]!.blockedBy, ["client"]);
  const line = rig.lines.find(({ message }) => message === "kill switch");
  assertEquals([line?.level, line?.session, line?.by], [
    "warn",
    "TWO",
    "client",
  ]);
});

Deno.test("House logs state changes, and those that nobody asked for louder", () => {
  const rig = started();
  rig.ask({
    command: "set-instrument",
    instrument: "A",
    reference_price: "1",
    volatility_range: "0.05",
    volatility_auction_ms: 1000,
  });
  rig.send(
    order(1, 1, { side: Side.SELL, price: 110 }),
    order(2, 2, { price: 110 }),
  );
  const [line] = rig.lines.filter(({ message }) => message === "state changed");
  assertEquals(
    [line?.level, line?.symbol, line?.state, line?.lastsMs, line?.follows],
    ["warn", "A", "volatility-auction", 1000, "open"],
  );
  const [a] = rig.register.instruments();
  assertEquals(a!.state, "volatility-auction");
  assertEquals(a!.indicativePrice, 1.1);
  assertEquals([a!.indicativeVolume, a!.imbalance], [1, 0]);
  const until = Date.parse(a!.stateUntil!);
  assertEquals(until, Math.floor(now(rig) / 1e6) + 1000);
  rig.wait(1000);
  rig.round();
  const [after] = rig.register.instruments();
  assertEquals(
    [after!.state, after!.auctions, after!.auctionPrice, after!.auctionVolume],
    ["open", 1, 1.1, 1],
  );
  assertEquals([after!.referencePrice, after!.indicativePrice], [1.1, 0]);
  const uncrossed = rig.lines.find(({ message }) => message === "uncrossed");
  assertEquals([uncrossed?.price, uncrossed?.quantity], [1.1, 1]);
});

Deno.test("House counts warnings and logs at most one of a reason in a second", () => {
  const rig = started();
  for (let i = 0; i < 10; i++) rig.send(order(1, 1 + i, { quantity: 6 }));
  rig.wait(1000);
  rig.send(order(1, 20, { quantity: 6 }));
  assertEquals(rig.register.warnings(Reason.ACCOUNT_MAX_QUANTITY), 11);
  const lines = rig.lines.filter(({ message }) =>
    message === "soft limit passed"
  );
  assertEquals(lines.map(({ sinceLast }) => sinceLast), [undefined, 10]);
  assertEquals(
    [lines[0]?.account, lines[0]?.session, lines[0]?.symbol, lines[0]?.value],
    ["DESK", "ONE", "A", 6],
  );
});

Deno.test("House takes more events of one command than its ring has slots", () => {
  const names = Array.from({ length: 1100 }, (_, i) => `S${i}`);
  const toml = names.map((symbol) =>
    `[[instruments]]\nsymbol = "${symbol}"\ntick_size = "1"\nlot_size = "1"\n`
  ).join("");
  const rig = new ExchangeRig({
    toml,
    capacity: "[capacity]\norders = 16\ninstruments = 1100\n",
  }).start();
  rig.ask({ command: "state", all: true, state: "closed" });
  assert(rig.register.instruments().every(({ state }) => state === "closed"));
});

Deno.test("a replayed journal is counted, not logged", () => {
  const rig = started();
  rig.send(order(1, 1, { quantity: 6 }));
  rig.ask({ command: "state", instrument: "A", state: "halt" });
  const again = new ExchangeRig({ toml: TOML, journal: rig.journal }).start();
  assertEquals(again.register.warnings(Reason.ACCOUNT_MAX_QUANTITY), 1);
  assert(!again.messages().includes("soft limit passed"));
  assert(!again.messages().includes("state changed"));
});

/** A desk over a rig whose rounds go on by themselves. */
function deskOf(rig: ExchangeRig, waitMsMax = 5000) {
  const desk = new OperatorDesk({
    ...rig.context,
    ring: rig.operator.producer,
    control: rig.control,
    log: new Log({
      level: "error",
      format: "json",
      source: "desk",
      nowMs: () => 0,
    }),
    waitMsMax,
  });
  const timer = setInterval(() => rig.round(), 1);
  return { desk, [Symbol.dispose]: () => clearInterval(timer) };
}

Deno.test("OperatorDesk answers with sequence and count when it is durable", async () => {
  const rig = started();
  rig.send(order(1, 1), order(1, 2), order(2, 3));
  using running = deskOf(rig);
  const { desk } = running;
  const answers = await Promise.all([
    desk.ask({ command: "kill", session: "ONE" }),
    desk.ask({ command: "define-account", name: "X" }),
    desk.ask({ command: "set-account", account: "X", open_orders: 2 }),
    desk.ask({ command: "cancel", all: true }),
    desk.ask({ command: "define-account", name: "X" }),
    desk.ask({ command: "stop" }),
  ]);
  assertEquals(answers.map(({ status }) => status), [
    200,
    200,
    200,
    200,
    409,
    400,
  ]);
  const first =
    rig.allJournaled().findIndex(({ kind }) => kind === CommandKind.KILL) + 1;
  assertEquals(answers.slice(0, 4).map(({ body }) => body), [
    { sequence: first, commands: 1, canceled: 2 },
    { sequence: first + 1, commands: 1, canceled: 0 },
    { sequence: first + 2, commands: 1, canceled: 0 },
    { sequence: first + 3, commands: 1, canceled: 1 },
  ]);
  assertEquals(rig.register.words[RegisterWord.CANCELED], 3);
});

Deno.test("OperatorDesk takes nothing before the exchange is live, after a stop, or without a journal", async () => {
  const rig = started();
  using running = deskOf(rig);
  const ask = async () =>
    (await running.desk.ask({ command: "cancel", all: true })).status;
  assertEquals(await ask(), 200);
  rig.control[CONTROL_STOP] = 1;
  assertEquals(await ask(), 503);
  rig.control[CONTROL_STOP] = 0;
  rig.control[CONTROL_JOURNAL] = JournalState.FAILED;
  assertEquals(await ask(), 503);
  rig.control[CONTROL_JOURNAL] = JournalState.RECOVERED;
  rig.control[CONTROL_EXCHANGE] = ExchangeState.RECOVERING;
  assertEquals(await ask(), 503);
});

Deno.test("OperatorDesk says so when the exchange does not take it, and waits for it before the next", async () => {
  const rig = started();
  const request = { command: "define-account", name: "X" };
  const stuck = deskOf(rig, 20);
  stuck[Symbol.dispose]();
  assertEquals((await stuck.desk.ask(request)).status, 504);
  assertEquals((await stuck.desk.ask(request)).body, {
    error: "An earlier request was not taken yet",
  });
  rig.round();
  assertEquals((await stuck.desk.ask(request)).body, {
    error: "Account X is there already",
  });
});

Deno.test("ExchangeAgent marks new orders and replaces while the journal's disk wants no more", () => {
  const rig = started();
  rig.send(order(2, 1), order(2, 2));
  const at = rig.journal.length;
  rig.control[CONTROL_PRESSURE] = Reason.JOURNAL_FULL;
  rig.send(
    order(2, 3),
    { kind: CommandKind.REPLACE_ORDER, session: 2, reference: 1 },
    { kind: CommandKind.CANCEL_ORDER, session: 2, reference: 2 },
  );
  rig.ask({ command: "state", instrument: "A", state: "halt" });
  rig.control[CONTROL_PRESSURE] = 0;
  rig.send(order(2, 4));
  const marks = rig.journaled(at).map(({ kind, flags, reason }) => [
    kind,
    flags & CMD_FLAG_REFUSE,
    reason,
  ]);
  assertEquals(marks, [
    [CommandKind.NEW_ORDER, CMD_FLAG_REFUSE, Reason.JOURNAL_FULL],
    [CommandKind.REPLACE_ORDER, CMD_FLAG_REFUSE, Reason.JOURNAL_FULL],
    [CommandKind.CANCEL_ORDER, 0, 0],
    [CommandKind.SET_STATE, 0, 0],
    [CommandKind.NEW_ORDER, 0, 0],
  ]);
  assertEquals(rig.exchange.refusals[Reason.JOURNAL_FULL], 1);
  assertEquals(rig.exchange.ordersOpen, 1);
  const again = new ExchangeRig({ toml: TOML, journal: rig.journal }).start();
  const live = again.lines.find(({ message }) => message === "live")!;
  assertEquals(live.stateHash, rig.exchange.stateHash());
  assertEquals(again.exchange.refusals[Reason.JOURNAL_FULL], 1);
});
