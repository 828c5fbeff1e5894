// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs the test files given as arguments (all of `tests/` by default) and
 * closes with one line: `N passed, N failed`, and `, N skipped` where some were.
 *
 * A test that cannot run where it stands prints `SKIPPED: name: reason` and
 * returns; Deno counts it as passed, this counts it as skipped. Results are
 * read from Deno's JUnit report, not from its coloured output.
 *
 * The tests that failed are named again before that line, with the first lines
 * of what went wrong, and so are the files that took longest: whoever sees only
 * the end of a long log knows what to run again.
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
/** Lines of a failure that are repeated at the end. */
const FAILURE_LINES = 12;
/** Files that are named at the end for the time they took, at least this long. */
const SLOW_FILE_S = 20;

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

/** Text of an XML attribute or element as it was before it was escaped. */
function unescaped(xml: string): string {
  return xml
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}

/** What failed in a report: the test, its file, and how it began. */
function failures(report: string): string[] {
  const cases = report.split("<testcase ").slice(1);
  return cases.flatMap((testCase) => {
    const failure = testCase.match(/<(?:failure|error)\b[^>]*>([^<]*)/);
    if (failure === null) return [];
    const named = (name: string) =>
      unescaped(testCase.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? "?");
    const lines = unescaped(failure[1] ?? "").split("\n")
      .filter((line) => line.trim() !== "").slice(0, FAILURE_LINES);
    return [
      `FAILED: ${named("classname")}: ${named("name")}\n  ${
        lines.join("\n  ")
      }`,
    ];
  });
}

/** Seconds of each file of a report. */
function fileTimes(report: string): [string, number][] {
  return report.split("<testsuite ").slice(1).map((suite) => [
    unescaped(suite.match(/\bname="([^"]*)"/)?.[1] ?? "?"),
    [...suite.matchAll(/<testcase [^>]*\btime="([\d.]+)"/g)]
      .reduce((sum, match) => sum + Number(match[1]), 0),
  ]);
}

/** Counts of one or more processes of tests. */
interface Tally {
  tests: number;
  failed: number;
  failures: string[];
  fileTimes: [string, number][];
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
    const gone = `The run of ${files[0]} and on ended without a report.`;
    return {
      tests: 1,
      failed: 1,
      failures: [`FAILED: ${gone}`],
      fileTimes: [],
      skipped: [],
      ok: false,
    };
  }
  const skipped = [...skippedOut, ...skippedErr];
  return {
    tests,
    failed,
    failures: failures(report),
    fileTimes: fileTimes(report),
    skipped,
    ok: status.success,
  };
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
const slow = tallies
  .flatMap((tally) => tally.fileTimes)
  .filter(([_, seconds]) => seconds >= SLOW_FILE_S)
  .sort((a, b) => b[1] - a[1]);
for (const [file, seconds] of slow) {
  console.log(`${seconds.toFixed(0).padStart(4)} s ${file}`);
}
for (const failure of tallies.flatMap((tally) => tally.failures)) {
  console.log(`\n${failure}`);
}
for (const line of skipped) console.log(line);
console.log(
  `${tests - failed - skipped.length} passed, ${failed} failed` +
    (skipped.length > 0 ? `, ${skipped.length} skipped` : ""),
);
Deno.exit(tallies.every((tally) => tally.ok) && failed === 0 ? 0 : 1);
