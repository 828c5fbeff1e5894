// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace of its own: the
 * feed of a real appliance over DPDK, heard by the kernel's sockets.
 *
 * ```
 *  main.ts run, [feed] on dut0, 10.99.0.2 ── veth ── peer0, 10.99.0.1: the receiver
 *               snapshots on loopback
 * ```
 *
 * @module
 */
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
} from "../transport/netns.ts";
import { feedTest } from "./session.ts";

function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

Deno.test("the feed over DPDK brings receivers to the engine's book", async () => {
  ip(
    ...["link", "add", "dut0", "mtu", "1500", "type", "veth"],
    ...["peer", "name", "peer0", "mtu", "1500"],
  );
  for (const name of ["dut0", "peer0"]) {
    ip("link", "set", name, "addrgenmode", "none", "up");
  }
  ip("address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", "peer0");
  disableChecksumOffload("peer0");
  await feedTest({
    toml: '[memory]\nhuge_pages = "never"',
    feedToml: `
transport = "dpdk"
device = "net_af_packet0,iface=dut0"
device_address = "${SERVER_ADDRESS}"
device_prefix_length = ${NETWORK_PREFIX}
`,
    address: CLIENT_ADDRESS,
    requestAddress: SERVER_ADDRESS,
  }, 5);
});
