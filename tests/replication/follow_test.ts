// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A standby follows a primary, both of them real processes: it has the same
 * state, comes late, loses its connection, and is promoted.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import { Relay } from "../quickfix/relay.ts";
import {
  fixClient,
  freePort,
  type HalfOptions,
  joined,
  logged,
  post,
  rest,
  sameState,
  startHalf,
  until,
} from "./pair.ts";

/** Slots: the fewest there may be. */
const EVENT_RING = 1024;

for (const topology of ["single", "pinned"]) {
  Deno.test(`a standby that joins late has the primary's state and takes its place by command, topology ${topology}`, async () => {
    const [one, two] = [freePort(), freePort()];
    const common = { topology, durability: "written" };
    await using primary = await startHalf({
      ...common,
      role: "primary",
      name: "one",
      port: one,
      peerPort: two,
    });
    const ready = await logged(primary, "ready");
    const client = fixClient(Number(ready.fixPort));
    await client.connect();
    await client.logon();
    await rest(client, 0, 500);
    await using standby = await startHalf({
      ...common,
      role: "standby",
      name: "two",
      port: two,
      peerPort: one,
    });
    await logged(standby, "following");
    await rest(client, 500, 500);
    const { sequence } = await sameState(primary, standby);
    assert(sequence > 1000);
    assertEquals((await standby.get("/health")).status, "standby");
    await until("they are connected", async () => {
      const { replication } = await standby.get("/health");
      return (replication as { connected: boolean }).connected;
    });
    const refused = await post(standby, "/promote", {});
    assertEquals(refused.status, 409, "the primary is connected");
    await client.close();
    await primary.kill();
    await until("the standby knows", async () => {
      const { replication } = await standby.get("/health");
      return !(replication as { connected: boolean }).connected;
    });
    const promoted = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--cached-only",
        "--frozen",
        "--allow-all",
        new URL("../../main.ts", import.meta.url).pathname,
        "promote",
        "--port",
        String(standby.adminPort),
      ],
    }).output();
    const said = new TextDecoder().decode(promoted.stdout);
    assertEquals(promoted.code, 0, said);
    assertEquals(JSON.parse(said).epoch, 2);
    const open = await logged(standby, "ready");
    const again = fixClient(Number(open.fixPort), client);
    await again.connect();
    await again.logon();
    const [report] = await rest(again, 5000, 1);
    assert(report!.includes("11=O5000"));
    await again.close();
    assertEquals(await standby.stop(), 0);
  });
}

Deno.test("a standby that lost its connection catches up from the journal's files", async () => {
  const one = freePort();
  const relay = new Relay();
  relay.target = one;
  try {
    await using primary = await startHalf({
      durability: "written",
      role: "primary",
      name: "one",
      port: one,
      peerPort: freePort(),
    });
    await using standby = await startHalf({
      durability: "written",
      role: "standby",
      name: "two",
      port: freePort(),
      peerPort: relay.port,
    });
    await logged(standby, "following");
    const ready = await logged(primary, "ready");
    const client = fixClient(Number(ready.fixPort));
    await client.connect();
    await client.logon();
    for (let round = 0; round < 3; round++) {
      await rest(client, round * 1000, 300);
      relay.target = 0;
      relay.cut();
      await rest(client, round * 1000 + 500, 300);
      relay.target = one;
      await sameState(primary, standby);
    }
    const losses = await standby.metric("ferrule_replication_losses_total");
    assert(losses >= 3, `${losses} losses`);
    await client.close();
  } finally {
    await relay.close();
  }
});

Deno.test("replicated: nothing is acknowledged that the standby has not, and what it never got is not merged", async () => {
  const [one, two] = [freePort(), freePort()];
  const folder = await Deno.makeTempDir({ prefix: "ferrule-one-" });
  const first: HalfOptions = {
    durability: "replicated",
    role: "primary",
    name: "one",
    dataDirectory: folder,
    port: one,
    peerPort: two,
  };
  try {
    await using primary = await startHalf(first);
    assertEquals((await primary.get("/health")).status, "degraded");
    assertEquals(
      primary.log.some(({ message }) => message === "listening"),
      false,
      "ports are closed without a standby",
    );
    await using standby = await startHalf({
      durability: "replicated",
      role: "standby",
      name: "two",
      port: two,
      peerPort: one,
    });
    const ready = await logged(primary, "ready");
    const client = fixClient(Number(ready.fixPort));
    await client.connect();
    await client.logon();
    await rest(client, 0, 20);

    const losses = () => primary.metric("ferrule_replication_losses_total");
    const lag = () => primary.metric("ferrule_replication_lag");
    // A busy machine may part them for a moment at any time.
    const status = async () => (await primary.get("/health")).status;
    let before = await losses();
    standby.process.kill("SIGSTOP");
    const waiting = rest(client, 100, 10);
    await until("commands wait", async () => await lag() > 0);
    await until(
      "the standby is given up",
      async () => await losses() > before && await status() === "degraded",
    );
    assertEquals(client.waiting(), 0);
    standby.process.kill("SIGCONT");
    assertEquals((await waiting).length, 10);
    await sameState(primary, standby);

    await until("they are a pair again", async () => await status() === "ok");
    before = await losses();
    standby.process.kill("SIGSTOP");
    await until(
      "it is given up again",
      async () => await losses() > before && await status() === "degraded",
    );
    const { sequence: common } = await primary.get("/state");
    const lost = rest(client, 200, 5).catch(() => "never acknowledged");
    await until("they are written", async () => await lag() === 5);
    await primary.kill();
    assertEquals(await lost, "never acknowledged");
    standby.process.kill("SIGCONT");
    await until("the standby knows", async () => {
      const { replication } = await standby.get("/health");
      return !(replication as { connected: boolean }).connected;
    });
    const promoted = await post(standby, "/promote", {});
    assertEquals(promoted.status, 200, JSON.stringify(promoted.body));
    const open = await logged(standby, "ready");
    const again = new FixClient({
      address: "127.0.0.1",
      port: Number(open.fixPort),
      senderCompId: "CLIENT2",
      password: "demo",
    });
    await again.connect();
    await again.logon();
    await rest(again, 300, 1);
    await again.close();

    await using back = await startHalf({ ...first, role: "standby" });
    const failure = await joined(back);
    assertEquals((await back.process.status).code, 1);
    assertStringIncludes(
      failure,
      `5 commands that the primary at 127.0.0.1:${two} does not have: ` +
        `sequences ${Number(common) + 1} to ${Number(common) + 5}`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the operator may acknowledge alone, until a standby has caught up", async () => {
  const [one, two] = [freePort(), freePort()];
  await using primary = await startHalf({
    durability: "replicated",
    role: "primary",
    name: "one",
    port: one,
    peerPort: two,
  });
  const ask = (mode: string) =>
    post(primary, "/control", { command: "replication", mode });
  assertEquals((await ask("together")).status, 400);
  assertEquals((await ask("alone")).status, 200);
  const ready = await logged(primary, "ready");
  const client = fixClient(Number(ready.fixPort));
  await client.connect();
  await client.logon();
  await rest(client, 0, 50);
  assertEquals((await primary.get("/health")).status, "ok");
  await using standby = await startHalf({
    durability: "replicated",
    role: "standby",
    name: "two",
    port: two,
    peerPort: one,
  });
  await logged(primary, "a standby has caught up: it must acknowledge");
  await rest(client, 50, 50);
  await sameState(primary, standby);
  await client.close();
});

for (const topology of ["single", "pinned"]) {
  Deno.test(`a primary without its standby stops in order, with an event ring that is full, topology ${topology}`, async () => {
    const [one, two] = [freePort(), freePort()];
    const common = {
      topology,
      durability: "replicated",
      capacityToml: `event_ring = ${EVENT_RING}`,
    };
    await using primary = await startHalf({
      ...common,
      role: "primary",
      name: "one",
      port: one,
      peerPort: two,
    });
    await using standby = await startHalf({
      ...common,
      role: "standby",
      name: "two",
      port: two,
      peerPort: one,
    });
    const ready = await logged(primary, "ready");
    const client = fixClient(Number(ready.fixPort));
    await client.connect();
    await client.logon();
    await standby.kill();
    await until(
      "the standby is lost",
      async () =>
        await primary.metric("ferrule_replication_losses_total") === 1,
    );
    rest(client, 0, 2 * EVENT_RING).catch(() => "never acknowledged");
    await until(
      "the ring is full",
      async () =>
        await primary.metric('ferrule_ring_depth{ring="event0"}') ===
          EVENT_RING,
    );
    const rounds = () => primary.metric("ferrule_rounds_total");
    const had = await rounds();
    await until(
      "who waits counts rounds, by which a watchdog sees that it lives",
      async () => await rounds() > had,
    );
    let code = -1;
    primary.stop().then((found) => code = found);
    await until("it has ended", () => code !== -1);
    assertEquals(code, 0);
    await client.close();
  });
}

Deno.test("replicated: a start defines more than an event ring holds, before a standby is there", async () => {
  const accounts = Array.from(
    { length: 2 * EVENT_RING },
    (_, i) => `[[accounts]]\nname = "A${i}"`,
  );
  const start = () =>
    startHalf({
      topology: "pinned",
      durability: "replicated",
      capacityToml: `event_ring = ${EVENT_RING}\naccounts = ${4 * EVENT_RING}`,
      role: "primary",
      name: "one",
      port: freePort(),
      peerPort: freePort(),
      extraToml: accounts.join("\n"),
    });
  await using primary = await start();
  assertEquals((await primary.get("/health")).status, "degraded");
  assertEquals(await primary.stop(), 0);
});
