// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Looks for a difference between engine and oracle in the tree that it lies in,
 * and says after how many commands it found one: for trees with a fault.
 *
 * Arguments: how many commands at most, names of shapes (none = all).
 *
 * @module
 */
import { differingStream } from "../exchange/streams.ts";
import { SHAPES } from "../oracle/shapes.ts";

const COMMANDS = 1500;

const [most, ...names] = Deno.args;
const shapes = SHAPES.filter((shape) =>
  names.length === 0 || names.includes(shape.name)
);
let sent = 0;
for (let seed = 1; sent < Number(most); seed++) {
  for (const shape of shapes) {
    const found = differingStream(shape, seed, COMMANDS);
    sent += found?.length ?? COMMANDS;
    if (found === undefined) continue;
    console.log(`found ${sent}`);
    Deno.exit(1);
  }
}
console.log(`nothing ${sent}`);
