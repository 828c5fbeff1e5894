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
  CANCEL_FAULTS,
  deskWith,
  type Fault,
  mergedFields,
  NEW_ORDER,
  NEW_ORDER_FAULTS,
  RATE,
  REDUCE_FAULTS,
  REPLACE_FAULTS,
  requestWith,
} from "./faults.ts";

/** A kill switch cancels all orders that it blocks, so no replace meets it. */
const NEVER_OF_A_REPLACE = ["BLOCKED"];

/**
 * First and second of what no market has: no order meets another at the end of all prices;
 * where a post-only order would trade, both sides would stand at one price; a
 * level that is there needs no room.
 */
const NEVER_BOTH = [
  ["POST_ONLY_WOULD_TRADE", "PRICE_OUT_OF_RANGE"],
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

function answer(request: string, faults: readonly Fault[]): string {
  const command = requestWith(request, faults);
  const told = deskWith(request, faults).say(command);
  return told.replace(`!${command.reference} `, "");
}

/** Request, its answer if it fails no check, its checks, its faults. */
const KINDS = [
  [NEW_ORDER, "+1", CHECKS.newOrder, NEW_ORDER_FAULTS],
  ["replace 1 12@501", "=1 12/10@501", CHECKS.replace, REPLACE_FAULTS],
  ["reduce 1 3", "=1 7/5@500", CHECKS.reduce, REDUCE_FAULTS],
  ["cancel 1", "-1 CANCELED_BY_CLIENT", CHECKS.cancel, CANCEL_FAULTS],
] as const;

for (const [request, good, rows, all] of KINDS) {
  const faults = sorted(rows, all);
  const what = request === NEW_ORDER ? "new order" : request.split(" ")[0];

  Deno.test(`Exchange takes a ${what} that fails no check`, () => {
    assertEquals(answer(request, []), good);
  });

  faults.forEach((first, i) => {
    const which = faults.slice(0, i).some((f) => f.reason === first.reason)
      ? " of the level"
      : "";
    Deno.test(`Exchange refuses a ${what} with ${first.reason}${which} before all checks that follow`, () => {
      assertEquals(answer(request, [first]), first.reason);
      for (const second of faults.slice(i + 1)) {
        const pair = [first, second];
        if (mergedFields(pair) === undefined) continue;
        const never = NEVER_BOTH.some(([one, other]) =>
          one === first.reason && other === second.reason
        );
        if (never) continue;
        assertEquals(
          answer(request, pair),
          first.reason,
          `and ${second.reason}`,
        );
      }
    });
  });
}

Deno.test("checks.json is tried in hundreds of pairs", () => {
  let pairs = 0;
  for (const [, , rows, all] of KINDS) {
    const faults = sorted(rows, all);
    faults.forEach((first, i) => {
      pairs += faults.slice(i + 1)
        .filter((second) => mergedFields([first, second]) !== undefined)
        .length;
    });
  }
  assert(pairs > 800, `${pairs} pairs`);
});
