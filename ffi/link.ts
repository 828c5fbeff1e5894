// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * TCP between two appliances, by descriptor and without waiting. The thread
 * that opened a descriptor uses it. Calls by descriptor return a count or
 * -errno and allocate nothing; `listenLink()` and `connectLink()` throw.
 *
 * @module
 */
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_link_listen: {
    parameters: ["buffer", "u32", "buffer"],
    result: "i32",
  },
  ferrule_link_accept: { parameters: ["i32", "buffer"], result: "i32" },
  ferrule_link_connect: { parameters: ["buffer", "u32"], result: "i32" },
  ferrule_link_connected: { parameters: ["i32"], result: "i32" },
  ferrule_link_send: { parameters: ["i32", "f64", "u32"], result: "i32" },
  ferrule_link_receive: { parameters: ["i32", "f64", "u32"], result: "i32" },
  ferrule_link_close: { parameters: ["i32"], result: "i32" },
} as const;

/** Nothing there, or no room (-EAGAIN). */
export const LINK_NONE = -11;
/** `connectedLink()`: not yet (-EINPROGRESS). */
export const LINK_PENDING = -115;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/**
 * Listens.
 *
 * @param port 0 = any free.
 * @throws {NativeError}
 */
export function listenLink(
  address: string,
  port: number,
): { readonly fd: number; readonly port: number } {
  const bound = new Uint32Array(1);
  const fd = unwrap(
    native().ferrule_link_listen(cString(address), port, bound),
    `listen for a standby on ${address}:${port}`,
    "Another program has the port, or the address is not this host's: change " +
      "[replication] address or port",
  );
  return { fd, port: bound[0]! };
}

/**
 * Takes a connection.
 *
 * @param peer Receives the caller's IPv4 address and port.
 * @returns A descriptor, `LINK_NONE`, or -errno.
 */
export function acceptLink(
  listener: number,
  peer: Uint32Array<ArrayBuffer>,
): number {
  return native().ferrule_link_accept(listener, peer);
}

/** Starts to connect; returns a descriptor. Throws if not even that goes. */
export function connectLink(address: string, port: number): number {
  return unwrap(
    native().ferrule_link_connect(cString(address), port),
    `connect to ${address}:${port}`,
  );
}

/** 0 = it stands, `LINK_PENDING`, or -errno. */
export function connectedLink(fd: number): number {
  return native().ferrule_link_connected(fd);
}

/** Bytes taken, 0 = no room now, or -errno. */
export function sendLink(fd: number, address: number, bytes: number): number {
  return native().ferrule_link_send(fd, address, bytes);
}

/** Bytes received, 0 = none now, or -errno (-EPIPE = closed by the other side). */
export function receiveLink(
  fd: number,
  address: number,
  bytes: number,
): number {
  return native().ferrule_link_receive(fd, address, bytes);
}

/** Closes a descriptor; 0 or -errno. */
export function closeLink(fd: number): number {
  return native().ferrule_link_close(fd);
}
