// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Random streams through engine and oracle: events are compared after each
 * command, the whole state every so many.
 *
 * @module
 */
import { commandsOf, type Shape } from "../oracle/shapes.ts";
import { failSmall, Pair } from "./differential.ts";
import type { TestCommand, TestEvent } from "./support.ts";

/** Commands between two comparisons of the whole state. */
const STATE_EVERY = 50;

/** Hears of each command and what came of it. */
export type Note = (command: TestCommand, events: readonly TestEvent[]) => void;

/** Commands up to the first that differs; undefined if none does. */
export function differingStream(
  shape: Shape,
  seed: number,
  count: number,
  note?: Note,
): TestCommand[] | undefined {
  const pair = new Pair(shape.setup);
  const commands: TestCommand[] = [];
  for (const command of commandsOf(shape, seed, count)) {
    commands.push(command);
    const compares = commands.length % STATE_EVERY === 0 ||
      commands.length === count;
    const what = pair.step(command) ??
      (compares ? pair.compareState() : undefined);
    if (what !== undefined) return commands;
    note?.(command, pair.events);
  }
  return undefined;
}

/** Fails, with a small test to paste, if a stream differs anywhere. */
export function assertStreamAgrees(
  shape: Shape,
  seed: number,
  count: number,
  note?: Note,
): void {
  const commands = differingStream(shape, seed, count, note);
  if (commands === undefined) return;
  failSmall(`${shape.name}, seed ${seed}`, shape.setup, commands);
}
