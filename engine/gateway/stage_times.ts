// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A gateway's part of the flight recorder: when the bytes of each command were
 * received, and when its answers were handed to the transport.
 *
 * ```
 *   completion ─▶ protocol ─▶ claimed slots ─ stampClaimed() ─▶ beside the command ring
 *   event ─ onEvent() ─▶ protocol ─▶ transport ─ sent() ─▶ flight ring
 * ```
 *
 * Owned by the gateway's thread; allocates nothing after construction. The
 * protocols know nothing of it: whatever they claim while a completion is shown
 * to them came with it.
 *
 * @module
 */
import type { Clock } from "../../ffi/clock.ts";
import type { FlightRing, SpscRing } from "../ring/mod.ts";

/** Receive time of what nobody sent. */
export const NOT_RECEIVED: Uint32Array = new Uint32Array(2);

/** A gateway's part of the shared region. */
export interface GatewayFlight {
  readonly ring: FlightRing;
  /** `receiveTimes()` of its command ring. */
  readonly received: Uint32Array;
  /** A message that takes longer is reported; 0 = none is. */
  readonly thresholdNs: number;
}

/** Times that a gateway takes; see the module's text. */
export class StageTimes {
  readonly #commands: SpscRing;
  readonly #flight: GatewayFlight;
  readonly #gateway: number;
  readonly #clock: Pick<Clock, "words" | "realtime">;
  readonly #mask: number;
  /** Slots of the flight ring that were answered in this round. */
  readonly #answered: Int32Array;
  #answeredCount = 0;
  /** Every slot before this one has its receive time. */
  #stamped: number;

  /** @param eventsMax Events of one round, at most. */
  constructor(
    commands: SpscRing,
    flight: GatewayFlight,
    gateway: number,
    clock: Pick<Clock, "words" | "realtime">,
    eventsMax: number,
  ) {
    this.#commands = commands;
    this.#flight = flight;
    this.#gateway = gateway;
    this.#clock = clock;
    this.#mask = commands.slotCount - 1;
    this.#answered = new Int32Array(eventsMax);
    this.#stamped = commands.claimed;
  }

  /** The commands claimed since the last call were received then: low and high word, `NOT_RECEIVED` = by nobody. */
  stampClaimed(time: Uint32Array): void {
    const claimed = this.#commands.claimed;
    if (claimed === this.#stamped) return;
    const { received } = this.#flight;
    const lo = time[0]!;
    const hi = time[1]!;
    // What was given back lies before it.
    if (((claimed - this.#stamped) | 0) < 0) this.#stamped = claimed;
    for (let i = this.#stamped; i !== claimed; i = (i + 1) | 0) {
      const at = (i & this.#mask) * 2;
      received[at] = lo;
      received[at + 1] = hi;
    }
    this.#stamped = claimed;
  }

  /** The event in this slot is released. */
  onEvent(events: SpscRing, from: number): void {
    const slot = this.#flight.ring.causeOf(events, from);
    const count = this.#answeredCount;
    // Events of one command follow each other.
    if (slot < 0 || (count > 0 && this.#answered[count - 1] === slot)) return;
    this.#answered[count] = slot;
    this.#answeredCount = count + 1;
  }

  /** What was released in this round is with the transport. */
  sent(): void {
    const count = this.#answeredCount;
    if (count === 0) return;
    this.#answeredCount = 0;
    this.#clock.realtime();
    const { ring, thresholdNs } = this.#flight;
    for (let i = 0; i < count; i++) {
      ring.sent(
        this.#answered[i]!,
        this.#clock.words,
        this.#gateway,
        thresholdNs,
      );
    }
  }
}
