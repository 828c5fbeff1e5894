// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The byte layout of the binary order protocol, version 1: constants only.
 * `docs/protocols/binary_order.md` is the specification; the tests hold the
 * two together.
 *
 * @module
 */

/** Byte 0 of a packet. */
export const BINARY_VERSION = 1;
/** Byte 1 of a packet: from whom. */
export const Direction = { CLIENT: 0, APPLIANCE: 1 } as const;

/** Bytes of a packet before its messages. */
export const HEADER_BYTES = 16;
export const HEADER_VERSION = 0;
export const HEADER_DIRECTION = 1;
export const HEADER_COUNT = 2;
export const HEADER_SESSION = 4;
export const HEADER_SEQUENCE = 8;

/** Bytes of a message from a client. */
export const CLIENT_MESSAGE_BYTES = 34;
export const CLIENT_TYPE = 0;
export const CLIENT_SYMBOL = 1;
export const CLIENT_SIDE = 5;
export const CLIENT_QUANTITY = 6;
export const CLIENT_PRICE = 14;
/** New order: the client's time. Cancel, replace, status: reference. */
export const CLIENT_REFERENCE = 22;
export const CLIENT_CHECKSUM = 30;

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

/** Messages in a packet from a client, at most. */
export const CLIENT_COUNT_TCP_MAX = 256;
export const CLIENT_COUNT_UDP_MAX = 42;
/** Messages in a packet from the appliance, at most. */
export const SERVER_COUNT_TCP_MAX = 256;
export const SERVER_COUNT_UDP_MAX = 22;
/** Messages that one retransmit request brings, at most. */
export const RETRANSMIT_COUNT_MAX = 1024;
/** The highest number of a message, in either direction. */
export const SEQUENCE_MAX = 0xffffffff;
/** An unknown symbol, in answers. */
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
} as const;
export type ServerType = typeof ServerType[keyof typeof ServerType];

/** The side byte: bits 0 to 1 side, 4 to 6 time in force, 7 market. */
export const SIDE_MASK = 0x03;
export const SIDE_RESERVED_MASK = 0x0c;
export const SIDE_TIME_IN_FORCE_SHIFT = 4;
export const SIDE_TIME_IN_FORCE_MASK = 0x07;
export const SIDE_MARKET = 0x80;
/** Bit 4 of the side byte of a fill: this order took liquidity. */
export const SIDE_AGGRESSOR = 0x10;
