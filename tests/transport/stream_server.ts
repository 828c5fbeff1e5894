// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: serves streams through a transport.
 *
 * Its argument is JSON: `{ "transport": "dpdk" | "io_uring", "options": … }`.
 * It prints a line when it is ready. TCP port 7100 echoes, 7101 answers the
 * first bytes with "bye" and closes, 7102 resets at the first byte, 7103 reads
 * nothing before the order `read`. UDP port 7001 takes orders as text:
 * `state` (answered with JSON), `read`, `quit`. It ends by itself when nothing
 * came for 30 seconds.
 *
 * @module
 */
import { DpdkTransport } from "../../engine/transport/dpdk_transport.ts";
import {
  BACKPRESSURE,
  COMPLETION_ADDRESS,
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_PORT,
  COMPLETION_WORDS,
  CompletionKind,
  GONE,
} from "../../engine/transport/transport.ts";
import { UringTransport } from "../../engine/transport/socket_transport.ts";

const ORDER_PORT = 7001;
const IDLE_MS_MAX = 30_000;
const ANY = "0.0.0.0";

interface Client {
  readonly port: number;
  /** Received and not echoed yet. */
  offset: number;
  bytes: number;
  /** Echoed since the window was shown. */
  echoed: number;
}

const { transport: rung, options } = JSON.parse(Deno.args[0]!);
const transport = rung === "dpdk"
  ? new DpdkTransport(options)
  : new UringTransport(options);
const orders = transport.listenDatagram(ANY, ORDER_PORT);
const portOf = new Map(
  [7100, 7101, 7102, 7103].map((port) => [
    transport.listenStream(ANY, port),
    port,
  ]),
);
const clients = new Map<number, Client>();
const unfinished = new Set<number>();
const state = { accepted: 0, closed: 0, reset: 0, backpressure: 0, bytes: 0 };
let reading = false;
let running = true;
let busyAt = performance.now();
let polls = 0;
console.log("ready");
while (running) {
  const count = transport.poll(0);
  for (let index = 0; index < count; index++) take(index * COMPLETION_WORDS);
  if (unfinished.size > 0) {
    for (const id of [...unfinished]) answer(id, clients.get(id)!);
  }
  if (count > 0) busyAt = performance.now();
  polls = (polls + 1) & 0xffff;
  if (polls === 0 && performance.now() - busyAt > IDLE_MS_MAX) break;
}
for (let last = 0; last < 100; last++) transport.poll(0);
transport.dispose();

function take(at: number): void {
  const words = transport.completions;
  const kind = words[at + COMPLETION_KIND]!;
  const id = words[at + COMPLETION_ID]!;
  if (kind === CompletionKind.DATAGRAM) {
    order(at);
  } else if (kind === CompletionKind.ACCEPTED) {
    state.accepted++;
    const port = portOf.get(words[at + COMPLETION_LISTENER]!)!;
    clients.set(id, { port, offset: 0, bytes: 0, echoed: 0 });
  } else if (kind === CompletionKind.RECEIVED) {
    const client = clients.get(id)!;
    client.offset = words[at + COMPLETION_OFFSET]!;
    client.bytes = words[at + COMPLETION_LENGTH]!;
    answer(id, client);
  } else {
    state.closed++;
    if (words[at + COMPLETION_LENGTH]! < 0) state.reset++;
    clients.delete(id);
    unfinished.delete(id);
  }
}

/** Echoes what there is room for; the rest stays in the window. */
function echo(id: number, client: Client): boolean {
  let done = 0;
  while (done < client.bytes) {
    const bytes = Math.min(client.bytes - done, 16384);
    const room = transport.reserve(id, bytes);
    if (room === GONE) return true;
    if (room === BACKPRESSURE) break;
    const from = client.offset + done;
    transport.bytes.copyWithin(room, from, from + bytes);
    transport.commit(id, bytes);
    done += bytes;
  }
  client.offset += done;
  client.bytes -= done;
  state.bytes += done;
  client.echoed += done;
  if (client.bytes > 0) {
    state.backpressure++;
    return false;
  }
  transport.consume(id, client.echoed);
  client.echoed = 0;
  return true;
}

function answer(id: number, client: Client): void {
  let finished = true;
  if (client.port === 7100) {
    finished = echo(id, client);
  } else if (client.port === 7101) {
    transport.bytes.set([98, 121, 101], transport.reserve(id, 3));
    transport.commit(id, 3);
    transport.close(id);
  } else if (client.port === 7102) {
    transport.abort(id);
  } else if (reading) {
    state.bytes += client.bytes;
    transport.consume(id, client.bytes);
  } else {
    finished = false;
  }
  if (finished) unfinished.delete(id);
  else unfinished.add(id);
}

function order(at: number): void {
  const words = transport.completions;
  const offset = words[at + COMPLETION_OFFSET]!;
  const text = new TextDecoder().decode(
    transport.bytes.slice(offset, offset + words[at + COMPLETION_LENGTH]!),
  );
  if (text === "read") reading = true;
  if (text === "quit") running = false;
  const { refusedConnections } = transport;
  const said = { ...state, refusedConnections, open: clients.size };
  const bytes = new TextEncoder().encode(JSON.stringify(said));
  const room = transport.reserveDatagram(bytes.length);
  transport.bytes.set(bytes, room);
  transport.commitDatagram(
    orders,
    words[at + COMPLETION_ADDRESS]!,
    words[at + COMPLETION_PORT]!,
    bytes.length,
  );
}
