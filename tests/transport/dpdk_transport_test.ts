// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The DPDK transport against the kernel's own network stack:
 *
 * ```
 *  dpdk_server.ts                          dpdk_client.ts
 *  DpdkTransport on dut0  ──── veth ────   kernel sockets and raw frames
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DpdkCounter } from "../../ffi/dpdk.ts";
import { libraryPath } from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { DpdkTransport } from "../../engine/transport/dpdk_transport.ts";
import { BACKPRESSURE } from "../../engine/transport/transport.ts";
import {
  denoIn,
  ip,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  type Wire,
  wireMissing,
  withWire,
} from "./netns.ts";

const SERVER = new URL("./dpdk_server.ts", import.meta.url);
const CLIENT = new URL("./dpdk_client.ts", import.meta.url);
const WORKER = new URL("./dpdk_worker.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);
const TIMED_ECHOES = 5_000;
const NULL_DEVICE = {
  device: "net_null0",
  address: SERVER_ADDRESS,
  prefix: NETWORK_PREFIX,
  hugePages: false,
  buffers: 8191,
};

function libraryMissing(): string {
  try {
    Deno.statSync(libraryPath("libferrule_dpdk.so"));
    return "";
  } catch {
    return "no build/libferrule_dpdk.so: DPDK was not there when it was built";
  }
}

/** Registers a test that says why where it can't run. */
function test(
  name: string,
  missing: () => string | Promise<string>,
  body: () => void | Promise<void>,
): void {
  Deno.test(name, async () => {
    const reason = libraryMissing() || await missing();
    if (reason !== "") {
      console.log(`SKIPPED: ${name}: ${reason}`);
      return;
    }
    await body();
  });
}

function optionsOn(wire: Wire, driver: string): Record<string, unknown> {
  return {
    device: `${driver}0,iface=${wire.serverInterface}`,
    address: SERVER_ADDRESS,
    prefix: NETWORK_PREFIX,
    hugePages: false,
    buffers: 8191,
    peers: [{ address: "10.99.0.5", mac: "02:00:00:00:00:05" }],
  };
}

interface Server {
  readonly mac: string;
  stop(signal?: Deno.Signal): Promise<string>;
}

/** Starts dpdk_server.ts; throws with its own words if it does not start. */
async function startServer(
  wire: Wire,
  options: Record<string, unknown>,
  launch: { prefix?: string[]; env?: Record<string, string> } = {},
): Promise<Server> {
  const child = denoIn(wire.serverNamespace, SERVER, [
    JSON.stringify(options),
  ], launch).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const stop = async (signal?: Deno.Signal) => {
    if (signal !== undefined) child.kill(signal);
    await reader.cancel();
    await child.status;
    return await errors;
  };
  if (value === undefined) throw new Error(await stop());
  return { mac: value.trim(), stop };
}

async function runClient(
  wire: Wire,
  mac: string,
  seed: number,
  driver: string,
): Promise<Record<string, unknown>> {
  const { success, stdout, stderr } = await denoIn(
    wire.clientNamespace,
    CLIENT,
    [wire.clientInterface, mac, String(seed), String(TIMED_ECHOES), driver],
  ).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`seed ${seed}: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}

for (const driver of ["net_af_packet", "net_af_xdp"]) {
  test(
    `DpdkTransport() talks to the kernel through ${driver}`,
    wireMissing,
    () =>
      withWire(async (wire) => {
        const seed = 20260601;
        // Killed without warning, it leaves nothing that stops the next one.
        const killed = await startServer(wire, optionsOn(wire, driver));
        await killed.stop("SIGKILL");
        const server = await startServer(wire, optionsOn(wire, driver));
        try {
          const report = await runClient(wire, server.mac, seed, driver);
          assertEquals(report.echoes, 1473 + 4000);
          assertEquals((report.link as { up: boolean }).up, true);
          console.log(`${driver}: UDP echo of 64 bytes, us:`, report.timed);
        } finally {
          await server.stop("SIGKILL").catch(() => {});
        }
      }),
  );
}

test(
  "DpdkTransport() under sanitizers talks to the kernel",
  async () => await wireMissing() || await sanitizersMissing(),
  () =>
    withWire(async (wire) => {
      const options = optionsOn(wire, "net_af_packet");
      const server = await startServer(wire, options, {
        env: await sanitizerEnvironment(),
      });
      const seed = 20260602;
      const report = await runClient(wire, server.mac, seed, "net_af_packet");
      assertEquals(report.echoes, 1473 + 4000);
      assertEquals(await server.stop(), "");
    }),
);

/** Where the compiler keeps a sanitizer's library, or "". */
async function compilerLibrary(name: string): Promise<string> {
  const { stdout } = await new Deno.Command("cc", {
    args: [`-print-file-name=${name}`],
  }).output();
  const path = new TextDecoder().decode(stdout).trim();
  return path.startsWith("/") ? path : "";
}

async function sanitizersMissing(): Promise<string> {
  try {
    const { success } = await new Deno.Command("make", {
      args: ["-s", "-C", "native", "build/san/libferrule_dpdk.so"],
      cwd: ROOT,
    }).output();
    if (!success) return "the library does not build with sanitizers";
    if (await compilerLibrary("libasan.so") !== "") return "";
  } catch {
    return "no make or no compiler";
  }
  return "the compiler has no libasan.so";
}

async function sanitizerEnvironment(): Promise<Record<string, string>> {
  return {
    FERRULE_NATIVE_DIR: new URL("native/build/san", ROOT).pathname,
    LD_PRELOAD: await compilerLibrary("libasan.so"),
    // V8 handles its own signals; what it keeps at the end is no leak of ours.
    ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:use_sigaltstack=0",
  };
}

test(
  "DpdkTransport() leaves a worker where it is pinned",
  () => "",
  async () => {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["run", "--no-check", "-A", WORKER.pathname],
      },
    ).output();
    assert(success, new TextDecoder().decode(stderr));
    const report = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(report.after, report.before);
    assertEquals(report.before.length, 1);
    assert(report.received > 0);
    const names = Object.keys(report.threads);
    assert(names.length > 0, "DPDK has threads of its own");
    if (navigator.hardwareConcurrency === 1) return;
    for (const name of names) {
      const cpus = report.threads[name];
      assert(cpus !== String(report.before[0]), `${name} runs on CPU ${cpus}`);
    }
  },
);

async function startError(
  wire: Wire,
  options: Record<string, unknown>,
  launch: { prefix?: string[]; env?: Record<string, string> } = {},
): Promise<string> {
  let server: Server;
  try {
    server = await startServer(wire, options, launch);
  } catch (error) {
    return (error as Error).message;
  }
  await server.stop("SIGKILL");
  throw new Error(`It started with ${JSON.stringify(options)}`);
}

test(
  "DpdkTransport() says what is missing and never starts without it",
  wireMissing,
  () =>
    withWire(async (wire) => {
      const options = optionsOn(wire, "net_af_packet");
      const absent = await startError(wire, {
        ...options,
        device: "net_af_packet0,iface=absent0",
      });
      assertStringIncludes(absent, "NativeError");
      assertStringIncludes(absent, "ENODEV (interface absent0");

      const bounded = await startError(wire, options, {
        prefix: ["setpriv", "--bounding-set", "-net_admin,-net_raw"],
      });
      assertStringIncludes(bounded, "EPERM (CAP_NET_ADMIN and CAP_NET_RAW");

      const unknown = await startError(wire, {
        ...options,
        device: "net_nosuch0",
      });
      assertStringIncludes(unknown, "open DPDK device net_nosuch0");

      const server = ["-n", wire.serverNamespace, "link", "set"];
      await ip(...server, wire.serverInterface, "mtu", "1400");
      const narrow = await startError(wire, options);
      assertStringIncludes(narrow, "has an MTU of 1400, 1500 are needed");
      assertStringIncludes(narrow, "ip link set dev NAME mtu 1500");

      await ip(...server, wire.serverInterface, "mtu", "1500", "down");
      const down = await startError(wire, options);
      assertStringIncludes(down, "ENETDOWN (interface dut0: Network is down)");

      const library = await startError(wire, options, {
        env: { FERRULE_NATIVE_DIR: "/nonexistent" },
      });
      assertStringIncludes(library, "Failed to load DPDK");
      assertStringIncludes(library, "run make -C native");
    }),
);

test("DpdkTransport() opens, polls and closes a null device", () => "", () => {
  const affinity = cpusAllowed();
  for (let round = 0; round < 2; round++) {
    const transport = new DpdkTransport(NULL_DEVICE);
    try {
      assertEquals(transport.name, "dpdk");
      const listener = transport.listenDatagram(SERVER_ADDRESS, 7000);
      for (let poll = 0; poll < 10; poll++) {
        assertEquals(transport.poll(poll === 9 ? 100 : 0), 0);
      }
      // The null device receives frames of zeros: for nobody.
      const { counters } = transport;
      assert(counters[DpdkCounter.RX_FRAMES]! > 0);
      assertEquals(
        counters[DpdkCounter.RX_NOT_FOR_US],
        counters[DpdkCounter.RX_FRAMES],
      );
      const offset = transport.reserveDatagram(1472);
      assertEquals(offset % 16, 0);
      assertEquals(transport.reserveDatagram(10), offset);
      transport.commitDatagram(listener, 0xefffff01 | 0, 9, 1472);
      transport.poll(0);
      assertEquals(counters[DpdkCounter.TX_DATAGRAMS], 1);
    } finally {
      transport.dispose();
    }
    assertEquals(transport.bytes.length, 0);
    assertEquals(transport.counters.length, 0);
    transport.dispose();
  }
  assertEquals(cpusAllowed(), affinity);
});

function cpusAllowed(): string {
  return /Cpus_allowed_list:.*/.exec(
    Deno.readTextFileSync("/proc/thread-self/status"),
  )![0];
}

test("DpdkTransport() refuses what can not be", () => "", () => {
  for (
    const [changes, text] of [
      [{ address: "10.99.0.256" }, 'Not an IPv4 address: "10.99.0.256"'],
      [{ address: "host" }, 'Not an IPv4 address: "host"'],
      [{ mac: "02:00" }, 'Not a MAC address: "02:00"'],
      [{ prefix: 8 }, "prefix 8, 20 to 30 are possible"],
      [{ prefix: 31 }, "prefix 31, 20 to 30 are possible"],
      [{ buffers: 1 }, "1 packet buffers, 4096 to 262144 are possible"],
      [{ gateway: "10.98.0.1" }, "the gateway is not in our network"],
      [{ hugePages: true }, "DPDK runs on CPU"],
      [
        { peers: [{ address: "10.98.0.1", mac: "02:00:00:00:00:01" }] },
        "the peer is not in our network",
      ],
    ] as const
  ) {
    // The first one starts DPDK without huge pages.
    new DpdkTransport(NULL_DEVICE).dispose();
    assertThrows(
      () => new DpdkTransport({ ...NULL_DEVICE, ...changes }).dispose(),
      Error,
      text,
    );
  }
});

test("DpdkTransport.listenDatagram() gives each port once", () => "", () => {
  const transport = new DpdkTransport(NULL_DEVICE);
  try {
    assertThrows(
      () => transport.listenDatagram("10.99.0.7", 1),
      NativeError,
      "EADDRNOTAVAIL",
    );
    const chosen = transport.listenDatagram("0.0.0.0", 0);
    assert(transport.port(chosen) >= 49152);
    for (let port = 1; port <= 15; port++) {
      transport.listenDatagram("0.0.0.0", port);
    }
    assertThrows(
      () => transport.listenDatagram("0.0.0.0", 15),
      NativeError,
      "EADDRINUSE",
    );
    assertThrows(
      () => transport.listenDatagram("0.0.0.0", 16),
      NativeError,
      "EMFILE",
    );
    transport.closeListener(chosen);
    assertThrows(() => transport.port(chosen), Error, "no listener");
    assertEquals(transport.listenDatagram("0.0.0.0", 16), chosen);
  } finally {
    transport.dispose();
  }
});

test(
  "DpdkTransport.reserveDatagram() pushes back when the queue is full",
  () => "",
  () => {
    const transport = new DpdkTransport(NULL_DEVICE);
    try {
      const listener = transport.listenDatagram("0.0.0.0", 7000);
      assertThrows(
        () => transport.commitDatagram(listener, 0x0a630001, 9, 1),
        Error,
        "not reserved",
      );
      assertThrows(() => transport.reserveDatagram(1473), Error, "1472 bytes");
      let sent = 0;
      while (transport.reserveDatagram(100) !== BACKPRESSURE && sent < 10_000) {
        transport.commitDatagram(listener, 0xefffff01 | 0, 9, 100);
        sent++;
      }
      // One place was taken by the announcement of our address.
      assertEquals(sent, 511);
      assertEquals(transport.counters[DpdkCounter.TX_BACKPRESSURE], 1);
      transport.poll(0);
      assert(transport.reserveDatagram(100) >= 0);
      assertThrows(
        () => transport.commitDatagram(listener + 1, 0x0a630001, 9, 1),
        NativeError,
        "EBADF",
      );
    } finally {
      transport.dispose();
    }
  },
);
