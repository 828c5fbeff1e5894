// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * An operator changes a running appliance while clients are connected: halts,
 * blocks, cancels, adds. A restart finds it all, also after the plug was
 * pulled.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { defaultConfig, DEMO_KEY } from "../../engine/config/mod.ts";
import { BinaryClient } from "../../engine/gateway/binary/client.ts";
import { FixClient, type FixMessage } from "../../engine/gateway/fix/client.ts";
import { Reason, Side } from "../../engine/record/mod.ts";
import {
  type ServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const ANSWER_MS_MAX = 10_000;
const ONE = 100_000_000n;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Asks as `main.ts control` does. */
async function ask(
  appliance: RunningAppliance,
  request: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Answer> {
  const url = `http://127.0.0.1:${appliance.adminPort}/control`;
  const body = typeof request === "string" ? request : JSON.stringify(request);
  const response = await fetch(url, { method: "POST", headers, body });
  return { status: response.status, body: await response.json() };
}

/** Asks, and expects it to be done. */
async function done(
  appliance: RunningAppliance,
  request: unknown,
): Promise<Record<string, unknown>> {
  const { status, body } = await ask(appliance, request);
  assertEquals(status, 200, JSON.stringify(body));
  return body;
}

async function fixClient(
  appliance: RunningAppliance,
  name: string,
): Promise<FixClient> {
  const client = new FixClient({
    address: "127.0.0.1",
    port: appliance.fixPort,
    senderCompId: name,
    targetCompId: "FERRULE",
    password: "demo",
  });
  await client.connect();
  await client.logon(true);
  return client;
}

/** The next execution report. */
async function report(client: FixClient): Promise<FixMessage> {
  for (;;) {
    const message = await client.receive(ANSWER_MS_MAX);
    if (message.type === "8") return message;
  }
}

/** The next numbered answer of a binary session. */
async function answer(client: BinaryClient): Promise<ServerMessage> {
  await client.flush();
  const message = await client.receiveNumbered(ANSWER_MS_MAX);
  if (message === null) throw new Error("no answer in time");
  return message;
}

async function instruments(appliance: RunningAppliance) {
  const list: unknown = await appliance.get("/instruments");
  return list as { symbol: string; state: string; bandHigh: number }[];
}

for (const topology of ["single", "pinned"]) {
  Deno.test(`an operator halts, blocks, cancels and adds while clients trade, topology ${topology}`, async () => {
    const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-op-" });
    const options = { topology, dataDirectory, durability: "written" };
    const binarySession = { session: 1, key: BigInt(DEMO_KEY) };
    try {
      {
        await using appliance = await startAppliance(options);
        const binary = await BinaryClient.connect({
          link: "tcp",
          hostname: "127.0.0.1",
          port: appliance.binaryTcpPort,
          ...binarySession,
        });
        await binary.logon();
        const buy = (symbol: number, price: bigint) => {
          binary.order({ symbol, side: Side.BUY, quantity: ONE, price });
          return answer(binary);
        };
        assertEquals((await buy(0, ONE)).type, ServerType.ACCEPTED);
        assertEquals((await buy(1, ONE)).type, ServerType.ACCEPTED);

        // A halt is heard by the next order.
        await done(appliance, {
          command: "state",
          instrument: "MSFT",
          state: "cancel-only",
        });
        const refused = await buy(1, 2n * ONE);
        assertEquals(
          [refused.type, refused.reason],
          [ServerType.REJECTED, Reason.STATE_FORBIDS],
        );

        // A new instrument is there for who is connected.
        const unknown = await buy(3, ONE);
        assertEquals(unknown.reason, Reason.UNKNOWN_INSTRUMENT);
        await done(appliance, {
          command: "define-instrument",
          symbol: "NEW",
          tick_size: "0.5",
          lot_size: "1",
          price_band: { low: "1", high: "50" },
        });
        assertEquals((await buy(3, ONE)).type, ServerType.ACCEPTED);
        const outside = await buy(3, 51n * ONE);
        assertEquals(outside.reason, Reason.PRICE_BAND);

        // The kill switch cancels and blocks one session only.
        const killed = await done(appliance, {
          command: "kill",
          session: "binary:1",
        });
        assertEquals(killed.canceled, 3);
        for (let i = 0; i < 3; i++) {
          const canceled = await answer(binary);
          assertEquals(
            [canceled.type, canceled.reason],
            [ServerType.CANCELED, Reason.KILL_SWITCH],
          );
        }
        assertEquals((await buy(0, ONE)).reason, Reason.BLOCKED);
        await binary.close();

        const fix = await fixClient(appliance, "CLIENT1");
        fix.newOrder({
          clOrdId: "a",
          side: "buy",
          symbol: "NEW",
          quantity: "2",
          price: "1.5",
        });
        assertEquals((await report(fix)).get(150), "0");
        const mass = await done(appliance, {
          command: "cancel",
          all: true,
          instrument: "NEW",
        });
        assertEquals(mass.canceled, 1);
        assertEquals((await report(fix)).get(150), "4");
        await fix.close();
        await appliance.kill();
      }
      const defaults = defaultConfig();
      const replayed = replayJournal({
        ...defaults,
        appliance: { ...defaults.appliance, dataDirectory },
      });
      await using appliance = await startAppliance(options);
      const list = await instruments(appliance);
      assertEquals(
        list.map(({ symbol, state }) => [symbol, state]),
        [
          ["AAPL", "open"],
          ["MSFT", "cancel-only"],
          ["BTC-USD", "open"],
          ["NEW", "open"],
        ],
      );
      assertEquals(list[3]!.bandHigh, 50);
      const live = appliance.log.find(({ message }) => message === "live")!;
      assertEquals(live.stateHash, replayed.stateHash);
      const binary = await BinaryClient.connect({
        link: "tcp",
        hostname: "127.0.0.1",
        port: appliance.binaryTcpPort,
        ...binarySession,
      });
      await binary.logon();
      const buy = () => {
        binary.order({ symbol: 3, side: Side.BUY, quantity: ONE, price: ONE });
        return answer(binary);
      };
      assertEquals((await buy()).reason, Reason.BLOCKED);
      await done(appliance, { command: "unlock", session: "binary:1" });
      assertEquals((await buy()).type, ServerType.ACCEPTED);
      await binary.close();
      assertEquals(await appliance.stop(), 0);
    } finally {
      await Deno.remove(dataDirectory, { recursive: true });
    }
  });
}

Deno.test("a timed state ends by itself, and metrics tell of it", async () => {
  await using appliance = await startAppliance();
  const halted = await done(appliance, {
    command: "state",
    all: true,
    state: "halt",
    duration_ms: 100,
    then: "closing-auction",
  });
  assert(Number(halted.sequence) > 0);
  const name = 'ferrule_instrument_state{symbol="AAPL"}';
  const deadline = performance.now() + ANSWER_MS_MAX;
  while (await appliance.metric(name) !== 7) {
    assert(performance.now() < deadline, "the state did not end");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await done(appliance, { command: "uncross", all: true });
  assertEquals(await appliance.metric(name), 0);
  assertEquals(
    await appliance.metric('ferrule_auctions_total{symbol="AAPL"}'),
    1,
  );
  assertEquals(await appliance.metric("ferrule_prevented_matches_total"), 0);
});

Deno.test("/control takes JSON from this host only, and says what is wrong", async () => {
  await using appliance = await startAppliance();
  const cancel = { command: "cancel", all: true };
  assertEquals((await ask(appliance, cancel, {})).status, 415);
  assertEquals(
    (await ask(appliance, cancel, { "content-type": "text/plain" })).status,
    415,
  );
  assertEquals((await ask(appliance, "{")).status, 400);
  assertEquals((await ask(appliance, " ".repeat(70_000))).status, 413);
  const wrong = await ask(appliance, { command: "state", sate: "halt" });
  assertEquals(wrong.status, 400);
  assertEquals(wrong.body.problems, [
    { key: "state", value: "", text: "is missing" },
    { key: "sate", value: "", text: "unknown key; did you mean state?" },
  ]);
  const url = `http://127.0.0.1:${appliance.adminPort}`;
  const get = await fetch(`${url}/control`);
  assertEquals(get.status, 405);
  await get.body?.cancel();
  const post = await fetch(`${url}/health`, { method: "POST" });
  assertEquals(post.status, 405);
  await post.body?.cancel();

  // A web page that got a name to lead here.
  const connection = await Deno.connect({ port: appliance.adminPort });
  const body = JSON.stringify(cancel);
  await connection.write(
    new TextEncoder().encode(
      "POST /control HTTP/1.1\r\nHost: page.example\r\n" +
        "Content-Type: application/json\r\nConnection: close\r\n" +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  const head = new Uint8Array(64);
  await connection.read(head);
  connection.close();
  assert(new TextDecoder().decode(head).startsWith("HTTP/1.1 403"));
  const sequence = (await appliance.get("/health")).sequence;
  assertEquals((await done(appliance, cancel)).sequence, Number(sequence) + 1);
});

Deno.test("main.ts control asks, prints the answer, and ends with 1 if it was refused", async () => {
  await using appliance = await startAppliance();
  const run = async (...words: string[]) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--cached-only",
        "--allow-ffi",
        "--allow-read",
        "--allow-env",
        "--allow-net=127.0.0.1",
        new URL("../../main.ts", import.meta.url).pathname,
        "control",
        "--port",
        String(appliance.adminPort),
        ...words,
      ],
    }).output();
    return { code, text: new TextDecoder().decode(stdout) };
  };
  const halted = await run("state", "instrument=AAPL", "state=halt");
  assertEquals(halted.code, 0);
  assert(halted.text.includes('"sequence"'), halted.text);
  assertEquals((await instruments(appliance))[0]!.state, "halt");
  const refused = await run("state", "instrument=NONE", "state=halt");
  assertEquals(refused.code, 1);
  assert(refused.text.includes("There is no instrument NONE"), refused.text);
  assertEquals((await run()).code, 2);
});
