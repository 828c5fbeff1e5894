// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The layout of an event: what the exchange answers to one session.
 *
 * An event lies in a 192-byte slot of a ring, little-endian. The first 128
 * bytes are always written; the 64 bytes of texts only if `EVT_FLAG_TEXT` is
 * set, otherwise they hold what was there before and must not be read.
 *
 * Every event belongs to exactly one session (definitions to session 0, the
 * appliance itself) and carries that session's next outbound sequence number,
 * given by the exchange. So a replay of the journal yields the same numbers.
 *
 * @module
 */

/** Bytes of an event's slot in a ring. */
export const EVENT_SLOT_BYTES = 192;
/** Bytes of an event without its texts. */
export const EVENT_BASE_BYTES = 128;

export const EVT_INDEX_U32 = 0;
export const EVT_LENGTH_U16 = 2;
export const EVT_KIND_U8 = 6;
export const EVT_FLAGS_U8 = 7;
export const EVT_SEQUENCE_F64 = 1;
export const EVT_TIME_LO_U32 = 4;
export const EVT_TIME_HI_U32 = 5;
export const EVT_SESSION_U32 = 6;
export const EVT_OUT_SEQUENCE_U32 = 7;
export const EVT_INSTRUMENT_U16 = 16;
export const EVT_SIDE_U8 = 34;
export const EVT_ORD_TYPE_U8 = 35;
export const EVT_TIME_IN_FORCE_U8 = 36;
export const EVT_DETAIL_U8 = 37;
export const EVT_REASON_U16 = 19;
export const EVT_PRICE_I32 = 10;
export const EVT_LAST_PRICE_I32 = 11;
export const EVT_QUANTITY_F64 = 6;
export const EVT_ORDER_ID_F64 = 7;
export const EVT_REFERENCE_F64 = 8;
export const EVT_LEAVES_F64 = 9;
export const EVT_CUM_F64 = 10;
export const EVT_LAST_QUANTITY_F64 = 11;
export const EVT_NOTIONAL_F64 = 12;
export const EVT_IN_SEQUENCE_U32 = 26;
export const EVT_ORD_STATUS_U8 = 108;
export const EVT_AGGRESSOR_U8 = 109;
export const EVT_MATCH_F64 = 14;
export const EVT_STOP_PRICE_I32 = 30;
export const EVT_ACCOUNT_U32 = 31;
export const EVT_CL_ORD_ID_U8 = 128;
export const EVT_ORIG_CL_ORD_ID_U8 = 148;
export const EVT_TEXT_U8 = 128;

/** Field name, byte offset, bytes: the whole event, in order. */
export const EVENT_FIELDS = [
  ["index", 0, 4], // 0 and up among the events of one command
  ["length", 4, 2], // 128 or 192
  ["kind", 6, 1], // EventKind
  ["flags", 7, 1], // EVT_FLAG_*
  ["sequence", 8, 8], // float64, of the command that caused it
  ["timeLo", 16, 4], // of that command
  ["timeHi", 20, 4],
  ["session", 24, 4], // to whom
  ["outSequence", 28, 4], // the session's outbound number, 1 and up
  ["instrument", 32, 2],
  ["side", 34, 1],
  ["ordType", 35, 1],
  ["timeInForce", 36, 1],
  ["detail", 37, 1], // SESSION_MESSAGE: message type; REJECTED and CANCEL_REJECTED: what was refused, as in REFUSED
  ["reason", 38, 2], // Reason
  ["price", 40, 4], // int32 ticks, the order's limit
  ["lastPrice", 44, 4], // int32 ticks, of the fill
  ["quantity", 48, 8], // float64 lots, the order's quantity
  ["orderId", 56, 8], // float64; 0 = none
  ["reference", 64, 8], // float64, the session's own number of the order
  ["leaves", 72, 8], // float64 lots
  ["cum", 80, 8], // float64 lots
  ["lastQuantity", 88, 8], // float64 lots
  ["notional", 96, 8], // float64, sum of price ticks x lots over the order's fills
  ["inSequence", 104, 4], // the session's message that caused it; 0 = another's
  ["ordStatus", 108, 1], // OrdStatus, ASCII as in FIX tag 39
  ["aggressor", 109, 1], // fills: 1 = this order took, 0 = it rested
  ["reserved", 110, 2],
  ["match", 112, 8], // float64, number of the match, 1 and up, the same for both sides
  ["stopPrice", 120, 4], // int32 ticks, of a stop order; 0 = none
  ["account", 124, 4], // as the order's terms said; 0 = the session's
  ["clOrdId", 128, 20],
  ["origClOrdId", 148, 20],
  ["reserved3", 168, 24],
] as const;

/** The texts are there. */
export const EVT_FLAG_TEXT = 1;

/** What happened. Values are part of stored sessions: never reuse one. */
export const EventKind = {
  ACCEPTED: 1,
  REJECTED: 2,
  FILLED: 3,
  CANCELED: 4,
  REPLACED: 5,
  /** A cancel or replace (or status) was refused; detail says which (2, 3, 4). */
  CANCEL_REJECTED: 6,
  STATUS: 7,
  /** Two orders that must not trade met: lastQuantity, lastPrice, match = number of the prevented match, detail = the taker's StpMode. */
  PREVENTED: 8,
  /** A stop order came to life. */
  TRIGGERED: 9,
  /** To every gateway, session 0: instrument, quantity = tick size x 1e8, reference = lot size x 1e8, text = symbol. */
  INSTRUMENT_DEFINED: 10,
  /** To every gateway, session 0: orderId = index of the session, detail = Protocol, text = name. */
  SESSION_DEFINED: 11,
  /** Answer to a MASS_CANCEL: quantity = orders that it cancels, detail = as asked, reason; reference, price, instrument, side, [clOrdId] as asked. */
  MASS_CANCELED: 12,
  /** The appliance changed the order: price (MARKET_TO_LIMIT). */
  RESTATED: 13,
  /** Answer to a KILL: quantity = orders that it cancels; detail, reason as in MASS_CANCELED. */
  KILLED: 14,
  /** Answer to a KILL with UNLOCK. */
  UNLOCKED: 15,
  /** To every gateway, session 0: orderId = index of the account, text = name. */
  ACCOUNT_DEFINED: 16,
  /** Echo of a SESSION_LOGON, takes no outbound number (outSequence = last used). */
  LOGGED_ON: 20,
  /** Echo of a SESSION_MESSAGE command: the gateway sends it now. */
  SESSION_MESSAGE: 22,
  /** To session 0: instrument, detail = TradingState, quantity = nanoseconds that it lasts, reference = TradingState that follows. */
  STATE_CHANGED: 30,
  /** To session 0: instrument, price, quantity = volume, leaves = imbalance (bought - sold); all 0 = there is none. */
  INDICATIVE: 31,
  /** To session 0: an auction ended: instrument, price, quantity = volume; 0 = nothing traded. */
  UNCROSSED: 32,
  /** To session 0: a soft limit was passed: reason, orderId = account, reference = session, quantity = value, leaves = the limit, instrument. */
  WARNING: 33,
} as const;
export type EventKind = typeof EventKind[keyof typeof EventKind];
