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
  JOURNAL_START,
  JournalDamageError,
  type JournalPosition,
  JournalReader,
  tornTailMessage,
} from "../../engine/journal/mod.ts";
import {
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { SEAL_BYTES, SEAL_KIND } from "../../ffi/journal.ts";
import { crc32c } from "../../engine/wire/crc32c.ts";
import {
  checkCommand,
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

/** Offsets of the commands and seals of a segment. */
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

/** Offset and number of commands before it, of the start of each group of a segment, and of its end. */
function groupsOf(bytes: Uint8Array<ArrayBuffer>): [number, number][] {
  const groups: [number, number][] = [[64, 0]];
  let commands = 0;
  for (const at of offsetsOf(bytes)) {
    if (bytes[at + 6] !== SEAL_KIND) commands++;
    else groups.push([at + SEAL_BYTES, commands]);
  }
  return groups;
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

Deno.test("recover() cuts a journal that is truncated at any byte to whole groups", () => {
  withDirectory((directory) => {
    makeJournal(directory, [12, 7, 1]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const groups = groupsOf(whole);
    assertEquals(groups.map(([, commands]) => commands), [0, 12, 19, 20]);
    for (let length = 0; length <= whole.length; length++) {
      Deno.writeFileSync(path, whole.subarray(0, length));
      const recovery = readBack(directory, {
        chunkBytes: length % 2 === 0 ? 256 : 1 << 16,
      });
      const [end, kept] = groups.findLast(([at]) => at <= length) ?? [-1, 0];
      assertEquals(recovery.records, kept, `cut to ${length}`);
      assertEquals(recovery.tail === undefined, end === length, `${length}`);
      if (kept > 0) {
        assertEquals(Deno.statSync(path).size, end);
        assertEquals(
          readBack(directory).tail,
          undefined,
          "what is cut stays cut",
        );
      } else assertEquals(segmentsOf(directory), []);
    }
  });
});

Deno.test("recover() cuts a group of which any blocks were never written", () => {
  withDirectory((directory) => {
    makeJournal(directory, [20, 30]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const start = groupsOf(whole)[1]![0];
    const blocks = Math.ceil(whole.length / 512) - Math.floor(start / 512);
    const seed = 0x70a2;
    const random = new Random(seed);
    for (let round = 0; round < 200; round++) {
      const bytes = new Uint8Array(whole.length + 512);
      bytes.set(whole);
      const lost = random.below(blocks);
      for (let block = 0; block < blocks; block++) {
        if (block !== lost && random.below(3) > 0) continue;
        const from = (Math.floor(start / 512) + block) * 512;
        bytes.fill(0, Math.max(start, from), from + 512);
      }
      const rest = bytes.findLastIndex((byte) => byte !== 0) + 1 - start;
      Deno.writeFileSync(path, bytes);
      const recovery = readBack(directory, {
        chunkBytes: round % 2 === 0 ? 1 << 16 : 192,
      });
      const place = `seed ${seed}, round ${round}`;
      assertEquals(recovery.records, 20, place);
      assertEquals(recovery.tail === undefined, rest <= 0, place);
      if (recovery.tail !== undefined) {
        assertEquals(recovery.tail.offset, start, place);
        assertEquals(recovery.tail.segment, path);
        assertEquals(recovery.tail.bytesDropped, rest, place);
        assertStringIncludes(
          tornTailMessage(recovery.tail),
          `${path}, offset ${start}`,
        );
      }
      assertEquals(Deno.statSync(path).size, start, place);
    }
  });
});

Deno.test("recover() cuts a group whose last bytes are missing in the middle of a block", () => {
  withDirectory((directory) => {
    makeJournal(directory, [20, 30]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const start = groupsOf(whole)[1]![0];
    for (let from = start; from < whole.length; from += 64) {
      const bytes = whole.slice();
      bytes.fill(0, from);
      Deno.writeFileSync(path, bytes);
      assertEquals(readBack(directory).records, 20, `zero from ${from}`);
      assertEquals(Deno.statSync(path).size, start);
    }
  });
});

Deno.test("recover() refuses a changed byte in the last group, and where the group has a hole that no write leaves", () => {
  withDirectory((directory) => {
    makeJournal(directory, [20, 30]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    for (const offset of offsetsOf(whole).slice(-31)) {
      for (const at of [offset, offset + 6, offset + 41, offset + 63]) {
        const bytes = whole.slice();
        bytes[at]! ^= 0x10;
        Deno.writeFileSync(path, bytes);
        const damage = damageOf(directory);
        assert(
          ["RECORD", "SEAL", "CHAIN"].includes(damage.kind),
          `byte ${at}: ${damage.kind}`,
        );
        assertEquals(Deno.readFileSync(path), bytes, "damage is left as it is");
      }
    }
    const [offset] = offsetsOf(whole).filter((at) =>
      at > groupsOf(whole)[1]![0] && at % 512 === 64
    );
    const bytes = whole.slice();
    bytes.fill(0, offset!, offset! + 64);
    Deno.writeFileSync(path, bytes);
    assertEquals(damageOf(directory).offset, offset!);
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

Deno.test("recover() names the damage after any flipped bit", () => {
  withDirectory((directory) => {
    makeJournal(directory, Array.from({ length: 18 }, (_, at) => 5 + at));
    const names = segmentsOf(directory);
    const total = readBack(directory).records;
    const originals = names.map((name) =>
      Deno.readFileSync(`${directory}/${name}`)
    );
    const seed = 0xb17;
    const random = new Random(seed);
    let damages = 0;
    for (let round = 0; round < 1500; round++) {
      const at = random.below(names.length);
      const bytes = originals[at]!.slice();
      const bit = random.below(bytes.length * 8);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      const path = `${directory}/${names[at]}`;
      Deno.writeFileSync(path, bytes);
      const place = `seed ${seed}, round ${round}, ${names[at]}, bit ${bit}`;
      try {
        readBack(directory);
      } catch (error) {
        if (!(error instanceof JournalDamageError)) {
          throw new Error(place, { cause: error });
        }
        assertStringIncludes(error.damage.segment, ".journal");
        damages++;
      }
      names.forEach((name, i) =>
        Deno.writeFileSync(`${directory}/${name}`, originals[i]!)
      );
    }
    assertEquals(damages, 1500, `${total} commands, seed ${seed}`);
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
    name: "a segment in the middle that ends inside a group",
    kind: "RECORD",
    change: (directory, names) => {
      const path = `${directory}/${names[1]}`;
      Deno.truncateSync(path, offsetsOf(Deno.readFileSync(path))[2]);
    },
  },
  {
    name: "a segment in the middle that ends after a group",
    kind: "MISSING",
    change: (directory, names) => {
      const path = `${directory}/${names[1]}`;
      Deno.truncateSync(path, groupsOf(Deno.readFileSync(path))[1]![0]);
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
    name: "version 1 in the last segment",
    kind: "VERSION",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        bytes[8] = 1;
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
    name: "a segment of another journal",
    kind: "CHAIN",
    change: (directory, names) =>
      edit(`${directory}/${names[1]}`, (bytes) => {
        bytes[40]! ^= 1;
        sealHeader(bytes);
      }),
  },
  {
    name: "a segment that goes on from another chain",
    kind: "CHAIN",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        bytes[55]! ^= 1;
        sealHeader(bytes);
      }),
  },
  {
    name: "a command that was changed, with a CRC that fits",
    kind: "CHAIN",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const offset = offsetsOf(bytes)[2]!;
        bytes[offset + 48]! ^= 1;
        sealCommand(bytes, offset);
      }),
  },
  {
    name: "two commands with each other's content",
    kind: "CHAIN",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const at = offsetsOf(bytes).filter((offset) =>
          bytes[offset + 4] === 64 && bytes[offset + 6] !== SEAL_KIND
        );
        const one = bytes.slice(at[0]! + 40, at[0]! + 64);
        bytes.copyWithin(at[0]! + 40, at[1]! + 40, at[1]! + 64);
        bytes.set(one, at[1]! + 40);
        sealCommand(bytes, at[0]!);
        sealCommand(bytes, at[1]!);
      }),
  },
  {
    name: "a seal that was changed, with a CRC that fits",
    kind: "SEAL",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const offset = groupsOf(bytes)[1]![0] - SEAL_BYTES;
        bytes[offset + 16]! ^= 1;
        sealCommand(bytes, offset);
      }),
  },
  {
    name: "a command in the place of a seal",
    kind: "RECORD",
    change: (directory, names) =>
      edit(`${directory}/${names.at(-1)}`, (bytes) => {
        const offset = groupsOf(bytes)[1]![0] - SEAL_BYTES;
        bytes[offset + 6] = 1;
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
    const position: JournalPosition = {
      ...JOURNAL_START,
      nextSequence: 1000,
      nextSegmentIndex: 7,
      epoch: 3,
      chain: [5, 6],
    };
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

Deno.test("recover() hands on the secret and the chain from run to run", () => {
  withDirectory((directory) => {
    let position: JournalPosition = readBack(directory);
    assertEquals(position.secret, [0, 0]);
    const chains = new Set<string>();
    for (let run = 0; run < 4; run++) {
      const harness = new Harness(directory, { position });
      harness.write(10);
      harness.write(1);
      harness.writer.close();
      const next = readBack(directory);
      if (run > 0) assertEquals(next.secret, position.secret);
      chains.add(String(next.chain));
      position = next;
    }
    assertEquals(chains.size, 4);
  });
});

Deno.test("recover() notices a group that was not written, or written over an earlier one", () => {
  for (const misdirected of [false, true]) {
    withDirectory((directory) => {
      makeJournal(directory, [3, 3, 3, 3]);
      const path = `${directory}/${segmentsOf(directory)[0]}`;
      edit(path, (bytes) => {
        const groups = groupsOf(bytes);
        const third = bytes.slice(groups[2]![0], groups[3]![0]);
        bytes.fill(0, groups[2]![0], groups[3]![0]);
        if (misdirected) bytes.set(third, groups[1]![0]);
      });
      const { kind } = damageOf(directory);
      assertEquals(kind, misdirected ? "GAP" : "RECORD");
    });
  }
});

Deno.test("recover() takes bytes in a command that look like a foreign seal for what they are", () => {
  withDirectory((directory) => {
    makeJournal(directory, [5, 8, 20]);
    const path = `${directory}/${segmentsOf(directory)[0]}`;
    const whole = Deno.readFileSync(path);
    const [[start], [end]] = groupsOf(whole).slice(-2) as [
      [number, number],
      [number, number],
    ];
    edit(path, (bytes) => {
      // What a client can do at best: a seal of the right form, its proof guessed.
      bytes.fill(0, start, end);
      const view = new DataView(bytes.buffer);
      view.setUint16(start + 1024 + 4, 64, true);
      bytes[start + 1024 + 6] = SEAL_KIND;
      view.setFloat64(start + 1024 + 8, 999, true);
      sealCommand(bytes, start + 1024);
    });
    assert(start + 1024 < end);
    const recovery = readBack(directory);
    assertEquals(recovery.records, 13);
    assertEquals(recovery.tail?.offset, start);
  });
});

Deno.test("JournalReader with fromSequence starts in the segment that holds it", () => {
  withDirectory((directory) => {
    makeJournal(directory, [10, 31, 31, 31, 31, 31, 31, 31]);
    assert(segmentsOf(directory).length > 3);
    const whole = readBack(directory);
    for (const fromSequence of [1, 2, 11, 100, 150, 227, 228]) {
      for (const chunkBytes of [192, 1 << 16]) {
        const reader = new JournalReader({
          directory,
          fromSequence,
          chunkBytes,
        });
        let expected = fromSequence;
        while (reader.next()) {
          let at = reader.start;
          while (at < reader.end) {
            checkCommand(reader, at, expected++);
            at += reader.u16[(at >>> 1) + CMD_LENGTH_U16]!;
          }
        }
        assertEquals(expected, 228, `from ${fromSequence}`);
        const { nextSequence, chain, nextSegmentIndex } = reader.finish();
        assertEquals(nextSequence, 228);
        assertEquals(chain, whole.chain);
        assertEquals(nextSegmentIndex, whole.nextSegmentIndex);
      }
    }
  });
});
