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
import type { SpscRing } from "../../ring/mod.ts";
import { TIME_IN_FORCE_BY_WIRE } from "../../wire/binary/mod.ts";
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

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CLIENT_TYPE = 0,
  ClientType_NEW_ORDER_WITH_TERMS = 78,
  ClientType_REPLACE_WITH_TERMS = 86,
  TERMS_MESSAGE_BLOCKS = 3,
  TERMS_BLOCK = 34,
  ClientType_TERMS = 49,
  MORE_BLOCK = 68,
  ClientType_MORE_TERMS = 50,
  ClientType_NEW_ORDER = 79,
  COMMAND_SLOT_BYTES = 192,
  CommandKind_NEW_ORDER = 1,
  CMD_REFERENCE_F64 = 7,
  CommandKind_REPLACE_ORDER = 3,
  CommandKind_REDUCE_ORDER = 6,
  CommandKind_MASS_CANCEL = 7,
  Reason_NONE = 0,
  CMD_LENGTH_U16 = 2,
  COMMAND_BASE_BYTES = 64,
  CMD_KIND_U8 = 6,
  CommandKind_REFUSED = 5,
  CMD_DETAIL_U8 = 37,
  CMD_REASON_U32 = 11,
  ClientType_REPLACE = 85,
  ClientType_REDUCE = 68,
  ClientType_MASS_CANCEL = 77,
  ClientType_BLOCK = 66,
  ClientType_UNLOCK = 89,
  CommandKind_KILL = 8,
  CLIENT_SIDE = 5,
  SIDE_POST_ONLY = 4,
  SIDE_HIDDEN = 8,
  SIDE_TIME_IN_FORCE_SHIFT = 4,
  SIDE_TIME_IN_FORCE_MASK = 7,
  TimeInForce_GTC = 1,
  TimeInForce_IOC = 3,
  TimeInForce_FOK = 4,
  Reason_MALFORMED = 20,
  Reason_UNKNOWN_INSTRUMENT = 1,
  TERMS_ORD_TYPE = 1,
  SIDE_MARKET = 128,
  OrdType_MARKET = 1,
  OrdType_LIMIT = 2,
  TERMS_TIME_IN_FORCE = 2,
  OrdType_PEG_MIDPOINT = 9,
  Reason_INVALID_ORD_TYPE = 3,
  CMD_ORD_TYPE_U8 = 35,
  Reason_INVALID_TIME_IN_FORCE = 4,
  CMD_TIME_IN_FORCE_U8 = 36,
  TimeInForce_GTD = 6,
  TermFlag_POST_ONLY = 1,
  TermFlag_HIDDEN = 4,
  CMD_TERM_FLAGS_U32 = 32,
  CLIENT_PRICE = 14,
  OrdType_STOP_LIMIT = 4,
  OrdType_PEG_PRIMARY = 7,
  Reason_INVALID_PRICE = 5,
  CMD_PRICE_I32 = 10,
  SIDE_OPEN_QUANTITY = 4,
  TermFlag_OPEN_QUANTITY = 32,
}

/** True if the type of a block announces two more. */
export function hasTerms(view: DataView, at: number): boolean {
  const type = view.getUint8(at + Fixed.CLIENT_TYPE);
  return type === Fixed.ClientType_NEW_ORDER_WITH_TERMS ||
    type === Fixed.ClientType_REPLACE_WITH_TERMS;
}

/**
 * How many blocks the message at `at` has. Its first block may announce terms
 * that are not there; then it stands alone and is refused.
 *
 * @param left Blocks from there on that belong to the packet.
 */
export function blocksAt(view: DataView, at: number, left: number): number {
  if (!hasTerms(view, at)) return 1;
  return left >= Fixed.TERMS_MESSAGE_BLOCKS &&
      view.getUint8(at + Fixed.TERMS_BLOCK + Fixed.CLIENT_TYPE) ===
        Fixed.ClientType_TERMS &&
      view.getUint8(at + Fixed.MORE_BLOCK + Fixed.CLIENT_TYPE) ===
        Fixed.ClientType_MORE_TERMS
    ? Fixed.TERMS_MESSAGE_BLOCKS
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
  const type = view.getUint8(at + Fixed.CLIENT_TYPE);
  const kind = type === Fixed.ClientType_NEW_ORDER && isPlain(view, at)
    ? 0
    : kindOf(type);
  if (kind === 0) {
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
  const byte = slot * Fixed.COMMAND_SLOT_BYTES;
  let reason: number;
  if (kind === Fixed.CommandKind_NEW_ORDER) {
    commands.f64[(byte >>> 3) + Fixed.CMD_REFERENCE_F64] = sequence;
    reason = decodeNew(view, at, blocks, commands, byte, instruments);
  } else if (kind === Fixed.CommandKind_REPLACE_ORDER) {
    reason = decodeReplace(view, at, blocks, commands, byte, instruments);
  } else if (kind === Fixed.CommandKind_REDUCE_ORDER) {
    reason = decodeReduce(view, at, commands, byte, instruments);
  } else {
    commands.f64[(byte >>> 3) + Fixed.CMD_REFERENCE_F64] = sequence;
    reason = kind === Fixed.CommandKind_MASS_CANCEL
      ? decodeMass(view, at, commands, byte, session, instruments)
      : decodeBlock(view, at, commands, byte, session);
  }
  if (reason !== Fixed.Reason_NONE) {
    commands.u16[(byte >>> 1) + Fixed.CMD_LENGTH_U16] =
      Fixed.COMMAND_BASE_BYTES;
    commands.u8[byte + Fixed.CMD_KIND_U8] = Fixed.CommandKind_REFUSED;
    // A refused reduce is told as a replace is, also by the exchange.
    commands.u8[byte + Fixed.CMD_DETAIL_U8] =
      kind === Fixed.CommandKind_REDUCE_ORDER
        ? Fixed.CommandKind_REPLACE_ORDER
        : kind;
    commands.u32[(byte >>> 2) + Fixed.CMD_REASON_U32] = reason;
  }
  return reason;
}

/** `CommandKind` of what version 2 adds something to; 0 = any other message. */
function kindOf(type: number): number {
  switch (type) {
    case Fixed.ClientType_NEW_ORDER:
    case Fixed.ClientType_NEW_ORDER_WITH_TERMS:
      return Fixed.CommandKind_NEW_ORDER;
    case Fixed.ClientType_REPLACE:
    case Fixed.ClientType_REPLACE_WITH_TERMS:
      return Fixed.CommandKind_REPLACE_ORDER;
    case Fixed.ClientType_REDUCE:
      return Fixed.CommandKind_REDUCE_ORDER;
    case Fixed.ClientType_MASS_CANCEL:
      return Fixed.CommandKind_MASS_CANCEL;
    case Fixed.ClientType_BLOCK:
    case Fixed.ClientType_UNLOCK:
      return Fixed.CommandKind_KILL;
    default:
      return 0;
  }
}

/** True if a new order without terms says nothing that version 1 could not. */
function isPlain(view: DataView, at: number): boolean {
  const flags = view.getUint8(at + Fixed.CLIENT_SIDE);
  if ((flags & (Fixed.SIDE_POST_ONLY | Fixed.SIDE_HIDDEN)) !== 0) return false;
  const code = (flags >>> Fixed.SIDE_TIME_IN_FORCE_SHIFT) &
    Fixed.SIDE_TIME_IN_FORCE_MASK;
  return code <= Fixed.TimeInForce_GTC || code === Fixed.TimeInForce_IOC ||
    code === Fixed.TimeInForce_FOK;
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
  const withTerms = view.getUint8(at + Fixed.CLIENT_TYPE) ===
    Fixed.ClientType_NEW_ORDER_WITH_TERMS;
  const side = decodeSide(view, at, commands, byte, withTerms ? 0 : 0xfc);
  if (withTerms && blocks !== Fixed.TERMS_MESSAGE_BLOCKS) {
    return Fixed.Reason_MALFORMED;
  }
  if (instrument === undefined) return Fixed.Reason_UNKNOWN_INSTRUMENT;
  if (side !== Fixed.Reason_NONE) return side;
  const flags = view.getUint8(at + Fixed.CLIENT_SIDE);
  const ordType = withTerms
    ? view.getUint8(at + Fixed.TERMS_BLOCK + Fixed.TERMS_ORD_TYPE)
    : (flags & Fixed.SIDE_MARKET) !== 0
    ? Fixed.OrdType_MARKET
    : Fixed.OrdType_LIMIT;
  const code = withTerms
    ? view.getUint8(at + Fixed.TERMS_BLOCK + Fixed.TERMS_TIME_IN_FORCE)
    : (flags >>> Fixed.SIDE_TIME_IN_FORCE_SHIFT) &
      Fixed.SIDE_TIME_IN_FORCE_MASK;
  if (ordType < Fixed.OrdType_MARKET || ordType > Fixed.OrdType_PEG_MIDPOINT) {
    return Fixed.Reason_INVALID_ORD_TYPE;
  }
  u8[byte + Fixed.CMD_ORD_TYPE_U8] = ordType;
  if (code >= TIME_IN_FORCE_BY_WIRE.length) {
    return Fixed.Reason_INVALID_TIME_IN_FORCE;
  }
  u8[byte + Fixed.CMD_TIME_IN_FORCE_U8] = TIME_IN_FORCE_BY_WIRE[code]!;
  // An expire time has its place in the terms only.
  if (code === Fixed.TimeInForce_GTD && !withTerms) {
    return Fixed.Reason_INVALID_TIME_IN_FORCE;
  }
  let reason = decodeLimit(view, at, commands, byte, ordType, instrument);
  const { lotSizeE8 } = instrument;
  const quantity = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason === Fixed.Reason_NONE) reason = quantity;
  if (reason !== Fixed.Reason_NONE) return reason;
  if (withTerms) return decodeTerms(view, at, commands, byte, instrument);
  const simple =
    ((flags & Fixed.SIDE_POST_ONLY) !== 0 ? Fixed.TermFlag_POST_ONLY : 0) |
    ((flags & Fixed.SIDE_HIDDEN) !== 0 ? Fixed.TermFlag_HIDDEN : 0);
  if (simple !== 0) {
    beginTerms(commands, byte);
    commands.u32[(byte >>> 2) + Fixed.CMD_TERM_FLAGS_U32] = simple;
  }
  return Fixed.Reason_NONE;
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
  const given = wordsAt(view, at + Fixed.CLIENT_PRICE) !== 0;
  const wanted = ordType === Fixed.OrdType_LIMIT ||
    ordType === Fixed.OrdType_STOP_LIMIT;
  const allowed = wanted || ordType >= Fixed.OrdType_PEG_PRIMARY;
  if (given ? !allowed : wanted) return Fixed.Reason_INVALID_PRICE;
  return decodePrice(
    view,
    at + Fixed.CLIENT_PRICE,
    commands,
    (byte >>> 2) + Fixed.CMD_PRICE_I32,
    instrument.tickSizeE8,
    Fixed.Reason_INVALID_PRICE,
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
  const withTerms = view.getUint8(at + Fixed.CLIENT_TYPE) ===
    Fixed.ClientType_REPLACE_WITH_TERMS;
  const side = decodeSide(
    view,
    at,
    commands,
    byte,
    withTerms ? 0 : Fixed.SIDE_OPEN_QUANTITY,
  );
  const reference = decodeReference(view, at, commands, byte);
  if (withTerms && blocks !== Fixed.TERMS_MESSAGE_BLOCKS) {
    return Fixed.Reason_MALFORMED;
  }
  if (instrument === undefined) return Fixed.Reason_UNKNOWN_INSTRUMENT;
  if (side !== Fixed.Reason_NONE) return side;
  if (reference !== Fixed.Reason_NONE) return reference;
  const { lotSizeE8, tickSizeE8 } = instrument;
  const word = byte >>> 2;
  let reason = decodePrice(
    view,
    at + Fixed.CLIENT_PRICE,
    commands,
    word + Fixed.CMD_PRICE_I32,
    tickSizeE8,
    Fixed.Reason_INVALID_PRICE,
  );
  const quantity = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason === Fixed.Reason_NONE) reason = quantity;
  if (reason !== Fixed.Reason_NONE) return reason;
  if (withTerms) return replaceTerms(view, at, commands, byte, tickSizeE8);
  if (
    (view.getUint8(at + Fixed.CLIENT_SIDE) & Fixed.SIDE_OPEN_QUANTITY) !== 0
  ) {
    beginTerms(commands, byte);
    commands.u32[word + Fixed.CMD_TERM_FLAGS_U32] =
      Fixed.TermFlag_OPEN_QUANTITY;
  }
  return Fixed.Reason_NONE;
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
  if (instrument === undefined) return Fixed.Reason_UNKNOWN_INSTRUMENT;
  if (side !== Fixed.Reason_NONE) return side;
  if (reference !== Fixed.Reason_NONE) return reference;
  const { lotSizeE8 } = instrument;
  const reason = decodeQuantity(view, at, commands, byte, lotSizeE8);
  if (reason !== Fixed.Reason_NONE) return reason;
  return wordsAt(view, at + Fixed.CLIENT_PRICE) === 0
    ? Fixed.Reason_NONE
    : Fixed.Reason_INVALID_PRICE;
}
