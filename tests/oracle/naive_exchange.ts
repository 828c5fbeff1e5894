// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the exchange should do, said as plainly as possible: maps, arrays,
 * objects and BigInt sums. Slow on purpose. It shares the record codes with
 * the engine and nothing else, so that a mistake in one shows against the
 * other. Written from `docs/matching.md`; each file beside has a part of it.
 *
 * ```
 * naive_exchange ─▶ requests, mass ─▶ checks ─▶ form, risk
 *        │               └─▶ placing ─▶ book, events
 *        └─▶ states ─▶ auction, settling ─▶ placing
 * ```
 *
 * @module
 */
import {
  CommandKind,
  EventKind,
  InstrumentSetting,
} from "../../engine/record/mod.ts";
import {
  type TestCommand,
  type TestEvent,
  timeOf,
} from "../exchange/support.ts";
import { sideOf } from "./book.ts";
import { echoSession } from "./events.ts";
import { kill, massCancel } from "./mass.ts";
import {
  cancelOrder,
  newOrder,
  orderStatus,
  reduceOrder,
  refused,
  replaceOrder,
} from "./requests.ts";
import { finish, runTimers, setState } from "./states.ts";
import { setTicks } from "./ticks.ts";
import {
  LARGEST,
  type NaiveCapacity,
  type NaiveInstrument,
  type NaiveOrder,
  type NaiveSession,
  newInstrument,
  PRICE_MAX,
  World,
} from "./world.ts";

export type { NaiveOrder } from "./world.ts";

/** The oracle. */
export class NaiveExchange {
  readonly world: World;

  /** @param capacity Orders that fit, or how much of everything. */
  constructor(capacity: number | NaiveCapacity) {
    this.world = new World(
      typeof capacity === "number" ? { ordersMax: capacity } : capacity,
    );
  }

  get instruments(): ReadonlyMap<number, NaiveInstrument> {
    return this.world.instruments;
  }

  /** Live orders. */
  get ordersOpen(): number {
    return this.world.live.size;
  }

  get trades(): number {
    return this.world.trades;
  }

  session(index: number): NaiveSession {
    return this.world.session(index);
  }

  /** All orders of a side, both halves, in priority. */
  orders(instrument: number, side: number): NaiveOrder[] {
    return sideOf(this.world.instrument(instrument), side);
  }

  /** Takes a command; returns the events that must come of it. */
  apply(command: TestCommand, sequence: number): TestEvent[] {
    const { world } = this;
    world.events = [];
    world.command = command;
    world.sequence = sequence;
    world.now = timeOf(command, sequence);
    world.subject = undefined;
    const session = world.session(world.asker);
    session.inSequence = Math.max(session.inSequence, command.inSequence ?? 0);
    runTimers(world);
    this.#dispatch(command, session);
    for (const index of [...world.touched].sort((a, b) => a - b)) {
      finish(world, world.instrument(index));
    }
    return world.events;
  }

  #dispatch(command: TestCommand, session: NaiveSession): void {
    const { world } = this;
    switch (command.kind) {
      case CommandKind.NEW_ORDER:
        return newOrder(world);
      case CommandKind.CANCEL_ORDER:
        return cancelOrder(world);
      case CommandKind.REPLACE_ORDER:
        return replaceOrder(world);
      case CommandKind.REDUCE_ORDER:
        return reduceOrder(world);
      case CommandKind.ORDER_STATUS:
        return orderStatus(world);
      case CommandKind.REFUSED:
        return refused(world);
      case CommandKind.MASS_CANCEL:
        return massCancel(world);
      case CommandKind.KILL:
        return kill(world);
      case CommandKind.SET_STATE:
        return setState(world);
      case CommandKind.SESSION_LOGON:
        if (command.detail === 1) {
          session.outSequence = 0;
          session.inSequence = command.inSequence ?? 0;
        }
        return echoSession(world, EventKind.LOGGED_ON, false);
      case CommandKind.SESSION_MESSAGE:
        return echoSession(world, EventKind.SESSION_MESSAGE, true);
      default:
        return this.#define(command);
    }
  }

  /** Commands that set something. */
  #define(command: TestCommand): void {
    const { world } = this;
    const { instrument = 0, quantity = 0, reference = 0 } = command;
    switch (command.kind) {
      case CommandKind.DEFINE_INSTRUMENT:
        if (!world.instruments.has(instrument)) {
          world.instruments.set(instrument, newInstrument(instrument));
        }
        return;
      case CommandKind.DEFINE_LIMITS: {
        const book = world.instrument(instrument);
        book.quantityMax = quantity || LARGEST;
        book.notionalMax = reference || LARGEST;
        return;
      }
      case CommandKind.DEFINE_CAPACITY:
        world.ordersMax = quantity;
        world.specialMax = reference || quantity;
        return;
      case CommandKind.SET_TICKS: {
        const { detail = 0, price = 0, reason = 0 } = command;
        setTicks(world.instrument(instrument), detail, price, reason);
        return world.touch(instrument);
      }
      case CommandKind.SET_INSTRUMENT:
        this.#setInstrument(command, world.instrument(instrument));
        return world.touch(instrument);
      default:
        return this.#defineOwner(command);
    }
  }

  /** Commands about sessions and accounts. */
  #defineOwner(command: TestCommand): void {
    const { world } = this;
    const { reason: index = 0, instrument = 0, detail = 0 } = command;
    const { price = 0, quantity = 0, reference = 0 } = command;
    const account = world.accounts.get(index);
    switch (command.kind) {
      case CommandKind.DEFINE_ACCOUNT:
        if (index === 0 || index >= world.accountsMax) return;
        if (account !== undefined) account.group = price;
        else {
          world.accounts.set(index, {
            group: price,
            hard: [0, 0, 0, 0],
            soft: [0, 0, 0, 0],
            net: new Map(),
            restricted: new Set(),
            blocks: new Set(),
          });
        }
        return;
      case CommandKind.SET_ACCOUNT_LIMIT:
        if (account === undefined || detail > 3) return;
        account.hard[detail] = quantity;
        account.soft[detail] = reference;
        return;
      case CommandKind.SET_RESTRICTION:
        if (detail === 1) account?.restricted.add(instrument);
        else account?.restricted.delete(instrument);
        return;
      case CommandKind.SET_SESSION: {
        const session = world.session(world.asker);
        if (!this.#isSession(command, session)) return;
        session.account = index;
        session.stpMode = detail & 0xf;
        session.stpScope = detail >>> 4;
        session.group = price;
        session.messagesMax = quantity;
        session.interval = reference;
        return;
      }
    }
  }

  /** SET_SESSION: what can not be is not set. */
  #isSession(command: TestCommand, session: NaiveSession): boolean {
    const { world } = this;
    const { reason: account = 0, detail = 0 } = command;
    if (account !== 0 && !world.accounts.has(account)) return false;
    if ((detail & 0xf) > 5 || detail >>> 4 > 2) return false;
    // Open orders count for the account that they were entered for.
    const live = [...world.live.values()]
      .some((order) => order.session === world.asker);
    return account === session.account || !live;
  }

  /** SET_INSTRUMENT: what is out of range is not set. */
  #setInstrument(command: TestCommand, book: NaiveInstrument): void {
    const { price = 0, quantity = 0, reference = 0 } = command;
    const whole = Number.isInteger(quantity) && quantity >= 0;
    const ticks = whole && quantity <= PRICE_MAX;
    switch (command.detail ?? 0) {
      case InstrumentSetting.REFERENCE_PRICE:
        if (price >= 0) book.reference = price;
        return;
      case InstrumentSetting.PRICE_COLLAR:
        if (ticks) book.priceCollar = quantity;
        return;
      case InstrumentSetting.MARKET_COLLAR:
        if (ticks) book.marketCollar = quantity;
        return;
      case InstrumentSetting.PRICE_BAND:
        if (!ticks || price < 0 || price > quantity) return;
        book.bandLow = price;
        book.bandHigh = quantity;
        return;
      case InstrumentSetting.VOLATILITY:
        if (!ticks || reference < 0) return;
        book.volatilityRange = quantity;
        book.volatilityTime = reference;
        return;
      case InstrumentSetting.LOT_STEP:
        if (whole) book.lotStep = quantity || 1;
        return;
      case InstrumentSetting.GROUP:
        if (ticks) book.group = quantity;
        return;
    }
  }
}
