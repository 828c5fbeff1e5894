// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A latency histogram in shared memory: one writer, any number of readers.
 *
 * Buckets are those of an HDR histogram with three significant digits: exact
 * below 2,048 ns, then 1,024 buckets for each power of two, up to 2.1 s.
 * Recording is a shift and an add and does not allocate. Percentiles are the
 * reader's business (`hdr-histogram-js`).
 *
 * @module
 */

const EXACT_BUCKETS = 2048;
const SUB_BUCKETS = 1024;
const POWERS = 20;
/** Buckets of a histogram. */
export const HISTOGRAM_BUCKETS = EXACT_BUCKETS + POWERS * SUB_BUCKETS;
/** Bytes of a histogram: its buckets as float64. */
export const HISTOGRAM_BYTES = HISTOGRAM_BUCKETS * 8;
const VALUE_NS_MAX = 0x7fffffff;

/** Bucket of a value in nanoseconds. */
export function bucketOf(valueNs: number): number {
  const value = valueNs > VALUE_NS_MAX ? VALUE_NS_MAX : valueNs | 0;
  if (value < EXACT_BUCKETS) return value < 0 ? 0 : value;
  const shift = 21 - Math.clz32(value);
  return EXACT_BUCKETS + (shift - 1) * SUB_BUCKETS +
    ((value >>> shift) - SUB_BUCKETS);
}

/** Highest value in nanoseconds that falls in a bucket. */
export function bucketTopNs(bucket: number): number {
  if (bucket < EXACT_BUCKETS) return bucket;
  const above = bucket - EXACT_BUCKETS;
  const shift = Math.floor(above / SUB_BUCKETS) + 1;
  const low = (above % SUB_BUCKETS) + SUB_BUCKETS;
  return (low + 1) * 2 ** shift - 1;
}

/** The writer's and the readers' view of one histogram. */
export class SharedHistogram {
  readonly #buckets: Float64Array;

  /**
   * @param memory The memory that holds the histogram, zeroed.
   * @param byteOffset Where it starts.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number) {
    this.#buckets = new Float64Array(memory, byteOffset, HISTOGRAM_BUCKETS);
  }

  /** Counts one value in nanoseconds. For the writer's thread only. */
  record(valueNs: number): void {
    this.#buckets[bucketOf(valueNs)]! += 1;
  }

  /** Calls `each` for every bucket that holds something, lowest first. */
  forEach(each: (topNs: number, count: number) => void): void {
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      const count = this.#buckets[bucket]!;
      if (count > 0) each(bucketTopNs(bucket), count);
    }
  }
}
