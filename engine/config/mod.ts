// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration file: its shape, its defaults and their reasons.
 *
 * @module
 */
export * from "./defaults.ts";
export * from "./difference.ts";
export * from "./entries.ts";
export * from "./fields.ts";
export * from "./load.ts";
export * from "./problems.ts";
export * from "./reasons.ts";
export * from "./secrets.ts";
export * from "./types.ts";
