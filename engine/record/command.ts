// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The layout of a command: what a gateway asks of the exchange.
 *
 * A command lies in a 192-byte slot of a ring, little-endian. The first 64
 * bytes (the base) hold all that a plain order needs; the second 64 (the
 * extension) hold texts; the third 64 (the terms) what makes an order special.
 * `length` says how far it goes: 64, 128 or 192. The journal and replicas
 * store only that many bytes.
 *
 * Names end in the view that the index is for: `_U8` is a byte offset, `_U16`,
 * `_U32`, `_I32` and `_F64` are element offsets from the start of the slot.
 * `COMMAND_FIELDS` is the table that the tests check the constants against.
 *
 * @module
 */

/** Bytes of a command's slot in a ring. */
export const COMMAND_SLOT_BYTES = 192;
/** Bytes of a command without its extension. */
export const COMMAND_BASE_BYTES = 64;
/** Bytes of a command with its extension and without terms. */
export const COMMAND_TEXT_BYTES = 128;

// What each kind uses is documented in `CommandKind`.
export const CMD_CRC32C_U32 = 0;
export const CMD_LENGTH_U16 = 2;
export const CMD_KIND_U8 = 6;
export const CMD_FLAGS_U8 = 7;
export const CMD_SEQUENCE_F64 = 1;
export const CMD_TIME_LO_U32 = 4;
export const CMD_TIME_HI_U32 = 5;
export const CMD_SESSION_U32 = 6;
export const CMD_IN_SEQUENCE_U32 = 7;
export const CMD_INSTRUMENT_U16 = 16;
export const CMD_SIDE_U8 = 34;
export const CMD_ORD_TYPE_U8 = 35;
export const CMD_TIME_IN_FORCE_U8 = 36;
export const CMD_DETAIL_U8 = 37;
export const CMD_GROUP_INDEX_U16 = 19;
export const CMD_PRICE_I32 = 10;
export const CMD_REASON_U32 = 11;
export const CMD_QUANTITY_F64 = 6;
export const CMD_REFERENCE_F64 = 7;
/** Extension: client order id, ASCII, zero-padded. */
export const CMD_CL_ORD_ID_U8 = 64;
/** Extension: the client order id that a cancel or replace names. */
export const CMD_ORIG_CL_ORD_ID_U8 = 84;
/** Extension: the reference that a replaced order goes by afterwards; 0 keeps. */
export const CMD_NEW_REFERENCE_F64 = 13;
/** Extension: when the first byte was seen, nanoseconds; 0 = not measured. */
export const CMD_RECEIVE_TIME_LO_U32 = 28;
export const CMD_RECEIVE_TIME_HI_U32 = 29;
/** Extension of a session or definition command: its text, zero-padded. */
export const CMD_TEXT_U8 = 64;
/** Terms: bits of `TermFlag`. */
export const CMD_TERM_FLAGS_U32 = 32;
/** Terms: int32 ticks; 0 = none. */
export const CMD_STOP_PRICE_I32 = 33;
/** Terms: lots shown at a time; 0 = all. */
export const CMD_DISPLAY_QUANTITY_F64 = 17;
/** Terms: slices vary by up to this many lots; 0 = they do not. */
export const CMD_DISPLAY_RANGE_F64 = 18;
/** Terms: lots that must trade at a time; 0 = any. */
export const CMD_MIN_QUANTITY_F64 = 19;
/** Terms: when a GTD order ends, nanoseconds since 1970. */
export const CMD_EXPIRE_TIME_LO_U32 = 40;
export const CMD_EXPIRE_TIME_HI_U32 = 41;
/** Terms: reference of the order that this one is linked to; 0 = none. */
export const CMD_LINK_REFERENCE_F64 = 21;
/** Terms: ticks, or basis points, of a trailing stop or a peg. */
export const CMD_OFFSET_I32 = 44;
/** Terms: index of the account; 0 = the session's. */
export const CMD_ACCOUNT_U32 = 45;

/** Bytes of a client order id in a record. */
export const CL_ORD_ID_BYTES = 20;
/** Bytes of the text of a session or definition command, or of its event. */
export const TEXT_BYTES = 60;

/** Field name, byte offset, bytes: the whole command, in order. */
export const COMMAND_FIELDS = [
  ["crc32c", 0, 4], // over bytes 4 to length
  ["length", 4, 2], // 64, 128 or 192
  ["kind", 6, 1], // CommandKind
  ["flags", 7, 1], // CMD_FLAG_*
  ["sequence", 8, 8], // float64, 1 and up, given by the sequencer
  ["timeLo", 16, 4], // nanoseconds since 1970, low word, given by the sequencer
  ["timeHi", 20, 4],
  ["session", 24, 4], // index of the session; 0 is the appliance itself
  ["inSequence", 28, 4], // the session's own number of this message
  ["instrument", 32, 2], // index of the instrument
  ["side", 34, 1], // Side
  ["ordType", 35, 1], // OrdType
  ["timeInForce", 36, 1], // TimeInForce
  ["detail", 37, 1], // depends on the kind
  ["groupIndex", 38, 2], // place in its group, given by the journal
  ["price", 40, 4], // int32 ticks
  ["reason", 44, 4], // Reason, for commands that a gateway refused itself, or the sequencer
  ["quantity", 48, 8], // float64 lots
  ["reference", 56, 8], // float64, the session's own number of the order
  ["clOrdId", 64, 20],
  ["origClOrdId", 84, 20],
  ["newReference", 104, 8],
  ["receiveTimeLo", 112, 4],
  ["receiveTimeHi", 116, 4],
  ["reserved", 120, 8],
  ["termFlags", 128, 4], // TermFlag
  ["stopPrice", 132, 4], // int32 ticks
  ["displayQuantity", 136, 8], // float64 lots
  ["displayRange", 144, 8], // float64 lots
  ["minQuantity", 152, 8], // float64 lots
  ["expireTimeLo", 160, 4],
  ["expireTimeHi", 164, 4],
  ["linkReference", 168, 8],
  ["offset", 176, 4], // int32 ticks or basis points
  ["account", 180, 4],
  ["reserved2", 184, 8],
] as const;

/** The order's client uses texts: `clOrdId` is kept and comes back in events. */
export const CMD_FLAG_TEXT = 1;
/** An operator set this while the appliance ran; without it, the configuration did. */
export const CMD_FLAG_OPERATOR = 2;
/** The sequencer's own, for a new order or replace: what adds liability is refused with the command's `reason`. */
export const CMD_FLAG_REFUSE = 4;

/** What a command asks for. Values are part of the journal: never reuse one. */
export const CommandKind = {
  /** instrument, side, ordType, timeInForce, price, quantity, reference, [clOrdId], [terms]. */
  NEW_ORDER: 1,
  /** reference of the order, [clOrdId of the request, origClOrdId]. */
  CANCEL_ORDER: 2,
  /** reference, new price, new quantity (total), [newReference, clOrdId, origClOrdId], [terms: stopPrice, and flags OPEN_QUANTITY, REPLACE_STOP]. */
  REPLACE_ORDER: 3,
  /** reference, [clOrdId]; `detail` is 1 if a client asked for it with 790. */
  ORDER_STATUS: 4,
  /** A gateway refused a new order (detail 1), cancel (2), replace or reduce (3), status (4), mass cancel (7), kill (8): reason and all fields. */
  REFUSED: 5,
  /** reference, quantity = lots to take off what is open, [clOrdId of the request, origClOrdId]. */
  REDUCE_ORDER: 6,
  /**
   * detail = `MassScope` | PRICE_RANGE; reason = index of the session or account, instrument (0xffff = any), side (0 = any),
   * price = lowest, quantity = highest price of a range, reference = the client's number of the request, [clOrdId].
   */
  MASS_CANCEL: 7,
  /** detail = `MassScope` (SESSION or ACCOUNT) | UNLOCK; reason = its index; reference, [clOrdId]. */
  KILL: 8,
  /** instrument = index, quantity = tick size x 1e8, reference = lot size x 1e8, text = symbol, newReference unused. */
  DEFINE_INSTRUMENT: 10,
  /** session = index, detail = Protocol, text = name (SenderCompID or number). */
  DEFINE_SESSION: 11,
  /** instrument = index, quantity = lots of one order at most, reference = ticks x lots of one order at most; 0 = the engine's default. */
  DEFINE_LIMITS: 12,
  /** quantity = orders that may live at a time, reference = of them with terms; 0 = all. A replay refuses what was refused, however large its memory is. */
  DEFINE_CAPACITY: 13,
  /** reason = index of the account (1 and up), price = its group (0 = any session may use it), text = name. */
  DEFINE_ACCOUNT: 14,
  /** session = index, reason = its account, detail = StpMode | StpScope << 4, price = its group, quantity = messages in an interval (0 = any), reference = the interval in nanoseconds. */
  SET_SESSION: 15,
  /** reason = index of the account, detail = AccountLimit, quantity = hard, reference = soft; 0 = none. */
  SET_ACCOUNT_LIMIT: 16,
  /** reason = index of the account, instrument (0xffff = all), detail = 1 restricted, 0 not. */
  SET_RESTRICTION: 17,
  /** instrument, detail = number of the band (0 to 7), price = from which price on (band 0: ignored), reason = step in ticks; 0 = this band and those after it are not there. */
  SET_TICKS: 18,
  /** instrument, detail = InstrumentSetting, price, quantity, reference as it says. */
  SET_INSTRUMENT: 19,
  /** A client logged on: inSequence; detail 1 = both sequence numbers restart at 1. The answer is its own SESSION_MESSAGE. */
  SESSION_LOGON: 20,
  /** A client is gone: inSequence is the highest taken. No event. */
  SESSION_LOGOUT: 21,
  /** An administrative message goes out: detail = message type (ASCII), inSequence = what it refers to, text, price and reason as the gateway likes. */
  SESSION_MESSAGE: 22,
  /** instrument, or 0xffff and reason = group (0 = all); detail = TradingState, quantity = nanoseconds that it lasts (0 = until told), reference = TradingState that follows. */
  SET_STATE: 30,
  /** Time goes on: timers. */
  TIME: 31,
  /**
   * The appliance's own: what the events of all commands before this one come to, for whoever does them again.
   * price = low, reason = high word of the events' digest, quantity = events in it; detail 1: text = the state's hash before this one. No event.
   */
  CHECKPOINT: 32,
} as const;
export type CommandKind = typeof CommandKind[keyof typeof CommandKind];
