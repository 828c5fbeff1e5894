// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the simulated operator asks: states and auctions, settings, the kill
 * switch; mostly things that end, so that trading goes on.
 *
 * @module
 */
import type { Random } from "../oracle/random.ts";
import { SYMBOLS } from "./sim_orders.ts";

/** One request, as the admin port takes it. */
export function randomRequest(random: Random): unknown {
  const instrument = random.pick(SYMBOLS);
  switch (random.draw(9)) {
    case 0:
      return {
        command: "state",
        instrument,
        state: random.pick(["opening-auction", "closing-auction", "halt"]),
        duration_ms: 1 + random.draw(3000),
        then: "open",
      };
    case 1:
      return { command: "state", all: true, state: "open" };
    case 2:
      return {
        command: "state",
        instrument,
        state: "volatility-auction",
        duration_ms: 1 + random.draw(1000),
      };
    case 3:
      return { command: "uncross", instrument };
    case 4:
      return { command: "kill", account: "DESK" };
    case 5:
    case 6:
      return { command: "unlock", account: "DESK" };
    case 7:
      return { command: "cancel", all: true, instrument };
    default:
      return random.draw(2) === 0
        ? { command: "kill", session: "F2" }
        : { command: "unlock", session: "F2" };
  }
}
