// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Adds up what clients were told: no fill without an order, quantities that
 * add up, two sides to each trade. It reads messages as a client's own back
 * office would, and knows neither the journal nor the engine.
 *
 * @module
 */
import {
  decodeServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import type { Received, ReceivedMessage } from "./received.ts";
import { Violation } from "./violation.ts";

interface Known {
  /** Filled so far, by the fills that were told. */
  filled: number;
  quantity: number;
  leaves: number;
  /** Its quantity was changed by self-trade prevention. */
  prevented: boolean;
}

interface Trades {
  bought: number;
  sold: number;
}

/** Sums over all sessions; see the module's text. */
export class Ledger {
  readonly #orders = new Map<string, Known>();
  readonly #trades = new Map<string, Trades>();
  /** Fills that were looked at. */
  fills = 0;

  /** Takes all that a client received; some of earlier generations may be missing. */
  add(received: Received): void {
    const whole = received.earlier.length === 0;
    const lists = [...received.earlier, received.messages];
    for (const list of lists) {
      const sorted = [...list.values()].sort((a, b) => a.number - b.number);
      for (const message of sorted) {
        if (received.protocol === "fix") this.#fix(received, message, whole);
        else this.#binary(received, message, whole);
      }
    }
  }

  /** Every trade has two sides. Only if all messages of all sessions were added. */
  checkTrades(): void {
    for (const [where, { bought, sold }] of this.#trades) {
      if (bought === sold) continue;
      throw new Violation(
        "ledger",
        `${where}: ${bought} bought, ${sold} sold`,
      );
    }
  }

  #fix(received: Received, message: ReceivedMessage, whole: boolean): void {
    const tags = new Map(
      message.content.split("|").map((field) => {
        const at = field.indexOf("=");
        return [field.slice(0, at), field.slice(at + 1)] as const;
      }),
    );
    if (tags.get("35") !== "8") return;
    const number = (tag: string): number => Number(tags.get(tag));
    const type = tags.get("150");
    if (type === "8" || type === "I") return;
    const fault = (text: string): never => this.#fault(received, message, text);
    const order = this.#order(tags.get("37")!, type === "0", whole, fault);
    const [filled, leaves, quantity] = [
      number("14"),
      number("151"),
      number("38"),
    ];
    if (order === undefined) return;
    const ended = ["4", "C", "8"].includes(tags.get("39")!);
    // An order of which self-trade prevention left nothing says no quantity.
    const nothing = type === "D" && !tags.has("38") && leaves === 0;
    if (nothing) return;
    if (ended ? leaves !== 0 : filled + leaves !== quantity) {
      fault(`${filled} filled and ${leaves} left of ${quantity}`);
    }
    if (type === "F") {
      order.filled += number("32");
      this.#trade(
        `${tags.get("55")} at ${number("31").toFixed(4)}, ${
          fixTime(tags.get("60")!)
        }`,
        tags.get("54") === "1",
        number("32"),
      );
    }
    if (!whole) order.filled = filled;
    else if (filled !== order.filled) {
      fault(`${filled} filled, the fills add up to ${order.filled}`);
    }
  }

  #binary(received: Received, message: ReceivedMessage, whole: boolean): void {
    const bytes = Uint8Array.from(message.content, (c) => c.charCodeAt(0));
    const told = decodeServerMessage(bytes, message.number);
    const { type } = told;
    const fault = (text: string): never => this.#fault(received, message, text);
    const about: readonly number[] = [
      ServerType.ACCEPTED,
      ServerType.FILLED,
      ServerType.REPLACED,
      ServerType.PREVENTED,
      ServerType.CANCELED,
    ];
    if (!about.includes(type)) return;
    const accepted = type === ServerType.ACCEPTED;
    const order = this.#order(String(told.orderId), accepted, whole, fault);
    if (order === undefined) return;
    const quantity = Number(told.quantity) / 1e8;
    const leaves = Number(told.leaves) / 1e8;
    if (type === ServerType.PREVENTED) order.prevented = true;
    if (type === ServerType.FILLED) {
      order.filled += quantity;
      if (!order.prevented && leaves !== order.leaves - quantity) {
        fault(`${leaves} left after ${quantity} of ${order.leaves} traded`);
      }
      const price = (Number(told.price) / 1e8).toFixed(4);
      const ms = Math.floor(Number(told.timeNs) / 1e6);
      const symbol = told.symbol === 0 ? "AA" : "BB";
      this.#trade(
        `${symbol} at ${price}, ${ms}`,
        (told.side & 3) === 1,
        quantity,
      );
    } else if (type === ServerType.CANCELED) {
      if (!order.prevented && quantity !== order.leaves) {
        fault(`${quantity} canceled of ${order.leaves}`);
      }
    } else if (type === ServerType.REPLACED) {
      if (!order.prevented && quantity - leaves !== order.filled) {
        fault(`${leaves} left of ${quantity}, ${order.filled} filled`);
      }
    } else if (accepted && leaves !== quantity) {
      fault(`${leaves} left of a new order of ${quantity}`);
    }
    order.leaves = leaves;
  }

  /** What is known of an order; undefined = its start may have been missed. */
  #order(
    id: string,
    accepted: boolean,
    whole: boolean,
    fault: (text: string) => never,
  ): Known | undefined {
    const known = this.#orders.get(id);
    if (known !== undefined) {
      if (accepted) fault(`order ${id} is accepted twice`);
      return known;
    }
    if (!accepted) {
      return whole ? fault(`order ${id} was never accepted`) : undefined;
    }
    const order = { filled: 0, quantity: 0, leaves: 0, prevented: false };
    this.#orders.set(id, order);
    return order;
  }

  #trade(where: string, buys: boolean, quantity: number): void {
    this.fills++;
    const trades = this.#trades.get(where) ?? { bought: 0, sold: 0 };
    if (buys) trades.bought += quantity;
    else trades.sold += quantity;
    this.#trades.set(where, trades);
  }

  #fault(received: Received, message: ReceivedMessage, text: string): never {
    throw new Violation(
      "ledger",
      `${received.name}, number ${message.number}: ${text}\n  ${
        received.protocol === "fix" ? message.content : ""
      }`,
    );
  }
}

/** Milliseconds since 1970. */
function fixTime(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)-(.{12})/.exec(text)!;
  return Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}Z`);
}
