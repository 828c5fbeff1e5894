// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The order of `docs/rules/checks.json`: a request that fails one check is
 * refused with its reason, a request that fails two with that of the first.
 * All pairs that one request can fail are tried.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CheckRow, CHECKS } from "./data.ts";
import {
  deskWith,
  type Fault,
  mergedFields,
  NEW_ORDER_FAULTS,
  RATE,
  REPLACE_FAULTS,
  requestWith,
} from "./faults.ts";

/** A kill switch cancels all orders that it blocks, so no replace meets it. */
const NEVER_OF_A_REPLACE = ["BLOCKED"];

/**
 * Pairs that no market has: where a post-only order would trade, orders of its
 * own side and of the other would stand across at one price; and a level that
 * is there needs no room.
 */
const NEVER_BOTH = [
  ["POST_ONLY_WOULD_TRADE", "QUANTITY_TOO_LARGE"],
  ["LEVEL_CAPACITY", "QUANTITY_TOO_LARGE"],
];

/** The faults in the order of the checks, the first check first. */
function sorted(
  rows: readonly CheckRow[],
  faults: readonly Fault[],
): readonly Fault[] {
  const left = [RATE, ...faults];
  return rows.flatMap(({ reason }) => {
    const at = left.findIndex((fault) => fault.reason === reason);
    if (at >= 0) return left.splice(at, 1);
    assert(NEVER_OF_A_REPLACE.includes(reason), `no fault for ${reason}`);
    return [];
  });
}

function answer(faults: readonly Fault[], replaced: boolean): string {
  const request = requestWith(faults, replaced);
  const told = deskWith(faults, replaced).say(request);
  return told.replace(`!${request.reference} `, "");
}

const KINDS = [
  ["a new order", CHECKS.newOrder, NEW_ORDER_FAULTS, false],
  ["a replace", CHECKS.replace, REPLACE_FAULTS, true],
] as const;

for (const [what, rows, all, replaced] of KINDS) {
  const faults = sorted(rows, all);

  Deno.test(`Exchange takes ${what} that fails no check`, () => {
    const told = answer([], replaced);
    assertEquals(told, replaced ? "=1 12/10@501" : "+1");
  });

  faults.forEach((first, i) => {
    const which = faults.slice(0, i).some((f) => f.reason === first.reason)
      ? " of the level"
      : "";
    Deno.test(`Exchange refuses ${what} with ${first.reason}${which} before all checks that follow`, () => {
      assertEquals(answer([first], replaced), first.reason);
      for (const second of faults.slice(i + 1)) {
        const pair = [first, second];
        if (mergedFields(pair) === undefined) continue;
        const names = pair.map((fault) => fault.reason);
        if (
          NEVER_BOTH.some((never) => never.every((r) => names.includes(r)))
        ) continue;
        assertEquals(
          answer(pair, replaced),
          first.reason,
          `and ${second.reason}`,
        );
      }
    });
  });
}

Deno.test("checks.json is tried in hundreds of pairs", () => {
  let pairs = 0;
  for (const [, rows, all] of KINDS) {
    const faults = sorted(rows, all);
    faults.forEach((first, i) => {
      pairs += faults.slice(i + 1)
        .filter((second) => mergedFields([first, second]) !== undefined)
        .length;
    });
  }
  assert(pairs > 800, `${pairs} pairs`);
});
