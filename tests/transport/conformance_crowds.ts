// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Conformance: many connections at once, and clients with bad manners. See
 * `conformance.ts`.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  BACKPRESSURE,
  CompletionKind,
  GONE,
} from "../../engine/transport/mod.ts";
import {
  Bed,
  type ConformanceTest,
  openFiles,
  pattern,
  readExactly,
  readToEnd,
  type Rung,
  writeAll,
} from "./bed.ts";
import { openFrom, openResetting } from "./netns.ts";

const ECONNRESET = -104;

/** What every transport with streams does. */
export const CROWD_TESTS: ConformanceTest[] = [];

function test(name: string, body: ConformanceTest["body"]): void {
  CROWD_TESTS.push({ name, body });
}

/** A bed that is open, and its port. */
function listening(
  rung: Rung,
  options: ConstructorParameters<typeof Bed>[1],
): { bed: Bed; port: number } {
  const bed = new Bed(rung, options);
  return {
    bed,
    port: bed.transport.port(bed.transport.listenStream(rung.address, 0)),
  };
}

/** Connections that nobody has polled for yet, where there can be such. */
async function crowd(
  bed: Bed,
  rung: Rung,
  port: number,
  count: number,
): Promise<Deno.TcpConn[]> {
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < count; i++) {
    const client = rung.pollsToAccept
      ? bed.dial(port)
      : Deno.connect({ hostname: rung.address, port });
    clients.push(await client);
  }
  return clients;
}

test("opens and closes thousands of connections and keeps no descriptor", async (rung) => {
  const { bed, port } = listening(rung, { connectionsMax: 256 });
  using _ = bed;
  const before = openFiles();
  const waves = 16;
  const size = 200;
  for (let wave = 0; wave < waves; wave++) {
    const clients = await crowd(bed, rung, port, size);
    await bed.until(
      "all accepted",
      () => bed.of(CompletionKind.ACCEPTED).length === size * (wave + 1),
    );
    const ids = bed.of(CompletionKind.ACCEPTED).slice(-size);
    // Half are closed by us, half by their clients.
    if (wave % 2 === 0) { for (const { id } of ids) bed.transport.close(id); }
    for (const client of clients) client.close();
    await bed.until(
      "all closed",
      () => bed.of(CompletionKind.CLOSED).length === size * (wave + 1),
    );
  }
  for (let i = 0; i < 10; i++) bed.step(100);
  assertEquals(openFiles(), before);
  assertEquals(bed.transport.openConnections ?? 0, 0);
  assertEquals(bed.transport.refusedConnections, 0);
  const closed = bed.of(CompletionKind.CLOSED).map(({ id }) => id);
  assertEquals(new Set(closed).size, waves * size, "each id once");
  const accepted = bed.of(CompletionKind.ACCEPTED).map(({ id }) => id);
  assertEquals(closed.sort(), accepted.sort());
});

test("takes more connections and messages at once than one poll reports", async (rung) => {
  const size = 700;
  const { bed, port } = listening(rung, {
    connectionsMax: size,
    receiveWindowBytes: 4096,
    sendWindowBytes: 8192,
  });
  using _ = bed;
  bed.onReceived = (id, offset, length) => {
    const at = bed.transport.reserve(id, length);
    if (at < 0) return 0;
    bed.transport.bytes.copyWithin(at, offset, offset + length);
    bed.transport.commit(id, length);
    return length;
  };
  const clients = await crowd(bed, rung, port, size);
  await bed.until(
    "all accepted",
    () => bed.of(CompletionKind.ACCEPTED).length === size,
  );
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      clients.map((client, i) => writeAll(client, pattern(300, i + round))),
    );
    const answers = await bed.during(
      "all answers",
      Promise.all(clients.map((client) => readExactly(client, 300))),
    );
    answers.forEach((answer, i) =>
      assertEquals(answer, pattern(300, i + round))
    );
  }
  for (const client of clients) client.close();
  await bed.until(
    "all closed",
    () => bed.of(CompletionKind.CLOSED).length === size,
  );
});

test("a client that does not read holds up no other", async (rung) => {
  const { bed, port } = listening(rung, { sendWindowBytes: 65536 });
  using _ = bed;
  const stuck = await bed.connect(port);
  const other = await bed.connect(port);
  bed.fill(stuck.id);
  for (let round = 0; round < 50; round++) {
    assertEquals(bed.send(other.id, pattern(100, round)), 0);
    assertEquals(
      await bed.during("the other", readExactly(other.client, 100)),
      pattern(100, round),
    );
  }
  assertEquals(bed.transport.reserve(stuck.id, 40_000), BACKPRESSURE);
  stuck.client.close();
  other.client.close();
  await bed.until("both", () => bed.of(CompletionKind.CLOSED).length === 2);
});

test("tells a client's reset as ECONNRESET, whatever was under way", async (rung) => {
  const { bed, port } = listening(rung, { sendWindowBytes: 65536 });
  using _ = bed;
  for (const sending of [false, true]) {
    bed.seen.length = 0;
    const client = openResetting(rung.address, port);
    await bed.until(
      "ACCEPTED",
      () => bed.of(CompletionKind.ACCEPTED).length === 1,
    );
    const { id } = bed.of(CompletionKind.ACCEPTED)[0]!;
    if (sending) bed.fill(id);
    else for (let i = 0; i < 5; i++) bed.step(100);
    client.reset();
    await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
    const closed = bed.of(CompletionKind.CLOSED)[0]!;
    assertEquals([closed.id, closed.length], [id, ECONNRESET]);
    assertEquals(bed.transport.reserve(id, 1), GONE);
  }
});

test("close() while sending: all arrives, then the end, and what comes is not read", async (rung) => {
  const { bed, port } = listening(rung, {
    sendWindowBytes: 65536,
    lingerMs: 10_000,
  });
  using _ = bed;
  const { client, id } = await bed.connect(port);
  const sent = bed.fill(id);
  const before = bed.of(CompletionKind.RECEIVED).length;
  bed.transport.close(id);
  await bed.during("a late message", writeAll(client, pattern(3000, 1)));
  assertEquals(await bed.during("the end", readToEnd(client)), sent);
  client.close();
  await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
  assertEquals(bed.of(CompletionKind.CLOSED)[0]!.length, 0);
  assertEquals(bed.of(CompletionKind.RECEIVED).length, before);
});

test("takes messages of no bytes and of all its bytes", async (rung) => {
  const { bed, port } = listening(rung, {
    receiveWindowBytes: 8192,
    sendWindowBytes: 16384,
  });
  using _ = bed;
  const { client, id } = await bed.connect(port);
  const { transport } = bed;
  assertEquals(bed.send(id, new Uint8Array(0)), 0);
  for (let i = 0; i < 5; i++) bed.step(100);
  assertEquals(transport.pending(id), 0);
  transport.consume(id, 0);
  assertEquals(bed.send(id, pattern(8192, 1)), 0);
  assertEquals(bed.send(id, new Uint8Array(0)), 0);
  assertEquals(
    await bed.during("the largest", readExactly(client, 8192)),
    pattern(8192, 1),
  );
  assertEquals(transport.reserve(id, 16385), BACKPRESSURE);
  // The window fills to its last byte, and is then read as a whole.
  bed.onReceived = (_id, _offset, length) => length === 8192 ? length : 0;
  await writeAll(client, pattern(8192, 2));
  await bed.until(
    "a full window",
    () => bed.of(CompletionKind.RECEIVED).at(-1)?.length === 8192,
  );
  assertEquals(bed.of(CompletionKind.RECEIVED).at(-1)!.bytes, pattern(8192, 2));
  bed.onReceived = (_id, _offset, length) => length;
  await writeAll(client, pattern(1, 3));
  await bed.until(
    "one byte more",
    () => bed.of(CompletionKind.RECEIVED).at(-1)!.length === 1,
  );
  client.close();
});

function assertReset(error: unknown): void {
  assert(
    error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe,
    String(error),
  );
}

test("refuses a full house's next clients, whether they talk or not", async (rung) => {
  const { bed, port } = listening(rung, { connectionsMax: 3 });
  using _ = bed;
  const inside = [];
  for (let i = 0; i < 3; i++) inside.push(await bed.connect(port));
  for (let i = 0; i < 10; i++) {
    const client = await bed.dial(port);
    // The refusal may be there before the client has said a word.
    if (i % 2 === 0) await client.write(pattern(100, i)).catch(assertReset);
    assertEquals(await bed.during("refusal", readToEnd(client)), 0);
    client.close();
  }
  assertEquals(bed.transport.refusedConnections, 10);
  assertEquals(bed.of(CompletionKind.ACCEPTED).length, 3);
  assertEquals(bed.of(CompletionKind.RECEIVED).length, 0);
  for (const { client, id } of inside) {
    assertEquals(bed.send(id, pattern(20, id)), 0);
    assertEquals(
      await bed.during("those inside", readExactly(client, 20)),
      pattern(20, id),
    );
    client.close();
  }
});

test("a client that closes its half gets the answer to what it sent before", async (rung) => {
  const { bed, port } = listening(rung, { sendWindowBytes: 65536 });
  using _ = bed;
  bed.onReceived = (id, offset, length) => {
    const at = bed.transport.reserve(id, length);
    if (at < 0) return 0;
    bed.transport.bytes.copyWithin(at, offset, offset + length);
    bed.transport.commit(id, length);
    return length;
  };
  for (const length of [1, 100, 20_000]) {
    bed.seen.length = 0;
    const { client } = await bed.connect(port);
    await writeAll(client, pattern(length, length));
    await client.closeWrite();
    assertEquals(await bed.during("the answer", readToEnd(client)), length);
    client.close();
    await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
    const received = bed.of(CompletionKind.RECEIVED);
    assert(received.length > 0);
    assertEquals(bed.of(CompletionKind.CLOSED)[0]!.length, 0);
  }
});

test("a closed listener's port is free after the next poll", async (rung) => {
  using bed = new Bed(rung);
  const { transport } = bed;
  for (const used of [false, true]) {
    const listener = transport.listenStream(rung.address, 0);
    const port = transport.port(listener);
    bed.step();
    if (used) (await bed.connect(port)).client.close();
    transport.closeListener(listener);
    bed.step();
    const next = transport.listenStream(rung.address, port);
    assertEquals(transport.port(next), port);
    const datagrams = transport.listenDatagram(rung.address, 0);
    const datagramPort = transport.port(datagrams);
    bed.step();
    transport.closeListener(datagrams);
    bed.step();
    const again = transport.listenDatagram(rung.address, datagramPort);
    assertEquals(transport.port(again), datagramPort);
  }
});

test("a client comes back at once from the same port, although we closed", async (rung) => {
  const { bed, port } = listening(rung, { lingerMs: 5000 });
  using _ = bed;
  // Free a moment ago, and nobody else's in a namespace or on loopback.
  const free = Deno.listen({ hostname: rung.clientAddress, port: 0 });
  const source = (free.addr as Deno.NetAddr).port;
  free.close();
  for (let round = 0; round < 5; round++) {
    bed.seen.length = 0;
    const from = { address: rung.clientAddress, port: source };
    const client = openFrom(rung.address, port, from);
    await bed.until(
      "ACCEPTED",
      () => bed.of(CompletionKind.ACCEPTED).length === 1,
    );
    const accepted = bed.of(CompletionKind.ACCEPTED)[0]!;
    assertEquals(accepted.port, source);
    // We close first, and so the end is remembered here.
    bed.transport.close(accepted.id);
    for (let i = 0; i < 20; i++) bed.step(100);
    client.close();
    await bed.until("CLOSED", () => bed.of(CompletionKind.CLOSED).length === 1);
    assertEquals(bed.of(CompletionKind.CLOSED)[0]!.length, 0);
  }
});

/** What can happen to a connection, by either end, in any order. */
const FATES = [
  "client closes",
  "client resets",
  "client closes its half",
  "client talks and closes",
  "we close",
  "we reset",
  "we talk and close",
  "we talk and reset",
  "both close",
] as const;

/** One connection from its begin to what its client does last. */
async function meetFate(
  bed: Bed,
  port: number,
  fate: typeof FATES[number],
): Promise<void> {
  if (fate === "client resets") {
    const before = bed.of(CompletionKind.ACCEPTED).length;
    const client = openResetting(bed.address, port);
    await bed.until(
      "ACCEPTED",
      () => bed.of(CompletionKind.ACCEPTED).length > before,
    );
    client.reset();
    return;
  }
  const { client, id } = await bed.connect(port);
  const { transport } = bed;
  if (fate.includes("we talk")) bed.send(id, pattern(30_000, id));
  if (fate === "client talks and closes") await client.write(pattern(9000, 1));
  if (fate === "client closes its half") await client.closeWrite();
  if (fate.endsWith("close") && fate !== "client closes") transport.close(id);
  if (fate.endsWith("reset")) transport.abort?.(id);
  if (fate === "we close" || fate === "client closes its half") {
    await bed.during("the end", readToEnd(client));
  }
  client.close();
}

test("keeps nothing of thousands of connections, however they ended", async (rung) => {
  const { bed, port } = listening(rung, {
    connectionsMax: 64,
    sendWindowBytes: 65536,
    lingerMs: 2000,
  });
  using _ = bed;
  // The first of a kind may make what stays.
  for (const fate of FATES) await meetFate(bed, port, fate);
  const closed = () => bed.of(CompletionKind.CLOSED).length;
  await bed.until("the first", () => closed() === FATES.length);
  for (let i = 0; i < 50; i++) bed.step(100);
  const { transport } = bed;
  const inUse = () => {
    const { connections = 0, waiting = 0, ...rest } = transport.inUse?.() ?? {};
    // Those that wait after a close are over, and make room when it is needed.
    return { files: openFiles(), alive: connections - waiting, ...rest };
  };
  const before = inUse();
  const count = 250 * FATES.length;
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const fate = FATES[(state >>> 8) % FATES.length]!;
    await meetFate(bed, port, fate);
    bed.seen.length = 0;
  }
  await bed.until("all gone", () => (transport.openConnections ?? 0) === 0);
  for (let i = 0; i < 200; i++) bed.step(1000);
  assertEquals(inUse(), before);
});
