// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads what the next commands will need, so that it is in the cache when they
 * are applied.
 *
 * ```
 * commands ─▶ index, instrument ─▶ order or price page ─▶ level, neighbours
 *             └─ of all of them ─┘ └─ of all of them ──┘  └─ of all of them
 * ```
 *
 * An order touches up to a dozen lines of memory, some of which are only known
 * once another one was read. In a large book most of them are far away, and a
 * command that waits for each in turn does little else. Commands come in
 * batches: here the processor waits for the same step of many commands at
 * once. It only reads, and what it reads decides nothing.
 *
 * Made of functions in a function, as the plain path is. Owned by the
 * exchange's thread. Allocates nothing after it is made.
 *
 * @module
 */
import type { CommandViews } from "./event_writer.ts";
import type { PlainParts } from "./plain_path.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  LOOK_AHEAD_COMMANDS = 32,
  INSTRUMENT_SHIFT = 6,
  SIDE_SHIFT = 3,
  SIDE_BEST = 0,
  SIDE_BEST_KEY = 1,
  SIDE_CACHED_TOP = 3,
  SIDE_CACHED_TABLE = 4,
  PAGE_LEVELS = 16,
  LEVEL_HEAD = 0,
  LEVEL_TAIL = 1,
  ORDER_NEXT = 0,
  ORDER_PREVIOUS = 1,
  ORDER_LEVEL = 2,
  ORDER_REFERENCE_F64 = 5,
  ORDER_OWNER = 12,
  ORDER_SESSION_MASK = 0xffffff,
  INDEX_HEADER_WORDS = 16,
  INDEX_MASK = 1,
  INDEX_SPREAD_HIGH = 0x9e3779b1,
  INDEX_SPREAD_SESSION = 0x85ebca6b,
  CMD_SHAPE_WORD = 1,
  CMD_SESSION_U32 = 6,
  CMD_WHAT_WORD = 8,
  CMD_PRICE_I32 = 10,
  CMD_REFERENCE_F64 = 7,
  CMD_KIND_SHIFT = 16,
  CommandKind_NEW_ORDER = 1,
  WORD_MASK = 0x3fffffff,
  ENTRY_MASK = 0x3ffffffe,
}

/** Commands that are looked at together. */
export const LOOK_AHEAD_COMMANDS = 32;
/** With fewer orders in the book all that an order needs is near anyway. */
export const LOOK_AHEAD_ORDERS_MIN = 8192;

/**
 * Looks at commands.
 *
 * @param at First byte of each.
 * @param from Place in `at` of the first; `end` is that behind the last, at
 *   most `LOOK_AHEAD_COMMANDS` later.
 */
export type LookAhead = (
  command: CommandViews,
  at: Int32Array,
  from: number,
  end: number,
) => void;

/** Makes the look ahead of an exchange. */
export function lookAhead(parts: PlainParts): LookAhead {
  const { i32, f64, instruments, instrumentsMax, indexBits } = parts;
  const places = parts.index + Fixed.INDEX_HEADER_WORDS;
  const indexMask = parts.index + Fixed.INDEX_MASK;
  /** Orders that commands name, as the index knows them. */
  const orders = new Int32Array(Fixed.LOOK_AHEAD_COMMANDS);
  /** Commands of new orders: first word; then level of the price; then its last order. */
  const news = new Int32Array(Fixed.LOOK_AHEAD_COMMANDS);
  /** Levels that new orders take from; then their first orders. */
  const makers = new Int32Array(Fixed.LOOK_AHEAD_COMMANDS);
  /** What was read goes here, or V8 would not read it. */
  const seen = new Int32Array(1);
  let ordersCount = 0;
  let newsCount = 0;
  let makersCount = 0;

  function placeOf(session: number, reference: number): number {
    const spread = reference +
      Math.imul(reference >>> indexBits, Fixed.INDEX_SPREAD_HIGH) +
      Math.imul(session, Fixed.INDEX_SPREAD_SESSION);
    return places + (spread & i32[indexMask]!);
  }

  /** Reads the index; parts new orders from the others, without a branch that nobody could foretell. */
  function readIndex(
    command: CommandViews,
    at: Int32Array,
    from: number,
    end: number,
  ): void {
    const c32 = command.i32;
    const c64 = command.f64;
    let isOther = 0;
    let ofOthers = 0;
    let ofNews = 0;
    for (let i = from; i < end; i++) {
      const word = (at[i]! >>> 2) & Fixed.WORD_MASK;
      const kind = c32[word + Fixed.CMD_SHAPE_WORD]! >>> Fixed.CMD_KIND_SHIFT &
        0xff;
      const reference = c64[(word >> 1) + Fixed.CMD_REFERENCE_F64]!;
      orders[ofOthers] =
        i32[placeOf(c32[word + Fixed.CMD_SESSION_U32]!, reference >>> 0)]! &
        Fixed.ENTRY_MASK;
      news[ofNews] = word;
      isOther = -(kind ^ Fixed.CommandKind_NEW_ORDER) >>> 31;
      ofOthers += isOther;
      ofNews += 1 - isOther;
    }
    ordersCount = ofOthers;
    newsCount = ofNews;
  }

  /** Reads the orders that are named. */
  function readOrders(): number {
    let all = 0;
    for (let i = 0; i < ordersCount; i++) all |= i32[orders[i]!]!;
    return all;
  }

  /** Finds the levels of new orders: their own, and the one that they take from. */
  function findLevels(command: CommandViews): void {
    const c32 = command.i32;
    let count = 0;
    for (let i = 0; i < newsCount; i++) {
      const word = news[i]! & Fixed.WORD_MASK;
      const what = c32[word + Fixed.CMD_WHAT_WORD]!;
      const instrument = what & 0xffff;
      const bit = ((what >>> 16) - 1) & 1;
      const key = c32[word + Fixed.CMD_PRICE_I32]! ^ (bit - 1);
      const own = instruments +
        ((instrument < instrumentsMax ? instrument : 0) <<
          Fixed.INSTRUMENT_SHIFT);
      news[i] = levelAt(own + (bit << Fixed.SIDE_SHIFT), key);
      const other = own + ((1 - bit) << Fixed.SIDE_SHIFT);
      makers[count] = i32[other + Fixed.SIDE_BEST]!;
      // 1 if the best price is not worse than the order's: a guess, near 2^31.
      count += 1 - ((~key - i32[other + Fixed.SIDE_BEST_KEY]!) >>> 31);
    }
    makersCount = count;
  }

  /** Level of a key, used or not; 0 if its page is not at hand. */
  function levelAt(side: number, key: number): number {
    const bits = key ^ 0x80000000;
    const table = i32[side + Fixed.SIDE_CACHED_TABLE]!;
    if (i32[side + Fixed.SIDE_CACHED_TOP] !== bits >>> 20 || table === 0) {
      return 0;
    }
    const page = i32[table + ((bits >>> 8) & 0xfff)]!;
    return page === 0 ? 0 : page + Fixed.PAGE_LEVELS + ((bits & 0xff) << 3);
  }

  /** Reads levels, and the neighbours of orders that may leave. */
  function readLevels(): number {
    let all = 0;
    for (let i = 0; i < newsCount; i++) {
      const level = news[i]! & Fixed.WORD_MASK;
      news[i] = i32[level + Fixed.LEVEL_TAIL]!;
    }
    for (let i = 0; i < makersCount; i++) {
      makers[i] = i32[(makers[i]! & Fixed.WORD_MASK) + Fixed.LEVEL_HEAD]!;
    }
    for (let i = 0; i < ordersCount; i++) {
      const order = orders[i]! & Fixed.WORD_MASK;
      all |= i32[i32[order + Fixed.ORDER_LEVEL]! & Fixed.WORD_MASK]! |
        i32[i32[order + Fixed.ORDER_NEXT]! & Fixed.WORD_MASK]! |
        i32[i32[order + Fixed.ORDER_PREVIOUS]! & Fixed.WORD_MASK]!;
    }
    return all;
  }

  /** Reads the orders behind which new ones stand, and those that they take from. */
  function readNeighbours(): number {
    let all = 0;
    for (let i = 0; i < newsCount; i++) all |= i32[news[i]! & Fixed.WORD_MASK]!;
    for (let i = 0; i < makersCount; i++) {
      const order = makers[i]! & Fixed.WORD_MASK;
      const session = i32[order + Fixed.ORDER_OWNER]! &
        Fixed.ORDER_SESSION_MASK;
      const reference = f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64]!;
      all |= i32[placeOf(session, reference >>> 0)]!;
    }
    return all;
  }

  return (command, at, from, end) => {
    readIndex(command, at, from, end);
    let all = readOrders();
    findLevels(command);
    all |= readLevels();
    seen[0] = all | readNeighbours();
  };
}
