// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The form of a new order: what is wrong with it whatever the book holds.
 *
 * @module
 */
import {
  OrdType,
  Reason,
  Side,
  TermFlag,
  TimeInForce,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { canRest } from "./book.ts";
import { trailedPrice } from "./settling.ts";
import { isValid } from "./ticks.ts";
import {
  isAuctionOnly,
  isPeg,
  isStop,
  LARGEST,
  type NaiveInstrument,
  type World,
} from "./world.ts";

const { MARKET, LIMIT, STOP_LIMIT, MARKET_TO_LIMIT, TRAILING_STOP } = OrdType;
const { DAY, GTC, GTD, IOC, FOK } = TimeInForce;
const RESTING: readonly number[] = [DAY, GTC, GTD];

/** The terms of a command, with nothing left out. */
export interface Terms {
  readonly flags: number;
  readonly stopPrice: number;
  readonly displayQuantity: number;
  readonly displayRange: number;
  readonly minQuantity: number;
  readonly expireTime: number;
  readonly linkReference: number;
  readonly offset: number;
  readonly account: number;
}

export function termsOf(command: TestCommand): Terms {
  return {
    flags: command.termFlags ?? 0,
    stopPrice: command.stopPrice ?? 0,
    displayQuantity: command.displayQuantity ?? 0,
    displayRange: command.displayRange ?? 0,
    minQuantity: command.minQuantity ?? 0,
    expireTime: command.expireTime ?? 0,
    linkReference: command.linkReference ?? 0,
    offset: command.offset ?? 0,
    account: command.account ?? 0,
  };
}

/** True if such an order counts as one with terms. */
export function isSpecial(command: TestCommand): boolean {
  const type = command.ordType ?? 0;
  const timeInForce = command.timeInForce ?? 0;
  return type !== MARKET && type !== LIMIT || timeInForce === GTD ||
    isAuctionOnly(timeInForce) ||
    Object.values(termsOf(command)).some((value) => value !== 0);
}

/** True if orders of this type bring a limit price. */
export function hasLimit(ordType: number): boolean {
  return ordType === LIMIT || ordType === STOP_LIMIT || isPeg(ordType);
}

/** First thing that is wrong with side, type, time in force and price. */
export function judgeBasics(command: TestCommand): Reason {
  const { side, ordType = 0, timeInForce = 0, price = 0 } = command;
  if (side !== Side.BUY && side !== Side.SELL) return Reason.INVALID_SIDE;
  if (!(Object.values(OrdType) as number[]).includes(ordType)) {
    return Reason.INVALID_ORD_TYPE;
  }
  if (!isTimeInForceFor(ordType, timeInForce)) {
    return Reason.INVALID_TIME_IN_FORCE;
  }
  return isPriceFor(ordType, price) ? Reason.NONE : Reason.INVALID_PRICE;
}

function isTimeInForceFor(ordType: number, timeInForce: number): boolean {
  const known = Object.values(TimeInForce) as number[];
  if (!known.includes(timeInForce)) return false;
  if (timeInForce === IOC || timeInForce === FOK) {
    return ordType === MARKET || ordType === LIMIT;
  }
  if (timeInForce === GTD) return ordType !== MARKET;
  return !isAuctionOnly(timeInForce) || ordType === MARKET || ordType === LIMIT;
}

/** Whether a type can have this price. */
export function isPriceFor(ordType: number, price: number): boolean {
  if (ordType === LIMIT || ordType === STOP_LIMIT) return price > 0;
  return !isPeg(ordType) || price >= 0;
}

export function judgeQuantity(
  book: NaiveInstrument,
  quantity: number,
): Reason {
  if (Number.isNaN(quantity) || quantity <= 0) return Reason.INVALID_QUANTITY;
  if (quantity > LARGEST) return Reason.QUANTITY_TOO_LARGE;
  return Number.isInteger(quantity) && quantity % book.lotStep === 0
    ? Reason.NONE
    : Reason.QUANTITY_OFF_LOT;
}

/** First thing that is wrong with the terms, each for itself and together. */
export function judgeTerms(world: World, book: NaiveInstrument): Reason {
  const { command } = world;
  const terms = termsOf(command);
  const type = command.ordType!;
  const quantity = command.quantity!;
  if (!isStopPriceFor(book, type, command.side!, terms)) {
    return Reason.INVALID_STOP_PRICE;
  }
  if (!isOffsetFor(type, terms)) return Reason.INVALID_OFFSET;
  if (!isDisplayFor(terms, quantity)) return Reason.INVALID_DISPLAY_QUANTITY;
  if (terms.minQuantity !== 0 && !isWhole(terms.minQuantity, 1, quantity)) {
    return Reason.INVALID_MIN_QUANTITY;
  }
  const expires = command.timeInForce === GTD
    ? terms.expireTime > world.now
    : terms.expireTime === 0;
  if (!expires) return Reason.INVALID_EXPIRE_TIME;
  return goTogether(terms, type, command.timeInForce ?? 0)
    ? Reason.NONE
    : Reason.INVALID_COMBINATION;
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function isStopPriceFor(
  book: NaiveInstrument,
  ordType: number,
  side: number,
  terms: Terms,
): boolean {
  const { stopPrice } = terms;
  if (ordType === TRAILING_STOP && stopPrice === 0) {
    if (book.last === 0) return false;
    // An offset that is none is told as such.
    return !isOffsetFor(ordType, terms) ||
      trailedPrice(book, { ...terms, side }) > 0;
  }
  return isStop(ordType) ? stopPrice > 0 : stopPrice === 0;
}

function isOffsetFor(ordType: number, terms: Terms): boolean {
  if (isPeg(ordType)) return true;
  if (ordType !== TRAILING_STOP) return terms.offset === 0;
  const basisPoints = (terms.flags & TermFlag.BASIS_POINTS) !== 0;
  return terms.offset > 0 && (!basisPoints || terms.offset <= 9999);
}

/** True if no command can meet too many slices of an iceberg. */
export function hasFewSlices(
  quantity: number,
  displayQuantity: number,
  displayRange: number,
): boolean {
  return displayQuantity === 0 ||
    quantity <= 65536 * (displayQuantity - displayRange);
}

function isDisplayFor(terms: Terms, quantity: number): boolean {
  const { displayQuantity, displayRange } = terms;
  if (displayQuantity !== 0 && !isWhole(displayQuantity, 1, quantity)) {
    return false;
  }
  if (!hasFewSlices(quantity, displayQuantity, displayRange)) return false;
  return displayRange === 0 ||
    isWhole(displayRange, 1, displayQuantity - 1);
}

const KNOWN_FLAGS = TermFlag.POST_ONLY | TermFlag.POST_SLIDE |
  TermFlag.HIDDEN | TermFlag.ALL_OR_NONE | TermFlag.BASIS_POINTS |
  TermFlag.STP_MASK;

/** Whether the terms may stand beside each other. */
function goTogether(
  terms: Terms,
  ordType: number,
  timeInForce: number,
): boolean {
  const set = (flag: number) => (terms.flags & flag) !== 0;
  const rests = RESTING.includes(timeInForce);
  const limit = ordType === LIMIT;
  const shows = terms.displayQuantity !== 0;
  const minimum = terms.minQuantity !== 0;
  const all = set(TermFlag.ALL_OR_NONE);
  const post = set(TermFlag.POST_ONLY) || set(TermFlag.POST_SLIDE);
  if ((terms.flags & ~KNOWN_FLAGS) !== 0) return false;
  if ((terms.flags & TermFlag.STP_MASK) >>> TermFlag.STP_SHIFT === 6) {
    return false;
  }
  if (shows || set(TermFlag.HIDDEN)) {
    if (!(limit || ordType === STOP_LIMIT) || !rests) return false;
  }
  if (shows && (set(TermFlag.HIDDEN) || minimum || all)) return false;
  if (minimum && all) return false;
  if ((minimum || all) && !(limit && (rests || timeInForce === IOC))) {
    return false;
  }
  if (set(TermFlag.POST_ONLY) && set(TermFlag.POST_SLIDE)) return false;
  if (post && (!limit || !rests || minimum || all)) return false;
  if (set(TermFlag.BASIS_POINTS) && ordType !== TRAILING_STOP) return false;
  return terms.linkReference === 0 ||
    canRest(ordType, timeInForce) && !isAuctionOnly(timeInForce);
}

/** Whether limit and stop price are in the tick table. */
export function isOnTick(
  book: NaiveInstrument,
  ordType: number,
  price: number,
  stopPrice: number,
): boolean {
  if (hasLimit(ordType) && price !== 0 && !isValid(book, price)) return false;
  return stopPrice === 0 || isValid(book, stopPrice);
}

/** True if it trades at once or not at all: needs an open instrument. */
export function isImmediate(ordType: number, timeInForce: number): boolean {
  return !canRest(ordType, timeInForce) || ordType === MARKET_TO_LIMIT;
}
