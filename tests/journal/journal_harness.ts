// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A writer with a ring to feed it, a disk that fails when told, and commands
 * that follow from their sequence, so that what comes back can be judged
 * without remembering it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { cpuSleep } from "../../ffi/cpu.ts";
import {
  type Durability,
  JOURNAL_START,
  type JournalFiles,
  type JournalPosition,
  type JournalReader,
  type JournalRecovery,
  JournalWriter,
  MappedJournalFiles,
  NativeJournalFiles,
  NO_LIMITS,
  type PressureLimits,
  recover,
  RUNNING,
} from "../../engine/journal/mod.ts";
import {
  CMD_GROUP_INDEX_U16,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
  type Reason,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
  type CounterName,
  CounterReader,
} from "../../engine/telemetry/mod.ts";
import { COUNTER } from "../../engine/telemetry/mod.ts";

const DURABLE_WORD = 3;
const STATE_WORD = 5;
const WRITTEN_WORD = 7;
const PRESSURE_WORD = 9;
const RING_SLOTS = 1024;

/** A random number generator with a seed (xorshift). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  /** 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}

/** 64, 128 or 192, from the sequence alone. */
export function lengthOf(sequence: number): number {
  const draw = Math.imul(sequence, 0x9e3779b1) >>> 29;
  return draw === 0 ? 192 : draw === 1 ? 128 : 64;
}

/** The byte that a command of this sequence has at `at`, from 16 on. */
function byteOf(sequence: number, at: number): number {
  return Math.imul(sequence * 131 + at, 0x9e3779b1) >>> 24;
}

/** Bytes 38 and 39 are the journal's own. */
function isOwnByte(at: number): boolean {
  return at === 38 || at === 39;
}

/** Checks that a command is the one of this sequence. */
export function checkCommand(
  reader: Pick<JournalReader, "u8" | "u16" | "f64">,
  offset: number,
  sequence: number,
): void {
  assertEquals(reader.f64[(offset >>> 3) + CMD_SEQUENCE_F64], sequence);
  const length = reader.u16[(offset >>> 1) + CMD_LENGTH_U16]!;
  assertEquals(length, lengthOf(sequence), `length of ${sequence}`);
  for (let at = 16; at < length; at++) {
    if (isOwnByte(at)) continue;
    if (reader.u8[offset + at] !== byteOf(sequence, at)) {
      throw new Error(`byte ${at} of command ${sequence} is wrong`);
    }
  }
}

/** A disk that fails and waits when told. */
export class TestFiles extends NativeJournalFiles implements JournalFiles {
  /** Writes until one fails; -1 = none does. */
  writesLeft = -1;
  /** What a write or sync that fails gives. */
  code = -28;
  /** The next finished sync fails. */
  failSync = false;
  /** The next prepared segment fails. */
  failPrepare = false;
  /** Syncs do not end. */
  holdSync = false;
  /** Preparations do not end. */
  holdPrepare = false;
  /** What the file system has left; undefined = what it says. */
  spaceBytes: number | undefined;
  writes = 0;
  syncs = 0;
  /** Times that a segment was asked for. */
  prepares = 0;

  override space(fd: number): number {
    return this.spaceBytes ?? super.space(fd);
  }

  override startPrepare(path: string, bytes: number, zero: boolean): number {
    this.prepares++;
    return super.startPrepare(path, bytes, zero);
  }

  override write(
    fd: number,
    address: number,
    bytes: number,
    position: number,
  ): number {
    if (this.writesLeft === 0) return this.code;
    if (this.writesLeft > 0) this.writesLeft--;
    this.writes++;
    return super.write(fd, address, bytes, position);
  }

  override startSync(fd: number, directoryFd: number): number {
    this.syncs++;
    return super.startSync(fd, directoryFd);
  }

  override pollSync(): number {
    if (this.holdSync) return RUNNING;
    const result = super.pollSync();
    return result === RUNNING || !this.failSync ? result : this.code;
  }

  override pollPrepare(): number {
    if (this.holdPrepare) return RUNNING;
    const result = super.pollPrepare();
    if (result === RUNNING || !this.failPrepare) return result;
    if (result >= 0) super.close(result);
    return this.code;
  }
}

/** What a test may set. */
export interface HarnessOptions {
  readonly durability?: Durability;
  /** Over the mapped disk, which no fault can be put into. */
  readonly mapped?: boolean;
  readonly segmentBytes?: number;
  readonly groupRecordsMax?: number;
  readonly position?: JournalPosition;
  /** Makes commands others than those that follow from their sequence. */
  readonly salt?: number;
  /** What is asked of the disk; the clock is then the test's. */
  readonly limits?: Partial<PressureLimits>;
}

/** Time that goes on when told. */
export class TestClock {
  readonly words = new Uint32Array(2);
  #ms = 1000;

  wait(ms: number): void {
    this.#ms += ms;
  }

  realtime(): void {
    this.monotonic();
  }

  monotonic(): void {
    const ns = this.#ms * 1e6;
    this.words[0] = ns % 4294967296;
    this.words[1] = Math.floor(ns / 4294967296);
  }
}

/** A writer, its ring and its words. */
export class Harness {
  readonly files = new TestFiles();
  readonly writer: JournalWriter;
  readonly failures: Error[] = [];
  readonly clock = new TestClock();
  /** Changes of pressure, as told. */
  readonly told: Reason[] = [];
  readonly #producer: SpscRing;
  readonly #control = new Int32Array(16);
  readonly #counters: CounterReader;
  readonly #salt: number;
  #next: number;

  constructor(directory: string, options: HarnessOptions = {}) {
    const memory = new ArrayBuffer(
      SpscRing.bytes(COMMAND_SLOT_BYTES, RING_SLOTS),
    );
    const block = new ArrayBuffer(COUNTER_BLOCK_BYTES);
    this.#producer = new SpscRing(
      memory,
      0,
      COMMAND_SLOT_BYTES,
      RING_SLOTS,
      "producer",
    );
    this.#counters = new CounterReader(block, 0);
    const position = options.position ?? JOURNAL_START;
    this.#salt = options.salt ?? 0;
    this.#next = position.nextSequence;
    this.#control[DURABLE_WORD] = -1;
    this.writer = new JournalWriter({
      directory,
      durability: options.durability ?? "written",
      segmentBytes: options.segmentBytes ?? 1 << 20,
      groupRecordsMax: options.groupRecordsMax ?? 256,
      hugePages: false,
      ring: new SpscRing(memory, 0, COMMAND_SLOT_BYTES, RING_SLOTS, "consumer"),
      control: this.#control,
      durableWord: DURABLE_WORD,
      writtenWord: WRITTEN_WORD,
      stateWord: STATE_WORD,
      lane: new CounterLane(block, 0, 0),
      position,
      onFailure: (error) => this.failures.push(error),
      files: options.mapped ? new MappedJournalFiles() : this.files,
      ...(options.limits && {
        clock: this.clock,
        pressure: {
          limits: { ...NO_LIMITS, ...options.limits },
          word: PRESSURE_WORD,
          onChange: (reason: Reason) => this.told.push(reason),
        },
      }),
    });
  }

  /** `Reason` for which new orders are refused, as others see it. */
  get pressure(): number {
    return this.#control[PRESSURE_WORD]!;
  }

  /** Lets time pass, and the writer do some rounds. */
  wait(ms: number): void {
    this.clock.wait(ms);
    for (let round = 0; round < 20; round++) this.writer.doWork();
  }

  /** Newest durable sequence, as others see it. */
  get durable(): number {
    return this.#control[DURABLE_WORD]!;
  }

  /** Newest sequence in the file, as others see it. */
  get written(): number {
    return this.#control[WRITTEN_WORD]!;
  }

  /** `JournalState`, as others see it. */
  get state(): number {
    return this.#control[STATE_WORD]!;
  }

  /** Sequence of the last command fed. */
  get last(): number {
    return this.#next - 1;
  }

  counter(name: CounterName): number {
    return this.#counters.read(COUNTER[name]);
  }

  /** Puts commands into the ring; there must be room. */
  feed(count: number): void {
    const ring = this.#producer;
    for (let i = 0; i < count; i++) {
      const slot = ring.claim();
      assert(slot >= 0, "the test's ring is full");
      const start = slot * COMMAND_SLOT_BYTES;
      const sequence = this.#next++;
      const length = lengthOf(sequence);
      ring.u8.fill(0xee, start, start + COMMAND_SLOT_BYTES);
      for (let at = 16; at < length; at++) {
        ring.u8[start + at] = byteOf(sequence, at) ^ this.#salt;
      }
      ring.u16[(start >>> 1) + CMD_LENGTH_U16] = length;
      ring.f64[(start >>> 3) + CMD_SEQUENCE_F64] = sequence;
    }
    ring.publish();
  }

  /** Leaves a sequence out. */
  skip(): void {
    this.#next += 1;
  }

  /** Feeds one group and works until it is durable. */
  write(count: number): void {
    this.feed(count);
    this.settle();
  }

  /** Works until everything that was fed is durable. */
  settle(): void {
    this.until(() => this.durable === (this.last | 0));
  }

  /** Works until a condition holds; 20 seconds at most. */
  until(condition: () => boolean): void {
    for (let round = 0; !condition(); round++) {
      if (round > 200_000) {
        throw new Error(
          `the journal is stuck at ${this.durable} of ${this.last}`,
        );
      }
      if (this.writer.doWork() === 0) cpuSleep(100);
    }
  }

  /** Slots in use in the ring. */
  depth(): number {
    return this.#producer.depth();
  }
}

/** Reads a journal, checks every command, and says what recovery said. */
export function readBack(
  directory: string,
  options: { firstSequence?: number; chunkBytes?: number } = {},
): JournalRecovery {
  let expected = options.firstSequence ?? 1;
  const recovery = recover({ directory, ...options }, (reader, offset) => {
    checkCommand(reader, offset, expected);
    expected++;
  });
  assertEquals(recovery.nextSequence, expected);
  return recovery;
}

/** The place of each command in its group, in order. */
export function groupPlaces(directory: string): number[] {
  const places: number[] = [];
  recover({ directory }, (reader, offset) => {
    places.push(reader.u16[(offset >>> 1) + CMD_GROUP_INDEX_U16]!);
  });
  return places;
}

/** Runs a test in a directory of its own. */
export function withDirectory(test: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-journal-" });
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Names of the segments, in order. */
export function segmentsOf(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".journal")).sort();
}
