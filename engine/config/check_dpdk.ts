// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What `[dpdk]` must say if it is enabled.
 *
 * @module
 */
import type { AddProblem } from "./problems.ts";
import type { WithSecrets } from "./secrets.ts";

/** Largest windows of a TCP connection through DPDK, as in `ffi/dpdk.ts`. */
export const DPDK_RECEIVE_BYTES_MAX = 262_144;
export const DPDK_SEND_BYTES_MAX = 524_288;

/** A port without a device, sessions without a port, windows that are too large. */
export function checkDpdk(
  { dpdk, capacity }: WithSecrets,
  add: AddProblem,
): void {
  for (const key of ["device", "address"] as const) {
    if (dpdk[key] === "") {
      add(`dpdk.${key}`, "", "must be given if dpdk.enabled is true");
    }
  }
  if (dpdk.sessions.length + dpdk.fix_sessions.length === 0) {
    add(
      "dpdk.sessions",
      [],
      "at least one is needed if dpdk.enabled is true, or one of dpdk.fix_sessions",
    );
  }
  if (dpdk.fix_sessions.length > 0 && dpdk.fix_port === 0) {
    add("dpdk.fix_port", 0, "must be given: there are dpdk.fix_sessions");
  }
  if (dpdk.sessions.length > 0 && dpdk.tcp_port + dpdk.udp_port === 0) {
    add(
      "dpdk.tcp_port",
      0,
      "it or dpdk.udp_port must be given: there are dpdk.sessions",
    );
  }
  for (
    const [key, value, max] of [
      [
        "receive_window_bytes",
        capacity.receive_window_bytes,
        DPDK_RECEIVE_BYTES_MAX,
      ],
      ["send_window_bytes", capacity.send_window_bytes, DPDK_SEND_BYTES_MAX],
    ] as const
  ) {
    if (value <= max) continue;
    add(
      `capacity.${key}`,
      value,
      `must be at most ${max} if dpdk.enabled is true: TCP there has no larger ones`,
    );
  }
}
