// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Puts the parts together and keeps watch: memory, threads, admin port,
 * signals, the service manager.
 *
 * Runs on the main thread, which carries no agent. It gives up, loudly, if a
 * thread fails: the journal has everything, and systemd starts us again.
 *
 * @module
 */
import {
  allocate,
  closeFile,
  lockDirectory,
  makeDirectory,
  type MemoryRegion,
  memorySelfTest,
  notify,
} from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import { DepthReader } from "../marketdata/mod.ts";
import {
  COMMAND_SLOT_BYTES,
  Protocol,
  Reason,
  REASON_TEXT,
} from "../record/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_GATEWAY,
  CONTROL_HASH_ANSWER,
  CONTROL_HASH_REQUEST,
  CONTROL_HASH_VALUE,
  CONTROL_JOURNAL,
  CONTROL_PORTS,
  CONTROL_PRESSURE,
  CONTROL_STOP,
  ExchangeState,
  GatewayState,
  JournalState,
  SpscRing,
} from "../ring/mod.ts";
import {
  COUNTER,
  CounterReader,
  HeapLines,
  type Log,
  SharedHistogram,
} from "../telemetry/mod.ts";
import { type AdminServer, type Health, serveAdmin } from "./admin.ts";
import { buildPage } from "./build_page.ts";
import { ClockWatch } from "./clock_watch.ts";
import { ConfigBoard } from "./config_board.ts";
import { sessionKey } from "./definitions.ts";
import { CoreWatch } from "./core_watch.ts";
import { depthShape } from "./depth_shape.ts";
import { DeviceWatch } from "./device_watch.ts";
import { FeedWatch } from "./feed_watch.ts";
import { flightDirectory } from "./flight_dump.ts";
import { FlightWatch } from "./flight_watch.ts";
import { gaugesOf } from "./gauges.ts";
import { HostReader, parseCores } from "./host_reader.ts";
import { type MemoryPlan, OPERATOR_SLOTS, planOf } from "./memory_plan.ts";
import { Metrics } from "./metrics.ts";
import { usesDpdk } from "./open_dpdk.ts";
import { type OperatorAnswer, OperatorDesk } from "./operator_desk.ts";
import { buildReplicationDesk } from "./build_replication_desk.ts";
import type { ReplicationDesk, ReplicationHealth } from "./replication_desk.ts";
import { announceNodes, homeCore, onNodeOf, settle } from "./placement.ts";
import { Register } from "./register.ts";
import { ReloadDesk } from "./reload_desk.ts";
import { registerShape } from "./register_layout.ts";
import { chooseSnapshot } from "./snapshots.ts";
import type { ThreadMessage, ThreadStart } from "./thread.ts";
import { type AgentName, planThreads } from "./topology.ts";
import { flightRing } from "./workshop.ts";

/** Main thread's look at the control words, in milliseconds. */
const WATCH_MS = 2;
const HASH_WAIT_MS_MAX = 10_000;
const NO_PAIR: Promise<OperatorAnswer> = Promise.resolve({
  status: 409,
  body: { error: '[replication] role is "none": this appliance has no pair' },
});

const RELOAD_WAIT_MS_MAX = 30_000;
const NO_FILE: OperatorAnswer = {
  status: 409,
  body: { error: "There is no file to read again: it was started without" },
};

/** A running appliance, seen from the main thread. */
export class Appliance {
  readonly #config: Config;
  readonly #log: Log;
  readonly #plan: MemoryPlan;
  readonly #region: MemoryRegion;
  readonly #control: Int32Array;
  readonly #controlF64: Float64Array;
  readonly #counters: CounterReader;
  readonly #depth: DepthReader;
  readonly #register: Register;
  readonly #desk: OperatorDesk;
  readonly #replication: ReplicationDesk | undefined;
  readonly #flight: FlightWatch | undefined;
  readonly #clock: ClockWatch;
  readonly #feed: FeedWatch | undefined;
  readonly #devices: DeviceWatch | undefined;
  readonly #reload: ReloadDesk | undefined;
  readonly #lock: number;
  readonly #workers = new Set<Worker>();
  readonly #startedMs = performance.now();
  readonly #host = new HostReader();
  readonly #coreWatch: CoreWatch;
  #admin: AdminServer | undefined;
  #threadsLeft = 0;
  #failure: string | undefined;
  /** The service manager knows that we are ready. */
  #told = false;

  /**
   * Maps memory and takes the data directory.
   *
   * @param read Reads the configuration file again; none = there is none.
   * @throws {Error} If the configuration asks for what the host lacks, or
   *   another appliance has the data directory.
   */
  constructor(config: Config, log: Log, read?: () => Config) {
    this.#config = config;
    this.#log = log;
    memorySelfTest();
    makeDirectory(config.appliance.dataDirectory);
    this.#lock = lockDirectory(config.appliance.dataDirectory);
    this.#plan = planOf(config);
    this.#coreWatch = new CoreWatch(
      planThreads(config),
      this.#host,
      log.child("cores"),
    );
    this.#region = this.#allocate();
    const { buffer } = this.#region;
    const words = CONTROL_BYTES >>> 2;
    this.#control = new Int32Array(buffer, this.#plan.control, words);
    this.#controlF64 = new Float64Array(
      buffer,
      this.#plan.control,
      words >>> 1,
    );
    this.#counters = new CounterReader(buffer, this.#plan.counters);
    this.#depth = new DepthReader(buffer, this.#plan.depth, depthShape(config));
    this.#register = new Register(
      buffer,
      this.#plan.register,
      registerShape(config),
    );
    this.#desk = new OperatorDesk({
      register: this.#register,
      instruments: config.capacity.instruments,
      accounts: config.capacity.accounts,
      ring: new SpscRing(
        buffer,
        this.#plan.operatorRing,
        COMMAND_SLOT_BYTES,
        OPERATOR_SLOTS,
        "producer",
      ),
      control: this.#control,
      log: log.child("operator"),
    });
    this.#replication = this.#makeReplication();
    this.#flight = this.#makeFlight();
    this.#clock = new ClockWatch({
      ...config.clock,
      ownSocket: `${config.appliance.dataDirectory}/ptp.sock`,
    });
    this.#feed = config.feed.enabled ? this.#makeFeedWatch() : undefined;
    this.#devices = usesDpdk(config)
      ? new DeviceWatch(log.child("devices"))
      : undefined;
    this.#reload = read && this.#makeReload(read);
  }

  #makeFlight(): FlightWatch | undefined {
    const { flightRecorder, appliance } = this.#config;
    const { buffer } = this.#region;
    const ring = flightRing({ plan: this.#plan, memory: buffer });
    if (ring === undefined || flightRecorder.thresholdUs === 0) {
      return undefined;
    }
    return new FlightWatch({
      appliance: appliance.name,
      ring,
      heaps: new HeapLines(buffer, this.#plan.heaps),
      threads: planThreads(this.#config).map(({ name }) => name),
      directory: flightDirectory(appliance.dataDirectory),
      thresholdNs: flightRecorder.thresholdUs * 1000,
      filesMax: flightRecorder.dumps,
      sessionNames: () =>
        new Map(
          this.#register.sessions().map(({ index, name }) => [index, name]),
        ),
      log: this.#log.child("flight"),
    });
  }

  #makeFeedWatch(): FeedWatch {
    return new FeedWatch({
      restartMs: this.#config.feed.restartMs,
      begin: () => this.#startThreads((agents) => agents.includes("feed"), {}),
      isStopping: () => this.#stopping(),
      log: this.#log.child("feed"),
    });
  }

  #makeReload(read: () => Config): ReloadDesk {
    const config = this.#config;
    return new ReloadDesk({
      config,
      read,
      board: new ConfigBoard({
        control: this.#control,
        controlF64: this.#controlF64,
        threads: planThreads(config).length,
        isOver: () => this.#threadsLeft === 0 || this.#failure !== undefined,
        waitMsMax: RELOAD_WAIT_MS_MAX,
      }),
      control: this.#control,
      defined: () =>
        new Set(
          this.#register.sessions().map(({ protocol, name }) =>
            sessionKey(
              protocol === "fix" ? Protocol.FIX : Protocol.BINARY,
              name,
            )
          ),
        ),
      untilDurable: (sequence) => this.#desk.untilDurable(sequence),
      log: this.#log.child("reload"),
    });
  }

  #makeReplication(): ReplicationDesk | undefined {
    const config = this.#config;
    if (config.replication.role === "none") return undefined;
    return buildReplicationDesk({
      config,
      control: this.#control,
      controlF64: this.#controlF64,
      sequence: () => this.#counters.read(COUNTER.commands_total),
      onFenced: (reason) => {
        this.#log.error("fenced: nothing is acknowledged any more", { reason });
        this.#fail("fenced", reason);
      },
      log: this.#log.child("replication"),
    });
  }

  /** Starts, waits for the ports to open, runs until a signal, stops; returns the exit code. */
  async run(): Promise<number> {
    const stopSignals = this.#listenForSignals();
    try {
      this.#clock.start();
      this.#admin = this.#openAdmin();
      const found = chooseSnapshot(this.#config, this.#log);
      this.#startThreads(
        () => true,
        found === undefined ? {} : {
          snapshot: { path: found.path, sequence: found.meta.sequence },
        },
      );
      this.#devices?.start();
      this.#replication?.start();
      const watchdog = this.#feedWatchdog();
      if (this.#replication !== undefined) await this.#waitAsHalf();
      const ready = await this.#until(() =>
        this.#gatewaysAre(GatewayState.OPEN)
      );
      this.#flight?.start();
      if (ready && !this.#stopping()) {
        this.#announce();
        this.#coreWatch.start();
      }
      await this.#until(() => this.#threadsLeft === 0);
      clearInterval(watchdog);
    } finally {
      this.#flight?.stop();
      this.#clock.stop();
      await this.#replication?.stop(this.#failure === undefined);
      stopSignals();
      this.#coreWatch.stop();
      this.#feed?.stop();
      this.#devices?.stop();
      await this.#admin?.close();
      for (const worker of this.#workers) worker.terminate();
    }
    if (this.#failure !== undefined) {
      this.#log.error("failed", { error: this.#failure });
      return 1;
    }
    closeFile(this.#lock);
    const journal = Atomics.load(this.#control, CONTROL_JOURNAL);
    const clean = journal === JournalState.DONE;
    this.#log.info("stopped", {
      sequence: this.#counters.read(COUNTER.commands_total),
      durable: clean,
    });
    return clean ? 0 : 1;
  }

  #allocate(): MemoryRegion {
    const { hugePages } = this.#config.memory;
    const threads = planThreads(this.#config);
    const core = homeCore(threads);
    const nodes = this.#host.text("/sys/devices/system/node/online");
    announceNodes(threads, parseCores(nodes).length, this.#log);
    const region = onNodeOf(
      core,
      this.#log,
      () => allocate(this.#plan.bytes, { hugePages: hugePages !== "never" }),
    );
    settle([region], core, this.#log);
    if (hugePages === "require" && !region.hugePages) {
      throw new Error(
        `[memory] huge_pages = "require", but: ${region.reason}`,
      );
    }
    if (region.reason !== "") this.#log.debug(region.reason);
    return region;
  }

  /** Starts those threads of the plan whose agents are wanted. */
  #startThreads(
    wanted: (agents: readonly AgentName[]) => boolean,
    begin: Pick<ThreadStart, "snapshot">,
  ): void {
    for (const [index, thread] of planThreads(this.#config).entries()) {
      if (!wanted(thread.agents)) continue;
      const worker = new Worker(import.meta.resolve("./thread.ts"), {
        type: "module",
        name: thread.name,
      });
      const start: ThreadStart = {
        index,
        thread,
        config: this.#reload?.config ?? this.#config,
        plan: this.#plan,
        address: this.#region.address,
        log: this.#log.settings(),
        again: (this.#feed?.health().failures ?? 0) > 0,
        ...begin,
      };
      const failed = (error: string): void => {
        if (thread.agents.includes("feed")) this.#feedFailed(worker, error);
        else this.#fail(thread.name, error);
      };
      worker.onmessage = (event: MessageEvent<ThreadMessage>) => {
        if (event.data.kind === "failed") failed(event.data.error);
        else this.#threadsLeft -= 1;
      };
      worker.onerror = (event) => {
        event.preventDefault();
        failed(event.message);
      };
      worker.postMessage(start);
      this.#workers.add(worker);
      this.#threadsLeft += 1;
    }
  }

  /** Trading does not depend on it. */
  #feedFailed(worker: Worker, error: string): void {
    if (!this.#workers.delete(worker)) return;
    worker.terminate();
    this.#threadsLeft -= 1;
    this.#feed?.failed(error);
  }

  #fail(thread: string, error: string): void {
    this.#failure ??= `${thread}: ${error}`;
  }

  /** Looks at the control words until `reached`; false if something failed or all threads ended. */
  async #until(reached: () => boolean): Promise<boolean> {
    while (!reached()) {
      if (this.#failure !== undefined) return false;
      if (this.#threadsLeft === 0) return false;
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
    return this.#failure === undefined;
  }

  /** A standby, and a primary that waits for one or for the lease, are started as far as the service manager knows. */
  async #waitAsHalf(): Promise<void> {
    const settled = (): boolean => {
      const exchange = Atomics.load(this.#control, CONTROL_EXCHANGE);
      return exchange === ExchangeState.FOLLOWING ||
        exchange === ExchangeState.LIVE || this.#replication!.waits;
    };
    if (!await this.#until(settled) || this.#stopping()) return;
    const { role, epoch } = this.#replication!.health();
    this.#log.info("started", {
      role,
      epoch,
      adminPort: this.#admin?.port ?? 0,
    });
    this.#notify("READY=1");
  }

  #gatewaysAre(state: number): boolean {
    for (let i = 0; i < this.#plan.gateways; i++) {
      if (Atomics.load(this.#control, CONTROL_GATEWAY + i * 16) < state) {
        return false;
      }
    }
    return true;
  }

  #stopping(): boolean {
    return Atomics.load(this.#control, CONTROL_STOP) !== 0;
  }

  #announce(): void {
    const [fixPort, binaryTcpPort, binaryUdpPort] = [0, 1, 2]
      .map((listener) => this.#control[CONTROL_PORTS + listener]!) as [
        number,
        number,
        number,
      ];
    this.#log.info("ready", {
      fixPort,
      binaryTcpPort,
      binaryUdpPort,
      adminPort: this.#admin?.port ?? 0,
      topology: this.#config.topology.mode,
      durability: this.#config.journal.durability,
      hugePages: this.#region.hugePages,
      startMs: Math.round(performance.now() - this.#startedMs),
    });
    this.#notify("READY=1");
  }

  #notify(state: string): void {
    if (state === "READY=1") this.#told = true;
    const socket = Deno.env.get("NOTIFY_SOCKET");
    if (socket !== undefined && socket !== "") notify(socket, state);
  }

  /**
   * Tells the service manager that we live, as long as every thread goes
   * round. Not before it knows that we are ready: the first word would start
   * its clock, and no thread goes round while a slow host warms up. Until then
   * the start's own time limit holds.
   */
  #feedWatchdog(): ReturnType<typeof setInterval> | undefined {
    const periodUs = Number(Deno.env.get("WATCHDOG_USEC") ?? "0");
    if (!(periodUs > 0)) return undefined;
    let last = -1;
    return setInterval(() => {
      const rounds = this.#counters.read(COUNTER.rounds_total);
      if (this.#told && rounds !== last) this.#notify("WATCHDOG=1");
      last = rounds;
    }, periodUs / 3000);
  }

  /** SIGTERM and SIGINT ask for an orderly stop, SIGHUP for a reload; returns what undoes this. */
  #listenForSignals(): () => void {
    const reload = (): void => void this.#askReload();
    Deno.addSignalListener("SIGHUP", reload);
    const stop = (): void => {
      if (this.#stopping()) return;
      this.#log.info("stopping");
      this.#notify("STOPPING=1");
      Atomics.store(this.#control, CONTROL_STOP, 1);
    };
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGINT", stop);
    return () => {
      Deno.removeSignalListener("SIGTERM", stop);
      Deno.removeSignalListener("SIGINT", stop);
      Deno.removeSignalListener("SIGHUP", reload);
    };
  }

  #openAdmin(): AdminServer {
    const { address, port } = this.#config.admin;
    const latency = this.#plan.latency.map((offset) =>
      new SharedHistogram(this.#region.buffer, offset)
    );
    const { page, gauges: state } = buildPage({
      config: this.#config,
      plan: this.#plan,
      memory: this.#region.buffer,
      hugePages: this.#region.hugePages,
      counters: this.#counters,
      latency,
      register: this.#register,
      depth: this.#depth,
      health: () => this.#health(),
      journalLag: () => this.#journalLag(),
      directory: this.#lock,
      log: this.#log,
    });
    const metrics = new Metrics({
      state,
      counters: this.#counters,
      latency,
      gauges: [
        ...this.#coreWatch.gauges(),
        ...gaugesOf({
          plan: this.#plan,
          memory: this.#region.buffer,
          register: this.#register,
          journalLag: () => this.#journalLag(),
          ...(this.#config.snapshot.enabled
            ? { keeperLag: () => this.#keeperLag() }
            : {}),
          pressure: () => Atomics.load(this.#control, CONTROL_PRESSURE),
          isUp: () => this.#status().status === "ok",
          clock: () => this.#clock.state(),
          ...(this.#flight === undefined ? {} : { flight: this.#flight }),
          others: [
            ...this.#feed?.gauges() ?? [],
            ...this.#devices?.gauges() ?? [],
          ],
        }),
      ],
    });
    return serveAdmin(address, port, {
      metrics,
      page,
      health: () => this.#health(),
      book: (symbol) => this.#depth.read(symbol),
      state: () => this.#state(),
      instruments: () => this.#register.instruments(),
      sessions: () => this.#register.sessions(),
      accounts: () => this.#register.accounts(),
      clock: () => this.#clock.state(),
      control: (request) => this.#ask(request),
      promote: (request) => this.#promote(request),
    }, this.#log);
  }

  #askReload(): Promise<OperatorAnswer> {
    const desk = this.#reload;
    if (desk === undefined) return Promise.resolve(NO_FILE);
    return this.#desk.alone(() => desk.reload());
  }

  /** What concerns the pair or the file is not the exchange's alone. */
  #ask(request: unknown): Promise<OperatorAnswer> {
    const asked = (typeof request === "object" ? request : null) as
      | Readonly<Record<string, unknown>>
      | null;
    if (asked?.command === "reload") return this.#askReload();
    if (asked?.command !== "replication") return this.#desk.ask(request);
    return this.#replication?.setMode(asked.mode) ?? NO_PAIR;
  }

  #promote(request: unknown): Promise<OperatorAnswer> {
    return this.#replication?.promote(request) ?? NO_PAIR;
  }

  /** Whether orders are taken, and if not, why. */
  #status(): Pick<Health, "status"> & { readonly reason?: string } {
    const journal = Atomics.load(this.#control, CONTROL_JOURNAL);
    const exchange = Atomics.load(this.#control, CONTROL_EXCHANGE);
    const pressure = Atomics.load(this.#control, CONTROL_PRESSURE);
    const open = this.#gatewaysAre(GatewayState.OPEN);
    const status = this.#replication?.fenced === true
      ? "fenced"
      : this.#failure !== undefined || journal === JournalState.FAILED
      ? "failed"
      : this.#stopping()
      ? "draining"
      : exchange === ExchangeState.FOLLOWING
      ? "standby"
      : exchange === ExchangeState.LIVE &&
          this.#isDegraded(this.#replication?.health())
      ? "degraded"
      : exchange === ExchangeState.LIVE && open
      ? pressure === Reason.NONE ? "ok" : "degraded"
      : "recovering";
    if (pressure === Reason.NONE) return { status };
    return { status, reason: REASON_TEXT[pressure] ?? `reason ${pressure}` };
  }

  #health(): Health {
    const feed = this.#feed?.health();
    const devices = this.#devices?.health();
    const pair = this.#replication?.health();
    const orders = this.#status();
    // Orders are taken, but something beside them is not as it should be.
    const trouble = [
      ...feed?.status === "down" ? [`market data is down: ${feed.error}`] : [],
      ...(devices ?? []).filter(({ link }) => link === "down")
        .map(({ device }) => `the link of ${device} is down`),
    ];
    return {
      ...(orders.status === "ok" && trouble.length > 0
        ? { status: "degraded", reason: trouble.join("; ") }
        : orders),
      name: this.#config.appliance.name,
      sequence: this.#counters.read(COUNTER.commands_total),
      ordersOpen: this.#counters.read(COUNTER.orders_open),
      journalLag: this.#journalLag(),
      ...(this.#config.snapshot.enabled ? { snapshot: this.#snapshot() } : {}),
      durability: this.#config.journal.durability,
      topology: this.#config.topology.mode,
      ...(pair === undefined ? {} : { replication: pair }),
      ...(feed === undefined ? {} : { feed }),
      ...(devices === undefined ? {} : { devices }),
      hugePages: this.#region.hugePages,
      clock: this.#clock.state().text,
      uptimeS: Math.round((performance.now() - this.#startedMs) / 1000),
    };
  }

  /** The newest snapshot of this run; sequence 0 = none yet. */
  #snapshot(): Record<string, number> {
    const read = (counter: number): number => this.#counters.read(counter);
    return {
      sequence: read(COUNTER.snapshot_sequence),
      takenS: Math.floor(read(COUNTER.snapshot_timestamp_seconds)),
      bytes: read(COUNTER.snapshot_bytes),
      ms: read(COUNTER.snapshot_ms),
      failures: read(COUNTER.snapshot_failures_total),
      keeperLag: this.#keeperLag(),
    };
  }

  /** Commands that are sequenced and not computed again. */
  #keeperLag(): number {
    const sequence = this.#counters.read(COUNTER.commands_total);
    const keeper = this.#counters.read(COUNTER.keeper_sequence);
    return Math.max(0, sequence - keeper);
  }

  /** Primary, and nothing is acknowledged because there is no standby. */
  #isDegraded(pair: ReplicationHealth | undefined): boolean {
    return this.#config.journal.durability === "replicated" &&
      pair?.connected === false && !pair.alone;
  }

  /** Commands that are sequenced and not durable. */
  #journalLag(): number {
    const sequence = this.#counters.read(COUNTER.commands_total);
    const durable = Atomics.load(this.#control, CONTROL_DURABLE);
    const lag = ((sequence % 4294967296) - durable) | 0;
    return Math.max(0, lag);
  }

  /** Asks the exchange for its state hash, between two commands. */
  async #state(): Promise<unknown> {
    const request = Atomics.add(this.#control, CONTROL_HASH_REQUEST, 1) + 1;
    const deadline = performance.now() + HASH_WAIT_MS_MAX;
    while (
      ((Atomics.load(this.#control, CONTROL_HASH_ANSWER) - request) | 0) < 0
    ) {
      if (performance.now() > deadline) {
        return {
          error: "The exchange did not answer: it is recovering or has stopped",
        };
      }
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
    const at = CONTROL_HASH_VALUE >>> 1;
    const word = (i: number): string =>
      this.#controlF64[at + i]!.toString(16).padStart(8, "0");
    return {
      sequence: this.#controlF64[at]!,
      stateHash: [1, 2, 3, 4].map(word).join(""),
      engineHeapBytes: this.#controlF64[at + 5]!,
    };
  }
}
