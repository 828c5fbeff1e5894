// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The standby's side: calls the peers until one is primary, says where its
 * journal ends, receives commands into the replica ring, and acknowledges what
 * its own journal has.
 *
 * ```
 *   link ─▶ frames ─▶ replica ring ─▶ exchange ─▶ journal ring ─▶ journal
 *   link ◀──────────── acknowledged ◀── newest in our journal ◀────┘
 * ```
 *
 * One thread, no waiting. It never listens, so no command comes by a
 * connection that it did not ask for. A lost link is called again. What time
 * does not mend (another pair, another journal, no way back) throws a
 * `FollowError`.
 *
 * @module
 */
import { journalVerify, SEAL_KIND } from "../../ffi/journal.ts";
import type { JournalFiles } from "../journal/mod.ts";
import {
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
} from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { Channel, FrameKind, RefusedReason, UNMARKED } from "./frame.ts";
import {
  type Link,
  LINK_OPEN,
  LINK_OPENING,
  linkErrorText,
  type Links,
} from "./link.ts";
import { FollowError } from "./follow_error.ts";
import { ForkSearch } from "./fork_search.ts";
import { commandAt, markOf, NO_MARK } from "./marks.ts";

const NS_PER_MS = 1e6;
/** Between two calls to the next peer. */
const RETRY_MS = 50;

/** An address to call. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** What a standby's side works with. */
export interface FollowerOptions {
  readonly links: Links;
  readonly peers: readonly Peer[];
  /** Name of the pair. */
  readonly group: string;
  /** Producer end: received commands. */
  readonly ring: SpscRing;
  /** Folder of our journal. */
  readonly directory: string;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
  /** Newest sequence of our journal when following starts. */
  readonly sequence: number;
  /** The newest epoch that this appliance has known. */
  readonly epoch: number;
  /** Keeps a later epoch for good, before anything of it is acknowledged. Throws. */
  readonly keepEpoch: (epoch: number) => void;
  readonly timeoutMs: number;
  /** Newest sequence that our journal has, as it is configured. */
  readonly durable: () => number;
  /** Newest sequence that is in our journal's files. */
  readonly written: () => number;
  readonly nowNs: () => number;
  readonly log: Log;
}

/** Follows one primary at a time. */
export class Follower {
  /** Newest sequence that was received whole. */
  received: number;
  /** Newest sequence that the primary has written, as it told. */
  primaryWritten = 0;
  /** Newest sequence that was acknowledged. */
  acknowledged = 0;
  readonly #options: FollowerOptions;
  #epoch: number;
  /** The newest command that was received, or recovered. */
  readonly #last = new Uint32Array(COMMAND_SLOT_BYTES >>> 2);
  /** It is there; not so right after a start from a snapshot without a journal. */
  #marked = true;
  /** A connection that is being made. */
  #link: Link | undefined;
  #channel: Channel | undefined;
  #peerAt = -1;
  #welcome = false;
  #search: ForkSearch | undefined;
  #heardNs = 0;
  #retryNs = 0;
  /** What the log said last of each peer, so that it is said once. */
  readonly #said = new Map<string, string>();
  /** Commands of the frame at hand that wait for room: bytes from, to in the body. */
  #from = 0;
  #to = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.received = options.sequence;
    this.#epoch = options.epoch;
    const { directory, sequence, files, log } = options;
    if (sequence === 0) return;
    this.#marked = commandAt(directory, sequence, this.#last, files);
    if (this.#marked) return;
    log.info("starting from a snapshot: the next CHECKPOINT compares", {
      sequence,
    });
  }

  /** It follows a primary. */
  get connected(): boolean {
    return this.#welcome;
  }

  /** Epoch of the primary that it follows or followed last. */
  get epoch(): number {
    return this.#epoch;
  }

  /** One round; returns how much it did. @throws {FollowError} */
  doWork(): number {
    const nowNs = this.#options.nowNs();
    const channel = this.#channel;
    if (channel === undefined) return this.#connect(nowNs);
    let work = this.#receive(channel, nowNs);
    if (this.#welcome) this.#acknowledge(channel, false);
    work += channel.flush();
    if (nowNs - this.#heardNs > this.#options.timeoutMs * NS_PER_MS) {
      channel.fail(`it was silent for ${this.#options.timeoutMs} ms`);
    }
    if (channel.failure !== "") this.#end(channel, nowNs);
    return work;
  }

  /** Hangs up; what was received whole is in the ring. */
  dispose(): void {
    this.#link?.close();
    this.#channel?.dispose();
    this.#channel = undefined;
    this.#welcome = false;
    this.#options.ring.publish();
  }

  /** Calls the next peer, and greets it once the link stands. */
  #connect(nowNs: number): number {
    const link = this.#link;
    if (link === undefined) {
      if (nowNs < this.#retryNs) return 0;
      const { links, peers } = this.#options;
      this.#peerAt = (this.#peerAt + 1) % peers.length;
      const { address, port } = peers[this.#peerAt]!;
      this.#link = links.connect(address, port);
      this.#heardNs = nowNs;
      return 1;
    }
    const state = link.state();
    const { timeoutMs } = this.#options;
    if (state === LINK_OPEN) {
      this.#link = undefined;
      this.#channel = new Channel(link);
      this.#heardNs = nowNs;
      this.#greet(this.#channel);
      return 1;
    }
    const late = nowNs - this.#heardNs > timeoutMs * NS_PER_MS;
    if (state === LINK_OPENING && !late) return 0;
    link.close();
    this.#link = undefined;
    this.#retryNs = nowNs + RETRY_MS * NS_PER_MS;
    this.#sayOnce(
      link.peer,
      late ? `no answer in ${timeoutMs} ms` : linkErrorText(state),
    );
    return 0;
  }

  #greet(channel: Channel): void {
    const { group } = this.#options;
    const mark = this.received === 0 || !this.#marked ? NO_MARK : markOf({
      u8: new Uint8Array(this.#last.buffer),
      u16: new Uint16Array(this.#last.buffer),
    }, 0);
    channel.writeText(FrameKind.HELLO, this.#epoch, this.received + 1, {
      text: group,
      value: this.#marked ? 0 : UNMARKED,
      markLo: mark.lo,
      markHi: mark.hi,
    });
  }

  #end(channel: Channel, nowNs: number): void {
    const { log } = this.#options;
    const { peer, failure } = channel;
    if (this.#welcome) {
      log.warn("primary lost", {
        peer,
        reason: failure,
        sequence: this.received,
      });
    } else this.#sayOnce(peer, failure);
    channel.dispose();
    this.#channel = undefined;
    this.#welcome = false;
    this.#search = undefined;
    this.#from = 0;
    this.#to = 0;
    this.#retryNs = nowNs + RETRY_MS * NS_PER_MS;
  }

  #sayOnce(peer: string, reason: string): void {
    if (this.#said.get(peer) === reason) return;
    this.#said.set(peer, reason);
    this.#options.log.info("no primary yet", { peer, reason });
  }

  #receive(channel: Channel, nowNs: number): number {
    let work = this.#fillRing(channel);
    // Frames lie in the channel's memory until more is received.
    if (this.#from < this.#to) return work;
    const got = channel.receive();
    if (got > 0) this.#heardNs = nowNs;
    work += got;
    while (this.#from === this.#to && channel.next()) this.#take(channel);
    return work;
  }

  #take(channel: Channel): void {
    const { kind, epoch } = channel;
    if (!this.#welcome) {
      if (kind === FrameKind.WELCOME) return this.#welcomed(channel);
      if (kind === FrameKind.REFUSED) return this.#refused(channel);
      if (kind === FrameKind.PROBED && this.#search !== undefined) {
        return this.#search.answer(channel);
      }
      return channel.fail(`it sent a frame of kind ${kind} before a welcome`);
    }
    if (epoch !== this.#epoch) {
      return channel.fail(
        `it speaks in epoch ${epoch}, and welcomed in ${this.#epoch}`,
      );
    }
    if (kind === FrameKind.HEARTBEAT) {
      this.#hearWritten(channel);
      this.#acknowledge(channel, true);
    } else if (kind === FrameKind.COMMANDS) this.#commands(channel);
    else channel.fail(`it sent a frame of kind ${kind} while we follow`);
  }

  #welcomed(channel: Channel): void {
    const { epoch, peer } = channel;
    if (!Number.isSafeInteger(epoch) || epoch < this.#epoch) {
      return channel.fail(
        `it is primary of epoch ${epoch}, and this standby has known epoch ${this.#epoch}: ` +
          "it is one no longer; stop it",
      );
    }
    if (epoch > this.#epoch) {
      this.#options.keepEpoch(epoch);
      this.#epoch = epoch;
    }
    this.#welcome = true;
    this.#said.clear();
    this.#hearWritten(channel);
    // What we have is said at once, whatever another primary was told.
    this.acknowledged = -1;
    this.#options.log.info("following", {
      peer,
      epoch,
      from: this.received + 1,
      behind: channel.sequence - this.received,
    });
  }

  #hearWritten(channel: Channel): void {
    const { sequence } = channel;
    if (Number.isSafeInteger(sequence)) this.primaryWritten = sequence;
    else channel.fail(`it says that it has written sequence ${sequence}`);
  }

  #refused(channel: Channel): void {
    const { peer, reason, epoch } = channel;
    const text = channel.text();
    if (reason === RefusedReason.WRONG_GROUP) {
      throw new FollowError(
        `The primary at ${peer} refused this standby: ${text}. ` +
          "Set [replication] group and peers to those of one pair",
      );
    }
    if (reason === RefusedReason.NEEDS_SNAPSHOT) {
      throw new FollowError(
        `The primary at ${peer} can not bring this standby up to date: ${text}. ` +
          "Copy a snapshot of the primary's data directory here, and start again",
      );
    }
    if (reason === RefusedReason.OLDER_EPOCH || epoch < this.#epoch) {
      return channel.fail(text);
    }
    if (reason !== RefusedReason.DIVERGED) {
      return channel.fail(`it refused with reason ${reason}: ${text}`);
    }
    const { directory, files, written } = this.#options;
    this.#search = new ForkSearch({
      channel,
      directory,
      files,
      newest: Math.min(this.received, written()),
      primaryNewest: channel.sequence,
      epoch: this.#epoch,
    });
  }

  #commands(channel: Channel): void {
    const { sequence, value: count, bodyBytes, body, bodyAt } = channel;
    if (sequence !== this.received + 1) {
      return channel.fail(
        `it sent sequence ${sequence}, and ${this.received + 1} is the next`,
      );
    }
    const valid = journalVerify(body.address + bodyAt, bodyBytes);
    if (valid !== bodyBytes || bodyBytes === 0) {
      return channel.fail("it sent commands that are none");
    }
    const end = bodyAt + bodyBytes;
    let at = bodyAt;
    let expected = sequence;
    while (at < end) {
      const isNext = body.u8[at + CMD_KIND_U8] !== SEAL_KIND &&
        body.f64[(at >>> 3) + CMD_SEQUENCE_F64] === expected;
      if (!isNext) {
        return channel.fail(`its commands have a gap at sequence ${expected}`);
      }
      expected++;
      at += body.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    }
    if (expected - sequence !== count) {
      return channel.fail(
        `it sent ${expected - sequence} commands and said ${count}`,
      );
    }
    this.#from = bodyAt;
    this.#to = end;
    this.#fillRing(channel);
  }

  /** Puts as many commands of the frame at hand as have room into the ring. */
  #fillRing(channel: Channel): number {
    if (this.#from === this.#to) return 0;
    const { ring } = this.#options;
    const { body } = channel;
    let moved = 0;
    let room = ring.free();
    let at = this.#from;
    let last = -1;
    while (room > 0 && at < this.#to) {
      const bytes = body.u16[(at >>> 1) + CMD_LENGTH_U16]!;
      const to = ring.claim() * (COMMAND_SLOT_BYTES >>> 2);
      for (let word = 0; word < bytes >>> 2; word++) {
        ring.u32[to + word] = body.u32[(at >>> 2) + word]!;
      }
      last = at;
      at += bytes;
      room--;
      moved++;
    }
    this.#from = at;
    this.received += moved;
    if (last >= 0) {
      this.#keepLast(body.u32, last);
      ring.publish();
    }
    return moved;
  }

  /** Keeps the newest command, for the next time that we say where we are. */
  #keepLast(u32: Uint32Array, at: number): void {
    const last = this.#last;
    this.#marked = true;
    for (let word = 0; word < last.length; word++) {
      last[word] = u32[(at >>> 2) + word]!;
    }
  }

  /** Says what our journal has, if that is news or `always`. */
  #acknowledge(channel: Channel, always: boolean): void {
    const durable = this.#options.durable();
    if (!always && durable <= this.acknowledged) return;
    if (!channel.hasRoom(0)) return;
    this.acknowledged = durable;
    channel.write(FrameKind.ACKNOWLEDGE, this.#epoch, durable, 0);
  }
}
