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
import { allocate } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { EventRing, Exchange, type ExchangeCapacity } from "../exchange/mod.ts";
import { DepthPublisher } from "../marketdata/mod.ts";
import { COMMAND_SLOT_BYTES, EVENT_SLOT_BYTES } from "../record/mod.ts";
import { SpscRing } from "../ring/mod.ts";
import { configuredSessions } from "./build_gateway.ts";
import { depthShape } from "./depth_shape.ts";
import { ExchangeAgent, type SessionWanted } from "./exchange_agent.ts";
import { RECOVERY_SLOTS } from "./memory_plan.ts";
import type { Workshop } from "./workshop.ts";

/** How much the exchange of a configuration holds. */
export function exchangeCapacity(config: Config): ExchangeCapacity {
  const { orders, instruments, sessions } = config.capacity;
  return {
    ordersMax: orders,
    instrumentsMax: instruments,
    sessionsMax: sessions,
  };
}

/** Sessions of all gateways. */
export function sessionsWanted(config: Config): SessionWanted[] {
  return [0, 1].flatMap((gateway) =>
    configuredSessions(config, gateway).map(({ protocolCode, name }) => ({
      protocolCode,
      name,
      gateway,
    }))
  );
}

/** The agent that sequences and executes commands. */
export function buildExchange(workshop: Workshop): ExchangeAgent {
  const { config, plan, memory } = workshop;
  const log = workshop.log.child("exchange");
  const capacity = exchangeCapacity(config);
  const region = allocate(Exchange.bytes(capacity), {
    hugePages: config.memory.hugePages !== "never",
  });
  if (region.reason !== "") log.debug(region.reason);
  if (config.memory.hugePages === "require" && !region.hugePages) {
    throw new Error(`[memory] huge_pages = "require", but: ${region.reason}`);
  }
  const events = plan.eventRings.map((offset) =>
    new EventRing(
      new SpscRing(
        memory,
        offset,
        EVENT_SLOT_BYTES,
        plan.eventSlots,
        "producer",
      ),
      () => workshop.letOthersWork(),
    )
  );
  const routes = new Uint8Array(config.capacity.sessions);
  const exchange = new Exchange({
    ...capacity,
    memory: region.buffer,
    events,
    routes,
  });
  const commandRing = (
    offset: number,
    slots: number,
    side: "producer" | "consumer",
  ): SpscRing => new SpscRing(memory, offset, COMMAND_SLOT_BYTES, slots, side);
  return new ExchangeAgent({
    exchange,
    recovery: commandRing(plan.recoveryRing, RECOVERY_SLOTS, "consumer"),
    journal: commandRing(plan.journalRing, plan.journalSlots, "producer"),
    commands: plan.commandRings.map((offset) =>
      commandRing(offset, plan.commandSlots, "consumer")
    ),
    events,
    control: workshop.control,
    controlF64: workshop.controlF64,
    clock: workshop.clock,
    lane: workshop.lane("exchange"),
    depth: new DepthPublisher(exchange, memory, plan.depth, depthShape(config)),
    log,
    instruments: config.instruments,
    sessions: sessionsWanted(config),
    routes,
  });
}
