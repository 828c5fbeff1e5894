// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange against the oracle, a million commands: the same commands must
 * give the same events after each of them, and the same state. What differs is
 * printed as a small test to paste into `found_test.ts`.
 *
 * @module
 */
import { assert } from "@std/assert";
import { CommandKind, EventKind, Reason } from "../../engine/record/mod.ts";
import { checkBook, checkNotCrossed } from "../book/invariants.ts";
import { RandomCommands, type StreamShape } from "../oracle/random_commands.ts";
import { SHAPES } from "../oracle/shapes.ts";
import { failSmall, Pair, type Setup } from "./differential.ts";
import { assertStreamAgrees } from "./streams.ts";
import type { TestCommand, TestEvent } from "./support.ts";

/** Streams of each kind, and commands of each stream. */
const STREAMS = 20;
const COMMANDS = 3000;

/** Kind and reason of every event of all runs, with counts. */
const seen = new Map<string, number>();

function note(command: TestCommand, events: readonly TestEvent[]): void {
  // A gateway's refusal has whatever reason it brings.
  if (command.kind === CommandKind.REFUSED) return;
  for (const event of events) {
    const key = `${event.kind}/${event.reason}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
}

SHAPES.forEach((shape, k) => {
  const first = 1000 * (k + 1);
  Deno.test(`Exchange.apply() does what the oracle says: ${shape.name}, ${STREAMS} streams of ${COMMANDS} commands, seeds ${first} and up`, () => {
    for (let i = 0; i < STREAMS; i++) {
      assertStreamAgrees(shape, first + i, COMMANDS, note);
    }
  });
});

/** One long run of plain orders. */
interface Run {
  readonly name: string;
  readonly commands: number;
  readonly setup: Setup;
  readonly shape: StreamShape;
}

const SHAPE: StreamShape = {
  seed: 1,
  instruments: 1,
  sessions: 4,
  references: 200,
  spread: 20,
  mid: 10000,
  quantityMax: 100,
  absurd: 0,
  texts: 0,
};

const RUNS: readonly Run[] = [
  {
    name: "one instrument, deep book",
    commands: 50_000,
    setup: { ordersMax: 1000 },
    shape: { ...SHAPE, seed: 11 },
  },
  {
    name: "five instruments, texts, absurd numbers",
    commands: 60_000,
    setup: { ordersMax: 2000 },
    shape: { ...SHAPE, seed: 22, instruments: 5, absurd: 60, texts: 2 },
  },
  {
    name: "few orders fit, a ring of four slots",
    commands: 40_000,
    setup: { ordersMax: 25, slots: 4 },
    shape: { ...SHAPE, seed: 33, instruments: 2, absurd: 200, texts: 3 },
  },
  {
    name: "prices over all of int32, huge quantities",
    commands: 40_000,
    setup: { ordersMax: 1000 },
    shape: {
      ...SHAPE,
      seed: 44,
      instruments: 2,
      mid: 2 ** 30,
      spread: 2 ** 30 - 1,
      quantityMax: 2 ** 31,
      absurd: 12,
    },
  },
  {
    name: "narrow book around a page's border, many fills",
    commands: 50_000,
    setup: { ordersMax: 1000 },
    shape: { ...SHAPE, seed: 55, mid: 1 << 20, spread: 3, quantityMax: 9 },
  },
];

function assertLongRun({ name, commands, setup, shape }: Run): void {
  const pair = new Pair({
    ...setup,
    instrumentsMax: shape.instruments,
    sessionsMax: shape.sessions + 1,
  });
  const { book } = pair.engine.exchange;
  const stream = new RandomCommands(shape);
  const sent: TestCommand[] = [];
  for (let i = 0; i < commands; i++) {
    const command = i < shape.instruments
      ? { kind: CommandKind.DEFINE_INSTRUMENT, session: 0, instrument: i }
      : stream.next();
    sent.push(command);
    const compares = i % 2500 === 0 || i === commands - 1;
    const what = pair.step(command) ??
      (compares ? pair.compareState() : undefined);
    if (what !== undefined) failSmall(name, setup, sent);
    note(command, pair.events);
    if (i < shape.instruments) continue;
    for (let k = 0; k < shape.instruments; k++) checkNotCrossed(book, k);
    // Where nothing is absurd all orders are displayed.
    if (compares && shape.absurd === 0) checkBook(book, () => {});
  }
}

for (const run of RUNS) {
  Deno.test(`Exchange.apply() does what the oracle says: ${run.name}, ${run.commands} commands, seed ${run.shape.seed}`, () => {
    assertLongRun(run);
  });
}

/** What the runs together must have met, so that none of it passes untested. */
const MUST_SEE:
  readonly (readonly [number, readonly (keyof typeof Reason)[]])[] = [
    [EventKind.ACCEPTED, ["NONE"]],
    [EventKind.FILLED, ["NONE"]],
    [EventKind.REPLACED, ["NONE"]],
    [EventKind.RESTATED, ["NONE"]],
    [EventKind.TRIGGERED, ["NONE"]],
    [EventKind.PREVENTED, ["SELF_TRADE"]],
    [EventKind.STATUS, ["NONE", "UNKNOWN_ORDER"]],
    [EventKind.LOGGED_ON, ["NONE"]],
    [EventKind.SESSION_MESSAGE, ["NONE"]],
    [EventKind.STATE_CHANGED, ["NONE"]],
    [EventKind.INDICATIVE, ["NONE"]],
    [EventKind.UNCROSSED, ["NONE"]],
    [EventKind.MASS_CANCELED, ["NONE", "NOT_AUTHORIZED"]],
    [EventKind.KILLED, ["NONE", "NOT_AUTHORIZED"]],
    [EventKind.UNLOCKED, ["NONE", "NOT_AUTHORIZED"]],
    [EventKind.WARNING, [
      "ACCOUNT_MAX_QUANTITY",
      "ACCOUNT_MAX_NOTIONAL",
      "MAX_OPEN_ORDERS",
      "MAX_POSITION",
    ]],
    [EventKind.CANCELED, [
      "NO_LIQUIDITY",
      "IOC_REMAINDER",
      "FOK_NOT_FILLABLE",
      "CANCELED_BY_CLIENT",
      "MIN_QUANTITY_NOT_MET",
      "SELF_TRADE",
      "MARKET_COLLAR",
      "EXPIRED",
      "LINKED",
      "MASS_CANCEL",
      "KILL_SWITCH",
      "AUCTION_ENDED",
      "VOLATILITY",
      "REDUCED_TO_ZERO",
    ]],
    [EventKind.REJECTED, [
      "UNKNOWN_INSTRUMENT",
      "INVALID_SIDE",
      "INVALID_ORD_TYPE",
      "INVALID_TIME_IN_FORCE",
      "INVALID_PRICE",
      "PRICE_OFF_TICK",
      "INVALID_QUANTITY",
      "QUANTITY_OFF_LOT",
      "QUANTITY_TOO_LARGE",
      "DUPLICATE_ORDER",
      "INVALID_STOP_PRICE",
      "INVALID_DISPLAY_QUANTITY",
      "INVALID_MIN_QUANTITY",
      "INVALID_EXPIRE_TIME",
      "INVALID_OFFSET",
      "INVALID_COMBINATION",
      "UNKNOWN_ACCOUNT",
      "UNKNOWN_LINK",
      "NOT_AUTHORIZED",
      "MAX_QUANTITY",
      "MAX_NOTIONAL",
      "PRICE_OUT_OF_RANGE",
      "MAX_OPEN_ORDERS",
      "MAX_POSITION",
      "PRICE_COLLAR",
      "MESSAGE_RATE",
      "RESTRICTED",
      "BLOCKED",
      "PRICE_BAND",
      "ACCOUNT_MAX_QUANTITY",
      "ACCOUNT_MAX_NOTIONAL",
      "POST_ONLY_WOULD_TRADE",
      "ORDER_CAPACITY",
      "SPECIAL_CAPACITY",
      "STATE_FORBIDS",
      "JOURNAL_FULL",
      "JOURNAL_SLOW",
    ]],
    [EventKind.CANCEL_REJECTED, [
      "UNKNOWN_ORDER",
      "INSTRUMENT_MISMATCH",
      "SIDE_MISMATCH",
      "QUANTITY_BELOW_FILLED",
      "DUPLICATE_ORDER",
      "INVALID_PRICE",
      "INVALID_QUANTITY",
      "QUANTITY_OFF_LOT",
      "QUANTITY_TOO_LARGE",
      "INVALID_STOP_PRICE",
      "INVALID_COMBINATION",
      "PRICE_OFF_TICK",
      "STATE_FORBIDS",
      "JOURNAL_FULL",
      "JOURNAL_SLOW",
      "MAX_QUANTITY",
      "MAX_NOTIONAL",
      "PRICE_BAND",
      "PRICE_COLLAR",
      "ACCOUNT_MAX_QUANTITY",
      "ACCOUNT_MAX_NOTIONAL",
      "MAX_POSITION",
      "MESSAGE_RATE",
      "POST_ONLY_WOULD_TRADE",
    ]],
  ];

Deno.test("the oracle's runs meet every kind of event and every reason", () => {
  if (seen.size === 0) {
    SHAPES.forEach((shape, k) => {
      for (let i = 0; i < STREAMS; i++) {
        assertStreamAgrees(shape, 1000 * (k + 1) + i, COMMANDS, note);
      }
    });
    RUNS.forEach(assertLongRun);
  }
  for (const [kind, reasons] of MUST_SEE) {
    for (const name of reasons) {
      const count = seen.get(`${kind}/${Reason[name]}`) ?? 0;
      assert(count >= 10, `event ${kind}, reason ${name}: seen ${count} times`);
    }
  }
});
