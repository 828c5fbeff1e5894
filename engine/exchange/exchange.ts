// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The deterministic state machine of one shard: a command in, events out.
 *
 * ```
 * command ─▶ session ─▶ checks ─▶ risk ─▶ matching ─▶ book
 *                 └────────┴────────┴─────────┴──▶ events, in the rings' slots
 * ```
 *
 * A pure function of its commands: sequence and time come with them. The same
 * commands give the same events, byte by byte, and the same `stateHash()`.
 * Owned by one thread. `apply()` allocates nothing. It reads no clock, no
 * file and no network, and never waits except for room in an event ring.
 *
 * @module
 */
import { assert, fail } from "../assert.ts";
import {
  Book,
  type BookOptions,
  LEVEL_COUNT,
  LEVEL_QUANTITY_F64,
  ORDER_ID_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_NOTIONAL_F64,
  ORDER_OWNER,
  ORDER_PRICE,
  ORDER_QUANTITY_F64,
  ORDER_REFERENCE_F64,
  ORDER_SESSION_MASK,
  ORDER_TEXT_BIT,
} from "../book/mod.ts";
import { type FillSink, Matching, QUANTITY_MAX } from "../matching/mod.ts";
import {
  CMD_FLAG_POSSIBLE_DUPLICATE,
  CMD_FLAG_TEXT,
  CMD_IN_SEQUENCE_U32,
  CMD_NEW_REFERENCE_F64,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_REFERENCE_F64,
  CMD_SEQUENCE_F64,
  CMD_SESSION_U32,
  COMMAND_SLOT_BYTES,
  CommandKind,
  EventKind,
  OrdStatus,
  OrdType,
  Reason,
  TimeInForce,
} from "../record/mod.ts";
import { RiskLimits } from "../risk/mod.ts";
import type { EventRing } from "./event_ring.ts";
import {
  CL_ORD_ID_WORDS,
  CMD_CL_ORD_ID_WORD,
  CMD_DETAIL_SHIFT,
  CMD_FLAGS_SHIFT,
  CMD_HOW_WORD,
  CMD_KIND_SHIFT,
  CMD_SHAPE_WORD,
  CMD_WHAT_WORD,
  type CommandViews,
  EventWriter,
  SESSION_IN_SEQUENCE,
  SESSION_LOGGED_ON,
  SESSION_ORDERS,
  SESSION_OUT_SEQUENCE,
  SESSION_PROTOCOL,
  SESSION_WORDS,
  TEXT_WORDS,
  whyOf,
} from "./event_writer.ts";
import { OrderIndex } from "./order_index.ts";
import { StateHash } from "./state_hash.ts";

/** How much an exchange holds. */
export interface ExchangeCapacity extends BookOptions {
  /** Sessions have indexes from 0 (the appliance) up to below this. */
  readonly sessionsMax: number;
}

/** What an exchange is made of. */
export interface ExchangeOptions extends ExchangeCapacity {
  /** Zeroed memory that the exchange owns `Exchange.bytes(options)` of. */
  readonly memory: ArrayBufferLike;
  /** Where they start; a multiple of 64. 0 if left out. */
  readonly byteOffset?: number;
  /** One for each gateway; none = events are counted and numbered only. */
  readonly events: readonly EventRing[];
  /**
   * Place in `events` by session, at least `sessionsMax` long. The caller may
   * change it between commands. Beyond the last ring = events go nowhere.
   */
  readonly routes: Uint8Array;
}

/** Places in `Exchange.totals`. */
export const Total = {
  COMMANDS: 0,
  ORDERS: 1,
  CANCELS: 2,
  REPLACES: 3,
  /** Kinds that do not change a book. */
  OTHERS: 4,
} as const;

/** Refusals by the exchange itself are counted for reasons below this. */
export const REFUSALS_MAX = 512;

/** Words of an instrument's definition: tick, lot (float64), symbol. */
const DEFINITION_WORDS = 32;
const DEFINITION_TEXT = 4;
const NOT_GIVEN = 0xffff;
/** FIX time in force that lies among ours and is none of them. */
const AT_THE_OPENING = 2;

interface Parts {
  readonly book: number;
  readonly index: number;
  readonly texts: number;
  readonly sessions: number;
  readonly names: number;
  readonly definitions: number;
  readonly bytes: number;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function parts(options: ExchangeCapacity): Parts {
  const { sessionsMax } = options;
  assert(
    Number.isInteger(sessionsMax) && sessionsMax >= 1 && sessionsMax <= 65536,
    `sessionsMax is ${sessionsMax}: must be 1 to 65536`,
  );
  const book = 0;
  const index = book + Book.bytes(options);
  const texts = index + OrderIndex.bytes(options.ordersMax);
  const sessions = texts +
    aligned((options.ordersMax + 1) * CL_ORD_ID_WORDS * 4);
  const names = sessions + aligned(sessionsMax * SESSION_WORDS * 4);
  const definitions = names + sessionsMax * 64;
  const bytes = definitions + options.instrumentsMax * DEFINITION_WORDS * 4;
  return { book, index, texts, sessions, names, definitions, bytes };
}

/** One shard: books, sessions, limits. */
export class Exchange implements FillSink {
  readonly book: Book;
  readonly limits: RiskLimits;
  /** Counts since the start, by `Total`. */
  readonly totals = new Float64Array(8);
  /** Requests refused by the exchange, by reason. */
  readonly refusals = new Float64Array(REFUSALS_MAX);
  readonly #matching: Matching;
  readonly #index: OrderIndex;
  readonly #writer: EventWriter;
  readonly #sessionsMax: number;
  readonly #sessions: Int32Array;
  readonly #names: Int32Array;
  readonly #definitions: Int32Array;
  readonly #definitionsF64: Float64Array;
  readonly #texts: Int32Array;
  /** 0: sequence of the last command. */
  readonly #last = new Float64Array(1);
  readonly #routes: Uint8Array;
  readonly #events: readonly EventRing[];

  /** Bytes that an exchange of these options occupies; a multiple of 64. */
  static bytes(options: ExchangeCapacity): number {
    return parts(options).bytes;
  }

  constructor(options: ExchangeOptions) {
    const at = parts(options);
    const { memory, ordersMax, instrumentsMax, sessionsMax } = options;
    const start = options.byteOffset ?? 0;
    assert(
      options.routes.length >= sessionsMax,
      `routes of ${options.routes.length} sessions: sessionsMax is ${sessionsMax}`,
    );
    this.book = new Book(memory, start + at.book, options);
    this.limits = new RiskLimits(instrumentsMax);
    this.#index = new OrderIndex(
      memory,
      start + at.index,
      ordersMax,
      this.book.i32,
      this.book.f64,
    );
    this.#texts = new Int32Array(
      memory,
      start + at.texts,
      (ordersMax + 1) * CL_ORD_ID_WORDS,
    );
    this.#sessionsMax = sessionsMax;
    this.#sessions = new Int32Array(
      memory,
      start + at.sessions,
      sessionsMax * SESSION_WORDS,
    );
    this.#names = new Int32Array(memory, start + at.names, sessionsMax * 16);
    const words = instrumentsMax * DEFINITION_WORDS;
    this.#definitions = new Int32Array(memory, start + at.definitions, words);
    this.#definitionsF64 = new Float64Array(
      memory,
      start + at.definitions,
      words >> 1,
    );
    this.#routes = options.routes;
    this.#events = options.events;
    this.#writer = new EventWriter(
      this.book,
      options.events,
      options.routes,
      this.#sessions,
      this.#texts,
    );
    this.#matching = new Matching(this.book, this);
  }

  /** Sequence of the last command applied; 0 = none yet. */
  get sequence(): number {
    return this.#last[0]!;
  }

  /** Number of the last match: trades since the start. */
  get trades(): number {
    return this.#writer.stamp[1]!;
  }

  /** Events since the start, also those that went nowhere. */
  get events(): number {
    return this.#writer.stamp[2]!;
  }

  /** Orders in the books. */
  get ordersOpen(): number {
    return this.#index.size;
  }

  /** Number of the last event of a session; 0 = none since its sequence began. */
  outSequence(session: number): number {
    return this.#sessions[session * SESSION_WORDS + SESSION_OUT_SEQUENCE]! >>>
      0;
  }

  /** Highest inbound number of a session that a command carried. */
  inSequence(session: number): number {
    return this.#sessions[session * SESSION_WORDS + SESSION_IN_SEQUENCE]! >>> 0;
  }

  /** Live orders of a session. */
  ordersOf(session: number): number {
    return this.#sessions[session * SESSION_WORDS + SESSION_ORDERS]!;
  }

  /**
   * Applies one command. All of its events are written (not published) when
   * this returns.
   *
   * @param command Views of the memory that it lies in.
   * @param offset Its first byte there; a multiple of 8.
   * @throws {InvariantError} If it is no command, comes out of order, or names
   *   a session that can not exist.
   */
  apply(command: CommandViews, offset: number): void {
    const at = offset >> 2;
    const i32 = command.i32;
    const sequence = command.f64[(at >> 1) + CMD_SEQUENCE_F64]!;
    if (!(sequence > this.#last[0]!)) this.#outOfOrder(sequence);
    this.#last[0] = sequence;
    const session = i32[at + CMD_SESSION_U32]!;
    if (session >>> 0 >= this.#sessionsMax) {
      fail(`session ${session}: sessionsMax is ${this.#sessionsMax}`);
    }
    this.#writer.begin(command, at);
    const totals = this.totals;
    totals[Total.COMMANDS] = totals[Total.COMMANDS]! + 1;
    const shape = i32[at + CMD_SHAPE_WORD]!;
    const kind = shape >>> CMD_KIND_SHIFT & 0xff;
    const word = session * SESSION_WORDS + SESSION_IN_SEQUENCE;
    const inSequence = i32[at + CMD_IN_SEQUENCE_U32]!;
    if (inSequence >>> 0 > this.#sessions[word]! >>> 0) {
      this.#sessions[word] = inSequence;
    }
    if (
      (shape >>> CMD_FLAGS_SHIFT & CMD_FLAG_POSSIBLE_DUPLICATE) !== 0 &&
      kind < CommandKind.REFUSED
    ) return;
    if (kind === CommandKind.NEW_ORDER) this.#newOrder(command, at, session);
    else if (kind === CommandKind.CANCEL_ORDER) {
      this.#cancel(command, at, session);
    } else if (kind === CommandKind.REPLACE_ORDER) {
      this.#replace(command, at, session);
    } else this.#other(command, at, session, kind);
  }

  /** Makes all events so far visible to the gateways. */
  publish(): void {
    for (let i = 0; i < this.#events.length; i++) this.#events[i]!.publish();
  }

  /** For the matching only: a fill happened. */
  onFill(maker: number, taker: number, instrument: number): void {
    const stamp = this.#writer.stamp;
    stamp[1] = stamp[1]! + 1;
    this.#writer.fill(maker, instrument, 0);
    this.#writer.fill(taker, instrument, 1);
    if (this.book.f64[(maker >> 1) + ORDER_LEAVES_F64] === 0) {
      this.#forget(maker);
    }
  }

  #newOrder(command: CommandViews, at: number, session: number): void {
    const book = this.book;
    this.totals[Total.ORDERS] = this.totals[Total.ORDERS]! + 1;
    let reason = this.#judge(command, at, session);
    let order = 0;
    if (reason === Reason.NONE) {
      order = book.allocate();
      // A full pool still serves orders that will not rest.
      if (order === 0) order = book.scratchOrder;
      this.#fillIn(order, command, at, session);
      if (this.#rests(order)) {
        const what = book.i32[order + ORDER_KIND]!;
        reason = order === book.scratchOrder
          ? Reason.ORDER_CAPACITY
          : this.#matching.room(
            what & 0xffff,
            (what >>> 16 & 0xff) - 1,
            book.i32[order + ORDER_PRICE]!,
            (order >> 1) + ORDER_LEAVES_F64,
            order,
          );
      }
    }
    if (reason !== Reason.NONE) {
      if (order !== 0 && order !== book.scratchOrder) book.free(order);
      this.#refuse(EventKind.REJECTED, command, at, 1, reason, 0);
      return;
    }
    this.#writer.order(EventKind.ACCEPTED, order, 0, OrdStatus.NEW);
    this.#place(order);
  }

  #cancel(command: CommandViews, at: number, session: number): void {
    this.totals[Total.CANCELS] = this.totals[Total.CANCELS]! + 1;
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + CMD_REFERENCE_F64,
    );
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#mismatch(command, at, order);
    if (reason !== Reason.NONE) {
      this.#refuse(EventKind.CANCEL_REJECTED, command, at, 2, reason, order);
      return;
    }
    this.book.unlink(order);
    this.#writer.orderOnRequest(
      EventKind.CANCELED,
      order,
      whyOf(0, Reason.CANCELED_BY_CLIENT),
      OrdStatus.CANCELED,
      command,
      at,
      this.#hasText(command, at),
    );
    this.#forget(order);
    this.book.free(order);
  }

  #replace(command: CommandViews, at: number, session: number): void {
    this.totals[Total.REPLACES] = this.totals[Total.REPLACES]! + 1;
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + CMD_REFERENCE_F64,
    );
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#judgeReplace(command, at, session, order);
    if (reason !== Reason.NONE) {
      this.#refuse(EventKind.CANCEL_REJECTED, command, at, 3, reason, order);
      return;
    }
    const book = this.book;
    // The new quantity waits in the scratch record, where #judgeReplace put it.
    const moved = this.#matching.amend(
      order,
      command.i32[at + CMD_PRICE_I32]!,
      (book.scratchOrder >> 1) + ORDER_QUANTITY_F64,
    );
    this.#rename(command, at, order);
    const text = this.#hasText(command, at);
    if (text) {
      book.i32[order + ORDER_OWNER] = book.i32[order + ORDER_OWNER]! |
        ORDER_TEXT_BIT;
      this.#writer.keepText(order, command, at);
    }
    this.#writer.orderOnRequest(
      EventKind.REPLACED,
      order,
      0,
      this.#writer.statusOf(order),
      command,
      at,
      text,
    );
    if (!moved) return;
    this.#forget(order);
    this.#place(order);
  }

  /** Trades an order, then rests it or ends it. It is not in the index. */
  #place(order: number): void {
    const book = this.book;
    const reason = this.#matching.place(order);
    if (book.i32[order + ORDER_LEVEL] !== 0) {
      this.#remember(order);
      return;
    }
    if (reason !== Reason.NONE) {
      this.#writer.order(
        EventKind.CANCELED,
        order,
        whyOf(0, reason),
        OrdStatus.CANCELED,
      );
    }
    if (order !== book.scratchOrder) book.free(order);
  }

  /** Kinds that are rarer than orders. */
  #other(
    command: CommandViews,
    at: number,
    session: number,
    kind: number,
  ): void {
    this.totals[Total.OTHERS] = this.totals[Total.OTHERS]! + 1;
    const word = session * SESSION_WORDS;
    switch (kind) {
      case CommandKind.ORDER_STATUS:
        return this.#status(command, at, session);
      case CommandKind.REFUSED:
        return this.#refused(command, at, session);
      case CommandKind.DEFINE_INSTRUMENT:
        return this.#defineInstrument(command, at);
      case CommandKind.DEFINE_SESSION:
        this.#sessions[word + SESSION_PROTOCOL] = this.#detail(command, at);
        this.#copyText(command, at, this.#names, session * 16);
        return;
      case CommandKind.DEFINE_LIMITS:
        return this.#defineLimits(command, at);
      case CommandKind.SESSION_LOGON:
        this.#sessions[word + SESSION_LOGGED_ON] = 1;
        if (this.#detail(command, at) === 1) {
          this.#sessions[word + SESSION_OUT_SEQUENCE] = 0;
          this.#sessions[word + SESSION_IN_SEQUENCE] = command
            .i32[at + CMD_IN_SEQUENCE_U32]!;
        }
        return this.#writer.session(
          EventKind.LOGGED_ON,
          command,
          at,
          false,
          command.i32[at + CMD_REASON_U32]!,
        );
      case CommandKind.SESSION_LOGOUT:
        this.#sessions[word + SESSION_LOGGED_ON] = 0;
        return;
      case CommandKind.SESSION_MESSAGE:
        return this.#writer.session(
          EventKind.SESSION_MESSAGE,
          command,
          at,
          true,
          command.i32[at + CMD_REASON_U32]!,
        );
      default:
        fail(`command ${this.sequence} is of kind ${kind}: not known here`);
    }
  }

  #status(command: CommandViews, at: number, session: number): void {
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + CMD_REFERENCE_F64,
    );
    const detail = this.#detail(command, at);
    if (order === 0) {
      this.#writer.request(
        EventKind.STATUS,
        command,
        at,
        whyOf(detail, Reason.UNKNOWN_ORDER),
        0,
        false,
      );
      return;
    }
    const ownText = (this.book.i32[order + ORDER_OWNER]! & ORDER_TEXT_BIT) !==
      0;
    this.#writer.orderOnRequest(
      EventKind.STATUS,
      order,
      whyOf(detail, Reason.NONE),
      this.#writer.statusOf(order),
      command,
      at,
      !ownText && this.#hasText(command, at),
    );
  }

  /** A gateway refused it already: the answer takes its number here. */
  #refused(command: CommandViews, at: number, session: number): void {
    const detail = this.#detail(command, at);
    const why = whyOf(detail, command.i32[at + CMD_REASON_U32]!);
    if (detail === 1) {
      this.#writer.request(EventKind.REJECTED, command, at, why, 0, false);
      return;
    }
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + CMD_REFERENCE_F64,
    );
    this.#writer.request(
      EventKind.CANCEL_REJECTED,
      command,
      at,
      why,
      order,
      false,
    );
  }

  #refuse(
    kind: number,
    command: CommandViews,
    at: number,
    detail: number,
    reason: Reason,
    order: number,
  ): void {
    this.refusals[reason] = this.refusals[reason]! + 1;
    this.#writer.request(
      kind,
      command,
      at,
      whyOf(detail, reason),
      order,
      order !== 0,
    );
  }

  #defineInstrument(command: CommandViews, at: number): void {
    const instrument = command.i32[at + CMD_WHAT_WORD]! & 0xffff;
    this.book.define(instrument);
    const to = instrument * DEFINITION_WORDS;
    this.#definitionsF64[to >> 1] = command.f64[(at >> 1) + CMD_QUANTITY_F64]!;
    this.#definitionsF64[(to >> 1) + 1] = command
      .f64[(at >> 1) + CMD_REFERENCE_F64]!;
    this.#copyText(command, at, this.#definitions, to + DEFINITION_TEXT);
  }

  #defineLimits(command: CommandViews, at: number): void {
    const instrument = command.i32[at + CMD_WHAT_WORD]! & 0xffff;
    assert(
      this.book.isDefined(instrument),
      `limits of instrument ${instrument}: it is not defined`,
    );
    this.limits.set(
      instrument,
      command.f64[(at >> 1) + CMD_QUANTITY_F64]!,
      command.f64[(at >> 1) + CMD_REFERENCE_F64]!,
    );
  }

  /** What is wrong with a new order, before capacity. */
  #judge(command: CommandViews, at: number, session: number): Reason {
    const i32 = command.i32;
    const what = i32[at + CMD_WHAT_WORD]!;
    const side = what >>> 16 & 0xff;
    const type = what >>> 24;
    if (!this.book.isDefined(what & 0xffff)) return Reason.UNKNOWN_INSTRUMENT;
    if (side !== 1 && side !== 2) return Reason.INVALID_SIDE;
    if (type !== OrdType.LIMIT && type !== OrdType.MARKET) {
      return Reason.INVALID_ORD_TYPE;
    }
    const timeInForce = i32[at + CMD_HOW_WORD]! & 0xff;
    if (
      timeInForce > TimeInForce.FOK || timeInForce === AT_THE_OPENING
    ) return Reason.INVALID_TIME_IN_FORCE;
    let price = i32[at + CMD_PRICE_I32]!;
    if (type === OrdType.LIMIT) {
      if (price <= 0) return Reason.INVALID_PRICE;
    } else price = this.#bestPrice(what & 0xffff, 2 - side);
    const half = at >> 1;
    const reason = this.#judgeQuantity(command.f64, half + CMD_QUANTITY_F64);
    if (reason !== Reason.NONE) return reason;
    const judged = this.limits.check(
      what & 0xffff,
      command.f64,
      half + CMD_QUANTITY_F64,
      price,
    );
    if (judged !== Reason.NONE) return judged;
    return this.#index.find(session, command.f64, half + CMD_REFERENCE_F64) ===
        0
      ? Reason.NONE
      : Reason.DUPLICATE_ORDER;
  }

  #judgeQuantity(f64: Float64Array, at: number): Reason {
    const quantity = f64[at]!;
    if (!(quantity > 0)) return Reason.INVALID_QUANTITY;
    if (quantity > QUANTITY_MAX) return Reason.QUANTITY_TOO_LARGE;
    return Math.floor(quantity) === quantity
      ? Reason.NONE
      : Reason.QUANTITY_OFF_LOT;
  }

  /** What is wrong with a replace. Leaves the new quantities in the scratch record. */
  #judgeReplace(
    command: CommandViews,
    at: number,
    session: number,
    order: number,
  ): Reason {
    const book = this.book;
    const half = at >> 1;
    const what = book.i32[order + ORDER_KIND]!;
    const price = command.i32[at + CMD_PRICE_I32]!;
    let reason = this.#mismatch(command, at, order);
    if (reason !== Reason.NONE) return reason;
    if (price <= 0) return Reason.INVALID_PRICE;
    reason = this.#judgeQuantity(command.f64, half + CMD_QUANTITY_F64);
    if (reason !== Reason.NONE) return reason;
    const own = order >> 1;
    const f64 = book.f64;
    const quantity = command.f64[half + CMD_QUANTITY_F64]!;
    const leaves = f64[own + ORDER_LEAVES_F64]! +
      (quantity - f64[own + ORDER_QUANTITY_F64]!);
    if (leaves <= 0) return Reason.QUANTITY_BELOW_FILLED;
    const scratch = book.scratchOrder >> 1;
    f64[scratch + ORDER_QUANTITY_F64] = quantity;
    f64[scratch + ORDER_LEAVES_F64] = leaves;
    reason = this.limits.check(
      what & 0xffff,
      command.f64,
      half + CMD_QUANTITY_F64,
      price,
    );
    if (reason !== Reason.NONE) return reason;
    if (this.#renames(command, at, order)) {
      const renamed = half + CMD_NEW_REFERENCE_F64;
      if (this.#index.find(session, command.f64, renamed) !== 0) {
        return Reason.DUPLICATE_ORDER;
      }
    }
    return this.#matching.room(
      what & 0xffff,
      (what >>> 16 & 0xff) - 1,
      price,
      scratch + ORDER_LEAVES_F64,
      order,
    );
  }

  /** A cancel or replace may say which instrument and side it means. */
  #mismatch(command: CommandViews, at: number, order: number): Reason {
    const what = command.i32[at + CMD_WHAT_WORD]!;
    const own = this.book.i32[order + ORDER_KIND]!;
    const instrument = what & 0xffff;
    if (instrument !== NOT_GIVEN && instrument !== (own & 0xffff)) {
      return Reason.INSTRUMENT_MISMATCH;
    }
    const side = what >>> 16 & 0xff;
    return side !== 0 && side !== (own >>> 16 & 0xff)
      ? Reason.SIDE_MISMATCH
      : Reason.NONE;
  }

  /** True if a replace gives its order another reference. */
  #renames(command: CommandViews, at: number, order: number): boolean {
    if ((command.i32[at + CMD_SHAPE_WORD]! & 0xffff) !== COMMAND_SLOT_BYTES) {
      return false;
    }
    const reference = command.f64[(at >> 1) + CMD_NEW_REFERENCE_F64]!;
    return reference !== 0 &&
      reference !== this.book.f64[(order >> 1) + ORDER_REFERENCE_F64];
  }

  #rename(command: CommandViews, at: number, order: number): void {
    if (!this.#renames(command, at, order)) return;
    this.#index.remove(order);
    this.book.f64[(order >> 1) + ORDER_REFERENCE_F64] = command
      .f64[(at >> 1) + CMD_NEW_REFERENCE_F64]!;
    this.#index.insert(order);
  }

  /** Fills an order's record from a command. */
  #fillIn(
    order: number,
    command: CommandViews,
    at: number,
    session: number,
  ): void {
    const { i32, f64 } = this.book;
    const own = order >> 1;
    const half = at >> 1;
    const quantity = command.f64[half + CMD_QUANTITY_F64]!;
    const what = command.i32[at + CMD_WHAT_WORD]!;
    const timeInForce = command.i32[at + CMD_HOW_WORD]! & 0xf;
    const text = this.#hasText(command, at);
    i32[order + ORDER_LEVEL] = 0;
    i32[order + ORDER_PRICE] = what >>> 24 === OrdType.MARKET
      ? 0
      : command.i32[at + CMD_PRICE_I32]!;
    f64[own + ORDER_LEAVES_F64] = quantity;
    f64[own + ORDER_QUANTITY_F64] = quantity;
    f64[own + ORDER_NOTIONAL_F64] = 0;
    f64[own + ORDER_REFERENCE_F64] = command.f64[half + CMD_REFERENCE_F64]!;
    i32[order + ORDER_OWNER] = session | timeInForce << 24 |
      (text ? ORDER_TEXT_BIT : 0);
    i32[order + ORDER_KIND] = what;
    f64[own + ORDER_ID_F64] = command.f64[half + CMD_SEQUENCE_F64]!;
    if (text) this.#writer.keepText(order, command, at);
  }

  /** True if what an order does not trade at once stays in the book. */
  #rests(order: number): boolean {
    const i32 = this.book.i32;
    return i32[order + ORDER_KIND]! >>> 24 === OrdType.LIMIT &&
      (i32[order + ORDER_OWNER]! >>> 24 & 0xf) <= TimeInForce.GTC;
  }

  #remember(order: number): void {
    const session = this.book.i32[order + ORDER_OWNER]! & ORDER_SESSION_MASK;
    const word = session * SESSION_WORDS + SESSION_ORDERS;
    this.#sessions[word] = this.#sessions[word]! + 1;
    this.#index.insert(order);
  }

  #forget(order: number): void {
    const session = this.book.i32[order + ORDER_OWNER]! & ORDER_SESSION_MASK;
    const word = session * SESSION_WORDS + SESSION_ORDERS;
    this.#sessions[word] = this.#sessions[word]! - 1;
    this.#index.remove(order);
  }

  #hasText(command: CommandViews, at: number): boolean {
    const shape = command.i32[at + CMD_SHAPE_WORD]!;
    return (shape >>> CMD_FLAGS_SHIFT & CMD_FLAG_TEXT) !== 0 &&
      (shape & 0xffff) === COMMAND_SLOT_BYTES;
  }

  #detail(command: CommandViews, at: number): number {
    return command.i32[at + CMD_HOW_WORD]! >>> CMD_DETAIL_SHIFT & 0xff;
  }

  #copyText(
    command: CommandViews,
    at: number,
    to: Int32Array,
    word: number,
  ): void {
    const given =
      (command.i32[at + CMD_SHAPE_WORD]! & 0xffff) === COMMAND_SLOT_BYTES;
    for (let i = 0; i < TEXT_WORDS; i++) {
      to[word + i] = given ? command.i32[at + CMD_CL_ORD_ID_WORD + i]! : 0;
    }
  }

  #bestPrice(instrument: number, bit: number): number {
    const level = this.book.best(instrument, bit);
    return level === 0 ? 0 : this.book.priceOf(level);
  }

  #outOfOrder(sequence: number): never {
    fail(`command ${sequence} after command ${this.sequence}`);
  }

  /**
   * The best levels of one side, for market data and people.
   *
   * @param bit 0 = buy, 1 = sell.
   * @param out Gets price, lots and number of orders of each level in turn.
   * @returns Number of levels written.
   */
  depth(
    instrument: number,
    bit: number,
    levelsMax: number,
    out: Float64Array,
  ): number {
    const book = this.book;
    if (!book.isDefined(instrument)) return 0;
    const side = book.sideOf(instrument, bit);
    let level = book.best(instrument, bit);
    let count = 0;
    while (level !== 0 && count < levelsMax && count * 3 + 2 < out.length) {
      out[count * 3] = book.priceOf(level);
      out[count * 3 + 1] = book.f64[(level >> 1) + LEVEL_QUANTITY_F64]!;
      out[count * 3 + 2] = book.i32[level + LEVEL_COUNT]!;
      count++;
      level = book.nextLevel(side, level);
    }
    return count;
  }

  /**
   * A digest of the whole state: sequence, counts, sessions, instruments,
   * limits, and each order in its place. Equal after a replay. Cold: walks
   * everything.
   *
   * @returns 32 hexadecimal digits.
   */
  stateHash(): string {
    const hash = new StateHash();
    hash.number(this.sequence);
    hash.number(this.trades);
    hash.number(this.events);
    hash.numbers(this.totals);
    hash.words(this.#sessions, 0, this.#sessions.length);
    hash.words(this.#names, 0, this.#names.length);
    hash.words(this.#definitions, 0, this.#definitions.length);
    hash.numbers(this.limits.quantityMax);
    hash.numbers(this.limits.notionalMax);
    for (let i = 0; i < this.book.instrumentsMax; i++) {
      if (this.book.isDefined(i)) hash.instrument(this.book, this.#texts, i);
    }
    return hash.digest();
  }

  /** Place in `events` of a session's ring. */
  routeOf(session: number): number {
    return this.#routes[session]!;
  }
}
