// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the exchange asks about a request before it touches a book.
 *
 * Gateways check most of this before; here it is checked again, because what
 * reaches a book must be right whoever sent it. Owned by the exchange's thread.
 * Allocates nothing, changes nothing but the scratch record, answers with
 * reasons.
 *
 * @module
 */
import type { Book } from "../book/mod.ts";
import type { Matching } from "../matching/mod.ts";
import { Reason } from "../record/mod.ts";
import type { RiskLimits } from "../risk/mod.ts";
import type { CommandViews } from "./event_writer.ts";
import type { OrderIndex } from "./order_index.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  CMD_SHAPE_WORD = 1,
  ORDER_LEAVES_F64 = 2,
  ORDER_KIND = 13,
  CMD_REFERENCE_F64 = 7,
  CMD_PRICE_I32 = 10,
  ORDER_QUANTITY_F64 = 3,
  CMD_WHAT_WORD = 8,
  CMD_QUANTITY_F64 = 6,
  OrdType_LIMIT = 2,
  OrdType_MARKET = 1,
  CMD_HOW_WORD = 9,
  TimeInForce_FOK = 4,
  AT_THE_OPENING = 2,
  QUANTITY_MAX = 9007199254740991,
  CMD_NEW_REFERENCE_F64 = 13,
  NOT_GIVEN = 0xffff,
  COMMAND_BASE_BYTES = 64,
  ORDER_REFERENCE_F64 = 5,
}

/** Judges requests against the state of the exchange. */
export class RequestChecks {
  readonly #book: Book;
  readonly #limits: RiskLimits;
  readonly #index: OrderIndex;
  readonly #matching: Matching;

  constructor(
    book: Book,
    limits: RiskLimits,
    index: OrderIndex,
    matching: Matching,
  ) {
    this.#book = book;
    this.#limits = limits;
    this.#index = index;
    this.#matching = matching;
  }

  /** What is wrong with a new order, before capacity. */
  judge(command: CommandViews, at: number, session: number): Reason {
    const i32 = command.i32;
    const what = i32[at + Fixed.CMD_WHAT_WORD]!;
    const side = what >>> 16 & 0xff;
    const type = what >>> 24;
    if (!this.#book.isDefined(what & 0xffff)) return Reason.UNKNOWN_INSTRUMENT;
    if (side !== 1 && side !== 2) return Reason.INVALID_SIDE;
    if (type !== Fixed.OrdType_LIMIT && type !== Fixed.OrdType_MARKET) {
      return Reason.INVALID_ORD_TYPE;
    }
    const timeInForce = i32[at + Fixed.CMD_HOW_WORD]! & 0xff;
    if (
      timeInForce > Fixed.TimeInForce_FOK ||
      timeInForce === Fixed.AT_THE_OPENING
    ) return Reason.INVALID_TIME_IN_FORCE;
    let price = i32[at + Fixed.CMD_PRICE_I32]!;
    if (type === Fixed.OrdType_LIMIT) {
      if (price <= 0) return Reason.INVALID_PRICE;
    } else price = this.#bestPrice(what & 0xffff, 2 - side);
    const half = at >> 1;
    const reason = this.#judgeQuantity(
      command.f64,
      half + Fixed.CMD_QUANTITY_F64,
    );
    if (reason !== Reason.NONE) return reason;
    const judged = this.#limits.check(
      what & 0xffff,
      command.f64,
      half + Fixed.CMD_QUANTITY_F64,
      price,
    );
    if (judged !== Reason.NONE) return judged;
    return this.#index.find(
        session,
        command.f64,
        half + Fixed.CMD_REFERENCE_F64,
      ) ===
        0
      ? Reason.NONE
      : Reason.DUPLICATE_ORDER;
  }

  #judgeQuantity(f64: Float64Array, at: number): Reason {
    const quantity = f64[at]!;
    if (!(quantity > 0)) return Reason.INVALID_QUANTITY;
    if (quantity > Fixed.QUANTITY_MAX) return Reason.QUANTITY_TOO_LARGE;
    return Math.floor(quantity) === quantity
      ? Reason.NONE
      : Reason.QUANTITY_OFF_LOT;
  }

  /** What is wrong with a replace. Leaves the new quantities in the scratch record. */
  judgeReplace(
    command: CommandViews,
    at: number,
    session: number,
    order: number,
  ): Reason {
    const book = this.#book;
    const half = at >> 1;
    const what = book.i32[order + Fixed.ORDER_KIND]!;
    const price = command.i32[at + Fixed.CMD_PRICE_I32]!;
    let reason = this.mismatch(command, at, order);
    if (reason !== Reason.NONE) return reason;
    if (price <= 0) return Reason.INVALID_PRICE;
    reason = this.#judgeQuantity(command.f64, half + Fixed.CMD_QUANTITY_F64);
    if (reason !== Reason.NONE) return reason;
    const own = order >> 1;
    const f64 = book.f64;
    const quantity = command.f64[half + Fixed.CMD_QUANTITY_F64]!;
    const leaves = f64[own + Fixed.ORDER_LEAVES_F64]! +
      (quantity - f64[own + Fixed.ORDER_QUANTITY_F64]!);
    if (leaves <= 0) return Reason.QUANTITY_BELOW_FILLED;
    const scratch = book.scratchOrder >> 1;
    f64[scratch + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[scratch + Fixed.ORDER_LEAVES_F64] = leaves;
    reason = this.#limits.check(
      what & 0xffff,
      command.f64,
      half + Fixed.CMD_QUANTITY_F64,
      price,
    );
    if (reason !== Reason.NONE) return reason;
    if (this.renames(command, at, order)) {
      const renamed = half + Fixed.CMD_NEW_REFERENCE_F64;
      if (this.#index.find(session, command.f64, renamed) !== 0) {
        return Reason.DUPLICATE_ORDER;
      }
    }
    return this.#matching.room(
      what & 0xffff,
      (what >>> 16 & 0xff) - 1,
      price,
      scratch + Fixed.ORDER_LEAVES_F64,
      order,
    );
  }

  /** A cancel or replace may say which instrument and side it means. */
  mismatch(command: CommandViews, at: number, order: number): Reason {
    const what = command.i32[at + Fixed.CMD_WHAT_WORD]!;
    const own = this.#book.i32[order + Fixed.ORDER_KIND]!;
    const instrument = what & 0xffff;
    if (instrument !== Fixed.NOT_GIVEN && instrument !== (own & 0xffff)) {
      return Reason.INSTRUMENT_MISMATCH;
    }
    const side = what >>> 16 & 0xff;
    return side !== 0 && side !== (own >>> 16 & 0xff)
      ? Reason.SIDE_MISMATCH
      : Reason.NONE;
  }

  /** True if a replace gives its order another reference. */
  renames(command: CommandViews, at: number, order: number): boolean {
    if (
      (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) <=
        Fixed.COMMAND_BASE_BYTES
    ) {
      return false;
    }
    const reference = command.f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]!;
    return reference !== 0 &&
      reference !== this.#book.f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64];
  }

  #bestPrice(instrument: number, bit: number): number {
    const level = this.#book.best(instrument, bit);
    return level === 0 ? 0 : this.#book.priceOf(level);
  }
}
