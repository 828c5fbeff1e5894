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
  STOP_REQUIRED: 9,
  OFFSET_REQUIRED: 10,
  PEG_REQUIRED: 11,
  DISPLAY_REQUIRED: 12,
  RANGE_REQUIRED: 13,
  EXPIRY_REQUIRED: 14,
  LINK_REQUIRED: 15,
  SYMBOL_REQUIRED: 16,
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
  "StopPx (99) is required for a stop order",
  "PegOffsetValue (211) is required for a trailing stop",
  "ExecInst (18) must hold a, R, P or M for a pegged order",
  "MaxFloor (111) is required for DisplayMethod (1084) 3",
  "DisplayLowQty (1085) and DisplayHighQty (1086) go with DisplayMethod (1084) 3",
  "ExpireTime (126) or ExpireDate (432) is required for good till date",
  "ClOrdLinkID (583) is required for ContingencyType (1385) 1",
  "Symbol (55) is required for this MassCancelRequestType",
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

/** A table by `Reason` with `rest` where `codes` says nothing. */
function byReason(
  rest: number,
  codes: Readonly<Record<number, readonly number[]>>,
): Uint8Array {
  const table = new Uint8Array(REASONS_MAX).fill(rest);
  for (const [code, reasons] of Object.entries(codes)) {
    for (const reason of reasons) table[reason] = Number(code);
  }
  return table;
}

/** OrdRejReason (tag 103) by `Reason`; 99 = other. */
export const ORD_REJ_REASON: Uint8Array = byReason(99, {
  0: [
    Reason.ORDER_CAPACITY,
    Reason.LEVEL_CAPACITY,
    Reason.SPECIAL_CAPACITY,
    Reason.OVERLOADED,
    Reason.JOURNAL_FULL,
    Reason.JOURNAL_SLOW,
    Reason.RESTRICTED,
    Reason.BLOCKED,
  ],
  1: [Reason.UNKNOWN_INSTRUMENT],
  2: [Reason.SHUTTING_DOWN, Reason.STATE_FORBIDS],
  3: [
    Reason.MAX_QUANTITY,
    Reason.MAX_NOTIONAL,
    Reason.ACCOUNT_MAX_QUANTITY,
    Reason.ACCOUNT_MAX_NOTIONAL,
    Reason.MAX_OPEN_ORDERS,
    Reason.MAX_POSITION,
    Reason.MESSAGE_RATE,
    Reason.PRICE_COLLAR,
    Reason.PRICE_BAND,
  ],
  5: [Reason.UNKNOWN_ORDER, Reason.UNKNOWN_LINK],
  6: [Reason.DUPLICATE_ORDER],
  11: [
    Reason.INVALID_SIDE,
    Reason.INVALID_ORD_TYPE,
    Reason.INVALID_TIME_IN_FORCE,
    Reason.INVALID_COMBINATION,
    Reason.UNSUPPORTED,
  ],
  13: [
    Reason.INVALID_QUANTITY,
    Reason.QUANTITY_OFF_LOT,
    Reason.QUANTITY_TOO_LARGE,
    Reason.INVALID_DISPLAY_QUANTITY,
    Reason.INVALID_MIN_QUANTITY,
  ],
  15: [Reason.UNKNOWN_ACCOUNT],
});

/** CxlRejReason (tag 102) by `Reason`; 99 = other. */
export const CXL_REJ_REASON: Uint8Array = byReason(99, {
  0: [Reason.TOO_LATE],
  1: [Reason.UNKNOWN_ORDER],
  2: [
    Reason.SHUTTING_DOWN,
    Reason.OVERLOADED,
    Reason.JOURNAL_FULL,
    Reason.JOURNAL_SLOW,
    Reason.STATE_FORBIDS,
    Reason.BLOCKED,
    Reason.RESTRICTED,
    Reason.MESSAGE_RATE,
  ],
  6: [Reason.DUPLICATE_ORDER],
});

/** MassCancelRejectReason (tag 532) by `Reason`; 99 = other. */
export const MASS_CANCEL_REJECT_REASON: Uint8Array = byReason(99, {
  0: [Reason.UNSUPPORTED],
  1: [Reason.UNKNOWN_INSTRUMENT],
});

/** `RESTATEMENT_REASON`: none. */
export const NO_RESTATEMENT = 255;

/**
 * ExecRestatementReason (tag 378) by `Reason` of an order that ended without
 * its owner's doing: 6 = halt, 8 = the market's choice.
 */
export const RESTATEMENT_REASON: Uint8Array = byReason(NO_RESTATEMENT, {
  6: [Reason.VOLATILITY],
  8: [
    Reason.SELF_TRADE,
    Reason.AUCTION_ENDED,
    Reason.LEVEL_CAPACITY,
    Reason.LINKED,
  ],
});
