// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: the other end of `dpdk_server.ts`, in the namespace
 * with the kernel's addresses. Its arguments are the interface, the server's
 * MAC address, a seed, the number of echoes to time, and the server's driver. It prints what it
 * measured as one line of JSON, and fails with the first thing that is wrong.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DpdkCounter as Counter } from "../../ffi/dpdk.ts";
import {
  CLIENT_ADDRESS,
  CLIENT_OTHER_ADDRESS,
  disableChecksumOffload,
  openRaw,
  openUdp,
  type PolledSocket,
  SERVER_ADDRESS,
} from "./netns.ts";

const ECHO_PORT = 7000;
const ORDER_PORT = 7001;
const PAYLOAD_BYTES_MAX = 1472;
const DEADLINE_MS = 5_000;
const SECOND_CLIENT_PORT = 9000;
/** A host that the server has pinned, see dpdk_transport_test.ts. */
const PINNED_ADDRESS = "10.99.0.5";

const [device, serverMac, seedText, timedText, driver] = Deno.args;
const serverBytes = serverMac!.split(":").map((part) => parseInt(part, 16));
let seed = Number(seedText) >>> 0;
const scratch = new Uint8Array(2048);

function random(below: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 0x1_0000_0000 * below);
}

/** Waits for one datagram or frame for which `accept` is true. */
function waitFor(
  socket: PolledSocket,
  what: string,
  accept: (bytes: Uint8Array) => boolean = () => true,
): Uint8Array {
  const end = performance.now() + DEADLINE_MS;
  while (performance.now() < end) {
    const length = socket.receive(scratch);
    if (length >= 0 && accept(scratch.subarray(0, length))) {
      return scratch.slice(0, length);
    }
  }
  throw new Error(`Nothing came in time: ${what}`);
}

function order(text: string): string {
  const socket = openUdp(SERVER_ADDRESS, ORDER_PORT);
  socket.send(new TextEncoder().encode(text));
  const answer = new TextDecoder().decode(waitFor(socket, text));
  socket.close();
  return answer;
}

function counters(): number[] {
  return JSON.parse(order("counters"));
}

function echoAllSizes(): number {
  const socket = openUdp(SERVER_ADDRESS, ECHO_PORT);
  for (let size = 0; size <= PAYLOAD_BYTES_MAX; size++) {
    const sent = new Uint8Array(size).map(() => random(256));
    socket.send(sent);
    assertEquals(waitFor(socket, `echo of ${size} bytes`), sent);
  }
  socket.close();
  return PAYLOAD_BYTES_MAX + 1;
}

/** Many in flight: each comes back once, whole. Returns how many. */
function echoWindow(count: number, window: number): number {
  const socket = openUdp(SERVER_ADDRESS, ECHO_PORT);
  const open = new Map<number, Uint8Array<ArrayBuffer>>();
  let next = 0;
  for (let done = 0; done < count; done++) {
    while (next < count && open.size < window) {
      const sent = new Uint8Array(4 + random(PAYLOAD_BYTES_MAX - 3))
        .map(() => random(256));
      new DataView(sent.buffer).setUint32(0, next);
      open.set(next++, sent);
      socket.send(sent);
    }
    const came = waitFor(socket, `echo ${done} of ${count}`);
    const id = new DataView(came.buffer).getUint32(0);
    assertEquals(came, open.get(id));
    open.delete(id);
  }
  socket.close();
  return count;
}

/** Asks the server to send to a host that it has not heard of. */
function resolvesUnknownPeer(): void {
  const listener = Deno.listenDatagram({
    transport: "udp",
    hostname: CLIENT_OTHER_ADDRESS,
    port: SECOND_CLIENT_PORT,
  });
  const socket = openUdp(SERVER_ADDRESS, ORDER_PORT);
  const frames = openRaw(device!);
  socket.send(new TextEncoder().encode(
    `send ${CLIENT_OTHER_ADDRESS} ${SECOND_CLIENT_PORT}`,
  ));
  waitFor(
    frames,
    "an ARP request for us",
    (frame) =>
      u16(frame, 12) === 0x0806 && u16(frame, 20) === 1 &&
      frame.subarray(38, 42).join(".") === CLIENT_OTHER_ADDRESS,
  );
  waitFor(
    frames,
    "the datagram that waited",
    (frame) =>
      u16(frame, 12) === 0x0800 && u16(frame, 36) === SECOND_CLIENT_PORT &&
      new TextDecoder().decode(frame.subarray(42, 49)) === "unasked",
  );
  frames.close();
  socket.close();
  listener.close();
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at++) {
    sum += at & 1 ? bytes[at]! : bytes[at]! << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const OUR_MAC = [0x02, 0, 0, 0, 0, 0x42];

interface FrameOptions {
  source?: string;
  target?: string;
  protocol?: number;
  fragment?: number;
}

/** An Ethernet frame with an IPv4 packet, all checksums right. */
function packet(
  body: Uint8Array,
  options: FrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(34 + body.length);
  frame.set(serverBytes, 0);
  frame.set(OUR_MAC, 6);
  put16(frame, 12, 0x0800);
  frame[14] = 0x45;
  put16(frame, 16, 20 + body.length);
  put16(frame, 20, options.fragment ?? 0);
  frame[22] = 64;
  frame[23] = options.protocol ?? 17;
  frame.set((options.source ?? "10.99.0.66").split(".").map(Number), 26);
  frame.set((options.target ?? SERVER_ADDRESS).split(".").map(Number), 30);
  frame.set(body, 34);
  put16(frame, 24, checksum(frame.subarray(14, 34)));
  return frame;
}

function datagram(
  payload: string,
  port = ECHO_PORT,
  options: FrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(8 + payload.length);
  put16(body, 0, 5555);
  put16(body, 2, port);
  put16(body, 4, body.length);
  body.set(new TextEncoder().encode(payload), 8);
  const frame = packet(body, options);
  const pseudo = u16(frame, 26) + u16(frame, 28) + u16(frame, 30) +
    u16(frame, 32) + 17 + body.length;
  put16(frame, 40, checksum(body, pseudo) || 0xffff);
  return frame;
}

function echoRequest(payloadBytes: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(8 + payloadBytes).map(() => random(256));
  body[0] = 8;
  body[1] = 0;
  put16(body, 2, 0);
  put16(body, 2, checksum(body));
  return packet(body, { protocol: 1 });
}

function changed(
  frame: Uint8Array<ArrayBuffer>,
  at: number,
  value: number,
  mendHeader = false,
): Uint8Array<ArrayBuffer> {
  frame[at] = value;
  if (mendHeader) {
    put16(frame, 24, 0);
    put16(frame, 24, checksum(frame.subarray(14, 34)));
  }
  return frame;
}

/** Frames that must not reach the application, and how each is counted. */
function hostileFrames(): [string, number, Uint8Array<ArrayBuffer>][] {
  const flipped = datagram("x");
  flipped[24]! ^= 0x10;
  const bent = datagram("abcdef");
  bent[44]! ^= 1;
  const bentEcho = echoRequest(16);
  bentEcho[40]! ^= 1;
  const options = packet(new Uint8Array(16));
  options[14] = 0x46;
  const arpShort = new Uint8Array(30);
  arpShort.set(serverBytes);
  arpShort.set(OUR_MAC, 6);
  put16(arpShort, 12, 0x0806);
  return [
    ["header checksum", Counter.RX_BAD_IP_CHECKSUM, flipped],
    ["UDP checksum", Counter.RX_BAD_UDP_CHECKSUM, bent],
    ["ICMP checksum", Counter.RX_BAD_ICMP_CHECKSUM, bentEcho],
    ["version 6", Counter.RX_MALFORMED, changed(datagram("x"), 14, 0x65, true)],
    ["header of 16", Counter.RX_MALFORMED, changed(datagram("x"), 14, 0x44)],
    [
      "longer than it is",
      Counter.RX_MALFORMED,
      changed(datagram("x"), 16, 9, true),
    ],
    [
      "shorter than UDP",
      Counter.RX_MALFORMED,
      changed(datagram(""), 17, 24, true),
    ],
    ["UDP length 7", Counter.RX_MALFORMED, changed(datagram("x"), 39, 7)],
    ["UDP length 255", Counter.RX_MALFORMED, changed(datagram("x"), 39, 255)],
    [
      "short ICMP",
      Counter.RX_MALFORMED,
      packet(new Uint8Array(4), {
        protocol: 1,
      }),
    ],
    [
      "from us",
      Counter.RX_MALFORMED,
      datagram("x", ECHO_PORT, { source: SERVER_ADDRESS }),
    ],
    [
      "from everyone",
      Counter.RX_MALFORMED,
      datagram("x", ECHO_PORT, { source: "10.99.0.255" }),
    ],
    [
      "from a group",
      Counter.RX_MALFORMED,
      datagram("x", ECHO_PORT, { source: "239.1.1.1" }),
    ],
    ["short ARP", Counter.RX_MALFORMED, arpShort],
    ["options", Counter.RX_OPTIONS, options],
    [
      "first fragment",
      Counter.RX_FRAGMENTS,
      datagram("x", ECHO_PORT, { fragment: 0x2000 }),
    ],
    [
      "last fragment",
      Counter.RX_FRAGMENTS,
      datagram("x", ECHO_PORT, { fragment: 0x0010 }),
    ],
    [
      "another address",
      Counter.RX_NOT_FOR_US,
      datagram("x", ECHO_PORT, { target: "10.99.0.9" }),
    ],
    [
      "TCP",
      Counter.RX_UNKNOWN_PROTOCOL,
      packet(new Uint8Array(20), {
        protocol: 6,
      }),
    ],
    ["another port", Counter.RX_UNKNOWN_PORT, datagram("x", 7002)],
    ["port 0", Counter.RX_UNKNOWN_PORT, datagram("x", 0)],
    [
      "a pinned host's address",
      Counter.RX_SPOOFED,
      datagram("x", ECHO_PORT, { source: PINNED_ADDRESS }),
    ],
  ];
}

function refusesHostileFrames(): number {
  const frames = openRaw(device!);
  const all = hostileFrames();
  for (const [what, counter, frame] of all) {
    const before = counters();
    frames.send(frame);
    const after = counters();
    // Behind net_af_packet the kernel keeps fragments to itself.
    const kept = counter === Counter.RX_FRAGMENTS && driver === "net_af_packet";
    assertEquals(after[counter]! - before[counter]!, kept ? 0 : 1, what);
    assertEquals(
      after[Counter.RX_DATAGRAMS]! - before[Counter.RX_DATAGRAMS]!,
      1,
      `${what}: only our own question came through`,
    );
    assertCountedOnce(after);
  }
  frames.close();
  return all.length;
}

/** Every received frame is in exactly one class. */
function assertCountedOnce(values: number[]): void {
  const classes = values
    .slice(Counter.RX_FRAMES + 1, Counter.RX_SPOOFED + 1)
    .reduce((sum, value) => sum + value, values[Counter.RX_IGMP]!);
  assertEquals(classes, values[Counter.RX_FRAMES]);
}

/** Frames with random damage; the server goes on. */
function survivesDamage(count: number): number {
  const frames = openRaw(device!);
  for (let index = 0; index < count; index++) {
    const kind = random(3);
    let frame = kind === 0 ? echoRequest(random(64)) : datagram("damage");
    if (kind === 2) {
      frame = frame.map((byte) => random(20) ? byte : random(256));
    }
    for (let bent = random(4); bent > 0; bent--) {
      frame[12 + random(frame.length - 12)] = random(256);
    }
    frame = frame.slice(0, 15 + random(frame.length - 14));
    frames.send(frame);
    // Never more under way than the smallest receive ring holds.
    if (index % 100 === 99) echoWindow(1, 1);
  }
  frames.close();
  assertCountedOnce(counters());
  return count;
}

function answersRawFrames(): void {
  const frames = openRaw(device!);
  for (const bytes of [0, 1, 56, 1472]) {
    const request = echoRequest(bytes);
    frames.send(request);
    const reply = waitFor(
      frames,
      `an echo reply of ${bytes} bytes`,
      (frame) =>
        u16(frame, 12) === 0x0800 && frame[23] === 1 && frame[34] === 0,
    );
    assertEquals([...reply.subarray(0, 6)], OUR_MAC);
    assertEquals([...reply.subarray(6, 12)], serverBytes);
    assertEquals(checksum(reply.subarray(14, 34)), 0);
    assertEquals(checksum(reply.subarray(34, 42 + bytes)), 0);
    assertEquals(
      reply.slice(38, 42 + bytes),
      request.slice(38, 42 + bytes),
    );
  }
  // A sender may leave the UDP checksum out (RFC 768); the answer has one.
  frames.send(changed(changed(datagram("zero"), 40, 0), 41, 0));
  const reply = waitFor(
    frames,
    "an echo",
    (frame) => u16(frame, 12) === 0x0800 && u16(frame, 36) === 5555,
  );
  assertEquals(new TextDecoder().decode(reply.subarray(42, 46)), "zero");
  assert(u16(reply, 40) !== 0);
  frames.close();
}

/** Datagrams for hosts that are not there go nowhere, and block nobody. */
function dropsUnreachable(): number {
  const before = counters();
  const socket = openUdp(SERVER_ADDRESS, ORDER_PORT);
  const targets = ["192.0.2.1", "10.99.0.255", SERVER_ADDRESS, "10.99.0.77"];
  for (const target of targets) {
    socket.send(new TextEncoder().encode(`send ${target} 9`));
  }
  socket.close();
  const echoed = echoWindow(100, 8);
  const end = performance.now() + DEADLINE_MS;
  let after = counters();
  while (
    after[Counter.TX_UNRESOLVED] === before[Counter.TX_UNRESOLVED] &&
    performance.now() < end
  ) {
    after = counters();
  }
  assertEquals(
    after[Counter.TX_UNRESOLVED]! - before[Counter.TX_UNRESOLVED]!,
    1,
  );
  assertEquals(after[Counter.TX_NO_ROUTE]! - before[Counter.TX_NO_ROUTE]!, 3);
  return echoed;
}

function microseconds(count: number): { p50: number; p99: number } {
  const socket = openUdp(SERVER_ADDRESS, ECHO_PORT);
  const times = new Float64Array(count);
  const payload = new Uint8Array(64);
  for (let index = -1000; index < count; index++) {
    const start = performance.now();
    socket.send(payload);
    let spins = 0;
    while (socket.receive(scratch) < 0) {
      if (++spins > 50_000_000) throw new Error("No echo");
    }
    if (index >= 0) times[index] = (performance.now() - start) * 1000;
  }
  socket.close();
  times.sort();
  return {
    p50: times[Math.floor(count * 0.5)]!,
    p99: times[Math.floor(count * 0.99)]!,
  };
}

disableChecksumOffload(device!);
const report: Record<string, unknown> = {};
report.echoes = echoAllSizes() + echoWindow(4000, 24);
resolvesUnknownPeer();
answersRawFrames();
report.refused = refusesHostileFrames();
report.damaged = survivesDamage(2000);
report.after = dropsUnreachable();
report.timed = microseconds(Number(timedText));
report.from = CLIENT_ADDRESS;
report.counters = counters();
report.link = JSON.parse(order("link"));
assertEquals(order("quit"), "bye");
console.log(JSON.stringify(report));
