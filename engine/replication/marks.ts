// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The mark of a command: by it two appliances see whether they have the same
 * one at a sequence. A command carries its time to the nanosecond, and what
 * came before it made it come there: so two journals with the same mark at a
 * sequence have the same commands up to it.
 *
 * What a journal adds to a command (CRC, place in its group) is not part of
 * the mark, because every machine forms its own groups. Cold path; allocates.
 *
 * @module
 */
import { crc32cOf } from "../../ffi/crc32c.ts";
import { NativeError } from "../../ffi/native_error.ts";
import {
  CMD_CRC32C_U32,
  CMD_GROUP_INDEX_U16,
  CMD_LENGTH_U16,
  CMD_TIME_LO_U32,
  COMMAND_SLOT_BYTES,
} from "../record/mod.ts";
import {
  JournalDamageError,
  type JournalFiles,
  JournalTail,
} from "../journal/mod.ts";

const ENOENT = 2;

/** 64 bits: of the bytes, and of the time. */
export interface Mark {
  readonly lo: number;
  readonly hi: number;
}

/** What stands for the command before the first. */
export const NO_MARK: Mark = { lo: 0, hi: 0 };

/** The mark of a command in some memory. */
export function markOf(
  memory: { readonly u8: Uint8Array; readonly u16: Uint16Array },
  at: number,
): Mark {
  const bytes = memory.u16[(at >>> 1) + CMD_LENGTH_U16]!;
  const copy = new Uint8Array(bytes);
  copy.set(memory.u8.subarray(at, at + bytes));
  const words = new Uint32Array(copy.buffer);
  words[CMD_CRC32C_U32] = 0;
  new Uint16Array(copy.buffer)[CMD_GROUP_INDEX_U16] = 0;
  return { lo: crc32cOf(copy), hi: words[CMD_TIME_LO_U32]! };
}

/** Two marks of the same command. */
export function isSameMark(one: Mark, other: Mark): boolean {
  return one.lo === other.lo && one.hi === other.hi;
}

/** True if a segment is not in the journal's folder (any more), also if it went while it was looked for. */
export function isGone(error: unknown): boolean {
  if (error instanceof JournalDamageError) {
    return error.damage.kind === "MISSING";
  }
  return error instanceof NativeError && error.code === ENOENT;
}

/**
 * Copies a command out of a journal.
 *
 * @param sequence It is in the files, or was.
 * @param into Words of a whole slot.
 * @param files The disk; the machine's own if not given.
 * @returns False if the journal does not have it (any more).
 */
export function commandAt(
  directory: string,
  sequence: number,
  into: Uint32Array,
  files: JournalFiles | undefined,
): boolean {
  const tail = new JournalTail({
    directory,
    fromSequence: sequence,
    ...(files === undefined ? {} : { files }),
  });
  try {
    if (!tail.next(sequence)) return false;
    into.fill(0);
    into.set(tail.u32.subarray(tail.start >>> 2, tail.end >>> 2));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  } finally {
    tail.dispose();
  }
}

/**
 * The mark of a command in a journal.
 *
 * @param sequence 0 = before the first.
 * @param written Newest sequence that is in the journal's files.
 * @returns Undefined if the journal does not have it (any more).
 */
export function markAt(
  directory: string,
  sequence: number,
  written: number,
  files: JournalFiles | undefined,
): Mark | undefined {
  if (sequence === 0) return NO_MARK;
  if (sequence > written) return undefined;
  const words = new Uint32Array(COMMAND_SLOT_BYTES >>> 2);
  if (!commandAt(directory, sequence, words, files)) return undefined;
  return markOf({
    u8: new Uint8Array(words.buffer),
    u16: new Uint16Array(words.buffer),
  }, 0);
}
