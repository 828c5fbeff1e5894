// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The journal's writer: what it writes comes back, what it publishes is as
 * durable as promised, and after a failure it says nothing more.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { InvariantError } from "../../engine/assert.ts";
import { JournalState } from "../../engine/ring/mod.ts";
import type { Durability } from "../../engine/journal/mod.ts";
import { SEAL_BYTES } from "../../ffi/journal.ts";
import { NativeError } from "../../ffi/native_error.ts";
import {
  groupPlaces,
  Harness,
  lengthOf,
  Random,
  readBack,
  segmentsOf,
  withDirectory,
} from "./journal_harness.ts";

const MODES: readonly Durability[] = ["none", "written", "synced"];
const ENOSPC = 28;
const EIO = 5;

function bytesOf(first: number, last: number): number {
  let bytes = 0;
  for (let sequence = first; sequence <= last; sequence++) {
    bytes += lengthOf(sequence);
  }
  return bytes;
}

for (
  const { durability, mapped } of [
    ...MODES.map((durability) => ({ durability, mapped: false })),
    { durability: "none", mapped: true },
    { durability: "written", mapped: true },
  ] as const
) {
  const mode = durability + (mapped ? ", mapped," : "");
  Deno.test(`JournalWriter with ${mode} writes what recovery reads back`, () => {
    withDirectory((directory) => {
      const seed = 0x1234;
      const random = new Random(seed);
      const harness = new Harness(directory, { durability, mapped });
      assertEquals(harness.durable, 0);
      for (let group = 0; group < 30; group++) {
        harness.write(1 + random.below(300));
      }
      harness.writer.close();
      assertEquals(harness.state, JournalState.DONE);
      assertEquals(harness.durable, harness.last, `seed ${seed}`);
      assertEquals(
        harness.counter("journal_bytes_total"),
        bytesOf(1, harness.last) +
          SEAL_BYTES * harness.counter("journal_groups_total"),
      );
      assertEquals(harness.counter("journal_errors_total"), 0);
      const recovery = readBack(directory);
      assertEquals(recovery.records, harness.last);
      assertEquals(recovery.bytes, bytesOf(1, harness.last));
      assertEquals(recovery.tail, undefined);
    });
  });

  Deno.test(`JournalWriter with ${mode} goes on in new segments`, () => {
    withDirectory((directory) => {
      const harness = new Harness(directory, {
        durability,
        mapped,
        segmentBytes: 64 * 100,
        groupRecordsMax: 16,
      });
      for (let round = 0; round < 20; round++) harness.write(100);
      harness.writer.close();
      assertEquals(harness.failures, []);
      const names = segmentsOf(directory);
      assert(names.length >= 20, `${names.length} segments`);
      assertEquals(names[0], "00000000000000000001.journal");
      for (const name of names) {
        assert(Deno.statSync(`${directory}/${name}`).size <= 6400);
      }
      const recovery = readBack(directory);
      assertEquals(recovery.records, 2000);
      assertEquals(recovery.segments, names.length);
      assertEquals(recovery.nextSegmentIndex, names.length);
      assertEquals([...Deno.readDirSync(directory)].length, names.length);
    });
  });

  Deno.test(`JournalWriter with ${mode} goes on after a restart`, () => {
    withDirectory((directory) => {
      let position = readBack(directory);
      assertEquals(position.nextSequence, 1);
      for (let run = 1; run <= 5; run++) {
        const harness = new Harness(directory, {
          durability,
          mapped,
          position,
        });
        assertEquals(harness.durable, position.nextSequence - 1);
        if (run !== 3) harness.write(40 * run);
        harness.writer.close();
        position = readBack(directory);
        assertEquals(position.nextSequence, harness.last + 1);
        assertEquals(position.epoch, run === 3 ? 3 : run);
      }
      assertEquals(position.records, 40 * (1 + 2 + 4 + 5));
      assertEquals(position.segments, 4);
    });
  });
}

Deno.test("the journal's tests write commands of every length", () => {
  const lengths = new Set<number>();
  for (let sequence = 1; sequence <= 20; sequence++) {
    lengths.add(lengthOf(sequence));
  }
  assertEquals([...lengths].sort((a, b) => a - b), [64, 128, 192]);
});

Deno.test("JournalWriter refuses segments that can not hold a group of the longest commands", () => {
  withDirectory((directory) => {
    const segmentBytes = 64 + 16 * 192 + SEAL_BYTES;
    assertThrows(
      () =>
        new Harness(directory, {
          segmentBytes: segmentBytes - 64,
          groupRecordsMax: 16,
        }),
      InvariantError,
      "a group of 3136 bytes",
    );
    new Harness(directory, { segmentBytes, groupRecordsMax: 16 }).writer
      .close();
  });
});

Deno.test("JournalWriter numbers the places of each group", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { groupRecordsMax: 8 });
    harness.write(3);
    harness.write(1);
    harness.write(19);
    harness.writer.close();
    assertEquals(groupPlaces(directory), [
      ...[0, 1, 2],
      0,
      ...[0, 1, 2, 3, 4, 5, 6, 7],
      ...[0, 1, 2, 3, 4, 5, 6, 7],
      ...[0, 1, 2],
    ]);
  });
});

Deno.test("JournalWriter fills a segment to its last byte and no further", () => {
  for (const less of [0, 64, 128, 192]) {
    withDirectory((directory) => {
      const bytes = bytesOf(1, 64);
      const segmentBytes = 64 + bytes + 4 * SEAL_BYTES - less;
      const harness = new Harness(directory, {
        segmentBytes,
        groupRecordsMax: 16,
      });
      for (let group = 0; group < 4; group++) harness.write(16);
      assertEquals(
        segmentsOf(directory).length,
        less === 0 ? 1 : 2,
        `${less} less`,
      );
      harness.writer.close();
      assertEquals(readBack(directory).records, 64);
    });
  }
});

Deno.test("JournalWriter publishes at once with none, after the write with written", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      durability: "none",
      groupRecordsMax: 4,
    });
    harness.files.holdPrepare = true;
    harness.feed(4);
    harness.writer.doWork();
    assertEquals([harness.durable, harness.written], [4, 4]);
    harness.files.writesLeft = 0;
    harness.feed(4);
    harness.writer.doWork();
    assertEquals([harness.durable, harness.written], [8, 4]);
    harness.files.holdPrepare = false;
    harness.writer.close();
  });
  withDirectory((directory) => {
    const harness = new Harness(directory, { durability: "written" });
    harness.feed(4);
    assertEquals(harness.durable, 0);
    assertEquals(harness.writer.doWork(), 5);
    assertEquals(harness.durable, 4);
    harness.writer.close();
  });
});

Deno.test("JournalWriter with synced publishes only what a finished sync covers", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { durability: "synced" });
    harness.files.holdSync = true;
    harness.feed(10);
    harness.writer.doWork();
    const { writes } = harness.files;
    harness.feed(20);
    for (let round = 0; round < 50; round++) harness.writer.doWork();
    assertEquals(harness.durable, 0);
    assertEquals(harness.written, 10);
    assertEquals(harness.depth(), 0, "commands gather while a sync runs");
    assertEquals(
      harness.files.writes,
      writes,
      "and are not written before it ends",
    );
    assertEquals(harness.writer.pendingCount, 30);
    harness.files.holdSync = false;
    harness.until(() => harness.durable > 0);
    assertEquals(harness.durable, 10);
    harness.until(() => harness.durable > 10);
    assertEquals(harness.durable, 30);
    assertEquals(harness.files.syncs, 2);
    assertEquals(harness.writer.pendingCount, 0);
    harness.writer.close();
  });
});

Deno.test("JournalWriter leaves commands in the ring when its group is full", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      durability: "synced",
      groupRecordsMax: 16,
    });
    harness.files.holdSync = true;
    harness.feed(100);
    for (let round = 0; round < 50; round++) harness.writer.doWork();
    assertEquals(harness.depth(), 100 - 32);
    harness.files.holdSync = false;
    harness.settle();
    harness.writer.close();
    assertEquals(readBack(directory).records, 100);
  });
});

Deno.test("JournalWriter waits for a segment that is not prepared yet", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      segmentBytes: 64 + 16 * 192 + SEAL_BYTES,
      groupRecordsMax: 16,
    });
    harness.files.holdPrepare = true;
    harness.feed(200);
    for (let round = 0; round < 100; round++) harness.writer.doWork();
    assertEquals(segmentsOf(directory).length, 1);
    assert(harness.durable < 200);
    harness.files.holdPrepare = false;
    harness.settle();
    harness.writer.close();
    assertEquals(readBack(directory).records, 200);
  });
});

for (const durability of MODES) {
  Deno.test(`JournalWriter with ${durability} publishes nothing after a failed write`, () => {
    withDirectory((directory) => {
      const harness = new Harness(directory, { durability });
      harness.write(50);
      harness.files.writesLeft = 0;
      harness.feed(10);
      harness.until(() => harness.writer.failed);
      const told = harness.durable;
      assertEquals(told, durability === "none" ? 60 : 50);
      harness.files.writesLeft = -1;
      harness.feed(10);
      for (let round = 0; round < 10; round++) {
        assertEquals(harness.writer.doWork(), 0);
      }
      assertEquals(harness.durable, told);
      assertEquals(harness.state, JournalState.FAILED);
      assertEquals(harness.depth(), 10);
      assertEquals(harness.counter("journal_errors_total"), 1);
      assertEquals(harness.failures.length, 1);
      const error = harness.failures[0]!;
      assertEquals(error instanceof NativeError && error.code, ENOSPC);
      assertStringIncludes(error.message, "segment 0, offset");
      assert(harness.writer.done());
      harness.writer.close();
      assertEquals(harness.state, JournalState.FAILED);
      assertEquals(harness.durable, told);
      assertEquals(readBack(directory).records, 50);
    });
  });
}

Deno.test("JournalWriter never counts a sync after one that failed", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { durability: "synced" });
    harness.write(50);
    harness.files.code = -EIO;
    harness.files.failSync = true;
    harness.feed(10);
    harness.until(() => harness.writer.failed);
    harness.files.failSync = false;
    harness.feed(10);
    for (let round = 0; round < 10; round++) harness.writer.doWork();
    const { syncs } = harness.files;
    harness.writer.close();
    assertEquals(harness.files.syncs, syncs);
    assertEquals(harness.durable, 50);
    assertEquals(harness.state, JournalState.FAILED);
    assertEquals(harness.failures.length, 1);
    assertStringIncludes(harness.failures[0]!.message, "EIO");
    assertEquals(readBack(directory).records, 60);
  });
});

Deno.test("JournalWriter fails when the disk has no room for the next segment", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      segmentBytes: 64 + 16 * 192 + SEAL_BYTES,
      groupRecordsMax: 16,
    });
    harness.files.failPrepare = true;
    harness.feed(200);
    harness.until(() => harness.writer.failed);
    assertEquals(harness.state, JournalState.FAILED);
    assertStringIncludes(harness.failures[0]!.message, "ENOSPC");
    const told = harness.durable;
    harness.files.failPrepare = false;
    harness.writer.close();
    assertEquals(readBack(directory).records, told);
  });
});

Deno.test("JournalWriter stops at a real full disk", () => {
  withDirectory((directory) => {
    const mount = new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=256k", "none", directory],
      stderr: "null",
    });
    let mounted = false;
    try {
      mounted = mount.outputSync().success;
    } catch {
      mounted = false;
    }
    if (!mounted) {
      console.log(
        "SKIPPED: JournalWriter stops at a real full disk: can not mount a small disk",
      );
      return;
    }
    try {
      const harness = new Harness(directory, {
        segmentBytes: 100_032,
        groupRecordsMax: 256,
      });
      for (let round = 0; round < 30 && !harness.writer.failed; round++) {
        harness.feed(100);
        harness.until(() =>
          harness.writer.failed || harness.durable === harness.last
        );
      }
      assert(harness.writer.failed);
      assertStringIncludes(harness.failures[0]!.message, "ENOSPC");
      const told = harness.durable;
      assert(told < harness.last);
      harness.writer.close();
      assertEquals(readBack(directory).records, told);
      assertThrows(
        () =>
          new Harness(directory, {
            segmentBytes: 1 << 20,
            position: readBack(directory),
          }),
        NativeError,
        "ENOSPC",
      );
      assertEquals(readBack(directory).records, told);
    } finally {
      new Deno.Command("umount", { args: [directory] }).outputSync();
    }
  });
});

Deno.test("JournalWriter refuses a directory that is not there", () => {
  assertThrows(() => new Harness("/nonexistent/journal"));
});

Deno.test("JournalWriter refuses to write over segments that it was not told of", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory);
    harness.write(10);
    harness.writer.close();
    assertThrows(
      () => new Harness(directory),
      InvariantError,
      "has a segment from 1",
    );
    assertEquals(readBack(directory).records, 10);
  });
});

Deno.test("JournalWriter stops the program at a gap in its ring", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory);
    harness.write(3);
    harness.skip();
    harness.feed(2);
    assertThrows(() => harness.writer.doWork(), InvariantError, "have a gap");
    assertEquals(harness.durable, 3);
    harness.files.writesLeft = 0;
    assertThrows(() => harness.writer.close(), InvariantError);
    assertEquals(readBack(directory).records, 3);
  });
});

Deno.test("JournalWriter.close() takes what the ring still holds, and may be called twice", () => {
  for (const durability of MODES) {
    withDirectory((directory) => {
      const harness = new Harness(directory, {
        durability,
        segmentBytes: 64 + 32 * 192 + SEAL_BYTES,
        groupRecordsMax: 32,
      });
      harness.feed(700);
      harness.writer.close();
      harness.writer.close();
      assertEquals(harness.durable, 700);
      assertEquals(harness.writer.doWork(), 0);
      assertEquals(readBack(directory).records, 700);
    });
  }
});
