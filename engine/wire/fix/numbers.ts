// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * FIX values to exact numbers and back, in place.
 *
 * Pure; any thread. Nothing allocates: results that may not fit a small
 * integer are left in a Float64Array of the caller. A decimal never goes
 * through a binary fraction: "0.1" with two decimals is the integer 10.
 *
 * @module
 */

/** How a decimal was read. */
export const Decimal = {
  OK: 0,
  /** No number. */
  FORMAT: 1,
  /** Has more decimals than asked for, and they are not zeros. */
  INEXACT: 2,
  /** Above 2^53 - 1 units. */
  TOO_LARGE: 3,
  NEGATIVE: 4,
} as const;

const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
const MS_PER_DAY = 86400000;

/** Unsigned integer of at most 32 bits in `bytes[from, to)`, or -1. */
export function parseUint(
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  if (to <= from || to - from > 20) return -1;
  let value = 0;
  for (let p = from; p < to; p++) {
    const digit = bytes[p]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > 4294967295 ? -1 : value;
}

/**
 * Reads a decimal as a whole number of units of 10^-decimals.
 *
 * @param out The result lands in its first element if `Decimal.OK`.
 * @returns `Decimal`.
 */
export function parseDecimal(
  bytes: Uint8Array,
  from: number,
  to: number,
  decimals: number,
  out: Float64Array,
): number {
  let p = from;
  const negative = p < to && bytes[p] === 0x2d;
  if (negative) p++;
  let value = 0;
  let left = -1;
  let digits = 0;
  let inexact = false;
  for (; p < to; p++) {
    const c = bytes[p]!;
    if (c === 0x2e) {
      if (left >= 0) return Decimal.FORMAT;
      left = decimals;
      continue;
    }
    const digit = c - 48;
    if (digit < 0 || digit > 9) return Decimal.FORMAT;
    digits++;
    if (left === 0) {
      if (digit !== 0) inexact = true;
      continue;
    }
    if (left > 0) left--;
    // Past 2^53 the sum is not exact any more, but it stays too large.
    value = value * 10 + digit;
  }
  if (digits === 0) return Decimal.FORMAT;
  for (let i = left < 0 ? decimals : left; i > 0; i--) value *= 10;
  if (negative && (value > 0 || inexact)) return Decimal.NEGATIVE;
  if (inexact) return Decimal.INEXACT;
  if (value > INTEGER_MAX) return Decimal.TOO_LARGE;
  out[0] = value;
  return Decimal.OK;
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. */
export function daysFromCivil(
  year: number,
  month: number,
  day: number,
): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

const MONTH_DAYS = Uint8Array.of(
  ...[0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
);

function monthDays(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : MONTH_DAYS[month]!;
}

/** Two digits at `p`, or a value below zero. */
function two(bytes: Uint8Array, p: number): number {
  const tens = bytes[p]! - 48;
  const ones = bytes[p + 1]! - 48;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9
    ? -1000
    : tens * 10 + ones;
}

/** Reads UTCTimestamp; keeps the last date, because dates repeat. */
export class TimestampReader {
  /** Result of the last `parse()`: milliseconds since 1970. */
  readonly ms = new Float64Array(1);
  #date = -1;
  readonly #dateMs = new Float64Array(1);
  /** The last text of 21 bytes that was good, to be found again: five words and a byte. */
  readonly #text = new Int32Array(6);
  /** The memory that the last text lay in. */
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  /** Reads "YYYYMMDD-HH:MM:SS[.sss[sss[sss]]]"; false if it is none. */
  parse(bytes: Uint8Array, from: number, to: number): boolean {
    const length = to - from;
    if (length === 21) {
      if (this.#isLast(bytes, from)) return true;
      if (!this.#parse(bytes, from, to)) return false;
      const text = this.#text;
      for (let i = 0; i < 5; i++) {
        text[i] = this.#view.getInt32(from + i * 4, true);
      }
      text[5] = bytes[from + 20]!;
      return true;
    }
    // Another result than that of the text.
    this.#text[0] = 0;
    return (length === 17 || length === 24 || length === 27) &&
      this.#parse(bytes, from, to);
  }

  /** True for the same 21 bytes as last time: times of a batch repeat. */
  #isLast(bytes: Uint8Array, from: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(
        bytes.buffer,
        bytes.byteOffset,
        bytes.byteLength,
      );
    }
    const text = this.#text;
    const view = this.#view;
    // What changes first is looked at first.
    return bytes[from + 20] === text[5] &&
      view.getInt32(from + 16, true) === text[4] &&
      view.getInt32(from + 12, true) === text[3] &&
      view.getInt32(from + 8, true) === text[2] &&
      view.getInt32(from + 4, true) === text[1] &&
      view.getInt32(from, true) === text[0];
  }

  #parse(bytes: Uint8Array, from: number, to: number): boolean {
    const length = to - from;
    const century = two(bytes, from);
    const year = two(bytes, from + 2);
    const month = two(bytes, from + 4);
    const day = two(bytes, from + 6);
    const hour = two(bytes, from + 9);
    const minute = two(bytes, from + 12);
    const second = two(bytes, from + 15);
    if (
      (century | year | month | day | hour | minute | second) < 0 ||
      bytes[from + 8] !== 0x2d || bytes[from + 11] !== 0x3a ||
      bytes[from + 14] !== 0x3a || hour > 23 || minute > 59 || second > 60
    ) return false;
    const date = ((century * 100 + year) * 100 + month) * 100 + day;
    if (
      date !== this.#date && !this.#setDate(century * 100 + year, month, day)
    ) {
      return false;
    }
    let fraction = 0;
    if (length > 17) {
      if (bytes[from + 17] !== 0x2e) return false;
      for (let p = from + 18; p < to; p++) {
        const digit = bytes[p]! - 48;
        if (digit < 0 || digit > 9) return false;
        if (p < from + 21) fraction = fraction * 10 + digit;
      }
    }
    this.ms[0] = this.#dateMs[0]! +
      ((hour * 60 + minute) * 60 + second) * 1000 +
      fraction;
    return true;
  }

  /** Reads "YYYYMMDD" as its first millisecond; false if it is none. */
  parseDate(bytes: Uint8Array, from: number, to: number): boolean {
    this.#text[0] = 0;
    if (to - from !== 8) return false;
    const century = two(bytes, from);
    const year = two(bytes, from + 2);
    const month = two(bytes, from + 4);
    const day = two(bytes, from + 6);
    if (
      (century | year | month | day) < 0 ||
      !this.#setDate(century * 100 + year, month, day)
    ) return false;
    this.ms[0] = this.#dateMs[0]!;
    return true;
  }

  #setDate(year: number, month: number, day: number): boolean {
    if (month < 1 || month > 12 || day < 1 || day > monthDays(year, month)) {
      return false;
    }
    this.#date = (year * 100 + month) * 100 + day;
    this.#dateMs[0] = daysFromCivil(year, month, day) * MS_PER_DAY;
    return true;
  }
}

/** Nanoseconds below the millisecond in a UTCTimestamp that was parsed well. */
export function nanosecondsBelow(
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  let value = 0;
  for (let p = from + 21; p < to; p++) value = value * 10 + bytes[p]! - 48;
  return to - from === 24 ? value * 1000 : value;
}

/**
 * Words of a time in nanoseconds since 1970.
 *
 * @param ms Milliseconds since 1970, in its first element.
 * @param below Nanoseconds on top.
 * @param out Low word and high word.
 * @returns False if it is before 1970 or needs more than 64 bits.
 */
export function nanosecondWords(
  ms: Float64Array,
  below: number,
  out: Uint32Array,
): boolean {
  const whole = ms[0]!;
  if (whole < 0) return false;
  // In parts of 16 bits and more, each product of which is exact.
  const upper = Math.floor(whole / 65536);
  const product = upper * 1e6;
  const high = Math.floor(product / 65536);
  const rest = (product - high * 65536) * 65536 +
    (whole - upper * 65536) * 1e6 + below;
  const carry = Math.floor(rest / 4294967296);
  if (high + carry > 0xffffffff) return false;
  out[0] = rest - carry * 4294967296;
  out[1] = high + carry;
  return true;
}

/** Bytes that `TimestampWriter` writes. */
export const TIMESTAMP_BYTES = 21;

// Places in the state of a `TimestampWriter`.
const STATE_MS = 0;
const STATE_SECOND = 1;
const STATE_DAY = 2;

/** Writes UTCTimestamp with milliseconds; keeps the last one, because they repeat. */
export class TimestampWriter {
  readonly #words = new Int32Array(Math.ceil(TIMESTAMP_BYTES / 4));
  readonly #text = new Uint8Array(this.#words.buffer);
  /** What `#text` shows. Numbers of this size would be boxed in fields and calls. */
  readonly #state = Float64Array.of(-1, -1, -1);
  #lo = 0;
  #hi = 0;

  constructor() {
    this.#text[8] = 0x2d;
    this.#text[11] = this.#text[14] = 0x3a;
    this.#text[17] = 0x2e;
  }

  /**
   * Writes `ms` (since 1970, of the years 1970 to 9999) at `p`; returns the
   * end. Three bytes behind it are written over, too.
   */
  put(view: DataView, p: number, ms: number): number {
    const state = this.#state;
    if (ms !== state[STATE_MS]) {
      this.#lo = this.#hi = 0;
      state[STATE_MS] = ms;
      this.#render();
    }
    return this.#copy(view, p);
  }

  /**
   * The same for nanoseconds since 1970.
   *
   * @param lo Low word, as int32.
   * @param hi High word, as int32.
   */
  putNanoseconds(view: DataView, p: number, lo: number, hi: number): number {
    if (lo !== this.#lo || hi !== this.#hi) {
      this.#lo = lo;
      this.#hi = hi;
      const state = this.#state;
      const ms = Math.floor(((hi >>> 0) * 4294967296 + (lo >>> 0)) / 1e6);
      if (ms !== state[STATE_MS]) {
        state[STATE_MS] = ms;
        this.#render();
      }
    }
    return this.#copy(view, p);
  }

  #copy(view: DataView, p: number): number {
    const words = this.#words;
    view.setInt32(p, words[0]!, true);
    view.setInt32(p + 4, words[1]!, true);
    view.setInt32(p + 8, words[2]!, true);
    view.setInt32(p + 12, words[3]!, true);
    view.setInt32(p + 16, words[4]!, true);
    view.setInt32(p + 20, words[5]!, true);
    return p + TIMESTAMP_BYTES;
  }

  #render(): void {
    const text = this.#text;
    const state = this.#state;
    const ms = state[STATE_MS]!;
    const second = Math.floor(ms / 1000);
    const rest = ms - second * 1000;
    if (second !== state[STATE_SECOND]) {
      state[STATE_SECOND] = second;
      this.#renderSecond();
    }
    text[18] = 48 + (rest / 100 | 0);
    text[19] = 48 + ((rest / 10 | 0) % 10);
    text[20] = 48 + rest % 10;
  }

  #renderSecond(): void {
    const state = this.#state;
    const second = state[STATE_SECOND]!;
    const day = Math.floor(second / 86400);
    if (day !== state[STATE_DAY]) {
      state[STATE_DAY] = day;
      this.#renderDay(day);
    }
    const rest = second - day * 86400;
    this.#putTwo(9, rest / 3600 | 0);
    this.#putTwo(12, (rest / 60 | 0) % 60);
    this.#putTwo(15, rest % 60);
  }

  #renderDay(day: number): void {
    let year = 1970 + Math.floor(day / 366);
    while (daysFromCivil(year + 1, 1, 1) <= day) year++;
    let rest = day - daysFromCivil(year, 1, 1);
    let month = 1;
    while (rest >= monthDays(year, month)) rest -= monthDays(year, month++);
    this.#putTwo(0, year / 100 | 0);
    this.#putTwo(2, year % 100);
    this.#putTwo(4, month);
    this.#putTwo(6, rest + 1);
  }

  #putTwo(at: number, value: number): void {
    this.#text[at] = 48 + (value / 10 | 0);
    this.#text[at + 1] = 48 + value % 10;
  }
}

/** Writes an integer below 10^9 at `p`; returns the end. */
function putSmall(bytes: Uint8Array, p: number, value: number): number {
  let rest = value | 0;
  const end = p +
    (rest < 10
      ? 1
      : rest < 100
      ? 2
      : rest < 1000
      ? 3
      : rest < 10000
      ? 4
      : rest < 100000
      ? 5
      : rest < 1000000
      ? 6
      : rest < 10000000
      ? 7
      : rest < 100000000
      ? 8
      : 9);
  for (let q = end - 1; q >= p; q--) {
    const tenth = (rest / 10) | 0;
    bytes[q] = 48 + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}

/** Writes `digits` digits (at most 9), with leading zeros. */
function putPadded(
  bytes: Uint8Array,
  p: number,
  value: number,
  digits: number,
): number {
  let rest = value | 0;
  for (let q = p + digits - 1; q >= p; q--) {
    const tenth = (rest / 10) | 0;
    bytes[q] = 48 + rest - tenth * 10;
    rest = tenth;
  }
  return p + digits;
}

/** Writes a whole number of 0 to 2^53 - 1 at `p`; returns the end. */
export function putUint(bytes: Uint8Array, p: number, value: number): number {
  if (value < 1e9) return putSmall(bytes, p, value);
  let high = Math.floor(value / 1e9);
  let low = value - high * 1e9;
  if (low < 0) {
    high--;
    low += 1e9;
  }
  return putPadded(bytes, putSmall(bytes, p, high), low, 9);
}

const POWERS = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);

/** Writes `units` of 10^-decimals (0 to 2^53 - 1, at most 9 decimals) at `p`; returns the end. */
export function putDecimal(
  bytes: Uint8Array,
  p: number,
  units: number,
  decimals: number,
): number {
  if (decimals === 0) return putUint(bytes, p, units);
  const power = POWERS[decimals]!;
  // The quotient may round up to the next whole number.
  let whole = Math.floor(units / power);
  let rest = units - whole * power;
  if (rest < 0) {
    whole--;
    rest += power;
  }
  const point = putUint(bytes, p, whole);
  bytes[point] = 0x2e;
  return putPadded(bytes, point + 1, rest, decimals);
}

/** Four digits with leading zeros as one word, by number. */
const FOUR_DIGITS = Int32Array.from({ length: 10_000 }, (_, n) => {
  const digit = (power: number): number => 48 + Math.floor(n / power) % 10;
  return digit(1000) | digit(100) << 8 | digit(10) << 16 | digit(1) << 24;
});

/** A number of 0 to 9,999 as four digits in one word, the first one lowest. */
export function fourDigits(value: number): number {
  return FOUR_DIGITS[value]!;
}

/** Writes a whole number below 10,000; three bytes behind it are written over. */
function putBelowTenThousand(
  view: DataView,
  p: number,
  value: number,
): number {
  const four = FOUR_DIGITS[value]!;
  if (value >= 1000) {
    view.setInt32(p, four, true);
    return p + 4;
  }
  if (value >= 100) {
    view.setInt32(p, four >>> 8, true);
    return p + 3;
  }
  if (value >= 10) {
    view.setInt32(p, four >>> 16, true);
    return p + 2;
  }
  view.setInt32(p, four >>> 24, true);
  return p + 1;
}

/** `putUint()`, four digits at a time: up to three bytes behind it are written over. */
export function putUintWords(
  view: DataView,
  p: number,
  value: number,
): number {
  if (value < 10_000) return putBelowTenThousand(view, p, value | 0);
  if (value < 1e8) {
    const whole = value | 0;
    const high = (whole / 10_000) | 0;
    const end = putBelowTenThousand(view, p, high);
    view.setInt32(end, FOUR_DIGITS[whole - high * 10_000]!, true);
    return end + 4;
  }
  return putLargeWords(view, p, value);
}

/** The same from 10^8 on. */
function putLargeWords(view: DataView, p: number, value: number): number {
  // The quotient may round up to the next whole number.
  let high = Math.floor(value / 1e8);
  let low = value - high * 1e8;
  if (low < 0) {
    high--;
    low += 1e8;
  }
  const end = putUintWords(view, p, high);
  const upper = (low / 10_000) | 0;
  view.setInt32(end, FOUR_DIGITS[upper]!, true);
  view.setInt32(end + 4, FOUR_DIGITS[low - upper * 10_000]!, true);
  return end + 8;
}

const POWERS_SMALL = Int32Array.of(1, 10, 100, 1000, 10_000);
const UNITS_SMALL = 0x7fffffff;

/** `putDecimal()`, likewise. @param bytes Of `view`. */
export function putDecimalWords(
  bytes: Uint8Array,
  view: DataView,
  p: number,
  units: number,
  decimals: number,
): number {
  if (decimals === 0) return putUintWords(view, p, units);
  if (decimals > 4 || units > UNITS_SMALL) {
    return putDecimal(bytes, p, units, decimals);
  }
  const small = units | 0;
  const power = POWERS_SMALL[decimals]!;
  const whole = (small / power) | 0;
  const point = putUintWords(view, p, whole);
  view.setInt8(point, 0x2e);
  view.setInt32(
    point + 1,
    FOUR_DIGITS[small - whole * power]! >>> (32 - decimals * 8),
    true,
  );
  return point + 1 + decimals;
}
