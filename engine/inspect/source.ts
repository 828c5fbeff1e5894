// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands of a journal that may still be written to, in order, up to what is
 * whole on the disk now.
 *
 * ```
 *   reader ─▶ commands ... end, or damage in the newest segment
 *                                 └─▶ look again from there: it may have grown
 * ```
 *
 * It only reads. What a running appliance writes while we look can seem broken
 * for a moment; only what stays so is damage. A torn tail is told, not cut.
 * One thread; a command costs no allocation.
 *
 * @module
 */
import { cpuSleep } from "../../ffi/mod.ts";
import { NativeError } from "../../ffi/native_error.ts";
import type { CommandSlots } from "../appliance/command_fields.ts";
import {
  JournalDamageError,
  JournalReader,
  type TornTail,
} from "../journal/mod.ts";
import { CMD_LENGTH_U16 } from "../record/mod.ts";
import { type Archive, placed, PrunedError, segmentsOf } from "./archive.ts";

/** How often a broken place is looked at before it counts as damage, and how long after one another. */
const LOOKS_MAX = 5;
const LOOK_US = 20_000;
const ENOENT = 2;

/** Walks the commands of a journal, and of its archive. */
export class CommandSource {
  readonly #archive: Archive;
  #reader: JournalReader | undefined;
  #next: number;
  #at = 0;
  #end = 0;
  /** First sequence of the newest segment when the reader was made; 0 = there was none. */
  #newest = 0;
  #looks = 0;
  #tail: TornTail | undefined;

  /**
   * @param archive Where the segments are.
   * @param fromSequence First command that is wanted.
   */
  constructor(archive: Archive, fromSequence: number) {
    this.#archive = archive;
    this.#next = fromSequence;
  }

  /** What is not whole at the end, once it is reached. */
  get tail(): TornTail | undefined {
    return this.#tail;
  }

  /** Sequence of the next command. */
  get nextSequence(): number {
    return this.#next;
  }

  /** Views of the command that `next()` went to. */
  get views(): CommandSlots {
    return this.#reader!;
  }

  /**
   * Goes to the next command.
   *
   * @returns Its byte in `views`; -1 at the end.
   * @throws {JournalDamageError} If it can not be trusted.
   * @throws {PrunedError} If its segment was moved away meanwhile.
   */
  next(): number {
    while (this.#at === this.#end) {
      if (!this.#more()) return -1;
    }
    const at = this.#at;
    this.#at += this.#reader!.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    this.#next++;
    return at;
  }

  /** Closes files and gives memory back. */
  dispose(): void {
    this.#reader?.dispose();
    this.#reader = undefined;
    this.#at = this.#end = 0;
  }

  /** Reads on; false at the end. */
  #more(): boolean {
    try {
      this.#reader ??= this.#open();
      if (this.#reader === undefined) return false;
      if (this.#reader.next()) {
        this.#at = this.#reader.start;
        this.#end = this.#reader.end;
        this.#looks = 0;
        return true;
      }
      this.#tail = this.#reader.tail;
      return this.#grown();
    } catch (error) {
      if (error instanceof NativeError && error.code === ENOENT) {
        throw new PrunedError(
          `A segment went away before it was read (${error.message}): a ` +
            "running appliance moves old ones to its archive. Ask again",
          this.#archive,
        );
      }
      if (!(error instanceof JournalDamageError)) throw error;
      if (++this.#looks === LOOKS_MAX) throw placed(this.#archive, error);
      cpuSleep(LOOK_US);
      this.dispose();
      return true;
    }
  }

  #open(): JournalReader | undefined {
    this.#newest = segmentsOf(this.#archive).at(-1) ?? 0;
    if (this.#newest === 0) return undefined;
    const { journal, files } = this.#archive;
    return new JournalReader({
      directory: journal,
      files,
      fromSequence: this.#next,
    });
  }

  /** Whether a segment has been begun since the reader was made. */
  #grown(): boolean {
    const segments = segmentsOf(this.#archive);
    const next = this.#reader!.nextSequence;
    // One that was there has been looked into: it may be empty, after a start without commands.
    if (segments.at(-1) === this.#newest) return false;
    if (segments.at(-1) !== next || next < this.#next) return false;
    this.dispose();
    return true;
  }
}
