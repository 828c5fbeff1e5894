// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The flight recorder of the running appliance: a stall that is real, the file
 * that it leaves, and what `inspect flight` says of it. The process is stopped
 * and goes on; the kernel's receive times show what waited meanwhile.
 *
 * ```
 *   order 1 ─▶ answer     SIGSTOP   order 2 ─▶ socket   SIGCONT ─▶ answer, alarm ─▶ file
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  flightDirectory,
  type FlightDump,
  flightFiles,
  writeFlight,
} from "../../engine/appliance/flight_dump.ts";
import {
  hostChange,
  hostSample,
  parseInterrupts,
  parseStolen,
  parseThreadStat,
} from "../../engine/appliance/host_sample.ts";
import { setThreadName } from "../../ffi/mod.ts";
import { BinaryClient } from "../../engine/gateway/binary/mod.ts";
import {
  CommandKind,
  OrdType,
  Side,
  TimeInForce,
} from "../../engine/record/mod.ts";
import { readFlight } from "../../engine/inspect/flight_view.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const KEY = 1869440356n;
const STALL_MS = 700;
const STALLS_MAX = 10;
const FILE_MS_MAX = 10_000;

async function order(client: BinaryClient): Promise<number> {
  const { reference } = client.order({
    symbol: 0,
    side: Side.BUY,
    quantity: 100_000_000n,
    price: 100_000_000n,
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.DAY,
  });
  await client.flush();
  return reference;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The file of the message that a client numbered so; undefined if there is none in time. */
async function dumpOf(
  directory: string,
  number: number,
): Promise<{ name: string; dump: FlightDump } | undefined> {
  for (let waited = 0; waited < FILE_MS_MAX; waited += 100) {
    for (const name of flightFiles(directory)) {
      const dump = readFlight(`${directory}/${name}`);
      const named = dump.messages.find(({ sequence }) =>
        sequence === dump.alarm.sequence
      );
      if (named?.inSequence === number && named.sessionName === "1") {
        return { name, dump };
      }
    }
    await pause(100);
  }
  return undefined;
}

/** Stalls the appliance with an order on its way until a file names it. */
async function stall(server: RunningAppliance, client: BinaryClient) {
  const directory = flightDirectory(server.dataDirectory);
  for (let i = 0; i < STALLS_MAX; i++) {
    server.process.kill("SIGSTOP");
    const number = await order(client);
    await pause(STALL_MS);
    server.process.kill("SIGCONT");
    const found = await dumpOf(directory, number);
    if (found !== undefined) return { number, ...found };
    // Something else was slow a moment before, and has the file: once more.
  }
  throw new Error(`no file names an order of ${STALLS_MAX} stalls`);
}

async function inspect(
  directory: string,
  ...words: string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--cached-only", "--frozen", "--allow-ffi"],
      "--allow-env=FERRULE_NATIVE_DIR",
      `--allow-read=${new URL("../..", import.meta.url).pathname},${directory}`,
      "main.ts",
      ...["inspect", "--data", directory, "flight", ...words],
    ],
    cwd: new URL("../..", import.meta.url),
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

Deno.test("the flight recorder writes down a stall, with the message that waited and what the host did", async () => {
  await using server = await startAppliance({
    transportToml: 'timestamps = "kernel"',
    extraToml: "[flight_recorder]\nthreshold_us = 300000\n",
  });
  const client = await BinaryClient.connect({
    link: "tcp",
    hostname: "127.0.0.1",
    port: server.binaryTcpPort,
    session: 1,
    key: KEY,
  });
  await client.logon();
  const { number, name, dump } = await stall(server, client);
  const { alarm, messages, host } = dump;
  assert(alarm.elapsedNs > dump.thresholdNs);
  const message = messages.find(({ sequence }) => sequence === alarm.sequence)!;
  assertEquals(message.kind, CommandKind.NEW_ORDER);
  assert(message.receivedBeforeNs !== null && message.sentAfterNs !== null);
  assert(messages.some(({ durableAfterNs }) => durableAfterNs !== null));
  const names = host.threads.map((thread) => thread.name);
  assert(names.includes("main") && names.includes("engine"), names.join());
  assert(host.cores.length > 0 && host.cores[0]!.interrupts.length > 0);
  assert(host.fromNs < host.toNs);

  const text = await inspect(server.dataDirectory);
  assert(text.includes(name), text);
  const line = text.split("\n").find((one) => one.includes("<-"))!;
  assert(
    line.includes(` ${number} `) && line.includes("NEW_ORDER"),
    `${line} is not of order ${number}`,
  );
  const objects = (await inspect(server.dataDirectory, name, "--json"))
    .trim().split("\n").map((one) => JSON.parse(one));
  assertEquals(objects[0].sequence, alarm.sequence);
  const kinds = new Set(objects.map(({ record }) => record));
  assertEquals(
    [...kinds].filter((kind) => kind !== "heap"),
    ["flight", "thread", "core", "message"],
  );
  await client.close();
  assertEquals(await server.stop(), 0);
});

Deno.test("inspect flight of a folder where nothing took too long says so", async () => {
  await using server = await startAppliance({
    extraToml: "[flight_recorder]\nthreshold_us = 0\n",
  });
  assertEquals(
    await inspect(server.dataDirectory),
    "the flight recorder has written nothing\n",
  );
  assertEquals(await server.stop(), 0);
});

Deno.test("writeFlight() keeps so many files, and the newest", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-flight-" });
  Deno.writeTextFileSync(`${directory}/other.json`, "{}");
  const sample = hostSample();
  const written = [1, 2, 3, 4, 5].map((sequence) =>
    writeFlight(directory, {
      form: 1,
      appliance: "a",
      thresholdNs: 1,
      alarm: { gateway: 0, sequence, elapsedNs: 2, count: 1 },
      host: { ...hostChange(sample, sample), toNs: sequence * 1e9 },
      heaps: [],
      messages: [],
    }, 3)
  );
  assertEquals(
    flightFiles(directory).map((name) => `${directory}/${name}`),
    written.slice(2),
  );
  assertEquals([...Deno.readDirSync(directory)].length, 4);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("hostSample() has this thread, its core's interrupts, and counts that grow", () => {
  setThreadName("ferrule-flighty");
  const from = hostSample();
  const bytes = new Uint8Array(64 << 20);
  for (let i = 0; i < bytes.length; i += 4096) bytes[i] = 1;
  const change = hostChange(from, hostSample());
  const own = change.threads.find(({ name }) => name === "flighty")!;
  assert(own.minorFaults > 0, "pages were touched for the first time");
  assert(own.ranNs > 0);
  assert(own.voluntary >= 0 && own.involuntary >= 0 && own.waitedNs >= 0);
  assertEquals(change.cores.map(({ core }) => core).includes(own.core), true);
});

Deno.test("parseThreadStat() finds its way around names", () => {
  const numbers = Array.from({ length: 50 }, (_, i) => String(i + 4));
  const text = `12 (a ) b (c)) S ${numbers.join(" ")}`;
  assertEquals(parseThreadStat(text), {
    name: "a ) b (c)",
    minorFaults: 10,
    majorFaults: 12,
    core: 39,
  });
  assertEquals(parseThreadStat(""), undefined);
});

Deno.test("parseInterrupts() and parseStolen() read the kernel's tables", () => {
  const found = parseInterrupts(
    "           CPU0       CPU1       \n" +
      " 24:          1          0  IO-APIC   5-edge      ACPI:Ged\n" +
      "LOC:   17980412   17782018   Local timer interrupts\n" +
      "ERR:          0\n",
  );
  assertEquals([...found], [
    ["24 IO-APIC 5-edge ACPI:Ged", [1, 0]],
    ["LOC Local timer interrupts", [17980412, 17782018]],
  ]);
  const stat = "cpu  1 2 3 4 5 6 7 90 9 10\ncpu0 1 2 3 4 5 6 7 40 9 10\n" +
    "cpu1 1 2 3 4 5 6 7 50 9 10\nintr 5\n";
  assertEquals(parseStolen(stat), [40, 50]);
});
