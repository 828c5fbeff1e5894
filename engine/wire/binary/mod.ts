// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The binary order protocol: layout, exact numbers, and codecs over bytes.
 *
 * @module
 */
export * from "./encode_event.ts";
export * from "./layout.ts";
export * from "./message.ts";
export * from "./number.ts";
