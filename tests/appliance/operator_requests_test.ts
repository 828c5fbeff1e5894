// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What an operator asks, as commands: each request, each way to ask wrongly.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { RequestError } from "../../engine/appliance/operator_context.ts";
import {
  commandsOf,
  REQUEST_NAMES,
} from "../../engine/appliance/operator_requests.ts";
import { requestOf } from "../../engine/appliance/control.ts";
import { ConfigError } from "../../engine/config/mod.ts";
import {
  AccountLimit,
  CMD_FLAG_OPERATOR,
  CommandKind,
  InstrumentSetting,
  MassScope,
  Side,
  TradingState,
} from "../../engine/record/mod.ts";
import { ExchangeRig } from "./exchange_rig.ts";

const TOML = `
[[accounts]]
name = "DESK"
group = 3
quantity = 10
soft_quantity = 8
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "1"
max_notional = "70"
volatility_range = "2"
volatility_auction_ms = 1500
[[instruments]]
symbol = "B"
tick_size = "0.5"
lot_size = "0.1"
group = 4
[[fix.sessions]]
sender_comp_id = "ONE"
password = "p"
[[fix.sessions]]
sender_comp_id = "7"
password = "p"
[[binary.sessions]]
number = 7
key = "1"
`;
const flags = CMD_FLAG_OPERATOR;
const { context } = new ExchangeRig({ toml: TOML }).start();

/** Problems of a request, as "key: text". */
function problems(request: unknown): string[] {
  const error = assertThrows(() => commandsOf(request, context), ConfigError);
  return (error as ConfigError).problems.map(({ key, text }) =>
    `${key}: ${text}`
  );
}

function conflict(request: unknown): string {
  const error = assertThrows(
    () => commandsOf(request, context),
    RequestError,
  ) as RequestError;
  return `${error.status} ${error.message}`;
}

Deno.test("commandsOf() sets states of an instrument, a group, and all", () => {
  const kind = CommandKind.SET_STATE;
  const cases: [unknown, object][] = [
    [
      { command: "state", instrument: "B", state: "halt" },
      { instrument: 1, reason: 0, detail: TradingState.HALT, quantity: 0 },
    ],
    [
      {
        command: "state",
        group: 4,
        state: "pause",
        duration_ms: 1500,
        then: "reopening-auction",
      },
      {
        instrument: 0xffff,
        reason: 4,
        detail: TradingState.PAUSE,
        quantity: 1.5e9,
        reference: TradingState.REOPENING_AUCTION,
      },
    ],
    [
      { command: "state", all: true, state: "closed", duration_ms: 1 },
      {
        instrument: 0xffff,
        reason: 0,
        detail: TradingState.CLOSED,
        quantity: 1e6,
      },
    ],
    [
      { command: "uncross", instrument: "A" },
      { instrument: 0, reason: 0, detail: TradingState.OPEN, quantity: 0 },
    ],
  ];
  for (const [request, command] of cases) {
    assertEquals(
      commandsOf(request, context),
      [{ kind, flags, reference: TradingState.OPEN, ...command }] as unknown[],
    );
  }
});

Deno.test("commandsOf() refuses states of nothing, of two things, and for no time", () => {
  const state = { command: "state", state: "halt" };
  assertEquals(problems(state), [
    "instrument: exactly one of instrument, group, all must be given, not 0",
  ]);
  assertEquals(problems({ ...state, instrument: "A", all: true }), [
    "instrument: exactly one of instrument, group, all must be given, not 2",
  ]);
  assertEquals(problems({ ...state, group: 0 }), [
    "group: must be above 0; all instruments are all: true",
  ]);
  assertEquals(problems({ ...state, all: false }), [
    "all: must be true, or left out",
  ]);
  assertEquals(problems({ ...state, instrument: "A", then: "open" }), [
    "then: needs duration_ms",
  ]);
  assertEquals(problems({ ...state, instrument: "A", duration_ms: 0 }), [
    "duration_ms: must be a whole number from 1 to 604800000",
  ]);
  assertEquals(problems({ command: "state", instrument: "A", stat: "halt" }), [
    "state: is missing",
    "stat: unknown key; did you mean state?",
  ]);
  assertEquals(
    conflict({ ...state, instrument: "C" }),
    "404 There is no instrument C",
  );
  assertEquals(
    conflict({ ...state, group: 5 }),
    "404 There is no instrument in group 5",
  );
});

Deno.test("commandsOf() blocks and unlocks sessions and accounts by name", () => {
  const kill = (request: object) => commandsOf(request, context)[0]!;
  assertEquals(kill({ command: "kill", session: "ONE" }), {
    kind: CommandKind.KILL,
    flags,
    detail: MassScope.SESSION,
    reason: 1,
  });
  assertEquals(kill({ command: "kill", session: "binary:7" }).reason, 3);
  assertEquals(kill({ command: "kill", session: "fix:7" }).reason, 2);
  assertEquals(kill({ command: "unlock", account: "DESK" }), {
    kind: CommandKind.KILL,
    flags,
    detail: MassScope.ACCOUNT | MassScope.UNLOCK,
    reason: 1,
  });
  assertEquals(
    conflict({ command: "kill", session: "7" }),
    "409 There is more than one session 7: say fix:7 or binary:7",
  );
  assertEquals(
    conflict({ command: "kill", session: "TWO" }),
    "404 There is no session TWO",
  );
  assertEquals(
    conflict({ command: "kill", account: "TWO" }),
    "404 There is no account TWO",
  );
  assertEquals(problems({ command: "kill" }), [
    "session: exactly one of session, account must be given, not 0",
  ]);
});

Deno.test("commandsOf() cancels by scope, instrument, side and price", () => {
  const cancel = (request: object) =>
    commandsOf({ command: "cancel", ...request }, context)[0];
  const plain = {
    kind: CommandKind.MASS_CANCEL,
    flags,
    instrument: 0xffff,
    side: 0,
    price: 0,
    quantity: 0,
  };
  assertEquals(cancel({ all: true }), {
    ...plain,
    detail: MassScope.ALL,
    reason: 0,
  });
  assertEquals(
    cancel({
      account: "DESK",
      instrument: "B",
      side: "sell",
      from: "2.5",
      to: "4",
    }),
    {
      ...plain,
      detail: MassScope.ACCOUNT | MassScope.PRICE_RANGE,
      reason: 1,
      instrument: 1,
      side: Side.SELL,
      price: 5,
      quantity: 8,
    },
  );
  const open = cancel({ session: "ONE", instrument: "A", from: "0.02" });
  assertEquals([open!.price, open!.quantity], [2, 2147483647]);
  const below = cancel({ session: "ONE", instrument: "A", to: "0.02" });
  assertEquals([below!.price, below!.quantity], [0, 2]);
  assertEquals(problems({ command: "cancel", all: true, from: "1" }), [
    "from: needs an instrument: prices count in its ticks",
  ]);
  assertEquals(
    problems({ command: "cancel", all: true, instrument: "B", from: "0.3" }),
    [
      "from: must be a multiple of the tick size, 0.5, that is not too large",
    ],
  );
  assertEquals(
    problems({
      command: "cancel",
      all: true,
      instrument: "B",
      from: "2",
      to: "1",
    }),
    ["from: must be at most to, 1"],
  );
  assertEquals(problems({ command: "cancel", instrument: "A" }), [
    "session: exactly one of session, account, all must be given, not 0",
  ]);
});

Deno.test("commandsOf() sets what is given of an instrument, and keeps the other half of a pair", () => {
  const set = (request: object) =>
    commandsOf(
      { command: "set-instrument", instrument: "A", ...request },
      context,
    );
  assertEquals(set({ max_quantity: "5" }), [{
    kind: CommandKind.DEFINE_LIMITS,
    flags,
    instrument: 0,
    quantity: 5,
    reference: 7000,
  }]);
  assertEquals(set({ max_notional: null })[0]!.reference, 2 ** 53 - 1);
  const volatility = {
    kind: CommandKind.SET_INSTRUMENT,
    flags,
    instrument: 0,
    detail: InstrumentSetting.VOLATILITY,
    price: undefined,
    quantity: 300,
    reference: 1.5e9,
  };
  const [found] = set({ volatility_range: "3" });
  assertEquals({ price: undefined, ...found }, volatility);
  assertEquals(set({ volatility_auction_ms: 0 })[0]!.quantity, 200);
  assertEquals(set({ volatility_range: null })[0]!.reference, 0);
  assertEquals(set({ reference_price: "9" }), [{
    kind: CommandKind.SET_INSTRUMENT,
    flags,
    instrument: 0,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price: 900,
  }]);
  assertEquals(
    set({ tick_table: [{ from: "0", step: "0.02" }], price_band: null }).map(
      ({ kind, detail, reason = 0, quantity = 0 }) => [
        kind,
        detail,
        reason,
        quantity,
      ],
    ),
    [
      [CommandKind.SET_TICKS, 0, 0, 0],
      [CommandKind.SET_TICKS, 0, 2, 0],
      [CommandKind.SET_INSTRUMENT, InstrumentSetting.PRICE_BAND, 0, 0],
    ],
  );
});

Deno.test("commandsOf() refuses what an instrument can not have", () => {
  const wrong = (request: object) =>
    problems({ command: "set-instrument", instrument: "A", ...request });
  assertEquals(wrong({}), [": at least one setting must be given"]);
  assertEquals(wrong({ price_collar: "0.001" }), [
    "price_collar: must be a multiple of tick_size, 0.01",
  ]);
  assertEquals(wrong({ tick_size: "1" }), [
    "tick_size: can not be set for an instrument that is there",
  ]);
  assertEquals(wrong({ price_colar: "1" }), [
    "price_colar: unknown key; did you mean price_collar?",
  ]);
  assertEquals(problems({ command: "set-instrument" }), [
    "instrument: is missing",
  ]);
  assertEquals(
    conflict({ command: "set-instrument", instrument: "Z", group: 1 }),
    "404 There is no instrument Z",
  );
});

Deno.test("commandsOf() sets what is given of an account", () => {
  const set = (request: object) =>
    commandsOf(
      { command: "set-account", account: "DESK", ...request },
      context,
    );
  assertEquals(set({ quantity: 20 }), [{
    kind: CommandKind.SET_ACCOUNT_LIMIT,
    flags,
    reason: 1,
    detail: AccountLimit.QUANTITY,
    quantity: 20,
    reference: 8,
  }]);
  assertEquals(set({ quantity: null, soft_quantity: null })[0]!.quantity, 0);
  assertEquals(set({ group: 5 }), [{
    kind: CommandKind.DEFINE_ACCOUNT,
    flags,
    reason: 1,
    price: 5,
    text: "DESK",
  }]);
  assertEquals(
    set({ restrict: ["*", "A"], allow: ["B"] }).map((command) => [
      command.kind,
      command.instrument,
      command.detail,
    ]),
    [
      [CommandKind.SET_RESTRICTION, 0xffff, 1],
      [CommandKind.SET_RESTRICTION, 0, 1],
      [CommandKind.SET_RESTRICTION, 1, 0],
    ],
  );
  const wrong = (request: object) =>
    problems({ command: "set-account", account: "DESK", ...request });
  assertEquals(wrong({}), [": at least one setting must be given"]);
  assertEquals(wrong({ soft_quantity: 10 }), [
    "soft_quantity: must be below quantity, 10: what passes that is refused",
  ]);
  assertEquals(wrong({ restricted: ["A"] }), [
    "restricted: can not be set; restrict and allow take symbols",
  ]);
  assertEquals(wrong({ restrict: "A" }), [
    'restrict: must be a list such as ["AAPL"]',
  ]);
});

Deno.test("commandsOf() defines instruments and accounts, once and while there is room", () => {
  const instrument = {
    command: "define-instrument",
    symbol: "C",
    tick_size: "0.01",
    lot_size: "1",
  };
  assertEquals(commandsOf(instrument, context), [{
    kind: CommandKind.DEFINE_INSTRUMENT,
    flags,
    instrument: 2,
    quantity: 1_000_000,
    reference: 100_000_000,
    text: "C",
  }]);
  assertEquals(
    commandsOf(
      { ...instrument, state: "halt", group: 2, reference_price: "3" },
      context,
    ).map(({ kind, detail = 0 }) => [kind, detail]),
    [
      [CommandKind.DEFINE_INSTRUMENT, 0],
      [CommandKind.SET_STATE, TradingState.HALT],
      [CommandKind.SET_INSTRUMENT, InstrumentSetting.GROUP],
      [CommandKind.SET_INSTRUMENT, InstrumentSetting.REFERENCE_PRICE],
    ],
  );
  assertEquals(
    conflict({ ...instrument, symbol: "A" }),
    "409 Instrument A is there already",
  );
  const full = { ...context, instruments: 2, accounts: 1 };
  assertThrows(
    () => commandsOf(instrument, full),
    RequestError,
    "There is room for 2 instruments",
  );
  const account = { command: "define-account", name: "X", position: 4 };
  assertEquals(
    commandsOf({ ...account, restricted: ["A"] }, context).map((command) => [
      command.kind,
      command.reason,
      command.text ?? command.quantity ?? command.instrument,
    ]),
    [
      [CommandKind.DEFINE_ACCOUNT, 2, "X"],
      [CommandKind.SET_ACCOUNT_LIMIT, 2, 4],
      [CommandKind.SET_RESTRICTION, 2, 0],
    ],
  );
  assertThrows(
    () => commandsOf(account, full),
    RequestError,
    "There is room for 1 accounts",
  );
  assertEquals(
    conflict({ ...account, name: "DESK" }),
    "409 Account DESK is there already",
  );
});

Deno.test("commandsOf() refuses what is no request", () => {
  const names = REQUEST_NAMES.map((name) => `"${name}"`).join(", ");
  for (const command of ["halt", "__proto__", "toString", 5, null]) {
    assertEquals(problems({ command }), [`command: must be one of ${names}`]);
  }
  for (const request of [null, 5, "state", [], undefined]) {
    assertEquals(problems(request), [
      ': must be an object such as {"command": "state"}',
    ]);
  }
});

Deno.test("requestOf() makes JSON of words", () => {
  assertEquals(
    requestOf([
      "set-account",
      "account=DESK",
      "quantity=5",
      "soft_quantity=null",
      "restrict=A,B",
      'allow=["C"]',
    ]),
    {
      command: "set-account",
      account: "DESK",
      quantity: 5,
      soft_quantity: null,
      restrict: ["A", "B"],
      allow: ["C"],
    },
  );
  assertEquals(
    requestOf([
      "define-instrument",
      "symbol=5",
      "tick_size=0.01",
      "max_quantity=7",
      "volatility_auction_ms=9",
      'price_band={"low":"1","high":"2"}',
    ]),
    {
      command: "define-instrument",
      symbol: "5",
      tick_size: "0.01",
      max_quantity: "7",
      volatility_auction_ms: 9,
      price_band: { low: "1", high: "2" },
    },
  );
  assertEquals(requestOf(["cancel", "all=true"]), {
    command: "cancel",
    all: true,
  });
  assertThrows(() => requestOf(["state", "A"]), Error, "A is not of the form");
  assertThrows(() => requestOf(["a", "b={"]), Error, "b is not JSON");
});
