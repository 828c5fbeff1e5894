// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A network in memory that delivers as little as it likes, damages what it is
 * told to, and cuts.
 *
 * @module
 */
import {
  type Link,
  LINK_OPEN,
  type LinkBuffer,
  type LinkListener,
  type Links,
} from "../../engine/replication/mod.ts";

const ECONNREFUSED = -111;
const EPIPE = -32;
const BUFFER_BYTES_MAX = 1 << 18;

/** One direction of a connection. */
class Pipe {
  bytes: number[] = [];
  closed = false;
}

class MemoryLink implements Link {
  readonly peer = "memory";
  readonly #network: MemoryLinks;
  readonly #out: Pipe;
  readonly #in: Pipe;

  constructor(network: MemoryLinks, out: Pipe, inward: Pipe) {
    this.#network = network;
    this.#out = out;
    this.#in = inward;
  }

  state(): number {
    return this.#in.closed && this.#out.closed ? EPIPE : LINK_OPEN;
  }

  send(buffer: LinkBuffer, from: number, bytes: number): number {
    if (this.#out.closed) return EPIPE;
    const room = BUFFER_BYTES_MAX - this.#out.bytes.length;
    const count = Math.min(bytes, room, this.#network.chunk());
    for (let i = 0; i < count; i++) {
      this.#out.bytes.push(this.#network.pass(buffer.u8[from + i]!));
    }
    return count;
  }

  receive(buffer: LinkBuffer, at: number, bytes: number): number {
    const { bytes: waiting } = this.#in;
    if (waiting.length === 0) return this.#in.closed ? EPIPE : 0;
    const taken = waiting.splice(0, Math.min(bytes, this.#network.chunk()));
    buffer.u8.set(taken, at);
    return taken.length;
  }

  close(): void {
    this.#out.closed = true;
    this.#in.closed = true;
  }
}

class RefusedLink implements Link {
  readonly peer = "memory";
  state(): number {
    return ECONNREFUSED;
  }
  send(): number {
    return ECONNREFUSED;
  }
  receive(): number {
    return ECONNREFUSED;
  }
  close(): void {}
}

/** The network. */
export class MemoryLinks implements Links {
  /** Most bytes of the next send or receive. */
  chunk: () => number = () => 1 << 20;
  /** What becomes of a byte on its way. */
  pass: (byte: number) => number = (byte) => byte;
  connections = 0;
  readonly #callers: Link[] = [];
  readonly #pipes: Pipe[] = [];
  #listening = false;

  listen(): LinkListener {
    this.#listening = true;
    return {
      port: 1,
      accept: () => this.#callers.shift(),
      close: () => this.#listening = false,
    };
  }

  connect(): Link {
    if (!this.#listening) return new RefusedLink();
    const [one, other] = [new Pipe(), new Pipe()];
    this.#pipes.push(one, other);
    this.#callers.push(new MemoryLink(this, other, one));
    this.connections++;
    return new MemoryLink(this, one, other);
  }

  /** Ends every connection; what is under way is lost. */
  cut(): void {
    for (const pipe of this.#pipes.splice(0)) {
      pipe.bytes = [];
      pipe.closed = true;
    }
  }
}
