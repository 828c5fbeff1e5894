// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Texts and FIX codes for what is refused, as tables made once.
 *
 * @module
 */
import { Reason, REASON_TEXT } from "../../record/mod.ts";
import { RejectReason } from "../../wire/fix/mod.ts";

const ENCODER = new TextEncoder();
const REASONS_MAX = 512;

/**
 * A text as little-endian words, its length in bytes before them. Texts go out
 * four bytes at a time; up to three more may be written behind them.
 */
export function wordsOfText(text: Uint8Array): Int32Array {
  const words = new Int32Array(1 + Math.ceil(text.length / 4));
  new Uint8Array(words.buffer).set(text, 4);
  words[0] = text.length;
  return words;
}

/** BusinessRejectReason (tag 380). */
export const BusinessReason = {
  OTHER: 0,
  UNKNOWN_SECURITY: 2,
  UNSUPPORTED_TYPE: 3,
  NOT_AVAILABLE: 4,
  CONDITIONAL_FIELD: 5,
} as const;

/** What a BusinessMessageReject or Reject says in words: an index of `NOTES`. */
export const Note = {
  NONE: 0,
  TYPE_UNSUPPORTED: 1,
  SYMBOL_TOO_LONG: 2,
  PRICE_REQUIRED: 3,
  QUANTITY_REQUIRED: 4,
  ID_TOO_LONG: 5,
  ALREADY_LOGGED_ON: 6,
  SEQUENCE_BACKWARDS: 7,
  ORIGINAL_LATER: 8,
} as const;

/** By `Note`. */
export const NOTES: readonly Int32Array[] = [
  "",
  "Message type is not supported",
  "Unknown symbol",
  "Price (44) is required for a limit order",
  "OrderQty (38) is required",
  "Longer than can be kept",
  "Already logged on",
  "NewSeqNo is below the expected number",
  "OrigSendingTime is later than SendingTime",
].map((text) => wordsOfText(ENCODER.encode(text)));

/** By SessionRejectReason (tag 373). */
export const REJECT_TEXTS: readonly Int32Array[] = (() => {
  const texts: Record<number, string> = {
    [RejectReason.INVALID_TAG]: "Invalid tag number",
    [RejectReason.REQUIRED_MISSING]: "Required tag missing",
    [RejectReason.NOT_FOR_TYPE]: "Tag not defined for this message type",
    [RejectReason.UNDEFINED_TAG]: "Undefined tag",
    [RejectReason.NO_VALUE]: "Tag specified without a value",
    [RejectReason.BAD_VALUE]: "Value is incorrect (out of range) for this tag",
    [RejectReason.BAD_FORMAT]: "Incorrect data format for value",
    [RejectReason.COMP_ID]: "CompID problem",
    [RejectReason.SENDING_TIME]: "SendingTime accuracy problem",
    [RejectReason.BAD_TYPE]: "Invalid MsgType",
    [RejectReason.REPEATED]: "Tag appears more than once",
    [RejectReason.ORDER]: "Tag specified out of required order",
    [RejectReason.OTHER]: "Other",
  };
  return Array.from(
    { length: 100 },
    (_, code) => wordsOfText(ENCODER.encode(texts[code] ?? "")),
  );
})();

/** By `Reason`. */
export const REASON_TEXTS: readonly Int32Array[] = Array.from(
  { length: REASONS_MAX },
  (_, reason) => wordsOfText(ENCODER.encode(REASON_TEXT[reason] ?? "")),
);

/** OrdRejReason (tag 103) by `Reason`; 99 = other. */
export const ORD_REJ_REASON: Uint8Array = (() => {
  const codes = new Uint8Array(REASONS_MAX).fill(99);
  codes[Reason.UNKNOWN_INSTRUMENT] = 1;
  codes[Reason.DUPLICATE_ORDER] = 6;
  codes[Reason.UNKNOWN_ORDER] = 5;
  codes[Reason.INVALID_SIDE] = 11;
  codes[Reason.INVALID_ORD_TYPE] = 11;
  codes[Reason.INVALID_TIME_IN_FORCE] = 11;
  codes[Reason.UNSUPPORTED] = 11;
  codes[Reason.INVALID_QUANTITY] = 13;
  codes[Reason.QUANTITY_OFF_LOT] = 13;
  codes[Reason.QUANTITY_TOO_LARGE] = 13;
  codes[Reason.MAX_QUANTITY] = 3;
  codes[Reason.MAX_NOTIONAL] = 3;
  codes[Reason.SHUTTING_DOWN] = 2;
  codes[Reason.ORDER_CAPACITY] = 0;
  codes[Reason.LEVEL_CAPACITY] = 0;
  codes[Reason.OVERLOADED] = 0;
  return codes;
})();

/** CxlRejReason (tag 102) by `Reason`; 99 = other. */
export const CXL_REJ_REASON: Uint8Array = (() => {
  const codes = new Uint8Array(REASONS_MAX).fill(99);
  codes[Reason.UNKNOWN_ORDER] = 1;
  codes[Reason.TOO_LATE] = 0;
  codes[Reason.DUPLICATE_ORDER] = 6;
  codes[Reason.SHUTTING_DOWN] = 2;
  codes[Reason.OVERLOADED] = 2;
  return codes;
})();
