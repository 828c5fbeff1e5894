// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which command each of a session's newest answers came from, for sessions that
 * asked for stage times. The times themselves lie in the flight recorder; what
 * is gone there is not known any more. Owned by the gateway's thread; its
 * memory is taken when a client asks, and nothing allocates after that.
 *
 * @module
 */
import { EVT_IN_SEQUENCE_U32, EVT_SEQUENCE_F64 } from "../../record/mod.ts";
import type { SpscRing } from "../../ring/mod.ts";
import { NOT_TAKEN } from "../../ring/mod.ts";
import {
  SERVER_MESSAGE_BYTES,
  ServerType,
  TIMES_ANSWER,
  TIMES_CAUSE,
  TIMES_MATCHED,
  TIMES_RECEIVED,
  TIMES_SENT,
  TIMES_SEQUENCED,
} from "../../wire/binary/mod.ts";
import type { Stages } from "../protocol.ts";

const WORD = 4294967296;
const EVENT_F64 = 24;
const EVENT_U32 = 48;

/** Answers of one session by their numbers; see the module's text. */
export class AnswerTimes {
  readonly #mask: number;
  /** Sequence of the command that caused answer `n`. */
  readonly #sequences: Float64Array;
  /** Number of the client's message that did; 0 = another's. */
  readonly #messages: Uint32Array;
  /** Answer that the place belongs to: others have gone, or came before the logon. */
  readonly #answers: Uint32Array;

  /** @param capacity Answers; a power of two. */
  constructor(capacity: number) {
    this.#mask = capacity - 1;
    this.#sequences = new Float64Array(capacity);
    this.#messages = new Uint32Array(capacity);
    this.#answers = new Uint32Array(capacity);
  }

  /** Answer `number` is made of the event in a slot. */
  note(events: SpscRing, slot: number, number: number): void {
    const place = number & this.#mask;
    this.#answers[place] = number;
    this.#sequences[place] = events.f64[slot * EVENT_F64 + EVT_SEQUENCE_F64]!;
    this.#messages[place] = events.u32[slot * EVENT_U32 + EVT_IN_SEQUENCE_U32]!;
  }

  /**
   * Writes the stage times of an answer, without its checksum.
   *
   * @param number Of the answer.
   * @param answer Words of the answer as it is sent.
   * @param from Its first word there.
   * @param stages Its clock has just been read: that is when it is sent.
   * @param target Words that get the message, from `at` on.
   */
  write(
    number: number,
    answer: Uint32Array,
    from: number,
    stages: Stages,
    target: Uint32Array,
    at: number,
  ): void {
    for (let i = 0; i < SERVER_MESSAGE_BYTES / 4; i++) target[at + i] = 0;
    const lo = answer[from + TIMES_SEQUENCED / 4]!;
    const hi = answer[from + TIMES_SEQUENCED / 4 + 1]!;
    target[at] = ServerType.TIMES;
    target[at + TIMES_ANSWER / 4] = number;
    target[at + TIMES_SEQUENCED / 4] = lo;
    target[at + TIMES_SEQUENCED / 4 + 1] = hi;
    target[at + TIMES_SENT / 4] = stages.clock.words[0]!;
    target[at + TIMES_SENT / 4 + 1] = stages.clock.words[1]!;
    const place = number & this.#mask;
    if (this.#answers[place] !== number) return;
    const message = this.#messages[place]!;
    target[at + TIMES_CAUSE / 4] = message;
    const { ring } = stages;
    const slot = ring.find(this.#sequences[place]!);
    if (slot < 0) return;
    const matched = ring.matchedAfter(slot);
    if (matched !== NOT_TAKEN) {
      writeTime(target, at + TIMES_MATCHED / 4, lo, hi, matched);
    }
    // When another's message came is not this client's business.
    const received = ring.receivedBefore(slot);
    if (message !== 0 && received !== NOT_TAKEN) {
      writeTime(target, at + TIMES_RECEIVED / 4, lo, hi, -received);
    }
  }
}

/** Writes a time that lies `afterNs` behind another one. */
function writeTime(
  target: Uint32Array,
  at: number,
  lo: number,
  hi: number,
  afterNs: number,
): void {
  const low = lo + afterNs;
  const carry = Math.floor(low / WORD);
  target[at] = low - carry * WORD;
  target[at + 1] = hi + carry;
}
