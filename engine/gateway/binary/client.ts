// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A client of the binary order protocol over Deno's own sockets, TCP or UDP:
 * for tests, the bench and the command line. Any thread; allocates freely. It
 * numbers messages and keeps what arrives in order of arrival; it does not
 * resend by itself, the caller sees gaps and decides.
 *
 * @module
 */
import {
  BINARY_VERSION_2,
  blocksOf,
  CLIENT_COUNT_TCP_MAX,
  CLIENT_COUNT_UDP_MAX,
  type ClientMessage,
  ClientType,
  decodeServerHeader,
  decodeServerPacket,
  encodeClientPacket,
  HEADER_BYTES,
  type ServerMessage,
  serverPacketBytes,
  ServerType,
  SIDE_TIMES,
  type Whole,
} from "../../wire/binary/mod.ts";
import {
  type BinaryMassCancel,
  type BinaryOrder,
  type BinaryReplaceTerms,
  blockMessage,
  massCancelMessage,
  orderMessage,
  type OrderName,
  replaceMessage,
} from "./requests.ts";

/** Where to, and as whom. */
export interface BinaryClientOptions {
  readonly link: "tcp" | "udp";
  /** IPv4 address. */
  readonly hostname: string;
  readonly port: number;
  /** Session number. */
  readonly session: number;
  /** Session key. */
  readonly key: bigint;
  /** Version of the packets; 2 if left out. In 1 only plain orders are there. */
  readonly version?: number;
  /** Ask for the stage times of answers: messages of type TIMES, without numbers. Needs version 2. */
  readonly times?: boolean;
}

/** The appliance refused the logon, or did not answer it. */
export class LogonError extends Error {
  override name = "LogonError";
  /** `Reason`; 0 = there was no answer. */
  readonly reason: number;

  constructor(message: string, reason: number) {
    super(message);
    this.reason = reason;
  }
}

/** How a packet leaves, and how bytes arrive. */
interface Wire {
  send(packet: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Hands over whole packets until the other side or `close()` ends it. */
  pump(take: (packet: Uint8Array) => void): Promise<void>;
  close(): void;
}

const UDP_LOGON_INTERVAL_MS = 250;

/** One session's client; see the module's text. */
export class BinaryClient {
  readonly #options: BinaryClientOptions;
  readonly #wire: Wire;
  readonly #pumping: Promise<void>;
  #arrived: ServerMessage[] = [];
  /** Place in `#arrived` of the next message to be received. */
  #taken = 0;
  readonly #numbered: ClientMessage[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: unknown;
  /** Number of our next message. */
  nextNumber = 1;
  /** Number of the next message that we have not received. */
  expectedNumber = 1;

  /**
   * Connects. Log on next.
   *
   * @throws {Error} If the address can not be reached (TCP), or this Deno has
   *   no datagrams: they need `--unstable-net`.
   */
  static async connect(options: BinaryClientOptions): Promise<BinaryClient> {
    const wire = options.link === "tcp"
      ? await connectStream(options)
      : openDatagrams(options);
    return new BinaryClient(options, wire);
  }

  private constructor(options: BinaryClientOptions, wire: Wire) {
    this.#options = options;
    this.#wire = wire;
    this.#pumping = this.#pump();
  }

  /** True once the connection is gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Logs on and learns both numbers. Over UDP it repeats itself if need be.
   *
   * @param wanted First of the appliance's numbers that is still wanted; 0 =
   *   only what is new.
   * @returns The answer; what was missed follows by `receive()`.
   * @throws {LogonError} If it is refused, or not answered in time.
   */
  async logon(wanted = 0, timeoutMs = 5000): Promise<ServerMessage> {
    const udp = this.#options.link === "udp";
    const turnMs = udp ? UDP_LOGON_INTERVAL_MS : timeoutMs;
    for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += turnMs) {
      await this.#sendUnnumbered({
        type: ClientType.LOGON,
        ...(this.#options.times === true ? { side: SIDE_TIMES } : {}),
        quantity: this.#options.key,
        price: wanted,
      });
      const answer = await this.#receiveType(
        (type) =>
          type === ServerType.LOGON_ACCEPTED ||
          type === ServerType.LOGON_REFUSED,
        turnMs,
      );
      if (answer === null) {
        if (this.#closed) break;
        continue;
      }
      if (answer.type === ServerType.LOGON_REFUSED) {
        throw new LogonError(
          `Session ${this.#options.session} was refused, reason ${answer.reason}`,
          answer.reason,
        );
      }
      this.nextNumber = answer.reference;
      this.expectedNumber = Number(answer.quantity);
      return answer;
    }
    throw new LogonError(
      `Session ${this.#options.session}: no answer to the logon within ${timeoutMs} ms`,
      0,
    );
  }

  /** Queues a new order; `flush()` sends. Returns its name for later messages. */
  order(order: BinaryOrder): OrderName {
    const { symbol, side } = order;
    return { reference: this.queue(orderMessage(order)), symbol, side };
  }

  /** Queues a cancel; returns its number. */
  cancel({ reference, symbol, side }: OrderName): number {
    return this.queue({ type: ClientType.CANCEL, symbol, side, reference });
  }

  /** Queues a replace by a new quantity (total) and limit; returns its number. */
  replace(
    order: OrderName,
    quantity: Whole,
    price: Whole,
    terms: BinaryReplaceTerms = {},
  ): number {
    return this.queue(replaceMessage(order, quantity, price, terms));
  }

  /** Queues a reduce of the open quantity; returns its number. */
  reduce({ reference, symbol, side }: OrderName, quantity: Whole): number {
    const type = ClientType.REDUCE;
    return this.queue({ type, symbol, side, quantity, reference });
  }

  /** Queues a mass cancel, of all orders of the session if nothing is said. */
  massCancel(which: BinaryMassCancel = {}): number {
    return this.queue(massCancelMessage(which));
  }

  /** Queues the kill switch: no new orders, and those that live end. */
  block(account?: number): number {
    return this.queue(blockMessage(ClientType.BLOCK, account));
  }

  /** Queues the end of a block of our own. */
  unlock(account?: number): number {
    return this.queue(blockMessage(ClientType.UNLOCK, account));
  }

  /** Queues a status request; returns its number. */
  status({ reference, symbol, side }: OrderName): number {
    return this.queue({ type: ClientType.STATUS, symbol, side, reference });
  }

  /** Queues any message; returns its number. */
  queue(message: ClientMessage): number {
    this.#numbered.push(message);
    return this.nextNumber++;
  }

  /** Sends what is queued, in as few packets as possible. */
  async flush(): Promise<void> {
    const limit = this.#options.link === "tcp"
      ? CLIENT_COUNT_TCP_MAX
      : CLIENT_COUNT_UDP_MAX;
    while (this.#numbered.length > 0) {
      const first = this.nextNumber - this.#numbered.length;
      let fitting = 0;
      for (let blocks = 0; fitting < this.#numbered.length; fitting++) {
        blocks += blocksOf(this.#numbered[fitting]!);
        if (blocks > limit) break;
      }
      await this.sendAs(first, this.#numbered.splice(0, fitting));
    }
  }

  /** Sends messages under numbers of the caller's choice: repeats, and tests. */
  async sendAs(
    first: Whole,
    messages: readonly ClientMessage[],
  ): Promise<void> {
    const { session, version = BINARY_VERSION_2 } = this.#options;
    const packet = encodeClientPacket(session, first, messages, version);
    await this.#wire.send(packet);
  }

  /** Asks for a heartbeat. */
  async heartbeat(): Promise<void> {
    await this.#sendUnnumbered({ type: ClientType.HEARTBEAT });
  }

  /** Asks for messages once more; 0 = as many as allowed. */
  async retransmit(first: number, count = 0): Promise<void> {
    const type = ClientType.RETRANSMIT;
    await this.#sendUnnumbered({ type, quantity: first, price: count });
  }

  /** Logs out; an END message follows. */
  async logout(): Promise<void> {
    await this.#sendUnnumbered({ type: ClientType.LOGOUT });
  }

  /**
   * The next message, numbered or not.
   *
   * @returns Null if none came in time, or the connection is gone and all that
   *   it brought has been received.
   * @throws What broke the connection, if it did not end in order.
   */
  async receive(timeoutMs = 5000): Promise<ServerMessage | null> {
    if (this.#taken === this.#arrived.length && !this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    const message = this.#take();
    if (message === null && this.#failure !== undefined) throw this.#failure;
    return message;
  }

  /** The next message that has a number; heartbeats and the like are skipped. */
  receiveNumbered(timeoutMs = 5000): Promise<ServerMessage | null> {
    return this.#receiveWhere((message) => message.sequence > 0, timeoutMs);
  }

  /** Closes the connection and waits until nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wire.close();
    await this.#pumping;
  }

  async #sendUnnumbered(message: ClientMessage): Promise<void> {
    await this.sendAs(0, [message]);
  }

  #receiveType(
    wanted: (type: number) => boolean,
    timeoutMs: number,
  ): Promise<ServerMessage | null> {
    return this.#receiveWhere((message) => wanted(message.type), timeoutMs);
  }

  /** The next message that has arrived already, or null. */
  #take(): ServerMessage | null {
    const message = this.#arrived[this.#taken];
    if (message === undefined) {
      this.#arrived = [];
      this.#taken = 0;
      return null;
    }
    this.#taken++;
    if (message.sequence === this.expectedNumber) this.expectedNumber++;
    return message;
  }

  /** The next message that passes; the others are skipped. */
  async #receiveWhere(
    wanted: (message: ServerMessage) => boolean,
    timeoutMs: number,
  ): Promise<ServerMessage | null> {
    for (let next = this.#take(); next !== null; next = this.#take()) {
      if (wanted(next)) return next;
    }
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      this.#wake?.();
    }, timeoutMs);
    try {
      while (!expired) {
        const message = await this.receive(timeoutMs);
        if (message === null) {
          if (this.#closed) return null;
        } else if (wanted(message)) return message;
      }
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  async #pump(): Promise<void> {
    try {
      await this.#wire.pump((packet) => {
        this.#arrived.push(...decodeServerPacket(packet));
        this.#wake?.();
      });
    } catch (error) {
      if (!this.#closed) this.#failure = error;
    }
    if (!this.#closed) {
      this.#closed = true;
      this.#wire.close();
    }
    this.#wake?.();
  }
}

async function connectStream(options: BinaryClientOptions): Promise<Wire> {
  const { hostname, port } = options;
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  let open = true;
  return {
    async send(packet) {
      for (let at = 0; at < packet.length;) {
        at += await connection.write(packet.subarray(at));
      }
    },
    async pump(take) {
      const buffer = new Uint8Array(65536);
      let length = 0;
      while (open) {
        const bytes = await connection.read(buffer.subarray(length));
        if (bytes === null) return;
        length += bytes;
        let at = 0;
        while (length - at >= HEADER_BYTES) {
          const { count } = decodeServerHeader(buffer.subarray(at, length));
          const size = serverPacketBytes(count);
          if (length - at < size) break;
          take(buffer.subarray(at, at + size));
          at += size;
        }
        buffer.copyWithin(0, at, length);
        length -= at;
      }
    },
    close() {
      if (open) connection.close();
      open = false;
    },
  };
}

function openDatagrams({ hostname, port }: BinaryClientOptions): Wire {
  if (typeof Deno.listenDatagram !== "function") {
    throw new Error(
      "This Deno has no datagrams: start it with --unstable-net, or use TCP",
    );
  }
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: hostname.startsWith("127.") ? "127.0.0.1" : "0.0.0.0",
    port: 0,
  });
  let open = true;
  return {
    async send(packet) {
      await socket.send(packet, { transport: "udp", hostname, port });
    },
    async pump(take) {
      const buffer = new Uint8Array(2048);
      while (open) {
        const [packet, from] = await socket.receive(buffer);
        const ours = from.transport === "udp" && from.port === port &&
          from.hostname === hostname;
        if (ours) take(packet.slice());
      }
    },
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}
