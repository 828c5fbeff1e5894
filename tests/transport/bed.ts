// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the conformance suite stands on: a transport under test, what it has
 * reported, and clients, which are Deno's own sockets on the same thread. So
 * polls and the clients' promises take turns.
 *
 * ```
 *  Rung ──open()──▶ transport ◀── wire ──▶ Deno's sockets
 *                      ▲   Bed: step(), until(), during()   ▲
 *                      └────────────── a test ──────────────┘
 * ```
 *
 * @module
 */
import {
  BACKPRESSURE,
  COMPLETION_WORDS,
  CompletionKind,
  type DpdkTransport,
  type SocketTransport,
  type SocketTransportOptions,
  type Transport,
} from "../../engine/transport/mod.ts";

/** A transport under test; what not every driver has may be missing. */
export type Driver =
  & Transport
  & Partial<
    & Pick<SocketTransport, "abort" | "openConnections" | "lingerExpired">
    & Pick<DpdkTransport, "inUse">
  >;

/** A driver of the network, as the suite sees it. */
export interface Rung {
  readonly name: string;
  /** Where the transport listens. */
  readonly address: string;
  /** Whence its clients come. */
  readonly clientAddress: string;
  /** Connections are made by its polls, not by the kernel behind its back. */
  readonly pollsToAccept?: boolean;
  /** Its driver gives descriptors back only when the process ends. */
  readonly keepsFiles?: boolean;
  /** Why it can not be had here, or "". */
  missing(): string;
  /** Starts it; may leave out what is not its own. */
  open(options: SocketTransportOptions): Driver;
}

/** A test that any rung must pass. */
export interface ConformanceTest {
  readonly name: string;
  readonly body: (rung: Rung) => Promise<void> | void;
}

/** Registers tests for a rung; one that can not be had says why. */
export function register(rung: Rung, tests: readonly ConformanceTest[]): void {
  for (const { name, body } of tests) {
    Deno.test(`${rung.name} transport ${name}`, async () => {
      const reason = rung.missing();
      if (reason === "") await body(rung);
      else console.log(`SKIPPED: ${rung.name} transport ${name}: ${reason}`);
    });
  }
}

/** An IPv4 address as completions have it, an int32. */
export function addressWord(address: string): number {
  return address.split(".").reduce((word, part) => word << 8 | Number(part), 0);
}

const FAILURE_MS = 15_000;

/** A completion, with a copy of its bytes. */
export interface Seen {
  readonly kind: number;
  readonly id: number;
  readonly listener: number;
  readonly length: number;
  readonly address: number;
  readonly port: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A transport with what it reported, and a way to go on until something holds. */
export class Bed {
  readonly transport: Driver;
  /** Where the transport listens. */
  readonly address: string;
  readonly seen: Seen[] = [];
  /** Called for RECEIVED; returns the bytes to consume, undefined = do not consume. */
  onReceived: (connection: number, offset: number, length: number) =>
    | number
    | undefined = (_connection, _offset, length) => length;

  /** Called after each poll. */
  afterStep = () => {};

  constructor(rung: Rung, options: SocketTransportOptions = {}) {
    this.address = rung.address;
    this.transport = rung.open({
      connectionsMax: 8,
      hugePages: false,
      ...options,
    });
  }

  /** One poll; keeps copies of all completions. */
  step(waitUs = 0): number {
    const { completions, bytes } = this.transport;
    const count = this.transport.poll(waitUs);
    for (let i = 0; i < count; i++) {
      const [kind, id, listener, offset, length, address, port] = completions
        .subarray(i * COMPLETION_WORDS, (i + 1) * COMPLETION_WORDS);
      const carries = kind === CompletionKind.RECEIVED ||
        kind === CompletionKind.DATAGRAM;
      this.seen.push({
        kind: kind!,
        id: id!,
        listener: listener!,
        length: length!,
        address: address!,
        port: port!,
        bytes: carries
          ? bytes.slice(offset!, offset! + length!)
          : bytes.slice(0, 0),
      });
      if (kind !== CompletionKind.RECEIVED) continue;
      const read = this.onReceived(id!, offset!, length!);
      if (read !== undefined) this.transport.consume(id!, read);
    }
    this.afterStep();
    return count;
  }

  /** Polls, and lets promises run, until `holds`. */
  async until(what: string, holds: () => boolean, waitUs = 0): Promise<void> {
    const end = Date.now() + FAILURE_MS;
    while (!holds()) {
      if (Date.now() > end) {
        throw new Error(
          `Waited too long for ${what}; ${this.seen.length} seen`,
        );
      }
      this.step(waitUs);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Polls while a promise of the client's side is under way. */
  async during<T>(what: string, promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => settled = true);
    done.catch(() => {});
    await this.until(what, () => settled);
    return await done;
  }

  of(kind: number): Seen[] {
    return this.seen.filter((one) => one.kind === kind);
  }

  /** Writes a copy of `data` to a connection; what `reserve()` said if it refused. */
  send(connection: number, data: Uint8Array): number {
    const at = this.transport.reserve(connection, data.length);
    if (at < 0) return at;
    this.transport.bytes.set(data, at);
    this.transport.commit(connection, data.length);
    return 0;
  }

  /** Sends until the client's refusal lasts; the bytes that were committed. */
  fill(connection: number): number {
    const chunk = pattern(8000, connection);
    let sent = 0;
    for (let refused = 0; refused < 100;) {
      const result = this.send(connection, chunk);
      if (result === 0) sent += chunk.length;
      else if (result === BACKPRESSURE) refused++;
      else throw new Error(`reserve() said ${result}`);
      this.step();
    }
    return sent;
  }

  /** A client that has connected, accepted or not. */
  dial(port: number): Promise<Deno.TcpConn> {
    return this.during(
      "connect",
      Deno.connect({ hostname: this.address, port }),
    );
  }

  /** A client that is connected and accepted. */
  async connect(port: number): Promise<{ client: Deno.TcpConn; id: number }> {
    const before = this.of(CompletionKind.ACCEPTED).length;
    const client = await this.dial(port);
    await this.until(
      "ACCEPTED",
      () => this.of(CompletionKind.ACCEPTED).length > before,
    );
    return { client, id: this.of(CompletionKind.ACCEPTED)[before]!.id };
  }

  [Symbol.dispose](): void {
    this.transport.dispose();
  }
}

/** Bytes that look random, the same for the same seed. */
export function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Reads so many bytes; throws if the stream ends before. */
export async function readExactly(
  conn: Deno.Conn,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) throw new Error(`End of stream after ${at} bytes`);
    at += count;
  }
  return bytes;
}

/** Writes all bytes. */
export async function writeAll(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads until the end of the stream or a reset; the bytes that came. */
export async function readToEnd(conn: Deno.Conn): Promise<number> {
  const bytes = new Uint8Array(65536);
  let total = 0;
  try {
    for (;;) {
      const count = await conn.read(bytes);
      if (count === null) return total;
      total += count;
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) {
      return total;
    }
    throw error;
  }
}

/** A UDP socket of the client that closes at the end of its scope. */
export function udpSocket(
  rung: Rung,
): { conn: Deno.DatagramConn } & Disposable {
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname: rung.clientAddress,
    port: 0,
  });
  return { conn, [Symbol.dispose]: () => conn.close() };
}

/** Descriptors that this process has open. */
export function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
