// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What happened, line by line: the last lines for people, a digest of all of
 * them to tell whether two runs were the same.
 *
 * @module
 */

const KEPT_LINES = 400;

/** The log of one simulation. */
export class SimLog {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #lines: string[] = [];
  #low = 0x811c9dc5;
  #high = 0xcbf29ce4;

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine;
  }

  add(step: number, who: string, what: string): void {
    const line = `${step} ${who}: ${what}`;
    for (let i = 0; i < line.length; i++) {
      const c = line.charCodeAt(i);
      this.#low = Math.imul(this.#low ^ c, 0x01000193);
      this.#high = Math.imul(this.#high + c, 0x85ebca6b) ^ this.#low >>> 13;
    }
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT_LINES) {
      this.#lines.splice(0, KEPT_LINES);
    }
    this.#onLine?.(line);
  }

  /** The last lines. */
  last(count: number): string[] {
    return this.#lines.slice(-count);
  }

  /** Two logs with the same digest are the same. */
  get digest(): string {
    return [this.#high, this.#low].map((word) =>
      (word >>> 0).toString(16).padStart(8, "0")
    ).join("");
  }
}
