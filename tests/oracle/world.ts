// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the oracle remembers: orders, instruments, sessions, accounts.
 *
 * Maps, arrays and objects, nothing clever. Rules are in the files beside.
 *
 * @module
 */
import { OrdType, TermFlag, TradingState } from "../../engine/record/mod.ts";
import type { TestCommand, TestEvent } from "../exchange/support.ts";

/** The largest whole number of lots: 2^53 - 1. */
export const LARGEST = Number.MAX_SAFE_INTEGER;
/** The highest price. */
export const PRICE_MAX = 2 ** 31 - 1;
/** An instrument or account limit that says "all" or "any". */
export const ANY_INSTRUMENT = 0xffff;

/** One order. */
export interface NaiveOrder {
  readonly id: number;
  readonly session: number;
  /** As its terms said; 0 = its session's. */
  readonly givenAccount: number;
  /** Its own or its session's when it came; 0 = none. */
  readonly account: number;
  readonly instrument: number;
  readonly side: number;
  readonly ordType: number;
  readonly timeInForce: number;
  readonly flags: number;
  readonly displayQuantity: number;
  readonly displayRange: number;
  readonly minQuantity: number;
  readonly expireTime: number;
  readonly offset: number;
  /** Counts as special: it came with terms, or was linked with. */
  hasTerms: boolean;
  reference: number;
  clOrdId: string | undefined;
  /** Its limit; 0 = none. */
  price: number;
  stopPrice: number;
  quantity: number;
  leaves: number;
  notional: number;
  /** The order that is canceled when this one trades. */
  link: NaiveOrder | undefined;
  where: "nowhere" | "displayed" | "hidden" | "stops";
  /**
   * Price at which it stands in the book; a market order of an auction: infinite;
   * a peg that stands nowhere: 0.
   */
  at: number;
  /** When it came to its place: older is first. */
  arrival: number;
  /** Lots of its slice; all leaves if it is no iceberg. */
  shown: number;
  /** Slices drawn so far. */
  draws: number;
  triggered: boolean;
  /** Filled or canceled. */
  ended: boolean;
}

/** A band of a tick table: from this price on, prices are multiples of the step. */
export interface TickBand {
  readonly from: number;
  readonly step: number;
}

/** What a call tells. */
export interface Indication {
  readonly price: number;
  readonly volume: number;
  readonly imbalance: number;
}

/** One instrument with its book. */
export interface NaiveInstrument {
  readonly index: number;
  /** Both halves, in priority. */
  readonly bids: NaiveOrder[];
  readonly asks: NaiveOrder[];
  /** In the order in which they trigger. */
  readonly buyStops: NaiveOrder[];
  readonly sellStops: NaiveOrder[];
  state: number;
  /** When the state ends, nanoseconds; 0 = when told. */
  until: number;
  nextState: number;
  /** 0 = none. */
  last: number;
  /** 0 = none. */
  reference: number;
  priceCollar: number;
  marketCollar: number;
  bandLow: number;
  bandHigh: number;
  volatilityRange: number;
  volatilityTime: number;
  lotStep: number;
  group: number;
  ticks: TickBand[];
  quantityMax: number;
  notionalMax: number;
  /** What the call told last. */
  told: Indication;
}

/** One session. */
export interface NaiveSession {
  outSequence: number;
  inSequence: number;
  account: number;
  group: number;
  stpMode: number;
  stpScope: number;
  messagesMax: number;
  interval: number;
  windowEnd: number;
  messages: number;
  /** Who blocked it. */
  readonly blocks: Set<"itself" | "appliance">;
}

/** One account. */
export interface NaiveAccount {
  group: number;
  /** By `AccountLimit`; 0 = none. */
  readonly hard: number[];
  readonly soft: number[];
  /** Lots bought less lots sold, by instrument. */
  readonly net: Map<number, bigint>;
  readonly restricted: Set<number>;
  readonly blocks: Set<"itself" | "appliance">;
}

/** How much fits. */
export interface NaiveCapacity {
  readonly ordersMax: number;
  readonly specialMax?: number;
  readonly accountsMax?: number;
}

/** Everything, and the command that is being applied. */
export class World {
  readonly instruments = new Map<number, NaiveInstrument>();
  readonly sessions = new Map<number, NaiveSession>();
  readonly accounts = new Map<number, NaiveAccount>();
  /** Live orders by session and reference. */
  readonly live = new Map<string, NaiveOrder>();
  /** Those of them that have terms. */
  readonly special = new Set<NaiveOrder>();
  /** Instruments to settle after the command. */
  readonly touched = new Set<number>();
  readonly accountsMax: number;
  ordersMax: number;
  specialMax: number;
  trades = 0;
  preventions = 0;
  arrivals = 0;
  command: TestCommand = { kind: 0 };
  sequence = 0;
  now = 0;
  /** The order that the command brings or names. */
  subject: NaiveOrder | undefined;
  events: TestEvent[] = [];

  constructor(capacity: NaiveCapacity) {
    this.ordersMax = capacity.ordersMax;
    this.specialMax = capacity.specialMax ?? capacity.ordersMax;
    this.accountsMax = capacity.accountsMax ?? 64;
  }

  /** Session of the command. */
  get asker(): number {
    return this.command.session ?? 1;
  }

  instrument(index: number): NaiveInstrument {
    const found = this.instruments.get(index);
    if (found === undefined) throw new Error(`no instrument ${index}`);
    return found;
  }

  session(index: number): NaiveSession {
    let session = this.sessions.get(index);
    if (session === undefined) {
      session = {
        outSequence: 0,
        inSequence: 0,
        account: 0,
        group: 0,
        stpMode: 0,
        stpScope: 0,
        messagesMax: 0,
        interval: 0,
        windowEnd: 0,
        messages: 0,
        blocks: new Set(),
      };
      this.sessions.set(index, session);
    }
    return session;
  }

  /** A live order of the asking session. */
  find(reference: number): NaiveOrder | undefined {
    return this.live.get(`${this.asker}/${reference}`);
  }

  /** Live orders of an instrument in entry order. */
  ordersOf(instrument: number): NaiveOrder[] {
    return byEntry(
      [...this.live.values()].filter((o) => o.instrument === instrument),
    );
  }

  remember(order: NaiveOrder): void {
    this.live.set(`${order.session}/${order.reference}`, order);
    if (order.hasTerms) this.special.add(order);
  }

  forget(order: NaiveOrder): void {
    this.live.delete(`${order.session}/${order.reference}`);
    this.special.delete(order);
  }

  touch(instrument: number): void {
    this.touched.add(instrument);
  }
}

/** A new instrument. */
export function newInstrument(index: number): NaiveInstrument {
  return {
    index,
    bids: [],
    asks: [],
    buyStops: [],
    sellStops: [],
    state: TradingState.OPEN,
    until: 0,
    nextState: TradingState.OPEN,
    last: 0,
    reference: 0,
    priceCollar: 0,
    marketCollar: 0,
    bandLow: 0,
    bandHigh: 0,
    volatilityRange: 0,
    volatilityTime: 0,
    lotStep: 1,
    group: 0,
    ticks: [],
    quantityMax: LARGEST,
    notionalMax: LARGEST,
    told: { price: 0, volume: 0, imbalance: 0 },
  };
}

/** Sorts orders by id. */
export function byEntry(orders: NaiveOrder[]): NaiveOrder[] {
  return orders.sort((a, b) => a.id - b.id);
}

/** Lots that traded. */
export function filledOf(order: NaiveOrder): number {
  return order.quantity - order.leaves;
}

/** True if a bit of `TermFlag` is set. */
export function has(order: NaiveOrder, flag: number): boolean {
  return (order.flags & flag) !== 0;
}

export function isPeg(ordType: number): boolean {
  return ordType === OrdType.PEG_PRIMARY || ordType === OrdType.PEG_MARKET ||
    ordType === OrdType.PEG_MIDPOINT;
}

export function isStop(ordType: number): boolean {
  return ordType === OrdType.STOP || ordType === OrdType.STOP_LIMIT ||
    ordType === OrdType.TRAILING_STOP;
}

/** True if it needs many lots at once, or none. */
export function isConditional(order: NaiveOrder): boolean {
  return order.minQuantity > 0 || has(order, TermFlag.ALL_OR_NONE);
}

export function isAuctionOnly(timeInForce: number): boolean {
  return timeInForce === 2 || timeInForce === 7 || timeInForce === 11;
}

/** True in the four auctions. */
export function isCall(state: number): boolean {
  return state === TradingState.OPENING_AUCTION ||
    state === TradingState.VOLATILITY_AUCTION ||
    state === TradingState.REOPENING_AUCTION ||
    state === TradingState.CLOSING_AUCTION;
}
