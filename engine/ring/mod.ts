// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Rings over shared huge pages, the only way from one agent to another, and
 * the few words that tell where each agent is.
 *
 * @module
 */
export * from "./control.ts";
export * from "./flight_ring.ts";
export * from "./spsc_ring.ts";
export * from "./words.ts";
