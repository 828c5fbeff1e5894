// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A whole appliance without ports, on the caller's thread: it becomes what the
 * live one was after the same commands.
 *
 * ```
 *   journal, network, list ─apply()─▶ exchange ─rings─▶ gateways without clients
 *                                          └─▶ onEvent
 * ```
 *
 * The same agents and protocols as in the live one, over a region of its own,
 * with a transport that has no client. All is in memory but for the stores of
 * what was sent, if a folder is given. It reads no journal and writes none.
 * Several can be made in one process, one after the other or side by side:
 * only the first is as fast as the live one. Nothing is allocated for an order.
 *
 * @module
 */
import { allocate, Clock, type MemoryRegion } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { type EventDigest, Exchange } from "../exchange/mod.ts";
import type { GatewayAgent, SavedFile } from "../gateway/mod.ts";
import {
  EVENT_SLOT_BYTES,
  EVT_INDEX_U32,
  EVT_SEQUENCE_F64,
} from "../record/mod.ts";
import { CONTROL_BYTES, CONTROL_DURABLE, SpscRing } from "../ring/mod.ts";
import {
  readerFor,
  type SectionReader,
  type SectionWriter,
  writerFor,
} from "../snapshot/mod.ts";
import { CounterLane, type Log } from "../telemetry/mod.ts";
import { NullTransport, type Transport } from "../transport/mod.ts";
import {
  assembleExchange,
  exchangeCapacity,
  wantedOf,
} from "./build_exchange.ts";
import {
  assembleGateway,
  configuredSessions,
  type StorePlaces,
} from "./build_gateway.ts";
import type { CommandSlots } from "./command_fields.ts";
import type { ExchangeAgent } from "./exchange_agent.ts";
import { HOUSE_SLOTS, type MemoryPlan, planOf } from "./memory_plan.ts";
import { Register } from "./register.ts";
import { registerShape } from "./register_layout.ts";
import { AGENT_LANES } from "./topology.ts";
import { warmUp } from "./warm_up.ts";
import type { Workshop } from "./workshop.ts";

/** What a replica is made for. */
export interface ReplicaOptions {
  readonly config: Config;
  readonly log: Log;
  /**
   * With gateways, which rebuild sessions and what was sent; true if left out.
   * Without them events are written, shown to `onEvent` and dropped.
   */
  readonly gateways?: boolean;
  /** Where the stores of what was sent are; none = the newest in memory. */
  readonly stores?: StorePlaces;
  /**
   * Called with each event in turn, by sequence and place in its command;
   * those to the appliance itself too.
   *
   * @param ring Has the views. @param slot Of the event in it.
   * @param place Of the ring: one for each gateway, then the house.
   */
  readonly onEvent?: (ring: SpscRing, slot: number, place: number) => void;
  /** In locked memory and huge pages, as the live one; false if left out: pages come as they are touched. */
  readonly resident?: boolean;
  /** Runs the live one's warm-up first; false if left out. */
  readonly warm?: boolean;
  /** Transport of a gateway; one without clients if left out. */
  readonly transport?: (gateway: number) => Transport;
}

/** Commands whose events are shown together. */
const BATCH_COMMANDS = 256;

/** An appliance that only follows. One thread; see the module's text. */
export class Replica {
  readonly exchange: Exchange;
  /** Instruments, sessions and accounts as people see them; `settle()` first. */
  readonly register: Register;
  readonly gateways: readonly GatewayAgent[];
  readonly #options: ReplicaOptions;
  readonly #agent: ExchangeAgent;
  readonly #control: Int32Array;
  readonly #regions: MemoryRegion[] = [];
  /** Consumer ends that watch, or consume if there are no gateways: of each gateway's ring, then of the house. */
  readonly #watched: readonly SpscRing[];
  /** Commands whose events are not shown yet. */
  #pending = 0;

  /** @throws {NativeError} If memory or the folder of the stores can't be had. */
  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { config } = options;
    const plan = planOf(config);
    const memory = this.#memory(plan.bytes);
    const words = CONTROL_BYTES >>> 2;
    this.#control = new Int32Array(memory, plan.control, words);
    const workshop: Workshop = {
      config,
      plan,
      memory,
      control: this.#control,
      controlF64: new Float64Array(memory, plan.control, words >>> 1),
      clock: new Clock(),
      log: options.log,
      lane: (agent) => {
        const place = AGENT_LANES.findIndex((name) => name === agent);
        const lane = place < 0 ? AGENT_LANES.length : place;
        return new CounterLane(memory, plan.counters, lane);
      },
      letOthersWork: () => this.#takeEvents(),
    };
    const { agent, exchange } = assembleExchange(workshop, {
      memory: this.#memory(Exchange.bytes(exchangeCapacity(config))),
      onMade: (made) => {
        if (options.warm === true) warmUp(made, config.capacity.sessions);
      },
      onHouseFull: () => this.#watch(),
    });
    this.#agent = agent;
    this.exchange = exchange;
    this.register = new Register(memory, plan.register, registerShape(config));
    this.#watched = watchedRings(plan, memory);
    this.gateways = this.#makeGateways(workshop);
  }

  /** Sequence of the last command applied; 0 = none yet. */
  get sequence(): number {
    return this.#agent.sequence;
  }

  /** Low and high word of its time. */
  get timeLo(): number {
    return this.#agent.timeLo;
  }

  get timeHi(): number {
    return this.#agent.timeHi;
  }

  /** Sessions that are defined, by `sessionKey()`. */
  definedSessions(): string[] {
    return this.#agent.definedSessions();
  }

  /**
   * Applies a command that lies at byte `at`: the next one.
   *
   * @throws {InvariantError} If it is not the next one, or no command.
   */
  apply(commands: CommandSlots, at: number): void {
    this.#agent.applyRecorded(commands, at);
    if (++this.#pending === BATCH_COMMANDS) this.settle();
  }

  /** Shows the events so far to gateways and observer. Whoever looks at those calls it first. */
  settle(): void {
    this.#pending = 0;
    this.#agent.showRecorded();
    this.#takeEvents();
  }

  /**
   * Adds the whole state, as it is after the newest command. Sections may be
   * views of it: they are to be read before the next command.
   *
   * @throws {NativeError} If a file that the state names can't be synced.
   */
  save(out: SectionWriter): void {
    this.settle();
    this.#agent.save(writerFor("exchange", out));
    for (const gateway of this.gateways) {
      gateway.save(writerFor(gateway.name, out));
    }
  }

  /**
   * Takes a state that was saved, in place of all commands up to it.
   *
   * @throws {Error} If it is of another capacity, or a file that it names is
   *   not as it was. The replica is then of no use.
   */
  load(from: SectionReader): void {
    this.#agent.load(readerFor("exchange", from));
    for (const gateway of this.gateways) {
      gateway.load(readerFor(gateway.name, from));
    }
  }

  /** Takes another configuration's sessions, before a command defines what is new among them. */
  takeConfig(config: Config): void {
    this.#agent.expect(wantedOf(config));
    this.gateways.forEach((gateway, index) =>
      gateway.takeSessions(configuredSessions(config, index))
    );
  }

  /** The files that the saved state needs. */
  savedFiles(): SavedFile[] {
    return this.gateways.flatMap((gateway) => gateway.savedFiles());
  }

  /** Digest of all events so far. */
  get digest(): EventDigest {
    return this.#agent.digest;
  }

  /** A digest of the exchange's state; as `/state` of the live one shows it. */
  stateHash(): string {
    return this.exchange.stateHash();
  }

  /** Closes files and gives memory back: it can not be used any more. */
  dispose(): void {
    for (const gateway of this.gateways) gateway.dispose();
    for (const region of this.#regions) region.dispose();
  }

  #memory(bytes: number): ArrayBuffer {
    const { resident, config } = this.#options;
    if (resident !== true) return new ArrayBuffer(bytes);
    const region = allocate(bytes, {
      hugePages: config.memory.hugePages !== "never",
    });
    this.#regions.push(region);
    return region.buffer;
  }

  #makeGateways(workshop: Workshop): GatewayAgent[] {
    const { gateways, transport, stores } = this.#options;
    if (gateways === false) return [];
    return workshop.plan.eventRings.map((_, index) =>
      assembleGateway(
        workshop,
        index,
        transport?.(index) ?? new NullTransport(),
        stores ?? {},
      )
    );
  }

  /** Shows what was published, then lets it be consumed. */
  #takeEvents(): void {
    this.#watch();
    const { gateways } = this;
    // All that is there was recorded: gateways need not wait for a disk.
    Atomics.store(this.#control, CONTROL_DURABLE, this.sequence | 0);
    for (let i = 0; i < gateways.length; i++) {
      const ring = this.#watched[i]!;
      do gateways[i]!.doWork(); while (ring.depth() > 0);
    }
  }

  /** Steps over what was published; tells the observer of it. */
  #watch(): void {
    if (this.#options.onEvent !== undefined) return this.#observe();
    if (this.gateways.length > 0) return;
    const house = this.#watched.length - 1;
    for (let i = 0; i < house; i++) {
      this.#step(i, this.#watched[i]!.available());
    }
  }

  /** Hands slots back, unless somebody else does. */
  #step(place: number, count: number): void {
    const ring = this.#watched[place]!;
    const consumed = place === this.#watched.length - 1 ||
      this.gateways.length > 0;
    if (consumed) ring.pass(count);
    else if (count > 0) ring.release(count);
  }

  #observe(): void {
    const watched = this.#watched;
    for (;;) {
      let first = -1;
      for (let i = 0; i < watched.length; i++) {
        if (watched[i]!.available() === 0) continue;
        if (first < 0 || isBefore(watched[i]!, watched[first]!)) first = i;
      }
      if (first < 0) return;
      const ring = watched[first]!;
      this.#options.onEvent!(ring, ring.peek(0), first);
      this.#step(first, 1);
    }
  }
}

/** True if the next event of `a` came before that of `b`. */
function isBefore(a: SpscRing, b: SpscRing): boolean {
  const atA = a.peek(0) * EVENT_SLOT_BYTES;
  const atB = b.peek(0) * EVENT_SLOT_BYTES;
  const difference = a.f64[(atA >>> 3) + EVT_SEQUENCE_F64]! -
    b.f64[(atB >>> 3) + EVT_SEQUENCE_F64]!;
  if (difference !== 0) return difference < 0;
  return a.u32[(atA >>> 2) + EVT_INDEX_U32]! <
    b.u32[(atB >>> 2) + EVT_INDEX_U32]!;
}

function watchedRings(plan: MemoryPlan, memory: ArrayBuffer): SpscRing[] {
  const open = (offset: number, slots: number): SpscRing =>
    new SpscRing(memory, offset, EVENT_SLOT_BYTES, slots, "consumer");
  return [
    ...plan.eventRings.map((offset) => open(offset, plan.eventSlots)),
    open(plan.houseRing, HOUSE_SLOTS),
  ];
}
