// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A data folder as a history: any command of it, and the appliance's state at
 * any point, from the newest snapshot that is not behind it.
 *
 * ```
 *   snapshot ─load()─▶ Replica ◀─apply()─ commands up to the point
 *                         └─▶ onEvent
 * ```
 *
 * It only reads, also while an appliance writes. One thread; allocates nothing
 * for an order.
 *
 * @module
 */
import { journalDirectory } from "../appliance/build_journal.ts";
import type { CommandSlots } from "../appliance/command_fields.ts";
import { Replica, type ReplicaOptions } from "../appliance/replica.ts";
import type { Config } from "../config/mod.ts";
import { listSegments, type TornTail } from "../journal/mod.ts";
import {
  CMD_SEQUENCE_F64,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
} from "../record/mod.ts";
import { Log } from "../telemetry/mod.ts";
import { type Message, MessageMaker } from "./messages.ts";
import { Names } from "./names.ts";
import { CommandSource } from "./source.ts";
import { nanoseconds, NEWEST, type Point, type Range } from "./units.ts";

/** What a history is made of. */
export interface HistoryOptions {
  /** As the appliance's; its data folder is read. */
  readonly config: Config;
  /** Gets what is to be said beside the answer, and how far it is while it takes long. */
  readonly progress?: (text: string) => void;
}

/** The state at a point. */
export interface Moment {
  readonly replica: Replica;
  readonly names: Names;
  /** Of the newest command that was applied; 0 = none. */
  readonly sequence: number;
  readonly timeNs: bigint;
  /** Sequence of the snapshot it began with; 0 = none. */
  readonly snapshot: number;
  /** Commands applied. */
  readonly commands: number;
  /** What is not whole at the journal's end, if the end was reached. */
  readonly tail: TornTail | undefined;
}

/** What a walk does. */
export interface MomentOptions {
  readonly onEvent?: ReplicaOptions["onEvent"];
  /** Called with each command before it is applied. */
  readonly onCommand?: (commands: CommandSlots, at: number) => void;
  /** Learn what is defined; new ones if left out. */
  readonly names?: Names;
  /** Begin before this sequence; Infinity if left out. */
  readonly beforeSequence?: number;
}

const PROGRESS_COMMANDS = 1 << 18;
const PROGRESS_MS = 1000;
const LOW = 0xffffffffn;

/** Whether a command is not behind a point; made once, asked for each command. */
class Limit {
  readonly #sequence: number;
  readonly #hi: number;
  readonly #lo: number;

  constructor({ sequence, timeNs }: Point) {
    this.#sequence = sequence;
    this.#hi = timeNs === undefined ? Infinity : Number(timeNs >> 32n);
    this.#lo = timeNs === undefined ? Infinity : Number(timeNs & LOW);
  }

  reaches({ f64, u32 }: CommandSlots, at: number): boolean {
    if (f64[(at >>> 3) + CMD_SEQUENCE_F64]! > this.#sequence) return false;
    const hi = u32[(at >>> 2) + CMD_TIME_HI_U32]!;
    if (hi !== this.#hi) return hi < this.#hi;
    return u32[(at >>> 2) + CMD_TIME_LO_U32]! <= this.#lo;
  }
}

/** The history in a data folder. */
export class History {
  readonly config: Config;
  readonly directory: string;
  readonly #options: HistoryOptions;
  readonly #startedMs = performance.now();
  #toldMs = performance.now();

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.config = options.config;
    this.directory = journalDirectory(options.config.appliance.dataDirectory);
  }

  /** Sequence of the oldest command that is there; Infinity = none. */
  get firstSequence(): number {
    return listSegments(this.directory)[0] ?? Infinity;
  }

  /**
   * Commands of a range, in order, without their effect.
   *
   * @param names Learn from all commands up to there.
   * @returns What is not whole at the end, if it was reached.
   */
  scan(
    range: Range,
    point: Point,
    names: Names,
    onCommand: (commands: CommandSlots, at: number) => void,
  ): TornTail | undefined {
    const source = new CommandSource(this.directory, this.firstSequence);
    const limit = new Limit(point);
    let sequence = 0;
    try {
      for (let at = source.next(); at >= 0; at = source.next()) {
        const { views } = source;
        if (!limit.reaches(views, at)) return undefined;
        sequence = views.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
        if (sequence > range.last) return undefined;
        names.learn(views, at);
        if (sequence >= range.first) onCommand(views, at);
        if (sequence % PROGRESS_COMMANDS === 0) this.#progress(sequence);
      }
      return source.tail;
    } finally {
      source.dispose();
    }
  }

  /**
   * The state at a point: after the last command that is not behind it.
   * Whoever asks disposes of the replica.
   *
   * @throws {JournalDamageError} If the journal can not be trusted.
   */
  at(point: Point = NEWEST, options: MomentOptions = {}): Moment {
    const names = options.names ?? new Names();
    const replica = new Replica({
      config: this.config,
      log: quietLog(),
      gateways: false,
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    });
    try {
      return this.#walk(point, options, replica, names);
    } catch (error) {
      replica.dispose();
      throw error;
    }
  }

  /**
   * The state at a point, and every message up to it that the journal yields.
   *
   * @param onMessage Called for each, in the order of their events.
   */
  messages(point: Point, onMessage: (message: Message) => void): Moment {
    const names = new Names();
    const maker = new MessageMaker(names, this.config.fix.targetCompId);
    try {
      return this.at(point, {
        names,
        beforeSequence: this.firstSequence + 1,
        onEvent: (ring, slot) => {
          const message = maker.make(ring, slot);
          if (message !== undefined) onMessage(message);
        },
      });
    } finally {
      maker.dispose();
    }
  }

  /** Tells whoever asked something beside the answer. */
  note(text: string): void {
    this.#options.progress?.(text);
  }

  #walk(
    point: Point,
    options: MomentOptions,
    replica: Replica,
    names: Names,
  ): Moment {
    const limit = new Limit(point);
    const source = new CommandSource(this.directory, replica.sequence + 1);
    const { onCommand } = options;
    let commands = 0;
    let lo = 0;
    let hi = 0;
    let tail: TornTail | undefined;
    try {
      for (;;) {
        const at = source.next();
        if (at < 0) {
          tail = source.tail;
          break;
        }
        const { views } = source;
        if (!limit.reaches(views, at)) break;
        names.learn(views, at);
        onCommand?.(views, at);
        replica.apply(views, at);
        lo = views.u32[(at >>> 2) + CMD_TIME_LO_U32]!;
        hi = views.u32[(at >>> 2) + CMD_TIME_HI_U32]!;
        commands++;
        if (commands % PROGRESS_COMMANDS === 0) {
          this.#progress(replica.sequence);
        }
      }
    } finally {
      source.dispose();
    }
    replica.settle();
    return {
      replica,
      names,
      sequence: replica.sequence,
      timeNs: nanoseconds(lo, hi),
      snapshot: 0,
      commands,
      tail,
    };
  }

  #progress(sequence: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    const seconds = ((nowMs - this.#startedMs) / 1000).toFixed(1);
    this.#options.progress?.(`sequence ${sequence} after ${seconds} s`);
  }
}

/** What a replica has to say was said when it happened. */
function quietLog(): Log {
  return new Log({
    level: "error",
    format: "text",
    source: "inspect",
    nowMs: () => performance.timeOrigin + performance.now(),
  });
}
