// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor found, for the status page: looked at when somebody asks,
 * kept for a while, one examination at a time.
 *
 * Main thread; the doctor runs in a worker (`doctor_worker.ts`). It reads
 * hundreds of files, which is why it is not run again at every request.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { Finding } from "./doctor_finding.ts";
import type { DoctorAnswer } from "./doctor_worker.ts";

/** An examination this young is answered again. */
const FRESH_MS = 60_000;

/** One examination. */
export interface Examination {
  /** Milliseconds since 1970. */
  readonly takenMs: number;
  readonly findings: readonly Finding[];
  /** Why there are none; "" = there are. */
  readonly error: string;
}

/** Asks the doctor. */
export class DoctorDesk {
  readonly #config: Config;
  readonly #nowMs: () => number;
  #newest: Examination | undefined;
  #running: Promise<Examination> | undefined;

  /**
   * @param inHugePages Whether this process has its memory in huge pages: then
   *   they are taken, not missing.
   */
  constructor(config: Config, inHugePages: boolean, nowMs: () => number) {
    this.#config = inHugePages
      ? { ...config, memory: { ...config.memory, hugePages: "never" } }
      : config;
    this.#nowMs = nowMs;
  }

  /** The newest examination, or a new one if it is old. */
  async examine(): Promise<Examination> {
    const newest = this.#newest;
    if (newest !== undefined && this.#nowMs() - newest.takenMs < FRESH_MS) {
      return newest;
    }
    this.#running ??= this.#run().finally(() => this.#running = undefined);
    return await this.#running;
  }

  async #run(): Promise<Examination> {
    const worker = new Worker(import.meta.resolve("./doctor_worker.ts"), {
      type: "module",
      name: "doctor",
    });
    try {
      const answer = await new Promise<DoctorAnswer>((resolve) => {
        worker.onmessage = (event: MessageEvent<DoctorAnswer>) =>
          resolve(event.data);
        worker.onerror = (event) => {
          event.preventDefault();
          resolve({ error: event.message });
        };
        worker.postMessage(this.#config);
      });
      const failed = "error" in answer;
      this.#newest = {
        takenMs: this.#nowMs(),
        findings: failed ? [] : answer.findings,
        error: failed ? answer.error : "",
      };
      return this.#newest;
    } finally {
      worker.terminate();
    }
  }
}
