// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The short way of a plain order through the exchange: checks, book, index and
 * events of a limit order or a cancel in one piece, over the same memory that
 * the general classes work on.
 *
 * ```
 * command ─▶ plain? ── yes ─▶ applied here, completely
 *                └──── no ──▶ untouched; the general way does it
 * ```
 *
 * Whatever is unusual is none of its business: it says so before it has
 * changed anything, and the general way finds out what it is. If a sweep meets
 * a maker that is unusual, the general way goes on from there. Both ways give
 * the same events and the same state; the tests compare them.
 *
 * Made of functions in functions, and not of a class, because V8 then has all
 * views and addresses as constants in the machine code. Owned by the
 * exchange's thread. Allocates nothing after it is made.
 *
 * @module
 */
import type { Accounts, MessageRate } from "../risk/mod.ts";
import type { EventRing } from "./event_ring.ts";
import type { CommandViews } from "./event_writer.ts";
import { plainReplace } from "./plain_replace.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  BOOK_FREE_ORDER = 1,
  BOOK_FRESH_ORDER = 2,
  BOOK_ALLOCATED = 4,
  BOOK_ORDERS_LIMIT = 5,
  INSTRUMENT_SHIFT = 6,
  INSTRUMENT_STATE = 26,
  INSTRUMENT_STOPS = 27,
  INSTRUMENT_WATCH_HEAD = 28,
  HIDDEN_SIDES = 32,
  STOP_SIDES = 48,
  SIDE_WORDS = 8,
  SETTING_SHIFT = 5,
  SETTING_GATE_LOW = 11,
  SETTING_GATE_HIGH = 12,
  SETTING_GATE_SLOW = 13,
  SETTING_TRADE_LOW = 14,
  SETTING_TRADE_HIGH = 15,
  INSTRUMENT_LAST_PRICE = 22,
  INSTRUMENT_VOLUME_F64 = 8,
  INSTRUMENT_TRADES_F64 = 9,
  INSTRUMENT_LAST_QUANTITY_F64 = 10,
  INSTRUMENT_NOTIONAL_F64 = 12,
  SIDE_SHIFT = 3,
  SIDE_BEST = 0,
  SIDE_BEST_KEY = 1,
  SIDE_CACHED_TOP = 3,
  SIDE_CACHED_TABLE = 4,
  PAGE_LEVELS = 16,
  LEVEL_HEAD = 0,
  LEVEL_TAIL = 1,
  LEVEL_QUANTITY_F64 = 1,
  LEVEL_COUNT = 4,
  ORDER_WORDS = 16,
  ORDER_SHIFT = 4,
  ORDER_NEXT = 0,
  ORDER_PREVIOUS = 1,
  ORDER_LEVEL = 2,
  ORDER_PRICE = 3,
  ORDER_LEAVES_F64 = 2,
  ORDER_QUANTITY_F64 = 3,
  ORDER_NOTIONAL_F64 = 4,
  ORDER_REFERENCE_F64 = 5,
  ORDER_OWNER = 12,
  ORDER_KIND = 13,
  ORDER_ID_F64 = 7,
  ORDER_SESSION_MASK = 0xffffff,
  ORDER_TEXT_BIT = 0x10000000,
  ORDER_TERMS_BIT = 0x20000000,
  ORDER_INDEXED_BIT = 0x40000000,
  INDEX_SIZE = 0,
  INDEX_HEADER_WORDS = 16,
  INDEX_CHAINED = 1,
  INDEX_MASK = 1,
  INDEX_GROW_ABOVE = 2,
  INDEX_SPREAD_HIGH = 0x9e3779b1,
  INDEX_SPREAD_SESSION = 0x85ebca6b,
  SESSION_ACCOUNT = 5,
  SESSION_STP = 6,
  SESSION_BLOCKED = 8,
  SESSION_RATED = 9,
  SESSION_OUT_SEQUENCE = 0,
  SESSION_IN_SEQUENCE = 1,
  SESSION_ORDERS = 4,
  SESSION_SHIFT = 4,
  PLACE_SHIFT = 2,
  PLACE_SEEN = 1,
  PLACE_SLOTS = 2,
  PLACE_FIRST = 3,
  Total_ORDERS = 1,
  Total_CANCELS = 2,
  DETAIL_CANCEL = 2,
  CMD_SHAPE_WORD = 1,
  CMD_KIND_SHIFT = 16,
  CMD_SEQUENCE_F64 = 1,
  CMD_TIME_F64 = 2,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  CMD_SESSION_U32 = 6,
  CMD_IN_SEQUENCE_U32 = 7,
  CMD_WHAT_WORD = 8,
  CMD_HOW_WORD = 9,
  CMD_PRICE_I32 = 10,
  CMD_QUANTITY_F64 = 6,
  CMD_REFERENCE_F64 = 7,
  COMMAND_BASE_BYTES = 64,
  CommandKind_NEW_ORDER = 1,
  CommandKind_CANCEL_ORDER = 2,
  CommandKind_REPLACE_ORDER = 3,
  CommandKind_REDUCE_ORDER = 6,
  PLAIN_NEW = COMMAND_BASE_BYTES + CommandKind_NEW_ORDER * 65536,
  PLAIN_CANCEL = COMMAND_BASE_BYTES + CommandKind_CANCEL_ORDER * 65536,
  COMMAND_TEXT_BYTES = 128,
  CMD_FLAG_TEXT = 1,
  CMD_FLAGS_SHIFT = 24,
  WITH_TEXT = COMMAND_TEXT_BYTES - COMMAND_BASE_BYTES +
    CMD_FLAG_TEXT * 16777216,
  TEXT_NEW = PLAIN_NEW + WITH_TEXT,
  TEXT_CANCEL = PLAIN_CANCEL + WITH_TEXT,
  CMD_CL_ORD_ID_WORD = 16,
  OrdType_LIMIT = 2,
  LIMIT_BUY = OrdType_LIMIT * 256 + 1,
  TimeInForce_IOC = 3,
  AT_THE_OPENING = 2,
  NOT_GIVEN = 0xffff,
  WORD_MASK = 0x3fffffff,
  ENTRY_MASK = 0x3ffffffe,
  KEY_NONE = 0x7fffffff,
  QUANTITY_MAX = 9007199254740991,
  EVENT_BASE_BYTES = 128,
  EVENT_SLOT_BYTES = 192,
  SLOT_WORDS = EVENT_SLOT_BYTES >> 2,
  EVT_FLAG_TEXT = 1,
  EVT_INDEX_U32 = 0,
  EVT_SHAPE_WORD = 1,
  EVT_SEQUENCE_F64 = 1,
  EVT_TIME_F64 = 2,
  EVT_SESSION_U32 = 6,
  EVT_OUT_SEQUENCE_U32 = 7,
  EVT_WHAT_WORD = 8,
  EVT_WHY_WORD = 9,
  EVT_PRICE_I32 = 10,
  EVT_LAST_PRICE_I32 = 11,
  EVT_QUANTITY_F64 = 6,
  EVT_ORDER_ID_F64 = 7,
  EVT_REFERENCE_F64 = 8,
  EVT_LEAVES_F64 = 9,
  EVT_CUM_F64 = 10,
  EVT_LAST_QUANTITY_F64 = 11,
  EVT_NOTIONAL_F64 = 12,
  EVT_IN_SEQUENCE_U32 = 26,
  EVT_STATUS_WORD = 27,
  EVT_MATCH_F64 = 14,
  EVT_LAST_F64 = 15,
  EVT_CL_ORD_ID_WORD = 32,
  EVT_ORIG_WORD = 37,
  EVT_ORIG_F64 = EVT_ORIG_WORD + 1 >> 1,
  ORIG_END_F64 = EVT_ORIG_WORD + 5 >> 1,
  TEXT_END_F64 = EVENT_SLOT_BYTES >> 3,
  CL_ORD_ID_WORDS = 5,
  EventKind_ACCEPTED = 1,
  EventKind_FILLED = 3,
  EventKind_CANCELED = 4,
  OrdStatus_NEW = 0x30,
  OrdStatus_PARTIALLY_FILLED = 0x31,
  OrdStatus_FILLED = 0x32,
  OrdStatus_CANCELED = 0x34,
  Reason_CANCELED_BY_CLIENT = 203,
  Reason_IOC_REMAINDER = 201,
  SHAPE_ACCEPTED = EVENT_BASE_BYTES + EventKind_ACCEPTED * 65536,
  SHAPE_FILLED = EVENT_BASE_BYTES + EventKind_FILLED * 65536,
  SHAPE_CANCELED = EVENT_BASE_BYTES + EventKind_CANCELED * 65536,
  TAKER = 0x100,
  STAMP_MATCH = 1,
  COUNT_EVENTS = 0,
  ACCOUNT_SHIFT = 5,
  ACCOUNT_FLAGS = 16,
  ACCOUNT_ORDERS = 18,
  ACCOUNT_GATES_F64 = 10,
  GATE_QUANTITY_F64 = ACCOUNT_GATES_F64,
  GATE_NOTIONAL_F64 = ACCOUNT_GATES_F64 + 1,
  GATE_ORDERS_F64 = ACCOUNT_GATES_F64 + 2,
  GATE_POSITION_F64 = ACCOUNT_GATES_F64 + 3,
  FLAG_LIMITS = 2,
  FLAG_RESTRICTED = 4,
  FLAG_BLOCKS = 48,
  FLAGS_CLOSED = FLAG_RESTRICTED + FLAG_BLOCKS,
  POSITION_SHIFT = 4,
  POSITION_OPEN_F64 = 1,
  POSITION_HIGH = 6,
  POSITION_RESTRICTED = 9,
  HIGH_UNIT = 9007199254740992,
  RATE_SHIFT = 3,
  RATE_MAX_F64 = 0,
  RATE_COUNT_F64 = 1,
  RATE_END_LO = 6,
  RATE_END_HI = 7,
}

/** What the plain path works on: memory of the exchange, and where what lies. */
export interface PlainParts {
  /** The whole memory of the exchange; the book stands at its start. */
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** First words in `i32`. */
  readonly instruments: number;
  readonly orders: number;
  readonly index: number;
  readonly texts: number;
  readonly sessions: number;
  readonly settings: number;
  readonly accountsAt: number;
  readonly ratesAt: number;
  readonly accountsMax: number;
  readonly instrumentsMax: number;
  readonly sessionsMax: number;
  /** Places of the order index: a power of two. */
  readonly indexBits: number;
  readonly quantityMax: Float64Array;
  readonly notionalMax: Float64Array;
  /** As in `Owners`. */
  readonly identities: Int32Array;
  readonly routes: Uint8Array;
  readonly rings: readonly EventRing[];
  /** Places of the rings, as in `SpscRing.movePlace()`. */
  readonly places: Int32Array;
  /** 1: number of the last match. */
  readonly stamp: Float64Array;
  /** Since they were last read: commands by `Total`, and in their stead 0: events. */
  readonly counts: Int32Array;
  /** Requests refused by the exchange, by reason. */
  readonly refusals: Float64Array;
  /** 0: sequence of the last command. */
  readonly last: Float64Array;
  /** When the next timer is due: low and high word. */
  readonly due: Uint32Array;
  readonly accounts: Accounts;
  readonly rates: MessageRate;
  /** The level of a key; 0 = there will be one when an order comes, -1 = no. */
  levelFor(side: number, key: number): number;
  /** Makes the order index use more of its table. */
  growIndex(): void;
  /** Takes a level that has no orders any more out of the book. */
  closeLevel(side: number, level: number): void;
  /** Puts an order where its price has no orders yet; `level` is what `levelFor()` gave. */
  openLevel(order: number, side: number, key: number, level: number): void;
  /** Puts an order at the end of its price's queue. */
  rest(order: number, side: number, key: number): void;
  /** Takes an order out of its queue. */
  unlinkFrom(order: number, side: number): void;
  /** Goes on with an order that is accepted, after `index` events. */
  proceed(
    order: number,
    command: CommandViews,
    at: number,
    index: number,
  ): void;
  /** Settles an instrument after a command of `index` events, whose order rests or is 0. */
  settle(
    instrument: number,
    order: number,
    command: CommandViews,
    at: number,
    index: number,
  ): void;
  /** Refuses a new order that is one message too many. */
  refuse(command: CommandViews, at: number): void;
  /** The same for the replace of an order. */
  refuseReplace(command: CommandViews, at: number, order: number): void;
}

/** Applies a command, or answers false and has changed nothing. */
export type PlainPath = (command: CommandViews, at: number) => boolean;

/** The words that all rings lie in, and where each begins. */
function ringWords(
  rings: readonly EventRing[],
  places: Int32Array,
): [Int32Array, Float64Array] {
  const { buffer } = rings[0]!.i32;
  let start = Infinity;
  let end = 0;
  for (const { i32 } of rings) {
    start = Math.min(start, i32.byteOffset);
    end = Math.max(end, i32.byteOffset + i32.byteLength);
  }
  rings.forEach(({ i32 }, ring) => {
    places[(ring << Fixed.PLACE_SHIFT) + Fixed.PLACE_FIRST] =
      (i32.byteOffset - start) >>> 2;
  });
  return [
    new Int32Array(buffer, start, (end - start) >>> 2),
    new Float64Array(buffer, start, (end - start) >>> 3),
  ];
}

/** True if there are rings, and all of them lie in one memory, as plain events need. */
export function canBePlain(rings: readonly EventRing[]): boolean {
  return rings.length > 0 &&
    rings.every(({ i32 }) => i32.buffer === rings[0]!.i32.buffer);
}

/** Makes the plain path of an exchange. */
export function plainPath(parts: PlainParts): PlainPath {
  const { i32, f64, instruments, orders, texts, sessions } = parts;
  const { instrumentsMax, sessionsMax, indexBits } = parts;
  const { quantityMax, notionalMax, routes, rings, places } = parts;
  const { stamp, counts, last } = parts;
  const { closeLevel, levelFor, openLevel, proceed, settle, refuse } = parts;
  const { growIndex } = parts;
  const { settings, identities, due, accounts, rates } = parts;
  const [e32, e64] = ringWords(rings, places);
  const ringCount = rings.length;
  const isOneRing = ringCount === 1;
  const oneRingSlots = places[Fixed.PLACE_SLOTS]!;
  const table = parts.index + Fixed.INDEX_HEADER_WORDS;
  const indexMask = parts.index + Fixed.INDEX_MASK;
  const growAbove = parts.index + Fixed.INDEX_GROW_ABOVE;
  const indexSize = parts.index + Fixed.INDEX_SIZE;
  const chain = table + 2 ** indexBits - (orders >>> Fixed.ORDER_SHIFT);
  const scratch = orders;
  const { accountsAt, ratesAt } = parts;
  const positions = accountsAt + (parts.accountsMax << Fixed.ACCOUNT_SHIFT);

  /** Account of a session; 0 = none. */
  function accountOf(session: number): number {
    return i32[
      sessions + (session << Fixed.SESSION_SHIFT) + Fixed.SESSION_ACCOUNT
    ]!;
  }

  /** Whether a timer is due, whose high word is due at least. */
  function isDue(c32: Int32Array, at: number): boolean {
    return c32[at + Fixed.CMD_TIME_HI_U32]! >>> 0 !== due[1]! ||
      c32[at + Fixed.CMD_TIME_LO_U32]! >>> 0 >= due[0]!;
  }

  // ------------------------------------------------------------- the index

  function placeOf(session: number, reference: number): number {
    const spread = reference +
      Math.imul(reference >>> indexBits, Fixed.INDEX_SPREAD_HIGH) +
      Math.imul(session, Fixed.INDEX_SPREAD_SESSION);
    return table + (spread & i32[indexMask]!);
  }

  /** The order of this session and reference in the chain of an entry, or 0. */
  function findIn(
    first: number,
    session: number,
    at: number,
    c64: Float64Array,
  ): number {
    const reference = c64[at]!;
    let entry = first;
    while (entry !== 0) {
      const order = entry & Fixed.ENTRY_MASK;
      if (
        f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] === reference &&
        (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK) === session
      ) return order;
      if ((entry & Fixed.INDEX_CHAINED) === 0) return 0;
      entry = i32[chain + (order >>> Fixed.ORDER_SHIFT)]!;
    }
    return 0;
  }

  /** Puts an order that rests into the index. */
  function remember(order: number, place: number, session: number): void {
    const entry = i32[place]!;
    if (entry === 0) i32[place] = order;
    else {
      i32[chain + (order >>> Fixed.ORDER_SHIFT)] = entry;
      i32[place] = order | Fixed.INDEX_CHAINED;
    }
    const size = i32[indexSize]! + 1;
    i32[indexSize] = size;
    if (size > i32[growAbove]!) growIndex();
    const word = sessions + (session << Fixed.SESSION_SHIFT) +
      Fixed.SESSION_ORDERS;
    i32[word] = i32[word]! + 1;
  }

  /** Takes an order that ends out of the index, and gives its record back. */
  function forget(
    order: number,
    owner: number,
    place: number,
    session: number,
  ): void {
    if (i32[place] === order) i32[place] = 0;
    else unchain(order, place);
    i32[indexSize] = i32[indexSize]! - 1;
    const word = sessions + (session << Fixed.SESSION_SHIFT) +
      Fixed.SESSION_ORDERS;
    i32[word] = i32[word]! - 1;
    i32[order + Fixed.ORDER_OWNER] = owner & ~Fixed.ORDER_INDEXED_BIT;
    i32[order + Fixed.ORDER_LEVEL] = 0;
    i32[order + Fixed.ORDER_NEXT] = i32[Fixed.BOOK_FREE_ORDER]!;
    i32[Fixed.BOOK_FREE_ORDER] = order;
    i32[Fixed.BOOK_ALLOCATED] = i32[Fixed.BOOK_ALLOCATED]! - 1;
  }

  function unchain(order: number, first: number): void {
    let place = first;
    let before = 0;
    let entry = i32[place]!;
    while ((entry & ~Fixed.INDEX_CHAINED) !== order) {
      before = place;
      place = chain + (entry >>> Fixed.ORDER_SHIFT);
      entry = i32[place]!;
    }
    if ((entry & Fixed.INDEX_CHAINED) !== 0) {
      i32[place] = i32[chain + (order >>> Fixed.ORDER_SHIFT)]!;
    } else {
      i32[place] = 0;
      if (before !== 0) i32[before] = i32[before]! & ~Fixed.INDEX_CHAINED;
    }
  }

  // ---------------------------------------------------------------- events

  /** Numbers a session's next event and takes a slot for it. @returns Its first word. */
  function claim(session: number): number {
    const word = sessions + (session << Fixed.SESSION_SHIFT) +
      Fixed.SESSION_OUT_SEQUENCE;
    const number = (i32[word]! + 1) | 0;
    i32[word] = number;
    // With one ring all this is constant but the next slot.
    const ring = isOneRing ? 0 : routes[session]!;
    const place = ring << Fixed.PLACE_SHIFT;
    const next = places[place]!;
    const slots = isOneRing ? oneRingSlots : places[place + Fixed.PLACE_SLOTS]!;
    if (((next - places[place + Fixed.PLACE_SEEN]!) | 0) >= slots) {
      rings[ring]!.makeRoom();
    }
    places[place] = (next + 1) | 0;
    const to = (places[place + Fixed.PLACE_FIRST]! +
      Math.imul(next & (slots - 1), Fixed.SLOT_WORDS)) & Fixed.WORD_MASK;
    e32[to + Fixed.EVT_SESSION_U32] = session;
    e32[to + Fixed.EVT_OUT_SEQUENCE_U32] = number;
    return to;
  }

  /** Makes an event one with texts. */
  function lengthen(to: number): void {
    e32[to + Fixed.EVT_SHAPE_WORD] = e32[to + Fixed.EVT_SHAPE_WORD]! +
        (Fixed.EVENT_SLOT_BYTES - Fixed.EVENT_BASE_BYTES) |
      Fixed.EVT_FLAG_TEXT << 24;
  }

  /** One client order id, and none before it. */
  function oneText(to: number, from32: Int32Array, from: number): void {
    lengthen(to);
    const own = to + Fixed.EVT_CL_ORD_ID_WORD;
    e32[own] = from32[from]!;
    e32[own + 1] = from32[from + 1]!;
    e32[own + 2] = from32[from + 2]!;
    e32[own + 3] = from32[from + 3]!;
    e32[own + 4] = from32[from + 4]!;
    e32[to + Fixed.EVT_ORIG_WORD] = 0;
    for (let i = Fixed.EVT_ORIG_F64; i < Fixed.TEXT_END_F64; i++) {
      e64[(to >> 1) + i] = 0;
    }
  }

  /** The order's own client order id. */
  function ownText(to: number, order: number): void {
    oneText(to, i32, textOf(order));
  }

  /** Both client order ids of a request. */
  function requestText(to: number, c32: Int32Array, at: number): void {
    lengthen(to);
    for (let i = 0; i < 2 * Fixed.CL_ORD_ID_WORDS; i++) {
      e32[to + Fixed.EVT_CL_ORD_ID_WORD + i] = c32[
        at + Fixed.CMD_CL_ORD_ID_WORD + i
      ]!;
    }
    for (let i = Fixed.ORIG_END_F64; i < Fixed.TEXT_END_F64; i++) {
      e64[(to >> 1) + i] = 0;
    }
  }

  /** Where the client order id of an order is kept. */
  function textOf(order: number): number {
    return texts +
      ((order - orders) >>> Fixed.ORDER_SHIFT) * Fixed.CL_ORD_ID_WORDS;
  }

  /** Keeps the client order id of a command as the order's. */
  function keepText(order: number, c32: Int32Array, at: number): void {
    const to = textOf(order);
    for (let i = 0; i < Fixed.CL_ORD_ID_WORDS; i++) {
      i32[to + i] = c32[at + Fixed.CMD_CL_ORD_ID_WORD + i]!;
    }
  }

  // -------------------------------------------------------------- accounts

  /** First word of what an account has of an instrument. */
  function positionOf(account: number, instrument: number): number {
    return (positions +
      (Math.imul(account, instrumentsMax) + instrument <<
        Fixed.POSITION_SHIFT)) & Fixed.WORD_MASK;
  }

  /** The account's orders that live. */
  function countOrder(account: number, difference: number): void {
    const word = accountsAt + (account << Fixed.ACCOUNT_SHIFT) +
      Fixed.ACCOUNT_ORDERS;
    i32[word] = (i32[word]! + difference) | 0;
  }

  /** An order that was open before traded the lots at `f64[lots]`. */
  function countMaker(
    account: number,
    instrument: number,
    bit: number,
    lots: number,
    isFilled: boolean,
  ): void {
    const traded = f64[lots]!;
    const position = positionOf(account, instrument) >> 1;
    const openAt = position + Fixed.POSITION_OPEN_F64 + bit;
    const open = f64[openAt]! - traded;
    const net = f64[position]! + (bit === 0 ? traded : -traded);
    if (open >= 0 && net >= 0 && net < Fixed.HIGH_UNIT) {
      f64[openAt] = open;
      f64[position] = net;
    } else accounts.filled(account, instrument, bit, f64, lots);
    if (isFilled) countOrder(account, -1);
  }

  /** What a taker traded, and what of it rests: both stand in the scratch record. */
  function countTaker(
    account: number,
    instrument: number,
    bit: number,
    rests: boolean,
  ): void {
    const own = scratch >> 1;
    const position = positionOf(account, instrument) >> 1;
    const lots = own + Fixed.ORDER_QUANTITY_F64;
    const traded = f64[lots]!;
    if (traded !== 0) {
      const net = f64[position]! + (bit === 0 ? traded : -traded);
      if (net >= 0 && net < Fixed.HIGH_UNIT) f64[position] = net;
      else accounts.traded(account, instrument, bit, f64, lots);
    }
    if (!rests) return;
    const open = position + Fixed.POSITION_OPEN_F64 + bit;
    f64[open] = f64[open]! + f64[own + Fixed.ORDER_LEAVES_F64]!;
    countOrder(account, 1);
  }

  /**
   * True if the account lets the order through without a word, and what is
   * open stays a small number. What is beyond that is judged elsewhere.
   */
  function isWelcome(
    account: number,
    instrument: number,
    bit: number,
    price: number,
    c64: Float64Array,
    quantityAt: number,
  ): boolean {
    const quantity = c64[quantityAt]!;
    const own = accountsAt + (account << Fixed.ACCOUNT_SHIFT);
    const flags = i32[own + Fixed.ACCOUNT_FLAGS]!;
    const position = positionOf(account, instrument);
    const half = position >> 1;
    const open = f64[half + Fixed.POSITION_OPEN_F64 + bit]! + quantity;
    if (
      (i32[position + Fixed.POSITION_RESTRICTED]! |
          i32[position + Fixed.POSITION_HIGH + 1 + bit]! |
          (flags & Fixed.FLAGS_CLOSED)) !== 0 ||
      open >= Fixed.HIGH_UNIT
    ) return false;
    if ((flags & Fixed.FLAG_LIMITS) === 0) return true;
    const high = i32[position + Fixed.POSITION_HIGH]!;
    if (high >> 31 !== high) return false;
    const net = f64[half]! + high * Fixed.HIGH_UNIT;
    const gates = own >> 1;
    return quantity <= f64[gates + Fixed.GATE_QUANTITY_F64]! &&
      quantity * price <= f64[gates + Fixed.GATE_NOTIONAL_F64]! &&
      i32[own + Fixed.ACCOUNT_ORDERS]! <
        f64[gates + Fixed.GATE_ORDERS_F64]! &&
      open + (bit === 0 ? net : -net) <= f64[gates + Fixed.GATE_POSITION_F64]!;
  }

  /** Counts a message of a session; false if it is one too many. */
  function isInRate(session: number, timeLo: number, timeHi: number): boolean {
    const rate = ratesAt + (session << Fixed.RATE_SHIFT);
    const count = (rate >> 1) + Fixed.RATE_COUNT_F64;
    const messages = f64[count]! + 1;
    if (
      timeHi === i32[rate + Fixed.RATE_END_HI]! &&
      timeLo >>> 0 < i32[rate + Fixed.RATE_END_LO]! >>> 0 &&
      messages <= f64[(rate >> 1) + Fixed.RATE_MAX_F64]!
    ) {
      f64[count] = messages;
      return true;
    }
    return rates.take(session, timeLo, timeHi);
  }

  // -------------------------------------------------------------- matching

  /**
   * Takes what the order can have; its leaves and notional stand in the scratch
   * record. Stops at a maker that is not plain.
   *
   * @param instrumentAt Record of the instrument.
   * @param side Record of the side that it takes from.
   * @param limit The worst key that it takes.
   * @param order Record of an order that is replaced; 0 = the command is a new order.
   * @returns Number of events so far.
   */
  function sweep(
    instrumentAt: number,
    side: number,
    limit: number,
    order: number,
    command: CommandViews,
    base: number,
  ): number {
    const c32 = command.i32;
    const c64 = command.f64;
    const at = base & Fixed.WORD_MASK;
    const half = at >> 1;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    const inSequence = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    const isNew = order === 0;
    const mine = order >> 1;
    const what = isNew
      ? c32[at + Fixed.CMD_WHAT_WORD]!
      : i32[order + Fixed.ORDER_KIND]!;
    const why = isNew
      ? c32[at + Fixed.CMD_HOW_WORD]! & 0xf
      : i32[order + Fixed.ORDER_OWNER]! >>> 24 & 0xf;
    const limitPrice = c32[at + Fixed.CMD_PRICE_I32]!;
    const sequence = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    const time = c64[half + Fixed.CMD_TIME_F64]!;
    const id = isNew ? sequence : f64[mine + Fixed.ORDER_ID_F64]!;
    const quantity = isNew
      ? c64[half + Fixed.CMD_QUANTITY_F64]!
      : f64[mine + Fixed.ORDER_QUANTITY_F64]!;
    const reference = isNew
      ? c64[half + Fixed.CMD_REFERENCE_F64]!
      : f64[mine + Fixed.ORDER_REFERENCE_F64]!;
    const instrument = what & 0xffff;
    const bit = (what >>> 16) - Fixed.LIMIT_BUY;
    // What of the taker's owner no maker may share, and where to compare it.
    const stp = i32[
      sessions + (session << Fixed.SESSION_SHIFT) + Fixed.SESSION_STP
    ]!;
    const row = Math.imul(stp >>> 4, sessionsMax) & Fixed.WORD_MASK;
    const identity = (stp & 0xf) === 0 ? -1 : identities[row + session]! || -1;
    const text = isNew
      ? hasText(c32, at)
      : (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TEXT_BIT) !== 0;
    const totalsAt = instrumentAt >> 1;
    const base64 = stamp[Fixed.STAMP_MATCH]!;
    let volume = f64[totalsAt + Fixed.INSTRUMENT_VOLUME_F64]!;
    let turnover = f64[totalsAt + Fixed.INSTRUMENT_NOTIONAL_F64]!;
    let lastPrice = i32[instrumentAt + Fixed.INSTRUMENT_LAST_PRICE]!;
    let wanted = isNew ? quantity : f64[mine + Fixed.ORDER_LEAVES_F64]!;
    let notional = isNew ? 0 : f64[mine + Fixed.ORDER_NOTIONAL_F64]!;
    let fills = 0;
    let level = i32[side + Fixed.SIDE_BEST]! & Fixed.WORD_MASK;
    do {
      let maker = i32[level + Fixed.LEVEL_HEAD]! & Fixed.WORD_MASK;
      const price = i32[maker + Fixed.ORDER_PRICE]!;
      let sum = f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
      const count = i32[level + Fixed.LEVEL_COUNT]!;
      const before = fills;
      let gone = 0;
      do {
        const own = maker >> 1;
        const owner = i32[maker + Fixed.ORDER_OWNER]!;
        const makerSession = owner & Fixed.ORDER_SESSION_MASK;
        if (
          (owner & Fixed.ORDER_TERMS_BIT) !== 0 ||
          routes[makerSession]! >= ringCount ||
          identities[row + makerSession] === identity
        ) break;
        const offered = f64[own + Fixed.ORDER_LEAVES_F64]!;
        const traded = offered <= wanted ? offered : wanted;
        const paid = traded * price;
        const left = offered - traded;
        const makerPaid = f64[own + Fixed.ORDER_NOTIONAL_F64]! + paid;
        const makerQuantity = f64[own + Fixed.ORDER_QUANTITY_F64]!;
        const makerReference = f64[own + Fixed.ORDER_REFERENCE_F64]!;
        wanted -= traded;
        sum -= traded;
        notional += paid;
        fills++;
        const match = base64 + fills;
        f64[own + Fixed.ORDER_LEAVES_F64] = left;
        f64[own + Fixed.ORDER_NOTIONAL_F64] = makerPaid;
        f64[totalsAt + Fixed.INSTRUMENT_LAST_QUANTITY_F64] = traded;
        volume += traded;
        turnover += paid;

        let to = claim(makerSession);
        let to64 = to >> 1;
        e32[to + Fixed.EVT_INDEX_U32] = (fills << 1) - 1;
        e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_FILLED;
        e64[to64 + Fixed.EVT_SEQUENCE_F64] = sequence;
        e64[to64 + Fixed.EVT_TIME_F64] = time;
        e32[to + Fixed.EVT_WHAT_WORD] = i32[maker + Fixed.ORDER_KIND]!;
        e32[to + Fixed.EVT_WHY_WORD] = owner >>> 24 & 0xf;
        e32[to + Fixed.EVT_PRICE_I32] = price;
        e32[to + Fixed.EVT_LAST_PRICE_I32] = price;
        e64[to64 + Fixed.EVT_QUANTITY_F64] = makerQuantity;
        e64[to64 + Fixed.EVT_ORDER_ID_F64] = f64[own + Fixed.ORDER_ID_F64]!;
        e64[to64 + Fixed.EVT_REFERENCE_F64] = makerReference;
        e64[to64 + Fixed.EVT_LEAVES_F64] = left;
        e64[to64 + Fixed.EVT_CUM_F64] = makerQuantity - left;
        e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = traded;
        e64[to64 + Fixed.EVT_NOTIONAL_F64] = makerPaid;
        e32[to + Fixed.EVT_IN_SEQUENCE_U32] = 0;
        e32[to + Fixed.EVT_STATUS_WORD] = left === 0
          ? Fixed.OrdStatus_FILLED
          : Fixed.OrdStatus_PARTIALLY_FILLED;
        e64[to64 + Fixed.EVT_MATCH_F64] = match;
        e64[to64 + Fixed.EVT_LAST_F64] = 0;
        if ((owner & Fixed.ORDER_TEXT_BIT) !== 0) ownText(to, maker);

        to = claim(session);
        to64 = to >> 1;
        e32[to + Fixed.EVT_INDEX_U32] = fills << 1;
        e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_FILLED;
        e64[to64 + Fixed.EVT_SEQUENCE_F64] = sequence;
        e64[to64 + Fixed.EVT_TIME_F64] = time;
        e32[to + Fixed.EVT_WHAT_WORD] = what;
        e32[to + Fixed.EVT_WHY_WORD] = why;
        e32[to + Fixed.EVT_PRICE_I32] = limitPrice;
        e32[to + Fixed.EVT_LAST_PRICE_I32] = price;
        e64[to64 + Fixed.EVT_QUANTITY_F64] = quantity;
        e64[to64 + Fixed.EVT_ORDER_ID_F64] = id;
        e64[to64 + Fixed.EVT_REFERENCE_F64] = reference;
        e64[to64 + Fixed.EVT_LEAVES_F64] = wanted;
        e64[to64 + Fixed.EVT_CUM_F64] = quantity - wanted;
        e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = traded;
        e64[to64 + Fixed.EVT_NOTIONAL_F64] = notional;
        e32[to + Fixed.EVT_IN_SEQUENCE_U32] = inSequence;
        e32[to + Fixed.EVT_STATUS_WORD] = wanted === 0
          ? Fixed.OrdStatus_FILLED | Fixed.TAKER
          : Fixed.OrdStatus_PARTIALLY_FILLED | Fixed.TAKER;
        e64[to64 + Fixed.EVT_MATCH_F64] = match;
        e64[to64 + Fixed.EVT_LAST_F64] = 0;
        if (text) {
          if (isNew) oneText(to, c32, at + Fixed.CMD_CL_ORD_ID_WORD);
          else ownText(to, order);
        }

        const account = accountOf(makerSession);
        if (account !== 0) {
          const lots = totalsAt + Fixed.INSTRUMENT_LAST_QUANTITY_F64;
          countMaker(account, instrument, 1 - bit, lots, left === 0);
        }
        if (left !== 0) break;
        const next = i32[maker + Fixed.ORDER_NEXT]! & Fixed.WORD_MASK;
        const place = placeOf(makerSession, makerReference >>> 0);
        forget(maker, owner, place, makerSession);
        gone++;
        maker = next;
      } while (maker !== 0 && wanted !== 0);
      if (fills !== before) lastPrice = price;
      i32[level + Fixed.LEVEL_COUNT] = count - gone;
      i32[level + Fixed.LEVEL_HEAD] = maker;
      f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64] = sum;
      if (maker !== 0) {
        i32[maker + Fixed.ORDER_PREVIOUS] = 0;
        break;
      }
      i32[level + Fixed.LEVEL_TAIL] = 0;
      closeLevel(side, level);
      level = i32[side + Fixed.SIDE_BEST]! & Fixed.WORD_MASK;
    } while (
      wanted !== 0 && level !== 0 && i32[side + Fixed.SIDE_BEST_KEY]! <= limit
    );
    i32[instrumentAt + Fixed.INSTRUMENT_LAST_PRICE] = lastPrice;
    f64[totalsAt + Fixed.INSTRUMENT_VOLUME_F64] = volume;
    f64[totalsAt + Fixed.INSTRUMENT_NOTIONAL_F64] = turnover;
    f64[totalsAt + Fixed.INSTRUMENT_TRADES_F64] =
      f64[totalsAt + Fixed.INSTRUMENT_TRADES_F64]! + fills;
    stamp[Fixed.STAMP_MATCH] = base64 + fills;
    f64[(scratch >> 1) + Fixed.ORDER_LEAVES_F64] = wanted;
    f64[(scratch >> 1) + Fixed.ORDER_NOTIONAL_F64] = notional;
    return 1 + (fills << 1);
  }

  /** Takes a record from the pool; there is one. */
  function allocate(): number {
    let order = i32[Fixed.BOOK_FREE_ORDER]! & Fixed.WORD_MASK;
    if (order !== 0) i32[Fixed.BOOK_FREE_ORDER] = i32[order]!;
    else {
      order = i32[Fixed.BOOK_FRESH_ORDER]! & Fixed.WORD_MASK;
      i32[Fixed.BOOK_FRESH_ORDER] = order + Fixed.ORDER_WORDS;
    }
    i32[Fixed.BOOK_ALLOCATED] = i32[Fixed.BOOK_ALLOCATED]! + 1;
    return order;
  }

  /** The level of a key whose page is at hand; 0 if it is not. */
  function levelAt(side: number, key: number): number {
    const bits = key ^ 0x80000000;
    if (i32[side + Fixed.SIDE_CACHED_TOP] !== bits >>> 20) return 0;
    const page = i32[
      i32[side + Fixed.SIDE_CACHED_TABLE]! + ((bits >>> 8) & 0xfff)
    ]!;
    return page === 0
      ? 0
      : (page + Fixed.PAGE_LEVELS + ((bits & 0xff) << 3)) & Fixed.WORD_MASK;
  }

  /** Whether a trade at this price would interrupt trading. */
  function isOutside(setting: number, price: number): boolean {
    return price < i32[setting + Fixed.SETTING_TRADE_LOW]! ||
      price > i32[setting + Fixed.SETTING_TRADE_HIGH]!;
  }

  /**
   * Whether the last trade triggers a waiting stop: buys wait at their stop
   * price, sells at its complement. There are no trailing stops.
   */
  function hasTriggered(instrumentAt: number): boolean {
    const price = i32[instrumentAt + Fixed.INSTRUMENT_LAST_PRICE]!;
    const stops = instrumentAt + Fixed.STOP_SIDES;
    return i32[stops + Fixed.SIDE_BEST_KEY]! <= price ||
      i32[stops + Fixed.SIDE_WORDS + Fixed.SIDE_BEST_KEY]! <= ~price;
  }

  /**
   * Whether a hidden order reaches the other side: a condition may keep it from
   * trading there, and that may change without a word about the instrument.
   */
  function isRestless(instrumentAt: number): boolean {
    const buys = instrumentAt + Fixed.SIDE_BEST_KEY;
    const sells = buys + Fixed.SIDE_WORDS;
    const hiddenBuy = i32[buys + Fixed.HIDDEN_SIDES]!;
    const hiddenSell = i32[sells + Fixed.HIDDEN_SIDES]!;
    return i32[sells]! <= ~hiddenBuy || hiddenSell <= ~hiddenBuy ||
      i32[buys]! <= ~hiddenSell;
  }

  /**
   * Whether a plain order that rests matters to those of the watch list: it is
   * all of the best price, or a hidden order could trade with it or without it.
   */
  function movesOthers(
    instrumentAt: number,
    bit: number,
    order: number,
  ): boolean {
    const side = instrumentAt + (bit << Fixed.SIDE_SHIFT);
    const other = instrumentAt + ((1 - bit) << Fixed.SIDE_SHIFT);
    const key = i32[order + Fixed.ORDER_PRICE]! ^ (bit - 1);
    return i32[other + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST_KEY]! <= ~key ||
      (key === i32[side + Fixed.SIDE_BEST_KEY] &&
        (i32[order + Fixed.ORDER_NEXT]! |
            i32[order + Fixed.ORDER_PREVIOUS]!) === 0) ||
      isRestless(instrumentAt);
  }

  /** CANCELED for what an IOC order could not have; its progress is in the scratch record. */
  function remainderCanceled(
    index: number,
    session: number,
    command: CommandViews,
    at: number,
  ): void {
    const c32 = command.i32;
    const c64 = command.f64;
    const half = at >> 1;
    const own = scratch >> 1;
    const to = claim(session);
    const to64 = to >> 1;
    const quantity = c64[half + Fixed.CMD_QUANTITY_F64]!;
    e32[to + Fixed.EVT_INDEX_U32] = index;
    e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_CANCELED;
    e64[to64 + Fixed.EVT_SEQUENCE_F64] = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    e64[to64 + Fixed.EVT_TIME_F64] = c64[half + Fixed.CMD_TIME_F64]!;
    e32[to + Fixed.EVT_WHAT_WORD] = c32[at + Fixed.CMD_WHAT_WORD]!;
    e32[to + Fixed.EVT_WHY_WORD] = Fixed.TimeInForce_IOC |
      Fixed.Reason_IOC_REMAINDER << 16;
    e32[to + Fixed.EVT_PRICE_I32] = c32[at + Fixed.CMD_PRICE_I32]!;
    e32[to + Fixed.EVT_LAST_PRICE_I32] = 0;
    e64[to64 + Fixed.EVT_QUANTITY_F64] = quantity;
    e64[to64 + Fixed.EVT_ORDER_ID_F64] = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    e64[to64 + Fixed.EVT_REFERENCE_F64] = c64[half + Fixed.CMD_REFERENCE_F64]!;
    e64[to64 + Fixed.EVT_LEAVES_F64] = 0;
    e64[to64 + Fixed.EVT_CUM_F64] = quantity -
      f64[own + Fixed.ORDER_LEAVES_F64]!;
    e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    e64[to64 + Fixed.EVT_NOTIONAL_F64] = f64[own + Fixed.ORDER_NOTIONAL_F64]!;
    e32[to + Fixed.EVT_IN_SEQUENCE_U32] = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    e32[to + Fixed.EVT_STATUS_WORD] = Fixed.OrdStatus_CANCELED;
    e64[to64 + Fixed.EVT_MATCH_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_F64] = 0;
    if (hasText(c32, at)) oneText(to, c32, at + Fixed.CMD_CL_ORD_ID_WORD);
  }

  /** Whether a command that is plain brings texts. */
  function hasText(c32: Int32Array, at: number): boolean {
    return c32[at + Fixed.CMD_SHAPE_WORD]! >>> Fixed.CMD_FLAGS_SHIFT !== 0;
  }

  function newOrder(command: CommandViews, base: number): boolean {
    const c32 = command.i32;
    const c64 = command.f64;
    const at = base & Fixed.WORD_MASK;
    const half = at >> 1;
    const timeHi = c32[at + Fixed.CMD_TIME_HI_U32]!;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    const inSequence = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    const what = c32[at + Fixed.CMD_WHAT_WORD]!;
    const how = c32[at + Fixed.CMD_HOW_WORD]!;
    const price = c32[at + Fixed.CMD_PRICE_I32]!;
    const sequence = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    const time = c64[half + Fixed.CMD_TIME_F64]!;
    const quantity = c64[half + Fixed.CMD_QUANTITY_F64]!;
    const reference = c64[half + Fixed.CMD_REFERENCE_F64]!;
    const timeInForce = how & 0xff;
    const instrument = what & 0xffff;
    const bit = (what >>> 16) - Fixed.LIMIT_BUY;
    if (
      !(sequence > last[0]!) || session >>> 0 >= sessionsMax ||
      routes[session]! >= ringCount || instrument >= instrumentsMax ||
      bit >>> 0 > 1 || timeInForce > Fixed.TimeInForce_IOC ||
      timeInForce === Fixed.AT_THE_OPENING ||
      price <= 0 || price === Fixed.KEY_NONE ||
      !(quantity > 0) ||
      Math.floor(quantity) !== quantity ||
      quantity > quantityMax[instrument]! ||
      quantity * price > notionalMax[instrument]! ||
      (timeHi >>> 0 >= due[1]! && isDue(c32, at))
    ) return false;
    const place = placeOf(session, reference >>> 0);
    const entry = i32[place]!;
    if (
      entry !== 0 &&
      findIn(entry, session, half + Fixed.CMD_REFERENCE_F64, c64) !== 0
    ) return false;
    const instrumentAt = instruments + (instrument << Fixed.INSTRUMENT_SHIFT);
    const setting = settings + (instrument << Fixed.SETTING_SHIFT);
    const sessionAt = sessions + (session << Fixed.SESSION_SHIFT);
    const side = instrumentAt + (bit << Fixed.SIDE_SHIFT);
    const other = instrumentAt + ((1 - bit) << Fixed.SIDE_SHIFT);
    const key = price ^ (bit - 1);
    const limit = ~key;
    let level = levelAt(side, key);
    if (level === 0) level = levelFor(side, key);
    const sumAt = (level >> 1) + Fixed.LEVEL_QUANTITY_F64;
    if (
      level < 0 || i32[indexSize]! >= i32[Fixed.BOOK_ORDERS_LIMIT]! ||
      (level !== 0 && i32[level + Fixed.LEVEL_HEAD] !== 0 &&
        f64[sumAt]! + quantity > Fixed.QUANTITY_MAX) ||
      price < i32[setting + Fixed.SETTING_GATE_LOW]! ||
      price > i32[setting + Fixed.SETTING_GATE_HIGH]! ||
      (i32[setting + Fixed.SETTING_GATE_SLOW]! |
          i32[sessionAt + Fixed.SESSION_BLOCKED]! |
          i32[instrumentAt + Fixed.INSTRUMENT_STATE]!) !== 0 ||
      i32[other + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST_KEY]! <= limit
    ) return false;
    const best = i32[other + Fixed.SIDE_BEST_KEY]!;
    if (
      best <= limit &&
      (isOutside(setting, price) || isOutside(setting, best ^ -bit))
    ) return false;
    if (
      i32[instrumentAt + Fixed.INSTRUMENT_WATCH_HEAD] !== 0 &&
      (best <= limit || key < i32[side + Fixed.SIDE_BEST_KEY]! ||
        isRestless(instrumentAt))
    ) return false;
    const account = i32[sessionAt + Fixed.SESSION_ACCOUNT]!;
    const quantityAt = half + Fixed.CMD_QUANTITY_F64;
    if (
      account !== 0 &&
      !isWelcome(account, instrument, bit, price, c64, quantityAt)
    ) return false;
    const isRefused = i32[sessionAt + Fixed.SESSION_RATED] !== 0 &&
      !isInRate(session, c32[at + Fixed.CMD_TIME_LO_U32]!, timeHi);

    last[0] = sequence;
    counts[Fixed.Total_ORDERS] = (counts[Fixed.Total_ORDERS]! + 1) | 0;
    if (
      inSequence >>> 0 > i32[sessionAt + Fixed.SESSION_IN_SEQUENCE]! >>> 0
    ) i32[sessionAt + Fixed.SESSION_IN_SEQUENCE] = inSequence;
    if (isRefused) {
      refuse(command, at);
      return true;
    }

    const to = claim(session);
    const to64 = to >> 1;
    e32[to + Fixed.EVT_INDEX_U32] = 0;
    e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_ACCEPTED;
    e64[to64 + Fixed.EVT_SEQUENCE_F64] = sequence;
    e64[to64 + Fixed.EVT_TIME_F64] = time;
    e32[to + Fixed.EVT_WHAT_WORD] = what;
    e32[to + Fixed.EVT_WHY_WORD] = timeInForce;
    e32[to + Fixed.EVT_PRICE_I32] = price;
    e32[to + Fixed.EVT_LAST_PRICE_I32] = 0;
    e64[to64 + Fixed.EVT_QUANTITY_F64] = quantity;
    e64[to64 + Fixed.EVT_ORDER_ID_F64] = sequence;
    e64[to64 + Fixed.EVT_REFERENCE_F64] = reference;
    e64[to64 + Fixed.EVT_LEAVES_F64] = quantity;
    e64[to64 + Fixed.EVT_CUM_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    e64[to64 + Fixed.EVT_NOTIONAL_F64] = 0;
    e32[to + Fixed.EVT_IN_SEQUENCE_U32] = inSequence;
    e32[to + Fixed.EVT_STATUS_WORD] = Fixed.OrdStatus_NEW;
    e64[to64 + Fixed.EVT_MATCH_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_F64] = 0;
    const text = hasText(c32, at);
    if (text) oneText(to, c32, at + Fixed.CMD_CL_ORD_ID_WORD);

    const own = scratch >> 1;
    let leaves = quantity;
    let notional = 0;
    let index = 1;
    let triggers = false;
    if (best <= limit) {
      index = sweep(instrumentAt, other, limit, 0, command, at);
      leaves = f64[own + Fixed.ORDER_LEAVES_F64]!;
      notional = f64[own + Fixed.ORDER_NOTIONAL_F64]!;
      triggers = i32[instrumentAt + Fixed.INSTRUMENT_STOPS] !== 0 &&
        hasTriggered(instrumentAt);
      if (leaves === 0) {
        counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + index) | 0;
        if (account !== 0) {
          f64[own + Fixed.ORDER_QUANTITY_F64] = quantity;
          countTaker(account, instrument, bit, false);
        }
        if (triggers) settle(instrument, 0, command, at, index);
        return true;
      }
    }
    counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + index) | 0;
    const stopped = i32[other + Fixed.SIDE_BEST_KEY]! <= limit;
    if (timeInForce === Fixed.TimeInForce_IOC && !stopped) {
      f64[own + Fixed.ORDER_LEAVES_F64] = leaves;
      f64[own + Fixed.ORDER_NOTIONAL_F64] = notional;
      if (account !== 0) {
        f64[own + Fixed.ORDER_QUANTITY_F64] = quantity - leaves;
        countTaker(account, instrument, bit, false);
      }
      remainderCanceled(index, session, command, at);
      counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
      if (triggers) settle(instrument, 0, command, at, index + 1);
      return true;
    }

    if (account !== 0) {
      f64[own + Fixed.ORDER_LEAVES_F64] = leaves;
      f64[own + Fixed.ORDER_QUANTITY_F64] = quantity - leaves;
      countTaker(account, instrument, bit, true);
    }
    const order = allocate();
    const order64 = order >> 1;
    let owner = session | timeInForce << 24;
    if (text) {
      owner |= Fixed.ORDER_TEXT_BIT;
      keepText(order, c32, at);
    }
    i32[order + Fixed.ORDER_NEXT] = 0;
    i32[order + Fixed.ORDER_PRICE] = price;
    f64[order64 + Fixed.ORDER_LEAVES_F64] = leaves;
    f64[order64 + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[order64 + Fixed.ORDER_NOTIONAL_F64] = notional;
    f64[order64 + Fixed.ORDER_REFERENCE_F64] = reference;
    i32[order + Fixed.ORDER_KIND] = what;
    f64[order64 + Fixed.ORDER_ID_F64] = sequence;
    if (stopped) {
      i32[order + Fixed.ORDER_OWNER] = owner;
      i32[order + Fixed.ORDER_LEVEL] = 0;
      proceed(order, command, at, index);
      return true;
    }
    i32[order + Fixed.ORDER_OWNER] = owner | Fixed.ORDER_INDEXED_BIT;
    if (level === 0 || i32[level + Fixed.LEVEL_HEAD] === 0) {
      openLevel(order, side, key, level);
    } else {
      const tail = i32[level + Fixed.LEVEL_TAIL]! & Fixed.WORD_MASK;
      i32[tail + Fixed.ORDER_NEXT] = order;
      i32[order + Fixed.ORDER_PREVIOUS] = tail;
      i32[order + Fixed.ORDER_LEVEL] = level;
      i32[level + Fixed.LEVEL_TAIL] = order;
      i32[level + Fixed.LEVEL_COUNT] = i32[level + Fixed.LEVEL_COUNT]! + 1;
      f64[sumAt] = f64[sumAt]! + leaves;
    }
    remember(order, place, session);
    if (triggers) settle(instrument, order, command, at, index);
    return true;
  }

  function cancel(command: CommandViews, base: number): boolean {
    const c32 = command.i32;
    const c64 = command.f64;
    const at = base & Fixed.WORD_MASK;
    const half = at >> 1;
    const timeHi = c32[at + Fixed.CMD_TIME_HI_U32]!;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    const inSequence = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    const what = c32[at + Fixed.CMD_WHAT_WORD]!;
    const sequence = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    const time = c64[half + Fixed.CMD_TIME_F64]!;
    const reference = c64[half + Fixed.CMD_REFERENCE_F64]!;
    if (
      !(sequence > last[0]!) || session >>> 0 >= sessionsMax ||
      routes[session]! >= ringCount ||
      (timeHi >>> 0 >= due[1]! && isDue(c32, at))
    ) return false;
    const place = placeOf(session, reference >>> 0);
    let order = i32[place]! & Fixed.ENTRY_MASK;
    let owner = i32[order + Fixed.ORDER_OWNER]!;
    let order64 = order >> 1;
    if (
      f64[order64 + Fixed.ORDER_REFERENCE_F64] !== reference ||
      (owner & Fixed.ORDER_SESSION_MASK) !== session || order === 0
    ) {
      order = findIn(
        i32[place]!,
        session,
        half + Fixed.CMD_REFERENCE_F64,
        c64,
      );
      if (order === 0) {
        return refuseUnknown(
          command,
          at,
          Fixed.Total_CANCELS,
          Fixed.DETAIL_CANCEL,
        );
      }
      owner = i32[order + Fixed.ORDER_OWNER]!;
      order64 = order >> 1;
    }
    const kind = i32[order + Fixed.ORDER_KIND]!;
    if (((what ^ kind) & 0xffffff) !== 0 && isAnother(what, kind)) return false;
    const instrument = kind & 0xffff;
    const bit = (kind >>> 16 & 0xff) - 1;
    const instrumentAt = instruments + (instrument << Fixed.INSTRUMENT_SHIFT);
    if (
      (i32[instrumentAt + Fixed.INSTRUMENT_STATE]! |
          (owner & Fixed.ORDER_TERMS_BIT)) !== 0 ||
      (i32[instrumentAt + Fixed.INSTRUMENT_WATCH_HEAD] !== 0 &&
        movesOthers(instrumentAt, bit, order))
    ) return false;

    const sessionAt = sessions + (session << Fixed.SESSION_SHIFT);
    const account = i32[sessionAt + Fixed.SESSION_ACCOUNT]!;
    if (account !== 0) {
      const openAt = (positionOf(account, instrument) >> 1) +
        Fixed.POSITION_OPEN_F64 + bit;
      const open = f64[openAt]! - f64[order64 + Fixed.ORDER_LEAVES_F64]!;
      if (open >= 0) {
        f64[openAt] = open;
        countOrder(account, -1);
      } else {
        const leavesAt = order64 + Fixed.ORDER_LEAVES_F64;
        accounts.closed(account, instrument, bit, f64, leavesAt);
      }
    }
    last[0] = sequence;
    counts[Fixed.Total_CANCELS] = (counts[Fixed.Total_CANCELS]! + 1) | 0;
    counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
    if (
      inSequence >>> 0 > i32[sessionAt + Fixed.SESSION_IN_SEQUENCE]! >>> 0
    ) i32[sessionAt + Fixed.SESSION_IN_SEQUENCE] = inSequence;

    const leaves = f64[order64 + Fixed.ORDER_LEAVES_F64]!;
    const quantity = f64[order64 + Fixed.ORDER_QUANTITY_F64]!;
    const to = claim(session);
    const to64 = to >> 1;
    e32[to + Fixed.EVT_INDEX_U32] = 0;
    e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_CANCELED;
    e64[to64 + Fixed.EVT_SEQUENCE_F64] = sequence;
    e64[to64 + Fixed.EVT_TIME_F64] = time;
    e32[to + Fixed.EVT_WHAT_WORD] = kind;
    e32[to + Fixed.EVT_WHY_WORD] = (owner >>> 24 & 0xf) |
      Fixed.Reason_CANCELED_BY_CLIENT << 16;
    e32[to + Fixed.EVT_PRICE_I32] = i32[order + Fixed.ORDER_PRICE]!;
    e32[to + Fixed.EVT_LAST_PRICE_I32] = 0;
    e64[to64 + Fixed.EVT_QUANTITY_F64] = quantity;
    e64[to64 + Fixed.EVT_ORDER_ID_F64] = f64[order64 + Fixed.ORDER_ID_F64]!;
    e64[to64 + Fixed.EVT_REFERENCE_F64] = reference;
    e64[to64 + Fixed.EVT_LEAVES_F64] = 0;
    e64[to64 + Fixed.EVT_CUM_F64] = quantity - leaves;
    e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    e64[to64 + Fixed.EVT_NOTIONAL_F64] =
      f64[order64 + Fixed.ORDER_NOTIONAL_F64]!;
    e32[to + Fixed.EVT_IN_SEQUENCE_U32] = inSequence;
    e32[to + Fixed.EVT_STATUS_WORD] = Fixed.OrdStatus_CANCELED;
    e64[to64 + Fixed.EVT_MATCH_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_F64] = 0;
    if (hasText(c32, at)) requestText(to, c32, at);
    else if ((owner & Fixed.ORDER_TEXT_BIT) !== 0) ownText(to, order);

    const level = i32[order + Fixed.ORDER_LEVEL]! & Fixed.WORD_MASK;
    const next = i32[order + Fixed.ORDER_NEXT]! & Fixed.WORD_MASK;
    const previous = i32[order + Fixed.ORDER_PREVIOUS]! & Fixed.WORD_MASK;
    const side = instrumentAt + (bit << Fixed.SIDE_SHIFT);
    if ((next | previous) === 0) closeLevel(side, level);
    else {
      if (previous === 0) i32[level + Fixed.LEVEL_HEAD] = next;
      else i32[previous + Fixed.ORDER_NEXT] = next;
      if (next === 0) i32[level + Fixed.LEVEL_TAIL] = previous;
      else i32[next + Fixed.ORDER_PREVIOUS] = previous;
      i32[level + Fixed.LEVEL_COUNT] = i32[level + Fixed.LEVEL_COUNT]! - 1;
      const sumAt = (level >> 1) + Fixed.LEVEL_QUANTITY_F64;
      f64[sumAt] = f64[sumAt]! - leaves;
    }
    forget(order, owner, place, session);
    return true;
  }

  /** True if a cancel says an instrument or a side that is not the order's. */
  function isAnother(what: number, kind: number): boolean {
    const instrument = what & 0xffff;
    const side = what >>> 16 & 0xff;
    return (instrument !== Fixed.NOT_GIVEN && instrument !== (kind & 0xffff)) ||
      (side !== 0 && side !== (kind >>> 16 & 0xff));
  }

  const { replace, reduce, refuseUnknown } = plainReplace(parts, {
    e32,
    e64,
    placeOf,
    findIn,
    unchain,
    forget,
    claim,
    ownText,
    requestText,
    keepText,
    positionOf,
    countMaker,
    isInRate,
    sweep,
    levelAt,
    isDue,
    isOutside,
    hasTriggered,
    movesOthers,
    isAnother,
  });

  return (command: CommandViews, at: number): boolean => {
    const shape = command.i32[at + Fixed.CMD_SHAPE_WORD]!;
    // The longer ones bring client order ids.
    if (shape === Fixed.PLAIN_NEW || shape === Fixed.TEXT_NEW) {
      return newOrder(command, at);
    }
    if (shape === Fixed.PLAIN_CANCEL || shape === Fixed.TEXT_CANCEL) {
      return cancel(command, at);
    }
    // These may also bring a new reference and flags, so their length varies.
    if (shape >>> Fixed.CMD_FLAGS_SHIFT > Fixed.CMD_FLAG_TEXT) return false;
    const kind = shape >>> Fixed.CMD_KIND_SHIFT & 0xff;
    if (kind === Fixed.CommandKind_REPLACE_ORDER) return replace(command, at);
    if (kind === Fixed.CommandKind_REDUCE_ORDER) return reduce(command, at);
    return false;
  };
}
