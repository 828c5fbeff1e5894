// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One simulation: an appliance that is killed and started again, its disk and
 * network, its clients, its operator, and the checkers, driven by one seed.
 *
 * ```
 *   seed ─▶ scheduler ─▶ gateway | exchange | journal | disk | network | client | operator | clock
 *                  └───▶ faults: kill, power cut, disk, network, clock ─▶ restart ─▶ checkers
 * ```
 *
 * The same seed gives the same log, byte for byte.
 *
 * @module
 */
import type { Config } from "../../engine/config/mod.ts";
import { JournalDamageError } from "../../engine/journal/mod.ts";
import { Reason } from "../../engine/record/mod.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { Random } from "../oracle/random.ts";
import { BinarySimClient } from "./binary_client.ts";
import { ExpectedStreams } from "./expected_streams.ts";
import { type FaultKind, type Plan, planFor } from "./fault_plan.ts";
import { FixSimClient } from "./fix_client.ts";
import { journalImage, type Record as JournalRecord } from "./journal_image.ts";
import { Ledger } from "./ledger.ts";
import { randomRequest } from "./operator.ts";
import { checkReplay } from "./replay_check.ts";
import type { Sabotage } from "./sabotage.ts";
import { BINARY_NUMBERS, FIX_NAMES, simConfig } from "./sim_config.ts";
import type { SimClient } from "./sim_client.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimLog } from "./sim_log.ts";
import { SimNetwork } from "./sim_network.ts";
import { AGENTS, SimProcess, Stuck } from "./sim_process.ts";
import { Violation } from "./violation.ts";

/** What to simulate. */
export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  /** What is broken on purpose, to see that it is noticed. */
  readonly sabotage?: Sabotage;
  /** Called with each line of the log. */
  readonly onLine?: (line: string) => void;
  /** Changes of what the seed plans. */
  readonly plan?: Partial<Plan>;
}

/** How a simulation went. */
export interface SimulationResult {
  readonly steps: number;
  readonly commands: number;
  readonly restarts: number;
  readonly digest: string;
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Steps after the last fault until everything must have come to its end. */
const END_STEPS_MAX = 60_000;
/** Steps between two checks of a quiet moment, about. */
const CHECK_STEPS = 1500;
/** Steps after which an error of the disk must show. */
const FAILURE_STEPS_MAX = 2000;

/** One simulation; see the module's text. */
export class Simulation {
  readonly plan: Plan;
  readonly clock = new SimClock();
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  readonly clients: SimClient[];
  readonly log: SimLog;
  readonly counts = new Map<string, number>();
  process: SimProcess | undefined;
  /** The scheduler's, for what is broken on purpose. */
  readonly random: Random;
  readonly #options: SimulationOptions;
  readonly #config: Config;
  readonly #storeDirectory: string | undefined;
  #step = 0;
  /** Step at which a process that is gone is started again. */
  #startAt = 0;
  #restarts = 0;
  #checkedLive = false;
  #checkDue = 0;
  /** What was durable when the journal failed. */
  #atFailure: JournalRecord[] | undefined;
  /** Step at which the disk told the journal of an error; 0 = it did not. */
  #errorAt = 0;
  #errorsSeen = 0;
  #pressureSeen = 0;
  #ending = false;

  constructor(options: SimulationOptions) {
    const { seed } = options;
    this.#options = options;
    this.random = new Random(mix(seed, 1));
    this.plan = { ...planFor(new Random(mix(seed, 2))), ...options.plan };
    this.log = new SimLog(options.onLine);
    this.disk = new SimDisk(new Random(mix(seed, 3)));
    this.network = new SimNetwork(new Random(mix(seed, 4)));
    this.network.faults.lose = this.plan.loseOneIn;
    this.network.faults.duplicate = this.plan.duplicateOneIn;
    this.disk.faults.tearSectors = this.plan.tearSectors;
    this.disk.faults.syncTicksMax = this.plan.syncTicksMax;
    this.#storeDirectory = this.plan.storesInFiles
      ? Deno.makeTempDirSync({ prefix: "ferrule-sim-" })
      : undefined;
    this.#config = simConfig(
      this.plan.durability,
      this.#storeDirectory ?? "none",
    );
    this.clients = this.#makeClients(seed);
    this.log.add(0, "plan", JSON.stringify(this.plan));
  }

  /** Runs to the end. @throws {Violation} If a promise is broken. */
  run(): SimulationResult {
    try {
      const { steps } = this.#options;
      while (this.#step < steps) this.#next();
      this.#finish();
    } finally {
      this.process?.drop();
      if (this.#storeDirectory !== undefined) {
        Deno.removeSync(this.#storeDirectory, { recursive: true });
      }
    }
    for (const counts of [this.disk.counts, this.network.counts]) {
      for (const [what, count] of counts) this.#add(what, count);
    }
    return {
      steps: this.#step,
      commands: journalImage(this.disk, "cached").length,
      restarts: this.#restarts,
      digest: this.log.digest,
      counts: this.counts,
    };
  }

  #makeClients(seed: number): SimClient[] {
    const { network, clock, plan } = this;
    const world = (place: number) => ({
      network,
      clock,
      random: new Random(mix(seed, 10 + place)),
      resets: plan.resets,
    });
    return [
      ...FIX_NAMES.map((name, i) => new FixSimClient(name, world(i))),
      ...BINARY_NUMBERS.map((session, i) =>
        new BinarySimClient({
          session,
          link: i === 1 ? "udp" : "tcp",
          version: i === 2 ? 1 : 2,
        }, world(5 + i))
      ),
    ];
  }

  #add(what: string, count = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + count);
  }

  #say(who: string, what: string): void {
    this.log.add(this.#step, who, what);
  }

  /** One step of the scheduler. */
  #next(): void {
    this.#step++;
    const { random } = this;
    if (this.process === undefined) {
      if (this.#step >= this.#startAt) this.#start();
    } else if (!this.#ending && random.draw(this.plan.faultOneIn) === 0) {
      this.#fault(random.pick(this.plan.faults));
    }
    this.#act(random.draw(100));
    this.#watch();
  }

  #act(k: number): void {
    const { random } = this;
    if (k < 42) return this.#stepAgent(random.pick(AGENTS));
    if (k < 50) return this.process?.files.tick();
    if (k < 62) {
      const moved = this.network.step();
      if (moved > 0) this.#say("network", `${moved}`);
      return;
    }
    if (k < 92) {
      const client = random.pick(this.clients);
      const what = client.act();
      if (what !== "") this.#say(client.name, what);
      return;
    }
    if (k < 99) {
      this.clock.pass(random.draw(4) === 0 ? random.draw(4e7) : 1e5);
      return;
    }
    if (this.process?.open === true && !this.#ending && random.draw(4) === 0) {
      const request = randomRequest(random);
      const commands = this.process.ask(request);
      if (commands > 0) this.#say("operator", JSON.stringify(request));
    }
  }

  #stepAgent(name: typeof AGENTS[number]): void {
    const { process } = this;
    if (process === undefined) return;
    try {
      const before = process.durable;
      const work = process.step(name);
      this.#options.sabotage?.afterStep?.(this, name);
      if (work > 0) {
        const durable = process.durable === before
          ? ""
          : `, durable ${process.durable}`;
        this.#say(name, `${work}, sequence ${process.sequence}${durable}`);
      }
    } catch (error) {
      this.#ended(error);
    }
  }

  // Starts and ends of processes.

  #start(): void {
    this.#say("world", "start");
    this.#checkedLive = false;
    this.#errorAt = 0;
    this.#errorsSeen = this.#diskErrors();
    try {
      this.process = new SimProcess({
        config: this.#config,
        clock: this.clock,
        disk: this.disk,
        network: this.network,
        random: new Random(mix(this.#options.seed, 100 + this.#restarts)),
        storeDirectory: this.#storeDirectory,
        onLine: (line) => this.#say("log", line),
      });
      this.#options.sabotage?.onStart?.(this);
      this.#restarts++;
    } catch (error) {
      this.#ended(error);
    }
  }

  /** The process ends, whatever it still wanted. */
  #drop(after: number): void {
    this.#checkFailure("the process ends");
    this.process?.drop();
    this.process = undefined;
    this.#atFailure = undefined;
    this.#startAt = this.#step + 1 + after;
  }

  /** An agent threw: as the process would, it ends. */
  #ended(error: unknown): void {
    if (error instanceof Violation) throw error;
    const text = error instanceof Error ? error.message : String(error);
    this.#say("world", `the process ends: ${text}`);
    if (error instanceof JournalDamageError) return this.#damaged(error);
    const told = error instanceof NativeError ||
      text.includes("The journal failed while");
    if (error instanceof Stuck) this.#add("stuck after a failed journal");
    else if (told) this.#add("start refused by the disk");
    else {
      throw new Violation(
        "crash",
        error instanceof Error ? error.stack ?? text : text,
      );
    }
    this.disk.faults.capacityBytes = Infinity;
    this.#drop(this.random.draw(50));
  }

  /**
   * The journal can not be trusted, says the appliance: right only if the disk
   * did what no disk may. The disk is put right, as from a second copy.
   */
  #damaged(error: JournalDamageError): void {
    const { misdirection, torn } = this.disk;
    if (misdirection === undefined && !torn) {
      throw new Violation("damage", `refused a good disk: ${error.message}`);
    }
    if (this.#options.sabotage?.onDamage?.(this, error) === true) {
      return this.#drop(1);
    }
    this.#add(
      misdirection === undefined ? "torn sector refused" : "damage refused",
    );
    this.#drop(1);
    this.disk.restore();
  }

  /** Nothing is acknowledged that was not durable when the power went. */
  #crash(power: boolean): void {
    const { process } = this;
    if (process === undefined) return;
    const recovering = process.live ? "" : " while recovering";
    this.#say("world", power ? "power cut" : "kill");
    this.#add((power ? "power cut" : "kill") + recovering);
    const synced = this.plan.durability === "synced";
    if (process.live && this.#atFailure === undefined) {
      this.#checkClients(
        journalImage(this.disk, synced ? "stored" : "cached"),
        "durable",
        "at a crash",
      );
    }
    this.#drop(this.random.draw(power ? 200 : 100));
    if (power) {
      this.disk.powerCut();
      this.#options.sabotage?.onPowerCut?.(this);
      this.#judgeMisdirection();
    }
  }

  /**
   * After a power cut a misdirected write shows. If the group was the last one
   * of its file, nothing on this disk can tell that it is missing: only a
   * second copy can, and so the disk is put right.
   */
  #judgeMisdirection(): void {
    const { misdirection } = this.disk;
    if (misdirection === undefined || misdirection.followed) return;
    this.#add("misdirected tail, not to be seen");
    this.disk.restore();
  }

  // Faults.

  #fault(kind: FaultKind): void {
    const { random } = this;
    const { faults } = this.disk;
    if (kind !== "kill" && kind !== "power cut") this.#say("fault", kind);
    switch (kind) {
      case "kill":
        return this.#crash(false);
      case "power cut":
        return this.#crash(true);
      case "stop":
        if (this.process?.open === true) {
          this.process.stop();
          this.#add("stop in order");
        }
        return;
      case "write error":
        faults.write = random.draw(3) === 0 ? -28 : -5;
        return;
      case "sync error":
        faults.sync = -5;
        return;
      case "create error":
        faults.create = -5;
        return;
      case "disk full":
        faults.capacityBytes = faults.capacityBytes === Infinity
          ? this.disk.usedBytes
          : Infinity;
        return;
      case "slow disk":
        faults.syncTicksMax = random.draw(2) === 0
          ? this.plan.syncTicksMax
          : 60;
        this.#add("slow disk");
        return;
      case "misdirected write":
        faults.misdirect = true;
        return;
      case "clock jump":
        this.clock.jump((random.draw(400) - 150) * 1e9);
        this.#add("clock jump");
        return;
      case "cut": {
        const open = this.network.connections.filter((one) => !one.reset);
        if (open.length > 0) this.network.cut(random.pick(open));
        return;
      }
      case "deaf client":
        random.pick(this.clients).deaf = random.draw(600);
        this.#add("deaf client");
        return;
    }
  }

  // Checks.

  /** Looks after every step for what must be checked now. */
  #watch(): void {
    const { process } = this;
    if (process === undefined) return;
    if (process.done) return this.#stopped();
    this.#watchFailure(process);
    this.#watchPressure(process);
    if (!process.live || process.failed || process.stopping) return;
    const quiet = process.durable === (process.sequence | 0);
    if (!quiet) return;
    if (!this.#checkedLive) {
      this.#checkedLive = true;
      this.disk.torn = false;
      this.#add("recovery checked");
      this.#checkQuiet("after a start");
    } else if (this.#step >= this.#checkDue) this.#checkQuiet("while running");
  }

  #stopped(): void {
    this.#say("world", "stopped in order");
    this.#add("stopped in order");
    this.#checkClients(
      journalImage(
        this.disk,
        this.plan.durability === "synced" ? "stored" : "cached",
      ),
      "durable",
      "after a stop",
    );
    this.#drop(this.random.draw(50));
  }

  /** Everything that was sequenced is in the journal's files: nothing may differ anywhere. */
  #checkQuiet(when: string): void {
    this.#checkDue = this.#step + CHECK_STEPS;
    const process = this.process!;
    const records = journalImage(this.disk, "cached");
    if (records.length !== process.sequence) {
      throw new Violation(
        "durable",
        `${when}: ${records.length} commands are in the journal, ${process.sequence} are said to be durable`,
      );
    }
    const expected = this.#expected(records);
    checkReplay(
      this.#config,
      records,
      expected,
      process.exchange.stateHash(),
    );
    this.#checkAgainst(expected, "durable", when);
    this.#say("check", `${when}: ${records.length} commands`);
  }

  #expected(records: readonly JournalRecord[]): ExpectedStreams {
    const { orders, specialOrders, accounts } = this.#config.capacity;
    const changed = this.#options.sabotage?.records?.(records) ?? records;
    return new ExpectedStreams(changed, {
      ordersMax: orders,
      specialMax: specialOrders,
      accountsMax: accounts + 1,
    });
  }

  #checkClients(
    records: readonly JournalRecord[],
    checker: "durable" | "failure",
    when: string,
  ): void {
    this.#checkAgainst(this.#expected(records), checker, when);
  }

  #checkAgainst(
    expected: ExpectedStreams,
    checker: "durable" | "failure",
    when: string,
  ): void {
    if (this.#options.sabotage?.unjudged === true) return;
    for (const { received } of this.clients) {
      expected.check(received, checker, when);
    }
  }

  #diskErrors(): number {
    const { counts } = this.disk;
    return (counts.get("failed write") ?? 0) + (counts.get("failed sync") ?? 0);
  }

  /** Counts how often the disk kept new orders out. */
  #watchPressure(process: SimProcess): void {
    const { pressure } = process;
    if (pressure === this.#pressureSeen) return;
    this.#pressureSeen = pressure;
    if (pressure === Reason.JOURNAL_FULL) this.#add("journal full");
    else if (pressure === Reason.JOURNAL_SLOW) this.#add("journal slow");
    else this.#add("pressure over");
  }

  /** After an error of the disk the journal has failed, and stays so. */
  #watchFailure(process: SimProcess): void {
    const errors = this.#diskErrors();
    if (errors > this.#errorsSeen && this.#errorAt === 0) {
      this.#errorAt = this.#step;
    }
    this.#errorsSeen = errors;
    if (process.failed && this.#atFailure === undefined) {
      this.#say("world", "the journal has failed");
      this.#add("journal failed");
      this.#atFailure = journalImage(
        this.disk,
        this.plan.durability === "synced" ? "stored" : "cached",
      );
      this.#errorAt = this.#step;
    }
    if (this.#errorAt === 0) return;
    const since = this.#step - this.#errorAt;
    if (this.#atFailure !== undefined && !process.failed) {
      throw new Violation("failure", "the health turned good again");
    }
    if (this.#atFailure === undefined && since > FAILURE_STEPS_MAX) {
      throw new Violation("failure", "an error of the disk did not show");
    }
    if (this.#atFailure === undefined) return;
    // Somebody looks at the health page, and does something about it.
    if (since > 400 && this.random.draw(100) === 0) {
      this.disk.faults.capacityBytes = Infinity;
      const how = this.random.draw(3);
      if (how === 0 && !process.stopping) process.stop();
      else this.#crash(how === 1 && this.plan.durability === "synced");
    }
  }

  /** Nothing was acknowledged but what was durable when the journal failed. */
  #checkFailure(when: string): void {
    if (this.#atFailure === undefined) return;
    this.#checkClients(this.#atFailure, "failure", `${when} after a failure`);
    this.#add("failure checked");
  }

  // The end.

  /** No more faults: everybody gets everything once more, and the appliance stops in order. */
  #finish(): void {
    this.#ending = true;
    this.#say("world", "the end begins");
    this.network.faults.lose = this.network.faults.duplicate = 0;
    const { faults } = this.disk;
    faults.write = faults.sync = faults.create = 0;
    faults.misdirect = false;
    faults.capacityBytes = Infinity;
    for (const client of this.clients) client.verify();
    const last = this.#step + END_STEPS_MAX;
    while (!this.#allIsTold()) {
      if (this.#step >= last) {
        throw new Violation(
          "stream",
          `not everything comes again: ${
            this.clients.map(({ status }) => status).join("; ")
          }`,
        );
      }
      this.#next();
    }
    this.#checkLedger();
    this.#stopInOrder(last);
    this.#checkClients(
      journalImage(this.disk, "stored"),
      "durable",
      "at the end",
    );
  }

  /** Everybody got everything once more, and nothing is on its way. */
  #allIsTold(): boolean {
    if (this.#step % 100 !== 0) return false;
    if (!this.clients.every((client) => client.verified)) return false;
    const expected = this.#expected(journalImage(this.disk, "cached"));
    return this.clients.every(({ received }) =>
      received.whole === received.highest &&
      received.highest === expected.last(received)
    );
  }

  #checkLedger(): void {
    const ledger = new Ledger();
    for (const { received } of this.clients) {
      ledger.add(received);
      this.#add("messages", received.highest);
      this.#add("repeats", received.repeats);
    }
    const whole = this.clients.every(({ received }) =>
      received.generation === 0
    );
    if (whole) ledger.checkTrades();
    this.#add("fills", ledger.fills);
  }

  #stopInOrder(last: number): void {
    for (let asked = false; this.#step < last;) {
      this.#next();
      if (asked && this.process === undefined) return;
      if (!asked && this.process?.open === true) {
        this.process.stop();
        asked = true;
      }
    }
    throw new Violation("progress", "it does not stop");
  }
}

/** A seed for one part, from the seed of all. */
export function mix(seed: number, part: number): number {
  let x = (seed * 0x9e3779b1 + part * 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
