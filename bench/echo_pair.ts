// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Echo with both ends in one thread and one transport: what a message costs a
 * thread, whatever another core does. Several shapes of a transport live side
 * by side and take turns of some milliseconds.
 *
 * ```
 *  N clients ──▶ poll() ──▶ N servers     each client has one message under way
 *      ▲       one transport     │
 *      └─────────────────────────┘
 * ```
 *
 * @module
 */
import process from "node:process";
import {
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_WORDS,
  CompletionKind,
  type SocketTransport,
  type SocketTransportOptions,
  UringTransport,
} from "../engine/transport/mod.ts";

const LOOPBACK = "127.0.0.1";

/** Processor time of this process, that of the kernel's threads for it included. */
export function processorUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** One shape of a transport with both ends of its connections. */
export class EchoPair {
  readonly transport: SocketTransport;
  readonly #bytes: number;
  readonly #clients = new Set<number>();
  #echoes = 0;

  /** @param connections That have a message under way. @param bytes Of a message. */
  constructor(
    connections: number,
    bytes: number,
    options: SocketTransportOptions,
  ) {
    this.#bytes = bytes;
    const transport = new UringTransport({
      connectionsMax: 2 * connections,
      // Small, so that many transports have room in huge pages.
      receiveWindowBytes: 16384,
      sendWindowBytes: 16384,
      ...options,
    });
    this.transport = transport;
    const port = transport.port(transport.listenStream(LOOPBACK, 0));
    for (let i = 0; i < connections; i++) {
      const client = transport.connectStream(LOOPBACK, port);
      this.#clients.add(client);
      // Accepts meanwhile: the kernel's queue of new connections is bounded.
      this.#poll();
      this.#send(client);
    }
  }

  /**
   * Echoes for so many milliseconds of processor time, which others on the
   * same core do not take from it.
   *
   * @returns Nanoseconds of processor time of an echo, both ends included.
   */
  run(milliseconds: number): number {
    this.#echoes = 0;
    const start = processorUs();
    let used = 0;
    while (used < milliseconds * 1000) {
      for (let i = 0; i < 32; i++) this.#poll();
      used = processorUs() - start;
    }
    return used * 1000 / this.#echoes;
  }

  dispose(): void {
    this.transport.dispose();
  }

  #poll(): void {
    const { transport } = this;
    const words = transport.completions;
    const count = transport.poll(0);
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_WORDS;
      if (words[at + COMPLETION_KIND] !== CompletionKind.RECEIVED) continue;
      const id = words[at + COMPLETION_ID]!;
      const whole = words[at + COMPLETION_LENGTH]! >= this.#bytes;
      transport.consume(id, whole ? this.#bytes : 0);
      if (!whole) continue;
      if (this.#clients.has(id)) this.#echoes++;
      this.#send(id);
    }
  }

  #send(id: number): void {
    if (this.transport.reserve(id, this.#bytes) < 0) {
      throw new Error("An echo has no room");
    }
    this.transport.commit(id, this.#bytes);
  }
}

const CROWD = 64;

/** Connections that come and go: what one costs a thread from its start to its end. */
export class ComeAndGo {
  readonly transport: SocketTransport;
  readonly #port: number;

  constructor(options: SocketTransportOptions) {
    this.transport = new UringTransport({
      connectionsMax: 2 * CROWD,
      receiveWindowBytes: 16384,
      sendWindowBytes: 16384,
      ...options,
    });
    this.#port = this.transport.port(this.transport.listenStream(LOOPBACK, 0));
  }

  /** As `EchoPair.run()`. @returns Nanoseconds of processor time of a connection, both ends included. */
  run(milliseconds: number): number {
    const start = processorUs();
    let connections = 0;
    let used = 0;
    while (used < milliseconds * 1000) {
      this.#crowd();
      connections += CROWD;
      used = processorUs() - start;
    }
    return used * 1000 / connections;
  }

  dispose(): void {
    this.transport.dispose();
  }

  /** A crowd comes, all at once, and is cut. */
  #crowd(): void {
    const { transport } = this;
    const clients: number[] = [];
    for (let i = 0; i < CROWD; i++) {
      clients.push(transport.connectStream(LOOPBACK, this.#port));
    }
    for (let accepted = 0; accepted < CROWD;) {
      accepted += transport.poll(0);
    }
    for (const client of clients) transport.abort(client);
    while (transport.openConnections > 0) transport.poll(0);
    // Their slots are free from the poll after.
    transport.poll(0);
  }
}
