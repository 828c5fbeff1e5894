// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A QuickFIX client trades through the running appliance: thousands of orders,
 * a lost connection, a killed appliance; every report is checked by the client.
 *
 * ```
 * QuickFIX initiator ──▶ relay (one fixed port) ──▶ appliance (ports change
 *   checks each report                                with each start)
 * ```
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import {
  type OfflineState,
  replayJournal,
} from "../../engine/appliance/offline.ts";
import { type Config, defaultConfig } from "../../engine/config/mod.ts";
import {
  EventKind,
  EVT_CUM_F64,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LEAVES_F64,
  EVT_ORD_STATUS_U8,
  EVT_OUT_SEQUENCE_U32,
  EVT_SESSION_U32,
} from "../../engine/record/mod.ts";
import { seeded } from "../wire/itch_builder.ts";
import { startAppliance } from "./harness.ts";
import { Relay } from "../quickfix/relay.ts";
import {
  buildClient,
  type QuickfixJournalLine,
  type QuickfixReport,
  readJournal,
  startClient,
} from "../quickfix/quickfix_client.ts";

const ORDERS = 10_000;
const KILLS = Number(Deno.env.get("KILLS") ?? 10);
/** Of the client's run: what it may take, times many. */
const SECONDS_MAX = 60 + 12 * KILLS;
const SEED = 45;
/** Index of the session CLIENT1 in a fresh journal of the defaults. */
const CLIENT1 = 1;

/** Builds the client. @returns false, and says so, if that can't be done here. */
async function isReady(name: string): Promise<boolean> {
  const reason = await buildClient();
  if (reason === undefined) return true;
  console.log(`SKIPPED: ${name}: ${reason}`);
  return false;
}

/** The client's report, in which nothing is wrong and nothing is missing. */
function clean(
  result: { code: number; report: QuickfixReport | undefined; stderr: string },
): QuickfixReport {
  const { code, report, stderr } = result;
  if (report === undefined) throw new Error(`no report: ${stderr}`);
  assertEquals(report.violations, []);
  assertEquals(report.unanswered, 0);
  assertEquals(report.open, []);
  assertEquals(code, 0, stderr);
  return report;
}

for (
  const [topology, transport] of [
    ["single", "io_uring"],
    ["pinned", "io_uring"],
    ["pinned", "plain"],
  ] as const
) {
  Deno.test(`a QuickFIX client trades ${ORDERS} orders and loses its connection half-way, topology ${topology}, transport ${transport}`, async () => {
    if (!await isReady("QuickFIX client")) return;
    await using appliance = await startAppliance({ topology, transport });
    const files = await Deno.makeTempDir({ prefix: "quickfix-" });
    try {
      const client = startClient({
        port: appliance.fixPort,
        orders: ORDERS,
        seed: 44,
        mode: "drop",
        files,
        seconds: 60,
        alone: true,
      });
      const report = clean(await client.result());
      assertEquals(report.sent.new, ORDERS);
      assertEquals(report.received.accepted, ORDERS);
      assertGreater(report.received.fills, ORDERS / 4);
      assertGreater(report.received.replaced, ORDERS / 20);
      assertEquals(report.session.dropped, true);
      assertEquals(report.session.logons, 2);
      assertGreater(
        report.session.resendsAsked + report.session.resendsAskedOfUs,
        0,
      );
      assertEquals(await appliance.stop(), 0);
    } finally {
      await Deno.remove(files, { recursive: true });
    }
  });
}

/** Lots of one unit, by index of the default instruments. */
const LOTS_PER_UNIT = [1, 1, 1e8];

/** Events of CLIENT1's orders in a journal, by outbound number. */
function eventsOf(config: Config): {
  readonly state: OfflineState;
  readonly events: Map<number, { status: string; cum: number; leaves: number }>;
} {
  const events = new Map<
    number,
    { status: string; cum: number; leaves: number }
  >();
  const state = replayJournal(config, {
    onEvent(ring, slot) {
      const { u8, u16, u32, f64 } = ring;
      const at = slot * ring.slotBytes;
      if (u32[(at >> 2) + EVT_SESSION_U32] !== CLIENT1) return;
      const kind = u8[at + EVT_KIND_U8]!;
      if (kind > EventKind.REPLACED) return;
      const instrument = u16[(at >> 1) + EVT_INSTRUMENT_U16]!;
      const lots = LOTS_PER_UNIT[instrument]!;
      events.set(u32[(at >> 2) + EVT_OUT_SEQUENCE_U32]!, {
        status: String.fromCharCode(u8[at + EVT_ORD_STATUS_U8]!),
        cum: f64[(at >> 3) + EVT_CUM_F64]! / lots,
        leaves: f64[(at >> 3) + EVT_LEAVES_F64]! / lots,
      });
    },
  });
  return { state, events };
}

/** Every report that the client got is in the journal's replay, and says the same. */
function compareReports(
  lines: readonly QuickfixJournalLine[],
  events: ReturnType<typeof eventsOf>["events"],
): void {
  for (const line of lines) {
    if (line.kind !== "report") continue;
    const found = events.get(line.sequence);
    const reported = {
      status: line.ordStatus,
      cum: Number(line.cum),
      leaves: Number(line.leaves),
    };
    assertEquals(found, reported, `report ${line.execId}`);
  }
}

Deno.test(`a QuickFIX client goes on without gaps after ${KILLS} kills of the appliance`, async () => {
  if (!await isReady("QuickFIX client and kill")) return;
  const folder = await Deno.makeTempDir({ prefix: "quickfix-" });
  const journal = `${folder}/journal.jsonl`;
  const dataDirectory = `${folder}/data`;
  await Deno.mkdir(dataDirectory);
  const next = seeded(SEED);
  const defaults = defaultConfig();
  const config = {
    ...defaults,
    appliance: { ...defaults.appliance, dataDirectory },
  };
  const relay = new Relay();
  const start = (kill: number) => {
    const topology = kill % 2 === 0 ? "single" : "pinned";
    return startAppliance({ dataDirectory, topology, durability: "written" });
  };
  let appliance = await start(0);
  const client = startClient({
    port: relay.port,
    orders: 0,
    seed: SEED,
    mode: "resume",
    files: folder,
    seconds: SECONDS_MAX,
    journal,
    alone: true,
    paceUs: 200,
  });
  try {
    relay.target = appliance.fixPort;
    for (let kill = 1; kill <= KILLS; kill++) {
      const ms = 1100 + Math.floor(next() * 700);
      await new Promise((resolve) => setTimeout(resolve, ms));
      relay.target = 0;
      await appliance[Symbol.asyncDispose]();
      const { state } = eventsOf(config);
      appliance = await start(kill);
      const live = appliance.log.find((line) => line.message === "live")!;
      assertEquals(live.sequence, state.sequence, `kill ${kill}`);
      assertEquals(live.stateHash, state.stateHash, `kill ${kill}`);
      relay.target = appliance.fixPort;
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    client.finish();
    const report = clean(await client.result());
    assertGreater(report.session.logons, KILLS / 2, `seed ${SEED}`);
    assertGreater(report.received.fills, 100);
    assertEquals(await appliance.stop(), 0);
    const { state, events } = eventsOf(config);
    assertEquals(state.ordersOpen, 0);
    const lines = await readJournal(journal);
    assertGreater(lines.length, 1000);
    const execIds = lines.map((line) => line.execId).filter((id) => id);
    assertEquals(new Set(execIds).size, execIds.length);
    compareReports(lines, events);
  } finally {
    client.kill();
    await client.result();
    await appliance[Symbol.asyncDispose]();
    await relay.close();
    await Deno.remove(folder, { recursive: true });
  }
});
