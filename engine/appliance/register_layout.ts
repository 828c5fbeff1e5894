// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The layout of the register (`register.ts`), and what people see of it.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { ACCOUNT_LIMIT_NAMES, TRADING_STATES } from "../config/mod.ts";
import { Protocol } from "../record/mod.ts";
import {
  TABLE_FIRST_SLOT,
  TABLE_TEXT_SLOTS,
  tableBytes,
  type TableShape,
  tableText,
} from "./shared_table.ts";

const TICK_BANDS = 8;
/** Warnings are counted for reasons below this. */
export const WARNING_REASONS = 512;
const NS_PER_MS = 1e6;
const TEXT_END = TABLE_FIRST_SLOT + TABLE_TEXT_SLOTS;

/** Places in `words`. */
export const RegisterWord = {
  INSTRUMENTS: 0,
  SESSIONS: 1,
  ACCOUNTS: 2,
  /** Commands of the operator that were applied. */
  TAKEN: 3,
  /** Sequence of the last of them. */
  SEQUENCE: 4,
  /** Orders that they canceled, ever. */
  CANCELED: 5,
  /** What the last mass cancel or kill switch was answered with. */
  REASON: 6,
  AUCTIONS: 7,
  PREVENTED: 8,
  /** Warnings by reason, from here on. */
  WARNINGS: 16,
} as const;
/** Words in all; a multiple of 8. */
export const REGISTER_WORDS = RegisterWord.WARNINGS + WARNING_REASONS;

/** Slots of an instrument's entry. */
export const InstrumentSlot = {
  SYMBOL: TABLE_FIRST_SLOT,
  TICK_SIZE_E8: TEXT_END,
  LOT_SIZE_E8: TEXT_END + 1,
  STATE: TEXT_END + 2,
  /** Milliseconds since 1970; 0 = until told. */
  STATE_UNTIL_MS: TEXT_END + 3,
  STATE_FOLLOWS: TEXT_END + 4,
  REFERENCE_PRICE: TEXT_END + 5,
  PRICE_COLLAR: TEXT_END + 6,
  MARKET_COLLAR: TEXT_END + 7,
  BAND_LOW: TEXT_END + 8,
  BAND_HIGH: TEXT_END + 9,
  VOLATILITY_RANGE: TEXT_END + 10,
  VOLATILITY_NS: TEXT_END + 11,
  LOT_STEP: TEXT_END + 12,
  GROUP: TEXT_END + 13,
  QUANTITY_MAX: TEXT_END + 14,
  NOTIONAL_MAX: TEXT_END + 15,
  INDICATIVE_PRICE: TEXT_END + 16,
  INDICATIVE_VOLUME: TEXT_END + 17,
  IMBALANCE: TEXT_END + 18,
  AUCTIONS: TEXT_END + 19,
  AUCTION_PRICE: TEXT_END + 20,
  AUCTION_VOLUME: TEXT_END + 21,
  /** Bands: first price and step of each. */
  TICKS: TEXT_END + 22,
} as const;
/** Slots of an instrument's entry in all. */
export const INSTRUMENT_SLOTS = InstrumentSlot.TICKS + 2 * TICK_BANDS;

/** Slots of a session's entry. */
export const SessionSlot = {
  NAME: TABLE_FIRST_SLOT,
  PROTOCOL: TEXT_END,
  ACCOUNT: TEXT_END + 1,
  /** `StpMode` | `StpScope` << 4. */
  STP: TEXT_END + 2,
  GROUP: TEXT_END + 3,
  MESSAGES_MAX: TEXT_END + 4,
  INTERVAL_NS: TEXT_END + 5,
  /** Bits: 1 = by itself, 2 = by the appliance. */
  BLOCKS: TEXT_END + 6,
} as const;
const SESSION_SLOTS = SessionSlot.BLOCKS + 1;

/** Slots of an account's entry. */
export const AccountSlot = {
  NAME: TABLE_FIRST_SLOT,
  GROUP: TEXT_END,
  /** Bits: 1 = by a client, 2 = by the appliance. */
  BLOCKS: TEXT_END + 1,
  /** Hard and soft of each. */
  LIMITS: TEXT_END + 2,
} as const;
const ACCOUNT_SLOTS = AccountSlot.LIMITS + 2 * ACCOUNT_LIMIT_NAMES.length;

/** How much is shown. */
export interface RegisterShape {
  readonly instruments: number;
  readonly sessions: number;
  /** Indexes from 0 (no account) up to below this. */
  readonly accounts: number;
}

/** The same for the thread that writes and for those that read. */
export function registerShape(config: Config): RegisterShape {
  const { instruments, sessions, accounts } = config.capacity;
  return { instruments, sessions, accounts: accounts + 1 };
}

/** Tables behind the words: instruments, sessions, accounts. */
export function registerTables(shape: RegisterShape): readonly TableShape[] {
  return [
    { entries: shape.instruments, slots: INSTRUMENT_SLOTS },
    { entries: shape.sessions, slots: SESSION_SLOTS },
    { entries: shape.accounts, slots: ACCOUNT_SLOTS },
  ];
}

/** Bytes that a register occupies; a multiple of 64. */
export function registerBytes(shape: RegisterShape): number {
  return registerTables(shape).reduce(
    (sum, table) => sum + tableBytes(table),
    REGISTER_WORDS * 8,
  );
}

/** An instrument as people see it: prices and quantities as decimals. */
export interface InstrumentView {
  readonly symbol: string;
  readonly index: number;
  readonly state: string;
  /** When the state ends, and what follows; null = it ends when told. */
  readonly stateUntil: string | null;
  readonly stateFollows: string | null;
  /** 0 = none, as all below. */
  readonly referencePrice: number;
  readonly indicativePrice: number;
  readonly indicativeVolume: number;
  /** Bought less sold at the indicative price. */
  readonly imbalance: number;
  readonly auctions: number;
  readonly auctionPrice: number;
  readonly auctionVolume: number;
  readonly tickSize: number;
  readonly lotSize: number;
  readonly tickTable: readonly {
    readonly from: number;
    readonly step: number;
  }[];
  readonly lotStep: number;
  readonly priceCollar: number;
  readonly marketCollar: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly volatilityRange: number;
  readonly volatilityAuctionMs: number;
  readonly group: number;
  /** Of one order; null = no limit. */
  readonly maxQuantity: number | null;
  readonly maxNotional: number | null;
}

/** A session as people see it. */
export interface SessionView {
  readonly index: number;
  readonly protocol: "fix" | "binary";
  readonly name: string;
  /** Name; null = none. */
  readonly account: string | null;
  readonly group: number;
  /** "client", "appliance" or both; orders and replaces are refused. */
  readonly blockedBy: readonly string[];
}

/** An account as people see it. */
export interface AccountView {
  readonly index: number;
  readonly name: string;
  readonly group: number;
  /** "client", "appliance" or both; orders and replaces are refused. */
  readonly blockedBy: readonly string[];
  /** Lots, ticks x lots, orders, lots; 0 = none. */
  readonly limits: Readonly<
    Record<string, { readonly hard: number; readonly soft: number }>
  >;
}

/** Units times their size x 1e8, to eight places: for people. */
export function scaled(units: number, sizeE8: number): number {
  return Number((units * (sizeE8 / 1e8)).toFixed(8));
}

/** An instrument's entry for people. */
export function instrumentView(
  entry: Float64Array,
  index: number,
): InstrumentView {
  const slot = InstrumentSlot;
  const price = (at: number): number =>
    scaled(entry[at]!, entry[slot.TICK_SIZE_E8]!);
  const lots = (at: number): number =>
    scaled(entry[at]!, entry[slot.LOT_SIZE_E8]!);
  const untilMs = entry[slot.STATE_UNTIL_MS]!;
  const tickTable = Array.from({ length: TICK_BANDS }, (_, band) => ({
    from: price(slot.TICKS + 2 * band),
    step: price(slot.TICKS + 2 * band + 1),
  })).filter(({ step }) => step > 0);
  return {
    symbol: tableText(entry, slot.SYMBOL),
    index,
    state: TRADING_STATES[entry[slot.STATE]!]!,
    stateUntil: untilMs === 0 ? null : new Date(untilMs).toISOString(),
    stateFollows: untilMs === 0
      ? null
      : TRADING_STATES[entry[slot.STATE_FOLLOWS]!]!,
    referencePrice: price(slot.REFERENCE_PRICE),
    indicativePrice: price(slot.INDICATIVE_PRICE),
    indicativeVolume: lots(slot.INDICATIVE_VOLUME),
    imbalance: lots(slot.IMBALANCE),
    auctions: entry[slot.AUCTIONS]!,
    auctionPrice: price(slot.AUCTION_PRICE),
    auctionVolume: lots(slot.AUCTION_VOLUME),
    tickSize: entry[slot.TICK_SIZE_E8]! / 1e8,
    lotSize: entry[slot.LOT_SIZE_E8]! / 1e8,
    tickTable,
    lotStep: lots(slot.LOT_STEP),
    priceCollar: price(slot.PRICE_COLLAR),
    marketCollar: price(slot.MARKET_COLLAR),
    bandLow: price(slot.BAND_LOW),
    bandHigh: price(slot.BAND_HIGH),
    volatilityRange: price(slot.VOLATILITY_RANGE),
    volatilityAuctionMs: entry[slot.VOLATILITY_NS]! / NS_PER_MS,
    group: entry[slot.GROUP]!,
    maxQuantity: entry[slot.QUANTITY_MAX]! === Number.MAX_SAFE_INTEGER
      ? null
      : lots(slot.QUANTITY_MAX),
    maxNotional: entry[slot.NOTIONAL_MAX]! === Number.MAX_SAFE_INTEGER
      ? null
      : scaled(
        entry[slot.NOTIONAL_MAX]! * (entry[slot.LOT_SIZE_E8]! / 1e8),
        entry[slot.TICK_SIZE_E8]!,
      ),
  };
}

/** Who blocks, from its bits. */
export function blockers(bits: number): string[] {
  return ["client", "appliance"].filter((_, bit) => (bits >> bit & 1) === 1);
}

/** An account's entry for people. */
export function accountView(entry: Float64Array, index: number): AccountView {
  return {
    index,
    name: tableText(entry, AccountSlot.NAME),
    group: entry[AccountSlot.GROUP]!,
    blockedBy: blockers(entry[AccountSlot.BLOCKS]!),
    limits: Object.fromEntries(
      ACCOUNT_LIMIT_NAMES.map((name, limit) => [name, {
        hard: entry[AccountSlot.LIMITS + 2 * limit]!,
        soft: entry[AccountSlot.LIMITS + 2 * limit + 1]!,
      }]),
    ),
  };
}

/** A session's entry for people. @param accounts Names by index. */
export function sessionView(
  entry: Float64Array,
  index: number,
  accounts: ReadonlyMap<number, string>,
): SessionView {
  return {
    index,
    protocol: entry[SessionSlot.PROTOCOL] === Protocol.FIX ? "fix" : "binary",
    name: tableText(entry, SessionSlot.NAME),
    account: accounts.get(entry[SessionSlot.ACCOUNT]!) ?? null,
    group: entry[SessionSlot.GROUP]!,
    blockedBy: blockers(entry[SessionSlot.BLOCKS]!),
  };
}
