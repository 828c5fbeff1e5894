// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A sum over the events that stand in rings; `native/event_digest.h` says how.
 *
 * It belongs to the thread that writes the events; adding allocates nothing.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";
import { addressOf } from "./memory.ts";

const SYMBOLS = {
  ferrule_event_digest_add: {
    parameters: ["buffer", "u32"],
    result: "i32",
  },
} as const;

const HEAD_BYTES = 16;
const RING_BYTES = 24;
// Words of a ring, from its first on.
const MASK = 2;
const FROM = 3;
const TO = 4;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** A ring as far as it matters here. */
interface Slots {
  readonly u8: Uint8Array;
  readonly slotCount: number;
}

/** The sum, and what of each ring is in it. */
export class EventSum {
  readonly #f64: Float64Array<ArrayBuffer>;
  readonly #u32: Uint32Array<ArrayBuffer>;

  /**
   * @param rings Rings of event slots; they must live as long as this.
   * @param from Of each, the slot to begin with, modulo 2^32.
   */
  constructor(rings: readonly Slots[], from: readonly number[]) {
    const bytes = HEAD_BYTES + rings.length * RING_BYTES;
    this.#f64 = new Float64Array(bytes / 8);
    this.#u32 = new Uint32Array(this.#f64.buffer);
    rings.forEach(({ u8, slotCount }, ring) => {
      const at = (HEAD_BYTES + ring * RING_BYTES) >>> 2;
      this.#f64[at >>> 1] = addressOf(u8 as Uint8Array<ArrayBuffer>);
      this.#u32[at + MASK] = slotCount - 1;
      this.#u32[at + FROM] = from[ring]!;
    });
  }

  /** Low word of the sum. */
  get lo(): number {
    return this.#u32[0]!;
  }

  get hi(): number {
    return this.#u32[1]!;
  }

  /** Events in it. */
  get events(): number {
    return this.#f64[1]!;
  }

  /** Goes on from another sum. */
  restore(lo: number, hi: number, events: number): void {
    this.#u32[0] = lo;
    this.#u32[1] = hi;
    this.#f64[1] = events;
  }

  /**
   * Adds what a ring has gained.
   *
   * @param to The slot behind the last, modulo 2^32.
   */
  add(ring: number, to: number): void {
    const at = (HEAD_BYTES + ring * RING_BYTES) >>> 2;
    if (((this.#u32[at + FROM]! - to) | 0) === 0) return;
    this.#u32[at + TO] = to;
    const result = native().ferrule_event_digest_add(this.#u32, ring);
    if (result < 0) unwrap(result, `add events of ring ${ring}`);
  }
}
