// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The binary order protocol: gateway and client.
 *
 * @module
 */
export * from "./binary_gateway.ts";
export * from "./client.ts";
export * from "./requests.ts";
