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

for (const driver of ["net_af_packet", "net_af_xdp"]) {
  const name = `the DPDK transport passes the conformance suite over ${driver}`;
  Deno.test(name, async () => {
    const reason = await missing();
    if (reason !== "") {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await withWire(async (wire) => {
      await joinEnds(wire);
      const { success, stdout, stderr } = await new Deno.Command("ip", {
        args: [
          ...["netns", "exec", wire.serverNamespace, Deno.execPath(), "test"],
          ...["--no-check", "--no-prompt", "--frozen", "--unstable-net", "-A"],
          PROGRAM.pathname,
        ],
        env: { FERRULE_TEST_DRIVER: driver },
      }).output();
      const text = new TextDecoder();
      const output = text.decode(stdout) + text.decode(stderr);
      assert(success && !output.includes("SKIPPED"), output);
    });
  });
}
