// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How full the V8 heap of each thread is, in the shared region. The engine's
 * threads never return to an event loop, so nothing tells them or anybody else
 * that garbage was collected; but a heap that has become smaller was. The main
 * thread asks, now and then; each thread answers in a line of its own.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Threads that have a line. */
export const HEAP_THREADS_MAX = 15;
/** Bytes of the lines. */
export const HEAP_LINES_BYTES = (1 + HEAP_THREADS_MAX) * 64;

const LINE_F64 = 8;
// Float64 elements of a thread's line.
const USED = 0;
const COLLECTIONS = 1;

/** A thread's heap when it was looked at last. */
export interface HeapView {
  /** 0 = it has not answered yet. */
  readonly usedBytes: number;
  /** Looks at which it had become smaller than at the one before. */
  readonly collections: number;
}

/** All lines; line 0 is the question. */
export class HeapLines {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  /** @param memory The shared region, zeroed; @param byteOffset a multiple of 64. */
  constructor(memory: ArrayBufferLike, byteOffset: number) {
    this.#i32 = new Int32Array(memory, byteOffset, HEAP_LINES_BYTES >>> 2);
    this.#f64 = new Float64Array(memory, byteOffset, HEAP_LINES_BYTES >>> 3);
  }

  /** Main thread: asks all threads. */
  ask(): void {
    Atomics.add(this.#i32, 0, 1);
  }

  /** The number of the newest question. Looked at each round: without `Atomics`, which are calls. */
  asked(): number {
    return this.#i32[0]!;
  }

  /** What a thread answered last. */
  view(thread: number): HeapView {
    const at = this.#lineOf(thread);
    return {
      usedBytes: this.#f64[at + USED]!,
      collections: this.#f64[at + COLLECTIONS]!,
    };
  }

  /** A thread's answer. */
  answer(thread: number, usedBytes: number): void {
    const at = this.#lineOf(thread);
    if (usedBytes < this.#f64[at + USED]!) {
      this.#f64[at + COLLECTIONS] = this.#f64[at + COLLECTIONS]! + 1;
    }
    this.#f64[at + USED] = usedBytes;
  }

  #lineOf(thread: number): number {
    assert(
      thread >= 0 && thread < HEAP_THREADS_MAX,
      `thread ${thread} has no line for its heap`,
    );
    return (1 + thread) * LINE_F64;
  }
}

/** Answers for one thread; takes a round among its agents, and has no work of its own. */
export class HeapAnswerer {
  readonly name = "heap";
  readonly sleeps = false;
  readonly #lines: HeapLines;
  readonly #thread: number;
  readonly #usedBytes: () => number;
  #answered = 0;

  constructor(lines: HeapLines, thread: number, usedBytes: () => number) {
    this.#lines = lines;
    this.#thread = thread;
    this.#usedBytes = usedBytes;
  }

  doWork(): number {
    const asked = this.#lines.asked();
    if (asked !== this.#answered) {
      this.#answered = asked;
      this.#lines.answer(this.#thread, this.#usedBytes());
    }
    return 0;
  }

  done(): boolean {
    return true;
  }

  park(): void {}

  dispose(): void {}
}
