// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: carries frames between two interfaces, and is a bad
 * wire: it delays them, loses some, doubles some, lets others overtake. Its
 * arguments are the interfaces and a seed. It needs no module of the kernel,
 * and prints a line when it is ready.
 *
 * @module
 */
import { openRaw } from "./netns.ts";

/** Of so many frames each way one is lost, one is doubled, and one is late. */
const LOST_OF = 50;
const DOUBLED_OF = 50;
const LATE_OF = 50;
/** Each frame waits for up to this long, a late one longer. */
const DELAY_MS = 0.2;
const LATE_MS = 2;

interface Waiting {
  readonly dueMs: number;
  readonly to: number;
  readonly frame: Uint8Array<ArrayBuffer>;
}

let seed = Number(Deno.args[2]) >>> 0;

function random(below: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 0x1_0000_0000 * below);
}

const sockets = [openRaw(Deno.args[0]!), openRaw(Deno.args[1]!)];
/** In the order in which they came; most are due in it. */
let waiting: Waiting[] = [];
const room = new Uint8Array(65536);
console.log("ready");
while (true) {
  for (const from of [0, 1]) {
    const length = sockets[from]!.receive(room);
    if (length >= 0) take(from ^ 1, room.slice(0, length));
  }
  if (waiting.length > 0) carry(performance.now());
}

function take(to: number, frame: Uint8Array<ArrayBuffer>): void {
  if (random(LOST_OF) === 0) return;
  const delayMs = DELAY_MS + (random(LATE_OF) === 0 ? LATE_MS : 0);
  const entry = { dueMs: performance.now() + delayMs, to, frame };
  waiting.push(entry);
  if (random(DOUBLED_OF) === 0) waiting.push(entry);
}

function carry(nowMs: number): void {
  const due = waiting.filter(({ dueMs }) => dueMs <= nowMs);
  if (due.length === 0) return;
  waiting = waiting.filter(({ dueMs }) => dueMs > nowMs);
  for (const { to, frame } of due) send(to, frame);
}

/** A frame that the kernel does not take is one more that is lost. */
function send(to: number, frame: Uint8Array<ArrayBuffer>): void {
  try {
    sockets[to]!.send(frame);
  } catch {
    // Lost.
  }
}
