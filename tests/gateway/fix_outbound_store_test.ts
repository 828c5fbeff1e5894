// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../engine/assert.ts";
import { OutboundStore, Spiller } from "../../engine/gateway/outbound_store.ts";
import {
  EVENT_SLOT_BYTES,
  EVT_OUT_SEQUENCE_U32,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { MemorySections } from "../../engine/snapshot/mod.ts";

const RING = new SpscRing(
  new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, 4)),
  0,
  EVENT_SLOT_BYTES,
  4,
  "producer",
);

/** Appends the record of `number`: each of its words can be told. */
function append(store: OutboundStore, number: number): void {
  const slot = number & 3;
  for (let i = 0; i < EVENT_SLOT_BYTES / 4; i++) {
    RING.u32[slot * (EVENT_SLOT_BYTES / 4) + i] = 0x7ff80000 + number * 64 + i;
  }
  RING.u32[slot * (EVENT_SLOT_BYTES / 4) + EVT_OUT_SEQUENCE_U32] = number;
  store.append(RING, slot);
}

function check(store: OutboundStore, number: number): void {
  const at = store.locate(number);
  assert(at >= 0, `record ${number} is gone`);
  for (let i = 0; i < EVENT_SLOT_BYTES / 4; i++) {
    assertEquals(
      store.u32[at / 4 + i],
      i === EVT_OUT_SEQUENCE_U32 ? number : 0x7ff80000 + number * 64 + i,
      `record ${number}, word ${i}`,
    );
  }
}

Deno.test("OutboundStore keeps the newest records in memory", () => {
  const store = new OutboundStore({ recordCount: 64 });
  assertEquals(store.locate(1), -1);
  for (let n = 1; n <= 200; n++) append(store, n);
  assertEquals(store.lowest(), 137);
  for (let n = 137; n <= 200; n++) check(store, n);
  for (const n of [0, 1, 136, 201]) assertEquals(store.locate(n), -1, `${n}`);
  store.reset(1);
  assertEquals([store.last, store.locate(1)], [0, -1]);
  append(store, 1);
  check(store, 1);
});

Deno.test("OutboundStore has all records with a file, in any order of asking", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/ONE.out`;
  const store = new OutboundStore({ recordCount: 64, directory, name: "ONE" });
  for (let n = 1; n <= 1000; n++) {
    append(store, n);
    if (n % 7 === 0) store.spillSome(n % 3 === 0, n % 14 === 0);
    check(store, 1 + (n * 37) % n);
  }
  assertEquals(store.lowest(), 1);
  for (let n = 1000; n >= 1; n -= 3) check(store, n);
  store.reset(1);
  assertEquals(Deno.statSync(path).size, 0);
  assertEquals(store.locate(5), -1);
  for (let n = 1; n <= 100; n++) append(store, n);
  check(store, 1);
  store.dispose();
  assertEquals(Deno.statSync(path).size, 100 * EVENT_SLOT_BYTES);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("OutboundStore says no when its file is damaged, and goes on in memory", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/ONE.out`;
  const store = new OutboundStore({ recordCount: 64, directory, name: "ONE" });
  for (let n = 1; n <= 200; n++) append(store, n);
  store.spill();
  Deno.truncateSync(path, 10);
  assertEquals(store.locate(3), -1);
  assert(store.fileError < 0);
  for (let n = 201; n <= 400; n++) append(store, n);
  check(store, 400);
  check(store, 337);
  assertEquals(store.locate(336), -1);
  assertEquals(store.lowest(), 337);
  store.dispose();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("OutboundStore takes numbers only in order", () => {
  const store = new OutboundStore({ recordCount: 64 });
  append(store, 1);
  assertThrows(() => append(store, 3), InvariantError, "3 after 1");
  assertThrows(() => append(store, 1), InvariantError, "1 after 1");
  assertThrows(
    () => new OutboundStore({ recordCount: 100 }),
    InvariantError,
    "power of two",
  );
});

Deno.test("OutboundStore that keeps its files waits for a disk that refuses, and loses no record", () => {
  const parent = Deno.makeTempDirSync();
  const directory = `${parent}/kept`;
  let refused = 0;
  const store = new OutboundStore({
    recordCount: 64,
    directory,
    name: "ONE",
    keep: true,
    onRefused: (errno) => {
      assertEquals(errno, -2);
      if (++refused === 3) Deno.mkdirSync(directory);
    },
  });
  for (let n = 1; n <= 500; n++) append(store, n);
  assertEquals(refused, 3);
  for (let n = 1; n <= 500; n++) check(store, n);
  const sections = new MemorySections();
  const saved = store.save(sections);
  assertEquals(saved, { first: 1, last: 500, generation: 0, inMemory: false });
  assertEquals(store.savedFile, {
    name: "ONE.0.out",
    bytes: 500 * EVENT_SLOT_BYTES,
  });
  store.reset(77);
  append(store, 1);
  store.spill();
  // What the saved state names is still there; newer records go to another file.
  const live = new OutboundStore({
    recordCount: 64,
    directory: parent,
    name: "ONE",
    baseDirectory: directory,
  });
  live.load(saved, sections);
  for (let n = 501; n <= 700; n++) append(live, n);
  for (const n of [1, 499, 500, 501, 600, 700]) check(live, n);
  assertEquals(live.lowest(), 1);
  live.reset(78);
  assertEquals(live.locate(1), -1);
  live.dispose();
  store.dispose();
  Deno.truncateSync(`${directory}/ONE.0.out`, 10);
  const again = new OutboundStore({
    recordCount: 64,
    baseDirectory: directory,
    name: "ONE",
  });
  assertThrows(() => again.load(saved, sections), Error, "names 96000");
  Deno.removeSync(parent, { recursive: true });
});

Deno.test("OutboundStores that one thread writes for have all records", () => {
  const directory = Deno.makeTempDirSync();
  const spiller = new Spiller();
  const stores = ["A", "B", "C"].map((name) =>
    new OutboundStore({ recordCount: 64, directory, name, spiller })
  );
  const counts = [0, 0, 0];
  let state = 7;
  for (let round = 0; round < 20_000; round++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const which = (state >>> 16) % 3;
    const store = stores[which]!;
    if ((state >>> 20) % 1000 === 0) {
      // While something is written, too.
      store.reset(1);
      counts[which] = 0;
    }
    append(store, ++counts[which]!);
    for (const each of stores) each.spillSome(true, round % 5 === 0);
    if (round % 64 === 0) check(store, 1 + (state >>> 8) % counts[which]!);
  }
  stores.forEach((store, which) => {
    store.spill();
    assertEquals([store.unspilled, store.fileError], [0, 0]);
    for (let n = 1; n <= counts[which]!; n++) check(store, n);
    store.dispose();
  });
  spiller.dispose();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("OutboundStore says when the thread could not write, and gives what is in memory", () => {
  const directory = Deno.makeTempDirSync();
  const spiller = new Spiller();
  // What is written there is refused: no room.
  Deno.symlinkSync("/dev/full", `${directory}/A.out`);
  const store = new OutboundStore({
    recordCount: 64,
    directory,
    name: "A",
    spiller,
  });
  for (let n = 1; n <= 20; n++) append(store, n);
  while (store.fileError === 0) store.spillSome(true, true);
  assertEquals(store.fileError, -28);
  for (let n = 21; n <= 200; n++) append(store, n);
  assertEquals(store.lowest(), 137);
  for (let n = 137; n <= 200; n++) check(store, n);
  store.dispose();
  spiller.dispose();
  Deno.removeSync(directory, { recursive: true });
});
