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

/** The producer end of one gateway's event ring. */
export class EventRing {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #ring: SpscRing;
  readonly #onFull: () => void;

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

  /** Drops every event that was not published. */
  discard(): void {
    this.#ring.discard();
  }

  /** Makes every event written so far visible to the gateway. */
  publish(): void {
    this.#ring.publish();
  }

  #wait(): number {
    this.#ring.publish();
    let slot: number = RING_FULL;
    while (slot === RING_FULL) {
      this.#onFull();
      slot = this.#ring.claim();
    }
    return slot;
  }
}
