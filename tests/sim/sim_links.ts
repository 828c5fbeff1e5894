// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The network between two appliances: connections that deliver in pieces, late,
 * or not at all while the network is parted.
 *
 * @module
 */
import {
  type Link,
  LINK_OPEN,
  LINK_OPENING,
  type LinkBuffer,
  type LinkListener,
  type Links,
} from "../../engine/replication/mod.ts";
import type { Random } from "../oracle/random.ts";
import { Pipe } from "./sim_network.ts";

const ECONNREFUSED = -111;
const EPIPE = -32;
const ETIMEDOUT = -110;
const ON_THE_WAY_MAX = 16_384;

/** Both ends of a connection. */
interface Wire {
  readonly pipes: readonly [Pipe, Pipe];
  accepted: boolean;
  /** Ends that were closed; a closed one sends no more. */
  readonly closed: [boolean, boolean];
}

/** The network of a pair. */
export class LinkNetwork {
  /** Nothing moves, nobody connects. */
  parted = false;
  readonly random: Random;
  readonly #wires: Wire[] = [];
  readonly #callers = new Map<number, Wire[]>();

  constructor(random: Random) {
    this.random = random;
  }

  listen(port: number): void {
    this.#callers.set(port, []);
  }

  unlisten(port: number): void {
    for (const wire of this.#callers.get(port) ?? []) {
      wire.closed[0] = wire.closed[1] = true;
    }
    this.#callers.delete(port);
  }

  accept(port: number): Wire | undefined {
    const wire = this.#callers.get(port)?.shift();
    if (wire !== undefined) wire.accepted = true;
    return wire;
  }

  connect(port: number): Wire | undefined {
    const callers = this.#callers.get(port);
    if (callers === undefined || this.parted) return undefined;
    const wire: Wire = {
      pipes: [new Pipe(), new Pipe()],
      accepted: false,
      closed: [false, false],
    };
    callers.push(wire);
    this.#wires.push(wire);
    return wire;
  }

  /** Something moves. */
  step(): void {
    if (this.parted) return;
    for (let i = this.#wires.length - 1; i >= 0; i--) {
      const { pipes, closed } = this.#wires[i]!;
      for (const pipe of pipes) {
        const waiting = pipe.length - pipe.arrived;
        if (waiting === 0 || this.random.draw(3) === 0) continue;
        pipe.arrived += this.random.draw(3) === 0
          ? 1 + this.random.draw(waiting)
          : waiting;
      }
      if (closed[0] && closed[1]) this.#wires.splice(i, 1);
    }
  }
}

class SimLink implements Link {
  readonly peer = "pair";
  readonly #network: LinkNetwork;
  readonly #wire: Wire | undefined;
  /** 0 = the caller's. */
  readonly #end: 0 | 1;

  constructor(network: LinkNetwork, wire: Wire | undefined, end: 0 | 1) {
    this.#network = network;
    this.#wire = wire;
    this.#end = end;
  }

  state(): number {
    const wire = this.#wire;
    if (wire === undefined) {
      return this.#network.parted ? ETIMEDOUT : ECONNREFUSED;
    }
    if (wire.closed[this.#end]) return EPIPE;
    return wire.accepted ? LINK_OPEN : LINK_OPENING;
  }

  send(buffer: LinkBuffer, from: number, bytes: number): number {
    const wire = this.#wire;
    if (wire === undefined || wire.closed[this.#end]) return EPIPE;
    const pipe = wire.pipes[this.#end]!;
    const room = ON_THE_WAY_MAX - pipe.length;
    const { random } = this.#network;
    const most = random.draw(4) === 0 ? 1 + random.draw(200) : bytes;
    const count = Math.max(0, Math.min(bytes, room, most));
    pipe.push(buffer.u8.slice(from, from + count));
    return count;
  }

  receive(buffer: LinkBuffer, at: number, bytes: number): number {
    const wire = this.#wire;
    if (wire === undefined || wire.closed[this.#end]) return EPIPE;
    const other = this.#end === 0 ? 1 : 0;
    const pipe = wire.pipes[other]!;
    const taken = pipe.take(bytes);
    if (taken.length === 0 && wire.closed[other] && pipe.length === 0) {
      // The end of a connection travels like its bytes.
      return this.#network.parted ? 0 : EPIPE;
    }
    buffer.u8.set(taken, at);
    return taken.length;
  }

  close(): void {
    if (this.#wire !== undefined) this.#wire.closed[this.#end] = true;
  }
}

/** What one process sees of it. */
export class SimLinks implements Links {
  readonly #network: LinkNetwork;
  readonly #links: Link[] = [];
  readonly #ports: number[] = [];

  constructor(network: LinkNetwork) {
    this.#network = network;
  }

  listen(_address: string, port: number): LinkListener {
    this.#network.listen(port);
    this.#ports.push(port);
    return {
      port,
      accept: () => {
        const wire = this.#network.accept(port);
        return wire === undefined ? undefined : this.#kept(wire, 1);
      },
      close: () => this.#network.unlisten(port),
    };
  }

  connect(_address: string, port: number): Link {
    return this.#kept(this.#network.connect(port), 0);
  }

  /** The process is gone. */
  drop(): void {
    for (const link of this.#links) link.close();
    for (const port of this.#ports) this.#network.unlisten(port);
  }

  #kept(wire: Wire | undefined, end: 0 | 1): Link {
    const link = new SimLink(this.#network, wire, end);
    if (wire !== undefined) this.#links.push(link);
    return link;
  }
}
