// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs `dpdk_rung.ts`, the conformance suite over DPDK, in a namespace of its
 * own with a veth pair.
 *
 * @module
 */
import { assert } from "@std/assert";
import { libraryPath } from "../../ffi/library.ts";
import { ALL_TESTS } from "./conformance.ts";
import {
  CLIENT_ADDRESS,
  ip,
  NETWORK_PREFIX,
  type Wire,
  wireMissing,
  withWire,
} from "./netns.ts";

const PROGRAM = new URL("./dpdk_rung.ts", import.meta.url);

async function missing(): Promise<string> {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
  return await wireMissing();
}

/** Both ends in one namespace: suite and transport are one thread. */
async function joinEnds(wire: Wire): Promise<void> {
  const { serverNamespace: namespace, clientInterface: device } = wire;
  const inside = ["-n", namespace];
  await ip(
    ...["-n", wire.clientNamespace, "link", "set", device],
    ...["netns", namespace],
  );
  await ip(
    ...[...inside, "address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`],
    ...["dev", device],
  );
  await ip(...inside, "link", "set", device, "addrgenmode", "none", "up");
}

/** Runs the suite, or one test of it, on the wire; what it wrote. */
async function runSuite(
  wire: Wire,
  driver: string,
  filter: string,
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("ip", {
    args: [
      ...["netns", "exec", wire.serverNamespace, Deno.execPath(), "test"],
      ...["--no-check", "--no-prompt", "--frozen", "--unstable-net", "-A"],
      ...[`--filter=${filter}`, PROGRAM.pathname],
    ],
    env: { FERRULE_TEST_DRIVER: driver },
  }).output();
  const text = new TextDecoder();
  const output = text.decode(stdout) + text.decode(stderr);
  assert(success && !output.includes("SKIPPED"), output);
  assert(/[1-9][0-9]* passed/.test(output), `${filter}: ${output}`);
}

/** A test of a driver, or a line that says why not. */
function test(
  driver: string,
  body: (wire: Wire, t: Deno.TestContext) => Promise<void>,
): void {
  const name = `the DPDK transport passes the conformance suite over ${driver}`;
  Deno.test(name, async (t) => {
    const reason = await missing();
    if (reason !== "") {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await withWire(async (wire) => {
      await joinEnds(wire);
      await body(wire, t);
    });
  });
}

test("net_af_packet", (wire) => runSuite(wire, "net_af_packet", ""));

// A process of its own for each: the driver opens a device once in its life.
test("net_af_xdp", async (wire, t) => {
  for (const { name } of ALL_TESTS) {
    await t.step(name, () => runSuite(wire, "net_af_xdp", ` ${name}`));
  }
});
