// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Links: bytes there and back on loopback, and the ways in which there is none.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  acceptLink,
  closeLink,
  connectedLink,
  connectLink,
  LINK_NONE,
  LINK_PENDING,
  listenLink,
  receiveLink,
  sendLink,
} from "../../ffi/link.ts";
import { addressOf } from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { cpuSleep } from "../../ffi/cpu.ts";

function until(
  what: string,
  ask: () => number,
  wanted: (n: number) => boolean,
) {
  for (let round = 0; round < 100_000; round++) {
    const answer = ask();
    if (wanted(answer)) return answer;
    cpuSleep(50);
  }
  throw new Error(`Never: ${what}`);
}

Deno.test("a link carries bytes both ways, and says when the other side is gone", () => {
  const { fd: listener, port } = listenLink("127.0.0.1", 0);
  const peer = new Uint32Array(2);
  assertEquals(acceptLink(listener, peer), LINK_NONE);
  const caller = connectLink("127.0.0.1", port);
  const called = until(
    "a call",
    () => acceptLink(listener, peer),
    (fd) => fd !== LINK_NONE,
  );
  assert(called >= 0);
  assertEquals(peer[0], 0x7f000001);
  until("connected", () => connectedLink(caller), (s) => s !== LINK_PENDING);
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const into = new Uint8Array(16);
  assertEquals(receiveLink(called, addressOf(into), 16), 0);
  assertEquals(sendLink(caller, addressOf(bytes), 4), 4);
  const got = until(
    "bytes",
    () => receiveLink(called, addressOf(into), 16),
    (count) => count !== 0,
  );
  assertEquals(got, 4);
  assertEquals([...into.subarray(0, 4)], [1, 2, 3, 4]);
  assertEquals(closeLink(caller), 0);
  const end = until(
    "the end",
    () => receiveLink(called, addressOf(into), 16),
    (count) => count !== 0,
  );
  assertEquals(end, -32);
  assertEquals(closeLink(called), 0);
  assertEquals(closeLink(listener), 0);
});

Deno.test("listenLink() says who has the port, and what to change", () => {
  const { fd, port } = listenLink("127.0.0.1", 0);
  const error = assertThrows(() => listenLink("127.0.0.1", port), NativeError);
  assertStringIncludes(error.message, "EADDRINUSE");
  assertStringIncludes(error.message, "[replication] address or port");
  closeLink(fd);
  assertThrows(() => connectLink("nobody", 1), NativeError, "EINVAL");
});
