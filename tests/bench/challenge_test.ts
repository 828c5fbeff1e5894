// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertThrows } from "@std/assert";
import {
  type ChallengeMessage,
  ExchangeChallenge,
  MessageType,
  readChallenge,
  ReportHash,
  writeChallenge,
} from "../../bench/challenge.ts";
import { challengeWorkload } from "../../bench/challenge_workload.ts";
import { EVERYTHING } from "../../bench/exchange_rig.ts";

const ORDERS = 20_000;

interface Resting {
  readonly id: number;
  readonly side: number;
  readonly price: number;
  readonly arrival: number;
  open: number;
}

/** The challenge's rules as plainly as they can be written: one list of orders. */
class Naive {
  readonly hash = new ReportHash();
  #orders: Resting[] = [];
  #arrivals = 0;

  take(message: ChallengeMessage, sequence: number): void {
    const { type, id, side, price, quantity } = message;
    if (type === MessageType.NEW) {
      this.hash.add(0, sequence, side, id, price, quantity);
      const left = this.#trade(message, sequence);
      if (left > 0 && message.ioc) {
        this.hash.add(2, sequence, side, id, price);
      } else if (left > 0) this.#rest(message, left);
      return;
    }
    const order = this.#orders.find((other) => other.id === id);
    const cancel = type === MessageType.CANCEL;
    if (order === undefined) {
      this.hash.add(cancel ? 4 : 5, sequence, id);
      return;
    }
    this.#orders = this.#orders.filter((other) => other !== order);
    if (cancel) {
      this.hash.add(2, sequence, order.side, id, order.price);
      return;
    }
    const left = this.#trade({ ...message, side: order.side }, sequence);
    this.hash.add(3, sequence, order.side, id, price, quantity);
    if (left > 0) this.#rest({ ...message, side: order.side }, left);
  }

  #rest({ id, side, price }: ChallengeMessage, open: number): void {
    const arrival = this.#arrivals++;
    this.#orders.push({ id, side, price, arrival, open });
  }

  #trade(taker: ChallengeMessage, sequence: number): number {
    const sign = taker.side === 0 ? 1 : -1;
    const makers = this.#orders
      .filter(({ side, price }) =>
        side !== taker.side && sign * price <= sign * taker.price
      )
      .sort((a, b) => sign * (a.price - b.price) || a.arrival - b.arrival);
    let left = taker.quantity;
    for (const maker of makers) {
      if (left === 0) break;
      const lots = Math.min(left, maker.open);
      left -= lots;
      maker.open -= lots;
      this.hash.add(1, sequence, maker.price, lots, maker.id, taker.id);
    }
    this.#orders = this.#orders.filter(({ open }) => open > 0);
    return left;
  }
}

Deno.test("ExchangeChallenge gives the reports that the challenge's rules give", () => {
  for (const seed of [1, 2, 3]) {
    const messages = challengeWorkload(ORDERS, seed);
    const naive = new Naive();
    messages.forEach((message, i) => naive.take(message, i));
    const ours = new ExchangeChallenge(messages, EVERYTHING);
    ours.prove();
    assertEquals(ours.digest, naive.hash.digest(), `seed ${seed}`);
  }
});

Deno.test("challengeWorkload() has the shape of the published ones", () => {
  const messages = challengeWorkload(ORDERS, 1);
  const count = (wanted: (message: ChallengeMessage) => boolean): number =>
    messages.filter(wanted).length / ORDERS;
  const near = (value: number, expected: number, what: string): void =>
    assertEquals(Math.abs(value - expected) < 0.02, true, `${what} ${value}`);
  near(count(({ type }) => type === MessageType.NEW), 1, "new");
  near(count(({ type, ioc }) => type === 0 && ioc), 0.15, "IOC");
  near(count(({ type }) => type === MessageType.CANCEL), 0.823, "cancel");
  near(count(({ type }) => type === MessageType.MODIFY), 0.173, "modify");
});

Deno.test("readChallenge() reads what writeChallenge() writes", () => {
  const messages = challengeWorkload(1000, 7);
  assertEquals(readChallenge(writeChallenge(messages)), messages);
});

Deno.test("readChallenge() refuses what is no workload", () => {
  const whole = writeChallenge(challengeWorkload(10, 1));
  assertThrows(() => readChallenge(new Uint8Array(15)), Error, "no workload");
  assertThrows(
    () => readChallenge(whole.subarray(0, whole.length - 1)),
    Error,
    "no workload",
  );
});

Deno.test("ReportHash sorts the reports of a message by their number", async () => {
  const hash = new ReportHash();
  hash.add(0, 0, 0, 1, 100, 5);
  hash.add(3, 1, 0, 1, 101, 6);
  hash.add(1, 1, 101, 6, 2, 1);
  const text = "0,0,0,1,100,5\n1,1,101,6,2,1\n3,1,0,1,101,6";
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(text),
  );
  assertEquals(
    hash.digest(),
    [...new Uint8Array(digest)].map((byte) =>
      byte.toString(16).padStart(2, "0")
    ).join(""),
  );
});
