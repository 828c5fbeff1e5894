// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Conformance: datagrams. See `conformance.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BACKPRESSURE, CompletionKind } from "../../engine/transport/mod.ts";
import {
  addressWord,
  Bed,
  type ConformanceTest,
  pattern,
  type Rung,
  udpSocket,
} from "./bed.ts";

/** What every transport with datagrams does. */
export const DATAGRAM_TESTS: ConformanceTest[] = [];

function test(name: string, body: ConformanceTest["body"]): void {
  DATAGRAM_TESTS.push({ name, body });
}

/** Both sides learn where the other is. */
async function meet(
  bed: Bed,
  client: Deno.DatagramConn,
  rung: Rung,
  listener: number,
): Promise<void> {
  const { transport } = bed;
  const before = bed.of(CompletionKind.DATAGRAM).length;
  await client.send(pattern(3, 1), {
    transport: "udp",
    hostname: rung.address,
    port: transport.port(listener),
  });
  await bed.until(
    "a datagram",
    () => bed.of(CompletionKind.DATAGRAM).length > before,
  );
}

/** Reads what came until an answer that was sent after it. */
async function drain(
  bed: Bed,
  client: Deno.DatagramConn,
  rung: Rung,
  listener: number,
): Promise<void> {
  const { transport } = bed;
  const { port } = client.addr as Deno.NetAddr;
  const last = (data: Uint8Array) => data.length === 2;
  let done = false;
  const reading = (async () => {
    while (!last((await client.receive())[0]));
    done = true;
  })();
  await bed.until("the last", () => {
    if (done) return true;
    // Again and again: the socket drops what it has no room for.
    if (transport.reserveDatagram(2) >= 0) {
      const to = addressWord(rung.clientAddress);
      transport.commitDatagram(listener, to, port, 2);
    }
    return false;
  });
  await reading;
  // No more than a few are on their way; a length tells them apart.
  for (let i = 0; i < 5; i++) bed.step(100);
}

test("receives and sends datagrams", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  const to = {
    transport: "udp",
    hostname: rung.address,
    port: transport.port(listener),
  } as const;
  using socket = udpSocket(rung);
  const client = socket.conn;
  const from = (client.addr as Deno.NetAddr).port;
  for (const length of [1, 34, 1472, 0, 1471, 50]) {
    const sent = pattern(length, length);
    bed.seen.length = 0;
    await bed.during("send", client.send(sent, to));
    await bed.until(
      "DATAGRAM",
      () => bed.of(CompletionKind.DATAGRAM).length === 1,
    );
    const got = bed.of(CompletionKind.DATAGRAM)[0]!;
    assertEquals(got.bytes, sent);
    assertEquals([got.id, got.listener], [listener, listener]);
    assertEquals([got.address, got.port], [
      addressWord(rung.clientAddress),
      from,
    ]);
    const answer = pattern(1472 - length, length + 1);
    const at = transport.reserveDatagram(answer.length);
    transport.bytes.set(answer, at);
    transport.commitDatagram(listener, got.address, got.port, answer.length);
    const [data, sender] = await bed.during("answer", client.receive());
    assertEquals(data, answer);
    assertEquals((sender as Deno.NetAddr).port, to.port);
  }
  assertThrows(() => transport.reserveDatagram(1473), Error, "at most 1472");
});

test("sends datagrams of all small sizes, which arrive whole", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  using socket = udpSocket(rung);
  const client = socket.conn;
  await meet(bed, client, rung, listener);
  const port = (client.addr as Deno.NetAddr).port;
  // Whoever adds up four bytes at a time has a rest of none to three.
  for (let length = 0; length < 300; length++) {
    const sent = pattern(length % 75, length * 7 + 1);
    const at = transport.reserveDatagram(sent.length);
    transport.bytes.set(sent, at);
    transport.commitDatagram(
      listener,
      addressWord(rung.clientAddress),
      port,
      sent.length,
    );
    const [data] = await bed.during("datagram", client.receive());
    assertEquals(data, sent, `${length}`);
  }
});

test("takes a burst of datagrams in order over several polls", async (rung) => {
  using bed = new Bed(rung, { datagramsMax: 32 });
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  const to = {
    transport: "udp",
    hostname: rung.address,
    port: transport.port(listener),
  } as const;
  using socket = udpSocket(rung);
  const client = socket.conn;
  for (let i = 0; i < 200; i++) await client.send(Uint8Array.of(i, i, i), to);
  await bed.until("all", () => bed.of(CompletionKind.DATAGRAM).length === 200);
  bed.of(CompletionKind.DATAGRAM).forEach((one, i) => {
    assertEquals(one.bytes, Uint8Array.of(i, i, i));
  });
});

test("reserveDatagram() says BACKPRESSURE until a poll has sent", async (rung) => {
  using bed = new Bed(rung, { datagramsMax: 4 });
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  using socket = udpSocket(rung);
  const client = socket.conn;
  const { port } = client.addr as Deno.NetAddr;
  await meet(bed, client, rung, listener);
  for (let round = 0; round < 3; round++) {
    let committed = 0;
    for (;;) {
      const at = transport.reserveDatagram(1);
      if (at === BACKPRESSURE) break;
      assert(committed < 100_000, "never BACKPRESSURE");
      transport.bytes[at] = committed++;
      transport.commitDatagram(
        listener,
        addressWord(rung.clientAddress),
        port,
        1,
      );
    }
    assert(committed >= 4, `${committed} datagrams at a time`);
    assertEquals(transport.reserveDatagram(1), BACKPRESSURE);
    for (let i = 0; i < 4; i++) {
      let [data] = await bed.during("a datagram", client.receive());
      while (data.length === 2) {
        [data] = await bed.during("a datagram", client.receive());
      }
      assertEquals(data, Uint8Array.of(i));
    }
    assert(transport.reserveDatagram(1) >= 0, "its room is free again");
    // The client's socket may have no room for all that came.
    await drain(bed, client, rung, listener);
  }
});

test("closeListener() takes no more datagrams, and others go on", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const closed = transport.listenDatagram(rung.address, 0);
  const kept = transport.listenDatagram(rung.address, 0);
  const ports = [closed, kept].map((listener) => transport.port(listener));
  assert(ports[0] !== ports[1], "each has a port of its own");
  using socket = udpSocket(rung);
  const to = (port: number | undefined) => ({
    transport: "udp" as const,
    hostname: rung.address,
    port: port!,
  });
  for (const port of ports) await socket.conn.send(pattern(9, 1), to(port));
  await bed.until("both", () => bed.of(CompletionKind.DATAGRAM).length === 2);
  transport.closeListener(closed);
  bed.step();
  bed.seen.length = 0;
  // The answer to the first may be a refusal, which the next call tells.
  await socket.conn.send(pattern(9, 2), to(ports[0]));
  await socket.conn.send(pattern(9, 3), to(ports[1])).catch(() => {});
  await socket.conn.send(pattern(9, 4), to(ports[1]));
  await bed.until(
    "the kept one",
    () =>
      bed.of(CompletionKind.DATAGRAM).some(({ bytes }) =>
        bytes[0] === pattern(1, 4)[0]
      ),
  );
  for (const one of bed.of(CompletionKind.DATAGRAM)) {
    assertEquals(one.listener, kept);
  }
});

test("datagrams to nobody harm nothing", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  using socket = udpSocket(rung);
  const nobody = (() => {
    using other = udpSocket(rung);
    return (other.conn.addr as Deno.NetAddr).port;
  })();
  const port = (socket.conn.addr as Deno.NetAddr).port;
  const to = addressWord(rung.clientAddress);
  await meet(bed, socket.conn, rung, listener);
  for (const target of [nobody, nobody, port]) {
    const at = transport.reserveDatagram(4);
    transport.bytes.set(pattern(4, 5), at);
    transport.commitDatagram(listener, to, target, 4);
    for (let i = 0; i < 20; i++) bed.step(100);
  }
  const [data] = await bed.during("the third", socket.conn.receive());
  assertEquals(data, pattern(4, 5));
});
