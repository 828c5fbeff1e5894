// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What gateways rely on, as tests that run unchanged against every rung: a
 * gateway can not tell which transport it has. A difference between two
 * rungs that a gateway or a client could see is a defect of one of them.
 *
 * ```
 *  conformance.ts ─┬─ conformance_streams.ts    one connection, in every state
 *                  ├─ conformance_crowds.ts     thousands of them, and bad manners
 *                  ├─ conformance_datagrams.ts
 *                  └─ conformance_multicast.ts
 *
 *  run by uring_transport_test.ts, plain_transport_test.ts, dpdk_conformance_test.ts
 * ```
 *
 * @module
 */
import { register, type Rung } from "./bed.ts";
import { CROWD_TESTS } from "./conformance_crowds.ts";
import { DATAGRAM_TESTS } from "./conformance_datagrams.ts";
import { MULTICAST_TESTS } from "./conformance_multicast.ts";
import { STREAM_TESTS } from "./conformance_streams.ts";

/** All that every rung must pass. */
export const ALL_TESTS = [
  ...STREAM_TESTS,
  ...CROWD_TESTS,
  ...DATAGRAM_TESTS,
  ...MULTICAST_TESTS,
];

/** Registers the tests for a rung. */
export function conformance(rung: Rung): void {
  register(rung, ALL_TESTS);
}
