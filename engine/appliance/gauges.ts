// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Figures that are read when somebody asks: how full rings are, what state
 * instruments are in, which warnings there were.
 *
 * Main thread; reads shared memory only.
 *
 * @module
 */
import { memoryInfo } from "../../ffi/mod.ts";
import {
  COMMAND_SLOT_BYTES,
  EVENT_SLOT_BYTES,
  REASON_TEXT,
} from "../record/mod.ts";
import { SpscRing } from "../ring/mod.ts";
import { clockGauges, type ClockState } from "./clock_watch.ts";
import { type MemoryPlan, OPERATOR_SLOTS } from "./memory_plan.ts";
import type { GaugeSource } from "./metrics.ts";
import type { Register } from "./register.ts";
import { RegisterWord } from "./register_layout.ts";

/** Where the figures come from. */
export interface GaugeParts {
  readonly plan: MemoryPlan;
  /** The shared region. */
  readonly memory: ArrayBufferLike;
  readonly register: Register;
  readonly journalLag: () => number;
  /** Left out if there is no keeper. */
  readonly keeperLag?: () => number;
  /** `Reason` for which new orders are refused for the disk's sake. */
  readonly pressure: () => number;
  readonly isUp: () => boolean;
  readonly clock: () => ClockState;
  /** Messages that took too long, and files of them; left out if nobody looks. */
  readonly flight?: { readonly alarms: number; readonly dumps: number };
  /** Of the feed and of devices, where there are any. */
  readonly others: readonly GaugeSource[];
}

/** A figure without labels. */
function plain(
  name: string,
  help: string,
  read: () => number,
  kind: "gauge" | "counter" = "gauge",
): GaugeSource {
  return { name, help, kind, labels: [], read: () => [[{}, read()]] };
}

/** All of them. */
export function gaugesOf(parts: GaugeParts): GaugeSource[] {
  const { register, journalLag, keeperLag, pressure, isUp } = parts;
  return [
    ringDepths(parts),
    plain("journal_lag", "Commands sequenced and not durable", journalLag),
    ...keeperLag === undefined ? [] : [
      plain(
        "keeper_lag",
        "Commands sequenced and not computed again by the keeper",
        keeperLag,
      ),
    ],
    plain(
      "journal_pressure",
      "Reason for which new orders are refused for the disk's sake; 0 = none",
      pressure,
    ),
    plain(
      "huge_pages_in_use",
      "Huge pages of this machine that are in use",
      () => {
        const info = memoryInfo();
        return info.hugePagesTotal - info.hugePagesFree;
      },
    ),
    plain("up", "1 if the appliance takes orders", () => isUp() ? 1 : 0),
    plain(
      "prevented_matches_total",
      "Matches that self-trade prevention stopped",
      () => register.words[RegisterWord.PREVENTED]!,
      "counter",
    ),
    ...clockGauges(parts.clock),
    ...parts.flight === undefined ? [] : flightFigures(parts.flight),
    ...instrumentFigures(register),
    ...parts.others,
    {
      name: "warnings_total",
      help: "Soft limits passed, by reason",
      kind: "counter",
      labels: ["reason", "text"],
      read: () =>
        Object.entries(REASON_TEXT)
          .map(([reason, text]) =>
            [{ reason, text }, register.warnings(Number(reason))] as const
          )
          .filter(([, count]) => count > 0),
    },
  ];
}

function flightFigures(
  flight: { readonly alarms: number; readonly dumps: number },
): GaugeSource[] {
  return [
    plain(
      "flight_slow_messages_total",
      "Messages that took longer than [flight_recorder] threshold_us",
      () => flight.alarms,
      "counter",
    ),
    plain(
      "flight_dumps_total",
      "Files that the flight recorder wrote of them",
      () => flight.dumps,
      "counter",
    ),
  ];
}

function instrumentFigures(register: Register): GaugeSource[] {
  return [
    {
      name: "instrument_state",
      help: "Trading state: 0 open, 1 pre-open, 2 opening auction, 3 halt, " +
        "4 pause, 5 volatility auction, 6 reopening auction, " +
        "7 closing auction, 8 cancel only, 9 closed",
      kind: "gauge",
      labels: ["symbol"],
      read: () =>
        register.states().map(({ symbol, state }) => [{ symbol }, state]),
    },
    {
      name: "auctions_total",
      help: "Auctions that ended, by instrument",
      kind: "counter",
      labels: ["symbol"],
      read: () =>
        register.states()
          .filter(({ auctions }) => auctions > 0)
          .map(({ symbol, auctions }) => [{ symbol }, auctions]),
    },
  ];
}

function ringDepths({ plan, memory }: GaugeParts): GaugeSource {
  const view = (offset: number, bytes: number, slots: number): SpscRing =>
    new SpscRing(memory, offset, bytes, slots, "consumer");
  const rings: [string, SpscRing][] = [
    ["journal", view(plan.journalRing, COMMAND_SLOT_BYTES, plan.journalSlots)],
    ["replica", view(plan.replicaRing, COMMAND_SLOT_BYTES, plan.replicaSlots)],
    ["operator", view(plan.operatorRing, COMMAND_SLOT_BYTES, OPERATOR_SLOTS)],
    ...plan.commandRings.map((offset, i): [string, SpscRing] => [
      `command${i}`,
      view(offset, COMMAND_SLOT_BYTES, plan.commandSlots),
    ]),
    ...plan.eventRings.map((offset, i): [string, SpscRing] => [
      `event${i}`,
      view(offset, EVENT_SLOT_BYTES, plan.eventSlots),
    ]),
  ];
  return {
    name: "ring_depth",
    help: "Records in a ring that its consumer has not released",
    kind: "gauge",
    labels: ["ring"],
    read: () => rings.map(([ring, shown]) => [{ ring }, shown.depth()]),
  };
}
