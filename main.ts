// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The command line of Ferrule: reads arguments, calls what does the work.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import {
  commandConfig,
  commandControl,
  commandDoctor,
  commandHash,
  commandPromote,
  commandReplay,
  commandRun,
  commandSend,
  UsageError,
} from "./engine/appliance/commands.ts";

const USAGE = `Ferrule, a matching engine in a box.

  main.ts run [--config FILE]          start the appliance
  main.ts doctor [--config FILE] [--json]
                                       what this host lacks, and how to mend it
  main.ts config                       print the default configuration
  main.ts send [--config FILE] [--protocol fix|binary|binary-udp] [--session NAME]
               [--host ADDRESS] [--port N] [--password TEXT] [--tif day|gtc|ioc|fok]
               buy|sell QUANTITY SYMBOL [PRICE]
                                       place an order and print what comes back
  main.ts control [--config FILE] [--host ADDRESS] [--port N] REQUEST [KEY=VALUE ...]
                                       ask the running appliance: state, uncross, kill,
                                       unlock, cancel, set-instrument, set-account,
                                       define-instrument, define-account,
                                       replication mode=alone|replicated
  main.ts promote [--config FILE] [--host ADDRESS] [--port N] [force=true]
                                       make the standby of this host primary
  main.ts replay FILE [--format itch|lobster] [--book FILE]
                                       feed recorded order flow into the books
  main.ts hash [--config FILE] [--data DIRECTORY]
                                       replay the journal of a stopped appliance
                                       and print its sequence and state hash
`;

const OPTIONS = [
  "config",
  "protocol",
  "session",
  "host",
  "port",
  "password",
  "tif",
  "format",
  "book",
  "data",
] as const;

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: [...OPTIONS, "_"],
    boolean: ["help", "json"],
    unknown: (argument: string) => {
      if (argument.startsWith("-") && argument !== "-") unknown.push(argument);
      return true;
    },
  });
  const [command, ...rest] = flags._.map(String);
  if (flags.help || command === undefined) {
    Deno.stdout.writeSync(new TextEncoder().encode(USAGE));
    return flags.help ? 0 : 2;
  }
  if (unknown.length > 0) throw new UsageError(`Unknown option ${unknown[0]}`);
  switch (command) {
    case "run":
      return await commandRun(flags);
    case "doctor":
      return await commandDoctor(flags);
    case "config":
      return commandConfig();
    case "send":
      return await commandSend(flags, rest);
    case "control":
      return await commandControl(flags, rest);
    case "promote":
      return await commandPromote(flags, rest);
    case "replay":
      return await commandReplay(flags, rest);
    case "hash":
      return await commandHash(flags);
    default:
      throw new UsageError(`Unknown command ${command}`);
  }
}

if (import.meta.main) {
  let code: number;
  try {
    code = await main(Deno.args);
  } catch (error) {
    const usage = error instanceof UsageError;
    const text = error instanceof Error ? error.message : String(error);
    Deno.stderr.writeSync(
      new TextEncoder().encode(
        `ferrule: ${text}\n${usage ? "\n" + USAGE : ""}`,
      ),
    );
    code = usage ? 2 : 1;
  }
  Deno.exit(code);
}
