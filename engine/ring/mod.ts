// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Rings over shared huge pages, the only way from one agent to another.
 *
 * @module
 */
export * from "./spsc_ring.ts";
