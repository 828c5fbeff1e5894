// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: the kernel's TCP against `stream_server.ts`. Its
 * arguments are the interface, a seed, and the name of what to try. It fails
 * with the first thing that is wrong.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  disableChecksumOffload,
  openTcp,
  openUdp,
  SERVER_ADDRESS,
} from "./netns.ts";

const ECHO = 7100;
const CLOSING = 7101;
const RESETTING = 7102;
const SLOW = 7103;
const ORDER_PORT = 7001;
/** Times that a question is asked before the client gives up. */
const TRIES = 20_000;
/** As in dpdk_streams_test.ts. */
const CONNECTIONS_MAX = 48;

interface State {
  accepted: number;
  closed: number;
  reset: number;
  backpressure: number;
  bytes: number;
  refusedConnections: number;
  open: number;
}

const [device, seedText, scenario, timed] = Deno.args;
let seed = Number(seedText) >>> 0;
const scratch = new Uint8Array(2048);

function random(below: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 0x1_0000_0000 * below);
}

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at++) bytes[at] = random(256);
  return bytes;
}

/** Asks the server; the question or its answer may be lost. */
async function order(text: string): Promise<State> {
  const socket = openUdp(SERVER_ADDRESS, ORDER_PORT);
  try {
    for (let tries = 0; tries < 50; tries++) {
      socket.send(new TextEncoder().encode(text));
      for (let waits = 0; waits < 200; waits++) {
        const length = socket.receive(scratch);
        if (length >= 0) {
          return JSON.parse(
            new TextDecoder().decode(scratch.subarray(0, length)),
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  } finally {
    socket.close();
  }
  throw new Error(`The server does not answer "${text}"`);
}

async function until(
  what: string,
  holds: (state: State) => boolean,
): Promise<State> {
  let state = await order("state");
  for (let tries = 0; tries < TRIES && !holds(state); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    state = await order("state");
  }
  assert(holds(state), `${what}: ${JSON.stringify(state)}`);
  return state;
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: SERVER_ADDRESS, port });
  connection.setNoDelay(true);
  return connection;
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function readAll(
  from: Deno.TcpConn,
  count: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = await from.read(bytes.subarray(at));
    if (read === null) throw new Error(`End of stream at ${at} of ${count}`);
    at += read;
  }
  return bytes;
}

/** True without building a report of a million differences. */
function same(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, at) => byte === two[at]);
}

async function echoOnce(on: Deno.TcpConn, size: number): Promise<void> {
  const sent = randomBytes(size);
  const [came] = await Promise.all([readAll(on, size), writeAll(on, sent)]);
  assert(same(came, sent), `echo of ${size} bytes`);
}

async function echoes(): Promise<void> {
  const one = await connect(ECHO);
  for (let size = 1; size <= 1 << 20; size *= 2) {
    await echoOnce(one, size);
    if (size > 2) await echoOnce(one, size - 1);
    if (size > 1 && size < 1 << 20) await echoOnce(one, size + 1);
  }
  for (let size = 1400; size < 1500; size++) await echoOnce(one, size);
  one.close();
  const many = await Promise.all(
    Array.from({ length: 32 }, () => connect(ECHO)),
  );
  for (let round = 0; round < 20; round++) {
    await Promise.all(many.map((on) => echoOnce(on, 1 + random(20_000))));
  }
  many.forEach((connection) => connection.close());
  await until("all are closed", (state) => state.open === 0);
}

async function opensAndCloses(): Promise<void> {
  const before = await order("state");
  const count = 3_000;
  for (let done = 0; done < count; done += 10) {
    await Promise.all(Array.from({ length: 10 }, async () => {
      const connection = await connect(ECHO);
      await echoOnce(connection, 16);
      connection.close();
    }));
  }
  const after = await until("all are closed", (state) => state.open === 0);
  assertEquals(after.accepted - before.accepted, count);
  assertEquals(after.closed - before.closed, count);
  for (let done = 0; done < 200; done++) {
    const connection = await connect(CLOSING);
    await connection.write(Uint8Array.of(1));
    assertEquals(await readAll(connection, 3), Uint8Array.of(98, 121, 101));
    assertEquals(await connection.read(scratch), null);
    connection.close();
  }
  await until("all are closed", (state) => state.open === 0);
}

async function resets(): Promise<void> {
  for (let done = 0; done < 20; done++) {
    const connection = await connect(RESETTING);
    await connection.write(Uint8Array.of(1));
    await assertRejects(
      () => connection.read(scratch),
      Deno.errors.ConnectionReset,
    );
    connection.close();
  }
  const before = await until("all are closed", (state) => state.open === 0);
  for (let done = 0; done < 20; done++) {
    const connection = await connect(ECHO);
    await writeAll(connection, randomBytes(50_000));
    await until(
      "all is echoed",
      (state) => state.bytes >= before.bytes + 50_000 * (done + 1),
    );
    // The kernel sends the end, and a reset if there are unread bytes: which of
    // them is seen first depends on when; conformance_crowds.ts has a sure one.
    connection.close();
  }
  const after = await until("all are closed", (state) => state.open === 0);
  assertEquals(after.closed - before.closed, 20);
}

async function halfClose(): Promise<void> {
  for (const size of [0, 1, 100, 1 << 20]) {
    const connection = await connect(ECHO);
    const sent = randomBytes(size);
    const writing = writeAll(connection, sent).then(() =>
      connection.closeWrite()
    );
    const came = await readAll(connection, size);
    await writing;
    assert(same(came, sent), `echo of ${size} bytes before the end`);
    assertEquals(await connection.read(scratch), null);
    connection.close();
  }
  await until("all are closed", (state) => state.open === 0);
}

async function pushesBack(): Promise<void> {
  const sent = randomBytes(24 << 20);
  const connection = await connect(ECHO);
  const writing = writeAll(connection, sent);
  const stalled = await until("stalls", (state) => state.backpressure > 0);
  assert(stalled.bytes < sent.length);
  // Others go on.
  const other = await connect(ECHO);
  await echoOnce(other, 100_000);
  other.close();
  assert(same(await readAll(connection, sent.length), sent));
  await writing;
  connection.close();

  const slow = await connect(SLOW);
  const before = await order("state");
  const write = writeAll(slow, sent);
  let written = false;
  write.then(() => written = true);
  const third = await connect(ECHO);
  for (let round = 0; round < 50; round++) await echoOnce(third, 1000);
  third.close();
  assertEquals(written, false, "nobody read it");
  await order("read");
  await write;
  slow.close();
  const after = await until("all are closed", (state) => state.open === 0);
  assertEquals(after.bytes - before.bytes, sent.length + 50 * 1000);
}

/** The reset may come before the connection is seen, or after. */
async function endOfRefused(): Promise<number | null> {
  using connection = await connect(ECHO);
  return await connection.read(scratch);
}

async function refuses(): Promise<void> {
  const kept = await Promise.all(
    Array.from({ length: CONNECTIONS_MAX }, () => connect(ECHO)),
  );
  for (const connection of kept) await echoOnce(connection, 10);
  const before = await order("state");
  for (let more = 0; more < 5; more++) {
    const end = await endOfRefused().catch((error) => error);
    assert(
      end === null || end instanceof Deno.errors.ConnectionReset ||
        end instanceof Deno.errors.NotConnected,
      `refused with ${end}`,
    );
  }
  const after = await order("state");
  assertEquals(after.refusedConnections - before.refusedConnections, 5);
  for (const connection of kept) {
    await echoOnce(connection, 10);
    connection.close();
  }
  await until("all are closed", (state) => state.open === 0);
  const next = await connect(ECHO);
  await echoOnce(next, 10);
  next.close();
}

async function losses(): Promise<void> {
  const connection = await connect(ECHO);
  for (let round = 0; round < 3; round++) await echoOnce(connection, 1 << 20);
  for (let round = 0; round < 100; round++) {
    await echoOnce(connection, 1 + random(3000));
  }
  connection.close();
  await until("all are closed", (state) => state.open === 0);
}

/** Microseconds of an echo, by sockets that poll. */
function times(): void {
  const count = Number(timed);
  const socket = openTcp(SERVER_ADDRESS, ECHO);
  const report: Record<string, number> = {};
  for (const size of [64, 4096, 65536]) {
    const rounds = size === 65536 ? Math.ceil(count / 20) : count;
    const all = new Float64Array(rounds);
    const payload = new Uint8Array(size);
    const room = new Uint8Array(65536);
    for (let index = -500; index < rounds; index++) {
      const start = performance.now();
      let sent = 0;
      let came = 0;
      while (came < size) {
        if (sent < size) sent += Math.max(0, socket.trySend(payload, sent));
        const read = socket.receive(room);
        if (read > 0) came += read;
      }
      if (index >= 0) all[index] = (performance.now() - start) * 1000;
    }
    all.sort();
    report[`p50_${size}`] = all[Math.floor(rounds * 0.5)]!;
    report[`p99_${size}`] = all[Math.floor(rounds * 0.99)]!;
  }
  socket.close();
  console.log(JSON.stringify(report));
}

disableChecksumOffload(device!);
const scenarios: Record<string, () => void | Promise<void>> = {
  echoes,
  opensAndCloses,
  resets,
  halfClose,
  pushesBack,
  refuses,
  losses,
  times,
};
await scenarios[scenario!]!();
