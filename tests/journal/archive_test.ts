// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Segments go to an archive and are whole at every moment, in one place or the
 * other, whichever step is the last one before a crash.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import {
  ArchivedJournalFiles,
  JournalReader,
  NativeJournalFiles,
  SegmentArchive,
  SUMS_NAME,
} from "../../engine/journal/mod.ts";
import {
  checkCommand,
  Harness,
  segmentsOf,
  withDirectory,
} from "./journal_harness.ts";
import { CMD_LENGTH_U16 } from "../../engine/record/mod.ts";
import { SEAL_BYTES } from "../../ffi/journal.ts";

const COMMANDS = 280;
const DAY_MS = 86_400_000;

/** A process that ends at some step: before it, or half-way through a write. */
class Crash extends Error {}

/** A disk under a process that crashes. */
class CrashingFiles extends NativeJournalFiles {
  #left: number;

  constructor(steps: number) {
    super();
    this.#left = steps;
  }

  #step(): void {
    if (this.#left-- === 0) throw new Crash();
  }

  override create(path: string, bytes: number, zero: boolean): number {
    this.#step();
    return super.create(path, bytes, zero);
  }
  override write(fd: number, address: number, bytes: number, at: number) {
    if (this.#left === 0) super.write(fd, address, bytes >>> 1, at);
    this.#step();
    return super.write(fd, address, bytes, at);
  }
  override sync(fd: number): number {
    this.#step();
    return super.sync(fd);
  }
  override rename(from: string, to: string): void {
    this.#step();
    super.rename(from, to);
  }
  override unlink(path: string): void {
    this.#step();
    super.unlink(path);
  }
  override syncDirectory(path: string): void {
    this.#step();
    super.syncDirectory(path);
  }
}

function sha256(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}

/** A journal of several segments and an archive beside it. */
function withJournal(
  test: (directory: string, archive: string) => void,
): void {
  withDirectory((root) => {
    const directory = `${root}/journal`;
    const archive = `${root}/archive`;
    Deno.mkdirSync(directory);
    Deno.mkdirSync(archive);
    const harness = new Harness(directory, {
      segmentBytes: 64 * 2 + 32 * 192 + SEAL_BYTES,
      groupRecordsMax: 32,
    });
    for (let at = 0; at < COMMANDS; at += 20) harness.write(20);
    harness.writer.close();
    test(directory, archive);
  });
}

function archiveOf(
  directory: string,
  archive: string,
  more: { files?: NativeJournalFiles; keepDays?: number; nowMs?: number } = {},
): SegmentArchive {
  return new SegmentArchive({
    directory,
    archive,
    keepDays: more.keepDays ?? 0,
    nowMs: () => more.nowMs ?? 0,
    ...(more.files && { files: more.files }),
  });
}

function firstOf(name: string): number {
  return Number(name.slice(0, 20));
}

/** Reads every command from both places. */
function readBoth(directory: string, archive: string): number {
  const reader = new JournalReader({
    directory,
    files: new ArchivedJournalFiles(directory, archive),
  });
  let expected = 1;
  while (reader.next()) {
    for (let at = reader.start; at < reader.end;) {
      checkCommand(reader, at, expected++);
      at += reader.u16[(at >>> 1) + CMD_LENGTH_U16]!;
    }
  }
  reader.dispose();
  return expected - 1;
}

Deno.test("SegmentArchive moves what is wholly behind a command, oldest first, never the last segment", () => {
  withJournal((directory, archive) => {
    const names = segmentsOf(directory);
    assert(names.length >= 4, `${names.length} segments`);
    const [, second, third] = names.map(firstOf);
    const moving = archiveOf(directory, archive);
    assertEquals(moving.moveOne(second! - 2), undefined);
    assertEquals(moving.moveOne(second! - 1)!.name, names[0]);
    assertEquals(moving.moveOne(third! - 2), undefined);
    let moved = 1;
    while (moving.moveOne(COMMANDS * 2) !== undefined) moved++;
    assertEquals(moved, names.length - 1);
    assertEquals(segmentsOf(directory), names.slice(-1));
    assertEquals(segmentsOf(archive), names.slice(0, -1));
    assertEquals(readBoth(directory, archive), COMMANDS);
  });
});

Deno.test("SegmentArchive writes sums that sha256sum checks", () => {
  withJournal((directory, archive) => {
    const moving = archiveOf(directory, archive);
    while (moving.moveOne(COMMANDS) !== undefined);
    const check = () =>
      new Deno.Command("sha256sum", {
        args: ["--check", "--strict", "--quiet", SUMS_NAME],
        cwd: archive,
        stdout: "null",
        stderr: "null",
      }).outputSync().success;
    assert(check());
    const path = `${archive}/${segmentsOf(archive)[0]}`;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >>> 1]! ^= 1;
    Deno.writeFileSync(path, bytes);
    assert(!check());
  });
});

Deno.test("SegmentArchive loses nothing whichever step a crash interrupts", () => {
  let steps = 0;
  for (let crashed = true; crashed; steps++) {
    withJournal((directory, archive) => {
      const names = segmentsOf(directory);
      const sums = new Map(
        names.map((name) => [name, sha256(`${directory}/${name}`)]),
      );
      const files = new CrashingFiles(steps);
      const dying = archiveOf(directory, archive, { files });
      crashed = false;
      try {
        while (dying.moveOne(COMMANDS) !== undefined);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        crashed = true;
      }
      assertEquals(readBoth(directory, archive), COMMANDS, `step ${steps}`);
      const next = archiveOf(directory, archive);
      while (next.moveOne(COMMANDS) !== undefined);
      for (const name of names.slice(0, -1)) {
        assertEquals(sha256(`${archive}/${name}`), sums.get(name));
      }
      assertEquals(segmentsOf(directory), names.slice(-1));
      const lines = Deno.readTextFileSync(`${archive}/${SUMS_NAME}`);
      assertEquals(
        lines,
        names.slice(0, -1).map((name) => `${sums.get(name)}  ${name}\n`)
          .join(""),
      );
    });
  }
  assert(steps > 30, `${steps} steps`);
});

Deno.test("SegmentArchive refuses a segment that differs from its copy, and a folder that is the journal's own", () => {
  withJournal((directory, archive) => {
    const [name] = segmentsOf(directory);
    const path = `${directory}/${name}`;
    const good = Deno.readFileSync(path);
    archiveOf(directory, archive).moveOne(COMMANDS);
    const bad = good.slice();
    bad[100]! ^= 1;
    Deno.writeFileSync(path, bad);
    assertThrows(
      () => archiveOf(directory, archive).moveOne(COMMANDS),
      Error,
      "One of them is damaged",
    );
    assertEquals(Deno.readFileSync(`${archive}/${name}`), good);
    Deno.writeFileSync(path, good);
    assertThrows(
      () => archiveOf(directory, directory).moveOne(COMMANDS),
      Error,
      "is the journal's own folder",
    );
    assertEquals(Deno.readFileSync(path), good);
    archiveOf(directory, archive).moveOne(COMMANDS);
    assertThrows(() => Deno.readFileSync(path), Deno.errors.NotFound);
  });
});

Deno.test("SegmentArchive does not trust a copy that reads back otherwise", () => {
  withJournal((directory, archive) => {
    const names = segmentsOf(directory);
    const files = new class extends NativeJournalFiles {
      override rename(from: string, to: string): void {
        super.rename(from, to);
        const bytes = Deno.readFileSync(to);
        bytes[99]! ^= 1;
        Deno.writeFileSync(to, bytes);
      }
    }();
    assertThrows(
      () => archiveOf(directory, archive, { files }).moveOne(COMMANDS),
      Error,
      "reads back with",
    );
    assertEquals(segmentsOf(directory), names);
    archiveOf(directory, archive).moveOne(COMMANDS);
    assertEquals(readBoth(directory, archive), COMMANDS);
  });
});

Deno.test("SegmentArchive lets segments go after their days, from the archive only", () => {
  withJournal((directory, archive) => {
    const moving = archiveOf(directory, archive);
    while (moving.moveOne(COMMANDS) !== undefined);
    const names = segmentsOf(archive);
    const nowMs = performance.timeOrigin + performance.now();
    const keepDays = 3;
    const after = (days: number) =>
      archiveOf(directory, archive, { keepDays, nowMs: nowMs + days * DAY_MS })
        .expire();
    assertEquals(after(2.9), []);
    assertEquals(archiveOf(directory, archive, { nowMs: 1e15 }).expire(), []);
    Deno.removeSync(`${archive}/${names[0]}`);
    assertEquals(after(3.1), names);
    assertEquals(segmentsOf(archive), []);
    assertEquals(Deno.readTextFileSync(`${archive}/${SUMS_NAME}`), "");
    assertEquals(segmentsOf(directory).length, 1);
  });
});
