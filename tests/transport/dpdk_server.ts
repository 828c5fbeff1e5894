// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: echoes datagrams through `DpdkTransport`.
 *
 * Its argument is `DpdkOptions` as JSON. It prints its MAC address and echoes
 * what comes to UDP port 7000. Port 7001 takes orders as text: `counters`
 * (answered with a JSON array), `link`, `send <address> <port>`, `quit`. It
 * ends by itself when nobody sent anything for 20 seconds.
 *
 * @module
 */
import { parseIpv4 } from "../../ffi/dpdk.ts";
import { DpdkTransport } from "../../engine/transport/dpdk_transport.ts";
import {
  COMPLETION_ADDRESS,
  COMPLETION_ID,
  COMPLETION_LENGTH,
  COMPLETION_OFFSET,
  COMPLETION_PORT,
  COMPLETION_WORDS,
} from "../../engine/transport/transport.ts";

const ECHO_PORT = 7000;
const ORDER_PORT = 7001;
const IDLE_MS_MAX = 20_000;

const transport = new DpdkTransport(JSON.parse(Deno.args[0] ?? "{}"));
const echo = transport.listenDatagram("0.0.0.0", ECHO_PORT);
const orders = transport.listenDatagram("0.0.0.0", ORDER_PORT);
console.log(transport.mac);
let busyAt = performance.now();
let polls = 0;
let running = true;
while (running) {
  const count = transport.poll(0);
  for (let index = 0; index < count; index++) {
    answer(index * COMPLETION_WORDS);
  }
  if (count > 0) busyAt = performance.now();
  polls = (polls + 1) & 0xffff;
  if (polls === 0 && performance.now() - busyAt > IDLE_MS_MAX) break;
}
transport.poll(0);
transport.dispose();

function answer(at: number): void {
  const words = transport.completions;
  const offset = words[at + COMPLETION_OFFSET]!;
  const length = words[at + COMPLETION_LENGTH]!;
  const address = words[at + COMPLETION_ADDRESS]!;
  const port = words[at + COMPLETION_PORT]!;
  if (words[at + COMPLETION_ID] !== orders) {
    const room = transport.reserveDatagram(length);
    if (room < 0) return;
    transport.bytes.copyWithin(room, offset, offset + length);
    transport.commitDatagram(echo, address, port, length);
    return;
  }
  const [order, host, hostPort] = new TextDecoder()
    .decode(transport.bytes.slice(offset, offset + length)).split(" ");
  if (order === "counters") {
    say(address, port, JSON.stringify([...transport.counters]));
  } else if (order === "link") {
    say(address, port, JSON.stringify(transport.figures()));
  } else if (order === "send") {
    say(parseIpv4(host!), Number(hostPort), "unasked");
  } else if (order === "quit") {
    say(address, port, "bye");
    running = false;
  }
}

function say(address: number, port: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const room = transport.reserveDatagram(bytes.length);
  if (room < 0) throw new Error("No room for an answer");
  transport.bytes.set(bytes, room);
  transport.commitDatagram(orders, address, port, bytes.length);
}
