// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reader of LOBSTER lines: order events, and rows of the book beside them.
 *
 * Numbers stand in the reader's properties and arrays; nothing is allocated
 * for a line. Belongs to one reader. Pure: it is handed bytes and checks that
 * a line has the fields it must have, not that the events make sense.
 *
 * Event: `time, type, order id, size, price x 10000, direction` (1 = the
 * resting order buys, -1 = it sells). Row: `ask price, ask size, bid price,
 * bid size` for each level, best first; 9999999999 and -9999999999 stand for
 * a level that is not there.
 *
 * @module
 */

/** Second field of an event. */
export const LobsterType = {
  ADD: 1,
  PARTIAL_CANCEL: 2,
  DELETE: 3,
  EXECUTED: 4,
  EXECUTED_HIDDEN: 5,
  CROSS: 6,
  HALT: 7,
} as const;

/** Names by `LobsterType`. */
export const LOBSTER_NAMES: readonly string[] = [
  "",
  "new order",
  "partial cancel",
  "delete",
  "execution",
  "hidden execution",
  "cross trade",
  "trading halt",
];

/** A level of a book row that is not there: on the ask side, minus it on the bid side. */
export const LOBSTER_EMPTY = 9_999_999_999;

const COMMA = 0x2c;
const DOT = 0x2e;
const MINUS = 0x2d;
const CARRIAGE_RETURN = 0x0d;
const EVENT_FIELDS = 6;

/** Reads events and book rows. */
export class LobsterReader {
  type = 0;
  orderId = 0;
  size = 0;
  /** Price in units of 1e-4. */
  price = 0;
  /** Side of the resting order: 0 = buy, 1 = sell. */
  sideBit = 0;
  /** After a failed read: the number of the field, 1 and up. */
  badField = 0;
  /** After a failed read: what was expected of it. */
  badExpected = "";
  #at = 0;
  #value = 0;

  /** Reads the event in `[start, end)`. @returns false if it is malformed. */
  readEvent(bytes: Uint8Array, start: number, end: number): boolean {
    this.#at = start;
    const stop = withoutReturn(bytes, start, end);
    for (let field = 1; field <= EVENT_FIELDS; field++) {
      if (!this.#number(bytes, stop, field === 1)) {
        return this.#bad(field, "a number");
      }
      const value = this.#value;
      if (field === 2) this.type = value;
      else if (field === 3) this.orderId = value;
      else if (field === 4) this.size = value;
      else if (field === 5) this.price = value;
      else if (field === 6) this.sideBit = value === 1 ? 0 : 1;
      if (field === 6 && value !== 1 && value !== -1) {
        return this.#bad(6, "1 or -1");
      }
    }
    if (this.#at <= stop) return this.#bad(7, "the end of the line");
    if (this.type < 1 || this.type > 7) return this.#bad(2, "1 to 7");
    if (this.type <= LobsterType.EXECUTED_HIDDEN) {
      if (this.size <= 0) return this.#bad(4, "a size above 0");
      if (this.price <= 0 || this.price > 0x7fffffff) {
        return this.#bad(5, "a price from 1 to 2147483647");
      }
    }
    return true;
  }

  /**
   * Reads the book row in `[start, end)` into `row`, which has one element for
   * each field. @returns false if it is malformed.
   */
  readRow(
    bytes: Uint8Array,
    start: number,
    end: number,
    row: Float64Array,
  ): boolean {
    this.#at = start;
    const stop = withoutReturn(bytes, start, end);
    for (let field = 1; field <= row.length; field++) {
      if (!this.#number(bytes, stop, false)) {
        return this.#bad(field, "a number");
      }
      row[field - 1] = this.#value;
    }
    if (this.#at <= stop) {
      return this.#bad(row.length + 1, "the end of the line");
    }
    return true;
  }

  /** One field and the comma behind it; leaves `#at` beyond `stop` + 0 after the last. */
  #number(bytes: Uint8Array, stop: number, fraction: boolean): boolean {
    let at = this.#at;
    if (at >= stop) return false;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let value = 0;
    let digits = 0;
    let inFraction = false;
    for (; at < stop && bytes[at] !== COMMA; at++) {
      const byte = bytes[at]!;
      if (byte === DOT && fraction && !inFraction) {
        inFraction = true;
        continue;
      }
      if (byte < 0x30 || byte > 0x39) return false;
      if (inFraction) continue;
      value = value * 10 + byte - 0x30;
      if (++digits > 15) return false;
    }
    if (digits === 0) return false;
    this.#value = negative ? -value : value;
    this.#at = at + 1;
    return true;
  }

  #bad(field: number, expected: string): boolean {
    this.badField = field;
    this.badExpected = expected;
    return false;
  }
}

/** Number of fields in the line `[start, end)`. */
export function lobsterFieldCount(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let count = 1;
  for (let i = start; i < end; i++) if (bytes[i] === COMMA) count++;
  return count;
}

function withoutReturn(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
}
