// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * An exchange that was reset is as new: it gives the same bytes as one that
 * was never used, and so does one that was warmed up.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { warmUp } from "../../engine/appliance/warm_up.ts";
import { CommandKind } from "../../engine/record/mod.ts";
import { commandsOf, type Shape, SHAPES } from "../oracle/shapes.ts";
import { type TestCommand, TestExchange } from "./support.ts";

const COMMANDS = 2000;

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

function bytesOf(t: TestExchange): string {
  return t.recorded.map((bytes) => bytes.toHex()).join("\n");
}

function play(t: TestExchange, commands: readonly TestCommand[]): void {
  for (const command of commands) t.send(command);
}

SHAPES.forEach((shape, k) => {
  const seed = 90_000 + k;
  Deno.test(`Exchange.reset() leaves nothing behind: ${shape.name}, seed ${seed}`, () => {
    const fresh = exchangeOf(shape);
    const used = exchangeOf(shape);
    play(used, [...commandsOf(shape, seed + 500, COMMANDS)]);
    used.exchange.reset();
    used.sequence = 0;
    used.recorded.length = 0;
    assertEquals(
      used.exchange.stateHash(),
      fresh.exchange.stateHash(),
      "as new",
    );
    const commands = [...commandsOf(shape, seed, COMMANDS)];
    play(fresh, commands);
    play(used, commands);
    assertEquals(bytesOf(used) === bytesOf(fresh), true, "events");
    assertEquals(used.exchange.stateHash(), fresh.exchange.stateHash());
    assertEquals(
      used.exchange.snapshot().toHex() === fresh.exchange.snapshot().toHex(),
      true,
      "bytes of the state",
    );
  });
});

Deno.test("warmUp() leaves the exchange as new, and shows nobody an event", () => {
  const options = {
    ordersMax: 20_000,
    sessionsMax: 3,
    instrumentsMax: 2,
    instruments: 0,
  };
  const fresh = new TestExchange(options);
  const warm = new TestExchange(options);
  assertEquals(warmUp(warm.exchange, 3) > 0, true);
  assertEquals(warm.exchange.stateHash(), fresh.exchange.stateHash());
  assertEquals(warm.exchange.events, 0);
  warm.sequence = 0;
  assertEquals(warm.send({ kind: CommandKind.TIME, session: 0 }), []);
});
