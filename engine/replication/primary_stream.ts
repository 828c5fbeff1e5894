// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The primary's side: takes one standby at a time, checks that its journal is
 * the beginning of ours, and sends it every command that is written.
 *
 * ```
 *   journal files ─JournalTail─▶ frames ─▶ link ─▶ standby
 *                     acknowledged sequence ◀─ link ◀─┘
 * ```
 *
 * One thread, no waiting; sending allocates nothing for a command. It sends
 * nothing to who is not of this pair, who knows a later epoch, or whose
 * journal is another.
 *
 * @module
 */
import { type JournalFiles, JournalTail } from "../journal/mod.ts";
import { CMD_LENGTH_U16 } from "../record/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import {
  Channel,
  FRAME_BODY_BYTES_MAX,
  FrameKind,
  RefusedReason,
  UNMARKED,
} from "./frame.ts";
import type { LinkListener } from "./link.ts";
import { isGone, isSameMark, markAt } from "./marks.ts";

const NS_PER_MS = 1e6;
/** Between two looks for what nobody waits for: each is a system call. */
const LOOK_NS = 1e6;

/** What a primary's side works with. */
export interface PrimaryStreamOptions {
  readonly listener: LinkListener;
  /** Folder of our journal. */
  readonly directory: string;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
  /** Name of the pair. */
  readonly group: string;
  readonly epoch: number;
  readonly heartbeatMs: number;
  /** A standby that is silent for so long is cut off. */
  readonly timeoutMs: number;
  /** Newest sequence that is in our journal's files. */
  readonly written: () => number;
  /** Nanoseconds, never back. */
  readonly nowNs: () => number;
  readonly log: Log;
}

/** One standby at a time. */
export class PrimaryStream {
  /** Newest sequence that a standby acknowledged in this epoch. */
  acknowledged = 0;
  /** A later epoch that a standby knows; 0 = none: then we are primary no longer. */
  laterEpoch = 0;
  readonly #options: PrimaryStreamOptions;
  #channel: Channel | undefined;
  #tail: JournalTail | undefined;
  /** Commands of the tail that were not sent: bytes from, to. */
  #from = 0;
  #to = 0;
  #sent = 0;
  #greeted = false;
  #heardNs = 0;
  #lookedNs = 0;
  #saidNs = 0;

  constructor(options: PrimaryStreamOptions) {
    this.#options = options;
  }

  /** A standby follows. */
  get connected(): boolean {
    return this.#greeted;
  }

  /** Newest sequence that was handed to the link. */
  get sent(): number {
    return this.#sent;
  }

  /** One round; returns how much it did. */
  doWork(): number {
    const nowNs = this.#options.nowNs();
    const channel = this.#channel;
    if (channel === undefined) return this.#accept(nowNs);
    let work = this.#receive(channel, nowNs);
    if (this.#greeted && channel.failure === "") {
      work += this.#send(channel);
      this.#keepAlive(channel, nowNs);
    }
    work += channel.flush();
    if (nowNs - this.#heardNs > this.#options.timeoutMs * NS_PER_MS) {
      channel.fail(`it was silent for ${this.#options.timeoutMs} ms`);
    }
    if (channel.failure !== "") this.#end(channel);
    return work;
  }

  dispose(): void {
    this.#tail?.dispose();
    this.#channel?.dispose();
    this.#options.listener.close();
  }

  /** An answer that is due is looked for each round, anything else now and then. */
  #receive(channel: Channel, nowNs: number): number {
    const due = !this.#greeted || this.acknowledged < this.#sent;
    if (!due && nowNs - this.#lookedNs < LOOK_NS) return 0;
    this.#lookedNs = nowNs;
    const work = channel.receive();
    if (work > 0) this.#heardNs = nowNs;
    while (channel.next()) this.#take(channel);
    return work;
  }

  #accept(nowNs: number): number {
    if (nowNs - this.#lookedNs < LOOK_NS) return 0;
    this.#lookedNs = nowNs;
    const link = this.#options.listener.accept();
    if (link === undefined) return 0;
    this.#channel = new Channel(link);
    this.#heardNs = nowNs;
    return 1;
  }

  #end(channel: Channel): void {
    const { log } = this.#options;
    const { peer, failure } = channel;
    if (this.#greeted) {
      log.warn("standby lost", {
        peer,
        reason: failure,
        acknowledged: this.acknowledged,
      });
    } else log.info("caller left", { peer, reason: failure });
    channel.dispose();
    this.#tail?.dispose();
    this.#tail = undefined;
    this.#channel = undefined;
    this.#greeted = false;
  }

  #take(channel: Channel): void {
    const { kind } = channel;
    if (kind === FrameKind.HELLO && !this.#greeted) this.#greet(channel);
    else if (kind === FrameKind.PROBE && !this.#greeted) this.#probe(channel);
    else if (kind === FrameKind.ACKNOWLEDGE && this.#greeted) {
      this.#acknowledge(channel);
    } else channel.fail(`it sent a frame of kind ${kind} out of turn`);
  }

  #acknowledge(channel: Channel): void {
    const { sequence, epoch } = channel;
    if (epoch !== this.#options.epoch) {
      channel.fail(`it acknowledged in epoch ${epoch}`);
    } else if (
      !Number.isSafeInteger(sequence) || sequence > this.#sent
    ) {
      channel.fail(
        `it acknowledged sequence ${sequence}, and ${this.#sent} was sent`,
      );
    } else if (sequence > this.acknowledged) this.acknowledged = sequence;
  }

  /** HELLO: its journal must be the beginning of ours. */
  #greet(channel: Channel): void {
    const { group, epoch, written, directory, files, log } = this.#options;
    const refuse = (reason: number, text: string): void =>
      this.#refuse(channel, reason, text);
    const name = channel.text();
    const { sequence: wanted, epoch: known } = channel;
    if (name !== group) {
      return refuse(
        RefusedReason.WRONG_GROUP,
        `this primary belongs to the pair "${group}", the caller to "${name}"`,
      );
    }
    if (known > epoch) {
      this.laterEpoch = known;
      return refuse(
        RefusedReason.OLDER_EPOCH,
        `this primary is of epoch ${epoch}, and the caller has known epoch ${known}`,
      );
    }
    const newest = written();
    if (!Number.isSafeInteger(wanted) || wanted < 1) {
      return channel.fail(`it wants sequence ${wanted}`);
    }
    if (wanted > newest + 1) {
      return refuse(
        RefusedReason.DIVERGED,
        `this primary ends at sequence ${newest}, the caller at ${wanted - 1}`,
      );
    }
    const told = { lo: channel.markLo, hi: channel.markHi };
    const mark = channel.value === UNMARKED
      ? told
      : markAt(directory, wanted - 1, newest, files);
    const first = markAt(directory, wanted, newest, files);
    if (
      mark === undefined || (first === undefined && wanted <= newest)
    ) {
      return refuse(
        RefusedReason.NEEDS_SNAPSHOT,
        `sequence ${
          Math.max(1, wanted - 1)
        } is no longer in this primary's journal`,
      );
    }
    if (!isSameMark(mark, told)) {
      return refuse(
        RefusedReason.DIVERGED,
        `the command of sequence ${wanted - 1} is another here`,
      );
    }
    this.#tail = new JournalTail({
      directory,
      fromSequence: wanted,
      ...(files === undefined ? {} : { files }),
    });
    this.#from = 0;
    this.#to = 0;
    this.#sent = wanted - 1;
    channel.writeText(FrameKind.WELCOME, epoch, newest, { text: group });
    this.#greeted = true;
    log.info("standby joined", {
      peer: channel.peer,
      from: wanted,
      behind: newest - wanted + 1,
    });
  }

  #refuse(channel: Channel, reason: number, text: string): void {
    const { epoch, written, log } = this.#options;
    log.warn("standby refused", { peer: channel.peer, reason: text });
    channel.writeText(FrameKind.REFUSED, epoch, written(), { reason, text });
  }

  /** A refused standby looks for the last sequence that both have. */
  #probe(channel: Channel): void {
    const { directory, written, epoch, files } = this.#options;
    const { sequence } = channel;
    if (!Number.isSafeInteger(sequence) || sequence < 0) {
      return channel.fail(`it asks for sequence ${sequence}`);
    }
    const mark = markAt(directory, sequence, written(), files);
    channel.writeText(FrameKind.PROBED, epoch, sequence, {
      value: mark === undefined ? 0 : 1,
      markLo: mark?.lo ?? 0,
      markHi: mark?.hi ?? 0,
    });
  }

  /** Frames of what is written and was not sent, as long as there is room. */
  #send(channel: Channel): number {
    const tail = this.#tail!;
    let work = 0;
    while (channel.hasRoom(FRAME_BODY_BYTES_MAX)) {
      if (this.#from === this.#to) {
        if (!this.#readNext(channel, tail)) break;
        this.#from = tail.start;
        this.#to = tail.end;
      }
      work += this.#sendFrame(channel, tail);
    }
    return work;
  }

  /** A standby may be so far behind that a segment goes to the archive before it was sent. */
  #readNext(channel: Channel, tail: JournalTail): boolean {
    try {
      return tail.next(this.#options.written());
    } catch (error) {
      if (!isGone(error)) throw error;
      channel.fail(
        `sequence ${this.#sent + 1} is no longer in this primary's journal`,
      );
      return false;
    }
  }

  /** One frame: as many of the commands at hand as go into it. */
  #sendFrame(channel: Channel, tail: JournalTail): number {
    const from = this.#from;
    const limit = Math.min(this.#to, from + FRAME_BODY_BYTES_MAX);
    let end = from;
    let count = 0;
    while (end < limit) {
      const next = end + tail.u16[(end >>> 1) + CMD_LENGTH_U16]!;
      if (next > limit) break;
      end = next;
      count++;
    }
    channel.write(
      FrameKind.COMMANDS,
      this.#options.epoch,
      this.#sent + 1,
      count,
      tail.u8,
      from,
      end - from,
    );
    this.#from = end;
    this.#sent += count;
    return count;
  }

  #keepAlive(channel: Channel, nowNs: number): void {
    const { heartbeatMs, epoch, written } = this.#options;
    if (nowNs - this.#saidNs < heartbeatMs * NS_PER_MS) return;
    if (!channel.hasRoom(0)) return;
    this.#saidNs = nowNs;
    channel.write(FrameKind.HEARTBEAT, epoch, written(), 0);
    // One standby at a time; another one tries again.
    this.#options.listener.accept()?.close();
  }
}
