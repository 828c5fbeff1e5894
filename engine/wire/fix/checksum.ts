// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The FIX checksum, four bytes at a time.
 *
 * Pure; any thread; allocates nothing.
 *
 * @module
 */

/** Words whose byte sums fit 16-bit lanes: 65535 / (2 x 255). */
const LANE_WORDS = 128;

/** The view of the same memory that `byteSum()` wants. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

/**
 * Sum of `bytes[from, to)` modulo 256.
 *
 * @param words `wordsOf(bytes)`.
 */
export function byteSum(
  bytes: Uint8Array,
  words: Int32Array,
  from: number,
  to: number,
): number {
  let sum = 0;
  let p = from;
  while (p < to && (p & 3) !== 0) sum += bytes[p++]!;
  let word = p >>> 2;
  const wordEnd = to >>> 2;
  while (word < wordEnd) {
    const stop = wordEnd - word > LANE_WORDS ? word + LANE_WORDS : wordEnd;
    let lanes = 0;
    for (; word < stop; word++) {
      const four = words[word]!;
      lanes = (lanes + (four & 0x00ff00ff) + ((four >>> 8) & 0x00ff00ff)) | 0;
    }
    sum += (lanes & 0xffff) + (lanes >>> 16);
  }
  if (word << 2 > p) p = word << 2;
  while (p < to) sum += bytes[p++]!;
  return sum & 0xff;
}

/** Bytes of a step of `byteSumWords()`. */
export const SUM_STEP_BYTES = 16;
/** The longest that `byteSumWords()` takes: its lanes have room for no more. */
export const SUM_BYTES_MAX = 512;

/**
 * Sum of `view[from, to)` modulo 256, at most `SUM_BYTES_MAX`, where
 * `SUM_STEP_BYTES` zeros follow.
 */
export function byteSumWords(view: DataView, from: number, to: number): number {
  let even = 0;
  let odd = 0;
  for (let p = from; p < to; p += 16) {
    const a = view.getInt32(p, true);
    const b = view.getInt32(p + 4, true);
    const c = view.getInt32(p + 8, true);
    const d = view.getInt32(p + 12, true);
    even = (even + (a & 0x00ff00ff) + (b & 0x00ff00ff) + (c & 0x00ff00ff) +
      (d & 0x00ff00ff)) | 0;
    odd = (odd + ((a >>> 8) & 0x00ff00ff) + ((b >>> 8) & 0x00ff00ff) +
      ((c >>> 8) & 0x00ff00ff) + ((d >>> 8) & 0x00ff00ff)) | 0;
  }
  return ((even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)) &
    0xff;
}
