// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How the appliance ends: in order, with a word to every client; and when its
 * journal's disk is full, with nothing acknowledged that could be lost.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { defaultConfig, DEMO_KEY } from "../../engine/config/mod.ts";
import { BinaryClient } from "../../engine/gateway/binary/client.ts";
import { Reason, Side } from "../../engine/record/mod.ts";
import { ServerType } from "../../engine/wire/binary/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const TOPOLOGIES = ["single", "pinned"] as const;
const FAILURE_MS = 10_000;
const BATCH = 64;
/** Batches that fill the small disk several times over. */
const BATCHES_MAX = 20_000;

function logonTo(
  link: "tcp" | "udp",
  port: number,
  session: number,
): Promise<BinaryClient> {
  return BinaryClient.connect({
    link,
    hostname: "127.0.0.1",
    port,
    session,
    key: BigInt(DEMO_KEY),
  });
}

for (
  const [topology, transport] of [
    ...TOPOLOGIES.map((topology) => [topology, "io_uring"] as const),
    ["single", "plain"] as const,
  ]
) {
  Deno.test(`an orderly stop tells TCP and UDP clients, topology ${topology}, transport ${transport}`, async () => {
    await using appliance = await startAppliance({ topology, transport });
    const clients = [
      await logonTo("tcp", appliance.binaryTcpPort, 1),
      await logonTo("udp", appliance.binaryUdpPort, 2),
    ];
    for (const client of clients) await client.logon();
    const stopped = appliance.stop();
    for (const client of clients) {
      let last = await client.receive(FAILURE_MS);
      while (last !== null && last.type !== ServerType.END) {
        last = await client.receive(FAILURE_MS);
      }
      assertEquals(last?.reason, Reason.SHUTTING_DOWN);
      await client.close();
    }
    assertEquals(await stopped, 0);
  });
}

async function run(...command: string[]): Promise<boolean> {
  const { success } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

/** Orders, refused ones too, until nothing is acknowledged any more; returns the newest answer's number. */
async function tradeUntilSilent(appliance: RunningAppliance): Promise<number> {
  const client = await logonTo("tcp", appliance.binaryTcpPort, 1);
  await client.logon();
  let newest = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch++) {
    for (let i = 0; i < BATCH; i++) {
      client.order({
        symbol: 0,
        side: i % 2 === 0 ? Side.BUY : Side.SELL,
        quantity: 100_000_000,
        price: 18_750_000_000,
      });
    }
    await client.flush();
    let silent = false;
    // Each pair of orders is accepted and filled, two answers an order; or refused, one.
    for (let answer = 0; answer < 2 * BATCH;) {
      const message = await client.receiveNumbered(2000);
      if (message === null) {
        silent = true;
        break;
      }
      newest = message.sequence;
      answer += message.type === ServerType.REJECTED ? 2 : 1;
    }
    // Where refusing began, one of a pair had nothing to trade with.
    if (silent && (await appliance.get("/health")).status === "failed") {
      await client.close();
      return newest;
    }
  }
  throw new Error(`the disk was not full after ${BATCHES_MAX} batches`);
}

for (const topology of TOPOLOGIES) {
  const name =
    `a full disk ends acknowledgements, and loses none, topology ${topology}`;
  Deno.test(name, async () => {
    const mount = await Deno.makeTempDir({ prefix: "ferrule-small-" });
    const size = "size=20m";
    if (!await run("mount", "-t", "tmpfs", "-o", size, "tmpfs", mount)) {
      console.log(`SKIPPED: ${name}: a small tmpfs can not be mounted here`);
      return;
    }
    const dataDirectory = `${mount}/data`;
    const options = {
      topology,
      dataDirectory,
      journalToml: "segment_mib = 4\ngroup_records_max = 4096\n" +
        "free_reserve_mib = 0",
    };
    try {
      await Deno.mkdir(dataDirectory);
      let newest = 0;
      {
        await using appliance = await startAppliance(options);
        newest = await tradeUntilSilent(appliance);
        assert(newest > 0);
        assertEquals((await appliance.get("/health")).status, "failed");
        assertEquals(await appliance.stop(), 1);
        const errors = appliance.log.filter((line) => line.level === "error");
        assert(errors.some((line) => line.message.includes("ENOSPC")));
      }
      assert(await run("mount", "-o", "remount,size=400m", mount));
      const defaults = defaultConfig();
      const replayed = replayJournal({
        ...defaults,
        appliance: { ...defaults.appliance, dataDirectory },
      });
      await using appliance = await startAppliance(options);
      const live = appliance.log.find((line) => line.message === "live")!;
      assertEquals(live.stateHash, replayed.stateHash);
      const client = await logonTo("tcp", appliance.binaryTcpPort, 1);
      const answer = await client.logon();
      // Leaves: number of the appliance's next answer.
      assert(Number(answer.leaves) > newest, "an acknowledged answer is gone");
      await client.close();
      assertEquals(await appliance.stop(), 0);
    } finally {
      await run("umount", "-l", mount);
      await Deno.remove(mount);
    }
  });
}
