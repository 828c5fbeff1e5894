// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport over the kernel's sockets: io_uring waits for them, or epoll
 * where io_uring is not allowed. One object belongs to one thread, the one
 * that made it. Only `poll()` calls the shim; consume, reserve, commit,
 * pending and close are reads and writes of control words that both see.
 * Nothing allocates after the constructor but the opening of listeners. It
 * refuses to become another driver: where io_uring can not be had, the
 * constructor throws with the remedy.
 *
 * ```
 *  UringTransport ─┐                    ┌─ io_uring
 *                  ├─ SocketTransport ──┤             sockets
 *  PlainTransport ─┘   control words    └─ epoll
 * ```
 *
 * @module
 */
import { allocate, type MemoryRegion } from "../../ffi/memory.ts";
import {
  Uring,
  URING_CLOSE_ABORT,
  URING_CLOSE_FLUSH,
  URING_CONNECTION_WORDS,
  URING_CONNECTIONS_LIMIT,
  URING_DATAGRAM_SLOT_BYTES,
  URING_DATAGRAM_WORDS,
  UringConnection,
  UringHeader,
  type UringLayout,
  uringLayout,
  type UringSizes,
  type UringTimes,
} from "../../ffi/uring.ts";
import { fail } from "../assert.ts";
import {
  BACKPRESSURE,
  COMPLETION_WORDS,
  GONE,
  type Transport,
} from "./transport.ts";

const SLOT_MASK = URING_CONNECTIONS_LIMIT - 1;
/** Longest datagram that is sent: an Ethernet frame without fragments. */
const DATAGRAM_BYTES_MAX = 1472;
const { DIRTY_COUNT, DATAGRAM_FREE_COUNT, DATAGRAM_QUEUE_COUNT } = UringHeader;
const {
  OPEN_ID,
  ID,
  RECEIVE_HEAD,
  RECEIVE_TAIL,
  RECEIVE_WANTED,
  SEND_FILL,
  SEND_FILL_BYTES,
  SEND_OTHER_BYTES,
  DIRTY,
  CLOSE,
} = UringConnection;

/** Who waits for sockets: io_uring, or epoll. */
export type SocketKind = "io_uring" | "plain";

/** Sizes and habits of a `SocketTransport`. */
export interface SocketTransportOptions {
  /** Connections at a time, 1 to 4096; more are closed at once and counted. Default 64. */
  readonly connectionsMax?: number;
  /** Receive window of a connection, a multiple of 4096. Default 64 KiB. */
  readonly receiveWindowBytes?: number;
  /**
   * Unsent bytes of a connection, a multiple of 8192. They lie in two buffers
   * of half the size, so at most half can be reserved in a row. Default 512 KiB.
   */
  readonly sendWindowBytes?: number;
  /** Datagrams that lie received, and that wait to be sent; up to 4096. Default 256. */
  readonly datagramsMax?: number;
  /** How long a client may take, after `close()`, to read the rest. Default 1000. */
  readonly lingerMs?: number;
  /** Whose time of receipt completions have. Default "poll": nobody's but the owner's. */
  readonly timestamps?: UringTimes;
  /** Take huge pages if there are any. Default true. */
  readonly hugePages?: boolean;
  /** io_uring: core of a kernel thread that polls for what is submitted. Default -1: none. */
  readonly kernelPollCore?: number;
  /** io_uring: microseconds that the kernel polls a network card for. Default 0: not. */
  readonly busyPollUs?: number;
  /** io_uring: of `UringSwitch`; another choice than ours is for benchmarks and tests. */
  readonly switches?: number;
  /** io_uring: entries of the submission queue. Default 0: room for all that can be under way. */
  readonly ringEntries?: number;
  /** Cold path: says what could not be had. */
  readonly log?: (
    level: "debug" | "info" | "warn" | "error",
    message: string,
    fields?: Record<string, string | number | boolean>,
  ) => void;
}

/** TCP and UDP over the kernel's sockets, for one thread. */
export abstract class SocketTransport implements Transport {
  readonly name: SocketKind;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly completions: Int32Array<ArrayBuffer>;
  readonly receiveWindowBytes: number;
  readonly sendWindowBytes: number;

  readonly #uring: Uring;
  readonly #region: MemoryRegion;
  readonly #layout: UringLayout;
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #dirty: Int32Array;
  readonly #datagramFree: Int32Array;
  readonly #datagramQueue: Int32Array;
  readonly #datagramControl: Int32Array;
  readonly #sendBufferBytes: number;
  readonly #sendStart: number;
  readonly #datagramStart: number;
  #disposed = false;

  protected constructor(kind: SocketKind, options: SocketTransportOptions) {
    this.name = kind;
    const datagramsMax = options.datagramsMax ?? 256;
    const sizes: UringSizes = {
      connectionsMax: options.connectionsMax ?? 64,
      receiveWindowBytes: options.receiveWindowBytes ?? 64 * 1024,
      sendWindowBytes: options.sendWindowBytes ?? 512 * 1024,
      datagramsReceiveMax: datagramsMax,
      datagramsSendMax: datagramsMax,
      lingerMs: options.lingerMs ?? 1000,
      plain: kind === "plain",
      switches: options.switches,
      kernelPollCore: options.kernelPollCore,
      busyPollUs: options.busyPollUs,
      ringEntries: options.ringEntries,
      timestamps: options.timestamps ?? "poll",
    };
    const layout = uringLayout(sizes);
    const region = allocate(layout.totalBytes, {
      hugePages: options.hugePages ?? true,
    });
    if (region.reason !== "") {
      options.log?.("debug", `Memory of the ${kind} transport`, {
        bytes: layout.totalBytes,
        reason: region.reason,
      });
    }
    try {
      this.#uring = new Uring(sizes, region.address);
    } catch (cause) {
      region.dispose();
      throw cause;
    }
    this.#region = region;
    this.#layout = layout;
    this.receiveWindowBytes = sizes.receiveWindowBytes;
    this.sendWindowBytes = sizes.sendWindowBytes;
    this.#sendBufferBytes = sizes.sendWindowBytes / 2;
    this.#sendStart = layout.send;
    this.#datagramStart = layout.datagramSend;
    this.bytes = new Uint8Array(
      region.buffer,
      layout.bytes,
      layout.totalBytes - layout.bytes,
    );
    const words = (offset: number, count: number) =>
      new Int32Array(region.buffer, offset, count);
    this.completions = words(
      layout.completions,
      layout.completionsMax * COMPLETION_WORDS,
    );
    this.#header = words(0, 64);
    this.#words = words(
      layout.connections,
      sizes.connectionsMax * URING_CONNECTION_WORDS,
    );
    this.#dirty = words(layout.dirty, sizes.connectionsMax);
    this.#datagramFree = words(layout.datagramFree, datagramsMax);
    this.#datagramQueue = words(layout.datagramQueue, datagramsMax);
    this.#datagramControl = words(
      layout.datagramControl,
      datagramsMax * URING_DATAGRAM_WORDS,
    );
  }

  /** Connections that were closed at once because there was no room. */
  get refusedConnections(): number {
    return this.#header[UringHeader.REFUSED]!;
  }

  /** Connections open now, those that are being closed included. */
  get openConnections(): number {
    return this.#header[UringHeader.OPEN]!;
  }

  /** Times that the kernel could not accept: out of descriptors or memory. */
  get acceptErrors(): number {
    return this.#header[UringHeader.ACCEPT_ERRORS]!;
  }

  /** Datagrams that were dropped because they were longer than a slot. */
  get datagramsDropped(): number {
    return this.#header[UringHeader.DATAGRAMS_DROPPED]!;
  }

  /** Datagrams that the kernel refused to send. */
  get datagramSendErrors(): number {
    return this.#header[UringHeader.DATAGRAM_SEND_ERRORS]!;
  }

  /** Closed connections whose client did not take the rest in time. */
  get lingerExpired(): number {
    return this.#header[UringHeader.LINGER_EXPIRED]!;
  }

  /** io_uring: those of `UringSwitch` that this kernel has. */
  get switches(): number {
    return this.#header[UringHeader.SWITCHES]!;
  }

  /** io_uring: times that a receive ended because its window was full; reading it begins another. */
  get windowsFull(): number {
    return this.#header[UringHeader.WINDOWS_FULL]!;
  }

  /** io_uring: times that the submission queue was full and was submitted in between. */
  get queueFull(): number {
    return this.#header[UringHeader.QUEUE_FULL]!;
  }

  /** io_uring: times that completions had waited in the kernel for room in their queue. */
  get completionsLate(): number {
    return this.#header[UringHeader.COMPLETIONS_LATE]!;
  }

  /** True if the buffers lie on huge pages. */
  get hugePages(): boolean {
    return this.#region.hugePages;
  }

  /** Bytes of memory that this transport holds. */
  get memoryBytes(): number {
    return this.#layout.totalBytes;
  }

  listenStream(address: string, port: number): number {
    return this.#uring.listenStream(parseAddress(address), port, address);
  }

  listenDatagram(address: string, port: number): number {
    return this.#uring.listenDatagram(parseAddress(address), port, address);
  }

  multicastFrom(listener: number, address: string, hops: number): void {
    this.#uring.multicast(listener, parseAddress(address), hops, address);
  }

  joinGroup(listener: number, group: string, address: string): void {
    this.#uring.join(
      listener,
      parseAddress(group),
      parseAddress(address),
      `${group} on ${address}`,
    );
  }

  leaveGroup(listener: number, group: string, address: string): void {
    this.#uring.leave(
      listener,
      parseAddress(group),
      parseAddress(address),
      `${group} on ${address}`,
    );
  }

  /**
   * Connects to a stream listener of this host; waits for it, a second at
   * most. No ACCEPTED is reported for it, all else is as for an accepted one.
   *
   * @returns The connection's id.
   * @throws {NativeError} If nobody listens, or there is no room.
   */
  connectStream(address: string, port: number): number {
    return this.#uring.connect(parseAddress(address), port, address);
  }

  /** The port that a listener is bound to: the kernel chooses for port 0. */
  port(listener: number): number {
    return this.#uring.port(listener);
  }

  closeListener(listener: number): void {
    this.#uring.closeListener(listener);
  }

  poll(waitUs: number): number {
    return this.#uring.poll(waitUs);
  }

  consume(connection: number, bytes: number): void {
    const words = this.#words;
    const slot = connection & SLOT_MASK;
    const at = slot * URING_CONNECTION_WORDS;
    if (words[at + ID] !== connection || connection === 0) return;
    const head = words[at + RECEIVE_HEAD]! + bytes;
    if (bytes < 0 || head > words[at + RECEIVE_TAIL]!) {
      fail(`consume(${connection}, ${bytes}) is more than was received`);
    }
    words[at + RECEIVE_HEAD] = head;
    words[at + RECEIVE_WANTED] = 1;
    this.#mark(slot, at);
  }

  reserve(connection: number, bytes: number): number {
    const words = this.#words;
    const slot = connection & SLOT_MASK;
    const at = slot * URING_CONNECTION_WORDS;
    if (words[at + OPEN_ID] !== connection || connection === 0) return GONE;
    const filled = words[at + SEND_FILL_BYTES]!;
    const which = words[at + SEND_FILL]!;
    const size = this.#sendBufferBytes;
    if (filled + bytes <= size) {
      return this.#sendStart + (slot * 2 + which) * size + filled;
    }
    // The other buffer is empty: let the full one go and fill that.
    if (words[at + SEND_OTHER_BYTES] !== 0 || bytes > size) return BACKPRESSURE;
    words[at + SEND_OTHER_BYTES] = filled;
    words[at + SEND_FILL_BYTES] = 0;
    words[at + SEND_FILL] = which ^ 1;
    return this.#sendStart + (slot * 2 + (which ^ 1)) * size;
  }

  commit(connection: number, bytes: number): void {
    const words = this.#words;
    const slot = connection & SLOT_MASK;
    const at = slot * URING_CONNECTION_WORDS;
    if (words[at + OPEN_ID] !== connection || connection === 0) return;
    const filled = words[at + SEND_FILL_BYTES]! + bytes;
    if (bytes < 0 || filled > this.#sendBufferBytes) {
      fail(`commit(${connection}, ${bytes}) is more than was reserved`);
    }
    words[at + SEND_FILL_BYTES] = filled;
    this.#mark(slot, at);
  }

  pending(connection: number): number {
    const at = (connection & SLOT_MASK) * URING_CONNECTION_WORDS;
    if (this.#words[at + ID] !== connection) return 0;
    return this.#words[at + SEND_FILL_BYTES]! +
      this.#words[at + SEND_OTHER_BYTES]!;
  }

  close(connection: number): void {
    this.#close(connection, URING_CLOSE_FLUSH);
  }

  abort(connection: number): void {
    this.#close(connection, URING_CLOSE_ABORT);
  }

  reserveDatagram(bytes: number): number {
    if (bytes > DATAGRAM_BYTES_MAX) {
      fail(`a datagram of ${bytes} bytes; at most ${DATAGRAM_BYTES_MAX}`);
    }
    const free = this.#header[DATAGRAM_FREE_COUNT]!;
    if (free === 0) return BACKPRESSURE;
    return this.#datagramStart +
      this.#datagramFree[free - 1]! * URING_DATAGRAM_SLOT_BYTES;
  }

  commitDatagram(
    listener: number,
    address: number,
    port: number,
    bytes: number,
  ): void {
    const header = this.#header;
    const control = this.#datagramControl;
    const free = header[DATAGRAM_FREE_COUNT]!;
    const queued = header[DATAGRAM_QUEUE_COUNT]!;
    if (free === 0 || bytes < 0 || bytes > DATAGRAM_BYTES_MAX) {
      fail(`commitDatagram() of ${bytes} bytes that were not reserved`);
    }
    const slot = this.#datagramFree[free - 1]!;
    const at = slot * URING_DATAGRAM_WORDS;
    control[at] = listener;
    control[at + 1] = address;
    control[at + 2] = port;
    control[at + 3] = bytes;
    this.#datagramQueue[queued] = slot;
    header[DATAGRAM_FREE_COUNT] = free - 1;
    header[DATAGRAM_QUEUE_COUNT] = queued + 1;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#uring.dispose();
    this.#region.dispose();
  }

  #close(connection: number, how: number): void {
    const words = this.#words;
    const slot = connection & SLOT_MASK;
    const at = slot * URING_CONNECTION_WORDS;
    if (words[at + ID] !== connection || connection === 0) return;
    words[at + OPEN_ID] = 0;
    if (words[at + CLOSE]! < how) words[at + CLOSE] = how;
    this.#mark(slot, at);
  }

  /** Has the next poll look at this connection. */
  #mark(slot: number, at: number): void {
    if (this.#words[at + DIRTY] !== 0) return;
    this.#words[at + DIRTY] = 1;
    const count = this.#header[DIRTY_COUNT]!;
    this.#dirty[count] = slot;
    this.#header[DIRTY_COUNT] = count + 1;
  }
}

/** Sockets that io_uring waits for. */
export class UringTransport extends SocketTransport {
  /**
   * Sets up io_uring and its memory. Make it on the thread that will use it.
   *
   * @throws {NativeError} If io_uring is refused, memory is short, or a size
   *   is out of its range.
   */
  constructor(options: SocketTransportOptions = {}) {
    super("io_uring", options);
  }
}

/** Sockets that epoll waits for: on every Linux. */
export class PlainTransport extends SocketTransport {
  /**
   * Sets up epoll and its memory. Make it on the thread that will use it.
   *
   * @throws {NativeError} If memory or descriptors are short, or a size is
   *   out of its range.
   */
  constructor(options: SocketTransportOptions = {}) {
    super("plain", options);
  }
}

/**
 * An IPv4 address as a number: "127.0.0.1" is 0x7f000001.
 *
 * @throws {TypeError} If it is none.
 */
export function parseAddress(address: string): number {
  const parts = address.split(".");
  let number = 0;
  for (const part of parts) {
    const value = Number(part);
    if (!/^[0-9]{1,3}$/.test(part) || value > 255) number = NaN;
    number = number * 256 + value;
  }
  if (parts.length !== 4 || Number.isNaN(number)) {
    throw new TypeError(
      `"${address}" is no IPv4 address; transports take ` +
        "addresses like 127.0.0.1 or 0.0.0.0",
    );
  }
  return number;
}
