// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Warming gateways up: that every message of the warm-up went the whole way,
 * and that nothing of it is left in an appliance that starts.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { warmUpGateway } from "../../engine/appliance/warm_gateway.ts";
import type { Workshop } from "../../engine/appliance/workshop.ts";
import { defaultConfig, DEMO_KEY } from "../../engine/config/mod.ts";
import { BinaryClient } from "../../engine/gateway/binary/client.ts";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { startAppliance } from "./harness.ts";

/** What a warm-up takes of a workshop. */
function workshop(): { made: Workshop; lines: string[] } {
  const lines: string[] = [];
  const log = new Log({
    level: "debug",
    format: "json",
    source: "test",
    nowMs: () => 0,
    write: (line) => lines.push(new TextDecoder().decode(line)),
  });
  const config = defaultConfig();
  return { made: { config, log } as Workshop, lines };
}

Deno.test("warmUpGateway() gets an answer to every message, over FIX, TCP and UDP", () => {
  const { made, lines } = workshop();
  // Of four messages three are orders, two of which trade, and one cancels: six answers. And the logons.
  const answers = 8000 / 4 * 6;
  assertEquals(warmUpGateway(made, 0), {
    fix: answers + 1,
    binary: 2 * (answers + 1),
  });
  assertEquals(lines, []);
});

Deno.test("warmUpGateway() of a gateway over DPDK has datagrams alone", () => {
  const { made } = workshop();
  assertEquals(warmUpGateway(made, 1), { fix: 0, binary: 12_001 });
});

Deno.test("warmUpGateway() takes any limits of the configuration", () => {
  const { made } = workshop();
  const config = defaultConfig();
  const { fix } = warmUpGateway({
    ...made,
    config: {
      ...config,
      fix: {
        ...config.fix,
        targetCompId: "OTHER",
        heartBtIntMaxS: 1,
        messageBytesMax: 512,
        sendingTimeToleranceS: 1,
      },
      replication: { ...config.replication, leaseServers: ["192.0.2.1:1"] },
    },
  }, 0);
  assert(fix > 10_000, `${fix} answers`);
});

for (const topology of ["single", "pinned"]) {
  Deno.test(`nothing of the warm-up is left in an appliance, topology ${topology}`, async () => {
    await using appliance = await startAppliance({
      topology,
      extraToml: 'level = "debug"\n',
    });
    const warmed = appliance.log.filter(({ message }) =>
      message === "warmed up"
    );
    assertEquals(
      warmed.map(({ source }) => source).sort(),
      ["exchange", "gateway0"],
    );
    for (
      const name of [
        "fix_messages_received_total",
        "fix_messages_sent_total",
        "fix_logons_total",
        "binary_messages_received_total",
        "binary_messages_sent_total",
        "bytes_received_total",
        "connections_accepted_total",
        "connections_open",
        "orders_total",
        "latency_seconds_count",
      ]
    ) assertEquals(await appliance.metric(`ferrule_${name}`), 0, name);
    const fix = new FixClient({
      address: "127.0.0.1",
      port: appliance.fixPort,
      senderCompId: "CLIENT1",
      password: "demo",
    });
    await fix.connect();
    assertEquals((await fix.logon()).number(34), 1);
    await fix.logout();
    const binary = await BinaryClient.connect({
      link: "tcp",
      hostname: "127.0.0.1",
      port: appliance.binaryTcpPort,
      session: 1,
      key: BigInt(DEMO_KEY),
    });
    await binary.logon();
    assertEquals(binary.nextNumber, 1);
    assertEquals(binary.expectedNumber, 1);
    await binary.close();
    // The CHECKPOINT at the end has the live state's digest: the replay, which
    // warms nothing up, compares its own with it.
    assertEquals(await appliance.stop(), 0);
    const stopped = appliance.log.find(({ message }) => message === "stopped");
    const config = defaultConfig();
    const { dataDirectory } = appliance;
    const replayed = replayJournal({
      ...config,
      appliance: { ...config.appliance, dataDirectory },
    });
    assertEquals(replayed.sequence, stopped!.sequence);
  });
}
