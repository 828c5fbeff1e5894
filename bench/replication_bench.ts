// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What it costs to have each command on two machines.
 *
 * ```
 *   direct     group ─▶ frame ─▶ TCP ─▶ file of another process ─▶ acknowledgement
 *   JetStream  group ─▶ publish ─▶ three servers, majority by Raft ─▶ acknowledgement
 * ```
 *
 * First the two ways to carry the log alone, alternating, on loopback: one group
 * at a time for latency, several under way for throughput; neither syncs. Then
 * a pair of appliances: order to acknowledgement and orders a second with
 * `written`, `synced` and `replicated`, and how far the standby is behind.
 * Two appliances share one core, so what is measured is above what two machines need.
 *
 * @module
 */
import {
  jetstream,
  type JetStreamClient,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Channel, FrameKind, TcpLinks } from "../engine/replication/mod.ts";
import { Clock, cpuYield } from "../ffi/mod.ts";
import {
  freePort,
  logged,
  startHalf,
  until,
} from "../tests/replication/pair.ts";
import { NatsCluster, natsMissing } from "../tests/replication/nats_cluster.ts";
import {
  buildPrograms,
  type LatencyResult,
  runClient,
  SERVER_CORE,
  type ThroughputResult,
} from "./programs.ts";
import {
  alternate,
  describe,
  printTable,
  saveResult,
  spread,
} from "./stats.ts";

const ROUNDS = 5;
const GROUPS = 1000;
const WARMUP = 200;
const THROUGHPUT_GROUPS = 6000;
/** Groups under way at a time. */
const WINDOW = 64;
const COMMAND_BYTES = 64;
/** Few: a disk may take milliseconds for each with `synced`. */
const ORDERS = 3000;
const PAIR_ROUNDS = 3;
const THROUGHPUT_ORDERS = 1_000_000;

/** A way to make groups of commands safe elsewhere. */
interface Carrier {
  /** Sends a group and waits for its acknowledgement. */
  one(group: Uint8Array): Promise<void> | void;
  /** Sends many, `WINDOW` at a time under way. */
  many(group: Uint8Array, count: number): Promise<void>;
  close(): Promise<void>;
}

interface CarrierResult {
  readonly p50Us: number;
  readonly p99Us: number;
  /** MB of commands a second. */
  readonly rate: number;
}

class Direct implements Carrier {
  readonly #channel: Channel;
  readonly #process: Deno.ChildProcess;
  readonly #file: string;
  #sequence = 0;
  #acknowledged = 0;

  private constructor(
    channel: Channel,
    process: Deno.ChildProcess,
    file: string,
  ) {
    this.#channel = channel;
    this.#process = process;
    this.#file = file;
  }

  static async start(): Promise<Direct> {
    const file = await Deno.makeTempFile({ prefix: "ferrule-replica-" });
    const listener = new TcpLinks().listen("127.0.0.1", 0);
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--frozen",
        "--allow-all",
        new URL("./replica_end.ts", import.meta.url).pathname,
        String(listener.port),
        file,
      ],
    }).spawn();
    let link = listener.accept();
    while (link === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      link = listener.accept();
    }
    listener.close();
    return new Direct(new Channel(link), process, file);
  }

  one(group: Uint8Array): void {
    this.#send(group);
    while (this.#acknowledged < this.#sequence) this.#poll();
  }

  // deno-lint-ignore require-await
  async many(group: Uint8Array, count: number): Promise<void> {
    const commands = group.length / COMMAND_BYTES;
    for (let i = 0; i < count; i++) {
      this.#send(group);
      while (this.#sequence - this.#acknowledged > WINDOW * commands) {
        this.#poll();
      }
    }
    while (this.#acknowledged < this.#sequence) this.#poll();
  }

  async close(): Promise<void> {
    this.#channel.dispose();
    await this.#process.status;
    await Deno.remove(this.#file);
  }

  #send(group: Uint8Array): void {
    while (!this.#channel.hasRoom(group.length)) this.#poll();
    const commands = group.length / COMMAND_BYTES;
    const kind = FrameKind.COMMANDS;
    const first = this.#sequence + 1;
    this.#channel.write(kind, 1, first, commands, group, 0, group.length);
    this.#sequence += commands;
    this.#channel.flush();
  }

  #poll(): void {
    const channel = this.#channel;
    const work = channel.flush() + channel.receive();
    while (channel.next()) this.#acknowledged = channel.sequence;
    if (channel.failure !== "") throw new Error(channel.failure);
    if (work === 0) cpuYield();
  }
}

class JetStream implements Carrier {
  readonly #client: JetStreamClient;
  readonly #close: () => Promise<void>;

  private constructor(client: JetStreamClient, close: () => Promise<void>) {
    this.#client = client;
    this.#close = close;
  }

  static async start(cluster: NatsCluster): Promise<JetStream> {
    const connection = await connect({ servers: cluster.addresses });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({
      name: "LOG",
      subjects: ["log"],
      num_replicas: 3,
      max_bytes: 1 << 28,
    });
    return new JetStream(jetstream(connection), async () => {
      await manager.streams.delete("LOG");
      await connection.close();
    });
  }

  async one(group: Uint8Array): Promise<void> {
    await this.#client.publish("log", group);
  }

  async many(group: Uint8Array, count: number): Promise<void> {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await this.#client.publish("log", group);
    };
    await Promise.all(Array.from({ length: WINDOW }, lane));
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** One round of one way. */
async function carry(
  start: () => Promise<Carrier>,
  commands: number,
): Promise<CarrierResult> {
  const carrier = await start();
  const group = new Uint8Array(commands * COMMAND_BYTES).fill(0x5a);
  const clock = new Clock();
  const nowUs = (): number => {
    clock.monotonic();
    return clock.toNumber() / 1000;
  };
  const times: number[] = [];
  for (let i = 0; i < WARMUP + GROUPS; i++) {
    const from = nowUs();
    const waiting = carrier.one(group);
    if (waiting !== undefined) await waiting;
    if (i >= WARMUP) times.push(nowUs() - from);
  }
  const from = nowUs();
  await carrier.many(group, THROUGHPUT_GROUPS);
  const seconds = (nowUs() - from) / 1e6;
  await carrier.close();
  times.sort((a, b) => a - b);
  return {
    p50Us: times[times.length >> 1]!,
    p99Us: times[Math.floor(times.length * 0.99)]!,
    rate: THROUGHPUT_GROUPS * group.length / 1e6 / seconds,
  };
}

/** The log alone, by both ways. */
async function compareCarriers(cluster: NatsCluster): Promise<unknown> {
  const summary: Record<string, unknown> = {};
  for (const commands of [1, 64]) {
    const results = await alternate({
      direct: () => carry(() => Direct.start(), commands),
      JetStream: () => carry(() => JetStream.start(cluster), commands),
    }, ROUNDS);
    const rows = [[`groups of ${commands}`, "p50 us", "p99 us", "MB/s"]];
    for (const [name, runs] of Object.entries(results)) {
      const figures = {
        p50Us: spread(runs.map((run) => run.p50Us)),
        p99Us: spread(runs.map((run) => run.p99Us)),
        rate: spread(runs.map((run) => run.rate)),
      };
      rows.push([name, ...Object.values(figures).map((one) => describe(one))]);
      summary[`${name}, ${commands}`] = figures;
    }
    printTable(rows);
    console.log("");
  }
  return summary;
}

interface PairResult extends LatencyResult {
  readonly perSecond: number;
  /** Commands that the standby was behind, as sampled under full load. */
  readonly lags: readonly number[];
}

/** An appliance, with its standby if there is to be one. */
async function trade(durability: string): Promise<PairResult> {
  const [one, two] = [freePort(), freePort()];
  const common = {
    durability,
    topologyToml:
      `cores = [${SERVER_CORE}]\nsleep_us = 0\nspin_rounds = 0\nyield_rounds = 1000000000`,
    replicationToml: "heartbeat_ms = 100",
  };
  await using primary = await startHalf({
    ...common,
    role: "primary",
    name: "one",
    port: one,
    peerPort: two,
  });
  await using standby = durability === "replicated"
    ? await startHalf({
      ...common,
      role: "standby",
      name: "two",
      port: two,
      peerPort: one,
    })
    : undefined;
  const ready = await logged(primary, "ready");
  const port = Number(ready.binaryTcpPort);
  const latency = await runClient<LatencyResult>("binary_client", {
    mode: "latency",
    over: "tcp",
    port,
    orders: ORDERS,
    warmup: 1000,
    seconds: 120,
  });
  const lags: number[] = [];
  const sampler = setInterval(async () => {
    lags.push(await primary.metric("ferrule_replication_lag"));
  }, 50);
  const { perSecond } = await runClient<ThroughputResult>("binary_client", {
    mode: "throughput",
    port,
    warmup: 100_000,
    orders: THROUGHPUT_ORDERS,
    batch: 64,
    window: 16_384,
  });
  clearInterval(sampler);
  if (standby !== undefined) {
    await until(
      "the standby has caught up",
      async () => await primary.metric("ferrule_replication_lag") === 0,
    );
  }
  await primary.stop();
  await standby?.stop();
  return { ...latency, perSecond, lags };
}

async function comparePair(): Promise<unknown> {
  await buildPrograms();
  const results = await alternate({
    written: () => trade("written"),
    synced: () => trade("synced"),
    replicated: () => trade("replicated"),
  }, PAIR_ROUNDS);
  const rows = [[
    "binary over TCP",
    "p50 us",
    "p99 us",
    "orders/s",
    "lag, commands: median, most",
  ]];
  const summary: Record<string, unknown> = {};
  for (const [name, runs] of Object.entries(results)) {
    const figures = {
      p50Us: spread(runs.map((run) => run.p50Ns / 1000)),
      p99Us: spread(runs.map((run) => run.p99Ns / 1000)),
      perSecond: spread(runs.map((run) => run.perSecond)),
    };
    const lags = runs.flatMap((run) => run.lags);
    const shown = name === "replicated"
      ? `${spread(lags).median}, ${spread(lags).max}`
      : "";
    rows.push([
      name,
      ...Object.values(figures).map((one) => describe(one)),
      shown,
    ]);
    summary[name] = { ...figures, lags: spread(lags) };
  }
  printTable(rows);
  return summary;
}

const missing = await natsMissing();
if (missing !== undefined) throw new Error(missing);
const summary: Record<string, unknown> = {};
{
  await using cluster = await NatsCluster.start();
  summary.log = await compareCarriers(cluster);
}
summary.pair = await comparePair();
await saveResult("replication", summary);
