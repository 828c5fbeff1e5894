// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * FIX 4.4 as bytes: framing, tags, numbers. Pure functions and in-place
 * readers; what messages mean is the gateway's matter.
 *
 * @module
 */
export * from "./checksum.ts";
export * from "./dictionary.ts";
export * from "./numbers.ts";
export * from "./parser.ts";
