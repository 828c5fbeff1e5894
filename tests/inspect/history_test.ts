// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Time travel: the state at any sequence or time of a data folder is that of
 * the commands up to there, with and without snapshots, with a torn tail, and
 * with more room than the appliance had.
 *
 * ```
 *   rig ─▶ list of commands ─▶ data folder ─▶ History.at(point)
 *                 └─▶ Replica of a part of the list ══ equal
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { snapshotDirectory } from "../../engine/appliance/build_gateway.ts";
import { journalDirectory } from "../../engine/appliance/build_journal.ts";
import { Replica } from "../../engine/appliance/replica.ts";
import { type Config, loadConfig } from "../../engine/config/mod.ts";
import { bookOrders } from "../../engine/inspect/book_view.ts";
import { History, type Moment } from "../../engine/inspect/history.ts";
import { nanoseconds, parsePoint } from "../../engine/inspect/units.ts";
import { verify } from "../../engine/inspect/verify.ts";
import { listSegments, segmentName } from "../../engine/journal/mod.ts";
import { CMD_TIME_HI_U32, CMD_TIME_LO_U32 } from "../../engine/record/mod.ts";
import { snapshotName } from "../../engine/snapshot/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { TRAFFIC_TOML, trafficRig } from "../appliance/traffic.ts";
import { Random } from "../oracle/random.ts";
import {
  feed,
  withData,
  writeJournal,
  writeSnapshot,
} from "./journal_folder.ts";

const SEED = 31;
const COMMANDS = 3000;
/** Several segments, several groups in each. */
const SEGMENT_BYTES = 1 << 16;

const quiet = new Log({
  level: "error",
  format: "json",
  source: "test",
  nowMs: () => 0,
});

function timeOf(record: Uint8Array): bigint {
  const view = new DataView(record.buffer, record.byteOffset);
  return nanoseconds(
    view.getUint32(CMD_TIME_LO_U32 * 4, true),
    view.getUint32(CMD_TIME_HI_U32 * 4, true),
  );
}

/** What the commands of a list give: hash, books, sessions. */
function expected(config: Config, records: readonly Uint8Array[]) {
  const replica = new Replica({ config, log: quiet, gateways: false });
  feed(replica, records);
  const found = lookAt(replica);
  replica.dispose();
  return found;
}

function lookAt({ exchange, sequence, register }: Replica) {
  return {
    sequence,
    hash: exchange.stateHash(),
    sessions: [1, 2, 3, 4].map((index) => [
      exchange.inSequence(index),
      exchange.outSequence(index),
      exchange.ordersOf(index),
    ]),
    instruments: register.instruments(),
  };
}

function look(moment: Moment) {
  const found = lookAt(moment.replica);
  assertEquals(moment.sequence, found.sequence);
  moment.replica.dispose();
  return found;
}

Deno.test("History.at() gives the state at any sequence and time, with and without snapshots", async () => {
  const rig = trafficRig(SEED, COMMANDS);
  const records = rig.journal;
  const random = new Random(SEED);
  await withData(rig.config, (data, config) => {
    writeJournal(data, records, { segmentBytes: SEGMENT_BYTES });
    assert(listSegments(journalDirectory(data)).length > 3);
    const points = [0, 1, records.length, records.length + 5];
    for (let i = 0; i < 8; i++) points.push(random.draw(records.length));
    const snapshots: number[] = [];
    for (const withSnapshots of [false, true]) {
      if (withSnapshots) {
        snapshots.push(writeSnapshot(config, 700), writeSnapshot(config, 1900));
      }
      for (const sequence of points) {
        const count = Math.min(sequence, records.length);
        const moment = new History({ config }).at({ sequence });
        const newest = Math.max(0, ...snapshots.filter((at) => at <= sequence));
        assertEquals(moment.snapshot, newest);
        assertEquals(moment.commands, count - newest);
        assertEquals(look(moment), expected(config, records.slice(0, count)));
      }
      // The last command that is not later, and a nanosecond before it.
      const timeNs = timeOf(records[1200]!);
      const upTo = records.filter((record) => timeOf(record) <= timeNs);
      const before = records.filter((record) => timeOf(record) < timeNs);
      const at = (text: string) =>
        look(new History({ config }).at(parsePoint(text)));
      assertEquals(at(String(timeNs)), expected(config, upTo));
      assertEquals(at(String(timeNs - 1n)), expected(config, before));
    }
  });
});

Deno.test("History.at() shows every order of a book, in queue order", async () => {
  const rig = trafficRig(SEED, 600);
  await withData(rig.config, (data, config) => {
    writeJournal(data, rig.journal);
    const { replica, names } = new History({ config }).at();
    const all = [0, 1].flatMap((instrument) =>
      bookOrders(replica.exchange, names, instrument)
    );
    assertEquals(all.length, replica.exchange.ordersOpen);
    for (const side of ["BUY", "SELL"]) {
      const orders = all.filter((order) =>
        order.side === side && order.instrument === "A"
      );
      assert(orders.length > 1);
      for (let i = 1; i < orders.length; i++) {
        const [a, b] = [orders[i - 1]!, orders[i]!];
        assertEquals(b.place, Number(a.place) + 1);
        const better = side === "BUY"
          ? Number(a.priceRaw) - Number(b.priceRaw)
          : Number(b.priceRaw) - Number(a.priceRaw);
        assert(better >= 0, `${JSON.stringify(a)} before ${JSON.stringify(b)}`);
      }
    }
    const best = bookOrders(replica.exchange, names, 0, { levels: 1 });
    assertEquals(new Set(best.map((order) => order.priceRaw)).size, 2);
    replica.dispose();
  });
});

Deno.test("History passes over a damaged snapshot", async () => {
  const rig = trafficRig(SEED, 500);
  await withData(rig.config, (data, config) => {
    writeJournal(data, rig.journal);
    const sequence = writeSnapshot(config, 300);
    const path = `${snapshotDirectory(data)}/${
      snapshotName(sequence)
    }.snapshot`;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    Deno.writeFileSync(path, bytes);
    const notes: string[] = [];
    const progress = (text: string): void => void notes.push(text);
    const moment = new History({ config, progress }).at();
    assertEquals(moment.snapshot, 0);
    assertEquals(look(moment), expected(config, rig.journal));
    assert(notes.some((text) => text.includes(`${path} passed over`)));
  });
});

Deno.test("History tells a torn tail and cuts nothing", async () => {
  const rig = trafficRig(SEED, 500);
  await withData(rig.config, (data, config) => {
    writeJournal(data, rig.journal);
    const [first] = listSegments(journalDirectory(data));
    const path = `${journalDirectory(data)}/${segmentName(first!)}`;
    const { size } = Deno.statSync(path);
    const whole = new History({ config }).at();
    assertEquals(whole.tail, undefined);
    whole.replica.dispose();
    Deno.truncateSync(path, size - 100);
    const moment = new History({ config }).at();
    assertEquals(moment.tail?.segment, path);
    assert(moment.sequence < rig.journal.length);
    const { sequence } = moment;
    const records = rig.journal.slice(0, sequence);
    assertEquals(look(moment), expected(config, records));
    assertEquals(Deno.statSync(path).size, size - 100);
  });
});

Deno.test("History gives the same hashes with more room than the appliance had", async () => {
  const rig = trafficRig(SEED, 800);
  const toml = "[capacity]\norders = 9000\nsessions = 40\ninstruments = 70\n" +
    `accounts = 50\n${TRAFFIC_TOML}`;
  const roomy = loadConfig(toml, "roomy");
  await withData(roomy, (data, config) => {
    writeJournal(data, rig.journal);
    const moment = new History({ config }).at();
    assertEquals(moment.replica.stateHash(), rig.exchange.stateHash());
    moment.replica.dispose();
  });
});

Deno.test("History goes on from a snapshot where older segments were archived", async () => {
  const rig = trafficRig(SEED, COMMANDS);
  const { journal } = rig;
  await withData(rig.config, (data, config) => {
    writeJournal(data, journal, { segmentBytes: SEGMENT_BYTES });
    const snapshot = writeSnapshot(config, 1900);
    const directory = journalDirectory(data);
    const names = listSegments(directory);
    const kept = names.filter((first) => first <= snapshot + 1).at(-1)!;
    for (const first of names) {
      if (first < kept) Deno.removeSync(`${directory}/${segmentName(first)}`);
    }
    assert(kept > 1);
    const notes: string[] = [];
    const history = new History({
      config,
      progress: (text) => notes.push(text),
    });
    assertEquals(look(history.at()), expected(config, journal));
    const all = { sequence: Infinity };
    const numbers: number[] = [];
    const moment = history.messages(
      all,
      ({ name }) => name === "ONE",
      ({ sequence }) => numbers.push(sequence),
    );
    assertEquals(moment.snapshot, snapshot);
    moment.replica.dispose();
    assert(numbers.length > 0 && numbers.every((at) => at > snapshot));
    assert(notes.some((text) => text.includes(`starts at sequence ${kept}`)));
    const sound = verify({
      config,
      directory: data,
      quick: false,
      progress: () => {},
    });
    assertEquals(sound.problems, []);
    assertEquals(sound.firstSequence, kept);
    assertEquals(sound.replayed, journal.length - snapshot);
    // What came before is nowhere here.
    assertThrows(
      () => history.at({ sequence: 10 }),
      Error,
      "--archive DIRECTORY",
    );
  });
});
