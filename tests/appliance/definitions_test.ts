// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the configuration wants and what the journal has: what is written at a
 * start, what stays, and what is refused.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AccountLimit,
  CMD_FLAG_OPERATOR,
  CommandKind,
  EventKind,
  InstrumentSetting,
  OrdType,
  Side,
  StpMode,
  StpScope,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  SESSION_ACCOUNT,
  SESSION_GROUP,
  SESSION_STP,
} from "../../engine/matching/mod.ts";
import { ExchangeRig } from "./exchange_rig.ts";

const INSTRUMENTS = `
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "1"
[[instruments]]
symbol = "B"
tick_size = "0.5"
lot_size = "0.1"
`;
const SESSION = `
[[fix.sessions]]
sender_comp_id = "ONE"
password = "p"
[[binary.sessions]]
number = 1
key = "1"
`;
const PLAIN = INSTRUMENTS + SESSION;

/** Kinds of what a start journaled besides what it recovered. */
function written(rig: ExchangeRig, earlier: ExchangeRig): number[] {
  return rig.journaled(earlier.journal.length).map(({ kind }) => kind);
}

/** A limit order of session 1 that rests. */
function order(reference: number, more: Record<string, number> = {}) {
  return {
    kind: CommandKind.NEW_ORDER,
    session: 1,
    side: Side.BUY,
    ordType: OrdType.LIMIT,
    timeInForce: 1,
    price: 100,
    quantity: 10,
    reference,
    ...more,
  };
}

Deno.test("a first start journals capacity, instruments and sessions, and tells the gateway", () => {
  const rig = new ExchangeRig({ toml: PLAIN }).start();
  assertEquals(
    rig.journaled().map(({ kind, text }) => [kind, text]),
    [
      [CommandKind.DEFINE_CAPACITY, ""],
      [CommandKind.DEFINE_INSTRUMENT, "A"],
      [CommandKind.DEFINE_INSTRUMENT, "B"],
      [CommandKind.DEFINE_SESSION, "ONE"],
      [CommandKind.DEFINE_SESSION, "1"],
    ],
  );
  assertEquals(rig.journaled()[0]!.quantity, 4096);
  assertEquals(rig.journaled()[0]!.reference, 1024);
  assertEquals(rig.exchange.ordersLimit, 4096);
  assertEquals(rig.exchange.specialsLimit, 1024);
  assertEquals(
    rig.told.map(({ kind }) => kind),
    [
      EventKind.INSTRUMENT_DEFINED,
      EventKind.INSTRUMENT_DEFINED,
      EventKind.SESSION_DEFINED,
      EventKind.SESSION_DEFINED,
    ],
  );
});

Deno.test("a start with the same configuration journals nothing", () => {
  const toml = `${PLAIN}
    [[accounts]]
    name = "DESK"
    quantity = 5
    restricted = ["B"]
    [[instruments]]
    symbol = "C"
    tick_size = "1"
    lot_size = "1"
    max_quantity = "7"
    price_collar = "3"
    price_band = { low = "1", high = "9" }
    tick_table = [{ from = "0", step = "1" }, { from = "6", step = "2" }]
    lot_step = "2"
    group = 4
    volatility_range = "2"
    reference_price = "5"
    state = "halt"`;
  const first = new ExchangeRig({ toml }).start();
  const again = new ExchangeRig({ toml, journal: first.journal }).start();
  assertEquals(written(again, first), []);
  assertEquals(again.exchange.stateHash(), first.exchange.stateHash());
});

Deno.test("a start sets what the configuration says of instruments", () => {
  const toml = `${PLAIN}
    [[instruments]]
    symbol = "C"
    tick_size = "0.1"
    lot_size = "1"
    max_quantity = "7"
    max_notional = "50"
    price_collar = "3"
    market_collar = "0.4"
    price_band = { low = "1", high = "9" }
    tick_table = [{ from = "0", step = "0.1" }, { from = "6", step = "0.2" }]
    lot_step = "2"
    group = 4
    volatility_range = "2"
    volatility_auction_ms = 1500
    reference_price = "5"
    state = "halt"`;
  const rig = new ExchangeRig({ toml }).start();
  assertEquals(rig.register.instruments()[2], {
    symbol: "C",
    index: 2,
    state: "halt",
    stateUntil: null,
    stateFollows: null,
    referencePrice: 5,
    indicativePrice: 0,
    indicativeVolume: 0,
    imbalance: 0,
    auctions: 0,
    auctionPrice: 0,
    auctionVolume: 0,
    tickSize: 0.1,
    lotSize: 1,
    tickTable: [{ from: 0, step: 0.1 }, { from: 6, step: 0.2 }],
    lotStep: 2,
    priceCollar: 3,
    marketCollar: 0.4,
    bandLow: 1,
    bandHigh: 9,
    volatilityRange: 2,
    volatilityAuctionMs: 1500,
    group: 4,
    maxQuantity: 7,
    maxNotional: 50,
  });
  const { exchange } = rig;
  assertEquals(exchange.limits.quantityMax[2], 7);
  assertEquals(exchange.limits.notionalMax[2], 500);
  assert(!exchange.ticks.isValid(2, 61) && exchange.ticks.isValid(2, 59));
  const set = rig.journaled().filter(({ instrument, kind }) =>
    instrument === 2 && kind === CommandKind.SET_INSTRUMENT
  );
  assertEquals(
    set.map(({ detail, price, quantity, reference }) => [
      detail,
      price,
      quantity,
      reference,
    ]),
    [
      [InstrumentSetting.LOT_STEP, 0, 2, 0],
      [InstrumentSetting.PRICE_COLLAR, 0, 30, 0],
      [InstrumentSetting.MARKET_COLLAR, 0, 4, 0],
      [InstrumentSetting.PRICE_BAND, 10, 90, 0],
      [InstrumentSetting.VOLATILITY, 0, 20, 1.5e9],
      [InstrumentSetting.GROUP, 0, 4, 0],
      [InstrumentSetting.REFERENCE_PRICE, 50, 0, 0],
    ],
  );
});

Deno.test("a start sets accounts, restrictions and rules of sessions", () => {
  const toml = `${INSTRUMENTS}
    [[accounts]]
    name = "DESK"
    group = 3
    quantity = 5
    soft_quantity = 4
    position = 9
    restricted = ["B"]
    [[fix.sessions]]
    sender_comp_id = "ONE"
    password = "p"
    account = "DESK"
    group = 3
    self_trade_prevention = "decrement"
    self_trade_scope = "group"
    messages_max = 2
    messages_interval_ms = 5`;
  const rig = new ExchangeRig({ toml }).start();
  const { accounts } = rig.exchange;
  assertEquals(accounts.groupOf(1), 3);
  assertEquals(accounts.hardOf(1, AccountLimit.QUANTITY), 5);
  assertEquals(accounts.softOf(1, AccountLimit.QUANTITY), 4);
  assertEquals(accounts.hardOf(1, AccountLimit.POSITION), 9);
  assert(accounts.isRestricted(1, 1) && !accounts.isRestricted(1, 0));
  assertEquals(rig.exchange.sessionWord(1, SESSION_ACCOUNT), 1);
  assertEquals(rig.exchange.sessionWord(1, SESSION_GROUP), 3);
  assertEquals(
    rig.exchange.sessionWord(1, SESSION_STP),
    StpMode.DECREMENT | StpScope.GROUP << 4,
  );
  const [session] = rig.journaled()
    .filter(({ kind }) => kind === CommandKind.SET_SESSION);
  assertEquals([session!.quantity, session!.reference], [2, 5e6]);
  assertEquals(rig.register.sessions()[0], {
    index: 1,
    protocol: "fix",
    name: "ONE",
    account: "DESK",
    group: 3,
    blockedBy: [],
  });
  assertEquals(rig.register.accounts()[0]!.limits.quantity, {
    hard: 5,
    soft: 4,
  });
  assertEquals(
    rig.told.filter(({ kind }) => kind === EventKind.ACCOUNT_DEFINED).length,
    1,
  );
});

Deno.test("a start writes what the configuration says anew, and takes away what it says no more", () => {
  const collar = (price: string) =>
    PLAIN.replace(
      '"B"',
      `"B"${price === "" ? "" : `\nprice_collar = "${price}"`}`,
    );
  const first = new ExchangeRig({ toml: collar("2") }).start();
  const second = new ExchangeRig({
    toml: collar("4"),
    journal: first.journal,
  }).start();
  assertEquals(written(second, first), [CommandKind.SET_INSTRUMENT]);
  assertEquals(second.register.instruments()[1]!.priceCollar, 4);
  const third = new ExchangeRig({ toml: collar(""), journal: second.journal })
    .start();
  assertEquals(written(third, second), [CommandKind.SET_INSTRUMENT]);
  assertEquals(third.register.instruments()[1]!.priceCollar, 0);
});

Deno.test("a start replaces a tick table as a whole", () => {
  const table = (bands: string) =>
    PLAIN.replace('"A"', `"A"\ntick_table = [${bands}]`);
  const first = new ExchangeRig({
    toml: table('{from="0",step="0.02"},{from="1",step="0.05"}'),
  }).start();
  const second = new ExchangeRig({
    toml: table('{from="0",step="0.03"}'),
    journal: first.journal,
  }).start();
  assertEquals(written(second, first), [
    CommandKind.SET_TICKS,
    CommandKind.SET_TICKS,
  ]);
  assertEquals(second.register.instruments()[0]!.tickTable, [
    { from: 0, step: 0.03 },
  ]);
  assert(second.exchange.ticks.isValid(0, 303));
  assert(!second.exchange.ticks.isValid(0, 304));
  const third = new ExchangeRig({ toml: PLAIN, journal: second.journal })
    .start();
  assertEquals(written(third, second), [CommandKind.SET_TICKS]);
  assert(third.exchange.ticks.isSimple(0));
});

Deno.test("what an operator set stays until the configuration says something new, and a line tells", () => {
  const toml = `${PLAIN}
    [[accounts]]
    name = "DESK"
    quantity = 5
    restricted = ["B"]`;
  const first = new ExchangeRig({ toml }).start();
  first.ask({
    command: "set-account",
    account: "DESK",
    quantity: 3,
    allow: ["B"],
    restrict: ["A"],
  });
  first.ask({
    command: "set-instrument",
    instrument: "A",
    price_collar: "1",
    tick_table: [{ from: "0", step: "0.05" }],
  });
  const flags = first.journaled().map((command) => command.flags);
  assertEquals(flags.filter((flag) => flag === CMD_FLAG_OPERATOR).length, 6);
  const second = new ExchangeRig({ toml, journal: first.journal }).start();
  assertEquals(written(second, first), []);
  const { accounts } = second.exchange;
  assertEquals(accounts.hardOf(1, AccountLimit.QUANTITY), 3);
  assert(accounts.isRestricted(1, 0) && !accounts.isRestricted(1, 1));
  const told = second.lines.filter(({ message }) =>
    message === "set by an operator otherwise than by the configuration"
  );
  assertEquals(
    told.map(({ account, symbol, keys }) => [account, symbol, keys]),
    [
      ["DESK", undefined, "quantity,soft_quantity"],
      ["DESK", "A", "restricted"],
      ["DESK", "B", "restricted"],
      [undefined, "A", "tick_table"],
      [undefined, "A", "price_collar"],
    ],
  );
  const third = new ExchangeRig({
    toml: toml.replace("quantity = 5", "quantity = 6"),
    journal: second.journal,
  }).start();
  assertEquals(written(third, second), [CommandKind.SET_ACCOUNT_LIMIT]);
  assertEquals(third.exchange.accounts.hardOf(1, AccountLimit.QUANTITY), 6);
});

Deno.test("state and reference price are for new instruments only", () => {
  const toml = PLAIN.replace(
    '"A"',
    '"A"\nstate = "pre-open"\nreference_price = "5"',
  );
  const first = new ExchangeRig({ toml }).start();
  assertEquals(first.register.instruments()[0]!.state, "pre-open");
  first.ask({ command: "state", instrument: "A", state: "open" });
  first.ask({
    command: "set-instrument",
    instrument: "A",
    reference_price: "7",
  });
  const second = new ExchangeRig({ toml, journal: first.journal }).start();
  assertEquals(written(second, first), []);
  const [a] = second.register.instruments();
  assertEquals([a!.state, a!.referencePrice], ["open", 7]);
  const later = new ExchangeRig({
    toml: toml.replace('"B"', '"B"\nstate = "halt"'),
    journal: second.journal,
  }).start();
  assertEquals(written(later, second), []);
});

Deno.test("a start that was cut short among its definitions goes on where it was", () => {
  const toml = PLAIN.replace(
    '"A"',
    '"A"\nstate = "halt"\ntick_table = [{from="0",step="0.02"},{from="1",step="0.05"}]',
  ) + '[[accounts]]\nname = "DESK"\nquantity = 5\n';
  const whole = new ExchangeRig({ toml }).start();
  assert(whole.journal.length > 8);
  for (let kept = 0; kept < whole.journal.length; kept++) {
    const rig = new ExchangeRig({
      toml,
      journal: whole.journal.slice(0, kept),
    }).start();
    assertEquals(
      rig.register.instruments(),
      whole.register.instruments(),
      `${kept} kept`,
    );
    assertEquals(rig.register.accounts(), whole.register.accounts());
    const [known] = rig.register.instruments();
    assertEquals(known!.state, "halt");
  }
});

Deno.test("a start refuses other sizes of an instrument", () => {
  const first = new ExchangeRig({ toml: PLAIN }).start();
  assertThrows(
    () =>
      new ExchangeRig({
        toml: PLAIN.replace('"0.5"', '"0.25"'),
        journal: first.journal,
      }).start(),
    Error,
    "Instrument B is configured with tick 0.25 and lot 0.1, but the journal has tick 0.5",
  );
});

Deno.test("a start gives a session another account only if it has no open orders", () => {
  const toml = (account: string) =>
    `${INSTRUMENTS}
     [[accounts]]
     name = "X"
     [[accounts]]
     name = "Y"
     [[fix.sessions]]
     sender_comp_id = "ONE"
     password = "p"
     ${account === "" ? "" : `account = "${account}"`}`;
  const first = new ExchangeRig({ toml: toml("X") }).start();
  const moved = new ExchangeRig({ toml: toml("Y"), journal: first.journal })
    .start();
  assertEquals(moved.exchange.sessionWord(1, SESSION_ACCOUNT), 2);
  first.send(order(1));
  assertEquals(first.exchange.ordersOf(1), 1);
  for (
    const [account, text] of [
      ["Y", "configured with account Y, but has 1 open orders for account X"],
      ["", "configured with no account, but has 1 open orders for account X"],
    ]
  ) {
    assertThrows(
      () =>
        new ExchangeRig({ toml: toml(account!), journal: first.journal })
          .start(),
      Error,
      text,
    );
  }
  new ExchangeRig({ toml: toml("X"), journal: first.journal }).start();
  const none = new ExchangeRig({ toml: toml("") }).start();
  none.send(order(1));
  assertThrows(
    () => new ExchangeRig({ toml: toml("X"), journal: none.journal }).start(),
    Error,
    "has 1 open orders for no account",
  );
});

Deno.test("a start refuses a smaller capacity than the journal was written with", () => {
  const capacity = (text: string) =>
    `[capacity]
     orders = 4096
     special_orders = 100
     sessions = 16
     instruments = 8
     accounts = 8\n`.replace(...text.split(" -> ") as [string, string]);
  const toml = `${PLAIN}[[accounts]]\nname = "X"\n[[accounts]]\nname = "Y"\n`;
  const first = new ExchangeRig({ toml, capacity: capacity(" -> ") }).start();
  const cases = [
    ["orders = 4096 -> orders = 4095", "orders = 4096 or more, now it is 4095"],
    ["= 100 -> = 99", "special_orders = 100 or more, now it is 99"],
  ];
  for (const [change, text] of cases) {
    assertThrows(
      () =>
        new ExchangeRig({
          toml,
          capacity: capacity(change!),
          journal: first.journal,
        }).start(),
      Error,
      text,
    );
  }
  const one =
    '[[instruments]]\nsymbol = "A"\ntick_size = "0.01"\nlot_size = "1"';
  for (
    const [change, text] of [
      [
        "instruments = 8 -> instruments = 1",
        "instruments = 2 or more, now it is 1",
      ],
      ["sessions = 16 -> sessions = 2", "sessions = 3 or more, now it is 2"],
      ["accounts = 8 -> accounts = 1", "accounts = 2 or more, now it is 1"],
    ]
  ) {
    assertThrows(
      () =>
        new ExchangeRig({
          toml: `${one}\n[fix]\nsessions = []\n[binary]\nsessions = []`,
          capacity: capacity(change!),
          journal: first.journal,
        }).start(),
      Error,
      text,
    );
  }
  const more = new ExchangeRig({
    toml,
    capacity: capacity("orders = 4096 -> orders = 5000"),
    journal: first.journal,
  }).start();
  assertEquals(written(more, first), [CommandKind.DEFINE_CAPACITY]);
});

Deno.test("a start defines more than the journal's ring holds", () => {
  const many = Array.from({ length: 130 }, (_, i) =>
    `[[instruments]]
     symbol = "S${i}"
     tick_size = "1"
     lot_size = "1"
     price_collar = "1"
     market_collar = "1"
     price_band = { low = "1", high = "2" }
     volatility_range = "1"
     lot_step = "2"
     max_quantity = "4"
     group = 1
     reference_price = "1"
     state = "halt"\n`).join("");
  const rig = new ExchangeRig({
    toml: many,
    capacity: "[capacity]\norders = 16\nspecial_orders = 4\n",
  }).start();
  assert(rig.journal.length > 1200, `${rig.journal.length} commands`);
  assert(
    rig.register.states().every(({ state }) => state === TradingState.HALT),
  );
});
