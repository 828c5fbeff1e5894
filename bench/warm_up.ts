// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the first real order as fast as the rest: a flow of orders through a
 * small exchange that is thrown away, so that V8 has compiled what every
 * order runs through.
 *
 * V8 compiles functions, not objects: what one exchange has taught it, all of
 * the process know.
 *
 * @module
 */
import { ExchangeMix, mixCommands } from "./exchange_mix.ts";
import { EVERYTHING } from "./exchange_rig.ts";
import { mix, MIXES } from "./standard_mix.ts";

/** Messages of a pass, and passes. */
const MESSAGES = 100_000;
const PASSES = 3;

/** Warms up. @returns Milliseconds that it took. */
export function warmUp(): number {
  const start = performance.now();
  const commands = mixCommands(mix(MESSAGES, 1), 1);
  const facts = { ...MIXES.mix1m, messages: MESSAGES };
  const scratch = new ExchangeMix("warm-up", commands, facts, EVERYTHING);
  for (let pass = 0; pass < PASSES; pass++) {
    scratch.prepare();
    scratch.run();
  }
  return performance.now() - start;
}
