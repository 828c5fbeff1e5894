// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The commands `inspect`, `verify` and `shadow` of the command line: read what is
 * asked, find it out, print it. Everything else is done elsewhere.
 *
 * @module
 */
import { type Flags, readConfig, UsageError } from "../appliance/commands.ts";
import type { Config } from "../config/mod.ts";
import { isFolder } from "./archive.ts";
import { showFlight } from "./flight_view.ts";
import { History } from "./history.ts";
import { Output, type Print } from "./output.ts";
import { shadow, shadowText } from "./shadow.ts";
import { verify } from "./verify.ts";
import { problemText, verdictText } from "./verdict_text.ts";
import { NEWEST, parsePoint, parseRange, PointError } from "./units.ts";
import {
  type Question,
  showAccounts,
  showBook,
  showCommands,
  showEvents,
  showInstruments,
  showMessages,
  showSegments,
  showSession,
  showSessions,
  showSnapshot,
  showSummary,
} from "./views.ts";

/** What can be asked for, and what each takes. */
const VIEWS: Readonly<
  Record<
    string,
    {
      /** Words behind the name, at least and at most. */
      readonly words: readonly [number, number];
      readonly takes: string;
      readonly show: (question: Question, words: readonly string[]) => void;
    }
  >
> = {
  summary: { words: [0, 0], takes: "", show: showSummary },
  book: {
    words: [1, 1],
    takes: "SYMBOL",
    show: (question, [symbol]) => showBook(question, symbol!),
  },
  sessions: { words: [0, 0], takes: "", show: showSessions },
  session: {
    words: [1, 1],
    takes: "NAME",
    show: (question, [name]) => showSession(question, name!),
  },
  accounts: { words: [0, 0], takes: "", show: showAccounts },
  instruments: { words: [0, 0], takes: "", show: showInstruments },
  commands: {
    words: [0, 1],
    takes: "[FROM..TO]",
    show: (question, [range]) =>
      showCommands(question, parseRange(range ?? "..")),
  },
  events: {
    words: [0, 1],
    takes: "[FROM..TO]",
    show: (question, [range]) =>
      showEvents(question, parseRange(range ?? "..")),
  },
  messages: {
    words: [1, 2],
    takes: "NAME [FROM..TO]",
    show: (question, [name, range]) =>
      showMessages(question, name!, parseRange(range ?? "..")),
  },
  snapshot: {
    words: [0, 1],
    takes: "[FILE]",
    show: (question, [file]) => showSnapshot(question, file),
  },
  segments: { words: [0, 0], takes: "", show: showSegments },
  flight: {
    words: [0, 1],
    takes: "[FILE]",
    show: ({ history, output }, [file]) =>
      showFlight(output, history.archive.directory, file),
  },
};

/** What can be asked for. */
export const VIEW_NAMES: readonly string[] = Object.keys(VIEWS);

/** The configuration with the data folder and the archive that were asked for. */
function configOf(flags: Flags, directory = flags.data): Config {
  const config = readConfig(flags);
  const dataDirectory = directory ?? config.appliance.dataDirectory;
  return {
    ...config,
    appliance: { ...config.appliance, dataDirectory },
    journal: {
      ...config.journal,
      archiveDirectory: archiveOf(flags, config, dataDirectory),
    },
  };
}

/** The archive of a data folder: as asked for; the configuration knows that of its own. */
function archiveOf(flags: Flags, config: Config, directory: string): string {
  const { archive } = flags;
  if (archive === undefined) {
    const isOwn = directory === config.appliance.dataDirectory;
    return isOwn ? config.journal.archiveDirectory : "";
  }
  if (archive !== "" && !isFolder(archive)) {
    throw new Error(
      `No folder '${archive}': --archive names the folder that segments were ` +
        "moved to ([journal] archive_directory)",
    );
  }
  return archive;
}

function printTo(stream: { writeSync(bytes: Uint8Array): number }): Print {
  const encoder = new TextEncoder();
  return (text: string): void => {
    const bytes = encoder.encode(text);
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  };
}

function levelsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`--levels is ${text}: must be a whole number from 1 on`);
}

/** `inspect`: what is, or was, in an appliance. */
export function commandInspect(
  flags: Flags,
  rest: readonly string[],
): number {
  const [what = "summary", ...words] = rest;
  const view = Object.hasOwn(VIEWS, what) ? VIEWS[what] : undefined;
  if (view === undefined) {
    throw new UsageError(
      `inspect can't show "${what}": ${VIEW_NAMES.join(", ")}`,
    );
  }
  if (words.length < view.words[0] || words.length > view.words[1]) {
    throw new UsageError(
      `inspect ${what} takes ${view.takes || "nothing more"}`,
    );
  }
  const tell = printTo(Deno.stderr);
  const output = new Output(printTo(Deno.stdout), flags.json ?? false);
  const levels = levelsOf(flags.levels);
  try {
    const point = flags.at === undefined ? NEWEST : parsePoint(flags.at);
    view.show({
      history: new History({
        config: configOf(flags),
        progress: (text) => tell(`inspect: ${text}\n`),
      }),
      point,
      output,
      ...(levels === undefined ? {} : { levels }),
    }, words);
    output.flush();
  } catch (error) {
    // Whoever reads has seen enough: head, a pager.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    if (error instanceof PointError) throw new UsageError(error.message);
    output.flush();
    throw error;
  }
  return 0;
}

/** `verify`: whether archives are whole, and still give what they gave. */
export function commandVerify(flags: Flags, rest: readonly string[]): number {
  if (flags.archive !== undefined && rest.length > 1) {
    throw new UsageError("--archive goes with one folder only");
  }
  const directories = rest.length > 0 ? rest : [flags.data];
  const print = printTo(Deno.stdout);
  const tell = printTo(Deno.stderr);
  let code = 0;
  for (const asked of directories) {
    const config = configOf(flags, asked);
    const verdict = verify({
      config,
      directory: config.appliance.dataDirectory,
      archived: config.journal.archiveDirectory,
      quick: flags.quick ?? false,
      progress: (text) => tell(`verify: ${text}\n`),
    });
    if (verdict.problems.length > 0) code = 1;
    if (flags.json) {
      print(`${JSON.stringify({ record: "verdict", ...verdict })}\n`);
    } else {
      for (const problem of verdict.problems) {
        print(`${problemText(problem)}\n`);
      }
      print(`${verdictText(verdict)}\n`);
    }
  }
  return code;
}

/** `shadow`: whether this build may take over a data folder. */
export function commandShadow(flags: Flags, rest: readonly string[]): number {
  if (rest.length > 0) throw new UsageError("shadow takes no further words");
  const tell = printTo(Deno.stderr);
  const verdict = shadow({
    config: configOf(flags),
    fromSnapshot: flags["from-snapshot"] ?? false,
    progress: (text) => tell(`shadow: ${text}\n`),
  });
  const line = flags.json
    ? JSON.stringify({ record: "shadow", ...verdict })
    : shadowText(verdict);
  printTo(Deno.stdout)(`${line}\n`);
  return verdict.mayTakeOver ? 0 : 1;
}
