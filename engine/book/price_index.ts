// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds the level of a price, and the next price that has orders.
 *
 * One radix tree for each side of each instrument covers all of int32: a top
 * table of 4096 entries, below it tables of 4096 entries, below them pages of
 * 256 levels. Each table and page has a bitmap of what is used, tables a
 * second one over the first, so the next price is a few `clz32` away.
 *
 * ```
 * key ^ 2^31:  [ 12 bits: table ][ 12 bits: page ][ 8 bits: level ]
 * ```
 *
 * Pages and tables come from two pools and go back when they are empty. Owned
 * by the thread of the book. Allocates nothing after construction; keeps no
 * orders and knows no sides, only keys of which the smallest is the best.
 *
 * @module
 */
import { assert } from "../assert.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  SIDE_ROOT = 2,
  SIDE_CACHED_TOP = 3,
  SIDE_CACHED_TABLE = 4,
  PAGE_LEVELS = 16,
  PAGE_USED = 8,
  LEVEL_KEY = 5,
  TABLE_ENTRIES = 4096,
  TABLE_BITS = TABLE_ENTRIES,
  TABLE_SUMMARY = TABLE_BITS + 128,
  TABLE_USED = TABLE_SUMMARY + 4,
  TABLE_WORDS = 4240,
  LEVEL_WORDS = 8,
  PAGE_WORDS = PAGE_LEVELS + 256 * LEVEL_WORDS,
}

/** Words of a table: entries, bitmap, summary, count; whole cache lines. */
export const TABLE_WORDS = 4240;

/** Words of a page: bitmap (8), count, free link, then 256 levels. */
export const PAGE_WORDS = 2064;

/** Finds levels. Of functions and not of a class: see `makeLookup()`. */
interface Lookup {
  find(side: number, key: number): number;
  insert(side: number, key: number): number;
  open(level: number, key: number): void;
  remove(side: number, key: number, level: number): void;
  next(side: number, key: number): number;
}

/** Makes the quick part of an index, of which V8 then knows the memory as a constant. */
function makeLookup(
  i32: Int32Array,
  grow: (side: number, key: number) => number,
  shrink: (side: number, key: number, page: number) => void,
): Lookup {
  function find(side: number, key: number): number {
    const words = i32;
    const bits = key ^ 0x80000000;
    const top = bits >>> 20;
    let table = words[side | Fixed.SIDE_CACHED_TABLE]!;
    if (words[side | Fixed.SIDE_CACHED_TOP] !== top) {
      table = words[words[side | Fixed.SIDE_ROOT]! + top]!;
      if (table === 0) return 0;
      words[side | Fixed.SIDE_CACHED_TOP] = top;
      words[side | Fixed.SIDE_CACHED_TABLE] = table;
    }
    const page = words[table + ((bits >>> 8) & 0xfff)]!;
    if (page === 0) return 0;
    return (page + Fixed.PAGE_LEVELS + ((bits & 0xff) << 3)) | 0;
  }

  function insert(side: number, key: number): number {
    const level = find(side, key) || grow(side, key);
    open(level, key);
    return level;
  }

  function open(level: number, key: number): void {
    const words = i32;
    const at = key & 0xff;
    const page = (level - Fixed.PAGE_LEVELS - (at << 3)) | 0;
    const word = page + (at >>> 5);
    words[word] = words[word]! | (1 << (at & 31));
    words[page | Fixed.PAGE_USED] = words[page | Fixed.PAGE_USED]! + 1;
    words[level | Fixed.LEVEL_KEY] = key;
  }

  function remove(side: number, key: number, level: number): void {
    const words = i32;
    const at = key & 0xff;
    const page = (level - Fixed.PAGE_LEVELS - (at << 3)) | 0;
    const word = page + (at >>> 5);
    words[word] = words[word]! & ~(1 << (at & 31));
    const used = (words[page | Fixed.PAGE_USED]! - 1) | 0;
    words[page | Fixed.PAGE_USED] = used;
    if (used === 0) shrink(side, key, page);
  }

  function next(side: number, key: number): number {
    const bits = key ^ 0x80000000;
    const table = i32[i32[side | Fixed.SIDE_ROOT]! + (bits >>> 20)]!;
    if (table === 0) return nextFar(side, bits);
    const page = i32[table + ((bits >>> 8) & 0xfff)]!;
    if (page === 0) return nextFar(side, bits);
    return nextInPage(page, bits & 0xff) || nextFar(side, bits);
  }

  /** The first used level of a page after that of the key's. */
  function nextFar(side: number, bits: number): number {
    const root = i32[side | Fixed.SIDE_ROOT]!;
    let top = bits >>> 20;
    let table = i32[root + top]!;
    if (table !== 0) {
      const found = nextInTable(table, (bits >>> 8) & 0xfff);
      if (found >= 0) return nextInPage(i32[table + found]!, -1);
    }
    top = nextInTable(root, top);
    if (top < 0) return 0;
    table = i32[root + top]!;
    return nextInPage(i32[table + nextInTable(table, -1)]!, -1);
  }

  /** First used level of a page after place `at` (-1 = from the start), or 0. */
  function nextInPage(page: number, at: number): number {
    const words = i32;
    const from = at + 1;
    if (from > 255) return 0;
    let word = from >>> 5;
    let bits = words[page + word]! & (-1 << (from & 31));
    while (bits === 0) {
      word++;
      if (word === 8) return 0;
      bits = words[page + word]!;
    }
    const place = (word << 5) + 31 - Math.clz32(bits & -bits);
    return (page + Fixed.PAGE_LEVELS + (place << 3)) | 0;
  }

  /** First used entry of a table after place `at` (-1 = from the start), or -1. */
  function nextInTable(table: number, at: number): number {
    const from = at + 1;
    if (from >= Fixed.TABLE_ENTRIES) return -1;
    let word = from >>> 5;
    let bits = i32[table + Fixed.TABLE_BITS + word]! & (-1 << (from & 31));
    if (bits === 0) {
      word++;
      let group = word >>> 5;
      if (group > 3) return -1;
      let summary = i32[table + Fixed.TABLE_SUMMARY + group]! &
        (-1 << (word & 31));
      while (summary === 0) {
        group++;
        if (group > 3) return -1;
        summary = i32[table + Fixed.TABLE_SUMMARY + group]!;
      }
      word = (group << 5) + 31 - Math.clz32(summary & -summary);
      bits = i32[table + Fixed.TABLE_BITS + word]!;
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }

  return { find, insert, open, remove, next };
}

/** Radix trees from prices to levels, for all sides of all instruments. */
export class PriceIndex {
  /** `find(side, key)`: the level of a key, used or not; 0 if its page is not there. */
  readonly find: Lookup["find"];
  /** `insert(side, key)`: marks the level of a key as used; it was not. `hasRoom()` was asked. */
  readonly insert: Lookup["insert"];
  /** `open(level, key)`: as `insert()`, of a level that was found. */
  readonly open: Lookup["open"];
  /** `remove(side, key, level)`: marks a level as unused; gives its page back if it was the last. */
  readonly remove: Lookup["remove"];
  /** `next(side, key)`: the used level with the smallest key above this one; 0 if there is none. */
  readonly next: Lookup["next"];
  readonly #i32: Int32Array;
  /** As it was made. */
  readonly #begin: readonly [number, number, number, number];
  #freeTable = 0;
  #freeTables = 0;
  #freePage = 0;
  #freePages = 0;
  /** Tables and pages that were never used: next word, and how many. */
  #freshTable: number;
  #freshTables: number;
  #freshPage: number;
  #freshPages: number;

  /**
   * @param i32 The book's memory, zeroed.
   * @param tables Word where the tables start.
   * @param tablesMax Number of tables there.
   * @param pages Word where the pages start.
   * @param pagesMax Number of pages there.
   */
  constructor(
    i32: Int32Array,
    tables: number,
    tablesMax: number,
    pages: number,
    pagesMax: number,
  ) {
    this.#i32 = i32;
    this.#begin = [tables, tablesMax, pages, pagesMax];
    this.#freshTable = tables;
    this.#freshTables = tablesMax;
    this.#freshPage = pages;
    this.#freshPages = pagesMax;
    const lookup = makeLookup(
      i32,
      (side, key) => this.#grow(side, key),
      (side, key, page) => this.#shrink(side, key, page),
    );
    this.find = lookup.find;
    this.insert = lookup.insert;
    this.open = lookup.open;
    this.remove = lookup.remove;
    this.next = lookup.next;
  }

  /** Pages of 256 levels that are not in use. */
  get pagesFree(): number {
    return this.#freePages + this.#freshPages;
  }

  /** Tables that are not in use. */
  get tablesFree(): number {
    return this.#freeTables + this.#freshTables;
  }

  /** Forgets everything: clears what was in use. */
  reset(): void {
    const [tables, tablesMax, pages, pagesMax] = this.#begin;
    this.#i32.fill(0, tables, this.#freshTable);
    this.#i32.fill(0, pages, this.#freshPage);
    this.restore([0, 0, 0, 0, tables, tablesMax, pages, pagesMax]);
  }

  /** What a snapshot needs besides the memory. */
  scalars(): number[] {
    return [
      this.#freeTable,
      this.#freeTables,
      this.#freePage,
      this.#freePages,
      this.#freshTable,
      this.#freshTables,
      this.#freshPage,
      this.#freshPages,
    ];
  }

  /** Takes what `scalars()` gave; the memory is that of then. */
  restore(scalars: readonly number[]): void {
    this.#freeTable = scalars[0]!;
    this.#freeTables = scalars[1]!;
    this.#freePage = scalars[2]!;
    this.#freePages = scalars[3]!;
    this.#freshTable = scalars[4]!;
    this.#freshTables = scalars[5]!;
    this.#freshPage = scalars[6]!;
    this.#freshPages = scalars[7]!;
  }

  /** Prepares a side's record. @returns false if no table is left. */
  define(side: number): boolean {
    if (this.tablesFree === 0) return false;
    this.#i32[side + Fixed.SIDE_ROOT] = this.#takeTable();
    this.#i32[side + Fixed.SIDE_CACHED_TOP] = -1;
    this.#i32[side + Fixed.SIDE_CACHED_TABLE] = 0;
    return true;
  }

  /** True if `insert()` of a key whose page is not there would find room. */
  hasRoom(side: number, key: number): boolean {
    if (this.pagesFree === 0) return false;
    const top = (key ^ 0x80000000) >>> 20;
    return this.tablesFree !== 0 ||
      this.#i32[this.#i32[side + Fixed.SIDE_ROOT]! + top] !== 0;
  }

  /** Cold: puts a page, and if need be a table, where the key needs one. */
  #grow(side: number, key: number): number {
    const i32 = this.#i32;
    const bits = key ^ 0x80000000;
    const root = i32[side + Fixed.SIDE_ROOT]!;
    const top = bits >>> 20;
    let table = i32[root + top]!;
    if (table === 0) {
      table = this.#takeTable();
      this.#setEntry(root, top, table);
    }
    i32[side + Fixed.SIDE_CACHED_TOP] = top;
    i32[side + Fixed.SIDE_CACHED_TABLE] = table;
    const page = this.#takePage();
    this.#setEntry(table, (bits >>> 8) & 0xfff, page);
    return page + Fixed.PAGE_LEVELS + ((bits & 0xff) << 3);
  }

  /** Cold: gives an empty page back, and its table if that is empty too. */
  #shrink(side: number, key: number, page: number): void {
    const i32 = this.#i32;
    const bits = key ^ 0x80000000;
    const root = i32[side + Fixed.SIDE_ROOT]!;
    const top = bits >>> 20;
    const table = i32[root + top]!;
    i32[page] = this.#freePage;
    this.#freePage = page;
    this.#freePages++;
    this.#clearEntry(table, (bits >>> 8) & 0xfff);
    if (i32[table + Fixed.TABLE_USED] !== 0) return;
    this.#clearEntry(root, top);
    i32[table] = this.#freeTable;
    this.#freeTable = table;
    this.#freeTables++;
    if (i32[side + Fixed.SIDE_CACHED_TOP] === top) {
      i32[side + Fixed.SIDE_CACHED_TOP] = -1;
      i32[side + Fixed.SIDE_CACHED_TABLE] = 0;
    }
  }

  #setEntry(table: number, at: number, value: number): void {
    const i32 = this.#i32;
    i32[table + at] = value;
    const word = table + Fixed.TABLE_BITS + (at >>> 5);
    i32[word] = i32[word]! | (1 << (at & 31));
    const summary = table + Fixed.TABLE_SUMMARY + (at >>> 10);
    i32[summary] = i32[summary]! | (1 << ((at >>> 5) & 31));
    i32[table + Fixed.TABLE_USED] = i32[table + Fixed.TABLE_USED]! + 1;
  }

  #clearEntry(table: number, at: number): void {
    const i32 = this.#i32;
    i32[table + at] = 0;
    const word = table + Fixed.TABLE_BITS + (at >>> 5);
    i32[word] = i32[word]! & ~(1 << (at & 31));
    if (i32[word] === 0) {
      const summary = table + Fixed.TABLE_SUMMARY + (at >>> 10);
      i32[summary] = i32[summary]! & ~(1 << ((at >>> 5) & 31));
    }
    i32[table + Fixed.TABLE_USED] = i32[table + Fixed.TABLE_USED]! - 1;
  }

  #takeTable(): number {
    const table = this.#freeTable;
    if (table !== 0) {
      this.#freeTable = this.#i32[table]!;
      this.#i32[table] = 0;
      this.#freeTables--;
      return table;
    }
    assert(this.#freshTables > 0, "price index: no table left");
    this.#freshTables--;
    const fresh = this.#freshTable;
    this.#freshTable = fresh + Fixed.TABLE_WORDS;
    return fresh;
  }

  #takePage(): number {
    const page = this.#freePage;
    if (page !== 0) {
      this.#freePage = this.#i32[page]!;
      this.#i32[page] = 0;
      this.#freePages--;
      return page;
    }
    assert(this.#freshPages > 0, "price index: no page left");
    this.#freshPages--;
    const fresh = this.#freshPage;
    this.#freshPage = fresh + Fixed.PAGE_WORDS;
    return fresh;
  }
}
