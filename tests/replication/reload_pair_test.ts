// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Both halves of a pair read their files again, the standby first: a session
 * that is new goes on with its numbers at the standby once that is primary.
 * The other way round the standby says that it must be restarted.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import type { RunningAppliance } from "../appliance/harness.ts";
import { freePort, logged, post, sameState, startHalf, until } from "./pair.ts";

const SESSION = (name: string): string =>
  `[[fix.sessions]]\nsender_comp_id = "${name}"\npassword = "demo"\n`;
const INSTRUMENT = (symbol: string): string =>
  `[[instruments]]\nsymbol = "${symbol}"\ntick_size = "0.01"\nlot_size = "1"\n`;

async function reload(half: RunningAppliance, more: string) {
  const text = await Deno.readTextFile(half.configFile);
  await Deno.writeTextFile(half.configFile, text + more);
  return await post(half, "/control", { command: "reload" });
}

async function buy(client: FixClient, clOrdId: string): Promise<string> {
  client.newOrder({
    clOrdId,
    symbol: "NEW",
    side: "buy",
    quantity: "1",
    price: "10",
  });
  return (await client.receive(30_000)).get(150);
}

Deno.test("a pair that is reloaded, the standby first, takes a new session over", async () => {
  const [one, two] = [freePort(), freePort()];
  const common = {
    durability: "written",
    journalToml: "slow_after_ms = 0",
    extraToml: SESSION("A") + INSTRUMENT("AAPL"),
  };
  await using primary = await startHalf({
    ...common,
    role: "primary",
    name: "one",
    port: one,
    peerPort: two,
  });
  const ready = await logged(primary, "ready");
  await using standby = await startHalf({
    ...common,
    role: "standby",
    name: "two",
    port: two,
    peerPort: one,
  });
  await logged(standby, "following");

  const more = SESSION("B") + INSTRUMENT("NEW");
  const first = await reload(standby, more);
  assertEquals([first.status, first.body.commands], [200, 0]);
  assertStringIncludes(String(first.body.notes), "this is the standby");
  const second = await reload(primary, more);
  assertEquals(second.status, 200, JSON.stringify(second.body));
  assert(Number(second.body.commands) > 0);
  assertStringIncludes(String(second.body.notes), "its own file");

  const client = (port: unknown, before?: FixClient) =>
    new FixClient({
      address: "127.0.0.1",
      port: Number(port),
      senderCompId: "B",
      password: "demo",
      ...before && {
        nextOutbound: before.nextOutbound,
        nextInbound: before.nextInbound,
      },
    });
  const b = client(ready.fixPort);
  await b.connect();
  await b.logon();
  assertEquals(await buy(b, "b1"), "0");
  await sameState(primary, standby);

  // The other way round: the primary defines what the standby has not heard of.
  const late = SESSION("C");
  assertEquals((await reload(primary, late)).status, 200);
  await sameState(primary, standby);
  const refused = await reload(standby, late);
  assertEquals(refused.status, 409);
  assertStringIncludes(
    JSON.stringify(refused.body),
    "session C is in the journal",
  );

  await b.close();
  await primary.kill();
  await until("the standby knows", async () => {
    const { replication } = await standby.get("/health");
    return !(replication as { connected: boolean }).connected;
  });
  assertEquals((await post(standby, "/promote", {})).status, 200);
  const open = await logged(standby, "ready");
  const again = client(open.fixPort, b);
  await again.connect();
  await again.logon();
  assertEquals(await buy(again, "b2"), "0");
  // What it was sent before is there: b1 may not come twice.
  assertEquals(await buy(again, "b1"), "8");
  await again.close();
  assertEquals(await standby.stop(), 0);
});
