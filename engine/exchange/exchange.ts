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
import { Book, type BookOptions } from "../book/mod.ts";
import { type FillSink, Matching } from "../matching/mod.ts";
import { Reason } from "../record/mod.ts";
import { RiskLimits } from "../risk/mod.ts";
import type { EventRing } from "./event_ring.ts";
import { type CommandViews, EventWriter, whyOf } from "./event_writer.ts";
import { OrderIndex } from "./order_index.ts";
import { canBePlain, type PlainPath, plainPath } from "./plain_path.ts";
import { RequestChecks } from "./request_checks.ts";
import { StateHash } from "./state_hash.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  BOOK_ORDERS_LIMIT = 5,
  PLACE_WORDS = 4,
  CL_ORD_ID_WORDS = 5,
  SESSION_WORDS = 8,
  DEFINITION_WORDS = 32,
  REFUSALS_MAX = 512,
  SESSION_OUT_SEQUENCE = 0,
  SESSION_IN_SEQUENCE = 1,
  SESSION_ORDERS = 4,
  CMD_SEQUENCE_F64 = 1,
  CMD_SESSION_U32 = 6,
  Total_COMMANDS = 0,
  CMD_SHAPE_WORD = 1,
  CMD_KIND_SHIFT = 16,
  CMD_IN_SEQUENCE_U32 = 7,
  CMD_FLAGS_SHIFT = 24,
  CommandKind_REFUSED = 5,
  CommandKind_NEW_ORDER = 1,
  CommandKind_CANCEL_ORDER = 2,
  CommandKind_REPLACE_ORDER = 3,
  ORDER_LEAVES_F64 = 2,
  Total_ORDERS = 1,
  ORDER_KIND = 13,
  ORDER_PRICE = 3,
  EventKind_REJECTED = 2,
  EventKind_ACCEPTED = 1,
  OrdStatus_NEW = 0x30,
  Total_CANCELS = 2,
  CMD_REFERENCE_F64 = 7,
  EventKind_CANCEL_REJECTED = 6,
  EventKind_CANCELED = 4,
  OrdStatus_CANCELED = 0x34,
  Total_REPLACES = 3,
  CMD_PRICE_I32 = 10,
  ORDER_QUANTITY_F64 = 3,
  ORDER_OWNER = 12,
  ORDER_TEXT_BIT = 0x10000000,
  EventKind_REPLACED = 5,
  ORDER_LEVEL = 2,
  Total_OTHERS = 4,
  CommandKind_ORDER_STATUS = 4,
  CommandKind_DEFINE_INSTRUMENT = 10,
  CommandKind_DEFINE_SESSION = 11,
  SESSION_PROTOCOL = 2,
  CommandKind_DEFINE_LIMITS = 12,
  CommandKind_DEFINE_CAPACITY = 13,
  CommandKind_SESSION_LOGON = 20,
  SESSION_LOGGED_ON = 3,
  EventKind_LOGGED_ON = 20,
  CMD_REASON_U32 = 11,
  CommandKind_SESSION_LOGOUT = 21,
  CommandKind_SESSION_MESSAGE = 22,
  EventKind_SESSION_MESSAGE = 22,
  EventKind_STATUS = 7,
  CMD_WHAT_WORD = 8,
  CMD_QUANTITY_F64 = 6,
  DEFINITION_TEXT = 4,
  OrdType_LIMIT = 2,
  OrdType_MARKET = 1,
  CMD_HOW_WORD = 9,
  CMD_NEW_REFERENCE_F64 = 13,
  COMMAND_BASE_BYTES = 64,
  ORDER_REFERENCE_F64 = 5,
  ORDER_NOTIONAL_F64 = 4,
  ORDER_ID_F64 = 7,
  TimeInForce_GTC = 1,
  ORDER_SESSION_MASK = 0xffffff,
  CMD_FLAG_TEXT = 1,
  CMD_DETAIL_SHIFT = 8,
  TEXT_WORDS = 15,
  CMD_CL_ORD_ID_WORD = 16,
  LEVEL_QUANTITY_F64 = 1,
  LEVEL_COUNT = 4,
}

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
    aligned((options.ordersMax + 1) * Fixed.CL_ORD_ID_WORDS * 4);
  const names = sessions + aligned(sessionsMax * Fixed.SESSION_WORDS * 4);
  const definitions = names + sessionsMax * 64;
  const bytes = definitions +
    options.instrumentsMax * Fixed.DEFINITION_WORDS * 4;
  return { book, index, texts, sessions, names, definitions, bytes };
}

/** One shard: books, sessions, limits. */
export class Exchange implements FillSink {
  readonly book: Book;
  readonly limits: RiskLimits;
  /** Counts since the start, by `Total`. */
  readonly totals = new Float64Array(8);
  /** Requests refused by the exchange, by reason. */
  readonly refusals = new Float64Array(Fixed.REFUSALS_MAX);
  readonly #matching: Matching;
  readonly #checks: RequestChecks;
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
  readonly #plain: PlainPath;

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
      this.book.scratchOrder,
    );
    this.#texts = new Int32Array(
      memory,
      start + at.texts,
      (ordersMax + 1) * Fixed.CL_ORD_ID_WORDS,
    );
    this.#sessionsMax = sessionsMax;
    this.#sessions = new Int32Array(
      memory,
      start + at.sessions,
      sessionsMax * Fixed.SESSION_WORDS,
    );
    this.#names = new Int32Array(memory, start + at.names, sessionsMax * 16);
    const words = instrumentsMax * Fixed.DEFINITION_WORDS;
    this.#definitions = new Int32Array(memory, start + at.definitions, words);
    this.#definitionsF64 = new Float64Array(
      memory,
      start + at.definitions,
      words >> 1,
    );
    this.#routes = options.routes;
    this.#events = options.events;
    const places = new Int32Array(options.events.length * Fixed.PLACE_WORDS);
    for (let i = 0; i < options.events.length; i++) {
      options.events[i]!.movePlace(places, i * Fixed.PLACE_WORDS);
    }
    this.#writer = new EventWriter(
      this.book,
      options.events,
      options.routes,
      this.#sessions,
      this.#texts,
    );
    this.#matching = new Matching(this.book, this);
    this.#checks = new RequestChecks(
      this.book,
      this.limits,
      this.#index,
      this.#matching,
    );
    this.#plain = this.#makePlain(options, places);
  }

  /** The plain path over the same memory, if the event rings lie so that there can be one. */
  #makePlain(options: ExchangeOptions, places: Int32Array): PlainPath {
    if (!canBePlain(options.events)) return () => false;
    const at = parts(options);
    const start = options.byteOffset ?? 0;
    const { book } = this;
    return plainPath({
      i32: new Int32Array(options.memory, start, at.bytes >>> 2),
      f64: new Float64Array(options.memory, start, at.bytes >>> 3),
      instruments: book.instrumentOf(0),
      orders: book.scratchOrder,
      index: at.index >>> 2,
      texts: at.texts >>> 2,
      sessions: at.sessions >>> 2,
      instrumentsMax: options.instrumentsMax,
      sessionsMax: options.sessionsMax,
      indexBits: this.#index.bits,
      quantityMax: this.limits.quantityMax,
      notionalMax: this.limits.notionalMax,
      routes: options.routes,
      rings: options.events,
      places,
      stamp: this.#writer.stamp,
      totals: this.totals,
      last: this.#last,
      closeLevel: (side, level) => book.closeLevel(side, level),
      rest: (order, side, key) => book.rest(order, side, key),
      proceed: (order, command, from, index) => {
        this.#writer.begin(command, from);
        this.#writer.skip(index);
        this.#place(order);
      },
    });
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

  /** Orders that may rest at a time; the room in memory until a command says otherwise. */
  get ordersLimit(): number {
    return this.book.i32[Fixed.BOOK_ORDERS_LIMIT]!;
  }

  /** Orders in the books. */
  get ordersOpen(): number {
    return this.#index.size;
  }

  /** Number of the last event of a session; 0 = none since its sequence began. */
  outSequence(session: number): number {
    return this
      .#sessions[
        session * Fixed.SESSION_WORDS + Fixed.SESSION_OUT_SEQUENCE
      ]! >>>
      0;
  }

  /** Highest inbound number of a session that a command carried. */
  inSequence(session: number): number {
    return this
      .#sessions[session * Fixed.SESSION_WORDS + Fixed.SESSION_IN_SEQUENCE]! >>>
      0;
  }

  /** Live orders of a session. */
  ordersOf(session: number): number {
    return this
      .#sessions[session * Fixed.SESSION_WORDS + Fixed.SESSION_ORDERS]!;
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
    const at = offset >>> 2;
    if (this.#plain(command, at)) return;
    const i32 = command.i32;
    const sequence = command.f64[(at >> 1) + Fixed.CMD_SEQUENCE_F64]!;
    if (!(sequence > this.#last[0]!)) this.#outOfOrder(sequence);
    this.#last[0] = sequence;
    const session = i32[at + Fixed.CMD_SESSION_U32]!;
    if (session >>> 0 >= this.#sessionsMax) {
      fail(`session ${session}: sessionsMax is ${this.#sessionsMax}`);
    }
    this.#writer.begin(command, at);
    const totals = this.totals;
    totals[Fixed.Total_COMMANDS] = totals[Fixed.Total_COMMANDS]! + 1;
    const shape = i32[at + Fixed.CMD_SHAPE_WORD]!;
    const kind = shape >>> Fixed.CMD_KIND_SHIFT & 0xff;
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_IN_SEQUENCE;
    const inSequence = i32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    if (inSequence >>> 0 > this.#sessions[word]! >>> 0) {
      this.#sessions[word] = inSequence;
    }
    if (kind === Fixed.CommandKind_NEW_ORDER) {
      this.#newOrder(command, at, session);
    } else if (kind === Fixed.CommandKind_CANCEL_ORDER) {
      this.#cancel(command, at, session);
    } else if (kind === Fixed.CommandKind_REPLACE_ORDER) {
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
    if (this.book.f64[(maker >> 1) + Fixed.ORDER_LEAVES_F64] === 0) {
      this.#forget(maker);
    }
  }

  #newOrder(command: CommandViews, at: number, session: number): void {
    const book = this.book;
    this.totals[Fixed.Total_ORDERS] = this.totals[Fixed.Total_ORDERS]! + 1;
    let reason = this.#checks.judge(command, at, session);
    let order = 0;
    if (reason === Reason.NONE) {
      order = this.#index.size < this.ordersLimit ? book.allocate() : 0;
      // A full pool still serves orders that will not rest.
      if (order === 0) order = book.scratchOrder;
      this.#fillIn(order, command, at, session);
      if (this.#rests(order)) {
        const what = book.i32[order + Fixed.ORDER_KIND]!;
        reason = order === book.scratchOrder
          ? Reason.ORDER_CAPACITY
          : this.#matching.room(
            what & 0xffff,
            (what >>> 16 & 0xff) - 1,
            book.i32[order + Fixed.ORDER_PRICE]!,
            (order >> 1) + Fixed.ORDER_LEAVES_F64,
            order,
          );
      }
    }
    if (reason !== Reason.NONE) {
      if (order !== 0 && order !== book.scratchOrder) book.free(order);
      this.#refuse(Fixed.EventKind_REJECTED, command, at, 1, reason, 0);
      return;
    }
    this.#writer.order(Fixed.EventKind_ACCEPTED, order, 0, Fixed.OrdStatus_NEW);
    this.#place(order);
  }

  #cancel(command: CommandViews, at: number, session: number): void {
    this.totals[Fixed.Total_CANCELS] = this.totals[Fixed.Total_CANCELS]! + 1;
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + Fixed.CMD_REFERENCE_F64,
    );
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#checks.mismatch(command, at, order);
    if (reason !== Reason.NONE) {
      this.#refuse(
        Fixed.EventKind_CANCEL_REJECTED,
        command,
        at,
        2,
        reason,
        order,
      );
      return;
    }
    this.book.unlink(order);
    this.#writer.orderOnRequest(
      Fixed.EventKind_CANCELED,
      order,
      whyOf(0, Reason.CANCELED_BY_CLIENT),
      Fixed.OrdStatus_CANCELED,
      command,
      at,
      this.#hasText(command, at),
    );
    this.#forget(order);
    this.book.free(order);
  }

  #replace(command: CommandViews, at: number, session: number): void {
    this.totals[Fixed.Total_REPLACES] = this.totals[Fixed.Total_REPLACES]! + 1;
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + Fixed.CMD_REFERENCE_F64,
    );
    const reason = order === 0
      ? Reason.UNKNOWN_ORDER
      : this.#checks.judgeReplace(command, at, session, order);
    if (reason !== Reason.NONE) {
      this.#refuse(
        Fixed.EventKind_CANCEL_REJECTED,
        command,
        at,
        3,
        reason,
        order,
      );
      return;
    }
    const book = this.book;
    // The new quantity waits in the scratch record, where judgeReplace() put it.
    const moved = this.#matching.amend(
      order,
      command.i32[at + Fixed.CMD_PRICE_I32]!,
      (book.scratchOrder >> 1) + Fixed.ORDER_QUANTITY_F64,
    );
    this.#rename(command, at, order);
    const text = this.#hasText(command, at);
    if (text) {
      book.i32[order + Fixed.ORDER_OWNER] =
        book.i32[order + Fixed.ORDER_OWNER]! |
        Fixed.ORDER_TEXT_BIT;
      this.#writer.keepText(order, command, at);
    }
    this.#writer.orderOnRequest(
      Fixed.EventKind_REPLACED,
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
    if (book.i32[order + Fixed.ORDER_LEVEL] !== 0) {
      this.#remember(order);
      return;
    }
    if (reason !== Reason.NONE) {
      this.#writer.order(
        Fixed.EventKind_CANCELED,
        order,
        whyOf(0, reason),
        Fixed.OrdStatus_CANCELED,
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
    this.totals[Fixed.Total_OTHERS] = this.totals[Fixed.Total_OTHERS]! + 1;
    const word = session * Fixed.SESSION_WORDS;
    switch (kind) {
      case Fixed.CommandKind_ORDER_STATUS:
        return this.#status(command, at, session);
      case Fixed.CommandKind_REFUSED:
        return this.#refused(command, at, session);
      case Fixed.CommandKind_DEFINE_INSTRUMENT:
        return this.#defineInstrument(command, at);
      case Fixed.CommandKind_DEFINE_SESSION:
        this.#sessions[word + Fixed.SESSION_PROTOCOL] = this.#detail(
          command,
          at,
        );
        this.#copyText(command, at, this.#names, session * 16);
        return;
      case Fixed.CommandKind_DEFINE_LIMITS:
        return this.#defineLimits(command, at);
      case Fixed.CommandKind_DEFINE_CAPACITY:
        return this.#defineCapacity(command, at);
      case Fixed.CommandKind_SESSION_LOGON:
        this.#sessions[word + Fixed.SESSION_LOGGED_ON] = 1;
        if (this.#detail(command, at) === 1) {
          this.#sessions[word + Fixed.SESSION_OUT_SEQUENCE] = 0;
          this.#sessions[word + Fixed.SESSION_IN_SEQUENCE] = command
            .i32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
        }
        return this.#writer.session(
          Fixed.EventKind_LOGGED_ON,
          command,
          at,
          false,
          command.i32[at + Fixed.CMD_REASON_U32]!,
        );
      case Fixed.CommandKind_SESSION_LOGOUT:
        this.#sessions[word + Fixed.SESSION_LOGGED_ON] = 0;
        return;
      case Fixed.CommandKind_SESSION_MESSAGE:
        return this.#writer.session(
          Fixed.EventKind_SESSION_MESSAGE,
          command,
          at,
          true,
          command.i32[at + Fixed.CMD_REASON_U32]!,
        );
      default:
        fail(`command ${this.sequence} is of kind ${kind}: not known here`);
    }
  }

  #status(command: CommandViews, at: number, session: number): void {
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + Fixed.CMD_REFERENCE_F64,
    );
    const detail = this.#detail(command, at);
    if (order === 0) {
      this.#writer.request(
        Fixed.EventKind_STATUS,
        command,
        at,
        whyOf(detail, Reason.UNKNOWN_ORDER),
        0,
        false,
      );
      return;
    }
    const ownText =
      (this.book.i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TEXT_BIT) !==
        0;
    this.#writer.orderOnRequest(
      Fixed.EventKind_STATUS,
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
    const why = whyOf(detail, command.i32[at + Fixed.CMD_REASON_U32]!);
    if (detail === 1) {
      this.#writer.request(
        Fixed.EventKind_REJECTED,
        command,
        at,
        why,
        0,
        false,
      );
      return;
    }
    const order = this.#index.find(
      session,
      command.f64,
      (at >> 1) + Fixed.CMD_REFERENCE_F64,
    );
    this.#writer.request(
      Fixed.EventKind_CANCEL_REJECTED,
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
    const instrument = command.i32[at + Fixed.CMD_WHAT_WORD]! & 0xffff;
    this.book.define(instrument);
    const to = instrument * Fixed.DEFINITION_WORDS;
    this.#definitionsF64[to >> 1] = command
      .f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    this.#definitionsF64[(to >> 1) + 1] = command
      .f64[(at >> 1) + Fixed.CMD_REFERENCE_F64]!;
    this.#copyText(command, at, this.#definitions, to + Fixed.DEFINITION_TEXT);
  }

  #defineLimits(command: CommandViews, at: number): void {
    const instrument = command.i32[at + Fixed.CMD_WHAT_WORD]! & 0xffff;
    assert(
      this.book.isDefined(instrument),
      `limits of instrument ${instrument}: it is not defined`,
    );
    this.limits.set(
      instrument,
      command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!,
      command.f64[(at >> 1) + Fixed.CMD_REFERENCE_F64]!,
    );
  }

  #defineCapacity(command: CommandViews, at: number): void {
    const orders = command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    assert(
      Number.isInteger(orders) && orders >= 1 && orders <= this.book.ordersMax,
      `capacity of ${orders} orders: this exchange has room for ${this.book.ordersMax}`,
    );
    this.book.i32[Fixed.BOOK_ORDERS_LIMIT] = orders;
  }

  #rename(command: CommandViews, at: number, order: number): void {
    if (!this.#checks.renames(command, at, order)) return;
    this.#index.remove(order);
    this.book.f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] = command
      .f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]!;
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
    const quantity = command.f64[half + Fixed.CMD_QUANTITY_F64]!;
    const what = command.i32[at + Fixed.CMD_WHAT_WORD]!;
    const timeInForce = command.i32[at + Fixed.CMD_HOW_WORD]! & 0xf;
    const text = this.#hasText(command, at);
    i32[order + Fixed.ORDER_LEVEL] = 0;
    i32[order + Fixed.ORDER_PRICE] = what >>> 24 === Fixed.OrdType_MARKET
      ? 0
      : command.i32[at + Fixed.CMD_PRICE_I32]!;
    f64[own + Fixed.ORDER_LEAVES_F64] = quantity;
    f64[own + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[own + Fixed.ORDER_NOTIONAL_F64] = 0;
    f64[own + Fixed.ORDER_REFERENCE_F64] = command
      .f64[half + Fixed.CMD_REFERENCE_F64]!;
    i32[order + Fixed.ORDER_OWNER] = session | timeInForce << 24 |
      (text ? Fixed.ORDER_TEXT_BIT : 0);
    i32[order + Fixed.ORDER_KIND] = what;
    f64[own + Fixed.ORDER_ID_F64] = command.f64[half + Fixed.CMD_SEQUENCE_F64]!;
    if (text) this.#writer.keepText(order, command, at);
  }

  /** True if what an order does not trade at once stays in the book. */
  #rests(order: number): boolean {
    const i32 = this.book.i32;
    return i32[order + Fixed.ORDER_KIND]! >>> 24 === Fixed.OrdType_LIMIT &&
      (i32[order + Fixed.ORDER_OWNER]! >>> 24 & 0xf) <= Fixed.TimeInForce_GTC;
  }

  #remember(order: number): void {
    const session = this.book.i32[order + Fixed.ORDER_OWNER]! &
      Fixed.ORDER_SESSION_MASK;
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_ORDERS;
    this.#sessions[word] = this.#sessions[word]! + 1;
    this.#index.insert(order);
  }

  #forget(order: number): void {
    const session = this.book.i32[order + Fixed.ORDER_OWNER]! &
      Fixed.ORDER_SESSION_MASK;
    const word = session * Fixed.SESSION_WORDS + Fixed.SESSION_ORDERS;
    this.#sessions[word] = this.#sessions[word]! - 1;
    this.#index.remove(order);
  }

  #hasText(command: CommandViews, at: number): boolean {
    const shape = command.i32[at + Fixed.CMD_SHAPE_WORD]!;
    return (shape >>> Fixed.CMD_FLAGS_SHIFT & Fixed.CMD_FLAG_TEXT) !== 0 &&
      (shape & 0xffff) > Fixed.COMMAND_BASE_BYTES;
  }

  #detail(command: CommandViews, at: number): number {
    return command.i32[at + Fixed.CMD_HOW_WORD]! >>> Fixed.CMD_DETAIL_SHIFT &
      0xff;
  }

  #copyText(
    command: CommandViews,
    at: number,
    to: Int32Array,
    word: number,
  ): void {
    const given = (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) >
      Fixed.COMMAND_BASE_BYTES;
    for (let i = 0; i < Fixed.TEXT_WORDS; i++) {
      to[word + i] = given
        ? command.i32[at + Fixed.CMD_CL_ORD_ID_WORD + i]!
        : 0;
    }
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
      out[count * 3 + 1] = book.f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
      out[count * 3 + 2] = book.i32[level + Fixed.LEVEL_COUNT]!;
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
