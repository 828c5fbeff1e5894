// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The journal's groups: gathered and sealed for the writer, checked for the
 * reader, a whole group a call. `native/journal.h` has the layout.
 *
 * Any thread; allocates nothing but when it makes a `JournalGroup` or
 * `JournalWalk`. Addresses are numbers; nothing checks that they are mapped.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_journal_gather: {
    parameters: ["buffer", "u32", "u32", "u32", "u32", "u32"],
    result: "i32",
  },
  ferrule_journal_seal: {
    parameters: ["buffer", "u32", "u32"],
    result: "void",
  },
  ferrule_journal_walk: {
    parameters: ["buffer", "f64", "u32"],
    result: "i32",
  },
  ferrule_journal_verify: { parameters: ["f64", "u32"], result: "u32" },
  ferrule_journal_is_seal: { parameters: ["buffer", "f64"], result: "i32" },
} as const;

/** Bytes of a seal. */
export const SEAL_BYTES = 64;
/** What stands in a seal where a command has its kind. */
export const SEAL_KIND = 255;

/** What `JournalWalk.run()` found. */
export const WalkEnd = {
  /** The bytes end before the group does. */
  MORE: 0,
  /** A whole group; `end` is behind its seal. */
  SEALED: 1,
  /** At `end` a length or CRC is wrong. */
  RECORD: 2,
  /** At `end` is not the sequence that comes next, but `found`. */
  SEQUENCE: 3,
  /** The seal at `end` says something else than the commands before it. */
  SEAL: 4,
  /** The seal at `end` belongs to another chain. */
  CHAIN: 5,
} as const;
export type WalkEnd = typeof WalkEnd[keyof typeof WalkEnd];

const STATE_BYTES = 64;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** Bytes of whole commands and seals with the right CRC, before the first that is not. */
export function journalVerify(address: number, bytes: number): number {
  return native().ferrule_journal_verify(address, bytes);
}

/** The group that a writer gathers, and the chain up to it. */
export class JournalGroup {
  readonly #f64 = new Float64Array(STATE_BYTES / 8);
  readonly #u32 = new Uint32Array(this.#f64.buffer);

  /**
   * @param ringAddress Of the ring's first slot.
   * @param groupAddress Of the group's first byte.
   * @param secret The journal's: low and high word.
   * @param chain Of all groups before: low and high word.
   * @param epoch Of this run.
   */
  constructor(
    ringAddress: number,
    groupAddress: number,
    secret: readonly [number, number],
    chain: readonly [number, number],
    epoch: number,
  ) {
    this.#f64[0] = ringAddress;
    this.#f64[1] = groupAddress;
    this.#u32.set(secret, 4);
    this.#u32.set(chain, 6);
    this.#u32[12] = epoch;
  }

  /** Low word of the chain of all groups that `next()` was called for. */
  get chainLo(): number {
    return this.#u32[6]!;
  }

  get chainHi(): number {
    return this.#u32[7]!;
  }

  /**
   * Moves commands out of a ring's slots (192 bytes each) into the group: one
   * after the other, each as long as it says, with its place and its CRC.
   *
   * @param first Index of the first slot to take.
   * @param mask Number of slots, a power of two, minus 1.
   * @param count Slots to take.
   * @param bytes Bytes that are in the group already; behind them is room for
   *   `count * 192`.
   * @param index Commands that are in the group already.
   * @returns Bytes written.
   * @throws {NativeError} If a command's length is not 64, 128 or 192.
   */
  gather(
    first: number,
    mask: number,
    count: number,
    bytes: number,
    index: number,
  ): number {
    const written = native().ferrule_journal_gather(
      this.#u32,
      first,
      mask,
      count,
      bytes,
      index,
    );
    return written >= 0 ? written : unwrap(written, `gather ${count} commands`);
  }

  /** Writes the seal behind the group's bytes. Until `next()` it may be written again. */
  seal(commands: number, bytes: number): void {
    native().ferrule_journal_seal(this.#u32, commands, bytes);
  }

  /** The sealed group is written: the next one follows it. */
  next(): void {
    this.#u32[6] = this.#u32[10]!;
    this.#u32[7] = this.#u32[11]!;
  }
}

/** Where a reader is in a chain of groups. */
export class JournalWalk {
  readonly #f64 = new Float64Array(STATE_BYTES / 8);
  readonly #u32 = new Uint32Array(this.#f64.buffer);

  /** Starts at a segment: what its header says. */
  start(
    secretLo: number,
    secretHi: number,
    chainLo: number,
    chainHi: number,
    sequence: number,
    epoch: number,
  ): void {
    this.#u32[0] = secretLo;
    this.#u32[1] = secretHi;
    this.#u32[2] = chainLo;
    this.#u32[3] = chainHi;
    this.#f64[3] = sequence;
    this.#u32[10] = 0;
    this.#u32[11] = 0;
    this.#u32[12] = epoch;
  }

  /** Chain of all groups that were passed. */
  get chainLo(): number {
    return this.#u32[2]!;
  }

  get chainHi(): number {
    return this.#u32[3]!;
  }

  /** Sequence that is expected next. */
  get sequence(): number {
    return this.#f64[3]!;
  }

  /** Sequence that was there instead; of a wrong seal, its first. */
  get found(): number {
    return this.#f64[4]!;
  }

  /** Commands of the group at hand that were passed. */
  get commands(): number {
    return this.#u32[10]!;
  }

  /** Offset of the first byte that the last call did not take. */
  get end(): number {
    return this.#u32[13]!;
  }

  /**
   * Checks records from an address on, up to the first seal. After MORE it may
   * be called for the bytes from `end` on, with what follows them.
   */
  run(address: number, bytes: number): WalkEnd {
    return native().ferrule_journal_walk(this.#u32, address, bytes) as WalkEnd;
  }

  /** Goes back to the start of the group at hand. */
  rewind(): void {
    this.#f64[3] = this.#f64[3]! - this.#u32[10]!;
    this.#u32[10] = 0;
    this.#u32[11] = 0;
  }

  /** Whether a seal of this journal stands there: 64 bytes. */
  isSeal(address: number): boolean {
    return native().ferrule_journal_is_seal(this.#u32, address) === 1;
  }
}
