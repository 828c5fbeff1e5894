// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * When the journal's disk wants no more orders: before anything has failed.
 *
 * ```
 *   next segment can't be prepared ─┐
 *   free room below the reserve ────┴─▶ JOURNAL_FULL ┐
 *   a command waits too long ───────┬─▶ JOURNAL_SLOW ┴─▶ control word ─▶ sequencer marks new orders
 *   too many commands wait ─────────┘
 * ```
 *
 * Owned by the journal's thread; allocates only when something changes. It
 * only judges and tells: the room that is left carries the refusals, and the
 * cancels that go through. It ends by itself, at the earliest a second after
 * its cause was seen last.
 *
 * @module
 */
import { Reason } from "../record/mod.ts";
import { COUNTER, type CounterLane } from "../telemetry/mod.ts";

/** What is asked of the disk; 0 = not asked. */
export interface PressureLimits {
  /** Bytes of the file system that stay free for others. */
  readonly freeBytesMin: number;
  /** Milliseconds that the oldest command may wait to become durable. */
  readonly waitMsMax: number;
  /** Commands that may wait to become durable. */
  readonly lagMax: number;
}

/** Nothing is asked; a segment that can't be prepared is pressure all the same. */
export const NO_LIMITS: PressureLimits = {
  freeBytesMin: 0,
  waitMsMax: 0,
  lagMax: 0,
};

export interface PressureOptions {
  readonly limits: PressureLimits;
  /** Words shared with other threads. */
  readonly control: Int32Array;
  /** Its word for the reason; -1 = none. */
  readonly word: number;
  readonly lane: CounterLane;
  /** Told when it changes: a `Reason`, NONE = over, and why, for people. */
  readonly onChange: (reason: Reason, why: string) => void;
}

/** Between two looks at the file system, and two tries to prepare a segment. */
export const PRESSURE_RETRY_MS = 1000;
/** It is over when so much of a limit is not reached any more. */
const RELIEF = 0.5;

// Elements of the times, milliseconds.
/** Until when it is slow. */
const SLOW_UNTIL = 0;
/** Newest free room, bytes. */
const FREE = 1;

/** The state of the journal's disk as the sequencer is told it. */
export class JournalPressure {
  readonly #options: PressureOptions;
  /** In an array: a number above 2^31 in a field costs an object. */
  readonly #values = new Float64Array(2);
  #reason: Reason = Reason.NONE;
  /** Why the next segment could not be prepared: -errno; 0 = it could. */
  #prepareCode = 0;

  constructor(options: PressureOptions) {
    this.#options = options;
    this.#values[FREE] = Infinity;
    if (options.word >= 0) Atomics.store(options.control, options.word, 0);
  }

  /** `Reason` for which new orders are refused; NONE = they are taken. */
  get reason(): Reason {
    return this.#reason;
  }

  /** Why the newest try to prepare a segment failed: -errno; 0 = it did not. */
  get prepareCode(): number {
    return this.#prepareCode;
  }

  /** How a try to prepare the next segment went: -errno, or 0. */
  onPrepared(code: number): void {
    this.#prepareCode = code;
  }

  /** What the file system has left; below 0 = it did not say. */
  onSpace(bytes: number): void {
    this.#values[FREE] = bytes < 0 ? Infinity : bytes;
  }

  /** True if the file system is known to have no room for so much. */
  lacks(bytes: number): boolean {
    return this.#values[FREE]! < bytes;
  }

  /**
   * Judges anew, and tells if it changed. Hot path.
   *
   * @param times Milliseconds: now at `at`, since when the oldest command waits at `at + 1` (0 = none does).
   * @param lag Commands that wait.
   */
  judge(times: Float64Array, at: number, lag: number): void {
    const { waitMsMax, lagMax, freeBytesMin } = this.#options.limits;
    const values = this.#values;
    const now = times[at]!;
    const since = times[at + 1]!;
    const waits = since === 0 ? 0 : now - since;
    const part = this.#reason === Reason.JOURNAL_SLOW ? RELIEF : 1;
    if (
      (waitMsMax !== 0 && waits > waitMsMax * part) ||
      (lagMax !== 0 && lag > lagMax * part)
    ) values[SLOW_UNTIL] = now + PRESSURE_RETRY_MS;
    const reason = this.#prepareCode !== 0 || values[FREE]! < freeBytesMin
      ? Reason.JOURNAL_FULL
      : now < values[SLOW_UNTIL]!
      ? Reason.JOURNAL_SLOW
      : Reason.NONE;
    if (reason !== this.#reason) this.#change(reason, waits, lag);
  }

  #change(reason: Reason, waits: number, lag: number): void {
    const { control, word, lane, onChange } = this.#options;
    this.#reason = reason;
    if (word >= 0) Atomics.store(control, word, reason);
    if (reason === Reason.JOURNAL_FULL) {
      lane.add(COUNTER.journal_full_total, 1);
    } else if (reason === Reason.JOURNAL_SLOW) {
      lane.add(COUNTER.journal_slow_total, 1);
    }
    onChange(reason, this.#why(reason, waits, lag));
  }

  #why(reason: Reason, waits: number, lag: number): string {
    const { limits } = this.#options;
    if (reason === Reason.NONE) return "";
    if (reason === Reason.JOURNAL_SLOW) {
      return `${lag} commands wait to become durable (limit ${limits.lagMax}, ` +
        `0 = none), the oldest for ${Math.round(waits)} ms (limit ` +
        `${limits.waitMsMax}). The disk is slow or busy: see what else writes to it`;
    }
    return this.#prepareCode !== 0
      ? `the next segment can not be prepared: error ${-this.#prepareCode}; ` +
        "it is tried each second. Give the file system room (old segments can " +
        "be archived), or mend the disk"
      : `the file system has ${
        this.#values[FREE]
      } bytes left, the reserve is ` +
        `${limits.freeBytesMin} ([journal] free_reserve_mib). Give it room: ` +
        "old segments can be archived";
  }
}
