// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Clients that write orders into memory and check what comes back: numbers,
 * checksums, lengths and the kind of each answer.
 *
 * Buys and sells of one lot take turns at one price, so each pair gives two
 * acknowledgements and two fills, and the book stays empty in between.
 *
 * @module
 */
import {
  BINARY_VERSION_1,
  CLIENT_MESSAGE_BYTES,
  ClientType,
  encodeClientPacket,
  HEADER_BYTES,
  SERVER_CHECKSUM,
  SERVER_MESSAGE_BYTES,
  ServerType,
} from "../engine/wire/binary/mod.ts";
import { crc32c } from "../engine/wire/crc32c.ts";

/** The clients of all connections. */
export interface Clients {
  /** Orders that were acknowledged, and fills. */
  acknowledged: number;
  fills: number;
  /** Clients that are logged on. */
  loggedOn: number;
  /** Bytes read. */
  bytesRead: number;
  /** Writes the logon of `slot` at `at`; returns its bytes. */
  logon(slot: number, at: number): number;
  /** Writes orders of `slot` at `at`, as one batch; returns its bytes. */
  write(slot: number, at: number, orders: number): number;
  /** Messages in bytes that were sent. */
  messages(from: number, bytes: number): number;
  /** Checks what was sent to `slot`. @throws {Error} If something is wrong. */
  read(slot: number, from: number, bytes: number): void;
}

/** Key of every binary session. */
export const BINARY_KEY = 4711n;
export const FIX_PASSWORD = "secret";
/** Name of the FIX session of a slot. */
export const fixName = (slot: number): string => `CLIENT${1000 + slot}`;

const SOH = 1;
const ENCODER = new TextEncoder();
const bytesOf = (text: string): Uint8Array =>
  ENCODER.encode(text.replaceAll("|", "\x01"));
/** Places of digits that change, in the pieces below. */
const ORDER_DIGITS = 9;

/** Time as FIX writes it, now. */
function timeText(): string {
  return new Date().toISOString().replaceAll("-", "").replace("T", "-")
    .replace("Z", "");
}

/** Clients of the FIX protocol. */
export class FixClients implements Clients {
  acknowledged = 0;
  fills = 0;
  loggedOn = 0;
  bytesRead = 0;
  readonly #bytes: Uint8Array;
  readonly #numbers: Int32Array;
  readonly #orders: Int32Array;
  readonly #next: Int32Array;
  readonly #heads: Uint8Array[];
  readonly #begin = bytesOf("8=FIX.4.4|9=");
  #time = bytesOf(timeText());
  readonly #tail = bytesOf("|21=1|38=1|40=2|44=150.25|54=");
  readonly #symbol = bytesOf("|55=AAPL|59=0|60=");

  /** @param bytes The transport's memory. */
  constructor(bytes: Uint8Array, connections: number) {
    this.#bytes = bytes;
    this.#numbers = new Int32Array(connections).fill(1);
    this.#orders = new Int32Array(connections);
    this.#next = new Int32Array(connections).fill(1);
    this.#heads = Array.from(
      { length: connections },
      (_, slot) => bytesOf(`|49=${fixName(slot)}|56=FERRULE|34=`),
    );
  }

  /** Takes the time anew; now and then. */
  renewTime(): void {
    this.#time = bytesOf(timeText());
  }

  logon(slot: number, at: number): number {
    this.renewTime();
    const body = this.#start(slot, at, 0x41);
    const end = this.#put(
      body,
      bytesOf(
        `98=0|108=3600|553=${fixName(slot)}|554=${FIX_PASSWORD}|`,
      ),
    );
    return this.#finish(at, end);
  }

  write(slot: number, at: number, orders: number): number {
    let p = at;
    for (let i = 0; i < orders; i++) {
      const n = ++this.#orders[slot]!;
      let q = this.#start(slot, p, 0x44);
      this.#bytes[q++] = 0x31;
      this.#bytes[q++] = 0x31;
      this.#bytes[q++] = 0x3d;
      q = this.#digits(q, 10_000_000 + slot, 8);
      this.#bytes[q++] = 0x2d;
      q = this.#digits(q, n, ORDER_DIGITS);
      q = this.#put(q, this.#tail);
      this.#bytes[q++] = (n & 1) === 1 ? 0x31 : 0x32;
      q = this.#put(q, this.#symbol);
      q = this.#put(q, this.#time);
      this.#bytes[q++] = SOH;
      p += this.#finish(p, q);
    }
    return p - at;
  }

  read(slot: number, from: number, bytes: number): void {
    this.bytesRead += bytes;
    const end = from + bytes;
    for (let p = from; p < end;) p = this.#message(slot, p);
  }

  messages(from: number, bytes: number): number {
    const b = this.#bytes;
    let count = 0;
    for (let p = from; p < from + bytes; count++) {
      p += b[p + 12]! * 100 + b[p + 13]! * 10 + b[p + 14]! - 5328 + 23;
    }
    return count;
  }

  /** As far as before what a message itself has. */
  #start(slot: number, at: number, type: number): number {
    let p = this.#put(at, this.#begin) + 4;
    this.#bytes[p++] = 0x33;
    this.#bytes[p++] = 0x35;
    this.#bytes[p++] = 0x3d;
    this.#bytes[p++] = type;
    p = this.#put(p, this.#heads[slot]!);
    const number = this.#numbers[slot]!++;
    let size = 1;
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) size++;
    p = this.#digits(p, number, size);
    this.#bytes[p++] = SOH;
    this.#bytes[p++] = 0x35;
    this.#bytes[p++] = 0x32;
    this.#bytes[p++] = 0x3d;
    p = this.#put(p, this.#time);
    this.#bytes[p++] = SOH;
    return p;
  }

  #finish(at: number, end: number): number {
    const b = this.#bytes;
    this.#digits(at + this.#begin.length, end - at - 16, 3);
    b[at + 15] = SOH;
    let sum = 0;
    for (let p = at; p < end; p++) sum += b[p]!;
    b[end] = 0x31;
    b[end + 1] = 0x30;
    b[end + 2] = 0x3d;
    this.#digits(end + 3, sum & 255, 3);
    b[end + 6] = SOH;
    return end + 7 - at;
  }

  #put(p: number, piece: Uint8Array): number {
    for (let i = 0; i < piece.length; i++) this.#bytes[p + i] = piece[i]!;
    return p + piece.length;
  }

  #digits(p: number, value: number, count: number): number {
    let rest = value;
    for (let q = p + count - 1; q >= p; q--) {
      this.#bytes[q] = 48 + rest % 10;
      rest = Math.floor(rest / 10);
    }
    return p + count;
  }

  /** One message; returns where the next begins. */
  #message(slot: number, at: number): number {
    const b = this.#bytes;
    const body = at + 16;
    const length = b[at + 12]! * 100 + b[at + 13]! * 10 + b[at + 14]! - 5328;
    const trailer = body + length;
    let sum = 0;
    for (let p = at; p < trailer; p++) sum += b[p]!;
    const said = b[trailer + 3]! * 100 + b[trailer + 4]! * 10 +
      b[trailer + 5]! - 5328;
    // 35=8|34=
    let number = 0;
    for (let p = body + 8; b[p] !== SOH; p++) number = number * 10 + b[p]! - 48;
    if ((sum & 255) !== said || number !== this.#next[slot]) {
      throw new Error(
        `Client ${slot} expected message ${this.#next[slot]} and got ` +
          new TextDecoder().decode(b.subarray(at, at + 300)),
      );
    }
    this.#next[slot]!++;
    const type = b[body + 3]!;
    if (type === 0x38) this.#report(at, trailer);
    else if (type === 0x41) this.loggedOn++;
    else throw new Error(`A message of type ${String.fromCharCode(type)}`);
    return trailer + 7;
  }

  #report(at: number, end: number): void {
    const b = this.#bytes;
    for (let p = at + 60; p < end; p++) {
      if (b[p] !== SOH || b[p + 1] !== 0x31 || b[p + 2] !== 0x35) continue;
      if (b[p + 3] !== 0x30 || b[p + 4] !== 0x3d) continue;
      if (b[p + 5] === 0x30) this.acknowledged++;
      else if (b[p + 5] === 0x46) this.fills++;
      else break;
      return;
    }
    throw new Error("A report that is neither New nor a fill");
  }
}

/** Clients of the binary protocol; a batch is a packet. */
export class BinaryClients implements Clients {
  acknowledged = 0;
  fills = 0;
  loggedOn = 0;
  bytesRead = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #numbers: Int32Array;
  readonly #next: Int32Array;
  /** A buy and a sell with their checksums. */
  readonly #orders: readonly Uint8Array[];

  /** @param bytes The transport's memory. */
  constructor(bytes: Uint8Array, connections: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#numbers = new Int32Array(connections).fill(1);
    this.#next = new Int32Array(connections).fill(1);
    this.#orders = [1, 2].map((side) =>
      encodeClientPacket(1, 1, [{
        type: ClientType.NEW_ORDER,
        symbol: 0,
        side,
        quantity: 100_000_000,
        price: 15_025_000_000,
        reference: 0,
      }], BINARY_VERSION_1).subarray(HEADER_BYTES)
    );
  }

  logon(slot: number, at: number): number {
    const packet = encodeClientPacket(slot + 1, 0, [{
      type: ClientType.LOGON,
      quantity: BINARY_KEY,
      price: 0,
    }], BINARY_VERSION_1);
    this.#bytes.set(packet, at);
    return packet.length;
  }

  write(slot: number, at: number, orders: number): number {
    const view = this.#view;
    const number = this.#numbers[slot]!;
    this.#numbers[slot] = number + orders;
    view.setUint32(at, BINARY_VERSION_1 | orders << 16, true);
    view.setUint32(at + 4, slot + 1, true);
    view.setUint32(at + 8, number, true);
    view.setUint32(at + 12, 0, true);
    let p = at + HEADER_BYTES;
    for (let i = 0; i < orders; i++) {
      const order = this.#orders[(number + i + 1) & 1]!;
      for (let k = 0; k < CLIENT_MESSAGE_BYTES; k++) {
        this.#bytes[p + k] = order[k]!;
      }
      p += CLIENT_MESSAGE_BYTES;
    }
    return p - at;
  }

  read(slot: number, from: number, bytes: number): void {
    this.bytesRead += bytes;
    const view = this.#view;
    for (let p = from; p < from + bytes;) {
      const count = view.getUint16(p + 2, true);
      const first = view.getUint32(p + 8, true);
      if (first !== 0) {
        if (first !== this.#next[slot]) {
          throw new Error(
            `Client ${slot} expected ${this.#next[slot]} and got ${first}`,
          );
        }
        this.#next[slot] = first + count;
      }
      p += HEADER_BYTES;
      for (let i = 0; i < count; i++, p += SERVER_MESSAGE_BYTES) {
        this.#message(p);
      }
    }
  }

  messages(_from: number, bytes: number): number {
    return (bytes - HEADER_BYTES) / SERVER_MESSAGE_BYTES;
  }

  #message(at: number): void {
    const said = this.#view.getUint32(at + SERVER_CHECKSUM, true);
    if (crc32c(this.#bytes, at, at + SERVER_CHECKSUM) !== said) {
      throw new Error("A checksum is wrong");
    }
    const type = this.#bytes[at];
    if (type === ServerType.ACCEPTED) this.acknowledged++;
    else if (type === ServerType.FILLED) this.fills++;
    else if (type === ServerType.LOGON_ACCEPTED) this.loggedOn++;
    else if (type !== ServerType.HEARTBEAT) {
      throw new Error(`An answer of type ${String.fromCharCode(type!)}`);
    }
  }
}
