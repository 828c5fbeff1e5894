// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The appliance's figures as Prometheus text.
 *
 * Runs on the main thread and only reads shared memory: a scrape costs the
 * engine nothing. Counters, refusals and ring depths become one metric each;
 * latency is shown as a summary with the percentiles of an HDR histogram.
 *
 * @module
 */
import { build as buildHistogram } from "hdr-histogram-js";
import prometheus from "prom-client";
import { REASON_TEXT } from "../record/mod.ts";
import {
  bucketTopNs,
  COUNTER,
  type CounterReader,
  COUNTERS,
  type SharedHistogram,
} from "../telemetry/mod.ts";
import { barsOf, LATENCY_BOUNDS_NS, sumOf } from "./latency_window.ts";

/** Percentiles that are shown, in per cent. */
export const PERCENTILES = [50, 90, 99, 99.9, 99.99, 100] as const;

/** Values of one metric that are read when somebody asks. */
export interface GaugeSource {
  readonly name: string;
  readonly help: string;
  /** A counter only grows; both are read the same way. */
  readonly kind: "gauge" | "counter";
  /** Names of the labels. */
  readonly labels: readonly string[];
  /** Label values, and the value that goes with them. */
  read(): readonly (readonly [Readonly<Record<string, string>>, number])[];
}

/** Where the figures come from. */
export interface MetricsSources {
  readonly counters: CounterReader;
  readonly latency: readonly SharedHistogram[];
  readonly gauges: readonly GaugeSource[];
  /** Of the appliance as a whole. */
  readonly state: readonly GaugeSource[];
}

/** Percentiles of all histograms together, nanoseconds. */
export interface LatencyFigures {
  readonly count: number;
  readonly sumNs: number;
  /** In the order of `PERCENTILES`. */
  readonly percentilesNs: readonly number[];
}

/** Merges shared histograms and takes their percentiles. */
export function latencyFigures(
  histograms: readonly SharedHistogram[],
): LatencyFigures {
  const merged = buildHistogram({
    bitBucketSize: 64,
    highestTrackableValue: 2 ** 32,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
  let sumNs = 0;
  for (const histogram of histograms) {
    histogram.forEach((topNs, count) => {
      merged.recordValueWithCount(topNs, count);
      sumNs += topNs * count;
    });
  }
  return {
    count: merged.totalCount,
    sumNs,
    percentilesNs: PERCENTILES.map((percent) =>
      merged.getValueAtPercentile(percent)
    ),
  };
}

const HISTOGRAM = "ferrule_answer_latency_seconds";

/** The latency under the buckets of `LATENCY_BOUNDS_NS`, for percentiles of any span of time. */
function histogramText(histograms: readonly SharedHistogram[]): string {
  const counts = sumOf(histograms);
  let count = 0;
  const buckets = barsOf(counts).map((bar, i) => {
    count += bar;
    const boundNs = LATENCY_BOUNDS_NS[i];
    const le = boundNs === undefined ? "+Inf" : boundNs / 1e9;
    return `${HISTOGRAM}_bucket{le="${le}"} ${count}\n`;
  });
  const sumNs = counts.reduce(
    (sum, many, bucket) => sum + many * bucketTopNs(bucket),
    0,
  );
  return `\n# HELP ${HISTOGRAM} From the sequencer's time stamp to the release of the answer, in buckets\n` +
    `# TYPE ${HISTOGRAM} histogram\n${buckets.join("")}` +
    `${HISTOGRAM}_sum ${sumNs / 1e9}\n${HISTOGRAM}_count ${count}\n`;
}

/** Names the metrics and reads them on demand. */
export class Metrics {
  readonly #registry = new prometheus.Registry();
  readonly #latency: readonly SharedHistogram[];

  constructor(sources: MetricsSources) {
    this.#latency = sources.latency;
    this.#addCounters(sources.counters);
    this.#addRefusals(sources.counters);
    this.#addLatency(sources.latency);
    this.#addGauges(sources.gauges);
    this.#addGauges(sources.state);
  }

  /** The content type that goes with `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the text format. */
  async text(): Promise<string> {
    return await this.#registry.metrics() + histogramText(this.#latency);
  }

  #addCounters(counters: CounterReader): void {
    for (const { name, kind, help } of COUNTERS) {
      const id = COUNTER[name];
      const common = {
        name: `ferrule_${name}`,
        help,
        registers: [this.#registry],
      };
      if (kind === "gauge") {
        new prometheus.Gauge({
          ...common,
          collect() {
            this.set(counters.read(id));
          },
        });
      } else {
        new prometheus.Counter({
          ...common,
          collect() {
            this.reset();
            this.inc(counters.read(id));
          },
        });
      }
    }
  }

  #addRefusals(counters: CounterReader): void {
    new prometheus.Counter({
      name: "ferrule_rejects_total",
      help: "Requests refused, by reason",
      labelNames: ["reason", "text"],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [reason, text] of Object.entries(REASON_TEXT)) {
          const count = counters.readRefused(Number(reason));
          if (count > 0) this.inc({ reason, text }, count);
        }
      },
    });
  }

  #addLatency(histograms: readonly SharedHistogram[]): void {
    const registers = [this.#registry];
    const seconds = new prometheus.Gauge({
      name: "ferrule_latency_seconds",
      help: "From the sequencer's time stamp to the release of the answer",
      labelNames: ["quantile"],
      registers,
      collect() {
        const figures = latencyFigures(histograms);
        PERCENTILES.forEach((percent, i) => {
          const quantile = String(Number((percent / 100).toFixed(6)));
          seconds.set({ quantile }, figures.percentilesNs[i]! / 1e9);
        });
        count.reset();
        count.inc(figures.count);
        sum.reset();
        sum.inc(figures.sumNs / 1e9);
      },
    });
    const count = new prometheus.Counter({
      name: "ferrule_latency_seconds_count",
      help: "Answers that the latency was measured of",
      registers,
    });
    const sum = new prometheus.Counter({
      name: "ferrule_latency_seconds_sum",
      help: "Sum of the measured latencies",
      registers,
    });
  }

  #addGauges(sources: readonly GaugeSource[]): void {
    for (const { name, help, kind, labels, read } of sources) {
      const common = {
        name: `ferrule_${name}`,
        help,
        labelNames: [...labels],
        registers: [this.#registry],
      };
      if (kind === "gauge") {
        new prometheus.Gauge({
          ...common,
          collect() {
            this.reset();
            // Without labels, a reset leaves a zero that nobody said.
            if (labels.length === 0) this.remove();
            for (const [values, value] of read()) this.set(values, value);
          },
        });
      } else {
        new prometheus.Counter({
          ...common,
          collect() {
            this.reset();
            for (const [values, value] of read()) this.inc(values, value);
          },
        });
      }
    }
  }
}
