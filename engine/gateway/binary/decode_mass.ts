// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Requests about many orders at once: mass cancel and kill switch. Runs on the
 * gateway's thread; allocates nothing; answers with reasons. A client can name
 * no session but its own; whether the account is its own the exchange knows.
 *
 * @module
 */
import {
  CMD_DETAIL_U8,
  CMD_INSTRUMENT_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_SIDE_U8,
  MassScope,
  Reason,
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
  NOT_MULTIPLE,
  SIDE_ACCOUNT,
  SIDE_MASK,
  SIDE_PRICE_RANGE,
  SYMBOL_UNKNOWN,
  TOO_LARGE,
} from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";
import {
  decodeSymbol,
  PRICE_TICKS_MAX,
  unitsAt,
  wordsAt,
} from "./message_fields.ts";

/** A mass cancel: whose orders, and which of them. */
export function decodeMass(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  session: number,
  instruments: readonly InstrumentDefinition[],
): number {
  const instrument = decodeSymbol(view, at, commands, byte, instruments);
  const any = view.getUint32(at + CLIENT_SYMBOL, true) === SYMBOL_UNKNOWN;
  const flags = view.getUint8(at + CLIENT_SIDE);
  const side = flags & SIDE_MASK;
  commands.u8[byte + CMD_SIDE_U8] = side === SIDE_MASK ? 0 : side;
  if (instrument === undefined && !any) return Reason.UNKNOWN_INSTRUMENT;
  const known = SIDE_MASK | SIDE_ACCOUNT | SIDE_PRICE_RANGE;
  if (side === SIDE_MASK || (flags & ~known) !== 0) return Reason.INVALID_SIDE;
  const reason = decodeScope(view, at, commands, byte, session);
  if (reason !== Reason.NONE) return reason;
  if ((flags & SIDE_PRICE_RANGE) === 0) {
    return (wordsAt(view, at + CLIENT_PRICE) |
        wordsAt(view, at + CLIENT_QUANTITY)) === 0
      ? Reason.NONE
      : Reason.INVALID_PRICE;
  }
  // Ticks are the instrument's: a range needs one.
  if (instrument === undefined) return Reason.INVALID_COMBINATION;
  commands.u8[byte + CMD_DETAIL_U8]! |= MassScope.PRICE_RANGE;
  const { tickSizeE8 } = instrument;
  const lowest = unitsAt(view, at + CLIENT_PRICE, tickSizeE8);
  const highest = unitsAt(view, at + CLIENT_QUANTITY, tickSizeE8);
  if (lowest === NOT_MULTIPLE || highest === NOT_MULTIPLE) {
    return Reason.PRICE_OFF_TICK;
  }
  if (
    lowest === TOO_LARGE || highest === TOO_LARGE || lowest > highest ||
    highest > PRICE_TICKS_MAX
  ) return Reason.INVALID_PRICE;
  commands.i32[(byte >>> 2) + CMD_PRICE_I32] = lowest;
  commands.f64[(byte >>> 3) + CMD_QUANTITY_F64] = highest;
  return Reason.NONE;
}

/** The kill switch, thrown or taken back. */
export function decodeBlock(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  session: number,
): number {
  commands.u16[(byte >>> 1) + CMD_INSTRUMENT_U16] = INSTRUMENT_UNKNOWN;
  if (view.getUint32(at + CLIENT_SYMBOL, true) !== SYMBOL_UNKNOWN) {
    return Reason.UNKNOWN_INSTRUMENT;
  }
  if ((view.getUint8(at + CLIENT_SIDE) & ~SIDE_ACCOUNT) !== 0) {
    return Reason.INVALID_SIDE;
  }
  const reason = decodeScope(view, at, commands, byte, session);
  if (reason !== Reason.NONE) return reason;
  if (view.getUint8(at + CLIENT_TYPE) === ClientType.UNLOCK) {
    commands.u8[byte + CMD_DETAIL_U8]! |= MassScope.UNLOCK;
  }
  if (wordsAt(view, at + CLIENT_QUANTITY) !== 0) return Reason.INVALID_QUANTITY;
  return wordsAt(view, at + CLIENT_PRICE) === 0
    ? Reason.NONE
    : Reason.INVALID_PRICE;
}

/** Session or account, and which; a client names no session but its own. */
function decodeScope(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  session: number,
): number {
  const account = view.getUint32(at + CLIENT_REFERENCE, true);
  if (view.getUint32(at + CLIENT_REFERENCE + 4, true) !== 0) {
    return Reason.UNKNOWN_ACCOUNT;
  }
  const named = (view.getUint8(at + CLIENT_SIDE) & SIDE_ACCOUNT) !== 0;
  if (!named && account !== 0) return Reason.UNKNOWN_ACCOUNT;
  commands.u8[byte + CMD_DETAIL_U8] = named
    ? MassScope.ACCOUNT
    : MassScope.SESSION;
  commands.u32[(byte >>> 2) + CMD_REASON_U32] = named ? account : session;
  return Reason.NONE;
}
