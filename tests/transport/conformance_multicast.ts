// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Conformance: multicast. See `conformance.ts`. The other end is a kernel
 * socket of its own, `PlainTransport`'s, which can say where multicast leaves.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_WORDS,
  CompletionKind,
  PlainTransport,
  type Transport,
} from "../../engine/transport/mod.ts";
import { NativeError } from "../../ffi/mod.ts";
import {
  addressWord,
  Bed,
  type ConformanceTest,
  pattern,
  type Rung,
  type Seen,
} from "./bed.ts";

/** What every transport with multicast does. */
export const MULTICAST_TESTS: ConformanceTest[] = [];

const ANY = "0.0.0.0";
const GROUP = "239.192.88.1";
const OTHER_GROUP = "239.192.88.2";
const BYTES_MAX = 1472;

function test(name: string, body: ConformanceTest["body"]): void {
  MULTICAST_TESTS.push({ name, body });
}

function send(
  transport: Transport,
  listener: number,
  to: string,
  port: number,
  data: Uint8Array,
): void {
  const at = transport.reserveDatagram(data.length);
  if (at < 0) throw new Error(`reserveDatagram() said ${at}`);
  transport.bytes.set(data, at);
  transport.commitDatagram(listener, addressWord(to), port, data.length);
}

/** A kernel socket at the rung's other end. */
class Peer {
  readonly transport = new PlainTransport({ hugePages: false });
  readonly listener: number;

  constructor(rung: Rung, address = rung.clientAddress, port = 0) {
    this.listener = this.transport.listenDatagram(address, port);
    this.transport.multicastFrom(this.listener, rung.clientAddress, 1);
  }

  send(to: string, port: number, data: Uint8Array): void {
    send(this.transport, this.listener, to, port, data);
    this.transport.poll(0);
  }

  /** What came since the last call. */
  receive(): { listener: number; bytes: Uint8Array }[] {
    const { transport } = this;
    return Array.from({ length: transport.poll(0) }, (_, i) => {
      const words = transport.completions.subarray(i * COMPLETION_WORDS);
      const at = words[COMPLETION_OFFSET]!;
      return {
        listener: words[COMPLETION_LISTENER]!,
        bytes: transport.bytes.slice(at, at + words[COMPLETION_LENGTH]!),
      };
    });
  }

  [Symbol.dispose](): void {
    this.transport.dispose();
  }
}

/** What came up to a datagram that is sent last, to the transport's own address. */
async function upToMark(
  bed: Bed,
  rung: Rung,
  peer: Peer,
  markPort: number,
): Promise<Seen[]> {
  const mark = pattern(9, 99);
  const came = (): Seen[] => bed.of(CompletionKind.DATAGRAM);
  const isMark = (one: Seen): boolean =>
    one.length === 9 && one.bytes.every((byte, i) => byte === mark[i]);
  peer.send(rung.address, markPort, mark);
  await bed.until("the mark", () => came().some(isMark));
  const seen = came().filter((one) => !isMark(one));
  bed.seen.length = 0;
  return seen;
}

test("hears a multicast group from when it joins until it leaves", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(ANY, 0);
  const port = transport.port(listener);
  const group = (data: Uint8Array): void => peer.send(GROUP, port, data);
  group(pattern(20, 1));
  assertEquals(await upToMark(bed, rung, peer, port), [], "not joined");
  for (let round = 0; round < 2; round++) {
    transport.joinGroup(listener, GROUP, rung.address);
    bed.step();
    for (const length of [0, 1, 20, BYTES_MAX]) {
      const data = pattern(length, length + 2);
      group(data);
      await bed.until(
        "a datagram of the group",
        () => bed.of(CompletionKind.DATAGRAM).length === 1,
      );
      const [one] = bed.of(CompletionKind.DATAGRAM);
      assertEquals(one!.bytes, data);
      assertEquals(
        [one!.id, one!.listener, one!.address, one!.port],
        [
          listener,
          listener,
          addressWord(rung.clientAddress),
          peer.transport.port(peer.listener),
        ],
      );
      bed.seen.length = 0;
    }
    transport.leaveGroup(listener, GROUP, rung.address);
    bed.step();
    group(pattern(20, 3));
    assertEquals(await upToMark(bed, rung, peer, port), [], "left");
  }
});

test("sends to a multicast group what members hear", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung, ANY);
  const { transport } = bed;
  const listener = transport.listenDatagram(rung.address, 0);
  transport.multicastFrom(listener, rung.address, 1);
  peer.transport.joinGroup(peer.listener, GROUP, rung.clientAddress);
  const port = peer.transport.port(peer.listener);
  for (const length of [0, 1, 64, BYTES_MAX]) {
    const data = pattern(length, length + 5);
    send(transport, listener, GROUP, port, data);
    const got: Uint8Array[] = [];
    await bed.until("the group's datagram", () => {
      got.push(...peer.receive().map(({ bytes }) => bytes));
      return got.length > 0;
    });
    assertEquals(got, [data]);
  }
});

test("a socket hears the groups that it joined itself", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung);
  const { transport } = bed;
  const one = transport.listenDatagram(ANY, 0);
  const two = transport.listenDatagram(ANY, 0);
  transport.joinGroup(one, GROUP, rung.address);
  transport.joinGroup(two, OTHER_GROUP, rung.address);
  bed.step();
  for (const to of [GROUP, OTHER_GROUP]) {
    for (const listener of [one, two]) {
      peer.send(to, transport.port(listener), pattern(30, listener));
    }
  }
  const seen = await upToMark(bed, rung, peer, transport.port(one));
  assertEquals(seen.map(({ listener }) => listener).sort(), [one, two].sort());
});

test("sockets for different groups share a port, and a unicast socket hears none", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung);
  const { transport } = bed;
  const a = transport.listenDatagram(GROUP, 0);
  const port = transport.port(a);
  const b = transport.listenDatagram(OTHER_GROUP, port);
  const own = transport.listenDatagram(rung.address, port);
  transport.joinGroup(a, GROUP, rung.address);
  transport.joinGroup(b, OTHER_GROUP, rung.address);
  transport.joinGroup(own, GROUP, rung.address);
  bed.step();
  peer.send(OTHER_GROUP, port, pattern(2, 1));
  peer.send(GROUP, port, pattern(3, 1));
  peer.send(rung.address, port, pattern(4, 1));
  const seen = await upToMark(bed, rung, peer, port);
  assertEquals(
    seen.map(({ listener, length }) => `${listener}:${length}`).sort(),
    [`${a}:3`, `${b}:2`, `${own}:4`].sort(),
  );
  assertThrows(
    () => transport.listenDatagram(GROUP, port),
    NativeError,
    "EADDRINUSE",
  );
});

test("a burst to a group comes whole and in order, beside one to the address", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(ANY, 0);
  const port = transport.port(listener);
  transport.joinGroup(listener, GROUP, rung.address);
  // So that the kernel knows where the address is.
  await upToMark(bed, rung, peer, port);
  for (let i = 0; i < 300; i++) {
    const to = i % 3 === 0 ? rung.address : GROUP;
    peer.send(to, port, Uint8Array.of(i >>> 8, i & 0xff));
  }
  const came = (): number[] =>
    bed.of(CompletionKind.DATAGRAM)
      .map(({ bytes }) => bytes[0]! << 8 | bytes[1]!);
  await bed.until("all", () => came().length === 300);
  // Two addresses may come by two queues: each of them is in order.
  const all = Array.from({ length: 300 }, (_, i) => i);
  for (const isOwn of [true, false]) {
    const those = (i: number): boolean => (i % 3 === 0) === isOwn;
    assertEquals(came().filter(those), all.filter(those));
  }
});

test("closeListener() leaves the groups", async (rung) => {
  using bed = new Bed(rung);
  using peer = new Peer(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(ANY, 0);
  const port = transport.port(listener);
  transport.joinGroup(listener, GROUP, rung.address);
  transport.closeListener(listener);
  for (let i = 0; i < 5; i++) bed.step(100);
  const again = transport.listenDatagram(ANY, port);
  bed.step();
  peer.send(GROUP, port, pattern(20, 1));
  assertEquals(await upToMark(bed, rung, peer, port), []);
  transport.joinGroup(again, GROUP, rung.address);
});

test("refuses groups and interfaces that are none", (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  const listener = transport.listenDatagram(ANY, 0);
  const refused = (act: () => void, what: string): void => {
    assertThrows(act, NativeError, what);
  };
  refused(
    () => transport.joinGroup(listener, "10.1.2.3", rung.address),
    "join multicast group 10.1.2.3",
  );
  refused(
    () => transport.joinGroup(listener, GROUP, "192.0.2.77"),
    `join multicast group ${GROUP} on 192.0.2.77`,
  );
  refused(
    () => transport.multicastFrom(listener, "192.0.2.77", 1),
    "send multicast by the interface of 192.0.2.77",
  );
  refused(
    () => transport.multicastFrom(listener, rung.address, 256),
    "256 hops",
  );
  refused(
    () => transport.leaveGroup(listener, GROUP, rung.address),
    `leave multicast group ${GROUP}`,
  );
  transport.joinGroup(listener, GROUP, rung.address);
  refused(
    () => transport.joinGroup(listener, GROUP, rung.address),
    "EADDRINUSE",
  );
});
