// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport that bypasses the kernel: datagrams and streams through DPDK.
 *
 * Belongs to the thread that made it. Polling, reserving and committing do not
 * allocate; received payloads are read, and payloads to send are written, in
 * the packet buffers themselves. Streams are lwIP's, in the same poll: what
 * comes is copied once, from the packet into the connection's window. They
 * need `connectionsMax`; without it they are refused. If DPDK, the device,
 * huge pages or a permission is missing, the constructor says so; it never
 * becomes another driver.
 *
 * @module
 */
import {
  DPDK_DATAGRAM_BYTES_MAX,
  DPDK_LIBRARY_NAME,
  DPDK_SEND_WORDS,
  DpdkCounter,
  type DpdkInUse,
  type DpdkOptions,
  type DpdkPort,
  type DpdkSymbols,
  openDpdk,
  parseIpv4,
} from "../../ffi/dpdk.ts";
import type { DpdkFigures } from "../../ffi/dpdk_figures.ts";
import { unwrap } from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { assert } from "../assert.ts";
import { DpdkStreams } from "./dpdk_streams.ts";
import { BACKPRESSURE, type Transport } from "./transport.ts";

const EBADF = 9;
const EINVAL = 22;
const EADDRNOTAVAIL = 99;
/** First of the ports for those who ask for port 0 (RFC 6335, section 6). */
const EPHEMERAL_PORT_MIN = 49152;
const ANY_ADDRESS = "0.0.0.0";

function isGroup(address: string): boolean {
  const first = Number(address.split(".", 1)[0]);
  return first >= 224 && first <= 239;
}

/** Datagrams and streams over a port that DPDK drives. See `DpdkOptions`. */
export class DpdkTransport implements Transport {
  readonly name = "dpdk";
  readonly bytes: Uint8Array;
  readonly completions: Int32Array;
  readonly receiveWindowBytes: number;
  readonly sendWindowBytes: number;
  /** Counters of the port, indexed by `DpdkCounter`. */
  readonly counters: Float64Array;
  /** Our MAC address. */
  readonly mac: string;
  /** Names the port to those who read figures on another thread. */
  get handle(): number {
    return this.#handle;
  }
  readonly #port: DpdkPort;
  readonly #symbols: DpdkSymbols;
  readonly #handle: number;
  readonly #address: string;
  readonly #streams: DpdkStreams;
  /** Port of each listener. */
  readonly #ports = new Map<number, number>();
  /** Listeners that datagrams can be sent from, a bit each; also those that were closed. */
  #senders = 0;
  /** Datagrams that can be written, and that are. */
  #offered = 0;
  #written = 0;

  /**
   * Starts DPDK and opens the port, on the thread that will poll.
   *
   * @throws {TypeError} If an address in `options` is none.
   * @throws {Error} If DPDK is not installed.
   * @throws {NativeError} If memory, the device or a permission is missing.
   */
  constructor(options: DpdkOptions) {
    this.#port = openDpdk(options);
    this.#symbols = this.#port.symbols;
    this.#handle = this.#port.handle;
    this.#address = options.address;
    this.bytes = this.#port.bytes;
    this.completions = this.#port.completions;
    this.counters = this.#port.counters;
    this.mac = this.#port.mac;
    this.#streams = new DpdkStreams(this.#port);
    const hasStreams = (options.connectionsMax ?? 0) > 0;
    this.receiveWindowBytes = hasStreams ? this.#port.receiveBytes : 0;
    this.sendWindowBytes = hasStreams ? this.#port.sendBytes : 0;
  }

  /** Connections that were reset at once because there was no room. */
  get refusedConnections(): number {
    return this.counters[DpdkCounter.TCP_REFUSED]!;
  }

  /** Connections now, those that are being closed included. */
  get openConnections(): number {
    return this.counters[DpdkCounter.TCP_OPEN]!;
  }

  /** Closed connections whose client did not take the rest in time. */
  get lingerExpired(): number {
    return this.counters[DpdkCounter.TCP_LINGER_EXPIRED]!;
  }

  listenStream(address: string, port: number): number {
    const bound = this.#portFor("TCP connections", address, port);
    const listener = unwrap(
      this.#symbols.ferrule_dpdk_listen_stream(this.#handle, bound),
      `listen for TCP connections on ${address}:${bound}`,
      "Each TCP port can be used once, and up to 16 of them, on a port that " +
        "was opened with connectionsMax of 1 or more: choose another port",
      DPDK_LIBRARY_NAME,
    );
    this.#ports.set(listener, bound);
    return listener;
  }

  listenDatagram(address: string, port: number): number {
    const bound = this.#portFor("datagrams", address, port);
    const listener = unwrap(
      this.#symbols.ferrule_dpdk_listen(
        this.#handle,
        parseIpv4(address),
        bound,
      ),
      `listen for datagrams on ${address}:${bound}`,
      "Each UDP port can be used once for each address or group, and up to 16 of them",
      DPDK_LIBRARY_NAME,
    );
    this.#ports.set(listener, bound);
    this.#senders |= 1 << listener;
    return listener;
  }

  /** What is sent to a group does not come back to this host. */
  multicastFrom(listener: number, address: string, hops: number): void {
    this.#checkOwn(`send multicast by the interface of ${address}`, address);
    unwrap(
      this.#symbols.ferrule_dpdk_hops(this.#handle, listener, hops),
      `send multicast ${hops} hops far`,
      "A datagram leaves this machine with 1 hop at least",
      DPDK_LIBRARY_NAME,
    );
  }

  joinGroup(listener: number, group: string, address: string): void {
    this.#checkOwn(`join multicast group ${group} on ${address}`, address);
    unwrap(
      this.#symbols.ferrule_dpdk_join(
        this.#handle,
        listener,
        parseIpv4(group),
      ),
      `join multicast group ${group}`,
      "Groups are 224.0.0.2 to 239.255.255.255, up to 32 on a port, each once " +
        "for a listener",
      DPDK_LIBRARY_NAME,
    );
  }

  leaveGroup(listener: number, group: string, address: string): void {
    this.#checkOwn(`leave multicast group ${group} on ${address}`, address);
    unwrap(
      this.#symbols.ferrule_dpdk_leave(
        this.#handle,
        listener,
        parseIpv4(group),
      ),
      `leave multicast group ${group}`,
      "A group can be left by who joined it",
      DPDK_LIBRARY_NAME,
    );
  }

  port(listener: number): number {
    const port = this.#ports.get(listener);
    if (port === undefined) {
      throw new NativeError(
        "tell a listener's port",
        EBADF,
        `there is no listener ${listener}`,
      );
    }
    return port;
  }

  /** Takes nothing more; connections stay, datagrams can still be sent. */
  closeListener(listener: number): void {
    this.#ports.delete(listener);
    unwrap(
      this.#symbols.ferrule_dpdk_unlisten(this.#handle, listener),
      `close listener ${listener}`,
      undefined,
      DPDK_LIBRARY_NAME,
    );
  }

  poll(waitUs: number): number {
    if (this.#written > 0) this.#send();
    const count = this.#symbols.ferrule_dpdk_poll(this.#handle, waitUs);
    if (count < 0) this.#fail(count, "poll the DPDK port");
    return count;
  }

  consume(connection: number, bytes: number): void {
    this.#streams.consume(connection, bytes);
  }

  reserve(connection: number, bytes: number): number {
    return this.#streams.reserve(connection, bytes);
  }

  commit(connection: number, bytes: number): void {
    this.#streams.commit(connection, bytes);
  }

  /** Bytes committed and not yet acknowledged by the client. */
  pending(connection: number): number {
    return this.#streams.pending(connection);
  }

  close(connection: number): void {
    this.#streams.close(connection);
  }

  /** Closes with a reset; what is not sent is dropped. */
  abort(connection: number): void {
    this.#streams.abort(connection);
  }

  reserveDatagram(bytes: number): number {
    assert(
      bytes >= 0 && bytes <= DPDK_DATAGRAM_BYTES_MAX,
      "a datagram has at most 1472 bytes",
    );
    if (this.#written === this.#offered) {
      this.#send();
      if (this.#offered === 0) return BACKPRESSURE;
    }
    return this.#port.offers[this.#written]!;
  }

  commitDatagram(
    listener: number,
    address: number,
    port: number,
    bytes: number,
  ): void {
    if (listener > 31 || (this.#senders >>> listener & 1) === 0) {
      throw new NativeError(
        "send a datagram",
        EBADF,
        `there is no listener ${listener}`,
      );
    }
    assert(
      this.#written < this.#offered && bytes >= 0 &&
        bytes <= DPDK_DATAGRAM_BYTES_MAX && port > 0 && port < 65_536,
      `a datagram of ${bytes} bytes to port ${port}: not reserved, or no such port`,
    );
    const { sends } = this.#port;
    const at = this.#written++ * DPDK_SEND_WORDS;
    sends[at] = listener;
    sends[at + 1] = address;
    sends[at + 2] = port;
    sends[at + 3] = bytes;
  }

  /** Hands over what was committed, and learns how much can be written now. */
  #send(): void {
    const offered = this.#symbols.ferrule_dpdk_send(
      this.#handle,
      this.#written,
    );
    this.#written = 0;
    this.#offered = 0;
    if (offered < 0) this.#fail(offered, "send datagrams");
    this.#offered = offered;
  }

  /** Link state, the card's own counters, ours; microseconds, not for the loop. */
  figures(): DpdkFigures {
    return this.#port.figures();
  }

  /** Buffers, connections and segments in use; not for the loop. */
  inUse(): DpdkInUse {
    return this.#port.inUse();
  }

  /** Closes the port; `bytes` and `completions` have length 0 afterwards. */
  dispose(): void {
    if (this.#written > 0) this.#send();
    this.#port.close();
  }

  #portFor(what: string, address: string, port: number): number {
    parseIpv4(address);
    if (what !== "datagrams" || !isGroup(address)) {
      this.#checkOwn(`listen for ${what} on ${address}:${port}`, address);
    }
    if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
      throw new NativeError(
        `listen for ${what} on ${address}:${port}`,
        EINVAL,
        `port ${port} is none`,
        "Give a port from 1 to 65535, or 0 for any that is free",
      );
    }
    return port === 0 ? this.#freePort() : port;
  }

  #checkOwn(operation: string, address: string): void {
    if (address === ANY_ADDRESS || address === this.#address) return;
    throw new NativeError(
      operation,
      EADDRNOTAVAIL,
      `the address of the DPDK port is ${this.#address}`,
      `Use that address, or ${ANY_ADDRESS}`,
    );
  }

  #freePort(): number {
    const used = new Set(this.#ports.values());
    let port = EPHEMERAL_PORT_MIN;
    while (used.has(port)) port++;
    return port;
  }

  #fail(code: number, operation: string): never {
    unwrap(code, operation, undefined, DPDK_LIBRARY_NAME);
    throw new Error(`Failed to ${operation}`);
  }
}
