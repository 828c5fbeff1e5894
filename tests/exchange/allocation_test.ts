// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange must not allocate for a command once it is warm. Numbers are
 * chosen above 2^31, where a float64 that escapes costs heap.
 *
 * @module
 */
import { assert } from "@std/assert";
import { COMMAND_SLOT_BYTES, CommandKind } from "../../engine/record/mod.ts";
import { RandomCommands } from "../oracle/random_commands.ts";
import { CommandBuffer, TestExchange } from "./support.ts";

const COMMANDS = 100_000;
/** Warm is when so many rounds in a row are calm; on a busy machine that takes a while. */
const CALM_ROUNDS = 5;
const ROUNDS_MAX = 100;
/** One float64 on the heap for each command would be 1.6 MB a round. */
const GROWTH_MAX_BYTES = 300_000;

Deno.test("Exchange.apply() allocates nothing once it is warm, seed 17", () => {
  const t = new TestExchange({ ordersMax: 4000, instruments: 4, slots: 4096 });
  t.discard = true;
  const stream = new RandomCommands({
    seed: 17,
    instruments: 4,
    sessions: 4,
    references: 500,
    spread: 40,
    mid: 100_000,
    quantityMax: 2 ** 31,
    absurd: 200,
    texts: 2,
  });
  const one = new CommandBuffer();
  const all = new CommandBuffer(COMMANDS);
  const big = 2 ** 33;
  for (let i = 0; i < COMMANDS; i++) {
    const command = stream.next();
    command.reference = (command.reference ?? 0) + big;
    if (command.newReference) command.newReference += big;
    if (command.quantity) command.quantity *= 4;
    if (command.kind === CommandKind.DEFINE_LIMITS) command.quantity = 0;
    one.write(command, 0);
    all.u8.set(one.u8, i * COMMAND_SLOT_BYTES);
  }
  const { exchange } = t;
  let sequence = big;
  const growth: number[] = [];
  let calm = 0;
  while (calm < CALM_ROUNDS && growth.length < ROUNDS_MAX) {
    // Counting in float64 may allocate here: before the heap is looked at.
    for (let i = 0; i < COMMANDS; i++) {
      all.f64[i * (COMMAND_SLOT_BYTES >> 3) + 1] = ++sequence;
    }
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < COMMANDS; i++) {
      exchange.apply(all, i * COMMAND_SLOT_BYTES);
    }
    const grown = Deno.memoryUsage().heapUsed - before;
    growth.push(grown);
    // A collection makes it negative: it may hide what was allocated.
    calm = grown >= 0 && grown < GROWTH_MAX_BYTES ? calm + 1 : 0;
  }
  assert(exchange.trades > 10_000, `only ${exchange.trades} trades`);
  assert(
    calm === CALM_ROUNDS,
    `heap growth by round of ${COMMANDS}: ${growth.join(" ")}`,
  );
});
