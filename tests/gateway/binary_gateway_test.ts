// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The binary gateway step by step: numbers, refusals, logons, retransmission,
 * slow and silent clients, restart. The exchange behind it is the real one.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OrdType, Reason, Side, TimeInForce } from "../../engine/record/mod.ts";
import {
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  type ServerMessage,
  ServerType,
  sideByte,
} from "../../engine/wire/binary/mod.ts";
import {
  E8,
  Harness,
  KEY,
  limitOrder,
  logonMessage,
} from "./binary_harness.ts";

const CENT = 1_000_000;
const { ACCEPTED, REJECTED, FILLED, CANCELED, REPLACED } = ServerType;
const { CANCEL_REJECTED, PACKET_REFUSED, HEARTBEAT, END } = ServerType;

/** Type letters of messages, "A F J". */
function letters(messages: readonly ServerMessage[]): string {
  return messages.map(({ type }) => String.fromCharCode(type)).join(" ");
}

function cancel(reference: number, side: number = Side.BUY): ClientMessage {
  return { type: ClientType.CANCEL, side, reference };
}

Deno.test("BinaryGateway places, replaces, fills, reports and cancels an order", () => {
  const harness = new Harness();
  const [hello] = harness.logon(1, 1);
  assertEquals([hello!.reference, hello!.leaves, hello!.quantity], [1, 1n, 1n]);
  harness.logon(2, 2);
  const [accepted] = harness.ask(1, 1, 1, [limitOrder(Side.BUY, 100, 15025)]);
  assertEquals(accepted!.type, ACCEPTED);
  assertEquals(accepted!.sequence, 1);
  assertEquals(accepted!.side, sideByte(Side.BUY, TimeInForce.GTC));
  assertEquals(accepted!.reference, 1);
  assertEquals(accepted!.quantity, BigInt(100 * E8));
  assertEquals(accepted!.price, BigInt(15025 * CENT));
  assertEquals(accepted!.leaves, BigInt(100 * E8));
  assertEquals(accepted!.cause, 1);
  const [replaced] = harness.ask(1, 1, 2, [{
    type: ClientType.REPLACE,
    side: Side.BUY,
    quantity: 50 * E8,
    price: 15030 * CENT,
    reference: 1,
  }]);
  assertEquals(replaced!.type, REPLACED);
  assertEquals([replaced!.reference, replaced!.cause], [1, 2]);
  assertEquals(replaced!.leaves, BigInt(50 * E8));
  const seller = harness.ask(2, 2, 1, [limitOrder(Side.SELL, 20, 15000)]);
  assertEquals(letters(seller), "A F");
  assertEquals(seller[1]!.side & 0x10, 0x10);
  assertEquals(seller[1]!.price, BigInt(15030 * CENT));
  const [filled] = harness.received(1);
  assertEquals(filled!.type, FILLED);
  assertEquals(filled!.side, Side.BUY);
  assertEquals(filled!.quantity, BigInt(20 * E8));
  assertEquals(filled!.leaves, BigInt(30 * E8));
  assertEquals(filled!.cause, seller[1]!.cause);
  const [status] = harness.ask(1, 1, 3, [
    { type: ClientType.STATUS, side: Side.BUY, reference: 1 },
  ]);
  assertEquals(status!.type, ServerType.STATUS);
  assertEquals([status!.quantity, status!.leaves], [
    BigInt(50 * E8),
    BigInt(30 * E8),
  ]);
  const [canceled] = harness.ask(1, 1, 4, [cancel(1)]);
  assertEquals(canceled!.type, CANCELED);
  assertEquals(canceled!.reason, Reason.CANCELED_BY_CLIENT);
  assertEquals([canceled!.quantity, canceled!.leaves], [BigInt(30 * E8), 0n]);
  const [gone] = harness.ask(1, 1, 5, [cancel(1)]);
  assertEquals(gone!.type, CANCEL_REJECTED);
  assertEquals(gone!.reason, Reason.UNKNOWN_ORDER);
  assertEquals(gone!.sequence, 6);
});

Deno.test("BinaryGateway writes its packets also where memory is not aligned", () => {
  const harness = new Harness({ misaligned: true });
  harness.logon(1, 1);
  const orders = Array.from({ length: 30 }, () => limitOrder(Side.BUY, 1, 100));
  const answers = harness.ask(1, 1, 1, orders);
  assertEquals(
    answers.map((answer) => answer.sequence),
    orders.map((_, i) => i + 1),
  );
});

/** A message that is refused, and why. */
const REFUSALS: readonly [string, ClientMessage, number, number][] = [
  [
    "unknown type",
    { ...limitOrder(1, 1, 100), type: 0x7a },
    REJECTED,
    Reason.UNKNOWN_MESSAGE,
  ],
  [
    "logon among orders",
    { type: ClientType.LOGON, quantity: KEY },
    REJECTED,
    Reason.UNKNOWN_MESSAGE,
  ],
  [
    "symbol 3",
    { ...limitOrder(1, 1, 100), symbol: 3 },
    REJECTED,
    Reason.UNKNOWN_INSTRUMENT,
  ],
  [
    "symbol 65535",
    { ...limitOrder(1, 1, 100), symbol: 65535 },
    REJECTED,
    Reason.UNKNOWN_INSTRUMENT,
  ],
  [
    "symbol 65536",
    { ...limitOrder(1, 1, 100), symbol: 65536 },
    REJECTED,
    Reason.UNKNOWN_INSTRUMENT,
  ],
  [
    "symbol 2^32 - 1",
    { ...limitOrder(1, 1, 100), symbol: 0xffffffff },
    REJECTED,
    Reason.UNKNOWN_INSTRUMENT,
  ],
  [
    "side 0",
    { ...limitOrder(1, 1, 100), side: 0 },
    REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "side 3",
    { ...limitOrder(1, 1, 100), side: 3 },
    REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "reserved bit 2",
    { ...limitOrder(1, 1, 100), side: 5 },
    REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "reserved bit 3",
    { ...limitOrder(1, 1, 100), side: 9 },
    REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "at the opening",
    { ...limitOrder(1, 1, 100), side: 0x21 },
    REJECTED,
    Reason.INVALID_TIME_IN_FORCE,
  ],
  [
    "time in force 5",
    { ...limitOrder(1, 1, 100), side: 0x51 },
    REJECTED,
    Reason.INVALID_TIME_IN_FORCE,
  ],
  [
    "time in force 7",
    { ...limitOrder(1, 1, 100), side: 0x71 },
    REJECTED,
    Reason.INVALID_TIME_IN_FORCE,
  ],
  [
    "quantity 0",
    { ...limitOrder(1, 1, 100), quantity: 0 },
    REJECTED,
    Reason.INVALID_QUANTITY,
  ],
  [
    "half a lot",
    { ...limitOrder(1, 1, 100), quantity: E8 / 2 },
    REJECTED,
    Reason.QUANTITY_OFF_LOT,
  ],
  [
    "a lot and a bit",
    { ...limitOrder(1, 1, 100), quantity: E8 + 1 },
    REJECTED,
    Reason.QUANTITY_OFF_LOT,
  ],
  [
    "quantity 2^53 - 1",
    { ...limitOrder(1, 1, 100), quantity: 2n ** 53n - 1n },
    REJECTED,
    Reason.QUANTITY_OFF_LOT,
  ],
  [
    "quantity 2^53",
    { ...limitOrder(1, 1, 100), quantity: 2n ** 53n },
    REJECTED,
    Reason.QUANTITY_TOO_LARGE,
  ],
  [
    "quantity 2^64 - 1",
    { ...limitOrder(1, 1, 100), quantity: 2n ** 64n - 1n },
    REJECTED,
    Reason.QUANTITY_TOO_LARGE,
  ],
  [
    "price 0",
    { ...limitOrder(1, 1, 100), price: 0 },
    REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "off the tick",
    { ...limitOrder(1, 1, 100), price: CENT + 1 },
    REJECTED,
    Reason.PRICE_OFF_TICK,
  ],
  [
    "price 2^31 ticks",
    { ...limitOrder(1, 1, 100), price: 2 ** 31 * CENT },
    REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "price 2^53",
    { ...limitOrder(1, 1, 100), price: 2n ** 53n },
    REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "price 2^64 - 1",
    { ...limitOrder(1, 1, 100), price: 2n ** 64n - 1n },
    REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "market with a price",
    {
      ...limitOrder(1, 1, 100),
      side: sideByte(Side.BUY, TimeInForce.IOC, OrdType.MARKET),
    },
    REJECTED,
    Reason.INVALID_PRICE,
  ],
  ["cancel of nothing", cancel(0), CANCEL_REJECTED, Reason.UNKNOWN_ORDER],
  [
    "cancel of an unknown order",
    cancel(77),
    CANCEL_REJECTED,
    Reason.UNKNOWN_ORDER,
  ],
  [
    "cancel of 2^32 + 1",
    { ...cancel(0), reference: 2 ** 32 + 1 },
    CANCEL_REJECTED,
    Reason.UNKNOWN_ORDER,
  ],
  [
    "cancel with a quantity",
    { ...cancel(1), quantity: E8 },
    CANCEL_REJECTED,
    Reason.INVALID_QUANTITY,
  ],
  [
    "cancel with a price",
    { ...cancel(1), price: CENT },
    CANCEL_REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "cancel with flags",
    { ...cancel(1), side: 0x11 },
    CANCEL_REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "cancel without side",
    { ...cancel(1), side: 0 },
    CANCEL_REJECTED,
    Reason.INVALID_SIDE,
  ],
  [
    "cancel of the other side",
    cancel(1, Side.SELL),
    CANCEL_REJECTED,
    Reason.SIDE_MISMATCH,
  ],
  [
    "cancel of another symbol",
    { ...cancel(1), symbol: 1 },
    CANCEL_REJECTED,
    Reason.INSTRUMENT_MISMATCH,
  ],
  [
    "cancel of an unknown symbol",
    { ...cancel(1), symbol: 9 },
    CANCEL_REJECTED,
    Reason.UNKNOWN_INSTRUMENT,
  ],
  [
    "replace by nothing",
    { ...cancel(1), type: ClientType.REPLACE, price: CENT },
    CANCEL_REJECTED,
    Reason.INVALID_QUANTITY,
  ],
  [
    "replace without price",
    { ...cancel(1), type: ClientType.REPLACE, quantity: E8 },
    CANCEL_REJECTED,
    Reason.INVALID_PRICE,
  ],
  [
    "replace of an unknown order",
    {
      ...limitOrder(1, 1, 100),
      type: ClientType.REPLACE,
      side: 1,
      reference: 77,
    },
    CANCEL_REJECTED,
    Reason.UNKNOWN_ORDER,
  ],
  [
    "status of an unknown order",
    { ...cancel(77), type: ClientType.STATUS },
    CANCEL_REJECTED,
    Reason.UNKNOWN_ORDER,
  ],
  [
    "status with a quantity",
    { ...cancel(1), type: ClientType.STATUS, quantity: 1 },
    CANCEL_REJECTED,
    Reason.INVALID_QUANTITY,
  ],
];

Deno.test("BinaryGateway refuses what is wrong with a message, and each refusal uses a number", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  assertEquals(
    letters(harness.ask(1, 1, 1, [limitOrder(Side.BUY, 5, 100)])),
    "A",
  );
  let next = 2;
  for (const [name, message, type, reason] of REFUSALS) {
    const [answer, ...more] = harness.ask(1, 1, next, [message]);
    assertEquals(more, [], name);
    assertEquals(answer!.type, type, name);
    assertEquals(answer!.reason, reason, name);
    assertEquals(answer!.sequence, next, name);
    assertEquals(answer!.cause, next, name);
    if (type === REJECTED) assertEquals(answer!.reference, next, name);
    next++;
  }
  assertEquals(letters(harness.ask(1, 1, next, [cancel(1)])), "C");
});

Deno.test("BinaryGateway says what was refused, and 0xffffffff for an unknown symbol", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  const answers = harness.ask(1, 1, 1, [
    { ...limitOrder(Side.SELL, 3, 100), symbol: 400 },
    { ...limitOrder(Side.SELL, 3, 100), price: CENT + 1 },
    { ...cancel(7), type: ClientType.STATUS },
    { ...cancel(7), type: ClientType.REPLACE, quantity: E8, price: CENT },
    cancel(7),
  ]);
  assertEquals(answers.map(({ symbol }) => symbol), [0xffffffff, 0, 0, 0, 0]);
  assertEquals(answers.map(({ side }) => side), [2, 2, 0x41, 0x31, 0x21]);
  assertEquals(answers[1]!.quantity, BigInt(3 * E8));
  assertEquals(answers[1]!.price, 0n);
});

Deno.test("BinaryGateway takes the highest exact values", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  const answers = harness.ask(1, 1, 1, [
    {
      ...limitOrder(Side.BUY, 1, 100, 2),
      quantity: 2n ** 53n - 1n,
      price: CENT,
    },
    { ...limitOrder(Side.BUY, 1, 100), price: (2 ** 31 - 2) * CENT },
  ]);
  assertEquals(letters(answers), "A A");
  assertEquals(answers[0]!.quantity, 2n ** 53n - 1n);
  assertEquals(answers[0]!.leaves, 2n ** 53n - 1n);
  assertEquals(answers[1]!.price, BigInt(2 ** 31 - 2) * BigInt(CENT));
});

Deno.test("BinaryGateway executes duplicates once and takes what is new behind them", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  const three = [1, 2, 3].map((n) => limitOrder(Side.BUY, n, 100));
  assertEquals(letters(harness.ask(1, 1, 1, three)), "A A A");
  assertEquals(harness.ask(1, 1, 1, three), []);
  assertEquals(harness.ask(1, 1, 3, three.slice(2)), []);
  assertEquals(harness.counter("binary_duplicates_total"), 4);
  const answers = harness.ask(1, 1, 2, [...three, ...three]);
  assertEquals(answers.map(({ cause }) => cause), [4, 5, 6, 7]);
  assertEquals(harness.exchange.ordersOpen, 7);
});

Deno.test("BinaryGateway refuses a packet behind a gap and tells the expected number", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.ask(1, 1, 1, [limitOrder(Side.BUY, 1, 100)]);
  for (const sequence of [3, 0xfffffffe]) {
    const [refused] = harness.ask(1, 1, sequence, [
      limitOrder(Side.BUY, 1, 100),
    ]);
    assertEquals(refused!.type, PACKET_REFUSED);
    assertEquals(refused!.reason, Reason.SEQUENCE_GAP);
    assertEquals([refused!.sequence, refused!.reference, refused!.leaves], [
      0,
      2,
      2n,
    ]);
    assertEquals(refused!.quantity, BigInt(sequence));
  }
  assertEquals(harness.counter("binary_gaps_total"), 2);
  assertEquals(
    letters(harness.ask(1, 1, 2, [limitOrder(Side.BUY, 1, 100)])),
    "A",
  );
});

Deno.test("BinaryGateway has no numbers above 2^32 - 1", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  for (
    const sequence of [2n ** 32n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 64n - 1n]
  ) {
    const two = [limitOrder(Side.BUY, 1, 100), limitOrder(Side.BUY, 1, 100)];
    const [refused] = harness.ask(1, 1, sequence, two);
    assertEquals(refused!.reason, Reason.SEQUENCE_EXHAUSTED, String(sequence));
    assertEquals(refused!.quantity, sequence);
  }
  assertEquals(harness.exchange.ordersOpen, 0);
});

Deno.test("BinaryGateway takes messages before a wrong checksum and none after", () => {
  for (const offset of [0, 5, 13, 29, 30, 33]) {
    const harness = new Harness();
    harness.logon(1, 1);
    const orders = [1, 2, 3].map((n) => limitOrder(Side.BUY, n, 100));
    const bytes = encodeClientPacket(1, 1, orders);
    bytes[16 + 34 + offset]! ^= 0x40;
    harness.feed(1, bytes);
    harness.round();
    const [refused, accepted, ...more] = harness.received(1);
    assertEquals(more, []);
    assertEquals(refused!.reason, Reason.BAD_CHECKSUM);
    assertEquals([refused!.reference, refused!.price], [2, 1n]);
    assertEquals([accepted!.type, accepted!.cause], [ACCEPTED, 1]);
    assertEquals(letters(harness.ask(1, 1, 2, orders.slice(1))), "A A");
  }
});

Deno.test("BinaryGateway reads packets split at every byte", () => {
  const stream = new Uint8Array([
    ...encodeClientPacket(1, 0, [logonMessage(1)]),
    ...encodeClientPacket(1, 1, [limitOrder(1, 1, 100), limitOrder(2, 2, 100)]),
    ...encodeClientPacket(1, 3, [cancel(1)]),
    ...encodeClientPacket(1, 0, [{ type: ClientType.HEARTBEAT }]),
  ]);
  const whole = new Harness();
  whole.accept(1);
  whole.feed(1, stream);
  whole.round();
  const numbered = (harness: Harness) =>
    harness.received(1).filter(({ sequence }) => sequence > 0);
  const expected = numbered(whole);
  assertEquals(letters(expected), "A A F F K");
  for (let at = 1; at < stream.length; at++) {
    const harness = new Harness();
    harness.accept(1);
    harness.feed(1, stream.subarray(0, at));
    harness.feed(1, stream.subarray(at));
    harness.round();
    assertEquals(numbered(harness), expected, `split at ${at}`);
  }
  const single = new Harness();
  single.accept(1);
  for (const byte of stream) single.feed(1, Uint8Array.of(byte));
  single.round();
  assertEquals(numbered(single), expected);
});

Deno.test("BinaryGateway refuses a wrong logon and closes", () => {
  const cases: [string, number, ClientMessage][] = [
    ["wrong key", 1, { type: ClientType.LOGON, quantity: KEY + 1n }],
    ["wrong high word", 1, {
      type: ClientType.LOGON,
      quantity: KEY + 2n ** 32n,
    }],
    ["key of another session", 1, logonMessage(2)],
    ["no such session", 5, logonMessage(1)],
  ];
  for (const [name, session, message] of cases) {
    const harness = new Harness();
    harness.accept(1);
    const [refused] = harness.ask(1, session, 0, [message]);
    assertEquals(refused!.type, ServerType.LOGON_REFUSED, name);
    assertEquals(refused!.reason, Reason.WRONG_CREDENTIALS, name);
    assertEquals([refused!.reference, refused!.leaves, refused!.orderId], [
      0,
      0n,
      0,
    ], name);
    assert(harness.transport.closed.has(1), name);
    assertEquals(harness.gateway.sessionsActive(), 0);
    assertEquals(harness.counter("binary_logons_refused_total"), 1);
  }
});

Deno.test("BinaryGateway takes nothing from a connection that has not logged on", () => {
  const harness = new Harness();
  harness.accept(1);
  const [orders] = harness.ask(1, 1, 1, [limitOrder(1, 1, 100)]);
  assertEquals([orders!.type, orders!.reason], [
    PACKET_REFUSED,
    Reason.NOT_LOGGED_ON,
  ]);
  const [beat] = harness.ask(1, 1, 0, [{ type: ClientType.HEARTBEAT }]);
  assertEquals([beat!.type, beat!.reason], [
    PACKET_REFUSED,
    Reason.NOT_LOGGED_ON,
  ]);
  assertEquals(harness.journal.length, 3);
  const [hello] = harness.ask(1, 1, 0, [logonMessage(1)]);
  assertEquals(hello!.type, ServerType.LOGON_ACCEPTED);
});

Deno.test("BinaryGateway cuts a TCP client whose packets are malformed", () => {
  const good = encodeClientPacket(1, 1, [limitOrder(1, 1, 100)]);
  const header = (at: number, value: number) => {
    const copy = good.slice();
    copy[at] = value;
    return copy;
  };
  const cases: [string, Uint8Array][] = [
    ["version 0", header(0, 0)],
    ["version 3", header(0, 3)],
    ["direction 1", header(1, 1)],
    ["reserved flags", header(1, 0x80)],
    ["count 0", header(2, 0)],
    ["count 257", header(3, 1)],
    ["session 0", header(4, 0)],
    ["another session", header(4, 2)],
    [
      "an order without number",
      encodeClientPacket(1, 0, [limitOrder(1, 1, 100)]),
    ],
    [
      "a heartbeat with a quantity",
      encodeClientPacket(1, 0, [{ type: ClientType.HEARTBEAT, quantity: 1 }]),
    ],
    [
      "a heartbeat with a symbol",
      encodeClientPacket(1, 0, [{ type: ClientType.HEARTBEAT, symbol: 1 }]),
    ],
    [
      "a logon with a reference",
      encodeClientPacket(1, 0, [{ ...logonMessage(1), reference: 1 }]),
    ],
    [
      "a logout with a side",
      encodeClientPacket(1, 0, [{ type: ClientType.LOGOUT, side: 1 }]),
    ],
    [
      "a retransmit request from 0",
      encodeClientPacket(1, 0, [{ type: ClientType.RETRANSMIT }]),
    ],
  ];
  for (const [name, bytes] of cases) {
    const harness = new Harness();
    harness.logon(2, 3);
    harness.logon(1, 1);
    harness.feed(1, bytes);
    harness.round();
    const [refused] = harness.received(1);
    assertEquals([refused?.type, refused?.reason], [
      PACKET_REFUSED,
      Reason.MALFORMED,
    ], name);
    assert(harness.transport.closed.has(1), name);
    assertEquals(harness.counter("connections_garbled_total"), 1, name);
    assertEquals(harness.gateway.sessionsActive(), 1, name);
    assertEquals(
      letters(harness.ask(2, 3, 1, [limitOrder(1, 1, 100)])),
      "A",
      name,
    );
  }
});

Deno.test("BinaryGateway lets a new logon take the session over", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.ask(1, 1, 1, [limitOrder(1, 1, 100)]);
  const [hello] = harness.logon(2, 1);
  assertEquals([hello!.reference, hello!.leaves], [2, 2n]);
  const [end] = harness.received(1);
  assertEquals([end!.type, end!.reason], [END, Reason.REPLACED_BY_LOGON]);
  assert(harness.transport.closed.has(1));
  assertEquals(harness.gateway.sessionsActive(), 1);
  harness.hangUp(1);
  assertEquals(harness.gateway.sessionsActive(), 1);
  const [udp] = harness.askDatagram(1, 0, [logonMessage(1)]);
  assertEquals(udp!.type, ServerType.LOGON_ACCEPTED);
  assertEquals(harness.received(2).at(-1)!.reason, Reason.REPLACED_BY_LOGON);
  const moved = harness.askDatagram(1, 0, [logonMessage(1)], 6000);
  assertEquals(letters(moved), "L");
  const old = harness.askDatagram(1, 2, [limitOrder(1, 1, 100)], 5000);
  assertEquals(old.filter(({ type }) => type === ACCEPTED), []);
  assertEquals(
    letters(harness.askDatagram(1, 2, [limitOrder(1, 1, 100)], 6000)),
    "A",
  );
  assertEquals(harness.gateway.sessionsActive(), 1);
});

Deno.test("BinaryGateway keeps the old client if a logon in its name is wrong", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.accept(2);
  harness.ask(2, 1, 0, [{ type: ClientType.LOGON, quantity: 1 }]);
  assert(harness.transport.closed.has(2));
  assertEquals(letters(harness.ask(1, 1, 1, [limitOrder(1, 1, 100)])), "A");
});

Deno.test("BinaryGateway sends what a client missed, from the number it names", () => {
  const harness = new Harness({ gateway: { storedCount: 64 } });
  harness.logon(1, 1);
  const orders = Array.from({ length: 60 }, () => limitOrder(1, 1, 100));
  harness.ask(1, 1, 1, orders);
  harness.hangUp(1);
  const again = harness.logon(2, 1, 58);
  assertEquals(again.slice(1).map(({ sequence }) => sequence), [58, 59, 60]);
  assertEquals([again[0]!.quantity, again[0]!.reason], [58n, Reason.NONE]);
  assertEquals(letters(harness.logon(3, 1)), "L");
  assertEquals(harness.logon(4, 1, 61).length, 1);
  assertEquals(harness.logon(5, 1, 4_000_000_000).length, 1);
  harness.ask(5, 1, 61, orders);
  const late = harness.logon(6, 1, 3);
  assertEquals(late[0]!.reason, Reason.NOT_STORED);
  assertEquals(late[0]!.orderId, 57);
  assertEquals(
    late.slice(1).map(({ sequence }) => sequence),
    Array.from({ length: 64 }, (_, i) => 57 + i),
  );
});

Deno.test("BinaryGateway repeats messages on request, and says what is not stored", () => {
  const harness = new Harness({ gateway: { storedCount: 64 } });
  harness.askDatagram(1, 0, [logonMessage(1)]);
  for (let i = 0; i < 10; i++) {
    const ten = Array.from({ length: 10 }, () => limitOrder(1, 1, 100));
    harness.askDatagram(1, 1 + i * 10, ten);
  }
  const request = (first: number | bigint, count: number | bigint) =>
    harness.askDatagram(1, 0, [
      { type: ClientType.RETRANSMIT, quantity: first, price: count },
    ]);
  const numbers = (messages: ServerMessage[]) =>
    messages.map(({ sequence }) => sequence);
  assertEquals(numbers(request(98, 2)), [98, 99]);
  assertEquals(numbers(request(98, 0)), [98, 99, 100]);
  assertEquals(numbers(request(98, 2n ** 63n)), [98, 99, 100]);
  assertEquals(
    numbers(request(37, 0)),
    Array.from({ length: 64 }, (_, i) => 37 + i),
  );
  const [old] = request(36, 1);
  assertEquals([old!.type, old!.reason, old!.orderId], [
    PACKET_REFUSED,
    Reason.NOT_STORED,
    37,
  ]);
  for (const first of [101, 2n ** 32n + 98n]) {
    const [beat] = request(first, 1);
    assertEquals([beat!.type, beat!.leaves], [HEARTBEAT, 101n]);
  }
  harness.logon(1, 1);
  const [beat] = harness.ask(1, 1, 0, [{
    type: ClientType.RETRANSMIT,
    quantity: 101,
  }]);
  assertEquals(beat!.type, HEARTBEAT);
  const tcp = harness.ask(1, 1, 0, [{
    type: ClientType.RETRANSMIT,
    quantity: 99,
  }]);
  assertEquals(numbers(tcp), [99, 100]);
});

Deno.test("BinaryGateway over UDP acknowledges duplicates and packs answers into datagrams", () => {
  const harness = new Harness();
  harness.askDatagram(1, 0, [logonMessage(1)]);
  const orders = Array.from({ length: 42 }, () => limitOrder(1, 1, 100));
  harness.datagram(encodeClientPacket(1, 1, orders));
  harness.round();
  assertEquals(harness.transport.datagrams.map(({ bytes }) => bytes.length), [
    16 + 22 * 64,
    16 + 20 * 64,
  ]);
  assertEquals(harness.receivedDatagrams().length, 42);
  const [beat] = harness.askDatagram(1, 1, orders);
  assertEquals([beat!.type, beat!.reference, beat!.leaves], [
    HEARTBEAT,
    43,
    43n,
  ]);
  assertEquals(harness.counter("binary_duplicates_total"), 42);
  const [gap] = harness.askDatagram(1, 44, orders);
  assertEquals([gap!.reason, gap!.reference], [Reason.SEQUENCE_GAP, 43]);
});

Deno.test("BinaryGateway drops malformed datagrams and answers strangers within limits", () => {
  const harness = new Harness();
  harness.askDatagram(1, 0, [logonMessage(1)]);
  const order = encodeClientPacket(1, 1, [limitOrder(1, 1, 100)]);
  for (const length of [0, 1, 15, 16, 49]) {
    harness.datagram(order.subarray(0, length));
  }
  harness.datagram(new Uint8Array([...order, 0]));
  const many = Array.from({ length: 43 }, () => limitOrder(1, 1, 100));
  harness.datagram(encodeClientPacket(1, 1, many));
  assertEquals(harness.counter("binary_packets_garbled_total"), 7);
  assertEquals(harness.receivedDatagrams(), []);
  let answered = 0;
  for (let i = 0; i < 100; i++) {
    harness.pass(1);
    answered += harness.askDatagram(1, 1, [limitOrder(1, 1, 100)], 7777).length;
  }
  assert(answered >= 1 && answered <= 2, `${answered} answers in 100 ms`);
  let bytes = 0;
  for (let i = 0; i < 100; i++) {
    harness.pass(150);
    bytes += 108 *
      harness.askDatagram(2, 1, [limitOrder(1, 1, 100)], 8888).length;
    harness.datagram(
      encodeClientPacket(1, 0, [{ type: ClientType.HEARTBEAT }]),
    );
    harness.receivedDatagrams();
  }
  assert(bytes > 0 && bytes <= 100 * 78, `${bytes} bytes for 7800`);
  const wrong: ClientMessage[] = [{ type: ClientType.LOGON, quantity: 5 }];
  assertEquals(harness.askDatagram(2, 0, wrong, 9999), []);
  harness.pass(200);
  assertEquals(letters(harness.askDatagram(2, 0, wrong, 9999)), "D");
  assertEquals(
    letters(harness.askDatagram(1, 1, [limitOrder(1, 1, 100)])),
    "A",
  );
});

Deno.test("BinaryGateway logs out on request, after everything else", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.ask(1, 1, 1, [limitOrder(1, 1, 100)]);
  const [end] = harness.ask(1, 1, 0, [{ type: ClientType.LOGOUT }]);
  assertEquals([end!.type, end!.reason, end!.reference, end!.leaves], [
    END,
    0,
    2,
    2n,
  ]);
  assert(harness.transport.closed.has(1));
  assertEquals(harness.exchange.ordersOpen, 1);
  harness.askDatagram(1, 0, [logonMessage(1)]);
  const answers = harness.askDatagram(1, 0, [
    { type: ClientType.LOGOUT },
    { type: ClientType.HEARTBEAT },
  ]);
  assertEquals(letters(answers), "E");
  assertEquals(harness.gateway.sessionsActive(), 0);
});

Deno.test("BinaryGateway beats, and cuts the silent", () => {
  const harness = new Harness();
  harness.accept(9);
  harness.logon(1, 1);
  harness.askDatagram(2, 0, [logonMessage(2)]);
  harness.pass(999);
  assertEquals(harness.received(1), []);
  harness.pass(60);
  assertEquals(letters(harness.received(1)), "H");
  assertEquals(letters(harness.receivedDatagrams()), "H");
  harness.pass(3999);
  assert(harness.transport.closed.has(9));
  assertEquals(harness.counter("connections_silent_total"), 1);
  for (let i = 0; i < 20; i++) {
    harness.pass(1500);
    harness.ask(1, 1, 0, [{ type: ClientType.HEARTBEAT }]);
  }
  assertEquals(harness.gateway.sessionsActive(), 1);
  assertEquals(harness.receivedDatagrams().at(-1)!.reason, Reason.SILENT);
  harness.pass(30_001);
  assertEquals(harness.received(1).at(-1)!.reason, Reason.SILENT);
  assertEquals(harness.gateway.sessionsActive(), 0);
});

Deno.test("BinaryGateway stops reading from a client that takes nothing, then cuts it", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.logon(2, 2);
  harness.transport.stuck.set(1, 0);
  const orders = Array.from({ length: 200 }, () => limitOrder(1, 1, 100));
  let next = 1;
  let stalled = false;
  for (let i = 0; i < 100 && !stalled; i++) {
    stalled = harness.feed(1, encodeClientPacket(1, next, orders));
    if (!stalled) next += orders.length;
    harness.round();
  }
  assert(stalled, "the gateway never stopped reading");
  assert(harness.transport.pending(1) <= 65536);
  assertEquals(letters(harness.ask(2, 2, 1, [limitOrder(1, 1, 100)])), "A");
  const before = harness.exchange.ordersOpen;
  assertEquals(harness.show(1), true);
  assertEquals(harness.exchange.ordersOpen, before);
  harness.transport.stuck.set(1, 0);
  assertEquals(harness.show(1), false);
  harness.round();
  assertEquals(harness.exchange.ordersOpen, before + 200);
  harness.transport.stuck.set(1, 65536);
  for (let i = 0; i < 9; i++) {
    harness.pass(1000);
    harness.ask(2, 2, 0, [{ type: ClientType.HEARTBEAT }]);
  }
  assert(!harness.transport.closed.has(1));
  harness.pass(2000);
  assert(harness.transport.closed.has(1));
  assertEquals(harness.counter("connections_slow_total"), 1);
  assertEquals(harness.gateway.sessionsActive(), 1);
});

Deno.test("BinaryGateway cuts a client that falls out of the store", () => {
  const harness = new Harness({ gateway: { storedCount: 512 } });
  harness.logon(1, 1);
  harness.logon(2, 2);
  const bids = Array.from({ length: 200 }, () => limitOrder(1, 1, 100));
  for (let i = 0; i < 10; i++) harness.ask(1, 1, 1 + i * 200, bids);
  harness.transport.stuck.set(1, 65536);
  for (let i = 0; i < 10; i++) {
    harness.ask(2, 2, 1 + i, [limitOrder(2, 100, 100)]);
  }
  assert(harness.transport.closed.has(1));
  assertEquals(harness.counter("connections_slow_total"), 1);
  assertEquals(harness.logon(3, 1, 2001).at(-1)!.sequence, 3000);
});

Deno.test("BinaryGateway waits for room in the command ring, and over UDP says so", () => {
  const harness = new Harness({ commandSlots: 512 });
  harness.logon(1, 1);
  harness.askDatagram(2, 0, [logonMessage(2)]);
  harness.paused = true;
  const orders = Array.from({ length: 256 }, () => limitOrder(1, 1, 100));
  assertEquals(harness.feed(1, encodeClientPacket(1, 1, orders)), false);
  assertEquals(harness.feed(1, encodeClientPacket(1, 257, orders)), false);
  assertEquals(harness.feed(1, encodeClientPacket(1, 513, orders)), true);
  harness.round();
  assertEquals(harness.waiting(), 512);
  const [full] = harness.askDatagram(2, 1, [limitOrder(1, 1, 100)]);
  assertEquals([full!.type, full!.reason, full!.reference], [
    PACKET_REFUSED,
    Reason.OVERLOADED,
    1,
  ]);
  harness.paused = false;
  harness.round();
  assertEquals(harness.show(1), false);
  harness.round();
  assertEquals(harness.received(1).length, 768);
  assertEquals(
    letters(harness.askDatagram(2, 1, [limitOrder(1, 1, 100)])),
    "A",
  );
});

Deno.test("BinaryGateway owes a logout until there is room for its command", () => {
  const harness = new Harness({ commandSlots: 512 });
  harness.logon(1, 1);
  harness.logon(2, 2);
  harness.paused = true;
  const orders = Array.from({ length: 256 }, () => limitOrder(1, 1, 100));
  harness.feed(1, encodeClientPacket(1, 1, orders));
  harness.feed(1, encodeClientPacket(1, 257, orders));
  harness.hangUp(2);
  const before = harness.journal.length;
  harness.paused = false;
  harness.round();
  harness.round();
  assertEquals(harness.journal.length - before, 513);
  assertEquals(harness.journal.at(-1)![6], 21);
});

Deno.test("BinaryGateway goes on after a restart where it was", () => {
  const first = new Harness();
  first.logon(1, 1);
  first.logon(2, 2);
  first.ask(1, 1, 1, [
    limitOrder(Side.BUY, 10, 100),
    { ...limitOrder(Side.BUY, 10, 100), price: 1 },
    limitOrder(Side.BUY, 10, 101),
  ]);
  first.ask(2, 2, 1, [limitOrder(Side.SELL, 5, 100)]);
  const sent = first.logon(3, 1, 1).slice(1);
  assertEquals(letters(sent), "A J A F");
  const second = new Harness({ journal: first.journal });
  const again = second.logon(1, 1, 1);
  assertEquals([again[0]!.reference, again[0]!.leaves], [4, 5n]);
  assertEquals(again.slice(1), sent);
  const lines = second.ask(1, 1, 3, [limitOrder(1, 10, 101), cancel(3)]);
  assertEquals(letters(lines), "C");
  assertEquals(second.counter("binary_duplicates_total"), 1);
  assertEquals(second.logon(2, 2)[0]!.reference, 2);
});

Deno.test("BinaryGateway stops in order", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  harness.askDatagram(2, 0, [logonMessage(2)]);
  harness.accept(8);
  harness.paused = true;
  harness.feed(1, encodeClientPacket(1, 1, [limitOrder(1, 1, 100)]));
  harness.round();
  harness.gateway.onDrain();
  harness.round();
  assert(harness.transport.closed.has(8));
  harness.hangUp(8);
  assertEquals(letters(harness.receivedDatagrams()), "E");
  assertEquals(harness.gateway.drained(), false);
  const [refused] = harness.ask(1, 1, 2, [limitOrder(1, 1, 100)]);
  assertEquals([refused!.reason, refused!.reference], [
    Reason.SHUTTING_DOWN,
    2,
  ]);
  harness.paused = false;
  harness.round();
  const last = harness.received(1);
  assertEquals(letters(last), "A E");
  assertEquals(last[1]!.reason, Reason.SHUTTING_DOWN);
  harness.accept(5);
  assert(harness.transport.closed.has(5));
  harness.hangUp(5);
  assertEquals(harness.gateway.drained(), false);
  harness.hangUp(1);
  assertEquals(harness.gateway.drained(), true);
  const late = harness.askDatagram(3, 0, [logonMessage(3)], 1234);
  harness.pass(200);
  late.push(...harness.askDatagram(3, 0, [logonMessage(3)], 1234));
  assertEquals(late.map(({ reason }) => reason), [Reason.SHUTTING_DOWN]);
});

Deno.test("BinaryGateway keeps its place when datagrams can not leave", () => {
  const harness = new Harness();
  harness.askDatagram(1, 0, [logonMessage(1)]);
  harness.transport.datagramsBlocked = true;
  assertEquals(harness.askDatagram(1, 1, [limitOrder(1, 1, 100)]), []);
  harness.transport.datagramsBlocked = false;
  harness.round();
  assertEquals(letters(harness.receivedDatagrams()), "A");
});

Deno.test("BinaryGateway refuses sessions that are no numbers, and twice the same", () => {
  const harness = new Harness();
  const define = (name: string, secret: string, index = 7) => () =>
    harness.gateway.onSessionDefined({ index, name, username: "", secret });
  for (const name of ["", "x", "0", "-1", "4294967296", "1e3"]) {
    assertThrows(define(name, "1"), Error, "number must be");
  }
  for (const secret of ["", "demo", "-1", "18446744073709551616"]) {
    assertThrows(define("9", secret), Error, "key");
  }
  assertThrows(define("1", "1"), Error, "twice");
  define("4294967295", "18446744073709551615")();
  harness.accept(1);
  const [hello] = harness.ask(1, 0xffffffff, 0, [
    { type: ClientType.LOGON, quantity: 2n ** 64n - 1n },
  ]);
  assertEquals(hello!.type, ServerType.LOGON_ACCEPTED);
});
