// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Checks of single values, from which the shape of the configuration file is
 * made. Each carries the text that an operator reads if it fails: what is
 * allowed, not what is wrong.
 *
 * @module
 */
import * as v from "valibot";

/** A whole number of a range. */
export function whole(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
  );
}

/** A power of two of a range. */
export function powerOfTwo(min: number, max: number) {
  const allowed = `a power of two from ${min} to ${max}`;
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
    v.check((value) => Number.isInteger(Math.log2(value)), allowed),
  );
}

/** A text of a pattern. */
export function text(pattern: RegExp, allowed: string) {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed));
}

/** One of some words. */
export function oneOf<const T extends readonly string[]>(words: T) {
  return v.picklist(
    words,
    `one of ${words.map((word) => `"${word}"`).join(", ")}`,
  );
}

/** Largest int32: of prices, distances in ticks, and groups. */
export const INT32_MAX = 2147483647;

const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
/** An IPv4 address as text. */
export const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);
/** An IPv4 multicast address as text. */
export const MULTICAST = new RegExp(
  `^(22[4-9]|23[0-9])(\\.${OCTET}){3}$`,
);
/** An IPv4 address and a port as text. */
export const ENDPOINT = new RegExp(
  `^${OCTET}(\\.${OCTET}){3}:[1-9][0-9]{0,4}$`,
);
const U64_MAX = 2n ** 64n - 1n;

/** True for decimal digits of a u64. */
export function isU64(value: string): boolean {
  return /^[0-9]{1,20}$/.test(value) && BigInt(value) <= U64_MAX;
}

/** Largest fixed-point number x 1e8 that is exact. */
const E8_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const DECIMAL = /^([0-9]{1,10})(?:\.([0-9]{1,8}))?$/;

/**
 * A decimal text x 1e8.
 *
 * @returns Null if it is no decimal with at most 8 places.
 */
export function decimalE8(value: string): bigint | null {
  const match = DECIMAL.exec(value);
  if (match === null) return null;
  return BigInt(match[1]! + (match[2] ?? "").padEnd(8, "0"));
}

const DECIMAL_ALLOWED =
  'a decimal above 0 in quotes, with at most 8 places, such as "0.01"';
/** A decimal above 0 that is exact x 1e8. */
export const decimal = v.pipe(
  v.string(DECIMAL_ALLOWED),
  v.check((value) => {
    const parsed = decimalE8(value);
    return parsed !== null && parsed > 0n && parsed <= E8_MAX;
  }, DECIMAL_ALLOWED),
);
const DECIMAL_OR_ZERO_ALLOWED =
  'a decimal in quotes, with at most 8 places, such as "0.01"';
/** A decimal that is exact x 1e8; 0 too. */
export const decimalOrZero = v.pipe(
  v.string(DECIMAL_OR_ZERO_ALLOWED),
  v.check((value) => {
    const parsed = decimalE8(value);
    return parsed !== null && parsed <= E8_MAX;
  }, DECIMAL_OR_ZERO_ALLOWED),
);
const LIMIT_ALLOWED =
  'a decimal above 0 in quotes, with at most 8 places, such as "1000000"';
/** A decimal above 0, however large. */
export const limit = v.pipe(
  v.string(LIMIT_ALLOWED),
  v.check((value) => (decimalE8(value) ?? 0n) > 0n, LIMIT_ALLOWED),
);
