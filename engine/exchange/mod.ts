// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The deterministic state machine of one shard.
 *
 * @module
 */
export * from "./event_digest.ts";
export * from "./event_ring.ts";
export type { CommandViews } from "./event_writer.ts";
export * from "./exchange.ts";
export * from "./order_index.ts";
