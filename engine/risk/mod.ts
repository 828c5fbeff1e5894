// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Checks before the book.
 *
 * @module
 */
export * from "./accounts.ts";
export * from "./limits.ts";
export * from "./message_rate.ts";
