// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport of one simulated process: windows and send buffers as the real
 * drivers have them, over the simulated network.
 *
 * @module
 */
import {
  BACKPRESSURE,
  COMPLETION_ADDRESS,
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_PORT,
  COMPLETION_WORDS,
  CompletionKind,
  CONNECTION_SLOT_MASK,
  GONE,
  type Transport,
} from "../../engine/transport/mod.ts";
import type { Random } from "../oracle/random.ts";
import type {
  Datagram,
  Endpoint,
  SimConnection,
  SimNetwork,
} from "./sim_network.ts";

const CONNECTIONS = 16;
const WINDOW_BYTES = 16_384;
const SEND_BYTES = 8192;
/** Bytes that the kernel takes for a client that does not read. */
const KERNEL_BYTES = 4096;
const DATAGRAM_BYTES = 1472;
const COMPLETIONS = 64;
const DATAGRAMS_WAITING_MAX = 200;
const LOOPBACK = 0x7f000001;
/** Polls that a closing connection waits for a client that takes nothing. */
const CLOSING_POLLS_MAX = 300;

interface Slot {
  readonly id: number;
  readonly connection: SimConnection;
  readonly receiveAt: number;
  readonly sendAt: number;
  /** The window: bytes received and not consumed. */
  from: number;
  to: number;
  /** Shown, and not answered by `consume()`. */
  shown: boolean;
  told: boolean;
  closing: number;
  pending: Uint8Array[];
  pendingBytes: number;
}

/** What a test does to messages on their way out; undefined = the message is gone. */
export type Tamper = (bytes: Uint8Array) => Uint8Array | undefined;

/** One process's network driver. */
export class SimTransport implements Transport, Endpoint {
  readonly name = "simulated";
  readonly bytes: Uint8Array;
  readonly completions = new Int32Array(COMPLETIONS * COMPLETION_WORDS);
  readonly receiveWindowBytes = WINDOW_BYTES;
  readonly sendWindowBytes = SEND_BYTES;
  refusedConnections = 0;
  tamper: Tamper | undefined;
  readonly #network: SimNetwork;
  readonly #random: Random;
  readonly #listeners: { kind: "stream" | "datagram"; port: number }[] = [];
  readonly #slots: (Slot | undefined)[] = Array.from({ length: CONNECTIONS });
  readonly #generations = new Uint32Array(CONNECTIONS);
  readonly #datagrams: { listener: number; datagram: Datagram }[] = [];
  readonly #datagramAt: number;
  #count = 0;
  #shift = 0;

  constructor(network: SimNetwork, random: Random) {
    this.#network = network;
    this.#random = random;
    const each = WINDOW_BYTES + SEND_BYTES;
    this.#datagramAt = CONNECTIONS * each;
    this.bytes = new Uint8Array(
      this.#datagramAt + (COMPLETIONS + 1) * DATAGRAM_BYTES,
    );
  }

  listenStream(_address: string, port: number): number {
    return this.#listeners.push({ kind: "stream", port }) - 1;
  }

  listenDatagram(_address: string, port: number): number {
    return this.#listeners.push({ kind: "datagram", port }) - 1;
  }

  port(listener: number): number {
    return this.#listeners[listener]!.port;
  }

  multicastFrom(): void {}

  joinGroup(): void {}

  leaveGroup(): void {}

  closeListener(listener: number): void {
    this.#listeners[listener] = { kind: "stream", port: -1 };
  }

  listenerOf(kind: "stream" | "datagram", port: number): number {
    return this.#listeners.findIndex((one) =>
      one.kind === kind && one.port === port
    );
  }

  accept(connection: SimConnection): boolean {
    const place = this.#slots.indexOf(undefined);
    if (place < 0) {
      this.refusedConnections++;
      return false;
    }
    const each = WINDOW_BYTES + SEND_BYTES;
    const generation = ++this.#generations[place]!;
    const room = CONNECTION_SLOT_MASK + 1;
    this.#slots[place] = {
      id: place + generation * room,
      connection,
      receiveAt: place * each,
      sendAt: place * each + WINDOW_BYTES,
      from: 0,
      to: 0,
      shown: false,
      told: false,
      closing: 0,
      pending: [],
      pendingBytes: 0,
    };
    return true;
  }

  arrive(listener: number, datagram: Datagram): void {
    if (this.#datagrams.length < DATAGRAMS_WAITING_MAX) {
      this.#datagrams.push({ listener, datagram });
    }
  }

  poll(_waitUs: number): number {
    this.#count = 0;
    for (const slot of this.#slots) {
      if (slot === undefined || this.#count >= COMPLETIONS - 2) continue;
      if (!slot.told) {
        slot.told = true;
        this.#tell(CompletionKind.ACCEPTED, slot.id, {
          listener: slot.connection.listener,
          port: slot.connection.port,
        });
      }
      this.#send(slot);
      if (slot.closing === 0) this.#receive(slot);
      this.#end(slot);
    }
    this.#takeDatagrams();
    return this.#count;
  }

  consume(connection: number, bytes: number): void {
    const slot = this.#slotOf(connection);
    if (slot === undefined) return;
    slot.shown = false;
    slot.from += bytes;
    if (slot.from === slot.to) slot.from = slot.to = 0;
    else if (slot.from > WINDOW_BYTES / 2) {
      const at = slot.receiveAt;
      this.bytes.copyWithin(at, at + slot.from, at + slot.to);
      slot.to -= slot.from;
      slot.from = 0;
    }
  }

  reserve(connection: number, bytes: number): number {
    const slot = this.#slotOf(connection);
    if (slot === undefined || slot.closing > 0) return GONE;
    if (slot.pendingBytes + bytes > SEND_BYTES) return BACKPRESSURE;
    // Any place will do, aligned or not: what is committed is copied at once.
    this.#shift = (this.#shift + 1) % 8;
    return slot.sendAt + this.#shift;
  }

  commit(connection: number, bytes: number): void {
    const slot = this.#slotOf(connection);
    if (slot === undefined || bytes === 0) return;
    const at = slot.sendAt + this.#shift;
    const sent = this.bytes.slice(at, at + bytes);
    const kept = this.tamper === undefined ? sent : this.tamper(sent);
    if (kept === undefined) return;
    slot.pending.push(kept);
    slot.pendingBytes += kept.length;
  }

  pending(connection: number): number {
    return this.#slotOf(connection)?.pendingBytes ?? 0;
  }

  close(connection: number): void {
    const slot = this.#slotOf(connection);
    if (slot !== undefined && slot.closing === 0) slot.closing = 1;
  }

  reserveDatagram(bytes: number): number {
    return bytes > DATAGRAM_BYTES
      ? BACKPRESSURE
      : this.#datagramAt + COMPLETIONS * DATAGRAM_BYTES;
  }

  commitDatagram(
    _listener: number,
    _address: number,
    port: number,
    bytes: number,
  ): void {
    const at = this.#datagramAt + COMPLETIONS * DATAGRAM_BYTES;
    const sent = this.bytes.slice(at, at + bytes);
    const kept = this.tamper === undefined ? sent : this.tamper(sent);
    if (kept !== undefined) this.#network.sendToClient({ port, bytes: kept });
  }

  dispose(): void {}

  #slotOf(connection: number): Slot | undefined {
    const slot = this.#slots[connection & CONNECTION_SLOT_MASK];
    return slot?.id === connection ? slot : undefined;
  }

  #tell(
    kind: number,
    id: number,
    { listener = 0, offset = 0, length = 0, port = 0 },
  ): void {
    const at = this.#count++ * COMPLETION_WORDS;
    const words = this.completions;
    words[at + COMPLETION_KIND] = kind;
    words[at + COMPLETION_ID] = id;
    words[at + COMPLETION_LISTENER] = listener;
    words[at + COMPLETION_OFFSET] = offset;
    words[at + COMPLETION_LENGTH] = length;
    words[at + COMPLETION_ADDRESS] = LOOPBACK;
    words[at + COMPLETION_PORT] = port;
  }

  /** The kernel takes what it has room for. */
  #send(slot: Slot): void {
    const { toClient, reset, clientClosed } = slot.connection;
    while (slot.pending.length > 0) {
      const next = slot.pending[0]!;
      const room = reset || clientClosed
        ? next.length
        : KERNEL_BYTES - toClient.length;
      if (room <= 0) return;
      const part = next.subarray(0, room);
      if (!reset && !clientClosed) toClient.push(part);
      slot.pendingBytes -= part.length;
      if (part.length === next.length) slot.pending.shift();
      else slot.pending[0] = next.subarray(room);
    }
  }

  #receive(slot: Slot): void {
    const { toServer } = slot.connection;
    if (slot.shown || toServer.arrived === 0) return;
    const room = WINDOW_BYTES - slot.to;
    const most = this.#random.draw(3) === 0
      ? 1 + this.#random.draw(room + 1)
      : room;
    const bytes = toServer.take(Math.min(room, most));
    if (bytes.length === 0) return;
    this.bytes.set(bytes, slot.receiveAt + slot.to);
    slot.to += bytes.length;
    slot.shown = true;
    this.#tell(CompletionKind.RECEIVED, slot.id, {
      offset: slot.receiveAt + slot.from,
      length: slot.to - slot.from,
    });
  }

  /** Tells of the end of a connection, whoever ended it. */
  #end(slot: Slot): void {
    const { connection } = slot;
    const { toServer, reset, clientClosed } = connection;
    if (slot.closing > 0) {
      slot.closing++;
      const taken = slot.pending.length === 0;
      if (!taken && slot.closing < CLOSING_POLLS_MAX && !reset) return;
    } else if (!(reset || clientClosed) || toServer.length > 0 || slot.shown) {
      return;
    }
    connection.serverClosed = true;
    this.#slots[this.#slots.indexOf(slot)] = undefined;
    this.#tell(CompletionKind.CLOSED, slot.id, {});
  }

  #takeDatagrams(): void {
    for (let i = 0; this.#count < COMPLETIONS; i++) {
      const next = this.#datagrams.shift();
      if (next === undefined) return;
      const { listener, datagram } = next;
      const offset = this.#datagramAt + i * DATAGRAM_BYTES;
      this.bytes.set(datagram.bytes, offset);
      this.#tell(CompletionKind.DATAGRAM, listener, {
        listener,
        offset,
        length: datagram.bytes.length,
        port: datagram.port,
      });
    }
  }
}
