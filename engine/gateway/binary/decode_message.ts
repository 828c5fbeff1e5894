// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A numbered message of version 2 to a command slot: orders with terms, and
 * requests that version 1 does not have. A plain message goes on to
 * `decodeOrder()`. Runs on the gateway's thread; allocates nothing. What does
 * not pass becomes a REFUSED command with its reason. Here only what the
 * exchange can not see is checked: what the bytes mean, and whether a value is
 * a whole number of ticks or lots. Checksums are verified before.
 *
 * @module
 */
import {
  CMD_DETAIL_U8,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_ORD_TYPE_U8,
  CMD_PRICE_I32,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_TERM_FLAGS_U32,
  CMD_TIME_IN_FORCE_U8,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  CommandKind,
  OrdType,
  Reason,
  TermFlag,
  TimeInForce,
} from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import {
  CLIENT_PRICE,
  CLIENT_SIDE,
  CLIENT_TYPE,
  ClientType,
  MORE_BLOCK,
  SIDE_HIDDEN,
  SIDE_MARKET,
  SIDE_OPEN_QUANTITY,
  SIDE_POST_ONLY,
  SIDE_TIME_IN_FORCE_MASK,
  SIDE_TIME_IN_FORCE_SHIFT,
  TERMS_BLOCK,
  TERMS_MESSAGE_BLOCKS,
  TERMS_ORD_TYPE,
  TERMS_TIME_IN_FORCE,
  TIME_IN_FORCE_BY_WIRE,
} from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";
import { decodeBlock, decodeMass } from "./decode_mass.ts";
import { beginCommand, decodeOrder } from "./decode_order.ts";
import { decodeTerms, replaceTerms } from "./decode_terms.ts";
import {
  beginTerms,
  decodePrice,
  decodeQuantity,
  decodeReference,
  decodeSide,
  decodeSymbol,
  wordsAt,
} from "./message_fields.ts";

/** True if the type of a block announces two more. */
export function hasTerms(view: DataView, at: number): boolean {
  const type = view.getUint8(at + CLIENT_TYPE);
  return type === ClientType.NEW_ORDER_WITH_TERMS ||
    type === ClientType.REPLACE_WITH_TERMS;
}

/**
 * How many blocks the message at `at` has. Its first block may announce terms
 * that are not there; then it stands alone and is refused.
 *
 * @param left Blocks from there on that belong to the packet.
 */
export function blocksAt(view: DataView, at: number, left: number): number {
  if (!hasTerms(view, at)) return 1;
  return left >= TERMS_MESSAGE_BLOCKS &&
      view.getUint8(at + TERMS_BLOCK + CLIENT_TYPE) === ClientType.TERMS &&
      view.getUint8(at + MORE_BLOCK + CLIENT_TYPE) === ClientType.MORE_TERMS
    ? TERMS_MESSAGE_BLOCKS
    : 1;
}

/**
 * Turns one numbered message of version 2 into one command.
 *
 * @param at Where its first block starts in `view`.
 * @param blocks As `blocksAt()` said.
 * @param slot Claimed slot of `commands`.
 * @param session Index of the session in records.
 * @param sequence The message's number.
 * @returns `Reason.NONE`, or why the command is a refusal.
 */
export function decodeMessage(
  view: DataView,
  at: number,
  blocks: number,
  commands: SpscRing,
  slot: number,
  session: number,
  sequence: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const type = view.getUint8(at + CLIENT_TYPE);
  const kind = kindOf(type);
  if (kind === 0 || (type === ClientType.NEW_ORDER && isPlain(view, at))) {
    return decodeOrder(
      view,
      at,
      commands,
      slot,
      session,
      sequence,
      instruments,
    );
  }
  beginCommand(commands, slot, kind, session, sequence);
  const byte = slot * COMMAND_SLOT_BYTES;
  let reason: number;
  if (kind === CommandKind.NEW_ORDER) {
    commands.f64[(byte >>> 3) + CMD_REFERENCE_F64] = sequence;
    reason = decodeNew(view, at, blocks, commands, byte, instruments);
  } else if (kind === CommandKind.REPLACE_ORDER) {
    reason = decodeReplace(view, at, blocks, commands, byte, instruments);
  } else if (kind === CommandKind.REDUCE_ORDER) {
    reason = decodeReduce(view, at, commands, byte, instruments);
  } else {
    commands.f64[(byte >>> 3) + CMD_REFERENCE_F64] = sequence;
    reason = kind === CommandKind.MASS_CANCEL
      ? decodeMass(view, at, commands, byte, session, instruments)
      : decodeBlock(view, at, commands, byte, session);
  }
  if (reason !== Reason.NONE) {
    commands.u16[(byte >>> 1) + CMD_LENGTH_U16] = COMMAND_BASE_BYTES;
    commands.u8[byte + CMD_KIND_U8] = CommandKind.REFUSED;
    // A refused reduce is told as a replace is, also by the exchange.
    commands.u8[byte + CMD_DETAIL_U8] = kind === CommandKind.REDUCE_ORDER
      ? CommandKind.REPLACE_ORDER
      : kind;
    commands.u32[(byte >>> 2) + CMD_REASON_U32] = reason;
  }
  return reason;
}

/** `CommandKind` of what version 2 adds something to; 0 = any other message. */
function kindOf(type: number): number {
  switch (type) {
    case ClientType.NEW_ORDER:
    case ClientType.NEW_ORDER_WITH_TERMS:
      return CommandKind.NEW_ORDER;
    case ClientType.REPLACE:
    case ClientType.REPLACE_WITH_TERMS:
      return CommandKind.REPLACE_ORDER;
    case ClientType.REDUCE:
      return CommandKind.REDUCE_ORDER;
    case ClientType.MASS_CANCEL:
      return CommandKind.MASS_CANCEL;
    case ClientType.BLOCK:
    case ClientType.UNLOCK:
      return CommandKind.KILL;
    default:
      return 0;
  }
}

/** True if a new order without terms says nothing that version 1 could not. */
function isPlain(view: DataView, at: number): boolean {
  const flags = view.getUint8(at + CLIENT_SIDE);
  if ((flags & (SIDE_POST_ONLY | SIDE_HIDDEN)) !== 0) return false;
  const code = (flags >>> SIDE_TIME_IN_FORCE_SHIFT) & SIDE_TIME_IN_FORCE_MASK;
  return code <= TimeInForce.GTC || code === TimeInForce.IOC ||
    code === TimeInForce.FOK;
}

/** A new order with terms, or with a time in force or flags that need version 2. */
function decodeNew(
  view: DataView,
  at: number,
  blocks: number,
  commands: SpscRing,
  byte: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const { u8 } = commands;
  const instrument = decodeSymbol(view, at, commands, byte, instruments);
  const withTerms =
    view.getUint8(at + CLIENT_TYPE) === ClientType.NEW_ORDER_WITH_TERMS;
  const side = decodeSide(view, at, commands, byte, withTerms ? 0 : 0xfc);
  if (withTerms && blocks !== TERMS_MESSAGE_BLOCKS) return Reason.MALFORMED;
  if (instrument === undefined) return Reason.UNKNOWN_INSTRUMENT;
  if (side !== Reason.NONE) return side;
  const flags = view.getUint8(at + CLIENT_SIDE);
  const ordType = withTerms
    ? view.getUint8(at + TERMS_BLOCK + TERMS_ORD_TYPE)
    : (flags & SIDE_MARKET) !== 0
    ? OrdType.MARKET
    : OrdType.LIMIT;
  const code = withTerms
    ? view.getUint8(at + TERMS_BLOCK + TERMS_TIME_IN_FORCE)
    : (flags >>> SIDE_TIME_IN_FORCE_SHIFT) & SIDE_TIME_IN_FORCE_MASK;
  if (ordType < OrdType.MARKET || ordType > OrdType.PEG_MIDPOINT) {
    return Reason.INVALID_ORD_TYPE;
  }
  u8[byte + CMD_ORD_TYPE_U8] = ordType;
  if (code >= TIME_IN_FORCE_BY_WIRE.length) return Reason.INVALID_TIME_IN_FORCE;
  u8[byte + CMD_TIME_IN_FORCE_U8] = TIME_IN_FORCE_BY_WIRE[code]!;
  // An expire time has its place in the terms only.
  if (code === TimeInForce.GTD && !withTerms) {
    return Reason.INVALID_TIME_IN_FORCE;
  }
  let reason = decodeLimit(view, at, commands, byte, ordType, instrument);
  const { lotSizeE8 } = instrument;
  const quantity = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason === Reason.NONE) reason = quantity;
  if (reason !== Reason.NONE) return reason;
  if (withTerms) return decodeTerms(view, at, commands, byte, instrument);
  const simple = ((flags & SIDE_POST_ONLY) !== 0 ? TermFlag.POST_ONLY : 0) |
    ((flags & SIDE_HIDDEN) !== 0 ? TermFlag.HIDDEN : 0);
  if (simple !== 0) {
    beginTerms(commands, byte);
    commands.u32[(byte >>> 2) + CMD_TERM_FLAGS_U32] = simple;
  }
  return Reason.NONE;
}

/** The limit of a new order: there, or not, as its type wants it. */
function decodeLimit(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  ordType: number,
  instrument: InstrumentDefinition,
): number {
  const given = wordsAt(view, at + CLIENT_PRICE) !== 0;
  const wanted = ordType === OrdType.LIMIT || ordType === OrdType.STOP_LIMIT;
  const allowed = wanted || ordType >= OrdType.PEG_PRIMARY;
  if (given ? !allowed : wanted) return Reason.INVALID_PRICE;
  return decodePrice(
    view,
    at + CLIENT_PRICE,
    commands,
    (byte >>> 2) + CMD_PRICE_I32,
    instrument.tickSizeE8,
    Reason.INVALID_PRICE,
  );
}

/** A replace: the limit may be 0, the quantity may mean what shall be open. */
function decodeReplace(
  view: DataView,
  at: number,
  blocks: number,
  commands: SpscRing,
  byte: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const instrument = decodeSymbol(view, at, commands, byte, instruments);
  const withTerms =
    view.getUint8(at + CLIENT_TYPE) === ClientType.REPLACE_WITH_TERMS;
  const side = decodeSide(
    view,
    at,
    commands,
    byte,
    withTerms ? 0 : SIDE_OPEN_QUANTITY,
  );
  const reference = decodeReference(view, at, commands, byte);
  if (withTerms && blocks !== TERMS_MESSAGE_BLOCKS) return Reason.MALFORMED;
  if (instrument === undefined) return Reason.UNKNOWN_INSTRUMENT;
  if (side !== Reason.NONE) return side;
  if (reference !== Reason.NONE) return reference;
  const { lotSizeE8, tickSizeE8 } = instrument;
  const word = byte >>> 2;
  let reason = decodePrice(
    view,
    at + CLIENT_PRICE,
    commands,
    word + CMD_PRICE_I32,
    tickSizeE8,
    Reason.INVALID_PRICE,
  );
  const quantity = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason === Reason.NONE) reason = quantity;
  if (reason !== Reason.NONE) return reason;
  if (withTerms) return replaceTerms(view, at, commands, byte, tickSizeE8);
  if ((view.getUint8(at + CLIENT_SIDE) & SIDE_OPEN_QUANTITY) !== 0) {
    beginTerms(commands, byte);
    commands.u32[word + CMD_TERM_FLAGS_U32] = TermFlag.OPEN_QUANTITY;
  }
  return Reason.NONE;
}

/** A reduce: how much to take off what is open. */
function decodeReduce(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const instrument = decodeSymbol(view, at, commands, byte, instruments);
  const side = decodeSide(view, at, commands, byte, 0);
  const reference = decodeReference(view, at, commands, byte);
  if (instrument === undefined) return Reason.UNKNOWN_INSTRUMENT;
  if (side !== Reason.NONE) return side;
  if (reference !== Reason.NONE) return reference;
  const { lotSizeE8 } = instrument;
  const reason = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason !== Reason.NONE) return reason;
  return wordsAt(view, at + CLIENT_PRICE) === 0
    ? Reason.NONE
    : Reason.INVALID_PRICE;
}
