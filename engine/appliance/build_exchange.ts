// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the exchange and its agent: memory of its own for books and sessions,
 * its ends of the rings, what the configuration wants defined.
 *
 * Runs once, on the thread that will drive the agent, so that its memory is
 * local to that thread's core.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { allocate, EventSum } from "../../ffi/mod.ts";
import type { Config, SessionRulesConfig } from "../config/mod.ts";
import {
  EventDigest,
  EventRing,
  Exchange,
  type ExchangeCapacity,
} from "../exchange/mod.ts";
import { DepthPublisher } from "../marketdata/mod.ts";
import { COMMAND_SLOT_BYTES, EVENT_SLOT_BYTES } from "../record/mod.ts";
import { receiveTimes, SpscRing } from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { configuredSessions } from "./build_gateway.ts";
import { depthShape } from "./depth_shape.ts";
import {
  Definitions,
  type DefinitionsCapacity,
  type DefinitionsWanted,
  type SessionWanted,
} from "./definitions.ts";
import { ExchangeAgent, type ExchangeFlight } from "./exchange_agent.ts";
import { House } from "./house.ts";
import { HOUSE_SLOTS, OPERATOR_SLOTS, RECOVERY_SLOTS } from "./memory_plan.ts";
import { loadSnapshot } from "./load_snapshot.ts";
import { warmUp } from "./warm_up.ts";
import { Register } from "./register.ts";
import { registerShape } from "./register_layout.ts";
import { flightRing, type Workshop } from "./workshop.ts";

/** How much the exchange of a configuration holds. */
export function exchangeCapacity(config: Config): ExchangeCapacity {
  const { orders, specialOrders, instruments, sessions, accounts } =
    config.capacity;
  return {
    ordersMax: orders,
    specialMax: specialOrders,
    instrumentsMax: instruments,
    sessionsMax: sessions,
    // Account 0 is none.
    accountsMax: accounts + 1,
  };
}

/** Sessions of all gateways. */
export function sessionsWanted(config: Config): SessionWanted[] {
  return [0, 1].flatMap((gateway) =>
    configuredSessions(config, gateway).map(
      ({ protocolCode, name }, i) => ({
        protocolCode,
        name,
        gateway,
        rules: rulesOf(config, gateway)[i]!,
      }),
    )
  );
}

/** Rules of a gateway's sessions, in the order of `configuredSessions()`. */
function rulesOf(config: Config, gateway: number): SessionRulesConfig[] {
  return gateway === 0
    ? [...config.fix.sessions, ...config.binary.sessions]
    : [...config.dpdk.fixSessions, ...config.dpdk.sessions];
}

/** What the configuration wants defined, and how much there may be. */
export function wantedOf(
  config: Config,
): DefinitionsWanted & { readonly capacity: DefinitionsCapacity } {
  return {
    capacity: config.capacity,
    instruments: config.instruments,
    accounts: config.accounts,
    sessions: sessionsWanted(config),
  };
}

/** Locked memory for an exchange, in huge pages if the configuration says so. */
function exchangeMemory(config: Config, log: Log): ArrayBuffer {
  const region = allocate(Exchange.bytes(exchangeCapacity(config)), {
    hugePages: config.memory.hugePages !== "never",
  });
  if (region.reason !== "") log.debug(region.reason);
  if (config.memory.hugePages === "require" && !region.hugePages) {
    throw new Error(`[memory] huge_pages = "require", but: ${region.reason}`);
  }
  return region.buffer;
}

/** The agent that sequences and executes commands, warmed up. */
export function buildExchange(workshop: Workshop): ExchangeAgent {
  const log = workshop.log.child("exchange");
  const { agent } = assembleExchange(workshop, {
    memory: exchangeMemory(workshop.config, log),
    onMade: (exchange) => {
      const commands = warmUp(exchange, workshop.config.capacity.sessions);
      log.debug("warmed up", { commands });
    },
    recordsFlight: true,
  });
  agent.snapshotMs = loadSnapshot(
    workshop,
    "exchange",
    (from) => agent.load(from),
  );
  return agent;
}

/** How an exchange is put together. */
export interface AssembleOptions {
  /** `Exchange.bytes()` of it, zero. */
  readonly memory: ArrayBuffer;
  /** Called with the exchange before anything else is made over it. */
  readonly onMade?: (exchange: Exchange) => void;
  /** Called before the house takes events because its ring is full. */
  readonly onHouseFull?: () => void;
  /** Stage times go into the flight recorder, if there is one. */
  readonly recordsFlight?: boolean;
}

/** The agent and its exchange, over the memory given. */
export function assembleExchange(
  workshop: Workshop,
  options: AssembleOptions,
): { agent: ExchangeAgent; exchange: Exchange } {
  const { config, plan, memory } = workshop;
  const log = workshop.log.child("exchange");
  const capacity = exchangeCapacity(config);
  const register = new Register(memory, plan.register, registerShape(config));
  const gatewayEvents = eventRings(workshop);
  const { house, houseEvents } = buildHouse(
    workshop,
    register,
    options.onHouseFull,
  );
  const events = [...gatewayEvents, houseEvents];
  const routes = new Uint8Array(config.capacity.sessions);
  routes[0] = events.indexOf(houseEvents);
  const exchange = new Exchange({
    ...capacity,
    memory: options.memory,
    events,
    routes,
  });
  assert(exchange.hasPlainPath, "the event rings do not lie in one memory");
  options.onMade?.(exchange);
  const digest = new EventDigest(
    events,
    (slots, from) => new EventSum(slots, from),
  );
  const depth = new DepthPublisher(
    exchange,
    memory,
    plan.depth,
    depthShape(config),
  );
  const definitions = new Definitions({
    ...wantedOf(config),
    ordersOf: (session) => exchange.ordersOf(session),
    gatewayEvents,
    depth,
    register,
    routes,
    log,
  });
  const commandRing = (
    offset: number,
    slots: number,
    side: "producer" | "consumer",
  ): SpscRing => new SpscRing(memory, offset, COMMAND_SLOT_BYTES, slots, side);
  const agent = new ExchangeAgent({
    exchange,
    recovery: commandRing(plan.recoveryRing, RECOVERY_SLOTS, "consumer"),
    journal: commandRing(plan.journalRing, plan.journalSlots, "producer"),
    commands: plan.commandRings.map((offset) =>
      commandRing(offset, plan.commandSlots, "consumer")
    ),
    replica: commandRing(plan.replicaRing, plan.replicaSlots, "consumer"),
    operator: commandRing(plan.operatorRing, OPERATOR_SLOTS, "consumer"),
    events,
    digest,
    house,
    register,
    definitions,
    control: workshop.control,
    controlF64: workshop.controlF64,
    clock: workshop.clock,
    lane: workshop.lane("exchange"),
    depth,
    log,
    letOthersWork: () => workshop.letOthersWork(),
    ...(options.recordsFlight === true ? flightPart(workshop) : {}),
  });
  return { agent, exchange };
}

function flightPart(workshop: Workshop): { flight?: ExchangeFlight } {
  const { plan, memory } = workshop;
  const ring = flightRing(workshop);
  if (ring === undefined) return {};
  const received = plan.receiveTimes.map((offset) =>
    receiveTimes(memory, offset, plan.commandSlots)
  );
  return { flight: { ring, received } };
}

/** Producer ends of the gateways' event rings. */
function eventRings(workshop: Workshop): EventRing[] {
  const { plan, memory } = workshop;
  return plan.eventRings.map((offset) => {
    const slots = plan.eventSlots;
    return new EventRing(
      new SpscRing(memory, offset, EVENT_SLOT_BYTES, slots, "producer"),
      () => workshop.letOthersWork(),
    );
  });
}

/** The house, and the ring of its events, which nobody but this thread uses. */
function buildHouse(
  workshop: Workshop,
  register: Register,
  onFull: (() => void) | undefined,
): { house: House; houseEvents: EventRing } {
  const { memory, plan } = workshop;
  const ring = (side: "producer" | "consumer"): SpscRing =>
    new SpscRing(memory, plan.houseRing, EVENT_SLOT_BYTES, HOUSE_SLOTS, side);
  const log = workshop.log.child("exchange");
  const house = new House({ events: ring("consumer"), register, log });
  const houseEvents = new EventRing(ring("producer"), () => {
    onFull?.();
    house.drain();
  });
  return { house, houseEvents };
}
