// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Receive times of the transports over the kernel's sockets: whose they are,
 * and that with them a transport is the same transport.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  COMPLETION_TIME,
  COMPLETION_WORDS,
  CompletionKind,
  PlainTransport,
  type SocketTransportOptions,
  UringTransport,
} from "../../engine/transport/mod.ts";
import { Clock, NativeError, probeUring } from "../../ffi/mod.ts";
import { Bed, pattern, register, type Rung, udpSocket } from "./bed.ts";
import { DATAGRAM_TESTS } from "./conformance_datagrams.ts";
import { STREAM_TESTS } from "./conformance_streams.ts";

const EOPNOTSUPP = 95;
/** The kernel begins to take times a moment after it was asked to. */
const FIRST = 10;

function rungOf(
  kind: "io_uring" | "plain",
  timestamps: "poll" | "kernel" | "hardware",
): Rung {
  return {
    name: `${kind}, receipt by ${timestamps},`,
    address: "127.0.0.1",
    clientAddress: "127.0.0.1",
    missing() {
      if (kind === "plain") return "";
      try {
        probeUring();
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    },
    open(options: SocketTransportOptions) {
      const all = { ...options, timestamps };
      return kind === "plain"
        ? new PlainTransport(all)
        : new UringTransport(all);
    },
  };
}

/** Nanoseconds since 1970. */
function now(clock: Clock): bigint {
  clock.realtime();
  return BigInt(clock.words[1]!) << 32n | BigInt(clock.words[0]!);
}

/** The time of the first completion of a kind, once there is one: nanoseconds, or 0 = none. */
async function timeOf(bed: Bed, kind: number, waitUs: number): Promise<bigint> {
  const { completions } = bed.transport;
  let stamp: number | undefined;
  bed.afterStep = () => {
    for (let i = 0; stamp === undefined && i < bed.seen.length; i++) {
      if (completions[i * COMPLETION_WORDS] !== kind) continue;
      stamp = completions[i * COMPLETION_WORDS + COMPLETION_TIME]! >>> 0;
    }
  };
  bed.seen.length = 0;
  await bed.until("bytes", () => bed.of(kind).length > 0, waitUs);
  bed.afterStep = () => {};
  if (stamp === 0) return 0n;
  // It is at most 4 seconds old, so its high word is known.
  const late = now(new Clock());
  return late - ((late - BigInt(stamp!)) & 0xffffffffn);
}

for (const kind of ["io_uring", "plain"] as const) {
  const rung = rungOf(kind, "kernel");
  register(rung, STREAM_TESTS);
  register(rung, DATAGRAM_TESTS);

  for (const waitUs of [0, 1000]) {
    const how = waitUs === 0 ? "spinning" : "sleeping";

    Deno.test(`${rung.name} ${how}: a stream's bytes have the time at which they came`, async () => {
      if (rung.missing() !== "") return console.log(`SKIPPED: ${rung.name}`);
      using bed = new Bed(rung);
      const clock = new Clock();
      const listener = bed.transport.listenStream(rung.address, 0);
      const { client } = await bed.connect(bed.transport.port(listener));
      for (let i = 0; i < 20; i++) {
        const before = now(clock);
        await client.write(pattern(10, i));
        // Loopback: written is received. Nobody has polled yet.
        const after = now(clock);
        const time = await timeOf(bed, CompletionKind.RECEIVED, waitUs);
        if (time === 0n && i < FIRST) continue;
        assert(before <= time && time <= after, `${before} ${time} ${after}`);
      }
      client.close();
    });

    Deno.test(`${rung.name} ${how}: a datagram has the time at which it came, in batches too`, async () => {
      if (rung.missing() !== "") return console.log(`SKIPPED: ${rung.name}`);
      using bed = new Bed(rung);
      using socket = udpSocket(rung);
      const clock = new Clock();
      const listener = bed.transport.listenDatagram(rung.address, 0);
      const port = bed.transport.port(listener);
      const to = { transport: "udp", hostname: rung.address, port } as const;
      for (let i = 0; i < 20; i++) {
        const before = now(clock);
        await socket.conn.send(pattern(10, i), to);
        const after = now(clock);
        await socket.conn.send(pattern(10, i), to);
        const time = await timeOf(bed, CompletionKind.DATAGRAM, waitUs);
        await bed.until("both", () => bed.seen.length >= 2, waitUs);
        if (time === 0n && i < FIRST) continue;
        assert(before <= time && time <= after, `${before} ${time} ${after}`);
      }
    });
  }

  Deno.test(`${kind}: without asking, completions have no time`, async () => {
    const plain = rungOf(kind, "poll");
    if (plain.missing() !== "") return console.log(`SKIPPED: ${plain.name}`);
    using bed = new Bed(plain);
    const listener = bed.transport.listenStream(plain.address, 0);
    const { client } = await bed.connect(bed.transport.port(listener));
    await client.write(pattern(10, 1));
    assertEquals(await timeOf(bed, CompletionKind.RECEIVED, 0), 0n);
    client.close();
  });

  Deno.test(`${kind}: the card's times are refused with the remedy where no card gives them`, () => {
    const card = rungOf(kind, "hardware");
    if (card.missing() !== "") return console.log(`SKIPPED: ${card.name}`);
    const transport = card.open({ connectionsMax: 8, hugePages: false });
    for (const listen of ["listenStream", "listenDatagram"] as const) {
      const error = assertThrows(
        () => transport[listen](card.address, 0),
        NativeError,
        "hwstamp_ctl",
      );
      assertEquals(error.code, EOPNOTSUPP);
    }
    transport.dispose();
  });
}
