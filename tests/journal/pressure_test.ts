// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A disk without room, or too slow: the journal says so before anything fails,
 * goes on with what room it has, and says when it is over.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SEAL_BYTES } from "../../ffi/journal.ts";
import { Reason } from "../../engine/record/mod.ts";
import { JournalState } from "../../engine/ring/mod.ts";
import { Harness, readBack, withDirectory } from "./journal_harness.ts";

const { NONE, JOURNAL_FULL, JOURNAL_SLOW } = Reason;
const SMALL = {
  segmentBytes: 64 + 32 * 192 + 32 * SEAL_BYTES,
  groupRecordsMax: 16,
};

for (const [name, code] of [["ENOSPC", -28], ["EDQUOT", -122], ["EIO", -5]]) {
  Deno.test(`JournalWriter goes on in its segment when the next can't be prepared: ${name}`, () => {
    withDirectory((directory) => {
      const harness = new Harness(directory, {
        ...SMALL,
        durability: "synced",
        limits: {},
      });
      harness.files.code = Number(code);
      harness.files.failPrepare = true;
      harness.until(() => harness.pressure === JOURNAL_FULL);
      harness.write(10);
      assertEquals(harness.durable, 10);
      assert(!harness.writer.failed);
      const tries = harness.files.prepares;
      harness.wait(999);
      assertEquals(harness.files.prepares, tries, "not tried all the time");
      harness.wait(1);
      harness.until(() => harness.files.prepares === tries + 1);
      assertEquals(harness.pressure, JOURNAL_FULL);
      harness.files.failPrepare = false;
      harness.until(() => {
        harness.clock.wait(100);
        return harness.pressure === NONE;
      });
      assertEquals(harness.told, [JOURNAL_FULL, NONE]);
      assertEquals(harness.counter("journal_full_total"), 1);
      for (let i = 0; i < 20; i++) harness.write(10);
      harness.writer.close();
      assertEquals(harness.state, JournalState.DONE);
      assertEquals(readBack(directory).records, 210);
    });
  });
}

Deno.test("JournalWriter fails when its segment is full and a last try gives none", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { ...SMALL, limits: {} });
    harness.files.failPrepare = true;
    harness.until(() => harness.pressure === JOURNAL_FULL);
    const tries = harness.files.prepares;
    harness.feed(200);
    harness.until(() => harness.writer.failed);
    assertEquals(harness.files.prepares, tries + 1);
    assertEquals(harness.state, JournalState.FAILED);
    assertStringIncludes(harness.failures[0]!.message, "ENOSPC");
    assert(harness.durable >= 20, `${harness.durable} in the last segment`);
    const told = harness.durable;
    harness.files.failPrepare = false;
    harness.writer.close();
    assertEquals(readBack(directory).records, told);
  });
});

Deno.test("JournalWriter's last try for a segment can succeed", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { ...SMALL, limits: {} });
    harness.files.failPrepare = true;
    harness.until(() => harness.pressure === JOURNAL_FULL);
    harness.files.failPrepare = false;
    harness.feed(200);
    harness.settle();
    assertEquals(harness.pressure, NONE);
    harness.writer.close();
    assertEquals(readBack(directory).records, 200);
  });
});

Deno.test("JournalWriter does not take the last room for a segment that can't fit", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, { ...SMALL, limits: {} });
    harness.files.failPrepare = true;
    harness.until(() => harness.pressure === JOURNAL_FULL);
    const tries = harness.files.prepares;
    harness.files.spaceBytes = SMALL.segmentBytes - 1;
    harness.wait(1000);
    harness.wait(1000);
    assertEquals(harness.files.prepares, tries);
    harness.files.spaceBytes = SMALL.segmentBytes;
    harness.wait(1000);
    assertEquals(harness.files.prepares, tries + 1);
    harness.writer.close();
  });
});

Deno.test("JournalWriter wants no orders while the file system's reserve is touched", () => {
  withDirectory((directory) => {
    const limits = { freeBytesMin: 1000 };
    const harness = new Harness(directory, { ...SMALL, limits });
    harness.wait(0);
    assertEquals(harness.pressure, NONE);
    harness.files.spaceBytes = 1000;
    harness.wait(1000);
    assertEquals(harness.pressure, NONE);
    harness.files.spaceBytes = 999;
    harness.wait(999);
    assertEquals(harness.pressure, NONE, "looked at each second");
    harness.wait(1);
    assertEquals(harness.pressure, JOURNAL_FULL);
    harness.write(100);
    harness.files.spaceBytes = -5;
    harness.wait(1000);
    assertEquals(harness.pressure, NONE, "a file system that says nothing");
    harness.writer.close();
    assertEquals(readBack(directory).records, 100);
  });
});

Deno.test("JournalWriter wants no orders while a command waits too long", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      durability: "synced",
      limits: { waitMsMax: 100 },
    });
    harness.wait(500);
    assertEquals(harness.pressure, NONE, "nobody waits");
    harness.files.holdSync = true;
    harness.feed(1);
    harness.wait(0);
    harness.wait(100);
    assertEquals(harness.pressure, NONE);
    harness.feed(1);
    harness.wait(1);
    assertEquals(harness.pressure, JOURNAL_SLOW);
    harness.wait(5000);
    assertEquals(harness.pressure, JOURNAL_SLOW);
    harness.files.holdSync = false;
    harness.settle();
    harness.wait(0);
    assertEquals(harness.pressure, JOURNAL_SLOW, "for a second more");
    harness.wait(1001);
    assertEquals(harness.pressure, NONE);
    assertEquals(harness.told, [JOURNAL_SLOW, NONE]);
    assertEquals(harness.counter("journal_slow_total"), 1);
    harness.writer.close();
  });
});

Deno.test("JournalWriter counts the time that a write took as waiting", () => {
  withDirectory((directory) => {
    const limits = { waitMsMax: 100 };
    const harness = new Harness(directory, { durability: "written", limits });
    const { files, clock } = harness;
    harness.wait(0);
    const write = files.write.bind(files);
    files.write = (fd, address, bytes, position) => {
      clock.wait(101);
      return write(fd, address, bytes, position);
    };
    harness.feed(1);
    harness.writer.doWork();
    assertEquals([harness.durable, harness.pressure], [1, NONE]);
    harness.writer.doWork();
    assertEquals(harness.pressure, JOURNAL_SLOW, "judged a round later");
    harness.writer.close();
  });
});

Deno.test("JournalWriter does not take idle time for waiting", () => {
  withDirectory((directory) => {
    const limits = { waitMsMax: 100 };
    const harness = new Harness(directory, { durability: "written", limits });
    harness.wait(0);
    harness.clock.wait(5000);
    harness.feed(1);
    harness.writer.doWork();
    harness.writer.doWork();
    assertEquals([harness.durable, harness.pressure], [1, NONE]);
    harness.writer.close();
  });
});

Deno.test("JournalWriter wants no orders while too many commands wait", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      durability: "synced",
      groupRecordsMax: 16,
      limits: { lagMax: 100 },
    });
    harness.files.holdSync = true;
    harness.feed(100);
    harness.wait(0);
    assertEquals(harness.pressure, NONE);
    harness.feed(1);
    harness.wait(0);
    assertEquals(harness.pressure, JOURNAL_SLOW);
    harness.files.holdSync = false;
    harness.settle();
    harness.wait(1001);
    assertEquals(harness.pressure, NONE);
    harness.writer.close();
  });
});

Deno.test("JournalWriter says that room is short before it says that it is slow", () => {
  withDirectory((directory) => {
    const harness = new Harness(directory, {
      durability: "synced",
      limits: { lagMax: 1, freeBytesMin: 1000 },
    });
    harness.files.holdSync = true;
    harness.feed(2);
    harness.wait(0);
    harness.files.spaceBytes = 0;
    harness.wait(1000);
    assertEquals(harness.told, [JOURNAL_SLOW, JOURNAL_FULL]);
    harness.files.holdSync = false;
    harness.writer.close();
  });
});
