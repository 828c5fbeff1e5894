// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * UDP frames a second in and out through our DPDK shim, read and written in
 * TypeScript, against DPDK's own `dpdk-testpmd`, which neither looks at what
 * comes (`rxonly`) nor makes what it sends anew (`txonly`). Same virtual
 * device, same core, the sides taking turns.
 *
 * ```
 *   null, out:   side under test ──▶ net_null
 *   memif, in:   testpmd txonly (core 1) ──▶ net_memif ──▶ side under test (core 0)
 *   memif, out:  side under test (core 0) ──▶ net_memif ──▶ testpmd rxonly (core 1)
 * ```
 *
 * `dpdk-testpmd` is in Debian's package dpdk-dev; FERRULE_TESTPMD names it
 * elsewhere. `--rounds=N` for another number of rounds.
 *
 * @module
 */
import { CLIENT_CORE, SERVER_CORE } from "./programs.ts";
import {
  alternate,
  describe,
  printTable,
  saveResult,
  spread,
} from "./stats.ts";

const ROUNDS = Number(
  Deno.args.find((arg) => arg.startsWith("--rounds="))?.slice(9) ?? "5",
);
const WARMUP_MS = 400;
const MEASURE_MS = 600;
/** Of a whole frame, and of the datagram in it. */
const FRAME_BYTES = 64;
const HEADER_BYTES = 42;
const OURS = { address: "10.99.0.2", mac: "02:00:00:00:01:01" };
const PEER = { address: "10.99.0.1", mac: "02:00:00:00:01:02" };
const PROGRAM = Deno.env.get("FERRULE_TESTPMD") ?? "dpdk-testpmd";
const GOAL = 0.8;

type Mode = "rxonly" | "txonly";

/** A testpmd that forwards until it is stopped. */
class TestPmd {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(device: string, mode: Mode, core: number, peerMac: string) {
    // Line by line, or its answers would wait until a page is full.
    this.#process = new Deno.Command("stdbuf", {
      args: [
        ...["-oL", PROGRAM],
        ...[`--lcores=0@${core},1@${core}`, "--no-huge", "--iova-mode=va"],
        ...["-m", "256", "--no-pci", "--no-telemetry", "--no-shconf"],
        ...[`--file-prefix=bench-${Deno.pid}-${mode}-${core}`],
        ...[`--vdev=${device}`, "--", "-i", "--total-num-mbufs=16384"],
        ...[`--forward-mode=${mode}`, `--eth-peer=0,${peerMac}`],
        ...[`--txpkts=${FRAME_BYTES}`, "--tx-udp=7000,7000"],
        `--tx-ip=${PEER.address},${OURS.address}`,
        "--no-lsc-interrupt",
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout
      .pipeThrough(new TextDecoderStream()).getReader();
  }

  async #say(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(line + "\n"));
  }

  async #until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length);
        return match[1] ?? "";
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`dpdk-testpmd ended: ${this.#text}`);
      this.#text += value;
    }
  }

  async ready(): Promise<void> {
    await this.#until(/\nDone\n/);
  }

  async start(): Promise<void> {
    await this.#say("start");
  }

  /** Frames a second between two looks. */
  async measure(mode: Mode): Promise<number> {
    const name = mode === "rxonly" ? "RX-packets" : "TX-packets";
    const look = async (): Promise<[number, number]> => {
      await this.#say("show port stats 0");
      const count = await this.#until(new RegExp(`${name}: +([0-9]+)`));
      return [Number(count), performance.now()];
    };
    await new Promise((resolve) => setTimeout(resolve, WARMUP_MS));
    const [before, start] = await look();
    await new Promise((resolve) => setTimeout(resolve, MEASURE_MS));
    const [after, end] = await look();
    return (after - before) / (end - start) * 1000;
  }

  async stop(): Promise<void> {
    await this.#say("stop").catch(() => {});
    await this.#say("quit").catch(() => {});
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    while (!(await this.#reader.read()).done);
    await this.#process.status;
    clearTimeout(timer);
    await this.#writer.close().catch(() => {});
  }
}

async function runOurs(
  direction: "in" | "out",
  device: string,
): Promise<number> {
  const options = {
    device,
    address: OURS.address,
    prefix: 24,
    mac: OURS.mac,
    hugePages: false,
    buffers: 16_383,
    peers: [PEER],
  };
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--frozen", "--allow-all"],
      new URL("./dpdk_frames_side.ts", import.meta.url).pathname,
      ...[direction, JSON.stringify(options)],
      ...[FRAME_BYTES - HEADER_BYTES, WARMUP_MS, MEASURE_MS].map(String),
    ],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return JSON.parse(text.decode(stdout)).perSecond;
}

async function runPeer(
  device: string,
  mode: Mode,
  peerMac: string,
): Promise<number> {
  const side = new TestPmd(device, mode, SERVER_CORE, peerMac);
  await side.ready();
  await side.start();
  const rate = await side.measure(mode);
  await side.stop();
  return rate;
}

/** Runs the side under test with a testpmd at the other end of shared memory. */
async function withMemif(
  otherMode: Mode,
  body: (device: string) => Promise<number>,
): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-frames-" });
  const memif = (role: string, mac: string): string =>
    `net_memif0,role=${role},socket=${folder}/memif.sock,` +
    `socket-abstract=no,mac=${mac}`;
  const other = new TestPmd(
    memif("server", PEER.mac),
    otherMode,
    CLIENT_CORE,
    OURS.mac,
  );
  try {
    await other.ready();
    await other.start();
    return await body(memif("client", OURS.mac));
  } finally {
    await other.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

const rows = [["64-byte frames a second", "testpmd", "ferrule", "ratio"]];
const summary: Record<string, unknown> = {};

async function compare(
  title: string,
  peer: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<void> {
  const results = await alternate({ peer, ours }, ROUNDS);
  const compared = {
    peer: spread(results.peer),
    ours: spread(results.ours),
    ratio: spread(results.ours.map((rate, i) => rate / results.peer[i]!)),
  };
  summary[title] = compared;
  rows.push([
    title,
    describe(compared.peer),
    describe(compared.ours),
    describe(compared.ratio),
  ]);
}

try {
  await new Deno.Command(PROGRAM, { args: ["--version"] }).output();
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log(
    `SKIPPED: dpdk_frames: there is no ${PROGRAM}; install Debian's dpdk-dev`,
  );
  Deno.exit(0);
}
await compare(
  "net_null, out",
  () => runPeer("net_null0", "txonly", PEER.mac),
  () => runOurs("out", "net_null0,no-rx=1"),
);
await compare(
  "net_memif, in",
  () => withMemif("txonly", (device) => runPeer(device, "rxonly", PEER.mac)),
  () => withMemif("txonly", (device) => runOurs("in", device)),
);
await compare(
  "net_memif, out",
  () => withMemif("rxonly", (device) => runPeer(device, "txonly", PEER.mac)),
  () => withMemif("rxonly", (device) => runOurs("out", device)),
);
printTable(rows);
console.log(`\ngoal: ${GOAL} of testpmd's rate`);
await saveResult("dpdk_frames", summary);
