// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A receiver of the feed, as a stranger would write it: both lines, requests
 * for what was lost, snapshots. It loses packets on purpose, by a seed.
 *
 * ```
 *   line A ─┬─▶ lost? ─▶ by number, each once ─▶ in order ─▶ messages
 *   line B ─┘                      └─ gap ─▶ request ─▶ answer ─▲
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_WORDS,
  UringTransport,
} from "../../engine/transport/mod.ts";
import {
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MoldReader,
  moldSession,
  writeMoldHeader,
} from "../../engine/wire/moldudp64.ts";
import { Random } from "../oracle/random.ts";
import { addressWord } from "../transport/bed.ts";

export const LOOPBACK = "127.0.0.1";
const REQUEST_MESSAGES = 40;
const REQUEST_EVERY_MS = 5;
/** Of a hundred packets of a line, so many are lost. */
const LOST_PERCENT = 35;
/** A message that is lost on both, however few packets there are. */
const LOST_ON_BOTH = 3;

/** Where a feed is heard and asked. */
export interface FeedPlace {
  /** Sections of the appliance's configuration, and keys of `[feed]`. */
  readonly toml: string;
  readonly feedToml: string;
  /** Of the receiver. */
  readonly address: string;
  /** Where requests go. */
  readonly requestAddress: string;
}

/** All on this machine, by the kernel's sockets. */
export const LOOPBACK_PLACE: FeedPlace = {
  toml: "",
  feedToml: "",
  address: LOOPBACK,
  requestAddress: LOOPBACK,
};

/** Hears two groups. */
export class FeedReceiver {
  readonly transport = new UringTransport({
    hugePages: false,
    datagramsMax: 4096,
  });
  readonly place: FeedPlace;
  readonly portA: number;
  readonly portB: number;
  /** Messages from number 1 on, as far as they are all there. */
  readonly messages: Uint8Array[] = [];
  lost = 0;
  requested = 0;
  /** Packets by kind. */
  heartbeats = 0;
  /** Number after the last message of the session; 0 = it has not ended. */
  end = 0;
  /** Newest number of which it knows that it was sent. */
  newest = 0;
  readonly #a: number;
  readonly #b: number;
  readonly #requests: number;
  readonly #view: DataView;
  readonly #reader = new MoldReader();
  readonly #random: Random;
  readonly #early = new Map<number, Uint8Array>();
  readonly #requestTo: number;
  #session: Uint8Array | undefined;
  #requestPort = 0;
  #askedMs = 0;

  constructor(
    groupA: string,
    groupB: string,
    seed: number,
    place = LOOPBACK_PLACE,
  ) {
    const { transport } = this;
    this.place = place;
    this.#requestTo = addressWord(place.requestAddress);
    this.#random = new Random(seed);
    this.#a = transport.listenDatagram(groupA, 0);
    this.#b = transport.listenDatagram(groupB, 0);
    transport.joinGroup(this.#a, groupA, place.address);
    transport.joinGroup(this.#b, groupB, place.address);
    this.#requests = transport.listenDatagram(place.address, 0);
    this.portA = transport.port(this.#a);
    this.portB = transport.port(this.#b);
    const { bytes } = transport;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Takes packets of this session from now on. */
  open(session: string, requestPort: number): void {
    this.#session = moldSession(session);
    this.#requestPort = requestPort;
  }

  /** Hears what came, asks for what is missing. */
  poll(): void {
    const count = this.transport.poll(0);
    for (let i = 0; i < count; i++) this.#take(i * COMPLETION_WORDS);
    const next = this.messages.length + 1;
    if (this.newest < next || performance.now() < this.#askedMs) return;
    this.#askedMs = performance.now() + REQUEST_EVERY_MS;
    const missing = Math.min(REQUEST_MESSAGES, this.newest - next + 1);
    const at = this.transport.reserveDatagram(MOLD_HEADER_BYTES);
    if (at < 0) return;
    writeMoldHeader(this.#view, at, this.#session!, next, missing);
    this.transport.commitDatagram(
      this.#requests,
      this.#requestTo,
      this.#requestPort,
      MOLD_HEADER_BYTES,
    );
    this.requested++;
  }

  dispose(): void {
    this.transport.dispose();
  }

  #take(at: number): void {
    const words = this.transport.completions;
    const reader = this.#reader;
    if (this.#session === undefined) return;
    const bytes = words[at + COMPLETION_LENGTH]!;
    const from = words[at + COMPLETION_OFFSET]!;
    assert(reader.open(this.#view, from, bytes, this.#session), "no packet");
    const onLine = words[at + COMPLETION_LISTENER] !== this.#requests;
    if (reader.count === MOLD_END_OF_SESSION) this.end = reader.sequence;
    if (reader.count === 0) this.heartbeats++;
    if (reader.count === 0 || reader.count === MOLD_END_OF_SESSION) {
      this.newest = Math.max(this.newest, reader.sequence - 1);
      return;
    }
    const isLost = this.#random.draw(100) < LOST_PERCENT ||
      (reader.sequence <= LOST_ON_BOTH &&
        LOST_ON_BOTH < reader.sequence + reader.count);
    if (onLine && isLost) {
      this.lost++;
      return;
    }
    let { sequence } = reader;
    while (reader.next()) {
      if (sequence > this.messages.length) {
        const { start, length } = reader;
        this.#early.set(
          sequence,
          this.transport.bytes.slice(start, start + length),
        );
      }
      sequence++;
    }
    assert(reader.isWhole, "messages do not fill their packet");
    this.newest = Math.max(this.newest, sequence - 1);
    for (;;) {
      const next = this.messages.length + 1;
      const message = this.#early.get(next);
      if (message === undefined) return;
      this.#early.delete(next);
      this.messages.push(message);
    }
  }
}

/** What a snapshot says: messages, and the number of the feed's next one. */
export interface Snapshot {
  readonly messages: readonly Uint8Array[];
  readonly next: number;
}

/** Logs in to the snapshot service and reads all; the reason if it rejects. */
export async function takeSnapshot(
  port: number,
  session: string,
  { user, password }: { user: string; password: string },
): Promise<Snapshot | string> {
  using connection = await Deno.connect({ hostname: LOOPBACK, port });
  const login = user.padEnd(6) + password.padEnd(10) + session.padEnd(10) +
    "1".padStart(20);
  await connection.write(
    Uint8Array.from([0, login.length + 1, 0x4c, ...latin(login)]),
  );
  const parts: Uint8Array[] = [];
  for await (const part of connection.readable) parts.push(part);
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).bytes());
  const frames: { type: string; payload: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at]! << 8 | bytes[at + 1]!;
    frames.push({
      type: String.fromCharCode(bytes[at + 2]!),
      payload: bytes.subarray(at + 3, at + 2 + length),
    });
    at += 2 + length;
  }
  const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
  if (frames[0]!.type === "J") {
    assertEquals(frames.length, 1);
    return text(frames[0]!.payload);
  }
  assertEquals(frames.shift()!.type, "A");
  assertEquals(frames.pop()!.type, "Z");
  const last = frames.pop()!;
  assertEquals(text(last.payload.subarray(0, 1)), "G");
  const data = frames.filter(({ type }) => type !== "H");
  assert(data.every(({ type }) => type === "S"));
  return {
    messages: data.map(({ payload }) => payload),
    next: Number(text(last.payload.subarray(1))),
  };
}

function latin(text: string): number[] {
  return [...text].map((c) => c.charCodeAt(0));
}
