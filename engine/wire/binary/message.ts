// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Packets of the binary protocol as a client and the tests see them: objects
 * in, bytes out, and the other way round. Pure, allocates, checks everything;
 * the gateway's hot path has its own code over the same layout.
 *
 * @module
 */
import { OrdType, Side, TimeInForce } from "../../record/mod.ts";
import { crc32c } from "../crc32c.ts";
import {
  BINARY_VERSION_1,
  BINARY_VERSION_2,
  CLIENT_CHECKSUM,
  CLIENT_MESSAGE_BYTES,
  CLIENT_PRICE,
  CLIENT_QUANTITY,
  CLIENT_REFERENCE,
  CLIENT_SIDE,
  CLIENT_SYMBOL,
  CLIENT_TYPE,
  ClientType,
  Direction,
  HEADER_BYTES,
  HEADER_COUNT,
  HEADER_DIRECTION,
  HEADER_SEQUENCE,
  HEADER_SESSION,
  HEADER_VERSION,
  MORE_ACCOUNT,
  MORE_EXPIRE_TIME,
  MORE_LINK,
  MORE_MIN_QUANTITY,
  MORE_OFFSET,
  SERVER_CAUSE,
  SERVER_CHECKSUM,
  SERVER_COUNT_TCP_MAX,
  SERVER_LEAVES,
  SERVER_MESSAGE_BYTES,
  SERVER_ORDER_ID,
  SERVER_PRICE,
  SERVER_QUANTITY,
  SERVER_REASON,
  SERVER_REFERENCE,
  SERVER_SIDE,
  SERVER_SYMBOL,
  SERVER_TIME,
  SERVER_TYPE,
  SIDE_MARKET,
  SIDE_TIME_IN_FORCE_SHIFT,
  TERMS_DISPLAY_QUANTITY,
  TERMS_DISPLAY_RANGE,
  TERMS_FLAGS,
  TERMS_MESSAGE_BLOCKS,
  TERMS_ORD_TYPE,
  TERMS_STOP_PRICE,
  TERMS_STP,
  TERMS_TIME_IN_FORCE,
  WIRE_GOOD_FOR_AUCTION,
} from "./layout.ts";

/** A whole number that may need 64 bits. */
export type Whole = number | bigint;

/** Terms of a new order or a replace, as they stand on the wire. Absent = 0. */
export interface ClientTerms {
  /** `OrdType` */
  readonly ordType?: number;
  /** See `wireTimeInForce()`. */
  readonly timeInForce?: number;
  /** Low bits of `TermFlag`. */
  readonly flags?: number;
  /** `StpMode`; 0 = as the session has it; `STP_NONE`. */
  readonly stp?: number;
  /** Value x 1e8. */
  readonly stopPrice?: Whole;
  /** Value x 1e8. */
  readonly displayQuantity?: Whole;
  /** Value x 1e8. */
  readonly displayRange?: Whole;
  /** Number of the account; 0 = the session's. */
  readonly account?: number;
  /** Value x 1e8. */
  readonly minQuantity?: Whole;
  /** Nanoseconds since 1970. */
  readonly expireTimeNs?: Whole;
  /** Number of the message that made the linked order. */
  readonly linkReference?: number;
  /** Ticks or basis points. */
  readonly offset?: number;
}

/** A message from a client. Fields that are absent are 0. */
export interface ClientMessage {
  /** `ClientType` */
  readonly type: number;
  readonly symbol?: number;
  /** The whole side byte; see `sideByte()`. */
  readonly side?: number;
  /** Value x 1e8; logon: key. */
  readonly quantity?: Whole;
  /** Value x 1e8; logon: first wanted number. */
  readonly price?: Whole;
  /** Cancel, replace, status: number of the order's message. New order: time. */
  readonly reference?: Whole;
  /** Makes it a message of three blocks. */
  readonly terms?: ClientTerms;
}

/** A message from the appliance. */
export interface ServerMessage {
  /** Its number; 0 = it has none. */
  readonly sequence: number;
  /** `ServerType` */
  readonly type: number;
  /** The whole side byte. */
  readonly side: number;
  /** `Reason` */
  readonly reason: number;
  readonly symbol: number;
  readonly orderId: number;
  readonly reference: number;
  /** Value x 1e8. */
  readonly quantity: bigint;
  /** Value x 1e8. */
  readonly price: bigint;
  /** Value x 1e8. */
  readonly leaves: bigint;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** The client's message that caused it; fill: match number, low 32 bits. */
  readonly cause: number;
}

/** What a packet's first 16 bytes say. */
export interface PacketHeader {
  readonly version: number;
  readonly direction: number;
  readonly count: number;
  readonly session: number;
  readonly sequence: bigint;
}

/** The bytes are not a packet of this protocol. */
export class BinaryFormatError extends Error {
  override name = "BinaryFormatError";
}

/**
 * The side byte of a new order.
 *
 * @param side `Side`
 * @param timeInForce `TimeInForce`
 * @param ordType `OrdType`
 */
export function sideByte(
  side: number = Side.BUY,
  timeInForce: number = TimeInForce.DAY,
  ordType: number = OrdType.LIMIT,
): number {
  return side | (wireTimeInForce(timeInForce) << SIDE_TIME_IN_FORCE_SHIFT) |
    (ordType === OrdType.MARKET ? SIDE_MARKET : 0);
}

/** A time in force as it stands on the wire. */
export function wireTimeInForce(timeInForce: number): number {
  return timeInForce === TimeInForce.GOOD_FOR_AUCTION
    ? WIRE_GOOD_FOR_AUCTION
    : timeInForce;
}

/** Blocks of 34 bytes that a client message takes. */
export function blocksOf(message: ClientMessage): number {
  return message.terms === undefined ? 1 : TERMS_MESSAGE_BLOCKS;
}

/** Writes a client message with its checksums at `offset`; returns its bytes. */
export function writeClientMessage(
  bytes: Uint8Array,
  offset: number,
  message: ClientMessage,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint8(CLIENT_TYPE, message.type);
  view.setUint32(CLIENT_SYMBOL, message.symbol ?? 0, true);
  view.setUint8(CLIENT_SIDE, message.side ?? 0);
  view.setBigUint64(CLIENT_QUANTITY, BigInt(message.quantity ?? 0), true);
  view.setBigUint64(CLIENT_PRICE, BigInt(message.price ?? 0), true);
  view.setBigUint64(CLIENT_REFERENCE, BigInt(message.reference ?? 0), true);
  seal(bytes, offset);
  if (message.terms === undefined) return CLIENT_MESSAGE_BYTES;
  writeTerms(bytes, offset + CLIENT_MESSAGE_BYTES, message.terms);
  return TERMS_MESSAGE_BLOCKS * CLIENT_MESSAGE_BYTES;
}

/** The second and third block of a message. */
function writeTerms(
  bytes: Uint8Array,
  offset: number,
  terms: ClientTerms,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint8(CLIENT_TYPE, ClientType.TERMS);
  view.setUint8(TERMS_ORD_TYPE, terms.ordType ?? 0);
  view.setUint8(TERMS_TIME_IN_FORCE, terms.timeInForce ?? 0);
  view.setUint16(TERMS_FLAGS, terms.flags ?? 0, true);
  view.setUint8(TERMS_STP, terms.stp ?? 0);
  const stopPrice = BigInt(terms.stopPrice ?? 0);
  view.setBigUint64(TERMS_STOP_PRICE, stopPrice, true);
  const shown = BigInt(terms.displayQuantity ?? 0);
  view.setBigUint64(TERMS_DISPLAY_QUANTITY, shown, true);
  const range = BigInt(terms.displayRange ?? 0);
  view.setBigUint64(TERMS_DISPLAY_RANGE, range, true);
  const more = CLIENT_MESSAGE_BYTES;
  view.setUint8(more + CLIENT_TYPE, ClientType.MORE_TERMS);
  view.setUint32(more + MORE_ACCOUNT, terms.account ?? 0, true);
  const least = BigInt(terms.minQuantity ?? 0);
  view.setBigUint64(more + MORE_MIN_QUANTITY, least, true);
  const expires = BigInt(terms.expireTimeNs ?? 0);
  view.setBigUint64(more + MORE_EXPIRE_TIME, expires, true);
  view.setUint32(more + MORE_LINK, terms.linkReference ?? 0, true);
  view.setInt32(more + MORE_OFFSET, terms.offset ?? 0, true);
  seal(bytes, offset);
  seal(bytes, offset + more);
}

/** Writes the checksum of one block. */
function seal(bytes: Uint8Array, offset: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  const covered = bytes.subarray(offset, offset + CLIENT_CHECKSUM);
  view.setUint32(CLIENT_CHECKSUM, crc32c(covered), true);
}

/**
 * Writes the header of a packet from a client at `offset`.
 *
 * @param count Blocks.
 */
export function writeClientHeader(
  bytes: Uint8Array,
  offset: number,
  session: number,
  sequence: Whole,
  count: number,
  version: number = BINARY_VERSION_1,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint8(HEADER_VERSION, version);
  view.setUint8(HEADER_DIRECTION, Direction.CLIENT);
  view.setUint16(HEADER_COUNT, count, true);
  view.setUint32(HEADER_SESSION, session, true);
  view.setBigUint64(HEADER_SEQUENCE, BigInt(sequence), true);
}

/**
 * A whole packet from a client.
 *
 * @param sequence Number of the first message; 0 = without numbers.
 */
export function encodeClientPacket(
  session: number,
  sequence: Whole,
  messages: readonly ClientMessage[],
  version: number = BINARY_VERSION_1,
): Uint8Array<ArrayBuffer> {
  const blocks = messages.reduce((sum, message) => sum + blocksOf(message), 0);
  const bytes = new Uint8Array(HEADER_BYTES + blocks * CLIENT_MESSAGE_BYTES);
  writeClientHeader(bytes, 0, session, sequence, blocks, version);
  let at = HEADER_BYTES;
  for (const message of messages) at += writeClientMessage(bytes, at, message);
  return bytes;
}

/**
 * Reads a packet's header.
 *
 * @throws {BinaryFormatError} If it is none from the appliance.
 */
export function decodeServerHeader(bytes: Uint8Array): PacketHeader {
  if (bytes.length < HEADER_BYTES) {
    throw new BinaryFormatError(`A header of ${bytes.length} bytes, not 16`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const version = view.getUint8(HEADER_VERSION);
  const direction = view.getUint8(HEADER_DIRECTION);
  const count = view.getUint16(HEADER_COUNT, true);
  const known = version === BINARY_VERSION_1 || version === BINARY_VERSION_2;
  if (!known || direction !== Direction.APPLIANCE) {
    throw new BinaryFormatError(
      `Version ${version}, direction ${direction}: not an answer of version 1 or 2`,
    );
  }
  if (count < 1 || count > SERVER_COUNT_TCP_MAX) {
    throw new BinaryFormatError(`A packet of ${count} messages`);
  }
  return {
    version,
    direction,
    count,
    session: view.getUint32(HEADER_SESSION, true),
    sequence: view.getBigUint64(HEADER_SEQUENCE, true),
  };
}

/** Bytes of a packet from the appliance with so many messages. */
export function serverPacketBytes(count: number): number {
  return HEADER_BYTES + count * SERVER_MESSAGE_BYTES;
}

/**
 * Reads a whole packet from the appliance.
 *
 * @throws {BinaryFormatError} If it is cut short or a checksum is wrong.
 */
export function decodeServerPacket(bytes: Uint8Array): ServerMessage[] {
  const header = decodeServerHeader(bytes);
  if (bytes.length !== serverPacketBytes(header.count)) {
    throw new BinaryFormatError(
      `${header.count} messages in ${bytes.length} bytes`,
    );
  }
  const messages: ServerMessage[] = [];
  const first = Number(header.sequence);
  for (let i = 0; i < header.count; i++) {
    const at = HEADER_BYTES + i * SERVER_MESSAGE_BYTES;
    messages.push(decodeServerMessage(
      bytes.subarray(at, at + SERVER_MESSAGE_BYTES),
      first === 0 ? 0 : first + i,
    ));
  }
  return messages;
}

/**
 * Reads one message of 64 bytes.
 *
 * @throws {BinaryFormatError} If the checksum is wrong.
 */
export function decodeServerMessage(
  bytes: Uint8Array,
  sequence: number,
): ServerMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const checksum = view.getUint32(SERVER_CHECKSUM, true);
  if (crc32c(bytes.subarray(0, SERVER_CHECKSUM)) !== checksum) {
    throw new BinaryFormatError(`Message ${sequence}: checksum is wrong`);
  }
  return {
    sequence,
    type: view.getUint8(SERVER_TYPE),
    side: view.getUint8(SERVER_SIDE),
    reason: view.getUint16(SERVER_REASON, true),
    symbol: view.getUint32(SERVER_SYMBOL, true),
    orderId: Number(view.getBigUint64(SERVER_ORDER_ID, true)),
    reference: Number(view.getBigUint64(SERVER_REFERENCE, true)),
    quantity: view.getBigUint64(SERVER_QUANTITY, true),
    price: view.getBigUint64(SERVER_PRICE, true),
    leaves: view.getBigUint64(SERVER_LEAVES, true),
    timeNs: view.getBigUint64(SERVER_TIME, true),
    cause: view.getUint32(SERVER_CAUSE, true),
  };
}

/** Stage times of an answer, nanoseconds since 1970; 0 = not known. */
export interface AnswerStages {
  /** Number of the answer. */
  readonly answer: number;
  /** Number of the client's message that caused it; 0 = another's. */
  readonly cause: number;
  readonly receivedNs: bigint;
  readonly sequencedNs: bigint;
  readonly matchedNs: bigint;
  readonly sentNs: bigint;
}

/** What a message of type TIMES says. */
export function answerStages(message: ServerMessage): AnswerStages {
  return {
    answer: message.reference,
    cause: message.cause,
    receivedNs: message.quantity,
    sequencedNs: message.timeNs,
    matchedNs: message.price,
    sentNs: message.leaves,
  };
}
