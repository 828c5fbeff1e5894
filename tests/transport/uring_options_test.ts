// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Each way to use io_uring: the conformance suite with the choices that are
 * not the usual ones, as on older kernels or where an operator says so; and
 * what happens when windows and queues are full.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CompletionKind,
  PlainTransport,
  type SocketTransportOptions,
  UringTransport,
} from "../../engine/transport/mod.ts";
import {
  NativeError,
  probeUring,
  URING_SWITCHES,
  UringSwitch,
} from "../../ffi/mod.ts";
import { Bed, pattern, register, type Rung, writeAll } from "./bed.ts";
import { CROWD_TESTS } from "./conformance_crowds.ts";
import { STREAM_TESTS } from "./conformance_streams.ts";

const { DEFER, MULTISHOT, MULTISHOT_ACCEPT, FILES, DIRECT, BATCH } =
  UringSwitch;

const ECONNRESET = -104;

/** Why io_uring can not be had here, or what is asked of it; or "". */
function missing({ busyPollUs = 0 }: SocketTransportOptions = {}): string {
  try {
    probeUring();
    if (busyPollUs === 0) return "";
    new UringTransport({ connectionsMax: 1, busyPollUs }).dispose();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** io_uring with other choices than the usual ones. */
function rungWith(name: string, choice: SocketTransportOptions): Rung & {
  open(options: SocketTransportOptions): UringTransport;
} {
  return {
    name: `io_uring (${name})`,
    address: "127.0.0.1",
    clientAddress: "127.0.0.1",
    missing: () => missing(choice),
    open: (options) => new UringTransport({ ...options, ...choice }),
  };
}

const VARIANTS = [
  rungWith("all through the ring", { switches: URING_SWITCHES & ~DIRECT }),
  rungWith("as Linux 6.0 has it", { switches: DIRECT | BATCH }),
  rungWith("registered files", {
    switches: (URING_SWITCHES | FILES) & ~DIRECT,
  }),
  rungWith("every send directly", { switches: URING_SWITCHES & ~BATCH }),
  rungWith("the kernel polls", { kernelPollCore: 0 }),
  rungWith("the kernel polls network cards", { busyPollUs: 50 }),
  rungWith("a queue of two entries", {
    ringEntries: 2,
    switches: URING_SWITCHES & ~DIRECT,
  }),
];

/** Crowds take long, and are for those that receive and queue in ways of their own. */
const CROWDED = ["all through the ring", "as Linux 6.0", "a queue of two"];
for (const rung of VARIANTS) {
  const crowded = CROWDED.some((name) => rung.name.includes(name));
  register(rung, [...STREAM_TESTS, ...crowded ? CROWD_TESTS : []]);
}

const plainRung = rungWith("usual", {});
const ringRung = VARIANTS[0]!;

/** A test that says why it can not run where io_uring is refused. */
function test(name: string, body: (rung: Rung) => Promise<void> | void): void {
  register({ ...plainRung, name: "io_uring" }, [{ name, body }]);
}

const MESSAGE_BYTES = 64;

/** Part of a stream in which each byte tells its place. */
function counted(from: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (from + i) % 251);
}

/** A transport with both ends of its connections. */
function bothEnds(
  choice: SocketTransportOptions,
  connections: number,
): { bed: Bed; transport: UringTransport; clients: number[] } {
  let transport: UringTransport | undefined;
  const bed = new Bed({
    ...plainRung,
    open: (options) =>
      transport = new UringTransport({ ...options, ...choice }),
  }, { connectionsMax: 2 * connections, sendWindowBytes: 8192 });
  const port = transport!.port(transport!.listenStream("127.0.0.1", 0));
  const clients: number[] = [];
  for (let i = 0; i < connections; i++) {
    clients.push(transport!.connectStream("127.0.0.1", port));
    // The kernel's queue of new connections is bounded.
    if (i % 64 === 63) bed.step();
  }
  const accepted = () => bed.of(CompletionKind.ACCEPTED).length;
  for (let i = 0; accepted() < connections; i++) {
    assert(i < 100_000, `${accepted()} of ${connections} accepted`);
    bed.step();
  }
  return { bed, transport: transport!, clients };
}

test("says which ways it has", () => {
  const usual = new UringTransport({ connectionsMax: 1 });
  // Linux 6.12 and newer have all.
  assertEquals(usual.switches & ~MULTISHOT, URING_SWITCHES & ~MULTISHOT);
  usual.dispose();
  const older = new UringTransport({
    connectionsMax: 1,
    switches: URING_SWITCHES & ~DEFER,
  });
  assertEquals(older.switches, MULTISHOT_ACCEPT | DIRECT | BATCH);
  older.dispose();
});

test("says what to do if the kernel's thread can not have its core", () => {
  assertThrows(
    () => new UringTransport({ connectionsMax: 1, kernelPollCore: 1023 }),
    NativeError,
    "kernel_poll_core",
  );
});

for (const entries of [1, 2, 8]) {
  test(`loses nothing with a queue of ${entries} entries and 300 connections at once`, () => {
    const count = 300;
    const total = 40 * MESSAGE_BYTES;
    const { bed, transport, clients } = bothEnds({
      ringEntries: entries,
      switches: URING_SWITCHES & ~DIRECT,
    }, count);
    using _ = bed;
    /** Bytes of its stream that a client has sent, and that any end has received. */
    const sent = new Map(clients.map((id) => [id, 0]));
    const received = new Map<number, number>();
    const sendMore = (id: number) => {
      const from = sent.get(id)!;
      bed.send(id, counted(from, MESSAGE_BYTES));
      sent.set(id, from + MESSAGE_BYTES);
    };
    bed.onReceived = (id, at, length) => {
      const before = received.get(id) ?? 0;
      const bytes = transport.bytes.slice(at, at + length);
      assertEquals(bytes, counted(before, length), `bytes from ${before} on`);
      received.set(id, before + length);
      if (!sent.has(id)) bed.send(id, bytes);
      else if (sent.get(id)! < total) sendMore(id);
      return length;
    };
    // Several messages of each are under way at a time.
    for (let i = 0; i < 6; i++) clients.forEach(sendMore);
    const done = () => clients.every((id) => received.get(id) === sent.get(id));
    for (let i = 0; !done(); i++) {
      assert(i < 100_000, "all that was sent comes back");
      bed.seen.length = 0;
      bed.step();
    }
    assertEquals(bed.of(CompletionKind.CLOSED), []);
    assert(transport.queueFull > 0, "the queue was full");
    assert(transport.completionsLate > 0, "completions had to wait");
    for (const client of clients) transport.close(client);
    for (let i = 0; transport.openConnections > 0; i++) {
      assert(i < 100_000, `${transport.openConnections} connections are left`);
      bed.step();
    }
  });
}

test("a full window ends its receive, is counted, and harms no other", async () => {
  const rung = { ...plainRung, open: ringRung.open };
  const window = 8192;
  let transport: UringTransport | undefined;
  using bed = new Bed({
    ...rung,
    open: (options) => transport = rung.open(options) as UringTransport,
  }, { receiveWindowBytes: window });
  if ((transport!.switches & MULTISHOT) === 0) {
    console.log("SKIPPED: this kernel has no receive that goes on; Linux 6.12");
    return;
  }
  const port = transport!.port(transport!.listenStream(rung.address, 0));
  const flood = await bed.connect(port);
  const other = await bed.connect(port);
  const sent = pattern(64 * window, 7);
  const got: number[] = [];
  let reads = false;
  bed.onReceived = (id, at, length) => {
    if (id !== flood.id) return length;
    if (!reads) return undefined;
    for (const byte of transport!.bytes.subarray(at, at + length)) {
      got.push(byte);
    }
    return length;
  };
  const writing = writeAll(flood.client, sent);
  await bed.until("a full window", () => transport!.windowsFull > 0);
  const shown = bed.of(CompletionKind.RECEIVED)
    .filter(({ id }) => id === flood.id);
  assertEquals(shown.length, 1, "nothing more is shown before it is read");
  await writeAll(other.client, pattern(100, 3));
  await bed.until(
    "the other's message",
    () => bed.of(CompletionKind.RECEIVED).some(({ id }) => id === other.id),
  );
  reads = true;
  got.push(...shown[0]!.bytes);
  transport!.consume(flood.id, shown[0]!.length);
  await bed.until("all of it", () => got.length === sent.length);
  await writing;
  assertEquals(Uint8Array.from(got), sent);
  flood.client.close();
  other.client.close();
});

test("room is given back only when all that lies in it is known", async () => {
  // More than one poll reports, so that completions are left for the next.
  const count = 520;
  using bed = new Bed(ringRung, { connectionsMax: count });
  const { transport } = bed;
  const client = new PlainTransport({
    connectionsMax: count,
    sendWindowBytes: 8192,
    hugePages: false,
  });
  const port = transport.port(transport.listenStream("127.0.0.1", 0));
  const ids: number[] = [];
  for (let i = 0; i < count; i++) {
    ids.push(client.connectStream("127.0.0.1", port));
    if (i % 64 === 63) bed.step();
  }
  const received = new Map<number, number>();
  const shown: [id: number, length: number][] = [];
  bed.onReceived = (id, at, length) => {
    const before = received.get(id) ?? 0;
    const bytes = transport.bytes.slice(at, at + length);
    assertEquals(bytes, counted(before, length), `bytes from ${before} on`);
    received.set(id, before + length);
    shown.push([id, length]);
    return undefined;
  };
  const accepted = () => bed.of(CompletionKind.ACCEPTED).length;
  await bed.until("all accepted", () => accepted() === count);
  let messages = 0;
  const sendAll = () => {
    const bytes = counted(messages++ * MESSAGE_BYTES, MESSAGE_BYTES);
    for (const id of ids) {
      client.bytes.set(bytes, client.reserve(id, bytes.length));
      client.commit(id, bytes.length);
    }
    client.poll(0);
  };
  const consumeAll = () => {
    for (const [id, length] of shown.splice(0)) transport.consume(id, length);
  };
  for (let round = 0; round < 5; round++) {
    sendAll();
    await bed.until("all shown", () => shown.length === count);
    sendAll();
    for (let i = 0; i < 100; i++) bed.step();
    // The next poll shows what is held, and has no room for what comes now.
    sendAll();
    consumeAll();
    bed.step();
    consumeAll();
    bed.step();
    const total = () => [...received.values()].reduce((all, one) => all + one);
    await bed.until("all bytes", () => {
      consumeAll();
      return total() === count * messages * MESSAGE_BYTES;
    });
    consumeAll();
  }
  client.dispose();
});

for (const how of ["ends", "is reset"]) {
  test(`a stream that ${how} behind unread bytes shows them first`, async () => {
    using bed = new Bed(ringRung);
    const { transport } = bed;
    const client = new PlainTransport({ connectionsMax: 1, hugePages: false });
    const port = transport.port(transport.listenStream("127.0.0.1", 0));
    const id = client.connectStream("127.0.0.1", port);
    const send = (bytes: Uint8Array) => {
      client.bytes.set(bytes, client.reserve(id, bytes.length));
      client.commit(id, bytes.length);
      client.poll(0);
    };
    const received = () => bed.of(CompletionKind.RECEIVED);
    const closed = () => bed.of(CompletionKind.CLOSED);
    bed.onReceived = () => undefined;
    send(pattern(10, 1));
    await bed.until("the first", () => received().length === 1);
    const server = received()[0]!.id;
    send(pattern(20, 2));
    for (let i = 0; i < 5; i++) bed.step(1000);
    if (how === "ends") client.close(id);
    else client.abort(id);
    client.poll(0);
    for (let i = 0; i < 5; i++) bed.step(1000);
    assertEquals([received().length, closed().length], [1, 0]);
    transport.consume(server, 10);
    await bed.until("the second", () => received().length === 2);
    assertEquals(received()[1]!.bytes, pattern(20, 2));
    for (let i = 0; i < 5; i++) bed.step(1000);
    assertEquals(closed(), []);
    transport.consume(server, 20);
    await bed.until("CLOSED", () => closed().length === 1);
    assertEquals(closed()[0]!.length, how === "ends" ? 0 : ECONNRESET);
    client.dispose();
  });
}
