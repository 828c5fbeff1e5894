// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Both sides of the market by one set of lines: for sell orders prices are
 * mirrored at 500 and buy and sell are swapped, in lines and in answers.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Desk, PROBE } from "./desk.ts";

/** Which orders the lines' buy orders are. */
export type TableSide = "buy" | "sell";

export const SIDES: readonly TableSide[] = ["buy", "sell"];

/** A line or an answer as it is for the other side. */
function mirror(text: string): string {
  return text
    .replaceAll(
      /@([1-9]\d*)|stop=(\d+)/g,
      (_, price, stop) =>
        price === undefined ? `stop=${1000 - stop}` : `@${1000 - price}`,
    )
    .replaceAll(/\b(?:buy|sell)\b/g, (side) => side === "buy" ? "sell" : "buy");
}

/** A desk that is spoken to as if all were buy orders. */
export class Table {
  readonly desk = new Desk();
  readonly #turn: (text: string) => string;
  readonly #side: TableSide;

  constructor(side: TableSide) {
    this.#side = side;
    this.#turn = side === "buy" ? (text) => text : mirror;
  }

  say(line: string): string {
    return this.#turn(this.desk.say(this.#turn(line)));
  }

  setUp(...lines: string[]): void {
    this.desk.setUp(...lines.map(this.#turn));
  }

  /** Lets lots of order 1 trade, beyond those that traded at its entry. */
  fill(lots: number): void {
    const before = this.desk.events.at(-1)!.cum;
    if (lots === before) return;
    const told = this.say(`${PROBE}:90 sell ${lots - before}@500 IOC`);
    assertEquals(told, `+90, 1<90 ${lots - before}@500`);
  }

  /** References with lots and price, as they trade. */
  queue(): string {
    return this.desk.takeAll(this.#side).map(this.#turn).join(", ");
  }
}
