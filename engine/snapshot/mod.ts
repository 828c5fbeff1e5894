// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Snapshots: state as sections, the file that holds them, and the folder that
 * keeps the newest of them.
 *
 * @module
 */
export * from "./folder.ts";
export * from "./format.ts";
export * from "./reader.ts";
export * from "./sections.ts";
export * from "./writer.ts";
