// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `replay`: recorded order flow through the appliance's books.
 *
 * A recorded feed says what traded, so the books follow it and match nothing
 * (see `feed_books.ts`). Runs on the main thread, without the rest of the
 * appliance; files stream through a few MiB. It serves nobody and writes
 * nothing but its report.
 *
 * @module
 */
import { FeedBooks, type FeedBooksOptions } from "./feed_books.ts";
import { ItchReplay } from "./replay_itch.ts";
import { LobsterReplay } from "./replay_lobster.ts";
import {
  formatReport,
  newTally,
  type ReplayReport,
  stocksOf,
} from "./replay_report.ts";
import { ReplaySource } from "./replay_source.ts";

export { formatReport, type ReplayReport } from "./replay_report.ts";
export { ReplayError } from "./replay_source.ts";

/** Format of a recorded file. */
export type ReplayFormat = "itch" | "lobster";

/** What to replay. */
export interface ReplayOptions extends FeedBooksOptions {
  /** Path of the file; `-` is standard input. */
  readonly file: string;
  /** Default: `lobster` for a name that ends in `.csv`, else `itch`. */
  readonly format?: ReplayFormat;
  /** LOBSTER: path of the book file; the books are held against its rows. */
  readonly book?: string;
  /** Gets the report as text. Default: standard output. */
  readonly print?: (text: string) => void;
  /**
   * Called now and then with bytes done and bytes in all (0 = not known).
   * Default: a bar on standard error, if that is a terminal.
   */
  readonly progress?: (done: number, total: number) => void;
}

const PROGRESS_INTERVAL_MS = 100;
const BAR_CELLS = 40;

/**
 * Feeds a recorded file into the books and reports what happened.
 *
 * Orders that a feed adds come to rest even if they cross: the feed reports
 * what traded, nothing is matched again. `crossingAdds` counts them.
 *
 * @throws {ReplayError} If a file is cut off or corrupt: names the byte, what
 *   was expected and what was found.
 * @throws {Error} If a file can't be read or the options contradict.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const format = options.format ??
    (options.file.endsWith(".csv") ? "lobster" : "itch");
  if (format !== "itch" && format !== "lobster") {
    throw new Error(`format is ${format}: must be itch or lobster`);
  }
  if (options.book !== undefined && format === "itch") {
    throw new Error("a book file goes with the lobster format only");
  }
  const source = await ReplaySource.open(options.file);
  const opened = [source];
  try {
    const rows = options.book === undefined
      ? undefined
      : await ReplaySource.open(options.book);
    if (rows !== undefined) opened.push(rows);
    const report = await run(options, format, source, rows);
    (options.print ?? printToStdout)(formatReport(report));
    return report;
  } finally {
    for (const one of opened) one.close();
  }
}

async function run(
  options: ReplayOptions,
  format: ReplayFormat,
  source: ReplaySource,
  rows: ReplaySource | undefined,
): Promise<ReplayReport> {
  const books = new FeedBooks(options);
  const tally = newTally();
  const bar = new Progress(source, options.progress);
  const begin = performance.now();
  let comparison: ReplayReport["comparison"];
  if (format === "itch") {
    await new ItchReplay(source, books, tally).run(() => bar.show());
  } else {
    const lobster = new LobsterReplay(source, rows, books, tally);
    await lobster.run(symbolOf(options.file), () => bar.show());
    comparison = lobster.comparison();
  }
  const seconds = (performance.now() - begin) / 1000;
  bar.end();
  return {
    ...tally,
    file: source.name,
    format,
    bytes: source.offset,
    crossingAdds: books.crossingAdds,
    orders: books.ordersCount,
    stocks: stocksOf(books),
    ...(comparison === undefined ? {} : { comparison }),
    seconds,
    messagesPerSecond: seconds > 0 ? tally.messages / seconds : 0,
  };
}

/** LOBSTER names its files after the stock: `AAPL_2012-06-21_...`. */
function symbolOf(file: string): string {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return (/^[A-Za-z.]+(?=_)/.exec(name)?.[0] ?? "STOCK").toUpperCase();
}

function printToStdout(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

/** A line on a terminal that shows how far a file is read. */
class Progress {
  readonly #source: ReplaySource;
  readonly #report: ((done: number, total: number) => void) | undefined;
  #shownMs = performance.now();
  #drawn = false;

  constructor(source: ReplaySource, report: ReplayOptions["progress"]) {
    this.#source = source;
    this.#report = report ??
      (Deno.stderr.isTerminal()
        ? (done, total) => this.#draw(done, total)
        : undefined);
  }

  show(): void {
    const now = performance.now();
    if (now - this.#shownMs < PROGRESS_INTERVAL_MS) return;
    this.#shownMs = now;
    this.#report?.(this.#source.offset, this.#source.size);
  }

  /** Wipes the line. */
  end(): void {
    if (this.#drawn) this.#write("\r\x1b[K");
  }

  #draw(done: number, total: number): void {
    this.#drawn = true;
    const mib = (done / 2 ** 20).toFixed(0);
    if (total === 0) return this.#write(`\r${mib} MiB`);
    const part = Math.min(1, done / total);
    const cells = Math.floor(part * BAR_CELLS);
    const bar = "#".repeat(cells).padEnd(BAR_CELLS, ".");
    const percent = Math.floor(part * 100);
    this.#write(
      `\r[${bar}] ${percent} %, ${mib} of ${(total / 2 ** 20).toFixed(0)} MiB`,
    );
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}
