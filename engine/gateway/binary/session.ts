// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * State of one session of the binary protocol. All of it but the link can be
 * had from events; the link is where the client is now. Owned by the gateway's
 * thread; allocates its ring at the first use.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import { BINARY_VERSION_1 } from "../../wire/binary/mod.ts";
import type { SessionDefinition } from "../protocol.ts";
import { AnswerTimes } from "./answer_times.ts";
import { OutboundRing } from "./outbound_ring.ts";

/** Where a session's client is. */
export const Link = { NONE: 0, STREAM: 1, DATAGRAM: 2 } as const;
export type Link = typeof Link[keyof typeof Link];

const KEY_MAX = 0xffff_ffff_ffff_ffffn;

/** One session; see the module's text. */
export class BinarySession {
  /** Index in records. */
  readonly index: number;
  /** On the wire. */
  readonly number: number;
  keyLow = 0;
  keyHigh = 0;
  /** The configuration no longer names it. */
  removed = false;
  readonly #capacity: number;
  #ring: OutboundRing | undefined;

  /** Number that the client's next message must have; up to 2^32. */
  expected = 1;
  /** Highest number of the client's that has been answered. */
  answered = 0;

  /** Of the protocol, as the last logon had it; answers are of this version. */
  version: number = BINARY_VERSION_1;
  /** The client asked for stage times at its last logon; null = it did not. */
  times: AnswerTimes | null = null;
  link: Link = Link.NONE;
  /** STREAM. */
  connection = 0;
  /** DATAGRAM. */
  listener = 0;
  address = 0;
  port = 0;
  /** Number of our next message to be sent for the first time on this link. */
  nextToSend = 1;
  /** Messages to be sent once more, `[from, to)`. */
  repeatFrom = 0;
  repeatTo = 0;
  heardMs = 0;
  sentMs = 0;
  /** When the client last took something while more was waiting. */
  progressMs = 0;
  /** Bytes that it had not taken then. */
  pendingBytes = 0;
  /** In the list of sessions that have something to send. */
  dirty = false;
  /** A SESSION_LOGOUT command is owed: the ring was full. */
  logoutOwed = false;

  /**
   * @param capacity Messages stored for the client.
   * @throws {Error} If name or key of the definition is no number.
   */
  constructor(definition: SessionDefinition, capacity: number) {
    const { name } = definition;
    const number = /^[0-9]{1,10}$/.test(name) ? Number(name) : 0;
    if (number < 1 || number > 0xffffffff) {
      throw new Error(
        `Binary session "${name}": number must be 1 to 4294967295, decimal`,
      );
    }
    this.index = definition.index;
    this.number = number;
    this.allow(definition);
    this.#capacity = capacity;
  }

  /**
   * Who may log on from now on.
   *
   * @throws {Error} If the key is no number.
   */
  allow({ name, secret }: SessionDefinition): void {
    const key = /^[0-9]{1,20}$/.test(secret) ? BigInt(secret) : -1n;
    if (key < 0n || key > KEY_MAX) {
      throw new Error(
        `Binary session "${name}": key must be 0 to 2^64 - 1, decimal`,
      );
    }
    this.keyLow = Number(key & 0xffff_ffffn);
    this.keyHigh = Number(key >> 32n);
    this.removed = false;
  }

  /** The stored messages. */
  get ring(): OutboundRing {
    return this.#ring ??= new OutboundRing(this.#capacity);
  }

  /** True if this is the session's key; takes the same time whatever differs. */
  hasKey(low: number, high: number): boolean {
    return ((low ^ this.keyLow) | (high ^ this.keyHigh)) === 0;
  }

  /** Starts or ends what a client asked for at its logon. */
  wantTimes(wanted: boolean): void {
    this.times = wanted ? new AnswerTimes(this.#capacity) : null;
  }

  /** Number of our newest message; 0 = none yet. */
  get last(): number {
    return this.#ring === undefined ? 0 : this.#ring.last;
  }

  /** Lowest of our numbers that is stored; 0 = none. */
  get oldest(): number {
    return this.#ring === undefined ? 0 : this.#ring.oldest();
  }

  /** Everything there is has been sent. */
  get flushed(): boolean {
    return this.nextToSend > this.last && this.repeatFrom >= this.repeatTo;
  }

  /** True if the datagram came from where the session is bound. */
  isAt(listener: number, address: number, port: number): boolean {
    return this.link === Link.DATAGRAM && this.listener === listener &&
      this.address === address && this.port === port;
  }

  /** Starts to send from a number on, on a new link. */
  startSending(from: number, nowMs: number): void {
    assert(
      from >= 1 && from <= this.last + 1,
      `session ${this.number}: sending from ${from} of ${this.last}`,
    );
    this.nextToSend = from;
    this.repeatFrom = 0;
    this.repeatTo = 0;
    this.heardMs = nowMs;
    this.sentMs = nowMs;
    this.progressMs = nowMs;
    this.pendingBytes = 0;
  }
}
