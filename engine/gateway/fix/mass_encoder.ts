// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Bodies of OrderMassCancelReports: what a mass cancel or the kill switch did,
 * or why it did nothing.
 *
 * The gateway's thread owns it; nothing allocates.
 *
 * @module
 */
import {
  CL_ORD_ID_BYTES,
  EventKind,
  EVT_CL_ORD_ID_U8,
  EVT_FLAG_TEXT,
  EVT_FLAGS_U8,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REASON_U16,
  EVT_SEQUENCE_F64,
  EVT_SIDE_U8,
  EVT_TIME_HI_U32,
  EVT_TIME_LO_U32,
  Reason,
} from "../../record/mod.ts";
import { putUint, type TimestampWriter } from "../../wire/fix/mod.ts";
import type { OutboundStore } from "../outbound_store.ts";
import { type Instruments, UNKNOWN_INSTRUMENT_INDEX } from "./instruments.ts";
import { KILL_NONE, MASS_ALL, MASS_SECURITY } from "./message_types.ts";
import {
  piece,
  putPiece,
  putTag2,
  putTag3,
  putText,
  SIDE_CHARACTERS,
  word,
} from "./pieces.ts";
import { MASS_CANCEL_REJECT_REASON, REASON_TEXTS } from "./texts.ts";

const TAG_11 = word("|11=");
const TAG_37 = word("|37=");
const TAG_54 = word("|54=");
const TAG_58 = word("|58=");
const TAG_60 = word("|60=");
const TAG_530 = word("|530");
const TAG_531 = word("|531");
const TAG_532 = word("|532");
const TAG_533 = word("|533");
const SYMBOL = piece("|55=");
const KILL_SWITCH = piece("|20005=");

/** MassCancelResponse (531). */
const REFUSED = 0x30;
const YES = 0x59;
const NO = 0x4e;

/** Writes what comes after the header. One for each gateway. */
export class MassEncoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #instruments: Instruments;
  readonly #time: TimestampWriter;

  /**
   * @param bytes The transport's memory, and a view of it.
   * @param time Writes the times of events.
   */
  constructor(
    bytes: Uint8Array,
    view: DataView,
    instruments: Instruments,
    time: TimestampWriter,
  ) {
    this.#bytes = bytes;
    this.#view = view;
    this.#instruments = instruments;
    this.#time = time;
  }

  /** What the exchange did, or would not do; returns the end. */
  report(store: OutboundStore, record: number, start: number): number {
    const kind = store.u8[record + EVT_KIND_U8]!;
    const half = record >>> 1;
    const refused = store.u16[half + EVT_REASON_U16] !== Reason.NONE;
    let type = MASS_ALL;
    let kill = KILL_NONE;
    if (kind === EventKind.KILLED) kill = 1;
    else if (kind === EventKind.UNLOCKED) kill = 0;
    else if (
      store.u16[half + EVT_INSTRUMENT_U16] !== UNKNOWN_INSTRUMENT_INDEX
    ) type = MASS_SECURITY;
    const p = this.#put(store, record, start, type, kill, refused);
    return refused ? p : putUint(
      this.#bytes,
      putTag3(this.#view, p, TAG_533),
      store.f64[(record >>> 3) + EVT_QUANTITY_F64]!,
    );
  }

  /** What the gateway refused, as `Replies.massRefused()` says; returns the end. */
  refusal(store: OutboundStore, record: number, start: number): number {
    return this.#put(
      store,
      record,
      start,
      store.i32[(record >>> 2) + EVT_PRICE_I32]!,
      store.f64[(record >>> 3) + EVT_QUANTITY_F64]!,
      true,
    );
  }

  /** 37, 11, 530, 531, 55, 54, 60, 20005, 532, 58. */
  #put(
    store: OutboundStore,
    record: number,
    start: number,
    type: number,
    kill: number,
    refused: boolean,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const { u8, u16, f64 } = store;
    const reason = u16[(record >>> 1) + EVT_REASON_U16]!;
    let p = putTag2(v, start, TAG_37);
    p = putUint(b, p, f64[(record >>> 3) + EVT_SEQUENCE_F64]!);
    if ((u8[record + EVT_FLAGS_U8]! & EVT_FLAG_TEXT) !== 0) {
      p = putTag2(v, p, TAG_11);
      p = putText(b, p, u8, record + EVT_CL_ORD_ID_U8, CL_ORD_ID_BYTES);
    }
    p = putTag3(v, p, TAG_530);
    b[p++] = type;
    p = putTag3(v, p, TAG_531);
    b[p++] = refused ? REFUSED : type;
    const instrument = u16[(record >>> 1) + EVT_INSTRUMENT_U16]!;
    if (type === MASS_SECURITY && this.#instruments.has(instrument)) {
      p = putPiece(v, p, SYMBOL);
      p = putPiece(v, p, this.#instruments.symbolWords[instrument]!);
    }
    if (u8[record + EVT_SIDE_U8] !== 0) {
      p = putTag2(v, p, TAG_54);
      b[p++] = SIDE_CHARACTERS[u8[record + EVT_SIDE_U8]!]!;
    }
    p = putTag2(v, p, TAG_60);
    p = this.#time.putNanoseconds(
      v,
      p,
      store.i32[(record >>> 2) + EVT_TIME_LO_U32]!,
      store.i32[(record >>> 2) + EVT_TIME_HI_U32]!,
    );
    if (kill >= 0) {
      p = putPiece(v, p, KILL_SWITCH);
      b[p++] = kill === 1 ? YES : NO;
    }
    if (!refused) return p;
    const code = MASS_CANCEL_REJECT_REASON[reason]!;
    p = putUint(b, putTag3(v, p, TAG_532), code);
    return putPiece(v, putTag2(v, p, TAG_58), REASON_TEXTS[reason]!);
  }
}
