// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { measureBook } from "../../bench/book_bench.ts";
import { buildPrograms, programPath } from "../../bench/programs.ts";
import { sidesTable } from "../../bench/sides_table.ts";
import { mix, MIXES, sha256 } from "../../bench/standard_mix.ts";

Deno.test("mix() makes the standard mix, byte by byte", async () => {
  const { messages, symbols, sha256: expected } = MIXES.mix1m;
  assertEquals(await sha256(mix(messages, symbols)), expected);
});

Deno.test("measureBook() proves trades and book of every engine", async () => {
  await buildPrograms();
  const report = await measureBook("mix1m", {
    rounds: 1,
    npm: false,
    peers: [{ name: "C ladder", path: programPath("ladder") }],
  });
  assertEquals(Object.keys(report.timesNs), [
    "ferrule, bare book",
    "ferrule, exchange, events only",
    "ferrule, exchange",
    "C ladder",
  ]);
  const table = sidesTable(report.timesNs, "ferrule, exchange");
  for (const name of Object.keys(report.timesNs)) assert(table.includes(name));
});
