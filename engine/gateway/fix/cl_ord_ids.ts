// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Client order ids (ClOrdID, tag 11) of all sessions of one gateway: which
 * were used, and which order they stand for.
 *
 * ```
 *   index, by hash        [ hash, entry + 1 ]          [ hash, entry + 1 ]
 *   entries                 id, session, status, reference
 *   closed, oldest first  [ entry, hash ] [ entry, hash ] ...
 * ```
 *
 * An open-addressing hash table over flat arrays, made once for its full
 * size; the kernel gives pages as they are touched. The gateway's thread owns
 * it; nothing allocates after construction. Ids of open orders stay; of closed
 * ones the newest `closedMax` stay, older ones may be used again. A lookup
 * reads one cache line of the index and the entry that it finds; forgetting an
 * id reads no entry at all.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import { CL_ORD_ID_BYTES } from "../../record/mod.ts";
import {
  addJson,
  bytesOf,
  readJson,
  type SectionReader,
  type SectionWriter,
} from "../../snapshot/mod.ts";

// A member of this is in the machine code, an outer constant is read at each use.
const enum Fixed {
  /** Words of an entry: five of id, session and status, reference (float64). */
  ENTRY_WORDS = 8,
  SESSION_WORD = 5,
  REFERENCE_F64 = 3,
  NONE = -1,
  CL_ORD_ID_BYTES = 20,
  /** The word of the session has the status above this bit. */
  STATUS_SHIFT = 24,
  SESSION_MASK = 0xffffff,
  /** Closed ids whose places in the index are read ahead together: a power of two. */
  AHEAD = 32,
}

/** Entries that a table can have. */
const ENTRIES_MAX = 1 << 26;

/** No such id, or no room for one. */
export const NO_ENTRY = -1;
/** `closed()`: the order lives on under another id. */
export const STATUS_REPLACED = 0x35;

/** Client order ids by session and text. Stage an id, then ask about it. */
export class ClOrdIds {
  readonly #words: Int32Array;
  readonly #references: Float64Array;
  /** Pairs of words by hash: the hash, and entry + 1 or 0. */
  readonly #index: Int32Array;
  readonly #indexMask: number;
  /** Pairs of words, a ring: a closed entry and its hash. */
  readonly #closedRing: Int32Array;
  readonly #closedMask: number;
  readonly #closedMax: number;
  readonly #entryMax: number;
  #used = 0;
  /** A free entry has the next one in its first word. */
  #free: number = Fixed.NONE;
  /** Ids that were forgotten so far, modulo 2^32: the place of the oldest. */
  #oldestClosed = 0;
  #closedCount = 0;
  // The staged id, its session and its hash.
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #word3 = 0;
  #word4 = 0;
  #session = 0;
  #hash = 0;
  /** The memory that the last staged id lay in. */
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** The last place of a whole word in it. */
  #lastWordAt = -4;
  /** What was read ahead: kept, so that the reading is not left out. */
  ahead = 0;

  /**
   * @param openMax Open orders that have room.
   * @param closedMax Closed ids that are remembered, at least one.
   */
  constructor(openMax: number, closedMax: number) {
    const entries = openMax + closedMax;
    assert(
      closedMax >= 1 && entries <= ENTRIES_MAX,
      `room for ${entries} client order ids, ${closedMax} of them closed: at most ${ENTRIES_MAX}, at least one`,
    );
    let slots = 16;
    while (slots < entries * 2) slots *= 2;
    let places = 1;
    while (places < closedMax) places *= 2;
    this.#entryMax = entries;
    this.#closedMax = closedMax;
    this.#words = new Int32Array(entries * Fixed.ENTRY_WORDS);
    this.#references = new Float64Array(this.#words.buffer);
    this.#index = new Int32Array(slots * 2);
    this.#indexMask = slots * 2 - 1;
    this.#closedRing = new Int32Array(places * 2);
    this.#closedMask = places - 1;
  }

  /** Adds all ids, with their places: the order in which closed ones are forgotten too. */
  save(out: SectionWriter): void {
    addJson(out, "places", {
      used: this.#used,
      free: this.#free,
      oldestClosed: this.#oldestClosed,
      closedCount: this.#closedCount,
    });
    for (const [name, view] of this.#tables()) out.add(name, bytesOf(view));
  }

  /** Takes what was saved by one of the same size. */
  load(from: SectionReader): void {
    const places = readJson<Record<string, number>>(from, "places");
    this.#used = places.used!;
    this.#free = places.free!;
    this.#oldestClosed = places.oldestClosed!;
    this.#closedCount = places.closedCount!;
    for (const [name, view] of this.#tables()) {
      from.readInto(name, bytesOf(view));
    }
  }

  #tables(): [string, ArrayBufferView][] {
    return [
      ["words", this.#words],
      ["index", this.#index],
      ["closed", this.#closedRing],
    ];
  }

  /** Ids that are remembered, of open and closed orders. */
  count(): number {
    return this.#used;
  }

  /** Chooses the id in `bytes[from, to)`, at most 20 bytes, zero-padded or not. */
  stage(session: number, bytes: Uint8Array, from: number, to: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(
        bytes.buffer,
        bytes.byteOffset,
        bytes.byteLength,
      );
      this.#lastWordAt = bytes.byteLength - 4;
    }
    const length = to - from;
    this.#word0 = this.#wordOf(from, length);
    this.#word1 = this.#wordOf(from + 4, length - 4);
    this.#word2 = this.#wordOf(from + 8, length - 8);
    this.#word3 = this.#wordOf(from + 12, length - 12);
    this.#word4 = this.#wordOf(from + 16, length - 16);
    this.#session = session;
    this.#mix();
  }

  /** Chooses the zero-padded id that lies at word `at`. */
  stageWords(session: number, words: Int32Array, at: number): void {
    this.#word0 = words[at]!;
    this.#word1 = words[at + 1]!;
    this.#word2 = words[at + 2]!;
    this.#word3 = words[at + 3]!;
    this.#word4 = words[at + 4]!;
    this.#session = session;
    this.#mix();
  }

  /** The staged id's entry, or `NO_ENTRY`. */
  find(): number {
    const index = this.#index;
    const mask = this.#indexMask;
    const hash = this.#hash;
    for (let p = (hash << 1) & mask;; p = (p + 2) & mask) {
      const entry = index[p + 1]! - 1;
      if (entry < 0) return Fixed.NONE;
      if (index[p] === hash && this.#matches(entry)) return entry;
    }
  }

  /** Adds the staged id, which must be new. Returns its entry, or `NO_ENTRY` if all room is taken by open orders. */
  insert(reference: number): number {
    const words = this.#words;
    let entry = this.#free;
    if (entry === Fixed.NONE && this.#used < this.#entryMax) entry = this.#used;
    else {
      if (entry === Fixed.NONE) {
        if (this.#closedCount === 0) return Fixed.NONE;
        this.#forgetOldest();
        entry = this.#free;
      }
      this.#free = words[entry * Fixed.ENTRY_WORDS]!;
    }
    this.#used++;
    const at = entry * Fixed.ENTRY_WORDS;
    words[at] = this.#word0;
    words[at + 1] = this.#word1;
    words[at + 2] = this.#word2;
    words[at + 3] = this.#word3;
    words[at + 4] = this.#word4;
    words[at + Fixed.SESSION_WORD] = this.#session;
    this.#references[(at >> 1) + Fixed.REFERENCE_F64] = reference;
    const index = this.#index;
    const mask = this.#indexMask;
    let p = (this.#hash << 1) & mask;
    while (index[p + 1] !== 0) p = (p + 2) & mask;
    index[p] = this.#hash;
    index[p + 1] = entry + 1;
    return entry;
  }

  /** The session's own number of the order. */
  reference(entry: number): number {
    return this
      .#references[entry * (Fixed.ENTRY_WORDS / 2) + Fixed.REFERENCE_F64]!;
  }

  /** 0 while the order is open, else the status it ended with. */
  closed(entry: number): number {
    return this.#words[entry * Fixed.ENTRY_WORDS + Fixed.SESSION_WORD]! >>>
      Fixed.STATUS_SHIFT;
  }

  /**
   * The order of the staged id, whose entry this is, has ended with `status`
   * (not 0): the id may be forgotten when it is old.
   */
  close(entry: number, status: number): void {
    const at = entry * Fixed.ENTRY_WORDS + Fixed.SESSION_WORD;
    const session = this.#words[at]!;
    if (session >>> Fixed.STATUS_SHIFT !== 0) return;
    this.#words[at] = session | status << Fixed.STATUS_SHIFT;
    if (this.#closedCount === this.#closedMax) this.#forgetOldest();
    const place = (this.#oldestClosed + this.#closedCount) & this.#closedMask;
    this.#closedRing[place * 2] = entry;
    this.#closedRing[place * 2 + 1] = this.#hash;
    this.#closedCount++;
  }

  /** The staged id is used up and stands for nothing that is open. */
  remember(status: number): void {
    let entry = this.find();
    if (entry === Fixed.NONE) entry = this.insert(0);
    if (entry !== Fixed.NONE) this.close(entry, status);
  }

  #forgetOldest(): void {
    const oldest = this.#oldestClosed;
    if ((oldest & (Fixed.AHEAD - 1)) === 0) this.#readAhead(oldest);
    const place = (oldest & this.#closedMask) * 2;
    const entry = this.#closedRing[place]!;
    this.#oldestClosed = (oldest + 1) | 0;
    this.#closedCount--;
    this.#used--;
    this.#unlink(entry, this.#closedRing[place + 1]!);
    this.#words[entry * Fixed.ENTRY_WORDS] = this.#free;
    this.#free = entry;
  }

  /** Reads where the next ids that will be forgotten lie: the processor waits for all of them at once. */
  #readAhead(oldest: number): void {
    const ring = this.#closedRing;
    const index = this.#index;
    let seen = 0;
    for (let i = 0; i < Fixed.AHEAD; i++) {
      const hash = ring[((oldest + i) & this.#closedMask) * 2 + 1]!;
      seen ^= index[(hash << 1) & this.#indexMask]!;
    }
    this.ahead = seen;
  }

  /** Takes an entry out of the index; later ones of its run move up. */
  #unlink(entry: number, hash: number): void {
    const index = this.#index;
    const mask = this.#indexMask;
    let hole = (hash << 1) & mask;
    while (index[hole + 1] !== entry + 1) hole = (hole + 2) & mask;
    let p = (hole + 2) & mask;
    while (index[p + 1] !== 0) {
      const home = (index[p]! << 1) & mask;
      if (((p - home) & mask) >= ((p - hole) & mask)) {
        index[hole] = index[p]!;
        index[hole + 1] = index[p + 1]!;
        hole = p;
      }
      p = (p + 2) & mask;
    }
    index[hole + 1] = 0;
  }

  #matches(entry: number): boolean {
    const words = this.#words;
    const at = entry * Fixed.ENTRY_WORDS;
    return words[at] === this.#word0 && words[at + 1] === this.#word1 &&
      words[at + 2] === this.#word2 && words[at + 3] === this.#word3 &&
      words[at + 4] === this.#word4 &&
      (words[at + Fixed.SESSION_WORD]! & Fixed.SESSION_MASK) === this.#session;
  }

  /** Four bytes of the id from `from` on, of which `length` belong to it. */
  #wordOf(from: number, length: number): number {
    if (length <= 0) return 0;
    if (from > this.#lastWordAt) return this.#lastWord(from, length);
    const four = this.#view.getInt32(from, true);
    return length >= 4 ? four : four & ((1 << (length << 3)) - 1);
  }

  /** The same where no four bytes are left in the memory. */
  #lastWord(from: number, length: number): number {
    let word = 0;
    for (let i = 0; i < length && i < 4; i++) {
      word |= this.#bytes[from + i]! << (i * 8);
    }
    return word;
  }

  #mix(): void {
    let hash = Math.imul(0x2545f491 ^ this.#word0, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ this.#word1, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ this.#word2, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ this.#word3, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ this.#word4, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ this.#session, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15, 0x85ebca6b);
    this.#hash = hash ^ hash >>> 13;
  }
}

assert(
  Number(Fixed.CL_ORD_ID_BYTES) === CL_ORD_ID_BYTES,
  "a client order id has five words",
);
