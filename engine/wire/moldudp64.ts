// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * MoldUDP64 1.0: packets of numbered messages, and requests for lost ones.
 *
 * ```
 *  0        10         18      20
 *  session  sequence   count   length message  length message  ...
 * ```
 *
 * Pure functions over memory of the caller; big-endian. They allocate only
 * where they say so. Sequence numbers are whole float64 numbers below 2^53.
 *
 * @module
 */

/** Bytes of the header; a request is nothing but a header. */
export const MOLD_HEADER_BYTES = 20;
/** Characters of a session's name. */
export const MOLD_SESSION_BYTES = 10;
/** `count` of a packet without messages: the next sequence is told. */
export const MOLD_HEARTBEAT = 0;
/** `count` of a packet that says that the session has ended. */
export const MOLD_END_OF_SESSION = 0xffff;
/** Bytes before each message. */
export const MOLD_LENGTH_BYTES = 2;
/** Longest packet: what fits an Ethernet frame without fragments. */
export const MOLD_PACKET_BYTES_MAX = 1472;

const TWO_32 = 4294967296;
const TWO_53 = 2 ** 53;

/** The ten bytes of a session's name, right-padded with spaces; allocates. @throws {RangeError} If it is too long. */
export function moldSession(name: string): Uint8Array<ArrayBuffer> {
  if (!/^[\x20-\x7e]{1,10}$/.test(name)) {
    throw new RangeError(
      `A MoldUDP64 session is 1 to 10 ASCII characters, not '${name}'`,
    );
  }
  return new TextEncoder().encode(name.padEnd(MOLD_SESSION_BYTES));
}

/** Writes a header at `at`. */
export function writeMoldHeader(
  view: DataView,
  at: number,
  session: Uint8Array,
  sequence: number,
  count: number,
): void {
  for (let i = 0; i < MOLD_SESSION_BYTES; i++) {
    view.setUint8(at + i, session[i]!);
  }
  view.setUint32(at + 10, Math.floor(sequence / TWO_32));
  view.setUint32(at + 14, sequence % TWO_32);
  view.setUint16(at + 18, count);
}

/** Reads headers, and the messages behind them. */
export class MoldReader {
  /** Of the first message; of a heartbeat: the next. */
  sequence = 0;
  /** Messages, `MOLD_HEARTBEAT` or `MOLD_END_OF_SESSION`. */
  count = 0;
  /** Where the message that `next()` found starts, and how long it is. */
  start = 0;
  length = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #left = 0;

  /**
   * Takes a packet.
   *
   * @returns false if it is none: too short, of another session, or with a
   *   number beyond 2^53. Whether its messages fill it, `isWhole` says later.
   */
  open(
    view: DataView,
    from: number,
    bytes: number,
    session: Uint8Array,
  ): boolean {
    if (bytes < MOLD_HEADER_BYTES) return false;
    for (let i = 0; i < MOLD_SESSION_BYTES; i++) {
      if (view.getUint8(from + i) !== session[i]) return false;
    }
    this.sequence = view.getUint32(from + 10) * TWO_32 +
      view.getUint32(from + 14);
    if (this.sequence >= TWO_53) return false;
    this.count = view.getUint16(from + 18);
    this.#view = view;
    this.#at = from + MOLD_HEADER_BYTES;
    this.#end = from + bytes;
    this.#left = this.count === MOLD_END_OF_SESSION ? 0 : this.count;
    return true;
  }

  /** The next message of the packet; false if there is none, or it does not fit. */
  next(): boolean {
    if (this.#left === 0) return false;
    if (this.#at + MOLD_LENGTH_BYTES > this.#end) return false;
    this.length = this.#view.getUint16(this.#at);
    this.start = this.#at + MOLD_LENGTH_BYTES;
    if (this.start + this.length > this.#end) return false;
    this.#at = this.start + this.length;
    this.#left--;
    return true;
  }

  /** True if all messages were read and nothing is left over. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#at === this.#end;
  }
}
