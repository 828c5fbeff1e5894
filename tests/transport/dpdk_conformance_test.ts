// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs `dpdk_rung.ts`, the conformance suite over DPDK, in a namespace of its
 * own with a veth pair.
 *
 * @module
 */
import { assert } from "@std/assert";
import { libraryPath } from "../../ffi/library.ts";
import {
  CLIENT_ADDRESS,
  ip,
  NETWORK_PREFIX,
  type Wire,
  wireMissing,
  withWire,
} from "./netns.ts";

const PROGRAM = new URL("./dpdk_rung.ts", import.meta.url);

function tapMissing(): string {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return "";
  } catch (error) {
    return `no tap devices: ${(error as Error).message}`;
  }
}

async function missing(): Promise<string> {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
  return await wireMissing();
}

/** Both ends in one namespace: suite and transport are one thread. */
async function run(wire: Wire, device: string): Promise<void> {
  const { serverNamespace: namespace, clientInterface: peer } = wire;
  const inside = ["-n", namespace];
  if (device.startsWith("net_tap")) {
    await ip(...inside, "link", "del", wire.serverInterface);
  } else {
    await ip(
      ...["-n", wire.clientNamespace, "link", "set", peer],
      ...["netns", namespace],
    );
    await ip(
      ...[...inside, "address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`],
      ...["dev", peer],
    );
    await ip(...inside, "link", "set", peer, "addrgenmode", "none", "up");
  }
  const { success, stdout, stderr } = await new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace, Deno.execPath(), "test"],
      ...["--no-check", "--no-prompt", "--frozen", "--unstable-net", "-A"],
      ...[PROGRAM.pathname, "--", device],
    ],
  }).output();
  const text = new TextDecoder();
  const output = text.decode(stdout) + text.decode(stderr);
  assert(success && !output.includes("SKIPPED"), output);
  assert(/[1-9][0-9]* passed/.test(output), output);
}

for (
  const device of [
    "net_af_packet0,iface=dut0",
    "net_af_packet0,iface=dut0,qpairs=2",
    "net_af_xdp0,iface=dut0",
    "net_tap0,iface=dtap0",
  ]
) {
  const name = `the DPDK transport passes the conformance suite over ${device}`;
  Deno.test(name, async () => {
    let reason = await missing();
    if (device.startsWith("net_tap") && reason === "") reason = tapMissing();
    if (reason !== "") {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await withWire((wire) => run(wire, device));
  });
}
