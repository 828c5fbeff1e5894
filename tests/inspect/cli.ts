// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs commands of `main.ts` that look into data folders, with the permissions
 * of their make targets.
 *
 * @module
 */
const ROOT = new URL("../..", import.meta.url).pathname;

/** What came out. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs `main.ts` with read access to the folders, and none to write. */
export async function runMain(
  args: readonly string[],
  readable: readonly string[],
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--frozen",
      "--allow-ffi",
      `--allow-read=${[ROOT, ...readable].join(",")}`,
      "--allow-env=FERRULE_NATIVE_DIR",
      `${ROOT}main.ts`,
      ...args,
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Lines of JSON as objects. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
}
