// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What goes over the link between two appliances: frames, little-endian, each
 * a multiple of 64 bytes, so that commands lie in them as they lie in memory.
 *
 * ```
 *   crc32c u32 | length u32 | magic u32 | kind u8, version u8, reason u16 |
 *   epoch f64 | sequence f64 | value f64 | mark, 2 x u32 | reserved 16 |
 *   then commands, or a text
 * ```
 *
 * The CRC covers everything behind itself. `Channel` puts frames into a link
 * and takes whole, checked frames out of it; what is not one ends the link. It
 * belongs to one thread and allocates nothing for a frame.
 *
 * @module
 */
import { crc32c } from "../../ffi/crc32c.ts";
import { allocate, type MemoryRegion } from "../../ffi/memory.ts";
import { assert } from "../assert.ts";
import { type Link, type LinkBuffer, linkErrorText } from "./link.ts";

/** "FRLS" */
const MAGIC = 0x534c5246;
/** Raised whenever a frame changes. */
export const LINK_VERSION = 1;
/** Bytes before the commands or the text. */
export const FRAME_HEADER_BYTES = 64;
/** Most bytes of commands in one frame. */
export const FRAME_BODY_BYTES_MAX = 65_536;
const FRAME_BYTES_MAX = FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX;
const SEND_BYTES = 1 << 20;
const RECEIVE_BYTES = 1 << 20;
/** Longest text of a frame. */
const TEXT_BYTES_MAX = 512;

const F_CRC = 0;
const F_LENGTH = 1;
const F_MAGIC = 2;
const F_KIND_U8 = 12;
const F_VERSION_U8 = 13;
const F_REASON_U16 = 7;
const F_EPOCH_F64 = 2;
const F_SEQUENCE_F64 = 3;
const F_VALUE_F64 = 4;
const F_MARK_LO = 10;
const F_MARK_HI = 11;

/** Kinds of frames. */
export const FrameKind = {
  /** Standby: epoch it knows, sequence = next wanted, mark of the one before, or value = UNMARKED; text = name of the pair. */
  HELLO: 1,
  /** Primary: its epoch, sequence = newest written. */
  WELCOME: 2,
  /** Primary: reason; sequence = its newest; text for people. */
  REFUSED: 3,
  /** Standby, after a refusal for DIVERGED: mark of this sequence? */
  PROBE: 4,
  /** Primary: sequence, its mark; value 1 = it has that command. */
  PROBED: 5,
  /** Primary: sequence of the first, value = how many; commands. */
  COMMANDS: 6,
  /** Primary: sequence = newest written. */
  HEARTBEAT: 7,
  /** Standby: sequence = newest that its journal has as configured. */
  ACKNOWLEDGE: 8,
} as const;

/** HELLO: the standby starts from a snapshot and does not have the command before. */
export const UNMARKED = 1;

/** Why a primary does not serve a standby. */
export const RefusedReason = {
  NONE: 0,
  /** The standby belongs to another pair. */
  WRONG_GROUP: 1,
  /** The standby has followed a later epoch: the primary is one no longer. */
  OLDER_EPOCH: 2,
  /** The standby has commands that the primary has not, or others. */
  DIVERGED: 3,
  /** The journal no longer reaches back to what the standby wants. */
  NEEDS_SNAPSHOT: 4,
} as const;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

class ChannelBuffer implements LinkBuffer {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly address: number;
  readonly #memory: MemoryRegion;

  constructor(bytes: number) {
    this.#memory = allocate(bytes, { hugePages: false });
    const { buffer } = this.#memory;
    this.address = this.#memory.address;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  dispose(): void {
    this.#memory.dispose();
  }
}

/** Frames over one link. */
export class Channel {
  readonly #link: Link;
  readonly #out = new ChannelBuffer(SEND_BYTES);
  readonly #in = new ChannelBuffer(RECEIVE_BYTES);
  /** Bytes of `#out` that wait from, to. */
  #outFrom = 0;
  #outTo = 0;
  /** Bytes of `#in` that were not taken from, to. */
  #inFrom = 0;
  #inTo = 0;
  /** Start of the frame that was taken last. */
  #frame = 0;
  #failure = "";

  constructor(link: Link) {
    this.#link = link;
  }

  get peer(): string {
    return this.#link.peer;
  }

  /** Why it ended; "" = it goes on. */
  get failure(): string {
    return this.#failure;
  }

  /** Views of received frames. */
  get body(): Pick<ChannelBuffer, "u8" | "u16" | "u32" | "f64" | "address"> {
    return this.#in;
  }

  /** Byte offset in `body` of what follows the header of the frame at hand. */
  get bodyAt(): number {
    return this.#frame + FRAME_HEADER_BYTES;
  }

  get bodyBytes(): number {
    return this.#in.u32[(this.#frame >>> 2) + F_LENGTH]! - FRAME_HEADER_BYTES;
  }

  get kind(): number {
    return this.#in.u8[this.#frame + F_KIND_U8]!;
  }

  get reason(): number {
    return this.#in.u16[(this.#frame >>> 1) + F_REASON_U16]!;
  }

  get epoch(): number {
    return this.#in.f64[(this.#frame >>> 3) + F_EPOCH_F64]!;
  }

  get sequence(): number {
    return this.#in.f64[(this.#frame >>> 3) + F_SEQUENCE_F64]!;
  }

  get value(): number {
    return this.#in.f64[(this.#frame >>> 3) + F_VALUE_F64]!;
  }

  get markLo(): number {
    return this.#in.u32[(this.#frame >>> 2) + F_MARK_LO]!;
  }

  get markHi(): number {
    return this.#in.u32[(this.#frame >>> 2) + F_MARK_HI]!;
  }

  /** The text of the frame at hand. */
  text(): string {
    const bytes = this.#in.u8.slice(this.bodyAt, this.bodyAt + this.bodyBytes);
    const end = bytes.indexOf(0);
    return DECODER.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** True if a frame with this many bytes of commands has room now. */
  hasRoom(bodyBytes: number): boolean {
    if (this.#outFrom === this.#outTo) {
      this.#outFrom = 0;
      this.#outTo = 0;
    }
    const bytes = FRAME_HEADER_BYTES + bodyBytes;
    if (this.#outTo + bytes <= SEND_BYTES) return true;
    if (this.#outTo - this.#outFrom + bytes > SEND_BYTES) return false;
    this.#out.u8.copyWithin(0, this.#outFrom, this.#outTo);
    this.#outTo -= this.#outFrom;
    this.#outFrom = 0;
    // Frames start at multiples of 64 bytes; what is half sent may not.
    const odd = this.#outTo % 64;
    if (odd === 0) return this.#outTo + bytes <= SEND_BYTES;
    const shift = 64 - odd;
    if (this.#outTo + shift + bytes > SEND_BYTES) return false;
    this.#out.u8.copyWithin(shift, 0, this.#outTo);
    this.#outFrom = shift;
    this.#outTo += shift;
    return true;
  }

  /**
   * Writes a frame behind those that wait; there must be room.
   *
   * @param from What its body is a copy of: `bytes` bytes at `at`.
   */
  write(
    kind: number,
    epoch: number,
    sequence: number,
    value: number,
    from?: Uint8Array,
    at = 0,
    bytes = 0,
  ): void {
    assert(bytes % 64 === 0 && bytes <= FRAME_BODY_BYTES_MAX, "frame body");
    const { u8, u32, f64 } = this.#out;
    const start = this.#outTo;
    const length = FRAME_HEADER_BYTES + bytes;
    u8.fill(0, start, start + FRAME_HEADER_BYTES);
    u32[(start >>> 2) + F_LENGTH] = length;
    u32[(start >>> 2) + F_MAGIC] = MAGIC;
    u8[start + F_KIND_U8] = kind;
    u8[start + F_VERSION_U8] = LINK_VERSION;
    f64[(start >>> 3) + F_EPOCH_F64] = epoch;
    f64[(start >>> 3) + F_SEQUENCE_F64] = sequence;
    f64[(start >>> 3) + F_VALUE_F64] = value;
    if (from !== undefined && bytes > 0) {
      u8.set(from.subarray(at, at + bytes), start + FRAME_HEADER_BYTES);
    }
    this.#outTo += length;
    this.#seal(start, length);
  }

  /** The same for the rare frames: with a reason, a mark and a text. */
  writeText(
    kind: number,
    epoch: number,
    sequence: number,
    fields: {
      readonly text?: string;
      readonly reason?: number;
      readonly value?: number;
      readonly markLo?: number;
      readonly markHi?: number;
    },
  ): void {
    const text = ENCODER.encode(fields.text ?? "").subarray(0, TEXT_BYTES_MAX);
    const body = new Uint8Array(Math.ceil(text.length / 64) * 64);
    body.set(text);
    if (!this.hasRoom(body.length)) {
      this.#failure = "the other side does not read";
      return;
    }
    const start = this.#outTo;
    const { value = 0 } = fields;
    this.write(kind, epoch, sequence, value, body, 0, body.length);
    const { u16, u32 } = this.#out;
    u16[(start >>> 1) + F_REASON_U16] = fields.reason ?? 0;
    u32[(start >>> 2) + F_MARK_LO] = fields.markLo ?? 0;
    u32[(start >>> 2) + F_MARK_HI] = fields.markHi ?? 0;
    this.#seal(start, FRAME_HEADER_BYTES + body.length);
  }

  #seal(start: number, length: number): void {
    const { u32, address } = this.#out;
    u32[(start >>> 2) + F_CRC] = crc32c(address + start + 4, length - 4);
  }

  /** Hands what waits to the link; returns the bytes that it took. */
  flush(): number {
    const bytes = this.#outTo - this.#outFrom;
    if (bytes === 0 || this.#failure !== "") return 0;
    const sent = this.#link.send(this.#out, this.#outFrom, bytes);
    if (sent < 0) {
      this.#failure = linkErrorText(sent);
      return 0;
    }
    this.#outFrom += sent;
    return sent;
  }

  /** Asks the link for more; returns the bytes that came. */
  receive(): number {
    if (this.#failure !== "") return 0;
    if (this.#inFrom === this.#inTo) {
      this.#inFrom = 0;
      this.#inTo = 0;
    } else if (RECEIVE_BYTES - this.#inTo < FRAME_BYTES_MAX) {
      this.#in.u8.copyWithin(0, this.#inFrom, this.#inTo);
      this.#inTo -= this.#inFrom;
      this.#inFrom = 0;
    }
    const room = RECEIVE_BYTES - this.#inTo;
    if (room === 0) return 0;
    const got = this.#link.receive(this.#in, this.#inTo, room);
    if (got < 0) {
      this.#failure = linkErrorText(got);
      return 0;
    }
    this.#inTo += got;
    return got;
  }

  /** Takes the next whole frame, which lies until `receive()`; false = there is none. */
  next(): boolean {
    const have = this.#inTo - this.#inFrom;
    if (have < FRAME_HEADER_BYTES || this.#failure !== "") return false;
    const start = this.#inFrom;
    const { u8, u32, address } = this.#in;
    const length = u32[(start >>> 2) + F_LENGTH]!;
    if (u32[(start >>> 2) + F_MAGIC] !== MAGIC) {
      return this.#wrong("it does not speak this protocol");
    }
    const version = u8[start + F_VERSION_U8]!;
    if (version !== LINK_VERSION) {
      return this.#wrong(
        `it speaks version ${version} of the protocol, this side ${LINK_VERSION}: ` +
          "run the same build on both machines",
      );
    }
    if (
      length < FRAME_HEADER_BYTES || length > FRAME_BYTES_MAX ||
      length % 64 !== 0
    ) return this.#wrong(`it sent a frame of ${length} bytes`);
    if (have < length) return false;
    const crc = crc32c(address + start + 4, length - 4);
    if (crc !== u32[(start >>> 2) + F_CRC]) {
      return this.#wrong(
        "a frame's CRC is wrong: memory or network damages data",
      );
    }
    this.#frame = start;
    this.#inFrom += length;
    return true;
  }

  #wrong(failure: string): boolean {
    this.#failure = failure;
    return false;
  }

  /** Ends it, because of what the other side sent. */
  fail(failure: string): void {
    if (this.#failure === "") this.#failure = failure;
  }

  /** Closes the link and gives the memory back. */
  dispose(): void {
    this.#link.close();
    this.fail("closed");
    this.#out.dispose();
    this.#in.dispose();
  }
}
