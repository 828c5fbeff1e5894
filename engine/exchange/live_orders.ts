// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The life of orders besides their place in a queue: index, accounts, timers,
 * links, events when they trade or end.
 *
 * Hears from the matching what happens and tells it on. Owned by the
 * exchange's thread. Allocates nothing after construction. Decides nothing:
 * who ends an order says why.
 *
 * @module
 */
import {
  type Book,
  INSTRUMENT_LAST_QUANTITY_F64,
  INSTRUMENT_TOUCHED,
  ORDER_INDEXED_BIT,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_OWNER,
  ORDER_SESSION_MASK,
  TERMS_LINK,
} from "../book/mod.ts";
import {
  type FillSink,
  type Owners,
  SESSION_ORDERS,
  SESSION_WORDS,
  type SpecialMatching,
  type SpecialSink,
} from "../matching/mod.ts";
import { EventKind, OrdStatus, Reason } from "../record/mod.ts";
import type { Accounts } from "../risk/mod.ts";
import { type EventWriter, whyOf } from "./event_writer.ts";
import type { OrderIndex } from "./order_index.ts";
import type { Timers } from "./timers.ts";
import type { WatchList } from "./watch_list.ts";

/** What the life of orders touches. */
export interface LiveOrdersParts {
  readonly book: Book;
  readonly index: OrderIndex;
  readonly sessions: Int32Array;
  readonly owners: Owners;
  readonly accounts: Accounts;
  readonly writer: EventWriter;
  readonly timers: Timers;
  readonly watch: WatchList;
}

/** Orders that live. */
export class LiveOrders implements SpecialSink, FillSink {
  readonly #book: Book;
  readonly #parts: LiveOrdersParts;
  #matching: SpecialMatching | undefined;
  readonly #lots = new Float64Array(1);
  /** Instruments to settle after the command. */
  readonly touched: Int32Array;
  touchedCount = 0;

  constructor(parts: LiveOrdersParts) {
    this.#parts = parts;
    this.#book = parts.book;
    this.touched = new Int32Array(parts.book.instrumentsMax);
  }

  /** Gives it the matching that it hears; once. */
  bind(matching: SpecialMatching): void {
    this.#matching = matching;
  }

  get timeLo(): number {
    return this.#parts.writer.timeLo;
  }

  get sequenceLow(): number {
    return this.#parts.writer.stamp[0]! >>> 0;
  }

  /** An order is accepted: what is open of its account grows. */
  opened(order: number): void {
    const { accounts, owners } = this.#parts;
    const account = owners.accountOf(order);
    if (account === 0) return;
    const kind = this.#book.i32[order + ORDER_KIND]!;
    accounts.opened(
      account,
      kind & 0xffff,
      (kind >>> 16 & 0xff) - 1,
      this.#book.f64,
      (order >> 1) + ORDER_LEAVES_F64,
    );
  }

  /** An order will live on after its command: it can be found from now on. */
  remember(order: number): void {
    const { i32 } = this.#book;
    const owner = i32[order + ORDER_OWNER]!;
    i32[order + ORDER_OWNER] = owner | ORDER_INDEXED_BIT;
    const word = (owner & ORDER_SESSION_MASK) * SESSION_WORDS + SESSION_ORDERS;
    this.#parts.sessions[word] = this.#parts.sessions[word]! + 1;
    this.#parts.index.insert(order);
  }

  /** An order can not be found any more: it ended, or is being placed anew. */
  forget(order: number): void {
    const { i32 } = this.#book;
    const owner = i32[order + ORDER_OWNER]!;
    const word = (owner & ORDER_SESSION_MASK) * SESSION_WORDS + SESSION_ORDERS;
    this.#parts.sessions[word] = this.#parts.sessions[word]! - 1;
    this.#parts.index.remove(order);
    i32[order + ORDER_OWNER] = owner & ~ORDER_INDEXED_BIT;
  }

  /** True if an order can be found. */
  isRemembered(order: number): boolean {
    return (this.#book.i32[order + ORDER_OWNER]! & ORDER_INDEXED_BIT) !== 0;
  }

  /** A fill between plain orders; a maker without leaves is given back by who tells. */
  onFill(maker: number, taker: number, instrument: number): void {
    this.onTrade(maker, taker, instrument);
    if (this.#book.f64[(maker >> 1) + ORDER_LEAVES_F64] !== 0) return;
    this.#close(maker);
    this.forget(maker);
  }

  /** The instrument is to be settled after the command. */
  touch(instrument: number): void {
    const at = this.#book.instrumentOf(instrument) + INSTRUMENT_TOUCHED;
    if (this.#book.i32[at] !== 0) return;
    this.#book.i32[at] = 1;
    this.touched[this.touchedCount++] = instrument;
  }

  /** Ends a live order wherever it is, or a taker: tells its session why. */
  end(
    order: number,
    reason: number,
    status: number = OrdStatus.CANCELED,
  ): void {
    this.leave(order);
    this.#parts.writer.order(
      EventKind.CANCELED,
      order,
      whyOf(0, reason),
      status,
    );
    this.gone(order);
  }

  /** Takes an order that ends out of its queue and its account. */
  leave(order: number): void {
    this.#matching!.takeOut(order);
    this.#close(order);
  }

  /** What is open of an order's account ends. */
  #close(order: number): void {
    const { accounts, owners } = this.#parts;
    const account = owners.accountOf(order);
    if (account === 0) return;
    const kind = this.#book.i32[order + ORDER_KIND]!;
    accounts.closed(
      account,
      kind & 0xffff,
      (kind >>> 16 & 0xff) - 1,
      this.#book.f64,
      (order >> 1) + ORDER_LEAVES_F64,
    );
  }

  /** Gives the record of an order back that is out of its queue and account. */
  gone(order: number): void {
    const { i32 } = this.#book;
    const { watch, timers } = this.#parts;
    if (this.isRemembered(order)) this.forget(order);
    const terms = this.#matching!.termsOf(order);
    if (terms !== 0) {
      watch.remove(terms);
      timers.remove(terms);
      this.unlink(terms);
      this.#book.freeTerms(order);
    }
    this.#matching!.ended(order);
    this.touch(i32[order + ORDER_KIND]! & 0xffff);
    if (order !== this.#book.scratchOrder) this.#book.free(order);
  }

  /** Takes the link of an order away, on both ends. @returns The other order, or 0. */
  unlink(terms: number): number {
    const { i32 } = this.#book;
    const other = i32[terms + TERMS_LINK]!;
    if (other === 0) return 0;
    i32[terms + TERMS_LINK] = 0;
    i32[this.#book.termsOf(other) + TERMS_LINK] = 0;
    return other;
  }

  onTrade(maker: number, taker: number, instrument: number): void {
    this.#tellTrade(maker, taker, instrument, 1);
  }

  /** A trade of an auction: neither order took. */
  onAuctionTrade(buy: number, sell: number, instrument: number): void {
    this.#tellTrade(buy, sell, instrument, 0);
  }

  /** @param aggressor 1 = the second order took. */
  #tellTrade(
    first: number,
    second: number,
    instrument: number,
    aggressor: number,
  ): void {
    const { writer } = this.#parts;
    writer.stamp[1] = writer.stamp[1]! + 1;
    writer.fill(first, instrument, 0);
    writer.fill(second, instrument, aggressor);
    this.traded(first, instrument);
    this.traded(second, instrument);
  }

  /** An order's account traded what the instrument's record says. */
  traded(order: number, instrument: number): void {
    const { accounts, owners } = this.#parts;
    const account = owners.accountOf(order);
    if (account === 0) return;
    const kind = this.#book.i32[order + ORDER_KIND]!;
    accounts.filled(
      account,
      kind & 0xffff,
      (kind >>> 16 & 0xff) - 1,
      this.#book.f64,
      (instrument >> 1) + INSTRUMENT_LAST_QUANTITY_F64,
    );
  }

  onFilled(order: number): void {
    this.leave(order);
    this.gone(order);
  }

  onPrevented(maker: number, taker: number): void {
    const { writer } = this.#parts;
    writer.stamp[3] = writer.stamp[3]! + 1;
    writer.prevention.set(this.#matching!.prevented);
    writer.prevented(maker, 0);
    writer.prevented(taker, 1);
  }

  onReduced(order: number): void {
    this.#lots[0] = -this.#matching!.prevented[0]!;
    this.changed(order, this.#lots, 0);
  }

  /** Leaves of an order changed by `f64[at]` without a trade. */
  changed(order: number, f64: Float64Array, at: number): void {
    const { accounts, owners } = this.#parts;
    const account = owners.accountOf(order);
    if (account === 0) return;
    const kind = this.#book.i32[order + ORDER_KIND]!;
    accounts.changed(
      account,
      kind & 0xffff,
      (kind >>> 16 & 0xff) - 1,
      f64,
      at,
    );
  }

  onSelfTrade(order: number): void {
    this.end(order, Reason.SELF_TRADE);
  }

  onLinked(order: number): void {
    const terms = this.#book.termsOf(order);
    const other = this.#book.i32[terms + TERMS_LINK]!;
    // One that is filled goes by itself, and its link with it.
    if (this.#book.f64[(other >> 1) + ORDER_LEAVES_F64] === 0) return;
    this.unlink(terms);
    this.end(other, Reason.LINKED);
  }
}
