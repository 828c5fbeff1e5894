// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the keeper's agent: its folders, its replica, its view of the journal.
 *
 * Runs once, on the keeper's own thread.
 *
 * @module
 */
import { cpuSleep, makeDirectory } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import {
  JournalTail,
  NativeJournalFiles,
  SegmentArchive,
} from "../journal/mod.ts";
import { CONTROL_STOP } from "../ring/mod.ts";
import { SnapshotReader } from "../snapshot/mod.ts";
import { COUNTER } from "../telemetry/mod.ts";
import { Archivist } from "./archivist.ts";
import { keptDirectory, snapshotDirectory } from "./build_gateway.ts";
import { journalDirectory } from "./build_journal.ts";
import { KeeperAgent } from "./keeper_agent.ts";
import { Replica } from "./replica.ts";
import {
  servedSessions,
  snapshotMeta,
  unchainedReason,
  unfitReason,
} from "./snapshots.ts";
import type { Workshop } from "./workshop.ts";

const REFUSED_WAIT_US = 100_000;

/** The agent that follows and takes snapshots. */
export function buildKeeper(workshop: Workshop): KeeperAgent {
  const { config, control, clock, snapshot } = workshop;
  const { dataDirectory } = config.appliance;
  const log = workshop.log.child("keeper");
  const lane = workshop.lane("keeper");
  const directory = snapshotDirectory(dataDirectory);
  const outbound = keptDirectory(dataDirectory);
  makeDirectory(directory);
  makeDirectory(outbound);
  const nowMs = (): number => {
    clock.realtime();
    return Math.floor(clock.toNumber() / 1e6);
  };
  let current = config;
  // Followed since the start, also those that the configuration no longer names.
  const served = new Map(servedSessions(config));
  const archivist = archivistOf(workshop, () => current, nowMs);
  const onStoreRefused = (errno: number): void => {
    lane.add(COUNTER.snapshot_failures_total, 1);
    log.warn("what sessions were sent can't be written, the keeper waits", {
      directory: outbound,
      errno: -errno,
    });
    if (Atomics.load(control, CONTROL_STOP) !== 0) {
      throw new Error(
        `The keeper gave up at a stop: '${outbound}' can't be written (errno ` +
          `${-errno}). The journal has everything; make room`,
      );
    }
    cpuSleep(REFUSED_WAIT_US);
  };
  return new KeeperAgent({
    makeReplica: () => {
      const replica = new Replica({
        config: current,
        log: log.child("keeper"),
        resident: true,
        stores: { storeDirectory: outbound, keepStores: true, onStoreRefused },
      });
      if (snapshot !== undefined) {
        const reader = new SnapshotReader(snapshot.path);
        replica.load(reader);
        reader.dispose();
      }
      return replica;
    },
    fromSequence: snapshot?.sequence ?? 0,
    openTail: (fromSequence) =>
      new JournalTail({
        directory: journalDirectory(dataDirectory),
        fromSequence,
      }),
    meta: (replica, tail) => snapshotMeta(replica, current, tail, [...served]),
    onConfig: (news) => {
      current = news.config;
      for (const [key, gateway] of servedSessions(current)) {
        served.set(key, gateway);
      }
    },
    directory,
    outbound,
    files: new NativeJournalFiles(),
    commandsBetween: config.snapshot.commandsBetween,
    secondsBetween: config.snapshot.secondsBetween,
    keep: config.snapshot.keep,
    ...(archivist === undefined ? {} : { archivist }),
    control,
    lane,
    log,
    nowMs,
  });
}

/** Who moves segments to the archive, if there is one. */
function archivistOf(
  workshop: Workshop,
  current: () => Config,
  nowMs: () => number,
): Archivist | undefined {
  const { config } = workshop;
  const { archiveDirectory, archiveKeepDays } = config.journal;
  if (archiveDirectory === "") return undefined;
  const { dataDirectory } = config.appliance;
  makeDirectory(archiveDirectory);
  return new Archivist({
    archive: new SegmentArchive({
      directory: journalDirectory(dataDirectory),
      archive: archiveDirectory,
      keepDays: archiveKeepDays,
      nowMs,
    }),
    snapshots: snapshotDirectory(dataDirectory),
    snapshotsMin: Math.min(2, config.snapshot.keep),
    unfit: (meta) =>
      unfitReason(meta, current()) ||
      unchainedReason(meta, journalDirectory(dataDirectory)),
    files: new NativeJournalFiles(),
    lane: workshop.lane("keeper"),
    log: workshop.log.child("archive"),
    nowMs,
  });
}
