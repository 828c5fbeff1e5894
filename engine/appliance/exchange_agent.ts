// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The agent that orders and executes commands: sequencer and exchange in one.
 *
 * ```
 *   command rings ─▶ number and stamp ─▶ journal ring ─▶ journal
 *                          └─▶ Exchange.apply() ─▶ event rings ─▶ gateways
 * ```
 *
 * It first applies what the journal recovers, then defines what is new in the
 * configuration, and then goes live. It is the only writer of the journal
 * ring, the event rings and the exchange's memory, and allocates nothing for
 * an order. It refuses nothing itself: a full journal ring makes it wait.
 *
 * @module
 */
import type { Clock } from "../../ffi/clock.ts";
import { assert } from "../assert.ts";
import { type EventRing, type Exchange, Total } from "../exchange/mod.ts";
import type { DepthPublisher } from "../marketdata/mod.ts";
import {
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
  COMMAND_SLOT_BYTES,
  CommandKind,
} from "../record/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_GATEWAY,
  CONTROL_HASH_ANSWER,
  CONTROL_HASH_REQUEST,
  CONTROL_HASH_VALUE,
  CONTROL_JOURNAL,
  ExchangeState,
  GatewayState,
  JournalState,
  type SpscRing,
} from "../ring/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";
import { Definitions } from "./definitions.ts";

/** An instrument that is defined if the journal has none of that name. */
export interface InstrumentWanted {
  readonly symbol: string;
  readonly tickSizeE8: number;
  readonly lotSizeE8: number;
  /** Lots. */
  readonly quantityLotsMax: number;
  /** Ticks x lots. */
  readonly notionalMax: number;
}

/** A session that is defined if the journal has none of that protocol and name. */
export interface SessionWanted {
  readonly protocolCode: number;
  readonly name: string;
  /** Place of its gateway. */
  readonly gateway: number;
}

/** What the agent works with. */
export interface ExchangeAgentOptions {
  readonly exchange: Exchange;
  /** Consumer end: commands that the journal recovers. */
  readonly recovery: SpscRing;
  /** Producer end: commands to the journal. */
  readonly journal: SpscRing;
  /** Consumer ends: commands of each gateway. */
  readonly commands: readonly SpscRing[];
  readonly events: readonly EventRing[];
  readonly control: Int32Array;
  /** The same memory as `control`. */
  readonly controlF64: Float64Array;
  readonly clock: Clock;
  readonly lane: CounterLane;
  readonly depth: DepthPublisher;
  readonly log: Log;
  readonly instruments: readonly InstrumentWanted[];
  readonly sessions: readonly SessionWanted[];
  /** Gateway by session index; the exchange reads it, the agent fills it. */
  readonly routes: Uint8Array;
}

const COMMANDS_PER_ROUND_MAX = 256;
const RECOVERED_PER_ROUND_MAX = 1024;
/** This many instruments' depth is published at a time, at most this often: it delays whoever comes then. */
const DEPTH_INSTRUMENTS = 16;
const DEPTH_PERIOD_NS = 10_000_000;

/** Sequencer and exchange. One thread; see the module's text. */
export class ExchangeAgent implements Agent {
  readonly name = "exchange";
  readonly #options: ExchangeAgentOptions;
  #state: number = ExchangeState.RECOVERING;
  /** Sequence of the newest command. */
  #sequence = 0;
  #timeLo = 0;
  #timeHi = 0;
  #depthLo = 0;
  #depthHi = 0;
  /** Instruments that are still to be published since something changed. */
  #depthStale = 0;
  #hashAnswered = 0;
  readonly #definitions: Definitions;

  constructor(options: ExchangeAgentOptions) {
    this.#options = options;
    this.#definitions = new Definitions(options);
  }

  done(): boolean {
    return this.#state === ExchangeState.DONE;
  }

  readonly sleeps = false;

  park(): void {}

  dispose(): void {}

  /** Newest sequence number given. */
  get sequence(): number {
    return this.#sequence;
  }

  doWork(): number {
    if (this.#state === ExchangeState.LIVE) return this.#live();
    if (this.#state === ExchangeState.RECOVERING) return this.#recover();
    return 0;
  }

  #live(): number {
    const { commands, control } = this.#options;
    let work = 0;
    for (let i = 0; i < commands.length; i++) {
      work += this.#takeCommands(commands[i]!);
    }
    if (work > 0) {
      this.#depthStale = this.#options.depth.instruments;
      this.#count();
    } else if (this.#gatewaysDone()) {
      this.#setState(ExchangeState.DONE);
      return 1;
    } else if (this.#depthStale > 0) this.#stamp();
    if (this.#depthStale > 0) this.#publishDepth();
    if (Atomics.load(control, CONTROL_HASH_REQUEST) !== this.#hashAnswered) {
      this.#answerHash();
    }
    return work;
  }

  /** Numbers, stamps, journals and applies a batch of one gateway's commands. */
  #takeCommands(ring: SpscRing): number {
    let count = ring.available();
    if (count === 0) return 0;
    if (count > COMMANDS_PER_ROUND_MAX) count = COMMANDS_PER_ROUND_MAX;
    const { journal, exchange } = this.#options;
    const room = journal.free();
    if (count > room) count = room;
    if (count === 0) return 0;
    this.#stamp();
    const { u32, f64 } = ring;
    for (let i = 0; i < count; i++) {
      const base = ring.peek(i) * (COMMAND_SLOT_BYTES >>> 3);
      f64[base + CMD_SEQUENCE_F64] = ++this.#sequence;
      u32[base * 2 + CMD_TIME_LO_U32] = this.#timeLo;
      u32[base * 2 + CMD_TIME_HI_U32] = this.#timeHi;
      this.#copyToJournal(ring, base * 2);
    }
    // The journal may write while we match.
    journal.publish();
    for (let i = 0; i < count; i++) {
      exchange.apply(ring, ring.peek(i) * COMMAND_SLOT_BYTES);
    }
    ring.release(count);
    this.#publishEvents();
    return count;
  }

  #copyToJournal(ring: SpscRing, from: number): void {
    const { journal } = this.#options;
    const slot = journal.claim();
    const to = slot * (COMMAND_SLOT_BYTES >>> 2);
    const source = ring.i32;
    const target = journal.i32;
    const words = ring.u16[from * 2 + CMD_LENGTH_U16]! >>> 2;
    for (let i = 0; i < words; i++) target[to + i] = source[from + i]!;
  }

  /** One time for the whole batch; never earlier than the one before. */
  #stamp(): void {
    const { clock } = this.#options;
    clock.realtime();
    const lo = clock.words[0]!;
    const hi = clock.words[1]!;
    if (hi > this.#timeHi || (hi === this.#timeHi && lo > this.#timeLo)) {
      this.#timeLo = lo;
      this.#timeHi = hi;
    }
  }

  #publishEvents(): void {
    const { events } = this.#options;
    for (let i = 0; i < events.length; i++) events[i]!.publish();
  }

  #recover(): number {
    const { recovery, control, exchange } = this.#options;
    // Read before the ring is looked at: RECOVERED is set after the last record.
    const state = Atomics.load(control, CONTROL_JOURNAL);
    let count = recovery.available();
    if (count > RECOVERED_PER_ROUND_MAX) count = RECOVERED_PER_ROUND_MAX;
    for (let i = 0; i < count; i++) {
      const slot = recovery.peek(i);
      const base = slot * (COMMAND_SLOT_BYTES >>> 3);
      const sequence = recovery.f64[base + CMD_SEQUENCE_F64]!;
      assert(
        sequence === this.#sequence + 1,
        `command ${sequence} recovered after ${this.#sequence}`,
      );
      this.#sequence = sequence;
      this.#timeLo = recovery.u32[base * 2 + CMD_TIME_LO_U32]!;
      this.#timeHi = recovery.u32[base * 2 + CMD_TIME_HI_U32]!;
      const kind = recovery.u8[base * 8 + CMD_KIND_U8]!;
      if (kind === CommandKind.DEFINE_CAPACITY) {
        this.#definitions.checkCapacity(recovery, base * 8);
      }
      exchange.apply(recovery, base * 8);
      if (kind >= CommandKind.DEFINE_INSTRUMENT) {
        this.#definitions.observe(recovery, base * 8);
      }
    }
    if (count > 0) {
      recovery.release(count);
      this.#publishEvents();
      return count;
    }
    if (state === JournalState.RECOVERING) return 0;
    this.#goLive();
    return 1;
  }

  #goLive(): void {
    const { exchange, log, journal } = this.#options;
    this.#stamp();
    this.#definitions.check();
    while (this.#definitions.writeNext(journal)) {
      // A slot that is claimed and not published is still ours to read.
      const at = this.#definitions.writtenAt;
      journal.f64[(at >>> 3) + CMD_SEQUENCE_F64] = ++this.#sequence;
      journal.u32[(at >>> 2) + CMD_TIME_LO_U32] = this.#timeLo;
      journal.u32[(at >>> 2) + CMD_TIME_HI_U32] = this.#timeHi;
      exchange.apply(journal, at);
      this.#definitions.observe(journal, at);
      journal.publish();
    }
    this.#publishEvents();
    this.#count();
    this.#options.depth.publishSome(this.#options.depth.instruments);
    log.info("live", {
      sequence: this.#sequence,
      ordersOpen: exchange.ordersOpen,
      stateHash: exchange.stateHash(),
    });
    this.#setState(ExchangeState.LIVE);
  }

  #setState(state: number): void {
    this.#state = state;
    Atomics.store(this.#options.control, CONTROL_EXCHANGE, state);
  }

  #gatewaysDone(): boolean {
    const { control, commands } = this.#options;
    for (let i = 0; i < commands.length; i++) {
      const state = Atomics.load(control, CONTROL_GATEWAY + i * 16);
      if (state !== GatewayState.DONE) return false;
    }
    // Nothing more gets durable: what waits was never acknowledged.
    const journal = Atomics.load(control, CONTROL_JOURNAL);
    if (journal === JournalState.FAILED) return true;
    // They wrote their last command before they said so.
    for (let i = 0; i < commands.length; i++) {
      if (commands[i]!.available() > 0) return false;
    }
    return true;
  }

  #count(): void {
    const { lane, exchange } = this.#options;
    const { totals } = exchange;
    lane.set(COUNTER.commands_total, this.#sequence);
    lane.set(COUNTER.orders_total, totals[Total.ORDERS]!);
    lane.set(COUNTER.cancels_total, totals[Total.CANCELS]!);
    lane.set(COUNTER.replaces_total, totals[Total.REPLACES]!);
    lane.set(COUNTER.trades_total, exchange.trades);
    lane.set(COUNTER.events_total, exchange.events);
    lane.set(COUNTER.orders_open, exchange.ordersOpen);
  }

  /** Refusals by reason; not each round, because there are many reasons. */
  #countRefusals(): void {
    const { lane, exchange } = this.#options;
    const { refusals } = exchange;
    for (let reason = 0; reason < refusals.length; reason++) {
      if (refusals[reason]! > 0) lane.setRefused(reason, refusals[reason]!);
    }
  }

  /** Publishes some of what changed, and counts refusals, if it is time. */
  #publishDepth(): void {
    const { depth } = this.#options;
    const sinceNs = (this.#timeHi - this.#depthHi) * 4294967296 +
      (this.#timeLo - this.#depthLo);
    if (sinceNs < DEPTH_PERIOD_NS) return;
    this.#countRefusals();
    this.#depthLo = this.#timeLo;
    this.#depthHi = this.#timeHi;
    depth.publishSome(DEPTH_INSTRUMENTS);
    this.#depthStale -= DEPTH_INSTRUMENTS;
  }

  #answerHash(): void {
    const { control, controlF64, exchange } = this.#options;
    const request = Atomics.load(control, CONTROL_HASH_REQUEST);
    const at = CONTROL_HASH_VALUE >>> 1;
    const hash = exchange.stateHash();
    controlF64[at] = this.#sequence;
    for (let word = 0; word < 4; word++) {
      const digits = hash.slice(word * 8, word * 8 + 8);
      controlF64[at + 1 + word] = parseInt(digits, 16);
    }
    controlF64[at + 5] = Deno.memoryUsage().heapUsed;
    this.#hashAnswered = request;
    Atomics.store(control, CONTROL_HASH_ANSWER, request);
  }
}
