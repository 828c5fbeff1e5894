// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The rigs of the benchmark of io_uring's ways, at a small size.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ComeAndGo, EchoPair } from "../../bench/echo_pair.ts";
import { probeUring, UringSwitch } from "../../ffi/mod.ts";

function isRefused(): boolean {
  try {
    probeUring();
    return false;
  } catch (error) {
    console.log(`SKIPPED: ${(error as Error).message}`);
    return true;
  }
}

Deno.test("EchoPair and ComeAndGo run with any choice of ways", () => {
  if (isRefused()) return;
  for (const switches of [0, UringSwitch.DIRECT, 63]) {
    const options = { switches, hugePages: false };
    for (const rig of [new EchoPair(8, 64, options), new ComeAndGo(options)]) {
      const ns = rig.run(1);
      assert(ns > 0 && Number.isFinite(ns), `${ns} ns with ${switches}`);
      rig.dispose();
    }
  }
});

Deno.test("ComeAndGo leaves no connection behind", () => {
  if (isRefused()) return;
  const rig = new ComeAndGo({ hugePages: false });
  rig.run(1);
  assertEquals(rig.transport.openConnections, 0);
  rig.dispose();
});
