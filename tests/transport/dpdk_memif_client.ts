// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: the other end of `dpdk_server.ts` over shared memory,
 * with DPDK on both sides. Its argument is `DpdkOptions` as JSON. It sends
 * datagrams of every size, then as many as fit, and prints what came back.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DpdkTransport } from "../../engine/transport/mod.ts";
import { addressWord, Bed, pattern } from "./bed.ts";
import { SERVER_ADDRESS } from "./netns.ts";

const ECHO_PORT = 7000;
const ORDER_PORT = 7001;
const BYTES_MAX = 1472;
const BURST = 32;
const BURSTS = 50;

const transport = new DpdkTransport(JSON.parse(Deno.args[0]!));
using bed = new Bed({
  name: "dpdk",
  address: "",
  clientAddress: "",
  missing: () => "",
  open: () => transport,
});
const listener = transport.listenDatagram("0.0.0.0", 0);

function send(data: Uint8Array, port: number): void {
  const at = transport.reserveDatagram(data.length);
  if (at < 0) throw new Error(`reserveDatagram() said ${at}`);
  transport.bytes.set(data, at);
  const to = addressWord(SERVER_ADDRESS);
  transport.commitDatagram(listener, to, port, data.length);
}

await bed.until("the link", () => transport.figures().up, 1000);
let echoes = 0;
for (let length = 0; length <= BYTES_MAX; length += 23) {
  const data = pattern(length, length + 1);
  bed.seen.length = 0;
  send(data, ECHO_PORT);
  await bed.until("an echo", () => bed.seen.length === 1);
  assertEquals(bed.seen[0]!.bytes, data);
  echoes++;
}
for (let burst = 0; burst < BURSTS; burst++) {
  bed.seen.length = 0;
  for (let i = 0; i < BURST; i++) send(Uint8Array.of(burst, i), ECHO_PORT);
  await bed.until("a burst", () => bed.seen.length === BURST);
  bed.seen.forEach(({ bytes }, i) => assertEquals([...bytes], [burst, i]));
  echoes += BURST;
}
// Its end takes the link down.
send(new TextEncoder().encode("quit"), ORDER_PORT);
await bed.until("the server's end", () => !transport.figures().up, 1000);
console.log(JSON.stringify({ echoes }));
