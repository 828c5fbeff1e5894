// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertThrows } from "@std/assert";
import { BookHash, mixCommands, TapeHash } from "../../bench/exchange_mix.ts";
import {
  EVERYTHING,
  ExchangeRig,
  NOTHING,
  OWNERS_MAX,
} from "../../bench/exchange_rig.ts";
import { mix } from "../../bench/standard_mix.ts";
import { warmUp } from "../../bench/warm_up.ts";

const OPTIONS = {
  instruments: 1,
  ordersMax: 10_000,
  reference: 10_000,
};
const MESSAGES = 20_000;

/** Hashes of the trades and of the book that a flow leaves. */
function hashes(rig: ExchangeRig, owners: number, texts = false): number[] {
  const tape = new TapeHash();
  const book = new BookHash();
  rig.prepare();
  rig.listen((ring, byte) => tape.take(ring, byte));
  rig.run(mixCommands(mix(MESSAGES, 1), owners, texts));
  rig.sweep((ring, byte) => book.take(ring, byte));
  return [tape.value, book.value];
}

Deno.test("ExchangeRig trades the same with every rule and with none", () => {
  const none = new ExchangeRig({ ...OPTIONS, rules: NOTHING });
  const expected = hashes(none, 1);
  for (const owners of [1, OWNERS_MAX]) {
    const all = new ExchangeRig({ ...OPTIONS, rules: EVERYTHING, owners });
    assertEquals(hashes(all, owners), expected);
    assertEquals(hashes(all, owners, true), expected);
  }
});

Deno.test("ExchangeRig.prepare() brings the state back, also after a warm-up", () => {
  const rig = new ExchangeRig({ ...OPTIONS, rules: EVERYTHING });
  const fresh = rig.exchange.stateHash();
  warmUp(rig);
  assertEquals(rig.exchange.stateHash(), fresh);
  rig.run(mixCommands(mix(MESSAGES, 1), 1));
  const once = rig.exchange.stateHash();
  rig.prepare();
  rig.run(mixCommands(mix(MESSAGES, 1), 1));
  assertEquals(rig.exchange.stateHash(), once);
});

Deno.test("ExchangeRig with lazy memory runs once", () => {
  const rig = new ExchangeRig({
    ...OPTIONS,
    rules: EVERYTHING,
    lazyMemory: true,
  });
  rig.run(mixCommands(mix(MESSAGES, 1), 1));
  assertThrows(() => rig.prepare(), Error, "runs once");
});
