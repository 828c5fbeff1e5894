// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The journal as an agent: first it reads what is on disk and hands it to the
 * exchange, then it writes what the exchange sequences.
 *
 * ```
 *   segments ─▶ recovery ring ─▶ exchange ─▶ journal ring ─▶ segments
 * ```
 *
 * One thread. While it recovers, it shows the whole recovered part as durable,
 * so that the events of a replay pass the gateways as if nobody were connected.
 *
 * @module
 */
import { assert } from "../assert.ts";
import {
  JournalReader,
  JournalWriter,
  type JournalWriterOptions,
  type PressureLimits,
  tornTailMessage,
} from "../journal/mod.ts";
import { Reason, REASON_TEXT } from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_PRESSURE,
  CONTROL_RECOVERY_VALUE,
  ExchangeState,
  JournalState,
  type SpscRing,
} from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";

/** What the agent works with. */
export interface JournalAgentOptions {
  /** Everything that the writer needs but for its position. */
  readonly writer: Omit<
    JournalWriterOptions,
    "position" | "onFailure" | "pressure"
  >;
  /** What is asked of the disk before new orders are taken. */
  readonly pressureLimits: PressureLimits;
  /** Producer end: commands that were recovered. */
  readonly recovery: SpscRing;
  /** The first command that the exchange needs; 1 if left out. */
  readonly fromSequence?: number;
  readonly control: Int32Array;
  /** The same words as float64. */
  readonly controlF64: Float64Array;
  readonly log: Log;
  /** Milliseconds from some moment on. */
  readonly elapsedMs: () => number;
}

/** Log a line of progress after so many recovered commands. */
const PROGRESS_RECORDS = 2_000_000;

/** Reader, then writer. */
export class JournalAgent implements Agent {
  readonly name = "journal";
  readonly sleeps = false;
  readonly #options: JournalAgentOptions;
  #reader: JournalReader | undefined;
  #writer: JournalWriter | undefined;
  #done = false;
  #startedMs = 0;
  #progressAt = PROGRESS_RECORDS;

  constructor(options: JournalAgentOptions) {
    this.#options = options;
    this.#startedMs = options.elapsedMs();
    const { directory, files } = options.writer;
    const { fromSequence } = options;
    this.#reader = new JournalReader({
      directory,
      ...(files && { files }),
      ...(fromSequence === undefined ? {} : { fromSequence }),
    });
  }

  done(): boolean {
    return this.#done;
  }

  park(): void {}

  doWork(): number {
    const writer = this.#writer;
    if (writer === undefined) return this.#recover();
    const work = writer.doWork();
    if (work === 0 && !this.#done) this.#finishIfDone(writer);
    return work;
  }

  dispose(): void {
    this.#reader?.dispose();
    this.#writer?.dispose();
  }

  #recover(): number {
    const reader = this.#reader;
    assert(reader !== undefined, "the journal neither reads nor writes");
    const { recovery, control, log } = this.#options;
    const moved = reader.feed(recovery);
    Atomics.store(control, CONTROL_DURABLE, (reader.nextSequence - 1) | 0);
    if (reader.records >= this.#progressAt) {
      this.#progressAt = reader.records + PROGRESS_RECORDS;
      log.info("recovering", { commands: reader.records });
    }
    if (moved > 0 || !reader.ended) return moved;
    this.#startWriting(reader);
    return 1;
  }

  #startWriting(reader: JournalReader): void {
    const { control, controlF64, log, elapsedMs, writer } = this.#options;
    const recovery = reader.finish();
    reader.dispose();
    this.#reader = undefined;
    if (recovery.tail !== undefined) log.warn(tornTailMessage(recovery.tail));
    this.#writer = new JournalWriter({
      ...writer,
      position: recovery,
      onFailure: (error) => log.error(error.message),
      pressure: {
        limits: this.#options.pressureLimits,
        word: CONTROL_PRESSURE,
        onChange: (reason, why) => this.#tellPressure(reason, why),
      },
    });
    if (this.#writer.memory.reason !== "") {
      log.debug(this.#writer.memory.reason);
    }
    const elapsed = elapsedMs() - this.#startedMs;
    const at = CONTROL_RECOVERY_VALUE >>> 1;
    // What a segment has before the first command that is wanted is read, and left out.
    const from = this.#options.fromSequence ?? 1;
    const commands = Math.min(recovery.records, recovery.nextSequence - from);
    controlF64[at] = commands;
    controlF64[at + 1] = elapsed;
    log.info("recovered", {
      commands,
      bytes: recovery.bytes,
      segments: recovery.segments,
      sequence: recovery.nextSequence - 1,
      ms: Math.round(elapsed),
    });
    Atomics.store(control, CONTROL_JOURNAL, JournalState.RECOVERED);
  }

  #tellPressure(reason: Reason, why: string): void {
    const { log } = this.#options;
    if (reason === Reason.NONE) log.info("new orders are taken again");
    else {
      log.warn("new orders are refused, cancels go on", {
        reason: REASON_TEXT[reason]!,
        why,
      });
    }
  }

  #finishIfDone(writer: JournalWriter): void {
    const { control } = this.#options;
    if (Atomics.load(control, CONTROL_EXCHANGE) !== ExchangeState.DONE) return;
    writer.close();
    this.#done = true;
  }
}
