// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The fastest order book of the npm registry under the standard mix, as its
 * users would call it. One symbol.
 *
 * @module
 */
import { OrderBook, Side as NpmSide } from "nodejs-order-book";
import type { Contender } from "./contender.ts";
import {
  MIX_HASH_START,
  MIX_RECORD_WORDS,
  type MixFacts,
  mixHash,
  MixType,
  MixWord,
  requireHashes,
} from "./standard_mix.ts";

interface NpmSnapshot {
  readonly bids: readonly NpmLevel[];
  readonly asks: readonly NpmLevel[];
}

interface NpmLevel {
  readonly price: number;
  readonly orders: readonly { readonly id: string; readonly size: number }[];
}

/** What the npm book answers to an order, as far as it is looked at. */
interface NpmAnswer {
  readonly done: readonly { readonly id: string }[];
  readonly partial: { readonly id: string } | null;
  readonly partialQuantityProcessed: number;
}

/** The order book of npm. */
export class NpmBook implements Contender {
  readonly messages: number;
  #proving = false;
  readonly #ids: string[];
  readonly #records: Uint32Array;
  readonly #facts: MixFacts;
  #book = new OrderBook();
  /** Lots that rest, by id; for the proof. */
  readonly #left = new Map<number, number>();
  readonly #prices = new Map<number, number>();
  #tape = MIX_HASH_START;

  constructor(records: Uint32Array, facts: MixFacts) {
    this.#records = records;
    this.#facts = facts;
    this.messages = facts.messages;
    this.#ids = Array.from({ length: facts.ids + 1 }, (_, id) => String(id));
  }

  prepare(): void {
    this.#book = new OrderBook();
    this.#left.clear();
    this.#prices.clear();
    this.#tape = MIX_HASH_START;
  }

  run(): void {
    const messages = this.#records;
    const ids = this.#ids;
    const book = this.#book;
    for (let at = 0; at < messages.length; at += MIX_RECORD_WORDS) {
      const what = messages[at]!;
      const id = messages[at + MixWord.ID]!;
      if ((what & 0xff) === MixType.CANCEL) {
        book.cancel(ids[id]!);
        continue;
      }
      const answer = book.limit({
        side: (what >>> 8 & 1) === 0 ? NpmSide.BUY : NpmSide.SELL,
        id: ids[id]!,
        size: messages[at + MixWord.QUANTITY]!,
        price: messages[at + MixWord.PRICE]!,
      });
      if (this.#proving) this.#hashFills(at, answer);
    }
  }

  /** The answer lists makers that are done in order, then a partly filled one. */
  #hashFills(at: number, answer: NpmAnswer): void {
    const taker = this.#records[at + MixWord.ID]!;
    let left = this.#records[at + MixWord.QUANTITY]!;
    for (const done of answer.done) {
      const maker = Number(done.id);
      if (maker === taker) continue;
      const traded = this.#left.get(maker)!;
      left -= traded;
      this.#hashFill(maker, taker, traded);
    }
    const partial = answer.partial;
    if (partial !== null && Number(partial.id) !== taker) {
      const maker = Number(partial.id);
      const traded = answer.partialQuantityProcessed;
      left -= traded;
      this.#left.set(maker, this.#left.get(maker)! - traded);
      this.#hashFill(maker, taker, traded);
    }
    if (left > 0) {
      this.#left.set(taker, left);
      this.#prices.set(taker, this.#records[at + MixWord.PRICE]!);
    }
  }

  #hashFill(maker: number, taker: number, traded: number): void {
    let hash = mixHash(this.#tape, maker);
    hash = mixHash(hash, taker);
    hash = mixHash(hash, this.#prices.get(maker)!);
    this.#tape = mixHash(hash, traded);
  }

  prove(): void {
    this.#proving = true;
    this.prepare();
    this.run();
    this.#proving = false;
    requireHashes("npm book", this.#tape >>> 0, this.#hashBook(), this.#facts);
  }

  #hashBook(): number {
    const { bids, asks }: NpmSnapshot = this.#book.snapshot();
    let hash = MIX_HASH_START;
    const levels = [
      ...bids.toSorted((a, b) => b.price - a.price),
      ...asks.toSorted((a, b) => a.price - b.price),
    ];
    for (const level of levels) {
      for (const order of level.orders) {
        hash = mixHash(hash, Number(order.id));
        hash = mixHash(hash, level.price);
        hash = mixHash(hash, order.size);
      }
    }
    return hash >>> 0;
  }
}
