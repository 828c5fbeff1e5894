// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Exact arithmetic between fixed-point u64 on the wire and whole ticks and
 * lots in records. Pure, no BigInt, allocates nothing. A value that does not
 * convert exactly is refused, never rounded.
 *
 * @module
 */

/** `toUnits()`: the value is above 2^53 - 1. */
export const TOO_LARGE = -1;
/** `toUnits()`: the value is not a multiple of the unit. */
export const NOT_MULTIPLE = -2;

const TWO_32 = 4294967296;
const ONE_BY_TWO_32 = 1 / TWO_32;
/** High word of 2^53. */
const SAFE_HIGH = 0x200000;

/**
 * A u64 given as two words, in whole units.
 *
 * The quotient of two integers below 2^53 is a whole number in float64 if the
 * division has no rest, and if it has one, multiplying back shows it: the
 * product is either exact or above 2^53, where `value` can not be.
 *
 * @param unit Whole number, 1 and up (tick or lot size x 1e8).
 * @returns Units, `TOO_LARGE` or `NOT_MULTIPLE`.
 */
export function toUnits(low: number, high: number, unit: number): number {
  if (high >= SAFE_HIGH) return TOO_LARGE;
  const value = high * TWO_32 + low;
  if (unit === 1) return value;
  const units = value / unit;
  if (units !== Math.floor(units) || units * unit !== value) {
    return NOT_MULTIPLE;
  }
  return units;
}

/**
 * Writes `units x unit` as a u64 into two words; above 2^64 - 1 it writes
 * 2^64 - 1.
 *
 * @param words Where to; low word at `at`, high word at `at + 1`.
 * @param units Whole number, 0 to 2^53 - 1.
 * @param unit Whole number, 0 to 2^53 - 1.
 */
export function writeUnits(
  words: Uint32Array,
  at: number,
  units: number,
  unit: number,
): void {
  const product = units * unit;
  if (product > Number.MAX_SAFE_INTEGER) {
    writeLargeProduct(words, at, units, unit);
    return;
  }
  const high = Math.floor(product * ONE_BY_TWO_32);
  words[at] = product - high * TWO_32;
  words[at + 1] = high;
}

/** Writes a whole number, 0 to 2^53 - 1, as a u64 into two words. */
export function writeWhole(
  words: Uint32Array,
  at: number,
  value: number,
): void {
  if (value < TWO_32) {
    words[at] = value;
    words[at + 1] = 0;
    return;
  }
  const high = Math.floor(value * ONE_BY_TWO_32);
  words[at] = value - high * TWO_32;
  words[at + 1] = high;
}

/** Schoolbook multiplication in limbs of 16 bits: every column stays exact. */
function writeLargeProduct(
  words: Uint32Array,
  at: number,
  a: number,
  b: number,
): void {
  let result0 = 0;
  let result1 = 0;
  let carry = 0;
  for (let column = 0; column < 8; column++) {
    let sum = carry;
    for (let i = 0; i <= column; i++) {
      if (i < 4 && column - i < 4) sum += limb(a, i) * limb(b, column - i);
    }
    const digit = sum % 65536;
    carry = (sum - digit) / 65536;
    if (column === 0) result0 = digit;
    else if (column === 1) result0 += digit * 65536;
    else if (column === 2) result1 = digit;
    else if (column === 3) result1 += digit * 65536;
    else if (digit !== 0) {
      words[at] = 0xffffffff;
      words[at + 1] = 0xffffffff;
      return;
    }
  }
  words[at] = result0;
  words[at + 1] = result1;
}

/** The `index`-th 16 bits of a whole number below 2^53. */
function limb(value: number, index: number): number {
  const shifted = Math.floor(value / 65536 ** index);
  return shifted % 65536;
}
