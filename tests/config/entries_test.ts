// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Sessions, accounts and instruments of the configuration: decimals become
 * ticks and lots, and what does not go together is named.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ACCOUNT_KEYS,
  accountEntry,
  ConfigError,
  defaultConfig,
  defaultToml,
  fixSessionEntry,
  INSTRUMENT_KEYS,
  instrumentEntry,
  loadConfig,
  readAccount,
  readInstrument,
  SECRET_KEYS,
  SELF_TRADE_MODES,
  SELF_TRADE_SCOPES,
  SESSION_KEYS,
  TRADING_STATES,
} from "../../engine/config/mod.ts";
import {
  AccountLimit,
  StpMode,
  StpScope,
  TradingState,
} from "../../engine/record/mod.ts";
import { ACCOUNT_LIMIT_NAMES } from "../../engine/config/mod.ts";

/** Lines of the problems that a text has. */
function problems(text: string): string[] {
  const error: ConfigError = assertThrows(
    () => loadConfig(text, "t"),
    ConfigError,
  );
  return error.message.split("\n").slice(1).map((line) => line.trim());
}

const INSTRUMENT =
  '[[instruments]]\nsymbol = "X"\ntick_size = "0.05"\nlot_size = "0.1"\n';

Deno.test("words of the configuration have the numbers of records", () => {
  const upper = (word: string) => word.toUpperCase().replaceAll("-", "_");
  const numbered = (words: readonly string[]) =>
    Object.fromEntries(words.map((word, i) => [upper(word), i]));
  assertEquals(numbered(TRADING_STATES), { ...TradingState });
  assertEquals(numbered(SELF_TRADE_MODES), { ...StpMode });
  assertEquals(numbered(SELF_TRADE_SCOPES), { ...StpScope });
  assertEquals(numbered(ACCOUNT_LIMIT_NAMES), { ...AccountLimit });
});

Deno.test("each key of an entry stands in the printed file, with a reason", () => {
  const cases = [
    [fixSessionEntry, [...SECRET_KEYS, ...SESSION_KEYS], [
      "sender_comp_id",
      "username",
      "password",
    ]],
    [accountEntry, ACCOUNT_KEYS, ["name"]],
    [instrumentEntry, INSTRUMENT_KEYS, ["symbol", "tick_size", "lot_size"]],
  ] as const;
  const text = defaultToml();
  for (const [schema, keys, own] of cases) {
    assertEquals(
      [...own, ...keys.map(({ key }) => key)].toSorted(),
      Object.keys(schema.entries).toSorted(),
    );
    for (const { key, reason } of keys) {
      assert(reason.endsWith("."), key);
      assert(text.includes(`\n# ${key} = `), key);
    }
  }
});

Deno.test("the printed examples of entries are valid together", () => {
  const lines = defaultToml().split("\n").filter((line) => line !== "");
  const commented = (from: string): string => {
    const start = lines.findIndex((line) => line.includes(from));
    assert(start >= 0, from);
    const after = lines.slice(start + 1);
    const end = after.findIndex((line) => !line.startsWith("#"));
    return (end < 0 ? after : after.slice(0, end))
      .filter((line) => /^# [a-z_]+ = /.test(line))
      .map((line) => line.slice(2)).join("\n");
  };
  const config = loadConfig(
    `[[fix.sessions]]
     sender_comp_id = "A"
     password = "p"
     ${commented("# Every session may have")}
     [[accounts]]
     ${commented("# [[accounts]]")}
     [[instruments]]
     symbol = "AAPL"
     tick_size = "0.01"
     lot_size = "1"
     ${commented("# Each may have besides")}`,
    "t",
  );
  assertEquals(config.fix.sessions, [{
    senderCompId: "A",
    username: "A",
    password: "p",
    account: "DESK",
    group: 1,
    selfTradePrevention: "cancel-newest",
    selfTradeScope: "account",
    messagesMax: 10_000,
    messagesIntervalMs: 1000,
  }]);
  assertEquals(config.accounts, [{
    name: "DESK",
    group: 1,
    limits: [
      { hard: 100_000, soft: 50_000 },
      { hard: 5_000_000_000, soft: 1_000_000_000 },
      { hard: 5000, soft: 4000 },
      { hard: 1_000_000, soft: 800_000 },
    ],
    restricted: ["AAPL"],
  }]);
  assertEquals(config.instruments, [{
    symbol: "AAPL",
    tickSizeE8: 1_000_000,
    lotSizeE8: 100_000_000,
    quantityLotsMax: 1_000_000,
    notionalMax: 5_000_000_000,
    tickTable: [
      { fromTicks: 0, stepTicks: 1 },
      { fromTicks: 10_000, stepTicks: 5 },
    ],
    lotStepLots: 10,
    referencePriceTicks: 18_750,
    priceCollarTicks: 1000,
    marketCollarTicks: 100,
    bandLowTicks: 10_000,
    bandHighTicks: 30_000,
    volatilityRangeTicks: 500,
    volatilityAuctionMs: 300_000,
    group: 1,
    state: "pre-open",
  }]);
});

Deno.test("loadConfig() gives binary and DPDK sessions the same rules", () => {
  const rules = `group = 2
    self_trade_prevention = "decrement-and-cancel"
    self_trade_scope = "group"
    messages_max = 5
    messages_interval_ms = 10`;
  const config = loadConfig(
    `[[binary.sessions]]\nnumber = 7\nkey = "1"\n${rules}
     [[dpdk.sessions]]\nnumber = 8\nkey = "1"\n${rules}`,
    "t",
  );
  for (
    const { number, key, ...found } of [
      ...config.binary.sessions,
      ...config.dpdk.sessions,
    ]
  ) {
    assert(number >= 7 && key === "1");
    assertEquals(found, {
      account: "",
      group: 2,
      selfTradePrevention: "decrement-and-cancel",
      selfTradeScope: "group",
      messagesMax: 5,
      messagesIntervalMs: 10,
    });
  }
});

Deno.test("loadConfig() names what is wrong with an instrument", () => {
  const cases: [string, string][] = [
    [
      'price_collar = "0.04"',
      'price_collar = "0.04": must be a multiple of tick_size, 0.05',
    ],
    [
      'reference_price = "107374182.4"',
      'reference_price = "107374182.4": must be a decimal above 0 in quotes, with at most 8 places, such as "0.01"',
    ],
    [
      'market_collar = "0"',
      'market_collar = "0": must be a decimal above 0 in quotes, with at most 8 places, such as "0.01"',
    ],
    [
      'volatility_range = "0.01"',
      'volatility_range = "0.01": must be a multiple of tick_size, 0.05',
    ],
    [
      'price_band = { low = "2", high = "1.95" }',
      'price_band.low = "2": must be at most price_band.high, 1.95',
    ],
    [
      'price_band = { low = "2", high = "2.01" }',
      'price_band.high = "2.01": must be a multiple of tick_size, 0.05',
    ],
    ['price_band = { low = "2" }', "price_band.high: is missing"],
    [
      'lot_step = "0.15"',
      'lot_step = "0.15": must be a multiple of lot_size, 0.1',
    ],
    [
      'tick_table = [{ from = "0.05", step = "0.05" }]',
      'tick_table[0].from = "0.05": must be "0": all prices need a step',
    ],
    [
      'tick_table = [{ from = "0", step = "0.07" }]',
      'tick_table[0].step = "0.07": must be a multiple of tick_size, 0.05',
    ],
    [
      'tick_table = [{ from = "0", step = "0.05" }, { from = "5.01", step = "1" }]',
      'tick_table[1].from = "5.01": must be a multiple of tick_size, 0.05',
    ],
    [
      'tick_table = [{ from = "0", step = "0.05" }, { from = "0", step = "1" }]',
      'tick_table[1].from = "0": must be above that of the one before, 0',
    ],
    [
      "tick_table = []",
      'tick_table = []: must be a list of 1 to 8 such as [{ from = "0", step = "0.01" }]',
    ],
    [
      'tick_table = [{ from = "0", stop = "1" }]',
      "tick_table[0].stop: unknown key; did you mean step?",
    ],
    [
      'state = "opened"',
      'state = "opened": must be one of "open", "pre-open", "opening-auction", "halt", "pause", "volatility-auction", "reopening-auction", "closing-auction", "cancel-only", "closed"',
    ],
    [
      "group = -1",
      "group = -1: must be a whole number from 0 to 2147483647",
    ],
    [
      "volatility_auction_ms = 0.5",
      "volatility_auction_ms = 0.5: must be a whole number from 0 to 86400000",
    ],
  ];
  for (const [text, wanted] of cases) {
    const found = problems(INSTRUMENT + text);
    const line = `instruments[0].${wanted}`;
    assert(found.includes(line), `${text}:\n${found.join("\n")}\n${line}`);
  }
  const nine = Array.from({ length: 9 }, (_, i) => `{from="${i}",step="1"}`);
  assert(
    problems(`${INSTRUMENT}tick_table = [${nine.join(",")}]`)[0]!
      .includes("must be a list of 1 to 8"),
  );
});

Deno.test("loadConfig() takes prices up to the largest int32 of ticks", () => {
  const text = (price: string) =>
    '[[instruments]]\nsymbol = "X"\ntick_size = "0.01"\nlot_size = "1"\n' +
    `reference_price = "${price}"`;
  const [found] = loadConfig(text("21474836.47"), "t").instruments;
  assertEquals(found!.referencePriceTicks, 2147483647);
  assertEquals(problems(text("21474836.48")), [
    'instruments[0].reference_price = "21474836.48": must be at most 2147483647 ticks of 0.01',
  ]);
});

Deno.test("loadConfig() names what is wrong with an account", () => {
  const account = '[[accounts]]\nname = "A"\n';
  const cases: [string, string][] = [
    [
      `${account}quantity = 5\nsoft_quantity = 5`,
      "accounts[0].soft_quantity = 5: must be below quantity, 5: what passes that is refused",
    ],
    [
      `${account}quantity = "5"`,
      'accounts[0].quantity = "5": must be a whole number from 1 to 9007199254740991',
    ],
    [
      `${account}position = 0`,
      "accounts[0].position = 0: must be a whole number from 1 to 9007199254740991",
    ],
    [
      `${account}restricted = ["NONE"]`,
      'accounts[0].restricted[0] = "NONE": there is no such [[instruments]]',
    ],
    [
      `${account}restricted = ["AAPL", "MSFT", "AAPL"]`,
      'accounts[0].restricted[2] = "AAPL": stands in the list already',
    ],
    [
      account + account,
      'accounts[1].name = "A": stands at accounts[0].name already',
    ],
    ["[[accounts]]\ngroup = 1", "accounts[0].name: is missing"],
    [
      '[[binary.sessions]]\nnumber = 1\nkey = "1"\naccount = "B"',
      'binary.sessions[0].account = "B": there is no such [[accounts]]',
    ],
    [
      `${account}group = 3\n[[fix.sessions]]\nsender_comp_id = "C"\npassword = "p"\naccount = "A"\ngroup = 4`,
      'fix.sessions[0].account = "A": belongs to group 3, and the session to 4',
    ],
  ];
  for (const [text, line] of cases) assertEquals(problems(text), [line], text);
});

Deno.test("readInstrument() and readAccount() take what the file takes, and say what was asked", () => {
  assertEquals(
    readInstrument(
      { symbol: "AAPL", tick_size: "0.01", lot_size: "1" },
      "request",
    ),
    defaultConfig().instruments[0],
  );
  const wrong = assertThrows(
    () =>
      readInstrument({
        symbol: "AAPL",
        tick_size: "0.01",
        lot_size: "1",
        price_collar: "0.001",
        lotstep: "1",
      }, "request"),
    ConfigError,
  );
  assertEquals(wrong.problems, [{
    key: "lotstep",
    value: "",
    text: "unknown key; did you mean lot_step?",
  }]);
  assertEquals(readAccount({ name: "A", position: 9 }, "request").limits[3], {
    hard: 9,
    soft: 0,
  });
  const none = assertThrows(
    () => readAccount(undefined, "request"),
    ConfigError,
  );
  assertEquals(
    none.message.split("\n")[0],
    "request: 1 problem in the configuration",
  );
});
