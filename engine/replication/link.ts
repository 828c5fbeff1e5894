// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What replication asks of a network, and the network itself: one stream of
 * bytes each way that never waits. Tests and simulators put another in its
 * place. The thread that made a link uses it; sending and receiving allocate
 * nothing.
 *
 * @module
 */
import * as native from "../../ffi/link.ts";
import { errnoName } from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";

/** `Link.state()`: it stands. */
export const LINK_OPEN = 0;
/** `Link.state()`: it is being made. */
export const LINK_OPENING = native.LINK_PENDING;

/** Memory that a link sends from or receives into. */
export interface LinkBuffer {
  readonly u8: Uint8Array;
  /** Where `u8` lies; a link that is no socket does not ask. */
  readonly address: number;
}

/** A connection. Numbers below 0 are -errno and final. */
export interface Link {
  /** Who is at the other end, for people. */
  readonly peer: string;
  /** `LINK_OPEN`, `LINK_OPENING`, or why there is none. */
  state(): number;
  /** Bytes taken of those at `from`; 0 = no room now. */
  send(buffer: LinkBuffer, from: number, bytes: number): number;
  /** Bytes that came, written to `at`; 0 = none now. */
  receive(buffer: LinkBuffer, at: number, bytes: number): number;
  close(): void;
}

/** A port that standbys call. */
export interface LinkListener {
  readonly port: number;
  /** The next caller, if there is one. */
  accept(): Link | undefined;
  close(): void;
}

/** A network. */
export interface Links {
  /** @throws {Error} If the port can not be had. */
  listen(address: string, port: number): LinkListener;
  /** Starts to connect; whether it worked shows in `Link.state()`. */
  connect(address: string, port: number): Link;
}

/** Why a link ended, for people. */
export function linkErrorText(code: number): string {
  return errnoName(code) === "EPIPE"
    ? "the other side closed it"
    : errnoName(code);
}

/** TCP of this machine. */
export class TcpLinks implements Links {
  listen(address: string, port: number): LinkListener {
    return new TcpListener(native.listenLink(address, port));
  }

  connect(address: string, port: number): Link {
    const peer = `${address}:${port}`;
    try {
      return new TcpLink(native.connectLink(address, port), peer);
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      return new TcpLink(-error.code, peer);
    }
  }
}

class TcpListener implements LinkListener {
  readonly port: number;
  readonly #fd: number;
  readonly #peer = new Uint32Array(2);

  constructor(bound: { readonly fd: number; readonly port: number }) {
    this.#fd = bound.fd;
    this.port = bound.port;
  }

  accept(): Link | undefined {
    const fd = native.acceptLink(this.#fd, this.#peer);
    if (fd < 0) return undefined;
    const address = this.#peer[0]!;
    const port = this.#peer[1]!;
    const octets = [24, 16, 8, 0].map((shift) => address >>> shift & 0xff);
    return new TcpLink(fd, `${octets.join(".")}:${port}`);
  }

  close(): void {
    native.closeLink(this.#fd);
  }
}

class TcpLink implements Link {
  readonly peer: string;
  /** Descriptor, or -errno. */
  #fd: number;
  #open = false;

  constructor(fd: number, peer: string) {
    this.#fd = fd;
    this.peer = peer;
  }

  state(): number {
    if (this.#open || this.#fd < 0) return this.#fd < 0 ? this.#fd : LINK_OPEN;
    const state = native.connectedLink(this.#fd);
    if (state === LINK_OPEN) this.#open = true;
    return state;
  }

  send(buffer: LinkBuffer, from: number, bytes: number): number {
    if (this.#fd < 0) return this.#fd;
    return native.sendLink(this.#fd, buffer.address + from, bytes);
  }

  receive(buffer: LinkBuffer, at: number, bytes: number): number {
    if (this.#fd < 0) return this.#fd;
    return native.receiveLink(this.#fd, buffer.address + at, bytes);
  }

  close(): void {
    if (this.#fd >= 0) native.closeLink(this.#fd);
    this.#fd = -9;
    this.#open = false;
  }
}
