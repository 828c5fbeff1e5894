// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Starts from snapshots: what clients are told is the same as from the journal,
 * and a snapshot that can't be used is never used.
 *
 * ```
 *   trade ─ keeper ─▶ snapshots ─┐
 *     └──────▶ journal ──────────┴─▶ kill or stop ─▶ start ─▶ resend from 1, state hash
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { defaultConfig, DEMO_PASSWORD } from "../../engine/config/mod.ts";
import { FixClient, type FixMessage } from "../../engine/gateway/fix/client.ts";
import { listSegments } from "../../engine/journal/mod.ts";
import { listSnapshots, snapshotName } from "../../engine/snapshot/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const WAIT_MS = 20_000;
/** A snapshot after every so many commands; records of a session in memory are 4,096. */
const BETWEEN = 1500;
const ORDERS = 3000;
const SNAPSHOTS = `[snapshot]\ncommands_between = ${BETWEEN}\n`;

/** Places orders that rest and some that trade; returns what came back. */
async function trade(
  client: FixClient,
  name: string,
  orders: number,
): Promise<string[]> {
  const got: string[] = [];
  for (let i = 0; i < orders; i++) {
    client.newOrder({
      clOrdId: `${name}${i}`,
      symbol: "AAPL",
      side: i % 5 === 0 ? "sell" : "buy",
      quantity: "1",
      price: i % 5 === 0 ? "187.00" : `${180 + i % 7}.00`,
      timeInForce: "gtc",
    });
    if (i % 100 === 99) {
      while (got.length <= i) got.push(lasting(await client.receive(WAIT_MS)));
    }
  }
  return got;
}

/** What a resend may change is left out: 9, 10, 43, 52, 122. */
function lasting(message: FixMessage): string {
  return message.toString().replaceAll("\x01", "|").split("|")
    .filter((field) => !/^(9|10|43|52|122)=/.test(field)).join("|");
}

function clientOf(
  appliance: RunningAppliance,
  nextOutbound: number,
  nextInbound: number,
): FixClient {
  return new FixClient({
    address: "127.0.0.1",
    port: appliance.fixPort,
    senderCompId: "CLIENT1",
    password: DEMO_PASSWORD,
    nextOutbound,
    nextInbound,
  });
}

/** Logs on and asks for everything again. */
async function resendAll(
  appliance: RunningAppliance,
  nextOutbound: number,
  count: number,
): Promise<{ client: FixClient; messages: string[] }> {
  const client = clientOf(appliance, nextOutbound, 1);
  await client.connect();
  await client.logon();
  const messages: string[] = [];
  while (messages.length < count) {
    messages.push(lasting(await client.receive(WAIT_MS)));
  }
  return { client, messages };
}

function live(appliance: RunningAppliance) {
  return appliance.log.find((line) => line.message === "live")!;
}

function stateOfJournal(dataDirectory: string) {
  const defaults = defaultConfig();
  return replayJournal({
    ...defaults,
    appliance: { ...defaults.appliance, dataDirectory },
  });
}

async function until(reached: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!reached()) {
    assert(performance.now() < deadline, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the health page shows a snapshot of this run, and none that failed. */
async function shownSnapshot(appliance: RunningAppliance): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const { snapshot } = await appliance.get("/health");
    const { sequence, failures } = snapshot as Record<string, number>;
    assertEquals(failures, 0);
    if (sequence! > 0) return;
    assert(performance.now() < deadline, "no snapshot is shown");
  }
}

async function withData(
  run: (dataDirectory: string) => Promise<void>,
): Promise<void> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-snap-" });
  try {
    await run(dataDirectory);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

for (const topology of ["single", "pinned"]) {
  Deno.test(`after a kill and after a stop a start goes on from a snapshot, and sends again what it sent, topology ${topology}`, async () => {
    await withData(async (dataDirectory) => {
      const options = { topology, dataDirectory, extraToml: SNAPSHOTS };
      const got: string[] = [];
      let next = 1;
      for (let run = 0; run < 3; run++) {
        const killed = run === 1;
        await using appliance = await startAppliance(options);
        if (run > 0) {
          assert(Number(live(appliance).snapshotSequence) > 0);
          const { snapshotSequence, journalCommands, sequence } = live(
            appliance,
          );
          assertEquals(
            Number(snapshotSequence) + Number(journalCommands),
            sequence,
          );
        }
        const { client, messages } = await resendAll(
          appliance,
          next,
          got.length,
        );
        assertEquals(messages, got);
        got.push(...await trade(client, `r${run}-`, ORDERS));
        next = client.nextOutbound;
        const directory = `${dataDirectory}/snapshots`;
        const newest = listSnapshots(directory)[0] ?? 0;
        await until(() =>
          (listSnapshots(directory)[0] ?? 0) > newest ||
          run === 2
        );
        // An older one goes just after a new one is there.
        await until(() => listSnapshots(directory).length <= 2);
        await shownSnapshot(appliance);
        await client.close();
        if (killed) await appliance.kill();
        else assertEquals(await appliance.stop(), 0);
        if (!killed) {
          const last = appliance.log.filter((line) =>
            line.message === "snapshot taken"
          ).at(-1)!;
          const state = stateOfJournal(dataDirectory);
          assertEquals(last.sequence, state.sequence);
          assertEquals(last.stateHash, state.stateHash);
        }
      }
      const state = stateOfJournal(dataDirectory);
      await using appliance = await startAppliance(options);
      assertEquals(live(appliance).stateHash, state.stateHash);
      assertEquals(live(appliance).snapshotSequence, state.sequence);
    });
  });
}

Deno.test("a session reset after the snapshot, and one before it, leave nothing behind", async () => {
  await withData(async (dataDirectory) => {
    const options = { dataDirectory, extraToml: SNAPSHOTS };
    let next = 1;
    let got: string[] = [];
    for (let run = 0; run < 4; run++) {
      await using appliance = await startAppliance(options);
      const { client, messages } = await resendAll(appliance, next, got.length);
      assertEquals(messages, got, `run ${run}`);
      got.push(...await trade(client, `a${run}-`, 2 * BETWEEN));
      await client.logout();
      const again = clientOf(appliance, 1, 1);
      await again.connect();
      await again.logon(true);
      // Mostly the newest snapshot is of before the reset, then of after it.
      got = await trade(again, `b${run}-`, run % 2 === 0 ? 100 : 2 * BETWEEN);
      next = again.nextOutbound;
      await again.close();
      await appliance.kill();
    }
  });
});

Deno.test("a damaged snapshot is passed over with a reason; so is one of another capacity", async () => {
  await withData(async (dataDirectory) => {
    const options = { dataDirectory, extraToml: SNAPSHOTS };
    {
      await using appliance = await startAppliance(options);
      const client = clientOf(appliance, 1, 1);
      await client.connect();
      await client.logon();
      await trade(client, "o", ORDERS);
      await client.logout();
      assertEquals(await appliance.stop(), 0);
    }
    const state = stateOfJournal(dataDirectory);
    const directory = `${dataDirectory}/snapshots`;
    const [newest, older] = listSnapshots(directory);
    const path = `${directory}/${snapshotName(newest!)}.snapshot`;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >>> 1]! ^= 1;
    Deno.writeFileSync(path, bytes);
    {
      await using appliance = await startAppliance(options);
      assertEquals(live(appliance).stateHash, state.stateHash);
      assertEquals(live(appliance).snapshotSequence, older);
      const warning = appliance.log.find((line) =>
        line.message === "snapshot passed over"
      )!;
      assertEquals(warning.path, path);
      assert(String(warning.reason).includes("damaged"), warning.message);
      await appliance.kill();
    }
    await using appliance = await startAppliance({
      ...options,
      capacityToml: "orders = 1200000",
    });
    assertEquals(live(appliance).snapshotSequence, 0);
    assert(
      appliance.log.some((line) => String(line.reason).includes("capacity")),
    );
    await appliance.stop();
  });
});

Deno.test("without a snapshot to use, a journal that does not reach back stops the start with a remedy", async () => {
  await withData(async (dataDirectory) => {
    const options = {
      dataDirectory,
      extraToml: SNAPSHOTS,
      journalToml: "segment_mib = 1\ngroup_records_max = 1024",
    };
    {
      await using appliance = await startAppliance(options);
      const client = clientOf(appliance, 1, 1);
      await client.connect();
      await client.logon();
      await trade(client, "o", 9000);
      await client.logout();
      assertEquals(await appliance.stop(), 0);
    }
    const journal = `${dataDirectory}/journal`;
    const state = stateOfJournal(dataDirectory);
    const segments = listSegments(journal);
    assert(segments.length > 1, "one segment is not enough for this test");
    Deno.removeSync(
      `${journal}/${String(segments[0]).padStart(20, "0")}.journal`,
    );
    {
      await using appliance = await startAppliance(options);
      assertEquals(live(appliance).stateHash, state.stateHash);
      assertEquals(await appliance.stop(), 0);
    }
    const refused = await assertRejects(
      () => startAppliance({ ...options, capacityToml: "orders = 1200000" }),
      Error,
      "No snapshot can be used",
    );
    assert(refused.message.includes("another capacity"), refused.message);
    Deno.removeSync(journal, { recursive: true });
    await assertRejects(
      () => startAppliance(options),
      Error,
      "the journal is empty",
    );
  });
});
