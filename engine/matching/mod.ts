// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What each order type and time in force does to a book.
 *
 * @module
 */
export * from "./auction.ts";
export * from "./matching.ts";
export * from "./ticks.ts";
export * from "./instruments.ts";
export * from "./owners.ts";
export * from "./peg_price.ts";
export * from "./slice.ts";
export * from "./special_matching.ts";
