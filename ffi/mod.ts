// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One typed wrapper for each C header of `native/`. Importing opens nothing;
 * the first call does.
 *
 * @module
 */
export * from "./clock.ts";
export * from "./cpu.ts";
export * from "./crc32c.ts";
export * from "./dpdk.ts";
export * from "./dpdk_device.ts";
export * from "./dpdk_figures.ts";
export * from "./event_digest.ts";
export * from "./file.ts";
export * from "./host.ts";
export * from "./journal.ts";
export * from "./library.ts";
export * from "./link.ts";
export * from "./memory.ts";
export * from "./native_error.ts";
export * from "./notify.ts";
export * from "./numa.ts";
export * from "./uring.ts";
export * from "./ptp.ts";
export * from "./text_file.ts";
