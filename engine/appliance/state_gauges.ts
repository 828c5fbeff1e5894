// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Figures of the appliance as a whole, which alerts are made of: its state,
 * when it started, its place in the pair, room on the journal's disk.
 *
 * Main thread; read when somebody asks.
 *
 * @module
 */
import type { Health } from "./admin.ts";
import type { GaugeSource } from "./metrics.ts";
import { BUILD_VERSION } from "./snapshots.ts";

/** Every state that `/health` can have. */
const STATES: readonly Health["status"][] = [
  "recovering",
  "standby",
  "ok",
  "degraded",
  "draining",
  "failed",
  "fenced",
];
const ROLES = ["undecided", "standby", "primary"] as const;

/** Where the figures come from. */
export interface StateParts {
  readonly health: () => Health;
  /** Bytes that the journal's file system has left; undefined if it does not say. */
  readonly freeBytes: () => number | undefined;
  /** Seconds since 1970. */
  readonly startTimeS: number;
  /** Whether shared memory lies in huge pages; undefined = it was not to. */
  readonly hugePages: boolean | undefined;
  /** Pages that follow `/live`, and those that were dropped. */
  readonly page: { readonly listeners: number; readonly dropped: number };
}

function plain(
  name: string,
  help: string,
  read: () => number | undefined,
  kind: GaugeSource["kind"] = "gauge",
): GaugeSource {
  return {
    name,
    help,
    kind,
    labels: [],
    read: () => {
      const value = read();
      return value === undefined ? [] : [[{}, value]];
    },
  };
}

/** 1 for the value that holds, 0 for the others. */
function choice(
  name: string,
  label: string,
  help: string,
  values: readonly string[],
  read: () => string | undefined,
): GaugeSource {
  return {
    name,
    help,
    kind: "gauge",
    labels: [label],
    read: () => {
      const found = read();
      return found === undefined
        ? []
        : values.map((value) => [{ [label]: value }, Number(value === found)]);
    },
  };
}

/** All of them. */
export function stateGauges(parts: StateParts): GaugeSource[] {
  const { health, freeBytes, startTimeS, hugePages, page } = parts;
  return [
    choice(
      "build_info",
      "version",
      "Version of the program",
      [BUILD_VERSION],
      () => BUILD_VERSION,
    ),
    plain(
      "start_time_seconds",
      "When the process started, seconds since 1970",
      () => startTimeS,
    ),
    choice(
      "state",
      "state",
      "1 for the state that /health says",
      STATES,
      () => health().status,
    ),
    plain(
      "journal_free_bytes",
      "Bytes that the journal's file system has left",
      freeBytes,
    ),
    plain(
      "shared_memory_huge_pages",
      "1 if rings lie in huge pages; left out if the configuration wants none",
      () => hugePages === undefined ? undefined : Number(hugePages),
    ),
    plain("live_listeners", "Status pages that are open", () => page.listeners),
    plain(
      "live_dropped_total",
      "Status pages that were dropped because they did not read",
      () => page.dropped,
      "counter",
    ),
    ...pairGauges(health),
  ];
}

/** Those of the pair; without one they are left out. */
function pairGauges(health: StateParts["health"]): GaugeSource[] {
  const pair = () => health().replication as Record<string, unknown>;
  const number = (key: string): number | undefined => {
    const value = pair()?.[key];
    return typeof value === "number" && Number.isFinite(value)
      ? value
      : undefined;
  };
  return [
    choice(
      "replication_role",
      "role",
      "1 for what this appliance is to its pair; left out without a pair",
      ROLES,
      () => pair()?.role as string | undefined,
    ),
    plain(
      "replication_epoch",
      "Epoch of the pair; left out without a pair",
      () => number("epoch"),
    ),
    plain(
      "replication_alone",
      "1 if the primary acknowledges without a standby; left out without a pair",
      () => pair() === undefined ? undefined : Number(pair().alone === true),
    ),
    plain(
      "lease_remaining_seconds",
      "How long the primary's lease still holds; left out without one",
      () => {
        const leaseMs = number("leaseMs");
        return leaseMs === undefined ? undefined : leaseMs / 1000;
      },
    ),
  ];
}
