// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The real appliance on a disk that fails, dawdles and writes in pieces.
 *
 * ```
 *   FIX client ──▶ appliance ──▶ fault shim ──▶ file system
 *        └── accepted, refused with a reason, or nothing
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Reason } from "../../engine/record/mod.ts";
import { startAppliance } from "../appliance/harness.ts";
import { QUIET, startFaulty } from "./faults.ts";
import { live, logged, Trader, untilHealth } from "./trader.ts";

const EIO = 5;
const ENOSPC = 28;
const SLOW_MS = 200;
const SMALL = "segment_mib = 1\ngroup_records_max = 1024\n";

/** Runs a test in a folder for the appliance's data. */
async function withData(
  test: (dataDirectory: string) => Promise<void>,
): Promise<void> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-faulty-" });
  try {
    await test(dataDirectory);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

/** A start on a good disk has the orders that were accepted. */
async function assertKept(
  dataDirectory: string,
  earlier: Trader,
  unanswered = 0,
): Promise<void> {
  await using appliance = await startAppliance({
    dataDirectory,
    durability: "synced",
    extraToml: QUIET,
    journalToml: SMALL,
  });
  const orders = Number(live(appliance).ordersOpen);
  assert(
    orders >= earlier.open.size && orders <= earlier.open.size + unanswered,
    `${orders} orders are there, ${earlier.open.size} were accepted`,
  );
  const trader = await Trader.logon(appliance, earlier);
  for (let i = earlier.open.size; i < orders; i++) await trader.hear();
  for (const id of [...trader.open]) await trader.cancel(id);
  await trader.place();
  await trader.close();
  assertEquals(await appliance.stop(), 0);
}

for (
  const [call, topology] of [["fdatasync", "pinned"], ["pwrite", "single"]]
) {
  Deno.test(`the appliance acknowledges nothing after a failed ${call}, and a start keeps all that was, topology ${topology}`, async () => {
    await withData(async (dataDirectory) => {
      let earlier: Trader;
      {
        await using faulty = await startFaulty({
          dataDirectory,
          topology: topology!,
          durability: "synced",
          journalToml: SMALL,
        });
        const { appliance } = faulty;
        earlier = await Trader.logon(appliance);
        for (let i = 0; i < 5; i++) await earlier.place();
        await faulty.meet(`${call} fail ${EIO}`);
        earlier.send();
        await untilHealth(appliance, "failed");
        await faulty.meet();
        earlier.send();
        await untilHealth(appliance, "failed", (health) => {
          return Number(health.journalLag) >= 2;
        });
        assertEquals(earlier.client.waiting(), 0);
        assertEquals(await appliance.metric("ferrule_journal_errors_total"), 1);
        assertEquals(await appliance.stop(), 1);
        await earlier.close();
      }
      await assertKept(dataDirectory, earlier, 2);
    });
  });
}

Deno.test("the appliance refuses new orders while its disk is slow, cancels in the end, and goes on", async () => {
  await withData(async (dataDirectory) => {
    let earlier: Trader;
    {
      await using faulty = await startFaulty({
        dataDirectory,
        topology: "pinned",
        durability: "synced",
        journalToml: `${SMALL}slow_after_ms = ${SLOW_MS}\n`,
      });
      const { appliance } = faulty;
      const trader = earlier = await Trader.logon(appliance);
      const first = await trader.place();
      await faulty.meet(`fdatasync delay ${SLOW_MS * 5}`);
      const waiting = trader.send();
      const health = await untilHealth(appliance, "degraded");
      assertEquals(health.reason, "The journal's disk is too slow for now");
      // Refused and canceled behind an order that still waits: in this order.
      const late = trader.send();
      trader.client.cancel({
        clOrdId: "late",
        origClOrdId: first,
        symbol: "AAPL",
        side: "buy",
      });
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push(await trader.hear());
      assertEquals(
        answers.map((m) => [m.get(11), m.get(39), m.get(103)]),
        [[waiting, "0", ""], [late, "8", "0"], ["late", "4", ""]],
      );
      assertEquals(answers[1]!.get(58), String(health.reason));
      await faulty.meet();
      await untilHealth(appliance, "ok");
      await trader.place();
      assert(logged(appliance, "new orders are refused, cancels go on"));
      assert(logged(appliance, "new orders are taken again"));
      assert(await appliance.metric("ferrule_journal_slow_total") >= 1);
      await trader.close();
      await appliance.kill();
    }
    await assertKept(dataDirectory, earlier);
  });
});

for (
  const [name, fault] of [
    ["has no room for the next segment", `fallocate fail ${ENOSPC}`],
    ["fails to make the next segment", `fallocate fail ${EIO}`],
  ] as const
) {
  Deno.test(`the appliance refuses new orders while its disk ${name}, and goes on when it can`, async () => {
    await withData(async (dataDirectory) => {
      let earlier: Trader;
      {
        await using faulty = await startFaulty({
          dataDirectory,
          durability: "written",
          journalToml: `${SMALL}free_reserve_mib = 0\n`,
        });
        const { appliance } = faulty;
        const trader = earlier = await Trader.logon(appliance);
        const first = await trader.place();
        await faulty.meet(fault);
        // The segment that is prepared already is used up first.
        for (let left = 20_000; left > 0; left -= 500) {
          for (let i = 0; i < 500; i++) trader.send();
          for (let i = 0; i < 500; i++) await trader.hear();
          const { status } = await appliance.get("/health");
          if (status === "degraded") break;
          assertEquals(status, "ok");
        }
        await trader.refused(Reason.JOURNAL_FULL);
        await trader.cancel(first);
        await faulty.meet();
        await untilHealth(appliance, "ok");
        await trader.place();
        assertEquals(await appliance.metric("ferrule_journal_full_total"), 1);
        await trader.close();
        await appliance.kill();
      }
      await assertKeptMany(dataDirectory, earlier);
    });
  });
}

/** As `assertKept()`, for more orders than one likes to cancel. */
async function assertKeptMany(
  dataDirectory: string,
  earlier: Trader,
): Promise<void> {
  await using appliance = await startAppliance({
    dataDirectory,
    extraToml: QUIET,
    journalToml: SMALL,
  });
  assertEquals(live(appliance).ordersOpen, earlier.open.size);
  const trader = await Trader.logon(appliance, earlier);
  await trader.place();
  await trader.close();
}

Deno.test("the appliance notices nothing of short and interrupted writes", async () => {
  await withData(async (dataDirectory) => {
    let earlier: Trader;
    {
      await using faulty = await startFaulty({
        dataDirectory,
        durability: "synced",
        journalToml: SMALL,
      });
      const { appliance } = faulty;
      const trader = earlier = await Trader.logon(appliance);
      await faulty.meet("pwrite short 100", "pwrite interrupt 2");
      for (let round = 0; round < 20; round++) {
        for (let i = 0; i < 50; i++) trader.send();
        for (let i = 0; i < 50; i++) await trader.hear();
      }
      assertEquals(trader.open.size, 1000);
      await trader.close();
      await appliance.kill();
    }
    await assertKeptMany(dataDirectory, earlier);
  });
});

Deno.test("the appliance acknowledges nothing after its mapped segment was cut by somebody", async () => {
  await withData(async (dataDirectory) => {
    await using appliance = await startAppliance({
      dataDirectory,
      durability: "written",
      extraToml: QUIET,
      journalToml: SMALL,
    });
    const trader = await Trader.logon(appliance);
    for (let i = 0; i < 100; i++) await trader.place();
    const journal = `${dataDirectory}/journal`;
    const [segment] = [...Deno.readDirSync(journal)]
      .map((entry) => entry.name)
      .filter((name) => name.endsWith(".journal"));
    await Deno.truncate(`${journal}/${segment}`, 4096);
    trader.send();
    await untilHealth(appliance, "failed");
    assertEquals(trader.client.waiting(), 0);
    assertEquals(await appliance.metric("ferrule_journal_errors_total"), 1);
    assert(
      appliance.log.some((line) =>
        JSON.stringify(line).includes("write a group to the journal")
      ),
      JSON.stringify(appliance.log.slice(-3)),
    );
    assertEquals(await appliance.stop(), 1);
    await trader.close();
  });
});
