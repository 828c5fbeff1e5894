// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The machine's disk, with the segment at hand mapped into memory: writing a
 * group is a copy instead of a system call, whose cost varies.
 *
 * ```
 *   segment  ├──written──┤◀─ next group ─┤·· made writable ahead ··├── zeros ──┤
 *                                         by a thread of its own
 * ```
 *
 * It is for durability without syncs: a sync would make each page cost a fault
 * again. Where a file can't be mapped, it is written by calls. Owned by the
 * journal's thread; a write allocates nothing.
 *
 * @module
 */
import {
  closeFile,
  fileBytes,
  FileWorker,
  truncateFile,
} from "../../ffi/file.ts";
import { mapFile, unmapFile, writeMapped } from "../../ffi/mapped.ts";
import { NativeJournalFiles, RUNNING } from "./files.ts";

/** Made writable at a time, and how far ahead of the writer. */
const POPULATE_BYTES = 1 << 20;
const PAGE_BYTES = 4096;

// Elements of a mapping.
const ADDRESS = 0;
const BYTES = 1;
/** Offset up to which pages were asked to be writable. */
const POPULATED = 2;

/** The machine's disk; files that are written are mapped, if they can be. */
export class MappedJournalFiles extends NativeJournalFiles {
  /** By descriptor. Address 0 = this one can't be mapped. */
  readonly #mappings = new Map<number, Float64Array>();
  readonly #unmapLater: Float64Array[] = [];
  readonly #worker = new FileWorker();
  #fd = -1;
  #mapping: Float64Array = new Float64Array(3);
  readonly #onUnmapped: (error: number) => void;

  /**
   * @param onUnmapped Told for each segment that can't be mapped, with the
   * kernel's error number: it is written by calls.
   */
  constructor(onUnmapped: (error: number) => void = () => {}) {
    super();
    this.#onUnmapped = onUnmapped;
  }

  override create(path: string, bytes: number, zero: boolean): number {
    const fd = super.create(path, bytes, zero);
    if (fd >= 0) this.#map(fd);
    return fd;
  }

  override pollPrepare(): number {
    const result = super.pollPrepare();
    if (result !== RUNNING && result >= 0) this.#map(result);
    this.#unmapNext();
    return result;
  }

  override write(
    fd: number,
    address: number,
    bytes: number,
    position: number,
  ): number {
    if (fd !== this.#fd) this.#turnTo(fd);
    const mapping = this.#mapping;
    if (mapping[ADDRESS] === 0 || position + bytes > mapping[BYTES]!) {
      return super.write(fd, address, bytes, position);
    }
    const ready = mapping[POPULATED]!;
    if (position + bytes + POPULATE_BYTES > ready && ready < mapping[BYTES]!) {
      this.#populate(position);
    }
    return writeMapped(mapping[ADDRESS]! + position, address, bytes);
  }

  override truncate(fd: number, bytes: number): number {
    const mapping = this.#forget(fd);
    if (mapping !== undefined) this.#unmap(mapping);
    return truncateFile(fd, bytes);
  }

  override close(fd: number): number {
    const mapping = this.#forget(fd);
    if (mapping !== undefined) this.#unmapLater.push(mapping);
    this.#unmapNext();
    return closeFile(fd);
  }

  override dispose(): void {
    super.dispose();
    this.#worker.dispose();
    for (const fd of [...this.#mappings.keys()]) {
      const mapping = this.#forget(fd);
      if (mapping !== undefined) this.#unmapLater.push(mapping);
    }
    for (const mapping of this.#unmapLater.splice(0)) this.#unmap(mapping);
  }

  /** Maps a segment that was made, and gets its beginning ready. */
  #map(fd: number): void {
    if (this.#mappings.has(fd)) return;
    const bytes = fileBytes(fd);
    const address = mapFile(fd, bytes);
    const mapping = Float64Array.of(address < 0 ? 0 : address, bytes, 0);
    this.#mappings.set(fd, mapping);
    if (address > 0) this.#ready(mapping, 0);
    else this.#onUnmapped(-address);
  }

  #turnTo(fd: number): void {
    this.#fd = fd;
    this.#mapping = this.#mappings.get(fd) ?? new Float64Array(3);
  }

  /** Gets more pages ready, if the worker is free; if not, the writer meets them as they are. */
  #populate(position: number): void {
    if (this.#worker.poll() === RUNNING) return;
    const mapping = this.#mapping;
    const asked = mapping[POPULATED]!;
    this.#ready(mapping, asked > position ? asked : position);
  }

  #ready(mapping: Float64Array, position: number): void {
    const from = Math.floor(position / PAGE_BYTES) * PAGE_BYTES;
    const rest = mapping[BYTES]! - from;
    const bytes = rest < POPULATE_BYTES ? rest : POPULATE_BYTES;
    if (bytes <= 0) return;
    // Taking pages is the kernel's to refuse: then a write takes them.
    if (this.#worker.populate(mapping[ADDRESS]! + from, bytes) === 0) {
      mapping[POPULATED] = from + bytes;
    }
  }

  /** @returns The mapping that was there. */
  #forget(fd: number): Float64Array | undefined {
    const mapping = this.#mappings.get(fd);
    this.#mappings.delete(fd);
    if (this.#fd === fd) {
      this.#fd = -1;
      this.#mapping = new Float64Array(3);
    }
    return mapping !== undefined && mapping[ADDRESS] !== 0
      ? mapping
      : undefined;
  }

  /** Giving back many pages takes long: the worker does it. */
  #unmapNext(): void {
    const mapping = this.#unmapLater[0];
    if (mapping === undefined) return;
    if (this.#worker.unmap(mapping[ADDRESS]!, mapping[BYTES]!) === 0) {
      this.#unmapLater.shift();
    }
  }

  #unmap(mapping: Float64Array): void {
    unmapFile(mapping[ADDRESS]!, mapping[BYTES]!);
  }
}
