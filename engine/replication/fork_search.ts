// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds the last sequence that two journals have in common, once they are known to
 * differ: this side asks the primary for marks and halves the range each time.
 * It changes nothing and merges nothing; it ends in an error that says what an
 * operator must decide.
 *
 * ```
 *   ours     1 ... 1040 | 1041' 1042' 1043'      never acknowledged by the standby
 *   primary  1 ... 1040 | 1041  1042  ...
 * ```
 *
 * @module
 */
import type { JournalFiles } from "../journal/mod.ts";
import { type Channel, FrameKind } from "./frame.ts";
import { FollowError } from "./follow_error.ts";
import { isSameMark, markAt } from "./marks.ts";

/** What a search works with. */
export interface ForkSearchOptions {
  readonly channel: Channel;
  /** Folder of our journal. */
  readonly directory: string;
  readonly files: JournalFiles | undefined;
  /** Newest sequence of ours, and of the primary's. */
  readonly newest: number;
  readonly primaryNewest: number;
  readonly epoch: number;
}

/** A search under way. */
export class ForkSearch {
  readonly #options: ForkSearchOptions;
  /** The newest known to be common, and the oldest known not to be. */
  #common = 0;
  #different: number;
  #asked = 0;

  constructor(options: ForkSearchOptions) {
    this.#options = options;
    this.#different = Math.min(options.newest, options.primaryNewest) + 1;
    this.#ask();
  }

  /**
   * Takes an answer of the primary.
   *
   * @throws {FollowError} When it is found.
   */
  answer(frame: Channel): void {
    const { directory, newest, files } = this.#options;
    if (frame.sequence !== this.#asked) {
      return frame.fail(`it answered for sequence ${frame.sequence}`);
    }
    const ours = markAt(directory, this.#asked, newest, files);
    const theirs = { lo: frame.markLo, hi: frame.markHi };
    if (ours === undefined || frame.value !== 1) {
      // Pruned on one side: older than what any crash leaves behind.
      this.#common = this.#asked;
    } else if (isSameMark(ours, theirs)) this.#common = this.#asked;
    else this.#different = this.#asked;
    this.#ask();
  }

  #ask(): void {
    const { channel, epoch } = this.#options;
    if (this.#different - this.#common <= 1) throw this.#report();
    this.#asked = Math.floor((this.#common + this.#different) / 2);
    channel.writeText(FrameKind.PROBE, epoch, this.#asked, {});
  }

  #report(): FollowError {
    const { channel, directory, newest } = this.#options;
    const first = this.#common + 1;
    const count = newest - this.#common;
    const which = count === 1
      ? `sequence ${first}`
      : `sequences ${first} to ${newest}`;
    return new FollowError(
      `This journal has ${count} commands that the primary at ${channel.peer} does not ` +
        `have: ${which}; the last common sequence is ${this.#common}. This appliance was ` +
        "primary before, and wrote them when no standby took them any more. " +
        `To follow, they must be given up: move the data directory of ${directory} aside ` +
        "and keep it (inspect shows what those commands were; with durability below " +
        "replicated, clients may have been told of them), then start with an empty one",
    );
  }
}
