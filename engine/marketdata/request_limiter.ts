// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How many requests of one address are answered: as many at once as in a
 * second, then as many a second. So nobody makes this machine send to another
 * more than that, and one receiver in trouble does not slow the lines.
 *
 * ```
 *   address ─▶ bucket of `perSecond`, filled again with time ─▶ taken, or refused
 * ```
 *
 * It knows a bounded number of addresses: the one that was silent longest goes
 * for a new one. Belongs to the feed's thread.
 *
 * @module
 */

/** Addresses that are known at a time. */
export const ADDRESSES_MAX = 1024;

interface Bucket {
  left: number;
  filledMs: number;
}

/** Buckets by address. See the module's text. */
export class RequestLimiter {
  readonly #perSecond: number;
  /** The one that was silent longest comes first. */
  readonly #buckets = new Map<number, Bucket>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Addresses that are known. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether a request of this address is answered now. */
  take(address: number, nowMs: number): boolean {
    const buckets = this.#buckets;
    const known = buckets.get(address);
    const bucket = known ?? { left: this.#perSecond, filledMs: nowMs };
    if (known !== undefined) buckets.delete(address);
    else if (buckets.size === ADDRESSES_MAX) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest);
        break;
      }
    }
    buckets.set(address, bucket);
    const earned = Math.max(0, nowMs - bucket.filledMs) * this.#perSecond /
      1000;
    bucket.left = Math.min(this.#perSecond, bucket.left + earned);
    bucket.filledMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
