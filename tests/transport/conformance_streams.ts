// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Conformance: streams. See `conformance.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  BACKPRESSURE,
  CompletionKind,
  GONE,
} from "../../engine/transport/mod.ts";
import { NativeError } from "../../ffi/mod.ts";
import {
  addressWord,
  Bed,
  type ConformanceTest,
  openFiles,
  pattern,
  readExactly,
  readToEnd,
  writeAll,
} from "./bed.ts";

/** What every transport with streams does. */
export const STREAM_TESTS: ConformanceTest[] = [];

function test(name: string, body: ConformanceTest["body"]): void {
  STREAM_TESTS.push({ name, body });
}

test("echoes messages of many sizes, also longer than its window", async (rung) => {
  using bed = new Bed(rung, {
    receiveWindowBytes: 8192,
    sendWindowBytes: 32768,
  });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  // What does not fit goes on after the next poll; only then is it consumed.
  let rest: (() => boolean) | undefined;
  bed.onReceived = (id, offset, length) => {
    let done = 0;
    rest = () => {
      while (done < length) {
        const part = Math.min(length - done, 5000);
        const at = transport.reserve(id, part);
        if (at < 0) return false;
        const from = offset + done;
        transport.bytes.copyWithin(at, from, from + part);
        transport.commit(id, part);
        done += part;
      }
      transport.consume(id, length);
      return true;
    };
    return undefined;
  };
  bed.afterStep = () => {
    if (rest?.() === true) rest = undefined;
  };
  const { client } = await bed.connect(port);
  for (const length of [1, 2, 159, 4096, 8191, 8192, 8193, 70_001, 500_000]) {
    const sent = pattern(length, length);
    const [, answer] = await bed.during(
      `echo of ${length}`,
      Promise.all([writeAll(client, sent), readExactly(client, length)]),
    );
    assertEquals(answer, sent);
  }
  client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
});

test("tells the peer's address and port, and the listener", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  transport.listenStream(rung.address, 0);
  const second = transport.listenStream(rung.address, 0);
  const { client, id } = await bed.connect(transport.port(second));
  const accepted = bed.of(CompletionKind.ACCEPTED)[0]!;
  assertEquals(accepted.listener, second);
  assertEquals(accepted.address, addressWord(rung.clientAddress));
  assertEquals(accepted.port, (client.localAddr as Deno.NetAddr).port);
  assert(id > 0);
  client.close();
});

test("shows the whole unread window, and receives on after consume()", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  bed.onReceived = () => undefined;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  const received = () => bed.of(CompletionKind.RECEIVED);
  await client.write(pattern(100, 1));
  await bed.until("first", () => received().length === 1);
  await client.write(pattern(50, 2));
  for (let i = 0; i < 50; i++) bed.step(100);
  assertEquals(received().length, 1, "nothing more before consume()");
  transport.consume(id, 0);
  await bed.until("second", () => received().length === 2);
  assertEquals(received()[1]!.length, 150);
  transport.consume(id, 120);
  await client.write(pattern(10, 3));
  await bed.until("third", () => received().length === 3);
  assertEquals(
    received()[2]!.bytes,
    new Uint8Array([...pattern(50, 2).subarray(20), ...pattern(10, 3)]),
  );
  assertThrows(
    () => transport.consume(id, 41),
    Error,
    "more than was received",
  );
  client.close();
});

test("stops receiving when the window is full, and goes on when it is read", async (rung) => {
  using bed = new Bed(rung, { receiveWindowBytes: 4096 });
  const { transport } = bed;
  const got: number[] = [];
  let hold = true;
  let full = 0;
  bed.onReceived = (_id, offset, length) => {
    full = Math.max(full, length);
    if (hold) return 0;
    for (let i = 0; i < length; i++) got.push(transport.bytes[offset + i]!);
    return length;
  };
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  const sent = pattern(20_000, 7);
  const writing = writeAll(client, sent);
  await bed.until("full window", () => full === 4096);
  const before = bed.seen.length;
  for (let i = 0; i < 50; i++) bed.step(100);
  assertEquals(bed.seen.length, before, "a full window receives no more");
  hold = false;
  for (const byte of pattern(4096, 7)) got.push(byte);
  transport.consume(id, 4096);
  await bed.until("the rest", () => got.length === sent.length);
  await writing;
  assertEquals(new Uint8Array(got), sent);
  client.close();
});

test("reserve() says BACKPRESSURE to a client that does not read, and recovers", async (rung) => {
  using bed = new Bed(rung, { sendWindowBytes: 65536 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  const chunk = pattern(1000, 11);
  let sent = 0;
  let refused = 0;
  for (let round = 0; round < 20_000 && refused < 100; round++) {
    if (bed.send(id, chunk) === BACKPRESSURE) refused++;
    else sent++;
    bed.step();
  }
  assertEquals(refused, 100);
  assert(transport.pending(id) > 32_000, `${transport.pending(id)} pending`);
  assert(transport.pending(id) <= 65536);
  const all = await bed.during(
    "reading it all",
    readExactly(client, sent * chunk.length),
  );
  for (let i = 0; i < sent; i++) {
    assertEquals(all.subarray(i * 1000, (i + 1) * 1000), chunk);
  }
  await bed.until("nothing pending", () => transport.pending(id) === 0);
  assertEquals(bed.send(id, chunk), 0);
  assertEquals(
    await bed.during("one more", readExactly(client, 1000)),
    chunk,
  );
  client.close();
});

test("reserve() gives the whole send window between two polls, in halves", async (rung) => {
  using bed = new Bed(rung, { sendWindowBytes: 16384 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  assertEquals(transport.reserve(id, 8193), BACKPRESSURE);
  assertEquals(bed.send(id, pattern(8192, 1)), 0);
  assertEquals(bed.send(id, pattern(8192, 2)), 0);
  assertEquals(transport.pending(id), 16384);
  assertEquals(transport.reserve(id, 1), BACKPRESSURE);
  const all = await bed.during("both", readExactly(client, 16384));
  assertEquals(all.subarray(0, 8192), pattern(8192, 1));
  assertEquals(all.subarray(8192), pattern(8192, 2));
  assertThrows(
    () => transport.commit(id, 8193),
    Error,
    "more than was reserved",
  );
  client.close();
});

test("close() sends what is committed before the end of the stream", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  await client.write(pattern(10, 1));
  for (let i = 0; i < 4; i++) {
    assertEquals(bed.send(id, pattern(100_000, i)), 0);
  }
  transport.close(id);
  transport.close(id);
  assertEquals(transport.reserve(id, 1), GONE);
  assertEquals(await bed.during("the end", readToEnd(client)), 400_000);
  client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length > 0);
  for (let i = 0; i < 20; i++) bed.step(100);
  assertEquals(bed.of(CompletionKind.CLOSED).map((one) => one.id), [id]);
  assertEquals(bed.of(CompletionKind.CLOSED)[0]!.length, 0);
  assertEquals(transport.lingerExpired ?? 0, 0);
  assertEquals(transport.openConnections ?? 0, 0);
});

test("close() gives up on a client that never reads, after the linger time", async (rung) => {
  using bed = new Bed(rung, { lingerMs: 100 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  const chunk = pattern(10_000, 1);
  for (let i = 0; i < 10_000 && transport.pending(id) < 400_000; i++) {
    bed.send(id, chunk);
    bed.step();
  }
  assert(transport.pending(id) > 0);
  transport.close(id);
  await bed.until(
    "CLOSED",
    () => bed.of(CompletionKind.CLOSED).length === 1,
    10_000,
  );
  assertEquals(transport.lingerExpired ?? 1, 1);
  assertEquals(transport.openConnections ?? 0, 0);
  assertEquals(transport.pending(id), 0);
  client.close();
});

test("close() gives up on a client that never closes, after the linger time", async (rung) => {
  using bed = new Bed(rung, { lingerMs: 50 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  transport.close(id);
  await bed.until(
    "CLOSED",
    () => bed.of(CompletionKind.CLOSED).length === 1,
    200_000,
  );
  assertEquals(transport.lingerExpired ?? 1, 1);
  client.close();
});

test("answers a client that has closed its half, then reports CLOSED", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  bed.onReceived = (id, _offset, length) => {
    bed.send(id, pattern(300_000, 5));
    return length;
  };
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client } = await bed.connect(port);
  await client.write(pattern(10, 1));
  await client.closeWrite();
  // More than half the window can not be reserved in a row.
  assertEquals(await bed.during("the end", readToEnd(client)), 0);
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  client.close();
  bed.onReceived = (id, _offset, length) => {
    bed.send(id, pattern(200_000, 5));
    return length;
  };
  const next = await bed.connect(port);
  await next.client.write(pattern(10, 1));
  await next.client.closeWrite();
  assertEquals(await bed.during("the end", readToEnd(next.client)), 200_000);
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 2);
  next.client.close();
});

test("reports CLOSED once when the client leaves without reading", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  bed.send(id, pattern(1000, 1));
  bed.step();
  // Closing with unread bytes in the socket makes the kernel send a reset.
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  for (let i = 0; i < 20; i++) bed.step(100);
  const closed = bed.of(CompletionKind.CLOSED);
  assertEquals(closed.length, 1);
  assertEquals(closed[0]!.id, id);
  assert([0, -104].includes(closed[0]!.length), "end or ECONNRESET");
});

test("takes stale and invented ids without harm", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const first = await bed.connect(port);
  first.client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  const second = await bed.connect(port);
  assertEquals(second.id & 0xfff, first.id & 0xfff, "the slot is used again");
  assert(second.id !== first.id);
  for (const id of [first.id, 0, -1, 0xfff, 0x7fffffff, first.id + 4096 * 9]) {
    assertEquals(transport.reserve(id, 10), GONE);
    assertEquals(transport.pending(id), 0);
    transport.commit(id, 10);
    transport.consume(id, 10);
    transport.close(id);
    transport.abort?.(id);
  }
  for (let i = 0; i < 10; i++) bed.step(100);
  assertEquals(bed.of(CompletionKind.CLOSED).length, 1);
  assertEquals(bed.send(second.id, pattern(10, 3)), 0);
  assertEquals(
    await bed.during("answer", readExactly(second.client, 10)),
    pattern(10, 3),
  );
  second.client.close();
});

test("closes and counts connections that it has no room for", async (rung) => {
  using bed = new Bed(rung, { connectionsMax: 2 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const one = await bed.connect(port);
  const two = await bed.connect(port);
  const third = await bed.dial(port);
  assertEquals(await bed.during("refusal", readToEnd(third)), 0);
  assertEquals(transport.refusedConnections, 1);
  assertEquals(transport.openConnections ?? 2, 2);
  third.close();
  one.client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  const four = await bed.connect(port);
  assertEquals(bed.send(four.id, pattern(5, 1)), 0);
  await bed.during("answer", readExactly(four.client, 5));
  two.client.close();
  four.client.close();
});

test("leaks no descriptor over many connections", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const before = openFiles();
  for (let round = 0; round < 300; round++) {
    const { client, id } = await bed.connect(port);
    if (round % 3 === 0) transport.close(id);
    if (round % 3 === 1) transport.abort?.(id);
    if (round % 3 === 0) await bed.during("end", readToEnd(client));
    client.close();
    await bed.until(
      "CLOSED",
      () => bed.of(CompletionKind.CLOSED).length === round + 1,
    );
  }
  for (let i = 0; i < 10; i++) bed.step(100);
  assertEquals(openFiles(), before);
  assertEquals(transport.openConnections ?? 0, 0);
  assertEquals(
    new Set(bed.of(CompletionKind.CLOSED).map((one) => one.id)).size,
    300,
  );
});

test("serves several clients at once, more than it looks at directly", async (rung) => {
  using bed = new Bed(rung, { connectionsMax: 16 });
  const { transport } = bed;
  bed.onReceived = (id, offset, length) => {
    const at = transport.reserve(id, length);
    if (at < 0) return 0;
    transport.bytes.copyWithin(at, offset, offset + length);
    transport.commit(id, length);
    return length;
  };
  const port = transport.port(transport.listenStream(rung.address, 0));
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 12; i++) clients.push((await bed.connect(port)).client);
  const talk = async (client: Deno.TcpConn, seed: number) => {
    for (let round = 0; round < 20; round++) {
      const sent = pattern(1 + 137 * round, seed * 100 + round);
      await writeAll(client, sent);
      assertEquals(await readExactly(client, sent.length), sent);
    }
  };
  await bed.during("all talks", Promise.all(clients.map(talk)));
  for (const client of clients) client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 12);
});

test("closeListener() refuses new clients, keeps old ones, frees the port", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const listener = transport.listenStream(rung.address, 0);
  const port = transport.port(listener);
  const { client, id } = await bed.connect(port);
  transport.closeListener(listener);
  for (let i = 0; i < 5; i++) bed.step(100);
  const error = await bed.dial(port).then(
    () => undefined,
    (reason) => reason,
  );
  assert(error instanceof Deno.errors.ConnectionRefused, String(error));
  assertEquals(bed.send(id, pattern(9, 1)), 0);
  await bed.during("answer", readExactly(client, 9));
  assertThrows(() => transport.port(listener), NativeError, "EBADF");
  assertThrows(() => transport.closeListener(listener), NativeError);
  const again = transport.listenStream(rung.address, port);
  const other = await bed.connect(transport.port(again));
  other.client.close();
  client.close();
});

test("says why a listener can not be opened", (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const error = assertThrows(
    () => transport.listenStream(rung.address, port),
    NativeError,
    "EADDRINUSE",
  );
  assertEquals(error.code, 98);
  assert(error.message.includes(`${rung.address}:${port}`), error.message);
  assert(error.message.includes("choose another port"), error.message);
  const udp = transport.port(transport.listenDatagram(rung.address, 0));
  assertThrows(
    () => transport.listenDatagram(rung.address, udp),
    NativeError,
    "EADDRINUSE",
  );
  assertThrows(
    () => transport.listenStream("203.0.113.1", 0),
    NativeError,
    "EADDRNOTAVAIL",
  );
  assertThrows(
    () => transport.listenStream(rung.address, 65536),
    NativeError,
    "EINVAL",
  );
  assertThrows(
    () => transport.listenStream("localhost", 0),
    TypeError,
    "localhost",
  );
});

test("poll() sleeps until data arrive", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const udp = transport.listenDatagram(rung.address, 0);
  const udpPort = transport.port(udp);
  // The client writes from another process while this thread sleeps in poll().
  const script = `
    const tcp = await Deno.connect({ hostname: "${rung.address}", port: ${port} });
    await tcp.write(new Uint8Array(7));
    await tcp.read(new Uint8Array(1));
    const udp = Deno.listenDatagram({ transport: "udp", hostname: "${rung.clientAddress}", port: 0 });
    await udp.send(new Uint8Array(3), { transport: "udp", hostname: "${rung.address}", port: ${udpPort} });
    udp.close(); tcp.close();`;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--unstable-net", script],
  }).spawn();
  const kinds = () => bed.seen.map((one) => one.kind);
  const sleep = (kind: number) => {
    for (let i = 0; i < 50 && !kinds().includes(kind); i++) bed.step(300_000);
    assert(kinds().includes(kind), `completion of kind ${kind}`);
  };
  sleep(CompletionKind.RECEIVED);
  bed.send(bed.of(CompletionKind.ACCEPTED)[0]!.id, Uint8Array.of(1));
  sleep(CompletionKind.DATAGRAM);
  sleep(CompletionKind.CLOSED);
  // The end of the stream and the datagram may overtake each other.
  assertEquals(kinds().sort(), [1, 2, 3, 4]);
  assertEquals((await child.status).success, true);
});

test("poll() returns without completions when its time is over", (rung) => {
  using bed = new Bed(rung);
  bed.transport.listenStream(rung.address, 0);
  bed.transport.listenDatagram(rung.address, 0);
  for (const waitUs of [0, 1, 1000, 60_000]) {
    assertEquals(bed.step(waitUs), 0);
  }
});

test("dispose() closes everything; the ports are free", async (rung) => {
  const before = openFiles();
  const bed = new Bed(rung);
  const port = bed.transport.port(bed.transport.listenStream(rung.address, 0));
  const udp = bed.transport.port(bed.transport.listenDatagram(rung.address, 0));
  const { client } = await bed.connect(port);
  bed.transport.dispose();
  bed.transport.dispose();
  assertEquals(await readToEnd(client), 0);
  client.close();
  if (rung.keepsFiles !== true) assertEquals(openFiles(), before);
  using next = new Bed(rung);
  next.transport.listenStream(rung.address, port);
  next.transport.listenDatagram(rung.address, udp);
});
