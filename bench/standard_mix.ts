// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Generates the standard mix: a fixed stream of adds, cancels and marketable
 * orders on which books are compared.
 *
 * The mix is defined by its draws, so the generator keeps a plain reference
 * book of its own. `mix()` gives 16-byte records (see `MixWord`), `tape` and
 * `book` give the hashes that an engine must reproduce. Allocates as it likes.
 *
 * @module
 */

/** Words of a record. */
export const MIX_RECORD_WORDS = 4;
/** type | side << 8 | symbol << 16; id; price; quantity. */
export const MixWord = { WHAT: 0, ID: 1, PRICE: 2, QUANTITY: 3 } as const;
export const MixType = { ADD: 1, CANCEL: 2, MARKETABLE: 3 } as const;

/** What is known about a mix, to check a generator or an engine against. */
export interface MixFacts {
  readonly messages: number;
  readonly symbols: number;
  readonly sha256: string;
  readonly trades: number;
  readonly volume: number;
  readonly notional: number;
  readonly tape: number;
  readonly book: number;
  readonly ids: number;
  readonly openMax: number;
}

/** The two mixes that figures are published for. */
export const MIXES: Readonly<Record<"mix1m" | "mix4m_k1000", MixFacts>> = {
  mix1m: {
    messages: 1_000_000,
    symbols: 1,
    sha256: "b287b23e40cf5c777a00b281f7f06c99aae70f7a371d05bb7ff2fa2ee5c43685",
    trades: 190_059,
    volume: 4_360_773,
    notional: 43_586_380_481,
    tape: 0x3c8dec0e,
    book: 0x4f89b345,
    ids: 599_019,
    openMax: 5_879,
  },
  mix4m_k1000: {
    messages: 4_000_000,
    symbols: 1000,
    sha256: "4ff6c23356ed014d40dc525d7b75cd686feb4b7466a3189b434f03ffd0affda8",
    trades: 681_282,
    volume: 16_138_373,
    notional: 161_382_830_420,
    tape: 0xbefab11b,
    book: 0x8701959b,
    ids: 2_404_398,
    openMax: 120_000,
  },
};

/** Start of the tape and book hashes. */
export const MIX_HASH_START = 2166136261 | 0;

/** One step of the tape and book hashes; int32 in and out. */
export function mixHash(hash: number, word: number): number {
  return Math.imul(hash ^ word, 16777619);
}

/** @throws {Error} If an engine's tape or book is not that of the mix. */
export function requireHashes(
  name: string,
  tape: number,
  book: number,
  facts: MixFacts,
): void {
  if (tape === facts.tape && book === facts.book) return;
  throw new Error(
    `${name}: tape ${hexadecimal(tape)}, book ${hexadecimal(book)}; ` +
      `expected ${hexadecimal(facts.tape)}, ${hexadecimal(facts.book)}`,
  );
}

/** A hash as eight digits. */
export function hexadecimal(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, "0");
}

interface Resting {
  readonly id: number;
  readonly side: number;
  readonly price: number;
  quantity: number;
  /** Place among the symbol's live orders. */
  place: number;
}

class Symbol {
  mid = 10000;
  readonly live: Resting[] = [];
  /** Queues by side, then by price. */
  readonly queues: [Map<number, Resting[]>, Map<number, Resting[]>] = [
    new Map(),
    new Map(),
  ];
  readonly best = [0, 0];

  drop(order: Resting): void {
    const last = this.live.pop()!;
    if (last === order) return;
    this.live[order.place] = last;
    last.place = order.place;
  }

  takeOut(order: Resting): void {
    const queues = this.queues[order.side]!;
    const queue = queues.get(order.price)!;
    queue.splice(queue.indexOf(order), 1);
    if (queue.length === 0) {
      queues.delete(order.price);
      if (this.best[order.side] === order.price) this.#findBest(order.side);
    }
    this.drop(order);
  }

  process(id: number, side: number, price: number, quantity: number): void {
    const other = 1 - side;
    let left = quantity;
    while (left > 0 && this.#meets(side, price)) {
      const at = this.best[other]!;
      const queue = this.queues[other]!.get(at)!;
      const maker = queue[0]!;
      const traded = Math.min(left, maker.quantity);
      left -= traded;
      maker.quantity -= traded;
      if (maker.quantity > 0) break;
      queue.shift();
      this.drop(maker);
      if (queue.length > 0) continue;
      this.queues[other]!.delete(at);
      this.#findBest(other);
    }
    if (left === 0) return;
    const order = {
      id,
      side,
      price,
      quantity: left,
      place: this.live.length,
    };
    this.live.push(order);
    const queue = this.queues[side]!.get(price);
    if (queue !== undefined) {
      queue.push(order);
      return;
    }
    this.queues[side]!.set(price, [order]);
    this.#findBest(side);
  }

  #meets(side: number, price: number): boolean {
    const best = this.best[1 - side]!;
    if (best === 0) return false;
    return side === 0 ? best <= price : best >= price;
  }

  #findBest(side: number): void {
    let best = 0;
    for (const price of this.queues[side]!.keys()) {
      if (best === 0 || (side === 0 ? price > best : price < best)) {
        best = price;
      }
    }
    this.best[side] = best;
  }
}

/**
 * Makes a mix.
 *
 * @param messages Number of records.
 * @param symbols Number of symbols; low ones are hot.
 * @returns The records, `MIX_RECORD_WORDS` words each.
 */
export function mix(messages: number, symbols: number): Uint32Array {
  let state = 2463534242;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>>= 0;
  };
  const out = new Uint32Array(messages * MIX_RECORD_WORDS);
  const all = Array.from({ length: symbols }, () => new Symbol());
  let id = 0;
  for (let i = 0; i < messages; i++) {
    let number = 0;
    if (symbols > 1) {
      const x = next() / 2 ** 32;
      number = Math.floor((symbols * x) * x);
    }
    const symbol = all[number]!;
    if (next() % 64 === 0) {
      const drift = (next() & 1) === 1 ? 1 : -1;
      symbol.mid = Math.min(15000, Math.max(5000, symbol.mid + drift));
    }
    let k = next() % 100;
    if (k >= 50 && k < 90 && symbol.live.length === 0) k = 0;
    const at = i * MIX_RECORD_WORDS;
    if (k >= 50 && k < 90) {
      const order = symbol.live[next() % symbol.live.length]!;
      out[at] = MixType.CANCEL | order.side << 8 | number << 16;
      out[at + 1] = order.id;
      out[at + 2] = order.price;
      out[at + 3] = order.quantity;
      symbol.takeOut(order);
      continue;
    }
    const add = k < 50;
    const side = next() & 1;
    const away = add ? 1 + next() % 50 : -50;
    const price = side === 1 ? symbol.mid + away : symbol.mid - away;
    const quantity = 1 + next() % (add ? 100 : 80);
    out[at] = (add ? MixType.ADD : MixType.MARKETABLE) | side << 8 |
      number << 16;
    out[at + 1] = ++id;
    out[at + 2] = price;
    out[at + 3] = quantity;
    symbol.process(id, side, price, quantity);
  }
  return out;
}

/** SHA-256 of a mix's bytes, as hexadecimal digits. */
export async function sha256(words: Uint32Array): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new Uint8Array(
      words.buffer as ArrayBuffer,
      words.byteOffset,
      words.byteLength,
    ),
  );
  return [...new Uint8Array(digest)]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
