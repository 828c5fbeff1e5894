// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The second and third block of a message: terms of a new order or a replace.
 * Runs on the gateway's thread; allocates nothing; answers with reasons. It
 * checks what values mean, not whether they go together: the exchange does.
 *
 * @module
 */
import {
  CMD_ACCOUNT_U32,
  CMD_DISPLAY_QUANTITY_F64,
  CMD_DISPLAY_RANGE_F64,
  CMD_EXPIRE_TIME_HI_U32,
  CMD_EXPIRE_TIME_LO_U32,
  CMD_LINK_REFERENCE_F64,
  CMD_MIN_QUANTITY_F64,
  CMD_OFFSET_I32,
  CMD_STOP_PRICE_I32,
  CMD_TERM_FLAGS_U32,
  Reason,
  StpMode,
  TermFlag,
} from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import {
  MORE_ACCOUNT,
  MORE_BLOCK,
  MORE_EXPIRE_TIME,
  MORE_LINK,
  MORE_MIN_QUANTITY,
  MORE_OFFSET,
  MORE_RESERVED,
  STP_NONE,
  TERMS_BLOCK,
  TERMS_DISPLAY_QUANTITY,
  TERMS_DISPLAY_RANGE,
  TERMS_FLAGS,
  TERMS_ORD_TYPE,
  TERMS_STOP_PRICE,
  TERMS_STP,
  TERMS_TIME_IN_FORCE,
} from "../../wire/binary/mod.ts";
import type { InstrumentDefinition } from "../protocol.ts";
import { beginTerms, decodePrice, unitsAt, wordsAt } from "./message_fields.ts";

/** Flags that a new order may have. */
const ORDER_FLAGS = TermFlag.POST_ONLY | TermFlag.POST_SLIDE |
  TermFlag.HIDDEN | TermFlag.ALL_OR_NONE | TermFlag.BASIS_POINTS;

/** The second and third block of a new order. */
export function decodeTerms(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  instrument: InstrumentDefinition,
): number {
  const { u32, i32, f64 } = commands;
  const terms = at + TERMS_BLOCK;
  const more = at + MORE_BLOCK;
  const word = byte >>> 2;
  const double = byte >>> 3;
  const flags = view.getUint16(terms + TERMS_FLAGS, true);
  const stp = view.getUint8(terms + TERMS_STP);
  if (
    (flags & ~ORDER_FLAGS) !== 0 || view.getUint8(more + MORE_RESERVED) !== 0 ||
    (stp > StpMode.DECREMENT_AND_CANCEL && stp !== STP_NONE)
  ) return Reason.INVALID_COMBINATION;
  // An order whose terms say nothing is a plain one.
  if (saysNothing(view, terms, more, flags | stp)) return Reason.NONE;
  beginTerms(commands, byte);
  u32[word + CMD_TERM_FLAGS_U32] = flags | (stp << TermFlag.STP_SHIFT);
  const reason = decodePrice(
    view,
    terms + TERMS_STOP_PRICE,
    commands,
    word + CMD_STOP_PRICE_I32,
    instrument.tickSizeE8,
    Reason.INVALID_STOP_PRICE,
  );
  if (reason !== Reason.NONE) return reason;
  const { lotSizeE8 } = instrument;
  const shown = unitsAt(view, terms + TERMS_DISPLAY_QUANTITY, lotSizeE8);
  const range = unitsAt(view, terms + TERMS_DISPLAY_RANGE, lotSizeE8);
  if (shown < 0 || range < 0) return Reason.INVALID_DISPLAY_QUANTITY;
  const least = unitsAt(view, more + MORE_MIN_QUANTITY, lotSizeE8);
  if (least < 0) return Reason.INVALID_MIN_QUANTITY;
  f64[double + CMD_DISPLAY_QUANTITY_F64] = shown;
  f64[double + CMD_DISPLAY_RANGE_F64] = range;
  f64[double + CMD_MIN_QUANTITY_F64] = least;
  const expires = more + MORE_EXPIRE_TIME;
  u32[word + CMD_EXPIRE_TIME_LO_U32] = view.getUint32(expires, true);
  u32[word + CMD_EXPIRE_TIME_HI_U32] = view.getUint32(expires + 4, true);
  const link = view.getUint32(more + MORE_LINK, true);
  f64[double + CMD_LINK_REFERENCE_F64] = link;
  i32[word + CMD_OFFSET_I32] = view.getInt32(more + MORE_OFFSET, true);
  u32[word + CMD_ACCOUNT_U32] = view.getUint32(more + MORE_ACCOUNT, true);
  return Reason.NONE;
}

/** True if all terms besides order type and time in force are 0. */
function saysNothing(
  view: DataView,
  terms: number,
  more: number,
  flags: number,
): boolean {
  return (flags | wordsAt(view, terms + TERMS_STOP_PRICE) |
    wordsAt(view, terms + TERMS_DISPLAY_QUANTITY) |
    wordsAt(view, terms + TERMS_DISPLAY_RANGE) |
    view.getUint32(more + MORE_ACCOUNT, true) |
    wordsAt(view, more + MORE_MIN_QUANTITY) |
    wordsAt(view, more + MORE_EXPIRE_TIME) |
    view.getUint32(more + MORE_LINK, true) |
    view.getUint32(more + MORE_OFFSET, true)) === 0;
}

/** The terms of a replace: what the quantity means, and a stop price. */
export function replaceTerms(
  view: DataView,
  at: number,
  commands: SpscRing,
  byte: number,
  tickSizeE8: number,
): number {
  const terms = at + TERMS_BLOCK;
  const more = at + MORE_BLOCK;
  const word = byte >>> 2;
  const flags = view.getUint16(terms + TERMS_FLAGS, true);
  const others = view.getUint8(terms + TERMS_ORD_TYPE) |
    view.getUint8(terms + TERMS_TIME_IN_FORCE) |
    view.getUint8(terms + TERMS_STP) | view.getUint8(more + MORE_RESERVED) |
    wordsAt(view, terms + TERMS_DISPLAY_QUANTITY) |
    wordsAt(view, terms + TERMS_DISPLAY_RANGE) |
    view.getUint32(more + MORE_ACCOUNT, true) |
    wordsAt(view, more + MORE_MIN_QUANTITY) |
    wordsAt(view, more + MORE_EXPIRE_TIME) |
    view.getUint32(more + MORE_LINK, true) |
    view.getUint32(more + MORE_OFFSET, true);
  if ((flags & ~TermFlag.OPEN_QUANTITY) !== 0 || others !== 0) {
    return Reason.INVALID_COMBINATION;
  }
  const stop = wordsAt(view, terms + TERMS_STOP_PRICE) !== 0;
  if (flags === 0 && !stop) return Reason.NONE;
  beginTerms(commands, byte);
  commands.u32[word + CMD_TERM_FLAGS_U32] = flags |
    (stop ? TermFlag.REPLACE_STOP : 0);
  return decodePrice(
    view,
    terms + TERMS_STOP_PRICE,
    commands,
    word + CMD_STOP_PRICE_I32,
    tickSizeE8,
    Reason.INVALID_STOP_PRICE,
  );
}
