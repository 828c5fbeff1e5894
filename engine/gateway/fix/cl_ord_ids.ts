// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Client order ids (ClOrdID, tag 11) of all sessions of one gateway: which
 * were used, and which order they stand for.
 *
 * An open-addressing hash table over flat arrays, made once for its full
 * size; the kernel gives pages as they are touched. The gateway's thread owns
 * it; nothing allocates after construction. Ids of open orders stay; of closed
 * ones the newest `closedMax` stay, older ones may be used again.
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

const ENTRY_WORDS = 8;
const ID_WORDS = CL_ORD_ID_BYTES / 4;
const SESSION_WORD = 5;
const REFERENCE_F64 = 3;
const NONE = -1;
/** A slot of the index: entry + 1, and above it the top bits of the hash. */
const ENTRY_BITS = 22;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
/** Entries that slots can name. */
const ENTRIES_MAX = ENTRY_MASK - 1;

/** No such id, or no room for one. */
export const NO_ENTRY = -1;
/** `closed()`: the order lives on under another id. */
export const STATUS_REPLACED = 0x35;

/** Client order ids by session and text. Stage an id, then ask about it. */
export class ClOrdIds {
  /** Per entry: five words of id, session, reference (float64). */
  readonly #words: Int32Array;
  readonly #references: Float64Array;
  /** 0 = open, else what `close()` was told. */
  readonly #closed: Uint8Array;
  /** Next younger closed entry, or the next free one. */
  readonly #next: Int32Array;
  /** By hash; 0 = empty. Most ids that differ are told apart without their entry. */
  readonly #index: Int32Array;
  readonly #indexMask: number;
  readonly #closedMax: number;
  readonly #entryMax: number;
  #used = 0;
  #free = NONE;
  #oldestClosed = NONE;
  #youngestClosed = NONE;
  #closedCount = 0;
  /** The staged id and session. */
  readonly #staged = new Int32Array(ID_WORDS + 1);
  readonly #stagedBytes = new Uint8Array(this.#staged.buffer);
  #hash = 0;

  /**
   * @param openMax Open orders that have room.
   * @param closedMax Closed ids that are remembered.
   */
  constructor(openMax: number, closedMax: number) {
    const entries = openMax + closedMax;
    assert(
      entries <= ENTRIES_MAX,
      `room for ${entries} client order ids: at most ${ENTRIES_MAX}`,
    );
    let slots = 16;
    while (slots < entries * 2) slots *= 2;
    this.#entryMax = entries;
    this.#closedMax = closedMax;
    this.#words = new Int32Array(entries * ENTRY_WORDS);
    this.#references = new Float64Array(this.#words.buffer);
    this.#closed = new Uint8Array(entries);
    this.#next = new Int32Array(entries);
    this.#index = new Int32Array(slots);
    this.#indexMask = slots - 1;
  }

  /** Adds all ids, with their places: the order in which closed ones are forgotten too. */
  save(out: SectionWriter): void {
    addJson(out, "places", {
      used: this.#used,
      free: this.#free,
      oldestClosed: this.#oldestClosed,
      youngestClosed: this.#youngestClosed,
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
    this.#youngestClosed = places.youngestClosed!;
    this.#closedCount = places.closedCount!;
    for (const [name, view] of this.#tables()) {
      from.readInto(name, bytesOf(view));
    }
  }

  #tables(): [string, ArrayBufferView][] {
    return [
      ["words", this.#words],
      ["closed", this.#closed],
      ["next", this.#next],
      ["index", this.#index],
    ];
  }

  /** Ids that are remembered, of open and closed orders. */
  count(): number {
    return this.#used;
  }

  /** Chooses the id in `bytes[from, to)`, at most 20 bytes, zero-padded or not. */
  stage(session: number, bytes: Uint8Array, from: number, to: number): void {
    const staged = this.#stagedBytes;
    const length = to - from;
    for (let i = 0; i < CL_ORD_ID_BYTES; i++) {
      staged[i] = i < length ? bytes[from + i]! : 0;
    }
    this.#staged[SESSION_WORD] = session;
    this.#hash = this.#hashAt(this.#staged, 0);
  }

  /** The staged id's entry, or `NO_ENTRY`. */
  find(): number {
    const index = this.#index;
    const mask = this.#indexMask;
    const tag = this.#hash & ~ENTRY_MASK;
    for (let slot = this.#hash & mask;; slot = (slot + 1) & mask) {
      const found = index[slot]!;
      if (found === 0) return NO_ENTRY;
      if ((found & ~ENTRY_MASK) !== tag) continue;
      const entry = (found & ENTRY_MASK) - 1;
      if (this.#matches(entry)) return entry;
    }
  }

  /** Adds the staged id, which must be new. Returns its entry, or `NO_ENTRY` if all room is taken by open orders. */
  insert(reference: number): number {
    let entry = this.#free;
    if (entry !== NONE) this.#free = this.#next[entry]!;
    else if (this.#used < this.#entryMax) entry = this.#used;
    else if (this.#oldestClosed !== NONE) {
      this.#forgetOldest();
      entry = this.#free;
      this.#free = this.#next[entry]!;
    } else return NO_ENTRY;
    this.#used++;
    const at = entry * ENTRY_WORDS;
    for (let i = 0; i <= ID_WORDS; i++) this.#words[at + i] = this.#staged[i]!;
    this.#references[entry * (ENTRY_WORDS / 2) + REFERENCE_F64] = reference;
    this.#closed[entry] = 0;
    const mask = this.#indexMask;
    let slot = this.#hash & mask;
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = (this.#hash & ~ENTRY_MASK) | (entry + 1);
    return entry;
  }

  /** The session's own number of the order. */
  reference(entry: number): number {
    return this.#references[entry * (ENTRY_WORDS / 2) + REFERENCE_F64]!;
  }

  /** 0 while the order is open, else the status it ended with. */
  closed(entry: number): number {
    return this.#closed[entry]!;
  }

  /** The order has ended with `status` (not 0): the id may be forgotten when it is old. */
  close(entry: number, status: number): void {
    if (this.#closed[entry] !== 0) return;
    this.#closed[entry] = status;
    this.#next[entry] = NONE;
    if (this.#youngestClosed === NONE) this.#oldestClosed = entry;
    else this.#next[this.#youngestClosed] = entry;
    this.#youngestClosed = entry;
    if (++this.#closedCount > this.#closedMax) this.#forgetOldest();
  }

  /** The staged id is used up and stands for nothing that is open. */
  remember(status: number): void {
    let entry = this.find();
    if (entry === NO_ENTRY) entry = this.insert(0);
    if (entry !== NO_ENTRY) this.close(entry, status);
  }

  #forgetOldest(): void {
    const entry = this.#oldestClosed;
    this.#oldestClosed = this.#next[entry]!;
    if (this.#oldestClosed === NONE) this.#youngestClosed = NONE;
    this.#closedCount--;
    this.#used--;
    this.#unlink(entry);
    this.#next[entry] = this.#free;
    this.#free = entry;
  }

  /** Takes an entry out of the index; later ones of its run move up. */
  #unlink(entry: number): void {
    const index = this.#index;
    const mask = this.#indexMask;
    let hole = this.#hashAt(this.#words, entry * ENTRY_WORDS) & mask;
    while ((index[hole]! & ENTRY_MASK) !== entry + 1) hole = (hole + 1) & mask;
    let slot = (hole + 1) & mask;
    while (index[slot] !== 0) {
      const other = (index[slot]! & ENTRY_MASK) - 1;
      const home = this.#hashAt(this.#words, other * ENTRY_WORDS) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        index[hole] = index[slot]!;
        hole = slot;
      }
      slot = (slot + 1) & mask;
    }
    index[hole] = 0;
  }

  #matches(entry: number): boolean {
    const words = this.#words;
    const staged = this.#staged;
    const at = entry * ENTRY_WORDS;
    return words[at] === staged[0] && words[at + 1] === staged[1] &&
      words[at + 2] === staged[2] && words[at + 3] === staged[3] &&
      words[at + 4] === staged[4] && words[at + 5] === staged[5];
  }

  #hashAt(words: Int32Array, at: number): number {
    let hash = 0x2545f491;
    for (let i = 0; i <= ID_WORDS; i++) {
      hash = Math.imul(hash ^ words[at + i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }
}
