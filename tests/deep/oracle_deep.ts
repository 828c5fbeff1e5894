// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Engine against oracle for as many commands as wanted, over many seeds: for
 * the night, `make test-deep`. What differs ends it with a small test to paste.
 *
 * Arguments: commands, first seed. The seeds of each round are printed before
 * it; a round with the same seeds sends the same commands.
 *
 * @module
 */
import { assertDenseAgrees } from "../exchange/dense.ts";
import { assertStreamAgrees } from "../exchange/streams.ts";
import { SHAPES } from "../oracle/shapes.ts";

/** Commands of one stream: short ones, and now and then a long one. */
const COMMANDS = [2000, 2000, 2000, 2000, 30_000];
/** Dense lists of one round. */
const LISTS = 500;

const commands = Number(Deno.args[0]);
const first = Number(Deno.args[1]);
if (!(commands > 0) || !Number.isInteger(first)) {
  console.error("Arguments: commands, first seed.");
  Deno.exit(1);
}
let sent = 0;
for (let round = 0; sent < commands; round++) {
  const seed = first + round * COMMANDS.length;
  const last = seed + COMMANDS.length - 1;
  console.log(`seeds ${seed} to ${last}: ${sent} commands so far`);
  for (const shape of SHAPES) {
    COMMANDS.forEach((count, i) => {
      assertStreamAgrees(shape, seed + i, count);
      sent += count;
    });
  }
  assertDenseAgrees(seed, LISTS);
}
console.log(`${sent} commands: engine and oracle agree`);
