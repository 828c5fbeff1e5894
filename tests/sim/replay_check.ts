// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Replays a journal's commands through the real exchange, fresh, and holds its
 * events and its state against the oracle's; and a running exchange's state
 * hash against that of the replay.
 *
 * @module
 */
import { Replica } from "../../engine/appliance/replica.ts";
import type { Config } from "../../engine/config/mod.ts";
import { EventKind } from "../../engine/record/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { eventDifference } from "../exchange/differential.ts";
import { engineView } from "../exchange/engine_view.ts";
import {
  CommandBuffer,
  readEvent,
  type TestEvent,
} from "../exchange/support.ts";
import { oracleView } from "../oracle/view.ts";
import type { ExpectedStreams } from "./expected_streams.ts";
import type { Record as JournalRecord } from "./journal_image.ts";
import { Violation } from "./violation.ts";

/** Events that the appliance makes of definitions; the exchange makes none. */
const DEFINED: readonly number[] = [
  EventKind.INSTRUMENT_DEFINED,
  EventKind.SESSION_DEFINED,
  EventKind.ACCOUNT_DEFINED,
];
const SILENT = new Log({
  level: "error",
  format: "text",
  source: "replay",
  nowMs: () => 0,
});

/**
 * @param stateHash Of the exchange that runs, after the last of the commands.
 */
export function checkReplay(
  config: Config,
  records: readonly JournalRecord[],
  expected: ExpectedStreams,
  stateHash: string,
): void {
  let events: TestEvent[] = [];
  const replica = new Replica({
    config,
    log: SILENT,
    gateways: false,
    onEvent: (ring, slot) => {
      const event = readEvent(ring, slot);
      if (!DEFINED.includes(event.kind)) events.push(event);
    },
  });
  try {
    const buffer = new CommandBuffer();
    records.forEach((record, at) => {
      events = [];
      buffer.u8.fill(0);
      buffer.u8.set(record);
      replica.apply(buffer, 0);
      replica.settle();
      const wrong = eventDifference(events, expected.byCommand[at]!);
      if (wrong !== undefined) {
        throw new Violation(
          "oracle",
          `command ${at + 1} (kind ${record[6]}): ${wrong}`,
        );
      }
    });
    if (replica.stateHash() !== stateHash) {
      throw new Violation(
        "recovery",
        `after command ${records.length} the state hash is ${stateHash}, a fresh replay has ${replica.stateHash()}`,
      );
    }
    checkView(config, replica, expected);
  } finally {
    replica.dispose();
  }
}

function checkView(
  config: Config,
  replica: Replica,
  expected: ExpectedStreams,
): void {
  const { sessions, accounts } = config.capacity;
  const extent = { sessionsMax: sessions, accountsMax: accounts + 1 };
  const actual = engineView(replica.exchange, extent);
  const wanted = oracleView(expected.oracle, sessions - 1);
  for (let i = 0; i < Math.max(actual.length, wanted.length); i++) {
    if (actual[i] !== wanted[i]) {
      throw new Violation(
        "oracle",
        `state: "${actual[i]}", expected "${wanted[i]}"`,
      );
    }
  }
}
