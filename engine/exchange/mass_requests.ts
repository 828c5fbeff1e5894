// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Mass cancel and kill switch: requests that mean many orders at once.
 *
 * Owned by the exchange's thread. Allocates a list of the orders found. The
 * rules are in `docs/matching.md`, Cancel, reduce, replace.
 *
 * @module
 */
import type { Book } from "../book/mod.ts";
import {
  type Owners,
  SESSION_BLOCKED,
  SESSION_WORDS,
} from "../matching/mod.ts";
import {
  CMD_DETAIL_U8,
  CMD_INSTRUMENT_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_TIME_IN_FORCE_U8,
  EventKind,
  MassScope,
  Reason,
} from "../record/mod.ts";
import { AccountBlock, type Accounts } from "../risk/mod.ts";
import { type CommandViews, type EventWriter, whyOf } from "./event_writer.ts";
import type { LiveOrders } from "./live_orders.ts";
import type { MassFilter, OrderSearch } from "./order_search.ts";

const WHAT_WORD = CMD_INSTRUMENT_U16 >> 1;
const HOW_WORD = CMD_TIME_IN_FORCE_U8 >> 2;
const DETAIL_SHIFT = (CMD_DETAIL_U8 & 3) * 8;
const SCOPE_MASK = 0x0f;
/** Element of the writer's `stamp` for counts. */
const COUNT = 4;

/** What it works with. */
export interface MassRequestsParts {
  readonly book: Book;
  readonly search: OrderSearch;
  readonly live: LiveOrders;
  readonly owners: Owners;
  readonly accounts: Accounts;
  readonly writer: EventWriter;
  readonly sessions: Int32Array;
  readonly sessionsMax: number;
}

/** Requests about many orders. */
export class MassRequests {
  readonly #parts: MassRequestsParts;
  readonly #filter: MassFilter = {
    session: -1,
    account: -1,
    instrument: 0xffff,
    side: 0,
    isRange: false,
    low: 0,
    high: 0,
  };

  constructor(parts: MassRequestsParts) {
    this.#parts = parts;
  }

  /** MASS_CANCEL. @returns Why it was refused. */
  cancel(command: CommandViews, at: number, session: number): Reason {
    const detail = this.#detailOf(command, at);
    const reason = this.#judgeCancel(command, at, session, detail);
    this.#answer(
      EventKind.MASS_CANCELED,
      command,
      at,
      detail,
      reason,
      Reason.MASS_CANCEL,
    );
    return reason;
  }

  /** KILL. @returns Why it was refused. */
  kill(command: CommandViews, at: number, session: number): Reason {
    const detail = this.#detailOf(command, at);
    const target = command.i32[at + CMD_REASON_U32]! >>> 0;
    const scope = detail & SCOPE_MASK;
    let reason = this.#judgeTarget(session, scope, target);
    if (
      reason === Reason.NONE && session !== 0 && scope === MassScope.ACCOUNT
    ) reason = Reason.NOT_AUTHORIZED;
    if (reason === Reason.NONE && scope === MassScope.ALL) {
      reason = Reason.UNSUPPORTED;
    }
    if ((detail & MassScope.UNLOCK) !== 0) {
      if (reason === Reason.NONE) reason = this.#unlock(session, scope, target);
      this.#parts.writer.stamp[COUNT] = 0;
      this.#parts.writer.answer(
        EventKind.UNLOCKED,
        command,
        at,
        whyOf(detail, reason),
        COUNT,
      );
      return reason;
    }
    if (reason === Reason.NONE) {
      this.#setBlock(session, scope, target, true);
      this.#clearFilter(scope, target);
    }
    this.#answer(
      EventKind.KILLED,
      command,
      at,
      detail,
      reason,
      Reason.KILL_SWITCH,
    );
    return reason;
  }

  /** Tells how many orders go, then ends them. */
  #answer(
    kind: number,
    command: CommandViews,
    at: number,
    detail: number,
    reason: Reason,
    why: Reason,
  ): void {
    const { writer, search, live } = this.#parts;
    const orders = reason === Reason.NONE
      ? search.matching(this.#filter)
      : undefined;
    writer.stamp[COUNT] = orders?.length ?? 0;
    writer.answer(kind, command, at, whyOf(detail, reason), COUNT);
    if (orders === undefined) return;
    for (let i = 0; i < orders.length; i++) live.end(orders[i]!, why);
  }

  /** Sets the filter, or says what is wrong. */
  #judgeCancel(
    command: CommandViews,
    at: number,
    session: number,
    detail: number,
  ): Reason {
    const { i32, f64 } = command;
    const scope = detail & SCOPE_MASK;
    const target = i32[at + CMD_REASON_U32]! >>> 0;
    const reason = this.#judgeTarget(session, scope, target);
    if (reason !== Reason.NONE) return reason;
    const what = i32[at + WHAT_WORD]!;
    const instrument = what & 0xffff;
    const side = what >>> 16 & 0xff;
    if (instrument !== 0xffff && !this.#parts.book.isDefined(instrument)) {
      return Reason.UNKNOWN_INSTRUMENT;
    }
    if (side > 2) return Reason.INVALID_SIDE;
    this.#clearFilter(scope, target);
    const filter = this.#filter;
    filter.instrument = instrument;
    filter.side = side;
    filter.isRange = (detail & MassScope.PRICE_RANGE) !== 0;
    filter.low = i32[at + CMD_PRICE_I32]!;
    filter.high = f64[(at >> 1) + CMD_QUANTITY_F64]!;
    return Reason.NONE;
  }

  /** Whether a session may name this target, and whether it is there. */
  #judgeTarget(session: number, scope: number, target: number): Reason {
    const { owners, accounts, sessionsMax } = this.#parts;
    if (scope > MassScope.ALL) return Reason.UNSUPPORTED;
    if (session !== 0) {
      const isOwn = scope === MassScope.SESSION
        ? target === session
        : scope === MassScope.ACCOUNT && target !== 0 &&
          target === owners.accountOfSession(session);
      return isOwn ? Reason.NONE : Reason.NOT_AUTHORIZED;
    }
    if (scope === MassScope.SESSION && target >= sessionsMax) {
      return Reason.UNKNOWN_SESSION;
    }
    return scope === MassScope.ACCOUNT &&
        (target === 0 || !accounts.isDefined(target))
      ? Reason.UNKNOWN_ACCOUNT
      : Reason.NONE;
  }

  #clearFilter(scope: number, target: number): void {
    const filter = this.#filter;
    filter.session = scope === MassScope.SESSION ? target : -1;
    filter.account = scope === MassScope.ACCOUNT ? target : -1;
    filter.instrument = 0xffff;
    filter.side = 0;
    filter.isRange = false;
  }

  #setBlock(
    session: number,
    scope: number,
    target: number,
    blocked: boolean,
  ): void {
    const { accounts, sessions } = this.#parts;
    const by = session === 0 ? AccountBlock.APPLIANCE : AccountBlock.CLIENT;
    if (scope === MassScope.ACCOUNT) {
      accounts.setBlock(target, by, blocked);
      return;
    }
    const at = target * SESSION_WORDS + SESSION_BLOCKED;
    sessions[at] = blocked ? sessions[at]! | by : sessions[at]! & ~by;
  }

  /** Takes the block of who asks away; another's stays. */
  #unlock(session: number, scope: number, target: number): Reason {
    const { sessions } = this.#parts;
    if (session !== 0) {
      const blocks = sessions[target * SESSION_WORDS + SESSION_BLOCKED]!;
      if (
        (blocks & AccountBlock.CLIENT) === 0 &&
        (blocks & AccountBlock.APPLIANCE) !== 0
      ) return Reason.NOT_AUTHORIZED;
    }
    this.#setBlock(session, scope, target, false);
    return Reason.NONE;
  }

  #detailOf(command: CommandViews, at: number): number {
    return command.i32[at + HOW_WORD]! >>> DETAIL_SHIFT & 0xff;
  }
}
