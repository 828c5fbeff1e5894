// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { bookTable, measureBook } from "../../bench/book_bench.ts";
import { mix, MIXES, sha256 } from "../../bench/standard_mix.ts";

Deno.test("mix() makes the standard mix, byte by byte", async () => {
  const { messages, symbols, sha256: expected } = MIXES.mix1m;
  assertEquals(await sha256(mix(messages, symbols)), expected);
});

Deno.test("measureBook() proves trades and book of the standard mix", async () => {
  const report = await measureBook("mix1m", 1, false);
  assertEquals(report.results.map((r) => [r.tape, r.book]), [
    ["3c8dec0e", "4f89b345"],
    ["3c8dec0e", "4f89b345"],
  ]);
  assertEquals(report.ratios, {});
  const table = bookTable(report);
  for (const result of report.results) assert(table.includes(result.name));
});
