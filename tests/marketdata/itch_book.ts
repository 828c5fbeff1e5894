// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A receiver's book: what a stranger makes of ITCH messages. It knows the
 * messages and nothing of the engine, and refuses what makes no sense.
 *
 * @module
 */
import {
  ItchDecoder,
  ItchResult,
  ItchType,
} from "../../engine/wire/itch/mod.ts";

interface Resting {
  locate: number;
  sideBit: number;
  price: number;
  shares: number;
}

const TWO_32 = 4294967296;

/** Orders by reference, oldest first; volume by stock. */
export class ItchBook {
  readonly #orders = new Map<number, Resting>();
  readonly #decoder = new ItchDecoder();
  /** Printed shares by stock locate. */
  readonly volume = new Map<number, number>();
  readonly counts = new Map<string, number>();
  readonly symbols = new Map<number, string>();
  /** References of deleted orders: none may come back. */
  readonly #gone = new Set<number>();

  /** Takes a message. @throws {Error} If it makes no sense after those before. */
  apply(bytes: Uint8Array, offset: number, length: number): void {
    const d = this.#decoder;
    const result = d.decode(bytes, offset, length);
    if (result !== ItchResult.OK) {
      throw new Error(`message of type ${d.type}: result ${result}`);
    }
    const letter = String.fromCharCode(d.type);
    this.counts.set(letter, (this.counts.get(letter) ?? 0) + 1);
    const reference = d.referenceHi * TWO_32 + d.referenceLo;
    switch (d.type) {
      case ItchType.STOCK_DIRECTORY:
        this.symbols.set(
          d.locate,
          new TextDecoder().decode(
            bytes.subarray(d.stockOffset, d.stockOffset + 8),
          ).trim(),
        );
        return;
      case ItchType.ADD:
        return this.#add(reference, d.sideBit, d.shares, d.price);
      case ItchType.EXECUTED:
        this.#less(reference, d.shares, true);
        return this.#printed(d.shares);
      case ItchType.EXECUTED_AT_PRICE:
        this.#less(reference, d.shares, true);
        return d.printable ? this.#printed(d.shares) : undefined;
      case ItchType.CANCEL:
        return this.#less(reference, d.shares, false);
      case ItchType.DELETE:
        this.#take(reference);
        return;
      case ItchType.REPLACE: {
        const { sideBit } = this.#take(reference);
        const anew = d.newReferenceHi * TWO_32 + d.newReferenceLo;
        return this.#add(anew, sideBit, d.shares, d.price);
      }
      case ItchType.TRADE:
      case ItchType.CROSS_TRADE:
        return this.#printed(d.shares);
    }
  }

  /** The queue of each price: locate, side, price, shares in priority. */
  lines(): string[] {
    const levels = new Map<string, number[]>();
    for (const { locate, sideBit, price, shares } of this.#orders.values()) {
      const key = `${locate} ${sideBit} ${price}`;
      const level = levels.get(key);
      if (level === undefined) levels.set(key, [shares]);
      else level.push(shares);
    }
    return [...levels].map(([key, shares]) => `${key}: ${shares}`).sort();
  }

  #printed(shares: number): void {
    const { locate } = this.#decoder;
    this.volume.set(locate, (this.volume.get(locate) ?? 0) + shares);
  }

  #add(ref: number, sideBit: number, shares: number, price: number): void {
    if (this.#orders.has(ref) || this.#gone.has(ref)) {
      throw new Error(`reference ${ref} comes a second time`);
    }
    const { locate } = this.#decoder;
    this.#orders.set(ref, { locate, sideBit, price, shares });
  }

  #known(ref: number): Resting {
    const order = this.#orders.get(ref);
    if (order === undefined) throw new Error(`reference ${ref} is unknown`);
    if (order.locate !== this.#decoder.locate) {
      throw new Error(`reference ${ref} is of stock ${order.locate}`);
    }
    return order;
  }

  #take(ref: number): Resting {
    const order = this.#known(ref);
    this.#orders.delete(ref);
    this.#gone.add(ref);
    return order;
  }

  #less(ref: number, shares: number, mayEnd: boolean): void {
    const order = this.#known(ref);
    if (shares > order.shares || (!mayEnd && shares === order.shares)) {
      throw new Error(`${shares} shares off ${order.shares} of ${ref}`);
    }
    order.shares -= shares;
    if (order.shares === 0) this.#take(ref);
  }
}
