// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The snapshot service as SoupBinTCP has it: logins, heartbeats, silence, the
 * end; over a transport that takes as many bytes as a test lets it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { FeedBuilder } from "../../engine/marketdata/mod.ts";
import { FeedSnapshots, FeedStore } from "../../engine/marketdata/mod.ts";
import {
  BACKPRESSURE,
  GONE,
  NullTransport,
} from "../../engine/transport/mod.ts";

const CLIENT = 5;
const WINDOW_AT = 65_536;
/** Messages of a snapshot. */
const MESSAGES = 2000;
const LOGIN = { user: "GLIMPS", password: "s3cret" };

/** One connection, whose client takes `room` bytes. */
class Wire extends NullTransport {
  override readonly bytes = new Uint8Array(131_072);
  room = Infinity;
  taken = "";
  unsent = 0;
  consumed = 0;
  isClosed = false;

  override reserve(_id?: number, bytes = 0): number {
    if (this.isClosed) return GONE;
    return bytes <= this.room ? 0 : BACKPRESSURE;
  }

  override commit(_id?: number, bytes = 0): void {
    this.room -= bytes;
    for (let i = 0; i < bytes; i++) {
      this.taken += String.fromCharCode(this.bytes[i]!);
    }
  }

  override pending(): number {
    return this.unsent;
  }

  override consume(_id?: number, bytes = 0): void {
    this.consumed += bytes;
  }

  override close(): void {
    this.isClosed = true;
  }

  /** Types of the frames that were taken since the last call; all must be whole. */
  types(): string {
    let types = "";
    let at = 0;
    while (at < this.taken.length) {
      types += this.taken[at + 2];
      at += 2 +
        (this.taken.charCodeAt(at) << 8 | this.taken.charCodeAt(at + 1));
    }
    assertEquals(at, this.taken.length, "a frame is cut");
    this.taken = "";
    return types.replaceAll(/S{2,}/g, "S*");
  }
}

function make(login: typeof LOGIN | null = LOGIN) {
  const wire = new Wire();
  const builder = {
    book: { size: 0 },
    describe(
      encoder: { snapshotEnd(next: number): number },
      write: (encode: () => number) => void,
    ): void {
      for (let i = 0; i < MESSAGES; i++) write(() => encoder.snapshotEnd(i));
    },
  } as unknown as FeedBuilder;
  const service = new FeedSnapshots({
    transport: wire,
    store: new FeedStore(16),
    builder,
    session: "0000000001",
    connectionsMax: 1,
    ...(login === null ? {} : { login }),
  });
  service.accepted(CLIENT, 0);
  const say = (text: string, now: number): void => {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    wire.bytes.set(bytes, WINDOW_AT);
    service.received(CLIENT, WINDOW_AT, bytes.length, now);
  };
  return { wire, service, say };
}

function frame(type: string, payload = ""): string {
  const length = payload.length + 1;
  return String.fromCharCode(length >>> 8, length & 0xff) + type + payload;
}

function login(
  user: string,
  password: string,
  session = "",
  rest = "",
): string {
  return frame(
    "L",
    user.padEnd(6) + password.padEnd(10) + session.padStart(10) +
      "1".padStart(20) + rest,
  );
}

Deno.test("FeedSnapshots lets in who has user and password, in either case, and tells others why not", () => {
  for (
    const [text, reason] of [
      [login("GLIMPS", "s3cret"), ""],
      [login("glimps", "S3CRET", "0000000001"), ""],
      [login("GLIMPS", "s3cre"), "A"],
      [login("GLIMPS", ""), "A"],
      [login("GLIMP", "s3cret"), "A"],
      [login("", ""), "A"],
      [login("GLIMPS", "s3cret", "2"), "S"],
      [login("GLIMPS", "wrong", "2"), "A"],
    ] as const
  ) {
    const { wire, service, say } = make();
    say(text, 0);
    for (let i = 0; i < 100; i++) service.doWork(0);
    if (reason !== "") assertEquals(wire.taken.slice(3), reason);
    assertEquals(wire.types(), reason === "" ? "AS*Z" : "J");
    assert(wire.isClosed);
    assertEquals([service.served, service.rejected], [
      reason === "" ? 1 : 0,
      reason === "" ? 0 : 1,
    ]);
    assertEquals(wire.consumed, text.length);
  }
  const { wire, service, say } = make(null);
  say(login("any", "thing"), 0);
  for (let i = 0; i < 100; i++) service.doWork(0);
  assertEquals(wire.types(), "AS*Z", "everyone, without a password");
});

Deno.test("FeedSnapshots takes a login that comes in pieces", () => {
  const { wire, service, say } = make();
  const text = login("GLIMPS", "s3cret");
  for (const bytes of [2, 3, 48]) {
    say(text.slice(0, bytes), 0);
    service.doWork(0);
    assertEquals([wire.types(), wire.isClosed], ["", false]);
  }
  say(text, 0);
  service.doWork(0);
  assertEquals(wire.types(), "AS*");
});

Deno.test("FeedSnapshots sends a heartbeat between whole frames when nothing else went out for a second, and the end once all is taken", () => {
  const { wire, service, say } = make();
  wire.room = 20_000;
  wire.unsent = 1;
  say(login("GLIMPS", "s3cret"), 0);
  service.doWork(0);
  assertEquals(wire.types(), "AS*", "what fits");
  wire.room = 10;
  for (const now of [500, 999]) service.doWork(now);
  assertEquals(wire.types(), "");
  service.doWork(1000);
  assertEquals(wire.types(), "H");
  service.doWork(1500);
  assertEquals(wire.types(), "");
  service.doWork(2000);
  assertEquals(wire.types(), "H");
  wire.room = Infinity;
  for (let i = 0; i < 100; i++) service.doWork(2100);
  assertEquals([wire.types(), wire.isClosed], ["S*", false], "not taken yet");
  service.doWork(3100);
  assertEquals(wire.types(), "H");
  wire.unsent = 0;
  service.doWork(3200);
  assertEquals([wire.types(), wire.isClosed], ["Z", true]);
});

Deno.test("FeedSnapshots cuts off who is silent for 15 seconds, or as long as it said, and keeps who sends heartbeats", () => {
  const run = (rest: string, beats: number): number => {
    const { wire, service, say } = make();
    wire.room = 20_000;
    wire.unsent = 1;
    say(login("GLIMPS", "s3cret", "", rest), 0);
    let now = 0;
    for (; !wire.isClosed && now < 100_000; now += 500) {
      wire.room += 100;
      if (now < beats) say(frame("R"), now);
      service.doWork(now);
    }
    return now;
  };
  assertEquals(run("", 0), 16_000, "15 s, found in the next round");
  assertEquals(run("", 5000), 20_500);
  assertEquals(run(" 3000", 0), 4_000);
  assertEquals(run("99999", 0) > 30_000, true);
  assertEquals(run("    1", 0), 3_000, "two heartbeats at least");
});

Deno.test("FeedSnapshots cuts off who never logs in, who logs out, and who speaks otherwise", () => {
  const silent = make();
  silent.service.doWork(30_000);
  assertEquals(silent.wire.isClosed, false);
  silent.service.doWork(30_001);
  assert(silent.wire.isClosed);
  for (
    const text of [
      frame("O"),
      frame("L", "short"),
      login("GLIMPS", "s3cret"),
      "\0\0R",
      "\xff\xffR",
    ]
  ) {
    const { wire, service, say } = make();
    wire.room = 20_000;
    wire.unsent = 1;
    say(login("GLIMPS", "s3cret"), 0);
    service.doWork(0);
    say(frame("R") + frame("+", "hello") + frame("U", "x"), 0);
    service.doWork(0);
    assertEquals(wire.isClosed, false);
    say(text, 0);
    assert(wire.isClosed, JSON.stringify(text));
  }
  const early = make();
  early.say(frame("R"), 0);
  assert(early.wire.isClosed, "a login comes first");
});
