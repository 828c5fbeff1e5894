// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The io_uring transport against real sockets on loopback. Clients are Deno's
 * own sockets on the same thread, so polls and their promises take turns.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  BACKPRESSURE,
  COMPLETION_WORDS,
  CompletionKind,
  GONE,
  parseAddress,
  UringTransport,
  type UringTransportOptions,
} from "../../engine/transport/mod.ts";
import { NativeError, probeUring, setupRemedy } from "../../ffi/mod.ts";

const FAILURE_MS = 15_000;

interface Seen {
  readonly kind: number;
  readonly id: number;
  readonly listener: number;
  readonly length: number;
  readonly address: number;
  readonly port: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A transport with what it reported, and a way to go on until something holds. */
class Bed {
  readonly transport: UringTransport;
  readonly seen: Seen[] = [];
  /** Called for RECEIVED; returns the bytes to consume, undefined = do not consume. */
  onReceived: (connection: number, offset: number, length: number) =>
    | number
    | undefined = (_connection, _offset, length) => length;

  /** Called after each poll. */
  afterStep = () => {};

  constructor(options: UringTransportOptions = {}) {
    this.transport = new UringTransport({
      connectionsMax: 8,
      hugePages: false,
      ...options,
    });
  }

  /** One poll; keeps copies of all completions. */
  step(waitUs = 0): number {
    const { completions, bytes } = this.transport;
    const count = this.transport.poll(waitUs);
    for (let i = 0; i < count; i++) {
      const [kind, id, listener, offset, length, address, port] = completions
        .subarray(i * COMPLETION_WORDS, (i + 1) * COMPLETION_WORDS);
      const carries = kind === CompletionKind.RECEIVED ||
        kind === CompletionKind.DATAGRAM;
      this.seen.push({
        kind: kind!,
        id: id!,
        listener: listener!,
        length: length!,
        address: address!,
        port: port!,
        bytes: carries
          ? bytes.slice(offset!, offset! + length!)
          : bytes.slice(0, 0),
      });
      if (kind !== CompletionKind.RECEIVED) continue;
      const read = this.onReceived(id!, offset!, length!);
      if (read !== undefined) this.transport.consume(id!, read);
    }
    this.afterStep();
    return count;
  }

  /** Polls, and lets promises run, until `holds`. */
  async until(what: string, holds: () => boolean, waitUs = 0): Promise<void> {
    const end = Date.now() + FAILURE_MS;
    while (!holds()) {
      if (Date.now() > end) {
        throw new Error(
          `Waited too long for ${what}; ${this.seen.length} seen`,
        );
      }
      this.step(waitUs);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Polls while a promise of the client's side is under way. */
  async during<T>(what: string, promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => settled = true);
    done.catch(() => {});
    await this.until(what, () => settled);
    return await done;
  }

  of(kind: number): Seen[] {
    return this.seen.filter((one) => one.kind === kind);
  }

  /** Writes a copy of `data` to a connection; what `reserve()` said if it refused. */
  send(connection: number, data: Uint8Array): number {
    const at = this.transport.reserve(connection, data.length);
    if (at < 0) return at;
    this.transport.bytes.set(data, at);
    this.transport.commit(connection, data.length);
    return 0;
  }

  /** A client that is connected and accepted. */
  async connect(port: number): Promise<{ client: Deno.TcpConn; id: number }> {
    const before = this.of(CompletionKind.ACCEPTED).length;
    const client = await this.during(
      "connect",
      Deno.connect({ hostname: "127.0.0.1", port }),
    );
    await this.until(
      "ACCEPTED",
      () => this.of(CompletionKind.ACCEPTED).length > before,
    );
    return { client, id: this.of(CompletionKind.ACCEPTED)[before]!.id };
  }

  [Symbol.dispose](): void {
    this.transport.dispose();
  }
}

function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

async function readExactly(
  conn: Deno.Conn,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) throw new Error(`End of stream after ${at} bytes`);
    at += count;
  }
  return bytes;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads until the end of the stream or a reset; the bytes that came. */
async function readToEnd(conn: Deno.Conn): Promise<number> {
  const bytes = new Uint8Array(65536);
  let total = 0;
  try {
    for (;;) {
      const count = await conn.read(bytes);
      if (count === null) return total;
      total += count;
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return total;
    throw error;
  }
}

/** A UDP socket that closes at the end of its scope. */
function udpSocket(): { conn: Deno.DatagramConn } & Disposable {
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
  });
  return { conn, [Symbol.dispose]: () => conn.close() };
}

function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Where this host does not allow io_uring, says so and returns true. */
function skipped(name: string): boolean {
  try {
    probeUring();
    return false;
  } catch (error) {
    console.log(`SKIPPED: ${name}: ${error}`);
    return true;
  }
}

function test(name: string, body: (name: string) => Promise<void> | void) {
  Deno.test(`UringTransport ${name}`, async () => {
    if (!skipped(name)) await body(name);
  });
}

test("echoes messages of many sizes, also longer than its window", async () => {
  using bed = new Bed({ receiveWindowBytes: 8192, sendWindowBytes: 32768 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("tells the peer's address and port, and the listener", async () => {
  using bed = new Bed();
  const { transport } = bed;
  transport.listenStream("127.0.0.1", 0);
  const second = transport.listenStream("127.0.0.1", 0);
  const { client, id } = await bed.connect(transport.port(second));
  const accepted = bed.of(CompletionKind.ACCEPTED)[0]!;
  assertEquals(accepted.listener, second);
  assertEquals(accepted.address, 0x7f000001);
  assertEquals(accepted.port, (client.localAddr as Deno.NetAddr).port);
  assert(id > 0);
  client.close();
});

test("shows the whole unread window, and receives on after consume()", async () => {
  using bed = new Bed();
  const { transport } = bed;
  bed.onReceived = () => undefined;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("stops receiving when the window is full, and goes on when it is read", async () => {
  using bed = new Bed({ receiveWindowBytes: 4096 });
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
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("reserve() says BACKPRESSURE to a client that does not read, and recovers", async () => {
  using bed = new Bed({ sendWindowBytes: 65536 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("reserve() gives the whole send window between two polls, in halves", async () => {
  using bed = new Bed({ sendWindowBytes: 16384 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("close() sends what is committed before the end of the stream", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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
  assertEquals(transport.lingerExpired, 0);
  assertEquals(transport.openConnections, 0);
});

test("close() gives up on a client that never reads, after the linger time", async () => {
  using bed = new Bed({ lingerMs: 100 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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
  assertEquals(transport.lingerExpired, 1);
  assertEquals(transport.openConnections, 0);
  assertEquals(transport.pending(id), 0);
  client.close();
});

test("close() gives up on a client that never closes, after the linger time", async () => {
  using bed = new Bed({ lingerMs: 50 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const { client, id } = await bed.connect(port);
  transport.close(id);
  await bed.until(
    "CLOSED",
    () => bed.of(CompletionKind.CLOSED).length === 1,
    200_000,
  );
  assertEquals(transport.lingerExpired, 1);
  client.close();
});

test("abort() resets at once and drops what is not sent", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const { client, id } = await bed.connect(port);
  bed.send(id, pattern(1000, 1));
  transport.close(id);
  transport.abort(id);
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  assertEquals(await bed.during("the end", readToEnd(client)), 0);
  assertEquals(transport.openConnections, 0);
  client.close();
});

test("answers a client that has closed its half, then reports CLOSED", async () => {
  using bed = new Bed();
  const { transport } = bed;
  bed.onReceived = (id, _offset, length) => {
    bed.send(id, pattern(300_000, 5));
    return length;
  };
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("reports CLOSED once when the client leaves without reading", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("takes stale and invented ids without harm", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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
    transport.abort(id);
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

test("closes and counts connections that it has no room for", async () => {
  using bed = new Bed({ connectionsMax: 2 });
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const one = await bed.connect(port);
  const two = await bed.connect(port);
  const third = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await bed.during("refusal", readToEnd(third)), 0);
  assertEquals(transport.refusedConnections, 1);
  assertEquals(transport.openConnections, 2);
  third.close();
  one.client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  const four = await bed.connect(port);
  assertEquals(bed.send(four.id, pattern(5, 1)), 0);
  await bed.during("answer", readExactly(four.client, 5));
  two.client.close();
  four.client.close();
});

test("leaks no descriptor over many connections", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const before = openFiles();
  for (let round = 0; round < 300; round++) {
    const { client, id } = await bed.connect(port);
    if (round % 3 === 0) transport.close(id);
    if (round % 3 === 1) transport.abort(id);
    if (round % 3 === 0) await bed.during("end", readToEnd(client));
    client.close();
    await bed.until(
      "CLOSED",
      () => bed.of(CompletionKind.CLOSED).length === round + 1,
    );
  }
  for (let i = 0; i < 10; i++) bed.step(100);
  assertEquals(openFiles(), before);
  assertEquals(transport.openConnections, 0);
  assertEquals(
    new Set(bed.of(CompletionKind.CLOSED).map((one) => one.id)).size,
    300,
  );
});

test("serves several clients at once, more than it looks at directly", async () => {
  using bed = new Bed({ connectionsMax: 16 });
  const { transport } = bed;
  bed.onReceived = (id, offset, length) => {
    const at = transport.reserve(id, length);
    if (at < 0) return 0;
    transport.bytes.copyWithin(at, offset, offset + length);
    transport.commit(id, length);
    return length;
  };
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
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

test("closeListener() refuses new clients, keeps old ones, frees the port", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const listener = transport.listenStream("127.0.0.1", 0);
  const port = transport.port(listener);
  const { client, id } = await bed.connect(port);
  transport.closeListener(listener);
  for (let i = 0; i < 5; i++) bed.step(100);
  const error = await Deno.connect({ hostname: "127.0.0.1", port }).then(
    () => undefined,
    (reason) => reason,
  );
  assert(error instanceof Deno.errors.ConnectionRefused, String(error));
  assertEquals(bed.send(id, pattern(9, 1)), 0);
  await bed.during("answer", readExactly(client, 9));
  assertThrows(() => transport.port(listener), NativeError, "EBADF");
  assertThrows(() => transport.closeListener(listener), NativeError);
  const again = transport.listenStream("127.0.0.1", port);
  const other = await bed.connect(transport.port(again));
  other.client.close();
  client.close();
});

test("says why a listener can not be opened", () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const error = assertThrows(
    () => transport.listenStream("127.0.0.1", port),
    NativeError,
    "EADDRINUSE",
  );
  assertEquals(error.code, 98);
  assert(error.message.includes(`127.0.0.1:${port}`), error.message);
  assert(error.message.includes("choose another port"), error.message);
  const udp = transport.port(transport.listenDatagram("127.0.0.1", 0));
  assertThrows(
    () => transport.listenDatagram("127.0.0.1", udp),
    NativeError,
    "EADDRINUSE",
  );
  assertThrows(
    () => transport.listenStream("203.0.113.1", 0),
    NativeError,
    "EADDRNOTAVAIL",
  );
  assertThrows(
    () => transport.listenStream("127.0.0.1", 65536),
    NativeError,
    "EINVAL",
  );
  assertThrows(
    () => transport.listenStream("localhost", 0),
    TypeError,
    "localhost",
  );
});

test("refuses sizes out of range with the limit", () => {
  for (
    const options of [
      { connectionsMax: 0 },
      { connectionsMax: 4097 },
      { receiveWindowBytes: 100 },
      { sendWindowBytes: 4096 },
      { datagramsMax: 0 },
      { connectionsMax: 4096, sendWindowBytes: 1 << 20 },
    ]
  ) {
    assertThrows(() => new UringTransport(options), NativeError, "EINVAL");
  }
});

test("receives and sends datagrams", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const listener = transport.listenDatagram("127.0.0.1", 0);
  const to = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: transport.port(listener),
  } as const;
  using socket = udpSocket();
  const client = socket.conn;
  const from = (client.addr as Deno.NetAddr).port;
  for (const length of [1, 34, 1472, 0, 2048, 50]) {
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
    assertEquals([got.address, got.port], [0x7f000001, from]);
    const answer = pattern(Math.min(length, 1472), length + 1);
    const at = transport.reserveDatagram(answer.length);
    transport.bytes.set(answer, at);
    transport.commitDatagram(listener, got.address, got.port, answer.length);
    const [data, sender] = await bed.during("answer", client.receive());
    assertEquals(data, answer);
    assertEquals((sender as Deno.NetAddr).port, to.port);
  }
  assertThrows(() => transport.reserveDatagram(1473), Error, "at most 1472");
});

test("drops and counts datagrams that are too long", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const listener = transport.listenDatagram("127.0.0.1", 0);
  const to = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: transport.port(listener),
  } as const;
  using socket = udpSocket();
  const client = socket.conn;
  await client.send(pattern(2049, 1), to);
  await client.send(pattern(9000, 1), to);
  await client.send(pattern(20, 1), to);
  await bed.until(
    "DATAGRAM",
    () => bed.of(CompletionKind.DATAGRAM).length === 1,
  );
  await bed.until("both counted", () => transport.datagramsDropped === 2);
  assertEquals(bed.of(CompletionKind.DATAGRAM)[0]!.length, 20);
});

test("takes a burst of datagrams in order over several polls", async () => {
  using bed = new Bed({ datagramsMax: 32 });
  const { transport } = bed;
  const listener = transport.listenDatagram("127.0.0.1", 0);
  const to = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: transport.port(listener),
  } as const;
  using socket = udpSocket();
  const client = socket.conn;
  for (let i = 0; i < 200; i++) await client.send(Uint8Array.of(i, i, i), to);
  await bed.until("all", () => bed.of(CompletionKind.DATAGRAM).length === 200);
  bed.of(CompletionKind.DATAGRAM).forEach((one, i) => {
    assertEquals(one.bytes, Uint8Array.of(i, i, i));
  });
  assertEquals(transport.datagramsDropped, 0);
});

test("reserveDatagram() says BACKPRESSURE until a poll has sent", async () => {
  using bed = new Bed({ datagramsMax: 4 });
  const { transport } = bed;
  const listener = transport.listenDatagram("127.0.0.1", 0);
  using socket = udpSocket();
  const client = socket.conn;
  const port = (client.addr as Deno.NetAddr).port;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) {
      transport.bytes[transport.reserveDatagram(1)] = i;
      transport.commitDatagram(listener, 0x7f000001, port, 1);
    }
    assertEquals(transport.reserveDatagram(1), BACKPRESSURE);
    bed.step();
    for (let i = 0; i < 4; i++) {
      assertEquals((await client.receive())[0], Uint8Array.of(i));
    }
  }
  transport.reserveDatagram(1);
  transport.commitDatagram(17, 0x7f000001, port, 1);
  bed.step();
  assertEquals(transport.datagramSendErrors, 1, "no such listener");
  assert(transport.reserveDatagram(1) >= 0, "its slot is free again");
});

test("poll() sleeps until data arrive", async () => {
  using bed = new Bed();
  const { transport } = bed;
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const udp = transport.listenDatagram("127.0.0.1", 0);
  const udpPort = transport.port(udp);
  // The client writes from another process while this thread sleeps in poll().
  const script = `
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: ${port} });
    await tcp.write(new Uint8Array(7));
    await tcp.read(new Uint8Array(1));
    const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    await udp.send(new Uint8Array(3), { transport: "udp", hostname: "127.0.0.1", port: ${udpPort} });
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

test("poll() returns without completions when its time is over", () => {
  using bed = new Bed();
  bed.transport.listenStream("127.0.0.1", 0);
  bed.transport.listenDatagram("127.0.0.1", 0);
  for (const waitUs of [0, 1, 1000, 60_000]) {
    assertEquals(bed.step(waitUs), 0);
  }
});

test("several transports in one thread do not disturb each other", async () => {
  using one = new Bed();
  using two = new Bed();
  const portOne = one.transport.port(
    one.transport.listenStream("127.0.0.1", 0),
  );
  const portTwo = two.transport.port(
    two.transport.listenStream("127.0.0.1", 0),
  );
  const a = await one.connect(portOne);
  const b = await two.connect(portTwo);
  one.send(a.id, pattern(10, 1));
  two.send(b.id, pattern(10, 2));
  assertEquals(
    await one.during("one", readExactly(a.client, 10)),
    pattern(10, 1),
  );
  assertEquals(
    await two.during("two", readExactly(b.client, 10)),
    pattern(10, 2),
  );
  a.client.close();
  b.client.close();
});

test("dispose() closes everything; the ports are free", async () => {
  const before = openFiles();
  const bed = new Bed();
  const port = bed.transport.port(bed.transport.listenStream("127.0.0.1", 0));
  const udp = bed.transport.port(bed.transport.listenDatagram("127.0.0.1", 0));
  const { client } = await bed.connect(port);
  bed.transport.dispose();
  bed.transport.dispose();
  assertEquals(await readToEnd(client), 0);
  client.close();
  assertEquals(openFiles(), before);
  using next = new Bed();
  next.transport.listenStream("127.0.0.1", port);
  next.transport.listenDatagram("127.0.0.1", udp);
});

Deno.test("parseAddress() takes IPv4 addresses only", () => {
  assertEquals(parseAddress("127.0.0.1"), 0x7f000001);
  assertEquals(parseAddress("0.0.0.0"), 0);
  assertEquals(parseAddress("255.255.255.255"), 0xffffffff);
  for (
    const bad of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "a.b.c.d",
      "::1",
      "1..2.3",
      " 1.2.3.4",
    ]
  ) {
    assertThrows(() => parseAddress(bad), TypeError, "no IPv4 address");
  }
});

Deno.test("setupRemedy() names the cause of each refusal", () => {
  assert(setupRemedy(-1)!.includes("kernel.io_uring_disabled"));
  assert(setupRemedy(-13)!.includes("seccomp"));
  assert(setupRemedy(-38)!.includes("CONFIG_IO_URING"));
  assert(setupRemedy(-12)!.includes("LimitMEMLOCK"));
  assert(setupRemedy(-24)!.includes("LimitNOFILE"));
  assert(setupRemedy(-22)!.includes("6.1"));
  assertEquals(setupRemedy(-5), undefined);
});
