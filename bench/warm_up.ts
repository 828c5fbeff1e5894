// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the first real order as fast as the rest: a flow of orders runs
 * through the exchange before it is in use, so that V8 has compiled what every
 * order runs through; then the exchange gets its state back.
 *
 * It must be the same exchange: a second one would take from V8 what it knows
 * about the first.
 *
 * @module
 */
import { mixCommands } from "./exchange_mix.ts";
import type { ExchangeRig } from "./exchange_rig.ts";
import { mix } from "./standard_mix.ts";

/** Messages of a pass, and passes. */
const MESSAGES = 100_000;
const PASSES = 3;

/** Warms a rig up. @returns Milliseconds that it took. */
export function warmUp(rig: ExchangeRig): number {
  const commands = mixCommands(mix(MESSAGES, 1), 1);
  const start = performance.now();
  for (let pass = 0; pass < PASSES; pass++) {
    rig.prepare();
    rig.run(commands);
  }
  rig.prepare();
  return performance.now() - start;
}
