// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The order-by-order feed: from what a command did to ITCH messages.
 *
 * ```
 *   engine ─▶ journal ─(durable)─▶ JournalTail ─▶ Replica ─┬─ events ─▶ FeedBuilder ─▶ FeedStore ─▶ lines A, B
 *                                                          └─ its book, after each command ─▲
 * ```
 *
 * Where it gets its events: the engine writes events for each session, not for
 * the public, and must not be slowed. So a replica computes every command of
 * the journal once more, on the feed's thread, as soon as it is durable; the
 * engine pays nothing and nothing is told that a crash could take back. That
 * costs, against a ring filled by the engine, the journal's way (a write, and
 * a sync with `durability = "synced"`), a read of its file and the command
 * computed again. Clients may hear of their fill before the feed shows it.
 *
 * What comes from which event:
 * - FILLED: `E`, or `C` at another price than the order's, of a displayed
 *   maker; `P` of one that was not displayed. The taker's own fill: nothing.
 * - UNCROSSED and the FILLED of both its sides: `C` that are not printed, then
 *   one `Q` for all. STATE_CHANGED: `H`. INSTRUMENT_DEFINED: `R`.
 * - ACCEPTED, CANCELED, REPLACED, TRIGGERED, RESTATED, PREVENTED, FILLED: they
 *   only say which orders to look at. After the command each is compared with
 *   what receivers have: `A`, `X`, `D`, `U`. An event does not say how much of
 *   an order is displayed, the replica's book does.
 *
 * So after the messages of a command, receivers have the engine's displayed
 * book, order by order and in its priority. Hidden orders, stops, and market
 * orders in a call are not in it. Of an iceberg the slice is; the next slice is
 * a new order. A reference is the order's id, and for all but the first showing
 * a fresh number from 2^52 on. One thread; allocates.
 *
 * @module
 */
import {
  INSTRUMENT_STATE,
  KEY_MARKET,
  LEVEL_HEAD,
  LEVEL_KEY,
  LEVEL_TAIL,
  ORDER_ID_F64,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_OWNER,
  ORDER_PREVIOUS,
  ORDER_TERMS_BIT,
  SIDE_BEST,
  TERMS_DISPLAY_F64,
  TERMS_SHOWN_F64,
  TERMS_WHERE,
  Where,
} from "../book/mod.ts";
import type { Exchange } from "../exchange/mod.ts";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_AGGRESSOR_U8,
  EVT_DETAIL_U8,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LAST_PRICE_I32,
  EVT_LAST_QUANTITY_F64,
  EVT_MATCH_F64,
  EVT_ORDER_ID_F64,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REFERENCE_F64,
  EVT_SESSION_U32,
  EVT_SIDE_U8,
  EVT_TEXT_U8,
  TradingState,
} from "../record/mod.ts";
import { ITCH_STOCK_BYTES, ItchEncoder, itchTime } from "../wire/itch/mod.ts";
import { bookOf, FeedBook, type ShownOrder } from "./feed_book.ts";

/** Where messages go: memory, and who keeps them. */
export interface FeedSink {
  readonly bytes: Uint8Array;
  /** Byte where the next message is to be written. */
  claim(): number;
  /** It is written, with so many bytes. */
  commit(bytes: number): void;
}

/** The views of a ring that events lie in. */
export interface EventViews {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
}

/** An instrument as the feed shows it. */
interface FeedInstrument {
  readonly index: number;
  /** Eight characters. */
  readonly stock: Uint8Array;
  /** Units of 1e-4 of a tick; 0 = such prices can not be told, nothing is shown. */
  readonly priceUnits: number;
  /** Shares of a lot; 1 if the lot is a fraction: then shares are lots. */
  readonly lotShares: number;
  readonly roundLot: number;
  state: number;
}

/** Where an order of the command is to be looked for. */
interface Touched {
  readonly id: number;
  session: number;
  reference: number;
}

/** One side of a match. */
interface Fill {
  id: number;
  instrument: number;
  sideBit: number;
  price: number;
  lots: number;
  match: number;
  aggressor: boolean;
}

/** Fresh references start here; ids of orders stay below. */
export const FRESH_REFERENCES = 2 ** 52;
const U32_MAX = 4294967295;
const E8_OF_PRICE_UNIT = 10_000;
const E8_OF_SHARE = 100_000_000;
const ASCII = { O: 0x4f, C: 0x43, H: 0x48, P: 0x50, Q: 0x51, T: 0x54 } as const;

/** Computes the feed. See the module's text. */
export class FeedBuilder {
  readonly book = new FeedBook();
  readonly #exchange: Exchange;
  readonly #sink: FeedSink;
  readonly #encoder: ItchEncoder;
  readonly #instruments: FeedInstrument[] = [];
  readonly #touched = new Map<number, Touched>();
  /** References of orders that receivers have and that are shown anew. */
  readonly #moved = new Map<number, number>();
  readonly #reference = new Float64Array(1);
  #fresh = FRESH_REFERENCES;
  /** Of the command; 0 = any: at the start. */
  #sequence = 0;
  #first: Fill | undefined;
  /** Auctions that ended in this command, by instrument: price, volume, cross type. */
  readonly #crosses = new Map<
    number,
    { price: number; lots: number; type: number; match: number }
  >();
  /** Instruments to compare as a whole: a new state moves orders of which no event tells. */
  readonly #whole = new Set<number>();
  /** False until `start()`: nothing is sent of what was before. */
  #live = false;

  constructor(exchange: Exchange, sink: FeedSink) {
    this.#exchange = exchange;
    this.#sink = sink;
    this.#encoder = new ItchEncoder(sink.bytes);
  }

  /** Instruments that are known but can not be shown: their tick size is no multiple of 0.0001. */
  unshown(): number[] {
    return this.#instruments.filter((one) => one?.priceUnits === 0)
      .map(({ index }) => index);
  }

  /** Says what there is: a new session's first messages. Nothing is sent before. */
  start(timeLo: number, timeHi: number): void {
    this.#live = true;
    this.#sequence = 0;
    this.#encoder.timestampNs = itchTime(timeLo, timeHi);
    this.systemEvent(ASCII.O);
    for (const instrument of this.#instruments) {
      if (instrument === undefined) continue;
      const { book } = this.#exchange;
      const record = book.instrumentOf(instrument.index);
      instrument.state = book.i32[record + INSTRUMENT_STATE]!;
      this.#define(this.#encoder, instrument, this.#send);
      for (let bit = 0; bit < 2; bit++) this.#showSide(instrument, bit);
    }
  }

  /** A system event: O at the start, C at the end. */
  systemEvent(code: number): void {
    this.#send(() => this.#encoder.systemEvent(code));
  }

  /** An instrument, as INSTRUMENT_DEFINED says it; repeated ones are known. */
  define(index: number, symbol: string, tickE8: number, lotE8: number): void {
    if (this.#instruments[index] !== undefined) return;
    const whole = lotE8 % E8_OF_SHARE === 0;
    const lotShares = whole ? lotE8 / E8_OF_SHARE : 1;
    const instrument: FeedInstrument = {
      index,
      stock: new TextEncoder().encode(
        symbol.slice(0, ITCH_STOCK_BYTES).padEnd(ITCH_STOCK_BYTES),
      ),
      priceUnits: tickE8 % E8_OF_PRICE_UNIT === 0
        ? tickE8 / E8_OF_PRICE_UNIT
        : 0,
      lotShares,
      roundLot: whole && lotShares <= U32_MAX ? lotShares : 0,
      state: TradingState.OPEN,
    };
    this.#instruments[index] = instrument;
    if (this.#live) this.#define(this.#encoder, instrument, this.#send);
  }

  /** An event of the command that is being computed. */
  onEvent(views: EventViews, slot: number): void {
    const at = slot * EVENT_SLOT_BYTES;
    const half = at >>> 3;
    const kind = views.u8[at + EVT_KIND_U8]!;
    const index = views.u16[(at >>> 1) + EVT_INSTRUMENT_U16]!;
    switch (kind) {
      case EventKind.FILLED:
        this.#touch(views, at);
        if (this.#live) this.#filled(views, at, index);
        return;
      case EventKind.ACCEPTED:
      case EventKind.CANCELED:
      case EventKind.REPLACED:
      case EventKind.PREVENTED:
      case EventKind.TRIGGERED:
      case EventKind.RESTATED:
        return this.#touch(views, at);
      case EventKind.INSTRUMENT_DEFINED:
        return this.define(
          index,
          textOf(views.u8, at + EVT_TEXT_U8),
          views.f64[half + EVT_QUANTITY_F64]!,
          views.f64[half + EVT_REFERENCE_F64]!,
        );
      case EventKind.STATE_CHANGED:
        return this.#stateChanged(index, views.u8[at + EVT_DETAIL_U8]!);
      case EventKind.UNCROSSED:
        return this.#uncrossed(
          index,
          views.i32[(at >>> 2) + EVT_PRICE_I32]!,
          views.f64[half + EVT_QUANTITY_F64]!,
        );
    }
  }

  /** Number and time of the next command. */
  begin(sequence: number, timeLo: number, timeHi: number): void {
    this.#sequence = sequence;
    this.#encoder.timestampNs = itchTime(timeLo, timeHi);
  }

  /** The command is computed and its events are shown: brings receivers up to it. */
  settle(): void {
    if (!this.#live) {
      this.#touched.clear();
      this.#crosses.clear();
      this.#whole.clear();
      return;
    }
    this.#flushFill();
    for (const [index, cross] of this.#crosses) this.#cross(index, cross);
    this.#crosses.clear();
    for (const index of this.#whole) this.#compareAll(index);
    this.#whole.clear();
    if (this.#touched.size > 0) this.#compare();
  }

  /**
   * Everything that receivers have now, as messages: directory, states, orders.
   *
   * @param write Is called with an encoder of its own for each message.
   */
  describe(encoder: ItchEncoder, write: (encode: () => number) => void): void {
    encoder.timestampNs = this.#encoder.timestampNs;
    for (const instrument of this.#instruments) {
      if (instrument === undefined) continue;
      this.#define(encoder, instrument, write);
      const { index, stock, lotShares, priceUnits } = instrument;
      for (let bit = 0; bit < 2; bit++) {
        for (const level of this.book.levelsOf(bookOf(index, bit))) {
          for (let at = level.head; at !== undefined; at = at.next) {
            const { reference, lots } = at;
            write(() =>
              encoder.add(
                reference,
                bit,
                lots * lotShares,
                stock,
                level.price * priceUnits,
              )
            );
          }
        }
      }
    }
  }

  readonly #send = (encode: () => number): void => {
    this.#encoder.at = this.#sink.claim();
    this.#sink.commit(encode());
  };

  #define(
    encoder: ItchEncoder,
    instrument: FeedInstrument,
    write: (encode: () => number) => void,
  ): void {
    encoder.locate = instrument.index + 1;
    write(() => encoder.directory(instrument.stock, instrument.roundLot));
    write(() => this.#action(encoder, instrument));
  }

  #action(encoder: ItchEncoder, instrument: FeedInstrument): number {
    const { state, stock } = instrument;
    return encoder.tradingAction(stock, actionOf(state), "");
  }

  #stateChanged(index: number, state: number): void {
    const instrument = this.#instruments[index];
    if (instrument === undefined) return;
    instrument.state = state;
    this.#whole.add(index);
    if (!this.#live) return;
    this.#encoder.locate = index + 1;
    this.#send(() => this.#action(this.#encoder, instrument));
  }

  #uncrossed(index: number, price: number, lots: number): void {
    const state = this.#instruments[index]?.state;
    const type = state === TradingState.OPENING_AUCTION
      ? ASCII.O
      : state === TradingState.CLOSING_AUCTION
      ? ASCII.C
      : ASCII.H;
    this.#whole.add(index);
    if (lots > 0) this.#crosses.set(index, { price, lots, type, match: 0 });
  }

  #touch(views: EventViews, at: number): void {
    const id = views.f64[(at >>> 3) + EVT_ORDER_ID_F64]!;
    const session = views.u32[(at >>> 2) + EVT_SESSION_U32]!;
    const reference = views.f64[(at >>> 3) + EVT_REFERENCE_F64]!;
    const known = this.#touched.get(id);
    if (known === undefined) {
      this.#touched.set(id, { id, session, reference });
    } else known.reference = reference;
  }

  /** A match has two fills, one after the other. */
  #filled(views: EventViews, at: number, instrument: number): void {
    const half = at >>> 3;
    const fill: Fill = {
      id: views.f64[half + EVT_ORDER_ID_F64]!,
      instrument,
      sideBit: views.u8[at + EVT_SIDE_U8]! - 1,
      price: views.i32[(at >>> 2) + EVT_LAST_PRICE_I32]!,
      lots: views.f64[half + EVT_LAST_QUANTITY_F64]!,
      match: views.f64[half + EVT_MATCH_F64]!,
      aggressor: views.u8[at + EVT_AGGRESSOR_U8] === 1,
    };
    const first = this.#first;
    if (first === undefined || first.match !== fill.match) {
      this.#flushFill();
      this.#first = fill;
      return;
    }
    this.#first = undefined;
    if (first.aggressor) this.#made(fill, undefined);
    else if (fill.aggressor) this.#made(first, undefined);
    else {
      const cross = this.#crosses.get(instrument);
      this.#made(first, cross);
      this.#made(fill, cross);
      if (cross !== undefined) cross.match = fill.match;
    }
  }

  /** A fill whose other side was not shown to us. */
  #flushFill(): void {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined && !first.aggressor) this.#made(first, undefined);
  }

  /** A resting order traded. @param cross In that auction. */
  #made(fill: Fill, cross: object | undefined): void {
    const instrument = this.#instruments[fill.instrument];
    if (instrument === undefined || instrument.priceUnits === 0) return;
    const { lotShares, priceUnits, stock } = instrument;
    const encoder = this.#encoder;
    encoder.locate = fill.instrument + 1;
    const order = this.book.find(fill.id);
    const shown = order === undefined ? 0 : Math.min(order.lots, fill.lots);
    const price = fill.price * priceUnits;
    if (order !== undefined && shown > 0) {
      const { reference } = order;
      const shares = shown * lotShares;
      const plain = cross === undefined && order.level.price === fill.price;
      this.#send(() =>
        plain
          ? encoder.executed(reference, shares, fill.match)
          : encoder.executedAtPrice(
            reference,
            shares,
            fill.match,
            cross === undefined,
            price,
          )
      );
      order.lots -= shown;
      if (order.lots === 0) this.book.remove(order);
    }
    if (cross !== undefined || !isU32(price)) return;
    let left = (fill.lots - shown) * lotShares;
    while (left > 0) {
      const part = Math.min(left, U32_MAX);
      this.#send(() =>
        encoder.trade(fill.sideBit, part, stock, price, fill.match)
      );
      left -= part;
    }
  }

  #cross(
    index: number,
    cross: { price: number; lots: number; type: number; match: number },
  ): void {
    const instrument = this.#instruments[index];
    if (instrument === undefined) return;
    const price = cross.price * instrument.priceUnits;
    if (!isU32(price) || cross.match === 0) return;
    this.#encoder.locate = index + 1;
    const shares = cross.lots * instrument.lotShares;
    const { stock } = instrument;
    this.#send(() =>
      this.#encoder.crossTrade(shares, stock, price, cross.match, cross.type)
    );
  }

  /** Compares each order of the command with what receivers have. */
  #compare(): void {
    /** Levels to look through: absent orders in each. */
    const levels = new Map<number, number>();
    for (const touched of this.#touched.values()) {
      const order = this.#find(touched);
      const shown = this.book.find(touched.id);
      const stays = shown !== undefined && this.#compareOne(shown, order);
      if (order === 0 || this.#lotsOf(order) === 0) continue;
      const level = this.#exchange.book.i32[order + ORDER_LEVEL]!;
      levels.set(level, (levels.get(level) ?? 0) + (stays ? 0 : 1));
    }
    for (const [level, absent] of levels) this.#align(level, absent);
    this.#touched.clear();
  }

  /** Compares both sides of an instrument with what receivers have. */
  #compareAll(index: number): void {
    const { book } = this.#exchange;
    const { i32, f64 } = book;
    for (let bit = 0; bit < 2; bit++) {
      const displayed = new Map<number, number>();
      const side = book.sideOf(index, bit);
      let level = i32[side + SIDE_BEST]!;
      for (; level !== 0; level = book.nextLevel(side, level)) {
        for (let at = i32[level + LEVEL_HEAD]!; at !== 0;) {
          displayed.set(f64[(at >> 1) + ORDER_ID_F64]!, at);
          at = i32[at + ORDER_NEXT]!;
        }
      }
      for (const { head } of [...this.book.levelsOf(bookOf(index, bit))]) {
        for (let at = head; at !== undefined;) {
          const { next } = at;
          this.#compareOne(at, displayed.get(at.id) ?? 0);
          at = next;
        }
      }
      this.#showSide(this.#instruments[index], bit);
    }
  }

  /** True if receivers have the order where it is, with as many lots. */
  #compareOne(shown: ShownOrder, order: number): boolean {
    const lots = order === 0 ? 0 : this.#lotsOf(order);
    if (lots === 0) this.#delete(shown);
    else if (
      shown.lots < lots || shown.level.price !== this.#priceOf(order)
    ) this.#take(shown);
    else {
      if (shown.lots > lots) this.#reduce(shown, lots);
      return true;
    }
    return false;
  }

  /** The record of an order that was touched; 0 = it lives no more. */
  #find({ id, session, reference }: Touched): number {
    this.#reference[0] = reference;
    const order = this.#exchange.findOrder(session, this.#reference, 0);
    if (order === 0) return 0;
    const { f64 } = this.#exchange.book;
    return f64[(order >> 1) + ORDER_ID_F64] === id ? order : 0;
  }

  /** Lots of an order that the public may see and that a message can tell. */
  #lotsOf(order: number): number {
    const { book } = this.#exchange;
    const { i32, f64 } = book;
    const level = i32[order + ORDER_LEVEL]!;
    if (level === 0 || i32[level + LEVEL_KEY] === KEY_MARKET) return 0;
    let lots = f64[(order >> 1) + ORDER_LEAVES_F64]!;
    if ((i32[order + ORDER_OWNER]! & ORDER_TERMS_BIT) !== 0) {
      const terms = book.termsOf(order);
      if (i32[terms + TERMS_WHERE] !== Where.DISPLAYED) return 0;
      if (f64[(terms >> 1) + TERMS_DISPLAY_F64] !== 0) {
        lots = f64[(terms >> 1) + TERMS_SHOWN_F64]!;
      }
    }
    const instrument = this.#instruments[i32[order + ORDER_KIND]! & 0xffff];
    if (instrument === undefined) return 0;
    const tellable = isU32(this.#priceOf(order) * instrument.priceUnits) &&
      lots * instrument.lotShares <= U32_MAX;
    return tellable ? lots : 0;
  }

  /** Ticks of the level that an order rests in. */
  #priceOf(order: number): number {
    const { i32 } = this.#exchange.book;
    const bit = (i32[order + ORDER_KIND]! >>> 16 & 0xff) - 1;
    return i32[i32[order + ORDER_LEVEL]! + LEVEL_KEY]! ^ (bit - 1);
  }

  /**
   * Brings the queue of a price in order. From the end on, it looks for the
   * last order that is as it was; all behind the first that is not are shown
   * anew, because a new order is always the last one.
   *
   * @param absent Orders in the level that receivers do not have.
   */
  #align(level: number, absent: number): void {
    const { i32, f64 } = this.#exchange.book;
    let order = i32[level + LEVEL_TAIL]!;
    if (order === 0) return;
    const bit = (i32[order + ORDER_KIND]! >>> 16 & 0xff) - 1;
    const book = bookOf(i32[order + ORDER_KIND]! & 0xffff, bit);
    let last = this.book.tailOf(book, this.#priceOf(order));
    const queue: number[] = [];
    let anew = 0;
    for (; order !== 0; order = i32[order + ORDER_PREVIOUS]!) {
      if (this.#lotsOf(order) === 0) continue;
      const id = f64[(order >> 1) + ORDER_ID_F64]!;
      queue.push(order);
      if (last?.id === id) {
        last = last.previous;
        if (absent === 0 && !this.#touched.has(id)) break;
        continue;
      }
      anew = queue.length;
      const shown = this.book.find(id);
      if (shown === undefined) absent--;
      else this.#take(shown);
    }
    while (anew > 0) this.#show(queue[--anew]!);
  }

  /** Brings each queue of a side in order. */
  #showSide(instrument: FeedInstrument | undefined, bit: number): void {
    const { book } = this.#exchange;
    if (instrument === undefined || !book.isDefined(instrument.index)) return;
    const side = book.sideOf(instrument.index, bit);
    for (
      let level = book.i32[side + SIDE_BEST]!;
      level !== 0;
      level = book.nextLevel(side, level)
    ) this.#align(level, Infinity);
  }

  /** Receivers get the order as the last of its price: A, or U if they have it. */
  #show(order: number): void {
    const { i32, f64 } = this.#exchange.book;
    const id = f64[(order >> 1) + ORDER_ID_F64]!;
    const shown = this.book.find(id);
    if (shown !== undefined) this.#take(shown);
    const kind = i32[order + ORDER_KIND]!;
    const instrument = this.#instruments[kind & 0xffff]!;
    const bit = (kind >>> 16 & 0xff) - 1;
    const price = this.#priceOf(order);
    const lots = this.#lotsOf(order);
    const before = this.#moved.get(id);
    const { lotShares, priceUnits, stock } = instrument;
    const encoder = this.#encoder;
    encoder.locate = instrument.index + 1;
    const reference = this.#referenceOf(id);
    this.#send(() =>
      before === undefined
        ? encoder.add(
          reference,
          bit,
          lots * lotShares,
          stock,
          price * priceUnits,
        )
        : encoder.replace(
          before,
          reference,
          lots * lotShares,
          price * priceUnits,
        )
    );
    this.#moved.delete(id);
    this.book.append(id, reference, bookOf(instrument.index, bit), price, lots);
  }

  /** An order's id is its number, the first time. */
  #referenceOf(id: number): number {
    const first = this.#sequence === 0 || this.#sequence === id;
    return first ? id : this.#fresh++;
  }

  /** It will be shown anew: out of our queue, receivers are told then. */
  #take(shown: ShownOrder): void {
    this.#moved.set(shown.id, shown.reference);
    this.book.remove(shown);
  }

  #delete(shown: ShownOrder): void {
    this.#encoder.locate = (shown.level.book >>> 1) + 1;
    this.#send(() => this.#encoder.delete(shown.reference));
    this.book.remove(shown);
  }

  /** Fewer lots in its place. */
  #reduce(shown: ShownOrder, lots: number): void {
    const index = shown.level.book >>> 1;
    const less = (shown.lots - lots) * this.#instruments[index]!.lotShares;
    this.#encoder.locate = index + 1;
    this.#send(() => this.#encoder.cancel(shown.reference, less));
    shown.lots = lots;
  }
}

/** A number that a field of four bytes can hold, and not 0. */
function isU32(value: number): boolean {
  return value > 0 && value <= U32_MAX;
}

/** Trading state of an ITCH trading action. */
function actionOf(state: number): number {
  switch (state) {
    case TradingState.OPEN:
      return ASCII.T;
    case TradingState.HALT:
    case TradingState.CANCEL_ONLY:
    case TradingState.CLOSED:
      return ASCII.H;
    case TradingState.PAUSE:
      return ASCII.P;
    default:
      return ASCII.Q;
  }
}

/** Text of an event, up to its first zero. */
function textOf(u8: Uint8Array, at: number): string {
  let text = "";
  for (let i = 0; i < 60 && u8[at + i] !== 0; i++) {
    text += String.fromCharCode(u8[at + i]!);
  }
  return text;
}
