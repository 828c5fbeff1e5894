// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Snapshot files: what is written is read, whatever is damaged is refused, and
 * the newest good one is found.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { crc32cOf } from "../../ffi/crc32c.ts";
import { NativeJournalFiles } from "../../engine/journal/mod.ts";
import {
  listSnapshots,
  newestSnapshot,
  pruneSnapshots,
  SectionViews,
  SNAPSHOT_LAYOUT,
  SnapshotError,
  SnapshotFileWriter,
  type SnapshotMeta,
  snapshotName,
  SnapshotReader,
  verifiedSequence,
} from "../../engine/snapshot/mod.ts";
import { Random } from "../oracle/random.ts";

const PAGE = 4096;
const MIB = 1 << 20;

function metaOf(sequence: number, files: readonly string[] = []): SnapshotMeta {
  return {
    sequence,
    timeLo: 1,
    timeHi: 2,
    chainLo: 3,
    chainHi: 4,
    digestLo: 5,
    digestHi: 6,
    events: 7,
    stateHash: "0".repeat(32),
    build: "test",
    layout: SNAPSHOT_LAYOUT,
    capacity: { orders: 8 },
    defined: [],
    served: [],
    files: files.map((name) => ({ name, bytes: 0 })),
    orders: 9,
  };
}

/** Writes a snapshot in steps of `step` bytes. */
function write(
  directory: string,
  meta: SnapshotMeta,
  sections: Record<string, Uint8Array>,
  step = MIB,
): string {
  const views = new SectionViews();
  for (const [name, bytes] of Object.entries(sections)) views.add(name, bytes);
  const writer = new SnapshotFileWriter(
    new NativeJournalFiles(),
    directory,
    snapshotName(meta.sequence),
    meta,
    views,
  );
  while (writer.step(step));
  writer.finish();
  return writer.path;
}

/** Bytes with runs of zero pages of all lengths, not a multiple of a page. */
function patchy(random: Random, bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const used = PAGE * random.draw(40);
    for (let i = at; i < Math.min(bytes, at + used); i += 97) made[i] = 1 + i;
    at += used + PAGE * random.draw(60) + (random.draw(3) === 0 ? 5 : 0);
  }
  return made;
}

function withDirectory(run: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    run(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function same(found: Uint8Array, wanted: Uint8Array, what: string): void {
  assertEquals(found.length, wanted.length, what);
  assert(found.every((byte, i) => byte === wanted[i]), what);
}

Deno.test("a snapshot gives back what was added, into memory that was in use too", () => {
  withDirectory((directory) => {
    const random = new Random(5);
    const sections: Record<string, Uint8Array> = {
      none: new Uint8Array(0),
      one: new Uint8Array([7]),
      zeros: new Uint8Array(3 * MIB),
      page: new Uint8Array(PAGE).fill(1),
      odd: new Uint8Array(new ArrayBuffer(999), 3, 900).fill(9),
    };
    for (let i = 0; i < 6; i++) {
      sections[`patchy${i}`] = patchy(random, 1 + random.draw(5 * MIB));
    }
    const path = write(directory, metaOf(12), sections, 12_345);
    const reader = new SnapshotReader(path);
    assertEquals(reader.meta, metaOf(12));
    assertEquals(reader.has("two"), false);
    for (const [name, bytes] of Object.entries(sections)) {
      same(reader.read(name), bytes, name);
      const dirty = new Uint8Array(bytes.length).fill(0xee);
      reader.readInto(name, dirty);
      same(dirty, bytes, `${name} over something`);
    }
    assertThrows(() => reader.read("two"), Error, "no section two");
    assertThrows(
      () => reader.readInto("one", new Uint8Array(2)),
      Error,
      "has 1 bytes, 2 are wanted",
    );
    reader.dispose();
    assert(Deno.statSync(path).size < 20 * MIB, "zero pages were written");
  });
});

Deno.test("a snapshot with any byte changed, cut or pieces swapped is refused", () => {
  withDirectory((directory) => {
    const random = new Random(6);
    const sections = {
      a: patchy(random, 40 * PAGE),
      b: new Uint8Array(100).fill(3),
    };
    const path = write(directory, metaOf(1), sections);
    const good = Deno.readFileSync(path);
    const check = (bytes: Uint8Array, what: string): void => {
      Deno.writeFileSync(path, bytes);
      const reported: string[] = [];
      const found = newestSnapshot(directory, {
        unfit: () => "",
        onPassedOver: (_, reason) => reported.push(reason),
      });
      assertEquals(found, undefined, what);
      assertEquals(reported.length, 1, what);
    };
    let places = 0;
    for (let at = 0; at < good.length; at += 1 + random.draw(500)) {
      const bytes = good.slice();
      bytes[at] = bytes[at]! ^ (1 << random.draw(8));
      if (isPadding(good, at)) continue;
      check(bytes, `byte ${at}`);
      places += 1;
    }
    assert(places > 50);
    for (let cut = 0; cut < good.length; cut += 1 + random.draw(3000)) {
      check(good.slice(0, cut), `cut to ${cut}`);
    }
    check(good.slice(0, good.length - 1), "without the last byte");
  });
});

/** True for bytes that only fill up to the next multiple of 64. */
function isPadding(file: Uint8Array, at: number): boolean {
  const view = new DataView(file.buffer);
  const json = 64 + view.getUint32(12, true);
  if (at >= 24 && at < 64) return true;
  let position = Math.ceil(json / 64) * 64;
  if (at >= json && at < position) return true;
  while (position < at) {
    const end = position + 32 + view.getUint32(position + 16, true);
    const next = Math.ceil((end - position) / 64) * 64 + position;
    if (at >= end && at < next) return true;
    position = next;
  }
  return false;
}

Deno.test("the newest good snapshot is found; others are passed over with a reason", () => {
  withDirectory((directory) => {
    const sections = { a: new Uint8Array(100).fill(1) };
    for (const sequence of [5, 60, 700]) {
      write(directory, metaOf(sequence), sections);
    }
    Deno.writeFileSync(`${directory}/${snapshotName(900)}.partial`, sections.a);
    const reported: string[] = [];
    const find = (unfit: (meta: SnapshotMeta) => string = () => "") => {
      reported.length = 0;
      return newestSnapshot(directory, {
        unfit,
        onPassedOver: (path, reason) => reported.push(`${path}: ${reason}`),
      })?.meta.sequence;
    };
    assertEquals(listSnapshots(directory), [700, 60, 5]);
    assertEquals(find(), 700);
    assertEquals(find(({ sequence }) => sequence > 50 ? "too new" : ""), 5);
    assertEquals(reported.length, 2);
    assert(reported[0]!.endsWith("too new"));
    const newest = `${directory}/${snapshotName(700)}.snapshot`;
    const bytes = Deno.readFileSync(newest);
    bytes[bytes.length - 200]! ^= 1;
    Deno.writeFileSync(newest, bytes);
    assertEquals(find(), 60);
    assert(reported[0]!.includes("damaged"), reported[0]);
    Deno.renameSync(
      `${directory}/${snapshotName(60)}.snapshot`,
      `${directory}/${snapshotName(61)}.snapshot`,
    );
    assertEquals(find(), 5);
    assert(reported.some((line) => line.includes("renamed")));
    assertEquals(
      newestSnapshot(`${directory}/none`, {
        unfit: () => "",
        onPassedOver: () => {},
      }),
      undefined,
    );
  });
});

Deno.test("old snapshots go, and the files that no kept one names", () => {
  withDirectory((directory) => {
    const outbound = `${directory}/outbound`;
    Deno.mkdirSync(outbound);
    const names = ["A.0.out", "A.7.out", "B.0.out", "C.0.out", "note.txt"];
    for (const name of names) Deno.writeTextFileSync(`${outbound}/${name}`, "");
    const sections = { a: new Uint8Array(100).fill(1) };
    write(directory, metaOf(1, ["C.0.out"]), sections);
    write(directory, metaOf(2, ["A.0.out"]), sections);
    write(directory, metaOf(3, ["A.7.out"]), sections);
    Deno.writeTextFileSync(`${directory}/${snapshotName(4)}.partial`, "x");
    pruneSnapshots(directory, 2, outbound, ["B.0.out"]);
    assertEquals(listSnapshots(directory), [3, 2]);
    assertEquals(
      [...Deno.readDirSync(outbound)].map(({ name }) => name).sort(),
      ["A.0.out", "A.7.out", "B.0.out", "note.txt"],
    );
    assertEquals(
      [...Deno.readDirSync(directory)].filter(({ name }) =>
        name.endsWith(".partial")
      ),
      [],
    );
  });
});

Deno.test("a snapshot that says it is newer than the one just taken goes, and does not push it out", () => {
  withDirectory((directory) => {
    const outbound = `${directory}/outbound`;
    Deno.mkdirSync(outbound);
    for (const sequence of [800, 900, 990, 1000]) {
      write(directory, metaOf(sequence), { a: new Uint8Array(9).fill(1) });
    }
    pruneSnapshots(directory, 2, outbound, [], new NativeJournalFiles(), 900);
    assertEquals(listSnapshots(directory), [900, 800]);
  });
});

/** A disk that counts what is open, and fails when told so. */
class FailingDisk extends NativeJournalFiles {
  readonly open = new Set<number>();
  refuses: "read" | "write" | "" = "";

  override create(path: string, bytes: number, zero: boolean): number {
    const fd = super.create(path, bytes, zero);
    this.open.add(fd);
    return fd;
  }

  override openRead(path: string): number {
    const fd = super.openRead(path);
    this.open.add(fd);
    return fd;
  }

  override read(fd: number, address: number, bytes: number, position: number) {
    if (this.refuses === "read") return -5;
    return super.read(fd, address, bytes, position);
  }

  override write(fd: number, address: number, bytes: number, position: number) {
    if (this.refuses === "write") return -5;
    return super.write(fd, address, bytes, position);
  }

  override close(fd: number): number {
    // Its number may be another thread's by now.
    assert(this.open.delete(fd), `descriptor ${fd} is closed twice`);
    return super.close(fd);
  }
}

Deno.test("a snapshot that fails closes its file, once", () => {
  withDirectory((directory) => {
    const files = new FailingDisk();
    const views = new SectionViews();
    views.add("a", new Uint8Array(9000).fill(7));
    const make = () =>
      new SnapshotFileWriter(files, directory, "1", metaOf(1), views);
    files.refuses = "write";
    assertThrows(make, Error, "write");
    assertEquals(files.open.size, 0);
    files.refuses = "";
    const writer = make();
    while (writer.step(MIB));
    files.refuses = "read";
    assertThrows(() => writer.finish(), Error, "read");
    writer.abandon();
    assertEquals(files.open.size, 0);
    assertEquals([...Deno.readDirSync(directory)], []);
  });
});

Deno.test("a snapshot of another format says so", () => {
  withDirectory((directory) => {
    const path = write(directory, metaOf(1), {});
    const bytes = Deno.readFileSync(path);
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(20, crc32cOf(bytes.slice(0, 20)), true);
    Deno.writeFileSync(path, bytes);
    assertThrows(
      () => new SnapshotReader(path),
      SnapshotError,
      "is of format 2, this build reads 1",
    );
  });
});

Deno.test("verifiedSequence() is the oldest whole snapshot's, if enough are whole", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-snapshot-" });
  try {
    assertEquals(verifiedSequence(directory, 1), 0);
    const paths = [100, 200, 300].map((sequence) =>
      write(directory, metaOf(sequence), { a: new Uint8Array(9000).fill(7) })
    );
    assertEquals(verifiedSequence(directory, 2), 100);
    const unfit = ({ sequence }: SnapshotMeta): string =>
      sequence === 200 ? "" : "of another capacity";
    const files = new NativeJournalFiles();
    assertEquals(verifiedSequence(directory, 1, files, unfit), 200);
    assertEquals(verifiedSequence(directory, 2, files, unfit), 0);
    const bytes = Deno.readFileSync(paths[0]!);
    bytes[bytes.length - PAGE - 9]! ^= 1;
    Deno.writeFileSync(paths[0]!, bytes);
    assertEquals(verifiedSequence(directory, 2), 200);
    assertEquals(verifiedSequence(directory, 3), 0);
    Deno.truncateSync(paths[1]!, 100);
    assertEquals(verifiedSequence(directory, 2), 0);
    assertEquals(verifiedSequence(directory, 1), 300);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
