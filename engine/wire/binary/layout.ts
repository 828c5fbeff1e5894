// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The byte layout of the binary order protocol, versions 1 and 2: constants
 * only. `docs/protocols/binary_order.md` is the specification; the tests hold
 * the two together.
 *
 * @module
 */

/** Byte 0 of a packet: every message is one block. */
export const BINARY_VERSION_1 = 1;
/** Byte 0 of a packet: a message may have terms, and more types are known. */
export const BINARY_VERSION_2 = 2;
/** Byte 1 of a packet: from whom. */
export const Direction = { CLIENT: 0, APPLIANCE: 1 } as const;

/** Bytes of a packet before its messages. */
export const HEADER_BYTES = 16;
export const HEADER_VERSION = 0;
export const HEADER_DIRECTION = 1;
export const HEADER_COUNT = 2;
export const HEADER_SESSION = 4;
export const HEADER_SEQUENCE = 8;

/** Bytes of a block: a message from a client, or a third of one with terms. */
export const CLIENT_MESSAGE_BYTES = 34;
/** Blocks of a message with terms. */
export const TERMS_MESSAGE_BLOCKS = 3;
/** Where the second block of such a message starts. */
export const TERMS_BLOCK = CLIENT_MESSAGE_BYTES;
/** Where the third block of such a message starts. */
export const MORE_BLOCK = 2 * CLIENT_MESSAGE_BYTES;
export const CLIENT_TYPE = 0;
export const CLIENT_SYMBOL = 1;
export const CLIENT_SIDE = 5;
export const CLIENT_QUANTITY = 6;
export const CLIENT_PRICE = 14;
/** New order: the client's time. Cancel, replace, status: reference. */
export const CLIENT_REFERENCE = 22;
export const CLIENT_CHECKSUM = 30;

// The second block of a message with terms: `ClientType.TERMS`.
export const TERMS_ORD_TYPE = 1;
export const TERMS_TIME_IN_FORCE = 2;
/** u16, the low bits of `TermFlag`. */
export const TERMS_FLAGS = 3;
/** 0 = as the session has it, `StpMode`, or `STP_NONE`. */
export const TERMS_STP = 5;
export const TERMS_STOP_PRICE = 6;
export const TERMS_DISPLAY_QUANTITY = 14;
export const TERMS_DISPLAY_RANGE = 22;

// The third block: `ClientType.MORE_TERMS`. Offsets from its own start.
export const MORE_ACCOUNT = 1;
export const MORE_RESERVED = 5;
export const MORE_MIN_QUANTITY = 6;
export const MORE_EXPIRE_TIME = 14;
/** u32 */
export const MORE_LINK = 22;
/** int32 */
export const MORE_OFFSET = 26;

/** Self-trade prevention of an order: none, whatever its session has. */
export const STP_NONE = 7;

/** Bytes of a message from the appliance. */
export const SERVER_MESSAGE_BYTES = 64;
export const SERVER_TYPE = 0;
export const SERVER_SIDE = 1;
export const SERVER_REASON = 2;
export const SERVER_SYMBOL = 4;
/** Unnumbered: the lowest outbound number that is stored. */
export const SERVER_ORDER_ID = 8;
/** Unnumbered: the number that the client's next message must have. */
export const SERVER_REFERENCE = 16;
export const SERVER_QUANTITY = 24;
export const SERVER_PRICE = 32;
/** Unnumbered: the number that the appliance's next message will have. */
export const SERVER_LEAVES = 40;
export const SERVER_TIME = 48;
/** The client's message that caused it; in a fill the match number, low word. */
export const SERVER_CAUSE = 56;
export const SERVER_CHECKSUM = 60;

// Stage times of an answer: `ServerType.TIMES`. Nanoseconds since 1970; 0 = not known.
/** Number of the answer. */
export const TIMES_ANSWER = SERVER_REFERENCE;
export const TIMES_RECEIVED = SERVER_QUANTITY;
export const TIMES_MATCHED = SERVER_PRICE;
export const TIMES_SENT = SERVER_LEAVES;
/** The same as in the answer. */
export const TIMES_SEQUENCED = SERVER_TIME;
/** The client's message that caused the answer; 0 = another's. */
export const TIMES_CAUSE = SERVER_CAUSE;

/** Blocks in a packet from a client, at most. */
export const CLIENT_COUNT_TCP_MAX = 256;
export const CLIENT_COUNT_UDP_MAX = 42;
/** Messages in a packet from the appliance, at most. */
export const SERVER_COUNT_TCP_MAX = 256;
export const SERVER_COUNT_UDP_MAX = 22;
/** Messages that one retransmit request brings, at most. */
export const RETRANSMIT_COUNT_MAX = 1024;
/** The highest number of a message, in either direction. */
export const SEQUENCE_MAX = 0xffffffff;
/** An unknown symbol, in answers; any symbol, in a mass cancel. */
export const SYMBOL_UNKNOWN = 0xffffffff;

/** Byte 0 of a message from a client, ASCII. */
export const ClientType = {
  NEW_ORDER: 0x4f, // O
  CANCEL: 0x58, // X
  REPLACE: 0x55, // U
  STATUS: 0x53, // S
  LOGON: 0x4c, // L
  HEARTBEAT: 0x48, // H
  RETRANSMIT: 0x52, // R
  LOGOUT: 0x51, // Q
  // Version 2 from here on.
  NEW_ORDER_WITH_TERMS: 0x4e, // N
  REPLACE_WITH_TERMS: 0x56, // V
  TERMS: 0x31, // 1
  MORE_TERMS: 0x32, // 2
  REDUCE: 0x44, // D
  MASS_CANCEL: 0x4d, // M
  BLOCK: 0x42, // B
  UNLOCK: 0x59, // Y
} as const;
export type ClientType = typeof ClientType[keyof typeof ClientType];

/** Byte 0 of a message from the appliance, ASCII. */
export const ServerType = {
  ACCEPTED: 0x41, // A
  REJECTED: 0x4a, // J
  FILLED: 0x46, // F
  CANCELED: 0x43, // C
  REPLACED: 0x55, // U
  CANCEL_REJECTED: 0x4b, // K
  STATUS: 0x53, // S
  LOGON_ACCEPTED: 0x4c, // L
  LOGON_REFUSED: 0x44, // D
  HEARTBEAT: 0x48, // H
  PACKET_REFUSED: 0x50, // P
  END: 0x45, // E
  // Version 2 from here on; a client of version 1 ignores them.
  PREVENTED: 0x56, // V
  TRIGGERED: 0x54, // T
  RESTATED: 0x52, // R
  MASS_CANCELED: 0x4d, // M
  BLOCKED: 0x42, // B
  UNLOCKED: 0x59, // Y
  TIMES: 0x57, // W
} as const;
export type ServerType = typeof ServerType[keyof typeof ServerType];

/** The side byte: bits 0 to 1 side, 4 to 6 time in force, 7 market. */
export const SIDE_MASK = 0x03;
/** Must be 0 in version 1, and nearly everywhere in version 2. */
export const SIDE_RESERVED_MASK = 0x0c;
export const SIDE_TIME_IN_FORCE_SHIFT = 4;
export const SIDE_TIME_IN_FORCE_MASK = 0x07;
export const SIDE_MARKET = 0x80;
/** New order of version 2. */
export const SIDE_POST_ONLY = 0x04;
/** New order of version 2. */
export const SIDE_HIDDEN = 0x08;
/** Replace of version 2: the quantity is what shall be open. */
export const SIDE_OPEN_QUANTITY = 0x04;
/** Mass cancel, block, unlock and their answers: an account is meant. */
export const SIDE_ACCOUNT = 0x10;
/** Mass cancel and its answer: a range of prices is given. */
export const SIDE_PRICE_RANGE = 0x20;
/** Logon of version 2: stage times are wanted. */
export const SIDE_TIMES = 0x01;
/** Bit 4 of the side byte of a fill: this order took liquidity. */
export const SIDE_AGGRESSOR = 0x10;

/** Good for auction where time in force has three bits; others are as in FIX. */
export const WIRE_GOOD_FOR_AUCTION = 5;
/** Time in force in records, by its value on the wire. */
export const TIME_IN_FORCE_BY_WIRE = [0, 1, 2, 3, 4, 11, 6, 7] as const;
/** Bits 2, 3 and 7 of the side byte of an answer, by `OrdType`. */
export const SIDE_BY_ORD_TYPE = [
  0,
  0x80, // market
  0x00, // limit
  0x84, // stop
  0x04, // stop limit
  0x0c, // market to limit
  0x84, // trailing stop
  0x08, // pegged to its own side
  0x08, // pegged to the other side
  0x08, // pegged to the middle
] as const;
