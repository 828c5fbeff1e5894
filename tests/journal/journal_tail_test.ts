// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Following a journal while it is written:
 *
 * ```
 *   Harness ──▶ JournalWriter ──▶ segments ──▶ JournalTail ──▶ every command once
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { JournalDamageError, JournalTail } from "../../engine/journal/mod.ts";
import { CMD_LENGTH_U16 } from "../../engine/record/mod.ts";
import {
  checkCommand,
  Harness,
  Random,
  readBack,
  segmentsOf,
  withDirectory,
} from "./journal_harness.ts";

/** Takes all there is up to a limit and checks it; the sequence behind it. */
function take(tail: JournalTail, expected: number, limit: number): number {
  while (tail.next(limit)) {
    assert(tail.start < tail.end);
    for (let at = tail.start; at < tail.end;) {
      checkCommand(tail, at, expected++);
      at += tail.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    }
    assertEquals(tail.nextSequence, expected);
  }
  return expected;
}

Deno.test("JournalTail follows a writer across segments and runs, with chunks of any size", () => {
  for (const chunkBytes of [192, 1024, 1 << 16, 1 << 20]) {
    withDirectory((directory) => {
      const seed = 0x7a11;
      const random = new Random(seed);
      const tail = new JournalTail({ directory, fromSequence: 1, chunkBytes });
      let position = readBack(directory);
      let expected = 1;
      assert(!tail.next(0));
      for (let run = 0; run < 3; run++) {
        const harness = new Harness(directory, {
          position,
          segmentBytes: 64 * 500,
          groupRecordsMax: 64,
        });
        for (let round = 0; round < 60; round++) {
          harness.write(1 + random.below(100));
          if (round % 3 > 0) continue;
          expected = take(tail, expected, harness.written);
          assertEquals(expected, harness.last + 1, `seed ${seed}`);
          assert(tail.atGroupEnd);
        }
        expected = take(tail, expected, harness.written);
        harness.writer.close();
        position = readBack(directory);
        assertEquals([tail.chainLo, tail.chainHi], [...position.chain]);
      }
      assert(segmentsOf(directory).length > 10);
      tail.dispose();
    });
  }
});

Deno.test("JournalTail stops at a limit inside a group, and goes on from there", () => {
  for (const chunkBytes of [192, 1 << 16]) {
    withDirectory((directory) => {
      const harness = new Harness(directory);
      harness.write(10);
      harness.write(20);
      const tail = new JournalTail({ directory, fromSequence: 1, chunkBytes });
      let expected = 1;
      let chain = "";
      for (let limit = 1; limit <= 30; limit++) {
        expected = take(tail, expected, limit);
        assertEquals(expected, limit + 1);
        assertEquals(tail.atGroupEnd, limit === 10 || limit === 30);
        if (limit === 10) chain = `${tail.chainLo} ${tail.chainHi}`;
        if (limit > 10 && limit < 30) {
          assertEquals(`${tail.chainLo} ${tail.chainHi}`, chain);
        }
        assert(!tail.next(limit));
      }
      tail.dispose();
      harness.writer.close();
      const { chain: end } = readBack(directory);
      assertEquals([tail.chainLo, tail.chainHi], [...end]);
    });
  }
});

Deno.test("JournalTail starts at any sequence", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      segmentBytes: 64 * 200,
      groupRecordsMax: 32,
    });
    for (let round = 0; round < 20; round++) harness.write(25);
    for (const fromSequence of [1, 2, 25, 26, 77, 499, 500]) {
      for (const chunkBytes of [192, 1 << 16]) {
        const tail = new JournalTail({ directory, fromSequence, chunkBytes });
        assert(!tail.next(fromSequence - 1));
        assertEquals(take(tail, fromSequence, 500), 501);
        tail.dispose();
      }
    }
    const ahead = new JournalTail({ directory, fromSequence: 501 });
    assert(!ahead.next(500));
    harness.write(3);
    assertEquals(take(ahead, 501, 503), 504);
    ahead.dispose();
    harness.writer.close();
  });
});

Deno.test("JournalTail names what should be there and is not", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      segmentBytes: 64 * 200,
      groupRecordsMax: 32,
    });
    for (let round = 0; round < 20; round++) harness.write(25);
    const path = `${directory}/${segmentsOf(directory)[1]}`;
    const whole = Deno.readFileSync(path);
    const expectDamage = (limit: number, kinds: string, text: string) => {
      const tail = new JournalTail({ directory, fromSequence: 1 });
      const error = assertThrows(
        () => take(tail, 1, limit),
        JournalDamageError,
      );
      assertStringIncludes(kinds, error.damage.kind);
      assertStringIncludes(error.message, text);
      tail.dispose();
    };
    const changed = whole.slice();
    changed[64 + 300]! ^= 4;
    Deno.writeFileSync(path, changed);
    expectDamage(500, "RECORD", path);
    const cut = whole.slice();
    cut.fill(0, 64);
    Deno.writeFileSync(path, cut);
    expectDamage(500, "MISSING", path);
    Deno.removeSync(path);
    expectDamage(500, "MISSING", "found neither");
    Deno.writeFileSync(path, whole);
    expectDamage(501, "MISSING", "sequence 501");
    Deno.removeSync(`${directory}/${segmentsOf(directory)[0]}`);
    expectDamage(500, "MISSING", "pruned");
    harness.writer.close();
  });
});
