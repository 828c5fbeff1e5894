// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Each way to use io_uring against its absence, all else being as usual:
 * what is taken by default, and why, stands in
 * docs/decisions/0014_io_uring_options.md. `--rounds=9` says how many times
 * the sides take turns, `--samples=10000` how many round trips a client times,
 * `--parts=cost,come,latency,busy,send` which parts run.
 *
 * ```
 *  cost     both ends in one thread, processor time an echo, by connections
 *  come     the same for connections that come and go
 *  latency  server and client on a core each, one connection and 64
 *  busy     the same over a veth pair, a server that sleeps, NAPI busy polling
 *  send     sends by size and way, zero copy among them (bench/native/send_ways.c)
 * ```
 *
 * @module
 */
import { URING_SWITCHES, UringSwitch } from "../ffi/mod.ts";
import {
  CLIENT_ADDRESS,
  ip,
  SERVER_ADDRESS,
  wireMissing,
  withWire,
} from "../tests/transport/netns.ts";
import { ComeAndGo, EchoPair } from "./echo_pair.ts";
import type { EchoShape } from "./echo_server.ts";
import {
  buildPrograms,
  CLIENT_CORE,
  flags,
  type LatencyResult,
  programPath,
  runClient,
  SERVER_CORE,
  withServer,
} from "./programs.ts";
import {
  alternate,
  figure,
  printTable,
  saveResult,
  shortly,
  type Spread,
  spread,
} from "./stats.ts";

const { DEFER, MULTISHOT, MULTISHOT_ACCEPT, FILES, DIRECT, BATCH } =
  UringSwitch;
const USUAL = URING_SWITCHES;
/** What runs at a time in one thread, and how often in a round. */
const SLICE_MS = 15;
const SLICES_ROUND = 4;
const WARM_UP_MS = 300;
const MESSAGE_BYTES = 64;
const IN_BYTES = 50;
const OUT_BYTES = 80;
/** On a busy machine both cores are rarely ours at a time. */
const CLIENT_SECONDS_MAX = 100;

/** A way with it and without it. */
interface Option {
  readonly name: string;
  readonly off: number;
  readonly on: number;
}

const OPTIONS: readonly Option[] = [
  {
    name: "single issuer, deferred task work",
    // A receive that goes on needs it: neither side has one.
    off: USUAL & ~DEFER & ~MULTISHOT,
    on: (USUAL | DEFER) & ~MULTISHOT,
  },
  {
    name: "multishot receive, a ring of buffers for each window",
    off: USUAL & ~MULTISHOT,
    on: USUAL | MULTISHOT,
  },
  {
    name: "the same, nothing read directly",
    off: USUAL & ~MULTISHOT & ~DIRECT,
    on: (USUAL | MULTISHOT) & ~DIRECT,
  },
  { name: "registered files", off: USUAL & ~FILES, on: USUAL | FILES },
  {
    name: "registered files, nothing read directly",
    off: USUAL & ~FILES & ~DIRECT,
    on: (USUAL | FILES) & ~DIRECT,
  },
  {
    name: "busy sockets read directly",
    off: USUAL & ~DIRECT,
    on: USUAL | DIRECT,
  },
  { name: "many sends in one call", off: USUAL & ~BATCH, on: USUAL | BATCH },
];

const ACCEPT_OPTIONS: readonly Option[] = [
  {
    name: "multishot accept",
    off: USUAL & ~MULTISHOT_ACCEPT,
    on: USUAL | MULTISHOT_ACCEPT,
  },
  {
    name: "multishot receive, a ring of buffers for each window",
    off: USUAL & ~MULTISHOT,
    on: USUAL | MULTISHOT,
  },
  { name: "registered files", off: USUAL & ~FILES, on: USUAL | FILES },
];

const args = new Map(Deno.args.map((arg) => {
  const [name, value = ""] = arg.replace(/^--/, "").split("=");
  return [name!, value];
}));
const rounds = Number(args.get("rounds") ?? 9);
const samples = Number(args.get("samples") ?? 10_000);
const parts = (args.get("parts") ?? "cost,come,latency,busy,send").split(",");
const summary: Record<string, unknown> = {};

/** Something that is measured in slices. */
interface Rig {
  run(milliseconds: number): number;
  dispose(): void;
}

/** Prints options and returns their figures; a rig for each shape that occurs. */
function compareCosts(
  title: string,
  options: readonly Option[],
  open: (switches: number) => Rig,
): Record<string, Spread> {
  const shapes = new Set(options.flatMap(({ off, on }) => [off, on]));
  const rigs = new Map([...shapes].map((shape) => [shape, open(shape)]));
  const times = new Map([...shapes].map((shape) => [shape, [] as number[]]));
  try {
    for (const rig of rigs.values()) rig.run(WARM_UP_MS);
    for (let slice = 0; slice < rounds * SLICES_ROUND; slice++) {
      for (const [shape, rig] of rigs) {
        times.get(shape)!.push(rig.run(SLICE_MS));
      }
    }
  } finally {
    for (const rig of rigs.values()) rig.dispose();
  }
  const rows = [[`${title}, ns`, "without", "with", "with / without"]];
  const ratios: Record<string, Spread> = {};
  for (const { name, off, on } of options) {
    const without = times.get(off)!;
    const having = times.get(on)!;
    const ratio = spread(having.map((ns, i) => ns / without[i]!));
    ratios[name] = ratio;
    rows.push([
      name,
      shortly(spread(without)),
      shortly(spread(having)),
      `${ratio.median.toFixed(3)} ± ${ratio.mad.toFixed(3)}`,
    ]);
  }
  printTable(rows);
  console.log("");
  return ratios;
}

function costs(): void {
  for (const connections of [2, 8, 64, 512]) {
    const title = `echo, ${connections} connections`;
    summary[title] = compareCosts(
      title,
      OPTIONS,
      (switches) => new EchoPair(connections, MESSAGE_BYTES, { switches }),
    );
  }
}

function comings(): void {
  const title = "a connection that comes and goes";
  summary[title] = compareCosts(
    title,
    ACCEPT_OPTIONS,
    (switches) => new ComeAndGo({ switches }),
  );
}

/** A server of ours in a shape, and what a client measures. */
function withShape<Result>(
  shape: EchoShape,
  measure: (port: number) => Promise<Result>,
  prefix: readonly string[] = [],
): Promise<Result> {
  const [program, ...before] = [...prefix, Deno.execPath()];
  const command = new Deno.Command(program!, {
    args: [
      ...before,
      "run",
      "--no-prompt",
      "--allow-all",
      new URL("./echo_server.ts", import.meta.url).pathname,
      "tcp",
      String(IN_BYTES),
      String(OUT_BYTES),
      String(SERVER_CORE),
      String(2 * CLIENT_SECONDS_MAX),
      JSON.stringify(shape),
    ],
    stdout: "piped",
    stderr: "inherit",
  });
  return withServer(command, "stdout", 0, measure);
}

/** Prints shapes beside the first, each latency with its ratio of the same round. */
function printShapes(
  title: string,
  results: Readonly<Record<string, readonly LatencyResult[]>>,
): void {
  const rows = [[
    `${title}, us`,
    ...["p50", "of usual", "p99", "of usual"],
  ]];
  const usual = results.usual!;
  const figures: Record<string, unknown> = {};
  for (const [name, runs] of Object.entries(results)) {
    const cells = (["p50Ns", "p99Ns"] as const).map((quantile) => ({
      us: spread(runs.map((run) => run[quantile] / 1000)),
      ratio: spread(runs.map((run, i) => run[quantile] / usual[i]![quantile])),
    }));
    figures[name] = cells;
    rows.push([
      name,
      ...cells.flatMap(({ us, ratio }) => [
        shortly(us),
        `${ratio.median.toFixed(2)} ± ${ratio.mad.toFixed(2)}`,
      ]),
    ]);
  }
  summary[title] = figures;
  printTable(rows);
  console.log("");
}

const LATENCY_SHAPES: Readonly<Record<string, EchoShape["options"]>> = {
  usual: {},
  "one receive at a time": { switches: USUAL & ~MULTISHOT },
  "no deferred task work": { switches: USUAL & ~MULTISHOT & ~DEFER },
  "nothing read or sent directly": { switches: USUAL & ~DIRECT },
  "registered files, nothing directly": {
    switches: (USUAL | FILES) & ~DIRECT,
  },
  "every send directly": { switches: USUAL & ~BATCH },
  "the kernel polls, on the client's core": { kernelPollCore: CLIENT_CORE },
  "the kernel polls, on the server's core": { kernelPollCore: SERVER_CORE },
};

async function latencies(): Promise<void> {
  for (const connections of [1, 64]) {
    const sides = Object.fromEntries(
      Object.entries(LATENCY_SHAPES).map(([name, choice]) => [
        name,
        () =>
          withShape({
            options: { connectionsMax: 64, ...choice },
          }, (port) =>
            runClient<LatencyResult>(
              connections === 1 ? "echo_client" : "echo_crowd",
              {
                port,
                out: IN_BYTES,
                in: OUT_BYTES,
                rounds: samples,
                warmup: samples / 2,
                seconds: CLIENT_SECONDS_MAX,
                ...connections === 1 ? {} : { connections },
              },
            )),
      ]),
    );
    printShapes(
      `two processes, ${connections} ${
        connections === 1 ? "connection" : "connections"
      }`,
      await alternate(sides, rounds),
    );
  }
}

/** The client in the other namespace. */
async function clientIn(
  namespace: string,
  port: number,
): Promise<LatencyResult> {
  const { success, stdout } = await new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace, programPath("echo_client")],
      ...flags({
        ...{ host: SERVER_ADDRESS, port, core: CLIENT_CORE },
        ...{ seconds: CLIENT_SECONDS_MAX, out: IN_BYTES, in: OUT_BYTES },
        ...{ rounds: samples, warmup: samples / 2 },
      }),
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("echo_client failed over the veth pair");
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function busyPolling(): Promise<void> {
  const reason = await wireMissing();
  if (reason !== "") {
    console.log(`SKIPPED: busy polling needs a veth pair: ${reason}`);
    return;
  }
  await withWire(async (wire) => {
    const { serverNamespace, clientNamespace, serverInterface } = wire;
    await ip(
      ...["-n", serverNamespace, "address", "add", `${SERVER_ADDRESS}/24`],
      ...["dev", serverInterface],
    );
    // A veth has a NAPI instance that can be polled only with GRO.
    const { success } = await new Deno.Command("ip", {
      args: [
        ...["netns", "exec", serverNamespace],
        ...["ethtool", "-K", serverInterface, "gro", "on"],
      ],
    }).output();
    if (!success) throw new Error("ethtool could not switch GRO on");
    const shape = (options: EchoShape["options"], waitUs: number) => () =>
      withShape(
        { address: SERVER_ADDRESS, waitUs, options: { ...options } },
        (port) => clientIn(clientNamespace, port),
        ["ip", "netns", "exec", serverNamespace],
      );
    printShapes(
      `from ${CLIENT_ADDRESS} over a veth pair, a server that sleeps`,
      await alternate({
        usual: shape({}, 1000),
        "busy polling, 50 us": shape({ busyPollUs: 50 }, 1000),
      }, rounds),
    );
    printShapes(
      `from ${CLIENT_ADDRESS} over a veth pair, a server that never sleeps`,
      await alternate({
        usual: shape({}, 0),
        "busy polling, 50 us": shape({ busyPollUs: 50 }, 0),
      }, rounds),
    );
  });
}

interface SendResult {
  readonly complete: boolean;
  readonly call: number[];
  readonly ring: number[];
  readonly zeroCopy: number[];
  readonly zeroCopyFixed: number[];
}

async function sends(): Promise<void> {
  const rows = [[
    "a send and its receive, ns",
    ...["send()", "ring", "of send()", "zero copy", "of send()"],
    ...["zero copy, registered memory", "of send()"],
  ]];
  for (const bytes of [64, 256, 1024, 4096, 16_384, 65_536]) {
    const result = await runClient<SendResult>("send_ways", { bytes, rounds });
    summary[`send, ${bytes} bytes`] = result;
    const ratio = (ns: readonly number[]) =>
      figure(spread(ns.map((one, i) => one / result.call[i]!)).median);
    rows.push([
      `${bytes} bytes`,
      shortly(spread(result.call)),
      ...[result.ring, result.zeroCopy, result.zeroCopyFixed].flatMap((
        ns,
      ) => [shortly(spread(ns)), ratio(ns)]),
    ]);
  }
  printTable(rows);
  console.log("");
}

await buildPrograms();
if (parts.includes("cost")) costs();
if (parts.includes("come")) comings();
if (parts.includes("latency")) await latencies();
if (parts.includes("busy")) await busyPolling();
if (parts.includes("send")) await sends();
await saveResult("uring_options", summary);
