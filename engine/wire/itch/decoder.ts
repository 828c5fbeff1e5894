// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Decoder of Nasdaq TotalView-ITCH 5.0, one message at a time, in place.
 *
 * The fields of the last message stand in the decoder's properties; nothing is
 * allocated for a message. Belongs to one reader. It checks lengths, codes and
 * ranges; it does not know orders, so it can't tell a message that makes no
 * sense from one that does, and it does no framing.
 *
 * @module
 */
import { ITCH_BYTES, ItchType } from "./messages.ts";

/** What became of a message. */
export const ItchResult = {
  OK: 0,
  /** The type byte is of no message; nothing else was read. */
  UNKNOWN_TYPE: 1,
  /** The length is not that of the type. */
  WRONG_LENGTH: 2,
  /** `badOffset` and `badExpected` say which field is wrong. */
  BAD_FIELD: 3,
} as const;
export type ItchResult = typeof ItchResult[keyof typeof ItchResult];

const TWO_32 = 4294967296;
const BUY = 0x42;
const SELL = 0x53;
const EVENTS = "OSQMEC";
const CROSS_TYPES = "OCHAI";

/**
 * Decodes ITCH messages. Big-endian integers; prices in units of 1e-4.
 *
 * 64-bit numbers stand as two uint32 halves (`referenceHi`, `referenceLo`).
 *
 * @example
 * ```ts
 * const decoder = new ItchDecoder();
 * const bytes = new Uint8Array(19);
 * bytes[0] = 0x44; // order delete
 * bytes[18] = 7;
 * if (decoder.decode(bytes, 0, 19) === ItchResult.OK) decoder.referenceLo; // 7
 * ```
 */
export class ItchDecoder {
  /** Type byte. */
  type = 0;
  /** Number of the stock on this day. */
  locate = 0;
  tracking = 0;
  /** Nanoseconds since midnight. */
  timestampNs = 0;
  referenceHi = 0;
  referenceLo = 0;
  newReferenceHi = 0;
  newReferenceLo = 0;
  matchHi = 0;
  matchLo = 0;
  /** 0 = buy, 1 = sell. */
  sideBit = 0;
  /** Shares; up to 2^53 in a cross trade, else a uint32. */
  shares = 0;
  /** Price in units of 1e-4, uint32. */
  price = 0;
  /** C: the execution counts in the day's volume. */
  printable = false;
  /** S: event code. Q: cross type. A byte. */
  code = 0;
  /** R: shares of a round lot. */
  roundLotShares = 0;
  /** Where the stock's eight characters start; -1 = the message names none. */
  stockOffset = -1;
  /** After BAD_FIELD: where the field starts. */
  badOffset = 0;
  /** After BAD_FIELD: what may stand there. */
  badExpected = "";

  /**
   * Reads the message of `length` bytes at `offset`, all of which are there.
   *
   * @returns An `ItchResult`. The properties count only after OK, and of them
   *   only those that the message has.
   */
  decode(bytes: Uint8Array, offset: number, length: number): ItchResult {
    const type = length === 0 ? 0 : bytes[offset]!;
    const expected = ITCH_BYTES[type]!;
    this.type = type;
    if (expected === 0) return ItchResult.UNKNOWN_TYPE;
    if (expected !== length) return ItchResult.WRONG_LENGTH;
    this.locate = u16(bytes, offset + 1);
    this.tracking = u16(bytes, offset + 3);
    this.timestampNs = u16(bytes, offset + 5) * TWO_32 + u32(bytes, offset + 7);
    this.stockOffset = -1;
    switch (type) {
      case ItchType.ADD:
      case ItchType.ADD_ATTRIBUTED:
      case ItchType.TRADE:
        return this.#order(bytes, offset);
      case ItchType.EXECUTED:
      case ItchType.EXECUTED_AT_PRICE:
        return this.#executed(bytes, offset);
      case ItchType.CANCEL:
      case ItchType.DELETE:
      case ItchType.REPLACE:
        return this.#changed(bytes, offset);
      case ItchType.CROSS_TRADE:
        return this.#cross(bytes, offset);
      case ItchType.BROKEN_TRADE:
        this.#match(bytes, offset + 11);
        return ItchResult.OK;
      case ItchType.STOCK_DIRECTORY:
        this.stockOffset = offset + 11;
        this.roundLotShares = u32(bytes, offset + 21);
        return ItchResult.OK;
      case ItchType.SYSTEM_EVENT:
        this.code = bytes[offset + 11]!;
        return this.#oneOf(offset + 11, this.code, EVENTS);
      default:
        return ItchResult.OK;
    }
  }

  #order(bytes: Uint8Array, offset: number): ItchResult {
    this.#reference(bytes, offset + 11);
    const side = bytes[offset + 19]!;
    this.sideBit = side === BUY ? 0 : 1;
    this.shares = u32(bytes, offset + 20);
    this.stockOffset = offset + 24;
    this.price = u32(bytes, offset + 32);
    if (side !== BUY && side !== SELL) return this.#bad(offset + 19, "B or S");
    if (this.shares === 0) return this.#bad(offset + 20, "shares above 0");
    if (this.type === ItchType.TRADE) this.#match(bytes, offset + 36);
    return ItchResult.OK;
  }

  #executed(bytes: Uint8Array, offset: number): ItchResult {
    this.#reference(bytes, offset + 11);
    this.shares = u32(bytes, offset + 19);
    this.#match(bytes, offset + 23);
    this.printable = true;
    if (this.shares === 0) return this.#bad(offset + 19, "shares above 0");
    if (this.type === ItchType.EXECUTED) return ItchResult.OK;
    const printable = bytes[offset + 31]!;
    this.printable = printable === 0x59;
    this.price = u32(bytes, offset + 32);
    return this.#oneOf(offset + 31, printable, "YN");
  }

  #changed(bytes: Uint8Array, offset: number): ItchResult {
    this.#reference(bytes, offset + 11);
    if (this.type === ItchType.DELETE) return ItchResult.OK;
    if (this.type === ItchType.CANCEL) {
      this.shares = u32(bytes, offset + 19);
      return this.shares === 0
        ? this.#bad(offset + 19, "shares above 0")
        : ItchResult.OK;
    }
    this.newReferenceHi = u32(bytes, offset + 19);
    this.newReferenceLo = u32(bytes, offset + 23);
    this.shares = u32(bytes, offset + 27);
    this.price = u32(bytes, offset + 31);
    return this.shares === 0
      ? this.#bad(offset + 27, "shares above 0")
      : ItchResult.OK;
  }

  #cross(bytes: Uint8Array, offset: number): ItchResult {
    const high = u32(bytes, offset + 11);
    this.shares = high * TWO_32 + u32(bytes, offset + 15);
    this.stockOffset = offset + 19;
    this.price = u32(bytes, offset + 27);
    this.#match(bytes, offset + 31);
    this.code = bytes[offset + 39]!;
    if (high >= 0x200000) return this.#bad(offset + 11, "shares below 2^53");
    return this.#oneOf(offset + 39, this.code, CROSS_TYPES);
  }

  #reference(bytes: Uint8Array, at: number): void {
    this.referenceHi = u32(bytes, at);
    this.referenceLo = u32(bytes, at + 4);
  }

  #match(bytes: Uint8Array, at: number): void {
    this.matchHi = u32(bytes, at);
    this.matchLo = u32(bytes, at + 4);
  }

  #oneOf(at: number, code: number, codes: string): ItchResult {
    for (let i = 0; i < codes.length; i++) {
      if (codes.charCodeAt(i) === code) return ItchResult.OK;
    }
    return this.#bad(at, codes);
  }

  #bad(at: number, expected: string): ItchResult {
    this.badOffset = at;
    this.badExpected = expected;
    return ItchResult.BAD_FIELD;
  }
}

/** The eight characters of a stock at `at`, without the spaces behind them. */
export function itchStock(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = at; i < at + 8; i++) text += String.fromCharCode(bytes[i]!);
  return text.trimEnd();
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) >>> 0;
}
