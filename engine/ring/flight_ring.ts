// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The flight recorder's ring: the stage times of the newest commands, in the
 * shared region.
 *
 * ```
 *   gateway ─ received ─▶ exchange ─ sequenced, matched ─▶ journal ─ durable ─▶ gateway ─ sent
 *   (receiveTimes())           └────────── one slot a command, by its sequence ──────────┘
 * ```
 *
 * Command `n` has slot `n mod slots`; its number in the slot says whether it is
 * still there. Times are kept as distances from the sequenced time: a float64
 * is written in one piece, so that a reader never sees half of one. Each word
 * of a slot has one writer at a time. Nothing here allocates but what a reader
 * calls; times are handed over in the words of a clock, because a number above
 * 2^31 that is handed on can cost an object. None of it is part of the journal:
 * a replay has no use for it and makes none of it.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { GATEWAYS_MAX } from "./control.ts";

/** Bytes of a slot: one cache line. */
export const FLIGHT_SLOT_BYTES = 64;
/** A time that was not taken. */
export const NOT_TAKEN = -1;
/** Bytes before the first slot: a line for each gateway. */
const HEADER_BYTES = GATEWAYS_MAX * 64;

// Members of this are in the machine code; `tests/constants_test.ts` compares
// those of records with where they come from.
const enum Fixed {
  WORD = 4294967296,
  SLOT_F64 = 8,
  SLOT_U32 = 16,
  COMMAND_SLOT_BYTES = 192,
  CMD_KIND_U8 = 6,
  CMD_SEQUENCE_F64 = 1,
  CMD_TIME_LO_U32 = 4,
  CMD_TIME_HI_U32 = 5,
  CMD_SESSION_U32 = 6,
  CMD_IN_SEQUENCE_U32 = 7,
  EVENT_SLOT_BYTES = 192,
  EVT_SEQUENCE_F64 = 1,
}

// Float64 elements of a slot.
const enum F64 {
  SEQUENCE = 0,
  /** Nanoseconds from the receipt to the sequencer's stamp. */
  RECEIVED_BEFORE = 2,
  MATCHED_AFTER = 3,
  DURABLE_AFTER = 4,
  SENT_AFTER = 5,
}

// Uint32 elements of a slot.
const enum U32 {
  TIME_LO = 2,
  TIME_HI = 3,
  SESSION = 12,
  IN_SEQUENCE = 13,
  KIND = 14,
  BATCH = 15,
}

// A gateway's line: int32 elements, then float64 ones.
const LINE_I32 = 16;
const LINE_F64 = 8;
/** Messages that took too long, since the start. */
const ALARMS = 0;
/** How many of them the reader has looked at. */
const ALARMS_SEEN = 1;
const ALARM_SEQUENCE = 1;
const ALARM_NS = 2;

/** Bytes of the ring with its header. */
export function flightBytes(slots: number): number {
  return HEADER_BYTES + slots * FLIGHT_SLOT_BYTES;
}

/** Bytes of the receive times of a command ring. */
export function receiveTimesBytes(slots: number): number {
  return slots * 8;
}

/**
 * When the bytes of each command of a ring were received: low and high word of
 * slot `i` at `2 i`, both 0 = not known. The gateway writes them before it
 * publishes the slot, the exchange reads them before it releases it.
 *
 * @param byteOffset Where they start; a multiple of 8.
 * @param slots Of the command ring.
 */
export function receiveTimes(
  memory: ArrayBufferLike,
  byteOffset: number,
  slots: number,
): Uint32Array {
  return new Uint32Array(memory, byteOffset, slots * 2);
}

/** What is known of one command. Distances in nanoseconds; `NOT_TAKEN` where there is none. */
export interface FlightEntry {
  readonly sequence: number;
  /** Sequenced time, nanoseconds since 1970 = hi x 2^32 + lo. */
  readonly timeLo: number;
  readonly timeHi: number;
  /** From the receipt to the sequenced time. */
  readonly receivedBeforeNs: number;
  /** From the sequenced time on. */
  readonly matchedAfterNs: number;
  /** When this machine had it on its disk; only the last command that was reported at a time has it. */
  readonly durableAfterNs: number;
  /** When the newest answer was handed to the transport. */
  readonly sentAfterNs: number;
  /** Index of the session; 0 is the appliance itself. */
  readonly session: number;
  readonly inSequence: number;
  /** `CommandKind`. */
  readonly kind: number;
  /** Commands that were sequenced with the same stamp. */
  readonly batch: number;
}

/** A message that took longer than the threshold. */
export interface FlightAlarm {
  readonly gateway: number;
  readonly sequence: number;
  /** From the receipt to the answer; from the sequenced time where the receipt is not known. */
  readonly elapsedNs: number;
  /** How many there were since the last look, this one included. */
  readonly count: number;
}

/** Views of a ring of records. */
interface Views {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

/** The ring; one object for each thread that writes or reads it. */
export class FlightRing {
  readonly slots: number;
  readonly #mask: number;
  readonly #f64: Float64Array;
  readonly #u32: Uint32Array;
  readonly #lines: Int32Array;
  readonly #linesF64: Float64Array;

  /**
   * @param memory The memory that all sides see, zeroed before first use.
   * @param byteOffset Where it starts; a multiple of 64.
   * @param slots Number of slots; a power of two.
   */
  constructor(memory: ArrayBufferLike, byteOffset: number, slots: number) {
    assert(
      slots >= 2 && (slots & (slots - 1)) === 0 && byteOffset % 64 === 0,
      `flight ring of ${slots} slots at ${byteOffset}: a power of two at a multiple of 64`,
    );
    const start = byteOffset + HEADER_BYTES;
    this.slots = slots;
    this.#mask = slots - 1;
    this.#f64 = new Float64Array(memory, start, slots * Fixed.SLOT_F64);
    this.#u32 = new Uint32Array(memory, start, slots * Fixed.SLOT_U32);
    this.#lines = new Int32Array(memory, byteOffset, HEADER_BYTES >>> 2);
    this.#linesF64 = new Float64Array(memory, byteOffset, HEADER_BYTES >>> 3);
  }

  /**
   * Exchange: a command got its number and stamp.
   *
   * @param commands Where it lies, at slot `from`.
   * @param received Receive time at `2 x receivedAt`; both words 0 = not known.
   * @param batch Commands with this stamp.
   * @returns Its slot here.
   */
  sequenced(
    commands: Views,
    from: number,
    received: Uint32Array,
    receivedAt: number,
    batch: number,
  ): number {
    const { u32, f64 } = commands;
    const byte = from * Fixed.COMMAND_SLOT_BYTES;
    const word = byte >>> 2;
    const sequence = f64[(byte >>> 3) + Fixed.CMD_SEQUENCE_F64]!;
    const lo = u32[word + Fixed.CMD_TIME_LO_U32]!;
    const hi = u32[word + Fixed.CMD_TIME_HI_U32]!;
    const receivedLo = received[receivedAt * 2]!;
    const receivedHi = received[receivedAt * 2 + 1]!;
    const slot = sequence & this.#mask;
    const at = slot * Fixed.SLOT_F64;
    const atWord = slot * Fixed.SLOT_U32;
    const own = this.#f64;
    const ownU32 = this.#u32;
    // Not there while it is written.
    own[at + F64.SEQUENCE] = 0;
    ownU32[atWord + U32.TIME_LO] = lo;
    ownU32[atWord + U32.TIME_HI] = hi;
    own[at + F64.RECEIVED_BEFORE] = (receivedLo | receivedHi) === 0
      ? NOT_TAKEN
      : (hi - receivedHi) * Fixed.WORD + (lo - receivedLo);
    own[at + F64.MATCHED_AFTER] = NOT_TAKEN;
    own[at + F64.DURABLE_AFTER] = NOT_TAKEN;
    own[at + F64.SENT_AFTER] = NOT_TAKEN;
    ownU32[atWord + U32.SESSION] = u32[word + Fixed.CMD_SESSION_U32]!;
    ownU32[atWord + U32.IN_SEQUENCE] = u32[word + Fixed.CMD_IN_SEQUENCE_U32]!;
    ownU32[atWord + U32.KIND] = commands.u8[byte + Fixed.CMD_KIND_U8]!;
    ownU32[atWord + U32.BATCH] = batch;
    own[at + F64.SEQUENCE] = sequence;
    return slot;
  }

  /**
   * Exchange: commands that have one stamp are matched.
   *
   * @param last Slot of the last one.
   * @param time Words of the clock.
   */
  matched(last: number, count: number, time: Uint32Array): void {
    const after = this.#since(last, time);
    for (let i = 0; i < count; i++) {
      const slot = (last - i) & this.#mask;
      this.#f64[slot * Fixed.SLOT_F64 + F64.MATCHED_AFTER] = after;
    }
  }

  /**
   * Journal: everything up to a command is durable.
   *
   * @param low The low 32 bits of its sequence, as int32.
   */
  durable(low: number, time: Uint32Array): void {
    const slot = low & this.#mask;
    const at = slot * Fixed.SLOT_F64;
    if ((this.#f64[at + F64.SEQUENCE]! | 0) !== low) return;
    this.#f64[at + F64.DURABLE_AFTER] = this.#since(slot, time);
  }

  /** The slot of the command that caused the event in slot `from`, or -1 if it is not there. */
  causeOf(events: Views, from: number): number {
    const at = from * (Fixed.EVENT_SLOT_BYTES / 8) + Fixed.EVT_SEQUENCE_F64;
    return this.find(events.f64[at]!);
  }

  /** The slot of a command, or -1 if it is not there any more or never was. */
  find(sequence: number): number {
    const slot = sequence & this.#mask;
    return this.#f64[slot * Fixed.SLOT_F64 + F64.SEQUENCE] === sequence
      ? slot
      : -1;
  }

  /**
   * Gateway: the answer to a slot's command is handed to the transport. Tells
   * the reader if that took longer than the threshold.
   *
   * @param thresholdNs 0 = any time is all right.
   */
  sent(
    slot: number,
    time: Uint32Array,
    gateway: number,
    thresholdNs: number,
  ): void {
    const at = slot * Fixed.SLOT_F64;
    const after = this.#since(slot, time);
    this.#f64[at + F64.SENT_AFTER] = after;
    const before = this.#f64[at + F64.RECEIVED_BEFORE]!;
    const elapsed = before > 0 ? before + after : after;
    if (elapsed > thresholdNs && thresholdNs > 0) {
      this.#alarm(gateway, slot, elapsed);
    }
  }

  /** Nanoseconds from the receipt to the sequenced time, or `NOT_TAKEN`. */
  receivedBefore(slot: number): number {
    return this.#f64[slot * Fixed.SLOT_F64 + F64.RECEIVED_BEFORE]!;
  }

  /** Nanoseconds from the sequenced time to the end of matching, or `NOT_TAKEN`. */
  matchedAfter(slot: number): number {
    return this.#f64[slot * Fixed.SLOT_F64 + F64.MATCHED_AFTER]!;
  }

  /** Nanoseconds from the sequenced time of a slot's command. */
  #since(slot: number, time: Uint32Array): number {
    const at = slot * Fixed.SLOT_U32;
    return (time[1]! - this.#u32[at + U32.TIME_HI]!) * Fixed.WORD +
      (time[0]! - this.#u32[at + U32.TIME_LO]!);
  }

  /** Keeps the first until somebody looked. */
  #alarm(gateway: number, slot: number, elapsedNs: number): void {
    const line = gateway * LINE_I32;
    const lines = this.#lines;
    const count = lines[line + ALARMS]!;
    if (count === Atomics.load(lines, line + ALARMS_SEEN)) {
      const at = gateway * LINE_F64;
      const sequence = this.#f64[slot * Fixed.SLOT_F64 + F64.SEQUENCE]!;
      this.#linesF64[at + ALARM_SEQUENCE] = sequence;
      this.#linesF64[at + ALARM_NS] = elapsedNs;
    }
    Atomics.store(lines, line + ALARMS, (count + 1) | 0);
  }

  /** Reader: the first message that took too long since the last call, of the first gateway that has one. */
  takeAlarm(): FlightAlarm | undefined {
    for (let gateway = 0; gateway < GATEWAYS_MAX; gateway++) {
      const line = gateway * LINE_I32;
      const alarms = Atomics.load(this.#lines, line + ALARMS);
      const count = (alarms - this.#lines[line + ALARMS_SEEN]!) | 0;
      if (count === 0) continue;
      const at = gateway * LINE_F64;
      const sequence = this.#linesF64[at + ALARM_SEQUENCE]!;
      const elapsedNs = this.#linesF64[at + ALARM_NS]!;
      Atomics.store(this.#lines, line + ALARMS_SEEN, alarms);
      return { gateway, sequence, elapsedNs, count };
    }
    return undefined;
  }

  /** Reader: what is known of a command; undefined if it is not there, or is just being overwritten. */
  read(sequence: number): FlightEntry | undefined {
    const slot = this.find(sequence);
    if (slot < 0) return undefined;
    const at = slot * Fixed.SLOT_F64;
    const word = slot * Fixed.SLOT_U32;
    const f64 = this.#f64;
    const u32 = this.#u32;
    const entry = {
      sequence,
      timeLo: u32[word + U32.TIME_LO]!,
      timeHi: u32[word + U32.TIME_HI]!,
      receivedBeforeNs: f64[at + F64.RECEIVED_BEFORE]!,
      matchedAfterNs: f64[at + F64.MATCHED_AFTER]!,
      durableAfterNs: f64[at + F64.DURABLE_AFTER]!,
      sentAfterNs: f64[at + F64.SENT_AFTER]!,
      session: u32[word + U32.SESSION]!,
      inSequence: u32[word + U32.IN_SEQUENCE]!,
      kind: u32[word + U32.KIND]!,
      batch: u32[word + U32.BATCH]!,
    };
    return this.find(sequence) === slot ? entry : undefined;
  }
}
