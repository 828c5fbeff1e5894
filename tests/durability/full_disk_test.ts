// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The real appliance on a file system of its own that is really full, or
 * gives up.
 *
 * ```
 *   room for all ─▶ filled: refused, canceled ─▶ room again: accepted
 *                        └─▶ filled, and on until nothing is left: failed ─▶ room, start: all is there
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Reason } from "../../engine/record/mod.ts";
import {
  type RunningAppliance,
  startAppliance,
  type StartOptions,
} from "../appliance/harness.ts";
import { QUIET } from "./faults.ts";
import { live, Trader, untilHealth } from "./trader.ts";
import { abortVolume, MIB, mountVolume, type Volume } from "./volume.ts";

const SEGMENT_MIB = 2;
const ORDERS = 500;
const ROUNDS_MAX = 200;

function options(volume: Volume): StartOptions {
  return {
    dataDirectory: `${volume.directory}/data`,
    durability: "synced",
    extraToml: QUIET,
    journalToml: `segment_mib = ${SEGMENT_MIB}\ngroup_records_max = 1024\n` +
      "free_reserve_mib = 1\n",
  };
}

/** Orders until the journal has failed. */
async function exhaust(
  appliance: RunningAppliance,
  trader: Trader,
): Promise<void> {
  let failed = false;
  const watching = untilHealth(appliance, "failed").then(() => failed = true);
  for (let round = 0; !failed; round++) {
    assert(round < ROUNDS_MAX, "there is always room");
    for (let i = 0; i < ORDERS; i++) trader.send();
    const hearing = (async () => {
      for (let i = 0; i < ORDERS; i++) await trader.hear();
    })();
    // What is not answered any more ends with the connection.
    hearing.catch(() => {});
    await Promise.race([hearing, watching]);
  }
  await watching;
}

for (const kind of ["tmpfs", "ext4"] as const) {
  Deno.test(`the appliance refuses new orders on a full ${kind}, cancels, goes on with room, fails without any, and starts with all it acknowledged`, async () => {
    const volume = await mountVolume(kind, 48);
    if (typeof volume === "string") {
      console.log(`SKIPPED: full ${kind}: ${volume}`);
      return;
    }
    await using _unmounted = volume;
    await Deno.mkdir(`${volume.directory}/data`);
    let trader: Trader;
    {
      await using appliance = await startAppliance(options(volume));
      trader = await Trader.logon(appliance);
      const first = await trader.place();
      await volume.fill(MIB / 2);
      const health = await untilHealth(appliance, "degraded");
      assertEquals(health.reason, "The journal's disk has no room for now");
      await trader.refused(Reason.JOURNAL_FULL);
      await trader.cancel(first);
      await volume.free();
      await untilHealth(appliance, "ok");
      await trader.place();
      await volume.fill(MIB / 2);
      await untilHealth(appliance, "degraded");
      await exhaust(appliance, trader);
      await untilHealth(appliance, "failed");
      assertEquals(await appliance.stop(), 1);
      await trader.close();
    }
    const earlier = trader;
    await volume.free();
    await using appliance = await startAppliance(options(volume));
    assertEquals(live(appliance).ordersOpen, 1);
    const again = await Trader.logon(appliance, earlier);
    assert(earlier.client.nextInbound > SEGMENT_MIB * 5000, "much was said");
    // What was refused and never acknowledged comes first.
    const id = again.send();
    while ((await again.hear()).get(11) !== id);
    await again.cancel(id);
    for (const left of [...again.open]) await again.cancel(left);
    await again.close();
    assertEquals(await appliance.stop(), 0);
  });
}

Deno.test("the appliance fails when its file system turns read-only, and a start keeps all it acknowledged", async () => {
  const volume = await mountVolume("ext4", 48);
  if (typeof volume === "string") {
    console.log(`SKIPPED: read-only file system: ${volume}`);
    return;
  }
  await using _unmounted = volume;
  await Deno.mkdir(`${volume.directory}/data`);
  let trader: Trader;
  const copy = await Deno.makeTempDir({ prefix: "ferrule-read-only-" });
  try {
    {
      await using appliance = await startAppliance(options(volume));
      trader = await Trader.logon(appliance);
      for (let i = 0; i < 5; i++) await trader.place();
      const refused = await abortVolume(volume);
      if (refused !== undefined) {
        console.log(`SKIPPED: read-only file system: ${refused}`);
        return;
      }
      trader.send();
      await untilHealth(appliance, "failed");
      assertEquals(trader.client.waiting(), 0);
      assertEquals(await appliance.stop(), 1);
      await trader.close();
    }
    // As after a repair: what is stored, on a disk that works.
    const { success } = await new Deno.Command("cp", {
      args: ["-a", `${volume.directory}/data/.`, copy],
    }).output();
    assert(success);
    await using appliance = await startAppliance({
      ...options(volume),
      dataDirectory: copy,
    });
    const orders = Number(live(appliance).ordersOpen);
    assert(orders === 5 || orders === 6, `${orders} orders`);
    assertEquals(await appliance.stop(), 0);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});
