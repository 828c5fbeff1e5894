// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Latency of the last minute: what the histograms have now, less what they had
 * a minute ago.
 *
 * ```
 *   histograms ─roll(), each 10 s─▶ [ copy | copy | ... | copy ]     oldest is 60 s old
 *        └──────────────────── figures(): now - oldest copy
 * ```
 *
 * Main thread; only reads shared memory. The histograms themselves count since
 * the start, so an hour-old stall would hide in them what happens now.
 *
 * @module
 */
import {
  bucketOf,
  bucketTopNs,
  HISTOGRAM_BUCKETS,
  type SharedHistogram,
} from "../telemetry/mod.ts";

/** How often `roll()` is called. */
export const LATENCY_ROLL_MS = 10_000;
/** How far back the figures reach, in calls of `roll()`. */
const ROLLS = 6;
/** Percentiles that people are shown; the highest is the maximum. */
export const SHOWN_PERCENTILES = [50, 90, 99, 99.9, 100] as const;
/** Upper ends of the bars, and of the buckets of `/metrics`: 1, 2, 5, 10 us and so on up to 1 s. */
export const LATENCY_BOUNDS_NS: readonly number[] = [3, 4, 5, 6, 7, 8]
  .flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power))
  .concat(1e9);

/** Figures of a window. */
export interface WindowFigures {
  readonly count: number;
  /** In the order of `SHOWN_PERCENTILES`; nanoseconds, 0 without a count. */
  readonly percentilesNs: readonly number[];
  /** Answers up to each of `LATENCY_BOUNDS_NS` and above the one before; the last: above all. */
  readonly bars: readonly number[];
}

/** Adds up what is in some histograms, bucket by bucket. */
export function sumOf(histograms: readonly SharedHistogram[]): Float64Array {
  const counts = new Float64Array(HISTOGRAM_BUCKETS);
  for (const histogram of histograms) {
    histogram.forEach((topNs, count) => counts[bucketOf(topNs)]! += count);
  }
  return counts;
}

/** Counts of bars, from counts of buckets. */
export function barsOf(counts: Float64Array): number[] {
  const bars = new Array<number>(LATENCY_BOUNDS_NS.length + 1).fill(0);
  let bar = 0;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const count = counts[bucket]!;
    if (count === 0) continue;
    const topNs = bucketTopNs(bucket);
    while (bar < LATENCY_BOUNDS_NS.length && topNs > LATENCY_BOUNDS_NS[bar]!) {
      bar += 1;
    }
    bars[bar]! += count;
  }
  return bars;
}

/** The value that so many per cent do not pass; nanoseconds. */
function percentileNs(
  counts: Float64Array,
  total: number,
  percent: number,
): number {
  const rank = Math.max(1, Math.ceil(total * percent / 100));
  let seen = 0;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += counts[bucket]!;
    if (seen >= rank) return bucketTopNs(bucket);
  }
  return 0;
}

/** The window over some histograms. */
export class LatencyWindow {
  readonly #histograms: readonly SharedHistogram[];
  /** Oldest first. */
  readonly #copies: Float64Array[];

  constructor(histograms: readonly SharedHistogram[]) {
    this.#histograms = histograms;
    this.#copies = [sumOf(histograms)];
  }

  /** Moves on; called each `LATENCY_ROLL_MS`. */
  roll(): void {
    this.#copies.push(sumOf(this.#histograms));
    if (this.#copies.length > ROLLS) this.#copies.shift();
  }

  /** What was measured since the oldest copy. */
  figures(): WindowFigures {
    const counts = sumOf(this.#histograms);
    const oldest = this.#copies[0]!;
    let total = 0;
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      counts[bucket]! -= oldest[bucket]!;
      total += counts[bucket]!;
    }
    return {
      count: total,
      percentilesNs: SHOWN_PERCENTILES.map((percent) =>
        total === 0 ? 0 : percentileNs(counts, total, percent)
      ),
      bars: barsOf(counts),
    };
  }
}
