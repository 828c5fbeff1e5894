// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The feed's lines and answers over a transport that only writes down.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  FeedBuilder,
  FeedServer,
  FeedStore,
} from "../../engine/marketdata/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import {
  BACKPRESSURE,
  CompletionKind,
  GONE,
  type Transport,
} from "../../engine/transport/mod.ts";
import {
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MOLD_PACKET_BYTES_MAX,
  MoldReader,
  moldSession,
  writeMoldHeader,
} from "../../engine/wire/moldudp64.ts";

const SESSION = moldSession("S");
const KEPT = 1024;
const HEARTBEAT_MS = 1000;
const REQUESTS_PER_SECOND = 50;
const [LINE_A, LINE_B, REQUESTS] = [10, 11, 12];

/** A packet that was sent. */
interface Sent {
  readonly listener: number;
  readonly port: number;
  readonly sequence: number;
  readonly count: number;
  readonly bytes: number;
  /** First byte of each message. */
  readonly messages: number[];
}

/** Takes datagrams while there is room, and brings what a test puts in. */
class Wire implements Transport {
  readonly bytes = new Uint8Array(8192);
  readonly completions = new Int32Array(8);
  readonly name = "wire";
  readonly receiveWindowBytes = 0;
  readonly sendWindowBytes = 0;
  readonly refusedConnections = 0;
  readonly view = new DataView(this.bytes.buffer);
  readonly sent: Sent[] = [];
  room = Infinity;
  arrived = 0;

  reserveDatagram(_bytes: number): number {
    return this.room > 0 ? 0 : BACKPRESSURE;
  }

  commitDatagram(
    listener: number,
    _address: number,
    port: number,
    bytes: number,
  ): void {
    this.room--;
    const reader = new MoldReader();
    assert(reader.open(this.view, 0, bytes, SESSION));
    const messages: number[] = [];
    while (reader.next()) messages.push(this.bytes[reader.start]!);
    assert(reader.isWhole && bytes <= MOLD_PACKET_BYTES_MAX);
    const { sequence, count } = reader;
    this.sent.push({ listener, port, sequence, count, bytes, messages });
  }

  poll(): number {
    const { arrived } = this;
    this.arrived = 0;
    return arrived;
  }

  listenStream = () => 0;
  listenDatagram = () => 0;
  port = () => 0;
  multicastFrom = () => {};
  joinGroup = () => {};
  leaveGroup = () => {};
  closeListener = () => {};
  consume = () => {};
  reserve = () => GONE;
  commit = () => {};
  pending = () => 0;
  close = () => {};
  dispose = () => {};

  /** A datagram of so many bytes, of what lies at 4096, comes to a listener. */
  arrive(listener: number, bytes: number): void {
    this.completions.set([
      CompletionKind.DATAGRAM,
      listener,
      listener,
      4096,
      bytes,
      0x7f000001,
      777,
      0,
    ]);
    this.arrived = 1;
  }

  request(session: Uint8Array, sequence: number, count: number): void {
    writeMoldHeader(this.view, 4096, session, sequence, count);
    this.arrive(REQUESTS!, MOLD_HEADER_BYTES);
  }

  /** What was sent since the last call. */
  take(): Sent[] {
    return this.sent.splice(0);
  }
}

function make() {
  const wire = new Wire();
  const store = new FeedStore(KEPT);
  const capacity = {
    ordersMax: 16,
    instrumentsMax: 1,
    sessionsMax: 2,
    pagesMax: 64,
    accountsMax: 2,
    specialMax: 16,
  };
  const ring = new SpscRing(
    new ArrayBuffer(SpscRing.bytes(192, 16)),
    0,
    192,
    16,
    "producer",
  );
  const exchange = new Exchange({
    ...capacity,
    memory: new ArrayBuffer(Exchange.bytes(capacity)),
    byteOffset: 0,
    events: [new EventRing(ring, () => {})],
    routes: new Uint8Array(2),
  });
  const clock = { nowMs: 0 };
  const server = new FeedServer({
    store,
    builder: new FeedBuilder(exchange, store),
    session: "S",
    lines: [
      { transport: wire, listener: LINE_A!, group: 1, port: 1 },
      { transport: wire, listener: LINE_B!, group: 2, port: 2 },
    ],
    requests: { transport: wire, listener: REQUESTS! },
    requestsPerSecond: REQUESTS_PER_SECOND,
    snapshots: wire,
    heartbeatMs: HEARTBEAT_MS,
    snapshotsMax: 1,
    nowMs: () => clock.nowMs,
  });
  /** Message number n is 44 bytes, the first of them n. */
  const put = (count: number): void => {
    for (let i = 0; i < count; i++) {
      store.bytes[store.claim()] = store.next & 0xff;
      store.commit(44);
    }
  };
  return { wire, store, server, clock, put };
}

Deno.test("FeedServer sends every message once on each line, in full packets", () => {
  const { wire, server, put, store } = make();
  put(100);
  server.doWork(0);
  for (const listener of [LINE_A, LINE_B]) {
    const packets = wire.sent.filter((one) => one.listener === listener);
    // (1472 - 20) / 46 bytes
    assertEquals(packets.map(({ count }) => count), [31, 31, 31, 7]);
    assertEquals(
      packets.flatMap(({ messages }) => messages),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  }
  assertEquals([server.behind, store.next], [0, 101]);
  wire.take();
  server.doWork(0);
  assertEquals(wire.take(), []);
});

Deno.test("FeedServer goes on where a transport without room stopped it", () => {
  const { wire, server, put } = make();
  put(62);
  wire.room = 1;
  server.doWork(0);
  assertEquals(server.behind, 62);
  wire.room = 2;
  server.doWork(0);
  wire.room = Infinity;
  server.doWork(0);
  const heard = wire.take();
  for (const listener of [LINE_A, LINE_B]) {
    assertEquals(
      heard.filter((one) => one.listener === listener).map(({ sequence }) =>
        sequence
      ),
      [1, 32],
    );
  }
});

Deno.test("FeedServer tells the next number when a line was quiet, and the end", () => {
  const { wire, server, put, clock } = make();
  put(3);
  server.doWork(0);
  wire.take();
  clock.nowMs = HEARTBEAT_MS - 1;
  server.doWork(0);
  assertEquals(wire.take(), []);
  clock.nowMs = HEARTBEAT_MS;
  server.doWork(0);
  assertEquals(
    wire.take().map(({ sequence, count }) => [sequence, count]),
    [[4, 0], [4, 0]],
  );
  server.sayEnd();
  assertEquals(
    wire.take().map(({ sequence, count }) => [sequence, count]),
    [[4, MOLD_END_OF_SESSION], [4, MOLD_END_OF_SESSION]],
  );
});

Deno.test("FeedServer answers a request with one packet, and nothing that is no request", () => {
  const { wire, server, put } = make();
  put(100);
  server.doWork(0);
  wire.take();
  const ask = (session: Uint8Array, sequence: number, count: number) => {
    wire.request(session, sequence, count);
    server.doWork(0);
    return wire.take();
  };
  const [answer] = ask(SESSION, 5, 3);
  assertEquals(
    [answer?.listener, answer?.port, answer?.messages],
    [REQUESTS, 777, [5, 6, 7]],
  );
  assertEquals(ask(SESSION, 1, 1000).map(({ count }) => count), [31]);
  assertEquals(ask(SESSION, 100, 5).map(({ count }) => count), [1]);
  assertEquals(server.counts.answered, 3);
  for (
    const [session, sequence, count] of [
      [SESSION, 101, 1],
      [SESSION, 0, 1],
      [SESSION, 1, 0],
      [SESSION, 1, MOLD_END_OF_SESSION],
      [moldSession("T"), 1, 1],
    ] as const
  ) assertEquals(ask(session, sequence, count), []);
  for (const bytes of [0, MOLD_HEADER_BYTES - 1, MOLD_HEADER_BYTES + 1]) {
    wire.request(SESSION, 1, 1);
    wire.arrive(REQUESTS!, bytes);
    server.doWork(0);
    assertEquals(wire.take(), []);
  }
  wire.request(SESSION, 1, 1);
  wire.arrive(LINE_A!, MOLD_HEADER_BYTES);
  server.doWork(0);
  assertEquals(wire.take(), []);
  assertEquals(server.counts.unanswered, 8);
});

Deno.test("FeedServer answers for the oldest message that is kept, and for none before it; a line skips what is gone", () => {
  const { wire, server, put, store } = make();
  put(KEPT + 10);
  assertEquals(store.oldest, 11);
  for (let i = 0; i < 10; i++) server.doWork(0);
  const first = wire.take().find(({ listener }) => listener === LINE_A);
  assertEquals(first?.sequence, 11);
  wire.request(SESSION, 10, 1);
  server.doWork(0);
  assertEquals(wire.take(), []);
  wire.request(SESSION, 11, 1);
  server.doWork(0);
  assertEquals(wire.take().map(({ messages }) => messages), [[11]]);
});

Deno.test("FeedServer answers an address so often in a second, and counts the rest", () => {
  const { wire, server, put, clock } = make();
  put(1);
  server.doWork(0);
  const answers = (requests: number): number => {
    wire.take();
    for (let i = 0; i < requests; i++) {
      wire.request(SESSION, 1, 1);
      server.doWork(0);
    }
    return wire.take().filter(({ listener }) => listener === REQUESTS).length;
  };
  assertEquals(answers(60), REQUESTS_PER_SECOND);
  assertEquals(server.counts.limited, 10);
  clock.nowMs += 100;
  assertEquals(answers(60), REQUESTS_PER_SECOND / 10);
  assertEquals(server.counts.limited, 65);
  clock.nowMs += 60_000;
  assertEquals(answers(60), REQUESTS_PER_SECOND, "no more than a second's");
});
