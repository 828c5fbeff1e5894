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
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startAppliance } from "../appliance/harness.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
} from "../transport/netns.ts";
import { feedTest } from "./session.ts";

const WAIT_MS = 30_000;

function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const FEED_TOML = `
transport = "dpdk"
device = "net_af_packet0,iface=dut0"
device_address = "${SERVER_ADDRESS}"
device_prefix_length = ${NETWORK_PREFIX}
`;
const MEMORY_TOML = '[memory]\nhuge_pages = "never"';

function wire(): void {
  ip(
    ...["link", "add", "dut0", "mtu", "1500", "type", "veth"],
    ...["peer", "name", "peer0", "mtu", "1500"],
  );
  for (const name of ["dut0", "peer0"]) {
    ip("link", "set", name, "addrgenmode", "none", "up");
  }
  ip("address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", "peer0");
  disableChecksumOffload("peer0");
}

Deno.test("the feed over DPDK brings receivers to the engine's book", async () => {
  wire();
  await feedTest({
    toml: MEMORY_TOML,
    feedToml: FEED_TOML,
    address: CLIENT_ADDRESS,
    requestAddress: SERVER_ADDRESS,
  }, 5);
  ip("link", "del", "dut0");
});

Deno.test("an appliance tells of the device, and of its link when it goes down and comes back", async () => {
  wire();
  await using appliance = await startAppliance({
    capacityToml: "orders = 4096\n",
    extraToml: `${MEMORY_TOML}
[feed]
enabled = true
${FEED_TOML}
`,
  });
  const has = (message: string): boolean =>
    appliance.log.some((line) => line.message === message);
  const until = async (
    what: string,
    holds: () => boolean | Promise<boolean>,
  ): Promise<void> => {
    const deadline = performance.now() + WAIT_MS;
    while (!await holds()) {
      assert(performance.now() < deadline, `${what} did not come`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const { adminPort } = appliance.log.find(({ message }) =>
    message === "ready"
  )!;
  const ask = async (path: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  const health = async () => JSON.parse(await ask("/health"));
  await until("the link", () => has("link up") && has("feed started"));
  await until("health", async () => (await health()).status === "ok");
  assertEquals((await health()).devices, [
    { device: "net_af_packet0", link: "up", queues: 1, features: [] },
  ]);
  const label = '{device="net_af_packet0"';
  await until("frames in the metrics", async () => {
    const frames = `^ferrule_dpdk_sent_frames_total${label}} [1-9]`;
    return new RegExp(frames, "m").test(await ask("/metrics"));
  });
  const metrics = await ask("/metrics");
  for (
    const line of [
      `ferrule_dpdk_link_up${label}} 1`,
      `ferrule_dpdk_buffers${label}} 8191`,
      `ferrule_dpdk_dropped_total${label},reason="rx_malformed"} 0`,
      "ferrule_feed_up 1",
      "ferrule_feed_failures_total 0",
    ]
  ) assert(metrics.includes(line), line);
  ip("link", "set", "peer0", "down");
  await until("the end of the link", () => has("link down"));
  assertStringIncludes((await health()).reason, "net_af_packet0 is down");
  assert((await ask("/metrics")).includes(`ferrule_dpdk_link_up${label}} 0`));
  assert((await ask("/metrics")).includes("ferrule_up 1"), "orders are taken");
  ip("link", "set", "peer0", "up");
  await until("health", async () => (await health()).status === "ok");
  assertEquals(await appliance.stop(), 0);
  ip("link", "del", "dut0");
});
