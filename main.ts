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
import { DOCTOR_EXIT } from "./engine/appliance/doctor.ts";
import {
  commandInspect,
  commandShadow,
  commandVerify,
} from "./engine/inspect/commands.ts";

const USAGE = `Ferrule, a matching engine in a box.

  main.ts run [--config FILE]          start the appliance
  main.ts doctor [--config FILE] [--json] [--measure-disk]
                                       what this host lacks, and how to mend it;
                                       ends with 0, with 1 after warnings, 2 after
                                       errors, 3 where it could not look
  main.ts config                       print the default configuration
  main.ts config --check [--config FILE]
                                       say whether a file may be used, and what is wrong
                                       with it
  main.ts send [--config FILE] [--protocol fix|binary|binary-udp] [--session NAME]
               [--host ADDRESS] [--port N] [--password TEXT]
               [--type market|limit|stop|stop-limit|market-to-limit|trailing-stop|
                       peg-primary|peg-market|peg-midpoint]
               [--tif day|gtc|ioc|fok|gtd|at-open|at-close|auction] [--expire TIME]
               [--stop PRICE] [--offset=TICKS [--basis-points]] [--minimum QUANTITY]
               [--display QUANTITY [--display-range QUANTITY]] [--hidden]
               [--post-only | --post-slide] [--all-or-none] [--account NAME]
               [--self-trade none|cancel-newest|cancel-oldest|cancel-both|decrement|
                             decrement-and-cancel]
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
  main.ts inspect [--config FILE | --data DIRECTORY] [--archive DIRECTORY]
                  [--at SEQUENCE|TIME] [--json] WHAT
                                       look into a data folder, at any point of its
                                       history: summary, book SYMBOL [--levels N],
                                       sessions, session NAME, accounts, instruments,
                                       commands FROM..TO, events FROM..TO,
                                       messages NAME [FROM..TO], snapshot [FILE],
                                       segments, flight [FILE] (messages that took
                                       too long, and what the host did meanwhile)
  main.ts verify [--config FILE] [--archive DIRECTORY] [--quick] [--json] [DIRECTORY ...]
                                       check whole archives: segments, snapshots, and
                                       (without --quick) what the commands give
  main.ts shadow [--config FILE | --data DIRECTORY] [--archive DIRECTORY]
                 [--from-snapshot] [--json]
                                       whether this build may take over the data folder;
                                       --archive of all three: where older segments are,
                                       if no configuration says it
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
  "archive",
  "at",
  "levels",
  "type",
  "stop",
  "display",
  "display-range",
  "minimum",
  "expire",
  "offset",
  "account",
  "self-trade",
] as const;

const SWITCHES = [
  "help",
  "json",
  "measure-disk",
  "check",
  "quick",
  "from-snapshot",
  "basis-points",
  "post-only",
  "post-slide",
  "hidden",
  "all-or-none",
] as const;

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: [...OPTIONS, "_"],
    boolean: [...SWITCHES],
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
      return commandConfig(flags);
    case "send":
      return await commandSend(flags, rest);
    case "control":
      return await commandControl(flags, rest);
    case "promote":
      return await commandPromote(flags, rest);
    case "replay":
      return await commandReplay(flags, rest);
    case "inspect":
      return commandInspect(flags, rest);
    case "verify":
      return commandVerify(flags, rest);
    case "shadow":
      return commandShadow(flags, rest);
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
    // The doctor's own codes say what it found.
    code = Deno.args[0] === "doctor" ? DOCTOR_EXIT.UNKNOWN : usage ? 2 : 1;
  }
  Deno.exit(code);
}
