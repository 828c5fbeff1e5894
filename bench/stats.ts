// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What every benchmark prints: median and spread over alternating runs, and
 * the conditions they were measured under.
 *
 * @module
 */

/** Middle, spread and extremes of several runs. */
export interface Spread {
  readonly runs: number;
  readonly median: number;
  /** Median absolute deviation. */
  readonly mad: number;
  readonly min: number;
  readonly max: number;
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length >>> 1;
  return sorted.length % 2 === 1
    ? sorted[half]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Median, median absolute deviation and extremes. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("Cannot summarise no runs");
  const sorted = [...values].sort((a, b) => a - b);
  const median = middle(sorted);
  const deviations = sorted.map((value) => Math.abs(value - median))
    .sort((a, b) => a - b);
  return {
    runs: values.length,
    median,
    mad: middle(deviations),
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
  };
}

/** Runs the sides in turn, `rounds` times, so that a noisy minute hits all of them. */
export async function alternate<Side extends string, Result>(
  sides: Readonly<Record<Side, (round: number) => Promise<Result> | Result>>,
  rounds: number,
): Promise<Record<Side, Result[]>> {
  const names = Object.keys(sides) as Side[];
  const results = Object.fromEntries(
    names.map((name) => [name, [] as Result[]]),
  ) as Record<Side, Result[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await sides[name](round));
  }
  return results;
}

/** A number for a table: four significant digits, thousands grouped. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.abs(value) >= 1000
    ? 0
    : 4 - Math.ceil(Math.log10(Math.abs(value) + 1e-9));
  return value.toLocaleString("en-US", {
    maximumFractionDigits: Math.max(0, Math.min(6, digits)),
  });
}

/** "median ± mad". */
export function shortly(values: Spread): string {
  return `${figure(values.median)} ± ${figure(values.mad)}`;
}

/** "median ± mad [min .. max] (n runs)". */
export function describe(values: Spread, unit = ""): string {
  return `${figure(values.median)}${unit} ± ${figure(values.mad)} ` +
    `[${figure(values.min)} .. ${figure(values.max)}] (${values.runs} runs)`;
}

/** Rows as a Markdown table; the first row is its head, the first column text. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? "").length))
  );
  const lines = rows.map((row) =>
    `| ${
      widths.map((width, column) => {
        const cell = row[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      }).join(" | ")
    } |`
  );
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [lines[0]!, `| ${rule.join(" | ")} |`, ...lines.slice(1)].join("\n");
}

/** Prints rows as a Markdown table. */
export function printTable(rows: readonly (readonly string[])[]): void {
  console.log(markdownTable(rows));
}

/** Percentiles, in nanoseconds, of one run. */
export interface Percentiles {
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
}

/** Percentiles of two sides and their ratio, each over alternating runs. */
export interface LatencyComparison {
  readonly base: Spread;
  readonly ours: Spread;
  /** Of runs of the same round. */
  readonly ratio: Spread;
}

/** Prints latencies of ours beside those of a reference; returns the figures by percentile. */
export function compareLatency(
  title: string,
  baseName: string,
  base: readonly Percentiles[],
  ours: readonly Percentiles[],
): Record<string, LatencyComparison> {
  const rows = [[`${title}, us`, baseName, "ferrule", "ratio (same round)"]];
  const figures: Record<string, LatencyComparison> = {};
  for (const quantile of ["p50Ns", "p99Ns", "p999Ns"] as const) {
    const baseUs = base.map((run) => run[quantile] / 1000);
    const oursUs = ours.map((run) => run[quantile] / 1000);
    const compared = {
      base: spread(baseUs),
      ours: spread(oursUs),
      ratio: spread(oursUs.map((us, i) => us / baseUs[i]!)),
    };
    const name = quantile.slice(0, -2);
    figures[name] = compared;
    rows.push([
      name,
      describe(compared.base),
      describe(compared.ours),
      describe(compared.ratio),
    ]);
  }
  printTable(rows);
  console.log("");
  return figures;
}

/** Processor, kernel, runtime and load: what a figure is worth nothing without. */
export function conditions(): Record<string, string> {
  const cpuinfo = Deno.readTextFileSync("/proc/cpuinfo");
  const cores = cpuinfo.match(/^processor/gm)?.length ?? 0;
  return {
    cpu: cpuinfo.match(/^model name\s*: (.*)$/m)?.[1] ?? "unknown",
    cores: String(cores),
    kernel: Deno.osRelease(),
    deno: `${Deno.version.deno} (V8 ${Deno.version.v8})`,
    load: Deno.loadavg().map((value) => value.toFixed(2)).join(" "),
    cmdline: Deno.readTextFileSync("/proc/cmdline").match(
      /\b(isolcpus|nohz_full|mitigations)=\S+/g,
    )?.join(" ") ??
      "no isolated cores",
  };
}

/** Writes a result beside the others, for docs and comparisons. */
export async function saveResult(name: string, value: unknown): Promise<void> {
  const folder = new URL("./results/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  const body = {
    conditions: conditions(),
    time: new Date().toISOString(),
    result: value,
  };
  await Deno.writeTextFile(
    new URL(`${name}.json`, folder),
    JSON.stringify(body, null, 2) + "\n",
  );
}
