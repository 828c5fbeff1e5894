// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: a seller and a buyer that trade with an appliance over
 * UDP, through the kernel's sockets. Its arguments are the client's interface,
 * the appliance's address and port, and the number of single orders to time.
 * Each answer is checked, number by number. It prints one line of JSON.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type ClientMessage,
  ClientType,
  decodeServerPacket,
  encodeClientPacket,
  type ServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import {
  disableChecksumOffload,
  openUdp,
  type PolledSocket,
} from "../transport/netns.ts";

const [device, address, portText, ordersText] = Deno.args;
const E8 = 100_000_000;
const PRICE = 15_025_000_000;
const BUY_DAY = 0x01;
const SELL_DAY = 0x02;
const KEY = 7_705_128_841;
const BATCH = 22;
const BATCHES = 100;
const DEADLINE_MS = 10_000;
const LOGON_AGAIN_MS = 500;
/** A logon that was sent again on a busy machine is answered again. */
const UNNUMBERED: ReadonlySet<number> = new Set([
  ServerType.HEARTBEAT,
  ServerType.LOGON_ACCEPTED,
]);

/** One client session over its own UDP socket. */
class Trader {
  /** Number of our next message. */
  next = 0;
  /** Number of the appliance's next message. */
  expected = 0;
  readonly #socket: PolledSocket;
  readonly #scratch = new Uint8Array(2048);
  readonly #session: number;
  readonly #came: ServerMessage[] = [];

  constructor(session: number) {
    this.#session = session;
    this.#socket = openUdp(address!, Number(portText));
  }

  /** Logs on, again and again until there is an answer; returns it. */
  logon(key: number): ServerMessage {
    const end = performance.now() + DEADLINE_MS;
    while (performance.now() < end) {
      this.#send(0, [{ type: ClientType.LOGON, quantity: key }]);
      const again = performance.now() + LOGON_AGAIN_MS;
      while (performance.now() < again) {
        const message = this.#receive();
        if (message === undefined) continue;
        if (message.type === ServerType.LOGON_ACCEPTED) {
          this.next = message.reference;
          this.expected = Number(message.leaves);
          return message;
        }
        if (message.type === ServerType.LOGON_REFUSED) return message;
      }
    }
    throw new Error(`No answer to the logon of session ${this.#session}`);
  }

  /** Sends numbered messages as one packet. */
  send(messages: readonly ClientMessage[]): void {
    this.#send(this.next, messages);
    this.next += messages.length;
  }

  /** Waits for so many numbered messages; each has the next number. */
  take(count: number): ServerMessage[] {
    const taken: ServerMessage[] = [];
    const end = performance.now() + DEADLINE_MS;
    while (taken.length < count) {
      const message = this.#receive();
      if (message === undefined) {
        if (performance.now() < end) continue;
        throw new Error(
          `Session ${this.#session}: ${taken.length} of ${count}`,
        );
      }
      if (UNNUMBERED.has(message.type)) continue;
      assert(
        message.sequence !== 0,
        `unexpected ${JSON.stringify(message.type)}`,
      );
      assertEquals(message.sequence, this.expected++);
      taken.push(message);
    }
    return taken;
  }

  close(): void {
    this.#socket.close();
  }

  #send(sequence: number, messages: readonly ClientMessage[]): void {
    this.#socket.send(encodeClientPacket(this.#session, sequence, messages));
  }

  #receive(): ServerMessage | undefined {
    if (this.#came.length === 0) {
      const length = this.#socket.receive(this.#scratch);
      if (length < 0) return undefined;
      this.#came.push(...decodeServerPacket(this.#scratch.slice(0, length)));
    }
    return this.#came.shift();
  }
}

function order(side: number, lots: number): ClientMessage {
  return {
    type: ClientType.NEW_ORDER,
    symbol: 0,
    side,
    quantity: lots * E8,
    price: PRICE,
  };
}

/** Types of messages, with the reason of each refusal. */
function types(messages: readonly ServerMessage[]): string {
  return messages.map(({ type, reason }) =>
    String.fromCharCode(type) + (type === ServerType.REJECTED ? reason : "")
  ).join("");
}

/** One order each, one match; returns how long the seller waited, in us. */
function tradeOne(seller: Trader, buyer: Trader): number {
  const start = performance.now();
  seller.send([order(SELL_DAY, 1)]);
  assertEquals(types(seller.take(1)), "A");
  const waitedUs = (performance.now() - start) * 1000;
  buyer.send([order(BUY_DAY, 1)]);
  assertEquals(types(buyer.take(2)), "AF");
  const [fill] = seller.take(1);
  assertEquals(fill!.type, ServerType.FILLED);
  assertEquals(fill!.price, BigInt(PRICE));
  assertEquals(fill!.leaves, 0n);
  return waitedUs;
}

/** A packet of sell orders, all taken by one buy order. */
function tradeBatch(seller: Trader, buyer: Trader): void {
  seller.send(Array.from({ length: BATCH }, () => order(SELL_DAY, 1)));
  assertEquals(types(seller.take(BATCH)), "A".repeat(BATCH));
  buyer.send([order(BUY_DAY, BATCH)]);
  assertEquals(types(buyer.take(1 + BATCH)), "A" + "F".repeat(BATCH));
  assertEquals(types(seller.take(BATCH)), "F".repeat(BATCH));
}

disableChecksumOffload(device!);
const stranger = new Trader(11);
assertEquals(stranger.logon(KEY + 1).type, ServerType.LOGON_REFUSED);
stranger.close();
const seller = new Trader(11);
const buyer = new Trader(12);
assertEquals(seller.logon(KEY).type, ServerType.LOGON_ACCEPTED);
assertEquals(buyer.logon(KEY).type, ServerType.LOGON_ACCEPTED);
const first = { seller: seller.next, buyer: buyer.next };
const orders = Number(ordersText);
const times = new Float64Array(orders);
for (let i = 0; i < orders; i++) times[i] = tradeOne(seller, buyer);
for (let i = 0; i < BATCHES; i++) tradeBatch(seller, buyer);
times.sort();
console.log(JSON.stringify({
  first,
  next: { seller: seller.next, buyer: buyer.next },
  acceptedUs: {
    p50: times[Math.floor(orders * 0.5)],
    p99: times[Math.floor(orders * 0.99)],
  },
}));
seller.close();
buyer.close();
