// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * 100,000 mutated packets against the binary gateway: it must not throw, not
 * hang, and not let the trade of other sessions suffer.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Reason, Side } from "../../engine/record/mod.ts";
import {
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { Harness, KEY, limitOrder, logonMessage } from "./binary_harness.ts";

const PACKETS = 100_000;

/** Mulberry32. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const TYPES = Object.values(ClientType);
const WORDS = [
  0n,
  1n,
  2n,
  100_000_000n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function anyMessage(random: (below: number) => number): ClientMessage {
  const word = () =>
    random(3) === 0
      ? WORDS[random(WORDS.length)]!
      : BigInt(random(50)) * 1_000_000n;
  return {
    type: random(20) === 0 ? random(256) : TYPES[random(TYPES.length)]!,
    symbol: random(8) === 0 ? 3 + random(0x7fffffff) : 2 * random(2),
    side: random(3) === 0 ? random(256) : 1 + random(2),
    quantity: random(5) === 0 ? KEY : word() * 100n % 2n ** 64n,
    price: word(),
    reference: random(2) === 0 ? BigInt(random(200)) : word(),
  };
}

/** A packet that is right, nearly right, or noise. */
function anyPacket(
  random: (below: number) => number,
  expected: number,
): Uint8Array {
  const count = 1 + random(random(10) === 0 ? 42 : 4);
  const messages = Array.from({ length: count }, () => anyMessage(random));
  const sequence = [
    0,
    expected,
    expected,
    expected + 1,
    Math.max(0, expected - 3),
    0xffffffff,
  ][random(6)]!;
  const bytes = encodeClientPacket(
    random(16) === 0 ? random(6) : 1,
    sequence,
    random(10) === 0 ? [logonMessage(1), ...messages] : messages,
  );
  switch (random(10)) {
    case 0:
      for (let i = random(4); i >= 0; i--) {
        bytes[random(bytes.length)]! ^= 1 << random(8);
      }
      return bytes;
    case 1:
      return bytes.subarray(0, random(bytes.length));
    case 2:
      for (let i = random(bytes.length); i < bytes.length; i++) {
        bytes[i] = random(256);
      }
      return bytes;
    case 3: {
      const more = new Uint8Array(bytes.length + random(40));
      more.set(bytes);
      return more;
    }
    default:
      return bytes;
  }
}

for (const [link, seed] of [["TCP", 20260701], ["UDP", 20260702]] as const) {
  Deno.test(`BinaryGateway survives ${PACKETS / 2} mutated ${link} packets (seed ${seed})`, () => {
    const random = generator(seed);
    const harness = new Harness();
    harness.logon(2, 2);
    let expected = 1;
    let neighbours = 0;
    let connected = false;
    const commands = harness.journal.length;
    for (let i = 0; i < PACKETS / 2; i++) {
      if (
        link === "TCP" &&
        (!connected || harness.transport.closed.has(1) || random(50) === 0)
      ) {
        if (connected) harness.hangUp(1);
        harness.accept(1);
        harness.ask(1, 1, 0, [logonMessage(1)]);
        connected = true;
      } else if (link === "UDP" && random(20) === 0) {
        harness.datagram(encodeClientPacket(1, 0, [logonMessage(1)]));
      }
      expected = harness.exchange.inSequence(1) + 1;
      const bytes = anyPacket(random, expected);
      if (link === "TCP") harness.feed(1, bytes);
      else harness.datagram(bytes, random(10) === 0 ? 6000 + random(9) : 5000);
      harness.round();
      harness.transport.sent.delete(1);
      harness.transport.datagrams.length = 0;
      if (i % 100 !== 0) continue;
      harness.setTime(harness.now.ms + 1);
      const reference = ++neighbours;
      const [answer] = harness.ask(2, 2, reference, [
        limitOrder(Side.BUY, 1, 1, 1),
      ]);
      assertEquals([answer!.type, answer!.cause], [
        ServerType.ACCEPTED,
        reference,
      ], `packet ${i}`);
      const [gone] = harness.ask(2, 2, ++neighbours, [{
        type: ClientType.CANCEL,
        symbol: 1,
        side: Side.BUY,
        reference,
      }]);
      const fate = gone!.type === ServerType.CANCELED ||
        gone!.type === ServerType.FILLED;
      assert(fate, `packet ${i}: ${JSON.stringify(gone!.type)}`);
    }
    assert(
      harness.journal.length - commands > 10_000,
      "too few messages got through to mean anything",
    );
    assert((harness.refusals.get(Reason.BAD_CHECKSUM) ?? 0) > 300);
    assert(harness.counter("binary_packets_garbled_total") > 1000);
    assert(harness.counter("binary_duplicates_total") > 100);
    harness.hangUp(1);
    harness.accept(1);
    const [hello] = harness.ask(1, 1, 0, [logonMessage(1)]);
    assertEquals(hello!.type, ServerType.LOGON_ACCEPTED);
    assertEquals(hello!.reference, harness.exchange.inSequence(1) + 1);
    assertEquals(Number(hello!.leaves), harness.exchange.outSequence(1) + 1);
  });
}
