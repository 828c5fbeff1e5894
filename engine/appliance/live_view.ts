// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the status page shows, gathered once a second.
 *
 * ```
 *   counters, histograms, register, board, depth ─▶ LiveView ─▶ JSON
 * ```
 *
 * Main thread. It reads shared memory and asks no other thread, so looking
 * costs the engine nothing but the cache lines that are read.
 *
 * @module
 */
import type { DepthReader } from "../marketdata/mod.ts";
import { REASON_TEXT } from "../record/mod.ts";
import {
  COUNTER,
  type CounterReader,
  type SessionBoard,
  type SharedHistogram,
} from "../telemetry/mod.ts";
import type { Health } from "./admin.ts";
import {
  LATENCY_BOUNDS_NS,
  LatencyWindow,
  SHOWN_PERCENTILES,
} from "./latency_window.ts";
import type { Register } from "./register.ts";
import { BUILD_VERSION } from "./snapshots.ts";

/** Seconds of throughput that are kept. */
const HISTORY_S = 300;
/** Sessions that are listed; those that are logged on come first. */
const SESSIONS_MAX = 100;
/** Levels of each side of a book. */
const LEVELS_MAX = 10;
/** Files of the journal, newest last. */
const SEGMENT = /^\d{20}\.journal$/;
const REASONS = Object.keys(REASON_TEXT).map(Number);

/** Where the view looks. */
export interface LiveSources {
  readonly counters: CounterReader;
  readonly latency: readonly SharedHistogram[];
  readonly register: Register;
  readonly board: SessionBoard;
  readonly depth: DepthReader;
  readonly health: () => Health;
  readonly journalLag: () => number;
  /** Bytes that the journal's file system has left; undefined if it does not say. */
  readonly freeBytes: () => number | undefined;
  /** Folder of the journal's segments. */
  readonly journalDirectory: string;
  readonly nowMs: () => number;
}

/** Counts so far of what has a rate. */
interface Totals {
  readonly atMs: number;
  readonly messages: number;
  readonly orders: number;
  readonly trades: number;
  readonly rejects: number;
}

/** Per second. */
export interface Rates {
  readonly messages: number;
  readonly orders: number;
  readonly trades: number;
  readonly rejects: number;
}

/** An instrument whose book somebody follows. */
export interface ChosenBook {
  readonly index: number;
  readonly priceDecimals: number;
  readonly quantityDecimals: number;
}

const NO_RATES: Rates = { messages: 0, orders: 0, trades: 0, rejects: 0 };

/** Places behind the point that multiples of a size need; at most 8. */
function decimalsOf(size: number): number {
  for (let decimals = 0; decimals < 8; decimals++) {
    if (Number(size.toFixed(decimals)) === size) return decimals;
  }
  return 8;
}

/** See the module's text. */
export class LiveView {
  readonly #sources: LiveSources;
  readonly #latency: LatencyWindow;
  readonly #history: Rates[] = [];
  #last: Totals;
  #rates = NO_RATES;
  #status = "";
  #sinceMs = 0;
  #segments = { count: 0, newest: "" };

  constructor(sources: LiveSources) {
    this.#sources = sources;
    this.#latency = new LatencyWindow(sources.latency);
    this.#last = this.#totals();
    this.#followStatus();
    this.#listSegments();
  }

  /** Once a second: takes rates. */
  sample(): void {
    const now = this.#totals();
    const last = this.#last;
    const seconds = (now.atMs - last.atMs) / 1000;
    this.#last = now;
    this.#followStatus();
    if (!(seconds > 0)) return;
    const rate = (to: number, from: number): number =>
      Math.round(Math.max(0, to - from) / seconds * 10) / 10;
    this.#rates = {
      messages: rate(now.messages, last.messages),
      orders: rate(now.orders, last.orders),
      trades: rate(now.trades, last.trades),
      rejects: rate(now.rejects, last.rejects),
    };
    this.#history.push(this.#rates);
    if (this.#history.length > HISTORY_S) this.#history.shift();
  }

  /** Each `LATENCY_ROLL_MS`. */
  roll(): void {
    this.#latency.roll();
    this.#listSegments();
  }

  /** The rates of the last minutes, oldest first. */
  history(): readonly Rates[] {
    return this.#history;
  }

  /** Everything but books. */
  live(): Record<string, unknown> {
    const { health, nowMs, counters } = this.#sources;
    this.#followStatus();
    const { messages, orders, trades, rejects } = this.#last;
    return {
      nowMs: nowMs(),
      version: BUILD_VERSION,
      sinceMs: this.#sinceMs,
      health: health(),
      rates: this.#rates,
      totals: { messages, orders, trades, rejects },
      ordersOpen: counters.read(COUNTER.orders_open),
      latency: {
        percents: SHOWN_PERCENTILES,
        boundsNs: LATENCY_BOUNDS_NS,
        ...this.#latency.figures(),
      },
      sessions: this.#sessions(),
      journal: this.#journal(),
      replicationLag: counters.read(COUNTER.replication_lag),
    };
  }

  /** The instruments of some symbols; those that are not there are left out. */
  choose(symbols: readonly string[]): ChosenBook[] {
    const chosen: ChosenBook[] = [];
    for (const symbol of new Set(symbols)) {
      const found = this.#sources.register.findInstrument(symbol);
      const view = found && this.#sources.register.instrument(found.index);
      if (view === undefined) continue;
      chosen.push({
        index: view.index,
        priceDecimals: decimalsOf(view.tickSize),
        quantityDecimals: decimalsOf(view.lotSize),
      });
    }
    return chosen;
  }

  /** Their books. */
  books(chosen: readonly ChosenBook[]): Record<string, unknown>[] {
    const { depth, register } = this.#sources;
    const books: Record<string, unknown>[] = [];
    for (const { index, ...decimals } of chosen) {
      const view = depth.readIndex(index);
      const instrument = register.instrument(index);
      if (view === undefined || instrument === undefined) continue;
      books.push({
        ...view,
        bids: view.bids.slice(0, LEVELS_MAX),
        asks: view.asks.slice(0, LEVELS_MAX),
        state: instrument.state,
        ...decimals,
      });
    }
    return books;
  }

  #totals(): Totals {
    const { counters, nowMs } = this.#sources;
    const read = (counter: number): number => counters.read(counter);
    return {
      atMs: nowMs(),
      messages: read(COUNTER.fix_messages_received_total) +
        read(COUNTER.binary_messages_received_total),
      orders: read(COUNTER.orders_total),
      trades: read(COUNTER.trades_total),
      rejects: REASONS.reduce(
        (sum, reason) => sum + counters.readRefused(reason),
        0,
      ),
    };
  }

  #followStatus(): void {
    const { status } = this.#sources.health();
    if (status === this.#status) return;
    this.#status = status;
    this.#sinceMs = this.#sources.nowMs();
  }

  #sessions(): Record<string, unknown> {
    const { register, board } = this.#sources;
    const all = register.sessions().map((session) => ({
      name: session.name,
      protocol: session.protocol,
      account: session.account,
      blockedBy: session.blockedBy,
      ...board.read(session.index),
    }));
    const active = all.filter(({ link }) => link !== "none");
    const others = all.filter(({ link }) => link === "none");
    return {
      total: all.length,
      active: active.length,
      list: [...active, ...others].slice(0, SESSIONS_MAX),
    };
  }

  #journal(): Record<string, unknown> {
    const { counters, journalLag, freeBytes } = this.#sources;
    const read = (counter: number): number => counters.read(counter);
    return {
      lag: journalLag(),
      bytes: read(COUNTER.journal_bytes_total),
      groups: read(COUNTER.journal_groups_total),
      syncs: read(COUNTER.journal_syncs_total),
      errors: read(COUNTER.journal_errors_total),
      freeBytes: freeBytes() ?? null,
      segment: this.#segments.newest,
      segments: this.#segments.count,
    };
  }

  /** Looks which segments there are. Nobody waits for it. */
  async #listSegments(): Promise<void> {
    let count = 0;
    let newest = "";
    try {
      for await (
        const { name } of Deno.readDir(this.#sources.journalDirectory)
      ) {
        if (!SEGMENT.test(name)) continue;
        count += 1;
        if (name > newest) newest = name;
      }
    } catch {
      // Not made yet, or the disk is gone: health and the journal tell of that.
      count = 0;
      newest = "";
    }
    this.#segments = { count, newest };
  }
}
