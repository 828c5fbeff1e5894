// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The agent that orders and executes commands: sequencer and exchange in one.
 *
 * ```
 *   command rings, operator ─▶ number and stamp ─▶ journal ring ─▶ journal
 *                  time ─┘           └─▶ Exchange.apply() ─▶ event rings ─▶ gateways
 *                                                 └─▶ house ring ─▶ House
 * ```
 *
 * It first applies what the journal recovers, then defines what is new in the
 * configuration, and then goes live. It is the only writer of the journal
 * ring, the event rings, the register and the exchange's memory, and allocates
 * nothing for an order. A full journal ring makes it wait; while the journal
 * says that its disk wants no more, it marks new orders and replaces, and the
 * exchange refuses them. If no command comes when a timer is due, it makes one that says
 * only that time goes on. Every so often it writes down what its events come to
 * (CHECKPOINT), and in a recovery it compares itself with what was written.
 *
 * @module
 */
import type { Clock } from "../../ffi/clock.ts";
import { assert, fail } from "../assert.ts";
import {
  type EventDigest,
  type EventRing,
  type Exchange,
  Total,
} from "../exchange/mod.ts";
import type { DepthPublisher } from "../marketdata/mod.ts";
import {
  CMD_FLAG_REFUSE,
  CMD_FLAGS_U8,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_REASON_U32,
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
  CONTROL_PRESSURE,
  CONTROL_RECOVERY_VALUE,
  CONTROL_REPLICATOR,
  CONTROL_ROLE,
  CONTROL_SEQUENCE_VALUE,
  ExchangeState,
  type FlightRing,
  GatewayState,
  JournalState,
  loadWord,
  ReplicatorState,
  RING_FULL,
  Role,
  type SpscRing,
} from "../ring/mod.ts";
import {
  addJson,
  bytesOf,
  readJson,
  type SectionReader,
  type SectionWriter,
} from "../snapshot/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";
import {
  CHECKPOINT_COMMANDS,
  checkpointFields,
  compareCheckpoint,
  isFullCheckpoint,
} from "./checkpoint.ts";
import { type CommandSlots, writeCommand } from "./command_fields.ts";
import type { Definitions, DefinitionsWanted } from "./definitions.ts";
import type { House } from "./house.ts";
import type { Register } from "./register.ts";
import { RegisterWord } from "./register_layout.ts";

/** What the agent works with. */
export interface ExchangeAgentOptions {
  readonly exchange: Exchange;
  /** Consumer end: commands that the journal recovers. */
  readonly recovery: SpscRing;
  /** Producer end: commands to the journal. */
  readonly journal: SpscRing;
  /** Consumer ends: commands of each gateway. */
  readonly commands: readonly SpscRing[];
  /** Consumer end: commands that a primary sequenced; none without replication. */
  readonly replica?: SpscRing;
  /** Consumer end: commands of the operator. */
  readonly operator: SpscRing;
  /** Of each gateway, and then of the house. */
  readonly events: readonly EventRing[];
  /** Of all these rings. */
  readonly digest: EventDigest;
  readonly house: House;
  readonly register: Register;
  readonly definitions: Definitions;
  readonly control: Int32Array;
  /** The same memory as `control`. */
  readonly controlF64: Float64Array;
  readonly clock: Pick<Clock, "words" | "realtime">;
  readonly lane: CounterLane;
  readonly depth: DepthPublisher;
  readonly log: Log;
  /** Lets the other agents of this thread go on while this one waits for room. */
  readonly letOthersWork: () => void;
  /** Where stage times go; left out = nowhere. */
  readonly flight?: ExchangeFlight;
}

/** The exchange's part of the flight recorder. */
export interface ExchangeFlight {
  readonly ring: FlightRing;
  /** `receiveTimes()` of each of `commands`. */
  readonly received: readonly Uint32Array[];
}

/** What became of a configuration that was asked for. */
export interface Reconfigured {
  /** Why nothing was taken; "" = it was. */
  readonly problem: string;
  /** Commands that it took, and the sequence of the newest. */
  readonly commands: number;
  readonly sequence: number;
}

/** What of the agent itself is saved. */
interface SavedAgent {
  readonly sequence: number;
  readonly timeLo: number;
  readonly timeHi: number;
  readonly checkpoint: number;
  readonly checkpointFull: boolean;
  readonly digestLo: number;
  readonly digestHi: number;
  readonly events: number;
}

const TIME_COMMAND = { kind: CommandKind.TIME };
const COMMANDS_PER_ROUND_MAX = 256;
const RECOVERED_PER_ROUND_MAX = 1024;
/** The depth of one instrument is published at a time, at most this often: it delays whoever comes then. */
const DEPTH_PERIOD_NS = 500_000;
/** After so many of them, refusals are counted and blocks are looked at. */
const DEPTHS_A_LOOK = 32;
/** Totals are shown when nothing is to be done, and after so many rounds in which something was. */
const UNCOUNTED_ROUNDS = 64;
/** In the place of a gateway. */
const OF_OPERATOR = -1;
/** Receive time of what nobody sent. */
const NOT_RECEIVED = new Uint32Array(2);

/** Sequencer and exchange. One thread; see the module's text. */
export class ExchangeAgent implements Agent {
  readonly name = "exchange";
  /** What loading a snapshot took; for the line that says that it is live. */
  snapshotMs = 0;
  readonly #options: ExchangeAgentOptions;
  #state: number = ExchangeState.RECOVERING;
  /** Sequence of the newest command. */
  #sequence = 0;
  /** When the first recovered commands were done; 0 = none was. */
  #replayedFromMs = 0;
  /** Sequence of the snapshot that it began with; 0 = none. */
  #loadedSequence = 0;
  #timeLo = 0;
  #timeHi = 0;
  #depthLo = 0;
  #depthHi = 0;
  /** Instruments that are still to be published since something changed. */
  #depthStale = 0;
  #depthsPublished = 0;
  /** Rounds since totals were shown. */
  #uncounted = 0;
  #hashAnswered = 0;
  /** Where the commands of a batch lie. */
  readonly #offsets = new Int32Array(COMMANDS_PER_ROUND_MAX);
  /** Sequence of the newest CHECKPOINT. */
  #checkpoint = 0;
  /** The newest CHECKPOINT has the state's hash. */
  #checkpointFull = false;
  /** The configuration that is to be taken next. */
  #asked: DefinitionsWanted | undefined;
  #reconfigured: Reconfigured | undefined;

  constructor(options: ExchangeAgentOptions) {
    this.#options = options;
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

  /** Low and high word of the newest command's time. */
  get timeLo(): number {
    return this.#timeLo;
  }

  get timeHi(): number {
    return this.#timeHi;
  }

  /** Digest of all events so far. */
  get digest(): EventDigest {
    const { digest } = this.#options;
    digest.take();
    return digest;
  }

  /**
   * Asks for another configuration: it is taken as a whole between two
   * commands, when the exchange is live. A standby writes no commands: those
   * of its primary say what is defined.
   */
  reconfigure(wanted: DefinitionsWanted): void {
    this.#asked = wanted;
    this.#reconfigured = undefined;
  }

  /** What became of it; undefined = nothing yet. */
  get reconfigured(): Reconfigured | undefined {
    return this.#reconfigured;
  }

  /** What the configuration says from now on; the commands come from elsewhere. */
  expect(wanted: DefinitionsWanted): void {
    this.#options.definitions.expect(wanted);
  }

  /** Sessions that are defined, by `sessionKey()`. */
  definedSessions(): string[] {
    return this.#options.definitions.sessionKeys();
  }

  /** Adds the whole state, as it is after the newest command. */
  save(out: SectionWriter): void {
    const { exchange, definitions, register, digest } = this.#options;
    digest.take();
    addJson(out, "agent", {
      sequence: this.#sequence,
      timeLo: this.#timeLo,
      timeHi: this.#timeHi,
      checkpoint: this.#checkpoint,
      checkpointFull: this.#checkpointFull,
      digestLo: digest.lo,
      digestHi: digest.hi,
      events: digest.events,
    });
    addJson(out, "definitions", definitions.save());
    out.add("register", register.save());
    out.add("scalars", bytesOf(exchange.saveScalars()));
    out.add("memory", exchange.stateMemory);
  }

  /** Takes a state that was saved, before the first command. */
  load(from: SectionReader): void {
    const { exchange, definitions, register, digest } = this.#options;
    assert(this.#sequence === 0, "a state is loaded after commands");
    const saved = readJson<SavedAgent>(from, "agent");
    const { sequence } = saved;
    from.readInto("memory", exchange.stateMemory);
    exchange.restoreScalars(new Float64Array(from.read("scalars").buffer));
    assert(
      exchange.sequence === sequence,
      `the exchange's state is of command ${exchange.sequence}, the agent's of ${sequence}`,
    );
    register.load(from.read("register"));
    definitions.load(readJson(from, "definitions"));
    this.#sequence = sequence;
    this.#loadedSequence = sequence;
    this.#timeLo = saved.timeLo;
    this.#timeHi = saved.timeHi;
    this.#checkpoint = saved.checkpoint;
    this.#checkpointFull = saved.checkpointFull;
    digest.restore(saved.digestLo, saved.digestHi, saved.events);
  }

  doWork(): number {
    if (this.#state === ExchangeState.LIVE) return this.#live();
    if (this.#state === ExchangeState.RECOVERING) return this.#recover();
    if (this.#state === ExchangeState.FOLLOWING) return this.#follow();
    if (this.#state === ExchangeState.RECOVERED) return this.#takeRole();
    return 0;
  }

  #live(): number {
    const { commands, operator, control } = this.#options;
    let work = 0;
    for (let i = 0; i < commands.length; i++) {
      work += this.#takeCommands(commands[i]!, i);
    }
    if (operator.available() > 0) work += this.#takeOperator();
    if (this.#asked !== undefined) work += this.#takeConfiguration();
    if (work === 0) {
      if (this.#uncounted > 0) this.#count();
      if (this.#gatewaysDone()) return this.#finish();
      this.#stamp();
      work = this.#passTime();
    }
    if (work > 0) {
      if (this.#sequence - this.#checkpoint >= CHECKPOINT_COMMANDS) {
        this.#writeCheckpoint("");
      }
      this.#options.house.drain();
      this.#depthStale = this.#options.depth.instruments;
      if (++this.#uncounted >= UNCOUNTED_ROUNDS) this.#count();
    }
    if (this.#depthStale > 0) this.#publishDepth();
    if (loadWord(control, CONTROL_HASH_REQUEST) !== this.#hashAnswered) {
      this.#answerHash();
    }
    return work;
  }

  /** Numbers, stamps, journals and applies a batch of one gateway's commands. */
  #takeCommands(ring: SpscRing, gateway: number): number {
    let count = ring.available();
    if (count === 0) return 0;
    if (count > COMMANDS_PER_ROUND_MAX) count = COMMANDS_PER_ROUND_MAX;
    const { journal, exchange } = this.#options;
    const room = journal.free();
    if (count > room) count = room;
    if (count === 0) return 0;
    const last = this.#journal(ring, count, gateway);
    const offsets = this.#offsets;
    for (let i = 0; i < count; i++) {
      offsets[i] = ring.peek(i) * COMMAND_SLOT_BYTES;
    }
    exchange.applyAll(ring, offsets, 0, count);
    ring.release(count);
    this.#recordMatched(last, count);
    this.#publishEvents();
    return count;
  }

  /** Notes when a batch was matched; `last` is what `#journal()` returned. */
  #recordMatched(last: number, count: number): void {
    if (last < 0) return;
    const { clock } = this.#options;
    clock.realtime();
    this.#options.flight!.ring.matched(last, count, clock.words);
  }

  /** The same for what the operator asks: all of a request or nothing, so that nothing comes in between. */
  #takeOperator(): number {
    const { operator, journal, exchange, house } = this.#options;
    const count = operator.available();
    if (journal.free() < count) return 0;
    const last = this.#journal(operator, count, OF_OPERATOR);
    for (let i = 0; i < count; i++) {
      const at = operator.peek(i) * COMMAND_SLOT_BYTES;
      exchange.apply(operator, at);
      this.#options.definitions.observe(operator, at);
    }
    operator.release(count);
    this.#recordMatched(last, count);
    this.#publishEvents();
    house.drain();
    house.showBlocks(exchange, true);
    this.#options.register.addTaken(count, this.#sequence);
    return count;
  }

  /** What a start does with what is new in the configuration, while it runs. */
  #takeConfiguration(): number {
    const { definitions, house, exchange } = this.#options;
    const before = this.#sequence;
    const wanted = this.#asked!;
    this.#asked = undefined;
    let problem = "";
    try {
      definitions.reconfigure(wanted);
    } catch (error) {
      if (!(error instanceof Error) || error.name === "InvariantError") {
        throw error;
      }
      problem = error.message;
    }
    if (problem === "") {
      this.#stamp();
      this.#define();
      definitions.inUse();
      // Gateways are told of the last definition, too.
      this.#publishEvents();
      house.drain();
      house.showBlocks(exchange, true);
    }
    this.#reconfigured = {
      problem,
      commands: this.#sequence - before,
      sequence: this.#sequence,
    };
    return 1;
  }

  /** Writes what the configuration says anew, and applies it. */
  #define(): void {
    const { journal, definitions, house } = this.#options;
    this.#waitForRoom();
    while (definitions.writeNext(journal)) {
      const at = definitions.writtenAt;
      this.#applyOwn(at);
      definitions.observe(journal, at);
      house.drain();
      this.#waitForRoom();
    }
  }

  /**
   * Numbers and stamps commands of a ring, and gives them to the journal, which
   * may write while we match.
   *
   * @param gateway Whose ring it is, or `OF_OPERATOR`.
   * @returns Slot of the last one in the flight recorder, or -1.
   */
  #journal(ring: SpscRing, count: number, gateway: number): number {
    this.#stamp();
    const { flight } = this.#options;
    let last = -1;
    const { u32, f64 } = ring;
    const pressure = loadWord(this.#options.control, CONTROL_PRESSURE);
    for (let i = 0; i < count; i++) {
      const base = ring.peek(i) * (COMMAND_SLOT_BYTES >>> 3);
      f64[base + CMD_SEQUENCE_F64] = ++this.#sequence;
      u32[base * 2 + CMD_TIME_LO_U32] = this.#timeLo;
      u32[base * 2 + CMD_TIME_HI_U32] = this.#timeHi;
      if (pressure !== 0) markRefused(ring, base * 8, pressure);
      this.#copyToJournal(ring, base * 2);
      if (flight !== undefined) {
        const own = gateway === OF_OPERATOR;
        const received = own ? NOT_RECEIVED : flight.received[gateway]!;
        const from = ring.peek(i);
        const at = own ? 0 : from;
        last = flight.ring.sequenced(ring, from, received, at, count);
      }
    }
    this.#options.journal.publish();
    return last;
  }

  /** Makes a command of its own if a timer is due and no other command says so. */
  #passTime(): number {
    const { exchange, journal } = this.#options;
    if (!exchange.timerDue(this.#timeLo, this.#timeHi)) return 0;
    const slot = journal.claim();
    if (slot === RING_FULL) return 0;
    const at = slot * COMMAND_SLOT_BYTES;
    writeCommand(journal, at, TIME_COMMAND);
    this.#applyOwn(at);
    return 1;
  }

  /**
   * Writes down what the events so far come to, if the journal's ring has room;
   * otherwise the next round does.
   *
   * @param stateHash "" = without.
   */
  #writeCheckpoint(stateHash: string): boolean {
    const { journal, digest } = this.#options;
    const slot = journal.claim();
    if (slot === RING_FULL) return false;
    digest.take();
    const at = slot * COMMAND_SLOT_BYTES;
    writeCommand(journal, at, checkpointFields(digest, stateHash));
    this.#applyOwn(at);
    this.#checkpoint = this.#sequence;
    this.#checkpointFull = stateHash !== "";
    return true;
  }

  /** Something was done since the state's hash was written down last. */
  #changedSinceHash(): boolean {
    return !this.#checkpointFull || this.#checkpoint !== this.#sequence;
  }

  /** No more commands will come. */
  #finish(): number {
    const { control, exchange } = this.#options;
    const failed =
      Atomics.load(control, CONTROL_JOURNAL) === JournalState.FAILED;
    if (!failed && this.#changedSinceHash()) {
      if (this.#options.journal.free() === 0) return 0;
      this.#writeCheckpoint(exchange.stateHash());
      this.#options.house.drain();
      this.#count();
    }
    this.#setState(ExchangeState.DONE);
    return 1;
  }

  /** Numbers, stamps and applies a command that was written into the journal's ring. */
  #applyOwn(at: number): void {
    const { exchange, journal, flight } = this.#options;
    // A slot that is claimed and not published is still ours to read.
    journal.f64[(at >>> 3) + CMD_SEQUENCE_F64] = ++this.#sequence;
    journal.u32[(at >>> 2) + CMD_TIME_LO_U32] = this.#timeLo;
    journal.u32[(at >>> 2) + CMD_TIME_HI_U32] = this.#timeHi;
    const slot = at / COMMAND_SLOT_BYTES;
    const last = flight === undefined
      ? -1
      : flight.ring.sequenced(journal, slot, NOT_RECEIVED, 0, 1);
    exchange.apply(journal, at);
    journal.publish();
    this.#recordMatched(last, 1);
    this.#publishEvents();
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
    const { recovery, control } = this.#options;
    // Read before the ring is looked at: RECOVERED is set after the last record.
    const state = Atomics.load(control, CONTROL_JOURNAL);
    let count = recovery.available();
    if (count > RECOVERED_PER_ROUND_MAX) count = RECOVERED_PER_ROUND_MAX;
    for (let i = 0; i < count; i++) {
      this.applyRecorded(recovery, recovery.peek(i) * COMMAND_SLOT_BYTES);
    }
    if (count > 0) {
      if (this.#replayedFromMs === 0) this.#replayedFromMs = performance.now();
      recovery.release(count);
      this.showRecorded();
      return count;
    }
    if (state === JournalState.RECOVERING) return 0;
    this.#count();
    this.#setState(ExchangeState.RECOVERED);
    return 1 + this.#takeRole();
  }

  /** Goes live as primary, or follows one, as soon as it is decided. */
  #takeRole(): number {
    const role = Atomics.load(this.#options.control, CONTROL_ROLE);
    if (role === Role.PRIMARY) this.#goLive();
    else if (role === Role.STANDBY) this.#setState(ExchangeState.FOLLOWING);
    else if (!this.#gatewaysDone()) return 0;
    else this.#setState(ExchangeState.DONE);
    return 1;
  }

  /** Journals and applies what the primary has sequenced; goes live when there will be no more. */
  #follow(): number {
    const { replica, journal, control } = this.#options;
    if (this.#asked !== undefined) {
      this.expect(this.#asked);
      this.#asked = undefined;
      this.#reconfigured = { problem: "", commands: 0, sequence: 0 };
    }
    // Read before the ring is looked at: HANDED is set after the last command.
    const handed =
      Atomics.load(control, CONTROL_REPLICATOR) === ReplicatorState.HANDED &&
      Atomics.load(control, CONTROL_ROLE) === Role.PRIMARY;
    const count = Math.min(
      replica?.available() ?? 0,
      journal.free(),
      RECOVERED_PER_ROUND_MAX,
    );
    if (count > 0) {
      this.#takeReplica(replica!, count);
      this.#publishDepth();
      return count;
    }
    if (handed && (replica?.available() ?? 0) === 0) {
      this.#goLive();
      return 1;
    }
    if (this.#gatewaysDone()) {
      this.#setState(ExchangeState.DONE);
      return 1;
    }
    if (Atomics.load(control, CONTROL_HASH_REQUEST) !== this.#hashAnswered) {
      this.#answerHash();
    }
    return 0;
  }

  #takeReplica(replica: SpscRing, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#copyToJournal(
        replica,
        replica.peek(i) * (COMMAND_SLOT_BYTES >>> 2),
      );
    }
    this.#options.journal.publish();
    for (let i = 0; i < count; i++) {
      this.applyRecorded(replica, replica.peek(i) * COMMAND_SLOT_BYTES);
    }
    replica.release(count);
    this.showRecorded();
    this.#count();
    this.#depthStale = this.#options.depth.instruments;
  }

  /**
   * Applies a command that was sequenced earlier, or elsewhere: the next one.
   * Its events are shown by `showRecorded()`.
   *
   * @param at Its first byte; a multiple of 8.
   * @throws {InvariantError} If it is not the next one.
   * @throws {CheckpointError} If it says that the state should be another.
   */
  applyRecorded(commands: CommandSlots, at: number): void {
    const { exchange, definitions, digest } = this.#options;
    const sequence = commands.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
    if (sequence !== this.#sequence + 1) this.#notNext(sequence);
    this.#sequence = sequence;
    this.#timeLo = commands.u32[(at >>> 2) + CMD_TIME_LO_U32]!;
    this.#timeHi = commands.u32[(at >>> 2) + CMD_TIME_HI_U32]!;
    const kind = commands.u8[at + CMD_KIND_U8]!;
    if (kind === CommandKind.CHECKPOINT) {
      digest.take();
      compareCheckpoint(commands, at, digest, exchange);
      exchange.apply(commands, at);
      this.#checkpoint = sequence;
      this.#checkpointFull = isFullCheckpoint(commands, at);
      return;
    }
    const definition = (kind >= CommandKind.DEFINE_INSTRUMENT &&
      kind < CommandKind.SESSION_LOGON) ||
      kind === CommandKind.SET_STATE;
    if (definition) definitions.checkRoom(commands, at);
    exchange.apply(commands, at);
    if (definition) definitions.observe(commands, at);
    else definitions.inUse();
  }

  #notNext(sequence: number): never {
    fail(`command ${sequence} recovered after ${this.#sequence}`);
  }

  /** Shows the events of what was applied by `applyRecorded()`. */
  showRecorded(): void {
    this.#publishEvents();
    this.#options.house.drain();
  }

  #goLive(): void {
    const { exchange, log, definitions, house, controlF64 } = this.#options;
    const recovery = CONTROL_RECOVERY_VALUE >>> 1;
    const replayedMs = this.#replayedFromMs === 0
      ? 0
      : Math.round(performance.now() - this.#replayedFromMs);
    this.#stamp();
    definitions.check();
    this.#define();
    this.#passTime();
    this.#publishEvents();
    this.#waitForRoom();
    house.drain();
    house.showBlocks(exchange, true);
    house.live = true;
    this.#options.depth.publishSome(this.#options.depth.instruments);
    const stateHash = exchange.stateHash();
    log.info("live", {
      sequence: this.#sequence,
      ordersOpen: exchange.ordersOpen,
      sessions: definitions.sessionKeys().length,
      stateHash,
      snapshotSequence: this.#loadedSequence,
      snapshotMs: this.snapshotMs,
      journalCommands: controlF64[recovery]!,
      journalMs: replayedMs,
    });
    if (this.#changedSinceHash()) this.#writeCheckpoint(stateHash);
    this.#count();
    this.#setState(ExchangeState.LIVE);
  }

  /** There may be more to define than the journal's ring holds. */
  #waitForRoom(): void {
    const { journal, control, letOthersWork } = this.#options;
    while (journal.free() < 2) {
      if (Atomics.load(control, CONTROL_JOURNAL) === JournalState.FAILED) {
        throw new Error("The journal failed while definitions were written");
      }
      letOthersWork();
    }
  }

  #setState(state: number): void {
    const { control, controlF64 } = this.#options;
    this.#state = state;
    controlF64[CONTROL_SEQUENCE_VALUE >>> 1] = this.#sequence;
    Atomics.store(control, CONTROL_EXCHANGE, state);
  }

  #gatewaysDone(): boolean {
    const { control, commands } = this.#options;
    for (let i = 0; i < commands.length; i++) {
      const state = loadWord(control, CONTROL_GATEWAY + i * 16);
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
    const { lane, exchange, register } = this.#options;
    const { totals } = exchange;
    this.#uncounted = 0;
    register.words[RegisterWord.PREVENTED] = exchange.prevented;
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

  /** Publishes some of what changed, if it is time; now and then counts refusals. */
  #publishDepth(): void {
    const { depth } = this.#options;
    const sinceNs = (this.#timeHi - this.#depthHi) * 4294967296 +
      (this.#timeLo - this.#depthLo);
    if (sinceNs < DEPTH_PERIOD_NS) return;
    this.#depthLo = this.#timeLo;
    this.#depthHi = this.#timeHi;
    depth.publishSome(1);
    this.#depthStale -= 1;
    this.#depthsPublished = (this.#depthsPublished + 1) % DEPTHS_A_LOOK;
    if (this.#depthsPublished !== 0 && this.#depthStale > 0) return;
    this.#countRefusals();
    this.#options.house.showBlocks(this.#options.exchange, false);
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

/** Has the exchange refuse a command if it adds liability: the mark is part of the journal. */
function markRefused(ring: SpscRing, at: number, reason: number): void {
  const kind = ring.u8[at + CMD_KIND_U8]!;
  if (kind !== CommandKind.NEW_ORDER && kind !== CommandKind.REPLACE_ORDER) {
    return;
  }
  ring.u8[at + CMD_FLAGS_U8] = ring.u8[at + CMD_FLAGS_U8]! | CMD_FLAG_REFUSE;
  ring.u32[(at >>> 2) + CMD_REASON_U32] = reason;
}
