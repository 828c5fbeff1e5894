// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Stories from `docs/matching.md`, worked out by hand: what the oracle, and the
 * engine with it, must say. A command is a line, and so is each event.
 *
 * ```
 * 1 buy 10@100 min=4      session 1, its next reference; terms behind
 * F1 5@100 left 5         order 1 traded 5 at 100, 5 are open
 * ```
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  CommandKind,
  EventKind,
  InstrumentSetting,
  OrdType,
  Reason,
  TermFlag,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import { assertAgrees } from "../exchange/differential.ts";
import type { TestCommand, TestEvent } from "../exchange/support.ts";
import { NaiveExchange } from "./naive_exchange.ts";

const ORD_TYPES: Readonly<Record<string, number>> = OrdType;
const TIMES: Readonly<Record<string, number>> = TimeInForce;
const FLAGS: Readonly<Record<string, number>> = TermFlag;
const STATES: Readonly<Record<string, number>> = TradingState;
const SETTINGS: Readonly<Record<string, number>> = InstrumentSetting;
const STP_MODES = [
  "",
  "NEWEST",
  "OLDEST",
  "BOTH",
  "DECREMENT",
  "DECREMENT_CANCEL",
];
const KINDS: Readonly<Record<string, number>> = {
  cancel: CommandKind.CANCEL_ORDER,
  reduce: CommandKind.REDUCE_ORDER,
  replace: CommandKind.REPLACE_ORDER,
};
const FIELDS: Readonly<Record<string, keyof TestCommand>> = {
  stop: "stopPrice",
  show: "displayQuantity",
  min: "minQuantity",
  offset: "offset",
  link: "linkReference",
  until: "expireTime",
};

/** One word behind a request. */
function term(command: TestCommand, word: string): void {
  const [name, value] = word.split("=") as [string, string | undefined];
  if (name.startsWith("stp:")) {
    const mode = STP_MODES.indexOf(name.slice(4));
    command.termFlags = (command.termFlags ?? 0) | mode << TermFlag.STP_SHIFT;
  } else if (value !== undefined) {
    Object.assign(command, { [FIELDS[name]!]: Number(value) });
  } else if (name in ORD_TYPES) command.ordType = ORD_TYPES[name]!;
  else if (name in TIMES) command.timeInForce = TIMES[name]!;
  else command.termFlags = (command.termFlags ?? 0) | FLAGS[name]!;
}

/** A command out of its line; new orders get references 1, 2, 3. */
function parse(line: string, next: () => number): TestCommand {
  const [first, verb, what, ...words] = line.split(" ") as [
    string,
    string,
    string,
    ...string[],
  ];
  if (first === "state") {
    return { kind: CommandKind.SET_STATE, session: 0, detail: STATES[verb]! };
  }
  if (first === "set") {
    return {
      kind: CommandKind.SET_INSTRUMENT,
      session: 0,
      detail: SETTINGS[verb]!,
      price: Number(what),
      quantity: Number(what),
    };
  }
  if (first === "time") {
    return { kind: CommandKind.TIME, session: 0, time: Number(verb) };
  }
  const [lots, price] = (verb in KINDS ? words.shift() ?? "" : what).split("@");
  const command: TestCommand = {
    kind: KINDS[verb] ?? CommandKind.NEW_ORDER,
    session: Number(first),
    reference: verb in KINDS ? Number(what) : next(),
    ...(verb in KINDS ? {} : { side: verb === "buy" ? 1 : 2, ordType: 2 }),
    quantity: Number(lots),
    price: Number(price ?? 0),
  };
  words.forEach((word) => term(command, word));
  return command;
}

const KIND_LETTERS: Readonly<Record<number, string>> = {
  [EventKind.REPLACED]: "replaced",
  [EventKind.TRIGGERED]: "triggered",
  [EventKind.RESTATED]: "restated",
  [EventKind.PREVENTED]: "prevented",
};
const REASONS = new Map<number, string>(
  Object.entries(Reason).map(([name, value]) => [value, name]),
);

/** An event as a line; what only says that all is well is left out. */
function tell(event: TestEvent): string | undefined {
  const { reference, kind, leaves } = event;
  const reason = REASONS.get(event.reason);
  switch (kind) {
    case EventKind.ACCEPTED:
    case EventKind.STATE_CHANGED:
      return undefined;
    case EventKind.FILLED:
      return `F${reference} ${event.lastQuantity}@${event.lastPrice} left ${leaves}`;
    case EventKind.CANCELED:
    case EventKind.REJECTED:
      return `${kind === EventKind.CANCELED ? "C" : "R"}${reference} ${reason}`;
    case EventKind.CANCEL_REJECTED:
      return `R${reference} ${reason}`;
    case EventKind.UNCROSSED:
    case EventKind.INDICATIVE:
      return `${
        kind === EventKind.UNCROSSED ? "uncrossed" : "indicative"
      } ${event.quantity}@${event.price}`;
    default:
      return `${KIND_LETTERS[kind]}${reference} ${leaves}@${event.price}`;
  }
}

/** Runs a story; each pair is a command and the events that must come of it. */
function story(name: string, lines: readonly (readonly string[])[]): void {
  Deno.test(`NaiveExchange: ${name}`, () => {
    const naive = new NaiveExchange(100);
    const commands: TestCommand[] = [];
    let reference = 0;
    let sequence = 0;
    const send = (command: TestCommand) => {
      commands.push({ time: sequence, ...command });
      return naive.apply(commands.at(-1)!, ++sequence);
    };
    send({ kind: CommandKind.DEFINE_INSTRUMENT, session: 0 });
    for (const [line, ...expected] of lines) {
      const events = send(parse(line!, () => ++reference));
      assertEquals(
        events.flatMap((event) => tell(event) ?? []),
        expected,
        line,
      );
    }
    assertAgrees({}, commands);
  });
}

story("price, then displayed, then time", [
  ["1 sell 5@101"],
  ["1 sell 5@100 HIDDEN"],
  ["1 sell 5@100"],
  ["1 sell 5@100"],
  [
    "2 buy 18@101",
    "F3 5@100 left 0",
    "F5 5@100 left 13",
    "F4 5@100 left 0",
    "F5 5@100 left 8",
    "F2 5@100 left 0",
    "F5 5@100 left 3",
    "F1 3@101 left 2",
    "F5 3@101 left 0",
  ],
]);

story("an iceberg shows slice after slice, each behind the others", [
  ["1 sell 10@100 show=4"],
  ["1 sell 5@100"],
  [
    "2 buy 12@100",
    "F1 4@100 left 6",
    "F3 4@100 left 8",
    "F2 5@100 left 0",
    "F3 5@100 left 3",
    "F1 3@100 left 3",
    "F3 3@100 left 0",
  ],
]);

story("a minimum quantity is met at once, or the order is passed over", [
  ["1 sell 10@100 min=6"],
  ["1 sell 5@101"],
  ["2 buy 5@101", "F2 5@101 left 0", "F3 5@101 left 0"],
  ["2 buy 5@101"],
  // What is left of it asks for 2, and the order that waits has them.
  [
    "2 buy 8@101",
    "F1 8@100 left 2",
    "F5 8@100 left 0",
    "F4 2@101 left 3",
    "F1 2@101 left 0",
  ],
]);

story("all or none waits until all is there", [
  ["1 buy 10@100 ALL_OR_NONE"],
  ["2 sell 6@100"],
  [
    "2 sell 6@100",
    "F2 6@100 left 0",
    "F1 6@100 left 4",
    "F3 4@100 left 2",
    "F1 4@100 left 0",
  ],
]);

story("fill or kill, immediate or cancel", [
  ["1 sell 5@100"],
  ["2 buy 6@100 FOK", "C2 FOK_NOT_FILLABLE"],
  ["2 buy 6@100 IOC min=6", "C3 MIN_QUANTITY_NOT_MET"],
  [
    "2 buy 6@100 IOC min=5",
    "F1 5@100 left 0",
    "F4 5@100 left 1",
    "C4 IOC_REMAINDER",
  ],
]);

story("post-only orders are refused or slide", [
  ["1 sell 5@100"],
  ["2 buy 5@100 POST_ONLY", "R2 POST_ONLY_WOULD_TRADE"],
  ["2 buy 5@103 POST_SLIDE"],
  ["1 sell 5@99", "F3 5@99 left 0", "F4 5@99 left 0"],
]);

story("a stop triggers the next", [
  ["1 sell 1@100"],
  ["2 buy 1@100", "F1 1@100 left 0", "F2 1@100 left 0"],
  ["1 sell 2@101"],
  ["1 sell 2@103"],
  ["3 buy 2@0 STOP stop=101"],
  ["3 buy 1@0 STOP stop=103"],
  [
    "2 buy 1@101",
    "F3 1@101 left 1",
    "F7 1@101 left 0",
    "triggered5 2@0",
    "F3 1@101 left 0",
    "F5 1@101 left 1",
    "F4 1@103 left 1",
    "F5 1@103 left 0",
    "triggered6 1@0",
    "F4 1@103 left 0",
    "F6 1@103 left 0",
  ],
]);

story("a trailing stop follows up and sells on the way down", [
  ["1 sell 1@100"],
  ["2 buy 1@100", "F1 1@100 left 0", "F2 1@100 left 0"],
  ["3 sell 5@0 TRAILING_STOP offset=3"],
  ["1 sell 1@110"],
  ["2 buy 1@110", "F4 1@110 left 0", "F5 1@110 left 0"],
  ["2 buy 9@106"],
  [
    "1 sell 1@106",
    "F6 1@106 left 8",
    "F7 1@106 left 0",
    "triggered3 5@0",
    "F6 5@106 left 3",
    "F3 5@106 left 0",
  ],
]);

story("a midpoint peg follows both sides and meets what is hidden", [
  ["1 buy 1@96"],
  ["1 sell 1@105"],
  ["2 buy 5@0 PEG_MIDPOINT"],
  ["3 sell 2@100", "F3 2@100 left 3", "F4 2@100 left 0"],
  // The middle of 96 and 103 is 99, rounded down for a buy.
  ["1 sell 1@103"],
  ["3 sell 2@99", "F3 2@99 left 1", "F6 2@99 left 0"],
]);

story("one cancels the other", [
  ["1 buy 5@98"],
  ["1 sell 5@103 link=1"],
  ["2 buy 2@103", "F2 2@103 left 3", "F3 2@103 left 0", "C1 LINKED"],
]);

story("self-trade prevention: newest, oldest, both", [
  ["1 sell 5@100"],
  [
    "1 buy 5@100 stp:NEWEST",
    "prevented1 5@100",
    "prevented2 5@100",
    "C2 SELF_TRADE",
  ],
  [
    "1 buy 2@100 stp:OLDEST",
    "prevented1 5@100",
    "prevented3 2@100",
    "C1 SELF_TRADE",
  ],
  [
    "1 sell 5@100 stp:BOTH",
    "prevented3 2@100",
    "prevented4 5@100",
    "C3 SELF_TRADE",
    "C4 SELF_TRADE",
  ],
]);

story("self-trade prevention: decrement, and cancel too", [
  ["1 sell 5@100"],
  ["2 sell 5@100"],
  [
    "1 buy 7@100 stp:DECREMENT",
    "prevented1 0@100",
    "prevented3 2@100",
    "C1 SELF_TRADE",
    "F2 2@100 left 3",
    "F3 2@100 left 0",
  ],
  [
    "2 buy 2@100 stp:DECREMENT_CANCEL",
    "prevented2 1@100",
    "prevented4 0@100",
    "C4 SELF_TRADE",
  ],
]);

story("an auction: largest volume, smallest imbalance, reference price", [
  ["set REFERENCE_PRICE 100"],
  ["state OPENING_AUCTION"],
  ["1 buy 10@103"],
  ["1 buy 5@0 MARKET AT_OPEN"],
  ["2 sell 9@101", "indicative 9@101"],
  ["2 sell 6@102", "indicative 15@102"],
  [
    "state OPEN",
    "uncrossed 15@102",
    "F2 5@102 left 0",
    "F3 5@102 left 4",
    "F1 4@102 left 6",
    "F3 4@102 left 0",
    "F1 6@102 left 0",
    "F4 6@102 left 0",
  ],
]);

story("the market leaves its range: a call, then trading at its price", [
  ["set REFERENCE_PRICE 100"],
  ["set VOLATILITY 2"],
  ["1 sell 5@102"],
  ["1 sell 5@103"],
  [
    "2 buy 8@104",
    "F1 5@102 left 0",
    "F3 5@102 left 3",
    "indicative 3@103",
  ],
  ["state OPEN", "uncrossed 3@103", "F3 3@103 left 0", "F2 3@103 left 2"],
]);

story("good till date ends on sequenced time", [
  ["1 buy 5@100 GTD until=50"],
  ["time 49"],
  ["time 50", "C1 EXPIRED"],
]);

story("a replace keeps its place only if it shrinks", [
  ["1 sell 5@100"],
  ["2 sell 5@100"],
  ["1 replace 1 4@100", "replaced1 4@100"],
  ["3 buy 1@100", "F1 1@100 left 3", "F3 1@100 left 0"],
  ["1 replace 1 6@100", "replaced1 5@100"],
  ["3 buy 1@100", "F2 1@100 left 4", "F4 1@100 left 0"],
  ["1 replace 1 2@100 OPEN_QUANTITY", "replaced1 2@100"],
  ["1 reduce 1 1", "replaced1 1@100"],
  ["1 reduce 1 1", "C1 REDUCED_TO_ZERO"],
]);
