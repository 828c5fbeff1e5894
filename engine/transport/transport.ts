// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The one interface between gateways and the network.
 *
 * A transport belongs to one thread. It never calls back: `poll()` submits what
 * was queued, collects what happened since, and describes each completion by
 * eight int32 words in `completions`. Received bytes are read in place in
 * `bytes`; bytes to send are written in place after `reserve()`.
 *
 * Streams: each connection has one receive window. A RECEIVED completion shows
 * the whole unconsumed window; the gateway reads what it can and calls
 * `consume()`, which lets the transport show more. Until then nothing more is
 * shown of that connection and at most its window is received, so a gateway
 * that cannot go on simply waits: that is the back-pressure. If the rest that is left over fills the window,
 * no more can arrive; the gateway must then refuse the message as too long.
 *
 * Datagrams: a DATAGRAM completion is valid until the next `poll()`.
 *
 * @module
 */

/** Int32 words of one completion. */
export const COMPLETION_WORDS = 8;
// Words of a completion.
export const COMPLETION_KIND = 0;
/** Connection id (streams); listener id (datagrams). */
export const COMPLETION_ID = 1;
/** Listener id that accepted the connection (ACCEPTED only), or that the datagram came to. */
export const COMPLETION_LISTENER = 2;
/** Byte offset in `bytes`. */
export const COMPLETION_OFFSET = 3;
/** Number of bytes; for CLOSED: 0 or -errno. */
export const COMPLETION_LENGTH = 4;
/** Peer's IPv4 address as a big-endian number (127.0.0.1 = 0x7f000001), as int32. */
export const COMPLETION_ADDRESS = 5;
/** Peer's port. */
export const COMPLETION_PORT = 6;
/**
 * RECEIVED and DATAGRAM: when the newest bytes came, low 32 bits of nanoseconds
 * since 1970; what is older than 4 seconds says 4 seconds. 0 = nobody but the
 * poll itself took a time.
 */
export const COMPLETION_TIME = 7;

export const CompletionKind = {
  /** A client connected. */
  ACCEPTED: 1,
  /** The receive window of a connection has grown. */
  RECEIVED: 2,
  /** The connection is gone (end of stream, reset, or closed by us); its id is void from here on. */
  CLOSED: 3,
  /** A datagram came. */
  DATAGRAM: 4,
} as const;

/** A connection id in these bits is its slot, unique among open connections; above it is a generation. */
export const CONNECTION_SLOT_MASK = 0xfff;

/** `reserve()`: the client takes nothing; the send buffer is full. */
export const BACKPRESSURE = -1;
/** `reserve()`: no such connection any more. */
export const GONE = -2;

/** A driver of the network. All methods are for the owning thread only. */
export interface Transport {
  /** "io_uring", "plain", "dpdk", "null". */
  readonly name: string;
  /** All receive and transmit memory; offsets index it. */
  readonly bytes: Uint8Array;
  /** `COMPLETION_WORDS` words for each completion of the last `poll()`. */
  readonly completions: Int32Array;
  /** Bytes of a connection's receive window. */
  readonly receiveWindowBytes: number;
  /** Bytes that can be reserved and not yet sent, for each connection. */
  readonly sendWindowBytes: number;
  /** Connections closed at once because there was no room for them. */
  readonly refusedConnections: number;

  /**
   * Opens a TCP listener.
   *
   * @returns The listener's id.
   * @throws {NativeError} If the address is taken or not ours.
   * @throws {Error} If this transport has no streams.
   */
  listenStream(address: string, port: number): number;
  /**
   * Opens a UDP socket; returns its listener id. Throws as `listenStream`. With
   * a multicast group as its address it takes what comes to that group, once
   * it is joined, and nothing else.
   */
  listenDatagram(address: string, port: number): number;
  /**
   * Says where multicast datagrams of a UDP socket leave. Whether this host
   * hears its own is the driver's: the kernel's sockets do, DPDK does not.
   *
   * @param address Of the interface. @param hops Routers that they pass, plus
   *   one; 1 to begin with.
   * @throws {NativeError} If no interface has that address.
   */
  multicastFrom(listener: number, address: string, hops: number): void;
  /**
   * Makes a UDP socket hear a multicast group on the interface with an
   * address. It hears those that it joined itself, of any sender; switches and
   * routers are told (IGMP).
   *
   * @throws {NativeError} If `group` is none, no interface has that address,
   *   or it is joined already.
   */
  joinGroup(listener: number, group: string, address: string): void;
  /** The opposite. @throws {NativeError} If it did not join. */
  leaveGroup(listener: number, group: string, address: string): void;
  /** The port that a listener is bound to: the kernel's choice where 0 was asked for. */
  port(listener: number): number;
  /** Stops accepting on a listener; connections stay. */
  closeListener(listener: number): void;

  /**
   * Submits what is queued and collects completions.
   *
   * @param waitUs 0 = look and return; otherwise sleep until something
   *   completes, at most about this many microseconds.
   * @returns Number of completions in `completions`.
   */
  poll(waitUs: number): number;

  /** The first `bytes` of the window are read; receive more. 0 is allowed. */
  consume(connection: number, bytes: number): void;
  /**
   * Room for `bytes` in a row to send: an offset in `bytes`, valid until the
   * next `poll()`, or `BACKPRESSURE` or `GONE`. At most half of
   * `sendWindowBytes` can be had in a row.
   */
  reserve(connection: number, bytes: number): number;
  /** The first `bytes` of what was reserved last for this connection are to be sent at the next `poll()`. */
  commit(connection: number, bytes: number): void;
  /** Bytes committed and not yet taken over by the kernel; through DPDK: not yet acknowledged by the client. */
  pending(connection: number): number;
  /**
   * Closes after what is committed has been sent; a CLOSED completion follows,
   * also if the client does not read, then after a bounded time. Nothing more
   * is received or can be reserved.
   */
  close(connection: number): void;

  /** Room for one datagram of up to `bytes` (at most 1472), or `BACKPRESSURE`. */
  reserveDatagram(bytes: number): number;
  /** Sends the reserved datagram at the next `poll()`. */
  commitDatagram(
    listener: number,
    address: number,
    port: number,
    bytes: number,
  ): void;

  /** Closes everything and gives memory back. */
  dispose(): void;
}
