// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The plug is pulled at random moments under load; after each restart every
 * message that the client had received must come again, byte for byte, and
 * the running state must equal that of a fresh replay of the journal.
 *
 * ```
 *   binary client ──orders──▶ appliance ──SIGKILL──▶ appliance ──▶ resend 1..n
 *        keeps every answer ◀───┘                        compare ◀────┘
 *                              journal ──▶ fresh replay ──▶ compare state hash
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { replayJournal } from "../../engine/appliance/offline.ts";
import { defaultConfig, DEMO_KEY } from "../../engine/config/mod.ts";
import {
  CLIENT_COUNT_TCP_MAX,
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  HEADER_BYTES,
  SERVER_CAUSE,
  SERVER_MESSAGE_BYTES,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? 10);
const SEED = 20_120_621;
const SESSION = 1;
const BATCH = 64;
/** Messages without an answer at a time: what a client can miss stays stored. */
const OUTSTANDING_MAX = 4096;
/** Answers that the appliance keeps for a binary session. */
const STORED = 65_536;

/** xorshift32 (Marsaglia 2003). */
function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** What the client knows for sure, over all connections. */
class Ledger {
  /** Every numbered answer as received, by its number. */
  readonly answers: Uint8Array[] = [];
  /** Number of the next message that the client sends. */
  next = 1;
  /** Newest message of ours that was answered. */
  answered = 0;

  /** Stores a packet's numbered answers. */
  keep(packet: Uint8Array): void {
    keepAnswers(packet, this.answers);
    const last = packet.length - SERVER_MESSAGE_BYTES;
    const view = new DataView(packet.buffer, packet.byteOffset);
    for (let at = HEADER_BYTES; at <= last; at += SERVER_MESSAGE_BYTES) {
      // A fill carries its match number in that place.
      if (packet[at] === ServerType.FILLED) continue;
      const cause = view.getUint32(at + SERVER_CAUSE, true);
      if (cause > this.answered) this.answered = cause;
    }
  }
}

/** One connection: sends batches, keeps answers. */
class Client {
  readonly #connection: Deno.Conn;
  readonly #ledger: Ledger;
  #carry = new Uint8Array(0);
  /** At logon: number of the appliance's next answer. */
  nextAnswer = 0;

  private constructor(connection: Deno.Conn, ledger: Ledger) {
    this.#connection = connection;
    this.#ledger = ledger;
  }

  /** Connects and logs on; asks for answers from `wanted` on (0 = none), which go to `take`. */
  static async logon(
    port: number,
    ledger: Ledger,
    wanted: number,
    take: (packet: Uint8Array) => void,
  ): Promise<Client> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const client = new Client(connection, ledger);
    await client.#send(0, [{
      type: ClientType.LOGON,
      quantity: BigInt(DEMO_KEY),
      price: wanted,
    }]);
    for (;;) {
      const packets = await client.#receive();
      packets.forEach(take);
      const answer = packets.find((packet) =>
        packet[HEADER_BYTES] === ServerType.LOGON_ACCEPTED
      );
      if (answer === undefined) continue;
      const view = new DataView(answer.buffer, answer.byteOffset);
      ledger.next = Number(view.getBigUint64(HEADER_BYTES + 16, true));
      ledger.answered = ledger.next - 1;
      client.nextAnswer = Number(view.getBigUint64(HEADER_BYTES + 40, true));
      return client;
    }
  }

  close(): void {
    this.#connection.close();
  }

  async orders(messages: readonly ClientMessage[]): Promise<void> {
    await this.#send(this.#ledger.next, messages);
    this.#ledger.next += messages.length;
  }

  async #send(
    sequence: number,
    messages: readonly ClientMessage[],
  ): Promise<void> {
    assert(messages.length <= CLIENT_COUNT_TCP_MAX);
    const packet = encodeClientPacket(SESSION, sequence, messages);
    for (let at = 0; at < packet.length;) {
      at += await this.#connection.write(packet.subarray(at));
    }
  }

  /** Takes answers until the connection breaks or `enough`. */
  async collect(
    take: (packet: Uint8Array) => void,
    enough: () => boolean,
  ): Promise<void> {
    while (!enough()) (await this.#receive()).forEach(take);
  }

  /** Whole packets of the next read. */
  async #receive(): Promise<Uint8Array[]> {
    const chunk = new Uint8Array(65_536);
    const count = await this.#connection.read(chunk);
    if (count === null) throw new Deno.errors.ConnectionReset("end of stream");
    const bytes = new Uint8Array(this.#carry.length + count);
    bytes.set(this.#carry);
    bytes.set(chunk.subarray(0, count), this.#carry.length);
    const packets: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const messages = bytes[at + 2]! | bytes[at + 3]! << 8;
      const length = HEADER_BYTES + messages * SERVER_MESSAGE_BYTES;
      if (bytes.length - at < length) break;
      packets.push(bytes.slice(at, at + length));
      at += length;
    }
    this.#carry = bytes.slice(at);
    return packets;
  }
}

function hex(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "missing";
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/** Stores a packet's numbered messages by number. */
function keepAnswers(packet: Uint8Array, into: Uint8Array[]): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const first = Number(view.getBigUint64(8, true));
  if (first === 0) return;
  const count = view.getUint16(2, true);
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + i * SERVER_MESSAGE_BYTES;
    into[first + i] = packet.slice(at, at + SERVER_MESSAGE_BYTES);
  }
}

/** A batch of orders around one price, some of which trade, some are canceled. */
function batch(first: number, next: () => number): ClientMessage[] {
  return Array.from({ length: BATCH }, (_, i): ClientMessage => {
    const symbol = Math.floor(next() * 2);
    if (i > 0 && next() < 0.3) {
      const reference = first + Math.floor(next() * i);
      return { type: ClientType.CANCEL, symbol: 0, side: 1, reference };
    }
    return {
      type: ClientType.NEW_ORDER,
      symbol,
      side: next() < 0.5 ? 1 : 2,
      quantity: BigInt(1 + Math.floor(next() * 100)) * 100_000_000n,
      price: BigInt(18_700 + Math.floor(next() * 100)) * 1_000_000n,
    };
  });
}

/** Trades until killed; answers land in the ledger. */
async function tradeUntilKilled(
  appliance: RunningAppliance,
  ledger: Ledger,
  next: () => number,
): Promise<void> {
  const take = (packet: Uint8Array): void => ledger.keep(packet);
  const client = await Client.logon(appliance.binaryTcpPort, ledger, 0, take);
  let broken = false;
  const reading = client.collect(take, () => false)
    .catch(() => broken = true);
  const killAt = Math.floor(50 + next() * 350);
  const killing = new Promise((resolve) => setTimeout(resolve, killAt))
    .then(() => appliance.kill());
  try {
    while (!broken) {
      if (ledger.next - ledger.answered <= OUTSTANDING_MAX) {
        await client.orders(batch(ledger.next, next));
      } else await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  await killing;
  await reading;
  client.close();
}

/** Fetches the newest stored answers again and holds them against those received. */
async function compareAnswers(
  appliance: RunningAppliance,
  ledger: Ledger,
): Promise<number> {
  const highest = ledger.answers.length - 1;
  const from = Math.max(1, highest - STORED / 2);
  const again: Uint8Array[] = [];
  const port = appliance.binaryTcpPort;
  const take = (packet: Uint8Array): void => keepAnswers(packet, again);
  const client = await Client.logon(port, ledger, from, take);
  await client.collect(take, () => again.length >= client.nextAnswer);
  client.close();
  let compared = 0;
  for (let number = from; number <= highest; number++) {
    const before = ledger.answers[number];
    if (before === undefined) continue;
    // Compared as text: a difference is shown as one line, not as 64.
    assertEquals(hex(again[number]), hex(before), `answer ${number} differs`);
    compared += 1;
  }
  // What the client never saw is part of its future comparisons.
  again.forEach((answer, number) => ledger.answers[number] = answer);
  return compared;
}

for (const topology of ["single", "pinned"]) {
  Deno.test(`after ${KILLS / 2} kills under load nothing acknowledged is lost, topology ${topology}`, async () => {
    const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-kill-" });
    const seed = topology === "single" ? SEED : SEED + 1;
    console.log(`seed ${seed}`);
    const next = random(seed);
    const ledger = new Ledger();
    const defaults = defaultConfig();
    const config = {
      ...defaults,
      appliance: { ...defaults.appliance, dataDirectory },
    };
    let compared = 0;
    let fromSnapshot = 0;
    try {
      for (let kill = 0; kill < KILLS / 2; kill++) {
        const durability = ["written", "synced"][kill % 2]!;
        const options = {
          topology,
          durability,
          dataDirectory,
          extraToml: "[snapshot]\ncommands_between = 20000\n",
        };
        {
          await using appliance = await startAppliance(options);
          await tradeUntilKilled(appliance, ledger, next);
        }
        // The killed one's journal, replayed by nobody but us.
        const replayed = replayJournal(config);
        await using appliance = await startAppliance(options);
        const live = appliance.log.find((line) => line.message === "live")!;
        assertEquals(live.sequence, replayed.sequence);
        assertEquals(live.stateHash, replayed.stateHash);
        if (Number(live.snapshotSequence) > 0) fromSnapshot += 1;
        if (ledger.answers.length > 1) {
          compared += await compareAnswers(appliance, ledger);
        }
        await appliance.kill();
      }
    } finally {
      await Deno.remove(dataDirectory, { recursive: true });
    }
    assert(compared > 1000, `only ${compared} answers were compared`);
    assert(fromSnapshot > 0, "no start began with a snapshot");
  });
}
