// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the comparison with the oracle found, made small. Each was wrong once.
 *
 * @module
 */
import { CommandKind, InstrumentSetting } from "../../engine/record/mod.ts";
import { assertAgrees, type Setup } from "./differential.ts";
import type { TestCommand } from "./support.ts";

const { DEFINE_INSTRUMENT, NEW_ORDER, REPLACE_ORDER, REDUCE_ORDER } =
  CommandKind;
const { SET_STATE, SET_TICKS, SET_INSTRUMENT, DEFINE_CAPACITY } = CommandKind;
const LARGEST = 2 ** 53 - 1;
const PRICE_MAX = 2 ** 31 - 1;

/** A new order; buys and sells of session 1 unless it says otherwise. */
function order(
  reference: number,
  side: number,
  quantity: number,
  price: number,
  more: Partial<TestCommand> = {},
): TestCommand {
  return {
    kind: NEW_ORDER,
    session: 1,
    reference,
    side,
    ordType: 2,
    quantity,
    price,
    ...more,
  };
}

function check(
  name: string,
  commands: readonly TestCommand[],
  setup: Setup = {},
): void {
  Deno.test(`Exchange.apply() does what the oracle says: ${name}`, () => {
    assertAgrees(setup, [
      { kind: DEFINE_INSTRUMENT, session: 0 },
      { kind: DEFINE_INSTRUMENT, session: 0, instrument: 1 },
      ...commands,
    ]);
  });
}

check("a market-to-limit order that rests is replaced as a limit order", [
  order(1, 2, 10, 1002),
  order(2, 1, 18, 0, { ordType: 5 }),
  { kind: REPLACE_ORDER, reference: 2, price: 992, quantity: 40 },
]);

check("a fill-or-kill order whose makers cancel each other does not rest", [
  order(1, 1, 30, 1000),
  order(2, 1, 5, 1001, { linkReference: 1 }),
  order(3, 2, 33, 1000, { timeInForce: 4, session: 2 }),
  order(4, 1, 30, 1000),
  order(5, 1, 5, 1001, { linkReference: 4 }),
  order(6, 2, 33, 0, { ordType: 1, timeInForce: 4, session: 2 }),
]);

check("a reduced order that others trade with then is its request's order", [
  order(1, 2, 21, 1000),
  order(2, 1, 36, 1001, { termFlags: 8, session: 2, inSequence: 1 }),
  {
    kind: REDUCE_ORDER,
    session: 2,
    reference: 2,
    quantity: 16,
    inSequence: 2,
  },
]);

check("linked orders that trade with each other", [
  order(1, 1, 5, 1001),
  order(2, 2, 1, 1000, { linkReference: 1 }),
  order(3, 1, 1, 1001),
  order(4, 2, 5, 1000, { linkReference: 3 }),
]);

check("linked orders that trade with each other slice by slice", [
  order(1, 1, 1, 896),
  order(2, 2, 5, 971, { displayQuantity: 3, linkReference: 1 }),
  { kind: REPLACE_ORDER, reference: 1, price: 1021, quantity: 5 },
]);

check("linked orders that trade with each other in an auction", [
  { kind: SET_STATE, session: 0, detail: 2 },
  order(1, 1, 5, 1001),
  order(2, 2, 1, 1000, { linkReference: 1 }),
  { kind: SET_STATE, session: 0, detail: 0 },
]);

check("a peg moves when the tick table changes", [
  order(1, 2, 8, 1008),
  order(2, 1, 1, 0, { ordType: 9, offset: -1 }),
  order(3, 1, 1, 1002),
  { kind: SET_TICKS, session: 0, reason: 5 },
]);

check("the indicative price follows the reference price", [
  { kind: SET_STATE, session: 0, detail: 2 },
  order(1, 1, 5, 1010),
  order(2, 2, 5, 1000),
  {
    kind: SET_INSTRUMENT,
    session: 0,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price: 1003,
  },
]);

check("a plain order that is linked with needs terms", [
  order(1, 1, 1, 995),
  order(2, 1, 1, 996, { displayQuantity: 1 }),
  { kind: DEFINE_CAPACITY, session: 0, quantity: 3, reference: 2 },
  order(3, 1, 1, 999, { linkReference: 1 }),
  order(4, 1, 1, 999),
  order(5, 1, 1, 999, { linkReference: 1 }),
], { ordersMax: 5 });

check("no order rests at the highest price", [
  order(1, 1, 1, PRICE_MAX),
  order(2, 2, 1, PRICE_MAX),
  order(3, 1, 2, PRICE_MAX, { ordType: 4, stopPrice: 10 }),
  order(4, 1, 1, 10),
  order(5, 2, 1, 10),
]);

check("a level's lots stay an exact number when stops come to rest", [
  order(1, 1, LARGEST, 1, { ordType: 4, stopPrice: 10 }),
  order(2, 1, 1, 1, { ordType: 4, stopPrice: 11 }),
  order(3, 1, 1, 11),
  order(4, 2, 1, 11),
]);

check("market orders that wait for an auction have no price", [
  { kind: CommandKind.DEFINE_LIMITS, session: 0, reference: 4000 },
  { kind: SET_STATE, session: 0, detail: 7 },
  order(1, 1, 1, 0, { ordType: 1, timeInForce: 11 }),
  order(2, 1, 1, 991),
  order(3, 2, 5, 0, { ordType: 1, timeInForce: 7 }),
]);

check("a post-only order that grows in front of a conditional one", [
  order(1, 2, 1, 1000, { termFlags: 1 }),
  order(2, 1, 31, 1000, { minQuantity: 30, session: 2 }),
  { kind: REPLACE_ORDER, reference: 1, price: 1000, quantity: 19 },
]);

check("an order that joined an auction is replaced in another", [
  order(1, 2, 1, 1004, { timeInForce: 7 }),
  { kind: SET_STATE, session: 0, detail: 7 },
  { kind: SET_STATE, session: 0, detail: 5 },
  { kind: REPLACE_ORDER, reference: 1, price: 1000, quantity: 1 },
]);

check("a volatility interruption while an instrument settles", [
  {
    kind: SET_INSTRUMENT,
    session: 0,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price: 1010,
  },
  {
    kind: SET_INSTRUMENT,
    session: 0,
    detail: InstrumentSetting.VOLATILITY,
    quantity: 8,
    reference: 9345,
  },
  order(1, 1, 35, 1005),
  order(2, 1, 1, 991),
  order(3, 1, 1, 998, { timeInForce: 11 }),
  order(4, 2, 1, 998, { timeInForce: 11 }),
  order(5, 2, 5, 0, { ordType: 8 }),
  order(6, 2, 40, 991, { session: 2 }),
]);

check(
  "a condition that another rule of its owner lifted trades with the next command",
  [
    { kind: CommandKind.SET_SESSION, session: 4, detail: 1 },
    order(1, 2, 15, 0, { ordType: 9 }),
    order(2, 2, 1, 1003, { session: 4 }),
    order(3, 1, 20, 999, { session: 4, termFlags: 8 }),
    order(4, 1, 1, 995),
    order(5, 2, 18, 997, { session: 4 }),
    { kind: CommandKind.SET_SESSION, session: 4 },
    { kind: CommandKind.CANCEL_ORDER, session: 4, reference: 2 },
  ],
);
