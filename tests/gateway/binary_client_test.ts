// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The TypeScript client of the binary protocol over real loopback sockets; the
 * gateway and the exchange behind them are the real ones.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { BinaryClient, LogonError } from "../../engine/gateway/binary/mod.ts";
import { OrdType, Reason, Side, TimeInForce } from "../../engine/record/mod.ts";
import { ClientType, ServerType } from "../../engine/wire/binary/mod.ts";
import { E8, Harness, KEY } from "./binary_harness.ts";

const CENT = 1_000_000;

/** The harness behind a TCP listener. */
function serveTcp(harness: Harness) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serveOne = async (connection: Deno.Conn, id: number) => {
    harness.accept(id);
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const bytes = await connection.read(buffer);
        if (bytes === null) break;
        harness.feed(id, buffer.subarray(0, bytes));
        harness.round();
        for (const packet of harness.transport.sent.get(id) ?? []) {
          for (let at = 0; at < packet.length;) {
            at += await connection.write(packet.subarray(at));
          }
        }
        harness.transport.sent.delete(id);
        if (harness.transport.closed.has(id)) break;
      }
    } catch (error) {
      if (
        !(error instanceof Deno.errors.BadResource ||
          error instanceof Deno.errors.ConnectionReset ||
          error instanceof Deno.errors.Interrupted)
      ) throw error;
    }
    harness.hangUp(id);
    if (open.delete(connection)) connection.close();
  };
  const done = (async () => {
    const served: Promise<void>[] = [];
    let id = 0;
    for await (const connection of listener) {
      open.add(connection);
      served.push(serveOne(connection, ++id));
    }
    await Promise.all(served);
  })();
  return {
    port: listener.addr.port,
    async stop() {
      listener.close();
      for (const connection of open) connection.close();
      open.clear();
      await done;
    },
  };
}

/** The harness behind a UDP socket; `lose` drops answers. */
function serveUdp(harness: Harness, lose: () => boolean) {
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
  });
  const done = (async () => {
    for await (const [packet, from] of socket) {
      if (from.transport !== "udp") continue;
      harness.datagram(packet, from.port);
      harness.round();
      for (const { bytes } of harness.transport.datagrams.splice(0)) {
        if (!lose()) await socket.send(bytes, from);
      }
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    async stop() {
      socket.close();
      await done;
    },
  };
}

function connect(
  link: "tcp" | "udp",
  port: number,
  session = 1,
  key = KEY,
  version = 2,
) {
  return BinaryClient.connect({
    link,
    hostname: "127.0.0.1",
    port,
    session,
    key,
    version,
  });
}

/** Letters of the next numbered messages. */
async function letters(client: BinaryClient, count: number): Promise<string> {
  let text = "";
  for (let i = 0; i < count; i++) {
    const message = await client.receiveNumbered();
    text += message === null ? "-" : String.fromCharCode(message.type);
  }
  return text;
}

Deno.test("BinaryClient trades over TCP and resumes after a break", async () => {
  const harness = new Harness();
  const server = serveTcp(harness);
  const client = await connect("tcp", server.port);
  const hello = await client.logon();
  assertEquals(hello.type, ServerType.LOGON_ACCEPTED);
  const order = client.order({
    symbol: 0,
    side: Side.BUY,
    quantity: 10 * E8,
    price: 100 * CENT,
    timeInForce: TimeInForce.GTC,
  });
  client.replace(order, 20 * E8, 101 * CENT);
  client.status(order);
  client.cancel(order);
  client.order({
    symbol: 0,
    side: Side.SELL,
    quantity: E8,
    ordType: OrdType.MARKET,
    timeInForce: TimeInForce.IOC,
  });
  await client.flush();
  const types: number[] = [];
  for (let i = 0; i < 5; i++) {
    types.push((await client.receiveNumbered())!.type);
  }
  assertEquals(String.fromCharCode(...types), "AUSCA");
  assertEquals(client.expectedNumber, 6);
  await client.close();
  const again = await connect("tcp", server.port);
  await again.logon(5);
  assertEquals(again.nextNumber, 6);
  const missed = [await again.receiveNumbered(), await again.receiveNumbered()];
  assertEquals(missed.map((message) => message!.sequence), [5, 6]);
  await again.heartbeat();
  assertEquals((await again.receive())!.type, ServerType.HEARTBEAT);
  await again.retransmit(1, 1);
  assertEquals((await again.receive())!.sequence, 1);
  await again.logout();
  assertEquals((await again.receive())!.type, ServerType.END);
  assertEquals(await again.receive(), null);
  assert(again.closed);
  await again.close();
  await server.stop();
});

Deno.test("BinaryClient splits what is too long for a packet", async () => {
  const harness = new Harness();
  const server = serveTcp(harness);
  const client = await connect("tcp", server.port);
  await client.logon();
  for (let i = 0; i < 600; i++) {
    const order = { symbol: 1, side: Side.BUY, quantity: E8, price: CENT };
    // Every third is three blocks long.
    client.order(i % 3 === 0 ? { ...order, minQuantity: E8 } : order);
  }
  await client.flush();
  for (let i = 1; i <= 600; i++) {
    assertEquals((await client.receiveNumbered())!.sequence, i);
  }
  await client.close();
  await server.stop();
});

Deno.test("BinaryClient asks for everything that version 2 has", async () => {
  const harness = new Harness();
  const server = serveTcp(harness);
  const client = await connect("tcp", server.port);
  await client.logon();
  const buy = { symbol: 0, side: Side.BUY, quantity: 5 * E8 };
  const iceberg = client.order({
    ...buy,
    price: 100 * CENT,
    displayQuantity: 2 * E8,
  });
  client.order({ ...buy, price: 99 * CENT, postOnly: true });
  const stop = client.order({
    ...buy,
    ordType: OrdType.STOP,
    stopPrice: 200 * CENT,
    link: iceberg,
  });
  client.order({ ...buy, ordType: OrdType.PEG_PRIMARY, offset: -1 });
  client.reduce(iceberg, 2 * E8);
  client.replace(iceberg, 2 * E8, 100 * CENT, { openQuantity: true });
  client.replace(stop, E8, 0, { stopPrice: 210 * CENT });
  await client.flush();
  assertEquals(await letters(client, 7), "AAAAUUU");
  client.massCancel({
    symbol: 0,
    side: Side.BUY,
    lowestPrice: 100 * CENT,
    highestPrice: 100 * CENT,
  });
  client.massCancel({ account: 7 });
  client.block();
  client.order({ ...buy, price: CENT });
  client.unlock();
  client.unlock(7);
  await client.flush();
  assertEquals(await letters(client, 10), "MCMBCCCJYY");
  assertEquals(harness.exchange.ordersOpen, 0);
  await client.close();
  await server.stop();
});

Deno.test("BinaryClient speaks version 1 if it is told to", async () => {
  const harness = new Harness();
  const server = serveTcp(harness);
  const client = await connect("tcp", server.port, 1, KEY, 1);
  await client.logon();
  const order = { symbol: 0, side: Side.BUY, quantity: E8, price: CENT };
  client.order(order);
  client.order({ ...order, postOnly: true });
  client.block();
  await client.flush();
  assertEquals(await letters(client, 3), "AJJ");
  await client.close();
  await server.stop();
});

Deno.test("BinaryClient.logon() tells why it was refused", async () => {
  const harness = new Harness();
  const server = serveTcp(harness);
  const client = await connect("tcp", server.port, 1, 1n);
  const error = await assertRejects(() => client.logon(), LogonError);
  assertEquals(error.reason, Reason.WRONG_CREDENTIALS);
  await client.close();
  await server.stop();
});

Deno.test("BinaryClient makes good over UDP what the network lost", async () => {
  if (typeof Deno.listenDatagram !== "function") {
    console.log(
      "SKIPPED: BinaryClient over UDP: Deno runs without --unstable-net",
    );
    return;
  }
  const harness = new Harness();
  let losing = 1;
  const server = serveUdp(harness, () => losing-- > 0);
  const client = await connect("udp", server.port);
  await client.logon();
  losing = 1;
  const orders = Array.from(
    { length: 50 },
    () =>
      client.order({ symbol: 0, side: Side.BUY, quantity: E8, price: CENT }),
  );
  await client.flush();
  const seen = new Set<number>();
  for (let i = 0; i < 28; i++) {
    seen.add((await client.receiveNumbered())!.sequence);
  }
  assertEquals(Math.min(...seen), 23);
  await client.retransmit(1, 22);
  for (let i = 0; i < 22; i++) {
    seen.add((await client.receiveNumbered())!.sequence);
  }
  assertEquals(seen.size, 50);
  await client.sendAs(50, [{
    type: ClientType.NEW_ORDER,
    side: Side.BUY,
    quantity: E8,
    price: CENT,
  }]);
  const beat = await client.receive();
  assertEquals([beat!.type, beat!.reference], [ServerType.HEARTBEAT, 51]);
  client.cancel(orders[0]!);
  await client.flush();
  assertEquals((await client.receiveNumbered())!.type, ServerType.CANCELED);
  assertEquals(harness.exchange.ordersOpen, 49);
  await client.close();
  await server.stop();
});
