// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The kinds of streams that engine and oracle are compared on: each leans on
 * one part of the rules, the last one mixes all.
 *
 * @module
 */
import { CommandKind, InstrumentSetting } from "../../engine/record/mod.ts";
import type { Setup } from "../exchange/differential.ts";
import type { TestCommand } from "../exchange/support.ts";
import { RichCommands } from "./rich_commands.ts";
import { RICH_SHAPE, type RichShape } from "./rich_context.ts";

/** One kind of streams. */
export interface Shape {
  readonly name: string;
  readonly setup: Setup;
  readonly shape: Partial<RichShape>;
  /** Commands after the definitions. */
  readonly first?: readonly TestCommand[];
}

const SETUP: Setup = {
  ordersMax: 300,
  instrumentsMax: 2,
  sessionsMax: 5,
  accountsMax: 5,
  slots: 64,
};

function setting(
  instrument: number,
  detail: number,
  more: Partial<TestCommand>,
): TestCommand {
  return {
    kind: CommandKind.SET_INSTRUMENT,
    session: 0,
    instrument,
    detail,
    ...more,
  };
}

function ticks(
  instrument: number,
  detail: number,
  price: number,
  reason: number,
): TestCommand {
  return {
    kind: CommandKind.SET_TICKS,
    session: 0,
    instrument,
    detail,
    price,
    reason,
  };
}

const { REFERENCE_PRICE, VOLATILITY, LOT_STEP, MARKET_COLLAR } =
  InstrumentSetting;

/** All kinds. */
export const SHAPES: readonly Shape[] = [
  { name: "plain orders", setup: SETUP, shape: { texts: 6 } },
  {
    name: "a deep book",
    setup: { ...SETUP, ordersMax: 2000, instrumentsMax: 1 },
    shape: { instruments: 1, references: 2000, spread: 400, special: 25 },
  },
  {
    name: "order types and terms",
    setup: SETUP,
    shape: { special: 60, texts: 9 },
  },
  {
    name: "auctions and states",
    setup: SETUP,
    shape: { special: 35, auctionOnly: 15, states: 40 },
  },
  {
    name: "calls of few orders",
    setup: { ...SETUP, instrumentsMax: 1 },
    shape: {
      instruments: 1,
      special: 15,
      auctionOnly: 25,
      states: 150,
      settings: 15,
      spread: 5,
      quantityMax: 5,
    },
  },
  {
    name: "volatility",
    setup: SETUP,
    shape: { special: 40, auctionOnly: 5, states: 8 },
    first: [0, 1].flatMap((i) => [
      setting(i, REFERENCE_PRICE, { price: 1000 }),
      setting(i, VOLATILITY, { quantity: 3 + 2 * i, reference: 4000 }),
      setting(i, MARKET_COLLAR, { quantity: 2 }),
    ]),
  },
  {
    name: "self-trade prevention",
    setup: SETUP,
    shape: { special: 40, owners: 12, references: 200 },
  },
  {
    name: "limits and kill switches",
    setup: SETUP,
    shape: { special: 20, owners: 25, settings: 20, masses: 15 },
  },
  {
    name: "few orders fit, a ring of four slots",
    setup: { ...SETUP, ordersMax: 12, specialMax: 7, slots: 4 },
    shape: { special: 50, states: 5 },
  },
  {
    name: "changing capacity",
    setup: { ...SETUP, ordersMax: 12, slots: 16 },
    shape: { special: 40, capacities: 10, masses: 5 },
  },
  {
    name: "absurd numbers",
    setup: SETUP,
    shape: { special: 40, wrong: 6, absurd: 40, masses: 10 },
  },
  {
    name: "prices over all of int32, huge quantities",
    setup: SETUP,
    shape: {
      special: 30,
      auctionOnly: 5,
      states: 10,
      mid: 2 ** 30,
      spread: 2 ** 30 - 1,
      quantityMax: 2 ** 31,
    },
  },
  {
    name: "tick tables and lot steps",
    setup: SETUP,
    shape: { special: 45, auctionOnly: 6, states: 30 },
    first: [
      setting(0, REFERENCE_PRICE, { price: 999 }),
      ticks(0, 0, 0, 2),
      ticks(0, 1, 1001, 3),
      ticks(1, 0, 0, 1),
      ticks(1, 1, 996, 4),
      ticks(1, 2, 1005, 1),
      setting(1, LOT_STEP, { quantity: 2 }),
    ],
  },
  {
    name: "everything",
    setup: SETUP,
    shape: {
      special: 45,
      auctionOnly: 8,
      wrong: 30,
      states: 12,
      settings: 8,
      owners: 8,
      masses: 10,
      sessionsWeight: 10,
      texts: 5,
    },
  },
];

/** The commands of one stream. */
export function* commandsOf(
  { shape, first }: Shape,
  seed: number,
  count: number,
): Generator<TestCommand> {
  const stream = new RichCommands({ ...RICH_SHAPE, ...shape, seed });
  const before = [...stream.prelude(), ...first ?? []];
  yield* before.slice(0, count);
  for (let i = before.length; i < count; i++) yield stream.next();
}
