// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The snapshots of a folder, and what each says of itself.
 *
 * It only reads. Cold path; allocates.
 *
 * @module
 */
import {
  listSnapshots,
  type SnapshotMeta,
  snapshotName,
  SnapshotReader,
} from "../snapshot/mod.ts";
import type { RecordObject } from "./record_text.ts";
import { hexWords, isoTime, nanoseconds } from "./units.ts";

/** A snapshot's file. */
export class FoundFile {
  readonly path: string;
  /** Of its last command, by its name. */
  readonly sequence: number;

  constructor(directory: string, sequence: number) {
    this.path = `${directory}/${snapshotName(sequence)}.snapshot`;
    this.sequence = sequence;
  }

  /**
   * What it says of itself.
   *
   * @throws {SnapshotError} If it is damaged.
   */
  get meta(): SnapshotMeta {
    return this.read((reader) => reader.meta);
  }

  /**
   * Reads every byte.
   *
   * @throws {SnapshotError} If one is not as it was written.
   */
  verify(): void {
    this.read((reader) => reader.verify());
  }

  /** Opens it for as long as `use` runs. */
  read<T>(use: (reader: SnapshotReader) => T): T {
    const reader = new SnapshotReader(this.path);
    try {
      return use(reader);
    } finally {
      reader.dispose();
    }
  }
}

/** All of a folder, newest first; none if there is no folder. */
export function snapshotFiles(directory: string): FoundFile[] {
  return listSnapshots(directory).map((sequence) =>
    new FoundFile(directory, sequence)
  );
}

/** What a snapshot says of itself, for people. */
export function snapshotObject(path: string): RecordObject {
  const reader = new SnapshotReader(path);
  try {
    const { meta, bytes } = reader;
    return {
      record: "snapshot",
      name: path.slice(path.lastIndexOf("/") + 1),
      sequence: meta.sequence,
      time: isoTime(nanoseconds(meta.timeLo, meta.timeHi)),
      orders: meta.orders,
      events: meta.events,
      stateHash: meta.stateHash,
      digest: hexWords(meta.digestLo, meta.digestHi),
      chain: hexWords(meta.chainLo, meta.chainHi),
      build: meta.build,
      layout: meta.layout,
      bytes,
      sections: reader.sections.length,
    };
  } finally {
    reader.dispose();
  }
}
