// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Numbers of records for people: ticks and lots as decimals, nanoseconds as
 * UTC, and back what people write of a point in time or a range.
 *
 * ```
 *   18750 ticks of 0.01      187.50
 *   hi, lo                   2026-11-20T14:00:00.000000123Z
 *   "1000", "2026-11-20"     a sequence, a time
 * ```
 *
 * Pure; cold path; allocates.
 *
 * @module
 */

const NS_PER_S = 1_000_000_000n;
const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?Z?$/;

/** What was asked for can't be read. */
export class PointError extends Error {
  override name = "PointError";
}

/** Units of a size x 1e8 as a decimal with the places that the size has. */
export function decimal(units: number, sizeE8: number): string {
  if (!Number.isFinite(units)) return String(units);
  const whole = BigInt(Math.round(units)) * BigInt(Math.round(sizeE8));
  let places = 8;
  for (let size = sizeE8; places > 0 && size % 10 === 0; places--) size /= 10;
  const digits = (whole < 0n ? -whole : whole).toString().padStart(9, "0");
  const text = digits.slice(0, -8) +
    (places === 0 ? "" : `.${digits.slice(-8, digits.length - 8 + places)}`);
  return whole < 0n ? `-${text}` : text;
}

/** Both words of a time as nanoseconds since 1970. */
export function nanoseconds(lo: number, hi: number): bigint {
  return BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
}

/** 64 bits as 16 hexadecimal digits. */
export function hexWords(lo: number, hi: number): string {
  return nanoseconds(lo, hi).toString(16).padStart(16, "0");
}

/** Nanoseconds since 1970 as ISO 8601 in UTC, all nine places. */
export function isoTime(ns: bigint): string {
  const seconds = new Date(Number(ns / NS_PER_S) * 1000).toISOString();
  const rest = (ns % NS_PER_S).toString().padStart(9, "0");
  return `${seconds.slice(0, 19)}.${rest}Z`;
}

/** A moment of the journal: the last command that is not behind it. */
export interface Point {
  /** Highest sequence. */
  readonly sequence: number;
  /** Latest time, nanoseconds since 1970; undefined = any. */
  readonly timeNs?: bigint;
}

/** The end of the journal. */
export const NEWEST: Point = { sequence: Infinity };

/**
 * Reads SEQUENCE or TIME: digits up to 2^53 are a sequence, more of them
 * nanoseconds since 1970; anything else is ISO 8601 in UTC.
 *
 * @throws {PointError} If it is neither.
 */
export function parsePoint(text: string): Point {
  if (/^\d+$/.test(text)) {
    const sequence = Number(text);
    if (sequence <= Number.MAX_SAFE_INTEGER) return { sequence };
    return { sequence: Infinity, timeNs: BigInt(text) };
  }
  const match = TIME.exec(text);
  const ms = match === null
    ? NaN
    : Date.parse(`${match[1]}T${match[2] ?? "00:00"}:${match[3] ?? "00"}Z`);
  if (Number.isNaN(ms)) {
    throw new PointError(
      `"${text}" is no point of a journal: give a sequence, nanoseconds since ` +
        "1970, or a time in UTC such as 2026-11-20T14:00:00.000000123Z",
    );
  }
  const fraction = (match![4] ?? "").padEnd(9, "0");
  return {
    sequence: Infinity,
    timeNs: BigInt(ms) * 1_000_000n + BigInt(fraction),
  };
}

/** Numbers from `first` to `last`, both included. */
export interface Range {
  /** 0 = from the oldest that is there. */
  readonly first: number;
  readonly last: number;
}

/**
 * Reads FROM..TO, FROM.., ..TO or one number.
 *
 * @throws {PointError} If it is none.
 */
export function parseRange(text: string): Range {
  const match = /^(\d*)\.\.(\d*)$/.exec(text) ?? /^(\d+)()$/.exec(text);
  if (match === null) {
    throw new PointError(
      `"${text}" is no range: give FROM..TO, FROM.., ..TO or one number`,
    );
  }
  const first = Number(match[1]);
  const last = match[2] !== ""
    ? Number(match[2])
    : text.includes("..")
    ? Infinity
    : first;
  if (last < first) {
    throw new PointError(`"${text}" is no range: ${last} is below ${first}`);
  }
  return { first, last };
}
