// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The agent that keeps a pair together: on a standby it follows the primary,
 * on a primary it sends to the standby and says what may be acknowledged.
 *
 * ```
 *   standby:  link ─▶ replica ring ─▶ exchange            until it is promoted
 *   primary:  journal files ─▶ link;  acknowledged ─▶ durable sequence, ports
 * ```
 *
 * One thread, no waiting. With `durability = "replicated"` it is the writer of
 * the durable sequence instead of the journal, from the end of recovery on:
 * what both machines have, or, alone by the operator's word, what this one has.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { JournalFiles } from "../journal/mod.ts";
import {
  Follower,
  type Links,
  type MembershipStore,
  type Peer,
  PrimaryStream,
} from "../replication/mod.ts";
import {
  CONTROL_ALONE,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_HOLD,
  CONTROL_JOURNAL,
  CONTROL_LEASE_VALUE,
  CONTROL_LOCAL,
  CONTROL_REPLICATION_VALUE,
  CONTROL_REPLICATOR,
  CONTROL_ROLE,
  CONTROL_SEQUENCE_VALUE,
  CONTROL_STOP,
  CONTROL_WRITTEN,
  ExchangeState,
  JournalState,
  ReplicationValue,
  ReplicatorState,
  Role,
  type SpscRing,
} from "../ring/mod.ts";
import { COUNTER, type CounterLane, type Log } from "../telemetry/mod.ts";
import type { Agent } from "./agent.ts";

/** What the agent works with. */
export interface ReplicationAgentOptions {
  readonly config: Config;
  /** Folder of our journal. */
  readonly directory: string;
  /** The disk; the machine's own if not given. */
  readonly files?: JournalFiles;
  readonly memberships: MembershipStore;
  readonly links: Links;
  /** Producer end: commands of a primary. */
  readonly replica: SpscRing;
  readonly control: Int32Array;
  /** The same words as float64. */
  readonly controlF64: Float64Array;
  readonly lane: CounterLane;
  /** Nanoseconds, never back. */
  readonly nowNs: () => number;
  readonly log: Log;
}

const WORD = 4294967296;
const VALUE = CONTROL_REPLICATION_VALUE >>> 1;
const NS_PER_MS = 1e6;

/** The whole sequence of which `low` is the low word, near `near`. */
export function wholeSequence(low: number, near: number): number {
  return near + ((low - (near % WORD)) | 0);
}

/** "ADDRESS:PORT" */
function peerOf(text: string): Peer {
  const at = text.lastIndexOf(":");
  return { address: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

/** Follower, then primary; or primary from the start. */
export class ReplicationAgent implements Agent {
  readonly name = "replicator";
  readonly sleeps = false;
  readonly #options: ReplicationAgentOptions;
  readonly #replicated: boolean;
  /** Word of what is durable on this machine. */
  readonly #localWord: number;
  #follower: Follower | undefined;
  #stream: PrimaryStream | undefined;
  /** Newest sequence of before we were primary: it needs nobody's acknowledgement. */
  #base = 0;
  /** Newest sequence that is shown as durable. */
  #durable = 0;
  /** Newest sequence that is in our files, and its low word. */
  #newest = 0;
  #writtenLow = 0;
  /** Ports wait until this sequence is durable. */
  #holdFor = 0;
  #held = true;
  #wasConnected = false;
  #stoppedNs = 0;
  #done = false;

  constructor(options: ReplicationAgentOptions) {
    this.#options = options;
    this.#replicated = options.config.journal.durability === "replicated";
    this.#localWord = this.#replicated ? CONTROL_LOCAL : CONTROL_DURABLE;
  }

  done(): boolean {
    return this.#done;
  }

  park(): void {}

  doWork(): number {
    if (this.#done) return 0;
    const { control } = this.#options;
    const role = Atomics.load(control, CONTROL_ROLE);
    let work = 0;
    if (role === Role.STANDBY) work = this.#follow();
    else if (role === Role.PROMOTING) this.#hand();
    else if (role === Role.PRIMARY) {
      work = this.#stream === undefined ? this.#start() : this.#lead();
    }
    if (Atomics.load(control, CONTROL_STOP) !== 0) this.#finish();
    return work;
  }

  dispose(): void {
    this.#follower?.dispose();
    this.#stream?.dispose();
  }

  #follow(): number {
    const { control } = this.#options;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    if (exchange !== ExchangeState.FOLLOWING) return 0;
    this.#follower ??= this.#makeFollower();
    const follower = this.#follower;
    const work = follower.doWork();
    if (this.#replicated) this.#show(this.#local(follower.received));
    this.#tell(
      follower.connected,
      follower.received,
      follower.primaryWritten - follower.acknowledged,
    );
    const { controlF64 } = this.#options;
    controlF64[VALUE + ReplicationValue.PRIMARY] = follower.primaryWritten;
    controlF64[VALUE + ReplicationValue.EPOCH] = follower.epoch;
    return work;
  }

  #makeFollower(): Follower {
    const { config, directory, control, controlF64 } = this.#options;
    const { address, port, group, peers, timeoutMs } = config.replication;
    // Whether it could be primary must not show first when it has to be.
    this.#options.links.listen(address, port).close();
    const { memberships } = this.#options;
    const membership = memberships.read();
    const sequence = controlF64[CONTROL_SEQUENCE_VALUE >>> 1]!;
    this.#durable = sequence;
    Atomics.store(control, CONTROL_REPLICATOR, ReplicatorState.FOLLOWING);
    const follower: Follower = new Follower({
      links: this.#options.links,
      peers: peers.map(peerOf),
      group,
      ring: this.#options.replica,
      directory,
      ...this.#disk(),
      sequence,
      epoch: membership.epoch,
      keepEpoch: (epoch) =>
        memberships.write({ ...membership, epoch, primary: false }),
      timeoutMs,
      durable: () => this.#local(follower.received),
      written: () =>
        wholeSequence(
          Atomics.load(control, CONTROL_WRITTEN),
          follower.received,
        ),
      nowNs: this.#options.nowNs,
      log: this.#options.log,
    });
    return follower;
  }

  /** Promoted, or primary from the start: once the exchange is live, standbys may call. */
  #start(): number {
    const { control, controlF64, config, log } = this.#options;
    this.#hand();
    const near = controlF64[CONTROL_SEQUENCE_VALUE >>> 1]!;
    // Read before the state: nothing of it was sequenced for anybody else.
    const local = this.#local(Math.max(this.#base, this.#durable, near));
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    if (exchange !== ExchangeState.LIVE) {
      // What it does before may fill the event rings, and no standby can call
      // yet. Ports are closed until one has all of it.
      if (this.#replicated) this.#show(local);
      return 0;
    }
    const sequence = controlF64[CONTROL_SEQUENCE_VALUE >>> 1]!;
    this.#holdFor = sequence;
    this.#writtenLow = sequence | 0;
    this.#newest = sequence;
    this.#durable = Math.max(
      this.#base,
      wholeSequence(Atomics.load(control, CONTROL_DURABLE), sequence),
    );
    const { address, port, group, heartbeatMs, timeoutMs } = config.replication;
    const listener = this.#options.links.listen(address, port);
    controlF64[VALUE + ReplicationValue.PORT] = listener.port;
    const epoch = controlF64[(CONTROL_LEASE_VALUE >>> 1) + 1]!;
    log.info("primary", { epoch, address, port: listener.port });
    this.#stream = new PrimaryStream({
      listener,
      directory: this.#options.directory,
      ...this.#disk(),
      group,
      epoch,
      heartbeatMs,
      timeoutMs,
      written: () => this.#written(),
      nowNs: this.#options.nowNs,
      log,
    });
    return 1;
  }

  /** Follows no more: nothing of an older epoch is acknowledged from here on, the link is closed. */
  #hand(): void {
    const { control } = this.#options;
    if (this.#follower !== undefined) {
      this.#follower.dispose();
      this.#base = this.#follower.received;
      this.#follower = undefined;
      this.#tell(false, this.#base, 0);
    }
    Atomics.store(control, CONTROL_REPLICATOR, ReplicatorState.HANDED);
    // Gateways still take in what was followed, with their ports closed.
    if (this.#replicated && this.#base > 0) {
      this.#show(Math.min(this.#local(this.#base), this.#base));
    }
  }

  #lead(): number {
    const { control, controlF64 } = this.#options;
    const stream = this.#stream!;
    const work = stream.doWork();
    if (this.#replicated) {
      const local = this.#local(this.#durable);
      const alone = Atomics.load(control, CONTROL_ALONE) !== 0;
      this.#show(alone ? local : Math.min(local, stream.acknowledged));
    }
    if (this.#held && this.#mayOpen()) {
      this.#held = false;
      Atomics.store(control, CONTROL_HOLD, 0);
    }
    const { connected, acknowledged } = stream;
    this.#tell(connected, acknowledged, this.#written() - acknowledged);
    if (stream.laterEpoch > 0) {
      controlF64[VALUE + ReplicationValue.EPOCH] = stream.laterEpoch;
    }
    return work;
  }

  #disk(): { files?: JournalFiles } {
    const { files } = this.#options;
    return files === undefined ? {} : { files };
  }

  /** Whether a client that logs on now is told only what it may be. */
  #mayOpen(): boolean {
    if (!this.#replicated) return true;
    if (Atomics.load(this.#options.control, CONTROL_ALONE) !== 0) return true;
    return this.#stream!.acknowledged >= this.#holdFor;
  }

  /** Shows a sequence as durable, if it is news. */
  #show(sequence: number): void {
    if (sequence <= this.#durable) return;
    this.#durable = sequence;
    Atomics.store(this.#options.control, CONTROL_DURABLE, sequence | 0);
  }

  /** Newest sequence that is durable on this machine. */
  #local(near: number): number {
    return wholeSequence(
      Atomics.load(this.#options.control, this.#localWord),
      near,
    );
  }

  #written(): number {
    const { control } = this.#options;
    const low = Atomics.load(control, CONTROL_WRITTEN);
    // The word moves on; so does what it is near to.
    if (low !== this.#writtenLow) {
      this.#writtenLow = low;
      this.#newest = wholeSequence(low, this.#newest);
    }
    return this.#newest;
  }

  #tell(connected: boolean, sequence: number, lag: number): void {
    const { controlF64, lane } = this.#options;
    controlF64[VALUE + ReplicationValue.SEQUENCE] = sequence;
    lane.set(COUNTER.replication_lag, Math.max(0, lag));
    if (connected === this.#wasConnected) return;
    this.#wasConnected = connected;
    controlF64[VALUE + ReplicationValue.CONNECTED] = connected ? 1 : 0;
    lane.set(COUNTER.replication_connected, connected ? 1 : 0);
    if (!connected) lane.add(COUNTER.replication_losses_total, 1);
  }

  /** A stop: the standby gets what is left, if it takes it in time. */
  #finish(): void {
    const { control, config, nowNs } = this.#options;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    const journal = Atomics.load(control, CONTROL_JOURNAL);
    const over = exchange === ExchangeState.DONE &&
      (journal === JournalState.DONE || journal === JournalState.FAILED);
    if (!over) return;
    const stream = this.#stream;
    if (this.#stoppedNs === 0) this.#stoppedNs = nowNs();
    const waitedNs = nowNs() - this.#stoppedNs;
    const waits = stream !== undefined && stream.connected &&
      stream.acknowledged < this.#written() &&
      waitedNs < config.appliance.drainTimeoutMs * NS_PER_MS;
    if (!waits) this.#done = true;
  }
}
