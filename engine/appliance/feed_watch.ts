// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What becomes of the feed when it fails: trading goes on, somebody is told,
 * and after a pause it begins anew, with another session.
 *
 * ```
 *   up ──failed()──▶ down: log, health, metric ──pause──▶ begin() ──▶ up
 *    └─────────────────── ended() ──▶ over
 * ```
 *
 * Main thread.
 *
 * @module
 */
import type { Log } from "../telemetry/mod.ts";
import type { GaugeSource } from "./metrics.ts";

/** What it works with. */
export interface FeedWatchOptions {
  readonly restartMs: number;
  /** Starts the feed's thread. */
  readonly begin: () => void;
  readonly isStopping: () => boolean;
  readonly log: Log;
}

/** What `/health` says of the feed. */
export interface FeedHealth {
  readonly status: "up" | "down";
  /** Times that it failed. */
  readonly failures: number;
  /** The last time, why. */
  readonly error?: string;
}

/** Begins the feed, again and again. See the module's text. */
export class FeedWatch {
  readonly #options: FeedWatchOptions;
  #failures = 0;
  #error = "";
  #isDown = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedWatchOptions) {
    this.#options = options;
  }

  /** The feed's thread has ended with an error. */
  failed(error: string): void {
    const { log, restartMs } = this.#options;
    this.#failures++;
    this.#error = error;
    this.#isDown = true;
    log.error("market data failed; trading goes on, the feed begins anew", {
      error,
      failures: this.#failures,
      restartMs,
    });
    this.stop();
    this.#timer = setTimeout(() => this.#again(), restartMs);
  }

  #again(): void {
    this.#timer = undefined;
    if (this.#options.isStopping()) return;
    this.#isDown = false;
    this.#options.begin();
  }

  /** No more beginnings. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  health(): FeedHealth {
    return {
      status: this.#isDown ? "down" : "up",
      failures: this.#failures,
      ...(this.#error === "" ? {} : { error: this.#error }),
    };
  }

  /** Its figures for `/metrics`. */
  gauges(): GaugeSource[] {
    return [{
      name: "feed_up",
      help: "1 if the feed's thread runs, 0 while it waits after a failure",
      kind: "gauge",
      labels: [],
      read: () => [[{}, this.#isDown ? 0 : 1]],
    }, {
      name: "feed_failures_total",
      help: "Times that the feed failed and began anew",
      kind: "counter",
      labels: [],
      read: () => [[{}, this.#failures]],
    }];
  }
}
