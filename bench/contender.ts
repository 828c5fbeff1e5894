// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a benchmark of engines measures: sides that take turns, each giving
 * one figure a round.
 *
 * An engine of ours is a `Contender`: it proves once that its trades and its
 * final book hash to what they must, then each pass starts from an empty
 * engine, which is not timed. It lives in a process of its own (see
 * `engine_child.ts`) and waits there between its rounds. A program outside is
 * a `Side` too (see `peers.ts`).
 *
 * @module
 */
import { spread } from "./stats.ts";

/** Passes of a round; the middle one counts. */
export const PASSES_ROUND = 3;

/** One engine of ours under test. */
export interface Contender {
  /** Messages of a pass. */
  readonly messages: number;
  /** Whether its memory lies on huge pages; left out if it has none of its own. */
  readonly hugePages?: boolean;
  /** What a proof found, for who asks. */
  readonly digest?: string;
  /** An empty engine; not timed. */
  prepare(): void;
  /** All messages; timed. */
  run(): void;
  /** Runs once with hashing on. @throws {Error} If a hash is wrong. */
  prove(): void;
}

/** Something that can be measured again and again. */
export interface Side {
  readonly name: string;
  /** @returns Nanoseconds a message. */
  round(): Promise<number>;
}

/** A round of a contender. @returns Nanoseconds a message, of the middle pass. */
export function roundOf(contender: Contender): number {
  const times: number[] = [];
  for (let pass = 0; pass < PASSES_ROUND; pass++) {
    contender.prepare();
    const start = performance.now();
    contender.run();
    times.push((performance.now() - start) * 1e6 / contender.messages);
  }
  return spread(times).median;
}

/** Figures of each side, round by round, in the order of the sides. */
export async function measureSides(
  sides: readonly Side[],
  rounds: number,
): Promise<number[][]> {
  const times = sides.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [i, side] of sides.entries()) {
      times[i]!.push(await side.round());
    }
  }
  return times;
}

/** Quotients of two sides' figures, round by round. */
export function quotients(
  over: readonly number[],
  under: readonly number[],
): number[] {
  return over.map((value, round) => value / under[round]!);
}
