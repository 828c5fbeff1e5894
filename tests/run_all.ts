// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs the test files given as arguments (all of `tests/` by default) and
 * closes with one line: `N passed, N failed`, and `, N skipped` where some were.
 *
 * A test that cannot run where it stands prints `SKIPPED: name: reason` and
 * returns; Deno counts it as passed, this counts it as skipped. Results are
 * read from Deno's JUnit report, not from its coloured output.
 *
 * All files share one process, but those that start DPDK in it
 * (`tests/transport/dpdk_*_test.ts`): its environment can be started only once
 * in the life of a process, so each of them has one of its own.
 *
 * @module
 */
import { reserveHugePages } from "./huge_pages.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const LONER = /^tests\/transport\/dpdk_.*_test\.ts$/;
const REPORT = `${ROOT}build/junit.xml`;

/** Copies a stream through to `to` and counts the lines that tell of a skipped test. */
async function passThrough(
  from: ReadableStream<Uint8Array>,
  to: { writeSync(bytes: Uint8Array): number },
): Promise<Set<string>> {
  const skipped = new Set<string>();
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of from) {
    to.writeSync(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const at = line.indexOf("SKIPPED: ");
      if (at >= 0) skipped.add(line.slice(at));
    }
  }
  return skipped;
}

/** A numeric attribute of the report's root element. */
function attribute(report: string, name: string): number {
  const root = report.match(/<testsuites[^>]*>/)?.[0] ?? "";
  return Number(root.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? NaN);
}

/** Counts of one or more processes of tests. */
interface Tally {
  tests: number;
  failed: number;
  skipped: string[];
  ok: boolean;
}

/** Runs `files` in one process, and counts. */
async function runTests(files: string[]): Promise<Tally> {
  await Deno.remove(REPORT).catch(() => {});
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--frozen",
      "--no-check",
      "--no-prompt",
      "--allow-all",
      "--unstable-net",
      "--v8-flags=--expose-gc",
      `--junit-path=${REPORT}`,
      ...files,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [skippedOut, skippedErr, status] = await Promise.all([
    passThrough(child.stdout, Deno.stdout),
    passThrough(child.stderr, Deno.stderr),
    child.status,
  ]);
  const report = await Deno.readTextFile(REPORT).catch(() => "");
  const tests = attribute(report, "tests");
  const failed = attribute(report, "failures") + attribute(report, "errors");
  if (Number.isNaN(tests) || Number.isNaN(failed)) {
    console.log(`\nThe run of ${files[0]} and on ended without a report.`);
    return { tests: 1, failed: 1, skipped: [], ok: false };
  }
  const skipped = [...skippedOut, ...skippedErr];
  return { tests, failed, skipped, ok: status.success };
}

/** The test files of `target`, a file or a folder relative to the root. */
function testFiles(target: string): string[] {
  if (Deno.statSync(`${ROOT}${target}`).isFile) return [target];
  const folder = target.replace(/\/$/, "");
  return [...Deno.readDirSync(`${ROOT}${folder}`)]
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap((entry) =>
      entry.isDirectory || entry.name.endsWith("_test.ts")
        ? testFiles(`${folder}/${entry.name}`)
        : []
    );
}

await Deno.mkdir(`${ROOT}build`, { recursive: true });
const files = (Deno.args.length > 0 ? Deno.args : ["tests/"])
  .flatMap((target) => testFiles(target.replace(/^\.\//, "")));
const isLoner = (file: string) => LONER.test(file);
const alone = files.filter(isLoner);
const together = files.filter((file) => !isLoner(file));
const giveBack = reserveHugePages();
const tallies: Tally[] = [];
if (together.length > 0) tallies.push(await runTests(together));
for (const file of alone) tallies.push(await runTests([file]));
giveBack();
const sum = (of: (tally: Tally) => number) =>
  tallies.reduce((total, tally) => total + of(tally), 0);
const tests = sum((tally) => tally.tests);
const failed = sum((tally) => tally.failed);
const skipped = tallies.flatMap((tally) => tally.skipped);
console.log("");
for (const line of skipped) console.log(line);
console.log(
  `${tests - failed - skipped.length} passed, ${failed} failed` +
    (skipped.length > 0 ? `, ${skipped.length} skipped` : ""),
);
Deno.exit(tallies.every((tally) => tally.ok) && failed === 0 ? 0 : 1);
