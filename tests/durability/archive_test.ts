// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The appliance moves segments to its archive behind verified snapshots, goes
 * on from what is left, and everything together is still the whole journal.
 *
 * ```
 *   orders ─▶ journal ─▶ snapshots ─▶ archive ─▶ SIGKILL ─▶ start from a snapshot
 *                └────────── replay of both folders ─────────────▶ the same state
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import { verify } from "../../engine/inspect/verify.ts";
import { listSegments } from "../../engine/journal/mod.ts";
import { listSnapshots, snapshotName } from "../../engine/snapshot/mod.ts";
import { type RunningAppliance, startAppliance } from "../appliance/harness.ts";
import { live, Trader } from "./trader.ts";

const WAIT_MS = 60_000;
const ROUNDS_MAX = 400;
/** So that the keeper can take its snapshots meanwhile. */
const PAUSE_MS = 50;
const ORDERS = 500;

/** Orders until segments are in the archive. */
async function tradeUntilArchived(
  appliance: RunningAppliance,
  trader: Trader,
  segments: number,
): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (let i = 0; i < ORDERS; i++) trader.send();
    for (let i = 0; i < ORDERS; i++) await trader.hear();
    const moved = await appliance.metric("ferrule_segments_archived_total");
    if (moved >= segments) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error("nothing was archived");
}

/** Waits until nothing is left to be archived behind the newest snapshots. */
async function settled(appliance: RunningAppliance): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (let last = -1;;) {
    const moved = await appliance.metric("ferrule_segments_archived_total");
    if (moved === last) return;
    last = moved;
    assert(performance.now() < deadline, "archiving does not end");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function damageSnapshots(directory: string): void {
  for (const sequence of listSnapshots(directory)) {
    const path = `${directory}/${snapshotName(sequence)}.snapshot`;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >>> 1]! ^= 1;
    Deno.writeFileSync(path, bytes);
  }
}

Deno.test("the appliance archives segments behind snapshots; journal, snapshot and archive give the same state", async () => {
  const root = await Deno.makeTempDir({ prefix: "ferrule-archive-" });
  const dataDirectory = `${root}/data`;
  const archive = `${root}/archive`;
  await Deno.mkdir(dataDirectory);
  const defaults = defaultConfig();
  const config = {
    ...defaults,
    appliance: { ...defaults.appliance, dataDirectory },
    journal: { ...defaults.journal, archiveDirectory: archive },
  };
  const options = {
    dataDirectory,
    extraToml: "[snapshot]\ncommands_between = 2000\n",
    journalToml: "segment_mib = 1\ngroup_records_max = 1024\n" +
      `archive_directory = ${JSON.stringify(archive)}\n`,
  };
  const journal = `${dataDirectory}/journal`;
  try {
    let trader: Trader;
    {
      await using appliance = await startAppliance(options);
      trader = await Trader.logon(appliance);
      await tradeUntilArchived(appliance, trader, 2);
      await settled(appliance);
      await trader.close();
      await appliance.kill();
    }
    const archived = listSegments(archive);
    assert(archived.length >= 2, `${archived}`);
    const [oldest] = listSnapshots(`${dataDirectory}/snapshots`).slice(-1);
    const [first] = listSegments(journal);
    assert(first! > archived.at(-1)! && first! <= oldest! + 1, `${first}`);
    const whole = replayJournal(config);
    assertEquals(whole.ordersOpen, trader.open.size);
    {
      await using appliance = await startAppliance(options);
      assertEquals(live(appliance).stateHash, whole.stateHash);
      assert(Number(live(appliance).snapshotSequence) >= oldest!);
      const again = await Trader.logon(appliance, trader);
      await again.place();
      await again.cancel([...again.open][0]!);
      await again.close();
      assertEquals(await appliance.stop(), 0);
    }
    const stopped = replayJournal(config);
    const verdict = verify({
      config,
      directory: dataDirectory,
      archived: archive,
      quick: false,
      progress: () => {},
    });
    assertEquals(verdict.problems, []);
    assertEquals(verdict.replayed, stopped.commands);
    assertEquals(verdict.stateHash, stopped.stateHash);
    assert(verdict.archived >= archived.length);
    damageSnapshots(`${dataDirectory}/snapshots`);
    await assertRejects(
      () => startAppliance(options),
      Error,
      "No snapshot can be used",
    );
    // The remedy of that message.
    for (const sequence of listSegments(archive)) {
      const name = `${String(sequence).padStart(20, "0")}.journal`;
      await Deno.copyFile(`${archive}/${name}`, `${journal}/${name}`);
    }
    await using appliance = await startAppliance(options);
    assertEquals(live(appliance).stateHash, stopped.stateHash);
    assertEquals(live(appliance).snapshotSequence, 0);
    assertEquals(await appliance.stop(), 0);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
