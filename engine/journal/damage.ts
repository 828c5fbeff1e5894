// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What can be wrong with a journal on disk: damage, which stops the start and
 * names the place, and a torn tail, which a crash leaves and recovery cuts.
 *
 * @module
 */

/** What is wrong. */
export type DamageKind =
  /** A file's name is no segment's. */
  | "NAME"
  /** A segment does not begin as one. */
  | "MAGIC"
  /** A header is short or its CRC wrong. */
  | "HEADER"
  /** Written by another version of the program. */
  | "VERSION"
  /** Name or header contradict what stands before. */
  | "SEGMENT"
  /** A segment is not there. */
  | "MISSING"
  /** A segment's epoch is before its predecessor's. */
  | "EPOCH"
  /** A command's length or CRC is wrong. */
  | "RECORD"
  /** A seal says something else than the commands before it. */
  | "SEAL"
  /** A group or segment does not follow the one before it. */
  | "CHAIN"
  /** A command's sequence is too high. */
  | "GAP"
  /** A command's sequence was there before. */
  | "DUPLICATE";

/** Where and what. */
export interface Damage {
  readonly kind: DamageKind;
  /** Path of the segment. */
  readonly segment: string;
  /** Byte in it. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
}

/** The journal can not be trusted from this place on: the appliance must not start. */
export class JournalDamageError extends Error {
  override name = "JournalDamageError";
  readonly damage: Damage;

  constructor(damage: Damage) {
    super(
      `Journal damaged: segment ${damage.segment}, offset ${damage.offset}: ` +
        `expected ${damage.expected}, found ${damage.found}. ${damage.remedy}`,
    );
    this.damage = damage;
  }
}

/** A write that a crash or power cut interrupted; nothing in it was acknowledged. */
export interface TornTail {
  /** Path of the last segment. */
  readonly segment: string;
  /** Where the first byte is that is cut. */
  readonly offset: number;
  /** Bytes from there to the last one that is not zero. */
  readonly bytesDropped: number;
  readonly reason: string;
}

/** One line for the log. */
export function tornTailMessage(tail: TornTail): string {
  return `Torn tail cut: segment ${tail.segment}, offset ${tail.offset}, ` +
    `${tail.bytesDropped} bytes dropped: ${tail.reason}`;
}
