// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The messages of Nasdaq TotalView-ITCH 5.0: type, name, length.
 *
 * A table and two arrays made from it, read-only for whoever reads them; a
 * pure part of the wire room. It refuses nothing: `decoder.ts` does.
 *
 * @module
 */

/** Type byte, name, bytes including the type byte, decoded beyond the header. */
export const ITCH_MESSAGES = [
  ["S", "system event", 12, true],
  ["R", "stock directory", 39, true],
  ["H", "trading action", 25, false],
  ["Y", "short sale restriction", 20, false],
  ["L", "market participant position", 26, false],
  ["V", "market-wide breaker levels", 35, false],
  ["W", "market-wide breaker status", 12, false],
  ["K", "IPO quoting period", 28, false],
  ["J", "auction collar", 35, false],
  ["h", "operational halt", 21, false],
  ["A", "add order", 36, true],
  ["F", "add order, attributed", 40, true],
  ["E", "order executed", 31, true],
  ["C", "order executed at price", 36, true],
  ["X", "order cancel", 23, true],
  ["D", "order delete", 19, true],
  ["U", "order replace", 35, true],
  ["P", "trade", 44, true],
  ["Q", "cross trade", 40, true],
  ["B", "broken trade", 19, true],
  ["I", "order imbalance", 50, false],
  ["N", "retail interest", 20, false],
  ["O", "direct listing price discovery", 48, false],
] as const;

/** Type bytes of the messages that are decoded. */
export const ItchType = {
  SYSTEM_EVENT: 0x53,
  STOCK_DIRECTORY: 0x52,
  ADD: 0x41,
  ADD_ATTRIBUTED: 0x46,
  EXECUTED: 0x45,
  EXECUTED_AT_PRICE: 0x43,
  CANCEL: 0x58,
  DELETE: 0x44,
  REPLACE: 0x55,
  TRADE: 0x50,
  CROSS_TRADE: 0x51,
  BROKEN_TRADE: 0x42,
} as const;

/** Bytes by type byte; 0 = no such message. */
export const ITCH_BYTES: Uint8Array = new Uint8Array(256);
for (const [type, , bytes] of ITCH_MESSAGES) {
  ITCH_BYTES[type.charCodeAt(0)] = bytes;
}

/** Bytes of the header that every message starts with. */
export const ITCH_HEADER_BYTES = 11;
/** Units of a price in one dollar: prices carry four decimal places. */
export const ITCH_PRICE_UNITS = 10_000;

/** Name of a message type for a person. */
export function itchName(type: number): string {
  const letter = String.fromCharCode(type);
  return ITCH_MESSAGES.find(([own]) => own === letter)?.[1] ?? "unknown";
}
