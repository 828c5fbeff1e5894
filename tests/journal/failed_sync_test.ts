// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What recovery makes of a journal whose sync failed: the kernel shows data
 * that no later sync stores, unless they are written again.
 *
 * ```
 *   written, full segment ─▶ background sync fails ─▶ restart, recovery ─▶ power cut
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  JOURNAL_START,
  JournalWriter,
  recover,
} from "../../engine/journal/mod.ts";
import {
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
} from "../../engine/telemetry/mod.ts";
import { Random } from "../oracle/random.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import { SimFiles } from "../sim/sim_files.ts";

const SEGMENT_BYTES = 8192;
const WORDS = { durableWord: 0, stateWord: 1, writtenWord: 2 };

/** A writer with its ring. */
function open(disk: SimDisk) {
  const memory = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, 256));
  const ring = (side: "producer" | "consumer") =>
    new SpscRing(memory, 0, COMMAND_SLOT_BYTES, 256, side);
  const files = new SimFiles(disk);
  const errors: Error[] = [];
  const writer = new JournalWriter({
    directory: "journal",
    durability: "written",
    segmentBytes: SEGMENT_BYTES,
    groupRecordsMax: 16,
    hugePages: false,
    ring: ring("consumer"),
    control: new Int32Array(4),
    ...WORDS,
    lane: new CounterLane(new ArrayBuffer(COUNTER_BLOCK_BYTES), 0, 0),
    position: JOURNAL_START,
    onFailure: (error) => errors.push(error),
    files,
  });
  return { writer, files, errors, producer: ring("producer") };
}

/** A command into the ring. */
function give(producer: SpscRing, sequence: number): void {
  const slot = producer.claim();
  const { slotBytes } = producer;
  producer.u8.fill(0, slot * slotBytes, (slot + 1) * slotBytes);
  producer.u16[slot * (slotBytes >>> 1) + CMD_LENGTH_U16] = 128;
  producer.f64[slot * (slotBytes >>> 3) + CMD_SEQUENCE_F64] = sequence;
  producer.publish();
}

/** Commands that can be read, in their order. */
function read(disk: SimDisk): number[] {
  const found: number[] = [];
  recover(
    { directory: "journal", files: new SimFiles(disk) },
    (reader, offset) =>
      found.push(reader.f64[(offset >>> 3) + CMD_SEQUENCE_F64]!),
  );
  return found;
}

Deno.test("recover() stores again what the failed sync of a full segment left to the kernel", () => {
  const disk = new SimDisk(new Random(7));
  const { writer, files, errors, producer } = open(disk);
  for (let sequence = 1; sequence <= 120; sequence++) {
    give(producer, sequence);
    writer.doWork();
    files.tick();
    // The next segment is prepared by now: the next sync is that of the full one.
    if (sequence === 40) disk.faults.sync = -5;
  }
  writer.close();
  assertEquals(errors.length, 1);
  assert(errors[0]!.message.includes("sync"), errors[0]!.message);
  files.dead = true;
  const shown = read(disk);
  assert(shown.length > 42, `${shown.length} commands: one segment`);
  // The process went on with what the kernel showed; now the power goes.
  disk.powerCut();
  assertEquals(read(disk), shown);
});

Deno.test("JournalWriter does not cut a segment whose sync failed at a stop", () => {
  const disk = new SimDisk(new Random(7));
  const { writer, errors, producer } = open(disk);
  for (let sequence = 1; sequence <= 10; sequence++) {
    give(producer, sequence);
  }
  writer.doWork();
  disk.faults.sync = -5;
  writer.close();
  assertEquals(errors.length, 1);
  const [file] = disk.names.values();
  assertEquals(file!.cached.length, SEGMENT_BYTES);
});
