// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: a seller and a buyer of the binary protocol over TCP,
 * through the kernel's sockets. Its arguments are the client's interface, the
 * appliance's address and port, and the number of trades. The seller leaves
 * without a logout half-way, misses what happens, comes back and gets it. Each
 * answer is checked, number by number. It prints one line of JSON.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BinaryClient, LogonError } from "../../engine/gateway/binary/mod.ts";
import {
  type ServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { disableChecksumOffload } from "../transport/netns.ts";

const [device, hostname, portText, tradesText] = Deno.args;
const KEY = 7_705_128_841n;
const E8 = 100_000_000;
const PRICE = 15_025_000_000;
const BUY_DAY = 0x01;
const SELL_DAY = 0x02;
const BURST = 500;

function connect(session: number, key = KEY): Promise<BinaryClient> {
  const port = Number(portText);
  return BinaryClient.connect({
    ...{ link: "tcp", hostname: hostname!, port, session, key },
  });
}

async function loggedOn(session: number, wanted = 0): Promise<BinaryClient> {
  const client = await connect(session);
  await client.logon(wanted);
  expected.set(client, wanted === 0 ? client.expectedNumber : wanted);
  return client;
}

/** Number of the next message of each client. */
const expected = new Map<BinaryClient, number>();

/** The next numbered messages, each with the next number. */
async function take(client: BinaryClient, count: number): Promise<string> {
  let types = "";
  for (let i = 0; i < count; i++) {
    const message: ServerMessage | null = await client.receiveNumbered();
    if (message === null) throw new Error(`${i} of ${count} messages came`);
    const number = expected.get(client)!;
    assertEquals(message.sequence, number);
    expected.set(client, number + 1);
    types += String.fromCharCode(message.type);
  }
  return types;
}

async function order(
  client: BinaryClient,
  side: number,
  count = 1,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    client.order({ symbol: 0, side, quantity: E8, price: PRICE });
  }
  await client.flush();
}

disableChecksumOffload(device!);
const trades = Number(tradesText);
const stranger = await connect(11, KEY + 1n);
const refusal = await stranger.logon().catch((error) => error);
assertEquals(refusal instanceof LogonError && refusal.reason, 17);
await stranger.close();

let seller = await loggedOn(11);
const buyer = await loggedOn(12);
const times = new Float64Array(trades);
for (let i = 0; i < trades; i++) {
  const start = performance.now();
  await order(seller, SELL_DAY);
  assertEquals(await take(seller, 1), "A");
  times[i] = (performance.now() - start) * 1000;
  await order(buyer, BUY_DAY);
  assertEquals(await take(buyer, 2), "AF");
  assertEquals(await take(seller, 1), "F");
}
// More at once than a window of either side holds.
await order(seller, SELL_DAY, BURST);
assertEquals(await take(seller, BURST), "A".repeat(BURST));
const missed = expected.get(seller)!;
await seller.close();
await order(buyer, BUY_DAY, BURST);
assertEquals(await take(buyer, 2 * BURST), "AF".repeat(BURST));
seller = await loggedOn(11, missed);
assertEquals(await take(seller, BURST), "F".repeat(BURST));
for (const client of [seller, buyer]) {
  await client.logout();
  let end = await client.receive();
  while (end?.type === ServerType.HEARTBEAT) end = await client.receive();
  assertEquals([end!.type, end!.reason], [ServerType.END, 0]);
  assertEquals(await client.receive(), null, "the appliance closes");
  await client.close();
}
times.sort();
console.log(JSON.stringify({
  seller: seller.nextNumber,
  buyer: buyer.nextNumber,
  p50: times[trades >> 1],
}));
