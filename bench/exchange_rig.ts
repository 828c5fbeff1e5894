// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A whole exchange on one thread, with the rules that a benchmark wants on:
 * commands in, events written to a ring and taken out of it.
 *
 * The memory of the exchange is on huge pages if there are any, as in the
 * appliance. Rules are set by commands before the flow begins, with limits
 * that are checked and never reached. `run()` is the part to time; everything
 * else is set-up or proof.
 *
 * A process should have one rig, as the appliance has one exchange: V8 then
 * knows the exchange's memory as constants. The rig never gives memory back:
 * V8 compiles accesses to typed arrays on the assumption that no buffer with
 * several views was ever detached, and they are slower from the first one on.
 *
 * ```
 *   Commands ──▶ Exchange ──▶ event ring ──▶ released unread, or told to a sink
 * ```
 *
 * @module
 */
import { allocate, type MemoryRegion } from "../ffi/mod.ts";
import {
  EventRing,
  Exchange,
  type ExchangeCapacity,
} from "../engine/exchange/mod.ts";
import * as record from "../engine/record/mod.ts";
import { SpscRing } from "../engine/ring/mod.ts";
import { Commands } from "./commands.ts";

const { AccountLimit, CommandKind, InstrumentSetting, Protocol } = record;

/** Slots of the event ring: 192 KiB, as a peer's ring of reports. */
export const EVENT_SLOTS = 1024;
/** Sequences of the first commands of a prelude and of a flow; what is before sets the rules. */
export const PRELUDE_SEQUENCE = 1 << 20;
export const FLOW_SEQUENCE = 1 << 23;
/** Sessions: 1 to this buy, as many after them sell. */
export const OWNERS_MAX = 16;
/** The session of preludes, and the one that empties the books for the proof. */
export const BYSTANDER = 2 * OWNERS_MAX + 1;
export const SWEEPER = BYSTANDER + 1;
const SESSIONS = SWEEPER + 1;
/** Limits that are checked and never reached. */
const NEVER = 2 ** 52;
const PRICE_MAX = 2_000_000_000;
const SECOND_NS = 1e9;
/** More than any book of a benchmark holds. */
const SWEEP_LOTS = 2 ** 31;
/** A route beyond the last ring. */
const NOWHERE = 255;

/** What the exchange has to do besides matching. */
export interface Rules {
  /** Events go to the ring; otherwise they are only numbered. */
  readonly events: boolean;
  /** Largest quantity and notional of an order, by instrument. */
  readonly limits: boolean;
  /** An account for each session: quantity, notional, open orders, position. */
  readonly accounts: boolean;
  /** Self-trade prevention: cancel oldest, between orders of one account. */
  readonly selfTrade: boolean;
  /** Messages of a session in a second. */
  readonly rate: boolean;
  /** Reference price and collars, for limit and market orders. */
  readonly collar: boolean;
  readonly band: boolean;
  /** Range beyond which trading is interrupted. */
  readonly volatility: boolean;
}

export const NOTHING: Rules = {
  events: false,
  limits: false,
  accounts: false,
  selfTrade: false,
  rate: false,
  collar: false,
  band: false,
  volatility: false,
};

export const EVERYTHING: Rules = {
  events: true,
  limits: true,
  accounts: true,
  selfTrade: true,
  rate: true,
  collar: true,
  band: true,
  volatility: true,
};

/** What a rig is made for. */
export interface RigOptions {
  readonly instruments: number;
  readonly ordersMax: number;
  /** Of them with terms; all if left out. */
  readonly specialMax?: number;
  readonly pagesMax?: number;
  readonly rules: Rules;
  /** Buying sessions, and as many that sell. 1 if left out. */
  readonly owners?: number;
  /** The price that collars and ranges refer to. */
  readonly reference: number;
  /** Ordinary memory, not touched before it is used; such a rig runs once. */
  readonly lazyMemory?: boolean;
  /** Commands after the definitions; not timed. They begin at `PRELUDE_SEQUENCE`. */
  readonly prelude?: Commands;
}

/** Hears of an event: the ring's consumer end and the event's first byte there. */
export type EventSink = (ring: SpscRing, byte: number) => void;

/** Session of an order: one of the buyers' for even sides, else of the sellers'. */
export function sessionOf(bit: number, id: number, owners: number): number {
  return 1 + bit * OWNERS_MAX + id % owners;
}

/** An exchange, its ring, and its rules. */
export class ExchangeRig {
  /** Events taken out of the ring since `prepare()`. */
  taken = 0;
  #sink: EventSink | undefined;
  readonly exchange: Exchange;
  readonly #options: RigOptions;
  readonly #region: MemoryRegion | undefined;
  readonly #ringMemory: MemoryRegion;
  readonly #routes = new Uint8Array(SESSIONS);
  readonly #consumer: SpscRing;
  /** State with the rules set and before the flow; nothing if it runs once. */
  readonly #fresh: Uint8Array | undefined;

  constructor(options: RigOptions) {
    this.#options = options;
    const bytes = Exchange.bytes(capacityOf(options));
    this.#region = options.lazyMemory
      ? undefined
      : allocate(bytes, { hugePages: true });
    this.#ringMemory = allocate(
      SpscRing.bytes(record.EVENT_SLOT_BYTES, EVENT_SLOTS),
      { hugePages: true },
    );
    const [producer, consumer] = (["producer", "consumer"] as const).map((
      side,
    ) =>
      new SpscRing(
        this.#ringMemory.buffer,
        0,
        record.EVENT_SLOT_BYTES,
        EVENT_SLOTS,
        side,
      )
    );
    this.#consumer = consumer!;
    this.exchange = new Exchange({
      ...capacityOf(options),
      memory: this.#region?.buffer ?? new ArrayBuffer(bytes),
      events: [new EventRing(producer!, () => this.#drain())],
      routes: this.#routes,
    });
    this.run(definitionsOf(options));
    if (options.prelude !== undefined) this.run(options.prelude);
    this.settle();
    if (!options.lazyMemory) {
      this.#fresh = this.exchange.snapshot();
      this.prepare();
    }
  }

  /** Whether the exchange's memory lies on huge pages. */
  get hugePages(): boolean {
    return this.#region?.hugePages ?? false;
  }

  /** The state before the flow: rules set, nothing in the books. */
  prepare(): void {
    this.#sink = undefined;
    this.settle();
    if (this.#fresh === undefined) throw new Error("This rig runs once");
    this.exchange.restore(this.#fresh);
    this.#routes.fill(this.#options.rules.events ? 0 : NOWHERE);
    this.taken = 0;
  }

  /**
   * For a proof: tells of all events from now on until `prepare()`, also if
   * the rules say that they go nowhere.
   */
  listen(sink: EventSink): void {
    this.settle();
    this.#routes.fill(0);
    this.#sink = sink;
  }

  /**
   * Applies commands in batches; events are taken out whenever the ring is full.
   *
   * @param from Place of the first command.
   * @param end Place behind the last command.
   */
  run(commands: Commands, from = 0, end = commands.count): void {
    const exchange = this.exchange;
    const { offsets } = commands;
    for (let at = from; at < end; at += Fixed.BATCH_COMMANDS) {
      exchange.applyAll(
        commands,
        offsets,
        at,
        Math.min(at + Fixed.BATCH_COMMANDS, end),
      );
    }
  }

  /** As `run()`, but each command by itself, and calls `stamp` after each. */
  runStamped(commands: Commands, stamp: () => void): void {
    const exchange = this.exchange;
    const u16 = commands.u16;
    const end = commands.bytes;
    for (
      let at = 0;
      at < end;
      at += u16[(at >> 1) + Fixed.CMD_LENGTH_U16]!
    ) {
      exchange.apply(commands, at);
      stamp();
    }
  }

  /** Takes out what is still in the ring. */
  settle(): void {
    this.exchange.publish();
    this.#drain();
  }

  /**
   * Trades the books away with one market order for each side of each
   * instrument, best price first, oldest order first: the fills tell the books.
   *
   * @param sink Told of each event.
   */
  sweep(sink: EventSink): void {
    const { instruments } = this.#options;
    const sweep = new Commands(
      2 * instruments * record.COMMAND_BASE_BYTES,
      this.exchange.sequence + 1,
    );
    for (let instrument = 0; instrument < instruments; instrument++) {
      for (const side of [record.Side.SELL, record.Side.BUY]) {
        sweep.newOrder({
          session: SWEEPER,
          reference: 2 * instrument + side,
          instrument,
          side,
          type: record.OrdType.MARKET,
          timeInForce: record.TimeInForce.IOC,
          price: 0,
          quantity: SWEEP_LOTS,
        });
      }
    }
    this.listen(sink);
    this.run(sweep);
    this.settle();
  }

  #drain(): void {
    const ring = this.#consumer;
    const count = ring.available();
    const sink = this.#sink;
    for (let i = 0; sink !== undefined && i < count; i++) {
      sink(ring, ring.peek(i) * record.EVENT_SLOT_BYTES);
    }
    this.taken += count;
    ring.release(count);
  }
}

// A number of the layout, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
const enum Fixed {
  CMD_LENGTH_U16 = 2,
  BATCH_COMMANDS = 256,
}

/** What the exchange of a rig holds. */
export function capacityOf(options: RigOptions): ExchangeCapacity {
  return {
    ordersMax: options.ordersMax,
    instrumentsMax: options.instruments,
    sessionsMax: SESSIONS,
    ...(options.pagesMax === undefined ? {} : { pagesMax: options.pagesMax }),
    ...(options.specialMax === undefined
      ? {}
      : { specialMax: options.specialMax }),
  };
}

/** The commands that define instruments, sessions, accounts and their rules. */
function definitionsOf(options: RigOptions): Commands {
  const { instruments, rules, owners = 1 } = options;
  const commands = new Commands(
    (instruments * 8 + SESSIONS * 8 + 8) * record.COMMAND_TEXT_BYTES,
    1,
  );
  commands.other(CommandKind.DEFINE_CAPACITY, { quantity: options.ordersMax });
  for (let instrument = 0; instrument < instruments; instrument++) {
    commands.other(CommandKind.DEFINE_INSTRUMENT, {
      instrument,
      quantity: 1_000_000,
      reference: 100_000_000,
      text: `S${instrument}`,
    });
  }
  const sessions = [SWEEPER, BYSTANDER];
  for (let i = 0; i < owners; i++) {
    sessions.push(sessionOf(0, i, owners), sessionOf(1, i, owners));
  }
  for (const session of sessions) defineSession(commands, session, rules);
  for (let instrument = 0; instrument < instruments; instrument++) {
    defineRules(commands, instrument, options);
  }
  return commands;
}

function defineSession(
  commands: Commands,
  session: number,
  rules: Rules,
): void {
  commands.other(CommandKind.DEFINE_SESSION, {
    session,
    detail: Protocol.BINARY,
    text: `CLIENT${session}`,
  });
  const owned = rules.accounts || rules.selfTrade;
  if (!owned && !rules.rate) return;
  if (owned) {
    commands.other(CommandKind.DEFINE_ACCOUNT, {
      reason: session,
      text: `ACCOUNT${session}`,
    });
  }
  commands.other(CommandKind.SET_SESSION, {
    session,
    reason: owned ? session : 0,
    detail: rules.selfTrade
      ? record.StpMode.CANCEL_OLDEST | record.StpScope.ACCOUNT << 4
      : 0,
    quantity: rules.rate ? NEVER : 0,
    reference: rules.rate ? SECOND_NS : 0,
  });
  if (!rules.accounts) return;
  for (const detail of Object.values(AccountLimit)) {
    commands.other(CommandKind.SET_ACCOUNT_LIMIT, {
      reason: session,
      detail,
      quantity: NEVER,
      reference: NEVER,
    });
  }
}

function defineRules(
  commands: Commands,
  instrument: number,
  { rules, reference }: RigOptions,
): void {
  const set = (detail: number, price: number, quantity: number): void =>
    commands.other(CommandKind.SET_INSTRUMENT, {
      instrument,
      detail,
      price,
      quantity,
    });
  if (rules.limits) {
    commands.other(CommandKind.DEFINE_LIMITS, {
      instrument,
      quantity: NEVER,
      reference: NEVER,
    });
  }
  if (rules.collar || rules.volatility) {
    set(InstrumentSetting.REFERENCE_PRICE, reference, 0);
  }
  if (rules.collar) {
    set(InstrumentSetting.PRICE_COLLAR, 0, PRICE_MAX);
    set(InstrumentSetting.MARKET_COLLAR, 0, PRICE_MAX);
  }
  if (rules.band) set(InstrumentSetting.PRICE_BAND, 1, PRICE_MAX);
  if (rules.volatility) set(InstrumentSetting.VOLATILITY, 0, PRICE_MAX);
}
