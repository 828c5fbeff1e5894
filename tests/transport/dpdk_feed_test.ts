// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs `tests/feed/feed_dpdk.ts`, the feed over DPDK, in a namespace of its own.
 *
 * @module
 */
import { libraryPath } from "../../ffi/library.ts";
import { testInNamespace, wireMissing } from "./netns.ts";

const PROGRAM = new URL("../feed/feed_dpdk.ts", import.meta.url);

async function missing(): Promise<string> {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
  return await wireMissing();
}

Deno.test("the feed over DPDK brings a receiver that loses packets, and one that comes late, to the engine's book after every command", async () => {
  const reason = await missing();
  if (reason === "") await testInNamespace(PROGRAM);
  else console.log(`SKIPPED: the feed over DPDK: ${reason}`);
});
