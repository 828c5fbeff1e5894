// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The keeper: follows the journal behind the engine, computes everything a
 * second time, and takes snapshots of what it computed.
 *
 * ```
 *   engine ─▶ journal files ─▶ JournalTail ─▶ Replica ─┬▶ checks each CHECKPOINT
 *                 (durable)                            └▶ snapshot, every so often
 * ```
 *
 * So the engine never stands still for a snapshot, and an answer that the
 * keeper would not give, or a journal that can't be read back, is found while
 * it runs: then this agent throws, and the appliance stops with the report,
 * because the engine's answers can't be trusted. A snapshot that can't be
 * written (a full disk) is only a warning, and is tried again. One thread of
 * its own, which may allocate, wait for the disk, and lag.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { JournalFiles, JournalTail } from "../journal/mod.ts";
import { CMD_LENGTH_U16 } from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_WRITTEN,
  ExchangeState,
  JournalState,
} from "../ring/mod.ts";
import {
  pruneSnapshots,
  SectionViews,
  SnapshotFileWriter,
  type SnapshotMeta,
  snapshotName,
} from "../snapshot/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";
import type { Archivist } from "./archivist.ts";
import type { ConfigNews } from "./config_board.ts";
import type { Replica } from "./replica.ts";

/** What the agent works with. */
export interface KeeperAgentOptions {
  /** Makes the replica, in the state after `fromSequence`. Called once, when the engine is live. */
  readonly makeReplica: () => Replica;
  /** Sequence of the snapshot that the engine began with; 0 = none. */
  readonly fromSequence: number;
  /** Opens the journal behind that command. */
  readonly openTail: (fromSequence: number) => JournalTail;
  readonly meta: (replica: Replica, tail: JournalTail) => SnapshotMeta;
  /** Folders of the snapshots, and of the files beside them. */
  readonly directory: string;
  readonly outbound: string;
  readonly files: JournalFiles;
  readonly commandsBetween: number;
  readonly secondsBetween: number;
  readonly keep: number;
  /** Moves segments that nobody needs any more; without it they stay. */
  readonly archivist?: Pick<Archivist, "step" | "onSnapshot">;
  readonly control: Int32Array;
  readonly lane: CounterLane;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Another configuration is taken: for whoever makes the replica and the meta data. */
  readonly onConfig?: (news: ConfigNews) => void;
}

/** After a snapshot that failed. */
const RETRY_MS = 10_000;
/** A log line while it catches up, every so many commands. */
const PROGRESS_COMMANDS = 5_000_000;
const STEP_BYTES = 8 << 20;

/** Follows, checks, takes snapshots. See the module's text. */
export class KeeperAgent implements Agent {
  readonly name = "keeper";
  readonly sleeps = false;
  readonly #options: KeeperAgentOptions;
  #replica: Replica | undefined;
  #tail: JournalTail | undefined;
  #done = false;
  /** Sequence and time of the newest snapshot, or of the start. */
  #takenSequence: number;
  #takenMs: number;
  #retryMs = 0;
  #progressAt: number;
  #schedule: Pick<
    KeeperAgentOptions,
    "commandsBetween" | "secondsBetween" | "keep"
  >;

  constructor(options: KeeperAgentOptions) {
    this.#options = options;
    this.#schedule = options;
    this.#takenSequence = options.fromSequence;
    this.#takenMs = options.nowMs();
    this.#progressAt = options.fromSequence + PROGRESS_COMMANDS;
  }

  /** Takes the sessions to come, and, with the rest, how often snapshots are due. */
  takeConfig(news: ConfigNews): void {
    if (news.step === "exchange") return;
    this.#options.onConfig?.(news);
    this.#replica?.takeConfig(news.config);
    if (news.step === "rest") this.#schedule = news.config.snapshot;
  }

  done(): boolean {
    return this.#done;
  }

  park(): void {}

  dispose(): void {
    this.#tail?.dispose();
    this.#replica?.dispose();
  }

  doWork(): number {
    if (this.#done) return 0;
    const { control } = this.#options;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    if (exchange === ExchangeState.RECOVERING) return 0;
    // Read before the limit: what was written last is durable by then.
    const journal = Atomics.load(control, CONTROL_JOURNAL);
    if (this.#follow() > 0) {
      this.#archive();
      return 1;
    }
    if (
      exchange === ExchangeState.DONE &&
      (journal === JournalState.DONE || journal === JournalState.FAILED)
    ) {
      this.#finish(journal === JournalState.DONE);
      return 1;
    }
    if (this.#takeIfDue() > 0) return 1;
    return this.#archive() ? 1 : 0;
  }

  /** Moves a segment if one may go: none that is still to be followed. */
  #archive(): boolean {
    const { archivist } = this.#options;
    return archivist?.step(this.#replica!.sequence) ?? false;
  }

  /** Applies what is new; returns how many commands that was. */
  #follow(): number {
    const tail = this.#tail ??= this.#start();
    const replica = this.#replica!;
    if (!tail.next(this.#limit(tail))) return 0;
    const { u16 } = tail;
    const before = replica.sequence;
    for (let at = tail.start; at < tail.end;) {
      replica.apply(tail, at);
      at += u16[(at >>> 1) + CMD_LENGTH_U16]!;
    }
    const { sequence } = replica;
    const { lane, log } = this.#options;
    lane.set(COUNTER.keeper_sequence, sequence);
    if (sequence >= this.#progressAt) {
      this.#progressAt = sequence + PROGRESS_COMMANDS;
      log.debug("following", { sequence });
    }
    this.#takeIfDue();
    return sequence - before;
  }

  #start(): JournalTail {
    const { fromSequence, makeReplica, openTail } = this.#options;
    const replica = makeReplica();
    assert(
      replica.sequence === fromSequence,
      `the keeper starts after ${replica.sequence} instead of ${fromSequence}`,
    );
    this.#replica = replica;
    return openTail(fromSequence + 1);
  }

  /** The newest command that is durable and can be read. */
  #limit(tail: JournalTail): number {
    const { control } = this.#options;
    const durable = Atomics.load(control, CONTROL_DURABLE);
    const written = Atomics.load(control, CONTROL_WRITTEN);
    const least = ((written - durable) | 0) < 0 ? written : durable;
    const last = tail.nextSequence - 1;
    return last + ((least - last % 4294967296) | 0);
  }

  /** Takes a snapshot if it is time and a group has just ended. Returns 1 if it tried. */
  #takeIfDue(): number {
    const replica = this.#replica!;
    const tail = this.#tail!;
    const { nowMs } = this.#options;
    const { commandsBetween, secondsBetween } = this.#schedule;
    const since = replica.sequence - this.#takenSequence;
    if (since === 0 || !tail.atGroupEnd) return 0;
    const now = nowMs();
    const due = since >= commandsBetween ||
      now - this.#takenMs >= secondsBetween * 1000;
    if (!due || now < this.#retryMs) return 0;
    this.#take();
    return 1;
  }

  /** Takes one; a failure is told and tried again later. */
  #take(): void {
    const { log, lane, nowMs } = this.#options;
    const startedMs = performance.now();
    try {
      const { meta, bytes } = this.#write();
      const ms = Math.round(performance.now() - startedMs);
      this.#takenSequence = meta.sequence;
      this.#takenMs = nowMs();
      this.#options.archivist?.onSnapshot();
      lane.add(COUNTER.snapshots_total, 1);
      lane.set(COUNTER.snapshot_sequence, meta.sequence);
      lane.set(COUNTER.snapshot_bytes, bytes);
      lane.set(COUNTER.snapshot_ms, ms);
      lane.set(COUNTER.snapshot_timestamp_seconds, this.#takenMs / 1000);
      log.info("snapshot taken", {
        sequence: meta.sequence,
        ordersOpen: meta.orders,
        stateHash: meta.stateHash,
        bytes,
        ms,
      });
    } catch (error) {
      if (!(error instanceof Error) || error.name === "InvariantError") {
        throw error;
      }
      this.#retryMs = nowMs() + RETRY_MS;
      lane.add(COUNTER.snapshot_failures_total, 1);
      log.warn("snapshot failed, the one before stays the newest", {
        error: error.message,
        retryMs: RETRY_MS,
      });
    }
  }

  #write(): { meta: SnapshotMeta; bytes: number } {
    const { files, directory, outbound, meta: metaOf } = this.#options;
    const { keep } = this.#schedule;
    const replica = this.#replica!;
    const sections = new SectionViews();
    replica.save(sections);
    const meta = metaOf(replica, this.#tail!);
    // The names of the files that it needs must last, too.
    if (meta.files.length > 0) files.syncDirectory(outbound);
    const writer = new SnapshotFileWriter(
      files,
      directory,
      snapshotName(meta.sequence),
      meta,
      sections,
    );
    try {
      while (writer.step(STEP_BYTES));
      writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
    pruneSnapshots(
      directory,
      keep,
      outbound,
      meta.files.map(({ name }) => name),
      files,
      meta.sequence,
    );
    return { meta, bytes: writer.bytes };
  }

  /** Everything was followed to the end: a last snapshot makes the next start quick. */
  #finish(clean: boolean): void {
    this.#done = true;
    const replica = this.#replica!;
    if (
      clean && this.#tail!.atGroupEnd &&
      replica.sequence > this.#takenSequence
    ) this.#take();
    this.#options.log.info("followed to the end", {
      sequence: replica.sequence,
      stateHash: replica.stateHash(),
    });
  }
}
