// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The rule book's data (`docs/rules/`), with types. Orders and answers in it
 * are written as in `desk.ts`.
 *
 * @module
 */
import checks from "../../docs/rules/checks.json" with { type: "json" };
import orderTypes from "../../docs/rules/order_types.json" with {
  type: "json",
};
import priority from "../../docs/rules/priority.json" with { type: "json" };
import reasons from "../../docs/rules/reasons.json" with { type: "json" };
import selfTrade from "../../docs/rules/self_trade.json" with { type: "json" };
import states from "../../docs/rules/states.json" with { type: "json" };

/** A check of a request, in the order in which they are made. */
export interface CheckRow {
  readonly reason: string;
  /** What must hold. */
  readonly asks: string;
}

/** A replace of an order that rests. */
export interface ReplaceRow {
  /** What is behind `1 buy`. */
  readonly order: string;
  /** Lots that trade before the replace. */
  readonly filled: number;
  /** What is behind `replace 1`. */
  readonly ask: string;
  readonly answer: string;
  /** kept or lost. */
  readonly place: string;
  /** All buy orders, as they trade afterwards. */
  readonly queue: string;
  readonly why: string;
  /** The order 2, placed after it, if it is no plain one. */
  readonly rival?: string | undefined;
  /** A line that comes before all. */
  readonly market?: string | undefined;
  /** Trading state at the replace, if not OPEN. */
  readonly state?: string | undefined;
}

/** A replace before an auction, in which 7 lots meet the two orders. */
export interface CallRow {
  readonly order: string;
  readonly rival: string;
  /** Trading state when they are placed, and at the replace. */
  readonly state: string;
  readonly ask: string;
  readonly answer: string;
  readonly place: string;
  /** What they trade. */
  readonly trades: string;
  readonly why: string;
}

/** A replace of a stop that waits. */
export interface StopRow {
  readonly order: string;
  readonly rival: string;
  readonly ask: string;
  readonly answer: string;
  readonly place: string;
  /** References, in the order in which they trigger. */
  readonly triggers: string;
  readonly why: string;
}

/** A replace that races with fills. */
export interface RaceRow {
  readonly ordered: number;
  readonly filled: number;
  readonly asked: number;
  /** total or open. */
  readonly semantics: string;
  readonly quantity: number | null;
  readonly leaves: number | null;
  readonly place: string;
  readonly reason: string;
}

/** A reduce of an order that rests. */
export interface ReduceRow {
  readonly order: string;
  readonly filled: number;
  readonly by: number;
  readonly answer: string;
  readonly queue: string;
  readonly why: string;
  readonly rival?: string | undefined;
}

/** One reason. */
export interface ReasonRow {
  readonly code: number;
  readonly name: string;
  readonly text: string;
  readonly when: string;
  /** FIX tag 103, if it refuses new orders. */
  readonly ordRejReason: number | null;
  /** FIX tag 102, if it refuses other requests. */
  readonly cxlRejReason: number | null;
}

/** What an order type brings and may be. */
export interface TypeRow {
  readonly type: string;
  readonly code: number;
  /** needed, may be, none (refused) or ignored. */
  readonly price: string;
  readonly stopPrice: string;
  readonly offset: string;
  readonly times: readonly string[];
}

/** What terms go with. */
export interface TermRow {
  readonly term: string;
  readonly word: string;
  readonly types: readonly string[];
  readonly times: readonly string[];
  readonly notWith: readonly string[];
}

/** What a state allows of a command. */
export interface CommandRow {
  readonly command: string;
  readonly line: string;
  readonly states: readonly string[];
}

/** What an order does that meets a price outside the volatility range. */
export interface InterruptRow {
  /** What is behind `1 buy`. */
  readonly order: string;
  /** What is told of it, but for its acceptance. */
  readonly answer: string;
  /** True if the instrument goes to its auction. */
  readonly interrupted: boolean;
  readonly leaves: number;
  readonly what: string;
  /** A line that comes before. */
  readonly market?: string | undefined;
}

/** Whom self-trade prevention concerns. */
export interface OwnerRow {
  readonly session: number;
  readonly account: number;
  readonly group: number;
}

export const CHECKS: {
  readonly newOrder: readonly CheckRow[];
  readonly replace: readonly CheckRow[];
  readonly reduce: readonly CheckRow[];
  readonly cancel: readonly CheckRow[];
} = checks;

export const ORDER_TYPES: {
  readonly types: readonly TypeRow[];
  readonly times: readonly { time: string; code: number; does: string }[];
  readonly terms: readonly TermRow[];
} = orderTypes;

export const PRIORITY: {
  readonly replace: readonly ReplaceRow[];
  readonly calls: readonly CallRow[];
  readonly stops: readonly StopRow[];
  readonly races: readonly RaceRow[];
  readonly reduce: readonly ReduceRow[];
} = priority;

export const REASONS: {
  readonly ranges: readonly { from: number; to: number; who: string }[];
  readonly reasons: readonly ReasonRow[];
} = reasons;

export const SELF_TRADE: {
  readonly modes: readonly {
    mode: string;
    code: number;
    maker: string;
    taker: string;
  }[];
  readonly outcomes: readonly {
    mode: string;
    maker: number;
    taker: number;
    makerAfter: string;
    takerAfter: string;
    answer: string;
  }[];
  readonly scopes: readonly {
    who: string;
    maker: OwnerRow;
    taker: OwnerRow;
    SESSION: boolean;
    ACCOUNT: boolean;
    GROUP: boolean;
  }[];
  readonly choices: readonly {
    session: string;
    order: string;
    mode: string;
  }[];
} = selfTrade;

export const STATES: {
  readonly states: readonly { state: string; code: number; what: string }[];
  readonly commands: readonly CommandRow[];
  readonly interrupts: readonly InterruptRow[];
  readonly orders: readonly {
    order: string;
    line: string;
    /** By state: rests, joins, waits, dormant; nothing = refused. */
    in: Readonly<Record<string, string>>;
  }[];
  readonly ends: readonly {
    to: string;
    from: string;
    order: string;
    end: string;
  }[];
} = states;
