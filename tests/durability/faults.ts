// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Starts the appliance with the fault shim before the C library, and tells
 * the shim what to do. See `fault_shim.c`.
 *
 * @module
 */
import {
  type RunningAppliance,
  startAppliance,
  type StartOptions,
} from "../appliance/harness.ts";

const SOURCE = new URL("fault_shim.c", import.meta.url).pathname;
const BUILD = new URL("../../build/durability", import.meta.url).pathname;
const SHIM = `${BUILD}/fault_shim.so`;
/** No others use the file system of the tests: their writes must not decide. */
export const QUIET = "[snapshot]\nenabled = false\n";

/** Builds the shim. @throws {Error} With the compiler's words. */
async function buildShim(): Promise<void> {
  await Deno.mkdir(BUILD, { recursive: true });
  const { success, stderr } = await new Deno.Command("cc", {
    args: [
      ..."-O1 -g -Wall -Wextra -Werror -shared -fPIC -o".split(" "),
      SHIM,
      SOURCE,
      "-ldl",
    ],
    stderr: "piped",
  }).output();
  if (success) return;
  throw new Error(`${SOURCE}:\n${new TextDecoder().decode(stderr)}`);
}

/** An appliance whose disk does what it is told. */
export interface FaultyAppliance extends AsyncDisposable {
  readonly appliance: RunningAppliance;
  /** Faults from now on: lines of `call action value`; none = a good disk. */
  meet(...faults: readonly string[]): Promise<void>;
}

/** Starts one; its data stays if the options name a folder for it. */
export async function startFaulty(
  options: StartOptions,
): Promise<FaultyAppliance> {
  await buildShim();
  const file = await Deno.makeTempFile({ prefix: "ferrule-faults-" });
  const meet = async (...faults: readonly string[]) => {
    // Renamed, so that no call reads half of it.
    await Deno.writeTextFile(`${file}.new`, faults.join("\n"));
    await Deno.rename(`${file}.new`, file);
  };
  const appliance = await startAppliance({
    extraToml: QUIET,
    ...options,
    wrapper: ["env", `LD_PRELOAD=${SHIM}`, `FERRULE_FAULTS=${file}`],
  });
  return {
    appliance,
    meet,
    async [Symbol.asyncDispose]() {
      await appliance[Symbol.asyncDispose]();
      await Deno.remove(file);
    },
  };
}
