// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Recovery: whatever was done to the files, it yields a prefix of what was
 * written or names the damage, and never a command that was not written.
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
  type DamageKind,
  JournalDamageError,
  JournalReader,
  type JournalRecovery,
  tornTailMessage,
} from "../../engine/journal/mod.ts";
import {
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { crc32c } from "../../engine/wire/crc32c.ts";
import {
  Harness,
  Random,
  readBack,
  segmentsOf,
  withDirectory,
} from "./journal_harness.ts";

/** A header and a group of 31 of the longest commands, rounded up. */
const SEGMENT_BYTES = 6144;

/** Groups of these sizes, in segments of about 6 KiB. */
function makeJournal(directory: string, groups: readonly number[]): void {
  const harness = new Harness(directory, {
    segmentBytes: SEGMENT_BYTES,
    groupRecordsMax: 31,
  });
  for (const records of groups) harness.write(records);
  harness.writer.close();
}

function damageOf(directory: string): JournalDamageError["damage"] {
  const error = assertThrows(() => readBack(directory), JournalDamageError);
  const { segment, offset, expected, found, remedy } = error.damage;
  for (const part of [segment, `offset ${offset}`, expected, found, remedy]) {
    assertStringIncludes(error.message, part);
  }
  return error.damage;
}

function edit(
  path: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => void,
): void {
  const bytes = Deno.readFileSync(path);
  change(bytes);
  Deno.writeFileSync(path, bytes);
}

/** Makes a header valid again after a change. */
function sealHeader(bytes: Uint8Array<ArrayBuffer>): void {
  new DataView(bytes.buffer).setUint32(60, crc32c(bytes, 0, 60), true);
}

/** Makes a command valid again after a change. */
function sealCommand(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
  const view = new DataView(bytes.buffer);
  const length = view.getUint16(offset + 4, true);
  view.setUint32(offset, crc32c(bytes, offset + 4, offset + length), true);
}

/** Offsets of the commands of a segment. */
function offsetsOf(bytes: Uint8Array<ArrayBuffer>): number[] {
  const view = new DataView(bytes.buffer);
  const offsets: number[] = [];
  for (
    let at = 64;
    at + 64 <= bytes.length && view.getUint16(at + 4, true) > 0;
  ) {
    offsets.push(at);
    at += view.getUint16(at + 4, true);
  }
  return offsets;
}

Deno.test("recover() of an empty directory starts a journal", () => {
  withDirectory((directory) => {
    const { nextSequence, nextSegmentIndex, epoch, records, tail } = readBack(
      directory,
    );
    assertEquals([nextSequence, nextSegmentIndex, epoch, records], [
      1,
      0,
      0,
      0,
    ]);
    assertEquals(tail, undefined);
  });
});

Deno.test("recover() reads the same with chunks of any size", () => {
  withDirectory((directory) => {
    makeJournal(directory, [10, 31, 31, 31, 31, 7, 1]);
    for (const chunkBytes of [192, 256, 320, 1024, 4096, 1 << 20]) {
      assertEquals(
        readBack(directory, { chunkBytes }).records,
        142,
        `${chunkBytes}`,
      );
    }
  });
});

Deno.test("recover() cuts a journal that is truncated at any byte to whole commands", () => {
  withDirectory((directory) => {
    makeJournal(directory, [20, 12]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const offsets = [...offsetsOf(whole), whole.length];
    for (let length = 0; length <= whole.length; length++) {
      Deno.writeFileSync(path, whole.subarray(0, length));
      const recovery = readBack(directory, {
        chunkBytes: length % 2 === 0 ? 256 : 1 << 16,
      });
      const kept = Math.max(
        0,
        offsets.findLastIndex((offset) => offset <= length),
      );
      assertEquals(recovery.records, kept, `cut to ${length}`);
      const onBoundary = length === 64 ||
        (length > 64 && offsets.includes(length));
      assertEquals(recovery.tail === undefined, onBoundary, `cut to ${length}`);
      if (kept > 0) {
        assertEquals(Deno.statSync(path).size, offsets[kept]);
        assertEquals(
          readBack(directory).tail,
          undefined,
          "what is cut stays cut",
        );
      } else assertEquals(segmentsOf(directory), []);
    }
  });
});

Deno.test("recover() cuts a group of which any pages were lost", () => {
  withDirectory((directory) => {
    makeJournal(directory, [20, 30]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const offsets = offsetsOf(whole);
    const seed = 0x70a2;
    const random = new Random(seed);
    for (let round = 0; round < 200; round++) {
      const start = 20 + random.below(30);
      const first = offsets[start]!;
      const last = first + 1 + random.below(whole.length - first);
      const bytes = new Uint8Array(whole.length + 512);
      bytes.set(whole);
      bytes.fill(0, first, last);
      Deno.writeFileSync(path, bytes);
      const recovery = readBack(directory);
      const place = `seed ${seed}, round ${round}, ${first} to ${last}`;
      assertEquals(recovery.records, start, place);
      if (last < whole.length) {
        assertEquals(recovery.tail?.offset, first, place);
        assertEquals(recovery.tail?.segment, path);
        assert(
          recovery.tail!.bytesDropped > 0 &&
            recovery.tail!.bytesDropped <= whole.length,
        );
        assertStringIncludes(
          tornTailMessage(recovery.tail!),
          `${path}, offset ${first}`,
        );
      }
      assertEquals(Deno.statSync(path).size, first, place);
    }
  });
});

Deno.test("recover() refuses damage that a later group follows", () => {
  withDirectory((directory) => {
    makeJournal(directory, [10, 10, 10]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const offsets = offsetsOf(whole);
    for (let record = 0; record < 20; record++) {
      const bytes = whole.slice();
      bytes.fill(0, offsets[record]!, offsets[record]! + 64);
      Deno.writeFileSync(path, bytes);
      const damage = damageOf(directory);
      assertEquals(damage.kind, "RECORD", `record ${record}`);
      assertEquals(damage.offset, offsets[record]!, `record ${record}`);
      assertEquals(damage.segment, path);
      assertEquals(Deno.readFileSync(path), bytes, "damage is left as it is");
    }
  });
});

Deno.test("recover() yields a prefix or names the damage after any flipped bit", () => {
  withDirectory((directory) => {
    makeJournal(directory, Array.from({ length: 18 }, (_, at) => 5 + at));
    const names = segmentsOf(directory);
    const total = readBack(directory).records;
    const originals = names.map((name) =>
      Deno.readFileSync(`${directory}/${name}`)
    );
    const seed = 0xb17;
    const random = new Random(seed);
    const outcomes = { prefix: 0, damage: 0 };
    for (let round = 0; round < 1500; round++) {
      const at = random.below(names.length);
      const bytes = originals[at]!.slice();
      const bit = random.below(bytes.length * 8);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      const path = `${directory}/${names[at]}`;
      Deno.writeFileSync(path, bytes);
      const place = `seed ${seed}, round ${round}, ${names[at]}, bit ${bit}`;
      let recovery: JournalRecovery | undefined;
      try {
        recovery = readBack(directory);
      } catch (error) {
        if (!(error instanceof JournalDamageError)) {
          throw new Error(place, { cause: error });
        }
        assertStringIncludes(error.damage.segment, ".journal");
        outcomes.damage++;
      }
      if (recovery !== undefined) {
        assert(
          recovery.records < total && recovery.tail !== undefined,
          place,
        );
        assertEquals(
          at,
          names.length - 1,
          `${place}: only the last segment is cut`,
        );
        outcomes.prefix++;
      }
      names.forEach((name, i) =>
        Deno.writeFileSync(`${directory}/${name}`, originals[i]!)
      );
    }
    assert(
      outcomes.prefix > 20 && outcomes.damage > 500,
      JSON.stringify(outcomes),
    );
  });
});

Deno.test("recover() yields a prefix or names the damage after any bytes were changed", () => {
  withDirectory((directory) => {
    makeJournal(directory, [9, 8, 7, 31, 31, 31, 31, 31, 31, 6, 5, 4]);
    const names = segmentsOf(directory);
    const total = readBack(directory).records;
    const originals = names.map((name) =>
      Deno.readFileSync(`${directory}/${name}`)
    );
    const seed = 0xfeed;
    const random = new Random(seed);
    for (let round = 0; round < 800; round++) {
      const at = random.below(names.length);
      const bytes = originals[at]!.slice();
      const from = random.below(bytes.length);
      const to = Math.min(bytes.length, from + 1 + random.below(300));
      const kind = random.below(3);
      for (let i = from; i < to; i++) {
        bytes[i] = kind === 0
          ? 0
          : kind === 1
          ? random.below(256)
          : originals[0]![i % 512]!;
      }
      const cut = random.below(4) === 0
        ? random.below(bytes.length)
        : bytes.length;
      Deno.writeFileSync(`${directory}/${names[at]}`, bytes.subarray(0, cut));
      const place = `seed ${seed}, round ${round}`;
      try {
        const recovery = readBack(directory);
        assert(recovery.records <= total, place);
        if (recovery.records < total) assertEquals(at, names.length - 1, place);
      } catch (error) {
        if (!(error instanceof JournalDamageError)) {
          throw new Error(place, { cause: error });
        }
      }
      names.forEach((name, i) =>
        Deno.writeFileSync(`${directory}/${name}`, originals[i]!)
      );
    }
  });
});

/** One kind of damage: what is done to which segment, and what recovery calls it. */
interface DamageCase {
  readonly name: string;
  readonly kind: DamageKind;
  readonly change: (directory: string, names: readonly string[]) => void;
}

const DAMAGES: readonly DamageCase[] = [
  {
    name: "a missing first segment",
    kind: "MISSING",
    change: (directory, names) => Deno.removeSync(`${directory}/${names[0]}`),
  },
  {
    name: "a missing segment in the middle",
    kind: "MISSING",
    change: (directory, names) => Deno.removeSync(`${directory}/${names[1]}`),
  },
  {
    name: "an empty segment in the middle",
    kind: "HEADER",
    change: (directory, names) =>
      Deno.writeFileSync(`${directory}/${names[1]}`, new Uint8Array(0)),
  },
  {
    name: "a short segment in the middle",
    kind: "MISSING",
    change: (directory, names) => {
      const path = `${directory}/${names[1]}`;
      Deno.truncateSync(path, offsetsOf(Deno.readFileSync(path))[2]);
    },
  },
  {
    name: "a segment in the middle that ends inside a command",
    kind: "RECORD",
    change: (directory, names) =>
      Deno.truncateSync(`${directory}/${names[1]}`, 64 + 128 + 30),
  },
  {
    name: "bytes after the last command of a segment in the middle",
    kind: "RECORD",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        bytes[bytes.length - 1] = 1;
      }),
  },
  {
    name: "a wrong magic",
    kind: "MAGIC",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        bytes[0]! ^= 1;
      }),
  },
  {
    name: "a wrong magic before commands in the last segment",
    kind: "MAGIC",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        bytes[0]! ^= 1;
      }),
  },
  {
    name: "another version in the last segment",
    kind: "VERSION",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        bytes[8] = 2;
        sealHeader(bytes);
      }),
  },
  {
    name: "a header that contradicts the name",
    kind: "SEGMENT",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        new DataView(bytes.buffer).setFloat64(16, 7, true);
        sealHeader(bytes);
      }),
  },
  {
    name: "a segment of another index",
    kind: "SEGMENT",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        bytes[12] = 9;
        sealHeader(bytes);
      }),
  },
  {
    name: "an epoch that goes back",
    kind: "EPOCH",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        bytes[24] = 0;
        sealHeader(bytes);
      }),
  },
  {
    name: "a sequence that is too high",
    kind: "GAP",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const offset = offsetsOf(bytes)[2]!;
        const view = new DataView(bytes.buffer);
        view.setFloat64(
          offset + 8,
          view.getFloat64(offset + 8, true) + 1,
          true,
        );
        sealCommand(bytes, offset);
      }),
  },
  {
    name: "a sequence that was there before",
    kind: "DUPLICATE",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const offset = offsetsOf(bytes)[2]!;
        const view = new DataView(bytes.buffer);
        view.setFloat64(
          offset + 8,
          view.getFloat64(offset + 8, true) - 1,
          true,
        );
        sealCommand(bytes, offset);
      }),
  },
  {
    name: "a segment that overlaps another",
    kind: "DUPLICATE",
    change: (directory, names) =>
      Deno.copyFileSync(
        `${directory}/${names[1]}`,
        `${directory}/00000000000000000002.journal`,
      ),
  },
  {
    name: "a name that is none",
    kind: "NAME",
    change: (directory) => Deno.writeTextFileSync(`${directory}/1.journal`, ""),
  },
  {
    name: "a directory in the place of a segment",
    kind: "NAME",
    change: (directory) =>
      Deno.mkdirSync(`${directory}/00000000000000009999.journal`),
  },
];

for (const { name, kind, change } of DAMAGES) {
  Deno.test(`recover() calls ${name} ${kind}`, () => {
    withDirectory((directory) => {
      const harness = new Harness(directory, {
        segmentBytes: SEGMENT_BYTES,
        groupRecordsMax: 31,
      });
      for (let group = 0; group < 18; group++) harness.write(10);
      const names = segmentsOf(directory);
      assert(names.length >= 3);
      harness.writer.close();
      change(directory, names);
      const before = segmentsOf(directory);
      assertEquals(damageOf(directory).kind, kind);
      assertEquals(segmentsOf(directory), before, "damage is left as it is");
    });
  });
}

Deno.test("recover() removes a last segment that was never begun", () => {
  for (const length of [0, 1, 63, 64, 4096]) {
    withDirectory((directory) => {
      makeJournal(directory, [10, 20]);
      const before = readBack(directory);
      const path = `${directory}/00000000000000000031.journal`;
      Deno.writeFileSync(path, new Uint8Array(length));
      const recovery = readBack(directory);
      assertEquals(recovery.records, 30);
      assertEquals(recovery.nextSegmentIndex, before.nextSegmentIndex);
      assertEquals(recovery.tail?.segment, path);
      assertEquals(recovery.tail?.offset, 0);
      assertEquals(segmentsOf(directory).length, before.segments);
    });
  }
});

Deno.test("recover() after a crash finds everything that was written, and goes on", () => {
  withDirectory((directory) => {
    // The writer is not closed: its segment keeps its unused room.
    const crashed = new Harness(directory, { groupRecordsMax: 50 });
    crashed.write(120);
    assertEquals(
      Deno.statSync(`${directory}/${segmentsOf(directory)[0]}`).size,
      1 << 20,
    );
    const position = readBack(directory);
    assertEquals(position.records, 120);
    assertEquals(position.tail, undefined);
    const next = new Harness(directory, { position });
    next.write(30);
    next.writer.close();
    assertEquals(readBack(directory).records, 150);
    crashed.files.writesLeft = 0;
    crashed.writer.dispose();
  });
});

Deno.test("JournalReader.feed() moves commands through a ring that is often full", () => {
  withDirectory((directory) => {
    makeJournal(directory, [31, 31, 31, 31, 31]);
    const memory = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, 8));
    const producer = new SpscRing(memory, 0, COMMAND_SLOT_BYTES, 8, "producer");
    const consumer = new SpscRing(memory, 0, COMMAND_SLOT_BYTES, 8, "consumer");
    const reader = new JournalReader({ directory, chunkBytes: 640 });
    let expected = 1;
    for (let round = 0; !reader.ended && round < 1000; round++) {
      const moved = reader.feed(producer);
      assert(moved <= 8);
      const taken = Math.min(consumer.available(), 1 + round % 8);
      for (let i = 0; i < taken; i++) {
        const start = consumer.peek(i) * (COMMAND_SLOT_BYTES >>> 3);
        assertEquals(consumer.f64[start + CMD_SEQUENCE_F64], expected++);
      }
      consumer.release(taken);
    }
    expected += consumer.available();
    assertEquals(expected, 156);
    assertEquals(reader.records, 155);
    assertEquals(reader.finish().nextSequence, 156);
  });
});

Deno.test("recover() takes a journal that starts later only when told", () => {
  withDirectory((directory) => {
    const position = { nextSequence: 1000, nextSegmentIndex: 7, epoch: 3 };
    const harness = new Harness(directory, { position });
    harness.write(10);
    harness.writer.close();
    assertEquals(damageOf(directory).kind, "MISSING");
    const recovery = readBack(directory, { firstSequence: 1000 });
    assertEquals(recovery.records, 10);
    assertEquals(recovery.nextSegmentIndex, 8);
    assertEquals(recovery.epoch, 4);
  });
});
