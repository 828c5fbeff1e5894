// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One way to fail each check of `docs/rules/checks.json`: fields that the
 * request has instead of good ones, what happens on the market before, and
 * what is forbidden then. Two faults whose fields are at peace make one
 * request that fails both.
 *
 * @module
 */
import {
  AccountLimit,
  CMD_FLAG_REFUSE,
  CommandKind,
  InstrumentSetting,
  MassScope,
  Reason,
  TermFlag,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { Desk, parseLine } from "./desk.ts";

/** How to fail a check. */
export interface Fault {
  readonly reason: string;
  /** Fields of the request; flags of terms add up. */
  readonly fields?: Partial<TestCommand>;
  /** Orders that come before. */
  readonly market?: readonly string[];
  /** Takes the price levels that there are. */
  readonly fill?: true;
  /** Limits of an instrument, set at once with those of the other fault. */
  readonly limits?: { readonly quantity?: number; readonly reference?: number };
  /** Capacity likewise. `orders`: as many as live. */
  readonly capacity?: { readonly orders?: true; readonly special?: number };
  readonly rules?: readonly TestCommand[];
  /** Words of the order that a replace is about. */
  readonly own?: string;
}

const HOUR = 3600e9;
const FAR = 777_777_778;
const HIGH = 1_000_000_000;
const MOST = Number.MAX_SAFE_INTEGER;
const { SET_INSTRUMENT, SET_ACCOUNT_LIMIT } = CommandKind;

function accountLimit(detail: number, quantity: number): TestCommand {
  return { kind: SET_ACCOUNT_LIMIT, session: 0, reason: 1, detail, quantity };
}

/** Faults that a new order and a replace have in common. */
const RULES: readonly Fault[] = [
  {
    reason: "PRICE_OFF_TICK",
    rules: [{ kind: CommandKind.SET_TICKS, session: 0, reason: 7 }],
  },
  {
    reason: "STATE_FORBIDS",
    rules: [{ kind: CommandKind.SET_STATE, session: 0, detail: 3 }],
  },
  {
    reason: "JOURNAL_FULL",
    fields: { flags: CMD_FLAG_REFUSE, reason: Reason.JOURNAL_FULL },
  },
  {
    reason: "JOURNAL_SLOW",
    fields: { flags: CMD_FLAG_REFUSE, reason: Reason.JOURNAL_SLOW },
  },
  {
    reason: "RESTRICTED",
    rules: [{
      kind: CommandKind.SET_RESTRICTION,
      session: 0,
      reason: 1,
      detail: 1,
    }],
  },
  { reason: "MAX_QUANTITY", limits: { quantity: 9 } },
  { reason: "MAX_NOTIONAL", limits: { reference: 5 } },
  {
    reason: "PRICE_BAND",
    rules: [{
      kind: SET_INSTRUMENT,
      session: 0,
      detail: InstrumentSetting.PRICE_BAND,
      price: 600,
      quantity: 700,
    }],
  },
  {
    reason: "PRICE_COLLAR",
    rules: [
      {
        kind: SET_INSTRUMENT,
        session: 0,
        detail: InstrumentSetting.REFERENCE_PRICE,
        price: 900,
      },
      {
        kind: SET_INSTRUMENT,
        session: 0,
        detail: InstrumentSetting.PRICE_COLLAR,
        quantity: 10,
      },
    ],
  },
  {
    reason: "ACCOUNT_MAX_QUANTITY",
    rules: [accountLimit(AccountLimit.QUANTITY, 9)],
  },
  {
    reason: "ACCOUNT_MAX_NOTIONAL",
    rules: [accountLimit(AccountLimit.NOTIONAL, 5)],
  },
  { reason: "MAX_POSITION", rules: [accountLimit(AccountLimit.POSITION, 9)] },
  { reason: "LEVEL_CAPACITY", fields: { price: FAR }, fill: true },
];

/** Faults of quantity that both have. */
const QUANTITIES: readonly Fault[] = [
  { reason: "INVALID_QUANTITY", fields: { quantity: 0 } },
  { reason: "QUANTITY_TOO_LARGE", fields: { quantity: MOST + 1 } },
  { reason: "QUANTITY_OFF_LOT", fields: { quantity: 12.5 } },
];

/** A request that fails no check; the others are about an order of before. */
export const NEW_ORDER = "1 buy 10@500";

/** Of `NEW_ORDER`. */
export const NEW_ORDER_FAULTS: readonly Fault[] = [
  { reason: "UNKNOWN_INSTRUMENT", fields: { instrument: 3 } },
  { reason: "INVALID_SIDE", fields: { side: 3 } },
  { reason: "INVALID_ORD_TYPE", fields: { ordType: 77 } },
  { reason: "INVALID_TIME_IN_FORCE", fields: { timeInForce: 5 } },
  { reason: "INVALID_PRICE", fields: { price: 0 } },
  ...QUANTITIES,
  { reason: "UNKNOWN_ACCOUNT", fields: { account: 60 } },
  { reason: "NOT_AUTHORIZED", fields: { account: 2 } },
  { reason: "INVALID_STOP_PRICE", fields: { stopPrice: 5 } },
  { reason: "INVALID_OFFSET", fields: { offset: 3 } },
  { reason: "INVALID_DISPLAY_QUANTITY", fields: { displayQuantity: 2.5 } },
  { reason: "INVALID_MIN_QUANTITY", fields: { minQuantity: 2.5 } },
  { reason: "INVALID_EXPIRE_TIME", fields: { expireTime: 5 } },
  {
    reason: "INVALID_COMBINATION",
    fields: { termFlags: TermFlag.BASIS_POINTS },
  },
  ...RULES,
  {
    reason: "BLOCKED",
    rules: [{
      kind: CommandKind.KILL,
      session: 0,
      detail: MassScope.SESSION,
      reason: 1,
    }],
  },
  {
    reason: "MAX_OPEN_ORDERS",
    market: ["800 buy 1@200"],
    rules: [accountLimit(AccountLimit.OPEN_ORDERS, 1)],
  },
  { reason: "DUPLICATE_ORDER", market: ["1 buy 1@200"] },
  { reason: "UNKNOWN_LINK", fields: { linkReference: 12345 } },
  {
    reason: "POST_ONLY_WOULD_TRADE",
    fields: { termFlags: TermFlag.POST_ONLY },
    market: ["2:801 sell 1@500"],
  },
  {
    reason: "SPECIAL_CAPACITY",
    fields: { termFlags: TermFlag.HIDDEN },
    market: ["2:802 buy 1@200 HIDDEN"],
    capacity: { special: 1 },
  },
  {
    reason: "ORDER_CAPACITY",
    market: ["2:803 buy 1@200"],
    capacity: { orders: true },
  },
  { reason: "PRICE_OUT_OF_RANGE", fields: { side: 2, price: 0x7fffffff } },
  {
    reason: "QUANTITY_TOO_LARGE",
    fields: { price: 1 },
    market: [`2:804 buy ${MOST - 5}@1`],
  },
];

/** Of `replace 1 12@501` for `1 sell 10@500`, of which 2 are filled. */
export const REPLACE_FAULTS: readonly Fault[] = [
  { reason: "UNKNOWN_ORDER", fields: { reference: 999 } },
  { reason: "INSTRUMENT_MISMATCH", fields: { instrument: 1 } },
  { reason: "SIDE_MISMATCH", fields: { side: 1 } },
  { reason: "INVALID_PRICE", fields: { price: 0 } },
  ...QUANTITIES,
  { reason: "QUANTITY_BELOW_FILLED", fields: { quantity: 2 } },
  {
    reason: "INVALID_STOP_PRICE",
    fields: { stopPrice: 5, termFlags: TermFlag.REPLACE_STOP },
  },
  { reason: "INVALID_COMBINATION", fields: { termFlags: TermFlag.HIDDEN } },
  ...RULES,
  {
    reason: "DUPLICATE_ORDER",
    fields: { newReference: 800 },
    market: ["800 sell 1@800"],
  },
  {
    reason: "POST_ONLY_WOULD_TRADE",
    fields: { price: 495 },
    market: ["2:801 buy 1@495"],
    own: " POST_ONLY",
  },
  { reason: "PRICE_OUT_OF_RANGE", fields: { price: 0x7fffffff } },
  {
    reason: "QUANTITY_TOO_LARGE",
    fields: { price: 1 },
    market: [`2:804 sell ${MOST - 5}@1`],
  },
];

const OF_ANOTHER: readonly Fault[] = REPLACE_FAULTS.slice(0, 3);

/** Of `reduce 1 3` for the same order. */
export const REDUCE_FAULTS: readonly Fault[] = [
  ...OF_ANOTHER,
  ...QUANTITIES,
  {
    reason: "STATE_FORBIDS",
    rules: [{ kind: CommandKind.SET_STATE, session: 0, detail: 9 }],
  },
];

/** Of `cancel 1` for the same order. */
export const CANCEL_FAULTS: readonly Fault[] = OF_ANOTHER;

/** The session has sent what it may; the last fault to be set up. */
export const RATE: Fault = { reason: "MESSAGE_RATE" };

/** Fields of several faults together; undefined if they contradict. */
export function mergedFields(
  faults: readonly Fault[],
): Partial<TestCommand> | undefined {
  const merged: Record<string, unknown> = {};
  let flags = 0;
  for (const { fields = {} } of faults) {
    for (const [name, value] of Object.entries(fields)) {
      if (name === "termFlags") flags |= Number(value);
      else if (name in merged && merged[name] !== value) return undefined;
      else merged[name] = value;
    }
  }
  return { ...merged, ...(flags === 0 ? {} : { termFlags: flags }) };
}

/** Session 1 has account 1; account 2 belongs to another group. */
function open(): Desk {
  const desk = new Desk({ pagesMax: 8 });
  for (const [account, group] of [[1, 0], [2, 9]]) {
    desk.say({
      kind: CommandKind.DEFINE_ACCOUNT,
      session: 0,
      reason: account!,
      price: group!,
      text: `ACCOUNT${account}`,
    });
  }
  desk.say({ kind: CommandKind.SET_SESSION, reason: 1 });
  return desk;
}

function fill(desk: Desk): void {
  for (let i = 1; i < 64; i++) {
    const told = desk.say(`3:${2000 + i} sell 1@${HIGH + i * 10_000_000}`);
    if (told.endsWith("LEVEL_CAPACITY")) return;
  }
  throw new Error("the levels do not end");
}

/** The desk on which such a request fails these checks, and no others. */
export function deskWith(request: string, faults: readonly Fault[]): Desk {
  const desk = open();
  if (request !== NEW_ORDER) {
    const own = faults.map((fault) => fault.own ?? "").join("");
    desk.setUp(`1 sell 10@500${own}`, "3:900 buy 2@500 IOC");
  }
  for (const line of faults.flatMap((fault) => fault.market ?? [])) {
    desk.setUp(line);
  }
  if (faults.some((fault) => fault.fill)) fill(desk);
  const limits = Object.assign({}, ...faults.map((fault) => fault.limits));
  if (faults.some((fault) => fault.limits)) {
    desk.say({ kind: CommandKind.DEFINE_LIMITS, session: 0, ...limits });
  }
  if (faults.some((fault) => fault.capacity)) {
    const orders = faults.some((fault) => fault.capacity?.orders);
    desk.say({
      kind: CommandKind.DEFINE_CAPACITY,
      session: 0,
      quantity: orders ? desk.exchange.ordersOpen : 1000,
      reference: faults.find((fault) => fault.capacity?.special)?.capacity
        ?.special ?? 0,
    });
  }
  for (const rule of faults.flatMap((fault) => fault.rules ?? [])) {
    desk.say(rule);
  }
  if (!faults.includes(RATE)) return desk;
  desk.say({
    kind: CommandKind.SET_SESSION,
    reason: 1,
    quantity: 1,
    reference: HOUR,
  });
  desk.say("replace 777 1@500");
  return desk;
}

/** The request that fails these checks. */
export function requestWith(
  request: string,
  faults: readonly Fault[],
): TestCommand {
  return { ...parseLine(request), ...mergedFields(faults) };
}
