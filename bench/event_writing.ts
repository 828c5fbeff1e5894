// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Writing events and nothing else: as many records of 128 bytes to a ring as
 * the standard mix causes, each word set, taken out whenever the ring is full.
 * An exchange can not leave its events out, so this is what they cost alone.
 *
 * @module
 */
import { allocate } from "../ffi/mod.ts";
import { EventRing } from "../engine/exchange/mod.ts";
import { EVENT_SLOT_BYTES } from "../engine/record/mod.ts";
import { SpscRing } from "../engine/ring/mod.ts";
import type { Contender } from "./contender.ts";
import { EVENT_SLOTS } from "./exchange_rig.ts";
import type { MixFacts } from "./standard_mix.ts";

// Numbers of the layout, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
const enum Fixed {
  EVENT_SLOT_BYTES = 192,
  EVENT_WORDS = EVENT_SLOT_BYTES >> 2,
  EVENT_HALVES = EVENT_SLOT_BYTES >> 3,
}

/** As many events as a mix causes. */
export class EventWriting implements Contender {
  readonly messages: number;
  readonly #events: number;
  readonly #ring: EventRing;
  readonly #consumer: SpscRing;

  constructor(facts: MixFacts) {
    this.messages = facts.messages;
    // An event for each message, and two for each trade.
    this.#events = facts.messages + 2 * facts.trades;
    const { buffer } = allocate(
      SpscRing.bytes(EVENT_SLOT_BYTES, EVENT_SLOTS),
      { hugePages: true },
    );
    const [producer, consumer] = (["producer", "consumer"] as const).map((
      side,
    ) => new SpscRing(buffer, 0, EVENT_SLOT_BYTES, EVENT_SLOTS, side));
    this.#consumer = consumer!;
    this.#ring = new EventRing(
      producer!,
      () => this.#consumer.release(this.#consumer.available()),
    );
  }

  prepare(): void {
    this.#ring.publish();
    this.#consumer.release(this.#consumer.available());
  }

  run(): void {
    const ring = this.#ring;
    const { i32, f64 } = ring;
    const events = this.#events;
    for (let i = 0; i < events; i++) {
      const slot = ring.claim();
      const word = slot * Fixed.EVENT_WORDS;
      const half = slot * Fixed.EVENT_HALVES;
      i32[word] = i;
      i32[word + 1] = i;
      f64[half + 1] = i;
      i32[word + 4] = i;
      i32[word + 5] = i;
      i32[word + 6] = i;
      i32[word + 7] = i;
      i32[word + 8] = i;
      i32[word + 9] = i;
      i32[word + 10] = i;
      i32[word + 11] = i;
      f64[half + 6] = i;
      f64[half + 7] = i;
      f64[half + 8] = i;
      f64[half + 9] = i;
      f64[half + 10] = i;
      f64[half + 11] = i;
      f64[half + 12] = i;
      i32[word + 26] = i;
      i32[word + 27] = i;
      f64[half + 14] = i;
      f64[half + 15] = i;
    }
  }

  /** Nothing to prove: it knows no orders. */
  prove(): void {
    this.prepare();
    this.run();
  }
}
