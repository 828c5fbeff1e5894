// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which transport an appliance takes: as configured, or what the host offers.
 * A host that refuses io_uring is made with a seccomp filter.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { openKernelTransport } from "../../engine/appliance/open_transport.ts";
import { DEMO_KEY } from "../../engine/config/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import {
  measureSockets,
  openSockets,
  type SocketFigure,
} from "../../engine/transport/mod.ts";
import { BinaryClient } from "../../engine/gateway/binary/client.ts";
import { startAppliance } from "./harness.ts";

const SMALL = { connectionsMax: 2, hugePages: false };

/** A log, and its lines. */
function capturedLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = new Log({
    level: "info",
    format: "json",
    source: "gateway0",
    nowMs: () => 0,
    write: (line) => lines.push(JSON.parse(new TextDecoder().decode(line))),
  });
  return { log, lines };
}

const FIGURES: SocketFigure[] = [
  { kind: "io_uring", echoUs: 10, reason: "", there: true },
  { kind: "plain", echoUs: 11, reason: "", there: true },
];

Deno.test("openKernelTransport() opens what is named, without measuring", () => {
  const { log, lines } = capturedLog();
  const transport = openKernelTransport("plain", SMALL, log, {
    open: openSockets,
    measure: () => {
      throw new Error("measured");
    },
  });
  assertEquals(transport.name, "plain");
  transport.dispose();
  assertEquals(lines.map(({ kind, why }) => [kind, why]), [
    ["plain", "configured"],
  ]);
});

Deno.test("openKernelTransport() says what to do if what is named can not start", () => {
  const { log } = capturedLog();
  const error = assertThrows(
    () =>
      openKernelTransport("io_uring", SMALL, log, {
        measure: measureSockets,
        open: () => {
          throw new Error("no ring: set kernel.io_uring_disabled to 0");
        },
      }),
    Error,
    '[transport] kind = "io_uring", but: no ring',
  );
  assertStringIncludes(error.message, '"plain"');
  assertStringIncludes(error.message, '"auto"');
});

Deno.test("openKernelTransport() logs the figures, and goes on where the best fails after all", () => {
  const { log, lines } = capturedLog();
  const opened: string[] = [];
  const transport = openKernelTransport("auto", SMALL, log, {
    measure: () => FIGURES,
    open: (kind, options) => {
      opened.push(kind);
      if (kind === "io_uring") throw new Error("out of memory");
      return openSockets(kind, options);
    },
  });
  transport.dispose();
  assertEquals(opened, ["io_uring", "plain"]);
  assertEquals(lines[0]!.level, "warn");
  assertEquals(lines[0]!.reason, "out of memory");
  assertEquals(
    [lines[1]!.kind, lines[1]!.io_uring_echo_us, lines[1]!.plain_echo_us],
    ["plain", 10, 11],
  );
});

Deno.test("openKernelTransport() names every reason if nothing can be had", () => {
  const { log } = capturedLog();
  assertThrows(
    () =>
      openKernelTransport("auto", SMALL, log, {
        open: openSockets,
        measure: () =>
          FIGURES.map((figure) => ({
            ...figure,
            there: false,
            reason: `no ${figure.kind}`,
          })),
      }),
    Error,
    "io_uring: no io_uring; plain: no plain",
  );
});

Deno.test("where io_uring is refused, auto serves over plain sockets and io_uring is an error", async () => {
  const binary = await Deno.makeTempFile({ prefix: "forbid-uring-" });
  try {
    const source = new URL("./forbid_uring.c", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command("cc", {
      args: ["-O1", "-Wall", "-Werror", "-o", binary, source],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const refused = await assertRejects(() =>
      startAppliance({ transport: "io_uring", wrapper: [binary] })
    );
    assertStringIncludes(String(refused), "kernel.io_uring_disabled");
    await using appliance = await startAppliance({ wrapper: [binary] });
    const line = appliance.log.find(({ message }) => message === "transport")!;
    assertEquals(line.kind, "plain");
    assert(Number(line.plain_echo_us) > 0);
    assertStringIncludes(String(line.io_uring_reason), "seccomp");
    for (const link of ["tcp", "udp"] as const) {
      const client = await BinaryClient.connect({
        link,
        hostname: "127.0.0.1",
        port: link === "tcp"
          ? appliance.binaryTcpPort
          : appliance.binaryUdpPort,
        session: link === "tcp" ? 1 : 2,
        key: BigInt(DEMO_KEY),
      });
      await client.logon();
      await client.close();
    }
    assertEquals(await appliance.stop(), 0);
  } finally {
    await Deno.remove(binary);
  }
});
