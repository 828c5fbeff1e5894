// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where the exchange writes events for one gateway: the producer end of a ring
 * that never says no.
 *
 * A sweep can cause more events than a ring has slots, so a claim on a full
 * ring publishes what is there and calls a hook until the consumer has made
 * room. The hook spins or, if both run on one thread, runs the consumer.
 * Owned by the exchange's thread; allocates nothing.
 *
 * @module
 */
import { EVENT_SLOT_BYTES } from "../record/mod.ts";
import { RING_FULL, type SpscRing } from "../ring/mod.ts";
import { assert } from "../assert.ts";
import type { EventAdder, EventSlots } from "./event_digest.ts";

/** The producer end of one gateway's event ring. */
export class EventRing {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #ring: SpscRing;
  readonly #onFull: () => void;
  #adder: EventAdder | undefined;
  #place = 0;

  /**
   * @param ring Producer end of a ring of event slots.
   * @param onFull Called until there is room: what the consumer needs to go on
   *   must be reachable from here (also the journal, if events wait for it).
   *   It throws to give up.
   */
  constructor(ring: SpscRing, onFull: () => void) {
    assert(
      ring.slotBytes === EVENT_SLOT_BYTES,
      `event ring of ${ring.slotBytes}-byte slots: must be ${EVENT_SLOT_BYTES}`,
    );
    this.#ring = ring;
    this.#onFull = onFull;
    this.i32 = ring.i32;
    this.f64 = ring.f64;
  }

  /** Takes the next slot; waits for one if need be. @returns Its index. */
  claim(): number {
    const slot = this.#ring.claim();
    return slot === RING_FULL ? this.#wait() : slot;
  }

  /** Makes sure that the next claim finds room; waits for it if need be. */
  makeRoom(): void {
    if (this.#ring.free() > 0) return;
    this.#wait();
    this.#ring.unclaim();
  }

  /** Keeps the ring's place there: see `SpscRing.movePlace()`. */
  movePlace(places: Int32Array, at: number): void {
    this.#ring.movePlace(places, at);
  }

  /** Its memory. */
  get slots(): EventSlots {
    return this.#ring;
  }

  /** The slot behind the last that was claimed, modulo 2^32. */
  get claimed(): number {
    return this.#ring.claimed;
  }

  /** From now on events are added up, before they are published. */
  digestWith(adder: EventAdder, place: number): void {
    assert(this.#adder === undefined, "an event ring in two digests");
    this.#adder = adder;
    this.#place = place;
  }

  /** Adds up every event written so far. */
  digest(): void {
    this.#adder?.add(this.#place, this.#ring.claimed);
  }

  /** Drops every event that was not published. */
  discard(): void {
    this.#ring.discard();
  }

  /** Makes every event written so far visible to the gateway. */
  publish(): void {
    this.digest();
    this.#ring.publish();
  }

  #wait(): number {
    this.publish();
    let slot: number = RING_FULL;
    while (slot === RING_FULL) {
      this.#onFull();
      slot = this.#ring.claim();
    }
    return slot;
  }
}
