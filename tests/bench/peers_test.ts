// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { peerSides, peersOf, readPeer, runPeer } from "../../bench/peers.ts";

const EXPECTED = { messages: 100, tape: "0000beef", book: "0000cafe" };

/** A program that speaks the protocol, by a shell script. */
async function withProgram(
  script: string,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "ferrule-peer-" });
  try {
    await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`);
    await Deno.chmod(path, 0o755);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

const GOOD = `i=0; while [ $i -lt $2 ]; do
echo "pass $((i * 1000 + 1000)) 100 0000beef 0000cafe"; i=$((i + 1)); done`;

Deno.test("peersOf() reads names and paths", () => {
  assertEquals(peersOf("a=/x/y  b=z=1"), [
    { name: "a", path: "/x/y" },
    { name: "b", path: "z=1" },
  ]);
  assertEquals(peersOf(""), []);
  assertThrows(() => peersOf("a="), Error, 'FERRULE_PEERS: "a="');
  assertThrows(() => peersOf("/x/y"), Error, "FERRULE_PEERS");
});

Deno.test("readPeer() takes passes and latencies and skips the rest", () => {
  assertEquals(
    readPeer("a", "hello\npass 5 7 ab cd\nlatency add 1 2 3 4 5\n"),
    {
      passes: [{ ns: 5, messages: 7, tape: "ab", book: "cd" }],
      latency: [{ kind: "add", ns: [1, 2, 3, 4, 5] }],
    },
  );
  assertThrows(() => readPeer("a", "pass 5 7 ab"), Error, "a printed");
  assertThrows(() => readPeer("a", "pass 0 7 ab cd"), Error, "a printed");
  assertThrows(() => readPeer("a", "latency add 1 2"), Error, "a printed");
});

Deno.test("peerSides() gives the middle pass of a round, in nanoseconds a message", async () => {
  await withProgram(GOOD, async (path) => {
    const sides = await peerSides([{ name: "a", path }], "file", EXPECTED);
    assertEquals(sides.map(({ name }) => name), ["a"]);
    assertEquals(await sides[0]!.round(), 20);
  });
});

Deno.test("peerSides() leaves out a program that can not take the file", async () => {
  await withProgram("exit 3", async (path) => {
    assertEquals(await peerSides([{ name: "a", path }], "f", EXPECTED), []);
  });
});

Deno.test("peerSides() fails if a checksum differs", async () => {
  await withProgram(GOOD, async (path) => {
    for (const wrong of [{ tape: "1" }, { book: "1" }, { messages: 99 }]) {
      await assertRejects(
        () => peerSides([{ name: "a", path }], "f", { ...EXPECTED, ...wrong }),
        Error,
        "expected",
      );
    }
    assertEquals(
      (await peerSides([{ name: "a", path }], "f", { ...EXPECTED, book: "" }))
        .length,
      1,
    );
  });
});

Deno.test("runPeer() fails if a program fails or does less than it was asked", async () => {
  await withProgram("echo no >&2; exit 1", async (path) => {
    const peer = { name: "a", path };
    await assertRejects(() => runPeer(peer, "f", 1), Error, "ended with 1: no");
  });
  await withProgram("echo pass 1 1 a b", async (path) => {
    const peer = { name: "a", path };
    await assertRejects(() => runPeer(peer, "f", 2), Error, "1 passes");
  });
});
