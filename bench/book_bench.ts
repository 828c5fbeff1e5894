// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How fast the book is: the standard mix through the bare book, through the
 * whole exchange (commands in, events out), and through the fastest order book
 * of the npm registry, alternating in one process.
 *
 * ```
 * deno run -A bench/book_bench.ts [--runs 7] [--json FILE] [--no-npm] [--many]
 * ```
 *
 * `--many` takes the mix of 1000 symbols, without npm. Every engine first
 * proves that its trades and its final book hash to the published values, which
 * also warms it up. Then each run starts from an empty book; making it is not
 * timed. One thread, not pinned; no network, journal or checksum.
 *
 * @module
 */
import {
  BareBook,
  type Contender,
  NpmBook,
  WholeExchange,
} from "./book_contenders.ts";
import { mix, MIXES, type MixFacts, sha256 } from "./standard_mix.ts";

/** What came out for one engine. */
export interface BookResult {
  readonly name: string;
  /** Nanoseconds a message: median, median absolute deviation, each run. */
  readonly medianNs: number;
  readonly madNs: number;
  readonly runsNs: readonly number[];
  readonly messagesPerSecond: number;
  readonly tape: string;
  readonly book: string;
}

/** What was measured, and under which conditions. */
export interface BookReport {
  readonly mix: string;
  readonly messages: number;
  readonly symbols: number;
  readonly seed: number;
  readonly sha256: string;
  readonly runs: number;
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly results: readonly BookResult[];
  /** Median of npm over median of each, by name; empty without npm. */
  readonly ratios: Readonly<Record<string, number>>;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Runs an engine once with hashing on. @throws {Error} If a hash is wrong. */
function prove(contender: Contender, facts: MixFacts): [string, string] {
  contender.proving = true;
  contender.prepare();
  contender.run();
  const tape = contender.tape();
  const book = contender.book();
  contender.proving = false;
  if (tape !== facts.tape || book !== facts.book) {
    throw new Error(
      `${contender.name}: tape ${tape.toString(16)}, book ${
        book.toString(16)
      }; expected ${facts.tape.toString(16)}, ${facts.book.toString(16)}`,
    );
  }
  return [tape, book].map((hash) => hash.toString(16)) as [string, string];
}

function timeNs(contender: Contender, messages: number): number {
  contender.prepare();
  const start = performance.now();
  contender.run();
  return (performance.now() - start) * 1e6 / messages;
}

async function conditions(): Promise<Record<string, string | number>> {
  const info = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return {
    cpu: /model name\s*: (.*)/.exec(info)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    load: Deno.loadavg()[0]!.toFixed(2),
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    timer: "performance.now() around each whole run",
    memory: "plain ArrayBuffer, no huge pages",
  };
}

/**
 * Measures the book.
 *
 * @param name Which mix.
 * @param runs Timed runs of each engine, alternating.
 * @param npm Also the order book of npm (one symbol only).
 * @throws {Error} If the mix or an engine's hashes are not as published.
 */
export async function measureBook(
  name: keyof typeof MIXES,
  runs: number,
  npm: boolean,
): Promise<BookReport> {
  const facts = MIXES[name];
  const messages = mix(facts.messages, facts.symbols);
  const digest = await sha256(messages);
  if (digest !== facts.sha256) {
    throw new Error(`${name}: SHA-256 ${digest}, expected ${facts.sha256}`);
  }
  const contenders: Contender[] = [
    new BareBook(messages, facts),
    new WholeExchange(messages, facts),
  ];
  if (npm) contenders.push(new NpmBook(messages, facts));
  const hashes = contenders.map((contender) => prove(contender, facts));
  const times = contenders.map(() => [] as number[]);
  for (let run = 0; run < runs; run++) {
    contenders.forEach((contender, i) =>
      times[i]!.push(timeNs(contender, facts.messages))
    );
  }
  const results = contenders.map((contender, i): BookResult => {
    const middle = median(times[i]!);
    return {
      name: contender.name,
      medianNs: middle,
      madNs: median(times[i]!.map((ns) => Math.abs(ns - middle))),
      runsNs: times[i]!,
      messagesPerSecond: 1e9 / middle,
      tape: hashes[i]![0],
      book: hashes[i]![1],
    };
  });
  const last = results.at(-1)!;
  return {
    mix: name,
    messages: facts.messages,
    symbols: facts.symbols,
    seed: 2463534242,
    sha256: digest,
    runs,
    conditions: await conditions(),
    results,
    ratios: npm
      ? Object.fromEntries(
        results.slice(0, -1).map((r) => [r.name, last.medianNs / r.medianNs]),
      )
      : {},
  };
}

/** The report as a text table. */
export function bookTable(report: BookReport): string {
  const lines = [
    `${report.mix}: ${report.messages} messages, ${report.symbols} symbols, ` +
    `seed ${report.seed}, SHA-256 ${report.sha256.slice(0, 16)}…`,
    Object.entries(report.conditions).map(([k, v]) => `${k} ${v}`).join("; "),
    `${report.runs} alternating runs; tape and final book verified`,
    "",
    `${"engine".padEnd(36)}${"ns/message".padStart(12)}${"MAD".padStart(9)}${
      "M messages/s".padStart(15)
    }${"npm ratio".padStart(11)}`,
  ];
  for (const r of report.results) {
    const ratio = report.ratios[r.name];
    lines.push(
      r.name.padEnd(36) + r.medianNs.toFixed(1).padStart(12) +
        r.madNs.toFixed(1).padStart(9) +
        (r.messagesPerSecond / 1e6).toFixed(2).padStart(15) +
        (ratio === undefined ? "" : `${ratio.toFixed(0)}x`).padStart(11),
    );
  }
  return lines.join("\n");
}

function optionOf(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

if (import.meta.main) {
  const many = Deno.args.includes("--many");
  const json = optionOf("--json");
  const report = await measureBook(
    many ? "mix4m_k1000" : "mix1m",
    Number(optionOf("--runs") ?? 7),
    !many && !Deno.args.includes("--no-npm"),
  );
  await Deno.stdout.write(new TextEncoder().encode(`${bookTable(report)}\n`));
  if (json !== undefined) {
    await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
}
