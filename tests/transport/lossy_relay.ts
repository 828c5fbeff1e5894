// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: carries frames between two interfaces, loses some and
 * lets others overtake. Its arguments are the interfaces and a seed. It needs
 * no module of the kernel, and prints a line when it is ready.
 *
 * @module
 */
import { openRaw } from "./netns.ts";

/** Of so many frames each way one is lost, and another one waits. */
const LOST_OF = 50;
const LATE_OF = 50;

let seed = Number(Deno.args[2]) >>> 0;

function random(below: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 0x1_0000_0000 * below);
}

const sockets = [openRaw(Deno.args[0]!), openRaw(Deno.args[1]!)];
const late: (Uint8Array<ArrayBuffer> | undefined)[] = [undefined, undefined];
const room = new Uint8Array(65536);
console.log("ready");
while (true) {
  for (const from of [0, 1]) {
    const length = sockets[from]!.receive(room);
    if (length >= 0) carry(from, room.slice(0, length));
  }
}

function carry(from: number, frame: Uint8Array<ArrayBuffer>): void {
  if (random(LOST_OF) === 0) return;
  if (late[from] === undefined && random(LATE_OF) === 0) {
    late[from] = frame;
    return;
  }
  send(from ^ 1, frame);
  if (late[from] !== undefined && random(4) === 0) {
    send(from ^ 1, late[from]);
    late[from] = undefined;
  }
}

/** A frame that the kernel does not take is one more that is lost. */
function send(to: number, frame: Uint8Array<ArrayBuffer>): void {
  try {
    sockets[to]!.send(frame);
  } catch {
    // Lost.
  }
}
