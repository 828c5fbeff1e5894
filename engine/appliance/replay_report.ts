// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a replay found, as numbers and as text for a person.
 *
 * Cold path; one report belongs to one replay. It holds results and prints
 * them, it judges nothing.
 *
 * @module
 */
import type { FeedBooks } from "./feed_books.ts";

/** Stocks that the text names; the report has all. */
const STOCKS_PRINTED_MAX = 20;
const UNITS = 10_000;

/** Counts that grow while a file is read. */
export interface ReplayTally {
  messages: number;
  /** Messages by name. */
  readonly kinds: Map<string, number>;
  /** Messages of types that the format does not have. */
  unknownMessages: number;
  /** Messages about orders that never came, or are gone. */
  unknownOrders: number;
  trades: number;
  /** Shares. */
  volume: number;
  /** Executions that a later cross trade reports again; not in `trades`. */
  unprinted: number;
}

/** The state of one stock at the end. Prices in dollars; 0 = none. */
export interface ReplayStock {
  readonly symbol: string;
  readonly bidPrice: number;
  readonly bidShares: number;
  readonly askPrice: number;
  readonly askShares: number;
  readonly lastPrice: number;
  readonly trades: number;
  readonly volume: number;
}

/** Books after each event against the rows of a book file. */
export interface ReplayComparison {
  /** Rows compared. */
  readonly rows: number;
  /** Rows whose levels all equal the book's. */
  readonly equal: number;
  /** Levels of each side in a row. */
  readonly levels: number;
  /** Levels that came into view changed, see `replay_lobster.ts`. */
  readonly learned: number;
  /** The first difference; "" = none. */
  readonly firstDifference: string;
}

/** What `replay()` found. */
export interface ReplayReport {
  readonly file: string;
  readonly format: "itch" | "lobster";
  readonly bytes: number;
  readonly messages: number;
  readonly kinds: ReadonlyMap<string, number>;
  readonly unknownMessages: number;
  readonly unknownOrders: number;
  readonly crossingAdds: number;
  readonly trades: number;
  readonly volume: number;
  readonly unprinted: number;
  /** Orders that rest at the end. */
  readonly orders: number;
  /** All stocks, those with the highest volume first. */
  readonly stocks: readonly ReplayStock[];
  readonly comparison?: ReplayComparison;
  readonly seconds: number;
  readonly messagesPerSecond: number;
}

/** A tally of nothing. */
export function newTally(): ReplayTally {
  return {
    messages: 0,
    kinds: new Map(),
    unknownMessages: 0,
    unknownOrders: 0,
    trades: 0,
    volume: 0,
    unprinted: 0,
  };
}

/** The state of all stocks, those with the highest volume first. */
export function stocksOf(books: FeedBooks): ReplayStock[] {
  const best = new Float64Array(2);
  const side = (locate: number, bit: number): [number, number] =>
    books.levels(locate, bit, best) === 0 ? [0, 0] : [best[0]!, best[1]!];
  const stocks = [...books.symbols].map(([locate, symbol]) => {
    const [bidPrice, bidShares] = side(locate, 0);
    const [askPrice, askShares] = side(locate, 1);
    return {
      symbol,
      bidPrice: bidPrice / UNITS,
      bidShares,
      askPrice: askPrice / UNITS,
      askShares,
      lastPrice: books.tradePrice[locate]! / UNITS,
      trades: books.trades[locate]!,
      volume: books.volume[locate]!,
    };
  });
  return stocks.sort((a, b) => b.volume - a.volume);
}

/** The report as text, one line a fact. */
export function formatReport(report: ReplayReport): string {
  const whole = (n: number) => Math.round(n).toLocaleString("en-US");
  const lines = [
    `${report.file}: ${report.format}, ${whole(report.bytes)} bytes`,
    `${whole(report.messages)} messages in ${report.seconds.toFixed(3)} s, ${
      whole(report.messagesPerSecond)
    } a second`,
    "",
  ];
  for (const [kind, count] of report.kinds) {
    lines.push(`  ${kind.padEnd(36)} ${whole(count).padStart(14)}`);
  }
  lines.push(
    "",
    `trades ${whole(report.trades)}, volume ${whole(report.volume)} shares`,
    `orders resting at the end ${whole(report.orders)}`,
  );
  const counts: [number, string][] = [
    [report.unprinted, "executions left to a cross trade"],
    [report.crossingAdds, "orders that crossed when they came to rest"],
    [report.unknownOrders, "messages about unknown orders"],
    [report.unknownMessages, "messages of unknown type, skipped"],
  ];
  for (const [count, text] of counts) {
    if (count > 0) lines.push(`${text}: ${whole(count)}`);
  }
  lines.push("", ...formatStocks(report.stocks));
  const { comparison } = report;
  if (comparison !== undefined) {
    const { rows, equal, levels, learned, firstDifference } = comparison;
    lines.push(
      "",
      `books equal after ${whole(equal)} of ${
        whole(rows)
      } events (${levels} levels a side; ${learned} learned when they came into view)`,
    );
    if (firstDifference !== "") lines.push(`first: ${firstDifference}`);
  }
  return lines.join("\n") + "\n";
}

function formatStocks(stocks: readonly ReplayStock[]): string[] {
  const cell = (text: string, width = 12) => text.padStart(width);
  const price = (n: number) => n === 0 ? "-" : n.toFixed(4);
  const shares = (n: number) => n === 0 ? "-" : n.toLocaleString("en-US");
  const head = ["bid", "shares", "ask", "shares", "last", "trades", "volume"];
  const lines = [
    `  ${"stock".padEnd(8)}${head.map((text) => cell(text)).join("")}`,
  ];
  for (const stock of stocks.slice(0, STOCKS_PRINTED_MAX)) {
    const cells = [
      price(stock.bidPrice),
      shares(stock.bidShares),
      price(stock.askPrice),
      shares(stock.askShares),
      price(stock.lastPrice),
      shares(stock.trades),
      shares(stock.volume),
    ];
    lines.push(
      `  ${stock.symbol.padEnd(8)}${cells.map((text) => cell(text)).join("")}`,
    );
  }
  const more = stocks.length - STOCKS_PRINTED_MAX;
  if (more > 0) lines.push(`  and ${more} more`);
  return lines;
}
