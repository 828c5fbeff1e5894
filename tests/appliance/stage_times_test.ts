// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Stage times of answers, as a client of the binary protocol gets them from
 * the running appliance over real sockets.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BinaryClient } from "../../engine/gateway/binary/mod.ts";
import { OrdType, Side, TimeInForce } from "../../engine/record/mod.ts";
import {
  type AnswerStages,
  answerStages,
  type ServerMessage,
  ServerType,
  SIDE_TIMES,
} from "../../engine/wire/binary/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const KEY = 1869440356n;
const E8 = 100_000_000n;
/** A disk that is slow for a while must not refuse orders here. */
const JOURNAL = { journalToml: "slow_after_ms = 0" };

function connect(
  server: RunningAppliance,
  session: number,
  options: { link?: "tcp" | "udp"; times?: boolean; version?: number } = {},
): Promise<BinaryClient> {
  const link = options.link ?? "tcp";
  return BinaryClient.connect({
    hostname: "127.0.0.1",
    port: link === "tcp" ? server.binaryTcpPort : server.binaryUdpPort,
    session,
    key: KEY,
    ...options,
    link,
  });
}

function limit(side: 1 | 2, price = 100n) {
  return {
    symbol: 0,
    side,
    quantity: 10n * E8,
    price: price * E8,
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.DAY,
  };
}

/** Everything up to the stage times of answer `last`. */
async function until(
  client: BinaryClient,
  last: number,
): Promise<{ answers: ServerMessage[]; stages: AnswerStages[] }> {
  const answers: ServerMessage[] = [];
  const stages: AnswerStages[] = [];
  while (stages.at(-1)?.answer !== last) {
    const message = await client.receive();
    if (message === null) throw new Error(`no stage times of answer ${last}`);
    if (message.sequence > 0) answers.push(message);
    else if (message.type === ServerType.TIMES) {
      stages.push(answerStages(message));
    }
  }
  return { answers, stages };
}

/** Own messages: all times are there, and in their order. */
function assertOrdered(times: AnswerStages): void {
  const { receivedNs, sequencedNs, matchedNs, sentNs } = times;
  assert(receivedNs > 0n, `not received: ${show(times)}`);
  assert(receivedNs <= sequencedNs, show(times));
  assert(sequencedNs <= matchedNs, show(times));
  assert(matchedNs <= sentNs, show(times));
}

function show(times: AnswerStages): string {
  return JSON.stringify(
    times,
    (_, value) => typeof value === "bigint" ? String(value) : value,
  );
}

for (const topology of ["single", "pinned"]) {
  for (const link of ["tcp", "udp"] as const) {
    for (const timestamps of ["poll", "kernel"]) {
      Deno.test(`stage times over ${link}, threads ${topology}, receipt by ${timestamps}: all there and in order`, async () => {
        await using server = await startAppliance({
          ...JOURNAL,
          topology,
          transportToml: `timestamps = "${timestamps}"`,
        });
        const client = await connect(server, 1, { link, times: true });
        const hello = await client.logon();
        assertEquals(hello.side, SIDE_TIMES, "the logon says that times come");
        const buy = client.order(limit(Side.BUY));
        client.order(limit(Side.SELL));
        client.cancel(buy);
        await client.flush();
        // Accepted; accepted, filled, filled; the cancel comes too late.
        const { answers, stages } = await until(client, 5);
        assertEquals(
          answers.map(({ type }) => String.fromCharCode(type)).join(""),
          "AAFFK",
        );
        assertEquals(stages.map(({ answer }) => answer), [1, 2, 3, 4, 5]);
        for (const [i, times] of stages.entries()) {
          assertEquals(times.sequencedNs, answers[i]!.timeNs);
          // A resting order's fill is another message's doing.
          if (times.cause === 0) assertEquals(times.receivedNs, 0n);
          else assertOrdered(times);
        }
        const causes = stages.map(({ cause }) => cause);
        assertEquals([...causes].sort(), [0, 1, 2, 2, 3]);
        await client.close();
        assertEquals(await server.stop(), 0);
      });
    }
  }
}

Deno.test("stage times: what is sent again comes without, what is older than the logon with the engine's alone", async () => {
  await using server = await startAppliance(JOURNAL);
  const plain = await connect(server, 1);
  await plain.logon();
  plain.order(limit(Side.BUY));
  await plain.flush();
  assertEquals((await plain.receiveNumbered())?.type, ServerType.ACCEPTED);
  await plain.close();

  const client = await connect(server, 1, { times: true });
  await client.logon(1);
  const { answers, stages: [old] } = await until(client, 1);
  assertEquals(old?.sequencedNs, answers[0]!.timeNs);
  assertEquals([old?.receivedNs, old?.matchedNs, old?.cause], [0n, 0n, 0]);
  await client.retransmit(1);
  client.order(limit(Side.BUY, 99n));
  await client.flush();
  const { answers: later, stages } = await until(client, 2);
  assertEquals(later.map(({ sequence }) => sequence).sort(), [1, 2]);
  assertEquals(stages.map(({ answer }) => answer), [2]);
  await client.close();
  assertEquals(await server.stop(), 0);
});

Deno.test("stage times: who does not ask gets none, and neither does version 1", async () => {
  await using server = await startAppliance(JOURNAL);
  const plain = await connect(server, 1);
  assertEquals((await plain.logon()).side, 0);
  plain.order(limit(Side.BUY));
  await plain.flush();
  assertEquals((await plain.receive())?.type, ServerType.ACCEPTED);
  await plain.heartbeat();
  assertEquals((await plain.receive())?.type, ServerType.HEARTBEAT);

  const first = await connect(server, 2, { version: 1, times: true });
  const refused = await first.logon().then(() => "taken", () => "refused");
  assertEquals(refused, "refused");
  await first.close();
  await plain.close();
  assertEquals(await server.stop(), 0);
});

Deno.test("stage times: without a flight recorder the logon says that none come", async () => {
  await using server = await startAppliance({
    ...JOURNAL,
    extraToml: "[flight_recorder]\nslots = 0\n",
  });
  const client = await connect(server, 1, { times: true });
  assertEquals((await client.logon()).side, 0);
  client.order(limit(Side.BUY));
  await client.flush();
  assertEquals((await client.receive())?.type, ServerType.ACCEPTED);
  await client.heartbeat();
  assertEquals((await client.receive())?.type, ServerType.HEARTBEAT);
  await client.close();
  assertEquals(await server.stop(), 0);
});
