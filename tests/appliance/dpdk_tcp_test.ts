// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * FIX and the binary protocol over TCP with the running appliance, through a
 * port that it drives with DPDK. The clients are QuickFIX and our own, with
 * the kernel's sockets.
 *
 * ```
 *  main.ts run, [dpdk] on dut0   ──── veth ────  ferrule_initiator (QuickFIX)
 *  10.99.0.2:9878, :9010, lwIP                   dpdk_tcp_trader.ts
 * ```
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { libraryPath } from "../../ffi/library.ts";
import {
  buildClient,
  type QuickfixReport,
  startClient,
} from "../quickfix/quickfix_client.ts";
import {
  denoIn,
  ip,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  type Wire,
  wireMissing,
  withWire,
} from "../transport/netns.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const TRADER = new URL("./dpdk_tcp_trader.ts", import.meta.url);
const FIX_PORT = 9878;
const TCP_PORT = 9010;
const TRADES = 300;
const ORDERS = 2_000;
const SEED = 20261121;

function dpdkToml(wire: Wire, driver: string): string {
  return `
[memory]
huge_pages = "never"
[dpdk]
enabled = true
device = "${driver}0,iface=${wire.serverInterface}"
address = "${SERVER_ADDRESS}"
prefix_length = ${NETWORK_PREFIX}
connections = 8
[[dpdk.fix_sessions]]
sender_comp_id = "FAST"
password = "7705128841"
[[dpdk.sessions]]
number = 11
key = "7705128841"
[[dpdk.sessions]]
number = 12
key = "7705128841"
`;
}

async function missing(): Promise<string> {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
  return await wireMissing();
}

/** Runs `body` with an appliance on the wire. */
async function withAppliance(
  driver: string,
  topology: string,
  body: (wire: Wire, appliance: RunningAppliance) => Promise<void>,
): Promise<void> {
  await withWire(async (wire) => {
    await ip("-n", wire.serverNamespace, "link", "set", "lo", "up");
    await using appliance = await startAppliance({
      topology,
      durability: "written",
      // A machine that has no time for us is no slow disk.
      journalToml: "slow_after_ms = 0",
      extraToml: dpdkToml(wire, driver),
      wrapper: ["ip", "netns", "exec", wire.serverNamespace],
    });
    await body(wire, appliance);
    const code = await appliance.stop();
    assertEquals(code, 0, JSON.stringify(appliance.log, null, 1));
  });
}

interface Trades {
  readonly seller: number;
  readonly buyer: number;
  readonly p50: number;
}

async function tradeBinary(wire: Wire): Promise<Trades> {
  const { success, stdout, stderr } = await denoIn(
    wire.clientNamespace,
    TRADER,
    [wire.clientInterface, SERVER_ADDRESS, String(TCP_PORT), String(TRADES)],
  ).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

/** Logs on, trades, loses its connection half-way, asks again, logs out. */
async function tradeFix(wire: Wire): Promise<QuickfixReport> {
  const files = await Deno.makeTempDir({ prefix: "quickfix-" });
  try {
    const client = startClient({
      launcher: ["ip", "netns", "exec", wire.clientNamespace],
      host: SERVER_ADDRESS,
      port: FIX_PORT,
      sender: "FAST",
      password: "7705128841",
      orders: ORDERS,
      seed: SEED,
      mode: "drop",
      files,
      seconds: 120,
      alone: true,
    });
    const { code, report, stderr } = await client.result();
    if (report === undefined) throw new Error(`no report: ${stderr}`);
    assertEquals(report.violations, []);
    assertEquals(code, 0, stderr);
    return report;
  } finally {
    await Deno.remove(files, { recursive: true });
  }
}

for (
  const [driver, topology] of [
    ["net_af_packet", "single"],
    ["net_af_xdp", "pinned"],
  ] as const
) {
  const name = `main run serves FIX and binary TCP through DPDK on ${driver}`;
  Deno.test(name, async () => {
    const reason = await missing() || await buildClient();
    if (reason) {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await withAppliance(driver, topology, async (wire) => {
      const binary = await tradeBinary(wire);
      assertEquals(binary.buyer, binary.seller);
      console.log(`${driver}: order to acceptance, us: ${binary.p50}`);
      const fix = await tradeFix(wire);
      assertEquals(fix.unanswered, 0);
      assertEquals(fix.open, []);
      assertEquals(fix.sent.new, ORDERS);
      assertEquals(fix.received.accepted, ORDERS);
      assertGreater(fix.received.fills, ORDERS / 4);
      assertEquals(fix.session.dropped, true);
      assertEquals(fix.session.logons, 2);
      assertGreater(
        fix.session.resendsAsked + fix.session.resendsAskedOfUs,
        0,
      );
      // Both come back to where they were.
      const again = await tradeBinary(wire);
      assertEquals(again.seller - binary.seller, binary.seller - 1);
    });
  });
}
