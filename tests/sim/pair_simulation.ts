// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A simulation of two appliances: primary and standby, with a lease, a network
 * between them that parts, and clients that go to whoever serves them.
 *
 * ```
 *   clients ─▶ primary ─▶ disk           kill, power cut, freeze, failing disk
 *                 └─link─▶ standby ─▶ disk      parted: link, lease
 * ```
 *
 * The same seed gives the same log, byte for byte.
 *
 * @module
 */
import { FollowError } from "../../engine/replication/mod.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { Random } from "../oracle/random.ts";
import { BinarySimClient } from "./binary_client.ts";
import { ExpectedStreams } from "./expected_streams.ts";
import { FixSimClient } from "./fix_client.ts";
import { journalImage, type Record as JournalRecord } from "./journal_image.ts";
import { Ledger } from "./ledger.ts";
import { checkReplay } from "./replay_check.ts";
import { BINARY_NUMBERS, FIX_NAMES } from "./sim_config.ts";
import type { SimClient } from "./sim_client.ts";
import { SimClock } from "./sim_clock.ts";
import { newLease } from "./sim_desk.ts";
import { LinkNetwork } from "./sim_links.ts";
import { SimLog } from "./sim_log.ts";
import { SimNetwork } from "./sim_network.ts";
import { SimNode } from "./sim_node.ts";
import { PAIR_AGENTS, Stuck } from "./sim_process.ts";
import { mix, type SimulationResult } from "./simulation.ts";
import { Violation } from "./violation.ts";

/** What to simulate. */
export interface PairOptions {
  readonly seed: number;
  readonly steps: number;
  readonly onLine?: (line: string) => void;
  /** Done after each step of an agent: something broken on purpose. */
  readonly sabotage?: (node: SimNode) => void;
}

const FAULTS = [
  "kill",
  "kill",
  "power cut",
  "freeze",
  "part the link",
  "part from the lease",
  "sync error",
  "write error",
  "clock jump",
  "cut",
] as const;
const END_STEPS_MAX = 150_000;
const CHECK_STEPS = 1500;
/** Steps after which somebody ends a process whose journal has failed. */
const FAILED_STEPS = 600;

/** One simulation of a pair; see the module's text. */
export class PairSimulation {
  readonly clock = new SimClock();
  readonly random: Random;
  readonly network: SimNetwork;
  readonly links: LinkNetwork;
  readonly nodes: readonly SimNode[];
  readonly clients: readonly SimClient[];
  readonly log: SimLog;
  readonly counts = new Map<string, number>();
  readonly #options: PairOptions;
  readonly #synced: boolean;
  readonly #faultOneIn: number;
  #step = 0;
  #healAt = 0;
  #checkDue = 0;
  #ending = false;
  #stopping = false;

  constructor(options: PairOptions) {
    const { seed } = options;
    this.#options = options;
    this.random = new Random(mix(seed, 1));
    this.#synced = this.random.draw(3) !== 0;
    this.#faultOneIn = 300 + this.random.draw(1500);
    this.log = new SimLog(options.onLine);
    this.network = new SimNetwork(new Random(mix(seed, 4)));
    this.network.faults.lose = 20;
    this.links = new LinkNetwork(new Random(mix(seed, 5)));
    const world = {
      seed,
      localDurability: this.#synced ? "synced" : "written",
      clock: this.clock,
      network: this.network,
      links: this.links,
      lease: newLease(),
      onLine: (node: number, line: string) => this.#say(`log${node}`, line),
    };
    this.nodes = [new SimNode(0, world), new SimNode(1, world)];
    this.clients = this.#makeClients(seed);
    this.#say("plan", `${world.localDurability}, faults 1/${this.#faultOneIn}`);
  }

  /** Runs to the end. @throws {Violation} If a promise is broken. */
  run(): SimulationResult {
    try {
      while (this.#step < this.#options.steps) this.#next();
      this.#finish();
    } finally {
      for (const node of this.nodes) node.drop();
    }
    for (const { disk } of this.nodes) {
      for (const [what, count] of disk.counts) this.#add(what, count);
    }
    return {
      steps: this.#step,
      commands: journalImage(this.nodes[0]!.disk, "cached").length,
      restarts: this.nodes[0]!.starts + this.nodes[1]!.starts,
      digest: this.log.digest,
      counts: this.counts,
    };
  }

  #makeClients(seed: number): SimClient[] {
    const { network, clock } = this;
    const world = (place: number) => ({
      network,
      clock,
      random: new Random(mix(seed, 10 + place)),
      resets: false,
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

  #next(): void {
    this.#step++;
    const { random } = this;
    for (const node of this.nodes) {
      if (node.process === undefined && !this.#stopping) {
        if (this.#step >= node.startAt) this.#start(node);
      }
      if (node.frozen > 0) node.frozen--;
    }
    if (this.#step === this.#healAt) this.#heal();
    if (!this.#ending && random.draw(this.#faultOneIn) === 0) this.#fault();
    const node = random.pick(this.nodes);
    const k = random.draw(100);
    if (k < 56) this.#stepAgent(node);
    else if (k < 63) node.process?.files.tick();
    else if (k < 70) this.network.step();
    else if (k < 76) this.links.step();
    else if (k < 80) this.#stepDesk(node);
    else if (k < 93) {
      const client = random.pick(this.clients);
      const what = client.act();
      if (what !== "") this.#say(client.name, what);
    } else this.clock.pass(random.draw(4) === 0 ? random.draw(4e7) : 1e5);
    this.#watch();
  }

  #stepAgent(node: SimNode): void {
    const { process } = node;
    if (process === undefined || node.frozen > 0) return;
    const name = this.random.pick(PAIR_AGENTS);
    try {
      const work = process.step(name);
      this.#options.sabotage?.(node);
      if (work > 0) {
        this.#say(
          `${name}${node.index}`,
          `${work}, sequence ${process.sequence}, durable ${process.durable}`,
        );
      }
    } catch (error) {
      this.#ended(node, error);
    }
  }

  #stepDesk(node: SimNode): void {
    if (node.desk === undefined || node.frozen > 0) return;
    const done = node.desk.step(this.clock.monotonicNs);
    if (done === "") return;
    this.#say(`desk${node.index}`, done);
    this.#add(done.replace(/ of epoch.*/, ""));
    if (done === "fenced") this.#drop(node, 50);
  }

  #start(node: SimNode): void {
    this.#say(`node${node.index}`, "start");
    try {
      node.start();
    } catch (error) {
      this.#ended(node, error);
    }
  }

  #drop(node: SimNode, after: number): void {
    this.#checkCopies(`process ${node.index} ends`);
    node.drop();
    node.startAt = this.#step + 1 + this.random.draw(1 + after);
  }

  /** An agent threw: the process ends. */
  #ended(node: SimNode, error: unknown): void {
    if (error instanceof Violation) throw error;
    const text = error instanceof Error ? error.message : String(error);
    this.#say(`node${node.index}`, `ends: ${text}`);
    if (error instanceof FollowError) {
      this.#add("journal given up");
      this.#drop(node, 50);
      node.giveUp();
      return;
    }
    const told = error instanceof NativeError || error instanceof Stuck ||
      text.includes("The journal failed while");
    if (!told) {
      const stack = error instanceof Error ? error.stack ?? text : text;
      throw new Violation("crash", stack);
    }
    this.#drop(node, 50);
  }

  // Faults.

  #fault(): void {
    const { random } = this;
    const kind = random.pick(FAULTS);
    const node = random.pick(this.nodes);
    this.#say("fault", `${kind} ${node.index}`);
    const { faults } = node.disk;
    switch (kind) {
      case "kill":
        return this.#crash(node, false);
      case "power cut":
        return this.#crash(node, this.#synced);
      case "freeze":
        node.frozen = random.draw(9000);
        return this.#add("freeze");
      case "part the link":
        this.links.parted = true;
        this.#healAt = this.#step + 1 + random.draw(4000);
        return this.#add("link parted");
      case "part from the lease":
        if (node.desk !== undefined) node.desk.reachable = false;
        this.#healAt = this.#step + 1 + random.draw(8000);
        return this.#add("lease parted");
      case "sync error":
        faults.sync = -5;
        return;
      case "write error":
        faults.write = -5;
        return;
      case "clock jump":
        this.clock.jump((random.draw(400) - 150) * 1e9);
        return this.#add("clock jump");
      case "cut": {
        const open = this.network.connections.filter((one) => !one.reset);
        if (open.length > 0) this.network.cut(random.pick(open));
      }
    }
  }

  #heal(): void {
    this.#say("world", "the networks heal");
    this.links.parted = false;
    for (const { desk } of this.nodes) {
      if (desk !== undefined) desk.reachable = true;
    }
  }

  #crash(node: SimNode, power: boolean): void {
    if (node.process === undefined) return;
    const what = node.leads ? "primary" : node.follows ? "standby" : "start";
    this.#add(`${power ? "power cut" : "kill"} of a ${what}`);
    this.#drop(node, this.random.draw(4) === 0 ? 6000 : 200);
    if (power) node.disk.powerCut();
  }

  // Checks.

  #watch(): void {
    for (const node of this.nodes) {
      const { process } = node;
      if (process?.failed !== true) continue;
      // Somebody looks at the health page.
      if (this.random.draw(FAILED_STEPS) !== 0) continue;
      this.#add("journal failed");
      this.#drop(node, 50);
    }
    if (this.#step < this.#checkDue) return;
    const leader = this.nodes.find((node) => node.leads);
    if (leader === undefined || leader.frozen > 0) return;
    const process = leader.process!;
    const isQuiet = process.durable === (process.sequence | 0) &&
      !process.failed;
    if (!isQuiet) return;
    this.#checkDue = this.#step + CHECK_STEPS;
    this.#checkLeader(leader);
    this.#checkCopies("while running");
    this.#checkPair();
  }

  #checkLeader(leader: SimNode): void {
    const process = leader.process!;
    const records = journalImage(leader.disk, "cached");
    if (records.length !== process.sequence) {
      throw new Violation(
        "durable",
        `${records.length} commands are in the primary's journal, ${process.sequence} are said to be durable`,
      );
    }
    const expected = this.#expected(leader, records);
    const hash = process.exchange.stateHash();
    checkReplay(leader.config, records, expected, hash);
    for (const { received } of this.clients) {
      expected.check(received, "durable", "primary");
    }
    this.#say("check", `primary: ${records.length} commands`);
    this.#add("primary checked");
  }

  /**
   * An acknowledgement needs both machines: what clients were told is on each,
   * whatever happens to the other. One that was given up has to catch up first.
   */
  #checkCopies(when: string): void {
    for (const node of this.nodes) {
      const which = this.#synced ? "stored" : "cached";
      const expected = this.#expected(node, journalImage(node.disk, which));
      try {
        for (const { received } of this.clients) {
          expected.check(received, "durable", `${when}, machine ${node.index}`);
        }
        node.whole = true;
        this.#add("copy checked");
      } catch (error) {
        if (node.whole) throw error;
      }
    }
  }

  /** Primary and standby agree on every command that both have, and on the state. */
  #checkPair(): void {
    const [one, other] = this.nodes.map(({ disk }) =>
      journalImage(disk, "cached")
    ) as [JournalRecord[], JournalRecord[]];
    const standby = this.nodes.find((node) => node.isWelcome);
    const leader = this.nodes.find((node) => node.leads);
    if (standby === undefined || leader === undefined) return;
    const { process } = standby;
    if (process!.sequence !== leader.process!.sequence) return;
    const hash = process!.exchange.stateHash();
    if (hash !== leader.process!.exchange.stateHash()) {
      throw new Violation(
        "pair",
        `at sequence ${
          process!.sequence
        } primary and standby have different states`,
      );
    }
    for (let at = 0; at < Math.min(one.length, other.length); at++) {
      if (isSame(one[at]!, other[at]!)) continue;
      throw new Violation(
        "pair",
        `command ${at + 1} is another in each journal`,
      );
    }
    this.#add("pair agrees");
  }

  #expected(
    node: SimNode,
    records: readonly JournalRecord[],
  ): ExpectedStreams {
    const { orders, specialOrders, accounts } = node.config.capacity;
    return new ExpectedStreams(records, {
      ordersMax: orders,
      specialMax: specialOrders,
      accountsMax: accounts + 1,
    });
  }

  // The end.

  #finish(): void {
    this.#ending = true;
    this.#say("world", "the end begins");
    this.network.faults.lose = 0;
    this.#heal();
    for (const node of this.nodes) {
      node.frozen = 0;
      node.disk.faults.write = node.disk.faults.sync = 0;
    }
    for (const client of this.clients) client.verify();
    const last = this.#step + END_STEPS_MAX;
    while (!this.#allIsTold()) {
      if (this.#step >= last) {
        const states = this.nodes.map((node) =>
          `machine ${node.index}: role ${node.role}, sequence ${node.process?.sequence}, durable ${node.process?.durable}`
        );
        throw new Violation(
          "progress",
          `not everything comes again: ${
            [...states, ...this.clients.map(({ status }) => status)].join("; ")
          }`,
        );
      }
      this.#next();
    }
    this.#checkDue = 0;
    this.#checkPair();
    const ledger = new Ledger();
    for (const { received } of this.clients) {
      ledger.add(received);
      this.#add("messages", received.highest);
      this.#add("repeats", received.repeats);
    }
    ledger.checkTrades();
    this.#add("fills", ledger.fills);
    this.#checkCopies("at the end");
  }

  /** Everybody got everything once more, and the standby has it all. */
  #allIsTold(): boolean {
    if (this.#step % 200 !== 0) return false;
    if (!this.clients.every((client) => client.verified)) return false;
    const leader = this.nodes.find((node) => node.leads);
    const standby = this.nodes.find((node) => node.follows);
    if (leader?.process?.sequence !== standby?.process?.sequence) return false;
    if (leader === undefined) return false;
    const expected = this.#expected(
      leader,
      journalImage(leader.disk, "cached"),
    );
    return this.clients.every(({ received }) =>
      received.whole === received.highest &&
      received.highest === expected.last(received)
    );
  }
}

/** The same command, whatever group each machine's journal put it into. */
function isSame(one: JournalRecord, other: JournalRecord): boolean {
  return one.length === other.length &&
    one.every((byte, at) =>
      at < 4 || at === 38 || at === 39 || byte === other[at]
    );
}
