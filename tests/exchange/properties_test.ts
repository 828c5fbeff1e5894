// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Dense lists of commands, which fast-check makes small where they fail.
 *
 * @module
 */
import { assertDenseAgrees } from "./dense.ts";

const SEED = 20_260_101;
const LISTS = 1500;

Deno.test(`Exchange.apply() does what the oracle says: ${LISTS} dense lists, seed ${SEED}`, () => {
  assertDenseAgrees(SEED, LISTS);
});
