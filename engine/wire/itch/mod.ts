// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Nasdaq TotalView-ITCH 5.0: table of messages, decoder, encoder.
 *
 * @module
 */
export * from "./messages.ts";
export * from "./decoder.ts";
export * from "./encoder.ts";
