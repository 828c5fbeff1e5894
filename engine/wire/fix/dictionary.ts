// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What FIX 4.4 says about tags and message types, as flat tables.
 *
 * Built once at load and only read afterwards; any thread may use it. It
 * knows the messages that a client may send here field by field, of all other
 * message types only that they exist. Numbers are those of the FIX 4.4
 * dictionary; group members may repeat, all other tags may not.
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
  /** An application message of FIX 4.4 that is not supported. */
  UNSUPPORTED: 11,
  /** No message type of FIX 4.4. */
  INVALID: 12,
} as const;

/** Last of the types whose fields are known. */
export const TYPES_KNOWN = 11;

/** Tags beyond this are user-defined or not FIX 4.4. */
export const TAGS_MAX = 1024;

// Bits of `TAG_INFO`.
export const TAG_DEFINED = 1;
export const TAG_HEADER = 2;
export const TAG_TRAILER = 4;
/** Holds the length of the data field that follows. */
export const TAG_LENGTH = 8;
/** May hold SOH; its length is in the field before. */
export const TAG_DATA = 16;
/** `TAG_ALLOWED << type`: allowed in the body of that type. */
export const TAG_ALLOWED = 32;
/** `TAG_GROUP << type`: member of a repeating group of that type. */
export const TAG_GROUP = 1 << 16;

/** `info >>> TAG_SLOT_SHIFT`: slot of the value + 1; 0 = the value is not kept. */
export const TAG_SLOT_SHIFT = 27;

/** Tags whose values are kept, in the order of their slots. */
export const SLOT_TAGS = [
  ...[35, 34, 49, 52, 56, 43, 97, 122],
  ...[7, 16, 36, 45, 98, 108, 112, 123, 141, 553, 554, 58],
  ...[11, 41, 55, 54, 60, 38, 40, 44, 59, 790],
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
} as const;

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
  "846-849 854 ";
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
];

/** Types of one character, in the order of `MessageType`. */
const KNOWN_TYPES = "012345ADFGH";
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

function buildInfo(): Int32Array {
  const info = new Int32Array(TAGS_MAX);
  const mark = (list: string, bits: number) =>
    each(list, (tag) => {
      info[tag]! |= bits;
    });
  mark(DEFINED, TAG_DEFINED);
  mark(HEADER, TAG_HEADER);
  mark(TRAILER, TAG_TRAILER);
  mark(LENGTHS, TAG_LENGTH);
  mark(DATA, TAG_DATA);
  BODIES.forEach(([body, group], type) => {
    mark(body, TAG_ALLOWED << type);
    mark(group, (TAG_ALLOWED << type) | (TAG_GROUP << type));
    mark(HEADER_GROUP, TAG_GROUP << type);
  });
  SLOT_TAGS.forEach((tag, slot) => {
    info[tag]! |= (slot + 1) << TAG_SLOT_SHIFT;
  });
  return info;
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

/** Bits by tag. */
export const TAG_INFO: Int32Array = buildInfo();
/** Mask of the slots that must be there, by type. */
export const TYPE_REQUIRED: Int32Array = buildRequired();
const TYPE_BY_CHARACTER: Uint8Array = buildTypes();

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
