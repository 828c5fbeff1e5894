// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Gives a configuration to the threads while they run. They never return to
 * their event loops, so it lies in memory that all of them can read.
 *
 * ```
 *   main: text ─▶ memory of its own ─ number ─▶ each thread: ConfigFollower
 *         answers ◀── a place for each thread ──┘  └─▶ its agents
 * ```
 *
 * The board belongs to the main thread, one change at a time; each thread has
 * a follower, which looks at one word a round. Cold path but for that word.
 *
 * @module
 */
import { allocate, attach } from "../../ffi/mod.ts";
import { assert } from "../assert.ts";
import type { Config } from "../config/mod.ts";
import {
  CONTROL_CONFIG,
  CONTROL_CONFIG_TAKEN,
  CONTROL_CONFIG_VALUE,
  loadWord,
} from "../ring/mod.ts";
import type { Agent } from "./agent.ts";

/** Threads that the control block has room for. */
const THREADS_MAX = 16;
const ANSWER_BYTES = 16_384;
/** Bytes of the text's length, before the text. */
const HEAD_BYTES = 8;
const WATCH_MS = 1;

/** Steps of a change, in their order. */
export type ConfigStep =
  /** Gateways and keeper learn which sessions there will be: those of before and the new ones. */
  | "sessions"
  /** The exchange takes it as a whole, or refuses. */
  | "exchange"
  /** Everyone takes the rest: secrets, who is there no more, log level, intervals. */
  | "rest";

/** What is given out. */
export interface ConfigNews {
  readonly step: ConfigStep;
  readonly config: Config;
}

/** What an agent says of it. */
export interface ConfigAnswer {
  /** Why it was not taken; "" = it was. */
  readonly problem: string;
  readonly commands: number;
  /** Of the newest command that it took; 0 = none. */
  readonly sequence: number;
}

/** Who takes a configuration on a thread. */
export interface ConfigTaker {
  take(news: ConfigNews): void;
  /** Left out = it has taken it at once; undefined = not yet. */
  answer?(): ConfigAnswer | undefined;
}

/** What the board works with. */
export interface ConfigBoardOptions {
  readonly control: Int32Array;
  /** The same memory. */
  readonly controlF64: Float64Array;
  readonly threads: number;
  /** True when the threads have ended: nothing will be answered. */
  readonly isOver: () => boolean;
  readonly waitMsMax: number;
}

/** The main thread's side. */
export class ConfigBoard {
  readonly #options: ConfigBoardOptions;
  #number = 0;

  constructor(options: ConfigBoardOptions) {
    assert(options.threads <= THREADS_MAX, "too many threads for the board");
    this.#options = options;
  }

  /** Whether all threads have taken the newest. */
  get isTaken(): boolean {
    const { control, threads } = this.#options;
    for (let i = 0; i < threads; i++) {
      const taken = Atomics.load(control, CONTROL_CONFIG_TAKEN + i);
      if (taken !== this.#number) return false;
    }
    return true;
  }

  /** Gives it to every thread; returns what they say, or undefined if not all did in time. */
  async give(news: ConfigNews): Promise<ConfigAnswer[] | undefined> {
    const { control, controlF64, threads, waitMsMax, isOver } = this.#options;
    const text = new TextEncoder().encode(JSON.stringify(news));
    const places = HEAD_BYTES + Math.ceil(text.length / 8) * 8;
    const region = allocate(places + threads * ANSWER_BYTES, {
      hugePages: false,
    });
    new Float64Array(region.buffer, 0, 1)[0] = text.length;
    new Uint8Array(region.buffer).set(text, HEAD_BYTES);
    const at = CONTROL_CONFIG_VALUE >>> 1;
    controlF64[at] = region.address;
    controlF64[at + 1] = region.bytes;
    this.#number += 1;
    Atomics.store(control, CONTROL_CONFIG, this.#number);
    const deadline = performance.now() + waitMsMax;
    while (!this.isTaken) {
      // The memory stays: a thread may look at it yet.
      if (isOver() || performance.now() > deadline) return undefined;
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
    const answers: ConfigAnswer[] = [];
    for (let i = 0; i < threads; i++) {
      const place = places + i * ANSWER_BYTES;
      answers.push(...readAnswers(region.buffer, place));
    }
    region.dispose();
    return answers;
  }
}

function readAnswers(memory: ArrayBuffer, place: number): ConfigAnswer[] {
  const bytes = new Float64Array(memory, place, 1)[0]!;
  const text = new Uint8Array(memory, place + HEAD_BYTES, bytes).slice();
  return JSON.parse(new TextDecoder().decode(text)) as ConfigAnswer[];
}

/** What a follower works with. */
export interface ConfigFollowerOptions {
  readonly control: Int32Array;
  readonly controlF64: Float64Array;
  /** Place of the thread. */
  readonly thread: number;
  readonly takers: readonly ConfigTaker[];
}

/** A thread's side; looks once a round. */
export class ConfigFollower implements Agent {
  readonly name = "config";
  readonly sleeps = false;
  readonly #options: ConfigFollowerOptions;
  /** Newest that was handed to the takers, and that was answered. */
  #handed: number;
  #answered: number;

  constructor(options: ConfigFollowerOptions) {
    this.#options = options;
    const { control, thread } = options;
    // A thread that begins anew: what the one before it has taken is gone from memory.
    const taken = Atomics.load(control, CONTROL_CONFIG_TAKEN + thread);
    this.#handed = taken;
    this.#answered = taken;
  }

  doWork(): number {
    const number = loadWord(this.#options.control, CONTROL_CONFIG);
    return number === this.#answered ? 0 : this.#follow(number);
  }

  done(): boolean {
    return true;
  }

  park(): void {}

  dispose(): void {}

  #follow(number: number): number {
    const { control, controlF64, takers, thread } = this.#options;
    const at = CONTROL_CONFIG_VALUE >>> 1;
    const memory = attach(controlF64[at]!, controlF64[at + 1]!);
    const bytes = new Float64Array(memory, 0, 1)[0]!;
    if (this.#handed !== number) {
      this.#handed = number;
      const text = new Uint8Array(memory, HEAD_BYTES, bytes).slice();
      const news = JSON.parse(new TextDecoder().decode(text)) as ConfigNews;
      for (const taker of takers) taker.take(news);
    }
    const answers: ConfigAnswer[] = [];
    for (const taker of takers) {
      if (taker.answer === undefined) continue;
      const answer = taker.answer();
      if (answer === undefined) return 0;
      answers.push(answer);
    }
    const place = HEAD_BYTES + Math.ceil(bytes / 8) * 8 + thread * ANSWER_BYTES;
    writeAnswers(memory, place, answers);
    this.#answered = number;
    Atomics.store(control, CONTROL_CONFIG_TAKEN + thread, number);
    return 1;
  }
}

function writeAnswers(
  memory: ArrayBuffer,
  place: number,
  answers: readonly ConfigAnswer[],
): void {
  const short = answers.map((answer) => ({
    ...answer,
    problem: answer.problem.slice(0, 2000),
  }));
  const text = new TextEncoder().encode(JSON.stringify(short));
  assert(text.length <= ANSWER_BYTES - HEAD_BYTES, "an answer is too long");
  new Float64Array(memory, place, 1)[0] = text.length;
  new Uint8Array(memory).set(text, place + HEAD_BYTES);
}
