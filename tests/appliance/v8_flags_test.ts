// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The V8 flags stand in one module, and what starts the appliance repeats them.
 *
 * @module
 */
import { assertStringIncludes } from "@std/assert";
import { V8_FLAGS_OPTION } from "../../engine/appliance/v8_flags.ts";

for (const file of ["Makefile", "systemd/ferrule.service"]) {
  Deno.test(`${file} starts the appliance with the V8 flags`, () => {
    const text = Deno.readTextFileSync(
      new URL(`../../${file}`, import.meta.url),
    );
    assertStringIncludes(text, V8_FLAGS_OPTION);
  });
}
