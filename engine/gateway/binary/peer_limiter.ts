// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Says whether a stranger's datagram may be answered. A peer is never sent
 * more bytes than came from it, and at most one answer each 100 ms, so the
 * appliance is no use to somebody who forges addresses. A fixed table: peers
 * that fall on the same entry share its luck. Allocates nothing.
 *
 * @module
 */

/** Entries of the table, a power of two. */
const PEERS = 1024;
/** Shortest time between two answers to one peer, milliseconds. */
const ANSWER_INTERVAL_MS = 100;
/** A peer that was silent so long starts anew. */
const FORGET_MS = 10_000;
/** IPv4 and UDP headers. */
const OVERHEAD_BYTES = 28;

/** Budget of bytes for each peer; see the module's text. */
export class PeerLimiter {
  readonly #address = new Int32Array(PEERS);
  readonly #port = new Int32Array(PEERS);
  readonly #credit = new Float64Array(PEERS);
  readonly #heardMs = new Float64Array(PEERS);
  readonly #answeredMs = new Float64Array(PEERS);

  /**
   * Counts a datagram of a peer that no session knows.
   *
   * @param received Its bytes.
   * @param answer Bytes of the answer that it would get.
   * @returns True if the answer may be sent; it is then counted as sent.
   */
  allow(
    address: number,
    port: number,
    received: number,
    answer: number,
    nowMs: number,
  ): boolean {
    const hash = Math.imul(address ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b);
    const at = (hash >>> 16) & (PEERS - 1);
    const known = this.#address[at] === (address | 0) &&
      this.#port[at] === port && nowMs - this.#heardMs[at]! < FORGET_MS;
    if (!known) {
      this.#address[at] = address;
      this.#port[at] = port;
      this.#credit[at] = 0;
      this.#answeredMs[at] = 0;
    }
    this.#heardMs[at] = nowMs;
    const credit = this.#credit[at]! + received + OVERHEAD_BYTES;
    this.#credit[at] = Math.min(credit, 2 * (answer + OVERHEAD_BYTES));
    if (nowMs - this.#answeredMs[at]! < ANSWER_INTERVAL_MS) return false;
    if (this.#credit[at]! < answer + OVERHEAD_BYTES) return false;
    this.#credit[at]! -= answer + OVERHEAD_BYTES;
    this.#answeredMs[at] = nowMs;
    return true;
  }
}
