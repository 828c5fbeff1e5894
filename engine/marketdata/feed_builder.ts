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
import { INSTRUMENT_STATE } from "../book/mod.ts";
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
import {
  FeedAligner,
  type FeedInstrument,
  isU32,
  type Touched,
  U32_MAX,
} from "./feed_aligner.ts";
import { bookOf, type FeedBook } from "./feed_book.ts";

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

const E8_OF_PRICE_UNIT = 10_000;
const E8_OF_SHARE = 100_000_000;
const ASCII = { O: 0x4f, C: 0x43, H: 0x48, P: 0x50, Q: 0x51, T: 0x54 } as const;

/** Computes the feed. See the module's text. */
export class FeedBuilder {
  /** What receivers have. */
  readonly book: FeedBook;
  readonly #aligner: FeedAligner;
  readonly #exchange: Exchange;
  readonly #sink: FeedSink;
  readonly #encoder: ItchEncoder;
  readonly #instruments: FeedInstrument[] = [];
  readonly #touched = new Map<number, Touched>();
  #first: Fill | undefined;
  /**
   * Auctions that ended in this command, by instrument: price, cross type, and
   * what traded so far. That can be less than the event announces: an order that
   * trades takes away the one that it is linked with.
   */
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
    this.#aligner = new FeedAligner({
      exchange,
      instruments: this.#instruments,
      encoder: this.#encoder,
      send: this.#send,
    });
    this.book = this.#aligner.book;
  }

  /** Instruments that are known but can not be shown: their tick size is no multiple of 0.0001. */
  unshown(): number[] {
    return this.#instruments.filter((one) => one?.priceUnits === 0)
      .map(({ index }) => index);
  }

  /** Says what there is: a new session's first messages. Nothing is sent before. */
  start(timeLo: number, timeHi: number): void {
    this.#live = true;
    this.#aligner.sequence = 0;
    this.#encoder.timestampNs = itchTime(timeLo, timeHi);
    this.systemEvent(ASCII.O);
    for (const instrument of this.#instruments) {
      if (instrument === undefined) continue;
      const { book } = this.#exchange;
      const record = book.instrumentOf(instrument.index);
      instrument.state = book.i32[record + INSTRUMENT_STATE]!;
      this.#define(this.#encoder, instrument, this.#send);
      for (let bit = 0; bit < 2; bit++) this.#aligner.showSide(instrument, bit);
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
    this.#aligner.sequence = sequence;
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
    for (const index of this.#whole) this.#aligner.compareAll(index);
    this.#whole.clear();
    if (this.#touched.size === 0) return;
    this.#aligner.compare(this.#touched);
    this.#touched.clear();
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
    if (lots > 0) this.#crosses.set(index, { price, lots: 0, type, match: 0 });
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
      if (cross !== undefined) {
        cross.lots += fill.lots;
        cross.match = fill.match;
      }
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
