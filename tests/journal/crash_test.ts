// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A writer that is killed while it writes: everything that it told to be
 * durable is there afterwards, and the next run goes on behind it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Random, readBack } from "./journal_harness.ts";

const CHILD = new URL("crash_child.ts", import.meta.url).pathname;
const SEED = 0xdead;

/** Runs a writer until it has told `count` times, kills it, and gives the last it told. */
async function runAndKill(
  directory: string,
  durability: string,
  count: number,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", CHILD, directory, durability],
    stdout: "piped",
  }).spawn();
  const told: number[] = [];
  let rest = new Uint8Array(0);
  let killed = false;
  for await (const chunk of child.stdout) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const whole = bytes.length - bytes.length % 8;
    told.push(...new Float64Array(bytes.slice(0, whole).buffer));
    rest = bytes.slice(whole);
    if (told.length >= count && !killed) {
      killed = true;
      child.kill("SIGKILL");
    }
  }
  const status = await child.status;
  assertEquals(
    status.signal,
    "SIGKILL",
    `the writer ended by itself: ${status.code}`,
  );
  return told.at(-1)!;
}

for (const durability of ["written", "mapped", "synced"]) {
  Deno.test(`JournalWriter with ${durability} keeps its word when it is killed`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "ferrule-crash-" });
    const random = new Random(SEED);
    try {
      let before = 0;
      for (let run = 0; run < 6; run++) {
        const told = await runAndKill(
          directory,
          durability,
          2 + random.below(400),
        );
        const recovery = readBack(directory);
        const place = `seed ${SEED}, run ${run}`;
        assert(
          recovery.records >= told,
          `${place}: told ${told}, found ${recovery.records}`,
        );
        assert(told >= before, `${place}: ${told} after ${before}`);
        assert(recovery.epoch >= run, place);
        before = recovery.records;
      }
      assertEquals(readBack(directory).records, before);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}
