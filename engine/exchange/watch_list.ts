// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Orders of an instrument that something besides a command may move: pegs,
 * conditional orders, trailing stops, auction-only orders. In entry order.
 *
 * A doubly linked list through the orders' terms, its ends in the instrument's
 * record. One walk at a time; orders may leave the list during it. Owned by
 * the exchange's thread; allocates nothing.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_WATCH_HEAD,
  INSTRUMENT_WATCH_TAIL,
  ORDER_KIND,
  TERMS_ORDER,
  TERMS_WATCH_NEXT,
  TERMS_WATCH_PREVIOUS,
  TERMS_WATCHED,
} from "../book/mod.ts";

/** The watch lists of all instruments. */
export class WatchList {
  readonly #book: Book;
  readonly #i32: Int32Array;
  /** Terms that the walk comes to next; 0 = it is over. */
  #next = 0;

  constructor(book: Book) {
    this.#book = book;
    this.#i32 = book.i32;
  }

  /** Appends an order by its terms. */
  add(terms: number): void {
    const i32 = this.#i32;
    const record = this.#recordOf(terms);
    const tail = i32[record + INSTRUMENT_WATCH_TAIL]!;
    i32[terms + TERMS_WATCHED] = 1;
    i32[terms + TERMS_WATCH_PREVIOUS] = tail;
    i32[terms + TERMS_WATCH_NEXT] = 0;
    i32[record + INSTRUMENT_WATCH_TAIL] = terms;
    if (tail === 0) i32[record + INSTRUMENT_WATCH_HEAD] = terms;
    else i32[tail + TERMS_WATCH_NEXT] = terms;
  }

  /** Removes an order by its terms, if it is there. */
  remove(terms: number): void {
    const i32 = this.#i32;
    if (i32[terms + TERMS_WATCHED] === 0) return;
    i32[terms + TERMS_WATCHED] = 0;
    const record = this.#recordOf(terms);
    const next = i32[terms + TERMS_WATCH_NEXT]!;
    const previous = i32[terms + TERMS_WATCH_PREVIOUS]!;
    if (previous === 0) i32[record + INSTRUMENT_WATCH_HEAD] = next;
    else i32[previous + TERMS_WATCH_NEXT] = next;
    if (next === 0) i32[record + INSTRUMENT_WATCH_TAIL] = previous;
    else i32[next + TERMS_WATCH_PREVIOUS] = previous;
    if (this.#next === terms) this.#next = next;
  }

  /** Begins a walk along an instrument's list. @returns The first terms, or 0. */
  begin(instrument: number): number {
    const record = this.#book.instrumentOf(instrument);
    this.#next = this.#i32[record + INSTRUMENT_WATCH_HEAD]!;
    return this.next();
  }

  /** The next terms of the walk; 0 = it is over. */
  next(): number {
    const terms = this.#next;
    if (terms !== 0) this.#next = this.#i32[terms + TERMS_WATCH_NEXT]!;
    return terms;
  }

  #recordOf(terms: number): number {
    const order = this.#i32[terms + TERMS_ORDER]!;
    return this.#book.instrumentOf(this.#i32[order + ORDER_KIND]! & 0xffff);
  }
}
