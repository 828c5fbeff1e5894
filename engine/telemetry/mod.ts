// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Counters and histograms in one shared block, and the log.
 *
 * @module
 */
export * from "./block.ts";
export * from "./counters.ts";
export * from "./heap_lines.ts";
export * from "./histogram.ts";
export * from "./log.ts";
export * from "./session_board.ts";
