// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writes ITCH 5.0 messages from the byte tables, field by field, and a seeded
 * day of trading with the state that it must lead to, kept in plain maps. It
 * shares nothing with the decoder or the books that it is held against.
 *
 * @module
 */

/** Numbers in [0, 1) from a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Appends fields to one message. */
export class ItchMessage {
  readonly #bytes: number[] = [];

  constructor(type: string, locate: number, timestampNs = 0, tracking = 0) {
    this.text(type, 1).uint(locate, 2).uint(tracking, 2).uint(timestampNs, 6);
  }

  uint(value: number | bigint, width: number): this {
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes.push(Number(BigInt(value) >> BigInt(8 * i) & 255n));
    }
    return this;
  }

  text(value: string, width: number): this {
    for (const c of value.padEnd(width)) this.#bytes.push(c.charCodeAt(0));
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Puts a big-endian u16 length before each message. */
export function itchFile(messages: readonly Uint8Array[]): Uint8Array {
  const size = messages.reduce((sum, message) => sum + message.length + 2, 0);
  const file = new Uint8Array(size);
  let at = 0;
  for (const message of messages) {
    file[at] = message.length >> 8;
    file[at + 1] = message.length & 255;
    file.set(message, at + 2);
    at += message.length + 2;
  }
  return file;
}

/** An order as the plain books know it. */
interface PlainOrder {
  readonly locate: number;
  readonly side: "B" | "S";
  readonly price: number;
  shares: number;
}

/** What a generated day must lead to. */
export interface PlainDay {
  readonly messages: Uint8Array[];
  readonly kinds: Map<string, number>;
  /** Resting orders by number. */
  readonly orders: Map<bigint, PlainOrder>;
  trades: number;
  volume: number;
  unprinted: number;
  crossing: number;
  unknown: number;
}

export const STOCKS: readonly string[] = ["AAPL", "MSFT", "ZVZZT", "A"];
/** Numbers of the stocks, in different books of 256. */
const LOCATES = [1, 255, 256, 65535];

/** A seeded stream of `count` messages and what it does to plain books. */
export function plainDay(seed: number, count: number): PlainDay {
  const next = seeded(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const day: PlainDay = {
    messages: [],
    kinds: new Map(),
    orders: new Map(),
    trades: 0,
    volume: 0,
    unprinted: 0,
    crossing: 0,
    unknown: 0,
  };
  const names: bigint[] = [];
  let number = 0xfffffff0n;
  let match = 1n;
  const emit = (message: ItchMessage) => {
    const bytes = message.done();
    const type = String.fromCharCode(bytes[0]!);
    day.messages.push(bytes);
    day.kinds.set(type, (day.kinds.get(type) ?? 0) + 1);
  };
  emit(new ItchMessage("S", 0).text("O", 1));
  STOCKS.forEach((stock, i) => {
    const directory = new ItchMessage("R", LOCATES[i]!).text(stock, 8);
    emit(
      directory.text("QN", 2).uint(100, 4).text("NCZ PN1N", 9).uint(0, 4)
        .text("N", 1),
    );
  });
  const take = (): [bigint, PlainOrder] | undefined => {
    while (names.length > 0) {
      const at = below(names.length);
      const order = day.orders.get(names[at]!);
      if (order !== undefined) return [names[at]!, order];
      names[at] = names[names.length - 1]!;
      names.pop();
    }
    return undefined;
  };
  const rest = (name: bigint, order: PlainOrder) => {
    if (crosses(day.orders, order, count)) day.crossing++;
    day.orders.set(name, order);
    names.push(name);
  };
  const lessen = (name: bigint, order: PlainOrder, shares: number) => {
    order.shares -= shares;
    if (order.shares === 0) day.orders.delete(name);
  };
  while (day.messages.length < count) {
    const i = below(STOCKS.length);
    const locate = LOCATES[i]!;
    const kind = below(100);
    const target = kind < 45 ? undefined : take();
    if (target === undefined || kind < 45) {
      const side = below(2) ? "B" : "S";
      const order: PlainOrder = {
        locate,
        side,
        price: priceOf(i, side, below),
        shares: 1 + below(500),
      };
      number += BigInt(1 + below(1000)) * (below(50) === 0 ? 99999n : 1n);
      const type = below(4) === 0 ? "F" : "A";
      const add = new ItchMessage(type, locate, day.messages.length)
        .uint(number, 8).text(side, 1).uint(order.shares, 4)
        .text(STOCKS[i]!, 8).uint(order.price, 4);
      if (type === "F") add.text("MPID", 4);
      emit(add);
      rest(number, order);
      continue;
    }
    const [name, order] = target;
    const part = 1 + below(order.shares);
    if (kind < 60) {
      emit(new ItchMessage("D", order.locate).uint(name, 8));
      day.orders.delete(name);
    } else if (kind < 70) {
      emit(new ItchMessage("X", order.locate).uint(name, 8).uint(part, 4));
      lessen(name, order, part);
    } else if (kind < 80) {
      emit(
        new ItchMessage("E", order.locate).uint(name, 8).uint(part, 4)
          .uint(match++, 8),
      );
      day.trades++;
      day.volume += part;
      lessen(name, order, part);
    } else if (kind < 84) {
      const printable = below(2) === 1;
      emit(
        new ItchMessage("C", order.locate).uint(name, 8).uint(part, 4)
          .uint(match++, 8).text(printable ? "Y" : "N", 1)
          .uint(order.price + 1, 4),
      );
      if (printable) {
        day.trades++;
        day.volume += part;
      } else day.unprinted++;
      lessen(name, order, part);
    } else if (kind < 95) {
      number += 1n;
      const stock = LOCATES.indexOf(order.locate);
      const price = priceOf(stock, order.side, below);
      emit(
        new ItchMessage("U", order.locate).uint(name, 8).uint(number, 8)
          .uint(part, 4).uint(price, 4),
      );
      day.orders.delete(name);
      rest(number, { ...order, price, shares: part });
    } else if (kind < 96) {
      emit(
        new ItchMessage("P", locate).uint(0, 8).text("B", 1).uint(part, 4)
          .text(STOCKS[i]!, 8).uint(1000000, 4).uint(match++, 8),
      );
      day.trades++;
      day.volume += part;
    } else if (kind < 97) {
      emit(
        new ItchMessage("Q", locate).uint(part, 8).text(STOCKS[i]!, 8)
          .uint(1000000, 4).uint(match++, 8).text("O", 1),
      );
      day.trades++;
      day.volume += part;
    } else if (kind < 98) {
      emit(new ItchMessage("D", locate).uint(1n, 8));
      day.unknown++;
    } else if (kind < 99) {
      emit(new ItchMessage("B", locate).uint(match, 8));
    } else {
      emit(new ItchMessage("Y", locate).text(STOCKS[i]!, 8).text("0", 1));
    }
  }
  return day;
}

/** Cents for most stocks; the last one trades below a dollar, in 1e-4. */
function priceOf(
  stock: number,
  side: "B" | "S",
  below: (limit: number) => number,
): number {
  const away = below(60) - 10;
  const step = side === "B" ? -away : away;
  return stock === 3 ? 5000 + step : 1_000_000 + step * 100;
}

/** In a long day the plain search is left out: it takes time by the square. */
function crosses(
  orders: ReadonlyMap<bigint, PlainOrder>,
  order: PlainOrder,
  count: number,
): boolean {
  if (count > 20_000) return false;
  for (const other of orders.values()) {
    if (other.locate !== order.locate || other.side === order.side) continue;
    if (
      order.side === "B"
        ? order.price >= other.price
        : order.price <= other.price
    ) return true;
  }
  return false;
}

/** Best price of a side and the shares there; [0, 0] = none. */
export function plainBest(
  day: PlainDay,
  stock: number,
  side: "B" | "S",
): [number, number] {
  let price = 0;
  let shares = 0;
  for (const order of day.orders.values()) {
    if (order.locate !== LOCATES[stock] || order.side !== side) continue;
    const better = side === "B" ? order.price > price : order.price < price;
    if (price === 0 || better) {
      price = order.price;
      shares = 0;
    }
    if (order.price === price) shares += order.shares;
  }
  return [price / 10_000, shares];
}
