// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport over io_uring against real sockets on loopback: the
 * conformance suite, and what is its own.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseAddress, UringTransport } from "../../engine/transport/mod.ts";
import { probeUring, setupRemedy } from "../../ffi/mod.ts";
import { conformance } from "./conformance.ts";
import { type SocketRung, socketTests } from "./socket_tests.ts";

const rung: SocketRung = {
  name: "io_uring",
  address: "127.0.0.1",
  clientAddress: "127.0.0.1",
  missing() {
    try {
      probeUring();
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  },
  open: (options) => new UringTransport(options),
};

conformance(rung);
socketTests(rung);

Deno.test("parseAddress() takes IPv4 addresses only", () => {
  assertEquals(parseAddress("127.0.0.1"), 0x7f000001);
  assertEquals(parseAddress("0.0.0.0"), 0);
  assertEquals(parseAddress("255.255.255.255"), 0xffffffff);
  for (
    const bad of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "a.b.c.d",
      "::1",
      "1..2.3",
      " 1.2.3.4",
    ]
  ) {
    assertThrows(() => parseAddress(bad), TypeError, "no IPv4 address");
  }
});

Deno.test("setupRemedy() names the cause of each refusal", () => {
  assert(setupRemedy(-1)!.includes("kernel.io_uring_disabled"));
  assert(setupRemedy(-13)!.includes("seccomp"));
  assert(setupRemedy(-38)!.includes("CONFIG_IO_URING"));
  assert(setupRemedy(-12)!.includes("LimitMEMLOCK"));
  assert(setupRemedy(-24)!.includes("LimitNOFILE"));
  assert(setupRemedy(-22)!.includes("6.1"));
  assertEquals(setupRemedy(-5), undefined);
});
