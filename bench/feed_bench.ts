// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Messages of market data a second, published on two multicast lines over
 * loopback and received whole. The receiver loses a tenth of each line on
 * purpose; what both lines lost is asked for again. Over io_uring and over epoll, taking turns; publisher and receiver are processes
 * of their own. Small messages stress packing, not the network.
 *
 * ```
 *   feed_side.ts (core 0) ─▶ A, B ─▶ receiver (core 1) ─▶ each message once, in order
 *                         ◀── requests ──┘
 * ```
 *
 * `--rounds=N`, `--messages=N` for other sizes.
 *
 * @module
 */
import {
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_WORDS,
  PlainTransport,
  type SocketKind,
} from "../engine/transport/mod.ts";
import {
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MoldReader,
  moldSession,
  writeMoldHeader,
} from "../engine/wire/moldudp64.ts";
import { pinThread } from "../ffi/mod.ts";
import { CLIENT_CORE } from "./programs.ts";
import {
  alternate,
  describe,
  printTable,
  saveResult,
  spread,
} from "./stats.ts";

const option = (name: string, otherwise: string): number =>
  Number(
    Deno.args.find((arg) => arg.startsWith(`--${name}=`))
      ?.slice(name.length + 3) ?? otherwise,
  );
const ROUNDS = option("rounds", "7");
const MESSAGES = option("messages", "1000000");
const ADDRESS = "127.0.0.1";
const GROUPS = ["239.192.78.1", "239.192.78.2"] as const;
const SESSION = moldSession("0000000001");
/** What a packet holds. */
const REQUEST_MESSAGES = 38;
const ASK_EVERY_MS = 1;
const SECONDS_MAX = 60;
/** Packets of a line that the receiver loses on purpose; of both, a hundredth. */
const LOST_PERCENT = 10;

interface Result {
  /** Messages a second, from the first packet until the last message was there. */
  readonly perSecond: number;
  readonly requests: number;
  /** Packets lost on purpose. */
  readonly lost: number;
}

/** Takes both lines until all messages are there, each once. */
class Receiver {
  readonly transport = new PlainTransport({
    hugePages: false,
    connectionsMax: 1,
    datagramsMax: 4096,
  });
  readonly lines: readonly number[];
  readonly #requests: number;
  readonly #reader = new MoldReader();
  readonly #view: DataView;
  readonly #early = new Map<number, number>();
  next = 1;
  newest = 0;
  requests = 0;
  lost = 0;
  #state = 1;
  startedMs = 0;
  #askedMs = 0;

  constructor() {
    const { transport } = this;
    this.lines = GROUPS.map((group) => {
      const listener = transport.listenDatagram(group, 0);
      transport.joinGroup(listener, group, ADDRESS);
      return listener;
    });
    this.#requests = transport.listenDatagram(ADDRESS, 0);
    const { bytes } = transport;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  poll(requestPort: number): void {
    const { transport } = this;
    const words = transport.completions;
    const count = transport.poll(100);
    for (let i = 0; i < count; i++) this.#take(words, i * COMPLETION_WORDS);
    const now = performance.now();
    const isMissing = this.next <= this.newest;
    if (!isMissing || now < this.#askedMs) return;
    this.#askedMs = now + ASK_EVERY_MS;
    // The first gap, and no more than that.
    let end = this.newest + 1;
    for (const first of this.#early.keys()) end = Math.min(end, first);
    for (let at = this.next; at < end; at += REQUEST_MESSAGES) {
      this.#ask(at, requestPort);
    }
  }

  #ask(sequence: number, port: number): void {
    const { transport } = this;
    const at = transport.reserveDatagram(MOLD_HEADER_BYTES);
    if (at < 0) return;
    writeMoldHeader(this.#view, at, SESSION, sequence, REQUEST_MESSAGES);
    const to = 0x7f000001;
    transport.commitDatagram(this.#requests, to, port, MOLD_HEADER_BYTES);
    this.requests++;
  }

  #take(words: Int32Array, at: number): void {
    const reader = this.#reader;
    const from = words[at + COMPLETION_OFFSET]!;
    const known = reader.open(
      this.#view,
      from,
      words[at + COMPLETION_LENGTH]!,
      SESSION,
    );
    if (!known || reader.count === MOLD_END_OF_SESSION) return;
    if (this.startedMs === 0) this.startedMs = performance.now();
    const onLine = words[at + COMPLETION_LISTENER] !== this.#requests;
    if (onLine && reader.count > 0 && this.#isLost()) {
      this.lost++;
      // It knows of it from the next packet on.
      return;
    }
    const first = reader.sequence;
    const last = first + reader.count - 1;
    this.newest = Math.max(this.newest, last);
    if (reader.count === 0 || last < this.next) return;
    this.#read(first);
    if (first <= this.next) this.next = last + 1;
    // A gap: what comes behind it waits, as a range.
    else this.#early.set(first, Math.max(this.#early.get(first) ?? 0, last));
    this.#close();
  }

  #isLost(): boolean {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32 * 100 < LOST_PERCENT;
  }

  /** Each message is looked at; its first byte is its number. */
  #read(first: number): void {
    const reader = this.#reader;
    for (let sequence = first; reader.next(); sequence++) {
      const byte = this.transport.bytes[reader.start]!;
      if (byte !== (sequence - 1 & 0xff)) {
        throw new Error(`message ${sequence} is another: ${byte}`);
      }
    }
    if (!reader.isWhole) throw new Error("a packet is broken");
  }

  #close(): void {
    for (let moved = this.#early.size > 0; moved;) {
      moved = false;
      for (const [first, last] of this.#early) {
        if (first > this.next) continue;
        this.#early.delete(first);
        if (last >= this.next) this.next = last + 1;
        moved = true;
      }
    }
  }
}

async function run(kind: SocketKind): Promise<Result> {
  const receiver = new Receiver();
  const { transport } = receiver;
  const side = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--frozen", "--allow-all"],
      new URL("./feed_side.ts", import.meta.url).pathname,
      ...[kind, String(MESSAGES)],
      ...receiver.lines.map((listener) => String(transport.port(listener))),
      ...GROUPS,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const words = side.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const requestPort = Number((await words.read()).value);
  const writer = side.stdin.getWriter();
  await writer.write(Uint8Array.of(10));
  const deadline = performance.now() + SECONDS_MAX * 1000;
  while (receiver.next <= MESSAGES) {
    receiver.poll(requestPort);
    if (performance.now() > deadline) {
      throw new Error(`${receiver.next - 1} of ${MESSAGES} messages came`);
    }
  }
  const ms = performance.now() - receiver.startedMs;
  await words.cancel();
  await side.status;
  await writer.close().catch(() => {});
  transport.dispose();
  return {
    perSecond: MESSAGES / ms * 1000,
    requests: receiver.requests,
    lost: receiver.lost,
  };
}

pinThread(CLIENT_CORE);
const results = await alternate({
  io_uring: () => run("io_uring"),
  plain: () => run("plain"),
}, ROUNDS);
const summary = Object.fromEntries(
  Object.entries(results).map(([kind, runs]) => [kind, {
    perSecond: spread(runs.map(({ perSecond }) => perSecond)),
    requests: spread(runs.map(({ requests }) => requests)),
    lost: spread(runs.map(({ lost }) => lost)),
  }]),
);
printTable([
  ["feed over loopback", "messages a second", "packets lost", "requests"],
  ...Object.entries(summary).map(([kind, { perSecond, requests, lost }]) => [
    kind,
    describe(perSecond),
    describe(lost),
    describe(requests),
  ]),
]);
await saveResult("feed", summary);
