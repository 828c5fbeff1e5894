// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange's agent with everything around it made of plain memory: rings,
 * a clock that stands still, a journal that is a list. A second rig over the
 * list of the first is a restart.
 *
 * @module
 */
import { assert } from "@std/assert";
import {
  exchangeCapacity,
  wantedOf,
} from "../../engine/appliance/build_exchange.ts";
import {
  type CommandFields,
  type ReadCommand,
  readCommand,
  writeCommand,
} from "../../engine/appliance/command_fields.ts";
import { Definitions } from "../../engine/appliance/definitions.ts";
import { ExchangeAgent } from "../../engine/appliance/exchange_agent.ts";
import { House } from "../../engine/appliance/house.ts";
import { HOUSE_SLOTS } from "../../engine/appliance/memory_plan.ts";
import type { RequestContext } from "../../engine/appliance/operator_context.ts";
import { commandsOf } from "../../engine/appliance/operator_requests.ts";
import { Register } from "../../engine/appliance/register.ts";
import {
  registerBytes,
  registerShape,
} from "../../engine/appliance/register_layout.ts";
import { type Config, loadConfig } from "../../engine/config/mod.ts";
import { EventDigest, EventRing, Exchange } from "../../engine/exchange/mod.ts";
import { depthBytes, DepthPublisher } from "../../engine/marketdata/mod.ts";
import {
  CMD_LENGTH_U16,
  COMMAND_SLOT_BYTES,
  CommandKind,
  EVENT_SLOT_BYTES,
  EVT_KIND_U8,
  EVT_SESSION_U32,
} from "../../engine/record/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_ROLE,
  ExchangeState,
  JournalState,
  Role,
  SpscRing,
} from "../../engine/ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  CounterLane,
  Log,
} from "../../engine/telemetry/mod.ts";
import { EventSum } from "../../ffi/mod.ts";
import { CommandBuffer, type TestCommand } from "../exchange/support.ts";

const SLOTS = 1024;
const CAPACITY = `
[capacity]
orders = 4096
sessions = 16
instruments = 8
accounts = 8
`;

/** A ring and both of its ends. */
class BothEnds {
  readonly producer: SpscRing;
  readonly consumer: SpscRing;

  constructor(slotBytes: number, slots: number) {
    const memory = new ArrayBuffer(SpscRing.bytes(slotBytes, slots));
    this.producer = new SpscRing(memory, 0, slotBytes, slots, "producer");
    this.consumer = new SpscRing(memory, 0, slotBytes, slots, "consumer");
  }
}

/** What a rig is made for. */
export interface RigOptions {
  /** Lists of the configuration: instruments, accounts, sessions. */
  readonly toml?: string;
  /** `[capacity]`; small if not given. */
  readonly capacity?: string;
  /** What an earlier rig journaled. */
  readonly journal?: readonly Uint8Array[];
}

/** An event of a gateway's ring. */
export interface ToldEvent {
  readonly kind: number;
  readonly session: number;
}

/** An exchange agent, its rings and its words. */
export class ExchangeRig {
  readonly config: Config;
  readonly exchange: Exchange;
  readonly digest: EventDigest;
  readonly agent: ExchangeAgent;
  readonly register: Register;
  readonly definitions: Definitions;
  readonly control = new Int32Array(CONTROL_BYTES >>> 2);
  readonly operator = new BothEnds(COMMAND_SLOT_BYTES, SLOTS);
  /** Every command so far, as journaled. */
  readonly journal: Uint8Array[] = [];
  /** Events that gateways were given. */
  readonly told: ToldEvent[] = [];
  /** Lines of the log. */
  readonly lines: Record<string, unknown>[] = [];
  /** Low and high word of the time. */
  readonly clock = new Uint32Array([0, 400_000_000]);
  readonly replica = new BothEnds(COMMAND_SLOT_BYTES, SLOTS);
  readonly #recovery = new BothEnds(COMMAND_SLOT_BYTES, SLOTS);
  readonly #journalRing = new BothEnds(COMMAND_SLOT_BYTES, SLOTS);
  readonly #commands = new BothEnds(COMMAND_SLOT_BYTES, SLOTS);
  readonly #events = new BothEnds(EVENT_SLOT_BYTES, SLOTS);
  readonly #earlier: readonly Uint8Array[];

  constructor(options: RigOptions = {}) {
    this.#earlier = options.journal ?? [];
    this.config = loadConfig(
      `${options.capacity ?? CAPACITY}${options.toml ?? ""}`,
      "rig",
    );
    const shape = registerShape(this.config);
    const shared = new ArrayBuffer(registerBytes(shape));
    this.register = new Register(shared, 0, shape);
    const log = this.#log();
    const house = new BothEnds(EVENT_SLOT_BYTES, HOUSE_SLOTS);
    const gatewayEvents = [
      new EventRing(this.#events.producer, () => this.takeEvents()),
    ];
    const reader = new House({
      events: house.consumer,
      register: this.register,
      log,
    });
    const events = [
      ...gatewayEvents,
      new EventRing(house.producer, () => reader.drain()),
    ];
    const capacity = exchangeCapacity(this.config);
    const routes = new Uint8Array(capacity.sessionsMax);
    routes[0] = 1;
    this.exchange = new Exchange({
      ...capacity,
      memory: new ArrayBuffer(Exchange.bytes(capacity)),
      events,
      routes,
    });
    this.digest = new EventDigest(
      events,
      (slots, from) => new EventSum(slots, from),
    );
    const depth = this.#depth();
    this.definitions = new Definitions({
      ...wantedOf(this.config),
      ordersOf: (session) => this.exchange.ordersOf(session),
      gatewayEvents,
      depth,
      register: this.register,
      routes,
      log,
    });
    this.agent = new ExchangeAgent({
      exchange: this.exchange,
      recovery: this.#recovery.consumer,
      journal: this.#journalRing.producer,
      replica: this.replica.consumer,
      commands: [this.#commands.consumer],
      operator: this.operator.consumer,
      events,
      digest: this.digest,
      house: reader,
      register: this.register,
      definitions: this.definitions,
      control: this.control,
      controlF64: new Float64Array(this.control.buffer),
      clock: { words: this.clock, realtime: () => {} },
      lane: new CounterLane(new ArrayBuffer(COUNTER_BLOCK_BYTES), 0, 0),
      depth,
      log,
      letOthersWork: () => this.#takeJournal(),
    });
  }

  #log(): Log {
    return new Log({
      level: "debug",
      format: "json",
      source: "rig",
      nowMs: () => 0,
      write: (line) =>
        this.lines.push(JSON.parse(new TextDecoder().decode(line))),
    });
  }

  #depth(): DepthPublisher {
    const shape = {
      instrumentsMax: this.config.capacity.instruments,
      levels: this.config.capacity.depthLevels,
    };
    const memory = new ArrayBuffer(depthBytes(shape));
    return new DepthPublisher(this.exchange, memory, 0, shape);
  }

  /** What requests are checked against. */
  get context(): RequestContext {
    const { instruments, accounts } = this.config.capacity;
    return { register: this.register, instruments, accounts };
  }

  /** Recovers what there is, defines what is new, goes live. */
  start(): this {
    for (const record of this.#earlier) {
      const slot = this.#recovery.producer.claim();
      assert(slot >= 0, "the rig's journal is too long");
      this.#recovery.producer.u8.set(record, slot * COMMAND_SLOT_BYTES);
      this.journal.push(record);
    }
    this.#recovery.producer.publish();
    this.control[CONTROL_JOURNAL] = JournalState.RECOVERED;
    for (let round = 0; round < 100; round++) {
      this.round();
      if (this.control[CONTROL_EXCHANGE] === ExchangeState.LIVE) return this;
    }
    throw new Error("the rig did not go live");
  }

  /** Recovers what there is, and then does what a primary journaled. */
  follow(records: readonly Uint8Array[]): this {
    this.control[CONTROL_ROLE] = Role.STANDBY;
    this.control[CONTROL_JOURNAL] = JournalState.RECOVERED;
    for (let round = 0; round < 4; round++) this.round();
    const { producer } = this.replica;
    for (const record of records) {
      const slot = producer.claim();
      assert(slot >= 0, "the rig's replica ring is too short");
      producer.u8.set(record, slot * COMMAND_SLOT_BYTES);
    }
    producer.publish();
    while (producer.depth() > 0) this.round();
    return this;
  }

  /** One round of the agent; what it journals is durable at once. */
  round(): number {
    const work = this.agent.doWork();
    this.#takeJournal();
    this.takeEvents();
    return work;
  }

  /** Sends commands of the gateway, and does them. */
  send(...commands: readonly TestCommand[]): void {
    const buffer = new CommandBuffer();
    const { producer } = this.#commands;
    for (const command of commands) {
      const slot = producer.claim();
      assert(slot >= 0, "the rig's command ring is full");
      buffer.write(command, 0);
      producer.u8.set(buffer.u8, slot * COMMAND_SLOT_BYTES);
    }
    producer.publish();
    while (this.#commands.producer.depth() > 0) this.round();
  }

  /** Does what an operator asks. @returns The commands that it took. */
  ask(request: unknown): readonly CommandFields[] {
    const commands = commandsOf(request, this.context);
    const { producer } = this.operator;
    for (const command of commands) {
      writeCommand(producer, producer.claim() * COMMAND_SLOT_BYTES, command);
    }
    producer.publish();
    this.round();
    return commands;
  }

  /** Lets time pass, in milliseconds. */
  wait(ms: number): void {
    const ns = this.clock[0]! + ms * 1e6;
    this.clock[1]! += Math.floor(ns / 4294967296);
    this.clock[0] = ns % 4294967296;
  }

  /** What was journaled from a place on, as it reads; without CHECKPOINTs. */
  journaled(from = 0): ReadCommand[] {
    return this.allJournaled().slice(from).filter(({ kind }) =>
      kind !== CommandKind.CHECKPOINT
    );
  }

  /** Everything that was journaled, as it reads. */
  allJournaled(): ReadCommand[] {
    const buffer = new CommandBuffer();
    return this.journal.map((record) => {
      buffer.u8.fill(0);
      buffer.u8.set(record);
      return readCommand(buffer, 0);
    });
  }

  /** Messages of the log. */
  messages(): unknown[] {
    return this.lines.map(({ message }) => message);
  }

  takeEvents(): void {
    const { consumer } = this.#events;
    const count = consumer.available();
    for (let i = 0; i < count; i++) {
      const at = consumer.peek(i) * EVENT_SLOT_BYTES;
      this.told.push({
        kind: consumer.u8[at + EVT_KIND_U8]!,
        session: consumer.u32[(at >>> 2) + EVT_SESSION_U32]!,
      });
    }
    if (count > 0) consumer.release(count);
  }

  #takeJournal(): void {
    const { consumer } = this.#journalRing;
    const count = consumer.available();
    for (let i = 0; i < count; i++) {
      const at = consumer.peek(i) * COMMAND_SLOT_BYTES;
      const length = consumer.u16[(at >>> 1) + CMD_LENGTH_U16]!;
      this.journal.push(consumer.u8.slice(at, at + length));
    }
    if (count > 0) consumer.release(count);
    this.control[CONTROL_DURABLE] = this.agent.sequence | 0;
  }
}
