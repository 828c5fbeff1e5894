// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The feed of a real appliance over the kernel's multicast on loopback
 * (`session.ts`), and what becomes of trading when the feed can not be had.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEMO_PASSWORD } from "../../engine/config/mod.ts";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import { type RunningAppliance, startAppliance } from "../appliance/harness.ts";
import { LOOPBACK_PLACE } from "./receiver.ts";
import { feedTest } from "./session.ts";

const WAIT_MS = 30_000;

Deno.test("the feed brings a receiver that loses packets, and one that comes late, to the engine's book after every command; after a restart too", () =>
  feedTest(LOOPBACK_PLACE, 5));

async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!await holds()) {
    assert(performance.now() < deadline, `${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `/health`, and the lines of `/metrics` that name the feed. */
async function seen({ log }: RunningAppliance) {
  const { adminPort } = log.find(({ message }) => message === "ready")!;
  const from = async (path: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  const metric = async (name: string): Promise<number> => {
    const text = await from("/metrics");
    return Number(new RegExp(`^ferrule_${name} (.*)$`, "m").exec(text)![1]);
  };
  return { health: JSON.parse(await from("/health")), metric };
}

Deno.test("an appliance whose feed can not start trades, says so, and begins the feed when it can", async () => {
  // Somebody else has the port for requests.
  const taken = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
  });
  const { port } = taken.addr as Deno.NetAddr;
  let isTaken = true;
  try {
    await using appliance = await startAppliance({
      capacityToml: "orders = 4096\n",
      extraToml: `
[feed]
enabled = true
request_port = ${port}
snapshot_port = 0
restart_ms = 1000
`,
    });
    const failed = (): number =>
      appliance.log.filter(({ message }) =>
        message.startsWith("market data failed; trading goes on")
      ).length;
    await until("the failure", () => failed() >= 2);
    const during = await seen(appliance);
    assertEquals(during.health.status, "degraded");
    assertStringIncludes(during.health.reason, "market data is down");
    assertStringIncludes(during.health.feed.error, "EADDRINUSE");
    assertEquals(await during.metric("feed_up"), 0);
    assertEquals(await during.metric("up"), 1, "orders are taken");
    assert(await during.metric("feed_failures_total") >= 2);
    const client = new FixClient({
      address: "127.0.0.1",
      port: appliance.fixPort,
      senderCompId: "CLIENT1",
      password: DEMO_PASSWORD,
    });
    await client.connect();
    await client.logon();
    client.send(
      "D",
      "11=one|55=AAPL|54=1|38=10|60=20260102-00:00:00|40=2|44=150.00|59=1|",
    );
    const answer = await client.receive(WAIT_MS);
    assertEquals([answer.get(11), answer.get(150)], ["one", "0"]);
    await client.close();
    taken.close();
    isTaken = false;
    await until(
      "the feed",
      () => appliance.log.some(({ message }) => message === "feed started"),
    );
    const after = await seen(appliance);
    assertEquals([after.health.status, after.health.feed.status], ["ok", "up"]);
    assertEquals(await after.metric("feed_up"), 1);
    const started = appliance.log.find(({ message }) =>
      message === "feed started"
    )!;
    assertEquals(started.ordersShown, 1, "with the book as it is by then");
    assertEquals(await appliance.stop(), 0);
  } finally {
    if (isTaken) taken.close();
  }
});
