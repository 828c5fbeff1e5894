// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Clients trade with the running appliance through a port that it drives with
 * DPDK; it is killed in between and goes on where it was.
 *
 * ```
 *  main.ts run, [dpdk] on dut0  ──── veth ────  dpdk_trader.ts
 *  10.99.0.2:9011, no kernel                    kernel sockets
 * ```
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { libraryPath } from "../../ffi/library.ts";
import {
  denoIn,
  ip,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  type Wire,
  wireMissing,
  withWire,
} from "../transport/netns.ts";
import { startAppliance } from "./harness.ts";

const TRADER = new URL("./dpdk_trader.ts", import.meta.url);
const UDP_PORT = 9011;
const ORDERS = 1_000;
/** Single orders, and 100 packets of 22. */
const SOLD = ORDERS + 2200;
const BOUGHT = ORDERS + 100;

function dpdkToml(wire: Wire, driver: string): string {
  return `
[memory]
huge_pages = "never"
[dpdk]
enabled = true
device = "${driver}0,iface=${wire.serverInterface}"
address = "${SERVER_ADDRESS}"
prefix_length = ${NETWORK_PREFIX}
udp_port = ${UDP_PORT}
[[dpdk.sessions]]
number = 11
key = "7705128841"
[[dpdk.sessions]]
number = 12
key = "7705128841"
`;
}

interface Trades {
  readonly first: { seller: number; buyer: number };
  readonly next: { seller: number; buyer: number };
  readonly acceptedUs: { p50: number; p99: number };
}

async function trade(wire: Wire): Promise<Trades> {
  const { success, stdout, stderr } = await denoIn(
    wire.clientNamespace,
    TRADER,
    [wire.clientInterface, SERVER_ADDRESS, String(UDP_PORT), String(ORDERS)],
  ).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

async function missing(): Promise<string> {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
  return await wireMissing();
}

for (const driver of ["net_af_packet", "net_af_xdp"]) {
  const name = `main run trades through DPDK on ${driver}`;
  Deno.test(name, async () => {
    const reason = await missing();
    if (reason !== "") {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await withWire(async (wire) => {
      await ip("-n", wire.serverNamespace, "link", "set", "lo", "up");
      const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-dpdk-" });
      const start = () =>
        startAppliance({
          dataDirectory,
          durability: "written",
          // A machine that has no time for us is no slow disk.
          journalToml: "slow_after_ms = 0",
          extraToml: dpdkToml(wire, driver),
          wrapper: ["ip", "netns", "exec", wire.serverNamespace],
        });
      try {
        const ahead = await start();
        const before = await trade(wire).finally(() => ahead.kill());
        await ahead[Symbol.asyncDispose]();
        assertEquals(before.first, { seller: 1, buyer: 1 });
        assertEquals(before.next, { seller: 1 + SOLD, buyer: 1 + BOUGHT });

        await using again = await start();
        const after = await trade(wire);
        assertEquals(after.first, before.next);
        assertGreater(after.next.seller, before.next.seller);
        console.log(`${driver}: order to acceptance, us:`, after.acceptedUs);
        assertEquals(await again.stop(), 0, JSON.stringify(again.log, null, 1));
      } finally {
        await Deno.remove(dataDirectory, { recursive: true });
      }
    });
  });
}
