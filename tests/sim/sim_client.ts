// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the scheduler knows of a simulated client.
 *
 * @module
 */
import type { Random } from "../oracle/random.ts";
import type { Received } from "./received.ts";
import type { SimClock } from "./sim_clock.ts";
import type { SimNetwork } from "./sim_network.ts";

/** What a client lives in. */
export interface ClientWorld {
  readonly network: SimNetwork;
  readonly clock: SimClock;
  readonly random: Random;
  /** FIX clients now and then start again at 1. */
  readonly resets: boolean;
}

/** One session's client. It never looks at the appliance but over the network. */
export interface SimClient {
  readonly name: string;
  readonly received: Received;
  /** Turns without a word or a look: its network is gone, or it is slow. */
  deaf: number;
  /** Does something. @returns What, or "". */
  act(): string;
  /** Ends its connection at any byte, without a word. */
  cut(): void;
  /** From here on: no new orders, everything received is asked for once more. */
  verify(): void;
  /** All that it ever received came once more. */
  readonly verified: boolean;
  /** What it waits for, for the report of a simulation that does not end. */
  readonly status: string;
}
