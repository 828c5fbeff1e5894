// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals, assertThrows } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  CommandKind,
  EVENT_SLOT_BYTES,
  EventKind,
  Reason,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { RandomCommands } from "../oracle/random_commands.ts";
import {
  CommandBuffer,
  readEvent,
  type TestCommand,
  type TestEvent,
  TestExchange,
} from "./support.ts";

const BUY: TestCommand = {
  kind: CommandKind.NEW_ORDER,
  side: 1,
  ordType: 2,
  timeInForce: 1,
  price: 100,
  quantity: 10,
  reference: 1,
};
const SELL: TestCommand = { ...BUY, side: 2 };

function only(events: TestEvent[]): TestEvent {
  assertEquals(events.length, 1);
  return events[0]!;
}

Deno.test("Exchange numbers the events of each session on its own", () => {
  const t = new TestExchange();
  t.send({ ...BUY, session: 1 });
  const events = t.send({ ...SELL, session: 2, quantity: 4, inSequence: 9 });
  assertEquals(
    events.map((
      e,
    ) => [e.kind, e.session, e.outSequence, e.index, e.inSequence]),
    [[1, 2, 1, 0, 9], [3, 1, 2, 1, 0], [3, 2, 2, 2, 9]],
  );
  assertEquals([t.exchange.outSequence(1), t.exchange.outSequence(2)], [2, 2]);
  assertEquals([t.exchange.inSequence(1), t.exchange.inSequence(2)], [0, 9]);
  assertEquals([t.exchange.ordersOf(1), t.exchange.ordersOf(2)], [1, 0]);
  assertEquals([t.exchange.trades, t.exchange.ordersOpen], [1, 1]);
});

Deno.test("Exchange keeps client order ids and brings them back", () => {
  const t = new TestExchange();
  const text = "ABCDEFGHIJKLMNOPQRST";
  assertEquals(only(t.send({ ...BUY, clOrdId: text })).clOrdId, text);
  const fill = t.send({ ...SELL, session: 2, quantity: 1 });
  assertEquals(fill.map((e) => e.clOrdId), ["", text, ""]);
  assertEquals(fill.map((e) => e.flags), [0, 1, 0]);
  const replaced = only(t.send({
    kind: CommandKind.REPLACE_ORDER,
    instrument: 0xffff,
    reference: 1,
    newReference: 2,
    price: 101,
    quantity: 9,
    clOrdId: "NEW",
    origClOrdId: text,
  }));
  assertEquals(
    [replaced.clOrdId, replaced.origClOrdId, replaced.reference],
    ["NEW", text, 2],
  );
  const status = only(t.send({
    kind: CommandKind.ORDER_STATUS,
    reference: 2,
    detail: 1,
    clOrdId: "ASK",
  }));
  assertEquals(
    [status.kind, status.detail, status.clOrdId, status.leaves, status.cum],
    [EventKind.STATUS, 1, "NEW", 8, 1],
  );
  const canceled = only(t.send({
    kind: CommandKind.CANCEL_ORDER,
    reference: 2,
    clOrdId: "CXL",
    origClOrdId: "NEW",
  }));
  assertEquals(
    [canceled.clOrdId, canceled.origClOrdId, canceled.leaves, canceled.reason],
    ["CXL", "NEW", 0, Reason.CANCELED_BY_CLIENT],
  );
});

Deno.test("Exchange answers a cancel without texts with the order's own", () => {
  const t = new TestExchange();
  t.send({ ...BUY, clOrdId: "A" });
  const canceled = only(t.send({
    kind: CommandKind.CANCEL_ORDER,
    reference: 1,
  }));
  assertEquals([canceled.clOrdId, canceled.origClOrdId], ["A", ""]);
});

Deno.test("Exchange refuses a cancel that means another instrument or side", () => {
  const t = new TestExchange();
  t.send(BUY);
  const cancel = { kind: CommandKind.CANCEL_ORDER, reference: 1 };
  const wrong = only(t.send({ ...cancel, instrument: 1 }));
  assertEquals(
    [wrong.kind, wrong.detail, wrong.reason, wrong.orderId, wrong.leaves],
    [EventKind.CANCEL_REJECTED, 2, Reason.INSTRUMENT_MISMATCH, 5, 10],
  );
  const side = only(t.send({ ...cancel, instrument: 0xffff, side: 2 }));
  assertEquals(side.reason, Reason.SIDE_MISMATCH);
  assertEquals(only(t.send({ ...cancel, side: 1 })).kind, EventKind.CANCELED);
  assertEquals(t.exchange.refusals[Reason.SIDE_MISMATCH], 1);
});

Deno.test("Exchange.apply() echoes what a gateway refused, with its number", () => {
  const t = new TestExchange();
  const refused = only(t.send({
    ...BUY,
    kind: CommandKind.REFUSED,
    detail: 1,
    reason: Reason.PRICE_OFF_TICK,
    clOrdId: "BAD",
  }));
  assertEquals(
    [refused.kind, refused.detail, refused.reason, refused.quantity],
    [EventKind.REJECTED, 1, Reason.PRICE_OFF_TICK, 10],
  );
  assertEquals([refused.clOrdId, refused.outSequence], ["BAD", 1]);
  assertEquals(t.exchange.ordersOpen, 0);
});

Deno.test("Exchange.apply() calls an order unknown that ended before a gateway refused its replace", () => {
  const t = new TestExchange();
  const late = {
    ...BUY,
    kind: CommandKind.REFUSED,
    detail: 3,
    reason: Reason.SHUTTING_DOWN,
  };
  const order = only(t.send({ ...BUY, reference: 5 }));
  const there = only(t.send({ ...late, reference: 5 }));
  assertEquals([there.kind, there.reason], [
    EventKind.CANCEL_REJECTED,
    Reason.SHUTTING_DOWN,
  ]);
  assertEquals(there.orderId, order.orderId);
  const gone = only(t.send({ ...late, reference: 6 }));
  assertEquals([gone.kind, gone.reason], [
    EventKind.CANCEL_REJECTED,
    Reason.UNKNOWN_ORDER,
  ]);
  // What is wrong with the request itself stays the answer.
  const off = { ...late, reference: 6, reason: Reason.PRICE_OFF_TICK };
  assertEquals(only(t.send(off)).reason, Reason.PRICE_OFF_TICK);
});

Deno.test("Exchange starts a session's numbers again on request only", () => {
  const t = new TestExchange();
  t.send(BUY);
  const logon = { kind: CommandKind.SESSION_LOGON, inSequence: 5 };
  const kept = only(t.send(logon));
  assertEquals([kept.kind, kept.outSequence], [EventKind.LOGGED_ON, 1]);
  const message = only(t.send({
    kind: CommandKind.SESSION_MESSAGE,
    detail: 0x41,
    text: "hello",
    price: 30,
    inSequence: 6,
  }));
  assertEquals(
    [message.outSequence, message.detail, message.text, message.price],
    [2, 0x41, "hello", 30],
  );
  const reset = only(t.send({ ...logon, detail: 1, inSequence: 1 }));
  assertEquals([reset.outSequence, reset.detail], [0, 1]);
  assertEquals(t.exchange.inSequence(1), 1);
  assertEquals(t.send({ kind: CommandKind.SESSION_LOGOUT }), []);
});

Deno.test("Exchange takes limits from commands only, and they hold in a replay", () => {
  const t = new TestExchange();
  const before = t.exchange.stateHash();
  t.send({ kind: CommandKind.DEFINE_LIMITS, quantity: 9, reference: 0 });
  assert(before !== t.exchange.stateHash());
  assertEquals(only(t.send(BUY)).reason, Reason.MAX_QUANTITY);
  t.send({ kind: CommandKind.DEFINE_LIMITS, quantity: 0, reference: 999 });
  assertEquals(only(t.send(BUY)).reason, Reason.MAX_NOTIONAL);
  t.send({ kind: CommandKind.DEFINE_LIMITS, quantity: 0, reference: 1000 });
  assertEquals(only(t.send(BUY)).kind, EventKind.ACCEPTED);
});

Deno.test("Exchange with no room refuses what would rest and serves the rest", () => {
  const t = new TestExchange({ ordersMax: 2 });
  t.send(BUY);
  t.send({ ...BUY, reference: 2 });
  assertEquals(
    only(t.send({ ...BUY, reference: 3 })).reason,
    Reason.ORDER_CAPACITY,
  );
  const ioc = t.send({ ...SELL, reference: 3, timeInForce: 3, quantity: 4 });
  assertEquals(ioc.map((e) => e.kind), [1, 3, 3]);
  const cancel = { kind: CommandKind.CANCEL_ORDER, reference: 1 };
  assertEquals(only(t.send(cancel)).kind, EventKind.CANCELED);
  assertEquals(
    only(t.send({ ...BUY, reference: 3 })).kind,
    EventKind.ACCEPTED,
  );
});

Deno.test("Exchange sweeps more orders than the event ring has slots", () => {
  const t = new TestExchange({ slots: 4 });
  for (let i = 1; i <= 100; i++) t.send({ ...BUY, reference: i, quantity: 1 });
  const events = t.send({ ...SELL, session: 2, quantity: 100 });
  assertEquals(events.length, 201);
  assertEquals(events.map((e) => e.index), events.map((_, i) => i));
  assertEquals(events.at(-1)!.ordStatus, 0x32);
});

Deno.test("Exchange refuses at the capacity that a command set, not at that of its memory", () => {
  const small = new TestExchange();
  const large = new TestExchange({ ordersMax: 4096 });
  for (const t of [small, large]) {
    t.send({ kind: CommandKind.DEFINE_CAPACITY, quantity: 2 });
    assertEquals(
      only(t.send({ ...BUY, reference: 1 })).kind,
      EventKind.ACCEPTED,
    );
    assertEquals(
      only(t.send({ ...BUY, reference: 2 })).kind,
      EventKind.ACCEPTED,
    );
    assertEquals(
      only(t.send({ ...BUY, reference: 3 })).reason,
      Reason.ORDER_CAPACITY,
    );
    t.send({ kind: CommandKind.DEFINE_CAPACITY, quantity: 3 });
    assertEquals(
      only(t.send({ ...BUY, reference: 3 })).kind,
      EventKind.ACCEPTED,
    );
  }
  assertEquals(small.exchange.stateHash(), large.exchange.stateHash());
  assertThrows(
    () => small.send({ kind: CommandKind.DEFINE_CAPACITY, quantity: 1e9 }),
    Error,
    "this exchange has room for",
  );
});

Deno.test("Exchange.apply() stops at commands that can not be", () => {
  const t = new TestExchange({ sessionsMax: 8 });
  assertThrows(() => t.send({ ...BUY, session: 8 }), Error, "sessionsMax is 8");
  assertThrows(() => t.send({ ...BUY, session: -1 }), Error, "sessionsMax");
  assertThrows(() => t.send({ kind: 99 }), Error, "kind 99");
  t.sequence -= 2;
  assertThrows(() => t.send(BUY), Error, "after command");
  assertThrows(
    () => t.send({ kind: CommandKind.DEFINE_LIMITS, instrument: 77 }),
    Error,
    "after command",
  );
});

for (const seed of [5, 6]) {
  Deno.test(`Exchange gives the same bytes and hash for the same commands, seed ${seed}`, () => {
    const runs = [0, 1].map((run) => {
      // What lies in the rings before, and how large they are, must not matter.
      const t = new TestExchange({
        ordersMax: 500,
        slots: run === 0 ? 8 : 512,
      });
      t.record = true;
      const stream = new RandomCommands({
        seed,
        instruments: 4,
        sessions: 4,
        references: 100,
        spread: 30,
        mid: 1000,
        quantityMax: 50,
        absurd: 50,
        texts: 2,
      });
      const hashes: string[] = [];
      for (let i = 0; i < 20_000; i++) {
        t.send(stream.next());
        if (i % 4000 === 0) hashes.push(t.exchange.stateHash());
      }
      hashes.push(t.exchange.stateHash());
      return { hashes, events: t.recorded };
    });
    assertEquals(runs[0]!.hashes, runs[1]!.hashes);
    assertEquals(new Set(runs[0]!.hashes).size, runs[0]!.hashes.length);
    assertEquals(runs[0]!.events.length, runs[1]!.events.length);
    assert(
      runs[0]!.events.every((bytes, i) => {
        const other = runs[1]!.events[i]!;
        return bytes.length === other.length &&
          bytes.every((byte, at) => byte === other[at]);
      }),
      "every event has the same bytes",
    );
  });
}

Deno.test("Exchange writes each session's events to its own gateway's ring, or nowhere", () => {
  const capacity = {
    ordersMax: 10,
    instrumentsMax: 1,
    sessionsMax: 4,
    pagesMax: 4,
  };
  const ends = [0, 1].map(() => {
    const memory = new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, 8));
    return (["producer", "consumer"] as const).map((side) =>
      new SpscRing(memory, 0, EVENT_SLOT_BYTES, 8, side)
    );
  });
  const full = () => {
    throw new Error("ring is full");
  };
  const exchange = new Exchange({
    ...capacity,
    memory: new ArrayBuffer(Exchange.bytes(capacity)),
    events: ends.map(([producer]) => new EventRing(producer!, full)),
    routes: new Uint8Array([0, 0, 1, 255]),
  });
  const command = new CommandBuffer();
  const send = (sequence: number, fields: Partial<TestCommand>) => {
    command.write({ ...BUY, ...fields }, sequence);
    exchange.apply(command, 0);
  };
  send(1, { kind: CommandKind.DEFINE_INSTRUMENT });
  send(2, { session: 3, reference: 1, quantity: 1 });
  send(3, { session: 1, reference: 1, quantity: 1 });
  send(4, { session: 2, reference: 1, quantity: 2, side: 2 });
  const seen = () =>
    ends.map(([, consumer]) =>
      Array.from({ length: consumer!.available() }, (_, i) => {
        const { kind, session, index } = readEvent(
          consumer!,
          consumer!.peek(i),
        );
        return [kind, session, index];
      })
    );
  assertEquals(seen(), [[], []], "nothing is published yet");
  exchange.publish();
  assertEquals(seen(), [
    [[EventKind.ACCEPTED, 1, 0], [EventKind.FILLED, 1, 3]],
    [
      [EventKind.ACCEPTED, 2, 0],
      [EventKind.FILLED, 2, 2],
      [EventKind.FILLED, 2, 4],
    ],
  ]);
  assertEquals([exchange.outSequence(3), exchange.events], [2, 7]);
  for (let i = 5; i < 11; i++) send(i, { session: 1, reference: i });
  assertThrows(() => send(11, { session: 1, reference: 11 }), Error, "full");
});

Deno.test("Exchange refuses options that can not be, with the numbers", () => {
  const capacity = { ordersMax: 10, instrumentsMax: 1, sessionsMax: 4 };
  assertThrows(
    () => Exchange.bytes({ ...capacity, sessionsMax: 0 }),
    Error,
    "sessionsMax is 0",
  );
  assertThrows(
    () =>
      new Exchange({
        ...capacity,
        memory: new ArrayBuffer(Exchange.bytes(capacity)),
        events: [],
        routes: new Uint8Array(3),
      }),
    Error,
    "routes of 3 sessions",
  );
  const ring = new SpscRing(
    new ArrayBuffer(SpscRing.bytes(128, 2)),
    0,
    128,
    2,
    "producer",
  );
  assertThrows(() => new EventRing(ring, () => {}), Error, "128-byte slots");
});
