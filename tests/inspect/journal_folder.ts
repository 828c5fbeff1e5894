// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Data folders made of lists of commands, with a journal as the appliance
 * writes it.
 *
 * @module
 */
import { assert } from "@std/assert";
import { cpuSleep } from "../../ffi/cpu.ts";
import { snapshotDirectory } from "../../engine/appliance/build_gateway.ts";
import { journalDirectory } from "../../engine/appliance/build_journal.ts";
import { Replica } from "../../engine/appliance/replica.ts";
import { snapshotMeta } from "../../engine/appliance/snapshots.ts";
import type { Config } from "../../engine/config/mod.ts";
import {
  JOURNAL_START,
  JournalReader,
  JournalTail,
  JournalWriter,
  NativeJournalFiles,
} from "../../engine/journal/mod.ts";
import { CMD_LENGTH_U16, COMMAND_SLOT_BYTES } from "../../engine/record/mod.ts";
import { JournalState, SpscRing } from "../../engine/ring/mod.ts";
import {
  SectionViews,
  SnapshotFileWriter,
  type SnapshotMeta,
  snapshotName,
} from "../../engine/snapshot/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
  Log,
} from "../../engine/telemetry/mod.ts";
import { CommandBuffer } from "../exchange/support.ts";

const SLOTS = 1024;
const DURABLE_WORD = 0;
const WRITTEN_WORD = 1;
const STATE_WORD = 2;

/** How a journal is written. */
export interface FolderOptions {
  readonly segmentBytes?: number;
  /** Commands of a group at most. */
  readonly groupMax?: number;
}

/** Writes commands, the first of which has sequence 1, as the journal of a data folder. */
export function writeJournal(
  data: string,
  records: readonly Uint8Array[],
  options: FolderOptions = {},
): void {
  const directory = journalDirectory(data);
  Deno.mkdirSync(directory, { recursive: true });
  const memory = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, SLOTS));
  const ring = (side: "producer" | "consumer") =>
    new SpscRing(memory, 0, COMMAND_SLOT_BYTES, SLOTS, side);
  const producer = ring("producer");
  const control = new Int32Array(16);
  const failures: Error[] = [];
  const writer = new JournalWriter({
    directory,
    durability: "written",
    segmentBytes: options.segmentBytes ?? 1 << 20,
    groupRecordsMax: options.groupMax ?? 64,
    hugePages: false,
    ring: ring("consumer"),
    control,
    durableWord: DURABLE_WORD,
    writtenWord: WRITTEN_WORD,
    stateWord: STATE_WORD,
    lane: new CounterLane(new ArrayBuffer(COUNTER_BLOCK_BYTES), 0, 0),
    position: { ...JOURNAL_START, secret: [1, 2] },
    onFailure: (error) => failures.push(error),
    clock: {
      words: new Uint32Array([0, 400_000_000]),
      realtime: () => {},
      monotonic: () => {},
    },
  });
  const work = (done: () => boolean) => {
    for (let round = 0; !done(); round++) {
      assert(failures.length === 0, String(failures[0]));
      assert(round < 200_000, "the journal is stuck");
      if (writer.doWork() === 0) cpuSleep(100);
    }
  };
  records.forEach((record, place) => {
    const slot = producer.claim();
    producer.u8.set(record, slot * COMMAND_SLOT_BYTES);
    producer.publish();
    if (place % (SLOTS / 2) === SLOTS / 2 - 1) {
      work(() => producer.depth() === 0);
    }
  });
  work(() => control[DURABLE_WORD] === (records.length | 0));
  writer.close();
  work(() => control[STATE_WORD] === JournalState.DONE);
  writer.dispose();
}

/** All commands of a data folder. */
export function readJournal(data: string): Uint8Array[] {
  const reader = new JournalReader({ directory: journalDirectory(data) });
  const records: Uint8Array[] = [];
  while (reader.next()) {
    for (let at = reader.start; at < reader.end;) {
      const length = reader.u16[(at >>> 1) + CMD_LENGTH_U16]!;
      records.push(reader.u8.slice(at, at + length));
      at += length;
    }
  }
  reader.dispose();
  return records;
}

/** Runs a test with a data folder of its own; its configuration names it. */
export async function withData(
  config: Config,
  test: (data: string, config: Config) => void | Promise<void>,
): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "ferrule-inspect-" });
  try {
    const appliance = { ...config.appliance, dataDirectory: data };
    await test(data, { ...config, appliance });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** Commands of a list as they are read. */
export function feed(
  replica: Replica,
  records: readonly Uint8Array[],
): void {
  const buffer = new CommandBuffer();
  for (const record of records) {
    buffer.u8.fill(0);
    buffer.u8.set(record);
    replica.apply(buffer, 0);
  }
  replica.settle();
}

/** Where groups end: sequence and the journal's chain there. */
function groupEnd(
  directory: string,
  sequence: number,
): { sequence: number; chainLo: number; chainHi: number } {
  const tail = new JournalTail({ directory, fromSequence: 1 });
  try {
    while (tail.nextSequence <= sequence || !tail.atGroupEnd) {
      tail.next(Infinity);
    }
    const { chainLo, chainHi } = tail;
    return { sequence: tail.nextSequence - 1, chainLo, chainHi };
  } finally {
    tail.dispose();
  }
}

/**
 * Writes a snapshot of a data folder's journal.
 *
 * @param sequence The snapshot is of the end of the group that holds it.
 * @param change What it shall say of itself instead.
 * @returns Its sequence.
 */
export function writeSnapshot(
  config: Config,
  sequence: number,
  change: Partial<SnapshotMeta> = {},
): number {
  const data = config.appliance.dataDirectory;
  const directory = snapshotDirectory(data);
  Deno.mkdirSync(directory, { recursive: true });
  const end = groupEnd(journalDirectory(data), sequence);
  const log = new Log({
    level: "error",
    format: "json",
    source: "test",
    nowMs: () => 0,
  });
  const replica = new Replica({ config, log });
  feed(replica, readJournal(data).slice(0, end.sequence));
  const views = new SectionViews();
  replica.save(views);
  const meta = { ...snapshotMeta(replica, config, end), ...change };
  const files = new NativeJournalFiles();
  const name = snapshotName(end.sequence);
  const writer = new SnapshotFileWriter(files, directory, name, meta, views);
  while (writer.step(1 << 20));
  writer.finish();
  replica.dispose();
  return end.sequence;
}
