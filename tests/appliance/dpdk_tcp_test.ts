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
  withRelay,
  withWire,
} from "../transport/netns.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const TRADER = new URL("./dpdk_tcp_trader.ts", import.meta.url);
const RELAY = new URL("../transport/lossy_relay.ts", import.meta.url);
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

/** What a capture may not have, as tshark names it; retransmissions may be. */
const WRONG = "_ws.malformed || ip.checksum.status == 0 || " +
  "tcp.checksum.status == 0 || udp.checksum.status == 0 || " +
  "icmp.checksum.status == 0 || _ws.expert.severity == error";

async function toolsMissing(...tools: string[]): Promise<string> {
  for (const tool of tools) {
    try {
      await new Deno.Command(tool, { args: ["--version"] }).output();
    } catch {
      return `no ${tool}: install tshark`;
    }
  }
  return "";
}

/** Records what is on the client's end of the wire while `body` runs. */
async function withCapture(
  wire: Wire,
  file: string,
  body: () => Promise<void>,
): Promise<void> {
  const child = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", wire.clientNamespace, "dumpcap", "-q"],
      ...["-i", wire.clientInterface, "-w", file],
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  // It says the file's name when it has begun.
  let said = "";
  while (!said.includes("File:")) {
    const { value } = await reader.read();
    if (value === undefined) throw new Error(`No capture: ${said}`);
    said += value;
  }
  try {
    await body();
  } finally {
    child.kill("SIGINT");
    await reader.cancel();
    await child.status;
  }
}

/** Frames of a capture that a filter of tshark's lets through, a line each. */
async function framesOf(file: string, filter: string): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("tshark", {
    args: [
      ...["-n", "-r", file, "-Y", filter],
      // A frame that begins amidst a message is no wrong frame: what is in the
      // streams is for the clients to check.
      ...["--disable-protocol", "fix", "-o", "tcp.desegment_tcp_streams:FALSE"],
      ...["ip", "tcp", "udp"].flatMap((protocol) => [
        ...["-o", `${protocol}.check_checksum:TRUE`],
      ]),
    ],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`tshark: ${text.decode(stderr)}`);
  return text.decode(stdout).split("\n").filter((line) => line !== "");
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
  wire: Wire,
  driver: string,
  topology: string,
  files: string,
  body: (appliance: RunningAppliance) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(`${files}/data`, { recursive: true });
  await ip("-n", wire.serverNamespace, "link", "set", "lo", "up");
  await using appliance = await startAppliance({
    dataDirectory: `${files}/data`,
    topology,
    durability: "written",
    // A machine that has no time for us is no slow disk.
    journalToml: "slow_after_ms = 0",
    extraToml: dpdkToml(wire, driver),
    wrapper: ["ip", "netns", "exec", wire.serverNamespace],
  });
  await body(appliance);
  const code = await appliance.stop();
  assertEquals(code, 0, JSON.stringify(appliance.log, null, 1));
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
async function tradeFix(
  wire: Wire,
  files: string,
  prefix: string,
): Promise<QuickfixReport> {
  const client = startClient({
    launcher: ["ip", "netns", "exec", wire.clientNamespace],
    host: SERVER_ADDRESS,
    port: FIX_PORT,
    sender: "FAST",
    password: "7705128841",
    orders: ORDERS,
    seed: SEED,
    prefix,
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
}

/** A folder for the appliance's data and QuickFIX's store, while `body` runs. */
async function withFiles(
  body: (files: string) => Promise<void>,
): Promise<void> {
  const files = await Deno.makeTempDir({ prefix: "ferrule-dpdk-" });
  try {
    await body(files);
  } finally {
    await Deno.remove(files, { recursive: true });
  }
}

/** Everything was answered, over two connections, and something asked for again. */
function assertTraded(report: QuickfixReport): void {
  assertEquals(report.unanswered, 0);
  assertEquals(report.open, []);
  assertEquals(report.sent.new, ORDERS);
  assertEquals(report.received.accepted, ORDERS);
  assertGreater(report.received.fills, ORDERS / 4);
  assertEquals(report.session.dropped, true);
  assertEquals(report.session.logons, 2);
  const { resendsAsked, resendsAskedOfUs } = report.session;
  assertGreater(resendsAsked + resendsAskedOfUs, 0);
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
    await withWire((wire) =>
      withFiles(async (files) => {
        const traded: Trades[] = [];
        for (const run of ["one", "two"]) {
          await withAppliance(
            wire,
            driver,
            topology,
            files,
            async ({ log }) => {
              traded.push(await tradeBinary(wire));
              assertTraded(await tradeFix(wire, files, run));
              // The second begins with the snapshot of the first one's stop.
              const live = log.find(({ message }) => message === "live")!;
              assertEquals(Number(live.snapshotSequence) > 0, run === "two");
            },
          );
        }
        const [before, after] = traded as [Trades, Trades];
        assertEquals(before.buyer, before.seller);
        assertEquals(after.seller - before.seller, before.seller - 1);
        console.log(`${driver}: order to acceptance, us: ${before.p50}`);
      })
    );
  });
}

/** Orders over a wire that loses, doubles, delays and reorders, and what it carried. */
async function tradeOverBadWire(
  wire: Wire,
  driver: string,
  files: string,
): Promise<void> {
  const capture = `${files}/wire.pcapng`;
  await withAppliance(
    wire,
    driver,
    "single",
    files,
    () =>
      withCapture(wire, capture, async () => {
        await tradeBinary(wire);
        assertTraded(await tradeFix(wire, files, "bad"));
      }),
  );
  const ours = `ip.src == ${SERVER_ADDRESS} && tcp`;
  assertGreater((await framesOf(capture, ours)).length, ORDERS);
  const again = await framesOf(capture, "tcp.analysis.retransmission");
  assertGreater(again.length, 0, "the wire was a good one");
  assertEquals(await framesOf(capture, WRONG), []);
}

/** Rules of the kernel's own bad wire, on both ends; why it has none, or "". */
async function addNetem(wire: Wire): Promise<string> {
  const rules = "netem delay 1ms 0.5ms loss 1% duplicate 1% reorder 5% 25%";
  for (
    const [namespace, device] of [
      [wire.serverNamespace, wire.serverInterface],
      [wire.clientNamespace, wire.clientInterface],
    ] as const
  ) {
    const { success, stderr } = await new Deno.Command("tc", {
      args: [
        ...["-n", namespace, "qdisc", "add", "dev", device, "root"],
        ...rules.split(" "),
      ],
    }).output();
    if (!success) return new TextDecoder().decode(stderr).trim();
  }
  return "";
}

for (const kind of ["a relay", "netem"]) {
  const name = `main run loses no byte of orders over a bad wire, ${kind}`;
  Deno.test(name, async () => {
    const skip = (reason: string) =>
      console.log(`SKIPPED: ${name}: ${reason.replaceAll("\n", " ")}`);
    const reason = await missing() || await buildClient() ||
      await toolsMissing("dumpcap", "tshark");
    if (reason) return skip(reason);
    await withFiles((files) =>
      withWire(async (wire) => {
        if (kind === "netem") {
          const refusal = await addNetem(wire);
          if (refusal !== "") return skip(`the kernel has none: ${refusal}`);
          return await tradeOverBadWire(wire, "net_af_packet", files);
        }
        await withRelay(wire, async (namespace) => {
          await using relay = denoIn(namespace, RELAY, [
            ...["mid0", "mid1", String(SEED)],
          ]).spawn();
          await relay.stdout.getReader().read();
          await tradeOverBadWire(wire, "net_af_xdp", files);
          relay.kill("SIGKILL");
        });
      })
    );
  });
}
