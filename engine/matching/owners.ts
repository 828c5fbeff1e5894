// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Whose an order is, and whether two orders may trade with each other.
 *
 * Reads the exchange's table of sessions, of which it defines the layout, and
 * the terms of orders. Owned by the exchange's thread. Allocates nothing,
 * changes nothing.
 *
 * @module
 */
import {
  type Book,
  ORDER_OWNER,
  ORDER_SESSION_MASK,
  ORDER_TERMS_BIT,
  TERMS_ACCOUNT,
  TERMS_FLAGS,
} from "../book/mod.ts";
import { StpMode, StpScope, TermFlag } from "../record/mod.ts";

/** Words of a session's state. */
export const SESSION_WORDS = 16;
export const SESSION_OUT_SEQUENCE = 0;
export const SESSION_IN_SEQUENCE = 1;
export const SESSION_PROTOCOL = 2;
export const SESSION_LOGGED_ON = 3;
export const SESSION_ORDERS = 4;
/** Index of its account; 0 = none. */
export const SESSION_ACCOUNT = 5;
/** `StpMode` | `StpScope` << 4. */
export const SESSION_STP = 6;
/** Number of its group; 0 = none. */
export const SESSION_GROUP = 7;
/** 1 = blocked by itself, 2 = by the appliance. */
export const SESSION_BLOCKED = 8;
/** 1 = its messages are counted against a rate. */
export const SESSION_RATED = 9;

/** `TermFlag.STP_MASK` of an order that wants no prevention. */
const STP_OFF = 7;

/** Owners of orders. */
export class Owners {
  readonly #book: Book;
  readonly #sessions: Int32Array;
  readonly #sessionsMax: number;
  /**
   * By scope, then session: by what its orders are known as one owner's; 0 = by
   * nothing. Derived from the sessions, for quick comparison.
   */
  readonly identities: Int32Array;

  /** @param sessions `SESSION_WORDS` for each session. */
  constructor(book: Book, sessions: Int32Array) {
    this.#book = book;
    this.#sessions = sessions;
    this.#sessionsMax = sessions.length / SESSION_WORDS;
    this.identities = new Int32Array(3 * this.#sessionsMax);
    this.renewAll();
  }

  /** All sessions' accounts and groups may have changed. */
  renewAll(): void {
    for (let i = 0; i < this.#sessionsMax; i++) this.renew(i);
  }

  /** A session's account or group changed. */
  renew(session: number): void {
    const at = session * SESSION_WORDS;
    const max = this.#sessionsMax;
    this.identities[StpScope.SESSION * max + session] = session + 1;
    this.identities[StpScope.ACCOUNT * max + session] = this
      .#sessions[at + SESSION_ACCOUNT]!;
    this.identities[StpScope.GROUP * max + session] = this
      .#sessions[at + SESSION_GROUP]!;
  }

  /** Place of a session's row in `identities`, by its scope. */
  rowOf(session: number): number {
    const stp = this.#sessions[session * SESSION_WORDS + SESSION_STP]!;
    return (stp >>> 4) * this.#sessionsMax;
  }

  /** What orders of a session must not meet in its row; -1 = nothing. */
  ownIdentity(session: number): number {
    const stp = this.#sessions[session * SESSION_WORDS + SESSION_STP]!;
    if ((stp & 0xf) === StpMode.NONE) return -1;
    return this.identities[this.rowOf(session) + session]! || -1;
  }

  /** Session of an order. */
  sessionOf(order: number): number {
    return this.#book.i32[order + ORDER_OWNER]! & ORDER_SESSION_MASK;
  }

  /** Account of an order: its own, or else its session's; 0 = none. */
  accountOf(order: number): number {
    const { i32 } = this.#book;
    const owner = i32[order + ORDER_OWNER]!;
    if ((owner & ORDER_TERMS_BIT) !== 0) {
      const own = i32[this.#book.termsOf(order) + TERMS_ACCOUNT]!;
      if (own !== 0) return own;
    }
    return this.accountOfSession(owner & ORDER_SESSION_MASK);
  }

  /** Account of a session; 0 = none. */
  accountOfSession(session: number): number {
    return this.#sessions[session * SESSION_WORDS + SESSION_ACCOUNT]!;
  }

  /** `StpMode` of an order as a taker. */
  modeOf(order: number): number {
    const { i32 } = this.#book;
    const owner = i32[order + ORDER_OWNER]!;
    if ((owner & ORDER_TERMS_BIT) !== 0) {
      const flags = i32[this.#book.termsOf(order) + TERMS_FLAGS]!;
      const own = (flags & TermFlag.STP_MASK) >>> TermFlag.STP_SHIFT;
      if (own === STP_OFF) return StpMode.NONE;
      if (own !== 0) return own;
    }
    const session = (owner & ORDER_SESSION_MASK) * SESSION_WORDS;
    return this.#sessions[session + SESSION_STP]! & 0xf;
  }

  /** True if the taker's scope says that the maker is its own. */
  isOwn(taker: number, maker: number): boolean {
    const session = this.sessionOf(taker);
    const other = this.sessionOf(maker);
    const scope = this.#sessions[session * SESSION_WORDS + SESSION_STP]! >>> 4;
    if (scope === StpScope.SESSION) return session === other;
    if (scope === StpScope.ACCOUNT) {
      const account = this.accountOf(taker);
      return account !== 0 && account === this.accountOf(maker);
    }
    const group = this.#sessions[session * SESSION_WORDS + SESSION_GROUP]!;
    return group !== 0 &&
      group === this.#sessions[other * SESSION_WORDS + SESSION_GROUP];
  }
}
