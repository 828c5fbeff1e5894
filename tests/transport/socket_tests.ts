// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What transports over the kernel's sockets have besides the interface: a
 * reset by us, counters, limits of their sizes, a client of their own. The
 * same for each.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CompletionKind,
  type SocketTransport,
  type SocketTransportOptions,
} from "../../engine/transport/mod.ts";
import { NativeError } from "../../ffi/mod.ts";
import {
  addressWord,
  Bed,
  type ConformanceTest,
  pattern,
  readExactly,
  register,
  type Rung,
  udpSocket,
} from "./bed.ts";

const ECONNREFUSED = -111;

/** A rung on loopback. */
export interface SocketRung extends Rung {
  open(options: SocketTransportOptions): SocketTransport;
}

type Body = (rung: SocketRung) => Promise<void> | void;

const tests: { name: string; body: Body }[] = [];

function test(name: string, body: Body): void {
  tests.push({ name, body });
}

/** Registers the tests for a rung. */
export function socketTests(rung: SocketRung): void {
  register(
    rung,
    tests.map(({ name, body }): ConformanceTest => ({
      name,
      body: () => body(rung),
    })),
  );
}

/** A bed whose transport is the rung's own kind. */
function socketBed(
  rung: SocketRung,
  options: SocketTransportOptions = {},
): { bed: Bed; transport: SocketTransport } {
  let transport: SocketTransport | undefined;
  const bed = new Bed({
    ...rung,
    open: (wanted) => transport = rung.open(wanted),
  }, options);
  return { bed, transport: transport! };
}

test("abort() resets at once and drops what is not sent", async (rung) => {
  const { bed, transport } = socketBed(rung);
  using _ = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  for (const closing of [false, true]) {
    bed.seen.length = 0;
    const { client, id } = await bed.connect(port);
    // The client waits already when the reset comes.
    const reading = client.read(new Uint8Array(1)).then(
      (count) => `${count}`,
      (error) => (error as Error).name,
    );
    await new Promise((resolve) => setTimeout(resolve, 0));
    // After a sleep the kernel waits for bytes of the client's.
    for (let i = 0; i < 5; i++) bed.step(100);
    if (closing) {
      bed.send(id, pattern(1000, 1));
      transport.close(id);
    }
    transport.abort(id);
    await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
    assertEquals(await bed.during("the end", reading), "ConnectionReset");
    assertEquals(transport.openConnections, 0);
    client.close();
  }
});

test("abort() resets a connection whose send window is full", async (rung) => {
  const { bed, transport } = socketBed(rung, { sendWindowBytes: 65536 });
  using _ = bed;
  const port = transport.port(transport.listenStream(rung.address, 0));
  const { client, id } = await bed.connect(port);
  bed.fill(id);
  transport.abort(id);
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  let name = "";
  const drain = async () => {
    const bytes = new Uint8Array(65536);
    try {
      while (await client.read(bytes) !== null);
    } catch (error) {
      name = (error as Error).name;
    }
  };
  await bed.during("the reset", drain());
  assertEquals(name, "ConnectionReset");
  client.close();
});

test("refuses sizes out of range with the limit", (rung) => {
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
    assertThrows(() => rung.open(options), NativeError, "EINVAL");
  }
});

test("drops and counts datagrams that are too long", async (rung) => {
  const { bed, transport } = socketBed(rung);
  using _ = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  const to = {
    transport: "udp",
    hostname: rung.address,
    port: transport.port(listener),
  } as const;
  using socket = udpSocket(rung);
  const client = socket.conn;
  for (const length of [2048, 2049, 9000, 20]) {
    await client.send(pattern(length, 1), to);
  }
  await bed.until(
    "two",
    () => bed.of(CompletionKind.DATAGRAM).length === 2,
  );
  await bed.until("both counted", () => transport.datagramsDropped === 2);
  const lengths = bed.of(CompletionKind.DATAGRAM).map(({ length }) => length);
  assertEquals(lengths, [2048, 20]);
});

test("counts datagrams that can not be sent, and uses their room again", (rung) => {
  const { bed, transport } = socketBed(rung, { datagramsMax: 1 });
  using _ = bed;
  transport.reserveDatagram(1);
  transport.commitDatagram(17, addressWord(rung.clientAddress), 9, 1);
  bed.step();
  assertEquals(transport.datagramSendErrors, 1, "no such listener");
  assert(transport.reserveDatagram(1) >= 0, "its slot is free again");
});

test("several transports in one thread do not disturb each other", async (rung) => {
  using one = new Bed(rung);
  using two = new Bed(rung);
  const ports = [one, two].map(({ transport }) =>
    transport.port(transport.listenStream(rung.address, 0))
  );
  const a = await one.connect(ports[0]!);
  const b = await two.connect(ports[1]!);
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

test("connectStream() is a client of its own", (rung) => {
  const { bed, transport } = socketBed(rung, { connectionsMax: 2 });
  using _ = bed;
  const listener = transport.listenStream(rung.address, 0);
  const port = transport.port(listener);
  const client = transport.connectStream(rung.address, port);
  const until = (kind: number, count: number) => {
    for (let i = 0; bed.of(kind).length < count; i++) {
      assert(i < 100_000, `no ${count} completions of kind ${kind}`);
      bed.step(100);
    }
  };
  until(CompletionKind.ACCEPTED, 1);
  const server = bed.of(CompletionKind.ACCEPTED)[0]!.id;
  assert(server !== client);
  bed.send(client, pattern(100, 1));
  until(CompletionKind.RECEIVED, 1);
  assertEquals(bed.of(CompletionKind.RECEIVED)[0]!.id, server);
  bed.send(server, pattern(50, 2));
  until(CompletionKind.RECEIVED, 2);
  assertEquals(bed.of(CompletionKind.RECEIVED)[1]!.id, client);
  assertEquals(bed.of(CompletionKind.RECEIVED)[1]!.bytes, pattern(50, 2));
  assertThrows(
    () => transport.connectStream(rung.address, port),
    NativeError,
    "ENOBUFS",
  );
  transport.close(client);
  until(CompletionKind.CLOSED, 2);
  assertEquals(transport.openConnections, 0);
  transport.closeListener(listener);
  bed.step();
  const error = assertThrows(
    () => transport.connectStream(rung.address, port),
    NativeError,
  );
  assertEquals(error.code, -ECONNREFUSED);
});
