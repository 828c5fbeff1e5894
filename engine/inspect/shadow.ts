// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Whether this build may take over a data folder: it does the journal's
 * commands again and compares with what is written down at each CHECKPOINT.
 *
 * ```
 *   journal ─▶ Replica of this build ─▶ digest, state hash ═ CHECKPOINT ?
 * ```
 *
 * It only reads; the appliance may run meanwhile. One thread.
 *
 * @module
 */
import { CheckpointError } from "../appliance/checkpoint.ts";
import type { Config } from "../config/mod.ts";
import { CMD_DETAIL_U8, CMD_KIND_U8, CommandKind } from "../record/mod.ts";
import { History } from "./history.ts";

/** How a build is tried. */
export interface ShadowOptions {
  readonly config: Config;
  /** Begin with the newest snapshot, not with the first command. */
  readonly fromSnapshot: boolean;
  readonly progress: (text: string) => void;
}

/** What came out. */
export interface ShadowVerdict {
  readonly mayTakeOver: boolean;
  readonly commands: number;
  /** Compared and equal. */
  readonly checkpoints: number;
  /** Of them with a hash of the whole state. */
  readonly hashes: number;
  /** Sequence of the last that was equal; 0 = none. */
  readonly lastEqual: number;
  /** Sequence after which it ended, and the state's hash there. */
  readonly sequence: number;
  readonly stateHash: string;
  /** Of the snapshot it began with; 0 = none. */
  readonly snapshot: number;
  /** Why not; "" = it may. */
  readonly reason: string;
}

/** Tries this build on the journal of a configuration. */
export function shadow(options: ShadowOptions): ShadowVerdict {
  const history = new History(options);
  let commands = 0;
  let seen = 0;
  let checkpoints = 0;
  let hashes = 0;
  let lastEqual = 0;
  const from = options.fromSnapshot ? Infinity : history.firstSequence + 1;
  let sequence = 0;
  let stateHash = "";
  let snapshot = 0;
  let reason = "";
  let pending = 0;
  let pendingHash = false;
  // A CHECKPOINT was equal if the command after it is asked for.
  const settle = (): void => {
    if (pending === 0) return;
    checkpoints++;
    if (pendingHash) hashes++;
    lastEqual = pending;
    pending = 0;
  };
  try {
    const moment = history.at(undefined, {
      beforeSequence: from,
      onCommand: ({ u8, f64 }, at) => {
        settle();
        seen = f64[(at >>> 3) + 1]!;
        commands++;
        if (u8[at + CMD_KIND_U8] !== CommandKind.CHECKPOINT) return;
        pending = seen;
        pendingHash = u8[at + CMD_DETAIL_U8] === 1;
      },
    });
    settle();
    sequence = moment.sequence;
    snapshot = moment.snapshot;
    stateHash = moment.replica.stateHash();
    moment.replica.dispose();
    if (checkpoints === 0 && commands > 0) {
      reason =
        `no CHECKPOINT among ${commands} commands: there is nothing to ` +
        "compare with";
    }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    sequence = seen;
    reason = error.message;
  }
  return {
    mayTakeOver: reason === "",
    commands,
    checkpoints,
    hashes,
    lastEqual,
    sequence,
    stateHash,
    snapshot,
    reason,
  };
}

/** The verdict in one line. */
export function shadowText(verdict: ShadowVerdict): string {
  const { commands, checkpoints, hashes, lastEqual, sequence } = verdict;
  const equal = `${checkpoints} checkpoints are equal` +
    (checkpoints === 0 ? "" : `, the last at sequence ${lastEqual}`);
  if (!verdict.mayTakeOver) {
    return `shadow: this build must not take over: ${verdict.reason} (${equal})`;
  }
  const from = verdict.snapshot === 0
    ? ""
    : ` after the snapshot of ${verdict.snapshot}`;
  return `shadow: this build may take over: ${commands} commands${from} up to ` +
    `sequence ${sequence}, ${equal}, ${hashes} with a state hash; state hash ` +
    `now ${verdict.stateHash}`;
}
