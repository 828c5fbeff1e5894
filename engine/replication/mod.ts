// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A primary and its standby: the stream of commands between them, and the
 * lease that says which of two is primary.
 *
 * @module
 */
export * from "./epoch_store.ts";
export * from "./follow_error.ts";
export * from "./follower.ts";
export * from "./frame.ts";
export * from "./lease.ts";
export * from "./link.ts";
export * from "./marks.ts";
export * from "./primary_stream.ts";
