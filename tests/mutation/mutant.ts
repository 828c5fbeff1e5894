// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One tree with one fault: copied, broken, tried, removed.
 *
 * @module
 */
import type { Fault } from "./faults.ts";

const ROOT = new URL("../..", import.meta.url);

/** Commands without a difference after which the streams give up. */
const COMMANDS_MAX = 400_000;
/** Seconds after which a tree that hangs counts as noticed. */
const PATIENCE_S = 60;

/** What became of a fault. */
export interface Outcome {
  readonly isCaught: boolean;
  /** By what, or why not. */
  readonly how: string;
}

/** How often the search text of a fault stands in its file. */
export function countOf(fault: Fault): number {
  const text = Deno.readTextFileSync(new URL(fault.file, ROOT));
  return text.split(fault.search).length - 1;
}

/** Copies what the tests of the exchange need. */
function copyTree(to: string): void {
  for (
    const part of [
      "engine",
      "tests",
      "bench",
      "docs",
      "ffi",
      "deno.json",
      "deno.lock",
    ]
  ) copy(new URL(part, ROOT).pathname, `${to}/${part}`);
}

function copy(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to);
  for (const entry of Deno.readDirSync(from)) {
    if (entry.isDirectory || /\.(ts|json|md)$/.test(entry.name)) {
      copy(`${from}/${entry.name}`, `${to}/${entry.name}`);
    }
  }
}

/** Runs the program of a tree; its exit code, and what it said. */
async function run(
  cwd: string,
  args: readonly string[],
): Promise<{ code: number; said: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_S * 1000);
  const { code, stdout } = await child.output();
  clearTimeout(timer);
  return { code, said: new TextDecoder().decode(stdout).trim() };
}

/** Breaks a copy of the tree and tries it. */
export async function tryFault(fault: Fault): Promise<Outcome> {
  const count = countOf(fault);
  if (count !== 1) {
    return { isCaught: false, how: `its text stands ${count} times` };
  }
  const tree = await Deno.makeTempDir({ prefix: "ferrule-mutant-" });
  try {
    copyTree(tree);
    const file = `${tree}/${fault.file}`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      text.replace(fault.search, () => fault.replacement),
    );
    return await tryTree(tree, fault.shapes ?? []);
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** The streams first, because they are quick; then the rule book. */
async function tryTree(
  tree: string,
  shapes: readonly string[],
): Promise<Outcome> {
  const streams = await run(tree, [
    "run",
    "--no-check",
    "--cached-only",
    "--allow-read",
    "tests/mutation/hunt.ts",
    String(COMMANDS_MAX),
    ...shapes,
  ]);
  if (streams.code !== 0) {
    const commands = /^found (\d+)$/m.exec(streams.said)?.[1];
    return {
      isCaught: true,
      how: commands === undefined
        ? "the engine stopped"
        : `after ${commands} commands`,
    };
  }
  const rules = await run(tree, [
    "test",
    "--no-check",
    "--cached-only",
    "--allow-all",
    "tests/rules",
  ]);
  return rules.code !== 0
    ? { isCaught: true, how: "by the rule book" }
    : { isCaught: false, how: "by nothing" };
}
