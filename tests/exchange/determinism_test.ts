// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The same commands give the same bytes and the same state: when they are
 * played again, and when they go on from a snapshot taken anywhere.
 *
 * @module
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { commandsOf, type Shape, SHAPES } from "../oracle/shapes.ts";
import { type TestCommand, TestExchange } from "./support.ts";

const COMMANDS = 2400;

function exchangeOf({ setup }: Shape): TestExchange {
  const t = new TestExchange({
    ordersMax: 300,
    pagesMax: 601,
    tablesMax: 700,
    ...setup,
    instruments: 0,
  });
  t.record = true;
  return t;
}

/** Everything that came out so far, as one text. */
function bytesOf(t: TestExchange): string {
  return t.recorded.map((bytes) => bytes.toHex()).join("\n");
}

function play(t: TestExchange, commands: readonly TestCommand[]): void {
  for (const command of commands) t.send(command);
}

SHAPES.forEach((shape, k) => {
  const seed = 70_000 + k;
  Deno.test(`Exchange gives the same bytes and state when commands are played again: ${shape.name}, seed ${seed}`, () => {
    const commands = [...commandsOf(shape, seed, COMMANDS)];
    const one = exchangeOf(shape);
    const other = exchangeOf(shape);
    play(one, commands);
    play(other, commands);
    assertEquals(bytesOf(other) === bytesOf(one), true, "events");
    assertEquals(other.exchange.stateHash(), one.exchange.stateHash());
  });

  Deno.test(`Exchange.restore() goes on where snapshot() was taken: ${shape.name}, seed ${seed}`, () => {
    const commands = [...commandsOf(shape, seed, COMMANDS)];
    // At the start, and at places that have nothing to do with the stream.
    for (const cut of [0, 777, 1999]) {
      const whole = exchangeOf(shape);
      play(whole, commands.slice(0, cut));
      const snapshot = whole.exchange.snapshot();
      const before = whole.exchange.stateHash();
      const restored = exchangeOf(shape);
      // Its own state must leave nothing behind.
      play(restored, commands.slice(0, cut >> 1));
      restored.exchange.restore(snapshot);
      restored.sequence = whole.sequence;
      assertEquals(restored.exchange.stateHash(), before, `cut ${cut}`);
      whole.recorded.length = 0;
      restored.recorded.length = 0;
      play(whole, commands.slice(cut));
      play(restored, commands.slice(cut));
      assertEquals(
        bytesOf(restored) === bytesOf(whole),
        true,
        `events after a snapshot at ${cut}`,
      );
      assertEquals(
        restored.exchange.stateHash(),
        whole.exchange.stateHash(),
        `state after a snapshot at ${cut}`,
      );
      assertEquals(
        restored.exchange.snapshot().toHex() ===
          whole.exchange.snapshot().toHex(),
        true,
        `bytes of the state after a snapshot at ${cut}`,
      );
    }
  });
});

Deno.test("Exchange.stateHash() tells states apart that differ in one order", () => {
  const shape = SHAPES[2]!;
  const commands = [...commandsOf(shape, 5, 600)];
  const hashes = new Set<string>();
  const t = exchangeOf(shape);
  for (const command of commands) {
    t.send(command);
    hashes.add(t.exchange.stateHash());
  }
  // The sequence is part of the state: no two are equal.
  assertEquals(hashes.size, commands.length);
  const less = exchangeOf(shape);
  play(less, commands.slice(0, -1));
  assertNotEquals(less.exchange.stateHash(), t.exchange.stateHash());
});
