// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Recorded files, read in chunks: a file of many gigabytes needs a few MiB.
 *
 * Cold path of the replay; belongs to one reader. It hands out bytes and
 * lines with their offsets in the file, and knows no format.
 *
 * @module
 */

const CHUNK_BYTES = 4 << 20;
const NEWLINE = 0x0a;

/** A recorded file is not what it should be. */
export class ReplayError extends Error {
  override name = "ReplayError";

  /**
   * @param file Name of the file.
   * @param offset Byte in the file where it goes wrong, from 0.
   * @param expected What the format asks for there.
   * @param found What is there.
   */
  constructor(
    readonly file: string,
    readonly offset: number,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`${file}: byte ${offset}: expected ${expected}, found ${found}`);
  }
}

/** Bytes of a file, or of standard input for `-`. */
export class ReplaySource {
  /** What was read and not consumed: `[start, end)` of it. */
  bytes: Uint8Array = new Uint8Array(CHUNK_BYTES);
  start = 0;
  end = 0;
  /** Offset in the file of `bytes[0]`. */
  #base = 0;
  #ended = false;
  readonly #file: Deno.FsFile | undefined;

  private constructor(
    readonly name: string,
    /** Bytes of the whole file; 0 = not known. */
    readonly size: number,
    file: Deno.FsFile | undefined,
  ) {
    this.#file = file;
  }

  /**
   * Opens a file.
   *
   * @throws {Error} If it can't be opened, with the cause.
   */
  static async open(path: string): Promise<ReplaySource> {
    if (path === "-") return new ReplaySource("standard input", 0, undefined);
    try {
      const file = await Deno.open(path, { read: true });
      const { size, isFile } = await file.stat();
      if (isFile) return new ReplaySource(path, size, file);
      file.close();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`can not open ${path}: ${reason}`, { cause });
    }
    throw new Error(`can not read ${path}: it is not a regular file`);
  }

  /** Offset in the file of the first byte that is not consumed. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Offset in the file of `bytes[index]`. */
  offsetOf(index: number): number {
    return this.#base + index;
  }

  /**
   * Reads more behind what is not consumed yet, which moves to the front.
   *
   * @returns false at the end of the file: nothing was added.
   */
  async fill(): Promise<boolean> {
    if (this.#ended) return false;
    this.bytes.copyWithin(0, this.start, this.end);
    this.#base += this.start;
    this.end -= this.start;
    this.start = 0;
    if (this.end === this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    const free = this.bytes.subarray(this.end);
    const count = await (this.#file ?? Deno.stdin).read(free);
    this.#ended = count === null;
    this.end += count ?? 0;
    return count !== null;
  }

  close(): void {
    this.#file?.close();
  }
}

/** Lines of a file. An empty line at the end is none. */
export class ReplayLines {
  /** The line is `source.bytes[start, end)`, without its end. */
  start = 0;
  end = 0;
  /** Lines read. */
  count = 0;

  constructor(readonly source: ReplaySource) {}

  /** Offset of the line in the file. */
  get offset(): number {
    return this.source.offsetOf(this.start);
  }

  /** Goes to the next line. @returns false if there is none. */
  async next(): Promise<boolean> {
    const { source } = this;
    let from = source.start;
    for (;;) {
      const found = source.bytes.subarray(0, source.end).indexOf(NEWLINE, from);
      if (found >= 0) return this.#take(found, found + 1);
      const scanned = source.end - source.start;
      if (!await source.fill()) break;
      from = source.start + scanned;
    }
    return source.end > source.start && this.#take(source.end, source.end);
  }

  /** The line as text, for a message; long ones are cut. */
  text(): string {
    const bytes = this.source.bytes.subarray(
      this.start,
      Math.min(this.end, this.start + 120),
    );
    return `"${new TextDecoder().decode(bytes)}"`;
  }

  #take(end: number, next: number): boolean {
    this.start = this.source.start;
    this.end = end;
    this.source.start = next;
    this.count++;
    return true;
  }
}
