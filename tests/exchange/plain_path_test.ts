// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The plain path against the general way: one exchange has it, another has its
 * rings in two memories, so that nothing is plain there. The same commands must
 * give both the same bytes of events and the same state.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { INSTRUMENT_WATCH_HEAD } from "../../engine/book/mod.ts";
import {
  EventRing,
  Exchange,
  type ExchangeCapacity,
  Total,
} from "../../engine/exchange/mod.ts";
import {
  AccountLimit,
  CommandKind,
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_KIND_U8,
  EVT_LENGTH_U16,
  InstrumentSetting,
  OrdType,
  StpMode,
  StpScope,
  TermFlag,
  TimeInForce,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { RandomCommands, type StreamShape } from "../oracle/random_commands.ts";
import { commandsOf, type Shape, SHAPES } from "../oracle/shapes.ts";
import { CommandBuffer, type TestCommand } from "./support.ts";

const SLOTS = 64;
const SESSIONS = 8;

/** An exchange with two rings; sessions of the second go to the same reader. */
class Side {
  readonly exchange: Exchange;
  readonly bytes: number[] = [];
  /** `EventKind` of each event of the last command. */
  readonly kinds: number[] = [];
  readonly #rings: { producer: SpscRing; consumer: SpscRing }[] = [];

  constructor(
    plain: boolean,
    options: Pick<ExchangeCapacity, "ordersMax" | "instrumentsMax"> & {
      readonly specialMax?: number;
    },
  ) {
    const capacity = { ...options, sessionsMax: SESSIONS, pagesMax: 64 };
    const bytes = SpscRing.bytes(EVENT_SLOT_BYTES, SLOTS);
    const shared = new ArrayBuffer(bytes * 2);
    for (let i = 0; i < 2; i++) {
      const memory = plain ? shared : new ArrayBuffer(bytes);
      const at = plain ? i * bytes : 0;
      new Uint8Array(memory, at + 256, bytes - 256).fill(0xaa);
      const [producer, consumer] = (["producer", "consumer"] as const).map((
        side,
      ) => new SpscRing(memory, at, EVENT_SLOT_BYTES, SLOTS, side));
      this.#rings.push({ producer: producer!, consumer: consumer! });
    }
    this.exchange = new Exchange({
      ...capacity,
      memory: new ArrayBuffer(Exchange.bytes(capacity)),
      events: this.#rings.map(({ producer }) =>
        new EventRing(producer, () => this.#drain())
      ),
      // Session 3 is heard by nobody, so that sweeps meet makers that are not plain.
      routes: new Uint8Array([0, 0, 1, 255, 0, 0, 0, 0]),
    });
  }

  apply(command: CommandBuffer): number[] {
    this.bytes.length = 0;
    this.kinds.length = 0;
    this.exchange.apply(command, 0);
    this.exchange.publish();
    this.#drain();
    return this.bytes;
  }

  #drain(): void {
    this.#rings.forEach(({ consumer }, number) => {
      const count = consumer.available();
      for (let i = 0; i < count; i++) {
        const slot = consumer.peek(i);
        const length = consumer
          .u16[slot * (EVENT_SLOT_BYTES >> 1) + EVT_LENGTH_U16]!;
        const start = slot * EVENT_SLOT_BYTES;
        this.bytes.push(number);
        this.kinds.push(consumer.u8[start + EVT_KIND_U8]!);
        this.bytes.push(...consumer.u8.subarray(start, start + length));
      }
      consumer.release(count);
    });
  }
}

const SHAPE: StreamShape = {
  seed: 1,
  instruments: 2,
  sessions: 4,
  references: 300,
  spread: 12,
  mid: 10_240,
  quantityMax: 60,
  absurd: 300,
  texts: 4,
};

/** Accounts that two sessions share each: their limits, message rates, self-trade prevention. */
interface Rules {
  /** `AccountLimit` and hard limit. */
  readonly limits: readonly (readonly [number, number])[];
  /** Messages in 30 commands; 0 = any. */
  readonly rate: number;
  readonly detail: number;
}

const RULES: Rules = {
  limits: [
    [AccountLimit.QUANTITY, 58],
    [AccountLimit.NOTIONAL, 10_240 * 57],
    [AccountLimit.OPEN_ORDERS, 400],
    [AccountLimit.POSITION, 9000],
  ],
  rate: 11,
  detail: StpMode.CANCEL_OLDEST | StpScope.ACCOUNT << 4,
};

const RUNS: readonly [string, number, StreamShape, Rules?][] = [
  ["accounts, rates, self-trade", 2000, { ...SHAPE, seed: 75 }, RULES],
  ["accounts without limits, lots beyond 2^53", 2000, {
    ...SHAPE,
    seed: 76,
    absurd: 0,
    quantityMax: 2 ** 47,
  }, { limits: [], rate: 0, detail: 0 }],
  ["texts, absurd numbers", 2000, { ...SHAPE, seed: 71 }],
  ["no room for all", 40, { ...SHAPE, seed: 72, texts: 0 }],
  ["prices far apart", 2000, {
    ...SHAPE,
    seed: 73,
    mid: 2 ** 30,
    spread: 2 ** 30 - 1,
    quantityMax: 2 ** 40,
    texts: 0,
  }],
  ["references that share places", 200, {
    ...SHAPE,
    seed: 74,
    references: 20_000,
    texts: 0,
  }],
];

function* rulesOf({ limits, rate, detail }: Rules) {
  for (const account of [1, 2]) {
    yield {
      kind: CommandKind.DEFINE_ACCOUNT,
      session: 0,
      reason: account,
      text: `A${account}`,
    };
    for (const [limit, quantity] of limits) {
      yield {
        kind: CommandKind.SET_ACCOUNT_LIMIT,
        session: 0,
        reason: account,
        detail: limit,
        quantity,
        reference: quantity - 2,
      };
    }
  }
  for (let session = 1; session < SESSIONS; session++) {
    yield {
      kind: CommandKind.SET_SESSION,
      session,
      reason: 1 + session % 2,
      detail,
      quantity: rate,
      reference: 30_000,
    };
  }
}

/** Both ways side by side. */
class Ways {
  readonly plain: Side;
  readonly general: Side;
  /** Commands on the plain path after which stops were triggered. */
  triggers = 0;
  /** Commands on the plain path while instrument 0 had a watch list. */
  watched = 0;
  readonly #command = new CommandBuffer();
  #sequence = 0;

  constructor(options: ConstructorParameters<typeof Side>[1]) {
    this.plain = new Side(true, options);
    this.general = new Side(false, options);
  }

  /** Applies a command to both, and fails if their events differ. */
  step(command: TestCommand): void {
    const before = this.#plainCommands();
    this.#command.write(command, ++this.#sequence);
    const one = this.plain.apply(this.#command);
    const other = this.general.apply(this.#command);
    if (this.#plainCommands() > before) {
      const { book } = this.plain.exchange;
      if (this.plain.kinds.includes(EventKind.TRIGGERED)) this.triggers++;
      if (book.i32[book.instrumentOf(0) + INSTRUMENT_WATCH_HEAD] !== 0) {
        this.watched++;
      }
    }
    if (one.length === other.length) {
      let at = 0;
      while (at < one.length && one[at] === other[at]) at++;
      if (at === one.length) return;
    }
    assertEquals(one, other, `command ${this.#sequence}`);
  }

  /** Fails if the states differ. */
  assertSame(): void {
    const [plain, general] = [this.plain.exchange, this.general.exchange];
    assertEquals(plain.stateHash(), general.stateHash());
    assertEquals(plain.events, general.events);
    assertEquals([...plain.totals], [...general.totals]);
    assertEquals([...plain.refusals], [...general.refusals]);
    assertEquals(general.plainTotals.some((count) => count !== 0), false);
  }

  /** The part of the commands of a kind that took the plain path. */
  partOf(total: number): number {
    const { totals, plainTotals } = this.plain.exchange;
    return plainTotals[total]! / totals[total]!;
  }

  #plainCommands(): number {
    const { totals, plainTotals } = this.plain.exchange;
    assert(totals.length === plainTotals.length);
    return plainTotals.reduce((sum, count) => sum + count, 0);
  }
}

/** Replaces of all lengths and both meanings of quantity; some cancels become reduces. */
function vary(command: TestCommand, stream: RandomCommands): TestCommand {
  if (command.kind === CommandKind.REPLACE_ORDER) {
    const flags = stream.draw(16);
    if (flags < 8) command.termFlags = TermFlag.OPEN_QUANTITY;
    else if (flags === 8) command.termFlags = stream.draw(128);
  } else if (
    command.kind === CommandKind.CANCEL_ORDER && stream.draw(5) === 0
  ) {
    command.kind = CommandKind.REDUCE_ORDER;
    command.newReference = stream.draw(3) === 0 ? stream.draw(300) : 0;
  }
  return command;
}

for (const [name, ordersMax, shape, rules] of RUNS) {
  Deno.test(`plainPath() gives the bytes and the state of the general way: ${name}, seed ${shape.seed}`, () => {
    const ways = new Ways({ ordersMax, instrumentsMax: shape.instruments });
    const stream = new RandomCommands(shape);
    for (let i = 0; i < shape.instruments; i++) {
      ways.step({
        kind: CommandKind.DEFINE_INSTRUMENT,
        session: 0,
        instrument: i,
        quantity: 1e6,
        reference: 1e8,
        text: `SYM${i}`,
      });
    }
    if (rules !== undefined) {
      for (const rule of rulesOf(rules)) ways.step(rule);
    }
    for (let i = 0; i < 40_000; i++) ways.step(vary(stream.next(), stream));
    ways.assertSame();
    const { trades } = ways.plain.exchange;
    assert(trades > 1000, `only ${trades} trades`);
    const replaces = ways.partOf(Total.REPLACES);
    assert(replaces > 0.4, `only ${replaces} of the replaces were plain`);
  });
}

/** Everything that can be near a plain order, few commands each. */
for (const shape of SHAPES) {
  Deno.test(`plainPath() gives the bytes and the state of the general way: ${shape.name}, seed 7`, () => {
    assertShapeAgrees(shape, 7, 4000);
  });
}

function assertShapeAgrees(shape: Shape, seed: number, count: number): Ways {
  const { ordersMax, instrumentsMax, specialMax } = shape.setup;
  const ways = new Ways({
    ordersMax: ordersMax!,
    instrumentsMax: instrumentsMax!,
    ...(specialMax === undefined ? {} : { specialMax }),
  });
  for (const command of commandsOf(shape, seed, count)) ways.step(command);
  ways.assertSame();
  return ways;
}

const STOPS: Shape = {
  name: "stops, icebergs, hidden orders",
  setup: { ordersMax: 300, instrumentsMax: 2 },
  shape: { special: 20, texts: 5 },
  first: [
    { detail: InstrumentSetting.REFERENCE_PRICE, price: 1000 },
    { detail: InstrumentSetting.VOLATILITY, quantity: 11, reference: 4000 },
  ].map((setting) => ({
    kind: CommandKind.SET_INSTRUMENT,
    session: 0,
    instrument: 1,
    ...setting,
  })),
};

/** True for orders that do not move or end by themselves, and for requests. */
function isStill(command: TestCommand): boolean {
  return command.kind !== CommandKind.NEW_ORDER ||
    (command.ordType! <= OrdType.STOP_LIMIT && !command.minQuantity &&
      command.timeInForce !== TimeInForce.GTD &&
      ((command.termFlags ?? 0) & TermFlag.ALL_OR_NONE) === 0);
}

/** Stops in place of market orders: they wait on the far side of the middle. */
function wait(command: TestCommand): TestCommand {
  if (
    command.kind !== CommandKind.NEW_ORDER ||
    command.ordType !== OrdType.MARKET || command.timeInForce! > 1
  ) return command;
  const stopPrice = 2000 - command.price!;
  const price = stopPrice + (command.side === 1 ? 3 : -3);
  return { ...command, ordType: OrdType.STOP_LIMIT, stopPrice, price };
}

Deno.test(`plainPath() goes on beside what waits and what is hidden: ${STOPS.name}, seed 8`, () => {
  const ways = new Ways({ ordersMax: 300, instrumentsMax: 2 });
  for (const command of commandsOf(STOPS, 8, 40_000)) {
    if (isStill(command)) ways.step(wait(command));
  }
  ways.assertSame();
  const parts = [Total.ORDERS, Total.CANCELS, Total.REPLACES].map((total) =>
    ways.partOf(total)
  );
  assert(parts.every((part) => part > 0.25), `plain: ${parts}`);
  assert(ways.triggers > 40, `only ${ways.triggers} plain commands triggered`);
});

const PEGS: Shape = {
  name: "pegs, conditional orders, trailing stops",
  setup: { ordersMax: 400, instrumentsMax: 1 },
  shape: {
    instruments: 1,
    references: 400,
    spread: 40,
    special: 6,
    owners: 2,
    texts: 5,
  },
};

Deno.test(`plainPath() goes on where it moves nobody: ${PEGS.name}, seed 9`, () => {
  const ways = new Ways({ ordersMax: 400, instrumentsMax: 1 });
  for (const command of commandsOf(PEGS, 9, 40_000)) {
    if (command.timeInForce !== TimeInForce.GTD) ways.step(command);
  }
  ways.assertSame();
  assert(ways.watched > 4000, `only ${ways.watched} beside a watch list`);
});
