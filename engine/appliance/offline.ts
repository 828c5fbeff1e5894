// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Replays the journal of a stopped appliance into a fresh exchange: what the
 * state is, and every event that led to it.
 *
 * It only reads. A journal that ends in a torn tail is replayed up to there;
 * the next start cuts it.
 *
 * @module
 */
import { EventSum } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { EventDigest, EventRing, Exchange } from "../exchange/mod.ts";
import { ArchivedJournalFiles, JournalReader } from "../journal/mod.ts";
import {
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_SEQUENCE_F64,
  CommandKind,
  EVENT_SLOT_BYTES,
} from "../record/mod.ts";
import { SpscRing } from "../ring/mod.ts";
import { exchangeCapacity } from "./build_exchange.ts";
import { journalDirectory } from "./build_journal.ts";
import { compareCheckpoint } from "./checkpoint.ts";

const EVENT_SLOTS = 4096;

/** State after the last command of a journal. */
export interface OfflineState {
  readonly sequence: number;
  /** As `/state` shows it for the same sequence. */
  readonly stateHash: string;
  readonly ordersOpen: number;
  readonly trades: number;
  readonly commands: number;
  readonly ms: number;
}

/** What a replay can be asked for besides. */
export interface OfflineOptions {
  /** Stop after this sequence. */
  readonly lastSequence?: number;
  /** Called with each event's slot in turn; `ring` has the views. */
  readonly onEvent?: (ring: SpscRing, slot: number) => void;
}

/**
 * Replays the journal in the configuration's data directory, and its archive.
 *
 * @throws {JournalDamageError} If it cannot be trusted.
 * @throws {CheckpointError} If this program does something else with it than the one that ran.
 */
export function replayJournal(
  config: Config,
  options: OfflineOptions = {},
): OfflineState {
  const started = performance.now();
  const capacity = exchangeCapacity(config);
  const ringBytes = SpscRing.bytes(EVENT_SLOT_BYTES, EVENT_SLOTS);
  const ringMemory = new ArrayBuffer(ringBytes);
  const open = (side: "producer" | "consumer"): SpscRing =>
    new SpscRing(ringMemory, 0, EVENT_SLOT_BYTES, EVENT_SLOTS, side);
  const consumer = open("consumer");
  const takeEvents = (): void => {
    const count = consumer.available();
    for (let i = 0; i < count; i++) {
      options.onEvent?.(consumer, consumer.peek(i));
    }
    if (count > 0) consumer.release(count);
  };
  const events = new EventRing(open("producer"), takeEvents);
  const exchange = new Exchange({
    ...capacity,
    memory: new ArrayBuffer(Exchange.bytes(capacity)),
    events: [events],
    routes: new Uint8Array(capacity.sessionsMax),
  });
  const digest = new EventDigest(
    [events],
    (slots, from) => new EventSum(slots, from),
  );
  const directory = journalDirectory(config.appliance.dataDirectory);
  const { archiveDirectory } = config.journal;
  const reader = new JournalReader({
    directory,
    ...(archiveDirectory === ""
      ? {}
      : { files: new ArchivedJournalFiles(directory, archiveDirectory) }),
  });
  const last = options.lastSequence ?? Infinity;
  let commands = 0;
  try {
    while (reader.next()) {
      for (
        let at = reader.start;
        at < reader.end;
        at += reader.u16[(at >>> 1) + CMD_LENGTH_U16]!
      ) {
        if (reader.f64[(at >>> 3) + CMD_SEQUENCE_F64]! > last) break;
        if (reader.u8[at + CMD_KIND_U8] === CommandKind.CHECKPOINT) {
          compareCheckpoint(reader, at, digest, exchange);
        }
        exchange.apply(reader, at);
        commands += 1;
        events.publish();
        takeEvents();
      }
    }
  } finally {
    reader.dispose();
  }
  return {
    sequence: exchange.sequence,
    stateHash: exchange.stateHash(),
    ordersOpen: exchange.ordersOpen,
    trades: exchange.trades,
    commands,
    ms: Math.round(performance.now() - started),
  };
}
