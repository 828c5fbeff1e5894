// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the public may see: published depth and last trade.
 *
 * @module
 */
export * from "./depth.ts";
