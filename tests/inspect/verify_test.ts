// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `verify` finds whatever is wrong with an archive and says where; `shadow`
 * says whether a build may take over.
 *
 * ```
 *   data folder ─▶ a byte, a file, a CHECKPOINT is changed ─▶ verify, shadow
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { snapshotDirectory } from "../../engine/appliance/build_gateway.ts";
import { journalDirectory } from "../../engine/appliance/build_journal.ts";
import type { Config } from "../../engine/config/mod.ts";
import { shadow, shadowText } from "../../engine/inspect/shadow.ts";
import { problemText, verdictText } from "../../engine/inspect/verdict_text.ts";
import { type Verdict, verify } from "../../engine/inspect/verify.ts";
import { listSegments, segmentName } from "../../engine/journal/mod.ts";
import {
  CMD_KIND_U8,
  CMD_PRICE_I32,
  CMD_TEXT_U8,
  CommandKind,
} from "../../engine/record/mod.ts";
import { snapshotName } from "../../engine/snapshot/mod.ts";
import { ExchangeRig } from "../appliance/exchange_rig.ts";
import { Traffic, TRAFFIC_TOML } from "../appliance/traffic.ts";
import { Random } from "../oracle/random.ts";
import { withData, writeJournal, writeSnapshot } from "./journal_folder.ts";

const SEED = 47;
const RUNS = 3;
const COMMANDS = 250;
const SEGMENT_BYTES = 1 << 15;

/** Several runs of a rig: each goes live with a CHECKPOINT that has a hash. */
function runs(): { records: readonly Uint8Array[]; config: Config } {
  const traffic = new Traffic(SEED);
  let rig = new ExchangeRig({ toml: TRAFFIC_TOML }).start();
  for (let run = 0; run < RUNS; run++) {
    for (let i = 0; i < COMMANDS; i++) rig.send(traffic.next());
    rig = new ExchangeRig({ toml: TRAFFIC_TOML, journal: rig.journal }).start();
  }
  return { records: rig.journal, config: rig.config };
}

const { records, config: plain } = runs();

function check(config: Config, quick = false): Verdict {
  return verify({
    config,
    directory: config.appliance.dataDirectory,
    quick,
    progress: () => {},
  });
}

function tryBuild(config: Config, fromSnapshot = false) {
  return shadow({ config, fromSnapshot, progress: () => {} });
}

/** Places of the CHECKPOINTs in a list. */
function checkpointsIn(list: readonly Uint8Array[]): number[] {
  return list.flatMap((record, place) =>
    record[CMD_KIND_U8] === CommandKind.CHECKPOINT ? [place] : []
  );
}

/** A list with one record changed; the journal that is written of it is well-formed. */
function changed(
  place: number,
  change: (record: Uint8Array) => void,
): Uint8Array[] {
  return records.map((record, i) => {
    if (i !== place) return record;
    const copy = record.slice();
    change(copy);
    return copy;
  });
}

function segmentPaths(data: string): string[] {
  const directory = journalDirectory(data);
  return listSegments(directory).map((first) =>
    `${directory}/${segmentName(first)}`
  );
}

Deno.test("verify says that an archive is sound, and counts what it looked at", async () => {
  await withData(plain, (data, config) => {
    writeJournal(data, records, { segmentBytes: SEGMENT_BYTES });
    const snapshot = writeSnapshot(config, 300);
    const verdict = check(config);
    assertEquals(verdict.problems, []);
    assertEquals(verdict.commands, records.length);
    assertEquals(verdict.replayed, records.length);
    assertEquals(verdict.checkpoints, RUNS + 1);
    assertEquals(verdict.hashes, RUNS + 1);
    assertEquals(verdict.snapshots, 1);
    assertEquals(verdict.notLoaded, 0);
    assert(snapshot >= 300);
    assertMatch(verdictText(verdict), /: sound: \d+ segments, commands 1 to /);
    const quick = check(config, true);
    assertEquals(quick.problems, []);
    assertEquals(quick.replayed, 0);
    // A folder of segments alone is an archive too.
    const bare = verify({
      config,
      directory: journalDirectory(data),
      quick: false,
      progress: () => {},
    });
    assertEquals(bare.problems, []);
    assertEquals(bare.snapshots, 0);
  });
});

Deno.test("verify finds any changed byte of a segment, and names the place", async () => {
  const random = new Random(SEED);
  await withData(plain, (data, config) => {
    writeJournal(data, records, { segmentBytes: SEGMENT_BYTES, groupMax: 8 });
    const paths = segmentPaths(data);
    assert(paths.length > 2);
    for (let i = 0; i < 40; i++) {
      // The newest segment has a tail, which is told and no damage.
      const path = paths[random.draw(paths.length - 1)]!;
      const bytes = Deno.readFileSync(path);
      const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
      const at = random.draw(used);
      const before = bytes[at]!;
      bytes[at] = before ^ (1 << random.draw(8));
      Deno.writeFileSync(path, bytes);
      const { problems } = check(config, true);
      assertEquals(problems.length, 1, `${path} at ${at}`);
      const [{ file, offset, sequence, expected, found, remedy }] =
        problems as [Verdict["problems"][0]];
      assertEquals(file, path, `at ${at}: ${found}`);
      if (offset === undefined || sequence === undefined) {
        throw new Error(`no place: ${found}`);
      }
      assert(offset <= at, `${offset} is behind the change at ${at}`);
      // A record of 192 bytes at most, or a header.
      assert(at - offset < 192, `${offset} is far before the change at ${at}`);
      assert(expected !== "" && found !== "" && remedy !== "");
      bytes[at] = before;
      Deno.writeFileSync(path, bytes);
    }
    assertEquals(check(config, true).problems, []);
  });
});

Deno.test("verify finds a segment that is missing, swapped or of another journal", async () => {
  await withData(plain, (data, config) => {
    writeJournal(data, records, { segmentBytes: SEGMENT_BYTES });
    const paths = segmentPaths(data);
    const [, second, third] = paths as [string, string, string];
    Deno.renameSync(second, `${second}.away`);
    const [missing] = check(config, true).problems;
    assertEquals(missing?.file, third);
    assertMatch(problemText(missing!), /is missing or cut short/);
    Deno.renameSync(`${second}.away`, second);
    const content = Deno.readFileSync(second);
    Deno.copyFileSync(third, second);
    const [swapped] = check(config, true).problems;
    assertEquals(swapped?.file, second);
    Deno.writeFileSync(second, content);
    assertEquals(check(config, true).problems, []);
  });
});

Deno.test("verify finds a CHECKPOINT that the commands do not give", async () => {
  const [, place] = checkpointsIn(records) as [number, number];
  const list = changed(place, (record) => record[CMD_PRICE_I32 * 4]! ^= 1);
  await withData(plain, (data, config) => {
    writeJournal(data, list);
    assertEquals(check(config, true).problems, []);
    const { problems } = check(config);
    assertEquals(problems.length, 1);
    assertEquals(problems[0]?.sequence, place + 1);
    assert(problems[0]!.expected !== problems[0]!.found);
  });
});

Deno.test("verify finds a snapshot that is damaged, or of another state or journal", async () => {
  await withData(plain, (data, config) => {
    writeJournal(data, records);
    const damage = [
      { change: {}, expected: /whole snapshot/, damaged: true },
      { change: { stateHash: "0".repeat(32) }, expected: /state hash/ },
      { change: { digestLo: 1 }, expected: /digest/ },
      { change: { chainLo: 1 }, expected: /of this journal/ },
    ];
    for (const { change, expected, damaged } of damage) {
      const sequence = writeSnapshot(config, 300, change);
      const path = `${snapshotDirectory(data)}/${
        snapshotName(sequence)
      }.snapshot`;
      if (damaged) {
        const bytes = Deno.readFileSync(path);
        bytes[bytes.length >> 1]! ^= 4;
        Deno.writeFileSync(path, bytes);
      }
      const { problems } = check(config);
      assert(problems.length > 0);
      for (const problem of problems) {
        assertEquals(problem.file, path);
        assertMatch(problem.expected, expected);
      }
      Deno.removeSync(path);
    }
    assertEquals(check(config).problems, []);
  });
});

Deno.test("shadow lets a build take over that gives what was written down", async () => {
  await withData(plain, (data, config) => {
    writeJournal(data, records);
    const verdict = tryBuild(config);
    assert(verdict.mayTakeOver, verdict.reason);
    assertEquals(verdict.commands, records.length);
    assertEquals(verdict.checkpoints, RUNS + 1);
    assertEquals(verdict.hashes, RUNS + 1);
    const snapshot = writeSnapshot(config, 300);
    const short = tryBuild(config, true);
    assert(short.mayTakeOver, short.reason);
    assertEquals(short.snapshot, snapshot);
    assertEquals(short.commands, records.length - snapshot);
    assertEquals(short.stateHash, verdict.stateHash);
    assertEquals(tryBuild(config).commands, records.length);
    assertMatch(shadowText(short), /^shadow: this build may take over/);
  });
});

Deno.test("shadow keeps a build away that gives something else, and names the first difference", async () => {
  const places = checkpointsIn(records);
  const drills = [
    { at: 1, what: /digest of \d+ events/, byte: CMD_PRICE_I32 * 4 },
    { at: 2, what: /state hash/, byte: CMD_TEXT_U8 },
  ];
  for (const { at, what, byte } of drills) {
    const place = places[at]!;
    const list = changed(place, (record) => record[byte]! ^= 1);
    await withData(plain, (data, config) => {
      writeJournal(data, list);
      const verdict = tryBuild(config);
      assertEquals(verdict.mayTakeOver, false);
      assertEquals(verdict.sequence, place + 1);
      assertEquals(verdict.checkpoints, at);
      assertEquals(verdict.lastEqual, places[at - 1]! + 1);
      assertMatch(verdict.reason, what);
      assertMatch(
        shadowText(verdict),
        /^shadow: this build must not take over/,
      );
    });
  }
});

Deno.test("shadow has nothing to say without a CHECKPOINT", async () => {
  await withData(plain, (data, config) => {
    writeJournal(data, records.slice(0, checkpointsIn(records)[0]));
    const verdict = tryBuild(config);
    assertEquals(verdict.mayTakeOver, false);
    assertMatch(verdict.reason, /nothing to compare with/);
  });
});
