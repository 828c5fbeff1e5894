// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Times of single calls, by the processor's time stamp counter
 * (`native/stamp.c`), and their percentiles.
 *
 * @module
 */
import { programPath } from "./programs.ts";

const SYMBOLS = {
  stamp_open: { parameters: ["buffer", "u32"], result: "i32" },
  stamp: { parameters: [], result: "void" },
  stamp_count: { parameters: [], result: "u32" },
  stamp_ticks: { parameters: [], result: "f64" },
  stamp_cpu_ns: { parameters: [], result: "f64" },
  mark_open: { parameters: ["buffer", "u32"], result: "void" },
  mark: { parameters: ["u32"], result: "void" },
  mark_count: { parameters: [], result: "u32" },
} as const;

const CALIBRATE_MS = 30;
const CALIBRATIONS = 3;

/** p50, p99, p99.9, p99.99. */
export const QUANTILES = [0.5, 0.99, 0.999, 0.9999];

/** A row of times. One at a time: the library keeps one. */
export class Stamps {
  /** Keeps the time since the last call, or since `open()`. */
  readonly stamp: () => void;
  /** The counter now. */
  readonly ticks: () => number;
  /** Nanoseconds that this thread has had a processor. */
  readonly cpuNs: () => number;
  /** Keeps a value with the counter; see `openMarks()`. */
  readonly mark: (value: number) => void;
  readonly nsPerTick: number;
  readonly #ticks: Uint32Array<ArrayBuffer>;
  readonly #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  #marks: Float64Array<ArrayBuffer> = new Float64Array(0);

  /** @param max Times kept; later ones are dropped. */
  constructor(max: number) {
    this.#symbols = Deno.dlopen(programPath("libstamp.so"), SYMBOLS).symbols;
    // Written once, so that no page is touched for the first time later.
    this.#ticks = new Uint32Array(max).fill(1);
    this.stamp = this.#symbols.stamp;
    this.ticks = this.#symbols.stamp_ticks;
    this.cpuNs = this.#symbols.stamp_cpu_ns;
    this.mark = this.#symbols.mark;
    // An interruption only ever makes the counter run further.
    this.nsPerTick = Math.max(
      ...Array.from({ length: CALIBRATIONS }, () => this.#calibrate()),
    );
  }

  /** Forgets all times and begins. @throws {Error} If there is no counter. */
  open(): void {
    if (this.#symbols.stamp_open(this.#ticks, this.#ticks.length) !== 0) {
      throw new Error("The processor has no time stamp counter to be read");
    }
  }

  /** Nanoseconds of each call since `open()`, in order. */
  ns(): Float64Array {
    const count = this.#symbols.stamp_count();
    return Float64Array.from(
      this.#ticks.subarray(0, count),
      (ticks) => ticks * this.nsPerTick,
    );
  }

  /** Makes room for so many marks; later ones are dropped. */
  openMarks(max: number): void {
    this.#marks = new Float64Array(2 * max).fill(1);
    this.#symbols.mark_open(this.#marks, max);
  }

  /** All marks, in order: counter and value, one after the other. */
  marks(): Float64Array {
    return this.#marks.subarray(0, 2 * this.#symbols.mark_count());
  }

  #calibrate(): number {
    this.open();
    const start = performance.now();
    while (performance.now() - start < CALIBRATE_MS);
    const elapsedNs = (performance.now() - start) * 1e6;
    this.stamp();
    return elapsedNs / this.#ticks[0]!;
  }
}

/** p50, p99, p99.9, p99.99 and the largest of some times. */
export function percentiles(ns: Float64Array): number[] {
  const sorted = ns.toSorted();
  const last = sorted.length - 1;
  return [
    ...QUANTILES.map((q) =>
      sorted[Math.min(last, Math.floor(q * sorted.length))]!
    ),
    sorted[last]!,
  ];
}
