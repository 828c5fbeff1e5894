// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs the test files given as arguments (all of `tests/` by default) and
 * closes with one line: `N passed, N failed`, and `, N skipped` where some were.
 *
 * A test that cannot run where it stands prints `SKIPPED: name: reason` and
 * returns; Deno counts it as passed, this counts it as skipped. Results are
 * read from Deno's JUnit report, not from its coloured output.
 *
 * @module
 */
import { reserveHugePages } from "./huge_pages.ts";

const ROOT = new URL("..", import.meta.url).pathname;
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

await Deno.mkdir(`${ROOT}build`, { recursive: true });
await Deno.remove(REPORT).catch(() => {});
const targets = Deno.args.length > 0 ? Deno.args : ["tests/"];
const giveBack = reserveHugePages();
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
    ...targets,
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
giveBack();
const report = await Deno.readTextFile(REPORT).catch(() => "");
const tests = attribute(report, "tests");
const failed = attribute(report, "failures") + attribute(report, "errors");
const skipped = skippedOut.size + skippedErr.size;
if (Number.isNaN(tests) || Number.isNaN(failed)) {
  console.log("\nThe test run ended without a report.");
  console.log("0 passed, 1 failed");
  Deno.exit(1);
}
console.log("");
for (const line of [...skippedOut, ...skippedErr]) console.log(line);
console.log(
  `${tests - failed - skipped} passed, ${failed} failed` +
    (skipped > 0 ? `, ${skipped} skipped` : ""),
);
Deno.exit(status.success && failed === 0 ? 0 : 1);
