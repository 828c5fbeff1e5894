// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Threads on their cores: where their memory lies, and real-time priority, as
 * the kernel shows both.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  announceNodes,
  homeCore,
  settle,
  spreadText,
} from "../../engine/appliance/placement.ts";
import { planOf } from "../../engine/appliance/memory_plan.ts";
import { planThreads } from "../../engine/appliance/topology.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { allocate } from "../../ffi/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const FIFO = 1;

/** A log that keeps its lines. */
function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = new Log({
    level: "debug",
    format: "json",
    source: "test",
    nowMs: () => 0,
    write: (line) => lines.push(new TextDecoder().decode(line)),
  });
  return { log, lines };
}

/** Threads of an appliance with a thread for each agent. */
function pinned(cores: readonly number[]) {
  const config = defaultConfig();
  return planThreads({
    ...config,
    topology: { ...config.topology, mode: "pinned", cores },
  });
}

/** Policy and priority of a running appliance's threads, by name. */
function schedules(appliance: RunningAppliance): Record<string, number[]> {
  const tasks = `/proc/${appliance.process.pid}/task`;
  const found: Record<string, number[]> = {};
  for (const { name: tid } of Deno.readDirSync(tasks)) {
    const stat = Deno.readTextFileSync(`${tasks}/${tid}/stat`);
    const name = Deno.readTextFileSync(`${tasks}/${tid}/comm`).trim();
    // Fields 41 and 40 of proc(5), after the name.
    const fields = stat.replace(/^.*\) /, "").split(" ");
    found[name] = [Number(fields[38]), Number(fields[37])];
  }
  return found;
}

Deno.test("spreadText() names the cores of each node", () => {
  const nodeOf = (core: number): number => core >> 2;
  assertEquals(spreadText([2, 3], nodeOf), "2-3 on node 0");
  assertEquals(
    spreadText([9, 2, 3, 5], nodeOf),
    [
      "2-3 on node 0",
      "5 on node 1",
      "9 on node 2",
    ].join(", "),
  );
});

Deno.test("homeCore() is the exchange's", () => {
  assertEquals(homeCore(pinned([4, 5, 6])), 5);
  assertEquals(homeCore(pinned([])), -1);
});

Deno.test("announceNodes() warns of cores on several nodes, and names them", () => {
  const said = (cores: number[], nodes: number): string => {
    const { log, lines } = keptLog();
    announceNodes(pinned(cores), nodes, log, (core) => core >> 2);
    return lines.join("");
  };
  assertEquals(said([], 2), "");
  assertMatch(said([0, 1, 2], 1), /"info".*one NUMA node/);
  assertMatch(said([0, 1, 2], 2), /"info".*all pinned cores.*0-2 on node 0/);
  assertMatch(said([2, 3, 4], 2), /"warn".*2-3 on node 0, 4 on node 1/);
});

Deno.test("settle() tells of memory that is where it shall be, and of memory that is not", () => {
  const { log, lines } = keptLog();
  const region = allocate(2 ** 20, { hugePages: false });
  settle([region], 0, log);
  assertMatch(lines[0]!, /"debug".*"there":256,"elsewhere":0,"unknown":0/);
  settle([region], -1, log);
  assertEquals(lines.length, 1);
  region.dispose();
  settle([region], 0, log);
  assertMatch(lines[1]!, /"warn"/);
});

Deno.test("an appliance with cores binds shared memory and each thread's to their node", async () => {
  await using appliance = await startAppliance({
    topology: "pinned",
    topologyToml: "cores = [0, 1]",
    extraToml: 'level = "debug"\n',
  });
  const lines = appliance.log.filter(({ message }) =>
    message.startsWith("memory ")
  );
  const wrong = lines.filter(({ level }) => level !== "debug");
  assertEquals(wrong, []);
  const sources = lines.map(({ source }) => source);
  for (const source of ["main", "gateway0", "exchange", "journal"]) {
    assert(sources.includes(source), `${source} in ${sources}`);
  }
  // The kernel's own table has the policy, and the pages on node 0.
  const maps = await Deno.readTextFile(
    `/proc/${appliance.process.pid}/numa_maps`,
  );
  let boundBytes = 0;
  for (const line of maps.split("\n")) {
    if (!line.includes(" bind:0 ")) continue;
    const [, pages, pageKib] = / N0=(\d+) kernelpagesize_kB=(\d+)/.exec(line)!;
    boundBytes += Number(pages) * Number(pageKib) * 1024;
  }
  assert(boundBytes > planOf(defaultConfig()).bytes);
  assertEquals(await appliance.stop(), 0);
});

Deno.test("an appliance gives its threads real-time priority, and no other threads", async () => {
  await using appliance = await startAppliance({
    topologyToml: "cores = [1]\nreal_time_priority = 12",
    durability: "synced",
  });
  const found = schedules(appliance);
  assertEquals(found["ferrule-engine"], [FIFO, 12]);
  const others = Object.entries(found).filter(([name, [policy]]) =>
    name !== "ferrule-engine" && policy === FIFO
  );
  assertEquals(others, []);
  assertEquals(await appliance.stop(), 0);
});

Deno.test("an appliance that may not have real-time priority does not start, and says what it needs", async () => {
  const error = await assertRejects(() =>
    startAppliance({
      topologyToml: "cores = [1]\nreal_time_priority = 12",
      wrapper: ["prlimit", "--rtprio=0", "setpriv", "--bounding-set=-sys_nice"],
    })
  );
  assert(error instanceof Error);
  assertStringIncludes(error.message, "it ended with code 1");
  assertStringIncludes(error.message, "real-time priority 12");
  assertStringIncludes(error.message, "LimitRTPRIO=12");
});
