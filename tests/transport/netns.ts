// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A wire for tests: two network namespaces joined by a veth pair.
 *
 * ```
 *  server namespace               client namespace
 *  dut0, no address  ── veth ──   peer0, 10.99.0.1 and 10.99.0.3 of /24
 *  (a driver under test)          (the kernel's sockets, or raw frames)
 * ```
 *
 * The kernel leaves the checksum of what it sends over a veth to a card that
 * is not there. `disableChecksumOffload()` makes it compute them, as a real
 * card would: the frames of a test must be whole.
 *
 * @module
 */

/** Names and addresses of the wire. */
export interface Wire {
  readonly serverNamespace: string;
  readonly clientNamespace: string;
  readonly serverInterface: string;
  readonly clientInterface: string;
}

/** Addresses on the wire. Only the client's are the kernel's. */
export const SERVER_ADDRESS = "10.99.0.2";
export const CLIENT_ADDRESS = "10.99.0.1";
export const CLIENT_OTHER_ADDRESS = "10.99.0.3";
export const NETWORK_PREFIX = 24;

let wires = 0;

/** Why there can be no wire here, or "". */
export async function wireMissing(): Promise<string> {
  if (Deno.uid() !== 0) return "not root";
  try {
    const name = `ferrule-probe-${Deno.pid}`;
    await ip("netns", "add", name);
    await ip("netns", "del", name);
  } catch (error) {
    return `no network namespaces: ${(error as Error).message}`;
  }
  return "";
}

/** Runs `body` with a wire, and always takes the wire away again. */
export async function withWire(
  body: (wire: Wire) => Promise<void>,
): Promise<void> {
  const id = `${Deno.pid}-${wires++}`;
  const wire: Wire = {
    serverNamespace: `ferrule-${id}-server`,
    clientNamespace: `ferrule-${id}-client`,
    serverInterface: "dut0",
    clientInterface: "peer0",
  };
  try {
    await build(wire);
    await body(wire);
  } finally {
    await ip("netns", "del", wire.serverNamespace).catch(() => {});
    await ip("netns", "del", wire.clientNamespace).catch(() => {});
  }
}

/** Runs a program of tests in a namespace of its own; returns what it printed, throws that if it failed. */
export async function testInNamespace(
  program: URL,
  args: readonly string[] = [],
): Promise<string> {
  const namespace = `ferrule-${Deno.pid}-${wires++}`;
  try {
    await ip("netns", "add", namespace);
    await ip("-n", namespace, "link", "set", "lo", "up");
    const { success, stdout, stderr } = await new Deno.Command("ip", {
      args: [
        ...["netns", "exec", namespace, Deno.execPath(), "test"],
        ...["--no-check", "--no-prompt", "--frozen", "--unstable-net", "-A"],
        ...[program.pathname, "--", ...args],
      ],
    }).output();
    const text = new TextDecoder();
    const output = text.decode(stdout) + text.decode(stderr);
    if (!success) throw new Error(output);
    return output;
  } finally {
    await ip("netns", "del", namespace).catch(() => {});
  }
}

/**
 * Cuts the wire and puts a namespace with two interfaces between its ends:
 * what comes to `mid0` and `mid1` is for the body to carry, or to lose.
 */
export async function withRelay(
  wire: Wire,
  body: (namespace: string) => Promise<void>,
): Promise<void> {
  const namespace = `${wire.serverNamespace}-relay`;
  const scope = ["-n", namespace, "link"];
  try {
    await ip("netns", "add", namespace);
    await ip("-n", wire.serverNamespace, "link", "del", wire.serverInterface);
    for (
      const [device, end, target] of [
        ["mid0", wire.serverInterface, wire.serverNamespace],
        ["mid1", wire.clientInterface, wire.clientNamespace],
      ] as const
    ) {
      await ip(
        ...[...scope, "add", device, "mtu", "1500", "type", "veth", "peer"],
        ...["name", end, "mtu", "1500", "netns", target],
      );
      await ip(...scope, "set", device, "addrgenmode", "none", "up");
      await ip(
        ...["-n", target, "link", "set", end, "addrgenmode", "none", "up"],
      );
    }
    await ip(
      ...["-n", wire.clientNamespace, "address", "add"],
      ...[`${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", wire.clientInterface],
    );
    await body(namespace);
  } finally {
    await ip("netns", "del", namespace).catch(() => {});
  }
}

async function build(wire: Wire): Promise<void> {
  const server = ["-n", wire.serverNamespace];
  const client = ["-n", wire.clientNamespace];
  await ip("netns", "add", wire.serverNamespace);
  await ip("netns", "add", wire.clientNamespace);
  await ip(
    ...[...server, "link", "add", wire.serverInterface, "mtu", "1500"],
    ...["type", "veth", "peer", "name", wire.clientInterface],
    ...["mtu", "1500", "netns", wire.clientNamespace],
  );
  for (
    const [scope, device] of [
      [server, wire.serverInterface],
      [client, wire.clientInterface],
    ] as const
  ) {
    // No link-local address: the kernel stays silent by itself.
    await ip(...scope, "link", "set", device, "addrgenmode", "none", "up");
  }
  for (const address of [CLIENT_ADDRESS, CLIENT_OTHER_ADDRESS]) {
    await ip(
      ...[...client, "address", "add", `${address}/${NETWORK_PREFIX}`],
      ...["dev", wire.clientInterface],
    );
  }
}

/** Runs iproute2's `ip`. */
export async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", {
    args,
    stdout: "null",
  }).output();
  if (success) return;
  throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A command that runs a program of Deno's in a namespace. */
export function denoIn(
  namespace: string,
  script: URL,
  args: readonly string[],
  options: { prefix?: string[]; env?: Record<string, string> } = {},
): Deno.Command {
  return new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace, ...options.prefix ?? []],
      ...[Deno.execPath(), "run", "--no-check", "--unstable-net", "-A"],
      script.pathname,
      ...args,
    ],
    env: options.env ?? {},
    stdout: "piped",
    stderr: "piped",
  });
}

const AF_INET = 2;
const AF_PACKET = 17;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOCK_RAW = 3;
const MSG_DONTWAIT = 0x40;
const ETH_P_ALL = 0x0003;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;

const LIBC = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** libc, for sockets that Deno does not have. */
export function openLibc(): Deno.DynamicLibrary<typeof LIBC> {
  return Deno.dlopen("libc.so.6", LIBC);
}

/** Makes the kernel compute the checksums of what it sends. */
export function disableChecksumOffload(device: string): void {
  const libc = openLibc();
  const value = new Uint32Array([ETHTOOL_STXCSUM, 0]);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(device));
  new DataView(request.buffer).setBigUint64(
    16,
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(value)),
    true,
  );
  const fd = libc.symbols.socket(AF_INET, SOCK_DGRAM, 0);
  const code = libc.symbols.ioctl(fd, BigInt(SIOCETHTOOL), request);
  libc.symbols.close(fd);
  libc.close();
  if (code !== 0) throw new Error(`No checksum setting on ${device}`);
}

/** A non-blocking stream of the kernel's; for measurements by polling. */
export interface PolledStream {
  /** Sends from `start` on; bytes taken, or -1. */
  trySend(bytes: Uint8Array<ArrayBuffer>, start: number): number;
  /** Bytes received into `into`, or -1 if there is nothing. */
  receive(into: Uint8Array<ArrayBuffer>): number;
  close(): void;
}

/** A non-blocking socket of the kernel's, as bytes in and out. */
export interface PolledSocket {
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Bytes received into `into`, or -1 if there is nothing. */
  receive(into: Uint8Array<ArrayBuffer>): number;
  close(): void;
}

/** Whole Ethernet frames on an interface. */
export function openRaw(device: string): PolledSocket {
  const libc = openLibc();
  const protocol = ETH_P_ALL << 8;
  const fd = libc.symbols.socket(AF_PACKET, SOCK_RAW, protocol);
  const index = libc.symbols.if_nametoindex(
    new TextEncoder().encode(device + "\0"),
  );
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol, true);
  view.setInt32(4, index, true);
  if (libc.symbols.bind(fd, address, address.length) !== 0) {
    throw new Error(`No raw socket on ${device}`);
  }
  return polled(libc, fd);
}

/** A UDP socket of the kernel's, connected; for measurements by polling. */
export function openUdp(address: string, port: number): PolledSocket {
  const libc = openLibc();
  const fd = libc.symbols.socket(AF_INET, SOCK_DGRAM, 0);
  const target = socketAddress(address, port);
  if (libc.symbols.connect(fd, target, target.length) !== 0) {
    throw new Error(`No UDP socket to ${address}:${port}`);
  }
  return polled(libc, fd);
}

/** A descriptor of a TCP socket that is still connecting. */
function connecting(
  libc: ReturnType<typeof openLibc>,
  address: string,
  port: number,
  from?: { address: string; port: number },
): number {
  const fd = libc.symbols.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (from !== undefined) {
    const source = socketAddress(from.address, from.port);
    if (libc.symbols.bind(fd, source, source.length) !== 0) {
      throw new Error(`Port ${from.port} is taken`);
    }
  }
  // It says that it goes on: what comes of it is for the other end to tell.
  const target = socketAddress(address, port);
  libc.symbols.connect(fd, target, target.length);
  return fd;
}

/** A TCP client on a port of its own, which may still be connecting. */
export function openFrom(
  address: string,
  port: number,
  from: { address: string; port: number },
): { close(): void } {
  const libc = openLibc();
  const fd = connecting(libc, address, port, from);
  return {
    close(): void {
      libc.symbols.close(fd);
      libc.close();
    },
  };
}

/** A TCP client that ends with a reset: `reset()`. It may still be connecting. */
export function openResetting(
  address: string,
  port: number,
): { reset(): void } {
  const libc = openLibc();
  const fd = connecting(libc, address, port);
  const lingerNot = new Uint8Array(Int32Array.of(1, 0).buffer);
  if (libc.symbols.setsockopt(fd, SOL_SOCKET, SO_LINGER, lingerNot, 8) !== 0) {
    throw new Error("SO_LINGER was refused");
  }
  return {
    reset(): void {
      libc.symbols.close(fd);
      libc.close();
    },
  };
}

/** A TCP socket of the kernel's, connected, without Nagle's delay. */
export function openTcp(address: string, port: number): PolledStream {
  const libc = openLibc();
  const fd = connected(libc, address, port);
  const on = Int32Array.of(1);
  libc.symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, 4);
  return {
    ...polled(libc, fd),
    trySend(bytes, start): number {
      const rest = bytes.subarray(start);
      const size = BigInt(rest.length);
      return Number(libc.symbols.send(fd, rest, size, MSG_DONTWAIT));
    },
  };
}

/** A `sockaddr_in`. */
function socketAddress(address: string, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  bytes[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/** A descriptor of a TCP socket that is connected. */
function connected(
  libc: ReturnType<typeof openLibc>,
  address: string,
  port: number,
): number {
  const fd = libc.symbols.socket(AF_INET, SOCK_STREAM, 0);
  const target = socketAddress(address, port);
  if (libc.symbols.connect(fd, target, target.length) !== 0) {
    throw new Error(`No TCP connection to ${address}:${port}`);
  }
  return fd;
}

function polled(
  libc: ReturnType<typeof openLibc>,
  fd: number,
): PolledSocket {
  return {
    send(bytes): void {
      const size = BigInt(bytes.length);
      const sent = libc.symbols.send(fd, bytes, size, MSG_DONTWAIT);
      if (sent !== size) throw new Error(`Sent ${sent} of ${size} bytes`);
    },
    receive(into): number {
      const size = BigInt(into.length);
      return Number(libc.symbols.recv(fd, into, size, MSG_DONTWAIT));
    },
    close(): void {
      libc.symbols.close(fd);
      libc.close();
    },
  };
}
