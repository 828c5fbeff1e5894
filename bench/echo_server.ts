// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The echo server of the benchmark, over our transport: answers each request
 * of IN bytes with OUT bytes and never sleeps, unless SHAPE says so. Twin of
 * `bench/native/echo_server.c`. Ends by itself after SECONDS. SHAPE is the JSON
 * of an `EchoShape`.
 *
 *     echo_server.ts tcp|udp IN OUT CORE SECONDS [SHAPE]
 *
 * @module
 */
import {
  COMPLETION_WORDS,
  CompletionKind,
  openSockets,
  type SocketTransport,
  type SocketTransportOptions,
} from "../engine/transport/mod.ts";
import { pinThread } from "../ffi/mod.ts";

/** The clock is read once in so many polls. */
const POLLS_PER_CLOCK = 65536;

/** What is not usual about a server. */
export interface EchoShape {
  readonly address?: string;
  /** epoll waits, not io_uring. */
  readonly plain?: boolean;
  readonly options?: SocketTransportOptions;
  /** How long a poll may sleep. */
  readonly waitUs?: number;
}

const [over = "tcp", inText, outText, coreText, secondsText, shapeText] = Deno
  .args;
const shape = JSON.parse(shapeText ?? "{}") as EchoShape;
const address = shape.address ?? "127.0.0.1";
const inBytes = Number(inText);
const outBytes = Number(outText);

function answerStream(
  transport: SocketTransport,
  connection: number,
  length: number,
): void {
  let read = 0;
  for (; read + inBytes <= length; read += inBytes) {
    if (transport.reserve(connection, outBytes) < 0) break;
    transport.commit(connection, outBytes);
  }
  transport.consume(connection, read);
}

function answerDatagram(transport: SocketTransport, at: number): void {
  const completions = transport.completions;
  if (transport.reserveDatagram(outBytes) < 0) return;
  transport.commitDatagram(
    completions[at + 2]!,
    completions[at + 5]!,
    completions[at + 6]!,
    outBytes,
  );
}

function serve(transport: SocketTransport, until: number): void {
  const completions = transport.completions;
  const waitUs = shape.waitUs ?? 0;
  const pollsPerClock = waitUs === 0 ? POLLS_PER_CLOCK : 1;
  for (let polls = 1;; polls++) {
    const count = transport.poll(waitUs);
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_WORDS;
      const kind = completions[at];
      if (kind === CompletionKind.RECEIVED) {
        answerStream(transport, completions[at + 1]!, completions[at + 4]!);
      } else if (kind === CompletionKind.DATAGRAM) {
        answerDatagram(transport, at);
      }
    }
    if (polls % pollsPerClock === 0 && performance.now() >= until) return;
  }
}

const core = Number(coreText);
if (core >= 0) pinThread(core);
const transport = openSockets(shape.plain ? "plain" : "io_uring", {
  connectionsMax: 16,
  ...shape.options,
});
const listener = over === "tcp"
  ? transport.listenStream(address, 0)
  : transport.listenDatagram(address, 0);
Deno.stdout.writeSync(
  new TextEncoder().encode(`ready ${transport.port(listener)}\n`),
);
serve(transport, performance.now() + Number(secondsText) * 1000);
transport.dispose();
