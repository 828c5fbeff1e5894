// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The C programs of the benchmarks, and the cores that each side gets: the
 * server one, the client the other, so that neither waits for the other's.
 *
 * @module
 */

export const SERVER_CORE = 0;
export const CLIENT_CORE = Math.min(1, navigator.hardwareConcurrency - 1);
/** Bound of one measurement. */
export const SECONDS_MAX = 20;

const PROGRAMS = new URL("../build/bench/", import.meta.url).pathname;

/** Percentiles of one run of a client in latency mode. */
export interface LatencyResult {
  readonly complete: boolean;
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

/** One run of a client in throughput mode. */
export interface ThroughputResult {
  readonly complete: boolean;
  /** Acknowledgements counted. */
  readonly count: number;
  readonly perSecond: number;
}

/** Compiles the programs. @throws {Error} If that fails. */
export async function buildPrograms(): Promise<void> {
  const made = await new Deno.Command("make", {
    args: ["-s", "-C", new URL("./native/", import.meta.url).pathname],
  }).spawn().status;
  if (!made.success) throw new Error("Failed to build bench/native");
}

/** Path of a program. */
export function programPath(name: string): string {
  return PROGRAMS + name;
}

/** Arguments as the programs take them: `--name value`. */
export function flags(
  values: Readonly<Record<string, string | number>>,
): string[] {
  return Object.entries(values).flatMap((
    [name, value],
  ) => [`--${name}`, String(value)]);
}

/**
 * Runs a client to its end and reads its one line of JSON.
 *
 * @param launcher A command that runs it, such as one that enters a network namespace.
 * @throws {Error} If it fails, or its time ran out before it was through.
 */
export async function runClient<Result extends { readonly complete: boolean }>(
  name: string,
  values: Readonly<Record<string, string | number>>,
  launcher: readonly string[] = [],
): Promise<Result> {
  const args = flags({ core: CLIENT_CORE, seconds: SECONDS_MAX, ...values });
  const [command, ...before] = [...launcher, PROGRAMS + name];
  const output = await new Deno.Command(command!, {
    args: [...before, ...args],
    stderr: "inherit",
  }).output();
  if (!output.success) {
    throw new Error(`${name} ${args.join(" ")} ended with ${output.code}`);
  }
  const result = JSON.parse(new TextDecoder().decode(output.stdout)) as Result;
  if (!result.complete) {
    throw new Error(
      `${name} ${args.join(" ")} was not through after ${SECONDS_MAX} s`,
    );
  }
  return result;
}

/** Starts a server that says "ready" or "ready PORT" on a stream, measures, kills it. */
export async function withServer<Result>(
  command: Deno.Command,
  stream: "stdout" | "stderr",
  port: number,
  measure: (port: number) => Promise<Result>,
): Promise<Result> {
  await using server = command.spawn();
  const reader = server[stream].getReader();
  const { value } = await reader.read();
  const line = new TextDecoder().decode(value);
  const match = line.match(/^ready ?([0-9]*)/);
  if (match === null) throw new Error(`The server said: ${line}`);
  try {
    return await measure(match[1] === "" ? port : Number(match[1]));
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await reader.cancel();
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The C echo server that polls; it answers `inBytes` with `outBytes`. */
export function withEchoServer<Result>(
  over: string,
  inBytes: number,
  outBytes: number,
  measure: (port: number) => Promise<Result>,
): Promise<Result> {
  const port = freePort();
  const command = new Deno.Command(programPath("echo_server"), {
    args: flags({
      over,
      port,
      in: inBytes,
      out: outBytes,
      core: SERVER_CORE,
      seconds: 2 * SECONDS_MAX,
    }),
    stdout: "null",
    stderr: "piped",
  });
  return withServer(command, "stderr", port, measure);
}
