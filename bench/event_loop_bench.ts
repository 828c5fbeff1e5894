// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Our transport beside the sockets of the runtimes: an echo over TCP on
 * loopback with the server on one core and a C client, which polls, on the
 * other; `UringTransport`, `PlainTransport`, `Deno.listen`, and Node's `net` in
 * Deno and in Node. With one connection and with 16. `--rounds=9`
 * says how many times the sides take turns, `--samples=10000` how many round
 * trips a client times.
 *
 * @module
 */
import type { EchoShape } from "./echo_server.ts";
import {
  buildPrograms,
  type LatencyResult,
  runClient,
  SERVER_CORE,
  withServer,
} from "./programs.ts";
import { alternate, printTable, saveResult, shortly, spread } from "./stats.ts";

const IN_BYTES = 50;
const OUT_BYTES = 80;
const DENO = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--allow-all",
  "--unstable-net",
];

/** On a busy machine both cores are rarely ours at a time. */
const CLIENT_SECONDS_MAX = 100;

/** The number of an argument `--name=number`. */
function numberOf(name: string, otherwise: number): number {
  const start = `--${name}=`;
  const given = Deno.args.find((arg) => arg.startsWith(start));
  return given === undefined ? otherwise : Number(given.slice(start.length));
}

const rounds = numberOf("rounds", 9);
const samples = numberOf("samples", 10_000);

interface CrowdResult extends LatencyResult {
  readonly perSecond: number;
}

function file(name: string): string {
  return new URL(`./${name}`, import.meta.url).pathname;
}

/** A command line, all its threads on the server's core. */
function pinned(commandLine: readonly string[]): Deno.Command {
  return new Deno.Command("taskset", {
    args: ["-c", String(SERVER_CORE), ...commandLine],
    stdout: "piped",
    stderr: "inherit",
  });
}

function ours(plain: boolean): Deno.Command {
  const shape: EchoShape = { plain };
  return pinned([
    ...DENO,
    file("echo_server.ts"),
    ...["tcp", IN_BYTES, OUT_BYTES, SERVER_CORE, 2 * CLIENT_SECONDS_MAX].map(
      String,
    ),
    JSON.stringify(shape),
  ]);
}

function theirs(commandLine: readonly string[]): Deno.Command {
  return pinned([
    ...commandLine,
    ...[IN_BYTES, OUT_BYTES, 2 * CLIENT_SECONDS_MAX].map(String),
  ]);
}

/** Whether a program can be run here. */
function isThere(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

const SERVERS: Record<string, () => Deno.Command> = {
  "ferrule, io_uring": () => ours(false),
  "ferrule, epoll": () => ours(true),
  "Deno.listen": () => theirs([...DENO, file("echo_deno.ts")]),
  "node:net in Deno": () => theirs([...DENO, file("echo_node.mjs")]),
  "node:net in Node": () => theirs(["node", file("echo_node.mjs")]),
};
if (!isThere("node")) {
  console.log("SKIPPED: node:net in Node: there is no node here");
  delete SERVERS["node:net in Node"];
}

const summary: Record<string, unknown> = {};
await buildPrograms();
for (const connections of [1, 16]) {
  const results = await alternate(
    Object.fromEntries(
      Object.entries(SERVERS).map(([name, command]) => [
        name,
        () =>
          withServer(
            command(),
            "stdout",
            0,
            (port) =>
              runClient<CrowdResult>("echo_crowd", {
                ...{ port, connections, out: IN_BYTES, in: OUT_BYTES },
                ...{ rounds: samples, warmup: samples / 2 },
                seconds: CLIENT_SECONDS_MAX,
              }),
          ),
      ]),
    ),
    rounds,
  );
  const base = results["ferrule, io_uring"]!;
  const title = `echo, ${connections} ${
    connections === 1 ? "connection" : "connections"
  }`;
  const rows = [[
    `${title}, us`,
    ...["p50", "of ours", "p99", "of ours", "answers a second", "of ours"],
  ]];
  for (const [name, runs] of Object.entries(results)) {
    const cells = (["p50Ns", "p99Ns", "perSecond"] as const).flatMap((key) => {
      const unit = key === "perSecond" ? 1 : 1000;
      const ratio = spread(runs.map((run, i) => run[key] / base[i]![key]));
      return [
        shortly(spread(runs.map((run) => run[key] / unit))),
        `${ratio.median.toFixed(2)} ± ${ratio.mad.toFixed(2)}`,
      ];
    });
    rows.push([name, ...cells]);
  }
  summary[title] = results;
  printTable(rows);
  console.log("");
}
await saveResult("event_loop", summary);
