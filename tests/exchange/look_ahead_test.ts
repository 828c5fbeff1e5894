// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands in batches, with what they need read ahead of them, against the same
 * commands one by one: both must give the same bytes of events and the same
 * state. The book is so large that batches do look ahead.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  LOOK_AHEAD_COMMANDS,
  LOOK_AHEAD_ORDERS_MIN,
} from "../../engine/exchange/look_ahead.ts";
import {
  COMMAND_SLOT_BYTES,
  CommandKind,
  EVENT_SLOT_BYTES,
  EVT_LENGTH_U16,
  OrdType,
  Side,
  TimeInForce,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { RandomCommands } from "../oracle/random_commands.ts";
import { CommandBuffer } from "./support.ts";

const SEED = 91;
const SESSIONS = 8;
/** Session of the orders that make the book large. */
const FILLER = 7;
const INSTRUMENTS = 3;
const MID = 10_240;
const COMMANDS = 30_000;
const BATCH_MAX = 2 * LOOK_AHEAD_COMMANDS + 5;
const CAPACITY = {
  ordersMax: LOOK_AHEAD_ORDERS_MIN + 4000,
  instrumentsMax: INSTRUMENTS,
  sessionsMax: SESSIONS,
  pagesMax: 256,
};

/** An exchange whose events are kept. */
class Heard {
  readonly exchange: Exchange;
  readonly #consumer: SpscRing;
  #bytes: number[] = [];

  constructor() {
    const memory = new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, 64));
    const end = (side: "producer" | "consumer") =>
      new SpscRing(memory, 0, EVENT_SLOT_BYTES, 64, side);
    this.#consumer = end("consumer");
    this.exchange = new Exchange({
      ...CAPACITY,
      memory: new ArrayBuffer(Exchange.bytes(CAPACITY)),
      events: [new EventRing(end("producer"), () => this.#drain())],
      routes: new Uint8Array(SESSIONS),
    });
  }

  #drain(): void {
    const ring = this.#consumer;
    const count = ring.available();
    for (let i = 0; i < count; i++) {
      const start = ring.peek(i) * EVENT_SLOT_BYTES;
      const length = ring.u16[(start >> 1) + EVT_LENGTH_U16]!;
      this.#bytes.push(...ring.u8.subarray(start, start + length));
    }
    ring.release(count);
  }

  /** What was heard since the last time. */
  take(): number[] {
    this.exchange.publish();
    this.#drain();
    const bytes = this.#bytes;
    this.#bytes = [];
    return bytes;
  }
}

/** A batch of commands in slots, as a ring holds them. */
class Batch {
  readonly #bytes = new Uint8Array(BATCH_MAX * COMMAND_SLOT_BYTES);
  readonly i32 = new Int32Array(this.#bytes.buffer);
  readonly f64 = new Float64Array(this.#bytes.buffer);
  readonly u8 = this.#bytes;
  readonly u16 = new Uint16Array(this.#bytes.buffer);
  readonly u32 = new Uint32Array(this.#bytes.buffer);
  readonly offsets = new Int32Array(BATCH_MAX);
  count = 0;

  add(command: CommandBuffer): void {
    const at = this.count * COMMAND_SLOT_BYTES;
    this.#bytes.set(command.u8.subarray(0, COMMAND_SLOT_BYTES), at);
    this.offsets[this.count++] = at;
  }
}

/** Instruments, and orders far from where the stream trades. */
function* prelude() {
  for (let instrument = 0; instrument < INSTRUMENTS; instrument++) {
    yield {
      kind: CommandKind.DEFINE_INSTRUMENT,
      session: 0,
      instrument,
      quantity: 1e6,
      reference: 1e8,
      text: `SYM${instrument}`,
    };
  }
  for (let i = 0; i < LOOK_AHEAD_ORDERS_MIN; i++) {
    yield {
      kind: CommandKind.NEW_ORDER,
      session: FILLER,
      reference: i + 1,
      instrument: i % INSTRUMENTS,
      side: Side.BUY,
      ordType: OrdType.LIMIT,
      timeInForce: TimeInForce.GTC,
      price: 1 + i % 3000,
      quantity: 1e6,
    };
  }
}

Deno.test(`Exchange.applyAll() gives the bytes and the state of apply(), seed ${SEED}`, () => {
  const single = new Heard();
  const batched = new Heard();
  const command = new CommandBuffer();
  let sequence = 0;
  for (const fields of prelude()) {
    command.write(fields, ++sequence);
    single.exchange.apply(command, 0);
    batched.exchange.apply(command, 0);
  }
  const stream = new RandomCommands({
    seed: SEED,
    instruments: INSTRUMENTS,
    sessions: 4,
    references: 5000,
    spread: 40,
    mid: MID,
    quantityMax: 60,
    absurd: 300,
    texts: 4,
  });
  for (let size = 1; sequence < COMMANDS; size = size % BATCH_MAX + 1) {
    const batch = new Batch();
    for (let i = 0; i < size; i++) {
      command.write(stream.next(), ++sequence);
      batch.add(command);
      single.exchange.apply(command, 0);
    }
    const orders = batched.exchange.book.ordersAllocated;
    assert(orders >= LOOK_AHEAD_ORDERS_MIN, `only ${orders} orders`);
    batched.exchange.applyAll(batch, batch.offsets, 0, size);
    assertEquals(
      batched.take(),
      single.take(),
      `up to command ${sequence}, in a batch of ${size}`,
    );
  }
  assertEquals(single.exchange.stateHash(), batched.exchange.stateHash());
  assert(single.exchange.trades > 1000, "the stream trades");
});
