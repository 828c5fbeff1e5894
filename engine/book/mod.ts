// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The price-time books of a shard: order pool, price index, queue per price.
 *
 * @module
 */
export * from "./layout.ts";
export * from "./price_index.ts";
export * from "./book.ts";
