// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The whole appliance in one thread, as topology `single` has it, with clients
 * in the same thread instead of a network:
 *
 * ```
 *   clients ─▶ MemoryTransport ─▶ gateway ─▶ exchange ─▶ journal ─▶ disk
 *      ▲                             │ one round each, again and again
 *      └─────────────────────────────┘
 * ```
 *
 * The agents are the real ones; each side is driven between the other's
 * rounds, so the clients' time can be left out. One rig a process.
 *
 * @module
 */
import { buildExchange } from "../engine/appliance/build_exchange.ts";
import {
  assembleGateway,
  outboundDirectory,
} from "../engine/appliance/build_gateway.ts";
import { buildJournal } from "../engine/appliance/build_journal.ts";
import { planOf } from "../engine/appliance/memory_plan.ts";
import { AGENT_LANES } from "../engine/appliance/topology.ts";
import type { Workshop } from "../engine/appliance/workshop.ts";
import { loadConfig } from "../engine/config/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_GATEWAY,
  GatewayState,
} from "../engine/ring/mod.ts";
import { CounterLane, Log } from "../engine/telemetry/mod.ts";
import { allocate, Clock } from "../ffi/mod.ts";
import {
  BINARY_KEY,
  BinaryClients,
  type Clients,
  FIX_PASSWORD,
  FixClients,
  fixName,
} from "./in_process_clients.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { percentiles, Stamps } from "./stamps.ts";

/** What is driven. Plain data. */
export interface RigSpec {
  readonly protocol: "fix" | "binary";
  readonly durability: "none" | "written";
  readonly connections: number;
  /** Orders in a round, and in a batch of one connection. */
  readonly round: number;
  readonly batch: number;
  /** TOML lines of `[capacity]`. */
  readonly capacityToml?: string;
}

/** What a number of orders took. */
export interface RigTimes {
  readonly orders: number;
  readonly cpuNs: number;
  readonly wallNs: number;
  /** Processor time of gateway, exchange and journal. */
  readonly agentNs: readonly number[];
}

/** p50, p99, p99.9, p99.99, max of the time in the process, nanoseconds. */
export type Latencies = number[];

const ROUNDS_MAX = 100_000;
/** Orders of a latency run that a poll shows at most. */
const SHOWN_MAX = 64;
/** A mark with this bit is a commit. */
const COMMITTED = 0x40000000;
/** Who comes so late for an order was not running. */
const AWAY_NS = 50_000;
const SEND_BYTES_MAX = 1 << 19;
const RECEIVE_BYTES = 1 << 16;

function configText(spec: RigSpec, directory: string): string {
  const { connections, durability, protocol } = spec;
  const slots = Array.from({ length: connections }, (_, slot) => slot);
  const sessions = slots.map((slot) =>
    protocol === "fix"
      ? `[[fix.sessions]]\nsender_comp_id = "${fixName(slot)}"\nusername = "${
        fixName(slot)
      }"\npassword = "${FIX_PASSWORD}"\n`
      : `[[binary.sessions]]\nnumber = ${slot + 1}\nkey = "${BINARY_KEY}"\n`
  );
  return `
[appliance]
data_directory = ${JSON.stringify(directory)}
[capacity]
sessions = ${Math.max(256, connections + 8)}
connections = ${Math.max(64, connections)}
${spec.capacityToml ?? ""}
[journal]
durability = "${durability}"
slow_after_ms = 0
[fix]
port = 0
${protocol === "fix" ? "" : "sessions = []"}
[binary]
tcp_port = 0
udp_port = 0
${protocol === "binary" ? "" : "sessions = []"}
${sessions.join("")}
`;
}

/** A running appliance with logged-on clients; see the module's text. */
export class InProcessRig {
  readonly transport: MemoryTransport;
  readonly clients: Clients;
  readonly #spec: RigSpec;
  readonly #stamps: Stamps;
  readonly #agents: readonly { doWork(): number; dispose(): void }[];
  readonly #control: Int32Array;
  #nextSlot = 0;
  #written = 0;

  /** @param directory For journal and outbound store; empty. */
  constructor(spec: RigSpec, directory: string) {
    this.#spec = spec;
    this.#stamps = new Stamps(1);
    const config = loadConfig(configText(spec, directory), "benchmark");
    const plan = planOf(config);
    const memory = allocate(plan.bytes, { hugePages: true }).buffer;
    const clock = new Clock();
    const control = new Int32Array(memory, plan.control, CONTROL_BYTES >>> 2);
    this.#control = control;
    const agents: { doWork(): number; dispose(): void }[] = [];
    const workshop: Workshop = {
      config,
      plan,
      memory,
      control,
      controlF64: new Float64Array(memory, plan.control, CONTROL_BYTES >>> 3),
      clock,
      log: new Log({
        level: "warn",
        format: "text",
        source: "bench",
        nowMs: () => performance.now(),
      }),
      lane: (agent) =>
        new CounterLane(
          memory,
          plan.counters,
          agent === "thread" ? AGENT_LANES.length : AGENT_LANES.indexOf(agent),
        ),
      letOthersWork: () => {
        throw new Error("An agent waits for room: the rounds are too large");
      },
    };
    const { connections, protocol } = spec;
    const send = connections > 64 ? SEND_BYTES_MAX / 8 : SEND_BYTES_MAX;
    this.transport = new MemoryTransport(connections, RECEIVE_BYTES, send);
    const { bytes } = this.transport;
    this.clients = protocol === "fix"
      ? new FixClients(bytes, connections)
      : new BinaryClients(bytes, connections);
    agents.push(
      assembleGateway(workshop, 0, this.transport, {
        storeDirectory: outboundDirectory(directory),
      }),
      buildExchange(workshop),
      buildJournal(workshop),
    );
    this.#agents = agents;
    this.#logOn();
  }

  /** Sends orders at full speed and waits for every answer. */
  run(orders: number): RigTimes {
    const { transport, clients } = this;
    const { cpuNs, ticks, nsPerTick } = this.#stamps;
    const until = clients.acknowledged + orders;
    let wall = 0;
    let left = orders;
    const agents = this.#agents;
    const agentNs = new Float64Array(agents.length);
    transport.beforePoll = () => {};
    for (let rounds = 0; clients.acknowledged < until; rounds++) {
      left -= this.#deliverRound(left);
      const wallFrom = ticks();
      let cpu = cpuNs();
      for (let i = 0; i < agents.length; i++) {
        agents[i]!.doWork();
        const after = cpuNs();
        agentNs[i]! += after - cpu;
        cpu = after;
      }
      wall += ticks() - wallFrom;
      this.#read();
      if (rounds > ROUNDS_MAX + orders) throw new Error("No answer comes");
    }
    return {
      orders,
      cpuNs: agentNs.reduce((sum, ns) => sum + ns),
      wallNs: wall * nsPerTick,
      agentNs: [...agentNs],
    };
  }

  /**
   * Sends orders one by one, so many a second, on the first connection: the
   * time from the poll that showed an order's bytes to the commit of the last
   * answer that it causes. While another process has the core no orders pile
   * up: that would measure the machine's other work.
   */
  latencies(orders: number, perSecond: number): Latencies {
    const { transport, clients } = this;
    const { ticks, nsPerTick, mark } = this.#stamps;
    this.#stamps.openMarks(8 * orders);
    const { hooks } = transport;
    const until = clients.acknowledged + orders;
    const ticksEach = 1e9 / perSecond / nsPerTick;
    let left = orders;
    let due = ticks() + ticksEach;
    let written = 0;
    transport.beforePoll = () => {
      written = 0;
      const at = transport.room(0);
      const now = ticks();
      if (at < 0 || now < due) return;
      if ((now - due) * nsPerTick > AWAY_NS) due = now;
      let p = at;
      while (left > 0 && written < SHOWN_MAX && ticks() >= due) {
        p += clients.write(0, p, 1);
        written++;
        left--;
        due += ticksEach;
      }
      if (written > 0) transport.deliver(0, p - at);
    };
    hooks.shown = () => mark(written);
    hooks.committed = (offset, bytes) =>
      mark(COMMITTED | clients.messages(offset, bytes));
    while (clients.acknowledged < until) {
      this.#round();
      this.#read();
    }
    delete hooks.shown;
    delete hooks.committed;
    transport.beforePoll = () => {};
    return percentiles(timesOf(this.#stamps.marks(), orders, nsPerTick));
  }

  dispose(): void {
    for (const agent of this.#agents) agent.dispose();
  }

  #round(): void {
    const agents = this.#agents;
    for (let i = 0; i < agents.length; i++) agents[i]!.doWork();
  }

  /** Lets each of the next connections write a batch. @returns Orders written. */
  #deliverRound(left: number): number {
    const { round, batch, connections } = this.#spec;
    let written = 0;
    if (this.#written++ % 16 === 0 && this.clients instanceof FixClients) {
      this.clients.renewTime();
    }
    while (written < round && written < left) {
      const slot = this.#nextSlot;
      const at = this.transport.room(slot);
      if (at < 0) break;
      const part = Math.min(
        connections === 1 ? round : batch,
        round - written,
        left - written,
      );
      let p = at;
      for (let from = 0; from < part; from += batch) {
        p += this.clients.write(slot, p, Math.min(batch, part - from));
      }
      this.transport.deliver(slot, p - at);
      written += part;
      this.#nextSlot = (slot + 1) % connections;
    }
    return written;
  }

  #read(): void {
    const { transport, clients } = this;
    for (let i = 0; i < transport.sentCount; i++) {
      const slot = transport.sent[i]!;
      clients.read(slot, transport.sentFrom(slot), transport.sentBytes(slot));
    }
    transport.clearSent();
  }

  #logOn(): void {
    const { transport, clients } = this;
    const { connections, protocol } = this.#spec;
    this.#until(() => this.#control[CONTROL_GATEWAY] === GatewayState.OPEN);
    transport.connectTo(protocol === "fix" ? 0 : 1);
    this.#round();
    for (let slot = 0; slot < connections; slot++) {
      const at = transport.room(slot);
      transport.deliver(slot, clients.logon(slot, at));
      // A gateway has room for so many logons in one round.
      if (slot % 64 === 63) this.#until(() => clients.loggedOn === slot + 1);
    }
    this.#until(() => clients.loggedOn === connections);
  }

  #until(condition: () => boolean): void {
    for (let rounds = 0; !condition(); rounds++) {
      if (rounds > ROUNDS_MAX) throw new Error("The appliance does not start");
      this.#round();
      this.#read();
    }
  }
}

/** Times of orders from marks: orders shown, messages committed, as they came. */
export function timesOf(
  marks: Float64Array,
  orders: number,
  nsPerTick: number,
): Float64Array {
  const seen = new Float64Array(orders);
  const times = new Float64Array(orders);
  let shown = 0;
  let messages = 0;
  for (let i = 0; i < marks.length; i += 2) {
    const ticks = marks[i]!;
    const value = marks[i + 1]!;
    if (value < COMMITTED) {
      seen.fill(ticks, shown, shown + value);
      shown += value;
      continue;
    }
    for (let k = value - COMMITTED; k > 0; k--, messages++) {
      // A buy has one answer; a sell has one, and both fills are its doing.
      const place = messages & 3;
      if (place !== 0 && place !== 3) continue;
      const order = (messages >>> 2) * 2 + (place === 3 ? 1 : 0);
      if (order < orders) times[order] = (ticks - seen[order]!) * nsPerTick;
    }
  }
  return times;
}
