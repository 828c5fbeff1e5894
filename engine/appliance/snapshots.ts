// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which snapshot a start begins with, and what one says of itself.
 *
 * ```
 *   newest ─ whole? same layout and capacity? its sessions? its files? ─▶ in the journal's chain? ─▶ use it
 *      └──────────────── no: say why, take the next older, or none ◀─────────────┘
 * ```
 *
 * A snapshot is never the truth, only a short cut: it is used if the journal
 * has the group that it ends with, with the same chain. It is refused if it is
 * of another layout or capacity, or if a session is configured now that no
 * gateway served when it was taken. Then the whole journal is replayed. If the
 * journal does not reach back, the start stops. Cold path.
 *
 * @module
 */
import { type Config } from "../config/mod.ts";
import { Exchange } from "../exchange/mod.ts";
import {
  JournalDamageError,
  type JournalFiles,
  JournalTail,
  listSegments,
  NativeJournalFiles,
} from "../journal/mod.ts";
import {
  type FoundSnapshot,
  listSnapshots,
  newestSnapshot,
  SNAPSHOT_LAYOUT,
  type SnapshotMeta,
} from "../snapshot/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { exchangeCapacity, sessionsWanted } from "./build_exchange.ts";
import { keptDirectory, snapshotDirectory } from "./build_gateway.ts";
import { journalDirectory } from "./build_journal.ts";
import { sessionKey } from "./definitions.ts";
import type { Replica } from "./replica.ts";

/** Version of this program, for people; `deno.json` has the same. */
export const BUILD_VERSION = "0.1.0";

/** A session by `sessionKey()`, and the place of its gateway. */
export type ServedSession = [key: string, gateway: number];

/** What of the configuration shapes the saved state. */
export function savedCapacity(config: Config): Record<string, number> {
  const { orders, specialOrders, instruments, sessions, accounts } =
    config.capacity;
  return {
    orders,
    specialOrders,
    instruments,
    sessions,
    accounts,
    exchangeBytes: Exchange.bytes(exchangeCapacity(config)),
  };
}

/**
 * What a snapshot of a replica says of itself; it was settled.
 *
 * @param served Sessions that its gateways have followed; those of the
 *   configuration if left out.
 */
export function snapshotMeta(
  replica: Replica,
  config: Config,
  chain: { readonly chainLo: number; readonly chainHi: number },
  served: readonly ServedSession[] = servedSessions(config),
): SnapshotMeta {
  const defined = replica.definedSessions();
  const { chainLo, chainHi } = chain;
  const { digest } = replica;
  return {
    sequence: replica.sequence,
    timeLo: replica.timeLo,
    timeHi: replica.timeHi,
    chainLo,
    chainHi,
    digestLo: digest.lo,
    digestHi: digest.hi,
    events: digest.events,
    stateHash: replica.stateHash(),
    build: BUILD_VERSION,
    layout: SNAPSHOT_LAYOUT,
    capacity: savedCapacity(config),
    defined,
    served: served.filter(([key]) => defined.includes(key)),
    files: replica.savedFiles(),
    orders: replica.exchange.ordersOpen,
  };
}

/** Sessions of the configuration, and the place of the gateway of each. */
export function servedSessions(config: Config): ServedSession[] {
  return sessionsWanted(config).map(({ protocolCode, name, gateway }) => [
    sessionKey(protocolCode, name),
    gateway,
  ]);
}

/** Why a snapshot can not be used with a configuration; "" = it can. */
export function unfitReason(meta: SnapshotMeta, config: Config): string {
  if (meta.layout !== SNAPSHOT_LAYOUT) {
    return `it is of layout ${meta.layout} (build ${meta.build}), this build ` +
      `(${BUILD_VERSION}) has layout ${SNAPSHOT_LAYOUT}`;
  }
  for (const [key, value] of Object.entries(savedCapacity(config))) {
    const found = meta.capacity[key];
    if (found === value) continue;
    return `it is of another capacity: ${key} was ${found}, now it is ${value}`;
  }
  for (const [key, gateway] of servedSessions(config)) {
    if (!meta.defined.includes(key)) continue;
    const was = meta.served.find(([name]) => name === key);
    if (was?.[1] === gateway) continue;
    return `session ${key} was ${
      was === undefined ? "not configured" : `served by gateway ${was[1]}`
    } when it was taken: what it was sent is not in it`;
  }
  return missingFile(meta, keptDirectory(config.appliance.dataDirectory));
}

function missingFile(meta: SnapshotMeta, directory: string): string {
  for (const { name, bytes } of meta.files) {
    try {
      const { size } = Deno.statSync(`${directory}/${name}`);
      if (size >= bytes) continue;
      return `'${directory}/${name}' has ${size} bytes, it needs ${bytes}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return `'${directory}/${name}' is missing`;
    }
  }
  return "";
}

/**
 * Why a journal does not go on from a snapshot; "" = it does.
 *
 * @param files The disk; the machine's own if not given.
 */
export function unchainedReason(
  meta: SnapshotMeta,
  directory: string,
  files: JournalFiles = new NativeJournalFiles(),
): string {
  const names = segmentsOf(directory, files);
  const { sequence } = meta;
  const first = names[0];
  if (first === undefined) return "the journal is empty";
  if (first > sequence + 1) {
    return `the journal starts at ${first}, after it`;
  }
  // The command itself may be in a segment that is gone: then the next begins with the chain.
  const next = names.includes(sequence + 1);
  const tail = new JournalTail({
    directory,
    files,
    fromSequence: next ? sequence + 1 : sequence,
  });
  try {
    const [lo, hi] = next ? tail.firstChain() : lastChain(tail, sequence);
    if (lo === meta.chainLo && hi === meta.chainHi) return "";
    return "the journal has other commands before it: its chain differs";
  } catch (error) {
    if (!(error instanceof JournalDamageError)) throw error;
    return `the journal does not have its last command ${sequence} as it was ` +
      `(${error.message}); it may have lost its tail with the power`;
  } finally {
    tail.dispose();
  }
}

/** First sequences of a journal's segments; none if there is no folder. */
function segmentsOf(directory: string, files?: JournalFiles): number[] {
  try {
    return listSegments(directory, files);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function lastChain(tail: JournalTail, sequence: number): [number, number] {
  tail.next(sequence);
  // A snapshot ends with a group.
  return tail.atGroupEnd ? [tail.chainLo, tail.chainHi] : [-1, -1];
}

/**
 * The snapshot that a start begins with; undefined = with the journal's first
 * command.
 *
 * @throws {Error} If there are snapshots, none can be used, and the journal
 *   does not reach back to its first command.
 */
export function chooseSnapshot(
  config: Config,
  log: Log,
): FoundSnapshot | undefined {
  const { dataDirectory } = config.appliance;
  const directory = snapshotDirectory(dataDirectory);
  if (listSnapshots(directory).length === 0) return undefined;
  const journal = journalDirectory(dataDirectory);
  let passedOver = "";
  const found = newestSnapshot(directory, {
    unfit: (meta) =>
      unfitReason(meta, config) || unchainedReason(meta, journal),
    onPassedOver: (path, reason) => {
      passedOver = `'${path}': ${reason}`;
      log.warn("snapshot passed over", { path, reason });
    },
  });
  if (found !== undefined) return found;
  const [first] = segmentsOf(journal);
  if (first === 1) return undefined;
  throw new Error(
    `No snapshot can be used, and the journal ${
      first === undefined ? "is empty" : `starts at sequence ${first}`
    }: what came before is nowhere. The last one passed over is ${passedOver}. ` +
      "Start with the build, capacity and sessions of before, or bring archived " +
      `segments back to '${journal}'. To begin anew with nothing, move ` +
      `'${directory}' away`,
  );
}
