// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Invariant checks that stay on in production.
 *
 * A broken invariant is a defect of ours: the process stops, systemd starts it
 * again, the journal brings the state back. Business outcomes never come
 * through here; they are result codes.
 *
 * @module
 */

/** Thrown when an invariant of the program does not hold. */
export class InvariantError extends Error {
  override name = "InvariantError";
}

/**
 * Stops the program if `condition` is false.
 *
 * @param condition What must hold.
 * @param message What is broken, with the values that show it.
 * @throws {InvariantError} If `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/** The throw, out of line so that callers stay small enough to be inlined. */
export function fail(message: string): never {
  throw new InvariantError(`Invariant broken: ${message}`);
}
