// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Seeded streams of random commands: good ones, bad ones and absurd ones.
 *
 * @module
 */
import { CommandKind } from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";

/** How a stream looks. */
export interface StreamShape {
  readonly seed: number;
  readonly instruments: number;
  readonly sessions: number;
  /** References are drawn from 1 to this, so that they meet again. */
  readonly references: number;
  /** Prices are drawn around `mid`, this far away at most. */
  readonly spread: number;
  readonly mid: number;
  readonly quantityMax: number;
  /** One in this many numbers is absurd; 0 = none. */
  readonly absurd: number;
  /** Orders carry texts one in this many times; 0 = never. */
  readonly texts: number;
}

const QUANTITIES = [
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
const PRICES = [
  0,
  -1,
  2 ** 31 - 1,
  2 ** 31 - 2,
  -(2 ** 31),
  1,
  2,
  1 << 20,
  256,
];

/** Cancels and replaces mostly name one of this many last new orders. */
const RECENT = 128;

/** One stream; the same seed gives the same commands. */
export class RandomCommands {
  readonly #shape: StreamShape;
  #state: number;
  #count = 0;
  /** The last new orders: session and reference, one word each. */
  readonly #recent = new Float64Array(2 * RECENT);

  constructor(shape: StreamShape) {
    this.#shape = shape;
    this.#state = shape.seed >>> 0 || 1;
  }

  /** A whole number from 0 to below `limit`. */
  draw(limit: number): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state % limit;
  }

  /** The next command. */
  next(): TestCommand {
    const shape = this.#shape;
    const k = this.draw(1000);
    const command: TestCommand = {
      kind: k < 480
        ? CommandKind.NEW_ORDER
        : k < 700
        ? CommandKind.CANCEL_ORDER
        : k < 900
        ? CommandKind.REPLACE_ORDER
        : k < 940
        ? CommandKind.ORDER_STATUS
        : k < 960
        ? CommandKind.REFUSED
        : k < 980
        ? CommandKind.SESSION_MESSAGE
        : k < 985
        ? CommandKind.SESSION_LOGON
        : k < 990
        ? CommandKind.SESSION_LOGOUT
        : k < 993
        ? CommandKind.DEFINE_LIMITS
        : CommandKind.NEW_ORDER,
      session: 1 + this.draw(shape.sessions),
      inSequence: ++this.#count,
      reference: 1 + this.draw(shape.references),
      instrument: this.draw(shape.instruments),
      side: 1 + this.draw(2),
      ordType: this.draw(10) === 0 ? 1 : 2,
      timeInForce: [1, 0, 1, 1, 0, 1, 3, 4][this.draw(8)]!,
      quantity: this.#quantity(),
    };
    command.price = this.#price(command.side!);
    if (command.kind === CommandKind.NEW_ORDER) {
      const at = 2 * (this.#count % RECENT);
      this.#recent[at] = command.session!;
      this.#recent[at + 1] = command.reference!;
    } else if (command.kind <= CommandKind.REFUSED && this.draw(5) !== 0) {
      const at = 2 * this.draw(RECENT);
      command.session = this.#recent[at] || 1;
      command.reference = this.#recent[at + 1]!;
    }
    this.#special(command);
    return command;
  }

  /** Around the middle, mostly on the side's own half. */
  #price(side: number): number {
    const { absurd, spread, mid } = this.#shape;
    if (absurd !== 0 && this.draw(absurd) === 0) {
      return PRICES[this.draw(PRICES.length)]!;
    }
    const away = this.draw(spread + 1) - (spread >>> 3);
    return side === 1 ? mid - away : mid + away;
  }

  #quantity(): number {
    const { absurd, quantityMax } = this.#shape;
    if (absurd !== 0 && this.draw(absurd) === 0) {
      return QUANTITIES[this.draw(QUANTITIES.length)]!;
    }
    return 1 + this.draw(quantityMax);
  }

  /** What the kind needs, and mistakes that a gateway would not let through. */
  #special(command: TestCommand): void {
    const { absurd, texts, references, instruments } = this.#shape;
    switch (command.kind) {
      case CommandKind.CANCEL_ORDER:
      case CommandKind.REPLACE_ORDER:
        if (this.draw(4) !== 0) command.instrument = 0xffff;
        if (this.draw(4) !== 0) command.side = 0;
        if (
          command.kind === CommandKind.REPLACE_ORDER && this.draw(2) === 0
        ) command.newReference = this.draw(references + 1);
        break;
      case CommandKind.ORDER_STATUS:
        command.detail = this.draw(2);
        break;
      case CommandKind.REFUSED:
        command.detail = 1 + this.draw(4);
        command.reason = 1 + this.draw(19);
        break;
      case CommandKind.SESSION_MESSAGE:
        command.detail = 48 + this.draw(10);
        command.text = "A text of at most sixty bytes, here.".slice(
          0,
          this.draw(36),
        );
        return;
      case CommandKind.SESSION_LOGON:
        command.detail = this.draw(2);
        return;
      case CommandKind.SESSION_LOGOUT:
        return;
      case CommandKind.DEFINE_LIMITS:
        command.quantity = this.draw(2) === 0
          ? 0
          : this.#shape.quantityMax - this.draw(5);
        command.reference = this.draw(2) === 0
          ? 0
          : this.#shape.quantityMax * this.#shape.mid;
        return;
    }
    if (texts !== 0 && this.draw(texts) === 0) {
      command.clOrdId = `C${this.#count}`;
      command.origClOrdId = this.draw(2) === 0 ? "" : `C${this.draw(1e6)}`;
    }
    if (absurd === 0 || command.kind !== CommandKind.NEW_ORDER) return;
    if (this.draw(absurd) === 0) {
      command.instrument = instruments + this.draw(9);
    }
    if (this.draw(absurd) === 0) command.side = this.draw(256);
    if (this.draw(absurd) === 0) command.ordType = this.draw(256);
    if (this.draw(absurd) === 0) command.timeInForce = this.draw(256);
  }
}
