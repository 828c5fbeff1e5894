// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The journal with `synced` beside fio doing the same writes on the same file
 * system: with fdatasync after each (what the journal does), and directly to the
 * disk with io_uring. One command at a time, 64 and 16,384 at a time. And the
 * cost of `written` against `none`. All in alternating rounds.
 *
 * @module
 */
import {
  type FioResult,
  type JournalResult,
  runFio,
  runJournal,
} from "./journal_rig.ts";
import { describe, printTable, saveResult, spread } from "./stats.ts";

const ROUNDS = Number(
  Deno.args.find((arg) => arg.startsWith("--rounds="))?.slice(9) ?? 7,
);
const SECONDS = 2;
const WINDOWS = [1, 64, 16_384] as const;

/** One round of one window. */
interface Row {
  readonly journal: JournalResult;
  readonly fio: FioResult;
  readonly direct: FioResult;
}

const directory = Deno.makeTempDirSync({ prefix: "ferrule-journal-bench-" });
const rows: Record<number, Row[]> = { 1: [], 64: [], 16384: [] };
const written: number[] = [];
const none: number[] = [];
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const window of WINDOWS) {
      const journal = runJournal(directory, {
        durability: "synced",
        window,
        seconds: SECONDS,
      });
      const same = { bytes: journal.groupBytes, seconds: SECONDS };
      const fio = await runFio(directory, { ...same, direct: false });
      const direct = await runFio(directory, { ...same, direct: true });
      rows[window]!.push({ journal, fio, direct });
    }
    const load = { window: 16_384, seconds: SECONDS };
    none.push(runJournal(directory, { durability: "none", ...load }).perSecond);
    written.push(
      runJournal(directory, { durability: "written", ...load }).perSecond,
    );
  }
} finally {
  Deno.removeSync(directory, { recursive: true });
}

const table = [["", ...WINDOWS.map((window) => `${window} at a time`)]];
function line(name: string, of: (row: Row) => number): void {
  table.push([
    name,
    ...WINDOWS.map((window) => describe(spread(rows[window]!.map(of)))),
  ]);
}
line("commands/s", ({ journal }) => journal.perSecond);
line("commands of a group", ({ journal }) => journal.commandsPerGroup);
line("groups/s", ({ journal }) => journal.groupsPerSecond);
line("fio fdatasync, writes/s", ({ fio }) => fio.writesPerSecond);
line(
  "groups/s of fio's, same round",
  ({ journal, fio }) => journal.groupsPerSecond / fio.writesPerSecond,
);
line("fio direct io_uring, writes/s", ({ direct }) => direct.writesPerSecond);
line(
  "groups/s of fio's direct, same round",
  ({ journal, direct }) => journal.groupsPerSecond / direct.writesPerSecond,
);
line("durable after, p50 us", ({ journal }) => journal.p50Us);
line("durable after, p99 us", ({ journal }) => journal.p99Us);
line("fio fdatasync, p50 us", ({ fio }) => fio.p50Us);
line("fio fdatasync, p99 us", ({ fio }) => fio.p99Us);
line("fio direct, p50 us", ({ direct }) => direct.p50Us);
line("fio direct, p99 us", ({ direct }) => direct.p99Us);
printTable(table);
const cost = spread(written.map((rate, i) => rate / none[i]!));
console.log(
  `\nnone ${describe(spread(none))} commands/s, written ${
    describe(spread(written))
  }, written of none (same round) ${describe(cost)}`,
);
await saveResult("journal", { rounds: ROUNDS, rows, none, written });
