// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A start from a snapshot with a million resting orders and a journal behind
 * it: the whole appliance, in a process of its own, until its ports are open;
 * and how fast it does the journal's commands beside an exchange that gets the
 * same commands from memory, with events and their digest.
 *
 * ```
 *   replica ─ a million orders ─▶ snapshot ─┐
 *   commands ─▶ journal ────────────────────┴─▶ start ─▶ ms, ns a command
 *       └─────▶ exchange, in memory ───────────────────▶ ns a command
 * ```
 *
 * `--commands=10000000` for a whole day; two million if not given.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { wantedOf } from "../engine/appliance/build_exchange.ts";
import {
  keptDirectory,
  snapshotDirectory,
} from "../engine/appliance/build_gateway.ts";
import { Replica } from "../engine/appliance/replica.ts";
import { snapshotMeta } from "../engine/appliance/snapshots.ts";
import { type Config, defaultConfig } from "../engine/config/mod.ts";
import { NativeJournalFiles } from "../engine/journal/mod.ts";
import { CMD_LENGTH_U16, CommandKind, Protocol } from "../engine/record/mod.ts";
import {
  SectionViews,
  SnapshotFileWriter,
  snapshotName,
  SnapshotReader,
} from "../engine/snapshot/mod.ts";
import { Log } from "../engine/telemetry/mod.ts";
import { startAppliance } from "../tests/appliance/harness.ts";
import { writeJournal } from "../tests/journal/write_journal.ts";
import { Commands } from "./commands.ts";
import { describe, printTable, saveResult, spread } from "./stats.ts";

const RESTING = 1_000_000;
const ROUNDS = 3;
const PRICES = 4000;
const MID = 100_000;
/** Two binary sessions that buy, two that sell: no one trades with itself. */
const FIRST_SESSION = 5;
const STEP_BYTES = 8 << 20;
const RECENT = 20_000;

const { commands: given, child } = parseArgs(Deno.args, {
  string: ["commands", "child"],
});
const COMMANDS = Number(given ?? 2_000_000);
const quiet = new Log({
  level: "error",
  format: "json",
  source: "bench",
  nowMs: () => 0,
});

function configIn(dataDirectory: string): Config {
  const config = defaultConfig();
  return { ...config, appliance: { ...config.appliance, dataDirectory } };
}

/** xorshift32 (Marsaglia 2003). */
class Draw {
  #state = 2463534242;
  below(limit: number): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return (s >>> 0) % limit;
  }
}

/** Makes orders of the four sessions; the book keeps its size. */
class Flow {
  readonly #draw = new Draw();
  readonly #references = [0, 0, 0, 0];

  rest(commands: Commands): void {
    const bit = this.#draw.below(2);
    const away = 1 + this.#draw.below(PRICES);
    this.#order(commands, bit, bit === 0 ? MID - away : MID + away);
  }

  /** 45 % rest, 45 % cancel a recent one, 10 % trade. */
  step(commands: Commands): void {
    const draw = this.#draw.below(100);
    if (draw < 45) return this.rest(commands);
    if (draw < 55) {
      const bit = this.#draw.below(2);
      return this.#order(commands, bit, bit === 0 ? MID + 50 : MID - 50);
    }
    const place = this.#draw.below(4);
    const newest = this.#references[place]!;
    commands.cancel({
      session: FIRST_SESSION + place,
      reference: Math.max(1, newest - this.#draw.below(RECENT)),
      instrument: 0xffff,
    });
  }

  #order(commands: Commands, bit: number, price: number): void {
    const place = 2 * bit + this.#draw.below(2);
    commands.newOrder({
      session: FIRST_SESSION + place,
      reference: ++this.#references[place]!,
      instrument: 0,
      side: bit + 1,
      price,
      quantity: 1 + this.#draw.below(100),
    });
  }
}

/** What a first start writes. */
function definitions(config: Config): Commands {
  const commands = new Commands(1 << 16, 1);
  const { capacity, instruments, sessions } = wantedOf(config);
  commands.other(CommandKind.DEFINE_CAPACITY, {
    quantity: capacity.orders,
    reference: capacity.specialOrders,
  });
  instruments.forEach(({ symbol, tickSizeE8, lotSizeE8 }, instrument) =>
    commands.other(CommandKind.DEFINE_INSTRUMENT, {
      instrument,
      quantity: tickSizeE8,
      reference: lotSizeE8,
      text: symbol,
    })
  );
  sessions.forEach(({ protocolCode, name }, i) => {
    if (i + 1 === FIRST_SESSION && protocolCode !== Protocol.BINARY) {
      throw new Error("the first binary session has another index");
    }
    commands.other(CommandKind.DEFINE_SESSION, {
      session: i + 1,
      detail: protocolCode,
      text: name,
    });
  });
  return commands;
}

function applyAll(replica: Replica, commands: Commands): void {
  for (let at = 0; at < commands.bytes;) {
    replica.apply(commands, at);
    at += commands.u16[(at >>> 1) + CMD_LENGTH_U16]!;
  }
  replica.settle();
}

/** A data folder with snapshot and journal; what the snapshot took. */
function prepare(dataDirectory: string): { bytes: number; ms: number } {
  const config = configIn(dataDirectory);
  for (const path of ["journal", "snapshots", "snapshots/outbound"]) {
    Deno.mkdirSync(`${dataDirectory}/${path}`);
  }
  const replica = new Replica({
    config,
    log: quiet,
    resident: true,
    stores: { storeDirectory: keptDirectory(dataDirectory), keepStores: true },
  });
  const first = definitions(config);
  applyAll(replica, first);
  const flow = new Flow();
  const resting = new Commands(RESTING * 64, first.nextSequence);
  for (let i = 0; i < RESTING; i++) flow.rest(resting);
  applyAll(replica, resting);
  if (replica.exchange.ordersOpen !== RESTING) {
    throw new Error(`${replica.exchange.ordersOpen} orders rest`);
  }
  const started = performance.now();
  const sections = new SectionViews();
  replica.save(sections);
  const writer = new SnapshotFileWriter(
    new NativeJournalFiles(),
    snapshotDirectory(dataDirectory),
    snapshotName(replica.sequence),
    snapshotMeta(replica, config, { chainLo: 0, chainHi: 0 }),
    sections,
  );
  while (writer.step(STEP_BYTES));
  writer.finish();
  const ms = performance.now() - started;
  const day = new Commands(COMMANDS * 64, resting.nextSequence);
  for (let i = 0; i < COMMANDS; i++) flow.step(day);
  writeJournal(`${dataDirectory}/journal`, resting.nextSequence, day);
  Deno.writeFileSync(
    `${dataDirectory}/commands`,
    day.u8.subarray(0, day.bytes),
  );
  return { bytes: writer.bytes, ms };
}

/** The same commands from memory: nanoseconds a command. */
function alone(dataDirectory: string): number {
  const config = configIn(dataDirectory);
  const bytes = Deno.readFileSync(`${dataDirectory}/commands`);
  const day = new Commands(bytes.length, 1);
  day.u8.set(bytes);
  day.bytes = bytes.length;
  const replica = new Replica({
    config,
    log: quiet,
    resident: true,
    warm: true,
    gateways: false,
  });
  const [name] = [...Deno.readDirSync(snapshotDirectory(dataDirectory))]
    .map((entry) => entry.name).filter((name) => name.endsWith(".snapshot"));
  const reader = new SnapshotReader(
    `${snapshotDirectory(dataDirectory)}/${name}`,
  );
  replica.load(reader);
  reader.dispose();
  const started = performance.now();
  applyAll(replica, day);
  return (performance.now() - started) * 1e6 / COMMANDS;
}

async function aloneInChild(dataDirectory: string): Promise<number> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      `--child=${dataDirectory}`,
      `--commands=${COMMANDS}`,
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("A measurement failed");
  return Number(new TextDecoder().decode(stdout));
}

interface Started {
  readonly snapshotMs: number;
  readonly journalMs: number;
  readonly startMs: number;
}

/** Starts the appliance on the folder; it is killed when its ports are open. */
async function start(
  dataDirectory: string,
  topology: string,
): Promise<Started> {
  const before = Deno.statSync(`${dataDirectory}/journal`);
  await using appliance = await startAppliance({
    dataDirectory,
    topology,
    durability: "none",
    extraToml: "[snapshot]\nenabled = false\n",
  });
  const live = appliance.log.find((line) => line.message === "live")!;
  const ready = appliance.log.find((line) => line.message === "ready")!;
  if (live.journalCommands !== COMMANDS || before.isFile) {
    throw new Error(`${live.journalCommands} commands were replayed`);
  }
  await appliance.kill();
  return {
    snapshotMs: Number(live.snapshotMs),
    journalMs: Number(live.journalMs),
    startMs: Number(ready.startMs),
  };
}

/** A copy of the folder for one start, which writes to it. */
async function startOnCopy(data: string, topology: string): Promise<Started> {
  const copy = `${data}-copy`;
  const { success } = await new Deno.Command("cp", {
    args: ["-a", data, copy],
  }).output();
  if (!success) throw new Error(`'${data}' can not be copied`);
  try {
    return await start(copy, topology);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function main(): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "ferrule-recovery-" });
  try {
    const taken = prepare(data);
    console.log(
      `${RESTING} resting orders: a snapshot of ${taken.bytes} bytes, ` +
        `${Math.round(taken.ms)} ms to write, sync and verify`,
    );
    const rows = [[
      "topology",
      "snapshot, ms",
      `journal of ${COMMANDS}, ms`,
      "in all until ports open, ms",
      "ns a command",
      "exchange alone, ns",
      "speed of it",
    ]];
    const saved: Record<string, unknown> = { commands: COMMANDS, taken };
    for (const topology of ["single", "pinned"]) {
      const starts: Started[] = [];
      const alones: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        starts.push(await startOnCopy(data, topology));
        alones.push(await aloneInChild(data));
      }
      const of = (pick: (started: Started) => number) =>
        spread(starts.map(pick));
      const replayNs = (started: Started) => started.journalMs * 1e6 / COMMANDS;
      const result = {
        snapshotMs: of((started) => started.snapshotMs),
        journalMs: of((started) => started.journalMs),
        startMs: of((started) => started.startMs),
        replayNs: of(replayNs),
        aloneNs: spread(alones),
        ratio: spread(
          starts.map((started, i) => alones[i]! / replayNs(started)),
        ),
      };
      rows.push([
        topology,
        ...Object.values(result).map((one) => describe(one)),
      ]);
      saved[topology] = result;
    }
    printTable(rows);
    await saveResult("recovery", saved);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

if (child === undefined) await main();
else console.log(alone(child));
