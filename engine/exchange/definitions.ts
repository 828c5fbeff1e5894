// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands that define or set something: instruments, sessions, accounts,
 * limits, states. What can not be done is refused and changes nothing.
 *
 * Owned by the exchange's thread. Cold path.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Book } from "../book/mod.ts";
import {
  type Instruments,
  SESSION_ACCOUNT,
  SESSION_GROUP,
  SESSION_ORDERS,
  SESSION_PROTOCOL,
  SESSION_RATED,
  SESSION_STP,
  SESSION_WORDS,
  type TickTables,
} from "../matching/mod.ts";
import {
  CMD_DETAIL_U8,
  CMD_INSTRUMENT_U16,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_TEXT_U8,
  CMD_TIME_IN_FORCE_U8,
  COMMAND_BASE_BYTES,
  CommandKind,
  Reason,
  StpMode,
  StpScope,
  TradingState,
} from "../record/mod.ts";
import type { Accounts, MessageRate, RiskLimits } from "../risk/mod.ts";
import { CMD_SHAPE_WORD, type CommandViews } from "./event_writer.ts";
import type { TradingStates } from "./trading_states.ts";

/** Words of an instrument's definition: sizes and symbol. */
export const DEFINITION_WORDS = 32;
/** Word of the symbol in it. */
export const DEFINITION_TEXT = 4;
/** Words of a name of a session. */
export const NAME_WORDS = 16;

const TEXT_WORDS = 15;
const WHAT_WORD = CMD_INSTRUMENT_U16 >> 1;
const HOW_WORD = CMD_TIME_IN_FORCE_U8 >> 2;
const DETAIL_SHIFT = (CMD_DETAIL_U8 & 3) * 8;
const ANY_INSTRUMENT = 0xffff;

/** What definitions change. */
export interface DefinitionsParts {
  readonly book: Book;
  readonly limits: RiskLimits;
  readonly instruments: Instruments;
  readonly ticks: TickTables;
  readonly accounts: Accounts;
  readonly rates: MessageRate;
  readonly states: TradingStates;
  readonly sessions: Int32Array;
  readonly names: Int32Array;
  /** By instrument, `DEFINITION_WORDS` each. */
  readonly definitions: Int32Array;
  readonly definitionsF64: Float64Array;
  readonly onCapacity: (orders: number, specials: number) => void;
  /** A session's owner or prevention changed. */
  readonly onSession: (session: number) => void;
  /** What an instrument's orders go by changed. */
  readonly onInstrument: (instrument: number) => void;
}

/** Applies definitions and settings. */
export class Definitions {
  readonly #parts: DefinitionsParts;

  constructor(parts: DefinitionsParts) {
    this.#parts = parts;
  }

  /** @returns Why it was refused; `UNKNOWN_MESSAGE` if it is none of these. */
  apply(
    command: CommandViews,
    at: number,
    kind: number,
    session: number,
  ): Reason {
    const { names, sessions } = this.#parts;
    switch (kind) {
      case CommandKind.DEFINE_INSTRUMENT:
        return this.#defineInstrument(command, at);
      case CommandKind.DEFINE_SESSION:
        sessions[session * SESSION_WORDS + SESSION_PROTOCOL] = detailOf(
          command,
          at,
        );
        copyText(command, at, names, session * NAME_WORDS);
        return Reason.NONE;
      case CommandKind.DEFINE_LIMITS:
        return this.#defineLimits(command, at);
      case CommandKind.DEFINE_CAPACITY:
        return this.#defineCapacity(command, at);
      case CommandKind.DEFINE_ACCOUNT:
        return this.#parts.accounts.define(
            command.i32[at + CMD_REASON_U32]! >>> 0,
            command.i32[at + CMD_PRICE_I32]!,
          )
          ? Reason.NONE
          : Reason.UNKNOWN_ACCOUNT;
      case CommandKind.SET_SESSION:
        return this.#setSession(command, at, session);
      case CommandKind.SET_ACCOUNT_LIMIT:
        return this.#parts.accounts.setLimit(
            command.i32[at + CMD_REASON_U32]! >>> 0,
            detailOf(command, at),
            command.f64[(at >> 1) + CMD_QUANTITY_F64]!,
            command.f64[(at >> 1) + CMD_REFERENCE_F64]!,
          )
          ? Reason.NONE
          : Reason.UNKNOWN_ACCOUNT;
      default:
        return this.#setInstrument(command, at, kind);
    }
  }

  #setInstrument(command: CommandViews, at: number, kind: number): Reason {
    const { accounts, ticks, instruments, states, book, onInstrument } =
      this.#parts;
    const { i32, f64 } = command;
    const instrument = i32[at + WHAT_WORD]! & 0xffff;
    const detail = detailOf(command, at);
    const price = i32[at + CMD_PRICE_I32]!;
    const number = i32[at + CMD_REASON_U32]! >>> 0;
    const first = f64[(at >> 1) + CMD_QUANTITY_F64]!;
    const second = f64[(at >> 1) + CMD_REFERENCE_F64]!;
    const known = book.isDefined(instrument);
    switch (kind) {
      case CommandKind.SET_RESTRICTION:
        return accounts.setRestriction(number, instrument, detail === 1)
          ? Reason.NONE
          : Reason.UNKNOWN_ACCOUNT;
      case CommandKind.SET_TICKS: {
        if (!known) return Reason.UNKNOWN_INSTRUMENT;
        if (!ticks.set(instrument, detail, price, number)) {
          return Reason.INVALID_PRICE;
        }
        instruments.setTicks(instrument, !ticks.isSimple(instrument));
        onInstrument(instrument);
        return Reason.NONE;
      }
      case CommandKind.SET_INSTRUMENT:
        if (!known) return Reason.UNKNOWN_INSTRUMENT;
        if (!instruments.set(instrument, detail, price, first, second)) {
          return Reason.INVALID_PRICE;
        }
        onInstrument(instrument);
        return Reason.NONE;
      case CommandKind.SET_STATE:
        if (instrument !== ANY_INSTRUMENT && !known) {
          return Reason.UNKNOWN_INSTRUMENT;
        }
        if (
          detail > TradingState.CLOSED || !(first >= 0) ||
          first > Number.MAX_SAFE_INTEGER || Math.floor(first) !== first ||
          (first > 0 && !(second >= 0 && second <= TradingState.CLOSED))
        ) return Reason.UNSUPPORTED;
        states.command(
          instrument,
          number,
          detail,
          first,
          first > 0 ? second : 0,
        );
        return Reason.NONE;
      default:
        return Reason.UNKNOWN_MESSAGE;
    }
  }

  #defineInstrument(command: CommandViews, at: number): Reason {
    const { book, instruments, definitions, definitionsF64 } = this.#parts;
    const instrument = command.i32[at + WHAT_WORD]! & 0xffff;
    if (!book.isDefined(instrument)) {
      book.define(instrument);
      instruments.define(instrument);
    }
    const to = instrument * DEFINITION_WORDS;
    definitionsF64[to >> 1] = command.f64[(at >> 1) + CMD_QUANTITY_F64]!;
    definitionsF64[(to >> 1) + 1] = command
      .f64[(at >> 1) + CMD_REFERENCE_F64]!;
    copyText(command, at, definitions, to + DEFINITION_TEXT);
    return Reason.NONE;
  }

  #defineLimits(command: CommandViews, at: number): Reason {
    const instrument = command.i32[at + WHAT_WORD]! & 0xffff;
    assert(
      this.#parts.book.isDefined(instrument),
      `limits of instrument ${instrument}: it is not defined`,
    );
    this.#parts.limits.set(
      instrument,
      command.f64[(at >> 1) + CMD_QUANTITY_F64]!,
      command.f64[(at >> 1) + CMD_REFERENCE_F64]!,
    );
    return Reason.NONE;
  }

  #defineCapacity(command: CommandViews, at: number): Reason {
    const { book, onCapacity } = this.#parts;
    const orders = command.f64[(at >> 1) + CMD_QUANTITY_F64]!;
    const asked = command.f64[(at >> 1) + CMD_REFERENCE_F64]!;
    const specials = asked === 0 ? Math.min(orders, book.specialMax) : asked;
    assert(
      Number.isInteger(orders) && orders >= 1 && orders <= book.ordersMax,
      `capacity of ${orders} orders: this exchange has room for ${book.ordersMax}`,
    );
    assert(
      Number.isInteger(specials) && specials >= 0 &&
        specials <= book.specialMax,
      `capacity of ${specials} orders with terms: this exchange has room for ${book.specialMax}`,
    );
    onCapacity(orders, specials);
    return Reason.NONE;
  }

  /** Account, prevention, group and rate of a session. */
  #setSession(command: CommandViews, at: number, session: number): Reason {
    const { accounts, sessions, rates } = this.#parts;
    const { i32, f64 } = command;
    const word = session * SESSION_WORDS;
    const account = i32[at + CMD_REASON_U32]! >>> 0;
    const detail = detailOf(command, at);
    if (account !== 0 && !accounts.isDefined(account)) {
      return Reason.UNKNOWN_ACCOUNT;
    }
    if (
      (detail & 0xf) > StpMode.DECREMENT_AND_CANCEL ||
      detail >>> 4 > StpScope.GROUP
    ) return Reason.UNSUPPORTED;
    // Open orders count for the account that they were entered for.
    if (
      sessions[word + SESSION_ACCOUNT] !== account &&
      sessions[word + SESSION_ORDERS] !== 0
    ) return Reason.NOT_AUTHORIZED;
    const max = f64[(at >> 1) + CMD_QUANTITY_F64]!;
    if (!rates.set(session, max, f64[(at >> 1) + CMD_REFERENCE_F64]!)) {
      return Reason.UNSUPPORTED;
    }
    sessions[word + SESSION_ACCOUNT] = account;
    sessions[word + SESSION_STP] = detail;
    sessions[word + SESSION_GROUP] = i32[at + CMD_PRICE_I32]!;
    sessions[word + SESSION_RATED] = max > 0 ? 1 : 0;
    this.#parts.onSession(session);
    return Reason.NONE;
  }
}

function detailOf(command: CommandViews, at: number): number {
  return command.i32[at + HOW_WORD]! >>> DETAIL_SHIFT & 0xff;
}

function copyText(
  command: CommandViews,
  at: number,
  to: Int32Array,
  word: number,
): void {
  const given =
    (command.i32[at + CMD_SHAPE_WORD]! & 0xffff) > COMMAND_BASE_BYTES;
  for (let i = 0; i < TEXT_WORDS; i++) {
    to[word + i] = given ? command.i32[at + (CMD_TEXT_U8 >> 2) + i]! : 0;
  }
}
