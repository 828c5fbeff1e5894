// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The keeper over a journal on disk: it follows, takes snapshots, waits for a
 * disk that refuses, and gives an alarm if an answer differs.
 *
 * ```
 *   rig: traffic ─▶ journal files ─▶ KeeperAgent ─▶ snapshots ─▶ Replica
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CheckpointError } from "../../engine/appliance/checkpoint.ts";
import {
  KeeperAgent,
  type KeeperAgentOptions,
} from "../../engine/appliance/keeper_agent.ts";
import { Replica } from "../../engine/appliance/replica.ts";
import {
  chooseSnapshot,
  snapshotMeta,
} from "../../engine/appliance/snapshots.ts";
import type { Config } from "../../engine/config/mod.ts";
import { JournalTail, NativeJournalFiles } from "../../engine/journal/mod.ts";
import {
  CMD_KIND_U8,
  CMD_PRICE_I32,
  CommandKind,
} from "../../engine/record/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_WRITTEN,
  ExchangeState,
  JournalState,
} from "../../engine/ring/mod.ts";
import { listSnapshots, SnapshotReader } from "../../engine/snapshot/mod.ts";
import {
  COUNTER,
  COUNTER_BLOCK_BYTES,
  CounterLane,
  CounterReader,
  Log,
} from "../../engine/telemetry/mod.ts";
import { rowOf, writeJournal } from "../journal/write_journal.ts";
import type { ExchangeRig } from "./exchange_rig.ts";
import { trafficRig } from "./traffic.ts";

const COMMANDS = 9000;
const BETWEEN = 2000;

/** A disk on which files can not be made while told so. */
class FullDisk extends NativeJournalFiles {
  full = false;

  override create(path: string, bytes: number, zero: boolean): number {
    return this.full ? -28 : super.create(path, bytes, zero);
  }
}

/** A keeper over a rig's journal, its words and its log. */
class Keeping {
  readonly agent: KeeperAgent;
  readonly control = new Int32Array(CONTROL_BYTES >>> 2);
  readonly lines: Record<string, unknown>[] = [];
  readonly files = new FullDisk();
  readonly directory: string;
  readonly config: Config;
  readonly log: Log;
  nowMs = 0;
  readonly #block = new ArrayBuffer(COUNTER_BLOCK_BYTES);

  constructor(
    data: string,
    rig: ExchangeRig,
    archivist?: KeeperAgentOptions["archivist"],
  ) {
    const { appliance } = rig.config;
    const config: Config = {
      ...rig.config,
      appliance: { ...appliance, dataDirectory: data },
    };
    this.config = config;
    this.directory = `${data}/snapshots`;
    const outbound = `${this.directory}/outbound`;
    Deno.mkdirSync(`${data}/journal`, { recursive: true });
    Deno.mkdirSync(outbound, { recursive: true });
    writeJournal(`${data}/journal`, 1, rowOf(rig.journal));
    const log = this.log = new Log({
      level: "debug",
      format: "json",
      source: "keeper",
      nowMs: () => this.nowMs,
      write: (line) =>
        this.lines.push(JSON.parse(new TextDecoder().decode(line))),
    });
    this.agent = new KeeperAgent({
      makeReplica: () =>
        new Replica({
          config,
          log,
          stores: { storeDirectory: outbound, keepStores: true },
        }),
      fromSequence: 0,
      openTail: (fromSequence) =>
        new JournalTail({ directory: `${data}/journal`, fromSequence }),
      meta: (replica, tail) => snapshotMeta(replica, config, tail),
      directory: this.directory,
      outbound,
      files: this.files,
      commandsBetween: BETWEEN,
      secondsBetween: 60,
      keep: 2,
      ...(archivist === undefined ? {} : { archivist }),
      control: this.control,
      lane: new CounterLane(this.#block, 0, 0),
      log,
      nowMs: () => this.nowMs,
    });
  }

  count(counter: number): number {
    return new CounterReader(this.#block, 0).read(counter);
  }

  /** The engine has written and synced so much. */
  durable(sequence: number): void {
    this.control[CONTROL_EXCHANGE] = ExchangeState.LIVE;
    this.control[CONTROL_WRITTEN] = sequence;
    this.control[CONTROL_DURABLE] = sequence;
  }

  /** Works until there is nothing to do. */
  settle(): void {
    while (this.agent.doWork() > 0);
  }

  /** The engine has ended in order. */
  end(): void {
    this.control[CONTROL_EXCHANGE] = ExchangeState.DONE;
    this.control[CONTROL_JOURNAL] = JournalState.DONE;
    while (!this.agent.done()) this.agent.doWork();
  }
}

function withData(test: (data: string) => void): void {
  const data = Deno.makeTempDirSync({ prefix: "ferrule-keeper-" });
  try {
    test(data);
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
}

Deno.test("KeeperAgent follows what is durable, takes snapshots, and a last one at the end", () => {
  withData((data) => {
    const rig = trafficRig(3, COMMANDS);
    const last = rig.agent.sequence;
    const keeping = new Keeping(data, rig);
    keeping.settle();
    assertEquals(keeping.count(COUNTER.keeper_sequence), 0, "not live yet");
    for (const limit of [100, 2500, 2600, 5000, 7100]) {
      keeping.durable(limit);
      keeping.settle();
      assertEquals(keeping.count(COUNTER.keeper_sequence), limit);
    }
    // A snapshot ends with a group; here a group has up to 8192 commands.
    keeping.durable(last);
    keeping.end();
    const [newest] = listSnapshots(keeping.directory);
    assertEquals(newest, last);
    const found = chooseSnapshot(keeping.config, keeping.log);
    assertEquals(found?.meta.sequence, last);
    assertEquals(keeping.lines.filter((line) => line.level === "warn"), []);
    const reader = new SnapshotReader(found!.path);
    assertEquals(reader.meta.stateHash, rig.exchange.stateHash());
    assertEquals(reader.meta.events, rig.digest.events);
    const replica = new Replica({
      config: rig.config,
      log: new Log({
        level: "error",
        format: "json",
        source: "test",
        nowMs: () => 0,
      }),
      stores: { baseDirectory: `${keeping.directory}/outbound` },
    });
    replica.load(reader);
    reader.dispose();
    assertEquals(replica.stateHash(), rig.exchange.stateHash());
    assertEquals(replica.digest.lo, rig.digest.lo);
    replica.dispose();
    keeping.agent.dispose();
  });
});

Deno.test("KeeperAgent takes a snapshot after a time too, and warns and retries while the disk is full", () => {
  withData((data) => {
    const rig = trafficRig(4, 500);
    const keeping = new Keeping(data, rig);
    keeping.durable(rig.agent.sequence);
    keeping.settle();
    assertEquals(listSnapshots(keeping.directory), []);
    keeping.files.full = true;
    keeping.nowMs = 61_000;
    keeping.settle();
    assertEquals(keeping.count(COUNTER.snapshot_failures_total), 1);
    const warning = keeping.lines.find((line) => line.level === "warn")!;
    assert(String(warning.error).includes("ENOSPC"), String(warning.error));
    keeping.files.full = false;
    keeping.nowMs += 9_000;
    keeping.settle();
    assertEquals(listSnapshots(keeping.directory), [], "tried again too early");
    keeping.nowMs += 2_000;
    keeping.settle();
    assertEquals(listSnapshots(keeping.directory), [rig.agent.sequence]);
    assertEquals(keeping.count(COUNTER.snapshots_total), 1);
    keeping.agent.dispose();
  });
});

Deno.test("KeeperAgent throws, so that the appliance stops, if an answer was another", () => {
  withData((data) => {
    const rig = trafficRig(5, COMMANDS);
    const place = rig.journal.findLastIndex((record) =>
      record[CMD_KIND_U8] === CommandKind.CHECKPOINT
    );
    const other = rig.journal[place]!.slice();
    new Int32Array(other.buffer)[CMD_PRICE_I32]! ^= 1;
    rig.journal[place] = other;
    const keeping = new Keeping(data, rig);
    keeping.durable(place);
    keeping.settle();
    keeping.durable(rig.agent.sequence);
    assertThrows(
      () => keeping.settle(),
      CheckpointError,
      `${place + 1} differs`,
    );
    keeping.agent.dispose();
  });
});

Deno.test("KeeperAgent removes snapshots of commands that were lost, and moves no segment that it still follows", () => {
  withData((data) => {
    const rig = trafficRig(6, 700);
    const before = new Keeping(data, rig);
    before.durable(rig.agent.sequence);
    before.settle();
    before.end();
    before.agent.dispose();
    const [lost] = listSnapshots(before.directory);
    assert(lost! > 300, `a snapshot of ${lost}`);
    // The power took the journal's tail; the run that follows is shorter.
    rig.journal.splice(300);
    Deno.removeSync(`${data}/journal`, { recursive: true });
    const steps: number[] = [];
    const archivist = {
      onSnapshot: () => {},
      step: (followed: number) => steps.push(followed) < 0,
    };
    const after = new Keeping(data, rig, archivist);
    after.durable(200);
    after.settle();
    assertEquals(steps.at(-1), 200);
    after.durable(300);
    after.settle();
    after.end();
    after.agent.dispose();
    assertEquals(listSnapshots(after.directory), [300]);
  });
});

Deno.test("chooseSnapshot() takes none that the journal does not go on from", () => {
  withData((data) => {
    const rig = trafficRig(6, 700);
    const keeping = new Keeping(data, rig);
    keeping.durable(rig.agent.sequence);
    keeping.settle();
    keeping.end();
    keeping.agent.dispose();
    const { config, log } = keeping;
    const last = rig.agent.sequence;
    assertEquals(chooseSnapshot(config, log)?.meta.sequence, last);
    const reasons = (journal: readonly Uint8Array[]): string => {
      Deno.removeSync(`${data}/journal`, { recursive: true });
      Deno.mkdirSync(`${data}/journal`);
      writeJournal(`${data}/journal`, 1, rowOf(journal));
      keeping.lines.length = 0;
      assertEquals(chooseSnapshot(config, log), undefined);
      return String(keeping.lines[0]!.reason);
    };
    // Another journal with the same commands has another chain.
    assert(reasons(rig.journal).includes("its chain differs"));
    // A journal that lost its tail with the power.
    const lost = reasons(rig.journal.slice(0, 300));
    assert(lost.includes("does not have its last command"), lost);
  });
});
