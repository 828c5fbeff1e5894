// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One order as the command line names it, in the words of each protocol.
 *
 * ```
 *   --type stop-limit --stop 190 ... ─┬─▶ 40=4|99=190|...          FIX
 *                                     └─▶ BinaryOrder              binary
 * ```
 *
 * Pure; cold path. It judges only what it can't put into words: whether terms
 * go together is for the appliance to say.
 *
 * @module
 */
import type { BinaryOrder } from "../gateway/binary/requests.ts";
import { OrdType, Side, StpMode, TimeInForce } from "../record/mod.ts";

/** Order types: code, FIX tag 40, FIX tag 18. */
const TYPES = {
  "market": [OrdType.MARKET, "1", ""],
  "limit": [OrdType.LIMIT, "2", ""],
  "stop": [OrdType.STOP, "3", ""],
  "stop-limit": [OrdType.STOP_LIMIT, "4", ""],
  "market-to-limit": [OrdType.MARKET_TO_LIMIT, "K", ""],
  "trailing-stop": [OrdType.TRAILING_STOP, "P", "a"],
  "peg-primary": [OrdType.PEG_PRIMARY, "P", "R"],
  "peg-market": [OrdType.PEG_MARKET, "P", "P"],
  "peg-midpoint": [OrdType.PEG_MIDPOINT, "P", "M"],
} as const;
/** Times in force: code, FIX tag 59. */
const TIMES = {
  "day": [TimeInForce.DAY, "0"],
  "gtc": [TimeInForce.GTC, "1"],
  "at-open": [TimeInForce.AT_OPEN, "2"],
  "ioc": [TimeInForce.IOC, "3"],
  "fok": [TimeInForce.FOK, "4"],
  "gtd": [TimeInForce.GTD, "6"],
  "at-close": [TimeInForce.AT_CLOSE, "7"],
  "auction": [TimeInForce.GOOD_FOR_AUCTION, "B"],
} as const;
/** Self-trade prevention: code, FIX tag 2964. */
const SELF_TRADE = {
  "none": [StpMode.NONE, "N"],
  "cancel-newest": [StpMode.CANCEL_NEWEST, "1"],
  "cancel-oldest": [StpMode.CANCEL_OLDEST, "2"],
  "cancel-both": [StpMode.CANCEL_BOTH, "3"],
  "decrement": [StpMode.DECREMENT, "100"],
  "decrement-and-cancel": [StpMode.DECREMENT_AND_CANCEL, "101"],
} as const;

export type SendType = keyof typeof TYPES;
export type SendTime = keyof typeof TIMES;
export type SendSelfTrade = keyof typeof SELF_TRADE;
export const SEND_TYPES = Object.keys(TYPES) as readonly SendType[];
export const SEND_TIMES = Object.keys(TIMES) as readonly SendTime[];
export const SEND_SELF_TRADE = Object.keys(
  SELF_TRADE,
) as readonly SendSelfTrade[];

/** An order: decimals as text, absent = not so. */
export interface SendOrder {
  readonly side: "buy" | "sell";
  readonly quantity: string;
  readonly symbol: string;
  readonly type: SendType;
  readonly timeInForce: SendTime;
  readonly price?: string;
  readonly stop?: string;
  /** Shown at a time, and by how much that varies. */
  readonly display?: string;
  readonly displayRange?: string;
  readonly minimum?: string;
  /** UTC, ISO 8601. */
  readonly expire?: string;
  /** Whole ticks, or basis points. */
  readonly offset?: number;
  readonly basisPoints?: boolean;
  readonly postOnly?: boolean;
  readonly postSlide?: boolean;
  readonly hidden?: boolean;
  readonly allOrNone?: boolean;
  /** Name. */
  readonly account?: string;
  readonly selfTrade?: SendSelfTrade;
}

const UNIT = 100_000_000n;

/** "187.50" x 1e8. @throws {Error} If it is no decimal number of at most 8 places. */
export function decimalE8(text: string): bigint {
  const match = /^(\d{1,11})(?:\.(\d{1,8}))?$/.exec(text);
  if (match === null) {
    throw new Error(
      `${text} is no decimal number above zero with at most 8 decimal places`,
    );
  }
  return BigInt(match[1]!) * UNIT + BigInt((match[2] ?? "").padEnd(8, "0"));
}

/** A value x 1e8 as a decimal, without zeros at its end. */
export function textE8(value: bigint): string {
  const whole = value / UNIT;
  const rest = (value % UNIT).toString().padStart(8, "0").replace(/0+$/, "");
  return rest === "" ? String(whole) : `${whole}.${rest}`;
}

/** The type of an order that names none: by which prices it has. */
export function usualType(
  price: string | undefined,
  stop: string | undefined,
): SendType {
  if (stop !== undefined) return price === undefined ? "stop" : "stop-limit";
  return price === undefined ? "market" : "limit";
}

function expireMs(text: string): number {
  const ms = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
  if (!Number.isNaN(ms)) return ms;
  throw new Error(`${text} is no time: give one such as 2026-12-31T21:00:00Z`);
}

/**
 * Checks what is text before anybody is asked.
 *
 * @throws {Error} If a number or time is none.
 */
export function checkOrder(order: SendOrder): void {
  const { quantity, price, stop, display, displayRange, minimum } = order;
  for (const text of [quantity, price, stop, display, displayRange, minimum]) {
    if (text !== undefined) decimalE8(text);
  }
  if (order.expire !== undefined) expireMs(order.expire);
  if (displayRange !== undefined && display === undefined) {
    throw new Error("--display-range varies --display: give both");
  }
}

/** Body of a NewOrderSingle, with | for SOH. @param time UTCTimestamp of now. */
export function fixBody(
  order: SendOrder,
  clOrdId: string,
  time: string,
): string {
  const [, ordType, peg] = TYPES[order.type];
  const instructions = [
    peg,
    order.postOnly || order.postSlide ? "6" : "",
    order.allOrNone ? "G" : "",
  ].filter((one) => one !== "").join(" ");
  const fields: (readonly [number, string | undefined])[] = [
    [11, clOrdId],
    [1, order.account],
    [55, order.symbol],
    [54, order.side === "buy" ? "1" : "2"],
    [60, time],
    [38, order.quantity],
    [40, ordType],
    [18, instructions === "" ? undefined : instructions],
    [20001, order.postSlide ? "S" : undefined],
    [44, order.price],
    [99, order.stop],
    [59, TIMES[order.timeInForce][1]],
    [126, order.expire === undefined ? undefined : fixTime(order.expire)],
    [110, order.minimum],
    ...fixDisplay(order),
    [211, order.offset === undefined ? undefined : String(order.offset)],
    [836, offsetType(order)],
    [2964, order.selfTrade && SELF_TRADE[order.selfTrade][1]],
  ];
  return fields.filter(([, value]) => value !== undefined)
    .map(([tag, value]) => `${tag}=${value}|`).join("");
}

function offsetType({ offset, basisPoints }: SendOrder): string | undefined {
  if (offset === undefined) return undefined;
  return basisPoints ? "1" : "2";
}

function fixTime(text: string): string {
  return new Date(expireMs(text)).toISOString().replaceAll("-", "")
    .replace("T", "-").replace("Z", "");
}

/** Tags of icebergs and hidden orders. */
function fixDisplay(
  { display, displayRange, hidden }: SendOrder,
): (readonly [number, string | undefined])[] {
  if (hidden) return [[1084, "4"]];
  if (display === undefined) return [];
  if (displayRange === undefined) return [[111, display]];
  const middle = decimalE8(display);
  const range = decimalE8(displayRange);
  return [
    [111, display],
    [1084, "3"],
    [1085, textE8(middle - range)],
    [1086, textE8(middle + range)],
  ];
}

/**
 * The same for the binary protocol, which names instruments and accounts by
 * their place in the configuration.
 *
 * @throws {Error} If one is not there.
 */
export function binaryOrder(
  order: SendOrder,
  symbols: readonly string[],
  accounts: readonly string[],
): BinaryOrder {
  const e8 = (text: string | undefined) =>
    text === undefined ? undefined : decimalE8(text);
  const { expire, selfTrade } = order;
  const terms = {
    price: e8(order.price),
    stopPrice: e8(order.stop),
    displayQuantity: e8(order.display),
    displayRange: e8(order.displayRange),
    minQuantity: e8(order.minimum),
    expireTimeNs: expire === undefined
      ? undefined
      : BigInt(expireMs(expire)) * 1_000_000n,
    offset: order.offset,
    basisPoints: order.basisPoints,
    postOnly: order.postOnly,
    postSlide: order.postSlide,
    hidden: order.hidden,
    allOrNone: order.allOrNone,
    account: order.account === undefined
      ? undefined
      : placeOf(order.account, accounts, "account") + 1,
    selfTrade: selfTrade === undefined ? undefined : SELF_TRADE[selfTrade][0],
  };
  const given = Object.fromEntries(
    Object.entries(terms).filter(([, value]) => value !== undefined),
  );
  return {
    symbol: placeOf(order.symbol, symbols, "instrument"),
    side: order.side === "buy" ? Side.BUY : Side.SELL,
    quantity: decimalE8(order.quantity),
    ordType: TYPES[order.type][0],
    timeInForce: TIMES[order.timeInForce][0],
    ...given,
  };
}

function placeOf(name: string, names: readonly string[], what: string): number {
  const place = names.indexOf(name);
  if (place >= 0) return place;
  throw new Error(
    `${name} is not in the configuration: the binary protocol names an ${what} ` +
      `by its place there (${names.join(", ")})`,
  );
}
