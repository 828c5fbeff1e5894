// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The page against its data, and the data against the codes of the engine.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  CXL_REJ_REASON,
  ORD_REJ_REASON,
} from "../../engine/gateway/fix/texts.ts";
import {
  OrdType,
  Reason,
  REASON_TEXT,
  StpMode,
  StpScope,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  CHECKS,
  ORDER_TYPES,
  PRIORITY,
  REASONS,
  SELF_TRADE,
  STATES,
} from "./data.ts";
import { rulesPage } from "./generate.ts";

const PAGE = new URL("../../docs/rules.md", import.meta.url);
const DATA = new URL("../../docs/rules/", import.meta.url);

/** Names and codes, sorted. */
function pairs(rows: readonly (readonly [string, number])[]) {
  return rows.toSorted(([, a], [, b]) => a - b);
}

Deno.test("docs/rules.md is what rulesPage() makes of the data", () => {
  assertEquals(Deno.readTextFileSync(PAGE), rulesPage(), "run: make rules");
});

Deno.test("docs/rules.md links back to the page that it belongs to", () => {
  assert(rulesPage().includes("](matching.md)"));
  const matching = Deno.readTextFileSync(new URL("../matching.md", DATA));
  assert(matching.includes("](rules.md)"));
});

Deno.test("reasons.json has every Reason, with code and text, and no other", () => {
  assertEquals(
    pairs(REASONS.reasons.map((r) => [r.name, r.code])),
    pairs(Object.entries(Reason)),
  );
  for (const row of REASONS.reasons) {
    assertEquals(row.text, REASON_TEXT[row.code], row.name);
    assert(row.when.length > 0, row.name);
    const range = REASONS.ranges.filter(({ from, to }) =>
      row.code >= from && row.code <= to
    );
    assertEquals(range.length, 1, `ranges of ${row.name}`);
  }
});

Deno.test("reasons.json has the codes that the FIX gateway sends", () => {
  const other = 99;
  for (const { name, code, ordRejReason, cxlRejReason } of REASONS.reasons) {
    assertEquals(ORD_REJ_REASON[code], ordRejReason ?? other, `103 of ${name}`);
    assertEquals(CXL_REJ_REASON[code], cxlRejReason ?? other, `102 of ${name}`);
  }
});

Deno.test("order_types.json has every OrdType and TimeInForce, and no other", () => {
  const { types, times } = ORDER_TYPES;
  assertEquals(
    pairs(types.map((r) => [r.type, r.code])),
    pairs(Object.entries(OrdType)),
  );
  assertEquals(
    pairs(times.map((r) => [r.time, r.code])),
    pairs(Object.entries(TimeInForce)),
  );
  const names = new Set(times.map((r) => r.time));
  for (const row of types) {
    for (const time of row.times) assert(names.has(time), time);
  }
});

Deno.test("order_types.json says of both terms that they do not go together", () => {
  for (const row of ORDER_TYPES.terms) {
    for (const other of row.notWith) {
      const back = ORDER_TYPES.terms.find(({ term }) => term === other);
      assert(
        back?.notWith.includes(row.term),
        `${other} does not know of ${row.term}`,
      );
    }
  }
});

Deno.test("states.json has every TradingState, and no other", () => {
  assertEquals(
    pairs(STATES.states.map((r) => [r.state, r.code])),
    pairs(Object.entries(TradingState)),
  );
  for (const row of STATES.commands) {
    for (const state of row.states) assert(state in TradingState, state);
  }
});

Deno.test("self_trade.json has every StpMode and StpScope", () => {
  assertEquals(
    pairs([
      ["NONE", 0],
      ...SELF_TRADE.modes.map(({ mode, code }) => [mode, code] as const),
    ]),
    pairs(Object.entries(StpMode)),
  );
  for (const row of SELF_TRADE.scopes) {
    for (const scope of Object.keys(StpScope)) assert(scope in row, scope);
  }
  for (const { mode } of SELF_TRADE.modes) {
    const sizes = SELF_TRADE.outcomes.filter((row) => row.mode === mode)
      .map(({ maker, taker }) => Math.sign(maker - taker));
    assertEquals([...new Set(sizes)].toSorted(), [-1, 0, 1].toSorted(), mode);
  }
});

Deno.test("checks.json asks for nothing twice, but for the lots of a level", () => {
  for (const rows of Object.values(CHECKS)) {
    const seen = rows.map(({ reason }) => reason);
    const twice = seen.filter((reason, i) => seen.indexOf(reason) !== i);
    const levels = seen.includes("LEVEL_CAPACITY");
    assertEquals(twice, levels ? ["QUANTITY_TOO_LARGE"] : []);
  }
});

Deno.test("docs/rules/ names no reason that is not there", () => {
  const names = new Set<string>(Object.keys(Reason));
  const other = new Set<string>([
    ...Object.keys(OrdType),
    ...Object.keys(TimeInForce),
    ...Object.keys(TradingState),
    ...Object.keys(StpMode),
    ...Object.keys(StpScope),
    "POST_ONLY",
    "POST_SLIDE",
    "ALL_OR_NONE",
    "BASIS_POINTS",
    "OPEN_QUANTITY",
    "REPLACE_STOP",
  ]);
  for (const entry of Deno.readDirSync(DATA)) {
    const text = Deno.readTextFileSync(new URL(entry.name, DATA));
    for (const [word] of text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)) {
      assert(names.has(word) || other.has(word), `${entry.name}: ${word}`);
    }
  }
});

Deno.test("priority.json has forty races and more, each of both meanings", () => {
  const { races } = PRIORITY;
  assert(races.length >= 40, `${races.length} races`);
  for (const { filled, asked } of races) {
    const both = races.filter((r) => r.filled === filled && r.asked === asked)
      .map((r) => r.semantics);
    assertEquals(both.toSorted(), ["open", "total"], `${filled}, ${asked}`);
  }
});
