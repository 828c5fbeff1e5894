// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which of the kernel's two ways to wait for sockets serves this host better:
 * each is tried, and measured for a moment by an echo over loopback, through
 * the transport itself. Once, at start, on the thread that will poll.
 *
 * ```
 *  8 clients ──▶ poll() ──▶ 8 servers      slices of each rung take turns;
 *      ▲        one transport      │       the median slice counts
 *      └───────────────────────────┘
 * ```
 *
 * @module
 */
import {
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_WORDS,
  CompletionKind,
} from "./transport.ts";
import {
  PlainTransport,
  type SocketKind,
  type SocketTransport,
  type SocketTransportOptions,
  UringTransport,
} from "./socket_transport.ts";

const LOOPBACK = "127.0.0.1";
/** More than a transport looks at directly, so that waiting is measured too. */
const CLIENTS = 8;
const MESSAGE_BYTES = 128;
/** The first warms up. */
const SLICES = 6;
const SLICE_MS = 5;
/** A later rung must be quicker than an earlier one by more than what noise is. */
const BETTER_SHARE = 0.9;

/** The rungs, in the order in which they are preferred. */
export const SOCKET_KINDS: readonly SocketKind[] = ["io_uring", "plain"];

/** What was found out about a rung. */
export interface SocketFigure {
  readonly kind: SocketKind;
  /** Time for one echo, both ends included; Infinity if it can not be had or measured. */
  readonly echoUs: number;
  /** Why it can not be had, or was not measured; "" if it was. */
  readonly reason: string;
  /** Whether it can be had at all. */
  readonly there: boolean;
}

/** Opens a transport of a kind. */
export function openSockets(
  kind: SocketKind,
  options: SocketTransportOptions,
): SocketTransport {
  return kind === "plain"
    ? new PlainTransport(options)
    : new UringTransport(options);
}

/** One rung while it is measured. */
class Echo {
  readonly kind: SocketKind;
  /** Microseconds of an echo, by slice. */
  readonly slicesUs: number[] = [];
  readonly #transport: SocketTransport;
  readonly #clients = new Set<number>();
  #echoes = 0;

  constructor(kind: SocketKind, transport: SocketTransport) {
    this.kind = kind;
    this.#transport = transport;
  }

  /** Connects all clients and lets each begin. */
  begin(): void {
    const transport = this.#transport;
    const port = transport.port(transport.listenStream(LOOPBACK, 0));
    for (let i = 0; i < CLIENTS; i++) {
      const client = transport.connectStream(LOOPBACK, port);
      this.#clients.add(client);
      this.#send(client);
    }
  }

  run(now: () => number): void {
    this.#echoes = 0;
    const start = now();
    let end = start;
    while (end - start < SLICE_MS) {
      // The clock costs about as much as a poll.
      for (let i = 0; i < 8; i++) this.#poll();
      end = now();
    }
    this.slicesUs.push((end - start) * 1000 / this.#echoes);
  }

  dispose(): void {
    this.#transport.dispose();
  }

  #poll(): void {
    const transport = this.#transport;
    const words = transport.completions;
    const count = transport.poll(0);
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_WORDS;
      if (words[at + COMPLETION_KIND] !== CompletionKind.RECEIVED) continue;
      const id = words[at + COMPLETION_ID]!;
      const whole = words[at + COMPLETION_LENGTH]! >= MESSAGE_BYTES;
      transport.consume(id, whole ? MESSAGE_BYTES : 0);
      if (!whole) continue;
      if (this.#clients.has(id)) this.#echoes++;
      this.#send(id);
    }
  }

  #send(id: number): void {
    this.#transport.reserve(id, MESSAGE_BYTES);
    this.#transport.commit(id, MESSAGE_BYTES);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The middle one, without the first. */
function medianUs(slicesUs: readonly number[]): number {
  const sorted = slicesUs.slice(1).sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/**
 * Tries and measures each rung; 60 ms for two.
 *
 * @param open Opens one; another one in tests.
 * @param now Milliseconds.
 */
export function measureSockets(
  open: typeof openSockets = openSockets,
  now: () => number = () => performance.now(),
): SocketFigure[] {
  const echoes: Echo[] = [];
  const failed = new Map<SocketKind, { reason: string; there: boolean }>();
  for (const kind of SOCKET_KINDS) {
    let echo: Echo | undefined;
    try {
      const options = { connectionsMax: 2 * CLIENTS, hugePages: false };
      echo = new Echo(kind, open(kind, options));
      echo.begin();
      echoes.push(echo);
    } catch (error) {
      failed.set(kind, { reason: textOf(error), there: echo !== undefined });
      echo?.dispose();
    }
  }
  try {
    for (let slice = 0; slice < SLICES; slice++) {
      for (const echo of echoes) echo.run(now);
    }
  } finally {
    for (const echo of echoes) echo.dispose();
  }
  return SOCKET_KINDS.map((kind) => {
    const echo = echoes.find((one) => one.kind === kind);
    return echo === undefined
      ? { kind, echoUs: Infinity, ...failed.get(kind)! }
      : { kind, echoUs: medianUs(echo.slicesUs), reason: "", there: true };
  });
}

/** All that can be had, the best first. */
export function rankSockets(figures: readonly SocketFigure[]): SocketKind[] {
  const there = figures.filter((figure) => figure.there);
  let best = there[0];
  for (const figure of there) {
    if (figure.echoUs < best!.echoUs * BETTER_SHARE) best = figure;
  }
  return there.map(({ kind }) => kind).sort((a, b) =>
    Number(b === best!.kind) - Number(a === best!.kind)
  );
}
