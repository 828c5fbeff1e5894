// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a client of the binary protocol asks for, as messages: every order type
 * and term by its name. A plain order becomes one block, any other three. Pure;
 * allocates freely; checks nothing that the appliance answers.
 *
 * @module
 */
import {
  OrdType,
  Side,
  StpMode,
  TermFlag,
  TimeInForce,
} from "../../record/mod.ts";
import {
  type ClientMessage,
  type ClientTerms,
  ClientType,
  SIDE_ACCOUNT,
  SIDE_HIDDEN,
  SIDE_OPEN_QUANTITY,
  SIDE_POST_ONLY,
  SIDE_PRICE_RANGE,
  sideByte,
  STP_NONE,
  SYMBOL_UNKNOWN,
  type Whole,
  wireTimeInForce,
} from "../../wire/binary/mod.ts";

/** What makes an order special. Absent = not so. */
export interface BinaryOrderTerms {
  /** Rejected rather than take liquidity. */
  readonly postOnly?: boolean;
  /** Priced away rather than take liquidity. */
  readonly postSlide?: boolean;
  readonly hidden?: boolean;
  readonly allOrNone?: boolean;
  /** Value x 1e8. */
  readonly stopPrice?: Whole;
  /** Lots shown at a time: value x 1e8. */
  readonly displayQuantity?: Whole;
  /** Slices vary by up to so much: value x 1e8. */
  readonly displayRange?: Whole;
  /** Value x 1e8. */
  readonly minQuantity?: Whole;
  /** When a GTD order ends, nanoseconds since 1970. */
  readonly expireTimeNs?: Whole;
  /** The order that this one cancels with its first fill, and the other way round. */
  readonly link?: OrderName;
  /** Of a trailing stop or a peg: ticks, or basis points. */
  readonly offset?: number;
  readonly basisPoints?: boolean;
  /** Number of the account; the session's if left out. */
  readonly account?: number;
  /** Self-trade prevention; `StpMode.NONE` = none, as the session has it if left out. */
  readonly selfTrade?: number;
}

/** A new order. */
export interface BinaryOrder extends BinaryOrderTerms {
  readonly symbol: number;
  /** `Side` */
  readonly side: number;
  /** Value x 1e8. */
  readonly quantity: Whole;
  /** Value x 1e8; left out for an order without limit. */
  readonly price?: Whole;
  /** `OrdType`; limit if left out. */
  readonly ordType?: number;
  /** `TimeInForce`; day if left out. */
  readonly timeInForce?: number;
  /** Nanoseconds since 1970, informational. */
  readonly timeNs?: Whole;
}

/** An order of ours, as later messages name it. */
export interface OrderName {
  /** Number of the message that made it. */
  readonly reference: number;
  readonly symbol: number;
  readonly side: number;
}

/** What a replace changes besides quantity and limit. */
export interface BinaryReplaceTerms {
  /** The quantity is what shall be open, not the total. */
  readonly openQuantity?: boolean;
  /** New stop price: value x 1e8. */
  readonly stopPrice?: Whole;
}

/** Which orders a mass cancel takes; all of the session's if all is left out. */
export interface BinaryMassCancel {
  /** Orders of an account instead of the session's. */
  readonly account?: number;
  readonly symbol?: number;
  /** `Side` */
  readonly side?: number;
  /** Value x 1e8; both of them, with a symbol. */
  readonly lowestPrice?: Whole;
  readonly highestPrice?: Whole;
}

/** A new order as a message. */
export function orderMessage(order: BinaryOrder): ClientMessage {
  const { symbol, side, quantity, price = 0, timeNs = 0 } = order;
  const { ordType = OrdType.LIMIT, timeInForce = TimeInForce.DAY } = order;
  const base = { symbol, quantity, price, reference: timeNs };
  const flags = flagsOf(order);
  const terms = termsOf(order);
  const oneBlock = Object.keys(terms).length === 0 &&
    (flags & ~(TermFlag.POST_ONLY | TermFlag.HIDDEN)) === 0 &&
    (ordType === OrdType.LIMIT || ordType === OrdType.MARKET) &&
    timeInForce !== TimeInForce.GTD;
  if (oneBlock) {
    return {
      ...base,
      type: ClientType.NEW_ORDER,
      side: sideByte(side, timeInForce, ordType) |
        (order.postOnly === true ? SIDE_POST_ONLY : 0) |
        (order.hidden === true ? SIDE_HIDDEN : 0),
    };
  }
  return {
    ...base,
    type: ClientType.NEW_ORDER_WITH_TERMS,
    side,
    terms: {
      ...terms,
      flags,
      ordType,
      timeInForce: wireTimeInForce(timeInForce),
    },
  };
}

/** Bits of `TermFlag`. */
function flagsOf(order: BinaryOrderTerms): number {
  return (order.postOnly === true ? TermFlag.POST_ONLY : 0) |
    (order.postSlide === true ? TermFlag.POST_SLIDE : 0) |
    (order.hidden === true ? TermFlag.HIDDEN : 0) |
    (order.allOrNone === true ? TermFlag.ALL_OR_NONE : 0) |
    (order.basisPoints === true ? TermFlag.BASIS_POINTS : 0);
}

/** Terms besides flags, only those that are given. */
function termsOf(order: BinaryOrderTerms): ClientTerms {
  const { stopPrice, displayQuantity, displayRange, minQuantity } = order;
  const { expireTimeNs, link, offset, account, selfTrade } = order;
  return {
    ...(stopPrice === undefined ? {} : { stopPrice }),
    ...(displayQuantity === undefined ? {} : { displayQuantity }),
    ...(displayRange === undefined ? {} : { displayRange }),
    ...(minQuantity === undefined ? {} : { minQuantity }),
    ...(expireTimeNs === undefined ? {} : { expireTimeNs }),
    ...(link === undefined ? {} : { linkReference: link.reference }),
    ...(offset === undefined ? {} : { offset }),
    ...(account === undefined ? {} : { account }),
    ...(selfTrade === undefined
      ? {}
      : { stp: selfTrade === StpMode.NONE ? STP_NONE : selfTrade }),
  };
}

/** A replace by a new quantity and limit as a message. */
export function replaceMessage(
  order: OrderName,
  quantity: Whole,
  price: Whole,
  { openQuantity = false, stopPrice }: BinaryReplaceTerms = {},
): ClientMessage {
  const { reference, symbol, side } = order;
  const base = { symbol, quantity, price, reference };
  if (stopPrice === undefined) {
    return {
      ...base,
      type: ClientType.REPLACE,
      side: side | (openQuantity ? SIDE_OPEN_QUANTITY : 0),
    };
  }
  return {
    ...base,
    type: ClientType.REPLACE_WITH_TERMS,
    side,
    terms: { flags: openQuantity ? TermFlag.OPEN_QUANTITY : 0, stopPrice },
  };
}

/** A mass cancel as a message. */
export function massCancelMessage(which: BinaryMassCancel): ClientMessage {
  const { account, symbol = SYMBOL_UNKNOWN, side = 0 } = which;
  const { lowestPrice, highestPrice } = which;
  const range = lowestPrice !== undefined || highestPrice !== undefined;
  return {
    type: ClientType.MASS_CANCEL,
    symbol,
    side: (side & (Side.BUY | Side.SELL)) |
      (account === undefined ? 0 : SIDE_ACCOUNT) |
      (range ? SIDE_PRICE_RANGE : 0),
    quantity: highestPrice ?? 0,
    price: lowestPrice ?? 0,
    reference: account ?? 0,
  };
}

/**
 * The kill switch as a message.
 *
 * @param type `ClientType.BLOCK` or `ClientType.UNLOCK`.
 * @param account Of an account instead of the session; undefined = session.
 */
export function blockMessage(type: number, account?: number): ClientMessage {
  return {
    type,
    symbol: SYMBOL_UNKNOWN,
    side: account === undefined ? 0 : SIDE_ACCOUNT,
    reference: account ?? 0,
  };
}
