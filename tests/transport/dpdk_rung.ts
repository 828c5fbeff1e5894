// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace that holds both
 * ends of a veth: the conformance suite over a driver of DPDK's, with the
 * kernel's sockets as clients. Its argument is the device.
 *
 * ```
 *  DpdkTransport on dut0, 10.99.0.2 ── veth ── peer0, 10.99.0.1: Deno's sockets
 *  DpdkTransport on net_tap0, 10.99.0.2 ────── dtap0, 10.99.0.1
 * ```
 *
 * @module
 */
import {
  DpdkTransport,
  type SocketTransportOptions,
} from "../../engine/transport/mod.ts";
import { register, type Rung } from "./bed.ts";
import { ALL_TESTS } from "./conformance.ts";
import { CROWD_TESTS } from "./conformance_crowds.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
} from "./netns.ts";

const TAP = "dtap0";
const device = Deno.args[0]!;
const isTap = device.startsWith("net_tap");
const isXdp = device.startsWith("net_af_xdp");
if (!isTap) disableChecksumOffload("peer0");

function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Gives the kernel its address, on an interface that is new. */
function address(name: string): void {
  ip("link", "set", name, "addrgenmode", "none", "up");
  ip("address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", name);
}

/**
 * A new wire: DPDK's driver does not let go of the queue of an interface
 * before the process ends.
 */
function renewWire(): void {
  ip("link", "del", "dut0");
  ip(
    ...["link", "add", "dut0", "mtu", "1500", "type", "veth"],
    ...["peer", "name", "peer0", "mtu", "1500"],
  );
  ip("link", "set", "dut0", "addrgenmode", "none", "up");
  address("peer0");
  disableChecksumOffload("peer0");
}

/** What every transport of the suite has in common; sizes come from the test. */
function open(options: SocketTransportOptions): DpdkTransport {
  if (isXdp) renewWire();
  const transport = new DpdkTransport({
    device,
    address: SERVER_ADDRESS,
    prefix: NETWORK_PREFIX,
    hugePages: false,
    buffers: 16_383,
    connectionsMax: options.connectionsMax ?? 8,
    receiveWindowBytes: options.receiveWindowBytes ?? 65_536,
    sendWindowBytes: options.sendWindowBytes ?? 524_288,
    lingerMs: options.lingerMs ?? 1000,
  });
  // It is there as long as the port is open.
  if (isTap) address(TAP);
  return transport;
}

// DPDK takes its ordinary memory once, when the first port opens: the largest,
// and more where the driver gives not all of it back.
open({ connectionsMax: isXdp ? 700 : 256 }).dispose();

/** The streams of a tap, and of a second queue, are those of af_packet: crowds take long, and learn nothing there. */
const crowded = !isTap && !device.includes("qpairs");
const rung: Rung = {
  name: `dpdk ${device}`,
  address: SERVER_ADDRESS,
  clientAddress: CLIENT_ADDRESS,
  pollsToAccept: true,
  keepsFiles: isXdp,
  missing: () => "",
  open,
};
register(
  rung,
  crowded ? ALL_TESTS : ALL_TESTS.filter((test) => !CROWD_TESTS.includes(test)),
);
