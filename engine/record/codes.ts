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
export const OrdType = {
  MARKET: 1,
  LIMIT: 2,
  STOP: 3,
  STOP_LIMIT: 4,
  /** FIX: K. */
  MARKET_TO_LIMIT: 5,
  /** FIX: P with ExecInst a. */
  TRAILING_STOP: 6,
  /** FIX: P with ExecInst R. */
  PEG_PRIMARY: 7,
  /** FIX: P with ExecInst P. */
  PEG_MARKET: 8,
  /** FIX: P with ExecInst M. */
  PEG_MIDPOINT: 9,
} as const;
/** FIX tag 59. */
export const TimeInForce = {
  DAY: 0,
  GTC: 1,
  AT_OPEN: 2,
  IOC: 3,
  FOK: 4,
  GTD: 6,
  AT_CLOSE: 7,
  /** FIX (later versions): B. */
  GOOD_FOR_AUCTION: 11,
} as const;
/** FIX tag 39, as ASCII. */
export const OrdStatus = {
  NEW: 0x30,
  PARTIALLY_FILLED: 0x31,
  FILLED: 0x32,
  CANCELED: 0x34,
  REJECTED: 0x38,
  EXPIRED: 0x43,
} as const;
/** Bits of the terms of an order or a replace. */
export const TermFlag = {
  /** Rejected rather than take liquidity. */
  POST_ONLY: 1,
  /** Priced away rather than take liquidity. */
  POST_SLIDE: 2,
  HIDDEN: 4,
  ALL_OR_NONE: 8,
  /** The offset of a trailing stop is in basis points. */
  BASIS_POINTS: 16,
  /** Replace: the quantity is what shall be open, not the total. */
  OPEN_QUANTITY: 32,
  /** Replace: the stop price is given. */
  REPLACE_STOP: 64,
  /** The order's own self-trade prevention: `StpMode` << 8, or 7 << 8 = none. */
  STP_SHIFT: 8,
  STP_MASK: 0x700,
} as const;
/** Self-trade prevention: what ends when two orders must not trade. */
export const StpMode = {
  NONE: 0,
  CANCEL_NEWEST: 1,
  CANCEL_OLDEST: 2,
  CANCEL_BOTH: 3,
  DECREMENT: 4,
  DECREMENT_AND_CANCEL: 5,
} as const;
/** Self-trade prevention: between whose orders. */
export const StpScope = { SESSION: 0, ACCOUNT: 1, GROUP: 2 } as const;
/** Whose orders a mass cancel or a kill switch means. */
export const MassScope = {
  SESSION: 0,
  ACCOUNT: 1,
  /** All; the appliance only. */
  ALL: 2,
  /** Added: a range of prices is given. */
  PRICE_RANGE: 0x40,
  /** Added: take the block away. */
  UNLOCK: 0x80,
} as const;
/** What may be limited for an account. */
export const AccountLimit = {
  /** Lots of one order. */
  QUANTITY: 0,
  /** Ticks x lots of one order. */
  NOTIONAL: 1,
  /** Live orders. */
  OPEN_ORDERS: 2,
  /** Lots, long or short, in each instrument. */
  POSITION: 3,
} as const;
/** What a SET_INSTRUMENT sets. */
export const InstrumentSetting = {
  /** price; 0 = none. */
  REFERENCE_PRICE: 0,
  /** quantity = ticks from the reference price that a limit may be; 0 = any. */
  PRICE_COLLAR: 1,
  /** quantity = ticks from the best price that a market order may go; 0 = any. */
  MARKET_COLLAR: 2,
  /** price = lowest, quantity = highest price; both 0 = none. */
  PRICE_BAND: 3,
  /** quantity = ticks from the reference price that trades may be (0 = any), reference = nanoseconds of the auction that follows (0 = until told). */
  VOLATILITY: 4,
  /** quantity = lots that a quantity is a multiple of. */
  LOT_STEP: 5,
  /** quantity = number of the group, 0 = none. */
  GROUP: 6,
} as const;
/** What may be done with an instrument now. */
export const TradingState = {
  OPEN: 0,
  PRE_OPEN: 1,
  OPENING_AUCTION: 2,
  HALT: 3,
  PAUSE: 4,
  VOLATILITY_AUCTION: 5,
  REOPENING_AUCTION: 6,
  CLOSING_AUCTION: 7,
  CANCEL_ONLY: 8,
  CLOSED: 9,
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
  INVALID_STOP_PRICE: 28,
  INVALID_DISPLAY_QUANTITY: 29,
  INVALID_MIN_QUANTITY: 30,
  INVALID_EXPIRE_TIME: 31,
  INVALID_OFFSET: 32,
  INVALID_COMBINATION: 33,
  UNKNOWN_ACCOUNT: 34,
  UNKNOWN_LINK: 35,
  UNKNOWN_SESSION: 36,
  NOT_AUTHORIZED: 37,
  MAX_QUANTITY: 100,
  MAX_NOTIONAL: 101,
  PRICE_OUT_OF_RANGE: 102,
  MAX_OPEN_ORDERS: 103,
  MAX_POSITION: 104,
  PRICE_COLLAR: 105,
  MESSAGE_RATE: 106,
  RESTRICTED: 107,
  BLOCKED: 108,
  PRICE_BAND: 109,
  ACCOUNT_MAX_QUANTITY: 110,
  ACCOUNT_MAX_NOTIONAL: 111,
  NO_LIQUIDITY: 200,
  IOC_REMAINDER: 201,
  FOK_NOT_FILLABLE: 202,
  CANCELED_BY_CLIENT: 203,
  QUANTITY_BELOW_FILLED: 204,
  POST_ONLY_WOULD_TRADE: 205,
  MIN_QUANTITY_NOT_MET: 206,
  SELF_TRADE: 207,
  MARKET_COLLAR: 208,
  EXPIRED: 209,
  LINKED: 210,
  MASS_CANCEL: 211,
  KILL_SWITCH: 212,
  AUCTION_ENDED: 213,
  VOLATILITY: 214,
  REDUCED_TO_ZERO: 215,
  ORDER_CAPACITY: 300,
  LEVEL_CAPACITY: 301,
  SHUTTING_DOWN: 302,
  OVERLOADED: 303,
  STATE_FORBIDS: 304,
  SPECIAL_CAPACITY: 305,
  JOURNAL_FULL: 306,
  JOURNAL_SLOW: 307,
} as const;
export type Reason = typeof Reason[keyof typeof Reason];

/** One line for a person, by reason code. */
export const REASON_TEXT: Readonly<Record<number, string>> = {
  [Reason.NONE]: "",
  [Reason.UNKNOWN_INSTRUMENT]: "Unknown instrument",
  [Reason.INVALID_SIDE]: "Side must be buy or sell",
  [Reason.INVALID_ORD_TYPE]: "Order type is not known",
  [Reason.INVALID_TIME_IN_FORCE]:
    "Time in force is not known, or not for this order type",
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
  [Reason.INVALID_STOP_PRICE]: "Stop price is missing, or not for this order",
  [Reason.INVALID_DISPLAY_QUANTITY]:
    "Display quantity must be whole lots, at most the quantity, and its range below it",
  [Reason.INVALID_MIN_QUANTITY]:
    "Minimum quantity must be whole lots, at most the quantity",
  [Reason.INVALID_EXPIRE_TIME]:
    "Expire time must be in the future, and only for good till date",
  [Reason.INVALID_OFFSET]: "Offset is missing, or not for this order",
  [Reason.INVALID_COMBINATION]: "These terms do not go together",
  [Reason.UNKNOWN_ACCOUNT]: "Unknown account",
  [Reason.UNKNOWN_LINK]: "The order to link with is not there, or not free",
  [Reason.UNKNOWN_SESSION]: "Unknown session",
  [Reason.NOT_AUTHORIZED]: "Not authorized",
  [Reason.MAX_QUANTITY]: "Quantity is above the limit for one order",
  [Reason.MAX_NOTIONAL]: "Notional value is above the limit for one order",
  [Reason.PRICE_OUT_OF_RANGE]: "Price is outside the instrument's range",
  [Reason.MAX_OPEN_ORDERS]: "The account has as many open orders as it may",
  [Reason.MAX_POSITION]: "The account's position could pass its limit",
  [Reason.PRICE_COLLAR]: "Price is too far from the reference price",
  [Reason.MESSAGE_RATE]: "Too many messages in the interval",
  [Reason.RESTRICTED]: "The account may not trade this instrument",
  [Reason.BLOCKED]: "The kill switch blocks this session or account",
  [Reason.PRICE_BAND]: "Price is outside the price band",
  [Reason.ACCOUNT_MAX_QUANTITY]:
    "Quantity is above the account's limit for one order",
  [Reason.ACCOUNT_MAX_NOTIONAL]:
    "Notional value is above the account's limit for one order",
  [Reason.NO_LIQUIDITY]: "No orders on the other side",
  [Reason.IOC_REMAINDER]: "Immediate-or-cancel remainder",
  [Reason.FOK_NOT_FILLABLE]: "Fill-or-kill can not be filled at once",
  [Reason.CANCELED_BY_CLIENT]: "Canceled by the client",
  [Reason.QUANTITY_BELOW_FILLED]:
    "Quantity is not above what is filled already",
  [Reason.POST_ONLY_WOULD_TRADE]: "Post-only order would trade",
  [Reason.MIN_QUANTITY_NOT_MET]: "Minimum quantity can not be traded at once",
  [Reason.SELF_TRADE]: "Self-trade prevention",
  [Reason.MARKET_COLLAR]: "No orders within the market order's price limits",
  [Reason.EXPIRED]: "Expired",
  [Reason.LINKED]: "The linked order traded",
  [Reason.MASS_CANCEL]: "Mass cancel",
  [Reason.KILL_SWITCH]: "Kill switch",
  [Reason.AUCTION_ENDED]: "The auction is over",
  [Reason.VOLATILITY]: "Trading was interrupted: price outside its range",
  [Reason.REDUCED_TO_ZERO]: "Reduced to nothing",
  [Reason.ORDER_CAPACITY]: "The engine holds as many orders as it can",
  [Reason.LEVEL_CAPACITY]: "The book holds as many price levels as it can",
  [Reason.SHUTTING_DOWN]: "The appliance is stopping",
  [Reason.OVERLOADED]: "The appliance is overloaded",
  [Reason.STATE_FORBIDS]: "Not allowed in the instrument's trading state",
  [Reason.SPECIAL_CAPACITY]:
    "The engine holds as many orders with terms as it can",
  [Reason.JOURNAL_FULL]: "The journal's disk has no room for now",
  [Reason.JOURNAL_SLOW]: "The journal's disk is too slow for now",
};
