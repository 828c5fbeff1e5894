// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace that holds both
 * ends of a veth: the conformance suite over DPDK's packet socket driver,
 * with the kernel's sockets as clients.
 *
 * ```
 *  DpdkTransport on dut0, 10.99.0.2 ── veth ── peer0, 10.99.0.1: Deno's sockets
 * ```
 *
 * @module
 */
import { DpdkTransport } from "../../engine/transport/mod.ts";
import { datagramConformance } from "./conformance.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
} from "./netns.ts";

disableChecksumOffload("peer0");

datagramConformance({
  name: "dpdk",
  address: SERVER_ADDRESS,
  clientAddress: CLIENT_ADDRESS,
  missing: () => "",
  open: () =>
    new DpdkTransport({
      device: "net_af_packet0,iface=dut0",
      address: SERVER_ADDRESS,
      prefix: NETWORK_PREFIX,
      hugePages: false,
      buffers: 8191,
    }),
});
