// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A numbered 34-byte message to a command slot. Runs on the gateway's thread
 * for every order; allocates nothing. What does not pass becomes a REFUSED
 * command with its reason, so that it has its place in the order of things
 * like any other message. The checksum is verified before.
 *
 * @module
 */
import type { SpscRing } from "../../ring/mod.ts";
import { TOO_LARGE, toUnits } from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  COMMAND_SLOT_BYTES = 192,
  CMD_CRC32C_U32 = 0,
  CMD_LENGTH_U16 = 2,
  COMMAND_BASE_BYTES = 64,
  CMD_KIND_U8 = 6,
  CMD_FLAGS_U8 = 7,
  CMD_SEQUENCE_F64 = 1,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  CMD_SESSION_U32 = 6,
  CMD_IN_SEQUENCE_U32 = 7,
  CMD_INSTRUMENT_U16 = 16,
  CMD_SIDE_U8 = 34,
  CMD_ORD_TYPE_U8 = 35,
  CMD_TIME_IN_FORCE_U8 = 36,
  CMD_DETAIL_U8 = 37,
  CMD_GROUP_INDEX_U16 = 19,
  CMD_PRICE_I32 = 10,
  CMD_REASON_U32 = 11,
  Reason_NONE = 0,
  CMD_QUANTITY_F64 = 6,
  CMD_REFERENCE_F64 = 7,
  CLIENT_TYPE = 0,
  CommandKind_NEW_ORDER = 1,
  ClientType_CANCEL = 88,
  CommandKind_CANCEL_ORDER = 2,
  ClientType_REPLACE = 85,
  CommandKind_REPLACE_ORDER = 3,
  ClientType_STATUS = 83,
  CommandKind_ORDER_STATUS = 4,
  ClientType_NEW_ORDER = 79,
  Reason_UNKNOWN_MESSAGE = 15,
  CLIENT_SYMBOL = 1,
  INSTRUMENT_UNKNOWN = 0xffff,
  Reason_UNKNOWN_INSTRUMENT = 1,
  CommandKind_REFUSED = 5,
  CLIENT_SIDE = 5,
  SIDE_MASK = 3,
  SIDE_RESERVED_MASK = 12,
  Reason_INVALID_SIDE = 2,
  SIDE_TIME_IN_FORCE_SHIFT = 4,
  SIDE_TIME_IN_FORCE_MASK = 7,
  SIDE_MARKET = 128,
  OrdType_MARKET = 1,
  OrdType_LIMIT = 2,
  TimeInForce_DAY = 0,
  TimeInForce_GTC = 1,
  TimeInForce_IOC = 3,
  TimeInForce_FOK = 4,
  Reason_INVALID_TIME_IN_FORCE = 4,
  CLIENT_REFERENCE = 22,
  Reason_UNKNOWN_ORDER = 11,
  CLIENT_QUANTITY = 6,
  CLIENT_PRICE = 14,
  Reason_INVALID_QUANTITY = 7,
  Reason_INVALID_PRICE = 5,
  Reason_QUANTITY_TOO_LARGE = 9,
  Reason_QUANTITY_OFF_LOT = 8,
  Reason_PRICE_OFF_TICK = 6,
}

/** `detail` of a REFUSED command: what was refused. */
const enum Refused {
  NEW = 1,
  CANCEL = 2,
  REPLACE = 3,
  STATUS = 4,
}
const PRICE_TICKS_MAX = 0x7fffffff;

/**
 * Writes all base fields of a command slot that do not depend on its kind.
 *
 * @param slot Claimed slot of the ring.
 * @param kind `CommandKind`
 */
export function beginCommand(
  commands: SpscRing,
  slot: number,
  kind: number,
  session: number,
  inSequence: number,
): void {
  const { u8, u16, u32, i32, f64 } = commands;
  const byte = slot * Fixed.COMMAND_SLOT_BYTES;
  const half = byte >>> 1;
  const word = byte >>> 2;
  const double = byte >>> 3;
  u32[word + Fixed.CMD_CRC32C_U32] = 0;
  u16[half + Fixed.CMD_LENGTH_U16] = Fixed.COMMAND_BASE_BYTES;
  u8[byte + Fixed.CMD_KIND_U8] = kind;
  u8[byte + Fixed.CMD_FLAGS_U8] = 0;
  f64[double + Fixed.CMD_SEQUENCE_F64] = 0;
  u32[word + Fixed.CMD_TIME_LO_U32] = 0;
  u32[word + Fixed.CMD_TIME_HI_U32] = 0;
  u32[word + Fixed.CMD_SESSION_U32] = session;
  u32[word + Fixed.CMD_IN_SEQUENCE_U32] = inSequence;
  u16[half + Fixed.CMD_INSTRUMENT_U16] = 0;
  u8[byte + Fixed.CMD_SIDE_U8] = 0;
  u8[byte + Fixed.CMD_ORD_TYPE_U8] = 0;
  u8[byte + Fixed.CMD_TIME_IN_FORCE_U8] = 0;
  u8[byte + Fixed.CMD_DETAIL_U8] = 0;
  u16[half + Fixed.CMD_GROUP_INDEX_U16] = 0;
  i32[word + Fixed.CMD_PRICE_I32] = 0;
  u32[word + Fixed.CMD_REASON_U32] = Fixed.Reason_NONE;
  f64[double + Fixed.CMD_QUANTITY_F64] = 0;
  f64[double + Fixed.CMD_REFERENCE_F64] = 0;
}

/**
 * Turns one numbered message into one command.
 *
 * @param view All receive memory.
 * @param at Where the message starts in it.
 * @param slot Claimed slot of `commands`.
 * @param session Index of the session in records.
 * @param sequence The message's number.
 * @returns `Reason.NONE`, or why the command is a refusal.
 */
export function decodeOrder(
  view: DataView,
  at: number,
  commands: SpscRing,
  slot: number,
  session: number,
  sequence: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const type = view.getUint8(at + Fixed.CLIENT_TYPE);
  let kind: number = Fixed.CommandKind_NEW_ORDER;
  let refused: number = Refused.NEW;
  if (type === Fixed.ClientType_CANCEL) {
    kind = Fixed.CommandKind_CANCEL_ORDER;
    refused = Refused.CANCEL;
  } else if (type === Fixed.ClientType_REPLACE) {
    kind = Fixed.CommandKind_REPLACE_ORDER;
    refused = Refused.REPLACE;
  } else if (type === Fixed.ClientType_STATUS) {
    kind = Fixed.CommandKind_ORDER_STATUS;
    refused = Refused.STATUS;
  }
  beginCommand(commands, slot, kind, session, sequence);
  const byte = slot * Fixed.COMMAND_SLOT_BYTES;
  let reason: number =
    type === Fixed.ClientType_NEW_ORDER || refused !== Refused.NEW
      ? Fixed.Reason_NONE
      : Fixed.Reason_UNKNOWN_MESSAGE;

  const symbol = view.getUint32(at + Fixed.CLIENT_SYMBOL, true);
  const instrument = symbol < instruments.length
    ? instruments[symbol]
    : undefined;
  commands.u16[(byte >>> 1) + Fixed.CMD_INSTRUMENT_U16] =
    instrument === undefined ? Fixed.INSTRUMENT_UNKNOWN : symbol;
  const sideReason = decodeSide(view, at, commands, byte, refused);
  let numberReason: number = Fixed.Reason_NONE;
  if (refused === Refused.NEW) {
    commands.f64[(byte >>> 3) + Fixed.CMD_REFERENCE_F64] = sequence;
  } else {
    numberReason = decodeReference(view, at, commands, byte);
  }
  if (instrument === undefined) {
    if (reason === Fixed.Reason_NONE) reason = Fixed.Reason_UNKNOWN_INSTRUMENT;
  } else {
    const sizes = decodeSizes(view, at, commands, byte, refused, instrument);
    if (numberReason === Fixed.Reason_NONE) numberReason = sizes;
  }
  if (reason === Fixed.Reason_NONE) reason = sideReason;
  if (reason === Fixed.Reason_NONE) reason = numberReason;
  if (reason !== Fixed.Reason_NONE) {
    commands.u8[byte + Fixed.CMD_KIND_U8] = Fixed.CommandKind_REFUSED;
    commands.u8[byte + Fixed.CMD_DETAIL_U8] = refused;
    commands.u32[(byte >>> 2) + Fixed.CMD_REASON_U32] = reason;
  }
  return reason;
}

/** Side, and for a new order its time in force and type. */
function decodeSide(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  refused: number,
): number {
  const { u8 } = commands;
  const flags = view.getUint8(at + Fixed.CLIENT_SIDE);
  const side = flags & Fixed.SIDE_MASK;
  const valid = side === 1 || side === 2;
  u8[byte + Fixed.CMD_SIDE_U8] = valid ? side : 0;
  if (!valid || (flags & Fixed.SIDE_RESERVED_MASK) !== 0) {
    return Fixed.Reason_INVALID_SIDE;
  }
  if (refused !== Refused.NEW) {
    return flags === side ? Fixed.Reason_NONE : Fixed.Reason_INVALID_SIDE;
  }
  const timeInForce = (flags >>> Fixed.SIDE_TIME_IN_FORCE_SHIFT) &
    Fixed.SIDE_TIME_IN_FORCE_MASK;
  u8[byte + Fixed.CMD_ORD_TYPE_U8] = (flags & Fixed.SIDE_MARKET) !== 0
    ? Fixed.OrdType_MARKET
    : Fixed.OrdType_LIMIT;
  u8[byte + Fixed.CMD_TIME_IN_FORCE_U8] = timeInForce;
  if (
    timeInForce === Fixed.TimeInForce_DAY ||
    timeInForce === Fixed.TimeInForce_GTC ||
    timeInForce === Fixed.TimeInForce_IOC ||
    timeInForce === Fixed.TimeInForce_FOK
  ) return Fixed.Reason_NONE;
  return Fixed.Reason_INVALID_TIME_IN_FORCE;
}

/** The number of the order that a cancel, replace or status request is about. */
function decodeReference(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
): number {
  const low = view.getUint32(at + Fixed.CLIENT_REFERENCE, true);
  const high = view.getUint32(at + Fixed.CLIENT_REFERENCE + 4, true);
  if (high !== 0 || low === 0) return Fixed.Reason_UNKNOWN_ORDER;
  commands.f64[(byte >>> 3) + Fixed.CMD_REFERENCE_F64] = low;
  return Fixed.Reason_NONE;
}

/** Quantity and price; what can't be had in lots or ticks stays 0. */
function decodeSizes(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  refused: number,
  instrument: InstrumentDefinition,
): number {
  const quantityLow = view.getUint32(at + Fixed.CLIENT_QUANTITY, true);
  const quantityHigh = view.getUint32(at + Fixed.CLIENT_QUANTITY + 4, true);
  const priceLow = view.getUint32(at + Fixed.CLIENT_PRICE, true);
  const priceHigh = view.getUint32(at + Fixed.CLIENT_PRICE + 4, true);
  if (refused === Refused.CANCEL || refused === Refused.STATUS) {
    if ((quantityLow | quantityHigh) !== 0) {
      return Fixed.Reason_INVALID_QUANTITY;
    }
    return (priceLow | priceHigh) !== 0
      ? Fixed.Reason_INVALID_PRICE
      : Fixed.Reason_NONE;
  }
  let reason: number = Fixed.Reason_NONE;
  const lots = toUnits(quantityLow, quantityHigh, instrument.lotSizeE8);
  if (lots > 0) commands.f64[(byte >>> 3) + Fixed.CMD_QUANTITY_F64] = lots;
  else if (lots === 0) reason = Fixed.Reason_INVALID_QUANTITY;
  else if (lots === TOO_LARGE) reason = Fixed.Reason_QUANTITY_TOO_LARGE;
  else reason = Fixed.Reason_QUANTITY_OFF_LOT;

  let priceReason: number = Fixed.Reason_NONE;
  const market =
    commands.u8[byte + Fixed.CMD_ORD_TYPE_U8] === Fixed.OrdType_MARKET;
  const ticks = toUnits(priceLow, priceHigh, instrument.tickSizeE8);
  if (market) {
    if (ticks !== 0) priceReason = Fixed.Reason_INVALID_PRICE;
  } else if (ticks > 0 && ticks <= PRICE_TICKS_MAX) {
    commands.i32[(byte >>> 2) + Fixed.CMD_PRICE_I32] = ticks;
  } else if (ticks >= 0 || ticks === TOO_LARGE) {
    priceReason = Fixed.Reason_INVALID_PRICE;
  } else priceReason = Fixed.Reason_PRICE_OFF_TICK;
  return reason === Fixed.Reason_NONE ? priceReason : reason;
}
