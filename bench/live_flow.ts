// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A flow that keeps a given number of orders in the book: first as many
 * resting orders, then 45 % new ones, 45 % cancels of any live order and 10 %
 * that trade. Distances from the middle are drawn so that each doubling of
 * the distance gets as many orders: dense at the touch, thin far out.
 *
 * Which orders live is asked of an exchange that runs the flow while it is
 * made. Seeded, the same each time. Allocates as it likes.
 *
 * @module
 */
import * as record from "../engine/record/mod.ts";
import type { SpscRing } from "../engine/ring/mod.ts";
import { COMMAND_TERMS_BYTES, Commands, type Terms } from "./commands.ts";
import {
  EVERYTHING,
  ExchangeRig,
  FLOW_SEQUENCE,
  sessionOf,
} from "./exchange_rig.ts";
import { MIX_RECORD_WORDS, MixType } from "./standard_mix.ts";

const { EventKind, OrdType } = record;
const TRADING_PERCENT = 10;
const QUANTITY_MAX = 100;
/** How far a trading order's limit goes beyond the middle. */
const REACH_TICKS = 100;
/** Prices of a page of the price index, and pages for the edges. */
const PAGE_PRICES = 256;
const SPARE_PAGES = 64;
/** Of the orders with terms: icebergs, the others are stops. */
const ICEBERG_PERCENT = 75;

/** What flow to make. */
export interface FlowOptions {
  /** Orders that live. */
  readonly live: number;
  /** Prices that they spread over. */
  readonly prices: number;
  /** Commands after the first `live`. */
  readonly messages: number;
  /** Percent of new orders that are icebergs (mostly) or stops. */
  readonly specialPercent: number;
}

/** A flow; the first `live` commands fill the book. */
export interface Flow {
  readonly options: FlowOptions;
  readonly commands: Commands;
  /** Bytes of the commands that fill the book. */
  readonly fillCount: number;
  /** The same as records of the standard mix, if no order has terms. */
  readonly records: Uint32Array;
  readonly rig: ExchangeRig;
}

/** Live orders with random access, by id. */
class Live {
  readonly ids: number[] = [];
  readonly #places: Int32Array;

  constructor(idsMax: number) {
    this.#places = new Int32Array(idsMax + 1).fill(-1);
  }

  add(id: number): void {
    if (this.#places[id] !== -1) return;
    this.#places[id] = this.ids.length;
    this.ids.push(id);
  }

  drop(id: number): void {
    const place = this.#places[id]!;
    if (place === -1) return;
    const last = this.ids.pop()!;
    this.#places[id] = -1;
    if (last === id) return;
    this.ids[place] = last;
    this.#places[last] = place;
  }
}

/** Makes flows step by step. */
class Maker {
  readonly commands: Commands;
  readonly rig: ExchangeRig;
  readonly records: Uint32Array;
  readonly #options: FlowOptions;
  readonly #live: Live;
  readonly #sides: Uint8Array;
  readonly #prices: Int32Array;
  readonly #mid: number;
  #state = 2463534242;
  #id = 0;
  #count = 0;

  constructor(options: FlowOptions) {
    const total = options.live + options.messages;
    this.#options = options;
    this.#mid = options.prices + 2 * REACH_TICKS;
    this.#live = new Live(total);
    this.#sides = new Uint8Array(total + 1);
    this.#prices = new Int32Array(total + 1);
    this.records = new Uint32Array(total * MIX_RECORD_WORDS);
    this.commands = new Commands(
      total * (options.specialPercent > 0 ? COMMAND_TERMS_BYTES : 64),
      FLOW_SEQUENCE,
    );
    this.rig = new ExchangeRig({
      instruments: 1,
      ordersMax: Math.ceil(options.live * 1.1) + 1000,
      ...(options.specialPercent === 0 ? { specialMax: 1 } : {}),
      pagesMax: 2 * Math.ceil(options.prices / PAGE_PRICES) + SPARE_PAGES,
      rules: EVERYTHING,
      reference: this.#mid,
    });
    this.rig.prepare();
    this.rig.listen((ring, byte) => this.#hear(ring, byte));
  }

  fill(): void {
    for (let i = 0; i < this.#options.live; i++) this.#add();
    this.rig.settle();
  }

  step(): void {
    const live = this.#live.ids;
    if (this.#draw(100) < TRADING_PERCENT) this.#trade();
    else if (live.length <= this.#options.live) this.#add();
    else this.#cancel(live[this.#draw(live.length)]!);
  }

  #add(): void {
    const bit = this.#draw(2);
    const reach = this.#options.prices / 2;
    const away = Math.floor(reach ** (this.#draw(1 << 30) / (1 << 30)));
    const special = this.#options.specialPercent;
    const chosen = special > 0 && this.#draw(100) < special;
    const stop = chosen && this.#draw(100) >= ICEBERG_PERCENT;
    const sign = bit === 0 ? -1 : 1;
    if (stop) {
      // Beyond the reach of all trades: it waits until it is canceled.
      const price = this.#mid - sign * (REACH_TICKS + away);
      this.#order(bit, price, { stopPrice: price }, OrdType.STOP_LIMIT);
    } else {
      this.#order(
        bit,
        this.#mid + sign * away,
        chosen ? { displayQuantity: 10 } : undefined,
      );
    }
  }

  #trade(): void {
    const bit = this.#draw(2);
    const sign = bit === 0 ? 1 : -1;
    this.#order(bit, this.#mid + sign * REACH_TICKS, undefined);
  }

  #order(
    bit: number,
    price: number,
    terms: Terms | undefined,
    type: number = OrdType.LIMIT,
  ): void {
    const id = ++this.#id;
    const least = terms === undefined ? 1 : 20;
    const quantity = least + this.#draw(QUANTITY_MAX);
    this.#sides[id] = bit;
    this.#prices[id] = price;
    this.#record(MixType.ADD, bit, id, price, quantity);
    const from = this.commands.bytes;
    this.commands.newOrder({
      session: sessionOf(bit, id, 1),
      reference: id,
      side: bit + 1,
      type,
      price,
      quantity,
      ...(terms === undefined ? {} : { terms }),
    });
    this.#apply(from);
  }

  #cancel(id: number): void {
    const bit = this.#sides[id]!;
    this.#record(MixType.CANCEL, bit, id, this.#prices[id]!, 1);
    const from = this.commands.bytes;
    this.commands.cancel({
      session: sessionOf(bit, id, 1),
      reference: id,
      side: bit + 1,
    });
    this.#apply(from);
  }

  #apply(from: number): void {
    this.rig.exchange.apply(this.commands, from);
    this.rig.settle();
  }

  #record(
    type: number,
    bit: number,
    id: number,
    price: number,
    quantity: number,
  ): void {
    const at = this.#count++ * MIX_RECORD_WORDS;
    this.records.set([type | bit << 8, id, price, quantity], at);
  }

  #hear(ring: SpscRing, byte: number): void {
    const kind = ring.u8[byte + record.EVT_KIND_U8]!;
    const id = ring.f64[(byte >> 3) + record.EVT_REFERENCE_F64]!;
    const leaves = ring.f64[(byte >> 3) + record.EVT_LEAVES_F64]!;
    if (kind === EventKind.ACCEPTED) this.#live.add(id);
    else if (kind === EventKind.CANCELED) this.#live.drop(id);
    else if (kind === EventKind.FILLED) {
      if (leaves === 0) this.#live.drop(id);
    } else if (kind !== EventKind.TRIGGERED) {
      throw new Error(`Order ${id}: an event of kind ${kind}`);
    }
  }

  #draw(below: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % below;
  }
}

/** Makes a flow. */
export function makeFlow(options: FlowOptions): Flow {
  const maker = new Maker(options);
  maker.fill();
  const fillCount = maker.commands.count;
  for (let i = 0; i < options.messages; i++) maker.step();
  const { commands, records, rig } = maker;
  return { options, commands, fillCount, records, rig };
}
