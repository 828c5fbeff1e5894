// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Starts the real appliance as its user would, for tests and benchmarks: a
 * process of its own, on ports of the kernel's choice, with its data in a
 * temporary folder. Stops only the process that it started.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url).pathname;
const START_MS_MAX = 60_000;

/** What to start. */
export interface StartOptions {
  /** "single" or "pinned". */
  readonly topology?: string;
  /** "none", "written" or "synced". */
  readonly durability?: string;
  /** Folder for the journal; a temporary one if not given. */
  readonly dataDirectory?: string;
  /** "auto", "io_uring" or "plain". */
  readonly transport?: string;
  /** TOML lines of `[transport]`. */
  readonly transportToml?: string;
  /** TOML lines that are appended, whole sections. */
  readonly extraToml?: string;
  /** TOML lines of `[topology]`. */
  readonly topologyToml?: string;
  /** TOML lines of `[journal]`. */
  readonly journalToml?: string;
  /** TOML lines of `[fix]`, `[binary]`, `[capacity]`. */
  readonly fixToml?: string;
  readonly binaryToml?: string;
  readonly capacityToml?: string;
  /** More flags for Deno, before `main.ts`. */
  readonly denoFlags?: readonly string[];
  /** Runs the process under this command, for example `ip netns exec NAME`. */
  readonly wrapper?: readonly string[];
  /** Message of the log line that ends the wait; "ready" if not given. */
  readonly waitFor?: string;
  /** TOML lines of `[appliance]`. */
  readonly applianceToml?: string;
  /** Receives each line of the log as it comes. */
  readonly onLine?: (line: string) => void;
}

/** One line of the appliance's log. */
export interface LogLine {
  readonly level: string;
  readonly source: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A running appliance. */
export interface RunningAppliance {
  readonly process: Deno.ChildProcess;
  readonly dataDirectory: string;
  /** It may be written anew, with `configText()`. */
  readonly configFile: string;
  readonly fixPort: number;
  readonly binaryTcpPort: number;
  readonly binaryUdpPort: number;
  readonly adminPort: number;
  /** Every parsed log line so far. */
  readonly log: LogLine[];
  /** Asks to stop in order (SIGTERM) and waits; returns the exit code. */
  stop(): Promise<number>;
  /** Pulls the plug (SIGKILL) and waits. */
  kill(): Promise<void>;
  /** Ends whatever still runs and removes the temporary folder. */
  [Symbol.asyncDispose](): Promise<void>;
  /** GETs a path of the admin port as JSON. */
  // deno-fmt-ignore
  get(path: string): Promise<Record<string, unknown>>;
  /** Reads one value of `/metrics`; NaN if it is not there. */
  metric(name: string): Promise<number>;
}

/** The file that an appliance is started with. */
export function configText(
  options: StartOptions,
  dataDirectory: string,
): string {
  return `
[appliance]
data_directory = ${JSON.stringify(dataDirectory)}
${options.applianceToml ?? ""}
[topology]
mode = "${options.topology ?? "single"}"
${options.topologyToml ?? ""}
[journal]
durability = "${options.durability ?? "written"}"
${options.journalToml ?? ""}
[transport]
kind = "${options.transport ?? "auto"}"
${options.transportToml ?? ""}
[capacity]
${options.capacityToml ?? ""}
[fix]
port = 0
${options.fixToml ?? ""}
[binary]
tcp_port = 0
udp_port = 0
${options.binaryToml ?? ""}
[admin]
port = 0
[log]
format = "json"
${options.extraToml ?? ""}
`;
}

/** The permissions of `make run`, for other folders. */
export function runFlags(
  dataDirectory: string,
  ...readable: readonly string[]
): string[] {
  return [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    "--allow-ffi",
    `--allow-read=${[ROOT, dataDirectory, ...readable].join(",")}`,
    `--allow-write=${dataDirectory}`,
    "--allow-net=127.0.0.1",
    "--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,FERRULE_NATIVE_DIR,CREDENTIALS_DIRECTORY",
  ];
}

/**
 * Starts an appliance and waits until its ports are open.
 *
 * @throws {Error} With the log if it ends or is not ready within a minute.
 */
export async function startAppliance(
  options: StartOptions = {},
): Promise<RunningAppliance> {
  const ownDirectory = options.dataDirectory === undefined;
  const dataDirectory = options.dataDirectory ??
    await Deno.makeTempDir({ prefix: "ferrule-test-" });
  const configFile = await Deno.makeTempFile({
    prefix: "ferrule-",
    suffix: ".toml",
  });
  await Deno.writeTextFile(configFile, configText(options, dataDirectory));
  const command = [
    ...options.wrapper ?? [],
    Deno.execPath(),
    "run",
    ...runFlags(dataDirectory, configFile),
    ...options.denoFlags ?? [],
    `${ROOT}main.ts`,
    "run",
    "--config",
    configFile,
  ];
  const process = new Deno.Command(command[0]!, {
    args: command.slice(1),
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const waitFor = options.waitFor ?? "ready";
  const log: LogLine[] = [];
  const raw: string[] = [];
  let ready: (() => void) | undefined;
  const started = new Promise<void>((resolve) => ready = resolve);
  const take = (line: string): void => {
    raw.push(line);
    options.onLine?.(line);
    try {
      const parsed = JSON.parse(line) as LogLine;
      log.push(parsed);
      if (parsed.message === waitFor) ready!();
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  };
  const readers = [
    readLines(process.stderr, take),
    readLines(process.stdout, take),
  ];
  const ended = process.status;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const failure = await Promise.race([
    started.then(() => undefined),
    ended.then((status) => `it ended with code ${status.code}`),
    new Promise<string>((resolve) => {
      timer = setTimeout(
        () => resolve("it was not ready in time"),
        START_MS_MAX,
      );
    }),
  ]);
  clearTimeout(timer);
  const finish = async (): Promise<number> => {
    const status = await ended;
    await Promise.all(readers);
    return status.code;
  };
  if (failure !== undefined) {
    tryKill(process, "SIGKILL");
    await finish();
    throw new Error(
      `The appliance did not start: ${failure}\n${raw.join("\n")}`,
    );
  }
  const readyLine = log.find((line) => line.message === waitFor)!;
  const adminPort = Number(readyLine.adminPort);
  return {
    process,
    dataDirectory,
    configFile,
    fixPort: Number(readyLine.fixPort),
    binaryTcpPort: Number(readyLine.binaryTcpPort),
    binaryUdpPort: Number(readyLine.binaryUdpPort),
    adminPort,
    log,
    async stop() {
      tryKill(process, "SIGTERM");
      return await finish();
    },
    async kill() {
      tryKill(process, "SIGKILL");
      await finish();
    },
    async [Symbol.asyncDispose]() {
      tryKill(process, "SIGKILL");
      await finish();
      await Deno.remove(configFile).catch(() => {});
      if (ownDirectory) await Deno.remove(dataDirectory, { recursive: true });
    },
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
      return await response.json();
    },
    async metric(name) {
      const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
      const text = await response.text();
      const line = text.split("\n").find((l) => l.startsWith(`${name} `));
      return line === undefined ? NaN : Number(line.split(" ")[1]);
    },
  };
}

/** Sends a signal unless the process is gone already. */
function tryKill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    if (
      !(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)
    ) throw error;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}
