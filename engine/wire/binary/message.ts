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
  BINARY_VERSION,
  CLIENT_CHECKSUM,
  CLIENT_MESSAGE_BYTES,
  CLIENT_PRICE,
  CLIENT_QUANTITY,
  CLIENT_REFERENCE,
  CLIENT_SIDE,
  CLIENT_SYMBOL,
  CLIENT_TYPE,
  Direction,
  HEADER_BYTES,
  HEADER_COUNT,
  HEADER_DIRECTION,
  HEADER_SEQUENCE,
  HEADER_SESSION,
  HEADER_VERSION,
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
} from "./layout.ts";

/** A whole number that may need 64 bits. */
export type Whole = number | bigint;

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
  return side | (timeInForce << SIDE_TIME_IN_FORCE_SHIFT) |
    (ordType === OrdType.MARKET ? SIDE_MARKET : 0);
}

/** Writes one client message with its checksum at `offset`. */
export function writeClientMessage(
  bytes: Uint8Array,
  offset: number,
  message: ClientMessage,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint8(CLIENT_TYPE, message.type);
  view.setUint32(CLIENT_SYMBOL, message.symbol ?? 0, true);
  view.setUint8(CLIENT_SIDE, message.side ?? 0);
  view.setBigUint64(CLIENT_QUANTITY, BigInt(message.quantity ?? 0), true);
  view.setBigUint64(CLIENT_PRICE, BigInt(message.price ?? 0), true);
  view.setBigUint64(CLIENT_REFERENCE, BigInt(message.reference ?? 0), true);
  const covered = bytes.subarray(offset, offset + CLIENT_CHECKSUM);
  view.setUint32(CLIENT_CHECKSUM, crc32c(covered), true);
}

/** Writes the header of a packet from a client at `offset`. */
export function writeClientHeader(
  bytes: Uint8Array,
  offset: number,
  session: number,
  sequence: Whole,
  count: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint8(HEADER_VERSION, BINARY_VERSION);
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
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    HEADER_BYTES + messages.length * CLIENT_MESSAGE_BYTES,
  );
  writeClientHeader(bytes, 0, session, sequence, messages.length);
  messages.forEach((message, i) =>
    writeClientMessage(bytes, HEADER_BYTES + i * CLIENT_MESSAGE_BYTES, message)
  );
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
  if (version !== BINARY_VERSION || direction !== Direction.APPLIANCE) {
    throw new BinaryFormatError(
      `Version ${version}, direction ${direction}: not an answer of version 1`,
    );
  }
  if (count < 1 || count > SERVER_COUNT_TCP_MAX) {
    throw new BinaryFormatError(`A packet of ${count} messages`);
  }
  return {
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
