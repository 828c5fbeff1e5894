// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the exchange should do, said as plainly as possible: maps, arrays,
 * objects and BigInt sums. Slow on purpose. It shares the record codes with
 * the engine and nothing else, so that a mistake in one shows against the
 * other.
 *
 * @module
 */
import {
  CommandKind,
  EventKind,
  OrdStatus,
  OrdType,
  Reason,
  Side,
  TimeInForce,
} from "../../engine/record/mod.ts";
import type { TestCommand, TestEvent } from "../exchange/support.ts";

const LARGEST = 2n ** 53n - 1n;

/** One order as the oracle sees it. */
export interface NaiveOrder {
  id: number;
  session: number;
  reference: number;
  instrument: number;
  side: number;
  ordType: number;
  timeInForce: number;
  price: number;
  quantity: number;
  leaves: number;
  notional: number;
  clOrdId: string | undefined;
}

interface NaiveInstrument {
  /** Price to queue, oldest first. */
  bids: Map<number, NaiveOrder[]>;
  asks: Map<number, NaiveOrder[]>;
  quantityMax: number;
  notionalMax: number;
}

interface NaiveSession {
  outSequence: number;
  inSequence: number;
}

/** The oracle. */
export class NaiveExchange {
  readonly instruments = new Map<number, NaiveInstrument>();
  readonly #live = new Map<string, NaiveOrder>();
  readonly #sessions = new Map<number, NaiveSession>();
  readonly #ordersMax: number;
  #trades = 0;
  #events: TestEvent[] = [];
  #command: TestCommand = { kind: 0 };
  #sequence = 0;

  constructor(ordersMax: number) {
    this.#ordersMax = ordersMax;
  }

  /** Orders in the books. */
  get ordersOpen(): number {
    return this.#live.size;
  }

  get trades(): number {
    return this.#trades;
  }

  session(index: number): NaiveSession {
    let session = this.#sessions.get(index);
    if (session === undefined) {
      session = { outSequence: 0, inSequence: 0 };
      this.#sessions.set(index, session);
    }
    return session;
  }

  /** Prices of a side, best first. */
  prices(instrument: number, side: number): number[] {
    const book = this.instruments.get(instrument);
    if (book === undefined) return [];
    return side === Side.BUY
      ? [...book.bids.keys()].sort((a, b) => b - a)
      : [...book.asks.keys()].sort((a, b) => a - b);
  }

  /** All orders of a side, best price first, then oldest first. */
  orders(instrument: number, side: number): NaiveOrder[] {
    return this.prices(instrument, side).flatMap((price) =>
      this.#queues(instrument, side).get(price) ?? []
    );
  }

  /** Takes a command; returns the events that must come of it. */
  apply(command: TestCommand, sequence: number): TestEvent[] {
    this.#events = [];
    this.#command = command;
    this.#sequence = sequence;
    const session = this.session(command.session ?? 1);
    session.inSequence = Math.max(
      session.inSequence,
      command.inSequence ?? 0,
    );
    switch (command.kind) {
      case CommandKind.NEW_ORDER:
        this.#new();
        break;
      case CommandKind.CANCEL_ORDER:
        this.#cancel();
        break;
      case CommandKind.REPLACE_ORDER:
        this.#replace();
        break;
      case CommandKind.ORDER_STATUS:
        this.#status();
        break;
      case CommandKind.REFUSED:
        this.#refused();
        break;
      case CommandKind.DEFINE_INSTRUMENT:
        if (!this.instruments.has(command.instrument ?? 0)) {
          this.instruments.set(command.instrument ?? 0, {
            bids: new Map(),
            asks: new Map(),
            quantityMax: Number(LARGEST),
            notionalMax: Number(LARGEST),
          });
        }
        break;
      case CommandKind.DEFINE_LIMITS: {
        const book = this.instruments.get(command.instrument ?? 0)!;
        book.quantityMax = command.quantity || Number(LARGEST);
        book.notionalMax = command.reference || Number(LARGEST);
        break;
      }
      case CommandKind.SESSION_LOGON:
        if (command.detail === 1) {
          session.outSequence = 0;
          session.inSequence = command.inSequence ?? 0;
        }
        this.#echo(EventKind.LOGGED_ON, false);
        break;
      case CommandKind.SESSION_MESSAGE:
        this.#echo(EventKind.SESSION_MESSAGE, true);
        break;
    }
    return this.#events;
  }

  #queues(instrument: number, side: number): Map<number, NaiveOrder[]> {
    const book = this.instruments.get(instrument)!;
    return side === Side.BUY ? book.bids : book.asks;
  }

  #find(reference: number): NaiveOrder | undefined {
    return this.#live.get(`${this.#command.session ?? 1}/${reference}`);
  }

  #key(order: NaiveOrder): string {
    return `${order.session}/${order.reference}`;
  }

  #new(): void {
    const c = this.#command;
    const reason = this.#judgeNew();
    if (reason !== Reason.NONE) {
      this.#answer(EventKind.REJECTED, 1, reason, undefined);
      return;
    }
    const market = c.ordType === OrdType.MARKET;
    const order: NaiveOrder = {
      id: this.#sequence,
      session: c.session ?? 1,
      reference: c.reference ?? 0,
      instrument: c.instrument ?? 0,
      side: c.side ?? 0,
      ordType: c.ordType ?? 0,
      timeInForce: c.timeInForce ?? 0,
      price: market ? 0 : c.price ?? 0,
      quantity: c.quantity ?? 0,
      leaves: c.quantity ?? 0,
      notional: 0,
      clOrdId: c.clOrdId,
    };
    this.#tell(EventKind.ACCEPTED, order, OrdStatus.NEW, {});
    this.#place(order);
  }

  #judgeQuantity(quantity: number): Reason {
    if (Number.isNaN(quantity) || quantity <= 0) return Reason.INVALID_QUANTITY;
    if (quantity > Number(LARGEST)) return Reason.QUANTITY_TOO_LARGE;
    return Number.isInteger(quantity) ? Reason.NONE : Reason.QUANTITY_OFF_LOT;
  }

  #judgeRisk(instrument: number, quantity: number, price: number): Reason {
    const book = this.instruments.get(instrument)!;
    if (quantity > book.quantityMax) return Reason.MAX_QUANTITY;
    const notional = BigInt(quantity) * BigInt(price);
    return notional > BigInt(book.notionalMax)
      ? Reason.MAX_NOTIONAL
      : Reason.NONE;
  }

  #judgeNew(): Reason {
    const c = this.#command;
    const instrument = c.instrument ?? 0;
    if (!this.instruments.has(instrument)) return Reason.UNKNOWN_INSTRUMENT;
    if (c.side !== Side.BUY && c.side !== Side.SELL) return Reason.INVALID_SIDE;
    const limit = c.ordType === OrdType.LIMIT;
    if (!limit && c.ordType !== OrdType.MARKET) return Reason.INVALID_ORD_TYPE;
    if (!([0, 1, 3, 4].includes(c.timeInForce ?? 0))) {
      return Reason.INVALID_TIME_IN_FORCE;
    }
    const other = c.side === Side.BUY ? Side.SELL : Side.BUY;
    const price = limit ? c.price ?? 0 : this.prices(instrument, other)[0] ?? 0;
    if (limit && price <= 0) return Reason.INVALID_PRICE;
    const quantity = c.quantity ?? 0;
    const wrong = this.#judgeQuantity(quantity);
    if (wrong !== Reason.NONE) return wrong;
    const risky = this.#judgeRisk(instrument, quantity, price);
    if (risky !== Reason.NONE) return risky;
    if (this.#find(c.reference ?? 0) !== undefined) {
      return Reason.DUPLICATE_ORDER;
    }
    const stays = limit &&
      (c.timeInForce === TimeInForce.DAY || c.timeInForce === TimeInForce.GTC);
    if (!stays) return Reason.NONE;
    if (this.#live.size >= this.#ordersMax) return Reason.ORDER_CAPACITY;
    return this.#judgeRoom(instrument, c.side, price, quantity, undefined);
  }

  #judgeRoom(
    instrument: number,
    side: number,
    price: number,
    leaves: number,
    own: NaiveOrder | undefined,
  ): Reason {
    if (side === Side.SELL && price === 2 ** 31 - 1) {
      return Reason.PRICE_OUT_OF_RANGE;
    }
    let sum = BigInt(leaves);
    for (const order of this.#queues(instrument, side).get(price) ?? []) {
      if (order !== own) sum += BigInt(order.leaves);
    }
    return sum > LARGEST ? Reason.QUANTITY_TOO_LARGE : Reason.NONE;
  }

  #place(order: NaiveOrder): void {
    const other = order.side === Side.BUY ? Side.SELL : Side.BUY;
    const reachable = (price: number) =>
      order.ordType === OrdType.MARKET ||
      (order.side === Side.BUY ? price <= order.price : price >= order.price);
    const queues = this.#queues(order.instrument, other);
    if (order.timeInForce === TimeInForce.FOK) {
      let there = 0n;
      for (const [price, queue] of queues) {
        if (!reachable(price)) continue;
        for (const maker of queue) there += BigInt(maker.leaves);
      }
      if (there < BigInt(order.leaves)) {
        this.#end(order, Reason.FOK_NOT_FILLABLE);
        return;
      }
    }
    for (const price of this.prices(order.instrument, other)) {
      if (order.leaves === 0 || !reachable(price)) break;
      const queue = queues.get(price)!;
      while (queue.length > 0 && order.leaves > 0) {
        this.#trade(queue[0]!, order);
        if (queue[0]!.leaves === 0) {
          this.#live.delete(this.#key(queue.shift()!));
        }
      }
      if (queue.length === 0) queues.delete(price);
    }
    if (order.leaves === 0) return;
    if (order.ordType === OrdType.MARKET) {
      this.#end(order, Reason.NO_LIQUIDITY);
    } else if (order.timeInForce === TimeInForce.IOC) {
      this.#end(order, Reason.IOC_REMAINDER);
    } else {
      const own = this.#queues(order.instrument, order.side);
      if (!own.has(order.price)) own.set(order.price, []);
      own.get(order.price)!.push(order);
      this.#live.set(this.#key(order), order);
    }
  }

  #trade(maker: NaiveOrder, taker: NaiveOrder): void {
    const quantity = Math.min(maker.leaves, taker.leaves);
    this.#trades++;
    for (const order of [maker, taker]) {
      order.leaves -= quantity;
      order.notional += quantity * maker.price;
      this.#tell(
        EventKind.FILLED,
        order,
        order.leaves === 0 ? OrdStatus.FILLED : OrdStatus.PARTIALLY_FILLED,
        {
          lastPrice: maker.price,
          lastQuantity: quantity,
          match: this.#trades,
          aggressor: order === taker ? 1 : 0,
          ...(order === maker ? { inSequence: 0 } : {}),
        },
      );
    }
  }

  #end(order: NaiveOrder, reason: Reason): void {
    this.#tell(EventKind.CANCELED, order, OrdStatus.CANCELED, {
      reason,
      leaves: 0,
    });
  }

  #takeOut(order: NaiveOrder): void {
    const queues = this.#queues(order.instrument, order.side);
    const queue = queues.get(order.price)!;
    queue.splice(queue.indexOf(order), 1);
    if (queue.length === 0) queues.delete(order.price);
    this.#live.delete(this.#key(order));
  }

  #mismatch(order: NaiveOrder): Reason {
    const c = this.#command;
    const instrument = c.instrument ?? 0;
    if (instrument !== 0xffff && instrument !== order.instrument) {
      return Reason.INSTRUMENT_MISMATCH;
    }
    const side = c.side ?? 0;
    return side !== 0 && side !== order.side
      ? Reason.SIDE_MISMATCH
      : Reason.NONE;
  }

  #cancel(): void {
    const order = this.#find(this.#command.reference ?? 0);
    const reason = order === undefined
      ? Reason.UNKNOWN_ORDER
      : this.#mismatch(order);
    if (order === undefined || reason !== Reason.NONE) {
      this.#answer(EventKind.CANCEL_REJECTED, 2, reason, order);
      return;
    }
    this.#takeOut(order);
    this.#tell(EventKind.CANCELED, order, OrdStatus.CANCELED, {
      reason: Reason.CANCELED_BY_CLIENT,
      leaves: 0,
    }, true);
  }

  #judgeReplace(order: NaiveOrder): Reason {
    const c = this.#command;
    const mismatch = this.#mismatch(order);
    if (mismatch !== Reason.NONE) return mismatch;
    const price = c.price ?? 0;
    const quantity = c.quantity ?? 0;
    if (price <= 0) return Reason.INVALID_PRICE;
    const wrong = this.#judgeQuantity(quantity);
    if (wrong !== Reason.NONE) return wrong;
    const filled = order.quantity - order.leaves;
    if (quantity <= filled) return Reason.QUANTITY_BELOW_FILLED;
    const risky = this.#judgeRisk(order.instrument, quantity, price);
    if (risky !== Reason.NONE) return risky;
    const renamed = c.newReference ?? 0;
    if (
      renamed !== 0 && renamed !== order.reference &&
      this.#find(renamed) !== undefined
    ) return Reason.DUPLICATE_ORDER;
    return this.#judgeRoom(
      order.instrument,
      order.side,
      price,
      quantity - filled,
      order,
    );
  }

  #replace(): void {
    const c = this.#command;
    const order = this.#find(c.reference ?? 0);
    const reason = order === undefined
      ? Reason.UNKNOWN_ORDER
      : this.#judgeReplace(order);
    if (order === undefined || reason !== Reason.NONE) {
      this.#answer(EventKind.CANCEL_REJECTED, 3, reason, order);
      return;
    }
    const filled = order.quantity - order.leaves;
    const keeps = c.price === order.price && c.quantity! <= order.quantity;
    if (!keeps) this.#takeOut(order);
    this.#live.delete(this.#key(order));
    if (c.newReference) order.reference = c.newReference;
    order.price = c.price!;
    order.quantity = c.quantity!;
    order.leaves = c.quantity! - filled;
    if (c.clOrdId !== undefined) order.clOrdId = c.clOrdId;
    if (keeps) this.#live.set(this.#key(order), order);
    this.#tell(EventKind.REPLACED, order, this.#statusOf(order), {}, true);
    if (!keeps) this.#place(order);
  }

  #status(): void {
    const c = this.#command;
    const order = this.#find(c.reference ?? 0);
    if (order === undefined) {
      this.#answer(
        EventKind.STATUS,
        c.detail ?? 0,
        Reason.UNKNOWN_ORDER,
        undefined,
      );
      return;
    }
    this.#tell(
      EventKind.STATUS,
      order,
      this.#statusOf(order),
      { detail: c.detail ?? 0 },
      order.clOrdId === undefined,
    );
  }

  #refused(): void {
    const c = this.#command;
    const reason = c.reason as Reason;
    if (c.detail === 1) {
      this.#answer(EventKind.REJECTED, 1, reason, undefined);
      return;
    }
    const order = this.#find(c.reference ?? 0);
    this.#answer(EventKind.CANCEL_REJECTED, c.detail ?? 0, reason, undefined);
    if (order === undefined) return;
    const event = this.#events[0]!;
    event.orderId = order.id;
    event.leaves = order.leaves;
    event.cum = order.quantity - order.leaves;
    event.notional = order.notional;
    event.ordStatus = this.#statusOf(order);
  }

  #statusOf(order: NaiveOrder): number {
    return order.leaves === order.quantity
      ? OrdStatus.NEW
      : OrdStatus.PARTIALLY_FILLED;
  }

  /** An event about an order; `request` = with the request's texts if it has. */
  #tell(
    kind: number,
    order: NaiveOrder,
    ordStatus: number,
    more: Partial<TestEvent>,
    request = false,
  ): void {
    const c = this.#command;
    const asked = request && c.clOrdId !== undefined;
    const text = asked ? c.clOrdId : order.clOrdId;
    this.#emit({
      kind,
      session: order.session,
      instrument: order.instrument,
      side: order.side,
      ordType: order.ordType,
      timeInForce: order.timeInForce,
      price: order.price,
      quantity: order.quantity,
      orderId: order.id,
      reference: order.reference,
      leaves: order.leaves,
      cum: order.quantity - order.leaves,
      notional: order.notional,
      inSequence: c.inSequence ?? 0,
      ordStatus,
      ...(text === undefined ? {} : {
        flags: 1,
        clOrdId: text,
        text,
        origClOrdId: asked ? c.origClOrdId ?? "" : "",
      }),
      ...more,
    });
  }

  /** An answer made of the request's fields, or of the live order's. */
  #answer(
    kind: number,
    detail: number,
    reason: Reason,
    order: NaiveOrder | undefined,
  ): void {
    const c = this.#command;
    if (order !== undefined) {
      this.#tell(kind, order, this.#statusOf(order), { detail, reason }, true);
      const event = this.#events[0]!;
      if (c.clOrdId === undefined) {
        Object.assign(event, { flags: 0, clOrdId: "", text: "" });
      }
      return;
    }
    this.#emit({
      kind,
      detail,
      reason,
      session: c.session ?? 1,
      instrument: c.instrument ?? 0,
      side: c.side ?? 0,
      ordType: c.ordType ?? 0,
      timeInForce: c.timeInForce ?? 0,
      price: c.price ?? 0,
      quantity: c.quantity ?? 0,
      reference: c.reference ?? 0,
      inSequence: c.inSequence ?? 0,
      ordStatus: OrdStatus.REJECTED,
      ...(c.clOrdId === undefined ? {} : {
        flags: 1,
        clOrdId: c.clOrdId,
        origClOrdId: c.origClOrdId ?? "",
        text: c.clOrdId,
      }),
    });
  }

  #echo(kind: number, numbered: boolean): void {
    const c = this.#command;
    if (!numbered) this.session(c.session ?? 1).outSequence--;
    this.#emit({
      kind,
      session: c.session ?? 1,
      instrument: c.instrument ?? 0,
      side: c.side ?? 0,
      ordType: c.ordType ?? 0,
      timeInForce: c.timeInForce ?? 0,
      detail: c.detail ?? 0,
      reason: c.reason ?? 0,
      price: c.price ?? 0,
      quantity: c.quantity ?? 0,
      reference: c.reference ?? 0,
      inSequence: c.inSequence ?? 0,
      ...(c.text === undefined ? {} : {
        flags: 1,
        clOrdId: c.text.slice(0, 20),
        origClOrdId: c.text.slice(20, 40),
        text: c.text,
      }),
    });
  }

  #emit(fields: Partial<TestEvent> & { kind: number; session: number }): void {
    const session = this.session(fields.session);
    session.outSequence++;
    this.#events.push({
      index: this.#events.length,
      flags: 0,
      sequence: this.#sequence,
      time: 7 * 2 ** 32 + (this.#sequence * 1000) % 2 ** 32,
      outSequence: session.outSequence,
      instrument: 0,
      side: 0,
      ordType: 0,
      timeInForce: 0,
      detail: 0,
      reason: 0,
      price: 0,
      lastPrice: 0,
      quantity: 0,
      orderId: 0,
      reference: 0,
      leaves: 0,
      cum: 0,
      lastQuantity: 0,
      notional: 0,
      inSequence: 0,
      ordStatus: 0,
      aggressor: 0,
      match: 0,
      stopPrice: 0,
      account: 0,
      clOrdId: "",
      origClOrdId: "",
      text: "",
      ...fields,
    });
  }
}
