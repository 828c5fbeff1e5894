// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Breaks each rule in turn and shows that the suite notices: `make mutants`.
 * Prints a table; a fault that nobody notices, or that cannot be made any more,
 * is a failure. Arguments: parts of rules' names (none = all).
 *
 * @module
 */
import { FAULTS } from "./faults.ts";
import { tryFault } from "./mutant.ts";

const meant = FAULTS.filter((fault) =>
  Deno.args.length === 0 ||
  Deno.args.some((part) => fault.rule.includes(part))
);
let survived = 0;
console.log(`| fault | noticed |\n| --- | --- |`);
for (const fault of meant) {
  const { isCaught, how } = await tryFault(fault);
  if (!isCaught) survived++;
  console.log(`| ${fault.rule} | ${isCaught ? how : `NO: ${how}`} |`);
}
console.log(`\n${meant.length - survived} of ${meant.length} faults noticed`);
Deno.exit(survived === 0 && meant.length > 0 ? 0 : 1);
