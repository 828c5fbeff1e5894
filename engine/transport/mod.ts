// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport interface and its drivers.
 *
 * @module
 */
export * from "./choose_sockets.ts";
export * from "./dpdk_transport.ts";
export * from "./null_transport.ts";
export * from "./socket_transport.ts";
export * from "./transport.ts";
