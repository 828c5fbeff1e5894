// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Order to acknowledgement through DPDK against an echo in C on the same rung:
 * `dpdk_echo` has the same shim (DPDK, lwIP) and moves as many bytes, and
 * nothing else. The client is a kernel socket that spins, in another network
 * namespace. As `latency_bench.ts`, over a veth pair instead of loopback; so it
 * needs root.
 *
 * ```
 *   client (core 1, kernel) ── veth ── appliance or dpdk_echo (core 0)
 * ```
 *
 * @module
 */
import { startAppliance } from "../tests/appliance/harness.ts";
import {
  denoIn,
  ip,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  type Wire,
  wireMissing,
  withWire,
} from "../tests/transport/netns.ts";
import {
  buildPrograms,
  flags,
  type LatencyResult,
  programPath,
  runClient,
  SECONDS_MAX,
  SERVER_CORE,
  withServer,
} from "./programs.ts";
import { alternate, compareLatency, saveResult } from "./stats.ts";

const ROUNDS = 7;
const ORDERS = 20_000;
const WARMUP = 20_000;
/** Of one run: sockets of two namespaces are slow on a machine with other work. */
const RUN_SECONDS_MAX = 3 * SECONDS_MAX;
const DURABILITY = "written";
const ECHO_PORT = 9100;
const PORTS = { fix: 9878, tcp: 9010, udp: 9011 };
const SECRET = "7705128841";
/** Bytes of an order and of its acknowledgement on the wire. */
const BINARY_BYTES = { out: 50, in: 80 };
const FIX_BYTES = { out: 159, in: 250 };

function inClient(wire: Wire): string[] {
  return ["ip", "netns", "exec", wire.clientNamespace];
}

function deviceOf(wire: Wire, driver: string): string {
  return `${driver}0,iface=${wire.serverInterface}`;
}

/** The echo's round trip over a wire of its own. */
async function echo(
  driver: string,
  over: string,
  bytes: { out: number; in: number },
): Promise<LatencyResult> {
  let result: LatencyResult | undefined;
  await withWire(async (wire) => {
    await quiet(wire);
    const command = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", wire.serverNamespace, programPath("dpdk_echo")],
        ...flags({
          device: deviceOf(wire, driver),
          address: SERVER_ADDRESS,
          prefix: NETWORK_PREFIX,
          over,
          port: ECHO_PORT,
          in: bytes.out,
          out: bytes.in,
          core: SERVER_CORE,
          seconds: 2 * RUN_SECONDS_MAX,
        }),
      ],
      stdout: "piped",
      stderr: "null",
    });
    result = await withServer(
      command,
      "stdout",
      ECHO_PORT,
      (port) =>
        runClient<LatencyResult>("echo_client", {
          host: SERVER_ADDRESS,
          over,
          port,
          out: bytes.out,
          in: bytes.in,
          rounds: ORDERS,
          seconds: RUN_SECONDS_MAX,
          warmup: WARMUP,
        }, inClient(wire)),
    );
  });
  return result!;
}

/** Real checksums, as a card's: the frames of a veth have none otherwise. */
async function quiet(wire: Wire): Promise<void> {
  const program = new URL("./checksums_on.ts", import.meta.url);
  const { success, stderr } = await denoIn(
    wire.clientNamespace,
    program,
    [wire.clientInterface],
  ).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function appliance(
  driver: string,
  client: string,
  over: string,
): Promise<LatencyResult> {
  let result: LatencyResult | undefined;
  await withWire(async (wire) => {
    await quiet(wire);
    await ip("-n", wire.serverNamespace, "link", "set", "lo", "up");
    await using server = await startAppliance({
      durability: DURABILITY,
      topologyToml: `cores = [${SERVER_CORE}]\nsleep_us = 0`,
      wrapper: ["ip", "netns", "exec", wire.serverNamespace],
      // Two cores, server and client: there is none for a keeper.
      extraToml: `[snapshot]
enabled = false
[memory]
huge_pages = "never"
[dpdk]
enabled = true
device = "${deviceOf(wire, driver)}"
address = "${SERVER_ADDRESS}"
prefix_length = ${NETWORK_PREFIX}
connections = 8
[[dpdk.fix_sessions]]
sender_comp_id = "FAST"
password = "${SECRET}"
[[dpdk.sessions]]
number = 11
key = "${SECRET}"
`,
    });
    const isFix = client === "fix_client";
    result = await runClient<LatencyResult>(client, {
      mode: "latency",
      host: SERVER_ADDRESS,
      orders: ORDERS,
      seconds: RUN_SECONDS_MAX,
      warmup: WARMUP,
      ...isFix
        ? { port: PORTS.fix, sender: "FAST", password: SECRET }
        : { over, port: over === "tcp" ? PORTS.tcp : PORTS.udp },
      ...isFix ? {} : { session: 11, key: SECRET },
    }, inClient(wire));
    await server.stop();
  });
  return result!;
}

const CASES = [
  ["binary over TCP", "binary_client", "tcp", BINARY_BYTES],
  ["binary over UDP", "binary_client", "udp", BINARY_BYTES],
  ["FIX over TCP", "fix_client", "tcp", FIX_BYTES],
] as const;

await buildPrograms();
const summary: Record<string, unknown> = {
  durability: DURABILITY,
  rounds: ROUNDS,
};
const reason = await wireMissing();
if (reason !== "") console.log(`SKIPPED: latency through DPDK: ${reason}`);
for (const driver of reason === "" ? ["net_af_xdp", "net_af_packet"] : []) {
  for (const [title, client, over, bytes] of CASES) {
    const name = `${title}, ${driver}`;
    const results = await alternate({
      echo: () => echo(driver, over, bytes),
      ferrule: () => appliance(driver, client, over),
    }, ROUNDS);
    summary[name] = compareLatency(
      name,
      "C echo",
      results.echo,
      results.ferrule,
    );
  }
}
await saveResult("dpdk_latency", summary);
