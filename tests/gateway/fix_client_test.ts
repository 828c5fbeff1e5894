// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The client against the gateway over a real socket.
 *
 * ```
 *   FixClient ──loopback TCP──▶ bridge ──▶ Rig (gateway and exchange in memory)
 * ```
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { FixClient } from "../../engine/gateway/fix/mod.ts";
import { latin1, Rig } from "./fix_harness.ts";

/** Carries bytes between sockets and a rig. */
class Bridge {
  readonly rig: Rig;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #sockets = new Map<number, Deno.TcpConn>();
  readonly #tasks: Promise<void>[] = [];

  constructor(rig: Rig) {
    this.rig = rig;
    this.#tasks.push(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Breaks all connections. */
  cut(): void {
    for (const [id, socket] of this.#sockets) {
      this.#sockets.delete(id);
      socket.close();
    }
  }

  async stop(): Promise<void> {
    this.#listener.close();
    this.cut();
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) {
        this.#tasks.push(this.#serve(socket));
      }
    } catch {
      // Stopped.
    }
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    const id = this.rig.connect();
    this.#sockets.set(id, socket);
    const chunk = new Uint8Array(4096);
    try {
      while (true) {
        const count = await socket.read(chunk);
        if (count === null) break;
        this.rig.tick(0, Date.now());
        this.rig.receive(id, latin1(chunk.subarray(0, count)));
        await this.#deliver();
      }
    } catch {
      // Cut.
    }
    this.rig.hangUp(id);
    if (this.#sockets.delete(id)) socket.close();
  }

  /** Hands over what the gateway has sent, to all. */
  async #deliver(): Promise<void> {
    for (const [id, socket] of this.#sockets) {
      const text = this.rig.takeRaw(id).join("");
      const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
      for (let at = 0; at < bytes.length;) {
        at += await socket.write(bytes.subarray(at));
      }
      if (this.rig.transport.closed.has(id) && this.#sockets.delete(id)) {
        socket.close();
      }
    }
  }
}

function clientOf(bridge: Bridge, name: string, password = "demo"): FixClient {
  return new FixClient({
    address: "127.0.0.1",
    port: bridge.port,
    senderCompId: name,
    password,
  });
}

Deno.test("FixClient trades, is cut off, comes back and gets what it missed", async () => {
  const bridge = new Bridge(new Rig());
  const buyer = clientOf(bridge, "CLIENT1");
  const seller = clientOf(bridge, "CLIENT2");
  await buyer.connect();
  await buyer.logon();
  await seller.connect();
  await seller.logon();
  const order = { symbol: "AAPL", quantity: "100", price: "150.25" } as const;
  buyer.newOrder({ ...order, clOrdId: "b1", side: "buy" });
  assertEquals((await buyer.receive()).get(150), "0");
  const name = { symbol: "AAPL", side: "buy" } as const;
  buyer.replace({
    ...name,
    clOrdId: "b2",
    origClOrdId: "b1",
    quantity: "90",
    price: "150.30",
  });
  assertEquals((await buyer.receive()).get(150), "5");
  buyer.status({ ...name, clOrdId: "b2" });
  assertEquals((await buyer.receive()).get(150), "I");
  await buyer.close();
  seller.newOrder({ ...order, clOrdId: "s1", side: "sell", quantity: "30" });
  assertEquals((await seller.receive()).get(150), "0");
  assertEquals((await seller.receive()).number(31), 150.3);
  await buyer.connect();
  await buyer.logon();
  const missed = await buyer.receive();
  assertEquals([missed.get(150), missed.get(43), missed.number(14)], [
    "F",
    "Y",
    30,
  ]);
  buyer.cancel({ ...name, clOrdId: "b3", origClOrdId: "b2" });
  const end = await buyer.receive();
  assertEquals([end.get(150), end.get(11), end.get(41)], ["4", "b3", "b2"]);
  assertEquals(buyer.waiting(), 0);
  await buyer.logout();
  await seller.logout();
  await bridge.stop();
});

Deno.test("FixClient sends again what the appliance did not get", async () => {
  const bridge = new Bridge(new Rig());
  const client = clientOf(bridge, "CLIENT1");
  await client.connect();
  await client.logon();
  await client.close();
  // Said to nobody, but numbered.
  for (let i = 0; i < 3; i++) {
    client.newOrder({
      clOrdId: `lost${i}`,
      symbol: "AAPL",
      side: "buy",
      quantity: "1",
      price: "1",
    });
  }
  client.send("0", "");
  await client.connect();
  await client.logon();
  for (let i = 0; i < 3; i++) {
    const report = await client.receive();
    assertEquals([report.get(11), report.get(39)], [`lost${i}`, "0"]);
  }
  await client.logout();
  await bridge.stop();
});

Deno.test("FixClient resets, and says when it is refused", async () => {
  const bridge = new Bridge(new Rig());
  const client = clientOf(bridge, "CLIENT3");
  await client.connect();
  await client.logon();
  await client.logout();
  await client.connect();
  assertEquals((await client.logon(true)).get(141), "Y");
  assertEquals(client.nextInbound, 2);
  await client.logout();
  const stranger = clientOf(bridge, "CLIENT3", "wrong");
  await stranger.connect();
  await assertRejects(() => stranger.logon(), Error, "closed the connection");
  await assertRejects(() => stranger.receive(), Error, "closed the connection");
  await stranger.close();
  const late = clientOf(bridge, "CLIENT3");
  await late.connect();
  await assertRejects(() => late.logon(), Error, "MsgSeqNum too low");
  await late.close();
  await bridge.stop();
});
