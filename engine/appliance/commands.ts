// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What each command of the command line does, and the exit code it gives.
 *
 * Runs on the main thread. Reads files and prints; the work is done elsewhere.
 *
 * @module
 */
import { type Config, defaultToml, loadConfig } from "../config/mod.ts";
import { Log } from "../telemetry/mod.ts";
import { Appliance } from "./appliance.ts";
import { control } from "./control.ts";
import { doctor, printDoctor } from "./doctor.ts";
import { replayJournal } from "./offline.ts";
import { REQUEST_NAMES } from "./operator_requests.ts";
import { replay, type ReplayFormat } from "./replay.ts";
import type { SendOptions } from "./send.ts";
import {
  SEND_SELF_TRADE,
  SEND_TIMES,
  SEND_TYPES,
  type SendOrder,
  usualType,
} from "./send_terms.ts";

/** The command line was used wrongly. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Options as the command line gives them; absent = not given. */
export interface Flags {
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
  readonly "measure-disk"?: boolean | undefined;
  readonly protocol?: string | undefined;
  readonly session?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly password?: string | undefined;
  readonly tif?: string | undefined;
  readonly format?: string | undefined;
  readonly book?: string | undefined;
  readonly data?: string | undefined;
  readonly archive?: string | undefined;
  readonly type?: string | undefined;
  readonly stop?: string | undefined;
  readonly display?: string | undefined;
  readonly "display-range"?: string | undefined;
  readonly minimum?: string | undefined;
  readonly expire?: string | undefined;
  readonly offset?: string | undefined;
  readonly account?: string | undefined;
  readonly "self-trade"?: string | undefined;
  readonly "basis-points"?: boolean | undefined;
  readonly "post-only"?: boolean | undefined;
  readonly "post-slide"?: boolean | undefined;
  readonly hidden?: boolean | undefined;
  readonly "all-or-none"?: boolean | undefined;
  readonly at?: string | undefined;
  readonly levels?: string | undefined;
  readonly quick?: boolean | undefined;
  readonly check?: boolean | undefined;
  readonly "from-snapshot"?: boolean | undefined;
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

/** The configuration that the options name; the defaults if they name none. */
export function readConfig(flags: Flags): Config {
  const { config: path } = flags;
  if (path === undefined) return loadConfig("", "defaults");
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(
      `Failed to read the configuration ${path}: ${error.message}. ` +
        "`main.ts config` prints one to start from",
      { cause: error },
    );
  }
  return loadConfig(text, path);
}

/** `run`: the appliance, until a signal. */
export async function commandRun(flags: Flags): Promise<number> {
  const config = readConfig(flags);
  const { level, format } = config.log;
  const log = new Log({
    level,
    format: format === "auto"
      ? (Deno.stderr.isTerminal() ? "text" : "json")
      : format,
    source: "main",
    nowMs: () => performance.timeOrigin + performance.now(),
  });
  const findings = doctor(config, { configFile: flags.config ?? "" });
  for (const { subject, severity, found, wanted, remedy } of findings) {
    if (severity !== "warning" && severity !== "error") continue;
    log.warn(`this host lacks: ${subject}`, { found, wanted, remedy });
  }
  return await new Appliance(config, log).run();
}

/** `doctor`: what this host lacks. */
export function commandDoctor(flags: Flags): number {
  const config = readConfig(flags);
  const findings = doctor(config, {
    configFile: flags.config ?? "",
    measureDisk: flags["measure-disk"] ?? false,
    askPeers: true,
  });
  return printDoctor(findings, { json: flags.json ?? false });
}

/** `config`: the defaults as a file, with reasons; with `check`, whether a file may be used. */
export function commandConfig(flags: Flags): number {
  if (flags.check === true) {
    const { instruments, fix, binary } = readConfig(flags);
    print(
      `${
        flags.config ?? "defaults"
      }: fine: ${instruments.length} instruments, ` +
        `${fix.sessions.length} FIX and ${binary.sessions.length} binary sessions\n`,
    );
    return 0;
  }
  print(defaultToml());
  return 0;
}

/** `hash`: sequence and state hash of a stopped appliance's journal. */
export function commandHash(flags: Flags): number {
  const config = readConfig(flags);
  const dataDirectory = flags.data ?? config.appliance.dataDirectory;
  const state = replayJournal({
    ...config,
    appliance: { ...config.appliance, dataDirectory },
  });
  print(JSON.stringify(state, null, 2) + "\n");
  return 0;
}

/** `replay`: recorded order flow through the books. */
export async function commandReplay(
  flags: Flags,
  rest: readonly string[],
): Promise<number> {
  const [file] = rest;
  if (file === undefined || rest.length > 1) {
    throw new UsageError("replay takes one file");
  }
  const { format, book } = flags;
  if (format !== undefined && format !== "itch" && format !== "lobster") {
    throw new UsageError(`--format is ${format}: must be itch or lobster`);
  }
  const report = await replay({
    file,
    ...(format === undefined ? {} : { format: format as ReplayFormat }),
    ...(book === undefined ? {} : { book }),
    print,
  });
  return report.comparison === undefined ||
      report.comparison.equal === report.comparison.rows
    ? 0
    : 1;
}

/** `control`: what an operator asks of the running appliance. */
export async function commandControl(
  flags: Flags,
  rest: readonly string[],
): Promise<number> {
  if (rest.length === 0) {
    throw new UsageError(
      `control takes one of ${REQUEST_NAMES.join(", ")}, and key=value`,
    );
  }
  const { admin } = readConfig(flags);
  return await control(rest, {
    host: flags.host ?? admin.address,
    port: flags.port === undefined ? admin.port : Number(flags.port),
  }, print);
}

/** `promote`: makes the standby of this host primary. */
export async function commandPromote(
  flags: Flags,
  rest: readonly string[],
): Promise<number> {
  const { admin } = readConfig(flags);
  return await control(["promote", ...rest], {
    host: flags.host ?? admin.address,
    port: flags.port === undefined ? admin.port : Number(flags.port),
  }, print);
}

const PROTOCOLS = ["fix", "binary", "binary-udp"] as const;

/** `send`: one order, and what comes back. */
export async function commandSend(
  flags: Flags,
  rest: readonly string[],
): Promise<number> {
  const [side, quantity, symbol, price] = rest;
  if (
    (side !== "buy" && side !== "sell") || quantity === undefined ||
    symbol === undefined || rest.length > 4
  ) {
    throw new UsageError(
      "send takes buy or sell, a quantity, a symbol and perhaps a price",
    );
  }
  const protocol = PROTOCOLS.find((name) => name === (flags.protocol ?? "fix"));
  if (protocol === undefined) {
    throw new UsageError(
      `--protocol is ${flags.protocol}: must be ${PROTOCOLS.join(", ")}`,
    );
  }
  const order = orderOf(flags, side, quantity, symbol, price);
  const config = readConfig(flags);
  const fix = protocol === "fix";
  const defaultPort = fix
    ? config.fix.port
    : protocol === "binary"
    ? config.binary.tcpPort
    : config.binary.udpPort;
  const session = flags.session ?? (fix ? "CLIENT1" : "1");
  const options: SendOptions = {
    protocol,
    host: flags.host ?? "127.0.0.1",
    port: flags.port === undefined ? defaultPort : Number(flags.port),
    session,
    secret: flags.password ?? secretOf(config, fix, session),
    targetCompId: config.fix.targetCompId,
    order,
    symbols: config.instruments.map((instrument) => instrument.symbol),
    accounts: config.accounts.map((account) => account.name),
  };
  // Clients are loaded for this command only.
  const { send } = await import("./send.ts");
  return await send(options, print);
}

/** One of a list of words that an option may be. */
function oneOf<Word extends string>(
  name: string,
  given: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (given === undefined) return undefined;
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} is ${given}: must be ${words.join(", ")}`);
}

/** The order that the options describe. */
function orderOf(
  flags: Flags,
  side: "buy" | "sell",
  quantity: string,
  symbol: string,
  price: string | undefined,
): SendOrder {
  const { offset, stop } = flags;
  if (offset !== undefined && !/^-?\d{1,9}$/.test(offset)) {
    throw new UsageError(`--offset is ${offset}: must be a whole number`);
  }
  const { expire } = flags;
  const type = oneOf("type", flags.type, SEND_TYPES) ?? usualType(price, stop);
  const timeInForce = oneOf("tif", flags.tif, SEND_TIMES) ??
    (expire === undefined ? "day" : "gtd");
  const given: Partial<SendOrder> = Object.fromEntries(
    Object.entries({
      price,
      stop,
      expire,
      display: flags.display,
      displayRange: flags["display-range"],
      minimum: flags.minimum,
      offset: offset === undefined ? undefined : Number(offset),
      basisPoints: flags["basis-points"] || undefined,
      postOnly: flags["post-only"] || undefined,
      postSlide: flags["post-slide"] || undefined,
      hidden: flags.hidden || undefined,
      allOrNone: flags["all-or-none"] || undefined,
      account: flags.account,
      selfTrade: oneOf("self-trade", flags["self-trade"], SEND_SELF_TRADE),
    }).filter(([, value]) => value !== undefined),
  );
  return { side, quantity, symbol, type, timeInForce, ...given };
}

function secretOf(config: Config, fix: boolean, session: string): string {
  const secret = fix
    ? config.fix.sessions.find((s) => s.senderCompId === session)?.password
    : config.binary.sessions.find((s) => String(s.number) === session)?.key;
  if (secret === undefined) {
    throw new UsageError(
      `No session ${session} in the configuration: give --password`,
    );
  }
  return secret;
}
