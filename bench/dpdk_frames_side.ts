// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Our side of `dpdk_frames_bench.ts`: takes or sends as many datagrams as it
 * can through `DpdkTransport`, for a while, and prints how many a second.
 * Arguments: "in" or "out", `DpdkOptions` as JSON, bytes of a datagram,
 * milliseconds of warm-up, milliseconds of measurement.
 *
 * @module
 */
import { pinThread } from "../ffi/mod.ts";
import {
  COMPLETION_KIND,
  COMPLETION_OFFSET,
  COMPLETION_WORDS,
  CompletionKind,
  DpdkTransport,
} from "../engine/transport/mod.ts";
import { SERVER_CORE } from "./programs.ts";

const PORT = 7000;
/** 10.99.0.1, whose MAC address is pinned. */
const PEER = 0x0a630001;
const BURST = 64;
const ROUNDS_BETWEEN_CLOCKS = 256;

const [direction, options, bytesText, warmupText, measureText] = Deno.args;
const bytes = Number(bytesText);
pinThread(SERVER_CORE);
const transport = new DpdkTransport(JSON.parse(options!));
const listener = transport.listenDatagram("0.0.0.0", PORT);
let sum = 0;

/** Reads the first byte of each datagram. */
function takeIn(): number {
  const { completions: words, bytes: memory } = transport;
  const count = transport.poll(0);
  let datagrams = 0;
  for (let i = 0; i < count; i++) {
    const at = i * COMPLETION_WORDS;
    if (words[at + COMPLETION_KIND] !== CompletionKind.DATAGRAM) continue;
    sum += memory[words[at + COMPLETION_OFFSET]!]!;
    datagrams++;
  }
  return datagrams;
}

/** Writes the first byte of each datagram. */
function sendOut(): number {
  const { bytes: memory } = transport;
  let datagrams = 0;
  while (datagrams < BURST) {
    const at = transport.reserveDatagram(bytes);
    if (at < 0) break;
    memory[at] = datagrams;
    transport.commitDatagram(listener, PEER, PORT, bytes);
    datagrams++;
  }
  transport.poll(0);
  return datagrams;
}

function run(round: () => number, ms: number): number {
  const start = performance.now();
  let count = 0;
  let elapsed = 0;
  while (elapsed < ms) {
    for (let i = 0; i < ROUNDS_BETWEEN_CLOCKS; i++) count += round();
    elapsed = performance.now() - start;
  }
  return count / elapsed * 1000;
}

const round = direction === "in" ? takeIn : sendOut;
// The other end may need a moment until it is there.
const end = performance.now() + 20_000;
while (!transport.figures().up && performance.now() < end) transport.poll(1000);
run(round, Number(warmupText));
const before = transport.figures();
const perSecond = run(round, Number(measureText));
const after = transport.figures();
// What the device took, not what was queued.
const sent = (after.sentFrames - before.sentFrames) / Number(measureText) *
  1000;
transport.dispose();
console.log(JSON.stringify({
  perSecond: direction === "in" ? perSecond : Math.min(perSecond, sent),
  sum,
}));
