// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { measureChild } from "../../bench/in_process_child.ts";
import { timesOf } from "../../bench/in_process_rig.ts";
import { buildPrograms } from "../../bench/programs.ts";

for (const protocol of ["fix", "binary"] as const) {
  Deno.test(`InProcessRig answers every order of many ${protocol} clients, and one by one`, async () => {
    await buildPrograms();
    const result = await measureChild({
      protocol,
      durability: "written",
      connections: 70,
      round: 64,
      batch: 4,
      warmup: 1000,
      windows: 2,
      orders: 500,
      rates: [100_000],
      latencyOrders: 100,
    });
    assert(result.cpuNs > 0);
    assertEquals(result.agentNs.length, 3);
    assertEquals(result.latencies["100000"]!.length, 5);
    assert(result.latencies["100000"]![0]! > 0);
  });
}

Deno.test("timesOf() takes a sell's time up to the last fill", () => {
  const commit = (messages: number) => 0x40000000 + messages;
  const marks = Float64Array.of(
    // Two orders are shown, answered in two commits; two more in one.
    ...[10, 2, 15, commit(1), 30, commit(3)],
    ...[40, 2, 44, commit(4)],
  );
  assertEquals([...timesOf(marks, 4, 2)], [10, 40, 8, 8]);
});
