// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests, for `deno test` in a network namespace of its own: what
 * a DPDK port says of its device, and several queues.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CompletionKind,
  DpdkTransport,
  PlainTransport,
} from "../../engine/transport/mod.ts";
import {
  DpdkCounter,
  dpdkFigures,
  dpdkOwnFigures,
  NativeError,
} from "../../ffi/mod.ts";
import { addressWord, Bed } from "./bed.ts";
import {
  CLIENT_ADDRESS,
  disableChecksumOffload,
  NETWORK_PREFIX,
  openRaw,
  SERVER_ADDRESS,
} from "./netns.ts";

const FLOWS = 64;
const EACH = 20;
const PORT = 7000;

function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function wire(): void {
  ip(
    ...["link", "add", "dut0", "mtu", "1500", "type", "veth"],
    ...["peer", "name", "peer0", "mtu", "1500"],
  );
  for (const name of ["dut0", "peer0"]) {
    ip("link", "set", name, "addrgenmode", "none", "up");
  }
  ip("address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", "peer0");
  disableChecksumOffload("peer0");
}

function open(device: string, queues = 0): DpdkTransport {
  return new DpdkTransport({
    device,
    address: SERVER_ADDRESS,
    prefix: NETWORK_PREFIX,
    hugePages: false,
    buffers: 8191,
    queues,
  });
}

function bedOn(device: string, queues = 0): Bed {
  return new Bed({
    name: "dpdk",
    address: SERVER_ADDRESS,
    clientAddress: CLIENT_ADDRESS,
    missing: () => "",
    open: () => open(device, queues),
  });
}

Deno.test("DpdkTransport.figures() tell of link, buffers and frames, from any thread", async () => {
  wire();
  using bed = bedOn("net_af_packet0,iface=dut0");
  const transport = bed.transport as DpdkTransport;
  const [figures, ...others] = dpdkFigures();
  assertEquals(others, []);
  assertEquals(
    [figures!.device, figures!.up, figures!.queues, figures!.buffers],
    ["net_af_packet0", true, 1, 8191],
  );
  assertEquals([...figures!.counters], [...transport.counters]);
  ip("link", "set", "peer0", "down");
  await bed.until("the link down", () => !transport.figures().up, 1000);
  ip("link", "set", "peer0", "up");
  await bed.until("the link up", () => transport.figures().up, 1000);
  const listener = transport.listenDatagram(SERVER_ADDRESS, PORT);
  const kernel = new PlainTransport({ hugePages: false });
  const from = kernel.listenDatagram(CLIENT_ADDRESS, 0);
  kernel.reserveDatagram(100);
  kernel.commitDatagram(from, addressWord(SERVER_ADDRESS), PORT, 100);
  kernel.poll(0);
  await bed.until("it", () => bed.of(CompletionKind.DATAGRAM).length === 1);
  assertEquals(bed.of(CompletionKind.DATAGRAM)[0]!.listener, listener);
  const after = transport.figures();
  assert(after.receivedFrames > 0 && after.receivedBytes > 142, "received");
  assert(after.sentFrames > 0, "sent");
  assert(after.buffersUsed > 0 && after.buffersUsed < after.buffers);
  const own = dpdkOwnFigures(transport.handle);
  assertEquals(own.get("rx_good_packets"), after.receivedFrames);
  kernel.dispose();
  transport.dispose();
  assertEquals(dpdkFigures(), []);
  assertEquals(dpdkOwnFigures(0).size, 0);
  ip("link", "del", "dut0");
});

Deno.test("two queues of a packet socket share the flows, and one thread takes all of both", async () => {
  wire();
  const device = "net_af_packet0,iface=dut0,qpairs=2";
  assertThrows(
    () => open(device, 1),
    NativeError,
    "1 queues of the 2 that its arguments make",
  );
  assertThrows(() => open(device, 3), NativeError, "3 queues, 2 are possible");
  using bed = bedOn(device);
  const transport = bed.transport as DpdkTransport;
  assertEquals(transport.figures().queues, 2);
  transport.listenDatagram(SERVER_ADDRESS, PORT);
  const kernel = new PlainTransport({ hugePages: false });
  const flows = Array.from(
    { length: FLOWS / 4 },
    () => kernel.listenDatagram(CLIENT_ADDRESS, 0),
  );
  const send = (from: number, number: number): void => {
    const at = kernel.reserveDatagram(2);
    kernel.bytes[at] = number;
    kernel.commitDatagram(from, addressWord(SERVER_ADDRESS), PORT, 2);
    kernel.poll(0);
  };
  // So that the kernel knows where the address is.
  send(flows[0]!, 255);
  const came = () => bed.of(CompletionKind.DATAGRAM);
  await bed.until("the first", () => came().length === 1);
  bed.seen.length = 0;
  for (let i = 0; i < EACH; i++) for (const from of flows) send(from, i);
  await bed.until("all", () => came().length === EACH * flows.length);
  // Each flow is in order.
  for (const from of flows) {
    assertEquals(
      came().filter(({ port }) => port === kernel.port(from))
        .map(({ bytes }) => bytes[0]),
      Array.from({ length: EACH }, (_, i) => i),
    );
  }
  const own = dpdkOwnFigures(transport.handle);
  for (const queue of ["rx_q0_packets", "rx_q1_packets"]) {
    assert(own.get(queue)! > 0, `${queue}: ${own.get(queue)}`);
  }
  kernel.dispose();
  transport.dispose();
  ip("link", "del", "dut0");
});

Deno.test("a device with a hash has several queues by number", () => {
  const transport = open("net_null0", 4);
  const { queues, features } = transport.figures();
  assertEquals(queues, 4);
  assert(features.includes("rss"), `features: ${features}`);
  for (let i = 0; i < 100; i++) transport.poll(0);
  const own = dpdkOwnFigures(transport.handle);
  for (let queue = 0; queue < 4; queue++) {
    assert(own.get(`rx_q${queue}_packets`)! > 0, `queue ${queue}`);
  }
  transport.dispose();
  assertThrows(() => open("net_null0", 17), NativeError, "16 are possible");
});

Deno.test("a tap's driver takes checksums off our hands, and damage is still refused", async () => {
  using bed = bedOn("net_tap0,iface=dtap0");
  const transport = bed.transport as DpdkTransport;
  ip("link", "set", "dtap0", "addrgenmode", "none", "up");
  ip("address", "add", `${CLIENT_ADDRESS}/${NETWORK_PREFIX}`, "dev", "dtap0");
  assertEquals(transport.figures().features, ["tx_checksums", "rx_checksums"]);
  transport.listenDatagram(SERVER_ADDRESS, PORT);
  const kernel = new PlainTransport({ hugePages: false });
  const from = kernel.listenDatagram(CLIENT_ADDRESS, 0);
  kernel.reserveDatagram(33);
  kernel.commitDatagram(from, addressWord(SERVER_ADDRESS), PORT, 33);
  kernel.poll(0);
  await bed.until("it", () => bed.of(CompletionKind.DATAGRAM).length === 1);
  assertEquals(transport.counters[DpdkCounter.RX_BAD_UDP_CHECKSUM], 0);
  // One bit of the payload, then one of the header.
  const raw = openRaw("dtap0");
  const { BAD_IP, BAD_UDP } = {
    BAD_IP: DpdkCounter.RX_BAD_IP_CHECKSUM,
    BAD_UDP: DpdkCounter.RX_BAD_UDP_CHECKSUM,
  };
  for (const [byte, counter] of [[-1, 0], [44, BAD_UDP], [18, BAD_IP]]) {
    const frame = datagram(transport.mac);
    if (byte! >= 0) frame[byte!]! ^= 1;
    const before = transport.counters[counter!]!;
    raw.send(frame);
    await bed.until(
      `a frame with byte ${byte} changed`,
      () => transport.counters[counter!]! > before,
    );
  }
  assertEquals(bed.of(CompletionKind.DATAGRAM).length, 2, "the whole one came");
  raw.close();
  kernel.dispose();
});

/** A whole frame with a datagram of four bytes to our port. */
function datagram(mac: string): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(60);
  frame.set(mac.split(":").map((digits) => parseInt(digits, 16)));
  frame.set([2, 0, 0, 0, 0, 9, 0x08, 0x00], 6);
  frame.set([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0], 14);
  frame.set(CLIENT_ADDRESS.split(".").map(Number), 26);
  frame.set(SERVER_ADDRESS.split(".").map(Number), 30);
  frame.set([5, 0, PORT >>> 8, PORT & 0xff, 0, 12, 0, 0, 1, 2, 3, 4], 34);
  const sum = (bytes: Uint8Array, start: number): number => {
    let total = start;
    for (let i = 0; i < bytes.length; i += 2) {
      total += bytes[i]! << 8 | bytes[i + 1]!;
    }
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return 0xffff - total;
  };
  const put = (at: number, value: number): void =>
    frame.set([value >>> 8, value & 0xff], at);
  put(24, sum(frame.subarray(14, 34), 0));
  // Addresses, protocol and length go into it, too.
  put(40, sum(frame.subarray(26, 46), 17 + 12));
  return frame;
}
