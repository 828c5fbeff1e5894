// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Clients keep every byte that the appliance sends; `inspect messages` makes
 * the same bytes from the journal alone, over a killed appliance and its
 * restart.
 *
 * ```
 *   FIX client ────▶ appliance ──SIGKILL──▶ appliance ──▶ journal
 *   binary client ─▶    │ bytes                │ bytes       │ inspect messages
 *                       └────────── equal ─────┴─────────────┘
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DEMO_KEY } from "../../engine/config/mod.ts";
import { frameMessage } from "../../engine/gateway/fix/client.ts";
import { ClientType } from "../../engine/wire/binary/mod.ts";
import { type RunningAppliance, startAppliance } from "../appliance/harness.ts";
import { jsonLines, runMain } from "./cli.ts";
import {
  field,
  fixMessages,
  latin,
  RecordingBinary,
  RecordingFix,
} from "./recording_clients.ts";

const SOH = "\x01";
const LOGON = "98=0|108=1|553=CLIENT1|554=demo|";
const UNIT = 100_000_000n;
const SYMBOL = "AAPL";

function order(id: string, side: number, quantity: number, price: string) {
  return `11=${id}|55=${SYMBOL}|54=${side}|60=now|38=${quantity}|40=2|` +
    `44=${price}|`;
}

function binaryOrder(side: number, quantity: bigint, price: bigint) {
  return {
    type: ClientType.NEW_ORDER,
    symbol: 0,
    side,
    quantity: quantity * UNIT,
    price: price * UNIT / 100n,
  };
}

/** Everything of a FIX session that has an answer. */
async function trade(
  fix: RecordingFix,
  binary: RecordingBinary,
): Promise<void> {
  const id = (name: string) => `${name}${fix.next}`;
  const first = id("A");
  await fix.send("D", order(first, 1, 300, "187.50"));
  await fix.message((one) => field(one, 11) === first);
  const before = binary.numbered.size;
  await binary.orders([
    binaryOrder(2, 100n, 18_750n),
    binaryOrder(2, 50n, 18_900n),
    binaryOrder(3, 50n, 18_900n),
    { type: ClientType.CANCEL, symbol: 0, side: 2, reference: 1_000_000 },
  ]);
  await binary.until(() => binary.numbered.size >= before + 5);
  await fix.message((one) =>
    field(one, 11) === first && field(one, 150) === "F"
  );
  const second = id("B");
  await fix.send(
    "G",
    `41=${first}|${order(second, 1, 400, "187.40")}`,
  );
  await fix.message((one) => field(one, 11) === second);
  const third = id("C");
  await fix.send(
    "F",
    `11=${third}|41=${second}|55=${SYMBOL}|54=1|60=now|38=400|`,
  );
  await fix.message((one) => field(one, 11) === third);
  // Refused by the exchange, by the gateway, by the session's rules.
  await fix.send("D", order(id("D"), 1, 300, "187.505"));
  await fix.send("F", `11=${id("E")}|41=NO|55=${SYMBOL}|54=1|60=now|38=1|`);
  await fix.send("D", `11=${id("F")}|55=${SYMBOL}|54=1|60=now|40=2|44=1|`);
  await fix.send("D", order(id("G"), 1, 300, "1").replace(SYMBOL, "NONE"));
  await fix.send("R", `131=${id("H")}|`);
  const test = id("T");
  await fix.send("1", `112=${test}|`);
  await fix.message((one) => field(one, 112) === test);
  // Iceberg, stop, immediate or cancel, mass cancel.
  await fix.send("D", `${order(id("I"), 1, 300, "187.00")}111=100|`);
  await fix.send(
    "D",
    `11=${id("S")}|55=${SYMBOL}|54=1|60=now|38=100|40=3|99=190.00|`,
  );
  await fix.send("D", `${order(id("J"), 1, 10, "1.00")}59=3|`);
  const mass = id("M");
  await fix.send("q", `11=${mass}|530=7|60=now|`);
  await fix.message((one) => field(one, 35) === "r" && field(one, 11) === mass);
}

/** Waits for what comes to a silent client: Heartbeat, TestRequest. */
async function staySilent(fix: RecordingFix): Promise<void> {
  const from = fix.messages.length;
  const came = (type: string) =>
    fix.messages.slice(from).some((one) => field(one, 35) === type);
  await fix.until(() => came("0") && came("1"));
  await fix.send("0", `112=${field(fix.messages.at(-1)!, 112)}|`);
}

async function messagesOf(
  name: string,
  data: string,
): Promise<Map<number, Uint8Array>> {
  const { code, out, error } = await runMain(
    ["inspect", "--data", data, "--json", "messages", name],
    [data],
  );
  assertEquals(code, 0, error);
  return new Map(
    jsonLines(out).map((line) => [
      Number(line.number),
      Uint8Array.from(
        String(line.bytes).match(/../g)!,
        (byte) => parseInt(byte, 16),
      ),
    ]),
  );
}

/** What a message sent again was when it went out first. */
function firstSending(message: string): string {
  const original = field(message, 122);
  const body = message.split(SOH)
    .filter((part) => !/^(8|9|10|43|122)=/.test(part) && part !== "")
    .map((part) => part.startsWith("52=") ? `52=${original}` : part)
    .join(SOH);
  return frameMessage(body + SOH);
}

async function start(data: string): Promise<RunningAppliance> {
  return await startAppliance({ dataDirectory: data });
}

/** Compares a connection's whole stream; messages sent again with their first sending. @returns Numbers seen. */
function compareStream(
  bytes: Uint8Array,
  made: ReadonlyMap<number, Uint8Array>,
): Set<number> {
  const seen = new Set<number>();
  const messages = fixMessages(bytes);
  assertEquals(messages.join(""), latin(bytes), "something is no message");
  for (const message of messages) {
    const number = Number(field(message, 34));
    const again = field(message, 43) === "Y";
    if (again && field(message, 35) === "4") continue;
    seen.add(number);
    const expected = latin(made.get(number) ?? new Uint8Array());
    assertEquals(again ? firstSending(message) : message, expected);
  }
  return seen;
}

Deno.test("inspect messages makes every byte that clients received, over a kill", async () => {
  const data = await Deno.makeTempDir({ prefix: "ferrule-inspect-" });
  const streams: Uint8Array[] = [];
  const answers: Map<number, Uint8Array>[] = [];
  try {
    {
      await using appliance = await start(data);
      const { fixPort, binaryTcpPort } = appliance;
      const fix = await RecordingFix.connect(fixPort, "CLIENT1", 1);
      const binary = await RecordingBinary.connect(binaryTcpPort, 1, 1);
      await fix.send("A", LOGON);
      await fix.message((one) => field(one, 35) === "A");
      await binary.logon(BigInt(DEMO_KEY), 1);
      await trade(fix, binary);
      await staySilent(fix);
      await trade(fix, binary);
      // Whether it gets an answer is chance.
      await fix.send("D", order("LAST", 1, 1, "1.00"));
      await appliance.kill();
      await fix.end();
      await binary.end();
      streams.push(fix.bytes);
      answers.push(binary.numbered);
    }
    const lost = fixMessages(streams[0]!).length - 3;
    {
      await using appliance = await start(data);
      const { fixPort, binaryTcpPort } = appliance;
      // A number ahead: whatever of ours was lost is asked for again.
      const fix = await RecordingFix.connect(fixPort, "CLIENT1", 1000);
      const binary = await RecordingBinary.connect(binaryTcpPort, 1, 1);
      await fix.send("A", LOGON);
      await fix.message((one) => field(one, 35) === "2");
      const expected = Number(
        field(fix.messages.find((one) => field(one, 35) === "2")!, 7),
      );
      fix.next = expected;
      await fix.send("4", `43=Y|122=20260101-00:00:00.000|123=Y|36=1001|`);
      fix.next = 1001;
      await binary.logon(BigInt(DEMO_KEY), 1);
      binary.next = Number(
        new DataView(binary.packets[0]!.messages[0]!.buffer)
          .getBigUint64(16, true),
      );
      await trade(fix, binary);
      await fix.send("2", `7=${lost}|16=0|`);
      await fix.message((one) => field(one, 43) === "Y");
      await trade(fix, binary);
      await fix.send("5", "");
      await fix.message((one) => field(one, 35) === "5");
      await binary.logout();
      await binary.end();
      await appliance.stop();
      await fix.end();
      streams.push(fix.bytes);
      answers.push(binary.numbered);
    }
    const made = await messagesOf("CLIENT1", data);
    const seen = streams.map((bytes) => compareStream(bytes, made));
    // The first connection saw each number from 1 on, and nothing else.
    const { size } = seen[0]!;
    assert(size > 30, `only ${size} messages were compared`);
    assertEquals([...seen[0]!], Array.from({ length: size }, (_, i) => i + 1));
    const all = new Set(seen.flatMap((numbers) => [...numbers]));
    assert(all.has(made.size), "the newest message was received");
    const binaryMade = await messagesOf("binary:1", data);
    for (const received of answers) {
      assert(received.size >= 10);
      for (const [number, bytes] of received) {
        assertEquals(bytes, binaryMade.get(number), `binary message ${number}`);
      }
    }
    // The second connection asked for all from 1 on.
    assertEquals(answers[1]!.size, binaryMade.size);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
