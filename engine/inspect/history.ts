// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A data folder as a history: each command of it, and the appliance's state at
 * each point, from the newest snapshot that is not behind it.
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
import type { CommandSlots } from "../appliance/command_fields.ts";
import { Replica, type ReplicaOptions } from "../appliance/replica.ts";
import { savedCapacity, unchainedReason } from "../appliance/snapshots.ts";
import type { Config } from "../config/mod.ts";
import type { TornTail } from "../journal/mod.ts";
import { SNAPSHOT_LAYOUT, type SnapshotMeta } from "../snapshot/mod.ts";
import {
  CMD_SEQUENCE_F64,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
} from "../record/mod.ts";
import { Log } from "../telemetry/mod.ts";
import {
  type Archive,
  archiveAt,
  PrunedError,
  prunedRemedy,
  segmentsOf,
} from "./archive.ts";
import { type Message, MessageMaker } from "./messages.ts";
import { type NamedSession, Names } from "./names.ts";
import { type FoundFile, snapshotFiles } from "./snapshots.ts";
import { CommandSource } from "./source.ts";
import {
  hexWords,
  nanoseconds,
  NEWEST,
  type Point,
  type Range,
} from "./units.ts";

/** What a history is made of. */
export interface HistoryOptions {
  /** As the appliance's; its data folder and archive are read. */
  readonly config: Config;
  /** What is read instead. */
  readonly archive?: Archive;
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

/** What a state and all events before it come to. */
export interface StateMark {
  readonly stateHash: string;
  readonly digest: string;
  readonly events: number;
}

/** The mark of a replica's state. */
export function markOf(replica: Replica): StateMark {
  replica.settle();
  const { digest } = replica;
  return {
    stateHash: replica.stateHash(),
    digest: hexWords(digest.lo, digest.hi),
    events: digest.events,
  };
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
  /** Not to begin before this sequence is an error; 0 or left out = none. */
  readonly mustReach?: number;
  /** Gets a mark of the state after each of these sequences. */
  readonly marks?: Map<number, StateMark>;
  readonly marksAt?: ReadonlySet<number>;
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
  readonly archive: Archive;
  readonly #options: HistoryOptions;
  readonly #startedMs = performance.now();
  #toldMs = performance.now();

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.config = options.config;
    this.archive = options.archive ??
      archiveAt(
        options.config.appliance.dataDirectory,
        options.config.journal.archiveDirectory,
      );
  }

  /** Sequence of the oldest command that is there; Infinity = none. */
  get firstSequence(): number {
    return segmentsOf(this.archive)[0] ?? Infinity;
  }

  /** The commands from a sequence on. Whoever asks disposes of it. */
  source(fromSequence: number): CommandSource {
    return new CommandSource(this.archive, fromSequence);
  }

  /**
   * Commands of a range, in order, without their effect.
   *
   * @param names Learn from all commands up to there.
   * @returns What is not whole at the end, if it was reached.
   * @throws {PrunedError} If the range begins, or the point is, before all that is there.
   */
  scan(
    range: Range,
    point: Point,
    names: Names,
    onCommand: (commands: CommandSlots, at: number) => void,
  ): TornTail | undefined {
    const first = this.firstSequence;
    this.#checkReach(
      first,
      Math.min(range.first || Infinity, range.last, point.sequence),
    );
    if (first !== 1 && first !== Infinity && range.first === 0) {
      this.note(
        `the journal starts at sequence ${first}. ${
          prunedRemedy(this.archive)
        }`,
      );
    }
    const source = this.source(first);
    const limit = new Limit(point);
    let sequence = 0;
    try {
      for (let at = source.next(); at >= 0; at = source.next()) {
        const { views } = source;
        if (!limit.reaches(views, at)) {
          if (sequence === 0) this.#checkReach(first, first - 1);
          return undefined;
        }
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
   * @throws {PrunedError} If what is there does not reach back to the point.
   */
  at(point: Point = NEWEST, options: MomentOptions = {}): Moment {
    const names = options.names ?? new Names();
    const snapshot = this.#choose(point, options);
    const replica = this.#replica(options.onEvent);
    try {
      if (snapshot !== undefined) {
        snapshot.read((reader) => replica.load(reader));
        names.learnAll(replica.register);
      }
      return this.#walk(point, options, replica, names);
    } catch (error) {
      replica.dispose();
      throw error;
    }
  }

  /** The state that a snapshot holds. Whoever asks disposes of the replica. */
  load(snapshot: FoundFile): Replica {
    const replica = this.#replica(undefined);
    snapshot.read((reader) => replica.load(reader));
    return replica;
  }

  /** Why a snapshot can't be loaded here; "" = it can. */
  unfitReason(meta: SnapshotMeta): string {
    if (meta.layout !== SNAPSHOT_LAYOUT) {
      return `it is of layout ${meta.layout} (build ${meta.build}), this build ` +
        `reads ${SNAPSHOT_LAYOUT}`;
    }
    for (const [key, value] of Object.entries(savedCapacity(this.config))) {
      const found = meta.capacity[key];
      if (found !== value) {
        return `its capacity has ${key} = ${found}, the configuration ${value}`;
      }
    }
    return "";
  }

  #replica(onEvent: ReplicaOptions["onEvent"]): Replica {
    return new Replica({
      config: this.config,
      log: quietLog(),
      gateways: false,
      ...(onEvent === undefined ? {} : { onEvent }),
    });
  }

  /**
   * The newest snapshot that is not behind the point, begins before a sequence
   * and fits; undefined = begin with the first command. If the first command
   * is not there any more, the oldest that fits the journal.
   */
  #choose(point: Point, options: MomentOptions): FoundFile | undefined {
    const { beforeSequence: before = Infinity, mustReach = 0 } = options;
    const first = this.firstSequence;
    const { sequence, timeNs } = point;
    let oldest: FoundFile | undefined;
    for (const file of snapshotFiles(this.archive.snapshots)) {
      if (file.sequence > sequence || file.sequence + 1 < first) continue;
      if (first === 1 && file.sequence >= before) continue;
      const reason = this.#useReason(file, timeNs);
      if (reason !== "") {
        this.note(`snapshot ${file.path} passed over: ${reason}`);
        continue;
      }
      if (file.sequence < before) return file;
      oldest = file;
    }
    if (first === 1 || first === Infinity) return undefined;
    if (oldest === undefined) {
      throw new PrunedError(
        `The journal in '${this.archive.journal}' starts at sequence ${first}, ` +
          "and no snapshot that can be used goes before the point asked for",
        this.archive,
      );
    }
    const from = oldest.sequence + 1;
    if (mustReach > 0 && mustReach < from) {
      throw new PrunedError(
        `The journal in '${this.archive.journal}' starts at sequence ${first}: ` +
          `with the snapshot of ${oldest.sequence} it shows what came from ` +
          `sequence ${from} on, ${mustReach} is asked for`,
        this.archive,
      );
    }
    this.note(
      `the journal starts at sequence ${first}: what came before sequence ` +
        `${from} is not shown. ${prunedRemedy(this.archive)}`,
    );
    return oldest;
  }

  /** Why a snapshot can't be begun with; "" = it can. */
  #useReason(file: FoundFile, timeNs: bigint | undefined): string {
    try {
      const { meta } = file;
      const time = nanoseconds(meta.timeLo, meta.timeHi);
      if (timeNs !== undefined && time > timeNs) return "it is of a later time";
      const reason = this.unfitReason(meta) ||
        unchainedReason(meta, this.archive.journal, this.archive.files);
      if (reason === "") file.verify();
      return reason;
    } catch (error) {
      // Damaged, or gone: a running appliance removes old ones.
      if (!(error instanceof Error)) throw error;
      return error.message;
    }
  }

  /**
   * The state at a point, and every message up to it that the journal yields.
   *
   * @param wanted Whose messages.
   * @param onMessage Called for each, in the order of their events.
   */
  messages(
    point: Point,
    wanted: (session: NamedSession) => boolean,
    onMessage: (message: Message) => void,
  ): Moment {
    const names = new Names();
    const { targetCompId } = this.config.fix;
    const maker = new MessageMaker(names, targetCompId, wanted);
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

  /** Throws if a sequence is older than the first command that is there. */
  #checkReach(first: number, sequence: number): void {
    if (first === 1 || first === Infinity || sequence >= first) return;
    throw new PrunedError(
      `The journal in '${this.archive.journal}' starts at sequence ${first}, ` +
        "what is asked for is older",
      this.archive,
    );
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
    const snapshot = replica.sequence;
    const source = this.source(snapshot + 1);
    const { onCommand, marks, marksAt } = options;
    let commands = 0;
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
        commands++;
        if (marksAt?.has(replica.sequence)) {
          marks?.set(replica.sequence, markOf(replica));
        }
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
      timeNs: nanoseconds(replica.timeLo, replica.timeHi),
      snapshot,
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
