// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Encoder of the Nasdaq TotalView-ITCH 5.0 messages that our feed sends, into
 * memory of the caller.
 *
 * Big-endian integers; prices in units of 1e-4; order references and match
 * numbers are whole float64 numbers below 2^53. Allocates nothing. It trusts
 * its caller: a number that does not fit its field is cut, so whoever calls
 * checks first. Each function returns the bytes of the message.
 *
 * @module
 */
import { ITCH_BYTES, ItchType } from "./messages.ts";

const TWO_32 = 4294967296;
const BUY = 0x42;
const SELL = 0x53;
const YES = 0x59;
const NO = 0x4e;
const SPACE = 0x20;
const NANOSECONDS_OF_DAY = 86_400e9;
/** Characters of a stock's name. */
export const ITCH_STOCK_BYTES = 8;
/** Type byte of the message that ends a GLIMPSE snapshot; not in `ITCH_MESSAGES`, as no feed has it. */
export const GLIMPSE_END = 0x47;
/** Its bytes: the type, and 20 characters of the next sequence number. */
export const GLIMPSE_END_BYTES = 21;

/** Type byte of the trading action message. */
export const ITCH_TRADING_ACTION = 0x48;

/** Nanoseconds since midnight (UTC) of nanoseconds since 1970 in two words. */
export function itchTime(timeLo: number, timeHi: number): number {
  // A word times 2^32 is exact, and so is a remainder.
  return (timeHi * TWO_32 % NANOSECONDS_OF_DAY + timeLo) % NANOSECONDS_OF_DAY;
}

/** Writes messages. Set place, locate and time first; they stay. */
export class ItchEncoder {
  readonly #u8: Uint8Array;
  readonly #view: DataView;
  /** Byte of `memory` that the next message starts at. */
  at = 0;
  locate = 0;
  /** Nanoseconds since midnight. */
  timestampNs = 0;

  constructor(memory: Uint8Array) {
    this.#u8 = memory;
    this.#view = new DataView(
      memory.buffer,
      memory.byteOffset,
      memory.byteLength,
    );
  }

  /** S. @param code ASCII: O S Q M E C. */
  systemEvent(code: number): number {
    const locate = this.locate;
    this.locate = 0;
    const bytes = this.#head(ItchType.SYSTEM_EVENT);
    this.locate = locate;
    this.#u8[this.at + 11] = code;
    return bytes;
  }

  /** R, for a stock without any of a listing's marks. @param stock Eight characters. */
  directory(stock: Uint8Array, roundLot: number): number {
    const bytes = this.#head(ItchType.STOCK_DIRECTORY);
    this.#u8.fill(SPACE, this.at + 19, this.at + bytes);
    this.#u8.set(stock, this.at + 11);
    this.#view.setUint32(this.at + 21, roundLot);
    this.#u8[this.at + 25] = NO;
    this.#u8[this.at + 29] = 0x50;
    this.#view.setUint32(this.at + 34, 0);
    this.#u8[this.at + 38] = NO;
    return bytes;
  }

  /** H. @param state ASCII: H P Q T. @param reason Four characters. */
  tradingAction(stock: Uint8Array, state: number, reason: string): number {
    const bytes = this.#head(ITCH_TRADING_ACTION);
    this.#u8.set(stock, this.at + 11);
    this.#u8[this.at + 19] = state;
    this.#u8[this.at + 20] = SPACE;
    for (let i = 0; i < 4; i++) {
      const code = reason.charCodeAt(i);
      this.#u8[this.at + 21 + i] = i < reason.length ? code : SPACE;
    }
    return bytes;
  }

  /** A. @param sideBit 0 = buy, 1 = sell. */
  add(
    reference: number,
    sideBit: number,
    shares: number,
    stock: Uint8Array,
    price: number,
  ): number {
    const bytes = this.#head(ItchType.ADD);
    this.#u64(11, reference);
    this.#u8[this.at + 19] = sideBit === 0 ? BUY : SELL;
    this.#view.setUint32(this.at + 20, shares);
    this.#u8.set(stock, this.at + 24);
    this.#view.setUint32(this.at + 32, price);
    return bytes;
  }

  /** E: at the order's own price. */
  executed(reference: number, shares: number, match: number): number {
    const bytes = this.#head(ItchType.EXECUTED);
    this.#u64(11, reference);
    this.#view.setUint32(this.at + 19, shares);
    this.#u64(23, match);
    return bytes;
  }

  /** C: at another price, or printed by a cross message. */
  executedAtPrice(
    reference: number,
    shares: number,
    match: number,
    printable: boolean,
    price: number,
  ): number {
    const bytes = this.#head(ItchType.EXECUTED_AT_PRICE);
    this.#u64(11, reference);
    this.#view.setUint32(this.at + 19, shares);
    this.#u64(23, match);
    this.#u8[this.at + 31] = printable ? YES : NO;
    this.#view.setUint32(this.at + 32, price);
    return bytes;
  }

  /** X: so many shares fewer; the order keeps its place. */
  cancel(reference: number, shares: number): number {
    const bytes = this.#head(ItchType.CANCEL);
    this.#u64(11, reference);
    this.#view.setUint32(this.at + 19, shares);
    return bytes;
  }

  /** D. */
  delete(reference: number): number {
    const bytes = this.#head(ItchType.DELETE);
    this.#u64(11, reference);
    return bytes;
  }

  /** U: another reference, at the end of the queue. */
  replace(
    reference: number,
    newReference: number,
    shares: number,
    price: number,
  ): number {
    const bytes = this.#head(ItchType.REPLACE);
    this.#u64(11, reference);
    this.#u64(19, newReference);
    this.#view.setUint32(this.at + 27, shares);
    this.#view.setUint32(this.at + 31, price);
    return bytes;
  }

  /** P: against an order that was not displayed; its reference is 0. @param sideBit Of that order. */
  trade(
    sideBit: number,
    shares: number,
    stock: Uint8Array,
    price: number,
    match: number,
  ): number {
    const bytes = this.#head(ItchType.TRADE);
    this.#u64(11, 0);
    this.#u8[this.at + 19] = sideBit === 0 ? BUY : SELL;
    this.#view.setUint32(this.at + 20, shares);
    this.#u8.set(stock, this.at + 24);
    this.#view.setUint32(this.at + 32, price);
    this.#u64(36, match);
    return bytes;
  }

  /** Q. @param crossType ASCII: O C H. */
  crossTrade(
    shares: number,
    stock: Uint8Array,
    price: number,
    match: number,
    crossType: number,
  ): number {
    const bytes = this.#head(ItchType.CROSS_TRADE);
    this.#u64(11, shares);
    this.#u8.set(stock, this.at + 19);
    this.#view.setUint32(this.at + 27, price);
    this.#u64(31, match);
    this.#u8[this.at + 39] = crossType;
    return bytes;
  }

  /** G: a snapshot is complete; the feed goes on with message `next`. */
  snapshotEnd(next: number): number {
    this.#u8[this.at] = GLIMPSE_END;
    const digits = String(next).padStart(GLIMPSE_END_BYTES - 1, " ");
    for (let i = 0; i < digits.length; i++) {
      this.#u8[this.at + 1 + i] = digits.charCodeAt(i);
    }
    return GLIMPSE_END_BYTES;
  }

  #head(type: number): number {
    const { at } = this;
    this.#u8[at] = type;
    this.#view.setUint16(at + 1, this.locate);
    this.#view.setUint16(at + 3, 0);
    this.#view.setUint16(at + 5, Math.floor(this.timestampNs / TWO_32));
    this.#view.setUint32(at + 7, this.timestampNs % TWO_32);
    return ITCH_BYTES[type]!;
  }

  #u64(offset: number, value: number): void {
    this.#view.setUint32(this.at + offset, Math.floor(value / TWO_32));
    this.#view.setUint32(this.at + offset + 4, value % TWO_32);
  }
}
