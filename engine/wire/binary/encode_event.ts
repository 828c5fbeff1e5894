// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Event record to the 64-byte message of the binary protocol, without its
 * checksum: that is written for many messages at once. Pure; allocates
 * nothing; words are little-endian like the host's.
 *
 * @module
 */
import { fail } from "../../assert.ts";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_AGGRESSOR_U8,
  EVT_CUM_F64,
  EVT_DETAIL_U8,
  EVT_IN_SEQUENCE_U32,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LAST_PRICE_I32,
  EVT_LAST_QUANTITY_F64,
  EVT_LEAVES_F64,
  EVT_MATCH_F64,
  EVT_ORD_TYPE_U8,
  EVT_ORDER_ID_F64,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REASON_U16,
  EVT_REFERENCE_F64,
  EVT_SIDE_U8,
  EVT_STOP_PRICE_I32,
  EVT_TIME_HI_U32,
  EVT_TIME_IN_FORCE_U8,
  EVT_TIME_LO_U32,
  MassScope,
  Reason,
} from "../../record/mod.ts";
import {
  ServerType,
  SIDE_ACCOUNT,
  SIDE_AGGRESSOR,
  SIDE_BY_ORD_TYPE,
  SIDE_PRICE_RANGE,
  SIDE_TIME_IN_FORCE_SHIFT,
  SYMBOL_UNKNOWN,
  WIRE_GOOD_FOR_AUCTION,
} from "./layout.ts";
import { writeUnits, writeWhole } from "./number.ts";

/** Instrument index of a record whose instrument is not known. */
export const INSTRUMENT_UNKNOWN = 0xffff;

/** What was refused: a status request. */
const STATUS_REFUSED = 4;
/** Bits 2, 3 and 7 of the side byte: a stop order without a limit. */
const STOP_WITHOUT_LIMIT = 0x84;
/** The highest time in force that the side byte holds as it is. */
const TIME_IN_FORCE_MAX = 7;

/** Views of event slots, as a ring has them. */
export interface EventViews {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
}

/**
 * Writes the message of one event.
 *
 * @param events Views that hold the slot.
 * @param slot Index of the slot.
 * @param tickSizeE8 Of the event's instrument; 0 if it is unknown.
 * @param lotSizeE8 Likewise.
 * @param words Where to.
 * @param at Index of the message's first word.
 * @throws {InvariantError} If the protocol has no message for this kind.
 */
export function encodeEvent(
  events: EventViews,
  slot: number,
  tickSizeE8: number,
  lotSizeE8: number,
  words: Uint32Array,
  at: number,
): void {
  const { u8, u16, u32, i32, f64 } = events;
  const byte = slot * EVENT_SLOT_BYTES;
  const word = byte >>> 2;
  const double = byte >>> 3;
  const kind = u8[byte + EVT_KIND_U8]!;
  const reason = u16[(byte >>> 1) + EVT_REASON_U16]!;
  // The status of an order that is not there is a refusal here.
  const noStatus = kind === EventKind.STATUS && reason !== Reason.NONE;
  let side = u8[byte + EVT_SIDE_U8]! & 3;
  let type = 0;
  let quantity = f64[double + EVT_QUANTITY_F64]!;
  let price = i32[word + EVT_PRICE_I32]!;
  let leaves = f64[double + EVT_LEAVES_F64]!;
  let cause = u32[word + EVT_IN_SEQUENCE_U32]!;
  if (kind === EventKind.FILLED || kind === EventKind.PREVENTED) {
    type = kind === EventKind.FILLED ? ServerType.FILLED : ServerType.PREVENTED;
    if (u8[byte + EVT_AGGRESSOR_U8] === 1) side |= SIDE_AGGRESSOR;
    quantity = f64[double + EVT_LAST_QUANTITY_F64]!;
    price = i32[word + EVT_LAST_PRICE_I32]!;
    cause = f64[double + EVT_MATCH_F64]! % 4294967296;
  } else if (kind === EventKind.CANCEL_REJECTED || noStatus) {
    type = ServerType.CANCEL_REJECTED;
    side |= (noStatus ? STATUS_REFUSED : u8[byte + EVT_DETAIL_U8]!) << 4;
    quantity = 0;
    price = 0;
    leaves = 0;
  } else if (kind === EventKind.REJECTED) {
    type = ServerType.REJECTED;
    leaves = 0;
  } else if (
    kind >= EventKind.MASS_CANCELED && kind !== EventKind.RESTATED
  ) {
    encodeMassAnswer(events, slot, tickSizeE8, words, at);
    return;
  } else {
    type = orderType(kind);
    const how = SIDE_BY_ORD_TYPE[u8[byte + EVT_ORD_TYPE_U8]!]!;
    if (how === STOP_WITHOUT_LIMIT || kind === EventKind.TRIGGERED) {
      price = i32[word + EVT_STOP_PRICE_I32]!;
    }
    side |= how | sideOfTimeInForce(u8[byte + EVT_TIME_IN_FORCE_U8]!);
    if (kind === EventKind.CANCELED) {
      quantity -= f64[double + EVT_CUM_F64]!;
      leaves = 0;
    }
  }
  const instrument = u16[(byte >>> 1) + EVT_INSTRUMENT_U16]!;
  words[at] = type | (side << 8) | (reason << 16);
  words[at + 1] = instrument === INSTRUMENT_UNKNOWN
    ? SYMBOL_UNKNOWN
    : instrument;
  writeWhole(words, at + 2, f64[double + EVT_ORDER_ID_F64]!);
  writeWhole(words, at + 4, f64[double + EVT_REFERENCE_F64]!);
  writeUnits(words, at + 6, quantity, lotSizeE8);
  writeUnits(words, at + 8, price, tickSizeE8);
  writeUnits(words, at + 10, leaves, lotSizeE8);
  words[at + 12] = u32[word + EVT_TIME_LO_U32]!;
  words[at + 13] = u32[word + EVT_TIME_HI_U32]!;
  words[at + 14] = cause;
}

/** Message type of an event about an order that carries the order's own fields. */
function orderType(kind: number): ServerType {
  switch (kind) {
    case EventKind.ACCEPTED:
      return ServerType.ACCEPTED;
    case EventKind.CANCELED:
      return ServerType.CANCELED;
    case EventKind.REPLACED:
      return ServerType.REPLACED;
    case EventKind.STATUS:
      return ServerType.STATUS;
    case EventKind.TRIGGERED:
      return ServerType.TRIGGERED;
    case EventKind.RESTATED:
      return ServerType.RESTATED;
    default:
      return fail(`event of kind ${kind} for a session of the binary protocol`);
  }
}

/** Bits 4 to 6 of the side byte. */
function sideOfTimeInForce(timeInForce: number): number {
  const code = timeInForce > TIME_IN_FORCE_MAX
    ? WIRE_GOOD_FOR_AUCTION
    : timeInForce;
  return code << SIDE_TIME_IN_FORCE_SHIFT;
}

/** The answer to a mass cancel, a block or an unlock: it counts orders. */
function encodeMassAnswer(
  events: EventViews,
  slot: number,
  tickSizeE8: number,
  words: Uint32Array,
  at: number,
): void {
  const { u8, u16, u32, i32, f64 } = events;
  const byte = slot * EVENT_SLOT_BYTES;
  const half = byte >>> 1;
  const word = byte >>> 2;
  const double = byte >>> 3;
  const detail = u8[byte + EVT_DETAIL_U8]!;
  let side = u8[byte + EVT_SIDE_U8]! & 3;
  if ((detail & 3) === MassScope.ACCOUNT) side |= SIDE_ACCOUNT;
  if ((detail & MassScope.PRICE_RANGE) !== 0) side |= SIDE_PRICE_RANGE;
  const instrument = u16[half + EVT_INSTRUMENT_U16]!;
  words[at] = massType(u8[byte + EVT_KIND_U8]!) | (side << 8) |
    (u16[half + EVT_REASON_U16]! << 16);
  words[at + 1] = instrument === INSTRUMENT_UNKNOWN
    ? SYMBOL_UNKNOWN
    : instrument;
  words[at + 2] = 0;
  words[at + 3] = 0;
  writeWhole(words, at + 4, f64[double + EVT_REFERENCE_F64]!);
  writeWhole(words, at + 6, f64[double + EVT_QUANTITY_F64]!);
  writeUnits(words, at + 8, i32[word + EVT_PRICE_I32]!, tickSizeE8);
  words[at + 10] = 0;
  words[at + 11] = 0;
  words[at + 12] = u32[word + EVT_TIME_LO_U32]!;
  words[at + 13] = u32[word + EVT_TIME_HI_U32]!;
  words[at + 14] = u32[word + EVT_IN_SEQUENCE_U32]!;
}

function massType(kind: number): ServerType {
  switch (kind) {
    case EventKind.MASS_CANCELED:
      return ServerType.MASS_CANCELED;
    case EventKind.KILLED:
      return ServerType.BLOCKED;
    case EventKind.UNLOCKED:
      return ServerType.UNLOCKED;
    default:
      return fail(`event of kind ${kind} for a session of the binary protocol`);
  }
}
