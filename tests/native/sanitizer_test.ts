// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Builds the shims with address and undefined-behaviour sanitizers, builds
 * each C program of this folder against them, and runs it. A program ends with
 * 0 and no sanitizer report, or the test fails with what it wrote.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;
const SANITIZE = [
  "-std=gnu11",
  "-D_GNU_SOURCE",
  "-O1",
  "-g",
  "-msse4.2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=undefined",
  "-fno-omit-frame-pointer",
];

async function run(command: string, args: string[]): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    cwd: root,
    env: { ASAN_OPTIONS: "detect_leaks=1:abort_on_error=0" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(output.stdout) + decoder.decode(output.stderr);
  assertEquals(output.code, 0, `${command} ${args.join(" ")}:\n${text}`);
  return text;
}

const programs = [...Deno.readDirSync(new URL(".", import.meta.url))]
  .map((entry) => entry.name)
  .filter((name) => name.endsWith(".c"))
  .sort();

for (const program of programs) {
  Deno.test(`native shims pass ${program} under the sanitizers`, async () => {
    const built = "native/build/san/libferrule.so";
    await run("make", ["-s", "-C", "native", "build/san/libferrule.so"]);
    const binary = `native/build/san/test_${program.replace(/\.c$/, "")}`;
    await run("cc", [
      ...SANITIZE,
      "-Inative",
      `tests/native/${program}`,
      built,
      "-pthread",
      `-Wl,-rpath,${root}native/build/san`,
      "-o",
      binary,
    ]);
    const text = await run(binary, []);
    for (const line of text.split("\n")) {
      if (line.startsWith("SKIPPED")) console.log(line);
    }
  });
}
