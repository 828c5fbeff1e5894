// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Time in nanoseconds as two uint32 words, without a BigInt. A `Clock` belongs
 * to the thread that made it. Reading allocates nothing.
 *
 * @module
 */
import { openLibrary } from "./library.ts";
import { addressOf } from "./memory.ts";

const SYMBOLS = {
  ferrule_clock_read: { parameters: ["u32", "f64"], result: "i32" },
} as const;

const REALTIME = 0;
const MONOTONIC = 1;
const TAI = 2;
const BOOTTIME = 3;
/** The words have a cache line of their own. */
const WORDS_BYTES = 128;
const WORD = 4294967296;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** Reads the machine's clocks into `words`. */
export class Clock {
  /** Low and high word of the time that was read last. */
  readonly words: Uint32Array<ArrayBuffer> = new Uint32Array(
    new ArrayBuffer(WORDS_BYTES),
    0,
    2,
  );
  readonly #address: number = addressOf(this.words);
  readonly #read = native().ferrule_clock_read;

  /** Nanoseconds since 1970, UTC; steps when the machine's time is set. */
  realtime(): void {
    this.#read(REALTIME, this.#address);
  }

  /** Nanoseconds since some moment; never steps. */
  monotonic(): void {
    this.#read(MONOTONIC, this.#address);
  }

  /** Nanoseconds since 1970, TAI: without leap seconds, if the kernel knows the offset. */
  tai(): void {
    this.#read(TAI, this.#address);
  }

  /** Nanoseconds since the machine started; goes on while it is suspended, never steps. */
  boottime(): void {
    this.#read(BOOTTIME, this.#address);
  }

  /** The words as one number; exact for durations below 104 days, else to 256 ns. */
  toNumber(): number {
    return this.words[1]! * WORD + this.words[0]!;
  }
}
