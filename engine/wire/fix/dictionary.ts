// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What FIX 4.4 says about tags and message types, as flat tables.
 *
 * Built once at load and only read afterwards; any thread may use it. It
 * knows the messages that a client may send here field by field, of all other
 * message types only that they exist. Numbers are those of the FIX 4.4
 * dictionary, and a few of later versions for what 4.4 has no tag for; group
 * members may repeat, all other tags may not.
 *
 * @module
 */

/** Message types that are understood, by their index in the tables below. */
export const MessageType = {
  HEARTBEAT: 0,
  TEST_REQUEST: 1,
  RESEND_REQUEST: 2,
  REJECT: 3,
  SEQUENCE_RESET: 4,
  LOGOUT: 5,
  LOGON: 6,
  NEW_ORDER_SINGLE: 7,
  ORDER_CANCEL_REQUEST: 8,
  ORDER_CANCEL_REPLACE_REQUEST: 9,
  ORDER_STATUS_REQUEST: 10,
  ORDER_MASS_CANCEL_REQUEST: 11,
  /** An application message of FIX 4.4 that is not supported. */
  UNSUPPORTED: 12,
  /** No message type of FIX 4.4. */
  INVALID: 13,
} as const;

/** Types below this have fields that are known. */
export const TYPES_KNOWN = 12;

/** Tags from this on are user-defined or not known at all. */
export const TAGS_MAX = 3072;

// Bits of `TAG_INFO`.
export const TAG_DEFINED = 1;
export const TAG_HEADER = 2;
export const TAG_TRAILER = 4;
/** Holds the length of the data field that follows. */
export const TAG_LENGTH = 8;
/** May hold SOH; its length is in the field before. */
export const TAG_DATA = 16;
/** Allowed in the body of the type. */
export const TAG_ALLOWED = 32;
/** Member of a repeating group of the type. */
export const TAG_GROUP = 64;

/** `info >>> TAG_SLOT_SHIFT`: slot of the value + 1; 0 = it has no slot. */
export const TAG_SLOT_SHIFT = 11;

/** Tags whose values are kept, in the order of their slots. */
export const SLOT_TAGS = [
  ...[35, 34, 49, 52, 56, 43, 97, 122],
  ...[7, 16, 36, 45, 98, 108, 112, 123, 141, 553, 554, 58],
  ...[11, 41, 55, 54, 60, 38, 40, 44, 59, 790, 530],
] as const;

/** Slots by what lies in them. */
export const Slot = {
  MSG_TYPE: 0,
  MSG_SEQ_NUM: 1,
  SENDER_COMP_ID: 2,
  SENDING_TIME: 3,
  TARGET_COMP_ID: 4,
  POSS_DUP_FLAG: 5,
  POSS_RESEND: 6,
  ORIG_SENDING_TIME: 7,
  BEGIN_SEQ_NO: 8,
  END_SEQ_NO: 9,
  NEW_SEQ_NO: 10,
  REF_SEQ_NUM: 11,
  ENCRYPT_METHOD: 12,
  HEART_BT_INT: 13,
  TEST_REQ_ID: 14,
  GAP_FILL_FLAG: 15,
  RESET_SEQ_NUM_FLAG: 16,
  USERNAME: 17,
  PASSWORD: 18,
  TEXT: 19,
  CL_ORD_ID: 20,
  ORIG_CL_ORD_ID: 21,
  SYMBOL: 22,
  SIDE: 23,
  TRANSACT_TIME: 24,
  ORDER_QTY: 25,
  ORD_TYPE: 26,
  PRICE: 27,
  TIME_IN_FORCE: 28,
  ORD_STATUS_REQ_ID: 29,
  MASS_CANCEL_REQUEST_TYPE: 30,
} as const;

/**
 * Tags that make an order special, in the order of `Term`. A plain order has
 * none of them, so they are looked up apart, among the tags without a slot.
 */
export const TERM_TAGS = [
  ...[1, 18, 99, 110, 111, 126, 211, 432, 583, 836],
  ...[1084, 1085, 1086, 1138, 1385, 2964],
  ...[20001, 20002, 20003, 20004, 20005],
] as const;

/** Where the values of `TERM_TAGS` lie: `TERM_SLOTS` + this. */
export const Term = {
  ACCOUNT: 0,
  EXEC_INST: 1,
  STOP_PX: 2,
  MIN_QTY: 3,
  MAX_FLOOR: 4,
  EXPIRE_TIME: 5,
  PEG_OFFSET_VALUE: 6,
  EXPIRE_DATE: 7,
  CL_ORD_LINK_ID: 8,
  PEG_OFFSET_TYPE: 9,
  DISPLAY_METHOD: 10,
  DISPLAY_LOW_QTY: 11,
  DISPLAY_HIGH_QTY: 12,
  DISPLAY_QTY: 13,
  CONTINGENCY_TYPE: 14,
  SELF_MATCH_PREVENTION: 15,
  /** Ours: how a post-only order behaves. */
  POST_ONLY_MODE: 16,
  /** Ours: what the quantity of a replace means. */
  REPLACE_QUANTITY_MODE: 17,
  /** Ours: range of a mass cancel. */
  LOWEST_PRICE: 18,
  HIGHEST_PRICE: 19,
  /** Ours: blocks or unlocks. */
  KILL_SWITCH: 20,
  /** Any of `UNSUPPORTED_TERMS`: what it asks for can not be done. */
  UNSUPPORTED: 21,
} as const;

/** First element of `FixParser.from` and `to` that belongs to a term. */
export const TERM_SLOTS = 32;

/** Effective time, other peg and discretion instructions, strategies, and the like. */
const UNSUPPORTED_TERMS =
  "152 168 210 388-389 835 837-838 840-844 846-849 1088";
/** Our own tags: the first one, and how many they are. */
const USER_TAG_FIRST = 20001;
const USER_TAGS = 5;

/** Of later versions. */
const DEFINED_LATER = "1084-1086 1088 1138 1385 2964";
const DEFINED =
  "1-19 21-23 25-45 48-50 52-75 77-85 87-91 93-100 102-104 106-108 110-124 " +
  "126-165 167-172 188-203 206-218 220-260 262-313 315-318 320-369 371-438 " +
  "441-448 451-464 466-652 654-684 686-808 810-830 832-956";
const HEADER =
  "8-9 34-35 43 49-50 52 56-57 90-91 97 115-116 122 128-129 142-145 212-213 " +
  "347 369 627-630";
const HEADER_GROUP = "628-630";
const TRAILER = "10 89 93";
const LENGTHS = "90 93 95 212 348 350 352 354 356 358 360 362 364 445 618 621";
const DATA = "89 91 96 213 349 351 353 355 357 359 361 363 365 446 619 622";

const ORDER_COMMON =
  "1 11 22 48 54-55 65 106-107 167 200-202 206-207 223-228 231 239-240 255 " +
  "348-351 453-454 460-461 470-472 526 541 543 583 660 667 691 711 762 788 " +
  "864 873-876 898 913-919 947 ";
const ORDER_GROUP_COMMON =
  "241-247 256 305-313 315-318 362-365 435-436 447-448 452 455-459 462-463 " +
  "523 542 592-595 763 802-803 810 865-868 877-879 882-889 941 ";
const NEW_OR_REPLACE =
  "12-13 15 18 21 38 40 44 58-60 63-64 70 75 77-78 99-100 110-111 114 " +
  "120-121 126 152 168 192-193 203 210-211 218 220-222 229 235-236 354-355 " +
  "376-377 386 388-389 423 427 432 468-469 479-481 494 497 513 516 528-529 " +
  "544 581-582 589-591 635 640 662-663 696-699 701 761 775 835-838 840-844 " +
  "846-849 854 " + DEFINED_LATER + " ";
const NEW_OR_REPLACE_GROUP = "79-80 336 467 524-525 538-539 545 625 661 736 " +
  "804-805 ";

/** Body tags and group members, by message type. */
const BODIES: readonly (readonly [string, string])[] = [
  ["112", ""],
  ["112", ""],
  ["7 16", ""],
  ["45 58 354-355 371-373", ""],
  ["36 123", ""],
  ["58 354-355", ""],
  ["95-96 98 108 141 383-384 464 553-554 789", "372 385"],
  [
    ORDER_COMMON + NEW_OR_REPLACE + "23 81 117 140 232 432",
    ORDER_GROUP_COMMON + NEW_OR_REPLACE_GROUP + "233-234",
  ],
  [
    ORDER_COMMON +
    "37-38 41 58 60 66 152 354-355 376 468-469 516 581 586",
    ORDER_GROUP_COMMON,
  ],
  [
    ORDER_COMMON + NEW_OR_REPLACE + "37 41 66 586",
    ORDER_GROUP_COMMON + NEW_OR_REPLACE_GROUP,
  ],
  [ORDER_COMMON + "37 790", ORDER_GROUP_COMMON],
  // Account (1) is ours here.
  [
    "1 11 22 48 54-55 58 60 65 106-107 167 200-202 206-207 223-228 231 " +
    "239-240 255 305-313 315-318 336 348-351 354-355 362-365 435-436 454 " +
    "457 460-463 470-472 526 530 541-543 592-595 625 667 691 762-763 810 " +
    "864 873-879 882-887 941 947",
    "241-247 256 455-456 458-459 865-868 888-889",
  ],
];

/** Tags that each type must have, beside the header's. */
const REQUIRED: readonly (readonly number[])[] = [
  [],
  [112],
  [7, 16],
  [45],
  [36],
  [],
  [98, 108],
  [11, 55, 54, 60, 40],
  [41, 11, 55, 54, 60],
  [41, 11, 55, 54, 60, 40],
  [11, 55, 54],
  [11, 530, 60],
];

/** Types of one character, in the order of `MessageType`. */
const KNOWN_TYPES = "012345ADFGHq";
/** Types of FIX 4.4 with one character. */
const ONE_CHARACTER_TYPES =
  "0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghijklmnopqrstuvwxyz";

/** Calls back for each number of a list like "1-3 7". */
function each(list: string, visit: (tag: number) => void): void {
  for (const part of list.trim().split(" ")) {
    if (part === "") continue;
    const [first, last] = part.split("-");
    for (let tag = Number(first); tag <= Number(last ?? first); tag++) {
      visit(tag);
    }
  }
}

function buildInfo(): Uint16Array {
  const info = new Uint16Array((TYPES_KNOWN + 1) * TAGS_MAX);
  for (let type = 0; type <= TYPES_KNOWN; type++) {
    const mark = (list: string, bits: number) =>
      each(list, (tag) => {
        info[type * TAGS_MAX + tag]! |= bits;
      });
    mark(DEFINED, TAG_DEFINED);
    mark(DEFINED_LATER, TAG_DEFINED);
    mark(HEADER, TAG_HEADER);
    mark(TRAILER, TAG_TRAILER);
    mark(LENGTHS, TAG_LENGTH);
    mark(DATA, TAG_DATA);
    SLOT_TAGS.forEach((tag, slot) => {
      info[type * TAGS_MAX + tag]! |= (slot + 1) << TAG_SLOT_SHIFT;
    });
    const [body, group] = BODIES[type] ?? ["", ""];
    mark(body, TAG_ALLOWED);
    mark(group, TAG_ALLOWED | TAG_GROUP);
    if (type < TYPES_KNOWN) mark(HEADER_GROUP, TAG_GROUP);
  }
  return info;
}

function buildTerms(): Uint8Array {
  const terms = new Uint8Array(TAGS_MAX);
  TERM_TAGS.forEach((tag, term) => {
    if (tag < TAGS_MAX) terms[tag] = term + 1;
  });
  each(UNSUPPORTED_TERMS, (tag) => {
    terms[tag] = Term.UNSUPPORTED + 1;
  });
  return terms;
}

function buildRequired(): Int32Array {
  return Int32Array.from(
    REQUIRED,
    (tags) =>
      tags.reduce(
        (mask, tag) =>
          mask | (1 << SLOT_TAGS.findIndex((kept) => kept === tag)),
        0,
      ),
  );
}

function buildTypes(): Uint8Array {
  const types = new Uint8Array(128).fill(MessageType.INVALID);
  for (const type of ONE_CHARACTER_TYPES) {
    types[type.charCodeAt(0)] = MessageType.UNSUPPORTED;
  }
  for (let i = 0; i < KNOWN_TYPES.length; i++) {
    types[KNOWN_TYPES.charCodeAt(i)] = i;
  }
  return types;
}

/** Bits by type x `TAGS_MAX` + tag; all types that are not known are the last. */
export const TAG_INFO: Uint16Array = buildInfo();
const TERM_BY_TAG: Uint8Array = buildTerms();
/** Mask of the slots that must be there, by type. */
export const TYPE_REQUIRED: Int32Array = buildRequired();
const TYPE_BY_CHARACTER: Uint8Array = buildTypes();

/** `Term` + 1 that a tag stands for, or 0. */
export function termOf(tag: number): number {
  if (tag < TAGS_MAX) return TERM_BY_TAG[tag]!;
  const user = tag - USER_TAG_FIRST;
  return user >= 0 && user < USER_TAGS ? Term.POST_ONLY_MODE + 1 + user : 0;
}

/** `MessageType` of the value of tag 35 in `bytes[from, to)`. */
export function messageType(
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  const first = bytes[from]!;
  if (to - from === 1) {
    return first < 128 ? TYPE_BY_CHARACTER[first]! : MessageType.INVALID;
  }
  if (to - from !== 2) return MessageType.INVALID;
  const second = bytes[from + 1]!;
  const valid = (first === 0x41 && second >= 0x41 && second <= 0x5a) ||
    (first === 0x42 && second >= 0x41 && second <= 0x48);
  return valid ? MessageType.UNSUPPORTED : MessageType.INVALID;
}
