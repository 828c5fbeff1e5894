// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writes commands that have their sequences into a folder, as a journal.
 *
 * @module
 */
import { JOURNAL_START, JournalWriter } from "../../engine/journal/mod.ts";
import { CMD_LENGTH_U16, COMMAND_SLOT_BYTES } from "../../engine/record/mod.ts";
import { RING_FULL, SpscRing } from "../../engine/ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
} from "../../engine/telemetry/mod.ts";

const SLOTS = 1 << 15;
const DURABLE = 0;
const WRITTEN = 16;
const STATE = 32;

/** Commands one after the other: a test's list, a benchmark's row. */
export interface CommandRow {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  /** Bytes of all of them. */
  readonly bytes: number;
}

/** Puts records one after the other. */
export function rowOf(records: readonly Uint8Array[]): CommandRow {
  const bytes = records.reduce((sum, record) => sum + record.length, 0);
  const u8 = new Uint8Array(bytes);
  let at = 0;
  for (const record of records) {
    u8.set(record, at);
    at += record.length;
  }
  return { u8, u16: new Uint16Array(u8.buffer), bytes };
}

/** Writes a journal whose first command is `firstSequence`; it ends when all is written. */
export function writeJournal(
  directory: string,
  firstSequence: number,
  row: CommandRow,
): void {
  const memory = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, SLOTS));
  const open = (side: "producer" | "consumer") =>
    new SpscRing(memory, 0, COMMAND_SLOT_BYTES, SLOTS, side);
  const producer = open("producer");
  const failures: Error[] = [];
  const writer = new JournalWriter({
    directory,
    durability: "written",
    segmentBytes: 64 << 20,
    groupRecordsMax: 8192,
    hugePages: false,
    ring: open("consumer"),
    control: new Int32Array(48),
    durableWord: DURABLE,
    writtenWord: WRITTEN,
    stateWord: STATE,
    lane: new CounterLane(new ArrayBuffer(COUNTER_BLOCK_BYTES), 0, 0),
    position: { ...JOURNAL_START, nextSequence: firstSequence },
    onFailure: (error) => failures.push(error),
  });
  for (let at = 0; at < row.bytes;) {
    const slot = producer.claim();
    if (slot === RING_FULL) {
      producer.publish();
      writer.doWork();
      continue;
    }
    const length = row.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    producer.u8.set(
      row.u8.subarray(at, at + length),
      slot * COMMAND_SLOT_BYTES,
    );
    at += length;
  }
  producer.publish();
  while (producer.depth() > 0) writer.doWork();
  writer.close();
  writer.dispose();
  if (failures[0] !== undefined) throw failures[0];
}
