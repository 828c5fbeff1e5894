// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A digest of every event so far, for a comparison of a replay with what was.
 *
 * ```
 *   exchange ──▶ slots, claimed ──take()──▶ sum ──▶ publish() ──▶ gateway
 * ```
 *
 * It is a sum of 64 bits over the events of all rings; so it does not matter
 * which ring an event goes to, and when it is published. Rings that it knows
 * take their events into it before they publish them. What the appliance itself
 * tells every gateway (definitions) is left out. Owned by the exchange's thread;
 * allocates nothing.
 *
 * @module
 */
import type { EventRing } from "./event_ring.ts";

/** Adds events up: `EventSum` of `ffi/`, which is not for this room to know. */
export interface EventAdder {
  readonly lo: number;
  readonly hi: number;
  readonly events: number;
  add(ring: number, to: number): void;
  restore(lo: number, hi: number, events: number): void;
}

/** A ring's slots. */
export interface EventSlots {
  readonly u8: Uint8Array;
  readonly slotCount: number;
}

/** The digest of all rings of an exchange. */
export class EventDigest {
  readonly #rings: readonly EventRing[];
  readonly #adder: EventAdder;

  /**
   * @param rings All rings that the exchange writes; each is in one digest only.
   * @param makeAdder Makes what adds up, for these rings from these slots on.
   */
  constructor(
    rings: readonly EventRing[],
    makeAdder: (
      slots: readonly EventSlots[],
      from: readonly number[],
    ) => EventAdder,
  ) {
    this.#rings = rings;
    this.#adder = makeAdder(
      rings.map((ring) => ring.slots),
      rings.map((ring) => ring.claimed),
    );
    rings.forEach((ring, place) => ring.digestWith(this.#adder, place));
  }

  /** Low word. */
  get lo(): number {
    return this.#adder.lo;
  }

  get hi(): number {
    return this.#adder.hi;
  }

  /** Events in it. */
  get events(): number {
    return this.#adder.events;
  }

  /** Takes every event that was written so far. */
  take(): void {
    for (let i = 0; i < this.#rings.length; i++) this.#rings[i]!.digest();
  }

  /** Goes on from what it was at some sequence. */
  restore(lo: number, hi: number, events: number): void {
    this.#adder.restore(lo, hi, events);
  }
}
