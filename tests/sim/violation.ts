// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a checker says when a promise is broken.
 *
 * @module
 */

/** The checkers, by the promise that they look after. */
export type Checker =
  | "durable"
  | "ledger"
  | "stream"
  | "oracle"
  | "recovery"
  | "failure"
  | "damage"
  | "pair"
  | "progress"
  | "crash";

/** A broken promise. */
export class Violation extends Error {
  override name = "Violation";
  readonly checker: Checker;

  constructor(checker: Checker, text: string) {
    super(`${checker}: ${text}`);
    this.checker = checker;
  }
}
