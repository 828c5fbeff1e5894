// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The journal by itself, fed as fast as a window of unanswered commands lets:
 *
 * ```
 *   feed ──▶ ring ──▶ JournalWriter ──▶ disk
 *     ▲                     └─ durable sequence: the command's time is over
 *     └── at most `window` commands that are not durable
 * ```
 *
 * and the same writes by fio, on the same file system.
 *
 * @module
 */
import {
  type Durability,
  JOURNAL_START,
  JournalWriter,
} from "../engine/journal/mod.ts";
import {
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  CommandKind,
} from "../engine/record/mod.ts";
import { SpscRing } from "../engine/ring/mod.ts";
import {
  COUNTER,
  COUNTER_BLOCK_BYTES,
  CounterLane,
  CounterReader,
} from "../engine/telemetry/mod.ts";

const SLOTS = 32_768;
const DURABLE = 0;
const WRITTEN = 16;
const STATE = 32;
const SAMPLES = 1 << 22;

/** What a run is asked for. */
export interface JournalLoad {
  readonly durability: Durability;
  /** Commands that may wait for the disk. */
  readonly window: number;
  readonly seconds: number;
}

/** What came out. */
export interface JournalResult {
  readonly perSecond: number;
  readonly groupsPerSecond: number;
  readonly commandsPerGroup: number;
  /** Bytes of a write, with the seal. */
  readonly groupBytes: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Runs a journal in a new folder under a directory; the folder is removed after. */
export function runJournal(
  directory: string,
  load: JournalLoad,
): JournalResult {
  const folder = Deno.makeTempDirSync({ dir: directory });
  const memory = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, SLOTS));
  const end = (side: "producer" | "consumer") =>
    new SpscRing(memory, 0, COMMAND_SLOT_BYTES, SLOTS, side);
  const ring = end("producer");
  for (let slot = 0; slot < SLOTS; slot++) {
    ring.u16[slot * 96 + CMD_LENGTH_U16] = COMMAND_BASE_BYTES;
    ring.u8[slot * 192 + CMD_KIND_U8] = CommandKind.NEW_ORDER;
  }
  const control = new Int32Array(64);
  const block = new ArrayBuffer(COUNTER_BLOCK_BYTES);
  const writer = new JournalWriter({
    directory: folder,
    durability: load.durability,
    segmentBytes: 64 << 20,
    groupRecordsMax: 8192,
    hugePages: false,
    ring: end("consumer"),
    control,
    durableWord: DURABLE,
    writtenWord: WRITTEN,
    stateWord: STATE,
    lane: new CounterLane(block, 0, 0),
    position: JOURNAL_START,
    onFailure: (error) => {
      throw error;
    },
  });
  try {
    return measure(writer, ring, control, new CounterReader(block, 0), load);
  } finally {
    writer.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

function measure(
  writer: JournalWriter,
  ring: SpscRing,
  control: Int32Array,
  counters: CounterReader,
  load: JournalLoad,
): JournalResult {
  const fedAt = new Float64Array(SLOTS);
  const samples = new Float64Array(SAMPLES);
  let taken = 0;
  let fed = 0;
  let durable = 0;
  const started = performance.now();
  const until = started + load.seconds * 1000;
  for (let now = started; now < until; now = performance.now()) {
    let room = load.window - (fed - durable);
    if (room > 256) room = 256;
    for (; room > 0; room--) {
      const slot = ring.claim();
      if (slot < 0) break;
      ring.f64[slot * 24 + CMD_SEQUENCE_F64] = ++fed;
      fedAt[fed % SLOTS] = now;
    }
    ring.publish();
    writer.doWork();
    const told = control[DURABLE]!;
    if (told === durable) continue;
    const at = performance.now();
    while (durable < told) {
      durable += 1;
      if (taken < SAMPLES) samples[taken++] = at - fedAt[durable % SLOTS]!;
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const sorted = samples.subarray(0, taken).sort();
  const groups = counters.read(COUNTER.journal_groups_total);
  return {
    perSecond: durable / seconds,
    groupsPerSecond: groups / seconds,
    commandsPerGroup: fed / groups,
    groupBytes: counters.read(COUNTER.journal_bytes_total) / groups,
    p50Us: sorted[Math.floor(taken * 0.5)]! * 1000,
    p99Us: sorted[Math.floor(taken * 0.99)]! * 1000,
  };
}

/** How fio writes. */
export interface FioLoad {
  /** Bytes of a write. */
  readonly bytes: number;
  readonly seconds: number;
  /** O_DIRECT and O_DSYNC with io_uring; otherwise buffered, and fdatasync after each. */
  readonly direct: boolean;
}

/** What fio says: writes that were synced, and how long each took, sync included. */
export interface FioResult {
  readonly writesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

interface FioJob {
  readonly write: {
    readonly iops: number;
    readonly clat_ns: { readonly percentile: Record<string, number> };
  };
  readonly sync: {
    readonly lat_ns: { readonly percentile?: Record<string, number> };
  };
}

/** Sequential writes over a file that has its blocks, by fio. */
export async function runFio(
  directory: string,
  load: FioLoad,
): Promise<FioResult> {
  const file = `${directory}/fio.dat`;
  const bytes = load.direct
    ? Math.max(4096, Math.ceil(load.bytes / 4096) * 4096)
    : Math.round(load.bytes);
  const { success, stdout, stderr } = await new Deno.Command("fio", {
    args: [
      "--name=journal",
      "--rw=write",
      `--bs=${bytes}`,
      `--size=${Math.floor((64 << 20) / bytes) * bytes}`,
      "--overwrite=1",
      "--time_based",
      `--runtime=${load.seconds}`,
      "--output-format=json",
      `--filename=${file}`,
      ...(load.direct
        ? ["--ioengine=io_uring", "--direct=1", "--sync=dsync"]
        : ["--ioengine=psync", "--fdatasync=1"]),
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  Deno.removeSync(file);
  const text = new TextDecoder().decode(stdout);
  const job = JSON.parse(text.slice(text.indexOf("{"))).jobs[0] as FioJob;
  const of = (quantile: string) =>
    (job.write.clat_ns.percentile[quantile] ?? 0) +
    (job.sync.lat_ns.percentile?.[quantile] ?? 0);
  return {
    writesPerSecond: job.write.iops,
    p50Us: of("50.000000") / 1000,
    p99Us: of("99.000000") / 1000,
  };
}
