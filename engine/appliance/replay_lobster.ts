// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Feeds LOBSTER events into the books, and holds each book against its row.
 *
 * **The starting book.** Orders that rested before the first event have no
 * names. They stand in the book as one unnamed order a price, ahead of all
 * that come later. Their sizes are the levels of the first row with the first
 * event undone. An event that names an order never seen takes from the unnamed
 * order of its price.
 *
 * **What came out of view.** A file holds the events inside the best levels
 * only (ten in a file of ten). Beyond the last level of a row, orders come and
 * go unseen. So when the window moves on and shows a price that the row before
 * did not cover, that row is the only source for it: the unnamed order of the
 * price is set to what the row shows beyond the orders known by name; if it
 * shows less than those, the youngest of them have left unseen. Each such
 * change is counted as learned. A price that the row before covered is never
 * learned: there the book must already be equal.
 *
 * Hidden executions, crosses and halts change nothing. Cold path; belongs to
 * one reader.
 *
 * @module
 */
import {
  LOBSTER_EMPTY,
  LOBSTER_NAMES,
  lobsterFieldCount,
  LobsterReader,
  LobsterType,
} from "../wire/lobster.ts";
import { type FeedBooks, FeedResult } from "./feed_books.ts";
import type { ReplayComparison, ReplayTally } from "./replay_report.ts";
import {
  ReplayError,
  ReplayLines,
  type ReplaySource,
} from "./replay_source.ts";

/** A LOBSTER file is of one stock; this is its number in the books. */
export const LOBSTER_LOCATE = 1;
const TWO_32 = 4294967296;
/** High half of the numbers of unnamed orders, plus the side's bit. */
const UNNAMED_HI = 0xfffffffe;
const FIELDS_A_LEVEL = 4;
const EVENTS_A_PROGRESS = 4096;

/** A message file on its way into the books, with or without its book file. */
export class LobsterReplay {
  readonly #reader = new LobsterReader();
  readonly #books: FeedBooks;
  readonly #tally: ReplayTally;
  readonly #events: ReplayLines;
  readonly #rows: ReplayLines | undefined;
  readonly #counts = new Float64Array(LOBSTER_NAMES.length);
  #row = new Float64Array(0);
  #levels = new Float64Array(0);
  /** Worst price that the row before covered, by side; infinite = all. */
  readonly #covered = [0, 0];
  readonly #youngest = new Uint32Array(2);
  #equal = 0;
  #compared = 0;
  #learned = 0;
  #firstDifference = "";

  /** @param rows The book file; undefined = there is none. */
  constructor(
    events: ReplaySource,
    rows: ReplaySource | undefined,
    books: FeedBooks,
    tally: ReplayTally,
  ) {
    this.#events = new ReplayLines(events);
    this.#rows = rows === undefined ? undefined : new ReplayLines(rows);
    this.#books = books;
    this.#tally = tally;
  }

  /**
   * Reads to the end of the files.
   *
   * @throws {ReplayError} If a line is malformed or the files do not match.
   */
  async run(symbol: string, onProgress: () => void): Promise<void> {
    this.#books.define(LOBSTER_LOCATE, symbol);
    while (await this.#events.next()) {
      const lines = this.#events;
      if (
        !this.#reader.readEvent(lines.source.bytes, lines.start, lines.end)
      ) this.#fail(lines);
      if (this.#rows !== undefined) await this.#readRow(this.#rows);
      if (this.#tally.messages === 0 && this.#rows !== undefined) this.#start();
      this.#tally.messages++;
      this.#apply();
      if (this.#rows !== undefined) this.#compare();
      if (this.#tally.messages % EVENTS_A_PROGRESS === 0) onProgress();
    }
    if (this.#rows !== undefined && await this.#rows.next()) {
      const { source, offset } = this.#rows;
      throw new ReplayError(
        source.name,
        offset,
        `the end after ${this.#tally.messages} rows, one an event`,
        "another row",
      );
    }
    for (let type = 1; type < LOBSTER_NAMES.length; type++) {
      const count = this.#counts[type]!;
      if (count > 0) {
        this.#tally.kinds.set(`${type} ${LOBSTER_NAMES[type]}`, count);
      }
    }
  }

  /** What the comparison found; undefined without a book file. */
  comparison(): ReplayComparison | undefined {
    if (this.#rows === undefined) return undefined;
    return {
      rows: this.#compared,
      equal: this.#equal,
      levels: this.#row.length / FIELDS_A_LEVEL,
      learned: this.#learned,
      firstDifference: this.#firstDifference,
    };
  }

  async #readRow(lines: ReplayLines): Promise<void> {
    const { source } = lines;
    if (!await lines.next()) {
      throw new ReplayError(
        source.name,
        source.offset,
        `a row for each event, ${this.#tally.messages + 1} or more`,
        `the end of the file after ${lines.count}`,
      );
    }
    if (this.#row.length === 0) {
      const fields = lobsterFieldCount(source.bytes, lines.start, lines.end);
      if (fields % FIELDS_A_LEVEL !== 0) {
        throw new ReplayError(
          source.name,
          lines.offset,
          "four fields a level",
          `${fields} fields: ${lines.text()}`,
        );
      }
      this.#row = new Float64Array(fields);
      this.#levels = new Float64Array(fields / 2 + 2);
    }
    const whole = this.#reader.readRow(
      source.bytes,
      lines.start,
      lines.end,
      this.#row,
    );
    if (!whole) this.#fail(lines);
  }

  #fail(lines: ReplayLines): never {
    const { badField, badExpected } = this.#reader;
    throw new ReplayError(
      lines.source.name,
      lines.offset,
      `${badExpected} as field ${badField} of line ${lines.count}`,
      lines.text(),
    );
  }

  /** Makes the starting book: the first row, with the first event undone. */
  #start(): void {
    for (let bit = 0; bit < 2; bit++) {
      this.#covered[bit] = this.#edge(bit);
      for (let level = 0; level < this.#depth(bit); level++) {
        this.#addUnnamed(
          bit,
          this.#price(bit, level),
          this.#shares(bit, level),
        );
      }
    }
    const { type, sideBit, price, size } = this.#reader;
    if (type === LobsterType.ADD) {
      this.#takeUnnamed(sideBit, price, size);
    } else if (
      type === LobsterType.PARTIAL_CANCEL || type === LobsterType.DELETE ||
      type === LobsterType.EXECUTED
    ) {
      this.#addUnnamed(sideBit, price, size);
    }
  }

  #apply(): void {
    const { type, orderId, size, price, sideBit } = this.#reader;
    this.#counts[type] = this.#counts[type]! + 1;
    switch (type) {
      case LobsterType.ADD:
        this.#check(this.#books.add(
          LOBSTER_LOCATE,
          sideBit,
          Math.floor(orderId / TWO_32),
          orderId >>> 0,
          size,
          price,
        ));
        return;
      case LobsterType.PARTIAL_CANCEL:
      case LobsterType.DELETE:
        this.#reduce();
        return;
      case LobsterType.EXECUTED:
        this.#reduce();
        this.#trade(size, price);
        return;
      case LobsterType.EXECUTED_HIDDEN:
      case LobsterType.CROSS:
        if (size > 0) this.#trade(size, price);
        return;
      default:
        return;
    }
  }

  #trade(shares: number, price: number): void {
    this.#tally.trades++;
    this.#tally.volume += shares;
    this.#books.countTrade(LOBSTER_LOCATE, shares, price);
  }

  #reduce(): void {
    const { orderId, size, price, sideBit, type } = this.#reader;
    const hi = Math.floor(orderId / TWO_32);
    const lo = orderId >>> 0;
    const result = type === LobsterType.DELETE
      ? this.#books.remove(LOBSTER_LOCATE, hi, lo)
      : this.#books.reduce(LOBSTER_LOCATE, hi, lo, size);
    if (result !== FeedResult.UNKNOWN_ORDER) return this.#check(result);
    this.#tally.unknownOrders++;
    this.#takeUnnamed(sideBit, price, size);
  }

  #check(result: FeedResult): void {
    if (result === FeedResult.OK) return;
    const lines = this.#events;
    if (result === FeedResult.NO_ROOM) {
      throw new Error(
        `${lines.source.name}: line ${lines.count}: the books are full; raise ordersMax or pagesMax`,
      );
    }
    throw new ReplayError(
      lines.source.name,
      lines.offset,
      result === FeedResult.DUPLICATE_ORDER
        ? `a new order id in line ${lines.count}`
        : `at most ${this.#books.lastLeaves} shares in line ${lines.count}`,
      lines.text(),
    );
  }

  /** Adds shares to the unnamed order of a price, which may be new. */
  #addUnnamed(bit: number, price: number, shares: number): void {
    const hi = UNNAMED_HI + bit;
    const grown = this.#books.grow(LOBSTER_LOCATE, hi, price, shares);
    if (grown === FeedResult.OK) return;
    this.#check(
      this.#books.add(LOBSTER_LOCATE, bit, hi, price, shares, price),
    );
  }

  /** Takes shares from the unnamed order of a price. @returns Shares taken. */
  #takeUnnamed(bit: number, price: number, shares: number): number {
    const hi = UNNAMED_HI + bit;
    const books = this.#books;
    const result = books.reduce(LOBSTER_LOCATE, hi, price, shares);
    if (result === FeedResult.OK) return shares;
    if (result !== FeedResult.TOO_MANY_SHARES) return 0;
    books.remove(LOBSTER_LOCATE, hi, price);
    return books.lastLeaves;
  }

  /** Holds the book against the row, after learning what the window uncovers. */
  #compare(): void {
    let equal = true;
    for (let bit = 0; bit < 2; bit++) {
      this.#learn(bit);
      equal = this.#sideEquals(bit) && equal;
      this.#covered[bit] = this.#edge(bit);
    }
    this.#compared++;
    if (equal) this.#equal++;
  }

  #learn(bit: number): void {
    const covered = this.#covered[bit]!;
    const edge = this.#edge(bit);
    if (!isWorse(bit, edge, covered)) return;
    for (let level = 0; level < this.#depth(bit); level++) {
      const price = this.#price(bit, level);
      if (isWorse(bit, price, covered)) {
        this.#settle(bit, price, this.#shares(bit, level));
      }
    }
    // What the row does not show in the uncovered part is gone. Levels that
    // are gone stand between those that the row shows, so one pass per find.
    for (;;) {
      const price = this.#ghost(bit, covered, edge);
      if (price === 0) return;
      this.#settle(bit, price, 0);
    }
  }

  /** The best price in the uncovered part that the row does not show; 0 = none. */
  #ghost(bit: number, covered: number, edge: number): number {
    const count = this.#books.levels(LOBSTER_LOCATE, bit, this.#levels);
    let shown = 0;
    for (let level = 0; level < count; level++) {
      const price = this.#levels[level * 2]!;
      if (isWorse(bit, price, edge)) return 0;
      while (
        shown < this.#depth(bit) && isWorse(bit, price, this.#price(bit, shown))
      ) shown++;
      const isShown = shown < this.#depth(bit) &&
        this.#price(bit, shown) === price;
      if (!isShown && isWorse(bit, price, covered)) return price;
    }
    return 0;
  }

  /** Sets the shares of a price. */
  #settle(bit: number, price: number, shares: number): void {
    let surplus = this.#sharesAt(bit, price) - shares;
    if (surplus === 0) return;
    this.#learned++;
    if (surplus < 0) return this.#addUnnamed(bit, price, -surplus);
    surplus -= this.#takeUnnamed(bit, price, surplus);
    const books = this.#books;
    const number = this.#youngest;
    while (
      surplus > 0 && books.youngest(LOBSTER_LOCATE, bit, price, number)
    ) {
      const [hi, lo] = [number[0]!, number[1]!];
      const result = books.reduce(LOBSTER_LOCATE, hi, lo, surplus);
      if (result === FeedResult.OK) return;
      books.remove(LOBSTER_LOCATE, hi, lo);
      surplus -= books.lastLeaves;
    }
  }

  #sharesAt(bit: number, price: number): number {
    return this.#books.sharesAt(LOBSTER_LOCATE, bit, price);
  }

  #sideEquals(bit: number): boolean {
    const depth = this.#depth(bit);
    const full = depth * FIELDS_A_LEVEL === this.#row.length;
    const count = this.#books.levels(LOBSTER_LOCATE, bit, this.#levels);
    for (let level = 0; level < depth; level++) {
      const price = this.#price(bit, level);
      const shares = this.#shares(bit, level);
      const own = level < count ? this.#levels[level * 2]! : 0;
      const ownShares = level < count ? this.#levels[level * 2 + 1]! : 0;
      if (own === price && ownShares === shares) continue;
      return this.#differs(
        bit,
        `level ${
          level + 1
        } is ${ownShares} at ${own}, the row has ${shares} at ${price}`,
      );
    }
    if (!full && count > depth) {
      return this.#differs(bit, `${count} levels, the row has ${depth}`);
    }
    return true;
  }

  #differs(bit: number, text: string): boolean {
    if (this.#firstDifference === "") {
      const side = bit === 0 ? "bid" : "ask";
      this.#firstDifference = `event ${this.#compared + 1}, ${side}: ${text}`;
    }
    return false;
  }

  // The row: ask price, ask shares, bid price, bid shares for each level.

  #price(bit: number, level: number): number {
    return this.#row[level * FIELDS_A_LEVEL + (bit === 0 ? 2 : 0)]!;
  }

  #shares(bit: number, level: number): number {
    return this.#row[level * FIELDS_A_LEVEL + (bit === 0 ? 3 : 1)]!;
  }

  /** Levels of a side that the row has. */
  #depth(bit: number): number {
    const levels = this.#row.length / FIELDS_A_LEVEL;
    let depth = 0;
    while (
      depth < levels && Math.abs(this.#price(bit, depth)) !== LOBSTER_EMPTY
    ) depth++;
    return depth;
  }

  /** Worst price that the row covers: beyond it nothing is known. */
  #edge(bit: number): number {
    const depth = this.#depth(bit);
    if (depth * FIELDS_A_LEVEL < this.#row.length) {
      return bit === 0 ? -Infinity : Infinity;
    }
    return this.#price(bit, depth - 1);
  }
}

function isWorse(bit: number, price: number, than: number): boolean {
  return bit === 0 ? price < than : price > than;
}
