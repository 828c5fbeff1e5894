// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace of its own:
 * what a DPDK port tells of its groups, judged by hand, frame by frame, and by
 * the kernel's bridge, which is a querier and sends groups only where they are
 * wanted.
 *
 * ```
 *  DpdkTransport on dut0 ── veth ── peer0: raw frames
 *  DpdkTransport on dut0 ── veth ── peer0 ┤ bridge ├ peer1 ── veth ── host0: kernel sockets
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  CompletionKind,
  DpdkTransport,
  PlainTransport,
} from "../../engine/transport/mod.ts";
import { DpdkCounter } from "../../ffi/dpdk.ts";
import { addressWord, Bed } from "./bed.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  openRaw,
  type PolledSocket,
  SERVER_ADDRESS,
} from "./netns.ts";

const GROUP = "239.192.99.7";
const OTHER_GROUP = "239.192.99.8";
const QUERY_CODE = 2;
/** Frames that are damaged at random. */
const DAMAGED = 3000;
const [V2_REPORT, V2_LEAVE, V3_REPORT] = [0x16, 0x17, 0x22];
const [IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE] = [2, 3, 4];

function ip(...args: string[]): string {
  const program = args[0] === "mdb" ? "bridge" : "ip";
  const { success, stdout, stderr } = new Deno.Command(program, { args })
    .outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function veth(one: string, other: string): void {
  ip("link", "add", one, "mtu", "1500", "type", "veth", "peer", "name", other);
  for (const name of [one, other]) {
    ip("link", "set", name, "addrgenmode", "none", "up");
  }
}

function openBed(): Bed {
  return new Bed({
    name: "dpdk",
    address: SERVER_ADDRESS,
    clientAddress: CLIENT_ADDRESS,
    missing: () => "",
    open: () =>
      new DpdkTransport({
        device: "net_af_packet0,iface=dut0",
        address: SERVER_ADDRESS,
        prefix: NETWORK_PREFIX,
        hugePages: false,
        buffers: 8191,
      }),
  });
}

function counter(bed: Bed, index: number): number {
  return (bed.transport as DpdkTransport).counters[index]!;
}

/** Sum in one's complement, folded (RFC 1071). */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    total += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

function groupMac(group: string): number[] {
  const [, b, c, d] = group.split(".").map(Number);
  return [0x01, 0x00, 0x5e, b! & 0x7f, c!, d!];
}

/** What an IGMP frame of ours says; checks all that is the same in each. */
function read(frame: Uint8Array): string {
  const ip = frame.subarray(14, 38);
  assertEquals(ip[0], 0x46, "version 4, with one word of options");
  assertEquals([...ip.subarray(20, 24)], [0x94, 0x04, 0, 0], "router alert");
  assertEquals([ip[8], ip[9], ip[1]], [1, 2, 0xc0], "TTL, protocol, TOS");
  assertEquals(sum(ip), 0xffff);
  const target = [...ip.subarray(16, 20)].join(".");
  assertEquals([...frame.subarray(0, 6)], groupMac(target));
  assertEquals([...ip.subarray(12, 16)].join("."), SERVER_ADDRESS);
  const igmp = frame.subarray(38, 14 + (ip[2]! << 8 | ip[3]!));
  assertEquals(sum(igmp), 0xffff);
  const address = (at: number) => [...igmp.subarray(at, at + 4)].join(".");
  if (igmp[0] !== V3_REPORT) {
    assertEquals(igmp.length, 8);
    return `${igmp[0]} ${address(4)} to ${target}`;
  }
  assertEquals(target, "224.0.0.22");
  const records = igmp[6]! << 8 | igmp[7]!;
  assertEquals(igmp.length, 8 + records * 8, "no record has sources");
  return Array.from(
    { length: records },
    (_, i) => `v3 ${igmp[8 + i * 8]} ${address(12 + i * 8)}`,
  ).sort().join(", ");
}

/** A querier's question: version 2 if `bytes` is 8, version 3 if it is 12. */
function query(group: string, bytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(60);
  const to = group === "0.0.0.0" ? "224.0.0.1" : group;
  frame.set([...groupMac(to), 2, 0, 0, 0, 0, 9, 0x08, 0x00]);
  frame.set([0x46, 0xc0, 0, 24 + bytes, 0, 1, 0, 0, 1, 2, 0, 0], 14);
  frame.set(CLIENT_ADDRESS.split(".").map(Number), 26);
  frame.set(to.split(".").map(Number), 30);
  frame.set([0x94, 0x04, 0, 0], 34);
  frame.set([0x11, QUERY_CODE, 0, 0, ...group.split(".").map(Number)], 38);
  const put = (at: number, value: number) =>
    frame.set([value >>> 8, value & 0xff], at);
  put(24, 0xffff - sum(frame.subarray(14, 38)));
  put(40, 0xffff - sum(frame.subarray(38, 38 + bytes)));
  return frame;
}

/** IGMP frames of ours, as they come. */
class Ear {
  readonly heard: string[] = [];
  readonly #raw: PolledSocket;
  readonly #bed: Bed;
  readonly #frame = new Uint8Array(2048);

  constructor(raw: PolledSocket, bed: Bed) {
    this.#raw = raw;
    this.#bed = bed;
  }

  listen(): void {
    for (;;) {
      const length = this.#raw.receive(this.#frame);
      if (length < 0) return;
      const frame = this.#frame.subarray(0, length);
      const isOurs = frame[12] === 8 && frame[23] === 2 &&
        [...frame.subarray(26, 30)].join(".") === SERVER_ADDRESS;
      if (isOurs) this.heard.push(read(frame));
    }
  }

  /** Waits for so many reports; they are taken out. */
  async next(count: number): Promise<string[]> {
    await this.#bed.until(`${count} reports: ${this.heard.join("; ")}`, () => {
      this.listen();
      return this.heard.length >= count;
    }, 1000);
    return this.heard.splice(0);
  }

  /** Asks, and waits for the answers. */
  ask(frame: Uint8Array<ArrayBuffer>, answers: number): Promise<string[]> {
    this.#raw.send(frame);
    return this.next(answers);
  }
}

Deno.test("a DPDK port tells of its groups and answers queries of versions 2 and 3", async () => {
  veth("dut0", "peer0");
  const raw = openRaw("peer0");
  using bed = openBed();
  const { transport } = bed;
  const ear = new Ear(raw, bed);
  const one = transport.listenDatagram("0.0.0.0", 7000);
  const two = transport.listenDatagram("0.0.0.0", 7001);
  transport.joinGroup(one, GROUP, SERVER_ADDRESS);
  const told = `v3 ${TO_EXCLUDE} ${GROUP}`;
  assertEquals(await ear.next(2), [told, told], "told twice");
  transport.joinGroup(two, GROUP, SERVER_ADDRESS);
  transport.joinGroup(two, OTHER_GROUP, SERVER_ADDRESS);
  const other = `v3 ${TO_EXCLUDE} ${OTHER_GROUP}`;
  assertEquals(await ear.next(2), [other, other], "the first one was told");
  assertEquals(await ear.ask(query("0.0.0.0", 12), 1), [
    `v3 ${IS_EXCLUDE} ${GROUP}, v3 ${IS_EXCLUDE} ${OTHER_GROUP}`,
  ]);
  assertEquals(await ear.ask(query(OTHER_GROUP, 12), 1), [
    `v3 ${IS_EXCLUDE} ${OTHER_GROUP}`,
  ]);
  // Not ours: the next answer is to the question after it.
  raw.send(query("239.192.99.9", 12));
  assertEquals(await ear.ask(query(GROUP, 12), 1), [
    `v3 ${IS_EXCLUDE} ${GROUP}`,
  ]);
  transport.leaveGroup(one, GROUP, SERVER_ADDRESS);
  transport.closeListener(two);
  const left = `v3 ${TO_INCLUDE} ${GROUP}, v3 ${TO_INCLUDE} ${OTHER_GROUP}`;
  assertEquals((await ear.next(1))[0], left, "a closed listener leaves");
  transport.joinGroup(one, GROUP, SERVER_ADDRESS);
  await bed.until("the second report of both", () => {
    ear.listen();
    return ear.heard.some((text) =>
      text.endsWith(`${TO_INCLUDE} ${OTHER_GROUP}`)
    ) &&
      ear.heard.filter((text) => text.includes(told)).length === 2;
  }, 1000);
  ear.heard.length = 0;

  // An older querier comes: its language from now on.
  const report = `${V2_REPORT} ${GROUP} to ${GROUP}`;
  assertEquals(await ear.ask(query("0.0.0.0", 8), 1), [report]);
  assertEquals(await ear.ask(query(GROUP, 8), 1), [report]);
  transport.leaveGroup(one, GROUP, SERVER_ADDRESS);
  const leave = `${V2_LEAVE} ${GROUP} to 224.0.0.2`;
  assertEquals(await ear.next(2), [leave, leave]);

  // Damaged questions: nothing breaks, each frame is counted.
  transport.joinGroup(one, GROUP, SERVER_ADDRESS);
  const before = counter(bed, DpdkCounter.RX_FRAMES);
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  for (let i = 0; i < DAMAGED; i++) {
    const frame = query(random(2) === 0 ? GROUP : "0.0.0.0", random(60));
    for (let n = random(4); n >= 0; n--) {
      frame[14 + random(46)] = random(256);
    }
    raw.send(frame.slice(0, 14 + random(47)));
    if (i % 32 === 0) bed.step();
  }
  ear.heard.length = 0;
  await ear.ask(query(GROUP, 8), 1);
  const damaged = counter(bed, DpdkCounter.RX_FRAMES) - before;
  assert(damaged > DAMAGED / 2, `${damaged} damaged frames came`);
  const counters = [...(transport as DpdkTransport).counters];
  const classes = counters.slice(
    DpdkCounter.RX_FRAMES + 1,
    DpdkCounter.RX_BAD_TCP_CHECKSUM + 1,
  );
  assertEquals(
    classes.reduce((a, b) => a + b, counters[DpdkCounter.RX_IGMP]!),
    counters[DpdkCounter.RX_FRAMES],
  );
  raw.close();
  ip("link", "del", "peer0");
});

/** Where the bridge sends a group to. */
function members(group: string): boolean {
  return ip("mdb", "show", "dev", "br0").split("\n").some((line) =>
    line.includes("peer0") && line.includes(group)
  );
}

function openBridge(version: number): void {
  veth("dut0", "peer0");
  veth("host0", "peer1");
  disableChecksumOffload("host0");
  ip("link", "add", "br0", "type", "bridge");
  for (
    const [key, value] of [
      ["mcast_igmp_version", version],
      ["mcast_startup_query_interval", 30],
      ["mcast_query_interval", 50],
      ["mcast_query_response_interval", 20],
      ["mcast_membership_interval", 150],
      ["mcast_last_member_interval", 10],
      ["mcast_snooping", 1],
      ["mcast_querier", 1],
    ] as const
  ) ip("link", "set", "br0", "type", "bridge", key, String(value));
  for (const port of ["peer0", "peer1"]) {
    ip("link", "set", port, "master", "br0");
    ip("link", "set", port, "type", "bridge_slave", "mcast_flood", "off");
  }
  ip("link", "set", "br0", "addrgenmode", "none", "up");
  ip(
    ...["address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`],
    ...["dev", "host0"],
  );
}

for (const version of [2, 3]) {
  Deno.test(`a snooping bridge of the kernel's sends a DPDK port its groups and no others, IGMP version ${version}`, async () => {
    openBridge(version);
    using bed = openBed();
    const { transport } = bed;
    const kernel = new PlainTransport({ hugePages: false });
    const sender = kernel.listenDatagram(CLIENT_ADDRESS, 0);
    kernel.multicastFrom(sender, CLIENT_ADDRESS, 1);
    const listener = transport.listenDatagram("0.0.0.0", 7000);
    const send = (to: string): void => {
      const at = kernel.reserveDatagram(4);
      kernel.bytes.fill(7, at, at + 4);
      kernel.commitDatagram(sender, addressWord(to), 7000, 4);
      kernel.poll(0);
    };
    const came = (): number => bed.of(CompletionKind.DATAGRAM).length;
    /** Once, and now and then again: a bridge that knows of a group may not have opened the way yet. */
    const arrives = async (what: string, to: string): Promise<void> => {
      const before = came();
      let polls = 0;
      await bed.until(what, () => {
        if (polls++ % 300 === 0) send(to);
        return came() > before;
      }, 1000);
      for (let i = 0; i < 50; i++) bed.step(1000);
    };
    const queries = (): number => counter(bed, DpdkCounter.RX_IGMP);
    // A bridge sends groups everywhere until it knows of a querier.
    await bed.until("queries", () => queries() >= 2, 1000);
    transport.joinGroup(listener, GROUP, SERVER_ADDRESS);
    await bed.until("the bridge to know", () => members(GROUP), 1000);
    await arrives("the group's datagram", GROUP);
    // It forgets who does not answer; more queries than that takes.
    const asked = queries();
    await bed.until("queries", () => queries() >= asked + 8, 1000);
    assert(members(GROUP), "it answered");
    await arrives("the group's datagram", GROUP);
    const refused = counter(bed, DpdkCounter.RX_NOT_FOR_US);
    send(OTHER_GROUP);
    await arrives("the one to the address", SERVER_ADDRESS);
    assertEquals(counter(bed, DpdkCounter.RX_NOT_FOR_US), refused);
    transport.leaveGroup(listener, GROUP, SERVER_ADDRESS);
    await bed.until("the bridge to forget", () => !members(GROUP), 1000);
    send(GROUP);
    await arrives("the one to the address", SERVER_ADDRESS);
    assertEquals(counter(bed, DpdkCounter.RX_NOT_FOR_US), refused);
    kernel.dispose();
    for (const link of ["br0", "peer0", "peer1"]) ip("link", "del", link);
  });
}
