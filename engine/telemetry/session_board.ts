// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where each session stands, for people: link, sequence numbers, when it was
 * last heard of. One cache line of shared memory for each session.
 *
 * ```
 *   gateway's thread ─show(), some times a second─▶ [ session 0 | 1 | ... ] ◀─read()─ any thread
 * ```
 *
 * The gateway that serves a session is the only writer of its line. Each
 * number is one aligned store, so a reader sees whole values; two numbers of a
 * line may be of two moments. Showing does not allocate.
 *
 * @module
 */

const LINE_F64 = 8;
/** Bytes of a session's line. */
export const SESSION_LINE_BYTES = LINE_F64 * 8;

/** How a session's client is connected. */
export const SessionLink = { NONE: 0, TCP: 1, UDP: 2 } as const;
const LINK_NAMES = ["none", "tcp", "udp"] as const;

const LINK = 0;
const IN_SEQUENCE = 1;
const OUT_SEQUENCE = 2;
const HEARD_MS = 3;

/** What a reader sees of a session. */
export interface SessionStanding {
  readonly link: typeof LINK_NAMES[number];
  /** Number of the newest message of the client's that was taken; 0 = none. */
  readonly inSequence: number;
  /** Number of our newest message; 0 = none. */
  readonly outSequence: number;
  /** When a message of the client's was last taken, milliseconds since 1970; 0 = not in this run. */
  readonly heardMs: number;
}

/** Both ends of the board. */
export class SessionBoard {
  readonly #slots: Float64Array;

  /**
   * @param memory Zeroed memory that all threads see.
   * @param byteOffset Where it starts; a multiple of 64.
   * @param sessions Sessions that have a line.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number, sessions: number) {
    this.#slots = new Float64Array(memory, byteOffset, sessions * LINE_F64);
  }

  /** Bytes that so many sessions need. */
  static bytes(sessions: number): number {
    return sessions * SESSION_LINE_BYTES;
  }

  /** Writer. @param heardMs 0 = leave it as it is. */
  show(
    session: number,
    link: number,
    inSequence: number,
    outSequence: number,
    heardMs: number,
  ): void {
    const at = session * LINE_F64;
    if (at >= this.#slots.length) return;
    this.#slots[at + LINK] = link;
    this.#slots[at + IN_SEQUENCE] = inSequence;
    this.#slots[at + OUT_SEQUENCE] = outSequence;
    if (heardMs !== 0) this.#slots[at + HEARD_MS] = heardMs;
  }

  /** Reader; allocates. */
  read(session: number): SessionStanding {
    const at = session * LINE_F64;
    const slots = this.#slots;
    return {
      link: LINK_NAMES[slots[at + LINK] ?? 0] ?? "none",
      inSequence: slots[at + IN_SEQUENCE] ?? 0,
      outSequence: slots[at + OUT_SEQUENCE] ?? 0,
      heardMs: slots[at + HEARD_MS] ?? 0,
    };
  }
}
