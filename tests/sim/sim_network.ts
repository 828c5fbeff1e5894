// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The network between simulated clients and whatever process listens now.
 *
 * ```
 *   client ──write──▶ on its way ──step──▶ arrived ──▶ the transport's windows
 *   client ◀──read─── arrived ◀──step── on its way ◀── the transport's send buffers
 * ```
 *
 * Streams deliver in order, in pieces of any size, late, or are cut at any
 * byte. Datagrams are lost, come twice, or in another order.
 *
 * @module
 */
import type { Random } from "../oracle/random.ts";

/** Bytes in a row, of which the first have arrived. */
export class Pipe {
  #bytes = new Uint8Array(0);
  /** How many of them have arrived. */
  arrived = 0;

  get length(): number {
    return this.#bytes.length;
  }

  push(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined;
  }

  /** Takes up to so many bytes that have arrived. */
  take(max: number): Uint8Array {
    const count = Math.min(max, this.arrived);
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    this.arrived -= count;
    return taken;
  }

  /** Only the first so many bytes ever arrive. */
  cut(bytes: number): void {
    this.#bytes = this.#bytes.slice(0, bytes);
    this.arrived = Math.min(this.arrived, bytes);
  }
}

/** A connection; both ends look at it. */
export class SimConnection {
  /** Place of the endpoint among the network's. */
  readonly node: number;
  readonly port: number;
  readonly listener: number;
  readonly toServer = new Pipe();
  readonly toClient = new Pipe();
  /** No more bytes come from this end. */
  clientClosed = false;
  serverClosed = false;
  /** Cut: what has not arrived never will. */
  reset = false;

  constructor(node: number, listener: number, port: number) {
    this.node = node;
    this.listener = listener;
    this.port = port;
  }
}

/** A datagram, from or to a client's port. */
export interface Datagram {
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** What a listening process is to the network. */
export interface Endpoint {
  /** Listener of a port of ours, or -1. */
  listenerOf(kind: "stream" | "datagram", port: number): number;
  /** False = it takes no more connections. */
  accept(connection: SimConnection): boolean;
  arrive(listener: number, datagram: Datagram): void;
}

/** How bad it is: one in so many datagrams; 0 = none. */
export interface NetworkFaults {
  lose: number;
  duplicate: number;
}

const ON_THE_WAY_MAX = 400;

/** The network. It outlives processes. */
export class SimNetwork {
  readonly faults: NetworkFaults = { lose: 0, duplicate: 0 };
  readonly counts = new Map<string, number>();
  readonly connections: SimConnection[] = [];
  /** By node; one that is gone, or that clients cannot reach, is undefined. */
  readonly endpoints: (Endpoint | undefined)[] = [undefined, undefined];
  readonly #random: Random;
  readonly #toServer: { readonly to: number; readonly datagram: Datagram }[] =
    [];
  readonly #toClients: Datagram[] = [];
  readonly #sockets = new Map<
    number,
    { readonly node: number; readonly take: (bytes: Uint8Array) => void }
  >();
  #nextPort = 20_000;

  constructor(random: Random) {
    this.#random = random;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** A client connects; undefined = refused. */
  connect(port: number): SimConnection | undefined {
    const node = this.#nodeOf("stream", port);
    const endpoint = this.endpoints[node];
    if (endpoint === undefined) return undefined;
    const listener = endpoint.listenerOf("stream", port);
    const connection = new SimConnection(node, listener, this.#nextPort++);
    if (!endpoint.accept(connection)) return undefined;
    this.connections.push(connection);
    return connection;
  }

  /** A client opens a socket for datagrams to a port of ours; its own port. */
  bind(to: number, take: (bytes: Uint8Array) => void): number {
    const node = Math.max(0, this.#nodeOf("datagram", to));
    this.#sockets.set(this.#nextPort, { node, take });
    return this.#nextPort++;
  }

  /** A node that listens there, or -1. */
  #nodeOf(kind: "stream" | "datagram", port: number): number {
    const open = this.endpoints.map((endpoint, node) => {
      return (endpoint?.listenerOf(kind, port) ?? -1) < 0 ? -1 : node;
    }).filter((node) => node >= 0);
    return open.length === 0 ? -1 : this.#random.pick(open);
  }

  unbind(port: number): void {
    this.#sockets.delete(port);
  }

  sendToServer(to: number, datagram: Datagram): void {
    if (this.#toServer.length < ON_THE_WAY_MAX) {
      this.#toServer.push({ to, datagram });
    }
  }

  sendToClient(datagram: Datagram): void {
    if (this.#toClients.length < ON_THE_WAY_MAX) this.#toClients.push(datagram);
  }

  /** Cuts a connection at any byte, in both directions. */
  cut(connection: SimConnection): void {
    if (connection.reset) return;
    this.count("cut connection");
    for (const pipe of [connection.toServer, connection.toClient]) {
      pipe.cut(this.#random.draw(pipe.length + 1));
    }
    connection.reset = true;
  }

  /** The process is gone: what it handed over may still arrive, up to some byte. */
  drop(node: number): void {
    this.endpoints[node] = undefined;
    for (const connection of this.connections) {
      if (connection.reset || connection.node !== node) continue;
      connection.toClient.cut(
        this.#random.draw(connection.toClient.length + 1),
      );
      connection.reset = true;
      connection.serverClosed = true;
    }
  }

  /** Something moves. @returns How much. */
  step(): number {
    const random = this.#random;
    let moved = 0;
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const connection = this.connections[i]!;
      for (const pipe of [connection.toServer, connection.toClient]) {
        const waiting = pipe.length - pipe.arrived;
        if (waiting === 0 || random.draw(3) === 0) continue;
        const count = random.draw(4) === 0
          ? 1 + random.draw(Math.min(waiting, 40))
          : waiting;
        pipe.arrived += count;
        moved += count;
      }
      if (connection.clientClosed && connection.serverClosed) {
        this.connections.splice(i, 1);
      }
    }
    moved += this.#stepDatagrams();
    return moved;
  }

  #stepDatagrams(): number {
    const up = this.#draw(this.#toServer);
    if (up !== undefined) {
      const node = this.#sockets.get(up.datagram.port)?.node ?? 0;
      const endpoint = this.endpoints[node];
      const listener = endpoint?.listenerOf("datagram", up.to) ?? -1;
      if (listener >= 0) endpoint!.arrive(listener, up.datagram);
    }
    const down = this.#draw(this.#toClients);
    if (down !== undefined) this.#sockets.get(down.port)?.take(down.bytes);
    return (up === undefined ? 0 : 1) + (down === undefined ? 0 : 1);
  }

  /** Any of the next few; it may be lost, or stay for a second time. */
  #draw<T>(list: T[]): T | undefined {
    if (list.length === 0) return undefined;
    const random = this.#random;
    const { lose, duplicate } = this.faults;
    const at = random.draw(3) === 0 ? random.draw(Math.min(list.length, 4)) : 0;
    if (at > 0) this.count("reordered datagram");
    const found = list[at]!;
    if (duplicate !== 0 && random.draw(duplicate) === 0) {
      this.count("duplicated datagram");
    } else list.splice(at, 1);
    if (lose !== 0 && random.draw(lose) === 0) {
      this.count("lost datagram");
      return undefined;
    }
    return found;
  }
}
