// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Builds and runs the QuickFIX trading client of the tests, and reads what it
 * reports. See `ferrule_initiator.cpp` for what the client does and checks.
 *
 * @module
 */

const SOURCE = new URL(".", import.meta.url).pathname;
/** Folder of the programs that `buildClient()` builds. */
export const QUICKFIX_BUILD =
  new URL("../../build/quickfix", import.meta.url).pathname;
/** What QuickFIX checks messages against. */
export const DICTIONARY = `${SOURCE}ferrule_fix44.xml`;
const QUICKFIX_HEADER = "/usr/include/quickfix/Session.h";

/** How the client is run. */
export interface QuickfixOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Where it looks when nobody answers there: the other half of a pair. */
  readonly secondHost?: string;
  readonly port: number;
  /** SenderCompID; default CLIENT1. */
  readonly sender?: string;
  readonly password?: string;
  /** New orders; 0 = until it is told to finish. Cancels and replaces come on top. */
  readonly orders: number;
  readonly seed: number;
  /** `drop`: loses its connection half-way. `resume`: reconnects whenever the appliance is back. */
  readonly mode: "steady" | "drop" | "resume";
  /** Folder of its sequence numbers and sent messages. */
  readonly files: string;
  /** Bound of the whole run. */
  readonly seconds: number;
  /** Start of its ClOrdIDs, at most 12 characters; must differ from run to run on one session. */
  readonly prefix?: string;
  /** File for one JSON line for each report, as it arrives. */
  readonly journal?: string;
  /** Requests without an answer at a time. */
  readonly window?: number;
  /** Microseconds between requests. */
  readonly paceUs?: number;
  /** Does not cancel what is open in the end. */
  readonly keepOpen?: boolean;
  /** Nobody else trades: what is bought must equal what is sold. */
  readonly alone?: boolean;
  /** The appliance may log it out. */
  readonly expectLogout?: boolean;
  readonly reset?: boolean;
  /** A command that runs it, such as one that enters a network namespace. */
  readonly launcher?: readonly string[];
}

/** An order that the client believes open. */
export interface QuickfixOrder {
  readonly orderId: string;
  readonly clOrdId: string;
  readonly symbol: string;
  readonly side: "1" | "2";
  readonly price: string;
  readonly cum: string;
  readonly leaves: string;
}

/** What the client reports. */
export interface QuickfixReport {
  readonly sent: { new: number; cancel: number; replace: number };
  readonly received: {
    reports: number;
    accepted: number;
    rejected: number;
    fills: number;
    canceled: number;
    replaced: number;
    cancelRejects: number;
    repeats: number;
  };
  readonly session: {
    logons: number;
    dropped: boolean;
    logoutsReceived: number;
    resendsAsked: number;
    resendsAskedOfUs: number;
    possDupReceived: number;
    possDupSent: number;
    gapFillsReceived: number;
    nextSender: number;
    nextTarget: number;
  };
  readonly unanswered: number;
  readonly open: readonly QuickfixOrder[];
  readonly seconds: number;
  readonly violationCount: number;
  /** The first hundred. */
  readonly violations: readonly string[];
}

/** A line of the client's journal. */
export interface QuickfixJournalLine {
  readonly kind: "report" | "cancelReject";
  readonly orderId: string;
  readonly clOrdId: string;
  readonly origClOrdId: string;
  readonly ordStatus: string;
  readonly sequence: number;
  /** Of reports only. */
  readonly execId?: string;
  readonly execType?: string;
  readonly symbol?: string;
  readonly side?: string;
  readonly price?: string;
  readonly quantity?: string;
  readonly cum?: string;
  readonly leaves?: string;
  readonly lastQty?: string;
  readonly lastPx?: string;
}

/** A running client. */
export interface QuickfixClient {
  /** Asks it to send nothing new, await what is outstanding and end. */
  finish(): void;
  /** Ends it at once, if it still runs. */
  kill(): void;
  /** Waits for its end. `report` is undefined if it was called wrongly. */
  result(): Promise<
    { code: number; report: QuickfixReport | undefined; stderr: string }
  >;
}

/**
 * Builds the client and the driver if they are not up to date.
 *
 * @returns Why they can't be built on this machine; undefined = they are there.
 * @throws {Error} With the compiler's words if one does not compile.
 */
export async function buildClient(): Promise<string | undefined> {
  try {
    await Deno.stat(QUICKFIX_HEADER);
  } catch {
    return `no ${QUICKFIX_HEADER}: install libquickfix-dev`;
  }
  const { success, stderr } = await new Deno.Command("make", {
    args: ["-C", SOURCE, `OUT=${QUICKFIX_BUILD}`],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  throw new Error(
    `The QuickFIX client did not compile:\n${new TextDecoder().decode(stderr)}`,
  );
}

function argumentsOf(options: QuickfixOptions): string[] {
  const values: Record<string, string | number | undefined> = {
    host: options.host,
    "second-host": options.secondHost,
    port: options.port,
    sender: options.sender ?? "CLIENT1",
    password: options.password ?? "demo",
    orders: options.orders,
    seed: options.seed,
    mode: options.mode,
    files: options.files,
    dictionary: DICTIONARY,
    seconds: options.seconds,
    prefix: options.prefix,
    journal: options.journal,
    window: options.window,
    "pace-us": options.paceUs,
  };
  const flags: Record<string, boolean | undefined> = {
    "keep-open": options.keepOpen,
    alone: options.alone,
    "expect-logout": options.expectLogout,
    reset: options.reset,
  };
  return [
    ...Object.entries(values).filter(([, value]) => value !== undefined)
      .flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...Object.entries(flags).filter(([, on]) => on).map(([name]) =>
      `--${name}`
    ),
  ];
}

/** Starts the client; `buildClient()` was called before. */
export function startClient(options: QuickfixOptions): QuickfixClient {
  const [command, ...launcherArguments] = [
    ...options.launcher ?? [],
    `${QUICKFIX_BUILD}/ferrule_initiator`,
  ];
  const process = new Deno.Command(command!, {
    args: [...launcherArguments, ...argumentsOf(options)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const output = process.output().finally(() => ended = true);
  return {
    finish: () => process.kill("SIGTERM"),
    kill() {
      if (!ended) process.kill("SIGKILL");
    },
    async result() {
      const { code, stdout, stderr } = await output;
      const text = new TextDecoder().decode(stdout);
      return {
        code,
        report: text === "" ? undefined : JSON.parse(text) as QuickfixReport,
        stderr: new TextDecoder().decode(stderr),
      };
    },
  };
}

/** Reads a journal of the client. The last line may be cut off. */
export async function readJournal(
  file: string,
): Promise<QuickfixJournalLine[]> {
  const lines = (await Deno.readTextFile(file)).split("\n");
  lines.pop();
  return lines.map((line) => JSON.parse(line) as QuickfixJournalLine);
}
