// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Feeds a file of Nasdaq ITCH 5.0 into the books.
 *
 * In the file a big-endian u16 length stands before each message; a length of
 * zero ends it. Cold start, then no allocation for a message but those of a
 * new stock. Refuses a file that contradicts itself, with the byte where.
 *
 * @module
 */
import {
  ITCH_BYTES,
  ITCH_MESSAGES,
  ItchDecoder,
  itchName,
  ItchResult,
  itchStock,
  ItchType,
} from "../wire/itch/mod.ts";
import { type FeedBooks, FeedResult } from "./feed_books.ts";
import { ReplayError, type ReplaySource } from "./replay_source.ts";
import type { ReplayTally } from "./replay_report.ts";

const LENGTH_BYTES = 2;

/** One file on its way into the books. */
export class ItchReplay {
  readonly #decoder = new ItchDecoder();
  readonly #source: ReplaySource;
  readonly #books: FeedBooks;
  readonly #tally: ReplayTally;
  readonly #counts = new Float64Array(256);
  #ended = false;

  constructor(source: ReplaySource, books: FeedBooks, tally: ReplayTally) {
    this.#source = source;
    this.#books = books;
    this.#tally = tally;
  }

  /**
   * Reads to the end of the file.
   *
   * @param onProgress Called after each chunk.
   * @throws {ReplayError} If the file is cut off or corrupt.
   */
  async run(onProgress: () => void): Promise<void> {
    const source = this.#source;
    while (await source.fill()) {
      this.#consume();
      onProgress();
    }
    const left = source.end - source.start;
    if (left > 0 && !this.#ended) {
      const needed = left < LENGTH_BYTES
        ? LENGTH_BYTES
        : LENGTH_BYTES + this.#lengthAt(source.start);
      this.#fail(
        source.start,
        `a message of ${needed} bytes with its length`,
        `the end of the file after ${left}`,
      );
    }
    this.#name();
  }

  #lengthAt(at: number): number {
    return this.#source.bytes[at]! << 8 | this.#source.bytes[at + 1]!;
  }

  /** Takes all whole messages that are there. */
  #consume(): void {
    const source = this.#source;
    const bytes = source.bytes;
    let at = source.start;
    while (at + LENGTH_BYTES <= source.end) {
      if (this.#ended) {
        this.#fail(at, "nothing after the end mark", "more bytes");
      }
      const length = this.#lengthAt(at);
      if (length === 0) {
        this.#ended = true;
        at += LENGTH_BYTES;
        continue;
      }
      if (at + LENGTH_BYTES + length > source.end) break;
      this.#message(bytes, at + LENGTH_BYTES, length);
      at += LENGTH_BYTES + length;
    }
    source.start = at;
  }

  #message(bytes: Uint8Array, at: number, length: number): void {
    const decoder = this.#decoder;
    const result = decoder.decode(bytes, at, length);
    this.#tally.messages++;
    this.#counts[decoder.type] = this.#counts[decoder.type]! + 1;
    if (result === ItchResult.OK) {
      this.#apply(bytes, at);
    } else if (result === ItchResult.WRONG_LENGTH) {
      const type = decoder.type;
      this.#fail(
        at - LENGTH_BYTES,
        `length ${ITCH_BYTES[type]!} of ${this.#title(type)}`,
        `${length}`,
      );
    } else if (result === ItchResult.BAD_FIELD) {
      this.#fail(
        decoder.badOffset,
        `${decoder.badExpected} in ${this.#title(decoder.type)}`,
        `byte 0x${bytes[decoder.badOffset]!.toString(16).padStart(2, "0")}`,
      );
    }
  }

  #apply(bytes: Uint8Array, at: number): void {
    const d = this.#decoder;
    const books = this.#books;
    switch (d.type) {
      case ItchType.ADD:
      case ItchType.ADD_ATTRIBUTED:
        this.#define(bytes);
        this.#check(
          at,
          books.add(
            d.locate,
            d.sideBit,
            d.referenceHi,
            d.referenceLo,
            d.shares,
            d.price,
          ),
        );
        return;
      case ItchType.EXECUTED:
      case ItchType.EXECUTED_AT_PRICE:
        return this.#executed(at);
      case ItchType.CANCEL:
        this.#check(
          at,
          books.reduce(d.locate, d.referenceHi, d.referenceLo, d.shares),
        );
        return;
      case ItchType.DELETE:
        this.#check(at, books.remove(d.locate, d.referenceHi, d.referenceLo));
        return;
      case ItchType.REPLACE:
        return this.#replaced(at);
      case ItchType.TRADE:
      case ItchType.CROSS_TRADE:
        this.#define(bytes);
        if (d.shares > 0) this.#trade(d.shares, d.price);
        return;
      case ItchType.STOCK_DIRECTORY:
        books.define(d.locate, itchStock(bytes, d.stockOffset));
        return;
      default:
        return;
    }
  }

  /** A stock is known from its directory message, or from its first order. */
  #define(bytes: Uint8Array): void {
    const { locate, stockOffset } = this.#decoder;
    if (this.#books.isDefined(locate)) return;
    this.#books.define(locate, itchStock(bytes, stockOffset));
  }

  #executed(at: number): void {
    const d = this.#decoder;
    const result = this.#books.reduce(
      d.locate,
      d.referenceHi,
      d.referenceLo,
      d.shares,
    );
    this.#check(at, result);
    const known = result === FeedResult.OK;
    const own = known ? this.#books.lastPrice : 0;
    const price = d.type === ItchType.EXECUTED ? own : d.price;
    // A print that is not printable comes again as part of a cross trade.
    if (d.printable) this.#trade(d.shares, price);
    else this.#tally.unprinted++;
  }

  #replaced(at: number): void {
    const d = this.#decoder;
    const books = this.#books;
    const result = books.remove(d.locate, d.referenceHi, d.referenceLo);
    this.#check(at, result);
    // The side stands only in the order that is replaced.
    if (result !== FeedResult.OK) return;
    this.#check(
      at,
      books.add(
        d.locate,
        books.lastSideBit,
        d.newReferenceHi,
        d.newReferenceLo,
        d.shares,
        d.price,
      ),
    );
  }

  #trade(shares: number, price: number): void {
    this.#tally.trades++;
    this.#tally.volume += shares;
    this.#books.countTrade(this.#decoder.locate, shares, price);
  }

  #check(at: number, result: FeedResult): void {
    if (result === FeedResult.OK) return;
    if (result === FeedResult.UNKNOWN_ORDER) {
      this.#tally.unknownOrders++;
      return;
    }
    const d = this.#decoder;
    const title = this.#title(d.type);
    const number = BigInt(d.referenceHi) << 32n | BigInt(d.referenceLo);
    switch (result) {
      case FeedResult.DUPLICATE_ORDER:
        return this.#fail(at, `a new order in ${title}`, `a number that rests`);
      case FeedResult.TOO_MANY_SHARES:
        return this.#fail(
          at,
          `at most ${this.#books.lastLeaves} shares of order ${number} in ${title}`,
          `${d.shares}`,
        );
      case FeedResult.WRONG_STOCK:
        return this.#fail(
          at,
          `the stock of order ${number} in ${title}`,
          `stock ${d.locate}`,
        );
      case FeedResult.PRICE_OUT_OF_RANGE:
        return this.#fail(
          at,
          `a price from 1 to 2147483647 in ${title}`,
          `${d.price}`,
        );
      default:
        throw new Error(
          `${this.#source.name}: byte ${
            this.#source.offsetOf(at)
          }: the books are full; raise ordersMax or pagesMax`,
        );
    }
  }

  #title(type: number): string {
    return `"${String.fromCharCode(type)}" (${itchName(type)})`;
  }

  #fail(at: number, expected: string, found: string): never {
    const { name } = this.#source;
    throw new ReplayError(name, this.#source.offsetOf(at), expected, found);
  }

  /** Counts by name, in the order of the table; then what is not in it. */
  #name(): void {
    const { kinds } = this.#tally;
    for (const [type, name] of ITCH_MESSAGES) {
      const count = this.#counts[type.charCodeAt(0)]!;
      if (count > 0) kinds.set(`${type} ${name}`, count);
    }
    for (let type = 0; type < 256; type++) {
      const count = this.#counts[type]!;
      if (ITCH_BYTES[type] !== 0 || count === 0) continue;
      this.#tally.unknownMessages += count;
      kinds.set(`0x${type.toString(16).padStart(2, "0")} unknown`, count);
    }
  }
}
