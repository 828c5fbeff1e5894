// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every message that was said to a session, made again from its events by the
 * gateways' own encoders.
 *
 * ```
 *   event ─▶ OutboundStore ─▶ FixEncoder     8=FIX.4.4|9=...      first sending
 *        └─▶ encodeEvent ─▶ checksum         64 bytes             of a packet
 * ```
 *
 * A FIX message is made as it was sent for the first time: SendingTime is the
 * event's time. One that was sent again had 43=Y, the time of that in 52 and
 * the first time in 122, which no journal has; nor has it when a gap fill went
 * out, or which answers shared a packet of the binary protocol, or that
 * protocol's messages without a number (logon, heartbeat, refused packets).
 * One thread; allocates for each message.
 *
 * @module
 */
import { addressOf, crc32cSealBatch } from "../../ffi/mod.ts";
import { FIRST_TIME, FixEncoder } from "../gateway/fix/encoder.ts";
import { Instruments } from "../gateway/fix/instruments.ts";
import { Names as TextNames } from "../gateway/fix/names.ts";
import { FixSession } from "../gateway/fix/session.ts";
import type { InstrumentDefinition } from "../gateway/mod.ts";
import { OutboundStore } from "../gateway/outbound_store.ts";
import {
  EventKind,
  EVT_DETAIL_U8,
  EVT_INDEX_U32,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_OUT_SEQUENCE_U32,
  EVT_SEQUENCE_F64,
  EVT_SESSION_U32,
  EVT_TIME_HI_U32,
  EVT_TIME_LO_U32,
  Protocol,
} from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";
import {
  encodeEvent,
  SERVER_CHECKSUM,
  SERVER_MESSAGE_BYTES,
} from "../wire/binary/mod.ts";
import type { NamedSession, Names } from "./names.ts";
import { nanoseconds } from "./units.ts";

/** A message as it was sent. */
export interface Message {
  /** Its number: MsgSeqNum, or that of the binary protocol. */
  readonly number: number;
  /** How often the session's numbers had begun again. */
  readonly run: number;
  /** Of the command that caused it, and its place among that one's events. */
  readonly sequence: number;
  readonly index: number;
  readonly timeNs: bigint;
  readonly session: NamedSession;
  readonly bytes: Uint8Array;
}

const MESSAGE_BYTES = 4096;
const RECORDS = 64;

/** Makes messages of one or all sessions. */
export class MessageMaker {
  readonly #names: Names;
  readonly #targetCompId: string;
  readonly #wanted: (session: NamedSession) => boolean;
  readonly #bytes = new Uint8Array(MESSAGE_BYTES);
  readonly #instruments: InstrumentDefinition[] = [];
  readonly #accounts = new TextNames();
  #accountsKnown = 0;
  readonly #encoder: FixEncoder;
  readonly #fix = new Map<number, FixSession>();
  readonly #runs = new Map<number, number>();
  readonly #words = new Uint32Array(SERVER_MESSAGE_BYTES / 4);
  readonly #address: number;

  /**
   * @param names Know every instrument, session and account of the events.
   * @param targetCompId Ours, as configured.
   * @param wanted Whose messages are made.
   */
  constructor(
    names: Names,
    targetCompId: string,
    wanted: (session: NamedSession) => boolean,
  ) {
    this.#names = names;
    this.#wanted = wanted;
    this.#targetCompId = targetCompId;
    this.#address = addressOf(this.#words);
    this.#encoder = new FixEncoder(
      this.#bytes,
      new Instruments(this.#instruments),
      this.#accounts,
    );
  }

  /** The message of the event at `slot`; undefined if it makes none. */
  make(ring: SpscRing, slot: number): Message | undefined {
    const { u8, u32, f64 } = ring;
    const at = slot * ring.slotBytes;
    const index = u32[(at >>> 2) + EVT_SESSION_U32]!;
    const session = this.#names.sessions.get(index);
    if (index === 0 || session === undefined) return undefined;
    if (!this.#wanted(session)) return undefined;
    if (u8[at + EVT_KIND_U8] === EventKind.LOGGED_ON) {
      if (u8[at + EVT_DETAIL_U8] === 1) this.#restart(session);
      return undefined;
    }
    this.#learn();
    const bytes = session.protocol === Protocol.FIX
      ? this.#fixMessage(session, ring, slot)
      : this.#binaryMessage(ring, slot);
    return {
      number: u32[(at >>> 2) + EVT_OUT_SEQUENCE_U32]!,
      run: this.#runs.get(index) ?? 0,
      sequence: f64[(at >>> 3) + EVT_SEQUENCE_F64]!,
      index: u32[(at >>> 2) + EVT_INDEX_U32]!,
      timeNs: nanoseconds(
        u32[(at >>> 2) + EVT_TIME_LO_U32]!,
        u32[(at >>> 2) + EVT_TIME_HI_U32]!,
      ),
      session,
      bytes,
    };
  }

  /** Closes the sessions' stores. */
  dispose(): void {
    for (const session of this.#fix.values()) session.store.dispose();
  }

  #restart(session: NamedSession): void {
    const { index } = session;
    this.#runs.set(index, (this.#runs.get(index) ?? 0) + 1);
    this.#fix.delete(index);
  }

  /** Hands on what the names have learned since. */
  #learn(): void {
    const { instruments, accounts } = this.#names;
    if (this.#instruments.length !== instruments.size) {
      for (const [index, known] of instruments) {
        this.#instruments[index] = { index, ...known };
      }
    }
    if (this.#accountsKnown === accounts.size) return;
    this.#accountsKnown = accounts.size;
    for (const [index, name] of accounts) this.#accounts.set(index, name);
  }

  #fixMessage(
    session: NamedSession,
    ring: SpscRing,
    slot: number,
  ): Uint8Array {
    let fix = this.#fix.get(session.index);
    if (fix === undefined) {
      const store = new OutboundStore({ recordCount: RECORDS });
      const definition = { ...session, username: "", secret: "" };
      fix = new FixSession(definition, this.#targetCompId, store);
      this.#fix.set(session.index, fix);
    }
    const { store } = fix;
    store.append(ring, slot);
    const record = store.locate(store.last);
    const length = this.#encoder.encode(fix, store, record, 0, FIRST_TIME);
    return this.#bytes.slice(0, length);
  }

  #binaryMessage(ring: SpscRing, slot: number): Uint8Array {
    const at = slot * ring.slotBytes;
    const instrument = this.#names.instruments.get(
      ring.u16[(at >>> 1) + EVT_INSTRUMENT_U16]!,
    );
    this.#words.fill(0);
    encodeEvent(
      ring,
      slot,
      instrument?.tickSizeE8 ?? 0,
      instrument?.lotSizeE8 ?? 0,
      this.#words,
      0,
    );
    crc32cSealBatch(
      this.#address,
      SERVER_MESSAGE_BYTES,
      1,
      0,
      SERVER_CHECKSUM,
      SERVER_CHECKSUM,
    );
    return new Uint8Array(this.#words.buffer.slice(0));
  }
}
