// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes a failing list of commands small: leaves out what is not needed, then
 * fields that are not needed, and writes the rest as a test to paste.
 *
 * @module
 */
import { CommandKind } from "../../engine/record/mod.ts";
import type { TestCommand } from "./support.ts";

/** Place of the command at which a list fails; undefined if it does not. */
export type Fails = (commands: readonly TestCommand[]) => number | undefined;

/** Milliseconds after which the smallest so far is good enough. */
const PATIENCE_MS = 20_000;

/** The smallest list found that still fails. */
export function shrink(
  commands: readonly TestCommand[],
  fails: Fails,
): TestCommand[] {
  const end = performance.now() + PATIENCE_MS;
  let best = [...commands];
  const keep = (candidate: TestCommand[]): boolean => {
    if (performance.now() > end) return false;
    const at = fails(candidate);
    if (at === undefined) return false;
    best = candidate.slice(0, at + 1);
    return true;
  };
  keep(best);
  for (let before = Infinity; best.length < before;) {
    before = best.length;
    leaveOut(() => best, keep);
  }
  keep(best.map(({ time: _, ...rest }) => rest));
  leaveOutFields(() => best, keep);
  leaveOut(() => best, keep);
  return best;
}

/** Leaves out stretches, long ones first. */
function leaveOut(
  best: () => TestCommand[],
  keep: (candidate: TestCommand[]) => boolean,
): void {
  for (
    let length = Math.max(1, best().length >>> 1);
    length >= 1;
    length = length === 1 ? 0 : length >>> 1
  ) {
    // From the end, so that places before stay what they are.
    for (let from = best().length - length; from > -length; from -= length) {
      const at = Math.max(0, from);
      const list = best();
      keep([...list.slice(0, at), ...list.slice(at + length)]);
    }
  }
}

/** Fields without which a command is another one. */
const NEEDED = ["kind", "session", "reference", "instrument"];
const SMALL = [0, 1, 2, 5, 10];

/** Leaves out fields, or makes their numbers small. */
function leaveOutFields(
  best: () => TestCommand[],
  keep: (candidate: TestCommand[]) => boolean,
): void {
  for (let i = best().length - 1; i >= 0; i--) {
    for (const field of Object.keys(best()[i] ?? {})) {
      if (NEEDED.includes(field)) continue;
      const list = best();
      const { [field as "price"]: value, ...rest } = list[i]!;
      const change = (command: object) =>
        keep(list.map((one, k) => k === i ? command as TestCommand : one));
      if (change(rest) || field !== "quantity") continue;
      const smaller = SMALL.filter((n) => n > 0 && n < Number(value));
      smaller.some((n) => change({ ...list[i]!, quantity: n }));
    }
  }
}

const KIND_NAMES = new Map<number, string>(
  Object.entries(CommandKind).map(([name, value]) => [value, name]),
);

/** A test as it would be written. */
export function asTest(
  name: string,
  setup: object,
  commands: readonly TestCommand[],
): string {
  const lines = commands.map((command) => {
    const fields = Object.entries(command).map(([field, value]) =>
      field === "kind"
        ? `kind: CommandKind.${KIND_NAMES.get(value) ?? value}`
        : `${field}: ${valueText(value)}`
    );
    return `    { ${fields.join(", ")} },`;
  });
  const title = JSON.stringify(
    `Exchange.apply() does what the oracle says: ${name}`,
  );
  return `Deno.test(${title}, () => {
  assertAgrees(${JSON.stringify(setup)}, [
${lines.join("\n")}
  ]);
});`;
}

function valueText(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}
