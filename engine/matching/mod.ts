// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What each order type and time in force does to a book.
 *
 * @module
 */
export * from "./matching.ts";
export * from "./ticks.ts";
