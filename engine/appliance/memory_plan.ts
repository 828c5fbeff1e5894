// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where everything that crosses threads lies in the one shared region.
 *
 * ```
 *   control | counters | latency, one each gateway | depth | register |
 *   session board | recovery ring | journal ring | replica ring | operator ring |
 *   command ring, event ring, each gateway | house ring |
 *   receive times, one each gateway | flight ring | heaps
 * ```
 *
 * Every part starts on a 4 KiB page, so that no two agents share a cache line.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { depthBytes } from "../marketdata/mod.ts";
import { COMMAND_SLOT_BYTES, EVENT_SLOT_BYTES } from "../record/mod.ts";
import {
  CONTROL_BYTES,
  flightBytes,
  receiveTimesBytes,
  SpscRing,
} from "../ring/mod.ts";
import {
  COUNTER_BLOCK_BYTES,
  HEAP_LINES_BYTES,
  HISTOGRAM_BYTES,
  SessionBoard,
} from "../telemetry/mod.ts";
import { depthShape } from "./depth_shape.ts";
import { registerBytes, registerShape } from "./register_layout.ts";

/** Slots of the ring that carries recovered commands to the exchange. */
export const RECOVERY_SLOTS = 4096;
/** Slots of the ring that carries commands of the operator to the exchange: at most so many in one request. */
export const OPERATOR_SLOTS = 1024;
/** Slots of the ring that carries a primary's commands to the exchange of a standby. */
export const REPLICA_SLOTS = 8192;
/** Slots of the ring of events to the appliance itself. */
export const HOUSE_SLOTS = 1024;
const PAGE_BYTES = 4096;

/** What the plan is made for. */
export interface MemoryPlanOptions {
  readonly gateways: number;
  readonly commandSlots: number;
  readonly eventSlots: number;
  readonly journalSlots: number;
  /** Of the ring of a primary's commands. */
  readonly replicaSlots: number;
  /** Bytes of the block of published depth. */
  readonly depthBytes: number;
  /** Bytes of the register. */
  readonly registerBytes: number;
  /** Of the flight recorder's ring; 0 = there is none. */
  readonly flightSlots: number;
  /** Bytes of the board of sessions. */
  readonly boardBytes: number;
}

/** Byte offsets in the shared region. Plain data: it travels to workers. */
export interface MemoryPlan extends MemoryPlanOptions {
  readonly control: number;
  readonly counters: number;
  readonly latency: readonly number[];
  readonly depth: number;
  readonly register: number;
  readonly board: number;
  readonly recoveryRing: number;
  readonly journalRing: number;
  readonly replicaRing: number;
  readonly operatorRing: number;
  readonly commandRings: readonly number[];
  readonly eventRings: readonly number[];
  /** Events to the appliance itself; beside the others, as the plain path needs. */
  readonly houseRing: number;
  readonly receiveTimes: readonly number[];
  readonly flight: number;
  readonly heaps: number;
  readonly bytes: number;
}

/** Lays the shared region out. */
export function planMemory(options: MemoryPlanOptions): MemoryPlan {
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end += Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    return start;
  };
  const each = (bytes: number): number[] =>
    Array.from({ length: options.gateways }, () => take(bytes));
  return {
    ...options,
    control: take(CONTROL_BYTES),
    counters: take(COUNTER_BLOCK_BYTES),
    latency: each(HISTOGRAM_BYTES),
    depth: take(options.depthBytes),
    register: take(options.registerBytes),
    board: take(options.boardBytes),
    recoveryRing: take(SpscRing.bytes(COMMAND_SLOT_BYTES, RECOVERY_SLOTS)),
    journalRing: take(
      SpscRing.bytes(COMMAND_SLOT_BYTES, options.journalSlots),
    ),
    replicaRing: take(
      SpscRing.bytes(COMMAND_SLOT_BYTES, options.replicaSlots),
    ),
    operatorRing: take(SpscRing.bytes(COMMAND_SLOT_BYTES, OPERATOR_SLOTS)),
    commandRings: each(
      SpscRing.bytes(COMMAND_SLOT_BYTES, options.commandSlots),
    ),
    eventRings: each(SpscRing.bytes(EVENT_SLOT_BYTES, options.eventSlots)),
    houseRing: take(SpscRing.bytes(EVENT_SLOT_BYTES, HOUSE_SLOTS)),
    receiveTimes: each(receiveTimesBytes(options.commandSlots)),
    flight: take(flightBytes(options.flightSlots)),
    heaps: take(HEAP_LINES_BYTES),
    bytes: end,
  };
}

/** The plan of a configuration. */
export function planOf(config: Config): MemoryPlan {
  const { capacity } = config;
  return planMemory({
    gateways: config.dpdk.enabled ? 2 : 1,
    commandSlots: capacity.commandRing,
    eventSlots: capacity.eventRing,
    journalSlots: capacity.journalRing,
    replicaSlots: config.replication.role === "none" ? 2 : REPLICA_SLOTS,
    depthBytes: depthBytes(depthShape(config)),
    registerBytes: registerBytes(registerShape(config)),
    flightSlots: config.flightRecorder.slots,
    boardBytes: SessionBoard.bytes(capacity.sessions),
  });
}
