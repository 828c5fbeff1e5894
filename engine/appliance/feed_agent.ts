// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The feed: follows the journal behind the engine, as far as it is durable, and
 * publishes what happens to the book.
 *
 * ```
 *   engine ─▶ journal files ─▶ JournalTail ─▶ Replica ─▶ FeedBuilder ─▶ FeedServer ─▶ lines, requests, snapshots
 *                 (durable)
 * ```
 *
 * It is silent until the engine is live and it has come to where the engine
 * began; then its session starts with the book as it is. So each run has a
 * session of its own, and a standby publishes nothing. It never holds the
 * engine: it may lag, allocate and wait. If it fails, its thread ends, and the
 * main thread begins another (`feed_watch.ts`). One thread of its own.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { JournalTail } from "../journal/mod.ts";
import type { FeedBuilder, FeedServer, FeedStore } from "../marketdata/mod.ts";
import {
  CMD_LENGTH_U16,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
} from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_WRITTEN,
  ExchangeState,
  JournalState,
} from "../ring/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";
import type { Replica } from "./replica.ts";

/** What follows the journal and what publishes. */
export interface FeedParts {
  /** In the state after `fromSequence`. */
  readonly replica: Replica;
  readonly tail: JournalTail;
  readonly store: FeedStore;
  readonly builder: FeedBuilder;
  readonly server: FeedServer;
}

/** What the agent works with. */
export interface FeedAgentOptions {
  /** Called once, when the engine is live. */
  readonly makeParts: () => FeedParts;
  readonly closeSockets: () => void;
  /** How long the end is told. */
  readonly endMs: number;
  readonly control: Int32Array;
  readonly lane: CounterLane;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Messages that wait for a line before more are made. */
const BEHIND_MAX = 4096;
const END_EVERY_MS = 50;
const EVENT_END_OF_MESSAGES = 0x43;

/** Follows and publishes. See the module's text. */
export class FeedAgent implements Agent {
  readonly name = "feed";
  readonly sleeps = false;
  readonly #options: FeedAgentOptions;
  #parts: FeedParts | undefined;
  /** Sequence that the session starts after; -1 = the engine is not live yet. */
  #startAfter = -1;
  #started = false;
  #endAtMs = 0;
  #saidMs = 0;
  #done = false;

  constructor(options: FeedAgentOptions) {
    this.#options = options;
  }

  done(): boolean {
    return this.#done;
  }

  park(): void {}

  dispose(): void {
    this.#options.closeSockets();
    this.#parts?.tail.dispose();
    this.#parts?.replica.dispose();
  }

  doWork(): number {
    if (this.#done) return 0;
    const { control } = this.#options;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    if (
      exchange !== ExchangeState.LIVE && exchange !== ExchangeState.DONE
    ) return 0;
    // Read before the limit: what was written last is durable by then.
    const journal = Atomics.load(control, CONTROL_JOURNAL);
    const parts = this.#parts ??= this.#options.makeParts();
    if (this.#endAtMs !== 0) return this.#sayEnd(parts);
    let work = this.#follow(parts);
    if (!this.#started && parts.replica.sequence >= this.#startAfter) {
      this.#start(parts);
      work++;
    }
    work += parts.server.doWork(0);
    this.#count(parts);
    if (
      work === 0 && exchange === ExchangeState.DONE &&
      (journal === JournalState.DONE || journal === JournalState.FAILED)
    ) {
      parts.builder.systemEvent(EVENT_END_OF_MESSAGES);
      this.#endAtMs = this.#options.nowMs() + this.#options.endMs;
      return 1;
    }
    return work;
  }

  /** Applies what is new and durable. */
  #follow(parts: FeedParts): number {
    const { tail, replica, builder, server } = parts;
    const limit = this.#limit(tail);
    if (this.#startAfter < 0) this.#startAfter = limit;
    if (server.behind > BEHIND_MAX) return 1;
    if (!tail.next(this.#started ? limit : this.#startAfter)) return 0;
    const { u16, u32 } = tail;
    const before = replica.sequence;
    for (let at = tail.start; at < tail.end;) {
      const words = at >>> 2;
      builder.begin(
        replica.sequence + 1,
        u32[words + CMD_TIME_LO_U32]!,
        u32[words + CMD_TIME_HI_U32]!,
      );
      replica.apply(tail, at);
      replica.settle();
      builder.settle();
      at += u16[(at >>> 1) + CMD_LENGTH_U16]!;
      while (server.behind > BEHIND_MAX) server.doWork(0);
    }
    return replica.sequence - before;
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

  #start({ replica, builder, store }: FeedParts): void {
    this.#started = true;
    assert(store.next === 1, "the feed has messages before its start");
    builder.start(replica.timeLo, replica.timeHi);
    const unshown = builder.unshown();
    const { log } = this.#options;
    log.info("feed started", {
      sequence: replica.sequence,
      ordersShown: builder.book.size,
    });
    if (unshown.length === 0) return;
    log.warn(
      "instruments whose tick size is no multiple of 0.0001 are not shown",
      {
        instruments: unshown.join(" "),
      },
    );
  }

  #count({ replica, store, server }: FeedParts): void {
    const { lane } = this.#options;
    const { counts } = server;
    lane.set(COUNTER.feed_sequence, replica.sequence);
    lane.set(COUNTER.feed_messages_total, store.next - 1);
    lane.set(COUNTER.feed_packets_total, counts.packets);
    lane.set(COUNTER.feed_requests_answered_total, counts.answered);
    lane.set(COUNTER.feed_requests_unanswered_total, counts.unanswered);
    lane.set(COUNTER.feed_requests_limited_total, counts.limited);
    lane.set(COUNTER.feed_logins_rejected_total, counts.rejected);
    lane.set(COUNTER.feed_snapshots_total, counts.snapshots);
  }

  /** Tells the end again and again, and still answers, until it is over. */
  #sayEnd({ server, replica, store }: FeedParts): number {
    const { nowMs, log } = this.#options;
    const now = nowMs();
    const work = server.doWork(0);
    if (server.behind > 0) return 1;
    if (now - this.#saidMs >= END_EVERY_MS) {
      this.#saidMs = now;
      server.sayEnd();
    }
    if (now < this.#endAtMs) return work;
    server.doWork(0);
    this.#done = true;
    log.info("feed ended", {
      sequence: replica.sequence,
      messages: store.next - 1,
    });
    return 1;
  }
}
