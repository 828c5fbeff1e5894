// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The short way of a replace or a reduce of a plain order, and of requests
 * that name no order: a part of the plain path in a closure of its own.
 *
 * ```
 * replace ─▶ checks ─▶ told ─┬─▶ keeps its place: only lots change
 *                            └─▶ loses it: out of its queue ─▶ trades ─▶ rests, or ended
 * ```
 *
 * As in the rest of the plain path, whatever is unusual is left to the general
 * way before anything has changed. Owned by the exchange's thread. Allocates
 * nothing after it is made.
 *
 * @module
 */
import type { CommandViews } from "./event_writer.ts";
import type { PlainParts } from "./plain_path.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  INSTRUMENT_SHIFT = 6,
  INSTRUMENT_STATE = 26,
  INSTRUMENT_STOPS = 27,
  INSTRUMENT_WATCH_HEAD = 28,
  HIDDEN_SIDES = 32,
  SIDE_SHIFT = 3,
  SIDE_BEST_KEY = 1,
  SETTING_SHIFT = 5,
  SETTING_GATE_LOW = 11,
  SETTING_GATE_HIGH = 12,
  SETTING_GATE_SLOW = 13,
  LEVEL_HEAD = 0,
  LEVEL_TAIL = 1,
  LEVEL_QUANTITY_F64 = 1,
  ORDER_SHIFT = 4,
  ORDER_NEXT = 0,
  ORDER_PREVIOUS = 1,
  ORDER_LEVEL = 2,
  ORDER_PRICE = 3,
  ORDER_LEAVES_F64 = 2,
  ORDER_QUANTITY_F64 = 3,
  ORDER_NOTIONAL_F64 = 4,
  ORDER_REFERENCE_F64 = 5,
  ORDER_ID_F64 = 7,
  ORDER_OWNER = 12,
  ORDER_KIND = 13,
  ORDER_SESSION_MASK = 0xffffff,
  ORDER_TEXT_BIT = 0x10000000,
  ORDER_TERMS_BIT = 0x20000000,
  ORDER_INDEXED_BIT = 0x40000000,
  INDEX_SIZE = 0,
  INDEX_HEADER_WORDS = 16,
  INDEX_CHAINED = 1,
  SESSION_SHIFT = 4,
  SESSION_IN_SEQUENCE = 1,
  SESSION_ORDERS = 4,
  SESSION_ACCOUNT = 5,
  SESSION_BLOCKED = 8,
  SESSION_RATED = 9,
  Total_REPLACES = 3,
  Total_OTHERS = 4,
  CMD_SHAPE_WORD = 1,
  CMD_FLAGS_SHIFT = 24,
  CMD_FLAG_TEXT = 1,
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
  CMD_NEW_REFERENCE_F64 = 13,
  CMD_TERM_FLAGS_U32 = 32,
  COMMAND_BASE_BYTES = 64,
  COMMAND_SLOT_BYTES = 192,
  TermFlag_OPEN_QUANTITY = 32,
  WORD_MASK = 0x3fffffff,
  ENTRY_MASK = 0x3ffffffe,
  KEY_NONE = 0x7fffffff,
  QUANTITY_MAX = 9007199254740991,
  EVENT_BASE_BYTES = 128,
  EVT_INDEX_U32 = 0,
  EVT_SHAPE_WORD = 1,
  EVT_SEQUENCE_F64 = 1,
  EVT_TIME_F64 = 2,
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
  EventKind_REPLACED = 5,
  EventKind_CANCEL_REJECTED = 6,
  SHAPE_REPLACED = EVENT_BASE_BYTES + EventKind_REPLACED * 65536,
  SHAPE_REJECTED = EVENT_BASE_BYTES + EventKind_CANCEL_REJECTED * 65536,
  OrdStatus_NEW = 0x30,
  OrdStatus_PARTIALLY_FILLED = 0x31,
  OrdStatus_REJECTED = 0x38,
  Reason_UNKNOWN_ORDER = 11,
  Reason_MESSAGE_RATE = 106,
  DETAIL_REPLACE = 3,
  COUNT_EVENTS = 0,
  ACCOUNT_SHIFT = 5,
  ACCOUNT_FLAGS = 16,
  ACCOUNT_GATES_F64 = 10,
  GATE_QUANTITY_F64 = ACCOUNT_GATES_F64,
  GATE_NOTIONAL_F64 = ACCOUNT_GATES_F64 + 1,
  GATE_POSITION_F64 = ACCOUNT_GATES_F64 + 3,
  FLAG_LIMITS = 2,
  FLAG_RESTRICTED = 4,
  FLAG_BLOCKS = 48,
  FLAGS_CLOSED = FLAG_RESTRICTED + FLAG_BLOCKS,
  POSITION_OPEN_F64 = 1,
  POSITION_HIGH = 6,
  POSITION_RESTRICTED = 9,
  HIGH_UNIT = 9007199254740992,
}

/** What the rest of the plain path lends: its functions, and views of the rings. */
export interface PlainTools {
  readonly e32: Int32Array;
  readonly e64: Float64Array;
  /** Place of an order in the index, as a word. */
  placeOf(session: number, reference: number): number;
  findIn(
    first: number,
    session: number,
    at: number,
    c64: Float64Array,
  ): number;
  unchain(order: number, first: number): void;
  forget(
    order: number,
    owner: number,
    place: number,
    session: number,
  ): void;
  claim(session: number): number;
  ownText(to: number, order: number): void;
  requestText(to: number, c32: Int32Array, at: number): void;
  keepText(order: number, c32: Int32Array, at: number): void;
  positionOf(account: number, instrument: number): number;
  countMaker(
    account: number,
    instrument: number,
    bit: number,
    lotsAt: number,
    isFilled: boolean,
  ): void;
  isInRate(session: number, timeLo: number, timeHi: number): boolean;
  sweep(
    instrumentAt: number,
    side: number,
    limit: number,
    order: number,
    command: CommandViews,
    base: number,
  ): number;
  levelAt(side: number, key: number): number;
  isDue(c32: Int32Array, at: number): boolean;
  isOutside(setting: number, price: number): boolean;
  hasTriggered(instrumentAt: number): boolean;
  movesOthers(instrumentAt: number, bit: number, order: number): boolean;
  isAnother(what: number, kind: number): boolean;
}

/** What it does; each answers false if it changed nothing. */
export interface PlainReplace {
  replace(command: CommandViews, at: number): boolean;
  reduce(command: CommandViews, at: number): boolean;
  /** A request names no order that lives. @param total Place in `counts`. */
  refuseUnknown(
    command: CommandViews,
    at: number,
    total: number,
    detail: number,
  ): boolean;
}

/** Makes it; once for each plain path. */
export function plainReplace(
  parts: PlainParts,
  tools: PlainTools,
): PlainReplace {
  const { i32, f64, instruments, orders, sessions, settings } = parts;
  const { sessionsMax, accountsAt, refusals } = parts;
  const { quantityMax, notionalMax, routes, counts, last, due } = parts;
  const { levelFor, rest, unlinkFrom, proceed, settle } = parts;
  const { e32, e64, placeOf, findIn, unchain, forget, claim } = tools;
  const { ownText, requestText, keepText, positionOf } = tools;
  const { countMaker, isInRate, sweep, levelAt, isOutside, isAnother } = tools;
  const { isDue, hasTriggered, movesOthers } = tools;
  const ringCount = parts.rings.length;
  const scratch = orders;
  const indexSize = parts.index + Fixed.INDEX_SIZE;
  const chain = parts.index + Fixed.INDEX_HEADER_WORDS +
    2 ** parts.indexBits - (orders >>> Fixed.ORDER_SHIFT);

  /** Whether a command is one that the plain path may judge at all. */
  function isInTurn(command: CommandViews, at: number): boolean {
    const c32 = command.i32;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    return command.f64[(at >> 1) + Fixed.CMD_SEQUENCE_F64]! > last[0]! &&
      session >>> 0 < sessionsMax && routes[session]! < ringCount &&
      (c32[at + Fixed.CMD_TIME_HI_U32]! >>> 0 < due[1]! || !isDue(c32, at));
  }

  /** The order that a command names; 0 = none. */
  function find(command: CommandViews, at: number, place: number): number {
    const entry = i32[place]!;
    const order = entry & Fixed.ENTRY_MASK;
    const session = command.i32[at + Fixed.CMD_SESSION_U32]!;
    const reference = (at >> 1) + Fixed.CMD_REFERENCE_F64;
    if (
      f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] ===
        command.f64[reference]! &&
      (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_SESSION_MASK) ===
        session &&
      order !== 0
    ) return order;
    return findIn(entry, session, reference, command.f64);
  }

  /** The command is applied here: it counts, and so does its number. */
  function begin(command: CommandViews, at: number, total: number): void {
    const c32 = command.i32;
    last[0] = command.f64[(at >> 1) + Fixed.CMD_SEQUENCE_F64]!;
    counts[total] = (counts[total]! + 1) | 0;
    const word = sessions +
      (c32[at + Fixed.CMD_SESSION_U32]! << Fixed.SESSION_SHIFT) +
      Fixed.SESSION_IN_SEQUENCE;
    const inSequence = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    if (inSequence >>> 0 > i32[word]! >>> 0) i32[word] = inSequence;
  }

  /** Whether a command brings client order ids. */
  function hasText(shape: number): boolean {
    return (shape >>> Fixed.CMD_FLAGS_SHIFT & Fixed.CMD_FLAG_TEXT) !== 0 &&
      (shape & 0xffff) > Fixed.COMMAND_BASE_BYTES;
  }

  // ---------------------------------------------------------------- events

  /** CANCEL_REJECTED for a request, and no word about an order. */
  function refuse(
    command: CommandViews,
    at: number,
    detail: number,
    reason: number,
  ): void {
    const c32 = command.i32;
    const c64 = command.f64;
    const half = at >> 1;
    refusals[reason] = refusals[reason]! + 1;
    counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
    const to = claim(c32[at + Fixed.CMD_SESSION_U32]!);
    const to64 = to >> 1;
    e32[to + Fixed.EVT_INDEX_U32] = 0;
    e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_REJECTED;
    e64[to64 + Fixed.EVT_SEQUENCE_F64] = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    e64[to64 + Fixed.EVT_TIME_F64] = c64[half + Fixed.CMD_TIME_F64]!;
    e32[to + Fixed.EVT_WHAT_WORD] = c32[at + Fixed.CMD_WHAT_WORD]!;
    e32[to + Fixed.EVT_WHY_WORD] = (c32[at + Fixed.CMD_HOW_WORD]! & 0xff) |
      detail << 8 | reason << 16;
    e32[to + Fixed.EVT_PRICE_I32] = c32[at + Fixed.CMD_PRICE_I32]!;
    e32[to + Fixed.EVT_LAST_PRICE_I32] = 0;
    e64[to64 + Fixed.EVT_QUANTITY_F64] = c64[half + Fixed.CMD_QUANTITY_F64]!;
    e64[to64 + Fixed.EVT_ORDER_ID_F64] = 0;
    e64[to64 + Fixed.EVT_REFERENCE_F64] = c64[half + Fixed.CMD_REFERENCE_F64]!;
    e64[to64 + Fixed.EVT_LEAVES_F64] = 0;
    e64[to64 + Fixed.EVT_CUM_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    e64[to64 + Fixed.EVT_NOTIONAL_F64] = 0;
    e32[to + Fixed.EVT_IN_SEQUENCE_U32] = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    e32[to + Fixed.EVT_STATUS_WORD] = Fixed.OrdStatus_REJECTED;
    e64[to64 + Fixed.EVT_MATCH_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_F64] = 0;
    if (hasText(c32[at + Fixed.CMD_SHAPE_WORD]!)) requestText(to, c32, at);
  }

  function refuseUnknown(
    command: CommandViews,
    base: number,
    total: number,
    detail: number,
  ): boolean {
    const at = base & Fixed.WORD_MASK;
    begin(command, at, total);
    refuse(command, at, detail, Fixed.Reason_UNKNOWN_ORDER);
    return true;
  }

  /** REPLACED, with the order as it is now; new lots stand in the scratch record. */
  function tellReplaced(
    order: number,
    price: number,
    command: CommandViews,
    at: number,
  ): void {
    const c32 = command.i32;
    const c64 = command.f64;
    const half = at >> 1;
    const own = order >> 1;
    const lots = scratch >> 1;
    const quantity = f64[lots + Fixed.ORDER_QUANTITY_F64]!;
    const leaves = f64[lots + Fixed.ORDER_LEAVES_F64]!;
    const owner = i32[order + Fixed.ORDER_OWNER]!;
    const to = claim(c32[at + Fixed.CMD_SESSION_U32]!);
    const to64 = to >> 1;
    e32[to + Fixed.EVT_INDEX_U32] = 0;
    e32[to + Fixed.EVT_SHAPE_WORD] = Fixed.SHAPE_REPLACED;
    e64[to64 + Fixed.EVT_SEQUENCE_F64] = c64[half + Fixed.CMD_SEQUENCE_F64]!;
    e64[to64 + Fixed.EVT_TIME_F64] = c64[half + Fixed.CMD_TIME_F64]!;
    e32[to + Fixed.EVT_WHAT_WORD] = i32[order + Fixed.ORDER_KIND]!;
    e32[to + Fixed.EVT_WHY_WORD] = owner >>> 24 & 0xf;
    e32[to + Fixed.EVT_PRICE_I32] = price;
    e32[to + Fixed.EVT_LAST_PRICE_I32] = 0;
    e64[to64 + Fixed.EVT_QUANTITY_F64] = quantity;
    e64[to64 + Fixed.EVT_ORDER_ID_F64] = f64[own + Fixed.ORDER_ID_F64]!;
    e64[to64 + Fixed.EVT_REFERENCE_F64] = f64[own + Fixed.ORDER_REFERENCE_F64]!;
    e64[to64 + Fixed.EVT_LEAVES_F64] = leaves;
    e64[to64 + Fixed.EVT_CUM_F64] = quantity - leaves;
    e64[to64 + Fixed.EVT_LAST_QUANTITY_F64] = 0;
    e64[to64 + Fixed.EVT_NOTIONAL_F64] = f64[own + Fixed.ORDER_NOTIONAL_F64]!;
    e32[to + Fixed.EVT_IN_SEQUENCE_U32] = c32[at + Fixed.CMD_IN_SEQUENCE_U32]!;
    e32[to + Fixed.EVT_STATUS_WORD] = leaves === quantity
      ? Fixed.OrdStatus_NEW
      : Fixed.OrdStatus_PARTIALLY_FILLED;
    e64[to64 + Fixed.EVT_MATCH_F64] = 0;
    e64[to64 + Fixed.EVT_LAST_F64] = 0;
    if (hasText(c32[at + Fixed.CMD_SHAPE_WORD]!)) requestText(to, c32, at);
    else if ((owner & Fixed.ORDER_TEXT_BIT) !== 0) ownText(to, order);
  }

  // ----------------------------------------------------------------- names

  /** True if a replace gives its order another reference. */
  function renames(command: CommandViews, at: number): boolean {
    if (
      (command.i32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) <=
        Fixed.COMMAND_BASE_BYTES
    ) return false;
    const half = at >> 1;
    const reference = command.f64[half + Fixed.CMD_NEW_REFERENCE_F64]!;
    return reference !== 0 &&
      reference !== command.f64[half + Fixed.CMD_REFERENCE_F64]!;
  }

  /** Place of the new reference in the index. */
  function newPlaceOf(command: CommandViews, at: number): number {
    return placeOf(
      command.i32[at + Fixed.CMD_SESSION_U32]!,
      command.f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]! >>> 0,
    );
  }

  /** True if the new reference is that of a live order of the session. */
  function isTaken(command: CommandViews, at: number): boolean {
    const entry = i32[newPlaceOf(command, at)]!;
    return entry !== 0 && findIn(
          entry,
          command.i32[at + Fixed.CMD_SESSION_U32]!,
          (at >> 1) + Fixed.CMD_NEW_REFERENCE_F64,
          command.f64,
        ) !== 0;
  }

  /** Takes an order out of its place in the index. */
  function takeOff(order: number, place: number): void {
    if (i32[place] === order) i32[place] = 0;
    else unchain(order, place);
  }

  /** Gives an order the names that its request brings. @returns Its place in the index. */
  function rename(
    order: number,
    command: CommandViews,
    at: number,
    place: number,
  ): number {
    if (hasText(command.i32[at + Fixed.CMD_SHAPE_WORD]!)) {
      i32[order + Fixed.ORDER_OWNER] = i32[order + Fixed.ORDER_OWNER]! |
        Fixed.ORDER_TEXT_BIT;
      keepText(order, command.i32, at);
    }
    if (!renames(command, at)) return place;
    takeOff(order, place);
    f64[(order >> 1) + Fixed.ORDER_REFERENCE_F64] = command
      .f64[(at >> 1) + Fixed.CMD_NEW_REFERENCE_F64]!;
    const to = newPlaceOf(command, at);
    const entry = i32[to]!;
    if (entry === 0) i32[to] = order;
    else {
      i32[chain + (order >>> Fixed.ORDER_SHIFT)] = entry;
      i32[to] = order | Fixed.INDEX_CHAINED;
    }
    return to;
  }

  // -------------------------------------------------------------- accounts

  /**
   * True if the account lets the order change without a word, and what is open
   * stays a small number: as it would be stands in the scratch record.
   */
  function isWelcome(
    account: number,
    instrument: number,
    bit: number,
    price: number,
    order: number,
  ): boolean {
    const lots = scratch >> 1;
    const quantity = f64[lots + Fixed.ORDER_QUANTITY_F64]!;
    const own = accountsAt + (account << Fixed.ACCOUNT_SHIFT);
    const flags = i32[own + Fixed.ACCOUNT_FLAGS]!;
    const position = positionOf(account, instrument);
    const half = position >> 1;
    const open = f64[half + Fixed.POSITION_OPEN_F64 + bit]! -
      f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]! +
      f64[lots + Fixed.ORDER_LEAVES_F64]!;
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
      open + (bit === 0 ? net : -net) <= f64[gates + Fixed.GATE_POSITION_F64]!;
  }

  /** What is open of an account follows an order whose new leaves stand in the scratch record. */
  function countChange(
    account: number,
    instrument: number,
    bit: number,
    order: number,
  ): void {
    const openAt = (positionOf(account, instrument) >> 1) +
      Fixed.POSITION_OPEN_F64 + bit;
    f64[openAt] = f64[openAt]! - f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]! +
      f64[(scratch >> 1) + Fixed.ORDER_LEAVES_F64]!;
  }

  // --------------------------------------------------------------- replace

  /**
   * Puts total and leaves that a replace asks for into the scratch record.
   *
   * @returns false if the instrument's limits, or the order, do not have it.
   */
  function isPossible(
    command: CommandViews,
    at: number,
    order: number,
    flags: number,
  ): boolean {
    const asked = command.f64[(at >> 1) + Fixed.CMD_QUANTITY_F64]!;
    const price = command.i32[at + Fixed.CMD_PRICE_I32]!;
    const own = order >> 1;
    const lots = scratch >> 1;
    const instrument = i32[order + Fixed.ORDER_KIND]! & 0xffff;
    const filled = f64[own + Fixed.ORDER_QUANTITY_F64]! -
      f64[own + Fixed.ORDER_LEAVES_F64]!;
    const quantity = flags === 0 ? asked : filled + asked;
    f64[lots + Fixed.ORDER_QUANTITY_F64] = quantity;
    f64[lots + Fixed.ORDER_LEAVES_F64] = quantity - filled;
    return asked > 0 && Math.floor(asked) === asked && quantity > filled &&
      quantity <= quantityMax[instrument]! &&
      quantity * price <= notionalMax[instrument]!;
  }

  /** Whether the level of a key has room for the leaves in the scratch record. */
  function hasRoom(order: number, side: number, key: number): boolean {
    let level = levelAt(side, key);
    if (level === 0) level = levelFor(side, key);
    if (level <= 0) return level === 0;
    if (i32[level + Fixed.LEVEL_HEAD] === 0) return true;
    let sum = f64[(level >> 1) + Fixed.LEVEL_QUANTITY_F64]!;
    if (level === i32[order + Fixed.ORDER_LEVEL]!) {
      sum -= f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
    }
    return sum + f64[(scratch >> 1) + Fixed.ORDER_LEAVES_F64]! <=
      Fixed.QUANTITY_MAX;
  }

  /** Flags of a replace that are its own; -1 if there are others. */
  function flagsOf(c32: Int32Array, at: number): number {
    if (
      (c32[at + Fixed.CMD_SHAPE_WORD]! & 0xffff) !== Fixed.COMMAND_SLOT_BYTES
    ) return 0;
    const flags = c32[at + Fixed.CMD_TERM_FLAGS_U32]!;
    return (flags & ~Fixed.TermFlag_OPEN_QUANTITY) === 0 ? flags : -1;
  }

  function replace(command: CommandViews, base: number): boolean {
    const c32 = command.i32;
    const at = base & Fixed.WORD_MASK;
    if (!isInTurn(command, at)) return false;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    const sessionAt = sessions + (session << Fixed.SESSION_SHIFT);
    const place = placeOf(
      session,
      command.f64[(at >> 1) + Fixed.CMD_REFERENCE_F64]! >>> 0,
    );
    const order = find(command, at, place);
    if (order === 0) {
      const reason = isTooOften(command, at, sessionAt)
        ? Fixed.Reason_MESSAGE_RATE
        : Fixed.Reason_UNKNOWN_ORDER;
      begin(command, at, Fixed.Total_REPLACES);
      refuse(command, at, Fixed.DETAIL_REPLACE, reason);
      return true;
    }
    const price = c32[at + Fixed.CMD_PRICE_I32]!;
    const kind = i32[order + Fixed.ORDER_KIND]!;
    const what = c32[at + Fixed.CMD_WHAT_WORD]!;
    const instrument = kind & 0xffff;
    const bit = (kind >>> 16 & 0xff) - 1;
    const instrumentAt = instruments + (instrument << Fixed.INSTRUMENT_SHIFT);
    const setting = settings + (instrument << Fixed.SETTING_SHIFT);
    const side = instrumentAt + (bit << Fixed.SIDE_SHIFT);
    const other = instrumentAt + ((1 - bit) << Fixed.SIDE_SHIFT);
    const key = price ^ (bit - 1);
    const flags = flagsOf(c32, at);
    if (
      flags < 0 || price <= 0 || price === Fixed.KEY_NONE ||
      price < i32[setting + Fixed.SETTING_GATE_LOW]! ||
      price > i32[setting + Fixed.SETTING_GATE_HIGH]! ||
      (((what ^ kind) & 0xffffff) !== 0 && isAnother(what, kind)) ||
      (i32[setting + Fixed.SETTING_GATE_SLOW]! |
          i32[sessionAt + Fixed.SESSION_BLOCKED]! |
          i32[instrumentAt + Fixed.INSTRUMENT_STATE]! |
          (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT)) !== 0 ||
      !isPossible(command, at, order, flags) ||
      (renames(command, at) && isTaken(command, at))
    ) return false;
    const lots = scratch >> 1;
    const keeps = price === i32[order + Fixed.ORDER_PRICE]! &&
      f64[lots + Fixed.ORDER_LEAVES_F64]! <=
        f64[(order >> 1) + Fixed.ORDER_LEAVES_F64]!;
    const best = i32[other + Fixed.SIDE_BEST_KEY]!;
    const crosses = !keeps && best <= ~key;
    if (
      (!keeps && (!hasRoom(order, side, key) ||
        i32[other + Fixed.HIDDEN_SIDES + Fixed.SIDE_BEST_KEY]! <= ~key)) ||
      (crosses &&
        (isOutside(setting, price) || isOutside(setting, best ^ -bit)))
    ) return false;
    if (
      i32[instrumentAt + Fixed.INSTRUMENT_WATCH_HEAD] !== 0 &&
      (crosses || movesOthers(instrumentAt, bit, order) ||
        key < i32[side + Fixed.SIDE_BEST_KEY]!)
    ) return false;
    const account = i32[sessionAt + Fixed.SESSION_ACCOUNT]!;
    if (
      account !== 0 && !isWelcome(account, instrument, bit, price, order)
    ) return false;
    const isRefused = isTooOften(command, at, sessionAt);

    begin(command, at, Fixed.Total_REPLACES);
    if (isRefused) {
      parts.refuseReplace(command, at, order);
      return true;
    }
    if (account !== 0) countChange(account, instrument, bit, order);
    const newPlace = rename(order, command, at, place);
    tellReplaced(order, price, command, at);
    if (keeps) {
      setLots(order);
      counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
    } else if (crosses) {
      unlinkFrom(order, side);
      trade(order, other, key, command, at, newPlace);
    } else {
      move(order, side, key, price);
      counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
    }
    return true;
  }

  /** Counts a message; true if it is one too many. */
  function isTooOften(
    command: CommandViews,
    at: number,
    sessionAt: number,
  ): boolean {
    return i32[sessionAt + Fixed.SESSION_RATED] !== 0 && !isInRate(
      command.i32[at + Fixed.CMD_SESSION_U32]!,
      command.i32[at + Fixed.CMD_TIME_LO_U32]!,
      command.i32[at + Fixed.CMD_TIME_HI_U32]!,
    );
  }

  /** The order has the lots of the scratch record from now on; its level follows. */
  function setLots(order: number): void {
    const own = order >> 1;
    const lots = scratch >> 1;
    const leaves = f64[lots + Fixed.ORDER_LEAVES_F64]!;
    const sumAt = ((i32[order + Fixed.ORDER_LEVEL]! & Fixed.WORD_MASK) >> 1) +
      Fixed.LEVEL_QUANTITY_F64;
    f64[sumAt] = f64[sumAt]! - f64[own + Fixed.ORDER_LEAVES_F64]! + leaves;
    f64[own + Fixed.ORDER_LEAVES_F64] = leaves;
    f64[own + Fixed.ORDER_QUANTITY_F64] = f64[lots + Fixed.ORDER_QUANTITY_F64]!;
  }

  /** The order goes to the end of a queue, maybe its own. */
  function move(order: number, side: number, key: number, price: number): void {
    const own = order >> 1;
    const lots = scratch >> 1;
    if (price === i32[order + Fixed.ORDER_PRICE]!) {
      setLots(order);
      moveBack(order);
      return;
    }
    unlinkFrom(order, side);
    i32[order + Fixed.ORDER_PRICE] = price;
    f64[own + Fixed.ORDER_LEAVES_F64] = f64[lots + Fixed.ORDER_LEAVES_F64]!;
    f64[own + Fixed.ORDER_QUANTITY_F64] = f64[lots + Fixed.ORDER_QUANTITY_F64]!;
    rest(order, side, key);
  }

  /** Puts an order at the end of the queue that it stands in. */
  function moveBack(order: number): void {
    const next = i32[order + Fixed.ORDER_NEXT]! & Fixed.WORD_MASK;
    if (next === 0) return;
    const level = i32[order + Fixed.ORDER_LEVEL]! & Fixed.WORD_MASK;
    const previous = i32[order + Fixed.ORDER_PREVIOUS]! & Fixed.WORD_MASK;
    const tail = i32[level + Fixed.LEVEL_TAIL]! & Fixed.WORD_MASK;
    if (previous === 0) i32[level + Fixed.LEVEL_HEAD] = next;
    else i32[previous + Fixed.ORDER_NEXT] = next;
    i32[next + Fixed.ORDER_PREVIOUS] = previous;
    i32[tail + Fixed.ORDER_NEXT] = order;
    i32[order + Fixed.ORDER_PREVIOUS] = tail;
    i32[order + Fixed.ORDER_NEXT] = 0;
    i32[level + Fixed.LEVEL_TAIL] = order;
  }

  /**
   * Trades an order that is out of its queue, then rests it, ends it, or lets
   * the general way go on with it. @param place Of the order in the index.
   */
  function trade(
    order: number,
    other: number,
    key: number,
    command: CommandViews,
    at: number,
    place: number,
  ): void {
    const own = order >> 1;
    const lots = scratch >> 1;
    const kind = i32[order + Fixed.ORDER_KIND]!;
    const instrument = kind & 0xffff;
    const bit = (kind >>> 16 & 0xff) - 1;
    const instrumentAt = instruments + (instrument << Fixed.INSTRUMENT_SHIFT);
    const wanted = f64[lots + Fixed.ORDER_LEAVES_F64]!;
    i32[order + Fixed.ORDER_PRICE] = command.i32[at + Fixed.CMD_PRICE_I32]!;
    f64[own + Fixed.ORDER_LEAVES_F64] = wanted;
    f64[own + Fixed.ORDER_QUANTITY_F64] = f64[lots + Fixed.ORDER_QUANTITY_F64]!;
    const index = sweep(instrumentAt, other, ~key, order, command, at);
    counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + index) | 0;
    const leaves = f64[lots + Fixed.ORDER_LEAVES_F64]!;
    f64[own + Fixed.ORDER_LEAVES_F64] = leaves;
    f64[own + Fixed.ORDER_NOTIONAL_F64] = f64[lots + Fixed.ORDER_NOTIONAL_F64]!;
    const owner = i32[order + Fixed.ORDER_OWNER]!;
    const session = owner & Fixed.ORDER_SESSION_MASK;
    const sessionAt = sessions + (session << Fixed.SESSION_SHIFT);
    const account = i32[sessionAt + Fixed.SESSION_ACCOUNT]!;
    if (account !== 0) {
      // It was open before: its account counts as a maker's does.
      f64[lots + Fixed.ORDER_QUANTITY_F64] = wanted - leaves;
      const tradedAt = lots + Fixed.ORDER_QUANTITY_F64;
      countMaker(account, instrument, bit, tradedAt, leaves === 0);
    }
    const rests = leaves !== 0;
    if (!rests || i32[other + Fixed.SIDE_BEST_KEY]! > ~key) {
      if (rests) rest(order, instrumentAt + (bit << Fixed.SIDE_SHIFT), key);
      else forget(order, owner, place, session);
      if (
        i32[instrumentAt + Fixed.INSTRUMENT_STOPS] !== 0 &&
        hasTriggered(instrumentAt)
      ) settle(instrument, rests ? order : 0, command, at, index);
      return;
    }
    takeOff(order, place);
    i32[indexSize] = i32[indexSize]! - 1;
    const word = sessionAt + Fixed.SESSION_ORDERS;
    i32[word] = i32[word]! - 1;
    i32[order + Fixed.ORDER_OWNER] = owner & ~Fixed.ORDER_INDEXED_BIT;
    proceed(order, command, at, index);
  }

  // ---------------------------------------------------------------- reduce

  function reduce(command: CommandViews, base: number): boolean {
    const c32 = command.i32;
    const at = base & Fixed.WORD_MASK;
    if (!isInTurn(command, at)) return false;
    const session = c32[at + Fixed.CMD_SESSION_U32]!;
    const half = at >> 1;
    const place = placeOf(
      session,
      command.f64[half + Fixed.CMD_REFERENCE_F64]! >>> 0,
    );
    const order = find(command, at, place);
    if (order === 0) {
      return refuseUnknown(
        command,
        at,
        Fixed.Total_OTHERS,
        Fixed.DETAIL_REPLACE,
      );
    }
    const own = order >> 1;
    const scratchAt = scratch >> 1;
    const lots = command.f64[half + Fixed.CMD_QUANTITY_F64]!;
    const leaves = f64[own + Fixed.ORDER_LEAVES_F64]!;
    const kind = i32[order + Fixed.ORDER_KIND]!;
    const what = c32[at + Fixed.CMD_WHAT_WORD]!;
    const instrument = kind & 0xffff;
    const bit = (kind >>> 16 & 0xff) - 1;
    const instrumentAt = instruments + (instrument << Fixed.INSTRUMENT_SHIFT);
    const setting = settings + (instrument << Fixed.SETTING_SHIFT);
    if (
      !(lots > 0) || Math.floor(lots) !== lots || lots >= leaves ||
      (((what ^ kind) & 0xffffff) !== 0 && isAnother(what, kind)) ||
      (i32[setting + Fixed.SETTING_GATE_SLOW]! |
          i32[instrumentAt + Fixed.INSTRUMENT_STATE]! |
          (i32[order + Fixed.ORDER_OWNER]! & Fixed.ORDER_TERMS_BIT)) !== 0 ||
      (i32[instrumentAt + Fixed.INSTRUMENT_WATCH_HEAD] !== 0 &&
        movesOthers(instrumentAt, bit, order)) ||
      (renames(command, at) && isTaken(command, at))
    ) return false;
    f64[scratchAt + Fixed.ORDER_QUANTITY_F64] =
      f64[own + Fixed.ORDER_QUANTITY_F64]! - lots;
    f64[scratchAt + Fixed.ORDER_LEAVES_F64] = leaves - lots;
    const account = accountOf(session);
    if (account !== 0) {
      const position = positionOf(account, instrument);
      if (i32[position + Fixed.POSITION_HIGH + 1 + bit] !== 0) return false;
      countChange(account, instrument, bit, order);
    }
    begin(command, at, Fixed.Total_OTHERS);
    rename(order, command, at, place);
    tellReplaced(order, i32[order + Fixed.ORDER_PRICE]!, command, at);
    setLots(order);
    counts[Fixed.COUNT_EVENTS] = (counts[Fixed.COUNT_EVENTS]! + 1) | 0;
    return true;
  }

  /** Account of a session; 0 = none. */
  function accountOf(session: number): number {
    return i32[
      sessions + (session << Fixed.SESSION_SHIFT) + Fixed.SESSION_ACCOUNT
    ]!;
  }

  return { replace, reduce, refuseUnknown };
}
