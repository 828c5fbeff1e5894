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
  buildPrograms,
  type LatencyResult,
  runClient,
  SECONDS_MAX,
  SERVER_CORE,
  withEchoServer,
  withServer,
} from "./programs.ts";
import { alternate, compareLatency, saveResult } from "./stats.ts";

const ROUNDS = 7;
const IN_BYTES = 50;
const OUT_BYTES = 80;

function client(over: string, port: number): Promise<LatencyResult> {
  return runClient("echo_client", {
    over,
    port,
    out: IN_BYTES,
    in: OUT_BYTES,
    rounds: 100_000,
    warmup: 30_000,
  });
}

function nativeServer(over: string): Promise<LatencyResult> {
  return withEchoServer(
    over,
    IN_BYTES,
    OUT_BYTES,
    (port) => client(over, port),
  );
}

function ferruleServer(over: string): Promise<LatencyResult> {
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

const summary: Record<string, unknown> = {};

await buildPrograms();
for (const over of ["tcp", "udp"]) {
  const results = await alternate({
    c: () => nativeServer(over),
    ferrule: () => ferruleServer(over),
  }, ROUNDS);
  const title = `${over} echo`;
  summary[title] = compareLatency(title, "C", results.c, results.ferrule);
}
await saveResult("echo", summary);
