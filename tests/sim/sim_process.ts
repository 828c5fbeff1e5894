// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One process of the appliance: the real agents over a region of its own, with
 * the simulated clock, disk and network. The scheduler steps each agent; none
 * of them knows.
 *
 * @module
 */
import {
  assembleExchange,
  exchangeCapacity,
} from "../../engine/appliance/build_exchange.ts";
import { assembleGateway } from "../../engine/appliance/build_gateway.ts";
import { localDurability } from "../../engine/appliance/build_journal.ts";
import { writeCommand } from "../../engine/appliance/command_fields.ts";
import { JournalAgent } from "../../engine/appliance/journal_agent.ts";
import {
  type MemoryPlan,
  OPERATOR_SLOTS,
  planOf,
  RECOVERY_SLOTS,
} from "../../engine/appliance/memory_plan.ts";
import { commandsOf } from "../../engine/appliance/operator_requests.ts";
import { RequestError } from "../../engine/appliance/operator_context.ts";
import { Register } from "../../engine/appliance/register.ts";
import { registerShape } from "../../engine/appliance/register_layout.ts";
import { ReplicationAgent } from "../../engine/appliance/replication_agent.ts";
import type { Links, MembershipStore } from "../../engine/replication/mod.ts";
import { AGENT_LANES } from "../../engine/appliance/topology.ts";
import type { Workshop } from "../../engine/appliance/workshop.ts";
import type { Config } from "../../engine/config/mod.ts";
import { Exchange } from "../../engine/exchange/mod.ts";
import type { GatewayAgent } from "../../engine/gateway/mod.ts";
import { COMMAND_SLOT_BYTES } from "../../engine/record/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_GATEWAY,
  CONTROL_HOLD,
  CONTROL_JOURNAL,
  CONTROL_LEASE_VALUE,
  CONTROL_LOCAL,
  CONTROL_PRESSURE,
  CONTROL_ROLE,
  CONTROL_STOP,
  CONTROL_WRITTEN,
  ExchangeState,
  GatewayState,
  JournalState,
  Role,
  SpscRing,
} from "../../engine/ring/mod.ts";
import { CounterLane, Log } from "../../engine/telemetry/mod.ts";
import { SEGMENT_BYTES } from "./sim_config.ts";
import type { SimClock } from "./sim_clock.ts";
import { SimFiles } from "./sim_files.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimNetwork } from "./sim_network.ts";
import { SimTransport } from "./sim_transport.ts";
import type { Random } from "../oracle/random.ts";
import { Violation } from "./violation.ts";

/** Names of what can be stepped. */
export const AGENTS = ["gateway", "exchange", "journal"] as const;
export type AgentStep = typeof AGENTS[number] | "replicator";
/** Of a process that is half of a pair. */
export const PAIR_AGENTS = [...AGENTS, "replicator"] as const;

/** Rounds that an agent may wait for others before it is stuck. */
/** A command that waits so long for the disk keeps new orders out. */
const SLOW_AFTER_MS = 500;
const WAIT_ROUNDS_MAX = 3000;

/** The agents wait for one another, for ever. */
export class Stuck extends Error {
  override name = "Stuck";
}

/** What a process lives in. */
export interface ProcessWorld {
  readonly config: Config;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  readonly random: Random;
  /** Folder for what FIX has sent; none = the newest in memory. */
  readonly storeDirectory: string | undefined;
  readonly onLine: (line: string) => void;
  /** Which of the network's nodes it is; 0 if left out. */
  readonly node?: number;
  /** If it is half of a pair. */
  readonly pair?: {
    readonly links: Links;
    readonly memberships: MembershipStore;
  };
}

interface Stepped {
  readonly agent: { doWork(): number; done(): boolean; dispose(): void };
  inside: boolean;
}

/** A running appliance; see the module's text. */
export class SimProcess {
  readonly files: SimFiles;
  readonly transport: SimTransport;
  readonly exchange: Exchange;
  readonly control: Int32Array;
  readonly plan: MemoryPlan;
  readonly memory: ArrayBuffer;
  /** The same words as float64. */
  readonly controlF64: Float64Array;
  readonly #replicaFiles: SimFiles;
  readonly #world: ProcessWorld;
  readonly #agents: { readonly [name in AgentStep]?: Stepped };
  readonly #register: Register;
  readonly #operator: SpscRing;
  readonly #exchangeAgent: { readonly sequence: number };
  #waited = 0;

  constructor(world: ProcessWorld) {
    const { config, clock, disk, network, random } = world;
    this.#world = world;
    this.plan = planOf(config);
    this.memory = new ArrayBuffer(this.plan.bytes);
    const { plan, memory } = this;
    const words = CONTROL_BYTES >>> 2;
    this.control = new Int32Array(memory, plan.control, words);
    this.controlF64 = new Float64Array(memory, plan.control, words >>> 1);
    if (world.pair !== undefined) {
      this.control[CONTROL_ROLE] = Role.UNDECIDED;
      this.control[CONTROL_HOLD] = 1;
    }
    const workshop: Workshop = {
      config,
      plan,
      memory,
      control: this.control,
      controlF64: this.controlF64,
      clock,
      log: this.#log(),
      lane: (agent) => {
        const place = AGENT_LANES.findIndex((name) => name === agent);
        const lane = place < 0 ? AGENT_LANES.length : place;
        return new CounterLane(memory, plan.counters, lane);
      },
      letOthersWork: () => this.#letOthersWork(),
    };
    this.files = new SimFiles(disk);
    this.#replicaFiles = new SimFiles(disk);
    this.transport = new SimTransport(network, random);
    const gateway = this.#gateway(workshop);
    const made = assembleExchange(workshop, {
      memory: new ArrayBuffer(Exchange.bytes(exchangeCapacity(config))),
      recordsFlight: true,
    });
    this.exchange = made.exchange;
    this.#exchangeAgent = made.agent;
    this.#agents = {
      gateway: { agent: gateway, inside: false },
      exchange: { agent: made.agent, inside: false },
      journal: { agent: this.#journal(workshop), inside: false },
      ...(world.pair === undefined ? {} : {
        replicator: {
          agent: this.#replicator(workshop, world.pair),
          inside: false,
        },
      }),
    };
    const { register, operatorRing } = plan;
    this.#register = new Register(memory, register, registerShape(config));
    this.#operator = new SpscRing(
      memory,
      operatorRing,
      COMMAND_SLOT_BYTES,
      OPERATOR_SLOTS,
      "producer",
    );
    network.endpoints[world.node ?? 0] = this.transport;
  }

  /** One round of an agent. @returns Its work. */
  step(name: AgentStep): number {
    this.#waited = 0;
    return this.#round(this.#agents[name]!);
  }

  /** Newest sequence that was given. */
  get sequence(): number {
    return this.#exchangeAgent.sequence;
  }

  get durable(): number {
    return this.control[CONTROL_DURABLE]!;
  }

  get live(): boolean {
    return this.control[CONTROL_EXCHANGE] === ExchangeState.LIVE;
  }

  /** Ports are open. */
  get open(): boolean {
    return this.control[CONTROL_GATEWAY] === GatewayState.OPEN;
  }

  /** `Reason` for which the disk wants no new orders; 0 = none. */
  get pressure(): number {
    return this.control[CONTROL_PRESSURE]!;
  }

  /** As the health page of the appliance has it. */
  get failed(): boolean {
    return this.control[CONTROL_JOURNAL] === JournalState.FAILED;
  }

  get stopping(): boolean {
    return this.control[CONTROL_STOP] !== 0;
  }

  /** It has ended in order. */
  get done(): boolean {
    return Object.values(this.#agents).every(({ agent }) => agent.done());
  }

  /** SIGTERM. */
  stop(): void {
    Atomics.store(this.control, CONTROL_STOP, 1);
  }

  /** What an operator asks. @returns How many commands that is. */
  ask(request: unknown): number {
    const { instruments, accounts } = this.#world.config.capacity;
    const ring = this.#operator;
    try {
      const commands = commandsOf(request, {
        register: this.#register,
        instruments,
        accounts,
      });
      if (ring.free() < commands.length) return 0;
      for (const command of commands) {
        writeCommand(ring, ring.claim() * COMMAND_SLOT_BYTES, command);
      }
      ring.publish();
      return commands.length;
    } catch (error) {
      if (error instanceof RequestError) return 0;
      throw error;
    }
  }

  /** The process is gone, with all that it knew; its memory is given back. */
  drop(): void {
    this.files.dead = true;
    this.#replicaFiles.dead = true;
    this.#world.network.drop(this.#world.node ?? 0);
    for (const { agent } of Object.values(this.#agents)) agent.dispose();
  }

  #log(): Log {
    const { clock, onLine } = this.#world;
    return new Log({
      level: "info",
      format: "text",
      source: "appliance",
      nowMs: () => clock.ms,
      write: (line) => {
        if (this.files?.dead === true) return;
        // How long something took is not simulated.
        onLine(
          new TextDecoder().decode(line).trimEnd()
            .replaceAll(/ (ms|journalMs|snapshotMs)=\d+/g, ""),
        );
      },
    });
  }

  #gateway(workshop: Workshop): GatewayAgent {
    const { storeDirectory } = this.#world;
    const stored = storeDirectory === undefined ? 4096 : 64;
    const stores = storeDirectory === undefined ? {} : { storeDirectory };
    return assembleGateway(workshop, 0, this.transport, stores, {
      recordsFlight: true,
      fix: { outboundRecords: stored, openIdsMax: 2048, closedIdsMax: 4096 },
      binary: { storedCount: 8192 },
      ...(this.#world.pair === undefined ? {} : {
        mayTell: () =>
          this.#world.clock.monotonicNs <
            this.controlF64[CONTROL_LEASE_VALUE >>> 1]!,
      }),
    });
  }

  #replicator(
    workshop: Workshop,
    pair: NonNullable<ProcessWorld["pair"]>,
  ): ReplicationAgent {
    const { plan, memory, control, controlF64, config } = workshop;
    return new ReplicationAgent({
      config,
      directory: "journal",
      files: this.#replicaFiles,
      ...pair,
      replica: new SpscRing(
        memory,
        plan.replicaRing,
        COMMAND_SLOT_BYTES,
        plan.replicaSlots,
        "producer",
      ),
      control,
      controlF64,
      lane: workshop.lane("replicator"),
      nowNs: () => this.#world.clock.monotonicNs,
      log: workshop.log.child("replicator"),
    });
  }

  #journal(workshop: Workshop): JournalAgent {
    const { plan, memory, control, controlF64, config } = workshop;
    return new JournalAgent({
      writer: {
        directory: "journal",
        durability: localDurability(config),
        segmentBytes: SEGMENT_BYTES,
        groupRecordsMax: config.journal.groupRecordsMax,
        hugePages: false,
        ring: new SpscRing(
          memory,
          plan.journalRing,
          COMMAND_SLOT_BYTES,
          plan.journalSlots,
          "consumer",
        ),
        control,
        durableWord: config.journal.durability === "replicated"
          ? CONTROL_LOCAL
          : CONTROL_DURABLE,
        writtenWord: CONTROL_WRITTEN,
        stateWord: CONTROL_JOURNAL,
        lane: workshop.lane("journal"),
        files: this.files,
        clock: this.#world.clock,
      },
      pressureLimits: { freeBytesMin: 0, waitMsMax: SLOW_AFTER_MS, lagMax: 0 },
      recovery: new SpscRing(
        memory,
        plan.recoveryRing,
        COMMAND_SLOT_BYTES,
        RECOVERY_SLOTS,
        "producer",
      ),
      control,
      controlF64,
      log: workshop.log.child("journal"),
      elapsedMs: () => 0,
    });
  }

  /** No round is entered twice. */
  #round(stepped: Stepped): number {
    if (stepped.inside) return 0;
    stepped.inside = true;
    try {
      return stepped.agent.doWork();
    } finally {
      stepped.inside = false;
    }
  }

  /** An agent waits in the middle of its round. */
  #letOthersWork(): void {
    if (++this.#waited > WAIT_ROUNDS_MAX) {
      const text = `an agent waits for ever (journal ${
        this.failed ? "failed" : "works"
      }, sequence ${this.sequence}, durable ${this.durable})`;
      if (this.failed) throw new Stuck(text);
      throw new Violation("progress", text);
    }
    this.files.tick();
    for (const stepped of Object.values(this.#agents)) this.#round(stepped);
  }
}
