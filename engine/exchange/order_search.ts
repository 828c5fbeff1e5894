// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds live orders by what they are, in entry order: for mass cancels, kill
 * switches and the end of the day.
 *
 * Looks through the whole pool, about 3 ns a record; what is found is sorted.
 * Owned by the exchange's thread. Allocates for what it finds.
 *
 * @module
 */
import {
  type Book,
  ORDER_ID_F64,
  ORDER_INDEXED_BIT,
  ORDER_KIND,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_SESSION_MASK,
  ORDER_WORDS,
} from "../book/mod.ts";
import type { Owners } from "../matching/mod.ts";
import { TimeInForce } from "../record/mod.ts";

/** Which orders a mass request means. */
export interface MassFilter {
  /** -1 = any. */
  session: number;
  /** -1 = any. */
  account: number;
  /** 0xffff = any. */
  instrument: number;
  /** 0 = any. */
  side: number;
  isRange: boolean;
  low: number;
  high: number;
}

/** Searches the order pool. */
export class OrderSearch {
  readonly #book: Book;
  readonly #owners: Owners;

  constructor(book: Book, owners: Owners) {
    this.#book = book;
    this.#owners = owners;
  }

  /** Orders that fit, in entry order. */
  matching(filter: MassFilter): Int32Array {
    return this.#find((order) => this.#fits(order, filter));
  }

  /** Orders of an instrument that end with the trading day. */
  ofDay(instrument: number): Int32Array {
    const { i32 } = this.#book;
    return this.#find((order) => {
      if ((i32[order + ORDER_KIND]! & 0xffff) !== instrument) return false;
      const timeInForce = i32[order + ORDER_OWNER]! >>> 24 & 0xf;
      return timeInForce !== TimeInForce.GTC && timeInForce !== TimeInForce.GTD;
    });
  }

  #fits(order: number, filter: MassFilter): boolean {
    const { i32 } = this.#book;
    const kind = i32[order + ORDER_KIND]!;
    const session = i32[order + ORDER_OWNER]! & ORDER_SESSION_MASK;
    if (filter.session >= 0 && session !== filter.session) return false;
    if (filter.instrument !== 0xffff && (kind & 0xffff) !== filter.instrument) {
      return false;
    }
    if (filter.side !== 0 && (kind >>> 16 & 0xff) !== filter.side) return false;
    if (filter.isRange) {
      const price = i32[order + ORDER_PRICE]!;
      if (price === 0 || price < filter.low || price > filter.high) {
        return false;
      }
    }
    return filter.account < 0 ||
      this.#owners.accountOf(order) === filter.account;
  }

  #find(fits: (order: number) => boolean): Int32Array {
    const book = this.#book;
    const found: number[] = [];
    for (
      let order = book.scratchOrder + ORDER_WORDS;
      order < book.ordersEnd;
      order += ORDER_WORDS
    ) {
      const owner = book.i32[order + ORDER_OWNER]!;
      if ((owner & ORDER_INDEXED_BIT) !== 0 && fits(order)) found.push(order);
    }
    const orders = Int32Array.from(found);
    const { f64 } = book;
    return orders.sort((a, b) =>
      f64[(a >> 1) + ORDER_ID_F64]! - f64[(b >> 1) + ORDER_ID_F64]!
    );
  }
}
