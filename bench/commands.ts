// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands in a row, as an exchange reads them: 64 bytes each, or 192 with
 * terms, one after the other without gaps.
 *
 * For the set-up of a benchmark, not for its timed part: it allocates as it
 * likes.
 *
 * @module
 */
import * as record from "../engine/record/mod.ts";

const { CommandKind, OrdType, TimeInForce } = record;

/** Bytes of a command with terms. */
export const COMMAND_TERMS_BYTES = record.COMMAND_SLOT_BYTES;
/** Nanoseconds from one command to the next. */
const STEP_NS = 1000;
/** 2026-01-01, in units of 2^32 nanoseconds. */
const START_HI = 411_456_000;
const WORD = 4294967296;

/** What makes an order special; what is left out is 0. */
export interface Terms {
  readonly flags?: number;
  readonly stopPrice?: number;
  readonly displayQuantity?: number;
  readonly displayRange?: number;
  readonly minQuantity?: number;
  readonly offset?: number;
}

/** Whose order it is, and where. */
export interface OrderKey {
  readonly session: number;
  readonly reference: number;
  readonly instrument?: number;
  /** `Side`. */
  readonly side?: number;
  /** The client's identifier, up to 20 characters of ASCII. */
  readonly text?: string;
}

/** A new order: limit and good till canceled, unless it says otherwise. */
export interface NewOrder extends OrderKey {
  readonly type?: number;
  readonly timeInForce?: number;
  readonly price: number;
  readonly quantity: number;
  readonly terms?: Terms;
}

/** The fields of any other command; what is left out is 0. */
export interface CommandFields {
  readonly session?: number;
  readonly instrument?: number;
  readonly detail?: number;
  readonly price?: number;
  readonly reason?: number;
  readonly quantity?: number;
  readonly reference?: number;
  readonly text?: string;
}

const encoder = new TextEncoder();

/** Bytes of a command without terms. */
function plainBytes(order: OrderKey): number {
  return order.text === undefined
    ? record.COMMAND_BASE_BYTES
    : record.COMMAND_TEXT_BYTES;
}

/** A growing row of commands in memory of a fixed size. */
export class Commands {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** First byte of each command. */
  readonly offsets: Int32Array;
  /** Bytes and number of the commands so far. */
  bytes = 0;
  count = 0;
  /** Sequence of the next command. */
  #sequence: number;

  /** @param firstSequence Of the first command; the others follow one by one. */
  constructor(bytesMax: number, firstSequence: number) {
    const memory = new ArrayBuffer(Math.ceil(bytesMax / 8) * 8);
    this.u8 = new Uint8Array(memory);
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.f64 = new Float64Array(memory);
    this.offsets = new Int32Array(
      Math.floor(bytesMax / record.COMMAND_BASE_BYTES),
    );
    this.#sequence = firstSequence;
  }

  /** Sequence that the next command will have. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** Forgets all commands; the next one goes to the start, with the next sequence. */
  clear(): void {
    this.u8.fill(0, 0, this.bytes);
    this.bytes = 0;
    this.count = 0;
  }

  newOrder(order: NewOrder): void {
    const byte = this.#begin(
      CommandKind.NEW_ORDER,
      order.terms === undefined ? plainBytes(order) : COMMAND_TERMS_BYTES,
    );
    this.#key(byte, order);
    this.u8[byte + record.CMD_ORD_TYPE_U8] = order.type ?? OrdType.LIMIT;
    this.u8[byte + record.CMD_TIME_IN_FORCE_U8] = order.timeInForce ??
      TimeInForce.GTC;
    this.i32[(byte >> 2) + record.CMD_PRICE_I32] = order.price;
    this.f64[(byte >> 3) + record.CMD_QUANTITY_F64] = order.quantity;
    if (order.terms !== undefined) this.#terms(byte, order.terms);
  }

  cancel(order: OrderKey): void {
    this.#key(
      this.#begin(CommandKind.CANCEL_ORDER, plainBytes(order)),
      order,
    );
  }

  /** @param flags `TermFlag`; without any the quantity means the total. */
  replace(
    order: OrderKey,
    price: number,
    quantity: number,
    flags: number,
  ): void {
    const byte = this.#begin(
      CommandKind.REPLACE_ORDER,
      flags === 0 ? plainBytes(order) : COMMAND_TERMS_BYTES,
    );
    this.#key(byte, order);
    this.i32[(byte >> 2) + record.CMD_PRICE_I32] = price;
    this.f64[(byte >> 3) + record.CMD_QUANTITY_F64] = quantity;
    if (flags !== 0) this.u32[(byte >> 2) + record.CMD_TERM_FLAGS_U32] = flags;
  }

  /** Any other kind: definitions, settings, time. */
  other(kind: number, fields: CommandFields): void {
    const byte = this.#begin(kind, record.COMMAND_TEXT_BYTES);
    this.u32[(byte >> 2) + record.CMD_SESSION_U32] = fields.session ?? 0;
    this.u16[(byte >> 1) + record.CMD_INSTRUMENT_U16] = fields.instrument ?? 0;
    this.u8[byte + record.CMD_DETAIL_U8] = fields.detail ?? 0;
    this.i32[(byte >> 2) + record.CMD_PRICE_I32] = fields.price ?? 0;
    this.u32[(byte >> 2) + record.CMD_REASON_U32] = fields.reason ?? 0;
    this.f64[(byte >> 3) + record.CMD_QUANTITY_F64] = fields.quantity ?? 0;
    this.f64[(byte >> 3) + record.CMD_REFERENCE_F64] = fields.reference ?? 0;
    encoder.encodeInto(
      fields.text ?? "",
      this.u8.subarray(
        byte + record.CMD_TEXT_U8,
        byte + record.CMD_TEXT_U8 + record.TEXT_BYTES,
      ),
    );
  }

  #begin(kind: number, bytes: number): number {
    const byte = this.bytes;
    if (byte + bytes > this.u8.length) {
      throw new RangeError(`No room for command ${this.count}`);
    }
    const sequence = this.#sequence++;
    const sinceNs = sequence * STEP_NS;
    this.u16[(byte >> 1) + record.CMD_LENGTH_U16] = bytes;
    this.u8[byte + record.CMD_KIND_U8] = kind;
    this.f64[(byte >> 3) + record.CMD_SEQUENCE_F64] = sequence;
    this.u32[(byte >> 2) + record.CMD_TIME_LO_U32] = sinceNs % WORD;
    this.u32[(byte >> 2) + record.CMD_TIME_HI_U32] = START_HI +
      Math.floor(sinceNs / WORD);
    this.bytes = byte + bytes;
    this.offsets[this.count++] = byte;
    return byte;
  }

  #key(byte: number, order: OrderKey): void {
    this.u32[(byte >> 2) + record.CMD_SESSION_U32] = order.session;
    this.u16[(byte >> 1) + record.CMD_INSTRUMENT_U16] = order.instrument ?? 0;
    this.u8[byte + record.CMD_SIDE_U8] = order.side ?? 0;
    this.f64[(byte >> 3) + record.CMD_REFERENCE_F64] = order.reference;
    if (order.text === undefined) return;
    this.u8[byte + record.CMD_FLAGS_U8] = record.CMD_FLAG_TEXT;
    const at = byte + record.CMD_CL_ORD_ID_U8;
    encoder.encodeInto(
      order.text,
      this.u8.subarray(at, at + record.CL_ORD_ID_BYTES),
    );
  }

  #terms(byte: number, terms: Terms): void {
    const word = byte >> 2;
    const half = byte >> 3;
    this.u32[word + record.CMD_TERM_FLAGS_U32] = terms.flags ?? 0;
    this.i32[word + record.CMD_STOP_PRICE_I32] = terms.stopPrice ?? 0;
    this.f64[half + record.CMD_DISPLAY_QUANTITY_F64] = terms.displayQuantity ??
      0;
    this.f64[half + record.CMD_DISPLAY_RANGE_F64] = terms.displayRange ?? 0;
    this.f64[half + record.CMD_MIN_QUANTITY_F64] = terms.minQuantity ?? 0;
    this.i32[word + record.CMD_OFFSET_I32] = terms.offset ?? 0;
  }
}
