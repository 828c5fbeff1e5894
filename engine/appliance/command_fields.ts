// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands of the appliance itself as plain objects: written into a slot of a
 * ring, and read back. Cold path; allocates.
 *
 * @module
 */
import {
  CMD_DETAIL_U8,
  CMD_FLAGS_U8,
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_SESSION_U32,
  CMD_SIDE_U8,
  CMD_TEXT_U8,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  COMMAND_TEXT_BYTES,
  TEXT_BYTES,
} from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";

/** In place of an instrument: all, or those of a group. */
export const ANY_INSTRUMENT = 0xffff;

/** What a command says; absent = 0. Sequence and time are given later. */
export interface CommandFields {
  readonly kind: number;
  readonly flags?: number;
  readonly session?: number;
  readonly instrument?: number;
  readonly side?: number;
  readonly detail?: number;
  readonly price?: number;
  readonly reason?: number;
  readonly quantity?: number;
  readonly reference?: number;
  readonly text?: string;
}

/** A command that was read: nothing is absent. */
export type ReadCommand = Required<CommandFields>;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** The views that a command is read from. */
export type CommandSlots = Pick<
  SpscRing,
  "u8" | "u16" | "u32" | "i32" | "f64"
>;

/** Fills the slot at byte `at`; all that is not given becomes 0. */
export function writeCommand(
  slots: CommandSlots,
  at: number,
  fields: CommandFields,
): void {
  const { u8, u16, u32, i32, f64 } = slots;
  const text = fields.text ?? "";
  u8.fill(0, at, at + COMMAND_SLOT_BYTES);
  u16[(at >>> 1) + CMD_LENGTH_U16] = text === ""
    ? COMMAND_BASE_BYTES
    : COMMAND_TEXT_BYTES;
  u8[at + CMD_KIND_U8] = fields.kind;
  u8[at + CMD_FLAGS_U8] = fields.flags ?? 0;
  u32[(at >>> 2) + CMD_SESSION_U32] = fields.session ?? 0;
  u16[(at >>> 1) + CMD_INSTRUMENT_U16] = fields.instrument ?? 0;
  u8[at + CMD_SIDE_U8] = fields.side ?? 0;
  u8[at + CMD_DETAIL_U8] = fields.detail ?? 0;
  i32[(at >>> 2) + CMD_PRICE_I32] = fields.price ?? 0;
  u32[(at >>> 2) + CMD_REASON_U32] = fields.reason ?? 0;
  f64[(at >>> 3) + CMD_QUANTITY_F64] = fields.quantity ?? 0;
  f64[(at >>> 3) + CMD_REFERENCE_F64] = fields.reference ?? 0;
  u8.set(ENCODER.encode(text).subarray(0, TEXT_BYTES), at + CMD_TEXT_U8);
}

/** What the slot at byte `at` says. */
export function readCommand(slots: CommandSlots, at: number): ReadCommand {
  const { u8, u16, u32, i32, f64 } = slots;
  return {
    kind: u8[at + CMD_KIND_U8]!,
    flags: u8[at + CMD_FLAGS_U8]!,
    session: u32[(at >>> 2) + CMD_SESSION_U32]!,
    instrument: u16[(at >>> 1) + CMD_INSTRUMENT_U16]!,
    side: u8[at + CMD_SIDE_U8]!,
    detail: u8[at + CMD_DETAIL_U8]!,
    price: i32[(at >>> 2) + CMD_PRICE_I32]!,
    reason: u32[(at >>> 2) + CMD_REASON_U32]!,
    quantity: f64[(at >>> 3) + CMD_QUANTITY_F64]!,
    reference: f64[(at >>> 3) + CMD_REFERENCE_F64]!,
    text: u16[(at >>> 1) + CMD_LENGTH_U16]! > COMMAND_BASE_BYTES
      ? DECODER.decode(textBytes(slots, at))
      : "",
  };
}

/** The text of a command, without its padding. */
export function textBytes(slots: CommandSlots, at: number): Uint8Array {
  const text = slots.u8.slice(at + CMD_TEXT_U8, at + CMD_TEXT_U8 + TEXT_BYTES);
  const end = text.indexOf(0);
  return end < 0 ? text : text.subarray(0, end);
}
