// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CHECKPOINT commands: what the events of all commands before come to, written
 * by the exchange's agent, and compared by whoever does the commands again:
 * a recovery, a standby, a keeper of snapshots, a tool.
 *
 * ```
 *   ... 8191 8192 CHECKPOINT ... CHECKPOINT     (8192 commands apart at least)
 *                 digest          digest, state hash: going live, orderly stop
 * ```
 *
 * Any thread; allocates a little for each.
 *
 * @module
 */
import { CMD_DETAIL_U8, CMD_SEQUENCE_F64, CommandKind } from "../record/mod.ts";
import {
  type CommandFields,
  type CommandSlots,
  readCommand,
} from "./command_fields.ts";

/** Commands from one CHECKPOINT to the next. */
export const CHECKPOINT_COMMANDS = 8192;

const WITH_HASH = 1;

/** What the events come to: an `EventDigest`. */
export interface Digest {
  readonly lo: number;
  readonly hi: number;
  readonly events: number;
}

/** Whoever has a state. */
export interface Hashed {
  stateHash(): string;
}

/** The commands were done with another result than the first time. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
  readonly sequence: number;
  readonly expected: string;
  readonly found: string;

  constructor(sequence: number, what: string, expected: string, found: string) {
    super(
      `CHECKPOINT ${sequence} differs: ${what}: expected ${expected}, found ${found}. ` +
        "The commands before it gave something else than when they were first done: " +
        "this is another build than the one that wrote them, or memory was damaged " +
        "there or here. Start the build that wrote them; if it is the same, test this " +
        "machine's memory, and take a replica or backup",
    );
    this.sequence = sequence;
    this.expected = expected;
    this.found = found;
  }
}

/**
 * What a CHECKPOINT says.
 *
 * @param stateHash 32 digits, or "" = without.
 */
export function checkpointFields(
  digest: Digest,
  stateHash: string,
): CommandFields {
  return {
    kind: CommandKind.CHECKPOINT,
    detail: stateHash === "" ? 0 : WITH_HASH,
    price: digest.lo | 0,
    reason: digest.hi,
    quantity: digest.events,
    text: stateHash,
  };
}

/** Whether the CHECKPOINT at byte `at` has the state's hash. */
export function isFullCheckpoint(slots: CommandSlots, at: number): boolean {
  return slots.u8[at + CMD_DETAIL_U8] === WITH_HASH;
}

/**
 * Compares the CHECKPOINT at byte `at`, which was not applied yet, with what
 * the commands before it gave here.
 *
 * @param digest With all events of those commands.
 * @param state After those commands; asked only if the CHECKPOINT has a hash.
 * @throws {CheckpointError} If they differ.
 */
export function compareCheckpoint(
  slots: CommandSlots,
  at: number,
  digest: Digest,
  state: Hashed,
): void {
  const { price, reason, quantity, text } = readCommand(slots, at);
  const sequence = slots.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
  if (quantity !== digest.events) {
    throw new CheckpointError(
      sequence,
      "number of events",
      String(quantity),
      String(digest.events),
    );
  }
  if (price !== (digest.lo | 0) || reason !== digest.hi) {
    throw new CheckpointError(
      sequence,
      `digest of ${quantity} events`,
      hexOf(price, reason),
      hexOf(digest.lo, digest.hi),
    );
  }
  if (!isFullCheckpoint(slots, at)) return;
  const found = state.stateHash();
  if (found === text) return;
  throw new CheckpointError(sequence, "state hash", text, found);
}

function hexOf(lo: number, hi: number): string {
  const digits = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
  return digits(hi) + digits(lo);
}
