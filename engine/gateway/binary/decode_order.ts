// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A numbered 34-byte message to a command slot. Runs on the gateway's thread
 * for every order; allocates nothing. What does not pass becomes a REFUSED
 * command with its reason, so that it has its place in the order of things
 * like any other message. The checksum is verified before.
 *
 * @module
 */
import {
  CMD_CRC32C_U32,
  CMD_DETAIL_U8,
  CMD_FLAGS_U8,
  CMD_GROUP_INDEX_U16,
  CMD_IN_SEQUENCE_U32,
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_ORD_TYPE_U8,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_SEQUENCE_F64,
  CMD_SESSION_U32,
  CMD_SIDE_U8,
  CMD_TIME_HI_U32,
  CMD_TIME_IN_FORCE_U8,
  CMD_TIME_LO_U32,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  CommandKind,
  OrdType,
  Reason,
  TimeInForce,
} from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import {
  CLIENT_PRICE,
  CLIENT_QUANTITY,
  CLIENT_REFERENCE,
  CLIENT_SIDE,
  CLIENT_SYMBOL,
  CLIENT_TYPE,
  ClientType,
  INSTRUMENT_UNKNOWN,
  SIDE_MARKET,
  SIDE_MASK,
  SIDE_RESERVED_MASK,
  SIDE_TIME_IN_FORCE_MASK,
  SIDE_TIME_IN_FORCE_SHIFT,
  TOO_LARGE,
  toUnits,
} from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";

/** `detail` of a REFUSED command: what was refused. */
const Refused = { NEW: 1, CANCEL: 2, REPLACE: 3, STATUS: 4 } as const;
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
  const byte = slot * COMMAND_SLOT_BYTES;
  const half = byte >>> 1;
  const word = byte >>> 2;
  const double = byte >>> 3;
  u32[word + CMD_CRC32C_U32] = 0;
  u16[half + CMD_LENGTH_U16] = COMMAND_BASE_BYTES;
  u8[byte + CMD_KIND_U8] = kind;
  u8[byte + CMD_FLAGS_U8] = 0;
  f64[double + CMD_SEQUENCE_F64] = 0;
  u32[word + CMD_TIME_LO_U32] = 0;
  u32[word + CMD_TIME_HI_U32] = 0;
  u32[word + CMD_SESSION_U32] = session;
  u32[word + CMD_IN_SEQUENCE_U32] = inSequence;
  u16[half + CMD_INSTRUMENT_U16] = 0;
  u8[byte + CMD_SIDE_U8] = 0;
  u8[byte + CMD_ORD_TYPE_U8] = 0;
  u8[byte + CMD_TIME_IN_FORCE_U8] = 0;
  u8[byte + CMD_DETAIL_U8] = 0;
  u16[half + CMD_GROUP_INDEX_U16] = 0;
  i32[word + CMD_PRICE_I32] = 0;
  u32[word + CMD_REASON_U32] = Reason.NONE;
  f64[double + CMD_QUANTITY_F64] = 0;
  f64[double + CMD_REFERENCE_F64] = 0;
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
  const type = view.getUint8(at + CLIENT_TYPE);
  let kind: number = CommandKind.NEW_ORDER;
  let refused: number = Refused.NEW;
  if (type === ClientType.CANCEL) {
    kind = CommandKind.CANCEL_ORDER;
    refused = Refused.CANCEL;
  } else if (type === ClientType.REPLACE) {
    kind = CommandKind.REPLACE_ORDER;
    refused = Refused.REPLACE;
  } else if (type === ClientType.STATUS) {
    kind = CommandKind.ORDER_STATUS;
    refused = Refused.STATUS;
  }
  beginCommand(commands, slot, kind, session, sequence);
  const byte = slot * COMMAND_SLOT_BYTES;
  let reason: number = type === ClientType.NEW_ORDER || refused !== Refused.NEW
    ? Reason.NONE
    : Reason.UNKNOWN_MESSAGE;

  const symbol = view.getUint32(at + CLIENT_SYMBOL, true);
  const instrument = symbol < instruments.length
    ? instruments[symbol]
    : undefined;
  commands.u16[(byte >>> 1) + CMD_INSTRUMENT_U16] = instrument === undefined
    ? INSTRUMENT_UNKNOWN
    : symbol;
  const sideReason = decodeSide(view, at, commands, byte, refused);
  let numberReason: number = Reason.NONE;
  if (refused === Refused.NEW) {
    commands.f64[(byte >>> 3) + CMD_REFERENCE_F64] = sequence;
  } else {
    numberReason = decodeReference(view, at, commands, byte);
  }
  if (instrument === undefined) {
    if (reason === Reason.NONE) reason = Reason.UNKNOWN_INSTRUMENT;
  } else {
    const sizes = decodeSizes(view, at, commands, byte, refused, instrument);
    if (numberReason === Reason.NONE) numberReason = sizes;
  }
  if (reason === Reason.NONE) reason = sideReason;
  if (reason === Reason.NONE) reason = numberReason;
  if (reason !== Reason.NONE) {
    commands.u8[byte + CMD_KIND_U8] = CommandKind.REFUSED;
    commands.u8[byte + CMD_DETAIL_U8] = refused;
    commands.u32[(byte >>> 2) + CMD_REASON_U32] = reason;
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
  const flags = view.getUint8(at + CLIENT_SIDE);
  const side = flags & SIDE_MASK;
  const valid = side === 1 || side === 2;
  u8[byte + CMD_SIDE_U8] = valid ? side : 0;
  if (!valid || (flags & SIDE_RESERVED_MASK) !== 0) return Reason.INVALID_SIDE;
  if (refused !== Refused.NEW) {
    return flags === side ? Reason.NONE : Reason.INVALID_SIDE;
  }
  const timeInForce = (flags >>> SIDE_TIME_IN_FORCE_SHIFT) &
    SIDE_TIME_IN_FORCE_MASK;
  u8[byte + CMD_ORD_TYPE_U8] = (flags & SIDE_MARKET) !== 0
    ? OrdType.MARKET
    : OrdType.LIMIT;
  u8[byte + CMD_TIME_IN_FORCE_U8] = timeInForce;
  if (
    timeInForce === TimeInForce.DAY || timeInForce === TimeInForce.GTC ||
    timeInForce === TimeInForce.IOC || timeInForce === TimeInForce.FOK
  ) return Reason.NONE;
  return Reason.INVALID_TIME_IN_FORCE;
}

/** The number of the order that a cancel, replace or status request is about. */
function decodeReference(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
): number {
  const low = view.getUint32(at + CLIENT_REFERENCE, true);
  const high = view.getUint32(at + CLIENT_REFERENCE + 4, true);
  if (high !== 0 || low === 0) return Reason.UNKNOWN_ORDER;
  commands.f64[(byte >>> 3) + CMD_REFERENCE_F64] = low;
  return Reason.NONE;
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
  const quantityLow = view.getUint32(at + CLIENT_QUANTITY, true);
  const quantityHigh = view.getUint32(at + CLIENT_QUANTITY + 4, true);
  const priceLow = view.getUint32(at + CLIENT_PRICE, true);
  const priceHigh = view.getUint32(at + CLIENT_PRICE + 4, true);
  if (refused === Refused.CANCEL || refused === Refused.STATUS) {
    if ((quantityLow | quantityHigh) !== 0) return Reason.INVALID_QUANTITY;
    return (priceLow | priceHigh) !== 0 ? Reason.INVALID_PRICE : Reason.NONE;
  }
  let reason: number = Reason.NONE;
  const lots = toUnits(quantityLow, quantityHigh, instrument.lotSizeE8);
  if (lots > 0) commands.f64[(byte >>> 3) + CMD_QUANTITY_F64] = lots;
  else if (lots === 0) reason = Reason.INVALID_QUANTITY;
  else if (lots === TOO_LARGE) reason = Reason.QUANTITY_TOO_LARGE;
  else reason = Reason.QUANTITY_OFF_LOT;

  let priceReason: number = Reason.NONE;
  const market = commands.u8[byte + CMD_ORD_TYPE_U8] === OrdType.MARKET;
  const ticks = toUnits(priceLow, priceHigh, instrument.tickSizeE8);
  if (market) {
    if (ticks !== 0) priceReason = Reason.INVALID_PRICE;
  } else if (ticks > 0 && ticks <= PRICE_TICKS_MAX) {
    commands.i32[(byte >>> 2) + CMD_PRICE_I32] = ticks;
  } else if (ticks >= 0 || ticks === TOO_LARGE) {
    priceReason = Reason.INVALID_PRICE;
  } else priceReason = Reason.PRICE_OFF_TICK;
  return reason === Reason.NONE ? priceReason : reason;
}
