// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange against the oracle: the same commands must give the same events
 * after each command, and the same books in the end.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  ORDER_ID_F64,
  ORDER_LEAVES_F64,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  ORDER_REFERENCE_F64,
} from "../../engine/book/mod.ts";
import { EventKind, Reason } from "../../engine/record/mod.ts";
import { checkBook, checkNotCrossed } from "../book/invariants.ts";
import { NaiveExchange, type NaiveOrder } from "../oracle/naive_exchange.ts";
import { RandomCommands, type StreamShape } from "../oracle/random_commands.ts";
import { TestExchange } from "./support.ts";
import type { TestCommand, TestEvent } from "./support.ts";

interface Run {
  readonly name: string;
  readonly commands: number;
  readonly ordersMax: number;
  readonly slots: number;
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
    commands: 250_000,
    ordersMax: 1000,
    slots: 256,
    shape: { ...SHAPE, seed: 11 },
  },
  {
    name: "five instruments, texts, absurd numbers",
    commands: 300_000,
    ordersMax: 2000,
    slots: 256,
    shape: { ...SHAPE, seed: 22, instruments: 5, absurd: 60, texts: 2 },
  },
  {
    name: "few orders fit, a ring of four slots",
    commands: 150_000,
    ordersMax: 25,
    slots: 4,
    shape: { ...SHAPE, seed: 33, instruments: 2, absurd: 200, texts: 3 },
  },
  {
    name: "prices over all of int32, huge quantities",
    commands: 150_000,
    ordersMax: 1000,
    slots: 256,
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
    commands: 150_000,
    ordersMax: 1000,
    slots: 256,
    shape: { ...SHAPE, seed: 55, mid: 1 << 20, spread: 3, quantityMax: 9 },
  },
];

/** How two lists of events differ; undefined if they do not. */
function difference(
  actual: readonly TestEvent[],
  expected: readonly TestEvent[],
): string | undefined {
  if (actual.length !== expected.length) {
    return `${actual.length} events, expected ${expected.length}`;
  }
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]! as unknown as Record<string, unknown>;
    const e = expected[i]! as unknown as Record<string, unknown>;
    for (const field in e) {
      if (!Object.is(a[field], e[field])) {
        return `event ${i}: ${field} is ${a[field]}, expected ${e[field]}`;
      }
    }
  }
  return undefined;
}

function show(order: NaiveOrder): string {
  return `${order.id} ref ${order.reference}: ${order.leaves}/${order.quantity} @ ${order.price}`;
}

/** Every order in book order, as text. */
function engineOrders(t: TestExchange): string[] {
  const { book } = t.exchange;
  const found: string[] = [];
  checkBook(book, (order) => {
    const at = order >> 1;
    const { f64 } = book;
    found.push(
      `${f64[at + ORDER_ID_F64]} ref ${f64[at + ORDER_REFERENCE_F64]}: ${
        f64[at + ORDER_LEAVES_F64]
      }/${f64[at + ORDER_QUANTITY_F64]} @ ${book.i32[order + ORDER_PRICE]}`,
    );
  });
  return found;
}

function naiveOrders(naive: NaiveExchange): string[] {
  const found: string[] = [];
  for (
    const instrument of [...naive.instruments.keys()].sort((a, b) => a - b)
  ) {
    for (const side of [1, 2]) {
      for (const order of naive.orders(instrument, side)) {
        found.push(
          show(order),
        );
      }
    }
  }
  return found;
}

/** Kind and reason of every event of all runs, with counts. */
const seen = new Map<string, number>();

function note(event: TestEvent): void {
  const key = `${event.kind}/${event.reason}`;
  seen.set(key, (seen.get(key) ?? 0) + 1);
}

function sameAfterEach(run: Run): void {
  const { shape } = run;
  const t = new TestExchange({
    ordersMax: run.ordersMax,
    instrumentsMax: shape.instruments,
    sessionsMax: shape.sessions + 1,
    // A page and a table for each order: levels never run out here.
    pagesMax: run.ordersMax + 1,
    tablesMax: run.ordersMax + 64,
    slots: run.slots,
  });
  const naive = new NaiveExchange(run.ordersMax);
  for (let i = 0; i < shape.instruments; i++) {
    naive.apply({ kind: 10, instrument: i, session: 0 }, i + 1);
  }
  const stream = new RandomCommands(shape);
  const recent: TestCommand[] = [];
  for (let i = 0; i < run.commands; i++) {
    const command = stream.next();
    recent[i % 5] = command;
    const actual = t.send(command);
    const expected = naive.apply(command, t.sequence);
    const wrong = difference(actual, expected);
    if (wrong !== undefined) {
      throw new Error(
        `seed ${shape.seed}, command ${i}: ${wrong}\n${
          JSON.stringify(command)
        }`,
      );
    }
    expected.forEach(note);
    const { exchange } = t;
    if (
      exchange.ordersOpen !== naive.ordersOpen ||
      exchange.book.ordersAllocated !== naive.ordersOpen
    ) throw new Error(`seed ${shape.seed}, command ${i}: orders differ`);
    for (let k = 0; k < shape.instruments; k++) {
      checkNotCrossed(exchange.book, k);
    }
    if (i % 2500 === 0) {
      assertEquals(
        engineOrders(t),
        naiveOrders(naive),
        `seed ${shape.seed}, command ${i}`,
      );
    }
  }
  assertEquals(engineOrders(t), naiveOrders(naive), `seed ${shape.seed}: end`);
  assertEquals(t.exchange.trades, naive.trades);
  for (let s = 1; s <= shape.sessions; s++) {
    assertEquals(t.exchange.outSequence(s), naive.session(s).outSequence);
    assertEquals(t.exchange.inSequence(s), naive.session(s).inSequence);
  }
}

/** What the runs together must have met, so that none of it passes untested. */
const MUST_SEE: readonly (readonly [number, readonly number[]])[] = [
  [EventKind.ACCEPTED, [Reason.NONE]],
  [EventKind.FILLED, [Reason.NONE]],
  [EventKind.REPLACED, [Reason.NONE]],
  [EventKind.STATUS, [Reason.NONE, Reason.UNKNOWN_ORDER]],
  [EventKind.LOGGED_ON, [Reason.NONE]],
  [EventKind.SESSION_MESSAGE, [Reason.NONE]],
  [EventKind.CANCELED, [
    Reason.NO_LIQUIDITY,
    Reason.IOC_REMAINDER,
    Reason.FOK_NOT_FILLABLE,
    Reason.CANCELED_BY_CLIENT,
  ]],
  [EventKind.REJECTED, [
    Reason.UNKNOWN_INSTRUMENT,
    Reason.INVALID_SIDE,
    Reason.INVALID_ORD_TYPE,
    Reason.INVALID_TIME_IN_FORCE,
    Reason.INVALID_PRICE,
    Reason.INVALID_QUANTITY,
    Reason.QUANTITY_OFF_LOT,
    Reason.QUANTITY_TOO_LARGE,
    Reason.DUPLICATE_ORDER,
    Reason.MAX_QUANTITY,
    Reason.MAX_NOTIONAL,
    Reason.PRICE_OUT_OF_RANGE,
    Reason.ORDER_CAPACITY,
  ]],
  [EventKind.CANCEL_REJECTED, [
    Reason.UNKNOWN_ORDER,
    Reason.INSTRUMENT_MISMATCH,
    Reason.SIDE_MISMATCH,
    Reason.QUANTITY_BELOW_FILLED,
    Reason.DUPLICATE_ORDER,
    Reason.INVALID_PRICE,
    Reason.INVALID_QUANTITY,
    Reason.QUANTITY_OFF_LOT,
    Reason.QUANTITY_TOO_LARGE,
    Reason.MAX_QUANTITY,
    Reason.MAX_NOTIONAL,
  ]],
];

for (const run of RUNS) {
  Deno.test(`Exchange.apply() does what the oracle says: ${run.name}, ${run.commands} commands, seed ${run.shape.seed}`, () => {
    sameAfterEach(run);
  });
}

Deno.test("the oracle's runs meet every kind of event and every reason", () => {
  if (seen.size === 0) { for (const run of RUNS) sameAfterEach(run); }
  for (const [kind, reasons] of MUST_SEE) {
    for (const reason of reasons) {
      const count = seen.get(`${kind}/${reason}`) ?? 0;
      assert(
        count >= 10,
        `event ${kind}, reason ${reason}: seen ${count} times`,
      );
    }
  }
});
