// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Devices of DPDK's: which text can be one, and each kind for real, in
 * programs of their own (`dpdk_device.ts`, `dpdk_igmp.ts`,
 * `dpdk_memif_client.ts`). net_af_packet, net_af_xdp and net_tap pass the
 * conformance suite besides (`dpdk_conformance_test.ts`).
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkDpdkDevice } from "../../ffi/mod.ts";
import { libraryPath } from "../../ffi/library.ts";
import {
  CLIENT_ADDRESS,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  testInNamespace,
  wireMissing,
} from "./netns.ts";

const program = (name: string): URL => new URL(name, import.meta.url);

/** Registers a test that says why where it can't run. */
function test(
  name: string,
  missing: () => string | Promise<string>,
  body: () => Promise<void>,
): void {
  Deno.test(name, async () => {
    const reason = libraryMissing() || await missing();
    if (reason === "") await body();
    else console.log(`SKIPPED: ${name}: ${reason}`);
  });
}

function libraryMissing(): string {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
    return "";
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
}

async function tapMissing(): Promise<string> {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
  } catch (error) {
    return `no tap devices: ${(error as Error).message}`;
  }
  return await wireMissing();
}

async function bridgeMissing(): Promise<string> {
  const link = `fb${Deno.pid}`;
  const run = (program: string, ...args: string[]) =>
    new Deno.Command(program, { args, stdout: "null", stderr: "null" })
      .output().then(({ success }) => success, () => false);
  if (!await run("bridge", "link")) return "no program bridge (iproute2)";
  const made = await run("ip", "link", "add", link, "type", "bridge");
  if (made) await run("ip", "link", "del", link);
  return made ? await wireMissing() : "the kernel makes no bridges";
}

Deno.test("checkDpdkDevice() takes what can be a device", () => {
  for (
    const device of [
      "0000:03:00.0",
      "0000:af:00.1,rss=1",
      "net_af_packet0,iface=eth1",
      "net_af_packet0,iface=eth1,qpairs=2,qdisc_bypass=1",
      "net_af_xdp1,iface=eth1,queue_count=4",
      "net_memif0,role=client,id=3,socket=/run/ferrule/memif.sock",
      "net_null",
      "net_tap0",
      "net_virtio_user0,path=/dev/vhost-net",
    ]
  ) checkDpdkDevice(device);
});

Deno.test("checkDpdkDevice() says what is wrong and what to write", () => {
  for (
    const [device, ...texts] of [
      ["", "neither a PCI address nor a virtual device", "net_af_xdp0,iface="],
      ["eth0", 'DPDK device "eth0"', "net_af_packet0,iface=NAME"],
      ["03:00.0", "without its domain", "Write 0000:03:00.0"],
      ["net_af_packet0", "needs iface=", '"net_af_packet0,iface=..."'],
      ["net_af_xdp0,if=eth0", 'no argument "if"', "Known are iface, "],
      ["net_af_packet0,iface=", '"iface" has no value'],
      ["net_af_packet0,iface", '"iface" has no value'],
      ["net_memif0,id=1,id=2", '"id" stands twice'],
      [`net_null${"1".repeat(64)}`, "a name of 72 characters", "At most 63"],
    ]
  ) {
    for (const text of texts) {
      assertThrows(() => checkDpdkDevice(device!), TypeError, text);
    }
  }
});

test(
  "DPDK ports tell of link and frames, share flows over queues, take tap and null devices",
  tapMissing,
  async () => {
    await testInNamespace(program("dpdk_device.ts"));
  },
);

test(
  "DPDK ports are heard by IGMP queriers, and by a bridge that sends groups where they are wanted",
  bridgeMissing,
  async () => {
    await testInNamespace(program("dpdk_igmp.ts"));
  },
);

function spawn(name: string, options: unknown): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--frozen", "--unstable-net"],
      ...["-A", program(name).pathname, JSON.stringify(options)],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

test(
  "two processes with DPDK talk through shared memory, net_memif",
  () => "",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "ferrule-memif-" });
    const socket = `socket=${folder}/memif.sock,socket-abstract=no`;
    const options = (role: string, address: string, mac: string) => ({
      device: `net_memif0,role=${role},${socket},mac=${mac}`,
      address,
      prefix: NETWORK_PREFIX,
      hugePages: false,
      buffers: 8191,
    });
    const server = spawn(
      "dpdk_server.ts",
      options("server", SERVER_ADDRESS, "02:00:00:00:01:01"),
    );
    // It says its MAC address once it is there.
    const words = server.stdout.getReader();
    await words.read();
    words.releaseLock();
    const client = spawn(
      "dpdk_memif_client.ts",
      options("client", CLIENT_ADDRESS, "02:00:00:00:01:02"),
    );
    try {
      const { success, stdout, stderr } = await client.output();
      const text = new TextDecoder();
      assert(success, text.decode(stderr));
      assertEquals(JSON.parse(text.decode(stdout)), { echoes: 65 + 1600 });
      assert((await server.status).success);
    } finally {
      try {
        server.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await server.output();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
