// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * An engine of ours in a process of its own: its one argument is an
 * `EngineSpec` as JSON. It proves itself, says what it found, and then
 * answers each line on its input with a round: `{"ns": ...}`. It ends with
 * its input.
 *
 * @module
 */
import { roundOf, type Side } from "./contender.ts";
import { type EngineSpec, makeContender } from "./engines.ts";
import { readLines } from "./lines.ts";

/** An engine in another process. */
export interface EngineSide extends Side {
  /** What its proof found, if anything. */
  readonly digest: string;
  /** Ends the process. */
  close(): Promise<void>;
}

/** Starts an engine and waits for its proof. @throws {Error} If that fails. */
export async function startEngine(
  name: string,
  spec: EngineSpec,
): Promise<EngineSide> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      JSON.stringify(spec),
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = readLines(child.stdout);
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) {
      throw new Error(`${name} ended with ${(await child.status).code}`);
    }
    return JSON.parse(value);
  };
  const { digest, hugePages } = await answer();
  if (hugePages === false) console.log(`${name}: on ordinary pages`);
  return {
    name,
    digest: String(digest),
    round: async () => {
      await writer.write(new TextEncoder().encode("round\n"));
      return Number((await answer()).ns);
    },
    close: async () => {
      await writer.close();
      await child.status;
      await lines.return(undefined);
    },
  };
}

/** Starts several engines, one after the other. */
export async function startEngines(
  specs: Readonly<Record<string, EngineSpec>>,
): Promise<EngineSide[]> {
  const sides: EngineSide[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    sides.push(await startEngine(name, spec));
  }
  return sides;
}

async function serve(spec: EngineSpec): Promise<void> {
  const contender = await makeContender(spec);
  contender.prove();
  const { digest = "", hugePages } = contender;
  console.log(JSON.stringify({ digest, hugePages }));
  for await (const _ of readLines(Deno.stdin.readable)) {
    console.log(JSON.stringify({ ns: roundOf(contender) }));
  }
}

if (import.meta.main) await serve(JSON.parse(Deno.args[0]!));
