// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The plain path against the general way: one exchange has it, another has its
 * rings in two memories, so that nothing is plain there. The same commands must
 * give both the same bytes of events and the same state.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  AccountLimit,
  CommandKind,
  EVENT_SLOT_BYTES,
  EVT_LENGTH_U16,
  StpMode,
  StpScope,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { RandomCommands, type StreamShape } from "../oracle/random_commands.ts";
import { CommandBuffer } from "./support.ts";

const SLOTS = 64;
const SESSIONS = 8;

/** An exchange with two rings; sessions of the second go to the same reader. */
class Side {
  readonly exchange: Exchange;
  readonly bytes: number[] = [];
  readonly #rings: { producer: SpscRing; consumer: SpscRing }[] = [];

  constructor(plain: boolean, ordersMax: number, instrumentsMax: number) {
    const capacity = {
      ordersMax,
      instrumentsMax,
      sessionsMax: SESSIONS,
      pagesMax: 64,
    };
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

for (const [name, ordersMax, shape, rules] of RUNS) {
  Deno.test(`plainPath() gives the bytes and the state of the general way: ${name}, seed ${shape.seed}`, () => {
    const sides = [true, false].map((plain) =>
      new Side(plain, ordersMax, shape.instruments)
    );
    const stream = new RandomCommands(shape);
    const command = new CommandBuffer();
    let sequence = 0;
    for (let i = 0; i < shape.instruments; i++) {
      command.write({
        kind: CommandKind.DEFINE_INSTRUMENT,
        session: 0,
        instrument: i,
        quantity: 1e6,
        reference: 1e8,
        text: `SYM${i}`,
      }, ++sequence);
      for (const side of sides) side.apply(command);
    }
    if (rules !== undefined) {
      for (const rule of rulesOf(rules)) {
        command.write(rule, ++sequence);
        for (const side of sides) side.apply(command);
      }
    }
    for (let i = 0; i < 40_000; i++) {
      command.write(stream.next(), ++sequence);
      const [one, other] = sides.map((side) => side.apply(command));
      if (one!.length === other!.length) {
        let at = 0;
        while (at < one!.length && one![at] === other![at]) at++;
        if (at === one!.length) continue;
      }
      assertEquals(one, other, `command ${sequence}`);
    }
    const [plain, general] = sides.map(({ exchange }) => exchange);
    assertEquals(plain!.stateHash(), general!.stateHash());
    assertEquals(plain!.events, general!.events);
    assertEquals([...plain!.totals], [...general!.totals]);
    assert(plain!.trades > 1000, `only ${plain!.trades} trades`);
  });
}
