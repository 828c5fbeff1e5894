// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Fields that messages of version 2 share, from bytes to a command slot. Runs
 * on the gateway's thread; allocates nothing; answers with reasons.
 *
 * @module
 */
import {
  CMD_INSTRUMENT_U16,
  CMD_LENGTH_U16,
  CMD_QUANTITY_F64,
  CMD_REFERENCE_F64,
  CMD_SIDE_U8,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  Reason,
} from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import {
  CLIENT_QUANTITY,
  CLIENT_REFERENCE,
  CLIENT_SIDE,
  CLIENT_SYMBOL,
  INSTRUMENT_UNKNOWN,
  NOT_MULTIPLE,
  SIDE_MASK,
  TOO_LARGE,
  toUnits,
} from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";

/** The highest price in ticks. */
export const PRICE_TICKS_MAX = 0x7fffffff;

/** Writes the message's instrument; undefined if there is none such. */
export function decodeSymbol(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  instruments: readonly InstrumentDefinition[],
): InstrumentDefinition | undefined {
  const symbol = view.getUint32(at + CLIENT_SYMBOL, true);
  const known = symbol < instruments.length ? instruments[symbol] : undefined;
  commands.u16[(byte >>> 1) + CMD_INSTRUMENT_U16] = known === undefined
    ? INSTRUMENT_UNKNOWN
    : symbol;
  return known;
}

/**
 * Writes the side.
 *
 * @param others Bits besides the side that the message may have.
 */
export function decodeSide(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  others: number,
): number {
  const flags = view.getUint8(at + CLIENT_SIDE);
  const side = flags & SIDE_MASK;
  const valid = side === 1 || side === 2;
  commands.u8[byte + CMD_SIDE_U8] = valid ? side : 0;
  return valid && (flags & ~(SIDE_MASK | others)) === 0
    ? Reason.NONE
    : Reason.INVALID_SIDE;
}

/** A u64 of the message in whole units; see `toUnits()`. */
export function unitsAt(view: DataView, at: number, unit: number): number {
  return toUnits(
    view.getUint32(at, true),
    view.getUint32(at + 4, true),
    unit,
  );
}

/** 0 if the u64 there is 0. */
export function wordsAt(view: DataView, at: number): number {
  return view.getUint32(at, true) | view.getUint32(at + 4, true);
}

/** The quantity of the message, above 0. */
export function decodeQuantity(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  lotSizeE8: number,
): number {
  const lots = unitsAt(view, at + CLIENT_QUANTITY, lotSizeE8);
  if (lots > 0) {
    commands.f64[(byte >>> 3) + CMD_QUANTITY_F64] = lots;
    return Reason.NONE;
  }
  if (lots === 0) return Reason.INVALID_QUANTITY;
  return lots === TOO_LARGE
    ? Reason.QUANTITY_TOO_LARGE
    : Reason.QUANTITY_OFF_LOT;
}

/**
 * A price in ticks, 0 and up, to a word of the command.
 *
 * @param at Where the u64 is.
 * @param word Where to.
 * @param otherwise Reason if it is too large.
 */
export function decodePrice(
  view: DataView,
  at: number,
  commands: SpscRing,
  word: number,
  tickSizeE8: number,
  otherwise: number,
): number {
  const ticks = unitsAt(view, at, tickSizeE8);
  if (ticks === NOT_MULTIPLE) return Reason.PRICE_OFF_TICK;
  if (ticks === TOO_LARGE || ticks > PRICE_TICKS_MAX) return otherwise;
  commands.i32[word] = ticks;
  return Reason.NONE;
}

/** The number of the order that the message is about. */
export function decodeReference(
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

/** Makes the command one with terms, all of them 0. */
export function beginTerms(commands: SpscRing, byte: number): void {
  commands.u16[(byte >>> 1) + CMD_LENGTH_U16] = COMMAND_SLOT_BYTES;
  const { u32 } = commands;
  const end = (byte + COMMAND_SLOT_BYTES) >>> 2;
  for (let word = (byte + COMMAND_BASE_BYTES) >>> 2; word < end; word++) {
    u32[word] = 0;
  }
}
