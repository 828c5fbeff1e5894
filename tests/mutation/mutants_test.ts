// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Three faults of the mutation check, and that the others can still be made.
 * `make mutants` tries them all.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { SHAPES } from "../oracle/shapes.ts";
import { FAULTS } from "./faults.ts";
import { countOf, tryFault } from "./mutant.ts";

Deno.test("FAULTS can all be made: each text stands once in its file", () => {
  const wrong = FAULTS.filter((fault) => countOf(fault) !== 1);
  assertEquals(wrong.map((fault) => fault.rule), []);
});

Deno.test("FAULTS name shapes that are there, and no rule twice", () => {
  const known = new Set(SHAPES.map((shape) => shape.name));
  for (const fault of FAULTS) {
    for (const name of fault.shapes ?? []) {
      assert(known.has(name), `${fault.rule}: ${name}`);
    }
  }
  assertEquals(new Set(FAULTS.map((one) => one.rule)).size, FAULTS.length);
});

for (const part of ["priority: at one price", "stops: a buy", "CANCEL_BOTH"]) {
  const fault = FAULTS.find((one) => one.rule.includes(part))!;
  Deno.test(`the comparison with the oracle notices a fault: ${fault.rule}`, async () => {
    const { isCaught, how } = await tryFault(fault);
    assert(isCaught, how);
  });
}
