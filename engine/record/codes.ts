// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Codes that stand in commands and events, with the values of FIX 4.4 where
 * it has them. All are integers; none is ever an exception.
 *
 * @module
 */

/** FIX tag 54. */
export const Side = { BUY: 1, SELL: 2 } as const;
/** FIX tag 40. */
export const OrdType = { MARKET: 1, LIMIT: 2 } as const;
/** FIX tag 59. */
export const TimeInForce = { DAY: 0, GTC: 1, IOC: 3, FOK: 4 } as const;
/** FIX tag 39, as ASCII. */
export const OrdStatus = {
  NEW: 0x30,
  PARTIALLY_FILLED: 0x31,
  FILLED: 0x32,
  CANCELED: 0x34,
  REJECTED: 0x38,
} as const;
/** The protocol that a session speaks. */
export const Protocol = { FIX: 1, BINARY: 2 } as const;

/**
 * Why something was refused or ended. Ranges: 1 to 99 the gateway's checks,
 * 100 to 199 risk, 200 to 299 matching, 300 to 399 capacity and state.
 * Values are part of the journal: never reuse one.
 */
export const Reason = {
  NONE: 0,
  UNKNOWN_INSTRUMENT: 1,
  INVALID_SIDE: 2,
  INVALID_ORD_TYPE: 3,
  INVALID_TIME_IN_FORCE: 4,
  INVALID_PRICE: 5,
  PRICE_OFF_TICK: 6,
  INVALID_QUANTITY: 7,
  QUANTITY_OFF_LOT: 8,
  QUANTITY_TOO_LARGE: 9,
  DUPLICATE_ORDER: 10,
  UNKNOWN_ORDER: 11,
  UNSUPPORTED: 12,
  BAD_CHECKSUM: 13,
  NOT_LOGGED_ON: 14,
  UNKNOWN_MESSAGE: 15,
  SEQUENCE_GAP: 16,
  WRONG_CREDENTIALS: 17,
  INSTRUMENT_MISMATCH: 18,
  SIDE_MISMATCH: 19,
  MALFORMED: 20,
  REPLACED_BY_LOGON: 21,
  SILENT: 22,
  TOO_SLOW: 23,
  NOT_STORED: 24,
  SEQUENCE_EXHAUSTED: 25,
  TOO_LATE: 26,
  ALREADY_LOGGED_ON: 27,
  MAX_QUANTITY: 100,
  MAX_NOTIONAL: 101,
  PRICE_OUT_OF_RANGE: 102,
  NO_LIQUIDITY: 200,
  IOC_REMAINDER: 201,
  FOK_NOT_FILLABLE: 202,
  CANCELED_BY_CLIENT: 203,
  QUANTITY_BELOW_FILLED: 204,
  ORDER_CAPACITY: 300,
  LEVEL_CAPACITY: 301,
  SHUTTING_DOWN: 302,
  OVERLOADED: 303,
} as const;
export type Reason = typeof Reason[keyof typeof Reason];

/** One line for a person, by reason code. */
export const REASON_TEXT: Readonly<Record<number, string>> = {
  [Reason.NONE]: "",
  [Reason.UNKNOWN_INSTRUMENT]: "Unknown instrument",
  [Reason.INVALID_SIDE]: "Side must be buy or sell",
  [Reason.INVALID_ORD_TYPE]: "Order type must be market or limit",
  [Reason.INVALID_TIME_IN_FORCE]: "Time in force must be day, GTC, IOC or FOK",
  [Reason.INVALID_PRICE]: "Price must be above zero",
  [Reason.PRICE_OFF_TICK]: "Price is not a multiple of the tick size",
  [Reason.INVALID_QUANTITY]: "Quantity must be above zero",
  [Reason.QUANTITY_OFF_LOT]: "Quantity is not a multiple of the lot size",
  [Reason.QUANTITY_TOO_LARGE]: "Quantity is too large",
  [Reason.DUPLICATE_ORDER]: "Duplicate order identifier",
  [Reason.UNKNOWN_ORDER]: "Unknown order",
  [Reason.UNSUPPORTED]: "Not supported",
  [Reason.BAD_CHECKSUM]: "Checksum is wrong",
  [Reason.NOT_LOGGED_ON]: "Not logged on",
  [Reason.UNKNOWN_MESSAGE]: "Unknown message type",
  [Reason.SEQUENCE_GAP]: "Sequence number is too high",
  [Reason.WRONG_CREDENTIALS]: "Session or key is wrong",
  [Reason.INSTRUMENT_MISMATCH]: "Instrument is not that of the order",
  [Reason.SIDE_MISMATCH]: "Side is not that of the order",
  [Reason.MALFORMED]: "Malformed message",
  [Reason.REPLACED_BY_LOGON]: "Another logon of the session took over",
  [Reason.SILENT]: "Nothing was heard for too long",
  [Reason.TOO_SLOW]: "Messages are not taken fast enough",
  [Reason.NOT_STORED]: "Messages that old are not stored any more",
  [Reason.SEQUENCE_EXHAUSTED]: "No sequence numbers are left",
  [Reason.TOO_LATE]: "The order has ended already",
  [Reason.ALREADY_LOGGED_ON]: "The session is logged on already",
  [Reason.MAX_QUANTITY]: "Quantity is above the limit for one order",
  [Reason.MAX_NOTIONAL]: "Notional value is above the limit for one order",
  [Reason.PRICE_OUT_OF_RANGE]: "Price is outside the instrument's range",
  [Reason.NO_LIQUIDITY]: "No orders on the other side",
  [Reason.IOC_REMAINDER]: "Immediate-or-cancel remainder",
  [Reason.FOK_NOT_FILLABLE]: "Fill-or-kill can not be filled at once",
  [Reason.CANCELED_BY_CLIENT]: "Canceled by the client",
  [Reason.QUANTITY_BELOW_FILLED]:
    "Quantity is not above what is filled already",
  [Reason.ORDER_CAPACITY]: "The engine holds as many orders as it can",
  [Reason.LEVEL_CAPACITY]: "The book holds as many price levels as it can",
  [Reason.SHUTTING_DOWN]: "The appliance is stopping",
  [Reason.OVERLOADED]: "The appliance is overloaded",
};
