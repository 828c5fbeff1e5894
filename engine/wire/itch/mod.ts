// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Nasdaq TotalView-ITCH 5.0: table of messages and decoder.
 *
 * @module
 */
export * from "./messages.ts";
export * from "./decoder.ts";
