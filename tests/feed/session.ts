// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A session of the feed of a real appliance, over real multicast: a receiver
 * that loses a third of each line asks again, one that comes late begins with
 * a snapshot, and both have the engine's book after every command.
 *
 * ```
 *   FIX ─▶ appliance ─┬─ multicast A, B ─▶ receiver ─────▶ ItchBook ──┐
 *                     ├─ TCP ─▶ snapshot ─▶ late receiver ▶ ItchBook ─┤ equal, command by command
 *                     └─▶ journal ─▶ Replica ─▶ displayed queues ─────┘
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Replica } from "../../engine/appliance/replica.ts";
import { DEMO_PASSWORD, loadConfig } from "../../engine/config/mod.ts";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import { JournalTail } from "../../engine/journal/mod.ts";
import { FeedBuilder, FeedStore } from "../../engine/marketdata/mod.ts";
import {
  CMD_LENGTH_U16,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
} from "../../engine/record/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import {
  type LogLine,
  type RunningAppliance,
  startAppliance,
} from "../appliance/harness.ts";
import { displayedLines } from "../marketdata/displayed.ts";
import { ItchBook } from "../marketdata/itch_book.ts";
import { Random } from "../oracle/random.ts";
import {
  type FeedPlace,
  FeedReceiver,
  type Snapshot,
  takeSnapshot,
} from "./receiver.ts";

const ORDERS = 600;
const WAIT_MS = 30_000;
const GROUPS = ["239.192.77.1", "239.192.77.2"] as const;
const quiet = new Log({
  level: "error",
  format: "json",
  source: "test",
  nowMs: () => 0,
});
const units = () => ({ price: 100, shares: 1 });

function feedToml({ portA, portB, place }: FeedReceiver): string {
  return `
${place.toml}
[feed]
enabled = true
group_a = "${GROUPS[0]}"
port_a = ${portA}
group_b = "${GROUPS[1]}"
port_b = ${portB}
request_port = 0
snapshot_port = 0
heartbeat_ms = 50
end_ms = 3000
history_messages = 65536
snapshot_user = "Glimps"
snapshot_password = "s3cret"
${place.feedToml}
`;
}

const CAPACITY = "orders = 4096\n";

async function until(
  holds: () => boolean,
  what: string,
  poll: () => void,
): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!holds()) {
    assert(performance.now() < deadline, `${what} did not come`);
    poll();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function lineOf(appliance: RunningAppliance, message: string): LogLine {
  return appliance.log.find((line) => line.message === message)!;
}

/** Orders of all kinds around one price; returns when all are answered. */
async function trade(client: FixClient, random: Random, count: number) {
  const name = `${client.nextOutbound}`;
  const sides: ("buy" | "sell")[] = [];
  let last = "";
  for (let i = 0; i < count; i++) {
    const side = random.draw(2) === 1 ? "sell" : "buy";
    const price = (150 + (random.draw(12) - 6) / 100).toFixed(2);
    const before = Math.max(0, i - 1 - random.draw(30));
    const draw = random.draw(10);
    const quantity = String(1 + random.draw(40));
    last = `${name}-${i}`;
    const named = {
      clOrdId: last,
      origClOrdId: `${name}-${before}`,
      symbol: "AAPL",
      side: sides[before] ?? side,
    };
    sides.push(draw < 3 ? named.side : side);
    if (draw < 2) client.cancel(named);
    else if (draw === 2) client.replace({ ...named, quantity, price });
    else {
      // Icebergs, hidden orders, plain ones.
      const terms = draw === 3 ? "111=1|" : draw === 4 ? "111=0|" : "";
      client.send(
        "D",
        `11=${last}|55=AAPL|54=${side === "sell" ? 2 : 1}|38=${quantity}|` +
          `60=20260102-00:00:00|40=2|44=${price}|59=1|${terms}`,
      );
    }
  }
  for (;;) {
    const answer = await client.receive(WAIT_MS);
    if (answer.get(11) === last) return;
  }
}

/** What the engine's book was after each message that ended a command. */
function engineBooks(
  dataDirectory: string,
  toml: string,
  startAfter: number,
  endsWith: number,
): { books: Map<number, string[]>; messages: number } {
  const config = loadConfig(toml, "test");
  const store = new FeedStore(65536);
  const books = new Map<number, string[]>();
  const replica = new Replica({
    config,
    log: quiet,
    gateways: false,
    onEvent: (ring, slot) => builder.onEvent(ring, slot),
  });
  const builder = new FeedBuilder(replica.exchange, store);
  const tail = new JournalTail({
    directory: `${dataDirectory}/journal`,
    fromSequence: 1,
  });
  const mark = (): void => {
    if (replica.sequence === startAfter) {
      builder.start(replica.timeLo, replica.timeHi);
    }
    if (replica.sequence < startAfter) return;
    books.set(store.next - 1, displayedLines(replica.exchange, units));
  };
  mark();
  while (tail.next(endsWith)) {
    for (let at = tail.start; at < tail.end;) {
      builder.begin(
        replica.sequence + 1,
        tail.u32[(at >>> 2) + CMD_TIME_LO_U32]!,
        tail.u32[(at >>> 2) + CMD_TIME_HI_U32]!,
      );
      replica.apply(tail, at);
      replica.settle();
      builder.settle();
      mark();
      at += tail.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    }
  }
  tail.dispose();
  replica.dispose();
  return { books, messages: store.next - 1 };
}

/** Compares a receiver's book with the engine's after each command from `from` on. */
function compare(
  book: ItchBook,
  messages: readonly Uint8Array[],
  from: number,
  books: Map<number, string[]>,
): number {
  let compared = 0;
  for (let number = from; number <= messages.length; number++) {
    const message = messages[number - 1]!;
    book.apply(message, 0, message.length);
    const expected = books.get(number);
    if (expected === undefined) continue;
    assertEquals(book.lines(), expected, `after message ${number}`);
    compared++;
  }
  return compared;
}

function bookOf(snapshot: Snapshot): ItchBook {
  const book = new ItchBook();
  for (const message of snapshot.messages) {
    book.apply(message, 0, message.length);
  }
  return book;
}

/** A session of the feed that has ended, as receivers have it. */
interface Heard {
  readonly messages: readonly Uint8Array[];
  readonly snapshot: Snapshot;
  readonly startAfter: number;
  readonly endsWith: number;
  readonly counts: { readonly lost: number; readonly requested: number };
  /** Numbers of the FIX session. */
  readonly numbers: { readonly outbound: number; readonly inbound: number };
}

/** One run of an appliance: orders, a snapshot, orders, an orderly stop. */
async function hear(
  place: FeedPlace,
  dataDirectory: string,
  seed: number,
  numbers: Heard["numbers"],
): Promise<Heard> {
  const receiver = new FeedReceiver(GROUPS[0], GROUPS[1], seed, place);
  try {
    await using appliance = await startAppliance({
      dataDirectory,
      capacityToml: CAPACITY,
      extraToml: feedToml(receiver),
    });
    await until(
      () => lineOf(appliance, "feed started") !== undefined,
      "the feed's start",
      () => {},
    );
    const open = lineOf(appliance, "feed open");
    const session = String(open.session);
    receiver.open(session, Number(open.requestPort));
    const client = new FixClient({
      address: "127.0.0.1",
      port: appliance.fixPort,
      senderCompId: "CLIENT1",
      password: DEMO_PASSWORD,
      nextOutbound: numbers.outbound,
      nextInbound: numbers.inbound,
    });
    await client.connect();
    await client.logon();
    const random = new Random(seed);
    await trade(client, random, ORDERS / 2);
    const port = Number(open.snapshotPort);
    const login = { user: "GLIMPS", password: "S3cret" };
    assertEquals(await takeSnapshot(port, "OTHER", login), "S");
    const wrong = { ...login, password: "secret" };
    assertEquals(await takeSnapshot(port, session, wrong), "A");
    const snapshot = await takeSnapshot(port, session, login);
    if (typeof snapshot === "string") throw new Error(`rejected: ${snapshot}`);
    await trade(client, random, ORDERS / 2);
    await client.close();
    const poll = () => receiver.poll();
    await until(() => receiver.heartbeats > 0, "a heartbeat", poll);
    const stopped = appliance.stop();
    await until(
      () => receiver.end > 0 && receiver.messages.length === receiver.end - 1,
      "all messages",
      poll,
    );
    assertEquals(await stopped, 0);
    return {
      messages: receiver.messages,
      snapshot,
      startAfter: Number(lineOf(appliance, "feed started").sequence),
      endsWith: Number(lineOf(appliance, "feed ended").sequence),
      counts: receiver,
      numbers: { outbound: client.nextOutbound, inbound: client.nextInbound },
    };
  } finally {
    receiver.dispose();
  }
}

/** Compares what receivers of a session have with the engine. */
function check(dataDirectory: string, heard: Heard): void {
  const { messages, snapshot, counts } = heard;
  assert(
    counts.lost > 0 && counts.requested > 0,
    `${counts.lost} packets lost, ${counts.requested} requests, ${messages.length} messages`,
  );
  const engine = engineBooks(
    dataDirectory,
    `[appliance]\ndata_directory = "${dataDirectory}"\n[capacity]\n${CAPACITY}`,
    heard.startAfter,
    heard.endsWith,
  );
  // The last message is the end of messages.
  assertEquals(messages.length, engine.messages + 1);
  const whole = compare(new ItchBook(), messages, 1, engine.books);
  const late = compare(
    bookOf(snapshot),
    messages,
    snapshot.next,
    engine.books,
  );
  assert(whole > late && late > ORDERS / 10, `${whole}, ${late} compared`);
  const letters = new Set(messages.map((message) => message[0]));
  for (const letter of "SRHAEXDUP") {
    assert(letters.has(letter.charCodeAt(0)), `no message ${letter}`);
  }
}

/** Two runs of an appliance, the second after a restart; receivers have the engine's book after every command. */
export async function feedTest(place: FeedPlace, seed: number): Promise<void> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-feed-" });
  try {
    const start = { outbound: 1, inbound: 1 };
    const first = await hear(place, dataDirectory, seed, start);
    check(dataDirectory, first);
    const second = await hear(place, dataDirectory, seed + 1, first.numbers);
    check(dataDirectory, second);
    // It began with the orders that were there, not with nothing.
    assert(second.startAfter >= first.endsWith);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}
