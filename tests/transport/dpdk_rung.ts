// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace that holds both
 * ends of a veth: the conformance suite over one of DPDK's drivers
 * (`FERRULE_TEST_DRIVER`), with the kernel's sockets as clients.
 *
 * ```
 *  DpdkTransport on dut0, 10.99.0.2 ── veth ── peer0, 10.99.0.1: Deno's sockets
 * ```
 *
 * @module
 */
import {
  DpdkTransport,
  type SocketTransportOptions,
} from "../../engine/transport/mod.ts";
import { conformance } from "./conformance.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
} from "./netns.ts";

const driver = Deno.env.get("FERRULE_TEST_DRIVER") ?? "net_af_packet";
disableChecksumOffload("peer0");

/** What every transport of the suite has in common; sizes come from the test. */
function open(options: SocketTransportOptions): DpdkTransport {
  return new DpdkTransport({
    device: `${driver}0,iface=dut0`,
    address: SERVER_ADDRESS,
    prefix: NETWORK_PREFIX,
    hugePages: false,
    buffers: 16_383,
    connectionsMax: options.connectionsMax ?? 8,
    receiveWindowBytes: options.receiveWindowBytes ?? 65_536,
    sendWindowBytes: options.sendWindowBytes ?? 524_288,
    lingerMs: options.lingerMs ?? 1000,
  });
}

// What net_af_xdp had in 22.11 it does not give back in full.
const opensOnce = driver === "net_af_xdp";
// DPDK takes its ordinary memory once, when the first port opens: the largest.
if (!opensOnce) open({ connectionsMax: 256 }).dispose();

conformance({
  name: `dpdk ${driver}`,
  address: SERVER_ADDRESS,
  clientAddress: CLIENT_ADDRESS,
  pollsToAccept: true,
  opensOnce,
  missing: () => "",
  open,
});
