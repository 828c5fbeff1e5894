// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The agent that makes commands durable.
 *
 * ```
 *   journal ring ──gather──▶ group (place, CRC), seal ──one write──▶ segment ──sync──▶
 *                                      └──────────── durable sequence ◀──────────────┘
 * ```
 *
 * It belongs to one thread and allocates nothing after start, except when a
 * segment is full. With `synced`, commands gather while a sync runs and are
 * written when it is over: so at any time at most one group on the disk is not
 * yet durable, and a crash tears that one only. After a failed write or sync it
 * publishes nothing more and never tries a sync again: what the kernel dropped
 * once, a second sync would call safe. A segment that can't be prepared is no
 * failure as long as the one at hand has room: see `pressure.ts`.
 *
 * @module
 */
import { Clock } from "../../ffi/clock.ts";
import { JournalGroup, SEAL_BYTES } from "../../ffi/journal.ts";
import { addressOf, allocate, type MemoryRegion } from "../../ffi/memory.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { assert } from "../assert.ts";
import {
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
  type Reason,
} from "../record/mod.ts";
import {
  type FlightRing,
  JournalState,
  loadWord,
  type SpscRing,
  storeWord,
} from "../ring/mod.ts";
import { COUNTER, type CounterLane } from "../telemetry/mod.ts";
import { type JournalFiles, NativeJournalFiles, RUNNING } from "./files.ts";
import {
  JournalPressure,
  NO_LIMITS,
  PRESSURE_RETRY_MS,
  type PressureLimits,
} from "./pressure.ts";
import {
  listSegments,
  PREPARED_NAME,
  SEGMENT_HEADER_BYTES,
  segmentName,
  type Words,
  writeHeader,
} from "./segment.ts";

/** When a command counts as durable. */
export type Durability = "none" | "written" | "synced";

/** Where a journal goes on: what recovery found. */
export interface JournalPosition {
  /** Sequence of the next command. */
  readonly nextSequence: number;
  /** Index of the next segment. */
  readonly nextSegmentIndex: number;
  /** Number of the newest run that wrote; 0 = none. */
  readonly epoch: number;
  /** The journal's secret; both words 0 = none yet, the writer draws one. */
  readonly secret: Words;
  /** Of all groups before. */
  readonly chain: Words;
}

/** The position of a journal without segments. */
export const JOURNAL_START: JournalPosition = {
  nextSequence: 1,
  nextSegmentIndex: 0,
  epoch: 0,
  secret: [0, 0],
  chain: [0, 0],
};

export interface JournalWriterOptions {
  /** An existing directory, locked by this process. */
  readonly directory: string;
  readonly durability: Durability;
  /** Bytes of a segment file; it must hold a group of the largest size. */
  readonly segmentBytes: number;
  /** Commands of one write at most, up to 65,536. */
  readonly groupRecordsMax: number;
  /** Try huge pages for the group's memory. */
  readonly hugePages: boolean;
  /** Consumer's end of the ring of sequenced commands. */
  readonly ring: SpscRing;
  /** Words shared with other threads. */
  readonly control: Int32Array;
  /** Its word for the low 32 bits of the newest durable sequence. */
  readonly durableWord: number;
  /** Its word for the low 32 bits of the newest sequence written to the file, synced or not. */
  readonly writtenWord: number;
  /** Its word for the `JournalState`; FAILED and DONE are told there. */
  readonly stateWord: number;
  /** This agent's counters. */
  readonly lane: CounterLane;
  /** Where to go on. */
  readonly position: JournalPosition;
  /** Told once, when a write or sync has failed. */
  readonly onFailure: (error: Error) => void;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
  /** For the time in a segment's header, and how long commands wait; the machine's own if not given. */
  readonly clock?: Pick<Clock, "words" | "realtime" | "monotonic">;
  /** Told when commands are durable; nobody if left out. */
  readonly flight?: FlightRing;
  /** When new orders are refused for the disk's sake; without it nobody is told. */
  readonly pressure?: {
    readonly limits: PressureLimits;
    /** Its word for the `Reason`. */
    readonly word: number;
    /** Told when it changes: a `Reason`, NONE = over, and why. */
    readonly onChange: (reason: Reason, why: string) => void;
  };
}

// Elements of the writer's sequences.
/** Sequence of the next command from the ring. */
const NEXT = 0;
/** Newest sequence that the sync at hand covers. */
const COVERED = 1;
const NO_FILE = -1;
// Elements of the writer's times: milliseconds of the monotonic clock.
const NOW = 0;
/** Since when the oldest command waits to become durable; 0 = none does. */
const WAITS = 1;
/** Since when the commands of the group at hand wait; 0 = there are none. */
const GROUP = 2;
/** When the file system is looked at next, or a segment prepared again. */
const LOOK = 3;
/** Rounds without work between two looks at the clock, less 1. */
const IDLE_ROUNDS_MASK = 15;
const NS_OF_MS = 1e-6;
const GROUP_RECORDS_LIMIT = 65536;
const REMEDY =
  "Nothing is acknowledged any more. Mend the disk (space, cable, controller), " +
  "then start again: recovery keeps all that was acknowledged";

/** Consumer of the journal ring, writer of the segments. */
export class JournalWriter {
  readonly name = "journal";
  readonly #options: JournalWriterOptions;
  readonly #files: JournalFiles;
  readonly #ring: SpscRing;
  readonly #control: Int32Array;
  readonly #lane: CounterLane;
  readonly #clock: Pick<Clock, "words" | "realtime" | "monotonic">;
  readonly #pressure: JournalPressure;
  readonly #times = new Float64Array(4);
  #rounds = 0;
  /** The clock is looked at, and the disk judged, at the beginning of the next round. */
  #unwatched = false;
  readonly #memory: MemoryRegion;
  readonly #groupAddress: number;
  readonly #group: JournalGroup;
  readonly #secret: Words;
  readonly #groupRecordsMax: number;
  readonly #segmentBytes: number;
  readonly #synced: boolean;
  readonly #written: boolean;
  #directoryFd = NO_FILE;
  #fd = NO_FILE;
  /** Where the next group goes in the segment. */
  #position = SEGMENT_HEADER_BYTES;
  #segmentIndex: number;
  readonly #epoch: number;
  /** NEXT and COVERED; in an array, as a number above 2^31 in a field costs an object. */
  readonly #sequences = new Float64Array(2);
  #groupRecords = 0;
  #groupBytes = 0;
  /** A sync runs; when it succeeds, COVERED is durable. */
  #syncing = false;
  /** The full segment that is being synced, to be closed after. */
  #retiredFd = NO_FILE;
  #preparing = false;
  /** The prepared segment, or NO_FILE. */
  #preparedFd = NO_FILE;
  /** The segment at hand is full, and the next one was asked for a last time. */
  #lastTry = false;
  #failed = false;
  #closed = false;

  /**
   * Makes the first segment of this run, and waits for it.
   *
   * @throws {NativeError} If the disk has no room or refuses.
   */
  constructor(options: JournalWriterOptions) {
    const groupBytesMax = options.groupRecordsMax * COMMAND_SLOT_BYTES +
      SEAL_BYTES;
    assert(
      options.groupRecordsMax >= 1 &&
        options.groupRecordsMax <= GROUP_RECORDS_LIMIT,
      `journal groups of ${options.groupRecordsMax} commands: 1 to ${GROUP_RECORDS_LIMIT}`,
    );
    assert(
      options.segmentBytes >= SEGMENT_HEADER_BYTES + groupBytesMax &&
        options.segmentBytes % SEGMENT_HEADER_BYTES === 0,
      `journal segments of ${options.segmentBytes} bytes: must be a multiple of 64 ` +
        `and hold a header and a group of ${groupBytesMax} bytes`,
    );
    assert(
      options.ring.slotBytes === COMMAND_SLOT_BYTES,
      `journal ring of ${options.ring.slotBytes}-byte slots`,
    );
    this.#options = options;
    this.#ring = options.ring;
    this.#control = options.control;
    this.#lane = options.lane;
    this.#groupRecordsMax = options.groupRecordsMax;
    this.#segmentBytes = options.segmentBytes;
    this.#synced = options.durability === "synced";
    this.#written = options.durability === "written";
    this.#epoch = options.position.epoch + 1;
    this.#segmentIndex = options.position.nextSegmentIndex;
    this.#sequences[NEXT] = options.position.nextSequence;
    this.#clock = options.clock ?? new Clock();
    this.#pressure = new JournalPressure({
      limits: options.pressure?.limits ?? NO_LIMITS,
      control: options.control,
      word: options.pressure?.word ?? -1,
      lane: options.lane,
      onChange: options.pressure?.onChange ?? (() => {}),
    });
    this.#files = options.files ?? new NativeJournalFiles();
    this.#memory = allocate(SEGMENT_HEADER_BYTES + groupBytesMax, options);
    this.#groupAddress = this.#memory.address + SEGMENT_HEADER_BYTES;
    const { secret, chain } = options.position;
    this.#secret = secret[0] === 0 && secret[1] === 0 ? drawSecret() : secret;
    this.#group = new JournalGroup(
      addressOf(options.ring.u8 as Uint8Array<ArrayBuffer>),
      this.#groupAddress,
      this.#secret,
      chain,
      this.#epoch,
    );
    try {
      this.#openFirst();
    } catch (error) {
      this.#closed = true;
      this.#release();
      throw error;
    }
    const last = (this.#sequences[NEXT]! - 1) | 0;
    storeWord(this.#control, this.#options.writtenWord, last);
    this.#publish(last);
    this.#prepare();
    this.#watch();
  }

  /** The group's memory: for the log, whether huge pages and lock were had. */
  get memory(): MemoryRegion {
    return this.#memory;
  }

  /** Sequence of the next command that it expects. */
  get nextSequence(): number {
    return this.#sequences[NEXT]!;
  }

  /** A write or sync has failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Commands that were taken and are not yet published as durable. */
  get pendingCount(): number {
    return ((this.#sequences[NEXT]! - 1) -
      loadWord(this.#control, this.#options.durableWord)) | 0;
  }

  /** `Reason` for which new orders should be refused; NONE = they are taken. */
  get pressure(): Reason {
    return this.#pressure.reason;
  }

  /** One round: collect a finished sync, gather, write, start a sync; look how the disk does. */
  doWork(): number {
    if (this.#failed || this.#closed) return 0;
    let work = 0;
    // Of the round before: who waits for its commands is not to wait for a clock.
    const watched = this.#unwatched;
    if (watched) this.#watch();
    if (this.#syncing) work += this.#collectSync();
    if (this.#preparing) work += this.#collectPrepared();
    work += this.#gather(watched);
    if (this.#groupRecords > 0 && !this.#failed) work += this.#flush();
    this.#rounds = this.#rounds + 1 & IDLE_ROUNDS_MASK;
    const waits = this.#syncing || this.#groupRecords > 0;
    this.#unwatched = work > 0 || waits || this.#rounds === 0;
    return work;
  }

  /** Looks at the clock, and each second at the file system; judges how the disk does. */
  #watch(): void {
    const times = this.#times;
    this.#readClock();
    if (times[NOW]! >= times[LOOK]!) this.#look();
    if (times[WAITS] === 0) times[WAITS] = times[GROUP]!;
    const lag = this.pendingCount + this.#ring.depth();
    this.#pressure.judge(times, NOW, lag);
    if (!this.#synced || !this.#syncing) times[WAITS] = 0;
  }

  /** How much room there is; another try for the next segment. */
  #look(): void {
    this.#times[LOOK] = this.#times[NOW]! + PRESSURE_RETRY_MS;
    this.#pressure.onSpace(this.#files.space(this.#directoryFd));
    const asked = this.#preparing || this.#preparedFd !== NO_FILE;
    // A try that must fail would take the last room from others for a while.
    if (!asked && !this.#pressure.lacks(this.#segmentBytes)) this.#prepare();
  }

  /** Takes the next segment, or notes why there is none yet. */
  #collectPrepared(): number {
    const result = this.#files.pollPrepare();
    if (result === RUNNING) return 0;
    this.#preparing = false;
    if (result >= 0) this.#preparedFd = result;
    this.#pressure.onPrepared(result < 0 ? result : 0);
    return 1;
  }

  /** `close()` was called, or it has failed. */
  done(): boolean {
    return this.#closed || this.#failed;
  }

  /**
   * Takes what is left in the ring, makes everything durable, cuts the segment
   * to its length and closes. Waits for the disk. State DONE unless it failed.
   */
  close(): void {
    if (this.#closed) return;
    if (!this.#failed) this.#drain();
    if (!this.#failed) this.#finishSegment();
    this.#closed = true;
    if (this.#syncing) this.#waitSync();
    if (this.#preparing) this.#waitPrepared();
    this.#release();
    if (!this.#failed) {
      Atomics.store(this.#control, this.#options.stateWord, JournalState.DONE);
    }
  }

  /** The same as `close()`. */
  dispose(): void {
    this.close();
  }

  #readClock(): void {
    this.#clock.monotonic();
    const { words } = this.#clock;
    this.#times[NOW] = (words[1]! * 4294967296 + words[0]!) * NS_OF_MS;
  }

  /**
   * Moves commands from the ring into the group.
   *
   * @param watched The clock was read in this round.
   */
  #gather(watched: boolean): number {
    const available = this.#ring.available();
    const room = this.#groupRecordsMax - this.#groupRecords;
    const count = available < room ? available : room;
    if (count <= 0) return 0;
    if (this.#groupRecords === 0) {
      // Before it is written: a write that takes long counts.
      if (!watched) this.#readClock();
      this.#times[GROUP] = this.#times[NOW]!;
    }
    const ring = this.#ring;
    this.#expect(ring.peek(0), 0);
    this.#expect(ring.peek(count - 1), count - 1);
    this.#groupBytes += this.#group.gather(
      ring.peek(0),
      ring.slotCount - 1,
      count,
      this.#groupBytes,
      this.#groupRecords,
    );
    this.#groupRecords += count;
    this.#sequences[NEXT] = this.#sequences[NEXT]! + count;
    ring.release(count);
    if (!this.#synced && !this.#written) {
      this.#publish((this.#sequences[NEXT]! - 1) | 0);
    }
    return count;
  }

  /** The command in `slot` is the `ahead`-th after the ones taken. No float64 is handed on: it could be allocated. */
  #expect(slot: number, ahead: number): void {
    const found = this.#ring
      .f64[slot * (COMMAND_SLOT_BYTES >>> 3) + CMD_SEQUENCE_F64]!;
    assert(
      found === this.#sequences[NEXT]! + ahead,
      "the journal ring's sequences have a gap",
    );
  }

  /** Writes the group, unless it has to wait for a sync or a new segment. */
  #flush(): number {
    if (this.#synced && this.#syncing) return 0;
    const bytes = this.#groupBytes + SEAL_BYTES;
    if (this.#position + bytes > this.#segmentBytes) return this.#rotate();
    this.#group.seal(this.#groupRecords, this.#groupBytes);
    const result = this.#files.write(
      this.#fd,
      this.#groupAddress,
      bytes,
      this.#position,
    );
    if (result < 0) return this.#fail("write a group to the journal", result);
    this.#group.next();
    this.#lane.add(COUNTER.journal_bytes_total, bytes);
    this.#lane.add(COUNTER.journal_groups_total, 1);
    this.#position += bytes;
    this.#groupBytes = 0;
    this.#groupRecords = 0;
    this.#times[WAITS] = this.#times[GROUP]!;
    this.#times[GROUP] = 0;
    const last = (this.#sequences[NEXT]! - 1) | 0;
    storeWord(this.#control, this.#options.writtenWord, last);
    if (this.#written) this.#publish(last);
    else if (this.#synced) this.#startSync(this.#fd, NO_FILE);
    return 1;
  }

  #startSync(fd: number, directoryFd: number): void {
    const result = this.#files.startSync(fd, directoryFd);
    if (result < 0) {
      this.#fail("start a sync of the journal", result);
      return;
    }
    this.#syncing = true;
    this.#sequences[COVERED] = this.#sequences[NEXT]! - 1 - this.#groupRecords;
  }

  #collectSync(): number {
    const result = this.#files.pollSync();
    if (result === RUNNING) return 0;
    this.#syncing = false;
    this.#times[WAITS] = 0;
    if (this.#failed) return 0;
    if (result < 0) return this.#fail("sync the journal", result);
    this.#lane.add(COUNTER.journal_syncs_total, 1);
    if (this.#retiredFd !== NO_FILE) {
      this.#files.close(this.#retiredFd);
      this.#retiredFd = NO_FILE;
    }
    if (this.#synced) this.#publish(this.#sequences[COVERED]! | 0);
    return 1;
  }

  /**
   * Goes on in the prepared segment. With `synced` all of the old one is
   * durable by now, and the new one's name and header become so before the
   * first group; otherwise the old one is synced behind the next groups.
   */
  #rotate(): number {
    if (this.#syncing || this.#preparing) return 0;
    if (this.#preparedFd === NO_FILE) {
      if (this.#lastTry) {
        const code = this.#pressure.prepareCode;
        return this.#fail("prepare a segment of the journal", code);
      }
      this.#lastTry = true;
      this.#prepare();
      return 1;
    }
    this.#lastTry = false;
    const full = this.#fd;
    this.#fd = this.#preparedFd;
    this.#preparedFd = NO_FILE;
    this.#retiredFd = full;
    this.#segmentIndex += 1;
    try {
      this.#begin(this.#sequences[NEXT]! - this.#groupRecords);
    } catch (error) {
      this.#failWith(error instanceof Error ? error : new Error(String(error)));
      return 0;
    }
    this.#startSync(this.#synced ? this.#fd : full, this.#directoryFd);
    if (!this.#failed) this.#prepare();
    return 1;
  }

  /** Writes the header of the segment at hand and gives it its name. Throws. */
  #begin(firstSequence: number): void {
    const { directory } = this.#options;
    this.#clock.realtime();
    writeHeader(this.#memory.buffer, 0, this.#memory.address, {
      index: this.#segmentIndex,
      firstSequence,
      epoch: this.#epoch,
      createdLo: this.#clock.words[0]!,
      createdHi: this.#clock.words[1]!,
      secret: this.#secret,
      chain: [this.#group.chainLo, this.#group.chainHi],
    });
    this.#check(
      "write the header",
      this.#files.write(
        this.#fd,
        this.#memory.address,
        SEGMENT_HEADER_BYTES,
        0,
      ),
    );
    this.#files.rename(
      `${directory}/${PREPARED_NAME}`,
      `${directory}/${segmentName(firstSequence)}`,
    );
    this.#position = SEGMENT_HEADER_BYTES;
  }

  #openFirst(): void {
    const { directory } = this.#options;
    const newest = listSegments(directory, this.#files).at(-1) ?? 0;
    assert(
      newest < this.#sequences[NEXT]!,
      `journal goes on at ${this
        .#sequences[NEXT]!}, but has a segment from ${newest}`,
    );
    this.#directoryFd = this.#files.openDirectory(directory);
    const path = `${directory}/${PREPARED_NAME}`;
    this.#fd = this.#check(
      "make",
      this.#files.create(path, this.#segmentBytes, this.#synced),
    );
    this.#begin(this.#sequences[NEXT]!);
    this.#check("sync", this.#files.sync(this.#fd));
    this.#check("sync the directory", this.#files.sync(this.#directoryFd));
  }

  #check(what: string, result: number): number {
    if (result >= 0) return result;
    throw new NativeError(
      `${what} of segment ${this.#segmentIndex} (${this.#segmentBytes} bytes) ` +
        `in ${this.#options.directory}`,
      result,
      "",
      "The journal needs room for two segments and the right to write there",
    );
  }

  #prepare(): void {
    const result = this.#files.startPrepare(
      `${this.#options.directory}/${PREPARED_NAME}`,
      this.#segmentBytes,
      this.#synced,
    );
    if (result < 0) this.#pressure.onPrepared(result);
    else this.#preparing = true;
  }

  /** @param low The low 32 bits of the newest durable sequence. */
  #publish(low: number): void {
    const { flight } = this.#options;
    if (flight !== undefined) {
      this.#clock.realtime();
      flight.durable(low, this.#clock.words);
    }
    storeWord(this.#control, this.#options.durableWord, low);
  }

  #fail(operation: string, code: number): number {
    const place = `segment ${this.#segmentIndex}, offset ${this.#position}`;
    this.#failWith(new NativeError(operation, code, place, REMEDY));
    return 0;
  }

  #failWith(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#lane.add(COUNTER.journal_errors_total, 1);
    Atomics.store(this.#control, this.#options.stateWord, JournalState.FAILED);
    this.#options.onFailure(error);
  }

  /** Rounds until the ring and the group are empty; each makes progress or waits. */
  #drain(): void {
    while (
      !this.#failed &&
      (this.#ring.available() > 0 || this.#groupRecords > 0 || this.#syncing)
    ) {
      if (this.doWork() > 0) continue;
      if (this.#syncing) this.#waitSync();
      else if (this.#preparing) this.#waitPrepared();
    }
  }

  #waitSync(): void {
    while (this.#syncing && this.#files.pollSync() === RUNNING) {
      this.#files.pause();
    }
    if (this.#syncing) this.#collectSync();
  }

  #waitPrepared(): void {
    while (this.#files.pollPrepare() === RUNNING) this.#files.pause();
    const result = this.#files.pollPrepare();
    if (this.#closed) {
      this.#preparing = false;
      this.#preparedFd = result < 0 ? NO_FILE : result;
    }
  }

  /** Cuts the unused rest of the segment off, and makes all of it durable. */
  #finishSegment(): void {
    // Synced before it is cut: that it is cut says that nothing was lost.
    const stored = this.#files.sync(this.#fd);
    if (stored < 0) {
      this.#fail("sync the journal", stored);
      return;
    }
    const cut = this.#files.truncate(this.#fd, this.#position);
    if (cut < 0) {
      this.#fail("cut the journal's last segment to its length", cut);
      return;
    }
    const result = this.#files.sync(this.#fd);
    if (result < 0) this.#fail("sync the journal", result);
  }

  #release(): void {
    this.#files.dispose();
    if (this.#preparedFd !== NO_FILE) {
      this.#files.close(this.#preparedFd);
      try {
        this.#files.unlink(`${this.#options.directory}/${PREPARED_NAME}`);
      } catch {
        // It is only room: the next start makes it anew.
      }
    }
    if (this.#retiredFd !== NO_FILE) this.#files.close(this.#retiredFd);
    if (this.#fd !== NO_FILE) this.#files.close(this.#fd);
    if (this.#directoryFd !== NO_FILE) this.#files.close(this.#directoryFd);
    this.#memory.dispose();
  }
}

/** 64 random bits. */
function drawSecret(): Words {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return [words[0]!, words[1]! | 1];
}
