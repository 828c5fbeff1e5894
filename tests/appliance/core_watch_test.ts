// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The watch over the cores: what it reads, when it speaks, and that it sees a
 * real intruder on a real core.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import {
  type CoreLook,
  CoreWatch,
  parseInterrupts,
  parseSwitches,
  runsOn,
  troubleOf,
} from "../../engine/appliance/core_watch.ts";
import { HostReader } from "../../engine/appliance/host_reader.ts";
import {
  planThreads,
  type ThreadPlan,
} from "../../engine/appliance/topology.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { madeUpHost, type Tree } from "./made_up_host.ts";
import { startAppliance } from "./harness.ts";

const INTERRUPTS = `           CPU0       CPU2       CPU3
 24:          1          0          5  IO-APIC   5-edge      ACPI:Ged
 36:          0    8653347          7  PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
LOC:   16374716   16152671         11   Local timer interrupts
ERR:          0
MIS:          3
`;

/** One engine thread on core 2, in single mode. */
function threads(core = 2): ThreadPlan[] {
  const config = defaultConfig();
  return planThreads({
    ...config,
    topology: { ...config.topology, cores: [core] },
  });
}

/** A made-up appliance on core 2. */
function host(device: number, ticks: number, switches: number): Tree {
  return {
    "proc/interrupts": `      CPU0 CPU1 CPU2\n 9: 0 0 ${device} eth0-rx\n` +
      `LOC: 5 5 ${ticks} Local timer interrupts\n`,
    "proc/self/task/41/comm": "ferrule-engine\n",
    "proc/self/task/41/status":
      `Name:\tx\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t${switches}\n`,
    "proc/self/task/40/comm": "deno\n",
    "proc/77/task/77/stat": stat("backup job", "R", 2),
    "proc/78/task/78/stat": stat("elsewhere", "R", 1),
    "proc/79/task/79/stat": stat("asleep", "S", 2),
    "sys/devices/system/cpu/nohz_full": "2\n",
  };
}

/** A line of /proc/PID/stat with a processor in field 39. */
function stat(name: string, state: string, core: number): string {
  return `77 (${name}) ${state} ${"0 ".repeat(35)}${core} 0 0\n`;
}

Deno.test("parseInterrupts() reads the columns of cores, whatever their numbers", () => {
  const found = parseInterrupts(INTERRUPTS, [2, 3, 9]);
  assertEquals([...found.get(2)!], [
    ["24 ACPI:Ged", 0],
    ["36 virtio1-req.0", 8653347],
    ["LOC", 16152671],
  ]);
  assertEquals(found.get(3)!.get("24 ACPI:Ged"), 5);
  assertEquals(found.get(9)!.size, 0);
  assertEquals(parseInterrupts("", [1]).get(1)!.size, 0);
});

Deno.test("parseSwitches() and runsOn() read what the kernel writes", () => {
  assertEquals(
    parseSwitches(
      "voluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t17\n",
    ),
    17,
  );
  assertEquals(parseSwitches(""), 0);
  assertEquals(runsOn(stat("a) b", "R", 3), 3), "a) b");
  assertEquals(runsOn(stat("a", "R", 3), 2), "");
  assertEquals(runsOn(stat("a", "S", 3), 3), "");
  assertEquals(runsOn("", 0), "");
  const own = Deno.readTextFileSync("/proc/thread-self/stat");
  const core = Number(own.replace(/^.*\) /, "").split(" ")[36]);
  assert(runsOn(own, core) !== "", own);
});

Deno.test("troubleOf() finds trouble above each limit and none at it", () => {
  const look = (device: number, ticks: number, switches: number): CoreLook => ({
    interrupts: new Map([[2, new Map([["9 eth0", device], ["LOC", ticks]])]]),
    switches: new Map([["engine", switches]]),
  });
  const before = look(1000, 1000, 1000);
  const trouble = (
    device: number,
    ticks: number,
    switches: number,
    tickless = false,
  ) =>
    troubleOf(
      before,
      look(1000 + device, 1000 + ticks, 1000 + switches),
      { name: "engine", core: 2 },
      tickless,
    );
  assertEquals(trouble(200, 40_000, 10), undefined);
  assertEquals(trouble(200, 200, 10, true), undefined);
  assertEquals(trouble(201, 0, 0)?.sources, ["9 eth0: 201"]);
  assertEquals(trouble(0, 0, 11)?.switches, 11);
  assertEquals(trouble(0, 201, 0, true)?.ticks, 201);
});

Deno.test("CoreWatch speaks once when a core begins to be disturbed, and once when it ends", async () => {
  await using made = await madeUpHost(host(100, 100, 5));
  const lines: string[] = [];
  const log = new Log({
    level: "info",
    format: "json",
    source: "cores",
    nowMs: () => 0,
    write: (line) => lines.push(new TextDecoder().decode(line)),
  });
  const watch = new CoreWatch(threads(), new HostReader(made.root), log);
  assertEquals(watch.gauges().map((gauge) => gauge.read()), [[], []]);
  watch.start();
  try {
    watch.judge();
    assertEquals(lines, []);
    await made.write(host(900, 100, 5));
    watch.judge();
    assertEquals(lines.length, 1);
    assertMatch(lines[0]!, /"core":2.*"sources":"9 eth0-rx: 800"/);
    assertMatch(lines[0]!, /"others":"backup job"/);
    await made.write(host(1700, 100, 5));
    watch.judge();
    assertEquals(lines.length, 1);
    const [interrupts, switches] = watch.gauges();
    assertEquals(interrupts!.read(), [[{ core: "2" }, 1600]]);
    assertEquals(switches!.read(), [[{ agent: "engine" }, 0]]);
    watch.judge();
    assertEquals(lines.length, 2);
    assertMatch(lines[1]!, /left alone again/);
    await made.write(host(1700, 100, 500));
    watch.judge();
    assertMatch(lines[2]!, /"switches":495/);
  } finally {
    watch.stop();
  }
});

Deno.test("a running appliance counts who disturbs its core, and says so", async () => {
  await using appliance = await startAppliance({
    topologyToml: "cores = [0]\nsleep_us = 0",
  });
  const switches = () =>
    appliance.metric('ferrule_involuntary_switches_total{agent="engine"}');
  const interrupts = () =>
    appliance.metric('ferrule_core_interrupts_total{core="0"}');
  const before = [await interrupts(), await switches()];
  // Another process that wants the engine's core.
  const intruder = new Deno.Command("taskset", {
    args: ["--cpu-list", "0", "sh", "-c", "while :; do :; done"],
  }).spawn();
  try {
    const said = () =>
      appliance.log.find(({ message }) =>
        message.startsWith("a core is disturbed")
      );
    while (said() === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertEquals(said()!.core, 0);
    assertEquals(said()!.thread, "engine");
    assertNotEquals(said()!.others, "");
    assert(await interrupts() > before[0]!);
    assert(await switches() > before[1]! + 10);
  } finally {
    intruder.kill("SIGKILL");
    await intruder.status;
  }
  assertEquals(await appliance.stop(), 0);
});
