// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Event record to the 64-byte message of the binary protocol, without its
 * checksum: that is written for many messages at once. Pure; allocates
 * nothing; words are little-endian like the host's.
 *
 * @module
 */
import { fail } from "../../assert.ts";
import { ServerType, SIDE_BY_ORD_TYPE } from "./layout.ts";
import { writeUnits, writeWhole } from "./number.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  EVENT_SLOT_BYTES = 192,
  EVT_KIND_U8 = 6,
  EVT_REASON_U16 = 19,
  EventKind_STATUS = 7,
  Reason_NONE = 0,
  EVT_SIDE_U8 = 34,
  EVT_QUANTITY_F64 = 6,
  EVT_PRICE_I32 = 10,
  EVT_LEAVES_F64 = 9,
  EVT_IN_SEQUENCE_U32 = 26,
  EventKind_FILLED = 3,
  EventKind_PREVENTED = 8,
  ServerType_FILLED = 70,
  ServerType_PREVENTED = 86,
  EVT_AGGRESSOR_U8 = 109,
  SIDE_AGGRESSOR = 16,
  EVT_LAST_QUANTITY_F64 = 11,
  EVT_LAST_PRICE_I32 = 11,
  EVT_MATCH_F64 = 14,
  EventKind_CANCEL_REJECTED = 6,
  ServerType_CANCEL_REJECTED = 75,
  EVT_DETAIL_U8 = 37,
  EventKind_REJECTED = 2,
  ServerType_REJECTED = 74,
  EventKind_MASS_CANCELED = 12,
  EventKind_RESTATED = 13,
  EVT_ORD_TYPE_U8 = 35,
  EventKind_TRIGGERED = 9,
  EVT_STOP_PRICE_I32 = 30,
  EVT_TIME_IN_FORCE_U8 = 36,
  EventKind_CANCELED = 4,
  EVT_CUM_F64 = 10,
  EVT_INSTRUMENT_U16 = 16,
  SYMBOL_UNKNOWN = 0xffffffff,
  EVT_ORDER_ID_F64 = 7,
  EVT_REFERENCE_F64 = 8,
  EVT_TIME_LO_U32 = 4,
  EVT_TIME_HI_U32 = 5,
  EventKind_ACCEPTED = 1,
  ServerType_ACCEPTED = 65,
  ServerType_CANCELED = 67,
  EventKind_REPLACED = 5,
  ServerType_REPLACED = 85,
  ServerType_STATUS = 83,
  ServerType_TRIGGERED = 84,
  ServerType_RESTATED = 82,
  WIRE_GOOD_FOR_AUCTION = 5,
  SIDE_TIME_IN_FORCE_SHIFT = 4,
  MassScope_ACCOUNT = 1,
  SIDE_ACCOUNT = 16,
  MassScope_PRICE_RANGE = 64,
  SIDE_PRICE_RANGE = 32,
  ServerType_MASS_CANCELED = 77,
  EventKind_KILLED = 14,
  ServerType_BLOCKED = 66,
  EventKind_UNLOCKED = 15,
  ServerType_UNLOCKED = 89,
}

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
  const byte = slot * Fixed.EVENT_SLOT_BYTES;
  const word = byte >>> 2;
  const double = byte >>> 3;
  const kind = u8[byte + Fixed.EVT_KIND_U8]!;
  const reason = u16[(byte >>> 1) + Fixed.EVT_REASON_U16]!;
  // The status of an order that is not there is a refusal here.
  const noStatus = kind === Fixed.EventKind_STATUS &&
    reason !== Fixed.Reason_NONE;
  let side = u8[byte + Fixed.EVT_SIDE_U8]! & 3;
  let type = 0;
  let quantity = f64[double + Fixed.EVT_QUANTITY_F64]!;
  let price = i32[word + Fixed.EVT_PRICE_I32]!;
  let leaves = f64[double + Fixed.EVT_LEAVES_F64]!;
  let cause = u32[word + Fixed.EVT_IN_SEQUENCE_U32]!;
  if (kind === Fixed.EventKind_FILLED || kind === Fixed.EventKind_PREVENTED) {
    type = kind === Fixed.EventKind_FILLED
      ? Fixed.ServerType_FILLED
      : Fixed.ServerType_PREVENTED;
    if (u8[byte + Fixed.EVT_AGGRESSOR_U8] === 1) side |= Fixed.SIDE_AGGRESSOR;
    quantity = f64[double + Fixed.EVT_LAST_QUANTITY_F64]!;
    price = i32[word + Fixed.EVT_LAST_PRICE_I32]!;
    cause = f64[double + Fixed.EVT_MATCH_F64]! % 4294967296;
  } else if (kind === Fixed.EventKind_CANCEL_REJECTED || noStatus) {
    type = Fixed.ServerType_CANCEL_REJECTED;
    side |= (noStatus ? STATUS_REFUSED : u8[byte + Fixed.EVT_DETAIL_U8]!) << 4;
    quantity = 0;
    price = 0;
    leaves = 0;
  } else if (kind === Fixed.EventKind_REJECTED) {
    type = Fixed.ServerType_REJECTED;
    leaves = 0;
  } else if (
    kind >= Fixed.EventKind_MASS_CANCELED && kind !== Fixed.EventKind_RESTATED
  ) {
    encodeMassAnswer(events, slot, tickSizeE8, words, at);
    return;
  } else {
    type = orderType(kind);
    const how = SIDE_BY_ORD_TYPE[u8[byte + Fixed.EVT_ORD_TYPE_U8]!]!;
    if (how === STOP_WITHOUT_LIMIT || kind === Fixed.EventKind_TRIGGERED) {
      price = i32[word + Fixed.EVT_STOP_PRICE_I32]!;
    }
    side |= how | sideOfTimeInForce(u8[byte + Fixed.EVT_TIME_IN_FORCE_U8]!);
    if (kind === Fixed.EventKind_CANCELED) {
      quantity -= f64[double + Fixed.EVT_CUM_F64]!;
      leaves = 0;
    }
  }
  const instrument = u16[(byte >>> 1) + Fixed.EVT_INSTRUMENT_U16]!;
  words[at] = type | (side << 8) | (reason << 16);
  words[at + 1] = instrument === INSTRUMENT_UNKNOWN
    ? Fixed.SYMBOL_UNKNOWN
    : instrument;
  writeWhole(words, at + 2, f64[double + Fixed.EVT_ORDER_ID_F64]!);
  writeWhole(words, at + 4, f64[double + Fixed.EVT_REFERENCE_F64]!);
  writeUnits(words, at + 6, quantity, lotSizeE8);
  writeUnits(words, at + 8, price, tickSizeE8);
  writeUnits(words, at + 10, leaves, lotSizeE8);
  words[at + 12] = u32[word + Fixed.EVT_TIME_LO_U32]!;
  words[at + 13] = u32[word + Fixed.EVT_TIME_HI_U32]!;
  words[at + 14] = cause;
}

/** Message type of an event about an order that carries the order's own fields. */
function orderType(kind: number): ServerType {
  switch (kind) {
    case Fixed.EventKind_ACCEPTED:
      return Fixed.ServerType_ACCEPTED;
    case Fixed.EventKind_CANCELED:
      return Fixed.ServerType_CANCELED;
    case Fixed.EventKind_REPLACED:
      return Fixed.ServerType_REPLACED;
    case Fixed.EventKind_STATUS:
      return Fixed.ServerType_STATUS;
    case Fixed.EventKind_TRIGGERED:
      return Fixed.ServerType_TRIGGERED;
    case Fixed.EventKind_RESTATED:
      return Fixed.ServerType_RESTATED;
    default:
      return fail(`event of kind ${kind} for a session of the binary protocol`);
  }
}

/** Bits 4 to 6 of the side byte. */
function sideOfTimeInForce(timeInForce: number): number {
  const code = timeInForce > TIME_IN_FORCE_MAX
    ? Fixed.WIRE_GOOD_FOR_AUCTION
    : timeInForce;
  return code << Fixed.SIDE_TIME_IN_FORCE_SHIFT;
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
  const byte = slot * Fixed.EVENT_SLOT_BYTES;
  const half = byte >>> 1;
  const word = byte >>> 2;
  const double = byte >>> 3;
  const detail = u8[byte + Fixed.EVT_DETAIL_U8]!;
  let side = u8[byte + Fixed.EVT_SIDE_U8]! & 3;
  if ((detail & 3) === Fixed.MassScope_ACCOUNT) side |= Fixed.SIDE_ACCOUNT;
  if ((detail & Fixed.MassScope_PRICE_RANGE) !== 0) {
    side |= Fixed.SIDE_PRICE_RANGE;
  }
  const instrument = u16[half + Fixed.EVT_INSTRUMENT_U16]!;
  words[at] = massType(u8[byte + Fixed.EVT_KIND_U8]!) | (side << 8) |
    (u16[half + Fixed.EVT_REASON_U16]! << 16);
  words[at + 1] = instrument === INSTRUMENT_UNKNOWN
    ? Fixed.SYMBOL_UNKNOWN
    : instrument;
  words[at + 2] = 0;
  words[at + 3] = 0;
  writeWhole(words, at + 4, f64[double + Fixed.EVT_REFERENCE_F64]!);
  writeWhole(words, at + 6, f64[double + Fixed.EVT_QUANTITY_F64]!);
  writeUnits(words, at + 8, i32[word + Fixed.EVT_PRICE_I32]!, tickSizeE8);
  words[at + 10] = 0;
  words[at + 11] = 0;
  words[at + 12] = u32[word + Fixed.EVT_TIME_LO_U32]!;
  words[at + 13] = u32[word + Fixed.EVT_TIME_HI_U32]!;
  words[at + 14] = u32[word + Fixed.EVT_IN_SEQUENCE_U32]!;
}

function massType(kind: number): ServerType {
  switch (kind) {
    case Fixed.EventKind_MASS_CANCELED:
      return Fixed.ServerType_MASS_CANCELED;
    case Fixed.EventKind_KILLED:
      return Fixed.ServerType_BLOCKED;
    case Fixed.EventKind_UNLOCKED:
      return Fixed.ServerType_UNLOCKED;
    default:
      return fail(`event of kind ${kind} for a session of the binary protocol`);
  }
}
