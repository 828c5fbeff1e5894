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
import { Book, type BookOptions, KEY_MARKET } from "../book/mod.ts";
import {
  AuctionPrice,
  Instruments,
  Matching,
  Owners,
  SpecialMatching,
  TickTables,
} from "../matching/mod.ts";
import { Reason } from "../record/mod.ts";
import {
  ACCOUNT_WORDS,
  Accounts,
  MessageRate,
  POSITION_WORDS,
  RiskLimits,
} from "../risk/mod.ts";
import { DEFINITION_WORDS, Definitions, NAME_WORDS } from "./definitions.ts";
import type { EventRing } from "./event_ring.ts";
import { type CommandViews, EventWriter } from "./event_writer.ts";
import { LiveOrders } from "./live_orders.ts";
import {
  LOOK_AHEAD_COMMANDS,
  LOOK_AHEAD_ORDERS_MIN,
  type LookAhead,
  lookAhead,
} from "./look_ahead.ts";
import { MassRequests } from "./mass_requests.ts";
import { OrderIndex } from "./order_index.ts";
import { OrderSearch } from "./order_search.ts";
import {
  canBePlain,
  type PlainParts,
  type PlainPath,
  plainPath,
} from "./plain_path.ts";
import { RequestChecks } from "./request_checks.ts";
import { Requests } from "./requests.ts";
import { Specials } from "./specials.ts";
import { StateHash } from "./state_hash.ts";
import { TermsChecks } from "./terms_checks.ts";
import { Timers } from "./timers.ts";
import { TradingStates } from "./trading_states.ts";
import { WatchList } from "./watch_list.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  PLACE_WORDS = 4,
  COUNT_EVENTS = 0,
  SIDE_ROOT = 2,
  CL_ORD_ID_WORDS = 5,
  SESSION_WORDS = 16,
  REFUSALS_MAX = 512,
  SESSION_OUT_SEQUENCE = 0,
  SESSION_IN_SEQUENCE = 1,
  SESSION_LOGGED_ON = 3,
  SESSION_ORDERS = 4,
  CMD_SEQUENCE_F64 = 1,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  CMD_SESSION_U32 = 6,
  CMD_SHAPE_WORD = 1,
  CMD_KIND_SHIFT = 16,
  CMD_IN_SEQUENCE_U32 = 7,
  CMD_HOW_WORD = 9,
  CMD_DETAIL_SHIFT = 8,
  CMD_REASON_U32 = 11,
  CommandKind_NEW_ORDER = 1,
  CommandKind_CANCEL_ORDER = 2,
  CommandKind_REPLACE_ORDER = 3,
  CommandKind_ORDER_STATUS = 4,
  CommandKind_REFUSED = 5,
  CommandKind_REDUCE_ORDER = 6,
  CommandKind_MASS_CANCEL = 7,
  CommandKind_KILL = 8,
  CommandKind_SESSION_LOGON = 20,
  CommandKind_SESSION_LOGOUT = 21,
  CommandKind_SESSION_MESSAGE = 22,
  CommandKind_TIME = 31,
  CommandKind_CHECKPOINT = 32,
  EventKind_LOGGED_ON = 20,
  EventKind_SESSION_MESSAGE = 22,
  Total_COMMANDS = 0,
  Total_ORDERS = 1,
  Total_CANCELS = 2,
  Total_REPLACES = 3,
  Total_OTHERS = 4,
  LEVEL_QUANTITY_F64 = 1,
  LEVEL_RESERVE_F64 = 3,
  LEVEL_COUNT = 4,
  LEVEL_KEY = 5,
  INSTRUMENT_TOUCHED = 30,
}

/** How much an exchange holds. */
export interface ExchangeCapacity extends BookOptions {
  /** Sessions have indexes from 0 (the appliance) up to below this. */
  readonly sessionsMax: number;
  /** Accounts have indexes below this; 0 is "no account". 64 if left out. */
  readonly accountsMax?: number;
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
/** Accounts if the options do not say. */
export const ACCOUNTS_DEFAULT = 64;

interface Parts {
  readonly accountsMax: number;
  readonly book: number;
  readonly index: number;
  readonly texts: number;
  readonly sessions: number;
  readonly names: number;
  readonly definitions: number;
  readonly instruments: number;
  readonly ticks: number;
  readonly accounts: number;
  readonly rates: number;
  readonly timers: number;
  readonly bytes: number;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function parts(options: ExchangeCapacity): Parts {
  const { sessionsMax, instrumentsMax, ordersMax } = options;
  const accountsMax = options.accountsMax ?? ACCOUNTS_DEFAULT;
  assert(
    Number.isInteger(sessionsMax) && sessionsMax >= 1 && sessionsMax <= 65536,
    `sessionsMax is ${sessionsMax}: must be 1 to 65536`,
  );
  let at = 0;
  const take = (bytes: number): number => {
    const start = at;
    at += aligned(bytes);
    return start;
  };
  return {
    accountsMax,
    book: take(Book.bytes(options)),
    index: take(OrderIndex.bytes(ordersMax)),
    texts: take((ordersMax + 1) * Fixed.CL_ORD_ID_WORDS * 4),
    sessions: take(sessionsMax * Fixed.SESSION_WORDS * 4),
    names: take(sessionsMax * NAME_WORDS * 4),
    definitions: take(instrumentsMax * DEFINITION_WORDS * 4),
    instruments: take(Instruments.bytes(instrumentsMax)),
    ticks: take(TickTables.bytes({ instrumentsMax })),
    accounts: take(Accounts.bytes({ accountsMax, instrumentsMax })),
    rates: take(MessageRate.bytes({ sessionsMax })),
    timers: take(Timers.bytes(options.specialMax ?? ordersMax)),
    bytes: at,
  };
}

/** One shard: books, sessions, accounts, limits. */
export class Exchange {
  readonly book: Book;
  readonly limits: RiskLimits;
  readonly accounts: Accounts;
  readonly instruments: Instruments;
  readonly ticks: TickTables;
  readonly states: TradingStates;
  readonly #totals = new Float64Array(8);
  /** What the plain path counted since the totals were last read. */
  readonly #counts = new Int32Array(8);
  /** Commands that went the short way since it was made, by `Total`; for tests and people. */
  readonly plainTotals = new Float64Array(8);
  /** Requests refused by the exchange, by reason. */
  readonly refusals = new Float64Array(Fixed.REFUSALS_MAX);
  readonly #requests: Requests;
  readonly #mass: MassRequests;
  readonly #setup: Definitions;
  readonly #specials: Specials;
  readonly #live: LiveOrders;
  readonly #owners: Owners;
  /** All of the memory that the state lies in. */
  readonly #memory: Uint8Array;
  /** First byte behind what grows with the orders: from here `reset()` clears all. */
  readonly #resetFrom: number;
  readonly #index: OrderIndex;
  readonly #writer: EventWriter;
  readonly #rates: MessageRate;
  readonly #sessionsMax: number;
  readonly #sessions: Int32Array;
  readonly #names: Int32Array;
  readonly #definitions: Int32Array;
  readonly #texts: Int32Array;
  /** 0: sequence of the last command. */
  readonly #last = new Float64Array(1);
  readonly #due: Uint32Array;
  readonly #events: readonly EventRing[];
  readonly #plain: PlainPath;
  readonly #lookAhead: LookAhead;

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
    const words = (from: number, count: number) =>
      new Int32Array(memory, start + from, count);
    const book = new Book(memory, start + at.book, options);
    this.book = book;
    this.limits = new RiskLimits(instrumentsMax);
    this.#index = new OrderIndex(
      memory,
      start + at.index,
      ordersMax,
      book.i32,
      book.f64,
      book.scratchOrder,
    );
    this.#texts = words(at.texts, (ordersMax + 1) * Fixed.CL_ORD_ID_WORDS);
    this.#sessionsMax = sessionsMax;
    this.#sessions = words(at.sessions, sessionsMax * Fixed.SESSION_WORDS);
    this.#names = words(at.names, sessionsMax * NAME_WORDS);
    this.#definitions = words(
      at.definitions,
      instrumentsMax * DEFINITION_WORDS,
    );
    this.#events = options.events;
    this.#writer = new EventWriter(
      book,
      options.events,
      options.routes,
      this.#sessions,
      this.#texts,
    );
    this.instruments = new Instruments(
      memory,
      start + at.instruments,
      instrumentsMax,
    );
    this.ticks = new TickTables(memory, start + at.ticks, { instrumentsMax });
    this.accounts = new Accounts(memory, start + at.accounts, {
      accountsMax: at.accountsMax,
      instrumentsMax,
    });
    this.#rates = new MessageRate(memory, start + at.rates, { sessionsMax });
    const rooms = this.#build(new Timers(memory, start + at.timers, book), {
      definitionsF64: new Float64Array(
        memory,
        start + at.definitions,
        instrumentsMax * DEFINITION_WORDS >> 1,
      ),
    });
    this.#live = rooms.live;
    this.#owners = rooms.owners;
    this.#memory = new Uint8Array(memory, start, at.bytes);
    this.#resetFrom = at.sessions;
    this.#specials = rooms.specials;
    this.states = rooms.states;
    this.#due = rooms.states.due;
    this.#requests = rooms.requests;
    this.#mass = rooms.mass;
    this.#setup = rooms.setup;
    const plain = this.#plainParts(options);
    this.#plain = canBePlain(options.events) ? plainPath(plain) : () => false;
    this.#lookAhead = lookAhead(plain);
  }

  /** What the plain path and the look ahead work on: the same memory. */
  #plainParts(options: ExchangeOptions): PlainParts {
    const { events } = options;
    const places = new Int32Array(events.length * Fixed.PLACE_WORDS);
    for (let i = 0; i < events.length; i++) {
      events[i]!.movePlace(places, i * Fixed.PLACE_WORDS);
    }
    const at = parts(options);
    const start = options.byteOffset ?? 0;
    const { book, accounts } = this;
    return {
      i32: new Int32Array(options.memory, start, at.bytes >>> 2),
      f64: new Float64Array(options.memory, start, at.bytes >>> 3),
      instruments: book.instrumentOf(0),
      orders: book.scratchOrder,
      index: at.index >>> 2,
      texts: at.texts >>> 2,
      sessions: at.sessions >>> 2,
      settings: at.instruments >>> 2,
      accountsAt: at.accounts >>> 2,
      accountsMax: at.accountsMax,
      ratesAt: at.rates >>> 2,
      instrumentsMax: options.instrumentsMax,
      sessionsMax: options.sessionsMax,
      indexBits: this.#index.bits,
      quantityMax: this.limits.quantityMax,
      notionalMax: this.limits.notionalMax,
      identities: this.#owners.identities,
      routes: options.routes,
      rings: events,
      places,
      stamp: this.#writer.stamp,
      counts: this.#counts,
      refusals: this.refusals,
      last: this.#last,
      due: this.#due,
      accounts,
      rates: this.#rates,
      levelFor: (side, key) => {
        if (book.i32[side + Fixed.SIDE_ROOT] === 0) return -1;
        const level = book.index.find(side, key);
        return level !== 0 || book.index.hasRoom(side, key) ? level : -1;
      },
      growIndex: () => this.#index.grow(),
      closeLevel: book.closeLevel,
      openLevel: book.openLevel,
      rest: book.rest,
      unlinkFrom: book.unlinkFrom,
      proceed: (order, command, from, index) => {
        this.#writer.begin(command, from);
        this.#writer.skip(index);
        this.#requests.goOn(order);
        if (this.#live.touchedCount !== 0) this.#settle();
      },
      settle: (instrument, order, command, from, index) => {
        this.#writer.begin(command, from);
        this.#writer.skip(index);
        this.#writer.subject = order;
        this.#live.touch(instrument);
        this.#settle();
      },
      refuse: (command, from) => {
        this.#writer.begin(command, from);
        this.#requests.refuseRate(command, from);
      },
      refuseReplace: (command, from, order) => {
        this.#writer.begin(command, from);
        this.#requests.refuseReplaceRate(command, from, order);
      },
    };
  }

  /** Puts together what works on the state. */
  #build(timers: Timers, memory: { definitionsF64: Float64Array }) {
    const { book, limits, instruments, ticks, accounts } = this;
    const index = this.#index;
    const writer = this.#writer;
    const sessions = this.#sessions;
    const rates = this.#rates;
    const owners = new Owners(book, sessions);
    const watch = new WatchList(book);
    const live = new LiveOrders({
      book,
      index,
      sessions,
      owners,
      accounts,
      writer,
      timers,
      watch,
    });
    const special = new SpecialMatching(book, owners, instruments, live);
    live.bind(special);
    const matching = new Matching(book, live, owners);
    const specials = new Specials({
      book,
      matching: special,
      instruments,
      ticks,
      live,
      watch,
      writer,
      onInterrupted: (instrument) => this.states.interrupt(instrument),
    });
    const search = new OrderSearch(book, owners);
    const states = new TradingStates({
      book,
      matching: special,
      instruments,
      auction: new AuctionPrice(book, ticks),
      specials,
      live,
      watch,
      timers,
      writer,
      search,
    });
    const checks = new RequestChecks({
      book,
      limits,
      index,
      matching,
      instruments,
      ticks,
      owners,
      accounts,
      rates,
      terms: new TermsChecks(book, owners, accounts, sessions),
      sessions,
    });
    const requests = new Requests({
      book,
      matching,
      special,
      specials,
      states,
      instruments,
      checks,
      index,
      owners,
      accounts,
      live,
      watch,
      timers,
      writer,
      sessions,
      refusals: this.refusals,
    });
    const mass = new MassRequests({
      book,
      search,
      live,
      owners,
      accounts,
      writer,
      sessions,
      sessionsMax: this.#sessionsMax,
    });
    const setup = new Definitions({
      book,
      limits,
      instruments,
      ticks,
      accounts,
      rates,
      states,
      sessions,
      names: this.#names,
      definitions: this.#definitions,
      definitionsF64: memory.definitionsF64,
      onCapacity: (orders, specialOrders) => {
        requests.ordersLimit = orders;
        requests.specialsLimit = specialOrders;
      },
      onSession: (session) => owners.renew(session),
      onInstrument: (instrument) => live.touch(instrument),
    });
    return { live, owners, specials, states, requests, mass, setup };
  }

  /** True if plain orders take the short way: the event rings lie in one memory. */
  get hasPlainPath(): boolean {
    return canBePlain(this.#events);
  }

  /** Sequence of the last command applied; 0 = none yet. */
  get sequence(): number {
    return this.#last[0]!;
  }

  /** Counts since the start, by `Total`. */
  get totals(): Float64Array {
    this.#addCounts();
    return this.#totals;
  }

  /** Adds what the plain path counted: a float64 counter would slow it down. */
  #addCounts(): void {
    const counts = this.#counts;
    const totals = this.#totals;
    const { stamp } = this.#writer;
    stamp[2] = stamp[2]! + (counts[Fixed.COUNT_EVENTS]! >>> 0);
    counts[Fixed.COUNT_EVENTS] = 0;
    for (let i = Fixed.Total_ORDERS; i <= Fixed.Total_OTHERS; i++) {
      const count = counts[i]! >>> 0;
      counts[i] = 0;
      totals[i] = totals[i]! + count;
      this.plainTotals[i] = this.plainTotals[i]! + count;
      totals[Fixed.Total_COMMANDS] = totals[Fixed.Total_COMMANDS]! + count;
    }
  }

  /** Number of the last match: trades since the start. */
  get trades(): number {
    return this.#writer.stamp[1]!;
  }

  /** Number of the last match that self-trade prevention kept from happening. */
  get prevented(): number {
    return this.#writer.stamp[3]!;
  }

  /** Events since the start, also those that went nowhere. */
  get events(): number {
    this.#addCounts();
    return this.#writer.stamp[2]!;
  }

  /** Orders that may live at a time; the room in memory until a command says otherwise. */
  get ordersLimit(): number {
    return this.#requests.ordersLimit;
  }

  /** Orders with terms that may live at a time. */
  get specialsLimit(): number {
    return this.#requests.specialsLimit;
  }

  /** Orders that live. */
  get ordersOpen(): number {
    return this.#index.size;
  }

  /** Number of the last event of a session; 0 = none since its sequence began. */
  outSequence(session: number): number {
    return this.#ofSession(session, Fixed.SESSION_OUT_SEQUENCE) >>> 0;
  }

  /** Highest inbound number of a session that a command carried. */
  inSequence(session: number): number {
    return this.#ofSession(session, Fixed.SESSION_IN_SEQUENCE) >>> 0;
  }

  /** Live orders of a session. */
  ordersOf(session: number): number {
    return this.#ofSession(session, Fixed.SESSION_ORDERS);
  }

  /** A word of a session's state: `SESSION_*`. */
  sessionWord(session: number, word: number): number {
    return this.#ofSession(session, word);
  }

  /** The live order that a session calls by the number `f64[at]`; 0 = none. */
  findOrder(session: number, f64: Float64Array, at: number): number {
    return this.#index.find(session, f64, at);
  }

  /** The client order id of an order that has one: text, a character a byte. */
  clOrdIdOf(order: number): string {
    const from = this.book.numberOf(order) * Fixed.CL_ORD_ID_WORDS;
    let text = "";
    for (let i = 0; i < Fixed.CL_ORD_ID_WORDS * 4; i++) {
      const word = this.#texts[from + (i >> 2)]!;
      const code = word >>> (i & 3) * 8 & 0xff;
      if (code === 0) break;
      text += String.fromCharCode(code);
    }
    return text;
  }

  #ofSession(session: number, word: number): number {
    return this.#sessions[session * Fixed.SESSION_WORDS + word]!;
  }

  /** True if an order or a state ends at this time or before: a TIME command is due. */
  timerDue(timeLo: number, timeHi: number): boolean {
    return this.states.isDue(timeLo, timeHi);
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
    if (!this.#plain(command, at)) this.#applyGeneral(command, at);
  }

  /** Applies a command that the plain path did not. */
  #applyGeneral(command: CommandViews, at: number): void {
    const i32 = command.i32;
    const sequence = command.f64[(at >> 1) + Fixed.CMD_SEQUENCE_F64]!;
    if (!(sequence > this.#last[0]!)) this.#outOfOrder(sequence);
    this.#last[0] = sequence;
    const session = i32[at + Fixed.CMD_SESSION_U32]!;
    if (session >>> 0 >= this.#sessionsMax) {
      fail(`session ${session}: sessionsMax is ${this.#sessionsMax}`);
    }
    this.#writer.begin(command, at);
    if (i32[at + Fixed.CMD_TIME_HI_U32]! >>> 0 >= this.#due[1]!) {
      this.#runTimers(command, at);
    }
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
      totals[Fixed.Total_ORDERS] = totals[Fixed.Total_ORDERS]! + 1;
      this.#requests.newOrder(command, at, session);
    } else if (kind === Fixed.CommandKind_CANCEL_ORDER) {
      totals[Fixed.Total_CANCELS] = totals[Fixed.Total_CANCELS]! + 1;
      this.#requests.cancel(command, at, session);
    } else if (kind === Fixed.CommandKind_REPLACE_ORDER) {
      totals[Fixed.Total_REPLACES] = totals[Fixed.Total_REPLACES]! + 1;
      this.#requests.replace(command, at, session);
    } else this.#other(command, at, session, kind);
    if (this.#live.touchedCount !== 0) this.#settle();
  }

  /**
   * Applies commands one after the other, as `apply()` does, and reads ahead of
   * them what they will need.
   *
   * @param offsets First byte of each command in the memory of the views.
   * @param from Place in `offsets` of the first.
   * @param end Place behind the last.
   */
  applyAll(
    command: CommandViews,
    offsets: Int32Array,
    from: number,
    end: number,
  ): void {
    for (let first = from; first < end; first += LOOK_AHEAD_COMMANDS) {
      const next = Math.min(first + LOOK_AHEAD_COMMANDS, end);
      if (this.book.ordersAllocated >= LOOK_AHEAD_ORDERS_MIN) {
        this.#lookAhead(command, offsets, first, next);
      }
      this.#applySome(command, offsets, first, next);
    }
  }

  #applySome(
    command: CommandViews,
    offsets: Int32Array,
    from: number,
    end: number,
  ): void {
    const plain = this.#plain;
    for (let i = from; i < end; i++) {
      const at = offsets[i]! >>> 2;
      if (!plain(command, at)) this.#applyGeneral(command, at);
    }
  }

  /** Drops the events that were not published: for a warm-up. */
  discard(): void {
    for (let i = 0; i < this.#events.length; i++) this.#events[i]!.discard();
  }

  /** Makes all events so far visible to the gateways. */
  publish(): void {
    for (let i = 0; i < this.#events.length; i++) this.#events[i]!.publish();
  }

  /** Ends what is due at the command's time. */
  #runTimers(command: CommandViews, at: number): void {
    const lo = command.i32[at + Fixed.CMD_TIME_LO_U32]!;
    const hi = command.i32[at + Fixed.CMD_TIME_HI_U32]!;
    while (this.states.isDue(lo, hi)) {
      // An order may have ended before its time.
      this.states.renewDue();
      if (!this.states.isDue(lo, hi)) return;
      this.states.runFirst();
      this.#settle();
    }
  }

  /** Settles the instruments that were touched, in their order. */
  #settle(): void {
    const live = this.#live;
    const { touched } = live;
    // Few, and mostly one: an insertion sort.
    for (let i = 1; i < live.touchedCount; i++) {
      const instrument = touched[i]!;
      let to = i;
      for (; to > 0 && touched[to - 1]! > instrument; to--) {
        touched[to] = touched[to - 1]!;
      }
      touched[to] = instrument;
    }
    for (let i = 0; i < live.touchedCount; i++) {
      const instrument = touched[i]!;
      this.#specials.settle(instrument);
      this.states.tellIndicative(instrument);
      this.book.i32[
        this.book.instrumentOf(instrument) + Fixed.INSTRUMENT_TOUCHED
      ] = 0;
    }
    live.touchedCount = 0;
  }

  /** Kinds that are rarer than orders. */
  #other(
    command: CommandViews,
    at: number,
    session: number,
    kind: number,
  ): void {
    this.totals[Fixed.Total_OTHERS] = this.totals[Fixed.Total_OTHERS]! + 1;
    const requests = this.#requests;
    switch (kind) {
      case Fixed.CommandKind_ORDER_STATUS:
        return requests.status(command, at, session);
      case Fixed.CommandKind_REFUSED:
        return requests.refused(command, at, session);
      case Fixed.CommandKind_REDUCE_ORDER:
        return requests.reduce(command, at, session);
      case Fixed.CommandKind_MASS_CANCEL:
        return this.#countRefusal(this.#mass.cancel(command, at, session));
      case Fixed.CommandKind_KILL:
        return this.#countRefusal(this.#mass.kill(command, at, session));
      case Fixed.CommandKind_TIME:
      case Fixed.CommandKind_CHECKPOINT:
        return;
      case Fixed.CommandKind_SESSION_LOGON:
        return this.#logon(command, at, session);
      case Fixed.CommandKind_SESSION_LOGOUT:
        this.#sessions[
          session * Fixed.SESSION_WORDS + Fixed.SESSION_LOGGED_ON
        ] = 0;
        return;
      case Fixed.CommandKind_SESSION_MESSAGE:
        return this.#writer.session(
          Fixed.EventKind_SESSION_MESSAGE,
          command,
          at,
          true,
          command.i32[at + Fixed.CMD_REASON_U32]!,
        );
      default: {
        const reason = this.#setup.apply(command, at, kind, session);
        if (reason === Reason.UNKNOWN_MESSAGE) {
          fail(`command ${this.sequence} is of kind ${kind}: not known here`);
        }
        this.#countRefusal(reason);
      }
    }
  }

  #countRefusal(reason: Reason): void {
    if (reason === Reason.NONE) return;
    this.refusals[reason] = this.refusals[reason]! + 1;
  }

  #logon(command: CommandViews, at: number, session: number): void {
    const word = session * Fixed.SESSION_WORDS;
    this.#sessions[word + Fixed.SESSION_LOGGED_ON] = 1;
    const detail =
      command.i32[at + Fixed.CMD_HOW_WORD]! >>> Fixed.CMD_DETAIL_SHIFT & 0xff;
    if (detail === 1) {
      this.#sessions[word + Fixed.SESSION_OUT_SEQUENCE] = 0;
      this.#sessions[word + Fixed.SESSION_IN_SEQUENCE] = command
        .i32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    }
    this.#writer.session(
      Fixed.EventKind_LOGGED_ON,
      command,
      at,
      false,
      command.i32[at + Fixed.CMD_REASON_U32]!,
    );
  }

  #outOfOrder(sequence: number): never {
    fail(`command ${sequence} after command ${this.sequence}`);
  }

  /**
   * The best displayed levels of one side, for market data and people.
   *
   * @param bit 0 = buy, 1 = sell.
   * @param out Gets price, lots shown and number of orders of each level in turn.
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
    // Market orders that wait for an auction have no price.
    if (
      level !== 0 && book.i32[level + Fixed.LEVEL_KEY] === KEY_MARKET
    ) level = book.nextLevel(side, level);
    while (level !== 0 && count < levelsMax && count * 3 + 2 < out.length) {
      const lots = level >> 1;
      out[count * 3] = book.priceOf(level);
      out[count * 3 + 1] = book.f64[lots + Fixed.LEVEL_QUANTITY_F64]! -
        book.f64[lots + Fixed.LEVEL_RESERVE_F64]!;
      out[count * 3 + 2] = book.i32[level + Fixed.LEVEL_COUNT]!;
      count++;
      level = book.nextLevel(side, level);
    }
    return count;
  }

  /**
   * A digest of the whole state: sequence, counts, sessions, instruments,
   * accounts, limits, and each order in its place. Equal after a replay, also
   * by an exchange with more room. Cold: walks everything.
   *
   * @returns 32 hexadecimal digits.
   */
  stateHash(): string {
    const hash = new StateHash();
    hash.number(this.sequence);
    this.#addCounts();
    hash.numbers(this.#writer.stamp.subarray(1, 4));
    hash.numbers(this.totals);
    hash.number(this.ordersLimit);
    hash.number(this.specialsLimit);
    for (
      const words of [
        this.#sessions,
        this.#names,
        this.#definitions,
        this.instruments.i32,
        this.ticks.i32,
        this.#rates.i32,
      ]
    ) hash.sparse(words, 0, words.length);
    this.#hashAccounts(hash);
    for (let i = 0; i < this.book.instrumentsMax; i++) {
      if (!this.book.isDefined(i)) continue;
      hash.number(this.limits.quantityMax[i]!);
      hash.number(this.limits.notionalMax[i]!);
      hash.instrument(this.book, this.#texts, i);
    }
    return hash.digest();
  }

  /** Accounts, and the positions that are not all 0. */
  #hashAccounts(hash: StateHash): void {
    const { accounts, book } = this;
    const { i32, accountsMax } = accounts;
    hash.sparse(i32, 0, accountsMax * ACCOUNT_WORDS);
    for (let account = 0; account < accountsMax; account++) {
      for (let i = 0; i < book.instrumentsMax; i++) {
        const at = accounts.positionAt(account, i);
        let any = 0;
        for (let w = 0; w < POSITION_WORDS; w++) any |= i32[at + w]!;
        if (any === 0) continue;
        hash.word(account);
        hash.word(i);
        hash.words(i32, at, POSITION_WORDS);
      }
    }
  }

  /**
   * The whole state as bytes: for `restore()` of an exchange of the same
   * options. Cold: copies everything.
   */
  snapshot(): Uint8Array {
    const scalars = this.saveScalars();
    const bytes = new Uint8Array(8 + scalars.byteLength + this.#memory.length);
    new DataView(bytes.buffer).setFloat64(0, scalars.length, true);
    bytes.set(new Uint8Array(scalars.buffer), 8);
    bytes.set(this.#memory, 8 + scalars.byteLength);
    return bytes;
  }

  /** The memory in which all but a few numbers of the state lies. */
  get stateMemory(): Uint8Array {
    return this.#memory;
  }

  /** The few numbers of the state that lie beside `stateMemory`. */
  saveScalars(): Float64Array<ArrayBuffer> {
    this.#addCounts();
    return Float64Array.from([
      this.sequence,
      this.ordersLimit,
      this.specialsLimit,
      ...this.#writer.stamp,
      ...this.totals,
      ...this.refusals,
      ...this.limits.quantityMax,
      ...this.limits.notionalMax,
      ...this.book.scalars(),
    ]);
  }

  /**
   * Takes the state that `snapshot()` gave in place of its own.
   *
   * @throws {InvariantError} If the exchange was of other options.
   */
  restore(bytes: Uint8Array): void {
    const count = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(
      0,
      true,
    );
    const from = 8 + count * 8;
    if (bytes.length - from !== this.#memory.length) {
      fail(
        `snapshot of ${
          bytes.length - from
        } bytes of state: this exchange has ${this.#memory.length}`,
      );
    }
    this.#memory.set(bytes.subarray(from));
    this.restoreScalars(new Float64Array(bytes.slice(8, from).buffer));
  }

  /** Takes what `saveScalars()` gave, when `stateMemory` is as it was then. */
  restoreScalars(numbers: Float64Array): void {
    const scalars = [...numbers];
    this.#last[0] = scalars.shift()!;
    this.#requests.ordersLimit = scalars.shift()!;
    this.#requests.specialsLimit = scalars.shift()!;
    for (
      const numbers of [
        this.#writer.stamp,
        this.totals,
        this.refusals,
        this.limits.quantityMax,
        this.limits.notionalMax,
      ]
    ) numbers.set(scalars.splice(0, numbers.length));
    this.book.restore(scalars);
    this.#owners.renewAll();
    this.states.restore();
  }

  /**
   * Forgets everything, as if it had just been made, and the events that were
   * not published: for a warm-up. Clears what was in use, no more.
   */
  reset(): void {
    this.discard();
    const records = this.book.numberOf(this.book.ordersEnd);
    this.#texts.fill(0, 0, records * Fixed.CL_ORD_ID_WORDS);
    this.book.reset();
    this.#index.reset();
    this.#memory.fill(0, this.#resetFrom);
    this.#last[0] = 0;
    this.totals.fill(0);
    this.#writer.stamp.fill(0);
    this.refusals.fill(0);
    this.limits.reset();
    this.#requests.ordersLimit = this.book.ordersMax;
    this.#requests.specialsLimit = this.book.specialMax;
    this.#owners.renewAll();
    this.states.restore();
  }
}
