// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads the flight recorder: looks at the host once a second, and when a
 * gateway says that a message took too long, writes down what is around it.
 *
 * ```
 *   gateway ─ alarm ─▶ flight ring ◀─ looks ─ FlightWatch ─▶ flight/*.json
 *   threads ─ heaps ─▶ heap lines  ◀─ asks ──      │
 *                            /proc ◀─ samples ─────┘
 * ```
 *
 * Main thread, so that the engine's threads do nothing for it. It keeps the
 * first message of those that took too long since the last file: a stall makes
 * many, and the first says most.
 *
 * @module
 */
import type { FlightAlarm, FlightRing } from "../ring/mod.ts";
import type { HeapLines, HeapView, Log } from "../telemetry/mod.ts";
import {
  FLIGHT_FORM,
  heapChanges,
  messagesAround,
  writeFlight,
} from "./flight_dump.ts";
import { hostChange, type HostSample, hostSample } from "./host_sample.ts";

const SAMPLE_MS = 1000;
const LOOK_MS = 10;
/** So long after the alarm, for what follows it and for the heaps. */
const SETTLE_MS = 50;
/** Files are not written more often than that. */
const BETWEEN_MS = 1000;
/** The sample before the message may be the third last: one is taken each second, and while it waits. */
const SAMPLES_KEPT = 5;

/** What the watch works with. */
export interface FlightWatchOptions {
  readonly appliance: string;
  readonly ring: FlightRing;
  readonly heaps: HeapLines;
  /** Names of the threads, by their lines. */
  readonly threads: readonly string[];
  readonly directory: string;
  readonly thresholdNs: number;
  readonly filesMax: number;
  /** Names of the sessions by their indexes, as they are now. */
  readonly sessionNames: () => ReadonlyMap<number, string>;
  readonly log: Log;
  /** The host's own if left out. */
  readonly sample?: () => HostSample;
}

interface Kept {
  readonly host: HostSample;
  readonly heaps: readonly HeapView[];
}

/** Files that were written, and what stood in the way; see the module's text. */
export class FlightWatch {
  /** Messages that took too long. */
  alarms = 0;
  /** Files that were written. */
  dumps = 0;
  readonly #options: FlightWatchOptions;
  readonly #kept: Kept[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #pending: FlightAlarm | undefined;
  #writtenMs = -BETWEEN_MS;

  constructor(options: FlightWatchOptions) {
    this.#options = options;
  }

  /** Begins to look. */
  start(): void {
    this.#keep();
    this.#timers = [
      setInterval(() => this.#keep(), SAMPLE_MS),
      setInterval(() => this.#look(), LOOK_MS),
    ];
  }

  /** Ends; what waits is written. */
  stop(): void {
    if (this.#timers.length === 0) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    if (this.#pending === undefined) {
      this.#writtenMs = -BETWEEN_MS;
      this.#take();
    }
    if (this.#pending !== undefined) this.#write();
  }

  #keep(): void {
    // While a file waits, what is before it must not go.
    if (this.#pending !== undefined) return;
    this.#kept.push(this.#now());
    if (this.#kept.length > SAMPLES_KEPT) this.#kept.shift();
    this.#options.heaps.ask();
  }

  #now(): Kept {
    const { sample, heaps, threads } = this.#options;
    return {
      host: sample === undefined ? hostSample() : sample(),
      heaps: threads.map((_, thread) => heaps.view(thread)),
    };
  }

  #take(): void {
    if (performance.now() - this.#writtenMs < BETWEEN_MS) return;
    this.#pending = this.#options.ring.takeAlarm();
    if (this.#pending !== undefined) this.alarms += this.#pending.count;
  }

  #look(): void {
    if (this.#pending !== undefined) return;
    this.#take();
    if (this.#pending === undefined) return;
    this.#options.heaps.ask();
    this.#timers[2] = setTimeout(() => this.#write(), SETTLE_MS);
  }

  #write(): void {
    const alarm = this.#pending!;
    const options = this.#options;
    const before = this.#before(alarm);
    const now = this.#now();
    const names = options.sessionNames();
    try {
      const path = writeFlight(options.directory, {
        form: FLIGHT_FORM,
        appliance: options.appliance,
        thresholdNs: options.thresholdNs,
        alarm,
        host: hostChange(before.host, now.host),
        heaps: heapChanges(options.threads, before.heaps, now.heaps),
        messages: messagesAround(
          options.ring,
          alarm.sequence,
          (session) => names.get(session) ?? "",
        ),
      }, options.filesMax);
      this.dumps += 1;
      options.log.warn("a message took too long; see inspect flight", {
        sequence: alarm.sequence,
        us: Math.round(alarm.elapsedNs / 1000),
        more: alarm.count - 1,
        file: path,
      });
    } catch (error) {
      options.log.warn("the flight recorder's file can not be written", {
        sequence: alarm.sequence,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    this.#pending = undefined;
    this.#writtenMs = performance.now();
    this.#kept.push(now);
  }

  /** The newest sample from before the message came, or the oldest there is. */
  #before({ sequence, elapsedNs }: FlightAlarm): Kept {
    const entry = this.#options.ring.read(sequence);
    if (entry === undefined) return this.#kept[0]!;
    const { timeHi, timeLo, sentAfterNs } = entry;
    const startNs = timeHi * 2 ** 32 + timeLo + sentAfterNs - elapsedNs;
    return this.#kept.findLast(({ host }) => host.timeNs < startNs) ??
      this.#kept[0]!;
  }
}
