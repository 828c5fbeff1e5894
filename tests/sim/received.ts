// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What one client has received, by number, and the checker of its stream: a
 * number never says two things, and nothing that was said is taken back.
 *
 * It knows the protocol as a client does and nothing of the appliance.
 *
 * @module
 */
import { Violation } from "./violation.ts";

/** One numbered message. */
export interface ReceivedMessage {
  readonly number: number;
  /** All that the protocol repeats: FIX without 8, 9, 10, 43 and the time of this sending; binary all 64 bytes. */
  readonly content: string;
  /** FIX: the protocol answers a request for it with a gap fill. */
  readonly session: boolean;
}

/** In place of a message that was only ever filled. */
export const GAP = "(gap)";

/** One session's messages; see the module's text. */
export class Received {
  readonly name: string;
  readonly protocol: "fix" | "binary";
  /** How often both sides started again at 1. */
  generation = 0;
  /** The client asked to start again at 1 and was not answered. */
  resetPending = false;
  /** Of this generation. */
  messages = new Map<number, ReceivedMessage>();
  /** Of all generations that ended. */
  readonly earlier: ReadonlyMap<number, ReceivedMessage>[] = [];
  highest = 0;
  /** All numbers up to this one were received. */
  whole = 0;
  /** Messages that came once more and were the same. */
  repeats = 0;
  /** Next number of a complete repetition that is being checked; 0 = none. */
  #verifying = 0;

  constructor(name: string, protocol: "fix" | "binary") {
    this.name = name;
    this.protocol = protocol;
  }

  /** A message came. @param again It says that it was sent before. */
  note(message: ReceivedMessage, again: boolean): void {
    const { number, content } = message;
    const known = this.messages.get(number);
    if (known === undefined) {
      this.messages.set(number, message);
      if (number > this.highest) this.highest = number;
      while (this.messages.has(this.whole + 1)) this.whole++;
    } else if (known.content === GAP && message.session) {
      this.messages.set(number, message);
    } else if (known.content !== content) {
      throw new Violation(
        "stream",
        `${this.name}: number ${number} was\n  ${known.content}\nand is now\n  ${content}`,
      );
    } else if (again) this.repeats++;
    if (again) this.#advance(number, number + 1);
  }

  /** A gap fill stands for `[from, to)`: only what is never repeated may be there. */
  gap(from: number, to: number): void {
    for (let number = from; number < to; number++) {
      const known = this.messages.get(number);
      if (known === undefined) {
        this.note({ number, content: GAP, session: true }, false);
      } else if (!known.session) {
        throw new Violation(
          "stream",
          `${this.name}: a gap fill ${from} to ${to} stands for number ${number}, which was\n  ${known.content}`,
        );
      }
    }
    this.#advance(from, to);
  }

  /** The appliance says that its newest number is this. */
  newest(number: number): void {
    if (number < this.highest) {
      throw new Violation(
        "durable",
        `${this.name}: received number ${this.highest}, but the appliance says that its newest is ${number}`,
      );
    }
  }

  /** Both sides start again at 1. */
  reset(): void {
    this.earlier.push(this.messages);
    this.messages = new Map();
    this.generation++;
    this.highest = 0;
    this.whole = 0;
    this.resetPending = false;
  }

  /** From here on a complete repetition is expected, from a number on. */
  verifyFrom(number: number): void {
    this.#verifying = number;
  }

  /** Next number of the repetition; 0 = none is expected. */
  get verifying(): number {
    return this.#verifying;
  }

  #advance(from: number, to: number): void {
    if (this.#verifying === 0) return;
    if (from <= this.#verifying && to > this.#verifying) this.#verifying = to;
  }
}
