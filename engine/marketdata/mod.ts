// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the public may see: published depth and last trade, the order-by-order feed.
 *
 * @module
 */
export * from "./depth.ts";
export * from "./feed_aligner.ts";
export * from "./feed_book.ts";
export * from "./feed_builder.ts";
export * from "./feed_server.ts";
export * from "./feed_snapshots.ts";
export * from "./feed_store.ts";
export * from "./request_limiter.ts";
