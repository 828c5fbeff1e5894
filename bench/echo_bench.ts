// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Round trip of a request and an answer over loopback, the client spinning: a
 * C server on plain sockets that spins, against a Deno server on
 * `UringTransport`. The two take turns on the same core; the client has the
 * other. The sizes are those of a binary order and its answer.
 *
 * @module
 */
import {
  alternate,
  conditions,
  describe,
  printTable,
  saveResult,
  spread,
} from "./stats.ts";

const ROUNDS = 7;
const IN_BYTES = 50;
const OUT_BYTES = 80;
const SERVER_CORE = 0;
const CLIENT_CORE = Math.min(1, navigator.hardwareConcurrency - 1);
const SECONDS_MAX = 20;
const PROGRAMS = new URL("../build/bench/", import.meta.url).pathname;

/** One line of `echo_client`. */
interface EchoResult {
  readonly complete: boolean;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

function client(over: string, port: number): Promise<EchoResult> {
  return runJson("echo_client", [
    "--over",
    over,
    "--port",
    String(port),
    "--out",
    String(IN_BYTES),
    "--in",
    String(OUT_BYTES),
    "--rounds",
    "100000",
    "--warmup",
    "30000",
    "--core",
    String(CLIENT_CORE),
    "--seconds",
    String(SECONDS_MAX),
  ]);
}

async function runJson(name: string, args: string[]): Promise<EchoResult> {
  const output = await new Deno.Command(PROGRAMS + name, {
    args,
    stderr: "inherit",
  }).output();
  if (!output.success) {
    throw new Error(`${name} ${args.join(" ")} ended with ${output.code}`);
  }
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** A server that says "ready" or "ready PORT" on the given stream. */
async function withServer(
  command: Deno.Command,
  stream: "stdout" | "stderr",
  port: number,
  measure: (port: number) => Promise<EchoResult>,
): Promise<EchoResult> {
  await using server = command.spawn();
  const reader = server[stream].getReader();
  const { value } = await reader.read();
  const line = new TextDecoder().decode(value);
  const match = line.match(/^ready ?([0-9]*)/);
  if (match === null) throw new Error(`The echo server said: ${line}`);
  try {
    return await measure(match[1] === "" ? port : Number(match[1]));
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await reader.cancel();
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function nativeServer(over: string): Promise<EchoResult> {
  const port = freePort();
  const command = new Deno.Command(`${PROGRAMS}echo_server`, {
    args: [
      "--over",
      over,
      "--port",
      String(port),
      "--in",
      String(IN_BYTES),
      "--out",
      String(OUT_BYTES),
      "--core",
      String(SERVER_CORE),
      "--seconds",
      String(2 * SECONDS_MAX),
    ],
    stdout: "null",
    stderr: "piped",
  });
  return withServer(command, "stderr", port, (bound) => client(over, bound));
}

function ferruleServer(over: string): Promise<EchoResult> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-all",
      new URL("./echo_server.ts", import.meta.url).pathname,
      over,
      String(IN_BYTES),
      String(OUT_BYTES),
      String(SERVER_CORE),
      String(2 * SECONDS_MAX),
    ],
    stdout: "piped",
    stderr: "inherit",
  });
  return withServer(command, "stdout", 0, (port) => client(over, port));
}

const QUANTILES = ["p50Ns", "p99Ns", "p999Ns"] as const;
const summary: Record<string, unknown> = {};

const made = await new Deno.Command("make", {
  args: ["-s", "-C", new URL("./native/", import.meta.url).pathname],
}).spawn().status;
if (!made.success) throw new Error("Failed to build bench/native");
for (const over of ["tcp", "udp"]) {
  const results = await alternate({
    c: () => nativeServer(over),
    ferrule: () => ferruleServer(over),
  }, ROUNDS);
  const rows = [[`${over} echo, us`, "C", "ferrule", "ratio (same round)"]];
  for (const quantile of QUANTILES) {
    const side = (name: "c" | "ferrule") =>
      results[name].map((result) => result[quantile] / 1000);
    const c = side("c");
    const ratios = spread(side("ferrule").map((us, i) => us / c[i]!));
    rows.push([
      quantile.slice(0, -2),
      describe(spread(c)),
      describe(spread(side("ferrule"))),
      describe(ratios),
    ]);
    summary[`${over} ${quantile}`] = {
      c: spread(c),
      ferrule: spread(side("ferrule")),
      ratio: ratios,
    };
  }
  printTable(rows);
}
await saveResult("echo", { ...summary, conditions: conditions() });
