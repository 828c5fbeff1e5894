// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * 100,000 mutated packets of both versions against the binary gateway and the
 * exchange behind it: they must not throw, not hang, and not let the trade of
 * other sessions suffer.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Reason, Side } from "../../engine/record/mod.ts";
import {
  type ClientMessage,
  type ClientTerms,
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

/** Nothing, as a rule; else something that may have a meaning, or may not. */
function anyTerms(random: (below: number) => number): ClientTerms {
  const rare = (value: () => bigint) =>
    random(4) === 0 ? random(9) === 0 ? WORDS[random(8)]! : value() : 0n;
  const cents = () => BigInt(random(50)) * 1_000_000n;
  const lots = () => BigInt(random(9)) * 100_000_000n;
  return {
    ordType: random(20) === 0 ? random(256) : 1 + random(9),
    timeInForce: random(20) === 0 ? random(256) : random(8),
    flags: random(2) === 0 ? 0 : random(40) === 0 ? random(65536) : random(32),
    stp: random(2) === 0 ? 0 : random(9),
    stopPrice: random(2) === 0 ? cents() : rare(cents),
    displayQuantity: rare(lots),
    displayRange: rare(lots),
    minQuantity: rare(lots),
    account: random(8) === 0 ? random(4) : 0,
    expireTimeNs: rare(() => 1_767_225_600_000_000_000n + BigInt(random(1e9))),
    linkReference: random(8) === 0 ? random(2000) : 0,
    offset: random(3) === 0 ? random(100) - 50 : 0,
  };
}

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

const REQUESTS = [
  ClientType.CANCEL,
  ClientType.STATUS,
  ClientType.REDUCE,
  ClientType.REPLACE,
  ClientType.REPLACE_WITH_TERMS,
  ClientType.MASS_CANCEL,
  ClientType.UNLOCK,
  ClientType.BLOCK,
];

/** A message that has a chance to be taken. */
function anyRequest(
  random: (below: number) => number,
  expected: number,
): ClientMessage {
  const side = 1 + random(2);
  const symbol = random(2);
  const quantity = BigInt(1 + random(50)) * 100_000_000n;
  const price = BigInt(10 + random(30)) * 1_000_000n;
  if (random(3) === 0) return limitOrder(side, 1 + random(9), 10 + random(30));
  if (random(2) === 0) {
    const terms = anyTerms(random);
    const limited = [2, 4].includes(terms.ordType!) ||
      terms.ordType! > 6 && random(2) === 0;
    const type = ClientType.NEW_ORDER_WITH_TERMS;
    const base = { type, symbol, side, quantity, terms };
    return limited ? { ...base, price } : base;
  }
  const request = {
    type: REQUESTS[random(random(20) === 0 ? 8 : 7)]!,
    symbol,
    side,
    reference: Math.max(1, expected - random(60)),
  };
  switch (request.type) {
    case ClientType.CANCEL:
    case ClientType.STATUS:
      return request;
    case ClientType.REDUCE:
      return { ...request, quantity };
    case ClientType.REPLACE:
      return { ...request, quantity, price };
    case ClientType.REPLACE_WITH_TERMS:
      return { ...request, quantity, price, terms: { stopPrice: price } };
    case ClientType.MASS_CANCEL:
      return random(9) === 0
        ? { type: request.type, symbol, side: random(64) }
        : { type: request.type, symbol, side: random(3) };
    default:
      return { type: request.type, symbol: 0xffffffff, side: 16 * random(2) };
  }
}

/** A packet that is right, nearly right, or noise. */
function anyPacket(
  random: (below: number) => number,
  expected: number,
): Uint8Array {
  if (random(2) === 0) {
    const some = Array.from(
      { length: 1 + random(4) },
      () => anyRequest(random, expected),
    );
    return encodeClientPacket(1, expected, some, 2);
  }
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
    random(40) === 0 ? random(256) : 1 + random(2),
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
    const seen = new Set<string>();
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
      const answers = link === "TCP"
        ? harness.received(1)
        : harness.receivedDatagrams();
      for (const { sequence, type } of answers) {
        if (sequence > 0) seen.add(String.fromCharCode(type));
      }
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
    assertEquals([...seen].toSorted().join(""), "ABCFJKMRSTUVY");
    assert((harness.refusals.get(Reason.BAD_CHECKSUM) ?? 0) > 300);
    assert(harness.counter("binary_packets_garbled_total") > 1000);
    assert(harness.counter("binary_duplicates_total") > 100);
    const again = new Harness({ journal: harness.journal });
    assertEquals(again.exchange.stateHash(), harness.exchange.stateHash());
    harness.hangUp(1);
    harness.accept(1);
    const [hello] = harness.ask(1, 1, 0, [logonMessage(1)]);
    assertEquals(hello!.type, ServerType.LOGON_ACCEPTED);
    assertEquals(hello!.reference, harness.exchange.inSequence(1) + 1);
    assertEquals(Number(hello!.leaves), harness.exchange.outSequence(1) + 1);
  });
}
