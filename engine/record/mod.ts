// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The records that cross rings, lie in the journal and travel to replicas:
 * one table each for commands and events, and the codes in them.
 *
 * @module
 */
export * from "./codes.ts";
export * from "./command.ts";
export * from "./event.ts";
