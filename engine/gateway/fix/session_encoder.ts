// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Bodies of session messages, rejects among them, from their records.
 *
 * What lies where in a record is said in `Replies`, which filled it in. The
 * gateway's thread owns it; nothing allocates.
 *
 * @module
 */
import {
  CL_ORD_ID_BYTES,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REASON_U16,
  EVT_REFERENCE_F64,
  EVT_SEQUENCE_F64,
  EVT_TEXT_U8,
  TEXT_BYTES,
} from "../../record/mod.ts";
import { putUint } from "../../wire/fix/mod.ts";
import type { OutboundStore } from "../outbound_store.ts";
import {
  REF_TYPE_BYTES,
  TYPE_BUSINESS_REJECT,
  TYPE_HEARTBEAT,
  TYPE_LOGON,
  TYPE_LOGOUT,
  TYPE_RESEND_REQUEST,
  TYPE_TEST_REQUEST,
} from "./message_types.ts";
import {
  piece,
  putPiece,
  putTag1,
  putTag2,
  putTag3,
  putText,
  word,
} from "./pieces.ts";
import { NOTES, REJECT_TEXTS } from "./texts.ts";

const TAG_7 = word("|7=");
const TAG_45 = word("|45=");
const TAG_58 = word("|58=");
const TAG_112 = word("|112");
const TAG_371 = word("|371");
const TAG_372 = word("|372");
const TAG_373 = word("|373");
const TAG_379 = word("|379");
const TAG_380 = word("|380");
const LOGON = piece("|98=0|108=");
const RESET = piece("|141=Y");
const END_SEQ_NO = piece("|16=0");

/** Writes what comes after the header. One for each gateway. */
export class SessionEncoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes The transport's memory, and a view of it. */
  constructor(bytes: Uint8Array, view: DataView) {
    this.#bytes = bytes;
    this.#view = view;
  }

  /** The body of a message of `type` at `start`; returns its end. */
  put(
    store: OutboundStore,
    record: number,
    type: number,
    start: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const value = store.i32[(record >>> 2) + EVT_PRICE_I32]!;
    const text = record + EVT_TEXT_U8;
    let p = start;
    switch (type) {
      case TYPE_LOGON:
        p = putUint(b, putPiece(v, p, LOGON), value);
        return store.u16[(record >>> 1) + EVT_REASON_U16] === 1
          ? putPiece(v, p, RESET)
          : p;
      case TYPE_HEARTBEAT:
        if (store.u8[text] === 0) return p;
        p = putTag3(v, p, TAG_112);
        return putText(b, p, store.u8, text, TEXT_BYTES);
      case TYPE_TEST_REQUEST:
        p = putTag3(v, p, TAG_112);
        return putUint(b, p, store.f64[(record >>> 3) + EVT_SEQUENCE_F64]!);
      case TYPE_RESEND_REQUEST:
        p = putTag1(v, p, TAG_7);
        p = putUint(b, p, store.f64[(record >>> 3) + EVT_QUANTITY_F64]!);
        return putPiece(v, p, END_SEQ_NO);
      case TYPE_LOGOUT:
        if (store.u8[text] === 0) return p;
        p = putTag2(v, p, TAG_58);
        return putText(b, p, store.u8, text, TEXT_BYTES);
      default:
        return this.#reject(store, record, type, p);
    }
  }

  /** Reject and BusinessMessageReject: 45, 371, 372, 373 or 380, 379, 58. */
  #reject(
    store: OutboundStore,
    record: number,
    type: number,
    start: number,
  ): number {
    const b = this.#bytes;
    const v = this.#view;
    const u8 = store.u8;
    const text = record + EVT_TEXT_U8;
    const business = type === TYPE_BUSINESS_REJECT;
    const code = store.u16[(record >>> 1) + EVT_REASON_U16]!;
    const note = store.f64[(record >>> 3) + EVT_QUANTITY_F64]!;
    const tag = store.i32[(record >>> 2) + EVT_PRICE_I32]!;
    let p = putTag2(v, start, TAG_45);
    p = putUint(b, p, store.f64[(record >>> 3) + EVT_REFERENCE_F64]!);
    if (tag > 0) p = putUint(b, putTag3(v, p, TAG_371), tag);
    if (u8[text] !== 0) {
      p = putTag3(v, p, TAG_372);
      p = putText(b, p, u8, text, REF_TYPE_BYTES);
    }
    if (business && u8[text + REF_TYPE_BYTES] !== 0) {
      p = putTag3(v, p, TAG_379);
      p = putText(b, p, u8, text + REF_TYPE_BYTES, CL_ORD_ID_BYTES);
    }
    p = putUint(b, putTag3(v, p, business ? TAG_380 : TAG_373), code);
    const words = note > 0
      ? NOTES[note]!
      : business
      ? NOTES[0]!
      : REJECT_TEXTS[code]!;
    return words[0] === 0 ? p : putPiece(v, putTag2(v, p, TAG_58), words);
  }
}
