// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Random orders of every kind, as simulated clients send them: prices near one
 * another so that they trade, quantities of a few lots, terms at random, and
 * now and then something that must be refused.
 *
 * @module
 */
import {
  OrdType,
  Side,
  StpMode,
  TimeInForce,
} from "../../engine/record/mod.ts";
import type { Random } from "../oracle/random.ts";

/** Instruments of the simulation. */
export const SYMBOLS = ["AA", "BB"] as const;
/** Ticks a price unit, by instrument. */
export const TICKS_PER_UNIT = [100, 20] as const;
const MID_TICKS = 1000;
const SPREAD_TICKS = 12;

/** An order, in ticks and lots. */
export interface SimOrder {
  readonly symbol: number;
  readonly side: number;
  readonly lots: number;
  readonly ticks: number;
  readonly ordType: number;
  readonly timeInForce: number;
  readonly stopTicks?: number;
  readonly shownLots?: number;
  readonly minLots?: number;
  readonly offset?: number;
  readonly hidden?: boolean;
  readonly postOnly?: boolean;
  readonly allOrNone?: boolean;
  readonly expireNs?: number;
  readonly selfTrade?: number;
  readonly linked?: boolean;
}

function price(random: Random, side: number): number {
  const away = random.draw(SPREAD_TICKS + 1) - (SPREAD_TICKS >>> 2);
  return side === Side.BUY ? MID_TICKS - away : MID_TICKS + away;
}

/** A limit or market order without terms. */
export function plainOrder(random: Random): SimOrder {
  const side = 1 + random.draw(2);
  const absurd = random.draw(60) === 0;
  return {
    symbol: random.draw(SYMBOLS.length),
    side,
    lots: absurd ? 0 : 1 + random.draw(20),
    ticks: price(random, side),
    ordType: random.draw(10) === 0 ? OrdType.MARKET : OrdType.LIMIT,
    timeInForce: random.pick([
      TimeInForce.DAY,
      TimeInForce.GTC,
      TimeInForce.GTC,
      TimeInForce.IOC,
      TimeInForce.FOK,
    ]),
  };
}

/** An order with terms. @param nowNs For those that end. */
export function specialOrder(random: Random, nowNs: number): SimOrder {
  const plain = plainOrder(random);
  const { side } = plain;
  const resting = { ...plain, timeInForce: TimeInForce.GTC } as const;
  const limit = { ...resting, ordType: OrdType.LIMIT } as const;
  const lots = 10 + random.draw(40);
  switch (random.draw(13)) {
    case 0:
      return {
        ...resting,
        ordType: OrdType.STOP,
        stopTicks: price(random, 3 - side),
      };
    case 1:
      return {
        ...resting,
        ordType: OrdType.STOP_LIMIT,
        stopTicks: price(random, 3 - side),
      };
    case 2:
      return { ...plain, ordType: OrdType.MARKET_TO_LIMIT };
    case 3:
      return {
        ...resting,
        ordType: OrdType.TRAILING_STOP,
        offset: 1 + random.draw(9),
      };
    case 4:
      return {
        ...resting,
        ordType: random.pick([
          OrdType.PEG_PRIMARY,
          OrdType.PEG_MARKET,
          OrdType.PEG_MIDPOINT,
        ]),
      };
    case 5:
      return { ...limit, lots, shownLots: 1 + random.draw(9) };
    case 6:
      return { ...limit, hidden: true };
    case 7:
      return { ...limit, minLots: 1 + random.draw(10) };
    case 8:
      return { ...limit, allOrNone: true };
    case 9:
      return { ...limit, postOnly: true };
    case 10:
      return {
        ...limit,
        timeInForce: TimeInForce.GTD,
        expireNs: nowNs + (1 + random.draw(5000)) * 1e6,
      };
    case 11:
      return {
        ...plain,
        selfTrade: random.pick([
          StpMode.CANCEL_NEWEST,
          StpMode.CANCEL_OLDEST,
          StpMode.CANCEL_BOTH,
          StpMode.DECREMENT,
        ]),
      };
    default:
      return { ...limit, linked: true };
  }
}
