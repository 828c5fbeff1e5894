// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * When segments are moved: after a snapshot, one a step; a disk that refuses is
 * asked again later.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Archivist } from "../../engine/appliance/archivist.ts";
import { NativeJournalFiles } from "../../engine/journal/mod.ts";
import {
  COUNTER,
  COUNTER_BLOCK_BYTES,
  CounterLane,
  CounterReader,
  Log,
} from "../../engine/telemetry/mod.ts";

Deno.test("Archivist moves a segment a step until none is left, then waits for a snapshot; warns and tries again when a disk refuses", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-archivist-" });
  const lines: string[] = [];
  const block = new ArrayBuffer(COUNTER_BLOCK_BYTES);
  const counters = new CounterReader(block, 0);
  let nowMs = 0;
  let left = 2;
  let refuses = false;
  const asked: number[] = [];
  const archivist = new Archivist({
    archive: {
      moveOne(sequence) {
        asked.push(sequence);
        if (refuses) throw new Error("no room");
        return left-- > 0
          ? { name: `segment ${left}`, bytes: 1, sha256: "0" }
          : undefined;
      },
      expire: () => ["old"],
    },
    snapshots: directory,
    snapshotsMin: 2,
    unfit: () => "",
    files: new NativeJournalFiles(),
    lane: new CounterLane(block, 0, 0),
    log: new Log({
      level: "debug",
      format: "json",
      source: "archive",
      nowMs: () => 0,
      write: (line) =>
        lines.push(JSON.parse(new TextDecoder().decode(line)).message),
    }),
    nowMs: () => nowMs,
  });
  try {
    const steps = [1, 2, 3, 4].map(() => archivist.step(1000));
    assertEquals(steps, [true, true, true, false]);
    // Too few snapshots are whole: no command is behind them.
    assertEquals(asked, [0, 0, 0]);
    assertEquals(lines, [
      "segment archived",
      "segment archived",
      "segment expired",
    ]);
    refuses = true;
    archivist.onSnapshot();
    assertEquals([archivist.step(1000), archivist.step(1000)], [true, false]);
    assertEquals(
      lines.at(-1),
      "archiving failed, segments stay where they are",
    );
    nowMs = 60_000;
    refuses = false;
    left = 1;
    assertEquals([archivist.step(1000), archivist.step(1000)], [true, true]);
    assertEquals(archivist.step(1000), false);
    assertEquals(counters.read(COUNTER.segments_archived_total), 3);
    assertEquals(counters.read(COUNTER.archive_failures_total), 1);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
