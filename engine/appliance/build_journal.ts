// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the journal's agent: its ends of the rings, its folder, its mode.
 *
 * Runs once, on the thread that will drive the agent.
 *
 * @module
 */
import { ERRNO_NAMES, makeDirectory } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import {
  type Durability,
  MappedJournalFiles,
  type PressureLimits,
} from "../journal/mod.ts";
import { COMMAND_SLOT_BYTES } from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_JOURNAL,
  CONTROL_LOCAL,
  CONTROL_WRITTEN,
  SpscRing,
} from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { JournalAgent } from "./journal_agent.ts";
import { RECOVERY_SLOTS } from "./memory_plan.ts";
import { flightRing, type Workshop } from "./workshop.ts";

const MIB = 1 << 20;

/** Folder of the segments in a data directory. */
export function journalDirectory(dataDirectory: string): string {
  return `${dataDirectory}/journal`;
}

/** What this machine itself must have done before a command counts. */
export function localDurability(config: Config): Durability {
  const { durability } = config.journal;
  return durability === "replicated"
    ? config.replication.localDurability
    : durability;
}

/** What is asked of the disk. */
export function pressureLimits(config: Config): PressureLimits {
  return {
    freeBytesMin: config.journal.freeReserveMib * MIB,
    waitMsMax: config.journal.slowAfterMs,
    lagMax: config.journal.lagCommandsMax,
  };
}

/**
 * The agent that recovers and writes the journal.
 *
 * @param limits What is asked of the disk; it may change while it runs.
 */
export function buildJournal(
  workshop: Workshop,
  limits: PressureLimits = pressureLimits(workshop.config),
): JournalAgent {
  const { config, plan, memory, control, controlF64, snapshot } = workshop;
  const directory = journalDirectory(config.appliance.dataDirectory);
  makeDirectory(directory);
  const flight = flightRing(workshop);
  const replicated = config.journal.durability === "replicated";
  const durability = localDurability(config);
  const mapped = durability !== "synced" && config.journal.mappedWrites;
  const log = workshop.log.child("journal");
  return new JournalAgent({
    writer: {
      directory,
      durability,
      segmentBytes: config.journal.segmentMib * MIB,
      groupRecordsMax: config.journal.groupRecordsMax,
      hugePages: config.memory.hugePages !== "never",
      ring: new SpscRing(
        memory,
        plan.journalRing,
        COMMAND_SLOT_BYTES,
        plan.journalSlots,
        "consumer",
      ),
      control,
      durableWord: replicated ? CONTROL_LOCAL : CONTROL_DURABLE,
      writtenWord: CONTROL_WRITTEN,
      stateWord: CONTROL_JOURNAL,
      lane: workshop.lane("journal"),
      ...(mapped ? { files: mappedFiles(log) } : {}),
      ...(flight === undefined ? {} : { flight }),
    },
    pressureLimits: limits,
    recovery: new SpscRing(
      memory,
      plan.recoveryRing,
      COMMAND_SLOT_BYTES,
      RECOVERY_SLOTS,
      "producer",
    ),
    ...(snapshot === undefined ? {} : { fromSequence: snapshot.sequence + 1 }),
    control,
    controlF64,
    log,
    elapsedMs: () => performance.now(),
  });
}

/** Mapped segments; says once that the file system gives none. */
function mappedFiles(log: Log): MappedJournalFiles {
  let told = false;
  return new MappedJournalFiles((error) => {
    if (told) return;
    told = true;
    log.warn("segments can't be mapped and are written by calls, which vary", {
      error: ERRNO_NAMES[error] ?? `error ${error}`,
      remedy: "another file system, or journal.mapped_writes = false",
    });
  });
}
