// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Packets of version 2 through the binary gateway: messages of one and of
 * three blocks, their numbers, wrong checksums, repeats, both versions side by
 * side. The exchange behind it is the real one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { OrdType, Reason, Side, TimeInForce } from "../../engine/record/mod.ts";
import {
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  type ServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { E8, Harness, limitOrder, logonMessage } from "./binary_harness.ts";

const { ACCEPTED, PACKET_REFUSED, REJECTED } = ServerType;

/** A limit order that says in three blocks what one could say. */
function longOrder(quantity: number, cents = 100): ClientMessage {
  return {
    ...limitOrder(Side.BUY, quantity, cents),
    type: ClientType.NEW_ORDER_WITH_TERMS,
    side: Side.BUY,
    terms: { ordType: OrdType.LIMIT, timeInForce: TimeInForce.GTC },
  };
}

/** Messages of one and three blocks, told apart by their quantities. */
function mixture(): ClientMessage[] {
  return [
    limitOrder(Side.BUY, 1, 100),
    longOrder(2),
    longOrder(3),
    limitOrder(Side.BUY, 4, 100),
    longOrder(5),
  ];
}

function quantities(messages: readonly ServerMessage[]): number[] {
  return messages.filter(({ type }) => type === ACCEPTED)
    .map(({ quantity }) => Number(quantity) / E8);
}

function letters(messages: readonly ServerMessage[]): string {
  return messages.map(({ type }) => String.fromCharCode(type)).join(" ");
}

Deno.test("BinaryGateway numbers messages, not blocks", () => {
  const harness = new Harness();
  harness.logon(1, 1, 0, 2);
  const answers = harness.ask(1, 1, 1, mixture(), 2);
  assertEquals(quantities(answers), [1, 2, 3, 4, 5]);
  assertEquals(answers.map(({ cause }) => cause), [1, 2, 3, 4, 5]);
  assertEquals(answers.map(({ reference }) => reference), [1, 2, 3, 4, 5]);
  assertEquals(harness.counter("binary_messages_received_total"), 6);
  const [hello] = harness.logon(2, 1, 0, 2);
  assertEquals(hello!.reference, 6);
});

Deno.test("BinaryGateway executes repeated messages of three blocks once", () => {
  const harness = new Harness();
  harness.logon(1, 1, 0, 2);
  harness.ask(1, 1, 1, mixture(), 2);
  assertEquals(harness.ask(1, 1, 1, mixture(), 2), []);
  assertEquals(harness.counter("binary_duplicates_total"), 5);
  const more = [...mixture().slice(1), longOrder(6), limitOrder(1, 7, 100)];
  const answers = harness.ask(1, 1, 2, more, 2);
  assertEquals(quantities(answers), [6, 7]);
  assertEquals(answers.map(({ cause }) => cause), [6, 7]);
  assertEquals(harness.exchange.ordersOpen, 7);
  const [gap] = harness.ask(1, 1, 9, mixture(), 2);
  assertEquals([gap!.type, gap!.reason, gap!.reference], [
    PACKET_REFUSED,
    Reason.SEQUENCE_GAP,
    8,
  ]);
});

Deno.test("BinaryGateway takes whole messages before a wrong checksum, wherever it is", () => {
  const sizes = [1, 3, 3, 1, 3];
  const first = [0, 1, 4, 7, 8];
  const blocks = sizes.reduce((sum, size) => sum + size);
  for (let block = 0; block < blocks; block++) {
    // The type as well, so that the packet seems to have another shape.
    for (const offset of [0, 2, 29, 33]) {
      const harness = new Harness();
      harness.logon(1, 1, 0, 2);
      const bytes = encodeClientPacket(1, 1, mixture(), 2);
      bytes[16 + block * 34 + offset]! ^= 0x40;
      harness.feed(1, bytes);
      harness.round();
      const answers = harness.received(1);
      const whole = first.findLastIndex((start) => start <= block);
      const refused = answers.find(({ type }) => type === PACKET_REFUSED)!;
      const what = `block ${block}, byte ${offset}`;
      assertEquals(refused.reason, Reason.BAD_CHECKSUM, what);
      assertEquals(Number(refused.price), whole, what);
      assertEquals(refused.reference, 1 + whole, what);
      assertEquals(quantities(answers), [1, 2, 3, 4, 5].slice(0, whole), what);
      const rest = harness.ask(1, 1, 1, mixture(), 2);
      assertEquals(quantities(rest), [1, 2, 3, 4, 5].slice(whole), what);
    }
  }
});

Deno.test("BinaryGateway answers a repeat with a wrong checksum", () => {
  const harness = new Harness();
  harness.logon(1, 1, 0, 2);
  harness.ask(1, 1, 1, mixture(), 2);
  const bytes = encodeClientPacket(1, 1, [...mixture(), longOrder(6)], 2);
  bytes[16 + 2 * 34]! ^= 1;
  harness.feed(1, bytes);
  harness.round();
  const [refused, ...more] = harness.received(1);
  assertEquals([refused!.type, refused!.reason, refused!.reference], [
    PACKET_REFUSED,
    Reason.BAD_CHECKSUM,
    6,
  ]);
  assertEquals(more, []);
  assertEquals(harness.exchange.ordersOpen, 5);
});

Deno.test("BinaryGateway refuses stray blocks one by one and goes on", () => {
  const harness = new Harness();
  harness.logon(1, 1, 0, 2);
  const stray: ClientMessage = { type: ClientType.TERMS };
  const more: ClientMessage = { type: ClientType.MORE_TERMS };
  const { terms: _, ...bare } = longOrder(2);
  const answers = harness.ask(1, 1, 1, [
    stray,
    more,
    bare,
    bare,
    stray,
    limitOrder(Side.BUY, 1, 100),
    bare,
    more,
    stray,
    longOrder(2),
    bare,
  ], 2);
  assertEquals(letters(answers), "J J J J J A J J J A J");
  assertEquals(
    answers.map(({ reason }) => reason),
    [15, 15, 20, 20, 15, 0, 20, 15, 15, 0, 20],
  );
  assertEquals(
    answers.map(({ cause }) => cause),
    answers.map((_, i) => i + 1),
  );
  assertEquals(harness.refusals.get(Reason.MALFORMED), 4);
});

Deno.test("BinaryGateway knows nothing of version 2 in a packet of version 1", () => {
  const harness = new Harness();
  harness.logon(1, 1);
  const answers = harness.ask(1, 1, 1, [
    longOrder(2),
    { ...limitOrder(Side.BUY, 1, 100), side: 0x15 },
    { ...limitOrder(Side.BUY, 1, 100), side: 0x21 },
    { type: ClientType.REDUCE, side: Side.BUY, quantity: E8, reference: 1 },
    { type: ClientType.MASS_CANCEL, symbol: 0xffffffff },
    { type: ClientType.BLOCK, symbol: 0xffffffff },
    { type: ClientType.UNLOCK, symbol: 0xffffffff },
  ]);
  assertEquals(answers.map(({ type }) => type), Array(9).fill(REJECTED));
  assertEquals(
    answers.map(({ reason }) => reason),
    [15, 15, 15, 2, 4, 15, 15, 15, 15],
  );
});

Deno.test("BinaryGateway answers in the version of the logon, and takes both", () => {
  const harness = new Harness();
  const versions = (connection: number) => {
    const sent = harness.transport.sent.get(connection) ?? [];
    harness.transport.sent.delete(connection);
    return new Set(sent.map((bytes) => bytes[0]));
  };
  for (const [connection, version] of [[1, 1], [2, 2], [3, 1]] as const) {
    harness.accept(connection);
    const logon = [logonMessage(1, 1)];
    harness.feed(connection, encodeClientPacket(1, 0, logon, version));
    const first = harness.exchange.inSequence(1) + 1;
    const other = 3 - version;
    const two = [longOrder(1)];
    harness.feed(connection, encodeClientPacket(1, first, two, 2));
    const one = [limitOrder(Side.BUY, 1, 100)];
    harness.feed(connection, encodeClientPacket(1, first + 1, one, 1));
    harness.feed(connection, encodeClientPacket(1, first + 9, one, other));
    const beat: ClientMessage = { type: ClientType.HEARTBEAT };
    harness.feed(connection, encodeClientPacket(1, 0, [beat], other));
    harness.round();
    harness.pass(1100);
    assertEquals(versions(connection), new Set([version]));
    assertEquals(harness.exchange.ordersOpen, 2 * connection);
  }
  harness.accept(5);
  const wrong: ClientMessage[] = [{ type: ClientType.LOGON }];
  harness.feed(5, encodeClientPacket(2, 0, wrong, 2));
  assertEquals(versions(5), new Set([2]));
});

Deno.test("BinaryGateway cuts a client of a version that is none", () => {
  for (const version of [0, 3, 255]) {
    const harness = new Harness();
    harness.logon(1, 1, 0, 2);
    const order = [limitOrder(1, 1, 100)];
    const [refused] = harness.ask(1, 1, 1, order, version);
    assertEquals(refused!.reason, Reason.MALFORMED);
    assertEquals(harness.transport.closed.has(1), true);
  }
});

Deno.test("BinaryGateway takes messages of three blocks over UDP, and repeats answers", () => {
  const harness = new Harness();
  const ask = (sequence: number, messages: ClientMessage[]) =>
    harness.askDatagram(1, sequence, messages, 5000, 2);
  ask(0, [logonMessage(1)]);
  const fourteen = Array.from({ length: 14 }, (_, i) => longOrder(1 + i));
  const answers = ask(1, fourteen);
  assertEquals(answers.length, 14);
  const [beat] = ask(1, fourteen);
  assertEquals([beat!.type, beat!.reference], [ServerType.HEARTBEAT, 15]);
  const again = ask(0, [{
    type: ClientType.RETRANSMIT,
    quantity: 3,
    price: 2,
  }]);
  assertEquals(again, answers.slice(2, 4));
  ask(15, [...fourteen, limitOrder(1, 1, 100)]);
  assertEquals(harness.counter("binary_packets_garbled_total"), 1);
  assertEquals(harness.exchange.ordersOpen, 14);
});

Deno.test("BinaryGateway reads packets of version 2 split at every byte", () => {
  const stream = new Uint8Array([
    ...encodeClientPacket(1, 0, [logonMessage(1)], 2),
    ...encodeClientPacket(1, 1, mixture(), 2),
    ...encodeClientPacket(1, 6, [longOrder(6)], 2),
    ...encodeClientPacket(1, 7, [limitOrder(1, 7, 100)], 1),
  ]);
  for (let at = 1; at < stream.length; at++) {
    const harness = new Harness();
    harness.accept(1);
    harness.feed(1, stream.subarray(0, at));
    harness.feed(1, stream.subarray(at));
    harness.round();
    assertEquals(quantities(harness.received(1)), [1, 2, 3, 4, 5, 6, 7]);
  }
});

Deno.test("BinaryGateway has room for one command a message, whatever its blocks", () => {
  const harness = new Harness({ commandSlots: 512 });
  harness.logon(1, 1, 0, 2);
  harness.paused = true;
  const orders = Array.from({ length: 85 }, () => longOrder(1));
  for (let i = 0; i < 6; i++) {
    const packet = encodeClientPacket(1, 1 + i * 85, orders, 2);
    assertEquals(harness.feed(1, packet), false);
  }
  const packet = encodeClientPacket(1, 511, orders, 2);
  assertEquals(harness.feed(1, packet), true);
  harness.round();
  assertEquals(harness.waiting(), 510);
  harness.paused = false;
  harness.round();
  assertEquals(harness.show(1), false);
  harness.round();
  assertEquals(harness.exchange.ordersOpen, 595);
});

Deno.test("BinaryGateway goes on after a restart with messages of three blocks", () => {
  const first = new Harness();
  first.logon(1, 1, 0, 2);
  first.ask(1, 1, 1, mixture(), 2);
  const second = new Harness({ journal: first.journal });
  const again = second.logon(1, 1, 1, 2);
  assertEquals([again[0]!.reference, again[0]!.leaves], [6, 6n]);
  assertEquals(quantities(again), [1, 2, 3, 4, 5]);
  assertEquals(second.ask(1, 1, 4, mixture().slice(3), 2), []);
});
