// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Groups of the journal: gathered, sealed, walked.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  JournalGroup,
  journalVerify,
  JournalWalk,
  SEAL_BYTES,
  SEAL_KIND,
  WalkEnd,
} from "../../ffi/journal.ts";
import { addressOf } from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { crc32c as software } from "../../engine/wire/crc32c.ts";

const SEED = 0x5eed;
const LENGTHS = [128, 64, 64, 192];
const SECRET = [0xdeadbeef, 0x12345678] as const;
const CHAIN = [7, 9] as const;

/** A ring of four commands; the one in slot 3 has sequence 100. */
function makeRing(): Uint8Array<ArrayBuffer> {
  let state = SEED;
  const ring = new Uint8Array(4 * 192).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
  const view = new DataView(ring.buffer);
  LENGTHS.forEach((length, i) => {
    view.setUint16(i * 192 + 4, length, true);
    ring[i * 192 + 6] = 1;
    view.setFloat64(i * 192 + 8, i === 3 ? 100 : 101 + i, true);
  });
  return ring;
}

/** Four commands and their seal. */
function makeGroup(ring: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(448 + SEAL_BYTES);
  const group = new JournalGroup(
    addressOf(ring),
    addressOf(bytes),
    SECRET,
    CHAIN,
    5,
  );
  assertEquals(group.gather(3, 3, 1, 0, 0), 192);
  assertEquals(group.gather(0, 3, 3, 192, 1), 256);
  group.seal(4, 448);
  return bytes;
}

function startWalk(chain: readonly [number, number] = CHAIN): JournalWalk {
  const walk = new JournalWalk();
  walk.start(...SECRET, ...chain, 100, 5);
  return walk;
}

Deno.test("JournalGroup.gather() packs commands of every length, around the ring's end", () => {
  const ring = makeRing();
  const bytes = makeGroup(ring);
  assertEquals(journalVerify(addressOf(bytes), 512), 512);
  const packed = new DataView(bytes.buffer);
  let at = 0;
  [3, 0, 1, 2].forEach((slot, place) => {
    const length = LENGTHS[slot]!;
    assertEquals(packed.getUint16(at + 38, true), place);
    assertEquals(
      packed.getUint32(at, true),
      software(bytes, at + 4, at + length),
    );
    for (let i = 4; i < length; i++) {
      if (i === 38 || i === 39) continue;
      assertEquals(bytes[at + i], ring[slot * 192 + i], `${slot}, byte ${i}`);
    }
    at += length;
  });
  assertEquals(packed.getUint32(at, true), software(bytes, at + 4, at + 64));
  assertEquals(packed.getUint16(at + 4, true), SEAL_BYTES);
  assertEquals(bytes[at + 6], SEAL_KIND);
  assertEquals(packed.getFloat64(at + 8, true), 100);
  assertEquals(packed.getUint32(at + 24, true), 4);
  assertEquals(packed.getUint32(at + 28, true), 448);
  assertEquals(packed.getUint32(at + 32, true), 5);
});

Deno.test("JournalGroup.gather() refuses a length that is none", () => {
  for (const length of [0, 32, 63, 96, 160, 256]) {
    const ring = makeRing();
    new DataView(ring.buffer).setUint16(4, length, true);
    const bytes = new Uint8Array(1024);
    const group = new JournalGroup(
      addressOf(ring),
      addressOf(bytes),
      SECRET,
      CHAIN,
      1,
    );
    const error = assertThrows(() => group.gather(0, 3, 1, 0, 0), NativeError);
    assertEquals(error.code, 22);
  }
});

Deno.test("journalVerify() stops at the first record that is not valid", () => {
  const bytes = makeGroup(makeRing());
  const address = addressOf(bytes);
  bytes[511]! ^= 1;
  assertEquals(journalVerify(address, 512), 448);
  bytes[200]! ^= 1;
  assertEquals(journalVerify(address, 512), 192);
  assertEquals(journalVerify(address, 191), 0);
});

Deno.test("JournalGroup.next() moves the chain on, seal() alone does not", () => {
  const ring = makeRing();
  const bytes = new Uint8Array(448 + SEAL_BYTES);
  const group = new JournalGroup(
    addressOf(ring),
    addressOf(bytes),
    SECRET,
    CHAIN,
    5,
  );
  group.gather(3, 3, 4, 0, 0);
  group.seal(4, 448);
  const once = bytes.slice();
  group.seal(4, 448);
  assertEquals(bytes, once);
  assertEquals([group.chainLo, group.chainHi], [...CHAIN]);
  group.next();
  const view = new DataView(bytes.buffer);
  assertEquals([group.chainLo, group.chainHi], [
    view.getUint32(448 + 16, true),
    view.getUint32(448 + 20, true),
  ]);
});

Deno.test("JournalWalk.run() takes a group in pieces of any size", () => {
  const bytes = makeGroup(makeRing());
  const address = addressOf(bytes);
  for (let cut = 0; cut <= 512; cut++) {
    const walk = startWalk();
    let found = walk.run(address, cut);
    if (cut < 512) {
      assertEquals(found, WalkEnd.MORE, `cut ${cut}`);
      const { end } = walk;
      found = walk.run(address + end, 512 - end);
    }
    assertEquals(found, WalkEnd.SEALED);
    assertEquals(walk.sequence, 104);
    assertEquals(walk.commands, 0);
    assert(walk.isSeal(address + 448));
    assert(!walk.isSeal(address + 192));
  }
});

Deno.test("JournalWalk.run() finds every changed bit", () => {
  const bytes = makeGroup(makeRing());
  const address = addressOf(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
    const walk = startWalk();
    const found = walk.run(address, 512);
    assert(found === WalkEnd.RECORD || found === WalkEnd.MORE, `bit ${bit}`);
    walk.rewind();
    assertEquals(walk.sequence, 100);
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
  }
  assertEquals(startWalk().run(address, 512), WalkEnd.SEALED);
});

Deno.test("JournalWalk.run() says what is wrong with a group whose CRCs fit", () => {
  const bytes = makeGroup(makeRing());
  const address = addressOf(bytes);
  assertEquals(startWalk([7, 8]).run(address, 512), WalkEnd.CHAIN);
  const walk = startWalk();
  walk.start(SECRET[0], 1, ...CHAIN, 100, 5);
  assertEquals(walk.run(address, 512), WalkEnd.SEAL);
  assert(!walk.isSeal(address + 448));
  walk.start(...SECRET, ...CHAIN, 100, 6);
  assertEquals(walk.run(address, 512), WalkEnd.SEAL);
  walk.start(...SECRET, ...CHAIN, 99, 5);
  assertEquals(walk.run(address, 512), WalkEnd.SEQUENCE);
  assertEquals([walk.end, walk.found], [0, 100]);
  // A seal without commands before it.
  assertEquals(startWalk().run(address + 448, 64), WalkEnd.SEAL);
});
