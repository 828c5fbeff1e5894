// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Streams of the transports against the kernel's own TCP:
 *
 * ```
 *  stream_server.ts                        stream_client.ts
 *  DpdkTransport on dut0  ──── veth ────   kernel sockets
 * ```
 *
 * The same client tries the io_uring transport in the same way: gateways must
 * not see a difference.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { libraryPath } from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { DpdkTransport } from "../../engine/transport/dpdk_transport.ts";
import { GONE } from "../../engine/transport/transport.ts";
import {
  denoIn,
  ip,
  NETWORK_PREFIX,
  SERVER_ADDRESS,
  type Wire,
  wireMissing,
  withRelay,
  withWire,
} from "./netns.ts";

const SERVER = new URL("./stream_server.ts", import.meta.url);
const CLIENT = new URL("./stream_client.ts", import.meta.url);
const RELAY = new URL("./lossy_relay.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);
const SEED = 20260603;
/** As in stream_client.ts. */
const CONNECTIONS_MAX = 48;
const TIMED_ECHOES = 2_000;
const SCENARIOS = [
  "echoes",
  "opensAndCloses",
  "resets",
  "halfClose",
  "pushesBack",
  "refuses",
];

interface Rung {
  readonly transport: "dpdk" | "io_uring";
  /** DPDK's driver. */
  readonly driver?: string;
}

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

function optionsOn(wire: Wire, rung: Rung): Record<string, unknown> {
  if (rung.transport === "io_uring") {
    return { connectionsMax: CONNECTIONS_MAX, hugePages: false };
  }
  return {
    device: `${rung.driver}0,iface=${wire.serverInterface}`,
    address: SERVER_ADDRESS,
    prefix: NETWORK_PREFIX,
    hugePages: false,
    buffers: 8191,
    connectionsMax: CONNECTIONS_MAX,
  };
}

/** Runs `body` while a server serves streams on the wire. */
async function withServer(
  wire: Wire,
  rung: Rung,
  body: (ended: AbortSignal) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const scope = ["-n", wire.serverNamespace];
  if (rung.transport === "io_uring") {
    await ip(
      ...[...scope, "address", "add", `${SERVER_ADDRESS}/${NETWORK_PREFIX}`],
      ...["dev", wire.serverInterface],
    );
  }
  const child = denoIn(wire.serverNamespace, SERVER, [
    JSON.stringify({
      transport: rung.transport,
      options: optionsOn(wire, rung),
    }),
  ], { env }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const ended = new AbortController();
  const status = child.status.then(() => ended.abort());
  let failure: unknown;
  try {
    const { value } = await reader.read();
    if (value === undefined) throw new Error("The server does not start");
    await body(ended.signal);
  } catch (error) {
    failure = error;
  }
  await reader.cancel().catch(() => {});
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself: what it wrote says why.
  }
  await status;
  if (rung.transport === "io_uring") {
    await ip(...scope, "address", "flush", "dev", wire.serverInterface);
  }
  // What the libraries under net_af_xdp say about older kernels is no failure.
  const written = (await errors).replace(/^(libbpf|libxdp): .*\n/gm, "");
  if (failure !== undefined) {
    throw new Error(`${(failure as Error).message}\nServer: ${written}`);
  }
  assertEquals(written, "");
}

/** Runs the client; it ends if the server does. */
async function runClient(
  wire: Wire,
  scenario: string,
  ended: AbortSignal,
): Promise<string> {
  const child = denoIn(
    wire.clientNamespace,
    CLIENT,
    [wire.clientInterface, String(SEED), scenario, String(TIMED_ECHOES)],
  ).spawn();
  const stop = () => child.kill("SIGKILL");
  ended.addEventListener("abort", stop);
  const { success, stdout, stderr } = await child.output();
  ended.removeEventListener("abort", stop);
  const text = new TextDecoder();
  if (!success) throw new Error(`seed ${SEED}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

const RUNGS: readonly Rung[] = [
  { transport: "io_uring" },
  { transport: "dpdk", driver: "net_af_packet" },
  { transport: "dpdk", driver: "net_af_xdp" },
];
const nameOf = (rung: Rung) => rung.driver ?? rung.transport;

for (const rung of RUNGS) {
  for (const scenario of SCENARIOS) {
    test(
      `streams over ${nameOf(rung)}: ${scenario}`,
      wireMissing,
      () =>
        withWire((wire) =>
          withServer(wire, rung, async (ended) => {
            await runClient(wire, scenario, ended);
          })
        ),
    );
  }
}

for (const driver of ["net_af_packet", "net_af_xdp"]) {
  test(
    `streams over ${driver}: losses`,
    wireMissing,
    () =>
      withWire((wire) =>
        withRelay(wire, async (namespace) => {
          await using relay = denoIn(namespace, RELAY, [
            ...["mid0", "mid1"],
            String(SEED),
          ]).spawn();
          await relay.stdout.getReader().read();
          const rung: Rung = { transport: "dpdk", driver };
          await withServer(wire, rung, async (ended) => {
            await runClient(wire, "losses", ended);
          });
        })
      ),
  );
}

/** Where the compiler keeps a sanitizer's library, or "". */
async function sanitizerLibrary(): Promise<string> {
  const { stdout } = await new Deno.Command("cc", {
    args: ["-print-file-name=libasan.so"],
  }).output();
  const path = new TextDecoder().decode(stdout).trim();
  return path.startsWith("/") ? path : "";
}

async function sanitizersMissing(): Promise<string> {
  const reason = await wireMissing();
  if (reason !== "") return reason;
  const { success } = await new Deno.Command("make", {
    args: ["-s", "-C", "native", "build/san/libferrule_dpdk.so"],
    cwd: ROOT,
  }).output();
  if (!success) return "the library does not build with sanitizers";
  return await sanitizerLibrary() === "" ? "no libasan.so" : "";
}

test(
  "streams under sanitizers: all scenarios",
  sanitizersMissing,
  () =>
    withWire(async (wire) => {
      const env = {
        FERRULE_NATIVE_DIR: new URL("native/build/san", ROOT).pathname,
        LD_PRELOAD: await sanitizerLibrary(),
        // V8 handles its own signals; what it keeps at the end is no leak of ours.
        ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:use_sigaltstack=0",
      };
      const rung: Rung = { transport: "dpdk", driver: "net_af_packet" };
      await withServer(wire, rung, async (ended) => {
        for (const scenario of SCENARIOS) {
          await runClient(wire, scenario, ended);
        }
      }, env);
    }),
);

test(
  "streams: echo times beside the kernel's TCP",
  wireMissing,
  () =>
    withWire(async (wire) => {
      for (const rung of RUNGS) {
        await withServer(wire, rung, async (ended) => {
          const times = await runClient(wire, "times", ended);
          console.log(nameOf(rung), times.trim());
        });
      }
    }),
);

const NULL_DEVICE = {
  device: "net_null0",
  address: SERVER_ADDRESS,
  prefix: NETWORK_PREFIX,
  hugePages: false,
  buffers: 4096,
  connectionsMax: 2,
};

test("DpdkTransport.listenStream() gives each port once", () => "", () => {
  for (let round = 0; round < 2; round++) {
    const transport = new DpdkTransport(NULL_DEVICE);
    try {
      const listener = transport.listenStream(SERVER_ADDRESS, 7000);
      assertEquals(transport.port(listener), 7000);
      assertThrows(
        () => transport.listenStream("10.99.0.7", 1),
        NativeError,
        "EADDRNOTAVAIL",
      );
      assertThrows(
        () => transport.listenStream("0.0.0.0", 7000),
        NativeError,
        "EADDRINUSE",
      );
      for (let port = 1; port <= 15; port++) {
        transport.listenStream("0.0.0.0", port);
      }
      assertThrows(
        () => transport.listenStream("0.0.0.0", 16),
        NativeError,
        "EMFILE",
      );
      transport.closeListener(listener);
      assertEquals(transport.listenStream("0.0.0.0", 16), listener);
      assertThrows(
        () => new DpdkTransport({ ...NULL_DEVICE, device: "net_null1" }),
        NativeError,
        "another DPDK port of this process has TCP",
      );
    } finally {
      transport.dispose();
    }
  }
});

test("DpdkTransport() without connections refuses streams", () => "", () => {
  const transport = new DpdkTransport({ ...NULL_DEVICE, connectionsMax: 0 });
  try {
    assertThrows(
      () => transport.listenStream(SERVER_ADDRESS, 1),
      NativeError,
      "opened with connectionsMax of 1 or more",
    );
    assertEquals(transport.reserve(4096, 1), GONE);
    assertEquals(transport.pending(4096), 0);
    transport.consume(4096, 0);
    transport.commit(4096, 0);
    transport.close(4096);
  } finally {
    transport.dispose();
  }
  assertThrows(
    () => new DpdkTransport({ ...NULL_DEVICE, receiveWindowBytes: 5000 }),
    NativeError,
    "a receive window of 5000 bytes",
  );
  assertThrows(
    () => new DpdkTransport({ ...NULL_DEVICE, sendWindowBytes: 1 << 20 }),
    NativeError,
    "send buffers of 1048576 bytes",
  );
  assertThrows(
    () => new DpdkTransport({ ...NULL_DEVICE, connectionsMax: 1025 }),
    NativeError,
    "1025 TCP connections, up to 1024 are possible",
  );
});
