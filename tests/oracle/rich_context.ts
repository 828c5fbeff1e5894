// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a random stream of commands draws from: numbers, prices, references
 * that were used before, time.
 *
 * @module
 */
import { CommandKind } from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { Random } from "./random.ts";

/** How often a stream has what. All are weights or "one in" numbers; 0 = never. */
export interface RichShape {
  readonly seed: number;
  readonly instruments: number;
  readonly sessions: number;
  /** Accounts 1 to this. */
  readonly accounts: number;
  /** References are drawn from 1 to this, so that they meet again. */
  readonly references: number;
  readonly mid: number;
  /** Prices are drawn around `mid`, this far away at most. */
  readonly spread: number;
  readonly quantityMax: number;
  /** Of 100 new orders so many have a type or terms. */
  readonly special: number;
  /** Of 100 new orders so many are only for auctions. */
  readonly auctionOnly: number;
  /** One in this many fields of an order is wrong or absurd. */
  readonly wrong: number;
  /** One in this many numbers is as large as can be. */
  readonly absurd: number;
  /** Orders carry texts one in this many times. */
  readonly texts: number;
  /** Weights against 1000 order requests. */
  readonly states: number;
  readonly settings: number;
  readonly owners: number;
  readonly masses: number;
  readonly sessionsWeight: number;
  readonly capacities: number;
}

/** What a shape leaves out. */
export const RICH_SHAPE: RichShape = {
  seed: 1,
  instruments: 2,
  sessions: 4,
  accounts: 3,
  references: 60,
  mid: 1000,
  spread: 12,
  quantityMax: 40,
  special: 0,
  auctionOnly: 0,
  wrong: 0,
  absurd: 0,
  texts: 0,
  states: 0,
  settings: 0,
  owners: 0,
  masses: 0,
  sessionsWeight: 0,
  capacities: 0,
};

/** Quantities that are wrong, or as large as can be. */
export const ODD_QUANTITIES = [
  0,
  -1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 53 - 2,
  2 ** 52,
  2 ** 32,
  1e300,
];
/** The same of prices. */
export const ODD_PRICES = [
  0,
  -1,
  2 ** 31 - 1,
  2 ** 31 - 2,
  -(2 ** 31),
  1,
  2,
  1 << 20,
];

/** Lots that nobody would slice. */
export const HUGE = 1e6;
/** Requests mostly name one of this many last new orders. */
const RECENT = 48;
/** The high word of the clock changes soon after the start. */
const START = 8 * 2 ** 32 - 2_000_000;

/** Everything that the parts of a stream share. */
export class RichContext {
  readonly shape: RichShape;
  readonly random: Random;
  /** The last new orders. */
  readonly recent: { session: number; reference: number }[] = [];
  /** Nanoseconds. */
  time = START;
  /** Messages of clients. */
  count = 0;

  constructor(shape: RichShape) {
    this.shape = shape;
    this.random = new Random(shape.seed);
  }

  /** Times at which something ends. */
  readonly #dues: number[] = [];

  /** Something will end at this time. */
  end(time: number): number {
    this.#dues.push(time);
    return time;
  }

  /** A command a little later than the one before; often just when something ends. */
  stamp(command: TestCommand): TestCommand {
    const last = this.time;
    this.time += this.random.draw(1000);
    const due = this.#dues.findIndex((time) =>
      time > last && time <= this.time
    );
    if (due >= 0) {
      this.time = Math.max(last, this.#dues[due]! - this.random.draw(2));
      if (this.time > last) this.#dues.splice(due, 1);
    }
    if (this.#dues.length > 200) this.#dues.splice(0, 100);
    if (command.kind === CommandKind.SET_STATE && command.quantity) {
      this.end(this.time + command.quantity);
    }
    return { ...command, time: this.time };
  }

  /** A new order was made of these. */
  note(session: number, reference: number): void {
    this.recent[this.count % RECENT] = { session, reference };
  }

  /** True one time in so many; 0 = never. */
  one(inMany: number): boolean {
    return inMany !== 0 && this.random.draw(inMany) === 0;
  }

  /** Around the middle, mostly on the side's own half. */
  price(side: number): number {
    const { absurd, spread, mid } = this.shape;
    if (this.one(absurd)) return this.random.pick(ODD_PRICES);
    const away = this.random.draw(spread + 1) - (spread >>> 2);
    return side === 1 ? mid - away : mid + away;
  }

  /**
   * Lots of an order. Only one side is ever huge: an iceberg with small slices
   * would take days to sell a huge quantity to a huge order.
   */
  quantity(side: number): number {
    const { absurd, quantityMax } = this.shape;
    if (this.one(absurd)) {
      const odd = this.random.pick(ODD_QUANTITIES);
      if (!(odd > HUGE) || side === this.hugeSide) return odd;
    }
    return 1 + this.random.draw(quantityMax);
  }

  /** The side that may have huge quantities. */
  get hugeSide(): number {
    return 1 + this.shape.seed % 2;
  }

  /** A reference that the session used lately. */
  known(session: number): number {
    const own = this.recent.filter((one) => one?.session === session);
    return own.length === 0 ? 1 : this.random.pick(own).reference;
  }

  /** An account, or none. */
  account(): number {
    return this.random.draw(this.shape.accounts + 1);
  }

  /** Client order ids, where the shape wants some. */
  texts(command: TestCommand): void {
    if (!this.one(this.shape.texts)) return;
    command.clOrdId = `C${this.count}`;
    command.origClOrdId = this.random.draw(2) === 0
      ? ""
      : `C${this.random.draw(1e6)}`;
  }
}
