// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One typed wrapper for each C header of `native/`.
 *
 * @module
 */
export * from "./native_error.ts";
