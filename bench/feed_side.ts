// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The sending side of `feed_bench.ts`: publishes messages of 36 bytes on lines
 * A and B, as fast as the slower line takes them, and answers requests until
 * nobody asks any more. Arguments: "io_uring" or "plain", how many messages,
 * the ports of the lines. Prints its request port, then, once a line comes
 * on its standard input, publishes, and prints how long that took.
 *
 * @module
 */
import type { FeedBuilder } from "../engine/marketdata/mod.ts";
import { FeedServer, FeedStore } from "../engine/marketdata/mod.ts";
import { openSockets, type SocketKind } from "../engine/transport/mod.ts";
import { pinThread } from "../ffi/mod.ts";
import { SERVER_CORE } from "./programs.ts";

const [kind, messagesText, portA, portB, ...groups] = Deno.args;
const messages = Number(messagesText);
const ADDRESS = "127.0.0.1";
const MESSAGE_BYTES = 36;
const BEHIND_MAX = 4096;
/** Nobody asked for so long: everybody has all. */
const QUIET_MS = 1000;

pinThread(SERVER_CORE);
const transport = openSockets(kind as SocketKind, {
  connectionsMax: 1,
  datagramsMax: 1024,
  hugePages: false,
});
const number = (group: string): number =>
  group.split(".").reduce((sum, part) => sum << 8 | Number(part), 0);
const line = (group: string, port: string) => {
  const listener = transport.listenDatagram(ADDRESS, 0);
  transport.multicastFrom(listener, ADDRESS, 1);
  return { transport, listener, group: number(group), port: Number(port) };
};
const requests = transport.listenDatagram(ADDRESS, 0);
const store = new FeedStore(1 << 20);
const server = new FeedServer({
  store,
  builder: { book: { size: 0 } } as unknown as FeedBuilder,
  session: "0000000001",
  lines: [line(groups[0]!, portA!), line(groups[1]!, portB!)],
  requests: { transport, listener: requests },
  requestsPerSecond: 1_000_000,
  snapshots: transport,
  heartbeatMs: 10,
  snapshotsMax: 1,
  nowMs: () => performance.now(),
});
console.log(transport.port(requests));
await Deno.stdin.read(new Uint8Array(1));
const start = performance.now();
for (let i = 0; i < messages; i++) {
  const at = store.claim();
  store.bytes[at] = i & 0xff;
  store.commit(MESSAGE_BYTES);
  while (server.behind > BEHIND_MAX) server.doWork(0);
}
while (server.behind > 0) server.doWork(0);
const ms = performance.now() - start;
let asked = 0;
let quietSince = performance.now();
while (performance.now() - quietSince < QUIET_MS) {
  server.doWork(100);
  const { answered, unanswered } = server.counts;
  if (answered + unanswered === asked) continue;
  asked = answered + unanswered;
  quietSince = performance.now();
}
console.log(
  JSON.stringify({ ms, ...server.counts }),
);
transport.dispose();
