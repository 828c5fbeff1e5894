// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The feed against the engine: after each command a receiver's book is the
 * engine's displayed one, order by order, and printed volume is the engine's.
 *
 * ```
 *   random commands ─▶ engine ─┬─ events ─▶ FeedBuilder ─▶ messages ─▶ ItchBook
 *                              └─ displayed queues ◀── compare ───────────┘
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { INSTRUMENT_VOLUME_F64 } from "../../engine/book/mod.ts";
import { FeedBuilder, type FeedSink } from "../../engine/marketdata/mod.ts";
import { CommandKind, Side } from "../../engine/record/mod.ts";
import { ItchEncoder } from "../../engine/wire/itch/mod.ts";
import { Pair } from "../exchange/differential.ts";
import { type TestCommand, timeOf } from "../exchange/support.ts";
import { commandsOf, type Shape, SHAPES } from "../oracle/shapes.ts";
import { displayedLines } from "./displayed.ts";
import { ItchBook } from "./itch_book.ts";

const COMMANDS = 1500;
const SEEDS = [1, 2, 3, 4];
const BEYOND = [
  "absurd numbers",
  "prices over all of int32, huge quantities",
];
/** Tick and lot size, times 1e8: 0.01 and 1; the smallest tick; a lot of 100; a fraction of one. */
const SIZES = [[1e6, 1e8], [1e4, 1e8], [1e6, 1e10], [1e6, 1e5]] as const;

/** Applies each message at once. */
class Receiver implements FeedSink {
  readonly bytes = new Uint8Array(64);
  readonly book = new ItchBook();
  readonly letters: string[] = [];

  claim(): number {
    return 0;
  }

  commit(bytes: number): void {
    this.letters.push(String.fromCharCode(this.bytes[0]!));
    this.book.apply(this.bytes, 0, bytes);
  }
}

/** An engine, the feed of it, and a receiver. */
class Feeding {
  readonly pair: Pair;
  readonly receiver = new Receiver();
  readonly builder: FeedBuilder;

  readonly #sizes: readonly [number, number];
  readonly #units: { readonly price: number; readonly shares: number };

  constructor(
    shape: Pick<Shape, "setup">,
    sizes: readonly [number, number] = SIZES[0],
  ) {
    this.#sizes = sizes;
    this.#units = {
      price: sizes[0] / 1e4,
      shares: sizes[1] < 1e8 ? 1 : sizes[1] / 1e8,
    };
    this.pair = new Pair(shape.setup);
    this.pair.engine.record = true;
    this.builder = new FeedBuilder(this.pair.engine.exchange, this.receiver);
  }

  /** Letters of the messages of a command. */
  step(command: TestCommand): string {
    const { engine } = this.pair;
    engine.recorded.length = 0;
    this.receiver.letters.length = 0;
    engine.send(command);
    if (command.kind === CommandKind.DEFINE_INSTRUMENT) {
      this.builder.define(command.instrument!, command.text!, ...this.#sizes);
    }
    const time = timeOf(command, engine.sequence);
    this.builder.begin(
      engine.sequence,
      time % 2 ** 32,
      Math.floor(time / 2 ** 32),
    );
    for (const event of engine.recorded) {
      const u8 = new Uint8Array(192);
      u8.set(event);
      this.builder.onEvent({
        u8,
        u16: new Uint16Array(u8.buffer),
        u32: new Uint32Array(u8.buffer),
        i32: new Int32Array(u8.buffer),
        f64: new Float64Array(u8.buffer),
      }, 0);
    }
    this.builder.settle();
    return this.receiver.letters.join("");
  }

  compare(): void {
    const { exchange } = this.pair.engine;
    assertEquals(
      this.receiver.book.lines(),
      displayedLines(exchange, () => this.#units),
    );
  }

  /** Printed volume of an instrument, and the engine's. */
  volumes(instrument: number): [number, number] {
    const { book } = this.pair.engine.exchange;
    return [
      this.receiver.book.volume.get(instrument + 1) ?? 0,
      book.f64[(book.instrumentOf(instrument) >> 1) + INSTRUMENT_VOLUME_F64]! *
      this.#units.shares,
    ];
  }

  /** What a snapshot says, as a book. */
  described(): ItchBook {
    const book = new ItchBook();
    const bytes = new Uint8Array(64);
    const own = new ItchEncoder(bytes);
    this.builder.describe(own, (encode) => {
      own.at = 0;
      book.apply(bytes, 0, encode());
    });
    return book;
  }
}

function follow(shape: Shape, seed: number, startAt: number): ItchBook {
  const feeding = new Feeding(shape, SIZES[(seed - 1) % SIZES.length]);
  let commands = 0;
  for (const command of commandsOf(shape, seed, COMMANDS)) {
    if (commands++ === startAt) feeding.builder.start(0, 0);
    try {
      feeding.step(command);
      if (commands > startAt) feeding.compare();
    } catch (error) {
      throw new Error(
        `${shape.name}, seed ${seed}, command ${commands}: ${
          JSON.stringify(command)
        }: ${(error as Error).message}`,
      );
    }
  }
  assertEquals(feeding.described().lines(), feeding.receiver.book.lines());
  // Of prices that no message can tell, nothing is told.
  if (startAt > 0 || BEYOND.includes(shape.name)) return feeding.receiver.book;
  for (let i = 0; i < (shape.setup.instrumentsMax ?? 3); i++) {
    if (!feeding.pair.engine.exchange.book.isDefined(i)) continue;
    const [printed, traded] = feeding.volumes(i);
    assertEquals(printed, traded, `volume of ${i}`);
  }
  return feeding.receiver.book;
}

for (const shape of SHAPES) {
  Deno.test(`FeedBuilder keeps a receiver's book equal to the engine's: ${shape.name}`, () => {
    for (const seed of SEEDS) follow(shape, seed, 0);
  });
}

Deno.test("FeedBuilder.start() begins with the book as it is, and uses each message type in the course of time", () => {
  const counts = new Map<string, number>();
  for (const shape of SHAPES) {
    const book = follow(shape, 9, COMMANDS / 2);
    for (const [letter, count] of book.counts) {
      counts.set(letter, (counts.get(letter) ?? 0) + count);
    }
  }
  for (const letter of "SRHAECXDUPQ") {
    assert(counts.has(letter), `no message ${letter} among all shapes`);
  }
});

function order(
  session: number,
  side: number,
  reference: number,
  price: number,
  quantity: number,
  more: Partial<TestCommand> = {},
): TestCommand {
  return {
    kind: CommandKind.NEW_ORDER,
    session,
    instrument: 0,
    side,
    ordType: 2,
    price,
    quantity,
    reference,
    ...more,
  };
}

Deno.test("FeedBuilder shows the slice of an iceberg, and each next one as a new order", () => {
  const feeding = new Feeding({ setup: {} });
  feeding.builder.start(0, 0);
  feeding.step({
    kind: CommandKind.DEFINE_INSTRUMENT,
    session: 0,
    instrument: 0,
    quantity: 1e6,
    reference: 1e8,
    text: "ICE",
  });
  const iceberg = order(1, Side.SELL, 1, 100, 25, { displayQuantity: 10 });
  assertEquals(feeding.step(iceberg), "A");
  assertEquals(feeding.step(order(2, Side.SELL, 1, 100, 5)), "A");
  assertEquals(feeding.receiver.book.lines(), ["1 1 10000: 10,5"]);
  assertEquals(feeding.step(order(3, Side.BUY, 1, 100, 4)), "E");
  // The rest of the slice trades; the next slice stands behind the other.
  assertEquals(feeding.step(order(3, Side.BUY, 2, 100, 6)), "EA");
  assertEquals(feeding.receiver.book.lines(), ["1 1 10000: 5,10"]);
  // A slice that came and went within the command was never seen.
  assertEquals(feeding.step(order(3, Side.BUY, 3, 100, 17)), "EEPA");
  assertEquals(feeding.receiver.book.lines(), ["1 1 10000: 3"]);
  feeding.compare();
});
